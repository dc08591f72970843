//! IP sets: lists of addresses and ports beside the rules, which iptables' `-m set` asks.
//!
//! Imitates `net/netfilter/ipset` of Linux 6.18 for the types kube-proxy makes: `hash:ip`, `hash:ip,port`,
//! `hash:ip,port,ip`, `hash:ip,port,net` and `bitmap:port`.
//!
//! **Left out**: all other types; timeouts, counters, comments and `nomatch` of elements; sizes other than the
//! default ones.

use super::{Datum, Name, SetSide, Tag};
use crate::ip::{Cidr, Family, IpAddr, family};
use crate::net::{Packet, Protocol};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write;

/// The longest name a set can have.
pub const MAX_NAME: usize = 31;

/// A set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct IpSet {
    /// Its name.
    pub name: Name,
    /// What its elements are made of.
    pub kind: IpSetKind,
    /// The family of their addresses.
    pub family: Family,
    #[serde(serialize_with = "as_texts")]
    elements: BTreeMap<Datum, Option<Tag>>,
}

/// What the elements of a set are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum IpSetKind {
    /// An address.
    #[serde(rename = "hash:ip")]
    HashIp,
    /// An address, a protocol and a port.
    #[serde(rename = "hash:ip,port")]
    HashIpPort,
    /// The same and another address.
    #[serde(rename = "hash:ip,port,ip")]
    HashIpPortIp,
    /// The same and a range of addresses.
    #[serde(rename = "hash:ip,port,net")]
    HashIpPortNet,
    /// A port of TCP or UDP.
    #[serde(rename = "bitmap:port")]
    BitmapPort,
}

impl IpSetKind {
    /// All types.
    pub const ALL: [IpSetKind; 5] = [
        IpSetKind::HashIp,
        IpSetKind::HashIpPort,
        IpSetKind::HashIpPortIp,
        IpSetKind::HashIpPortNet,
        IpSetKind::BitmapPort,
    ];

    /// ipset's name for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            IpSetKind::HashIp => "hash:ip",
            IpSetKind::HashIpPort => "hash:ip,port",
            IpSetKind::HashIpPortIp => "hash:ip,port,ip",
            IpSetKind::HashIpPortNet => "hash:ip,port,net",
            IpSetKind::BitmapPort => "bitmap:port",
        }
    }

    /// The type of this name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name() == name)
    }
}

impl IpSet {
    /// An empty set.
    #[must_use]
    pub fn new(name: &str, kind: IpSetKind, family: Family) -> Self {
        IpSet {
            name: name.into(),
            kind,
            family,
            elements: BTreeMap::new(),
        }
    }

    /// Puts an element in. One the kernel would refuse stays out: a range of all addresses, an
    /// address of the other family.
    pub fn insert(&mut self, element: Datum, tag: Option<Tag>) {
        if is_possible(&element, self.family) {
            self.elements.entry(canonical(element)).or_insert(tag);
        }
    }

    /// Its elements.
    pub fn elements(&self) -> impl ExactSizeIterator<Item = (&Datum, Option<Tag>)> {
        self.elements.iter().map(|(key, tag)| (key, *tag))
    }

    /// Whether it has no elements.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.elements.is_empty()
    }

    /// The element that holds a packet's value.
    #[must_use]
    pub fn find(&self, value: &Datum) -> Option<(&Datum, Option<Tag>)> {
        let exactly = self.elements.get_key_value(value);
        let found = exactly.or_else(|| {
            let has_ranges = self.kind == IpSetKind::HashIpPortNet;
            let mut elements = self.elements.iter();
            has_ranges
                .then(|| elements.find(|it| it.0.holds(value)))
                .flatten()
        });
        found.map(|(key, tag)| (key, *tag))
    }

    /// What of a packet is looked up, side by side; none if it has no such thing.
    #[must_use]
    pub fn key(&self, packet: &Packet, sides: &[SetSide]) -> Option<Datum> {
        let side = |idx: usize| sides.get(idx).copied();
        let address = |idx: usize| {
            let address = side(idx)?.address(packet);
            (family(address) == self.family).then_some(Datum::Address(address))
        };
        let port = |idx: usize| side(idx)?.port(packet).map(Datum::Port);
        let protocol = packet.protocol();
        Some(match self.kind {
            IpSetKind::HashIp => address(0)?,
            IpSetKind::HashIpPort => Datum::joined([address(0)?, protocol.into(), port(1)?]),
            IpSetKind::HashIpPortIp | IpSetKind::HashIpPortNet => {
                Datum::joined([address(0)?, protocol.into(), port(1)?, address(2)?])
            }
            // The kernel knows the ports of TCP and UDP here, and of nothing else.
            IpSetKind::BitmapPort => match protocol {
                Protocol::Tcp | Protocol::Udp => port(0)?,
                _ => return None,
            },
        })
    }
}

/// An element as ipset writes it: `10.96.0.10,tcp:80`, `192.0.2.1,tcp:80,10.0.0.0/8`, `30080`.
#[must_use]
pub fn element_text(element: &Datum) -> String {
    let mut text = String::new();
    let parts: &[Datum] = match element {
        Datum::Tuple(parts) => parts,
        one => std::slice::from_ref(one),
    };
    for (idx, part) in parts.iter().enumerate() {
        let after_protocol = idx > 0 && matches!(parts[idx - 1], Datum::Protocol(_));
        if idx > 0 {
            text.push(if after_protocol { ':' } else { ',' });
        }
        // Writing to a String cannot fail.
        let _ = match part {
            Datum::Protocol(number) => {
                let protocol = Protocol::from_number(*number);
                match protocol {
                    Some(it) => write!(text, "{}", it.name().to_ascii_lowercase()),
                    None => write!(text, "{number}"),
                }
            }
            Datum::Port(port) => write!(text, "{port}"),
            other => write!(text, "{other}"),
        };
    }
    text
}

/// Reads an element as ipset writes it; none if it is none of this set's.
#[must_use]
pub fn parse_element(text: &str, kind: IpSetKind) -> Option<Datum> {
    if kind == IpSetKind::BitmapPort {
        return text.parse().ok().map(Datum::Port);
    }
    let mut parts = text.split(',');
    let address: IpAddr = parts.next()?.parse().ok()?;
    let mut found = vec![Datum::Address(address)];
    if kind != IpSetKind::HashIp {
        let (protocol, port) = parts.next()?.split_once(':')?;
        let protocol = Protocol::from_name(&protocol.to_ascii_uppercase())?;
        found.push(protocol.into());
        found.push(Datum::Port(port.parse().ok()?));
    }
    match kind {
        IpSetKind::HashIpPortIp => found.push(Datum::Address(parts.next()?.parse().ok()?)),
        IpSetKind::HashIpPortNet => found.push(Datum::Range(parts.next()?.parse().ok()?)),
        _ => {}
    }
    parts.next().is_none().then(|| Datum::tuple(found))
}

fn is_possible(element: &Datum, of: Family) -> bool {
    match element {
        Datum::Tuple(parts) => parts.iter().all(|it| is_possible(it, of)),
        Datum::Address(address) => family(*address) == of,
        Datum::Range(range) => range.prefix_len() > 0 && family(range.addr()) == of,
        _ => true,
    }
}

/// A range begins with its first address.
fn canonical(element: Datum) -> Datum {
    match element {
        Datum::Tuple(parts) => Datum::Tuple(parts.into_iter().map(canonical).collect()),
        Datum::Range(range) => {
            Datum::Range(Cidr::new(range.trunc().addr(), range.prefix_len()).unwrap_or(range))
        }
        other => other,
    }
}

fn as_texts<S: serde::Serializer>(
    elements: &BTreeMap<Datum, Option<Tag>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(elements.keys().map(element_text))
}
