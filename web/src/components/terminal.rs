//! The terminal: a drawer at the bottom of the page, with a shell that has kubectl, before the world that is shown.
//!
//! Tab completes at the end of what is typed; on an empty line, and after Esc, it leaves the field as everywhere else.
//!
//! **Left out**: colours and programs that fill a screen.

use crate::effects::focus_on;
use crate::ground::{Ground, use_ground};
use crate::hooks::keys::use_figure_keys;
use crate::session::{Part, use_session};
use gloo::utils::window;
use packetwalk_core::session::Event;
use packetwalk_core::view::{
    CandidateView, CompletionView, TerminalEntry, TerminalState, TerminalView,
};
use web_sys::{Element, HtmlInputElement, KeyboardEvent};
use yew::prelude::*;

/// What the terminal shows.
#[derive(PartialEq, Properties)]
pub struct TerminalProps {
    /// The terminal.
    pub terminal: Part<TerminalView>,
    /// Whether it is all there is to see, and no drawer.
    #[prop_or_default]
    pub stays_open: bool,
}

/// What is typed, beside the field that holds it.
#[derive(Clone, Copy, Debug, Default)]
struct Typing {
    /// How many lines back one has gone.
    n_back: usize,
    /// Whether the next Tab leaves.
    leaves: bool,
}

/// The terminal.
#[component]
pub fn Terminal(props: &TerminalProps) -> Html {
    let terminal = &props.terminal;
    let dispatch = use_session();
    let input = use_node_ref();
    let log = use_node_ref();
    let typing = use_mut_ref(Typing::default);
    let ground = use_ground();
    let stays_open = props.stays_open;
    let on_toggle = ground.clone();
    let role = ground.part_role();
    use_figure_keys("k", Callback::from(move |_| toggle(&on_toggle, stays_open)));
    let on_open = Callback::from(move |_: web_sys::Event| focus_if_open(&ground, stays_open));
    {
        let log = log.clone();
        use_effect_with(terminal.clone(), move |_| to_the_end(&log));
    }
    {
        let input = input.clone();
        use_effect_with(terminal.completion.clone(), move |found| {
            if let Some(found) = found {
                write_completed(&input, found);
            }
        });
    }
    let on_key = {
        let (terminal, dispatch, typing) = (terminal.clone(), dispatch.clone(), typing);
        Callback::from(move |event: KeyboardEvent| {
            let field: HtmlInputElement = event.target_unchecked_into();
            let mut typing = typing.borrow_mut();
            if let Some(meant) = meant(&event, &field, &terminal, &mut typing) {
                event.prevent_default();
                meant.into_iter().for_each(|it| dispatch.dispatch(it));
            }
        })
    };
    let on_interrupt = dispatch_on_click(&dispatch, Event::LineInterrupted);
    let is_running = terminal.state != TerminalState::Idle;
    let last = terminal.entries.last().map(|it| it.line.clone());
    html! {
        <section class="drawer" {role} aria-label="Terminal">
            <details class="terminal" id="terminal" open={stays_open} ontoggle={on_open}>
                <summary class="terminal__bar" id="terminal-bar" aria-keyshortcuts="k">
                    <span class="terminal__name">{"Terminal"}</span>{" "}
                    <kbd class="press__key" aria-hidden="true">{"k"}</kbd>{" "}
                    <span class="terminal__last">{ last.map_or_else(|| "kubectl, curl, dig, nft: before the cluster you see".to_owned(), |it| format!("$ {it}")) }</span>
                </summary>
                <div class="terminal__log" id="terminal-log" role="log" aria-label="What was typed and printed" tabindex="0" ref={log}>
                    { for terminal.entries.iter().enumerate().map(|(idx, it)| entry(idx, it)) }
                    { examples(terminal, &input) }
                </div>
                { offers(terminal.completion.as_deref(), &input) }
                <div class="terminal__row">
                    <label class="terminal__prompt" for="terminal-line">{ terminal.prompt.clone() }</label>
                    <input
                        class="terminal__line" id="terminal-line" type="text" ref={input} onkeydown={on_key}
                        aria-label="A line for the shell" aria-describedby="terminal-keys"
                        autocomplete="off" autocapitalize="off" spellcheck="false" enterkeyhint="send"
                    />
                    <button class="button terminal__stop" id="terminal-stop" type="button" hidden={!is_running} onclick={on_interrupt}>
                        {"Interrupt "}<kbd class="press__key">{"Ctrl C"}</kbd>
                    </button>
                </div>
                <p class="terminal__keys" id="terminal-keys">
                    {"Tab completes, ↑ brings lines back, Ctrl C interrupts. Esc, then Tab, leaves the field. "}
                    <code>{"manifest.yaml"}</code>{" is the text you edit."}
                </p>
            </details>
        </section>
    }
}

fn dispatch_on_click(dispatch: &crate::session::Dispatch, event: Event) -> Callback<MouseEvent> {
    let dispatch = dispatch.clone();
    Callback::from(move |_| dispatch.dispatch(event.clone()))
}

fn toggle(ground: &Ground, stays_open: bool) {
    if stays_open {
        focus_on(ground, "terminal-line");
    } else if let Some(drawer) = ground.find("terminal") {
        let is_open = drawer.has_attribute("open");
        // It is there, so it can be opened.
        let _ = drawer.toggle_attribute("open");
        if is_open {
            focus_on(ground, "terminal-bar");
        }
    }
}

/// What stays open did so by itself, and takes the focus from nobody.
fn focus_if_open(ground: &Ground, stays_open: bool) {
    let drawer = ground.find("terminal").filter(|_| !stays_open);
    if drawer.is_some_and(|it| it.has_attribute("open")) {
        focus_on(ground, "terminal-line");
    }
}

fn to_the_end(log: &NodeRef) {
    if let Some(log) = log.cast::<Element>() {
        log.set_scroll_top(log.scroll_height());
    }
}

/// Writes what Tab found, unless something else was typed meanwhile.
fn write_completed(input: &NodeRef, found: &CompletionView) {
    if let Some(field) = input.cast::<HtmlInputElement>()
        && field.value() == found.line
    {
        field.set_value(&found.completed);
    }
}

/// What a key means here: `None` leaves it to the browser.
fn meant(
    event: &KeyboardEvent,
    field: &HtmlInputElement,
    terminal: &TerminalView,
    typing: &mut Typing,
) -> Option<Vec<Event>> {
    if event.is_composing() {
        return None;
    }
    let key = event.key();
    let leaves = std::mem::take(&mut typing.leaves);
    if event.ctrl_key() {
        return of_control(&key, field);
    }
    if event.alt_key() || event.meta_key() {
        return None;
    }
    match key.as_str() {
        "Enter" => {
            typing.n_back = 0;
            let line = field.value();
            if terminal.state == TerminalState::Running {
                return Some(Vec::new());
            }
            field.set_value("");
            Some(vec![Event::LineTyped(line)])
        }
        "Tab" if !leaves && !event.shift_key() && !field.value().is_empty() => {
            Some(vec![Event::TabPressed(field.value())])
        }
        "Escape" => {
            typing.leaves = true;
            None
        }
        "ArrowUp" | "ArrowDown" => {
            let n_back = match key.as_str() {
                "ArrowUp" => (typing.n_back + 1).min(terminal.history.len()),
                _ => typing.n_back.saturating_sub(1),
            };
            typing.n_back = n_back;
            let line = terminal.history.len().checked_sub(n_back);
            let line = line.and_then(|it| terminal.history.get(it));
            field.set_value(line.map_or("", String::as_str));
            Some(Vec::new())
        }
        _ => None,
    }
}

fn of_control(key: &str, field: &HtmlInputElement) -> Option<Vec<Event>> {
    let has_selection = window()
        .get_selection()
        .ok()
        .flatten()
        .is_some_and(|it| !it.is_collapsed())
        || field.selection_start() != field.selection_end();
    match key {
        // What is selected is to be copied.
        "c" if !has_selection => {
            field.set_value("");
            Some(vec![Event::LineInterrupted])
        }
        "d" if field.value().is_empty() => Some(vec![Event::InputEnded]),
        "l" => Some(vec![Event::LineTyped("clear".into())]),
        _ => None,
    }
}

fn entry(idx: usize, entry: &TerminalEntry) -> Html {
    html! {
        <div class="terminal__entry" key={idx}>
            <p class="terminal__typed"><span class="terminal__prompt">{ entry.prompt.clone() }</span>{ entry.line.clone() }</p>
            <pre class="terminal__output">{ for entry.output.iter().enumerate().map(|(idx, it)| html! {
                <span key={idx} data-kind={it.kind.name()}>{ it.text.clone() }</span>
            }) }</pre>
        </div>
    }
}

/// Something to begin with, while nothing was typed.
fn examples(terminal: &TerminalView, input: &NodeRef) -> Html {
    html! {
        <ul class="terminal__examples" translate="no" key="examples" hidden={!terminal.entries.is_empty()}>
            { for terminal.examples.iter().map(|it| html! {
                <li key={it.clone()}>
                    <button class="terminal__example" type="button" onclick={writing(input, it.clone())}>{ it.clone() }</button>
                </li>
            }) }
        </ul>
    }
}

/// Writes a line into the field, for a person to send.
fn writing(input: &NodeRef, line: String) -> Callback<MouseEvent> {
    let input = input.clone();
    Callback::from(move |_| {
        if let Some(field) = input.cast::<HtmlInputElement>() {
            field.set_value(&line);
            let _ = field.focus();
        }
    })
}

fn offers(found: Option<&CompletionView>, input: &NodeRef) -> Html {
    let candidates = found.map_or(&[] as &[CandidateView], |it| &it.candidates);
    let n_more = found.map_or(0, |it| it.n_more);
    html! {
        <div class="terminal__offers" hidden={candidates.is_empty()}>
            <p class="hidden" role="status">{ said(candidates, n_more) }</p>
            <ul class="terminal__words" translate="no" id="terminal-offers">
                { for candidates.iter().map(|it| html! {
                    <li key={it.word.clone()}>
                        <button class="terminal__word" type="button" tabindex="-1" onclick={writing(input, it.line.clone())}>
                            <span class="terminal__whole">{ it.word.clone() }</span>{" "}<span class="terminal__about">{ it.about.clone() }</span>
                        </button>
                    </li>
                }) }
            </ul>
            <p class="terminal__more" hidden={n_more == 0}>{ format!("and {n_more} more") }</p>
        </div>
    }
}

/// The words Tab found, for who does not see them.
fn said(candidates: &[CandidateView], n_more: usize) -> String {
    if candidates.is_empty() {
        return String::new();
    }
    let words: Vec<&str> = candidates.iter().map(|it| it.word.as_str()).collect();
    let n = candidates.len() + n_more;
    format!("{n} words: {}", words.join(", "))
}
