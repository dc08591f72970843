//! Scale: how many pods a workload has, as an object of its own.
//!
//! `pkg/registry/apps/{deployment,replicaset,statefulset}/storage` of Kubernetes 1.36.
//!
//! **Left out**: server-side apply of a Scale.

use super::super::Store;
use super::asked::{Asked, Outcome, no_such_resource};
use super::request::{Subresource, Verb};
use super::selector::selector_text;
use super::strategy;
use crate::api::{FieldError, LabelSelector, ObjectRef, Status, schema};
use serde_json::{Map, Value, json};

const SCALE: (&str, &str) = ("autoscaling/v1", "Scale");

impl Store {
    /// The Scale of a workload.
    ///
    /// # Errors
    /// When there is no such object, or its kind has no Scale.
    pub fn scale(&self, object: &ObjectRef) -> Result<Value, Status> {
        if !strategy::offers(object.kind, Subresource::Scale) {
            return Err(no_such_resource());
        }
        let it = self.get(object)?;
        Ok(scale_of(&it))
    }
}

impl Asked<'_> {
    /// Changes how many pods there are to be.
    pub(super) fn rescale(&mut self, verb: &Verb) -> Outcome {
        let of = schema::of_kind(SCALE.0, SCALE.1).ok_or_else(no_such_resource)?;
        let told = match verb {
            Verb::Update(body) => self.read(body, of, SCALE)?,
            Verb::StrategicPatch(_) | Verb::MergePatch(_) | Verb::JsonPatch(_) => {
                let live = self.live()?;
                let scale = scale_of(&live);
                self.patched(&scale, of)?
            }
            Verb::Create(_) | Verb::Apply(_) | Verb::Delete | Verb::DeleteCollection { .. } => {
                return Err(self.no_such_verb());
            }
        };
        self.check_name(&told)?;
        let live = self.live()?;
        let replicas = told["spec"]["replicas"].as_i64().unwrap_or(0);
        if replicas < 0 {
            let why = "must be greater than or equal to 0";
            let error = FieldError::invalid("spec.replicas", replicas, why);
            return Err(Status::invalid(
                ("autoscaling", "Scale"),
                &self.request.name,
                &[error],
            ));
        }
        self.check_revision(&live, &told)?;
        let mut document = Value::clone(&live);
        document["spec"]["replicas"] = replicas.into();
        let document = self.owned(Some(&live), &document);
        let (changed, done) = self.change(&live, document)?;
        Ok((scale_of(&changed), done))
    }
}

fn scale_of(workload: &Value) -> Value {
    let mut metadata = Map::new();
    for field in [
        "name",
        "namespace",
        "uid",
        "resourceVersion",
        "creationTimestamp",
    ] {
        if let Some(it) = workload["metadata"].get(field) {
            metadata.insert(field.to_owned(), it.clone());
        }
    }
    let mut spec = Map::new();
    // Go leaves a zero away.
    let replicas = workload["spec"]["replicas"].as_i64().unwrap_or(1);
    if replicas != 0 {
        spec.insert("replicas".to_owned(), replicas.into());
    }
    let selector: LabelSelector =
        serde_json::from_value(workload["spec"]["selector"].clone()).unwrap_or_default();
    json!({
        "apiVersion": SCALE.0,
        "kind": SCALE.1,
        "metadata": metadata,
        "spec": spec,
        "status": {
            "replicas": workload["status"]["replicas"].as_i64().unwrap_or(0),
            "selector": selector_text(&selector),
        },
    })
}
