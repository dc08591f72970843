//! StatefulSets: pods with names that stay, made, replaced and taken away one after the other.
//!
//! `pkg/controller/statefulset/{stateful_set_control,stateful_set_utils}.go` and `pkg/controller/history` of Kubernetes
//! 1.36. What the template was is kept in ControllerRevisions, so that pods below the partition stay what they were.
//! The hash in their names is not Kubernetes' own; a revision that a dump names keeps its name.
//!
//! **Left out**: volume claims, `maxUnavailable`.

use super::deployment::hash;
use super::owner::controlled_by;
use super::replica_set::{availability, claim, controllers_of, note, pod_from};
use super::{Controller, Look, Outcome, Purpose, Wake};
use crate::api::{ControllerRevision, Kind, Object, ObjectRef, Pod, StatefulSet};
use crate::sorted::sort_by;
use crate::store::{Change, Note, NoteKind, Objects, Part, Propagation, Write};
use crate::time::Duration;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
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
        Kind::Pod | Kind::ControllerRevision => controllers_of(change, Kind::StatefulSet),
        _ => Vec::new(),
    }
}

fn reconcile(look: &Look<'_>, about: &ObjectRef) -> Outcome {
    let Some(Object::StatefulSet(set)) = look.objects.find(about) else {
        return Outcome::nothing();
    };
    let Some(document) = look.store.document(about) else {
        return Outcome::nothing();
    };
    let mut writes = Vec::new();
    let owner = Object::from(set.clone());
    let pods = claim(look, &owner, &set.spec.selector, &mut writes);
    let pods = pods.into_iter();
    let pods: BTreeMap<i32, Arc<Pod>> = pods
        .filter_map(|it| Some((ordinal(&set, &it)?, it)))
        .collect();
    let mut turn = Turn {
        look,
        set: &set,
        owner,
        template: &document["spec"]["template"],
        current: String::new(),
        update: String::new(),
        pods,
        writes,
    };
    if set.metadata.deletion_timestamp.is_none() {
        turn.find_revisions();
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
    template: &'a Value,
    /// The revision that pods have had.
    current: String,
    /// The revision that pods are to have.
    update: String,
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

    fn rolls(&self) -> bool {
        self.set.spec.update_strategy.kind.as_deref() != Some("OnDelete")
    }

    /// The first ordinal that is to be of the new revision.
    fn partition(&self) -> i32 {
        let rolling = self.set.spec.update_strategy.rolling_update.as_ref();
        let partition = rolling.and_then(|it| it.partition).unwrap_or(0);
        self.ordinals().start + partition.max(0)
    }

    fn revision(&self, name: &str) -> ObjectRef {
        let namespace = &self.set.metadata.namespace;
        ObjectRef::new(Kind::ControllerRevision, namespace, name)
    }

    /// What a revision's template was, if that is known.
    fn template_of(&self, revision: &str) -> Option<Value> {
        let document = self.look.store.document(&self.revision(revision))?;
        let mut template = document["data"]["spec"]["template"].clone();
        template.as_object_mut()?.remove("$patch");
        Some(template)
    }

    /// The revisions that there are, oldest first.
    fn known_revisions(&self) -> Vec<Arc<ControllerRevision>> {
        let uid = self.set.metadata.uid.as_deref().unwrap_or_default();
        let owned = self.look.objects.owned_by(uid);
        let mut known: Vec<Arc<ControllerRevision>> = owned
            .filter_map(|it| match self.look.objects.find(it)? {
                Object::ControllerRevision(it) => Some(it),
                _ => None,
            })
            .collect();
        sort_by(&mut known, |a, b| {
            let order = a.revision.cmp(&b.revision);
            order.then_with(|| a.metadata.name.cmp(&b.metadata.name))
        });
        known
    }

    /// Which revision the template is, and which one the pods had before; forgets those nobody needs.
    fn find_revisions(&mut self) {
        let known = self.known_revisions();
        let newest = known.last().map_or(0, |it| it.revision);
        let status = &self.set.status;
        let same = known
            .iter()
            .rev()
            .find(|it| self.template_of(&it.metadata.name).as_ref() == Some(self.template));
        self.update = match same {
            Some(it) => {
                if it.revision < newest {
                    let object = Object::from(it.clone()).reference();
                    self.writes.push(Write::Patch {
                        object,
                        part: Part::Main,
                        patch: json!({"revision": newest + 1}),
                    });
                }
                it.metadata.name.clone()
            }
            None => {
                let hashed = format!(
                    "{}-{}",
                    self.set.metadata.name,
                    hash(&self.template.to_string())
                );
                let told = status.update_revision.clone();
                let name = told.filter(|_| known.is_empty()).unwrap_or(hashed);
                self.make_revision(&name, newest + 1);
                name
            }
        };
        let before = status.current_revision.clone();
        self.current = before.unwrap_or_else(|| self.update.clone());
        self.forget_revisions(&known);
    }

    fn make_revision(&mut self, name: &str, number: i64) {
        let metadata = &self.set.metadata;
        let mut labels = json!(self.set.spec.template.metadata.labels);
        let suffix = name.rsplit('-').next().unwrap_or_default();
        labels["controller.kubernetes.io/hash"] = suffix.into();
        let mut template = self.template.clone();
        template["$patch"] = "replace".into();
        let document = json!({
            "metadata": {
                "name": name,
                "namespace": metadata.namespace,
                "labels": labels,
                "annotations": metadata.annotations,
                "ownerReferences": controlled_by(&self.owner).map(|it| json!([it])),
            },
            "data": {"spec": {"template": template}},
            "revision": number,
        });
        self.writes
            .push(Write::Document(Kind::ControllerRevision, document));
    }

    fn forget_revisions(&mut self, known: &[Arc<ControllerRevision>]) {
        let pods = self.pods.values();
        let mut live: BTreeSet<&str> = pods
            .filter_map(|it| it.labels().get(REVISION))
            .map(String::as_str)
            .collect();
        live.extend([self.current.as_str(), self.update.as_str()]);
        let dead: Vec<&Arc<ControllerRevision>> = known
            .iter()
            .filter(|it| !live.contains(it.metadata.name.as_str()))
            .collect();
        let kept = self.set.spec.revision_history_limit.unwrap_or(10);
        let kept = usize::try_from(kept).unwrap_or(0);
        let n = dead.len().saturating_sub(kept);
        let gone: Vec<Write> = dead[..n]
            .iter()
            .map(|it| Write::Delete {
                object: Object::from((*it).clone()).reference(),
                propagation: Propagation::Background,
            })
            .collect();
        self.writes.extend(gone);
    }

    fn is_available(&self, pod: &Arc<Pod>) -> bool {
        let one = std::slice::from_ref(pod);
        let clock = self.look.clock;
        !pod.is_terminating() && availability(clock, one, self.set.spec.min_ready_seconds).1 == 1
    }

    fn go_on(&mut self) {
        for idx in self.ordinals() {
            match self.pods.get(&idx).cloned() {
                None => self.make(idx),
                Some(pod) if pod.is_over() && !pod.is_terminating() => self.recreate(&pod),
                Some(pod) if self.is_available(&pod) => continue,
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
        if self.rolls() {
            self.update();
        }
    }

    /// Replaces the pods of an older revision, highest ordinal first, one at a time. One that is not well is replaced
    /// as well, and waited for afterwards.
    fn update(&mut self) {
        for idx in (self.partition()..self.ordinals().end).rev() {
            let Some(pod) = self.pods.get(&idx).cloned() else {
                return;
            };
            // A pod that nobody marked is taken to be as it should be.
            let is_old = pod
                .labels()
                .get(REVISION)
                .is_some_and(|it| *it != self.update);
            if is_old && !pod.is_terminating() {
                self.delete(&pod);
                return;
            }
            if !self.is_available(&pod) {
                return;
            }
        }
    }

    fn make(&mut self, idx: i32) {
        let name = format!("{}-{idx}", self.set.metadata.name);
        let revision = if self.rolls() && idx < self.partition() {
            self.current.clone()
        } else {
            self.update.clone()
        };
        let old = (revision != self.update)
            .then(|| self.template_of(&revision))
            .flatten();
        let template = old.as_ref().unwrap_or(self.template);
        let Some(mut pod) = pod_from(template, &self.owner, &name) else {
            return;
        };
        for (label, value) in [
            ("statefulset.kubernetes.io/pod-name", name.clone()),
            ("apps.kubernetes.io/pod-index", idx.to_string()),
            (REVISION, revision),
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

    /// A pod that has run to its end makes room for another one of its name.
    fn recreate(&mut self, pod: &Arc<Pod>) {
        let metadata = &self.set.metadata;
        self.writes.push(Write::Record(Note {
            about: self.owner.reference(),
            kind: NoteKind::Warning,
            reason: "RecreatingFailedPod".into(),
            message: format!(
                "StatefulSet {}/{} is recreating failed Pod {}",
                metadata.namespace, metadata.name, pod.metadata.name
            ),
            component: NAME,
            host: None,
            field_path: None,
        }));
        self.delete(pod);
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
        if self.update.is_empty() {
            // It is going: its revisions are as they were.
            self.update = self.set.status.update_revision.clone().unwrap_or_default();
            self.current = self.set.status.current_revision.clone().unwrap_or_default();
        }
        let count = |revision: &str| {
            let staying = pods.iter().filter(|it| !it.is_terminating());
            let of = |it: &&Arc<Pod>| it.labels().get(REVISION).is_none_or(|it| it == revision);
            staying.filter(of).count()
        };
        let n_updated = count(&self.update);
        let mut n_current = count(&self.current);
        let wanted = self.ordinals().len();
        if self.rolls()
            && [n_updated, n_ready, pods.len()]
                .iter()
                .all(|it| *it == wanted)
        {
            self.current = self.update.clone();
            n_current = n_updated;
        }
        let or_null = |n: usize| if n == 0 { Value::Null } else { n.into() };
        let named = |name: &str| (!name.is_empty()).then(|| name.to_owned());
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
                "currentRevision": named(&self.current),
                "updateRevision": named(&self.update),
                "collisionCount": 0,
            }}),
        });
        next.map(|at| Wake {
            at,
            purpose: Purpose::Progress,
        })
    }
}
