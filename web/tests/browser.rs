//! The page in a real browser: mounted, stepped with buttons and keys, edited, played.
//!
//! Each test mounts the whole page into an element of its own and takes it away again, since the
//! page listens for keys everywhere.
//!
//! **Left out**: how it looks, and the built site with its policy: the end-to-end tests see to that.

#![cfg(target_arch = "wasm32")]

use gloo::timers::future::TimeoutFuture;
use gloo::utils::{document, window};
use packetwalk_web::app::App;
use wasm_bindgen::JsCast;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};
use web_sys::{
    Element, Event, EventInit, HtmlElement, HtmlInputElement, HtmlTextAreaElement, KeyboardEvent,
    KeyboardEventInit,
};
use yew::AppHandle;

wasm_bindgen_test_configure!(run_in_browser);

/// The page, mounted for one test.
struct Page {
    root: Element,
    app: Option<AppHandle<App>>,
}

impl Page {
    /// Opens the page as a first visitor sees it.
    async fn open() -> Page {
        if let Ok(Some(storage)) = window().local_storage() {
            let _ = storage.clear();
        }
        Page::open_again().await
    }

    /// Opens the page with what this browser has kept.
    async fn open_again() -> Page {
        let root = document().create_element("div").expect("an element");
        let body = document().body().expect("a body");
        body.append_child(&root).expect("room for it");
        let _ = body.remove_attribute("data-ready");
        let app = yew::Renderer::<App>::with_root(root.clone()).render();
        let page = Page {
            root,
            app: Some(app),
        };
        until("the page is ready", || body.has_attribute("data-ready")).await;
        page
    }

    fn find(&self, selector: &str) -> Element {
        self.root
            .query_selector(selector)
            .expect("a good selector")
            .unwrap_or_else(|| panic!("nothing on the page is {selector}"))
    }

    fn text(&self, selector: &str) -> String {
        self.find(selector).text_content().unwrap_or_default()
    }

    fn count(&self, selector: &str) -> u32 {
        self.root
            .query_selector_all(selector)
            .expect("a good selector")
            .length()
    }

    /// What a screen reader is told: the sentence of the hop that is shown.
    fn said(&self) -> String {
        self.text("#say")
    }

    async fn press(&self, selector: &str) {
        self.find(selector)
            .dyn_into::<HtmlElement>()
            .expect("a button")
            .click();
        settle().await;
    }

    async fn key(&self, on: &Element, key: &str) {
        let init = KeyboardEventInit::new();
        init.set_key(key);
        init.set_bubbles(true);
        init.set_cancelable(true);
        let event = KeyboardEvent::new_with_keyboard_event_init_dict("keydown", &init);
        on.dispatch_event(&event.expect("an event"))
            .expect("somebody to tell");
        settle().await;
    }

    fn body(&self) -> Element {
        document().body().expect("a body").into()
    }

    fn manifest(&self) -> String {
        self.editor().value()
    }

    fn editor(&self) -> HtmlTextAreaElement {
        self.find("#yaml").dyn_into().expect("a text area")
    }

    /// Replaces some text of the manifest, as typing does.
    async fn edit(&self, from: &str, to: &str) {
        let area = self.editor();
        let text = area.value();
        assert!(text.contains(from), "the manifest has no {from}");
        area.set_value(&text.replacen(from, to, 1));
        input(&area).await;
    }

    async fn jump(&self, hop: usize) {
        self.press(&format!("#walk-list [data-hop=\"{hop}\"] button"))
            .await;
    }

    fn current(&self) -> String {
        self.find("#walk-list [aria-current=step]")
            .get_attribute("data-hop")
            .expect("a number")
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        if let Some(app) = self.app.take() {
            app.destroy();
        }
        self.root.remove();
    }
}

async fn input(on: &Element) {
    let init = EventInit::new();
    init.set_bubbles(true);
    let event = Event::new_with_event_init_dict("input", &init).expect("an event");
    on.dispatch_event(&event).expect("somebody to tell");
    settle().await;
}

/// Lets the page draw, which it may do in several goes.
async fn settle() {
    TimeoutFuture::new(80).await;
}

/// Waits until something holds, for at most ten seconds.
async fn until(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..200 {
        if holds() {
            return;
        }
        TimeoutFuture::new(50).await;
    }
    panic!("not within ten seconds: {what}");
}

const TYPED_SELECTOR: &str = "  selector:\n    app: api";

#[wasm_bindgen_test]
async fn the_first_hop_is_there_at_once_and_nothing_moves_by_itself() {
    let page = Page::open().await;
    assert!(page.said().contains("asks cluster DNS"), "{}", page.said());
    assert_eq!(page.current(), "0");
    assert!(page.count("#walk-list [data-hop]") >= 10);
    TimeoutFuture::new(1500).await;
    assert_eq!(page.current(), "0");
    assert!(page.body().has_attribute("data-ready"));
}

#[wasm_bindgen_test]
async fn buttons_step_forward_and_back_and_stay_within_the_walk() {
    let page = Page::open().await;
    page.press("#back").await;
    assert_eq!(page.current(), "0");
    page.press("#forward").await;
    page.press("#forward").await;
    assert_eq!(page.current(), "2");
    page.press("#back").await;
    assert_eq!(page.current(), "1");
    page.press("#end").await;
    assert!(
        page.said().contains("the address it asked"),
        "{}",
        page.said()
    );
    page.press("#forward").await;
    assert!(
        page.said().contains("the address it asked"),
        "{}",
        page.said()
    );
    page.press("#start").await;
    assert_eq!(page.current(), "0");
    page.press("#decision").await;
    assert_ne!(page.current(), "0");
}

#[wasm_bindgen_test]
async fn keys_steer_from_the_page_and_the_figure_but_never_while_typing() {
    let page = Page::open().await;
    page.key(&page.body(), "ArrowRight").await;
    page.key(&page.find("#stage"), "ArrowRight").await;
    assert_eq!(page.current(), "2");
    page.key(&page.body(), "ArrowLeft").await;
    assert_eq!(page.current(), "1");
    for typed_in in ["#yaml", "#to", "#from"] {
        page.key(&page.find(typed_in), "ArrowRight").await;
        page.key(&page.find(typed_in), " ").await;
        page.key(&page.find(typed_in), "n").await;
    }
    page.key(&page.find("#inspector"), "ArrowRight").await;
    assert_eq!(page.current(), "1");
    page.key(&page.body(), "End").await;
    assert_eq!(
        page.said(),
        page.text("#walk-list li:last-child .walk__sentence")
    );
    page.key(&page.body(), "Home").await;
    assert_eq!(page.current(), "0");
    page.key(&page.body(), "+").await;
    assert_eq!(page.text(".speed__value"), "2×");
}

#[wasm_bindgen_test]
async fn the_list_and_the_slider_jump_and_all_panels_follow() {
    let page = Page::open().await;
    page.jump(3).await;
    assert_eq!(page.current(), "3");
    assert!(
        page.said().contains("rewrite the destination"),
        "{}",
        page.said()
    );
    let inspector = page.text("#inspector");
    for shown in [
        "10.96.0.10",
        "8080",
        "nat-prerouting",
        "service-ips",
        "SYN_SENT",
    ] {
        assert!(inspector.contains(shown), "the inspector lacks {shown}");
    }
    assert!(page.count("#editor .editor__line[data-lit]") > 0);
    let slider: HtmlInputElement = page.find("#scrub").dyn_into().expect("a slider");
    slider.set_value("0");
    input(&slider).await;
    assert_eq!(page.current(), "0");
}

#[wasm_bindgen_test]
async fn every_hop_of_the_walk_can_be_shown_and_is_said() {
    let page = Page::open().await;
    let n_hops = page.count("#walk-list [data-hop]");
    for hop in 0..n_hops as usize {
        page.jump(hop).await;
        let listed = page.text(&format!("#walk-list [data-hop=\"{hop}\"] .walk__sentence"));
        assert_eq!(page.said(), listed);
        assert!(page.text("#inspector").contains(&listed));
    }
}

#[wasm_bindgen_test]
async fn another_outcome_is_another_way() {
    let page = Page::open().await;
    assert_eq!(page.count("#outcomes [data-way]"), 2);
    assert!(page.text("#outcomes").contains("1 in 2"));
    page.press("#outcomes [data-way=\"1\"]").await;
    assert!(page.text("#walk-list").contains("api-2"));
    assert!(!page.text("#walk-list").contains("api-1"));
    let pressed = page.find("#outcomes [data-way=\"1\"]");
    assert_eq!(
        pressed.get_attribute("aria-pressed").as_deref(),
        Some("true")
    );
}

#[wasm_bindgen_test]
async fn another_target_port_is_refused_by_the_pod() {
    let page = Page::open().await;
    page.edit("targetPort: 8080", "targetPort: 9090").await;
    let outcomes = page.text("#outcomes");
    assert!(
        outcomes.contains("refused") && outcomes.contains(":9090"),
        "{outcomes}"
    );
    let walk = page.text("#walk-list");
    assert!(walk.contains("api-1 listens on port 9090"), "{walk}");
    page.press("#tutorials-text").await;
    assert!(page.text("#outcomes").contains("delivered"));
}

#[wasm_bindgen_test]
async fn a_selector_that_selects_nothing_is_refused_by_a_rule() {
    let page = Page::open().await;
    page.edit(TYPED_SELECTOR, &format!("{TYPED_SELECTOR}i"))
        .await;
    assert_eq!(page.count("#outcomes [data-way]"), 1);
    assert!(page.text("#outcomes").contains("refused"));
    let walk = page.text("#walk");
    assert!(
        walk.contains("rule") && walk.contains("curl: (7)"),
        "{walk}"
    );
    assert_eq!(page.count(".map__none"), 3);
    assert_eq!(
        page.text("#complaints-summary"),
        "No mistakes: always refused."
    );
}

#[wasm_bindgen_test]
async fn a_mistake_is_shown_at_its_line_and_the_picture_stays() {
    let page = Page::open().await;
    let before = page.text("#walk-list");
    page.edit("    port: 80 ", "    port: eighty ").await;
    let line = 1 + page
        .manifest()
        .lines()
        .position(|it| it.contains("eighty"))
        .expect("what was typed");
    let complaint = page.find("#complaints .complaint");
    assert_eq!(complaint.get_attribute("data-line"), Some(line.to_string()));
    assert!(page.text("#complaints").contains(&format!("line {line}:")));
    let marked = page.find(&format!("#editor .editor__line[data-line=\"{line}\"]"));
    assert_eq!(marked.get_attribute("data-mark").as_deref(), Some("error"));
    assert!(
        page.text(".complaints__summary")
            .contains("last text that could be read")
    );
    assert_eq!(page.text("#walk-list"), before);
    page.press("#complaints .complaint").await;
    let caret_line = || {
        let caret = page.editor().selection_start().ok().flatten();
        let before = page.manifest();
        let before = &before[..caret.expect("a caret") as usize];
        before.matches('\n').count() + 1
    };
    until("the caret at the mistake", || caret_line() == line).await;
    page.edit("port: eighty", "port: 80").await;
    assert_eq!(page.count("#complaints .complaint"), 0);
}

#[wasm_bindgen_test]
async fn playing_moves_on_by_itself_and_pausing_stops_it() {
    let page = Page::open().await;
    page.key(&page.body(), "+").await;
    page.key(&page.body(), "+").await;
    page.key(&page.body(), " ").await;
    assert!(page.text("#play").contains("Pause"));
    until("the third hop", || page.current().as_str() >= "2").await;
    page.press("#play").await;
    let stopped_at = page.current();
    TimeoutFuture::new(1500).await;
    assert_eq!(page.current(), stopped_at);
    assert!(page.text("#play").contains("Play"));
}

#[wasm_bindgen_test]
async fn a_packet_moves_unless_less_motion_is_wanted_and_then_is_at_its_hop() {
    let page = Page::open().await;
    page.jump(2).await;
    until("rest", || page.count(".journey[data-moving]") == 0).await;
    // Slowly, so that a busy machine sees it on the way.
    for _ in 0..4 {
        page.key(&page.body(), "-").await;
    }
    page.press("#forward").await;
    let is_still = window()
        .match_media("(prefers-reduced-motion: reduce)")
        .ok()
        .flatten()
        .is_some_and(|it| it.matches());
    assert_eq!(page.count(".journey[data-moving]"), u32::from(!is_still));
    until("rest", || page.count(".journey[data-moving]") == 0).await;
    let card = page.text(".packet");
    assert!(card.contains("10.244.1.5:8080"), "{card}");
    assert!(page.text(".packet__old").contains("10.96.0.10:80"));
}

#[wasm_bindgen_test]
async fn what_was_typed_is_there_after_loading_again_and_after_a_reset() {
    let page = Page::open().await;
    page.edit("targetPort: 8080", "targetPort: 9090").await;
    let typed = page.manifest();
    drop(page);
    let page = Page::open_again().await;
    assert_eq!(page.manifest(), typed);
    page.press("#tutorials-text").await;
    assert!(page.manifest().contains("targetPort: 8080"));
    page.press("#bring-back").await;
    assert_eq!(page.manifest(), typed);
}

#[wasm_bindgen_test]
async fn a_text_that_stopped_the_page_is_set_aside_and_offered() {
    let storage = window().local_storage().ok().flatten().expect("storage");
    storage.clear().expect("allowed");
    storage
        .set_item("packetwalk.manifest", "# typed")
        .expect("allowed");
    storage
        .set_item("packetwalk.opening", "1")
        .expect("allowed");
    let page = Page::open_again().await;
    assert!(page.manifest().contains("kind: Service"));
    page.press("#bring-back").await;
    assert_eq!(page.manifest(), "# typed");
}

#[wasm_bindgen_test]
async fn any_text_at_all_leaves_the_page_standing() {
    let page = Page::open().await;
    for text in [
        "",
        "\u{0}",
        "- - -",
        "kind: Service",
        "{",
        "é🦀\n\t",
        "a: &a [*a]",
        "---\n---\n---",
    ] {
        let area = page.editor();
        area.set_value(text);
        input(&area).await;
        assert_eq!(page.manifest(), area.value());
        assert!(!page.said().is_empty(), "nothing is said about {text:?}");
        page.press("#forward").await;
        page.press("#end").await;
    }
}

#[wasm_bindgen_test]
async fn a_request_that_cannot_begin_says_why() {
    let page = Page::open().await;
    let to: HtmlInputElement = page.find("#to").dyn_into().expect("a field");
    to.set_value("http://");
    page.press("#send").await;
    assert!(!page.text("#request-error").is_empty());
    to.set_value("http://api");
    page.press("#send").await;
    assert!(page.text("#request-error").is_empty());
    assert_eq!(page.current(), "0");
}

#[wasm_bindgen_test]
async fn each_fact_on_the_map_is_in_the_text_too() {
    let page = Page::open().await;
    let words = page.text("#cluster");
    for selector in [
        ".map__node",
        ".map__address",
        ".pod__name",
        ".ghost__address",
        ".map__line-address",
    ] {
        let drawn = page
            .root
            .query_selector_all(selector)
            .expect("a good selector");
        assert!(drawn.length() > 0, "{selector}");
        for idx in 0..drawn.length() {
            let fact = drawn
                .get(idx)
                .and_then(|it| it.text_content())
                .unwrap_or_default();
            assert!(words.contains(&fact), "the text lacks {fact}");
        }
    }
}

#[wasm_bindgen_test]
async fn the_theme_goes_through_its_three_and_is_kept() {
    let page = Page::open().await;
    let root = document().document_element().expect("a root");
    let mut seen = Vec::new();
    for _ in 0..3 {
        page.press("#theme").await;
        seen.push(root.get_attribute("data-theme"));
    }
    assert_eq!(
        seen,
        [Some("light".to_owned()), Some("dark".to_owned()), None]
    );
}
