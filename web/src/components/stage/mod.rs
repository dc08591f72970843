//! The stage: the cluster as a picture, and the packet on its way through it.
//!
//! A map that can be zoomed, moved, folded, and walked with the arrow keys along its links. All it shows is also
//! said: the walk in the list of hops, the cluster in [`super::cluster_text`].

mod bar;
mod camera;
#[cfg(feature = "figure")]
pub mod figure;
mod hands;
mod ink;
mod journey;
mod packet;
#[cfg(feature = "everything")]
pub mod picture;
mod places;
mod rooms;
mod sketch;
mod swarm;
mod traffic;

use crate::effects::keep_in_sight;
use crate::ground::{Ground, use_ground};
use crate::session::{Dispatch, Part, use_session};
use bar::Bar;
use hands::{Move, Sight, use_sight};
use ink::n;
use journey::Journey;
use packetwalk_core::session::Event;
use packetwalk_core::view::{
    Layer, Layout, MapView, Options, Playback, Point, TimeView, TrafficView, WalkView,
};
use places::Place;
use rooms::Rooms;
use swarm::Swarm;
use traffic::Traffic;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};
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
    /// Which layer, and whether one is asked.
    pub options: Options,
    /// What was done.
    pub time: Part<TimeView>,
    /// Many requests, if they were made.
    pub traffic: Part<Option<TrafficView>>,
    /// Whether the picture is older than the text.
    pub is_stale: bool,
}

/// The stage.
#[component]
pub fn Stage(props: &StageProps) -> Html {
    let map = &props.map;
    let dispatch = use_session();
    let ground = use_ground();
    let svg = use_node_ref();
    let packet = props.walk.hops.get(props.playback.position).map(|it| it.at);
    let sight = use_sight(&svg, (map.width, map.height), packet);
    use_following(&ground, &svg, props, &sight.go);
    let points_at_vip = use_state_eq(|| false);
    let on_point = use_callback(points_at_vip.setter(), |points: bool, it| it.set(points));
    let on_choose = use_choosing(props, &sight, &dispatch);
    let is_open = use_state_eq(|| false);
    let on_open = use_callback(is_open.clone(), |(), it| it.set(!**it));
    let is_many = use_state_eq(|| props.traffic.is_some());
    let on_many = use_callback(
        (is_many.clone(), dispatch.clone(), props.traffic.is_some()),
        |(), (is_many, dispatch, has_traffic)| {
            if **is_many && *has_traffic {
                dispatch.dispatch(Event::TrafficMade(None));
            }
            is_many.set(!**is_many);
        },
    );
    let arrived = use_state_eq(|| 0);
    let on_arrive = use_callback(arrived.setter(), |share: u32, it| it.set(share));
    let label = match props.walk.hops.get(props.playback.position) {
        Some(hop) => format!(
            "Map of the cluster. The packet is at {}. Arrow keys follow the links.",
            hop.place
        ),
        None => "Map of the cluster, without a packet. Arrow keys follow the links.".to_owned(),
    };
    let level = sight.scene.level(sight.camera);
    let view = sight.scene.view_box(sight.camera);
    html! {
        <div
            class="stage" id="stage" data-stale={props.is_stale.then_some("")} data-layout={layout_name(map.layout)}
            data-near={sight.camera.is_near().then_some("")} data-level={level.name()}
            data-layer={match props.options.layer { Layer::Story => "story", Layer::Machine => "machine" }}
        >
            <Bar
                map={map.clone()} go={sight.go.clone()} is_near={sight.camera.is_near()} options={props.options}
                is_open={*is_open} on_open={on_open.clone()} is_many={*is_many} {on_many}
                has_past={props.time.can_undo()} has_future={props.time.can_redo()}
            />
            // Always one child: one more or less would make the picture after it anew.
            { if *is_many { html! { <Traffic traffic={props.traffic.clone()} arrived={*arrived} /> } } else { Html::default() } }
            <svg
                class="stage__map" id="map" ref={svg.clone()} role="group" aria-label={label} tabindex="0"
                viewBox={format!("{} {} {} {}", n(view.x), n(view.y), n(view.width), n(view.height))}
                width={n(map.width)} height={n(map.height)}
                preserveAspectRatio="xMidYMid meet"
                onpointerdown={sight.on_down()} onpointermove={sight.on_move(&svg)}
                onpointerup={sight.on_up()} onpointercancel={sight.on_up()}
                onkeydown={on_key(&ground, map, &sight, &on_choose)}
            >
                <Rooms map={map.clone()} points_at_vip={*points_at_vip} {on_point} {level} on_choose={on_choose.clone()} />
                <Journey map={map.clone()} walk={props.walk.clone()} playback={props.playback} unit={level.unit()} is_open={*is_open} {on_open} />
                <Swarm traffic={props.traffic.clone()} unit={level.unit()} {on_arrive} />
            </svg>
            <p class="stage__stale">
                { if props.is_stale { "The manifest has a mistake: this is the picture of the last text that could be read." } else { "" } }
            </p>
        </div>
    }
}

/// What becomes of a place somebody chose; the callback stays the same, so that nothing is drawn anew for it.
#[hook]
fn use_choosing(props: &StageProps, sight: &Sight, dispatch: &Dispatch) -> Callback<Place> {
    let newest = use_mut_ref(|| None);
    newest.replace(Some((
        sight.clone(),
        props.walk.clone(),
        props.map.clone(),
        props.playback.position,
    )));
    use_callback(dispatch.clone(), move |place: Place, dispatch| {
        if let Some((sight, walk, map, position)) = newest.borrow().as_ref()
            && !sight.has_dragged()
        {
            choose(&place, walk, map, *position, dispatch);
        }
    })
}

const fn layout_name(layout: Layout) -> &'static str {
    match layout {
        Layout::Wide => "wide",
        Layout::Tall => "tall",
    }
}

/// A node is folded; a pod is where the walk goes, to its next hop there.
fn choose(place: &Place, walk: &WalkView, map: &MapView, position: usize, dispatch: &Dispatch) {
    match place {
        Place::Node(name) => dispatch.dispatch(Event::Folded(name.clone())),
        Place::Host(id) => {
            let host = map.pods.iter().chain(&map.outside).find(|it| it.id == *id);
            let Some(rect) = host.map(|it| it.rect) else {
                return;
            };
            let n_hops = walk.hops.len();
            let next = (1..=n_hops).map(|it| (position + it) % n_hops);
            let mut there = next.filter(|it| rect.contains(walk.hops[*it].at));
            if let Some(hop) = there.next() {
                dispatch.dispatch(Event::Jump(hop));
            }
        }
    }
}

/// The keys of the map itself, while it has the focus.
fn on_key(
    ground: &Ground,
    map: &Part<MapView>,
    sight: &Sight,
    on_choose: &Callback<Place>,
) -> Callback<KeyboardEvent> {
    let (ground, on_choose) = (ground.clone(), on_choose.clone());
    let (map, sight) = (map.clone(), sight.clone());
    Callback::from(move |event: KeyboardEvent| {
        if event.ctrl_key() || event.alt_key() || event.meta_key() {
            return;
        }
        let target: Option<Element> = event.target().and_then(|it| it.dyn_into().ok());
        let at = target.and_then(|it| it.get_attribute("data-place"));
        let key = event.key();
        let is_arrow = matches!(
            key.as_str(),
            "ArrowUp" | "ArrowDown" | "ArrowLeft" | "ArrowRight"
        );
        match (key.as_str(), at) {
            ("Enter", Some(at)) => {
                let chosen = match at.strip_prefix("node/").map(str::to_owned) {
                    Some(name) => Place::Node(name),
                    None => Place::Host(at),
                };
                on_choose.emit(chosen);
            }
            // From the picture itself only downwards: left and right are hops there.
            ("ArrowDown", None) => {
                let Some(it) = places::first(&map) else {
                    return;
                };
                focus(&ground, &it, &map, &sight);
            }
            (_, Some(at)) if is_arrow => {
                if let Some(it) = places::neighbour(&map, &at, &key) {
                    focus(&ground, &it, &map, &sight);
                }
            }
            _ => return,
        }
        event.prevent_default();
        event.stop_propagation();
    })
}

/// Brings a place into the focus, and into sight.
fn focus(ground: &Ground, place: &str, map: &MapView, sight: &Sight) {
    let selector = format!("#map [data-place=\"{place}\"]");
    if let Some(element) = ground.first(&selector) {
        // Any element can take the focus, whatever its class says.
        let _ = element.unchecked_into::<HtmlElement>().focus();
    }
    let node = map
        .nodes
        .iter()
        .find(|it| Some(it.name.as_str()) == place.strip_prefix("node/"));
    let pod = map
        .pods
        .iter()
        .chain(&map.outside)
        .find(|it| it.id == place);
    let at: Option<Point> = node
        .map(|it| it.rect.centre())
        .or_else(|| pod.map(|it| it.rect.centre()));
    if let Some(at) = at {
        sight.go.emit(Move::Show(at));
    }
}

/// Brings a hop into sight when a person goes there: on the map, and on a page higher than the screen.
#[hook]
fn use_following(ground: &Ground, svg: &NodeRef, props: &StageProps, go: &Callback<Move>) {
    let is_first = use_mut_ref(|| true);
    let (ground, svg) = (ground.clone(), svg.clone());
    let map = props.map.clone();
    let go = go.clone();
    let at = props.walk.hops.get(props.playback.position).map(|it| it.at);
    use_effect_with(props.playback.position, move |_| {
        let is_first = is_first.replace(false);
        let Some(at) = at.filter(|_| !is_first) else {
            return;
        };
        go.emit(Move::Show(at));
        let svg = svg.cast::<Element>().filter(|_| ground.may_scroll());
        if let (Some(svg), Layout::Tall) = (svg, map.layout) {
            keep_in_sight(&svg, at.y / map.height);
        }
    });
}
