//! The kubernetes plugin: from objects to records.
//!
//! CoreDNS 1.14.7 `plugin/kubernetes` and `plugin/backend_lookup.go`, quirks included: what is
//! NXDOMAIN there is NXDOMAIN here. A pure function of the objects and the plugin's settings.
//!
//! **Left out**: ServiceImports, so a zone under `multicluster` answers nothing below its
//! namespaces; zone transfer. A namespace counts as
//! existing when it is given or when it holds an object, since manifests often leave it out.

use super::cluster::{
    external_hosts, from, has_any, matches_port, ready_addresses, service_ports, slice_ports,
    slices,
};
use super::kubernetes_name::{Grammar, NameParts, parse_name};
use super::message::{Answer, Question, Rcode, Record, RecordData, RecordType, fully_qualified};
use super::name::{address_of, below, is_reverse, labels, longest_zone, zone_of};
use crate::api::{Endpoint, EndpointSlice, Service};
use crate::ip::IpAddr;
use crate::store::Objects;
use std::collections::BTreeSet;

/// The settings of the plugin, as a Corefile gives them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kubernetes {
    /// The zones it answers for, in lower case with the final dot.
    pub zones: Vec<String>,
    /// Whether names of pod addresses answer.
    pub pods: PodMode,
    /// The lifetime of records, in seconds.
    pub ttl: u32,
    /// The namespaces that are shown; all if empty.
    pub namespaces: Vec<String>,
    /// Which names, where they do not exist, are left to the next plugin: none, or those in these
    /// zones, or all if the list is empty.
    pub fallthrough: Option<Vec<String>>,
    /// Services without a ready endpoint do not exist.
    pub ignore_empty_service: bool,
    /// Endpoints without a hostname are named after their pods.
    pub endpoint_pod_names: bool,
    /// EndpointSlices are not read.
    pub noendpoints: bool,
    /// Only endpoints with a hostname have a reverse name.
    pub ptr_hostname_only: bool,
    /// The zones that answer from ServiceImports.
    pub multicluster: Vec<String>,
    /// Headless Services have names for their topology zones.
    pub zonal: bool,
    /// The addresses the server is bound to.
    pub local_ips: Vec<IpAddr>,
    /// Whether it has seen all objects yet.
    pub synced: bool,
    /// The version of its zones: the Unix time of the last change.
    pub serial: u32,
}

/// Whether names of pod addresses (`10-244-1-5.default.pod`) answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PodMode {
    /// They do not exist.
    #[default]
    Disabled,
    /// Any address answers, pod or not.
    Insecure,
    /// The address of a pod of that namespace answers.
    Verified,
}

/// What stands around a plugin.
pub trait Around {
    /// The next plugin's answer.
    fn next(&mut self, question: &Question) -> Answer;
    /// The whole server's answer: where the target of a CNAME is looked up.
    fn look_up(&mut self, question: &Question) -> Answer;
}

/// Which addresses of a name server are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// Those the cluster uses.
    Inside,
    /// Those the world uses.
    Outside,
    /// The same, and endpoints where a headless Service has none.
    OutsideHeadless,
}

/// One thing a name stands for.
pub(super) struct Found {
    pub(super) host: Host,
    /// -1 where nothing says which.
    pub(super) port: i32,
    /// Its own name, in the zone as the client spelled it.
    pub(super) key: String,
}

pub(super) enum Host {
    Address(IpAddr),
    Name(String),
}

/// There is no such name.
pub(super) struct NoName;

/// The text that says which rules the names follow, and how long it holds.
const SCHEMA_VERSION: &str = "1.1.0";
const SCHEMA_TTL: u32 = 28_800;

/// How many CNAMEs may stand before another one in a chain.
const MAX_CHAIN: usize = 10;

impl Default for Kubernetes {
    /// As `kubernetes cluster.local` without a word more.
    fn default() -> Self {
        Kubernetes {
            zones: vec!["cluster.local.".into()],
            pods: PodMode::Disabled,
            ttl: 5,
            namespaces: Vec::new(),
            fallthrough: None,
            ignore_empty_service: false,
            endpoint_pod_names: false,
            noendpoints: false,
            ptr_hostname_only: false,
            multicluster: Vec::new(),
            zonal: false,
            local_ips: Vec::new(),
            synced: true,
            serial: 1,
        }
    }
}

impl Kubernetes {
    /// Answers a question, or hands it on.
    pub fn serve(&self, objects: &Objects, question: &Question, around: &mut dyn Around) -> Answer {
        let name = question.name.as_str();
        let zone = longest_zone(&self.zones, name).and_then(|it| zone_of(name, it));
        let Some(zone) = zone else {
            return around.next(question);
        };
        if matches!(question.kind, RecordType::AXFR | RecordType::IXFR) {
            return Answer::empty(Rcode::Refused);
        }
        let mut lookup = Lookup {
            plugin: self,
            objects,
            zone,
            around,
            chain: Vec::new(),
        };
        let mut answer = Answer::empty(Rcode::NoError);
        answer.aa = true;
        match lookup.fill(name, question.kind, &mut answer) {
            Ok(()) => {}
            Err(NoName) if self.falls_through(name) => return around.next(question),
            Err(NoName) if !self.synced => answer.rcode = Rcode::ServFail,
            Err(NoName) => answer.rcode = Rcode::NxDomain,
        }
        if answer.answer.is_empty() {
            answer.tc = false;
            answer.authority.push(self.soa(zone));
        }
        answer
    }

    fn falls_through(&self, name: &str) -> bool {
        falls_through(self.fallthrough.as_deref(), name)
    }

    fn soa(&self, zone: &str) -> Record {
        Record {
            name: zone.to_owned(),
            kind: RecordType::SOA,
            ttl: self.ttl.min(300),
            data: RecordData::Soa {
                mname: format!("ns.dns.{zone}"),
                rname: format!("hostmaster.{zone}"),
                serial: self.serial,
                refresh: 7200,
                retry: 1800,
                expire: 86_400,
                minimum: self.ttl,
            },
        }
    }

    /// Whether a namespace exists and is shown.
    pub(super) fn is_exposed(&self, objects: &Objects, namespace: &str) -> bool {
        let is_listed = |it: &[String]| it.is_empty() || it.iter().any(|it| it == namespace);
        is_listed(&self.namespaces)
            && (objects.namespaces.contains_key(namespace)
                || has_any(&objects.services, namespace)
                || has_any(&objects.pods, namespace)
                || has_any(&objects.endpoint_slices, namespace))
    }

    /// The name of an endpoint under its Services.
    #[must_use]
    pub fn endpoint_name(&self, endpoint: &Endpoint, address: &str) -> String {
        if let Some(hostname) = endpoint.hostname.as_deref().filter(|it| !it.is_empty()) {
            return hostname.to_owned();
        }
        let pod = endpoint.target_ref.as_ref().and_then(|it| it.name.as_ref());
        // A name too long for a label cannot be one.
        let pod = pod.filter(|it| !it.is_empty() && it.len() < 64);
        match pod.filter(|_| self.endpoint_pod_names) {
            Some(pod) => pod.clone(),
            None => {
                let mut name = address.replace(['.', ':'], "-");
                if name.ends_with('-') {
                    name.push('0');
                }
                name
            }
        }
    }

    /// The names and addresses of the server itself: those of every Service it is an endpoint of,
    /// else `ns.dns` with its own.
    pub(super) fn name_servers(
        &self,
        objects: &Objects,
        zone: &str,
        side: Side,
    ) -> Vec<(String, IpAddr)> {
        let mut servers = Vec::new();
        for local in &self.local_ips {
            for slice in self.slices_with(objects, *local) {
                let namespace = &slice.metadata.namespace;
                let service = slice
                    .service_name()
                    .and_then(|it| objects.service(namespace, it));
                if let Some(service) = service {
                    self.serve_as(service, slice, zone, side, &mut servers);
                }
            }
        }
        if servers.is_empty() {
            let own = self.local_ips.iter();
            servers.extend(own.map(|ip| (format!("ns.dns.{zone}"), *ip)));
        }
        servers
    }

    fn serve_as(
        &self,
        service: &Service,
        slice: &EndpointSlice,
        zone: &str,
        side: Side,
        servers: &mut Vec<(String, IpAddr)>,
    ) {
        let (name, namespace) = (&service.metadata.name, &service.metadata.namespace);
        let outside = format!("{name}.{namespace}.{zone}");
        let inside = format!("{name}.{namespace}.svc.{zone}");
        let (base, ips) = match side {
            Side::Inside => (inside, service.cluster_ips()),
            Side::Outside | Side::OutsideHeadless => {
                let told = external_hosts(service);
                let ips = told.iter().filter_map(|it| it.parse().ok());
                (outside, ips.collect())
            }
        };
        let with_endpoints = match side {
            Side::Inside => service.is_headless(),
            Side::Outside => false,
            Side::OutsideHeadless => service.is_headless() && ips.is_empty(),
        };
        if with_endpoints {
            for (endpoint, ip, address) in ready_addresses(slice) {
                let own = self.endpoint_name(endpoint, address);
                servers.push((format!("{own}.{base}"), ip));
            }
        } else {
            servers.extend(ips.into_iter().map(|ip| (base.clone(), ip)));
        }
    }

    /// The slices that hold a ready endpoint of this address.
    fn slices_with<'a>(
        &self,
        objects: &'a Objects,
        ip: IpAddr,
    ) -> impl Iterator<Item = &'a EndpointSlice> + use<'a> {
        let noendpoints = self.noendpoints;
        objects
            .endpoint_slices
            .values()
            .map(AsRef::as_ref)
            .filter(move |it| !noendpoints && ready_addresses(it).any(|it| it.1 == ip))
    }

    /// The names an address has: that of the Service whose virtual address it is, else those of
    /// the endpoints that have it.
    fn names_of(&self, objects: &Objects, ip: IpAddr) -> Vec<String> {
        let zone = self
            .zones
            .iter()
            .find(|it| !is_reverse(it))
            .map_or(".", String::as_str);
        let is_shown =
            |namespace: &String| self.namespaces.is_empty() || self.is_exposed(objects, namespace);
        for ((namespace, name), service) in &objects.services {
            if service.cluster_ips().contains(&ip) && is_shown(namespace) {
                return vec![format!("{name}.{namespace}.svc.{zone}")];
            }
        }
        let mut names = Vec::new();
        for slice in self.slices_with(objects, ip) {
            let namespace = &slice.metadata.namespace;
            let Some(service) = slice.service_name().filter(|_| is_shown(namespace)) else {
                continue;
            };
            for (endpoint, own, address) in ready_addresses(slice) {
                let is_named = endpoint
                    .hostname
                    .as_deref()
                    .is_some_and(|it| !it.is_empty());
                if own == ip && (is_named || !self.ptr_hostname_only) {
                    let endpoint = self.endpoint_name(endpoint, address);
                    names.push(format!("{endpoint}.{service}.{namespace}.svc.{zone}"));
                }
            }
        }
        names
    }
}

/// One look-up in the zone, which may become several.
struct Lookup<'a> {
    plugin: &'a Kubernetes,
    objects: &'a Objects,
    /// As the client spelled it.
    zone: &'a str,
    around: &'a mut dyn Around,
    /// The CNAMEs followed so far.
    chain: Vec<(String, String)>,
}

impl Lookup<'_> {
    fn fill(&mut self, name: &str, kind: RecordType, answer: &mut Answer) -> Result<(), NoName> {
        let lower = name.to_ascii_lowercase();
        let ttl = self.plugin.ttl;
        match kind {
            RecordType::A | RecordType::AAAA => {
                (answer.answer, answer.tc) = self.addresses(name, kind)?;
            }
            RecordType::TXT => {
                if self.is_schema_version(&lower)? {
                    answer.answer.push(Record {
                        name: name.to_owned(),
                        kind,
                        ttl: SCHEMA_TTL,
                        data: RecordData::Text(vec![SCHEMA_VERSION.into()]),
                    });
                }
            }
            RecordType::CNAME => {
                let found = self.services(&lower, kind)?.into_iter().next();
                if let Some(Host::Name(target)) = found.map(|it| it.host) {
                    let target = fully_qualified(&target);
                    answer.answer.push(Record::name(name, kind, ttl, target));
                }
            }
            RecordType::PTR => {
                let mut names = self.reverse(&lower)?;
                let mut seen = BTreeSet::new();
                names.retain(|it| seen.insert(it.clone()));
                let records = names.into_iter();
                answer.answer = records
                    .map(|it| Record::name(name, kind, ttl, it))
                    .collect();
            }
            RecordType::MX => {
                self.services(&lower, kind)?;
            }
            RecordType::SRV => {
                let found = self.services(&lower, kind)?;
                (answer.answer, answer.additional) = service_records(name, ttl, found);
            }
            RecordType::SOA => {
                if name.len() == self.zone.len() {
                    answer.answer.push(self.plugin.soa(self.zone));
                }
            }
            RecordType::NS if lower == self.zone => self.name_servers(name, answer),
            // Only whether the name exists is found out, as if addresses were asked for.
            _ => {
                self.addresses(name, RecordType::A)?;
            }
        }
        Ok(())
    }

    /// Addresses, at the end of CNAMEs where need be; and whether something was cut on the way.
    fn addresses(&mut self, name: &str, kind: RecordType) -> Result<(Vec<Record>, bool), NoName> {
        let lower = name.to_ascii_lowercase();
        let ttl = self.plugin.ttl;
        let mut records = Vec::new();
        let mut seen = BTreeSet::new();
        let mut truncated = false;
        for found in self.services(&lower, kind)? {
            match found.host {
                Host::Address(ip) => {
                    if RecordType::of_address(ip) == kind && seen.insert(ip) {
                        records.push(Record::address(name, ttl, ip));
                    }
                }
                Host::Name(target) => {
                    let target = fully_qualified(&target);
                    truncated |= self.follow(name, &target, kind, &mut records);
                }
            }
        }
        Ok((records, truncated))
    }

    /// Adds a CNAME and what it leads to. One that leads nowhere inside the zone is left out.
    fn follow(
        &mut self,
        name: &str,
        target: &str,
        kind: RecordType,
        records: &mut Vec<Record>,
    ) -> bool {
        let step = (name.to_ascii_lowercase(), target.to_ascii_lowercase());
        let leads_to_itself = zone_of(target, &step.0).is_some();
        if leads_to_itself || self.chain.len() > MAX_CHAIN || self.chain.contains(&step) {
            return false;
        }
        let ttl = self.plugin.ttl;
        let record = Record::name(name, RecordType::CNAME, ttl, target.to_owned());
        if zone_of(target, self.zone).is_some() {
            self.chain.push(step);
            let next = self.addresses(target, kind);
            self.chain.pop();
            let Ok((next, truncated)) = next else {
                return false;
            };
            if !next.is_empty() {
                records.push(record);
                records.extend(next);
            }
            return truncated;
        }
        let answer = self.around.look_up(&Question::new(target, kind));
        records.push(record);
        records.extend(answer.answer);
        answer.tc
    }

    /// Whether the name is the one of the schema's version; other names have no text.
    fn is_schema_version(&self, lower: &str) -> Result<bool, NoName> {
        if labels(below(lower, self.zone)) == ["dns-version"] {
            return Ok(true);
        }
        // Only a name that has records of another type exists for this one: names that merely
        // have names below them do not.
        let records = self.records(lower)?;
        let parts = parse_name(lower, self.zone, self.grammar());
        if records.is_empty() && parts.is_none_or(|it| it.topology_zone.is_empty()) {
            return Err(NoName);
        }
        Ok(false)
    }

    fn reverse(&self, lower: &str) -> Result<Vec<String>, NoName> {
        let Some(ip) = address_of(lower) else {
            self.records(lower)?;
            return Ok(Vec::new());
        };
        let names = self.plugin.names_of(self.objects, ip);
        if names.is_empty() {
            return Err(NoName);
        }
        Ok(names)
    }

    fn name_servers(&self, name: &str, answer: &mut Answer) {
        let ttl = self.plugin.ttl;
        let servers = self
            .plugin
            .name_servers(self.objects, self.zone, Side::Inside);
        for (server, ip) in servers {
            answer.additional.push(Record::address(&server, ttl, ip));
            let record = Record::name(name, RecordType::NS, ttl, server);
            if !answer.answer.contains(&record) {
                answer.answer.push(record);
            }
        }
    }

    fn services(&self, lower: &str, kind: RecordType) -> Result<Vec<Found>, NoName> {
        if lower.strip_prefix("ns.dns.") == Some(self.zone) {
            let servers = self
                .plugin
                .name_servers(self.objects, self.zone, Side::Inside);
            let of_kind = servers
                .into_iter()
                .filter(|it| RecordType::of_address(it.1) == kind);
            let found = of_kind.map(|(_, ip)| Found {
                host: Host::Address(ip),
                port: 0,
                key: lower.to_owned(),
            });
            return Ok(found.collect());
        }
        let mut found = self.records(lower)?;
        if kind == RecordType::SRV {
            found.retain(|it| matches!(it.host, Host::Address(_)));
        }
        Ok(found)
    }

    fn grammar(&self) -> Grammar {
        let zones = &self.plugin.multicluster;
        if zones.iter().any(|it| it.eq_ignore_ascii_case(self.zone)) {
            Grammar::Multicluster
        } else if self.plugin.zonal {
            Grammar::Zonal
        } else {
            Grammar::Plain
        }
    }

    /// What the name stands for; nothing if it only has names below it.
    fn records(&self, lower: &str) -> Result<Vec<Found>, NoName> {
        let grammar = self.grammar();
        let parts = parse_name(lower, self.zone, grammar).ok_or(NoName)?;
        if parts.kind.is_empty() {
            return Ok(Vec::new());
        }
        if is_reverse(lower) || !self.plugin.is_exposed(self.objects, &parts.namespace) {
            return Err(NoName);
        }
        match parts.kind.as_str() {
            "pod" => self.pods(&parts),
            _ if parts.service.is_empty() => Ok(Vec::new()),
            _ if grammar == Grammar::Multicluster => Err(NoName),
            _ => self.service(&parts),
        }
    }

    fn pods(&self, parts: &NameParts) -> Result<Vec<Found>, NoName> {
        let mode = self.plugin.pods;
        if mode == PodMode::Disabled {
            return Err(NoName);
        }
        let name = parts.service.as_str();
        if name.is_empty() {
            return Ok(Vec::new());
        }
        let is_v4 = name.matches('-').count() == 3 && !name.contains("--");
        let text = name.replace('-', if is_v4 { "." } else { ":" });
        let ip: IpAddr = text.parse().map_err(|_| NoName)?;
        if mode == PodMode::Verified {
            let of_namespace = self.objects.pods.range(from(&parts.namespace));
            let is_there = of_namespace
                .take_while(|(key, _)| key.0 == parts.namespace)
                .any(|(_, pod)| {
                    let phase = pod.status.phase.as_deref();
                    let is_over = matches!(phase, Some("Succeeded" | "Failed" | "Unknown"));
                    let is_going = pod.metadata.deletion_timestamp.is_some();
                    pod.status.pod_ip.as_deref() == Some(&text) && !is_over && !is_going
                });
            if !is_there {
                return Err(NoName);
            }
        }
        Ok(vec![Found {
            host: Host::Address(ip.to_canonical()),
            port: 0,
            key: format!("{name}.{}.pod.{}", parts.namespace, self.zone),
        }])
    }

    fn service(&self, parts: &NameParts) -> Result<Vec<Found>, NoName> {
        let (namespace, name) = (&parts.namespace, &parts.service);
        let service = self.objects.service(namespace, name).ok_or(NoName)?;
        let key = format!("{name}.{namespace}.svc.{}", self.zone);
        let narrowing = [
            &parts.endpoint,
            &parts.port,
            &parts.protocol,
            &parts.topology_zone,
        ];
        let is_narrowed = narrowing.iter().any(|it| !it.is_empty());
        if service.kind() == "ExternalName" {
            let target = service.spec.external_name.clone().unwrap_or_default();
            let is_address = target.parse::<IpAddr>().is_ok();
            if is_narrowed || is_address || target.is_empty() {
                return Err(NoName);
            }
            return Ok(vec![Found {
                host: Host::Name(target),
                port: 0,
                key,
            }]);
        }
        let slices = slices(self.plugin, self.objects, namespace, name);
        if service.is_headless() {
            return self.headless(parts, &key, &slices);
        }
        let is_empty = |it: &&EndpointSlice| ready_addresses(it).next().is_none();
        if self.plugin.ignore_empty_service && slices.iter().all(is_empty) {
            return Err(NoName);
        }
        if !parts.endpoint.is_empty() {
            return something(self.endpoints(parts, &key, &slices, ""));
        }
        if !parts.topology_zone.is_empty() {
            return Err(NoName);
        }
        let mut found = Vec::new();
        for (port, port_name, protocol) in service_ports(service) {
            if !matches_port(parts, port_name, protocol) {
                continue;
            }
            for ip in service.cluster_ips() {
                found.push(Found {
                    host: Host::Address(ip),
                    port,
                    key: key.clone(),
                });
            }
        }
        something(found)
    }

    fn headless(
        &self,
        parts: &NameParts,
        key: &str,
        slices: &[&EndpointSlice],
    ) -> Result<Vec<Found>, NoName> {
        if parts.topology_zone.is_empty() {
            return something(self.endpoints(parts, key, slices, ""));
        }
        let there = self.endpoints(parts, key, slices, &parts.topology_zone);
        if there.is_empty() && parts.prefers_zone {
            return something(self.endpoints(parts, key, slices, ""));
        }
        // A topology zone without endpoints is a name with nothing behind it.
        Ok(there)
    }

    fn endpoints(
        &self,
        parts: &NameParts,
        key: &str,
        slices: &[&EndpointSlice],
        topology_zone: &str,
    ) -> Vec<Found> {
        let mut found = Vec::new();
        for slice in slices {
            let ports = slice_ports(slice);
            for (endpoint, ip, address) in ready_addresses(slice) {
                let name = self.plugin.endpoint_name(endpoint, address);
                let zone = endpoint.zone.as_deref().unwrap_or_default();
                if !parts.endpoint.is_empty() && !name.eq_ignore_ascii_case(&parts.endpoint)
                    || !topology_zone.is_empty() && !zone.eq_ignore_ascii_case(topology_zone)
                {
                    continue;
                }
                for (port, port_name, protocol) in &ports {
                    if matches_port(parts, port_name, protocol) {
                        found.push(Found {
                            host: Host::Address(ip),
                            port: *port,
                            key: format!("{name}.{key}"),
                        });
                    }
                }
            }
        }
        found
    }
}

/// Whether a name that does not exist is left to the next plugin.
pub(super) fn falls_through(zones: Option<&[String]>, name: &str) -> bool {
    zones.is_some_and(|it| it.is_empty() || longest_zone(it, name).is_some())
}

/// SRV records and the addresses of what they point at. Every one found counts for the weight,
/// also those that are left out as doubles.
pub(super) fn service_records(
    name: &str,
    ttl: u32,
    found: Vec<Found>,
) -> (Vec<Record>, Vec<Record>) {
    let weight = 100 / u16::try_from(found.len().max(1)).unwrap_or(u16::MAX);
    let mut records = Vec::new();
    let mut extra = Vec::new();
    let mut seen = BTreeSet::new();
    let mut seen_addresses = BTreeSet::new();
    for it in found {
        let (Ok(port), Host::Address(ip)) = (u16::try_from(it.port), it.host) else {
            continue;
        };
        if seen.insert((it.key.clone(), port)) {
            records.push(Record {
                name: name.to_owned(),
                kind: RecordType::SRV,
                ttl,
                data: RecordData::Srv {
                    priority: 0,
                    weight: weight.max(1),
                    port,
                    target: it.key.clone(),
                },
            });
        }
        if seen_addresses.insert((it.key.clone(), ip)) {
            extra.push(Record::address(&it.key, ttl, ip));
        }
    }
    (records, extra)
}

fn something(found: Vec<Found>) -> Result<Vec<Found>, NoName> {
    if found.is_empty() {
        Err(NoName)
    } else {
        Ok(found)
    }
}
