//! The manifest: at first a plain text area, with a page beneath it that colours, lights and marks its lines; then, when the page is
//! at rest, an editor with folding, completion and its own undo (`rich_editor`).
//!
//! The text area has the size of its text, so that the page beneath never has to follow its
//! scrolling; the frame around both scrolls. The Tab key leaves it, as everywhere on the page, and the editor too.
//!
//! **Left out**: more than one file; several documents stand below one another.

use crate::components::verdict;
use crate::components::yaml_words::{Kind, words};
use crate::effects::go_to_line;
use crate::ground::{Ground, use_ground};
use crate::session::Part;
use crate::storage;
use packetwalk_core::view::{ComplaintView, EditorView, EndingView, OutcomeView, WalkView};
use std::collections::BTreeSet;
use web_sys::HtmlTextAreaElement;
use yew::prelude::*;

/// So many ways are told beside the text; the rest is a number.
const MAX_WAYS_TOLD: usize = 3;

/// What is edited.
#[derive(PartialEq, Properties)]
pub struct EditorProps {
    /// The text and what is said about it.
    pub editor: Part<EditorView>,
    /// What follows from it.
    pub outcomes: Part<Vec<OutcomeView>>,
    /// Whether the picture is that of an earlier text.
    pub is_stale: bool,
    /// The walk, of which a line decides a part.
    pub walk: Part<WalkView>,
    /// The text was changed.
    pub on_edit: Callback<String>,
    /// Another text is to be opened.
    pub on_open: Callback<String>,
    /// The tutorial's text is wanted back.
    pub on_reset: Callback<()>,
}

/// The manifest.
#[component]
pub fn Editor(props: &EditorProps) -> Html {
    let editor = &props.editor;
    let is_rich = use_is_rich();
    let ground = use_ground();
    let aside = use_state_eq(storage::text_aside);
    let on_input = {
        let on_edit = props.on_edit.clone();
        Callback::from(move |event: InputEvent| {
            on_edit.emit(event.target_unchecked_into::<HtmlTextAreaElement>().value());
        })
    };
    let on_reset = {
        let (on_reset, aside, editor) = (props.on_reset.clone(), aside.clone(), editor.clone());
        Callback::from(move |_: MouseEvent| {
            storage::set_text_aside(&editor.text);
            aside.set(Some(editor.text.clone()));
            on_reset.emit(());
        })
    };
    let on_bring_back = {
        let (on_open, aside) = (props.on_open.clone(), aside.clone());
        Callback::from(move |_: MouseEvent| {
            if let Some(text) = &*aside {
                on_open.emit(text.clone());
            }
            storage::forget_text_aside();
            aside.set(None);
        })
    };
    html! {
        <section class="manifest" id="manifest" aria-labelledby="manifest-head">
            <div class="manifest__top">
                <h2 class="panel__head" id="manifest-head">{"The manifest"}</h2>
                <button class="button button--quiet" id="bring-back" type="button" hidden={aside.is_none()} onclick={on_bring_back}>
                    {"Bring back my text"}
                </button>
                <button class="button button--quiet" id="tutorials-text" type="button" onclick={on_reset}>
                    {"Reset to the tutorial’s"}
                </button>
            </div>
            { text(editor, &on_input, &props.on_edit, is_rich) }
            { uses(&props.walk) }
            { complaints(&ground, &editor.complaints, &props.outcomes, props.is_stale, help(is_rich)) }
        </section>
    }
}

/// Whether the editor has come, which only a page that computes fetches.
#[hook]
fn use_is_rich() -> bool {
    #[cfg(feature = "everything")]
    return crate::components::rich_editor::use_rich_editor();
    #[cfg(not(feature = "everything"))]
    false
}

fn text(
    editor: &Part<EditorView>,
    on_input: &Callback<InputEvent>,
    on_edit: &Callback<String>,
    is_rich: bool,
) -> Html {
    #[cfg(feature = "everything")]
    if is_rich {
        use crate::components::rich_editor::RichEditor;
        return html! { <RichEditor editor={editor.clone()} on_edit={on_edit.clone()} /> };
    }
    let _ = (on_edit, is_rich);
    frame(editor, on_input)
}

/// What a line decides, where there is somebody to work it out.
fn uses(walk: &Part<WalkView>) -> Html {
    #[cfg(feature = "everything")]
    return html! { <crate::components::line_uses::LineUses walk={walk.clone()} /> };
    #[cfg(not(feature = "everything"))]
    {
        let _ = walk;
        html! { <div class="line-uses" /> }
    }
}

pub(crate) fn frame(editor: &EditorView, on_input: &Callback<InputEvent>) -> Html {
    let n_lines = editor.text.split('\n').count();
    let longest = editor.text.split('\n').map(|it| it.chars().count()).max();
    let lit: BTreeSet<u32> = editor.lit.iter().map(|it| it.line).collect();
    let mark_of = |line: u32| {
        let of_line = editor.complaints.iter().filter(|it| it.line == line);
        of_line
            .map(|it| if it.is_error { "error" } else { "warning" })
            .min()
    };
    let lines = editor.text.split('\n').zip(1_u32..);
    let described = "complaints-summary editor-help";
    html! {
        <div class="editor" id="editor" translate="no">
            <ol class="editor__numbers" aria-hidden="true">
                { for lines.clone().map(|(_, line)| html! {
                    <li key={line} data-lit={lit.contains(&line).then_some("")} data-mark={mark_of(line)}>{ line }</li>
                }) }
            </ol>
            <div class="editor__sheet">
                <div class="editor__page" aria-hidden="true">
                    { for lines.map(|(text, line)| html! {
                        <div class="editor__line" key={line} data-line={line.to_string()}
                            data-lit={lit.contains(&line).then_some("")} data-mark={mark_of(line)}>
                            { for words(text).into_iter().enumerate().map(|(idx, (kind, text))| html! {
                                <span key={idx} class={kind_class(kind)}>{ text.to_owned() }</span>
                            }) }
                            {"\u{200b}"}
                        </div>
                    }) }
                </div>
                <textarea
                    class="editor__text" id="yaml" aria-labelledby="manifest-head" aria-describedby={described}
                    aria-invalid={editor.complaints.iter().any(|it| it.is_error).then_some("true")}
                    rows={n_lines.to_string()} cols={(longest.unwrap_or_default() + 2).to_string()}
                    wrap="off" spellcheck="false" autocapitalize="none" autocomplete="off" autocorrect="off"
                    value={editor.text.clone()} oninput={on_input.clone()}
                />
            </div>
        </div>
    }
}

const fn kind_class(kind: Kind) -> &'static str {
    match kind {
        Kind::Comment => "yaml yaml--comment",
        Kind::Key => "yaml yaml--key",
        Kind::Value => "yaml yaml--value",
        Kind::Other => "yaml",
    }
}

const fn help(is_rich: bool) -> &'static str {
    if is_rich {
        "What you type is kept in this browser. Ctrl and Space offers what may stand at the caret, Ctrl and F finds; Tab leaves the editor."
    } else {
        "What you type is kept in this browser. Tab leaves the editor."
    }
}

/// What is wrong, each with its place and what to try; pressing one goes there.
pub(crate) fn complaints(
    ground: &Ground,
    complaints: &[ComplaintView],
    outcomes: &[OutcomeView],
    is_stale: bool,
    help: &'static str,
) -> Html {
    let n_errors = complaints.iter().filter(|it| it.is_error).count();
    let summary = match (n_errors, complaints.len() - n_errors) {
        (0, 0) => "No mistakes".to_owned(),
        (0, warnings) => counted(warnings, "warning"),
        (errors, 0) => counted(errors, "mistake"),
        (errors, warnings) => format!(
            "{}, {}",
            counted(errors, "mistake"),
            counted(warnings, "warning")
        ),
    };
    let so = if is_stale {
        "the picture is that of the last text that could be read".to_owned()
    } else {
        ways(outcomes)
    };
    html! {
        <div class="complaints" data-stale={is_stale.then_some("")}>
            <p class="complaints__summary" id="complaints-summary" aria-live="polite">{ summary }{": "}{ so }{"."}</p>
            <ul class="complaints__list" id="complaints">
                { for complaints.iter().enumerate().map(|(idx, it)| html! { <li key={idx}>{ complaint(ground, it) }</li> }) }
            </ul>
            <p class="complaints__kept" id="editor-help">{ help }</p>
        </div>
    }
}

/// What follows from the text, in a few words: how the request ends now.
fn ways(outcomes: &[OutcomeView]) -> String {
    let told = outcomes.iter().take(MAX_WAYS_TOLD).map(|it| {
        let verdict = verdict::word(it.ending.verdict);
        format!("{} {verdict}", it.odds) + &whom(&it.ending)
    });
    let mut told: Vec<String> = told.collect();
    if outcomes.len() > MAX_WAYS_TOLD {
        told.push(format!("and {} more ways", outcomes.len() - MAX_WAYS_TOLD));
    }
    match told.as_slice() {
        [] => "there is no request to follow".to_owned(),
        told => told.join(", "),
    }
}

fn whom(ending: &EndingView) -> String {
    let name = ending
        .object
        .as_deref()
        .and_then(|it| it.rsplit('/').next());
    name.map(|it| format!(" ({it})")).unwrap_or_default()
}

fn counted(count: usize, noun: &str) -> String {
    match count {
        1 => format!("1 {noun}"),
        _ => format!("{count} {noun}s"),
    }
}

fn complaint(ground: &Ground, complaint: &ComplaintView) -> Html {
    let (line, column) = (complaint.line, complaint.column);
    let ground = ground.clone();
    let on_go = Callback::from(move |_: MouseEvent| go_to_line(&ground, line, column));
    let place = if line == 0 {
        "in the text".to_owned()
    } else {
        format!("line {line}:{column}")
    };
    let kind = if complaint.is_error {
        "error"
    } else {
        "warning"
    };
    html! {
        <button class="complaint" type="button" data-kind={kind} data-line={line.to_string()} onclick={on_go}>
            <span class="complaint__place"><span class="complaint__mark" aria-hidden="true">{ if complaint.is_error { "✕" } else { "!" } }</span>{ place }</span>
            <span class="complaint__message">{ complaint.message.clone() }</span>
            <span class="complaint__hint" hidden={complaint.hint.is_none()}>{ complaint.hint.clone().unwrap_or_default() }</span>
        </button>
    }
}
