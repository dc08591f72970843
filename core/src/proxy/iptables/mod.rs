//! iptables mode: kube-proxy's rules in the tables filter and nat.
//!
//! `pkg/proxy/iptables/proxier.go` of Kubernetes 1.34 to 1.37, which write the same rules. What
//! kube-proxy ensures by single calls of `iptables` (the jumps out of built-in chains, the canary)
//! and what it hands to `iptables-restore` are one transaction here.
//!
//! **Left out**: the order of Services, which is luck in kube-proxy and by name here; the kubelet's
//! own chains (KUBE-IPTABLES-HINT, KUBE-KUBELET-CANARY).

mod incremental;
mod names;
mod service;
mod structure;

pub(super) use incremental::Memory;

use super::tables::{self, In};
use super::{Conflict, Programme, Served, Snapshot};
use crate::ip::{Cidr, Family, IpAddr, family};
use crate::netfilter::{Datum, Tag};
use crate::proxy::NodePortAddresses;
use crate::time::Duration;
use std::collections::BTreeMap;

/// With more endpoints than these, comments of endpoints are left out.
const LARGE_CLUSTER_ENDPOINTS: usize = 1000;

/// What only iptables mode reads of kube-proxy's settings, and what kube-proxy found on the node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IptablesSettings {
    /// Masquerade all ClusterIP traffic.
    pub masquerade_all: bool,
    /// The mark that asks for masquerade.
    pub masquerade_mark: u32,
    /// NodePorts answer on 127.0.0.1 too.
    pub localhost_node_ports: bool,
    /// TCP packets out of their window are not invalid.
    pub tcp_be_liberal: bool,
    /// Whether MASQUERADE knows `--random-fully`: since iptables 1.6.2.
    pub random_fully: bool,
    /// Whether the kernel has accounting objects: rules with nothing but a count refer to them.
    pub accounting: bool,
    /// How long chains nobody wants may stay in a large cluster.
    pub sync_period: Duration,
}

impl Default for IptablesSettings {
    fn default() -> Self {
        IptablesSettings {
            masquerade_all: false,
            masquerade_mark: 0x4000,
            localhost_node_ports: true,
            tcp_be_liberal: false,
            random_fully: true,
            accounting: false,
            sync_period: Duration::from_secs(30),
        }
    }
}

/// The rules of one node and family.
pub(super) fn write(snapshot: &Snapshot, served: &Served) -> Programme {
    let ports: Vec<_> = served
        .ports()
        .map(|it| (&it.port, it.endpoints(&snapshot.node)))
        .collect();
    let n_endpoints: usize = ports.iter().map(|it| it.1.len()).sum();
    let mut writer = Writer::new(snapshot, State::new(Remarks::of(n_endpoints)));
    structure::write_beginning(&mut writer, structure::Jumps::Missing);
    for (port, endpoints) in &ports {
        let selected = super::select(port, endpoints, &snapshot.node);
        service::write(&mut writer, port, &selected);
    }
    structure::write_end(&mut writer);
    writer.finish()
}

/// Whether rules of endpoints carry comments.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Remarks {
    Everywhere,
    /// In a large cluster they would cost too much.
    NotOfEndpoints,
}

impl Remarks {
    fn of(n_endpoints: usize) -> Self {
        match n_endpoints > LARGE_CLUSTER_ENDPOINTS {
            true => Remarks::NotOfEndpoints,
            false => Remarks::Everywhere,
        }
    }
}

/// A transaction being written.
type Writer<'a> = tables::Writer<'a, State>;

/// What is kept beside it.
struct State {
    remarks: Remarks,
    /// Who claims which address and port: the first claim's rules are met first.
    claims: BTreeMap<Datum, (String, Tag)>,
}

impl State {
    fn new(remarks: Remarks) -> Self {
        State {
            remarks,
            claims: BTreeMap::new(),
        }
    }
}

impl<'a> Writer<'a> {
    fn settings(&self) -> &'a IptablesSettings {
        &self.snapshot.settings.iptables
    }

    /// NodePorts on 127.0.0.1: only in IPv4, and only where NodePorts answer there at all.
    fn has_localhost_node_ports(&self) -> bool {
        let answers_on_loopback = match &self.snapshot.settings.node_port_addresses {
            NodePortAddresses::Unset => true,
            NodePortAddresses::Primary => false,
            NodePortAddresses::Ranges(ranges) => {
                let loopback = IpAddr::from([127, 0, 0, 0]);
                let is_there = |it: &Cidr| it.addr().is_loopback() || it.contains(&loopback);
                ranges.is_empty() || ranges.iter().any(is_there)
            }
        };
        let is_v4 = self.family() == Family::V4;
        is_v4 && self.settings().localhost_node_ports && answers_on_loopback
    }

    /// The addresses that take NodePort traffic; none stands for all local addresses.
    fn node_port_ips(&self) -> Option<Vec<IpAddr>> {
        let snapshot = self.snapshot;
        let ranges = match &snapshot.settings.node_port_addresses {
            NodePortAddresses::Unset => return None,
            NodePortAddresses::Primary => return snapshot.node_port_ips(),
            NodePortAddresses::Ranges(ranges) => ranges,
        };
        if ranges.iter().all(|it| it.prefix_len() == 0) {
            return None;
        }
        let loopback = self
            .has_localhost_node_ports()
            .then(|| IpAddr::from([127, 0, 0, 1]));
        let own = snapshot.node.all_ips.iter().copied();
        let candidates = own.filter(|it| !it.is_loopback()).chain(loopback);
        let taken = candidates
            .filter(|it| family(*it) == self.family())
            .filter(|ip| ranges.iter().any(|it| it.contains(ip)));
        Some(taken.collect())
    }

    /// Notes who claims an address or a NodePort; a second claim is never asked.
    fn claim(&mut self, key: Datum, claimant: &str, tag: Tag) {
        match self.state.claims.get(&key) {
            None => {
                self.state.claims.insert(key, (claimant.to_owned(), tag));
            }
            Some((first, _)) if first == claimant => {}
            Some((_, first)) => self.conflicts.push(Conflict {
                key: key.to_string(),
                first: *first,
                second: tag,
            }),
        }
    }
}
