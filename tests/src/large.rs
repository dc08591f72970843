//! Large worlds for measurements: thousands of Services on one node, as kube-proxy knows them; and manifests of many Services,
//! and of many pods.
//!
//! **Left out**: everything that makes Services different from each other.

use packetwalk_core::api::{ClusterConfiguration, EndpointSlice, Service};
use packetwalk_core::ip::Family;
use packetwalk_core::proxy::{Form, NodeFacts, Settings, Snapshot};
use serde_json::json;
use std::sync::Arc;

/// `n_services` Services, the one with number `idx` with `n_endpoints(idx)` endpoints.
///
/// # Panics
/// Never: its objects can be read.
#[must_use]
pub fn snapshot(n_services: usize, n_endpoints: impl Fn(usize) -> usize) -> Snapshot {
    let mut services = Vec::new();
    let mut endpoint_slices = Vec::new();
    let mut n_pods = 0;
    for idx in 0..n_services {
        let name = format!("s{idx:05}");
        let service: Service = serde_json::from_value(json!({
            "metadata": {"name": name, "namespace": "default"},
            "spec": {
                "clusterIP": format!("10.{}.{}.{}", 96 + idx / 62_500, idx / 250 % 250, idx % 250 + 1),
                "ports": [{"name": "http", "port": 80, "protocol": "TCP"}],
            },
        }))
        .expect("a Service");
        services.push(Arc::new(service));
        let endpoints: Vec<_> = (0..n_endpoints(idx))
            .map(|_| {
                n_pods += 1;
                let address = format!(
                    "10.{}.{}.{}",
                    128 + n_pods / 62_500,
                    n_pods / 250 % 250,
                    n_pods % 250 + 1
                );
                json!({"addresses": [address], "conditions": {"ready": true}, "nodeName": "node-1"})
            })
            .collect();
        endpoint_slices.push(Arc::new(slice(&name, &json!(endpoints))));
    }
    let settings = Settings::read(&ClusterConfiguration::default(), None, Family::V4, &[]);
    Snapshot {
        family: Family::V4,
        node: NodeFacts {
            name: "node-1".into(),
            primary_ips: vec![crate::one_node::ip("172.18.0.3")],
            all_ips: vec![crate::one_node::ip("172.18.0.3")],
            zone: None,
        },
        services,
        endpoint_slices,
        settings: Settings {
            form: Form::G3,
            ..settings
        },
    }
}

/// The slice of a Service of such a world, with these endpoints.
///
/// # Panics
/// If they are none.
#[must_use]
pub fn slice(service: &str, endpoints: &serde_json::Value) -> EndpointSlice {
    serde_json::from_value(json!({
        "metadata": {
            "name": format!("{service}-1"), "namespace": "default",
            "labels": {"kubernetes.io/service-name": service},
        },
        "addressType": "IPv4",
        "endpoints": endpoints,
        "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
    }))
    .expect("a slice")
}

/// Manifests of `n` Services with three endpoints each, as slices, to follow others.
#[must_use]
pub fn services_text(n: usize) -> String {
    let mut text = String::new();
    for idx in 0..n {
        let (high, low) = (idx / 250, idx % 250);
        text.push_str(&format!(
            "---\napiVersion: v1\nkind: Service\nmetadata: {{name: s{idx}}}\nspec: {{clusterIP: 10.100.{high}.{low}, ports: [{{port: 80}}]}}\n\
             ---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {{name: s{idx}-1, labels: {{kubernetes.io/service-name: s{idx}}}}}\n\
             addressType: IPv4\nendpoints: [{{addresses: [10.244.1.{low}]}}, {{addresses: [10.244.2.{low}]}}, {{addresses: [10.244.0.{low}]}}]\n\
             ports: [{{name: '', port: 8080, protocol: TCP}}]\n"
        ));
    }
    text
}

/// Twenty nodes with two hundred pods, three of which are not ready, and a Service over them.
#[must_use]
pub fn twenty_nodes_text() -> String {
    let mut text = String::new();
    for node in 1..=20 {
        text += &format!(
            "apiVersion: v1\nkind: Node\nmetadata: {{name: node-{node:02}}}\nspec: {{podCIDR: 10.244.{node}.0/24}}\nstatus: {{addresses: [{{type: InternalIP, address: 192.168.0.{node}}}]}}\n---\n"
        );
    }
    for pod in 0..200 {
        let (node, host) = (pod % 20 + 1, pod / 20 + 10);
        let (name, port) = match pod {
            0 => ("client".to_owned(), String::new()),
            _ => (
                format!("api-7d4b9c6f5d-x{pod:03}"),
                ", ports: [{containerPort: 8080}]".to_owned(),
            ),
        };
        let ready = if [7, 33, 150].contains(&pod) {
            "False"
        } else {
            "True"
        };
        text += &format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, labels: {{app: api{}}}}}\nspec: {{nodeName: node-{node:02}, containers: [{{name: c, image: x{port}}}]}}\nstatus: {{phase: Running, podIP: 10.244.{node}.{host}, conditions: [{{type: Ready, status: \"{ready}\"}}]}}\n---\n",
            if pod == 0 { "-client" } else { "" }
        );
    }
    text + "apiVersion: v1\nkind: Service\nmetadata: {name: api}\nspec: {clusterIP: 10.96.0.10, selector: {app: api}, ports: [{port: 80, targetPort: 8080}]}\n"
}
