//! What stands still on the stage: nodes as rooms, pods as rooms within them, rules on a shelf, the
//! wires, and the virtual address as a ghost.
//!
//! Where rooms are small, [`super::sketch`] says less of them.

use super::camera::Level;
use super::ink::{Letters, n, points, room, small, text};
use super::places::{self, Place};
use super::sketch;
use crate::session::Part;
use packetwalk_core::view::{
    Balancer, Layout, MapView, NodeRoom, PodRoom, Point, Rect, ShelfLine, Station, VipGhost,
};
use yew::prelude::*;

/// The map, and whether somebody points at the virtual address.
#[derive(PartialEq, Properties)]
pub(super) struct RoomsProps {
    /// The map.
    pub(super) map: Part<MapView>,
    /// Whether somebody points at the virtual address.
    pub(super) points_at_vip: bool,
    /// Somebody begins or ends to.
    pub(super) on_point: Callback<bool>,
    /// How much is said.
    pub(super) level: Level,
    /// Somebody chose a place.
    pub(super) on_choose: Callback<Place>,
}

/// How many endpoints are drawn as dots; more are a number.
const MAX_DOTS: usize = 4;

/// How many characters of ports fit into a pod's room.
const PORTS_FIT: usize = 19;

/// What stands still.
#[component]
pub(super) fn Rooms(props: &RoomsProps) -> Html {
    let map = &props.map;
    let level = props.level;
    let u = level.unit();
    let on_choose = &props.on_choose;
    let is_near = level == Level::Near;
    html! {
        <g class="map" data-pointed={props.points_at_vip.then_some("")}>
            <g aria-hidden="true">
                { underlay(map, u) }
                { for map.wires.iter().enumerate().map(|(idx, it)| html! {
                    <line class="map__wire" key={idx} data-kind={it.kind}
                        x1={n(it.from.x)} y1={n(it.from.y)} x2={n(it.to.x)} y2={n(it.to.y)} />
                }) }
                { for map.outside.iter().zip(map.router).flat_map(|(it, router)| map.balancers.iter().map(move |balancer| balancer_wire(it, router, balancer))) }
            </g>
            { for map.outside.iter().map(|it| {
                let drawn = if is_near { outside(it) } else { sketch::outside(it, u) };
                places::pod(it, drawn, on_choose)
            }) }
            { for map.router.iter().map(|it| places::router(router(*it, is_near), map)) }
            { for map.balancers.iter().map(|it| places::balancer(it, balancer(it, u))) }
            { for map.nodes.iter().map(|it| {
                let drawn = if is_near && !it.is_folded { node(it) } else { sketch::node(it, u) };
                places::node(it, drawn, on_choose)
            }) }
            { for map.pods.iter().map(|it| {
                let drawn = if is_near { pod(it) } else { sketch::pod(it, u) };
                places::pod(it, drawn, on_choose)
            }) }
            { for map.ghosts.iter().map(|it| ghost(it, map, level, &props.on_point)) }
        </g>
    }
}

fn router(at: Point, is_near: bool) -> Html {
    html! {
        <>
            <circle class="map__router" cx={n(at.x)} cy={n(at.y)} r="5" />
            { for is_near.then(|| text("map__small", at.x + 12.0, at.y + 4.0, "router")) }
        </>
    }
}

/// A load balancer is the router's own work: a line without a wire.
fn balancer_wire(outside: &PodRoom, router: Point, balancer: &Balancer) -> Html {
    let y = outside.rect.centre().y;
    let x = balancer.rect.x;
    let line = [
        Point { x, y: y + 14.0 },
        Point {
            x: x - 9.0,
            y: y + 14.0,
        },
        Point {
            x: x - 9.0,
            y: router.y,
        },
        router,
    ];
    html! { <polyline class="map__balances" key={balancer.service.clone()} points={points(&line)} /> }
}

fn balancer(it: &Balancer, u: f64) -> Html {
    let rect = it.rect;
    let left = rect.x + 9.0;
    let width = rect.width - 14.0;
    let address = match it.addresses.as_slice() {
        [] => "<pending>".to_owned(),
        [one] => one.clone(),
        [one, rest @ ..] => format!("{one} +{}", rest.len()),
    };
    let rows = [
        (
            "balancer__name",
            Letters::of(12.0 * u),
            "load balancer".to_owned(),
        ),
        ("balancer__address", Letters::mono(12.0 * u), address),
        (
            "balancer__service",
            Letters::of(12.0 * u),
            format!("for {}", it.service),
        ),
    ];
    let line = 15.5 * u;
    let fits = rows
        .into_iter()
        .enumerate()
        .filter(|(idx, _)| line * small(idx + 1) <= rect.height);
    html! {
        <g class="balancer" data-asked={it.is_asked.then_some("")}>
            { room("balancer__room", rect) }
            { for fits.filter_map(|(idx, (class, letters, words))| {
                let words = letters.fit(&words, width)?;
                Some(html! {
                    <text key={idx} {class} x={n(left)} y={n(rect.y + line * small(idx + 1) + 1.0)} font-size={n(letters.size)}>{ words }</text>
                })
            }) }
        </g>
    }
}

fn underlay(map: &MapView, u: f64) -> Html {
    let Some([from, _]) = map.underlay.first().copied() else {
        return Html::default();
    };
    // Beside the line, where rooms stand below one another.
    let place = match map.layout {
        Layout::Wide => format!("translate({} {})", n(from.x), n(from.y - 8.0)),
        Layout::Tall => format!(
            "translate({} {}) rotate(-90)",
            n(from.x - 8.0),
            n(from.y + 112.0)
        ),
    };
    html! {
        <g>
            { for map.underlay.iter().enumerate().map(|(idx, [from, to])| html! {
                <line class="map__underlay" key={idx} x1={n(from.x)} y1={n(from.y)} x2={n(to.x)} y2={n(to.y)} />
            }) }
            { for (u * 12.0 <= 24.0 || map.outside.is_some()).then(|| html! {
                <text class="map__network" transform={place} font-size={n(12.0 * u)}>{"the nodes’ network"}</text>
            }) }
        </g>
    }
}

fn node(node: &NodeRoom) -> Html {
    let rect = node.rect;
    let door = node.door;
    let is_door_above = door.y <= rect.y;
    let (door_x, door_y) = if is_door_above {
        (door.x + 9.0, door.y + 15.0)
    } else {
        (door.x + 8.0, door.y - 6.0)
    };
    // The door's name stands right of the middle.
    let (half, rest) = (rect.width / 2.0 - 19.0, rect.width / 2.0 - 50.0);
    let (names, numbers) = (Letters::name(15.0), Letters::mono(12.0));
    html! {
        <>
            { room("map__room", rect) }
            <rect class="map__door" x={n(door.x - 5.0)} y={n(door.y - 5.0)} width="10" height="10" rx="1.5" />
            { text("map__small map__door-name", door_x, door_y, "eth0") }
            { text("map__node", rect.x + 14.0, rect.y + 24.0, &names.fit(&node.name, half).unwrap_or_default()) }
            { text("map__address map__address--end", rect.x + rect.width - 14.0, rect.y + 24.0, &numbers.fit(&node.address, rest).unwrap_or_default()) }
            { shelf(node) }
            { bridge(node) }
        </>
    }
}

fn shelf(node: &NodeRoom) -> Html {
    let shelf = node.shelf;
    let foot = node.shelf_foot;
    html! {
        <g>
            { room("map__shelf", shelf) }
            { for node.ways.iter().enumerate().map(|(idx, it)| html! {
                <polyline class="map__way" key={idx} points={points(it)} />
            }) }
            { for node.stations.iter().map(station) }
            { text("map__caption", shelf.x + 10.0, shelf.y + 66.0, "rules") }
            { text("map__story", shelf.x + 10.0, shelf.y + 50.0, "rules, the same on every node:") }
            { for node.lines.iter().map(line) }
            { for (node.n_hidden_lines > 0).then(|| text(
                "map__small", foot.x + 6.0, foot.y + 13.5, &format!("and {} more", node.n_hidden_lines),
            )) }
            { text("map__small map__small--end", foot.x + foot.width - 6.0, foot.y + 13.5, "endpoints") }
        </g>
    }
}

fn station(station: &Station) -> Html {
    let at = station.at;
    html! {
        <g key={station.name.clone()}>
            <circle class="map__station" cx={n(at.x)} cy={n(at.y)} r="3.5" />
            { text("map__label", at.x, at.y + 17.0, &station.name) }
        </g>
    }
}

fn line(line: &ShelfLine) -> Html {
    let asked = line.is_asked.then_some("");
    let rect = line.rect;
    let base = rect.y + 13.5;
    let end = rect.x + rect.width - 6.0;
    let address = Letters::mono(11.75).fit(&line.address, 138.0);
    let dots = if line.n_endpoints > MAX_DOTS || line.n_endpoints == 0 {
        MAX_DOTS + 3
    } else {
        line.n_endpoints
    };
    let name = Letters::of(12.0).fit(&line.name, rect.width - 156.0 - 11.0 * small(dots));
    html! {
        <g key={line.address.clone()} class="map__line" data-asked={asked}>
            { room("map__rule", rect) }
            { text("map__line-address", rect.x + 6.0, base, &address.unwrap_or_default()) }
            { text("map__line-name", rect.x + 148.0, base, &name.unwrap_or_default()) }
            { endpoints(line.n_endpoints, end, rect.centre().y) }
        </g>
    }
}

fn endpoints(count: usize, end: f64, y: f64) -> Html {
    match count {
        0 => text("map__none", end, y + 4.0, "no endpoint"),
        1..=MAX_DOTS => html! {
            <g>
                { for (0..count).map(|idx| html! {
                    <circle key={idx} class="map__endpoint" cx={n(end - 4.0 - 11.0 * small(idx))} cy={n(y)} r="3.5" />
                }) }
            </g>
        },
        more => text("map__many", end, y + 4.0, &format!("×{more}")),
    }
}

fn bridge(node: &NodeRoom) -> Html {
    let [from, to] = node.bridge;
    html! {
        <g>
            <line class="map__bridge" x1={n(from.x)} y1={n(from.y)} x2={n(to.x)} y2={n(to.y)} />
            { text("map__small map__bridge-name", from.x + 12.0, from.y - 8.0, &format!("cni0 · pods {}", node.pod_range)) }
        </g>
    }
}

fn pod(pod: &PodRoom) -> Html {
    let rect = pod.rect;
    let left = rect.x + 9.0;
    let ready = if pod.is_ready { "ready" } else { "not ready" };
    let ports = match pod.listens.join(", ") {
        none if none.is_empty() => "listens on nothing".to_owned(),
        all if all.len() <= PORTS_FIT => format!("listens {all}"),
        _ => format!("listens on {} ports", pod.listens.len()),
    };
    let serves = match pod.serves.as_slice() {
        [] => String::new(),
        [one] => format!("serves {one}"),
        [one, rest @ ..] => format!("serves {one} +{}", rest.len()),
    };
    let fit =
        |letters: Letters, text: &str| letters.fit(text, rect.width - 14.0).unwrap_or_default();
    html! {
        <>
            { room("pod__room", rect) }
            <rect class="map__door" x={n(pod.door.x - 4.0)} y={n(pod.door.y - 4.0)} width="8" height="8" rx="1.5" />
            <circle class="pod__ready" cx={n(left + 3.0)} cy={n(rect.y + 12.5)} r="3" />
            { text("pod__state", left + 10.0, rect.y + 16.0, ready) }
            { for pod.is_client.then(|| text("pod__asks", rect.x + rect.width - 9.0, rect.y + 16.0, "asks")) }
            { text("pod__name", left, rect.y + 39.0, &fit(Letters::name(14.0), &pod.name)) }
            { text("map__address", left, rect.y + 54.0, &fit(Letters::mono(12.0), &pod.address)) }
            { text("map__small", left, rect.y + 68.0, &ports) }
            { text("map__small", left, rect.y + 81.0, &fit(Letters::of(12.0), &serves)) }
        </>
    }
}

/// The client outside: of what it runs and whether it is ready nothing is known.
fn outside(client: &PodRoom) -> Html {
    let rect = client.rect;
    let left = rect.x + 9.0;
    html! {
        <>
            { room("pod__room", rect) }
            <rect class="map__door" x={n(client.door.x - 4.0)} y={n(client.door.y - 4.0)} width="8" height="8" rx="1.5" />
            { text("pod__name", left, rect.y + 18.0, &client.name) }
            { text("map__address", left, rect.y + 33.0, &client.address) }
            { for client.is_client.then(|| text("pod__asks", rect.x + rect.width - 9.0, rect.y + 50.0, "asks")) }
        </>
    }
}

fn ghost(ghost: &VipGhost, map: &MapView, level: Level, on_point: &Callback<bool>) -> Html {
    let rect = ghost.rect;
    let left = rect.x + 9.0;
    let enter = on_point.reform(|_: PointerEvent| true);
    let leave = on_point.reform(|_: PointerEvent| false);
    let focus = on_point.reform(|_: FocusEvent| true);
    let blur = on_point.reform(|_: FocusEvent| false);
    let top = rect.top();
    let fit =
        |letters: Letters, text: &str| letters.fit(text, rect.width - 14.0).unwrap_or_default();
    let drawn = html! {
        <g class="ghost" onpointerenter={enter} onpointerleave={leave} onfocusin={focus} onfocusout={blur}>
            <line class="ghost__intent" x1={n(ghost.from.x)} y1={n(ghost.from.y)} x2={n(top.x)} y2={n(top.y)} />
            { for map.nodes.iter().filter_map(|it| found_again(it, rect)) }
            { room("ghost__room", rect) }
            { if level == Level::Near {
                html! {
                    <>
                        { text("ghost__address", left, rect.y + 18.0, &fit(Letters::mono(12.5), &ghost.address)) }
                        { text("ghost__service", left, rect.y + 32.0, &fit(Letters::of(12.0), &ghost.service)) }
                        { text("ghost__note", left, rect.y + 45.0, "exists only in rules") }
                    </>
                }
            } else {
                sketch::ghost(ghost, level.unit())
            } }
        </g>
    };
    places::ghost(ghost, drawn)
}

/// The line from the ghost to where it is found again: its line on a node's shelf.
fn found_again(node: &NodeRoom, ghost: Rect) -> Option<Html> {
    let line = node.lines.iter().find(|it| it.is_asked)?;
    let to = line.rect.centre();
    let from = ghost.top();
    Some(html! {
        <line class="ghost__found" key={node.name.clone()}
            x1={n(from.x)} y1={n(from.y)} x2={n(to.x)} y2={n(to.y)} />
    })
}
