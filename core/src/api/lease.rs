//! Lease: a sign of life; every node renews one.
//!
//! `coordination.k8s.io/v1` of Kubernetes 1.36.

use super::ObjectMeta;
use serde::{Deserialize, Serialize};

/// A Lease.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Lease {
    /// Its metadata.
    pub metadata: ObjectMeta,
    /// Who holds it.
    pub spec: LeaseSpec,
}

/// Who holds a lease.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct LeaseSpec {
    /// The holder.
    pub holder_identity: Option<String>,
    /// For how long after it was renewed.
    pub lease_duration_seconds: Option<i32>,
    /// When it was renewed.
    pub renew_time: Option<String>,
}
