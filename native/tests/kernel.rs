//! The Linux side against the real kernel: namespaces, wiring, rules, probes, traces, connections.
//!
//! Linux: needs the rights of root and the `nft` tool; without them each test says so and passes.
//!
//! **Left out**: overflow of the listener's buffer, which takes a load that a shared machine cannot
//! promise.

use std::{
    env,
    io::{self, Write},
    net::{IpAddr, SocketAddr},
    panic::{self, AssertUnwindSafe},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use packetwalk::kernel::{
    Lab, LabId, conntrack,
    conntrack::{ConntrackKind, TcpState},
    link,
    link::{Power, replace_routes},
    monitor::{Monitor, Recording},
    netns, nft,
    probe::{Outcome, Probe, Protocol, Refusal, Stage, send},
    require_root,
    serve::{Manner, Servers, Service, read_line},
    topology::{
        Cluster, ClusterNode, ClusterPod, OutsideHost, Prefix, Route, RouteKind, Topology, UNDERLAY,
    },
    trace::{Scope, TRACE_TABLE, Verdict, tracing_rules},
};

const CHILD: &str = "PACKETWALK_TEST_CHILD";
const QUIET: Duration = Duration::from_millis(20);
const LIMIT: Duration = Duration::from_secs(5);
const TCP: u8 = 6;

/// One Service in the form of Kubernetes 1.36 (G3), one without endpoints, one closed by a firewall.
const RULES: &str = "
add table ip kube-proxy
add chain ip kube-proxy filter-forward { type filter hook forward priority 0 ; }
add chain ip kube-proxy filter-output { type filter hook output priority 0 ; }
add chain ip kube-proxy nat-prerouting { type nat hook prerouting priority -100 ; }
add chain ip kube-proxy nat-output { type nat hook output priority -100 ; }
add chain ip kube-proxy nat-postrouting { type nat hook postrouting priority 100 ; }
add chain ip kube-proxy services
add chain ip kube-proxy masquerading
add chain ip kube-proxy service-endpoints-check
add chain ip kube-proxy reject-chain
add chain ip kube-proxy service-ULMVA6XW-default/api/tcp/http
add map ip kube-proxy no-endpoint-services { type ipv4_addr . inet_proto . inet_service : verdict ; }
add map ip kube-proxy service-ips { type ipv4_addr . inet_proto . inet_service : verdict ; }
add rule ip kube-proxy filter-forward ct state new jump service-endpoints-check
add rule ip kube-proxy filter-output ct state new jump service-endpoints-check
add rule ip kube-proxy nat-output jump services
add rule ip kube-proxy nat-prerouting jump services
add rule ip kube-proxy nat-postrouting jump masquerading
add rule ip kube-proxy masquerading mark and 0x4000 != 0 mark set mark xor 0x4000 masquerade fully-random
add rule ip kube-proxy reject-chain reject
add rule ip kube-proxy service-endpoints-check ip daddr . meta l4proto . th dport vmap @no-endpoint-services
add rule ip kube-proxy services ip daddr 10.96.0.0/16 ip saddr != 10.244.0.0/16 mark set mark or 0x4000
add rule ip kube-proxy services ip daddr . meta l4proto . th dport vmap @service-ips
add rule ip kube-proxy service-ULMVA6XW-default/api/tcp/http meta l4proto tcp dnat ip addr . port to numgen random mod 1 map { 0 : 10.244.2.3 . 8080 }
add element ip kube-proxy service-ips { 10.96.0.10 . tcp . 80 : goto service-ULMVA6XW-default/api/tcp/http }
add element ip kube-proxy no-endpoint-services { 10.96.0.11 . tcp . 80 : goto reject-chain }
add element ip kube-proxy no-endpoint-services { 10.96.0.11 . udp . 53 : goto reject-chain }
add element ip kube-proxy no-endpoint-services { 10.96.0.12 . tcp . 80 : drop }
add element ip kube-proxy no-endpoint-services { 10.96.0.12 . udp . 53 : drop }
";

fn may_run() -> bool {
    match require_root() {
        Ok(()) => true,
        Err(it) => {
            let name = std::thread::current().name().unwrap_or("?").to_owned();
            let _ = writeln!(io::stderr(), "\n*** SKIPPED {name}: {it} ***\n");
            false
        }
    }
}

fn ip(text: &str) -> IpAddr {
    text.parse().expect("written in the test")
}

fn at(text: &str) -> SocketAddr {
    text.parse().expect("written in the test")
}

fn prefix(text: &str) -> Prefix {
    text.parse().expect("written in the test")
}

/// Two nodes; pods `client` and `near` on the first, `api` on the second; `outside` behind the gateway.
fn cluster() -> Cluster {
    let node = |n: u8| ClusterNode {
        name: format!("node-{n}"),
        addresses: vec![
            ip(&format!("172.18.0.{}", n + 2)),
            ip(&format!("fd00:172:18::{}", n + 2)),
        ],
        pod_networks: vec![
            prefix(&format!("10.244.{n}.0/24")),
            prefix(&format!("fd00:10:244:{n}::/64")),
        ],
    };
    let pod = |name: &str, n: u8, last: u8| ClusterPod {
        name: name.to_owned(),
        node: format!("node-{n}"),
        addresses: vec![
            ip(&format!("10.244.{n}.{last}")),
            ip(&format!("fd00:10:244:{n}::{last}")),
        ],
    };
    Cluster {
        gateways: vec![prefix("172.18.0.1/16"), prefix("fd00:172:18::1/64")],
        nodes: vec![node(1), node(2)],
        pods: vec![pod("client", 1, 9), pod("near", 1, 5), pod("api", 2, 3)],
        outside: vec![OutsideHost {
            name: "outside".to_owned(),
            addresses: vec![ip("203.0.113.9"), ip("2001:db8::9")],
        }],
    }
}

fn built(topology: &Topology) -> Lab {
    let mut lab = Lab::new(LabId::fresh());
    link::build(&mut lab, topology).unwrap_or_else(|it| panic!("{it}"));
    lab
}

fn lab() -> Lab {
    built(&cluster().topology().expect("is sound"))
}

fn lab_with_rules() -> Lab {
    let lab = lab();
    for node in ["node-1", "node-2"] {
        let place = lab.host(node).expect("is built");
        nft::load(place, RULES).unwrap_or_else(|it| panic!("{it}"));
    }
    lab
}

fn serve(lab: &Lab, host: &str, protocol: Protocol, listen: &str) -> Servers {
    let place = lab.host(host).expect("is built").into();
    let service = Service {
        manner: Manner::Answers,
        place,
        name: host,
        protocol,
        listen: at(listen),
    };
    Servers::start(&[service]).unwrap_or_else(|it| panic!("{it}"))
}

fn probe(lab: &Lab, host: &str, probe: &Probe) -> Outcome {
    send(lab.host(host).expect("is built"), probe).unwrap_or_else(|it| panic!("{it}"))
}

fn names_of(id: &LabId) -> Vec<String> {
    let entries = netns::list().expect("is readable");
    entries
        .into_iter()
        .filter(|it| it.lab == *id)
        .map(|it| it.name)
        .collect()
}

#[test]
fn service_connection_is_answered_traced_and_tracked() {
    if !may_run() {
        return;
    }
    let lab = lab_with_rules();
    let node = lab.host("node-1").expect("is built");
    let listing = nft::list(node, "ip", "kube-proxy").expect("is loaded");
    let _servers = serve(&lab, "api", Protocol::Tcp, "10.244.2.3:8080");
    nft::load(node, &tracing_rules(Scope::Every)).expect("loads");
    let mut monitor = Monitor::open(node).expect("listens");

    let to_service = Probe::new(Protocol::Tcp, at("10.96.0.10:80")).from_port(45678);
    let Outcome::Connected { local, peer, reply } = probe(&lab, "client", &to_service) else {
        panic!("not connected");
    };
    assert_eq!((local, peer), (at("10.244.1.9:45678"), at("10.96.0.10:80")));
    assert_eq!(read_line(&reply), Some(("api", at("10.244.1.9:45678"))));

    let recording = monitor.collect(QUIET, LIMIT).expect("hears");
    assert!(recording.is_complete());
    trace_follows_the_rules(&recording, &listing);
    events_tell_of_the_connection(&recording);
    let listed = conntrack::list(node).expect("is readable");
    assert_eq!(listed.len(), 1, "{listed:#?}");
    assert_eq!(listed[0].original.destination, ip("10.96.0.10"));
    conntrack::flush(node).expect("is emptied");
    assert_eq!(conntrack::list(node).expect("is readable"), []);
    lab.close().expect("all is removed");
}

fn trace_follows_the_rules(recording: &Recording, listing: &nft::Listing) {
    let packets = recording.packets();
    let syn = &packets[0];
    let first = syn.first.as_ref().expect("has a header");
    assert_eq!(first.destination, ip("10.96.0.10"));
    assert_eq!(first.transport.ports(), Some((45678, 80)));
    let steps: Vec<(&str, usize, &Verdict)> = syn
        .of_table("kube-proxy")
        .flat_map(|it| &it.steps)
        .filter_map(|it| {
            let (chain, rule_idx) = listing.position(it.rule_handle?)?;
            assert_eq!(chain, it.chain);
            Some((chain, rule_idx, &it.verdict))
        })
        .collect();
    let service = "service-ULMVA6XW-default/api/tcp/http";
    let into = |it: &str| Verdict::Jump(it.to_owned());
    assert_eq!(
        steps,
        [
            ("nat-prerouting", 0, &into("services")),
            ("services", 1, &Verdict::Goto(service.to_owned())),
            (service, 0, &Verdict::Accept),
            ("filter-forward", 0, &into("service-endpoints-check")),
            ("nat-postrouting", 0, &into("masquerading")),
        ]
    );
    // The packet leaves with the address of the pod: the same packet, though rewritten.
    let last = syn
        .passes
        .last()
        .expect("passes")
        .packet
        .as_ref()
        .expect("has a header");
    assert_eq!(last.destination, ip("10.244.2.3"));
    // Each packet of a whole connection is one packet: seven or so, and each met the filter once.
    assert!((6..=14).contains(&packets.len()), "{packets:#?}");
    for packet in &packets {
        let filter = packet
            .passes
            .iter()
            .filter(|it| it.base_chain == "filter-forward");
        assert_eq!(filter.count(), 1, "{packet:#?}");
    }
}

fn events_tell_of_the_connection(recording: &Recording) {
    let new = recording
        .connections()
        .find(|it| it.kind == ConntrackKind::New);
    let new = new.expect("the connection is new");
    assert_eq!(new.original.destination, ip("10.96.0.10"));
    assert_eq!(new.reply.source, ip("10.244.2.3"));
    assert_eq!((new.reply.source_port, new.original.protocol), (8080, TCP));
    assert!(new.status.destination_nat() && !new.status.source_nat());
    assert_eq!(new.tcp_state, Some(TcpState::SynSent));
    assert!(
        recording
            .connections()
            .any(|it| it.tcp_state == Some(TcpState::Established))
    );
    // Linux from 6.17 on names the connection in the trace.
    if let Some(ct) = recording.traces().find_map(|it| it.ct) {
        assert_eq!(Some(ct.id), new.id);
    }
}

#[test]
fn same_port_can_be_used_again_at_once() {
    if !may_run() {
        return;
    }
    let lab = lab_with_rules();
    let _servers = serve(&lab, "api", Protocol::Tcp, "10.244.2.3:8080");
    let to_service = Probe::new(Protocol::Tcp, at("10.96.0.10:80")).from_port(45678);
    for _ in 0..20 {
        assert!(matches!(
            probe(&lab, "client", &to_service),
            Outcome::Connected { .. }
        ));
    }
}

#[test]
fn masquerade_shows_the_node_to_the_server() {
    if !may_run() {
        return;
    }
    let lab = lab_with_rules();
    let _servers = serve(&lab, "api", Protocol::Tcp, "10.244.2.3:8080");
    // Service addresses are known to the cluster only; this sends them to a node.
    let route = Route::via(prefix("10.96.0.0/16"), ip("172.18.0.3"));
    replace_routes(lab.host(UNDERLAY).expect("is built"), &[route]).expect("is set");
    let outcome = probe(
        &lab,
        "outside",
        &Probe::new(Protocol::Tcp, at("10.96.0.10:80")),
    );
    let Outcome::Connected { reply, .. } = outcome else {
        panic!("{outcome:?}");
    };
    let (name, seen) = read_line(&reply).expect("is a line");
    assert_eq!((name, seen.ip()), ("api", ip("172.18.0.3")));
}

#[test]
fn every_way_to_fail_has_its_outcome() {
    if !may_run() {
        return;
    }
    let lab = lab_with_rules();
    let node = lab.host("node-1").expect("is built");
    replace_routes(
        node,
        &[
            Route::dead(prefix("198.51.100.0/24"), RouteKind::Unreachable),
            Route::dead(prefix("192.0.2.0/24"), RouteKind::Prohibit),
            Route::dead(prefix("192.0.3.0/24"), RouteKind::Blackhole),
        ],
    )
    .expect("is set");
    for row in OUTCOMES
        .lines()
        .filter(|it| !it.is_empty() && !it.starts_with('#'))
    {
        let (question, expected) = row.split_once(" = ").expect("has an answer");
        let words: Vec<&str> = question.split_whitespace().collect();
        let (protocol, port) = match words[1] {
            "tcp" => (Protocol::Tcp, ""),
            "udp" => (Protocol::Udp, ""),
            _ => (Protocol::Icmp, ":0"),
        };
        let to = at(&format!("{}{port}", words[2]));
        let outcome = probe(&lab, words[0], &Probe::new(protocol, to));
        assert_eq!(tell(&outcome), expected, "{question}: {outcome:?}");
    }
}

/// From where, by which protocol, to where, and what becomes of it: for ICMP errors type/code.
const OUTCOMES: &str = "
# a closed port of a pod
client tcp 10.244.2.3:9 = reset
client tcp [fd00:10:244:2::3]:9 = reset
client udp 10.244.2.3:9 = refused 3/3 by 10.244.2.3
client udp [fd00:10:244:2::3]:9 = refused 1/4 by fd00:10:244:2::3
# a Service without endpoints: `reject` on the way, and on the way out
client tcp 10.96.0.11:80 = refused 3/3 by 10.244.1.1
client udp 10.96.0.11:53 = refused 3/3 by 10.244.1.1
node-1 tcp 10.96.0.11:80 = refused 3/3 by 172.18.0.3
node-1 udp 10.96.0.11:53 = refused 3/3 by 172.18.0.3
# `drop` on the way, and on the way out
client tcp 10.96.0.12:80 = no connection
client udp 10.96.0.12:53 = no answer
node-1 tcp 10.96.0.12:80 = no connection
node-1 udp 10.96.0.12:53 = blocked
# routes to nowhere, of another host and of one's own
client tcp 198.51.100.1:80 = unreachable 3/1
client tcp 192.0.2.1:80 = unreachable 3/13
client tcp 192.0.3.1:80 = no connection
node-1 tcp 198.51.100.1:80 = unreachable
node-1 tcp 192.0.2.1:80 = unreachable
node-1 tcp 192.0.3.1:80 = unreachable
# pings
client icmp 10.244.2.3 = connected
client icmp [fd00:10:244:1::5] = connected
outside icmp 172.18.0.4 = connected
outside icmp [fd00:172:18::4] = connected
client icmp 198.51.100.1 = unreachable 3/1
";

fn tell(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Connected { .. } => "connected".to_owned(),
        Outcome::Refused { by, .. } => match by {
            Refusal::Reset => "reset".to_owned(),
            Refusal::Icmp(it) => {
                let sender = it.sender.map_or("?".to_owned(), |it| it.to_string());
                format!("refused {}/{} by {sender}", it.kind, it.code)
            }
        },
        Outcome::TimedOut { stage, .. } => match stage {
            Stage::Connecting => "no connection".to_owned(),
            Stage::Answering => "no answer".to_owned(),
        },
        Outcome::Unreachable { icmp, .. } => match icmp {
            Some(it) => format!("unreachable {}/{}", it.kind, it.code),
            None => "unreachable".to_owned(),
        },
        Outcome::Blocked { .. } => "blocked".to_owned(),
    }
}

#[test]
fn packets_between_pods_of_one_node_pass_its_rules() {
    if !may_run() {
        return;
    }
    let lab = lab_with_rules();
    let node = lab.host("node-1").expect("is built");
    let _tcp = serve(&lab, "near", Protocol::Tcp, "[::]:80");
    let _udp = serve(&lab, "near", Protocol::Udp, "[::]:53");
    nft::load(node, &tracing_rules(Scope::Opening)).expect("loads");
    let mut monitor = Monitor::open(node).expect("listens");
    for (protocol, to) in [
        (Protocol::Tcp, "10.244.1.5:80"),
        (Protocol::Tcp, "[fd00:10:244:1::5]:80"),
        (Protocol::Udp, "10.244.1.5:53"),
        (Protocol::Udp, "[fd00:10:244:1::5]:53"),
    ] {
        let outcome = probe(&lab, "client", &Probe::new(protocol, at(to)));
        let Outcome::Connected { reply, local, .. } = outcome else {
            panic!("{to}: {outcome:?}");
        };
        assert_eq!(read_line(&reply), Some(("near", local)));
    }
    let packets = monitor.collect(QUIET, LIMIT).expect("hears").packets();
    // Two SYNs, and two datagrams each way.
    assert_eq!(packets.len(), 6, "{packets:#?}");
    assert_eq!(
        packets
            .iter()
            .filter(|it| it.of_table("kube-proxy").count() > 0)
            .count(),
        3
    );
}

#[test]
fn http_is_answered_in_http() {
    if !may_run() {
        return;
    }
    let lab = lab();
    let _servers = serve(&lab, "api", Protocol::Tcp, "10.244.2.3:8080");
    let request = Probe {
        payload: b"GET / HTTP/1.1\r\nHost: api\r\n\r\n".to_vec(),
        ..Probe::new(Protocol::Tcp, at("10.244.2.3:8080"))
    };
    let Outcome::Connected { reply, .. } = probe(&lab, "client", &request) else {
        panic!("not connected");
    };
    assert!(reply.starts_with("HTTP/1.1 200 OK\r\n"), "{reply}");
    assert_eq!(read_line(&reply).map(|it| it.0), Some("api"));
}

#[test]
fn running_lab_can_be_extended_and_cut() {
    if !may_run() {
        return;
    }
    let cluster = cluster();
    let mut lab = built(&cluster.topology().expect("is sound"));
    let mut addition = Topology::default();
    let late = ClusterPod {
        name: "late".to_owned(),
        node: "node-2".to_owned(),
        addresses: vec![ip("10.244.2.77")],
    };
    cluster.add_pod(&late, &mut addition).expect("is sound");
    link::build(&mut lab, &addition).unwrap_or_else(|it| panic!("{it}"));
    let ping = Probe::new(Protocol::Icmp, at("10.244.2.77:0"));
    let outcome = probe(&lab, "client", &ping);
    assert_eq!(tell(&outcome), "connected", "{outcome:?}");

    let node = lab.host("node-2").expect("is built");
    link::switch(node, "eth0", Power::Down).expect("is switched");
    assert!(matches!(
        probe(&lab, "client", &ping),
        Outcome::TimedOut { .. }
    ));
    lab.remove("late").expect("is removed");
    assert!(lab.host("late").is_err());
}

#[test]
fn refused_rules_name_the_line_and_load_nothing() {
    if !may_run() {
        return;
    }
    let mut lab = Lab::new(LabId::fresh());
    let place = lab.create("alone").expect("is made");
    let text = "add table ip t\nadd chain ip t c\nadd rule ip t c ip daddr 1.2.3.400 accept\n";
    let refusal = nft::load(&place, text).expect_err("is wrong");
    let message = refusal.to_string();
    assert!(message.contains("line 3, column 26"), "{message}");
    assert!(
        message.contains("add rule ip t c ip daddr 1.2.3.400 accept"),
        "{message}"
    );
    assert!(nft::list(&place, "ip", "t").is_err_and(|it| it.is_absent()));
    nft::check(&place, "add table ip t\n").expect("is right");
    assert_eq!(nft::tables(&place).expect("is readable"), []);
    nft::load(&place, &tracing_rules(Scope::Every)).expect("loads");
    nft::load(&place, &tracing_rules(Scope::Opening)).expect("loads again");
    let both = vec![("inet".to_owned(), TRACE_TABLE.to_owned())];
    assert_eq!(nft::tables(&place).expect("is readable"), both);
    nft::delete_table(&place, "inet", TRACE_TABLE).expect("is deleted");
    nft::delete_table(&place, "inet", TRACE_TABLE).expect("is no longer there, which is no fault");
    assert!(nft::version().expect("is installed").parts >= [1, 0, 0]);
}

#[test]
fn wrong_description_is_refused_and_leaves_nothing() {
    if !may_run() {
        return;
    }
    let mut topology = cluster().topology().expect("is sound");
    topology.route("node-1", Route::link(prefix("192.0.2.0/24"), "eth9"));
    let mut lab = Lab::new(LabId::fresh());
    let id = lab.id().clone();
    let refusal = link::build(&mut lab, &topology).expect_err("has no eth9");
    assert!(
        refusal.to_string().contains("node-1 has no interface eth9"),
        "{refusal}"
    );
    assert!(!names_of(&id).is_empty());
    let report = lab.report();
    drop(lab);
    assert_eq!(report.take().len(), 0);
    assert_eq!(names_of(&id), Vec::<String>::new());
}

#[test]
fn kernel_refusal_says_what_was_tried() {
    if !may_run() {
        return;
    }
    let mut topology = cluster().topology().expect("is sound");
    topology.route(
        "client",
        Route::via(prefix("192.0.2.0/24"), ip("198.51.100.1")),
    );
    let mut lab = Lab::new(LabId::fresh());
    let refusal = link::build(&mut lab, &topology).map(|_| ());
    // It is reached through the default route, which Linux does not take as a gateway's place.
    let message = refusal.expect_err("has no such gateway").to_string();
    assert!(
        message.contains("could not add the route to 192.0.2.0/24 on client"),
        "{message}"
    );
}

#[test]
fn nothing_is_left_after_a_panic() {
    if !may_run() {
        return;
    }
    let id = LabId::fresh();
    let of_thread = id.clone();
    let result = panic::catch_unwind(AssertUnwindSafe(move || {
        let mut lab = Lab::new(of_thread);
        link::build(&mut lab, &cluster().topology().expect("is sound")).expect("is built");
        assert_eq!(names_of(lab.id()).len(), 7);
        let inside = lab.host("api").expect("is built");
        inside
            .run(|| panic!("on purpose, inside a namespace"))
            .expect("was entered");
    }));
    assert!(result.is_err());
    assert_eq!(names_of(&id), Vec::<String>::new());
}

#[test]
fn kept_lab_is_opened_again_and_not_overwritten() {
    if !may_run() {
        return;
    }
    let id = LabId::named("kepttest").expect("is a name");
    netns::clean_lab(&id).expect("is readable");
    let mut lab = Lab::new(id.clone());
    lab.create("one").expect("is made");
    lab.keep();
    drop(lab);
    assert_eq!(names_of(&id), ["pw-kepttest-one"]);
    assert!(Lab::new(id.clone()).create("one").is_err());
    drop(Lab::open(id.clone()).expect("is there"));
    netns::clean_stale().expect("is readable");
    assert_eq!(names_of(&id), ["pw-kepttest-one"]);
    Lab::open(id.clone())
        .expect("is there")
        .close()
        .expect("is removed");
    assert!(Lab::open(id).is_err());
}

/// Not a test of its own: the child of the next one, which builds until it is killed.
#[test]
fn child_that_builds_until_it_is_killed() {
    if env::var_os(CHILD).is_none() {
        return;
    }
    let topology = cluster().topology().expect("is sound");
    let mut labs = Vec::new();
    loop {
        let mut lab = Lab::new(LabId::fresh());
        link::build(&mut lab, &topology).expect("is built");
        labs.push(lab);
    }
}

#[test]
fn leftovers_of_a_killed_process_are_found_and_removed() {
    if !may_run() {
        return;
    }
    for round in 1..=4 {
        let mut child = Command::new(env::current_exe().expect("has a path"))
            // Uncaptured, so that a failure of the child is seen.
            .args([
                "--exact",
                "child_that_builds_until_it_is_killed",
                "--nocapture",
            ])
            .env(CHILD, "1")
            .stdout(Stdio::null())
            .spawn()
            .expect("starts");
        let prefix = format!("pw-{}t", child.id());
        let left = || -> Vec<String> {
            let names = netns::list()
                .expect("is readable")
                .into_iter()
                .map(|it| it.name);
            names.filter(|it| it.starts_with(&prefix)).collect()
        };
        let started = Instant::now();
        // Each round at another moment of the building.
        while left().len() < 5 * round {
            let state = child.try_wait();
            assert!(
                started.elapsed() < LIMIT * 4 && matches!(state, Ok(None)),
                "round {round}: {:?} of a child that is {state:?}",
                left()
            );
            std::thread::yield_now();
        }
        netns::clean_stale().expect("is readable");
        assert!(!left().is_empty(), "what a living process owns stays");
        child.kill().expect("is killed");
        child.wait().expect("is dead");
        assert!(!left().is_empty());
        let cleaned = netns::clean_stale().expect("is readable");
        assert_eq!(cleaned.failures.len(), 0, "{:?}", cleaned.failures);
        assert_eq!(left(), Vec::<String>::new());
    }
}
