//! Conformance: the same flows on the simulated arm and on the kernel's.
//!
//! Needs root, nft and network namespaces; says loudly when it cannot run.

use packetwalk::commands::verify::{verify, verify_lessons};
use packetwalk_core::sim::World;
use packetwalk_tests::{iptables_is_there, kernel_is_ours, manifest, root, text, world};

fn tutorial() -> packetwalk_core::sim::World {
    world(&text("static/manifests/clusterip.yaml"))
}

fn check_agreement(test: &str, manifest: &str, n_flows_at_least: usize) {
    if !kernel_is_ours(test) {
        return;
    }
    check_world(&world(manifest), n_flows_at_least);
}

fn check_world(world: &World, n_flows_at_least: usize) {
    let report = verify(world, None).expect("a lab");
    let told: Vec<String> = report
        .disagreements
        .iter()
        .map(ToString::to_string)
        .collect();
    assert!(told.is_empty(), "{}", told.join("\n\n"));
    assert!(
        report.flows.len() >= n_flows_at_least && report.n_steps > 10 * n_flows_at_least,
        "{} flows, {} steps",
        report.flows.len(),
        report.n_steps
    );
}

#[test]
fn the_kernel_agrees_about_the_tutorials_cluster() {
    let manifest = text("static/manifests/clusterip.yaml");
    check_agreement("the tutorial's cluster", &manifest, 60);
}

#[test]
fn the_kernel_agrees_about_what_the_lessons_ask() {
    if !kernel_is_ours("the lessons") {
        return;
    }
    let report = verify_lessons(&root().join("static/lessons")).expect("labs");
    let told: Vec<String> = report
        .disagreements
        .iter()
        .map(ToString::to_string)
        .collect();
    assert!(told.is_empty(), "{}", told.join("\n\n"));
    let lessons: std::collections::BTreeSet<&str> = report
        .flows
        .iter()
        .filter_map(|it| Some(it.from.split_once(',')?.0))
        .collect();
    assert!(lessons.len() > 30, "only {lessons:?}");
    // An address of the pool that is not there yet.
    assert!(
        report.n_left_out <= 1,
        "{} flows left out",
        report.n_left_out
    );
}

#[test]
fn the_kernel_agrees_where_nothing_is_behind_the_service() {
    let broken = text("static/manifests/clusterip.yaml")
        .replace("selector:\n    app: api", "selector:\n    app: apii");
    check_agreement("a selector that finds nothing", &broken, 60);
}

#[test]
fn the_kernel_agrees_about_the_rules_of_1_35_and_1_37() {
    for version in ["v1.35.0", "v1.37.0"] {
        let manifest = format!(
            "{}\n---\napiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nkubernetesVersion: {version}\n",
            text("static/manifests/clusterip.yaml")
        );
        check_agreement(version, &manifest, 60);
    }
}

#[test]
fn the_kernel_agrees_about_node_ports_policies_and_udp() {
    let manifest = text("tests/scenarios/ways-in.yaml");
    check_agreement("ways in", &manifest, 100);
}

#[test]
fn the_kernel_agrees_about_both_families_and_session_affinity() {
    let manifest = text("tests/scenarios/dual-stack.yaml");
    check_agreement("both families", &manifest, 30);
    let manifest = text("tests/scenarios/affinity.yaml");
    check_agreement("session affinity", &manifest, 100);
}

/// The same worlds with kube-proxy's rules in iptables' tables, loaded by iptables itself.
#[test]
fn the_kernel_agrees_about_iptables_mode() {
    if !kernel_is_ours("iptables mode") || !iptables_is_there("iptables mode") {
        return;
    }
    for (path, n_flows) in [
        ("static/manifests/clusterip.yaml", 60),
        ("tests/scenarios/ways-in.yaml", 100),
        ("tests/scenarios/dual-stack.yaml", 30),
    ] {
        check_world(&iptables_world(path), n_flows);
    }
}

fn iptables_world(path: &str) -> World {
    let mode = packetwalk_core::proxy::mode("iptables");
    World::from_manifest(&manifest(&text(path)), mode, 1)
}

/// A changed rule is found in iptables' tables too.
#[test]
fn a_changed_rule_of_iptables_mode_is_found_and_explained() {
    let test = "a changed rule of iptables mode";
    if !kernel_is_ours(test) || !iptables_is_there(test) {
        return;
    }
    let (from, to) = (
        "--to-destination 10.244.1.5:8080",
        "--to-destination 10.244.1.5:8081",
    );
    let tamper = |_: &str, rules: String| rules.replace(from, to);
    let world = iptables_world("static/manifests/clusterip.yaml");
    let report = verify(&world, Some(&tamper)).expect("a lab");
    let told: Vec<String> = report
        .disagreements
        .iter()
        .map(ToString::to_string)
        .collect();
    let told = told.join("\n");
    assert!(told.contains("the verdict differs"), "{told}");
    assert!(told.contains("the listing differs"), "{told}");
}

/// Every deliberate change of a generated rule must be found, and said in words a person can use.
#[test]
fn a_changed_rule_is_found_and_explained() {
    if !kernel_is_ours("a changed rule") {
        return;
    }
    let changes: [(&str, &str, &str); 4] = [
        // A wrong endpoint port: the pod refuses.
        (
            "0 : 10.244.1.5 . 8080",
            "0 : 10.244.1.5 . 8081",
            "the verdict differs",
        ),
        // The masquerade rule looks at the wrong range: pods are masqueraded too.
        (
            "ip saddr != 10.244.0.0/16 mark set",
            "ip saddr 10.244.0.0/16 mark set",
            "services: rule 1",
        ),
        // It refuses with another ICMP code: the client's tool tells another story.
        (
            "ip daddr @cluster-ips reject",
            "ip daddr @cluster-ips reject with icmp type host-unreachable",
            "code 1",
        ),
        // The check of ClusterIPs drops instead of refusing.
        (
            "ip daddr @cluster-ips reject",
            "ip daddr @cluster-ips drop",
            "simulation: refused",
        ),
    ];
    for (from, to, words) in changes {
        let tamper = |_: &str, rules: String| {
            assert!(rules.contains(from), "{from} is not among the rules");
            rules.replace(from, to)
        };
        let report = verify(&tutorial(), Some(&tamper)).expect("a lab");
        let told: Vec<String> = report
            .disagreements
            .iter()
            .map(ToString::to_string)
            .collect();
        let told = told.join("\n");
        assert!(told.contains(words), "{from} → {to}: not explained: {told}");
        assert!(
            told.contains("the listing differs"),
            "{from} → {to}: the listing was not compared: {told}"
        );
    }
}

#[test]
fn nothing_is_left_behind() {
    if !kernel_is_ours("cleaning up") {
        return;
    }
    let left = |prefix: &str| -> Vec<String> {
        let inside = std::fs::read_dir("/run/netns").into_iter().flatten();
        inside
            .filter_map(|it| it.ok()?.file_name().into_string().ok())
            .filter(|it| it.starts_with(prefix))
            .collect()
    };
    let lab = packetwalk::lab::WorldLab::build(&tutorial(), None).expect("a lab");
    let prefix = format!("pw-{}-", lab.id());
    let made = left(&prefix);
    assert!(made.len() >= 8, "{made:?}");
    lab.close().expect("closes");
    assert_eq!(left(&prefix), Vec::<String>::new());
}
