//! Reconciliation converges and is idempotent: whatever is in a cluster and happens to it, controllers come to rest, and
//! looking again at everything changes nothing. What is deleted leaves nothing behind.

use packetwalk_core::api::Kind;
use packetwalk_core::controllers::Fault;
use packetwalk_core::sim::{Cluster, SETTLE_LIMIT};
use packetwalk_core::store::{MAX_CHANGES, Propagation};
use packetwalk_core::time::Clock;
use packetwalk_tests::cluster::{cluster, delete, endpoints, named, pass, patch};
use proptest::prelude::*;
use serde_json::{Value, json};

/// What a cluster may hold: a part, and the objects in it that are deleted at the end, owners first.
const PARTS: [(&str, &[&str]); 8] = [
    (
        "apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: c, image: nginx, ports: [{name: http, containerPort: 8080}], readinessProbe: {httpGet: {port: http}}}]}
",
        &["deployment/web"],
    ),
    (
        "apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  serviceName: db
  replicas: 2
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec: {containers: [{name: c, image: postgres, ports: [{containerPort: 5432}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: db}
spec: {clusterIP: None, selector: {app: db}, ports: [{port: 5432}]}
",
        &["statefulset/db", "service/db"],
    ),
    (
        "apiVersion: v1
kind: Service
metadata: {name: web, annotations: {service.kubernetes.io/topology-mode: Auto}}
spec: {type: NodePort, selector: {app: web}, ports: [{port: 80, targetPort: http}]}
",
        &["service/web"],
    ),
    (
        "apiVersion: v1
kind: Service
metadata: {name: lb}
spec: {type: LoadBalancer, externalTrafficPolicy: Local, selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: pool, namespace: metallb-system}
spec: {addresses: [192.0.2.10-192.0.2.12]}
",
        &["service/lb"],
    ),
    (
        "apiVersion: v1
kind: Service
metadata: {name: old}
spec: {ports: [{port: 3306}]}
---
apiVersion: v1
kind: Endpoints
metadata: {name: old}
subsets: [{addresses: [{ip: 192.0.2.40}, {ip: 192.0.2.41}], ports: [{port: 3306}]}]
",
        &["endpoints/old", "service/old"],
    ),
    (
        "apiVersion: v1
kind: Service
metadata: {name: out}
spec: {type: ExternalName, externalName: db.example.com}
",
        &["service/out"],
    ),
    (
        "apiVersion: v1
kind: Pod
metadata: {name: broken, labels: {app: web}, annotations: {packetwalk.dev/exits: '1 after 2s'}}
spec: {containers: [{name: c, image: x, ports: [{name: http, containerPort: 8080}]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: nowhere, labels: {app: web}}
spec: {containers: [{name: c, image: registry.invalid/x}]}
",
        &["pod/broken", "pod/nowhere"],
    ),
    (
        "apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: shop}
spec:
  ingressClassName: none
  rules: [{http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}}]
",
        &["ingress/shop"],
    ),
];

fn text(parts: &[bool]) -> String {
    let chosen = PARTS.iter().zip(parts).filter(|it| *it.1);
    let texts: Vec<&str> = chosen.map(|it| it.0.0).collect();
    texts.join("---\n")
}

/// Something that happens: by number, to one of two nodes or some number of pods.
fn happen(it: &mut Cluster, what: usize, which: u64) {
    let node = format!("node-{}", which % 2 + 1);
    match what {
        0 => it.suffer(Fault::NodeDown(node)),
        1 => it.suffer(Fault::NodeUp(node)),
        2 => patch(it, "deployment/web", json!({"spec": {"replicas": which}})),
        3 => patch(it, "statefulset/db", json!({"spec": {"replicas": which}})),
        4 => patch(
            it,
            &format!("node/{node}"),
            json!({"metadata": {"labels": {"topology.kubernetes.io/zone": format!("z{which}")}}}),
        ),
        5 => delete(it, "pod/db-0", Propagation::Background),
        6 => patch(
            it,
            "service/web",
            json!({"spec": {"selector": {"app": "db"}}}),
        ),
        _ => patch(it, "service/lb", json!({"spec": {"type": "ClusterIP"}})),
    }
}

/// Everything but what counts on by itself: signs of life, events, and what a crashing container does.
fn state(it: &Cluster) -> Vec<(String, Value)> {
    let mut all = Vec::new();
    for kind in Kind::ALL {
        if matches!(kind, Kind::Event | Kind::Lease | Kind::Node) {
            continue;
        }
        for (object, document) in it.store().documents(*kind) {
            if object.name != "broken" {
                all.push((object.to_string(), Value::clone(document)));
            }
        }
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn whatever_there_is_comes_to_rest_a_second_look_changes_nothing_and_what_goes_leaves_nothing(
        parts in prop::collection::vec(any::<bool>(), PARTS.len()),
        happenings in prop::collection::vec((0usize..8, 0u64..4, 1u64..60), 0..6),
    ) {
        let free = cluster("").store().allocators().clone();
        let mut it = cluster(&text(&parts));
        for (what, which, secs) in happenings {
            happen(&mut it, what, which);
            pass(&mut it, secs);
        }
        for node in ["node-1", "node-2"] {
            it.suffer(Fault::NodeUp(node.into()));
        }
        pass(&mut it, 900);
        it.settle(SETTLE_LIMIT);
        prop_assert!(it.is_quiet());
        let before = state(&it);
        it.look_again();
        it.settle(SETTLE_LIMIT);
        prop_assert!(it.is_quiet());
        prop_assert_eq!(state(&it), before);

        let chosen = PARTS.iter().zip(&parts).filter(|it| *it.1);
        for object in chosen.flat_map(|it| it.0.1) {
            delete(&mut it, object, Propagation::Background);
        }
        pass(&mut it, 120);
        it.settle(SETTLE_LIMIT);
        for (_, objects) in PARTS {
            for object in objects {
                prop_assert!(it.store().document(&named(object)).is_none(), "{} is still there", object);
            }
        }
        for kind in [Kind::ReplicaSet, Kind::Pod, Kind::EndpointSlice, Kind::Endpoints] {
            let left = it.store().documents(kind).map(|it| it.0.to_string());
            let left: Vec<String> = left.filter(|it| it.contains("/default/") && !it.ends_with("/kubernetes")).collect();
            prop_assert_eq!(left, Vec::<String>::new());
        }
        prop_assert_eq!(it.store().allocators(), &free);
    }
}

#[test]
fn a_world_with_more_objects_than_a_watch_remembers_converges() {
    let mut it = Cluster::new(1, Clock::default());
    let clock = it.clock();
    let mut adopt = |kind: Kind, document: Value| {
        let kept = it.store_mut().adopt(kind, document, &clock);
        kept.expect("of the right types");
    };
    adopt(Kind::Namespace, json!({"metadata": {"name": "default"}}));
    adopt(Kind::Node, json!({"metadata": {"name": "n"}}));
    adopt(
        Kind::Service,
        json!({"metadata": {"name": "api", "namespace": "default"}, "spec": {"selector": {"app": "api"}, "ports": [{"port": 80}]}}),
    );
    adopt(
        Kind::Pod,
        json!({
            "metadata": {"name": "api", "namespace": "default", "labels": {"app": "api"}},
            "spec": {"nodeName": "n", "containers": [{"name": "c", "image": "x"}]},
            "status": {"phase": "Running", "podIP": "10.244.1.5"},
        }),
    );
    for idx in 0..MAX_CHANGES {
        let name = format!("c{idx}");
        adopt(
            Kind::ConfigMap,
            json!({"metadata": {"name": name, "namespace": "default"}}),
        );
    }
    it.store_mut().complete();
    it.settle(SETTLE_LIMIT);
    assert_eq!(endpoints(&it, "api"), ["10.244.1.5:80"]);
    let remembered = it.store().changes_after(0).is_some();
    assert!(!remembered, "once told, changes are forgotten");
}
