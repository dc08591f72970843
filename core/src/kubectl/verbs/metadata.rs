//! `kubectl label` and `kubectl annotate`: the two maps of an object's metadata.
//!
//! `k8s.io/kubectl/pkg/cmd/{label/label.go,annotate/annotate.go}` of 1.32.
//!
//! **Left out**: `--local`; the luck of Go's maps: `--list` prints in the order of keys.

use super::super::arguments::{self, Item};
use super::super::asking::Asking;
use super::super::command::{Command, Invocation};
use super::super::failure::{Failure, error};
use super::super::io::Ctx;
use super::super::object::texts;
use super::super::printers::output::{DryRun, Printer};
use super::super::target::{Outcome, Step};
use crate::api::label_value_faults;
use crate::store::api::Verb;
use crate::store::patch::merge_patch_between;
use serde_json::{Map, Value};

/// `kubectl label`
pub(super) const LABEL: Command = Command {
    path: "label",
    aliases: &[],
    help: include_str!("../help/label.txt"),
    run: |ctx, invocation| run(ctx, invocation, Which::Labels),
};

/// `kubectl annotate`
pub(super) const ANNOTATE: Command = Command {
    path: "annotate",
    aliases: &[],
    help: include_str!("../help/annotate.txt"),
    run: |ctx, invocation| run(ctx, invocation, Which::Annotations),
};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Which {
    Labels,
    Annotations,
}

impl Which {
    const fn field(self) -> &'static str {
        match self {
            Which::Labels => "labels",
            Which::Annotations => "annotations",
        }
    }

    const fn singular(self) -> &'static str {
        match self {
            Which::Labels => "label",
            Which::Annotations => "annotation",
        }
    }
}

/// What is to be set, and what is to go.
#[derive(Default)]
struct Changes {
    set: Vec<(String, String)>,
    remove: Vec<String>,
}

fn run(ctx: &mut Ctx<'_>, invocation: &Invocation, which: Which) -> Outcome {
    let flags = &invocation.flags;
    let words = invocation.args();
    let is_change = |it: &String| it.contains('=') || it.ends_with('-') && it.len() > 1;
    let n_resources = words.iter().position(is_change).unwrap_or(words.len());
    let (resources, told) = words.split_at(n_resources);
    if let Some(stray) = told.iter().find(|it| !is_change(it)) {
        return error(format!(
            "all resources must be specified before {} changes: {stray}",
            which.singular()
        ));
    }
    if resources.is_empty() && !flags.changed("filename") {
        return error(
            "one or more resources must be specified as <resource> <name> or <resource>/<name>",
        );
    }
    let changes = read(told, which)?;
    if changes.set.is_empty() && changes.remove.is_empty() && !flags.is("list") {
        return error(format!(
            "at least one {} update is required",
            which.singular()
        ));
    }
    let mut printer = Printer::new(ctx, invocation)?;
    let mut failures = Vec::new();
    for item in arguments::pick_items(ctx, invocation, resources)? {
        if let Err(failure) = one(ctx, invocation, which, &item, &changes, &mut printer) {
            failures.push(failure);
        }
    }
    Step::after(failures)
}

fn read(told: &[String], which: Which) -> Result<Changes, Failure> {
    let mut changes = Changes::default();
    for it in told {
        if let Some((key, value)) = it.split_once('=') {
            if key.is_empty() {
                return error(format!("invalid {} format: {it}", which.singular()));
            }
            let faults = label_value_faults(value);
            if which == Which::Labels && !faults.is_empty() {
                return error(format!("invalid label value: {it:?}: {}", faults.join(";")));
            }
            changes.set.retain(|it| it.0 != key);
            changes.set.push((key.to_owned(), value.to_owned()));
        } else if let Some(key) = it.strip_suffix('-') {
            changes.remove.push(key.to_owned());
        }
    }
    if changes
        .remove
        .iter()
        .any(|key| changes.set.iter().any(|it| it.0 == *key))
    {
        let article = if which == Which::Labels {
            "a label"
        } else {
            "an annotation"
        };
        return error(format!(
            "can not both modify and remove {article} in the same command"
        ));
    }
    Ok(changes)
}

fn one(
    ctx: &mut Ctx<'_>,
    invocation: &Invocation,
    which: Which,
    item: &Item,
    changes: &Changes,
    printer: &mut Printer,
) -> Result<(), Failure> {
    let flags = &invocation.flags;
    let before = Value::clone(&*arguments::live(ctx, item)?);
    let map = &before["metadata"][which.field()];
    let mut after = before.clone();
    if !changes.set.is_empty() || !changes.remove.is_empty() {
        if !flags.is("overwrite") {
            refuse_overwriting(map, changes, which)?;
        }
        let mut new: Map<String, Value> = map.as_object().cloned().unwrap_or_default();
        for key in &changes.remove {
            if new.remove(key).is_none() && which == Which::Labels {
                ctx.out(&format!("label {key:?} not found.\n"));
            }
        }
        for (key, value) in &changes.set {
            new.insert(key.clone(), value.as_str().into());
        }
        if let Some(metadata) = after["metadata"].as_object_mut() {
            if new.is_empty() {
                metadata.remove(which.field());
            } else {
                metadata.insert(which.field().to_owned(), new.into());
            }
        }
    }
    let version = flags.text("resource-version");
    if !version.is_empty() {
        after["metadata"]["resourceVersion"] = version.into();
    }
    let is_shorter = after.to_string().len() < before.to_string().len();
    let what = match which {
        Which::Annotations => "annotated",
        Which::Labels if before == after => "not labeled",
        Which::Labels if !flags.is("overwrite") && is_shorter => "unlabeled",
        Which::Labels => "labeled",
    };
    let patch = merge_patch_between(&before, &after);
    let is_empty = patch.as_object().is_none_or(Map::is_empty);
    if DryRun::of(invocation)? != DryRun::Client && !is_empty {
        let asking = Asking::of(invocation, &format!("kubectl-{}", invocation.command.path))?;
        after = asking
            .ask(ctx, Verb::MergePatch(patch), &item.reference()?)?
            .document;
    }
    if flags.is("list") {
        list(ctx, &after["metadata"][which.field()]);
        return Ok(());
    }
    printer.done(ctx, &after, what)
}

fn refuse_overwriting(map: &Value, changes: &Changes, which: Which) -> Result<(), Failure> {
    let taken: Vec<String> = changes
        .set
        .iter()
        .filter_map(|(key, value)| {
            let old = map.get(key)?.as_str()?;
            let is_same = which == Which::Labels && old == value;
            (!is_same).then(|| match which {
                Which::Labels => {
                    format!("'{key}' already has a value ({old}), and --overwrite is false")
                }
                Which::Annotations => format!("'{key}' already has a value ({old})"),
            })
        })
        .collect();
    if taken.is_empty() {
        return Ok(());
    }
    match which {
        Which::Labels => Err(Failure::many(
            taken.into_iter().map(Failure::Error).collect(),
        )),
        Which::Annotations => error(format!(
            "--overwrite is false but found the following declared annotation(s): {}",
            taken.join("; ")
        )),
    }
}

fn list(ctx: &mut Ctx<'_>, map: &Value) {
    let mut text = String::new();
    for (key, value) in texts(map) {
        text.push_str(&format!("{key}={value}\n"));
    }
    ctx.out(&text);
}
