//! Conformance: the same flows on the simulated arm and on the kernel's.
//!
//! Needs root, nft and network namespaces; says loudly when it cannot run.

use packetwalk::commands::verify::verify;
use packetwalk_tests::{kernel_is_ours, text, world};

fn tutorial() -> packetwalk_core::sim::World {
    world(&text("static/manifests/clusterip.yaml"))
}

fn check_agreement(test: &str, manifest: &str, n_flows_at_least: usize) {
    if !kernel_is_ours(test) {
        return;
    }
    let report = verify(&world(manifest), None).expect("a lab");
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

/// Every deliberate change of a generated rule must be found, and said in words a person can use.
#[test]
fn a_changed_rule_is_found_and_explained() {
    if !kernel_is_ours("a changed rule") {
        return;
    }
    let changes: [(&str, &str, &str); 3] = [
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
    let mine = || -> Vec<String> {
        let prefix = format!("pw-{}t", std::process::id());
        std::fs::read_dir("/run/netns")
            .map(|it| {
                it.filter_map(|it| it.ok()?.file_name().into_string().ok())
                    .filter(|it| it.starts_with(&prefix))
                    .collect()
            })
            .unwrap_or_default()
    };
    // Other tests of this process have labs of their own: only what this one made is looked at.
    let before = mine();
    let lab = packetwalk::lab::WorldLab::build(&tutorial(), None).expect("a lab");
    let made: Vec<String> = mine()
        .into_iter()
        .filter(|it| !before.contains(it))
        .collect();
    assert!(made.len() >= 8, "{made:?}");
    let ids: std::collections::BTreeSet<&str> = made
        .iter()
        .filter_map(|it| it.rsplit_once("-node.node-1").map(|it| it.0))
        .collect();
    lab.close().expect("closes");
    let left = mine();
    let gone = ids
        .iter()
        .any(|id| !left.iter().any(|it| it.starts_with(&format!("{id}-"))));
    assert!(gone, "{left:?}");
}
