//! What a rule is made of: matches that must hold, and statements that act.
//!
//! Names are nft's (`nft(8)`, section *Statements*).
//!
//! **Left out**: log, limit, quota and their kin act on nothing a walk shows; they are kept as
//! text. `log` and `counter` are known to change nothing.

use super::{Datum, Expression, Name};
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
    },
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
}

/// Where a translation leads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NatTarget {
    /// An address and perhaps a port, written out.
    Fixed {
        /// The new address.
        address: Option<crate::ip::IpAddr>,
        /// The new port.
        port: Option<u16>,
    },
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
    /// ICMP host-unreachable.
    HostUnreachable,
    /// ICMP communication administratively prohibited.
    AdminProhibited,
    /// A TCP reset.
    TcpReset,
}

/// What happens to an element that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum UpdateKind {
    /// It stays as it is.
    Add,
    /// Its timeout begins again.
    Update,
}

impl Verdict {
    /// Whether the packet's way through this hook's chains ends here.
    #[must_use]
    pub fn is_final(&self) -> bool {
        matches!(self, Verdict::Accept | Verdict::Drop)
    }
}
