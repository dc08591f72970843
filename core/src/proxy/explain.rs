//! The English sentence of a rule, made from its reason.
//!
//! One sentence, at most twenty words, the acting component as subject.

use super::{Origin, Reason};

impl Origin {
    /// What this rule does, and why.
    #[must_use]
    pub fn sentence(&self) -> String {
        self.reason.sentence()
    }
}

impl Reason {
    /// What a rule with this reason does.
    #[must_use]
    pub fn sentence(&self) -> String {
        match self {
            Reason::HookLeadsTo(chain) => {
                format!("The hook hands the packet to the chain {chain}.")
            }
            Reason::CheckFirewall => {
                "Load-balancer addresses with source ranges are checked before anything is rewritten."
                    .into()
            }
            Reason::CheckEndpoints => {
                "Destinations whose Service has no endpoints are turned away here.".into()
            }
            Reason::CheckNodePortEndpoints => {
                "NodePorts whose Service has no endpoints are turned away here.".into()
            }
            Reason::RejectUnknownPort => {
                "A ClusterIP on a port its Service does not have is refused.".into()
            }
            Reason::DropUnallocated => {
                "An address of the service range that no Service has is dropped.".into()
            }
            Reason::RejectHelper => "The sender is told at once: port unreachable.".into(),
            Reason::MarkFromOutside => {
                "ClusterIP traffic from outside the pod range is marked for masquerade.".into()
            }
            Reason::MarkAll => "All ClusterIP traffic is marked for masquerade.".into(),
            Reason::Mark => "The masquerade mark is set.".into(),
            Reason::MasqueradeMarked => {
                "A marked packet leaves with this node's address as its source.".into()
            }
            Reason::LeaveUnmarked => "Without the mark, the source stays as it is.".into(),
            Reason::ClearMark => "The mark is cleared, so that no later copy is masqueraded twice.".into(),
            Reason::MasqueradeHairpin => {
                "A pod that reached itself through its Service is masqueraded.".into()
            }
            Reason::FindService => {
                "Destination address, protocol and port are looked up among all Services.".into()
            }
            Reason::FindNodePort => {
                "If the destination is this node, its port is looked up among all NodePorts.".into()
            }
            Reason::Address(service_port) => {
                format!("This address and port belong to the Service {service_port}.")
            }
            Reason::ClusterIp(service_port) => {
                format!("This ClusterIP belongs to the Service {service_port}.")
            }
            Reason::NodePortIp => "This address of the node takes NodePort traffic.".into(),
            Reason::WithoutEndpoints(service_port) => {
                format!("The Service {service_port} has no endpoint that may be used here.")
            }
            Reason::ChooseEndpoint {
                service_port,
                n_endpoints: 1,
            } => format!("The Service {service_port} has one endpoint: it becomes the destination."),
            Reason::ChooseEndpoint {
                service_port,
                n_endpoints,
            } => format!(
                "One of {n_endpoints} endpoints of {service_port} is drawn by lot and becomes the destination."
            ),
            Reason::Endpoint(target) => format!("The endpoint {target}."),
            Reason::KeepAffinity(target) => {
                format!("A client seen before goes back to {target}.")
            }
            Reason::RememberClient => {
                "The client's address is remembered for its next connection.".into()
            }
            Reason::RewriteTo(target) => format!("The destination becomes {target}."),
            Reason::External(service_port) => {
                format!("Traffic from outside to {service_port} is marked for masquerade.")
            }
            Reason::ExternalGoesOn => "It goes on to the Service's own chain.".into(),
            Reason::ShortCircuit(_) => {
                "Pods and the node itself may use every endpoint, whatever the policy.".into()
            }
            Reason::LocalOnly => {
                "Everybody else reaches only endpoints on this node, with the source kept.".into()
            }
            Reason::SourceRanges(service_port) => {
                format!("Only the source ranges of {service_port} may use its load balancer.")
            }
            Reason::HairpinPair(target) => {
                format!("The endpoint {target} runs on this node and may reach itself.")
            }
            Reason::MarkHairpin => {
                "A pod that reaches itself through its Service is marked for masquerade.".into()
            }
            Reason::Draw { target, one_in: 1 } => {
                format!("No other endpoint is left: the connection goes to {target}.")
            }
            Reason::Draw { target, one_in } => {
                format!("The lot sends one connection in {one_in} that come here to {target}.")
            }
            Reason::DropUnlisted(service_port) => {
                format!("Whoever is in no source range of {service_port} is dropped later.")
            }
            Reason::HealthCheck(service_port) => {
                format!("The load balancer of {service_port} may ask for this node's health.")
            }
            Reason::BlockLocalnet => {
                "Nobody but this node itself may begin a connection to 127.0.0.0/8.".into()
            }
            Reason::DropInvalid => {
                "A packet of no known connection would leave untranslated: it is dropped.".into()
            }
            Reason::ForwardMarked => "A packet with the masquerade mark may be forwarded.".into(),
            Reason::ForwardEstablished => {
                "Packets of connections that are known may be forwarded.".into()
            }
            Reason::Ipvs(reason) => reason.sentence(),
        }
    }
}
