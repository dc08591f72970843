//! `cargo xtask bench`: how fast the core is, and how heavy the page.
//!
//! **Left out**: comparing with an earlier run; the numbers are printed, not kept.

use super::pictures::drives_the_page;
use super::{Command, Misused};
use crate::places::root;
use crate::process::run as run_command;
use crate::progress::say;
use crate::setup::ForTests;
use crate::toolchain::WASM;
use crate::{setup, site};
use anyhow::Result;

pub(crate) const COMMAND: Command = Command {
    name: "bench",
    arguments: "[--web]",
    help: "measure speed (the program `bench` of packetwalk-tests, the evaluator and kubectl in a browser) and the page's weight; --web: how the page feels",
    run,
};

fn run(words: &[String]) -> Result<()> {
    match words {
        [] => everything_but_the_page(),
        [word] if word == "--web" => the_page(),
        [word, ..] => Err(Misused(format!("unexpected `{word}`")).into()),
    }
}

/// How the built page feels: loading, keys, edits, frames.
fn the_page() -> Result<()> {
    let ready = setup::for_tests()?;
    site::build(&ready.page)?;
    say("driving the page in headless Chromium");
    run_command(&mut drives_the_page(&ready, "web-bench"))
}

fn everything_but_the_page() -> Result<()> {
    let for_tests = setup::for_tests()?;
    let ready = &for_tests.page;
    if root().join("tests/src/bin/bench.rs").is_file() {
        say("building and running the benchmarks");
        let mut cargo = ready.host.cargo();
        run_command(cargo.args([
            "run",
            "--quiet",
            "--locked",
            "--release",
            "--package",
            "packetwalk-tests",
            "--bin",
            "bench",
        ]))?;
    } else {
        say("there is no tests/src/bin/bench.rs: nothing to time");
    }
    in_a_browser(&for_tests)?;
    site::build(ready)
}

/// The evaluator and kubectl as the page has them: in wasm, optimised as the site ships it.
fn in_a_browser(ready: &ForTests) -> Result<()> {
    say("the same in wasm, in a browser");
    let mut cargo = ready.page.web.cargo();
    cargo
        .env("CHROMEDRIVER", &ready.browser.chromedriver)
        .env("WASM_BINDGEN_TEST_TIMEOUT", "300");
    run_command(cargo.args([
        "test",
        "--quiet",
        "--locked",
        "--profile",
        "wasm-release",
        "--package",
        "packetwalk-web",
        "--features",
        "measured",
        "--target",
        WASM,
        "--test",
        "evaluator_bench",
        "--test",
        "kubectl_bench",
        "--",
        "--nocapture",
    ]))
}
