//! ServiceCIDR and IPAddress: the ranges of ClusterIPs, and who has which of them.
//!
//! `networking.k8s.io/v1` of Kubernetes 1.33 and later; earlier servers keep both to themselves.

use super::{Condition, ObjectMeta};
use serde::{Deserialize, Serialize};

/// Ranges that ClusterIPs come from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServiceCidr {
    /// Its metadata.
    pub metadata: ObjectMeta,
    /// The ranges.
    pub spec: ServiceCidrSpec,
    /// Whether they are in use.
    pub status: ServiceCidrStatus,
}

/// Ranges, one a family.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServiceCidrSpec {
    /// The ranges.
    pub cidrs: Vec<String>,
}

/// Whether ranges are in use.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServiceCidrStatus {
    /// `Ready`.
    pub conditions: Vec<Condition>,
}

/// An address that is taken; it is named as the address reads.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct IpAddress {
    /// Its metadata.
    pub metadata: ObjectMeta,
    /// By whom.
    pub spec: IpAddressSpec,
}

/// Who has taken an address.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct IpAddressSpec {
    /// The object.
    pub parent_ref: ParentReference,
}

/// The object that has taken an address.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
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
