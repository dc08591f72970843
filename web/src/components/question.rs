//! A question before a decisive hop: answers as buttons, and what is to be said to the one given.
//!
//! **Left out**: answering by pointing at the map.

use crate::session::{Part, use_session};
use packetwalk_core::session::Event;
use packetwalk_core::view::QuestionView;
use yew::prelude::*;

/// What is asked.
#[derive(PartialEq, Properties)]
pub struct QuestionProps {
    /// The question, if one is open.
    pub question: Part<Option<QuestionView>>,
}

/// The question.
#[component]
pub fn Question(props: &QuestionProps) -> Html {
    let dispatch = use_session();
    let Some(question) = props.question.as_ref() else {
        return Html::default();
    };
    let given = question.answered;
    let answer = |idx: usize| {
        let dispatch = dispatch.clone();
        Callback::from(move |_: MouseEvent| dispatch.dispatch(Event::Answered(idx)))
    };
    let on_go = {
        let dispatch = dispatch.clone();
        Callback::from(move |_: MouseEvent| dispatch.dispatch(Event::Forward))
    };
    let said = given.and_then(|it| question.answers.get(it));
    html! {
        <div class="question" id="question" role="group" aria-labelledby="question-prompt">
            <p class="question__prompt" id="question-prompt">
                <span class="question__place">{ question.place.clone() }</span>{" "}{ question.prompt.clone() }
            </p>
            <ul class="question__answers">
                { for question.answers.iter().enumerate().map(|(idx, it)| {
                    let is = match given {
                        Some(_) if it.is_right => Some("right"),
                        Some(given) if given == idx => Some("wrong"),
                        _ => None,
                    };
                    html! {
                        <li key={it.words.clone()}>
                            <button class="question__answer" type="button" data-answer={idx.to_string()} data-is={is}
                                aria-pressed={(given == Some(idx)).to_string()} aria-disabled={given.is_some().then_some("true")} onclick={answer(idx)}>
                                <span aria-hidden="true">{ match is { Some("right") => "✓ ", Some(_) => "✕ ", None => "" } }</span>
                                { it.words.clone() }
                            </button>
                        </li>
                    }
                }) }
            </ul>
            <p class="question__why" id="question-why" role="status">
                { for said.map(|it| html! {
                    <><strong>{ if it.is_right { "Yes. " } else if it.words == "not sure" { "" } else { "No. " } }</strong>{ it.why.clone() }</>
                }) }
            </p>
            { for given.is_some().then(|| html! {
                <button class="button button--main" id="go-and-see" type="button" onclick={on_go}>{"Go and see"}</button>
            }) }
        </div>
    }
}
