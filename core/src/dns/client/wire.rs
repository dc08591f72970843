//! One look-up's line to the network: sockets, what was sent on them, and what comes back when.
//!
//! Imitates what the three resolvers ask of the kernel: `socket`, `send`, `poll` with a limit,
//! `recv`. Time is virtual; it moves only while a resolver waits.
//!
//! **Left out**: port numbers (a socket is a number in order of opening), message IDs (an answer
//! belongs to the packet it answers), answers that nobody asked for.

use super::super::message::{Answer, Question, RecordType, Transport};
use crate::ip::IpAddr;
use crate::time::{Duration, Instant};
use serde::Serialize;

/// A packet that a resolver sent: a datagram, or the question on a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sent {
    /// When.
    pub at: Instant,
    /// To whom.
    pub server: IpAddr,
    /// How.
    pub transport: Transport,
    /// From which socket, counted from 0; one number is one source port.
    pub socket: u32,
    /// What it asks.
    pub question: Question,
}

/// What becomes of a packet that was sent. Lengths of time count from the sending.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Fate {
    /// The server answers.
    Answer {
        /// How long the answer takes.
        after: Duration,
        /// What it says.
        answer: Answer,
    },
    /// Somebody says that nobody listens there: an ICMP error, or a reset to a SYN.
    Refused {
        /// How long that takes.
        after: Duration,
    },
    /// The connection is made, and closed without an answer. For a datagram this is silence.
    Closed {
        /// How long that takes.
        after: Duration,
    },
    /// Nothing ever comes back.
    Silence,
}

/// A packet and its fate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Exchange {
    /// What was sent.
    pub sent: Sent,
    /// What became of it.
    pub fate: Fate,
}

/// The network as a resolver sees it: it is handed each packet in the order of time, and says what
/// becomes of it.
pub type Network<'a> = dyn FnMut(&Sent) -> Fate + 'a;

/// A look-up under way.
pub(super) struct Call<'a, 'n> {
    network: &'a mut Network<'n>,
    /// What time it is.
    pub(super) now: Instant,
    /// All that was sent.
    pub exchanges: Vec<Exchange>,
    n_sockets: u32,
    /// What has not arrived yet: when it will, and which exchange it ends.
    inbox: Vec<(Instant, usize)>,
}

impl<'a, 'n> Call<'a, 'n> {
    pub(super) fn new(network: &'a mut Network<'n>, now: Instant) -> Self {
        Call {
            network,
            now,
            exchanges: Vec::new(),
            n_sockets: 0,
            inbox: Vec::new(),
        }
    }

    /// Opens a socket.
    pub(super) fn open(&mut self) -> u32 {
        self.n_sockets += 1;
        self.n_sockets - 1
    }

    /// Sends a question.
    pub(super) fn send(
        &mut self,
        socket: u32,
        server: IpAddr,
        transport: Transport,
        name: &str,
        kind: RecordType,
    ) {
        let sent = Sent {
            at: self.now,
            server,
            transport,
            socket,
            question: Question::new(name, kind),
        };
        let fate = (self.network)(&sent);
        let after = match (&fate, transport) {
            (Fate::Silence, _) | (Fate::Closed { .. }, Transport::Udp { .. }) => None,
            (Fate::Answer { after, .. } | Fate::Refused { after } | Fate::Closed { after }, _) => {
                Some(*after)
            }
        };
        if let Some(after) = after {
            self.inbox.push((self.now + after, self.exchanges.len()));
        }
        self.exchanges.push(Exchange { sent, fate });
    }

    /// Waits on sockets until something comes or the time is up; says which exchange it ended.
    pub(super) fn receive(&mut self, sockets: &[u32], until: Instant) -> Option<usize> {
        let exchanges = &self.exchanges;
        let listening = |idx: usize| sockets.contains(&exchanges[idx].sent.socket);
        let next = self
            .inbox
            .iter()
            .enumerate()
            .filter(|(_, (at, idx))| listening(*idx) && *at < until)
            .min_by_key(|(_, arrival)| **arrival)
            .map(|(place, _)| place);
        let Some(place) = next else {
            self.now = self.now.max(until);
            return None;
        };
        let (at, idx) = self.inbox.remove(place);
        self.now = self.now.max(at);
        Some(idx)
    }

    /// What an exchange was answered; none if the answer was a refusal.
    pub(super) fn answer(&self, exchange: usize) -> Option<&Answer> {
        match &self.exchanges[exchange].fate {
            Fate::Answer { answer, .. } => Some(answer),
            _ => None,
        }
    }

    /// What an exchange asked.
    pub(super) fn sent(&self, exchange: usize) -> &Sent {
        &self.exchanges[exchange].sent
    }
}
