//! Endpoints: the older form of what EndpointSlices say.
//!
//! `v1` of Kubernetes 1.36, deprecated since 1.33.

use super::{ObjectMeta, TargetRef};
use crate::record::record;

/// All endpoints of the Service of the same name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Endpoints {
    /// Its metadata.
    pub metadata: ObjectMeta,
    /// Groups of addresses that serve the same ports.
    pub subsets: Vec<EndpointSubset>,
}

record!(Endpoints: metadata, subsets);

/// Addresses that serve the same ports.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EndpointSubset {
    /// Those that take traffic.
    pub addresses: Vec<EndpointAddress>,
    /// Those that do not yet.
    pub not_ready_addresses: Vec<EndpointAddress>,
    /// The ports.
    pub ports: Vec<EndpointsPort>,
}

record!(EndpointSubset: addresses, not_ready_addresses, ports);

/// An address of Endpoints.
#[derive(Clone, Debug, Default, PartialEq)]
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

record!(EndpointAddress: ip, hostname, node_name, target_ref);

/// A port of Endpoints.
#[derive(Clone, Debug, Default, PartialEq)]
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

record!(EndpointsPort: name, port, protocol, app_protocol);
