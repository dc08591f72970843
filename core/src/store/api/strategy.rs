//! What differs from kind to kind: subresources, what a new object starts with, what a change may not touch.
//!
//! The strategies in `pkg/registry/*/*/strategy.go` of Kubernetes 1.36; for pods also the admission plugins
//! `ServiceAccount`, `DefaultTolerationSeconds` and `Priority`.
//!
//! **Left out**: priority classes; accounts that do not exist, or say that their token is not to be mounted.

use super::request::Subresource;
use crate::api::{Kind, ObjectRef, document};
use serde_json::{Map, Value, json};

/// Whether a kind has a subresource.
pub(super) const fn offers(kind: Kind, part: Subresource) -> bool {
    match part {
        Subresource::Main => true,
        Subresource::Status => has_status(kind),
        Subresource::Scale => {
            matches!(
                kind,
                Kind::Deployment | Kind::ReplicaSet | Kind::StatefulSet
            )
        }
        Subresource::Eviction | Subresource::Binding => matches!(kind, Kind::Pod),
    }
}

const fn has_status(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Namespace
            | Kind::Node
            | Kind::Pod
            | Kind::Service
            | Kind::Deployment
            | Kind::ReplicaSet
            | Kind::StatefulSet
            | Kind::Ingress
            | Kind::ServiceCidr
    )
}

/// Whether an update of what is not there makes it.
pub(super) const fn is_made_by_update(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Service | Kind::Endpoints | Kind::Event | Kind::Lease
    )
}

/// What a new object starts with.
pub(super) fn prepare_new(kind: Kind, document: &mut Value) {
    match kind {
        Kind::Namespace => {
            document["spec"] = json!({"finalizers": ["kubernetes"]});
            document["status"] = json!({"phase": "Active"});
        }
        Kind::Pod => admit_pod(document),
        Kind::Node => {}
        _ if has_status(kind) => document["status"] = json!({}),
        _ => {}
    }
}

/// What a new pod is given beside its defaults.
pub(in crate::store) fn admit_pod(pod: &mut Value) {
    let class = document::qos_class(&pod["spec"]);
    let seed = format!(
        "{} {}",
        pod["metadata"]["namespace"], pod["metadata"]["name"]
    );
    pod["status"] = json!({"phase": "Pending", "qosClass": class});
    let Some(spec) = pod.get_mut("spec").and_then(Value::as_object_mut) else {
        return;
    };
    let account = spec
        .entry("serviceAccountName")
        .or_insert_with(|| "default".into())
        .clone();
    spec.entry("serviceAccount").or_insert(account);
    spec.entry("priority").or_insert_with(|| 0.into());
    spec.entry("preemptionPolicy")
        .or_insert_with(|| "PreemptLowerPriority".into());
    mount_token(&seed, spec);
    let tolerations = spec.entry("tolerations").or_insert_with(|| json!([]));
    let Value::Array(tolerations) = tolerations else {
        return;
    };
    for key in [
        "node.kubernetes.io/not-ready",
        "node.kubernetes.io/unreachable",
    ] {
        let bears = |it: &Value| {
            let text = |field: &str| it[field].as_str().unwrap_or_default();
            [key, ""].contains(&text("key")) && ["NoExecute", ""].contains(&text("effect"))
        };
        if !tolerations.iter().any(bears) {
            tolerations.push(json!({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}));
        }
    }
}

/// Where a container finds the token of its pod's account.
const TOKEN_PATH: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// Gives a pod the volume with the token of its account, and mounts it in every container that has nothing there.
fn mount_token(seed: &str, spec: &mut Map<String, Value>) {
    if spec.get("automountServiceAccountToken") == Some(&Value::Bool(false)) {
        return;
    }
    let name = format!("kube-api-access-{}", suffix(seed));
    let mut is_mounted = false;
    for field in ["containers", "initContainers"] {
        let containers = spec.get_mut(field).and_then(Value::as_array_mut);
        for container in containers.into_iter().flatten() {
            let Some(container) = container.as_object_mut() else {
                continue;
            };
            let mounts = container.entry("volumeMounts").or_insert_with(|| json!([]));
            let Value::Array(mounts) = mounts else {
                continue;
            };
            if mounts.iter().all(|it| it["mountPath"] != TOKEN_PATH) {
                mounts.push(json!({"name": name, "mountPath": TOKEN_PATH, "readOnly": true}));
                is_mounted = true;
            }
        }
    }
    if !is_mounted {
        return;
    }
    if let Value::Array(volumes) = spec.entry("volumes").or_insert_with(|| json!([])) {
        volumes.push(json!({"name": name, "projected": {"defaultMode": 420, "sources": [
            {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
            {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
            {"downwardAPI": {"items": [{
                "path": "namespace",
                "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"},
            }]}},
        ]}}));
    }
}

/// Five characters, always the same for a pod: no luck is spent on them.
fn suffix(seed: &str) -> String {
    const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    // FNV-1a.
    let mut hash = seed.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, it| {
        (hash ^ u64::from(it)).wrapping_mul(0x0100_0000_01b3)
    });
    let mut text = String::new();
    for _ in 0..5 {
        let at = usize::try_from(hash % ALPHABET.len() as u64).unwrap_or(0);
        text.push(char::from(ALPHABET[at]));
        hash /= ALPHABET.len() as u64;
    }
    text
}

/// Undoes what a change of a part may not touch.
pub(super) fn prepare_changed(kind: Kind, part: Subresource, new: &mut Value, live: &Value) {
    match part {
        Subresource::Status => {
            restore(new, live, "spec");
            if matches!(
                kind,
                Kind::Deployment | Kind::ReplicaSet | Kind::StatefulSet
            ) {
                let labels = live["metadata"]["labels"].clone();
                new["metadata"]["labels"] = labels;
            }
            if kind == Kind::Pod {
                let owners = live["metadata"]["ownerReferences"].clone();
                new["metadata"]["ownerReferences"] = owners;
            }
        }
        _ => {
            if has_status(kind) {
                restore(new, live, "status");
            }
            if kind == Kind::Namespace {
                restore(new, live, "spec");
            }
        }
    }
}

fn restore(new: &mut Value, live: &Value, field: &str) {
    let Some(fields) = new.as_object_mut() else {
        return;
    };
    match live.get(field) {
        Some(it) => fields.insert(field.to_owned(), it.clone()),
        None => fields.remove(field),
    };
}

/// Whether a change is one that controllers should notice.
pub(in crate::store) fn changes_generation(kind: Kind, new: &Value, live: &Value) -> bool {
    if live["metadata"]["generation"].is_null() {
        return false;
    }
    let annotations = |it: &Value| it["metadata"]["annotations"].clone();
    let labels = |it: &Value| it["metadata"]["labels"].clone();
    match kind {
        Kind::Deployment => new["spec"] != live["spec"] || annotations(new) != annotations(live),
        Kind::EndpointSlice => {
            ["addressType", "endpoints", "ports"]
                .iter()
                .any(|it| new[*it] != live[*it])
                || labels(new) != labels(live)
        }
        _ => new["spec"] != live["spec"],
    }
}

/// The key of an object in etcd, which some errors tell.
pub(super) fn storage_key(object: &ObjectRef) -> String {
    let place = match object.kind {
        Kind::Service => "services/specs",
        Kind::Endpoints => "services/endpoints",
        Kind::Node => "minions",
        Kind::Ingress => "ingress",
        kind => kind.resource(),
    };
    let namespace = match object.namespace.as_str() {
        "" => String::new(),
        namespace => format!("{namespace}/"),
    };
    format!("/registry/{place}/{namespace}{}", object.name)
}
