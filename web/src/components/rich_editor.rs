//! The manifest in CodeMirror: `web/editor/editor.js`, which the page fetches while it is at rest and which then takes the place of the
//! plain text area, when nobody types there.
//!
//! The element can be used like the text area: it has the same `id`, `value`, selection and events. What it asks about a line, the core
//! answers.
//!
//! **Left out**: going back to the text area.

use crate::session::Part;
use gloo::events::EventListener;
use gloo::timers::callback::Timeout;
use gloo::utils::{document, window};
use js_sys::{Array, Function, JsString, Reflect};
use packetwalk_core::view::{EditorView, said, suggestions};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Element, HtmlScriptElement};
use yew::prelude::*;

/// The element's name, by which the browser knows whether its script has come.
const ELEMENT: &str = "yaml-editor";
const SCRIPT: &str = "./editor.js";

/// So long the page is left in peace before the editor is fetched.
const FETCH_AFTER_MS: u32 = 1_200;

/// What is edited.
#[derive(PartialEq, Properties)]
pub struct RichEditorProps {
    /// The text and what is said about it.
    pub editor: Part<EditorView>,
    /// The text was changed.
    pub on_edit: Callback<String>,
}

/// What the element asks. It is asked for as long as the element is there.
struct Questions {
    _complete: Closure<dyn Fn(u32, u32, bool) -> JsValue>,
    _describe: Closure<dyn Fn(u32, u32) -> JsValue>,
}

/// Whether the editor is there and may take the place of the text area.
#[hook]
pub fn use_rich_editor() -> bool {
    let is_there = use_state_eq(is_defined);
    let setter = is_there.setter();
    use_effect_with(*is_there, move |is_there| {
        let waiting = (!is_there).then(|| wait(&setter));
        move || drop(waiting)
    });
    *is_there
}

/// Fetches the editor after a while, and lets it in when it has come and nobody types where it is to be.
fn wait(setter: &UseStateSetter<bool>) -> (EventListener, Timeout) {
    let let_in = {
        let setter = setter.clone();
        move || {
            if is_defined() && !is_typed_in() {
                setter.set(true);
            }
        }
    };
    let at_once = let_in.clone();
    // Whoever typed has gone elsewhere.
    let left = EventListener::new(&document(), "focusout", move |_| let_in());
    let timer = Timeout::new(FETCH_AFTER_MS, move || {
        if let Some(script) = fetched() {
            EventListener::once(&script, "load", move |_| at_once()).forget();
        }
    });
    (left, timer)
}

/// The script, which the browser is asked to load unless it was asked before. A page without it keeps its text area, and says
/// nothing.
fn fetched() -> Option<Element> {
    let document = document();
    let asked = document.query_selector(&format!("script[src=\"{SCRIPT}\"]"));
    if let Ok(Some(script)) = asked {
        return Some(script);
    }
    let script: HtmlScriptElement = document.create_element("script").ok()?.dyn_into().ok()?;
    script.set_type("module");
    script.set_src(SCRIPT);
    document.head()?.append_child(&script).ok()?;
    Some(script.into())
}

fn is_defined() -> bool {
    let found = window().custom_elements().get(ELEMENT);
    !found.is_undefined()
}

/// Whether somebody is typing where the editor is to be.
fn is_typed_in() -> bool {
    let active = document().active_element();
    active.is_some_and(|it| it.id() == "yaml")
}

/// The manifest.
#[component]
pub fn RichEditor(props: &RichEditorProps) -> Html {
    let node = use_node_ref();
    let newest = use_mut_ref(|| props.on_edit.clone());
    newest.replace(props.on_edit.clone());
    {
        let node = node.clone();
        use_effect_with((), move |()| {
            let element = node.cast::<Element>();
            let kept = element.map(|it| {
                let questions = answer(&it);
                let typed = it.clone();
                let listener = EventListener::new(&it, "input", move |_| {
                    newest.borrow().emit(value(&typed));
                });
                (questions, listener)
            });
            move || drop(kept)
        });
    }
    {
        let node = node.clone();
        let shown = (props.editor.file, props.editor.text.clone());
        use_effect_with(shown, move |(file, text)| {
            if let Some(it) = node.cast::<Element>() {
                set(&it, "file", &JsString::from(file.to_string()));
                // What is typed comes back from the session, and is there already.
                set(&it, "value", &JsString::from(text.as_str()));
            }
        });
    }
    let marks = (props.editor.lit.clone(), props.editor.complaints.clone());
    {
        let node = node.clone();
        use_effect_with(marks, move |(lit, complaints)| {
            let Some(it) = node.cast::<Element>() else {
                return;
            };
            let lines: Array = lit.iter().map(|it| JsValue::from(it.line)).collect();
            let mistakes: Array = complaints
                .iter()
                .map(|it| {
                    let hint = it.hint.as_deref().map(|it| format!("\n{it}"));
                    let message = format!("{}{}", it.message, hint.unwrap_or_default());
                    let (line, column) = (it.line.into(), it.column.into());
                    Array::of4(&line, &column, &message.into(), &it.is_error.into())
                })
                .collect();
            call(&it, "mark", &[lines.into(), mistakes.into()]);
        });
    }
    html! {
        <>
            <@{ELEMENT} id="yaml" class="editor editor--rich" ref={node} labelled="manifest-head editor-help" />
            <pre class="editor__print" aria-hidden="true">{ props.editor.text.clone() }</pre>
        </>
    }
}

/// Has the element ask the core.
fn answer(element: &Element) -> Questions {
    let asked = element.clone();
    let complete: Closure<dyn Fn(u32, u32, bool) -> JsValue> =
        Closure::new(move |line, column, is_wanted| {
            completion(&value(&asked), line, column, is_wanted).unwrap_or(JsValue::NULL)
        });
    let asked = element.clone();
    let describe: Closure<dyn Fn(u32, u32) -> JsValue> = Closure::new(move |line, column| {
        description(&value(&asked), line, column).unwrap_or(JsValue::NULL)
    });
    set(element, "complete", complete.as_ref());
    set(element, "describe", describe.as_ref());
    Questions {
        _complete: complete,
        _describe: describe,
    }
}

/// What may stand at a place, as `editor.js` wants it. Unasked, nothing is offered before a letter was typed.
fn completion(text: &str, line: u32, column: u32, is_wanted: bool) -> Option<JsValue> {
    let found = suggestions(text, line, chars_before(text, line, column)?)?;
    let from = units_before(text, line, found.from)?;
    let is_value = found.choices.iter().all(|it| it.is_value);
    if from == column && !is_wanted && !is_value {
        return None;
    }
    let choices: Array = found
        .choices
        .into_iter()
        .map(|it| {
            let kind = if it.is_value { "value" } else { "choice" };
            let parts = [it.label, it.text, it.detail, it.said, kind.to_owned()];
            JsValue::from(parts.into_iter().map(JsValue::from).collect::<Array>())
        })
        .collect();
    Some(Array::of2(&from.into(), &choices).into())
}

/// What the API says of what stands at a place.
fn description(text: &str, line: u32, column: u32) -> Option<JsValue> {
    let found = said(text, line, chars_before(text, line, column)?)?;
    let from = units_before(text, line, found.columns.start)?;
    let to = units_before(text, line, found.columns.end)?;
    Some(
        Array::of4(
            &from.into(),
            &to.into(),
            &found.title.into(),
            &found.text.into(),
        )
        .into(),
    )
}

/// The characters before a column that is counted in UTF-16.
fn chars_before(text: &str, line: u32, column: u32) -> Option<usize> {
    let mut left = usize::try_from(column).ok()?;
    let its = text
        .split('\n')
        .nth(usize::try_from(line).ok()?.checked_sub(1)?)?;
    let before = its.chars().take_while(|it| {
        let is_before = left > 0;
        left = left.saturating_sub(it.len_utf16());
        is_before
    });
    Some(before.count())
}

/// The units of UTF-16 before a column that is counted in characters.
fn units_before(text: &str, line: u32, column: usize) -> Option<u32> {
    let its = text
        .split('\n')
        .nth(usize::try_from(line).ok()?.checked_sub(1)?)?;
    let units: usize = its.chars().take(column).map(char::len_utf16).sum();
    u32::try_from(units).ok()
}

fn value(element: &Element) -> String {
    let value = Reflect::get(element, &"value".into()).ok();
    value.and_then(|it| it.as_string()).unwrap_or_default()
}

// The properties and methods are those of our own element, so nothing below is refused.

fn set(element: &Element, name: &str, value: &JsValue) {
    let _ = Reflect::set(element, &name.into(), value);
}

/// Calls a method of the element.
pub fn call(element: &Element, name: &str, arguments: &[JsValue]) {
    let method = Reflect::get(element, &name.into()).ok();
    if let Some(method) = method.and_then(|it| it.dyn_into::<Function>().ok()) {
        let arguments: Array = arguments.iter().collect();
        let _ = method.apply(element, &arguments);
    }
}

#[cfg(test)]
mod tests {
    use super::{chars_before, units_before};

    #[test]
    fn columns_count_as_each_side_does() {
        let text = "a\n\u{1F4E6}bc";
        assert_eq!(chars_before(text, 2, 3), Some(2));
        assert_eq!(units_before(text, 2, 2), Some(3));
        assert_eq!(chars_before(text, 0, 0), None);
        assert_eq!(chars_before(text, 3, 0), None);
    }
}
