//! `--overrides`: what a generated object is changed by before it is made.
//!
//! `k8s.io/kubectl/pkg/cmd/util/override_options.go` of 1.32.
//!
//! **Left out**: the words of Go's decoder about a result that is no such object; the API server's are told instead.

use super::super::command::Invocation;
use super::super::failure::{Failure, error};
use crate::api::schema;
use crate::store::patch::{json_patch, merge_patch, strategic_merge_patch};
use serde_json::Value;

/// The object after `--overrides`, by the method of `--override-type`.
pub(super) fn overridden(invocation: &Invocation, document: Value) -> Result<Value, Failure> {
    let flags = &invocation.flags;
    let method = flags.text("override-type");
    if !matches!(method, "json" | "merge" | "strategic") {
        return error(format!("invalid override type: {method}"));
    }
    let text = flags.text("overrides");
    if text.is_empty() {
        return Ok(document);
    }
    let Ok(patch) = serde_json::from_str::<Value>(text) else {
        return error("Invalid JSON Patch");
    };
    let of = schema::of_kind(
        document["apiVersion"].as_str().unwrap_or_default(),
        document["kind"].as_str().unwrap_or_default(),
    );
    let changed = match (method, of) {
        ("json", _) => json_patch(&document, &patch),
        ("strategic", Some(of)) => strategic_merge_patch(&document, &patch, of),
        _ => merge_patch(&document, &patch),
    };
    changed.or_else(|fault| error(fault.to_string()))
}
