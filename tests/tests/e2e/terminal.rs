//! The terminal in a real Chromium, by keyboard alone: lines, Tab, what runs and is interrupted, undo, a link.

use super::{Browser, Result, told};
use fantoccini::key::Key;
use serde_json::Value;

/// Types a line and sends it.
async fn line(browser: &Browser, text: &str) -> Result {
    browser
        .press(&format!("{text}{}", char::from(Key::Enter)))
        .await
}

const IS_FREE: &str = "document.querySelector('#terminal-stop').hidden";

#[tokio::test(flavor = "multi_thread")]
async fn kubectl_is_typed_and_the_picture_follows() {
    told("terminal", type_all).await;
}

async fn type_all(browser: &Browser) -> Result {
    browser.shape((1440, 900)).await?;
    browser.load().await?;
    // By its key, from anywhere on the page; what is typed first is there when the whole page takes over.
    browser.press("k").await?;
    browser
        .until("document.activeElement.id === 'terminal-line'")
        .await?;
    line(browser, "kubectl get services").await?;
    browser.see("#terminal-log", "10.96.0.10").await?;
    browser
        .until("document.documentElement.dataset.page === 'whole'")
        .await?;
    browser
        .until("document.activeElement.id === 'terminal-line'")
        .await?;
    line(browser, "kubectl exec client -- curl -s http://api").await?;
    browser.see("#terminal-log", "api-").await?;
    let faults = browser.accessibility_faults_within(".drawer").await?;
    assert_eq!(faults, Vec::<String>::new(), "the terminal");
    browser.picture("terminal").await?;
    change(browser).await?;
    by_tab(browser).await?;
    interrupt(browser).await?;
    as_text(browser).await
}

/// What a line does is seen in the picture, undone, and kept.
async fn change(browser: &Browser) -> Result {
    browser.see("#outcomes", "2 ways").await?;
    line(browser, "kubectl delete pod api-2").await?;
    browser
        .see("#terminal-log", "pod \"api-2\" deleted")
        .await?;
    browser.see("#outcomes", "One way").await?;
    browser.until(IS_FREE).await?;
    browser
        .run("document.querySelector('#undo').click()")
        .await?;
    browser.see("#outcomes", "2 ways").await?;
    browser
        .run("document.querySelector('#redo').click()")
        .await?;
    browser.see("#outcomes", "One way").await?;
    // After loading again it has happened.
    tokio::time::sleep(std::time::Duration::from_millis(600)).await;
    browser.load().await?;
    browser.see("#outcomes", "One way").await?;
    browser
        .run("document.querySelector('#clock').open = true")
        .await?;
    browser
        .see("#moments", "$ kubectl delete pod api-2")
        .await?;
    browser
        .run("document.querySelector('#undo').click()")
        .await?;
    browser.see("#outcomes", "2 ways").await
}

/// Tab completes, Up brings back; Esc and Tab leave.
async fn by_tab(browser: &Browser) -> Result {
    browser
        .run("document.querySelector('#terminal').open = true")
        .await?;
    browser
        .until("document.activeElement.id === 'terminal-line'")
        .await?;
    let tab = char::from(Key::Tab);
    let value = |text: &str| format!("document.querySelector('#terminal-line').value === '{text}'");
    browser.press(&format!("kubectl descr{tab}")).await?;
    browser.until(&value("kubectl describe ")).await?;
    browser.press(&format!("pods ap{tab}")).await?;
    browser.until(&value("kubectl describe pods api-")).await?;
    browser.see("#terminal-offers", "api-2").await?;
    browser.picture("terminal-tab").await?;
    let faults = browser.accessibility_faults_within(".drawer").await?;
    assert_eq!(faults, Vec::<String>::new(), "words to choose from");
    browser
        .press(&format!("1{}", char::from(Key::Enter)))
        .await?;
    browser
        .see("#terminal-log", "IP:           10.244.1.5")
        .await?;
    browser.press(&char::from(Key::Up).to_string()).await?;
    browser.until(&value("kubectl describe pods api-1")).await?;
    browser
        .press(&format!("{}{tab}", char::from(Key::Escape)))
        .await?;
    browser
        .until("document.activeElement.id !== 'terminal-line'")
        .await?;
    browser
        .run("const it = document.querySelector('#terminal-line'); it.value = ''; it.focus()")
        .await?;
    Ok(())
}

/// A line that goes on prints as it comes, leaves the page free, and is interrupted.
async fn interrupt(browser: &Browser) -> Result {
    line(browser, "kubectl exec client -- ping 10.244.2.3").await?;
    browser.see("#terminal-log", "icmp_seq=3").await?;
    browser.until(&format!("!{IS_FREE}")).await?;
    browser.click("#forward").await?;
    browser
        .run("document.querySelector('#terminal-line').focus()")
        .await?;
    let control_c = format!("{}c{}", char::from(Key::Control), char::from(Key::Null));
    browser.press(&control_c).await?;
    browser.see("#terminal-log", "^C").await?;
    browser.until(IS_FREE).await
}

/// What is printed is text, whatever it looks like.
async fn as_text(browser: &Browser) -> Result {
    line(browser, "echo '<img src=x onerror=alert(1)><b>bold</b>'").await?;
    browser.see("#terminal-log", "<b>bold</b>").await?;
    let elements = "return document.querySelectorAll('#terminal-log b, #terminal-log img').length";
    assert_eq!(browser.run(elements).await?, Value::from(0));
    browser.shape((390, 844)).await?;
    browser.picture("terminal-phone").await?;
    let faults = browser.accessibility_faults_within(".drawer").await?;
    assert_eq!(faults, Vec::<String>::new(), "on a phone");
    assert!(browser.sideways().await? <= 0);
    Ok(())
}
