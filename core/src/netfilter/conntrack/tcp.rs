//! The states of a TCP connection as a bystander sees them.
//!
//! Linux 6.18 `net/netfilter/nf_conntrack_proto_tcp.c`, with `nf_conntrack_tcp_loose` on: a connection
//! is picked up in the middle.
//!
//! **Left out**: sequence numbers and windows: a segment is taken to be in the window, and an answer to
//! acknowledge what it answers; the shorter timeouts after three retransmissions and for a window of
//! nothing.

use super::Direction;
use crate::net::TcpFlags;
use serde::Serialize;

/// A TCP connection's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TcpState {
    /// SYN seen.
    SynSent,
    /// SYN and ACK seen.
    SynRecv,
    /// Open.
    Established,
    /// One side closed.
    FinWait,
    /// The close was acknowledged.
    CloseWait,
    /// Both sides closed.
    LastAck,
    /// Closed, waiting for strays.
    TimeWait,
    /// Reset.
    Close,
    /// SYN seen from both sides.
    SynSent2,
}

/// What the flags of a segment count as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Segment {
    Syn,
    SynAck,
    Fin,
    Ack,
    Rst,
    None,
}

/// What is remembered of a connection beside its state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct TcpMemory {
    /// The last segment and which way it went.
    last: Option<(Direction, Segment)>,
    /// A close was begun.
    closes: bool,
    /// Both sides sent a SYN.
    is_simultaneous: bool,
    /// A SYN during the last close may be answered by an ACK that acknowledges nothing.
    awaits_challenge: bool,
}

/// What a segment does to a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// It moves it, perhaps to where it is.
    To { before: TcpState, after: TcpState },
    /// It passes and changes nothing: the two ends may know more than the bystander.
    Ignored,
    /// The connection cannot have it.
    Invalid,
    /// It begins another connection in the place of this one.
    Reopens,
}

/// An entry of the table.
#[derive(Clone, Copy)]
enum Next {
    Go(TcpState),
    Ignore,
    Invalid,
}

const SS: Next = Next::Go(TcpState::SynSent);
const SR: Next = Next::Go(TcpState::SynRecv);
const ES: Next = Next::Go(TcpState::Established);
const FW: Next = Next::Go(TcpState::FinWait);
const CW: Next = Next::Go(TcpState::CloseWait);
const LA: Next = Next::Go(TcpState::LastAck);
const TW: Next = Next::Go(TcpState::TimeWait);
const CL: Next = Next::Go(TcpState::Close);
const S2: Next = Next::Go(TcpState::SynSent2);
const IG: Next = Next::Ignore;
const IV: Next = Next::Invalid;

/// By segment, and by state in the order of [`TcpState`].
type Table = [[Next; 9]; 6];

const ORIGINAL: Table = [
    [SS, IG, IG, IG, IG, IG, SS, SS, S2],
    [IV, SR, IV, IV, IV, IV, IV, IV, SR],
    [IV, FW, FW, LA, LA, LA, TW, CL, IV],
    [IV, ES, ES, CW, CW, TW, TW, CL, IV],
    [CL, CL, CL, CL, CL, CL, CL, CL, CL],
    [IV, IV, IV, IV, IV, IV, IV, IV, IV],
];

const REPLY: Table = [
    [S2, IV, IV, IV, IV, IV, SS, IV, S2],
    [SR, IG, IG, IG, IG, IG, IG, IG, SR],
    [IV, FW, FW, LA, LA, LA, TW, CL, IV],
    [IG, SR, ES, CW, CW, TW, TW, CL, IG],
    [CL, CL, CL, CL, CL, CL, CL, CL, CL],
    [IV, IV, IV, IV, IV, IV, IV, IV, IV],
];

impl Segment {
    pub(super) const fn of(flags: TcpFlags) -> Self {
        if flags.rst {
            Segment::Rst
        } else if flags.syn && flags.ack {
            Segment::SynAck
        } else if flags.syn {
            Segment::Syn
        } else if flags.fin {
            Segment::Fin
        } else if flags.ack {
            Segment::Ack
        } else {
            Segment::None
        }
    }
}

impl TcpMemory {
    /// A segment of a known connection.
    pub(super) fn step(&mut self, state: TcpState, direction: Direction, segment: Segment) -> Step {
        let table = match direction {
            Direction::Original => &ORIGINAL,
            Direction::Reply => &REPLY,
        };
        let mut before = state;
        let mut after = match table[segment as usize][state as usize] {
            Next::Invalid => return Step::Invalid,
            Next::Go(TcpState::SynSent)
                if matches!(state, TcpState::TimeWait | TcpState::Close) =>
            {
                if self.closes || self.last == Some((direction, Segment::Rst)) {
                    return Step::Reopens;
                }
                return self.ignore(state, direction, segment);
            }
            Next::Ignore => {
                let answers_ignored = segment == Segment::SynAck
                    && self.last == Some((direction.other(), Segment::Syn));
                if !answers_ignored {
                    return self.ignore(state, direction, segment);
                }
                // Both ends are in step with one another, and we with them from now on.
                before = TcpState::SynSent;
                self.awaits_challenge = false;
                TcpState::SynRecv
            }
            Next::Go(after) => after,
        };
        match after {
            TcpState::TimeWait
                if state == TcpState::LastAck
                    && segment == Segment::Ack
                    && self.last == Some((direction.other(), Segment::Syn))
                    && self.awaits_challenge =>
            {
                self.awaits_challenge = false;
                return Step::Ignored;
            }
            TcpState::SynSent2 => self.is_simultaneous = true,
            TcpState::SynRecv
                if direction == Direction::Reply
                    && segment == Segment::Ack
                    && self.is_simultaneous =>
            {
                after = TcpState::Established;
            }
            _ => {}
        }
        self.last = Some((direction, segment));
        self.closes |= before != after && after == TcpState::FinWait;
        Step::To { before, after }
    }

    fn ignore(&mut self, state: TcpState, direction: Direction, segment: Segment) -> Step {
        self.last = Some((direction, segment));
        self.awaits_challenge |= segment == Segment::Syn
            && direction == Direction::Original
            && state == TcpState::LastAck;
        Step::Ignored
    }

    /// What the first segment leaves behind.
    pub(super) fn begun(segment: Segment) -> Self {
        TcpMemory {
            last: Some((Direction::Original, segment)),
            ..TcpMemory::default()
        }
    }
}

impl TcpState {
    /// The timeout of a connection that was picked up and never answered, in seconds.
    pub(super) const UNACKNOWLEDGED_SECS: u64 = 300;

    /// The state after a first packet with these flags; none if no connection begins so.
    pub(super) const fn begin(flags: TcpFlags) -> Option<TcpState> {
        match Segment::of(flags) {
            Segment::Syn => Some(TcpState::SynSent),
            Segment::Ack => Some(TcpState::Established),
            Segment::SynAck | Segment::Fin | Segment::Rst | Segment::None => None,
        }
    }

    /// The kernel's default timeout.
    pub(super) const fn timeout_secs(self) -> u64 {
        match self {
            TcpState::SynSent | TcpState::SynSent2 | TcpState::FinWait | TcpState::TimeWait => 120,
            TcpState::SynRecv | TcpState::CloseWait => 60,
            TcpState::Established => 432_000,
            TcpState::LastAck => 30,
            TcpState::Close => 10,
        }
    }

    /// The name `conntrack -L` prints.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            TcpState::SynSent => "SYN_SENT",
            TcpState::SynRecv => "SYN_RECV",
            TcpState::Established => "ESTABLISHED",
            TcpState::FinWait => "FIN_WAIT",
            TcpState::CloseWait => "CLOSE_WAIT",
            TcpState::LastAck => "LAST_ACK",
            TcpState::TimeWait => "TIME_WAIT",
            TcpState::Close => "CLOSE",
            TcpState::SynSent2 => "SYN_SENT2",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Direction::{Original, Reply};
    use Segment::{Ack, Fin, Rst, Syn, SynAck};

    /// The states a connection that began with a SYN goes through.
    #[track_caller]
    fn check(segments: &[(Direction, Segment)], wanted: &[&str]) {
        let mut memory = TcpMemory::begun(Syn);
        let mut state = TcpState::SynSent;
        let seen: Vec<&str> = segments
            .iter()
            .map(
                |(direction, segment)| match memory.step(state, *direction, *segment) {
                    Step::To { after, .. } => {
                        state = after;
                        after.name()
                    }
                    Step::Ignored => "ignored",
                    Step::Invalid => "invalid",
                    Step::Reopens => "reopens",
                },
            )
            .collect();
        assert_eq!(seen, wanted);
    }

    #[test]
    fn a_connection_opens_and_closes() {
        check(
            &[
                (Reply, SynAck),
                (Original, Ack),
                (Original, Fin),
                (Reply, Ack),
                (Reply, Fin),
                (Original, Ack),
            ],
            &[
                "SYN_RECV",
                "ESTABLISHED",
                "FIN_WAIT",
                "CLOSE_WAIT",
                "LAST_ACK",
                "TIME_WAIT",
            ],
        );
    }

    #[test]
    fn both_ends_may_open_at_once() {
        check(
            &[(Reply, Syn), (Original, SynAck), (Reply, Ack)],
            &["SYN_SENT2", "SYN_RECV", "ESTABLISHED"],
        );
    }

    #[test]
    fn what_an_end_cannot_send_is_invalid() {
        check(&[(Original, Ack)], &["invalid"]);
        check(&[(Reply, Fin)], &["invalid"]);
        check(
            &[(Reply, SynAck), (Original, Ack), (Original, SynAck)],
            &["SYN_RECV", "ESTABLISHED", "invalid"],
        );
        check(&[(Reply, Segment::None)], &["invalid"]);
    }

    #[test]
    fn a_syn_into_an_open_connection_is_ignored_and_its_answer_believed() {
        let open = [(Reply, SynAck), (Original, Ack)];
        check(
            &[
                open[0],
                open[1],
                (Original, Syn),
                (Reply, SynAck),
                (Original, Ack),
            ],
            &[
                "SYN_RECV",
                "ESTABLISHED",
                "ignored",
                "SYN_RECV",
                "ESTABLISHED",
            ],
        );
        check(
            &[open[0], open[1], (Original, Syn), (Reply, Ack)],
            &["SYN_RECV", "ESTABLISHED", "ignored", "ESTABLISHED"],
        );
    }

    #[test]
    fn a_closed_connection_is_opened_anew_by_a_syn() {
        let closed = [
            (Reply, SynAck),
            (Original, Ack),
            (Original, Fin),
            (Reply, Fin),
            (Original, Ack),
        ];
        let mut segments = closed.to_vec();
        segments.push((Original, Syn));
        check(
            &segments,
            &[
                "SYN_RECV",
                "ESTABLISHED",
                "FIN_WAIT",
                "LAST_ACK",
                "TIME_WAIT",
                "reopens",
            ],
        );
        check(&[(Original, Rst), (Original, Syn)], &["CLOSE", "reopens"]);
        check(&[(Reply, Rst), (Original, Syn)], &["CLOSE", "ignored"]);
    }

    #[test]
    fn an_ack_that_challenges_a_syn_does_not_end_the_last_close() {
        check(
            &[
                (Reply, SynAck),
                (Original, Ack),
                (Original, Fin),
                (Reply, Fin),
                (Original, Syn),
                (Reply, Ack),
                (Original, Ack),
            ],
            &[
                "SYN_RECV",
                "ESTABLISHED",
                "FIN_WAIT",
                "LAST_ACK",
                "ignored",
                "ignored",
                "TIME_WAIT",
            ],
        );
    }
}
