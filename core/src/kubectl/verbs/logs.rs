//! `kubectl logs`: what containers printed.
//!
//! `k8s.io/kubectl/pkg/cmd/logs/logs.go` of 1.32. What was printed is asked of the [`Target`](super::super::target::Target).
//!
//! **Left out**: `--follow` ends at the last line; `--since`, `--limit-bytes`, `--previous`.

use super::super::arguments;
use super::super::command::{Command, Invocation};
use super::super::failure::{Failure, error};
use super::super::io::Ctx;
use super::super::object::{items, name, namespace, text};
use super::super::resource;
use super::super::target::{Outcome, Step};
use super::pods::{KUBELET_PORT, container, kubelet_unreachable, object_of, pods_of};
use crate::api::{Kind, ObjectRef, Status};
use serde_json::Value;
use std::sync::Arc;

/// `kubectl logs`
pub(super) const COMMAND: Command = Command {
    path: "logs",
    aliases: &[],
    help: include_str!("../help/logs.txt"),
    run,
};

fn run(ctx: &mut Ctx<'_>, invocation: &Invocation) -> Outcome {
    let flags = &invocation.flags;
    let selects = !flags.text("selector").is_empty();
    let words = invocation.args();
    if words.is_empty() && !selects {
        return Err(invocation.usage("expected 'logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]'.\nPOD or TYPE/NAME is a required argument for the logs command"));
    }
    if !words.is_empty() && selects {
        return Err(invocation.usage("only a selector (-l) or a POD name is allowed"));
    }
    let told = match words.get(1) {
        Some(word) => word.clone(),
        None => flags.text("container").to_owned(),
    };
    if selects {
        let resource =
            resource::of_model(Kind::Pod).ok_or_else(|| Failure::Error("no Pods".to_owned()))?;
        let query = arguments::query(ctx, invocation)?;
        let pods = arguments::list(ctx, resource, &query)?;
        if pods.is_empty() {
            ctx.err(&format!(
                "No resources found in {} namespace.\n",
                query.namespace
            ));
        }
        for pod in pods {
            print(ctx, invocation, &pod, &told)?;
        }
        return Ok(Step::Done(0));
    }
    let (item, live) = object_of(ctx, invocation, &words[0])
        .map_err(|failure| missing(ctx, invocation, failure, &words[0]))?;
    let pods = pods_of(ctx, &item, &live)?;
    let Some(pod) = pods.first() else {
        return error(format!(
            "timed out waiting for the condition: no pods of {}",
            item.shown()
        ));
    };
    if pods.len() > 1 {
        ctx.err(&format!(
            "Found {} pods, using pod/{}\n",
            pods.len(),
            name(pod)
        ));
    }
    let pod: Arc<Value> = pod.clone();
    print(ctx, invocation, &pod, &told)?;
    Ok(Step::Done(0))
}

/// A pod that is not there is spoken of in its own way.
fn missing(ctx: &Ctx<'_>, invocation: &Invocation, failure: Failure, word: &str) -> Failure {
    if !failure.is_not_found() || word.contains('/') {
        return failure;
    }
    let namespace = invocation.namespace(ctx).unwrap_or_default();
    Failure::Error(format!(
        "error from server (NotFound): pods {word:?} not found in namespace {namespace:?}"
    ))
}

fn print(
    ctx: &mut Ctx<'_>,
    invocation: &Invocation,
    pod: &Value,
    told: &str,
) -> Result<(), Failure> {
    let flags = &invocation.flags;
    let names: Vec<String> = if flags.is("all-containers") {
        let all = items(&pod["spec"]["containers"]).iter();
        all.map(|it| text(it, &["name"]).to_owned()).collect()
    } else {
        vec![container(ctx, pod, told)?]
    };
    let reference = ObjectRef::new(Kind::Pod, namespace(pod), name(pod));
    for container in names {
        if let Some(why) = kubelet_unreachable(ctx, pod) {
            let (of, name) = (namespace(pod), name(pod));
            let host = text(pod, &["status", "hostIP"]);
            let url =
                format!("https://{host}:{KUBELET_PORT}/containerLogs/{of}/{name}/{container}");
            return Err(Status::unexplained(format!("Get {url:?}: {why}")).into());
        }
        let lines = ctx.target.log(&reference, &container);
        let tail = match flags.int("tail") {
            n if n >= 0 => usize::try_from(n).unwrap_or(usize::MAX),
            _ if flags.changed("selector") => 10,
            _ => usize::MAX,
        };
        for line in lines.iter().skip(lines.len().saturating_sub(tail)) {
            let prefix = if flags.is("prefix") {
                format!("[pod/{}/{container}] ", name(pod))
            } else {
                String::new()
            };
            ctx.out(&format!("{prefix}{line}\n"));
        }
    }
    Ok(())
}
