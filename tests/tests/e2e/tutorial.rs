//! The living tutorial in a real Chromium, by keyboard: every command that it shows is run where it stands and ends as it says.
//!
//! **Left out**: reading it for whoever reads it.

use super::{Browser, Result, SHAPES, told};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn the_tutorial_can_be_done_from_beginning_to_end_by_keyboard() {
    told("tutorial", doing).await;
}

async fn open(browser: &Browser) -> Result {
    let address = format!("{}tutorial.html", browser.address);
    browser.client.goto(&address).await?;
    browser.wait("packet-walk[data-state=ready]").await
}

async fn doing(browser: &Browser) -> Result {
    browser.shape(SHAPES[1]).await?;
    open(browser).await?;
    let n_commands = browser
        .run("return document.querySelectorAll('.try-box').length")
        .await?;
    let n_commands = n_commands.as_u64().unwrap_or_default();
    assert!(n_commands > 40, "{n_commands}");
    for idx in 0..n_commands {
        let it = format!("document.querySelectorAll('.try-box')[{idx}]");
        browser
            .run(&format!("{it}.querySelector('button').focus()"))
            .await?;
        browser.press("\u{e007}").await?;
        browser
            .until(&format!(
                "!{it}.querySelector('.printed').hidden && !{it}.querySelector('button').disabled"
            ))
            .await?;
        let told = browser
            .run(&format!(
                "const it = {it}; return [it.querySelector('.try').textContent, it.querySelector('.printed').dataset.code, it.querySelector('.try').dataset.code ?? '0', it.querySelector('.printed').textContent]"
            ))
            .await?;
        assert_eq!(told[1], told[2], "{told}");
    }
    // What the sentences beside some of them promise.
    let printed = |of: &str| {
        format!(
            "return [...document.querySelectorAll('.try-box')].filter(it => it.querySelector('.try').textContent.includes({of:?})).map(it => it.querySelector('.printed').textContent)"
        )
    };
    let waits = browser.run(&printed("get service shop")).await?;
    assert!(waits[0].to_string().contains("<pending>"), "{waits}");
    assert!(waits[1].to_string().contains("amazonaws.com"), "{waits}");
    let names = browser.run(&printed("nslookup database")).await?;
    assert!(
        names[0]
            .to_string()
            .contains("canonical name = mydb.example.com"),
        "{names}"
    );
    assert!(!names[1].to_string().contains("mydb"), "{names}");
    let each = browser.run(&printed("nslookup mysql-0")).await?;
    assert!(
        each[1].to_string().contains("Name:\\tmysql-0.mysql"),
        "{each}"
    );
    let none = browser.run(&printed("ip addr")).await?;
    assert_eq!(none, json!(["(it printed nothing)"]));
    for theme in ["light", "dark"] {
        browser
            .devtools(
                "Emulation.setEmulatedMedia",
                json!({"features": [{"name": "prefers-color-scheme", "value": theme}]}),
            )
            .await?;
        for shape in SHAPES {
            browser.shape(shape).await?;
            assert!(browser.sideways().await? <= 0, "{theme} {shape:?}");
        }
        let faults = browser.accessibility_faults().await?;
        assert_eq!(faults, Vec::<String>::new(), "{theme}");
    }
    browser.run("window.scrollTo(0, 0)").await?;
    browser.picture("tutorial").await?;
    let errors = browser.console().await?;
    assert_eq!(errors, Vec::<String>::new());
    without_scripts(browser).await
}

/// All of it can be read where no script runs.
async fn without_scripts(browser: &Browser) -> Result {
    browser
        .devtools(
            "Emulation.setScriptExecutionDisabled",
            json!({"value": true}),
        )
        .await?;
    browser
        .client
        .goto(&format!("{}tutorial.html", browser.address))
        .await?;
    browser
        .devtools(
            "Emulation.setScriptExecutionDisabled",
            json!({"value": false}),
        )
        .await?;
    let told = browser
        .run("return [document.querySelectorAll('.try-box').length, document.body.innerText]")
        .await?;
    assert_eq!(told[0], Value::from(0));
    let words = told[1].as_str().unwrap_or_default().to_owned();
    for it in ["kubectl get endpointslices", "clusterIP: None", "KUBE-SEP-"] {
        assert!(words.contains(it), "{it} is not there to be read");
    }
    Ok(())
}
