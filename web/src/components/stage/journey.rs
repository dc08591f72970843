//! What moves on the stage: the trail so far, marks where something happened, and the packet.

use super::packet::packet;
use super::rooms::{n, points};
use crate::components::leg;
use crate::hooks::flight::use_flight;
use crate::motion::{self, Pose};
use crate::session::Part;
use packetwalk_core::view::{Hop, LegName, MapView, Playback, Point, Verdict, WalkView};
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
}

/// What moves.
#[component]
pub(super) fn Journey(props: &JourneyProps) -> Html {
    let pose = use_flight(&props.walk, props.playback);
    journey(&props.map, &props.walk.hops, pose)
}

/// The walk as far as a pose.
pub(super) fn journey(map: &MapView, hops: &[Hop], pose: Pose) -> Html {
    let Some(hop) = hops.get(pose.hop) else {
        return html! { <g class="journey" /> };
    };
    let at = motion::point_at(&hop.trail, pose.way);
    html! {
        <g class="journey" data-moving={(!pose.is_resting()).then_some("")}>
            { arrowheads() }
            { for [LegName::Dns, LegName::Request, LegName::Reply].map(|it| trail(it, hops, pose)) }
            { for hops.iter().enumerate().take(pose.hop + 1).filter_map(|(idx, it)| mark(idx, it, pose)) }
            { packet(hop, pose, at, map) }
        </g>
    }
}

/// The ends of trails: filled for what goes, open for what comes back.
fn arrowheads() -> Html {
    let head = |leg: LegName, path: &'static str| {
        html! {
            <marker
                id={format!("head-{}", leg::name(leg))} class="head-mark" data-leg={leg::name(leg)}
                viewBox="0 0 10 10" refX="8" refY="5" markerWidth="8" markerHeight="8"
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
fn trail(of: LegName, hops: &[Hop], pose: Pose) -> Html {
    let is_now = hops.get(pose.hop).is_some_and(|it| it.leg == of);
    let hops = hops
        .iter()
        .enumerate()
        .take(pose.hop + 1)
        .filter(|(_, it)| it.leg == of);
    html! {
        <g class="trail" key={leg::name(of)} data-leg={leg::name(of)} data-past={(!is_now).then_some("")} transform={aside(of)}>
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
const fn aside(leg: LegName) -> &'static str {
    match leg {
        LegName::Dns => "translate(-3.5 -3.5)",
        LegName::Request => "translate(0 0)",
        LegName::Reply => "translate(3.5 3.5)",
    }
}

/// A mark where a header was rewritten or the walk failed.
fn mark(idx: usize, hop: &Hop, pose: Pose) -> Option<Html> {
    let is_there = idx < pose.hop || pose.way >= 1.0;
    let mark = match hop.failure {
        Some(verdict) if is_there => failure(verdict, hop.at),
        _ if !hop.changes.is_empty() && is_there => rewritten(hop.at),
        _ => return None,
    };
    Some(html! { <g key={idx}>{ mark }</g> })
}

fn rewritten(at: Point) -> Html {
    let corners = [(0.0, -8.0), (8.0, 0.0), (0.0, 8.0), (-8.0, 0.0)];
    let corners = corners.map(|(x, y)| Point {
        x: at.x + x,
        y: at.y + y,
    });
    html! { <polygon class="mark mark--rewritten" points={points(&corners)} /> }
}

/// Refused: a cross. Dropped: the line fades and stops.
fn failure(verdict: Verdict, at: Point) -> Html {
    let place = format!("translate({} {})", n(at.x), n(at.y));
    match verdict {
        Verdict::Dropped => html! {
            <g class="mark mark--dropped" transform={place}>
                <path class="mark__fade" d="M14 0h4M22 0h3M29 0h2" />
                <path d="M36 -7v14" />
            </g>
        },
        _ => html! {
            <g class="mark mark--refused" transform={place}>
                <circle cx="22" cy="0" r="9" />
                <path d="M18 -4l8 8M26 -4l-8 8" />
            </g>
        },
    }
}
