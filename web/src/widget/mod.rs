//! Widgets: the page's own components in other people's pages, each over a session of its own. `static/scripts/packet-walk.js` holds the
//! element `<packet-walk>` and is at the other end.
//!
//! All widgets of a document share this one module. The script says `packetwalk:engine` at the document with an empty object, and
//! finds four functions in it afterwards: `mount`, `wish`, `send`, `end`. A widget that has ended frees its world.
//!
//! **Left out**: the editor with folding and completion, which the page fetches for itself; keeping how far somebody has come in a lesson.

mod app;
mod face;
mod manifest;
mod telling;
mod wishes;
mod worlds;

use app::{Widget, WidgetProps};
use gloo::events::EventListener;
use gloo::utils::document;
use js_sys::{Function, Reflect};
use packetwalk_core::session::{Event, LessonEvent};
use packetwalk_core::view::Layer;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use wasm_bindgen::closure::{Closure, WasmClosure};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{CustomEvent, Element};
use yew::prelude::*;

const ENGINE: &str = "packetwalk:engine";

/// A widget by its number, which is never given twice.
type Id = u32;

/// A widget that is shown.
struct Shown {
    app: AppHandle<Widget>,
    props: WidgetProps,
}

thread_local! {
    static SHOWN: RefCell<BTreeMap<Id, Shown>> = const { RefCell::new(BTreeMap::new()) };
    static NEXT: RefCell<Id> = const { RefCell::new(1) };
}

/// Offers the engine to the script that asks for it.
pub(crate) fn on_engine() {
    let listener = EventListener::new(&document(), ENGINE, |event| {
        let detail = event.dyn_ref::<CustomEvent>().map(CustomEvent::detail);
        if let Some(engine) = detail.filter(JsValue::is_object) {
            fill(&engine);
        }
    });
    listener.forget();
}

/// Puts the functions in.
fn fill(engine: &JsValue) {
    offer(
        engine,
        "mount",
        Closure::<dyn Fn(Element, JsValue, Function) -> Id>::new(
            |root: Element, wishes: JsValue, tell: Function| mount(root, &wishes, tell),
        ),
    );
    offer(
        engine,
        "wish",
        Closure::<dyn Fn(Id, JsValue)>::new(|id: Id, wishes: JsValue| wish(id, &wishes)),
    );
    offer(
        engine,
        "send",
        Closure::<dyn Fn(Id, String, JsValue) -> bool>::new(
            |id: Id, word: String, what: JsValue| send(id, &word, &what),
        ),
    );
    offer(engine, "end", Closure::<dyn Fn(Id)>::new(end));
}

/// A function for the script, for as long as the module is there.
fn offer<T: WasmClosure + ?Sized>(engine: &JsValue, name: &str, function: Closure<T>) {
    // A plain object takes any property.
    let _ = Reflect::set(engine, &name.into(), &function.into_js_value());
}

/// Draws a widget below an element, which tells what happens by calling a function.
fn mount(root: Element, wishes: &JsValue, tell: Function) -> Id {
    let id = NEXT.with_borrow_mut(|it| {
        *it += 1;
        *it - 1
    });
    let props = WidgetProps {
        id,
        wishes: Rc::new(wishes::read(wishes)),
        root: root.clone(),
        tell,
    };
    let app = yew::Renderer::<Widget>::with_root_and_props(root, props.clone()).render();
    SHOWN.with_borrow_mut(|it| it.insert(id, Shown { app, props }));
    id
}

/// Has a widget look otherwise.
fn wish(id: Id, wishes: &JsValue) {
    SHOWN.with_borrow_mut(|all| {
        if let Some(shown) = all.get_mut(&id) {
            shown.props.wishes = Rc::new(wishes::read(wishes));
            shown.app.update(shown.props.clone());
        }
    });
}

/// Has something happen in a widget's world. False where there is none, or nothing of that name can happen.
fn send(id: Id, word: &str, what: &JsValue) -> bool {
    let leader = SHOWN.with_borrow(|all| all.get(&id).map(|it| it.props.leader()));
    let Some(leader) = leader else { return false };
    let Some(dispatch) = worlds::dispatch_of(leader) else {
        return false;
    };
    match event_of(word, what) {
        Some(event) => {
            dispatch.dispatch(event);
            true
        }
        None => false,
    }
}

/// What a word of the script means. Steps are counted from 1 there, as everywhere people read them.
fn event_of(word: &str, what: &JsValue) -> Option<Event> {
    let text = || what.as_string();
    Some(match word {
        "play" => Event::Play,
        "pause" => Event::Pause,
        "forward" => Event::Forward,
        "back" => Event::Back,
        "undo" => Event::Undo,
        "redo" => Event::Redo,
        "reset" => Event::Reset,
        "settle" => Event::Settled,
        "seek" => Event::Jump(counted_from_one(what)?),
        "way" => Event::WayChosen(counted_from_one(what)?),
        "answer" => Event::Answered(counted_from_one(what)?),
        "ask-first" => Event::PredictSet(what.as_bool()?),
        "layer" => Event::LayerSet(layer(&text()?)),
        "turn" => Event::Lesson(LessonEvent::PageChosen(counted_from_one(what)?)),
        "guess" => Event::Lesson(LessonEvent::Answered(text()?)),
        "edit" => Event::Edited(text()?),
        "run" => Event::LineTyped(text()?),
        "ask" => Event::Asked {
            from: wishes::text(what, "from")?,
            to: wishes::text(what, "to")?,
        },
        _ => return None,
    })
}

fn layer(name: &str) -> Layer {
    if name == "machine" {
        Layer::Machine
    } else {
        Layer::Story
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a cast from a number of JavaScript stays within what there is"
)]
fn counted_from_one(what: &JsValue) -> Option<usize> {
    let number = what.as_f64()?;
    Some((number as usize).saturating_sub(1))
}

/// Takes a widget away, and its world with it.
fn end(id: Id) {
    let shown = SHOWN.with_borrow_mut(|it| it.remove(&id));
    // Outside of the borrow: components that end may still say something.
    if let Some(Shown { app, .. }) = shown {
        app.destroy();
    }
}
