//! What differs from kind to kind: subresources, what a new object starts with, what a change may not touch.
//!
//! The strategies in `pkg/registry/*/*/strategy.go` of Kubernetes 1.36; for pods also the admission plugins
//! `ServiceAccount`, `DefaultTolerationSeconds` and `Priority`.
//!
//! **Left out**: the volume with a pod's token; priority classes.

use super::request::Subresource;
use crate::api::{Kind, ObjectRef, document};
use serde_json::{Value, json};

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
pub(super) fn changes_generation(kind: Kind, new: &Value, live: &Value) -> bool {
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
