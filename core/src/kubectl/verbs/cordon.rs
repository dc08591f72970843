//! `kubectl cordon`, `uncordon` and `drain`: nodes that take no more pods.
//!
//! `k8s.io/kubectl/pkg/cmd/drain/drain.go` and `pkg/drain` of 1.32.
//!
//! **Left out**: `--disable-eviction`, `--skip-wait-for-delete-timeout`; budgets for disruptions, which the model has not.

use super::super::arguments::{self, Item, Query};
use super::super::asking;
use super::super::command::{Command, Invocation};
use super::super::failure::{Failure, error};
use super::super::io::Ctx;
use super::super::object::{at, items, name, namespace, text};
use super::super::printers::output::DryRun;
use super::super::resource;
use super::super::target::{Outcome, Step, Task};
use crate::api::{Kind, ObjectRef};
use crate::store::api::{Request, Subresource, Verb};
use crate::time::Instant;
use serde_json::{Value, json};
use std::sync::Arc;

/// `kubectl cordon`
pub(super) const CORDON: Command = Command {
    path: "cordon",
    aliases: &[],
    help: include_str!("../help/cordon.txt"),
    run: |ctx, invocation| mark_all(ctx, invocation, "cordoned"),
};

/// `kubectl uncordon`
pub(super) const UNCORDON: Command = Command {
    path: "uncordon",
    aliases: &[],
    help: include_str!("../help/uncordon.txt"),
    run: |ctx, invocation| mark_all(ctx, invocation, "uncordoned"),
};

/// `kubectl drain`
pub(super) const DRAIN: Command = Command {
    path: "drain",
    aliases: &[],
    help: include_str!("../help/drain.txt"),
    run: drain,
};

/// The nodes of a line.
fn nodes(ctx: &mut Ctx<'_>, invocation: &Invocation) -> Result<Vec<Item>, Failure> {
    let resource =
        resource::of_model(Kind::Node).ok_or_else(|| Failure::Error("no Nodes".to_owned()))?;
    let labels = invocation.flags.text("selector").to_owned();
    if invocation.args().is_empty() && labels.is_empty() {
        let command = invocation.command.path;
        return Err(invocation.usage(format!("USAGE: {command} NODE [flags]")));
    }
    if !invocation.args().is_empty() && !labels.is_empty() {
        return error("error: cannot specify both a node name and a --selector option");
    }
    let query = Query {
        labels,
        ..Query::default()
    };
    if invocation.args().is_empty() {
        let all = arguments::list(ctx, resource, &query)?;
        return Ok(all
            .iter()
            .map(|it| arguments::named(resource, name(it), &query))
            .collect());
    }
    let words = invocation
        .args()
        .iter()
        .map(|it| it.trim_start_matches("node/"));
    Ok(words
        .map(|it| arguments::named(resource, it, &query))
        .collect())
}

fn mark_all(ctx: &mut Ctx<'_>, invocation: &Invocation, what: &str) -> Outcome {
    let mut failures = Vec::new();
    for node in nodes(ctx, invocation)? {
        if let Err(failure) = mark(ctx, invocation, &node, what) {
            failures.push(failure);
        }
    }
    Step::after(failures)
}

fn mark(
    ctx: &mut Ctx<'_>,
    invocation: &Invocation,
    node: &Item,
    what: &str,
) -> Result<(), Failure> {
    let live = arguments::live(ctx, node)?;
    let is_marked = live["spec"]["unschedulable"] == true;
    let wants_mark = what == "cordoned";
    let dry_run = DryRun::of(invocation)?;
    let suffix = match dry_run {
        DryRun::None => "",
        DryRun::Client => " (dry run)",
        DryRun::Server => " (server dry run)",
    };
    if is_marked == wants_mark {
        ctx.out(&format!("node/{} already {what}{suffix}\n", node.name));
        return Ok(());
    }
    if dry_run != DryRun::Client {
        let value = if wants_mark {
            Value::Bool(true)
        } else {
            Value::Null
        };
        let patch = json!({"spec": {"unschedulable": value}});
        let mut request = Request::new(Verb::StrategicPatch(patch), &node.reference()?);
        request.options.dry_run = dry_run == DryRun::Server;
        asking::send(ctx, request)?;
    }
    ctx.out(&format!("node/{} {what}{suffix}\n", node.name));
    Ok(())
}

fn drain(ctx: &mut Ctx<'_>, invocation: &Invocation) -> Outcome {
    let all = nodes(ctx, invocation)?;
    for node in &all {
        arguments::live(ctx, node)?;
    }
    for node in &all {
        mark(ctx, invocation, node, "cordoned")?;
    }
    let mut going = Vec::new();
    for node in &all {
        let pods = match evictable(ctx, invocation, node) {
            Ok(it) => it,
            Err(why) => {
                ctx.err(&format!(
                    "error: unable to drain node {:?} due to error: {why}, continuing command...\nThere are pending nodes to be drained:\n {}\n{why}\n",
                    node.name, node.name
                ));
                return Ok(Step::Done(1));
            }
        };
        for pod in &pods {
            ctx.out(&format!("evicting pod {}/{}\n", namespace(pod), name(pod)));
            evict(ctx, invocation, pod)?;
        }
        going.push((node.name.clone(), pods));
    }
    let limit = invocation.flags.duration("timeout");
    let end = (limit.as_millis() > 0).then(|| ctx.clock().now + limit);
    let mut task = Draining { going, end };
    match task.resume(ctx)? {
        Some(code) => Ok(Step::Done(code)),
        None => Ok(Step::Waits(Box::new(task))),
    }
}

/// The pods that must go, or why they cannot.
fn evictable(
    ctx: &mut Ctx<'_>,
    invocation: &Invocation,
    node: &Item,
) -> Result<Vec<Arc<Value>>, String> {
    let (mut going, mut daemons, mut alone, mut local) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let pods: Vec<Arc<Value>> = ctx
        .target
        .cluster()
        .store()
        .documents(Kind::Pod)
        .map(|it| it.1.clone())
        .collect();
    for pod in pods {
        let annotations = at(&pod, &["metadata", "annotations"]);
        let is_static = annotations.get("kubernetes.io/config.mirror").is_some();
        if text(&pod, &["spec", "nodeName"]) != node.name || is_static {
            continue;
        }
        let shown = format!("{}/{}", namespace(&pod), name(&pod));
        let is_over = matches!(text(&pod, &["status", "phase"]), "Succeeded" | "Failed");
        let owners = items(at(&pod, &["metadata", "ownerReferences"]));
        let owner = owners.iter().find(|it| it["controller"] == true);
        if owner.is_some_and(|it| it["kind"] == "DaemonSet") {
            daemons.push(shown);
            continue;
        }
        if owner.is_none() && !is_over {
            alone.push(shown.clone());
        }
        let has_local = items(at(&pod, &["spec", "volumes"]))
            .iter()
            .any(|it| !it["emptyDir"].is_null());
        if has_local && !is_over {
            local.push(shown);
        }
        going.push(pod);
    }
    verdict(ctx, invocation, [daemons, alone, local])?;
    Ok(going)
}

/// For each of three sorts of pods: the flag that lets them be, what is said without it, and what is warned of with it.
const SORTS: [(&str, &str, &str); 3] = [
    (
        "ignore-daemonsets",
        "DaemonSet-managed Pods (use --ignore-daemonsets to ignore)",
        "ignoring DaemonSet-managed Pods",
    ),
    (
        "force",
        // kubectl says it twice.
        "cannot delete Pods that declare no controller (use --force to override)",
        "deleting Pods that declare no controller",
    ),
    (
        "delete-emptydir-data",
        "Pods with local storage (use --delete-emptydir-data to override)",
        "deleting Pods with local storage",
    ),
];

/// Whether the pods of three sorts may go as the line says; what they are is warned of.
fn verdict(
    ctx: &mut Ctx<'_>,
    invocation: &Invocation,
    sorts: [Vec<String>; 3],
) -> Result<(), String> {
    let (mut faults, mut warnings) = (Vec::new(), Vec::new());
    for ((flag, fault, warning), pods) in SORTS.iter().zip(sorts) {
        let pods_shown = pods.join(", ");
        if pods.is_empty() {
            continue;
        }
        if invocation.flags.is(flag) {
            warnings.push(format!("{warning}: {pods_shown}"));
        } else {
            faults.push(format!("cannot delete {fault}: {pods_shown}"));
        }
    }
    match faults.len() {
        0 if warnings.is_empty() => Ok(()),
        0 => {
            ctx.err(&format!("Warning: {}\n", warnings.join("; ")));
            Ok(())
        }
        1 => Err(faults.remove(0)),
        _ => Err(format!("[{}]", faults.join(", "))),
    }
}

fn evict(ctx: &mut Ctx<'_>, invocation: &Invocation, pod: &Value) -> Result<(), Failure> {
    let grace = invocation.flags.int("grace-period");
    let mut body = json!({
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": name(pod), "namespace": namespace(pod)},
    });
    if grace >= 0 {
        body["deleteOptions"] = json!({"gracePeriodSeconds": grace});
    }
    let object = ObjectRef::new(Kind::Pod, namespace(pod), name(pod));
    let mut request = Request::new(Verb::Create(body.to_string()), &object);
    request.subresource = Subresource::Eviction;
    asking::send(ctx, request).map(|_| ())
}

/// Waits until the pods are gone.
#[derive(Debug)]
struct Draining {
    going: Vec<(String, Vec<Arc<Value>>)>,
    end: Option<Instant>,
}

impl Task for Draining {
    fn resume(&mut self, ctx: &mut Ctx<'_>) -> Result<Option<i32>, Failure> {
        while let Some((node, pods)) = self.going.first_mut() {
            let mut left = Vec::new();
            for pod in pods.drain(..) {
                let object = ObjectRef::new(Kind::Pod, namespace(&pod), name(&pod));
                let live = ctx.target.cluster().store().document(&object);
                if live.is_some_and(|it| it["metadata"]["uid"] == pod["metadata"]["uid"]) {
                    left.push(pod);
                } else {
                    ctx.out(&format!("pod/{} evicted\n", name(&pod)));
                }
            }
            *pods = left;
            if !pods.is_empty() {
                break;
            }
            ctx.out(&format!("node/{node} drained\n"));
            self.going.remove(0);
        }
        if self.going.is_empty() {
            return Ok(Some(0));
        }
        if self.end.is_some_and(|it| ctx.clock().now >= it) {
            return error("error when waiting for pods to terminate: global timeout reached");
        }
        Ok(None)
    }

    fn wakes_at(&self) -> Option<Instant> {
        self.end
    }
}
