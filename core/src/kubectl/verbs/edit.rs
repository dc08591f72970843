//! `kubectl edit`: objects in a person's editor.
//!
//! `k8s.io/kubectl/pkg/cmd/util/editor/editoptions.go` of 1.32. The editor is the face's: while it is open, the command waits.
//!
//! **Left out**: `--save-config`, `--output-patch`, `--windows-line-endings`; the copy of changes that could not be saved, which
//! the face keeps.

use super::super::arguments::{self, Item};
use super::super::asking::Asking;
use super::super::command::{Command, Invocation};
use super::super::failure::{Failure, error};
use super::super::io::Ctx;
use super::super::object;
use super::super::printers::output::{Printer, without_managers};
use super::super::printers::{go_json, yaml as printed};
use super::super::target::{Outcome, Step, Task};
use crate::api::schema;
use crate::store::api::Verb;
use crate::store::patch::two_way_strategic_patch;
use crate::yaml;
use serde_json::{Map, Value};

/// `kubectl edit`
pub(super) const COMMAND: Command = Command {
    path: "edit",
    aliases: &[],
    help: include_str!("../help/edit.txt"),
    run,
};

const HEADER: &str = "# Please edit the object below. Lines beginning with a '#' will be ignored,\n# and an empty file will abort the edit. If an error occurs while saving this file will be\n# reopened with the relevant failures.\n#\n";

fn run(ctx: &mut Ctx<'_>, invocation: &Invocation) -> Outcome {
    let picked = arguments::pick_items(ctx, invocation, invocation.args())?;
    let mut left = Vec::new();
    for item in picked {
        let mut document = Value::clone(&*arguments::live(ctx, &item)?);
        if !invocation.flags.is("show-managed-fields") {
            without_managers(&mut document);
        }
        let text = match invocation.flags.text("output") {
            "json" => format!("{}\n", go_json::pretty(&document, "    ")),
            _ => format!("{HEADER}{}", printed::emit(&document)),
        };
        left.push(Sheet {
            item,
            document,
            text,
            failed: None,
        });
    }
    left.reverse();
    let mut edit = Edit {
        left,
        asking: Asking::of(invocation, "kubectl-edit")?,
        printer: Printer::new(ctx, invocation)?,
    };
    match edit.resume(ctx)? {
        Some(code) => Ok(Step::Done(code)),
        None => Ok(Step::Waits(Box::new(edit))),
    }
}

/// An object in the editor.
#[derive(Debug)]
struct Sheet {
    item: Item,
    document: Value,
    text: String,
    /// What the server said about the last try.
    failed: Option<String>,
}

#[derive(Debug)]
struct Edit {
    left: Vec<Sheet>,
    asking: Asking,
    printer: Printer,
}

/// Without comments: what counts.
fn content(text: &str) -> String {
    let lines = text.lines().filter(|it| !it.trim_start().starts_with('#'));
    lines.map(|it| format!("{}\n", it.trim_end())).collect()
}

impl Task for Edit {
    fn resume(&mut self, ctx: &mut Ctx<'_>) -> Result<Option<i32>, Failure> {
        while let Some(sheet) = self.left.last() {
            let name = format!("kubectl-edit-{}.yaml", sheet.item.name);
            let Some(text) = ctx.files.edit(&name, &sheet.text) else {
                return Ok(None);
            };
            let is_same = content(&text) == content(&sheet.text);
            if content(&text).trim().is_empty() {
                ctx.err("Edit cancelled, saved file was empty.\n");
                return Ok(Some(0));
            }
            if is_same && sheet.failed.is_some() {
                return error("Edit cancelled, no valid changes were saved.");
            }
            if is_same {
                ctx.err("Edit cancelled, no changes made.\n");
                return Ok(Some(0));
            }
            self.save(ctx, &text)?;
        }
        Ok(Some(0))
    }
}

impl Edit {
    /// Sends what was changed; what is wrong is shown in the editor, above the text.
    fn save(&mut self, ctx: &mut Ctx<'_>, text: &str) -> Result<(), Failure> {
        let Some(mut sheet) = self.left.pop() else {
            return Ok(());
        };
        match self.send(ctx, &sheet, text) {
            Ok(Some(document)) => self.printer.done(ctx, &document, "edited"),
            Ok(None) => {
                ctx.err("Edit cancelled, no changes made.\n");
                Ok(())
            }
            Err(failure) => {
                let said = failure.text();
                ctx.err(&said);
                let comments: String = said.lines().map(|it| format!("# {it}\n")).collect();
                sheet.text = format!("{HEADER}{comments}#\n{}", content(text));
                sheet.failed = Some(said);
                self.left.push(sheet);
                Ok(())
            }
        }
    }

    fn send(&self, ctx: &mut Ctx<'_>, sheet: &Sheet, text: &str) -> Result<Option<Value>, Failure> {
        let stream = yaml::parse(text);
        if let Some(fault) = stream.errors.first() {
            return error(format!(
                "error parsing edited-file: error converting YAML to JSON: {}",
                super::super::manifest::in_go(fault)
            ));
        }
        let edited = stream
            .documents
            .first()
            .map(yaml::to_json)
            .unwrap_or_default();
        if object::name(&edited) != sheet.item.name {
            return error("At least one of apiVersion, kind and name was changed");
        }
        let kind = sheet.item.resource.modelled()?;
        let Some(of) = schema::of_kind(kind.api_version(), kind.name()) else {
            return Ok(None);
        };
        let patch = two_way_strategic_patch(&sheet.document, &edited, of)
            .map_err(|it| Failure::Error(it.to_string()))?;
        if patch.as_object().is_none_or(Map::is_empty) {
            return Ok(None);
        }
        let reference = sheet.item.reference()?;
        let answer = self
            .asking
            .ask(ctx, Verb::StrategicPatch(patch), &reference)?;
        Ok(Some(answer.document))
    }
}
