//! `cargo xtask test`: everything that must hold before a change lands.
//!
//! **Left out**: choosing single steps. Each step prints nothing that cargo itself could not be asked for.

use super::{Command, Misused};
use crate::checks::{Effort, LINTS, TESTS, run_all};
use crate::progress::say;
use crate::setup;
use anyhow::Result;

pub(crate) const COMMAND: Command = Command {
    name: "test",
    arguments: "[--long]",
    help: "run what the server runs: lints, tests, page, browser; --long: many more random cases",
    run,
};

fn run(words: &[String]) -> Result<()> {
    let effort = match words {
        [] => Effort::Usual,
        [one] if one == "--long" => Effort::Long,
        _ => {
            return Err(Misused(format!(
                "expected `--long` or nothing, found `{}`",
                words.join(" ")
            ))
            .into());
        }
    };
    let ready = setup::for_tests()?;
    run_all(LINTS.iter().chain(&TESTS), &ready, effort)?;
    say("all checks passed");
    Ok(())
}
