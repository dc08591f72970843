//! What a packet experiences: one new connection each, as a real Linux 6.18 answered it with the worked
//! rules of each mode and form loaded.

use packetwalk_core::ip::join_host_port;
use packetwalk_core::net::Protocol;
use packetwalk_core::proxy::{Form, NodePortAddresses, mode};
use packetwalk_tests::one_node::{NODE_IPS, fates, packet, routes, worked};
use std::collections::BTreeSet;

/// What is sent, from, to, over which protocol; what became of it with the rules of 1.35, and with
/// those of 1.36 and of iptables mode where that differs.
type Row = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
);

const ROWS: [Row; 35] = [
    (
        "pod to ClusterIP",
        "10.0.0.5",
        "172.30.0.41:80",
        "TCP",
        "10.180.0.1:80",
        "",
        "",
    ),
    (
        "outside to ClusterIP",
        "203.0.113.9",
        "172.30.0.41:80",
        "TCP",
        "10.180.0.1:80 masquerade",
        "",
        "",
    ),
    (
        "node to ClusterIP",
        "192.168.0.2",
        "172.30.0.41:80",
        "TCP",
        "10.180.0.1:80 masquerade",
        "",
        "",
    ),
    (
        "pod to ClusterIP, wrong port",
        "10.0.0.5",
        "172.30.0.41:81",
        "TCP",
        "REJECT",
        "",
        "unchanged",
    ),
    (
        "pod to ClusterIP, right port wrong protocol",
        "10.0.0.5",
        "172.30.0.41:80",
        "UDP",
        "REJECT",
        "",
        "unchanged",
    ),
    (
        "pod pings ClusterIP",
        "10.0.0.5",
        "172.30.0.41",
        "ICMP",
        "REJECT",
        "",
        "unchanged",
    ),
    (
        "node to ClusterIP, wrong port",
        "192.168.0.2",
        "172.30.0.41:81",
        "TCP",
        "REJECT",
        "",
        "unchanged",
    ),
    (
        "pod to unallocated ClusterIP",
        "10.0.0.5",
        "172.30.9.9:80",
        "TCP",
        "DROP",
        "",
        "unchanged",
    ),
    (
        "node to unallocated ClusterIP",
        "192.168.0.2",
        "172.30.9.9:80",
        "TCP",
        "DROP",
        "",
        "unchanged",
    ),
    (
        "pod to ClusterIP without endpoints",
        "10.0.0.5",
        "172.30.0.46:80",
        "TCP",
        "REJECT",
        "",
        "",
    ),
    (
        "node to ClusterIP without endpoints",
        "192.168.0.2",
        "172.30.0.46:80",
        "TCP",
        "REJECT",
        "",
        "",
    ),
    (
        "pod to ClusterIP without endpoints, wrong port",
        "10.0.0.5",
        "172.30.0.46:81",
        "TCP",
        "REJECT",
        "",
        "unchanged",
    ),
    (
        "pod to LB IP, eTP Local, no local endpoint",
        "10.0.0.5",
        "1.2.3.4:80",
        "TCP",
        "10.180.0.2:80",
        "",
        "",
    ),
    (
        "outside to LB IP, eTP Local, no local endpoint",
        "203.0.113.9",
        "1.2.3.4:80",
        "TCP",
        "DROP",
        "",
        "",
    ),
    (
        "node to LB IP, eTP Local, no local endpoint",
        "192.168.0.2",
        "1.2.3.4:80",
        "TCP",
        "10.180.0.2:80 masquerade",
        "",
        "",
    ),
    (
        "outside to LB IP, wrong port",
        "203.0.113.9",
        "1.2.3.4:81",
        "TCP",
        "unchanged",
        "",
        "",
    ),
    (
        "outside to externalIP, eTP Local, no local endpoint",
        "203.0.113.9",
        "192.168.99.22:80",
        "TCP",
        "DROP",
        "",
        "",
    ),
    (
        "outside to NodePort, eTP Local, no local endpoint",
        "203.0.113.9",
        "192.168.0.2:3001",
        "TCP",
        "DROP",
        "",
        "",
    ),
    (
        "pod to NodePort, eTP Local",
        "10.0.0.5",
        "192.168.0.2:3001",
        "TCP",
        "10.180.0.2:80",
        "",
        "",
    ),
    (
        "node to NodePort, eTP Local",
        "192.168.0.2",
        "192.168.0.2:3001",
        "TCP",
        "10.180.0.2:80 masquerade",
        "",
        "",
    ),
    (
        "outside to NodePort, eTP Cluster",
        "203.0.113.9",
        "192.168.0.2:3003",
        "TCP",
        "10.180.0.3:80 masquerade",
        "",
        "",
    ),
    (
        "pod to NodePort, eTP Cluster",
        "10.0.0.5",
        "192.168.0.2:3003",
        "TCP",
        "10.180.0.3:80 masquerade",
        "",
        "",
    ),
    (
        "outside to NodePort on secondary node IP",
        "203.0.113.9",
        "192.168.1.2:3003",
        "TCP",
        "unchanged",
        "",
        "10.180.0.3:80 masquerade",
    ),
    (
        "node loopback to NodePort",
        "127.0.0.1",
        "127.0.0.1:3003",
        "TCP",
        "unchanged",
        "",
        "10.180.0.3:80 masquerade",
    ),
    (
        // Nobody listens on that port: the node itself answers, and no rule.
        "outside to NodePort, wrong protocol",
        "203.0.113.9",
        "192.168.0.2:3003",
        "UDP",
        "unchanged",
        "",
        "",
    ),
    (
        "outside to unused NodePort",
        "203.0.113.9",
        "192.168.0.2:3999",
        "TCP",
        "unchanged",
        "",
        "",
    ),
    (
        "allowed client to LB with source ranges",
        "203.0.113.9",
        "5.6.7.8:80",
        "TCP",
        "10.180.0.3:80 masquerade",
        "",
        "",
    ),
    (
        "other client to LB with source ranges",
        "1.1.1.1",
        "5.6.7.8:80",
        "TCP",
        "DROP",
        "",
        "",
    ),
    (
        "pod to LB with source ranges",
        "10.0.0.5",
        "5.6.7.8:80",
        "TCP",
        "DROP",
        "",
        "",
    ),
    (
        "node to LB with source ranges",
        "192.168.0.2",
        "5.6.7.8:80",
        "TCP",
        "DROP",
        "",
        "",
    ),
    (
        "other client to NodePort of that LB",
        "1.1.1.1",
        "192.168.0.2:3002",
        "TCP",
        "10.180.0.3:80 masquerade",
        "",
        "",
    ),
    (
        "local endpoint pod to own ClusterIP",
        "10.180.0.5",
        "172.30.0.44:80",
        "TCP",
        "10.180.0.4:80 or 10.180.0.5:80 masquerade",
        "",
        "",
    ),
    (
        "remote endpoint pod to own ClusterIP",
        "10.180.0.4",
        "172.30.0.44:80",
        "TCP",
        "10.180.0.4:80 masquerade or 10.180.0.5:80",
        "10.180.0.4:80 or 10.180.0.5:80",
        "",
    ),
    (
        "outside to externalIP, eTP Cluster",
        "203.0.113.9",
        "192.168.99.33:80",
        "TCP",
        "10.180.0.4:80 masquerade or 10.180.0.5:80 masquerade",
        "",
        "",
    ),
    (
        "pod straight to pod",
        "10.0.0.5",
        "10.180.0.1:80",
        "TCP",
        "unchanged",
        "",
        "",
    ),
];

/// Which of a row's answers holds.
type Answer = fn(&Row) -> &'static str;

/// The columns: mode, form, and which of a row's answers holds.
const COLUMNS: [(&str, Form, Answer); 4] = [
    ("nftables", Form::G2, |it| it.4),
    ("nftables", Form::G3, |it| or(it.5, it.4)),
    ("nftables", Form::G4, |it| or(it.5, it.4)),
    ("iptables", Form::G4, |it| or(it.6, it.4)),
];

fn or(special: &'static str, common: &'static str) -> &'static str {
    match special {
        "" => common,
        _ => special,
    }
}

#[test]
fn every_packet_experiences_what_the_kernel_made_of_it() {
    for (name, form, answer) in COLUMNS {
        let mode = mode(name).expect("a mode");
        let mut snapshot = worked(form);
        if name == "iptables" {
            snapshot.settings.node_port_addresses = NodePortAddresses::Unset;
        }
        let ruleset = (mode.sync)(&snapshot).ruleset();
        for row in &ROWS {
            let (what, from, to, protocol, ..) = row;
            let (to, port) = match to.split_once(':') {
                Some((to, port)) => (to, port.parse().expect("a port")),
                None => (*to, 0),
            };
            let protocol = Protocol::from_name(protocol).expect("a protocol");
            let packet = packet(from, to, port, protocol);
            let unchanged = || {
                let port = packet.destination_port().unwrap_or_default();
                join_host_port(packet.destination, port)
            };
            let wanted = answer(row).split(" or ").map(|it| match it {
                "unchanged" => (unchanged(), false),
                it => match it.strip_suffix(" masquerade") {
                    Some(to) => (to.to_owned(), true),
                    None => (it.to_owned(), false),
                },
            });
            assert_eq!(
                fates(&ruleset, &routes(&NODE_IPS), &packet),
                wanted.collect::<BTreeSet<_>>(),
                "{name} mode, {form:?}: {what}"
            );
        }
    }
}
