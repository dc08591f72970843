//! What a cluster gives every node and every namespace: a kubelet's report, a lease, an account, a certificate.
//!
//! `pkg/kubelet/nodestatus`, `staging/src/k8s.io/component-helpers/apimachinery/lease`,
//! `pkg/controller/serviceaccount/serviceaccounts_controller.go` and `pkg/controller/certificates/rootcacertpublisher`
//! of Kubernetes 1.36. What a node says of itself already is left as it is.
//!
//! **Left out**: a lease is written when its node is new and when it falls silent or comes back, not every ten seconds:
//! a cluster at rest writes nothing. A lease that is older than that is a healthy node's, which has renewed it since.
//! Machines are all alike: 4 processors, 8 GiB. The certificate is none.

use super::owner::owned_by;
use super::{Controller, Look, Outcome};
use crate::api::{Kind, Node, Object, ObjectRef};
use crate::store::{Change, ChangeKind, Objects, Part, Write};
use crate::time::{Clock, Duration, Instant};
use serde_json::{Map, Value, json};

const LEASES: &str = "kube-node-lease";

/// How often a kubelet renews its lease.
const RENEW_EVERY_MS: u64 = 10_000;

/// The conditions of a node beside Ready, with what a kubelet says of each while all is well.
pub(super) const PRESSURES: [(&str, &str, &str); 3] = [
    (
        "MemoryPressure",
        "KubeletHasSufficientMemory",
        "kubelet has sufficient memory available",
    ),
    (
        "DiskPressure",
        "KubeletHasNoDiskPressure",
        "kubelet has no disk pressure",
    ),
    (
        "PIDPressure",
        "KubeletHasSufficientPID",
        "kubelet has sufficient PID available",
    ),
];

/// A kubelet's report on its node, and its lease.
pub(super) const NODES: Controller = Controller {
    name: "kubelet-node-status",
    delay: Duration::from_millis(10),
    watches: watch_nodes,
    reconcile: reconcile_node,
};

/// What is in every namespace.
pub(super) const NAMESPACES: Controller = Controller {
    name: "namespace-furnishings",
    delay: Duration::from_millis(20),
    watches: watch_namespaces,
    reconcile: reconcile_namespace,
};

fn watch_nodes(change: &Change, _: &Objects) -> Vec<ObjectRef> {
    match change.object.kind {
        Kind::Node => vec![change.object.clone()],
        Kind::Lease if change.object.namespace == LEASES && change.kind == ChangeKind::Deleted => {
            vec![ObjectRef::new(Kind::Node, "", &change.object.name)]
        }
        _ => Vec::new(),
    }
}

fn reconcile_node(look: &Look<'_>, about: &ObjectRef) -> Outcome {
    let Some(Object::Node(node)) = look.objects.find(about) else {
        return Outcome::nothing();
    };
    let Some(document) = look.store.document(about) else {
        return Outcome::nothing();
    };
    let is_down = look.machines.nodes_down.contains_key(&about.name);
    let mut writes = Vec::new();
    if !is_down {
        writes.extend(labels(about, &node));
        writes.extend(report(look, about, document));
    }
    writes.extend(lease(look, &node));
    Outcome::writes(writes)
}

/// The labels a kubelet gives its node.
fn labels(about: &ObjectRef, node: &Node) -> Option<Write> {
    let rows = [
        ("beta.kubernetes.io/arch", "amd64"),
        ("beta.kubernetes.io/os", "linux"),
        ("kubernetes.io/arch", "amd64"),
        ("kubernetes.io/hostname", about.name.as_str()),
        ("kubernetes.io/os", "linux"),
    ];
    let known = &node.metadata.labels;
    let missing = rows.iter().filter(|it| !known.contains_key(it.0));
    let missing: Map<String, Value> = missing.map(|it| (it.0.to_owned(), it.1.into())).collect();
    (!missing.is_empty())
        .then(|| patch(about, Part::Main, json!({"metadata": {"labels": missing}})))
}

/// What a kubelet says of its machine; only what nobody has said yet.
fn report(look: &Look<'_>, about: &ObjectRef, document: &Value) -> Option<Write> {
    let told = look.objects.cluster.kubernetes_version.as_deref();
    let version = match told.map(|it| it.trim_start_matches('v')) {
        Some(it) if it.split('.').count() > 2 => format!("v{it}"),
        _ => format!("v{}.0", look.objects.cluster.version()),
    };
    let resources = json!({
        "cpu": "4",
        "ephemeral-storage": "100Gi",
        "memory": "8Gi",
        "pods": "110",
    });
    let mut info = json!({
        "machineID": "00000000000000000000000000000000",
        "systemUUID": "00000000000000000000000000000000",
        "bootID": "00000000000000000000000000000000",
        "kernelVersion": "6.1.0-sim",
        "osImage": "Service Simulator",
        "containerRuntimeVersion": "sim://1.0",
        "kubeletVersion": version,
        "operatingSystem": "linux",
        "architecture": "amd64",
    });
    if look.objects.cluster.version().minor < 33 {
        // Nobody believed it, so it is gone.
        info["kubeProxyVersion"] = info["kubeletVersion"].clone();
    }
    let rows = [
        ("capacity", resources.clone()),
        ("allocatable", resources),
        ("nodeInfo", info),
        (
            "daemonEndpoints",
            json!({"kubeletEndpoint": {"Port": 10250}}),
        ),
        (
            "conditions",
            conditions(look.clock, &document["status"]["conditions"]),
        ),
    ];
    let mut status = Map::new();
    for (name, value) in rows {
        let known = &document["status"][name];
        if known.is_null() || name == "conditions" && *known != value {
            status.insert(name.to_owned(), value);
        }
    }
    (!status.is_empty()).then(|| patch(about, Part::Status, json!({ "status": status })))
}

/// The conditions beside Ready, before those there are.
fn conditions(clock: Clock, known: &Value) -> Value {
    let known = known.as_array().cloned().unwrap_or_default();
    let has = |kind: &str| known.iter().any(|it| it["type"] == kind);
    let missing = PRESSURES.iter().filter(|it| !has(it.0));
    let mut all: Vec<Value> = missing
        .map(|(kind, reason, message)| {
            json!({
                "type": kind,
                "status": "False",
                "reason": reason,
                "message": message,
                "lastHeartbeatTime": clock.stamp(),
                "lastTransitionTime": clock.stamp(),
            })
        })
        .collect();
    all.extend(known);
    all.into()
}

/// A node's lease: made when it is new, and renewed for the last time before it falls silent.
fn lease(look: &Look<'_>, node: &Node) -> Option<Write> {
    let name = &node.metadata.name;
    let namespace = look.objects.namespaces.get(LEASES)?;
    if namespace.metadata.deletion_timestamp.is_some() || node.metadata.deletion_timestamp.is_some()
    {
        return None;
    }
    let about = ObjectRef::new(Kind::Lease, LEASES, name);
    let down = look.machines.nodes_down.get(name);
    let Some(Object::Lease(lease)) = look.objects.find(&about) else {
        let owner = owned_by(&Object::from(node.clone()));
        let document = json!({
            "metadata": {"name": name, "namespace": LEASES, "ownerReferences": [owner?]},
            "spec": {
                "holderIdentity": name,
                "leaseDurationSeconds": 40,
                "renewTime": look.clock.micro_stamp(),
            },
        });
        return down
            .is_none()
            .then_some(Write::Document(Kind::Lease, document));
    };
    let told = lease.spec.renew_time.as_deref()?;
    let first = look.clock.instant_of(told)?;
    let until = match down {
        // The last renewal before it went.
        Some(down) => *down,
        // It has come back: the silence is over with a renewal.
        None if !node.is_ready() => look.clock.now,
        None => return None,
    };
    let rounds = until.as_millis().saturating_sub(first.as_millis()) / RENEW_EVERY_MS;
    let renewed = first + Duration::from_millis(rounds * RENEW_EVERY_MS);
    let renewed = if down.is_none() {
        look.clock.now
    } else {
        renewed
    };
    if renewed <= first {
        return None;
    }
    let stamp = stamp(look.clock, renewed);
    Some(patch(
        &about,
        Part::Main,
        json!({"spec": {"renewTime": stamp}}),
    ))
}

fn stamp(clock: Clock, at: Instant) -> String {
    Clock { now: at, ..clock }.micro_stamp()
}

fn watch_namespaces(change: &Change, _: &Objects) -> Vec<ObjectRef> {
    let namespace = match (change.object.kind, change.kind) {
        (Kind::Namespace, ChangeKind::Added) => &change.object.name,
        (Kind::ServiceAccount | Kind::ConfigMap, ChangeKind::Deleted) => &change.object.namespace,
        _ => return Vec::new(),
    };
    vec![ObjectRef::new(Kind::Namespace, "", namespace)]
}

fn reconcile_namespace(look: &Look<'_>, about: &ObjectRef) -> Outcome {
    let Some(Object::Namespace(namespace)) = look.objects.find(about) else {
        return Outcome::nothing();
    };
    if namespace.metadata.deletion_timestamp.is_some() {
        return Outcome::nothing();
    }
    let here = |name: &str| (about.name.clone(), name.to_owned());
    let mut writes = Vec::new();
    if !look.objects.service_accounts.contains_key(&here("default")) {
        let document = json!({"metadata": {"name": "default", "namespace": about.name}});
        writes.push(Write::Document(Kind::ServiceAccount, document));
    }
    if !look
        .objects
        .config_maps
        .contains_key(&here("kube-root-ca.crt"))
    {
        let document = json!({
            "metadata": {
                "name": "kube-root-ca.crt",
                "namespace": about.name,
                "annotations": {"kubernetes.io/description": ROOT_CA},
            },
            "data": {"ca.crt": CERTIFICATE},
        });
        writes.push(Write::Document(Kind::ConfigMap, document));
    }
    Outcome::writes(writes)
}

const ROOT_CA: &str = "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.";

/// It stands where a certificate stands, and says that it is none.
const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\ncGFja2V0d2Fsazogbm8gY2VydGlmaWNhdGUsIGZvciBub2JvZHkgY2hlY2tzIG9u\nZQ==\n-----END CERTIFICATE-----\n";

fn patch(object: &ObjectRef, part: Part, patch: Value) -> Write {
    Write::Patch {
        object: object.clone(),
        part,
        patch,
    }
}
