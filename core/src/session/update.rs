//! What can happen in a session, and what follows.

use super::{SPEEDS, Scene, Session, read_text};
use crate::view::{Emphasis, Layout};
use std::rc::Rc;

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The text was changed.
    Edited(String),
    /// Somebody else is to ask.
    Asked {
        /// Who.
        from: String,
        /// Whom.
        to: String,
    },
    /// Another of the ways was chosen.
    WayChosen(usize),
    /// Go on by itself.
    Play,
    /// Stand still.
    Pause,
    /// One hop on.
    Forward,
    /// One hop back.
    Back,
    /// To this hop.
    Jump(usize),
    /// To the next hop where something is decided or ends.
    ToNextDecision,
    /// At this speed.
    SpeedSet(f64),
    /// The page has another shape.
    Shaped(Layout),
    /// A timer ran out.
    Elapsed(Timer),
}

/// Something a shell is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Hand in [`Event::Elapsed`] with this timer after so many milliseconds.
    Wake {
        /// When.
        after_ms: u32,
        /// Which.
        timer: Timer,
    },
}

/// A timer's number; an old one that runs out late means nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timer(u64);

/// How long a packet moves from hop to hop at a calm pace.
const MOVE_MS: f64 = 700.0;

/// How long it rests at a hop where nothing happens.
const REST_MS: f64 = 900.0;

/// How much longer it rests where something is decided.
const PAUSE_AT_DECISIONS: f64 = 2.2;

pub(super) fn move_ms(speed: f64) -> u32 {
    millis(MOVE_MS / speed)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "bounded to a minute before"
)]
fn millis(length: f64) -> u32 {
    length.clamp(0.0, 60_000.0) as u32
}

impl Session {
    /// Takes an event in. Gives back what is to be done; what is to be seen is in [`Session::view`].
    pub fn update(&mut self, event: Event) -> Vec<Effect> {
        let effects = match event {
            Event::Edited(text) => self.edit(text),
            Event::Asked { from, to } => self.ask(from, to),
            Event::WayChosen(idx) => self.choose_way(idx),
            Event::Play => self.play(),
            Event::Pause => self.pause(),
            Event::Forward => self.go(self.position.saturating_add(1)),
            Event::Back => self.go(self.position.saturating_sub(1)),
            Event::Jump(position) => self.go(position),
            Event::ToNextDecision => self.go(self.next_decision()),
            Event::SpeedSet(speed) => self.set_speed(speed),
            Event::Shaped(layout) => {
                self.layout = layout;
                Vec::new()
            }
            Event::Elapsed(timer) => self.move_on(timer),
        };
        let view = self.look(Some(&self.view));
        if view != *self.view {
            self.view = Rc::new(view);
        }
        effects
    }

    fn edit(&mut self, text: String) -> Vec<Effect> {
        self.text = text;
        let manifest = read_text(&self.text);
        if manifest.has_errors() {
            self.unread = Some(manifest);
        } else {
            self.unread = None;
            self.scene = Rc::new(Scene::of(manifest, &self.from, &self.to, self.seed));
        }
        self.pause()
    }

    fn ask(&mut self, from: String, to: String) -> Vec<Effect> {
        (self.from, self.to) = (from, to);
        let manifest = self.scene.manifest.clone();
        self.scene = Rc::new(Scene::of(manifest, &self.from, &self.to, self.seed));
        self.position = 0;
        self.pause()
    }

    fn choose_way(&mut self, idx: usize) -> Vec<Effect> {
        let ways = self.scene.outcomes.as_ref().map(|it| &it.ways.branches);
        if let Some(way) = ways.and_then(|it| it.get(idx)) {
            self.picks.clone_from(&way.picks);
        }
        self.pause()
    }

    fn play(&mut self) -> Vec<Effect> {
        if self.n_hops() == 0 {
            return Vec::new();
        }
        // From the end, a walk is played from its beginning.
        if self.position + 1 >= self.n_hops() {
            self.position = 0;
        }
        self.is_playing = true;
        self.wake()
    }

    fn pause(&mut self) -> Vec<Effect> {
        self.is_playing = false;
        self.timer.0 += 1;
        Vec::new()
    }

    fn go(&mut self, position: usize) -> Vec<Effect> {
        self.position = position.min(self.n_hops().saturating_sub(1));
        self.pause()
    }

    fn set_speed(&mut self, speed: f64) -> Vec<Effect> {
        let [slowest, .., fastest] = SPEEDS;
        self.speed = if speed.is_finite() {
            speed.clamp(slowest, fastest)
        } else {
            1.0
        };
        if self.is_playing {
            self.wake()
        } else {
            Vec::new()
        }
    }

    fn move_on(&mut self, timer: Timer) -> Vec<Effect> {
        if timer != self.timer || !self.is_playing {
            return Vec::new();
        }
        self.position = (self.position + 1).min(self.n_hops().saturating_sub(1));
        if self.position + 1 >= self.n_hops() {
            return self.pause();
        }
        self.wake()
    }

    fn next_decision(&self) -> usize {
        let hops = &self.view.walk.hops;
        (self.position + 1..hops.len())
            .find(|it| hops[*it].emphasis != Emphasis::Passing)
            .unwrap_or(self.n_hops().saturating_sub(1))
    }

    /// Asks to be woken when the shown hop has been looked at long enough.
    fn wake(&mut self) -> Vec<Effect> {
        self.timer.0 += 1;
        let emphasis = self.view.walk.hops.get(self.position).map(|it| it.emphasis);
        let rest = match emphasis {
            Some(Emphasis::Deciding) => REST_MS * PAUSE_AT_DECISIONS,
            _ => REST_MS,
        };
        vec![Effect::Wake {
            after_ms: millis((MOVE_MS + rest) / self.speed),
            timer: self.timer,
        }]
    }
}
