//! Services as a dump of a cluster gives them: taken as they are, with a doubt where two of them
//! hold the same.
//!
//! What a restarted API server does with the Services it finds
//! (`pkg/registry/core/service/{ipallocator,portallocator}/controller/repair*.go`): it takes note of
//! what they hold and complains, but changes none of them.
//!
//! **Left out**: the grace period of repair; events.

use super::ports::wants_node_ports;
use super::{DryRun, Rules, Transaction, families, owner, preparation};
use crate::api::{Complaint, Service, Status, parse_as_go};
use crate::chance::Chooser;
use crate::ip::{Family, family};
use crate::store::allocator::{Allocators, Owner};
use std::collections::BTreeMap;

/// Takes note of what a Service holds. What cannot be had is complained about, and stays its own.
pub fn adopt(service: &Service, allocators: &mut Allocators) -> Vec<Complaint> {
    let me = owner(service);
    let mut complaints = Vec::new();
    if service.needs_cluster_ip() {
        for (field, ip) in addresses(service) {
            complaints.extend(adopt_ip(&ip, field, &me, allocators));
        }
    }
    if service.needs_node_ports() {
        for (idx, port) in service.spec.ports.iter().enumerate() {
            if let Some(number) = port.node_port() {
                let field = format!("spec.ports[{idx}].nodePort");
                complaints.extend(adopt_port(number, field, &me, allocators));
            }
        }
    }
    if service.needs_health_check()
        && let Some(number) = service.spec.health_check_node_port
    {
        let field = "spec.healthCheckNodePort".to_owned();
        complaints.extend(adopt_port(number, field, &me, allocators));
    }
    complaints
}

/// Gives an adopted Service what it lacks: families, addresses, node ports. To be called when all
/// Services are adopted, so that nothing is given out that a later one holds.
pub fn complete(
    service: &mut Service,
    rules: &Rules,
    allocators: &mut Allocators,
    chooser: &mut Chooser,
) -> Vec<Complaint> {
    service.set_defaults();
    preparation::sync_cluster_ips(service, None);
    if service.spec.cluster_ip.is_none() {
        service.spec.cluster_ip = service.spec.cluster_ips.first().cloned();
    }
    let mut placed = service.clone();
    let mut transaction = Transaction::new(owner(service), allocators, chooser, DryRun::No);
    let outcome = place_missing(&mut placed, rules, &mut transaction);
    match transaction.finish(outcome) {
        Ok(()) => {
            *service = placed;
            Vec::new()
        }
        Err(status) => vec![Complaint::warning(status.message)],
    }
}

fn place_missing(
    service: &mut Service,
    rules: &Rules,
    transaction: &mut Transaction<'_>,
) -> Result<(), Status> {
    families::initialise(service, None, transaction.allocators, rules.version)?;
    let is_headless = service.is_headless();
    if service.needs_cluster_ip() && !is_headless {
        let n_ips = service.spec.cluster_ips.len();
        for name in service.spec.ip_families.clone().iter().skip(n_ips) {
            let wanted = Family::ALL.into_iter().find(|it| it.to_string() == *name);
            let ip = transaction.next_ip(wanted.unwrap_or_default())?;
            service.spec.cluster_ips.push(ip);
        }
        service.spec.cluster_ip = service.spec.cluster_ips.first().cloned();
    }
    let refuse = |fault| Status::internal_error(&format!("failed to allocate a nodePort: {fault}"));
    if wants_node_ports(service) {
        let mut given: BTreeMap<i32, i32> = BTreeMap::new();
        for port in &service.spec.ports {
            given.extend(port.node_port().map(|it| (port.port, it)));
        }
        for port in service
            .spec
            .ports
            .iter_mut()
            .filter(|it| it.node_port().is_none())
        {
            let number = match given.get(&port.port) {
                Some(number) => *number,
                None => transaction.next_port().map_err(refuse)?,
            };
            given.insert(port.port, number);
            port.node_port = Some(number);
        }
    }
    if service.needs_health_check() && service.spec.health_check_node_port.is_none() {
        service.spec.health_check_node_port = Some(transaction.next_port().map_err(refuse)?);
    }
    Ok(())
}

fn addresses(service: &Service) -> Vec<(String, String)> {
    let spec = &service.spec;
    let mut found: Vec<(String, String)> = Vec::new();
    for (idx, ip) in spec.cluster_ips.iter().enumerate() {
        found.push((format!("spec.clusterIPs[{idx}]"), ip.clone()));
    }
    if let Some(ip) = spec
        .cluster_ip
        .as_ref()
        .filter(|it| !spec.cluster_ips.contains(it))
    {
        found.insert(0, ("spec.clusterIP".into(), ip.clone()));
    }
    found.retain(|(_, ip)| !matches!(ip.as_str(), "" | "None"));
    found
}

fn adopt_ip(
    text: &str,
    field: String,
    me: &Owner,
    allocators: &mut Allocators,
) -> Option<Complaint> {
    // What is no address at all is complained about where Services are checked.
    let ip = parse_as_go(text)?;
    if allocators.ips(family(ip)).is_none() {
        let message = format!("{} is not configured on this cluster", family(ip));
        return Some(Complaint::warning(message).about(field));
    }
    if allocators.ip_owner(ip) == Some(me) {
        return None;
    }
    let fault = allocators.allocate_ip(ip, me).err()?;
    let complaint =
        Complaint::warning(format!("failed to allocate IP {text}: {fault}")).about(field);
    Some(with_owner(complaint, allocators.ip_owner(ip)))
}

fn adopt_port(
    port: i32,
    field: String,
    me: &Owner,
    allocators: &mut Allocators,
) -> Option<Complaint> {
    let ports = &mut allocators.ports;
    // Two protocols may share a port.
    if ports.owner(port) == Some(me) {
        return None;
    }
    let fault = ports.allocate(port, me).err()?;
    let complaint = Complaint::warning(fault.to_string()).about(field);
    Some(with_owner(complaint, ports.owner(port)))
}

fn with_owner(complaint: Complaint, owner: Option<&Owner>) -> Complaint {
    match owner {
        Some((namespace, name)) => {
            complaint.try_this(format!("it belongs to service/{namespace}/{name}"))
        }
        None => complaint,
    }
}
