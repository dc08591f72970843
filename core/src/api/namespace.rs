//! Namespace.

use super::ObjectMeta;
use serde::{Deserialize, Serialize};

/// A Namespace.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Namespace {
    /// Its metadata.
    pub metadata: ObjectMeta,
    /// Who must agree before it goes.
    pub spec: NamespaceSpec,
    /// Whether it is going.
    pub status: NamespaceStatus,
}

/// Who must agree before a namespace goes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct NamespaceSpec {
    /// `kubernetes`, until everything in it is gone.
    pub finalizers: Vec<String>,
}

/// Whether a namespace is going.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct NamespaceStatus {
    /// Active or Terminating.
    pub phase: Option<String>,
}
