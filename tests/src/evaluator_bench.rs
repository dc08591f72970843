//! How fast the evaluator is: beside a bare loop over hash maps in the same run, and as Services grow.
//!
//! The bare loop does what no simulator can do without: it finds or makes a connection, chooses an endpoint,
//! rewrites the header and writes six events down. The evaluator takes the same packet through the hooks of a
//! node with kube-proxy's rules and writes the whole trace.
//!
//! **Left out**: statistics beyond the median.

use crate::manifest;
use crate::one_node::worked;
use packetwalk_core::api::{EndpointSlice, Object, Service};
use packetwalk_core::chance::Chooser;
use packetwalk_core::net::{Packet, RouteTable, TcpFlags, Transport, initial_ttl};
use packetwalk_core::netfilter::conntrack::Conntrack;
use packetwalk_core::netfilter::{
    DynamicElements, Hook, Outcome, Pass, Ruleset, Trace, Travelling,
};
use packetwalk_core::proxy::{Form, mode};
use packetwalk_core::time::Instant;
use std::collections::HashMap;
use std::hint::black_box;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Instant as Clock;

const ROUNDS: usize = 7;

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

/// All lines of the evaluator.
#[must_use]
pub fn lines() -> Vec<Line> {
    let mut lines = Vec::new();
    let mut line = |what: &str, value: f64, unit| {
        lines.push(Line {
            what: what.to_owned(),
            value,
            unit,
        });
    };
    let bare = 1e3 / bare_ns(100);
    line(
        "bare loop over hash maps: new connections, 6 events each",
        bare,
        "M/s",
    );
    let mut by_size = Vec::new();
    for n in [100, 30_000] {
        let (ns, n_events) = evaluator_ns(&rules("nftables", n), n, 20_000);
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
    }
    line(
        "nftables at 30,000 against 100 (at most 1.3)",
        by_size[1] / by_size[0],
        "x",
    );
    by_size.clear();
    for (n, n_packets) in [(100, 2000), (10_000, 100)] {
        let (ns, n_events) = evaluator_ns(&rules("iptables", n), n, n_packets);
        line(
            &format!("iptables, {n} Services: traced new connections"),
            1e3 / ns,
            "M/s",
        );
        line("  events in the trace of one", n_events, "");
        by_size.push(ns);
    }
    line(
        "iptables at 10,000 against 100 (it grows)",
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
    let mut snapshot = worked(Form::G3);
    (snapshot.services, snapshot.endpoint_slices) = (services, slices);
    let sync = mode(of_mode).expect("a mode").sync;
    sync(&snapshot).ruleset()
}

fn templates() -> (Service, EndpointSlice) {
    let text = "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {clusterIP: 10.96.0.1, ports: [{port: 80}]}\n\
                ---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: s-1, labels: {kubernetes.io/service-name: s}}\n\
                addressType: IPv4\nendpoints: [{addresses: [10.240.0.1]}]\nports: [{name: '', port: 8080, protocol: TCP}]\n";
    let (mut service, mut slice) = (None, None);
    for read in manifest(text).objects {
        match read.object {
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
fn evaluator_ns(rules: &Ruleset, n_services: usize, n_packets: usize) -> (f64, f64) {
    let mut routes = RouteTable::with_loopback();
    routes.add_interface("eth0", &["192.168.0.2/24".parse().expect("a range")]);
    routes.add_route("0.0.0.0/0".parse().expect("a range"), None, "eth0");
    let out: packetwalk_core::netfilter::Name = "eth0".into();
    let (mut times, mut n_events) = (Vec::new(), 0);
    for _ in 0..ROUNDS {
        let mut conntrack = Conntrack::default();
        let mut dynamic = DynamicElements::default();
        let mut chooser = Chooser::seeded(1);
        n_events = 0;
        let start = Clock::now();
        for idx in 0..n_packets {
            let packet = syn(idx, cluster_ip(scattered(idx, n_services)));
            let mut it = Travelling::arriving(packet, "eth0");
            let mut pass = Pass {
                ruleset: rules,
                routes: &routes,
                conntrack: &mut conntrack,
                dynamic: &mut dynamic,
                chooser: &mut chooser,
                now: Instant::START,
                trace: Trace::default(),
            };
            for hook in [Hook::Prerouting, Hook::Forward, Hook::Postrouting] {
                if hook == Hook::Forward {
                    it.oif = Some(out.clone());
                }
                let end = pass.hook(hook, &mut it);
                assert_eq!(end, Outcome::Accepted, "{hook}");
            }
            n_events += pass.trace.events.len();
            black_box(&pass.trace);
        }
        times.push(nanos_each(start, n_packets));
    }
    (median(times), n_events as f64 / n_packets as f64)
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

fn nanos_each(start: Clock, n: usize) -> f64 {
    start.elapsed().as_secs_f64() * 1e9 / n as f64
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
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
fn bare_ns(n_services: u32) -> f64 {
    const N: u32 = 100_000;
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
        let mut checksum = 0u16;
        let start = Clock::now();
        for idx in 0..N {
            let mut events: Vec<Event> = Vec::with_capacity(8);
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
        times.push(nanos_each(start, N as usize));
    }
    median(times)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_meets_no_more_rules_of_nftables_however_many_services_there_are() {
        let events = |of_mode, n| evaluator_ns(&rules(of_mode, n), n, 40).1;
        let few = events("nftables", 20);
        let many = events("nftables", 400);
        assert!((few - many).abs() < 1.0, "{few} and {many} events");
        assert!(events("iptables", 400) > 5.0 * events("iptables", 20));
        assert!(few > 10.0);
    }
}
