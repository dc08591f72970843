//! Patches of four kinds; the fourth is server-side apply.
//!
//! `staging/src/k8s.io/apiserver/pkg/endpoints/handlers/patch.go` of Kubernetes 1.36.
//!
//! **Left out**: the order of fields in the document that an error quotes, which is alphabetical here.

use super::super::patch::apply::{ApplyError, OnConflict, Writer, apply};
use super::super::patch::{
    PatchError, UNPROCESSABLE, json_patch, merge_patch, strategic_merge_patch,
};
use super::asked::{Asked, Outcome, right_kind};
use super::request::{Subresource, Verb};
use crate::api::schema::{self, FieldValidation, TypeRef};
use crate::api::{FieldError, Status, StatusCause, StatusReason};
use crate::yaml;
use serde_json::Value;

/// The kinds of patches, by their `Content-Type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatchType {
    /// `application/strategic-merge-patch+json`
    Strategic,
    /// `application/merge-patch+json`
    Merge,
    /// `application/json-patch+json`
    Json,
    /// `application/apply-patch+yaml`
    Apply,
}

impl PatchType {
    /// All kinds with their types.
    pub const ALL: [(&'static str, PatchType); 4] = [
        ("application/json-patch+json", PatchType::Json),
        ("application/merge-patch+json", PatchType::Merge),
        (
            "application/strategic-merge-patch+json",
            PatchType::Strategic,
        ),
        ("application/apply-patch+yaml", PatchType::Apply),
    ];

    /// The kind of a `Content-Type`.
    ///
    /// # Errors
    /// When no patch has such a type.
    pub fn of(content_type: &str) -> Result<PatchType, Status> {
        let told = content_type.split(';').next().unwrap_or_default().trim();
        let found = Self::ALL.iter().find(|it| it.0 == told);
        found.map(|it| it.1).ok_or_else(|| {
            let known: Vec<&str> = Self::ALL.iter().map(|it| it.0).collect();
            Status::failure(
                StatusReason::UnsupportedMediaType,
                format!(
                    "the body of the request was in an unknown format - accepted media types include: {}",
                    known.join(", ")
                ),
            )
        })
    }

    /// The verb that a body of this kind is, and the warnings about fields that stand twice in it.
    ///
    /// # Errors
    /// When the body cannot be read, or has a field twice and `fieldValidation` is Strict.
    pub fn read(self, body: &str, mode: FieldValidation) -> Result<(Verb, Vec<String>), Status> {
        if self == PatchType::Apply {
            let stream = yaml::parse(body);
            if let Some(problem) = stream.errors.first() {
                let message = format!("error decoding YAML: {}", problem.message);
                return Err(Status::bad_request(message));
            }
            let config = stream.documents.first().map(yaml::to_json);
            return Ok((Verb::Apply(config.unwrap_or_default()), Vec::new()));
        }
        let read = schema::read_body(body).map_err(|it| match self {
            PatchType::Strategic => Status::bad_request(it.to_string()),
            _ => Status::bad_request(format!("error decoding patch: {it}")),
        })?;
        let warnings = schema::verdict(&read.duplicates, mode)
            .map_err(|it| refuse_document(&schema::go_print(&read.value), &it))?;
        let verb = match self {
            PatchType::Strategic => Verb::StrategicPatch(read.value),
            PatchType::Merge => Verb::MergePatch(read.value),
            PatchType::Json | PatchType::Apply => Verb::JsonPatch(read.value),
        };
        Ok((verb, warnings))
    }
}

impl Asked<'_> {
    /// Changes fields of the live object.
    pub(super) fn patch(&mut self) -> Outcome {
        let live = self.live()?;
        let patched = self.patched(&live, self.of)?;
        self.check_name(&patched)?;
        let patched = self.defaulted(patched)?;
        let patched = self.owned(Some(&live), &patched);
        self.change(&live, patched)
    }

    /// A document after the request's patch, as a document of its type.
    pub(super) fn patched(&mut self, live: &Value, of: TypeRef) -> Result<Value, Status> {
        let verb = &self.request.verb;
        let patched = match verb {
            Verb::StrategicPatch(patch) => strategic_merge_patch(live, patch, of),
            Verb::MergePatch(patch) => merge_patch(live, patch),
            Verb::JsonPatch(patch) => json_patch(live, patch),
            _ => return Err(self.no_such_verb()),
        };
        let patched = patched.map_err(|it| refuse_patch(&it))?;
        let warnings = match verb {
            Verb::StrategicPatch(patch) => {
                let quoted = || schema::go_print(patch);
                let unknown =
                    schema::restore(&patched, of).map_err(|it| refuse_document(&quoted(), &it))?;
                match self.validation() {
                    FieldValidation::Strict if !unknown.is_empty() => {
                        return Err(refuse_document(&quoted(), &schema::strict_error(&unknown)));
                    }
                    FieldValidation::Strict | FieldValidation::Warn => unknown,
                    FieldValidation::Ignore => Vec::new(),
                }
            }
            _ => schema::verdict(&schema::check(&patched, of), self.validation())
                .map_err(|it| refuse_document(&patched.to_string(), &it))?,
        };
        self.warnings.extend(warnings);
        Ok(schema::encoded(&patched, of))
    }

    /// Has an object as a configuration says.
    pub(super) fn apply(&mut self, config: &Value) -> Outcome {
        let kind = self.request.kind;
        if !config.is_object() {
            return Err(Status::bad_request(
                "error decoding YAML: json: cannot unmarshal into Go value of type map[string]interface {}",
            ));
        }
        right_kind(config, kind.api_version(), kind.name())?;
        self.check_name(config)?;
        let is_there = self.store.document(&self.request.object()).is_some();
        let live = if is_there { Some(self.live()?) } else { None };
        if live.is_none() && self.request.subresource == Subresource::Status {
            return Err(Status::not_found(self.resource(), &self.request.name));
        }
        if live.is_none()
            && config["metadata"]["uid"]
                .as_str()
                .is_some_and(|it| !it.is_empty())
        {
            let uid = config["metadata"]["uid"].as_str().unwrap_or_default();
            let why = format!(
                "uid mismatch: the provided object specified uid {uid}, and no existing object was found"
            );
            return Err(Status::conflict(self.resource(), &self.request.name, &why));
        }
        let stamp = self.clock.stamp();
        let writer = Writer {
            manager: &self.request.options.field_manager,
            api_version: kind.api_version(),
            subresource: self.request.subresource.name(),
            time: &stamp,
        };
        let on_conflict = match self.options().force {
            true => OnConflict::Force,
            false => OnConflict::Fail,
        };
        let applied = apply(live.as_deref(), config, writer, self.of, on_conflict)
            .map_err(|it| refuse_apply(&it))?;
        if let Some(wrong) = schema::check(&applied, self.of)
            .iter()
            .find(|it| it.kind == schema::FaultKind::WrongType)
        {
            let version = kind.api_version().rsplit('/').next().unwrap_or_default();
            return Err(Status::bad_request(schema::refusal(
                version,
                kind.name(),
                &wrong.message,
            )));
        }
        let applied = self.defaulted(applied)?;
        match live {
            None => self.create_as_owned(applied),
            Some(live) => self.change(&live, applied),
        }
    }
}

/// A patched document is no document of its type.
fn refuse_document(quoted: &str, why: &str) -> Status {
    let error = FieldError::invalid_text("patch", quoted, why);
    Status::invalid(("", ""), "", &[error])
}

fn refuse_patch(error: &PatchError) -> Status {
    match error {
        PatchError::BadRequest(it) => Status::bad_request(it.clone()),
        PatchError::Internal(it) => Status::internal_error(it),
        PatchError::TooLarge(it) => {
            Status::failure(StatusReason::RequestEntityTooLarge, it.clone())
        }
        PatchError::Unprocessable(it) => {
            let mut status = Status::failure(StatusReason::Invalid, UNPROCESSABLE);
            let details = status.details.get_or_insert_default();
            details.causes = vec![StatusCause {
                message: it.clone(),
                ..StatusCause::default()
            }];
            status
        }
    }
}

fn refuse_apply(error: &ApplyError) -> Status {
    match error {
        ApplyError::BadRequest(it) => Status::bad_request(it.clone()),
        ApplyError::Untyped { .. } => Status::internal_error(&error.to_string()),
        ApplyError::Conflicts(conflicts) => {
            let causes = conflicts.iter().map(|it| StatusCause {
                reason: "FieldManagerConflict".to_owned(),
                message: it.cause(),
                field: it.path.to_string(),
            });
            Status::apply_conflict(causes.collect(), error.to_string())
        }
    }
}
