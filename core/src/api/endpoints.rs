//! Endpoints: the older form of what EndpointSlices say.
//!
//! `v1` of Kubernetes 1.36, deprecated since 1.33.

use super::{ObjectMeta, TargetRef};
use serde::{Deserialize, Serialize};

/// All endpoints of the Service of the same name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Endpoints {
    /// Its metadata.
    pub metadata: ObjectMeta,
    /// Groups of addresses that serve the same ports.
    pub subsets: Vec<EndpointSubset>,
}

/// Addresses that serve the same ports.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct EndpointSubset {
    /// Those that take traffic.
    pub addresses: Vec<EndpointAddress>,
    /// Those that do not yet.
    pub not_ready_addresses: Vec<EndpointAddress>,
    /// The ports.
    pub ports: Vec<EndpointsPort>,
}

/// An address of Endpoints.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct EndpointAddress {
    /// The address.
    pub ip: String,
    /// Its name in DNS.
    pub hostname: Option<String>,
    /// The node it is on.
    pub node_name: Option<String>,
    /// What it is.
    pub target_ref: Option<TargetRef>,
}

/// A port of Endpoints.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct EndpointsPort {
    /// The name of the Service port it belongs to.
    pub name: Option<String>,
    /// The number.
    pub port: i32,
    /// TCP unless told otherwise.
    pub protocol: Option<String>,
    /// What is spoken on it.
    pub app_protocol: Option<String>,
}
