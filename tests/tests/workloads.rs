//! Pods in time: made, placed, started, probed, replaced and ended.

use packetwalk_core::controllers::{ContainerFault, Fault};
use packetwalk_core::sim::Cluster;
use packetwalk_core::store::Propagation;
use packetwalk_core::time::Instant;
use packetwalk_tests::cluster::{cluster, delete, endpoints, events, pass, patch, pods};
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

#[test]
fn explore() {
    let mut it = cluster(API);
    println!("{:?} {:#?}", it.clock(), pods(&it, "default"));
    println!("{:#?}", endpoints(&it, "api"));
    println!("{:#?}", events(&it, "api"));
    patch(
        &mut it,
        "deployment/api",
        json!({"spec": {"template": {"spec": {"containers": [{"name": "api", "image": "example/api:2", "ports": [{"name": "http", "containerPort": 8080}]}]}}}}),
    );
    for _ in 0..10 {
        pass(&mut it, 1);
        println!("{:#?} {:#?}", pods(&it, "default"), endpoints(&it, "api"));
    }
    println!("{:#?}", events(&it, "api"));
    let _ = (
        ContainerFault::Fails,
        Fault::NodeDown("x".into()),
        Instant::START,
        Propagation::Background,
        delete as fn(&mut Cluster, &str, Propagation),
    );
}
