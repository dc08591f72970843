//! `kubectl taint`: which pods a node does not want.
//!
//! `k8s.io/kubectl/pkg/cmd/taint` of 1.32.
//!
//! **Left out**: checking keys and values before the server does.

use super::super::arguments;
use super::super::asking::Asking;
use super::super::command::{Command, Invocation};
use super::super::failure::{Failure, error};
use super::super::io::Ctx;
use super::super::object::{items, text};
use super::super::printers::output::{DryRun, Printer};
use super::super::target::{Outcome, Step};
use crate::store::api::Verb;
use serde_json::{Value, json};

/// `kubectl taint`
pub(super) const COMMAND: Command = Command {
    path: "taint",
    aliases: &[],
    help: include_str!("../help/taint.txt"),
    run,
};

const EFFECTS: [&str; 3] = ["NoSchedule", "PreferNoSchedule", "NoExecute"];

/// A taint to be put, or to be taken away; with an effect of its own or with any.
struct Change {
    key: String,
    value: String,
    effect: String,
    is_removal: bool,
}

fn run(ctx: &mut Ctx<'_>, invocation: &Invocation) -> Outcome {
    let words = invocation.args();
    let is_spec = |it: &String| it.contains('=') || it.contains(':') || it.ends_with('-');
    let at = words.iter().position(is_spec).unwrap_or(words.len());
    let (resources, specs) = words.split_at(at);
    if resources.is_empty() {
        return error("one or more resources must be specified as <resource> <name>");
    }
    if specs.is_empty() {
        return error("at least one taint update is required");
    }
    let changes: Vec<Change> = specs.iter().map(|it| read(it)).collect::<Result<_, _>>()?;
    let mut printer = Printer::new(ctx, invocation)?;
    let is_dry = DryRun::of(invocation)? == DryRun::Client;
    let mut failures = Vec::new();
    for item in arguments::pick_items(ctx, invocation, resources)? {
        let live = arguments::live(ctx, &item)?;
        let made = change(
            &live,
            &changes,
            invocation.flags.is("overwrite"),
            &item.name,
        );
        let (taints, what) = match made {
            Ok(it) => it,
            Err(failure) => {
                failures.push(failure);
                continue;
            }
        };
        let mut document = Value::clone(&live);
        if !is_dry {
            let asking = Asking::of(invocation, "kubectl-taint")?;
            let value = if taints.is_empty() {
                Value::Null
            } else {
                taints.into()
            };
            let patch = json!({"spec": {"taints": value}});
            document = asking
                .ask(ctx, Verb::MergePatch(patch), &item.reference()?)?
                .document;
        }
        printer.done(ctx, &document, what)?;
    }
    Step::after(failures)
}

fn read(spec: &str) -> Result<Change, Failure> {
    let (body, is_removal) = match spec.strip_suffix('-') {
        Some(body) => (body, true),
        None => (spec, false),
    };
    let (pair, effect) = body.split_once(':').unwrap_or((body, ""));
    let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
    if !effect.is_empty() && !EFFECTS.contains(&effect) {
        return error(format!(
            "invalid taint effect: {effect}, unsupported taint effect"
        ));
    }
    if !is_removal && effect.is_empty() {
        return error(format!(
            "invalid taint spec: {spec}, expected format 'key=value:effect' or 'key:effect'"
        ));
    }
    Ok(Change {
        key: key.to_owned(),
        value: value.to_owned(),
        effect: effect.to_owned(),
        is_removal,
    })
}

fn change(
    live: &Value,
    changes: &[Change],
    overwrites: bool,
    node: &str,
) -> Result<(Vec<Value>, &'static str), Failure> {
    let mut taints: Vec<Value> = items(&live["spec"]["taints"]).to_vec();
    let (mut has_put, mut has_taken) = (false, false);
    for it in changes {
        let fits = |taint: &Value| {
            text(taint, &["key"]) == it.key
                && (it.effect.is_empty() || text(taint, &["effect"]) == it.effect)
        };
        let is_there = taints.iter().any(fits);
        if it.is_removal {
            if !is_there {
                let suffix = if it.effect.is_empty() {
                    String::new()
                } else {
                    format!(":{}", it.effect)
                };
                return error(format!(
                    "taint {:?} not found",
                    format!("{}{suffix}", it.key)
                ));
            }
            taints.retain(|taint| !fits(taint));
            has_taken = true;
            continue;
        }
        if is_there && !overwrites {
            return error(format!(
                "node {node} already has {} taint(s) with same effect(s) and --overwrite is false",
                it.key
            ));
        }
        taints.retain(|taint| !fits(taint));
        let mut taint = json!({"key": it.key, "effect": it.effect});
        if !it.value.is_empty() {
            taint["value"] = it.value.as_str().into();
        }
        taints.push(taint);
        has_put = true;
    }
    let what = match (has_put, has_taken) {
        (true, true) => "modified",
        (_, true) => "untainted",
        _ => "tainted",
    };
    Ok((taints, what))
}
