//! Keys that steer the walk, wherever on the figure or in a lesson the focus is, or nowhere in particular.
//!
//! They never act while somebody types or chooses, with another key held, or where the focused
//! control has a use of its own for the key.

use crate::ground::{Ground, use_ground};
use crate::session::Dispatch;
use gloo::events::{EventListener, EventListenerOptions};
use gloo::utils::document;
use packetwalk_core::session::{Event, SPEEDS};
use packetwalk_core::view::Playback;
use wasm_bindgen::JsCast;
use web_sys::{Element, KeyboardEvent};
use yew::prelude::*;

/// Listens for the keys.
#[hook]
pub fn use_keys(ground: &Ground, dispatch: &Dispatch, playback: Playback) {
    let (ground, dispatch) = (ground.clone(), dispatch.clone());
    use_effect_with(playback, move |playback| {
        let playback = *playback;
        let options = EventListenerOptions::enable_prevent_default();
        let listener =
            EventListener::new_with_options(&ground.ear(), "keydown", options, move |event| {
                let Some(event) = event.dyn_ref::<KeyboardEvent>() else {
                    return;
                };
                if let Some(meant) = meant(event, playback) {
                    event.prevent_default();
                    ground.keep(event);
                    dispatch.dispatch(meant);
                }
            });
        move || drop(listener)
    });
}

/// Hands on keys that mean something to a part of the figure, under the same conditions.
#[hook]
pub fn use_figure_keys(keys: &'static str, on_key: Callback<String>) {
    // The listener stays; what it calls is always the newest.
    let ground = use_ground();
    let newest = use_mut_ref(|| on_key.clone());
    newest.replace(on_key);
    use_effect_with(keys, move |keys| {
        let keys = *keys;
        let listener = EventListener::new(&ground.ear(), "keydown", move |event| {
            let Some(event) = event.dyn_ref::<KeyboardEvent>() else {
                return;
            };
            let key = event.key();
            if is_plain(event) && keys.contains(&*key) && key.len() == 1 && acts_here(event, &key) {
                ground.keep(event);
                newest.borrow().emit(key);
            }
        });
        move || drop(listener)
    });
}

fn is_plain(event: &KeyboardEvent) -> bool {
    !(event.ctrl_key() || event.alt_key() || event.meta_key() || event.default_prevented())
}

fn acts_here(event: &KeyboardEvent, key: &str) -> bool {
    let target = event.target().and_then(|it| it.dyn_into::<Element>().ok());
    target.is_some_and(|it| acts_from(&it, key))
}

fn meant(event: &KeyboardEvent, playback: Playback) -> Option<Event> {
    let key = event.key();
    (is_plain(event) && acts_here(event, &key)).then(|| match key.as_str() {
        "PageDown" if is_lecture() => Some(Event::Forward),
        "PageUp" if is_lecture() => Some(Event::Back),
        key => of_key(key, playback),
    })?
}

/// Whether a room is looking on.
#[must_use]
pub fn is_lecture() -> bool {
    let root = document().document_element();
    root.is_some_and(|it| it.has_attribute("data-lecture"))
}

fn acts_from(target: &Element, key: &str) -> bool {
    let is_in = |selector: &str| target.closest(selector).ok().flatten().is_some();
    let is_typed = is_in("input:not([type=range]), textarea, select, [contenteditable]");
    let is_ours = is_in("#figure, #lesson") || target.matches("body, html").unwrap_or(false);
    let is_its_own = match key {
        " " => is_in("button, a, summary"),
        "ArrowLeft" | "ArrowRight" | "Home" | "End" => is_in("[type=range]"),
        _ => false,
    };
    is_ours && !is_typed && !is_its_own
}

/// What a key means.
fn of_key(key: &str, playback: Playback) -> Option<Event> {
    Some(match key {
        " " if playback.is_playing => Event::Pause,
        " " => Event::Play,
        "ArrowRight" => Event::Forward,
        "ArrowLeft" => Event::Back,
        "Home" => Event::Jump(0),
        "End" => Event::Jump(playback.n_hops.saturating_sub(1)),
        "n" | "N" => Event::ToNextDecision,
        "+" | "=" => Event::SpeedSet(speed_beside(playback.speed, 1)),
        "-" => Event::SpeedSet(speed_beside(playback.speed, -1)),
        _ => return None,
    })
}

/// The place of a speed in the list of speeds.
#[must_use]
pub fn speed_idx(speed: f64) -> usize {
    let faster = SPEEDS.iter().position(|it| *it >= speed);
    faster.unwrap_or(SPEEDS.len() - 1)
}

/// The speed so many places further on in the list, or the last one.
#[must_use]
pub fn speed_beside(speed: f64, places: isize) -> f64 {
    let idx = speed_idx(speed).saturating_add_signed(places);
    SPEEDS[idx.min(SPEEDS.len() - 1)]
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAYBACK: Playback = Playback {
        position: 3,
        n_hops: 14,
        is_playing: false,
        speed: 1.0,
        move_ms: 700,
    };

    #[test]
    fn space_plays_and_pauses() {
        assert_eq!(of_key(" ", PLAYBACK), Some(Event::Play));
        let playing = Playback {
            is_playing: true,
            ..PLAYBACK
        };
        assert_eq!(of_key(" ", playing), Some(Event::Pause));
    }

    #[test]
    fn end_is_the_last_hop_and_an_empty_walk_has_one_too() {
        assert_eq!(of_key("End", PLAYBACK), Some(Event::Jump(13)));
        let empty = Playback {
            n_hops: 0,
            ..PLAYBACK
        };
        assert_eq!(of_key("End", empty), Some(Event::Jump(0)));
    }

    #[test]
    fn speeds_stay_within_their_list() {
        assert_eq!(speed_beside(4.0, 1), 4.0);
        assert_eq!(speed_beside(0.25, -1), 0.25);
        assert_eq!(speed_beside(1.0, 1), 2.0);
    }

    #[test]
    fn other_keys_mean_nothing() {
        assert_eq!(of_key("x", PLAYBACK), None);
        assert_eq!(of_key("Tab", PLAYBACK), None);
    }
}
