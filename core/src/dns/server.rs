//! The server: which block answers, and what its plugins make of a question one after the other.
//!
//! CoreDNS 1.14.7 `core/dnsserver/server.go`, with the Corefile of ConfigMap `kube-system/coredns`,
//! or kubeadm's where there is none. Names outside are those of ConfigMap `kube-system/outside`.
//!
//! **Left out**: the serial of zones does not move with changes; more than one server process, each
//! of which would have a cache of its own; start-up, health and overload.

use super::cache::Cache;
use super::cluster::ready_addresses;
use super::corefile::{self, kubeadm_corefile};
use super::kubernetes::{Around, Kubernetes};
use super::message::{Answer, Question, Rcode, Record, RecordType, Transport};
use super::name::longest_zone;
use super::outside::Outside;
use super::plugins::{Block, Plugin, block};
use super::rewrite::{put_back, rewrite};
use super::wire::fit;
use crate::api::{Complaint, EndpointSlice};
use crate::chance::Chooser;
use crate::ip::{IpAddr, family};
use crate::store::Objects;
use crate::time::Instant;

/// A cluster's name server: its settings, read once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    blocks: Vec<Block>,
    outside: Outside,
    complaints: Vec<Complaint>,
}

/// How often a server asks itself for the target of a CNAME before it gives up.
const MAX_ENTRIES: usize = 10;

/// The version of the cluster's zones: the first second of 2026, since the core knows no date.
const SERIAL: u32 = 1_767_225_600;

impl Server {
    /// The server of a cluster, by what its ConfigMaps say.
    #[must_use]
    pub fn new(objects: &Objects) -> Self {
        Self::knowing(objects, &[])
    }

    /// The same that knows some more names outside the cluster.
    #[must_use]
    pub fn knowing(objects: &Objects, more: &[(String, Vec<IpAddr>)]) -> Self {
        let text = |name: &str, key: &str| {
            let map = objects
                .config_maps
                .get(&("kube-system".to_owned(), name.to_owned()));
            map.and_then(|it| it.data.get(key)).map(String::as_str)
        };
        let mut zone = text("outside", "zone").unwrap_or_default().to_owned();
        for (name, ips) in more {
            for ip in ips {
                let kind = if ip.is_ipv6() { "AAAA" } else { "A" };
                zone.push_str(&format!("\n{name}. 60 IN {kind} {ip}\n"));
            }
        }
        let domain = objects.cluster.dns_domain();
        let mut server = Server::from_texts(text("coredns", "Corefile"), &zone, domain);
        let local_ips = local_ips(objects);
        for kubernetes in server.kubernetes_mut() {
            kubernetes.local_ips.clone_from(&local_ips);
            kubernetes.serial = SERIAL;
        }
        server
    }

    /// The server of a Corefile and a zone of outside names. Without a Corefile, or with one that
    /// cannot be taken apart, it is kubeadm's for this domain.
    #[must_use]
    pub fn from_texts(corefile: Option<&str>, zone: &str, domain: &str) -> Self {
        let mut complaints = Vec::new();
        let told = corefile.and_then(|it| match corefile::parse(it) {
            Ok(blocks) => Some(blocks),
            Err(complaint) => {
                let hint = "CoreDNS would not start: kubeadm's Corefile is taken instead";
                complaints.push(complaint.try_this(hint));
                None
            }
        });
        let server_blocks = told.unwrap_or_else(|| {
            let blocks = corefile::parse(&kubeadm_corefile(domain));
            blocks.expect("kubeadm's Corefile has brackets that match")
        });
        let read = server_blocks.iter();
        let blocks = read.filter_map(|it| block(it, &mut complaints)).collect();
        let (outside, about_zone) = Outside::parse(zone);
        complaints.extend(about_zone);
        Server {
            blocks,
            outside,
            complaints,
        }
    }

    /// The names outside the cluster.
    #[must_use]
    pub const fn outside(&self) -> &Outside {
        &self.outside
    }

    /// What is wrong or doubtful in the Corefile and the zone.
    #[must_use]
    pub fn complaints(&self) -> &[Complaint] {
        &self.complaints
    }

    /// The settings of the kubernetes plugins, one a block at most.
    pub fn kubernetes(&self) -> impl Iterator<Item = &Kubernetes> {
        let plugins = self.blocks.iter().flat_map(|it| &it.plugins);
        plugins.filter_map(|it| match it {
            Plugin::Kubernetes(it) => Some(it),
            _ => None,
        })
    }

    /// The same, to say what no Corefile can: bound addresses, the serial, what has been seen.
    pub fn kubernetes_mut(&mut self) -> impl Iterator<Item = &mut Kubernetes> {
        let plugins = self.blocks.iter_mut().flat_map(|it| &mut it.plugins);
        plugins.filter_map(|it| match it {
            Plugin::Kubernetes(it) => Some(it),
            _ => None,
        })
    }

    /// Answers a question at an instant. What is kept for later goes into `cache`; the order of
    /// addresses is drawn.
    pub fn answer(
        &self,
        objects: &Objects,
        question: &Question,
        transport: Transport,
        now: Instant,
        cache: &mut Cache,
        chooser: &mut Chooser,
    ) -> Answer {
        let mut run = Run {
            server: self,
            objects,
            now,
            cache,
            chooser,
            n_entries: 0,
        };
        let mut answer = run.ask(question);
        fit(question, &mut answer, transport);
        answer
    }

    /// The block for a name: the one with the longest zone it is in. A DS record belongs to the
    /// zone above, so the block of that zone is preferred.
    fn block(&self, question: &Question) -> Option<&Block> {
        let name = &question.name;
        let is_ds = question.kind == RecordType::DS;
        let mut found: Option<(&Block, usize)> = None;
        for block in &self.blocks {
            let Some(zone) = longest_zone(&block.zones, name) else {
                continue;
            };
            let is_itself = zone.len() == name.len();
            let length = if is_ds && is_itself { 0 } else { zone.len() };
            if found.is_none_or(|it| it.1 < length) {
                found = Some((block, length));
            }
        }
        found.map(|it| it.0)
    }
}

/// One question on its way through the server.
struct Run<'a> {
    server: &'a Server,
    objects: &'a Objects,
    now: Instant,
    cache: &'a mut Cache,
    chooser: &'a mut Chooser,
    n_entries: usize,
}

impl<'a> Run<'a> {
    /// The whole server's answer.
    fn ask(&mut self, question: &Question) -> Answer {
        if self.n_entries >= MAX_ENTRIES {
            return Answer::empty(Rcode::ServFail);
        }
        self.n_entries += 1;
        let answer = match self.server.block(question) {
            None => Answer::empty(Rcode::Refused),
            Some(block) => self.step(block, 0, question),
        };
        self.n_entries -= 1;
        answer
    }

    /// The answer of a block from one plugin on.
    fn step(&mut self, block: &'a Block, idx: usize, question: &Question) -> Answer {
        let Some(plugin) = block.plugins.get(idx) else {
            // Nobody is left to ask.
            return Answer::empty(Rcode::ServFail);
        };
        let objects = self.objects;
        match plugin {
            Plugin::LoadBalance => {
                let mut answer = self.step(block, idx + 1, question);
                balance(&mut answer, self.chooser);
                answer
            }
            Plugin::Cache(it) if it.covers(&question.name) => {
                if let Some(kept) = self.cache.kept(question, self.now) {
                    return kept;
                }
                let mut answer = self.step(block, idx + 1, question);
                it.keep(self.cache, question, self.now, &mut answer);
                answer
            }
            Plugin::Cache(_) => self.step(block, idx + 1, question),
            Plugin::Rewrite(rules) => {
                let (asked, names) = rewrite(rules, question);
                let mut answer = self.step(block, idx + 1, &asked);
                put_back(&mut answer, &names);
                answer
            }
            Plugin::Hosts(it) => it.serve(question, &mut self.here(block, idx)),
            Plugin::External(it) => {
                let kubernetes = block.plugins.iter().find_map(|it| match it {
                    Plugin::Kubernetes(it) => Some(it),
                    _ => None,
                });
                let mut here = self.here(block, idx);
                match kubernetes {
                    Some(kubernetes) => it.serve(kubernetes, objects, question, &mut here),
                    None => here.next(question),
                }
            }
            Plugin::Kubernetes(it) => it.serve(objects, question, &mut self.here(block, idx)),
            Plugin::Forward(it) => {
                let name = &question.name;
                let is_ours = longest_zone(&it.zones, name).is_some();
                if is_ours && longest_zone(&it.except, name).is_none() {
                    self.server.outside.answer(question)
                } else {
                    self.step(block, idx + 1, question)
                }
            }
        }
    }

    fn here(&mut self, block: &'a Block, idx: usize) -> Here<'_, 'a> {
        Here {
            run: self,
            block,
            idx,
        }
    }
}

/// A place in the row of plugins.
struct Here<'run, 'a> {
    run: &'run mut Run<'a>,
    block: &'a Block,
    idx: usize,
}

impl Around for Here<'_, '_> {
    fn next(&mut self, question: &Question) -> Answer {
        self.run.step(self.block, self.idx + 1, question)
    }

    fn look_up(&mut self, question: &Question) -> Answer {
        self.run.ask(question)
    }
}

/// Shuffles addresses and mail servers; CNAMEs come first, and all else keeps its order.
fn balance(answer: &mut Answer, chooser: &mut Chooser) {
    if answer.rcode != Rcode::NoError {
        return;
    }
    let sections = [
        &mut answer.answer,
        &mut answer.authority,
        &mut answer.additional,
    ];
    for section in sections {
        let mut parts: [Vec<Record>; 4] = Default::default();
        for record in std::mem::take(section) {
            let part = match record.kind {
                RecordType::CNAME => 0,
                RecordType::A | RecordType::AAAA => 2,
                RecordType::MX => 3,
                _ => 1,
            };
            parts[part].push(record);
        }
        for part in &mut parts[2..] {
            for idx in 1..part.len() {
                let drawn = chooser.draw(u64::try_from(idx + 1).unwrap_or(1));
                part.swap(idx, usize::try_from(drawn).unwrap_or(idx));
            }
        }
        section.extend(parts.into_iter().flatten());
    }
}

/// The addresses the server is bound to: those of the first endpoint of `kube-dns`, one a family.
fn local_ips(objects: &Objects) -> Vec<IpAddr> {
    let mut ips: Vec<IpAddr> = Vec::new();
    let slices = objects.slices_of("kube-system", "kube-dns");
    for (_, ip, _) in slices.flat_map(|it| ready_addresses(it as &EndpointSlice)) {
        if ips.iter().all(|it| family(*it) != family(ip)) {
            ips.push(ip);
        }
    }
    ips
}
