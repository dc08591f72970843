//! What a rule can ask of a packet: header fields, metadata, connection, routing, chance.
//!
//! Names are nft's (`nft(8)`, sections *Payload expressions*, *Meta expressions*, *Conntrack
//! expressions*, *Fib expressions*, *Numgen expression*).
//!
//! **Left out**: expressions no rule of a node we have met uses (exthdr, osf, socket, tunnel,
//! jhash); a rule with one is kept as text.

use crate::ip::{Cidr, IpAddr};
use crate::net::{AddressType, Protocol};
use serde::Serialize;

/// Something a packet is asked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Expression {
    /// A header field.
    Payload(Field),
    /// What the host knows about the packet.
    Meta(Meta),
    /// What connection tracking knows about it.
    Ct(CtKey),
    /// What the routing table says about its addresses.
    Fib(Fib),
    /// A number by chance or in turn.
    Numgen(Numgen),
    /// Several at once, joined by dots.
    Concatenation(Vec<Expression>),
    /// One with bits masked out, set or flipped.
    Bitwise {
        /// What the bits are taken from.
        of: Box<Expression>,
        /// Which operation.
        operation: BitOperation,
        /// The other side.
        mask: u32,
    },
    /// What a data map holds for a key.
    Map {
        /// What is looked up.
        key: Box<Expression>,
        /// Where.
        map: super::SetReference,
    },
    /// Itself.
    Constant(Datum),
}

/// A header field by the name nft gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Field {
    /// `ip saddr`
    IpSaddr,
    /// `ip daddr`
    IpDaddr,
    /// `ip protocol`
    IpProtocol,
    /// `ip6 saddr`
    Ip6Saddr,
    /// `ip6 daddr`
    Ip6Daddr,
    /// `ip6 nexthdr`
    Ip6Nexthdr,
    /// `tcp sport`
    TcpSport,
    /// `tcp dport`
    TcpDport,
    /// `tcp flags`
    TcpFlags,
    /// `udp sport`
    UdpSport,
    /// `udp dport`
    UdpDport,
    /// `sctp sport`
    SctpSport,
    /// `sctp dport`
    SctpDport,
    /// `th sport`: the source port of whatever transport
    ThSport,
    /// `th dport`
    ThDport,
    /// `icmp type`
    IcmpType,
    /// `icmpv6 type`
    Icmpv6Type,
}

/// What the host knows about a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Meta {
    /// The mark rules leave for one another.
    Mark,
    /// The transport protocol.
    L4proto,
    /// The family.
    Nfproto,
    /// The name of the interface it came in by.
    Iifname,
    /// The name of the interface it leaves by.
    Oifname,
}

/// What connection tracking knows about a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CtKey {
    /// new, established, related, invalid, untracked.
    State,
    /// The state with bits for translation, as iptables' `--ctstate` has it.
    Ctstate,
    /// dnat, snat, seen-reply, …
    Status,
    /// The connection's own mark.
    Mark,
    /// original or reply.
    Direction,
}

/// A question to the routing table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Fib {
    /// About which address.
    pub address: AddressSelector,
    /// What is asked.
    pub result: FibResult,
}

/// Which address of the packet `fib` looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AddressSelector {
    /// The source.
    Saddr,
    /// The destination.
    Daddr,
}

/// What `fib` answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FibResult {
    /// local, unicast, broadcast, …
    Type,
    /// The name of the interface out.
    Oifname,
}

/// A generated number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Numgen {
    /// By chance or in turn.
    pub mode: NumgenMode,
    /// How many numbers there are.
    pub modulus: u32,
    /// What is added to each.
    pub offset: u32,
}

/// How `numgen` makes its numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum NumgenMode {
    /// By chance.
    Random,
    /// In turn.
    Inc,
}

/// An operation on bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum BitOperation {
    /// `and`, `&`
    And,
    /// `or`, `|`
    Or,
    /// `xor`, `^`
    Xor,
}

/// A value an expression can have, or be compared with.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Datum {
    /// An address.
    Address(IpAddr),
    /// A range of addresses; never the value of a packet.
    Range(Cidr),
    /// A protocol by number.
    Protocol(u8),
    /// A port.
    Port(u16),
    /// A range of ports; never the value of a packet.
    Ports(u16, u16),
    /// A number: a mark, a generated number, an ICMP type.
    Number(u32),
    /// Named bits: states, statuses, TCP flags.
    Bits(u32),
    /// An interface name; a trailing `*` stands for any ending.
    Interface(super::Name),
    /// The type of an address.
    AddressType(AddressType),
    /// Several values, joined by dots.
    Tuple(Vec<Datum>),
}

impl From<IpAddr> for Datum {
    fn from(address: IpAddr) -> Self {
        Datum::Address(address)
    }
}

impl From<Protocol> for Datum {
    fn from(protocol: Protocol) -> Self {
        Datum::Protocol(protocol.number())
    }
}

impl Datum {
    /// Several values as one, or the only value itself.
    #[must_use]
    pub fn tuple(mut parts: Vec<Datum>) -> Datum {
        match parts.len() {
            1 => parts.remove(0),
            _ => Datum::Tuple(parts),
        }
    }

    /// Whether a packet's `value` is this one or lies inside it.
    #[must_use]
    pub fn holds(&self, value: &Datum) -> bool {
        match (self, value) {
            (Datum::Range(range), Datum::Address(address)) => range.contains(address),
            (Datum::Ports(low, high), Datum::Port(port)) => (low..=high).contains(&port),
            (Datum::Interface(pattern), Datum::Interface(name)) => {
                match pattern.strip_suffix('*') {
                    Some(start) => name.starts_with(start),
                    None => pattern == name,
                }
            }
            (Datum::Tuple(mine), Datum::Tuple(theirs)) => {
                mine.len() == theirs.len() && mine.iter().zip(theirs).all(|(a, b)| a.holds(b))
            }
            _ => self == value,
        }
    }

    /// Whether only one value is held, so that a look-up by equality finds it.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        match self {
            Datum::Range(_) | Datum::Ports(..) => false,
            Datum::Interface(name) => !name.ends_with('*'),
            Datum::Tuple(parts) => parts.iter().all(Datum::is_exact),
            _ => true,
        }
    }
}

/// The bits of `ct state`, by nft's names.
pub mod ct_state {
    /// No connection of this packet can be valid.
    pub const INVALID: u32 = 1;
    /// Packets have been seen in both directions.
    pub const ESTABLISHED: u32 = 2;
    /// A new connection that belongs to another, or an ICMP error about one.
    pub const RELATED: u32 = 4;
    /// The first packet.
    pub const NEW: u32 = 8;
    /// Tracking was turned off for it.
    pub const UNTRACKED: u32 = 64;
    /// The source is translated; only iptables counts this among the states.
    pub const SNAT: u32 = 1 << 16;
    /// The destination is translated; only iptables counts this among the states.
    pub const DNAT: u32 = 1 << 17;
    /// iptables' names and bits, in the order it prints them.
    pub const CTSTATE_NAMES: [(&str, u32); 7] = [
        ("INVALID", INVALID),
        ("NEW", NEW),
        ("RELATED", RELATED),
        ("ESTABLISHED", ESTABLISHED),
        ("UNTRACKED", UNTRACKED),
        ("SNAT", SNAT),
        ("DNAT", DNAT),
    ];
    /// Names and bits, in the order nft prints them.
    pub const NAMES: [(&str, u32); 5] = [
        ("invalid", INVALID),
        ("established", ESTABLISHED),
        ("related", RELATED),
        ("new", NEW),
        ("untracked", UNTRACKED),
    ];
}

/// The bits of `ct status`, by nft's names.
pub mod ct_status {
    /// A packet in the reply direction was seen.
    pub const SEEN_REPLY: u32 = 2;
    /// Will not be evicted early.
    pub const ASSURED: u32 = 4;
    /// In the table.
    pub const CONFIRMED: u32 = 8;
    /// The source is translated.
    pub const SNAT: u32 = 16;
    /// The destination is translated.
    pub const DNAT: u32 = 32;
    /// Names and bits, in the order nft prints them.
    pub const NAMES: [(&str, u32); 5] = [
        ("seen-reply", SEEN_REPLY),
        ("assured", ASSURED),
        ("confirmed", CONFIRMED),
        ("snat", SNAT),
        ("dnat", DNAT),
    ];
}
