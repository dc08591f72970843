//! Rooms where they are small: letters keep their size on the screen, so fewer words have room, names become counts,
//! and a pod is at last a mark that is whole or crossed out.
//!
//! What is left out here is in the map in words.

use super::ink::{Letters, n, room, small, text};
use packetwalk_core::view::{NodeRoom, PodRoom, Point, VipGhost};
use yew::prelude::*;

/// Letters of names and of other words, in pixels, and from line to line.
const NAME: f64 = 11.5;
const WORD: f64 = 11.0;
const SMALLER: f64 = 0.85;
const LINE: f64 = 15.0;
const PADDING: f64 = 5.0;

/// More units a pixel than this, and stations are too small to be told apart.
const STATIONS_UP_TO: f64 = 2.6;

/// A line of words with its letters.
fn words(class: &'static str, at: Point, letters: Letters, words: &str) -> Html {
    html! {
        <text {class} x={n(at.x)} y={n(at.y)} font-size={n(letters.size)}>{ words.to_owned() }</text>
    }
}

/// A node: its name, and how many pods it has. `u` is how many units a pixel has.
pub(super) fn node(node: &NodeRoom, u: f64) -> Html {
    let rect = node.rect;
    let pad = PADDING * u;
    let width = rect.width - 2.0 * pad;
    // Words have the room above the pods.
    let below = if node.is_folded {
        rect.y + rect.height
    } else {
        node.bridge[0].y
    };
    // A name is worth smaller letters before it is shortened.
    let whole = Letters::name(NAME * u);
    let name = if whole.width(&node.name) <= width {
        whole
    } else {
        Letters::name(NAME * u * SMALLER)
    };
    let letters = Letters::of(WORD * u);
    let n_lines = [
        name.fit(&node.name, width),
        letters.first_fit(&counts(node), width),
        letters.first_fit(&ports(node), width),
    ];
    let lines = n_lines
        .into_iter()
        .flatten()
        .enumerate()
        .map(|(idx, it)| {
            let y = rect.y + LINE * u * small(idx + 1);
            (idx, y, it)
        })
        .filter(|(_, y, _)| *y + 3.0 * u <= below);
    html! {
        <>
            { room("map__room", rect) }
            { for (!node.is_folded).then(|| html! {
                <>
                    { room("map__shelf", node.shelf) }
                    { for node.stations.iter().filter(|_| u <= STATIONS_UP_TO).map(|it| html! {
                        <circle class="map__station" key={it.name.clone()} cx={n(it.at.x)} cy={n(it.at.y)} r="3.5" />
                    }) }
                    <line class="map__bridge" x1={n(node.bridge[0].x)} y1={n(node.bridge[0].y)} x2={n(node.bridge[1].x)} y2={n(node.bridge[1].y)} />
                </>
            }) }
            <rect class="map__door" x={n(node.door.x - 5.0)} y={n(node.door.y - 5.0)} width="10" height="10" rx="1.5" />
            { for lines.map(|(idx, y, it)| {
                let (class, letters) = if idx == 0 { ("sketch__name", name) } else { ("sketch__word", letters) };
                html! { <g key={idx}>{ words(class, Point { x: rect.x + pad, y }, letters, &it) }</g> }
            }) }
        </>
    }
}

/// How many pods, and how many of them are not ready, in fewer and fewer words.
fn counts(node: &NodeRoom) -> [String; 4] {
    let n = node.n_pods;
    let pods = if n == 1 { "pod" } else { "pods" };
    match n - node.n_ready {
        0 => [
            format!("{n} {pods}, all ready"),
            format!("{n} {pods} ✓"),
            format!("{n} ✓"),
            n.to_string(),
        ],
        ill => [
            format!("{n} {pods}, {ill} not ready"),
            format!("{n} {pods} ✕{ill}"),
            format!("{n} ✕{ill}"),
            format!("✕{ill}"),
        ],
    }
}

fn ports(node: &NodeRoom) -> [String; 2] {
    let n = node.lines.len() + node.n_hidden_lines;
    let ports = if n == 1 { "port" } else { "ports" };
    [
        format!("rules for {n} service {ports}"),
        format!("{n} in rules"),
    ]
}

/// A pod: as many of its name, address and readiness as have room.
pub(super) fn pod(pod: &PodRoom, u: f64) -> Html {
    let rect = pod.rect;
    let pad = (PADDING * u).min(9.0);
    let name = Letters::name(NAME * u);
    let mono = Letters::mono(WORD * u * 0.94);
    let width = rect.width - 2.0 * pad;
    let shown = name
        .fit(&pod.name, width)
        .filter(|_| LINE * u + 3.0 * u <= rect.height);
    let address = mono
        .first_fit(std::slice::from_ref(&pod.address), width)
        .filter(|_| 2.0 * LINE * u + 3.0 * u <= rect.height && shown.is_some());
    let state = (3.0 * LINE * u + 3.0 * u <= rect.height && address.is_some())
        .then_some(if pod.is_ready { "ready" } else { "not ready" });
    let x = rect.x + pad;
    html! {
        <>
            { room("pod__room", rect) }
            { for (!pod.is_ready).then(|| html! {
                <path class="pod__crossed" d={format!("M{} {}L{} {}", n(rect.x), n(rect.y + rect.height), n(rect.x + rect.width), n(rect.y))} />
            }) }
            { for shown.map(|it| words("sketch__name", Point { x, y: rect.y + LINE * u }, name, &it)) }
            { for address.map(|it| words("sketch__address", Point { x, y: rect.y + 2.0 * LINE * u }, mono, &it)) }
            { for state.map(|it| words("sketch__state", Point { x, y: rect.y + 3.0 * LINE * u }, Letters::of(WORD * u), it)) }
        </>
    }
}

/// The client outside.
pub(super) fn outside(client: &PodRoom, u: f64) -> Html {
    let rect = client.rect;
    let letters = Letters::name(NAME * u);
    let said = letters
        .first_fit(
            &["client outside".into(), "outside".into(), "client".into()],
            rect.width - 2.0 * u,
        )
        .filter(|_| LINE * u <= rect.height);
    let at = Point {
        x: rect.x + PADDING.min(9.0),
        y: rect.y + LINE * u,
    };
    html! {
        <>
            { room("pod__room", rect) }
            { for said.map(|it| words("sketch__name", at, letters, &it)) }
        </>
    }
}

/// What the ghost says, if it has room.
pub(super) fn ghost(ghost: &VipGhost, u: f64) -> Html {
    let rect = ghost.rect;
    let letters = Letters::mono(WORD * u);
    let said = letters
        .fit(&ghost.address, rect.width - 8.0)
        .filter(|_| LINE * u <= rect.height);
    match said {
        Some(it) => words(
            "ghost__said",
            Point {
                x: rect.x + 4.0,
                y: rect.y + LINE * u,
            },
            letters,
            &it,
        ),
        None => text("ghost__said", rect.x, rect.y, ""),
    }
}
