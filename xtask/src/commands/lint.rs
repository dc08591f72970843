//! `cargo xtask lint`: the checks that run nothing: format, lints of both targets, licences and sources.
//!
//! **Left out**: fixing what is found, except for the format (`cargo xtask fmt`).

use super::{Command, nothing_more};
use crate::checks::{Effort, LINTS, run_all};
use crate::setup;
use anyhow::Result;

pub(crate) const COMMAND: Command = Command {
    name: "lint",
    arguments: "",
    help: "only the format, the lints, and the licences and sources of dependencies",
    run,
};

fn run(words: &[String]) -> Result<()> {
    nothing_more(words)?;
    run_all(LINTS.iter(), &setup::for_tests()?, Effort::Usual)
}
