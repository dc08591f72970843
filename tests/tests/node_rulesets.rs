//! Rulesets as they are found on nodes: docker, firewalld, calico, cilium's leftovers, libvirt, ufw,
//! flannel, the kubelet. They are read, printed back, walked, and loaded into the kernel.
//!
//! `tests/cases/rulesets/*.rules` is text as `iptables-save` 1.8.9 printed it, `*.nft` as `nft list
//! ruleset` of nft 1.0.6 did; `listed/*.nft` is what the latter says of rules the former loaded, which no
//! tool reads again.

#![expect(clippy::print_stdout, reason = "counts are shown with --nocapture")]

use packetwalk::kernel::{Lab, LabId, iptables as iptables_tools, nft as nft_tool};
use packetwalk_core::chance::Chooser;
use packetwalk_core::net::{Icmp, Packet, Protocol, RouteTable, TcpFlags, Transport, initial_ttl};
use packetwalk_core::netfilter::conntrack::Conntrack;
use packetwalk_core::netfilter::dialect::{Dialect, iptables, nft};
use packetwalk_core::netfilter::{
    DynamicElements, Hook, Object, Outcome, Pass, Ruleset, Statement, TableFamily, Trace,
    Transaction, Travelling,
};
use packetwalk_core::time::Instant;
use packetwalk_tests::{iptables_is_there, kernel_is_ours, root};
use std::collections::BTreeSet;

/// The files of a folder with this ending, each with its text.
fn cases(folder: &str, ending: &str) -> Vec<(String, String)> {
    let folder = root().join(folder);
    let entries = std::fs::read_dir(&folder).expect("the folder of cases");
    let mut found: Vec<(String, String)> = entries
        .map(|it| it.expect("an entry").path())
        .filter(|it| it.extension().is_some_and(|it| it == ending))
        .map(|path| {
            let name = path
                .file_stem()
                .expect("a name")
                .to_string_lossy()
                .into_owned();
            (name, std::fs::read_to_string(&path).expect("a case"))
        })
        .collect();
    found.sort();
    found
}

fn saved() -> Vec<(String, String)> {
    cases("tests/cases/rulesets", "rules")
}

fn listed() -> Vec<(String, String)> {
    cases("tests/cases/rulesets", "nft")
}

fn ruleset_of(text: &str) -> Ruleset {
    let read = iptables::parse(text, TableFamily::Ip).expect("a listing");
    let mut ruleset = Ruleset::default();
    read.apply(&mut ruleset).expect("applies");
    ruleset
}

/// The statements of a ruleset that decide in a way the model cannot follow.
fn unknown(ruleset: &Ruleset) -> BTreeSet<String> {
    let tables = ruleset.tables().iter();
    let rules = tables
        .flat_map(|it| it.chains.iter())
        .flat_map(|it| &it.rules);
    rules
        .flat_map(|it| &it.statements)
        .filter_map(|it| match it {
            Statement::Unknown(text) => Some(text.to_string()),
            _ => None,
        })
        .collect()
}

#[test]
fn every_kind_of_ruleset_is_there() {
    let names = |cases: Vec<(String, String)>| -> Vec<String> {
        cases.into_iter().map(|it| it.0).collect()
    };
    assert_eq!(
        names(saved()),
        [
            "calico",
            "cilium-istio",
            "docker",
            "extensions",
            "flannel-kubelet",
            "ufw"
        ]
    );
    assert_eq!(
        names(listed()),
        ["calico", "docker", "features", "firewalld", "libvirt"]
    );
}

#[test]
fn a_listing_of_iptables_survives_reading_and_printing() {
    for (name, text) in saved() {
        let read = iptables::parse(&text, TableFamily::Ip).expect("a listing");
        let canonical = iptables::canonical_transaction(&read);
        for printed in [
            iptables::restore(&read),
            iptables::save(&ruleset_of(&text), TableFamily::Ip),
        ] {
            let again = iptables::parse(&printed, TableFamily::Ip).expect("our own text");
            let again = iptables::canonical_transaction(&again);
            for command in &canonical.commands {
                assert!(
                    again.commands.contains(command),
                    "{name}: {command:?}\n{printed}"
                );
            }
            assert_eq!(again.commands.len(), canonical.commands.len(), "{name}");
        }
    }
}

#[test]
fn rules_are_listed_word_for_word_as_iptables_save_has_them() {
    let mut different = Vec::new();
    for (name, text) in saved() {
        let printed = iptables::save(&ruleset_of(&text), TableFamily::Ip);
        let lines: BTreeSet<&str> = text.lines().collect();
        let rules = printed.lines().filter(|it| it.starts_with("-A"));
        let missing = rules.filter(|it| !lines.contains(it));
        different.extend(missing.map(|it| format!("{name}: {it}")));
    }
    // Options of one module are each printed behind a name of their own, and an address in a flow with
    // its length; both read the same.
    assert_eq!(
        different,
        [
            "extensions: -A INPUT -m conntrack --ctstate RELATED -m conntrack --ctproto tcp -j ACCEPT",
            "extensions: -A INPUT -m conntrack ! --ctreplsrc 10.0.0.1/32 -j ACCEPT",
        ]
    );
}

#[test]
fn only_what_no_model_of_a_packet_can_answer_is_unknown() {
    let found: BTreeSet<String> = saved()
        .iter()
        .flat_map(|(_, text)| unknown(&ruleset_of(text)))
        .collect();
    let expected = [
        "-j NFQUEUE --queue-num 1",
        "-j TPROXY --on-port 39999 --on-ip 127.0.0.1 --tproxy-mark 0x200/0xffffffff",
        "-m connlimit --connlimit-upto 10 --connlimit-mask 32 --connlimit-saddr",
        "-m hashlimit --hashlimit-upto 5/sec --hashlimit-burst 5 --hashlimit-mode srcip --hashlimit-name h",
        "-m mac --mac-source 02:42:ac:11:00:02",
        "-m string --string \"GET /\" --algo bm",
    ];
    assert_eq!(
        found.iter().map(String::as_str).collect::<Vec<_>>(),
        expected
    );

    let found: BTreeSet<String> = listed()
        .iter()
        .flat_map(|(name, text)| {
            let listing = nft::parse_listing(text).expect("a listing");
            assert_eq!(listing.skipped, Vec::<String>::new(), "{name}");
            unknown(&listing.ruleset)
        })
        .collect();
    let found: Vec<&str> = found.iter().map(String::as_str).collect();
    assert_eq!(found, ["tproxy to 127.0.0.1:9999"]);
}

#[test]
fn a_listing_of_nft_is_printed_as_it_was_read() {
    for (name, text) in listed() {
        let listing = nft::parse_listing(&text).expect("a listing");
        let printed = nft::list(&listing.ruleset);
        let lines: Vec<(&str, &str)> = text
            .lines()
            .zip(printed.lines())
            .filter(|(wanted, found)| wanted != found)
            .collect();
        assert_eq!(lines, [], "{name}");
    }
}

#[test]
fn what_is_printed_as_commands_reads_the_same() {
    let mut texts = listed();
    texts.extend(cases("tests/cases/rulesets/listed", "nft"));
    assert_eq!(texts.len(), 11);
    for (name, text) in texts {
        let listing = nft::parse_listing(&text).expect("a listing");
        let transaction = Transaction::from_ruleset(&listing.ruleset);
        let printed = transaction.to_string();
        let again = match nft::parse(&printed) {
            Ok(again) => again,
            Err(error) => panic!(
                "{name}: {error}: {}",
                printed.lines().nth(error.line - 1).unwrap_or("")
            ),
        };
        assert_eq!(again.commands.len(), transaction.commands.len(), "{name}");
        for (again, written) in again.commands.iter().zip(&transaction.commands) {
            assert_eq!(again, written, "{name}: {written}");
        }
    }
}

fn routes() -> RouteTable {
    let mut routes = RouteTable::with_loopback();
    routes.add_interface("eth0", &["192.168.0.2/24".parse().expect("a range")]);
    routes.add_interface("docker0", &["172.17.0.1/16".parse().expect("a range")]);
    routes.add_route(
        "0.0.0.0/0".parse().expect("a range"),
        "192.168.0.1".parse().ok(),
        "eth0",
    );
    routes
}

fn packets() -> Vec<Packet> {
    let transports = [
        Transport::Tcp {
            source_port: 40_000,
            destination_port: 22,
            flags: TcpFlags::SYN,
        },
        Transport::Tcp {
            source_port: 40_000,
            destination_port: 80,
            flags: TcpFlags::SYN,
        },
        Transport::Udp {
            source_port: 40_000,
            destination_port: 53,
        },
        Transport::Icmp(Icmp::EchoRequest { id: 7 }),
    ];
    let to = ["192.168.0.2", "172.17.0.2", "10.96.0.10", "192.0.2.9"];
    transports
        .iter()
        .flat_map(|transport| {
            to.map(|to| Packet {
                source: "192.168.0.77".parse().expect("an address"),
                destination: to.parse().expect("an address"),
                ttl: initial_ttl(),
                transport: transport.clone(),
            })
        })
        .collect()
}

#[test]
fn every_ruleset_can_be_walked() {
    let routes = routes();
    let of_iptables = saved()
        .into_iter()
        .map(|(name, text)| (name, ruleset_of(&text)));
    let of_nft = listed()
        .into_iter()
        .map(|(name, text)| (name, nft::parse_listing(&text).expect("a listing").ruleset));
    let (mut n_walks, mut n_unknown) = (0, 0);
    for (name, ruleset) in of_iptables.chain(of_nft) {
        for packet in packets() {
            let mut chooser = Chooser::seeded(1);
            let (mut conntrack, mut dynamic) = (Conntrack::default(), DynamicElements::default());
            let mut pass = Pass {
                ruleset: &ruleset,
                routes: &routes,
                conntrack: &mut conntrack,
                dynamic: &mut dynamic,
                chooser: &mut chooser,
                now: Instant::START,
                trace: Trace::default(),
            };
            let mut it = Travelling::arriving(packet.clone(), "eth0");
            for hook in [
                Hook::Prerouting,
                Hook::Input,
                Hook::Forward,
                Hook::Postrouting,
            ] {
                n_walks += 1;
                match pass.hook(hook, &mut it) {
                    Outcome::Accepted => {}
                    Outcome::Unknown(_) => n_unknown += 1,
                    Outcome::TooDeep { chain } => panic!("{name}: {chain} never ends"),
                    _ => break,
                }
                it.oif = Some("eth0".into());
            }
            assert!(pass.trace.len() > 1, "{name}: {packet}");
        }
    }
    println!("{n_walks} hooks passed, {n_unknown} ended unknown");
    assert!(
        n_unknown * 10 < n_walks,
        "{n_unknown} of {n_walks} ended unknown"
    );
}

#[test]
fn the_kernel_takes_every_ruleset_and_lists_it_as_we_do() {
    if !kernel_is_ours("the rulesets of nodes") || !iptables_is_there("the rulesets of nodes") {
        return;
    }
    let (mut n_rules, mut n_rulesets) = (0, 0);
    for (idx, (name, text)) in listed().into_iter().enumerate() {
        let mut lab = Lab::new(LabId::fresh());
        let place = lab.create(&format!("nft{idx}")).expect("a namespace");
        let wanted = nft::parse_listing(&text).expect("a listing").ruleset;
        nft_tool::load(&place, &Transaction::from_ruleset(&wanted).to_string()).expect(&name);
        let answer = nft_tool::list_ruleset(&place).expect("a listing");
        let found = nft::parse_listing(&answer).expect("a listing");
        assert_eq!(found.skipped, Vec::<String>::new(), "{name}");
        let (found, wanted) = (found.ruleset, wanted);
        let (found, wanted) = (
            nft::canonical_ruleset(&found),
            nft::canonical_ruleset(&wanted),
        );
        let (found_text, wanted_text) = (nft::list(&found), nft::list(&wanted));
        let pairs = wanted_text.lines().zip(found_text.lines());
        let different: Vec<_> = pairs.filter(|it| it.0 != it.1).collect();
        assert_eq!(different, [], "{name}");
        assert_eq!(found, wanted, "{name}");
        n_rules += wanted.n_rules();
        n_rulesets += 1;
        lab.close().expect("closed");
    }
    for (idx, (name, text)) in saved().into_iter().enumerate() {
        let mut lab = Lab::new(LabId::fresh());
        let place = lab.create(&format!("ipt{idx}")).expect("a namespace");
        let wanted = iptables::parse(&text, TableFamily::Ip).expect("a listing");
        let input = Dialect::Iptables.print(&wanted);
        iptables_tools::load(&place, iptables_tools::Tools::V4, &input).expect(&name);
        let answer = iptables_tools::save(&place, iptables_tools::Tools::V4).expect("a listing");
        let found = iptables::parse(&answer, TableFamily::Ip).expect("a listing");
        for command in iptables::canonical_transaction(&wanted).commands {
            if let Object::Rule { .. } = &command.object {
                n_rules += 1;
                let found = iptables::canonical_transaction(&found);
                assert!(
                    found.commands.contains(&command),
                    "{name}: {command:?}\n{answer}"
                );
            }
        }
        n_rulesets += 1;
        lab.close().expect("closed");
    }
    println!("{n_rulesets} rulesets, {n_rules} rules");
}

#[test]
fn protocols_have_one_number_everywhere() {
    for protocol in [Protocol::Tcp, Protocol::Udp, Protocol::Sctp, Protocol::Icmp] {
        let rule = iptables::parse_rule(
            &format!("-p {} -j ACCEPT", protocol.number()),
            TableFamily::Ip,
        );
        let rule = rule.expect("a rule");
        assert!(!rule.statements.is_empty());
    }
}
