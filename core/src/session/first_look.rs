//! What a page shows before the whole library has arrived: a walk that a session made before, to look at from all sides.
//!
//! A [`Reel`] is written down when the page is built, by the same [`Session`] that serves later. A [`FirstLook`] steps through
//! it as a session would. Whatever else happens waits, and is handed over: a list of events that bring a new session to where
//! the first look stands.
//!
//! **Left out**: everything that must be computed.

use super::steps::Stand;
use super::update::{move_ms, stay_ms, within_speeds};
use super::{Effect, Event, Session, Timer, lit_by};
use crate::view::{Break, EditorView, Layout, Options, Playback, View};
use serde::{Deserialize, Serialize};
use std::rc::Rc;

/// A request from all sides: each way it can go, on each shape of page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reel {
    frames: Vec<Frame>,
}

/// One of the ways on one shape of page, before its first hop.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Frame {
    layout: Layout,
    way: usize,
    view: View,
}

/// A person's first look.
#[derive(Clone, Debug)]
pub struct FirstLook {
    reel: Rc<Reel>,
    layout: Layout,
    way: usize,
    position: usize,
    is_playing: bool,
    speed: f64,
    options: Options,
    timer: Timer,
    /// What was typed.
    text: Option<String>,
    /// What only a session can take in.
    waiting: Vec<Event>,
    view: Rc<View>,
}

impl Reel {
    /// Writes down what a session shows of a request.
    #[must_use]
    pub fn record(text: &str, from: &str, to: &str, seed: u64) -> Reel {
        let mut frames = Vec::new();
        for layout in [Layout::Wide, Layout::Tall] {
            let mut session = Session::new(text, from, to, seed);
            session.update(Event::Shaped(layout));
            for way in 0..session.view().outcomes.len().max(1) {
                session.update(Event::WayChosen(way));
                let view = View::clone(&session.view());
                frames.push(Frame { layout, way, view });
            }
        }
        Reel { frames }
    }

    /// The reel as text.
    ///
    /// # Panics
    /// Never: everything in it has text keys.
    #[must_use]
    pub fn written(&self) -> String {
        serde_json::to_string(self).expect("a reel has text keys")
    }

    /// The reel that a text holds, unless it is none.
    #[must_use]
    pub fn read(text: &str) -> Option<Reel> {
        serde_json::from_str(text).ok()
    }

    /// What is shown of a way on a page of this shape, if that was written down.
    fn frame(&self, layout: Layout, way: usize) -> Option<&View> {
        let mut frames = self.frames.iter();
        let frame = frames.find(|it| it.layout == layout && it.way == way)?;
        Some(&frame.view)
    }
}

/// Events as text: see [`read_handed_over`].
///
/// # Panics
/// Never: everything in them has text keys.
#[must_use]
pub fn written(events: &[Event]) -> String {
    serde_json::to_string(events).expect("events have text keys")
}

/// The events that a text of [`written`] holds, unless it is none.
#[must_use]
pub fn read_handed_over(text: &str) -> Option<Vec<Event>> {
    serde_json::from_str(text).ok()
}

impl FirstLook {
    /// The look at a reel. `None` if there is nothing on it.
    #[must_use]
    pub fn new(reel: Reel) -> Option<FirstLook> {
        let layout = Layout::default();
        let view = Rc::new(reel.frame(layout, 0)?.clone());
        Some(FirstLook {
            reel: Rc::new(reel),
            layout,
            way: 0,
            position: 0,
            is_playing: false,
            speed: 1.0,
            options: Options::default(),
            timer: Timer::default(),
            text: None,
            waiting: Vec::new(),
            view,
        })
    }

    /// What there is to see now.
    #[must_use]
    pub fn view(&self) -> Rc<View> {
        self.view.clone()
    }

    /// Whether something has happened that only a session can take in.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// What brings a new session about the same request to where this look stands, as text: see [`read_handed_over`].
    #[must_use]
    pub fn handed_over(&self) -> String {
        written(&self.way_here())
    }

    fn way_here(&self) -> Vec<Event> {
        let mut events = vec![
            Event::Shaped(self.layout),
            Event::WayChosen(self.way),
            Event::SpeedSet(self.speed),
            Event::LayerSet(self.options.layer),
        ];
        let breaks = Break::ALL.into_iter();
        let set = breaks.filter(|it| self.options.breaks[*it as usize]);
        events.extend(set.map(Event::BreakSet));
        events.push(Event::Jump(self.position));
        events.extend(self.waiting.iter().cloned());
        if self.is_playing {
            events.push(Event::Play);
        }
        events
    }

    /// Takes an event in, as a session does.
    pub fn update(&mut self, event: Event) -> Vec<Effect> {
        let effects = match event {
            Event::WayChosen(way) => self.choose_way(way),
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
            Event::Shaped(layout) => {
                self.layout = layout;
                Vec::new()
            }
            Event::Elapsed(timer) => self.move_on(timer),
            // Nobody is there yet to answer.
            Event::TabPressed(_) | Event::Lesson(_) => Vec::new(),
            other => self.wait_with(other),
        };
        let view = self.look().sharing_with(&self.view);
        if view != *self.view {
            self.view = Rc::new(view);
        }
        effects
    }

    fn frame(&self) -> &View {
        let frame = self.reel.frame(self.layout, self.way);
        frame.unwrap_or(&self.view)
    }

    fn look(&self) -> View {
        let frame = self.frame();
        let editor = EditorView {
            file: frame.editor.file,
            text: self.text.as_ref().unwrap_or(&frame.editor.text).clone(),
            complaints: match &self.text {
                Some(_) => Vec::new(),
                None => frame.editor.complaints.clone(),
            },
            lit: match &self.text {
                Some(_) => Vec::new(),
                None => lit_by(&frame.walk, self.position),
            },
        };
        let n_hops = frame.walk.hops.len();
        View {
            editor: Rc::new(editor),
            playback: Playback {
                position: self.position.min(n_hops.saturating_sub(1)),
                n_hops,
                is_playing: self.is_playing,
                speed: self.speed,
                move_ms: move_ms(self.speed),
            },
            options: self.options,
            is_stale: self.text.is_some(),
            ..frame.clone()
        }
    }

    fn n_hops(&self) -> usize {
        self.view.walk.hops.len()
    }

    fn stand(&self) -> Stand<'_> {
        Stand {
            hops: &self.view.walk.hops,
            options: self.options,
            position: self.position,
        }
    }

    fn choose_way(&mut self, way: usize) -> Vec<Effect> {
        if self.reel.frame(self.layout, way).is_some() {
            self.way = way;
        }
        self.pause()
    }

    fn wait_with(&mut self, event: Event) -> Vec<Effect> {
        if let Event::Edited(text) | Event::Opened(text) = &event {
            self.text = Some(text.clone());
        }
        if let (Event::Edited(_), Some(Event::Edited(_))) = (&event, self.waiting.last()) {
            self.waiting.pop();
        }
        self.waiting.push(event);
        self.pause()
    }

    fn play(&mut self) -> Vec<Effect> {
        if self.n_hops() == 0 {
            return Vec::new();
        }
        if self.stand().is_at_end() {
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
        let broken = self.stand().first_break(next);
        self.position = broken.unwrap_or(next);
        if broken.is_some() || self.stand().is_at_end() {
            return self.pause();
        }
        self.wake()
    }

    fn wake(&mut self) -> Vec<Effect> {
        self.timer.0 += 1;
        vec![Effect::Wake {
            after_ms: stay_ms(self.stand().emphasis(), self.speed),
            timer: self.timer,
        }]
    }
}
