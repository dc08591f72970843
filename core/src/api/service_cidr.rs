//! ServiceCIDR and IPAddress: the ranges of ClusterIPs, and who has which of them.
//!
//! `networking.k8s.io/v1` of Kubernetes 1.33 and later; earlier servers keep both to themselves.

use super::{Condition, ObjectMeta};
use crate::record::record;

/// Ranges that ClusterIPs come from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServiceCidr {
    /// Its metadata.
    pub metadata: ObjectMeta,
    /// The ranges.
    pub spec: ServiceCidrSpec,
    /// Whether they are in use.
    pub status: ServiceCidrStatus,
}

record!(ServiceCidr: metadata, spec, status);

/// Ranges, one a family.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServiceCidrSpec {
    /// The ranges.
    pub cidrs: Vec<String>,
}

record!(ServiceCidrSpec: cidrs);

/// Whether ranges are in use.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServiceCidrStatus {
    /// `Ready`.
    pub conditions: Vec<Condition>,
}

record!(ServiceCidrStatus: conditions);

/// An address that is taken; it is named as the address reads.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IpAddress {
    /// Its metadata.
    pub metadata: ObjectMeta,
    /// By whom.
    pub spec: IpAddressSpec,
}

record!(IpAddress: metadata, spec);

/// Who has taken an address.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IpAddressSpec {
    /// The object.
    pub parent_ref: ParentReference,
}

record!(IpAddressSpec: parent_ref);

/// The object that has taken an address.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ParentReference {
    /// Its group; empty for Services.
    pub group: String,
    /// `services`
    pub resource: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

record!(ParentReference: group, resource, namespace, name);
