//! What ip_vs remembers: connections, whose turn it is, which client was where.
//!
//! `ip_vs_conn.c` of Linux 6.18 and the time-outs of `ip_vs_proto_tcp.c`, `ip_vs_proto_udp.c`, `ip_vs_proto_sctp.c`.
//!
//! **Left out**: TCP's states but two (opening and established); that a client is remembered for as long as
//! one of its connections lives: its time begins again with every new connection.

use super::{RealServer, VirtualAddress, VirtualServer};
use crate::ip::IpAddr;
use crate::net::{Flow, Packet, Protocol, Transport};
use crate::time::{Duration, Instant};
use std::collections::BTreeMap;

/// What ip_vs on one host remembers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    connections: BTreeMap<Flow, Connection>,
    /// The flow of the answers, and the connection it belongs to.
    by_answer: BTreeMap<Flow, Flow>,
    clients: BTreeMap<(VirtualAddress, IpAddr), Remembered>,
    turns: BTreeMap<VirtualAddress, u32>,
}

/// A connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connection {
    /// From the client to the virtual server.
    pub request: Flow,
    /// From the real server to the client.
    pub answer: Flow,
    /// The virtual server.
    pub server: VirtualAddress,
    /// Whether it counts as active: all but TCP connections that are being opened.
    pub is_active: bool,
    /// When it is forgotten.
    pub expires: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Remembered {
    address: IpAddr,
    port: u16,
    until: Instant,
}

impl State {
    /// All connections.
    pub fn connections(&self) -> impl Iterator<Item = &Connection> {
        self.connections.values()
    }

    /// How many connections a real server has of a virtual server: active ones, and others.
    #[must_use]
    pub fn n_connections(&self, server: &VirtualServer, real: &RealServer) -> (u64, u64) {
        let mut counts = (0, 0);
        for it in self
            .connections
            .values()
            .filter(|it| it.server == server.at)
        {
            if (it.answer.source, it.answer.source_port) == (real.address, real.port) {
                match it.is_active {
                    true => counts.0 += 1,
                    false => counts.1 += 1,
                }
            }
        }
        counts
    }

    /// The connection a request belongs to, which lives on with it.
    pub(super) fn continued(
        &mut self,
        request: &Flow,
        packet: &Packet,
        now: Instant,
    ) -> Option<Connection> {
        self.expire(request, now);
        let connection = self.connections.get_mut(request)?;
        if let Transport::Tcp { flags, .. } = &packet.transport {
            connection.is_active |= flags.ack && !flags.syn;
        }
        connection.expires = now + timeout(request.protocol, connection.is_active);
        Some(*connection)
    }

    /// The connection an answer belongs to.
    pub(super) fn answered(&self, answer: &Flow, now: Instant) -> Option<Connection> {
        let request = self.by_answer.get(answer)?;
        let connection = self.connections.get(request)?;
        (now < connection.expires).then_some(*connection)
    }

    pub(super) fn begin(
        &mut self,
        server: VirtualAddress,
        request: Flow,
        real: &RealServer,
        now: Instant,
    ) -> Connection {
        let is_active = request.protocol != Protocol::Tcp;
        let connection = Connection {
            request,
            answer: Flow {
                source: real.address,
                source_port: real.port,
                ..request.reversed()
            },
            server,
            is_active,
            expires: now + timeout(request.protocol, is_active),
        };
        self.connections.insert(request, connection);
        self.by_answer.insert(connection.answer, request);
        connection
    }

    pub(super) fn forget(&mut self, request: &Flow) {
        if let Some(it) = self.connections.remove(request) {
            self.by_answer.remove(&it.answer);
        }
    }

    fn expire(&mut self, request: &Flow, now: Instant) {
        if self
            .connections
            .get(request)
            .is_some_and(|it| it.expires <= now)
        {
            self.forget(request);
        }
    }

    /// Where a client of a persistent virtual server was, if that is still to be had.
    pub(super) fn remembered(
        &self,
        server: &VirtualServer,
        client: IpAddr,
        now: Instant,
    ) -> Option<usize> {
        let it = self.clients.get(&(server.at, client))?;
        let is_it = |real: &RealServer| {
            (real.address, real.port) == (it.address, it.port) && real.weight > 0
        };
        let found = server.real_servers.iter().position(is_it);
        found.filter(|_| now < it.until)
    }

    pub(super) fn remember(
        &mut self,
        server: &VirtualServer,
        client: IpAddr,
        real: &RealServer,
        now: Instant,
    ) {
        if let Some(secs) = server.persistent_secs {
            let remembered = Remembered {
                address: real.address,
                port: real.port,
                until: now + Duration::from_secs(u64::from(secs)),
            };
            self.clients.insert((server.at, client), remembered);
        }
    }

    pub(super) fn turn(&self, server: &VirtualAddress) -> Option<u32> {
        self.turns.get(server).copied()
    }

    pub(super) fn note_turn(&mut self, server: VirtualAddress, turn: u32) {
        self.turns.insert(server, turn);
    }
}

fn timeout(protocol: Protocol, is_active: bool) -> Duration {
    Duration::from_secs(match (protocol, is_active) {
        (Protocol::Tcp, false) => 60,
        (Protocol::Tcp | Protocol::Sctp, _) => 15 * 60,
        _ => 5 * 60,
    })
}
