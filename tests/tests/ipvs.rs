//! ipvs mode: where packets go, what each scheduler does, what a node's tools list, and that the real ipset and
//! iptables take the texts.
//!
//! Facts are those of `pkg/proxy/ipvs` of Kubernetes 1.36 and of Linux' ip_vs; a real cluster of that kind answers a ping to
//! a ClusterIP with "Destination Port Unreachable" (kubernetes/website#41002), as the rows below do.

use packetwalk_core::chance::{Chooser, explore};
use packetwalk_core::ip::Family;
use packetwalk_core::net::Protocol::{self, Icmp, Tcp, Udp};
use packetwalk_core::netfilter::conntrack::Conntrack;
use packetwalk_core::netfilter::dialect::{ipset, iptables, ipvsadm};
use packetwalk_core::netfilter::ipvs::Scheduler;
use packetwalk_core::netfilter::{
    DynamicElements, Hook, Outcome, Pass, Ruleset, TableFamily, Trace, Travelling,
};
use packetwalk_core::proxy::{IpvsReason, Reason, ipvs_listing, mode};
use packetwalk_core::sim::{HostId, World, outcomes};
use packetwalk_core::time::{Duration, Instant};
use packetwalk_core::view;
use packetwalk_tests::one_node::packet;
use packetwalk_tests::{
    iptables_is_there, kernel_is_ours, manifest, request, root, text, ways, world,
};
use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Command, Stdio};

const TUTORIAL: &str = "static/manifests/clusterip.yaml";
const SCENARIOS: [&str; 5] = [
    TUTORIAL,
    "tests/scenarios/ways-in.yaml",
    "tests/scenarios/affinity.yaml",
    "tests/scenarios/dual-stack.yaml",
    "tests/scenarios/worked.yaml",
];

fn in_ipvs(text: &str) -> World {
    World::from_manifest(&manifest(text), mode("ipvs"), 1)
}

fn with_scheduler(name: &str) -> World {
    world(&format!(
        "{}\n---\napiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\nmode: ipvs\nipvs: {{scheduler: {name}}}\n",
        text(TUTORIAL)
    ))
}

/// A row: from, to, protocol, and the ways it can go.
type Row = (
    &'static str,
    &'static str,
    Protocol,
    &'static [&'static str],
);

fn check(text: &str, rows: &[Row]) {
    let world = in_ipvs(text);
    for (from, to, protocol, expected) in rows {
        assert_eq!(
            ways(&world, from, to, *protocol),
            *expected,
            "{from} → {to} over {protocol}"
        );
    }
}

fn ruleset(world: &World, node: &str) -> Ruleset {
    let host = world
        .network
        .host(&HostId::Node(node.into()))
        .expect("a node");
    (*host.ruleset).clone()
}

#[test]
fn a_cluster_ip_refuses_other_ports_and_pings_by_the_rule_that_shields_the_nodes_own() {
    let refused: &[&str] = &["1.000 refused by rule 10.96.0.10:81"];
    check(
        &text(TUTORIAL),
        &[
            ("pod/client", "10.96.0.10:81", Tcp, refused),
            ("node/node-1", "10.96.0.10:81", Tcp, refused),
            (
                "pod/client",
                "10.96.0.10:80",
                Udp,
                &["1.000 refused by rule 10.96.0.10:80"],
            ),
            (
                "pod/client",
                "10.96.0.10",
                Icmp,
                &["1.000 refused by rule 10.96.0.10"],
            ),
            (
                "node/node-1",
                "10.96.0.10",
                Icmp,
                &["1.000 refused by rule 10.96.0.10"],
            ),
            // No interface has it: it goes where everything goes.
            (
                "pod/client",
                "10.96.9.9:80",
                Tcp,
                &["1.000 forwarded 10.96.9.9:80"],
            ),
        ],
    );
}

#[test]
fn node_ports_and_policies_lead_where_ip_vs_sends_them() {
    let both: &[&str] = &[
        "0.500 delivered pod/default/api-1 10.244.1.2:8080 rewritten masqueraded",
        "0.500 delivered pod/default/api-2 10.244.2.3:8080 rewritten masqueraded",
    ];
    check(
        &text("tests/scenarios/ways-in.yaml"),
        &[
            ("external", "172.18.0.3:30001", Tcp, both),
            ("node/node-1", "172.18.0.3:30001", Tcp, both),
            // The answer comes from the pod's own address: the client refuses it.
            (
                "external",
                "172.18.0.3:30002",
                Tcp,
                &["1.000 dropped by host pod/default/only-2 10.244.2.2:8080 rewritten"],
            ),
            (
                "external",
                "172.18.0.4:30002",
                Tcp,
                &["1.000 delivered pod/default/only-2 10.244.2.2:8080 rewritten"],
            ),
            // Pods of a node without an endpoint are served: the answer passes their node.
            (
                "pod/api-1",
                "172.18.0.3:30002",
                Tcp,
                &["1.000 delivered pod/default/only-2 10.244.2.2:8080 rewritten"],
            ),
            (
                "pod/only-2",
                "10.96.1.3:80",
                Tcp,
                &["1.000 delivered pod/default/only-2 10.244.2.2:8080 rewritten masqueraded"],
            ),
            (
                "pod/api-1",
                "10.96.1.3:80",
                Tcp,
                &["1.000 refused by rule 10.96.1.3:80"],
            ),
            (
                "pod/only-2",
                "10.96.1.5:53",
                Udp,
                &[
                    "0.500 delivered pod/default/api-1 10.244.1.2:5353 rewritten",
                    "0.500 delivered pod/default/api-2 10.244.2.3:5353 rewritten",
                ],
            ),
            (
                "external",
                "172.18.0.3:30006",
                Tcp,
                &["1.000 refused by rule 172.18.0.3:30006"],
            ),
            (
                "node/node-1",
                "127.0.0.1:30001",
                Tcp,
                &["1.000 refused by host node/node-1 127.0.0.1:30001"],
            ),
        ],
    );
}

#[test]
fn source_ranges_of_a_load_balancer_hold_for_all_but_its_node_ports() {
    let world = in_ipvs(&text("tests/scenarios/affinity.yaml"));
    let at_node = |from: &str, to: &str, node: &str| {
        let mut request = request(from, to, Tcp);
        request.enter_at = Some(HostId::Node(node.into()));
        let all = outcomes(&world, &request, 64).expect("a walk");
        let tell =
            |it: &packetwalk_core::sim::Walk| (it.ending.verdict.name(), it.ending.masqueraded);
        let told: BTreeSet<_> = all
            .ways
            .branches
            .iter()
            .map(|it| tell(&it.result))
            .collect();
        told.into_iter().collect::<Vec<_>>()
    };
    assert_eq!(
        at_node("203.0.113.9", "5.6.7.8:80", "node-1"),
        [("delivered", false)]
    );
    assert_eq!(
        at_node("198.51.100.20", "5.6.7.8:80", "node-1"),
        [("dropped", false)]
    );
    assert_eq!(
        at_node("198.51.100.20", "172.18.0.3:31081", "node-1"),
        [("delivered", false)]
    );
    // A pod is in no range, and neither is the node: its packets are dropped after ip_vs had them.
    assert_eq!(
        ways(&world, "pod/client", "5.6.7.8:80", Tcp),
        ["1.000 dropped by rule 5.6.7.8:80"]
    );
    let own = ways(&world, "node/node-1", "5.6.7.8:80", Tcp);
    assert_eq!(own, ["1.000 dropped by rule 10.244.1.3:8080 rewritten"]);
}

#[test]
fn both_families_are_served() {
    check(
        &text("tests/scenarios/dual-stack.yaml"),
        &[
            (
                "pod/client",
                "[fd00:10:96::a]:80",
                Tcp,
                &["1.000 delivered pod/default/api [fd00:10:244:1::5]:8080 rewritten"],
            ),
            (
                "node/n1",
                "[fc00:172:18::3]:31080",
                Tcp,
                &["1.000 delivered pod/default/api [fd00:10:244:1::5]:8080 rewritten masqueraded"],
            ),
            (
                "pod/client",
                "10.96.0.10:80",
                Tcp,
                &["1.000 delivered pod/default/api 10.244.1.5:8080 rewritten"],
            ),
        ],
    );
}

#[test]
fn every_scheduler_spreads_or_sticks_as_it_should() {
    for scheduler in Scheduler::ALL {
        let world = with_scheduler(scheduler.name());
        let server = ruleset(&world, "node-1").ipvs.servers()[0].scheduler;
        assert_eq!(server, scheduler);
        let ways = ways(&world, "pod/client", "10.96.0.10:80", Tcp);
        let hashes = matches!(
            scheduler,
            Scheduler::SourceHash | Scheduler::DestinationHash
        );
        assert_eq!(ways.len(), if hashes { 1 } else { 2 }, "{ways:?}");
    }
    let unknown = with_scheduler("mh");
    let told: Vec<String> = unknown.complaints.iter().map(ToString::to_string).collect();
    assert!(told.iter().any(|it| it.contains("mh")), "{told:?}");
    assert!(
        told.iter()
            .any(|it| it.contains("deprecated since Kubernetes 1.35")),
        "{told:?}"
    );
}

/// Connections one after the other from one client to the tutorial's ClusterIP, entering node-1.
fn servers_of(
    ruleset: &Ruleset,
    world: &World,
    at_secs: &[u64],
    chooser: &mut Chooser,
) -> Vec<String> {
    let routes = &world
        .network
        .host(&HostId::Node("node-1".into()))
        .expect("a node")
        .routes;
    let (mut conntrack, mut dynamic) = (Conntrack::default(), DynamicElements::default());
    let mut servers = Vec::new();
    for (idx, secs) in at_secs.iter().enumerate() {
        let mut first = packet("10.244.1.9", "10.96.0.10", 80, Tcp);
        if let packetwalk_core::net::Transport::Tcp { source_port, .. } = &mut first.transport {
            *source_port += u16::try_from(idx).expect("few");
        }
        let mut it = Travelling::arriving(first, "cni0");
        let mut pass = Pass {
            ruleset,
            routes,
            conntrack: &mut conntrack,
            dynamic: &mut dynamic,
            chooser,
            now: Instant::START + Duration::from_secs(*secs),
            trace: Trace::default(),
        };
        assert_eq!(pass.hook(Hook::Prerouting, &mut it), Outcome::Accepted);
        let outcome = pass.hook(Hook::Input, &mut it);
        assert!(matches!(outcome, Outcome::Redirected { .. }), "{outcome:?}");
        servers.push(it.packet.destination.to_string());
    }
    servers
}

#[test]
fn round_robin_takes_turns_and_persistence_holds_for_its_time() {
    let world = in_ipvs(&text(TUTORIAL));
    let rr = ruleset(&world, "node-1");
    let turns = servers_of(&rr, &world, &[0, 1, 2, 3], &mut Chooser::seeded(1));
    assert_eq!(turns[0], turns[2]);
    assert_eq!(turns[1], turns[3]);
    assert_ne!(turns[0], turns[1]);

    let sticky = text(TUTORIAL).replace(
        "type: ClusterIP",
        "type: ClusterIP\n  sessionAffinity: ClientIP\n  sessionAffinityConfig: {clientIP: {timeoutSeconds: 100}}",
    );
    let world = in_ipvs(&sticky);
    let persistent = ruleset(&world, "node-1");
    assert!(
        ipvsadm::list(&persistent.ipvs, &DynamicElements::default().ipvs)
            .contains("TCP  10.96.0.10:80 rr persistent 100\n")
    );
    let kept = servers_of(&persistent, &world, &[0, 50, 149], &mut Chooser::seeded(1));
    assert_eq!(kept[0], kept[1]);
    assert_eq!(kept[1], kept[2]);
    let forgotten = servers_of(&persistent, &world, &[0, 100], &mut Chooser::seeded(1));
    assert_ne!(
        forgotten[0], forgotten[1],
        "its time was over, and it is the other's turn"
    );
}

#[test]
fn every_real_server_is_explored_with_its_probability() {
    let world = in_ipvs(&text(TUTORIAL));
    let rr = ruleset(&world, "node-1");
    let all = explore(1, 16, |chooser| servers_of(&rr, &world, &[0], chooser));
    let told: Vec<(f64, &str)> = all
        .branches
        .iter()
        .map(|it| (it.probability, it.result[0].as_str()))
        .collect();
    assert_eq!(told, [(0.5, "10.244.1.5"), (0.5, "10.244.2.3")]);
}

#[test]
fn a_walk_tells_what_ip_vs_did_and_where_that_comes_from() {
    let source = manifest(&text(TUTORIAL));
    let world = World::from_manifest(&source, mode("ipvs"), 1);
    let all = outcomes(&world, &request("pod/client", "10.96.0.10:80", Tcp), 8).expect("a walk");
    let walk = &all.ways.branches[0].result;
    let map = view::map(&world, &walk.from, None, view::Layout::Wide);
    let hops = view::hops(&world, &source, &map, walk);
    let told = view::explanation(&hops);
    for wanted in [
        "an address every node's kube-ipvs0 has.",
        "node-1's rules only mark for masquerade: the choice is made by ip_vs, at input.",
        "node-1's ip_vs chooses api-1 and rewrites the destination to 10.244.1.5:8080.",
        "chain ip_vs (ip_vs, input, priority 99)",
        "✓ TCP 10.96.0.10:80 rr",
        "rr chose it among 2, in turn",
        "· -> 10.244.2.3:8080 Masq 1  — not chosen this time",
        "node-1 takes what ip_vs sends on through its output rules.",
        "chain ip_vs (ip_vs, forward, priority 100)",
        "an answer of 10.244.1.5:8080: the source becomes 10.96.0.10:80",
        "10.96.0.10,tcp:80 is not in KUBE-LOAD-BALANCER",
    ] {
        assert!(told.contains(wanted), "{wanted}\n{told}");
    }
    for hop in &hops {
        assert!(hop.sentence.split(' ').count() <= 20, "{}", hop.sentence);
    }
    let fields: BTreeSet<String> = hops
        .iter()
        .flat_map(|it| &it.sources)
        .map(|it| format!("{} {}", it.object, it.path))
        .collect();
    assert!(
        fields.contains("service/default/api spec.ports[0].port"),
        "{fields:?}"
    );
    assert!(
        fields.contains("pod/default/api-1 status.podIP"),
        "{fields:?}"
    );
}

#[test]
fn every_reason_of_the_mode_is_given_somewhere_in_at_most_twenty_words() {
    let mut seen = BTreeSet::new();
    let mut masquerade_all = text(TUTORIAL);
    masquerade_all.push_str("\n---\napiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\nmode: ipvs\niptables: {masqueradeAll: true}\n");
    let no_detector = format!(
        "{}\n---\napiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nnetworking: {{podSubnet: \"fd00::/56\"}}\n",
        text(TUTORIAL)
    );
    let balancer = "apiVersion: v1\nkind: Service\nmetadata: {name: lb}\nspec: {type: LoadBalancer, clusterIP: 10.96.7.1, externalIPs: [198.51.100.7], loadBalancerSourceRanges: [172.18.0.0/16], ports: [{port: 80, nodePort: 30777}]}\nstatus: {loadBalancer: {ingress: [{ip: 192.0.2.7}]}}\n";
    let scenarios = SCENARIOS.map(text);
    let more = [masquerade_all, no_detector, balancer.to_owned()];
    for text in scenarios.iter().chain(&more) {
        let world = in_ipvs(text);
        for node in world.objects.nodes.keys() {
            for family in Family::ALL {
                let programme = world.programme(node, family).expect("a node");
                let tags = (0..).map(packetwalk_core::netfilter::Tag);
                for origin in tags.map_while(|it| programme.origins.origin(it)) {
                    let sentence = origin.sentence();
                    assert!(sentence.split(' ').count() <= 20, "{sentence}");
                    if let Reason::Ipvs(reason) = &origin.reason {
                        seen.insert(
                            format!("{reason:?}")
                                .split('(')
                                .next()
                                .unwrap_or_default()
                                .to_owned(),
                        );
                    }
                }
            }
        }
    }
    let all: BTreeSet<String> = [
        "VirtualServer",
        "BoundAddress",
        "KeepSource",
        "LeaveLoopback",
        "Hairpin",
        "LoadBalancer",
        "LoadBalancerLocal",
        "MarkLoadBalancer",
        "NodePortLocal",
        "MarkNodePort",
        "MarkClusterIpFromOutside",
        "MarkAllClusterIps",
        "MarkFromVip",
        "MarkExternalIp",
        "ExternalFromElsewhere",
        "ExternalForHere",
        "FindNodePort",
        "AcceptVirtual",
        "CheckSourceRanges",
        "AllowedRange",
        "AllowedNode",
        "DropOthers",
        "BarNode",
        "AllowHealthChecks",
        "PassVirtual",
        "RefuseHostPorts",
    ]
    .into_iter()
    .map(str::to_owned)
    .collect();
    // A barred node is told by the source ranges themselves.
    let unseen: Vec<_> = all.difference(&seen).collect();
    assert_eq!(
        unseen,
        Vec::<&String>::new(),
        "{}",
        IpvsReason::LeaveLoopback.sentence()
    );
}

/// What a node's own tools list. Refresh with `UPDATE_EXPECTED=1`, and read the difference.
#[test]
fn a_nodes_tools_list_what_they_listed() {
    for (scenario, node, path) in [
        (TUTORIAL, "node-1", "tests/expected/clusterip.ipvs-list"),
        (
            "tests/scenarios/affinity.yaml",
            "node-1",
            "tests/expected/affinity.ipvs-list",
        ),
        (
            "tests/scenarios/dual-stack.yaml",
            "n1",
            "tests/expected/dual-stack.ipvs-list",
        ),
    ] {
        let listed = ipvs_listing(&ruleset(&in_ipvs(&text(scenario)), node));
        if std::env::var_os("UPDATE_EXPECTED").is_some() {
            std::fs::write(root().join(path), &listed).expect("written");
        }
        assert_eq!(listed, text(path), "{path}");
    }
}

/// The lines kube-proxy 1.36 itself writes for the tutorial's cluster, worked out by hand from its source.
#[test]
fn the_rules_are_kube_proxys_to_the_letter() {
    let world = in_ipvs(&text(TUTORIAL));
    let programme = world.programme("node-1", Family::V4).expect("a node");
    let written = iptables::restore(&programme.transaction);
    let nat = "\
-A KUBE-SERVICES -s 127.0.0.0/8 -j RETURN
-A KUBE-POSTROUTING -m comment --comment \"Kubernetes endpoints dst ip:port, source ip for solving hairpin purpose\" -m set --match-set KUBE-LOOP-BACK dst,dst,src -j MASQUERADE
-A KUBE-SERVICES -m comment --comment \"Kubernetes service cluster ip + port for masquerade purpose\" -m set --match-set KUBE-CLUSTER-IP dst,dst ! -s 10.244.0.0/16 -j KUBE-MARK-MASQ
-A KUBE-SERVICES -m addrtype --dst-type LOCAL -j KUBE-NODE-PORT
-A KUBE-LOAD-BALANCER -j KUBE-MARK-MASQ
-A KUBE-SERVICES -m set --match-set KUBE-CLUSTER-IP dst,dst -j ACCEPT
-A KUBE-POSTROUTING -m mark ! --mark 0x00004000/0x00004000 -j RETURN
-A KUBE-POSTROUTING -j MARK --xor-mark 0x00004000
-A KUBE-POSTROUTING -m comment --comment \"kubernetes service traffic requiring SNAT\" -j MASQUERADE --random-fully
-A KUBE-MARK-MASQ -j MARK --or-mark 0x00004000
COMMIT
";
    assert!(written.contains(nat), "{written}");
    let filter = "\
-A KUBE-SOURCE-RANGES-FIREWALL -j DROP
-A KUBE-FORWARD -m comment --comment \"kubernetes forwarding rules\" -m mark --mark 0x00004000/0x00004000 -j ACCEPT
-A KUBE-FORWARD -m comment --comment \"kubernetes forwarding conntrack rule\" -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A KUBE-NODE-PORT -m comment --comment \"Kubernetes health check node port\" -m set --match-set KUBE-HEALTH-CHECK-NODE-PORT dst -j ACCEPT
-A KUBE-IPVS-FILTER -m set --match-set KUBE-LOAD-BALANCER dst,dst -j RETURN
-A KUBE-IPVS-FILTER -m set --match-set KUBE-CLUSTER-IP dst,dst -j RETURN
-A KUBE-IPVS-FILTER -m set --match-set KUBE-EXTERNAL-IP dst,dst -j RETURN
-A KUBE-IPVS-FILTER -m set --match-set KUBE-EXTERNAL-IP-LOCAL dst,dst -j RETURN
-A KUBE-IPVS-FILTER -m set --match-set KUBE-HEALTH-CHECK-NODE-PORT dst -j RETURN
-A KUBE-IPVS-FILTER -m conntrack --ctstate NEW -m set --match-set KUBE-IPVS-IPS dst -j REJECT
COMMIT
";
    assert!(written.contains(filter), "{written}");
    let world = in_ipvs(&text("tests/scenarios/affinity.yaml"));
    let programme = world.programme("node-1", Family::V4).expect("a node");
    let written = iptables::restore(&programme.transaction);
    for line in [
        "-A KUBE-NODE-PORT -p tcp -m comment --comment \"Kubernetes nodeport TCP port with externalTrafficPolicy=local\" -m set --match-set KUBE-NODE-PORT-LOCAL-TCP dst -j RETURN\n",
        "-A KUBE-IPVS-OUT-FILTER -s 5.6.7.8 -m ipvs --vaddr 5.6.7.8 --vproto tcp --vport 80 -j DROP\n",
        "-A KUBE-SOURCE-RANGES-FIREWALL -m comment --comment \"Kubernetes service load balancer ip + port + source cidr for packet filter purpose\" -m set --match-set KUBE-LOAD-BALANCER-SOURCE-CIDR dst,dst,src -j RETURN\n",
    ] {
        assert!(written.contains(line), "{line}{written}");
    }
    let saved = iptables::save(&programme.ruleset(), TableFamily::Ip);
    let line = "-A KUBE-IPVS-OUT-FILTER -s 5.6.7.8/32 -m ipvs --vproto 6 --vaddr 5.6.7.8 --vport 80 -j DROP\n";
    assert!(saved.contains(line), "{saved}");
}

#[test]
fn virtual_servers_are_saved_as_ipvsadm_reads_them() {
    let world = in_ipvs(&text("tests/scenarios/dual-stack.yaml"));
    assert_eq!(
        ipvsadm::save(&ruleset(&world, "n1").ipvs),
        "\
-A -t 172.18.0.3:31080 -s rr -p 10800
-a -t 172.18.0.3:31080 -r 10.244.1.5:8080 -m -w 1
-A -t 10.96.0.10:80 -s rr -p 10800
-a -t 10.96.0.10:80 -r 10.244.1.5:8080 -m -w 1
-A -t 10.244.1.1:31080 -s rr -p 10800
-a -t 10.244.1.1:31080 -r 10.244.1.5:8080 -m -w 1
-A -t [fc00:172:18::3]:31080 -s rr -p 10800
-a -t [fc00:172:18::3]:31080 -r [fd00:10:244:1::5]:8080 -m -w 1
-A -t [fd00:10:96::a]:80 -s rr -p 10800
-a -t [fd00:10:96::a]:80 -r [fd00:10:244:1::5]:8080 -m -w 1
-A -t [fd00:10:244:1::1]:31080 -s rr -p 10800
-a -t [fd00:10:244:1::1]:31080 -r [fd00:10:244:1::5]:8080 -m -w 1
"
    );
}

#[test]
fn texts_survive_printing_and_reading() {
    for path in SCENARIOS {
        let world = in_ipvs(&text(path));
        for node in world.objects.nodes.keys() {
            for (family, of) in [
                (Family::V4, TableFamily::Ip),
                (Family::V6, TableFamily::Ip6),
            ] {
                let programme = world.programme(node, family).expect("a node");
                let mut written = programme.transaction.clone();
                written.ipvs = packetwalk_core::netfilter::ipvs::Ipvs::default();
                let read = iptables::parse(&iptables::restore(&written), of).expect("our own text");
                assert_eq!(
                    iptables::canonical_transaction(&read),
                    iptables::canonical_transaction(&written),
                    "{path}"
                );
                let sets = programme.transaction.ipvs.sets();
                let saved = ipset::save(sets);
                let read = ipset::parse(&saved).expect("our own text");
                assert_eq!(ipset::save(&read), saved, "{path}");
            }
        }
    }
}

#[test]
fn a_rule_that_asks_a_set_nobody_knows_is_reported_and_never_passed_over() {
    let text =
        "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -m set --match-set blocked src -j DROP\nCOMMIT\n";
    let mut ruleset = Ruleset::default();
    let read = iptables::parse(text, TableFamily::Ip).expect("a text");
    read.apply(&mut ruleset).expect("applies");
    let world = in_ipvs(&self::text(TUTORIAL));
    let routes = &world
        .network
        .host(&HostId::Node("node-1".into()))
        .expect("a node")
        .routes;
    let outcome = |ruleset: &Ruleset| {
        let mut pass = Pass {
            ruleset,
            routes,
            conntrack: &mut Conntrack::default(),
            dynamic: &mut DynamicElements::default(),
            chooser: &mut Chooser::seeded(1),
            now: Instant::START,
            trace: Trace::default(),
        };
        let first = packet("10.244.1.9", "172.18.0.3", 22, Tcp);
        pass.hook(Hook::Input, &mut Travelling::arriving(first, "cni0"))
    };
    assert!(matches!(outcome(&ruleset), Outcome::Unknown(_)));
    for set in
        ipset::parse("create blocked hash:ip family inet\nadd blocked 10.244.1.9\n").expect("sets")
    {
        ruleset.ipvs.add_set(set);
    }
    assert!(matches!(outcome(&ruleset), Outcome::Dropped { .. }));
}

/// Whether ipset is here; says loudly where not.
#[expect(clippy::print_stderr, reason = "a skipped test must say so")]
fn ipset_is_there(test: &str) -> bool {
    let is_there = Command::new("ipset")
        .arg("--version")
        .stdout(Stdio::null())
        .status()
        .is_ok();
    if !is_there {
        eprintln!("\n*** SKIPPED {test}: ipset is not installed\n");
    }
    is_there
}

/// Runs a script in a network namespace of its own.
fn in_a_namespace(script: &str, input: &str) -> String {
    let mut child = Command::new("unshare")
        .args(["--net", "sh", "-ec", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("unshare");
    child
        .stdin
        .take()
        .expect("piped")
        .write_all(input.as_bytes())
        .expect("written");
    let output = child.wait_with_output().expect("an answer");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    text
}

/// Without what is luck in the kernel: the order of hashed members, and sizes where buckets are shared.
fn without_luck(listing: &str) -> Vec<String> {
    let mut blocks: Vec<String> = Vec::new();
    for block in listing.split("\n\n") {
        let (head, members) = block.split_once("Members:").expect("a set");
        let head: Vec<&str> = head
            .lines()
            .filter(|it| !it.starts_with("Size in memory"))
            .map(|it| it.split(" initval").next().unwrap_or_default())
            .collect();
        let mut members: Vec<&str> = members.split_whitespace().collect();
        members.sort_unstable();
        blocks.push(format!("{}\n{}", head.join("\n"), members.join("\n")));
    }
    blocks
}

#[test]
fn the_real_ipset_and_iptables_take_the_texts_and_list_them_alike() {
    const NAME: &str = "sets of ipvs mode";
    if !kernel_is_ours(NAME) || !iptables_is_there(NAME) || !ipset_is_there(NAME) {
        return;
    }
    let mut n_nodes = 0;
    for path in SCENARIOS {
        let world = in_ipvs(&text(path));
        for node in world.objects.nodes.keys() {
            let programme = world.programme(node, Family::V4).expect("a node");
            let sets = ipset::save(programme.transaction.ipvs.sets());
            // This kernel may lack xt_ipvs: the rules that ask ip_vs are left to their own test.
            let rules: Vec<String> = iptables::restore(&programme.transaction)
                .lines()
                .filter(|it| !it.contains("-m ipvs"))
                .map(str::to_owned)
                .collect();
            let listed = in_a_namespace("ipset restore; ipset list", &sets);
            let mut bare = Ruleset::default();
            bare.ipvs = programme.transaction.ipvs.clone();
            assert_eq!(
                without_luck(&listed),
                without_luck(&ipset::list(&bare)),
                "{path}, {node}"
            );
            let both = format!("{sets}EOF\n{}\n", rules.join("\n"));
            let loaded = in_a_namespace(
                "t=$(mktemp -d); cat > $t/all; sed '/^EOF$/,$d' $t/all | ipset restore; sed '1,/^EOF$/d' $t/all | iptables-nft-restore; iptables-nft-save; rm -r $t",
                &both,
            );
            let mine = iptables::parse(&rules.join("\n"), TableFamily::Ip).expect("our own text");
            let theirs = iptables::parse(&loaded, TableFamily::Ip).expect("a listing");
            let listing = |it: &packetwalk_core::netfilter::Transaction| {
                let mut ruleset = Ruleset::default();
                it.apply(&mut ruleset).expect("applies");
                let text = iptables::save(&ruleset, TableFamily::Ip);
                let mut tables: Vec<String> = text
                    .split_inclusive("COMMIT\n")
                    .map(str::to_owned)
                    .collect();
                tables.sort();
                tables
            };
            assert_eq!(listing(&mine), listing(&theirs), "{path}, {node}");
            n_nodes += 1;
        }
    }
    assert!(n_nodes >= 10, "{n_nodes}");
}
