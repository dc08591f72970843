//! Lessons: the course as a list, and the lesson that somebody is in beside the map.
//!
//! The lessons are fetched when somebody wants them. Two addresses lead here: `#lessons` to the list, and `#lesson=05-the-typo`
//! to a lesson (`&seed=7` says which night, on call). While a lesson is on, nothing of what is edited is kept as a person's own;
//! what they had is set aside in the session, and is what the next visit finds once the lesson is left.
//!
//! **Left out**: a language of the lessons' own: it is the page's, where the lesson is written in it, and English elsewhere.

mod course;
mod page;
mod panel;
mod progress;
mod question;
mod words;

use crate::effects;
use crate::session::{Dispatch, Part, use_session};
use crate::storage;
use course::CourseList;
use gloo::events::EventListener;
use gloo::timers::callback::Timeout;
use gloo::utils::{document, window};
use packetwalk_core::lesson::{Library, Progress};
use packetwalk_core::session::{Beginning, Event, LessonEvent, read_handed_over};
use packetwalk_core::view::LessonView;
pub(crate) use panel::Panel;
use std::rc::Rc;
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

/// Where the lessons are fetched from.
const LESSONS: &str = "./lessons.json";

/// So long after the world changed, the goals are measured.
const LOOK_AFTER_MS: u32 = 150;

/// What the lessons need.
#[derive(PartialEq, Properties)]
pub struct LessonsProps {
    /// The lesson that is on.
    pub lesson: Option<Part<LessonView>>,
}

/// The lessons, as far as they have come.
#[derive(Clone, Debug)]
enum Shelf {
    Empty,
    Coming,
    Here(Rc<Library>),
    Missing,
}

/// Two shelves are equal when the same stands on them.
impl PartialEq for Shelf {
    fn eq(&self, other: &Shelf) -> bool {
        match (self, other) {
            (Shelf::Here(it), Shelf::Here(other)) => Rc::ptr_eq(it, other),
            _ => std::mem::discriminant(self) == std::mem::discriminant(other),
        }
    }
}

/// What is wanted of the lessons.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Wanted {
    Nothing,
    /// The list.
    List,
    /// A lesson, by name; which night, if that is told.
    Lesson(String, Option<u64>),
    /// The one that was left by closing the page.
    Left,
}

/// The lessons.
#[component]
pub fn Lessons(props: &LessonsProps) -> Html {
    let dispatch = use_session();
    let shelf = use_state_eq(|| Shelf::Empty);
    let wanted = use_state_eq(first_wanted);
    let progress = use_state_eq(|| Progress::read(&storage::progress().unwrap_or_default()));
    use_addresses(&wanted);
    use_fetching(&shelf, &wanted);
    use_beginning(&shelf, &wanted, &progress, &dispatch);
    use_lesson_kept(props.lesson.as_ref(), &progress);
    use_looking_at_goals(props.lesson.as_ref(), &dispatch);
    let on_progress = {
        let progress = progress.clone();
        Callback::from(move |it: Progress| {
            storage::keep_progress(&it.to_string());
            progress.set(it);
        })
    };
    let on_want = {
        let wanted = wanted.clone();
        Callback::from(move |it: Wanted| wanted.set(it))
    };
    let library = match &*shelf {
        Shelf::Here(it) => Some(it.clone()),
        _ => None,
    };
    html! {
        <>
            <link rel="stylesheet" href="./lesson.css" />
            { for props.lesson.iter().map(|it| html! {
                <Panel lesson={it.clone()} confirmed={confirmed(library.as_deref(), &it.name)} after={after(library.as_deref(), &it.name)} on_want={on_want.clone()} />
            }) }
            <CourseList
                library={library.map(|it| Part::from(&it))} is_missing={*shelf == Shelf::Missing}
                is_open={*wanted == Wanted::List} progress={(*progress).clone()} {on_progress} {on_want}
            />
        </>
    }
}

/// What a kernel has said to a lesson, and which, and when.
pub(crate) fn confirmed(library: Option<&Library>, name: &str) -> AttrValue {
    let all = library.and_then(Library::confirmed);
    let told = all.and_then(|all| {
        let it = all.lessons.get(name)?;
        let word = if it.agrees() {
            "Confirmed by"
        } else {
            "Asked of"
        };
        let (kernel, date) = (&all.kernel, &all.date);
        Some(format!("{word} Linux {kernel} on {date}: {}.", it.told()))
    });
    told.unwrap_or_else(|| "No kernel has been asked about this lesson yet.".to_owned())
        .into()
}

/// The lesson after one, by name and title.
fn after(library: Option<&Library>, name: &str) -> Option<(AttrValue, AttrValue)> {
    let library = library?;
    let next = library.course.after(name)?;
    let lesson = library.lesson(next)?;
    let text = packetwalk_core::lesson::text_in(&lesson.texts, &language())?;
    Some((next.to_owned().into(), text.title.clone().into()))
}

/// What the address wants, or what was left.
fn first_wanted() -> Wanted {
    match wanted_by_address() {
        Some(it) => it,
        None if storage::lesson().is_some() => Wanted::Left,
        None => Wanted::Nothing,
    }
}

fn wanted_by_address() -> Option<Wanted> {
    let hash = window().location().hash().ok()?;
    if hash == "#lessons" {
        return Some(Wanted::List);
    }
    let rest = hash.strip_prefix("#lesson=")?;
    let (name, seed) = rest.split_once("&seed=").unwrap_or((rest, ""));
    Some(Wanted::Lesson(name.to_owned(), seed.parse().ok()))
}

/// The language that the page speaks.
fn language() -> String {
    let root = gloo::utils::document().document_element();
    root.and_then(|it| it.get_attribute("lang"))
        .unwrap_or_default()
}

/// Hears when an address of the lessons is gone to.
#[hook]
fn use_addresses(wanted: &UseStateHandle<Wanted>) {
    let setter = wanted.setter();
    use_effect_with((), move |()| {
        let listener = EventListener::new(&window(), "hashchange", move |_| {
            if let Some(it) = wanted_by_address() {
                setter.set(it);
            }
        });
        move || drop(listener)
    });
}

/// Fetches the lessons, once they are wanted.
#[hook]
fn use_fetching(shelf: &UseStateHandle<Shelf>, wanted: &UseStateHandle<Wanted>) {
    let shelf = shelf.clone();
    use_effect_with((**wanted).clone(), move |wanted| {
        let is_fetched = matches!(*shelf, Shelf::Here(_) | Shelf::Coming);
        if *wanted == Wanted::Nothing || is_fetched {
            return;
        }
        shelf.set(Shelf::Coming);
        spawn_local(async move {
            let text = effects::fetched(LESSONS).await;
            let library = text.and_then(|it| Library::read(&it));
            shelf.set(library.map_or(Shelf::Missing, |it| Shelf::Here(Rc::new(it))));
        });
    });
}

/// Begins the lesson that is wanted, once the lessons are there.
#[hook]
fn use_beginning(
    shelf: &UseStateHandle<Shelf>,
    wanted: &UseStateHandle<Wanted>,
    progress: &UseStateHandle<Progress>,
    dispatch: &Dispatch,
) {
    let (wanted_now, shelf_now) = ((**wanted).clone(), (**shelf).clone());
    let (wanted, progress, dispatch) = (wanted.clone(), progress.clone(), dispatch.clone());
    use_effect_with((wanted_now, shelf_now), move |(it, shelf)| {
        let Shelf::Here(library) = shelf else { return };
        let begun = match it {
            Wanted::Nothing | Wanted::List => return,
            Wanted::Lesson(name, seed) => beginning(library, name, seed.unwrap_or(1), &progress),
            Wanted::Left => left(library, &progress),
        };
        effects::forget_the_address();
        // Who follows a link to a lesson that is not there sees which there are.
        let Some(begun) = begun else {
            wanted.set(Wanted::List);
            return;
        };
        wanted.set(Wanted::Nothing);
        dispatch.dispatch(Event::Lesson(LessonEvent::Begun(Box::new(begun))));
    });
}

pub(crate) fn beginning(
    library: &Library,
    name: &str,
    seed: u64,
    progress: &Progress,
) -> Option<Beginning> {
    let files = library.files(name);
    if !files.contains_key("lesson.yaml") {
        return None;
    }
    let beliefs = library.beliefs(&language()).sections.into_iter();
    Some(Beginning {
        name: name.to_owned(),
        files,
        beliefs: beliefs.map(|(name, it)| (name, it.words)).collect(),
        language: language(),
        seed,
        progress: progress.lessons.get(name).cloned().unwrap_or_default(),
        resumed: None,
    })
}

/// The lesson that was on when the page was closed: its name, page and seed, and in the next line the way to its world.
fn left(library: &Library, progress: &Progress) -> Option<Beginning> {
    let kept = storage::lesson()?;
    // Whatever it holds, it is not opened a second time if it stops the page.
    storage::forget_lesson();
    let (head, events) = kept.split_once('\n')?;
    let words: Vec<&str> = head.split(' ').collect();
    let [name, at, seed] = words.as_slice() else {
        return None;
    };
    let begun = beginning(library, name, seed.parse().ok()?, progress)?;
    Some(Beginning {
        resumed: Some((at.parse().ok()?, read_handed_over(events)?)),
        ..begun
    })
}

/// Keeps how far somebody has come, and what is a person's own apart from the lesson.
#[hook]
fn use_lesson_kept(lesson: Option<&Part<LessonView>>, progress: &UseStateHandle<Progress>) {
    let name = lesson.map(|it| it.name.clone());
    let kind = lesson.map(|it| it.kind.clone());
    use_effect_with((name.clone(), kind), |(name, kind)| {
        storage::set_lesson_on(name.is_some());
        if let Some(root) = document().document_element() {
            // An attribute of the root can always be set.
            let _ = match kind {
                Some(kind) => root.set_attribute("data-lesson", kind),
                None => root.remove_attribute("data-lesson"),
            };
        }
    });
    let come = lesson.map(|it| it.progress.clone());
    let progress = progress.clone();
    use_effect_with((name, come), move |(name, come)| {
        if let (Some(name), Some(come)) = (name, come) {
            // Another page may have kept more meanwhile.
            let mut all = Progress::read(&storage::progress().unwrap_or_default());
            let mut here = Progress::default();
            here.lesson(name).clone_from(come);
            all.merge(&here);
            storage::keep_progress(&all.to_string());
            progress.set(all);
        }
    });
}

/// Has the goals measured when the world has changed and there is time.
#[hook]
pub(crate) fn use_looking_at_goals(lesson: Option<&Part<LessonView>>, dispatch: &Dispatch) {
    let due = lesson.and_then(|it| it.is_due);
    let dispatch = dispatch.clone();
    use_effect_with(due, move |due| {
        let look = move || dispatch.dispatch(Event::Lesson(LessonEvent::Looked));
        let timer = due.map(|_| Timeout::new(LOOK_AFTER_MS, look));
        move || drop(timer)
    });
}
