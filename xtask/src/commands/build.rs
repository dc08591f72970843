//! `cargo xtask build`: the page, in `dist/`, within its budget.
//!
//! **Left out**: an unoptimised page for development; `trunk serve --cargo-profile dev` within
//! `cargo xtask env` is one.

use super::{Command, nothing_more};
use crate::progress::say;
use crate::{setup, site};
use anyhow::Result;

pub(crate) const COMMAND: Command = Command {
    name: "build",
    arguments: "",
    help: "build the page into dist/ and weigh it: fails above its budget",
    run,
};

fn run(words: &[String]) -> Result<()> {
    nothing_more(words)?;
    site::build(&setup::for_page()?)?;
    say("the page is in dist/: any web server can serve it, or cargo xtask serve");
    Ok(())
}
