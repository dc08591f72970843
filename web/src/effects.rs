//! Everything the page does besides drawing: timers, and telling what went wrong.

use crate::session::{Dispatch, State};
use crate::storage;
use gloo::timers::callback::Timeout;
use packetwalk_core::session::{Effect, Event};
use yew::prelude::*;

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
