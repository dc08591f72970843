//! Which connections kube-proxy makes a node forget after endpoints changed.
//!
//! `pkg/proxy/conntrack/cleanup.go` of Kubernetes 1.36: UDP flows to an address and port of a Service whose answers come
//! from nobody that serves it now. Such a flow was sent to an endpoint that is gone, or was recorded before there was
//! one; as long as its client goes on sending, it would never be decided about anew. TCP is left alone: an open
//! connection goes on to an endpoint that was removed until it closes.
//!
//! **Left out**: that the cleanup runs only after a sync in which a UDP port changed; it finds nothing in others, but
//! what a packet has done since.

use super::{SlicesByService, Snapshot, endpoints_of, service_ports};
use crate::ip::{IpAddr, family};
use crate::net::Protocol;
use crate::netfilter::conntrack::{Connection, ConnectionId};
use std::collections::{BTreeMap, BTreeSet};

/// From this release on, service ports without any serving endpoint are cleaned up too.
const CLEANS_EMPTY_FROM: super::Form = super::Form::G4;

/// The connections that kube-proxy on this node deletes.
#[must_use]
pub fn stale_connections<'a>(
    snapshot: &Snapshot,
    connections: impl IntoIterator<Item = &'a Connection>,
) -> Vec<ConnectionId> {
    let slices = SlicesByService::new(&snapshot.endpoint_slices, snapshot.family);
    let mut by_address: BTreeMap<(IpAddr, u16), BTreeSet<(IpAddr, u16)>> = BTreeMap::new();
    let mut by_node_port: BTreeMap<u16, BTreeSet<(IpAddr, u16)>> = BTreeMap::new();
    for port in service_ports(&snapshot.services, snapshot.family) {
        if port.protocol != Protocol::Udp {
            continue;
        }
        let serving: BTreeSet<(IpAddr, u16)> = endpoints_of(&port, &slices, &snapshot.node)
            .into_iter()
            .filter(|it| it.serving)
            .map(|it| (it.address, it.port))
            .collect();
        if serving.is_empty() && snapshot.settings.form < CLEANS_EMPTY_FROM {
            continue;
        }
        let addresses = [port.cluster_ip].into_iter();
        let addresses = addresses
            .chain(port.external_ips.iter().copied())
            .chain(port.load_balancer_vips.iter().copied());
        for address in addresses {
            by_address.insert((address, port.port), serving.clone());
        }
        if let Some(node_port) = port.node_port {
            by_node_port.insert(node_port, serving);
        }
    }
    let is_stale = |it: &&Connection| {
        if it.original.protocol != Protocol::Udp
            || family(it.original.destination) != snapshot.family
        {
            return false;
        }
        let asked = (it.original.destination, it.original.destination_port);
        let answers = (it.reply.source, it.reply.source_port);
        let serving = by_address
            .get(&asked)
            .or_else(|| by_node_port.get(&asked.1));
        serving.is_some_and(|it| !it.contains(&answers))
    };
    connections
        .into_iter()
        .filter(is_stale)
        .map(|it| it.id)
        .collect()
}
