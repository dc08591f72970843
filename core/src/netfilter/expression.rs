//! What a rule can ask of a packet: header fields, metadata, connection, routing, chance.
//!
//! Names are nft's (`nft(8)`, sections *Payload expressions*, *Meta expressions*, *Conntrack
//! expressions*, *Fib expressions*, *Numgen expression*).
//!
//! **Left out**: what a packet of this model has no answer to (options, extension headers, raw
//! bytes, sockets, the clock on the wall) is kept in its own words, see [`Beyond`]: it is compared and
//! printed like any other, and what no answer is known to makes the outcome unknown.

use super::conntrack::Direction;
use crate::ip::{Cidr, IpAddr};
use crate::net::{AddressType, Protocol};
use serde::Serialize;

/// Something a packet is asked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Expression {
    /// A header field.
    Payload(super::Field),
    /// What the host knows about the packet.
    Meta(Meta),
    /// What connection tracking knows about it.
    Ct(CtKey),
    /// What the routing table says about its addresses.
    Fib(Fib),
    /// A number by chance or in turn.
    Numgen(Numgen),
    /// A number by a hash of the packet.
    Hash(Hash),
    /// The next router on the way to the destination: `rt nexthop`, in the rule's own words.
    NextHop(super::Name),
    /// Something nft knows to ask that a packet of this model does not hold.
    Beyond(Beyond),
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
    /// The interface it came in by, looked up when the rule was made.
    Iif,
    /// The interface it leaves by, looked up when the rule was made.
    Oif,
    /// The kind of hardware it came in by.
    Iiftype,
    /// The kind of hardware it leaves by.
    Oiftype,
    /// The group of the interface it came in by.
    Iifgroup,
    /// The group of the interface it leaves by.
    Oifgroup,
    /// The user whose socket sent it.
    Skuid,
    /// The group whose socket sent it.
    Skgid,
    /// To this host, to all, to some, to another.
    Pkttype,
    /// The protocol of its frame: ip, ip6.
    Protocol,
    /// Its length in bytes.
    Length,
    /// A random number.
    Random,
    /// Whether it is being traced.
    Nftrace,
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
    /// Labels rules have put on it.
    Label,
    /// The name of its helper.
    Helper,
    /// Its zone, for one direction or both.
    Zone(Option<Direction>),
    /// How long until it is forgotten.
    Expiration,
    /// A part of the flow of one direction.
    Flow(Direction, FlowPart),
}

/// A part of a connection's flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FlowPart {
    /// `l3proto`
    L3proto,
    /// `protocol`
    Protocol,
    /// `ip saddr`
    IpSaddr,
    /// `ip daddr`
    IpDaddr,
    /// `ip6 saddr`
    Ip6Saddr,
    /// `ip6 daddr`
    Ip6Daddr,
    /// `proto-src`
    ProtoSrc,
    /// `proto-dst`
    ProtoDst,
}

/// A question to the routing table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Fib {
    /// About which address.
    pub address: AddressSelector,
    /// What is asked.
    pub result: FibResult,
    /// What else the routing table is told.
    pub with: FibWith,
}

/// What besides an address `fib` tells the routing table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct FibWith {
    /// The packet's mark.
    pub mark: bool,
    /// The interface it came in by: only ways through it count.
    pub iif: bool,
    /// The interface it leaves by: only ways through it count.
    pub oif: bool,
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
    /// The interface out.
    Oif,
}

/// A number made of a packet by a hash.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Hash {
    /// What is hashed; none for the flow, the same in both directions (`symhash`).
    pub of: Option<Box<Expression>>,
    /// How many numbers there are.
    pub modulus: u32,
    /// What the hash begins with; the kernel draws one if the rule gives none.
    pub seed: Option<u32>,
    /// What is added to each.
    pub offset: u32,
}

/// A question in nft's own words that packets of this model have no field for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Beyond {
    /// The words.
    pub text: super::Name,
    /// What can be said all the same.
    pub answer: BeyondAnswer,
}

/// What the model can say to a question beyond it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum BeyondAnswer {
    /// No packet here has such a thing: no fragments, no transparent sockets, no IPsec.
    Nothing,
    /// It is missing, which a rule can ask for: `exthdr frag missing`.
    Missing,
    /// It cannot be told.
    Unknown,
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
    /// Addresses from one to another that are no prefix; never the value of a packet.
    Addresses(Box<(IpAddr, IpAddr)>),
    /// Numbers from one to another; never the value of a packet.
    Numbers(u32, u32),
    /// A word: a helper, a label, a hardware address.
    Text(super::Name),
    /// `exists` or `missing`.
    Presence(bool),
    /// `*`: whatever no other element of a set holds.
    Any,
    /// Several values, joined by dots.
    Tuple(Box<[Datum]>),
}

// A rule moves values about all the time.
const _: () = assert!(size_of::<Datum>() <= 24);

impl Meta {
    /// All there are.
    pub const ALL: [Meta; 18] = [
        Meta::Mark,
        Meta::L4proto,
        Meta::Nfproto,
        Meta::Iifname,
        Meta::Oifname,
        Meta::Iif,
        Meta::Oif,
        Meta::Iiftype,
        Meta::Oiftype,
        Meta::Iifgroup,
        Meta::Oifgroup,
        Meta::Skuid,
        Meta::Skgid,
        Meta::Pkttype,
        Meta::Protocol,
        Meta::Length,
        Meta::Random,
        Meta::Nftrace,
    ];

    /// The word nft uses.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Meta::Mark => "mark",
            Meta::L4proto => "l4proto",
            Meta::Nfproto => "nfproto",
            Meta::Iifname => "iifname",
            Meta::Oifname => "oifname",
            Meta::Iif => "iif",
            Meta::Oif => "oif",
            Meta::Iiftype => "iiftype",
            Meta::Oiftype => "oiftype",
            Meta::Iifgroup => "iifgroup",
            Meta::Oifgroup => "oifgroup",
            Meta::Skuid => "skuid",
            Meta::Skgid => "skgid",
            Meta::Pkttype => "pkttype",
            Meta::Protocol => "protocol",
            Meta::Length => "length",
            Meta::Random => "random",
            Meta::Nftrace => "nftrace",
        }
    }
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

/// Values that are joined hash as they do one by one, so that a key need not be joined to be looked up.
impl std::hash::Hash for Datum {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        match self {
            Datum::Address(IpAddr::V4(it)) => state.write_u32((*it).into()),
            Datum::Address(IpAddr::V6(it)) => state.write_u128((*it).into()),
            Datum::Protocol(it) => state.write_u8(*it),
            Datum::Port(it) => state.write_u16(*it),
            Datum::Number(it) | Datum::Bits(it) => state.write_u32(*it),
            Datum::Range(it) => it.hash(state),
            Datum::Ports(low, high) => (low, high).hash(state),
            Datum::Interface(it) | Datum::Text(it) => it.hash(state),
            Datum::AddressType(it) => it.hash(state),
            Datum::Addresses(ends) => ends.hash(state),
            Datum::Numbers(low, high) => (low, high).hash(state),
            Datum::Presence(it) => it.hash(state),
            Datum::Any => state.write_u8(u8::MAX),
            Datum::Tuple(parts) => parts.iter().for_each(|it| it.hash(state)),
        }
    }
}

impl Datum {
    /// Several values as one, or the only value itself.
    #[must_use]
    pub fn tuple(mut parts: Vec<Datum>) -> Datum {
        match parts.len() {
            1 => parts.remove(0),
            _ => Datum::Tuple(parts.into()),
        }
    }

    /// Several values as one.
    #[must_use]
    pub fn joined<const N: usize>(parts: [Datum; N]) -> Datum {
        Datum::Tuple(Box::new(parts))
    }

    /// The values this one joins, or itself alone.
    #[must_use]
    pub const fn parts(&self) -> &[Datum] {
        match self {
            Datum::Tuple(parts) => parts,
            one => std::slice::from_ref(one),
        }
    }

    /// The value that joins these, or the only one itself.
    #[must_use]
    pub fn from_parts(parts: &[Datum]) -> Datum {
        match parts {
            [one] => one.clone(),
            several => Datum::Tuple(several.into()),
        }
    }

    /// Whether a packet's value is this one or lies inside it, part by part.
    #[must_use]
    pub fn holds_parts(&self, value: &[Datum]) -> bool {
        let mine = self.parts();
        mine.len() == value.len() && mine.iter().zip(value).all(|(mine, its)| mine.holds(its))
    }

    /// Whether a packet's `value` is this one or lies inside it.
    #[must_use]
    pub fn holds(&self, value: &Datum) -> bool {
        match (self, value) {
            (Datum::Range(range), Datum::Address(address)) => range.contains(address),
            (Datum::Ports(low, high), Datum::Port(port)) => (low..=high).contains(&port),
            (Datum::Addresses(ends), Datum::Address(address)) => {
                let (low, high) = &**ends;
                low.is_ipv4() == address.is_ipv4() && (low..=high).contains(&address)
            }
            (Datum::Numbers(low, high), Datum::Number(number)) => (low..=high).contains(&number),
            (Datum::Any, _) => true,
            (Datum::Text(text), Datum::Interface(name)) => text == name,
            (Datum::Interface(pattern), Datum::Interface(name)) => {
                match pattern.strip_suffix('*') {
                    Some(start) => name.starts_with(start),
                    None => pattern == name,
                }
            }
            (Datum::Tuple(_), Datum::Tuple(theirs)) => self.holds_parts(theirs),
            _ => self == value,
        }
    }

    /// Whether only one value is held, so that a look-up by equality finds it.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        match self {
            Datum::Range(_)
            | Datum::Ports(..)
            | Datum::Addresses(..)
            | Datum::Numbers(..)
            | Datum::Any => false,
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
