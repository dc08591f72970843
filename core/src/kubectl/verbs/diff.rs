//! `kubectl diff`: what apply would change.
//!
//! `k8s.io/kubectl/pkg/cmd/diff/diff.go` of 1.32, and `diff -u -N`, which it starts.
//!
//! **Left out**: `KUBECTL_EXTERNAL_DIFF`; `--prune`; dates behind the names of the two files.

use super::super::arguments;
use super::super::asking::Asking;
use super::super::command::{Command, Invocation};
use super::super::failure::{Failure, error};
use super::super::io::Ctx;
use super::super::manifest::{self, Checking};
use super::super::printers::output::without_managers;
use super::super::printers::yaml;
use super::super::target::{Outcome, Step};
use crate::api::ObjectRef;
use crate::lines::{Mark, script};
use crate::store::api::{Step as Asked, Verb, client_side_apply};
use serde_json::Value;

/// `kubectl diff`
pub(super) const COMMAND: Command = Command {
    path: "diff",
    aliases: &[],
    help: include_str!("../help/diff.txt"),
    run,
};

/// 1 says that something differs, so what failed ends with more.
fn run(ctx: &mut Ctx<'_>, invocation: &Invocation) -> Outcome {
    differences(ctx, invocation).map_err(|failure| {
        ctx.err(&failure.text());
        Failure::Exit(failure.code() + 1)
    })
}

fn differences(ctx: &mut Ctx<'_>, invocation: &Invocation) -> Outcome {
    let flags = &invocation.flags;
    invocation.takes_no_words()?;
    if !flags.changed("filename") && flags.text("kustomize").is_empty() {
        return error("must specify one of -f and -k");
    }
    let (objects, failures) = manifest::read(ctx, invocation, Checking::Validates)?;
    if !failures.is_empty() {
        return Err(Failure::many(failures));
    }
    let manager = if flags.is("server-side") {
        "kubectl"
    } else {
        "kubectl-client-side-apply"
    };
    let mut asking = Asking::of(invocation, manager)?;
    asking.dry_run = true;
    asking.force = flags.is("force-conflicts");
    let mut text = String::new();
    for it in objects {
        let item = arguments::item(it);
        let manifest = item.manifest.clone().unwrap_or_default();
        let kind = item.resource.modelled()?;
        let live = match arguments::live(ctx, &item) {
            Ok(it) => Some(Value::clone(&it)),
            Err(failure) if failure.is_not_found() => None,
            Err(failure) => return Err(failure),
        };
        let reference = ObjectRef::new(kind, &item.namespace, &item.name);
        let merged = if flags.is("server-side") {
            Some(asking.ask(ctx, Verb::Apply(manifest), &reference)?.document)
        } else {
            client_side(ctx, &asking, &reference, &manifest, live.as_ref())?
        };
        let file = file_name(
            &item.resource.version.replace('/', "."),
            item.resource.kind,
            &reference,
        );
        let managers = flags.is("show-managed-fields");
        text.push_str(&compared(
            &file,
            &printed(live, managers),
            &printed(merged, managers),
        ));
    }
    ctx.out(&text);
    Ok(Step::Done(i32::from(!text.is_empty())))
}

/// What an object would be after a client-side apply.
fn client_side(
    ctx: &mut Ctx<'_>,
    asking: &Asking,
    reference: &ObjectRef,
    manifest: &Value,
    live: Option<&Value>,
) -> Result<Option<Value>, Failure> {
    let asked = client_side_apply(reference.kind, manifest, live)
        .map_err(|it| Failure::Error(it.to_string()))?;
    Ok(match asked.step {
        Asked::Create(verb) => {
            let unnamed = ObjectRef::new(reference.kind, &reference.namespace, "");
            Some(asking.ask(ctx, verb, &unnamed)?.document)
        }
        Asked::Patch(verb) => Some(asking.ask(ctx, verb, reference)?.document),
        Asked::Nothing => live.cloned(),
    })
}

fn file_name(version: &str, kind: &str, reference: &ObjectRef) -> String {
    format!(
        "{version}.{kind}.{}.{}",
        reference.namespace, reference.name
    )
}

fn printed(document: Option<Value>, managers: bool) -> String {
    let Some(mut document) = document else {
        return String::new();
    };
    if !managers {
        without_managers(&mut document);
    }
    yaml::emit(&document)
}

fn compared(file: &str, live: &str, merged: &str) -> String {
    if live == merged {
        return String::new();
    }
    let (a, b) = (format!("/tmp/LIVE/{file}"), format!("/tmp/MERGED/{file}"));
    format!(
        "diff -u -N {a} {b}\n--- {a}\n+++ {b}\n{}",
        hunks(live, merged)
    )
}

/// The hunks of a unified diff, with three lines around each change.
pub(super) fn hunks(one: &str, other: &str) -> String {
    const AROUND: usize = 3;
    let (a, b): (Vec<&str>, Vec<&str>) = (one.lines().collect(), other.lines().collect());
    let script = script(&a, &b);
    let changes: Vec<usize> = (0..script.len())
        .filter(|it| script[*it].0 != Mark::Same)
        .collect();
    let mut out = String::new();
    let mut at = 0;
    while at < changes.len() {
        let first = changes[at];
        let mut last = first;
        while at + 1 < changes.len() && changes[at + 1] - last <= 2 * AROUND {
            at += 1;
            last = changes[at];
        }
        at += 1;
        let (start, end) = (
            first.saturating_sub(AROUND),
            (last + AROUND + 1).min(script.len()),
        );
        let before = |mark: Mark| {
            script[..start]
                .iter()
                .filter(|it| it.0 == Mark::Same || it.0 == mark)
                .count()
        };
        let within = |mark: Mark| {
            script[start..end]
                .iter()
                .filter(|it| it.0 == Mark::Same || it.0 == mark)
                .count()
        };
        let range = |mark: Mark| match (before(mark), within(mark)) {
            (from, 0) => format!("{from},0"),
            (from, 1) => format!("{}", from + 1),
            (from, n) => format!("{},{n}", from + 1),
        };
        out.push_str(&format!(
            "@@ -{} +{} @@\n",
            range(Mark::Gone),
            range(Mark::New)
        ));
        for (mark, line) in &script[start..end] {
            out.push_str(match mark {
                Mark::Same => " ",
                Mark::Gone => "-",
                Mark::New => "+",
            });
            out.push_str(line);
            out.push('\n');
        }
    }
    out
}
