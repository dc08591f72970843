//! The one reducer: three lines over `Session::update`, and the pieces of the view it hands out.
//!
//! The dispatcher travels by context and never changes, so reading it redraws nothing; parts of the
//! view travel as [`Part`]s, which are equal when they are the same.

use packetwalk_core::session::{Effect, Event, Session};
use packetwalk_core::view::View;
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
const SEED: u64 = 1;

/// A part of the view. Two are equal when they are one and the same value, which the session keeps
/// wherever nothing has changed.
#[derive(Debug, Default)]
pub struct Part<T>(Rc<T>);

/// The session, and what it has asked for.
#[derive(Clone, Debug)]
pub struct State {
    session: Session,
    view: Rc<View>,
    /// How many times the session has asked for something.
    n_orders: u64,
    /// What it asked for last.
    effects: Vec<Effect>,
}

/// Hands events to the session.
pub type Dispatch = UseReducerDispatcher<State>;

impl State {
    /// A session about a manifest and the first request.
    #[must_use]
    pub fn about(text: &str) -> State {
        let session = Session::new(text, FIRST_FROM, FIRST_TO, SEED);
        State {
            view: session.view(),
            session,
            n_orders: 0,
            effects: Vec::new(),
        }
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
        Rc::ptr_eq(&self.view, &other.view) && self.n_orders == other.n_orders
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
