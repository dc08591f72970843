//! Connection tracking over time: states, timeouts, zones, errors, ports, and kube-proxy's clearing.

use packetwalk_core::api::Object;
use packetwalk_core::chance::Chooser;
use packetwalk_core::ip::{Family, IpAddr};
use packetwalk_core::net::{
    Icmp, Packet, RouteTable, TcpFlags, Transport, UnreachableCode, initial_ttl,
};
use packetwalk_core::netfilter::conntrack::{Conntrack, Found, list};
use packetwalk_core::netfilter::dialect::nft;
use packetwalk_core::netfilter::{
    DynamicElements, Hook, Outcome, Pass, Ruleset, Trace, Travelling,
};
use packetwalk_core::proxy::{Form, clean_stale_connections, stale_connections};
use packetwalk_core::time::{Duration, Instant};
use packetwalk_tests::manifest;
use packetwalk_tests::one_node::worked;
use std::collections::BTreeSet;

/// A host that forwards between `eth0` and `eth1`.
struct Router {
    rules: Ruleset,
    routes: RouteTable,
    conntrack: Conntrack,
    dynamic: DynamicElements,
    chooser: Chooser,
    now: Instant,
}

impl Router {
    fn new(rules: &str) -> Self {
        let mut routes = RouteTable::with_loopback();
        routes.add_interface("eth0", &["10.0.0.1/24".parse().expect("a range")]);
        routes.add_interface("eth1", &["192.168.0.1/24".parse().expect("a range")]);
        let mut ruleset = Ruleset::default();
        nft::parse(rules)
            .expect("rules")
            .apply(&mut ruleset)
            .expect("applies");
        Router {
            rules: ruleset,
            routes,
            conntrack: Conntrack::default(),
            dynamic: DynamicElements::default(),
            chooser: Chooser::seeded(7),
            now: Instant::START,
        }
    }

    fn at(&mut self, secs: u64) -> &mut Self {
        self.now = Instant::START + Duration::from_secs(secs);
        self
    }

    /// Sends a packet through; what leaves, or why nothing does.
    fn pass(&mut self, packet: &Packet) -> Result<Packet, Outcome> {
        let (iif, oif) = match packet.source.to_string().starts_with("10.0.0.") {
            true => ("eth0", "eth1"),
            false => ("eth1", "eth0"),
        };
        let mut it = Travelling::arriving(packet.clone(), iif);
        let mut pass = Pass {
            ruleset: &self.rules,
            routes: &self.routes,
            conntrack: &mut self.conntrack,
            dynamic: &mut self.dynamic,
            chooser: &mut self.chooser,
            now: self.now,
            trace: Trace::default(),
        };
        for hook in [Hook::Prerouting, Hook::Forward, Hook::Postrouting] {
            if hook == Hook::Forward {
                it.oif = Some(oif.into());
            }
            match pass.hook(hook, &mut it) {
                Outcome::Accepted => {}
                other => return Err(other),
            }
        }
        Ok(it.packet)
    }

    fn list(&self) -> String {
        list(&self.conntrack, Family::V4, self.now)
    }
}

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn packet(from: &str, to: &str, transport: Transport) -> Packet {
    Packet {
        source: ip(from),
        destination: ip(to),
        ttl: initial_ttl(),
        transport,
    }
}

fn udp(from: (&str, u16), to: (&str, u16)) -> Packet {
    let (source_port, destination_port) = (from.1, to.1);
    packet(
        from.0,
        to.0,
        Transport::Udp {
            source_port,
            destination_port,
        },
    )
}

fn tcp(from: (&str, u16), to: (&str, u16), flags: TcpFlags) -> Packet {
    let (source_port, destination_port) = (from.1, to.1);
    packet(
        from.0,
        to.0,
        Transport::Tcp {
            source_port,
            destination_port,
            flags,
        },
    )
}

const MASQUERADE: &str = "add table ip t
add chain ip t post { type nat hook postrouting priority 100 ; }
add rule ip t post oifname eth1 masquerade
";

#[test]
fn the_table_is_listed_as_conntrack_lists_it() {
    let mut router = Router::new(MASQUERADE);
    let (client, server) = (("10.0.0.5", 40_000), ("192.168.0.9", 53));
    let out = router.pass(&udp(client, server)).expect("passes");
    let ping = Transport::Icmp(Icmp::EchoRequest { id: 77 });
    router
        .pass(&packet("10.0.0.5", "192.168.0.9", ping))
        .expect("passes");
    let web = ("192.168.0.9", 80);
    router
        .pass(&tcp(client, web, TcpFlags::SYN))
        .expect("passes");
    router
        .pass(&tcp(web, ("192.168.0.1", 40_000), TcpFlags::SYN_ACK))
        .expect("passes");
    router
        .pass(&tcp(client, web, TcpFlags::ACK))
        .expect("passes");
    assert_eq!(out.source, ip("192.168.0.1"));
    assert_eq!(
        router.list(),
        "udp      17 30 src=10.0.0.5 dst=192.168.0.9 sport=40000 dport=53 [UNREPLIED] \
         src=192.168.0.9 dst=192.168.0.1 sport=53 dport=40000 mark=0 use=1\n\
         icmp     1 30 src=10.0.0.5 dst=192.168.0.9 type=8 code=0 id=77 [UNREPLIED] \
         src=192.168.0.9 dst=192.168.0.1 type=0 code=0 id=77 mark=0 use=1\n\
         tcp      6 432000 ESTABLISHED src=10.0.0.5 dst=192.168.0.9 sport=40000 dport=80 \
         src=192.168.0.9 dst=192.168.0.1 sport=80 dport=40000 [ASSURED] mark=0 use=1\n"
    );
}

#[test]
fn an_exchange_over_udp_is_a_stream_after_two_seconds() {
    let mut router = Router::new("");
    let (client, server) = (("10.0.0.5", 40_000), ("192.168.0.9", 53));
    let left = |router: &Router| -> u64 {
        let list = router.list();
        list.split_whitespace()
            .nth(2)
            .map_or(0, |it| it.parse().expect("seconds"))
    };
    router.pass(&udp(client, server)).expect("passes");
    assert_eq!(left(&router), 30);
    router.at(1).pass(&udp(server, client)).expect("passes");
    assert_eq!(left(&router), 30);
    router.at(2).pass(&udp(client, server)).expect("passes");
    assert!(!router.list().contains("ASSURED") && left(&router) == 30);
    router.at(3).pass(&udp(client, server)).expect("passes");
    assert!(router.list().contains("[ASSURED]") && left(&router) == 120);
    router.at(122);
    assert_eq!(left(&router), 1);
    router.at(123);
    assert_eq!(router.list(), "");
    assert_eq!(router.conntrack.forget_expired(router.now), 1);
    assert_eq!(router.conntrack.connections().count(), 0);
}

#[test]
fn a_refused_connection_is_forgotten_at_once() {
    let mut router = Router::new(MASQUERADE);
    let (client, server) = (("10.0.0.5", 40_000), ("192.168.0.9", 81));
    router
        .pass(&tcp(client, server, TcpFlags::SYN))
        .expect("passes");
    let back = tcp(server, ("192.168.0.1", 40_000), TcpFlags::RST_ACK);
    let back = router.pass(&back).expect("passes");
    // Its last packet is still translated back.
    assert_eq!(
        (back.destination, back.destination_port()),
        (ip("10.0.0.5"), Some(40_000))
    );
    assert_eq!(router.list(), "");
}

#[test]
fn a_packet_no_connection_can_have_is_invalid_and_not_translated() {
    let mut router = Router::new(&format!(
        "{MASQUERADE}add chain ip t fwd {{ type filter hook forward priority 0 ; }}
add rule ip t fwd ct state invalid drop
"
    ));
    let (client, server) = (("10.0.0.5", 40_000), ("192.168.0.9", 80));
    let syn_ack = tcp(server, ("192.168.0.1", 40_000), TcpFlags::SYN_ACK);
    assert!(matches!(
        router.pass(&syn_ack),
        Err(Outcome::Dropped { .. })
    ));
    router
        .pass(&tcp(client, server, TcpFlags::SYN))
        .expect("passes");
    let ack = tcp(client, server, TcpFlags::ACK);
    assert!(matches!(router.pass(&ack), Err(Outcome::Dropped { .. })));
    // A connection nobody saw the beginning of is picked up, for five minutes.
    let other = tcp(("10.0.0.5", 40_001), server, TcpFlags::ACK);
    router.pass(&other).expect("passes");
    assert!(
        router.list().contains("tcp      6 300 ESTABLISHED"),
        "{}",
        router.list()
    );
}

#[test]
fn an_error_comes_back_to_whom_it_is_about_with_what_they_sent() {
    let mut router = Router::new(
        "add table ip t
add chain ip t pre { type nat hook prerouting priority -100 ; }
add chain ip t post { type nat hook postrouting priority 100 ; }
add rule ip t pre ip daddr 10.96.0.1 udp dport 53 dnat to 192.168.0.9:5353
add rule ip t post oifname eth1 masquerade
",
    );
    let sent = udp(("10.0.0.5", 40_000), ("10.96.0.1", 53));
    let out = router.pass(&sent).expect("passes");
    assert_eq!(out, udp(("192.168.0.1", 40_000), ("192.168.0.9", 5353)));
    let error = out
        .unreachable_reply(ip("192.168.0.9"), UnreachableCode::Port)
        .expect("an error");
    let back = router.pass(&error).expect("passes");
    assert_eq!(
        (back.source, back.destination),
        (ip("10.96.0.1"), ip("10.0.0.5"))
    );
    let Transport::Icmp(Icmp::Unreachable { about, .. }) = &back.transport else {
        panic!("{back}");
    };
    assert_eq!(**about, sent);
    // From a router on the way, the error keeps its own source.
    let error = out
        .unreachable_reply(ip("192.168.0.77"), UnreachableCode::Host)
        .expect("an error");
    let back = router.pass(&error).expect("passes");
    assert_eq!(back.destination, ip("10.0.0.5"));
    // And an error about nothing anybody sent is invalid.
    let stray = udp(("192.168.0.1", 1), ("192.168.0.9", 2));
    let stray = stray
        .unreachable_reply(ip("192.168.0.9"), UnreachableCode::Port)
        .expect("an error");
    assert_eq!(
        router.conntrack.track(&stray, router.now),
        (None, Found::Invalid)
    );
}

#[test]
fn two_clients_with_one_port_get_two_ports() {
    let mut router = Router::new(MASQUERADE);
    let server = ("192.168.0.9", 53);
    let port = |router: &mut Router, from| {
        let out = router.pass(&udp((from, 40_000), server)).expect("passes");
        out.source_port().expect("a port")
    };
    assert_eq!(port(&mut router, "10.0.0.5"), 40_000);
    let second = port(&mut router, "10.0.0.6");
    assert!(second != 40_000 && second >= 1024, "{second}");
    // The answer to each finds its own way back.
    let back = router
        .pass(&udp(server, ("192.168.0.1", second)))
        .expect("passes");
    assert_eq!(
        (back.destination, back.destination_port()),
        (ip("10.0.0.6"), Some(40_000))
    );
    // Low ports stay low.
    let low = |router: &mut Router, from| {
        let out = router.pass(&udp((from, 100), server)).expect("passes");
        out.source_port().expect("a port")
    };
    assert_eq!(low(&mut router, "10.0.0.5"), 100);
    assert!((1..512).contains(&low(&mut router, "10.0.0.6")));
    // Two pings of one identifier are told apart as well.
    let ping = |from| {
        packet(
            from,
            "192.168.0.9",
            Transport::Icmp(Icmp::EchoRequest { id: 7 }),
        )
    };
    router.pass(&ping("10.0.0.5")).expect("passes");
    let out = router.pass(&ping("10.0.0.6")).expect("passes");
    let Transport::Icmp(Icmp::EchoRequest { id }) = out.transport else {
        panic!("{out}");
    };
    assert_ne!(id, 7);
    let answer = packet(
        "192.168.0.9",
        "192.168.0.1",
        Transport::Icmp(Icmp::EchoReply { id }),
    );
    let back = router.pass(&answer).expect("passes");
    assert_eq!(back.destination, ip("10.0.0.6"));
    assert_eq!(back.transport, Transport::Icmp(Icmp::EchoReply { id: 7 }));
}

#[test]
fn ranges_of_ports_and_addresses_are_kept_to() {
    let ranges = "add table ip t
add chain ip t post { type nat hook postrouting priority 100 ; }
add rule ip t post udp dport 53 snat to 192.168.0.10-192.168.0.13:2000-2003
add rule ip t post udp dport 54 masquerade to :3000-3001
add rule ip t post udp dport 55 snat to 192.168.0.10-192.168.0.13 persistent
add rule ip t post udp dport 56 masquerade fully-random
";
    let mut router = Router::new(ranges);
    let mut seen = BTreeSet::new();
    for client in 1..=40u16 {
        let from = format!("10.0.0.{}", client + 100);
        let out = router
            .pass(&udp((&from, 40_000), ("192.168.0.9", 53)))
            .expect("passes");
        let port = out.source_port().expect("a port");
        assert!((2000..=2003).contains(&port), "{out}");
        assert!(
            out.source >= ip("192.168.0.10") && out.source <= ip("192.168.0.13"),
            "{out}"
        );
        seen.insert((out.source, port));
    }
    assert!(seen.len() > 8, "{seen:?}");
    // The same client has the same address for every server only if that was asked for.
    let mut source_port = 0;
    let mut address = |router: &mut Router, port, server: &str| {
        source_port += 1;
        let out = router
            .pass(&udp(("10.0.0.77", source_port), (server, port)))
            .expect("passes");
        out.source
    };
    let servers: Vec<String> = (20..60).map(|it| format!("192.168.0.{it}")).collect();
    let persistent: BTreeSet<_> = servers
        .iter()
        .map(|it| address(&mut router, 55, it))
        .collect();
    assert_eq!(persistent.len(), 1);
    let spread: BTreeSet<_> = servers
        .iter()
        .map(|it| address(&mut router, 53, it))
        .collect();
    assert!(spread.len() > 1);
    // Two ports for two connections; a third gets one that is taken, as the kernel would let it.
    let port = |router: &mut Router, from: &str| {
        let out = router
            .pass(&udp((from, 5), ("192.168.0.9", 54)))
            .expect("passes");
        out.source_port().expect("a port")
    };
    let two: BTreeSet<u16> = ["10.0.0.5", "10.0.0.6"]
        .map(|it| port(&mut router, it))
        .into();
    assert_eq!(two, BTreeSet::from([3000, 3001]));
    let out = router
        .pass(&udp(("10.0.0.5", 40_000), ("192.168.0.9", 56)))
        .expect("passes");
    assert_ne!(out.source_port(), Some(40_000));
}

#[test]
fn a_destination_with_a_range_of_ports_gets_its_first_unless_it_lies_within() {
    let rules = "add table ip t
add chain ip t pre { type nat hook prerouting priority -100 ; }
add rule ip t pre ip daddr 10.96.0.1 dnat to 192.168.0.9:8080-8090
";
    let mut router = Router::new(rules);
    let to = |router: &mut Router, port| {
        let syn = tcp(("10.0.0.5", 40_000), ("10.96.0.1", port), TcpFlags::SYN);
        router.pass(&syn).expect("passes").destination_port()
    };
    assert_eq!(to(&mut router, 8085), Some(8085));
    assert_eq!(to(&mut router, 80), Some(8080));
}

#[test]
fn zones_keep_equal_flows_apart_and_notrack_keeps_them_out() {
    let rules = "add table ip t
add chain ip t raw { type filter hook prerouting priority -300 ; }
add chain ip t fwd { type filter hook forward priority 0 ; }
add rule ip t raw udp dport 53 ct zone set 5
add rule ip t raw udp dport 54 notrack
add rule ip t fwd ct state untracked drop
add rule ip t fwd ct zone 5 ct mark set 0x7
";
    let mut router = Router::new(rules);
    let client = ("10.0.0.5", 40_000);
    router
        .pass(&udp(client, ("192.168.0.9", 53)))
        .expect("passes");
    assert!(
        router.list().contains("mark=7 zone=5 use=1"),
        "{}",
        router.list()
    );
    let untracked = router.pass(&udp(client, ("192.168.0.9", 54)));
    assert!(matches!(
        untracked,
        Err(Outcome::Dropped { rule: Some(0), .. })
    ));
    assert_eq!(router.conntrack.connections().count(), 1);
    // The answer comes in outside the zone, and is a connection of its own.
    router
        .pass(&udp(("192.168.0.9", 53), client))
        .expect("passes");
    assert_eq!(router.conntrack.connections().count(), 2);
}

#[test]
fn sets_and_maps_that_packets_fill_expire_and_limits_let_through_what_they_say() {
    let rules = "add table ip t
add set ip t seen { type ipv4_addr ; flags dynamic,timeout ; timeout 60s ; }
add set ip t flood { type ipv4_addr ; flags dynamic ; }
add chain ip t fwd { type filter hook forward priority 0 ; }
add rule ip t fwd udp dport 1 update @seen { ip saddr } accept
add rule ip t fwd udp dport 2 ip saddr @seen accept
add rule ip t fwd udp dport 3 limit rate 2/second burst 3 packets accept
add rule ip t fwd udp dport 4 add @flood { ip saddr limit rate over 1/second burst 2 packets } drop
add rule ip t fwd udp dport 4 accept
add rule ip t fwd numgen inc mod 2 0 accept
add rule ip t fwd drop
";
    let mut router = Router::new(rules);
    let mut port = 1000;
    let mut goes = |router: &mut Router, from: &str, to| {
        port += 1;
        router.pass(&udp((from, port), ("192.168.0.9", to))).is_ok()
    };
    assert!(goes(&mut router, "10.0.0.6", 1));
    assert!(goes(router.at(59), "10.0.0.6", 2));
    router.at(61);
    let after: Vec<bool> = (0..4).map(|_| goes(&mut router, "10.0.0.6", 2)).collect();
    assert_eq!(
        after.iter().filter(|it| **it).count(),
        2,
        "in turn, no longer by the set"
    );
    router.at(100);
    let passed: usize = (0..6).filter(|_| goes(&mut router, "10.0.0.7", 3)).count();
    assert!((3..=5).contains(&passed), "{passed}");
    let flood =
        |router: &mut Router, from: &str, goes: &mut dyn FnMut(&mut Router, &str, u16) -> bool| {
            (0..5).filter(|_| goes(router, from, 4)).count()
        };
    assert_eq!(flood(&mut router, "10.0.0.8", &mut goes), 2);
    assert_eq!(
        flood(&mut router, "10.0.0.9", &mut goes),
        2,
        "each has a limit of its own"
    );
}

#[test]
fn kube_proxy_clears_what_leads_to_an_endpoint_that_is_gone() {
    let snapshot = |address: &str, form, serving: bool| {
        let text = format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{name: dns}}\nspec: {{clusterIP: 10.96.0.53, ports: [{{port: 53, protocol: UDP}}]}}\n\
             ---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {{name: dns-1, labels: {{kubernetes.io/service-name: dns}}}}\n\
             addressType: IPv4\nendpoints: [{{addresses: [{address}], conditions: {{ready: {serving}, serving: {serving}}}}}]\n\
             ports: [{{name: '', port: 53, protocol: UDP}}]\n"
        );
        let mut snapshot = worked(form);
        (snapshot.services, snapshot.endpoint_slices) = (Vec::new(), Vec::new());
        for read in manifest(&text).objects {
            match read.object {
                Object::Service(it) => snapshot.services.push(it),
                Object::EndpointSlice(it) => snapshot.endpoint_slices.push(it),
                other => panic!("{:?}", other.reference()),
            }
        }
        snapshot
    };
    let mut router = Router::new(
        "add table ip t
add chain ip t pre { type nat hook prerouting priority -100 ; }
add rule ip t pre ip daddr 10.96.0.53 udp dport 53 dnat to 192.168.0.9:53
",
    );
    let client = ("10.0.0.5", 40_000);
    router
        .pass(&udp(client, ("10.96.0.53", 53)))
        .expect("passes");
    router
        .pass(&udp(client, ("192.168.0.77", 53)))
        .expect("passes");
    let same = snapshot("192.168.0.9", Form::G3, true);
    assert_eq!(stale_connections(&same, &router.conntrack), []);
    // The ghost: the rules lead elsewhere, and the connection does not.
    let moved = snapshot("192.168.0.10", Form::G3, true);
    let out = router
        .pass(&udp(client, ("10.96.0.53", 53)))
        .expect("passes");
    assert_eq!(out.destination, ip("192.168.0.9"));
    // Up to 1.36 a Service that nothing serves leaves its connections alone.
    let unserved = |form| snapshot("192.168.0.10", form, false);
    assert_eq!(
        stale_connections(&unserved(Form::G3), &router.conntrack),
        []
    );
    assert_eq!(
        stale_connections(&unserved(Form::G4), &router.conntrack).len(),
        1
    );
    assert_eq!(clean_stale_connections(&moved, &mut router.conntrack), 1);
    assert_eq!(router.conntrack.connections().count(), 1);
}
