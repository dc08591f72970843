//! MetalLB: addresses from pools, at once.
//!
//! `controller/service.go` and `internal/allocator` of MetalLB 0.15: the address asked for, the pool asked for, or the
//! next free address of a pool that gives them by itself; one address for several Services that agree on a key and have
//! no port in common; another address when the one a Service has is no longer allowed.
//!
//! **Left out**: pools chosen by namespace, label or priority (pools are asked in the order of their names); which node
//! announces an address.

use super::super::{Look, Outcome, target};
use super::{annotation, balanced, is_elsewhere, note, status};
use crate::api::{IpAddressPool, LoadBalancerIngress, ObjectRef, Service};
use crate::ip::{Cidr, Family, IpAddr, cidr_family, family, parse_cidr_sloppy, parse_sloppy};
use crate::sorted::sort;
use crate::store::{NoteKind, Part, Write, key};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

/// How many addresses of a range are tried before it counts as full.
const MAX_TRIES: u128 = 1 << 16;

const COMPONENT: &str = "metallb-controller";
const IPS: [&str; 2] = [
    "metallb.io/loadBalancerIPs",
    "metallb.universe.tf/loadBalancerIPs",
];
const POOL: [&str; 2] = [
    "metallb.io/address-pool",
    "metallb.universe.tf/address-pool",
];
const SHARING: [&str; 2] = [
    "metallb.io/allow-shared-ip",
    "metallb.universe.tf/allow-shared-ip",
];
/// Where it writes down which pool an address is of.
const FROM_POOL: &str = "metallb.io/ip-allocated-from-pool";

/// Gives a Service its address, or takes another one where it must.
pub(super) fn assign(look: &Look<'_>, about: &ObjectRef, service: &Arc<Service>) -> Outcome {
    let holder = Holder::new(look, service);
    let told = service.status.load_balancer.ingress.iter();
    let current: Vec<IpAddr> = told
        .filter_map(|it| parse_sloppy(it.ip.as_deref()?))
        .collect();
    let mut writes = Vec::new();
    if !current.is_empty() {
        match holder.may_keep(&current) {
            Ok(true) => return Outcome::nothing(),
            Ok(false) => {}
            Err(why) => writes.push(note(
                about,
                NoteKind::Normal,
                "ClearAssignment",
                format!(
                    "current IP for \"{about_key}\" not allowed by config, will attempt for new IP assignment: {why}",
                    about_key = holder.name()
                ),
                COMPONENT,
            )),
        }
    }
    match holder.allocate() {
        Ok((ips, pool)) => writes.extend(given(about, &ips, &pool)),
        Err(why) => {
            if !current.is_empty() {
                writes.extend([status(about, &[]), from_pool(about, &Value::Null)]);
            }
            let message = format!("Failed to allocate IP for \"{}\": {why}", holder.name());
            writes.push(note(
                about,
                NoteKind::Warning,
                "AllocationFailed",
                message,
                COMPONENT,
            ));
        }
    }
    Outcome::writes(writes)
}

/// Writes down what a Service was given.
fn given(about: &ObjectRef, ips: &[IpAddr], pool: &str) -> [Write; 3] {
    let ingress: Vec<LoadBalancerIngress> = ips
        .iter()
        .map(|ip| LoadBalancerIngress {
            ip: Some(ip.to_string()),
            ip_mode: Some("VIP".into()),
            ..LoadBalancerIngress::default()
        })
        .collect();
    let message = format!("Assigned IP {}", quoted(ips));
    [
        status(about, &ingress),
        from_pool(about, &json!(pool)),
        note(about, NoteKind::Normal, "IPAllocated", message, COMPONENT),
    ]
}

/// Takes the address back from a Service that is no longer balanced.
pub(super) fn release(about: &ObjectRef, service: &Service) -> Outcome {
    let mut writes = Vec::new();
    if is_elsewhere(service) || service.metadata.deletion_timestamp.is_some() {
        return Outcome::nothing();
    }
    if !service.status.load_balancer.ingress.is_empty() {
        writes.push(status(about, &[]));
    }
    if service.metadata.annotations.contains_key(FROM_POOL) {
        writes.push(from_pool(about, &Value::Null));
    }
    Outcome::writes(writes)
}

fn from_pool(about: &ObjectRef, pool: &Value) -> Write {
    Write::Patch {
        object: about.clone(),
        part: Part::Main,
        patch: json!({"metadata": {"annotations": {FROM_POOL: pool}}}),
    }
}

/// As Go prints a list of addresses with `%q`.
fn quoted(ips: &[IpAddr]) -> String {
    let each: Vec<String> = ips.iter().map(|it| format!("\"{it}\"")).collect();
    format!("[{}]", each.join(" "))
}

/// A Service that asks for an address, and those that have one.
struct Holder<'a> {
    look: &'a Look<'a>,
    service: &'a Arc<Service>,
    /// Who else is on an address.
    others: BTreeMap<IpAddr, Vec<&'a Arc<Service>>>,
}

impl<'a> Holder<'a> {
    fn new(look: &'a Look<'a>, service: &'a Arc<Service>) -> Self {
        let mut others: BTreeMap<IpAddr, Vec<&Arc<Service>>> = BTreeMap::new();
        for other in balanced(look.objects) {
            if Arc::ptr_eq(other, service) {
                continue;
            }
            let told = other.status.load_balancer.ingress.iter();
            for ip in told.filter_map(|it| parse_sloppy(it.ip.as_deref()?)) {
                others.entry(ip).or_default().push(other);
            }
        }
        Holder {
            look,
            service,
            others,
        }
    }

    /// As MetalLB's messages name it.
    fn name(&self) -> String {
        name_of(self.service)
    }

    fn pools(&self) -> impl Iterator<Item = &'a Arc<IpAddressPool>> {
        self.look.objects.ip_address_pools.values()
    }

    fn pool_of(&self, ip: IpAddr) -> Option<&'a Arc<IpAddressPool>> {
        self.pools().find(|it| holds(it, ip))
    }

    fn asked_pool(&self) -> Option<&'a str> {
        annotation(self.service, &POOL).filter(|it| !it.is_empty())
    }

    /// Whether the addresses it has are still those it should have; an error when they are no longer allowed.
    fn may_keep(&self, current: &[IpAddr]) -> Result<bool, String> {
        let pool = self.claim(current)?;
        let asked = self.asked_addresses().unwrap_or_default();
        let is_asked = asked.is_empty() || {
            let sorted = |it: &[IpAddr]| {
                let mut all = it.to_vec();
                sort(&mut all);
                all
            };
            sorted(&asked) == sorted(current)
        };
        Ok(is_asked && self.asked_pool().is_none_or(|it| it == pool))
    }

    /// The addresses it asks for.
    fn asked_addresses(&self) -> Result<Vec<IpAddr>, String> {
        let told = annotation(self.service, &IPS).filter(|it| !it.is_empty());
        let field = self.service.spec.load_balancer_ip.as_deref();
        match (told, field.filter(|it| !it.is_empty())) {
            (None, None) => Ok(Vec::new()),
            (Some(_), Some(_)) => Err(format!(
                "service can not have both {} and svc.Spec.LoadBalancerIP",
                IPS[0]
            )),
            (Some(list), None) => {
                let each = list.split(',').map(|it| parse_sloppy(it.trim()));
                each.collect::<Option<Vec<IpAddr>>>()
                    .ok_or_else(|| format!("invalid {}: \"{list}\"", IPS[0]))
            }
            (None, Some(ip)) => match parse_sloppy(ip) {
                Some(ip) => Ok(vec![ip]),
                None => Err(format!("invalid spec.loadBalancerIP \"{ip}\"")),
            },
        }
    }

    /// Finds addresses, and the name of their pool.
    fn allocate(&self) -> Result<(Vec<IpAddr>, String), String> {
        let families = target::families(self.service);
        let asked = self.asked_addresses()?;
        if !asked.is_empty() {
            let mut of: Vec<Family> = asked.iter().map(|it| family(*it)).collect();
            let mut wanted = families.clone();
            sort(&mut of);
            sort(&mut wanted);
            if of != wanted {
                return Err(format!(
                    "requested loadBalancer IP(s) {} does not match the ipFamily of the service",
                    quoted(&asked)
                ));
            }
            let pool = self.claim(&asked)?;
            return match self.asked_pool() {
                Some(told) if told != pool => Err(format!(
                    "requested loadBalancer IP(s) {} is not compatible with requested address pool {told}",
                    quoted(&asked)
                )),
                _ => Ok((asked, pool)),
            };
        }
        if let Some(name) = self.asked_pool() {
            let pool = self.pools().find(|it| it.metadata.name == name);
            let pool = pool.ok_or_else(|| format!("unknown pool \"{name}\""))?;
            let found = self.from(pool, &families);
            return found
                .map(|it| (it, name.to_owned()))
                .ok_or_else(|| format!("no available IPs in pool \"{name}\""));
        }
        self.pools()
            .filter(|it| it.spec.auto_assign != Some(false))
            .find_map(|it| Some((self.from(it, &families)?, it.metadata.name.clone())))
            .ok_or_else(|| "no available IPs".to_owned())
    }

    /// Whether it may have these addresses, and of which pool they are.
    fn claim(&self, ips: &[IpAddr]) -> Result<String, String> {
        let mut pool = None;
        for ip in ips {
            pool = self.pool_of(*ip).or(pool);
            if pool.is_none() {
                return Err(format!("{} is not allowed in config", quoted(ips)));
            }
            self.may_join(*ip)?;
        }
        let name = pool.map(|it| it.metadata.name.clone());
        name.ok_or_else(|| format!("{} is not allowed in config", quoted(ips)))
    }

    /// Whether it may be on an address together with those who are there.
    fn may_join(&self, ip: IpAddr) -> Result<(), String> {
        let others = self.others.get(&ip).map_or(&[][..], Vec::as_slice);
        let mine = sharing(self.service);
        let agrees = |it: &&Arc<Service>| {
            mine.is_some_and(|mine| sharing(it) == Some(mine))
                && backends(it) == backends(self.service)
        };
        if !others.iter().all(agrees) {
            let names: Vec<String> = others.iter().map(|it| name_of(it)).collect();
            return Err(format!(
                "can't change sharing key for \"{}\", address also in use by {}",
                self.name(),
                names.join(",")
            ));
        }
        for port in &self.service.spec.ports {
            let is_taken = others.iter().any(|it| {
                let mut ports = it.spec.ports.iter();
                ports.any(|it| it.port == port.port && it.protocol() == port.protocol())
            });
            if is_taken {
                return Err(format!(
                    "port {}/{} is already in use on \"{ip}\"",
                    port.protocol(),
                    port.port
                ));
            }
        }
        Ok(())
    }

    /// One address a family from a pool. Where two families are only preferred, one will do.
    fn from(&self, pool: &IpAddressPool, families: &[Family]) -> Option<Vec<IpAddr>> {
        let found: Vec<IpAddr> = families
            .iter()
            .filter_map(|of| candidates(pool, *of).find(|it| self.may_join(*it).is_ok()))
            .collect();
        let is_preferred = self.service.spec.ip_family_policy.as_deref() == Some("PreferDualStack");
        let is_enough = found.len() == families.len() || (is_preferred && !found.is_empty());
        is_enough.then_some(found)
    }
}

fn name_of(service: &Service) -> String {
    let (namespace, name) = key(&service.metadata);
    format!("{namespace}/{name}")
}

/// The key under which a Service shares its address.
fn sharing(service: &Service) -> Option<&str> {
    annotation(service, &SHARING).filter(|it| !it.is_empty())
}

/// What must be the same of Services that share an address: their pods, where only nodes with pods announce it.
fn backends(service: &Service) -> Option<&crate::api::Labels> {
    let is_local = service.spec.external_traffic_policy.as_deref() == Some("Local");
    is_local.then_some(&service.spec.selector)
}

/// First and last address of a range: `192.0.2.0/28`, `192.0.2.10-192.0.2.20`.
fn bounds(range: &str) -> Option<(IpAddr, IpAddr)> {
    if let Some((first, last)) = range.split_once('-') {
        let (first, last) = (parse_sloppy(first.trim())?, parse_sloppy(last.trim())?);
        return (family(first) == family(last) && first <= last).then_some((first, last));
    }
    let range: Cidr = parse_cidr_sloppy(range.trim())?;
    debug_assert_eq!(cidr_family(range), family(range.network()));
    Some((range.network(), range.broadcast()))
}

fn number(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(it) => u128::from(u32::from(it)),
        IpAddr::V6(it) => u128::from(it),
    }
}

fn address(number: u128, of: Family) -> Option<IpAddr> {
    Some(match of {
        Family::V4 => Ipv4Addr::from(u32::try_from(number).ok()?).into(),
        Family::V6 => Ipv6Addr::from(number).into(),
    })
}

/// Addresses that old routers mistake for those of a whole network.
fn is_buggy(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(it) => matches!(it.octets()[3], 0 | 255),
        IpAddr::V6(_) => false,
    }
}

fn holds(pool: &IpAddressPool, ip: IpAddr) -> bool {
    let ranges = pool.spec.addresses.iter();
    let mut ranges = ranges.filter_map(|it| bounds(it));
    let in_range =
        ranges.any(|(first, last)| family(first) == family(ip) && first <= ip && ip <= last);
    in_range && !(pool.spec.avoid_buggy_ips && is_buggy(ip))
}

/// The addresses of a pool in a family, in order.
fn candidates(pool: &IpAddressPool, of: Family) -> impl Iterator<Item = IpAddr> + '_ {
    let ranges = pool.spec.addresses.iter().filter_map(|it| bounds(it));
    let ranges = ranges.filter(move |it| family(it.0) == of);
    let all = ranges.flat_map(move |(first, last)| {
        let (first, last) = (number(first), number(last));
        let last = last.min(first.saturating_add(MAX_TRIES));
        (first..=last).filter_map(move |it| address(it, of))
    });
    all.filter(|it| !(pool.spec.avoid_buggy_ips && is_buggy(*it)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(ranges: &[&str]) -> IpAddressPool {
        let mut pool = IpAddressPool::default();
        pool.spec.addresses = ranges.iter().map(|it| (*it).to_owned()).collect();
        pool
    }

    #[test]
    fn ranges_are_read_in_both_forms_and_families() {
        let mut it = pool(&["192.0.2.254-192.0.3.1", "2001:db8::/127", "192.0.2.8/31"]);
        let all = |it: &IpAddressPool, of| -> Vec<String> {
            candidates(it, of).map(|it| it.to_string()).collect()
        };
        assert_eq!(
            all(&it, Family::V4),
            [
                "192.0.2.254",
                "192.0.2.255",
                "192.0.3.0",
                "192.0.3.1",
                "192.0.2.8",
                "192.0.2.9"
            ]
        );
        assert_eq!(all(&it, Family::V6), ["2001:db8::", "2001:db8::1"]);
        it.spec.avoid_buggy_ips = true;
        assert_eq!(
            all(&it, Family::V4),
            ["192.0.2.254", "192.0.3.1", "192.0.2.8", "192.0.2.9"]
        );
        assert!(all(&pool(&["192.0.2.9-192.0.2.1", "x"]), Family::V4).is_empty());
    }
}
