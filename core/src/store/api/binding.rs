//! Binding: a scheduler puts a pod on a node.
//!
//! `pkg/registry/core/pod/storage/storage.go` of Kubernetes 1.36.
//!
//! **Left out**: unknown fields of a Binding, which is no kind of the schema.

use super::asked::{Asked, Outcome, right_kind};
use super::delete::created_status;
use super::request::Done;
use crate::api::{FieldError, Status, schema};
use serde_json::{Value, json};

impl Asked<'_> {
    /// Puts the pod on the node that a Binding names.
    pub(super) fn bind(&mut self, body: &str) -> Outcome {
        let refuse = |it: String| Status::bad_request(schema::refusal("v1", "Binding", &it));
        let binding = schema::read_body(body).map_err(refuse)?.value;
        right_kind(&binding, "v1", "Binding")?;
        let name = self.request.name.as_str();
        let told = binding["metadata"]["name"].as_str().unwrap_or(name);
        if told != name {
            return Err(Status::bad_request(
                "name in URL does not match name in Binding object",
            ));
        }
        let target = &binding["target"];
        let mut errors = Vec::new();
        let kind = target["kind"].as_str().unwrap_or_default();
        if !["", "Node"].contains(&kind) {
            errors.push(FieldError::not_supported(
                "target.kind",
                kind,
                &["Node", "<empty>"],
            ));
        }
        let node = target["name"].as_str().unwrap_or_default();
        if node.is_empty() {
            errors.push(FieldError::required("target.name", ""));
        }
        if !errors.is_empty() {
            return Err(Status::invalid(("", "Binding"), name, &errors));
        }
        let object = self.request.object();
        let live = self.store.document(&object).cloned();
        let live = live.ok_or_else(|| Status::not_found(self.resource(), name))?;
        let conflict = |why: &str| Status::conflict(("", "pods/binding"), name, why);
        if !live["metadata"]["deletionTimestamp"].is_null() {
            return Err(conflict(&format!(
                "pod {name} is being deleted, cannot be assigned to a host"
            )));
        }
        let known = live["spec"]["nodeName"].as_str().unwrap_or_default();
        if !known.is_empty() {
            return Err(conflict(&format!(
                "pod {name} is already assigned to node {known:?}"
            )));
        }
        let mut document = Value::clone(&live);
        document["spec"]["nodeName"] = node.into();
        let scheduled = json!({"type": "PodScheduled", "status": "True", "lastTransitionTime": self.clock.stamp()});
        let mut conditions = document["status"]["conditions"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        conditions.retain(|it| it["type"] != "PodScheduled");
        conditions.push(scheduled);
        document["status"]["conditions"] = conditions.into();
        self.keep(&document, Done::Changed)?;
        Ok((created_status(), Done::Created))
    }
}
