//! `cargo xtask fmt`: formats all Rust.
//!
//! **Left out**: style sheets, manifests and texts, which are formatted by hand.

use super::{Command, nothing_more};
use crate::process::run as run_command;
use crate::toolchain::Compiler;
use anyhow::Result;

pub(crate) const COMMAND: Command = Command {
    name: "fmt",
    arguments: "",
    help: "format all Rust",
    run,
};

fn run(words: &[String]) -> Result<()> {
    nothing_more(words)?;
    run_command(Compiler::of_the_machine(&[]).cargo().args(["fmt", "--all"]))
}
