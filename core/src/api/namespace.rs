//! Namespace.

use super::ObjectMeta;
use crate::record::record;

/// A Namespace.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Namespace {
    /// Its metadata.
    pub metadata: ObjectMeta,
    /// Who must agree before it goes.
    pub spec: NamespaceSpec,
    /// Whether it is going.
    pub status: NamespaceStatus,
}

record!(Namespace: metadata, spec, status);

/// Who must agree before a namespace goes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NamespaceSpec {
    /// `kubernetes`, until everything in it is gone.
    pub finalizers: Vec<String>,
}

record!(NamespaceSpec: finalizers);

/// Whether a namespace is going.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NamespaceStatus {
    /// Active or Terminating.
    pub phase: Option<String>,
}

record!(NamespaceStatus: phase);
