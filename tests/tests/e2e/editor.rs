//! The manifest's editor in a real Chromium: it takes the text area's place, offers what the API knows, marks mistakes, folds, finds and
//! undoes; panels are put elsewhere and stay there; a step is saved as pixels.

use super::{Browser, Result, told};
use serde_json::json;

/// What stands in the editor's own tree.
const INSIDE: &str = "document.querySelector('#yaml').shadowRoot";

#[tokio::test(flavor = "multi_thread")]
async fn the_manifest_is_written_in_an_editor_that_knows_the_api() {
    told("editor", writing).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_text_that_is_opened_has_an_undo_of_its_own() {
    told("undo", opening).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn panels_stay_where_they_were_put_and_a_step_is_saved_as_pixels() {
    told("panels", arranging).await;
}

/// Opens the page that computes, with the editor in it.
async fn open(browser: &Browser) -> Result {
    browser.load().await?;
    browser
        .run("document.dispatchEvent(new CustomEvent('packetwalk:wanted', {detail: ''}))")
        .await?;
    browser.wait("yaml-editor#yaml").await
}

/// Types, as a keyboard does.
async fn types(browser: &Browser, text: &str) -> Result {
    for letter in text.chars() {
        let text = letter.to_string();
        let key = json!({"type": "keyDown", "text": text, "key": text});
        browser.devtools("Input.dispatchKeyEvent", key).await?;
        let key = json!({"type": "keyUp", "key": text});
        browser.devtools("Input.dispatchKeyEvent", key).await?;
    }
    Ok(())
}

/// Presses a key that writes nothing by itself.
async fn key(browser: &Browser, name: &str, code: u32, with_control: bool) -> Result {
    for kind in ["rawKeyDown", "keyUp"] {
        let key = json!({
            "type": kind, "key": name, "code": name, "windowsVirtualKeyCode": code,
            "modifiers": if with_control { 2 } else { 0 },
        });
        browser.devtools("Input.dispatchKeyEvent", key).await?;
    }
    Ok(())
}

async fn caret_behind(browser: &Browser, words: &str) -> Result {
    let script = format!(
        "const it = document.querySelector('#yaml'); const at = it.value.indexOf({words:?}) + {};\
         it.focus(); it.setSelectionRange(at, at)",
        words.encode_utf16().count()
    );
    browser.run(&script).await?;
    Ok(())
}

async fn value(browser: &Browser) -> Result<String> {
    let value = browser
        .run("return document.querySelector('#yaml').value")
        .await?;
    Ok(value.as_str().unwrap_or_default().to_owned())
}

async fn writing(browser: &Browser) -> Result {
    browser.shape((1440, 900)).await?;
    open(browser).await?;
    let before = value(browser).await?;
    assert!(before.contains("kind: Service"), "{before}");
    // A field out of the API, and then its value.
    caret_behind(browser, "app: api").await?;
    key(browser, "Enter", 13, false).await?;
    key(browser, "Backspace", 8, false).await?;
    types(browser, "sessionAff").await?;
    browser.until(&format!("[...{INSIDE}.querySelectorAll('.cm-tooltip-autocomplete li')].some(it => it.textContent.includes('sessionAffinityConfig'))")).await?;
    browser.picture("editor-completion").await?;
    key(browser, "Enter", 13, false).await?;
    browser.until(&format!("[...{INSIDE}.querySelectorAll('.cm-tooltip-autocomplete li')].some(it => it.textContent.includes('ClientIP'))")).await?;
    types(browser, "Cl").await?;
    browser
        .until(&format!(
            "{INSIDE}.querySelectorAll('.cm-tooltip-autocomplete li').length === 1"
        ))
        .await?;
    key(browser, "Enter", 13, false).await?;
    let after = value(browser).await?;
    assert!(after.contains("\n  sessionAffinity: ClientIP\n"), "{after}");
    browser.see("#complaints-summary", "No mistakes").await?;
    // A mistake stands at its place, and pressing it leads there.
    browser.edit("targetPort: 8080", "targetport: 8080").await?;
    browser
        .until(&format!("{INSIDE}.querySelector('.cm-lint-marker')"))
        .await?;
    browser
        .until(&format!(
            "{INSIDE}.querySelector('.cm-lintRange')?.textContent === 'targetport'"
        ))
        .await?;
    browser.click("#complaints button").await?;
    browser
        .until(&format!(
            "{INSIDE}.querySelector('.cm-activeLine')?.textContent.includes('targetport')"
        ))
        .await?;
    // Its own undo leads back to the first text, and never to none.
    caret_behind(browser, "kind: ").await?;
    for _ in 0..40 {
        key(browser, "z", 90, true).await?;
    }
    assert_eq!(value(browser).await?, before);
    browser.see("#complaints-summary", "No mistakes").await?;
    // Folding.
    let n_lines = format!("return {INSIDE}.querySelectorAll('.cm-line').length");
    let unfolded = browser.run(&n_lines).await?.as_i64();
    browser
        .run(&format!("[...{INSIDE}.querySelectorAll('.cm-foldGutter .cm-gutterElement span')].find(it => it.textContent && getComputedStyle(it.parentElement).visibility !== 'hidden').dispatchEvent(new MouseEvent('click', {{bubbles: true}}))"))
        .await?;
    assert!(browser.run(&n_lines).await?.as_i64() < unfolded, "folded");
    assert!(value(browser).await? == before, "what is folded is there");
    // The line the caret stands in says what it decides.
    caret_behind(browser, "port: 80 ").await?;
    browser.see("#line-uses", "node-1, prerouting").await?;
    key(browser, "f", 70, true).await?;
    browser
        .until(&format!("{INSIDE}.querySelector('.cm-search')"))
        .await?;
    // Where nothing lies below the row of links that stays in sight.
    browser.run("window.scrollTo(0, 0)").await?;
    let faults = browser.accessibility_faults().await?;
    assert_eq!(faults, Vec::<String>::new(), "in the editor");
    browser.picture("editor").await?;
    assert_eq!(browser.console().await?, Vec::<String>::new());
    Ok(())
}

async fn opening(browser: &Browser) -> Result {
    browser.shape((1440, 900)).await?;
    open(browser).await?;
    let tutorial = value(browser).await?;
    caret_behind(browser, "kind: Service").await?;
    types(browser, " # mine").await?;
    let mine = value(browser).await?;
    assert!(mine.contains("kind: Service # mine"), "{mine}");
    browser.click("#tutorials-text").await?;
    browser
        .until("!document.querySelector('#yaml').value.includes('# mine')")
        .await?;
    // Ctrl Z stays within the text that is shown.
    caret_behind(browser, "kind: Service").await?;
    for _ in 0..10 {
        key(browser, "z", 90, true).await?;
    }
    assert_eq!(value(browser).await?, tutorial);
    // The page's undo leads back to the other one, which still has its own.
    browser.click("#undo").await?;
    browser
        .until("document.querySelector('#yaml').value.includes('# mine')")
        .await?;
    caret_behind(browser, "kind: Service").await?;
    for _ in 0..10 {
        key(browser, "z", 90, true).await?;
    }
    assert_eq!(value(browser).await?, tutorial);
    browser.click("#bring-back").await?;
    browser
        .until("document.querySelector('#yaml').value.includes('# mine')")
        .await
}

async fn arranging(browser: &Browser) -> Result {
    browser.shape((1440, 900)).await?;
    open(browser).await?;
    let order =
        "return [...document.querySelectorAll('.slot')].map(it => it.dataset.panel).join(' ')";
    let usual = browser.run(order).await?;
    browser.click("[data-panel=doctor] summary").await?;
    browser
        .click("[data-panel=doctor] .arrange__moves button:nth-child(1)")
        .await?;
    let moved = browser.run(order).await?;
    assert_eq!(moved, "inspector manifest doctor walk share");
    browser.click("[data-panel=walk] summary").await?;
    browser
        .click("[data-panel=walk] .arrange__moves button:nth-child(3)")
        .await?;
    let is_folded = "document.querySelector('#walk-list').offsetHeight === 0 && document.querySelector('#walk-head').offsetHeight > 0";
    browser.until(is_folded).await?;
    let faults = browser.accessibility_faults().await?;
    assert_eq!(faults, Vec::<String>::new(), "arranged");
    browser.picture("panels").await?;
    in_a_link(browser, order, &moved).await?;
    browser.load().await?;
    browser.wait("[data-panel=doctor]").await?;
    assert_eq!(browser.run(order).await?, moved, "after a reload");
    browser.until(is_folded).await?;
    // Room on both sides of the figure.
    browser.shape((1920, 1080)).await?;
    browser.wait(".side--left [data-panel=manifest]").await?;
    browser.click("[data-panel=doctor] summary").await?;
    browser
        .click("[data-panel=doctor] .arrange__moves button:nth-child(3)")
        .await?;
    browser.wait(".side--left [data-panel=doctor]").await?;
    browser.click("#rearrange").await?;
    browser.wait(".side--right [data-panel=doctor]").await?;
    browser.shape((1440, 900)).await?;
    browser
        .until("!document.querySelector('.side--left')")
        .await?;
    assert_eq!(browser.run(order).await?, usual);
    // The service worker that pixels need comes with the whole page.
    browser.until("navigator.serviceWorker.controller").await?;
    browser.click("#save-pixels").await?;
    browser.see("#share-told", "The picture is saved.").await?;
    assert_eq!(browser.console().await?, Vec::<String>::new());
    Ok(())
}

/// A link says where they stand to another browser, as far as a page can tell; and that one's own order is left alone.
async fn in_a_link(browser: &Browser, order: &str, moved: &serde_json::Value) -> Result {
    browser.click("#copy-link").await?;
    browser.wait("#link:not([hidden])").await?;
    let link = browser
        .run("return document.querySelector('#link').value")
        .await?;
    let link = link.as_str().ok_or("no link")?.to_owned();
    let kept = browser
        .run("const it = {...localStorage}; localStorage.clear(); return it")
        .await?;
    browser.client.goto("about:blank").await?;
    browser.client.goto(&link).await?;
    browser.wait("[data-panel=doctor]").await?;
    assert_eq!(browser.run(order).await?, *moved, "as the link says");
    let own = "return localStorage.getItem('packetwalk.panels')";
    assert_eq!(browser.run(own).await?, json!(null));
    let back = format!("localStorage.clear(); Object.assign(localStorage, {kept})");
    browser.run(&back).await?;
    Ok(())
}
