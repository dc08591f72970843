//! What stands still on the stage: nodes as rooms, pods as rooms within them, rules on a shelf, the
//! wires, and the virtual address as a ghost.

use crate::session::Part;
use packetwalk_core::view::{
    Layout, MapView, NodeRoom, PodRoom, Point, Rect, ShelfLine, Station, VipGhost,
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
}

/// How many endpoints are drawn as dots; more are a number.
const MAX_DOTS: usize = 4;

/// How many characters of ports fit into a pod's room.
const PORTS_FIT: usize = 19;

/// What stands still.
#[component]
pub(super) fn Rooms(props: &RoomsProps) -> Html {
    let map = &props.map;
    html! {
        <g class="map" data-pointed={props.points_at_vip.then_some("")}>
            { underlay(map) }
            { for map.nodes.iter().map(node) }
            { for map.wires.iter().enumerate().map(|(idx, it)| html! {
                <line class="map__wire" key={format!("wire {idx}")} data-kind={it.kind}
                    x1={n(it.from.x)} y1={n(it.from.y)} x2={n(it.to.x)} y2={n(it.to.y)} />
            }) }
            { for map.pods.iter().map(pod) }
            { for map.outside.iter().map(outside) }
            { for map.router.iter().map(|it| html! {
                <g key="router">
                    <circle class="map__router" cx={n(it.x)} cy={n(it.y)} r="5" />
                    { text("map__small", it.x + 12.0, it.y + 4.0, "router") }
                </g>
            }) }
            { for map.ghosts.iter().map(|it| ghost(it, map, &props.on_point)) }
        </g>
    }
}

/// A number as SVG takes it, in tenths. (Rust's own writing of floats would be a fiftieth of the page.)
#[expect(
    clippy::cast_possible_truncation,
    reason = "maps are thousands of units wide, not billions"
)]
pub(super) fn n(value: f64) -> String {
    let tenths = (value * 10.0).round() as i64;
    let sign = if tenths < 0 { "-" } else { "" };
    let (whole, tenth) = (tenths.abs() / 10, tenths.abs() % 10);
    match tenth {
        0 => format!("{sign}{whole}"),
        _ => format!("{sign}{whole}.{tenth}"),
    }
}

fn text(class: &'static str, x: f64, y: f64, text: &str) -> Html {
    html! { <text class={class} x={n(x)} y={n(y)}>{ text.to_owned() }</text> }
}

fn room(class: &'static str, rect: Rect) -> Html {
    html! {
        <rect class={class} x={n(rect.x)} y={n(rect.y)} width={n(rect.width)} height={n(rect.height)} rx="3" />
    }
}

fn underlay(map: &MapView) -> Html {
    let [from, to] = map.underlay;
    // Beside the line, where the page is narrow.
    let label = match map.layout {
        Layout::Wide => text("map__small", from.x, from.y - 8.0, "the nodes’ network"),
        Layout::Tall => html! {
            <text class="map__small" transform={format!("translate({} {}) rotate(-90)", n(from.x - 8.0), n(from.y + 112.0))}>
                {"the nodes’ network"}
            </text>
        },
    };
    html! {
        <g>
            <line class="map__underlay" x1={n(from.x)} y1={n(from.y)} x2={n(to.x)} y2={n(to.y)} />
            { label }
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
    html! {
        <g key={node.name.clone()}>
            { room("map__room", rect) }
            <rect class="map__door" x={n(door.x - 5.0)} y={n(door.y - 5.0)} width="10" height="10" rx="1.5" />
            { text("map__small", door_x, door_y, "eth0") }
            { text("map__node", rect.x + 14.0, rect.y + 24.0, &node.name) }
            { text("map__address map__address--end", rect.x + rect.width - 14.0, rect.y + 24.0, &node.address) }
            { shelf(node) }
            { bridge(node) }
            { for (node.n_hidden_pods > 0).then(|| text(
                "map__small", rect.x + 14.0, rect.y + rect.height - 8.0,
                &format!("and {} more pods", node.n_hidden_pods),
            )) }
        </g>
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
            { for node.lines.iter().map(line) }
            { for (node.n_hidden_lines > 0).then(|| text(
                "map__small", foot.x + 6.0, foot.y + 13.5, &format!("and {} more", node.n_hidden_lines),
            )) }
            { text("map__small map__small--end", foot.x + foot.width - 6.0, foot.y + 13.5, "endpoints") }
        </g>
    }
}

/// A count that is surely small, as a length.
fn small(count: usize) -> f64 {
    f64::from(u16::try_from(count).unwrap_or(u16::MAX))
}

/// Points as SVG takes them.
pub(super) fn points(line: &[Point]) -> String {
    let all: Vec<String> = line
        .iter()
        .map(|it| format!("{},{}", n(it.x), n(it.y)))
        .collect();
    all.join(" ")
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
    html! {
        <g key={line.address.clone()} class="map__line" data-asked={asked}>
            { room("map__rule", rect) }
            { text("map__line-address", rect.x + 6.0, base, &line.address) }
            { text("map__line-name", rect.x + 148.0, base, &line.name) }
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
            { text("map__small", from.x + 12.0, from.y - 8.0, &format!("cni0 · pods {}", node.pod_range)) }
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
    html! {
        <g key={pod.id.clone()} class="pod" data-client={pod.is_client.then_some("")} data-ready={pod.is_ready.to_string()}>
            { room("pod__room", rect) }
            <rect class="map__door" x={n(pod.door.x - 4.0)} y={n(pod.door.y - 4.0)} width="8" height="8" rx="1.5" />
            <circle class="pod__ready" cx={n(left + 3.0)} cy={n(rect.y + 12.5)} r="3" />
            { text("pod__state", left + 10.0, rect.y + 16.0, ready) }
            { for pod.is_client.then(|| text("pod__asks", rect.x + rect.width - 9.0, rect.y + 16.0, "asks")) }
            { text("pod__name", left, rect.y + 39.0, &pod.name) }
            { text("map__address", left, rect.y + 54.0, &pod.address) }
            { text("map__small", left, rect.y + 68.0, &ports) }
            { text("map__small", left, rect.y + 81.0, &serves) }
        </g>
    }
}

/// The client outside: of what it runs and whether it is ready nothing is known.
fn outside(client: &PodRoom) -> Html {
    let rect = client.rect;
    let left = rect.x + 9.0;
    html! {
        <g key={client.id.clone()} class="pod" data-client="">
            { room("pod__room", rect) }
            <rect class="map__door" x={n(client.door.x - 4.0)} y={n(client.door.y - 4.0)} width="8" height="8" rx="1.5" />
            { text("pod__name", left, rect.y + 18.0, &client.name) }
            { text("map__address", left, rect.y + 33.0, &client.address) }
        </g>
    }
}

fn ghost(ghost: &VipGhost, map: &MapView, on_point: &Callback<bool>) -> Html {
    let rect = ghost.rect;
    let left = rect.x + 9.0;
    let enter = on_point.reform(|_: PointerEvent| true);
    let leave = on_point.reform(|_: PointerEvent| false);
    let top = rect.top();
    html! {
        <g key={ghost.address.clone()} class="ghost" onpointerenter={enter} onpointerleave={leave}>
            <line class="ghost__intent" x1={n(ghost.from.x)} y1={n(ghost.from.y)} x2={n(top.x)} y2={n(top.y)} />
            { for map.nodes.iter().filter_map(|it| found_again(it, rect)) }
            { room("ghost__room", rect) }
            { text("ghost__address", left, rect.y + 18.0, &ghost.address) }
            { text("ghost__service", left, rect.y + 32.0, &ghost.service) }
            { text("ghost__note", left, rect.y + 45.0, "exists only in rules") }
        </g>
    }
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

#[cfg(test)]
mod tests {
    use super::n;

    #[test]
    fn numbers_are_written_in_tenths() {
        assert_eq!(n(12.0), "12");
        assert_eq!(n(12.345), "12.3");
        assert_eq!(n(-0.25), "-0.3");
        assert_eq!(n(-0.01), "0");
    }
}
