//! Deployment, ReplicaSet, StatefulSet: what makes pods.
//!
//! `apps/v1` of Kubernetes 1.36.
//!
//! **Left out**: fields that do not decide which pods there are; an API document keeps them all.

use super::{IntOrString, LabelSelector, ObjectMeta, PodSpec};
use crate::record::record;

/// The pods to be made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PodTemplate {
    /// Their labels and annotations.
    pub metadata: ObjectMeta,
    /// What they are to be.
    pub spec: PodSpec,
}

record!(PodTemplate: metadata, spec);

/// A condition of a workload.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WorkloadCondition {
    /// `Available`, `Progressing`, `ReplicaFailure` …
    pub kind: String,
    /// True, False, Unknown.
    pub status: String,
    /// Why, in one word.
    pub reason: Option<String>,
    /// Why, in a sentence.
    pub message: Option<String>,
    /// When it last changed.
    pub last_transition_time: Option<String>,
    /// When it was last looked at.
    pub last_update_time: Option<String>,
}

record!(WorkloadCondition:
    kind = "type", status, reason, message, last_transition_time, last_update_time);

/// A Deployment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Deployment {
    /// Its metadata.
    pub metadata: ObjectMeta,
    /// What it is to be.
    pub spec: DeploymentSpec,
    /// What has come of it.
    pub status: DeploymentStatus,
}

record!(Deployment: metadata, spec, status);

/// What a Deployment is to be.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeploymentSpec {
    /// How many pods; one unless told otherwise.
    pub replicas: Option<i32>,
    /// Which pods are its own.
    pub selector: LabelSelector,
    /// What they look like.
    pub template: PodTemplate,
    /// How they are replaced.
    pub strategy: DeploymentStrategy,
    /// How long a pod must be ready to count as available.
    pub min_ready_seconds: i32,
    /// How many old ReplicaSets are kept.
    pub revision_history_limit: Option<i32>,
    /// Whether changes wait.
    pub paused: bool,
    /// How long progress may take.
    pub progress_deadline_seconds: Option<i32>,
}

record!(DeploymentSpec:
    replicas, selector, template, strategy, min_ready_seconds, revision_history_limit, paused,
    progress_deadline_seconds);

/// How a Deployment's pods are replaced.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeploymentStrategy {
    /// RollingUpdate or Recreate.
    pub kind: Option<String>,
    /// How many at a time.
    pub rolling_update: Option<RollingUpdate>,
}

record!(DeploymentStrategy: kind = "type", rolling_update);

/// How many pods are replaced at a time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RollingUpdate {
    /// How many may be missing.
    pub max_unavailable: Option<IntOrString>,
    /// How many there may be beyond the number wanted.
    pub max_surge: Option<IntOrString>,
    /// StatefulSet: pods below this ordinal stay as they are.
    pub partition: Option<i32>,
}

record!(RollingUpdate: max_unavailable, max_surge, partition);

/// What has come of a Deployment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeploymentStatus {
    /// The generation it was last looked at in.
    pub observed_generation: Option<i64>,
    /// Pods in all.
    pub replicas: i32,
    /// Pods of the current template.
    pub updated_replicas: i32,
    /// Pods that are ready.
    pub ready_replicas: i32,
    /// Pods that have been ready for long enough.
    pub available_replicas: i32,
    /// Pods still missing.
    pub unavailable_replicas: i32,
    /// Its conditions.
    pub conditions: Vec<WorkloadCondition>,
    /// How often a pod template hash was taken already.
    pub collision_count: Option<i32>,
}

record!(DeploymentStatus:
    observed_generation, replicas, updated_replicas, ready_replicas, available_replicas,
    unavailable_replicas, conditions, collision_count);

/// A ReplicaSet.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReplicaSet {
    /// Its metadata.
    pub metadata: ObjectMeta,
    /// What it is to be.
    pub spec: ReplicaSetSpec,
    /// What has come of it.
    pub status: ReplicaSetStatus,
}

record!(ReplicaSet: metadata, spec, status);

/// What a ReplicaSet is to be.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReplicaSetSpec {
    /// How many pods; one unless told otherwise.
    pub replicas: Option<i32>,
    /// How long a pod must be ready to count as available.
    pub min_ready_seconds: i32,
    /// Which pods are its own.
    pub selector: LabelSelector,
    /// What they look like.
    pub template: PodTemplate,
}

record!(ReplicaSetSpec: replicas, min_ready_seconds, selector, template);

/// What has come of a ReplicaSet.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReplicaSetStatus {
    /// Pods in all.
    pub replicas: i32,
    /// Pods with all labels of the template.
    pub fully_labeled_replicas: i32,
    /// Pods that are ready.
    pub ready_replicas: i32,
    /// Pods that have been ready for long enough.
    pub available_replicas: i32,
    /// The generation it was last looked at in.
    pub observed_generation: Option<i64>,
    /// Its conditions.
    pub conditions: Vec<WorkloadCondition>,
}

record!(ReplicaSetStatus:
    replicas, fully_labeled_replicas, ready_replicas, available_replicas, observed_generation,
    conditions);

/// A StatefulSet.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StatefulSet {
    /// Its metadata.
    pub metadata: ObjectMeta,
    /// What it is to be.
    pub spec: StatefulSetSpec,
    /// What has come of it.
    pub status: StatefulSetStatus,
}

record!(StatefulSet: metadata, spec, status);

/// What a StatefulSet is to be.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StatefulSetSpec {
    /// How many pods; one unless told otherwise.
    pub replicas: Option<i32>,
    /// Which pods are its own.
    pub selector: LabelSelector,
    /// What they look like.
    pub template: PodTemplate,
    /// The headless Service its pods are named under.
    pub service_name: String,
    /// OrderedReady or Parallel.
    pub pod_management_policy: Option<String>,
    /// How pods are replaced.
    pub update_strategy: StatefulSetUpdateStrategy,
    /// How long a pod must be ready to count as available.
    pub min_ready_seconds: i32,
    /// Which ordinal is the first.
    pub ordinals: Option<StatefulSetOrdinals>,
    /// How many old revisions are kept.
    pub revision_history_limit: Option<i32>,
}

record!(StatefulSetSpec:
    replicas, selector, template, service_name, pod_management_policy, update_strategy,
    min_ready_seconds, ordinals, revision_history_limit);

/// How a StatefulSet's pods are replaced.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StatefulSetUpdateStrategy {
    /// RollingUpdate or OnDelete.
    pub kind: Option<String>,
    /// Which ones.
    pub rolling_update: Option<RollingUpdate>,
}

record!(StatefulSetUpdateStrategy: kind = "type", rolling_update);

/// How a StatefulSet counts its pods.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StatefulSetOrdinals {
    /// The first ordinal.
    pub start: i32,
}

record!(StatefulSetOrdinals: start);

/// What has come of a StatefulSet.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StatefulSetStatus {
    /// The generation it was last looked at in.
    pub observed_generation: Option<i64>,
    /// Pods in all.
    pub replicas: i32,
    /// Pods that are ready.
    pub ready_replicas: i32,
    /// Pods of the current revision.
    pub current_replicas: i32,
    /// Pods of the new revision.
    pub updated_replicas: i32,
    /// Pods that have been ready for long enough.
    pub available_replicas: i32,
    /// The revision pods have.
    pub current_revision: Option<String>,
    /// The revision pods are to have.
    pub update_revision: Option<String>,
    /// How often a revision's hash was taken already.
    pub collision_count: Option<i32>,
    /// Its conditions.
    pub conditions: Vec<WorkloadCondition>,
}

record!(StatefulSetStatus:
    observed_generation, replicas, ready_replicas, current_replicas, updated_replicas,
    available_replicas, current_revision, update_revision, collision_count, conditions);

/// What a StatefulSet's template was at some time, so that its pods can become that again. Its data stand in the
/// document.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ControllerRevision {
    /// Its metadata.
    pub metadata: ObjectMeta,
    /// Which one it is: the newest has the greatest number.
    pub revision: i64,
}

record!(ControllerRevision: metadata, revision);
