//! `cargo xtask bench`: how fast the core is, and how heavy the page.
//!
//! **Left out**: comparing with an earlier run; the numbers are printed, not kept.

use super::{Command, nothing_more};
use crate::places::root;
use crate::process::run as run_command;
use crate::progress::say;
use crate::{setup, site};
use anyhow::Result;

pub(crate) const COMMAND: Command = Command {
    name: "bench",
    arguments: "",
    help: "measure speed (the program `bench` of packetwalk-tests) and the page's weight",
    run,
};

fn run(words: &[String]) -> Result<()> {
    nothing_more(words)?;
    let ready = setup::for_page()?;
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
    site::build(&ready)
}
