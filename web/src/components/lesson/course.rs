//! The course as a list: units and lessons, what is solved, what to go on with, and two short ways through it.
//!
//! A dialog of the browser's own: it takes the focus, keeps it, gives it back, and Esc closes it.

use super::progress::ProgressPanel;
use super::{Wanted, language};
use crate::effects;
use crate::session::Part;
use gloo::events::EventListener;
use packetwalk_core::lesson::{Library, Progress, Text, Unit, text_in};
use web_sys::HtmlDialogElement;
use yew::prelude::*;

/// What the list shows.
#[derive(PartialEq, Properties)]
pub(super) struct CourseListProps {
    /// The lessons, once they are here.
    pub(super) library: Option<Part<Library>>,
    /// Whether they could not be had.
    pub(super) is_missing: bool,
    /// Whether the list is wanted.
    pub(super) is_open: bool,
    /// How far somebody has come.
    pub(super) progress: Progress,
    /// Takes in another progress.
    pub(super) on_progress: Callback<Progress>,
    /// What else is wanted.
    pub(super) on_want: Callback<Wanted>,
}

/// The list.
#[component]
pub(super) fn CourseList(props: &CourseListProps) -> Html {
    let dialog = use_node_ref();
    use_dialog(&dialog, props.is_open, &props.on_want);
    let on_close = props.on_want.reform(|_: MouseEvent| Wanted::Nothing);
    html! {
        <dialog class="course" id="course" aria-labelledby="course-head" ref={dialog}>
            <div class="course__top">
                <h2 class="course__head" id="course-head">{ title(props.library.as_ref()) }</h2>
                <button class="button button--quiet" id="course-close" type="button" onclick={on_close}>{"Close "}<kbd class="press__key" aria-hidden="true">{"Esc"}</kbd></button>
            </div>
            { match (&props.library, props.is_missing) {
                // What nobody looks at is not made.
                _ if !props.is_open => Html::default(),
                (Some(library), _) => inside(props, library),
                (None, true) => missing(&props.on_want),
                (None, false) => html! { <p class="course__note" role="status">{"Fetching the lessons…"}</p> },
            } }
        </dialog>
    }
}

/// Opens and closes the browser's dialog, and hears when the browser closes it.
#[hook]
fn use_dialog(dialog: &NodeRef, is_open: bool, on_want: &Callback<Wanted>) {
    {
        let dialog = dialog.clone();
        use_effect_with(is_open, move |is_open| {
            let Some(it) = dialog.cast::<HtmlDialogElement>() else {
                return;
            };
            match (*is_open, it.open()) {
                (true, false) => _ = it.show_modal(),
                (false, true) => it.close(),
                _ => {}
            }
            if !is_open {
                effects::forget_the_address();
            }
        });
    }
    let (dialog, on_want) = (dialog.clone(), on_want.clone());
    use_effect_with((), move |()| {
        let listener = dialog.cast::<HtmlDialogElement>().map(|it| {
            EventListener::new(&it.clone(), "cancel", move |_| {
                on_want.emit(Wanted::Nothing);
            })
        });
        move || drop(listener)
    });
}

fn missing(on_want: &Callback<Wanted>) -> Html {
    let on_close = on_want.reform(|_: MouseEvent| Wanted::Nothing);
    html! {
        <div role="alert">
            <p class="course__note">{"The lessons could not be fetched. The rest of the page goes on without them; press Lessons again to try once more."}</p>
            <button class="button" type="button" onclick={on_close}>{"I see"}</button>
        </div>
    }
}

fn title(library: Option<&Part<Library>>) -> String {
    let title = library.map(|it| it.words(&language()).title);
    title
        .filter(|it| !it.is_empty())
        .unwrap_or_else(|| "Lessons".to_owned())
}

fn inside(props: &CourseListProps, library: &Part<Library>) -> Html {
    let words = library.words(&language());
    let entries = entries(library, &props.progress);
    let next = library.course.recommended(&props.progress);
    let next = next.and_then(|it| entries.iter().find(|entry| entry.name == it));
    let about = words.words("story").unwrap_or_default().to_owned();
    html! {
        <>
            <p class="course__about">{ about }</p>
            { recommended(next, &entries, &props.on_want) }
            <ol class="course__units">
                { for library.course.units.iter().map(|it| unit(it, &words, &entries, next, &props.on_want)) }
            </ol>
            <div class="course__ways">
                { way("In ten minutes", &library.course.shortest, &entries, &props.on_want) }
                { way("For who runs clusters", &library.course.operators, &entries, &props.on_want) }
            </div>
            <p class="course__note" id="confirmed">{ library.confirmed().map_or_else(|| "No kernel has been asked about these lessons yet.".to_owned(), |it| it.told()) }</p>
            <ProgressPanel progress={props.progress.clone()} on_progress={props.on_progress.clone()} />
        </>
    }
}

/// A lesson in the list.
struct Entry {
    name: String,
    title: String,
    kind: String,
    minutes: i32,
    is_solved: bool,
    is_begun: bool,
}

fn entries(library: &Library, progress: &Progress) -> Vec<Entry> {
    let entry = |name: &&str| {
        let lesson = library.lesson(name)?;
        let title = text_in(&lesson.texts, &language()).map(|it| it.title.clone());
        let come = progress.lessons.get(*name);
        Some(Entry {
            name: (*name).to_owned(),
            title: title.unwrap_or_default(),
            kind: lesson.form.kind,
            minutes: lesson.form.minutes,
            is_solved: come.is_some_and(|it| it.is_solved),
            is_begun: come.is_some_and(|it| !it.first_answers.is_empty() || it.n_hints > 0),
        })
    };
    library.course.lessons().iter().filter_map(entry).collect()
}

fn on_choose(name: &str, on_want: &Callback<Wanted>) -> Callback<MouseEvent> {
    let name = name.to_owned();
    on_want.reform(move |_| Wanted::Lesson(name.clone(), None))
}

fn recommended(next: Option<&Entry>, entries: &[Entry], on_want: &Callback<Wanted>) -> Html {
    let n_solved = entries.iter().filter(|it| it.is_solved).count();
    let said = match n_solved {
        0 => format!("{} lessons of two to five minutes.", entries.len()),
        n => format!("{n} of {} solved.", entries.len()),
    };
    html! {
        <div class="course__next">
            { for next.map(|it| html! {
                <button class="button button--main" id="course-next" type="button" onclick={on_choose(&it.name, on_want)}>
                    { if n_solved == 0 { "Begin: " } else { "Go on: " } }{ it.title.clone() }
                </button>
            }) }
            <p class="course__note" id="course-solved">
                { said }{" "}
                <progress max={entries.len().to_string()} value={n_solved.to_string()} aria-label="Solved lessons" />
            </p>
        </div>
    }
}

fn unit(
    unit: &Unit,
    words: &Text,
    entries: &[Entry],
    next: Option<&Entry>,
    on_want: &Callback<Wanted>,
) -> Html {
    let name = words.words(&format!("unit {}", unit.id));
    let of_unit = |it: &&Entry| unit.lessons.contains(&it.name);
    html! {
        <li class="course__unit" key={unit.id.clone()}>
            <h3 class="course__name">{ name.unwrap_or(&unit.id).to_owned() }</h3>
            <ul>
                { for entries.iter().filter(of_unit).map(|it| {
                    entry(it, next.is_some_and(|next| next.name == it.name), on_want)
                }) }
            </ul>
        </li>
    }
}

fn entry(it: &Entry, is_next: bool, on_want: &Callback<Wanted>) -> Html {
    let (is, mark, said) = match (it.is_solved, it.is_begun) {
        (true, _) => ("solved", "✓", ", solved"),
        (false, true) => ("begun", "◐", ", begun"),
        (false, false) => ("new", "", ""),
    };
    let number: String = it.name.chars().take_while(char::is_ascii_digit).collect();
    html! {
        <li key={it.name.clone()}>
            <button class="course__lesson" type="button" data-lesson={it.name.clone()} data-is={is} data-next={is_next.then_some("")} onclick={on_choose(&it.name, on_want)}>
                <span class="course__number">{ number.trim_start_matches('0').to_owned() }</span>
                <span class="course__title">{ it.title.clone() }<span class="hidden">{ said }</span></span>
                <span class="course__kind">{ kind(&it.kind) }{ format!("{} min", it.minutes) }</span>
                <span class="course__mark" aria-hidden="true">{ mark }</span>
            </button>
        </li>
    }
}

/// Only what is no plain lesson is worth a word.
fn kind(kind: &str) -> &'static str {
    match kind {
        "challenge" => "challenge, ",
        "quiz" => "quiz, ",
        _ => "",
    }
}

/// A short way through the course.
fn way(
    title: &'static str,
    names: &[String],
    entries: &[Entry],
    on_want: &Callback<Wanted>,
) -> Html {
    let of_way = names
        .iter()
        .filter_map(|name| entries.iter().find(|it| it.name == *name));
    html! {
        <div class="course__way">
            <h3 class="course__name">{ title }</h3>
            <ol>
                { for of_way.map(|it| html! {
                    <li key={it.name.clone()}>
                        <button class="course__step" type="button" onclick={on_choose(&it.name, on_want)}>
                            { it.title.clone() }{ if it.is_solved { " ✓" } else { "" } }
                        </button>
                    </li>
                }) }
            </ol>
        </div>
    }
}
