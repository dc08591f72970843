//! What a first visitor is told: three sentences, put away for good with one button.

use crate::storage;
use yew::prelude::*;

/// The guidance, until it is put away.
#[component]
pub fn Guidance() -> Html {
    let is_away = use_state_eq(storage::is_guided);
    let on_done = {
        let is_away = is_away.clone();
        Callback::from(move |_: MouseEvent| {
            storage::keep_guided();
            is_away.set(true);
        })
    };
    html! {
        <div class="guidance" hidden={*is_away}>
            <p class="guidance__text">
                {"A pod named "}<strong>{"client"}</strong>{" is about to ask for "}<code>{"http://api"}</code>
                {". Follow its packet hop by hop"}
                <span class="guidance__keys">
                    {" with "}<kbd>{"→"}</kbd>{" and "}<kbd>{"←"}</kbd>{", or let it walk with "}<kbd>{"Space"}</kbd>
                </span>
                <span class="guidance__touch">{" with the arrows below"}</span>
                {". Then change the manifest and see the walk change with it."}
            </p>
            <button class="button button--quiet" type="button" onclick={on_done}>{"Got it"}</button>
        </div>
    }
}
