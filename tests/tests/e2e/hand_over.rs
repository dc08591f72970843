//! The small module that the page starts with, and the whole one that takes over from it: nothing is lost on the way.

use super::{AT_MOST, Browser, Result, SHAPES, copied, end, site, told};
use fantoccini::key::Key;
use serde_json::json;
use std::path::Path;
use std::time::Duration;

/// The module that comes later.
const LATER: &str = "packetwalk-all_bg.wasm";

#[tokio::test(flavor = "multi_thread")]
async fn what_is_typed_while_the_whole_page_takes_over_is_not_lost() {
    told("hand-over", type_through).await;
}

/// A first look is small: it steps, and computes nothing. Typing brings the rest.
async fn type_through(browser: &Browser) -> Result {
    browser.load().await?;
    for shape in SHAPES {
        browser.shape(shape).await?;
        let faults = browser.accessibility_faults().await?;
        assert_eq!(faults, Vec::<String>::new(), "the first look at {shape:?}");
    }
    browser.load().await?;
    for _ in 0..4 {
        browser.click("#forward").await?;
    }
    browser.click("#outcomes [data-way='1']").await?;
    let way = "#outcomes [data-way='1'][aria-pressed=true]";
    browser.wait(way).await?;
    let hop = browser.text("#say").await?;
    assert!(!is_whole(browser).await?, "nothing was asked of it yet");
    browser
        .run("window.scrollTo(0, 0); document.querySelector('#cluster').open = true")
        .await?;
    // In the middle of a comment, so that every letter leaves a text that can be read.
    browser
        .run(
            "const it = document.querySelector('#yaml'); it.focus();\
             const at = it.value.indexOf('#') + 1; it.setSelectionRange(at, at)",
        )
        .await?;
    let typed: String = ('a'..='z').cycle().take(120).collect();
    for letter in typed.chars() {
        // To what has the focus, as a keyboard does: the area itself is another one after the hand-over.
        browser.press(&letter.to_string()).await?;
    }
    until_whole(browser).await?;
    for letter in ["!", "?"] {
        browser.press(letter).await?;
    }
    let text = browser
        .run("return document.querySelector('#yaml').value")
        .await?;
    let text = text.as_str().unwrap_or_default();
    assert!(text.contains(&format!("#{typed}!?")), "{text}");
    browser.wait(way).await?;
    assert_eq!(browser.text("#say").await?, hop, "the same hop");
    let open = browser
        .run("return document.querySelector('#cluster').open")
        .await?;
    assert_eq!(open, json!(true));
    browser.edit("targetPort: 8080", "targetPort: 9090").await?;
    browser.see("#outcomes", "refused").await?;
    browser.see("#rest", "").await?;
    // Nothing of the small page listens any more: one key is one hop.
    browser
        .run("document.querySelector('#play').focus()")
        .await?;
    browser.press(&String::from(char::from(Key::Home))).await?;
    browser.press(&String::from(char::from(Key::Right))).await?;
    browser
        .wait("#walk-list [data-hop='1'][aria-current=step]")
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_whose_second_download_fails_still_steps_and_says_what_is_missing() {
    let Some(site) = site() else { return };
    let copy = copied(&site).expect("a copy of the page");
    std::fs::remove_file(copy.path().join(LATER)).expect("it was there");
    let browser = Browser::open(copy.path().to_owned())
        .await
        .expect("a browser");
    let story =
        tokio::time::timeout(AT_MOST, fail_and_try_again(&browser, &site, copy.path())).await;
    end("second-download", browser, story).await;
}

async fn fail_and_try_again(browser: &Browser, site: &Path, copy: &Path) -> Result {
    browser.load().await?;
    tokio::time::sleep(Duration::from_millis(500)).await;
    browser.see("#rest", "").await?;
    browser.edit("targetPort: 8080", "targetPort: 9090").await?;
    browser.see("#rest", "did not load").await?;
    for theme in ["light", "dark"] {
        browser.theme(theme).await?;
        browser.shape(SHAPES[0]).await?;
        let faults = browser.accessibility_faults().await?;
        assert_eq!(faults, Vec::<String>::new(), "{theme}");
        browser.picture(&format!("missing-{theme}")).await?;
    }
    browser.shape(SHAPES[1]).await?;
    browser.click("#forward").await?;
    browser.see("#say", "answers: 10.96.0.10").await?;
    std::fs::copy(site.join(LATER), copy.join(LATER))?;
    browser.click("#rest-again").await?;
    browser.see("#outcomes", "refused").await?;
    assert!(is_whole(browser).await?);
    // The page that a text was left on begins with that text, and whole.
    browser.load().await?;
    browser.see("#outcomes", "refused").await
}

/// Whether the page that computes is the one on the screen.
async fn is_whole(browser: &Browser) -> Result<bool> {
    let script = "return document.documentElement.dataset.page === 'whole'";
    Ok(browser.run(script).await?.as_bool().unwrap_or_default())
}

async fn until_whole(browser: &Browser) -> Result {
    browser.wait("html[data-page=whole]").await
}
