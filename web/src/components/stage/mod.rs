//! The stage: the cluster as a picture, and the packet on its way through it.
//!
//! A picture for eyes only. All it shows is also said: the walk in the list of hops, the cluster in
//! [`super::cluster_text`].
//!
//! **Left out**: zoom; the map has one size a page shape.

#[cfg(feature = "figure")]
pub mod figure;
mod journey;
mod packet;
mod rooms;

use crate::effects::keep_in_sight;
use crate::session::Part;
use journey::Journey;
use packetwalk_core::view::{Layout, MapView, Playback, WalkView};
use rooms::{Rooms, n};
use yew::prelude::*;

/// What is on the stage.
#[derive(PartialEq, Properties)]
pub struct StageProps {
    /// The cluster.
    pub map: Part<MapView>,
    /// The walk.
    pub walk: Part<WalkView>,
    /// Where in it.
    pub playback: Playback,
    /// Whether the picture is older than the text.
    pub is_stale: bool,
}

/// The stage.
#[component]
pub fn Stage(props: &StageProps) -> Html {
    let map = &props.map;
    let svg = use_node_ref();
    use_following(&svg, props);
    let points_at_vip = use_state_eq(|| false);
    let on_point = {
        let points_at_vip = points_at_vip.clone();
        Callback::from(move |points: bool| points_at_vip.set(points))
    };
    let hop = props.walk.hops.get(props.playback.position);
    let label = match hop {
        Some(hop) => format!("Map of the cluster. The packet is at {}.", hop.place),
        None => "Map of the cluster, without a packet.".to_owned(),
    };
    html! {
        <div class="stage" id="stage" data-stale={props.is_stale.then_some("")} data-layout={layout_name(map.layout)}>
            <svg
                class="stage__map" ref={svg} role="img" aria-label={label}
                viewBox={format!("0 0 {} {}", n(map.width), n(map.height))}
                width={n(map.width)} height={n(map.height)}
                preserveAspectRatio="xMidYMid meet"
            >
                <Rooms map={map.clone()} points_at_vip={*points_at_vip} {on_point} />
                <Journey map={map.clone()} walk={props.walk.clone()} playback={props.playback} />
            </svg>
            <p class="stage__stale">
                { if props.is_stale { "The manifest has a mistake: this is the picture of the last text that could be read." } else { "" } }
            </p>
        </div>
    }
}

const fn layout_name(layout: Layout) -> &'static str {
    match layout {
        Layout::Wide => "wide",
        Layout::Tall => "tall",
    }
}

/// On a page higher than the screen, brings a hop into sight when a person goes there.
#[hook]
fn use_following(svg: &NodeRef, props: &StageProps) {
    let is_first = use_mut_ref(|| true);
    let svg = svg.clone();
    let map = props.map.clone();
    let at = props.walk.hops.get(props.playback.position).map(|it| it.at);
    use_effect_with(props.playback.position, move |_| {
        let is_first = is_first.replace(false);
        if is_first || map.layout != Layout::Tall {
            return;
        }
        if let (Some(svg), Some(at)) = (svg.cast::<web_sys::Element>(), at) {
            keep_in_sight(&svg, at.y / map.height);
        }
    });
}
