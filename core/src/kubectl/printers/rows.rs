//! Cells of workloads, nodes and smaller kinds.
//!
//! `pkg/printers/internalversion/printers.go` of Kubernetes 1.32.
//!
//! **Left out**: daemon sets and jobs, of which the model has nothing.

use super::super::duration;
use super::super::object::{at, items, joined, name, or_none, shown, text, texts};
use crate::api::LabelSelector;
use crate::store::api::selector_text;
use crate::time::Clock;
use serde::Deserialize;
use serde_json::Value;

/// Its age.
pub(super) fn age(it: &Value, clock: &Clock) -> String {
    duration::age(clock, at(it, &["metadata", "creationTimestamp"]).as_str())
}

fn number(it: &Value, path: &[&str]) -> String {
    at(it, path).as_i64().unwrap_or(0).to_string()
}

/// The names and images of the containers of a template.
fn containers(it: &Value) -> (String, String) {
    let all = items(at(it, &["spec", "template", "spec", "containers"]));
    let column = |field: &str| {
        let each: Vec<&str> = all.iter().map(|it| text(it, &[field])).collect();
        each.join(",")
    };
    (column("name"), column("image"))
}

/// A label selector as text.
pub(crate) fn selector(value: &Value) -> String {
    if value.is_null() {
        return "<none>".to_owned();
    }
    let read = LabelSelector::deserialize(value).unwrap_or_default();
    or_none(&selector_text(&read))
}

pub(super) fn deployment(it: &Value, clock: &Clock) -> Vec<String> {
    let (names, images) = containers(it);
    vec![
        name(it).to_owned(),
        format!(
            "{}/{}",
            number(it, &["status", "readyReplicas"]),
            number(it, &["spec", "replicas"])
        ),
        number(it, &["status", "updatedReplicas"]),
        number(it, &["status", "availableReplicas"]),
        age(it, clock),
        names,
        images,
        selector(&it["spec"]["selector"]),
    ]
}

pub(super) fn replica_set(it: &Value, clock: &Clock) -> Vec<String> {
    let (names, images) = containers(it);
    vec![
        name(it).to_owned(),
        number(it, &["spec", "replicas"]),
        number(it, &["status", "replicas"]),
        number(it, &["status", "readyReplicas"]),
        age(it, clock),
        names,
        images,
        selector(&it["spec"]["selector"]),
    ]
}

pub(super) fn stateful_set(it: &Value, clock: &Clock) -> Vec<String> {
    let (names, images) = containers(it);
    vec![
        name(it).to_owned(),
        format!(
            "{}/{}",
            number(it, &["status", "readyReplicas"]),
            number(it, &["spec", "replicas"])
        ),
        age(it, clock),
        names,
        images,
    ]
}

/// The roles of a node, from its labels.
pub(crate) fn node_roles(it: &Value) -> String {
    let mut roles: Vec<&str> = texts(at(it, &["metadata", "labels"]))
        .into_iter()
        .filter_map(
            |(key, value)| match key.strip_prefix("node-role.kubernetes.io/") {
                Some(role) if !role.is_empty() => Some(role),
                _ => (key == "kubernetes.io/role" && !value.is_empty()).then_some(value),
            },
        )
        .collect();
    roles.sort_unstable();
    roles.dedup();
    or_none(&roles.join(","))
}

pub(super) fn node(it: &Value, clock: &Clock) -> Vec<String> {
    let ready = items(at(it, &["status", "conditions"]))
        .iter()
        .find(|it| it["type"] == "Ready");
    let mut status = match ready.map(|it| text(it, &["status"])) {
        Some("True") => "Ready",
        Some(_) => "NotReady",
        None => "Unknown",
    }
    .to_owned();
    if it["spec"]["unschedulable"] == true {
        status.push_str(",SchedulingDisabled");
    }
    let address = |kind: &str| {
        let found = items(at(it, &["status", "addresses"]))
            .iter()
            .find(|it| it["type"] == kind);
        or_none(found.map_or("", |it| text(it, &["address"])))
    };
    let info = |field: &str| match text(it, &["status", "nodeInfo", field]) {
        "" => "<unknown>".to_owned(),
        text => text.to_owned(),
    };
    vec![
        name(it).to_owned(),
        status,
        node_roles(it),
        age(it, clock),
        text(it, &["status", "nodeInfo", "kubeletVersion"]).to_owned(),
        address("InternalIP"),
        address("ExternalIP"),
        info("osImage"),
        info("kernelVersion"),
        info("containerRuntimeVersion"),
    ]
}

pub(super) fn namespace(it: &Value, clock: &Clock) -> Vec<String> {
    vec![
        name(it).to_owned(),
        text(it, &["status", "phase"]).to_owned(),
        age(it, clock),
    ]
}

pub(super) fn event(it: &Value, clock: &Clock) -> Vec<String> {
    let since = |field: &str| {
        at(it, &[field])
            .as_str()
            .map(|it| duration::age(clock, Some(it)))
    };
    let first = since("firstTimestamp")
        .or_else(|| since("eventTime"))
        .unwrap_or_else(|| "<unknown>".to_owned());
    let last = since("lastTimestamp").unwrap_or_else(|| first.clone());
    let about = &it["involvedObject"];
    let object = format!(
        "{}/{}",
        text(about, &["kind"]).to_lowercase(),
        text(about, &["name"])
    );
    let source = match (
        text(it, &["source", "component"]),
        text(it, &["source", "host"]),
    ) {
        ("", _) => text(it, &["reportingComponent"]).to_owned(),
        (component, "") => component.to_owned(),
        (component, host) => format!("{component}, {host}"),
    };
    vec![
        last,
        text(it, &["type"]).to_owned(),
        text(it, &["reason"]).to_owned(),
        object,
        text(about, &["fieldPath"]).to_owned(),
        source,
        text(it, &["message"]).trim().to_owned(),
        first,
        it["count"].as_i64().unwrap_or(1).max(1).to_string(),
        name(it).to_owned(),
    ]
}

pub(super) fn config_map(it: &Value, clock: &Clock) -> Vec<String> {
    let n = |field: &str| it[field].as_object().map_or(0, serde_json::Map::len);
    vec![
        name(it).to_owned(),
        (n("data") + n("binaryData")).to_string(),
        age(it, clock),
    ]
}

pub(super) fn lease(it: &Value, clock: &Clock) -> Vec<String> {
    vec![
        name(it).to_owned(),
        text(it, &["spec", "holderIdentity"]).to_owned(),
        age(it, clock),
    ]
}

pub(super) fn service_account(it: &Value, clock: &Clock) -> Vec<String> {
    let secrets = it.get("secrets").and_then(Value::as_array);
    vec![
        name(it).to_owned(),
        secrets.map_or(0, Vec::len).to_string(),
        age(it, clock),
    ]
}

pub(super) fn controller_revision(it: &Value, clock: &Clock) -> Vec<String> {
    let owners = it.pointer("/metadata/ownerReferences");
    let owners = owners.and_then(Value::as_array).into_iter().flatten();
    let mut controllers = owners.filter(|it| it["controller"] == true);
    // The server prints the kind with its group: `statefulset.apps/web`.
    let controller = controllers.next().map_or("<none>".to_owned(), |owner| {
        let group = text(owner, &["apiVersion"])
            .split('/')
            .next()
            .unwrap_or_default();
        let kind = text(owner, &["kind"]).to_lowercase();
        format!("{kind}.{group}/{}", text(owner, &["name"]))
    });
    vec![
        name(it).to_owned(),
        controller,
        it.get("revision").map(Value::to_string).unwrap_or_default(),
        age(it, clock),
    ]
}

pub(super) fn plain(it: &Value, clock: &Clock) -> Vec<String> {
    vec![name(it).to_owned(), age(it, clock)]
}

/// `k=v` joined, or `<none>`.
pub(super) fn labels(value: &Value) -> String {
    joined(value)
}

/// A list cut after three, as the server cuts it.
pub(super) fn first_three(all: &[String]) -> String {
    let shown: Vec<&str> = all.iter().take(3).map(String::as_str).collect();
    let mut text = shown.join(",");
    if all.len() > 3 {
        text.push_str(&format!(" + {} more...", all.len() - 3));
    }
    text
}

/// A number or a text as it is.
pub(super) fn scalar(value: &Value) -> String {
    shown(value)
}
