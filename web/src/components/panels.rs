//! The panels beside the figure, in the order a person gave them: up, down, to the other side where there are two, and folded away.
//!
//! They stand in the document as they stand on the screen, so that the Tab key and readers follow the same order. In a first look they
//! stand as they do for everyone.
//!
//! A link says where they stand for whoever gave it away; who opens it sees them so, and keeps their own until they move one.
//!
//! **Left out**: free places and sizes; a panel's undo of its own survives every move but the one to the other side.

use crate::hand_over;
use crate::hooks::media::use_media;
use crate::storage;
use gloo::events::EventListener;
use gloo::utils::document;
use std::cell::RefCell;
use wasm_bindgen::JsCast;
use yew::prelude::*;

const SHOWN: &str = "packetwalk:panels";

thread_local! {
    /// Where they stand now, as it is written, unless they stand as for everyone.
    static NOW: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// What a link says behind its end, if the panels have been moved.
#[must_use]
pub fn in_link() -> String {
    let now = NOW.with_borrow(Clone::clone);
    now.map_or_else(String::new, |it| format!("~{it}"))
}

/// Takes what a link says of the panels away from it, and has them stand there.
#[must_use]
pub fn out_of_link(link: &str) -> &str {
    let (link, told) = link.split_once('~').unwrap_or((link, ""));
    if !told.is_empty() {
        NOW.set(Some(told.trim_end().to_owned()));
        hand_over::tell(SHOWN, &told.into());
    }
    link
}

/// There is room for panels on both sides of the figure.
const WIDE: &str = "(min-width: 105em)";

/// A panel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Panel {
    /// The hop.
    Inspector,
    /// The manifest.
    Manifest,
    /// The walk in words.
    Walk,
    /// The doctor.
    Doctor,
    /// Keep and share.
    Share,
}

/// Where a panel stands beside the figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Left,
    Right,
}

/// One panel's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    panel: Panel,
    side: Side,
    is_folded: bool,
}

/// Where all panels stand.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Arrangement(Vec<Place>);

/// What is done to one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Move {
    Up,
    Down,
    Across,
    Fold,
}

const ALL: [(Panel, Side, &str, &str); 5] = [
    (Panel::Inspector, Side::Right, "inspector", "the hop"),
    (Panel::Manifest, Side::Left, "manifest", "the manifest"),
    (Panel::Walk, Side::Right, "walk", "the walk in words"),
    (Panel::Doctor, Side::Right, "doctor", "the doctor"),
    (Panel::Share, Side::Right, "share", "keep and share"),
];

impl Panel {
    fn id(self) -> &'static str {
        ALL.iter().find(|it| it.0 == self).map_or("", |it| it.2)
    }

    fn words(self) -> &'static str {
        ALL.iter().find(|it| it.0 == self).map_or("", |it| it.3)
    }
}

impl Default for Arrangement {
    fn default() -> Self {
        let places = ALL.iter().map(|(panel, side, ..)| Place {
            panel: *panel,
            side: *side,
            is_folded: false,
        });
        Arrangement(places.collect())
    }
}

impl Arrangement {
    /// As it was kept, fit for an address: `manifest_l.walk_r.doctor_r-`. What is not known is passed over, what is missing stands at the end.
    fn read(text: &str) -> Self {
        let mut places: Vec<Place> = Vec::new();
        for word in text.split('.') {
            let (word, is_folded) = match word.strip_suffix('-') {
                Some(word) => (word, true),
                None => (word, false),
            };
            let (name, side) = match word.strip_suffix("_l") {
                Some(name) => (name, Side::Left),
                None => (word.strip_suffix("_r").unwrap_or(word), Side::Right),
            };
            let known = ALL.iter().find(|it| it.2 == name);
            if let Some((panel, ..)) = known
                && places.iter().all(|it| it.panel != *panel)
            {
                places.push(Place {
                    panel: *panel,
                    side,
                    is_folded,
                });
            }
        }
        for place in Arrangement::default().0 {
            if places.iter().all(|it| it.panel != place.panel) {
                places.push(place);
            }
        }
        Arrangement(places)
    }

    fn written(&self) -> String {
        let words = self.0.iter().map(|it| {
            let side = match it.side {
                Side::Left => "_l",
                Side::Right => "_r",
            };
            let folded = if it.is_folded { "-" } else { "" };
            format!("{}{side}{folded}", it.panel.id())
        });
        words.collect::<Vec<_>>().join(".")
    }

    /// What it becomes by a move; nothing where there is no further to go. On a wide screen up and down are within a side.
    fn moved(&self, panel: Panel, by: Move, is_wide: bool) -> Option<Self> {
        let mut places = self.0.clone();
        let at = places.iter().position(|it| it.panel == panel)?;
        let side = places[at].side;
        let is_beside = |it: &usize| !is_wide || places[*it].side == side;
        match by {
            Move::Up => {
                let other = (0..at).rev().find(is_beside)?;
                places.swap(at, other);
            }
            Move::Down => {
                let other = (at + 1..places.len()).find(is_beside)?;
                places.swap(at, other);
            }
            Move::Across => {
                places[at].side = match side {
                    Side::Left => Side::Right,
                    Side::Right => Side::Left,
                }
            }
            Move::Fold => places[at].is_folded = !places[at].is_folded,
        }
        Some(Arrangement(places))
    }
}

/// The panels.
#[derive(PartialEq, Properties)]
pub struct PanelsProps {
    /// Each panel and what is in it.
    pub panels: Vec<(Panel, Html)>,
}

/// The panels beside the figure.
#[component]
pub fn Panels(props: &PanelsProps) -> Html {
    let arrangement = use_state_eq(|| {
        let told = NOW.with_borrow(Clone::clone);
        let kept = told.or_else(storage::arrangement);
        kept.map_or_else(Arrangement::default, |it| Arrangement::read(&it))
    });
    {
        let setter = arrangement.setter();
        use_effect_with((), move |()| {
            let listener = EventListener::new(&document(), SHOWN, move |event| {
                let told = event.dyn_ref::<web_sys::CustomEvent>();
                if let Some(told) = told.and_then(|it| it.detail().as_string()) {
                    setter.set(Arrangement::read(&told));
                }
            });
            move || drop(listener)
        });
    }
    use_effect_with((*arrangement).clone(), |it| {
        NOW.set((*it != Arrangement::default()).then(|| it.written()));
    });
    let is_wide = use_media(WIDE);
    let on_move = {
        let arrangement = arrangement.clone();
        Callback::from(move |(panel, by): (Panel, Move)| {
            if let Some(moved) = arrangement.moved(panel, by, is_wide) {
                storage::keep_arrangement(&moved.written());
                arrangement.set(moved);
            }
        })
    };
    let on_reset = {
        let arrangement = arrangement.clone();
        Callback::from(move |_: MouseEvent| {
            storage::forget_arrangement();
            arrangement.set(Arrangement::default());
        })
    };
    let slots = |side: Option<Side>| {
        let places = arrangement.0.iter();
        let its = places.filter(move |it| side.is_none_or(|side| side == it.side));
        its.filter_map(|it| slot(it, props, &arrangement, is_wide, &on_move))
            .collect::<Html>()
    };
    let is_own = *arrangement != Arrangement::default();
    html! {
        <>
            if is_wide {
                <div class="side side--left">{ slots(Some(Side::Left)) }</div>
                <div class="side side--right">{ slots(Some(Side::Right)) }</div>
            } else {
                <div class="side">{ slots(None) }</div>
            }
            <p class="rearrange" hidden={!is_own}>
                <button class="button button--quiet" id="rearrange" type="button" onclick={on_reset}>{"Put the panels back"}</button>
            </p>
        </>
    }
}

fn slot(
    place: &Place,
    props: &PanelsProps,
    arrangement: &Arrangement,
    is_wide: bool,
    on_move: &Callback<(Panel, Move)>,
) -> Option<Html> {
    let panel = place.panel;
    let (_, content) = props.panels.iter().find(|it| it.0 == panel)?;
    let button = |by: Move, word: String| {
        let on_move = on_move.clone();
        let is_possible = arrangement.moved(panel, by, is_wide).is_some();
        let on_press = Callback::from(move |_: MouseEvent| on_move.emit((panel, by)));
        html! { <button class="button" type="button" disabled={!is_possible} onclick={on_press}>{ word }</button> }
    };
    let across = match place.side {
        Side::Left => "To the right",
        Side::Right => "To the left",
    };
    let fold = if place.is_folded { "Unfold" } else { "Fold" };
    Some(html! {
        <div class="slot" key={panel.id()} data-panel={panel.id()} data-folded={place.is_folded.then_some("")}>
            { content.clone() }
            <details class="arrange">
                <summary class="arrange__handle" aria-label={format!("Arrange {}", panel.words())}>
                    <span aria-hidden="true">{"⠿"}</span>
                </summary>
                <div class="arrange__moves" role="group" aria-label={format!("Arrange {}", panel.words())}>
                    { button(Move::Up, "Up".to_owned()) }
                    { button(Move::Down, "Down".to_owned()) }
                    if is_wide { { button(Move::Across, across.to_owned()) } }
                    { button(Move::Fold, fold.to_owned()) }
                </div>
            </details>
        </div>
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(of: &Arrangement) -> Vec<&'static str> {
        of.0.iter().map(|it| it.panel.id()).collect()
    }

    #[test]
    fn what_is_kept_is_read_and_what_is_broken_does_no_harm() {
        let own = Arrangement::default()
            .moved(Panel::Doctor, Move::Up, false)
            .and_then(|it| it.moved(Panel::Walk, Move::Across, true))
            .and_then(|it| it.moved(Panel::Share, Move::Fold, true))
            .expect("three moves");
        assert_eq!(Arrangement::read(&own.written()), own);
        for broken in ["", "-", "_l", "nonsense_r.walk", "walk_r.walk_l.doctor"] {
            assert_eq!(
                order(&Arrangement::read(broken)).len(),
                ALL.len(),
                "{broken}"
            );
        }
        assert_eq!(order(&Arrangement::read("share")).first(), Some(&"share"));
    }

    #[test]
    fn on_a_wide_screen_a_panel_moves_within_its_side() {
        let plain = Arrangement::default();
        assert!(plain.moved(Panel::Manifest, Move::Up, true).is_none());
        assert!(plain.moved(Panel::Manifest, Move::Up, false).is_some());
        let moved = plain.moved(Panel::Walk, Move::Up, true).expect("up");
        assert_eq!(order(&moved)[..3], ["walk", "manifest", "inspector"]);
        assert!(plain.moved(Panel::Share, Move::Down, true).is_none());
    }
}
