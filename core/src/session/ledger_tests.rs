//! What can be looked up in a session: lists, and rules with what changed.

use super::{Event, Session};
use crate::view::{Leaf, LineChange, Met, mode_names};
use std::collections::BTreeSet;

const MANIFEST: &str = include_str!("../../../static/manifests/clusterip.yaml");

const DEPLOYMENT: &str = "
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: other}
spec:
  replicas: 2
  selector: {matchLabels: {app: other}}
  template:
    metadata: {labels: {app: other}}
    spec: {containers: [{name: c, image: nginx}]}
";

fn kube_proxy(mode: &str) -> String {
    format!(
        "\n---\napiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\nmode: {mode}\n"
    )
}

fn session(more: &str) -> Session {
    Session::new(&format!("{MANIFEST}{more}"), "pod/client", "http://api", 1)
}

fn node_of_client(session: &mut Session) -> String {
    let n_hops = session.view().walk.hops.len();
    let hosts = (0..n_hops).map(|it| session.view().walk.hops[it].host.clone());
    let node = hosts
        .into_iter()
        .find_map(|it| it.strip_prefix("node/").map(str::to_owned));
    node.expect("the walk passes a node")
}

#[test]
fn every_mode_lists_the_rules_of_a_node_and_one_is_the_clusters_own() {
    let mut session = session("");
    let node = node_of_client(&mut session);
    let rulesets: Vec<_> = mode_names()
        .filter_map(|it| session.ruleset(it, &node))
        .collect();
    assert_eq!(rulesets.len(), 3);
    assert_eq!(rulesets.iter().filter(|it| it.is_own).count(), 1);
    for it in &rulesets {
        assert!(it.lines.len() > 20, "{}", it.mode);
        assert!(it.lines.iter().all(|it| it.change.is_none()), "{}", it.mode);
    }
    assert_eq!(
        session.ruleset("nftables", "node-99").map(|it| it.lines),
        Some(Vec::new())
    );
    assert_eq!(session.ruleset("userspace", &node), None);
}

#[test]
fn an_edit_marks_the_lines_it_brought_and_took_in_every_mode() {
    let mut session = session("");
    let node = node_of_client(&mut session);
    let edited = MANIFEST.replace("targetPort: 8080", "targetPort: 9090");
    assert_ne!(edited, MANIFEST);
    session.update(Event::Edited(edited));
    for mode in mode_names() {
        let it = session.ruleset(mode, &node).expect("a mode");
        let of = |change| {
            let lines = it.lines.iter().filter(move |it| it.change == Some(change));
            lines
                .map(|it| it.text.clone())
                .collect::<Vec<_>>()
                .join("\n")
        };
        assert!(of(LineChange::Gone).contains("8080"), "{mode}");
        assert!(of(LineChange::New).contains("9090"), "{mode}");
        assert!(!of(LineChange::New).contains("8080"), "{mode}");
    }
    session.update(Event::Undo);
    let it = session.ruleset("nftables", &node).expect("a mode");
    assert!(it.lines.iter().all(|it| it.change.is_none()));
}

#[test]
fn rules_that_were_asked_at_this_hop_are_marked_in_the_own_mode() {
    for mode in ["nftables", "iptables"] {
        let mut session = session(&kube_proxy(mode));
        let node = node_of_client(&mut session);
        let n_hops = session.view().walk.hops.len();
        let (mut n_matched, mut n_skipped) = (0, 0);
        for position in 0..n_hops {
            session.update(Event::Jump(position));
            let it = session.ruleset(mode, &node).expect("a mode");
            assert!(it.is_own);
            for line in &it.lines {
                match &line.met {
                    Some(Met::Matched) => n_matched += 1,
                    Some(Met::Skipped(reason)) => {
                        assert!(!reason.is_empty(), "{}", line.text);
                        n_skipped += 1;
                    }
                    None => {}
                }
            }
        }
        assert!(n_matched > 3, "{mode}: {n_matched} matched");
        assert!(n_skipped > 0, "{mode}: {n_skipped} skipped");
        let other = session.ruleset("ipvs", &node).expect("a mode");
        assert!(other.lines.iter().all(|it| it.met.is_none()));
    }
}

#[test]
fn lists_have_a_cell_for_each_column_and_say_what_the_cluster_has() {
    // A Deployment's controllers tell events.
    let mut session = session(DEPLOYMENT);
    let last = session.view().walk.hops.len() - 1;
    session.update(Event::Jump(last));
    for which in Leaf::ALL {
        let leaf = session.leaf(which);
        assert!(!leaf.rows.is_empty(), "{}", which.name());
        for row in &leaf.rows {
            assert_eq!(row.len(), leaf.columns.len(), "{}", which.name());
        }
    }
    let all = |which| session.leaf(which).rows.concat().join(" ");
    assert!(all(Leaf::Services).contains("api"));
    assert!(all(Leaf::Endpoints).contains("8080/TCP"));
    assert!(all(Leaf::Dns).contains("api.default.svc.cluster.local"));
    assert!(all(Leaf::Connections).contains("dnat"));
}

#[test]
fn connections_grow_with_the_walk() {
    let mut session = session("");
    session.update(Event::Jump(0));
    let at_first = session.leaf(Leaf::Connections).rows.len();
    session.update(Event::Jump(session.view().walk.hops.len() - 1));
    assert!(session.leaf(Leaf::Connections).rows.len() > at_first);
}

#[test]
fn every_rule_a_hop_asked_is_found_among_the_lines_of_its_mode() {
    use crate::view::{HopDetail, RuleStatus};
    for mode in ["nftables", "iptables"] {
        let mut session = session(&kube_proxy(mode));
        let n_hops = session.view().walk.hops.len();
        for position in 0..n_hops {
            session.update(Event::Jump(position));
            let view = session.view();
            let hop = &view.walk.hops[position];
            let (Some(node), HopDetail::Rules { chains, .. }) =
                (hop.host.strip_prefix("node/"), &hop.detail)
            else {
                continue;
            };
            // A chain that is gone through twice is listed once.
            let mut asked = BTreeSet::new();
            for chain in chains {
                for (idx, rule) in chain.rules.iter().enumerate() {
                    if rule.status != RuleStatus::NotReached {
                        asked.insert((&chain.table, &chain.name, idx));
                    }
                }
            }
            let it = session.ruleset(mode, node).expect("a mode");
            let n_met = it.lines.iter().filter(|it| it.met.is_some()).count();
            assert_eq!(n_met, asked.len(), "{mode}, {}: {asked:?}", hop.place);
        }
    }
}

#[test]
fn a_line_of_the_manifest_tells_which_hops_and_rules_come_from_it() {
    use crate::view::line_uses;
    let session = session("");
    let line = |words: &str| {
        let at = MANIFEST.lines().position(|it| it.contains(words));
        u32::try_from(at.expect("a line") + 1).expect("a small number")
    };
    let walk = session.view().walk.clone();
    let uses = line_uses(&walk, line("port: 80"));
    assert!(!uses.is_empty());
    let words: Vec<_> = uses.iter().flat_map(|it| &it.rules).collect();
    assert!(
        words.iter().any(|it| it.0.contains("vmap @service-ips")),
        "{words:?}"
    );
    for it in &uses {
        assert_eq!(it.place, walk.hops[it.hop].place);
    }
    assert_eq!(line_uses(&walk, line("kind: Service")), Vec::new());
    assert_eq!(line_uses(&walk, 0), Vec::new());
    assert_eq!(line_uses(&walk, 99_999), Vec::new());
}
