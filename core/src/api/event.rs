//! Event: something that happened to an object, for people to read.
//!
//! `v1` of Kubernetes 1.36, in the form client-go's old recorder writes.
//!
//! **Left out**: series of the `events.k8s.io` form, in which the scheduler writes: here it writes as the others do.

use super::{ObjectMeta, TargetRef};
use serde::{Deserialize, Serialize};

/// An Event.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Event {
    /// Its metadata.
    pub metadata: ObjectMeta,
    /// Whom it happened to.
    pub involved_object: TargetRef,
    /// Why, in one word.
    pub reason: String,
    /// What, in a sentence.
    pub message: String,
    /// Who says so.
    pub source: EventSource,
    /// When it happened first.
    pub first_timestamp: Option<String>,
    /// When it happened last.
    pub last_timestamp: Option<String>,
    /// How often.
    pub count: Option<i32>,
    /// Who says so, in the newer form.
    pub reporting_component: String,
    /// Which one of them: the node.
    pub reporting_instance: String,
    /// Normal or Warning.
    #[serde(rename = "type")]
    pub kind: String,
}

/// Who says so.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct EventSource {
    /// `kubelet`, `default-scheduler`, …
    pub component: String,
    /// The node.
    pub host: Option<String>,
}
