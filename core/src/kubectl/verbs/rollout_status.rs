//! `kubectl rollout status`: until a rollout is done.
//!
//! `k8s.io/kubectl/pkg/polymorphichelpers/rollout_status.go` of 1.32.
//!
//! **Left out**: DaemonSets, of which the model has nothing.

use super::super::arguments::Item;
use super::super::arguments::live;
use super::super::command::Invocation;
use super::super::failure::{Failure, error};
use super::super::io::Ctx;
use super::super::object::{at, items, text};
use super::super::target::{Outcome, Step, Task};
use super::rollout::picked;
use crate::time::Instant;
use serde_json::Value;

pub(super) fn run(ctx: &mut Ctx<'_>, invocation: &Invocation) -> Outcome {
    let mut left = picked(ctx, invocation)?;
    for item in &left {
        live(ctx, item)?;
        if !matches!(
            item.resource.kind,
            "Deployment" | "StatefulSet" | "DaemonSet"
        ) {
            return error(format!(
                "no status viewer has been implemented for {}",
                item.resource.kind
            ));
        }
    }
    left.reverse();
    let limit = invocation.flags.duration("timeout");
    let mut task = Rollout {
        left,
        seen: String::new(),
        revision: invocation.flags.int("revision"),
        end: (limit.as_millis() > 0).then(|| ctx.clock().now + limit),
    };
    let step = task.resume(ctx)?;
    match step {
        Some(code) => Ok(Step::Done(code)),
        None if !invocation.flags.is("watch") => Ok(Step::Done(0)),
        None => Ok(Step::Waits(Box::new(task))),
    }
}

#[derive(Debug)]
struct Rollout {
    left: Vec<Item>,
    /// The version of the object that was spoken of last.
    seen: String,
    revision: i64,
    end: Option<Instant>,
}

impl Task for Rollout {
    fn resume(&mut self, ctx: &mut Ctx<'_>) -> Result<Option<i32>, Failure> {
        while let Some(item) = self.left.last() {
            let reference = item.reference()?;
            let Some(live) = ctx.target.cluster().store().document(&reference).cloned() else {
                return error(format!("object has been deleted: {}", item.shown()));
            };
            let version = text(&live, &["metadata", "resourceVersion"]);
            let (said, is_done) = if item.resource.kind == "Deployment" {
                deployment(&live, self.revision)?
            } else {
                stateful_set(&live)?
            };
            if self.seen != version || is_done {
                ctx.out(&said);
                version.clone_into(&mut self.seen);
            }
            if !is_done {
                break;
            }
            self.left.pop();
        }
        if self.left.is_empty() {
            return Ok(Some(0));
        }
        if self.end.is_some_and(|it| ctx.clock().now >= it) {
            return error("timed out waiting for the condition");
        }
        Ok(None)
    }

    fn wakes_at(&self) -> Option<Instant> {
        self.end
    }
}

fn number(it: &Value, path: &[&str]) -> i64 {
    at(it, path).as_i64().unwrap_or(0)
}

fn is_observed(it: &Value) -> bool {
    number(it, &["metadata", "generation"]) <= number(it, &["status", "observedGeneration"])
}

/// What there is to say, and whether it is the last of it.
fn deployment(it: &Value, revision: i64) -> Result<(String, bool), Failure> {
    let name = text(it, &["metadata", "name"]);
    if revision > 0 {
        let now = text(
            it,
            &[
                "metadata",
                "annotations",
                "deployment.kubernetes.io/revision",
            ],
        );
        if now != revision.to_string() {
            return error(format!(
                "desired revision ({revision}) is different from the running revision ({now})"
            ));
        }
    }
    if !is_observed(it) {
        return Ok((
            "Waiting for deployment spec update to be observed...\n".to_owned(),
            false,
        ));
    }
    let late = items(at(it, &["status", "conditions"]))
        .iter()
        .any(|it| it["type"] == "Progressing" && it["reason"] == "ProgressDeadlineExceeded");
    if late {
        return error(format!(
            "deployment {name:?} exceeded its progress deadline"
        ));
    }
    let wanted = number(it, &["spec", "replicas"]);
    let updated = number(it, &["status", "updatedReplicas"]);
    let total = number(it, &["status", "replicas"]);
    let available = number(it, &["status", "availableReplicas"]);
    let left = if updated < wanted {
        format!("{updated} out of {wanted} new replicas have been updated...")
    } else if total > updated {
        format!(
            "{} old replicas are pending termination...",
            total - updated
        )
    } else if available < updated {
        format!("{available} of {updated} updated replicas are available...")
    } else {
        return Ok((
            format!("deployment {name:?} successfully rolled out\n"),
            true,
        ));
    };
    Ok((
        format!("Waiting for deployment {name:?} rollout to finish: {left}\n"),
        false,
    ))
}

fn stateful_set(it: &Value) -> Result<(String, bool), Failure> {
    if text(it, &["spec", "updateStrategy", "type"]) == "OnDelete" {
        return error("rollout status is only available for RollingUpdate strategy type");
    }
    if !is_observed(it) {
        return Ok((
            "Waiting for statefulset spec update to be observed...\n".to_owned(),
            false,
        ));
    }
    let wanted = number(it, &["spec", "replicas"]);
    let ready = number(it, &["status", "readyReplicas"]);
    if ready < wanted {
        return Ok((
            format!("Waiting for {} pods to be ready...\n", wanted - ready),
            false,
        ));
    }
    let (current, update) = (
        text(it, &["status", "currentRevision"]),
        text(it, &["status", "updateRevision"]),
    );
    if current != update {
        let updated = number(it, &["status", "updatedReplicas"]);
        return Ok((
            format!(
                "waiting for statefulset rolling update to complete {updated} pods at revision {update}...\n"
            ),
            false,
        ));
    }
    let done = number(it, &["status", "currentReplicas"]);
    Ok((
        format!("statefulset rolling update complete {done} pods at revision {current}...\n"),
        true,
    ))
}
