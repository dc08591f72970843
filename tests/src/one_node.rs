//! One node and one packet: the worked cluster of upstream's tests, and what its rules do.

use crate::{manifest, text};
use packetwalk_core::api::Object;
use packetwalk_core::chance::explore;
use packetwalk_core::ip::{Family, IpAddr, join_host_port};
use packetwalk_core::net::{Flow, Packet, Protocol, RouteTable, TcpFlags};
use packetwalk_core::netfilter::conntrack::Conntrack;
use packetwalk_core::netfilter::{
    DynamicElements, Hook, Outcome, Pass, Ruleset, Trace, Travelling, ct_status,
};
use packetwalk_core::proxy::{
    Detector, Form, IptablesSettings, IpvsSettings, NodeFacts, NodePortAddresses, Settings,
    Snapshot,
};
use packetwalk_core::time::Instant;
use std::collections::BTreeSet;

/// The addresses of the node of upstream's tests.
pub const NODE_IPS: [&str; 3] = ["192.168.0.2", "192.168.1.2", "192.168.99.11"];

/// The objects of upstream's overall-rules test on its node, in nftables mode's settings.
///
/// # Panics
/// If the scenario has anything but Services and EndpointSlices.
#[must_use]
pub fn worked(form: Form) -> Snapshot {
    let manifest = manifest(&text("tests/scenarios/worked.yaml"));
    let (mut services, mut endpoint_slices) = (Vec::new(), Vec::new());
    for read in manifest.objects {
        match read.object {
            Object::Service(it) => services.push(it),
            Object::EndpointSlice(it) => endpoint_slices.push(it),
            other => panic!("{:?}", other.reference()),
        }
    }
    let range = |text: &str| text.parse().expect("a range");
    Snapshot {
        family: Family::V4,
        node: NodeFacts {
            name: "test-node".into(),
            primary_ips: vec![ip(NODE_IPS[0])],
            all_ips: NODE_IPS.into_iter().map(ip).collect(),
            zone: None,
        },
        services,
        endpoint_slices,
        settings: Settings {
            form,
            service_cidrs: vec![range("172.30.0.0/16")],
            detector: Some(Detector::ClusterCidr(range("10.0.0.0/8"))),
            node_port_addresses: NodePortAddresses::Primary,
            masquerade_all: false,
            masquerade_mark: 0x4000,
            iptables: IptablesSettings::default(),
            ipvs: IpvsSettings::default(),
        },
    }
}

/// An address.
///
/// # Panics
/// If it is none.
#[must_use]
pub fn ip(text: &str) -> IpAddr {
    text.parse()
        .unwrap_or_else(|_| panic!("{text:?} is no address"))
}

/// A node with these addresses: everything else is somewhere behind its uplink.
#[must_use]
pub fn routes(addresses: &[&str]) -> RouteTable {
    let mut table = RouteTable::with_loopback();
    let addresses: Vec<_> = addresses.iter().map(|it| ip(it).into()).collect();
    table.add_interface("eth0", &addresses);
    for everything in ["0.0.0.0/0", "::/0"] {
        table.add_route(everything.parse().expect("a range"), None, "eth0");
    }
    table
}

/// The first packet of a connection.
///
/// # Panics
/// If there can be no such packet.
#[must_use]
pub fn packet(from: &str, to: &str, destination_port: u16, protocol: Protocol) -> Packet {
    let flow = Flow {
        protocol,
        source: ip(from),
        source_port: 34567,
        destination: ip(to),
        destination_port,
    };
    Packet::of_flow(flow, TcpFlags::SYN)
}

/// What becomes of a packet on the node: where each way leads, and whether it is masqueraded.
///
/// # Panics
/// If there are more than 64 ways, or one ends in neither passage, refusal nor loss.
#[must_use]
pub fn fates(ruleset: &Ruleset, routes: &RouteTable, packet: &Packet) -> BTreeSet<(String, bool)> {
    let ways = explore(1, 64, |chooser| {
        let mut conntrack = Conntrack::default();
        let mut dynamic = DynamicElements::default();
        let mut pass = Pass {
            ruleset,
            routes,
            conntrack: &mut conntrack,
            dynamic: &mut dynamic,
            chooser,
            now: Instant::START,
            trace: Trace::default(),
        };
        let from_node = routes.is_local(packet.source);
        let mut it = if from_node {
            Travelling::made_here(packet.clone(), "eth0")
        } else {
            Travelling::arriving(packet.clone(), "eth0")
        };
        let mut hooks = vec![if from_node {
            Hook::Output
        } else {
            Hook::Prerouting
        }];
        let mut outcome = pass.hook(hooks[0], &mut it);
        if outcome == Outcome::Accepted {
            it.oif = Some("eth0".into());
            let is_local = routes.is_local(it.packet.destination);
            hooks = match (from_node, is_local) {
                (true, _) => vec![Hook::Postrouting],
                (false, true) => vec![Hook::Input],
                (false, false) => vec![Hook::Forward, Hook::Postrouting],
            };
            for hook in hooks {
                outcome = pass.hook(hook, &mut it);
                if outcome != Outcome::Accepted {
                    break;
                }
            }
        }
        if matches!(outcome, Outcome::Redirected { .. }) {
            it.iif = None;
            it.oif = Some("eth0".into());
            outcome = match pass.hook(Hook::Output, &mut it) {
                Outcome::Accepted => pass.hook(Hook::Postrouting, &mut it),
                end => end,
            };
        }
        match outcome {
            Outcome::Accepted => {
                let port = it.packet.destination_port().unwrap_or_default();
                let to = join_host_port(it.packet.destination, port);
                let masqueraded = it.tracking.as_ref().is_some_and(|tracking| {
                    conntrack.connection(tracking).status & ct_status::SNAT != 0
                });
                (to, masqueraded)
            }
            Outcome::Rejected { .. } | Outcome::NoRealServer { .. } => ("REJECT".to_owned(), false),
            Outcome::Dropped { .. } => ("DROP".to_owned(), false),
            other => panic!("{other:?}"),
        }
    });
    assert!(ways.complete);
    ways.branches.into_iter().map(|it| it.result).collect()
}
