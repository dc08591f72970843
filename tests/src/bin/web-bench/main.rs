//! `cargo xtask bench --web`: how the built page feels, measured in a headless Chromium. Printed, with the machine's load, and never
//! asserted: a machine without a graphics card draws slowly, and others may be at work on it.
//!
//! **Left out**: real networks (the page comes from loopback) and real screens.

#![expect(clippy::print_stdout, reason = "a benchmark prints")]

use fantoccini::key::Key;
use packetwalk_tests::browser::{Browser, PATIENCE, Result, site};
use packetwalk_tests::large::{services_text, twenty_nodes_text};
use serde_json::{Value, json};
use std::time::Duration;

const PROBE: &str = include_str!("probe.js");
const N_LOADS: usize = 3;
const LAPTOP: (u32, u32) = (1440, 900);

#[tokio::main]
async fn main() -> Result {
    let Some(site) = site() else { return Ok(()) };
    println!(
        "the page in headless Chromium; the machine's load: {}",
        load()
    );
    let browser = Browser::open(site).await?;
    let measured = measure(&browser).await;
    browser.close().await;
    println!("the machine's load afterwards: {}", load());
    measured
}

/// What else the machine does, as Linux counts it: the last minute, five, fifteen.
fn load() -> String {
    let told = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let words: Vec<&str> = told.split_whitespace().take(3).collect();
    match words.is_empty() {
        true => "not known here".to_owned(),
        false => words.join(" "),
    }
}

async fn measure(browser: &Browser) -> Result {
    browser.shape(LAPTOP).await?;
    let source = json!({"source": PROBE});
    browser
        .devtools("Page.addScriptToEvaluateOnNewDocument", source)
        .await?;
    first_load(browser).await?;
    interactions(browser).await?;
    playing(browser).await?;
    for n in [100, 2_000] {
        editing(browser, n).await?;
    }
    frames(browser).await
}

/// A number with its goal.
fn row(what: &str, value: f64, unit: &str, goal: &str) {
    println!("{what:<72} {value:>9.1} {unit:<3} {goal}");
}

/// The value below which that share of all lies.
fn quantile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let last = values.len().saturating_sub(1);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a few thousand values"
    )]
    let at = (last as f64 * share).ceil() as usize;
    values.get(at.min(last)).copied().unwrap_or(f64::NAN)
}

async fn numbers(browser: &Browser, script: &str) -> Result<Vec<f64>> {
    let told = browser.run(script).await?;
    let list = told.as_array().ok_or("no list of numbers")?;
    Ok(list.iter().filter_map(Value::as_f64).collect())
}

async fn until(browser: &Browser, script: &str) -> Result {
    let end = tokio::time::Instant::now() + 3 * PATIENCE;
    while tokio::time::Instant::now() < end {
        let told = browser.run(&format!("return Boolean({script})")).await?;
        if told == Value::Bool(true) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Err(format!("never: {script}").into())
}

/// Opens the page as if for the first time.
async fn open_afresh(browser: &Browser) -> Result {
    let everything =
        json!({"origin": browser.address.trim_end_matches('/'), "storageTypes": "all"});
    browser
        .devtools("Storage.clearDataForOrigin", everything)
        .await?;
    browser
        .devtools("Network.clearBrowserCache", json!({}))
        .await?;
    browser.load().await
}

/// Opens the page, and has the one that computes take over: it does so for the first thing that must be computed.
async fn open_whole(browser: &Browser) -> Result {
    open_afresh(browser).await?;
    browser
        .run("document.querySelector('#examine').click()")
        .await?;
    until(browser, "document.documentElement.dataset.page === 'whole'").await
}

async fn first_load(browser: &Browser) -> Result {
    println!("\nthe first load, on a CPU made four times slower, median of {N_LOADS}");
    browser
        .devtools("Emulation.setCPUThrottlingRate", json!({"rate": 4}))
        .await?;
    let (mut ready, mut whole) = (Vec::new(), Vec::new());
    for _ in 0..N_LOADS {
        open_whole(browser).await?;
        until(browser, "probe.whole").await?;
        ready.extend(numbers(browser, "return [probe.ready]").await?);
        whole.extend(numbers(browser, "return [probe.whole]").await?);
    }
    let sizes = "const before = it => it.responseEnd <= probe.ready;\
        return [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')].filter(before).map(it => it.transferSize)";
    let bytes: f64 = numbers(browser, sizes).await?.iter().sum();
    browser
        .devtools("Emulation.setCPUThrottlingRate", json!({"rate": 1}))
        .await?;
    row(
        "interactive",
        quantile(&mut ready, 0.5),
        "ms",
        "(goal 1000)",
    );
    row(
        "the page that computes has taken over",
        quantile(&mut whole, 0.5),
        "ms",
        "",
    );
    row(
        "transferred until interactive, as this server sends it",
        bytes / 1000.0,
        "kB",
        "(goal 450 with brotli)",
    );
    Ok(())
}

/// What a person does with keys and mouse, thirty times over.
async fn interactions(browser: &Browser) -> Result {
    println!("\na scripted run of keys and clicks");
    open_whole(browser).await?;
    browser.run("probe.latencies = []").await?;
    for _ in 0..5 {
        browser
            .run("document.querySelector('#play').focus()")
            .await?;
        for key in [
            Key::Home,
            Key::Right,
            Key::Right,
            Key::Right,
            Key::End,
            Key::Left,
        ] {
            browser.press(&String::from(char::from(key))).await?;
            tokio::time::sleep(Duration::from_millis(40)).await;
        }
        for button in [
            "#layer-story",
            "#forward",
            "#layer-machine",
            "#back",
            "#envelope",
            "#envelope",
            "#zoom-in",
            "#fit",
        ] {
            browser.click(button).await?;
            tokio::time::sleep(Duration::from_millis(40)).await;
        }
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    let mut told = numbers(browser, "return probe.latencies.map(it => it[1])").await?;
    println!("{} events", told.len());
    row(
        "from the event to what it paints, median",
        quantile(&mut told, 0.5),
        "ms",
        "",
    );
    row(
        "  98 of 100 within",
        quantile(&mut told, 0.98),
        "ms",
        "(goal 50)",
    );
    Ok(())
}

async fn playing(browser: &Browser) -> Result {
    println!("\nplaying the whole walk");
    open_whole(browser).await?;
    browser.run("probe.longTasks = []").await?;
    browser.click("#start").await?;
    browser.click("#play").await?;
    let at_end = "document.querySelector('#forward').getAttribute('aria-disabled') === 'true'";
    until(browser, at_end).await?;
    let mut tasks = numbers(browser, "return probe.longTasks").await?;
    println!("{} tasks over 50 ms (goal none)", tasks.len());
    if !tasks.is_empty() {
        row("the longest", quantile(&mut tasks, 1.0), "ms", "");
    }
    Ok(())
}

const WRITE: &str = "const it = document.querySelector('#yaml');\
    it.value = text;\
    it.dispatchEvent(new Event('input', {bubbles: true}));";

async fn write(browser: &Browser, text: &str) -> Result {
    browser
        .run(&format!("const text = {};{WRITE}", json!(text)))
        .await?;
    Ok(())
}

/// One line changes, and its picture is there.
async fn editing(browser: &Browser, n_services: usize) -> Result {
    open_whole(browser).await?;
    let text =
        packetwalk_tests::text("static/manifests/clusterip.yaml") + &services_text(n_services);
    write(browser, &text).await?;
    // The shelf of rules names the first of them, and counts the others.
    let many = r"/and \d\d+ more/.test(document.querySelector('#map').textContent)";
    until(browser, many).await?;
    let change = "const done = arguments[arguments.length - 1];\
        const seen = document.querySelector('#walk-list');\
        const start = performance.now();\
        const watch = new MutationObserver(() => { watch.disconnect(); probe.afterPaint(now => done([now - start])) });\
        watch.observe(seen, {subtree: true, childList: true, characterData: true, attributes: true});";
    let mut told = Vec::new();
    for turn in 0..9 {
        let port = if turn % 2 == 0 {
            "targetPort: 9090"
        } else {
            "targetPort: 8080"
        };
        let text = text.replacen("targetPort: 8080", port, 1);
        let script = format!("{change} const text = {};{WRITE}", json!(text));
        let took = browser.client.execute_async(&script, Vec::new()).await?;
        told.extend(took[0].as_f64());
    }
    println!("\nan edit of one line at {n_services} Services");
    let goal = if n_services > 100 {
        "(goal 100)"
    } else {
        "(goal 16)"
    };
    row(
        "to the new picture, drawn, median",
        quantile(&mut told, 0.5),
        "ms",
        goal,
    );
    Ok(())
}

/// Two hundred packets among two hundred pods.
async fn frames(browser: &Browser) -> Result {
    println!("\n200 pods on 20 nodes, 200 packets in flight");
    open_whole(browser).await?;
    write(browser, &twenty_nodes_text()).await?;
    until(
        browser,
        "document.querySelectorAll('#map .place--node').length === 20",
    )
    .await?;
    browser
        .run("document.querySelector('#to').value = 'http://10.96.0.10'; document.querySelector('#request').requestSubmit()")
        .await?;
    until(
        browser,
        "document.querySelectorAll('#walk-list [data-hop]').length > 8",
    )
    .await?;
    browser.click("#many").await?;
    browser
        .run("const it = document.querySelector('#n-requests'); if (it) { it.value = '200'; it.dispatchEvent(new Event('input', {bubbles: true})); it.dispatchEvent(new Event('change', {bubbles: true})) }")
        .await?;
    browser.click("#send-many").await?;
    until(
        browser,
        "document.querySelectorAll('#map .swarm [visibility=visible]').length > 3",
    )
    .await?;
    browser.run("probe.watchFrames(true)").await?;
    tokio::time::sleep(Duration::from_secs(4)).await;
    browser.run("probe.watchFrames(false)").await?;
    let mut told = numbers(browser, "return probe.frames").await?;
    println!("{} frames", told.len());
    row(
        "script, style and layout of a frame, median",
        quantile(&mut told, 0.5),
        "ms",
        "",
    );
    row(
        "  95 of 100 within",
        quantile(&mut told, 0.95),
        "ms",
        "(goal 8)",
    );
    Ok(())
}
