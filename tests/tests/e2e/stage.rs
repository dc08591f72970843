//! The stage and time in a real Chromium: the map by button, wheel, finger and key; the two layers; what was done,
//! undone and left; questions; many requests. Each ends with what axe-core says, and with the same facts as text.
//!
//! **Left out**: what a screen reader says aloud; its tree is checked by axe-core.

use super::{Browser, Result, site};
use fantoccini::key::Key;
use packetwalk_tests::large::twenty_nodes_text;
use serde_json::Value;
use std::time::Duration;

const AT_MOST: Duration = Duration::from_secs(240);

const LAPTOP: (u32, u32) = (1440, 900);

/// Whether the page is the one that computes.
const IS_WHOLE: &str = "document.documentElement.dataset.page === 'whole'";

async fn ask(browser: &Browser, to: &str) -> Result {
    let script = format!(
        "document.querySelector('#to').value = {to:?}; document.querySelector('#request').requestSubmit()"
    );
    browser.run(&script).await?;
    Ok(())
}

/// Labels of the map that lie on one another.
const OVERLAPS: &str = "const all = [...document.querySelectorAll('#map .map text')].filter(it => it.textContent.trim() && getComputedStyle(it).display !== 'none')\
    .map(it => [it.textContent, it.getBoundingClientRect()]);\
    const bad = [];\
    all.forEach(([a, p], i) => all.slice(i + 1).forEach(([b, q]) => {\
        const w = Math.min(p.right, q.right) - Math.max(p.left, q.left), h = Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top);\
        if (w > 2 && h > 4) bad.push(a + ' | ' + b) }));\
    return bad";

async fn assert_readable(browser: &Browser, what: &str) -> Result {
    tokio::time::sleep(Duration::from_millis(500)).await;
    let found = browser.run(OVERLAPS).await?;
    assert_eq!(
        found,
        Value::Array(Vec::new()),
        "labels on one another: {what}"
    );
    Ok(())
}

async fn assert_accessible(browser: &Browser, what: &str) -> Result {
    let faults = browser.accessibility_faults().await?;
    assert_eq!(faults, Vec::<String>::new(), "{what}");
    Ok(())
}

async fn tell<F>(story: impl FnOnce(Browser) -> F)
where
    F: Future<Output = (Browser, Result)>,
{
    let Some(site) = site() else { return };
    let browser = Browser::open(site).await.expect("a browser");
    browser.shape(LAPTOP).await.expect("a window");
    browser.load().await.expect("the page");
    let (browser, told) = tokio::time::timeout(AT_MOST, story(browser))
        .await
        .expect("in time");
    let console = browser.console().await;
    if told.is_err() {
        let _ = browser.picture("stage-failure").await;
    }
    browser.close().await;
    told.expect("the story");
    assert_eq!(console.expect("a console"), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_map_of_two_hundred_pods_is_zoomed_folded_and_walked_by_keys() {
    tell(|browser| async {
        let told = map(&browser).await;
        (browser, told)
    })
    .await;
}

async fn map(browser: &Browser) -> Result {
    assert_readable(browser, "the first look").await?;
    browser.write(&twenty_nodes_text()).await?;
    browser
        .until("document.querySelectorAll('#map .place--node').length === 20")
        .await?;
    ask(browser, "http://10.96.0.10").await?;
    browser
        .until("document.querySelectorAll('#walk-list [data-hop]').length > 8")
        .await?;
    for shape in super::SHAPES {
        browser.shape(shape).await?;
        assert_readable(browser, "all of it").await?;
        browser.picture(&format!("stage-many-{}", shape.0)).await?;
    }
    // What the picture counts, the text counts.
    browser.see("#map .sketch__word", "10 pods").await?;
    browser.shape((1366, 768)).await?;
    let parity = "[...document.querySelectorAll('#map [data-place]')].filter(it => it.dataset.place.startsWith('pod/'))\
        .every(it => document.querySelector('#cluster').textContent.includes(it.dataset.place.split('/')[2]))";
    browser.until(parity).await?;
    for _ in 0..4 {
        browser.click("#zoom-in").await?;
        assert_readable(browser, "nearer").await?;
    }
    browser
        .until("document.querySelector('#stage').dataset.near !== undefined")
        .await?;
    browser.click("#fit").await?;
    browser
        .until("document.querySelector('#stage').dataset.near === undefined")
        .await?;
    by_hand(browser).await?;
    by_keys(browser).await?;
    browser.click("#fold").await?;
    browser
        .until("document.querySelectorAll('#map [data-folded]').length > 10")
        .await?;
    browser
        .run("document.querySelector('#cluster').open = true")
        .await?;
    browser.see("#cluster", "its room is folded").await?;
    assert_readable(browser, "folded").await?;
    assert_accessible(browser, "folded").await
}

/// The wheel with Ctrl, two fingers, and a hand that drags.
async fn by_hand(browser: &Browser) -> Result {
    let view = "document.querySelector('#map').getAttribute('viewBox')";
    let whole = browser.run(&format!("return {view}")).await?;
    browser
        .run("const m = document.querySelector('#map'), r = m.getBoundingClientRect();\
              m.dispatchEvent(new WheelEvent('wheel', {deltaY: -400, ctrlKey: true, bubbles: true, cancelable: true, clientX: r.left + 100, clientY: r.top + 100}))")
        .await?;
    browser.until(&format!("{view} !== {whole}")).await?;
    let near = browser.run(&format!("return {view}")).await?;
    browser
        .run("const m = document.querySelector('#map');\
              const go = (type, x, y) => m.dispatchEvent(new PointerEvent(type, {pointerId: 1, isPrimary: true, button: 0, bubbles: true, clientX: x, clientY: y}));\
              go('pointerdown', 300, 300); go('pointermove', 240, 280); go('pointermove', 200, 260); go('pointerup', 200, 260)")
        .await?;
    browser.until(&format!("{view} !== {near}")).await?;
    browser.click("#fit").await?;
    browser.until(&format!("{view} === {whole}")).await?;
    browser
        .run("const m = document.querySelector('#map');\
              const go = (type, id, x) => m.dispatchEvent(new PointerEvent(type, {pointerId: id, isPrimary: id === 2, button: 0, bubbles: true, clientX: x, clientY: 300}));\
              go('pointerdown', 2, 300); go('pointerdown', 3, 340); go('pointermove', 3, 420); go('pointerup', 3, 420); go('pointerup', 2, 300)")
        .await?;
    browser
        .until("document.querySelector('#stage').dataset.near !== undefined")
        .await?;
    browser.click("#fit").await
}

/// Along the links: into a node, to its first pod, to the next one, back up.
async fn by_keys(browser: &Browser) -> Result {
    browser
        .run("document.querySelector('#map').focus()")
        .await?;
    let press = async |key: Key| -> Result {
        let active = browser.client.active_element().await?;
        active.send_keys(&String::from(char::from(key))).await?;
        Ok(())
    };
    let at = |place: &str| format!("document.activeElement.dataset.place === '{place}'");
    press(Key::Down).await?;
    browser.until(&at("node/node-01")).await?;
    press(Key::Right).await?;
    browser.until(&at("node/node-02")).await?;
    press(Key::Down).await?;
    browser
        .until("document.activeElement.dataset.place.startsWith('pod/default/api')")
        .await?;
    press(Key::Right).await?;
    browser
        .until("document.activeElement.getAttribute('aria-label').includes('node-02')")
        .await?;
    press(Key::Up).await?;
    browser.until(&at("node/node-02")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_story_and_the_machine_are_one_walk() {
    tell(|browser| async {
        let told = layers(&browser).await;
        (browser, told)
    })
    .await;
}

async fn layers(browser: &Browser) -> Result {
    browser.click("#layer-story").await?;
    browser
        .until("document.querySelector('#stage').dataset.layer === 'story'")
        .await?;
    let mut n_stops = 0;
    while browser
        .run("return document.querySelector('#forward').getAttribute('aria-disabled')")
        .await?
        != "true"
    {
        browser.click("#forward").await?;
        n_stops += 1;
        assert!(n_stops < 14, "the story is shorter than the machine");
    }
    tokio::time::sleep(Duration::from_millis(1600)).await;
    browser.see("#say", "the address it asked").await?;
    // A frozen picture tells it all: what was rewritten, and into what; and the text has it too.
    browser.see("#map .note__was", "10.96.0.10:80").await?;
    browser.see("#map .note__is", "10.244.1.5:8080").await?;
    browser.see("#walk-list", "10.244.1.5:8080").await?;
    assert_readable(browser, "the story").await?;
    assert_accessible(browser, "the story").await?;
    browser.picture("stage-story").await?;
    browser.click("#layer-machine").await?;
    browser.click("#envelope").await?;
    browser.see("#map .packet__inside", "time to live").await?;
    let ttl = browser.text("#map .packet__inside").await?;
    browser.see("#inspector", &ttl).await?;
    browser.click("#envelope").await
}

#[tokio::test(flavor = "multi_thread")]
async fn time_goes_on_back_and_into_another_future() {
    tell(|browser| async {
        let told = time(&browser).await;
        (browser, told)
    })
    .await;
}

async fn time(browser: &Browser) -> Result {
    browser.click("#clock summary").await?;
    let choose = "const menu = document.querySelector('#act');\
        menu.value = [...menu.options].find(it => it.text === 'node-2 loses power').value;\
        menu.dispatchEvent(new Event('change', {bubbles: true}))";
    browser.run(choose).await?;
    browser.see("#cluster-events", "node-2 loses power").await?;
    browser.click("#settle").await?;
    browser
        .see("#cluster-events", "endpoints of api: 2 → 1")
        .await?;
    browser.see("#outcomes", "One way").await?;
    browser.picture("stage-time").await?;
    assert_accessible(browser, "time").await?;
    browser.click("#undo").await?;
    browser.click("#undo").await?;
    browser.see("#outcomes", "2 ways").await?;
    browser.click("#redo").await?;
    browser.see("#cluster-events", "node-2 loses power").await?;
    browser.click("#undo").await?;
    // Something else instead: the future that was is kept, and can be taken up.
    browser.edit("targetPort: 8080", "targetPort: 9090").await?;
    browser.see("#outcomes", "refused").await?;
    browser.see("#moments", "another future").await?;
    browser.click(".clock__moment--left").await?;
    browser.see("#cluster-events", "node-2 loses power").await?;
    browser.click("#reset").await?;
    browser.see("#outcomes", "2 ways").await?;
    // Playing stops where it is told to.
    browser.click("#stop-rewrite").await?;
    browser.click("#play").await?;
    browser
        .see("#walk-list [aria-current=step]", "rewrite the destination")
        .await?;
    browser
        .until("document.querySelector('#play').textContent.includes('Play')")
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_is_asked_answered_and_the_walk_goes_on() {
    tell(|browser| async {
        let told = predict(&browser).await;
        (browser, told)
    })
    .await;
}

async fn predict(browser: &Browser) -> Result {
    let question = "document.querySelector('#question')";
    browser.until(&format!("!{question}")).await?;
    browser.click("#predict").await?;
    browser.until(IS_WHOLE).await?;
    browser.click("#forward").await?;
    browser.see("#question", "How many DNS queries").await?;
    assert_accessible(browser, "a question").await?;
    browser.click("#question li:nth-child(4) button").await?;
    browser.see("#question-why", "No.").await?;
    assert_accessible(browser, "an answer").await?;
    browser.picture("stage-question").await?;
    browser.click("#go-and-see").await?;
    browser
        .see("#walk-list [aria-current=step]", "answers: 10.96.0.10")
        .await?;
    browser.click("#end").await?;
    browser
        .see("#question", "To whom will the packet be sent")
        .await?;
    browser
        .run("[...document.querySelectorAll('#question button')].find(it => it.textContent.trim() === '10.244.1.5:8080').click()")
        .await?;
    browser.see("#question-why", "Yes.").await?;
    browser.click("#go-and-see").await?;
    browser
        .see("#walk-list [aria-current=step]", "rewrite the destination")
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn many_requests_fly_and_are_counted() {
    tell(|browser| async {
        let told = many(&browser).await;
        (browser, told)
    })
    .await;
}

async fn many(browser: &Browser) -> Result {
    // The page that computes takes over with what is open, set and in sight.
    browser.click("#envelope").await?;
    browser.click("#many").await?;
    browser.click("#zoom-in").await?;
    tokio::time::sleep(Duration::from_millis(600)).await;
    let sight = "return document.querySelector('#map').getAttribute('viewBox')";
    let seen = browser.run(sight).await?;
    browser.click("#send-many").await?;
    browser.until(IS_WHOLE).await?;
    assert_eq!(browser.run(sight).await?, seen);
    browser.wait("#envelope[aria-pressed=true]").await?;
    browser.click("#fit").await?;
    browser.click("#envelope").await?;
    browser
        .until("document.querySelectorAll('#map .swarm [visibility=visible]').length > 3")
        .await?;
    browser.picture("stage-many-in-flight").await?;
    browser
        .see("#traffic-sum", "100 requests over 100 connections")
        .await?;
    let sum = "[...document.querySelectorAll('#traffic-shares tr td:nth-child(3)')].reduce((a, it) => a + Number(it.textContent), 0)";
    browser.until(&format!("{sum} === 100")).await?;
    assert_accessible(browser, "many requests").await?;
    browser.click("#keep-alive").await?;
    browser
        .run("document.querySelector('#n-clients').value = '1'")
        .await?;
    browser.click("#send-many").await?;
    browser.see("#traffic-sum", "over 1 connection.").await
}
