//! Connection tracking: which packets belong together, and how a connection is translated.
//!
//! Imitates `nf_conntrack` and `nf_nat` of Linux 6.18 (`net/netfilter/nf_conntrack_core.c`,
//! `nf_conntrack_proto_tcp.c`, `nf_nat_core.c`) with their default timeouts.
//!
//! **Left out**: zones, helpers and expectations, accounting, early eviction, TCP windows, and
//! the race of two first packets (the table is never full and confirmation never clashes).

mod connection;
mod tcp;

pub use connection::{Connection, ConnectionId, Direction, Progress};
pub use tcp::TcpState;

use super::{NatFlags, ct_state, ct_status};
use crate::chance::Chooser;
use crate::ip::IpAddr;
use crate::net::{Flow, HeaderField, Icmp, Packet, Transport};
use crate::time::Instant;
use serde::Serialize;
use std::collections::BTreeMap;

/// The connections one host knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conntrack {
    connections: BTreeMap<ConnectionId, Connection>,
    by_flow: BTreeMap<Flow, (ConnectionId, Direction)>,
    n_ever: u32,
}

/// What a packet is to connection tracking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tracking {
    held: Held,
    /// Which way the packet goes in its connection.
    pub direction: Direction,
    /// Its state, as `ct state` matches it.
    pub state: u32,
    /// Whether it is an ICMP error about the connection rather than a packet of it.
    pub is_error: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Held {
    /// Not in the table yet: it is dropped with its packet.
    New(Box<Connection>),
    /// In the table.
    Known(ConnectionId),
}

/// What looking a packet up came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "lowercase")]
pub enum Found {
    /// The first packet of a connection.
    New {
        /// Its flow.
        flow: Flow,
    },
    /// A packet of a connection answered before.
    Established {
        /// Which.
        connection: ConnectionId,
        /// Which way.
        direction: Direction,
    },
    /// An ICMP error about a connection.
    Related {
        /// Which.
        connection: ConnectionId,
        /// Which way.
        direction: Direction,
    },
    /// No connection can have this packet.
    Invalid,
}

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
    /// The new address; none keeps it.
    pub address: Option<IpAddr>,
    /// The new port; none keeps it if it is free.
    pub port: Option<u16>,
    /// How a port is chosen.
    pub flags: NatFlags,
}

/// A header field that translation changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rewrite {
    /// Which.
    pub field: HeaderField,
    /// What it was.
    pub before: String,
    /// What it is.
    pub after: String,
}

impl Conntrack {
    /// Looks a packet up, or begins a connection with it.
    pub fn track(&mut self, packet: &Packet, now: Instant) -> (Option<Tracking>, Found) {
        if let Transport::Icmp(Icmp::Unreachable { about, .. }) = &packet.transport {
            return self.track_error(about);
        }
        let Some(flow) = Flow::from_packet(packet) else {
            return (None, Found::Invalid);
        };
        self.expire(&flow, now);
        match self.by_flow.get(&flow).copied() {
            Some((id, direction)) => self.track_known(packet, id, direction, now),
            None => self.track_new(packet, flow, now),
        }
    }

    fn track_new(
        &mut self,
        packet: &Packet,
        flow: Flow,
        now: Instant,
    ) -> (Option<Tracking>, Found) {
        let Some(progress) = Progress::begin(packet) else {
            return (None, Found::Invalid);
        };
        let id = ConnectionId(self.n_ever);
        self.n_ever += 1;
        let connection = Connection::new(id, flow, progress, now);
        let tracking = Tracking {
            held: Held::New(Box::new(connection)),
            direction: Direction::Original,
            state: ct_state::NEW,
            is_error: false,
        };
        (Some(tracking), Found::New { flow })
    }

    fn track_known(
        &mut self,
        packet: &Packet,
        id: ConnectionId,
        direction: Direction,
        now: Instant,
    ) -> (Option<Tracking>, Found) {
        let connection = self.connections.get_mut(&id).expect("indexed");
        if direction == Direction::Reply {
            connection.status |= ct_status::SEEN_REPLY;
        }
        connection.advance(packet, direction, now);
        let seen_reply = connection.status & ct_status::SEEN_REPLY != 0;
        let state = if seen_reply {
            ct_state::ESTABLISHED
        } else {
            ct_state::NEW
        };
        let found = if seen_reply {
            Found::Established {
                connection: id,
                direction,
            }
        } else {
            Found::New {
                flow: connection.original,
            }
        };
        let tracking = Tracking {
            held: Held::Known(id),
            direction,
            state,
            is_error: false,
        };
        (Some(tracking), found)
    }

    /// An ICMP error belongs to the connection of the packet it quotes, and travels the other way.
    fn track_error(&self, about: &Packet) -> (Option<Tracking>, Found) {
        let quoted = Flow::from_packet(about).map(Flow::reversed);
        let Some((connection, direction)) = quoted.and_then(|it| self.by_flow.get(&it).copied())
        else {
            return (None, Found::Invalid);
        };
        let tracking = Tracking {
            held: Held::Known(connection),
            direction,
            state: ct_state::RELATED,
            is_error: true,
        };
        let found = Found::Related {
            connection,
            direction,
        };
        (Some(tracking), found)
    }

    /// The connection a packet was found to belong to.
    #[must_use]
    pub fn connection<'a>(&'a self, tracking: &'a Tracking) -> &'a Connection {
        match &tracking.held {
            Held::New(it) => it,
            Held::Known(id) => self.connections.get(id).expect("tracked"),
        }
    }

    fn connection_mut<'a>(&'a mut self, tracking: &'a mut Tracking) -> &'a mut Connection {
        match &mut tracking.held {
            Held::New(it) => it,
            Held::Known(id) => self.connections.get_mut(id).expect("tracked"),
        }
    }

    /// All connections in the table.
    pub fn connections(&self) -> impl Iterator<Item = &Connection> {
        self.connections.values()
    }

    /// The connection of this number, if it is in the table.
    #[must_use]
    pub fn get(&self, id: ConnectionId) -> Option<&Connection> {
        self.connections.get(&id)
    }

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
        let before = self.connection(tracking).reply;
        let mut reply = before;
        let mut random = false;
        if let Some(it) = translation {
            random = it.flags.fully_random || it.flags.random;
            match which {
                Manipulation::Destination => {
                    reply.source = it.address.unwrap_or(reply.source);
                    reply.source_port = it.port.unwrap_or(reply.source_port);
                }
                Manipulation::Source => {
                    reply.destination = it.address.unwrap_or(reply.destination);
                    reply.destination_port = it.port.unwrap_or(reply.destination_port);
                }
            }
        }
        if which == Manipulation::Source {
            self.choose_source_port(tracking, &mut reply, random, chooser);
        }
        let connection = self.connection_mut(tracking);
        connection.reply = reply;
        match which {
            Manipulation::Destination => {
                connection.destination_decided = true;
                if reply != before {
                    connection.status |= ct_status::DNAT;
                }
            }
            Manipulation::Source => {
                connection.source_decided = true;
                if reply != before {
                    connection.status |= ct_status::SNAT;
                }
            }
        }
    }

    /// Tells a connection that is not in the table yet where its answers will come from, without
    /// translating anything: ip_vs rewrites by itself (`ip_vs_update_conntrack`).
    pub fn expect_answers_from(&mut self, tracking: &mut Tracking, source: IpAddr, port: u16) {
        if let Held::New(connection) = &mut tracking.held {
            connection.reply.source = source;
            connection.reply.source_port = port;
        }
    }

    fn choose_source_port(
        &self,
        tracking: &Tracking,
        reply: &mut Flow,
        random: bool,
        chooser: &mut Chooser,
    ) {
        let mine = self.connection(tracking).id;
        let is_free = |flow: &Flow| {
            self.by_flow
                .get(flow)
                .is_none_or(|(other, _)| *other == mine)
        };
        if !random && is_free(reply) {
            return;
        }
        let (low, high) = match reply.destination_port {
            0..512 => (1, 511),
            512..1024 => (600, 1023),
            _ => (1024, 65535),
        };
        let n_ports = high - low + 1;
        let start = chooser.draw(n_ports);
        for offset in 0..n_ports {
            let port = low + (start + offset) % n_ports;
            reply.destination_port = u16::try_from(port).expect("a port");
            if is_free(reply) {
                return;
            }
        }
    }

    /// Rewrites a packet as its connection's translation says for this hook.
    pub fn translate(
        &self,
        tracking: &Tracking,
        which: Manipulation,
        packet: &mut Packet,
    ) -> Vec<Rewrite> {
        let connection = self.connection(tracking);
        let of_destination =
            (which == Manipulation::Destination) == (tracking.direction == Direction::Original);
        let bit = if of_destination {
            ct_status::DNAT
        } else {
            ct_status::SNAT
        };
        if connection.status & bit == 0 {
            return Vec::new();
        }
        let target = connection.flow(tracking.direction.other()).reversed();
        if tracking.is_error {
            return translate_error(packet, which, target);
        }
        rewrite(packet, which, target)
    }

    /// Enters a connection into the table, once its first packet has passed the last hook.
    pub fn confirm(&mut self, tracking: &mut Tracking) -> Option<ConnectionId> {
        let Held::New(connection) = &mut tracking.held else {
            return None;
        };
        connection.status |= ct_status::CONFIRMED;
        let id = connection.id;
        let connection = (**connection).clone();
        self.by_flow
            .insert(connection.original, (id, Direction::Original));
        self.by_flow
            .insert(connection.reply, (id, Direction::Reply));
        self.connections.insert(id, connection);
        tracking.held = Held::Known(id);
        Some(id)
    }

    /// Forgets a connection; its next packet is a first packet.
    pub fn delete(&mut self, id: ConnectionId) -> Option<Connection> {
        let connection = self.connections.remove(&id)?;
        for flow in [connection.original, connection.reply] {
            if self.by_flow.get(&flow).is_some_and(|it| it.0 == id) {
                self.by_flow.remove(&flow);
            }
        }
        Some(connection)
    }

    fn expire(&mut self, flow: &Flow, now: Instant) {
        let Some((id, _)) = self.by_flow.get(flow).copied() else {
            return;
        };
        if self
            .connections
            .get(&id)
            .is_some_and(|it| it.expires <= now)
        {
            self.delete(id);
        }
    }
}

/// Writes the target's end into the packet.
pub(super) fn rewrite(packet: &mut Packet, which: Manipulation, target: Flow) -> Vec<Rewrite> {
    let fields = match which {
        Manipulation::Destination => [HeaderField::Destination, HeaderField::DestinationPort],
        Manipulation::Source => [HeaderField::Source, HeaderField::SourcePort],
    };
    let before = fields.map(|it| packet.field(it));
    match which {
        Manipulation::Destination => packet.destination = target.destination,
        Manipulation::Source => packet.source = target.source,
    }
    match (&mut packet.transport, which) {
        (
            Transport::Tcp {
                destination_port, ..
            }
            | Transport::Udp {
                destination_port, ..
            }
            | Transport::Sctp {
                destination_port, ..
            },
            Manipulation::Destination,
        ) => *destination_port = target.destination_port,
        (
            Transport::Tcp { source_port, .. }
            | Transport::Udp { source_port, .. }
            | Transport::Sctp { source_port, .. },
            Manipulation::Source,
        ) => *source_port = target.source_port,
        (Transport::Icmp(Icmp::EchoRequest { id } | Icmp::EchoReply { id }), _) => {
            *id = match which {
                Manipulation::Destination => target.destination_port,
                Manipulation::Source => target.source_port,
            };
        }
        (Transport::Icmp(Icmp::Unreachable { .. }), _) => {}
    }
    fields
        .into_iter()
        .zip(before)
        .filter_map(|(field, before)| {
            let (before, after) = (before?, packet.field(field)?);
            (before != after).then_some(Rewrite {
                field,
                before,
                after,
            })
        })
        .collect()
}

/// An error is rewritten outside like any packet, and the packet it quotes the other way round,
/// so that its receiver recognises what it sent.
pub(super) fn translate_error(
    packet: &mut Packet,
    which: Manipulation,
    target: Flow,
) -> Vec<Rewrite> {
    let quoted_end = match which {
        Manipulation::Destination => Manipulation::Source,
        Manipulation::Source => Manipulation::Destination,
    };
    if let Transport::Icmp(Icmp::Unreachable { about, .. }) = &mut packet.transport {
        rewrite(about, quoted_end, target.reversed());
    }
    rewrite(packet, which, target)
}
