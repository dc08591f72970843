//! `kubectl exec`: a command in a container. kubectl only finds the container; who runs it is told by [`Wanted`].
//!
//! `k8s.io/kubectl/pkg/cmd/exec/exec.go` of 1.32.
//!
//! **Left out**: `-f`; a terminal of one's own for `-t`.

use super::super::command::{Command, Invocation};
use super::super::failure::{Failure, error};
use super::super::io::Ctx;
use super::super::object::{at, items, name, namespace, text};
use super::super::target::{Outcome, Step, Wanted};
use super::pods::{container, kubelet_unreachable, object_of, pods_of};
use crate::api::{Kind, ObjectRef, Status};

/// `kubectl exec`
pub(super) const COMMAND: Command = Command {
    path: "exec",
    aliases: &[],
    help: include_str!("../help/exec.txt"),
    run,
};

fn run(ctx: &mut Ctx<'_>, invocation: &Invocation) -> Outcome {
    let flags = &invocation.flags;
    let words = invocation.args();
    if words.is_empty() {
        return error("pod, type/name or --filename must be specified");
    }
    if words.len() > 1 && flags.n_before_dash.is_none() {
        return Err(invocation.usage(
            "exec [POD] [COMMAND] is not supported anymore. Use exec [POD] -- [COMMAND] instead",
        ));
    }
    if words.len() < 2 {
        return error("you must specify at least one command for the container");
    }
    let (item, live) = object_of(ctx, invocation, &words[0])?;
    let pods = pods_of(ctx, &item, &live)?;
    let Some(pod) = pods.first() else {
        return error(format!("no pods found for {}", item.shown()));
    };
    let phase = text(pod, &["status", "phase"]);
    if matches!(phase, "Succeeded" | "Failed") {
        return error(format!(
            "cannot exec into a container in a completed pod; current phase is {phase}"
        ));
    }
    if text(pod, &["spec", "nodeName"]).is_empty() {
        let why = format!("pod {} does not have a host assigned", name(pod));
        return Err(Status::bad_request(why).into());
    }
    let container = container(ctx, pod, flags.text("container")).map_err(in_server_words)?;
    if let Some(why) = kubelet_unreachable(ctx, pod) {
        return Err(Status::unexplained(format!("error dialing backend: {why}")).into());
    }
    let statuses = ["containerStatuses", "initContainerStatuses"]
        .iter()
        .flat_map(|it| items(at(pod, &["status", it])));
    let is_up = |it: &serde_json::Value| {
        text(it, &["name"]) == container && it["state"]["running"].is_object()
    };
    if !statuses.into_iter().any(is_up) {
        return error(format!(
            "unable to upgrade connection: container not found ({container:?})"
        ));
    }
    Ok(Step::Asks(Wanted {
        pod: ObjectRef::new(Kind::Pod, namespace(pod), name(pod)),
        container,
        words: words[1..].to_vec(),
        takes_input: flags.is("stdin"),
        is_terminal: flags.is("tty"),
    }))
}

/// It is the kubelet that misses a container here.
fn in_server_words(failure: Failure) -> Failure {
    match failure {
        Failure::Error(why) => Status::bad_request(why).into(),
        other => other,
    }
}
