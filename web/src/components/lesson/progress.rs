//! How far somebody has come: kept in this browser alone, saved as a file, taken in from one, and forgotten when that is confirmed.
//!
//! **Left out**: accounts; nothing leaves this browser but by these buttons.

use crate::effects;
use packetwalk_core::lesson::Progress;
use wasm_bindgen_futures::spawn_local;
use web_sys::HtmlInputElement;
use yew::prelude::*;

/// The file's name.
const FILE: &str = "packetwalk-progress.txt";

/// What the panel shows.
#[derive(PartialEq, Properties)]
pub(super) struct ProgressProps {
    /// How far somebody has come.
    pub(super) progress: Progress,
    /// Takes in another progress.
    pub(super) on_progress: Callback<Progress>,
}

/// Saving, taking in, forgetting.
#[component]
pub(super) fn ProgressPanel(props: &ProgressProps) -> Html {
    let told = use_state_eq(String::new);
    let is_asking = use_state_eq(|| false);
    let on_save = {
        let progress = props.progress.clone();
        Callback::from(move |_: MouseEvent| {
            effects::save(FILE, "text/plain", progress.to_string().as_bytes());
        })
    };
    let on_open = {
        let (progress, on_progress) = (props.progress.clone(), props.on_progress.clone());
        let told = told.clone();
        Callback::from(move |event: Event| {
            let field = event.target_unchecked_into::<HtmlInputElement>();
            let file = field.files().and_then(|it| it.get(0));
            let (mut progress, on_progress) = (progress.clone(), on_progress.clone());
            let told = told.clone();
            spawn_local(async move {
                let text = match file {
                    Some(file) => effects::read(&file).await,
                    None => return,
                };
                field.set_value("");
                let read = text.filter(|it| Progress::is_one(it));
                let Some(read) = read.map(|it| Progress::read(&it)) else {
                    told.set("This file holds no progress: choose one that was saved here.".into());
                    return;
                };
                progress.merge(&read);
                told.set("Taken in. What was solved here stays solved.".into());
                on_progress.emit(progress);
            });
        })
    };
    let ask = |wanted: bool| {
        let is_asking = is_asking.clone();
        Callback::from(move |_: MouseEvent| is_asking.set(wanted))
    };
    let on_forget = {
        let (is_asking, told) = (is_asking.clone(), told.clone());
        props.on_progress.reform(move |_: MouseEvent| {
            is_asking.set(false);
            told.set("Forgotten.".into());
            Progress::default()
        })
    };
    html! {
        <section class="come" aria-labelledby="come-head">
            <h3 class="course__name" id="come-head">{"Your progress"}</h3>
            <p class="course__note">{"It is kept in this browser, and nowhere else."}</p>
            <div class="lesson__row">
                <button class="button lesson__small" id="progress-save" type="button" onclick={on_save}>{"Save as a file"}</button>
                <label class="button lesson__small share__open">
                    <input class="share__file" id="progress-open" type="file" accept=".txt,text/plain" onchange={on_open} />
                    {"Take in a file…"}
                </label>
                <button class="button button--quiet lesson__small" id="progress-reset" type="button" hidden={*is_asking} onclick={ask(true)}>{"Forget it…"}</button>
            </div>
            <div class="come__question" role="alert" hidden={!*is_asking}>
                <p>{ if *is_asking { "Forget which lessons are solved, and every answer? This cannot be undone." } else { "" } }</p>
                <div class="lesson__row">
                    <button class="button lesson__small" id="progress-forget" type="button" onclick={on_forget}>{"Forget all"}</button>
                    <button class="button button--quiet lesson__small" id="progress-keep" type="button" onclick={ask(false)}>{"Keep it"}</button>
                </div>
            </div>
            <p class="course__note" id="progress-told" role="status">{ (*told).clone() }</p>
        </section>
    }
}
