//! A step of a walk as a picture that stands by itself: the stage, drawn once, with its style sheet inside.
//!
//! The same components draw it that draw the page, so a figure in a README looks as the page does.
//! It follows the reader's light or dark theme, and says in words what it shows.
//!
//! **Left out**: the names of fonts are the page's; a reader without them sees the next of the list.

use super::camera::Level;
use super::ink::n;
use super::journey::{Drawn, journey};
use super::rooms::Rooms;
use crate::motion::Pose;
use crate::session::Part;
use packetwalk_core::view::{Hop, MapView};
use std::rc::Rc;
use yew::platform::Runtime;
use yew::prelude::*;

const TOKENS: &str = include_str!("../../../../static/styles/tokens.css");
const STAGE: &str = include_str!("../../../../static/styles/stage.css");

/// Around the map.
const MARGIN: f64 = 12.0;
/// Below it, for the sentence.
const SENTENCE: f64 = 40.0;

/// A step of a walk.
#[derive(Debug, PartialEq, Properties)]
pub struct FigureProps {
    /// The cluster.
    pub map: Part<MapView>,
    /// The walk.
    pub hops: Part<Vec<Hop>>,
    /// Which hop is shown, counted from zero.
    pub position: usize,
}

/// The figure.
#[component]
fn Figure(props: &FigureProps) -> Html {
    let map = &props.map;
    let hop = props.hops.get(props.position);
    let sentence = hop.map(|it| it.sentence.clone()).unwrap_or_default();
    let number = props.position + 1;
    let title = format!("Step {number} of {}: {sentence}", props.hops.len());
    let told: Vec<String> = props
        .hops
        .iter()
        .take(number)
        .map(|it| it.sentence.clone())
        .collect();
    let (width, height) = (
        map.width + 2.0 * MARGIN,
        map.height + 2.0 * MARGIN + SENTENCE,
    );
    let style = format!(
        "{TOKENS}{STAGE}.figure__paper{{fill:var(--paper)}}.figure__say{{fill:var(--ink);font:17px var(--serif)}}.figure__step{{fill:var(--ink-soft);font:13px var(--sans)}}"
    );
    let drawn = Drawn {
        unit: 1.0,
        is_open: false,
        on_open: Callback::noop(),
    };
    html! {
        <svg
            xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby="figure-title figure-desc"
            viewBox={format!("{} {} {} {}", n(-MARGIN), n(-MARGIN), n(width), n(height))}
            width={n(width)} height={n(height)}
        >
            <title id="figure-title">{ title }</title>
            <desc id="figure-desc">{ told.join(" ") }</desc>
            <style>{ style }</style>
            <rect class="figure__paper" x={n(-MARGIN)} y={n(-MARGIN)} width={n(width)} height={n(height)} />
            <Rooms map={map.clone()} points_at_vip={false} on_point={Callback::noop()} level={Level::Near} on_choose={Callback::noop()} />
            { journey(map, &props.hops, Pose::resting(props.position), &drawn) }
            <text class="figure__step" x="24" y={n(map.height + 24.0)}>{ format!("{number} / {}", props.hops.len()) }</text>
            <text class="figure__say" x="76" y={n(map.height + 24.0)}>{ sentence }</text>
        </svg>
    }
}

/// A step as the text of an SVG file.
///
/// # Errors
/// If the machine has no room for a thread.
pub fn svg(map: MapView, hops: Vec<Hop>, position: usize) -> std::io::Result<String> {
    let drawn = std::sync::mpsc::channel();
    let runtime = Runtime::builder().worker_threads(1).build()?;
    let (send, receive) = drawn;
    runtime.spawn_pinned(move || async move {
        let props = FigureProps {
            map: Part::from(&Rc::new(map)),
            hops: Part::from(&Rc::new(hops)),
            position,
        };
        let text = yew::LocalServerRenderer::<Figure>::with_props(props)
            .hydratable(false)
            .render()
            .await;
        // Nobody waits any more only if the caller is gone.
        let _ = send.send(text);
    });
    receive.recv().map_err(std::io::Error::other)
}
