//! The doctor: what is wrong with the Services of the cluster that is shown, how one knows, and what to do.
//!
//! It looks when it is asked to. After that it looks again by itself whenever the cluster has changed, as long as that is quick; else
//! it says that what it found is about an earlier cluster.
//!
//! **Left out**: requests that are not TCP, which are told and not played.

use crate::effects::{self, go_to_line};
use crate::ground::Ground;
use crate::hooks::looking::{Looked, use_looking};
use crate::session::{Dispatch, Part, use_session};
use gloo::utils::document;
use packetwalk_core::session::Event;
use packetwalk_core::view::{
    DoctorView, FindingSeverity, FindingView, MapView, PlayView, RemedyView, WalkView,
};
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

/// Whom the doctor asks.
#[derive(PartialEq, Properties)]
pub struct DoctorProps {
    /// Examines the cluster.
    pub on_examine: Callback<(), DoctorView>,
    /// The cluster, so that a change is noticed.
    pub map: Part<MapView>,
    /// The walk, as well.
    pub walk: Part<WalkView>,
}

/// Looking again is done so long after a change.
const AFTER_MS: u32 = 250;

/// The doctor.
#[component]
pub fn Doctor(props: &DoctorProps) -> Html {
    let dispatch = use_session();
    let about = (props.map.clone(), props.walk.clone());
    let on_examine = props.on_examine.clone();
    let (found, examine) = use_looking(move || on_examine.emit(()), about, AFTER_MS, true);
    let on_press = Callback::from(move |_: MouseEvent| examine());
    html! {
        <section class="doctor" id="doctor" aria-labelledby="doctor-head">
            <h2 class="panel__head" id="doctor-head">{"Doctor"}</h2>
            <p class="doctor__about">{"What is wrong with the Services of this cluster, and how one knows: every port is asked, by walking."}</p>
            <div class="doctor__row">
                <button class="button" id="examine" type="button" onclick={on_press}>{ if found.is_some() { "Examine again" } else { "Examine the cluster" } }</button>
                <p class="doctor__summary" id="doctor-summary" role="status" data-well={found.as_ref().is_some_and(|it| it.found.is_well).then_some("")}>
                    { found.as_ref().map(summary).unwrap_or_default() }
                </p>
            </div>
            <ol class="doctor__findings" id="doctor-findings">
                { for found.iter().flat_map(|it| it.found.findings.iter().enumerate()).map(|(idx, it)| finding(idx, it, &dispatch)) }
            </ol>
        </section>
    }
}

fn summary(looked: &Looked<DoctorView>) -> String {
    let said = capitalised(&looked.found.summary);
    match looked.is_old {
        true => format!("{said}. The cluster has changed since."),
        false => format!("{said}."),
    }
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|it| it.to_uppercase().to_string());
    first.unwrap_or_default() + letters.as_str()
}

/// The word of a severity, as styles know it, and its sign.
const fn sign(severity: FindingSeverity) -> (&'static str, &'static str) {
    match severity {
        FindingSeverity::Error => ("error", "✕"),
        FindingSeverity::Warning => ("warning", "!"),
        FindingSeverity::Note => ("note", "i"),
    }
}

fn finding(idx: usize, it: &FindingView, dispatch: &Dispatch) -> Html {
    let (name, mark) = sign(it.severity);
    html! {
        <li class="finding" key={format!("{idx} {} {}", it.id, it.object)} data-severity={name}>
            <h3 class="finding__head">
                <span class="finding__sign" aria-hidden="true">{ mark }</span>
                <span class="finding__severity">{ name }</span>{" "}
                <span class="finding__object">{ it.object.clone() }</span>{" "}
                <code class="finding__path">{ it.path.clone() }</code>
                { line(it) }
            </h3>
            <p class="finding__sentence">{ it.sentence.clone() }</p>
            <dl class="finding__evidence">
                { for it.evidence.iter().enumerate().map(|(idx, (what, value))| html! {
                    <div key={idx}><dt>{ *what }</dt><dd>{ value.clone() }</dd></div>
                }) }
            </dl>
            <div class="finding__play">{ for it.request.iter().map(|it| play(it, dispatch)) }</div>
            <ul class="finding__remedies">{ for it.remedies.iter().enumerate().map(|(idx, it)| remedy(idx, it, dispatch)) }</ul>
            <ul class="finding__consequences">
                { for it.consequences.iter().enumerate().map(|(idx, (object, sentence))| html! {
                    <li key={idx}>{"It follows, at "}<span class="finding__object">{ object.clone() }</span>{format!(": {sentence}")}</li>
                }) }
            </ul>
        </li>
    }
}

/// The way to the line, if there is one.
fn line(it: &FindingView) -> Html {
    let (line, column) = (it.line, it.column);
    let on_go = Callback::from(move |_: MouseEvent| go_to_line(&Ground::default(), line, column));
    html! {
        <button class="finding__line" type="button" hidden={line == 0} onclick={on_go}>{ format!("line {line}") }</button>
    }
}

/// The request that shows it.
fn play(it: &PlayView, dispatch: &Dispatch) -> Html {
    let on_play = {
        let (dispatch, asked) = (
            dispatch.clone(),
            Event::Asked {
                from: it.from.clone(),
                to: it.to.clone(),
            },
        );
        Callback::from(move |_: MouseEvent| {
            dispatch.dispatch(asked.clone());
            if let Some(figure) = document().get_element_by_id("figure") {
                figure.scroll_into_view();
            }
            dispatch.dispatch(Event::Play);
        })
    };
    html! {
        <>
            <p>
                { format!("{} asks {} over {}: {}, {}.", it.from, it.to, it.protocol, it.verdict, it.odds) }{" "}
                <samp class="finding__symptom">{ it.symptom.clone().unwrap_or_default() }</samp>
            </p>
            <button class="button finding__button" type="button" hidden={!it.is_playable} onclick={on_play}>{"Play this request"}</button>
        </>
    }
}

fn remedy(idx: usize, it: &RemedyView, dispatch: &Dispatch) -> Html {
    let on_do = {
        let (dispatch, command) = (dispatch.clone(), it.command.clone());
        Callback::from(move |_: MouseEvent| {
            dispatch.dispatch(Event::LineTyped(command.clone()));
            if let Some(drawer) = document().get_element_by_id("terminal") {
                // It can be opened by hand as well.
                let _ = drawer.set_attribute("open", "");
            }
        })
    };
    let on_copy = {
        let command = it.command.clone();
        Callback::from(move |_: MouseEvent| {
            let command = command.clone();
            spawn_local(async move {
                effects::copy(&command).await;
            });
        })
    };
    html! {
        <li class="remedy" key={idx}>
            <p>{ format!("{}:", capitalised(&it.says)) }</p>
            <pre class="remedy__command"><code>{ it.command.clone() }</code></pre>
            <div class="remedy__row">
                <button class="button finding__button" type="button" onclick={on_do}>{"Do it in the terminal"}</button>
                <button class="button button--quiet finding__button" type="button" onclick={on_copy}>{"Copy"}</button>
            </div>
        </li>
    }
}
