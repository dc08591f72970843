//! Event: something that happened to an object, for people to read.
//!
//! `v1` of Kubernetes 1.36, in the form client-go's old recorder writes.
//!
//! **Left out**: series of the `events.k8s.io` form, in which the scheduler writes: here it writes as the others do.

use super::{ObjectMeta, TargetRef};
use crate::record::record;

/// An Event.
#[derive(Clone, Debug, Default, PartialEq)]
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
    pub kind: String,
}

record!(Event:
    metadata, involved_object, reason, message, source, first_timestamp, last_timestamp, count,
    reporting_component, reporting_instance, kind = "type");

/// Who says so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventSource {
    /// `kubelet`, `default-scheduler`, …
    pub component: String,
    /// The node.
    pub host: Option<String>,
}

record!(EventSource: component, host);
