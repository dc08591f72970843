//! Node lifecycle: a node that falls silent, what its pods become, and its return.
//!
//! `pkg/controller/nodelifecycle` and `pkg/controller/tainteviction` of Kubernetes 1.36: a node is unknown after
//! `--node-monitor-grace-period`, 50 seconds (40 before 1.32); pods leave it after their toleration, 300 seconds unless
//! they say otherwise. Silence begins when the machine stops, not with the last renewal of its lease before that.
//!
//! **Left out**: zones in which too many nodes fall silent at once; the pods of a
//! node that is unknown stay Terminating, for no kubelet says that they have ended.

use super::furnishings::PRESSURES;
use super::{Controller, Look, Outcome, Purpose, Wake};
use crate::api::{Kind, Node, NodeCondition, Object, ObjectRef, Pod, Taint};
use crate::store::{Change, ChangeKind, Note, NoteKind, Objects, Part, Propagation, Write};
use crate::time::{Duration, Instant};
use serde_json::{Value, json};

const NAME: &str = "node-controller";
const EVICTION: &str = "taint-eviction-controller";
const UNREACHABLE: &str = "node.kubernetes.io/unreachable";

/// What the admission plugin DefaultTolerationSeconds gives every pod.
const TOLERATION_SECS: i64 = 300;

pub(super) const CONTROLLER: Controller = Controller {
    name: NAME,
    delay: Duration::from_millis(100),
    watches,
    reconcile,
};

fn watches(change: &Change, objects: &Objects) -> Vec<ObjectRef> {
    match (change.object.kind, change.kind) {
        (Kind::Node, ChangeKind::Deleted) => {
            let pods = objects.pods_on(&change.object.name).iter();
            pods.map(|it| ObjectRef::new(Kind::Pod, &it.0, &it.1))
                .collect()
        }
        (Kind::Node, _) => vec![change.object.clone()],
        (Kind::Pod, ChangeKind::Added) => vec![change.object.clone()],
        _ => Vec::new(),
    }
}

fn reconcile(look: &Look<'_>, about: &ObjectRef) -> Outcome {
    match look.objects.find(about) {
        Some(Object::Node(node)) => look_at_node(look, about, &node),
        Some(Object::Pod(pod)) => look_at_pod(look, about, &pod),
        _ => Outcome::nothing(),
    }
}

fn look_at_node(look: &Look<'_>, about: &ObjectRef, node: &Node) -> Outcome {
    let grace = if look.objects.cluster.version().minor >= 32 {
        50
    } else {
        40
    };
    let silent_at = look
        .machines
        .nodes_down
        .get(&about.name)
        .map(|since| *since + Duration::from_secs(grace));
    let is_silent = silent_at.is_some_and(|at| at <= look.clock.now);
    if let Some(at) = silent_at.filter(|_| !is_silent) {
        return Outcome {
            wake: Some(Wake {
                at,
                purpose: Purpose::Progress,
            }),
            ..Outcome::default()
        };
    }
    let mut writes = ready(look, about, node, is_silent);
    writes.extend(taints(look, about, node, is_silent));
    let pods: Vec<ObjectRef> = look
        .objects
        .pods_on(&about.name)
        .iter()
        .map(|it| ObjectRef::new(Kind::Pod, &it.0, &it.1))
        .collect();
    let mut wake: Option<Instant> = None;
    for it in pods {
        let Some(Object::Pod(pod)) = look.objects.find(&it) else {
            continue;
        };
        if is_silent && let Some(write) = not_ready(look, &it, &pod) {
            writes.push(write);
            writes.push(tell(
                &it,
                NoteKind::Warning,
                "NodeNotReady",
                "Node is not ready".into(),
                NAME,
            ));
        }
        let (evicted, at) = eviction(look, &it, &pod, node);
        writes.extend(evicted);
        wake = [wake, at].into_iter().flatten().min();
    }
    Outcome {
        writes,
        wake: wake.map(|at| Wake {
            at,
            purpose: Purpose::Routine,
        }),
        remember: None,
    }
}

/// A pod whose node is gone goes at once (pod garbage collection).
fn look_at_pod(look: &Look<'_>, about: &ObjectRef, pod: &Pod) -> Outcome {
    let Some(node) = &pod.spec.node_name else {
        return Outcome::nothing();
    };
    match look.objects.nodes.get(node) {
        None if look.objects.nodes.is_empty() => Outcome::nothing(),
        None if pod
            .metadata
            .creation_timestamp
            .as_deref()
            .and_then(|it| look.clock.secs_since(it))
            < Some(40) =>
        {
            // Caches may not have seen the node yet: quarantine of the collector.
            Outcome {
                wake: Some(Wake {
                    at: look.clock.now + Duration::from_secs(40),
                    purpose: Purpose::Routine,
                }),
                ..Outcome::default()
            }
        }
        None => Outcome::writes(vec![Write::Remove(about.clone())]),
        Some(_) => Outcome::nothing(),
    }
}

/// The Ready condition of a node, and the news of its change.
fn ready(look: &Look<'_>, about: &ObjectRef, node: &Node, is_silent: bool) -> Vec<Write> {
    let known = node.status.conditions.iter().find(|it| it.kind == "Ready");
    let is_told = known.is_some_and(|it| it.status != "Unknown");
    let (status, reason, message) = if is_silent {
        (
            "Unknown",
            "NodeStatusUnknown",
            "Kubelet stopped posting node status.",
        )
    } else if is_told || look.machines.nodes_down.contains_key(&about.name) {
        return Vec::new();
    } else {
        ("True", "KubeletReady", "kubelet is posting ready status")
    };
    if known.is_some_and(|it| it.status == status) {
        return Vec::new();
    }
    let stamp = look.clock.stamp();
    let others = node
        .status
        .conditions
        .iter()
        .filter(|it| it.kind != "Ready");
    let mut conditions: Vec<Value> = others
        .map(|it| other_condition(it, is_silent, &stamp))
        .collect();
    conditions.push(json!({
        "type": "Ready",
        "status": status,
        "reason": reason,
        "message": message,
        "lastHeartbeatTime": known
            .filter(|_| is_silent)
            .and_then(|it| it.last_heartbeat_time.clone())
            .unwrap_or_else(|| stamp.clone()),
        "lastTransitionTime": stamp,
    }));
    let mut writes = vec![Write::Patch {
        object: about.clone(),
        part: Part::Status,
        patch: json!({"status": {"conditions": conditions}}),
    }];
    if known.is_some() {
        // Silence is the controller's news, a return the kubelet's own.
        let (reason, component) = if is_silent {
            ("NodeNotReady", NAME)
        } else {
            ("NodeReady", "kubelet")
        };
        writes.push(Write::Record(Note {
            about: about.clone(),
            kind: NoteKind::Normal,
            reason: reason.into(),
            message: format!("Node {} status is now: {reason}", about.name),
            component,
            host: (!is_silent).then(|| about.name.clone()),
            field_path: None,
        }));
    }
    writes
}

/// A condition beside Ready: nobody knows it of a node that is silent, and it is as it should be of one that speaks again.
fn other_condition(it: &NodeCondition, is_silent: bool, stamp: &str) -> Value {
    let mut condition = json!(it);
    let Some((_, reason, message)) = PRESSURES.iter().find(|row| row.0 == it.kind) else {
        return condition;
    };
    let (status, reason, message) = match (is_silent, it.status.as_str()) {
        (true, _) => (
            "Unknown",
            "NodeStatusUnknown",
            "Kubelet stopped posting node status.",
        ),
        (false, "Unknown") => ("False", *reason, *message),
        (false, _) => return condition,
    };
    condition["status"] = status.into();
    condition["reason"] = reason.into();
    condition["message"] = message.into();
    condition["lastTransitionTime"] = stamp.into();
    condition
}

/// The taints of a silent node; taken away when it speaks again.
fn taints(look: &Look<'_>, about: &ObjectRef, node: &Node, is_silent: bool) -> Option<Write> {
    let has = |effect: &str| {
        node.spec
            .taints
            .iter()
            .any(|it| it.key == UNREACHABLE && it.effect == effect)
    };
    if is_silent == (has("NoExecute") && has("NoSchedule")) && is_silent == has("NoExecute") {
        return None;
    }
    let mut taints: Vec<Taint> = node
        .spec
        .taints
        .iter()
        .filter(|it| it.key != UNREACHABLE)
        .cloned()
        .collect();
    if is_silent {
        for effect in ["NoSchedule", "NoExecute"] {
            taints.push(Taint {
                key: UNREACHABLE.into(),
                value: None,
                effect: effect.into(),
                time_added: Some(look.clock.stamp()),
            });
        }
    }
    let taints: Vec<Value> = taints
        .into_iter()
        .map(|it| {
            let mut taint = json!({"key": it.key, "effect": it.effect});
            if let Some(value) = it.value {
                taint["value"] = value.into();
            }
            if let Some(added) = it.time_added {
                taint["timeAdded"] = added.into();
            }
            taint
        })
        .collect();
    let taints = if taints.is_empty() {
        Value::Null
    } else {
        taints.into()
    };
    Some(Write::Patch {
        object: about.clone(),
        part: Part::Main,
        patch: json!({"spec": {"taints": taints}}),
    })
}

/// A pod of a silent node is not ready, as far as anybody knows.
fn not_ready(look: &Look<'_>, about: &ObjectRef, pod: &Pod) -> Option<Write> {
    pod.status
        .conditions
        .iter()
        .find(|it| it.kind == "Ready" && it.status == "True")?;
    let conditions: Vec<Value> = pod
        .status
        .conditions
        .iter()
        .map(|it| {
            let mut condition = json!({
                "type": it.kind,
                "status": it.status,
                "lastTransitionTime": it.last_transition_time,
            });
            if let Some(reason) = &it.reason {
                condition["reason"] = reason.as_str().into();
            }
            if it.kind == "Ready" {
                condition["status"] = "False".into();
                condition["lastTransitionTime"] = look.clock.stamp().into();
            }
            condition
        })
        .collect();
    Some(Write::Patch {
        object: about.clone(),
        part: Part::Status,
        patch: json!({"status": {"conditions": conditions}}),
    })
}

fn tell(
    about: &ObjectRef,
    kind: NoteKind,
    reason: &str,
    message: String,
    component: &'static str,
) -> Write {
    Write::Record(Note {
        about: about.clone(),
        kind,
        reason: reason.into(),
        message,
        component,
        host: None,
        field_path: None,
    })
}

/// What becomes of a pod on a node whose taints send pods away: it goes, or goes at a time to come.
fn eviction(
    look: &Look<'_>,
    about: &ObjectRef,
    pod: &Pod,
    node: &Node,
) -> (Vec<Write>, Option<Instant>) {
    if pod.is_terminating() || pod.is_over() {
        return (Vec::new(), None);
    }
    let mut at: Option<Instant> = None;
    for taint in node
        .spec
        .taints
        .iter()
        .filter(|it| it.effect == "NoExecute")
    {
        let since = taint
            .time_added
            .as_deref()
            .and_then(|it| look.clock.instant_of(it))
            .unwrap_or(look.clock.now);
        let bearing: Vec<_> = pod
            .spec
            .tolerations
            .iter()
            .filter(|it| it.bears(taint))
            .collect();
        let secs = if bearing.iter().any(|it| it.toleration_seconds.is_none()) {
            continue;
        } else if bearing.is_empty() && taint.key.starts_with("node.kubernetes.io/") {
            TOLERATION_SECS
        } else {
            bearing
                .iter()
                .filter_map(|it| it.toleration_seconds)
                .min()
                .unwrap_or(0)
        };
        let end = since + Duration::from_secs(u64::try_from(secs).unwrap_or(0));
        at = Some(at.map_or(end, |it| it.min(end)));
    }
    match at {
        Some(at) if at <= look.clock.now => {
            let delete = Write::Delete {
                object: about.clone(),
                propagation: Propagation::Background,
            };
            let message = format!(
                "Marking for deletion Pod {}/{}",
                about.namespace, about.name
            );
            let told = tell(
                about,
                NoteKind::Normal,
                "TaintManagerEviction",
                message,
                EVICTION,
            );
            (vec![told, delete], None)
        }
        other => (Vec::new(), other),
    }
}
