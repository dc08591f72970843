//! What a rule is made of: matches that must hold, and statements that act.
//!
//! Names are nft's (`nft(8)`, section *Statements*).
//!
//! **Left out**: what acts on nothing a walk shows (logs, traffic classes, clamped segment sizes) is
//! kept in its own words as [`Statement::Aside`]; what may decide about a packet in a way the model
//! cannot follow (queues, transparent proxies, named limits) as [`Statement::Unknown`].

use super::{Datum, Expression, Name};
use crate::ip::{Cidr, IpAddr};
use crate::net::UnreachableCode;
use serde::Serialize;

/// One part of a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Statement {
    /// Goes on only if the packet is like this.
    Match {
        /// What is asked.
        left: Expression,
        /// How it is compared.
        operator: Operator,
        /// With what.
        right: Operand,
    },
    /// Decides.
    Verdict(Verdict),
    /// Decides by a map; goes on to the next rule where the map has no answer.
    VerdictMap {
        /// What is looked up.
        key: Expression,
        /// Where.
        map: SetReference,
    },
    /// Writes metadata: `meta mark set …`.
    SetMeta {
        /// What is written.
        key: super::Meta,
        /// The new value.
        value: Expression,
    },
    /// Sets up address translation for the connection.
    Nat {
        /// Destination, source, masquerade or redirect.
        kind: NatKind,
        /// The new address and port; none for masquerade.
        target: Option<NatTarget>,
        /// How ports are chosen.
        flags: NatFlags,
    },
    /// Drops and says so to the sender.
    Reject(RejectWith),
    /// Adds the packet's key to a set, or refreshes it there.
    Update {
        /// Add only, or refresh too.
        kind: UpdateKind,
        /// The set.
        set: Name,
        /// What is added.
        key: Expression,
        /// How long it stays, where the set does not say so or is overruled.
        timeout: Option<crate::time::Duration>,
        /// What each element keeps for itself: a counter, a limit.
        keeps: Option<Box<Statement>>,
        /// For a map, what the key leads to.
        value: Option<Expression>,
    },
    /// Writes to the connection: `ct mark set …`, `ct zone set …`.
    SetCt {
        /// What is written.
        key: super::CtKey,
        /// The new value.
        value: Expression,
    },
    /// Copies marks between packet and connection: iptables' `-j CONNMARK`.
    ConnMark(super::ConnMark),
    /// Turns connection tracking off for the packet.
    Notrack,
    /// Holds for so many packets a time, or beyond.
    Limit(super::Limit),
    /// Holds for so many bytes, or beyond.
    Quota(super::Quota),
    /// Holds or does not, for all packets of this model alike: iptables' `-m policy`, `-f`.
    Settled {
        /// The words.
        text: Name,
        /// Whether it holds.
        holds: bool,
    },
    /// Something that changes nothing a walk shows, in its own words.
    Aside(Name),
    /// Counts; changes nothing.
    Counter,
    /// A remark among iptables' matches; it always holds.
    Comment(Name),
    /// Holds by lot, or each so many times: iptables' `-m statistic`.
    Statistic(super::Statistic),
    /// Asks or changes a list of addresses seen: iptables' `-m recent`.
    Recent(super::Recent),
    /// Counts in an accounting object of this name, and always holds: iptables' `-m nfacct`.
    Account(Name),
    /// Asks something outside the rules: iptables' `-m set`, `-m ipvs`, `-m physdev`.
    Module(super::ModuleMatch),
    /// Something this model does not know, as text.
    Unknown(Name),
}

/// How a match compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Operator {
    /// Is, is in, has one of the bits.
    Eq,
    /// Is not.
    Ne,
    /// Is less.
    Lt,
    /// Is more.
    Gt,
    /// Is not more.
    Le,
    /// Is not less.
    Ge,
}

/// The right side of a match.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Operand {
    /// A value or a range.
    Value(Datum),
    /// Any element of a set.
    Set(SetReference),
}

/// A set or map: by name, or written out inside the rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SetReference {
    /// `@name`
    Named(Name),
    /// `{ … }`
    Anonymous(Vec<super::Element>),
}

impl SetReference {
    /// Its name; none where it is written out.
    #[must_use]
    pub const fn name(&self) -> Option<&Name> {
        match self {
            SetReference::Named(name) => Some(name),
            SetReference::Anonymous(_) => None,
        }
    }
}

/// What is to become of a packet.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It passes this hook's chain.
    Accept,
    /// It is gone.
    Drop,
    /// On to the next rule.
    Continue,
    /// Back to the calling chain.
    Return,
    /// Into another chain, and back after it.
    Jump(Name),
    /// Into another chain, for good.
    Goto(Name),
}

/// Which end of the connection is translated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum NatKind {
    /// The destination.
    Dnat,
    /// The source.
    Snat,
    /// The source, to this host's address on the way out.
    Masquerade,
    /// The destination, to this host.
    Redirect,
    /// Either end, as the hook has it, network by network: iptables' `-j NETMAP`.
    Netmap,
}

impl NatTarget {
    /// One address and perhaps one port.
    #[must_use]
    pub fn to(address: Option<IpAddr>, port: Option<u16>) -> Self {
        NatTarget::Fixed {
            addresses: address.map(|it| (it, it)),
            ports: port.map(|it| (it, it)),
        }
    }
}

/// Where a translation leads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NatTarget {
    /// An address and perhaps a port, or ranges of either, written out.
    Fixed {
        /// The new address: from, to.
        addresses: Option<(IpAddr, IpAddr)>,
        /// The new port: from, to.
        ports: Option<(u16, u16)>,
    },
    /// The network of the address, which keeps its place in it.
    Network(Cidr),
    /// An address and a port out of a map.
    Mapped(Expression),
}

/// How a translation chooses ports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct NatFlags {
    /// Any free port, by chance.
    pub fully_random: bool,
    /// By a hash of the addresses.
    pub random: bool,
    /// The same for every connection of a client.
    pub persistent: bool,
}

/// How a packet is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RejectWith {
    /// ICMP or ICMPv6 port-unreachable: what plain `reject` does in the ip families.
    PortUnreachable,
    /// ICMP host-unreachable, ICMPv6 addr-unreachable.
    HostUnreachable,
    /// ICMP communication administratively prohibited.
    AdminProhibited,
    /// A TCP reset.
    TcpReset,
    /// ICMP net-unreachable, ICMPv6 no-route.
    NetUnreachable,
    /// ICMP prot-unreachable.
    ProtocolUnreachable,
    /// ICMP net-prohibited.
    NetProhibited,
    /// ICMP host-prohibited.
    HostProhibited,
    /// ICMPv6 policy-fail.
    PolicyFail,
    /// ICMPv6 reject-route.
    RejectRoute,
}

impl RejectWith {
    /// The code of the ICMP error; none for a reset.
    #[must_use]
    pub const fn code(self) -> Option<UnreachableCode> {
        Some(match self {
            RejectWith::TcpReset => return None,
            RejectWith::PortUnreachable => UnreachableCode::Port,
            RejectWith::HostUnreachable => UnreachableCode::Host,
            RejectWith::AdminProhibited => UnreachableCode::AdminProhibited,
            RejectWith::NetUnreachable => UnreachableCode::Net,
            RejectWith::ProtocolUnreachable => UnreachableCode::Protocol,
            RejectWith::NetProhibited => UnreachableCode::NetProhibited,
            RejectWith::HostProhibited => UnreachableCode::HostProhibited,
            RejectWith::PolicyFail => UnreachableCode::PolicyFail,
            RejectWith::RejectRoute => UnreachableCode::RejectRoute,
        })
    }
}

/// What happens to an element that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum UpdateKind {
    /// It stays as it is.
    Add,
    /// Its timeout begins again.
    Update,
    /// It goes.
    Delete,
}

impl Verdict {
    /// Whether the packet's way through this hook's chains ends here.
    #[must_use]
    pub fn is_final(&self) -> bool {
        matches!(self, Verdict::Accept | Verdict::Drop)
    }
}
