//! `cargo xtask bench`: how long things take, printed and never asserted.
//!
//! **Left out**: warm-up and statistics beyond the median; machines are noisy, ratios say more.

#![expect(clippy::print_stdout, reason = "a benchmark prints")]

use packetwalk_core::api::{File, read};
use packetwalk_core::chance::Chooser;
use packetwalk_core::ip::Family;
use packetwalk_core::net::Protocol;
use packetwalk_core::netfilter::Transaction;
use packetwalk_core::session::{Event, Session};
use packetwalk_core::sim::{World, outcomes, walk};
use packetwalk_tests::{request, text};
use std::hint::black_box;
use std::time::Instant;

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

/// A cluster of `n` Services with three endpoints each, as slices.
fn large(n: usize) -> String {
    let mut text = text("static/manifests/clusterip.yaml");
    for idx in 0..n {
        let (high, low) = (idx / 250, idx % 250);
        text.push_str(&format!(
            "---\napiVersion: v1\nkind: Service\nmetadata: {{name: s{idx}}}\nspec: {{clusterIP: 10.100.{high}.{low}, ports: [{{port: 80}}]}}\n\
             ---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {{name: s{idx}-1, labels: {{kubernetes.io/service-name: s{idx}}}}}\n\
             addressType: IPv4\nendpoints: [{{addresses: [10.244.1.{low}]}}, {{addresses: [10.244.2.{low}]}}, {{addresses: [10.244.0.{low}]}}]\n\
             ports: [{{name: '', port: 8080, protocol: TCP}}]\n"
        ));
    }
    text
}

fn manifest(text: &str) -> packetwalk_core::api::Manifest {
    read(&[File {
        name: "bench.yaml".into(),
        text: text.into(),
    }])
}

fn main() {
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
        let text = large(n);
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
