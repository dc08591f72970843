//! The server's side: one question, one answer.
//!
//! **Left out**: what the module's first page names; also the order of records, which is theirs by
//! address here and by lot in CoreDNS.

use super::message::{Answer, Rcode, Record, RecordType, fully_qualified};
use crate::ip::{IpAddr, family, parse_sloppy};
use crate::store::Objects;
use std::collections::BTreeSet;

/// The lifetime of records, as kubeadm's Corefile has it.
const TTL_SECS: u32 = 30;

/// How many CNAMEs are followed inside the zone.
const MAX_CHAIN: usize = 11;

/// Answers a question about a fully qualified name.
#[must_use]
pub fn answer(objects: &Objects, name: &str, kind: RecordType) -> Answer {
    let zone = objects.cluster.dns_domain();
    let mut answer = Answer::empty(Rcode::NoError);
    let mut name = fully_qualified(&name.to_ascii_lowercase());
    for _ in 0..=MAX_CHAIN {
        match look_up(objects, zone, &name, kind) {
            Found::Nothing if answer.answer.is_empty() => return Answer::empty(Rcode::NxDomain),
            // A chain that leads nowhere answers nothing at all, as CoreDNS has it.
            Found::Nothing if name.ends_with(&format!(".{zone}.")) => {
                return Answer::empty(Rcode::NoError);
            }
            Found::Nothing => return answer,
            Found::Addresses(ips) => {
                let records = ips.into_iter();
                let records = records.map(|ip| Record::address(&name, TTL_SECS, ip));
                answer.answer.extend(records);
                return answer;
            }
            Found::Alias(target) => {
                let record = Record::name(&name, RecordType::CNAME, TTL_SECS, target.clone());
                answer.answer.push(record);
                name = target;
            }
        }
    }
    Answer::empty(Rcode::NoError)
}

enum Found {
    /// No such name.
    Nothing,
    /// The name exists, with these addresses of the family asked for.
    Addresses(Vec<IpAddr>),
    /// It is another name for something.
    Alias(String),
}

fn look_up(objects: &Objects, zone: &str, name: &str, kind: RecordType) -> Found {
    let name = name.trim_end_matches('.');
    let below = match name.strip_suffix(zone) {
        Some("") => "",
        Some(below) => match below.strip_suffix('.') {
            Some(below) => below,
            None => return Found::Nothing,
        },
        None => return Found::Nothing,
    };
    let labels: Vec<&str> = below.split('.').rev().collect();
    match labels.as_slice() {
        [""] | ["svc"] => Found::Addresses(Vec::new()),
        ["svc", namespace] if objects.namespaces.contains_key(*namespace) => {
            Found::Addresses(Vec::new())
        }
        ["svc", namespace, service] => service_addresses(objects, namespace, service, kind),
        ["svc", namespace, service, endpoint] => {
            endpoint_addresses(objects, namespace, service, Some(endpoint), kind)
        }
        _ => Found::Nothing,
    }
}

fn service_addresses(objects: &Objects, namespace: &str, name: &str, kind: RecordType) -> Found {
    let Some(service) = objects.service(namespace, name) else {
        return Found::Nothing;
    };
    if service.kind() == "ExternalName" {
        let target = service.spec.external_name.as_deref().unwrap_or_default();
        return match parse_sloppy(target) {
            None if !target.is_empty() => Found::Alias(fully_qualified(target)),
            _ => Found::Nothing,
        };
    }
    if service.is_headless() {
        return endpoint_addresses(objects, namespace, name, None, kind);
    }
    let ips = service.cluster_ips().into_iter();
    Found::Addresses(
        ips.filter(|it| Some(family(*it)) == kind.family())
            .collect(),
    )
}

/// The ready endpoints of a Service, or the one of this hostname. A name whose endpoints are all
/// gone does not exist; one that has only the other family does.
fn endpoint_addresses(
    objects: &Objects,
    namespace: &str,
    name: &str,
    hostname: Option<&str>,
    kind: RecordType,
) -> Found {
    let mut all: BTreeSet<IpAddr> = BTreeSet::new();
    for slice in objects.slices_of(namespace, name) {
        let ready = slice.endpoints.iter().filter(|it| it.conditions.is_ready());
        for endpoint in ready {
            for ip in endpoint.addresses.iter().filter_map(|it| parse_sloppy(it)) {
                let own_name = match &endpoint.hostname {
                    Some(hostname) => hostname.clone(),
                    None => ip.to_string().replace(['.', ':'], "-"),
                };
                if hostname.is_none_or(|it| it == own_name) {
                    all.insert(ip);
                }
            }
        }
    }
    if all.is_empty() {
        return Found::Nothing;
    }
    Found::Addresses(
        all.into_iter()
            .filter(|it| Some(family(*it)) == kind.family())
            .collect(),
    )
}
