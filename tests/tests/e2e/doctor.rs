//! The doctor in a real Chromium: well, ill, the request that shows it, the command that mends it.

use super::{Browser, Result, told};

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_says_what_is_wrong_shows_it_and_mends_it() {
    told("doctor", examine).await;
}

/// It has looked again by itself; or, on a machine where looking took long, it says that the cluster has changed, and looks when it is told to.
async fn looked_again(browser: &Browser, sees: &str) -> Result {
    let is_old =
        "document.querySelector('#doctor-summary').textContent.includes('has changed since')";
    browser
        .until(&format!("document.querySelector('{sees}') || {is_old}"))
        .await?;
    if browser.run(&format!("return {is_old}")).await? == true {
        browser.press_button("examine").await?;
    }
    browser.wait(sees).await
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
    looked_again(browser, "#doctor-findings .finding").await?;
    browser.see("#doctor-findings", "spec.selector").await?;
    browser.see("#doctor-findings", "error").await?;
    browser
        .run("document.querySelector('#doctor').scrollIntoView()")
        .await?;
    browser.picture("doctor").await?;
    let faults = browser.accessibility_faults().await?;
    assert_eq!(faults, Vec::<String>::new(), "what is wrong");
    browser.theme("dark").await?;
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
    looked_again(browser, "#doctor-summary[data-well]").await?;
    browser.see("#doctor-summary", "nothing is wrong").await?;
    browser.shape((390, 844)).await?;
    assert!(browser.sideways().await? <= 0);
    Ok(())
}
