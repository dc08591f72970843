//! Tools built from crates, once: wasm-bindgen, trunk, cargo-deny.
//!
//! A tool of the right version on PATH is used as it is. Otherwise it is built with the machine's own compiler
//! into a folder of the cache that carries its name and version.
//!
//! **Left out**: prebuilt binaries. There are some, but not everywhere, and a download is one more thing to trust.

use crate::machine::program;
use crate::places::{Cache, emptied, friendly, locked_version, put, root};
use crate::process::{LongStep, answer, command};
use crate::progress::say;
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const BUILD_LIMIT: Duration = Duration::from_secs(40 * 60);
const REMEDY: &str = "if a download failed, run this again: what was compiled so far is kept";

/// A tool: what it is for, and where it comes from.
pub(crate) struct Tool {
    /// The folder's name and the package's.
    name: &'static str,
    /// Said while it is built.
    why: &'static str,
    /// What must be there for the tool to be there.
    programs: &'static [&'static str],
    source: Source,
}

enum Source {
    /// A member of this workspace, at the version that `Cargo.lock` has for the package `name`.
    Member(&'static str),
    /// A published package, with its own lock file.
    Published {
        version: &'static str,
        features: &'static [&'static str],
        opt_level: &'static str,
    },
}

/// Turns the compiler's module into one for browsers. Its version must be the library's, to the digit.
pub(crate) const WASM_BINDGEN: Tool = Tool {
    name: "wasm-bindgen",
    why: "joins the page's Rust to JavaScript, and runs its tests in a browser",
    programs: &["wasm-bindgen", "wasm-bindgen-test-runner"],
    source: Source::Member("packetwalk-wasm-bindgen"),
};

/// 0.21, because 0.22 asks for a newer compiler than ours. Unoptimised: it mostly waits for cargo.
pub(crate) const TRUNK: Tool = Tool {
    name: "trunk",
    why: "bundles the page",
    programs: &["trunk"],
    source: Source::Published {
        version: "0.21.14",
        features: &["--no-default-features"],
        opt_level: "0",
    },
};

/// Checks licences, sources and banned packages.
pub(crate) const CARGO_DENY: Tool = Tool {
    name: "cargo-deny",
    why: "checks the licences and sources of dependencies",
    programs: &["cargo-deny"],
    source: Source::Published {
        version: "0.20.2",
        features: &[],
        opt_level: "0",
    },
};

impl Tool {
    /// Finds the tool or builds it; the folder to put in PATH, or `None` if it is there already.
    pub(crate) fn ready(&self, cache: &Cache) -> Result<Option<PathBuf>> {
        let version = self.version()?;
        if self
            .programs
            .iter()
            .all(|it| program(it).is_some_and(|path| says_version(&path, &version)))
        {
            return Ok(None);
        }
        let place = cache.tools().join(format!("{}-{version}", self.name));
        let bin = place.join("bin");
        if self.programs.iter().all(|it| bin.join(it).is_file()) {
            return Ok(Some(bin));
        }
        let doing = format!("building {} {version} ({})", self.name, self.why);
        say(format!("{doing}, once, into {}", friendly(&place)));
        let finished = cache.workshop(&format!("{}-finished", self.name));
        emptied(&finished)?;
        let workshop = cache.workshop(self.name);
        let log = cache.log(self.name);
        let step = LongStep {
            doing: &doing,
            log: &log,
            remedy: REMEDY,
            limit: BUILD_LIMIT,
        };
        match &self.source {
            Source::Member(package) => self.build_member(package, &step, &workshop, &finished)?,
            Source::Published {
                features,
                opt_level,
                ..
            } => {
                let mut cargo = command("cargo");
                cargo
                    .args(["install", self.name, "--version", &version, "--locked"])
                    .args(*features);
                cargo
                    .arg("--root")
                    .arg(&finished)
                    .arg("--target-dir")
                    .arg(&workshop);
                step.run(quick_to_build(&mut cargo, opt_level))?;
            }
        }
        for program in self.programs {
            if !says_version(&finished.join("bin").join(program), &version) {
                bail!(
                    "{program} was built but does not say that it is {version}; see {}",
                    log.display()
                );
            }
        }
        put(&finished, &place)?;
        emptied(&workshop)?;
        Ok(Some(bin))
    }

    fn version(&self) -> Result<String> {
        match self.source {
            Source::Member(_) => locked_version(self.name),
            Source::Published { version, .. } => Ok(version.to_owned()),
        }
    }

    fn build_member(
        &self,
        package: &str,
        step: &LongStep<'_>,
        workshop: &Path,
        finished: &Path,
    ) -> Result<()> {
        let mut cargo = command("cargo");
        cargo.current_dir(root()).args([
            "build",
            "--locked",
            "--profile",
            "tools",
            "--package",
            package,
        ]);
        cargo
            .args(["--features", "tool", "--target-dir"])
            .arg(workshop);
        step.run(&mut cargo)?;
        let bin = finished.join("bin");
        fs::create_dir_all(&bin).with_context(|| format!("cannot make {}", bin.display()))?;
        for program in self.programs {
            fs::copy(workshop.join("tools").join(program), bin.join(program))
                .with_context(|| format!("cargo built no {program}"))?;
        }
        Ok(())
    }
}

/// A release profile that costs little to compile: the tools run a few times a day.
fn quick_to_build<'a>(cargo: &'a mut Command, opt_level: &str) -> &'a mut Command {
    cargo.env("CARGO_PROFILE_RELEASE_OPT_LEVEL", opt_level);
    cargo.env("CARGO_PROFILE_RELEASE_LTO", "off");
    cargo.env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16");
    cargo.env("CARGO_PROFILE_RELEASE_STRIP", "true")
}

/// Whether `--version` has that version as its second word: "trunk 0.21.14".
fn says_version(program: &Path, version: &str) -> bool {
    answer(command(program).arg("--version"))
        .is_some_and(|it| it.split_whitespace().nth(1) == Some(version))
}
