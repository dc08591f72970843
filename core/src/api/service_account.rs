//! ServiceAccount: who a pod is to the API server.
//!
//! `v1` of Kubernetes 1.36.
//!
//! **Left out**: what it may do; its tokens. An API document keeps every field.

use super::ObjectMeta;
use crate::record::record;

/// A ServiceAccount.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServiceAccount {
    /// Its metadata.
    pub metadata: ObjectMeta,
}

record!(ServiceAccount: metadata);
