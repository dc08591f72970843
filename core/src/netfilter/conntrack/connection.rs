//! One connection: its two flows, how far it has come, and when it is forgotten.
//!
//! Linux 6.18 `net/netfilter/nf_conntrack_proto_{tcp,udp,sctp,icmp}.c`, with the default timeouts.
//!
//! **Left out**: the chunks of SCTP: which one a packet carries is told from its place in the handshake,
//! and associations are never shut down.

use super::tcp::{Segment, Step, TcpMemory, TcpState};
use crate::net::{Flow, Icmp, Packet, Transport};
use crate::netfilter::{Name, ct_status};
use crate::time::{Duration, Instant};
use serde::Serialize;
use std::collections::BTreeSet;

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
    /// The zone it was found in.
    #[serde(skip_serializing_if = "Zone::is_default")]
    pub zone: Zone,
    /// Labels rules have put on it.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub labels: BTreeSet<Name>,
    pub(super) destination_decided: bool,
    pub(super) source_decided: bool,
    #[serde(skip)]
    tcp: TcpMemory,
    /// From when on an answered exchange over UDP counts as a stream.
    #[serde(skip)]
    stream_from: Instant,
    #[serde(skip)]
    kept_for: Duration,
}

/// A zone: a table of connections of its own, for one direction or for both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Zone {
    /// Its number.
    pub id: u16,
    /// The direction it is for; both if none.
    pub direction: Option<Direction>,
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
    Sctp(SctpState),
    /// A ping and its answer.
    Icmp,
}

/// An SCTP association's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SctpState {
    /// INIT seen.
    CookieWait,
    /// COOKIE ECHO seen.
    CookieEchoed,
    /// Open.
    Established,
}

/// What becomes of a packet of a known connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Advance {
    /// It belongs to it.
    Known,
    /// It belongs to it, and with it the connection ends.
    Ended,
    /// The connection cannot have it.
    Invalid,
    /// It begins another connection in the place of this one.
    Reopens,
}

impl Zone {
    /// The number for one direction, or the one for both.
    #[must_use]
    pub fn of(self, direction: Option<Direction>) -> u16 {
        match (self.direction, direction) {
            (None, _) | (Some(_), None) => self.id,
            (Some(own), Some(asked)) => {
                if own == asked {
                    self.id
                } else {
                    0
                }
            }
        }
    }

    fn is_default(&self) -> bool {
        *self == Zone::default()
    }
}

impl Progress {
    /// How a connection begins with this packet, if it can.
    pub(super) fn begin(packet: &Packet) -> Option<Progress> {
        match &packet.transport {
            Transport::Tcp { flags, .. } => TcpState::begin(*flags).map(Progress::Tcp),
            Transport::Udp { .. } => Some(Progress::Udp),
            Transport::Sctp { .. } => Some(Progress::Sctp(SctpState::CookieWait)),
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
    pub(super) fn new(
        id: ConnectionId,
        zone: Zone,
        flow: Flow,
        (packet, progress): (&Packet, Progress),
        now: Instant,
    ) -> Self {
        let segment = match &packet.transport {
            Transport::Tcp { flags, .. } => Segment::of(*flags),
            _ => Segment::None,
        };
        let secs = match progress {
            // Picked up in the middle, and not answered yet.
            Progress::Tcp(TcpState::Established) => TcpState::UNACKNOWLEDGED_SECS,
            Progress::Tcp(state) => state.timeout_secs(),
            Progress::Udp | Progress::Icmp => 30,
            Progress::Sctp(state) => state.timeout_secs(),
        };
        let kept_for = Duration::from_secs(secs);
        Connection {
            id,
            original: flow,
            reply: flow.reversed(),
            status: 0,
            progress,
            expires: now + kept_for,
            mark: 0,
            zone,
            labels: BTreeSet::new(),
            destination_decided: false,
            source_decided: false,
            tcp: TcpMemory::begun(segment),
            stream_from: now + Duration::from_secs(2),
            kept_for,
        }
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

    /// Another packet of the connection. That it was answered is noted afterwards, as in the kernel.
    pub(super) fn advance(
        &mut self,
        packet: &Packet,
        direction: Direction,
        now: Instant,
    ) -> Advance {
        let answered = self.status & ct_status::SEEN_REPLY != 0;
        let secs = match (self.progress, &packet.transport) {
            (Progress::Tcp(state), Transport::Tcp { flags, .. }) => {
                match self.tcp.step(state, direction, Segment::of(*flags)) {
                    Step::Invalid => return Advance::Invalid,
                    Step::Reopens => return Advance::Reopens,
                    Step::Ignored => None,
                    Step::To { .. } if flags.rst && !answered => return Advance::Ended,
                    Step::To { before, after } => {
                        let is_repeated = flags.syn && !flags.ack && before == TcpState::SynSent;
                        self.tcp_to(before, after, answered, flags.rst)
                            .filter(|_| answered || !is_repeated)
                    }
                }
            }
            (Progress::Udp, _) if answered && now > self.stream_from => {
                self.status |= ct_status::ASSURED;
                Some(120)
            }
            (Progress::Udp | Progress::Icmp, _) => Some(30),
            (Progress::Sctp(state), _) => {
                let after = state.next(direction, answered);
                if (state, after) == (SctpState::CookieEchoed, SctpState::Established) {
                    self.status |= ct_status::ASSURED;
                }
                self.progress = Progress::Sctp(after);
                Some(after.timeout_secs())
            }
            (Progress::Tcp(_), _) => None,
        };
        if let Some(secs) = secs {
            self.kept_for = Duration::from_secs(secs);
            self.expires = now + self.kept_for;
        }
        if direction == Direction::Reply {
            self.status |= ct_status::SEEN_REPLY;
        }
        Advance::Known
    }

    /// The timeout that follows a move.
    fn tcp_to(
        &mut self,
        before: TcpState,
        after: TcpState,
        answered: bool,
        is_reset: bool,
    ) -> Option<u64> {
        self.progress = Progress::Tcp(after);
        let is_open = matches!(before, TcpState::SynRecv | TcpState::Established);
        if answered && is_open && after == TcpState::Established {
            self.status |= ct_status::ASSURED;
        }
        Some(match after {
            _ if is_reset => TcpState::Close.timeout_secs(),
            TcpState::Established if !answered => TcpState::UNACKNOWLEDGED_SECS,
            state => state.timeout_secs(),
        })
    }

    /// How long it is remembered from its last packet on.
    #[must_use]
    pub const fn timeout(&self) -> Duration {
        self.kept_for
    }

    /// Whether it is forgotten by now.
    #[must_use]
    pub fn is_expired(&self, now: Instant) -> bool {
        self.expires <= now
    }

    /// The state as `conntrack -L` names it, where the protocol has one.
    #[must_use]
    pub fn state_name(&self) -> Option<&'static str> {
        match self.progress {
            Progress::Tcp(state) => Some(state.name()),
            Progress::Sctp(state) => Some(state.name()),
            Progress::Udp | Progress::Icmp => None,
        }
    }
}

impl SctpState {
    /// Which state follows, by the place of a packet in the handshake.
    const fn next(self, direction: Direction, answered: bool) -> Self {
        match (self, direction) {
            (SctpState::CookieWait, Direction::Original) if answered => SctpState::CookieEchoed,
            (SctpState::CookieEchoed, Direction::Reply) => SctpState::Established,
            (state, _) => state,
        }
    }

    const fn timeout_secs(self) -> u64 {
        match self {
            SctpState::CookieWait | SctpState::CookieEchoed => 3,
            SctpState::Established => 210,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            SctpState::CookieWait => "COOKIE_WAIT",
            SctpState::CookieEchoed => "COOKIE_ECHOED",
            SctpState::Established => "ESTABLISHED",
        }
    }
}
