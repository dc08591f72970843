//! The inspector: everything there is to know about the hop that is shown.

pub(crate) mod details;
mod packet;
mod rules;

use crate::components::leg;
use crate::effects::go_to_line;
use crate::ground::{Ground, use_ground};
use crate::session::Part;
use packetwalk_core::view::{Hop, HopDetail, SourceView, WalkView};
use yew::prelude::*;

/// What is inspected.
#[derive(PartialEq, Properties)]
pub struct InspectorProps {
    /// The walk.
    pub walk: Part<WalkView>,
    /// The hop that is shown.
    pub position: usize,
}

/// The inspector.
#[component]
pub fn Inspector(props: &InspectorProps) -> Html {
    let ground = use_ground();
    let hops = &props.walk.hops;
    html! {
        <section class="inspector" id="inspector" role={ground.part_role()} aria-labelledby="inspector-head">
            { match hops.get(props.position) {
                Some(hop) => shown(&ground, hop, props.position, hops.len()),
                None => html! {
                    <div class="inspector__hop" key="none">
                        <h2 class="panel__head" id="inspector-head">{"No hop to show"}</h2>
                        <p class="inspector__sentence">{ props.walk.ending.sentence.clone() }</p>
                    </div>
                },
            } }
        </section>
    }
}

fn shown(ground: &Ground, hop: &Hop, position: usize, n_hops: usize) -> Html {
    html! {
        <div class="inspector__hop" key="hop" data-leg={leg::name(hop.leg)}>
            <p class="inspector__where">
                <span class="inspector__leg"><span aria-hidden="true">{ leg::mark(hop.leg) }{"\u{a0}"}</span>{ leg::word(hop.leg) }</span>
                <span>{ format!("hop {} of {n_hops}", position + 1) }</span>
                <span>{ hop.place.clone() }</span>
            </p>
            <h2 class="inspector__title" id="inspector-head">{ hop.title.clone() }</h2>
            <p class="inspector__sentence">{ hop.sentence.clone() }</p>
            { packet::packet(&hop.packet, &hop.changes) }
            { detail(&hop.detail) }
            { sources(ground, &hop.sources) }
        </div>
    }
}

fn detail(detail: &HopDetail) -> Html {
    match detail {
        HopDetail::Dns {
            resolv_conf,
            queries,
        } => details::dns(resolv_conf, queries),
        HopDetail::Rules {
            hook,
            chains,
            n_asked,
            n_matched,
            nat_skipped,
            connection,
            mark,
        } => html! {
            <>
                { rules::page(&rules::Head { hook: *hook, n_asked: *n_asked, n_matched: *n_matched, mark: *mark }, chains, nat_skipped.as_deref()) }
                { for connection.iter().map(details::connection) }
            </>
        },
        HopDetail::Routes { routes } => details::routes(routes),
        HopDetail::Sockets { listens } => details::sockets(listens),
    }
}

/// The fields of the manifest behind this hop, each leading to its line.
fn sources(ground: &Ground, sources: &[SourceView]) -> Html {
    html! {
        <div class="sources" hidden={sources.is_empty()}>
            <h3 class="inspector__head">{"Where this comes from"}</h3>
            <ul class="sources__list">
                { for sources.iter().map(|it| html! {
                    <li key={format!("{} {}", it.object, it.path)}>{ source(ground, it) }</li>
                }) }
            </ul>
        </div>
    }
}

/// A field, and a button to its line if it stands in the manifest.
fn source(ground: &Ground, source: &SourceView) -> Html {
    let field = html! {
        <>
            <span class="sources__object">{ source.object.to_string() }</span>{" "}
            <code class="sources__path">{ source.path.clone() }</code>
        </>
    };
    match source.line {
        Some(line) => {
            let ground = ground.clone();
            let on_go = Callback::from(move |_: MouseEvent| go_to_line(&ground, line, 1));
            html! {
                <button class="sources__go" type="button" onclick={on_go}>
                    <span class="sources__line">{ format!("line {line}") }</span>{" "}{ field }
                </button>
            }
        }
        None => html! { <span class="sources__plain">{ field }</span> },
    }
}
