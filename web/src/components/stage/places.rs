//! The map as places one can go to: each has a name for those who listen, and links to others that the arrow keys
//! follow: down into a node and its pods, up to what it hangs on, left and right along one wire.
//!
//! **Left out**: the bridges and doors as places of their own.

use super::ink::n;
use packetwalk_core::view::{Balancer, MapView, NodeRoom, PodRoom, VipGhost};
use yew::prelude::*;

/// A place somebody chose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A node, by name.
    Node(String),
    /// A pod or the client outside, by its name among hosts.
    Host(String),
}

/// How much of a node's room folds it: the part with its name.
const HEAD: f64 = 34.0;

const ROUTER: &str = "router";
const VIP: &str = "vip";

fn node_id(name: &str) -> String {
    format!("node/{name}")
}

fn balancer_id(it: &Balancer) -> String {
    format!("balancer/{}", it.service)
}

/// A node: choosing it folds its room.
pub(super) fn node(node: &NodeRoom, drawn: Html, on_choose: &Callback<Place>) -> Html {
    let ports = node.lines.len() + node.n_hidden_lines;
    let label = format!(
        "node {}, {}: {} pods, {} ready, rules for {ports} service ports{}",
        node.name,
        node.address,
        node.n_pods,
        node.n_ready,
        if node.is_folded {
            "; folded, Enter unfolds it"
        } else {
            "; Enter folds it"
        }
    );
    let chosen = Place::Node(node.name.clone());
    let on_click = on_choose.reform(move |_: MouseEvent| chosen.clone());
    html! {
        <g
            key={node_id(&node.name)} class="place place--node" data-place={node_id(&node.name)} data-folded={node.is_folded.then_some("")}
            role="img" tabindex="-1" aria-label={label}
            onclick={on_click}
        >
            { drawn }
            <rect
                class="place__head" x={n(node.rect.x)} y={n(node.rect.y)} width={n(node.rect.width)}
                height={n(if node.is_folded { node.rect.height } else { HEAD })} rx="3"
            />
        </g>
    }
}

/// A pod, or the client outside: choosing it goes to where the walk meets it.
pub(super) fn pod(pod: &PodRoom, drawn: Html, on_choose: &Callback<Place>) -> Html {
    let is_outside = pod.node.is_empty();
    let label = if is_outside {
        format!("{}, {}", pod.name, pod.address)
    } else {
        let ready = if pod.is_ready { "ready" } else { "not ready" };
        let listens = match pod.listens.as_slice() {
            [] => "no port".to_owned(),
            all => all.join(", "),
        };
        let serves = match pod.serves.as_slice() {
            [] => String::new(),
            all => format!(", serves {}", all.join(", ")),
        };
        format!(
            "pod {} on {}, {}, {ready}, listens on {listens}{serves}",
            pod.name, pod.node, pod.address
        )
    };
    let asks = if pod.is_client { "; it asks" } else { "" };
    let chosen = Place::Host(pod.id.clone());
    let on_click = on_choose.reform(move |_: MouseEvent| chosen.clone());
    html! {
        <g
            key={pod.id.clone()} class="place pod" data-place={pod.id.clone()} role="img" tabindex="-1"
            aria-label={format!("{label}{asks}")} onclick={on_click}
            data-client={pod.is_client.then_some("")} data-ready={(!is_outside).then(|| pod.is_ready.to_string())}
        >
            { drawn }
        </g>
    }
}

fn still(id: String, label: String, drawn: Html) -> Html {
    html! {
        <g key={id.clone()} class="place" data-place={id} role="img" tabindex="-1" aria-label={label}>{ drawn }</g>
    }
}

/// The router.
pub(super) fn router(drawn: Html, map: &MapView) -> Html {
    let n = map.nodes.len();
    let label = format!("router between the outside and the network of {n} nodes");
    still(ROUTER.into(), label, drawn)
}

/// A load balancer.
pub(super) fn balancer(it: &Balancer, drawn: Html) -> Html {
    let addresses = if it.addresses.is_empty() {
        "pending".to_owned()
    } else {
        it.addresses.join(", ")
    };
    let label = format!("load balancer for {}, {addresses}", it.service);
    still(balancer_id(it), label, drawn)
}

/// The virtual address.
pub(super) fn ghost(it: &VipGhost, drawn: Html) -> Html {
    let label = format!(
        "{}, the virtual address of {}: it exists only in each node's rules",
        it.address, it.service
    );
    still(VIP.into(), label, drawn)
}

/// Where one comes in.
pub(super) fn first(map: &MapView) -> Option<String> {
    match &map.outside {
        Some(it) => Some(it.id.clone()),
        None => map.nodes.first().map(|it| node_id(&it.name)),
    }
}

/// Where an arrow key leads from a place.
pub(super) fn neighbour(map: &MapView, from: &str, key: &str) -> Option<String> {
    let outside = map.outside.as_ref().map(|it| it.id.clone());
    let nodes: Vec<String> = map.nodes.iter().map(|it| node_id(&it.name)).collect();
    let router = map.router.map(|_| ROUTER.to_owned());
    if Some(from) == outside.as_deref() {
        return match key {
            "ArrowDown" => router,
            "ArrowRight" => map.balancers.first().map(balancer_id),
            _ => None,
        };
    }
    if from == ROUTER {
        return match key {
            "ArrowUp" => outside,
            "ArrowDown" => nodes.first().cloned(),
            _ => None,
        };
    }
    if from == VIP {
        let client = map.pods.iter().find(|it| it.is_client);
        return match key {
            "ArrowUp" => client.map(|it| it.id.clone()).or(outside),
            _ => None,
        };
    }
    let balancers: Vec<String> = map.balancers.iter().map(balancer_id).collect();
    if balancers.iter().any(|it| it == from) {
        return match key {
            "ArrowDown" => router,
            "ArrowLeft" => beside(&balancers, from, key).or(outside),
            _ => beside(&balancers, from, key),
        };
    }
    if let Some(name) = from
        .strip_prefix("node/")
        .filter(|_| nodes.iter().any(|it| it == from))
    {
        return match key {
            "ArrowUp" => router,
            "ArrowDown" => map
                .pods
                .iter()
                .find(|it| it.node == name)
                .map(|it| it.id.clone()),
            _ => beside(&nodes, from, key),
        };
    }
    let pod = map.pods.iter().find(|it| it.id == from)?;
    let on_bridge = map.pods.iter().filter(|it| it.node == pod.node);
    let on_bridge: Vec<String> = on_bridge.map(|it| it.id.clone()).collect();
    match key {
        "ArrowUp" => Some(node_id(&pod.node)),
        "ArrowDown" if pod.is_client && !map.ghosts.is_empty() => Some(VIP.into()),
        _ => beside(&on_bridge, from, key),
    }
}

fn beside(row: &[String], from: &str, key: &str) -> Option<String> {
    let at = row.iter().position(|it| it == from)?;
    match key {
        "ArrowLeft" => row.get(at.checked_sub(1)?),
        "ArrowRight" => row.get(at + 1),
        _ => None,
    }
    .cloned()
}
