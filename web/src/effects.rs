//! Everything the page does besides drawing: timers, keeping the text, opening and saving files, moving the caret and the
//! page, and telling what went wrong.

use crate::ground::Ground;
use crate::hand_over;
use crate::hooks::media::{REDUCED_MOTION, holds_now};
use crate::session::{Dispatch, State};
use crate::storage;
use gloo::timers::callback::Timeout;
use gloo::utils::{document, window};
use js_sys::{Array, Uint8Array};
#[cfg(feature = "everything")]
use packetwalk_core::session::read_link;
use packetwalk_core::session::{Effect, Event};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    Blob, BlobPropertyBag, Element, File, FileList, HtmlAnchorElement, HtmlElement,
    HtmlTextAreaElement, ScrollBehavior, ScrollIntoViewOptions, ScrollLogicalPosition,
    ScrollToOptions, Url,
};
use yew::prelude::*;

/// So long after the last change, where one stands is kept.
const KEEP_AFTER_MS: u32 = 400;

/// So long after a file was handed to the browser, it has read it.
const SAVED_AFTER_MS: u32 = 60_000;

/// What part of the screen, from above, a packet should be in: the desk covers what is below.
const IN_SIGHT: std::ops::Range<f64> = 0.12..0.55;

/// Where a packet is put that was out of sight.
const INTO_SIGHT: f64 = 0.3;

/// Does what the session asks for, once each.
#[hook]
pub fn use_effects(state: &UseReducerHandle<State>) {
    use_timers(state);
    use_effect_with((), |()| storage::opened());
}

/// Wakes the session when it asks to be woken.
#[hook]
pub fn use_timers(state: &UseReducerHandle<State>) {
    // The one timer that matters: a later one replaces it, and it ends with the page.
    let waiting = use_mut_ref(|| None::<Timeout>);
    let dispatch = state.dispatcher();
    let (n_orders, effects) = state.orders();
    let effects = effects.to_vec();
    use_effect_with(n_orders, move |_| {
        for effect in effects {
            *waiting.borrow_mut() = Some(carry_out(effect, dispatch.clone()));
        }
    });
}

/// Lets the line that runs in the terminal go on, after each rest.
#[hook]
pub fn use_line(dispatch: &Dispatch, rests: Option<(u32, u64)>) {
    let dispatch = dispatch.clone();
    use_effect_with(rests, move |rests| {
        let timer =
            rests.map(|(ms, _)| Timeout::new(ms, move || dispatch.dispatch(Event::LineGoesOn)));
        move || drop(timer)
    });
}

/// Gives what this module has to the whole page, when that is there to take over.
#[hook]
pub fn use_hand_over(state: &UseReducerHandle<State>) {
    let state = state.clone();
    use_effect(move || {
        let listener = hand_over::on_hand_over(move || state.handed_over());
        move || drop(listener)
    });
}

/// Keeps where one stands, when there is time.
#[hook]
pub fn use_keeping(state: &UseReducerHandle<State>) {
    let waiting = use_mut_ref(|| None::<Timeout>);
    let state = state.clone();
    use_effect(move || {
        *waiting.borrow_mut() = Some(Timeout::new(KEEP_AFTER_MS, move || {
            if let Some(events) = state.way_here() {
                storage::keep_session(&events);
            }
            #[cfg(feature = "everything")]
            match state.lesson_left() {
                Some(it) => storage::keep_lesson(&it),
                None => storage::forget_lesson(),
            }
        }));
    });
}

/// What a link's address holds after the `#`. It is taken away, so that the page can be loaded again as it is then.
#[must_use]
pub fn link_of_the_address() -> Option<String> {
    let hash = window().location().hash().ok()?;
    let link = hash.strip_prefix("#w").map(|it| format!("w{it}"))?;
    forget_the_address();
    Some(link)
}

/// Takes away what the address holds after the `#`.
pub fn forget_the_address() {
    if let Ok(history) = window().history() {
        // Refused means: the address keeps it.
        let _ = history.replace_state_with_url(&JsValue::NULL, "", Some("./"));
    }
}

/// A text of this page, fetched.
#[cfg(feature = "everything")]
pub async fn fetched(address: &str) -> Option<String> {
    let answer = JsFuture::from(window().fetch_with_str(address))
        .await
        .ok()?;
    let answer: web_sys::Response = answer.dyn_into().ok()?;
    if !answer.ok() {
        return None;
    }
    let text = JsFuture::from(answer.text().ok()?).await.ok()?;
    text.as_string()
}

/// The text of a file; none if it cannot be read.
#[cfg(feature = "everything")]
pub async fn read(file: &File) -> Option<String> {
    let text = JsFuture::from(file.text()).await.ok()?;
    text.as_string()
}

/// A number nobody knows beforehand, short enough to be said aloud.
#[cfg(feature = "everything")]
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "between nothing and ten thousand"
)]
pub fn drawn_seed() -> u64 {
    (js_sys::Math::random() * 10_000.0) as u64
}

/// The address at which a link opens.
#[must_use]
pub fn address_of(link: &str) -> String {
    let here = window().location().href().unwrap_or_default();
    let page = here.split('#').next().unwrap_or_default();
    format!("{page}#{link}")
}

/// Copies a text. False where the browser does not let us.
pub async fn copy(text: &str) -> bool {
    if !window().is_secure_context() {
        return false;
    }
    let written = window().navigator().clipboard().write_text(text);
    JsFuture::from(written).await.is_ok()
}

/// Has the browser save a file.
pub fn save(name: &str, media_type: &str, bytes: &[u8]) {
    // What goes wrong here, the browser tells by not saving.
    let _ = try_save(name, media_type, bytes);
}

fn try_save(name: &str, media_type: &str, bytes: &[u8]) -> Result<(), JsValue> {
    let properties = BlobPropertyBag::new();
    properties.set_type(media_type);
    let parts = Array::of1(&Uint8Array::from(bytes));
    let blob = Blob::new_with_u8_array_sequence_and_options(&parts, &properties)?;
    let address = Url::create_object_url_with_blob(&blob)?;
    let anchor = document()
        .create_element("a")?
        .unchecked_into::<HtmlAnchorElement>();
    anchor.set_href(&address);
    anchor.set_download(name);
    anchor.click();
    // The browser has begun to read by then.
    Timeout::new(SAVED_AFTER_MS, move || {
        let _ = Url::revoke_object_url(&address);
    })
    .forget();
    Ok(())
}

/// Opens files: one that was saved here, or manifests. What there is to say about it.
pub async fn open_files(dispatch: &Dispatch, files: Option<FileList>) -> String {
    let files = files.map_or_else(Vec::new, |files| {
        (0..files.length()).filter_map(|it| files.get(it)).collect()
    });
    let mut texts: Vec<String> = Vec::new();
    for file in &files {
        match JsFuture::from(file.text()).await.map(|it| it.as_string()) {
            Ok(Some(text)) => texts.push(text.replace("\r\n", "\n")),
            _ => return format!("{} cannot be read.", file.name()),
        }
    }
    match texts.as_slice() {
        [] => return String::new(),
        [one] if one.starts_with("w1.") => {
            if let Err(error) = open_saved(dispatch, one) {
                return error;
            }
        }
        _ => {
            storage::make_room();
            take_in(dispatch, texts.join("\n---\n"));
        }
    }
    let names: Vec<String> = files.iter().map(File::name).collect();
    format!("Opened {}.", names.join(", "))
}

/// Opens what was saved here.
#[cfg(feature = "everything")]
fn open_saved(dispatch: &Dispatch, link: &str) -> Result<(), String> {
    let link = crate::components::panels::out_of_link(link);
    let events = read_link(link).map_err(|it| format!("{it}."))?;
    storage::make_room();
    for event in events {
        match event {
            Event::Edited(text) => take_in(dispatch, text),
            other => dispatch.dispatch(other),
        }
    }
    Ok(())
}

/// A first look cannot read what was saved here: it goes to that address, where the whole page opens.
#[cfg(not(feature = "everything"))]
fn open_saved(_: &Dispatch, link: &str) -> Result<(), String> {
    let gone = window().location().set_hash(link.trim());
    gone.map_err(|_| "The file cannot be opened.".to_owned())
}

fn carry_out(effect: Effect, dispatch: Dispatch) -> Timeout {
    let Effect::Wake { after_ms, timer } = effect;
    Timeout::new(after_ms, move || dispatch.dispatch(Event::Elapsed(timer)))
}

/// Takes a changed text in. It is kept before anything else happens to it.
pub fn edit(dispatch: &Dispatch, text: String) {
    storage::keep_text(&text);
    dispatch.dispatch(Event::Edited(text));
}

/// Takes in a text that a person brought, in the place of the one before.
pub fn take_in(dispatch: &Dispatch, text: String) {
    storage::keep_text(&text);
    dispatch.dispatch(Event::Opened(text));
}

/// Opens a text of ours: nothing of it is kept until it is changed.
pub fn open(dispatch: &Dispatch, text: &str) {
    storage::forget_text();
    dispatch.dispatch(Event::Opened(text.to_owned()));
}

/// Puts the focus on an element, if it is there.
pub fn focus(id: &str) {
    focus_on(&Ground::default(), id);
}

/// Puts the focus on an element of this ground, if it is there.
pub fn focus_on(ground: &Ground, id: &str) {
    let found = ground.find(id);
    if let Some(it) = found.and_then(|it| it.dyn_into::<HtmlElement>().ok()) {
        // It can be refused, and then it stays where it is.
        let _ = it.focus();
    }
}

/// Puts the focus on an element, with the beginning of a larger one in sight.
#[cfg(feature = "everything")]
pub fn focus_below(id: &str, around: &str) {
    let found = |id: &str| document().get_element_by_id(id);
    if let Some(it) = found(id).and_then(|it| it.dyn_into::<HtmlElement>().ok()) {
        let options = web_sys::FocusOptions::new();
        options.set_prevent_scroll(true);
        // It can be refused, and then it stays where it is.
        let _ = it.focus_with_options(&options);
    }
    if let Some(it) = found(around) {
        it.scroll_into_view();
    }
}

/// Moves the caret to a line and column of the manifest, both counted from 1.
pub fn go_to_line(ground: &Ground, line: u32, column: u32) {
    let Some(text) = ground.find("yaml") else {
        return;
    };
    let Ok(area) = text.clone().dyn_into::<HtmlTextAreaElement>() else {
        #[cfg(feature = "everything")]
        crate::components::rich_editor::call(&text, "goTo", &[line.into(), column.into()]);
        text.scroll_into_view_with_scroll_into_view_options(&into_view());
        return;
    };
    let at = caret(&area.value(), line, column);
    let _ = area.focus();
    let _ = area.set_selection_range(at, at);
    let selector = format!("#editor [data-line=\"{line}\"]");
    if let Some(line) = ground.first(&selector) {
        line.scroll_into_view_with_scroll_into_view_options(&into_view());
    }
}

fn into_view() -> ScrollIntoViewOptions {
    let options = ScrollIntoViewOptions::new();
    options.set_block(ScrollLogicalPosition::Center);
    options.set_behavior(behavior());
    options
}

/// Where a line and column are in a text, in the units the browser counts: UTF-16.
fn caret(text: &str, line: u32, column: u32) -> u32 {
    let lines_before = usize::try_from(line.saturating_sub(1)).unwrap_or(usize::MAX);
    let columns_before = usize::try_from(column.saturating_sub(1)).unwrap_or(usize::MAX);
    let mut lines = text.split('\n');
    let before: usize = lines
        .by_ref()
        .take(lines_before)
        .map(|it| it.encode_utf16().count() + 1)
        .sum();
    let within: usize = lines.next().map_or(0, |it| {
        it.chars().take(columns_before).map(char::len_utf16).sum()
    });
    u32::try_from(before + within).unwrap_or(u32::MAX)
}

/// Scrolls the page until a place on a picture is in sight; the place is a share of its height.
pub fn keep_in_sight(picture: &Element, share: f64) {
    let Some(height) = window().inner_height().ok().and_then(|it| it.as_f64()) else {
        return;
    };
    let rect = picture.get_bounding_client_rect();
    let y = rect.top() + rect.height() * share;
    if IN_SIGHT.contains(&(y / height)) {
        return;
    }
    let options = ScrollToOptions::new();
    options.set_top(y - height * INTO_SIGHT);
    options.set_behavior(behavior());
    window().scroll_by_with_scroll_to_options(&options);
}

fn behavior() -> ScrollBehavior {
    if holds_now(REDUCED_MOTION) {
        ScrollBehavior::Instant
    } else {
        ScrollBehavior::Smooth
    }
}

/// Leaves what a panic says where `first.js` finds it, which then shows a message and the text.
pub fn report_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let message = panic.to_string();
        web_sys::console::error_1(&message.as_str().into());
        if let Some(body) = gloo::utils::document().body() {
            let _ = body.set_attribute("data-panic", &message);
        }
    }));
}

#[cfg(test)]
mod tests {
    use super::caret;

    #[test]
    fn a_caret_counts_as_browsers_do() {
        assert_eq!(caret("ab\ncd", 1, 1), 0);
        assert_eq!(caret("ab\ncd", 2, 2), 4);
        assert_eq!(caret("\u{1F4E6}b\ncd", 1, 2), 2);
        assert_eq!(caret("ab", 9, 9), 3);
        assert_eq!(caret("", 0, 0), 0);
    }
}
