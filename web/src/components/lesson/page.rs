//! A page of a lesson: its story, a guess, a step, the task, what to take home.

use super::question::question;
use super::words::{line, words};
use crate::session::Dispatch;
use packetwalk_core::session::{Event, LessonEvent};
use packetwalk_core::view::{Block, GoalView, HintView, LessonPage, LessonView, PrintedLine, Task};
use yew::prelude::*;

/// The page that is shown.
pub(super) fn page(lesson: &LessonView, dispatch: &Dispatch) -> Html {
    match &lesson.page {
        LessonPage::Story { words: it, symptom } => html! {
            <>
                <div class="lesson__words">{ words(it) }</div>
                { for symptom.iter().map(|it| html! {
                    <div class="lesson__symptom"><p class="lesson__label">{"What is reported"}</p>{ printed(it) }</div>
                }) }
            </>
        },
        LessonPage::Question(it) => question(it, dispatch),
        LessonPage::Step {
            words: it,
            lines,
            shows,
        } => html! {
            <>
                <div class="lesson__words">{ words(it) }</div>
                { for lines.iter().map(printed) }
                { for shows.iter().map(|(from, to)| html! {
                    <p class="lesson__note">{"On the map: "}<code>{ from.clone() }</code>{" asks "}<code>{ to.clone() }</code>{". Step through it with ← and →, from where it stands."}</p>
                }) }
            </>
        },
        LessonPage::Task(it) => task(lesson, it, dispatch),
        LessonPage::Debrief {
            words: it,
            lines,
            case,
            experiments,
        } => html! {
            <>
                <div class="lesson__words">{ words(it) }</div>
                <h3 class="lesson__label" id="lesson-real">{"The same in a real cluster"}</h3>
                { for lines.iter().map(|it| line(it, dispatch)) }
                { real_case(case) }
                <h3 class="lesson__label">{"Now try"}</h3>
                <ul class="lesson__experiments" id="experiments">
                    { for experiments.iter().enumerate().map(|(idx, it)| html! {
                        <li key={idx}>{ words(&it.words) }{ line(&it.line, dispatch) }</li>
                    }) }
                </ul>
            </>
        },
    }
}

fn real_case(case: &str) -> Html {
    html! {
        <p class="lesson__note" hidden={case.is_empty()}>
            {"A real case: "}<a href={case.to_owned()} target="_blank" rel="noreferrer noopener">{ case.trim_start_matches("https://").to_owned() }</a>
        </p>
    }
}

/// A line as it was typed, and what it printed.
fn printed(it: &PrintedLine) -> Html {
    html! {
        <figure class="lesson__typed" key={it.line.clone()}>
            <figcaption><code>{ format!("$ {}", it.line) }</code></figcaption>
            <pre tabindex="0" aria-label="What it printed" hidden={it.printed.as_ref().is_none_or(|it| it.trim().is_empty())}>{ it.printed.clone().unwrap_or_default() }</pre>
        </figure>
    }
}

fn task(lesson: &LessonView, task: &Task, dispatch: &Dispatch) -> Html {
    html! {
        <>
            { heard(task) }
            <p class="lesson__words">
                { if lesson.is_solved { "Solved. Go on, or see what else works." }
                  else { "Your turn: edit the manifest, or type in the terminal. Any way that works is right." } }
            </p>
            <ul class="goals" id="goals" aria-label="Goals">{ for lesson.goals.iter().enumerate().map(goal) }</ul>
            { for task.answer.iter().map(|it| tried(it)) }
            { for task.n_looks.map(|n| html! {
                <p class="lesson__note" id="looks">{ match n {
                    0 => "Look before you change: no line has looked at anything yet.".to_owned(),
                    1 => "One line looked before the first change.".to_owned(),
                    n => format!("{n} lines looked before the first change."),
                } }</p>
            }) }
            { hints(lesson, dispatch) }
            <p class="lesson__note" hidden={task.verbs.is_empty()}>
                {"Enough for it: kubectl "}{ for task.verbs.iter().enumerate().map(|(idx, it)| html! {
                    <span key={idx}>{ if idx == 0 { "" } else { ", " } }<code>{ it.clone() }</code></span>
                }) }{"."}
            </p>
        </>
    }
}

/// What people complain about, on call.
fn heard(task: &Task) -> Html {
    html! {
        <ul class="lesson__heard" hidden={task.heard.is_empty()} aria-label="What people complain about">
            { for task.heard.iter().enumerate().map(|(idx, (from, to, said))| html! {
                <li key={idx}><code>{ from.clone() }</code>{" asks "}<code>{ to.clone() }</code>{":"}<pre>{ said.clone() }</pre></li>
            }) }
        </ul>
    }
}

fn tried(words_to_it: &[Block]) -> Html {
    html! {
        <div class="lesson__tried" id="tried">
            <p class="lesson__label">{"What you just tried"}</p>
            { words(words_to_it) }
        </div>
    }
}

fn goal((idx, it): (usize, &GoalView)) -> Html {
    let (is, mark, said) = match it.is_reached {
        Some(true) => ("reached", "✓", "reached: "),
        Some(false) => ("open", "○", "not reached: "),
        None => ("unknown", "…", "being measured: "),
    };
    html! {
        <li class="goal" key={idx} data-is={is}>
            <span class="goal__mark" aria-hidden="true">{ mark }</span>
            <span>
                <span class="hidden">{ said }</span>{ it.words.clone() }
                <span class="goal__now" hidden={it.is_reached != Some(false)}>{"now: "}<code>{ it.now.clone() }</code></span>
            </span>
        </li>
    }
}

fn hints(lesson: &LessonView, dispatch: &Dispatch) -> Html {
    let on_hint = {
        let dispatch = dispatch.clone();
        Callback::from(move |_: MouseEvent| {
            dispatch.dispatch(Event::Lesson(LessonEvent::HintTaken));
        })
    };
    let n_taken = lesson.hints.len();
    let is_more = n_taken < lesson.n_hints;
    html! {
        <div class="hints" hidden={lesson.n_hints == 0}>
            <ol class="hints__list" id="hints" aria-live="polite">
                { for lesson.hints.iter().enumerate().map(|(idx, it)| hint(idx, it, dispatch)) }
            </ol>
            <button class="button lesson__small" id="hint" type="button" hidden={!is_more} onclick={on_hint}>
                { match n_taken {
                    0 => "A hint: where to look",
                    1 => "A second: what to see there",
                    _ => "The last: what to type",
                } }
            </button>
        </div>
    }
}

fn hint(idx: usize, it: &HintView, dispatch: &Dispatch) -> Html {
    html! {
        <li class="hints__hint" key={idx}>
            { words(&it.words) }
            { for it.about.iter().map(|(object, path)| html! {
                <p class="lesson__note"><code>{ object.clone() }</code>{" "}<code>{ path.clone() }</code></p>
            }) }
            { for it.line.iter().map(|it| line(it, dispatch)) }
        </li>
    }
}
