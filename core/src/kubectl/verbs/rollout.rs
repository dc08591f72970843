//! `kubectl rollout`: how a new template of pods gets on.
//!
//! `k8s.io/kubectl/pkg/cmd/rollout` and `pkg/polymorphichelpers` of 1.32.
//!
//! **Left out**: the history of StatefulSets, whose revisions the model does not keep.

use super::super::arguments::{self, Item};
use super::super::asking::Asking;
use super::super::command::{Command, Invocation};
use super::super::failure::{Failure, error};
use super::super::io::Ctx;
use super::super::object::{at, items, name, text};
use super::super::printers::output::Printer;
use super::super::printers::tabs::{DESCRIBE, align};
use super::super::target::{Outcome, Step};
use super::rollout_status;
use crate::api::Kind;
use crate::store::api::Verb;
use serde_json::{Value, json};
use std::sync::Arc;

/// `kubectl rollout status`
pub(super) const STATUS: Command = Command::new(
    "rollout status",
    include_str!("../help/rollout_status.txt"),
    rollout_status::run,
);

/// `kubectl rollout history`
pub(super) const HISTORY: Command = Command::new(
    "rollout history",
    include_str!("../help/rollout_history.txt"),
    history,
);

/// `kubectl rollout undo`
pub(super) const UNDO: Command = Command::new(
    "rollout undo",
    include_str!("../help/rollout_undo.txt"),
    undo,
);

/// `kubectl rollout restart`
pub(super) const RESTART: Command = Command::new(
    "rollout restart",
    include_str!("../help/rollout_restart.txt"),
    |ctx, invocation| change(ctx, invocation, "restarted", restart),
);

/// `kubectl rollout pause`
pub(super) const PAUSE: Command = Command::new(
    "rollout pause",
    include_str!("../help/rollout_pause.txt"),
    |ctx, invocation| change(ctx, invocation, "paused", pause),
);

/// `kubectl rollout resume`
pub(super) const RESUME: Command = Command::new(
    "rollout resume",
    include_str!("../help/rollout_resume.txt"),
    |ctx, invocation| change(ctx, invocation, "resumed", resume),
);

const REVISION: &str = "deployment.kubernetes.io/revision";
const CAUSE: &str = "kubernetes.io/change-cause";

/// The objects of a line.
pub(super) fn picked(ctx: &mut Ctx<'_>, invocation: &Invocation) -> Result<Vec<Item>, Failure> {
    if invocation.args().is_empty() && !invocation.flags.changed("filename") {
        return error("required resource not specified");
    }
    arguments::pick_items(ctx, invocation, invocation.args())
}

type Patch = fn(&Item, &Value, &str) -> Result<Value, Failure>;

fn restart(item: &Item, live: &Value, now: &str) -> Result<Value, Failure> {
    if !matches!(
        item.resource.kind,
        "Deployment" | "StatefulSet" | "DaemonSet"
    ) {
        return error(format!(
            "{} {:?} restarting is not supported",
            item.resource.qualified(),
            item.name
        ));
    }
    if live["spec"]["paused"] == true {
        return error(format!(
            "{} {:?} can't restart paused deployment (run rollout resume first)",
            item.resource.qualified(),
            item.name
        ));
    }
    Ok(
        json!({"spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": now}}}}}),
    )
}

fn pause(item: &Item, live: &Value, _: &str) -> Result<Value, Failure> {
    if item.resource.kind != "Deployment" {
        return error(format!(
            "{} {:?} pausing is not supported",
            item.resource.qualified(),
            item.name
        ));
    }
    if live["spec"]["paused"] == true {
        return error(format!(
            "{} {:?} is already paused",
            item.resource.qualified(),
            item.name
        ));
    }
    Ok(json!({"spec": {"paused": true}}))
}

fn resume(item: &Item, live: &Value, _: &str) -> Result<Value, Failure> {
    if item.resource.kind != "Deployment" {
        return error(format!(
            "{} {:?} resuming is not supported",
            item.resource.qualified(),
            item.name
        ));
    }
    if live["spec"]["paused"] != true {
        return error(format!(
            "{} {:?} is not paused",
            item.resource.qualified(),
            item.name
        ));
    }
    Ok(json!({"spec": {"paused": null}}))
}

fn change(ctx: &mut Ctx<'_>, invocation: &Invocation, what: &str, patch: Patch) -> Outcome {
    let mut printer = Printer::new(ctx, invocation)?;
    let asking = Asking::of(invocation, "kubectl-rollout")?;
    let mut failures = Vec::new();
    for item in picked(ctx, invocation)? {
        let live = arguments::live(ctx, &item)?;
        let now = ctx.clock().stamp();
        let done = patch(&item, &live, &now).and_then(|patch| {
            let answer = asking.ask(ctx, Verb::StrategicPatch(patch), &item.reference()?)?;
            printer.done(ctx, &answer.document, what)
        });
        if let Err(failure) = done {
            failures.push(failure);
        }
    }
    Step::after(failures)
}

/// The ReplicaSets of a Deployment, by revision.
fn revisions(ctx: &Ctx<'_>, deployment: &Value) -> Vec<(i64, Arc<Value>)> {
    let store = ctx.target.cluster().store();
    let mut found: Vec<(i64, Arc<Value>)> = store
        .documents(Kind::ReplicaSet)
        .map(|it| it.1.clone())
        .filter(|it| {
            let owners = items(at(it, &["metadata", "ownerReferences"]));
            owners
                .iter()
                .any(|it| it["uid"] == deployment["metadata"]["uid"])
        })
        .filter_map(|it| {
            Some((
                text(&it, &["metadata", "annotations", REVISION])
                    .parse()
                    .ok()?,
                it,
            ))
        })
        .collect();
    found.sort_by_key(|it| it.0);
    found
}

fn history(ctx: &mut Ctx<'_>, invocation: &Invocation) -> Outcome {
    for item in picked(ctx, invocation)? {
        let live = arguments::live(ctx, &item)?;
        if item.resource.kind != "Deployment" {
            return error(format!(
                "no history viewer has been implemented for {}",
                item.resource.kind
            ));
        }
        let all = revisions(ctx, &live);
        let wanted = invocation.flags.int("revision");
        let shown = item.shown();
        if wanted > 0 {
            let Some((_, set)) = all.iter().find(|it| it.0 == wanted) else {
                return error("unable to find the specified revision");
            };
            let text = super::super::describe::pod_template(ctx, &set["spec"]["template"]);
            ctx.out(&format!("{shown} with revision #{wanted}\n{text}\n"));
            continue;
        }
        let mut text = "REVISION\tCHANGE-CAUSE\n".to_owned();
        for (revision, set) in &all {
            let cause = match super::super::object::text(set, &["metadata", "annotations", CAUSE]) {
                "" => "<none>",
                cause => cause,
            };
            text.push_str(&format!("{revision}\t{cause}\n"));
        }
        ctx.out(&format!("{shown} \n{}\n", align(&text, DESCRIBE)));
    }
    Ok(Step::Done(0))
}

fn undo(ctx: &mut Ctx<'_>, invocation: &Invocation) -> Outcome {
    let mut printer = Printer::new(ctx, invocation)?;
    let asking = Asking::of(invocation, "kubectl-rollout")?;
    let wanted = invocation.flags.int("to-revision");
    for item in picked(ctx, invocation)? {
        let live = arguments::live(ctx, &item)?;
        if item.resource.kind != "Deployment" {
            return error(format!(
                "no rollbacker has been implemented for {:?}",
                item.resource.kind
            ));
        }
        if live["spec"]["paused"] == true {
            return error(format!(
                "you cannot rollback a paused deployment; resume it first with 'kubectl rollout resume {}' and try again",
                item.shown()
            ));
        }
        let all = revisions(ctx, &live);
        let set = if wanted > 0 {
            let found = all.iter().find(|it| it.0 == wanted);
            found.ok_or_else(|| {
                Failure::Error(format!(
                    "unable to find specified revision {wanted} in history"
                ))
            })?
        } else {
            let found = all.iter().rev().nth(1);
            found.ok_or_else(|| {
                Failure::Error(format!(
                    "no rollout history found for deployment {:?}",
                    name(&live)
                ))
            })?
        };
        let mut template = set.1["spec"]["template"].clone();
        if let Some(labels) = template["metadata"]["labels"].as_object_mut() {
            labels.remove("pod-template-hash");
        }
        if template == live["spec"]["template"] {
            let what = format!(
                "skipped rollback (current template already matches revision {})",
                set.0
            );
            printer.done(ctx, &live, &what)?;
            continue;
        }
        let patch = json!([{"op": "replace", "path": "/spec/template", "value": template}]);
        let answer = asking.ask(ctx, Verb::JsonPatch(patch), &item.reference()?)?;
        printer.done(ctx, &answer.document, "rolled back")?;
    }
    Ok(Step::Done(0))
}
