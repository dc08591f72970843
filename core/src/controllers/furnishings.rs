//! What a cluster gives every node and every namespace: a kubelet's report, a lease, an account, a certificate.
//!
//! `pkg/kubelet/nodestatus`, `pkg/controller/serviceaccount/serviceaccounts_controller.go` and
//! `pkg/controller/certificates/rootcacertpublisher` of Kubernetes 1.36. What a node says of itself already is left as
//! it is.
//!
//! **Left out**: machines are all alike: 4 processors, 8 GiB. The certificate is none.

use super::heartbeat::{self, LEASES};
use super::{Controller, Look, Outcome, Purpose, Wake};
use crate::api::{Kind, Node, Object, ObjectRef};
use crate::store::{Change, ChangeKind, Objects, Part, Write};
use crate::time::{Clock, Duration};
use serde_json::{Map, Value, json};

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
    if look.machines.nodes_down.contains_key(&about.name) {
        return Outcome::nothing();
    }
    let mut writes = Vec::new();
    writes.extend(labels(about, &node));
    let (renewal, renews_at) = heartbeat::lease(look, &node);
    let first = report(look, about, document);
    let (again, reports_at) = match first {
        Some(_) => (None, None),
        None => heartbeat::report(look, about, document),
    };
    writes.extend([renewal, first, again].into_iter().flatten());
    Outcome {
        writes,
        wake: [renews_at, reports_at]
            .into_iter()
            .flatten()
            .min()
            .map(|at| Wake {
                at,
                purpose: Purpose::Routine,
            }),
        remember: None,
    }
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
