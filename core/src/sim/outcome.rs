//! How a walk ends: the verdict as the client sees it, who decided, and why.

use crate::api::ObjectRef;
use crate::ip::IpAddr;
use serde::Serialize;

/// What the client sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
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
        }
    }
}
