//! What stands in a first look where the whole page has a terminal and a doctor: the same place and name, and a field or button
//! that waits. The small module has no room for more.
//!
//! **Left out**: everything that answers.

use super::ledger_bar::ledger_bar;
use crate::effects::focus;
use crate::hand_over;
use crate::hooks::keys::use_figure_keys;
use crate::session::{Part, use_session};
use gloo::utils::document;
use packetwalk_core::session::Event;
use packetwalk_core::view::TerminalView;
use web_sys::{HtmlInputElement, KeyboardEvent};
use yew::prelude::*;

/// What the terminal shows.
#[derive(PartialEq, Properties)]
pub struct TerminalProps {
    /// The terminal.
    pub terminal: Part<TerminalView>,
}

/// The terminal's drawer with its field. The line that is sent waits.
#[component]
pub fn Terminal(props: &TerminalProps) -> Html {
    let dispatch = use_session();
    use_figure_keys("k", Callback::from(|_| toggle()));
    let on_key = Callback::from(move |event: KeyboardEvent| {
        if event.key() == "Enter" && !event.is_composing() {
            let field: HtmlInputElement = event.target_unchecked_into();
            dispatch.dispatch(Event::LineTyped(field.value()));
            field.set_value("");
        }
    });
    html! {
        <section class="drawer" aria-label="Terminal">
            <details class="terminal" id="terminal" ontoggle={Callback::from(|_| focus("terminal-line"))}>
                <summary class="terminal__bar" id="terminal-bar" aria-keyshortcuts="k">
                    <span class="terminal__name">{"Terminal"}</span>{" "}
                    <kbd class="press__key" aria-hidden="true">{"k"}</kbd>{" "}
                    <span class="terminal__last">{"kubectl, curl, dig, nft: before the cluster you see"}</span>
                </summary>
                <div class="terminal__log" id="terminal-log"></div>
                <div class="terminal__row">
                    <label class="terminal__prompt" for="terminal-line">{ props.terminal.prompt.clone() }</label>
                    <input
                        class="terminal__line" id="terminal-line" type="text" onkeydown={on_key}
                        aria-label="A line for the shell" autocomplete="off" autocapitalize="off" spellcheck="false"
                    />
                </div>
            </details>
        </section>
    }
}

fn toggle() {
    if let Some(drawer) = document().get_element_by_id("terminal") {
        // It is there, so it can be opened.
        let _ = drawer.toggle_attribute("open");
    }
}

/// The ledger's place. Opening it brings the whole page, which opens it.
#[component]
pub fn Ledger() -> Html {
    use_figure_keys("l", Callback::from(|_| hand_over::want("ledger-bar")));
    let on_press = Callback::from(|event: MouseEvent| {
        event.prevent_default();
        hand_over::want("ledger-bar");
    });
    html! {
        <details class="ledger" id="ledger">
            { ledger_bar(Some(on_press)) }
        </details>
    }
}

/// The doctor's place, with a button that brings the whole page.
#[component]
pub fn Doctor() -> Html {
    let on_press = Callback::from(|_: MouseEvent| hand_over::want("examine"));
    html! {
        <section class="doctor" id="doctor" aria-labelledby="doctor-head">
            <h2 class="panel__head" id="doctor-head">{"Doctor"}</h2>
            <p class="doctor__about">{"What is wrong with the Services of this cluster, and how one knows: every port is asked, by walking."}</p>
            <div class="doctor__row">
                <button class="button" id="examine" type="button" onclick={on_press}>{"Examine the cluster"}</button>
            </div>
        </section>
    }
}
