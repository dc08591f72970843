//! What kube-proxy clears out of the connection table: exchanges over UDP that lead to an endpoint that
//! serves no more.
//!
//! `pkg/proxy/conntrack/cleanup.go` of Kubernetes 1.34 to 1.37 (`CleanStaleEntries`). A client of UDP that
//! keeps sending keeps its entry alive, and the entry leads to where its first packet went; without this
//! clearing it would send to a pod that is gone for as long as it lives. TCP needs none: its clients notice.
//!
//! **Left out**: when it runs, which its caller decides: after a sync that a change of a UDP port caused.

use super::{Form, SlicesByService, Snapshot, endpoints_of, service_ports};
use crate::ip::IpAddr;
use crate::net::Protocol;
use crate::netfilter::conntrack::{ConnectionId, Conntrack};
use std::collections::{BTreeMap, BTreeSet};

/// The connections of one node that kube-proxy deletes, given what it knows of Services and endpoints.
///
/// Traffic policies do not count. Up to 1.36 a Service without a serving endpoint clears nothing
/// (kubernetes issue 139628).
#[must_use]
pub fn stale_connections(snapshot: &Snapshot, conntrack: &Conntrack) -> Vec<ConnectionId> {
    let mut connections = conntrack.connections();
    if !connections.any(|it| it.original.protocol == Protocol::Udp) {
        return Vec::new();
    }
    let frontends = Frontends::new(snapshot);
    conntrack
        .connections()
        .filter(|it| it.original.protocol == Protocol::Udp)
        .filter(|it| it.original.source.is_ipv4() == snapshot.family.unspecified().is_ipv4())
        .filter(|it| {
            let (to, port) = (it.original.destination, it.original.destination_port);
            frontends.is_stale(to, port, it.reply.source)
        })
        .map(|it| it.id)
        .collect()
}

/// Deletes them; gives back how many there were.
pub fn clean_stale_connections(snapshot: &Snapshot, conntrack: &mut Conntrack) -> usize {
    let stale = stale_connections(snapshot, conntrack);
    for id in &stale {
        conntrack.delete(*id);
    }
    stale.len()
}

/// Where UDP Services are reached, and the addresses that serve them.
#[derive(Clone, Debug, Default)]
pub struct Frontends {
    by_address: BTreeMap<(IpAddr, u16), BTreeSet<IpAddr>>,
    by_node_port: BTreeMap<u16, BTreeSet<IpAddr>>,
}

impl Frontends {
    /// As kube-proxy on a node knows them.
    #[must_use]
    pub fn new(snapshot: &Snapshot) -> Self {
        let slices = SlicesByService::new(&snapshot.endpoint_slices, snapshot.family);
        let mut frontends = Frontends::default();
        let ports = service_ports(&snapshot.services, snapshot.family);
        for port in ports.iter().filter(|it| it.protocol == Protocol::Udp) {
            let endpoints = endpoints_of(port, &slices, &snapshot.node);
            let serving = endpoints.iter().filter(|it| it.serving);
            let serving: BTreeSet<IpAddr> = serving.map(|it| it.address).collect();
            if serving.is_empty() && snapshot.settings.form != Form::G4 {
                continue;
            }
            let vips = port.load_balancer_vips.iter().chain(&port.external_ips);
            for address in vips.chain([&port.cluster_ip]) {
                let key = (*address, port.port);
                frontends.by_address.insert(key, serving.clone());
            }
            if let Some(node_port) = port.node_port {
                frontends.by_node_port.insert(node_port, serving);
            }
        }
        frontends
    }

    /// Whether an exchange that was begun with an address and port is answered by one that serves it no more.
    #[must_use]
    pub fn is_stale(&self, to: IpAddr, port: u16, answers: IpAddr) -> bool {
        let lacks = |it: Option<&BTreeSet<IpAddr>>| it.is_some_and(|it| !it.contains(&answers));
        lacks(self.by_address.get(&(to, port))) || lacks(self.by_node_port.get(&port))
    }
}
