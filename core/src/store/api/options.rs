//! Whether the options of a request make sense together.
//!
//! `staging/src/k8s.io/apimachinery/pkg/apis/meta/v1/validation/validation.go` of Kubernetes 1.36.
//!
//! **Left out**: `dryRun` with values other than All, and `orphanDependents`, which a request here cannot say.

use super::request::{Request, Verb};
use crate::api::{FieldError, Status};

const MAX_MANAGER: usize = 128;

/// Refuses options that the verb does not take.
pub(super) fn check(request: &Request) -> Result<(), Status> {
    let options = &request.options;
    let mut errors = Vec::new();
    let name = match &request.verb {
        Verb::Create(_) => "CreateOptions",
        Verb::Update(_) => "UpdateOptions",
        Verb::Delete | Verb::DeleteCollection { .. } => "DeleteOptions",
        Verb::StrategicPatch(_) | Verb::MergePatch(_) | Verb::JsonPatch(_) | Verb::Apply(_) => {
            "PatchOptions"
        }
    };
    let applies = matches!(request.verb, Verb::Apply(_));
    if applies && options.field_manager.is_empty() {
        errors.push(FieldError::required(
            "fieldManager",
            "is required for apply patch",
        ));
    }
    if name == "PatchOptions" && !applies && options.force {
        errors.push(FieldError::forbidden(
            "force",
            "may not be specified for non-apply patch",
        ));
    }
    let manager = &options.field_manager;
    if manager.len() > MAX_MANAGER {
        errors.push(FieldError::invalid_text(
            "fieldManager",
            manager,
            "may not be more than 128 bytes",
        ));
    }
    if manager.chars().any(char::is_control) {
        errors.push(FieldError::invalid_text(
            "fieldManager",
            manager,
            "should only contain printable characters",
        ));
    }
    let directives = ["", "Ignore", "Strict", "Warn"];
    if !directives.contains(&options.field_validation.as_str()) {
        errors.push(FieldError::not_supported(
            "fieldValidation",
            &options.field_validation,
            &directives,
        ));
    }
    if errors.is_empty() {
        return Ok(());
    }
    Err(Status::invalid(("meta.k8s.io", name), "", &errors))
}
