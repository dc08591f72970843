//! Everything the page does besides drawing: timers, keeping the text, moving the caret and the
//! page, and telling what went wrong.

use crate::hooks::media::{REDUCED_MOTION, holds_now};
use crate::session::{Dispatch, State};
use crate::storage;
use gloo::timers::callback::Timeout;
use gloo::utils::{document, window};
use packetwalk_core::session::{Effect, Event};
use wasm_bindgen::JsCast;
use web_sys::{
    Element, HtmlTextAreaElement, ScrollBehavior, ScrollIntoViewOptions, ScrollLogicalPosition,
    ScrollToOptions,
};
use yew::prelude::*;

/// What part of the screen, from above, a packet should be in: the desk covers what is below.
const IN_SIGHT: std::ops::Range<f64> = 0.12..0.55;

/// Where a packet is put that was out of sight.
const INTO_SIGHT: f64 = 0.3;

/// Does what the session asks for, once each.
#[hook]
pub fn use_effects(state: &UseReducerHandle<State>) {
    // The one timer that matters: a later one replaces it, and it ends with the page.
    let waiting = use_mut_ref(|| None::<Timeout>);
    let dispatch = state.dispatcher();
    let (n_orders, effects) = state.orders();
    let effects = effects.to_vec();
    use_effect_with(n_orders, move |_| {
        for effect in effects {
            *waiting.borrow_mut() = Some(carry_out(effect, dispatch.clone()));
        }
    });
    use_effect_with((), |()| storage::opened());
}

fn carry_out(effect: Effect, dispatch: Dispatch) -> Timeout {
    let Effect::Wake { after_ms, timer } = effect;
    Timeout::new(after_ms, move || dispatch.dispatch(Event::Elapsed(timer)))
}

/// Takes a changed text in. It is kept before anything else happens to it.
pub fn edit(dispatch: &Dispatch, text: String) {
    storage::keep_text(&text);
    dispatch.dispatch(Event::Edited(text));
}

/// Opens a text from outside: nothing of it is kept until it is changed.
pub fn open(dispatch: &Dispatch, text: &str) {
    storage::forget_text();
    dispatch.dispatch(Event::Edited(text.to_owned()));
}

/// Moves the caret to a line and column of the manifest, both counted from 1.
pub fn go_to_line(line: u32, column: u32) {
    let area = document()
        .get_element_by_id("yaml")
        .and_then(|it| it.dyn_into::<HtmlTextAreaElement>().ok());
    let Some(area) = area else { return };
    let at = caret(&area.value(), line, column);
    let _ = area.focus();
    let _ = area.set_selection_range(at, at);
    let selector = format!("#editor [data-line=\"{line}\"]");
    if let Ok(Some(line)) = document().query_selector(&selector) {
        let options = ScrollIntoViewOptions::new();
        options.set_block(ScrollLogicalPosition::Center);
        options.set_behavior(behavior());
        line.scroll_into_view_with_scroll_into_view_options(&options);
    }
}

/// Where a line and column are in a text, in the units the browser counts: UTF-16.
fn caret(text: &str, line: u32, column: u32) -> u32 {
    let lines_before = usize::try_from(line.saturating_sub(1)).unwrap_or(usize::MAX);
    let columns_before = usize::try_from(column.saturating_sub(1)).unwrap_or(usize::MAX);
    let mut lines = text.split('\n');
    let before: usize = lines
        .by_ref()
        .take(lines_before)
        .map(|it| it.encode_utf16().count() + 1)
        .sum();
    let within: usize = lines.next().map_or(0, |it| {
        it.chars().take(columns_before).map(char::len_utf16).sum()
    });
    u32::try_from(before + within).unwrap_or(u32::MAX)
}

/// Scrolls the page until a place on a picture is in sight; the place is a share of its height.
pub fn keep_in_sight(picture: &Element, share: f64) {
    let Some(height) = window().inner_height().ok().and_then(|it| it.as_f64()) else {
        return;
    };
    let rect = picture.get_bounding_client_rect();
    let y = rect.top() + rect.height() * share;
    if IN_SIGHT.contains(&(y / height)) {
        return;
    }
    let options = ScrollToOptions::new();
    options.set_top(y - height * INTO_SIGHT);
    options.set_behavior(behavior());
    window().scroll_by_with_scroll_to_options(&options);
}

fn behavior() -> ScrollBehavior {
    if holds_now(REDUCED_MOTION) {
        ScrollBehavior::Instant
    } else {
        ScrollBehavior::Smooth
    }
}

/// Leaves what a panic says where `first.js` finds it, which then shows a message and the text.
pub fn report_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let message = panic.to_string();
        web_sys::console::error_1(&message.as_str().into());
        if let Some(body) = gloo::utils::document().body() {
            let _ = body.set_attribute("data-panic", &message);
        }
    }));
}

#[cfg(test)]
mod tests {
    use super::caret;

    #[test]
    fn a_caret_counts_as_browsers_do() {
        assert_eq!(caret("ab\ncd", 1, 1), 0);
        assert_eq!(caret("ab\ncd", 2, 2), 4);
        assert_eq!(caret("\u{1F4E6}b\ncd", 1, 2), 2);
        assert_eq!(caret("ab", 9, 9), 3);
        assert_eq!(caret("", 0, 0), 0);
    }
}
