//! `cargo xtask bench`: how long things take, printed and never asserted.
//!
//! **Left out**: warm-up and statistics beyond the median; machines are noisy, ratios say more.

#![expect(clippy::print_stdout, reason = "a benchmark prints")]

use packetwalk::kernel::iptables::{self, Tools};
use packetwalk::kernel::{Error, Lab, LabId};
use packetwalk_core::api::{File, Kind, ObjectRef, read};
use packetwalk_core::chance::Chooser;
use packetwalk_core::ip::Family;
use packetwalk_core::net::Protocol;
use packetwalk_core::netfilter::Transaction;
use packetwalk_core::netfilter::dialect::Dialect;
use packetwalk_core::proxy::{Change, MODES, Mode, Syncer};
use packetwalk_core::session::{Event, Session};
use packetwalk_core::sim::{Cluster, World, begin, outcomes, walk};
use packetwalk_core::store::{Part, Write};
use packetwalk_core::time::{Clock, Duration};
use packetwalk_tests::{large, request, text};
use serde_json::json;
use std::hint::black_box;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROUNDS: usize = 15;

fn median_ms(mut work: impl FnMut()) -> f64 {
    let mut times: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed().as_secs_f64() * 1000.0
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[ROUNDS / 2]
}

fn row(what: &str, ms: f64) {
    println!("{what:<64} {ms:>10.3} ms");
}

fn manifest(text: &str) -> packetwalk_core::api::Manifest {
    read(&[File {
        name: "bench.yaml".into(),
        text: text.into(),
    }])
}

/// A cluster of `n` Services with ten pods each, loaded and come to rest.
fn cluster(n: usize) -> Cluster {
    let mut cluster = Cluster::new(1, Clock::default());
    let clock = cluster.clock();
    let mut adopt = |kind: Kind, document: serde_json::Value| {
        let kept = cluster.store_mut().adopt(kind, document, &clock);
        kept.expect("of the right types");
    };
    adopt(Kind::Namespace, json!({"metadata": {"name": "default"}}));
    for node in 0..20 {
        let ip = format!("172.18.0.{}", node + 2);
        let addresses = json!([{"type": "InternalIP", "address": ip}]);
        adopt(
            Kind::Node,
            json!({"metadata": {"name": format!("node-{node}")}, "status": {"addresses": addresses}}),
        );
    }
    for idx in 0..n {
        let app = format!("app-{idx}");
        adopt(
            Kind::Service,
            json!({
                "metadata": {"name": app, "namespace": "default"},
                "spec": {"selector": {"app": app}, "ports": [{"port": 80, "targetPort": 8080}]},
            }),
        );
        for pod in 0..10 {
            let number = idx * 10 + pod;
            let (high, low) = (number / 65_536, number % 65_536);
            adopt(
                Kind::Pod,
                json!({
                    "metadata": {"name": format!("{app}-{pod}"), "namespace": "default", "labels": {"app": app}},
                    "spec": {
                        "nodeName": format!("node-{}", number % 20),
                        "containers": [{"name": "c", "image": "x", "ports": [{"containerPort": 8080}]}],
                    },
                    "status": {
                        "phase": "Running",
                        "podIP": format!("10.{}.{}.{}", 128 + high, low / 256, low % 256),
                        "conditions": [{"type": "Ready", "status": "True"}],
                    },
                }),
            );
        }
    }
    cluster.store_mut().complete();
    cluster.settle(Duration::from_secs(120));
    cluster
}

/// One pod turns unready and ready again, twenty times, and its Service's endpoints follow; milliseconds for one turn.
fn turn_ms(cluster: &mut Cluster) -> f64 {
    const N_TURNS: u32 = 20;
    let pod = ObjectRef::new(Kind::Pod, "default", "app-7-3");
    let start = Instant::now();
    for turn in 0..N_TURNS {
        let status = if turn % 2 == 0 { "False" } else { "True" };
        let write = Write::Patch {
            object: pod.clone(),
            part: Part::Status,
            patch: json!({"status": {"conditions": [{"type": "Ready", "status": status}]}}),
        };
        let clock = cluster.clock();
        cluster.store_mut().write(write, &clock);
        cluster.advance(clock.now + Duration::from_secs(1));
    }
    start.elapsed().as_secs_f64() * 1000.0 / f64::from(N_TURNS)
}

/// What this process holds in memory, where the system says so.
fn resident_mb() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|it| it.starts_with("VmRSS:"))?;
    let kb: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kb / 1024.0)
}

fn control_plane() {
    println!("\nthe control plane, ten pods behind each Service");
    let sizes = [100, 10_000];
    let mut clusters: Vec<Cluster> = sizes.iter().map(|n| loaded(*n)).collect();
    // In turns, so that whatever else the machine does is the same for both; the quickest of many says most.
    let mut best = [f64::INFINITY; 2];
    for _ in 0..4 * ROUNDS {
        for (cluster, best) in clusters.iter_mut().zip(&mut best) {
            *best = best.min(turn_ms(cluster));
        }
    }
    for (n, ms) in sizes.iter().zip(best) {
        row(
            &format!("one pod turns unready at {n} Services: slices and Endpoints follow"),
            ms,
        );
    }
    println!(
        "{:<64} {:>10.2} x",
        "  the same at 10,000 Services against 100",
        best[1] / best[0]
    );
}

/// A cluster of `n` Services, and what it took.
fn loaded(n: usize) -> Cluster {
    let before = resident_mb();
    let start = Instant::now();
    let cluster = cluster(n);
    row(
        &format!("{n} Services: load and converge"),
        start.elapsed().as_secs_f64() * 1000.0,
    );
    if let (Some(before), Some(after)) = (before, resident_mb()) {
        println!("{:<64} {:>10.1} MB", "  memory it takes", after - before);
    }
    // A benchmark of a cluster that does nothing would be a quick one.
    let n_slices = cluster.store().objects().endpoint_slices.len();
    assert_eq!(n_slices, n, "every Service has its slice");
    cluster
}

/// One endpoint of one Service comes and goes; microseconds of one sync of kube-proxy.
fn sync_us(mode: &'static Mode, n_services: usize) -> f64 {
    let snapshot = large::snapshot(n_services, |_| 3);
    let mut syncer = Syncer::of(mode, &snapshot);
    let mut now = packetwalk_core::time::Instant::START;
    black_box(syncer.sync(now));
    let slice = snapshot.endpoint_slices[n_services / 2].clone();
    let mut smaller = (*slice).clone();
    smaller.endpoints.truncate(2);
    let smaller = Arc::new(smaller);
    let mut flip = false;
    let n_syncs = 10;
    let ms = median_ms(|| {
        for _ in 0..n_syncs {
            flip = !flip;
            let told = if flip { &smaller } else { &slice };
            syncer.tell(Change::Slice(told.clone()));
            // Within the second after which stale chains are deleted, and beyond it.
            now = now + Duration::from_millis(700);
            black_box(syncer.sync(now));
        }
    });
    ms * 1000.0 / f64::from(n_syncs)
}

fn kube_proxy_changes() {
    println!("\nkube-proxy: one endpoint changes, three endpoints behind each Service");
    for mode in &MODES {
        let mut times = Vec::new();
        for n in [100, 30_000] {
            let us = sync_us(mode, n);
            row(
                &format!("{}: the change at {n} Services", mode.name),
                us / 1000.0,
            );
            times.push(us);
        }
        let what = format!("  {}: at 30,000 Services against 100", mode.name);
        println!("{what:<64} {:>10.2} x", times[1] / times[0]);
    }
}

fn kube_proxy_loading() {
    println!("\nkube-proxy: 1,000 Services of three to ten endpoints");
    let snapshot = large::snapshot(1000, |idx| 3 + idx % 8);
    for mode in &MODES {
        let generated = median_ms(|| {
            black_box((mode.sync)(&snapshot));
        });
        row(&format!("{}: generate the rules", mode.name), generated);
        let transaction = (mode.sync)(&snapshot).transaction;
        if !transaction.ipvs.is_empty() {
            println!(
                "  not loaded: this mode's work is virtual servers and IP sets, not one text for one tool"
            );
            continue;
        }
        let text = mode.dialect.print(&transaction);
        match loading_ms(mode, &text) {
            Ok(loading) => {
                row(&format!("{}: the kernel loads them", mode.name), loading);
                let what = "  loading takes so many times as long as generating";
                println!("{what:<64} {:>10.1} x", loading / generated);
            }
            Err(error) => println!("  not loaded: {error}"),
        }
    }
}

/// How long the real tool takes to load a text, in a namespace of its own.
fn loading_ms(mode: &Mode, text: &str) -> Result<f64, Error> {
    packetwalk::kernel::require_root()?;
    let mut lab = Lab::new(LabId::fresh());
    let place = lab.create("bench")?;
    let start = Instant::now();
    match mode.dialect {
        Dialect::Nft => packetwalk::kernel::nft::load(&place, text)?,
        _ => iptables::load(&place, Tools::V4, text)?,
    }
    let took = start.elapsed().as_secs_f64() * 1000.0;
    lab.close()?;
    Ok(took)
}

fn evaluator() {
    println!("the evaluator, new connections through prerouting, forward and postrouting");
    static STARTED: OnceLock<Instant> = OnceLock::new();
    let clock = || STARTED.get_or_init(Instant::now).elapsed().as_secs_f64() * 1e9;
    for line in packetwalk_tests::evaluator_bench::lines(clock, 30_000) {
        println!("{:<64} {:>10.3} {}", line.what, line.value, line.unit);
    }
}

fn kubectl() {
    println!("\nkubectl, median; what a person waits for at most stands behind");
    let start = Instant::now();
    for line in packetwalk_tests::kubectl_bench::lines(&|| start.elapsed().as_secs_f64() * 1000.0) {
        println!(
            "{:<64} {:>10.3} ms (at most {} ms)",
            line.what, line.ms, line.limit_ms
        );
    }
}

fn main() {
    // One part alone, for whoever works on it.
    let only: Vec<String> = std::env::args().skip(1).collect();
    for (name, part) in PARTS {
        if only.is_empty() || only.iter().any(|it| it == name) {
            part();
        }
    }
}

/// What is measured, by the name under which it runs alone.
const PARTS: [(&str, fn()); 7] = [
    ("evaluator", evaluator),
    ("kubectl", kubectl),
    ("control-plane", control_plane),
    ("kube-proxy", kube_proxy_changes),
    ("loading", kube_proxy_loading),
    ("walks", walks),
    ("editing", editing),
];

/// One line of a large manifest changes: what that costs, and what it is made of.
fn editing() {
    for n in [100, 2_000] {
        let tutorial = text("static/manifests/clusterip.yaml") + &large::services_text(n);
        println!("\nan edit of one line at {n} Services, median of {ROUNDS}");
        row(
            "read the manifest",
            median_ms(|| {
                black_box(manifest(&tutorial));
            }),
        );
        let read = manifest(&tutorial);
        row(
            "begin the cluster and have it come to rest",
            median_ms(|| {
                black_box(begin(read.clone(), 1));
            }),
        );
        let cluster = begin(read.clone(), 1).cluster;
        row(
            "its network, with three nodes' rules, and its name server",
            median_ms(|| {
                black_box(World::of_cluster(cluster.clone(), None));
            }),
        );
        let world = World::from_manifest(&read, None, 1);
        let to_api = request("pod/client", "http://api", Protocol::Tcp);
        row(
            "every way of the request",
            median_ms(|| {
                black_box(outcomes(&world, &to_api, 64).ok());
            }),
        );
        let mut session = Session::new(&tutorial, "pod/client", "http://api", 1);
        let mut turn = 0;
        row(
            "all of it, and what there is to see",
            median_ms(|| {
                turn += 1;
                let port = ["targetPort: 8080", "targetPort: 9090"][turn % 2];
                let text = tutorial.replacen("targetPort: 8080", port, 1);
                black_box(session.update(Event::Edited(text)));
            }),
        );
    }
}

fn walks() {
    let tutorial = text("static/manifests/clusterip.yaml");
    let read_tutorial = manifest(&tutorial);
    let world = World::from_manifest(&read_tutorial, None, 1);
    let to_api = request("pod/client", "http://api", Protocol::Tcp);
    println!("the tutorial's cluster, median of {ROUNDS}");
    row(
        "read the manifest",
        median_ms(|| {
            black_box(manifest(&tutorial));
        }),
    );
    row(
        "build the world: objects, controllers, three nodes' rules",
        median_ms(|| {
            black_box(World::from_manifest(&read_tutorial, None, 1));
        }),
    );
    row(
        "one walk there and back, with its whole trace",
        median_ms(|| {
            black_box(walk(&world, &to_api, &mut Chooser::seeded(1)).ok());
        }),
    );
    row(
        "every way of the request",
        median_ms(|| {
            black_box(outcomes(&world, &to_api, 64).ok());
        }),
    );
    let mut session = Session::new(&tutorial, "pod/client", "http://api", 1);
    let mut flip = false;
    row(
        "an edit of one line, to the new view",
        median_ms(|| {
            flip = !flip;
            let port = if flip { "8081" } else { "8080" };
            session.update(Event::Edited(tutorial.replace("8080", port)));
        }),
    );
    for n in [100, 1000] {
        let text = text("static/manifests/clusterip.yaml") + &large::services_text(n);
        let read = manifest(&text);
        let world = World::from_manifest(&read, None, 1);
        println!("\n{n} more Services of three endpoints each");
        row(
            "read the manifest",
            median_ms(|| {
                black_box(manifest(&text));
            }),
        );
        row(
            "generate one node's rules",
            median_ms(|| {
                black_box(world.programme("node-1", Family::V4));
            }),
        );
        let ruleset = world.programme("node-1", Family::V4).map(|it| it.ruleset());
        row(
            "print them as nft text",
            median_ms(|| {
                black_box(
                    ruleset
                        .as_ref()
                        .map(|it| Transaction::from_ruleset(it).to_string()),
                );
            }),
        );
        row(
            "one walk there and back, with its whole trace",
            median_ms(|| {
                black_box(walk(&world, &to_api, &mut Chooser::seeded(1)).ok());
            }),
        );
    }
}
