//! The built page in a real Chromium, as a person uses it: look, step, edit, read.
//!
//! `cargo xtask test` builds the page and says where it is (`PACKETWALK_SITE`), and where axe-core
//! is (`AXE_JS`). Without them there is nothing to test, and that is said loudly.

#[path = "e2e/doctor.rs"]
mod doctor;
#[path = "e2e/editor.rs"]
mod editor;
#[path = "e2e/hand_over.rs"]
mod hand_over;
#[path = "e2e/keep.rs"]
mod keep;
#[path = "e2e/language.rs"]
mod language;
#[path = "e2e/lecture.rs"]
mod lecture;
#[path = "e2e/ledger.rs"]
mod ledger;
#[path = "e2e/lessons.rs"]
mod lessons;
#[path = "e2e/stage.rs"]
mod stage;
#[path = "e2e/terminal.rs"]
mod terminal;
#[path = "e2e/tutorial.rs"]
mod tutorial;
#[path = "e2e/widgets.rs"]
mod widgets;

use fantoccini::key::Key;
use packetwalk_tests::browser::{Browser, PATIENCE, Result, SHAPES, copied, site};
use serde_json::Value;
use std::time::Duration;

const AT_MOST: Duration = Duration::from_secs(180);

#[tokio::test(flavor = "multi_thread")]
async fn a_person_follows_the_packet_edits_the_manifest_and_reads_the_result() {
    told("story", tell).await;
}

/// Opens a browser on the page, where there is one, and tells a story in it.
async fn told(name: &str, story: impl AsyncFnOnce(&Browser) -> Result) {
    let Some(site) = site() else { return };
    let browser = Browser::open(site).await.expect("a browser");
    let story = tokio::time::timeout(AT_MOST, story(&browser)).await;
    end(name, browser, story).await;
}

/// Ends a story: it came to its end in time and left nothing in the console, or there is a picture of where it failed.
async fn end(
    name: &str,
    browser: Browser,
    story: std::result::Result<Result, tokio::time::error::Elapsed>,
) {
    let console = browser.console().await;
    if !matches!(story, Ok(Ok(()))) {
        let _ = browser.picture(&format!("failure-{name}")).await;
    }
    browser.close().await;
    story.expect("in time").expect("the story");
    assert_eq!(console.expect("a console"), Vec::<String>::new());
}

async fn tell(browser: &Browser) -> Result {
    browser.load().await?;
    follow(browser).await?;
    by_keyboard(browser).await?;
    edit(browser).await?;
    everywhere(browser).await
}

/// The walk, hop by hop, there and back.
async fn follow(browser: &Browser) -> Result {
    let hops = "return document.querySelectorAll('#walk-list [data-hop]').length";
    let n_hops = browser.run(hops).await?.as_u64().unwrap_or_default();
    assert_eq!(n_hops, 14, "the hops of the tutorial's first way");
    browser
        .see("#walk-list [aria-current=step]", "cluster DNS")
        .await?;
    for _ in 0..3 {
        browser.click("#forward").await?;
    }
    browser
        .see("#walk-list [aria-current=step]", "10.244.1.5:8080")
        .await?;
    browser.see("#inspector", "numgen random mod 2").await?;
    browser.see("#inspector", "10.96.0.10").await?;
    browser.picture("rewrite").await?;
    browser.click("#back").await?;
    browser
        .see(
            "#walk-list [aria-current=step]",
            "an address no interface has",
        )
        .await?;
    // Never by itself, but when asked to.
    browser.click("#play").await?;
    browser
        .see("#walk-list [aria-current=step]", "routing")
        .await?;
    browser.click("#play").await
}

/// Everything once more without a mouse.
async fn by_keyboard(browser: &Browser) -> Result {
    browser
        .run("document.querySelector('#play').focus()")
        .await?;
    let press = async |key: &str| -> Result {
        let active = browser.client.active_element().await?;
        active.send_keys(key).await?;
        Ok(())
    };
    press(&String::from(char::from(Key::Home))).await?;
    browser
        .see("#walk-list [aria-current=step]", "cluster DNS")
        .await?;
    press(&String::from(char::from(Key::Right))).await?;
    browser
        .see("#walk-list [aria-current=step]", "answers: 10.96.0.10")
        .await?;
    press(&String::from(char::from(Key::End))).await?;
    browser
        .see("#walk-list [aria-current=step]", "the address it asked")
        .await?;
    browser.see("#say", "the address it asked").await?;
    press(&String::from(char::from(Key::Left))).await?;
    browser
        .see("#walk-list [aria-current=step]", "back as the source")
        .await
}

/// A wrong target port, a broken selector, and a mistake at its line.
async fn edit(browser: &Browser) -> Result {
    browser.edit("targetPort: 8080", "targetPort: 9090").await?;
    browser.see("#outcomes", "refused").await?;
    browser.edit("targetPort: 9090", "targetPort: 8080").await?;
    browser.see("#outcomes", "api-1").await?;
    browser
        .edit("  selector:\n    app: api", "  selector:\n    app: apii")
        .await?;
    browser.see("#outcomes", "refused").await?;
    browser
        .run("document.querySelector('#play').focus()")
        .await?;
    browser.picture("no-endpoints").await?;
    browser.edit("    app: apii", "    app: api").await?;
    browser.edit("port: 80 ", "port: eighty ").await?;
    browser.see("#complaints", "14").await?;
    browser.see("#complaints", "expected an integer").await?;
    browser.picture("mistake").await?;
    browser.edit("port: eighty ", "port: 80 ").await?;
    browser.see("#outcomes", "api-2").await?;
    // What was typed is there again after a reload.
    browser.edit("name: client", "name: customer").await?;
    browser.load().await?;
    let kept = browser
        .run("return document.querySelector('#yaml').value")
        .await?;
    assert!(
        kept.as_str()
            .is_some_and(|it| it.contains("name: customer"))
    );
    browser.edit("name: customer", "name: client").await
}

/// Every shape and theme: nothing axe-core objects to, nothing that scrolls sideways.
async fn everywhere(browser: &Browser) -> Result {
    for theme in ["light", "dark"] {
        browser.theme(theme).await?;
        for shape in SHAPES {
            browser.shape(shape).await?;
            tokio::time::sleep(Duration::from_millis(400)).await;
            let faults = browser.accessibility_faults().await?;
            assert_eq!(faults, Vec::<String>::new(), "{theme} {shape:?}");
            let twice = "const ids = [...document.querySelectorAll('[id]')].map(it => it.id);\
                return ids.filter((it, idx) => ids.indexOf(it) !== idx)";
            let twice = browser.run(twice).await?;
            assert_eq!(twice, Value::Array(Vec::new()), "two elements of one name");
            let overflow = browser.sideways().await?;
            assert!(
                overflow <= 0,
                "{theme} {shape:?} scrolls sideways by {overflow}"
            );
            browser.picture(&format!("{theme}-{}", shape.0)).await?;
        }
    }
    Ok(())
}
