//! Deployments: ReplicaSets, one a template, and the way from one to the next.
//!
//! `pkg/controller/deployment/{sync,rolling,recreate,progress}.go` and `util/deployment_util.go` of Kubernetes 1.36. The
//! hash in the names of ReplicaSets is of the same alphabet and stable, but not Kubernetes' own: that one is of Go's
//! memory layout of a template.
//!
//! **Left out**: rollback by annotation, which no client asks for any more; ReplicaSets that cannot make pods.

use super::owner::{controlled_by, controller_uid};
use super::replica_set::{controllers_of, note};
use super::{Controller, Look, Outcome, Purpose, Wake};
use crate::api::{Deployment, IntOrString, Kind, Object, ObjectRef, ReplicaSet, WorkloadCondition};
use crate::sorted::{sort_by, sort_by_key};
use crate::store::{Change, Objects, Part, Propagation, Write};
use crate::time::{Duration, Instant};
use serde_json::{Map, Value, json};
use std::sync::Arc;

const NAME: &str = "deployment-controller";
const HASH: &str = "pod-template-hash";
const REVISION: &str = "deployment.kubernetes.io/revision";
const HISTORY: &str = "deployment.kubernetes.io/revision-history";
const DESIRED: &str = "deployment.kubernetes.io/desired-replicas";
const MAX: &str = "deployment.kubernetes.io/max-replicas";

/// A Deployment's annotations that its ReplicaSets do not get.
const OWN_ANNOTATIONS: [&str; 6] = [
    "kubectl.kubernetes.io/last-applied-configuration",
    REVISION,
    HISTORY,
    DESIRED,
    MAX,
    "deprecated.deployment.rollback.to",
];

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
        conditions: deployment.status.conditions.clone(),
        writes: Vec::new(),
    };
    rollout.find_sets();
    rollout.note_pause();
    rollout.roll();
    let deadline = rollout.report();
    Outcome {
        writes: rollout.writes,
        wake: deadline.map(|at| Wake {
            at,
            purpose: Purpose::Routine,
        }),
        remember: None,
    }
}

/// One look at a Deployment.
struct Rollout<'a> {
    look: &'a Look<'a>,
    owner: Object,
    deployment: &'a Deployment,
    template: Value,
    new: Option<Arc<ReplicaSet>>,
    old: Vec<Arc<ReplicaSet>>,
    conditions: Vec<WorkloadCondition>,
    writes: Vec<Write>,
}

fn size(it: &ReplicaSet) -> i32 {
    it.spec.replicas.unwrap_or(1)
}

/// A number that an annotation of a ReplicaSet holds.
fn number(it: &ReplicaSet, annotation: &str) -> Option<i32> {
    it.metadata.annotations.get(annotation)?.parse().ok()
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

    /// Says that changes wait, or that they no longer do.
    fn note_pause(&mut self) {
        if self.deployment.spec.progress_deadline_seconds.is_none() {
            return;
        }
        let known = self.conditions.iter().find(|it| it.kind == "Progressing");
        let reason = known.and_then(|it| it.reason.as_deref());
        // What has timed out stays so.
        let was_paused = match reason {
            Some("ProgressDeadlineExceeded") => return,
            it => it == Some("DeploymentPaused"),
        };
        if self.deployment.spec.paused && !was_paused {
            self.set(
                "Progressing",
                "Unknown",
                "DeploymentPaused",
                "Deployment is paused".into(),
            );
        } else if !self.deployment.spec.paused && was_paused {
            let message = "Deployment is resumed".into();
            self.set("Progressing", "Unknown", "DeploymentResumed", message);
        }
    }

    fn roll(&mut self) {
        if self.deployment.spec.paused || self.is_scaled() {
            self.scale_all();
            return;
        }
        let n_old: i32 = self.old.iter().map(|it| size(it)).sum();
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
        if size(&new) < wanted {
            let room = (wanted + surge - total).max(0);
            self.scale(&new, size(&new) + room.min(wanted - size(&new)));
        } else {
            self.scale(&new, wanted);
        }
        self.shrink_old(&new, missing, total);
        self.forget_old(&new);
    }

    /// Whether the number of pods wanted was changed: the ReplicaSets say what it was before.
    fn is_scaled(&self) -> bool {
        let active = self.old.iter().chain(&self.new).filter(|it| size(it) > 0);
        let mut told = active.filter_map(|it| number(it, DESIRED));
        told.any(|it| it != self.wanted())
    }

    /// Changes the number of pods in the middle of whatever goes on: one ReplicaSet takes all of it, several take
    /// their shares, the largest what is left over (`scale` in `sync.go`).
    fn scale_all(&mut self) {
        let active: Vec<Arc<ReplicaSet>> = self
            .old
            .iter()
            .chain(&self.new)
            .filter(|it| size(it) > 0)
            .cloned()
            .collect();
        let only = match active.as_slice() {
            [] => {
                let newest = self
                    .old
                    .iter()
                    .max_by_key(|it| it.metadata.creation_timestamp.clone());
                self.new.clone().or_else(|| newest.cloned())
            }
            [one] => Some(one.clone()),
            _ => None,
        };
        let wanted = self.wanted();
        if let Some(only) = only {
            self.scale(&only, wanted);
            return;
        }
        let is_saturated = self.new.as_ref().is_some_and(|it| {
            size(it) == wanted
                && number(it, DESIRED) == Some(wanted)
                && it.status.available_replicas == wanted
        });
        if is_saturated {
            for old in self.old.clone() {
                self.scale(&old, 0);
            }
            return;
        }
        if self.recreates() {
            return;
        }
        let allowed = if wanted > 0 {
            wanted + self.fenceposts().0
        } else {
            0
        };
        let to_add = allowed - active.iter().map(|it| size(it)).sum::<i32>();
        for (set, to) in self.shares(active, allowed, to_add) {
            self.scale(&set, to);
        }
    }

    /// What becomes of each of several ReplicaSets when so many pods are to be added or taken away.
    fn shares(
        &self,
        mut sets: Vec<Arc<ReplicaSet>>,
        allowed: i32,
        to_add: i32,
    ) -> Vec<(Arc<ReplicaSet>, i32)> {
        // The largest first; of equal ones the newest when there is to be more, the oldest when there is to be less.
        sort_by(&mut sets, |a, b| {
            let age = a
                .metadata
                .creation_timestamp
                .cmp(&b.metadata.creation_timestamp);
            let age = if to_add > 0 { age.reverse() } else { age };
            size(b).cmp(&size(a)).then(age)
        });
        let mut added = 0;
        let mut shares = Vec::new();
        for set in sets {
            let mut share = 0;
            if to_add != added {
                let before = number(&set, MAX).filter(|it| *it > 0);
                let before = f64::from(before.unwrap_or(self.deployment.status.replicas).max(1));
                let exact = f64::from(size(&set)) * f64::from(allowed) / before;
                // As many as a node can count: far within what the type holds.
                #[expect(clippy::cast_possible_truncation, reason = "rounded, and small")]
                let fraction = exact.round() as i32 - size(&set);
                let left = to_add - added;
                share = if to_add > 0 {
                    fraction.min(left)
                } else {
                    fraction.max(left)
                };
            }
            added += share;
            let to = size(&set) + share;
            shares.push((set, to));
        }
        if let Some((_, to)) = shares.first_mut() {
            *to = (*to + to_add - added).max(0);
        }
        shares
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
        let mut annotations = self.inherited();
        annotations.insert(REVISION.into(), revision.to_string().into());
        annotations.insert(DESIRED.into(), wanted.to_string().into());
        annotations.insert(MAX.into(), (wanted + surge).to_string().into());
        let document = json!({
            "metadata": {
                "name": name,
                "namespace": metadata.namespace,
                "labels": template["metadata"]["labels"],
                "annotations": annotations,
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
        let message = format!("Created new replica set \"{name}\"");
        if self.deployment.spec.progress_deadline_seconds.is_some() {
            self.set("Progressing", "True", "NewReplicaSetCreated", message);
        }
    }

    /// The annotations that a ReplicaSet has from its Deployment, as `kubernetes.io/change-cause`.
    fn inherited(&self) -> Map<String, Value> {
        let all = self.deployment.metadata.annotations.iter();
        all.filter(|it| !OWN_ANNOTATIONS.contains(&it.0.as_str()))
            .map(|it| (it.0.clone(), it.1.as_str().into()))
            .collect()
    }

    /// The ReplicaSet of the template is the newest revision, also when it was an older one before.
    fn mark_revision(&mut self, new: &Arc<ReplicaSet>) {
        let newest = self.old.iter().map(|it| revision(it)).max().unwrap_or(0);
        let mut of_new = revision(new);
        let mut annotations = self.inherited();
        if of_new <= newest {
            let before = new.metadata.annotations.get(HISTORY);
            if of_new > 0 {
                let list = before.map_or_else(String::new, |it| format!("{it},"));
                annotations.insert(HISTORY.into(), format!("{list}{of_new}").into());
            }
            of_new = newest + 1;
            annotations.insert(REVISION.into(), of_new.to_string().into());
        }
        let min_ready = self.deployment.spec.min_ready_seconds;
        self.writes.push(Write::Patch {
            object: Object::from(new.clone()).reference(),
            part: Part::Main,
            patch: json!({
                "metadata": {"annotations": annotations},
                "spec": {"minReadySeconds": (min_ready > 0).then_some(min_ready)},
            }),
        });
        self.mark_deployment(of_new);
        let is_known = self.conditions.iter().any(|it| it.kind == "Progressing");
        if !is_known && self.deployment.spec.progress_deadline_seconds.is_some() {
            let message = format!("Found new replica set \"{}\"", new.metadata.name);
            self.set("Progressing", "True", "FoundNewReplicaSet", message);
        }
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
        let (wanted, most) = (self.wanted(), self.wanted() + self.fenceposts().0);
        let is_noted = number(set, DESIRED) == Some(wanted) && number(set, MAX) == Some(most);
        if from == to && (is_noted || from == 0) {
            return;
        }
        self.writes.push(Write::Patch {
            object: Object::from(set.clone()).reference(),
            part: Part::Main,
            patch: json!({
                "metadata": {"annotations": {DESIRED: wanted.to_string(), MAX: most.to_string()}},
                "spec": {"replicas": to},
            }),
        });
        if from == to {
            return;
        }
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

    /// Says what has come of the Deployment, and when it will have taken too long.
    fn report(&mut self) -> Option<Instant> {
        let all = || self.old.iter().chain(&self.new);
        let sum = |of: fn(&ReplicaSet) -> i32| all().map(|it| of(it)).sum::<i32>();
        let counts = Counts {
            replicas: sum(|it| it.status.replicas),
            updated: self.new.as_ref().map_or(0, |it| it.status.replicas),
            ready: sum(|it| it.status.ready_replicas),
            available: sum(|it| it.status.available_replicas),
        };
        let unavailable = (sum(size) - counts.available).max(0);
        self.judge_availability(&counts);
        let deadline = if self.deployment.spec.paused || self.new.is_none() {
            None
        } else {
            self.judge_progress(&counts)
        };
        let or_null = |n: i32| if n == 0 { Value::Null } else { n.into() };
        let status = json!({
            "observedGeneration": self.deployment.metadata.generation,
            "replicas": or_null(counts.replicas),
            "updatedReplicas": or_null(counts.updated),
            "readyReplicas": or_null(counts.ready),
            "availableReplicas": or_null(counts.available),
            "unavailableReplicas": or_null(unavailable),
            "conditions": self.conditions.iter().map(condition).collect::<Vec<_>>(),
        });
        self.writes.push(Write::Patch {
            object: self.owner.reference(),
            part: Part::Status,
            patch: json!({ "status": status }),
        });
        deadline
    }

    fn judge_availability(&mut self, counts: &Counts) {
        let (_, missing) = self.fenceposts();
        let (status, reason, message) = if counts.available >= self.wanted() - missing {
            (
                "True",
                "MinimumReplicasAvailable",
                "Deployment has minimum availability.",
            )
        } else {
            (
                "False",
                "MinimumReplicasUnavailable",
                "Deployment does not have minimum availability.",
            )
        };
        self.set("Available", status, reason, message.into());
    }

    /// Whether the rollout goes on, is done, or has taken too long (`syncRolloutStatus`).
    fn judge_progress(&mut self, counts: &Counts) -> Option<Instant> {
        let deadline = self.deployment.spec.progress_deadline_seconds?;
        let deadline = Duration::from_secs(u64::try_from(deadline).unwrap_or(0));
        let name = self.new.as_ref().map(|it| it.metadata.name.clone())?;
        let known = self.conditions.iter().find(|it| it.kind == "Progressing");
        let reason = known.and_then(|it| it.reason.clone()).unwrap_or_default();
        let is_over = counts.replicas == counts.updated && reason == "NewReplicaSetAvailable";
        let wanted = self.wanted();
        let is_complete =
            counts.updated == wanted && counts.replicas == wanted && counts.available == wanted;
        if is_over {
            return None;
        }
        if is_complete {
            let message = format!("ReplicaSet \"{name}\" has successfully progressed.");
            self.set("Progressing", "True", "NewReplicaSetAvailable", message);
            return None;
        }
        let before = &self.deployment.status;
        let goes_on = counts.updated > before.updated_replicas
            || counts.replicas - counts.updated < before.replicas - before.updated_replicas
            || counts.ready > before.ready_replicas
            || counts.available > before.available_replicas;
        if goes_on {
            let message = format!("ReplicaSet \"{name}\" is progressing.");
            // Every step counts from now on again.
            let since = known
                .filter(|it| it.status == "True")
                .and_then(|it| it.last_transition_time.clone());
            self.conditions.retain(|it| it.kind != "Progressing");
            self.set("Progressing", "True", "ReplicaSetUpdated", message);
            if let (Some(since), Some(it)) = (since, self.conditions.last_mut()) {
                it.last_transition_time = Some(since);
            }
            return Some(self.look.clock.now + deadline + Duration::from_secs(1));
        }
        if matches!(
            reason.as_str(),
            "NewReplicaSetAvailable" | "ProgressDeadlineExceeded"
        ) {
            return None;
        }
        let since =
            known.and_then(|it| self.look.clock.instant_of(it.last_update_time.as_deref()?));
        let at = since? + deadline;
        if at < self.look.clock.now {
            let message = format!("ReplicaSet \"{name}\" has timed out progressing.");
            self.set("Progressing", "False", "ProgressDeadlineExceeded", message);
            return None;
        }
        Some(at + Duration::from_secs(1))
    }

    /// Sets a condition: the same of the same reason stays as it is, another one goes to the end
    /// (`SetDeploymentCondition`).
    fn set(&mut self, kind: &str, status: &str, reason: &str, message: String) {
        let known = self.conditions.iter().find(|it| it.kind == kind);
        let is_same =
            known.is_some_and(|it| it.status == status && it.reason.as_deref() == Some(reason));
        if is_same {
            return;
        }
        let stamp = self.look.clock.stamp();
        let since = known
            .filter(|it| it.status == status)
            .and_then(|it| it.last_transition_time.clone());
        self.conditions.retain(|it| it.kind != kind);
        self.conditions.push(WorkloadCondition {
            kind: kind.to_owned(),
            status: status.to_owned(),
            reason: Some(reason.to_owned()),
            message: Some(message),
            last_transition_time: Some(since.unwrap_or_else(|| stamp.clone())),
            last_update_time: Some(stamp),
        });
    }
}

/// The pods of a Deployment.
struct Counts {
    replicas: i32,
    updated: i32,
    ready: i32,
    available: i32,
}

fn condition(it: &WorkloadCondition) -> Value {
    let mut condition = json!(it);
    if let Some(fields) = condition.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    condition
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
