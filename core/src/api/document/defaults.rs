//! What a server fills in where a document is silent.
//!
//! `pkg/apis/{core,apps,networking,discovery}/v1/defaults.go` of Kubernetes 1.36. A table by type, and the schema to walk
//! a document: what holds for a container holds in a pod and in every template.
//!
//! **Left out**: Service, whose typed form fills in its own; volumes other than where their modes are read from.

use crate::api::Kind;
use crate::api::schema::{self, Shape, TypeRef};
use crate::sorted::gathered;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::sync::OnceLock;

/// Type of the schema, field, value in JSON.
const DEFAULTS: &[(&str, &str, &str)] = &[
    ("PodSpec", "restartPolicy", "\"Always\""),
    ("PodSpec", "dnsPolicy", "\"ClusterFirst\""),
    ("PodSpec", "terminationGracePeriodSeconds", "30"),
    ("PodSpec", "schedulerName", "\"default-scheduler\""),
    ("PodSpec", "securityContext", "{}"),
    ("PodSpec", "enableServiceLinks", "true"),
    (
        "Container",
        "terminationMessagePath",
        "\"/dev/termination-log\"",
    ),
    ("Container", "terminationMessagePolicy", "\"File\""),
    ("ContainerPort", "protocol", "\"TCP\""),
    ("Probe", "timeoutSeconds", "1"),
    ("Probe", "periodSeconds", "10"),
    ("Probe", "successThreshold", "1"),
    ("Probe", "failureThreshold", "3"),
    ("HTTPGetAction", "path", "\"/\""),
    ("HTTPGetAction", "scheme", "\"HTTP\""),
    ("GRPCAction", "service", "\"\""),
    ("ObjectFieldSelector", "apiVersion", "\"v1\""),
    ("ConfigMapVolumeSource", "defaultMode", "420"),
    ("SecretVolumeSource", "defaultMode", "420"),
    ("ProjectedVolumeSource", "defaultMode", "420"),
    ("DownwardAPIVolumeSource", "defaultMode", "420"),
    ("ServiceAccountTokenProjection", "expirationSeconds", "3600"),
    ("HostPathVolumeSource", "type", "\"\""),
    ("DeploymentSpec", "replicas", "1"),
    (
        "DeploymentSpec",
        "strategy",
        "{\"type\": \"RollingUpdate\"}",
    ),
    ("DeploymentSpec", "revisionHistoryLimit", "10"),
    ("DeploymentSpec", "progressDeadlineSeconds", "600"),
    ("DeploymentStrategy", "type", "\"RollingUpdate\""),
    ("RollingUpdateDeployment", "maxUnavailable", "\"25%\""),
    ("RollingUpdateDeployment", "maxSurge", "\"25%\""),
    ("ReplicaSetSpec", "replicas", "1"),
    ("StatefulSetSpec", "replicas", "1"),
    ("StatefulSetSpec", "podManagementPolicy", "\"OrderedReady\""),
    ("StatefulSetSpec", "revisionHistoryLimit", "10"),
    (
        "StatefulSetSpec",
        "updateStrategy",
        "{\"type\": \"RollingUpdate\"}",
    ),
    (
        "StatefulSetSpec",
        "persistentVolumeClaimRetentionPolicy",
        "{\"whenDeleted\": \"Retain\", \"whenScaled\": \"Retain\"}",
    ),
    ("StatefulSetUpdateStrategy", "type", "\"RollingUpdate\""),
    ("RollingUpdateStatefulSetStrategy", "partition", "0"),
    ("NetworkPolicyPort", "protocol", "\"TCP\""),
    ("IngressClassParametersReference", "scope", "\"Cluster\""),
    ("EndpointPort", "protocol", "\"TCP\""),
    ("discovery.EndpointPort", "name", "\"\""),
    ("discovery.EndpointPort", "protocol", "\"TCP\""),
];

/// The types in which a field depends on another one.
const BY_RULE: [&str; 6] = [
    "Container",
    "PodSpec",
    "Volume",
    "DeploymentStrategy",
    "StatefulSetUpdateStrategy",
    "NetworkPolicySpec",
];

/// Fills in what a document of a kind leaves open. A Service's document stays as it is.
pub fn set_defaults(kind: Kind, document: &mut Value) {
    if kind == Kind::Service {
        return;
    }
    if let Some(of) = schema::of_kind(kind.api_version(), kind.name()) {
        fill(document, of, 0);
    }
    match kind {
        Kind::Namespace => label_with_name(document),
        Kind::Node => {
            let capacity = document["status"]["capacity"].clone();
            let status = document.get_mut("status").and_then(Value::as_object_mut);
            if let (Some(status), false) = (status, capacity.is_null()) {
                set(status, "allocatable", || capacity);
            }
        }
        _ => {}
    }
}

/// A namespace can be selected by its name.
fn label_with_name(document: &mut Value) {
    let name = document["metadata"]["name"].clone();
    let metadata = document.get_mut("metadata").and_then(Value::as_object_mut);
    if let (Some(metadata), true) = (metadata, name.is_string()) {
        set(metadata, "labels", || json!({}));
        if let Some(Value::Object(labels)) = metadata.get_mut("labels") {
            labels.insert("kubernetes.io/metadata.name".to_owned(), name);
        }
    }
}

/// The types in which something may be filled in, at whatever depth: the others are not walked through.
fn filled() -> &'static BTreeSet<&'static str> {
    static FILLED: OnceLock<BTreeSet<&str>> = OnceLock::new();
    FILLED.get_or_init(|| {
        let mut filled: BTreeSet<&str> = gathered(DEFAULTS.iter().map(|it| it.0).chain(BY_RULE));
        loop {
            let n_before = filled.len();
            for of in schema::types() {
                let reaches = |field: &schema::Field| {
                    innermost(&field.shape).is_some_and(|it| filled.contains(it))
                };
                if of.fields().iter().any(reaches) {
                    filled.insert(of.id());
                }
            }
            if filled.len() == n_before {
                return filled;
            }
        }
    })
}

/// The struct in a list of lists of maps.
fn innermost(shape: &Shape) -> Option<&'static str> {
    match shape {
        Shape::Object(id) => Some(id),
        Shape::List(inner) | Shape::Map(inner, _) => innermost(inner),
        Shape::Scalar(..) | Shape::Free(_) => None,
    }
}

fn fill(value: &mut Value, of: TypeRef, depth: usize) {
    let Value::Object(fields) = value else {
        return;
    };
    if depth > schema::MAX_DEPTH || !filled().contains(of.id()) {
        return;
    }
    for (_, name, default) in DEFAULTS.iter().filter(|it| it.0 == of.id()) {
        set(fields, name, || {
            serde_json::from_str(default).expect("the table holds JSON")
        });
    }
    fill_by_rule(fields, of.id());
    for (name, value) in fields.iter_mut() {
        if let Some(field) = of.field(name) {
            descend(value, &field.shape, depth + 1);
        }
    }
}

fn descend(value: &mut Value, shape: &Shape, depth: usize) {
    match (shape, value) {
        (Shape::Object(_), value) => {
            if let Some(of) = shape.object() {
                fill(value, of, depth);
            }
        }
        (Shape::List(inner), Value::Array(items)) if inner.object().is_some() => {
            items.iter_mut().for_each(|it| descend(it, inner, depth));
        }
        (Shape::Map(inner, _), Value::Object(fields)) if inner.object().is_some() => {
            fields.values_mut().for_each(|it| descend(it, inner, depth));
        }
        _ => {}
    }
}

/// What depends on another field.
fn fill_by_rule(fields: &mut Map<String, Value>, of: &str) {
    match of {
        "Container" => {
            let image = fields
                .get("image")
                .and_then(Value::as_str)
                .unwrap_or_default();
            let policy = if is_latest(image) {
                "Always"
            } else {
                "IfNotPresent"
            };
            set(fields, "imagePullPolicy", || policy.into());
            request_limits(fields);
        }
        "PodSpec" => {
            let uses_host = fields.get("hostNetwork").and_then(Value::as_bool) == Some(true);
            if uses_host {
                claim_host_ports(fields);
            }
        }
        "Volume" if fields.len() == 1 => {
            fields.insert("emptyDir".to_owned(), json!({}));
        }
        "DeploymentStrategy" | "StatefulSetUpdateStrategy" => {
            let rolls = fields.get("type").is_some_and(|it| it == "RollingUpdate");
            if rolls {
                set(fields, "rollingUpdate", || json!({}));
            }
        }
        "NetworkPolicySpec" => {
            let has_egress = fields
                .get("egress")
                .and_then(Value::as_array)
                .is_some_and(|it| !it.is_empty());
            let types = if has_egress {
                json!(["Ingress", "Egress"])
            } else {
                json!(["Ingress"])
            };
            set(fields, "policyTypes", || types);
        }
        _ => {}
    }
}

fn set(fields: &mut Map<String, Value>, name: &str, value: impl FnOnce() -> Value) {
    if fields.get(name).is_none_or(is_absent) {
        fields.insert(name.to_owned(), value());
    }
}

/// What Go sees as nothing. A false or a zero is a choice: the fields of the table that hold one are pointers.
fn is_absent(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(it) => it.is_empty(),
        Value::Array(it) => it.is_empty(),
        Value::Object(_) | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Whether an image may be another one tomorrow.
fn is_latest(image: &str) -> bool {
    let name = image.rsplit('/').next().unwrap_or_default();
    if name.contains('@') {
        return false;
    }
    name.split_once(':').is_none_or(|(_, tag)| tag == "latest")
}

/// Who sets a limit asks for as much, unless told otherwise.
fn request_limits(container: &mut Map<String, Value>) {
    let Some(Value::Object(resources)) = container.get_mut("resources") else {
        return;
    };
    let Some(Value::Object(limits)) = resources.get("limits").cloned() else {
        return;
    };
    let requests = resources.entry("requests").or_insert_with(|| json!({}));
    if let Value::Object(requests) = requests {
        for (name, limit) in limits {
            requests.entry(name).or_insert(limit);
        }
    }
}

fn claim_host_ports(pod: &mut Map<String, Value>) {
    for list in ["containers", "initContainers"] {
        let containers = pod.get_mut(list).and_then(Value::as_array_mut);
        for container in containers.into_iter().flatten() {
            let ports = container.get_mut("ports").and_then(Value::as_array_mut);
            for port in ports.into_iter().flatten().filter_map(Value::as_object_mut) {
                let number = port.get("containerPort").cloned().unwrap_or_default();
                let is_open = port
                    .get("hostPort")
                    .is_none_or(|it| it.is_null() || it == 0);
                if is_open && number.is_number() {
                    port.insert("hostPort".to_owned(), number);
                }
            }
        }
    }
}

/// The table, for its test.
#[cfg(test)]
pub(super) const fn table() -> &'static [(&'static str, &'static str, &'static str)] {
    DEFAULTS
}
