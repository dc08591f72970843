//! The one reducer: three lines over `Session::update`, and the pieces of the view it hands out.
//!
//! The dispatcher travels by context and never changes, so reading it redraws nothing; parts of the
//! view travel as [`Part`]s, which are equal when they are the same.

#[cfg(feature = "everything")]
use crate::components::panels;
use crate::hand_over;
#[cfg(feature = "everything")]
use crate::{effects, storage};
use packetwalk_core::session::{Effect, Event, Form};
#[cfg(not(feature = "everything"))]
use packetwalk_core::session::{FirstLook as Engine, Reel};
#[cfg(feature = "everything")]
use packetwalk_core::session::{Reel, Session as Engine, read_handed_over, read_link, written};
use packetwalk_core::view::View;
#[cfg(feature = "everything")]
use packetwalk_core::view::{DoctorView, Leaf, LeafView, LessonView, RulesetView};
use std::ops::Deref;
use std::rc::Rc;
use yew::prelude::*;

/// Who asks when the page opens.
pub const FIRST_FROM: &str = "pod/client";

/// What is asked when the page opens.
pub const FIRST_TO: &str = "http://api";

/// The manifest the page opens with.
pub const FIRST_MANIFEST: &str = include_str!("../../static/manifests/clusterip.yaml");

/// The page's seed: everybody who opens it sees the same ports.
#[cfg(feature = "everything")]
const SEED: u64 = 1;

/// A part of the view. Two are equal when they are one and the same value, which the session keeps
/// wherever nothing has changed.
#[derive(Debug, Default)]
pub struct Part<T>(Rc<T>);

/// The session, and what it has asked for.
#[derive(Clone, Debug)]
pub struct State {
    session: Engine,
    view: Rc<View>,
    /// How many times the session has asked for something.
    n_orders: u64,
    /// What it asked for last.
    effects: Vec<Effect>,
    /// What is to be told about how the page began.
    remark: Option<Remark>,
}

/// A sentence that is told once.
pub type Remark = Rc<str>;

#[cfg(feature = "everything")]
fn text_of(events: &[Event]) -> Option<&str> {
    events.iter().find_map(|it| match it {
        Event::Edited(text) => Some(text.as_str()),
        _ => None,
    })
}

/// The first look as the file that a page is served with.
#[cfg(feature = "everything")]
#[must_use]
pub fn reel() -> String {
    Reel::record(FIRST_MANIFEST, FIRST_FROM, FIRST_TO, SEED).written()
}

/// Hands events to the session.
pub type Dispatch = UseReducerDispatcher<State>;

impl State {
    /// What a page begins with: what the first look handed over, or the text of the last time, or the tutorial's.
    #[cfg(feature = "everything")]
    #[must_use]
    pub fn open() -> State {
        let kept = storage::open_text();
        if let Some(events) = hand_over::received().and_then(|it| read_handed_over(&it)) {
            return State::about(FIRST_MANIFEST).after(events);
        }
        if let Some(link) = effects::link_of_the_address() {
            return match read_link(panels::out_of_link(&link)) {
                Ok(events) => {
                    storage::make_room();
                    // The link says what is to be seen.
                    storage::forget_lesson();
                    if let Some(text) = text_of(&events) {
                        storage::keep_text(text);
                    }
                    State::arriving(None, events)
                }
                Err(error) => State::left(kept.as_deref()).remarking(&error.to_string()),
            };
        }
        State::left(kept.as_deref())
    }

    /// As it was left, with this text.
    #[cfg(feature = "everything")]
    fn left(text: Option<&str>) -> State {
        let events = storage::session().and_then(|it| read_handed_over(&it));
        // The text is kept at once, the rest when there is time: the text is the newer one.
        State::arriving(text, events.unwrap_or_default())
    }

    /// Where events lead, about this text rather than theirs. A session that begins with the right text and request computes once.
    #[cfg(feature = "everything")]
    fn arriving(text: Option<&str>, events: Vec<Event>) -> State {
        let text = text
            .or(text_of(&events))
            .unwrap_or(FIRST_MANIFEST)
            .to_owned();
        let (mut from, mut to) = (FIRST_FROM.to_owned(), FIRST_TO.to_owned());
        let mut rest = Vec::new();
        for event in events {
            match event {
                Event::Edited(_) => {}
                Event::Asked {
                    from: who,
                    to: whom,
                } => (from, to) = (who, whom),
                other => rest.push(other),
            }
        }
        State::of(Engine::new(&text, &from, &to, SEED)).after(rest)
    }

    #[cfg(feature = "everything")]
    fn remarking(mut self, remark: &str) -> State {
        self.remark = Some(remark.into());
        self
    }

    /// What a page begins with: the reel it was served with.
    ///
    /// # Panics
    /// Where the reel is none, which `boot.js` finds out before.
    #[cfg(not(feature = "everything"))]
    #[must_use]
    pub fn open() -> State {
        let reel = hand_over::received().and_then(|it| Reel::read(&it));
        State::of(reel.and_then(Engine::new).expect("a reel"))
    }

    /// A session about a manifest and the first request.
    #[cfg(feature = "everything")]
    #[must_use]
    pub fn about(text: &str) -> State {
        State::of(Engine::new(text, FIRST_FROM, FIRST_TO, SEED))
    }

    /// A session about a manifest and a request of somebody's choice, after some events.
    #[cfg(feature = "everything")]
    #[must_use]
    pub fn asking(text: &str, from: &str, to: &str, events: Vec<Event>) -> State {
        State::of(Engine::new(text, from, to, SEED)).after(events)
    }

    fn of(session: Engine) -> State {
        State {
            view: session.view(),
            session,
            n_orders: 0,
            effects: Vec::new(),
            remark: None,
        }
    }

    /// The state after some events.
    #[cfg(feature = "everything")]
    fn after(self, events: Vec<Event>) -> State {
        let state = events.into_iter().fold(Rc::new(self), State::reduce);
        Rc::unwrap_or_clone(state)
    }

    /// Whether something was done that waits for the whole page.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        #[cfg(feature = "everything")]
        return false;
        #[cfg(not(feature = "everything"))]
        self.session.is_waiting()
    }

    /// Whether the lesson that is on looks the same.
    fn has_the_lesson_of(&self, other: &State) -> bool {
        #[cfg(feature = "everything")]
        return match (self.session.lesson(), other.session.lesson()) {
            (Some(it), Some(other)) => Rc::ptr_eq(&it, &other),
            (it, other) => it.is_none() && other.is_none(),
        };
        #[cfg(not(feature = "everything"))]
        {
            let _ = other;
            true
        }
    }

    /// What is to be told about how the page began.
    #[must_use]
    pub fn remark(&self) -> Option<Remark> {
        self.remark.clone()
    }

    /// What is seen, as a link. A first look has none: it is what everybody sees.
    #[must_use]
    pub fn link(&self) -> Option<String> {
        #[cfg(feature = "everything")]
        return Some(self.session.link() + &panels::in_link());
        #[cfg(not(feature = "everything"))]
        None
    }

    /// The lesson that is on.
    #[cfg(feature = "everything")]
    #[must_use]
    pub fn lesson(&self) -> Option<Rc<LessonView>> {
        self.session.lesson()
    }

    /// The lesson that is on, to be kept: its name, page and seed, and in the next line the way to its world.
    #[cfg(feature = "everything")]
    #[must_use]
    pub fn lesson_left(&self) -> Option<String> {
        let lesson = self.session.lesson()?;
        let (at, events) = self.session.lesson_way()?;
        let seed = lesson.seed.unwrap_or(1);
        Some(format!("{} {at} {seed}\n{}", lesson.name, written(&events)))
    }

    /// The way here, to be kept. While a lesson is on, that is the way to what was there before.
    #[must_use]
    pub fn way_here(&self) -> Option<String> {
        #[cfg(feature = "everything")]
        return Some(written(&self.session.own().way_here()));
        #[cfg(not(feature = "everything"))]
        None
    }

    /// What is wrong with the Services.
    #[cfg(feature = "everything")]
    #[must_use]
    pub fn examined(&self) -> DoctorView {
        self.session.doctor()
    }

    /// A list of the cluster.
    #[cfg(feature = "everything")]
    #[must_use]
    pub fn leaf(&self, which: Leaf) -> LeafView {
        self.session.leaf(which)
    }

    /// The rules of a node in a mode; in the cluster's own if none is named.
    #[cfg(feature = "everything")]
    #[must_use]
    pub fn ruleset(&self, mode: Option<&str>, node: &str) -> Option<RulesetView> {
        let mode = mode.unwrap_or_else(|| self.session.mode());
        self.session.ruleset(mode, node)
    }

    /// The walk in another form: `None` in a first look, and nothing where there is no walk.
    #[must_use]
    pub fn exported(&self, form: Form) -> Option<Vec<u8>> {
        #[cfg(feature = "everything")]
        return Some(self.session.exported(form).unwrap_or_default());
        #[cfg(not(feature = "everything"))]
        {
            let _ = form;
            None
        }
    }

    /// What a small module hands over. The whole one never does.
    #[must_use]
    pub fn handed_over(&self) -> Option<String> {
        #[cfg(feature = "everything")]
        return None;
        #[cfg(not(feature = "everything"))]
        Some(self.session.handed_over())
    }

    /// What there is to see.
    #[must_use]
    pub fn view(&self) -> Rc<View> {
        self.view.clone()
    }

    /// What the session asked for last, and how many times it has asked.
    #[must_use]
    pub fn orders(&self) -> (u64, &[Effect]) {
        (self.n_orders, &self.effects)
    }
}

impl Reducible for State {
    type Action = Event;

    fn reduce(self: Rc<Self>, event: Event) -> Rc<Self> {
        let mut next = (*self).clone();
        let effects = next.session.update(event);
        next.view = next.session.view();
        if !effects.is_empty() {
            next.n_orders += 1;
            next.effects = effects;
        }
        Rc::new(next)
    }
}

/// Whether there is something new to see or to do.
impl PartialEq for State {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.view, &other.view)
            && self.n_orders == other.n_orders
            && self.is_waiting() == other.is_waiting()
            && self.has_the_lesson_of(other)
    }
}

impl<T> From<&Rc<T>> for Part<T> {
    fn from(part: &Rc<T>) -> Self {
        Part(part.clone())
    }
}

impl<T> Clone for Part<T> {
    fn clone(&self) -> Self {
        Part(self.0.clone())
    }
}

impl<T> PartialEq for Part<T> {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

impl<T> Deref for Part<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// The dispatcher of the page around a component.
///
/// # Panics
///
/// Outside an `App`, which would be a mistake of ours.
#[hook]
pub fn use_session() -> Dispatch {
    use_context::<Dispatch>().expect("components stand inside App")
}
