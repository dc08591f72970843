//! Many packets in flight: at most two hundred marks, each on its request's line and back.
//!
//! They are moved past the page's own bookkeeping, an attribute each a frame: making two hundred elements anew for
//! every frame would take the frame's time. With reduced motion nothing flies: the bars are there at once.
//!
//! **Left out**: packets that fail fade at their end only by vanishing.

use super::ink::n;
use crate::hooks::clock::now_ms;
use crate::hooks::media::{REDUCED_MOTION, holds_now};
use crate::motion::Path;
use crate::session::Part;
use gloo::render::{AnimationFrame, request_animation_frame};
use packetwalk_core::view::TrafficView;
use std::cell::RefCell;
use std::rc::Rc;
use web_sys::Element;
use yew::prelude::*;

/// From one packet's start to the next one's, and how long one is on its way there and back.
const BETWEEN_MS: f64 = 14.0;
const FLIGHT_MS: f64 = 2_400.0;

/// How often the bars hear of it.
const TELL_MS: f64 = 100.0;

/// Many packets.
#[derive(PartialEq, Properties)]
pub(super) struct SwarmProps {
    /// The packets.
    pub(super) traffic: Part<Option<TrafficView>>,
    /// How many units of the map a pixel has, about.
    pub(super) unit: f64,
    /// Hears what share has arrived, in thousandths.
    pub(super) on_arrive: Callback<u32>,
}

/// A flock on its way.
struct Flock {
    ways: Vec<(Path, bool)>,
    sent: Vec<usize>,
    marks: Vec<Element>,
    begun: f64,
    told: f64,
    on_arrive: Callback<u32>,
    frame: Option<AnimationFrame>,
}

/// Many packets.
#[component]
pub(super) fn Swarm(props: &SwarmProps) -> Html {
    let group = use_node_ref();
    let number = props.traffic.as_ref().map_or(0, |it| it.number);
    {
        let (group, traffic, on_arrive) = (
            group.clone(),
            props.traffic.clone(),
            props.on_arrive.clone(),
        );
        use_effect_with(number, move |_| {
            let flock = Rc::new(RefCell::new(None));
            match traffic.as_ref() {
                Some(_) if holds_now(REDUCED_MOTION) => on_arrive.emit(1000),
                Some(traffic) => {
                    on_arrive.emit(0);
                    *flock.borrow_mut() = Flock::of(traffic, &group, on_arrive);
                    fly(&flock);
                }
                None => {}
            }
            move || drop(flock.borrow_mut().take())
        });
    }
    let n_sent = props
        .traffic
        .as_ref()
        .as_ref()
        .map_or(0, |it| it.sent.len());
    let size = n(4.0 * props.unit);
    html! {
        <g class="swarm" ref={group} aria-hidden="true">
            { for (0..n_sent).map(|idx| html! { <circle key={idx} r={size.clone()} visibility="hidden" /> }) }
        </g>
    }
}

impl Flock {
    fn of(traffic: &TrafficView, group: &NodeRef, on_arrive: Callback<u32>) -> Option<Flock> {
        let children = group.cast::<Element>()?.children();
        let marks = (0..children.length()).filter_map(|it| children.item(it));
        let now = now_ms();
        Some(Flock {
            ways: traffic
                .ways
                .iter()
                .map(|it| (Path::of(&it.line), it.is_answered))
                .collect(),
            sent: traffic.sent.clone(),
            marks: marks.collect(),
            begun: now,
            told: 0.0,
            on_arrive,
            frame: None,
        })
    }

    /// Moves every mark. False when all have arrived.
    fn step(&mut self) -> bool {
        let elapsed = now_ms() - self.begun;
        let mut n_arrived = 0;
        for (idx, (mark, way)) in self.marks.iter().zip(&self.sent).enumerate() {
            let begun = BETWEEN_MS * f64::from(u32::try_from(idx).unwrap_or(u32::MAX));
            let share = (elapsed - begun) / FLIGHT_MS;
            let Some((path, is_answered)) = self.ways.get(*way) else {
                continue;
            };
            n_arrived += u32::from(share >= 0.5);
            // There in the first half, and back in the second if somebody answers.
            let is_back = share > 0.5;
            let is_seen = share > 0.0 && share < 1.0 && (!is_back || *is_answered);
            if !is_seen {
                // A mark that cannot be set is one that is gone.
                let _ = mark.set_attribute("visibility", "hidden");
                continue;
            }
            let along = if is_back {
                2.0 - 2.0 * share
            } else {
                2.0 * share
            };
            let at = path.at(along);
            let _ = mark.set_attribute("transform", &format!("translate({} {})", n(at.x), n(at.y)));
            let _ = mark.set_attribute("visibility", "visible");
            let leg = if is_back { "reply" } else { "request" };
            let _ = mark.set_attribute("class", leg);
        }
        let all = u32::try_from(self.sent.len().max(1)).unwrap_or(u32::MAX);
        let total = BETWEEN_MS * f64::from(all) + FLIGHT_MS;
        let is_over = elapsed >= total;
        if is_over || elapsed - self.told >= TELL_MS {
            self.told = elapsed;
            self.on_arrive.emit(if is_over {
                1000
            } else {
                n_arrived * 1000 / all
            });
        }
        !is_over
    }
}

fn fly(flock: &Rc<RefCell<Option<Flock>>>) {
    let next = flock.clone();
    let frame = request_animation_frame(move |_| {
        let goes_on = next.borrow_mut().as_mut().is_some_and(Flock::step);
        if goes_on {
            fly(&next);
        }
    });
    if let Some(flock) = flock.borrow_mut().as_mut() {
        flock.frame = Some(frame);
    }
}
