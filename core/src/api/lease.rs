//! Lease: a sign of life; every node renews one.
//!
//! `coordination.k8s.io/v1` of Kubernetes 1.36.

use super::ObjectMeta;
use crate::record::record;

/// A Lease.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lease {
    /// Its metadata.
    pub metadata: ObjectMeta,
    /// Who holds it.
    pub spec: LeaseSpec,
}

record!(Lease: metadata, spec);

/// Who holds a lease.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LeaseSpec {
    /// The holder.
    pub holder_identity: Option<String>,
    /// For how long after it was renewed.
    pub lease_duration_seconds: Option<i32>,
    /// When it was renewed.
    pub renew_time: Option<String>,
}

record!(LeaseSpec: holder_identity, lease_duration_seconds, renew_time);
