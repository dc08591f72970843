//! How a walk ends: the verdict as the client sees it, who decided, and why.

use crate::api::ObjectRef;
use crate::controllers::ContainerFault;
use crate::ip::IpAddr;
use serde::{Deserialize, Serialize};

/// What the client sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// An application in the world answered.
    Delivered,
    /// It left the world towards an address nobody in it has.
    Forwarded,
    /// Refused at once: RST or ICMP port-unreachable.
    Refused,
    /// Nothing comes back.
    Dropped,
    /// There is no way there.
    Unreachable,
    /// The name means nothing.
    NoSuchHost,
}

/// Who decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum By {
    /// A rule.
    Rule,
    /// A host's own stack.
    Host,
    /// A pod.
    Pod,
}

/// Why a walk ended as it did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// A rule refused it.
    RejectedByRule,
    /// A rule dropped it.
    DroppedByRule,
    /// A chain's policy dropped it.
    DroppedByPolicy,
    /// Nothing listens on that port.
    NothingListens,
    /// No route leads there.
    NoRoute,
    /// Nobody on the link has that address.
    NobodyThere,
    /// It was for another host, and this one forwards nothing.
    NotForwarding,
    /// It went round in circles.
    TtlExpired,
    /// Its answers do not look like answers.
    ReplyNotRecognised,
    /// The name does not exist.
    NoSuchName,
    /// The name server did not answer.
    NameServerSilent,
    /// Who asks does not ask cluster DNS.
    OutsideClusterDns,
    /// A statement was met that this model does not know.
    UnknownStatement,
    /// The rules call one another without end.
    RulesTooDeep,
    /// No NetworkPolicy of the pod allows it.
    NetworkPolicy,
    /// The machine it was sent to is off.
    NodeDown,
    /// It claims to come from the host that receives it.
    OwnSource,
    /// The load balancer has nobody to send to.
    NoHealthyTarget,
    /// The load balancer does not listen on that port.
    BalancerSilent,
    /// The load balancer is for the nodes' own network only.
    BalancerIsInternal,
    /// The web server does not know the name it was asked by.
    WrongHost,
    /// The web server's certificate is for another name.
    WrongCertificate,
    /// No rule of an Ingress is about this host and path.
    NoIngressRule,
    /// The Ingress controller has nobody to send to.
    NoIngressBackend,
    /// Whom the Ingress controller sent to did not accept.
    BadGateway,
    /// Whom the Ingress controller sent to did not answer.
    GatewayTimeout,
    /// The program that holds the socket does nothing: its kernel takes the packet, and nobody answers what is asked.
    ProgramHangs,
    /// The program answers every request with an error.
    ProgramFails,
}

/// How a walk ended.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Ending {
    /// What the client sees.
    pub verdict: Verdict,
    /// Who decided.
    pub by: Option<By>,
    /// Why, where there is something to say.
    pub reason: Option<Why>,
    /// Address and port after all rewriting.
    pub destination: Option<String>,
    /// What has that address.
    pub object: Option<ObjectRef>,
    /// Whether the destination was rewritten.
    pub rewritten: bool,
    /// The source as the destination sees it.
    pub source_seen: Option<IpAddr>,
    /// Whether the source was rewritten.
    pub masqueraded: bool,
    /// What the client's tool prints.
    pub symptom: Option<String>,
    /// What it exits with, where it prints something.
    pub exit_code: Option<i32>,
}

impl Verdict {
    /// The word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Verdict::Delivered => "delivered",
            Verdict::Forwarded => "forwarded",
            Verdict::Refused => "refused",
            Verdict::Dropped => "dropped",
            Verdict::Unreachable => "unreachable",
            Verdict::NoSuchHost => "no-such-host",
        }
    }
}

impl Why {
    /// What a fault of the program that takes a packet means to who sent it.
    #[must_use]
    pub const fn of_fault(fault: ContainerFault) -> Option<Why> {
        match fault {
            ContainerFault::Hangs => Some(Why::ProgramHangs),
            ContainerFault::Fails => Some(Why::ProgramFails),
            ContainerFault::Crashes { .. } => None,
        }
    }

    /// One sentence.
    #[must_use]
    pub const fn sentence(&self) -> &'static str {
        match self {
            Why::RejectedByRule => "A rule refuses the packet and tells its sender.",
            Why::DroppedByRule => "A rule drops the packet and tells nobody.",
            Why::DroppedByPolicy => "No rule accepts the packet, and the chain's policy drops it.",
            Why::NothingListens => "The packet arrives, but nothing listens on that port.",
            Why::NoRoute => "No route leads to that address.",
            Why::NobodyThere => "The route leads to a link where nobody has that address.",
            Why::NotForwarding => {
                "The packet is for somebody else, and this host forwards nothing."
            }
            Why::TtlExpired => "The packet went round in circles until its time to live ran out.",
            Why::ReplyNotRecognised => {
                "The answer comes from an address the client never wrote to, so it is refused."
            }
            Why::NoSuchName => "Cluster DNS knows no such name.",
            Why::NameServerSilent => "The question to cluster DNS gets no answer.",
            Why::OutsideClusterDns => {
                "Only pods ask cluster DNS; this host asks name servers outside this world."
            }
            Why::UnknownStatement => {
                "A rule has a statement this model does not know, so nothing certain can be said."
            }
            Why::RulesTooDeep => "The rules call one another without end.",
            Why::NetworkPolicy => {
                "NetworkPolicies choose the pod, none of them allows this: the packet is dropped."
            }
            Why::NodeDown => "The machine that the packet was sent to is off: nobody answers.",
            Why::OwnSource => {
                "The packet comes back to its sender with its own address as source: Linux drops it."
            }
            Why::NoHealthyTarget => "The load balancer finds nobody healthy to send to.",
            Why::BalancerSilent => "The load balancer does not listen on that port.",
            Why::BalancerIsInternal => {
                "The load balancer is internal: from outside nobody reaches it."
            }
            Why::WrongHost => {
                "The request asks for the Service's name, which the server outside does not serve."
            }
            Why::WrongCertificate => {
                "The server outside shows a certificate for its own name, not for the Service's."
            }
            Why::NoIngressRule => {
                "The packet arrives; no Ingress has a rule for this host and path."
            }
            Why::NoIngressBackend => {
                "An Ingress has a rule, but nothing ready stands behind its Service."
            }
            Why::BadGateway => "The Ingress controller's own request is refused.",
            Why::GatewayTimeout => "The Ingress controller's own request gets no answer.",
            Why::ProgramHangs => {
                "The kernel takes what is sent, but the program hangs: whatever it is asked gets no answer."
            }
            Why::ProgramFails => "The program answers, and what it answers is an error.",
        }
    }
}
