//! Endpoints: the older form of a Service's endpoints, all in one object.
//!
//! `pkg/controller/endpoint/endpoints_controller.go` and `pkg/api/v1/endpoints/util.go` of Kubernetes 1.36.
//!
//! **Left out**: nothing that counts. Ports and subsets are in the order of their values;
//! Kubernetes orders them by a hash.

use super::endpoint_slice::{HEADLESS, services_of_pod};
use super::target;
use super::trigger::{ANNOTATION, annotate, trigger};
use super::{Controller, Look, Outcome};
use crate::api::{
    EndpointAddress, EndpointSubset, Endpoints, EndpointsPort, Kind, KubernetesVersion, Labels,
    Object, ObjectRef, Pod, Service,
};
use crate::sorted::{gathered, sort, sort_by};
use crate::store::{Change, Objects, Part, Propagation, Write};
use crate::time::Duration;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The most addresses of one object.
pub(super) const MAX_ADDRESSES: usize = 1000;

/// The annotation of an object that could not hold all of them.
pub(super) const OVER_CAPACITY: &str = "endpoints.kubernetes.io/over-capacity";

const MANAGED_BY: &str = "endpoints.kubernetes.io/managed-by";
const MANAGER: &str = "endpoint-controller";

pub(super) const CONTROLLER: Controller = Controller {
    name: "endpoint-controller",
    delay: Duration::from_millis(120),
    watches,
    reconcile,
};

fn watches(change: &Change, objects: &Objects) -> Vec<ObjectRef> {
    let (namespace, name) = (&change.object.namespace, &change.object.name);
    match change.object.kind {
        Kind::Service | Kind::Endpoints => {
            vec![ObjectRef::new(Kind::Service, namespace, name)]
        }
        Kind::Pod => services_of_pod(change, objects),
        _ => Vec::new(),
    }
}

fn reconcile(look: &Look<'_>, about: &ObjectRef) -> Outcome {
    let objects = look.objects;
    let key = (about.namespace.clone(), about.name.clone());
    let reference = ObjectRef::new(Kind::Endpoints, &about.namespace, &about.name);
    let before = objects.endpoints.get(&key);
    let Some(service) = objects.service(&about.namespace, &about.name) else {
        // Only what this controller made goes with its Service.
        let is_ours =
            before.is_some_and(|it| is_ours(&it.metadata.annotations, &it.metadata.labels));
        let delete = Write::Delete {
            object: reference,
            propagation: Propagation::Background,
        };
        return Outcome::writes(if is_ours { vec![delete] } else { Vec::new() });
    };
    if service.spec.selector.is_empty() || service.kind() == "ExternalName" {
        return Outcome::nothing();
    }
    let pods: Vec<&Pod> = objects
        .pods_selected(&about.namespace, &service.spec.selector)
        .map(|it| &**it)
        .collect();
    if pods.is_empty() && comes_from_a_dump(look, about, before.is_some()) {
        return Outcome::nothing();
    }
    let mut subsets = subsets(service, &pods);
    let is_truncated = truncate(&mut subsets);
    let mut after = Endpoints {
        subsets,
        ..Endpoints::default()
    };
    after.metadata.namespace.clone_from(&about.namespace);
    after.metadata.name.clone_from(&about.name);
    after.metadata.labels = labels(service, objects.cluster.version());
    if is_truncated {
        let annotations = &mut after.metadata.annotations;
        annotations.insert(OVER_CAPACITY.into(), "truncated".into());
    }
    let seen = pods.iter().copied();
    let (triggered_at, remember) = trigger(look, CONTROLLER.name, about, service, seen);
    annotate(&mut after.metadata.annotations, triggered_at.as_ref());
    Outcome {
        writes: match before {
            None => vec![Write::Create(after.into())],
            Some(before) if is_same(before, &after) => Vec::new(),
            Some(before) => vec![patch(before, reference, after)],
        },
        wake: None,
        remember,
    }
}

/// Endpoints or slices that came with a manifest that has no pods are taken as they are, as their slices are.
fn comes_from_a_dump(look: &Look<'_>, about: &ObjectRef, has_endpoints: bool) -> bool {
    let has_slices = look
        .objects
        .slices_of(&about.namespace, &about.name)
        .any(|it| !it.endpoints.is_empty());
    let first = (about.namespace.clone(), String::new());
    let next = look.objects.pods.range(first..).next();
    let has_pods = next.is_some_and(|(key, _)| key.0 == about.namespace);
    (has_slices || has_endpoints)
        && !has_pods
        && look
            .memory
            .of(super::endpoint_slice::CONTROLLER.name, about)
            .is_none()
}

fn is_ours(annotations: &Labels, labels: &Labels) -> bool {
    labels.get(MANAGED_BY).map(String::as_str) == Some(MANAGER)
        || annotations.contains_key(ANNOTATION)
}

fn is_same(before: &Endpoints, after: &Endpoints) -> bool {
    before.subsets == after.subsets
        && before.metadata.labels == after.metadata.labels
        && before.metadata.annotations.get(OVER_CAPACITY)
            == after.metadata.annotations.get(OVER_CAPACITY)
}

fn patch(before: &Endpoints, object: ObjectRef, after: Endpoints) -> Write {
    let known = before.metadata.labels.keys();
    let mut labels: Map<String, Value> = gathered(known.map(|it| (it.clone(), Value::Null)));
    for (name, value) in &after.metadata.labels {
        labels.insert(name.clone(), value.as_str().into());
    }
    let over_capacity = after.metadata.annotations.get(OVER_CAPACITY).cloned();
    let triggered_at = after.metadata.annotations.get(ANNOTATION).cloned();
    let mut document = Object::from(after).document();
    Write::Patch {
        object,
        part: Part::Main,
        patch: json!({
            "metadata": {"labels": labels, "annotations": {
                OVER_CAPACITY: over_capacity,
                ANNOTATION: triggered_at,
            }},
            "subsets": document["subsets"].take(),
        }),
    }
}

/// The labels of a Service's Endpoints: its own, with the controller's from 1.33 on.
fn labels(service: &Service, version: KubernetesVersion) -> Labels {
    let mut labels = service.metadata.labels.clone();
    labels.remove(HEADLESS);
    if service.is_headless() {
        labels.insert(HEADLESS.into(), String::new());
    }
    if version.minor >= 33 {
        labels.insert(MANAGED_BY.into(), MANAGER.into());
    }
    labels
}

/// A port as subsets are grouped by it.
type PortKey = (String, String, i32, Option<String>);

/// The subsets: pods with the same ports stand together, addresses in the order of their text.
fn subsets(service: &Service, pods: &[&Pod]) -> Vec<EndpointSubset> {
    let publishes_all = service.spec.publish_not_ready_addresses;
    let of = target::families(service)[0];
    let mut groups: BTreeMap<Vec<PortKey>, EndpointSubset> = BTreeMap::new();
    for pod in pods {
        if pod.is_terminating() && !publishes_all {
            continue;
        }
        let Some(ip) = target::address(pod, of) else {
            continue;
        };
        let mut ports = target::ports(service, pod);
        if ports.is_empty() && !service.spec.ports.is_empty() {
            // No port of the Service is one of this pod.
            continue;
        }
        sort(&mut ports);
        let subset = groups
            .entry(ports.clone())
            .or_insert_with(|| EndpointSubset {
                ports: ports.into_iter().map(port).collect(),
                ..EndpointSubset::default()
            });
        let address = EndpointAddress {
            ip: ip.to_string(),
            hostname: target::hostname(service, pod),
            node_name: pod.spec.node_name.clone(),
            target_ref: Some(target::reference(pod)),
        };
        if publishes_all || pod.is_ready() {
            subset.addresses.push(address);
        } else {
            subset.not_ready_addresses.push(address);
        }
    }
    let mut subsets: Vec<EndpointSubset> = groups.into_values().collect();
    for subset in &mut subsets {
        sort_by(&mut subset.addresses, |a, b| a.ip.cmp(&b.ip));
        sort_by(&mut subset.not_ready_addresses, |a, b| a.ip.cmp(&b.ip));
    }
    subsets
}

fn port((name, protocol, port, app_protocol): PortKey) -> EndpointsPort {
    EndpointsPort {
        name: Some(name).filter(|it| !it.is_empty()),
        port,
        protocol: Some(protocol),
        app_protocol,
    }
}

/// Cuts what is more than one object may hold, and says whether anything was cut (`truncateEndpoints`). Ready ones are
/// kept as far as they fit. What must be cut is cut from every subset by its share, rounded up, so that the last subset
/// has what is left.
fn truncate(subsets: &mut [EndpointSubset]) -> bool {
    let n_ready: usize = subsets.iter().map(|it| it.addresses.len()).sum();
    let n_others: usize = subsets.iter().map(|it| it.not_ready_addresses.len()).sum();
    if n_ready + n_others <= MAX_ADDRESSES {
        return false;
    }
    if n_ready > MAX_ADDRESSES {
        let lists = subsets.iter_mut().map(|it| {
            it.not_ready_addresses.clear();
            &mut it.addresses
        });
        cut(lists, n_ready, MAX_ADDRESSES);
    } else {
        let lists = subsets.iter_mut().map(|it| &mut it.not_ready_addresses);
        cut(lists, n_others, MAX_ADDRESSES - n_ready);
    }
    true
}

fn cut<'a>(
    lists: impl Iterator<Item = &'a mut Vec<EndpointAddress>>,
    total: usize,
    allowed: usize,
) {
    let mut left = allowed;
    for list in lists {
        let share = (list.len() * allowed).div_ceil(total);
        list.truncate(share.min(left));
        left -= list.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subset(n_ready: usize, n_others: usize) -> EndpointSubset {
        EndpointSubset {
            addresses: vec![EndpointAddress::default(); n_ready],
            not_ready_addresses: vec![EndpointAddress::default(); n_others],
            ports: Vec::new(),
        }
    }

    #[test]
    fn what_is_too_much_is_cut_by_shares_rounded_up() {
        // The rows of TestTruncateEndpoints (pkg/controller/endpoint), and the last with shares that are not whole.
        for (before, after) in [
            (vec![(500, 500)], vec![(500, 500)]),
            (vec![(501, 500)], vec![(501, 499)]),
            (vec![(1001, 0)], vec![(1000, 0)]),
            (vec![(0, 1001)], vec![(0, 1000)]),
            (vec![(1000, 1)], vec![(1000, 0)]),
            (vec![(1001, 100)], vec![(1000, 0)]),
            (vec![(600, 0), (600, 0)], vec![(500, 0), (500, 0)]),
            (
                vec![(334, 9), (334, 0), (335, 0)],
                vec![(333 + 1, 0), (333 + 1, 0), (332, 0)],
            ),
        ] {
            let mut subsets: Vec<EndpointSubset> =
                before.iter().map(|it| subset(it.0, it.1)).collect();
            truncate(&mut subsets);
            let found: Vec<(usize, usize)> = subsets
                .iter()
                .map(|it| (it.addresses.len(), it.not_ready_addresses.len()))
                .collect();
            assert_eq!(found, after, "{before:?}");
        }
    }
}
