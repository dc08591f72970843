//! Lecture mode in a real Chromium: large type, the figure alone, a remote control's keys, and back.

use super::{Browser, Result, told};

#[tokio::test(flavor = "multi_thread")]
async fn a_room_sees_the_figure_alone_and_a_remote_control_steps() {
    told("lecture", lecture).await;
}

async fn lecture(browser: &Browser) -> Result {
    browser.shape((1366, 768)).await?;
    browser.load().await?;
    let press = |key: &str| {
        format!(
            "document.body.dispatchEvent(new KeyboardEvent('keydown', {{key: '{key}', bubbles: true, cancelable: true}}))"
        )
    };
    let said = "return document.querySelector('#say').textContent";
    let first = browser.run(said).await?;
    // Outside a lecture these keys are the page's own.
    browser.run(&press("PageDown")).await?;
    assert_eq!(browser.run(said).await?, first);
    browser.run(&press("b")).await?;
    let is_alone = "return [...document.querySelectorAll('.inspector, .manifest, .walk, .doctor, .share, .below')].every(it => it.offsetHeight === 0) && document.querySelector('#figure').offsetHeight > 0";
    assert_eq!(browser.run(is_alone).await?.as_bool(), Some(true));
    assert_eq!(
        browser
            .run("return document.querySelector('#lecture').getAttribute('aria-pressed')")
            .await?,
        "true"
    );
    browser.run(&press("PageDown")).await?;
    browser.run(&press("PageDown")).await?;
    let later = browser.run(said).await?;
    assert_ne!(later, first);
    browser.run(&press("PageUp")).await?;
    assert_ne!(browser.run(said).await?, later);
    browser.picture("lecture").await?;
    let faults = browser.accessibility_faults().await?;
    assert_eq!(faults, Vec::<String>::new(), "in a lecture");
    assert!(browser.sideways().await? <= 0);
    browser.run(&press("Escape")).await?;
    assert_eq!(browser.run(is_alone).await?.as_bool(), Some(false));
    Ok(())
}
