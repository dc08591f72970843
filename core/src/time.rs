//! An instant of the simulated cluster, and the date it stands for.
//!
//! The core has no clock: a shell, a test or a recorded world says what time it is. Dates are those of RFC 3339
//! in UTC, as Kubernetes writes them; days are counted by the proleptic Gregorian calendar.
//!
//! **Left out**: leap seconds, and years outside 0 to 9999.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::{Add, Sub};

/// Milliseconds since the cluster began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Instant(u64);

/// What time it is in a cluster: how long it has run, and since when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock {
    /// How long the cluster has run.
    pub now: Instant,
    /// When it began, in seconds since 1970.
    pub epoch_secs: i64,
}

impl Default for Clock {
    /// The first second of 2026.
    fn default() -> Self {
        Clock {
            now: Instant::START,
            epoch_secs: 1_767_225_600,
        }
    }
}

impl Clock {
    /// The date of now, to the second.
    #[must_use]
    pub fn stamp(&self) -> String {
        self.stamp_of(self.now)
    }

    /// The date of an instant, to the second.
    #[must_use]
    pub fn stamp_of(&self, instant: Instant) -> String {
        let secs = i64::try_from(instant.as_millis() / 1000).unwrap_or(i64::MAX);
        stamp(self.epoch_secs.saturating_add(secs))
    }

    /// The date of now, to the microsecond, as leases have it.
    #[must_use]
    pub fn micro_stamp(&self) -> String {
        let micros = self.now.as_millis() % 1000 * 1000;
        let stamp = self.stamp();
        format!("{}.{micros:06}Z", stamp.trim_end_matches('Z'))
    }

    /// How many seconds have passed since a date; negative for one that is still to come.
    #[must_use]
    pub fn secs_since(&self, stamp: &str) -> Option<i64> {
        let now = i64::try_from(self.now.as_millis() / 1000).ok()?;
        Some(self.epoch_secs + now - unix_secs(stamp)?)
    }

    /// The instant a date stands for, to the millisecond; the start for dates before it.
    #[must_use]
    pub fn instant_of(&self, stamp: &str) -> Option<Instant> {
        let secs = u64::try_from(unix_secs(stamp)? - self.epoch_secs);
        Some(secs.map_or(Instant::START, |it| {
            Instant(it.saturating_mul(1000) + fraction_ms(stamp))
        }))
    }
}

const SECS_A_DAY: i64 = 86_400;

/// A date of RFC 3339 in UTC: `2026-01-01T00:00:00Z`.
#[must_use]
pub fn stamp(unix_secs: i64) -> String {
    let (days, secs) = (
        unix_secs.div_euclid(SECS_A_DAY),
        unix_secs.rem_euclid(SECS_A_DAY),
    );
    // Years are counted from March, so that the leap day is the last of its year.
    let from_march = days + 719_468;
    let (era, day_of_era) = (
        from_march.div_euclid(146_097),
        from_march.rem_euclid(146_097),
    );
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let months = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * months + 2) / 5 + 1;
    let month = if months < 10 { months + 3 } else { months - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    let (hour, minute, second) = (secs / 3600, secs / 60 % 60, secs % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Seconds since 1970 of a date of RFC 3339; fractions of a second are dropped.
#[must_use]
pub fn unix_secs(stamp: &str) -> Option<i64> {
    let number = |from: usize, to: usize| -> Option<i64> {
        let digits = stamp.get(from..to)?;
        digits.bytes().all(|it| it.is_ascii_digit()).then_some(())?;
        digits.parse().ok()
    };
    let separators = [(4, "-"), (7, "-"), (10, "Tt "), (13, ":"), (16, ":")];
    for (at, allowed) in separators {
        allowed.contains(stamp.get(at..=at)?).then_some(())?;
    }
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let in_range = (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second <= 60;
    in_range.then_some(())?;
    let year = year - i64::from(month <= 2);
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = era * 146_097 + day_of_era - 719_468;
    let local = days * SECS_A_DAY + hour * 3600 + minute * 60 + second;
    Some(local - offset_secs(stamp.get(19..)?)?)
}

/// The milliseconds of a date: what it says after its seconds.
fn fraction_ms(stamp: &str) -> u64 {
    let fraction = stamp.get(19..).and_then(|it| it.strip_prefix('.'));
    let digits = fraction.unwrap_or_default().bytes();
    let digits = digits.take_while(u8::is_ascii_digit);
    let digits = digits.chain(std::iter::repeat(b'0')).take(3);
    digits.fold(0, |ms, it| ms * 10 + u64::from(it - b'0'))
}

/// What a date's end says about its zone: `Z`, `.123Z`, `+02:00`.
fn offset_secs(end: &str) -> Option<i64> {
    let zone = match end.strip_prefix('.') {
        Some(fraction) => fraction.trim_start_matches(|it: char| it.is_ascii_digit()),
        None => end,
    };
    if zone.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let sign = match zone.get(..1)? {
        "+" => 1,
        "-" => -1,
        _ => return None,
    };
    let (hours, minutes) = zone.get(1..)?.split_once(':')?;
    let (hours, minutes): (i64, i64) = (hours.parse().ok()?, minutes.parse().ok()?);
    Some(sign * (hours * 3600 + minutes * 60))
}

/// A length of time in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Duration(u64);

impl Instant {
    /// The moment the cluster began.
    pub const START: Instant = Instant(0);

    /// The instant `ms` milliseconds after the start.
    #[must_use]
    pub const fn from_millis(ms: u64) -> Self {
        Instant(ms)
    }

    /// Milliseconds since the start.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0
    }
}

impl Duration {
    /// A length of `secs` seconds.
    #[must_use]
    pub const fn from_secs(secs: u64) -> Self {
        Duration(secs.saturating_mul(1000))
    }

    /// A length of `ms` milliseconds.
    #[must_use]
    pub const fn from_millis(ms: u64) -> Self {
        Duration(ms)
    }

    /// Whole seconds, rounded down.
    #[must_use]
    pub const fn as_secs(self) -> u64 {
        self.0 / 1000
    }

    /// Milliseconds.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0
    }
}

impl Add<Duration> for Instant {
    type Output = Instant;

    fn add(self, length: Duration) -> Instant {
        Instant(self.0.saturating_add(length.0))
    }
}

impl Sub for Instant {
    type Output = Duration;

    fn sub(self, earlier: Instant) -> Duration {
        Duration(self.0.saturating_sub(earlier.0))
    }
}

impl fmt::Display for Duration {
    /// As nft prints a timeout: `3h`, `1m30s`, `2s996ms`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        if rest == 0 {
            return f.write_str("0s");
        }
        for (unit, length) in [
            ("d", 86_400_000),
            ("h", 3_600_000),
            ("m", 60_000),
            ("s", 1000),
            ("ms", 1),
        ] {
            if rest >= length {
                write!(f, "{}{unit}", rest / length)?;
                rest %= length;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_read_back_as_they_were_written() {
        for (secs, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_827_696, "2000-02-29T12:34:56Z"),
            (1_767_225_600, "2026-01-01T00:00:00Z"),
            (4_107_542_399, "2100-02-28T23:59:59Z"),
            (-1, "1969-12-31T23:59:59Z"),
        ] {
            assert_eq!(stamp(secs), text);
            assert_eq!(unix_secs(text), Some(secs));
        }
        assert_eq!(
            unix_secs("2026-01-01T02:00:00.25+02:00"),
            Some(1_767_225_600)
        );
        assert_eq!(unix_secs("yesterday"), None);
        assert_eq!(unix_secs("2026-13-01T00:00:00Z"), None);
    }

    #[test]
    fn a_clock_counts_from_its_epoch() {
        let clock = Clock {
            now: Instant::from_millis(61_250),
            ..Clock::default()
        };
        assert_eq!(clock.stamp(), "2026-01-01T00:01:01Z");
        assert_eq!(clock.micro_stamp(), "2026-01-01T00:01:01.250000Z");
        assert_eq!(clock.secs_since("2026-01-01T00:00:01Z"), Some(60));
        assert_eq!(
            clock.instant_of("2026-01-01T00:00:01Z"),
            Some(Instant::from_millis(1000))
        );
        for (fraction, ms) in [(".25", 250), (".004", 4), (".1239", 123), (".000000", 0)] {
            let stamp = format!("2026-01-01T00:00:01{fraction}Z");
            assert_eq!(
                clock.instant_of(&stamp),
                Some(Instant::from_millis(1000 + ms)),
                "{stamp}"
            );
        }
    }

    #[test]
    fn durations_print_as_nft_prints_them() {
        assert_eq!(Duration::from_secs(10800).to_string(), "3h");
        assert_eq!(Duration::from_millis(2996).to_string(), "2s996ms");
        assert_eq!(Duration::from_secs(90).to_string(), "1m30s");
    }
}
