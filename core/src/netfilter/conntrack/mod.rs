//! Connection tracking: which packets belong together, and how a connection is translated.
//!
//! Imitates `nf_conntrack` and `nf_nat` of Linux 6.18 (`net/netfilter/nf_conntrack_core.c`,
//! `nf_conntrack_proto_tcp.c`, `nf_nat_core.c`) with their default timeouts.
//!
//! **Left out**: helpers and expectations, accounting, early eviction, TCP windows, and the race of two
//! first packets (the table is never full; whoever is confirmed last has a clashing flow).

mod connection;
mod list;
mod nat;
mod numbered;
mod tcp;

pub use connection::{Connection, ConnectionId, Direction, Progress, SctpState, Zone};
pub use list::list;
pub use nat::{Manipulation, Rewrite, Translation};
pub(super) use nat::{rewrite, translate_error};
pub use tcp::TcpState;

use super::{ct_state, ct_status};
use crate::indexed::{Places, hash};
use crate::ip::{IpAddr, Protocol};
use crate::net::{Flow, Packet};
use crate::time::Instant;
use connection::Advance;
use numbered::Numbered;
use serde::Serialize;
use std::collections::BTreeMap;

/// A flow in a zone.
type Wanted = (u16, Flow);

/// The connections one host knows.
#[derive(Clone, Debug, Default)]
pub struct Conntrack {
    connections: Numbered,
    /// The directions of connections by their flows in their zones; see [`place`].
    by_flow: Places,
    /// Connections whose source is translated, by where they come from.
    by_source: BTreeMap<(Protocol, IpAddr, u16), Vec<ConnectionId>>,
    n_ever: u32,
}

/// Two tables are alike if they hold the same connections.
impl PartialEq for Conntrack {
    fn eq(&self, other: &Self) -> bool {
        self.n_ever == other.n_ever && self.connections().eq(other.connections())
    }
}

impl Eq for Conntrack {}

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
    /// Not in the table: not yet, and dropped with its packet; or no longer.
    Loose(Box<Connection>),
    /// In the table.
    Known(ConnectionId),
}

/// What looking a packet up came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
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

impl Conntrack {
    /// Looks a packet up, or begins a connection with it.
    pub fn track(&mut self, packet: &Packet, now: Instant) -> (Option<Tracking>, Found) {
        self.track_in(Zone::default(), packet, now)
    }

    /// The same in a zone.
    pub fn track_in(
        &mut self,
        zone: Zone,
        packet: &Packet,
        now: Instant,
    ) -> (Option<Tracking>, Found) {
        if let Some(about) = packet.quoted() {
            return self.track_error(zone, about, now);
        }
        let Some(flow) = Flow::from_packet(packet) else {
            return (None, Found::Invalid);
        };
        match self.find(zone, &flow, now) {
            Some((id, direction)) => self.track_known(packet, (id, direction), flow, now),
            None => self.track_new(zone, packet, flow, now),
        }
    }

    fn track_new(
        &mut self,
        zone: Zone,
        packet: &Packet,
        flow: Flow,
        now: Instant,
    ) -> (Option<Tracking>, Found) {
        let Some(progress) = Progress::begin(packet) else {
            return (None, Found::Invalid);
        };
        let id = ConnectionId(self.n_ever);
        self.n_ever += 1;
        let connection = Connection::new(id, zone, flow, (packet, progress), now);
        let tracking = Tracking {
            held: Held::Loose(Box::new(connection)),
            direction: Direction::Original,
            state: ct_state::NEW,
            is_error: false,
        };
        (Some(tracking), Found::New { flow })
    }

    fn track_known(
        &mut self,
        packet: &Packet,
        (id, direction): (ConnectionId, Direction),
        flow: Flow,
        now: Instant,
    ) -> (Option<Tracking>, Found) {
        let connection = self.connections.get_mut(id).expect("indexed");
        let advance = connection.advance(packet, direction, now);
        let seen_reply =
            direction == Direction::Reply || connection.status & ct_status::SEEN_REPLY != 0;
        let original = connection.original;
        let zone = connection.zone;
        let held = match advance {
            Advance::Known => Held::Known(id),
            Advance::Invalid => return (None, Found::Invalid),
            Advance::Reopens => {
                self.delete(id);
                return self.track_new(zone, packet, flow, now);
            }
            // The packet still knows its connection, which is in the table no more.
            Advance::Ended => match self.delete(id) {
                Some(connection) => Held::Loose(connection),
                None => return (None, Found::Invalid),
            },
        };
        let (state, found) = match seen_reply {
            true => {
                let connection = id;
                let found = Found::Established {
                    connection,
                    direction,
                };
                (ct_state::ESTABLISHED, found)
            }
            false => (ct_state::NEW, Found::New { flow: original }),
        };
        let tracking = Tracking {
            held,
            direction,
            state,
            is_error: false,
        };
        (Some(tracking), found)
    }

    /// An ICMP error belongs to the connection of the packet it quotes, and travels the other way.
    fn track_error(
        &mut self,
        zone: Zone,
        about: &Packet,
        now: Instant,
    ) -> (Option<Tracking>, Found) {
        let quoted = Flow::from_packet(about).map(Flow::reversed);
        let Some((connection, direction)) = quoted.and_then(|it| self.find(zone, &it, now)) else {
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

    /// The connection a flow belongs to. One whose time is over is forgotten here.
    fn find(&mut self, zone: Zone, flow: &Flow, now: Instant) -> Option<(ConnectionId, Direction)> {
        let own = zone.of(Some(Direction::Original));
        let other = zone.of(Some(Direction::Reply));
        let mut found = self.with_flow((own, *flow));
        if found.is_none() && other != own {
            found = self.with_flow((other, *flow));
        }
        let (id, direction) = found?;
        if self.connections.get(id)?.is_expired(now) {
            self.delete(id);
            return None;
        }
        Some((id, direction))
    }

    /// Which direction of which connection in the table has this flow.
    fn with_flow(&self, wanted: Wanted) -> Option<(ConnectionId, Direction)> {
        let found = self.by_flow.find(hash(&wanted), |it| self.has(it, wanted));
        found.map(at)
    }

    /// Whether the connection at this place has this flow.
    fn has(&self, place: u32, wanted: Wanted) -> bool {
        let (id, direction) = at(place);
        let connection = self.connections.get(id);
        connection.is_some_and(|it| flow_of(it, direction) == wanted)
    }

    /// The connection a packet was found to belong to.
    #[must_use]
    pub fn connection<'a>(&'a self, tracking: &'a Tracking) -> &'a Connection {
        match &tracking.held {
            Held::Loose(it) => it,
            Held::Known(id) => self.connections.get(*id).expect("tracked"),
        }
    }

    /// The same, for a rule that writes to it.
    pub fn connection_mut<'a>(&'a mut self, tracking: &'a mut Tracking) -> &'a mut Connection {
        match &mut tracking.held {
            Held::Loose(it) => it,
            Held::Known(id) => self.connections.get_mut(*id).expect("tracked"),
        }
    }

    /// All connections in the table.
    pub fn connections(&self) -> impl Iterator<Item = &Connection> {
        self.connections.iter()
    }

    /// The connection of this number, if it is in the table.
    #[must_use]
    pub fn get(&self, id: ConnectionId) -> Option<&Connection> {
        self.connections.get(id)
    }

    /// Tells a connection that is not in the table yet where its answers will come from, without
    /// translating anything: ip_vs rewrites by itself (`ip_vs_update_conntrack`).
    pub fn expect_answers_from(&mut self, tracking: &mut Tracking, source: IpAddr, port: u16) {
        if let Held::Loose(connection) = &mut tracking.held {
            connection.reply.source = source;
            connection.reply.source_port = port;
        }
    }

    /// Enters a connection into the table, once its first packet has passed the last hook.
    pub fn confirm(&mut self, tracking: &mut Tracking) -> Option<ConnectionId> {
        let Held::Loose(connection) = &mut tracking.held else {
            return None;
        };
        // A connection that ended with this packet was confirmed long ago.
        if connection.status & ct_status::CONFIRMED != 0 {
            return None;
        }
        connection.status |= ct_status::CONFIRMED;
        let id = connection.id;
        let held = std::mem::replace(&mut tracking.held, Held::Known(id));
        let Held::Loose(connection) = held else {
            return None;
        };
        if connection.status & ct_status::SNAT != 0 {
            let ids = self.by_source.entry(source(&connection)).or_default();
            ids.push(id);
        }
        let flows = [Direction::Original, Direction::Reply].map(|it| flow_of(&connection, it));
        self.connections.insert(connection);
        for (direction, flow) in [Direction::Original, Direction::Reply]
            .into_iter()
            .zip(flows)
        {
            let connections = &self.connections;
            self.by_flow.put(hash(&flow), place(id, direction), |it| {
                let (other, its) = at(it);
                let other = connections.get(other);
                other.is_some_and(|it| flow_of(it, its) == flow)
            });
        }
        Some(id)
    }

    /// Forgets a connection; its next packet is a first packet.
    pub fn delete(&mut self, id: ConnectionId) -> Option<Box<Connection>> {
        let connection = self.connections.remove(id)?;
        for direction in [Direction::Original, Direction::Reply] {
            let flow = flow_of(&connection, direction);
            let own = place(id, direction);
            self.by_flow.remove(hash(&flow), |it| it == own);
        }
        let source = source(&connection);
        if let Some(ids) = self.by_source.get_mut(&source) {
            ids.retain(|it| *it != id);
            if ids.is_empty() {
                self.by_source.remove(&source);
            }
        }
        Some(connection)
    }

    /// Forgets every connection whose time is over; gives back how many there were.
    pub fn forget_expired(&mut self, now: Instant) -> usize {
        let expired = self.connections().filter(|it| it.is_expired(now));
        let ids: Vec<_> = expired.map(|it| it.id).collect();
        for id in &ids {
            self.delete(*id);
        }
        ids.len()
    }

    /// When the next connection is forgotten, if no packet comes.
    #[must_use]
    pub fn next_expiry(&self) -> Option<Instant> {
        self.connections().map(|it| it.expires).min()
    }
}

/// The flow of one direction of a connection, in the zone that counts for it.
fn flow_of(connection: &Connection, direction: Direction) -> Wanted {
    let zone = connection.zone.of(Some(direction));
    (zone, connection.flow(direction))
}

/// A direction of a connection as one number.
const fn place(id: ConnectionId, direction: Direction) -> u32 {
    id.0 << 1 | direction as u32
}

/// The direction of a connection that stands at a place.
const fn at(place: u32) -> (ConnectionId, Direction) {
    let direction = match place & 1 {
        0 => Direction::Original,
        _ => Direction::Reply,
    };
    (ConnectionId(place >> 1), direction)
}

fn source(connection: &Connection) -> (Protocol, IpAddr, u16) {
    let flow = connection.original;
    (flow.protocol, flow.source, flow.source_port)
}
