//! Delete, delete a collection, evict.
//!
//! `Delete` and `DeleteCollection` of `staging/src/k8s.io/apiserver/pkg/registry/generic/registry/store.go`, `rest/delete.go`,
//! `pkg/registry/core/{namespace,pod}/storage` of Kubernetes 1.36.
//!
//! **Left out**: PodDisruptionBudgets: every eviction is granted. An object that goes in the foreground, or leaves its
//! own behind, cannot be told to go in the background after all.

use super::super::Propagation;
use super::asked::{Asked, Outcome};
use super::list_text;
use super::read::ListOptions;
use super::request::Done;
use super::selector::Selector;
use crate::api::{Kind, ObjectRef, Status, schema};
use serde_json::{Value, json};
use std::sync::Arc;

/// The namespaces that no client may delete.
const IMMORTAL: [&str; 3] = ["default", "kube-system", "kube-public"];
const NAMESPACE_BUSY: &str = "The system is ensuring all content is removed from this namespace.  Upon completion, this namespace will automatically be purged by the system.";

impl Asked<'_> {
    /// Takes the object away, or asks it to go.
    pub(super) fn delete(&mut self) -> Outcome {
        self.delete_one(&self.request.object())
    }

    fn delete_one(&mut self, object: &ObjectRef) -> Outcome {
        let resource = self.resource();
        let live = self.store.document(object).cloned();
        let live = live.ok_or_else(|| Status::not_found(resource, &object.name))?;
        self.check_preconditions(&live, &object.name)?;
        if object.kind == Kind::Namespace {
            if IMMORTAL.contains(&object.name.as_str()) {
                let why = "this namespace may not be deleted";
                return Err(Status::forbidden(resource, &object.name, why));
            }
            if !live["metadata"]["deletionTimestamp"].is_null() {
                return Err(Status::conflict(resource, &object.name, NAMESPACE_BUSY));
            }
        }
        let propagation = self.propagation(&live);
        let grace = self.options().grace_period_seconds;
        self.store.delete(object, propagation, grace, self.clock);
        if let Some(it) = self.store.document(object) {
            return Ok((Value::clone(it), Done::Terminating));
        }
        if object.kind == Kind::Service {
            let endpoints = ObjectRef::new(Kind::Endpoints, &object.namespace, &object.name);
            self.store.remove(&endpoints);
        }
        Ok((Value::clone(&live), Done::Deleted))
    }

    /// What becomes of what it owns: what is asked for, else what somebody has asked for before.
    fn propagation(&self, live: &Value) -> Propagation {
        if let Some(told) = self.options().propagation {
            return told.into();
        }
        let finalizers = live["metadata"]["finalizers"].as_array();
        let has = |name: &str| finalizers.is_some_and(|it| it.iter().any(|it| it == name));
        if has("orphan") {
            Propagation::Orphan
        } else if has("foregroundDeletion") {
            Propagation::Foreground
        } else {
            Propagation::Background
        }
    }

    fn check_preconditions(&self, live: &Arc<Value>, name: &str) -> Result<(), Status> {
        let options = self.options();
        let rows = [
            (&options.uid, "uid", "UID", "deleted and then recreated"),
            (
                &options.resource_version,
                "resourceVersion",
                "ResourceVersion",
                "modified",
            ),
        ];
        for (told, field, words, fate) in rows {
            let known = live["metadata"][field].as_str().unwrap_or_default();
            if let Some(told) = told.as_deref().filter(|it| *it != known) {
                let why = format!(
                    "the {words} in the precondition ({told}) does not match the {words} in record ({known}). The object might have been {fate}"
                );
                // It is the kind here, not the resource.
                return Err(Status::conflict(self.kind(), name, &why));
            }
        }
        Ok(())
    }

    /// Takes all objects away that are selected. The answer is their list.
    pub(super) fn delete_collection(&mut self, labels: &str, fields: &str) -> Outcome {
        let kind = self.request.kind;
        let options = ListOptions {
            namespace: self.request.namespace.clone(),
            selector: Selector::read(kind, labels, fields)?,
            ..ListOptions::default()
        };
        let listed = self.store.list(kind, &options);
        for it in &listed.items {
            let text = |field: &str| it["metadata"][field].as_str().unwrap_or_default();
            let object = ObjectRef::new(kind, text("namespace"), text("name"));
            self.delete_one(&object)?;
        }
        Ok((list_text::document(kind, &listed, true), Done::Terminating))
    }

    /// Evicts a pod.
    pub(super) fn evict(&mut self, body: &str) -> Outcome {
        let of =
            schema::of_kind("policy/v1", "Eviction").ok_or_else(super::asked::no_such_resource)?;
        let eviction = self.read(body, of, ("policy/v1", "Eviction"))?;
        if eviction["metadata"]["name"] != self.request.name.as_str() {
            let why = "name in URL does not match name in Eviction object";
            return Err(Status::bad_request(why));
        }
        let object = self.request.object();
        let live = self.store.document(&object).cloned();
        let live = live.ok_or_else(|| Status::not_found(self.resource(), &object.name))?;
        self.check_preconditions(&live, &object.name)?;
        let told = eviction["deleteOptions"]["gracePeriodSeconds"].as_i64();
        let grace = told.or(self.options().grace_period_seconds);
        let propagation = self.propagation(&live);
        self.store.delete(&object, propagation, grace, self.clock);
        Ok((created_status(), Done::Created))
    }
}

/// What is answered where nothing was made that could be shown.
pub(super) fn created_status() -> Value {
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201})
}
