//! `cargo xtask pictures`: the page as people see it, on one page of screenshots.
//!
//! **Left out**: holding them against earlier ones; they are for eyes.

use super::{Command, nothing_more};
use crate::process::run as run_command;
use crate::progress::say;
use crate::setup::ForTests;
use crate::{setup, site};
use anyhow::Result;
use std::process::Command as Program;

pub(crate) const COMMAND: Command = Command {
    name: "pictures",
    arguments: "",
    help: "take screenshots of the page (phone, laptop, wide; light, dark; story, machine; a packet under way, a failure, the doctor)",
    run,
};

fn run(words: &[String]) -> Result<()> {
    nothing_more(words)?;
    let ready = setup::for_tests()?;
    site::build(&ready.page)?;
    say("taking pictures in headless Chromium");
    run_command(&mut drives_the_page(&ready, "pictures"))
}

/// A program of packetwalk-tests that looks at the built page in a browser.
pub(super) fn drives_the_page(ready: &ForTests, program: &str) -> Program {
    let mut cargo = ready.page.host.cargo();
    cargo
        .env("CHROMEDRIVER", &ready.browser.chromedriver)
        .env("PACKETWALK_SITE", site::dist());
    cargo.args([
        "run",
        "--quiet",
        "--locked",
        "--package",
        "packetwalk-tests",
    ]);
    cargo.args(["--bin", program]);
    cargo
}
