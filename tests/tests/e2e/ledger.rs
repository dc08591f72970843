//! What can be looked up, in a real Chromium: rules of three modes next to one another, what changed, what a hop asked, and lists.

use super::{Browser, Result, told};

#[tokio::test(flavor = "multi_thread")]
async fn rules_and_lists_are_looked_up_searched_and_follow_the_cluster() {
    told("ledger", look_up).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_of_the_manifest_lights_up_the_hops_and_rules_it_decides() {
    told("line-uses", point_at_lines).await;
}

async fn point_at_lines(browser: &Browser) -> Result {
    browser.shape((1440, 900)).await?;
    browser.load().await?;
    // Something that must be computed brings the page that can.
    browser
        .edit("targetPort: 8080", "targetPort: 8080 ")
        .await?;
    browser.wait("#line-uses").await?;
    let caret_in = |words: &str| {
        format!(
            "const it = document.querySelector('#yaml'); const at = it.value.indexOf({words:?}); it.focus(); it.setSelectionRange(at, at);\
             it.dispatchEvent(new KeyboardEvent('keyup', {{bubbles: true}}))"
        )
    };
    browser.run(&caret_in("port: 80 ")).await?;
    browser.see("#line-uses", "node-1, prerouting").await?;
    browser.see("#line-uses", "vmap @service-ips").await?;
    let n_lit = "return document.querySelectorAll('#walk-list [data-decided]').length * document.querySelectorAll('.timeline__tick[data-decided]').length";
    assert!(browser.run(n_lit).await?.as_i64().unwrap_or_default() > 0);
    browser.picture("line-uses").await?;
    let faults = browser.accessibility_faults().await?;
    assert_eq!(faults, Vec::<String>::new(), "a line that decides");
    browser
        .run("document.querySelector('#line-uses button').click()")
        .await?;
    browser.see("#say", "rewrite the destination").await?;
    browser.run(&caret_in("kind: Service")).await?;
    browser.see("#line-uses", "decides no hop").await?;
    assert_eq!(browser.run(n_lit).await?.as_i64(), Some(0));
    Ok(())
}

async fn look_up(browser: &Browser) -> Result {
    browser.shape((1440, 900)).await?;
    browser.load().await?;
    // In a first look opening it brings the page that can.
    browser
        .run("document.querySelector('#ledger-bar').click()")
        .await?;
    browser.see("#ledger-page", "nft list ruleset").await?;
    browser.see("#ledger-page", "chain services").await?;
    for mode in ["nftables", "iptables", "ipvs"] {
        browser
            .run(&format!("document.querySelector('#ledger-{mode}').click()"))
            .await?;
    }
    browser.see("#ledger-page", "iptables-save").await?;
    browser.see("#ledger-page", "deprecated").await?;
    let n_side_by_side = "return document.querySelectorAll('.ruleset').length";
    assert_eq!(browser.run(n_side_by_side).await?.as_i64(), Some(3));
    // An edit brings lines and takes others, in every mode.
    browser.edit("targetPort: 8080", "targetPort: 9090").await?;
    looked(browser, "9090").await?;
    let n_new = "return [...document.querySelectorAll('.ruleset')].filter(it => it.querySelector('[data-change=new]') && it.querySelector('[data-change=gone]')).length";
    assert_eq!(browser.run(n_new).await?.as_i64(), Some(3));
    browser
        .run("document.querySelector('#ledger').scrollIntoView()")
        .await?;
    browser.picture("ledger-rules").await?;
    let faults = browser.accessibility_faults().await?;
    assert_eq!(faults, Vec::<String>::new(), "rules");
    // A hop that asks rules marks them, with the reason of those that did not match.
    browser
        .run("document.querySelector('#ledger-marked').click()")
        .await?;
    browser
        .run("[...document.querySelectorAll('#walk button')].find(it => it.textContent.includes('prerouting')).click()")
        .await?;
    looked(browser, "matched at this hop").await?;
    browser.see("#ledger-page", "asked:").await?;
    // What is chosen between a step and the look after it stays chosen.
    browser
        .run("[...document.querySelectorAll('#walk button')].find(it => it.textContent.includes('postrouting')).click()")
        .await?;
    browser
        .run("document.querySelector('#ledger-ipvs').click()")
        .await?;
    tokio::time::sleep(std::time::Duration::from_millis(600)).await;
    assert_eq!(browser.run(n_side_by_side).await?.as_i64(), Some(2));
    // Lists, by the keyboard.
    browser
        .run("document.querySelector('#ledger-rules').focus()")
        .await?;
    let key = |name: &str| {
        format!(
            "document.activeElement.dispatchEvent(new KeyboardEvent('keydown', {{key: '{name}', bubbles: true, cancelable: true}}))"
        )
    };
    for (column, cell) in [
        ("Load balancer", "kube-dns"),
        ("Terminating", "9090/TCP"),
        ("Silence", "dnat"),
        ("Answer", "api.default.svc.cluster.local"),
        ("Reason", "Object"),
    ] {
        browser.run(&key("ArrowRight")).await?;
        browser.see("#ledger-page", column).await?;
        browser.see("#ledger-page", cell).await?;
        let faults = browser.accessibility_faults().await?;
        assert_eq!(faults, Vec::<String>::new(), "{column}");
    }
    browser.run(&key("Home")).await?;
    browser.see("#ledger-page", "nft list ruleset").await?;
    browser.shape((390, 844)).await?;
    browser.theme("dark").await?;
    browser.picture("ledger-phone-dark").await?;
    let faults = browser.accessibility_faults().await?;
    assert_eq!(faults, Vec::<String>::new(), "on a phone, in the dark");
    assert!(browser.sideways().await? <= 0);
    Ok(())
}

/// It has looked again by itself; or, on a machine where looking took long, it says that the cluster has moved on, and looks when it is told to.
async fn looked(browser: &Browser, words: &str) -> Result {
    let is_old = "document.querySelector('.ledger__old span:not([hidden])')";
    browser
        .until(&format!(
            "document.querySelector('#ledger-page').textContent.includes('{words}') || {is_old}"
        ))
        .await?;
    let again = format!("if ({is_old}) document.querySelector('.ledger__old button').click()");
    browser.run(&again).await?;
    browser.see("#ledger-page", words).await
}
