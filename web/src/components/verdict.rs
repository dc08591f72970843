//! The word and the mark for how a walk ends.

use packetwalk_core::view::Verdict;

/// The mark that stands for it where colour does not.
#[must_use]
pub const fn mark(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Delivered => "✓",
        Verdict::Forwarded => "↗",
        Verdict::Refused => "✕",
        Verdict::Dropped => "┄▪",
        Verdict::Unreachable => "⊘",
        Verdict::NoSuchHost => "?",
    }
}

/// The word for people.
#[must_use]
pub fn word(verdict: Verdict) -> String {
    verdict.name().replace('-', " ")
}
