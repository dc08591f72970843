//! Deployments: ReplicaSets, one a template, and the way from one to the next.
//!
//! `pkg/controller/deployment/{sync,rolling,recreate,progress}.go` and `util/deployment_util.go` of Kubernetes 1.36. The
//! hash in the names of ReplicaSets is of the same alphabet and stable, but not Kubernetes' own: that one is of Go's
//! memory layout of a template.
//!
//! **Left out**: `progressDeadlineSeconds` passing, proportional scaling of several ReplicaSets in the middle of a
//! rollout (the new one takes the whole difference), rollback by annotation.

use super::owner::{controlled_by, controller_uid};
use super::replica_set::{controllers_of, note};
use super::{Controller, Look, Outcome};
use crate::api::{Deployment, IntOrString, Kind, Object, ObjectRef, ReplicaSet};
use crate::sorted::sort_by_key;
use crate::store::{Change, Objects, Part, Propagation, Write};
use crate::time::Duration;
use serde_json::{Value, json};
use std::sync::Arc;

const NAME: &str = "deployment-controller";
const HASH: &str = "pod-template-hash";
const REVISION: &str = "deployment.kubernetes.io/revision";

pub(super) const CONTROLLER: Controller = Controller {
    name: NAME,
    delay: Duration::from_millis(20),
    watches,
    reconcile,
};

fn watches(change: &Change, _: &Objects) -> Vec<ObjectRef> {
    match change.object.kind {
        Kind::Deployment => vec![change.object.clone()],
        Kind::ReplicaSet => controllers_of(change, Kind::Deployment),
        _ => Vec::new(),
    }
}

fn reconcile(look: &Look<'_>, about: &ObjectRef) -> Outcome {
    let Some(Object::Deployment(deployment)) = look.objects.find(about) else {
        return Outcome::nothing();
    };
    if deployment.metadata.deletion_timestamp.is_some() || deployment.spec.selector.is_empty() {
        return Outcome::nothing();
    }
    let Some(template) = look
        .store
        .document(about)
        .map(|it| it["spec"]["template"].clone())
    else {
        return Outcome::nothing();
    };
    let mut rollout = Rollout {
        look,
        owner: Object::from(deployment.clone()),
        deployment: &deployment,
        template,
        new: None,
        old: Vec::new(),
        writes: Vec::new(),
    };
    rollout.find_sets();
    rollout.roll();
    rollout.report();
    Outcome::writes(rollout.writes)
}

/// One look at a Deployment.
struct Rollout<'a> {
    look: &'a Look<'a>,
    owner: Object,
    deployment: &'a Deployment,
    template: Value,
    new: Option<Arc<ReplicaSet>>,
    old: Vec<Arc<ReplicaSet>>,
    writes: Vec<Write>,
}

fn size(it: &ReplicaSet) -> i32 {
    it.spec.replicas.unwrap_or(1)
}

fn revision(it: &ReplicaSet) -> i64 {
    let told = it.metadata.annotations.get(REVISION);
    told.and_then(|it| it.parse().ok()).unwrap_or(0)
}

impl Rollout<'_> {
    fn wanted(&self) -> i32 {
        self.deployment.spec.replicas.unwrap_or(1).max(0)
    }

    fn recreates(&self) -> bool {
        self.deployment.spec.strategy.kind.as_deref() == Some("Recreate")
    }

    /// maxSurge and maxUnavailable in pods; never both nothing (`ResolveFenceposts`).
    fn fenceposts(&self) -> (i32, i32) {
        if self.recreates() {
            return (0, 0);
        }
        let told = self.deployment.spec.strategy.rolling_update.as_ref();
        let quarter = IntOrString::String("25%".into());
        let surge = told
            .and_then(|it| it.max_surge.clone())
            .unwrap_or_else(|| quarter.clone());
        let missing = told
            .and_then(|it| it.max_unavailable.clone())
            .unwrap_or(quarter);
        let surge = of_total(&surge, self.wanted(), Rounding::Up);
        let missing = of_total(&missing, self.wanted(), Rounding::Down);
        if surge == 0 && missing == 0 {
            (0, 1)
        } else {
            (surge, missing)
        }
    }

    fn find_sets(&mut self) {
        let metadata = &self.deployment.metadata;
        let uid = metadata.uid.as_deref().unwrap_or_default();
        for owned in self.look.objects.owned_by(uid) {
            let key = (owned.namespace.clone(), owned.name.clone());
            let Some(set) = self.look.objects.replica_sets.get(&key) else {
                continue;
            };
            if owned.kind != Kind::ReplicaSet
                || controller_uid(&set.metadata.owner_references) != Some(uid)
            {
                continue;
            }
            if self.new.is_none() && self.is_of_template(owned) {
                self.new = Some(set.clone());
            } else {
                self.old.push(set.clone());
            }
        }
    }

    /// Whether a ReplicaSet has the Deployment's template, but for the hash.
    fn is_of_template(&self, set: &ObjectRef) -> bool {
        let Some(document) = self.look.store.document(set) else {
            return false;
        };
        let mut template = document["spec"]["template"].clone();
        if let Some(labels) = template["metadata"]["labels"].as_object_mut() {
            labels.remove(HASH);
        }
        template == self.template
    }

    fn roll(&mut self) {
        let n_old: i32 = self.old.iter().map(|it| size(it)).sum();
        if self.deployment.spec.paused {
            if let Some(new) = self.new.clone()
                && n_old == 0
            {
                self.scale(&new, self.wanted());
            }
            return;
        }
        if self.recreates() {
            let running: i32 = self.old.iter().map(|it| it.status.replicas).sum();
            for old in self.old.clone() {
                self.scale(&old, 0);
            }
            if running > 0 || n_old > 0 {
                return;
            }
        }
        let Some(new) = self.new.clone() else {
            self.make_new(n_old);
            return;
        };
        self.mark_revision(&new);
        let (surge, missing) = self.fenceposts();
        let total = n_old + size(&new);
        let wanted = self.wanted();
        if size(&new) > wanted {
            self.scale(&new, wanted);
        } else if size(&new) < wanted {
            let room = (wanted + surge - total).max(0);
            self.scale(&new, size(&new) + room.min(wanted - size(&new)));
        } else {
            self.scale(&new, wanted);
        }
        self.shrink_old(&new, missing, total);
        self.forget_old(&new);
    }

    fn make_new(&mut self, n_old: i32) {
        let (surge, _) = self.fenceposts();
        let wanted = self.wanted();
        let replicas = (wanted + surge - n_old).clamp(0, wanted);
        let hash = hash(&self.template.to_string());
        let metadata = &self.deployment.metadata;
        let revision = self.old.iter().map(|it| revision(it)).max().unwrap_or(0) + 1;
        let mut template = self.template.clone();
        template["metadata"]["labels"][HASH] = hash.clone().into();
        let mut selector = json!(self.deployment.spec.selector);
        selector["matchLabels"][HASH] = hash.clone().into();
        if self.deployment.spec.selector.match_expressions.is_empty()
            && let Some(it) = selector.as_object_mut()
        {
            it.remove("matchExpressions");
        }
        let name = format!("{}-{hash}", metadata.name);
        let document = json!({
            "metadata": {
                "name": name,
                "namespace": metadata.namespace,
                "labels": template["metadata"]["labels"],
                "annotations": {
                    REVISION: revision.to_string(),
                    "deployment.kubernetes.io/desired-replicas": wanted.to_string(),
                    "deployment.kubernetes.io/max-replicas": (wanted + surge).to_string(),
                },
                "ownerReferences": controlled_by(&self.owner).map(|it| json!([it])),
            },
            "spec": {
                "replicas": replicas,
                "minReadySeconds": (self.deployment.spec.min_ready_seconds > 0)
                    .then_some(self.deployment.spec.min_ready_seconds),
                "selector": selector,
                "template": template,
            },
        });
        self.writes
            .push(Write::Document(Kind::ReplicaSet, document));
        let message = format!("Scaled up replica set {name} from 0 to {replicas}");
        self.writes
            .push(note(&self.owner, NAME, "ScalingReplicaSet", message));
        self.mark_deployment(revision);
    }

    fn mark_revision(&mut self, new: &Arc<ReplicaSet>) {
        let newest = self.old.iter().map(|it| revision(it)).max().unwrap_or(0);
        let mut of_new = revision(new);
        if of_new <= newest {
            of_new = newest + 1;
            self.writes.push(Write::Patch {
                object: Object::from(new.clone()).reference(),
                part: Part::Main,
                patch: json!({"metadata": {"annotations": {REVISION: of_new.to_string()}}}),
            });
        }
        self.mark_deployment(of_new);
    }

    fn mark_deployment(&mut self, revision: i64) {
        self.writes.push(Write::Patch {
            object: self.owner.reference(),
            part: Part::Main,
            patch: json!({"metadata": {"annotations": {REVISION: revision.to_string()}}}),
        });
    }

    fn scale(&mut self, set: &Arc<ReplicaSet>, to: i32) {
        let from = size(set);
        if from == to {
            return;
        }
        let (surge, _) = self.fenceposts();
        self.writes.push(Write::Patch {
            object: Object::from(set.clone()).reference(),
            part: Part::Main,
            patch: json!({
                "metadata": {"annotations": {
                    "deployment.kubernetes.io/desired-replicas": self.wanted().to_string(),
                    "deployment.kubernetes.io/max-replicas": (self.wanted() + surge).to_string(),
                }},
                "spec": {"replicas": to},
            }),
        });
        let way = if to > from { "up" } else { "down" };
        let name = &set.metadata.name;
        let message = format!("Scaled {way} replica set {name} from {from} to {to}");
        self.writes
            .push(note(&self.owner, NAME, "ScalingReplicaSet", message));
    }

    /// Old ReplicaSets shrink as far as enough pods stay available; pods that are not ready go first.
    fn shrink_old(&mut self, new: &ReplicaSet, missing: i32, total: i32) {
        let min_available = self.wanted() - missing;
        let new_unavailable = size(new) - new.status.available_replicas;
        let mut may_go = total - min_available - new_unavailable;
        if may_go <= 0 {
            return;
        }
        let mut old = self.old.clone();
        sort_by_key(&mut old, |it| it.metadata.creation_timestamp.clone());
        let mut sizes: Vec<i32> = old.iter().map(|it| size(it)).collect();
        for (idx, set) in old.iter().enumerate() {
            let unhealthy = (sizes[idx] - set.status.available_replicas).clamp(0, may_go);
            sizes[idx] -= unhealthy;
            may_go -= unhealthy;
        }
        let available: i32 = old
            .iter()
            .map(|it| it.status.available_replicas)
            .sum::<i32>()
            + new.status.available_replicas;
        let mut may_go = available - min_available;
        for it in &mut sizes {
            let down = (*it).min(may_go.max(0));
            *it -= down;
            may_go -= down;
        }
        for (set, to) in old.iter().zip(sizes) {
            self.scale(set, to);
        }
    }

    /// More empty old ReplicaSets than are kept go, oldest first, once the rollout is complete.
    fn forget_old(&mut self, new: &ReplicaSet) {
        if new.status.available_replicas < self.wanted() {
            return;
        }
        let kept = self.deployment.spec.revision_history_limit.unwrap_or(10);
        let mut empty: Vec<Arc<ReplicaSet>> = self
            .old
            .iter()
            .filter(|it| size(it) == 0 && it.status.replicas == 0)
            .cloned()
            .collect();
        sort_by_key(&mut empty, |it| revision(it));
        let n = empty
            .len()
            .saturating_sub(usize::try_from(kept).unwrap_or(usize::MAX));
        for set in empty.into_iter().take(n) {
            self.writes.push(Write::Delete {
                object: Object::from(set).reference(),
                propagation: Propagation::Background,
            });
        }
    }

    fn report(&mut self) {
        let all = || self.old.iter().chain(&self.new);
        let sum = |of: fn(&ReplicaSet) -> i32| all().map(|it| of(it)).sum::<i32>();
        let replicas = sum(|it| it.status.replicas);
        let available = sum(|it| it.status.available_replicas);
        let updated = self.new.as_ref().map_or(0, |it| it.status.replicas);
        let unavailable = (sum(size).max(self.wanted()) - available).max(0);
        let or_null = |n: i32| if n == 0 { Value::Null } else { n.into() };
        let status = json!({
            "observedGeneration": self.deployment.metadata.generation,
            "replicas": or_null(replicas),
            "updatedReplicas": or_null(updated),
            "readyReplicas": or_null(sum(|it| it.status.ready_replicas)),
            "availableReplicas": or_null(available),
            "unavailableReplicas": or_null(unavailable),
            "conditions": self.conditions(replicas, available, updated),
        });
        self.writes.push(Write::Patch {
            object: self.owner.reference(),
            part: Part::Status,
            patch: json!({ "status": status }),
        });
    }

    fn conditions(&self, replicas: i32, available: i32, updated: i32) -> Value {
        let (_, missing) = self.fenceposts();
        let is_available = available >= self.wanted() - missing;
        let (reason, message) = if is_available {
            (
                "MinimumReplicasAvailable",
                "Deployment has minimum availability.",
            )
        } else {
            (
                "MinimumReplicasUnavailable",
                "Deployment does not have minimum availability.",
            )
        };
        let availability = self.condition("Available", is_available, reason, message);
        let wanted = self.wanted();
        let name = self.new.as_ref().map(|it| it.metadata.name.clone());
        let progress = match name {
            None => {
                let name = format!(
                    "{}-{}",
                    self.deployment.metadata.name,
                    hash(&self.template.to_string())
                );
                (
                    "NewReplicaSetCreated",
                    format!("Created new replica set \"{name}\""),
                )
            }
            Some(name) if updated == wanted && replicas == wanted && available == wanted => (
                "NewReplicaSetAvailable",
                format!("ReplicaSet \"{name}\" has successfully progressed."),
            ),
            Some(name) => (
                "ReplicaSetUpdated",
                format!("ReplicaSet \"{name}\" is progressing."),
            ),
        };
        let progressing = self.condition("Progressing", true, progress.0, &progress.1);
        json!([availability, progressing])
    }

    fn condition(&self, kind: &str, holds: bool, reason: &str, message: &str) -> Value {
        let status = if holds { "True" } else { "False" };
        let stamp = self.look.clock.stamp();
        let known = self
            .deployment
            .status
            .conditions
            .iter()
            .find(|it| it.kind == kind);
        let same_status = known.filter(|it| it.status == status);
        let same = same_status.filter(|it| it.reason.as_deref() == Some(reason));
        json!({
            "type": kind,
            "status": status,
            "reason": reason,
            "message": message,
            "lastTransitionTime": same_status
                .and_then(|it| it.last_transition_time.clone())
                .unwrap_or_else(|| stamp.clone()),
            "lastUpdateTime": same.and_then(|it| it.last_update_time.clone()).unwrap_or(stamp),
        })
    }
}

#[derive(Clone, Copy)]
enum Rounding {
    Up,
    Down,
}

/// A number, or a part of a total in per cent.
fn of_total(value: &IntOrString, total: i32, rounding: Rounding) -> i32 {
    match value {
        IntOrString::Int(it) => (*it).max(0),
        IntOrString::String(text) => {
            let percent: i64 = text.trim_end_matches('%').parse().unwrap_or(0);
            let hundredths = percent * i64::from(total);
            let whole = match rounding {
                Rounding::Up => (hundredths + 99).div_euclid(100),
                Rounding::Down => hundredths.div_euclid(100),
            };
            i32::try_from(whole).unwrap_or(i32::MAX).max(0)
        }
    }
}

/// A hash in the alphabet of generated names (`rand.SafeEncodeString` of an FNV-1a sum of 32 bits).
pub(super) fn hash(text: &str) -> String {
    const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    let sum = text.bytes().fold(0x811c_9dc5_u32, |sum, it| {
        (sum ^ u32::from(it)).wrapping_mul(0x0100_0193)
    });
    sum.to_string()
        .bytes()
        .map(|it| char::from(ALPHABET[usize::from(it) % ALPHABET.len()]))
        .collect()
}
