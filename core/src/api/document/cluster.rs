//! ConfigMaps and Nodes.
//!
//! `ValidateConfigMap` and `ValidateNode` in `pkg/apis/core/validation/validation.go` of Kubernetes 1.36.
//!
//! **Left out**: a node's capacity and its providers.

use super::{Errors, items, text};
use crate::api::{FieldError, Strictness, cidr_faults, qualified_name_faults};
use serde_json::Value;

/// The most a ConfigMap may hold.
const MAX_BYTES: usize = 1 << 20;
const KEY: &str = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";

/// What is wrong with a ConfigMap.
pub(super) fn check_config_map(document: &Value, errors: &mut Errors) {
    let mut n_bytes = 0;
    for bag in ["data", "binaryData"] {
        for (key, value) in document[bag].as_object().into_iter().flatten() {
            let field = format!("{bag}[{key}]");
            errors.text(&field, key, key_faults(key));
            if bag == "data" && !document["binaryData"][key].is_null() {
                let why = "duplicate of key present in binaryData";
                errors.push(FieldError::invalid_text(field, key, why));
            }
            n_bytes += value.as_str().map_or(0, str::len);
        }
    }
    if n_bytes > MAX_BYTES {
        errors.push(FieldError::too_long("", MAX_BYTES, errors.version));
    }
}

/// A ConfigMap that is immutable stays so, and stays as it is.
pub(super) fn check_config_map_kept(new: &Value, old: &Value, errors: &mut Errors) {
    if old["immutable"] != true {
        return;
    }
    let why = "field is immutable when `immutable` is set";
    for field in ["immutable", "data", "binaryData"] {
        if new[field] != old[field] {
            errors.forbidden(field.to_owned(), why);
        }
    }
}

fn key_faults(key: &str) -> Vec<&'static str> {
    let mut faults = Vec::new();
    if key.len() > 253 {
        faults.push("must be no more than 253 characters");
    }
    let allowed = |it: u8| it.is_ascii_alphanumeric() || b"-._".contains(&it);
    if key.is_empty() || !key.bytes().all(allowed) {
        faults.push(KEY);
    }
    match key {
        "." => faults.push("must not be '.'"),
        ".." => faults.push("must not be '..'"),
        _ if key.starts_with("..") => faults.push("must not start with '..'"),
        _ => {}
    }
    faults
}

/// What is wrong with a Node.
pub(super) fn check_node(spec: &Value, errors: &mut Errors) {
    for (n, taint) in items(spec, "taints").iter().enumerate() {
        let path = format!("spec.taints[{n}]");
        let key = text(taint, "key");
        errors.text(
            &format!("{path}.key"),
            key,
            qualified_name_faults(key, errors.version),
        );
        let effect = text(taint, "effect");
        let supported = ["NoSchedule", "PreferNoSchedule", "NoExecute"];
        errors.protocol(&format!("{path}.effect"), effect, &supported);
    }
    for (n, range) in items(spec, "podCIDRs").iter().enumerate() {
        let range = range.as_str().unwrap_or_default();
        let strictness = Strictness::of(errors.version, range, &[]);
        errors.found.extend(cidr_faults(
            &format!("spec.podCIDRs[{n}]"),
            range,
            strictness,
        ));
    }
}
