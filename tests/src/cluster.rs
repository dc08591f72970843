//! Clusters in time as text: what there is, and what happened.
//!
//! **Left out**: walks, which the root of the harness prints.

use packetwalk_core::api::{Kind, Object, ObjectRef};
use packetwalk_core::sim::{Cluster, begin};
use packetwalk_core::store::{Part, Propagation, Write};
use packetwalk_core::time::Duration;
use serde_json::Value;
use std::sync::Arc;

/// The cluster that a text describes, come to rest.
#[must_use]
pub fn cluster(text: &str) -> Cluster {
    Arc::unwrap_or_clone(begin(super::manifest(text), 1).cluster)
}

/// Lets so many seconds pass.
pub fn pass(cluster: &mut Cluster, secs: u64) {
    let to = cluster.clock().now + Duration::from_secs(secs);
    cluster.advance(to);
}

/// A reference as `kind/namespace/name` or `kind/name`, of the default namespace.
///
/// # Panics
/// If there is no such kind.
#[must_use]
pub fn named(text: &str) -> ObjectRef {
    let (kind, name) = text.split_once('/').unwrap_or((text, ""));
    let kind = Kind::from_resource(kind).unwrap_or_else(|| panic!("{kind:?} is no kind"));
    let (namespace, name) = name.split_once('/').unwrap_or(("default", name));
    let namespace = if kind.is_namespaced() { namespace } else { "" };
    ObjectRef::new(kind, namespace, name)
}

/// Changes fields of an object, as a controller with that patch would.
pub fn patch(cluster: &mut Cluster, object: &str, patch: Value) {
    let clock = cluster.clock();
    let write = Write::Patch {
        object: named(object),
        part: Part::Main,
        patch,
    };
    cluster.store_mut().write(write, &clock);
}

/// Asks an object to go.
pub fn delete(cluster: &mut Cluster, object: &str, propagation: Propagation) {
    let clock = cluster.clock();
    let object = named(object);
    cluster
        .store_mut()
        .delete(&object, propagation, None, &clock);
}

/// The pods, a line each: name, phase or why it waits, ready or not, node.
#[must_use]
pub fn pods(cluster: &Cluster, namespace: &str) -> Vec<String> {
    let pods = cluster.store().objects().pods.values();
    pods.filter(|it| it.metadata.namespace == namespace)
        .map(|it| {
            let waits = it
                .status
                .container_statuses
                .iter()
                .find_map(|it| it.state.waiting.as_ref()?.reason.clone());
            let phase = it.status.phase.clone().unwrap_or_else(|| "-".into());
            let mut line = format!("{} {}", it.metadata.name, waits.unwrap_or(phase));
            if it.is_terminating() {
                line.push_str(" terminating");
            }
            let is_ready = it.is_ready() && it.status.phase.is_some();
            line.push_str(if is_ready { " ready" } else { " unready" });
            if let Some(node) = &it.spec.node_name {
                line.push_str(&format!(" {node}"));
            }
            line
        })
        .collect()
}

/// The endpoints of a Service by its slices, sorted: address, port, and what is not as usual about it.
#[must_use]
pub fn endpoints(cluster: &Cluster, service: &str) -> Vec<String> {
    let object = named(&format!("service/{service}"));
    let mut lines = Vec::new();
    let slices = cluster.store().objects();
    for slice in slices.slices_of(&object.namespace, &object.name) {
        let ports: Vec<String> = slice
            .ports
            .iter()
            .map(|it| it.port.unwrap_or_default().to_string())
            .collect();
        for endpoint in &slice.endpoints {
            let mut line = format!("{}:{}", endpoint.addresses.join(","), ports.join(","));
            let conditions = &endpoint.conditions;
            for (holds, word) in [
                (!conditions.is_ready(), " unready"),
                (conditions.is_terminating(), " terminating"),
                (
                    conditions.is_terminating() && conditions.is_serving(),
                    " serving",
                ),
            ] {
                if holds {
                    line.push_str(word);
                }
            }
            lines.push(line);
        }
    }
    lines.sort();
    lines
}

/// The events about objects whose name begins so, oldest first: seconds since the start, reason, message.
#[must_use]
pub fn events(cluster: &Cluster, about: &str) -> Vec<String> {
    let store = cluster.store();
    let mut all: Vec<(String, u64, String)> = store
        .documents(Kind::Event)
        .filter_map(|(object, _)| match store.objects().find(object)? {
            Object::Event(it) => Some(it),
            _ => None,
        })
        .filter(|it| {
            let name = it.involved_object.name.as_deref().unwrap_or_default();
            name.starts_with(about)
        })
        .map(|it| {
            let clock = cluster.clock();
            let stamp = it.first_timestamp.clone().unwrap_or_default();
            let at = clock.instant_of(&stamp).unwrap_or_default().as_millis() / 1000;
            let revision = it.metadata.resource_version.clone().unwrap_or_default();
            let count = match it.count {
                Some(n) if n > 1 => format!(" (x{n})"),
                _ => String::new(),
            };
            let line = format!("{at}s {}{count}: {}", it.reason, it.message);
            (stamp, revision.parse().unwrap_or(0), line)
        })
        .collect();
    all.sort();
    all.into_iter().map(|it| it.2).collect()
}
