//! What every drawing on the stage is made with: numbers as SVG takes them, rooms, and words that fit.
//!
//! **Left out**: measuring letters; their width is estimated, rather too wide.

use packetwalk_core::view::{Point, Rect};
use yew::prelude::*;

/// How wide a letter is, as a share of its height: rather too wide than too narrow, for the widest of the faces.
const LETTER: f64 = 0.6;
const NAME_LETTER: f64 = 0.69;
const MONO_LETTER: f64 = 0.61;

/// Words shortened to fewer letters than this say nothing.
const FEWEST: usize = 5;

/// A number as SVG takes it, in tenths. (Rust's own writing of floats would be a fiftieth of the page.)
#[expect(
    clippy::cast_possible_truncation,
    reason = "maps are thousands of units wide, not billions"
)]
pub(super) fn n(value: f64) -> String {
    let tenths = (value * 10.0).round() as i64;
    let sign = if tenths < 0 { "-" } else { "" };
    let (whole, tenth) = (tenths.abs() / 10, tenths.abs() % 10);
    match tenth {
        0 => format!("{sign}{whole}"),
        _ => format!("{sign}{whole}.{tenth}"),
    }
}

pub(super) fn text(class: &'static str, x: f64, y: f64, text: &str) -> Html {
    html! { <text class={class} x={n(x)} y={n(y)}>{ text.to_owned() }</text> }
}

pub(super) fn room(class: &'static str, rect: Rect) -> Html {
    html! {
        <rect class={class} x={n(rect.x)} y={n(rect.y)} width={n(rect.width)} height={n(rect.height)} rx="3" />
    }
}

/// Points as SVG takes them.
pub(super) fn points(line: &[Point]) -> String {
    let all: Vec<String> = line
        .iter()
        .map(|it| format!("{},{}", n(it.x), n(it.y)))
        .collect();
    all.join(" ")
}

/// A count that is surely small, as a length.
pub(super) fn small(count: usize) -> f64 {
    f64::from(u16::try_from(count).unwrap_or(u16::MAX))
}

/// Letters of a size, for one room.
#[derive(Clone, Copy)]
pub(super) struct Letters {
    /// Their height.
    pub(super) size: f64,
    /// How wide one is, as a share of that.
    share: f64,
}

impl Letters {
    pub(super) const fn of(size: f64) -> Letters {
        Letters {
            size,
            share: LETTER,
        }
    }

    /// The bold ones of names.
    pub(super) const fn name(size: f64) -> Letters {
        Letters {
            size,
            share: NAME_LETTER,
        }
    }

    pub(super) const fn mono(size: f64) -> Letters {
        Letters {
            size,
            share: MONO_LETTER,
        }
    }

    fn advance(self) -> f64 {
        self.size * self.share
    }

    pub(super) fn width(self, text: &str) -> f64 {
        small(text.chars().count()) * self.advance()
    }

    /// A name as far as there is room: its beginning and its end, which tell pods of one owner apart.
    pub(super) fn fit(self, text: &str, room: f64) -> Option<String> {
        let letters: Vec<char> = text.chars().collect();
        if self.width(text) <= room {
            return Some(text.to_owned());
        }
        let mut n_fit = letters.len();
        while n_fit > 0 && small(n_fit) * self.advance() > room {
            n_fit -= 1;
        }
        if n_fit < FEWEST {
            return None;
        }
        let head = (n_fit - 1) / 2;
        let tail = n_fit - 1 - head;
        let mut fitted: String = letters[..head].iter().collect();
        fitted.push('…');
        fitted.extend(&letters[letters.len() - tail..]);
        Some(fitted)
    }

    /// The first of several ways to say something that has room.
    pub(super) fn first_fit(self, ways: &[String], room: f64) -> Option<String> {
        ways.iter().find(|it| self.width(it) <= room).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_in_tenths() {
        assert_eq!(n(12.0), "12");
        assert_eq!(n(12.345), "12.3");
        assert_eq!(n(-0.25), "-0.3");
        assert_eq!(n(-0.01), "0");
    }

    #[test]
    fn a_name_is_shortened_in_its_middle_or_left_out() {
        let letters = Letters::of(10.0);
        assert_eq!(letters.fit("api-1", 100.0).as_deref(), Some("api-1"));
        let fitted = letters.fit("api-7d4b9c-x2kqz", 60.0).expect("room");
        assert_eq!(fitted, "api-…x2kqz");
        assert!(letters.width(&fitted) <= 60.0);
        assert_eq!(letters.fit("api-7d4b9c-x2kqz", 20.0), None);
    }
}
