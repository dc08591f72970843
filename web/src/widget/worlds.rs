//! The worlds of all widgets, so that some can follow others: a follower shows what its leader's session has, and what is done in it
//! is done there.
//!
//! **Left out**: a follower whose leader has ended keeps its last picture, and nothing can be done in it any more.

use super::Id;
use crate::session::{Dispatch, State};
use std::cell::RefCell;
use std::collections::BTreeMap;
use yew::prelude::*;

/// A leader: its session as it is, what hands events to it, and who follows.
struct World {
    state: State,
    dispatch: Dispatch,
    followers: BTreeMap<Id, Callback<State>>,
}

thread_local! {
    static WORLDS: RefCell<BTreeMap<Id, World>> = const { RefCell::new(BTreeMap::new()) };
}

/// What hands events to a leader.
pub(super) fn dispatch_of(leader: Id) -> Option<Dispatch> {
    WORLDS.with_borrow(|all| all.get(&leader).map(|it| it.dispatch.clone()))
}

/// A leader as it is.
pub(super) fn state_of(leader: Id) -> Option<State> {
    WORLDS.with_borrow(|all| all.get(&leader).map(|it| it.state.clone()))
}

/// Tells all followers of a leader how it is now.
#[hook]
pub(super) fn use_leading(id: Id, state: &UseReducerHandle<State>) {
    let told = state.clone();
    use_effect(move || {
        let followers = WORLDS.with_borrow_mut(|all| {
            let world = all.entry(id).or_insert_with(|| World {
                state: (*told).clone(),
                dispatch: told.dispatcher(),
                followers: BTreeMap::new(),
            });
            world.state = (*told).clone();
            Vec::from_iter(world.followers.values().cloned())
        });
        for follower in followers {
            follower.emit((*told).clone());
        }
    });
    use_effect_with((), move |()| {
        move || {
            WORLDS.with_borrow_mut(|all| all.remove(&id));
        }
    });
}

/// How a leader is, now and whenever that changes; nothing before it is there.
#[hook]
pub(super) fn use_following(id: Id, leader: Id) -> Option<State> {
    let seen = use_state(|| state_of(leader));
    let hear = {
        let setter = seen.setter();
        Callback::from(move |state: State| setter.set(Some(state)))
    };
    use_effect_with(leader, move |leader| {
        let leader = *leader;
        let now = WORLDS.with_borrow_mut(|all| {
            let world = all.get_mut(&leader)?;
            world.followers.insert(id, hear.clone());
            Some(world.state.clone())
        });
        if let Some(now) = now {
            hear.emit(now);
        }
        move || {
            WORLDS.with_borrow_mut(|all| all.get_mut(&leader).map(|it| it.followers.remove(&id)));
        }
    });
    (*seen).clone()
}
