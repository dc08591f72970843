//! What the browser tests need besides the page: Chromium with its driver, and axe-core.
//!
//! **Left out**: Firefox and Safari.

use crate::machine::{Wanted, program};
use crate::npm;
use crate::places::Cache;
use anyhow::{Result, anyhow};
use std::path::PathBuf;

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
    /// What the examples of widgets are built with.
    pub(crate) widgets_npm: PathBuf,
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
        widgets_npm: npm::packages(
            cache,
            "tests/npm/widgets",
            "React, reveal.js and esbuild",
            "hold widgets in the end-to-end tests",
        )?,
    })
}

fn first_of(names: &[&str]) -> Option<PathBuf> {
    names.iter().find_map(|it| program(it))
}

/// axe-core from its npm package, at the version and checksum of `tests/npm/package-lock.json`.
fn axe(cache: &Cache) -> Result<PathBuf> {
    let packages = npm::packages(
        cache,
        "tests/npm",
        "axe-core",
        "checks that everyone can use the page",
    )?;
    Ok(packages.join("axe-core/axe.min.js"))
}
