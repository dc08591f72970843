//! What the line of the manifest decides that the caret stands in, or the mouse points at: the hops and their rules. They light up
//! in the list of the walk and on the timeline as well.
//!
//! **Left out**: the line a finger points at; it sets the caret.

use crate::session::{Part, use_session};
use gloo::events::EventListener;
use gloo::utils::document;
use packetwalk_core::session::Event;
use packetwalk_core::view::{LineUse, WalkView, line_uses};
use wasm_bindgen::JsCast;
use web_sys::{CustomEvent, Element, HtmlTextAreaElement, MouseEvent};
use yew::prelude::*;

/// Whose walk.
#[derive(PartialEq, Properties)]
pub struct LineUsesProps {
    /// The walk.
    pub walk: Part<WalkView>,
}

/// What a line decides.
#[component]
pub fn LineUses(props: &LineUsesProps) -> Html {
    let dispatch = use_session();
    let line = use_state_eq(|| None::<u32>);
    {
        let line = line.setter();
        use_effect_with((), move |()| {
            // The section stays when an editor takes the text area's place.
            let section = document().get_element_by_id("manifest");
            let listen = |name: &'static str, look: fn(&web_sys::Event) -> Option<Option<u32>>| {
                let (line, section) = (line.clone(), section.clone()?);
                Some(EventListener::new(&section, name, move |event| {
                    if let Some(found) = look(event) {
                        line.set(found);
                    }
                }))
            };
            let listeners = [
                listen("keyup", |_| caret_line().map(Some)),
                listen("click", |_| caret_line().map(Some)),
                listen("mousemove", |event| pointed_line(event).map(Some)),
                listen("mouseleave", |_| caret_line().map(Some)),
                listen("line", told_line),
            ];
            move || drop(listeners)
        });
    }
    let uses = line.map_or_else(Vec::new, |it| line_uses(&props.walk, it));
    use_effect_with(uses.clone(), |uses| light(uses));
    let told = match (*line, uses.len()) {
        (None, _) => {
            "Point at a line, or put the caret there: the hops it decides stand here.".to_owned()
        }
        (Some(line), 0) => format!("Line {line} decides no hop of this walk."),
        (Some(line), 1) => format!("Line {line} decides one hop:"),
        (Some(line), n) => format!("Line {line} decides {n} hops:"),
    };
    html! {
        <div class="line-uses" id="line-uses" role="region" aria-label="What a line decides" tabindex="0">
            <p class="line-uses__told">{ told }</p>
            <ul>
                { for uses.into_iter().map(|it| {
                    let (dispatch, hop) = (dispatch.clone(), it.hop);
                    let on_jump = Callback::from(move |_: MouseEvent| dispatch.dispatch(Event::Jump(hop)));
                    html! {
                        <li key={hop}>
                            <button class="finding__line" type="button" onclick={on_jump}>{ format!("{}, {}", hop + 1, it.place) }</button>
                            { for it.rules.into_iter().map(|(rule, sentence)| html! {
                                <p class="line-uses__rule"><code>{ rule }</code>{" "}{ sentence.unwrap_or_default() }</p>
                            }) }
                        </li>
                    }
                }) }
            </ul>
        </div>
    }
}

fn text_area() -> Option<HtmlTextAreaElement> {
    let found = document().get_element_by_id("yaml")?;
    found.dyn_into().ok()
}

/// The line of the text area that the caret stands in.
fn caret_line() -> Option<u32> {
    let area = text_area()?;
    let at = area.selection_start().ok()??;
    // Positions count UTF-16, and a line break is one of them.
    let text = area.value();
    let before = text.encode_utf16().take(at as usize);
    let n_breaks = before.filter(|it| *it == u16::from(b'\n')).count();
    u32::try_from(n_breaks + 1).ok()
}

/// The line that the editor says is pointed at; it tells of the caret's too.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a small number"
)]
fn told_line(event: &web_sys::Event) -> Option<Option<u32>> {
    let detail = event.dyn_ref::<CustomEvent>()?.detail();
    Some(detail.as_f64().map(|it| it as u32))
}

/// The line of the text area that the mouse points at.
fn pointed_line(event: &web_sys::Event) -> Option<u32> {
    let y = f64::from(event.dyn_ref::<MouseEvent>()?.client_y());
    let page = document().query_selector(".editor__page").ok()??;
    let (first, n) = (page.first_element_child()?, page.child_element_count());
    let rect = first.get_bounding_client_rect();
    let idx = ((y - rect.top()) / rect.height()).floor();
    let is_line = idx >= 0.0 && idx < f64::from(n);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a small number that was looked at"
    )]
    is_line.then_some(idx as u32 + 1)
}

/// Lights the hops up where they are listed. These attributes belong to nobody else.
fn light(uses: &[LineUse]) {
    let each = |selector: &str, with: &dyn Fn(&Element, usize)| {
        let Ok(found) = document().query_selector_all(selector) else {
            return;
        };
        for idx in 0..found.length() {
            if let Some(it) = found.get(idx).and_then(|it| it.dyn_into::<Element>().ok()) {
                with(&it, idx as usize);
            }
        }
    };
    for selector in ["#walk-list > .walk__hop", ".timeline__tick"] {
        each(selector, &|it, idx| {
            let is_lit = uses.iter().any(|it| it.hop == idx);
            // An attribute of an element that is there can be set.
            let _ = it.toggle_attribute_with_force("data-decided", is_lit);
        });
    }
}
