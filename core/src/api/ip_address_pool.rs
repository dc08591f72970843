//! IPAddressPool: the addresses MetalLB gives to load balancers.
//!
//! `metallb.io/v1beta1` of MetalLB 0.15.
//!
//! **Left out**: how addresses are announced; in the simulated network they simply reach the nodes.

use super::ObjectMeta;
use crate::record::record;

/// A pool of addresses.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IpAddressPool {
    /// Its metadata.
    pub metadata: ObjectMeta,
    /// What is in it.
    pub spec: IpAddressPoolSpec,
}

record!(IpAddressPool: metadata, spec);

/// What is in a pool.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IpAddressPoolSpec {
    /// Ranges: `192.0.2.0/28` or `192.0.2.10-192.0.2.20`.
    pub addresses: Vec<String>,
    /// Whether Services that do not ask for it get addresses from it; yes unless told otherwise.
    pub auto_assign: Option<bool>,
    /// Whether addresses ending in .0 and .255 are passed over.
    pub avoid_buggy_ips: bool,
}

record!(IpAddressPoolSpec: addresses, auto_assign, avoid_buggy_ips = "avoidBuggyIPs");
