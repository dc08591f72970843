//! What steers the walk: buttons with their keys, a slider over the hops, the speed.

use super::leg;
use crate::hooks::keys::{speed_idx, use_figure_keys};
use crate::session::{Dispatch, Part, use_session};
use packetwalk_core::session::{Event, SPEEDS};
use packetwalk_core::view::{Break, Hop, Layer, Options, Playback, WalkView};
use web_sys::HtmlInputElement;
use yew::prelude::*;

/// What is steered.
#[derive(PartialEq, Properties)]
pub struct ControlsProps {
    /// The walk.
    pub walk: Part<WalkView>,
    /// Where in it.
    pub playback: Playback,
    /// Which layer, and where playing stops.
    pub options: Options,
}

/// The speeds, as people write them.
const SPEED_WORDS: [&str; SPEEDS.len()] = ["¼×", "½×", "1×", "2×", "4×"];

/// What steers the walk.
#[component]
pub fn Controls(props: &ControlsProps) -> Html {
    let dispatch = use_session();
    let playback = props.playback;
    let on_key = {
        let dispatch = dispatch.clone();
        Callback::from(move |key: String| {
            let stop = STOPS.iter().position(|it| it.key == key);
            if let Some(it) = stop.and_then(|it| Break::ALL.get(it)) {
                dispatch.dispatch(Event::BreakSet(*it));
            }
        })
    };
    use_figure_keys("123", on_key);
    html! {
        <div class="controls" id="controls" role="group" aria-label="Steer the walk">
            { buttons(playback, &dispatch) }
            { timeline(&props.walk.hops, playback, props.options.layer, &dispatch) }
            <div class="controls__pace">
                { speed(playback, &dispatch) }
                { stops(props.options, &dispatch) }
            </div>
        </div>
    }
}

/// What playing may stop at, in the order of [`Break::ALL`].
const STOPS: [Face; 3] = [
    Face {
        id: "stop-rewrite",
        word: "rewrite",
        mark: "M10 3l7 7-7 7-7-7z",
        key: "1",
        shortcut: "1",
    },
    Face {
        id: "stop-failure",
        word: "failure",
        mark: "M4 4l12 12M16 4L4 16",
        key: "2",
        shortcut: "2",
    },
    Face {
        id: "stop-node",
        word: "another node",
        mark: "M3 5h14v11H3zM10 2v3",
        key: "3",
        shortcut: "3",
    },
];

fn stops(options: Options, dispatch: &Dispatch) -> Html {
    html! {
        <div class="stops" role="group" aria-label="Playing stops at">
            <span class="stops__label" aria-hidden="true">{"stop at"}</span>
            { for STOPS.iter().zip(Break::ALL).zip(options.breaks).map(|((face, it), is_on)| {
                let dispatch = dispatch.clone();
                let on_press = Callback::from(move |_: MouseEvent| dispatch.dispatch(Event::BreakSet(it)));
                html! {
                    <button class="tool" key={face.id} id={face.id} type="button" title={format!("Playing stops at {}", face.word)} aria-pressed={is_on.to_string()} aria-keyshortcuts={face.shortcut} onclick={on_press}>
                        <svg class="press__mark" viewBox="0 0 20 20" aria-hidden="true"><path d={face.mark} /></svg>
                        <span class="hidden">{ face.word }{", "}</span><kbd class="press__key">{ face.key }</kbd>
                    </button>
                }
            }) }
        </div>
    }
}

fn timeline(hops: &[Hop], playback: Playback, layer: Layer, dispatch: &Dispatch) -> Html {
    let dispatch = dispatch.clone();
    let on_scrub = Callback::from(move |event: InputEvent| {
        let slider = event.target_unchecked_into::<HtmlInputElement>();
        if let Ok(position) = slider.value().parse() {
            dispatch.dispatch(Event::Jump(position));
        }
    });
    let said = hops.get(playback.position).map_or_else(String::new, |it| {
        format!(
            "hop {} of {}: {}",
            playback.position + 1,
            hops.len(),
            it.title
        )
    });
    html! {
        <div class="timeline">
            <div class="timeline__ticks" aria-hidden="true">
                { for hops.iter().enumerate().map(|(idx, hop)| html! {
                    <span
                        class="timeline__tick" key={idx}
                        data-leg={leg::name(hop.leg)} data-emphasis={leg::emphasis(hop.emphasis)}
                        data-failure={hop.failure.map(|it| it.name())}
                        data-rewritten={(!hop.changes.is_empty()).then_some("")}
                        data-is={place_in_time(idx, playback.position)}
                        data-passed={(layer == Layer::Story && !hop.is_story).then_some("")}
                    />
                }) }
            </div>
            <input
                class="timeline__slider" id="scrub" type="range"
                min="0" max={playback.n_hops.saturating_sub(1).to_string()} step="1"
                value={playback.position.to_string()}
                aria-label="Hop" aria-valuetext={said}
                disabled={hops.is_empty()}
                oninput={on_scrub}
            />
        </div>
    }
}

fn place_in_time(idx: usize, position: usize) -> &'static str {
    match idx.cmp(&position) {
        std::cmp::Ordering::Less => "past",
        std::cmp::Ordering::Equal => "now",
        std::cmp::Ordering::Greater => "to-come",
    }
}

/// What a button looks like: its id, its word, its mark, and its key, as shown and as
/// `aria-keyshortcuts` spells it.
#[derive(Clone, Copy)]
struct Face {
    id: &'static str,
    word: &'static str,
    mark: &'static str,
    key: &'static str,
    shortcut: &'static str,
}

const START: Face = Face {
    id: "start",
    word: "To the start",
    mark: "M4 4v12M16 4l-8 6 8 6",
    key: "Home",
    shortcut: "Home",
};

const BACK: Face = Face {
    id: "back",
    word: "Back",
    mark: "M13 4l-7 6 7 6",
    key: "←",
    shortcut: "ArrowLeft",
};

const PLAY: Face = Face {
    id: "play",
    word: "Play",
    mark: "M5 3.5v13L17 10z",
    key: "Space",
    shortcut: "Space",
};

const PAUSE: Face = Face {
    word: "Pause",
    mark: "M6 4v12M14 4v12",
    ..PLAY
};

const FORWARD: Face = Face {
    id: "forward",
    word: "Forward",
    mark: "M7 4l7 6-7 6",
    key: "→",
    shortcut: "ArrowRight",
};

const DECISION: Face = Face {
    id: "decision",
    word: "Next decision",
    mark: "M3 5l5 5-5 5M14 5.5l4.5 4.5-4.5 4.5L9.5 10z",
    key: "N",
    shortcut: "N",
};

const END: Face = Face {
    id: "end",
    word: "To the end",
    mark: "M16 4v12M4 4l8 6-8 6",
    key: "End",
    shortcut: "End",
};

fn buttons(playback: Playback, dispatch: &Dispatch) -> Html {
    let last = playback.n_hops.saturating_sub(1);
    let at_start = playback.position == 0;
    let at_end = playback.position >= last;
    let (face, toggle) = if playback.is_playing {
        (PAUSE, Event::Pause)
    } else {
        (PLAY, Event::Play)
    };
    let all = [
        (START, Event::Jump(0), at_start),
        (BACK, Event::Back, at_start),
        (face, toggle, playback.n_hops == 0),
        (FORWARD, Event::Forward, at_end),
        (DECISION, Event::ToNextDecision, at_end),
        (END, Event::Jump(last), at_end),
    ];
    html! {
        <div class="controls__buttons">
            { for all.into_iter().map(|(face, event, is_idle)| button(face, event, is_idle, dispatch)) }
        </div>
    }
}

fn button(face: Face, event: Event, is_idle: bool, dispatch: &Dispatch) -> Html {
    let dispatch = dispatch.clone();
    let Face {
        id,
        word,
        mark,
        key,
        shortcut,
    } = face;
    // Not `disabled`: that would throw the focus away at the ends of the walk.
    let on_press = Callback::from(move |_: MouseEvent| {
        if !is_idle {
            dispatch.dispatch(event.clone());
        }
    });
    html! {
        <button
            class="press" key={id} {id} type="button"
            title={word} aria-keyshortcuts={shortcut} aria-disabled={is_idle.then_some("true")}
            onclick={on_press}
        >
            <svg class="press__mark" viewBox="0 0 20 20" aria-hidden="true"><path d={mark} /></svg>
            <span class="hidden">{ word }{", "}</span>
            <kbd class="press__key">{ key }</kbd>
        </button>
    }
}

fn speed(playback: Playback, dispatch: &Dispatch) -> Html {
    let dispatch = dispatch.clone();
    let on_speed = Callback::from(move |event: InputEvent| {
        let slider = event.target_unchecked_into::<HtmlInputElement>();
        let idx = slider.value().parse::<usize>().unwrap_or_default();
        if let Some(speed) = SPEEDS.get(idx) {
            dispatch.dispatch(Event::SpeedSet(*speed));
        }
    });
    let said = SPEED_WORDS[speed_idx(playback.speed)];
    html! {
        <div class="speed">
            <label class="speed__label" for="speed">{"Speed"}</label>
            <kbd class="press__key" aria-hidden="true">{"−"}</kbd>
            <input
                class="speed__slider" id="speed" type="range" min="0" max={(SPEEDS.len() - 1).to_string()} step="1"
                value={speed_idx(playback.speed).to_string()} aria-label="Speed" aria-valuetext={said}
                aria-keyshortcuts="- +"
                oninput={on_speed}
            />
            <kbd class="press__key" aria-hidden="true">{"+"}</kbd>
            <output class="speed__value" for="speed">{ said }</output>
        </div>
    }
}
