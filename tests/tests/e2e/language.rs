//! The page in another language, in a real Chromium: chosen, kept, and given up again; and English, whose file names every text of the page.
//!
//! **Left out**: whether a translation is a good one.

use super::{Browser, Result, told};
use serde_json::Value;

#[tokio::test(flavor = "multi_thread")]
async fn the_page_speaks_german_where_it_is_chosen_and_english_again() {
    told("language", speaking).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_text_of_the_page_stands_in_the_english_file() {
    told("english", naming).await;
}

async fn choose(browser: &Browser, language: &str) -> Result {
    let script = format!(
        "const it = document.querySelector('#language'); it.value = '{language}'; it.dispatchEvent(new Event('change', {{bubbles: true}}))"
    );
    browser.run(&script).await?;
    browser
        .until(&format!("document.documentElement.lang === '{language}'"))
        .await
}

async fn speaking(browser: &Browser) -> Result {
    browser.shape((1440, 900)).await?;
    browser.load().await?;
    let english = browser.text("#figure").await?;
    let words = browser.text("#walk").await?;
    choose(browser, "de").await?;
    browser.see("#say", "client fragt den Cluster-DNS").await?;
    browser.see("#send", "Senden").await?;
    browser
        .until("document.querySelector('#play').ariaLabel?.startsWith('Abspielen') || document.querySelector('#play').textContent.includes('Abspielen')")
        .await?;
    // What the page writes afterwards is put into the language too, and names stay what they are.
    for _ in 0..3 {
        browser.click("#forward").await?;
    }
    browser
        .see(
            "#say",
            "Die Regeln von node-1 wählen api-1 und schreiben das Ziel um auf 10.244.1.5:8080.",
        )
        .await?;
    browser.see("#yaml, #editor", "kind: Service").await?;
    // The whole page takes over, and a reload does, in the same language.
    browser.edit("targetPort: 8080", "targetPort: 9090").await?;
    browser.see("#outcomes", "abgewiesen").await?;
    browser.wait("html[data-page=whole]").await?;
    browser.load().await?;
    browser.see("#outcomes", "abgewiesen").await?;
    let faults = browser.accessibility_faults().await?;
    assert_eq!(faults, Vec::<String>::new(), "in German");
    browser.picture("language-german").await?;
    // And back, as if nothing had been.
    browser.edit("targetPort: 9090", "targetPort: 8080").await?;
    browser.see("#outcomes", "api-1").await?;
    browser.click("#start").await?;
    choose(browser, "en").await?;
    assert_eq!(browser.text("#walk").await?, words);
    browser.run("localStorage.clear()").await?;
    browser.load().await?;
    assert_eq!(browser.text("#figure").await?, english);
    Ok(())
}

/// Texts of more than one word that the English file does not name. Parts that say what objects are called are passed over.
const UNNAMED: &str = "
    const done = arguments[arguments.length - 1];
    (async () => {
      const { Catalogue } = await import(new URL('./words.js', location.href));
      const english = new Catalogue((await (await fetch('./languages/en.json')).json()).texts);
      const seen = new Set();
      const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
      for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        const text = node.data.trim();
        const isOurs = !node.parentElement.closest('[translate=no], code, pre, kbd, textarea, script, style, noscript, #rescue');
        if (isOurs && /\\p{L}{2}.*\\s.*\\p{L}/u.test(text) && english.told(text) === null) {
          seen.add(text);
        }
      }
      done([...seen]);
    })();
";

async fn unnamed(browser: &Browser, whence: &str) -> Result {
    let told = browser.client.execute_async(UNNAMED, Vec::new()).await?;
    assert_eq!(told, Value::Array(Vec::new()), "{whence}");
    Ok(())
}

async fn naming(browser: &Browser) -> Result {
    browser.shape((1440, 900)).await?;
    browser.load().await?;
    unnamed(browser, "the first look").await?;
    browser.edit("targetPort: 8080", "targetPort: 9090").await?;
    browser.see("#outcomes", "refused").await?;
    browser.wait("html[data-page=whole]").await?;
    let n_hops = browser
        .run("return document.querySelectorAll('#walk-list [data-hop]').length")
        .await?;
    browser
        .run("document.querySelector('#layer-machine').click()")
        .await?;
    for _ in 0..n_hops.as_u64().unwrap_or_default() {
        unnamed(browser, "a walk that is refused").await?;
        browser.click("#forward").await?;
    }
    browser.edit("targetPort: 9090", "targetPort: 8080").await?;
    browser.see("#outcomes", "api-1").await?;
    for _ in 0..20 {
        unnamed(browser, "a walk").await?;
        browser.click("#forward").await?;
    }
    browser.press_button("examine").await?;
    browser.see("#doctor", "othing").await?;
    browser.press_button("settle").await?;
    unnamed(browser, "after the doctor").await
}
