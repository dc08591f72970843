//! What is kept in this browser: the text, where one stood, the theme, and whether the guidance was read.
//!
//! Storage may be full, forbidden or broken; then nothing is kept and nothing else changes. A text
//! that stopped the page the last time is not opened again by itself: it is set aside and offered.
//!
//! **Left out**: more than one text, and anything that leaves this browser.

use gloo::utils::window;
use web_sys::Storage;

const TEXT: &str = "packetwalk.manifest";
const ASIDE: &str = "packetwalk.manifest.aside";
const SESSION: &str = "packetwalk.session";
const OPENING: &str = "packetwalk.opening";
const THEME: &str = "packetwalk.theme";
const GUIDED: &str = "packetwalk.guided";
const ARRANGEMENT: &str = "packetwalk.panels";

/// The text of the last time, if there is one that can be opened.
#[must_use]
pub fn open_text() -> Option<String> {
    let text = read(TEXT);
    if read(OPENING).is_some() {
        // The last opening never ended.
        if let Some(text) = &text {
            write(ASIDE, text);
        }
        forget(TEXT);
        forget(SESSION);
        return None;
    }
    write(OPENING, "1");
    // As a text area gives it back, so that the two never differ.
    text.map(|it| it.replace("\r\n", "\n"))
}

/// Where one stood the last time, as events. To be asked for after [`open_text`], which forgets it where it stopped the page.
#[must_use]
pub fn session() -> Option<String> {
    read(SESSION)
}

/// Keeps where one stands.
pub fn keep_session(events: &str) {
    write(SESSION, events);
}

/// Sets the kept text aside, because another one is opened in its place.
pub fn make_room() {
    if let Some(text) = read(TEXT) {
        write(ASIDE, &text);
    }
}

/// The page stands: the text that was opened is a good one.
pub fn opened() {
    forget(OPENING);
}

/// Keeps the text.
pub fn keep_text(text: &str) {
    write(TEXT, text);
}

/// Keeps no text, so that the next opening begins with the tutorial's.
pub fn forget_text() {
    forget(TEXT);
}

/// A text that was set aside because it stopped the page.
#[must_use]
pub fn text_aside() -> Option<String> {
    read(ASIDE)
}

/// Sets a text aside, to be brought back.
pub fn set_text_aside(text: &str) {
    write(ASIDE, text);
}

/// Forgets the text that was set aside.
pub fn forget_text_aside() {
    forget(ASIDE);
}

/// The theme that was chosen.
#[must_use]
pub fn theme() -> Option<String> {
    read(THEME)
}

/// Keeps the theme, or that none was chosen.
pub fn keep_theme(theme: Option<&str>) {
    match theme {
        Some(theme) => write(THEME, theme),
        None => forget(THEME),
    }
}

/// Whether the guidance was read.
#[must_use]
pub fn is_guided() -> bool {
    read(GUIDED).is_some()
}

/// Remembers that the guidance was read.
pub fn keep_guided() {
    write(GUIDED, "1");
}

/// Where the panels were put.
#[must_use]
pub fn arrangement() -> Option<String> {
    read(ARRANGEMENT)
}

/// Remembers where the panels were put.
pub fn keep_arrangement(text: &str) {
    write(ARRANGEMENT, text);
}

/// Has the panels stand where they stand for everyone.
pub fn forget_arrangement() {
    forget(ARRANGEMENT);
}

fn storage() -> Option<Storage> {
    window().local_storage().ok().flatten()
}

fn read(key: &str) -> Option<String> {
    storage()?.get_item(key).ok().flatten()
}

fn write(key: &str, value: &str) {
    if let Some(storage) = storage() {
        // Refused means: not kept.
        let _ = storage.set_item(key, value);
    }
}

fn forget(key: &str) {
    if let Some(storage) = storage() {
        let _ = storage.remove_item(key);
    }
}
