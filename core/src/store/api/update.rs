//! Update, and what every change of an object goes through in the end.
//!
//! `staging/src/k8s.io/apiserver/pkg/registry/generic/registry/store.go` and `rest/update.go` of Kubernetes 1.36.
//!
//! **Left out**: what the pages above name.

use super::super::merge::without_nulls;
use super::super::service;
use super::asked::{Asked, Outcome};
use super::request::{Done, Subresource};
use super::strategy;
use crate::api::{Kind, Object, STALE, Service, Status};
use serde_json::Value;
use std::sync::Arc;

impl Asked<'_> {
    /// Puts a document in the place of the live one.
    pub(super) fn update(&mut self, document: Value) -> Outcome {
        self.check_name(&document)?;
        let is_main = self.request.subresource == Subresource::Main;
        let is_there = self.store.document(&self.request.object()).is_some();
        if !is_there && is_main && strategy::is_made_by_update(self.request.kind) {
            return self.create(document);
        }
        let live = self.live()?;
        let document = self.defaulted(document)?;
        let document = self.owned(Some(&live), &document);
        self.change(&live, document)
    }

    /// A document has the name and the namespace of its path.
    pub(super) fn check_name(&self, document: &Value) -> Result<(), Status> {
        let text = |field: &str| document["metadata"][field].as_str().unwrap_or_default();
        let (name, namespace) = (text("name"), text("namespace"));
        if !namespace.is_empty() && namespace != self.request.namespace {
            return Err(Status::bad_request(
                "the namespace of the provided object does not match the namespace sent on the request",
            ));
        }
        if name == self.request.name {
            return Ok(());
        }
        if name.is_empty() {
            return Err(Status::bad_request("name must be provided"));
        }
        Err(Status::bad_request(format!(
            "the name of the object ({name}) does not match the name on the URL ({})",
            self.request.name
        )))
    }

    /// Refuses a change of another object, or of an older version, than the live one.
    pub(super) fn check_revision(&self, live: &Value, document: &Value) -> Result<(), Status> {
        let text = |it: &Value, field: &str| {
            it["metadata"][field]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        };
        let (uid, known_uid) = (text(document, "uid"), text(live, "uid"));
        if !uid.is_empty() && uid != known_uid {
            let key = strategy::storage_key(&self.request.object());
            let why = format!(
                "StorageError: invalid object, Code: 4, Key: {key}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: {uid}, UID in object meta: {known_uid}"
            );
            return Err(Status::conflict(self.resource(), &self.request.name, &why));
        }
        let told = text(document, "resourceVersion");
        let wanted = self.options().resource_version.clone().unwrap_or(told);
        let is_told = !wanted.is_empty() && wanted != "0";
        if is_told && wanted != text(live, "resourceVersion") {
            return Err(Status::conflict(self.resource(), &self.request.name, STALE));
        }
        Ok(())
    }

    /// Prepares, checks and stores a changed document whose owners are noted already.
    pub(super) fn change(&mut self, live: &Value, mut document: Value) -> Outcome {
        self.check_revision(live, &document)?;
        keep_system_fields(live, &mut document);
        let (kind, part) = (self.request.kind, self.request.subresource);
        strategy::prepare_changed(kind, part, &mut document, live);
        let (old, new) = (self.typed(live)?, self.typed(&document)?);
        if let (Object::Service(old), Object::Service(new)) = (&old, &new) {
            let mut new = Service::clone(new);
            self.admit_changed(old, &mut new)?;
            let mut admitted = Object::from(new).document();
            document["spec"] = admitted["spec"].take();
            document["status"] = admitted["status"].take();
        } else {
            self.check(&document, Some(live))?;
        }
        if is_same(live, &document) {
            return Ok((live.clone(), Done::Unchanged));
        }
        if strategy::changes_generation(kind, &document, live) {
            let generation = live["metadata"]["generation"].as_i64().unwrap_or(0);
            document["metadata"]["generation"] = (generation + 1).into();
        }
        let outcome = self.keep(&document, Done::Changed)?;
        if is_let_go(kind, &outcome.0) {
            self.store.remove(&self.request.object());
        }
        Ok(outcome)
    }

    fn admit_changed(&mut self, old: &Arc<Service>, new: &mut Service) -> Result<(), Status> {
        let rules = self.store.rules();
        let warnings = match self.request.subresource {
            Subresource::Status => service::update_status(old, new, &rules)?,
            _ => {
                let dry_run = self.dry_run();
                let (allocators, luck) = self.store.allocators_and_luck();
                service::update(old, new, &rules, allocators, luck, dry_run)?
            }
        };
        self.warnings.extend(warnings);
        Ok(())
    }
}

/// What only the server changes stays as it is.
fn keep_system_fields(live: &Value, document: &mut Value) {
    let Some(metadata) = document["metadata"].as_object_mut() else {
        return;
    };
    for field in [
        "uid",
        "creationTimestamp",
        "namespace",
        "generation",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
    ] {
        match live["metadata"].get(field) {
            Some(it) => metadata.insert(field.to_owned(), it.clone()),
            None => metadata.remove(field),
        };
    }
}

/// Whether an object that was asked to go has nobody left to wait for.
fn is_let_go(kind: Kind, document: &Value) -> bool {
    let metadata = &document["metadata"];
    let is_empty = |it: &Value| it.as_array().is_none_or(Vec::is_empty);
    !metadata["deletionTimestamp"].is_null()
        && metadata["deletionGracePeriodSeconds"].as_i64().unwrap_or(0) == 0
        && is_empty(&metadata["finalizers"])
        && (kind != Kind::Namespace || is_empty(&document["spec"]["finalizers"]))
}

/// Whether two documents say the same, whenever that was noted.
fn is_same(a: &Value, b: &Value) -> bool {
    let stripped = |it: &Value| {
        let mut it = it.clone();
        without_nulls(&mut it);
        if let Some(metadata) = it.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.remove("resourceVersion");
            let entries = metadata
                .get_mut("managedFields")
                .and_then(Value::as_array_mut);
            for entry in entries
                .into_iter()
                .flatten()
                .filter_map(Value::as_object_mut)
            {
                entry.remove("time");
            }
            metadata.retain(|_, it| !is_empty(it));
        }
        if let Some(fields) = it.as_object_mut() {
            fields.retain(|_, it| !is_empty(it));
        }
        it
    };
    stripped(a) == stripped(b)
}

fn is_empty(it: &Value) -> bool {
    match it {
        Value::Null => true,
        Value::Object(it) => it.values().all(is_empty),
        Value::Array(it) => it.is_empty(),
        _ => false,
    }
}
