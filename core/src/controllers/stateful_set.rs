//! StatefulSets: pods with names that stay, made and taken away one after the other.
//!
//! `pkg/controller/statefulset/stateful_set_control.go` of Kubernetes 1.36.
//!
//! **Left out**: volume claims, ControllerRevision objects (a revision is a hash of the template), `maxUnavailable`.

use super::deployment::hash;
use super::replica_set::{availability, claim, controllers_of, note, pod_of};
use super::{Controller, Look, Outcome, Purpose, Wake};
use crate::api::{Kind, Object, ObjectRef, Pod, StatefulSet};
use crate::store::{Change, Objects, Part, Propagation, Write};
use crate::time::Duration;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

const NAME: &str = "statefulset-controller";
const REVISION: &str = "controller-revision-hash";

pub(super) const CONTROLLER: Controller = Controller {
    name: NAME,
    delay: Duration::from_millis(20),
    watches,
    reconcile,
};

fn watches(change: &Change, _: &Objects) -> Vec<ObjectRef> {
    match change.object.kind {
        Kind::StatefulSet => vec![change.object.clone()],
        Kind::Pod => controllers_of(change, Kind::StatefulSet),
        _ => Vec::new(),
    }
}

fn reconcile(look: &Look<'_>, about: &ObjectRef) -> Outcome {
    let Some(Object::StatefulSet(set)) = look.objects.find(about) else {
        return Outcome::nothing();
    };
    let mut writes = Vec::new();
    let owner = Object::from(set.clone());
    let pods = claim(look, &owner, &set.spec.selector, &mut writes);
    let mut by_ordinal: BTreeMap<i32, Arc<Pod>> = BTreeMap::new();
    for pod in pods {
        if let Some(ordinal) = ordinal(&set, &pod) {
            by_ordinal.insert(ordinal, pod);
        }
    }
    let template = look
        .store
        .document(about)
        .map(|it| it["spec"]["template"].to_string());
    let revision = format!(
        "{}-{}",
        set.metadata.name,
        hash(&template.unwrap_or_default())
    );
    let mut turn = Turn {
        look,
        set: &set,
        owner,
        revision,
        pods: by_ordinal,
        writes,
    };
    if set.metadata.deletion_timestamp.is_none() {
        turn.go_on();
    }
    let wake = turn.report();
    Outcome {
        writes: turn.writes,
        wake,
        remember: None,
    }
}

fn ordinal(set: &StatefulSet, pod: &Pod) -> Option<i32> {
    let rest = pod.metadata.name.strip_prefix(&set.metadata.name)?;
    rest.strip_prefix('-')?.parse().ok()
}

/// One look at a StatefulSet.
struct Turn<'a> {
    look: &'a Look<'a>,
    set: &'a StatefulSet,
    owner: Object,
    revision: String,
    pods: BTreeMap<i32, Arc<Pod>>,
    writes: Vec<Write>,
}

impl Turn<'_> {
    fn ordinals(&self) -> std::ops::Range<i32> {
        let start = self.set.spec.ordinals.as_ref().map_or(0, |it| it.start);
        start..start + self.set.spec.replicas.unwrap_or(1).max(0)
    }

    fn is_ordered(&self) -> bool {
        self.set.spec.pod_management_policy.as_deref() != Some("Parallel")
    }

    fn go_on(&mut self) {
        for idx in self.ordinals() {
            match self.pods.get(&idx).cloned() {
                None => self.make(idx),
                Some(pod) if pod.is_over() && !pod.is_terminating() => self.delete(&pod),
                Some(pod)
                    if pod.is_ready() && pod.status.phase.is_some() && !pod.is_terminating() =>
                {
                    continue;
                }
                Some(_) => {}
            }
            if self.is_ordered() {
                // The next one waits until this one is ready.
                return;
            }
        }
        let wanted = self.ordinals();
        let beyond: Vec<Arc<Pod>> = self
            .pods
            .iter()
            .rev()
            .filter(|(idx, _)| !wanted.contains(idx))
            .map(|(_, it)| it.clone())
            .collect();
        for pod in &beyond {
            if !pod.is_terminating() {
                self.delete(pod);
            }
            if self.is_ordered() {
                return;
            }
        }
        if beyond.is_empty() {
            self.update();
        }
    }

    /// Replaces the pods of an older revision, highest ordinal first, one at a time.
    fn update(&mut self) {
        let strategy = &self.set.spec.update_strategy;
        if strategy.kind.as_deref() == Some("OnDelete") {
            return;
        }
        let partition = strategy
            .rolling_update
            .as_ref()
            .and_then(|it| it.partition)
            .unwrap_or(0);
        let range = self.ordinals();
        for idx in (range.start + partition.max(0)..range.end).rev() {
            let Some(pod) = self.pods.get(&idx).cloned() else {
                return;
            };
            if pod.is_terminating() || !pod.is_ready() {
                return;
            }
            if pod.labels().get(REVISION) != Some(&self.revision)
                && pod.labels().contains_key(REVISION)
            {
                self.delete(&pod);
                return;
            }
        }
    }

    fn make(&mut self, idx: i32) {
        let name = format!("{}-{idx}", self.set.metadata.name);
        let Some(mut pod) = pod_of(self.look, &self.owner, &name) else {
            return;
        };
        for (label, value) in [
            ("statefulset.kubernetes.io/pod-name", name.clone()),
            ("apps.kubernetes.io/pod-index", idx.to_string()),
            (REVISION, self.revision.clone()),
        ] {
            pod["metadata"]["labels"][label] = value.into();
        }
        pod["spec"]["hostname"] = name.clone().into();
        pod["spec"]["subdomain"] = self.set.spec.service_name.clone().into();
        self.writes.push(Write::Document(Kind::Pod, pod));
        let message = format!(
            "create Pod {name} in StatefulSet {} successful",
            self.set.metadata.name
        );
        self.writes
            .push(note(&self.owner, NAME, "SuccessfulCreate", message));
    }

    fn delete(&mut self, pod: &Arc<Pod>) {
        let name = &pod.metadata.name;
        let message = format!(
            "delete Pod {name} in StatefulSet {} successful",
            self.set.metadata.name
        );
        self.writes.push(Write::Delete {
            object: Object::from(pod.clone()).reference(),
            propagation: Propagation::Background,
        });
        self.writes
            .push(note(&self.owner, NAME, "SuccessfulDelete", message));
    }

    fn report(&mut self) -> Option<Wake> {
        let pods: Vec<Arc<Pod>> = self.pods.values().cloned().collect();
        let (n_ready, n_available, next) =
            availability(self.look.clock, &pods, self.set.spec.min_ready_seconds);
        let is_updated = |it: &&Arc<Pod>| {
            it.labels()
                .get(REVISION)
                .is_none_or(|it| *it == self.revision)
        };
        let n_updated = pods.iter().filter(is_updated).count();
        let old = self.set.status.current_revision.clone();
        let is_done = n_updated == pods.len();
        let current = if is_done {
            self.revision.clone()
        } else {
            old.unwrap_or_else(|| self.revision.clone())
        };
        let n_current = if is_done {
            n_updated
        } else {
            pods.len() - n_updated
        };
        let or_null = |n: usize| if n == 0 { Value::Null } else { n.into() };
        self.writes.push(Write::Patch {
            object: self.owner.reference(),
            part: Part::Status,
            patch: json!({"status": {
                "observedGeneration": self.set.metadata.generation,
                "replicas": pods.len(),
                "readyReplicas": or_null(n_ready),
                "availableReplicas": n_available,
                "currentReplicas": or_null(n_current),
                "updatedReplicas": or_null(n_updated),
                "currentRevision": current,
                "updateRevision": self.revision,
                "collisionCount": 0,
            }}),
        });
        next.map(|at| Wake {
            at,
            purpose: Purpose::Progress,
        })
    }
}
