//! Lessons in a real Chromium: the list, a challenge from its story to its debrief, what was there before, and progress.

use super::{Browser, Result, SHAPES, told};
use fantoccini::key::Key;
use serde_json::json;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn a_person_learns_and_has_back_what_was_there_before() {
    told("lessons", learn).await;
}

async fn learn(browser: &Browser) -> Result {
    browser.shape((1280, 800)).await?;
    browser.load().await?;
    // Something of one's own first; the key works in a first look as well.
    browser.edit("targetPort: 8080", "targetPort: 9090").await?;
    browser.see("#outcomes", "refused").await?;
    press(browser, "body", "g").await?;
    browser
        .see("#course-next", "Begin: The address that moved")
        .await?;
    everywhere(browser, "course", "#course").await?;
    choose(browser, "05-the-typo").await?;
    browser.see("#lesson-head", "The typo").await?;
    guess(browser).await?;
    mend(browser).await?;
    sandbox(browser).await?;
    // What was there before, to the letter, also in what is kept.
    browser.click("#lesson-leave").await?;
    let text = browser
        .run("return document.querySelector('#yaml').value")
        .await?;
    assert!(
        text.as_str()
            .is_some_and(|it| it.contains("targetPort: 9090"))
    );
    browser.see("#outcomes", "refused").await?;
    tokio::time::sleep(Duration::from_millis(900)).await;
    browser.load().await?;
    browser.see("#outcomes", "refused").await?;
    assert_eq!(
        browser
            .run("return document.querySelector('#lesson')")
            .await?,
        json!(null)
    );
    come(browser).await
}

/// Puts the focus somewhere and presses a key there.
async fn press(browser: &Browser, selector: &str, key: &str) -> Result {
    browser
        .run(&format!("document.querySelector({selector:?}).focus()"))
        .await?;
    let active = browser.client.active_element().await?;
    active.send_keys(key).await?;
    Ok(())
}

async fn choose(browser: &Browser, name: &str) -> Result {
    browser
        .click(&format!("#course .course__lesson[data-lesson={name:?}]"))
        .await?;
    browser.wait("#lesson").await
}

async fn on(browser: &Browser, page: usize) -> Result {
    browser
        .run("document.querySelector('#lesson-next').click()")
        .await?;
    browser
        .wait(&format!("#lesson-page[data-page='{page}']"))
        .await
}

async fn guess(browser: &Browser) -> Result {
    browser.see(".lesson__symptom", "curl: (7)").await?;
    everywhere(browser, "story", "#lesson").await?;
    on(browser, 1).await?;
    // Nothing goes on before a guess.
    browser
        .run("document.querySelector('#lesson-next').click()")
        .await?;
    browser.wait("#lesson-page[data-page='1']").await?;
    press(
        browser,
        "[data-option=app]",
        &String::from(char::from(Key::Enter)),
    )
    .await?;
    browser
        .see("#guess-said", "No packet reaches a pod here")
        .await?;
    browser
        .see("#guess-said", "Connection refused means")
        .await?;
    browser.see(".guess__measured", "rule").await?;
    browser.wait("[data-option=rule][data-is=right]").await?;
    everywhere(browser, "guess", "#lesson").await?;
    for page in [2, 3] {
        on(browser, page).await?;
    }
    browser
        .see("#lesson-page", "$ kubectl get service web")
        .await?;
    on(browser, 4).await?;
    browser.click("[data-option=none]").await?;
    on(browser, 5).await?;
    browser.see("#lesson-page", "<unset>").await?;
    browser.picture("lesson-step").await
}

async fn mend(browser: &Browser) -> Result {
    on(browser, 6).await?;
    browser.see("#goals", "now: 0").await?;
    browser.see("#lesson-told", "0 of 2 goals").await?;
    for n in 1..=3 {
        browser.click("#hint").await?;
        let n_hints = "return document.querySelectorAll('#hints > li').length";
        assert_eq!(browser.run(n_hints).await?, json!(n));
    }
    everywhere(browser, "task", "#lesson").await?;
    browser.shape((1280, 800)).await?;
    browser
        .run("document.querySelector('#terminal').setAttribute('open', '')")
        .await?;
    let enter = String::from(char::from(Key::Enter));
    let wrong = format!("kubectl scale deployment web --replicas=5{enter}");
    press(browser, "#terminal-line", &wrong).await?;
    browser.see("#tried", "no better than two").await?;
    let back = format!("kubectl scale deployment web --replicas=2{enter}");
    press(browser, "#terminal-line", &back).await?;
    browser
        .run("document.querySelector('#terminal').removeAttribute('open')")
        .await?;
    browser.edit("app: webb", "app: web").await?;
    browser.see("#lesson-solved", "Solved").await?;
    browser.see("#lesson-told", "Solved").await?;
    browser.wait(".goal[data-is=reached]").await?;
    // The page may be closed in the middle.
    tokio::time::sleep(Duration::from_millis(900)).await;
    browser.load().await?;
    browser.see("#lesson-solved", "Solved").await?;
    browser.wait("#lesson-page[data-page='6']").await?;
    browser.see("#outcomes", "delivered").await?;
    on(browser, 7).await?;
    browser
        .see("#lesson-page", "A Service holds no list of pods")
        .await?;
    everywhere(browser, "debrief", "#lesson").await
}

async fn sandbox(browser: &Browser) -> Result {
    browser.see("#lesson-after", "Next lesson: Running").await?;
    browser
        .run("document.querySelector('#sandbox').click()")
        .await?;
    browser.see("#lesson-head", "Sandbox: The typo").await?;
    browser.see("#outcomes", "delivered").await
}

/// How far one has come: kept, asked about before it is forgotten; and links to lessons.
async fn come(browser: &Browser) -> Result {
    browser.click("#lessons").await?;
    browser.see("#course-solved", "1 of 35 solved").await?;
    browser
        .wait("[data-lesson='05-the-typo'][data-is=solved]")
        .await?;
    browser
        .run("document.querySelector('#progress-reset').click()")
        .await?;
    browser.see(".come__question", "cannot be undone").await?;
    browser
        .run("document.querySelector('#progress-keep').click()")
        .await?;
    browser.see("#course-solved", "1 of 35 solved").await?;
    browser
        .run("document.querySelector('#progress-reset').click(); document.querySelector('#progress-forget').click()")
        .await?;
    browser.see("#course-solved", "35 lessons").await?;
    // What cannot be read harms nothing, and neither does a browser that keeps nothing more.
    browser
        .run("localStorage.setItem('packetwalk.progress', '{\"\u{7}'); localStorage.setItem('packetwalk.lesson', 'x\\n[')")
        .await?;
    browser.client.goto("about:blank").await?;
    let link = format!("{}#lesson=35-on-call&seed=3", browser.address);
    browser.client.goto(&link).await?;
    browser.see("#lesson-head", "On call").await?;
    browser.see("#night", "this is 3").await?;
    browser
        .run("Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError') }")
        .await?;
    on(browser, 1).await?;
    browser.click("[data-option=all]").await?;
    on(browser, 2).await?;
    browser.click("[data-option=two]").await?;
    on(browser, 3).await?;
    browser.see(".lesson__heard", "asks").await?;
    browser.see("#looks", "Look before you change").await?;
    browser.picture("lesson-on-call").await?;
    browser.client.goto("about:blank").await?;
    browser
        .client
        .goto(&format!("{}#lesson=99-nothing", browser.address))
        .await?;
    browser.see("#course-next", "Begin").await
}

/// Every shape and theme: nothing axe-core objects to, nothing that scrolls sideways.
async fn everywhere(browser: &Browser, name: &str, part: &str) -> Result {
    for theme in ["light", "dark"] {
        browser.theme(theme).await?;
        for shape in SHAPES {
            browser.shape(shape).await?;
            // What the terminal's bar lies above is not to be judged.
            browser
                .run("document.querySelector('#lesson-next:not([hidden]), #sandbox')?.scrollIntoView({block: 'center'})")
                .await?;
            let faults = browser.accessibility_faults_within(part).await?;
            assert_eq!(faults, Vec::<String>::new(), "{name} {theme} {shape:?}");
            let overflow = browser.sideways().await?;
            assert!(overflow <= 0, "{name} {theme} {shape:?}");
            browser
                .run("document.querySelector('#lesson')?.scrollIntoView()")
                .await?;
            browser
                .picture(&format!("lesson-{name}-{theme}-{}", shape.0))
                .await?;
        }
    }
    browser.shape((1280, 800)).await
}
