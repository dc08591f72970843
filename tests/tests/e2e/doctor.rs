//! The doctor in a real Chromium: well, ill, the request that shows it, the command that mends it.

use super::{AT_MOST, Browser, Result, end, site};

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_says_what_is_wrong_shows_it_and_mends_it() {
    let Some(site) = site() else { return };
    let browser = Browser::open(site).await.expect("a browser");
    let story = tokio::time::timeout(AT_MOST, examine(&browser)).await;
    end("doctor", browser, story).await;
}

async fn examine(browser: &Browser) -> Result {
    browser.shape((1440, 900)).await?;
    browser.load().await?;
    // In a first look the button brings the page that can.
    browser
        .run("document.querySelector('#examine').click()")
        .await?;
    browser.see("#doctor-summary", "nothing is wrong").await?;
    // It looks again by itself.
    browser
        .edit("  selector:\n    app: api", "  selector:\n    app: apii")
        .await?;
    browser.see("#doctor-findings", "spec.selector").await?;
    browser.see("#doctor-findings", "error").await?;
    browser
        .run("document.querySelector('#doctor').scrollIntoView()")
        .await?;
    browser.picture("doctor").await?;
    let faults = browser.accessibility_faults().await?;
    assert_eq!(faults, Vec::<String>::new(), "what is wrong");
    browser
        .run("document.documentElement.dataset.theme = 'dark'")
        .await?;
    browser.picture("doctor-dark").await?;
    let faults = browser.accessibility_faults().await?;
    assert_eq!(faults, Vec::<String>::new(), "in the dark");
    // The line, the request, the remedy.
    browser
        .run("document.querySelector('.finding__line').click()")
        .await?;
    browser
        .run("[...document.querySelectorAll('.finding__button')].find(it => it.textContent === 'Play this request').click()")
        .await?;
    browser.see("#outcomes", "refused").await?;
    browser
        .run("[...document.querySelectorAll('.finding__button')].find(it => it.textContent === 'Do it in the terminal').click()")
        .await?;
    browser.see("#terminal-log", "service/api").await?;
    browser.see("#outcomes", "delivered").await?;
    browser.see("#doctor-summary", "nothing is wrong").await?;
    browser.shape((390, 844)).await?;
    let overflow =
        "return document.documentElement.scrollWidth - document.documentElement.clientWidth";
    assert!(browser.run(overflow).await?.as_i64().unwrap_or_default() <= 0);
    Ok(())
}
