//! Who is behind a Service: selectors, readiness, named ports, headless Services, endpoints made by hand.

use packetwalk_core::sim::Cluster;
use packetwalk_core::store::Propagation;
use packetwalk_tests::cluster::{cluster, delete, endpoints, named, pass, patch};
use serde_json::{Value, json};

/// A pod that runs already.
fn pod(name: &str, labels: &str, ports: &str, ready: bool) -> String {
    format!(
        "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, labels: {{{labels}}}}}\n\
         spec: {{containers: [{{name: c, image: x, ports: [{ports}]}}]}}\n\
         status: {{phase: Running, conditions: [{{type: Ready, status: '{}'}}]}}\n",
        if ready { "True" } else { "False" }
    )
}

fn service(name: &str, spec: &str) -> String {
    format!("---\napiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\nspec: {{{spec}}}\n")
}

fn slices(cluster: &Cluster, service: &str) -> Vec<(String, usize, usize)> {
    let objects = cluster.store().objects();
    objects
        .slices_of("default", service)
        .map(|it| (it.metadata.name.clone(), it.endpoints.len(), it.ports.len()))
        .collect()
}

fn legacy(cluster: &Cluster, name: &str) -> Value {
    let document = cluster
        .store()
        .document(&named(&format!("endpoints/{name}")));
    document.map_or(Value::Null, |it| it["subsets"].clone())
}

#[test]
fn any_pod_with_all_labels_of_the_selector_is_an_endpoint_and_no_other() {
    let text = service(
        "api",
        "selector: {app: api, tier: web}, ports: [{port: 80, targetPort: 8080}]",
    ) + &pod("both", "app: api, tier: web, more: yes-indeed", "", true)
        + &pod("one", "app: api", "", true)
        + &pod("other", "app: web, tier: web", "", true);
    let mut it = cluster(&text);
    assert_eq!(endpoints(&it, "api").len(), 1);
    patch(
        &mut it,
        "pod/one",
        json!({"metadata": {"labels": {"tier": "web"}}}),
    );
    pass(&mut it, 1);
    assert_eq!(endpoints(&it, "api").len(), 2);
    patch(
        &mut it,
        "pod/both",
        json!({"metadata": {"labels": {"app": null}}}),
    );
    pass(&mut it, 1);
    assert_eq!(endpoints(&it, "api").len(), 1);
    delete(&mut it, "pod/one", Propagation::Background);
    pass(&mut it, 40);
    assert_eq!(endpoints(&it, "api").len(), 0);
}

#[test]
fn a_selector_that_finds_nothing_has_one_empty_slice_and_endpoints_without_subsets() {
    let it = cluster(&service(
        "api",
        "selector: {app: typo}, ports: [{port: 80}]",
    ));
    let all = slices(&it, "api");
    assert_eq!(all.len(), 1, "{all:?}");
    assert_eq!((all[0].1, all[0].2), (0, 0));
    assert!(it.store().document(&named("endpoints/api")).is_some());
    assert_eq!(legacy(&it, "api"), Value::Null);
}

#[test]
fn a_named_port_is_what_each_pod_says_it_is() {
    let text = service(
        "api",
        "selector: {app: api}, ports: [{port: 80, targetPort: http}]",
    ) + &pod("old", "app: api", "{name: http, containerPort: 8080}", true)
        + &pod(
            "canary",
            "app: api",
            "{name: http, containerPort: 9090}",
            true,
        )
        + &pod("nameless", "app: api", "{containerPort: 8080}", true)
        + &pod(
            "udp",
            "app: api",
            "{name: http, containerPort: 5353, protocol: UDP}",
            true,
        );
    let it = cluster(&text);
    let lines = endpoints(&it, "api");
    let of = |port: &str| lines.iter().filter(|it| it.ends_with(port)).count();
    assert_eq!((of(":8080"), of(":9090"), of(":")), (1, 1, 2), "{lines:?}");
    assert_eq!(slices(&it, "api").len(), 3, "one a list of ports");
    assert_eq!(
        legacy(&it, "api").as_array().map(Vec::len),
        Some(2),
        "without those that have no such port"
    );
}

#[test]
fn a_pod_that_is_not_ready_is_known_but_gets_no_traffic_unless_it_is_published() {
    let text = service("api", "selector: {app: api}, ports: [{port: 80}]")
        + &service(
            "all",
            "publishNotReadyAddresses: true, selector: {app: api}, ports: [{port: 80}]",
        )
        + &pod("well", "app: api", "", true)
        + &pod("ill", "app: api", "", false);
    let it = cluster(&text);
    let unready = |name: &str| {
        endpoints(&it, name)
            .iter()
            .filter(|it| it.contains("unready"))
            .count()
    };
    assert_eq!((unready("api"), unready("all")), (1, 0));
    let subsets = legacy(&it, "api");
    assert_eq!(
        subsets[0]["addresses"].as_array().map(Vec::len),
        Some(1),
        "{subsets}"
    );
    assert_eq!(
        subsets[0]["notReadyAddresses"].as_array().map(Vec::len),
        Some(1),
        "{subsets}"
    );
}

#[test]
fn slices_hold_a_hundred_and_are_filled_as_kubernetes_fills_them() {
    let mut text = service("api", "selector: {app: api}, ports: [{port: 80}]");
    for idx in 0..120 {
        text.push_str(&pod(&format!("p{idx:03}"), "app: api", "", true));
    }
    let mut it = cluster(&text);
    let mut sizes: Vec<usize> = slices(&it, "api").iter().map(|it| it.1).collect();
    sizes.sort_unstable();
    assert_eq!(sizes.iter().sum::<usize>(), 120, "{sizes:?}");
    assert!(sizes.iter().all(|it| *it <= 100), "{sizes:?}");
    // Thirty pods of a full slice go: nothing is moved to make others fuller.
    let full = slices(&it, "api")
        .into_iter()
        .max_by_key(|it| it.1)
        .expect("a slice");
    let slice = it.store().objects().endpoint_slices[&("default".to_owned(), full.0)].clone();
    for endpoint in slice.endpoints.iter().take(30) {
        let name = endpoint
            .target_ref
            .as_ref()
            .and_then(|it| it.name.clone())
            .unwrap_or_default();
        delete(&mut it, &format!("pod/{name}"), Propagation::Background);
    }
    pass(&mut it, 40);
    let after = slices(&it, "api");
    assert_eq!(after.iter().map(|it| it.1).sum::<usize>(), 90);
    assert_eq!(after.len(), 2, "no slice was emptied: {after:?}");
}

#[test]
fn one_pod_turning_unready_writes_one_slice() {
    let mut text = String::new();
    for idx in 0..20 {
        text.push_str(&service(
            &format!("s{idx}"),
            &format!("selector: {{app: a{idx}}}, ports: [{{port: 80}}]"),
        ));
        text.push_str(&pod(&format!("p{idx}"), &format!("app: a{idx}"), "", true));
    }
    let mut it = cluster(&text);
    let before = it.store().revision();
    patch(
        &mut it,
        "pod/p7",
        json!({"status": {"conditions": [{"type": "Ready", "status": "False"}]}}),
    );
    pass(&mut it, 1);
    let changes: Vec<String> = it
        .store()
        .changes_after(before)
        .expect("not forgotten")
        .map(|it| it.object.to_string())
        .collect();
    assert_eq!(
        changes.len(),
        3,
        "the pod, its slice, its Endpoints: {changes:?}"
    );
}

#[test]
fn a_headless_service_names_its_pods_and_one_without_a_selector_has_none() {
    let text = service(
        "db",
        "clusterIP: None, selector: {app: db}, ports: [{port: 5432}]",
    ) + &service("outside", "ports: [{port: 5432}]")
        + "---\napiVersion: v1\nkind: Pod\nmetadata: {name: db-0, labels: {app: db}}\n\
           spec: {hostname: db-0, subdomain: db, containers: [{name: c, image: x}]}\n\
           status: {phase: Running}\n";
    let it = cluster(&text);
    let objects = it.store().objects();
    let slice = objects.slices_of("default", "db").next().expect("a slice");
    assert_eq!(slice.endpoints[0].hostname.as_deref(), Some("db-0"));
    assert!(
        slice
            .metadata
            .labels
            .contains_key("service.kubernetes.io/headless")
    );
    assert_eq!(slices(&it, "outside"), Vec::new());
    assert!(it.store().document(&named("endpoints/outside")).is_none());
}

#[test]
fn endpoints_made_by_hand_are_mirrored_into_a_slice_which_follows_them() {
    let text = service("db", "ports: [{port: 5432}]")
        + "---\napiVersion: v1\nkind: Endpoints\nmetadata: {name: db, labels: {who: me}}\n\
           subsets: [{addresses: [{ip: 192.0.2.10}, {ip: '2001:db8::10'}], notReadyAddresses: [{ip: 192.0.2.11}], ports: [{port: 5432}]}]\n";
    let mut it = cluster(&text);
    let lines = endpoints(&it, "db");
    assert_eq!(
        lines,
        [
            "192.0.2.10:5432",
            "192.0.2.11:5432 unready",
            "2001:db8::10:5432"
        ]
    );
    assert_eq!(slices(&it, "db").len(), 2, "one a family");
    let subsets =
        json!({"subsets": [{"addresses": [{"ip": "192.0.2.20"}], "ports": [{"port": 5433}]}]});
    patch(&mut it, "endpoints/db", subsets);
    pass(&mut it, 1);
    assert_eq!(endpoints(&it, "db"), ["192.0.2.20:5433"]);
    patch(
        &mut it,
        "endpoints/db",
        json!({"metadata": {"labels": {"endpointslice.kubernetes.io/skip-mirror": "true"}}}),
    );
    pass(&mut it, 1);
    assert_eq!(slices(&it, "db"), Vec::new());
}

#[test]
fn slices_of_a_dump_without_pods_are_taken_as_they_are() {
    let text = service("api", "selector: {app: api}, ports: [{port: 80}]")
        + "---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n\
           metadata: {name: api-x, labels: {kubernetes.io/service-name: api, endpointslice.kubernetes.io/managed-by: endpointslice-controller.k8s.io}}\n\
           addressType: IPv4\nendpoints: [{addresses: [10.244.1.9]}]\nports: [{port: 8080, name: ''}]\n";
    let it = cluster(&text);
    assert_eq!(endpoints(&it, "api"), ["10.244.1.9:8080"]);
}

#[test]
fn everything_of_a_service_goes_with_it() {
    let text = service("api", "selector: {app: api}, ports: [{port: 80}]")
        + &pod("a", "app: api", "", true);
    let mut it = cluster(&text);
    delete(&mut it, "service/api", Propagation::Background);
    pass(&mut it, 1);
    assert_eq!(slices(&it, "api"), Vec::new());
    assert!(it.store().document(&named("endpoints/api")).is_none());
}

#[test]
fn more_than_a_thousand_addresses_are_cut_and_said_to_be() {
    let mut text = service("api", "selector: {app: api}, ports: [{port: 80}]");
    for idx in 0..1100 {
        let (high, low) = (idx / 250, idx % 250 + 1);
        text.push_str(&format!(
            "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: p{idx}, labels: {{app: api}}}}\n\
             spec: {{nodeName: node-1, containers: [{{name: c, image: x}}]}}\n\
             status: {{phase: Running, podIP: 10.50.{high}.{low}, conditions: [{{type: Ready, status: '{}'}}]}}\n",
            if idx % 10 == 0 { "False" } else { "True" }
        ));
    }
    let it = cluster(&text);
    let document = it.store().document(&named("endpoints/api")).expect("it");
    assert_eq!(
        document["metadata"]["annotations"]["endpoints.kubernetes.io/over-capacity"],
        "truncated"
    );
    let subset = &document["subsets"][0];
    assert_eq!(
        subset["addresses"].as_array().map(Vec::len),
        Some(990),
        "all that are ready"
    );
    assert_eq!(
        subset["notReadyAddresses"].as_array().map(Vec::len),
        Some(10)
    );
    assert_eq!(slices(&it, "api").len(), 11);
}

#[test]
fn traffic_distribution_gives_every_ready_endpoint_the_hint_of_its_own_place() {
    for (told, zones, nodes) in [
        ("PreferClose", 1, 0),
        ("PreferSameZone", 1, 0),
        ("PreferSameNode", 1, 1),
    ] {
        let text = service(
            "api",
            &format!("trafficDistribution: {told}, selector: {{app: api}}, ports: [{{port: 80}}]"),
        ) + &pod("a", "app: api", "", true);
        let mut it = cluster(&text);
        let zone = json!({"metadata": {"labels": {"topology.kubernetes.io/zone": "z1"}}});
        for node in ["node-1", "node-2"] {
            patch(&mut it, &format!("node/{node}"), zone.clone());
        }
        pass(&mut it, 1);
        let objects = it.store().objects();
        let slice = objects.slices_of("default", "api").next().expect("a slice");
        let hints = slice.endpoints[0].hints.clone().unwrap_or_default();
        assert_eq!(
            (hints.for_zones.len(), hints.for_nodes.len()),
            (zones, nodes),
            "{told}"
        );
    }
}

#[test]
fn what_a_controller_takes_the_last_of_is_gone_and_slices_count_their_changes() {
    let text = service("api", "selector: {app: api}, ports: [{port: 80}]")
        + &pod("one", "app: api", "", true)
        + &pod("two", "app: api", "", true);
    let mut it = cluster(&text);
    let slice = |it: &Cluster| {
        let (name, ..) = slices(it, "api").remove(0);
        named(&format!("endpointslice/{name}"))
    };
    let objects = [named("endpoints/api"), slice(&it)];
    let generation = |it: &Cluster| {
        let found = it.store().get(&slice(it)).expect("a slice");
        found["metadata"]["generation"].as_u64()
    };
    let before = generation(&it);
    // A pod that goes away has no time at which it turned unready.
    for (pod, n) in [("one", 1), ("two", 2)] {
        delete(&mut it, &format!("pod/{pod}"), Propagation::Background);
        pass(&mut it, 5);
        for object in &objects {
            let kept = it.store().document(object).expect("it is there");
            let annotations = kept["metadata"].get("annotations");
            assert_eq!(annotations, None, "{object} without {n} pods");
        }
    }
    assert!(generation(&it) > before, "{before:?}");
    // What Go always prints is printed, though there is nothing in it.
    let printed = it.store().get(&slice(&it)).expect("a slice");
    assert_eq!(
        (printed.get("endpoints"), printed.get("ports")),
        (Some(&Value::Null), Some(&Value::Null))
    );
    let printed = it.store().get(&objects[0]).expect("Endpoints");
    assert_eq!(printed.get("subsets"), None);
}

#[test]
fn an_object_of_a_manifest_is_printed_as_the_server_prints_it() {
    let text = service("api", "selector: {}, ports: [{port: 80}]") + &pod("one", "", "", true);
    let it = cluster(&text);
    let api = it.store().get(&named("service/api")).expect("a Service");
    assert_eq!(api["status"], json!({"loadBalancer": {}}));
    assert_eq!(api["spec"].get("selector"), None);
    let pod = it.store().get(&named("pod/one")).expect("a pod");
    assert_eq!(pod["spec"]["containers"][0]["resources"], json!({}));
    assert_eq!(pod["metadata"].get("labels"), None);
}
