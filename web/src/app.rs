//! The page: what is where.

use crate::components::clock::Clock;
use crate::components::cluster_text::ClusterText;
use crate::components::controls::Controls;
#[cfg(feature = "everything")]
use crate::components::doctor::Doctor;
use crate::components::editor::Editor;
use crate::components::guidance::Guidance;
use crate::components::header::Header;
use crate::components::inspector::Inspector;
use crate::components::language::Language;
#[cfg(feature = "everything")]
use crate::components::ledger::Ledger;
use crate::components::leg;
#[cfg(feature = "everything")]
use crate::components::lesson::Lessons;
use crate::components::outcomes::Outcomes;
use crate::components::question::Question;
use crate::components::rest::Rest;
use crate::components::share::Share;
use crate::components::stage::Stage;
#[cfg(not(feature = "everything"))]
use crate::components::stand_in::{Doctor, Ledger, Terminal};
#[cfg(feature = "everything")]
use crate::components::terminal::Terminal;
use crate::components::walk_list::WalkList;
use crate::effects::{self, use_effects, use_hand_over, use_keeping, use_line};
use crate::ground::Ground;
use crate::hooks::keys::use_keys;
use crate::hooks::shape::use_shape;
use crate::session::{Dispatch, FIRST_MANIFEST, Part, State};
use packetwalk_core::session::Event;
use packetwalk_core::view::View;
use yew::prelude::*;

/// The whole page.
#[component]
pub fn App() -> Html {
    let state = use_reducer_eq(State::open);
    let view = state.view();
    let dispatch = state.dispatcher();
    use_effects(&state);
    use_hand_over(&state);
    use_keeping(&state);
    use_line(&dispatch, view.terminal.rests);
    use_shape(&dispatch);
    use_keys(&Ground::default(), &dispatch, view.playback);
    use_effect_with((), |()| {
        if let Some(body) = gloo::utils::document().body() {
            let _ = body.set_attribute("data-ready", "");
        }
    });
    let on_edit = use_callback(dispatch.clone(), |text, dispatch| {
        effects::edit(dispatch, text);
    });
    let on_open = use_callback(dispatch.clone(), |text, dispatch| {
        effects::take_in(dispatch, text);
    });
    let on_reset = use_callback(dispatch.clone(), |(), dispatch| {
        effects::open(dispatch, FIRST_MANIFEST);
        dispatch.dispatch(Event::Jump(0));
    });
    let on_link = {
        let state = state.clone();
        Callback::from(move |()| state.link())
    };
    let on_export = {
        let state = state.clone();
        Callback::from(move |form| state.exported(form))
    };
    let on_picture = {
        let view = view.clone();
        Callback::from(move |()| picture(&view))
    };
    let walk = Part::from(&view.walk);
    let position = view.playback.position;
    let inspector = html! { <Inspector walk={walk.clone()} {position} /> };
    let editor = html! {
        <Editor
            editor={Part::from(&view.editor)} outcomes={Part::from(&view.outcomes)}
            walk={walk.clone()} is_stale={view.is_stale} {on_edit} {on_open} {on_reset}
        />
    };
    let words = html! { <WalkList {walk} {position} /> };
    let share = html! { <Share {on_link} {on_export} {on_picture} /> };
    html! {
        <ContextProvider<Dispatch> context={dispatch}>
            <Header request={Part::from(&view.request)} />
            <main class="page" id="main">
                <Guidance />
                { lessons(&state) }
                { figure(&view) }
                { contents() }
                { panels(inspector, editor, words, doctor(&state), share) }
            </main>
            <section class="below" aria-label="Look up">{ ledger(&state) }</section>
            { foot() }
            <Terminal terminal={Part::from(&view.terminal)} />
            <Rest is_waiting={state.is_waiting()} remark={state.remark()} />
        </ContextProvider<Dispatch>>
    }
}

/// The panels where a person has put them; in a first look, which comes to nobody who has, as they are for everyone.
fn panels(inspector: Html, editor: Html, words: Html, doctor: Html, share: Html) -> Html {
    #[cfg(feature = "everything")]
    {
        use crate::components::panels::{Panel, Panels};
        let panels = vec![
            (Panel::Inspector, inspector),
            (Panel::Manifest, editor),
            (Panel::Walk, words),
            (Panel::Doctor, doctor),
            (Panel::Share, share),
        ];
        html! { <Panels {panels} /> }
    }
    #[cfg(not(feature = "everything"))]
    html! { <>{ inspector }{ editor }{ words }{ doctor }{ share }</> }
}

/// What is seen, as a picture; a first look makes none.
fn picture(view: &View) -> Option<String> {
    #[cfg(feature = "everything")]
    return crate::components::stage::picture::picture(view);
    #[cfg(not(feature = "everything"))]
    {
        let _ = view;
        None
    }
}

/// The lessons, of which a first look knows only the way there.
fn lessons(state: &UseReducerHandle<State>) -> Html {
    #[cfg(feature = "everything")]
    {
        let lesson = state.lesson();
        html! { <Lessons lesson={lesson.as_ref().map(Part::from)} /> }
    }
    #[cfg(not(feature = "everything"))]
    {
        let _ = state;
        Html::default()
    }
}

/// The doctor, who has nothing to examine in a first look.
fn doctor(state: &UseReducerHandle<State>) -> Html {
    #[cfg(feature = "everything")]
    {
        let view = state.view();
        let (map, walk) = (Part::from(&view.map), Part::from(&view.walk));
        let state = state.clone();
        let on_examine = Callback::from(move |()| state.examined());
        html! { <Doctor {on_examine} {map} {walk} /> }
    }
    #[cfg(not(feature = "everything"))]
    {
        let _ = state;
        html! { <Doctor /> }
    }
}

/// What can be looked up, which is nothing in a first look.
fn ledger(state: &UseReducerHandle<State>) -> Html {
    #[cfg(feature = "everything")]
    {
        let view = state.view();
        let (map, walk) = (Part::from(&view.map), Part::from(&view.walk));
        let position = view.playback.position;
        let on_leaf = {
            let state = state.clone();
            Callback::from(move |which| state.leaf(which))
        };
        let state = state.clone();
        let on_ruleset = Callback::from(move |(mode, node): (Option<&'static str>, String)| {
            state.ruleset(mode, &node)
        });
        html! { <Ledger {on_leaf} {on_ruleset} {map} {walk} {position} /> }
    }
    #[cfg(not(feature = "everything"))]
    {
        let _ = state;
        html! { <Ledger /> }
    }
}

/// The stage with all that steers it.
fn figure(view: &View) -> Html {
    let walk = Part::from(&view.walk);
    let map = Part::from(&view.map);
    html! {
        <section class="figure" id="figure" aria-label="The walk as a picture">
            <Outcomes outcomes={Part::from(&view.outcomes)} />
            <Stage
                map={map.clone()} walk={walk.clone()} playback={view.playback} options={view.options}
                time={Part::from(&view.time)} traffic={Part::from(&view.traffic)} is_stale={view.is_stale}
            />
            <div class="figure__desk">
                <Question question={Part::from(&view.question)} />
                { say(view) }
                <Controls {walk} playback={view.playback} options={view.options} />
            </div>
            <Clock time={Part::from(&view.time)} />
            { notices(&view.notices) }
            <ClusterText {map} />
        </section>
    }
}

/// The sentence of the hop that is shown: the only thing a screen reader is told unasked.
fn say(view: &View) -> Html {
    let hop = view.walk.hops.get(view.playback.position);
    let sentence = hop.map_or(&view.walk.ending.sentence, |it| &it.sentence);
    html! {
        <div class="say" data-leg={hop.map(|it| leg::name(it.leg))}>
            <p class="say__place" aria-hidden="true">
                { hop.map(|it| it.place.clone()).unwrap_or_default() }
            </p>
            <p class="say__sentence" id="say" aria-live="polite">{ sentence.clone() }</p>
        </div>
    }
}

fn notices(notices: &[String]) -> Html {
    html! {
        <ul class="notices">
            { for notices.iter().map(|it| html! { <li key={it.clone()}>{ it.clone() }</li> }) }
        </ul>
    }
}

/// The ways to the panels, where they are below one another.
fn contents() -> Html {
    html! {
        <nav class="contents" aria-label="On this page">
            <a href="#figure" class="contents__figure">{"Walk"}</a>
            <a href="#inspector">{"Hop"}</a>
            <a href="#manifest">{"Manifest"}</a>
            <a href="#walk">{"Words"}</a>
            <a href="#doctor">{"Doctor"}</a>
            <a href="#share">{"Share"}</a>
            <a href="#ledger">{"Look up"}</a>
        </nav>
    }
}

fn foot() -> Html {
    html! {
        <footer class="foot">
            <Language />
            <p>
                {"The rules are those kube-proxy writes, made by its algorithm; the packet’s fate is what evaluating them gives, \
                  and "}<code>{"packetwalk verify"}</code>{" has the Linux kernel check it, step by step."}
            </p>
            <p>
                {"Simplified: only a connection’s first packet and its answer are followed, \
                  and packets between nodes are routed plainly, without an overlay."}
            </p>
        </footer>
    }
}
