//! Pods in time: made, placed, started, probed, replaced and ended.

use packetwalk_core::api::Kind;
use packetwalk_core::controllers::{ContainerFault, Fault};
use packetwalk_core::sim::Cluster;
use packetwalk_core::store::Propagation;
use packetwalk_tests::cluster::{cluster, delete, endpoints, events, named, pass, patch, pods};
use proptest::prelude::*;
use serde_json::json;

const API: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: api}
spec:
  replicas: 3
  selector: {matchLabels: {app: api}}
  template:
    metadata: {labels: {app: api}}
    spec:
      containers:
      - name: api
        image: example/api:1
        ports: [{name: http, containerPort: 8080}]
        readinessProbe: {httpGet: {path: /healthz, port: http}, periodSeconds: 5}
---
apiVersion: v1
kind: Service
metadata: {name: api}
spec: {selector: {app: api}, ports: [{port: 80, targetPort: http}]}
";

fn count(lines: &[String], what: &str) -> usize {
    lines.iter().filter(|it| it.contains(what)).count()
}

fn first_pod(cluster: &Cluster) -> String {
    let lines = pods(cluster, "default");
    let first = lines.first().expect("a pod");
    first.split(' ').next().unwrap_or_default().to_owned()
}

fn status(cluster: &Cluster, object: &str) -> serde_json::Value {
    let document = cluster.store().document(&named(object));
    document.map_or(serde_json::Value::Null, |it| it["status"].clone())
}

#[test]
fn a_deployment_comes_to_as_many_ready_pods_as_it_wants_spread_over_the_workers() {
    let it = cluster(API);
    let lines = pods(&it, "default");
    assert_eq!(lines.len(), 3, "{lines:#?}");
    assert_eq!(count(&lines, " Running ready "), 3, "{lines:#?}");
    assert_eq!(count(&lines, "node-1"), 2, "{lines:#?}");
    assert_eq!(count(&lines, "node-2"), 1, "{lines:#?}");
    assert_eq!(endpoints(&it, "api").len(), 3);
    let status = status(&it, "deployment/api");
    assert_eq!(status["availableReplicas"], 3, "{status}");
    assert_eq!(
        status["conditions"][0]["reason"],
        "MinimumReplicasAvailable"
    );
    assert_eq!(status["conditions"][1]["reason"], "NewReplicaSetAvailable");
    let told = events(&it, "api");
    for what in [
        "ScalingReplicaSet: Scaled up replica set api-",
        "SuccessfulCreate: Created pod: api-",
        "Scheduled: Successfully assigned default/api-",
        "Pulled: Successfully pulled image \"example/api:1\" in ",
        "Started: Container started",
    ] {
        assert!(count(&told, what) > 0, "{what} is not in {told:#?}");
    }
}

#[test]
fn a_rollout_never_leaves_fewer_pods_ready_than_it_may() {
    let mut it = cluster(API);
    let image = json!({"spec": {"template": {"spec": {"containers": [
        {"name": "api", "image": "example/api:2", "ports": [{"name": "http", "containerPort": 8080}]},
    ]}}}});
    patch(&mut it, "deployment/api", image);
    let mut most = 0;
    for _ in 0..80 {
        let to = it.clock().now + packetwalk_core::time::Duration::from_millis(250);
        it.advance(to);
        let lines = pods(&it, "default");
        let going = count(&lines, " terminating");
        assert!(
            count(&lines, " ready ") - count(&lines, " terminating ready") >= 3,
            "{lines:#?}"
        );
        most = most.max(lines.len() - going);
    }
    assert_eq!(most, 4, "25 % of 3 is one pod more");
    let lines = pods(&it, "default");
    assert_eq!(lines.len(), 3, "{lines:#?}");
    let document = it.store().document(&named("deployment/api")).expect("it");
    assert_eq!(
        document["metadata"]["annotations"]["deployment.kubernetes.io/revision"],
        "2"
    );
    let n_sets = it.store().objects().replica_sets.len();
    assert_eq!(n_sets, 2, "the old one is kept for a rollback");
}

#[test]
fn an_image_nobody_has_is_tried_again_after_longer_and_longer_pauses() {
    let mut it = cluster(&API.replace("example/api:1", "registry.invalid/api:1"));
    let lines = pods(&it, "default");
    assert_eq!(count(&lines, " ImagePullBackOff unready"), 3, "{lines:#?}");
    // Each has its sandbox, and in it an address where nobody is.
    let behind = endpoints(&it, "api");
    assert_eq!(count(&behind, " unready"), 3, "{behind:#?}");
    pass(&mut it, 60);
    let told = events(&it, "api");
    for error in ["ErrImagePull", "ImagePullBackOff"] {
        let error = format!("Failed (x3): Error: {error}");
        assert!(count(&told, &error) > 0, "{told:#?}");
    }
}

#[test]
fn a_probe_of_a_port_nobody_listens_on_keeps_a_pod_out_of_the_service() {
    let it = cluster(&API.replace("port: http}, periodSeconds", "port: 9999}, periodSeconds"));
    let lines = pods(&it, "default");
    assert_eq!(count(&lines, " Running unready "), 3, "{lines:#?}");
    let all = endpoints(&it, "api");
    assert_eq!(count(&all, " unready"), 3, "{all:?}");
    let told = events(&it, "api");
    let refused = ":9999/healthz\": dial tcp 10.244.";
    assert!(
        count(&told, refused) > 0 && count(&told, "connect: connection refused") > 0,
        "{told:#?}"
    );
}

#[test]
fn a_pod_that_starts_to_fail_its_probe_leaves_the_service_and_comes_back() {
    let mut it = cluster(API);
    let name = first_pod(&it);
    let pod = ("default".to_owned(), name);
    it.suffer(Fault::Container {
        pod: pod.clone(),
        container: "api".into(),
        fault: ContainerFault::Fails,
    });
    pass(&mut it, 16);
    let lines = endpoints(&it, "api");
    assert_eq!(count(&lines, " unready"), 1, "{lines:?}");
    let told = events(&it, &pod.1);
    assert!(
        count(&told, "Unhealthy (x") > 0
            && count(&told, "HTTP probe failed with statuscode: 500") > 0,
        "{told:#?}"
    );
    it.suffer(Fault::Well {
        pod,
        container: "api".into(),
    });
    pass(&mut it, 6);
    assert_eq!(count(&endpoints(&it, "api"), " unready"), 0);
}

#[test]
fn a_crashing_container_is_restarted_at_once_and_then_after_doubling_pauses() {
    let mut it = cluster(API);
    let name = first_pod(&it);
    it.suffer(Fault::Container {
        pod: ("default".into(), name.clone()),
        container: "api".into(),
        fault: ContainerFault::Crashes {
            exit_code: 1,
            since: it.clock().now,
        },
    });
    let restarts = |it: &Cluster| {
        let status = status(it, &format!("pod/{name}"));
        status["containerStatuses"][0]["restartCount"]
            .as_i64()
            .unwrap_or(-1)
    };
    let mut seen = Vec::new();
    for _ in 0..100 {
        pass(&mut it, 1);
        seen.push(restarts(&it));
    }
    // At once; after 10 s, 20 s and 40 s more, and each time it runs for a second or so.
    let when = |n: i64| seen.iter().position(|it| *it >= n).map(|it| it + 1);
    assert_eq!(when(1), Some(1), "{seen:?}");
    let (second, third, fourth) = (
        when(2).expect("second"),
        when(3).expect("third"),
        when(4).expect("fourth"),
    );
    assert!((11..=13).contains(&second), "{second}");
    assert!((20..=23).contains(&(third - second)), "{third}");
    assert!((40..=43).contains(&(fourth - third)), "{fourth}");
    let told = events(&it, &name);
    assert!(
        count(&told, "Back-off restarting failed container api in pod") > 0,
        "{told:#?}"
    );
    let status = status(&it, &format!("pod/{name}"));
    assert_eq!(
        status["containerStatuses"][0]["state"]["waiting"]["reason"],
        "CrashLoopBackOff"
    );
    assert_eq!(
        status["containerStatuses"][0]["lastState"]["terminated"]["exitCode"],
        1
    );
}

#[test]
fn a_deleted_pod_is_terminating_while_it_ends_and_another_takes_its_place() {
    let slow = API.replace(
        "readinessProbe:",
        "lifecycle: {preStop: {sleep: {seconds: 5}}}\n        readinessProbe:",
    );
    let mut it = cluster(&slow);
    let name = first_pod(&it);
    delete(&mut it, &format!("pod/{name}"), Propagation::Background);
    pass(&mut it, 4);
    let lines = endpoints(&it, "api");
    assert_eq!(
        count(&lines, " unready terminating serving"),
        1,
        "{lines:?}"
    );
    assert_eq!(lines.len(), 4, "{lines:?}");
    pass(&mut it, 3);
    let lines = pods(&it, "default");
    assert_eq!(lines.len(), 3, "{lines:#?}");
    assert!(lines.iter().all(|it| !it.starts_with(&name)), "{lines:#?}");
}

#[test]
fn a_program_that_hangs_is_killed_when_its_grace_is_over() {
    let mut it = cluster(API);
    let name = first_pod(&it);
    it.suffer(Fault::Container {
        pod: ("default".into(), name.clone()),
        container: "api".into(),
        fault: ContainerFault::Hangs,
    });
    delete(&mut it, &format!("pod/{name}"), Propagation::Background);
    pass(&mut it, 29);
    assert!(pods(&it, "default").iter().any(|it| it.starts_with(&name)));
    pass(&mut it, 2);
    assert!(!pods(&it, "default").iter().any(|it| it.starts_with(&name)));
}

#[test]
fn relabelled_pods_leave_their_owner_and_the_service_and_are_replaced() {
    let mut it = cluster(API);
    let name = first_pod(&it);
    patch(
        &mut it,
        &format!("pod/{name}"),
        json!({"metadata": {"labels": {"app": "debug"}}}),
    );
    pass(&mut it, 10);
    let lines = pods(&it, "default");
    assert_eq!(lines.len(), 4, "{lines:#?}");
    let pod = it
        .store()
        .objects()
        .pod("default", &name)
        .expect("it stays");
    assert!(pod.metadata.owner_references.is_empty());
    let lines = endpoints(&it, "api");
    assert_eq!(lines.len(), 3, "{lines:?}");
    // Labelled back, it is taken in again, and one of the four goes.
    patch(
        &mut it,
        &format!("pod/{name}"),
        json!({"metadata": {"labels": {"app": "api"}}}),
    );
    pass(&mut it, 10);
    assert_eq!(pods(&it, "default").len(), 3);
}

#[test]
fn a_stateful_set_makes_its_pods_in_order_and_takes_them_away_in_reverse() {
    let text = "
apiVersion: v1
kind: Service
metadata: {name: mysql}
spec: {clusterIP: None, selector: {app: mysql}, ports: [{port: 3306}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: mysql}
spec:
  serviceName: mysql
  replicas: 3
  selector: {matchLabels: {app: mysql}}
  template:
    metadata: {labels: {app: mysql}}
    spec: {containers: [{name: mysql, image: mysql:8, ports: [{containerPort: 3306}]}]}
";
    let mut it = cluster(text);
    let told = events(&it, "mysql");
    let order: Vec<&String> = told
        .iter()
        .filter(|it| it.contains("SuccessfulCreate") || it.contains("Started"))
        .collect();
    let words: Vec<&str> = order
        .iter()
        .map(|it| {
            if it.contains("create Pod") {
                "made"
            } else {
                "started"
            }
        })
        .collect();
    assert_eq!(
        words,
        ["made", "started", "made", "started", "made", "started"],
        "{told:#?}"
    );
    let slices = it.store().objects().slices_of("default", "mysql");
    let mut names: Vec<String> = slices
        .flat_map(|it| &it.endpoints)
        .filter_map(|it| it.hostname.clone())
        .collect();
    names.sort();
    assert_eq!(names, ["mysql-0", "mysql-1", "mysql-2"]);
    patch(
        &mut it,
        "statefulset/mysql",
        json!({"spec": {"replicas": 1}}),
    );
    let mut seen = Vec::new();
    for _ in 0..40 {
        let to = it.clock().now + packetwalk_core::time::Duration::from_millis(100);
        it.advance(to);
        let n = pods(&it, "default").len();
        let going = count(&pods(&it, "default"), "terminating");
        assert!(going <= 1, "one after the other");
        if seen.last() != Some(&n) {
            seen.push(n);
        }
    }
    assert_eq!(seen, [3, 2, 1]);
    assert!(pods(&it, "default")[0].starts_with("mysql-0 "));
}

#[test]
fn a_node_that_falls_silent_loses_its_endpoints_and_then_its_pods() {
    let mut it = cluster(API);
    it.suffer(Fault::NodeDown("node-1".into()));
    pass(&mut it, 45);
    assert_eq!(
        count(&endpoints(&it, "api"), " unready"),
        0,
        "nobody has noticed yet"
    );
    pass(&mut it, 10);
    let lines = endpoints(&it, "api");
    assert_eq!(count(&lines, " unready"), 2, "{lines:?}");
    let node = it
        .store()
        .objects()
        .nodes
        .get("node-1")
        .expect("it")
        .clone();
    assert!(!node.is_ready());
    let taints: Vec<&str> = node
        .spec
        .taints
        .iter()
        .map(|it| it.effect.as_str())
        .collect();
    assert_eq!(taints, ["NoSchedule", "NoExecute"]);
    pass(&mut it, 310);
    let lines = pods(&it, "default");
    assert_eq!(
        count(&lines, " terminating"),
        2,
        "nobody says that they ended: {lines:#?}"
    );
    assert_eq!(count(&lines, " Running ready node-2"), 3, "{lines:#?}");
    it.suffer(Fault::NodeUp("node-1".into()));
    pass(&mut it, 10);
    let lines = pods(&it, "default");
    assert_eq!(
        lines.len(),
        3,
        "the kubelet is back and ends them: {lines:#?}"
    );
    assert!(it.store().objects().nodes["node-1"].is_ready());
}

#[test]
fn what_a_deployment_owns_goes_after_it_before_it_or_not_at_all() {
    for (propagation, at_once, left) in [
        (Propagation::Background, true, 0),
        (Propagation::Foreground, false, 0),
        (Propagation::Orphan, false, 3),
    ] {
        let mut it = cluster(API);
        delete(&mut it, "deployment/api", propagation);
        let is_there = |it: &Cluster| it.store().document(&named("deployment/api")).is_some();
        assert_eq!(!is_there(&it), at_once, "{propagation:?}");
        pass(&mut it, 40);
        assert!(!is_there(&it), "{propagation:?}");
        assert_eq!(pods(&it, "default").len(), left, "{propagation:?}");
        let n_sets = it.store().documents(Kind::ReplicaSet).count();
        assert_eq!(n_sets, usize::from(left > 0), "{propagation:?}");
    }
}

#[test]
fn a_namespace_goes_with_everything_in_it() {
    let text = format!(
        "apiVersion: v1\nkind: Namespace\nmetadata: {{name: shop}}\n---\n{}",
        API.replace(
            "metadata: {name: api}",
            "metadata: {name: api, namespace: shop}"
        )
    );
    let mut it = cluster(&text);
    assert_eq!(pods(&it, "shop").len(), 3);
    delete(&mut it, "namespace/shop", Propagation::Background);
    assert_eq!(status(&it, "namespace/shop")["phase"], "Terminating");
    pass(&mut it, 1);
    pass(&mut it, 60);
    assert!(it.store().document(&named("namespace/shop")).is_none());
    assert!(it.store().objects().in_namespace("shop").is_empty());
}

#[test]
fn a_pod_no_node_takes_waits_and_says_why() {
    let text = API.replace(
        "containers:",
        "nodeSelector: {disk: ssd}\n      containers:",
    );
    let mut it = cluster(&text);
    let lines = pods(&it, "default");
    assert_eq!(count(&lines, " Pending unready"), 3, "{lines:#?}");
    let told = events(&it, "api");
    let why = "0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector.";
    assert!(count(&told, why) > 0, "{told:#?}");
    patch(
        &mut it,
        "node/node-2",
        json!({"metadata": {"labels": {"disk": "ssd"}}}),
    );
    pass(&mut it, 10);
    assert_eq!(count(&pods(&it, "default"), " Running ready node-2"), 3);
}

#[test]
fn pods_of_a_dump_stay_though_their_replica_set_is_not_in_it() {
    let mut it = cluster(
        "apiVersion: v1
kind: Pod
metadata:
  name: api-5l6m7-4d7wx
  ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: api-5l6m7, uid: 0f3c, controller: true, blockOwnerDeletion: true}]
spec: {nodeName: node-1, containers: [{name: c, image: x}]}
status: {phase: Running, podIP: 10.244.1.5}
",
    );
    pass(&mut it, 600);
    assert_eq!(
        pods(&it, "default"),
        ["api-5l6m7-4d7wx Running ready node-1"]
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_the_cluster_comes_to_rest_and_then_writes_nothing_more(
        happenings in prop::collection::vec((0usize..6, 0usize..4, 1u64..40), 0..10),
    ) {
        let mut it = cluster(API);
        for (what, which, secs) in happenings {
            let name = pods(&it, "default").get(which).and_then(|it| it.split(' ').next().map(str::to_owned));
            let node = format!("node-{}", which % 2 + 1);
            match (what, name) {
                (0, _) => patch(&mut it, "deployment/api", json!({"spec": {"replicas": which}})),
                (1, Some(name)) => delete(&mut it, &format!("pod/{name}"), Propagation::Background),
                (2, _) => it.suffer(Fault::NodeDown(node)),
                (3, _) => it.suffer(Fault::NodeUp(node)),
                (4, _) => patch(&mut it, "deployment/api", json!({"spec": {"template": {"metadata": {"annotations": {"n": secs.to_string()}}}}})),
                (_, Some(name)) => patch(&mut it, &format!("pod/{name}"), json!({"metadata": {"labels": {"app": "other"}}})),
                _ => {}
            }
            pass(&mut it, secs);
        }
        for node in ["node-1", "node-2"] {
            it.suffer(Fault::NodeUp(node.into()));
        }
        pass(&mut it, 900);
        let revision = it.store().revision();
        pass(&mut it, 3600);
        let changes = it.store().changes_after(revision).into_iter().flatten();
        let changes: Vec<String> = changes.filter(|it| !it.is_sign_of_life).map(|it| it.object.to_string()).collect();
        prop_assert_eq!(changes, Vec::<String>::new());
        let document = it.store().document(&named("deployment/api")).cloned().unwrap_or_default();
        let wanted = document["spec"]["replicas"].as_u64().unwrap_or(1);
        prop_assert_eq!(endpoints(&it, "api").len() as u64, wanted);
        delete(&mut it, "deployment/api", Propagation::Background);
        pass(&mut it, 120);
        let left = pods(&it, "default").len();
        let strangers = it.store().objects().pods.values().filter(|it| it.labels().get("app").is_some_and(|it| it == "other")).count();
        prop_assert_eq!(left, strangers, "only those that were relabelled stay");
    }
}

#[test]
fn pods_of_a_dump_are_taken_as_they_are() {
    let it = cluster(
        "apiVersion: v1
kind: Pod
metadata: {name: old, labels: {app: api}}
spec: {nodeName: node-1, containers: [{name: c, image: x, ports: [{containerPort: 8080}], readinessProbe: {httpGet: {port: 1}}}]}
status: {phase: Running, podIP: 10.244.1.5, conditions: [{type: Ready, status: 'False'}]}
---
apiVersion: v1
kind: Pod
metadata: {name: told, labels: {app: api}}
spec: {nodeName: node-2, containers: [{name: c, image: x}]}
status: {podIP: 10.244.2.3}
",
    );
    assert_eq!(
        pods(&it, "default"),
        ["old Running unready node-1", "told Running ready node-2"]
    );
    assert_eq!(events(&it, "old"), Vec::<String>::new());
    assert_eq!(status(&it, "pod/told")["podIP"], "10.244.2.3");
}
