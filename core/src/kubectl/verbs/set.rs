//! `kubectl set image` and `kubectl set selector`.
//!
//! `k8s.io/kubectl/pkg/cmd/set/{set_image,set_selector}.go` of 1.32.
//!
//! **Left out**: `set env`, `resources`, `serviceaccount`, `subject`; `--local`.

use super::super::arguments::{self, Item, NOTHING_NAMED};
use super::super::asking::Asking;
use super::super::command::{Command, Invocation};
use super::super::failure::{Failure, error};
use super::super::io::Ctx;
use super::super::object::text;
use super::super::printers::output::{DryRun, Printer};
use super::super::target::{Outcome, Step};
use crate::api::schema;
use crate::store::api::Verb;
use crate::store::patch::two_way_strategic_patch;
use serde_json::{Map, Value};

/// `kubectl set selector`
pub(super) const SELECTOR: Command = Command {
    path: "set selector",
    aliases: &[],
    help: include_str!("../help/set_selector.txt"),
    run: selector,
};

/// `kubectl set image`
pub(super) const IMAGE: Command = Command {
    path: "set image",
    aliases: &[],
    help: include_str!("../help/set_image.txt"),
    run: image,
};

/// The words that say which objects, and those that say what.
fn split(words: &[String]) -> (&[String], &[String]) {
    let at = words
        .iter()
        .position(|it| it.contains('='))
        .unwrap_or(words.len());
    words.split_at(at)
}

fn selector(ctx: &mut Ctx<'_>, invocation: &Invocation) -> Outcome {
    let Some((expression, resources)) = invocation.args().split_last() else {
        return error("one selector is required");
    };
    if resources.is_empty() && !invocation.flags.changed("filename") {
        return error(NOTHING_NAMED);
    }
    let mut selector = Map::new();
    for part in expression.split(',') {
        let Some((key, value)) = part.split_once('=') else {
            // Whether there are such objects is asked first.
            arguments::pick_items(ctx, invocation, resources)?;
            return error(format!("unexpected selector expression: {expression}"));
        };
        selector.insert(key.to_owned(), value.trim_start_matches('=').into());
    }
    change(
        ctx,
        invocation,
        resources,
        "selector updated",
        |item, document| {
            if item.resource.kind != "Service" {
                return error(format!(
                    "setting a selector is only supported for Services, not {}",
                    item.resource.kind
                ));
            }
            document["spec"]["selector"] = Value::Object(selector.clone());
            Ok(())
        },
    )
}

fn image(ctx: &mut Ctx<'_>, invocation: &Invocation) -> Outcome {
    let (resources, told) = split(invocation.args());
    if resources.is_empty() && !invocation.flags.changed("filename") {
        return error(NOTHING_NAMED);
    }
    if told.is_empty() {
        return error("at least one image update is required");
    }
    let pairs: Vec<(&str, &str)> = told.iter().filter_map(|it| it.split_once('=')).collect();
    change(
        ctx,
        invocation,
        resources,
        "image updated",
        |item, document| {
            let spec = match item.resource.kind {
                "Pod" => &mut document["spec"],
                _ => &mut document["spec"]["template"]["spec"],
            };
            for (name, image) in &pairs {
                let mut is_found = false;
                for list in ["initContainers", "containers"] {
                    for it in spec[list].as_array_mut().into_iter().flatten() {
                        if *name == "*" || text(it, &["name"]) == *name {
                            it["image"] = (*image).into();
                            is_found = true;
                        }
                    }
                }
                if !is_found {
                    return error(format!("unable to find container named {name:?}"));
                }
            }
            if spec["initContainers"].is_null()
                && let Some(spec) = spec.as_object_mut()
            {
                spec.remove("initContainers");
            }
            Ok(())
        },
    )
}

/// Changes objects and sends what is different as a patch.
fn change(
    ctx: &mut Ctx<'_>,
    invocation: &Invocation,
    resources: &[String],
    what: &str,
    edit: impl Fn(&Item, &mut Value) -> Result<(), Failure>,
) -> Outcome {
    let mut printer = Printer::new(ctx, invocation)?;
    let asking = Asking::of(invocation, "kubectl-set")?;
    let is_dry = DryRun::of(invocation)? == DryRun::Client;
    let mut failures = Vec::new();
    for item in arguments::pick_items(ctx, invocation, resources)? {
        let before = Value::clone(&*arguments::live(ctx, &item)?);
        let mut after = before.clone();
        if let Err(failure) = edit(&item, &mut after) {
            failures.push(failure.after(&format!("{}/{} ", item.resource.name, item.name)));
            continue;
        }
        if before == after {
            continue;
        }
        if !is_dry {
            let kind = item.resource.modelled()?;
            let Some(of) = schema::of_kind(kind.api_version(), kind.name()) else {
                continue;
            };
            let patch = two_way_strategic_patch(&before, &after, of)
                .map_err(|it| Failure::Error(it.to_string()))?;
            match asking.ask(ctx, Verb::StrategicPatch(patch), &item.reference()?) {
                Ok(answer) => after = answer.document,
                Err(failure) => {
                    failures.push(failure);
                    continue;
                }
            }
        }
        printer.done(ctx, &after, what)?;
    }
    Step::after(failures)
}
