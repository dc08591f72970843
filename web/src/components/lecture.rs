//! Lecture mode: large type and one scene, for a room to see. The keys of a remote control, Page Down and Page Up, step; Esc
//! ends it.
//!
//! **Left out**: a screen of the speaker's own.

use crate::hooks::keys::{is_lecture, use_figure_keys};
use gloo::events::EventListener;
use gloo::utils::document;
use wasm_bindgen::JsCast;
use web_sys::KeyboardEvent;
use yew::prelude::*;

/// The button that begins and ends it.
#[component]
pub fn Lecture() -> Html {
    let is_on = use_state_eq(is_lecture);
    let set = {
        let is_on = is_on.setter();
        move |wanted: bool| {
            if let Some(root) = document().document_element() {
                // An attribute of the root can always be set.
                let _ = root.toggle_attribute_with_force("data-lecture", wanted);
            }
            is_on.set(wanted);
        }
    };
    let toggle = {
        let set = set.clone();
        Callback::from(move |_: ()| set(!is_lecture()))
    };
    use_figure_keys("b", toggle.reform(|_| ()));
    use_effect_with((), move |()| {
        let listener = EventListener::new(&document(), "keydown", move |event| {
            let event = event.dyn_ref::<KeyboardEvent>();
            if is_lecture()
                && event.is_some_and(|it| it.key() == "Escape" && !it.default_prevented())
            {
                set(false);
            }
        });
        move || drop(listener)
    });
    html! {
        <button
            class="button button--quiet lecture" id="lecture" type="button" aria-pressed={is_on.to_string()} aria-keyshortcuts="b"
            title="Large type and the walk alone; Page Down and Page Up step, Esc ends" onclick={toggle.reform(|_| ())}
        >
            {"Lecture "}<kbd class="press__key" aria-hidden="true">{"b"}</kbd>
        </button>
    }
}
