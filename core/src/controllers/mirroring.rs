//! Mirrors: the slices of Endpoints that somebody made by hand for a Service without a selector.
//!
//! `pkg/controller/endpointslicemirroring` of Kubernetes 1.36 (KEP-752).
//!
//! **Left out**: the annotation with the time of the last trigger, which is not copied.

use super::endpoint_slice::{MANAGED_BY, patch};
use super::endpoints::MAX_ADDRESSES;
use super::owner::controlled_by;
use super::{Controller, Look, Outcome};
use crate::api::{
    Endpoint, EndpointAddress, EndpointConditions, EndpointPort, EndpointSlice, EndpointSubset,
    Endpoints, Kind, Labels, Object, ObjectRef,
};
use crate::ip::{Family, family, parse_sloppy};
use crate::store::{Change, Objects, Propagation, Write};
use crate::time::Duration;
use std::sync::Arc;

const MANAGER: &str = "endpointslicemirroring-controller.k8s.io";
const SKIP_MIRROR: &str = "endpointslice.kubernetes.io/skip-mirror";
const LEADER: &str = "control-plane.alpha.kubernetes.io/leader";

pub(super) const CONTROLLER: Controller = Controller {
    name: "endpoint-slice-mirroring-controller",
    delay: Duration::from_millis(140),
    watches,
    reconcile,
};

fn watches(change: &Change, _: &Objects) -> Vec<ObjectRef> {
    let namespace = &change.object.namespace;
    let named = |name: &str| ObjectRef::new(Kind::Endpoints, namespace, name);
    match change.object.kind {
        Kind::Service | Kind::Endpoints => vec![named(&change.object.name)],
        Kind::EndpointSlice => change
            .sides()
            .filter_map(|it| match it {
                Object::EndpointSlice(it) if is_mirror(it) => it.service_name().map(named),
                _ => None,
            })
            .collect(),
        _ => Vec::new(),
    }
}

fn is_mirror(slice: &EndpointSlice) -> bool {
    slice.metadata.labels.get(MANAGED_BY).map(String::as_str) == Some(MANAGER)
}

fn reconcile(look: &Look<'_>, about: &ObjectRef) -> Outcome {
    let key = (about.namespace.clone(), about.name.clone());
    let existing: Vec<Arc<EndpointSlice>> = look
        .objects
        .slices_of(&about.namespace, &about.name)
        .filter(|it| is_mirror(it))
        .cloned()
        .collect();
    let wanted = match look.objects.endpoints.get(&key) {
        Some(endpoints) if is_mirrored(look.objects, endpoints) => mirrors(endpoints),
        _ => Vec::new(),
    };
    let mut left = existing;
    let mut writes = Vec::new();
    for mut slice in wanted {
        let same_shape = |it: &Arc<EndpointSlice>| {
            it.address_type == slice.address_type && it.ports == slice.ports
        };
        match left.iter().position(same_shape) {
            None => writes.push(Write::Create(slice.into())),
            Some(idx) => {
                let before = left.remove(idx);
                let is_same = before.endpoints == slice.endpoints
                    && before.metadata.labels == slice.metadata.labels;
                if !is_same {
                    slice.metadata.name.clone_from(&before.metadata.name);
                    writes.push(patch(Some(&before), slice));
                }
            }
        }
    }
    writes.extend(left.into_iter().map(|it| Write::Delete {
        object: Object::from(it).reference(),
        propagation: Propagation::Background,
    }));
    Outcome::writes(writes)
}

/// Whether Endpoints are to be mirrored: made by hand, for a Service that has no selector.
fn is_mirrored(objects: &Objects, endpoints: &Endpoints) -> bool {
    let metadata = &endpoints.metadata;
    let service = objects.service(&metadata.namespace, &metadata.name);
    let skips = metadata.labels.get(SKIP_MIRROR).map(String::as_str) == Some("true")
        || metadata.annotations.contains_key(LEADER);
    !skips && service.is_some_and(|it| it.spec.selector.is_empty())
}

/// A slice for every subset and family.
fn mirrors(endpoints: &Endpoints) -> Vec<EndpointSlice> {
    let mut slices = Vec::new();
    for subset in &endpoints.subsets {
        for of in Family::ALL {
            let found = mirrored(subset, of);
            if !found.is_empty() {
                slices.push(mirror(endpoints, subset, of, found));
            }
        }
    }
    slices
}

fn mirrored(subset: &EndpointSubset, of: Family) -> Vec<Endpoint> {
    let ready = subset.addresses.iter().map(|it| (it, true));
    let others = subset.not_ready_addresses.iter().map(|it| (it, false));
    let of_family = |it: &EndpointAddress| parse_sloppy(&it.ip).is_some_and(|it| family(it) == of);
    ready
        .chain(others)
        .filter(|(it, _)| of_family(it))
        .take(MAX_ADDRESSES)
        .map(|(it, ready)| Endpoint {
            addresses: vec![it.ip.clone()],
            conditions: EndpointConditions {
                ready: Some(ready),
                ..EndpointConditions::default()
            },
            hostname: it.hostname.clone(),
            node_name: it.node_name.clone(),
            target_ref: it.target_ref.clone(),
            ..Endpoint::default()
        })
        .collect()
}

fn mirror(
    endpoints: &Endpoints,
    subset: &EndpointSubset,
    of: Family,
    found: Vec<Endpoint>,
) -> EndpointSlice {
    let metadata = &endpoints.metadata;
    let mut slice = EndpointSlice {
        address_type: of.to_string(),
        endpoints: found,
        ports: subset
            .ports
            .iter()
            .map(|it| EndpointPort {
                name: Some(it.name.clone().unwrap_or_default()),
                protocol: Some(it.protocol.clone().unwrap_or_else(|| "TCP".into())),
                port: Some(it.port),
                app_protocol: it.app_protocol.clone(),
            })
            .collect(),
        ..EndpointSlice::default()
    };
    slice.metadata.namespace.clone_from(&metadata.namespace);
    slice.metadata.generate_name = Some(format!("{}-", metadata.name));
    let mut labels: Labels = metadata.labels.clone();
    labels.insert(EndpointSlice::SERVICE_NAME.into(), metadata.name.clone());
    labels.insert(MANAGED_BY.into(), MANAGER.into());
    slice.metadata.labels = labels;
    slice.metadata.owner_references = controlled_by(&Object::from(endpoints.clone()))
        .into_iter()
        .collect();
    slice
}
