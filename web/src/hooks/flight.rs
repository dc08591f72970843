//! Where the packet is at this moment: a flight from the hop before, driven by animation frames.
//!
//! Pausing while a packet is under way holds it there; going on lets it arrive. With reduced motion
//! there is no flight: the packet is at its hop.

use super::media::{REDUCED_MOTION, use_media};
use crate::hand_over;
use crate::hooks::clock::now_ms;
use crate::motion::{Clock, Flight, Pose};
use crate::session::Part;
use gloo::render::{AnimationFrame, request_animation_frame};
use packetwalk_core::view::{Playback, WalkView};
use std::cell::RefCell;
use std::rc::Rc;
use yew::prelude::*;

/// What the packet was doing when the page was last drawn.
struct Last {
    walk: Part<WalkView>,
    playback: Playback,
    flight: Option<(Flight, Clock)>,
    frame: Option<AnimationFrame>,
}

/// The packet's pose now. Redraws its user while the packet is under way.
#[hook]
pub fn use_flight(walk: &Part<WalkView>, playback: Playback) -> Pose {
    let is_still = use_media(REDUCED_MOTION);
    let redraw = use_force_update();
    let last = use_mut_ref(|| Last {
        walk: walk.clone(),
        playback,
        flight: None,
        frame: None,
    });
    follow(&mut last.borrow_mut(), walk, playback, is_still);
    {
        let last = last.clone();
        use_effect(move || tick(&last, redraw));
    }
    let mut last = last.borrow_mut();
    let now = now_ms();
    let pose = last
        .flight
        .as_ref()
        .and_then(|(flight, clock)| flight.pose(clock.elapsed(now)));
    if pose.is_none() {
        last.flight = None;
    }
    pose.unwrap_or(Pose::resting(playback.position))
}

/// Plans a flight, holds it or lets it go on, by comparing what was with what is.
fn follow(last: &mut Last, walk: &Part<WalkView>, playback: Playback, is_still: bool) {
    let before = std::mem::replace(&mut last.playback, playback);
    let is_same_walk = last.walk == *walk;
    last.walk = walk.clone();
    let now = now_ms();
    if !is_same_walk || is_still {
        last.flight = None;
    } else if before.position != playback.position {
        let is_interrupted = last.flight.is_some();
        let is_far = before.position.abs_diff(playback.position) > 1;
        last.flight = (!(is_interrupted && is_far)).then(|| {
            let flight = Flight::plan(&walk.hops, before.position, playback);
            (flight, Clock::started(now))
        });
    } else if let Some((_, clock)) = &mut last.flight {
        match (before.is_playing, playback.is_playing) {
            (true, false) => clock.hold(now),
            (false, true) => clock.go_on(now),
            _ => {}
        }
    }
}

/// Asks for the next frame while there is something to move.
fn tick(last: &Rc<RefCell<Last>>, redraw: UseForceUpdateHandle) {
    let moves = matches!(&last.borrow().flight, Some((_, clock)) if !clock.is_held());
    hand_over::set_moving(moves);
    let frame = moves.then(|| request_animation_frame(move |_| redraw.force_update()));
    last.borrow_mut().frame = frame;
}
