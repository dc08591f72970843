//! Schedulers: which real server a new connection gets.
//!
//! `ip_vs_rr.c`, `ip_vs_wrr.c`, `ip_vs_lc.c`, `ip_vs_wlc.c`, `ip_vs_dh.c`, `ip_vs_sh.c`, `ip_vs_sed.c` and `ip_vs_nq.c`
//! of Linux 6.18. What takes turns begins somewhere nobody knows, and among equals the kernel takes the first
//! of a list whose order is luck: both are choices here. The two that hash take the list as it
//! comes from adding real servers in the order they stand in (the kernel puts each in front).
//!
//! **Left out**: lblc, lblcr, mh, fo, ovf, twos; upper and lower thresholds of connections; the flags of sh.

use super::state::State;
use super::{RealServer, VirtualServer};
use crate::chance::Chooser;
use crate::ip::IpAddr;
use crate::net::Packet;
use serde::Serialize;

/// How a virtual server chooses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Scheduler {
    /// In turns.
    #[default]
    #[serde(rename = "rr")]
    RoundRobin,
    /// In turns, by weight.
    #[serde(rename = "wrr")]
    WeightedRoundRobin,
    /// Who has the fewest connections.
    #[serde(rename = "lc")]
    LeastConnection,
    /// Who has the fewest connections for its weight.
    #[serde(rename = "wlc")]
    WeightedLeastConnection,
    /// By the destination address.
    #[serde(rename = "dh")]
    DestinationHash,
    /// By the source address.
    #[serde(rename = "sh")]
    SourceHash,
    /// Who will be done first.
    #[serde(rename = "sed")]
    ShortestExpectedDelay,
    /// Whoever is idle, or else who will be done first.
    #[serde(rename = "nq")]
    NeverQueue,
}

/// The buckets of the two that hash.
const HASH_BITS: u32 = 8;

/// The kernel's multiplier (`GOLDEN_RATIO_32`).
const GOLDEN_RATIO: u32 = 0x61C8_8647;

/// A round by weight is at most so long.
const MAX_ROUND: usize = 1 << 16;

impl Scheduler {
    /// All there are.
    pub const ALL: [Scheduler; 8] = [
        Scheduler::RoundRobin,
        Scheduler::WeightedRoundRobin,
        Scheduler::LeastConnection,
        Scheduler::WeightedLeastConnection,
        Scheduler::DestinationHash,
        Scheduler::SourceHash,
        Scheduler::ShortestExpectedDelay,
        Scheduler::NeverQueue,
    ];

    /// ipvsadm's name for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Scheduler::RoundRobin => "rr",
            Scheduler::WeightedRoundRobin => "wrr",
            Scheduler::LeastConnection => "lc",
            Scheduler::WeightedLeastConnection => "wlc",
            Scheduler::DestinationHash => "dh",
            Scheduler::SourceHash => "sh",
            Scheduler::ShortestExpectedDelay => "sed",
            Scheduler::NeverQueue => "nq",
        }
    }

    /// The scheduler of this name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name() == name)
    }

    /// What it goes by, after "chosen …".
    #[must_use]
    pub const fn principle(self) -> &'static str {
        match self {
            Scheduler::RoundRobin => "in turn",
            Scheduler::WeightedRoundRobin => "in turn, by weight",
            Scheduler::LeastConnection => "for the fewest connections",
            Scheduler::WeightedLeastConnection => "for the fewest connections by weight",
            Scheduler::DestinationHash => "by a hash of the destination address",
            Scheduler::SourceHash => "by a hash of the source address",
            Scheduler::ShortestExpectedDelay => "for the shortest expected delay",
            Scheduler::NeverQueue => "because it is idle, or else for the shortest delay",
        }
    }
}

/// Which real server a new connection gets; none if none takes any.
pub(super) fn choose(
    server: &VirtualServer,
    packet: &Packet,
    state: &mut State,
    chooser: &mut Chooser,
) -> Option<usize> {
    match server.scheduler {
        Scheduler::RoundRobin => take_turn(server, &round(server, |_| 1), state, chooser),
        Scheduler::WeightedRoundRobin => {
            take_turn(server, &round(server, |it| it.weight), state, chooser)
        }
        Scheduler::DestinationHash => bucket(server, packet.destination, |_| 1),
        Scheduler::SourceHash => bucket(server, packet.source, |it| it.weight),
        Scheduler::LeastConnection => least(server, chooser, |it| {
            let (active, inactive) = state.n_connections(server, it);
            (active * 256 + inactive, 1)
        }),
        Scheduler::WeightedLeastConnection => least(server, chooser, |it| {
            let (active, inactive) = state.n_connections(server, it);
            (active * 256 + inactive, u64::from(it.weight))
        }),
        Scheduler::ShortestExpectedDelay => least(server, chooser, |it| delay(state, server, it)),
        Scheduler::NeverQueue => least(server, chooser, |it| {
            match state.n_connections(server, it).0 {
                0 => (0, 1),
                _ => delay(state, server, it),
            }
        }),
    }
}

fn delay(state: &State, server: &VirtualServer, it: &RealServer) -> (u64, u64) {
    (state.n_connections(server, it).0 + 1, u64::from(it.weight))
}

/// Those who take new connections, each as often as its share of a round.
fn round(server: &VirtualServer, share: impl Fn(&RealServer) -> u32) -> Vec<usize> {
    let usable = || {
        server
            .real_servers
            .iter()
            .enumerate()
            .filter(|it| it.1.weight > 0)
    };
    let step = usable().map(|it| share(it.1)).fold(0, gcd).max(1);
    let mut left = usable().map(|it| share(it.1)).max().unwrap_or(0);
    let mut round = Vec::new();
    while left > 0 && round.len() < MAX_ROUND {
        round.extend(usable().filter(|it| share(it.1) >= left).map(|it| it.0));
        left = left.saturating_sub(step);
    }
    round
}

const fn gcd(a: u32, b: u32) -> u32 {
    let (mut a, mut b) = (a, b);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// Whose turn it is: somebody's, the first time, and then the next one's.
fn take_turn(
    server: &VirtualServer,
    round: &[usize],
    state: &mut State,
    chooser: &mut Chooser,
) -> Option<usize> {
    let n_turns = u32::try_from(round.len()).ok().filter(|it| *it > 0)?;
    let turn = match state.turn(&server.at) {
        Some(before) => (before + 1) % n_turns,
        None => chooser.choose(n_turns),
    };
    state.note_turn(server.at, turn);
    round.get(turn as usize).copied()
}

/// Who has the least burden for its weight; among equals, somebody.
fn least(
    server: &VirtualServer,
    chooser: &mut Chooser,
    burden: impl Fn(&RealServer) -> (u64, u64),
) -> Option<usize> {
    let usable = server
        .real_servers
        .iter()
        .enumerate()
        .filter(|it| it.1.weight > 0);
    let burdens: Vec<(usize, (u64, u64))> = usable.map(|(idx, it)| (idx, burden(it))).collect();
    let is_less = |a: (u64, u64), b: (u64, u64)| a.0 * b.1 < b.0 * a.1;
    let mut equals: Vec<(usize, (u64, u64))> = Vec::new();
    for it in burdens {
        match equals.first() {
            Some(best) if is_less(best.1, it.1) => {}
            Some(best) if is_less(it.1, best.1) => equals = vec![it],
            _ => equals.push(it),
        }
    }
    let n_equals = u32::try_from(equals.len()).ok().filter(|it| *it > 0)?;
    let picked = chooser.choose(n_equals);
    equals.get(picked as usize).map(|it| it.0)
}

/// The real server of an address's bucket: buckets are dealt out in turn, each server as many at a
/// time as its share.
fn bucket(
    server: &VirtualServer,
    address: IpAddr,
    share: impl Fn(&RealServer) -> u32,
) -> Option<usize> {
    let wanted = hash(address);
    let n_servers = server.real_servers.len();
    // The kernel puts every real server in front of those before it.
    let mut list = (0..n_servers).rev().cycle().peekable();
    let mut n_dealt = 0;
    for bucket in 0..1 << HASH_BITS {
        let dealt = *list.peek()?;
        if bucket == wanted {
            return (server.real_servers[dealt].weight > 0).then_some(dealt);
        }
        n_dealt += 1;
        if n_dealt >= share(&server.real_servers[dealt]) {
            list.next();
            n_dealt = 0;
        }
    }
    None
}

/// `hash_32` of the address, whose words are folded where there are four.
fn hash(address: IpAddr) -> u32 {
    let folded = match address {
        IpAddr::V4(it) => it.to_bits(),
        IpAddr::V6(it) => {
            let bits = it.to_bits();
            let word =
                |at: u32| u32::try_from((bits >> (32 * at)) & u128::from(u32::MAX)).unwrap_or(0);
            word(0) ^ word(1) ^ word(2) ^ word(3)
        }
    };
    folded.wrapping_mul(GOLDEN_RATIO) >> (32 - HASH_BITS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::{Protocol, TcpFlags, Transport};
    use crate::netfilter::ipvs::VirtualAddress;

    fn server(scheduler: Scheduler, weights: &[u32]) -> VirtualServer {
        VirtualServer {
            at: VirtualAddress {
                protocol: Protocol::Tcp,
                address: IpAddr::from([10, 96, 0, 10]),
                port: 80,
            },
            scheduler,
            persistent_secs: None,
            real_servers: (1..)
                .zip(weights)
                .map(|(last, weight)| RealServer {
                    address: IpAddr::from([10, 244, 1, last]),
                    port: 8080,
                    weight: *weight,
                    tag: None,
                })
                .collect(),
            tag: None,
        }
    }

    fn packet(last: u8) -> Packet {
        Packet {
            source: IpAddr::from([203, 0, 113, last]),
            destination: IpAddr::from([10, 96, 0, 10]),
            ttl: 64,
            transport: Transport::Tcp {
                source_port: 1,
                destination_port: 80,
                flags: TcpFlags::SYN,
            },
        }
    }

    fn picks(server: &VirtualServer, n: usize) -> Vec<Option<usize>> {
        let (mut state, mut chooser) = (State::default(), Chooser::fixed(1, vec![0]));
        (0..n)
            .map(|_| choose(server, &packet(1), &mut state, &mut chooser))
            .collect()
    }

    #[test]
    fn turns_go_round_and_pass_over_whoever_takes_nothing_new() {
        let rr = server(Scheduler::RoundRobin, &[1, 0, 1]);
        assert_eq!(picks(&rr, 4), [Some(0), Some(2), Some(0), Some(2)]);
        assert_eq!(picks(&server(Scheduler::RoundRobin, &[0]), 1), [None]);
        assert_eq!(picks(&server(Scheduler::RoundRobin, &[]), 1), [None]);
    }

    #[test]
    fn a_round_by_weight_begins_with_the_heaviest() {
        let wrr = server(Scheduler::WeightedRoundRobin, &[4, 2, 2]);
        assert_eq!(
            picks(&wrr, 5),
            [Some(0), Some(0), Some(1), Some(2), Some(0)]
        );
    }

    #[test]
    fn a_source_always_has_the_same_server_and_sources_are_spread() {
        let sh = server(Scheduler::SourceHash, &[1, 1, 1]);
        let mut seen = [0usize; 3];
        for last in 0..=255 {
            let of = |chooser: &mut Chooser| {
                choose(&sh, &packet(last), &mut State::default(), chooser).expect("a server")
            };
            let first = of(&mut Chooser::seeded(1));
            assert_eq!(first, of(&mut Chooser::seeded(2)));
            seen[first] += 1;
        }
        assert!(seen.iter().all(|it| *it > 60), "{seen:?}");
    }

    #[test]
    fn a_destination_always_has_the_same_server() {
        let dh = server(Scheduler::DestinationHash, &[1, 1, 1]);
        let all = picks(&dh, 3);
        assert_eq!(all[0], all[1]);
        assert_eq!(all[1], all[2]);
    }
}
