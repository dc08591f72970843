//! EndpointSlices: for every Service with a selector, the pods it finds.
//!
//! `staging/src/k8s.io/endpointslice/reconciler.go` of Kubernetes 1.36, with its way of packing: endpoints stay where
//! they are, slices that change anyway are filled first, then the one that fits best, and nothing is ever moved to
//! make slices fuller. Slices that somebody else made are left as they are; kube-proxy merges all of them.
//!
//! Slices that a manifest gives without any pods are taken as they are, until the first pod of the Service is seen.
//!
//! A change of one pod looks at the Services that select it, and at the pods those select; it writes one slice.
//!
//! **Left out**: the annotation with the time of the last trigger.

use super::owner::controlled_by;
use super::target::{self, Ports};
use super::trigger::{annotate, trigger};
use super::{Controller, Look, Outcome, topology};
use crate::api::{
    Endpoint, EndpointConditions, EndpointHints, EndpointPort, EndpointSlice, HintFor, Kind,
    Labels, Object, ObjectRef, Pod, Service,
};
use crate::ip::{Family, IpAddr};
use crate::sorted::{gathered, sort_by_key};
use crate::store::{Change, Note, NoteKind, Objects, Part, Propagation, Write};
use crate::time::Duration;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The label that names who looks after a slice.
pub(super) const MANAGED_BY: &str = "endpointslice.kubernetes.io/managed-by";

/// This controller's name in it.
const MANAGER: &str = "endpointslice-controller.k8s.io";

/// The label that marks what belongs to a headless Service.
pub(super) const HEADLESS: &str = "service.kubernetes.io/headless";

const NODE_ZONE: &str = "topology.kubernetes.io/zone";

/// `--max-endpoints-per-slice`
const MAX_ENDPOINTS: usize = 100;

const NAME: &str = "endpoint-slice-controller";

pub(super) const CONTROLLER: Controller = Controller {
    name: NAME,
    delay: Duration::from_millis(100),
    watches,
    reconcile,
};

/// The Services that a change of an object concerns.
pub(super) fn watches(change: &Change, objects: &Objects) -> Vec<ObjectRef> {
    let namespace = &change.object.namespace;
    let named = |name: &str| ObjectRef::new(Kind::Service, namespace, name);
    match change.object.kind {
        Kind::Service => vec![change.object.clone()],
        Kind::EndpointSlice => change
            .sides()
            .filter_map(|it| match it {
                Object::EndpointSlice(it) => it.service_name().map(named),
                _ => None,
            })
            .collect(),
        Kind::Pod => services_of_pod(change, objects),
        // Endpoints know their node's zone, and go with a node that is gone.
        Kind::Node => change
            .sides()
            .flat_map(|_| objects.pods_on(&change.object.name))
            .filter_map(|it| objects.pods.get(it))
            .flat_map(|pod| {
                let namespace = &pod.metadata.namespace;
                objects.services_selecting(namespace, pod.labels())
            })
            .map(|it| ObjectRef::new(Kind::Service, &it.metadata.namespace, &it.metadata.name))
            .collect(),
        _ => Vec::new(),
    }
}

/// The Services that select a pod, or did before it changed.
pub(super) fn services_of_pod(change: &Change, objects: &Objects) -> Vec<ObjectRef> {
    let mut found = Vec::new();
    for side in change.sides() {
        let Object::Pod(pod) = side else { continue };
        for it in objects.services_selecting(&change.object.namespace, pod.labels()) {
            let reference =
                ObjectRef::new(Kind::Service, &it.metadata.namespace, &it.metadata.name);
            if !found.contains(&reference) {
                found.push(reference);
            }
        }
    }
    found
}

fn reconcile(look: &Look<'_>, about: &ObjectRef) -> Outcome {
    let Some(service) = look.objects.service(&about.namespace, &about.name) else {
        return Outcome::nothing();
    };
    if service.spec.selector.is_empty()
        || service.kind() == "ExternalName"
        || service.metadata.deletion_timestamp.is_some()
    {
        return Outcome::nothing();
    }
    let pods: Vec<&Arc<Pod>> = look
        .objects
        .pods_selected(&about.namespace, &service.spec.selector)
        .collect();
    let has_slices = look
        .objects
        .slices_of(&about.namespace, &about.name)
        .next()
        .is_some();
    let knows_pods = look.memory.of(NAME, about).is_some();
    if pods.is_empty() && has_slices && !knows_pods && has_no_pods(look.objects, &about.namespace) {
        return Outcome::nothing();
    }
    let seen = pods.iter().map(|it| &***it);
    let (triggered_at, remember) = trigger(look, NAME, about, service, seen);
    let mut plan = Plan::new(look, service);
    plan.triggered_at = triggered_at;
    Outcome {
        writes: plan.writes(&pods),
        wake: None,
        remember,
    }
}

fn has_no_pods(objects: &Objects, namespace: &str) -> bool {
    let first = (namespace.to_owned(), String::new());
    let next = objects.pods.range(first..).next();
    next.is_none_or(|(key, _)| key.0 != namespace)
}

/// What is to become of a Service's slices.
struct Plan<'a> {
    look: &'a Look<'a>,
    service: &'a Arc<Service>,
    labels: Labels,
    /// Whether hints follow from the zones of all endpoints together.
    weighs_zones: bool,
    creates: Vec<EndpointSlice>,
    updates: Vec<EndpointSlice>,
    deletes: Vec<Arc<EndpointSlice>>,
    /// Those of the family being planned that stay as they are.
    unchanged: Vec<Arc<EndpointSlice>>,
    notes: Vec<Write>,
    /// When the change happened that the slices are written for.
    triggered_at: Option<String>,
}

impl<'a> Plan<'a> {
    fn new(look: &'a Look<'a>, service: &'a Arc<Service>) -> Self {
        Plan {
            look,
            service,
            labels: labels(service, MANAGER),
            weighs_zones: topology::is_asked_for(service),
            creates: Vec::new(),
            updates: Vec::new(),
            deletes: Vec::new(),
            unchanged: Vec::new(),
            notes: Vec::new(),
            triggered_at: None,
        }
    }

    fn writes(mut self, pods: &[&Arc<Pod>]) -> Vec<Write> {
        let metadata = &self.service.metadata;
        let mut ours: BTreeMap<String, Vec<Arc<EndpointSlice>>> = BTreeMap::new();
        for slice in self
            .look
            .objects
            .slices_of(&metadata.namespace, &metadata.name)
        {
            if slice.metadata.labels.get(MANAGED_BY).map(String::as_str) == Some(MANAGER) {
                let of = ours.entry(slice.address_type.clone()).or_default();
                of.push(slice.clone());
            }
        }
        for of in target::families(self.service) {
            let existing = ours.remove(&of.to_string()).unwrap_or_default();
            self.plan_family(of, existing, pods);
        }
        self.deletes.extend(ours.into_values().flatten());
        self.finish()
    }

    fn plan_family(&mut self, of: Family, existing: Vec<Arc<EndpointSlice>>, pods: &[&Arc<Pod>]) {
        let mut wanted: BTreeMap<Ports, BTreeMap<String, Endpoint>> = BTreeMap::new();
        for pod in pods {
            if let Some(endpoint) = self.endpoint(pod, of) {
                let group = wanted.entry(target::ports(self.service, pod)).or_default();
                group.insert(identity(&endpoint), endpoint);
            }
        }
        let mut by_ports: BTreeMap<Ports, Vec<Arc<EndpointSlice>>> = BTreeMap::new();
        for slice in existing {
            by_ports.entry(ports_of(&slice)).or_default().push(slice);
        }
        let (n_creates, mut deletes) = (self.creates.len(), Vec::new());
        let n_updates = self.updates.len();
        self.unchanged.clear();
        let n_existing: usize = by_ports.values().map(Vec::len).sum();
        for (ports, endpoints) in wanted {
            let slices = by_ports.remove(&ports).unwrap_or_default();
            self.pack(of, &ports, slices, endpoints, &mut deletes);
        }
        deletes.extend(by_ports.into_values().flatten());
        if deletes.len() == n_existing && self.creates.len() == n_creates {
            self.hold_place(of, &mut deletes);
        }
        self.deletes.extend(deletes);
        if self.weighs_zones {
            self.weigh_zones(of, n_creates, n_updates);
        }
    }

    /// Puts hints on the slices of a family by the processors of zones, and says when that begins or does not work.
    fn weigh_zones(&mut self, of: Family, n_creates: usize, n_updates: usize) {
        let metadata = &self.service.metadata;
        let slices = self
            .look
            .objects
            .slices_of(&metadata.namespace, &metadata.name);
        let had_hints = slices
            .flat_map(|it| &it.endpoints)
            .any(|it| it.hints.is_some());
        let mut updates = self.updates.split_off(n_updates);
        let mut family = topology::Family {
            creates: &mut self.creates[n_creates..],
            updates: &mut updates,
            unchanged: std::mem::take(&mut self.unchanged),
        };
        let shares = topology::shares(self.look);
        let told = match topology::add_hints(&mut family, shares.as_ref()) {
            Ok(()) if had_hints => None,
            Ok(()) => Some((
                NoteKind::Normal,
                "TopologyAwareHintsEnabled",
                "Topology Aware Hints has been enabled".to_owned(),
            )),
            Err(why) => Some((NoteKind::Warning, "TopologyAwareHintsDisabled", why)),
        };
        self.updates.append(&mut updates);
        self.notes.extend(told.map(|(kind, reason, why)| {
            Write::Record(Note {
                about: ObjectRef::new(Kind::Service, &metadata.namespace, &metadata.name),
                kind,
                reason: reason.to_owned(),
                message: format!("{why}, addressType: {of}"),
                component: NAME,
                host: None,
                field_path: None,
            })
        }));
    }

    /// A Service that finds nothing still has a slice, which says so.
    fn hold_place(&mut self, of: Family, deletes: &mut Vec<Arc<EndpointSlice>>) {
        let place = self.fresh(of, &Vec::new());
        let is_place = |it: &EndpointSlice| {
            it.endpoints.is_empty()
                && it.ports.is_empty()
                && it.metadata.labels == place.metadata.labels
        };
        match deletes.as_slice() {
            [one] if is_place(one) => deletes.clear(),
            _ => self.creates.push(place),
        }
    }

    /// Puts the endpoints of one list of ports into slices.
    fn pack(
        &mut self,
        of: Family,
        ports: &Ports,
        existing: Vec<Arc<EndpointSlice>>,
        mut wanted: BTreeMap<String, Endpoint>,
        deletes: &mut Vec<Arc<EndpointSlice>>,
    ) {
        let (mut changed, mut unchanged) = (Vec::new(), Vec::new());
        for slice in existing {
            let kept: Vec<Endpoint> = slice
                .endpoints
                .iter()
                .filter_map(|it| wanted.remove(&identity(it)))
                .collect();
            if kept.is_empty() {
                deletes.push(slice);
            } else if !self.is_same(&kept, &slice.endpoints) || slice.metadata.labels != self.labels
            {
                let mut slice = EndpointSlice::clone(&slice);
                slice.endpoints = kept;
                slice.metadata.labels.clone_from(&self.labels);
                changed.push(slice);
            } else {
                unchanged.push(slice);
            }
        }
        let mut rest = wanted.into_values();
        // Fullest first.
        sort_by_key(&mut changed, |it| std::cmp::Reverse(it.endpoints.len()));
        for slice in &mut changed {
            let room = MAX_ENDPOINTS.saturating_sub(slice.endpoints.len());
            slice.endpoints.extend(rest.by_ref().take(room));
        }
        self.updates.append(&mut changed);
        let mut rest: Vec<Endpoint> = rest.collect();
        while !rest.is_empty() {
            let fits = (rest.len() < MAX_ENDPOINTS)
                .then(|| best_fit(&unchanged, rest.len()))
                .flatten();
            if let Some(idx) = fits {
                let mut slice = EndpointSlice::clone(&unchanged.remove(idx));
                slice.endpoints.append(&mut rest);
                self.updates.push(slice);
            } else {
                let mut slice = self.fresh(of, ports);
                let n = rest.len().min(MAX_ENDPOINTS);
                slice.endpoints = rest.drain(..n).collect();
                self.creates.push(slice);
            }
        }
        self.unchanged.append(&mut unchanged);
    }

    /// Whether a slice has the endpoints it should have. Hints that follow from all slices together come later.
    fn is_same(&self, wanted: &[Endpoint], found: &[Endpoint]) -> bool {
        if !self.weighs_zones {
            return wanted == found;
        }
        wanted.len() == found.len()
            && wanted.iter().zip(found).all(|(wanted, found)| {
                let hints = &found.hints;
                *found
                    == Endpoint {
                        hints: hints.clone(),
                        ..wanted.clone()
                    }
            })
    }

    /// Slices to be made take the places of slices to be deleted, which spares watchers a change each.
    fn finish(mut self) -> Vec<Write> {
        while let (Some(_), Some(_)) = (self.creates.last(), self.deletes.first()) {
            let old = self.deletes.remove(0);
            let mut new = self.creates.pop().expect("there is one");
            if old.address_type != new.address_type {
                // The address type of a slice never changes.
                self.creates.push(new);
                self.deletes.insert(0, old);
                break;
            }
            new.metadata.name.clone_from(&old.metadata.name);
            self.updates.push(new);
        }
        for it in self.creates.iter_mut().chain(&mut self.updates) {
            annotate(&mut it.metadata.annotations, self.triggered_at.as_ref());
        }
        let delete = |it: Arc<EndpointSlice>| Write::Delete {
            object: Object::from(it).reference(),
            propagation: Propagation::Background,
        };
        let deletes = self.deletes.into_iter().map(delete);
        let creates = self.creates.into_iter().map(|it| Write::Create(it.into()));
        let old = |it: &EndpointSlice| {
            let key = (it.metadata.namespace.clone(), it.metadata.name.clone());
            self.look.objects.endpoint_slices.get(&key).cloned()
        };
        let updates = self.updates.into_iter().map(|it| {
            let before = old(&it);
            patch(before.as_deref(), it)
        });
        let writes = deletes.chain(updates).chain(creates);
        writes.chain(std::mem::take(&mut self.notes)).collect()
    }

    fn fresh(&self, of: Family, ports: &Ports) -> EndpointSlice {
        let metadata = &self.service.metadata;
        let mut slice = EndpointSlice {
            address_type: of.to_string(),
            ports: ports
                .iter()
                .map(|(name, protocol, number, app_protocol)| EndpointPort {
                    name: Some(name.clone()),
                    protocol: Some(protocol.clone()),
                    port: Some(*number),
                    app_protocol: app_protocol.clone(),
                })
                .collect(),
            ..EndpointSlice::default()
        };
        slice.metadata.namespace.clone_from(&metadata.namespace);
        slice.metadata.generate_name = Some(format!("{}-", metadata.name));
        slice.metadata.labels.clone_from(&self.labels);
        slice.metadata.owner_references = controlled_by(&self.service.clone().into())
            .into_iter()
            .collect();
        slice
    }

    /// A pod as an endpoint; none if it has no address of the family, or its node is gone.
    fn endpoint(&self, pod: &Pod, of: Family) -> Option<Endpoint> {
        let ip: IpAddr = target::address(pod, of)?;
        let publishes_all = self.service.spec.publish_not_ready_addresses;
        let node_name = pod.spec.node_name.clone();
        let node = node_name
            .as_ref()
            .and_then(|it| self.look.objects.nodes.get(it));
        if node_name.is_some() && node.is_none() && !publishes_all {
            return None;
        }
        let serving = pod.is_ready();
        let terminating = pod.is_terminating();
        let ready = publishes_all || (serving && !terminating);
        let zone = node
            .and_then(|it| it.metadata.labels.get(NODE_ZONE))
            .cloned();
        Some(Endpoint {
            addresses: vec![ip.to_string()],
            conditions: EndpointConditions {
                ready: Some(ready),
                serving: Some(serving),
                terminating: Some(terminating),
            },
            hostname: target::hostname(self.service, pod),
            target_ref: Some(target::reference(pod)),
            hints: ready
                .then(|| self.hints(zone.as_deref(), node_name.as_deref()))
                .flatten(),
            node_name,
            zone,
            ..Endpoint::default()
        })
    }

    /// Whom an endpoint is best for, by `trafficDistribution`.
    fn hints(&self, zone: Option<&str>, node: Option<&str>) -> Option<EndpointHints> {
        if self.weighs_zones {
            // The annotation goes before the field.
            return None;
        }
        let named = |it: Option<&str>| -> Vec<HintFor> {
            let name = it.map(|it| HintFor {
                name: it.to_owned(),
            });
            name.into_iter().collect()
        };
        match self.service.spec.traffic_distribution.as_deref()? {
            "PreferClose" | "PreferSameZone" => zone.map(|it| EndpointHints {
                for_zones: named(Some(it)),
                for_nodes: Vec::new(),
            }),
            "PreferSameNode" => Some(EndpointHints {
                for_zones: named(zone),
                for_nodes: named(node),
            }),
            _ => None,
        }
    }
}

/// What stays the same of an endpoint while it comes and goes (`HashEndpoint` of addresses and target).
fn identity(endpoint: &Endpoint) -> String {
    let uid = endpoint.target_ref.as_ref().and_then(|it| it.uid.clone());
    let name = endpoint.target_ref.as_ref().and_then(|it| it.name.clone());
    format!(
        "{}/{}/{}",
        name.unwrap_or_default(),
        uid.unwrap_or_default(),
        endpoint.addresses.join(",")
    )
}

fn ports_of(slice: &EndpointSlice) -> Ports {
    let ports = slice.ports.iter();
    ports
        .map(|it| {
            (
                it.name.clone().unwrap_or_default(),
                it.protocol.clone().unwrap_or_else(|| "TCP".into()),
                it.port.unwrap_or_default(),
                it.app_protocol.clone(),
            )
        })
        .collect()
}

/// The slice with the least room that still has enough of it.
fn best_fit(slices: &[Arc<EndpointSlice>], n: usize) -> Option<usize> {
    let room = |it: &EndpointSlice| MAX_ENDPOINTS.saturating_sub(it.endpoints.len());
    (0..slices.len())
        .filter(|it| room(&slices[*it]) >= n)
        .min_by_key(|it| room(&slices[*it]))
}

/// The labels of a Service's slices: its own, and those of the one who looks after them.
pub(super) fn labels(service: &Service, manager: &str) -> Labels {
    let mut labels = service.metadata.labels.clone();
    for reserved in [HEADLESS, MANAGED_BY, EndpointSlice::SERVICE_NAME] {
        labels.remove(reserved);
    }
    labels.insert(
        EndpointSlice::SERVICE_NAME.into(),
        service.metadata.name.clone(),
    );
    labels.insert(MANAGED_BY.into(), manager.into());
    if service.is_headless() {
        labels.insert(HEADLESS.into(), String::new());
    }
    labels
}

/// What changes a slice into another: its labels, annotations, endpoints and ports.
pub(super) fn patch(before: Option<&EndpointSlice>, after: EndpointSlice) -> Write {
    let before = before.map(|it| it.metadata.clone()).unwrap_or_default();
    let labels = changes_of(&before.labels, &after.metadata.labels);
    let annotations = changes_of(&before.annotations, &after.metadata.annotations);
    let object = Object::from(after);
    let mut document = object.document();
    Write::Patch {
        object: object.reference(),
        part: Part::Main,
        patch: json!({
            "metadata": {"labels": labels, "annotations": annotations},
            "endpoints": document["endpoints"].take(),
            "ports": document["ports"].take(),
        }),
    }
}

/// What makes one set of labels another.
fn changes_of(before: &Labels, after: &Labels) -> serde_json::Map<String, Value> {
    let gone = before.keys().filter(|it| !after.contains_key(*it));
    let gone = gone.map(|it| (it.clone(), Value::Null));
    let new = after.iter().map(|it| (it.0.clone(), it.1.as_str().into()));
    gathered(gone.chain(new))
}
