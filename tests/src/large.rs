//! Large worlds for measurements: thousands of Services on one node, as kube-proxy knows them.
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
