//! The words and marks for the ways a hop can go, the same everywhere on the page.

use packetwalk_core::view::{Emphasis, LegName};

/// The name, as styles know it.
#[must_use]
pub const fn name(leg: LegName) -> &'static str {
    match leg {
        LegName::Dns => "dns",
        LegName::Request => "request",
        LegName::Reply => "reply",
    }
}

/// The mark that stands for it where colour does not.
#[must_use]
pub const fn mark(leg: LegName) -> &'static str {
    match leg {
        LegName::Dns => "?",
        LegName::Request => "→",
        LegName::Reply => "↩",
    }
}

/// The word for a heading.
#[must_use]
pub const fn word(leg: LegName) -> &'static str {
    match leg {
        LegName::Dns => "name lookup",
        LegName::Request => "request",
        LegName::Reply => "reply",
    }
}

/// An emphasis, as styles know it.
#[must_use]
pub const fn emphasis(emphasis: Emphasis) -> &'static str {
    match emphasis {
        Emphasis::Passing => "passing",
        Emphasis::Deciding => "deciding",
        Emphasis::Ending => "ending",
    }
}
