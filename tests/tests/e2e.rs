//! The built page in a real Chromium, as a person uses it: look, step, edit, read.
//!
//! `cargo xtask test` builds the page and says where it is (`PACKETWALK_SITE`), and where axe-core
//! is (`AXE_JS`). Without them there is nothing to test, and that is said loudly.

#[path = "e2e/hand_over.rs"]
mod hand_over;
#[path = "e2e/keep.rs"]
mod keep;
#[path = "e2e/stage.rs"]
mod stage;

use fantoccini::{Client, ClientBuilder, Locator, key::Key};
use packetwalk_tests::root;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};

type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

const PATIENCE: Duration = Duration::from_secs(20);
const AT_MOST: Duration = Duration::from_secs(180);

/// Widths and heights of a phone, a laptop and a wide screen.
const SHAPES: [(u32, u32); 3] = [(390, 844), (1366, 768), (1920, 1080)];

struct Browser {
    client: Client,
    driver: Child,
    address: String,
}

#[expect(clippy::print_stderr, reason = "a skipped test must say so")]
fn site() -> Option<PathBuf> {
    let site = std::env::var_os("PACKETWALK_SITE").map(PathBuf::from);
    if site.is_none() {
        eprintln!(
            "\n*** SKIPPED the end-to-end test: PACKETWALK_SITE does not say where the built page is\n"
        );
    }
    site
}

/// chromedriver on a free port, which it prints.
async fn driver() -> Result<(Child, u16)> {
    let program = std::env::var("CHROMEDRIVER").unwrap_or_else(|_| "chromedriver".into());
    let mut child = Command::new(program)
        .arg("--port=0")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    let mut lines = BufReader::new(child.stdout.take().ok_or("no output")?).lines();
    while let Some(line) = lines.next_line().await? {
        let port = line
            .strip_prefix("ChromeDriver was started successfully on port ")
            .map(|it| it.trim_end_matches('.').parse());
        if let Some(port) = port {
            // What it prints later is read, so that it never blocks.
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            return Ok((child, port?));
        }
    }
    Err("chromedriver ended without a port".into())
}

impl Browser {
    async fn open(site: PathBuf) -> Result<Browser> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = format!("http://{}/", listener.local_addr()?);
        tokio::spawn(async move {
            packetwalk::commands::serve::serve_on(listener, &site, std::future::pending()).await
        });
        let (driver, port) = driver().await?;
        let text = packetwalk_tests::text("tests/webdriver.json");
        let mut capabilities: Value = serde_json::from_str(&text)?;
        if let Some(arguments) = capabilities["goog:chromeOptions"]["args"].as_array_mut() {
            arguments.extend([
                json!("--headless=new"),
                json!("--no-sandbox"),
                json!("--disable-dev-shm-usage"),
            ]);
        }
        capabilities["goog:loggingPrefs"] = json!({"browser": "ALL"});
        let Value::Object(capabilities) = capabilities else {
            return Err("webdriver.json is no object".into());
        };
        let connector = hyper_util::client::legacy::connect::HttpConnector::new();
        let client = ClientBuilder::new(connector)
            .capabilities(capabilities)
            .connect(&format!("http://127.0.0.1:{port}"))
            .await?;
        Ok(Browser {
            client,
            driver,
            address,
        })
    }

    async fn load(&self) -> Result {
        self.client.goto(&self.address).await?;
        self.wait("body[data-ready]").await
    }

    async fn wait(&self, selector: &str) -> Result {
        self.client
            .wait()
            .at_most(PATIENCE)
            .for_element(Locator::Css(selector))
            .await
            .map_err(|it| format!("{selector}: {it}"))?;
        Ok(())
    }

    async fn run(&self, script: &str) -> Result<Value> {
        Ok(self.client.execute(script, Vec::new()).await?)
    }

    async fn text(&self, selector: &str) -> Result<String> {
        // What is drawn has no inner text.
        let script = format!(
            "const it = document.querySelector({selector:?}); return it?.innerText ?? it?.textContent ?? ''"
        );
        Ok(self
            .run(&script)
            .await?
            .as_str()
            .unwrap_or_default()
            .to_owned())
    }

    /// Presses keys where the focus is.
    async fn press(&self, keys: &str) -> Result {
        self.client.active_element().await?.send_keys(keys).await?;
        Ok(())
    }

    async fn click(&self, selector: &str) -> Result {
        self.client
            .find(Locator::Css(selector))
            .await
            .map_err(|it| format!("{selector}: {it}"))?
            .click()
            .await?;
        Ok(())
    }

    /// Waits until an element's text holds some words.
    async fn see(&self, selector: &str, words: &str) -> Result {
        let until = tokio::time::Instant::now() + PATIENCE;
        loop {
            let text = self.text(selector).await?;
            if text.contains(words) {
                return Ok(());
            }
            if tokio::time::Instant::now() > until {
                return Err(format!("{selector} never said {words:?}, but: {text}").into());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Puts a text into the editor as typing would, by replacing some words of it.
    async fn edit(&self, from: &str, to: &str) -> Result {
        let script = format!(
            "const it = document.querySelector('#yaml');\
             if (!it.value.includes({from:?})) return false;\
             const set = Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, 'value').set;\
             set.call(it, it.value.replace({from:?}, {to:?}));\
             it.dispatchEvent(new Event('input', {{bubbles: true}}));\
             return true;"
        );
        match self.run(&script).await? {
            Value::Bool(true) => Ok(()),
            _ => Err(format!("the editor does not hold {from:?}").into()),
        }
    }

    async fn picture(&self, name: &str) -> Result {
        let folder = root().join("target/e2e");
        std::fs::create_dir_all(&folder)?;
        std::fs::write(
            folder.join(format!("{name}.png")),
            self.client.screenshot().await?,
        )?;
        Ok(())
    }

    async fn shape(&self, (width, height): (u32, u32)) -> Result {
        self.client.set_window_size(width, height).await?;
        Ok(())
    }

    /// Every error and warning the page left in the console.
    async fn console(&self) -> Result<Vec<String>> {
        let script = "return window.__packetwalk_errors ?? []";
        let told = self.run(script).await?;
        Ok(told
            .as_array()
            .into_iter()
            .flatten()
            .map(ToString::to_string)
            .collect())
    }

    /// What axe-core finds wrong with the page as it stands.
    async fn accessibility_faults(&self) -> Result<Vec<String>> {
        let path = std::env::var("AXE_JS").map_err(|_| "AXE_JS does not say where axe-core is")?;
        self.client
            .execute(&std::fs::read_to_string(path)?, Vec::new())
            .await?;
        let script = "const done = arguments[arguments.length - 1];\
             axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']})\
             .then(it => done(it.violations.map(v => `${v.id}: ${v.nodes.map(n => n.target.join(' ')).join(', ')}`)),\
                   it => done([String(it)]))";
        let found = self.client.execute_async(script, Vec::new()).await?;
        let list = found.as_array().ok_or("axe gave no list")?;
        Ok(list.iter().map(ToString::to_string).collect())
    }

    async fn close(mut self) {
        // Whatever fails here, the driver is killed with its handle.
        let _ = self.client.close().await;
        let _ = self.driver.kill().await;
    }
}

/// A copy of the page that a test may spoil; it goes when the test ends.
struct Copy(PathBuf);

impl Copy {
    fn of(site: &Path, name: &str) -> std::io::Result<Copy> {
        let name = format!("packetwalk-e2e-{name}-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        let copy = Copy(folder);
        copy_folder(site, &copy.0)?;
        Ok(copy)
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        // What is left behind is in the folder for such things.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn copy_folder(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let path = entry?.path();
        let Some(name) = path.file_name() else {
            continue;
        };
        if path.is_dir() {
            copy_folder(&path, &to.join(name))?;
        } else {
            std::fs::copy(&path, to.join(name))?;
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_follows_the_packet_edits_the_manifest_and_reads_the_result() {
    let Some(site) = site() else { return };
    let browser = Browser::open(site).await.expect("a browser");
    let story = tokio::time::timeout(AT_MOST, tell(&browser)).await;
    end("story", browser, story).await;
}

/// Ends a story: it came to its end in time and left nothing in the console, or there is a picture of where it failed.
async fn end(
    name: &str,
    browser: Browser,
    story: std::result::Result<Result, tokio::time::error::Elapsed>,
) {
    let console = browser.console().await;
    if !matches!(story, Ok(Ok(()))) {
        let _ = browser.picture(&format!("failure-{name}")).await;
    }
    browser.close().await;
    story.expect("in time").expect("the story");
    assert_eq!(console.expect("a console"), Vec::<String>::new());
}

async fn tell(browser: &Browser) -> Result {
    browser.load().await?;
    follow(browser).await?;
    by_keyboard(browser).await?;
    edit(browser).await?;
    everywhere(browser).await
}

/// The walk, hop by hop, there and back.
async fn follow(browser: &Browser) -> Result {
    let hops = "return document.querySelectorAll('#walk-list [data-hop]').length";
    let n_hops = browser.run(hops).await?.as_u64().unwrap_or_default();
    assert_eq!(n_hops, 14, "the hops of the tutorial's first way");
    browser
        .see("#walk-list [aria-current=step]", "cluster DNS")
        .await?;
    for _ in 0..3 {
        browser.click("#forward").await?;
    }
    browser
        .see("#walk-list [aria-current=step]", "10.244.1.5:8080")
        .await?;
    browser.see("#inspector", "numgen random mod 2").await?;
    browser.see("#inspector", "10.96.0.10").await?;
    browser.picture("rewrite").await?;
    browser.click("#back").await?;
    browser
        .see(
            "#walk-list [aria-current=step]",
            "an address no interface has",
        )
        .await?;
    // Never by itself, but when asked to.
    browser.click("#play").await?;
    browser
        .see("#walk-list [aria-current=step]", "routing")
        .await?;
    browser.click("#play").await
}

/// Everything once more without a mouse.
async fn by_keyboard(browser: &Browser) -> Result {
    browser
        .run("document.querySelector('#play').focus()")
        .await?;
    let press = async |key: &str| -> Result {
        let active = browser.client.active_element().await?;
        active.send_keys(key).await?;
        Ok(())
    };
    press(&String::from(char::from(Key::Home))).await?;
    browser
        .see("#walk-list [aria-current=step]", "cluster DNS")
        .await?;
    press(&String::from(char::from(Key::Right))).await?;
    browser
        .see("#walk-list [aria-current=step]", "answers: 10.96.0.10")
        .await?;
    press(&String::from(char::from(Key::End))).await?;
    browser
        .see("#walk-list [aria-current=step]", "the address it asked")
        .await?;
    browser.see("#say", "the address it asked").await?;
    press(&String::from(char::from(Key::Left))).await?;
    browser
        .see("#walk-list [aria-current=step]", "back as the source")
        .await
}

/// A wrong target port, a broken selector, and a mistake at its line.
async fn edit(browser: &Browser) -> Result {
    browser.edit("targetPort: 8080", "targetPort: 9090").await?;
    browser.see("#outcomes", "refused").await?;
    browser.edit("targetPort: 9090", "targetPort: 8080").await?;
    browser.see("#outcomes", "api-1").await?;
    browser
        .edit("  selector:\n    app: api", "  selector:\n    app: apii")
        .await?;
    browser.see("#outcomes", "refused").await?;
    browser
        .run("document.querySelector('#play').focus()")
        .await?;
    browser.picture("no-endpoints").await?;
    browser.edit("    app: apii", "    app: api").await?;
    browser.edit("port: 80 ", "port: eighty ").await?;
    browser.see("#complaints", "14").await?;
    browser.see("#complaints", "expected an integer").await?;
    browser.picture("mistake").await?;
    browser.edit("port: eighty ", "port: 80 ").await?;
    browser.see("#outcomes", "api-2").await?;
    // What was typed is there again after a reload.
    browser.edit("name: client", "name: customer").await?;
    browser.load().await?;
    let kept = browser
        .run("return document.querySelector('#yaml').value")
        .await?;
    assert!(
        kept.as_str()
            .is_some_and(|it| it.contains("name: customer"))
    );
    browser.edit("name: customer", "name: client").await
}

/// Every shape and theme: nothing axe-core objects to, nothing that scrolls sideways.
async fn everywhere(browser: &Browser) -> Result {
    for theme in ["light", "dark"] {
        browser
            .run(&format!(
                "document.documentElement.dataset.theme = '{theme}'"
            ))
            .await?;
        for shape in SHAPES {
            browser.shape(shape).await?;
            tokio::time::sleep(Duration::from_millis(400)).await;
            let faults = browser.accessibility_faults().await?;
            assert_eq!(faults, Vec::<String>::new(), "{theme} {shape:?}");
            let overflow = "return document.documentElement.scrollWidth - document.documentElement.clientWidth";
            let overflow = browser.run(overflow).await?;
            assert!(
                overflow.as_i64().unwrap_or_default() <= 0,
                "{theme} {shape:?} scrolls sideways by {overflow}"
            );
            browser.picture(&format!("{theme}-{}", shape.0)).await?;
        }
    }
    Ok(())
}
