//! What holds for the endpoints of every Service in every world.

use packetwalk_core::api::{Object, Pod, Service, selects};
use packetwalk_core::sim::Cluster;
use packetwalk_core::store::Propagation;
use packetwalk_tests::cluster::{cluster, delete, pass, patch};
use proptest::prelude::*;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// What may happen to a pod, a Service or a node.
#[derive(Clone, Debug)]
enum Step {
    Ready(usize, bool),
    Relabel(usize, u8),
    DeletePod(usize),
    Publish(usize, bool),
    Select(usize, u8),
    Label(usize, u8),
    Zone(u8),
}

const N_PODS: usize = 12;
const N_SERVICES: usize = 4;

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..N_PODS, any::<bool>()).prop_map(|(it, ready)| Step::Ready(it, ready)),
        2 => (0..N_PODS, 0..3u8).prop_map(|(it, label)| Step::Relabel(it, label)),
        1 => (0..N_PODS).prop_map(Step::DeletePod),
        1 => (0..N_SERVICES, any::<bool>()).prop_map(|(it, all)| Step::Publish(it, all)),
        1 => (0..N_SERVICES, 0..3u8).prop_map(|(it, label)| Step::Select(it, label)),
        1 => (0..N_SERVICES, 0..3u8).prop_map(|(it, label)| Step::Label(it, label)),
        1 => (0..3u8).prop_map(Step::Zone),
    ]
}

fn world(pods: &[(u8, bool, u16)], services: &[(u8, bool, bool)]) -> String {
    let mut text = String::new();
    for (idx, (label, ready, port)) in pods.iter().enumerate() {
        let status = if *ready { "True" } else { "False" };
        text.push_str(&format!(
            "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: p{idx}, labels: {{app: a{label}}}}}\n\
             spec: {{containers: [{{name: c, image: x, ports: [{{name: http, containerPort: {port}}}]}}]}}\n\
             status: {{phase: Running, conditions: [{{type: Ready, status: '{status}'}}]}}\n"
        ));
    }
    for (idx, (label, is_named, is_auto)) in services.iter().enumerate() {
        let target = if *is_named { "http" } else { "8080" };
        let annotation = if *is_auto {
            ", annotations: {service.kubernetes.io/topology-mode: Auto}"
        } else {
            ""
        };
        text.push_str(&format!(
            "---\napiVersion: v1\nkind: Service\nmetadata: {{name: s{idx}{annotation}}}\n\
             spec: {{selector: {{app: a{label}}}, ports: [{{port: 80, targetPort: {target}}}]}}\n"
        ));
    }
    text
}

fn take(cluster: &mut Cluster, step: &Step) {
    let labels = |it: &u8| json!({"metadata": {"labels": {"app": format!("a{it}")}}});
    match step {
        Step::Ready(pod, is_ready) => {
            let status = if *is_ready { "True" } else { "False" };
            patch(
                cluster,
                &format!("pod/p{pod}"),
                json!({"status": {"conditions": [{"type": "Ready", "status": status}]}}),
            );
        }
        Step::Relabel(pod, label) => patch(cluster, &format!("pod/p{pod}"), labels(label)),
        Step::DeletePod(pod) => {
            delete(cluster, &format!("pod/p{pod}"), Propagation::Background);
        }
        Step::Publish(service, all) => patch(
            cluster,
            &format!("service/s{service}"),
            json!({"spec": {"publishNotReadyAddresses": all}}),
        ),
        Step::Select(service, label) => patch(
            cluster,
            &format!("service/s{service}"),
            json!({"spec": {"selector": {"app": format!("a{label}")}}}),
        ),
        Step::Label(service, label) => {
            patch(cluster, &format!("service/s{service}"), labels(label));
        }
        Step::Zone(zone) => patch(
            cluster,
            "node/node-1",
            json!({"metadata": {"labels": {"topology.kubernetes.io/zone": format!("z{zone}")}}}),
        ),
    }
}

/// Address and whether it takes traffic, of every pod that a Service should find: written down anew, from the rules.
fn expected(cluster: &Cluster, service: &Service) -> BTreeMap<String, bool> {
    let pods = cluster.store().objects().pods.values();
    let found = |it: &Pod| {
        it.metadata.namespace == service.metadata.namespace
            && selects(&service.spec.selector, it.labels())
            && !it.is_over()
    };
    let all = service.spec.publish_not_ready_addresses;
    pods.filter(|it| found(it))
        .flat_map(|it| {
            let ready = all || (it.is_ready() && !it.is_terminating());
            it.ips().into_iter().map(move |ip| (ip.to_string(), ready))
        })
        .collect()
}

fn check(cluster: &Cluster) {
    let objects = cluster.store().objects();
    for idx in 0..N_SERVICES {
        let name = format!("s{idx}");
        let service = objects.service("default", &name).expect("it is there");
        let mut found = BTreeMap::new();
        let mut shapes = BTreeSet::new();
        for slice in objects.slices_of("default", &name) {
            assert!(slice.endpoints.len() <= 100);
            let shape = format!("{:?}", slice.ports);
            assert!(
                shapes.insert(shape),
                "so few endpoints need one slice a list of ports"
            );
            for endpoint in &slice.endpoints {
                let before =
                    found.insert(endpoint.addresses.join(","), endpoint.conditions.is_ready());
                assert_eq!(
                    before, None,
                    "an endpoint stands in one slice: {endpoint:?}"
                );
            }
            let node = |it: &str| objects.nodes.get(it).map(|it| it.metadata.labels.clone());
            for endpoint in &slice.endpoints {
                let labels = endpoint.node_name.as_deref().and_then(node);
                let zone = labels.and_then(|it| it.get("topology.kubernetes.io/zone").cloned());
                assert_eq!(endpoint.zone, zone);
            }
        }
        assert_eq!(found, expected(cluster, service), "{name}");
        let key = ("default".to_owned(), name.clone());
        let legacy = &objects.endpoints[&key];
        let mut old = BTreeMap::new();
        for subset in &legacy.subsets {
            old.extend(subset.addresses.iter().map(|it| (it.ip.clone(), true)));
            let others = subset.not_ready_addresses.iter();
            old.extend(others.map(|it| (it.ip.clone(), false)));
        }
        let going: BTreeSet<String> = objects
            .pods
            .values()
            .filter(|it| it.is_terminating() && !service.spec.publish_not_ready_addresses)
            .flat_map(|it| it.ips())
            .map(|it| it.to_string())
            .collect();
        let mut same = found;
        same.retain(|it, _| !going.contains(it));
        assert_eq!(old, same, "Endpoints of {name}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn slices_and_endpoints_hold_what_selectors_find_whatever_happens(
        pods in prop::collection::vec((0..3u8, any::<bool>(), prop::sample::select(vec![8080u16, 9090])), N_PODS),
        services in prop::collection::vec((0..3u8, any::<bool>(), any::<bool>()), N_SERVICES),
        steps in prop::collection::vec(step(), 0..12),
    ) {
        let mut it = cluster(&world(&pods, &services));
        check(&it);
        for step in &steps {
            let before = it.store().revision();
            take(&mut it, step);
            // Longer than controllers wait and programs take to end.
            pass(&mut it, 3);
            check(&it);
            let n_slices = it
                .store()
                .changes_after(before)
                .expect("not forgotten")
                .filter(|it| it.sides().any(|it| matches!(it, Object::EndpointSlice(_))))
                .count();
            // All pods of a Service may be its, of two lists of ports; a pod that goes changes its slices twice.
            prop_assert!(n_slices <= 4 * N_SERVICES, "{step:?} wrote {n_slices} slices");
        }
        // Nothing more happens by itself.
        let names = |it: &Cluster| -> Vec<String> {
            let slices = it.store().objects().endpoint_slices.values();
            slices.map(|it| format!("{} {:?}", it.metadata.name, it.metadata.resource_version)).collect()
        };
        pass(&mut it, 60);
        let rested = names(&it);
        pass(&mut it, 60);
        prop_assert_eq!(names(&it), rested);
        // What belongs to a Service goes with it.
        for idx in 0..N_SERVICES {
            delete(&mut it, &format!("service/s{idx}"), Propagation::Background);
        }
        pass(&mut it, 5);
        let objects = it.store().objects();
        for idx in 0..N_SERVICES {
            let name = format!("s{idx}");
            prop_assert_eq!(objects.slices_of("default", &name).count(), 0);
            prop_assert!(!objects.endpoints.contains_key(&("default".to_owned(), name)));
        }
    }
}

#[test]
fn the_cost_of_a_change_does_not_grow_with_services_that_it_does_not_concern() {
    let n_looks = |n: usize| {
        let mut text = String::from(
            "---\napiVersion: v1\nkind: Pod\nmetadata: {name: p, labels: {app: a0}}\nspec: {containers: [{name: c, image: x}]}\nstatus: {phase: Running, conditions: [{type: Ready, status: 'True'}]}\n",
        );
        for idx in 0..n {
            text.push_str(&format!(
                "---\napiVersion: v1\nkind: Service\nmetadata: {{name: s{idx}}}\nspec: {{selector: {{app: a{idx}}}, ports: [{{port: 80}}]}}\n"
            ));
        }
        let mut it = cluster(&text);
        patch(
            &mut it,
            "pod/p",
            json!({"status": {"conditions": [{"type": "Ready", "status": "False"}]}}),
        );
        let to = it.clock().now + packetwalk_core::time::Duration::from_millis(900);
        it.advance(to).n_looks
    };
    assert_eq!(n_looks(2), n_looks(200));
}
