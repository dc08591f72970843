//! A media query as a value that changes.

use gloo::events::EventListener;
use gloo::utils::window;
use yew::prelude::*;

/// Whether somebody prefers that nothing moves.
pub const REDUCED_MOTION: &str = "(prefers-reduced-motion: reduce)";

/// Whether a media query holds.
#[hook]
pub fn use_media(query: &'static str) -> bool {
    let holds = use_state_eq(|| holds_now(query));
    let setter = holds.setter();
    use_effect_with(query, move |query| {
        let query = *query;
        let list = window().match_media(query).ok().flatten();
        let listener = list
            .map(|list| EventListener::new(&list, "change", move |_| setter.set(holds_now(query))));
        move || drop(listener)
    });
    *holds
}

/// Whether a media query holds at this moment.
#[must_use]
pub fn holds_now(query: &str) -> bool {
    window()
        .match_media(query)
        .ok()
        .flatten()
        .is_some_and(|it| it.matches())
}
