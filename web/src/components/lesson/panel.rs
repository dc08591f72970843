//! The lesson that somebody is in, beside the map: a row of pages, the page, and the way on.
//!
//! `j` and `h` turn the page wherever keys steer the walk. A turned page takes the focus, so that a screen reader reads it.

use super::Wanted;
use super::page::page;
use crate::effects::{self, focus};
use crate::ground::use_ground;
use crate::hooks::keys::use_figure_keys;
use crate::session::{Dispatch, Part, use_session};
use gloo::timers::callback::Timeout;
use packetwalk_core::session::{Event, LessonEvent};
use packetwalk_core::view::{LessonPage, LessonView, Next, PageMark};
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

/// What the panel shows.
#[derive(PartialEq, Properties)]
pub(crate) struct PanelProps {
    /// The lesson.
    pub(crate) lesson: Part<LessonView>,
    /// What a kernel has said to it.
    pub(crate) confirmed: AttrValue,
    /// The lesson after it: its name, its title.
    pub(crate) after: Option<(AttrValue, AttrValue)>,
    /// What else is wanted.
    pub(crate) on_want: Callback<Wanted>,
}

/// The panel.
#[component]
pub(crate) fn Panel(props: &PanelProps) -> Html {
    let lesson = &props.lesson;
    let dispatch = use_session();
    let on_key = {
        let dispatch = dispatch.clone();
        Callback::from(move |key: String| {
            let turned = if key == "j" {
                LessonEvent::Forward
            } else {
                LessonEvent::Back
            };
            dispatch.dispatch(Event::Lesson(turned));
        })
    };
    use_figure_keys("jh", on_key);
    use_turned_page(lesson);
    if lesson.is_sandbox {
        return sandbox(props, &dispatch);
    }
    html! {
        <section class="lesson" id="lesson" aria-labelledby="lesson-head" lang={lesson.language.clone()} data-solved={lesson.is_solved.then_some("")}>
            <div class="lesson__top">
                <p class="lesson__kind">{ number(lesson) }</p>
                { leave(&dispatch) }
            </div>
            <h2 class="lesson__title" id="lesson-head" tabindex="-1">{ lesson.title.clone() }</h2>
            <nav aria-label="Pages of this lesson">
                <ol class="lesson__pages">
                    { for lesson.pages.iter().enumerate().map(|(idx, it)| mark(idx, it, lesson.at, &dispatch)) }
                </ol>
            </nav>
            <p class="hidden" role="status" id="lesson-told">{ lesson.told.clone() }</p>
            <div class="lesson__page" id="lesson-page" tabindex="-1" role="group" aria-label={page_name(lesson)} data-page={lesson.at.to_string()}>
                { page(lesson, &dispatch) }
            </div>
            <p class="lesson__solved" id="lesson-solved" hidden={!lesson.is_solved}>{"✓ Solved"}{ passes(lesson) }</p>
            { way_on(props, &dispatch) }
            { more(props, &dispatch) }
            <p class="lesson__badge" id="lesson-confirmed">{ props.confirmed.clone() }</p>
        </section>
    }
}

/// Has a turned page read. A widget leaves the page around where it is when its lesson begins.
#[hook]
fn use_turned_page(lesson: &LessonView) {
    let ground = use_ground();
    let is_first = use_mut_ref(|| true);
    use_effect_with((lesson.name.clone(), lesson.at), move |_| {
        let is_first = is_first.replace(false);
        // In the next turn, when what a lesson hides is hidden and nothing moves any more.
        let timer = (ground.is_page() || !is_first).then(|| {
            Timeout::new(0, move || match ground.is_page() {
                true => effects::focus_below("lesson-page", "lesson"),
                false => effects::focus_on(&ground, "lesson-page"),
            })
        });
        move || drop(timer)
    });
}

/// `Challenge 5`: the number of its folder.
fn number(lesson: &LessonView) -> String {
    let digits: String = lesson
        .name
        .chars()
        .take_while(char::is_ascii_digit)
        .collect();
    let kind = match lesson.kind.as_str() {
        "challenge" => "Challenge",
        "quiz" => "Quiz",
        _ => "Lesson",
    };
    format!("{kind} {}", digits.trim_start_matches('0'))
}

fn page_name(lesson: &LessonView) -> String {
    let word = lesson.pages.get(lesson.at).map_or("", |it| it.word);
    format!("{word}, page {} of {}", lesson.at + 1, lesson.pages.len())
}

fn passes(lesson: &LessonView) -> String {
    match lesson.passes {
        Some((_, n_right)) => format!(": {n_right} first guesses were right"),
        None => String::new(),
    }
}

fn on_event(dispatch: &Dispatch, event: LessonEvent) -> Callback<MouseEvent> {
    let dispatch = dispatch.clone();
    Callback::from(move |_| dispatch.dispatch(Event::Lesson(event.clone())))
}

fn leave(dispatch: &Dispatch) -> Html {
    let dispatch = dispatch.clone();
    let on_leave = Callback::from(move |_: MouseEvent| {
        dispatch.dispatch(Event::Lesson(LessonEvent::Left));
        focus("lessons");
    });
    html! {
        <button class="button button--quiet lesson__small" id="lesson-leave" type="button" title="What you had before comes back" onclick={on_leave}>{"Leave ✕"}</button>
    }
}

fn mark(idx: usize, it: &PageMark, at: usize, dispatch: &Dispatch) -> Html {
    let sign = match (it.word, it.is_right) {
        (_, Some(true)) => "✓",
        (_, Some(false)) => "✕",
        ("Guess", None) => "?",
        ("Watch", _) => "▷",
        ("Task", _) => "!",
        ("Debrief", _) => "■",
        _ => "¶",
    };
    let said = match it.is_right {
        Some(true) => ", first answer right",
        Some(false) => ", first answer wrong",
        None => "",
    };
    html! {
        <li key={idx}>
            <button class="lesson__mark" type="button" title={it.word} aria-current={(idx == at).then_some("page")} disabled={!it.is_open}
                data-is={it.is_right.map(|it| if it { "right" } else { "wrong" })}
                onclick={on_event(dispatch, LessonEvent::PageChosen(idx))}>
                <span aria-hidden="true">{ sign }</span><span class="hidden">{ format!("{} {}{said}", idx + 1, it.word) }</span>
            </button>
        </li>
    }
}

/// Back and on; what is missing where one cannot go on.
fn way_on(props: &PanelProps, dispatch: &Dispatch) -> Html {
    let lesson = &props.lesson;
    let is_end = lesson.next == Next::End;
    let is_held = lesson.next == Next::Answer;
    let word = match (lesson.next, &lesson.page) {
        (Next::Skip, _) => "Skip to the debrief",
        (_, LessonPage::Question(_)) => "Watch it",
        (_, LessonPage::Story { .. }) => "Begin",
        _ => "Go on",
    };
    html! {
        <div class="lesson__way">
            <button class="button button--quiet" id="lesson-back" type="button" hidden={lesson.at == 0} aria-keyshortcuts="h" onclick={on_event(dispatch, LessonEvent::Back)}>
                {"Back "}<kbd class="press__key" aria-hidden="true">{"h"}</kbd>
            </button>
            <button class={classes!("button", (lesson.next != Next::Skip).then_some("button--main"))} id="lesson-next" type="button" hidden={is_end}
                aria-disabled={is_held.then_some("true")} aria-describedby={is_held.then_some("lesson-held")} aria-keyshortcuts="j"
                onclick={on_event(dispatch, LessonEvent::Forward)}>
                { word }{" "}<kbd class="press__key" aria-hidden="true">{"j"}</kbd>
            </button>
            <p class="lesson__note" id="lesson-held" hidden={!is_held}>{"Guess first: a wrong guess teaches more than none."}</p>
            { at_the_end(props, dispatch, is_end) }
        </div>
    }
}

fn at_the_end(props: &PanelProps, dispatch: &Dispatch, is_end: bool) -> Html {
    if !is_end {
        return Html::default();
    }
    let next = props.after.clone().map(|(name, title)| {
        let on_want = props.on_want.clone();
        let on_next = Callback::from(move |_: MouseEvent| {
            on_want.emit(Wanted::Lesson(name.to_string(), None));
        });
        html! { <button class="button button--main" id="lesson-after" type="button" onclick={on_next}>{"Next lesson: "}{ title }</button> }
    });
    html! {
        <>
            { for next }
            <button class="button" id="sandbox" type="button" onclick={on_event(dispatch, LessonEvent::Opened)}>{"Open in the sandbox"}</button>
        </>
    }
}

/// What else can be done with a lesson.
fn more(props: &PanelProps, dispatch: &Dispatch) -> Html {
    let lesson = &props.lesson;
    html! {
        <div class="lesson__more">
            { all_lessons(&props.on_want) }
            <button class="button button--quiet lesson__small" id="lesson-again" type="button" onclick={on_event(dispatch, LessonEvent::Restarted)}>{"Start again"}</button>
            <LinkButton name={lesson.name.clone()} seed={lesson.seed} />
            { for lesson.seed.map(|seed| another_night(&lesson.name, seed, &props.on_want)) }
        </div>
    }
}

fn all_lessons(on_want: &Callback<Wanted>) -> Html {
    let on_want = on_want.clone();
    let on_all = Callback::from(move |_: MouseEvent| on_want.emit(Wanted::List));
    html! { <button class="button button--quiet lesson__small" id="lesson-all" type="button" onclick={on_all}>{"All lessons"}</button> }
}

fn another_night(name: &str, seed: u64, on_want: &Callback<Wanted>) -> Html {
    let (name, on_want) = (name.to_owned(), on_want.clone());
    let on_night = Callback::from(move |_: MouseEvent| {
        on_want.emit(Wanted::Lesson(name.clone(), Some(effects::drawn_seed())));
    });
    html! {
        <button class="button button--quiet lesson__small" id="night" type="button" onclick={on_night}>{ format!("Another night (this is {seed})") }</button>
    }
}

/// What copies a link to the lesson.
#[derive(PartialEq, Properties)]
struct LinkButtonProps {
    name: String,
    seed: Option<u64>,
}

#[component]
fn LinkButton(props: &LinkButtonProps) -> Html {
    let told = use_state_eq(|| "Copy a link");
    let seed = props.seed.map(|it| format!("&seed={it}"));
    let address = effects::address_of(&format!(
        "lesson={}{}",
        props.name,
        seed.unwrap_or_default()
    ));
    let on_copy = {
        let told = told.clone();
        let address = address.clone();
        Callback::from(move |event: MouseEvent| {
            event.prevent_default();
            let (told, address) = (told.clone(), address.clone());
            spawn_local(async move {
                if effects::copy(&address).await {
                    told.set("Copied");
                }
            });
        })
    };
    // A link, so that where the page may not copy, the browser can.
    html! { <a class="button button--quiet button--link lesson__small" id="lesson-link" href={address} onclick={on_copy}>{ *told }</a> }
}

/// The world stays, the lesson is put away.
fn sandbox(props: &PanelProps, dispatch: &Dispatch) -> Html {
    let lesson = &props.lesson;
    html! {
        <section class="lesson lesson--sandbox" id="lesson" aria-labelledby="lesson-head">
            <h2 class="lesson__label" id="lesson-head" tabindex="-1">{ format!("Sandbox: {}", lesson.title) }</h2>
            <p class="lesson__note" id="lesson-page" tabindex="-1">{"This is the lesson’s world, to do with as you like. To keep it, save it as a file or copy a link below. What you had before is set aside and comes back when you leave."}</p>
            <div class="lesson__more">
                { leave(dispatch) }
                <button class="button lesson__small" id="lesson-debrief" type="button" onclick={on_event(dispatch, LessonEvent::PageChosen(lesson.at))}>{"Back to the lesson"}</button>
                { all_lessons(&props.on_want) }
            </div>
        </section>
    }
}
