//! `cargo xtask pictures`: screenshots of the built page in headless Chromium, and `target/pictures/index.html` to look at them side by side.
//!
//! **Left out**: real screens and their dots per inch.

#![expect(clippy::print_stdout, reason = "it says where the pictures are")]

use packetwalk_tests::browser::{Browser, Result, SHAPES, site};
use packetwalk_tests::root;
use std::fmt::Write;
use std::time::Duration;

const THEMES: [&str; 2] = ["light", "dark"];
const LAYERS: [&str; 2] = ["story", "machine"];
const SCENES: [&str; 3] = ["under-way", "failure", "doctor"];
const SHAPE_WORDS: [&str; SHAPES.len()] = ["phone", "laptop", "wide"];

/// The slowest pace, at which a packet is on its way for 2.8 seconds.
const SLOW: &str = "const it = document.querySelector('#speed'); it.value = 0; it.dispatchEvent(new Event('input', {bubbles: true}))";

/// So long after it set out, a packet is about half-way.
const HALF_WAY: Duration = Duration::from_millis(1_300);

/// So long after a change of shape or theme, nothing moves any more.
const AT_REST: Duration = Duration::from_millis(500);

#[tokio::main]
async fn main() -> Result {
    let Some(site) = site() else { return Ok(()) };
    let browser = Browser::open(site).await?;
    let taken = take(&browser).await;
    browser.close().await;
    taken?;
    let index = root().join("target/pictures/index.html");
    std::fs::write(&index, page())?;
    println!("{}", index.display());
    Ok(())
}

async fn take(browser: &Browser) -> Result {
    for scene in SCENES {
        browser.shape(SHAPES[1]).await?;
        browser.load().await?;
        set(browser, scene).await?;
        for (shape, word) in SHAPES.into_iter().zip(SHAPE_WORDS) {
            browser.shape(shape).await?;
            for theme in THEMES {
                browser.theme(theme).await?;
                for layer in LAYERS {
                    browser.press_button(&format!("layer-{layer}")).await?;
                    tokio::time::sleep(AT_REST).await;
                    show(browser, scene).await?;
                    let name = format!("{scene}-{word}-{theme}-{layer}");
                    browser.picture_in("pictures", &name).await?;
                }
            }
        }
    }
    Ok(())
}

/// Brings the page to a scene.
async fn set(browser: &Browser, scene: &str) -> Result {
    match scene {
        "under-way" => {
            browser.run(SLOW).await?;
        }
        "failure" => {
            browser.edit("targetPort: 8080", "targetPort: 9090").await?;
            browser.see("#outcomes", "refused").await?;
        }
        _ => {
            browser
                .edit("  selector:\n    app: api", "  selector:\n    app: apii")
                .await?;
            browser.see("#outcomes", "refused").await?;
            browser.press_button("examine").await?;
            browser.wait("#doctor .finding").await?;
        }
    }
    Ok(())
}

/// Has what the scene is about in sight.
async fn show(browser: &Browser, scene: &str) -> Result {
    match scene {
        "under-way" => {
            browser.press_button("start").await?;
            browser.press_button("forward").await?;
            tokio::time::sleep(HALF_WAY * 2).await;
            browser.press_button("forward").await?;
            browser.run("window.scrollTo(0, 0)").await?;
            tokio::time::sleep(HALF_WAY).await;
        }
        "failure" => {
            browser.press_button("end").await?;
            browser.run("window.scrollTo(0, 0)").await?;
            tokio::time::sleep(AT_REST).await;
        }
        _ => {
            browser
                .run("document.querySelector('#doctor').scrollIntoView()")
                .await?;
        }
    }
    Ok(())
}

/// All of them on one page.
fn page() -> String {
    let mut page = String::from(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>packetwalk in pictures</title>\
         <style>body{font:16px/1.5 system-ui;margin:2rem;background:#ddd}section{display:flex;flex-wrap:wrap;gap:1rem;align-items:start}\
         figure{margin:0}img{max-height:30rem;max-width:100%;display:block;box-shadow:0 2px 12px #0004}</style><h1>packetwalk in pictures</h1>",
    );
    for scene in SCENES {
        for layer in LAYERS {
            let _ = write!(page, "<h2>{scene}, {layer}</h2><section>");
            for word in SHAPE_WORDS {
                for theme in THEMES {
                    let name = format!("{scene}-{word}-{theme}-{layer}.png");
                    let _ = write!(
                        page,
                        "<figure><a href=\"{name}\"><img src=\"{name}\" alt=\"{scene}, {layer}, {word}, {theme}\"></a><figcaption>{word}, {theme}</figcaption></figure>"
                    );
                }
            }
            page.push_str("</section>");
        }
    }
    page
}
