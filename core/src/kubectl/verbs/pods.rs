//! Which pod stands for a workload or a Service, as `logs`, `exec` and `port-forward` choose one.
//!
//! `k8s.io/kubectl/pkg/polymorphichelpers/{helpers,attachablepodforobject}.go` and `pkg/util/podutils` of 1.32.
//!
//! **Left out**: the finer points of the order of pods: assigned before not, running before pending, ready before not, then by name.

use super::super::arguments::{self, Item, Picked};
use super::super::command::Invocation;
use super::super::failure::{Failure, error};
use super::super::io::Ctx;
use super::super::object::{at, items, name, namespace, text, texts};
use crate::api::{Kind, LabelSelector, Labels};
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;

/// The kubelet's port.
pub(super) const KUBELET_PORT: u16 = 10_250;

/// The object of a word: a pod where no type is told.
pub(super) fn object_of(
    ctx: &mut Ctx<'_>,
    invocation: &Invocation,
    word: &str,
) -> Result<(Item, Arc<Value>), Failure> {
    let word = if word.contains('/') {
        word.to_owned()
    } else {
        format!("pods/{word}")
    };
    let Picked::Items(items) = arguments::pick(ctx, invocation, &[word])? else {
        return error("a name is needed");
    };
    let Some(item) = items.into_iter().next() else {
        return error("a name is needed");
    };
    let live = arguments::live(ctx, &item)?;
    Ok((item, live))
}

/// The pods that stand for an object, the best first.
pub(super) fn pods_of(
    ctx: &Ctx<'_>,
    item: &Item,
    live: &Arc<Value>,
) -> Result<Vec<Arc<Value>>, Failure> {
    let selector = match item.resource.kind {
        "Pod" => return Ok(vec![live.clone()]),
        "Service" => {
            let map = at(live, &["spec", "selector"]);
            if texts(map).is_empty() {
                return error(format!(
                    "cannot attach to *v1.Service: invalid service '{}': Service is defined without a selector",
                    item.name
                ));
            }
            let wanted = texts(map)
                .into_iter()
                .map(|(k, v)| (k.to_owned(), v.to_owned()));
            LabelSelector {
                match_labels: wanted.collect(),
                ..LabelSelector::default()
            }
        }
        "Deployment" | "ReplicaSet" | "StatefulSet" => {
            LabelSelector::deserialize(at(live, &["spec", "selector"])).unwrap_or_default()
        }
        kind => {
            return error(format!(
                "cannot attach to *v1.{kind}: selector for *v1.{kind} not implemented"
            ));
        }
    };
    let mut pods = selected(ctx, &item.namespace, &selector);
    pods.sort_by_key(|it| rank(it));
    Ok(pods)
}

/// Why the API server cannot reach the kubelet of a pod's node, in the words of Go's `net`: its machine is off.
pub(super) fn kubelet_unreachable(ctx: &Ctx<'_>, pod: &Value) -> Option<String> {
    let cluster = ctx.target.cluster();
    let node = text(pod, &["spec", "nodeName"]);
    cluster.machines().nodes_down.get(node)?;
    let node = cluster.store().objects().nodes.get(node)?;
    let kubelet = std::net::SocketAddr::new(*node.internal_ips().first()?, KUBELET_PORT);
    Some(format!("dial tcp {kubelet}: connect: no route to host"))
}

/// The pods that a selector selects.
pub(super) fn selected(ctx: &Ctx<'_>, of: &str, selector: &LabelSelector) -> Vec<Arc<Value>> {
    let all = ctx.target.cluster().store().documents(Kind::Pod);
    all.map(|it| it.1.clone())
        .filter(|it| {
            let labels: Labels = texts(at(it, &["metadata", "labels"]))
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .collect();
            namespace(it) == of && selector.selects(&labels)
        })
        .collect()
}

fn rank(it: &Value) -> (bool, u8, bool, String) {
    let phase = match text(it, &["status", "phase"]) {
        "Running" => 0,
        "Pending" => 1,
        _ => 2,
    };
    let is_ready = items(at(it, &["status", "conditions"]))
        .iter()
        .any(|it| it["type"] == "Ready" && it["status"] == "True");
    let is_assigned = !text(it, &["spec", "nodeName"]).is_empty();
    (!is_assigned, phase, !is_ready, name(it).to_owned())
}

/// The container of a pod: the one that is told, or the first; others are named on standard error.
pub(super) fn container(ctx: &mut Ctx<'_>, pod: &Value, told: &str) -> Result<String, Failure> {
    let all: Vec<&str> = ["containers", "initContainers"]
        .iter()
        .flat_map(|it| items(at(pod, &["spec", it])))
        .map(|it| text(it, &["name"]))
        .collect();
    if told.is_empty() {
        let first = all.first().copied().unwrap_or_default().to_owned();
        if all.len() > 1 {
            ctx.err(&format!(
                "Defaulted container {first:?} out of: {}\n",
                all.join(", ")
            ));
        }
        return Ok(first);
    }
    if all.contains(&told) {
        return Ok(told.to_owned());
    }
    error(format!(
        "container {told} is not valid for pod {}",
        name(pod)
    ))
}
