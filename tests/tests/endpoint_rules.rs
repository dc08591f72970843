//! What a Service finds, row by row: the statements of the tutorial on selectors, readiness, headless Services and
//! endpoints made by hand, and the corners that Kubernetes' controllers have.

use packetwalk_core::sim::Cluster;
use packetwalk_core::store::Propagation;
use packetwalk_tests::cluster::{cluster, delete, endpoints, events, named, pass, patch};
use serde_json::{Value, json};

fn service(name: &str, more: &str, spec: &str) -> String {
    format!(
        "---\napiVersion: v1\nkind: Service\nmetadata: {{name: {name}{more}}}\nspec: {{{spec}}}\n"
    )
}

fn pod(name: &str, spec: &str, status: &str) -> String {
    format!(
        "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, labels: {{app: api}}}}\nspec: {{containers: [{{name: c, image: x}}]{spec}}}\nstatus: {{{status}}}\n"
    )
}

const API: &str = "selector: {app: api}, ports: [{port: 80, targetPort: 8080}]";

fn running(ip: &str) -> String {
    format!(
        "phase: Running, podIP: {ip}, podIPs: [{{ip: {ip}}}], conditions: [{{type: Ready, status: 'True'}}]"
    )
}

/// The slices of a Service as text: a line a slice, whoever made it.
fn slices(cluster: &Cluster, service: &str) -> Vec<String> {
    let objects = cluster.store().objects();
    let mut lines: Vec<String> = objects
        .slices_of("default", service)
        .map(|it| {
            let ports: Vec<String> = it
                .ports
                .iter()
                .map(|it| {
                    format!(
                        "{}:{}/{}",
                        it.name.clone().unwrap_or_default(),
                        it.port.unwrap_or_default(),
                        it.protocol.clone().unwrap_or_default()
                    )
                })
                .collect();
            let all: Vec<String> = it
                .endpoints
                .iter()
                .map(|it| it.addresses.join(","))
                .collect();
            format!(
                "{} [{}] {}",
                it.address_type,
                ports.join(" "),
                all.join(" ")
            )
        })
        .collect();
    lines.sort();
    lines
}

fn document(cluster: &Cluster, object: &str) -> Value {
    let document = cluster.store().document(&named(object));
    document.map_or(Value::Null, |it| Value::clone(it))
}

fn slice_document(cluster: &Cluster, service: &str) -> Value {
    let objects = cluster.store().objects();
    let slice = objects
        .slices_of("default", service)
        .next()
        .expect("a slice");
    document(
        cluster,
        &format!("endpointslice/default/{}", slice.metadata.name),
    )
}

#[test]
fn the_tutorials_service_has_the_tutorials_endpoints() {
    let text = service("api", "", API)
        + &pod("api-1", ", nodeName: node-1", &running("10.244.1.5"))
        + &pod("api-2", ", nodeName: node-2", &running("10.244.2.3"));
    let it = cluster(&text);
    assert_eq!(
        endpoints(&it, "api"),
        ["10.244.1.5:8080", "10.244.2.3:8080"]
    );
    let subsets = document(&it, "endpoints/api")["subsets"].clone();
    let ips: Vec<&str> = subsets[0]["addresses"]
        .as_array()
        .expect("addresses")
        .iter()
        .filter_map(|it| it["ip"].as_str())
        .collect();
    assert_eq!(
        ips,
        ["10.244.1.5", "10.244.2.3"],
        "kubectl get endpoints api"
    );
    assert_eq!(
        subsets[0]["ports"],
        json!([{"port": 8080, "protocol": "TCP"}])
    );
}

#[test]
fn what_makes_a_pod_an_endpoint() {
    for (why, spec, status, expected) in [
        (
            "it runs and is ready",
            "",
            running("10.244.1.9"),
            vec!["10.244.1.9:8080"],
        ),
        (
            "it runs and is not ready",
            "",
            running("10.244.1.9").replace("True", "False"),
            vec!["10.244.1.9:8080 unready"],
        ),
        (
            "it has no address yet",
            ", nodeName: node-1",
            "phase: Pending".into(),
            vec![],
        ),
        (
            "it ran to its end",
            "",
            running("10.244.1.9").replace("Running", "Succeeded"),
            vec![],
        ),
        (
            "it failed",
            "",
            running("10.244.1.9").replace("Running", "Failed"),
            vec![],
        ),
        (
            "its node is gone",
            ", nodeName: nowhere",
            running("10.244.1.9"),
            vec![],
        ),
    ] {
        let spec = if spec.is_empty() {
            ", nodeName: node-1"
        } else {
            spec
        };
        let it = cluster(&(service("api", "", API) + &pod("p", spec, &status)));
        let found = endpoints(&it, "api");
        if why.contains("address") {
            // It gets one while the cluster comes to rest.
            assert_eq!(found.len(), 1, "{why}");
        } else {
            assert_eq!(found, expected, "{why}");
        }
    }
}

#[test]
fn a_pod_whose_node_is_gone_is_published_where_all_are() {
    let all = format!("publishNotReadyAddresses: true, {API}");
    let text = service("api", "", &all)
        + &pod(
            "p",
            ", nodeName: nowhere",
            &running("10.244.1.9").replace("True", "False"),
        );
    assert_eq!(endpoints(&cluster(&text), "api"), ["10.244.1.9:8080"]);
}

#[test]
fn an_endpoint_that_goes_serves_to_its_end() {
    let text = service("api", "", API)
        + &pod(
            "p",
            ", nodeName: node-1, terminationGracePeriodSeconds: 30",
            &running("10.244.1.9"),
        );
    let mut it = cluster(&text);
    delete(&mut it, "pod/p", Propagation::Background);
    let to = it.clock().now + packetwalk_core::time::Duration::from_millis(190);
    it.advance(to);
    assert_eq!(
        endpoints(&it, "api"),
        ["10.244.1.9:8080 unready terminating serving"]
    );
    assert_eq!(
        document(&it, "endpoints/api")["subsets"],
        Value::Null,
        "Endpoints forget it at once"
    );
    pass(&mut it, 40);
    assert_eq!(slices(&it, "api"), ["IPv4 [] "], "a placeholder stays");
}

#[test]
fn what_a_slice_says_about_itself() {
    let labels = ", labels: {team: a, service.kubernetes.io/headless: x, endpointslice.kubernetes.io/managed-by: me}";
    let text =
        service("api", labels, API) + &pod("p", ", nodeName: node-1", &running("10.244.1.9"));
    let mut it = cluster(&text);
    let slice = slice_document(&it, "api");
    assert_eq!(
        slice["metadata"]["labels"],
        json!({
            "team": "a",
            "kubernetes.io/service-name": "api",
            "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
        })
    );
    let owner = &slice["metadata"]["ownerReferences"][0];
    assert_eq!(
        (&owner["kind"], &owner["name"]),
        (&json!("Service"), &json!("api"))
    );
    assert_eq!(
        owner["uid"],
        document(&it, "service/api")["metadata"]["uid"]
    );
    let name = slice["metadata"]["name"]
        .as_str()
        .expect("a name")
        .to_owned();
    assert!(
        name.starts_with("api-") && name.len() == "api-".len() + 5,
        "{name}"
    );
    let endpoint = &slice["endpoints"][0];
    assert_eq!(endpoint["nodeName"], "node-1");
    assert_eq!(endpoint["targetRef"]["name"], "p");
    // New labels of the Service change the slice, not its name.
    patch(
        &mut it,
        "service/api",
        json!({"metadata": {"labels": {"team": "b"}}}),
    );
    pass(&mut it, 1);
    let slice = slice_document(&it, "api");
    assert_eq!(slice["metadata"]["labels"]["team"], "b");
    assert_eq!(slice["metadata"]["name"], name.as_str());
}

#[test]
fn endpoints_say_who_manages_them_from_1_33_on() {
    for (minor, expected) in [
        (32, Value::Null),
        (33, json!("endpoint-controller")),
        (36, json!("endpoint-controller")),
    ] {
        let version = format!(
            "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nkubernetesVersion: v1.{minor}.0\n"
        );
        let it = cluster(&(version + &service("api", "", API)));
        let labels = document(&it, "endpoints/api")["metadata"]["labels"].clone();
        assert_eq!(
            labels["endpoints.kubernetes.io/managed-by"], expected,
            "1.{minor}"
        );
        let headless = cluster(&service("api", "", &format!("clusterIP: None, {API}")));
        let labels = document(&headless, "endpoints/api")["metadata"]["labels"].clone();
        assert_eq!(labels["service.kubernetes.io/headless"], "");
    }
}

#[test]
fn a_service_that_loses_its_selector_keeps_its_slices_and_one_with_a_name_outside_has_none() {
    let text = service("api", "", API)
        + &service(
            "out",
            "",
            "type: ExternalName, externalName: db.example.com",
        )
        + &pod("p", ", nodeName: node-1", &running("10.244.1.9"));
    let mut it = cluster(&text);
    assert_eq!(slices(&it, "out"), Vec::<String>::new());
    assert_eq!(document(&it, "endpoints/out"), Value::Null);
    patch(&mut it, "service/api", json!({"spec": {"selector": null}}));
    pass(&mut it, 2);
    delete(&mut it, "pod/p", Propagation::Background);
    pass(&mut it, 40);
    // The controller no longer looks; the Endpoints controller's last word is mirrored besides.
    assert!(
        slices(&it, "api").contains(&"IPv4 [:8080/TCP] 10.244.1.9".to_owned()),
        "{:?}",
        slices(&it, "api")
    );
}

#[test]
fn slices_made_by_hand_are_kept_beside_the_controllers() {
    let by_hand = |name: &str, kind: &str, address: &str| {
        format!(
            "---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {{name: {name}, labels: {{kubernetes.io/service-name: api}}}}\n\
             addressType: {kind}\nendpoints: [{{addresses: ['{address}']}}]\nports: [{{port: 9000, name: '', protocol: TCP}}]\n"
        )
    };
    let text = service("api", "", API)
        + &by_hand("mine", "IPv4", "192.0.2.7")
        + &by_hand("named", "FQDN", "db.example.com")
        + &pod("p", ", nodeName: node-1", &running("10.244.1.9"));
    let mut it = cluster(&text);
    let expected = [
        "FQDN [:9000/TCP] db.example.com",
        "IPv4 [:8080/TCP] 10.244.1.9",
        "IPv4 [:9000/TCP] 192.0.2.7",
    ];
    assert_eq!(slices(&it, "api"), expected);
    delete(&mut it, "pod/p", Propagation::Background);
    pass(&mut it, 40);
    assert_eq!(slices(&it, "api").len(), 3, "a placeholder beside them");
}

#[test]
fn a_dual_stack_service_has_a_slice_a_family_and_its_endpoints_the_first() {
    let spec = format!(
        "ipFamilyPolicy: RequireDualStack, ipFamilies: [IPv4, IPv6], clusterIPs: [10.96.1.1, 'fd00:10:96::1'], {API}"
    );
    let status = "phase: Running, podIP: 10.244.1.9, podIPs: [{ip: 10.244.1.9}, {ip: 'fd00:10:244:1::9'}], conditions: [{type: Ready, status: 'True'}]";
    let it = cluster(&(service("api", "", &spec) + &pod("p", ", nodeName: node-1", status)));
    assert_eq!(
        slices(&it, "api"),
        [
            "IPv4 [:8080/TCP] 10.244.1.9",
            "IPv6 [:8080/TCP] fd00:10:244:1::9"
        ]
    );
    let subsets = document(&it, "endpoints/api")["subsets"].clone();
    assert_eq!(subsets[0]["addresses"].as_array().map(Vec::len), Some(1));
    assert_eq!(subsets[0]["addresses"][0]["ip"], "10.244.1.9");
}

#[test]
fn mirrors_take_labels_and_annotations_along_and_say_what_they_skip() {
    let mut addresses: Vec<Value> = (0..1001)
        .map(|it| json!({"ip": format!("10.{}.{}.1", it / 250, it % 250)}))
        .collect();
    addresses.insert(0, json!({"ip": "no address"}));
    let text = service("db", "", "ports: [{port: 5432}]")
        + &format!(
            "---\n{}\n",
            json!({
                "apiVersion": "v1",
                "kind": "Endpoints",
                "metadata": {
                    "name": "db",
                    "labels": {"team": "a"},
                    "annotations": {
                        "note": "x",
                        "kubectl.kubernetes.io/last-applied-configuration": "{}",
                        "endpoints.kubernetes.io/last-change-trigger-time": "2025-01-01T00:00:00Z",
                    },
                },
                "subsets": [
                    {"addresses": addresses, "ports": [{"port": 5432}]},
                    {"addresses": [{"ip": "192.0.2.1"}], "ports": [{"port": 5433}]},
                    {"notReadyAddresses": [{"ip": "192.0.2.2"}], "ports": [{"port": 5433}]},
                ],
            })
        );
    let mut it = cluster(&text);
    let sizes: Vec<usize> = it
        .store()
        .objects()
        .slices_of("default", "db")
        .map(|it| it.endpoints.len())
        .collect();
    let mut sorted = sizes;
    sorted.sort_unstable();
    assert_eq!(sorted, [2, 1000], "subsets of the same ports are one slice");
    let slice = slice_document(&it, "db");
    assert_eq!(slice["metadata"]["annotations"], json!({"note": "x"}));
    assert_eq!(slice["metadata"]["labels"]["team"], "a");
    assert_eq!(slice["metadata"]["ownerReferences"][0]["kind"], "Endpoints");
    let told = events(&it, "db");
    for expected in [
        "InvalidIPAddress: Skipped 1 invalid IP addresses when mirroring to EndpointSlices",
        "TooManyAddressesToMirror: A max of 1000 addresses can be mirrored to EndpointSlices per Endpoints subset. 2 addresses were skipped",
    ] {
        assert!(told.iter().any(|it| it.ends_with(expected)), "{told:?}");
    }
    delete(&mut it, "endpoints/db", Propagation::Background);
    pass(&mut it, 2);
    assert_eq!(slices(&it, "db"), Vec::<String>::new());
}

#[test]
fn a_selector_given_later_takes_over_from_endpoints_made_by_hand() {
    let text = service("db", "", "ports: [{port: 80, targetPort: 8080}]")
        + "---\napiVersion: v1\nkind: Endpoints\nmetadata: {name: db}\nsubsets: [{addresses: [{ip: 192.0.2.1}], ports: [{port: 80}]}]\n"
        + &pod("p", ", nodeName: node-1", &running("10.244.1.9"));
    let mut it = cluster(&text);
    assert_eq!(endpoints(&it, "db"), ["192.0.2.1:80"]);
    patch(
        &mut it,
        "service/db",
        json!({"spec": {"selector": {"app": "api"}}}),
    );
    pass(&mut it, 2);
    assert_eq!(endpoints(&it, "db"), ["10.244.1.9:8080"]);
}

/// Nodes in three zones, of which one has half of the processors.
fn zones() -> String {
    let mut text =
        String::from("---\napiVersion: v1\nkind: Namespace\nmetadata: {name: default}\n");
    for (idx, cpu) in [(1, "4"), (2, "2000m"), (3, "2")] {
        text.push_str(&format!(
            "---\napiVersion: v1\nkind: Node\nmetadata: {{name: n{idx}, labels: {{topology.kubernetes.io/zone: z{idx}}}}}\nspec: {{podCIDR: 10.244.{idx}.0/24}}\n\
             status: {{allocatable: {{cpu: '{cpu}'}}, conditions: [{{type: Ready, status: 'True'}}], addresses: [{{type: InternalIP, address: 172.18.0.{idx}}}]}}\n"
        ));
    }
    text
}

fn hints(cluster: &Cluster) -> Vec<String> {
    let objects = cluster.store().objects();
    let slices = objects.slices_of("default", "api");
    let mut all: Vec<String> = slices
        .flat_map(|it| &it.endpoints)
        .map(|it| {
            let hints = it.hints.clone().unwrap_or_default();
            let hint = hints.for_zones.first().map_or("-", |it| it.name.as_str());
            format!("{}>{hint}", it.zone.clone().unwrap_or_default())
        })
        .collect();
    all.sort();
    all
}

#[test]
fn topology_mode_auto_gives_zones_endpoints_by_their_processors() {
    let auto = ", annotations: {service.kubernetes.io/topology-mode: Auto}";
    let mut text = zones() + &service("api", auto, API);
    for idx in 0..8 {
        let node = if idx < 4 { "n2" } else { "n3" };
        let ip = format!("10.244.{}.{}", &node[1..], idx + 10);
        text.push_str(&pod(
            &format!("p{idx}"),
            &format!(", nodeName: {node}"),
            &running(&ip),
        ));
    }
    let mut it = cluster(&text);
    assert_eq!(
        hints(&it),
        [
            "z2>z1", "z2>z1", "z2>z2", "z2>z2", "z3>z1", "z3>z1", "z3>z3", "z3>z3"
        ]
    );
    let told = events(&it, "api");
    let enabled =
        "TopologyAwareHintsEnabled: Topology Aware Hints has been enabled, addressType: IPv4";
    assert!(told.iter().any(|it| it.ends_with(enabled)), "{told:?}");
    // Six pods are gone: two are too few for three zones.
    for idx in 0..6 {
        delete(&mut it, &format!("pod/p{idx}"), Propagation::Background);
    }
    pass(&mut it, 40);
    assert_eq!(hints(&it), ["z3>-", "z3>-"]);
    let why = "Insufficient number of endpoints (2 endpoints, 3 zones), addressType: IPv4";
    let told = events(&it, "api");
    assert!(told.iter().any(|it| it.ends_with(why)), "{told:?}");
}

#[test]
fn the_api_servers_own_service_has_endpoints_that_are_not_mirrored() {
    let it = cluster("");
    assert_eq!(endpoints(&it, "kubernetes"), ["172.18.0.2:6443"]);
    let subsets = document(&it, "endpoints/kubernetes")["subsets"].clone();
    assert_eq!(subsets[0]["addresses"][0]["ip"], "172.18.0.2");
    assert_eq!(slices(&it, "kubernetes").len(), 1);
}
