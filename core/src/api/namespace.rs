//! Namespace.

use super::ObjectMeta;
use super::ignored::Ignored;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A Namespace.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Namespace {
    /// Its metadata.
    pub metadata: ObjectMeta,
    /// Its finalizers; passed over.
    pub spec: BTreeMap<String, Ignored>,
    /// Its phase; passed over.
    pub status: BTreeMap<String, Ignored>,
}
