//! Gives every pod on a node an address: the next free one of the node's pod range.
//!
//! **Left out**: probes, restarts, images, and time: a pod whose status says nothing runs and is
//! ready. A node without a pod range gives its pods no address.

use crate::api::{Node, Pod, PodIp};
use crate::chance::Chooser;
use crate::ip::{Cidr, IpAddr, nth};
use crate::store::Objects;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The first address of a pod range that a pod can have; the one before is the node's bridge.
const FIRST_POD: u128 = 2;

/// How many pods a range is searched for before it counts as full.
const MAX_PODS: u128 = 1 << 16;

pub(super) fn reconcile(objects: &mut Objects, _: &mut Chooser) {
    let mut used: BTreeSet<IpAddr> = BTreeSet::new();
    for ip in objects.pods.values().flat_map(|it| it.ips()) {
        used.insert(ip);
    }
    let nodes = objects.nodes.clone();
    for pod in objects.pods.values_mut() {
        if !pod.ips().is_empty() || pod.is_over() {
            continue;
        }
        let Some(node) = pod.spec.node_name.as_ref().and_then(|it| nodes.get(it)) else {
            continue;
        };
        let ips = addresses(pod, node, &mut used);
        let Some(first) = ips.first() else { continue };
        let status = &mut Arc::make_mut(pod).status;
        status.pod_ip = Some(first.to_string());
        status.pod_ips = ips.iter().map(|it| PodIp { ip: it.to_string() }).collect();
        status.phase.get_or_insert_with(|| "Running".into());
    }
}

fn addresses(pod: &Pod, node: &Node, used: &mut BTreeSet<IpAddr>) -> Vec<IpAddr> {
    if pod.spec.host_network {
        return node.internal_ips();
    }
    let free = |range: Cidr, used: &BTreeSet<IpAddr>| {
        (FIRST_POD..MAX_PODS)
            .map_while(|it| nth(range, it))
            .find(|it| !used.contains(it))
    };
    let mut ips = Vec::new();
    for range in node.pod_ranges() {
        if let Some(ip) = free(range, used) {
            used.insert(ip);
            ips.push(ip);
        }
    }
    ips
}
