//! A widget as an app: who leads has a session, who follows has its leader's.
//!
//! **Left out**: keeping anything in the browser. What is done in a widget is gone with the page around it.

use super::Id;
use super::face::Face;
use super::manifest::in_mode;
use super::telling::use_telling;
use super::wishes::Wishes;
use super::worlds::{dispatch_of, use_following, use_leading};
use crate::components::lesson;
use crate::effects::{use_line, use_timers};
use crate::ground::Ground;
use crate::hooks::keys::use_keys;
use crate::session::{Dispatch, Part, State};
use js_sys::Function;
use packetwalk_core::lesson::{Library, Progress};
use packetwalk_core::session::{Event, LessonEvent};
use std::rc::Rc;
use web_sys::Element;
use yew::prelude::*;

/// What a widget is.
#[derive(Clone, PartialEq, Properties)]
pub(super) struct WidgetProps {
    /// Its number.
    pub(super) id: Id,
    /// What the page wishes.
    pub(super) wishes: Rc<Wishes>,
    /// The element that everything of it is below.
    pub(super) root: Element,
    /// Tells the script what happens.
    pub(super) tell: Function,
}

impl WidgetProps {
    /// Whose world it shows.
    pub(super) fn leader(&self) -> Id {
        self.wishes.follows.unwrap_or(self.id)
    }
}

/// A widget.
#[component]
pub(super) fn Widget(props: &WidgetProps) -> Html {
    let props = props.clone();
    if props.wishes.follows.is_some() {
        html! { <Follower ..props /> }
    } else {
        html! { <Leader ..props /> }
    }
}

#[component]
fn Leader(props: &WidgetProps) -> Html {
    let wishes = props.wishes.clone();
    let state = use_reducer_eq(|| begun(&wishes));
    let dispatch = state.dispatcher();
    use_timers(&state);
    use_line(&dispatch, state.view().terminal.rests);
    let lesson = state.lesson();
    lesson::use_looking_at_goals(lesson.as_ref().map(Part::from).as_ref(), &dispatch);
    use_leading(props.id, &state);
    use_other_wishes(&dispatch, &wishes);
    html! { <Seen props={props.clone()} state={(*state).clone()} {dispatch} /> }
}

/// Carries out what is wished for otherwise than before.
#[hook]
fn use_other_wishes(dispatch: &Dispatch, wishes: &Rc<Wishes>) {
    let before = use_mut_ref(|| wishes.clone());
    let dispatch = dispatch.clone();
    use_effect_with(wishes.clone(), move |wishes| {
        let before = before.replace(wishes.clone());
        for event in other_wishes(&before, wishes) {
            dispatch.dispatch(event);
        }
    });
}

/// What is to happen, in this order: the world, who asks, where one stands, how it looks.
fn other_wishes(before: &Wishes, now: &Wishes) -> Vec<Event> {
    let mut events = Vec::new();
    if (&before.text, &before.mode) != (&now.text, &now.mode) {
        events.push(Event::Edited(in_mode(&now.text, now.mode.as_deref())));
    }
    if (&before.from, &before.to) != (&now.from, &now.to) {
        events.push(Event::Asked {
            from: now.from.clone(),
            to: now.to.clone(),
        });
    }
    if before.lesson != now.lesson {
        events.extend(lesson_event(now));
    }
    if before.step != now.step {
        events.extend(now.step.map(Event::Jump));
    }
    if before.layer != now.layer {
        events.push(Event::LayerSet(now.layer));
    }
    if before.asks_first != now.asks_first {
        events.push(Event::PredictSet(now.asks_first));
    }
    events
}

/// A session as a page wishes it.
fn begun(wishes: &Wishes) -> State {
    let mut first = vec![Event::LayerSet(wishes.layer)];
    first.extend(wishes.step.map(Event::Jump));
    if wishes.asks_first {
        first.push(Event::PredictSet(true));
    }
    first.extend(lesson_event(wishes));
    let text = in_mode(&wishes.text, wishes.mode.as_deref());
    State::asking(&text, &wishes.from, &wishes.to, first)
}

/// The lesson that is wished for, begun.
fn lesson_event(wishes: &Wishes) -> Option<Event> {
    let name = wishes.lesson.as_deref()?;
    let library = Library::read(wishes.lessons.as_deref()?)?;
    let begun = lesson::beginning(&library, name, 1, &Progress::default())?;
    Some(Event::Lesson(LessonEvent::Begun(Box::new(begun))))
}

#[component]
fn Follower(props: &WidgetProps) -> Html {
    let leader = props.leader();
    let state = use_following(props.id, leader);
    match (state, dispatch_of(leader)) {
        (Some(state), Some(dispatch)) => {
            html! { <Seen props={props.clone()} {state} {dispatch} /> }
        }
        _ => {
            html! { <p class="widget__waiting" role="status">{"Waiting for the widget this one follows."}</p> }
        }
    }
}

/// A session that is seen.
#[derive(PartialEq, Properties)]
struct SeenProps {
    props: WidgetProps,
    state: State,
    dispatch: Dispatch,
}

#[component]
fn Seen(seen: &SeenProps) -> Html {
    let SeenProps {
        props,
        state,
        dispatch,
    } = seen;
    let view = state.view();
    let ground = Ground::of_widget(props.root.clone());
    use_keys(&ground, dispatch, view.playback);
    use_telling(state, &props.tell);
    html! {
        <ContextProvider<Ground> context={ground}>
            <ContextProvider<Dispatch> context={dispatch.clone()}>
                <Face {view} lesson={state.lesson().as_ref().map(Part::from)} wishes={props.wishes.clone()} leads={props.wishes.follows.is_none()} />
            </ContextProvider<Dispatch>>
        </ContextProvider<Ground>>
    }
}
