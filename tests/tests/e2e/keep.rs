//! What is kept and given away: a link, a file, the page without a network, and a state that cannot be read.

use super::{AT_MOST, Browser, PATIENCE, Result, copied, end, site, told};
use serde_json::json;
use std::path::Path;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn a_link_and_a_reload_show_what_was_seen() {
    told("share", share).await;
}

async fn share(browser: &Browser) -> Result {
    browser.load().await?;
    for _ in 0..5 {
        browser.click("#forward").await?;
    }
    // The button brings the whole page, which does what was pressed.
    browser.click("#copy-link").await?;
    browser.wait("html[data-page=whole]").await?;
    browser.edit("targetPort: 8080", "targetPort: 9090").await?;
    browser.see("#outcomes", "refused").await?;
    let hop = browser.text("#say").await?;
    browser.click("#copy-link").await?;
    browser.wait("#link:not([hidden])").await?;
    let link = "return document.querySelector('#link').value";
    let link = browser.run(link).await?;
    let link = link.as_str().ok_or("no link")?.to_owned();
    assert!(link.contains("/#w1."), "{link}");
    browser.picture("share").await?;
    by_picture(browser).await?;
    // Another browser, as far as a page can tell.
    browser.run("localStorage.clear()").await?;
    browser.client.goto("about:blank").await?;
    browser.client.goto(&link).await?;
    browser.wait("body[data-ready]").await?;
    browser.see("#outcomes", "refused").await?;
    assert_eq!(browser.text("#say").await?, hop, "the hop that was shared");
    let address = browser.run("return location.hash").await?;
    assert_eq!(address, json!(""), "a reload shows what is there then");
    // Nothing is lost when it is loaded again, once there was time to keep it.
    browser.click("#back").await?;
    let hop = browser.text("#say").await?;
    tokio::time::sleep(Duration::from_millis(900)).await;
    browser.load().await?;
    browser.see("#outcomes", "refused").await?;
    assert_eq!(browser.text("#say").await?, hop, "the hop that was left");
    broken(browser).await
}

/// What is seen as an SVG file: it is well-formed, asks for nothing, and says what the page says.
async fn by_picture(browser: &Browser) -> Result {
    browser
        .run("window.saved = null; const make = URL.createObjectURL; URL.createObjectURL = it => { it.text().then(text => window.saved = text); return make.call(URL, it) }")
        .await?;
    browser.click("#save-picture").await?;
    let until = tokio::time::Instant::now() + PATIENCE;
    let mut saved = json!(null);
    while saved.is_null() && tokio::time::Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(50)).await;
        saved = browser.run("return window.saved").await?;
    }
    let svg = saved.as_str().ok_or("nothing was saved")?;
    std::fs::write(packetwalk_tests::root().join("target/e2e/step.svg"), svg)?;
    assert!(svg.contains(&browser.text("#say").await?), "its sentence");
    let script = "const it = new DOMParser().parseFromString(window.saved, 'image/svg+xml');\
        return [it.querySelector('parsererror')?.textContent ?? '', it.documentElement.tagName, it.querySelectorAll('[href], image, script').length]";
    assert_eq!(browser.run(script).await?, json!(["", "svg", 0]));
    // By itself it looks as on the page.
    let file = packetwalk_tests::root().join("target/e2e/step.svg");
    browser
        .client
        .goto(&format!("file://{}", file.display()))
        .await?;
    browser.picture("step-alone").await?;
    browser.load().await
}

/// A damaged link says so, and a kept state that is none changes nothing.
async fn broken(browser: &Browser) -> Result {
    browser.client.goto("about:blank").await?;
    browser
        .client
        .goto(&format!("{}#w1.AAAA", browser.address))
        .await?;
    browser.see("#rest", "damaged").await?;
    let faults = browser.accessibility_faults().await?;
    assert_eq!(faults, Vec::<String>::new(), "with a damaged link");
    browser.click("#rest-read").await?;
    browser.see("#outcomes", "refused").await?;
    browser
        .run("localStorage.setItem('packetwalk.session', '[{\"<script>\": 1}]')")
        .await?;
    browser.load().await?;
    browser.see("#outcomes", "refused").await?;
    // A browser that keeps nothing more.
    browser
        .run("Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError') }")
        .await?;
    browser.edit("targetPort: 9090", "targetPort: 8080").await?;
    browser.see("#outcomes", "api-1").await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_opens_and_computes_without_a_network() {
    let Some(site) = site() else { return };
    let copy = copied(&site).expect("a copy of the page");
    let browser = Browser::open(copy.path().to_owned())
        .await
        .expect("a browser");
    let story = tokio::time::timeout(AT_MOST, without_a_network(&browser, copy.path())).await;
    end("offline", browser, story).await;
}

/// A server that has no file any more is as good as none.
async fn without_a_network(browser: &Browser, copy: &Path) -> Result {
    browser.load().await?;
    let is_kept = "const done = arguments[arguments.length - 1];\
        navigator.serviceWorker.ready.then(it => done(it.active !== null))";
    let is_kept = browser.client.execute_async(is_kept, Vec::new()).await?;
    assert_eq!(is_kept, json!(true));
    std::fs::remove_dir_all(copy)?;
    browser.load().await?;
    browser.edit("targetPort: 8080", "targetPort: 9090").await?;
    browser.see("#outcomes", "refused").await
}
