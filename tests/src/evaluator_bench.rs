//! How fast the evaluator is: beside a bare loop over hash maps in the same run, and as Services grow.
//!
//! The bare loop does what no simulator can do without: it finds or makes a connection, chooses an endpoint,
//! rewrites the header and writes six events down. The evaluator takes the same packet through the hooks of a
//! node with kube-proxy's rules and writes the whole trace.
//!
//! Read by this package's benchmark and, by its path, by that of the page, which has another clock.
//!
//! Both write each packet's events where the last one's were, as one who has read them would have them do.
//! What is told is the fastest of several rounds: on a busy machine the others tell of its other work. Of 30,000 Services
//! a hundred are asked, as many as where there are a hundred, so that rules are compared and not how much memory is
//! near the processor; how it fares when all are asked stands beside it.
//!
//! **Left out**: statistics beyond that; anything but `packetwalk_core`, so that both can compile it.

use packetwalk_core::api::{EndpointSlice, File, Object, Service, read};
use packetwalk_core::chance::Chooser;
use packetwalk_core::ip::Family;
use packetwalk_core::net::{Packet, RouteTable, TcpFlags, Transport, initial_ttl};
use packetwalk_core::netfilter::conntrack::Conntrack;
use packetwalk_core::netfilter::{
    DynamicElements, Hook, Outcome, Pass, Ruleset, Trace, Travelling,
};
use packetwalk_core::proxy::{
    Detector, Form, IptablesSettings, IpvsSettings, NodeFacts, NodePortAddresses, Settings,
    Snapshot, mode,
};
use packetwalk_core::time::Instant;
use std::collections::HashMap;
use std::hint::black_box;
use std::net::Ipv4Addr;
use std::sync::Arc;

const ROUNDS: usize = 9;

/// Connections of a round, of the evaluator's and of the bare loop's: as many as kube-proxy has a node's table have room for
/// at the least (`conntrack.min` of KubeProxyConfiguration).
const N: u32 = 131_072;

/// How many Services are asked.
const N_ASKED: usize = 100;

/// What time it is, in nanoseconds since whenever.
pub type Clock = fn() -> f64;

/// One line of the benchmark.
#[derive(Debug)]
pub struct Line {
    /// What was measured.
    pub what: String,
    /// The number.
    pub value: f64,
    /// Its unit.
    pub unit: &'static str,
}

/// All lines of the evaluator, with so many Services where there are many.
#[must_use]
pub fn lines(clock: Clock, many: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut line = |what: &str, value: f64, unit| {
        lines.push(Line {
            what: what.to_owned(),
            value,
            unit,
        });
    };
    let bare = 1e3 / bare_ns(clock, 100);
    line(
        "bare loop over hash maps: new connections, 6 events each",
        bare,
        "M/s",
    );
    let mut by_size = Vec::new();
    for n in [100, many] {
        let rules = rules("nftables", n);
        let (ns, n_events) = evaluator_ns(clock, &rules, N_ASKED, N as usize);
        line(
            &format!("nftables, {n} Services: traced new connections"),
            1e3 / ns,
            "M/s",
        );
        line("  events in the trace of one", n_events, "");
        line(
            "  part of the bare loop's rate (a tenth is wanted)",
            1e3 / ns / bare,
            "x",
        );
        by_size.push(ns);
        if n > N_ASKED {
            let (all, _) = evaluator_ns(clock, &rules, n, N as usize);
            line(
                "  all of them asked in turn: so much longer takes the memory",
                all / ns,
                "x",
            );
        }
    }
    line(
        &format!("nftables at {many} against 100 (at most 1.3)"),
        by_size[1] / by_size[0],
        "x",
    );
    by_size.clear();
    for (n, n_packets) in [(100, 500), (many, 5)] {
        let (ns, n_events) = evaluator_ns(clock, &rules("iptables", n), n, n_packets);
        line(
            &format!("iptables, {n} Services: traced new connections"),
            1e3 / ns,
            "M/s",
        );
        line("  events in the trace of one", n_events, "");
        by_size.push(ns);
    }
    line(
        &format!("iptables at {many} against 100 (it grows)"),
        by_size[1] / by_size[0],
        "x",
    );
    lines
}

/// A node's rules for so many Services of three to ten endpoints each.
fn rules(of_mode: &str, n: usize) -> Ruleset {
    let (mut services, mut slices) = (Vec::with_capacity(n), Vec::with_capacity(n));
    let (service, slice) = templates();
    for idx in 0..n {
        let name = format!("s{idx:05}");
        let mut service = service.clone();
        service.metadata.name.clone_from(&name);
        service.spec.cluster_ip = Some(cluster_ip(idx).to_string());
        service.spec.cluster_ips = vec![cluster_ip(idx).to_string()];
        let mut slice = slice.clone();
        slice.metadata.name = format!("{name}-1");
        let label = slice.metadata.labels.get_mut("kubernetes.io/service-name");
        label.expect("a label").clone_from(&name);
        let template = slice.endpoints[0].clone();
        slice.endpoints = (0..3 + idx % 8)
            .map(|endpoint| {
                let mut it = template.clone();
                let number = u32::try_from(idx * 10 + endpoint).expect("a small number");
                it.addresses = vec![Ipv4Addr::from(0x0af0_0000 + number).to_string()];
                it
            })
            .collect();
        services.push(Arc::new(service));
        slices.push(Arc::new(slice));
    }
    let sync = mode(of_mode).expect("a mode").sync;
    sync(&snapshot(services, slices)).ruleset()
}

/// What kube-proxy of a node knows.
fn snapshot(services: Vec<Arc<Service>>, endpoint_slices: Vec<Arc<EndpointSlice>>) -> Snapshot {
    let ip = |text: &str| text.parse().expect("an address");
    let range = |text: &str| text.parse().expect("a range");
    Snapshot {
        family: Family::V4,
        node: NodeFacts {
            name: "node-1".into(),
            primary_ips: vec![ip("192.168.0.2")],
            all_ips: vec![ip("192.168.0.2")],
            zone: None,
        },
        services,
        endpoint_slices,
        settings: Settings {
            form: Form::G3,
            service_cidrs: vec![range("10.96.0.0/12")],
            detector: Some(Detector::ClusterCidr(range("10.0.0.0/8"))),
            node_port_addresses: NodePortAddresses::Primary,
            masquerade_all: false,
            masquerade_mark: 0x4000,
            iptables: IptablesSettings::default(),
            ipvs: IpvsSettings::default(),
        },
    }
}

fn templates() -> (Service, EndpointSlice) {
    let text = "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {clusterIP: 10.96.0.1, ports: [{port: 80}]}\n\
                ---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: s-1, labels: {kubernetes.io/service-name: s}}\n\
                addressType: IPv4\nendpoints: [{addresses: [10.240.0.1]}]\nports: [{name: '', port: 8080, protocol: TCP}]\n";
    let (mut service, mut slice) = (None, None);
    let file = File {
        name: "bench.yaml".into(),
        text: text.into(),
    };
    for it in read(&[file]).objects {
        match it.object {
            Object::Service(it) => service = Some((*it).clone()),
            Object::EndpointSlice(it) => slice = Some((*it).clone()),
            _ => {}
        }
    }
    (service.expect("a Service"), slice.expect("a slice"))
}

fn cluster_ip(idx: usize) -> Ipv4Addr {
    Ipv4Addr::from(0x0a60_0001 + u32::try_from(idx).expect("a small number"))
}

/// The nodes of a pseudo-random order, the same in every run.
fn scattered(idx: usize, n: usize) -> usize {
    idx.wrapping_mul(7919) % n
}

/// Nanoseconds a new connection takes, and how many events its trace has.
fn evaluator_ns(clock: Clock, rules: &Ruleset, n_services: usize, n_packets: usize) -> (f64, f64) {
    let mut routes = RouteTable::with_loopback();
    routes.add_interface("eth0", &["192.168.0.2/24".parse().expect("a range")]);
    routes.add_route("0.0.0.0/0".parse().expect("a range"), None, "eth0");
    let out: packetwalk_core::netfilter::Name = "eth0".into();
    let arrived = Travelling::arriving(syn(0, cluster_ip(0)), "eth0");
    let (mut times, mut n_events) = (Vec::new(), 0);
    for _ in 0..ROUNDS {
        let mut conntrack = Conntrack::default();
        let mut dynamic = DynamicElements::default();
        let mut chooser = Chooser::seeded(1);
        let mut trace = Trace::default();
        n_events = 0;
        let start = clock();
        for idx in 0..n_packets {
            let packet = syn(idx, cluster_ip(scattered(idx, n_services)));
            let mut it = Travelling {
                packet,
                ..arrived.clone()
            };
            let mut pass = Pass {
                ruleset: rules,
                routes: &routes,
                conntrack: &mut conntrack,
                dynamic: &mut dynamic,
                chooser: &mut chooser,
                now: Instant::START,
                trace: trace.emptied(),
            };
            for hook in [Hook::Prerouting, Hook::Forward, Hook::Postrouting] {
                if hook == Hook::Forward {
                    it.oif = Some(out.clone());
                }
                let end = pass.hook(hook, &mut it);
                assert_eq!(end, Outcome::Accepted, "{hook}");
            }
            n_events += pass.trace.len();
            trace = pass.trace;
            black_box(&trace);
        }
        times.push((clock() - start) / n_packets as f64);
    }
    (fastest(times), n_events as f64 / n_packets as f64)
}

fn syn(idx: usize, to: Ipv4Addr) -> Packet {
    let client = u32::try_from(idx / 20_000).expect("a small number");
    Packet {
        source: Ipv4Addr::from(0x0a00_0005 + client).into(),
        destination: to.into(),
        ttl: initial_ttl(),
        transport: Transport::Tcp {
            source_port: u16::try_from(1024 + idx % 20_000).expect("a port"),
            destination_port: 80,
            flags: TcpFlags::SYN,
        },
    }
}

fn fastest(times: Vec<f64>) -> f64 {
    times.into_iter().fold(f64::INFINITY, f64::min)
}

/// A flow of the bare loop.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Bare {
    source: u32,
    destination: u32,
    ports: u32,
}

/// What the bare loop writes down.
#[derive(Clone, Copy)]
#[expect(dead_code, reason = "it is written, as a trace would be, and not read")]
enum Event {
    Entered(u8),
    Found(u32),
    Chosen(u32, u32),
    Rewritten(u32, u32),
    Confirmed(u32),
    Left(u16),
}

/// Nanoseconds the bare loop takes for a new connection.
fn bare_ns(clock: Clock, n_services: u32) -> f64 {
    let services: HashMap<u32, Vec<u32>> = (0..n_services)
        .map(|it| {
            (
                0x0a60_0001 + it,
                (0..3 + it % 8)
                    .map(|end| 0x0af0_0000 + it * 10 + end)
                    .collect(),
            )
        })
        .collect();
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let mut connections: HashMap<Bare, u32> = HashMap::new();
        let mut random = 0x2545_f491_u32;
        let mut events: Vec<Event> = Vec::new();
        let mut checksum = 0u16;
        let start = clock();
        for idx in 0..N {
            events.clear();
            events.push(Event::Entered(0));
            let to = 0x0a60_0001 + idx.wrapping_mul(7919) % n_services;
            let mut packet = Bare {
                source: 0x0a00_0005 + idx / 20_000,
                destination: to,
                ports: (1024 + idx % 20_000) << 16 | 80,
            };
            if !connections.contains_key(&packet) {
                events.push(Event::Found(idx));
                random ^= random << 13;
                random ^= random >> 17;
                random ^= random << 5;
                let endpoints = &services[&to];
                let chosen = random as usize % endpoints.len();
                events.push(Event::Chosen(random, endpoints[chosen]));
                connections.insert(packet, idx);
                let endpoint = endpoints[chosen];
                let reply = Bare {
                    source: endpoint,
                    destination: packet.source,
                    ports: packet.ports.rotate_left(16),
                };
                connections.insert(reply, idx);
                let sum = u32::from(!checksum) + (!to & 0xffff) + (endpoint & 0xffff);
                checksum = !((sum & 0xffff) + (sum >> 16)) as u16;
                events.push(Event::Rewritten(to, endpoint));
                packet.destination = endpoint;
                events.push(Event::Confirmed(idx));
            }
            events.push(Event::Left(checksum));
            black_box((&packet, &events));
        }
        times.push((clock() - start) / f64::from(N));
    }
    fastest(times)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_meets_no_more_rules_of_nftables_however_many_services_there_are() {
        let events = |of_mode, n| evaluator_ns(|| 0.0, &rules(of_mode, n), n, 40).1;
        let few = events("nftables", 20);
        let many = events("nftables", 400);
        assert!((few - many).abs() < 1.0, "{few} and {many} events");
        assert!(events("iptables", 400) > 5.0 * events("iptables", 20));
        assert!(few > 10.0);
    }
}
