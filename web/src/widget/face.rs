//! What is seen of a widget: the page's own components, those that were wished for.
//!
//! **Left out**: a layout for wide places; a widget is a figure in somebody's column.

use super::manifest::{in_mode, keeps};
use super::wishes::{Look, Steering, Wishes};
use crate::components::controls::Controls;
use crate::components::editor;
use crate::components::inspector::{Inspector, details};
use crate::components::leg;
use crate::components::lesson::Panel;
use crate::components::outcomes::Outcomes;
use crate::components::question::Question;
use crate::components::stage::Stage;
use crate::components::terminal::Terminal;
use crate::components::walk_list::WalkList;
use crate::ground::use_ground;
use crate::session::{Part, use_session};
use packetwalk_core::session::Event;
use packetwalk_core::view::{EditorView, HopDetail, Layout, LessonView, OutcomeView, View};
use std::rc::Rc;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{Element, HtmlTextAreaElement, ResizeObserver};
use yew::prelude::*;

/// A widget narrower than this has its nodes below one another, in pixels.
const NARROW: f64 = 520.0;

/// What is seen.
#[derive(PartialEq, Properties)]
pub(super) struct FaceProps {
    /// What there is to see.
    pub(super) view: Rc<View>,
    /// The lesson that is on.
    pub(super) lesson: Option<Part<LessonView>>,
    /// What of it is wished for.
    pub(super) wishes: Rc<Wishes>,
    /// Whether the text is this widget's own.
    pub(super) leads: bool,
}

/// What lies beneath the map, where all can be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leaf {
    Manifest,
    Hop,
    Words,
    Shell,
}

const LEAVES: [(Leaf, &str); 4] = [
    (Leaf::Manifest, "Manifest"),
    (Leaf::Hop, "This hop"),
    (Leaf::Words, "In words"),
    (Leaf::Shell, "Shell"),
];

/// The face. A group and no landmark: a page may hold many, and its own landmarks are what readers go by.
#[component]
pub(super) fn Face(props: &FaceProps) -> Html {
    let FaceProps { view, wishes, .. } = props;
    let look = wishes.look;
    use_shape(matches!(look, Look::Map | Look::Combined));
    let leaf = use_state_eq(|| Some(Leaf::Manifest));
    use_typed(props, &leaf);
    use_list_in_step(view.playback.position);
    html! {
        <div class="widget" id="figure" part="widget" role="group" aria-label={name(look)} data-view={word(look)} data-steering={match wishes.steering {
            Steering::Full => "full",
            Steering::Small => "small",
            Steering::Nothing => "none",
        }}>
            { for props.lesson.iter().map(lesson) }
            { match look {
                Look::Map => html! { <>{ map(view) }{ steering(props, true) }</> },
                Look::Walk => html! { <>{ words(view) }{ steering(props, false) }</> },
                Look::Rules => html! { <>{ hop(view) }{ steering(props, false) }</> },
                Look::Yaml => yaml(props),
                Look::Terminal => shell(view),
                Look::Dns => dns(view),
                Look::Combined => html! {
                    <>{ ways(view) }{ map(view) }{ steering(props, true) }{ leaves(&leaf) }{ beneath(props, *leaf) }</>
                },
            } }
        </div>
    }
}

/// What a lesson types is seen where it is typed.
#[hook]
fn use_typed(props: &FaceProps, leaf: &UseStateHandle<Option<Leaf>>) {
    let leaf = leaf.setter();
    let n_typed = props.view.terminal.history.len();
    use_effect_with(
        (n_typed, props.lesson.is_some()),
        move |(n_typed, is_on)| {
            if *n_typed > 0 && *is_on {
                leaf.set(Some(Leaf::Shell));
            }
        },
    );
}

/// Keeps the hop that is shown in sight within the list of hops, which scrolls by itself; the page around stays where it is.
#[hook]
fn use_list_in_step(position: usize) {
    let ground = use_ground();
    use_effect_with(position, move |_| {
        let list = ground.first(".walk__list");
        let hop = ground.first(".walk__hop[aria-current]");
        if let (Some(list), Some(hop)) = (list, hop) {
            let (around, it) = (
                list.get_bounding_client_rect(),
                hop.get_bounding_client_rect(),
            );
            let above = it.top() - around.top();
            let below = it.bottom() - around.bottom();
            if above < 0.0 || below > 0.0 {
                list.scroll_by_with_x_and_y(0.0, if above < 0.0 { above } else { below });
            }
        }
    });
}

/// The page of the lesson. Which lesson it is, the page around decides.
fn lesson(lesson: &Part<LessonView>) -> Html {
    html! {
        <div class="widget__lesson" part="lesson">
            <Panel lesson={lesson.clone()} confirmed="" after={None::<(AttrValue, AttrValue)>} on_want={Callback::noop()} />
        </div>
    }
}

const fn name(look: Look) -> &'static str {
    match look {
        Look::Map => "A packet’s walk on the map of its cluster",
        Look::Walk => "A packet’s walk in words",
        Look::Rules => "What a packet meets at one hop",
        Look::Yaml => "The manifest of a cluster",
        Look::Terminal => "A shell before a cluster",
        Look::Dns => "What was asked of DNS",
        Look::Combined => "A packet’s walk, with the cluster it is in",
    }
}

const fn word(look: Look) -> &'static str {
    match look {
        Look::Map => "map",
        Look::Walk => "walk",
        Look::Rules => "rules",
        Look::Yaml => "yaml",
        Look::Terminal => "terminal",
        Look::Dns => "dns",
        Look::Combined => "combined",
    }
}

/// Tells the session the widget's shape, which is that of its place in the page, now and whenever it changes.
#[hook]
fn use_shape(has_map: bool) {
    let ground = use_ground();
    let dispatch = use_session();
    use_effect_with(has_map, move |has_map| {
        let root = ground.first(".widget").filter(|_| *has_map);
        let watched = root.clone();
        let measure = Closure::<dyn FnMut()>::new(move || {
            let width = root
                .as_ref()
                .map_or(0.0, |it| it.get_bounding_client_rect().width());
            // What is not displayed has no shape.
            if width > 0.0 {
                let is_narrow = width < NARROW;
                let layout = if is_narrow {
                    Layout::Tall
                } else {
                    Layout::Wide
                };
                dispatch.dispatch(Event::Shaped(layout));
            }
        });
        let observer = ResizeObserver::new(measure.as_ref().unchecked_ref()).ok();
        if let (Some(observer), Some(root)) = (&observer, &watched) {
            observer.observe(root);
        }
        move || {
            if let Some(observer) = observer {
                observer.disconnect();
            }
            drop(measure);
        }
    });
}

fn ways(view: &View) -> Html {
    html! { <div class="widget__ways" part="ways"><Outcomes outcomes={Part::from(&view.outcomes)} /></div> }
}

fn map(view: &View) -> Html {
    html! {
        <div class="widget__map" part="map">
            <Stage
                map={Part::from(&view.map)} walk={Part::from(&view.walk)} playback={view.playback} options={view.options}
                time={Part::from(&view.time)} traffic={Part::from(&view.traffic)} is_stale={view.is_stale}
            />
        </div>
    }
}

fn words(view: &View) -> Html {
    html! {
        <div class="widget__words" part="walk">
            <WalkList walk={Part::from(&view.walk)} position={view.playback.position} />
        </div>
    }
}

fn hop(view: &View) -> Html {
    html! {
        <div class="widget__hop" part="rules">
            <Inspector walk={Part::from(&view.walk)} position={view.playback.position} />
        </div>
    }
}

fn shell(view: &View) -> Html {
    html! {
        <div class="widget__shell" part="terminal">
            <Terminal terminal={Part::from(&view.terminal)} stays_open=true />
        </div>
    }
}

/// The question that is open, the sentence of the hop, and what steers.
fn steering(props: &FaceProps, has_sentence: bool) -> Html {
    let FaceProps { view, wishes, .. } = props;
    html! {
        <div class="widget__desk">
            <Question question={Part::from(&view.question)} />
            { for has_sentence.then(|| say(view)) }
            { for (wishes.steering != Steering::Nothing).then(|| html! {
                <div class="widget__controls" part="controls">
                    <Controls walk={Part::from(&view.walk)} playback={view.playback} options={view.options} />
                </div>
            }) }
        </div>
    }
}

fn say(view: &View) -> Html {
    let hop = view.walk.hops.get(view.playback.position);
    let sentence = hop.map_or(&view.walk.ending.sentence, |it| &it.sentence);
    html! {
        <div class="say" part="say" data-leg={hop.map(|it| leg::name(it.leg))}>
            <p class="say__place" aria-hidden="true">{ hop.map(|it| it.place.clone()).unwrap_or_default() }</p>
            <p class="say__sentence" id="say" aria-live="polite">{ sentence.clone() }</p>
        </div>
    }
}

/// What the walk asked of DNS: the look-up that comes before its packet.
fn dns(view: &View) -> Html {
    let asked = view.walk.hops.iter().find_map(|it| match &it.detail {
        HopDetail::Dns {
            resolv_conf,
            queries,
        } => Some(details::dns(resolv_conf, queries)),
        _ => None,
    });
    html! {
        <div class="widget__dns" part="dns">
            { asked.unwrap_or_else(|| html! { <p>{"This request names an address: nothing was asked of DNS."}</p> }) }
        </div>
    }
}

fn leaves(leaf: &UseStateHandle<Option<Leaf>>) -> Html {
    html! {
        <div class="widget__leaves" part="leaves" role="group" aria-label="Beneath the map">
            { for LEAVES.map(|(it, word)| {
                let is_open = **leaf == Some(it);
                let leaf = leaf.setter();
                let on_press = Callback::from(move |_: MouseEvent| leaf.set((!is_open).then_some(it)));
                html! {
                    <button class="widget__leaf" key={word} type="button" aria-pressed={is_open.to_string()} onclick={on_press}>{ word }</button>
                }
            }) }
        </div>
    }
}

fn beneath(props: &FaceProps, leaf: Option<Leaf>) -> Html {
    match leaf {
        Some(Leaf::Manifest) => yaml(props),
        Some(Leaf::Hop) => hop(&props.view),
        Some(Leaf::Words) => words(&props.view),
        Some(Leaf::Shell) => shell(&props.view),
        None => Html::default(),
    }
}

fn yaml(props: &FaceProps) -> Html {
    let FaceProps {
        view,
        wishes,
        leads,
        ..
    } = props;
    html! {
        <div class="widget__yaml" part="yaml">
            <Sheet
                editor={Part::from(&view.editor)} outcomes={Part::from(&view.outcomes)} is_stale={view.is_stale}
                wishes={wishes.clone()} {leads}
            />
        </div>
    }
}

/// The manifest, with lines that nobody may change.
#[derive(PartialEq, Properties)]
struct SheetProps {
    editor: Part<EditorView>,
    outcomes: Part<Vec<OutcomeView>>,
    is_stale: bool,
    wishes: Rc<Wishes>,
    leads: bool,
}

#[component]
fn Sheet(props: &SheetProps) -> Html {
    let ground = use_ground();
    let dispatch = use_session();
    let is_held = use_state_eq(|| false);
    // A follower knows no text of its own: what is kept there is what it first saw.
    let first = use_memo((props.wishes.clone(), props.leads), |(wishes, leads)| {
        if *leads {
            in_mode(&wishes.text, wishes.mode.as_deref())
        } else {
            props.editor.text.clone()
        }
    });
    let on_input = {
        let (editor, wishes, is_held) =
            (props.editor.clone(), props.wishes.clone(), is_held.clone());
        let first = first.clone();
        Callback::from(move |event: InputEvent| {
            let area = event.target_unchecked_into::<HtmlTextAreaElement>();
            let text = area.value();
            let may = keeps(&first, &text, &wishes.kept_lines);
            is_held.set(!may);
            if may {
                dispatch.dispatch(Event::Edited(text));
            } else {
                area.set_value(&editor.text);
            }
        })
    };
    {
        let ground = ground.clone();
        let parts = (
            props.editor.text.clone(),
            first.clone(),
            props.wishes.clone(),
        );
        use_effect_with(parts, move |(text, first, wishes)| {
            mark_kept(&ground, wishes, text, first);
        });
    }
    html! {
        <>
            <h3 class="widget__head" id="manifest-head">{"The manifest"}</h3>
            { editor::frame(&props.editor, &on_input) }
            <p class="widget__held" role="status">{ if *is_held { "The lines with a bar are kept as they are here." } else { "" } }</p>
            { editor::complaints(&ground, &props.editor.complaints, &props.outcomes, props.is_stale, "Nothing you type here is kept. Tab leaves the editor.") }
        </>
    }
}

/// Marks the lines that nobody may change, wherever an edit has moved them.
fn mark_kept(ground: &crate::ground::Ground, wishes: &Wishes, text: &str, first: &str) {
    let kept = |number: usize| wishes.kept_lines.iter().any(|it| it.contains(&number));
    let all_kept = wishes.kept_lines.iter().any(|it| *it.end() == usize::MAX);
    let area = ground.find("yaml").and_then(|it| it.dyn_into().ok());
    if let Some(area) = area {
        let area: HtmlTextAreaElement = area;
        area.set_read_only(all_kept);
    }
    let mut wanted = first
        .split('\n')
        .zip(1..)
        .filter(|it| kept(it.1))
        .map(|it| it.0)
        .peekable();
    for (line, number) in text.split('\n').zip(1_u32..) {
        let is_kept = wanted.next_if_eq(&line).is_some();
        for part in ["editor__line", "editor__numbers li"] {
            mark(ground, part, number, is_kept);
        }
    }
}

fn mark(ground: &crate::ground::Ground, part: &str, number: u32, is_kept: bool) {
    let found: Option<Element> = ground.first(&format!(".{part}:nth-child({number})"));
    if let Some(it) = found {
        // An attribute without a value can always be set.
        let _ = it.toggle_attribute_with_force("data-kept", is_kept);
    }
}
