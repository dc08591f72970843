//! Asking the server to change something, the way verbs ask.
//!
//! `k8s.io/cli-runtime/pkg/resource/helper.go` of 1.32.
//!
//! **Left out**: OpenAPI of one's own; the server checks.

use super::command::Invocation;
use super::failure::{Failure, error};
use super::io::Ctx;
use super::printers::output::DryRun;
use super::resource::Resource;
use crate::api::ObjectRef;
use crate::store::api::{Answer, Request, Verb};
use serde_json::Value;

/// How a verb asks.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asking {
    /// The field manager.
    pub manager: String,
    /// `fieldValidation`
    pub validation: &'static str,
    /// Whether it only asks what would happen.
    pub dry_run: bool,
    /// Whether fields are taken from others.
    pub force: bool,
}

impl Asking {
    /// As a line says: its `--field-manager`, `--validate`, `--dry-run`.
    ///
    /// # Errors
    /// When the line says something else.
    pub(crate) fn of(invocation: &Invocation, manager: &str) -> Result<Asking, Failure> {
        let flags = &invocation.flags;
        let told = flags.text("field-manager");
        let is_told = flags.changed("field-manager") && !told.is_empty();
        Ok(Asking {
            manager: if is_told { told } else { manager }.to_owned(),
            validation: if flags.has("validate") {
                validation(flags.text("validate"))?
            } else {
                ""
            },
            dry_run: DryRun::of(invocation)? == DryRun::Server,
            force: false,
        })
    }

    /// Asks about an object; warnings are printed.
    ///
    /// # Errors
    /// What the server says.
    pub(crate) fn ask(
        &self,
        ctx: &mut Ctx<'_>,
        verb: Verb,
        object: &ObjectRef,
    ) -> Result<Answer, Failure> {
        let mut request = Request::new(verb, object).by(&self.manager);
        self.validation
            .clone_into(&mut request.options.field_validation);
        request.options.dry_run = self.dry_run;
        request.options.force = self.force;
        send(ctx, request)
    }

    /// Makes an object.
    ///
    /// # Errors
    /// What the server says.
    pub(crate) fn create(
        &self,
        ctx: &mut Ctx<'_>,
        resource: &Resource,
        namespace: &str,
        document: &Value,
    ) -> Result<Answer, Failure> {
        let kind = resource.modelled()?;
        let namespace = if resource.namespaced { namespace } else { "" };
        let object = ObjectRef::new(kind, namespace, "");
        self.ask(ctx, Verb::Create(document.to_string()), &object)
    }
}

/// Sends a request; warnings are printed.
///
/// # Errors
/// What the server says.
pub(crate) fn send(ctx: &mut Ctx<'_>, request: Request) -> Result<Answer, Failure> {
    let answer = ctx.target.request(request)?;
    ctx.warn(&answer.warnings);
    Ok(answer)
}

fn validation(told: &str) -> Result<&'static str, Failure> {
    match told.to_lowercase().as_str() {
        "" | "strict" | "true" => Ok("Strict"),
        "warn" => Ok("Warn"),
        "ignore" | "false" => Ok("Ignore"),
        _ => error(format!(
            "invalid - validate option {told:?}; must be one of: strict (or true), warn, ignore (or false)"
        )),
    }
}
