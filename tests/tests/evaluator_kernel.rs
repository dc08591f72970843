//! Rows of the evaluator's behaviour, each also asked of the real kernel: hashes, ports, sets, limits, zones,
//! states and timeouts, read out of its connection table.
//!
//! A row is a ruleset of a host that talks to itself, and what it sends. The simulated host's table, printed
//! as `conntrack -L` prints it, is held against `/proc/net/nf_conntrack`.

#![expect(clippy::print_stdout, reason = "counts are shown with --nocapture")]

use packetwalk::kernel::link::{Power, switch};
use packetwalk::kernel::{Lab, LabId, nft as nft_tool};
use packetwalk_core::chance::Chooser;
use packetwalk_core::ip::{Family, IpAddr};
use packetwalk_core::net::{Packet, RouteTable, TcpFlags, Transport, initial_ttl};
use packetwalk_core::netfilter::conntrack::{Conntrack, list};
use packetwalk_core::netfilter::dialect::nft;
use packetwalk_core::netfilter::{
    DynamicElements, Hook, Outcome, Pass, Ruleset, Trace, Travelling,
};
use packetwalk_core::time::{Duration, Instant};
use packetwalk_tests::kernel_is_ours;
use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, TcpStream, UdpSocket};

/// Rules, and datagrams: from which source address and port, to which. Both tables must be alike.
struct Row {
    name: &'static str,
    rules: &'static str,
    sends: &'static [(u8, u16, u8, u16)],
}

const ROWS: [Row; 9] = [
    Row {
        name: "a hash with a seed, over one value and over two",
        rules: "chain o { type filter hook output priority 0; \
                udp dport 1000 ct mark set jhash ip daddr mod 65536 seed 0x1; \
                udp dport 1001 ct mark set jhash ip daddr . udp dport mod 65536 seed 0xdeadbeef offset 7; }",
        sends: &[
            (1, 5000, 1, 1000),
            (1, 5000, 2, 1000),
            (1, 5001, 3, 1001),
            (1, 5001, 200, 1001),
        ],
    },
    Row {
        name: "numbers in turn",
        rules: "chain o { type filter hook output priority 0; meta l4proto udp ct mark set numgen inc mod 3 offset 10; }",
        sends: &[
            (1, 5000, 1, 1),
            (1, 5001, 1, 1),
            (1, 5002, 1, 1),
            (1, 5003, 1, 1),
        ],
    },
    Row {
        name: "an address out of a range, by client and server, or by client alone",
        rules: "chain p { type nat hook postrouting priority 100; \
                udp dport 2001 snat to 127.0.1.10-127.0.1.200 persistent; \
                udp dport 2002 snat to 127.0.1.10-127.0.1.200; }",
        sends: &[
            (21, 5001, 31, 2001),
            (21, 5001, 32, 2001),
            (22, 5001, 31, 2001),
            (21, 5002, 31, 2002),
            (21, 5002, 33, 2002),
            (21, 5002, 34, 2002),
        ],
    },
    Row {
        name: "a port that lies in the range is kept",
        rules: "chain p { type nat hook postrouting priority 100; \
                meta l4proto udp snat to 127.0.1.10:5000-5003; }",
        sends: &[(1, 5000, 2, 7), (1, 5003, 2, 7)],
    },
    Row {
        name: "a destination with a range of ports",
        rules: "chain o { type nat hook output priority -100; udp dport 80-8085 dnat to 127.0.0.9:8080-8090; }",
        sends: &[(1, 5000, 2, 80), (1, 5001, 2, 8085)],
    },
    Row {
        name: "what is added to a set is in it for the next packet",
        rules: "set s { type ipv4_addr; flags dynamic,timeout; timeout 60s; }\n\
                chain o { type filter hook output priority 0; \
                meta l4proto udp ip daddr @s ct mark set 2; udp dport 1 update @s { ip daddr }; }",
        sends: &[
            (1, 5000, 1, 2),
            (1, 5001, 1, 1),
            (1, 5002, 1, 2),
            (1, 5003, 2, 2),
        ],
    },
    Row {
        name: "a burst, and no more",
        rules: "chain o { type filter hook output priority 0; meta l4proto udp limit rate 1/hour burst 3 packets ct mark set 5; }",
        sends: &[
            (1, 5000, 1, 1),
            (1, 5001, 1, 1),
            (1, 5002, 1, 1),
            (1, 5003, 1, 1),
        ],
    },
    Row {
        name: "a limit for each element of a set",
        rules: "set s { type ipv4_addr; flags dynamic; size 100; }\n\
                chain o { type filter hook output priority 0; \
                meta l4proto udp add @s { ip daddr limit rate over 1/hour burst 1 packets } ct mark set 9; }",
        sends: &[
            (1, 5000, 1, 1),
            (1, 5001, 1, 1),
            (1, 5002, 2, 1),
            (1, 5003, 2, 1),
        ],
    },
    Row {
        name: "zones, no tracking, marks of both kinds",
        rules: "chain r { type filter hook output priority -300; \
                udp dport 3 notrack; }\n\
                chain o { type filter hook output priority 0; \
                udp dport 1 meta mark set 0xff ct mark set meta mark and 0xf or 0x30; \
                meta l4proto udp ct original proto-dst 2 ct state new ct mark set 6; \
                ct state untracked drop; }",
        sends: &[(1, 5000, 1, 1), (1, 5001, 1, 2)],
    },
];

/// A host with nothing but its loopback.
struct Host {
    rules: Ruleset,
    conntrack: Conntrack,
    dynamic: DynamicElements,
    chooser: Chooser,
    now: Instant,
}

impl Host {
    fn new(rules: &str) -> Self {
        let mut ruleset = Ruleset::default();
        let read = nft::parse(&table(rules)).expect("rules");
        read.apply(&mut ruleset).expect("applies");
        Host {
            rules: ruleset,
            conntrack: Conntrack::default(),
            dynamic: DynamicElements::default(),
            chooser: Chooser::seeded(1),
            now: Instant::START,
        }
    }

    fn send(&mut self, packet: Packet) {
        let routes = RouteTable::with_loopback();
        let mut it = Travelling::made_here(packet, "lo");
        let mut pass = Pass {
            ruleset: &self.rules,
            routes: &routes,
            conntrack: &mut self.conntrack,
            dynamic: &mut self.dynamic,
            chooser: &mut self.chooser,
            now: self.now,
            trace: Trace::default(),
        };
        for hook in [
            Hook::Output,
            Hook::Postrouting,
            Hook::Prerouting,
            Hook::Input,
        ] {
            let end = pass.hook(hook, &mut it);
            assert_eq!(end, Outcome::Accepted, "{hook}");
        }
    }

    fn tcp(&mut self, from: (u8, u16), to: (u8, u16), flags: TcpFlags) {
        let (source_port, destination_port) = (from.1, to.1);
        self.send(Packet {
            source: loopback(from.0).into(),
            destination: loopback(to.0).into(),
            ttl: initial_ttl(),
            transport: Transport::Tcp {
                source_port,
                destination_port,
                flags,
            },
        });
    }

    fn lines(&self) -> BTreeSet<String> {
        let text = list(&self.conntrack, Family::V4, self.now);
        text.lines().map(str::to_owned).collect()
    }
}

fn table(rules: &str) -> String {
    format!("table ip t {{\n{rules}\n}}\n")
}

fn loopback(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 0, last)
}

/// The kernel's table in this thread's namespace, in the words of `conntrack -L`.
fn kernel_lines() -> BTreeSet<String> {
    let text = std::fs::read_to_string("/proc/thread-self/net/nf_conntrack").expect("the table");
    text.lines()
        .map(|line| {
            let mut words: Vec<&str> = line.split_whitespace().skip(2).collect();
            words.retain(|it| *it != "zone=0" && !it.starts_with("use="));
            let (protocol, rest) = words.split_first().expect("a protocol");
            format!("{protocol:<8} {} use=1", rest.join(" "))
        })
        .collect()
}

/// The lines without the seconds left, and those seconds.
fn apart(lines: &BTreeSet<String>) -> (Vec<String>, Vec<i64>) {
    let cut = lines.iter().map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let secs = words[2].parse().expect("seconds");
        let rest = [&words[..2], &words[3..]].concat().join(" ");
        (rest, secs)
    });
    let mut cut: Vec<(String, i64)> = cut.collect();
    cut.sort();
    cut.into_iter().unzip()
}

#[track_caller]
fn same(name: &str, ours: &BTreeSet<String>, kernels: &BTreeSet<String>) {
    let ((ours, our_secs), (kernels, secs)) = (apart(ours), apart(kernels));
    assert_eq!(ours, kernels, "{name}");
    for (own, secs) in our_secs.iter().zip(&secs) {
        assert!((own - secs).abs() <= 2, "{name}: {own} and {secs} seconds");
    }
}

fn has_table() -> bool {
    std::path::Path::new("/proc/thread-self/net/nf_conntrack").exists()
}

#[test]
fn the_kernels_table_is_ours_row_by_row() {
    if !kernel_is_ours("rows of the evaluator") || !has_table() {
        return;
    }
    for (idx, row) in ROWS.iter().enumerate() {
        let mut lab = Lab::new(LabId::fresh());
        let place = lab.create(&format!("row{idx}")).expect("a namespace");
        switch(&place, "lo", Power::Up).expect("loopback");
        nft_tool::load(&place, &table(row.rules)).expect(row.name);
        let kernels = place.run(|| {
            let mut sockets = Vec::new();
            for (from, port, to, to_port) in row.sends {
                let socket = UdpSocket::bind(SocketAddrV4::new(loopback(*from), *port));
                // Several rows send twice from one port.
                let Ok(socket) = socket.or_else(|_| match sockets.pop() {
                    Some(it) => Ok(it),
                    None => UdpSocket::bind(SocketAddrV4::new(loopback(*from), *port)),
                }) else {
                    panic!("{}: no socket", row.name);
                };
                let to = SocketAddrV4::new(loopback(*to), *to_port);
                // Nobody listens: the next send on this socket is told so.
                let _ = socket
                    .send_to(b"x", to)
                    .or_else(|_| socket.send_to(b"x", to));
                sockets.push(socket);
            }
            kernel_lines()
        });
        let kernels = kernels.expect("the namespace");
        let mut host = Host::new(row.rules);
        for (from, source_port, to, destination_port) in row.sends {
            host.send(Packet {
                source: IpAddr::from(loopback(*from)),
                destination: loopback(*to).into(),
                ttl: initial_ttl(),
                transport: Transport::Udp {
                    source_port: *source_port,
                    destination_port: *destination_port,
                },
            });
        }
        same(row.name, &host.lines(), &kernels);
        lab.close().expect("closed");
    }
    println!("{} rows", ROWS.len());
}

#[test]
fn a_connection_goes_through_the_kernels_own_states() {
    const RULES: &str = "chain o { type filter hook output priority 0; ct state new accept; }";
    if !kernel_is_ours("states of a connection") || !has_table() {
        return;
    }
    let mut lab = Lab::new(LabId::fresh());
    let place = lab.create("states").expect("a namespace");
    switch(&place, "lo", Power::Up).expect("loopback");
    nft_tool::load(&place, &table(RULES)).expect("rules");
    let seen = place.run(|| {
        let mut seen = Vec::new();
        let listener = TcpListener::bind((loopback(2), 80)).expect("a listener");
        let client = TcpStream::connect((loopback(2), 80)).expect("a connection");
        let port = client.local_addr().expect("an address").port();
        let (server, _) = listener.accept().expect("a connection");
        seen.push(kernel_lines());
        client
            .shutdown(std::net::Shutdown::Write)
            .expect("half closed");
        std::thread::sleep(std::time::Duration::from_millis(50));
        seen.push(kernel_lines());
        drop(server);
        std::thread::sleep(std::time::Duration::from_millis(50));
        seen.push(kernel_lines());
        drop(client);
        // Nobody listens here: the entry goes with the reset.
        TcpStream::connect((loopback(2), 81)).expect_err("refused");
        seen.push(kernel_lines());
        (port, seen)
    });
    let (port, seen) = seen.expect("the namespace");
    let mut host = Host::new(RULES);
    let (client, server) = ((1, port), (2, 80));
    let fin = TcpFlags {
        fin: true,
        ..TcpFlags::ACK
    };
    let mut steps = Vec::new();
    host.tcp(client, server, TcpFlags::SYN);
    host.tcp(server, client, TcpFlags::SYN_ACK);
    host.tcp(client, server, TcpFlags::ACK);
    steps.push(host.lines());
    host.tcp(client, server, fin);
    host.tcp(server, client, TcpFlags::ACK);
    steps.push(host.lines());
    host.tcp(server, client, fin);
    host.tcp(client, server, TcpFlags::ACK);
    steps.push(host.lines());
    host.tcp((1, 50_000), (2, 81), TcpFlags::SYN);
    host.tcp((2, 81), (1, 50_000), TcpFlags::RST_ACK);
    steps.push(host.lines());
    assert_eq!(seen.len(), steps.len());
    for (idx, (ours, kernels)) in steps.iter().zip(&seen).enumerate() {
        same(&format!("step {idx}"), ours, kernels);
    }
    lab.close().expect("closed");
}

#[test]
fn an_exchange_over_udp_has_the_kernels_timeouts() {
    if !kernel_is_ours("timeouts of UDP") || !has_table() {
        return;
    }
    const RULES: &str = "chain o { type filter hook output priority 0; ct state new accept; }";
    let mut lab = Lab::new(LabId::fresh());
    let place = lab.create("udp").expect("a namespace");
    switch(&place, "lo", Power::Up).expect("loopback");
    nft_tool::load(&place, &table(RULES)).expect("rules");
    let seen = place.run(|| {
        let mut seen = Vec::new();
        let client = UdpSocket::bind((loopback(1), 5000)).expect("a socket");
        let server = UdpSocket::bind((loopback(2), 53)).expect("a socket");
        client.connect((loopback(2), 53)).expect("connected");
        server.connect((loopback(1), 5000)).expect("connected");
        client.send(b"x").expect("sent");
        server.send(b"x").expect("sent");
        client.send(b"x").expect("sent");
        seen.push(kernel_lines());
        std::thread::sleep(std::time::Duration::from_millis(2200));
        client.send(b"x").expect("sent");
        seen.push(kernel_lines());
        seen
    });
    let seen = seen.expect("the namespace");
    let mut host = Host::new(RULES);
    let datagram = |from: (u8, u16), to: (u8, u16)| Packet {
        source: loopback(from.0).into(),
        destination: loopback(to.0).into(),
        ttl: initial_ttl(),
        transport: Transport::Udp {
            source_port: from.1,
            destination_port: to.1,
        },
    };
    let (client, server) = ((1, 5000), (2, 53));
    for (from, to) in [(client, server), (server, client), (client, server)] {
        host.send(datagram(from, to));
    }
    same("an exchange", &host.lines(), &seen[0]);
    host.now = host.now + Duration::from_millis(2200);
    host.send(datagram(client, server));
    same("a stream", &host.lines(), &seen[1]);
    lab.close().expect("closed");
}
