//! The way to the lessons, the same before they are there and after: a link to an address of the page.

use crate::hooks::keys::use_figure_keys;
use gloo::utils::window;
use yew::prelude::*;

/// The way to the lessons.
#[component]
pub fn LessonsButton() -> Html {
    use_figure_keys(
        "g",
        Callback::from(|_| {
            // An address of this page can always be gone to.
            let _ = window().location().set_hash("lessons");
        }),
    );
    html! {
        <a class="button button--link" id="lessons" href="#lessons" aria-keyshortcuts="g">
            {"Lessons "}<kbd class="press__key" aria-hidden="true">{"g"}</kbd>
        </a>
    }
}
