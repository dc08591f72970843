//! Every walk of the course: what comes of it in each mode, and that the kernel agrees.
//!
//! The rows stand beside the scenarios, in `tests/scenarios/*.walks`. `UPDATE_EXPECTED=1` writes what the
//! simulation says; read the difference before you keep it.

use packetwalk::commands::verify::{Report, verify_requests};
use packetwalk_core::api::{Kind, ObjectRef};
use packetwalk_core::chance::Chooser;
use packetwalk_core::controllers::{ContainerFault, Fault};
use packetwalk_core::net::Protocol;
use packetwalk_core::proxy::MODES;
use packetwalk_core::sim::{OpenConnection, Request, Verdict, Why, World, outcomes, port_forward};
use packetwalk_core::store::Propagation;
use packetwalk_core::time::Duration;
use packetwalk_tests::cluster::{delete, patch};
use packetwalk_tests::walks::{rows, told};
use packetwalk_tests::{iptables_is_there, kernel_is_ours, manifest, request, root, text, world};
use serde_json::json;
use std::sync::Arc;

/// Scenarios whose walks stand elsewhere: kube-proxy's input alone, without nodes or pods to walk between.
const WITHOUT_WALKS: [&str; 1] = ["worked"];

/// The scenarios, by name.
fn scenarios() -> Vec<String> {
    let inside = std::fs::read_dir(root().join("tests/scenarios")).expect("the folder");
    let mut names: Vec<String> = inside
        .filter_map(|it| {
            let name = it.ok()?.file_name().into_string().ok()?;
            Some(name.strip_suffix(".yaml")?.to_owned())
        })
        .collect();
    names.sort();
    names
}

fn with_walks() -> Vec<String> {
    let mut names = scenarios();
    names.retain(|it| !WITHOUT_WALKS.contains(&it.as_str()));
    names
}

#[test]
fn every_walk_ends_as_its_row_says_in_each_mode() {
    let is_written = std::env::var_os("UPDATE_EXPECTED").is_some();
    let mut n_rows = 0;
    let mut wrong = Vec::new();
    for name in with_walks() {
        let path = format!("tests/scenarios/{name}.walks");
        let expected = text(&path);
        let rows = rows(&expected);
        assert!(!rows.is_empty(), "{path} has no row");
        n_rows += rows.len();
        let told = told(&rows, &text(&format!("tests/scenarios/{name}.yaml")));
        if is_written {
            std::fs::write(root().join(&path), &told).expect("can be written");
        } else if told != expected {
            let pairs = told.lines().zip(expected.lines());
            let differing = pairs.filter(|(a, b)| a != b);
            let differing: Vec<String> = differing
                .map(|(a, b)| format!("  simulation: {a}\n  the row:    {b}"))
                .collect();
            wrong.push(format!("{path}:\n{}", differing.join("\n")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(n_rows > 100, "{n_rows} rows");
}

/// What the rows must cover, so that none of it is lost by and by.
#[test]
fn the_rows_know_every_verdict_and_every_reason_a_learner_can_meet() {
    let all: String = with_walks()
        .iter()
        .map(|it| text(&format!("tests/scenarios/{it}.walks")))
        .collect();
    for word in [
        "delivered",
        "forwarded",
        "refused by rule",
        "refused by pod",
        "refused by host",
        "dropped by rule",
        "dropped by host",
        "unreachable",
        "no-such-host",
        "masqueraded",
        "node-down",
        "network-policy",
        "wrong-host",
        "wrong-certificate",
        "no-ingress-rule",
        "no-ingress-backend",
        "bad-gateway",
        "nothing-listens",
        "balancer-silent",
        "[nftables]",
        "[iptables]",
        "(6)",
        "(7)",
        "(28)",
        "(60)",
    ] {
        assert!(all.contains(word), "no row has {word:?}");
    }
}

/// All rows that the lab can send, as real packets; one mode.
fn kernel_agrees(mode: &str) {
    let mode = MODES.iter().find(|it| it.name == mode);
    let mut report = Report::default();
    for name in with_walks() {
        let world = World::from_manifest(
            &manifest(&text(&format!("tests/scenarios/{name}.yaml"))),
            mode,
            1,
        );
        let rows = rows(&text(&format!("tests/scenarios/{name}.walks")));
        let requests: Vec<Request> = rows
            .into_iter()
            .filter(|it| it.is_sent && !is_a_stranger(&it.request, &world))
            .map(|it| it.request)
            .collect();
        let told = verify_requests(&world, &requests).unwrap_or_else(|it| panic!("{name}: {it}"));
        let differences: Vec<String> = told.disagreements.iter().map(ToString::to_string).collect();
        assert!(
            differences.is_empty(),
            "{name}:\n{}",
            differences.join("\n\n")
        );
        report.n_steps += told.n_steps;
        report.n_walks += told.n_walks;
        report.flows.extend(told.flows);
    }
    assert!(
        report.flows.len() > 80 && report.n_steps > 3000,
        "{} flows, {} steps",
        report.flows.len(),
        report.n_steps
    );
}

/// An address outside that no machine of the lab has cannot send.
fn is_a_stranger(request: &Request, world: &World) -> bool {
    match &request.from {
        packetwalk_core::sim::Source::Address(it) => world.network.owner(*it).is_none(),
        packetwalk_core::sim::Source::Host(_) => false,
    }
}

#[test]
fn the_kernel_agrees_about_every_walk_in_nftables_mode() {
    if kernel_is_ours("every walk in nftables mode") {
        kernel_agrees("nftables");
    }
}

#[test]
fn the_kernel_agrees_about_every_walk_in_iptables_mode() {
    let test = "every walk in iptables mode";
    if kernel_is_ours(test) && iptables_is_there(test) {
        kernel_agrees("iptables");
    }
}

fn scenario(name: &str) -> World {
    world(&text(&format!("tests/scenarios/{name}.yaml")))
}

/// Opens a connection that somebody accepts.
fn open(world: &mut World, from: &str, to: &str, protocol: Protocol) -> OpenConnection {
    let mut chooser = Chooser::seeded(7);
    let request = request(from, to, protocol);
    let (walk, connection) = world.open(&request, &mut chooser).expect("it begins");
    connection.unwrap_or_else(|| panic!("{:?}", walk.ending))
}

fn server(connection: &OpenConnection) -> String {
    connection.server.to_string()
}

/// Takes the label off a pod, so that its Service has it no more; the pod itself lives on.
fn take_out_of_service(world: &World, pod: &str) -> World {
    let mut cluster = (*world.cluster).clone();
    patch(
        &mut cluster,
        pod,
        json!({"metadata": {"labels": {"app": null}}}),
    );
    cluster.settle(Duration::from_secs(60));
    world.after(Arc::new(cluster))
}

#[test]
fn an_open_connection_survives_that_its_endpoint_is_taken_out_and_new_ones_go_elsewhere() {
    for mode in MODES.iter().filter(|it| it.name != "ipvs") {
        let manifest = manifest(&text("tests/scenarios/inside.yaml"));
        let mut world = World::from_manifest(&manifest, Some(mode), 1);
        let connection = open(&mut world, "pod/client", "10.96.0.10:80", Protocol::Tcp);
        let pod = server(&connection).replace("pod/default/", "pod/");
        let mut later = take_out_of_service(&world, &pod);
        let walk = later.send_on(&connection, &mut Chooser::seeded(1));
        assert_eq!(walk.ending.verdict, Verdict::Delivered, "{:?}", walk.ending);
        assert_eq!(
            walk.ending.object.expect("a pod").to_string(),
            server(&connection)
        );
        // Keep-alive: the old connection again and again; a new one cannot come here any more.
        let new = request("pod/client", "10.96.0.10:80", Protocol::Tcp);
        let ways = outcomes(&later, &new, 64).expect("it begins").ways.branches;
        assert_eq!(ways.len(), 1, "{}", mode.name);
        let other = ways[0].result.ending.object.as_ref().expect("a pod");
        assert_ne!(other.to_string(), server(&connection));
    }
}

#[test]
fn a_connection_to_a_pod_that_is_gone_ends_in_the_words_of_an_open_one() {
    let mut world = scenario("inside");
    let connection = open(&mut world, "pod/client", "10.96.0.10:80", Protocol::Tcp);
    let pod = server(&connection).replace("pod/default/", "pod/");
    let mut cluster = (*world.cluster).clone();
    delete(&mut cluster, &pod, Propagation::Background);
    cluster.settle(Duration::from_secs(120));
    let mut later = world.after(Arc::new(cluster));
    let walk = later.send_on(&connection, &mut Chooser::seeded(1));
    assert_eq!(
        walk.ending.verdict,
        Verdict::Unreachable,
        "{:?}",
        walk.ending
    );
    assert_eq!(walk.ending.reason, Some(Why::NobodyThere));
    assert_eq!(walk.ending.exit_code, Some(56));
}

#[test]
fn a_udp_client_that_keeps_its_port_follows_an_endpoint_only_after_kube_proxy_cleaned_up() {
    let mut world = scenario("udp");
    let connection = open(&mut world, "pod/client", "10.96.3.1:53", Protocol::Udp);
    let old = server(&connection);
    // The ghost: without the cleanup, the node's memory of the flow goes before its rules.
    let pod = old.replace("pod/default/", "pod/");
    let after = take_out_of_service(&world, &pod);
    let mut ghost = after.clone();
    for host in ["node-1", "node-2"] {
        let id = packetwalk_core::sim::HostId::Node(host.into());
        let before = world.network.host(&id).expect("a node").conntrack.clone();
        ghost.network.host_mut(&id).expect("a node").conntrack = before;
    }
    let walk = ghost.send_on(&connection, &mut Chooser::seeded(1));
    assert_eq!(walk.ending.object.expect("a pod").to_string(), old);
    // With it, the next datagram is decided about anew.
    let mut cleaned = after;
    let walk = cleaned.send_on(&connection, &mut Chooser::seeded(1));
    assert_eq!(walk.ending.verdict, Verdict::Delivered);
    assert_ne!(walk.ending.object.expect("a pod").to_string(), old);
}

#[test]
fn session_affinity_brings_a_client_back_and_another_connection_draws_again_without_it() {
    let mut sticky = scenario("affinity");
    let first = server(&open(
        &mut sticky,
        "pod/client",
        "10.96.0.10:80",
        Protocol::Tcp,
    ));
    for _ in 0..8 {
        let next = request("pod/client", "10.96.0.10:80", Protocol::Tcp);
        let ways = outcomes(&sticky, &next, 64)
            .expect("it begins")
            .ways
            .branches;
        assert_eq!(ways.len(), 1, "a client that was seen before goes back");
        let again = open(&mut sticky, "pod/client", "10.96.0.10:80", Protocol::Tcp);
        assert_eq!(server(&again), first);
    }
    let mut loose = scenario("inside");
    open(&mut loose, "pod/client", "10.96.0.10:80", Protocol::Tcp);
    let next = request("pod/client", "10.96.0.10:80", Protocol::Tcp);
    let ways = outcomes(&loose, &next, 64)
        .expect("it begins")
        .ways
        .branches;
    assert_eq!(ways.len(), 2);
}

#[test]
fn a_node_that_fails_swallows_packets_before_the_cluster_notices_and_after_it() {
    let before = scenario("node-port");
    let mut cluster = (*before.cluster).clone();
    cluster.suffer(Fault::NodeDown("node-1".into()));
    let at_once = before.after(Arc::new(cluster.clone()));
    let verdict = |world: &World, to: &str| {
        let request = request("external", to, Protocol::Tcp);
        let ways = outcomes(world, &request, 64)
            .expect("it begins")
            .ways
            .branches;
        (
            ways[0].result.ending.verdict,
            ways[0].result.ending.reason.clone(),
        )
    };
    // The pod is an endpoint still: the other node's entry leads to the dead machine.
    let down = (Verdict::Dropped, Some(Why::NodeDown));
    assert_eq!(verdict(&at_once, "172.18.0.3:30080"), down);
    assert_eq!(verdict(&at_once, "172.18.0.4:30080"), down);
    let now = cluster.clock().now;
    cluster.advance(now + Duration::from_secs(60));
    let noticed = before.after(Arc::new(cluster));
    assert_eq!(verdict(&noticed, "172.18.0.3:30080"), down);
    // Now nothing is behind the Service: refused at once.
    assert_eq!(
        verdict(&noticed, "172.18.0.4:30080"),
        (Verdict::Refused, Some(Why::RejectedByRule))
    );
}

/// The same world, with a program of a pod that hangs or fails.
fn with_fault(world: &World, pod: &str, container: &str, fault: ContainerFault) -> World {
    let mut cluster = (*world.cluster).clone();
    cluster.suffer(Fault::Container {
        pod: ("default".into(), pod.into()),
        container: container.into(),
        fault,
    });
    world.after(Arc::new(cluster))
}

#[test]
fn a_program_that_hangs_takes_connections_and_answers_nothing() {
    let world = scenario("inside");
    let hangs = with_fault(&world, "api-1", "api", ContainerFault::Hangs);
    let ended = |world: &World, to: &str, protocol| {
        let request = request("pod/client", to, protocol);
        let ways = outcomes(world, &request, 64).expect("it begins").ways;
        let ending = ways.branches[0].result.ending.clone();
        (
            ending.verdict,
            ending.reason,
            ending.symptom.unwrap_or_default(),
        )
    };
    // The kernel opens the connection by itself; curl waits, for ever if nobody tells it how long.
    let silent = "curl: (28) Operation timed out after 10001 milliseconds with 0 bytes received";
    assert_eq!(
        ended(&hangs, "10.244.1.5:8080", Protocol::Tcp),
        (
            Verdict::Delivered,
            Some(Why::ProgramHangs),
            silent.to_owned()
        )
    );
    // The pod beside it is well, and so is a port that another container holds.
    assert_eq!(ended(&hangs, "10.244.2.3:8080", Protocol::Tcp).1, None);
    // A datagram waits in the socket, and nothing comes back.
    let names = scenario("udp");
    let hangs = with_fault(&names, "names-1", "names", ContainerFault::Hangs);
    assert_eq!(
        ended(&hangs, "10.244.1.5:5353", Protocol::Udp),
        (Verdict::Dropped, Some(Why::ProgramHangs), String::new())
    );
    let fails = with_fault(&world, "api-1", "api", ContainerFault::Fails);
    assert_eq!(
        ended(&fails, "10.244.1.5:8080", Protocol::Tcp),
        (
            Verdict::Delivered,
            Some(Why::ProgramFails),
            "HTTP/1.1 500 Internal Server Error".to_owned()
        )
    );
    let mut well = (*fails.cluster).clone();
    well.suffer(Fault::Well {
        pod: ("default".into(), "api-1".into()),
        container: "api".into(),
    });
    let well = fails.after(Arc::new(well));
    assert_eq!(ended(&well, "10.244.1.5:8080", Protocol::Tcp).1, None);
}

#[test]
fn the_kernel_agrees_about_programs_that_hang() {
    let test = "programs that hang";
    if !kernel_is_ours(test) {
        return;
    }
    let rows = [
        ("inside", "api-1", "api", "10.96.0.10:80", Protocol::Tcp),
        ("udp", "names-1", "names", "10.96.3.1:53", Protocol::Udp),
    ];
    for mode in MODES.iter().filter(|it| it.name != "ipvs") {
        if mode.name == "iptables" && !iptables_is_there(test) {
            continue;
        }
        for (name, pod, container, to, protocol) in rows {
            let manifest = manifest(&text(&format!("tests/scenarios/{name}.yaml")));
            let world = World::from_manifest(&manifest, Some(mode), 1);
            let world = with_fault(&world, pod, container, ContainerFault::Hangs);
            let asks = ["pod/client", "node/node-1"].map(|it| request(it, to, protocol));
            let told = verify_requests(&world, &asks).unwrap_or_else(|it| panic!("{it}"));
            let differences: Vec<String> =
                told.disagreements.iter().map(ToString::to_string).collect();
            assert!(differences.is_empty(), "{}", differences.join("\n"));
            assert!(told.n_steps > 50, "{}", told.n_steps);
        }
    }
}

#[test]
fn port_forward_reaches_what_no_service_does() {
    let world = scenario("nobody");
    let forward = |kind, name: &str, port| {
        let to = ObjectRef::new(kind, "default", name);
        port_forward(&world, &to, port, &mut Chooser::seeded(1))
            .map(|it| {
                (
                    it.ending.verdict,
                    it.ending.source_seen.map(|it| it.to_string()),
                )
            })
            .map_err(|it| it.to_string())
    };
    let reached = Ok((Verdict::Delivered, Some("127.0.0.1".to_owned())));
    // Bound to the loopback, not ready: both answer.
    assert_eq!(forward(Kind::Service, "to-itself", 80), reached);
    assert_eq!(forward(Kind::Service, "unready", 80), reached);
    assert_eq!(forward(Kind::Pod, "web-1", 8080), reached);
    // A port where nothing listens is refused there too; the Service's rules have no part in it.
    assert_eq!(
        forward(Kind::Service, "wrong-port", 80).map(|it| it.0),
        Ok(Verdict::Refused)
    );
    assert_eq!(
        forward(Kind::Service, "nobody", 80),
        Err("service/default/nobody selects no pod that runs".into())
    );
    assert_eq!(
        forward(Kind::Service, "nobody", 81),
        Err("service/default/nobody has no port 81".into())
    );
}
