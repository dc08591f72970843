//! The states of a TCP connection as a bystander sees them.
//!
//! Linux 6.18 `net/netfilter/nf_conntrack_proto_tcp.c`, with `nf_conntrack_tcp_loose` on.
//!
//! **Left out**: windows, simultaneous open, retransmissions that change a timeout.

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
}

impl TcpState {
    /// The state after a first packet with these flags; none if no connection begins so.
    pub(super) fn begin(flags: TcpFlags) -> Option<TcpState> {
        match flags {
            TcpFlags { rst: true, .. }
            | TcpFlags {
                syn: true,
                ack: true,
                ..
            } => None,
            TcpFlags { syn: true, .. } => Some(TcpState::SynSent),
            TcpFlags { fin: true, .. } => Some(TcpState::TimeWait),
            TcpFlags { ack: true, .. } => Some(TcpState::Established),
            TcpFlags { .. } => None,
        }
    }

    /// The state after another packet.
    pub(super) fn next(self, direction: Direction, flags: TcpFlags) -> TcpState {
        use Direction::{Original, Reply};
        use TcpState::{
            Close, CloseWait, Established, FinWait, LastAck, SynRecv, SynSent, TimeWait,
        };
        if flags.rst {
            return Close;
        }
        if flags.syn && flags.ack {
            return match (self, direction) {
                (SynSent, Reply) => SynRecv,
                _ => self,
            };
        }
        if flags.syn {
            return match (self, direction) {
                (TimeWait | Close, Original) => SynSent,
                _ => self,
            };
        }
        if flags.fin {
            return match self {
                SynRecv | Established => FinWait,
                FinWait | CloseWait => LastAck,
                other => other,
            };
        }
        match (self, direction) {
            (SynRecv, Original) => Established,
            (FinWait, _) => CloseWait,
            (LastAck, _) => TimeWait,
            (other, _) => other,
        }
    }

    /// The kernel's default timeout.
    pub(super) const fn timeout_secs(self) -> u64 {
        match self {
            TcpState::SynSent | TcpState::FinWait | TcpState::TimeWait => 120,
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
        }
    }
}
