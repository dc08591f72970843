//! What the server runs, step by step: `cargo xtask test` runs all steps, `cargo xtask lint` the first ones.
//!
//! Steps write to the terminal as they are, so that a test runner's own lines stay readable. The first failure
//! ends the run. A step that could not be done says so and is listed as skipped.
//!
//! **Left out**: the core's own tests in wasm (the runner for browsers only collects tests that carry its
//! attribute, and the page's tests run the same code there), and failing on published advisories: they appear
//! without a change of ours, so they are shown and a person decides.

use crate::fuzz;
use crate::places::root;
use crate::process::{LongStep, answer, run};
use crate::progress::{elapsed, say};
use crate::setup::ForTests;
use crate::site;
use crate::toolchain::{WASM, may_use_rustup, minor_version};
use anyhow::{Context, Result};
use std::process::Command;
use std::time::{Duration, Instant};

/// The newest compiler whose lints were read and followed. Later ones know more lints; what those say is shown
/// and does not fail, so that a tree which passed once still passes on next year's compiler.
const NEWEST_LINTED_MINOR: u32 = 97;

const ADVISORIES_LIMIT: Duration = Duration::from_secs(30);

/// How much the tests take on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effort {
    /// What every change goes through.
    Usual,
    /// Many more random cases: tests read `PACKETWALK_LONG`.
    Long,
}

/// A step of the checks.
pub(crate) struct Step {
    name: &'static str,
    run: fn(&ForTests, Effort) -> Result<Outcome>,
}

enum Outcome {
    Passed,
    Skipped(String),
}

/// The steps that need no test to be run.
pub(crate) const LINTS: [Step; 4] = [
    Step {
        name: "format",
        run: |ready, _| format_is_kept(ready),
    },
    Step {
        name: "lints, native",
        run: |ready, _| native_lints(ready),
    },
    Step {
        name: "lints, wasm",
        run: |ready, _| wasm_lints(ready),
    },
    Step {
        name: "dependencies",
        run: |ready, _| dependencies(ready),
    },
];

/// The steps that run something, fastest verdict first.
pub(crate) const TESTS: [Step; 6] = [
    Step {
        name: "advisories",
        run: |ready, _| advisories(ready),
    },
    Step {
        name: "native tests",
        run: native_tests,
    },
    Step {
        name: "fuzzing, for a while",
        run: fuzzing,
    },
    Step {
        name: "wasm tests in Chromium",
        run: wasm_tests,
    },
    Step {
        name: "page and its weight",
        run: |ready, _| site::build(&ready.page).map(|()| Outcome::Passed),
    },
    Step {
        name: "end-to-end in Chromium",
        run: end_to_end,
    },
];

/// Runs the steps in order up to the first failure, then prints what took how long.
pub(crate) fn run_all<'a>(
    steps: impl Iterator<Item = &'a Step>,
    ready: &ForTests,
    effort: Effort,
) -> Result<()> {
    let mut rows = vec![("setup", elapsed(), "passed".to_owned())];
    for step in steps {
        say(format!("== {}", step.name));
        let begun = Instant::now();
        let outcome = (step.run)(ready, effort);
        let verdict = match &outcome {
            Ok(Outcome::Passed) => "passed".to_owned(),
            Ok(Outcome::Skipped(reason)) => {
                say(format!("!! SKIPPED {}: {reason}", step.name));
                format!("SKIPPED: {reason}")
            }
            Err(_) => "FAILED".to_owned(),
        };
        rows.push((step.name, begun.elapsed(), verdict));
        if let Err(error) = outcome {
            print_table(&rows);
            return Err(error).with_context(|| format!("the step \"{}\" failed", step.name));
        }
    }
    print_table(&rows);
    Ok(())
}

fn print_table(rows: &[(&str, Duration, String)]) {
    eprintln!();
    for (name, took, verdict) in rows {
        eprintln!("{:>7.1}s  {name:<24}{verdict}", took.as_secs_f64());
    }
    eprintln!("{:>7.1}s  in all", elapsed().as_secs_f64());
}

fn passed(command: &mut Command) -> Result<Outcome> {
    run(command).map(|()| Outcome::Passed)
}

fn format_is_kept(ready: &ForTests) -> Result<Outcome> {
    passed(ready.page.host.cargo().args(["fmt", "--all", "--check"]))
        .context("`cargo xtask fmt` puts it right")
}

/// The words after `--` for clippy.
fn strictness(cargo: &mut Command, rustc: &mut Command) {
    let minor = answer(rustc.arg("--version")).and_then(|it| minor_version(&it));
    if minor.is_none_or(|it| it <= NEWEST_LINTED_MINOR) {
        cargo.args(["--", "-D", "warnings"]);
    } else {
        say(
            "this compiler is newer than the lints we follow: what it warns of is shown, and does not fail",
        );
    }
}

fn native_lints(ready: &ForTests) -> Result<Outcome> {
    let mut cargo = ready.page.host.cargo();
    cargo.args(["clippy", "--locked", "--workspace", "--all-targets"]);
    strictness(&mut cargo, &mut ready.page.host.program("rustc".as_ref()));
    passed(&mut cargo)
}

/// The page; the core goes with it, as a member of the workspace that the page is made from.
fn wasm_lints(ready: &ForTests) -> Result<Outcome> {
    let mut cargo = ready.page.web.cargo();
    cargo.args(["clippy", "--locked", "--target", WASM]);
    cargo.args(["--package", "packetwalk-web", "--all-targets"]);
    strictness(&mut cargo, &mut ready.page.web.program("rustc".as_ref()));
    passed(&mut cargo)
}

/// Licences, sources and bans, as `deny.toml` has them.
fn dependencies(ready: &ForTests) -> Result<Outcome> {
    passed(ready.page.host.cargo().args([
        "deny",
        "--locked",
        "--offline",
        "check",
        "--hide-inclusion-graph",
        "bans",
        "licenses",
        "sources",
    ]))
}

/// Published weaknesses of dependencies, when the database can be had.
fn advisories(ready: &ForTests) -> Result<Outcome> {
    if !may_use_rustup()? {
        return Ok(Outcome::Skipped(
            "their database is not fetched with PACKETWALK_TOOLCHAIN=debian".to_owned(),
        ));
    }
    let doing = "fetching the advisory database";
    let log = ready.page.cache.log("advisories");
    let step = LongStep {
        doing,
        log: &log,
        remedy: "going on without",
        limit: ADVISORIES_LIMIT,
    };
    if let Err(error) = step.run(ready.page.host.cargo().args(["deny", "fetch", "db"])) {
        return Ok(Outcome::Skipped(format!(
            "their database could not be had ({error})"
        )));
    }
    match run(ready.page.host.cargo().args([
        "deny",
        "--locked",
        "check",
        "--disable-fetch",
        "advisories",
    ])) {
        Ok(()) => Ok(Outcome::Passed),
        Err(_) => Ok(Outcome::Skipped(
            "there are advisories, see above; they do not fail a run".to_owned(),
        )),
    }
}

/// Cargo with what all our tests may read.
fn test_command(mut cargo: Command, ready: &ForTests, effort: Effort) -> Command {
    cargo
        .env("CHROMEDRIVER", &ready.browser.chromedriver)
        .env("AXE_JS", &ready.browser.axe_js)
        .env("WIDGETS_NPM", &ready.browser.widgets_npm);
    if effort == Effort::Long {
        cargo.env("PACKETWALK_LONG", "1");
    }
    cargo.args(["test", "--locked", "--no-fail-fast"]);
    cargo
}

fn native_tests(ready: &ForTests, effort: Effort) -> Result<Outcome> {
    let mut cargo = test_command(ready.page.host.cargo(), ready, effort);
    passed(cargo.args(["--workspace", "--exclude", "packetwalk-web"]))
}

/// Arbitrary bytes, each target for so many seconds.
fn fuzzing(ready: &ForTests, effort: Effort) -> Result<Outcome> {
    let secs = match effort {
        Effort::Usual => 15,
        Effort::Long => 300,
    };
    fuzz::run_all(ready, secs).map(|()| Outcome::Passed)
}

fn wasm_tests(ready: &ForTests, effort: Effort) -> Result<Outcome> {
    let mut cargo = test_command(ready.page.web.cargo(), ready, effort);
    passed(cargo.args(["--package", "packetwalk-web", "--target", WASM]))
}

fn end_to_end(ready: &ForTests, effort: Effort) -> Result<Outcome> {
    if !root().join("tests/tests/e2e.rs").is_file() {
        return Ok(Outcome::Skipped(
            "there is no tests/tests/e2e.rs".to_owned(),
        ));
    }
    let mut cargo = test_command(ready.page.host.cargo(), ready, effort);
    cargo.env("PACKETWALK_SITE", site::dist());
    passed(cargo.args(["--package", "packetwalk-tests", "--test", "e2e"]))
}
