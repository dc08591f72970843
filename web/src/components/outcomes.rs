//! Every way the request can go, with its odds; choosing one shows it.

use super::verdict;
use crate::session::{Dispatch, Part, use_session};
use packetwalk_core::session::Event;
use packetwalk_core::view::OutcomeView;
use yew::prelude::*;

/// What is shown.
#[derive(PartialEq, Properties)]
pub struct OutcomesProps {
    /// The ways.
    pub outcomes: Part<Vec<OutcomeView>>,
}

/// Every way the request can go.
#[component]
pub fn Outcomes(props: &OutcomesProps) -> Html {
    let dispatch = use_session();
    let heading = match props.outcomes.len() {
        0 => "No way leads anywhere".to_owned(),
        1 => "One way it can go".to_owned(),
        n => format!("{n} ways it can go"),
    };
    html! {
        <div class="outcomes" id="outcomes">
            <h2 class="outcomes__head" id="outcomes-head">{ heading }</h2>
            <ul class="outcomes__list" aria-labelledby="outcomes-head">
                { for props.outcomes.iter().enumerate().map(|(idx, it)| outcome(idx, it, &dispatch)) }
            </ul>
        </div>
    }
}

fn outcome(idx: usize, outcome: &OutcomeView, dispatch: &Dispatch) -> Html {
    let dispatch = dispatch.clone();
    let on_choose = Callback::from(move |_: MouseEvent| dispatch.dispatch(Event::WayChosen(idx)));
    let ending = &outcome.ending;
    let whom = ending
        .object
        .as_deref()
        .and_then(|it| it.rsplit('/').next());
    html! {
        <li key={idx}>
            <button
                class="outcome" type="button" data-way={idx.to_string()}
                data-verdict={ending.verdict.name()}
                aria-pressed={outcome.is_shown.to_string()}
                title={ending.sentence.clone()}
                onclick={on_choose}
            >
                <span class="outcome__odds">{ outcome.odds.clone() }</span>
                <span class="outcome__mark" aria-hidden="true">{ verdict::mark(ending.verdict) }</span>
                <span class="outcome__verdict">{ verdict::word(ending.verdict) }</span>
                <span class="outcome__whom">{ whom.unwrap_or_default().to_owned() }</span>
                <span class="outcome__where">{ ending.destination.clone().unwrap_or_default() }</span>
            </button>
        </li>
    }
}
