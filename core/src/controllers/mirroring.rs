//! Mirrors: the slices of Endpoints that somebody made by hand for a Service without a selector.
//!
//! `pkg/controller/endpointslicemirroring` of Kubernetes 1.36 (KEP-752).
//!
//! A slice stands for every list of ports and family. Labels and annotations come along, but for the one that kubectl
//! leaves and the one with the time of the last change.
//!
//! **Left out**: nothing of what it writes; addresses are in the order of the Endpoints, where Kubernetes shuffles them.

use super::endpoint_slice::{MANAGED_BY, patch};
use super::endpoints::MAX_ADDRESSES;
use super::owner::controlled_by;
use super::{Controller, Look, Outcome};
use crate::api::{
    Endpoint, EndpointAddress, EndpointConditions, EndpointPort, EndpointSlice, Endpoints,
    EndpointsPort, Kind, Labels, Object, ObjectRef,
};
use crate::ip::{Family, IpAddr, family, parse_sloppy};
use crate::store::{Change, Note, NoteKind, Objects, Propagation, Write};
use crate::time::Duration;
use std::sync::Arc;

const MANAGER: &str = "endpointslicemirroring-controller.k8s.io";
const SKIP_MIRROR: &str = "endpointslice.kubernetes.io/skip-mirror";
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
const LAST_TRIGGER: &str = "endpoints.kubernetes.io/last-change-trigger-time";
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
    let (wanted, told) = match look.objects.endpoints.get(&key) {
        Some(endpoints) if is_mirrored(look.objects, endpoints) => mirrors(endpoints),
        _ => Default::default(),
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
                    && before.metadata.labels == slice.metadata.labels
                    && before.metadata.annotations == slice.metadata.annotations;
                if !is_same {
                    slice.metadata.name.clone_from(&before.metadata.name);
                    writes.push(patch(Some(&before), slice));
                }
            }
        }
    }
    // What is skipped is said whenever something is done, not at every look.
    if !writes.is_empty() {
        writes.extend(told.into_iter().map(|(reason, message)| {
            Write::Record(Note {
                about: about.clone(),
                kind: NoteKind::Warning,
                reason: reason.into(),
                message,
                component: CONTROLLER.name,
                host: None,
                field_path: None,
            })
        }));
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

/// What is the same of all endpoints of a mirror.
type Shape<'a> = (Family, &'a [EndpointsPort]);

/// What is to be mirrored, and what is said about what is not.
fn mirrors(endpoints: &Endpoints) -> (Vec<EndpointSlice>, Vec<(&'static str, String)>) {
    let mut by_shape: Vec<(Shape<'_>, Vec<Endpoint>)> = Vec::new();
    let (mut n_invalid, mut n_skipped) = (0, 0);
    for subset in &endpoints.subsets {
        let ready = subset.addresses.iter().map(|it| (it, true));
        let others = subset.not_ready_addresses.iter().map(|it| (it, false));
        let mut n_added = 0;
        for (address, is_ready) in ready.chain(others) {
            if n_added == MAX_ADDRESSES {
                break;
            }
            let Some(ip) = parse_sloppy(&address.ip) else {
                n_invalid += 1;
                continue;
            };
            n_added += 1;
            let shape = (family(ip), subset.ports.as_slice());
            let at = by_shape.iter().position(|it| it.0 == shape);
            let at = at.unwrap_or_else(|| {
                by_shape.push((shape, Vec::new()));
                by_shape.len() - 1
            });
            let found = &mut by_shape[at].1;
            let endpoint = mirrored(address, ip, is_ready);
            let same = |it: &Endpoint| {
                it.addresses == endpoint.addresses && it.target_ref == endpoint.target_ref
            };
            match found.iter_mut().find(|it| same(it)) {
                Some(it) => *it = endpoint,
                None => found.push(endpoint),
            }
        }
        n_skipped += subset.addresses.len() + subset.not_ready_addresses.len() - n_added;
    }
    let slices = by_shape.into_iter().map(|((of, ports), mut found)| {
        found.truncate(MAX_ADDRESSES);
        mirror(endpoints, ports, of, found)
    });
    let mut told = Vec::new();
    if n_invalid > 0 {
        told.push((
            "InvalidIPAddress",
            format!("Skipped {n_invalid} invalid IP addresses when mirroring to EndpointSlices"),
        ));
    }
    if n_skipped > n_invalid {
        told.push((
            "TooManyAddressesToMirror",
            format!(
                "A max of {MAX_ADDRESSES} addresses can be mirrored to EndpointSlices per Endpoints subset. {n_skipped} addresses were skipped"
            ),
        ));
    }
    (slices.collect(), told)
}

fn mirrored(address: &EndpointAddress, ip: IpAddr, is_ready: bool) -> Endpoint {
    Endpoint {
        addresses: vec![ip.to_string()],
        conditions: EndpointConditions {
            ready: Some(is_ready),
            ..EndpointConditions::default()
        },
        hostname: address.hostname.clone(),
        node_name: address.node_name.clone(),
        target_ref: address.target_ref.clone(),
        ..Endpoint::default()
    }
}

fn mirror(
    endpoints: &Endpoints,
    ports: &[EndpointsPort],
    of: Family,
    found: Vec<Endpoint>,
) -> EndpointSlice {
    let metadata = &endpoints.metadata;
    let mut slice = EndpointSlice {
        address_type: of.to_string(),
        endpoints: found,
        ports: ports
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
    slice.metadata.annotations = metadata.annotations.clone();
    for left_behind in [LAST_APPLIED, LAST_TRIGGER] {
        slice.metadata.annotations.remove(left_behind);
    }
    slice.metadata.owner_references = controlled_by(&Object::from(endpoints.clone()))
        .into_iter()
        .collect();
    slice
}
