//! Packages from npm, at the versions and checksums of a lock file, in the cache; and the manifest's editor bundled out of them.
//!
//! **Left out**: packages' own install scripts: none of ours needs any.

use crate::machine::{Wanted, program};
use crate::places::{Cache, emptied, fingerprint, put, root};
use crate::process::{LongStep, command, run};
use crate::progress::say;
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(300);

/// The folder of the editor's source.
const EDITOR: &str = "web/editor";

/// The `node_modules` of a folder's lock file, fetched unless they are there.
pub(crate) fn packages(cache: &Cache, folder: &str, what: &str, why: &str) -> Result<PathBuf> {
    let source = root().join(folder);
    let lock = source.join("package-lock.json");
    let text =
        fs::read_to_string(&lock).with_context(|| format!("cannot read {}", lock.display()))?;
    let place = cache.folder.join(format!("npm-{}", fingerprint(&text)));
    let packages = place.join("node_modules");
    if packages.is_dir() {
        return Ok(packages);
    }
    if program("npm").is_none() {
        Wanted {
            because: &format!("{what}, which {why}, comes from npm"),
            choices: &[&["nodejs", "npm"]],
        }
        .install(cache)?;
    }
    let doing = format!("fetching {what} with npm ci ({why})");
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
        doing: &doing,
        log: &cache.log("npm"),
        remedy,
        limit: LIMIT,
    }
    .run(&mut npm)?;
    put(&workshop, &place)?;
    Ok(packages)
}

/// What the editor is bundled out of.
pub(crate) fn editor_packages(cache: &Cache) -> Result<PathBuf> {
    packages(
        cache,
        EDITOR,
        "CodeMirror and esbuild",
        "are the page's editor and what bundles it",
    )
}

/// Bundles the editor into one script of the page.
pub(crate) fn bundle_editor(cache: &Cache, dist: &Path) -> Result<()> {
    say("bundling the editor");
    let packages = editor_packages(cache)?;
    let Some(esbuild) = esbuild(&packages) else {
        bail!(
            "esbuild has no program for this machine in {}: remove that folder and run this again",
            packages.display()
        );
    };
    let mut esbuild = command(esbuild);
    esbuild.arg(root().join(EDITOR).join("editor.js"));
    esbuild.args(["--bundle", "--minify", "--format=esm", "--target=es2022"]);
    // Whose work it is stands in NOTICE.
    esbuild.args(["--legal-comments=none", "--log-level=warning"]);
    esbuild.arg(format!("--outfile={}", dist.join("editor.js").display()));
    esbuild.env("NODE_PATH", &packages);
    run(&mut esbuild)
}

/// The program itself: the package `@esbuild/<system>-<processor>` that npm chose for this machine.
fn esbuild(packages: &Path) -> Option<PathBuf> {
    let kinds = fs::read_dir(packages.join("@esbuild")).ok()?;
    let mut programs = kinds.filter_map(|it| Some(it.ok()?.path().join("bin/esbuild")));
    programs.find(|it| it.is_file())
}
