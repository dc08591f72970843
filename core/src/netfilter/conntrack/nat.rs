//! Address translation of a connection: which addresses and ports it gets, and the rewriting of its
//! packets.
//!
//! Linux 6.18 `net/netfilter/nf_nat_core.c` (`get_unique_tuple` and below) and `nf_nat_proto.c`.
//!
//! **Left out**: the last resort of taking the port of a connection that waits in TIME_WAIT; offsets
//! between ranges of ports (`80-90/8000`).

use super::{Connection, Conntrack, Direction, Tracking, source};
use crate::chance::Chooser;
use crate::ip::IpAddr;
use crate::net::{FieldValue, Flow, HeaderField, Icmp, Packet, Protocol, Transport};
use crate::netfilter::jhash::{jhash, scaled};
use crate::netfilter::{NatFlags, ct_status};

/// How many ports are tried from one start (`NF_NAT_MAX_ATTEMPTS`).
const MAX_ATTEMPTS: u32 = 128;

/// Which end of a connection is translated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manipulation {
    /// The destination, at prerouting and output.
    Destination,
    /// The source, at input and postrouting.
    Source,
}

/// The new end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Translation {
    /// The new address, from a range; none keeps it.
    pub addresses: Option<(IpAddr, IpAddr)>,
    /// The new port, from a range; none keeps it if it is free.
    pub ports: Option<(u16, u16)>,
    /// How a port is chosen.
    pub flags: NatFlags,
}

/// A header field that translation changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rewrite {
    /// Which.
    pub field: HeaderField,
    /// What it was.
    pub before: FieldValue,
    /// What it is.
    pub after: FieldValue,
}

impl Translation {
    const NONE: Translation = Translation {
        addresses: None,
        ports: None,
        flags: NatFlags {
            fully_random: false,
            random: false,
            persistent: false,
        },
    };

    const fn is_random(&self) -> bool {
        self.flags.fully_random || self.flags.random
    }

    /// Whether a source is one the ranges allow.
    fn holds_source(&self, flow: &Flow) -> bool {
        self.addresses
            .is_none_or(|(low, high)| (low..=high).contains(&flow.source))
            && self.holds_port(flow.source_port)
    }

    fn holds_port(&self, port: u16) -> bool {
        self.ports
            .is_none_or(|(low, high)| (low..=high).contains(&port))
    }
}

impl Conntrack {
    /// Whether this end of the connection has been decided about.
    #[must_use]
    pub fn is_decided(&self, tracking: &Tracking, which: Manipulation) -> bool {
        let connection = self.connection(tracking);
        match which {
            Manipulation::Destination => connection.destination_decided,
            Manipulation::Source => connection.source_decided,
        }
    }

    /// Decides one end of a connection. Without a translation its ports stay, unless another
    /// connection has the same answers: then the source port moves, as the kernel does it.
    pub fn decide(
        &mut self,
        tracking: &mut Tracking,
        which: Manipulation,
        translation: Option<Translation>,
        chooser: &mut Chooser,
    ) {
        let wanted = translation.unwrap_or(Translation::NONE);
        let connection = self.connection(tracking);
        let before = connection.reply.reversed();
        let after = self.unique(connection, which, &wanted, before, chooser);
        let connection = self.connection_mut(tracking);
        let bit = match which {
            Manipulation::Destination => {
                connection.destination_decided = true;
                ct_status::DNAT
            }
            Manipulation::Source => {
                connection.source_decided = true;
                ct_status::SNAT
            }
        };
        if after != before {
            connection.reply = after.reversed();
            connection.status |= bit;
        }
    }

    /// The flow a connection goes on with (`get_unique_tuple`).
    fn unique(
        &self,
        connection: &Connection,
        which: Manipulation,
        wanted: &Translation,
        before: Flow,
        chooser: &mut Chooser,
    ) -> Flow {
        if which == Manipulation::Source && !wanted.is_random() {
            if wanted.holds_source(&before) {
                if !self.is_used_before_nat(connection, &before) {
                    return before;
                }
            } else if let Some(same) = self.same_source(connection, wanted, before)
                && !self.is_used(connection, &same)
            {
                return same;
            }
        }
        let mut flow = before;
        if let Some(range) = wanted.addresses {
            let address = chosen_address(&before, range, wanted.flags, connection.zone.id);
            match which {
                Manipulation::Source => flow.source = address,
                Manipulation::Destination => flow.destination = address,
            }
        }
        if !wanted.is_random() {
            let port = match which {
                Manipulation::Source => flow.source_port,
                Manipulation::Destination => flow.destination_port,
            };
            let is_one = wanted.ports.is_some_and(|(low, high)| low == high);
            if wanted.holds_port(port) && (is_one || !self.is_used(connection, &flow)) {
                return flow;
            }
        }
        self.with_free_port(connection, which, wanted, flow, chooser)
    }

    /// The flow with a port, or identifier, no other connection has (`nf_nat_l4proto_unique_tuple`).
    /// If every try was in vain, the last one stays.
    fn with_free_port(
        &self,
        connection: &Connection,
        which: Manipulation,
        wanted: &Translation,
        mut flow: Flow,
        chooser: &mut Chooser,
    ) -> Flow {
        let is_ping = matches!(flow.protocol, Protocol::Icmp | Protocol::Icmpv6);
        let port = match which {
            Manipulation::Source => flow.source_port,
            Manipulation::Destination => flow.destination_port,
        };
        let (low, high) = match wanted.ports {
            Some((low, high)) => (low.min(high), low.max(high)),
            None if is_ping => (0, u16::MAX),
            None if which == Manipulation::Destination => return flow,
            None if port < 512 => (1, 511),
            None if port < 1024 => (600, 1023),
            None => (1024, u16::MAX),
        };
        let n_ports = u32::from(high - low) + 1;
        let draw = |chooser: &mut Chooser| u32::try_from(chooser.draw(1 << 16)).unwrap_or(0);
        let mut offset = match which {
            Manipulation::Destination if !wanted.is_random() => 0,
            _ => draw(chooser),
        };
        let mut n_attempts = n_ports.min(MAX_ATTEMPTS);
        loop {
            for _ in 0..n_attempts {
                let port = u32::from(low) + offset % n_ports;
                let port = u16::try_from(port).expect("between two ports");
                if is_ping || which == Manipulation::Source {
                    flow.source_port = port;
                }
                if is_ping || which == Manipulation::Destination {
                    flow.destination_port = port;
                }
                if !self.is_used(connection, &flow) {
                    return flow;
                }
                offset = (offset + 1) % (1 << 16);
            }
            if n_attempts >= n_ports || n_attempts < 16 {
                return flow;
            }
            n_attempts /= 2;
            offset = draw(chooser);
        }
    }

    /// Whether another connection has the answers of this flow.
    fn is_used(&self, connection: &Connection, flow: &Flow) -> bool {
        self.other_with(connection, flow).is_some()
    }

    /// The same for a flow nothing has been done to: two ends that speak to one another at once do
    /// not hinder one another.
    fn is_used_before_nat(&self, connection: &Connection, flow: &Flow) -> bool {
        self.other_with(connection, flow).is_some_and(|other| {
            connection.is_translated()
                || other.is_translated()
                || other.original != connection.reply
        })
    }

    fn other_with(&self, connection: &Connection, flow: &Flow) -> Option<&Connection> {
        let zone = connection.zone.of(Some(Direction::Reply));
        let (id, _) = self.with_flow((zone, flow.reversed()))?;
        let other = self.get(id)?;
        // What is over by the time this connection began is swept away by the kernel.
        (other.id != connection.id).then_some(other)
    }

    /// The translation another connection from the same source has, if the ranges allow it
    /// (`find_appropriate_src`).
    fn same_source(
        &self,
        connection: &Connection,
        wanted: &Translation,
        before: Flow,
    ) -> Option<Flow> {
        let ids = self.by_source.get(&source(connection))?;
        ids.iter().rev().find_map(|id| {
            let other = self.connections.get(*id)?;
            let flow = Flow {
                source: other.reply.destination,
                source_port: other.reply.destination_port,
                ..before
            };
            (other.zone == connection.zone && wanted.holds_source(&flow)).then_some(flow)
        })
    }

    /// Rewrites a packet as its connection's translation says for this hook.
    pub fn translate(
        &self,
        tracking: &Tracking,
        which: Manipulation,
        packet: &mut Packet,
    ) -> [Option<Rewrite>; 2] {
        let connection = self.connection(tracking);
        let of_destination =
            (which == Manipulation::Destination) == (tracking.direction == Direction::Original);
        let bit = if of_destination {
            ct_status::DNAT
        } else {
            ct_status::SNAT
        };
        if connection.status & bit == 0 {
            return [None, None];
        }
        let target = connection.flow(tracking.direction.other()).reversed();
        if tracking.is_error {
            return translate_error(packet, which, target);
        }
        rewrite(packet, which, target)
    }
}

/// An address out of a range, by a hash of who speaks to whom: the same client has the same address
/// (`find_best_ips_proto`).
fn chosen_address(
    flow: &Flow,
    (low, high): (IpAddr, IpAddr),
    flags: NatFlags,
    zone: u16,
) -> IpAddr {
    if low == high {
        return low;
    }
    let (source, destination) = (words(flow.source), words(flow.destination));
    let last = if low.is_ipv4() { 0 } else { 3 };
    let bytes: Vec<u8> = source.iter().flat_map(|it| it.to_le_bytes()).collect();
    let start = if flags.persistent {
        0
    } else {
        destination[last] ^ u32::from(zone)
    };
    let mut hash = jhash(&bytes, start);
    let (low_words, high_words) = (words(low), words(high));
    let mut chosen = [0; 4];
    let mut is_free = false;
    for idx in 0..=last {
        let (first, n_values) = match is_free {
            true => (0, u32::MAX),
            false => {
                let first = u32::from_be(low_words[idx]);
                let end = u32::from_be(high_words[idx]);
                (first, end.wrapping_sub(first).wrapping_add(1))
            }
        };
        chosen[idx] = first.wrapping_add(scaled(hash, n_values)).to_be();
        is_free |= chosen[idx] != high_words[idx];
        if !flags.persistent {
            hash ^= destination[idx];
        }
    }
    match low {
        IpAddr::V4(_) => IpAddr::V4(u32::from_be(chosen[0]).into()),
        IpAddr::V6(_) => {
            let mut octets = [0; 16];
            for (idx, word) in chosen.iter().enumerate() {
                octets[idx * 4..idx * 4 + 4].copy_from_slice(&word.to_le_bytes());
            }
            IpAddr::V6(octets.into())
        }
    }
}

/// An address as the kernel keeps it on a machine with the least significant byte first.
fn words(address: IpAddr) -> [u32; 4] {
    let mut words = [0; 4];
    let octets = match address {
        IpAddr::V4(it) => it.octets().to_vec(),
        IpAddr::V6(it) => it.octets().to_vec(),
    };
    for (idx, octet) in octets.into_iter().enumerate() {
        words[idx / 4] |= u32::from(octet) << (8 * (idx % 4));
    }
    words
}

/// Writes the target's end into the packet.
pub(in crate::netfilter) fn rewrite(
    packet: &mut Packet,
    which: Manipulation,
    target: Flow,
) -> [Option<Rewrite>; 2] {
    let fields = match which {
        Manipulation::Destination => [HeaderField::Destination, HeaderField::DestinationPort],
        Manipulation::Source => [HeaderField::Source, HeaderField::SourcePort],
    };
    let before = fields.map(|it| packet.value(it));
    match which {
        Manipulation::Destination => packet.destination = target.destination,
        Manipulation::Source => packet.source = target.source,
    }
    let target_port = match which {
        Manipulation::Destination => target.destination_port,
        Manipulation::Source => target.source_port,
    };
    if let Transport::Icmp(Icmp::EchoRequest { id } | Icmp::EchoReply { id }) =
        &mut packet.transport
    {
        *id = target_port;
    }
    match (packet.ports_mut(), which) {
        (Some((_, port)), Manipulation::Destination) => *port = target_port,
        (Some((port, _)), Manipulation::Source) => *port = target_port,
        (None, _) => {}
    }
    let changed = |field, before: Option<FieldValue>| {
        let (before, after) = (before?, packet.value(field)?);
        (before != after).then_some(Rewrite {
            field,
            before,
            after,
        })
    };
    [changed(fields[0], before[0]), changed(fields[1], before[1])]
}

/// An error is rewritten outside like any packet, and the packet it quotes the other way round,
/// so that its receiver recognises what it sent.
pub(in crate::netfilter) fn translate_error(
    packet: &mut Packet,
    which: Manipulation,
    target: Flow,
) -> [Option<Rewrite>; 2] {
    let quoted_end = match which {
        Manipulation::Destination => Manipulation::Source,
        Manipulation::Source => Manipulation::Destination,
    };
    if let Transport::Icmp(it) = &mut packet.transport
        && let Some(about) = it.about_mut()
    {
        rewrite(about, quoted_end, target.reversed());
    }
    rewrite(packet, which, target)
}
