//! ReplicaSets: as many pods of a template as are wanted.
//!
//! `pkg/controller/replicaset/replica_set.go` and `pkg/controller/controller_utils.go` (which pod goes first) of
//! Kubernetes 1.36.
//!
//! **Left out**: slow-start batches; the annotation `controller.kubernetes.io/pod-deletion-cost`.

use super::owner::{controlled_by, controller_uid};
use super::{Controller, Look, Outcome, Purpose, Wake};
use crate::api::{Kind, LabelSelector, Object, ObjectRef, Pod, ReplicaSet};
use crate::sorted::sort_by_key;
use crate::store::{Change, Note, NoteKind, Objects, Part, Propagation, Write};
use crate::time::{Clock, Duration, Instant};
use serde_json::{Value, json};
use std::sync::Arc;

const NAME: &str = "replicaset-controller";

pub(super) const CONTROLLER: Controller = Controller {
    name: NAME,
    delay: Duration::from_millis(20),
    watches,
    reconcile,
};

/// The object of a kind that controls a pod, and those whose selectors may want it when nobody does.
pub(super) fn controllers_of(change: &Change, kind: Kind) -> Vec<ObjectRef> {
    let mut found = Vec::new();
    for side in change.sides() {
        let Some(metadata) = side.metadata() else {
            continue;
        };
        for owner in &metadata.owner_references {
            if owner.controller == Some(true) && owner.kind == kind.name() {
                found.push(ObjectRef::new(kind, &metadata.namespace, &owner.name));
            }
        }
    }
    found
}

fn watches(change: &Change, objects: &Objects) -> Vec<ObjectRef> {
    match change.object.kind {
        Kind::ReplicaSet => vec![change.object.clone()],
        Kind::Pod => {
            let mut found = controllers_of(change, Kind::ReplicaSet);
            if found.is_empty()
                && let Some(Object::Pod(pod)) = &change.after
            {
                let namespace = &change.object.namespace;
                let first = (namespace.clone(), String::new());
                let near = objects.replica_sets.range(first..);
                found.extend(
                    near.take_while(|(key, _)| key.0 == *namespace)
                        .filter(|(_, it)| it.spec.selector.selects(pod.labels()))
                        .map(|(key, _)| ObjectRef::new(Kind::ReplicaSet, namespace, &key.1)),
                );
            }
            found
        }
        _ => Vec::new(),
    }
}

fn reconcile(look: &Look<'_>, about: &ObjectRef) -> Outcome {
    let Some(Object::ReplicaSet(set)) = look.objects.find(about) else {
        return Outcome::nothing();
    };
    let mut writes = Vec::new();
    let owner = Object::from(set.clone());
    let mut pods = claim(look, &owner, &set.spec.selector, &mut writes);
    pods.retain(|it| !it.is_over() && !it.is_terminating());
    let wanted = usize::try_from(set.spec.replicas.unwrap_or(1)).unwrap_or(0);
    if set.metadata.deletion_timestamp.is_none() {
        scale(look, &set, &mut pods, wanted, &mut writes);
    }
    let (status, wake) = status(look.clock, &set, &pods);
    writes.push(Write::Patch {
        object: about.clone(),
        part: Part::Status,
        patch: json!({ "status": status }),
    });
    Outcome {
        writes,
        wake,
        remember: None,
    }
}

/// The pods of an owner: those it controls and still selects. One it no longer selects is let go, and one nobody
/// controls is taken in.
pub(super) fn claim(
    look: &Look<'_>,
    owner: &Object,
    selector: &LabelSelector,
    writes: &mut Vec<Write>,
) -> Vec<Arc<Pod>> {
    let Some(metadata) = owner.metadata() else {
        return Vec::new();
    };
    let uid = metadata.uid.as_deref().unwrap_or_default();
    let namespace = &metadata.namespace;
    let mut pods = Vec::new();
    for owned in look.objects.owned_by(uid) {
        let Some(pod) = look.objects.pod(namespace, &owned.name) else {
            continue;
        };
        if owned.kind != Kind::Pod || controller_uid(&pod.metadata.owner_references) != Some(uid) {
            continue;
        }
        if selector.selects(pod.labels()) {
            pods.push(pod.clone());
        } else if metadata.deletion_timestamp.is_none() {
            let left: Vec<_> = pod
                .metadata
                .owner_references
                .iter()
                .filter(|it| it.uid != uid)
                .collect();
            let left = if left.is_empty() {
                Value::Null
            } else {
                json!(left)
            };
            writes.push(references(owned, &left));
        }
    }
    if metadata.deletion_timestamp.is_some() || selector.is_empty() {
        return pods;
    }
    let labels = &selector.match_labels;
    for pod in look.objects.pods_selected(namespace, labels) {
        let is_free = controller_uid(&pod.metadata.owner_references).is_none();
        if is_free && !pod.is_terminating() && !pod.is_over() && selector.selects(pod.labels()) {
            let mut all = pod.metadata.owner_references.clone();
            all.extend(controlled_by(owner));
            let reference = Object::from(pod.clone()).reference();
            writes.push(references(&reference, &json!(all)));
            pods.push(pod.clone());
        }
    }
    pods
}

fn references(object: &ObjectRef, references: &Value) -> Write {
    Write::Patch {
        object: object.clone(),
        part: Part::Main,
        patch: json!({"metadata": {"ownerReferences": references}}),
    }
}

fn scale(
    look: &Look<'_>,
    set: &Arc<ReplicaSet>,
    pods: &mut Vec<Arc<Pod>>,
    wanted: usize,
    writes: &mut Vec<Write>,
) {
    let about = Object::from(set.clone());
    for idx in pods.len()..wanted {
        let suffix = suffix(look, &about.reference(), set, idx);
        let name = format!("{}-{suffix}", set.metadata.name);
        let message = format!("Created pod: {name}");
        let Some(pod) = pod_of(look, &about, &name) else {
            return;
        };
        writes.push(Write::Document(Kind::Pod, pod));
        writes.push(note(&about, NAME, "SuccessfulCreate", message));
    }
    if pods.len() > wanted {
        sort_by_key(pods, |it| rank(it, look.clock));
        for pod in pods.drain(..pods.len() - wanted).collect::<Vec<_>>() {
            let message = format!("Deleted pod: {}", pod.metadata.name);
            writes.push(Write::Delete {
                object: Object::from(pod).reference(),
                propagation: Propagation::Background,
            });
            writes.push(note(&about, NAME, "SuccessfulDelete", message));
        }
    }
}

/// Five characters that no pod of the set has yet.
fn suffix(look: &Look<'_>, about: &ObjectRef, set: &ReplicaSet, idx: usize) -> String {
    const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    let revision = set.metadata.resource_version.as_deref().unwrap_or_default();
    let moment = look.clock.now.as_millis();
    let mut luck = look.luck(about, &format!("pod {idx} {revision} {moment}"));
    (0..5)
        .map(|_| {
            let drawn = luck.draw(ALPHABET.len() as u64);
            let at = usize::try_from(drawn).unwrap_or(0);
            char::from(ALPHABET[at % ALPHABET.len()])
        })
        .collect()
}

/// A pod of an owner's template, controlled by the owner.
pub(super) fn pod_of(look: &Look<'_>, owner: &Object, name: &str) -> Option<Value> {
    let document = look.store.document(&owner.reference())?;
    pod_from(&document["spec"]["template"], owner, name)
}

/// A pod of a template, controlled by an owner.
pub(super) fn pod_from(template: &Value, owner: &Object, name: &str) -> Option<Value> {
    let metadata = owner.metadata()?;
    let mut pod = json!({
        "metadata": {
            "name": name,
            "generateName": format!("{}-", metadata.name),
            "namespace": metadata.namespace,
        },
        "spec": template["spec"],
    });
    for field in ["labels", "annotations"] {
        if let Some(it) = template["metadata"].get(field) {
            pod["metadata"][field] = it.clone();
        }
    }
    pod["metadata"]["ownerReferences"] = json!([controlled_by(owner)?]);
    Some(pod)
}

/// News about an object.
pub(super) fn note(
    about: &Object,
    component: &'static str,
    reason: &str,
    message: String,
) -> Write {
    Write::Record(Note {
        about: about.reference(),
        kind: NoteKind::Normal,
        reason: reason.to_owned(),
        message,
        component,
        host: None,
        field_path: None,
    })
}

/// Which pod goes first: on no node before on one, pending before running, unready before ready, ready for shorter
/// before longer, restarted oftener, younger (`ActivePodsWithRanks`).
fn rank(pod: &Pod, clock: Clock) -> (bool, u8, bool, i64, i32, i64, String) {
    let phase = match pod.status.phase.as_deref() {
        Some("Running") => 2,
        None | Some("Pending") => 0,
        Some(_) => 1,
    };
    let ready_since = pod
        .status
        .conditions
        .iter()
        .find(|it| it.kind == "Ready" && it.status == "True")
        .and_then(|it| clock.secs_since(it.last_transition_time.as_deref()?))
        .unwrap_or(0);
    let restarts = pod
        .status
        .container_statuses
        .iter()
        .map(|it| it.restart_count)
        .max();
    let age = pod
        .metadata
        .creation_timestamp
        .as_deref()
        .and_then(|it| clock.secs_since(it));
    (
        pod.spec.node_name.is_some(),
        phase,
        pod.is_ready(),
        ready_since,
        -restarts.unwrap_or(0),
        age.unwrap_or(0),
        pod.metadata.name.clone(),
    )
}

/// How many pods are ready, how many of them for long enough, and when the next one will be.
pub(super) fn availability(
    clock: Clock,
    pods: &[Arc<Pod>],
    min_ready_secs: i32,
) -> (usize, usize, Option<Instant>) {
    let min = Duration::from_secs(u64::try_from(min_ready_secs).unwrap_or(0));
    let (mut n_ready, mut n_available, mut next) = (0, 0, None::<Instant>);
    for pod in pods
        .iter()
        .filter(|it| it.is_ready() && it.status.phase.is_some())
    {
        n_ready += 1;
        let since = pod
            .status
            .conditions
            .iter()
            .find(|it| it.kind == "Ready")
            .and_then(|it| clock.instant_of(it.last_transition_time.as_deref()?))
            .unwrap_or(Instant::START);
        let at = since + min;
        if at <= clock.now {
            n_available += 1;
        } else {
            next = Some(next.map_or(at, |it| it.min(at)));
        }
    }
    (n_ready, n_available, next)
}

fn status(clock: Clock, set: &ReplicaSet, pods: &[Arc<Pod>]) -> (Value, Option<Wake>) {
    let (n_ready, n_available, next) = availability(clock, pods, set.spec.min_ready_seconds);
    let template = &set.spec.template.metadata.labels;
    let labelled = |it: &&Arc<Pod>| {
        template
            .iter()
            .all(|(name, value)| it.labels().get(name) == Some(value))
    };
    let n_labelled = pods.iter().filter(labelled).count();
    let or_null = |n: usize| if n == 0 { Value::Null } else { n.into() };
    let status = json!({
        "replicas": pods.len(),
        "fullyLabeledReplicas": or_null(n_labelled),
        "readyReplicas": or_null(n_ready),
        "availableReplicas": or_null(n_available),
        "observedGeneration": set.metadata.generation,
    });
    let wake = next.map(|at| Wake {
        at,
        purpose: Purpose::Progress,
    });
    (status, wake)
}
