//! `kubectl patch`: fields of an object, by a patch.
//!
//! `k8s.io/kubectl/pkg/cmd/patch/patch.go` of 1.32.
//!
//! **Left out**: `--local`.

use super::super::arguments::{self, Item};
use super::super::asking;
use super::super::command::{Command, Invocation};
use super::super::failure::{Failure, error};
use super::super::io::Ctx;
use super::super::printers::output::{DryRun, Printer};
use super::super::target::{Outcome, Step};
use crate::api::schema::FieldValidation;
use crate::store::api::{Done, PatchType, Request, Subresource};
use crate::yaml;

/// `kubectl patch`
pub(super) const COMMAND: Command = Command {
    path: "patch",
    aliases: &[],
    help: include_str!("../help/patch.txt"),
    run,
};

fn run(ctx: &mut Ctx<'_>, invocation: &Invocation) -> Outcome {
    let flags = &invocation.flags;
    let (told, file) = (flags.text("patch"), flags.text("patch-file"));
    if told.is_empty() && file.is_empty() {
        return error("must specify --patch or --patch-file containing the contents of the patch");
    }
    if !told.is_empty() && !file.is_empty() {
        return error("cannot specify --patch and --patch-file together");
    }
    let kind = match flags.text("type") {
        "strategic" | "" => PatchType::Strategic,
        "merge" => PatchType::Merge,
        "json" => PatchType::Json,
        other => {
            return error(format!(
                "--type must be one of [json merge strategic], not {other:?}"
            ));
        }
    };
    let text = if file.is_empty() {
        told.to_owned()
    } else {
        let read = ctx.files.read(file);
        read.map_err(|_| {
            Failure::Error(format!(
                "unable to read patch file: open {file}: no such file or directory"
            ))
        })?
    };
    let body = json_of(&text)?;
    let subresource = match flags.text("subresource") {
        "" => Subresource::Main,
        "status" => Subresource::Status,
        "scale" => Subresource::Scale,
        other => {
            return error(format!(
                "invalid subresource value: {other:?}. Must be one of [status scale resize]"
            ));
        }
    };
    let mut printer = Printer::new(ctx, invocation)?;
    let mut failures = Vec::new();
    for item in arguments::pick_items(ctx, invocation, invocation.args())? {
        match one(ctx, invocation, &item, (kind, &body), subresource) {
            Ok((document, what)) => printer.done(ctx, &document, what)?,
            Err(failure) => failures.push(failure),
        }
    }
    Step::after(failures)
}

/// What begins like JSON is sent as it is; else it is YAML.
fn json_of(text: &str) -> Result<String, Failure> {
    if text.trim_start().starts_with('{') {
        return Ok(text.to_owned());
    }
    let stream = yaml::parse(text);
    if let Some(fault) = stream.errors.first() {
        return error(format!(
            "unable to parse {text:?}: {}",
            super::super::manifest::in_go(fault)
        ));
    }
    let value = stream
        .documents
        .first()
        .map(yaml::to_json)
        .unwrap_or_default();
    Ok(value.to_string())
}

fn one(
    ctx: &mut Ctx<'_>,
    invocation: &Invocation,
    item: &Item,
    (kind, body): (PatchType, &str),
    subresource: Subresource,
) -> Result<(serde_json::Value, &'static str), Failure> {
    arguments::live(ctx, item)?;
    let (verb, warnings) = kind.read(body, FieldValidation::Warn)?;
    let told = invocation.flags.text("field-manager");
    let manager = if told.is_empty() {
        "kubectl-patch"
    } else {
        told
    };
    let mut request = Request::new(verb, &item.reference()?).by(manager);
    request.subresource = subresource;
    // Without the server nothing is written either: it only tells what would come of it.
    request.options.dry_run = DryRun::of(invocation)? != DryRun::None;
    ctx.warn(&warnings);
    let answer = asking::send(ctx, request)?;
    let what = if answer.done == Done::Unchanged {
        "patched (no change)"
    } else {
        "patched"
    };
    Ok((answer.document, what))
}
