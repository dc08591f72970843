//! One trace that every build must make the same, to the byte: natively and in wasm.
//!
//! Read by this package's tests and, by its path, by those of the page.
//!
//! **Left out**: anything but `packetwalk_core`, so that both can compile it.

use packetwalk_core::chance::Chooser;
use packetwalk_core::net::{Icmp, Packet, RouteTable, TcpFlags, Transport, initial_ttl};
use packetwalk_core::netfilter::conntrack::{Conntrack, list};
use packetwalk_core::netfilter::dialect::nft;
use packetwalk_core::netfilter::{
    DynamicElements, Hook, Outcome, Pass, Ruleset, Trace, Travelling,
};
use packetwalk_core::time::{Duration, Instant};

const RULES: &str = "table ip t {
set seen { type ipv4_addr; flags dynamic,timeout; timeout 60s; }
map services { type ipv4_addr . inet_proto . inet_service : verdict; elements = { 10.96.0.10 . tcp . 80 : goto svc, 10.96.0.11 . udp . 53 : drop } }
chain pre { type nat hook prerouting priority -100; ip daddr . meta l4proto . th dport vmap @services; jhash ip saddr mod 4 seed 0x5 2 counter; }
chain svc { update @seen { ip saddr } meta mark set mark or 0x4000; limit rate 5/second counter; dnat ip addr . port to numgen random mod 3 map { 0 : 10.0.1.1 . 8080, 1 : 10.0.1.2 . 8080, 2 : 10.0.1.3 . 8080 }; }
chain fwd { type filter hook forward priority 0; ct state established accept; ip saddr @seen counter accept; meta random < 1000000000 counter; }
chain post { type nat hook postrouting priority 100; mark and 0x4000 != 0 mark set mark xor 0x4000 masquerade fully-random; snat to 192.168.0.10-192.168.0.200; }
}";

/// What happens to some packets of some clients over a minute, and the connections left behind.
///
/// # Panics
/// If the rules cannot be read.
#[must_use]
pub fn trace(seed: u64) -> String {
    let mut rules = Ruleset::default();
    let read = nft::parse(RULES).expect("rules");
    read.apply(&mut rules).expect("applies");
    let mut routes = RouteTable::with_loopback();
    routes.add_interface("eth0", &["192.168.0.2/24".parse().expect("a range")]);
    let (mut conntrack, mut dynamic) = (Conntrack::default(), DynamicElements::default());
    let mut chooser = Chooser::seeded(seed);
    let mut text = String::new();
    for turn in 0..24u16 {
        let now = Instant::START + Duration::from_secs(u64::from(turn) * 5);
        let packet = packet(turn);
        let mut it = Travelling::arriving(packet, "eth0");
        let mut pass = Pass {
            ruleset: &rules,
            routes: &routes,
            conntrack: &mut conntrack,
            dynamic: &mut dynamic,
            chooser: &mut chooser,
            now,
            trace: Trace::default(),
        };
        for hook in [Hook::Prerouting, Hook::Forward, Hook::Postrouting] {
            let end = pass.hook(hook, &mut it);
            it.oif = Some("eth0".into());
            if end != Outcome::Accepted {
                text += &format!("{end:?}\n");
                break;
            }
        }
        for event in pass.trace.events() {
            text += &format!("{event:?}\n");
        }
        text += &format!("{}\n", it.packet);
    }
    let now = Instant::START + Duration::from_secs(100);
    text + &list(&conntrack, packetwalk_core::ip::Family::V4, now)
}

/// What is sent at this turn.
fn packet(turn: u16) -> Packet {
    let (to, transport) = match turn % 4 {
        0 | 1 => (
            "10.96.0.10",
            Transport::Tcp {
                source_port: 40_000 + turn / 8,
                destination_port: 80,
                flags: if turn % 8 == 1 {
                    TcpFlags::ACK
                } else {
                    TcpFlags::SYN
                },
            },
        ),
        2 => (
            "10.96.0.11",
            Transport::Udp {
                source_port: 40_000,
                destination_port: 53 + turn % 3,
            },
        ),
        _ => (
            "10.96.0.12",
            Transport::Icmp(Icmp::EchoRequest { id: turn }),
        ),
    };
    Packet {
        source: std::net::Ipv4Addr::new(10, 0, 0, 5 + (turn % 5) as u8).into(),
        destination: to.parse().expect("an address"),
        ttl: initial_ttl(),
        transport,
    }
}
