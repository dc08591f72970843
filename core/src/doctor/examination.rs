//! An examination under way: who asks, what was asked already, what was found.
//!
//! **Left out**: askers outside the cluster that have other addresses than the client outside.

use super::finding::{Finding, Place, Severity, Tried};
use super::{Asked, Checked, Diagnosis, MAX_NAMED};
use crate::api::{
    Endpoints, Labels, Manifest, Object, ObjectRef, Pod, Service, ServicePort, selects,
};
use crate::chance::Chooser;
use crate::ip::{IpAddr, Protocol};
use crate::sim::{Destination, HostId, Request, Source, Walk, World, outcomes, walk};
use crate::sorted::sort_by;
use crate::store::{Key, Objects, key};
use std::collections::BTreeMap;

/// How many ways of a request that looks wrong are walked.
const MAX_WAYS: usize = 64;

/// How many requests are walked at most: enough for every port of a large cluster.
const MAX_REQUESTS: usize = 20_000;

/// An examination under way.
pub(super) struct Examination<'a> {
    pub(super) world: &'a World,
    pub(super) objects: &'a Objects,
    pub(super) manifest: Option<&'a Manifest>,
    pub(super) asked: &'a Asked,
    /// Whether there is a cluster DNS to ask.
    pub(super) has_dns: bool,
    pub(super) checked: Checked,
    /// Endpoints as they were given: a controller writes over them.
    pub(super) given_endpoints: BTreeMap<Key, &'a Endpoints>,
    findings: Vec<Finding>,
    askers: BTreeMap<String, Vec<ObjectRef>>,
}

/// How many ways of a request are looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Ways {
    /// One, by lot.
    One,
    /// All of them; the one that fails most often counts.
    All,
}

impl<'a> Examination<'a> {
    pub(super) fn new(
        world: &'a World,
        manifest: Option<&'a Manifest>,
        asked: &'a Asked,
    ) -> Examination<'a> {
        let dns = world.objects.service("kube-system", "kube-dns");
        Examination {
            world,
            objects: &world.objects,
            manifest,
            asked,
            has_dns: dns.is_some_and(|it| !it.cluster_ips().is_empty()),
            checked: Checked::default(),
            given_endpoints: given_endpoints(manifest),
            findings: Vec::new(),
            askers: BTreeMap::new(),
        }
    }

    pub(super) fn report(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// A finding that was reported, to add what follows from it.
    pub(super) fn reported(&mut self, id: &str, about: &ObjectRef) -> Option<&mut Finding> {
        let mut all = self.findings.iter_mut();
        all.find(|it| it.id == id && it.object == *about)
    }

    /// The finding that a StatefulSet's Service is missing.
    pub(super) fn missing_service(&mut self, namespace: &str, name: &str) -> Option<&mut Finding> {
        let mut all = self.findings.iter_mut();
        all.find(|it| {
            it.id == "stateful-set-service-missing"
                && it.object.namespace == namespace
                && it
                    .evidence
                    .iter()
                    .any(|it| it.what == "serviceName" && it.value == name)
        })
    }

    /// A finding about the same pods: the same selector in the same namespace.
    pub(super) fn same_selector(
        &mut self,
        id: &str,
        namespace: &str,
        selector: &str,
    ) -> Option<&mut Finding> {
        let mut all = self.findings.iter_mut();
        all.find(|it| {
            it.id == id
                && it.object.namespace == namespace
                && it
                    .evidence
                    .iter()
                    .any(|it| it.what == "selector" && it.value == selector)
        })
    }

    /// The faults that were reported of an object.
    pub(super) fn fault_of(&mut self, about: &ObjectRef) -> Option<&mut Finding> {
        let mut all = self.findings.iter_mut();
        all.find(|it| {
            it.severity != Severity::Note
                && (it.object == *about || it.consequences.iter().any(|it| it.object == *about))
        })
    }

    /// What was found, with places, the worst first.
    pub(super) fn finish(mut self) -> Diagnosis {
        let mut findings = std::mem::take(&mut self.findings);
        for it in &mut findings {
            let source = self.manifest.and_then(|all| all.source(&it.object));
            it.place = source.map(|source| Place {
                file: source.file.to_string(),
                position: source.span(&it.path).start,
            });
        }
        sort_by(&mut findings, |a, b| {
            (a.severity, &a.object, &a.path, a.id).cmp(&(b.severity, &b.object, &b.path, b.id))
        });
        Diagnosis {
            findings,
            checked: self.checked,
        }
    }

    /// Whether a pod can ask: it runs, in a network of its own, and asks cluster DNS for names.
    fn is_on_network(&self, pod: &Pod) -> bool {
        let metadata = &pod.metadata;
        let id = HostId::Pod(metadata.namespace.clone(), metadata.name.clone());
        let asks_outside = matches!(pod.spec.dns_policy.as_deref(), Some("Default" | "None"));
        !pod.spec.host_network
            && !asks_outside
            && self.world.network.host(&id).is_some()
            && !self.world.network.is_down(&id)
    }

    /// The pods of a namespace that can ask; those that serve nothing come first.
    fn askers_in(&mut self, namespace: &str) -> &[ObjectRef] {
        if !self.askers.contains_key(namespace) {
            let objects = self.objects;
            let first = (namespace.to_owned(), String::new());
            let inside = objects.pods.range(first..);
            let inside = inside.take_while(|it| it.0.0 == namespace).map(|it| it.1);
            let (mut clients, mut servers) = (Vec::new(), Vec::new());
            for pod in inside.filter(|it| self.is_on_network(it)) {
                let metadata = &pod.metadata;
                let it = ObjectRef::new(crate::api::Kind::Pod, namespace, &metadata.name);
                if pod.listens().is_empty() {
                    clients.push(it);
                } else {
                    servers.push(it);
                }
            }
            clients.append(&mut servers);
            self.askers.insert(namespace.to_owned(), clients);
        }
        self.askers.get(namespace).map_or(&[], Vec::as_slice)
    }

    /// Who may ask a Service, the most natural first: pods of its namespace that are not behind it, pods of others, its own,
    /// a node. Whoever was told alone, if somebody was.
    pub(super) fn askers(&mut self, namespace: &str, selector: &Labels, n: usize) -> Vec<HostId> {
        if let Some(Source::Host(id)) = &self.asked.from {
            return vec![id.clone()];
        }
        let objects = self.objects;
        let host = |it: &ObjectRef| HostId::Pod(it.namespace.clone(), it.name.clone());
        let is_behind = |it: &&ObjectRef| {
            let pod = objects.pod(&it.namespace, &it.name);
            pod.is_some_and(|it| selects(selector, it.labels()))
        };
        let own = self.askers_in(namespace);
        let others: Vec<HostId> = own
            .iter()
            .filter(|it| !is_behind(it))
            .take(n)
            .map(host)
            .collect();
        let mut found = others;
        if found.len() < n {
            let namespaces: Vec<&String> = objects.namespaces.keys().collect();
            for other in namespaces {
                if other != namespace && other != "kube-system" {
                    let n_more = n.saturating_sub(found.len());
                    found.extend(self.askers_in(other).iter().take(n_more).map(host));
                }
            }
        }
        if found.is_empty() {
            found.extend(self.askers_in(namespace).iter().take(n).map(host));
        }
        if found.is_empty() {
            let up = |it: &&String| !self.world.network.is_down(&HostId::Node((**it).clone()));
            let node = objects.nodes.keys().find(up);
            found.extend(node.cloned().map(HostId::Node));
        }
        found
    }

    /// How somebody asks for a Service: by name where there is a name server to ask, else by address.
    pub(super) fn name_of(&self, asker: &HostId, service: &Service) -> Option<String> {
        let metadata = &service.metadata;
        let by_name = match asker {
            HostId::Pod(namespace, name) if self.has_dns => {
                let pod = self.objects.pod(namespace, name);
                (!pod.is_some_and(|it| it.spec.host_network)).then_some(namespace)
            }
            _ => None,
        };
        match by_name {
            // A pod knows its own name from its hosts file, and never asks for a Service that is called alike.
            Some(namespace)
                if *namespace == metadata.namespace && asker.short() != metadata.name =>
            {
                Some(metadata.name.clone())
            }
            Some(_) => Some([&metadata.name, ".", &metadata.namespace].concat()),
            None => service.cluster_ips().first().map(|it| bracketed(*it)),
        }
    }

    /// Walks a request to a port of a Service.
    pub(super) fn ask_port(
        &mut self,
        asker: &HostId,
        service: &Service,
        port: &ServicePort,
        ways: Ways,
    ) -> Option<Tried> {
        let is_many = self.checked.ports > MAX_NAMED && ways == Ways::One;
        let name = match service.cluster_ips().first() {
            Some(ip) if is_many => {
                self.checked.by_address += 1;
                bracketed(*ip)
            }
            _ => self.name_of(asker, service)?,
        };
        let protocol = Protocol::from_name(port.protocol())?;
        let to = written(&name, port.port, port, protocol);
        self.ask(Source::Host(asker.clone()), &to, protocol, ways)
    }

    /// Walks a request. None if it cannot even begin.
    pub(super) fn ask(
        &mut self,
        from: Source,
        to: &str,
        protocol: Protocol,
        ways: Ways,
    ) -> Option<Tried> {
        if self.checked.requests >= MAX_REQUESTS {
            self.checked.left_out += 1;
            return None;
        }
        let request = Request::new(from, Destination::parse(to, protocol).ok()?);
        let walks: Vec<(f64, Walk)> = match ways {
            Ways::One => {
                let mut chooser = Chooser::seeded(self.world.seed);
                let walk = walk(self.world, &request, &mut chooser).ok()?;
                let likely = chooser.made().iter().map(|it| it.probability).product();
                vec![(likely, walk)]
            }
            Ways::All => {
                let found = outcomes(self.world, &request, MAX_WAYS).ok()?;
                let branches = found.ways.branches.into_iter();
                branches.map(|it| (it.probability, it.result)).collect()
            }
        };
        self.checked.requests += 1;
        let found = worst(&request, &walks)?;
        if ways == Ways::One && found.fails() {
            // How often it fails is to be told as well.
            return self
                .ask(request.from, to, protocol, Ways::All)
                .or(Some(found));
        }
        Some(found)
    }
}

fn given_endpoints(manifest: Option<&Manifest>) -> BTreeMap<Key, &Endpoints> {
    let mut found = BTreeMap::new();
    for read in manifest.map_or(&[][..], |it| &it.objects) {
        if let Object::Endpoints(it) = &read.object {
            found.insert(key(&it.metadata), &**it);
        }
    }
    found
}

/// The end that fails most often, if any does, or else the first one.
fn worst(request: &Request, walks: &[(f64, Walk)]) -> Option<Tried> {
    let mut ends: Vec<Tried> = Vec::new();
    for (probability, walk) in walks {
        let end = &walk.ending;
        let same = |it: &&mut Tried| it.verdict == end.verdict && it.reason == end.reason;
        if let Some(known) = ends.iter_mut().find(same) {
            known.probability += probability;
            continue;
        }
        ends.push(Tried {
            from: request.from.to_string(),
            to: request.to.to_string(),
            protocol: request.to.protocol.name(),
            verdict: end.verdict,
            reason: end.reason.clone(),
            says: end.reason.as_ref().map(crate::sim::Why::sentence),
            symptom: end.symptom.clone(),
            exit_code: end.exit_code,
            probability: *probability,
            object: end.object.clone(),
        });
    }
    let mut chosen: Option<Tried> = None;
    for it in ends {
        let is_worse = chosen.as_ref().is_none_or(|known| {
            (it.fails() && !known.fails())
                || (it.fails() == known.fails() && it.probability > known.probability)
        });
        if is_worse {
            chosen = Some(it);
        }
    }
    chosen
}

/// An address as it stands before a port.
pub(super) fn bracketed(ip: IpAddr) -> String {
    let text = ip.to_string();
    if ip.is_ipv6() {
        ["[", &text, "]"].concat()
    } else {
        text
    }
}

/// A destination as a person would write it: a URL where HTTP is spoken.
pub(super) fn written(name: &str, number: i32, port: &ServicePort, protocol: Protocol) -> String {
    let number_text = number.to_string();
    let plain = [name, ":", &number_text].concat();
    if protocol != Protocol::Tcp {
        return plain;
    }
    let speaks = |it: &str| {
        port.name().starts_with(it) || port.app_protocol.as_deref().is_some_and(|app| app == it)
    };
    match number {
        80 => ["http://", name].concat(),
        443 => ["https://", name].concat(),
        _ if speaks("https") => ["https://", &plain].concat(),
        _ if speaks("http") || number == 8080 => ["http://", &plain].concat(),
        _ => plain,
    }
}
