//! What is kept in this browser: the text, where one stood, the theme, whether the guidance was read, how far one has come with
//! the lessons, and the lesson that is on. While one is on, the text that is edited is the lesson's, and is not kept as one's own.
//!
//! Storage may be full, forbidden or broken; then nothing is kept and nothing else changes. A text
//! that stopped the page the last time is not opened again by itself: it is set aside and offered.
//!
//! **Left out**: more than one text, and anything that leaves this browser.

use gloo::utils::window;
use std::cell::Cell;
use web_sys::Storage;

const TEXT: &str = "packetwalk.manifest";
const ASIDE: &str = "packetwalk.manifest.aside";
const SESSION: &str = "packetwalk.session";
const OPENING: &str = "packetwalk.opening";
const THEME: &str = "packetwalk.theme";
const LANGUAGE: &str = "packetwalk.language";
const GUIDED: &str = "packetwalk.guided";
const ARRANGEMENT: &str = "packetwalk.panels";
#[cfg(feature = "everything")]
const PROGRESS: &str = "packetwalk.progress";
#[cfg(feature = "everything")]
const LESSON: &str = "packetwalk.lesson";

thread_local! {
    static IS_LESSON_ON: Cell<bool> = const { Cell::new(false) };
}

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
        #[cfg(feature = "everything")]
        forget(LESSON);
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
    if let Some(text) = read(TEXT).filter(|_| !IS_LESSON_ON.get()) {
        write(ASIDE, &text);
    }
}

/// The page stands: the text that was opened is a good one.
pub fn opened() {
    forget(OPENING);
}

/// Keeps the text.
pub fn keep_text(text: &str) {
    if !IS_LESSON_ON.get() {
        write(TEXT, text);
    }
}

/// Keeps no text, so that the next opening begins with the tutorial's.
pub fn forget_text() {
    if !IS_LESSON_ON.get() {
        forget(TEXT);
    }
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

/// Keeps the language that was chosen.
pub fn keep_language(language: &str) {
    write(LANGUAGE, language);
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

/// Says whether a lesson is on.
#[cfg(feature = "everything")]
pub fn set_lesson_on(is_on: bool) {
    IS_LESSON_ON.set(is_on);
}

/// How far one has come with the lessons.
#[cfg(feature = "everything")]
#[must_use]
pub fn progress() -> Option<String> {
    read(PROGRESS)
}

/// Keeps how far one has come.
#[cfg(feature = "everything")]
pub fn keep_progress(progress: &str) {
    write(PROGRESS, progress);
}

/// The lesson that was on the last time.
#[cfg(feature = "everything")]
#[must_use]
pub fn lesson() -> Option<String> {
    read(LESSON)
}

/// Keeps the lesson that is on.
#[cfg(feature = "everything")]
pub fn keep_lesson(lesson: &str) {
    write(LESSON, lesson);
}

/// Forgets the lesson: none is on.
#[cfg(feature = "everything")]
pub fn forget_lesson() {
    forget(LESSON);
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
