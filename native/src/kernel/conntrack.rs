//! Connection tracking: its events, its table, and emptying it.
//!
//! Linux: ctnetlink, `enum ctattr_type` in `linux/netfilter/nfnetlink_conntrack.h`, read here without
//! another crate because unknown parts must not be lost in between.
//!
//! **Left out**: helpers, expectations, sequence adjustments, labels, and the counters of bytes and
//! packets; of the protocols' own state only that of TCP.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use netlink_sys::protocols::NETLINK_NETFILTER;

use super::{
    error::Error,
    netlink::{Channel, Frame, Request, attributes},
    netns::Place,
};

/// The number of ctnetlink among netfilter's message types.
pub(crate) const SUBSYSTEM: u16 = 1;
const MESSAGE_NEW: u16 = 0;
const MESSAGE_GET: u16 = 1;
const MESSAGE_DELETE: u16 = 2;
/// `NLA_F_NESTED`.
const NESTED: u16 = 0x8000;
/// `NLM_F_CREATE | NLM_F_EXCL`, which mark an event as the first of its connection.
const FLAGS_OF_NEW: u16 = 0x600;
/// `struct nfgenmsg`: family, version and a number.
pub(crate) const GENERIC_HEADER: usize = 4;

/// What happened to a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConntrackKind {
    /// Its first packet passed all hooks.
    New,
    /// Its state changed.
    Update,
    /// It was forgotten.
    Destroy,
    /// It was read from the table.
    Listed,
}

/// A connection as the kernel tracks it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConntrackEvent {
    /// What happened.
    pub kind: ConntrackKind,
    /// The kernel's number, the same as in trace events.
    pub id: Option<u32>,
    /// The direction of the first packet, as it was before any rewriting.
    pub original: Tuple,
    /// The answers that are expected, as they arrive.
    pub reply: Tuple,
    /// What was seen and done.
    pub status: Status,
    /// `ct mark`.
    pub mark: Option<u32>,
    /// Seconds until it is forgotten.
    pub timeout_secs: Option<u32>,
    /// Its state, for TCP.
    pub tcp_state: Option<TcpState>,
}

/// One direction of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tuple {
    /// The source.
    pub source: IpAddr,
    /// The destination.
    pub destination: IpAddr,
    /// The IP protocol number: 6 is TCP, 17 UDP, 132 SCTP, 1 ICMP, 58 ICMPv6.
    pub protocol: u8,
    /// The source port; 0 for ICMP.
    pub source_port: u16,
    /// The destination port; 0 for ICMP.
    pub destination_port: u16,
    /// The type, code and number, for ICMP.
    pub icmp: Option<(u8, u8, u16)>,
}

/// `enum ip_conntrack_status`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Status(pub u32);

impl Status {
    /// An answer was seen.
    #[must_use]
    pub fn seen_reply(self) -> bool {
        self.0 & (1 << 1) != 0
    }

    /// It survives when the table is full.
    #[must_use]
    pub fn assured(self) -> bool {
        self.0 & (1 << 2) != 0
    }

    /// Its source is rewritten.
    #[must_use]
    pub fn source_nat(self) -> bool {
        self.0 & (1 << 4) != 0
    }

    /// Its destination is rewritten.
    #[must_use]
    pub fn destination_nat(self) -> bool {
        self.0 & (1 << 5) != 0
    }
}

/// `enum tcp_conntrack`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the kernel's and TCP's own")]
pub enum TcpState {
    None,
    SynSent,
    SynReceived,
    Established,
    FinWait,
    CloseWait,
    LastAck,
    TimeWait,
    Close,
    SynSentBoth,
    Other(u8),
}

impl TcpState {
    fn from_number(number: u8) -> Self {
        match number {
            0 => Self::None,
            1 => Self::SynSent,
            2 => Self::SynReceived,
            3 => Self::Established,
            4 => Self::FinWait,
            5 => Self::CloseWait,
            6 => Self::LastAck,
            7 => Self::TimeWait,
            8 => Self::Close,
            9 => Self::SynSentBoth,
            other => Self::Other(other),
        }
    }
}

/// The connections that are tracked now.
///
/// # Errors
/// When Linux does not tell.
pub fn list<'a>(place: impl Into<Place<'a>>) -> Result<Vec<ConntrackEvent>, Error> {
    let place = place.into();
    let mut channel = place.run(|| Channel::open(NETLINK_NETFILTER))??;
    let tried = format!("list the tracked connections {place}");
    let mut connections = Vec::new();
    channel.dump(&request(MESSAGE_GET, tried), |frame| {
        if let Some(mut it) = decode(&frame) {
            it.kind = ConntrackKind::Listed;
            connections.push(it);
        }
    })?;
    Ok(connections)
}

/// Forgets all connections, so that the next packet of each is new again.
///
/// # Errors
/// When Linux refuses.
pub fn flush<'a>(place: impl Into<Place<'a>>) -> Result<(), Error> {
    let place = place.into();
    let mut channel = place.run(|| Channel::open(NETLINK_NETFILTER))??;
    let tried = format!("forget the tracked connections {place}");
    channel.request(&[request(MESSAGE_DELETE, tried)])
}

/// Forgets one connection, by the addresses of its first packet, as kube-proxy does.
///
/// # Errors
/// When Linux refuses, or knows no such connection.
pub fn delete<'a>(place: impl Into<Place<'a>>, original: &Tuple) -> Result<(), Error> {
    let place = place.into();
    let mut channel = place.run(|| Channel::open(NETLINK_NETFILTER))??;
    let tried = format!(
        "forget the connection from {} to {} {place}",
        original.source, original.destination
    );
    let mut it = request(MESSAGE_DELETE, tried);
    // Linux's numbers: AF_INET and AF_INET6.
    it.body[0] = if original.source.is_ipv4() { 2 } else { 10 };
    it.body.extend(tuple_attribute(original));
    channel.request(&[it])
}

/// `CTA_TUPLE_ORIG`.
fn tuple_attribute(it: &Tuple) -> Vec<u8> {
    let address = |v4: u16, v6: u16, ip: IpAddr| match ip {
        IpAddr::V4(it) => attribute(v4, &it.octets()),
        IpAddr::V6(it) => attribute(v6, &it.octets()),
    };
    let addresses = [address(1, 3, it.source), address(2, 4, it.destination)].concat();
    let protocol = [
        attribute(1, &[it.protocol]),
        attribute(2, &it.source_port.to_be_bytes()),
        attribute(3, &it.destination_port.to_be_bytes()),
    ];
    let parts = [
        attribute(NESTED | 1, &addresses),
        attribute(NESTED | 2, &protocol.concat()),
    ];
    attribute(NESTED | 1, &parts.concat())
}

/// An attribute with its header, padded.
fn attribute(number: u16, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(value.len() + 4).unwrap_or(u16::MAX);
    let mut bytes = [length.to_ne_bytes(), number.to_ne_bytes()].concat();
    bytes.extend_from_slice(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

fn request(message: u16, tried: String) -> Request {
    Request {
        kind: SUBSYSTEM << 8 | message,
        flags: 0,
        body: vec![0; GENERIC_HEADER],
        tried,
    }
}

/// Reads one message; none if it is not about a connection or lacks its addresses.
pub(crate) fn decode(frame: &Frame<'_>) -> Option<ConntrackEvent> {
    let kind = match frame.kind & 0xff {
        MESSAGE_NEW if frame.flags & FLAGS_OF_NEW == FLAGS_OF_NEW => ConntrackKind::New,
        MESSAGE_NEW => ConntrackKind::Update,
        MESSAGE_DELETE => ConntrackKind::Destroy,
        _ => return None,
    };
    let (mut original, mut reply, mut status) = (None, None, Status::default());
    let (mut id, mut mark, mut timeout_secs, mut tcp_state) = (None, None, None, None);
    for (number, value) in attributes(frame.body.get(GENERIC_HEADER..)?) {
        match number {
            1 => original = tuple(value),
            2 => reply = tuple(value),
            3 => status = Status(big_u32(value)?),
            4 => {
                tcp_state = nested(value, 1)
                    .and_then(|it| nested(it, 1))
                    .and_then(<[u8]>::first);
            }
            7 => timeout_secs = big_u32(value),
            8 => mark = big_u32(value),
            12 => id = big_u32(value),
            _ => {}
        }
    }
    Some(ConntrackEvent {
        kind,
        id,
        original: original?,
        reply: reply?,
        status,
        mark,
        timeout_secs,
        tcp_state: tcp_state.copied().map(TcpState::from_number),
    })
}

fn tuple(bytes: &[u8]) -> Option<Tuple> {
    let addresses = nested(bytes, 1)?;
    let protocol = nested(bytes, 2)?;
    let address = |v4, v6| {
        nested(addresses, v4)
            .and_then(ipv4)
            .or_else(|| nested(addresses, v6).and_then(ipv6))
    };
    let port = |number| nested(protocol, number).and_then(big_u16).unwrap_or(0);
    let byte = |number| nested(protocol, number).and_then(|it| it.first().copied());
    let icmp = |id, kind, code| Some((byte(kind)?, byte(code)?, big_u16(nested(protocol, id)?)?));
    Some(Tuple {
        source: address(1, 3)?,
        destination: address(2, 4)?,
        protocol: byte(1)?,
        source_port: port(2),
        destination_port: port(3),
        icmp: icmp(4, 5, 6).or_else(|| icmp(7, 8, 9)),
    })
}

fn nested(bytes: &[u8], number: u16) -> Option<&[u8]> {
    attributes(bytes).find(|it| it.0 == number).map(|it| it.1)
}

pub(crate) fn ipv4(bytes: &[u8]) -> Option<IpAddr> {
    let octets: [u8; 4] = bytes.get(..4)?.try_into().ok()?;
    Some(Ipv4Addr::from(octets).into())
}

pub(crate) fn ipv6(bytes: &[u8]) -> Option<IpAddr> {
    let octets: [u8; 16] = bytes.get(..16)?.try_into().ok()?;
    Some(Ipv6Addr::from(octets).into())
}

/// A number in network byte order.
pub(crate) fn big_u16(bytes: &[u8]) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(..2)?.try_into().ok()?))
}

/// A number in network byte order.
pub(crate) fn big_u32(bytes: &[u8]) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(..4)?.try_into().ok()?))
}
