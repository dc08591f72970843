//! What iptables' match extensions ask that nft has no words for: a lot, a list of clients seen.
//!
//! `xt_statistic.c`, `xt_recent.c` and `xt_nfacct.c` of Linux 6.18. What both tools can ask
//! (addresses, ports, marks, states, types of addresses) is a [`super::Expression`] for both.
//!
//! **Left out**: the time-to-live test of `recent` (`--rttl`), its `/proc` files, module parameters, and
//! counts of hits beyond thirty-two.

use super::Name;
use crate::ip::IpAddr;
use crate::time::{Duration, Instant};
use serde::Serialize;
use std::collections::BTreeMap;

/// The kernel counts probabilities in parts of this.
const WHOLE: u64 = 0x8000_0000;
/// Probabilities are written with this many digits at most.
const DIGITS: u64 = 100_000_000_000;

/// How many addresses a list holds (`ip_list_tot`).
const MAX_ADDRESSES: usize = 100;
/// How many moments a list remembers of each.
const MAX_STAMPS: usize = 32;

/// `-m statistic`: a match that holds by lot, or each so many times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Statistic {
    /// How it is decided.
    pub mode: StatisticMode,
    /// Whether it holds when the lot falls the other way.
    pub inverted: bool,
}

/// How `-m statistic` decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StatisticMode {
    /// By lot.
    Random(Probability),
    /// Every so many packets.
    Nth {
        /// How many packets make a round.
        every: u32,
        /// Which of them it is, counted from zero.
        packet: u32,
    },
}

/// A probability as it was written. Two are alike if the kernel cannot tell them apart.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Probability {
    /// In parts of 10¹¹.
    digits: u64,
}

/// `-m recent`: a question to, or a change of, a list of addresses seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Recent {
    /// The list.
    pub list: Name,
    /// What is done.
    pub command: RecentCommand,
    /// Whether the match holds when the answer is no.
    pub inverted: bool,
    /// Which address of the packet.
    pub side: RecentSide,
    /// How much of the address counts.
    pub mask: IpAddr,
    /// Only if it was seen within these seconds.
    pub seconds: Option<u32>,
    /// Whether an address not seen for longer is taken off the list.
    pub reaps: bool,
    /// Only if it was seen at least so often.
    pub hit_count: Option<u32>,
}

/// What `-m recent` does with its list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecentCommand {
    /// Puts the address on it, now.
    Set,
    /// Asks for it.
    Check,
    /// Asks for it, and if it is there, notes the time again.
    Update,
    /// Takes it off.
    Remove,
}

/// Which address `-m recent` looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecentSide {
    /// `--rsource`
    Source,
    /// `--rdest`
    Destination,
}

impl Probability {
    /// One in `n`, with the ten digits kube-proxy writes.
    #[must_use]
    pub fn one_in(n: usize) -> Self {
        let n = u64::try_from(n.max(1)).unwrap_or(u64::MAX);
        let whole = DIGITS / 10;
        Probability {
            digits: (whole + n / 2) / n * 10,
        }
    }

    /// Reads `0.5`; none if it is no number between zero and one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
        let rest: String = rest.chars().take(11).collect();
        let is_number = |it: &str| it.bytes().all(|it| it.is_ascii_digit());
        if whole.len() != 1 || !is_number(whole) || !is_number(&rest) {
            return None;
        }
        let digits = format!("{whole}{rest:0<11}").parse().ok()?;
        (digits <= DIGITS).then_some(Probability { digits })
    }

    /// As the kernel keeps it, in parts of 2³¹.
    #[must_use]
    pub fn threshold(self) -> u64 {
        let scaled = u128::from(self.digits) * u128::from(WHOLE) + u128::from(DIGITS / 2);
        u64::try_from(scaled / u128::from(DIGITS)).unwrap_or(WHOLE)
    }

    /// The number itself.
    #[must_use]
    pub fn value(self) -> f64 {
        let written = self.digits.is_multiple_of(10);
        let (parts, whole) = if written {
            (self.digits, DIGITS)
        } else {
            (self.threshold(), WHOLE)
        };
        // Both are far below 2⁵³, so nothing is lost.
        #[expect(clippy::cast_precision_loss, reason = "below 2^53")]
        let value = parts as f64 / whole as f64;
        value
    }

    /// As it was written: ten digits where they are enough.
    #[must_use]
    pub fn written(self) -> String {
        let (whole, rest) = (self.digits / DIGITS, self.digits % DIGITS);
        match rest % 10 {
            0 => format!("{whole}.{:010}", rest / 10),
            _ => format!("{whole}.{rest:011}"),
        }
    }

    /// As `iptables-save` prints what the kernel kept: eleven digits.
    #[must_use]
    pub fn listed(self) -> String {
        let scaled = u128::from(self.threshold()) * u128::from(DIGITS);
        let digits = (scaled + u128::from(WHOLE / 2)) / u128::from(WHOLE);
        let (whole, rest) = (digits / u128::from(DIGITS), digits % u128::from(DIGITS));
        format!("{whole}.{rest:011}")
    }
}

impl PartialEq for Probability {
    fn eq(&self, other: &Self) -> bool {
        self.threshold() == other.threshold()
    }
}

impl Eq for Probability {}

impl Recent {
    /// Whether all bits of an address count.
    #[must_use]
    pub fn counts_whole_address(&self) -> bool {
        match self.mask {
            IpAddr::V4(mask) => mask.is_broadcast(),
            IpAddr::V6(mask) => mask.segments() == [u16::MAX; 8],
        }
    }

    /// The part of an address that counts.
    fn masked(&self, address: IpAddr) -> IpAddr {
        match (address, self.mask) {
            (IpAddr::V4(it), IpAddr::V4(mask)) => (it & mask).into(),
            (IpAddr::V6(it), IpAddr::V6(mask)) => (it & mask).into(),
            _ => address,
        }
    }
}

/// The lists of `-m recent` on one host. A list is one for all tables and rules that name it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecentLists {
    /// By list and address: the moments it was seen, oldest first.
    seen: BTreeMap<Name, BTreeMap<IpAddr, Vec<Instant>>>,
}

/// What a list answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecentAnswer {
    /// The address that was asked for.
    pub address: IpAddr,
    /// Whether the match holds.
    pub holds: bool,
    /// Whether the address was noted.
    pub noted: bool,
}

impl RecentLists {
    /// Carries out one `-m recent` for an address (`recent_mt`).
    pub fn meet(&mut self, recent: &Recent, address: IpAddr, now: Instant) -> RecentAnswer {
        let address = recent.masked(address);
        let list = self.seen.entry(recent.list.clone()).or_default();
        let answer = |found: bool, noted| RecentAnswer {
            address,
            holds: found != recent.inverted,
            noted,
        };
        let Some(stamps) = list.get(&address).cloned() else {
            if recent.command != RecentCommand::Set {
                return answer(false, false);
            }
            if list.len() >= MAX_ADDRESSES {
                forget_oldest(list, |_| true);
            }
            list.insert(address, vec![now]);
            return answer(true, true);
        };
        match recent.command {
            RecentCommand::Set => {
                note(list, address, now);
                answer(true, true)
            }
            RecentCommand::Remove => {
                list.remove(&address);
                answer(true, false)
            }
            RecentCommand::Check | RecentCommand::Update => {
                let length = Duration::from_secs(u64::from(recent.seconds.unwrap_or(0)));
                let is_recent =
                    |stamp: &Instant| recent.seconds.is_none() || now - *stamp <= length;
                let n_hits = stamps.iter().filter(|it| is_recent(it)).count();
                let wanted = recent.hit_count.map_or(1, |it| it.max(1));
                let found = u32::try_from(n_hits).unwrap_or(u32::MAX) >= wanted;
                if recent.reaps {
                    forget_oldest(list, |last| !is_recent(&last));
                }
                let noted = recent.command == RecentCommand::Update && found != recent.inverted;
                if noted {
                    note(list, address, now);
                }
                answer(found, noted)
            }
        }
    }

    /// The addresses on a list, with the moment each was seen last.
    pub fn on<'a>(&'a self, list: &str) -> impl Iterator<Item = (IpAddr, Instant)> + 'a {
        let found = self.seen.get(list).into_iter().flatten();
        found.filter_map(|(address, stamps)| Some((*address, *stamps.last()?)))
    }
}

fn note(list: &mut BTreeMap<IpAddr, Vec<Instant>>, address: IpAddr, now: Instant) {
    let stamps = list.entry(address).or_default();
    if stamps.len() >= MAX_STAMPS {
        stamps.remove(0);
    }
    stamps.push(now);
}

/// Takes the address off the list that was noted longest ago, if the condition holds for it.
fn forget_oldest(list: &mut BTreeMap<IpAddr, Vec<Instant>>, condition: impl Fn(Instant) -> bool) {
    let oldest = list
        .iter()
        .filter_map(|(address, stamps)| Some((*stamps.last()?, *address)))
        .min();
    if let Some((last, address)) = oldest
        && condition(last)
    {
        list.remove(&address);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recent(command: RecentCommand) -> Recent {
        Recent {
            list: "l".into(),
            command,
            inverted: false,
            side: RecentSide::Source,
            mask: "255.255.255.255".parse().expect("an address"),
            seconds: (command != RecentCommand::Set).then_some(10),
            reaps: command != RecentCommand::Set,
            hit_count: None,
        }
    }

    fn at(secs: u64) -> Instant {
        Instant::START + Duration::from_secs(secs)
    }

    fn client(last: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, last])
    }

    #[test]
    fn probabilities_print_as_kube_proxy_and_iptables_save_print_them() {
        let third = Probability::one_in(3);
        assert_eq!(third.written(), "0.3333333333");
        assert_eq!(third.listed(), "0.33333333349");
        assert_eq!(Probability::parse(&third.listed()), Some(third));
        assert_eq!(Probability::one_in(2).listed(), "0.50000000000");
        assert_eq!(Probability::one_in(1).written(), "1.0000000000");
        assert_eq!(Probability::one_in(100_001).written(), "0.0000099999");
        assert_eq!(Probability::parse("1.5"), None);
        assert_eq!(Probability::parse("half"), None);
    }

    #[test]
    fn an_address_is_remembered_for_as_long_as_the_rule_says_and_a_set_renews_it() {
        let mut lists = RecentLists::default();
        let (set, check) = (recent(RecentCommand::Set), recent(RecentCommand::Check));
        assert!(!lists.meet(&check, client(1), at(0)).holds);
        assert!(lists.meet(&set, client(1), at(0)).holds);
        assert!(lists.meet(&check, client(1), at(10)).holds);
        assert!(!lists.meet(&check, client(2), at(10)).holds);
        lists.meet(&set, client(1), at(8));
        assert!(lists.meet(&check, client(1), at(18)).holds);
        assert!(!lists.meet(&check, client(1), at(19)).holds);
        assert_eq!(lists.on("l").count(), 0, "reaped");
    }

    #[test]
    fn a_full_list_forgets_whoever_came_longest_ago() {
        let mut lists = RecentLists::default();
        let set = recent(RecentCommand::Set);
        for last in 0..=100 {
            lists.meet(&set, client(last), at(u64::from(last)));
        }
        let check = Recent {
            seconds: None,
            ..recent(RecentCommand::Check)
        };
        assert!(!lists.meet(&check, client(0), at(101)).holds);
        assert!(lists.meet(&check, client(1), at(101)).holds);
    }

    #[test]
    fn a_count_of_hits_is_a_count_within_the_seconds() {
        let mut lists = RecentLists::default();
        let set = recent(RecentCommand::Set);
        for secs in [0, 9, 10] {
            lists.meet(&set, client(1), at(secs));
        }
        let check = |hit_count| Recent {
            hit_count: Some(hit_count),
            ..recent(RecentCommand::Check)
        };
        assert!(lists.meet(&check(3), client(1), at(10)).holds);
        assert!(!lists.meet(&check(3), client(1), at(12)).holds);
        assert!(lists.meet(&check(2), client(1), at(12)).holds);
    }
}
