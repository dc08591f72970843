//! Time: above, what happens in the cluster by its own clock; below, what was done, and back to any of it.
//!
//! Two clocks: hops have an order and no length, the cluster's seconds pass only when somebody lets them.
//!
//! **Left out**: a ruler; the strip is a list.

use crate::hooks::keys::use_figure_keys;
use crate::session::{Dispatch, Part, use_session};
use packetwalk_core::session::Event;
use packetwalk_core::time::Duration;
use packetwalk_core::view::{ClusterEvent, TimeView};
use web_sys::HtmlSelectElement;
use yew::prelude::*;

/// What the clock shows.
#[derive(PartialEq, Properties)]
pub struct ClockProps {
    /// Time.
    pub time: Part<TimeView>,
}

/// The clock.
#[component]
pub fn Clock(props: &ClockProps) -> Html {
    let dispatch = use_session();
    let time = &props.time;
    let on_key = {
        let dispatch = dispatch.clone();
        Callback::from(move |key: String| {
            dispatch.dispatch(match key.as_str() {
                "s" => Event::Passed(SECOND),
                "d" => Event::Passed(TEN),
                _ => Event::Settled,
            });
        })
    };
    use_figure_keys("sdw", on_key);
    let at = time.moments.iter().position(|it| it.is_now).unwrap_or(0);
    html! {
        <details class="clock" id="clock">
            <summary>
                <span class="clock__label">{"Cluster time "}</span><output id="cluster-now">{ time.now.clone() }</output>
                <span class="clock__last">{ time.events.last().map(|it| format!(" · {}", it.words)).unwrap_or_default() }</span>
            </summary>
            <div class="clock__row" role="group" aria-label="The cluster’s time">
                { press("pass-1", "Let a second pass", "+1 s", "s", Event::Passed(SECOND), &dispatch) }
                { press("pass-10", "Let ten seconds pass", "+10 s", "d", Event::Passed(TEN), &dispatch) }
                { press("settle", "Wait until nothing is on its way", "rest", "w", Event::Settled, &dispatch) }
                { acts(time, &dispatch) }
            </div>
            { strip(&time.events) }
            <p class="clock__label">{"What you did; choose one to stand there again"}</p>
            { moments(time, at, &dispatch) }
        </details>
    }
}

const SECOND: Duration = Duration::from_secs(1);
const TEN: Duration = Duration::from_secs(10);

fn press(
    id: &'static str,
    word: &'static str,
    face: &'static str,
    key: &'static str,
    event: Event,
    dispatch: &Dispatch,
) -> Html {
    let dispatch = dispatch.clone();
    let on_press = Callback::from(move |_: MouseEvent| dispatch.dispatch(event.clone()));
    html! {
        <button class="tool tool--word" {id} type="button" title={word} aria-keyshortcuts={key} onclick={on_press}>
            <span>{ face }</span><kbd class="press__key">{ key }</kbd>
        </button>
    }
}

/// A menu of what may happen: choosing makes it happen.
fn acts(time: &TimeView, dispatch: &Dispatch) -> Html {
    let dispatch = dispatch.clone();
    let on_choose = Callback::from(move |event: web_sys::Event| {
        let menu = event.target_unchecked_into::<HtmlSelectElement>();
        if let Ok(idx) = menu.value().parse() {
            menu.set_value("");
            dispatch.dispatch(Event::Acted(idx));
        }
    });
    html! {
        <select class="field clock__acts" id="act" aria-label="Something happens" onchange={on_choose}>
            <option value="" selected=true>{"something happens…"}</option>
            { for time.acts.iter().enumerate().map(|(idx, it)| html! {
                <option key={it.words.clone()} value={idx.to_string()}>{ it.words.clone() }</option>
            }) }
        </select>
    }
}

fn strip(events: &[ClusterEvent]) -> Html {
    html! {
        <ol class="clock__strip" id="cluster-events" aria-label="What happened in the cluster" tabindex="0">
            { for events.iter().enumerate().rev().map(|(idx, it)| {
                let (name, mark) = it.kind.sign();
                html! {
                    <li class="clock__event" key={idx} data-kind={name}>
                        <time>{ it.at.clone() }</time>{" "}<span aria-hidden="true">{ mark }</span>{" "}{ it.words.clone() }
                    </li>
                }
            }) }
            { for events.is_empty().then(|| html! { <li class="clock__event clock__event--none" key="none">{"at rest: nothing has happened yet"}</li> }) }
        </ol>
    }
}

fn moments(time: &TimeView, at: usize, dispatch: &Dispatch) -> Html {
    let go = |event: Event| {
        let dispatch = dispatch.clone();
        Callback::from(move |_: MouseEvent| dispatch.dispatch(event.clone()))
    };
    html! {
        <ol class="clock__strip" id="moments" aria-label="Everything you did" tabindex="0">
            { for time.moments.iter().enumerate().map(|(idx, it)| html! {
                <li key={idx} data-is={if idx > at { "to-come" } else { "past" }}>
                    <button class="clock__moment" type="button" aria-current={it.is_now.then_some("step")} onclick={go(Event::MomentChosen(idx))}>{ it.words.clone() }</button>
                </li>
            }) }
            { for time.left.iter().enumerate().map(|(idx, it)| html! {
                <li key={format!("left {idx}")}>
                    <button class="clock__moment clock__moment--left" type="button" onclick={go(Event::TakenUp(idx))}>
                        <span aria-hidden="true">{"⑂ "}</span>{"another future: "}{ it.clone() }
                    </button>
                </li>
            }) }
        </ol>
    }
}
