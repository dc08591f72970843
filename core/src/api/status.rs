//! The answer of the API server that is no object: an error, or the success of a deletion.
//!
//! `metav1.Status` and `k8s.io/apimachinery/pkg/api/errors/errors.go` of Kubernetes 1.36.
//!
//! **Left out**: what only a proxy between client and server says (`ServerTimeout` for kinds,
//! generic server responses).

use super::FieldError;
use serde::Serialize;
use serde::ser::{SerializeStruct, Serializer};
use std::fmt;

/// An answer that is no object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The HTTP status code.
    pub code: u16,
    /// Why, in one word; `None` for a success.
    pub reason: Option<StatusReason>,
    /// Why, for people.
    pub message: String,
    /// What it is about, where that is known.
    pub details: Option<Box<StatusDetails>>,
}

/// Why a request failed, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StatusReason {
    /// The request makes no sense.
    BadRequest,
    /// Who asks is not known.
    Unauthorized,
    /// Who asks may not.
    Forbidden,
    /// There is no such object.
    NotFound,
    /// The resource has no such verb.
    MethodNotAllowed,
    /// The answer cannot be given in any form the client accepts.
    NotAcceptable,
    /// There is such an object already.
    AlreadyExists,
    /// The object has changed meanwhile, or somebody else owns the field.
    Conflict,
    /// What was asked about is gone for good.
    Gone,
    /// The list goes on from a version that is no longer there.
    Expired,
    /// The request is too large.
    RequestEntityTooLarge,
    /// The request is in a form the server does not read.
    UnsupportedMediaType,
    /// The object breaks the rules.
    Invalid,
    /// The client asks too often.
    TooManyRequests,
    /// The server made a mistake, or ran out of something.
    InternalError,
    /// Something the server needs is not there.
    ServiceUnavailable,
    /// It took too long.
    Timeout,
}

/// What a status is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StatusDetails {
    /// The object's name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Its group; empty for the core.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub group: String,
    /// Its kind for [`StatusReason::Invalid`], else its resource: `services`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// Its identity.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub uid: String,
    /// One by one, what is wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<StatusCause>,
    /// When to try again; 0 for never.
    #[serde(skip_serializing_if = "is_zero")]
    pub retry_after_seconds: u32,
}

/// One thing that is wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct StatusCause {
    /// In one word: `FieldValueInvalid`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// For people.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// The path of the field.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub field: String,
}

/// A group and one of its resources, or of its kinds: `("apps", "deployments")`.
pub type GroupAnd<'a> = (&'a str, &'a str);

/// What a stale version is told (`OptimisticLockErrorMsg`).
pub const STALE: &str =
    "the object has been modified; please apply your changes to the latest version and try again";

impl StatusReason {
    /// All reasons.
    pub const ALL: [StatusReason; 17] = [
        StatusReason::BadRequest,
        StatusReason::Unauthorized,
        StatusReason::Forbidden,
        StatusReason::NotFound,
        StatusReason::MethodNotAllowed,
        StatusReason::NotAcceptable,
        StatusReason::AlreadyExists,
        StatusReason::Conflict,
        StatusReason::Gone,
        StatusReason::Expired,
        StatusReason::RequestEntityTooLarge,
        StatusReason::UnsupportedMediaType,
        StatusReason::Invalid,
        StatusReason::TooManyRequests,
        StatusReason::InternalError,
        StatusReason::ServiceUnavailable,
        StatusReason::Timeout,
    ];

    /// The word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            StatusReason::BadRequest => "BadRequest",
            StatusReason::Unauthorized => "Unauthorized",
            StatusReason::Forbidden => "Forbidden",
            StatusReason::NotFound => "NotFound",
            StatusReason::MethodNotAllowed => "MethodNotAllowed",
            StatusReason::NotAcceptable => "NotAcceptable",
            StatusReason::AlreadyExists => "AlreadyExists",
            StatusReason::Conflict => "Conflict",
            StatusReason::Gone => "Gone",
            StatusReason::Expired => "Expired",
            StatusReason::RequestEntityTooLarge => "RequestEntityTooLarge",
            StatusReason::UnsupportedMediaType => "UnsupportedMediaType",
            StatusReason::Invalid => "Invalid",
            StatusReason::TooManyRequests => "TooManyRequests",
            StatusReason::InternalError => "InternalError",
            StatusReason::ServiceUnavailable => "ServiceUnavailable",
            StatusReason::Timeout => "Timeout",
        }
    }

    /// The HTTP status code.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            StatusReason::BadRequest => 400,
            StatusReason::Unauthorized => 401,
            StatusReason::Forbidden => 403,
            StatusReason::NotFound => 404,
            StatusReason::MethodNotAllowed => 405,
            StatusReason::NotAcceptable => 406,
            StatusReason::AlreadyExists | StatusReason::Conflict => 409,
            StatusReason::Gone | StatusReason::Expired => 410,
            StatusReason::RequestEntityTooLarge => 413,
            StatusReason::UnsupportedMediaType => 415,
            StatusReason::Invalid => 422,
            StatusReason::TooManyRequests => 429,
            StatusReason::InternalError => 500,
            StatusReason::ServiceUnavailable => 503,
            StatusReason::Timeout => 504,
        }
    }
}

impl Status {
    /// A failure without details.
    #[must_use]
    pub fn failure(reason: StatusReason, message: impl Into<String>) -> Self {
        Status {
            code: reason.code(),
            reason: Some(reason),
            message: message.into(),
            details: None,
        }
    }

    /// A failure of which the server says no more: it could not reach whom it asked in its turn.
    #[must_use]
    pub fn unexplained(message: impl Into<String>) -> Self {
        Status {
            code: 500,
            reason: None,
            message: message.into(),
            details: None,
        }
    }

    /// A success, as a deletion is answered.
    #[must_use]
    pub fn success(details: StatusDetails) -> Self {
        Status {
            code: 200,
            reason: None,
            message: String::new(),
            details: Some(Box::new(details)),
        }
    }

    /// There is no such object.
    #[must_use]
    pub fn not_found(resource: GroupAnd<'_>, name: &str) -> Self {
        let message = format!("{} \"{name}\" not found", dotted(resource));
        Self::about(StatusReason::NotFound, resource, name, message)
    }

    /// There is such an object already.
    #[must_use]
    pub fn already_exists(resource: GroupAnd<'_>, name: &str) -> Self {
        let message = format!("{} \"{name}\" already exists", dotted(resource));
        Self::about(StatusReason::AlreadyExists, resource, name, message)
    }

    /// The object cannot be changed as asked; [`STALE`] is the usual reason.
    #[must_use]
    pub fn conflict(resource: GroupAnd<'_>, name: &str, why: &str) -> Self {
        let message = format!(
            "Operation cannot be fulfilled on {} \"{name}\": {why}",
            dotted(resource)
        );
        Self::about(StatusReason::Conflict, resource, name, message)
    }

    /// Fields that another manager owns, in a server-side apply.
    #[must_use]
    pub fn apply_conflict(causes: Vec<StatusCause>, message: impl Into<String>) -> Self {
        let mut status = Self::failure(StatusReason::Conflict, message);
        status.details = Some(Box::new(StatusDetails {
            causes,
            ..StatusDetails::default()
        }));
        status
    }

    /// Who asks may not.
    #[must_use]
    pub fn forbidden(resource: GroupAnd<'_>, name: &str, why: &str) -> Self {
        let message = match (resource.1, name) {
            ("", _) => format!("forbidden: {why}"),
            (_, "") => format!("{} is forbidden: {why}", dotted(resource)),
            _ => format!("{} \"{name}\" is forbidden: {why}", dotted(resource)),
        };
        Self::about(StatusReason::Forbidden, resource, name, message)
    }

    /// The object breaks the rules. `kind` is a kind here, not a resource.
    #[must_use]
    pub fn invalid(kind: GroupAnd<'_>, name: &str, errors: &[FieldError]) -> Self {
        let mut said: Vec<String> = Vec::new();
        for text in errors.iter().map(ToString::to_string) {
            if !said.contains(&text) {
                said.push(text);
            }
        }
        // A group comes behind a kind, as behind a resource: `Deployment.apps`.
        let mut message = format!("{} \"{name}\" is invalid", dotted(kind));
        match said.as_slice() {
            [] => {}
            [one] => message.push_str(&format!(": {one}")),
            many => message.push_str(&format!(": [{}]", many.join(", "))),
        }
        let causes = errors.iter().map(|it| StatusCause {
            reason: it.kind.reason().into(),
            message: it.body(),
            field: it.field.clone(),
        });
        let mut status = Self::about(StatusReason::Invalid, kind, name, message);
        if let Some(details) = &mut status.details {
            details.causes = causes.collect();
        }
        status
    }

    /// The request makes no sense.
    #[must_use]
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::failure(StatusReason::BadRequest, message)
    }

    /// The server made a mistake, or ran out of something.
    #[must_use]
    pub fn internal_error(why: &str) -> Self {
        let message = format!("Internal error occurred: {why}");
        let mut status = Self::failure(StatusReason::InternalError, message);
        status.details = Some(Box::new(StatusDetails {
            causes: vec![StatusCause {
                message: why.to_owned(),
                ..StatusCause::default()
            }],
            ..StatusDetails::default()
        }));
        status
    }

    /// The resource has no such verb.
    #[must_use]
    pub fn method_not_allowed(resource: GroupAnd<'_>, verb: &str) -> Self {
        let message = format!(
            "{verb} is not supported on resources of kind \"{}\"",
            dotted(resource)
        );
        Self::about(StatusReason::MethodNotAllowed, resource, "", message)
    }

    /// The client asks too often, or the object may not go yet.
    #[must_use]
    pub fn too_many_requests(message: impl Into<String>, retry_after_seconds: u32) -> Self {
        let mut status = Self::failure(StatusReason::TooManyRequests, message);
        status.details = Some(Box::new(StatusDetails {
            retry_after_seconds,
            ..StatusDetails::default()
        }));
        status
    }

    fn about(reason: StatusReason, it: GroupAnd<'_>, name: &str, message: String) -> Self {
        let mut status = Self::failure(reason, message);
        status.details = Some(Box::new(StatusDetails {
            name: name.to_owned(),
            group: it.0.to_owned(),
            kind: it.1.to_owned(),
            ..StatusDetails::default()
        }));
        status
    }

    /// Whether it is a success.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.reason.is_none() && self.code < 400
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Status {}

impl Serialize for Status {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let outcome = if self.is_success() {
            "Success"
        } else {
            "Failure"
        };
        let mut out = serializer.serialize_struct("Status", 8)?;
        out.serialize_field("kind", "Status")?;
        out.serialize_field("apiVersion", "v1")?;
        out.serialize_field("metadata", &NoMetadata {})?;
        out.serialize_field("status", outcome)?;
        if !self.message.is_empty() {
            out.serialize_field("message", &self.message)?;
        }
        if let Some(reason) = self.reason {
            out.serialize_field("reason", reason.name())?;
        }
        if let Some(details) = &self.details {
            out.serialize_field("details", details.as_ref())?;
        }
        // A success that is not about a failed request carries no code.
        if !self.is_success() {
            out.serialize_field("code", &self.code)?;
        }
        out.end()
    }
}

#[derive(Serialize)]
struct NoMetadata {}

/// `services`, `deployments.apps`.
fn dotted((group, name): GroupAnd<'_>) -> String {
    if group.is_empty() {
        name.to_owned()
    } else {
        format!("{name}.{group}")
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls it with a reference"
)]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire(status: &Status) -> serde_json::Value {
        serde_json::to_value(status).expect("a status is always valid JSON")
    }

    #[test]
    fn an_invalid_service_names_every_cause() {
        let errors = [
            FieldError::invalid("spec.ports[0].port", 0, "must be more"),
            FieldError::required("spec.type", ""),
        ];
        let status = Status::invalid(("", "Service"), "x", &errors);
        assert_eq!(
            wire(&status),
            serde_json::json!({
                "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                "message": "Service \"x\" is invalid: [spec.ports[0].port: Invalid value: 0: must be more, spec.type: Required value]",
                "reason": "Invalid", "code": 422,
                "details": {"name": "x", "kind": "Service", "causes": [
                    {"reason": "FieldValueInvalid", "message": "Invalid value: 0: must be more", "field": "spec.ports[0].port"},
                    {"reason": "FieldValueRequired", "message": "Required value", "field": "spec.type"},
                ]},
            })
        );
        let one = Status::invalid(("apps", "Deployment"), "api", &errors[1..]);
        assert_eq!(
            one.message,
            "Deployment.apps \"api\" is invalid: spec.type: Required value"
        );
    }

    #[test]
    fn failures_are_worded_as_the_server_words_them() {
        let services = ("", "services");
        let said = |it: Status| format!("{} {}", it.code, it.message);
        assert_eq!(
            said(Status::not_found(services, "x")),
            "404 services \"x\" not found"
        );
        assert_eq!(
            said(Status::not_found(("apps", "deployments"), "x")),
            "404 deployments.apps \"x\" not found"
        );
        assert_eq!(
            said(Status::already_exists(services, "x")),
            "409 services \"x\" already exists"
        );
        assert_eq!(
            said(Status::conflict(services, "x", STALE)),
            "409 Operation cannot be fulfilled on services \"x\": the object has been modified; please apply your changes to the latest version and try again"
        );
        assert_eq!(
            said(Status::internal_error(
                "failed to allocate a serviceIP: range is full"
            )),
            "500 Internal error occurred: failed to allocate a serviceIP: range is full"
        );
    }

    #[test]
    fn a_success_has_neither_reason_nor_code() {
        let details = StatusDetails {
            name: "x".into(),
            kind: "services".into(),
            uid: "1".into(),
            ..StatusDetails::default()
        };
        assert_eq!(
            wire(&Status::success(details)),
            serde_json::json!({
                "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success",
                "details": {"name": "x", "kind": "services", "uid": "1"},
            })
        );
    }

    #[test]
    fn every_reason_has_a_code_of_its_own_class() {
        for reason in StatusReason::ALL {
            assert!((400..600).contains(&reason.code()), "{}", reason.name());
        }
    }
}
