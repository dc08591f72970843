//! Flows that go on to an endpoint that is none any more: UDP has no end, and a known flow never asks the rules again.
//!
//! kube-proxy clears such flows away when endpoints go; what is left is what it did not see. Only worlds that remember
//! connections have any.
//!
//! **Left out**: TCP, whose connections end when the pod is gone.

use super::examination::{Examination, bracketed};
use super::finding::{Finding, Severity};
use super::service::{about, short};
use crate::api::Service;
use crate::ip::{IpAddr, Protocol, parse_sloppy};
use crate::netfilter::conntrack::Connection;
use crate::sim::HostId;
use std::sync::Arc;

/// Looks at the connections that nodes remember.
pub(super) fn examine(it: &mut Examination<'_>) {
    let now = it.world.cluster.clock().now;
    let mut found = Vec::new();
    for host in it.world.network.hosts() {
        let HostId::Node(node) = &host.id else {
            continue;
        };
        for connection in host.conntrack.connections() {
            let is_udp = connection.original.protocol == Protocol::Udp;
            let is_sent_on = connection.reply.source != connection.original.destination
                || connection.reply.source_port != connection.original.destination_port;
            if is_udp && is_sent_on && !connection.is_expired(now) {
                found.push((node.clone(), connection.clone()));
            }
        }
    }
    for (node, connection) in found {
        let flow = &connection.original;
        let service = it.objects.services.values().find(|service| {
            let ips = service.cluster_ips();
            ips.contains(&flow.destination) || is_node_port(service, flow.destination_port)
        });
        let Some(service) = service else { continue };
        if is_endpoint(it, service, connection.reply.source) {
            continue;
        }
        report(it, service, &node, &connection);
    }
}

fn is_node_port(service: &Service, port: u16) -> bool {
    service.node_ports().any(|it| it == i32::from(port))
}

fn is_endpoint(it: &Examination<'_>, service: &Arc<Service>, address: IpAddr) -> bool {
    let metadata = &service.metadata;
    let slices = it.objects.slices_of(&metadata.namespace, &metadata.name);
    let mut addresses = slices
        .flat_map(|it| &it.endpoints)
        .flat_map(|it| &it.addresses);
    addresses.any(|it| parse_sloppy(it) == Some(address))
}

fn report(it: &mut Examination<'_>, service: &Service, node: &str, connection: &Connection) {
    let own = about(service);
    let gone = connection.reply.source.to_string();
    let client = bracketed(connection.original.source);
    let sentence = [
        "Node ",
        node,
        " still sends what ",
        &client,
        " says to ",
        &short(&own),
        " over UDP to ",
        &gone,
        ", which is no endpoint any more.",
    ];
    let id = "stale-flow";
    let path = "spec.ports".to_owned();
    let finding = Finding::new(id, Severity::Warning, own, path, sentence.concat());
    let orig = connection.original.destination.to_string();
    let delete = [
        "conntrack -D -p udp --orig-dst ",
        &orig,
        " --reply-src ",
        &gone,
    ]
    .concat();
    it.report(
        finding
            .fact("node", node.to_owned())
            .fact("client", client)
            .fact("goes to", gone)
            .look("on that node: have it forget the flow", delete),
    );
}
