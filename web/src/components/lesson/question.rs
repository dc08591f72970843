//! A guess before something is watched: options as buttons, and what is said to each that was chosen.
//!
//! The first answer counts; the others may be chosen afterwards, to read what is said to them.

use super::words::{phrase, words};
use crate::session::Dispatch;
use packetwalk_core::session::{Event, LessonEvent};
use packetwalk_core::view::{Chosen, LessonQuestion, OptionView};
use yew::prelude::*;

/// A question.
pub(super) fn question(question: &LessonQuestion, dispatch: &Dispatch) -> Html {
    let is_answered = question.measured.is_some();
    html! {
        <div class="guess" id="guess" role="group" aria-labelledby="guess-prompt" key={question.id.clone()}>
            <div class="guess__prompt" id="guess-prompt">{ words(&question.prompt) }</div>
            <ul class="guess__options">
                { for question.options.iter().map(|it| option(it, dispatch)) }
            </ul>
            <div role="status" id="guess-said">
                { for question.options.iter().filter(|it| it.chosen != Chosen::Never).map(said) }
            </div>
            <p class="guess__measured" hidden={!is_answered}>{ match &question.measured {
                Some(Ok(value)) => html! { <>{"Measured in this world: "}<code>{ value.clone() }</code></> },
                Some(Err(error)) => html! { { format!("This cannot be measured: {error}.") } },
                None => Html::default(),
            } }</p>
        </div>
    }
}

fn option(it: &OptionView, dispatch: &Dispatch) -> Html {
    let on_choose = {
        let (dispatch, id) = (dispatch.clone(), it.id.clone());
        Callback::from(move |_: MouseEvent| {
            dispatch.dispatch(Event::Lesson(LessonEvent::Answered(id.clone())));
        })
    };
    let is = verdict(it);
    html! {
        <li key={it.id.clone()}>
            <button class="guess__option" type="button" data-option={it.id.clone()} data-is={is}
                aria-pressed={(it.chosen != Chosen::Never).to_string()} onclick={on_choose}>
                <span class="guess__mark" aria-hidden="true">{ match is { Some("right") => "✓", Some(_) => "✕", None => "" } }</span>
                <span>{ phrase(&it.words) }<span class="hidden">{ match is { Some("right") => " (right)", Some(_) => " (wrong)", None => "" } }</span></span>
            </button>
        </li>
    }
}

/// How an option is marked: the right one once somebody has answered, others once they were chosen.
fn verdict(it: &OptionView) -> Option<&'static str> {
    match (it.is_right, it.chosen) {
        (Some(true), _) => Some("right"),
        (Some(false), Chosen::First | Chosen::Later) => Some("wrong"),
        _ => None,
    }
}

fn said(it: &OptionView) -> Html {
    let is_right = it.is_right == Some(true);
    html! {
        <div class="guess__why" key={it.id.clone()} data-is={if is_right { "right" } else { "wrong" }}>
            <p class="guess__head"><strong>{ if is_right { "Yes." } else { "No." } }</strong>{" "}<span class="guess__said">{ phrase(&it.words) }</span></p>
            { words(&it.why) }
            { for it.misconception.iter().map(|it| html! {
                <div class="guess__belief"><span class="guess__label">{"What many believe"}</span>{ words(it) }</div>
            }) }
        </div>
    }
}
