//! Lengths of time as kubectl prints and reads them.
//!
//! `k8s.io/apimachinery/pkg/util/duration/duration.go` and Go's `time.ParseDuration`.
//!
//! **Left out**: nothing.

use crate::time::{Clock, Duration};

/// An age, in a few letters.
#[must_use]
pub fn human_duration(secs: i64) -> String {
    let (minutes, hours) = (secs / 60, secs / 3600);
    let two = |whole: i64, unit: &str, rest: i64, small: &str| match rest {
        0 => format!("{whole}{unit}"),
        rest => format!("{whole}{unit}{rest}{small}"),
    };
    match secs {
        i64::MIN..-1 => "<invalid>".to_owned(),
        -1 | 0 => "0s".to_owned(),
        1..120 => format!("{secs}s"),
        120..600 => two(minutes, "m", secs % 60, "s"),
        600..10_800 => format!("{minutes}m"),
        10_800..28_800 => two(hours, "h", minutes % 60, "m"),
        28_800..172_800 => format!("{hours}h"),
        172_800..691_200 => two(hours / 24, "d", hours % 24, "h"),
        691_200..63_072_000 => format!("{}d", hours / 24),
        63_072_000..252_288_000 => two(hours / 24 / 365, "y", hours / 24 % 365, "d"),
        _ => format!("{}y", hours / 24 / 365),
    }
}

/// The age of a date: `<unknown>` where there is none.
pub(crate) fn age(clock: &Clock, stamp: Option<&str>) -> String {
    stamp
        .and_then(|it| clock.secs_since(it))
        .map_or_else(|| "<unknown>".to_owned(), human_duration)
}

/// `1m30s`, `500ms`, as Go reads it.
pub(crate) fn parse(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::default());
    }
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    let mut ms = 0.0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let end = rest.find(|it: char| !it.is_ascii_digit() && it != '.')?;
        let number: f64 = rest[..end].parse().ok()?;
        rest = &rest[end..];
        let (unit, length) = [
            ("ns", 1e-6),
            ("us", 1e-3),
            ("µs", 1e-3),
            ("ms", 1.0),
            ("s", 1e3),
            ("m", 6e4),
            ("h", 3.6e6),
        ]
        .into_iter()
        .find(|it| rest.starts_with(it.0))?;
        rest = &rest[unit.len()..];
        ms += number * length;
    }
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a float beyond the range saturates, which is long enough"
    )]
    Some(Duration::from_millis(ms as u64))
}
