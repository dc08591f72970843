//! The bar of the ledger, the same before there is one and after.

use yew::prelude::*;

/// What the bar says, and what pressing it does beside opening.
pub fn ledger_bar(on_press: Option<Callback<MouseEvent>>) -> Html {
    html! {
        <summary class="ledger__bar" id="ledger-bar" aria-keyshortcuts="l" onclick={on_press}>
            <h2 class="ledger__name">{"Look up"}</h2>{" "}
            <kbd class="press__key" aria-hidden="true">{"l"}</kbd>{" "}
            <span class="ledger__about">{"all rules of a node in each mode, and what changed; Services, endpoints, connections, DNS, events"}</span>
        </summary>
    }
}
