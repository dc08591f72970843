//! What may change of a pod that is there.
//!
//! `ValidatePodUpdate` in `pkg/apis/core/validation/validation.go` of Kubernetes 1.36.
//!
//! **Left out**: the comparison of the two specs that the server prints after its sentence; scheduling gates.

use super::{Errors, items, text};
use serde_json::Value;

const FIXED: &str = "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";

/// What is wrong with a changed pod.
pub(super) fn check(new: &Value, old: &Value, errors: &mut Errors) {
    let (new, old) = (&new["spec"], &old["spec"]);
    for (list, words) in [
        ("containers", "containers"),
        ("initContainers", "init containers"),
    ] {
        if items(new, list).len() != items(old, list).len() {
            let why = format!(
                "pod updates may not add or remove {}",
                if list == "containers" {
                    "containers"
                } else {
                    words
                }
            );
            return errors.forbidden(format!("spec.{list}"), &why);
        }
        for (n, container) in items(new, list).iter().enumerate() {
            if text(container, "image").is_empty() {
                errors.required(format!("spec.{list}[{n}].image"), "");
            }
        }
    }
    check_deadline(new, old, errors);
    let kept = items(old, "tolerations").iter().all(|old| {
        items(new, "tolerations")
            .iter()
            .any(|new| without_secs(new) == without_secs(old))
    });
    if !kept {
        let why = "existing toleration can not be modified except its tolerationSeconds";
        errors.forbidden("spec.tolerations".to_owned(), why);
    }
    if fixed(new, new, old) != fixed(old, new, old) {
        errors.forbidden("spec".to_owned(), FIXED);
    }
}

fn check_deadline(new: &Value, old: &Value, errors: &mut Errors) {
    let field = "spec.activeDeadlineSeconds";
    match (
        new["activeDeadlineSeconds"].as_i64(),
        old["activeDeadlineSeconds"].as_i64(),
    ) {
        (Some(now), Some(before)) if now > before => {
            let why = format!("must be less than or equal to previous value {before}");
            errors.invalid(field.to_owned(), now, &why);
        }
        (None, Some(_)) => {
            errors.invalid(
                field.to_owned(),
                "null",
                "must not update from a positive integer to nil value",
            );
        }
        _ => {}
    }
}

fn without_secs(toleration: &Value) -> Value {
    let mut it = toleration.clone();
    if let Some(fields) = it.as_object_mut() {
        fields.remove("tolerationSeconds");
    }
    it
}

/// A spec without what may change.
fn fixed(spec: &Value, new: &Value, old: &Value) -> Value {
    let mut it = spec.clone();
    for list in ["containers", "initContainers"] {
        let containers = it.get_mut(list).and_then(Value::as_array_mut);
        for container in containers
            .into_iter()
            .flatten()
            .filter_map(Value::as_object_mut)
        {
            container.remove("image");
        }
    }
    let grace = |it: &Value| it["terminationGracePeriodSeconds"].as_i64();
    let may_set_grace = grace(old).is_some_and(|it| it < 0) && grace(new) == Some(1);
    if let Some(fields) = it.as_object_mut() {
        fields.remove("activeDeadlineSeconds");
        fields.remove("tolerations");
        if may_set_grace {
            fields.remove("terminationGracePeriodSeconds");
        }
    }
    it
}
