//! NetworkPolicy: which pods may speak to which.
//!
//! `networking.k8s.io/v1` of Kubernetes 1.36.

use super::{IntOrString, LabelSelector, ObjectMeta};
use crate::record::record;

/// A NetworkPolicy.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NetworkPolicy {
    /// Its metadata.
    pub metadata: ObjectMeta,
    /// What it allows.
    pub spec: NetworkPolicySpec,
}

record!(NetworkPolicy: metadata, spec);

/// What a NetworkPolicy allows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NetworkPolicySpec {
    /// The pods it is about.
    pub pod_selector: LabelSelector,
    /// Ingress, Egress; Ingress, and Egress where there is a rule for it, if none is told.
    pub policy_types: Vec<String>,
    /// Who may speak to them.
    pub ingress: Vec<NetworkPolicyIngressRule>,
    /// To whom they may speak.
    pub egress: Vec<NetworkPolicyEgressRule>,
}

record!(NetworkPolicySpec: pod_selector, policy_types, ingress, egress);

/// Who may speak to the pods; everybody where no peer is named.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NetworkPolicyIngressRule {
    /// Who.
    pub from: Vec<NetworkPolicyPeer>,
    /// On which ports; all where none is named.
    pub ports: Vec<NetworkPolicyPort>,
}

record!(NetworkPolicyIngressRule: from, ports);

/// To whom the pods may speak; everybody where no peer is named.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NetworkPolicyEgressRule {
    /// Whom.
    pub to: Vec<NetworkPolicyPeer>,
    /// On which ports; all where none is named.
    pub ports: Vec<NetworkPolicyPort>,
}

record!(NetworkPolicyEgressRule: to, ports);

/// The other side.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NetworkPolicyPeer {
    /// Pods, of the policy's namespace unless another is chosen.
    pub pod_selector: Option<LabelSelector>,
    /// Namespaces.
    pub namespace_selector: Option<LabelSelector>,
    /// Addresses.
    pub ip_block: Option<IpBlock>,
}

record!(NetworkPolicyPeer: pod_selector, namespace_selector, ip_block);

/// A range of addresses with holes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IpBlock {
    /// The range.
    pub cidr: String,
    /// The holes.
    pub except: Vec<String>,
}

record!(IpBlock: cidr, except);

/// A port, or a range of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NetworkPolicyPort {
    /// TCP unless told otherwise.
    pub protocol: Option<String>,
    /// By number or by the name a container gives it; all where it is absent.
    pub port: Option<IntOrString>,
    /// The last of the range.
    pub end_port: Option<i32>,
}

record!(NetworkPolicyPort: protocol, port, end_port);
