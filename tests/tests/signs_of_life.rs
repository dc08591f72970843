//! Signs of life: what a healthy node's kubelet writes again and again, and that nobody else has to do anything for it.

use packetwalk_core::api::Kind;
use packetwalk_core::controllers::Fault;
use packetwalk_core::sim::{Cluster, Start, StartFile, Timeline};
use packetwalk_core::store::api::ListOptions;
use packetwalk_core::time::Duration;
use packetwalk_tests::cluster::{cluster, named, pass, patch};
use serde_json::{Value, json};

fn get(cluster: &Cluster, object: &str) -> Value {
    let found = cluster.store().get(&named(object));
    found.map_or(Value::Null, |it| Value::clone(&it))
}

/// When a node's lease was renewed, as seconds and milliseconds of a minute.
fn renewed(cluster: &Cluster, node: &str) -> String {
    let lease = get(cluster, &format!("lease/kube-node-lease/{node}"));
    let stamp = lease["spec"]["renewTime"].as_str().unwrap_or_default();
    stamp.get(14..23).unwrap_or_default().to_owned()
}

fn heartbeats(cluster: &Cluster, node: &str) -> Vec<String> {
    let node = get(cluster, &format!("node/{node}"));
    let conditions = node["status"]["conditions"].as_array();
    let conditions = conditions.into_iter().flatten();
    conditions
        .map(|it| it["lastHeartbeatTime"].as_str().unwrap_or("-").to_owned())
        .collect()
}

#[test]
fn a_lease_looks_like_a_real_one() {
    let it = cluster("");
    let lease = get(&it, "lease/kube-node-lease/node-1");
    let node = get(&it, "node/node-1");
    let revision = &lease["metadata"]["resourceVersion"];
    assert_eq!(
        lease,
        json!({
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {
                "creationTimestamp": "2026-01-01T00:00:00Z",
                "name": "node-1",
                "namespace": "kube-node-lease",
                "ownerReferences": [
                    {"apiVersion": "v1", "kind": "Node", "name": "node-1", "uid": node["metadata"]["uid"]},
                ],
                "resourceVersion": revision,
                "uid": lease["metadata"]["uid"],
            },
            "spec": {
                "holderIdentity": "node-1",
                "leaseDurationSeconds": 40,
                "renewTime": "2026-01-01T00:00:00.010000Z",
            },
        })
    );
}

#[test]
fn leases_are_renewed_every_ten_seconds_and_the_cluster_is_at_rest_all_the_same() {
    let mut it = cluster("");
    let (before, news) = (it.store().revision(), it.store().news());
    assert_eq!(renewed(&it, "node-1"), "00:00.010");
    for (secs, wanted) in [(5, "00:00.010"), (5, "00:10.010"), (17, "00:20.010")] {
        pass(&mut it, secs);
        let now = it.clock().now.as_millis();
        assert_eq!(renewed(&it, "node-1"), wanted, "at {now} ms");
        assert!(it.is_quiet());
    }
    let to = it.clock().now + Duration::from_secs(60);
    assert_eq!(it.advance(to).n_looks, 6 * 3, "six renewals of three nodes");
    let changes = it.store().changes_after(before).expect("remembered");
    let mut n = 0;
    for change in changes {
        assert_eq!(change.object.kind, Kind::Lease);
        assert!(change.is_sign_of_life, "{}", change.object);
        n += 1;
    }
    assert_eq!(n, 8 * 3);
    assert_eq!(it.store().news(), news);
    // Whoever watches leases sees every renewal.
    let options = ListOptions::default();
    let seen = it.store().watch(Kind::Lease, &options, before);
    assert_eq!(seen.expect("remembered").len(), 8 * 3);
}

#[test]
fn a_silent_node_renews_nothing_and_one_that_comes_back_does_so_at_once() {
    let mut it = cluster("");
    pass(&mut it, 25);
    it.suffer(Fault::NodeDown("node-1".into()));
    pass(&mut it, 100);
    assert_eq!(renewed(&it, "node-1"), "00:20.010");
    assert_eq!(renewed(&it, "node-2"), "02:00.010");
    it.suffer(Fault::NodeUp("node-1".into()));
    let back = it.clock().stamp();
    pass(&mut it, 1);
    let now = renewed(&it, "node-1");
    assert!(back.contains(&now[..5]), "{now}");
    pass(&mut it, 10);
    assert_ne!(renewed(&it, "node-1"), now);
}

#[test]
fn a_lease_that_is_deleted_is_made_again_and_one_that_was_edited_is_renewed() {
    let mut it = cluster("");
    it.store_mut()
        .remove(&named("lease/kube-node-lease/node-1"));
    pass(&mut it, 1);
    assert!(!renewed(&it, "node-1").is_empty());
    patch(
        &mut it,
        "lease/kube-node-lease/node-1",
        json!({"spec": {"renewTime": null, "holderIdentity": "somebody"}}),
    );
    pass(&mut it, 11);
    assert!(!renewed(&it, "node-1").is_empty());
    let lease = get(&it, "lease/kube-node-lease/node-1");
    assert_eq!(lease["spec"]["holderIdentity"], "somebody");
}

#[test]
fn a_kubelet_says_every_five_minutes_how_its_node_is_and_no_controller_looks() {
    let mut it = cluster("");
    let before = heartbeats(&it, "node-1");
    assert_eq!(before.len(), 4);
    pass(&mut it, 290);
    assert_eq!(heartbeats(&it, "node-1"), before);
    let news = it.store().news();
    pass(&mut it, 20);
    let after = heartbeats(&it, "node-1");
    assert_eq!(after, ["2026-01-01T00:05:00Z"; 4]);
    assert_eq!(it.store().news(), news);
    let node = get(&it, "node/node-1");
    for condition in node["status"]["conditions"].as_array().expect("conditions") {
        let changed = condition["lastTransitionTime"].as_str();
        assert!(changed < Some("2026-01-01T00:00:01Z"), "{condition}");
    }
    // What changes beside the time is news.
    patch(
        &mut it,
        "node/node-1",
        json!({"metadata": {"labels": {"a": "b"}}}),
    );
    assert!(it.store().news() > news);
}

#[test]
fn the_clock_of_a_dump_is_no_earlier_than_its_last_sign_of_life() {
    let mut it = cluster(
        "apiVersion: v1
kind: Node
metadata: {name: node-1, creationTimestamp: '2024-01-01T00:00:00Z'}
status:
  conditions: [{type: Ready, status: 'True', lastHeartbeatTime: '2024-05-05T00:00:00Z'}]
---
apiVersion: v1
kind: Namespace
metadata: {name: kube-node-lease}
---
apiVersion: coordination.k8s.io/v1
kind: Lease
metadata: {name: node-1, namespace: kube-node-lease, creationTimestamp: '2024-01-01T00:00:00Z'}
spec: {holderIdentity: node-1, leaseDurationSeconds: 40, renewTime: '2024-05-05T00:01:07.250000Z'}
",
    );
    assert_eq!(it.clock().epoch_secs, 1_714_867_268);
    pass(&mut it, 11);
    assert_eq!(renewed(&it, "node-1"), "01:18.000");
}

fn timeline() -> Timeline {
    Timeline::new(Start {
        files: vec![StartFile {
            name: "none.yaml".into(),
            text: String::new(),
        }],
        seed: 1,
    })
}

#[test]
fn one_wait_is_one_event_however_often_somebody_looks_up() {
    use packetwalk_core::sim::Happening::{Fault as Hurt, Pass};
    let mut it = timeline();
    let ten = Duration::from_secs(10);
    for _ in 0..30 {
        it.wait(ten).expect("room");
    }
    assert_eq!(it.events(), [Pass(Duration::from_secs(300))]);
    let waited = it.cluster().canonical();
    let mut once = timeline();
    once.happen(Pass(Duration::from_secs(300))).expect("room");
    assert_eq!(once.cluster().canonical(), waited);
    // Another wait is another event, and what is undone does not come back.
    let down = Hurt(Fault::NodeDown("node-1".into()));
    it.happen(down.clone()).expect("room");
    it.wait(ten).expect("room");
    it.wait(ten).expect("room");
    assert_eq!(it.events()[1..], [down, Pass(Duration::from_secs(20))]);
    let end = it.cluster().canonical();
    assert!(it.undo() && it.undo());
    assert_eq!(it.cluster().canonical(), waited);
    assert!(it.redo() && it.redo());
    assert_eq!(it.cluster().canonical(), end);
    let sent = Timeline::from_link(&it.link()).expect("a link");
    assert_eq!(sent.cluster().canonical(), end);
    assert!(it.undo());
    it.wait(ten).expect("room");
    assert_eq!(it.events().len(), 3);
    assert_eq!(it.abandoned().len(), 1);
}

#[test]
fn a_checkpoint_stays_true_where_a_wait_goes_on_after_it() {
    let mut it = timeline();
    for _ in 0..7 {
        it.happen(packetwalk_core::sim::Happening::Settle(Duration::default()))
            .expect("room");
    }
    for _ in 0..3 {
        it.wait(Duration::from_secs(10)).expect("room");
    }
    assert_eq!(it.position(), 8);
    let waited = it.cluster().canonical();
    it.happen(packetwalk_core::sim::Happening::Pass(Duration::from_secs(
        1,
    )))
    .expect("room");
    assert!(it.seek(0) && it.seek(8));
    assert_eq!(it.cluster().canonical(), waited);
}
