//! Node: a machine of the cluster.
//!
//! The typed form holds what decides about pods and routes; an API document keeps every field.
//!
//! **Left out**: capacity and images.

use super::ObjectMeta;
use crate::ip::{Cidr, IpAddr, parse_cidr_sloppy, parse_sloppy};
use crate::record::record;

/// A Node.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Node {
    /// Its metadata.
    pub metadata: ObjectMeta,
    /// What it was given.
    pub spec: NodeSpec,
    /// What it reports.
    pub status: NodeStatus,
}

record!(Node: metadata, spec, status);

/// What a node was given.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NodeSpec {
    /// The range of its pods.
    pub pod_cidr: Option<String>,
    /// The same, one a family.
    pub pod_cidrs: Vec<String>,
    /// What its cloud calls it.
    pub provider_id: Option<String>,
    /// Whether new pods are kept away.
    pub unschedulable: bool,
    /// What keeps pods away, or sends them away.
    pub taints: Vec<Taint>,
}

record!(NodeSpec:
    pod_cidr = "podCIDR", pod_cidrs = "podCIDRs", provider_id = "providerID", unschedulable,
    taints);

/// What keeps pods away from a node.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Taint {
    /// Its key.
    pub key: String,
    /// Its value.
    pub value: Option<String>,
    /// NoSchedule, PreferNoSchedule, NoExecute.
    pub effect: String,
    /// When it was put there.
    pub time_added: Option<String>,
}

record!(Taint: key, value, effect, time_added);

/// What a node reports.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NodeStatus {
    /// Its addresses.
    pub addresses: Vec<NodeAddress>,
    /// Ready and its kin.
    pub conditions: Vec<NodeCondition>,
}

record!(NodeStatus: addresses, conditions);

/// A condition of a node.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NodeCondition {
    /// `Ready` is the one that counts.
    pub kind: String,
    /// True, False, Unknown.
    pub status: String,
    /// Why, in one word.
    pub reason: Option<String>,
    /// Why, in a sentence.
    pub message: Option<String>,
    /// When its kubelet last said so.
    pub last_heartbeat_time: Option<String>,
    /// When it last changed.
    pub last_transition_time: Option<String>,
}

record!(NodeCondition:
    kind = "type", status, reason, message, last_heartbeat_time, last_transition_time);

/// An address of a node.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NodeAddress {
    /// InternalIP, ExternalIP, Hostname.
    pub kind: String,
    /// The address.
    pub address: String,
}

record!(NodeAddress: kind = "type", address);

impl Node {
    /// Whether it is well: its Ready condition, or, where it has none yet, yes.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        let ready = self.status.conditions.iter().find(|it| it.kind == "Ready");
        ready.is_none_or(|it| it.status == "True")
    }

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
