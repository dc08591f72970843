//! What is said while the whole page is on its way, because something was done that only it can do, and when it does not come.
//!
//! **Left out**: how much of it has arrived.

use crate::hand_over;
use crate::session::Remark;
use yew::prelude::*;

/// What is said.
#[derive(PartialEq, Properties)]
pub struct RestProps {
    /// Whether something waits for the whole page.
    pub is_waiting: bool,
    /// What else is to be told, once.
    pub remark: Option<Remark>,
}

/// The line at the foot of the window.
#[component]
pub fn Rest(props: &RestProps) -> Html {
    let is_missing = use_state_eq(|| false);
    {
        let is_missing = is_missing.clone();
        use_effect_with((), move |()| {
            let listener = hand_over::on_missing(move || is_missing.set(true));
            move || drop(listener)
        });
    }
    use_effect_with(props.is_waiting, |is_waiting| {
        if *is_waiting {
            hand_over::want("");
        }
    });
    let on_again = {
        let is_missing = is_missing.clone();
        Callback::from(move |_: MouseEvent| {
            is_missing.set(false);
            hand_over::want("");
        })
    };
    let text = match (props.is_waiting, *is_missing) {
        (false, false) => "",
        (true, false) => "Computing…",
        (_, true) => {
            "The part of the page that computes did not load. What you typed is kept; the walk can still be stepped through."
        }
    };
    let is_read = use_state_eq(|| false);
    if let Some(remark) = props.remark.as_ref().filter(|_| !*is_read) {
        let on_read = Callback::from(move |_: MouseEvent| is_read.set(true));
        return html! {
            <div class="rest" data-is="missing">
                <p class="rest__text" id="rest" role="alert">{ remark.to_string() }</p>
                <button class="button" id="rest-read" type="button" onclick={on_read}>{"I see"}</button>
            </div>
        };
    }
    html! {
        <div class="rest" data-is={if *is_missing { "missing" } else if props.is_waiting { "coming" } else { "none" }}>
            <p class="rest__text" id="rest" role="status">{ text }</p>
            <button class="button" id="rest-again" type="button" hidden={!*is_missing} onclick={on_again}>{"Try again"}</button>
        </div>
    }
}
