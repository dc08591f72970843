//! The walk as text: every hop in order, the one shown marked, each a button that goes there.

use super::{leg, verdict};
use crate::ground::use_ground;
use crate::session::{Dispatch, Part, use_session};
use packetwalk_core::session::Event;
use packetwalk_core::view::{EndingView, Hop, WalkView};
use yew::prelude::*;

/// What is listed.
#[derive(PartialEq, Properties)]
pub struct WalkListProps {
    /// The walk.
    pub walk: Part<WalkView>,
    /// The hop that is shown.
    pub position: usize,
}

/// The walk as text.
#[component]
pub fn WalkList(props: &WalkListProps) -> Html {
    let dispatch = use_session();
    let ground = use_ground();
    let hops = &props.walk.hops;
    html! {
        <section class="walk" id="walk" role={ground.part_role()} aria-labelledby="walk-head">
            <h2 class="panel__head" id="walk-head">{"The walk, in words"}</h2>
            <ol class="walk__list" id="walk-list">
                { for hops.iter().enumerate().map(|(idx, hop)| {
                    let begins = idx == 0 || hops[idx - 1].leg != hop.leg;
                    item(idx, hop, begins, idx == props.position, &dispatch)
                }) }
            </ol>
            { ending(&props.walk.ending) }
        </section>
    }
}

fn item(idx: usize, hop: &Hop, begins: bool, is_shown: bool, dispatch: &Dispatch) -> Html {
    let dispatch = dispatch.clone();
    let on_jump = Callback::from(move |_: MouseEvent| dispatch.dispatch(Event::Jump(idx)));
    html! {
        <li
            class="walk__hop" key={idx} data-hop={idx.to_string()}
            data-leg={leg::name(hop.leg)} data-emphasis={leg::emphasis(hop.emphasis)}
            data-begins={begins.then_some("")}
            aria-current={is_shown.then_some("step")}
        >
            <button class="walk__go" type="button" onclick={on_jump}>
                <span class="walk__leg">{ leg::word(hop.leg) }</span>
                <span class="walk__place">{ hop.place.clone() }</span>
                <span class="walk__sentence">{ hop.sentence.clone() }</span>
            </button>
        </li>
    }
}

fn ending(ending: &EndingView) -> Html {
    html! {
        <div class="walk__ending" data-verdict={ending.verdict.name()}>
            <p class="walk__verdict">
                <span aria-hidden="true">{ verdict::mark(ending.verdict) }{"\u{a0}"}</span>
                <strong>{ verdict::word(ending.verdict) }</strong>
                {". "}{ ending.sentence.clone() }
            </p>
            <pre class="walk__symptom" hidden={ending.symptom.is_none()}>{ ending.symptom.clone().unwrap_or_default() }</pre>
        </div>
    }
}
