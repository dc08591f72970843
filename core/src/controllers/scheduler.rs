//! The scheduler: gives every pod without a node one.
//!
//! Of the nodes that a pod may go to, the one with the fewest pods, by name where they are equal: what
//! `PodTopologySpread` and `NodeResourcesBalancedAllocation` of kube-scheduler 1.36 come to for pods that ask for
//! nothing. Events and conditions in its words.
//!
//! **Left out**: resources, affinity, volumes, priorities and preemption.

use super::{Controller, Look, Outcome, Purpose, Wake};
use crate::api::{Kind, KubernetesVersion, Node, Object, ObjectRef, Pod, Taint, Toleration};
use crate::store::{Change, ChangeKind, Note, NoteKind, Objects, Part, Write};
use crate::time::Duration;
use serde_json::json;
use std::collections::BTreeMap;

/// How long a pod that found no node waits before it is looked at again by itself.
const RETRY: Duration = Duration::from_secs(300);

const NAME: &str = "default-scheduler";

pub(super) const CONTROLLER: Controller = Controller {
    name: NAME,
    delay: Duration::from_millis(20),
    watches,
    reconcile,
};

fn watches(change: &Change, objects: &Objects) -> Vec<ObjectRef> {
    match change.object.kind {
        Kind::Pod if change.kind != ChangeKind::Deleted => vec![change.object.clone()],
        // A new or changed node may take those that wait: pods that are on none.
        Kind::Node if change.kind != ChangeKind::Deleted => objects
            .pods_on("")
            .iter()
            .map(|(namespace, name)| ObjectRef::new(Kind::Pod, namespace, name))
            .collect(),
        _ => Vec::new(),
    }
}

fn reconcile(look: &Look<'_>, about: &ObjectRef) -> Outcome {
    let Some(Object::Pod(pod)) = look.objects.find(about) else {
        return Outcome::nothing();
    };
    if pod.spec.node_name.is_some() || pod.is_terminating() || pod.is_over() {
        return Outcome::nothing();
    }
    let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
    let mut best: Option<(usize, &str)> = None;
    let version = look.objects.cluster.version();
    for (name, node) in &look.objects.nodes {
        match obstacle(&pod, node, version) {
            Some(reason) => *reasons.entry(reason).or_default() += 1,
            None => {
                let n_pods = look.objects.pods_on(name).len();
                if best.is_none_or(|it| n_pods < it.0) {
                    best = Some((n_pods, name));
                }
            }
        }
    }
    match best {
        Some((_, node)) => bound(look, about, node),
        None => unschedulable(look, about, &pod, &reasons),
    }
}

fn bound(look: &Look<'_>, about: &ObjectRef, node: &str) -> Outcome {
    let condition = json!({
        "type": "PodScheduled",
        "status": "True",
        "lastTransitionTime": look.clock.stamp(),
    });
    let patch = |part, patch| Write::Patch {
        object: about.clone(),
        part,
        patch,
    };
    let has_status = matches!(
        look.objects.find(about),
        Some(Object::Pod(pod)) if pod.status.phase.is_some() || !pod.status.conditions.is_empty()
    );
    let mut writes = vec![patch(Part::Main, json!({"spec": {"nodeName": node}}))];
    if !has_status {
        let status = json!({"phase": "Pending", "conditions": [condition]});
        writes.push(patch(Part::Status, json!({"status": status})));
    }
    writes.push(Write::Record(Note {
        about: about.clone(),
        kind: NoteKind::Normal,
        reason: "Scheduled".into(),
        message: format!(
            "Successfully assigned {}/{} to {node}",
            about.namespace, about.name
        ),
        component: NAME,
        host: None,
        field_path: None,
    }));
    Outcome::writes(writes)
}

fn unschedulable(
    look: &Look<'_>,
    about: &ObjectRef,
    pod: &Pod,
    reasons: &BTreeMap<String, usize>,
) -> Outcome {
    let n_nodes: usize = reasons.values().sum();
    let message = if n_nodes == 0 {
        "no nodes available to schedule pods".to_owned()
    } else {
        let reasons: Vec<String> = reasons.iter().map(|(it, n)| format!("{n} {it}")).collect();
        format!(
            "0/{n_nodes} nodes are available: {}. preemption: 0/{n_nodes} nodes are available: \
             {n_nodes} Preemption is not helpful for scheduling.",
            reasons.join(", ")
        )
    };
    let known = pod
        .status
        .conditions
        .iter()
        .any(|it| it.kind == "PodScheduled" && it.message.as_deref() == Some(message.as_str()));
    let wake = Some(Wake {
        at: look.clock.now + RETRY,
        purpose: Purpose::Routine,
    });
    if known {
        return Outcome {
            wake,
            ..Outcome::default()
        };
    }
    let condition = json!({
        "type": "PodScheduled",
        "status": "False",
        "reason": "Unschedulable",
        "message": message,
        "lastTransitionTime": look.clock.stamp(),
    });
    Outcome {
        writes: vec![
            Write::Patch {
                object: about.clone(),
                part: Part::Status,
                patch: json!({"status": {"phase": "Pending", "conditions": [condition]}}),
            },
            Write::Record(Note {
                about: about.clone(),
                kind: NoteKind::Warning,
                reason: "FailedScheduling".into(),
                message,
                component: NAME,
                host: None,
                field_path: None,
            }),
        ],
        wake,
        remember: None,
    }
}

/// Why a pod may not go to a node, in the scheduler's words; nothing if it may.
fn obstacle(pod: &Pod, node: &Node, version: KubernetesVersion) -> Option<String> {
    let labels = &node.metadata.labels;
    let selector = &pod.spec.node_selector;
    if !selector
        .iter()
        .all(|(name, it)| labels.get(name) == Some(it))
    {
        return Some("node(s) didn't match Pod's node affinity/selector".into());
    }
    let repels = |it: &&Taint| {
        matches!(it.effect.as_str(), "NoSchedule" | "NoExecute")
            && !pod.spec.tolerations.iter().any(|bears| bears.bears(it))
    };
    if node.spec.unschedulable && !bears_unschedulable(pod) {
        return Some("node(s) were unschedulable".into());
    }
    if let Some(taint) = node.spec.taints.iter().find(repels) {
        if version.minor >= 36 {
            // Which one is no longer told: a taint of every node would make a message without end.
            return Some("node(s) had untolerated taint(s)".into());
        }
        let value = taint.value.as_deref().unwrap_or_default();
        return Some(format!(
            "node(s) had untolerated taint {{{}: {value}}}",
            taint.key
        ));
    }
    None
}

fn bears_unschedulable(pod: &Pod) -> bool {
    let taint = Taint {
        key: "node.kubernetes.io/unschedulable".into(),
        effect: "NoSchedule".into(),
        ..Taint::default()
    };
    pod.spec.tolerations.iter().any(|it| it.bears(&taint))
}

impl Toleration {
    /// Whether it bears a taint.
    #[must_use]
    pub fn bears(&self, taint: &Taint) -> bool {
        let effect = self.effect.as_deref().unwrap_or_default();
        let key = self.key.as_deref().unwrap_or_default();
        let same_value = match self.operator.as_deref() {
            Some("Exists") => true,
            _ => {
                self.value.as_deref().unwrap_or_default()
                    == taint.value.as_deref().unwrap_or_default()
            }
        };
        (effect.is_empty() || effect == taint.effect)
            && (key.is_empty() && self.operator.as_deref() == Some("Exists") || key == taint.key)
            && same_value
    }
}
