//! The k8s_external plugin: what Services are called outside the cluster.
//!
//! CoreDNS 1.14.7 `plugin/k8s_external` and `plugin/kubernetes/external.go`. Names are
//! `service.namespace.zone`, without `svc`; behind them stand externalIPs and load balancers.
//!
//! **Left out**: zone transfer.

use super::cluster::{
    external_hosts, matches_port, ready_addresses, service_ports, slice_ports, slices,
};
use super::kubernetes::{Around, Found, Host, Kubernetes, Side, falls_through, service_records};
use super::kubernetes_name::NameParts;
use super::message::{Answer, Question, Rcode, Record, RecordData, RecordType, fully_qualified};
use super::name::{address_of, below, labels, longest_zone, zone_of};
use crate::ip::IpAddr;
use crate::store::Objects;
use std::collections::BTreeSet;

/// The settings of the plugin, as a Corefile gives them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct External {
    /// The zones it answers for, in lower case with the final dot.
    pub zones: Vec<String>,
    /// The label under which its own name servers are.
    pub apex: String,
    /// The lifetime of records, in seconds.
    pub ttl: u32,
    /// Whether endpoints of headless Services answer too.
    pub headless: bool,
    /// Which names, where they do not exist, are left to the next plugin, as for [`Kubernetes`].
    pub fallthrough: Option<Vec<String>>,
}

impl External {
    /// The settings for these zones without a word more.
    #[must_use]
    pub fn new(zones: Vec<String>) -> Self {
        External {
            zones,
            apex: "dns".into(),
            ttl: 5,
            headless: false,
            fallthrough: None,
        }
    }

    /// Answers a question, or hands it on. The cluster is read with the settings of the kubernetes
    /// plugin of the same block.
    pub fn serve(
        &self,
        kubernetes: &Kubernetes,
        objects: &Objects,
        question: &Question,
        around: &mut dyn Around,
    ) -> Answer {
        let lower = question.name.to_ascii_lowercase();
        let zone = longest_zone(&self.zones, &lower).cloned();
        let Some(zone) = zone else {
            return around.next(question);
        };
        let mut answer = Answer::empty(Rcode::NoError);
        answer.aa = true;
        let sub_apex = format!("{}.{zone}", self.apex);
        if lower == zone {
            self.serve_apex(kubernetes, objects, question, &zone, &mut answer);
        } else if zone_of(&lower, &sub_apex).is_some() {
            self.serve_sub_apex(kubernetes, objects, question, &zone, &mut answer);
        } else {
            let look_up = ExternalLookup {
                external: self,
                kubernetes,
                objects,
                zone: &zone,
            };
            answer.rcode = look_up.fill(question, &lower, around, &mut answer);
            let fallthrough = self.fallthrough.as_deref();
            if answer.rcode == Rcode::NxDomain && falls_through(fallthrough, &lower) {
                return around.next(question);
            }
        }
        if answer.answer.is_empty() {
            answer.authority.push(self.soa(kubernetes, &zone));
        }
        answer
    }

    fn serve_apex(
        &self,
        kubernetes: &Kubernetes,
        objects: &Objects,
        question: &Question,
        zone: &str,
        answer: &mut Answer,
    ) {
        let server = format!("ns1.{}.{zone}", self.apex);
        match question.kind {
            RecordType::SOA => answer.answer.push(self.soa(kubernetes, zone)),
            RecordType::NS => {
                for ip in self.own_addresses(kubernetes, objects, zone) {
                    let record = Record::address(&server, self.ttl, ip);
                    answer.additional.push(record);
                }
                let record = Record::name(zone, RecordType::NS, self.ttl, server);
                answer.answer.push(record);
            }
            _ => {}
        }
    }

    fn serve_sub_apex(
        &self,
        kubernetes: &Kubernetes,
        objects: &Objects,
        question: &Question,
        zone: &str,
        answer: &mut Answer,
    ) {
        let lower = question.name.to_ascii_lowercase();
        match labels(below(&lower, zone)).as_slice() {
            [_] => {}
            ["ns1", _] => {
                let ips = self.own_addresses(kubernetes, objects, zone);
                let of_kind = ips
                    .into_iter()
                    .filter(|it| RecordType::of_address(*it) == question.kind);
                answer.answer = of_kind
                    .map(|ip| Record::address(&question.name, self.ttl, ip))
                    .collect();
            }
            _ => answer.rcode = Rcode::NxDomain,
        }
    }

    fn own_addresses(&self, kubernetes: &Kubernetes, objects: &Objects, zone: &str) -> Vec<IpAddr> {
        let side = if self.headless {
            Side::OutsideHeadless
        } else {
            Side::Outside
        };
        let servers = kubernetes.name_servers(objects, zone, side);
        servers.into_iter().map(|it| it.1).collect()
    }

    fn soa(&self, kubernetes: &Kubernetes, zone: &str) -> Record {
        let apex = &self.apex;
        Record {
            name: zone.to_owned(),
            kind: RecordType::SOA,
            ttl: self.ttl,
            data: RecordData::Soa {
                mname: format!("ns1.{apex}.{zone}"),
                rname: format!("hostmaster.{apex}.{zone}"),
                serial: kubernetes.serial,
                refresh: 7200,
                retry: 1800,
                expire: 86_400,
                minimum: self.ttl,
            },
        }
    }
}

/// One look-up of a name below the zone.
struct ExternalLookup<'a> {
    external: &'a External,
    kubernetes: &'a Kubernetes,
    objects: &'a Objects,
    zone: &'a str,
}

impl ExternalLookup<'_> {
    fn fill(
        &self,
        question: &Question,
        lower: &str,
        around: &mut dyn Around,
        answer: &mut Answer,
    ) -> Rcode {
        let ttl = self.external.ttl;
        if question.kind == RecordType::PTR
            && let Some(ip) = address_of(lower)
        {
            let names = self.names_of(ip);
            let records = names.iter().map(|it| {
                let target = format!("{it}.{}", self.external.zones[0]);
                Record::name(&question.name, RecordType::PTR, ttl, target)
            });
            answer.answer = records.collect();
            return if names.is_empty() {
                Rcode::NxDomain
            } else {
                Rcode::NoError
            };
        }
        let (rcode, found) = self.services(lower);
        match question.kind {
            RecordType::A | RecordType::AAAA => {
                let mut seen = BTreeSet::new();
                for it in found {
                    self.add_address(question, &it.host, around, &mut seen, answer);
                }
            }
            RecordType::SRV => self.add_service_records(question, found, around, answer),
            _ => {}
        }
        rcode
    }

    fn add_address(
        &self,
        question: &Question,
        host: &Host,
        around: &mut dyn Around,
        seen: &mut BTreeSet<IpAddr>,
        answer: &mut Answer,
    ) {
        match host {
            Host::Address(ip) => {
                if RecordType::of_address(*ip) == question.kind && seen.insert(*ip) {
                    let record = Record::address(&question.name, self.external.ttl, *ip);
                    answer.answer.push(record);
                }
            }
            Host::Name(target) => {
                let target = fully_qualified(target);
                let kind = RecordType::CNAME;
                let ttl = self.kubernetes.ttl;
                let record = Record::name(&question.name, kind, ttl, target.clone());
                answer.answer.push(record);
                let next = around.look_up(&Question::new(&target, question.kind));
                answer.tc |= next.tc;
                answer.answer.extend(next.answer);
            }
        }
    }

    /// SRV records; what has a name of its own is the target itself.
    fn add_service_records(
        &self,
        question: &Question,
        found: Vec<Found>,
        around: &mut dyn Around,
        answer: &mut Answer,
    ) {
        let n_found = u16::try_from(found.len()).unwrap_or(u16::MAX);
        let weight = (100 / n_found.max(1)).max(1);
        for it in &found {
            let (Host::Name(target), Ok(port)) = (&it.host, u16::try_from(it.port)) else {
                continue;
            };
            let target = fully_qualified(target);
            let record = Record {
                name: question.name.clone(),
                kind: RecordType::SRV,
                ttl: self.kubernetes.ttl,
                data: RecordData::Srv {
                    priority: 0,
                    weight,
                    port,
                    target: target.clone(),
                },
            };
            if answer.answer.contains(&record) {
                continue;
            }
            answer.answer.push(record);
            for kind in [RecordType::A, RecordType::AAAA] {
                let next = around.look_up(&Question::new(&target, kind));
                answer.additional.extend(next.answer);
            }
        }
        // The addresses of glue live as long as this plugin says, the SRV records as long as the
        // other one does.
        let (records, mut extra) = service_records(&question.name, self.kubernetes.ttl, found);
        for record in &mut extra {
            record.ttl = self.external.ttl;
        }
        answer.answer.extend(records);
        answer.additional.extend(extra);
    }

    /// What the name stands for, and whether it exists.
    fn services(&self, lower: &str) -> (Rcode, Vec<Found>) {
        let mut labels = labels(below(lower, self.zone));
        labels.reverse();
        let mut parts = NameParts::default();
        let without_underscore = |it: &str| it.strip_prefix('_').unwrap_or(it).to_owned();
        match labels.as_slice() {
            [] => return (Rcode::ServFail, Vec::new()),
            [_, _] => {}
            [_, _, endpoint] => parts.endpoint = without_underscore(endpoint),
            [_, _, protocol, port] => {
                parts.protocol = without_underscore(protocol);
                parts.port = without_underscore(port);
            }
            _ => {}
        }
        let namespace = labels[0];
        if !self.kubernetes.is_exposed(self.objects, namespace) {
            return (Rcode::NxDomain, Vec::new());
        }
        let Some(name) = labels.get(1) else {
            return (Rcode::NoError, Vec::new());
        };
        let service = self.objects.service(namespace, name);
        let Some(service) = service.filter(|_| labels.len() <= 4) else {
            return (Rcode::NxDomain, Vec::new());
        };
        let key = format!("{name}.{namespace}.{}", self.zone);
        let hosts = external_hosts(service);
        let asks_endpoints = service.is_headless() || !parts.endpoint.is_empty();
        let found = if self.external.headless && hosts.is_empty() && asks_endpoints {
            self.endpoints(&parts, namespace, name, &key)
        } else {
            let mut found = Vec::new();
            for host in hosts {
                let ports = service_ports(service).into_iter();
                for (port, ..) in ports.filter(|it| matches_port(&parts, it.1, it.2)) {
                    let host = match host.parse() {
                        Ok(ip) => Host::Address(ip),
                        Err(_) => Host::Name(host.to_owned()),
                    };
                    let key = key.clone();
                    found.push(Found { host, port, key });
                }
            }
            found
        };
        let rcode = if found.is_empty() {
            Rcode::NxDomain
        } else {
            Rcode::NoError
        };
        (rcode, found)
    }

    fn endpoints(&self, parts: &NameParts, namespace: &str, name: &str, key: &str) -> Vec<Found> {
        let mut found = Vec::new();
        for slice in slices(self.kubernetes, self.objects, namespace, name) {
            for (endpoint, ip, address) in ready_addresses(slice) {
                let own = self.kubernetes.endpoint_name(endpoint, address);
                if !parts.endpoint.is_empty() && !own.eq_ignore_ascii_case(&parts.endpoint) {
                    continue;
                }
                for (port, port_name, protocol) in slice_ports(slice) {
                    if matches_port(parts, port_name, protocol) {
                        found.push(Found {
                            host: Host::Address(ip),
                            port,
                            key: format!("{own}.{key}"),
                        });
                    }
                }
            }
        }
        found
    }

    fn names_of(&self, ip: IpAddr) -> Vec<String> {
        let mut names = Vec::new();
        for ((namespace, name), service) in &self.objects.services {
            let has_it = external_hosts(service)
                .iter()
                .any(|it| it.parse() == Ok(ip));
            let is_shown = self.kubernetes.namespaces.is_empty()
                || self.kubernetes.is_exposed(self.objects, namespace);
            if has_it && is_shown {
                names.push(format!("{name}.{namespace}"));
            }
        }
        names
    }
}
