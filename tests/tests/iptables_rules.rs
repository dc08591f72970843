//! iptables' language on its own: rules of all kinds, read, printed and obeyed; and what the real tools
//! say to them.

use packetwalk::kernel::iptables::{Tools, check, load, save};
use packetwalk::kernel::{Lab, LabId};
use packetwalk_core::chance::{Chooser, explore};
use packetwalk_core::ip::{Family, IpAddr};
use packetwalk_core::net::{Packet, RouteTable, TcpFlags, Transport, initial_ttl};
use packetwalk_core::netfilter::conntrack::Conntrack;
use packetwalk_core::netfilter::dialect::{Dialect, iptables};
use packetwalk_core::netfilter::{
    DynamicElements, Hook, Outcome, Pass, Rule, Ruleset, TableFamily, Trace, TraceEvent, Travelling,
};
use packetwalk_core::proxy::MODES;
use packetwalk_core::sim::World;
use packetwalk_core::time::{Duration, Instant};
use packetwalk_tests::{iptables_is_there, kernel_is_ours, manifest, text};

/// Rules as `iptables-save` prints them, all in the chain FORWARD of the table filter.
const LISTED: &[&str] = &[
    "-j ACCEPT",
    "-s 10.0.0.0/8 -d 10.96.0.10/32 -i eth0 -o cni+ -p tcp -m tcp --dport 80 -j DROP",
    "! -s 10.0.0.0/8 ! -d 192.0.2.1/32 ! -i lo ! -p udp -j RETURN",
    "-p tcp -m tcp --sport 1024:65535 ! --dport 80 -j ACCEPT",
    "-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j ACCEPT",
    "-p udp -m udp --dport 53 -j ACCEPT",
    "-p sctp -m sctp --dport 9 -j ACCEPT",
    "-p icmp -m icmp --icmp-type 8 -j ACCEPT",
    "-p tcp -m comment --comment \"a \\\"quoted\\\" word\" -m tcp --dport 1 -j DROP",
    "-m comment --comment plain -j DROP",
    "-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
    "-m conntrack ! --ctstate INVALID,NEW,SNAT,DNAT -j ACCEPT",
    "-m conntrack --ctstatus ASSURED,CONFIRMED -j ACCEPT",
    "-m conntrack --ctdir REPLY -j ACCEPT",
    "-m mark --mark 0x4000/0x4000 -j ACCEPT",
    "-m mark ! --mark 0x1 -j ACCEPT",
    "-m addrtype --src-type UNICAST,LOCAL -j ACCEPT",
    "-m addrtype ! --dst-type LOCAL -j ACCEPT",
    "-p tcp -m multiport --dports 80,443,8000:8080 -j ACCEPT",
    "-p udp -m multiport ! --sports 53,67 -j ACCEPT",
    "-m statistic --mode random --probability 0.33333333349 -j ACCEPT",
    "-m statistic --mode random ! --probability 0.50000000000 -j ACCEPT",
    "-m statistic --mode nth --every 3 --packet 1 -j ACCEPT",
    "-m recent --set --name seen --mask 255.255.255.255 --rsource -j ACCEPT",
    "-m recent --update --seconds 60 --hitcount 4 --name seen --mask 255.255.255.0 --rdest -j DROP",
    "-m recent ! --rcheck --name seen --mask 255.255.255.255 --rsource -j DROP",
    "-m recent --rcheck --seconds 10800 --reap --name seen --mask 255.255.255.255 --rsource -j DROP",
    "-j REJECT --reject-with icmp-port-unreachable",
    "-p tcp -j REJECT --reject-with tcp-reset",
    "-j REJECT --reject-with icmp-admin-prohibited",
    "-m comment --comment \"no target at all\"",
    "-g OTHER",
    "-j OTHER",
];

/// Rules of the table nat, chain PREROUTING or POSTROUTING.
const LISTED_NAT: &[(&str, &str)] = &[
    ("PREROUTING", "-p tcp -j DNAT --to-destination 10.0.0.1:80"),
    (
        "PREROUTING",
        "-j DNAT --to-destination 10.0.0.1 --persistent",
    ),
    ("PREROUTING", "-p tcp -j REDIRECT --to-ports 8080"),
    ("POSTROUTING", "-j SNAT --to-source 192.0.2.1"),
    ("POSTROUTING", "-j MASQUERADE --random-fully"),
    ("POSTROUTING", "-j MASQUERADE"),
    ("POSTROUTING", "-j MARK --set-xmark 0x4000/0x4000"),
    ("POSTROUTING", "-j MARK --set-xmark 0x4000/0x0"),
    ("POSTROUTING", "-j MARK --set-xmark 0x0/0xff"),
    ("POSTROUTING", "-j MARK --set-xmark 0x1/0xffffffff"),
    ("POSTROUTING", "-j MARK --set-xmark 0x1/0xf"),
];

/// As people write them, and as they are listed.
const WRITTEN: &[(&str, &str)] = &[
    (
        "-m comment --comment x -m tcp -p tcp -d 10.96.0.10 --dport 80 ! -s 10.0.0.0/8 -j ACCEPT",
        "! -s 10.0.0.0/8 -d 10.96.0.10/32 -p tcp -m comment --comment x -m tcp --dport 80 -j ACCEPT",
    ),
    (
        "-p tcp --dport 80 -j ACCEPT",
        "-p tcp -m tcp --dport 80 -j ACCEPT",
    ),
    (
        "-p tcp --syn -j ACCEPT",
        "-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j ACCEPT",
    ),
    ("-p all -s 0.0.0.0/0 -j ACCEPT", "-j ACCEPT"),
    ("-m tcp -p tcp -j ACCEPT", "-p tcp -m tcp -j ACCEPT"),
    ("-j REJECT", "-j REJECT --reject-with icmp-port-unreachable"),
    (
        "-m recent --name r --set -j ACCEPT",
        "-m recent --set --name r --mask 255.255.255.255 --rsource -j ACCEPT",
    ),
    (
        "-m statistic --mode random --probability 0.3333333333 -j ACCEPT",
        "-m statistic --mode random --probability 0.33333333349 -j ACCEPT",
    ),
    (
        "--protocol udp --source 10.0.0.1 --jump DROP",
        "-s 10.0.0.1/32 -p udp -j DROP",
    ),
];

fn rule(text: &str) -> Rule {
    iptables::parse_rule(text, TableFamily::Ip).expect("quotes are closed")
}

fn listed(rule: &Rule) -> String {
    let words = iptables::words(rule, TableFamily::Ip);
    let texts: Vec<String> = words.into_iter().map(|it| it.text).collect();
    texts.join(" ")
}

/// A restore text with these rules, and the chain that some of them lead to.
fn restore_text<'a>(rules: impl Iterator<Item = &'a str>) -> String {
    let mut text = "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:OTHER - [0:0]\n".to_owned();
    for rule in rules {
        text.push_str(&format!("-A FORWARD {rule}\n"));
    }
    text.push_str("COMMIT\n*nat\n:PREROUTING ACCEPT [0:0]\n:INPUT ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\n");
    for (chain, rule) in LISTED_NAT {
        text.push_str(&format!("-A {chain} {rule}\n"));
    }
    text.push_str("COMMIT\n");
    text
}

fn ruleset(text: &str) -> Ruleset {
    let mut ruleset = Ruleset::default();
    let read = iptables::parse(text, TableFamily::Ip).expect("iptables' language");
    read.apply(&mut ruleset).expect("applies");
    ruleset
}

#[test]
fn a_listed_rule_is_read_and_printed_to_the_letter() {
    for text in LISTED.iter().chain(LISTED_NAT.iter().map(|it| &it.1)) {
        let read = rule(text);
        assert_eq!(listed(&read), *text);
        assert_eq!(rule(&listed(&read)), read, "{text}");
        let is_known = !format!("{read:?}").contains("Unknown");
        assert!(is_known, "{text}: {read:?}");
    }
}

#[test]
fn a_written_rule_is_listed_as_iptables_lists_it() {
    for (written, expected) in WRITTEN {
        assert_eq!(listed(&rule(written)), *expected, "{written}");
    }
}

#[test]
fn what_is_not_known_is_kept_to_the_letter_and_reported_when_a_packet_meets_it() {
    for text in [
        "-m owner --socket-exists -j ACCEPT",
        "-m string --string x --algo bm -j ACCEPT",
        "-m length --length 60 -j ACCEPT",
        "-m statistic --mode random --probability 2 -j ACCEPT",
        "-p tcp -m tcp --tcp-option 2 -j DROP",
        "-j NFQUEUE --queue-num 1",
        "-j TPROXY --on-port 99",
        "-s 10.0.0.1,10.0.0.2 -j ACCEPT",
    ] {
        let read = rule(text);
        assert_eq!(rule(&listed(&read)), read, "{text}");
        for word in text.split(' ') {
            assert!(listed(&read).contains(word), "{text}: {word} is lost");
        }
        let rules = ruleset(&restore_text([text].into_iter()));
        let (outcome, _) = forward(
            &rules,
            &mut DynamicElements::default(),
            0,
            &mut chooser(),
            CLIENT,
        );
        assert!(
            matches!(outcome, Outcome::Unknown(_)),
            "{text}: {outcome:?}"
        );
    }
    let rules = ruleset(&restore_text(
        ["-j LOG --log-prefix \"a b\"", "-j DROP"].into_iter(),
    ));
    let (outcome, _) = forward(
        &rules,
        &mut DynamicElements::default(),
        0,
        &mut chooser(),
        CLIENT,
    );
    assert!(
        matches!(outcome, Outcome::Dropped { rule: Some(1), .. }),
        "a log changes nothing"
    );
}

#[test]
fn a_text_that_is_none_of_iptables_names_its_line() {
    let told = |text: &str| {
        let refused = iptables::parse(text, TableFamily::Ip);
        refused.expect_err("refused").to_string()
    };
    assert!(told("-A INPUT -j ACCEPT").starts_with("line 1"));
    assert!(
        told("*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -m comment --comment \"x")
            .starts_with("line 3")
    );
    assert!(told("*filter\n-R INPUT 1 -j ACCEPT").contains("-R"));
}

const CLIENT: [u8; 4] = [10, 0, 0, 1];

fn chooser() -> Chooser {
    Chooser::seeded(1)
}

/// Sends the first packet of a connection through FORWARD, at a second.
fn forward(
    ruleset: &Ruleset,
    dynamic: &mut DynamicElements,
    secs: u64,
    chooser: &mut Chooser,
    from: [u8; 4],
) -> (Outcome, Trace) {
    let mut routes = RouteTable::with_loopback();
    routes.add_interface("eth0", &["192.0.2.1/24".parse().expect("a range")]);
    routes.add_route("0.0.0.0/0".parse().expect("a range"), None, "eth0");
    let packet = Packet {
        source: IpAddr::from(from),
        destination: IpAddr::from([10, 96, 0, 10]),
        ttl: initial_ttl(),
        transport: Transport::Tcp {
            source_port: 40000,
            destination_port: 80,
            flags: TcpFlags::SYN,
        },
    };
    let mut pass = Pass {
        ruleset,
        routes: &routes,
        conntrack: &mut Conntrack::default(),
        dynamic,
        chooser,
        now: Instant::START + Duration::from_secs(secs),
        trace: Trace::default(),
    };
    let mut it = Travelling::arriving(packet, "eth0");
    it.oif = Some("eth0".into());
    let outcome = pass.hook(Hook::Forward, &mut it);
    (outcome, pass.trace)
}

/// The chain in which a packet was accepted.
fn accepted_in(trace: &Trace) -> String {
    let matched = trace.events().filter_map(|it| match it {
        TraceEvent::RuleMatched { chain, .. } => Some(chain.to_string()),
        _ => None,
    });
    matched.last().unwrap_or_default()
}

const AFFINITY: &str = "*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:A - [0:0]
:B - [0:0]
:C - [0:0]
-A FORWARD -m recent --rcheck --seconds 100 --reap --name A -j A
-A FORWARD -m recent --rcheck --seconds 100 --reap --name B -j B
-A FORWARD -m recent --rcheck --seconds 100 --reap --name C -j C
-A FORWARD -m statistic --mode random --probability 0.3333333333 -j A
-A FORWARD -m statistic --mode random --probability 0.5000000000 -j B
-A FORWARD -j C
-A A -m recent --set --name A -j ACCEPT
-A B -m recent --set --name B -j ACCEPT
-A C -m recent --set --name C -j ACCEPT
COMMIT
";

#[test]
fn lots_are_drawn_with_the_probabilities_that_are_written() {
    let rules = ruleset(AFFINITY);
    let ways = explore(1, 64, |chooser| {
        accepted_in(&forward(&rules, &mut DynamicElements::default(), 0, chooser, CLIENT).1)
    });
    assert!(ways.complete);
    let told: Vec<(String, String)> = ways
        .branches
        .iter()
        .map(|it| (it.result.clone(), format!("{:.6}", it.probability)))
        .collect();
    let wanted = ["A", "B", "C"].map(|it| (it.to_owned(), "0.333333".to_owned()));
    assert_eq!(told, wanted);
}

#[test]
fn a_client_comes_back_to_its_endpoint_until_its_time_is_over() {
    let rules = ruleset(AFFINITY);
    let mut dynamic = DynamicElements::default();
    let mut go = |secs, from, picks: &[u32]| {
        let mut chooser = Chooser::fixed(1, picks.to_vec());
        let (_, trace) = forward(&rules, &mut dynamic, secs, &mut chooser, from);
        (accepted_in(&trace), chooser.made().len())
    };
    assert_eq!(go(0, CLIENT, &[1, 0]), ("B".to_owned(), 2));
    assert_eq!(go(90, CLIENT, &[0]), ("B".to_owned(), 0), "no lot is drawn");
    assert_eq!(
        go(90, [10, 0, 0, 2], &[0]),
        ("A".to_owned(), 1),
        "others draw"
    );
    assert_eq!(
        go(190, CLIENT, &[0]),
        ("B".to_owned(), 0),
        "each connection renews it"
    );
    assert_eq!(
        go(300, CLIENT, &[0]),
        ("A".to_owned(), 1),
        "it is forgotten"
    );
}

#[test]
fn header_tests_come_first_wherever_they_are_written() {
    let text = "*filter\n:FORWARD ACCEPT [0:0]\n\
                -A FORWARD -m recent --name seen --set -d 192.0.2.9 -j DROP\n\
                -A FORWARD -m recent --name seen --rcheck -j DROP\nCOMMIT\n";
    let mut dynamic = DynamicElements::default();
    let (outcome, _) = forward(&ruleset(text), &mut dynamic, 0, &mut chooser(), CLIENT);
    assert_eq!(outcome, Outcome::Accepted, "the list was never written to");
}

#[test]
fn every_nth_packet_is_counted() {
    let text = "*filter\n:FORWARD ACCEPT [0:0]\n\
                -A FORWARD -m statistic --mode nth --every 3 --packet 1 -j DROP\nCOMMIT\n";
    let (rules, mut dynamic) = (ruleset(text), DynamicElements::default());
    let dropped: Vec<bool> = (0..6)
        .map(|_| {
            let (outcome, _) = forward(&rules, &mut dynamic, 0, &mut chooser(), CLIENT);
            outcome != Outcome::Accepted
        })
        .collect();
    assert_eq!(dropped, [false, true, false, false, true, false]);
}

/// The real tools, in a namespace of their own.
#[test]
fn the_real_iptables_reads_what_is_printed_and_lists_what_is_read() {
    if !kernel_is_ours("the language of iptables") || !iptables_is_there("the language of iptables")
    {
        return;
    }
    let mut lab = Lab::new(LabId::fresh());
    let place = lab.create("ipt").expect("a namespace");
    let place = &place;
    let written = WRITTEN.iter().map(|it| it.0);
    let text = restore_text(LISTED.iter().copied().chain(written));
    load(place, Tools::V4, &text).expect("the real tool reads it");
    let theirs = save(place, Tools::V4).expect("a listing");
    let ours = iptables::save(&ruleset(&text), TableFamily::Ip);
    let theirs: Vec<&str> = theirs.lines().filter(|it| !it.starts_with('#')).collect();
    assert_eq!(
        without_counters(&theirs),
        without_counters(&ours.lines().collect::<Vec<_>>())
    );
    assert!(theirs.len() > 50, "{theirs:?}");
    lab.close().expect("closes");
}

#[test]
fn the_real_iptables_takes_the_rules_of_every_node_of_every_scenario() {
    if !kernel_is_ours("rendered rules") || !iptables_is_there("rendered rules") {
        return;
    }
    let mut lab = Lab::new(LabId::fresh());
    let place = lab.create("ipt").expect("a namespace");
    let place = &place;
    let mode = MODES
        .iter()
        .find(|it| it.dialect == Dialect::Iptables)
        .expect("a mode");
    let mut n_texts = 0;
    for path in [
        "static/manifests/clusterip.yaml",
        "tests/scenarios/ways-in.yaml",
        "tests/scenarios/worked.yaml",
        "tests/scenarios/affinity.yaml",
        "tests/scenarios/dual-stack.yaml",
    ] {
        let world = World::from_manifest(&manifest(&text(path)), Some(mode), 1);
        for node in world.objects.nodes.keys() {
            for (family, tools) in [(Family::V4, Tools::V4), (Family::V6, Tools::V6)] {
                let programme = world.programme(node, family).expect("a node");
                let text = mode.dialect.print(&programme.transaction);
                check(place, tools, &text).unwrap_or_else(|it| panic!("{path}, {node}: {it}"));
                n_texts += 1;
            }
        }
    }
    assert!(n_texts >= 12, "{n_texts}");
    lab.close().expect("closes");
}

/// Lines without the counts of packets and bytes, which are not ours.
fn without_counters(lines: &[&str]) -> Vec<String> {
    let without = |it: &&str| match it.split_once(" [") {
        Some((chain, _)) if chain.starts_with(':') => chain.to_owned(),
        _ => (*it).to_owned(),
    };
    lines.iter().map(without).collect()
}
