//! Why there is something only ipvs mode has, and the sentence that says so.
//!
//! **Left out**: nothing.

use crate::netfilter::Name;
use serde::Serialize;

/// Why a virtual server, an element or a rule of ipvs mode is there.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum IpvsReason {
    /// A virtual server for an address of a Service.
    VirtualServer(Name),
    /// An address on kube-ipvs0.
    BoundAddress,
    /// Policy Local: the source is kept.
    KeepSource(Name),
    /// What comes from loopback is left alone.
    LeaveLoopback,
    /// A pod that reaches itself is masqueraded.
    Hairpin,
    /// Load balancers' traffic is looked at.
    LoadBalancer,
    /// Load balancers with policy Local keep the source.
    LoadBalancerLocal,
    /// All others are marked.
    MarkLoadBalancer,
    /// NodePorts with policy Local keep the source.
    NodePortLocal,
    /// All others are marked.
    MarkNodePort,
    /// ClusterIP traffic from outside the pods is marked.
    MarkClusterIpFromOutside,
    /// All ClusterIP traffic is marked.
    MarkAllClusterIps,
    /// What a node sends to a ClusterIP comes from a ClusterIP.
    MarkFromVip,
    /// Traffic to external addresses is marked.
    MarkExternalIp,
    /// What comes from off this machine goes on.
    ExternalFromElsewhere,
    /// What is for this machine goes on.
    ExternalForHere,
    /// What is for the node is looked up among its ports.
    FindNodePort,
    /// No later rule is to get between a packet and its virtual server.
    AcceptVirtual,
    /// Load balancers with source ranges are looked at.
    CheckSourceRanges,
    /// A source in the ranges goes on.
    AllowedRange,
    /// The node itself goes on.
    AllowedNode,
    /// All others are dropped.
    DropOthers,
    /// This node may not use that load balancer.
    BarNode(Name),
    /// Questions for the node's health are let in.
    AllowHealthChecks,
    /// What virtual servers will take is let through.
    PassVirtual,
    /// A node's own ports are not to be reached by a Service's address.
    RefuseHostPorts,
}

impl IpvsReason {
    /// What it does.
    #[must_use]
    pub fn sentence(&self) -> String {
        match self {
            IpvsReason::VirtualServer(port) => {
                format!(
                    "This address and port belong to the Service {port}: ip_vs takes its packets."
                )
            }
            IpvsReason::BoundAddress => {
                "kube-ipvs0 has this address, so that the node takes its packets in.".into()
            }
            IpvsReason::KeepSource(port) => {
                format!("Policy Local of {port} keeps the source as it is.")
            }
            IpvsReason::LeaveLoopback => "What this node sends from loopback is left alone.".into(),
            IpvsReason::Hairpin => {
                "A pod of this node that reached itself through its Service is masqueraded.".into()
            }
            IpvsReason::LoadBalancer => {
                "Traffic to load-balancer addresses is looked at closer.".into()
            }
            IpvsReason::LoadBalancerLocal => {
                "Load balancers with policy Local keep the source.".into()
            }
            IpvsReason::MarkLoadBalancer => {
                "All other load-balancer traffic is marked for masquerade.".into()
            }
            IpvsReason::NodePortLocal => "NodePorts with policy Local keep the source.".into(),
            IpvsReason::MarkNodePort => "Other NodePort traffic is marked for masquerade.".into(),
            IpvsReason::MarkClusterIpFromOutside => {
                "ClusterIP traffic from outside the pod range is marked for masquerade.".into()
            }
            IpvsReason::MarkAllClusterIps => {
                "All ClusterIP traffic is marked for masquerade.".into()
            }
            IpvsReason::MarkFromVip => {
                "What a node sends to a ClusterIP comes from one: it is marked for masquerade."
                    .into()
            }
            IpvsReason::MarkExternalIp => {
                "Traffic to external addresses is marked for masquerade.".into()
            }
            IpvsReason::ExternalFromElsewhere => {
                "External traffic that comes from another machine goes on.".into()
            }
            IpvsReason::ExternalForHere => {
                "External traffic to an address this machine has goes on.".into()
            }
            IpvsReason::FindNodePort => {
                "If the destination is this node, its port is looked up among all NodePorts.".into()
            }
            IpvsReason::AcceptVirtual => {
                "What a virtual server will take needs no more rules here.".into()
            }
            IpvsReason::CheckSourceRanges => {
                "Load balancers with source ranges are checked for who asks.".into()
            }
            IpvsReason::AllowedRange => "A source in one of the ranges may go on.".into(),
            IpvsReason::AllowedNode => {
                "The node itself is in one of the ranges and may go on.".into()
            }
            IpvsReason::DropOthers => "A source in none of the ranges is dropped.".into(),
            IpvsReason::BarNode(port) => {
                format!(
                    "This node is in no source range of {port}: what it sends there is dropped."
                )
            }
            IpvsReason::AllowHealthChecks => {
                "Load balancers may ask for this node's health.".into()
            }
            IpvsReason::PassVirtual => "What a virtual server will take may come in.".into(),
            IpvsReason::RefuseHostPorts => {
                "A Service's address gives no way to what else the node listens on: refused.".into()
            }
        }
    }
}
