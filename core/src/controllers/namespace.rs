//! Namespaces: one that is to go takes everything in it along first.
//!
//! `pkg/controller/namespace/deletion` of Kubernetes 1.36.
//!
//! **Left out**: conditions of a namespace that cannot go; kinds that are not modelled.

use super::{Controller, Look, Outcome};
use crate::api::{Kind, Object, ObjectRef};
use crate::store::{Change, ChangeKind, Objects, Part, Propagation, Write};
use crate::time::Duration;
use serde_json::json;

pub(super) const CONTROLLER: Controller = Controller {
    name: "namespace-controller",
    delay: Duration::from_millis(100),
    watches,
    reconcile,
};

fn watches(change: &Change, objects: &Objects) -> Vec<ObjectRef> {
    if change.object.kind == Kind::Namespace {
        return vec![change.object.clone()];
    }
    let namespace = objects.namespaces.get(&change.object.namespace);
    let is_going = namespace.is_some_and(|it| it.metadata.deletion_timestamp.is_some());
    if change.kind == ChangeKind::Deleted && is_going {
        return vec![ObjectRef::new(
            Kind::Namespace,
            "",
            &change.object.namespace,
        )];
    }
    Vec::new()
}

fn reconcile(look: &Look<'_>, about: &ObjectRef) -> Outcome {
    let Some(Object::Namespace(namespace)) = look.objects.find(about) else {
        return Outcome::nothing();
    };
    let phase = namespace.status.phase.as_deref();
    let report = |phase: &str| Write::Patch {
        object: about.clone(),
        part: Part::Status,
        patch: json!({"status": {"phase": phase}}),
    };
    if namespace.metadata.deletion_timestamp.is_none() {
        let is_told = phase.is_some();
        return Outcome::writes(if is_told {
            Vec::new()
        } else {
            vec![report("Active")]
        });
    }
    let mut writes = Vec::new();
    if phase != Some("Terminating") {
        writes.push(report("Terminating"));
    }
    let content = look.objects.in_namespace(&about.name);
    let is_empty = content.is_empty();
    for object in content {
        let metadata = look.objects.find(&object);
        let is_going = metadata
            .as_ref()
            .and_then(Object::metadata)
            .is_some_and(|it| it.deletion_timestamp.is_some());
        if !is_going {
            writes.push(Write::Delete {
                object,
                propagation: Propagation::Background,
            });
        }
    }
    if is_empty && namespace.metadata.finalizers.is_empty() {
        writes.push(Write::Remove(about.clone()));
    }
    Outcome::writes(writes)
}
