//! Determinism: the same seed and the same events give the same trace, to the byte.

use packetwalk_core::chance::Chooser;
use packetwalk_core::net::Protocol;
use packetwalk_core::session::{Event, Session};
use packetwalk_core::sim::walk;
use packetwalk_core::view::View;
use packetwalk_tests::{request, text, world};

fn trace(seed: u64) -> String {
    let world = world(&text("static/manifests/clusterip.yaml"));
    let request = request("pod/client", "http://api", Protocol::Tcp);
    let walk = walk(&world, &request, &mut Chooser::seeded(seed)).expect("a walk");
    serde_json::to_string(&walk).expect("JSON")
}

#[test]
fn the_same_seed_gives_the_same_trace_to_the_byte() {
    for seed in 0..20 {
        assert_eq!(trace(seed), trace(seed));
    }
}

#[test]
fn different_seeds_take_different_ways() {
    let endpoints = |seed| trace(seed).contains("pod/default/api-1");
    assert!((0..40).any(endpoints) && (0..40).any(|it| !endpoints(it)));
}

fn session() -> Session {
    let text = text("static/manifests/clusterip.yaml");
    Session::new(&text, "pod/client", "http://api", 1)
}

#[test]
fn seeking_shows_what_stepping_shows() {
    let mut stepped = session();
    for position in 1..stepped.view().playback.n_hops {
        stepped.update(Event::Forward);
        let mut sought = session();
        sought.update(Event::Jump(position));
        assert_eq!(*stepped.view(), *sought.view(), "hop {position}");
    }
}

#[test]
fn going_forward_and_back_changes_nothing() {
    let mut session = session();
    let before = session.view();
    session.update(Event::Forward);
    session.update(Event::Back);
    assert_eq!(*before, *session.view());
}

#[test]
fn undoing_an_edit_by_hand_gives_the_first_view_again() {
    let text = text("static/manifests/clusterip.yaml");
    let mut session = session();
    let before = session.view();
    session.update(Event::Edited(text.replace("8080", "9090")));
    assert_ne!(*before, *session.view());
    session.update(Event::Edited(text));
    let after = session.view();
    // What was done is remembered; everything else is as it was.
    assert!(after.time.moments.len() > before.time.moments.len());
    let time = before.time.clone();
    assert_eq!(
        *before,
        View {
            time,
            ..View::clone(&after)
        }
    );
}

#[test]
fn the_cluster_named_is_the_one_the_manifest_describes() {
    let mut session = session();
    assert_eq!(
        session.view().request.cluster,
        "nftables mode, Kubernetes\u{a0}1.36"
    );
    let text = format!(
        "{}\n---\napiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nkubernetesVersion: v1.35.2\n",
        text("static/manifests/clusterip.yaml")
    );
    session.update(Event::Edited(text));
    assert_eq!(
        session.view().request.cluster,
        "nftables mode, Kubernetes\u{a0}1.35"
    );
}

#[test]
fn the_evaluator_makes_one_trace_in_every_build() {
    let made = packetwalk_tests::evaluator_trace::trace(1);
    assert_eq!(made, packetwalk_tests::evaluator_trace::trace(1));
    assert_ne!(made, packetwalk_tests::evaluator_trace::trace(2));
    let path = packetwalk_tests::root().join("tests/expected/evaluator-trace.txt");
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        std::fs::write(&path, &made).expect("written");
    }
    // The page's tests hold the wasm build against the same file.
    assert_eq!(made, text("tests/expected/evaluator-trace.txt"));
}
