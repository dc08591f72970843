//! The Service `default/kubernetes` and its endpoints, which API servers keep: what is deleted of them comes back.
//!
//! `pkg/controlplane/controller/kubernetesservice/controller.go` of Kubernetes 1.36, which looks every ten seconds.
//!
//! **Left out**: several API servers, whose addresses come and go; what was changed and not deleted, which the real
//! controller only puts right when its server starts. Where no node says that it is of the control plane, nobody here
//! knows where the servers are, and nothing comes back.

use super::{Controller, Look, Outcome, Purpose, Wake};
use crate::api::{EndpointSlice, Kind, ObjectRef};
use crate::ip::{IpAddr, family, nth};
use crate::sorted::sort;
use crate::store::{Change, ChangeKind, Objects, Write};
use crate::time::Duration;
use serde_json::{Value, json};

const NAMESPACE: &str = "default";
const NAME: &str = "kubernetes";
const CONTROL_PLANE: &str = "node-role.kubernetes.io/control-plane";

/// Where API servers listen, on their nodes.
const PORT: i32 = 6443;

/// How often they look.
const EVERY_MS: u64 = 10_000;

pub(super) const CONTROLLER: Controller = Controller {
    name: "kubernetes-service",
    delay: Duration::from_millis(0),
    watches,
    reconcile,
};

fn watches(change: &Change, _: &Objects) -> Vec<ObjectRef> {
    let object = &change.object;
    let is_kept = matches!(
        object.kind,
        Kind::Service | Kind::Endpoints | Kind::EndpointSlice
    );
    let is_ours = is_kept && object.namespace == NAMESPACE && object.name == NAME;
    if !is_ours || change.kind != ChangeKind::Deleted {
        return Vec::new();
    }
    vec![ObjectRef::new(Kind::Service, NAMESPACE, NAME)]
}

fn reconcile(look: &Look<'_>, about: &ObjectRef) -> Outcome {
    let objects = look.objects;
    let servers = servers(objects);
    let namespace = objects.namespaces.get(NAMESPACE);
    let is_place = namespace.is_some_and(|it| it.metadata.deletion_timestamp.is_none());
    if servers.is_empty() || !is_place {
        return Outcome::nothing();
    }
    let since = look.clock.now.as_millis() % EVERY_MS;
    if since > 0 {
        // Nobody waits for it: it comes back when the servers look the next time.
        return Outcome {
            wake: Some(Wake {
                at: look.clock.now + Duration::from_millis(EVERY_MS - since),
                purpose: Purpose::Routine,
            }),
            ..Outcome::default()
        };
    }
    let rows = [
        (Kind::Service, service(look)),
        (Kind::Endpoints, endpoints(&servers)),
        (Kind::EndpointSlice, slice(&servers)),
    ];
    let missing = rows.into_iter().filter(|(kind, _)| {
        let object = ObjectRef::new(*kind, &about.namespace, &about.name);
        objects.find(&object).is_none()
    });
    let writes = missing.filter_map(|(kind, it)| Some(Write::Document(kind, it?)));
    Outcome::writes(writes.collect())
}

/// The addresses of the API servers, all of the family of the first one.
fn servers(objects: &Objects) -> Vec<IpAddr> {
    let nodes = objects.nodes.values();
    let nodes = nodes.filter(|it| it.metadata.labels.contains_key(CONTROL_PLANE));
    let mut all: Vec<IpAddr> = nodes
        .filter_map(|it| it.internal_ips().first().copied())
        .collect();
    let of = all.first().copied().map(family);
    all.retain(|it| Some(family(*it)) == of);
    sort(&mut all);
    all
}

/// The Service, at the first address of the Services' range.
fn service(look: &Look<'_>) -> Option<Value> {
    let range = *look.store.rules().service_ranges.first()?;
    Some(json!({
        "metadata": {
            "name": NAME,
            "namespace": NAMESPACE,
            "labels": {"component": "apiserver", "provider": "kubernetes"},
        },
        "spec": {
            "clusterIP": nth(range, 1)?.to_string(),
            "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": PORT}],
            "sessionAffinity": "None",
            "type": "ClusterIP",
        },
    }))
}

fn endpoints(servers: &[IpAddr]) -> Option<Value> {
    let addresses: Vec<Value> = servers
        .iter()
        .map(|it| json!({"ip": it.to_string()}))
        .collect();
    Some(json!({
        "metadata": {
            "name": NAME,
            "namespace": NAMESPACE,
            "labels": {"endpointslice.kubernetes.io/skip-mirror": "true"},
        },
        "subsets": [{
            "addresses": addresses,
            "ports": [{"name": "https", "port": PORT, "protocol": "TCP"}],
        }],
    }))
}

fn slice(servers: &[IpAddr]) -> Option<Value> {
    let endpoints: Vec<Value> = servers
        .iter()
        .map(|it| json!({"addresses": [it.to_string()], "conditions": {"ready": true}}))
        .collect();
    Some(json!({
        "metadata": {
            "name": NAME,
            "namespace": NAMESPACE,
            "labels": {EndpointSlice::SERVICE_NAME: NAME},
        },
        "addressType": family(*servers.first()?).to_string(),
        "endpoints": endpoints,
        "ports": [{"name": "https", "port": PORT, "protocol": "TCP"}],
    }))
}
