//! What a page wishes of a widget, read from a plain object of the script.
//!
//! **Left out**: complaining of a wish that means nothing: the script does that, for it has the element to name.

use super::Id;
use js_sys::Reflect;
use packetwalk_core::view::Layer;
use std::ops::RangeInclusive;
use wasm_bindgen::JsValue;

/// What a widget shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Look {
    /// The cluster as a picture.
    Map,
    /// The walk in words.
    Walk,
    /// What the hop that is shown asked.
    Rules,
    /// The manifest.
    Yaml,
    /// A shell.
    Terminal,
    /// What was asked of DNS.
    Dns,
    /// The map, and beneath it the rest, one leaf at a time.
    #[default]
    Combined,
}

/// What steers the walk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Steering {
    /// All there is.
    Full,
    /// Buttons and the line of hops.
    Small,
    /// Nothing: the page around the widget steers it.
    Nothing,
}

/// What a page wishes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Wishes {
    /// The manifest.
    pub(super) text: String,
    /// Who asks.
    pub(super) from: String,
    /// Whom.
    pub(super) to: String,
    /// How rules are written, instead of what the manifest says.
    pub(super) mode: Option<String>,
    /// The hop it begins at, counted from zero.
    pub(super) step: Option<usize>,
    /// Which layer.
    pub(super) layer: Layer,
    /// What is shown.
    pub(super) look: Look,
    /// What steers.
    pub(super) steering: Steering,
    /// Lines of the manifest that nobody may change, counted from 1.
    pub(super) kept_lines: Vec<RangeInclusive<usize>>,
    /// Whether one is asked before decisive hops.
    pub(super) asks_first: bool,
    /// The lesson it begins with, by name.
    pub(super) lesson: Option<String>,
    /// All lessons, as they were fetched.
    pub(super) lessons: Option<String>,
    /// Whose world is shown, if not its own.
    pub(super) follows: Option<Id>,
}

/// A text of an object, if it has one by that name.
pub(super) fn text(of: &JsValue, name: &str) -> Option<String> {
    let value = Reflect::get(of, &name.into()).ok()?;
    value.as_string()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a cast from a number of JavaScript stays within what there is"
)]
fn number(of: &JsValue, name: &str) -> Option<u32> {
    let value = Reflect::get(of, &name.into()).ok()?;
    Some(value.as_f64()? as u32)
}

/// The wishes.
pub(super) fn read(wishes: &JsValue) -> Wishes {
    let is = |name: &str, value: &str| text(wishes, name).is_some_and(|it| it == value);
    let step = number(wishes, "step").map(|it| it.saturating_sub(1) as usize);
    let asks = Reflect::get(wishes, &"asks".into()).ok();
    Wishes {
        text: text(wishes, "yaml").unwrap_or_default(),
        from: text(wishes, "from").unwrap_or_default(),
        to: text(wishes, "to").unwrap_or_default(),
        mode: text(wishes, "mode"),
        step,
        layer: if is("layer", "machine") {
            Layer::Machine
        } else {
            Layer::Story
        },
        look: look(&text(wishes, "view").unwrap_or_default()),
        steering: steering(&text(wishes, "controls").unwrap_or_default()),
        kept_lines: lines(&text(wishes, "readonly").unwrap_or_default()),
        asks_first: asks.is_some_and(|it| it.is_truthy()),
        lesson: text(wishes, "lesson"),
        lessons: text(wishes, "lessons"),
        follows: number(wishes, "follows"),
    }
}

fn look(name: &str) -> Look {
    match name {
        "map" => Look::Map,
        "walk" => Look::Walk,
        "rules" => Look::Rules,
        "yaml" => Look::Yaml,
        "terminal" => Look::Terminal,
        "dns" => Look::Dns,
        _ => Look::Combined,
    }
}

fn steering(name: &str) -> Steering {
    match name {
        "full" => Steering::Full,
        "none" => Steering::Nothing,
        _ => Steering::Small,
    }
}

/// Lines as people write them: `3`, `1-8,12`, or `all`.
fn lines(text: &str) -> Vec<RangeInclusive<usize>> {
    if text.trim() == "all" {
        return vec![1..=usize::MAX];
    }
    let parts = text.split(',').filter_map(|it| {
        let (first, last) = it.split_once('-').unwrap_or((it, it));
        Some(first.trim().parse().ok()?..=last.trim().parse().ok()?)
    });
    parts.collect()
}

#[cfg(test)]
mod tests {
    use super::lines;

    #[test]
    fn lines_are_read_as_people_write_them() {
        assert_eq!(lines("1-8, 12"), [1..=8, 12..=12]);
        assert_eq!(lines("all"), [1..=usize::MAX]);
        assert!(lines("").is_empty() && lines("some").is_empty());
    }
}
