//! Connections over time, in the simulation and in the kernel: what a node remembers goes before what its rules say.
//!
//! A connection is opened in both, kube-proxy's rules change beneath it in both, and what is sent on it later is compared
//! as `packetwalk verify` compares first packets: each hook, chain and rule on each node, both tuples of the connection,
//! who answered and whom it saw.
//!
//! **Left out**: ipvs mode, and hosts that come or go meanwhile.

#![expect(clippy::print_stdout, reason = "counts are shown with --nocapture")]

use packetwalk::compare::{Comparison, Observed, compare};
use packetwalk::kernel::conntrack::{ConntrackEvent, Tuple};
use packetwalk::kernel::probe::{Held, Outcome, Probe};
use packetwalk::kernel::serve::STAY;
use packetwalk::lab::{WorldLab, probe_protocol, simulated_rules};
use packetwalk_core::chance::Chooser;
use packetwalk_core::net::Protocol;
use packetwalk_core::netfilter::conntrack::{Connection, Conntrack};
use packetwalk_core::proxy::MODES;
use packetwalk_core::sim::{
    Cluster, HostId, OpenConnection, Request, Verdict, Walk, World, outcomes,
};
use packetwalk_core::time::Duration;
use packetwalk_tests::cluster::patch;
use packetwalk_tests::{iptables_is_there, kernel_is_ours, manifest, request, text};
use serde_json::json;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

/// The same world twice: simulated, and in namespaces of the kernel.
struct Both {
    world: World,
    lab: WorldLab,
    port: u16,
    n_steps: usize,
}

/// A connection that is open in both.
struct Kept {
    simulated: OpenConnection,
    probe: Probe,
    from: HostId,
    /// The client's end in the kernel; none for a datagram's sender, who keeps only its port.
    held: Option<Held>,
}

impl Both {
    fn new(scenario: &str, mode: &str) -> Both {
        let mode = MODES.iter().find(|it| it.name == mode);
        let text = text(&format!("tests/scenarios/{scenario}.yaml"));
        let world = World::from_manifest(&manifest(&text), mode, 1);
        let lab = WorldLab::build(&world, None).unwrap_or_else(|it| panic!("{scenario}: {it}"));
        Both {
            world,
            lab,
            port: 40_000,
            n_steps: 0,
        }
    }

    /// What the kernel did since it was asked last, beside what a walk says.
    fn comparison(&mut self, walk: &Walk, known: &Known, outcome: &Outcome) -> Comparison {
        let recordings = self.lab.listen().expect("it tells");
        self.compared(walk, &recordings, known, outcome)
    }

    fn compared(
        &self,
        walk: &Walk,
        recordings: &BTreeMap<HostId, packetwalk::kernel::monitor::Recording>,
        known: &Known,
        outcome: &Outcome,
    ) -> Comparison {
        compare(
            walk,
            &Observed {
                recordings,
                listing: &|host, table| self.lab.listing(host, table),
                ruleset: &|host| simulated_rules(&self.world, host),
                dialect: self.world.mode.dialect,
                known,
                outcome,
            },
        )
    }

    /// A first packet in the kernel, and the same way in the simulation. There is nothing kept if nobody accepted.
    fn connect(&mut self, from: &str, to: &str, protocol: Protocol) -> (Walk, Option<Kept>) {
        self.port += 1;
        let mut request = request(from, to, protocol);
        request.source_port = Some(self.port);
        let ways = outcomes(&self.world, &request, 64).expect("it begins").ways;
        let from = ways.branches[0].result.from.clone();
        let probe = probe(&request, self.port);
        self.lab.listen().expect("it tells");
        let (outcome, held) = self.send_first(&from, &probe);
        let recordings = self.lab.listen().expect("it tells");
        let none = Known::new();
        let drawn = ways.branches.iter().find(|it| {
            let it = self.compared(&it.result, &recordings, &none, &outcome);
            it.disagreements.is_empty()
        });
        let Some(drawn) = drawn else {
            let nearest = self.compared(&ways.branches[0].result, &recordings, &none, &outcome);
            panic!("no way of {to} is the kernel's: {}", told(&nearest));
        };
        let mut chooser = Chooser::fixed(self.world.seed, drawn.picks.clone());
        let (walk, simulated) = self.world.open(&request, &mut chooser).expect("it begins");
        let comparison = self.compared(&walk, &recordings, &none, &outcome);
        assert!(comparison.disagreements.is_empty(), "{}", told(&comparison));
        self.n_steps += comparison.n_steps;
        let kept = simulated.map(|simulated| Kept {
            simulated,
            probe,
            from,
            held,
        });
        (walk, kept)
    }

    fn send_first(&self, from: &HostId, probe: &Probe) -> (Outcome, Option<Held>) {
        if probe.protocol != packetwalk::kernel::probe::Protocol::Tcp {
            return (self.lab.send(from, probe).expect("an attempt"), None);
        }
        match self.lab.hold(from, probe).expect("an attempt") {
            Ok(mut held) => (held.say(STAY).expect("an answer"), Some(held)),
            Err(outcome) => (outcome, None),
        }
    }

    /// A later packet of a connection, in both.
    fn later(&mut self, kept: &mut Kept) -> Walk {
        let known = self.known();
        self.lab.listen().expect("it tells");
        let outcome = match &mut kept.held {
            Some(held) => held.say(STAY).expect("an answer"),
            None => self.lab.send(&kept.from, &kept.probe).expect("an attempt"),
        };
        let mut chooser = Chooser::seeded(1);
        let walk = self.world.send_on(&kept.simulated, &mut chooser);
        let comparison = self.comparison(&walk, &known, &outcome);
        assert!(comparison.disagreements.is_empty(), "{}", told(&comparison));
        self.n_steps += comparison.n_steps;
        walk
    }

    /// What every node of the kernel's remembers.
    fn known(&self) -> Known {
        let nodes = self.nodes().into_iter();
        nodes
            .map(|it| {
                let listed = self.lab.connections(&it).expect("it tells");
                (it, listed)
            })
            .collect()
    }

    fn nodes(&self) -> Vec<HostId> {
        let hosts = self.world.network.hosts().map(|it| it.id.clone());
        hosts.filter(|it| matches!(it, HostId::Node(_))).collect()
    }

    /// The cluster goes on and every node gets its new rules; what kube-proxy would have nodes forget, they forget or not.
    fn go_on(&mut self, cluster: Cluster, cleanup: Cleanup) {
        let memory = |host: &HostId, world: &World| -> Conntrack {
            world.network.host(host).expect("a node").conntrack.clone()
        };
        let before = self.world.clone();
        self.world.go_on(Arc::new(cluster));
        self.lab.change(&self.world).expect("new rules");
        for host in self.nodes() {
            let (before, after) = (memory(&host, &before), memory(&host, &self.world));
            let stale = before.connections().filter(|it| after.get(it.id).is_none());
            match cleanup {
                Cleanup::Done => {
                    for it in stale {
                        let forgotten = self.lab.forget_connection(&host, &tuple(it));
                        forgotten.expect("the kernel has what kube-proxy deletes");
                    }
                }
                Cleanup::Missing => {
                    let host = self.world.network.host_mut(&host).expect("a node");
                    host.conntrack = before.clone();
                }
            }
        }
    }

    /// This cluster after a pod lost the label that its Service selects; the pod itself lives on.
    fn without(&self, pod: &HostId) -> Cluster {
        let mut cluster = (*self.world.cluster).clone();
        let pod = pod.to_string().replace("pod/default/", "pod/");
        let labels = json!({"metadata": {"labels": {"app": null}}});
        patch(&mut cluster, &pod, labels);
        cluster.settle(Duration::from_secs(60));
        cluster
    }

    fn close(self) -> usize {
        self.lab.close().expect("everything is removed");
        self.n_steps
    }
}

/// Whether kube-proxy has cleared away what it should.
#[derive(Clone, Copy)]
enum Cleanup {
    Done,
    Missing,
}

type Known = BTreeMap<HostId, Vec<ConntrackEvent>>;

fn probe(request: &Request, port: u16) -> Probe {
    let ip = request.to.name.parse().expect("an address");
    let to = SocketAddr::new(ip, request.to.port.unwrap_or_default());
    let protocol = probe_protocol(request.to.protocol).expect("one that can be sent");
    Probe::new(protocol, to).from_port(port)
}

fn tuple(it: &Connection) -> Tuple {
    let flow = it.original;
    Tuple {
        source: flow.source,
        destination: flow.destination,
        protocol: flow.protocol.number(),
        source_port: flow.source_port,
        destination_port: flow.destination_port,
        icmp: None,
    }
}

fn told(comparison: &Comparison) -> String {
    let lines = comparison.disagreements.iter().map(ToString::to_string);
    lines.collect::<Vec<_>>().join("\n")
}

fn object(walk: &Walk) -> String {
    let object = walk.ending.object.as_ref();
    object.map(ToString::to_string).unwrap_or_default()
}

/// Whom to ask, from where, and how new connections fare once the endpoint is gone.
const LONG_LIVED: [(&str, &str, &str, Verdict); 4] = [
    ("inside", "pod/client", "10.96.0.10:80", Verdict::Delivered),
    // Masqueraded on its way: the node keeps the client's port as well.
    ("inside", "node/node-1", "10.96.0.10:80", Verdict::Delivered),
    // Through a node without the pod; nobody else is behind the Service.
    (
        "node-port",
        "external",
        "172.18.0.4:30080",
        Verdict::Refused,
    ),
    ("node-port", "pod/client", "10.96.0.20:80", Verdict::Refused),
];

fn long_lived(mode: &str) {
    let mut n_steps = 0;
    for (scenario, from, to, afterwards) in LONG_LIVED {
        let mut both = Both::new(scenario, mode);
        let (first, kept) = both.connect(from, to, Protocol::Tcp);
        let mut kept = kept.expect("a connection");
        assert_eq!(object(&both.later(&mut kept)), object(&first));
        let cluster = both.without(&kept.simulated.server);
        both.go_on(cluster, Cleanup::Done);
        for _ in 0..2 {
            let walk = both.later(&mut kept);
            assert_eq!(walk.ending.verdict, Verdict::Delivered, "{:?}", walk.ending);
            assert_eq!(object(&walk), object(&first), "{mode}: {scenario}, {from}");
        }
        for _ in 0..3 {
            let (new, _) = both.connect(from, to, Protocol::Tcp);
            assert_eq!(new.ending.verdict, afterwards, "{mode}: {scenario}, {from}");
            assert_ne!(object(&new), object(&first));
        }
        n_steps += both.close();
    }
    println!("{mode}: {n_steps} steps of long-lived connections compared");
    assert!(n_steps > 300, "{n_steps}");
}

fn ghosts(mode: &str) {
    let mut n_steps = 0;
    for (from, to) in [
        ("pod/client", "10.96.3.1:53"),
        ("external", "172.18.0.3:30553"),
    ] {
        let mut both = Both::new("udp", mode);
        let (first, kept) = both.connect(from, to, Protocol::Udp);
        let mut kept = kept.expect("an answer");
        assert_eq!(object(&both.later(&mut kept)), object(&first));
        let cluster = both.without(&kept.simulated.server);
        // The rules know the endpoint no more; the node's memory does, and goes first.
        both.go_on(cluster, Cleanup::Missing);
        assert_eq!(
            object(&both.later(&mut kept)),
            object(&first),
            "{mode}: a ghost"
        );
        let mut cluster = (*both.world.cluster).clone();
        cluster.advance(cluster.clock().now + Duration::from_secs(1));
        patch(
            &mut cluster,
            "pod/client",
            json!({"metadata": {"labels": {"any": "change"}}}),
        );
        both.go_on(cluster, Cleanup::Done);
        let walk = both.later(&mut kept);
        assert_eq!(walk.ending.verdict, Verdict::Delivered, "{:?}", walk.ending);
        assert_ne!(object(&walk), object(&first), "{mode}: decided about anew");
        n_steps += both.close();
    }
    println!("{mode}: {n_steps} steps of UDP exchanges compared");
    assert!(n_steps > 100, "{n_steps}");
}

fn affinity(mode: &str) {
    let mut both = Both::new("affinity", mode);
    let mut n_clients = 0;
    for (from, to) in [
        ("pod/client", "10.96.0.10:80"),
        ("node/node-1", "10.96.0.10:80"),
        ("external", "172.18.0.4:31080"),
    ] {
        let (first, _) = both.connect(from, to, Protocol::Tcp);
        assert_eq!(first.ending.verdict, Verdict::Delivered);
        for _ in 0..6 {
            let (again, _) = both.connect(from, to, Protocol::Tcp);
            assert_eq!(object(&again), object(&first), "{mode}: {from} comes back");
        }
        n_clients += 1;
    }
    let n_steps = both.close();
    println!("{mode}: {n_steps} steps of {n_clients} clients that come back compared");
    assert!(n_steps > 300, "{n_steps}");
}

/// Runs a test in both modes that the kernel can have.
fn in_both_modes(test: &str, run: fn(&str)) {
    if !kernel_is_ours(test) {
        return;
    }
    run("nftables");
    if iptables_is_there(test) {
        run("iptables");
    }
}

#[test]
fn a_long_lived_connection_outlives_its_endpoint_and_the_rules_that_chose_it() {
    in_both_modes("long-lived connections", long_lived);
}

#[test]
fn a_udp_client_follows_a_ghost_until_kube_proxy_clears_it_away() {
    in_both_modes("UDP ghosts", ghosts);
}

#[test]
fn a_client_with_affinity_comes_back_to_the_endpoint_it_had() {
    in_both_modes("session affinity", affinity);
}
