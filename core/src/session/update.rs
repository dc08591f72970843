//! What can happen in a session, and what follows.

use super::lesson::LessonEvent;
use super::steps::Stand;
use super::time::{Deed, REST, passing};
use super::{SPEEDS, Scene, Session, Traffic, read_text};
use crate::api::Manifest;
use crate::sim::Happening;
use crate::time::Duration;
use crate::view::{Break, Emphasis, Layer, Layout, NodeRoom};
use serde::{Deserialize, Serialize};
use std::rc::Rc;

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {
    /// The text was changed.
    Edited(String),
    /// Another text was opened in its place.
    Opened(String),
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
    /// The other layer of the same walk.
    LayerSet(Layer),
    /// Playing stops there, or does not any more.
    BreakSet(Break),
    /// Ask before decisive hops, or do not any more.
    PredictSet(bool),
    /// This answer, by its place in the list.
    Answered(usize),
    /// The last thing done is undone.
    Undo,
    /// What was undone is done again.
    Redo,
    /// To the beginning; all can be done again.
    Reset,
    /// To this moment of what was done.
    MomentChosen(usize),
    /// A future that was left is taken up.
    TakenUp(usize),
    /// So much time passes in the cluster.
    Passed(Duration),
    /// Time passes until nothing is on its way.
    Settled,
    /// Something happens to the cluster, by its place in the list.
    Acted(usize),
    /// Something else happens to it: what, and in words.
    Happened(Box<Happening>, String),
    /// A line was typed in the terminal.
    LineTyped(String),
    /// The line that runs there goes on.
    LineGoesOn,
    /// It is interrupted: Ctrl-C.
    LineInterrupted,
    /// Nothing more is typed for it: Ctrl-D.
    InputEnded,
    /// What could this line become? Tab.
    TabPressed(String),
    /// Many requests are made, or are no more.
    TrafficMade(Option<Traffic>),
    /// A node's room was folded, or unfolded.
    Folded(String),
    /// All rooms the walk does not enter are folded; or, if any is, all are unfolded.
    IdleFolded,
    /// The page has another shape.
    Shaped(Layout),
    /// A timer ran out.
    Elapsed(Timer),
    /// Something happened in a lesson. Of lessons nothing is written down as events.
    #[serde(skip)]
    Lesson(LessonEvent),
}

impl Event {
    /// Whether the world is another one after it, so that a line that runs has lost its ground.
    const fn changes_the_world(&self) -> bool {
        matches!(
            self,
            Event::Edited(_)
                | Event::Opened(_)
                | Event::Undo
                | Event::Redo
                | Event::Reset
                | Event::MomentChosen(_)
                | Event::TakenUp(_)
                | Event::Passed(_)
                | Event::Settled
                | Event::Acted(_)
                | Event::Happened(..)
                | Event::Lesson(
                    LessonEvent::Begun(_)
                        | LessonEvent::PageChosen(_)
                        | LessonEvent::Forward
                        | LessonEvent::Restarted
                        | LessonEvent::Left
                )
        )
    }
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timer(pub(super) u64);

/// How long a packet moves from hop to hop at a calm pace.
const MOVE_MS: f64 = 700.0;

/// How long it rests at a hop where nothing happens.
const REST_MS: f64 = 900.0;

/// How much longer it rests where something is decided.
const PAUSE_AT_DECISIONS: f64 = 2.2;

pub(super) fn within_speeds(speed: f64) -> f64 {
    let [slowest, .., fastest] = SPEEDS;
    if speed.is_finite() {
        speed.clamp(slowest, fastest)
    } else {
        1.0
    }
}

/// How long a hop is on its way and looked at, by itself.
pub(super) fn stay_ms(emphasis: Option<Emphasis>, speed: f64) -> u32 {
    let rest = match emphasis {
        Some(Emphasis::Deciding) => REST_MS * PAUSE_AT_DECISIONS,
        _ => REST_MS,
    };
    millis((MOVE_MS + rest) / speed)
}

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
        if event.changes_the_world() {
            self.interrupt_line();
        }
        let effects = match event {
            Event::Edited(text) => self.edit(text),
            Event::Opened(text) => self.open(text),
            Event::Asked { from, to } => self.ask(from, to),
            Event::WayChosen(idx) => self.choose_way(idx),
            Event::Play => self.play(),
            Event::Pause => self.pause(),
            Event::Forward => self.go(self.stand().next_stop()),
            Event::Back => self.go(self.stand().previous_stop()),
            Event::Jump(position) => self.go(position),
            Event::ToNextDecision => self.go(self.stand().next_decision()),
            Event::SpeedSet(speed) => self.set_speed(speed),
            Event::LayerSet(layer) => {
                self.options.layer = layer;
                Vec::new()
            }
            Event::BreakSet(it) => {
                self.options.breaks[it as usize] ^= true;
                Vec::new()
            }
            Event::PredictSet(is_on) => self.set_predicting(is_on),
            Event::Answered(idx) => self.answer(idx),
            Event::Undo => self.undo(),
            Event::Redo => self.redo(),
            Event::Reset => self.reset(),
            Event::MomentChosen(at) => self.stand_at(at),
            Event::TakenUp(idx) => self.take_up(idx),
            Event::Passed(length) => self.happen(Happening::Pass(length), passing(length)),
            Event::Settled => {
                self.happen(Happening::Settle(REST), "the cluster comes to rest".into())
            }
            Event::Acted(idx) => self.act(idx),
            Event::Happened(event, words) => self.happen(*event, words),
            Event::LineTyped(line) => self.type_line(line),
            Event::LineGoesOn => {
                self.go_on_with_line();
                Vec::new()
            }
            Event::LineInterrupted => {
                self.interrupt_line();
                Vec::new()
            }
            Event::InputEnded => {
                self.end_input();
                Vec::new()
            }
            Event::TabPressed(line) => self.complete(line),
            Event::TrafficMade(traffic) => self.make_traffic(traffic),
            Event::Folded(node) => {
                self.seating.fold(&node);
                Vec::new()
            }
            Event::IdleFolded => self.fold_idle(),
            Event::Shaped(layout) => {
                self.layout = layout;
                Vec::new()
            }
            Event::Elapsed(timer) => self.move_on(timer),
            Event::Lesson(event) => self.learn(event),
        };
        let before = self.view.clone();
        let view = self.look(Some(&before));
        if !view.is_same(&before) {
            self.view = Rc::new(view);
        }
        self.look_at_lesson();
        effects
    }

    fn edit(&mut self, text: String) -> Vec<Effect> {
        self.take_in(text);
        if self.unread.is_none() {
            self.remember(Deed::Edited, "the manifest is edited".into());
        }
        self.forget_question();
        self.pause()
    }

    /// A moment of its own even if nothing can be made of the text, so that one can go back to the text before.
    fn open(&mut self, text: String) -> Vec<Effect> {
        self.n_files += 1;
        self.file = self.n_files;
        self.take_in(text);
        self.remember(Deed::Opened, "another manifest is opened".into());
        self.forget_question();
        self.pause()
    }

    fn take_in(&mut self, text: String) {
        self.text = text;
        let before = self.unread.as_ref().unwrap_or(&self.scene.manifest);
        let manifest = read_text(&self.text, before);
        if manifest.has_errors() {
            self.unread = Some(manifest);
        } else {
            self.unread = None;
            self.scene = Rc::new(self.begin_anew(manifest));
        }
    }

    pub(super) fn ask(&mut self, from: String, to: String) -> Vec<Effect> {
        (self.from, self.to) = (from, to);
        let scene = &self.scene;
        self.scene = Rc::new(Scene::at(
            scene.manifest.clone(),
            scene.timeline.clone(),
            scene.history.clone(),
            (&self.from, &self.to),
            Some(scene),
        ));
        self.position = 0;
        self.forget_question();
        self.remember(Deed::Asked, format!("{} asks {}", self.from, self.to));
        self.pause()
    }

    /// Another start, to which the same things happen as to the one before.
    fn begin_anew(&self, manifest: Manifest) -> Scene {
        let before = &self.scene.timeline;
        let scene = Scene::of(
            manifest,
            &self.text,
            &self.from,
            &self.to,
            self.seed,
            Some(&self.scene),
        );
        if before.position() == 0 {
            return scene;
        }
        let mut timeline = scene.timeline;
        for event in &before.events()[..before.position()] {
            // There were no more of them before, so they have room again.
            let _ = timeline.happen(event.clone());
        }
        let history = self.scene.history.clone();
        let asked = (self.from.as_str(), self.to.as_str());
        Scene::at(scene.manifest, timeline, history, asked, Some(&self.scene))
    }

    fn reset(&mut self) -> Vec<Effect> {
        self.position = 0;
        self.stand_at(0)
    }

    fn fold_idle(&mut self) -> Vec<Effect> {
        let nodes = &self.view.map.nodes;
        let is_entered = |node: &NodeRoom| {
            let mut points = self.view.walk.hops.iter().flat_map(|it| &it.trail);
            points.any(|it| node.rect.contains(*it))
        };
        let idle: Vec<String> = if nodes.iter().any(|it| it.is_folded) {
            Vec::new()
        } else {
            let idle = nodes.iter().filter(|it| !is_entered(it));
            idle.map(|it| it.name.clone()).collect()
        };
        self.seating.fold_only(idle);
        Vec::new()
    }

    fn stand(&self) -> Stand<'_> {
        Stand {
            hops: &self.view.walk.hops,
            options: self.options,
            position: self.position,
        }
    }

    fn choose_way(&mut self, idx: usize) -> Vec<Effect> {
        let ways = self.scene.outcomes.as_ref().map(|it| &it.ways.branches);
        if let Some(way) = ways.and_then(|it| it.get(idx)) {
            self.picks.clone_from(&way.picks);
        }
        self.forget_question();
        self.pause()
    }

    fn play(&mut self) -> Vec<Effect> {
        if self.n_hops() == 0 {
            return Vec::new();
        }
        if self.question_hop().is_some() {
            self.go(self.n_hops());
            if self.question_hop().is_some() {
                return Vec::new();
            }
        }
        // From the end, a walk is played from its beginning.
        if self.stand().is_at_end() {
            self.position = 0;
        }
        self.is_playing = true;
        self.wake()
    }

    pub(super) fn pause(&mut self) -> Vec<Effect> {
        self.is_playing = false;
        self.timer.0 += 1;
        Vec::new()
    }

    fn go(&mut self, position: usize) -> Vec<Effect> {
        let position = position.min(self.n_hops().saturating_sub(1));
        if !self.is_held_by_question(position) && !self.asks_before(position) {
            self.position = position;
        }
        self.pause()
    }

    fn set_speed(&mut self, speed: f64) -> Vec<Effect> {
        self.speed = within_speeds(speed);
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
        let next = self.stand().next_stop();
        if self.asks_before(next) {
            return self.pause();
        }
        let broken = self.stand().first_break(next);
        self.position = broken.unwrap_or(next);
        if broken.is_some() || self.stand().is_at_end() {
            return self.pause();
        }
        self.wake()
    }

    /// Asks to be woken when the shown hop has been looked at long enough.
    fn wake(&mut self) -> Vec<Effect> {
        self.timer.0 += 1;
        vec![Effect::Wake {
            after_ms: stay_ms(self.stand().emphasis(), self.speed),
            timer: self.timer,
        }]
    }
}
