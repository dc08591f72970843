//! ipvs mode: virtual servers in ip_vs, IP sets, the addresses of kube-ipvs0, and the iptables rules it still needs.
//!
//! `pkg/proxy/ipvs/proxier.go` and `ipset.go` of Kubernetes 1.31 to 1.37, which deprecated the mode in 1.35. What kube-proxy
//! ensures by single calls (sets, virtual servers, addresses, jumps out of built-in chains) and what it hands to
//! `iptables-restore` are one transaction here.
//!
//! **Left out**: graceful termination (a real server that goes keeps weight 0 as long as it has connections; here it
//! is gone, and its connections with it); the order of Services, real servers and set elements, which is luck in
//! kube-proxy and by name and address here; `excludeCIDRs`, `strictARP` and the time-outs of KubeProxyConfiguration; the
//! schedulers that are not modelled (lblc, lblcr, mh, fo, ovf); addresses of link scope.

mod listing;
mod reason;
mod rules;
mod service;
mod sets;

pub use listing::listing;
pub use reason::IpvsReason;

use super::{Conflict, Mode, NodePortAddresses, Origin, Origins, Programme, Reason, Snapshot};
use crate::api::{KubernetesVersion, ObjectRef};
use crate::ip::{Family, IpAddr, family};
use crate::netfilter::dialect::iptables::ordered;
use crate::netfilter::ipset::IpSet;
use crate::netfilter::ipvs::{Scheduler, VirtualAddress};
use crate::netfilter::{Chain, Datum, Object, Rule, TableFamily, TableKey, Tag, Transaction, Verb};
use std::collections::BTreeMap;

/// The mode's name in KubeProxyConfiguration.
pub(super) const NAME: &str = "ipvs";

/// The interface that has every address of a Service, on every node.
pub const DUMMY_INTERFACE: &str = "kube-ipvs0";

/// What only ipvs mode reads of kube-proxy's settings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IpvsSettings {
    /// How virtual servers choose.
    pub scheduler: Scheduler,
}

impl IpvsSettings {
    pub(super) fn read(told: &crate::api::IpvsSettings) -> Self {
        IpvsSettings {
            scheduler: Scheduler::of(&told.scheduler).unwrap_or_default(),
        }
    }

    /// Whether a scheduler of this name is modelled; nothing at all stands for rr.
    #[must_use]
    pub fn knows(scheduler: &str) -> bool {
        scheduler.is_empty() || Scheduler::of(scheduler).is_some()
    }
}

/// Whether a release calls a mode deprecated.
#[must_use]
pub fn is_deprecated(mode: &Mode, version: KubernetesVersion) -> bool {
    mode.name == NAME
        && version
            >= KubernetesVersion {
                major: 1,
                minor: 35,
            }
}

/// The virtual servers, sets and rules of one node and family.
pub(super) fn sync(snapshot: &Snapshot) -> Programme {
    let slices = super::SlicesByService::new(&snapshot.endpoint_slices, snapshot.family);
    let mut writer = Writer::new(snapshot);
    for set in sets::all(snapshot.family) {
        writer.sets.push((set, Vec::new()));
    }
    for port in super::service_ports(&snapshot.services, snapshot.family) {
        let endpoints = super::endpoints_of(&port, &slices, &snapshot.node);
        let selected = super::select(&port, &endpoints, &snapshot.node);
        service::write(&mut writer, &port, &endpoints, &selected);
    }
    service::write_bound_addresses(&mut writer);
    rules::write(&mut writer);
    writer.finish()
}

/// The tables kube-proxy writes into.
#[derive(Clone, Copy, PartialEq, Eq)]
enum In {
    Nat,
    Filter,
}

/// A programme being written.
struct Writer<'a> {
    snapshot: &'a Snapshot,
    transaction: Transaction,
    origins: Origins,
    /// The sets, each with what kube-proxy means to have in it: the kernel refuses some of that.
    sets: Vec<(IpSet, Vec<Datum>)>,
    /// Load balancers this node itself may not use.
    barred: Vec<(VirtualAddress, Tag)>,
    claims: BTreeMap<VirtualAddress, Tag>,
    conflicts: Vec<Conflict>,
}

impl<'a> Writer<'a> {
    fn new(snapshot: &'a Snapshot) -> Self {
        Writer {
            snapshot,
            transaction: Transaction::default(),
            origins: Origins::default(),
            sets: Vec::new(),
            barred: Vec::new(),
            claims: BTreeMap::new(),
            conflicts: Vec::new(),
        }
    }

    fn family(&self) -> Family {
        self.snapshot.family
    }

    fn key(&self, table: In) -> TableKey {
        let name = match table {
            In::Nat => "nat",
            In::Filter => "filter",
        };
        TableKey::new(TableFamily::from(self.family()), name)
    }

    fn table(&mut self, table: In) {
        let key = self.key(table);
        let object = Object::Table { comment: None };
        self.transaction.push(Verb::Add, &key, object);
    }

    fn chain(&mut self, table: In, chain: Chain) {
        let key = self.key(table);
        self.transaction.push(Verb::Add, &key, Object::Chain(chain));
    }

    fn rule(&mut self, table: In, chain: &str, rule: Rule, tag: Tag) {
        let key = self.key(table);
        let note = rule.note.clone().tagged(tag);
        let rule = ordered(Rule { note, ..rule });
        let chain = chain.into();
        let object = Object::Rule { chain, rule };
        self.transaction.push(Verb::Add, &key, object);
    }

    /// The name of a set in this family.
    fn set_name(&self, base: &str) -> String {
        sets::name(base, self.family())
    }

    fn add(&mut self, base: &str, element: Datum, tag: Tag) {
        let name = self.set_name(base);
        let found = self.sets.iter_mut().find(|it| *it.0.name == *name);
        let (set, meant) = found.expect("every set was made");
        set.insert(element.clone(), Some(tag));
        meant.push(element);
    }

    /// Whether kube-proxy means to have anything in a set.
    fn has_any(&self, base: &str) -> bool {
        let name = self.set_name(base);
        let mut sets = self.sets.iter();
        sets.any(|(it, meant)| *it.name == *name && !meant.is_empty())
    }

    /// Notes who has a virtual server; whether it is theirs.
    fn claim(&mut self, at: VirtualAddress, tag: Tag) -> bool {
        let first = *self.claims.entry(at).or_insert(tag);
        if first != tag {
            self.conflicts.push(Conflict {
                key: sets::address(at).to_string(),
                first,
                second: tag,
            });
        }
        first == tag
    }

    /// The node's addresses that take NodePort traffic.
    fn node_port_ips(&self) -> Vec<IpAddr> {
        let snapshot = self.snapshot;
        let ranges = match &snapshot.settings.node_port_addresses {
            NodePortAddresses::Primary => return snapshot.node_port_ips().unwrap_or_default(),
            NodePortAddresses::Unset => &[][..],
            NodePortAddresses::Ranges(ranges) => ranges,
        };
        let takes_all = ranges.is_empty() || ranges.iter().any(|it| it.prefix_len() == 0);
        let own = snapshot.node.all_ips.iter().copied();
        own.filter(|it| family(*it) == self.family() && !it.is_loopback())
            .filter(|ip| takes_all || ranges.iter().any(|it| it.contains(ip)))
            .collect()
    }

    /// The tag of something kube-proxy writes on its own account.
    fn own(&mut self, reason: Reason) -> Tag {
        self.origins.tag(Origin {
            object: None,
            path: String::new(),
            reason,
        })
    }

    /// The tag of something it writes because of a field.
    fn because_of(&mut self, object: ObjectRef, path: &str, reason: Reason) -> Tag {
        self.origins.tag(Origin {
            object: Some(object),
            path: path.to_owned(),
            reason,
        })
    }

    fn finish(mut self) -> Programme {
        for (set, _) in self.sets {
            self.transaction.ipvs.add_set(set);
        }
        Programme {
            transaction: self.transaction,
            origins: self.origins,
            conflicts: self.conflicts,
        }
    }
}
