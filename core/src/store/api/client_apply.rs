//! `kubectl apply` on the client's side: what it writes into its annotation, and what it asks of the server.
//!
//! `staging/src/k8s.io/kubectl/pkg/{cmd/apply,util/apply}` of Kubernetes 1.36.
//!
//! **Left out**: the retries after conflicts, and `--force`, which are a shell's.

use super::super::patch::apply::LAST_APPLIED;
use super::super::patch::{PatchError, three_way_merge_patch, three_way_strategic_patch};
use super::request::Verb;
use crate::api::{Kind, schema};
use serde_json::{Map, Value};

/// What an apply comes to.
#[derive(Clone, Debug, PartialEq)]
pub struct ClientApply {
    /// What is to be asked.
    pub step: Step,
    /// What the client should know.
    pub warning: Option<String>,
}

/// What is to be asked of the server.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Make the object.
    Create(Verb),
    /// Change it.
    Patch(Verb),
    /// Nothing: it is as it should be.
    Nothing,
}

/// What to ask so that an object becomes as a manifest says. The manifest has its namespace.
///
/// # Errors
/// When the two cannot be compared.
pub fn client_side_apply(
    kind: Kind,
    manifest: &Value,
    live: Option<&Value>,
) -> Result<ClientApply, PatchError> {
    let modified = annotated(manifest);
    let Some(live) = live else {
        return Ok(ClientApply {
            step: Step::Create(Verb::Create(modified.to_string())),
            warning: None,
        });
    };
    let told = live["metadata"]["annotations"][LAST_APPLIED].as_str();
    let original: Value = match told {
        None => Value::Object(Map::new()),
        Some(text) => serde_json::from_str(text)
            .map_err(|it| PatchError::BadRequest(format!("the annotation {LAST_APPLIED}: {it}")))?,
    };
    let name = live["metadata"]["name"].as_str().unwrap_or_default();
    let warning = told.is_none().then(|| missing_annotation(kind, name));
    let patch = match schema::of_kind(kind.api_version(), kind.name()) {
        Some(of) => three_way_strategic_patch(&original, &modified, live, of)?,
        None => three_way_merge_patch(&original, &modified, live),
    };
    let is_empty = patch.as_object().is_none_or(Map::is_empty);
    let step = match (is_empty, schema::of_kind(kind.api_version(), kind.name())) {
        (true, _) => Step::Nothing,
        (false, Some(_)) => Step::Patch(Verb::StrategicPatch(patch)),
        (false, None) => Step::Patch(Verb::MergePatch(patch)),
    };
    Ok(ClientApply { step, warning })
}

/// The text of the annotation: the manifest without it, on one line, with a line break at the end.
#[must_use]
pub fn last_applied(manifest: &Value) -> String {
    let mut it = manifest.clone();
    if let Some(fields) = it.as_object_mut() {
        let metadata = fields
            .entry("metadata")
            .or_insert_with(|| Value::Object(Map::new()));
        if let Some(metadata) = metadata.as_object_mut() {
            let annotations = metadata.entry("annotations").or_insert(Value::Null);
            if annotations.is_null() {
                *annotations = Value::Object(Map::new());
            }
            if let Some(annotations) = annotations.as_object_mut() {
                annotations.remove(LAST_APPLIED);
            }
        }
    }
    let mut text = escaped(&it.to_string());
    text.push('\n');
    text
}

/// The manifest with its annotation.
fn annotated(manifest: &Value) -> Value {
    let text = last_applied(manifest);
    let mut it = manifest.clone();
    if !it["metadata"].is_object() {
        return it;
    }
    let annotations = &mut it["metadata"]["annotations"];
    if !annotations.is_object() {
        *annotations = Value::Object(Map::new());
    }
    annotations[LAST_APPLIED] = text.into();
    it
}

/// Go writes what could end a script in HTML as escapes.
fn escaped(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for it in json.chars() {
        match it {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                text.push_str(&format!("\\u{:04x}", u32::from(it)));
            }
            _ => text.push(it),
        }
    }
    text
}

fn missing_annotation(kind: Kind, name: &str) -> String {
    format!(
        "resource {}/{name} is missing the {LAST_APPLIED} annotation which is required by kubectl apply. kubectl apply should only be used on resources created declaratively by either kubectl create --save-config or kubectl apply. The missing annotation will be patched automatically.",
        kind.resource()
    )
}
