//! The garbage collector: what its owners have left goes too, and owners wait for it when they were asked to.
//!
//! `pkg/controller/garbagecollector` of Kubernetes 1.36.
//!
//! **Left out**: the time a collector takes to build its graph; an owner that a manifest does not hold is taken to be
//! somewhere else, where a real collector would find it missing.

use super::{Controller, Look, Outcome};
use crate::api::{Kind, Object, ObjectRef, OwnerReference};
use crate::store::{Change, ChangeKind, Objects, Part, Propagation, Write};
use crate::time::Duration;
use serde_json::{Value, json};

const FOREGROUND: &str = "foregroundDeletion";
const ORPHAN: &str = "orphan";

pub(super) const CONTROLLER: Controller = Controller {
    name: "garbage-collector-controller",
    delay: Duration::from_millis(30),
    watches,
    reconcile,
};

fn watches(change: &Change, objects: &Objects) -> Vec<ObjectRef> {
    let mut found = Vec::new();
    let is_going = change.after.as_ref().and_then(Object::metadata);
    if is_going.is_some_and(|it| it.deletion_timestamp.is_some()) {
        found.push(change.object.clone());
    }
    if change.kind == ChangeKind::Deleted {
        let metadata = change.before.as_ref().and_then(Object::metadata);
        if let Some(uid) = metadata.and_then(|it| it.uid.as_deref()) {
            found.extend(objects.owned_by(uid).cloned());
        }
        // An owner may have waited for this one.
        for owner in metadata.iter().flat_map(|it| &it.owner_references) {
            found.extend(owner_ref(owner, &change.object.namespace));
        }
    }
    found
}

fn owner_ref(owner: &OwnerReference, namespace: &str) -> Option<ObjectRef> {
    let kind = Kind::from_name(&owner.kind)?;
    let namespace = if kind.is_namespaced() { namespace } else { "" };
    Some(ObjectRef::new(kind, namespace, &owner.name))
}

fn reconcile(look: &Look<'_>, about: &ObjectRef) -> Outcome {
    let Some(object) = look.objects.find(about) else {
        return Outcome::nothing();
    };
    let Some(metadata) = object.metadata() else {
        return Outcome::nothing();
    };
    let has = |name: &str| metadata.finalizers.iter().any(|it| it == name);
    if metadata.deletion_timestamp.is_some() {
        let uid = metadata.uid.as_deref().unwrap_or_default();
        if has(ORPHAN) {
            return Outcome::writes(let_go(look, about, uid, &metadata.finalizers));
        }
        if has(FOREGROUND) {
            return Outcome::writes(wait_for(look, about, uid, &metadata.finalizers));
        }
        if metadata.finalizers.is_empty() && !matches!(about.kind, Kind::Pod | Kind::Namespace) {
            return Outcome::writes(vec![Write::Remove(about.clone())]);
        }
        return Outcome::nothing();
    }
    if metadata.owner_references.is_empty() {
        return Outcome::nothing();
    }
    // An owner that never was here may be somewhere else: a dump of pods need not hold their ReplicaSets.
    let is_lost = |it: &OwnerReference| look.store.has_lost(&it.uid);
    if !metadata.owner_references.iter().all(is_lost) {
        return Outcome::nothing();
    }
    Outcome::writes(vec![Write::Delete {
        object: about.clone(),
        propagation: Propagation::Background,
    }])
}

/// Takes the owner's name off what it owned, and then lets the owner go.
fn let_go(look: &Look<'_>, about: &ObjectRef, uid: &str, finalizers: &[String]) -> Vec<Write> {
    let mut writes = Vec::new();
    for owned in look.objects.owned_by(uid) {
        let Some(object) = look.objects.find(owned) else {
            continue;
        };
        let references = object.metadata().map(|it| it.owner_references.clone());
        let left: Vec<OwnerReference> = references
            .unwrap_or_default()
            .into_iter()
            .filter(|it| it.uid != uid)
            .collect();
        writes.push(patch(
            owned,
            &json!({"ownerReferences": or_null(json!(left))}),
        ));
    }
    writes.extend(without(about, finalizers, ORPHAN));
    writes
}

/// Has what is owned go first; the owner goes when nothing is left that blocks it.
fn wait_for(look: &Look<'_>, about: &ObjectRef, uid: &str, finalizers: &[String]) -> Vec<Write> {
    let mut writes = Vec::new();
    let mut blocks = false;
    for owned in look.objects.owned_by(uid) {
        let Some(object) = look.objects.find(owned) else {
            continue;
        };
        let Some(metadata) = object.metadata() else {
            continue;
        };
        let reference = metadata.owner_references.iter().find(|it| it.uid == uid);
        blocks |= reference.is_some_and(|it| it.block_owner_deletion == Some(true));
        if metadata.deletion_timestamp.is_none() {
            writes.push(Write::Delete {
                object: owned.clone(),
                propagation: Propagation::Foreground,
            });
        }
    }
    if !blocks {
        writes.extend(without(about, finalizers, FOREGROUND));
    }
    writes
}

/// Takes a finalizer off; without any left the object goes.
fn without(about: &ObjectRef, finalizers: &[String], finalizer: &str) -> Vec<Write> {
    let left: Vec<&String> = finalizers.iter().filter(|it| *it != finalizer).collect();
    if left.is_empty() && about.kind != Kind::Pod {
        return vec![Write::Remove(about.clone())];
    }
    let left = or_null(json!(left));
    vec![patch(about, &json!({"finalizers": left}))]
}

fn patch(object: &ObjectRef, metadata: &Value) -> Write {
    Write::Patch {
        object: object.clone(),
        part: Part::Main,
        patch: json!({ "metadata": metadata }),
    }
}

fn or_null(list: Value) -> Value {
    match list.as_array() {
        Some(it) if it.is_empty() => Value::Null,
        _ => list,
    }
}
