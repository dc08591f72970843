//! Statements that count before they hold: limits of packets a time, quotas of bytes; and the marks
//! that travel between packet and connection.
//!
//! `nft_limit.c`, `nft_quota.c`, `xt_limit.c` and `xt_connmark.c` of Linux 6.18.
//!
//! **Left out**: what a packet carries beside its headers, so that a quota or a limit of bytes counts
//! less than the kernel would; limits several rules share by name.

use super::Name;
use crate::net::{Packet, Transport};
use crate::time::Instant;
use serde::Serialize;

/// The kernel's own burst where a rule gives none.
pub(super) const DEFAULT_BURST: u64 = 5;

/// `limit rate 10/second burst 5 packets`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Limit {
    /// Whether it holds beyond the rate rather than within it.
    pub over: bool,
    /// How many.
    pub rate: u64,
    /// In which time.
    pub unit: LimitUnit,
    /// How many more may come at once.
    pub burst: u64,
    /// Whether bytes are counted rather than packets.
    pub bytes: bool,
}

/// The time a rate is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LimitUnit {
    /// A second.
    Second,
    /// A minute.
    Minute,
    /// An hour.
    Hour,
    /// A day.
    Day,
    /// A week.
    Week,
}

/// `quota over 100 mbytes`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Quota {
    /// Whether it holds once the quota is used up rather than before.
    pub over: bool,
    /// How many bytes.
    pub bytes: u64,
    /// How many were used before.
    pub used: u64,
}

/// `-j CONNMARK`: bits copied between the packet's mark and the connection's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ConnMark {
    /// Which way.
    pub kind: ConnMarkKind,
    /// Which bits of the connection's mark.
    pub ct_mask: u32,
    /// Which bits of the packet's mark.
    pub nf_mask: u32,
}

/// What `-j CONNMARK` does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ConnMarkKind {
    /// The packet's mark becomes the connection's.
    Save,
    /// The connection's mark becomes the packet's.
    Restore,
    /// The connection's mark becomes this value.
    Set(u32),
}

/// How far a limit or a quota of one rule has come on one host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metered {
    last: Instant,
    tokens: u128,
    used: u64,
}

impl LimitUnit {
    /// All units with nft's and iptables' words for them.
    pub const ALL: [(LimitUnit, &'static str, &'static str); 5] = [
        (LimitUnit::Second, "second", "sec"),
        (LimitUnit::Minute, "minute", "min"),
        (LimitUnit::Hour, "hour", "hour"),
        (LimitUnit::Day, "day", "day"),
        (LimitUnit::Week, "week", "week"),
    ];

    /// nft's word.
    #[must_use]
    pub fn name(self) -> &'static str {
        let found = Self::ALL.iter().find(|it| it.0 == self);
        found.map_or("second", |it| it.1)
    }

    const fn nanos(self) -> u128 {
        let secs = match self {
            LimitUnit::Second => 1,
            LimitUnit::Minute => 60,
            LimitUnit::Hour => 3600,
            LimitUnit::Day => 86_400,
            LimitUnit::Week => 604_800,
        };
        secs * 1_000_000_000
    }
}

impl Limit {
    /// So many packets in a time, with the kernel's own burst.
    #[must_use]
    pub const fn packets(rate: u64, unit: LimitUnit) -> Self {
        Limit {
            over: false,
            rate,
            unit,
            burst: DEFAULT_BURST,
            bytes: false,
        }
    }

    /// The same limit as iptables prints it: in the smallest unit that leaves no remainder behind.
    #[must_use]
    pub(super) fn in_largest_unit(self) -> Self {
        let secs = |unit: LimitUnit| unit.nanos() / 1_000_000_000;
        let period = secs(self.unit) * 10_000 / u128::from(self.rate.max(1));
        let mut found = self;
        for (unit, ..) in LimitUnit::ALL.into_iter().take(4).rev() {
            let whole = secs(unit) * 10_000;
            if period == 0 || period > whole || whole / period < whole % period {
                break;
            }
            found.unit = unit;
            found.rate = u64::try_from(whole / period).unwrap_or(self.rate);
        }
        found
    }

    /// Whether it holds for this packet: a bucket that fills with time, and that a packet within the
    /// rate takes its cost out of (`nft_limit_eval`).
    pub(super) fn meet(&self, state: &mut Option<Metered>, packet: &Packet, now: Instant) -> bool {
        let rate = u128::from(self.rate.max(1));
        let per_one = self.unit.nanos() / rate;
        let (cost, whole) = match self.bytes {
            false => {
                let burst = if self.burst == 0 {
                    DEFAULT_BURST
                } else {
                    self.burst
                };
                (per_one, per_one * u128::from(burst))
            }
            true => {
                let size = u128::from(headers_length(packet));
                let whole = self.unit.nanos() * (rate + u128::from(self.burst)) / rate;
                (self.unit.nanos() * size / rate, whole)
            }
        };
        let before = state.unwrap_or(Metered {
            last: now,
            tokens: whole,
            used: 0,
        });
        let passed = u128::from((now - before.last).as_millis()) * 1_000_000;
        let tokens = (before.tokens + passed).min(whole);
        let is_within = tokens >= cost;
        *state = Some(Metered {
            last: now,
            tokens: if is_within { tokens - cost } else { tokens },
            used: 0,
        });
        is_within != self.over
    }
}

impl Quota {
    /// Whether it holds for this packet (`nft_quota_do_eval`).
    pub(super) fn meet(&self, state: &mut Option<Metered>, packet: &Packet, now: Instant) -> bool {
        let used = state.map_or(self.used, |it| it.used) + headers_length(packet);
        *state = Some(Metered {
            last: now,
            tokens: 0,
            used,
        });
        (used > self.bytes) == self.over
    }
}

impl ConnMark {
    /// The marks of packet and connection afterwards (`connmark_tg_shift`).
    #[must_use]
    pub const fn marks(self, packet: u32, connection: u32) -> (u32, u32) {
        match self.kind {
            ConnMarkKind::Set(value) => (packet, (connection & !self.ct_mask) ^ value),
            ConnMarkKind::Save => (
                packet,
                (connection & !self.ct_mask) ^ (packet & self.nf_mask),
            ),
            ConnMarkKind::Restore => (
                (packet & !self.nf_mask) ^ (connection & self.ct_mask),
                connection,
            ),
        }
    }
}

/// The bytes of a packet's headers: without options, as most packets have none.
fn headers_length(packet: &Packet) -> u64 {
    let network = if packet.source.is_ipv4() { 20 } else { 40 };
    let transport = match &packet.transport {
        Transport::Tcp { .. } => 20,
        Transport::Sctp { .. } => 12,
        Transport::Udp { .. } | Transport::Icmp(_) => 8,
    };
    network + transport
}

/// What a limit or quota belongs to: a rule's statement, or an element of a set.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct MeterSite {
    pub(super) table: super::TableKey,
    pub(super) chain: Name,
    pub(super) rule: usize,
    pub(super) statement: usize,
    pub(super) element: Option<super::Datum>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::initial_ttl;
    use crate::time::Duration;

    fn packet() -> Packet {
        Packet {
            source: "10.0.0.1".parse().expect("an address"),
            destination: "10.0.0.2".parse().expect("an address"),
            ttl: initial_ttl(),
            transport: Transport::Udp {
                source_port: 1,
                destination_port: 2,
            },
        }
    }

    #[test]
    fn a_burst_passes_at_once_and_then_the_rate() {
        let limit = Limit::packets(2, LimitUnit::Second);
        let mut state = None;
        let at = |ms| Instant::START + Duration::from_millis(ms);
        let passed = (0..8).filter(|_| limit.meet(&mut state, &packet(), at(0)));
        assert_eq!(passed.count(), 5);
        assert!(!limit.meet(&mut state, &packet(), at(499)));
        assert!(limit.meet(&mut state, &packet(), at(500)));
        assert!(!limit.meet(&mut state, &packet(), at(501)));
        assert!(limit.meet(&mut state, &packet(), at(60_000)));
    }

    #[test]
    fn a_quota_holds_until_it_is_used_up() {
        let quota = Quota {
            over: false,
            bytes: 60,
            used: 0,
        };
        let mut state = None;
        let held: Vec<bool> = (0..3)
            .map(|_| quota.meet(&mut state, &packet(), Instant::START))
            .collect();
        assert_eq!(held, [true, true, false]);
    }

    #[test]
    fn marks_are_saved_restored_and_set_under_their_masks() {
        let mark = |kind| ConnMark {
            kind,
            ct_mask: 0xff00,
            nf_mask: 0xff00,
        };
        assert_eq!(
            mark(ConnMarkKind::Save).marks(0x1234, 0x5678),
            (0x1234, 0x1278)
        );
        assert_eq!(
            mark(ConnMarkKind::Restore).marks(0x1234, 0x5678),
            (0x5634, 0x5678)
        );
        assert_eq!(
            mark(ConnMarkKind::Set(0x100)).marks(0x1234, 0x5678),
            (0x1234, 0x0178)
        );
    }
}
