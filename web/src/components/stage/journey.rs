//! What moves on the stage: the trail so far, marks where something happened, and the packet.

use super::ink::{n, points, small};
use super::packet::{header, packet};
use crate::components::leg;
use crate::hooks::flight::use_flight;
use crate::motion::{self, Pose};
use crate::session::Part;
use packetwalk_core::view::{Hop, LegName, MapView, Playback, Verdict, WalkView};
use yew::prelude::*;

/// The walk on its map.
#[derive(PartialEq, Properties)]
pub(super) struct JourneyProps {
    /// The cluster.
    pub(super) map: Part<MapView>,
    /// The walk.
    pub(super) walk: Part<WalkView>,
    /// Where in it.
    pub(super) playback: Playback,
    /// How many units of the map a pixel has, about.
    pub(super) unit: f64,
    /// Whether the envelope is open.
    pub(super) is_open: bool,
    /// Opens or closes it.
    pub(super) on_open: Callback<()>,
}

/// How the walk is drawn: how large, and the envelope.
#[derive(Clone)]
pub(super) struct Drawn {
    pub(super) unit: f64,
    pub(super) is_open: bool,
    pub(super) on_open: Callback<()>,
}

/// What moves.
#[component]
pub(super) fn Journey(props: &JourneyProps) -> Html {
    let pose = use_flight(&props.walk, props.playback);
    let drawn = Drawn {
        unit: props.unit,
        is_open: props.is_open,
        on_open: props.on_open.clone(),
    };
    journey(&props.map, &props.walk.hops, pose, &drawn)
}

/// The walk as far as a pose.
pub(super) fn journey(map: &MapView, hops: &[Hop], pose: Pose, drawn: &Drawn) -> Html {
    let unit = drawn.unit;
    let Some(hop) = hops.get(pose.hop) else {
        return html! { <g class="journey" /> };
    };
    let at = motion::point_at(&hop.trail, pose.way);
    html! {
        <g class="journey" aria-hidden="true" data-moving={(!pose.is_resting()).then_some("")}>
            { arrowheads(unit) }
            { for [LegName::Dns, LegName::Request, LegName::Reply].map(|it| trail(it, hops, pose, unit)) }
            { for hops.iter().enumerate().take(pose.hop + 1).filter_map(|(idx, it)| mark(idx, it, pose, unit)) }
            { for (unit <= 1.0).then(|| notes(map, hops, pose)) }
            { packet(hop, pose, at, map, drawn) }
        </g>
    }
}

/// The ends of trails: filled for what goes, open for what comes back.
fn arrowheads(unit: f64) -> Html {
    let size = n(8.0 * unit);
    let head = |leg: LegName, path: &'static str| {
        html! {
            <marker
                id={format!("head-{}", leg::name(leg))} class="head-mark" data-leg={leg::name(leg)}
                viewBox="0 0 10 10" refX="8" refY="5" markerWidth={size.clone()} markerHeight={size.clone()}
                markerUnits="userSpaceOnUse" orient="auto-start-reverse"
            >
                <path d={path} />
            </marker>
        }
    };
    html! {
        <defs>
            { head(LegName::Dns, "M2 2l6 3-6 3") }
            { head(LegName::Request, "M1 1l8 4-8 4z") }
            { head(LegName::Reply, "M2 1l6 4-6 4") }
        </defs>
    }
}

/// The trail of one leg, hop by hop, as far as the packet has come.
fn trail(of: LegName, hops: &[Hop], pose: Pose, unit: f64) -> Html {
    let is_now = hops.get(pose.hop).is_some_and(|it| it.leg == of);
    let hops = hops
        .iter()
        .enumerate()
        .take(pose.hop + 1)
        .filter(|(_, it)| it.leg == of);
    html! {
        <g class="trail" key={leg::name(of)} data-leg={leg::name(of)} data-past={(!is_now).then_some("")} transform={aside(of, unit)}>
            { for hops.filter(|(_, it)| it.trail.len() > 1).map(|(idx, hop)| {
                let way = if idx == pose.hop { pose.way } else { 1.0 };
                let line = motion::part(&hop.trail, way);
                let head = (way >= 1.0).then(|| format!("url(#head-{})", leg::name(of)));
                html! {
                    <polyline key={idx} class="trail__hop" points={points(&line)} marker-end={head} />
                }
            }) }
        </g>
    }
}

/// How far a leg's trail lies beside the others.
fn aside(leg: LegName, unit: f64) -> String {
    let by = match leg {
        LegName::Dns => -3.5,
        LegName::Request => 0.0,
        LegName::Reply => 3.5,
    };
    format!("translate({0} {0})", n(by * unit))
}

/// A mark where a header was rewritten or the walk failed.
fn mark(idx: usize, hop: &Hop, pose: Pose, unit: f64) -> Option<Html> {
    let is_there = idx < pose.hop || pose.way >= 1.0;
    let mark = match hop.failure {
        Some(verdict) if is_there => failure(verdict),
        _ if !hop.changes.is_empty() && is_there => rewritten(),
        _ => return None,
    };
    let place = format!(
        "translate({} {}) scale({})",
        n(hop.at.x),
        n(hop.at.y),
        n(unit)
    );
    Some(html! { <g key={idx} transform={place}>{ mark }</g> })
}

/// What was rewritten so far, above the rules that did it: the old value struck through, the new one beneath.
fn notes(map: &MapView, hops: &[Hop], pose: Pose) -> Html {
    let mut notes = Vec::new();
    // How many notes each half of a room has already.
    let mut filled: Vec<(usize, bool)> = Vec::new();
    let past = hops
        .iter()
        .take(pose.hop)
        .filter(|it| !it.changes.is_empty());
    for hop in past {
        let Some(room) = map
            .nodes
            .iter()
            .position(|it| it.rect.contains(hop.at) && !it.is_folded)
        else {
            continue;
        };
        let rect = map.nodes[room].rect;
        let is_left = hop.at.x < rect.centre().x;
        for line in header(&hop.packet, &hop.changes)
            .iter()
            .filter(|it| it.is_changed())
        {
            let row = small(filled.iter().filter(|it| **it == (room, is_left)).count());
            if row >= 2.0 {
                continue;
            }
            filled.push((room, is_left));
            let x = if is_left {
                rect.x + 14.0
            } else {
                rect.centre().x + 8.0
            };
            notes.push(line.note(x, rect.y + 40.0 + 25.0 * row, leg::name(hop.leg)));
        }
    }
    html! { <g class="notes">{ for notes }</g> }
}

fn rewritten() -> Html {
    html! { <polygon class="mark mark--rewritten" points="0,-8 8,0 0,8 -8,0" /> }
}

/// Refused: a cross. Dropped: the line fades and stops.
fn failure(verdict: Verdict) -> Html {
    match verdict {
        Verdict::Dropped => html! {
            <g class="mark mark--dropped">
                <path class="mark__fade" d="M14 0h4M22 0h3M29 0h2" />
                <path d="M36 -7v14" />
            </g>
        },
        _ => html! {
            <g class="mark mark--refused">
                <circle cx="22" cy="0" r="9" />
                <path d="M18 -4l8 8M26 -4l-8 8" />
            </g>
        },
    }
}
