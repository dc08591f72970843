//! What the browser tests need besides the page: Chromium with its driver, and axe-core.
//!
//! **Left out**: Firefox and Safari.

use crate::machine::{Wanted, program};
use crate::places::{Cache, emptied, fingerprint, put, root};
use crate::process::{LongStep, command};
use crate::progress::say;
use anyhow::{Context, Result, anyhow};
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

const NPM_LIMIT: Duration = Duration::from_secs(300);
const BROWSERS: [&str; 5] = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
];
const DRIVERS: [&str; 2] = ["chromedriver", "chromium.chromedriver"];

/// What a browser test is told by its environment.
pub(crate) struct Browser {
    /// The program that drives Chromium.
    pub(crate) chromedriver: PathBuf,
    /// axe-core as one script, to be run inside a page.
    pub(crate) axe_js: PathBuf,
}

/// Finds Chromium, its driver and axe-core, or installs them.
pub(crate) fn ready(cache: &Cache) -> Result<Browser> {
    if first_of(&BROWSERS).is_none() || first_of(&DRIVERS).is_none() {
        Wanted {
            because: "the page is tested in a real browser",
            choices: &[
                &["chromium", "chromium-driver"],
                &["chromium-browser", "chromium-chromedriver"],
            ],
        }
        .install(cache)?;
    }
    let found = first_of(&BROWSERS).and(first_of(&DRIVERS));
    let chromedriver = found.ok_or_else(|| {
        anyhow!(
            "there is still no Chromium with its chromedriver on PATH: \
             install a pair that fits together, and run this again"
        )
    })?;
    Ok(Browser {
        chromedriver,
        axe_js: axe(cache)?,
    })
}

fn first_of(names: &[&str]) -> Option<PathBuf> {
    names.iter().find_map(|it| program(it))
}

/// axe-core from its npm package, at the version and checksum of `tests/npm/package-lock.json`.
fn axe(cache: &Cache) -> Result<PathBuf> {
    let source = root().join("tests/npm");
    let lock = source.join("package-lock.json");
    let text =
        fs::read_to_string(&lock).with_context(|| format!("cannot read {}", lock.display()))?;
    let place = cache.folder.join(format!("npm-{}", fingerprint(&text)));
    let script = place.join("node_modules/axe-core/axe.min.js");
    if script.is_file() {
        return Ok(script);
    }
    if program("npm").is_none() {
        Wanted { because: "axe-core, which checks that everyone can use the page, comes as an npm package", choices: &[&["nodejs", "npm"]] }
            .install(cache)?;
    }
    let doing = "fetching axe-core with npm ci (checks that everyone can use the page)";
    say(format!("{doing}, once"));
    let workshop = cache.workshop("npm");
    emptied(&workshop)?;
    for name in ["package.json", "package-lock.json"] {
        fs::copy(source.join(name), workshop.join(name))
            .with_context(|| format!("cannot copy {name}"))?;
    }
    let mut npm = command(program("npm").unwrap_or_else(|| "npm".into()));
    npm.current_dir(&workshop)
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
    let remedy = "if the download failed, run this again";
    LongStep {
        doing,
        log: &cache.log("npm"),
        remedy,
        limit: NPM_LIMIT,
    }
    .run(&mut npm)?;
    put(&workshop, &place)?;
    Ok(script)
}
