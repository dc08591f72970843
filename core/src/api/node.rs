//! Node: a machine of the cluster.
//!
//! **Left out**: capacity, images, conditions other than Ready, taints.

use super::ObjectMeta;
use crate::ip::{Cidr, IpAddr, parse_cidr_sloppy, parse_sloppy};
use serde::{Deserialize, Serialize};

/// A Node.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Node {
    /// Its metadata.
    pub metadata: ObjectMeta,
    /// What it was given.
    pub spec: NodeSpec,
    /// What it reports.
    pub status: NodeStatus,
}

/// What a node was given.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct NodeSpec {
    /// The range of its pods.
    #[serde(rename = "podCIDR")]
    pub pod_cidr: Option<String>,
    /// The same, one a family.
    #[serde(rename = "podCIDRs")]
    pub pod_cidrs: Vec<String>,
    /// What its cloud calls it.
    #[serde(rename = "providerID")]
    pub provider_id: Option<String>,
}

/// What a node reports.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct NodeStatus {
    /// Its addresses.
    pub addresses: Vec<NodeAddress>,
}

/// An address of a node.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct NodeAddress {
    /// InternalIP, ExternalIP, Hostname.
    #[serde(rename = "type")]
    pub kind: String,
    /// The address.
    pub address: String,
}

impl Node {
    /// The addresses other nodes and kube-proxy know it by: internal ones, or, where it has none,
    /// external ones (`GetNodeHostIPs`).
    #[must_use]
    pub fn internal_ips(&self) -> Vec<IpAddr> {
        let of_kind = |kind: &str| -> Vec<IpAddr> {
            let addresses = self.status.addresses.iter();
            addresses
                .filter(|it| it.kind == kind)
                .filter_map(|it| parse_sloppy(&it.address))
                .collect()
        };
        let internal = of_kind("InternalIP");
        if internal.is_empty() {
            of_kind("ExternalIP")
        } else {
            internal
        }
    }

    /// The ranges of its pods.
    #[must_use]
    pub fn pod_ranges(&self) -> Vec<Cidr> {
        let given = if self.spec.pod_cidrs.is_empty() {
            self.spec.pod_cidr.as_slice()
        } else {
            self.spec.pod_cidrs.as_slice()
        };
        given
            .iter()
            .filter_map(|it| parse_cidr_sloppy(it))
            .collect()
    }
}
