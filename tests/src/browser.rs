//! A real Chromium with the built page in it: what the end-to-end tests and the page's benchmark drive.
//!
//! **Left out**: Firefox and Safari.

use crate::root;
use fantoccini::{Client, ClientBuilder, Locator, wd::WebDriverCompatibleCommand};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};

/// What may go wrong is what the browser says.
pub type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// So long a test waits for what should happen.
pub const PATIENCE: Duration = Duration::from_secs(20);
/// Widths and heights of a phone, a laptop and a wide screen.
pub const SHAPES: [(u32, u32); 3] = [(390, 844), (1366, 768), (1920, 1080)];

/// A Chromium with the page in it, and the server it comes from.
pub struct Browser {
    /// What tells the browser what to do.
    pub client: Client,
    driver: Child,
    /// Where the page is.
    pub address: String,
}

/// Where the built page is, if anybody says so.
#[must_use]
#[expect(clippy::print_stderr, reason = "a skipped test must say so")]
pub fn site() -> Option<PathBuf> {
    let site = std::env::var_os("PACKETWALK_SITE").map(PathBuf::from);
    if site.is_none() {
        eprintln!(
            "\n*** SKIPPED the end-to-end test: PACKETWALK_SITE does not say where the built page is\n"
        );
    }
    site
}

/// So often chromedriver may find that the free port it chose is taken by then.
const N_TRIES: usize = 3;

async fn driver() -> Result<(Child, u16)> {
    for _ in 0..N_TRIES {
        if let Some(started) = started().await? {
            return Ok(started);
        }
    }
    Err("chromedriver ended without a port".into())
}

/// chromedriver on a free port, which it prints.
async fn started() -> Result<Option<(Child, u16)>> {
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
            return Ok(Some((child, port?)));
        }
    }
    Ok(None)
}

impl Browser {
    /// Serves the page on loopback and starts a browser; the page is not loaded yet.
    ///
    /// # Errors
    /// What the browser says.
    pub async fn open(site: PathBuf) -> Result<Browser> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = format!("http://{}/", listener.local_addr()?);
        tokio::spawn(async move {
            packetwalk::commands::serve::serve_on(listener, &site, std::future::pending()).await
        });
        let (driver, port) = driver().await?;
        let text = crate::text("tests/webdriver.json");
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
        let connector = HttpConnector::new();
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

    /// Loads the page, until it can be used.
    ///
    /// # Errors
    /// What the browser says.
    pub async fn load(&self) -> Result {
        self.client.goto(&self.address).await?;
        self.wait("body[data-ready]").await
    }

    /// Waits for an element.
    ///
    /// # Errors
    /// What the browser says.
    pub async fn wait(&self, selector: &str) -> Result {
        self.client
            .wait()
            .at_most(PATIENCE)
            .for_element(Locator::Css(selector))
            .await
            .map_err(|it| format!("{selector}: {it}"))?;
        Ok(())
    }

    /// Runs a script in the page.
    ///
    /// # Errors
    /// What the browser says.
    pub async fn run(&self, script: &str) -> Result<Value> {
        Ok(self.client.execute(script, Vec::new()).await?)
    }

    /// The text of an element.
    ///
    /// # Errors
    /// What the browser says.
    pub async fn text(&self, selector: &str) -> Result<String> {
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
    ///
    /// # Errors
    /// What the browser says.
    pub async fn press(&self, keys: &str) -> Result {
        self.client.active_element().await?.send_keys(keys).await?;
        Ok(())
    }

    /// Clicks an element.
    ///
    /// # Errors
    /// What the browser says.
    pub async fn click(&self, selector: &str) -> Result {
        // Off the edges, where something may lie above it.
        let script =
            format!("document.querySelector({selector:?})?.scrollIntoView({{block: 'center'}})");
        self.run(&script).await?;
        self.client
            .find(Locator::Css(selector))
            .await
            .map_err(|it| format!("{selector}: {it}"))?
            .click()
            .await?;
        Ok(())
    }

    /// Waits until an element's text holds some words.
    ///
    /// # Errors
    /// What the browser says.
    pub async fn see(&self, selector: &str, words: &str) -> Result {
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
    ///
    /// # Errors
    /// What the browser says.
    pub async fn edit(&self, from: &str, to: &str) -> Result {
        let script = format!(
            "const it = document.querySelector('#yaml');\
             if (!it.value.includes({from:?})) return false;\
             it.value = it.value.replace({from:?}, {to:?});\
             it.dispatchEvent(new Event('input', {{bubbles: true}}));\
             return true;"
        );
        match self.run(&script).await? {
            Value::Bool(true) => Ok(()),
            _ => Err(format!("the editor does not hold {from:?}").into()),
        }
    }

    /// Puts a whole text into the editor.
    ///
    /// # Errors
    /// What the browser says.
    pub async fn write(&self, text: &str) -> Result {
        let script = format!(
            "const it = document.querySelector('#yaml'); it.value = {text:?};\
             it.dispatchEvent(new Event('input', {{bubbles: true}}))"
        );
        self.run(&script).await?;
        Ok(())
    }

    /// Presses a button by its id, wherever it is on the page.
    ///
    /// # Errors
    /// When there is none, or what the browser says.
    pub async fn press_button(&self, id: &str) -> Result {
        self.run(&format!("document.getElementById('{id}').click()"))
            .await?;
        Ok(())
    }

    /// Waits until something holds in the page.
    ///
    /// # Errors
    /// When it never does, or what the browser says.
    pub async fn until(&self, what: &str) -> Result {
        let end = tokio::time::Instant::now() + PATIENCE;
        while tokio::time::Instant::now() < end {
            if self.run(&format!("return Boolean({what})")).await? == Value::Bool(true) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Err(format!("never: {what}").into())
    }

    /// By how many pixels the page scrolls sideways.
    ///
    /// # Errors
    /// What the browser says.
    pub async fn sideways(&self) -> Result<i64> {
        let script =
            "return document.documentElement.scrollWidth - document.documentElement.clientWidth";
        Ok(self.run(script).await?.as_i64().unwrap_or_default())
    }

    /// Has the page in this theme, whatever was chosen.
    ///
    /// # Errors
    /// What the browser says.
    pub async fn theme(&self, theme: &str) -> Result {
        let script = format!("document.documentElement.dataset.theme = '{theme}'");
        self.run(&script).await?;
        Ok(())
    }

    /// Keeps a picture of the page in `target/e2e`.
    ///
    /// # Errors
    /// What the browser says.
    pub async fn picture(&self, name: &str) -> Result {
        self.picture_in("e2e", name).await
    }

    /// Keeps a picture of the page in a folder of `target`.
    ///
    /// # Errors
    /// What the browser says.
    pub async fn picture_in(&self, folder: &str, name: &str) -> Result {
        let folder = root().join("target").join(folder);
        std::fs::create_dir_all(&folder)?;
        std::fs::write(
            folder.join(format!("{name}.png")),
            self.client.screenshot().await?,
        )?;
        Ok(())
    }

    /// Gives the window a width and a height.
    ///
    /// # Errors
    /// What the browser says.
    pub async fn shape(&self, (width, height): (u32, u32)) -> Result {
        self.client.set_window_size(width, height).await?;
        Ok(())
    }

    /// Every error and warning the page left in the console.
    ///
    /// # Errors
    /// What the browser says.
    pub async fn console(&self) -> Result<Vec<String>> {
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
    ///
    /// # Errors
    /// What the browser says.
    pub async fn accessibility_faults(&self) -> Result<Vec<String>> {
        self.accessibility_faults_within("html").await
    }

    /// The same, of a part that lies above others: what it covers is not to be judged.
    ///
    /// # Errors
    /// What the browser says.
    pub async fn accessibility_faults_within(&self, part: &str) -> Result<Vec<String>> {
        let path = std::env::var("AXE_JS").map_err(|_| "AXE_JS does not say where axe-core is")?;
        self.client
            .execute(&std::fs::read_to_string(path)?, Vec::new())
            .await?;
        // Colours that are still changing are nobody's fault.
        let script = format!(
            "const done = arguments[arguments.length - 1];\
             const still = Promise.all(document.getAnimations().map(it => it.finished.catch(() => 0)));\
             Promise.race([still, new Promise(it => setTimeout(it, 2000))])\
             .then(() => axe.run({part:?}, {{runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']}}))\
             .then(it => done(it.violations.map(v => `${{v.id}}: ${{v.nodes.map(n => n.target.join(' ')).join(', ')}}`)),\
                   it => done([String(it)]))"
        );
        let found = self.client.execute_async(&script, Vec::new()).await?;
        let list = found.as_array().ok_or("axe gave no list")?;
        Ok(list.iter().map(ToString::to_string).collect())
    }

    /// Says a word of Chromium's own protocol, for what WebDriver has no word for.
    ///
    /// # Errors
    /// What the browser says.
    pub async fn devtools(&self, word: &str, parameters: Value) -> Result<Value> {
        let command = Devtools(json!({"cmd": word, "params": parameters}));
        Ok(self.client.issue_cmd(command).await?)
    }

    /// Ends the browser and its driver.
    pub async fn close(mut self) {
        // Whatever fails here, the driver is killed with its handle.
        let _ = self.client.close().await;
        let _ = self.driver.kill().await;
    }
}

/// A word of Chromium's own protocol, which WebDriver passes on.
#[derive(Debug)]
struct Devtools(Value);

impl WebDriverCompatibleCommand for Devtools {
    fn endpoint(
        &self,
        base: &url::Url,
        session: Option<&str>,
    ) -> std::result::Result<url::Url, url::ParseError> {
        let session = session.unwrap_or_default();
        base.join(&format!("session/{session}/goog/cdp/execute"))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(self.0.to_string()))
    }
}

/// A copy of the page that a test may spoil, in a folder that goes when the test ends.
///
/// # Errors
/// If files cannot be copied.
pub fn copied(site: &Path) -> std::io::Result<TempDir> {
    let folder = TempDir::new()?;
    copy_folder(site, folder.path())?;
    Ok(folder)
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
