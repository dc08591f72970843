//! The page: what is where.

use crate::components::cluster_text::ClusterText;
use crate::components::controls::Controls;
use crate::components::editor::Editor;
use crate::components::guidance::Guidance;
use crate::components::header::Header;
use crate::components::inspector::Inspector;
use crate::components::outcomes::Outcomes;
use crate::components::stage::Stage;
use crate::components::walk_list::WalkList;
use crate::effects::{self, use_effects};
use crate::hooks::keys::use_keys;
use crate::hooks::shape::use_shape;
use crate::session::{Dispatch, FIRST_MANIFEST, Part, State};
use crate::storage;
use packetwalk_core::session::Event;
use packetwalk_core::view::{Hop, View};
use std::rc::Rc;
use yew::prelude::*;

/// The whole page.
#[component]
pub fn App() -> Html {
    let state = use_reducer_eq(|| match storage::open_text() {
        Some(text) => State::about(&text),
        None => State::about(FIRST_MANIFEST),
    });
    let view = state.view();
    let dispatch = state.dispatcher();
    use_effects(&state);
    use_shape(&dispatch);
    use_keys(&dispatch, view.playback);
    use_effect_with((), |()| {
        if let Some(body) = gloo::utils::document().body() {
            let _ = body.set_attribute("data-ready", "");
        }
    });
    html! {
        <ContextProvider<Dispatch> context={dispatch}>
            <Header request={Part::from(&view.request)} />
            <Page view={view} />
        </ContextProvider<Dispatch>>
    }
}

#[derive(PartialEq, Properties)]
struct PageProps {
    view: Rc<View>,
}

#[component]
fn Page(props: &PageProps) -> Html {
    let view = &props.view;
    let walk = Part::from(&view.walk);
    let playback = view.playback;
    html! {
        <>
            <main class="page" id="main">
                <Figure view={view.clone()} />
                <Inspector walk={walk.clone()} position={playback.position} />
                <WalkList walk={walk} position={playback.position} />
                <Manifest view={view.clone()} />
            </main>
            <footer class="page__foot">
                <p>
                    {"The rules are kube-proxy's, written by its own algorithm; the packet's fate is what evaluating them gives, \
                      and "}<code>{"packetwalk verify"}</code>{" has the Linux kernel confirm it, step by step."}
                </p>
                <p>
                    {"Simplified: only a connection's first packet and its answer are followed, \
                      and packets between nodes are routed plainly, without an overlay."}
                </p>
            </footer>
        </>
    }
}

/// The stage with all that steers it.
#[component]
fn Figure(props: &PageProps) -> Html {
    let view = &props.view;
    let walk = Part::from(&view.walk);
    let map = Part::from(&view.map);
    html! {
        <section class="figure" id="figure" aria-label="The walk as a picture">
            <Guidance />
            <Outcomes outcomes={Part::from(&view.outcomes)} />
            <Stage map={map.clone()} walk={walk.clone()} playback={view.playback} is_stale={view.is_stale} />
            <div class="figure__desk">
                { say(view) }
                <Controls walk={walk} playback={view.playback} />
            </div>
            { notices(&view.notices) }
            <ClusterText map={map} />
        </section>
    }
}

/// The sentence of the hop that is shown: the only thing a screen reader is told unasked.
fn say(view: &View) -> Html {
    let hop = view.walk.hops.get(view.playback.position);
    let sentence = hop.map_or(&view.walk.ending.sentence, |it| &it.sentence);
    html! {
        <div class="say" data-leg={hop.map(leg_name)}>
            <p class="say__place" aria-hidden="true">
                { hop.map(|it| it.place.clone()).unwrap_or_default() }
            </p>
            <p class="say__sentence" id="say" aria-live="polite">{ sentence.clone() }</p>
        </div>
    }
}

fn leg_name(hop: &Hop) -> &'static str {
    crate::components::leg::name(hop.leg)
}

fn notices(notices: &[String]) -> Html {
    html! {
        <ul class="notices">
            { for notices.iter().map(|it| html! { <li key={it.clone()}>{ it.clone() }</li> }) }
        </ul>
    }
}

#[component]
fn Manifest(props: &PageProps) -> Html {
    let dispatch = crate::session::use_session();
    let on_edit = {
        let dispatch = dispatch.clone();
        Callback::from(move |text| effects::edit(&dispatch, text))
    };
    let on_reset = Callback::from(move |()| {
        effects::open(&dispatch, FIRST_MANIFEST);
        dispatch.dispatch(Event::Jump(0));
    });
    let view = &props.view;
    html! {
        <Editor
            editor={Part::from(&view.editor)}
            is_stale={view.is_stale}
            {on_edit}
            {on_reset}
        />
    }
}
