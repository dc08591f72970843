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

use super::tables::{self, In};
use super::{Conflict, Mode, NodePortAddresses, Programme, Served, Snapshot};
use crate::api::KubernetesVersion;
use crate::ip::{IpAddr, family};
use crate::netfilter::ipset::IpSet;
use crate::netfilter::ipvs::{Scheduler, VirtualAddress};
use crate::netfilter::{Datum, Tag};
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
pub(super) fn write(snapshot: &Snapshot, served: &Served) -> Programme {
    let mut writer = Writer::new(snapshot, State::default());
    for set in sets::all(snapshot.family) {
        writer.state.sets.push((set, Vec::new()));
    }
    for it in served.ports() {
        let endpoints = it.endpoints(&snapshot.node);
        let selected = super::select(&it.port, &endpoints, &snapshot.node);
        service::write(&mut writer, &it.port, &endpoints, &selected);
    }
    service::write_bound_addresses(&mut writer);
    rules::write(&mut writer);
    for (set, _) in std::mem::take(&mut writer.state.sets) {
        writer.transaction.ipvs.add_set(set);
    }
    writer.finish()
}

/// A programme being written.
type Writer<'a> = tables::Writer<'a, State>;

/// What is kept beside it.
#[derive(Default)]
struct State {
    /// The sets, each with what kube-proxy means to have in it: the kernel refuses some of that.
    sets: Vec<(IpSet, Vec<Datum>)>,
    /// Load balancers this node itself may not use.
    barred: Vec<(VirtualAddress, Tag)>,
    claims: BTreeMap<VirtualAddress, Tag>,
}

impl Writer<'_> {
    /// The name of a set in this family.
    fn set_name(&self, base: &str) -> String {
        sets::name(base, self.family())
    }

    fn add(&mut self, base: &str, element: Datum, tag: Tag) {
        let name = self.set_name(base);
        let found = self.state.sets.iter_mut().find(|it| *it.0.name == *name);
        let (set, meant) = found.expect("every set was made");
        set.insert(element.clone(), Some(tag));
        meant.push(element);
    }

    /// Whether kube-proxy means to have anything in a set.
    fn has_any(&self, base: &str) -> bool {
        let name = self.set_name(base);
        let mut sets = self.state.sets.iter();
        sets.any(|(it, meant)| *it.name == *name && !meant.is_empty())
    }

    /// Notes who has a virtual server; whether it is theirs.
    fn claim(&mut self, at: VirtualAddress, tag: Tag) -> bool {
        let first = *self.state.claims.entry(at).or_insert(tag);
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
}
