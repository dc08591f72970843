//! One connection: its two flows, how far it has come, and when it is forgotten.
//!
//! **Left out**: the finer states of SCTP; its associations count as new until answered.

use super::tcp::TcpState;
use crate::net::{Flow, Icmp, Packet, Transport};
use crate::netfilter::ct_status;
use crate::time::{Duration, Instant};
use serde::Serialize;

/// The number of a connection on its host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct ConnectionId(pub u32);

/// Which way a packet goes in its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// As the first packet went.
    Original,
    /// As the answers go.
    Reply,
}

/// An entry of the connection table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Connection {
    /// Its number.
    pub id: ConnectionId,
    /// The flow as its first packet came in.
    pub original: Flow,
    /// The flow of the answers as they will come in: it holds the translation.
    pub reply: Flow,
    /// Its bits, as `ct status` matches them.
    pub status: u32,
    /// How far it has come.
    pub progress: Progress,
    /// When it is forgotten unless another packet comes.
    pub expires: Instant,
    /// Its own mark.
    pub mark: u32,
    pub(super) destination_decided: bool,
    pub(super) source_decided: bool,
}

/// How far a connection has come, by protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "protocol", content = "state", rename_all = "lowercase")]
pub enum Progress {
    /// The TCP state.
    Tcp(TcpState),
    /// UDP has none but answered or not.
    Udp,
    /// An SCTP association.
    Sctp,
    /// A ping and its answer.
    Icmp,
}

impl Progress {
    /// How a connection begins with this packet, if it can.
    pub(super) fn begin(packet: &Packet) -> Option<Progress> {
        match &packet.transport {
            Transport::Tcp { flags, .. } => TcpState::begin(*flags).map(Progress::Tcp),
            Transport::Udp { .. } => Some(Progress::Udp),
            Transport::Sctp { .. } => Some(Progress::Sctp),
            Transport::Icmp(Icmp::EchoRequest { .. }) => Some(Progress::Icmp),
            Transport::Icmp(_) => None,
        }
    }
}

impl Direction {
    /// The way back.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Direction::Original => Direction::Reply,
            Direction::Reply => Direction::Original,
        }
    }
}

impl Connection {
    pub(super) fn new(id: ConnectionId, flow: Flow, progress: Progress, now: Instant) -> Self {
        let mut connection = Connection {
            id,
            original: flow,
            reply: flow.reversed(),
            status: 0,
            progress,
            expires: now,
            mark: 0,
            destination_decided: false,
            source_decided: false,
        };
        connection.expires = now + connection.timeout();
        connection
    }

    /// The flow of one direction.
    #[must_use]
    pub fn flow(&self, direction: Direction) -> Flow {
        match direction {
            Direction::Original => self.original,
            Direction::Reply => self.reply,
        }
    }

    /// Whether either end is translated.
    #[must_use]
    pub fn is_translated(&self) -> bool {
        self.status & (ct_status::DNAT | ct_status::SNAT) != 0
    }

    pub(super) fn advance(&mut self, packet: &Packet, direction: Direction, now: Instant) {
        match (&mut self.progress, &packet.transport) {
            (Progress::Tcp(state), Transport::Tcp { flags, .. }) => {
                *state = state.next(direction, *flags);
                if *state == TcpState::Established && direction == Direction::Original {
                    self.status |= ct_status::ASSURED;
                }
            }
            (Progress::Udp | Progress::Sctp, _)
                if direction == Direction::Original && self.status & ct_status::SEEN_REPLY != 0 =>
            {
                self.status |= ct_status::ASSURED;
            }
            _ => {}
        }
        self.expires = now + self.timeout();
    }

    /// How long it is remembered without another packet: the kernel's defaults.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        let assured = self.status & ct_status::ASSURED != 0;
        Duration::from_secs(match self.progress {
            Progress::Tcp(state) => state.timeout_secs(),
            Progress::Udp if assured => 120,
            Progress::Sctp if assured => 210,
            Progress::Udp | Progress::Icmp => 30,
            Progress::Sctp => 3,
        })
    }

    /// The state as `conntrack -L` names it, where the protocol has one.
    #[must_use]
    pub fn state_name(&self) -> Option<&'static str> {
        match self.progress {
            Progress::Tcp(state) => Some(state.name()),
            Progress::Udp | Progress::Sctp | Progress::Icmp => None,
        }
    }
}
