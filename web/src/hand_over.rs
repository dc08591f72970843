//! How the small module that the page starts with hands over to the whole one.
//!
//! Two modules share no memory, so everything goes through the document, as events: `packetwalk:begin` starts a page (with the
//! reel of the first look, or with what the small module handed over), `packetwalk:wanted` asks for the whole,
//! `packetwalk:hand-over` asks the small one for what it has, which it gives in `packetwalk:handed`, and `packetwalk:missing`
//! says that the whole could not be had, and `packetwalk:gone` that it has taken over. `whole.js` is at the other end. The hand-over happens between two events, and never
//! while a packet is moving.
//!
//! **Left out**: handing back.

use gloo::events::EventListener;
use gloo::utils::document;
use std::cell::{Cell, RefCell};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{CustomEvent, CustomEventInit};

const BEGIN: &str = "packetwalk:begin";
const WANTED: &str = "packetwalk:wanted";
const HAND_OVER: &str = "packetwalk:hand-over";
const HANDED: &str = "packetwalk:handed";
const GONE: &str = "packetwalk:gone";
const MISSING: &str = "packetwalk:missing";

thread_local! {
    static RECEIVED: RefCell<Option<String>> = const { RefCell::new(None) };
    static IS_MOVING: Cell<bool> = const { Cell::new(false) };
}

/// Begins when the page says so. What it says then can be had from [`received`].
pub fn on_begin(begin: impl Fn() + 'static) {
    let listener = EventListener::once(&document(), BEGIN, move |event| {
        let detail = event
            .dyn_ref::<CustomEvent>()
            .map_or(JsValue::NULL, CustomEvent::detail);
        RECEIVED.with_borrow_mut(|it| *it = detail.as_string());
        begin();
    });
    listener.forget();
}

/// What the page began with.
#[must_use]
pub fn received() -> Option<String> {
    RECEIVED.with_borrow(Clone::clone)
}

/// What part of the map was in sight in the page before this one, as a `viewBox`.
#[must_use]
pub fn sight() -> Option<String> {
    // None came before a first look, which is spared the reading of numbers.
    if cfg!(feature = "everything") {
        document().document_element()?.get_attribute("data-sight")
    } else {
        None
    }
}

/// Says whether a packet is moving.
pub fn set_moving(is_moving: bool) {
    IS_MOVING.set(is_moving);
}

/// Asks for the whole page, which then presses what was pressed here, by its id; or nothing, with an empty one.
pub fn want(pressed: &str) {
    tell(WANTED, &pressed.into());
}

/// Gives what there is when it is asked for, unless a packet is moving.
pub fn on_hand_over(give: impl Fn() -> Option<String> + 'static) -> EventListener {
    EventListener::new(&document(), HAND_OVER, move |_| {
        if let (false, Some(given)) = (IS_MOVING.get(), give()) {
            tell(HANDED, &given.into());
        }
    })
}

/// Hears that the whole page has taken over, so that nothing of this one listens or moves any more.
pub fn on_gone(end: impl FnOnce() + 'static) {
    EventListener::once(&document(), GONE, move |_| end()).forget();
}

/// Hears that the whole page could not be had.
pub fn on_missing(hear: impl Fn() + 'static) -> EventListener {
    EventListener::new(&document(), MISSING, move |_| hear())
}

/// Tells whoever listens at the document.
pub fn tell(name: &str, detail: &JsValue) {
    let init = CustomEventInit::new();
    init.set_detail(detail);
    if let Ok(event) = CustomEvent::new_with_event_init_dict(name, &init) {
        // False would mean that somebody prevented something, and there is nothing to prevent.
        let _ = document().dispatch_event(&event);
    }
}
