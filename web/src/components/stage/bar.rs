//! The bar above the stage: the layer, asking, what was done; and of the map: nearer, farther, all of it, fold. Each with
//! its key.
//!
//! **Left out**: what steers the walk; that is in [`crate::components::controls`].

use super::hands::Move;
use crate::hooks::keys::use_figure_keys;
use crate::session::{Part, use_session};
use packetwalk_core::session::Event;
use packetwalk_core::view::{Layer, MapView, Options};
use yew::prelude::*;

/// What the bar is for.
#[derive(PartialEq, Properties)]
pub(super) struct BarProps {
    /// The map.
    pub(super) map: Part<MapView>,
    /// Moves the camera.
    pub(super) go: Callback<Move>,
    /// Whether less than all is in sight.
    pub(super) is_near: bool,
    /// The layer, and whether one is asked.
    pub(super) options: Options,
    /// Whether the envelope is open.
    pub(super) is_open: bool,
    /// Opens or closes it.
    pub(super) on_open: Callback<()>,
    /// Whether something can be undone.
    pub(super) has_past: bool,
    /// Whether something can be done again.
    pub(super) has_future: bool,
    /// Whether many requests are on the stage.
    pub(super) is_many: bool,
    /// Opens or closes them.
    pub(super) on_many: Callback<()>,
}

/// A button of the bar.
struct Tool {
    id: &'static str,
    word: &'static str,
    mark: &'static str,
    key: &'static str,
}

const IN: Tool = Tool {
    id: "zoom-in",
    word: "Nearer",
    mark: "M4 10h12M10 4v12",
    key: "i",
};

const OUT: Tool = Tool {
    id: "zoom-out",
    word: "Farther",
    mark: "M4 10h12",
    key: "o",
};

const WHOLE: Tool = Tool {
    id: "fit",
    word: "Whole map",
    mark: "M3 7V3h4M13 3h4v4M17 13v4h-4M7 17H3v-4",
    key: "f",
};

const FOLD: Tool = Tool {
    id: "fold",
    word: "Fold nodes the walk does not enter",
    mark: "M5 3l5 4 5-4M5 17l5-4 5 4M3 10h14",
    key: "c",
};

const STORY: Tool = Tool {
    id: "layer-story",
    word: "Story",
    mark: "",
    key: "m",
};

const MACHINE: Tool = Tool {
    id: "layer-machine",
    word: "Machine",
    ..STORY
};

const ASK: Tool = Tool {
    id: "predict",
    word: "Ask me first",
    mark: "M7 7a3 3 0 1 1 4 3c-1 .5-1 1-1 2M10 15.5v.5",
    key: "p",
};

const OPEN: Tool = Tool {
    id: "envelope",
    word: "Open the envelope",
    mark: "M3 8l7-5 7 5v9H3zM3 8l7 5 7-5",
    key: "e",
};

const UNDO: Tool = Tool {
    id: "undo",
    word: "Undo what you did",
    mark: "M7 4L3 8l4 4M3 8h9a5 5 0 0 1 0 9H8",
    key: "u",
};

const REDO: Tool = Tool {
    id: "redo",
    word: "Redo",
    mark: "M13 4l4 4-4 4M17 8H8a5 5 0 0 0 0 9h4",
    key: "r",
};

const RESET: Tool = Tool {
    id: "reset",
    word: "Back to the beginning of all you did",
    mark: "M4 4v12M16 5l-8 5 8 5",
    key: "x",
};

const MANY: Tool = Tool {
    id: "many",
    word: "Many requests at once",
    mark: "M3 5h.5M3 10h.5M3 15h.5M8 5h9M8 10h6M8 15h3",
    key: "t",
};

/// The bar.
#[component]
pub(super) fn Bar(props: &BarProps) -> Html {
    let dispatch = use_session();
    let on_key = {
        let (go, dispatch, on_open) = (props.go.clone(), dispatch.clone(), props.on_open.clone());
        let on_many = props.on_many.clone();
        let options = props.options;
        Callback::from(move |key: String| match key.as_str() {
            "m" => dispatch.dispatch(Event::LayerSet(other(options.layer))),
            "p" => dispatch.dispatch(Event::PredictSet(!options.predicts)),
            "e" => on_open.emit(()),
            "t" => on_many.emit(()),
            "u" => dispatch.dispatch(Event::Undo),
            "r" => dispatch.dispatch(Event::Redo),
            "x" => dispatch.dispatch(Event::Reset),
            "i" => go.emit(Move::In),
            "o" => go.emit(Move::Out),
            "f" => go.emit(Move::Whole),
            _ => dispatch.dispatch(Event::IdleFolded),
        })
    };
    use_figure_keys("iofcmpeturx", on_key);
    let moves = |it: Move| props.go.reform(move |_: MouseEvent| it);
    let send = |event: Event| {
        let dispatch = dispatch.clone();
        Callback::from(move |_: MouseEvent| dispatch.dispatch(event.clone()))
    };
    let Options {
        layer, predicts, ..
    } = props.options;
    let layers = [(&STORY, Layer::Story), (&MACHINE, Layer::Machine)];
    let on_open = props.on_open.reform(|_: MouseEvent| ());
    let layers = layers.map(|(it, of)| {
        word(
            it,
            layer == of,
            of == Layer::Machine,
            send(Event::LayerSet(of)),
        )
    });
    let ask = word(&ASK, predicts, true, send(Event::PredictSet(!predicts)));
    let on_fold = send(Event::IdleFolded);
    let is_folded = props.map.nodes.iter().any(|it| it.is_folded);
    html! {
        <div class="bar" role="group" aria-label="The stage">
            <span class="bar__switch" role="group" aria-label="Layer">{ for layers }</span>
            { ask }
            { tool(&UNDO, !props.has_past, false, send(Event::Undo)) }
            { tool(&REDO, !props.has_future, false, send(Event::Redo)) }
            { tool(&RESET, !props.has_past, false, send(Event::Reset)) }
            <span class="bar__space" />
            { tool(&MANY, false, props.is_many, props.on_many.reform(|_: MouseEvent| ())) }
            { tool(&OPEN, false, props.is_open, on_open) }
            { tool(&OUT, !props.is_near, false, moves(Move::Out)) }
            { tool(&IN, false, false, moves(Move::In)) }
            { tool(&WHOLE, !props.is_near, false, moves(Move::Whole)) }
            { for (props.map.nodes.len() > 1).then(|| tool(&FOLD, false, is_folded, on_fold)) }
        </div>
    }
}

fn other(layer: Layer) -> Layer {
    match layer {
        Layer::Story => Layer::Machine,
        Layer::Machine => Layer::Story,
    }
}

/// A switch with its word.
fn word(tool: &Tool, is_pressed: bool, has_key: bool, on_press: Callback<MouseEvent>) -> Html {
    html! {
        <button
            class="tool tool--word" key={tool.id} id={tool.id} type="button" aria-keyshortcuts={tool.key}
            aria-pressed={is_pressed.to_string()} onclick={on_press}
        >
            <span>{ tool.word }</span>
            { for has_key.then(|| html! { <kbd class="press__key">{ tool.key }</kbd> }) }
        </button>
    }
}

fn tool(tool: &Tool, is_idle: bool, is_pressed: bool, on_press: Callback<MouseEvent>) -> Html {
    html! {
        <button
            class="tool" key={tool.id} id={tool.id} type="button" title={tool.word} aria-keyshortcuts={tool.key}
            aria-disabled={is_idle.then_some("true")}
            aria-pressed={[FOLD.id, OPEN.id, MANY.id].contains(&tool.id).then(|| is_pressed.to_string())}
            onclick={on_press}
        >
            <svg class="press__mark" viewBox="0 0 20 20" aria-hidden="true"><path d={tool.mark} /></svg>
            <span class="hidden">{ tool.word }{", "}</span>
            <kbd class="press__key">{ tool.key }</kbd>
        </button>
    }
}
