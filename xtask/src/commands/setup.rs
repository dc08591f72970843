//! `cargo xtask setup`: everything that the other commands would install when they need it.
//!
//! **Left out**: undoing it. What apt and rustup installed is theirs to remove; the rest is one folder.

use super::{Command, nothing_more};
use crate::places::friendly;
use crate::progress::say;
use crate::setup;
use anyhow::Result;

pub(crate) const COMMAND: Command = Command {
    name: "setup",
    arguments: "",
    help: "install all tools now (serve and test do it by themselves)",
    run,
};

fn run(words: &[String]) -> Result<()> {
    nothing_more(words)?;
    let ready = setup::for_tests()?;
    say(format!(
        "everything is there; tools and logs are in {}",
        friendly(&ready.page.cache.folder)
    ));
    Ok(())
}
