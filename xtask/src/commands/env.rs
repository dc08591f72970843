//! `cargo xtask env`: the environment in which wasm is built, for a shell to read.
//!
//! **Left out**: shells other than POSIX ones.

use super::{Command, nothing_more};
use crate::setup;
use crate::toolchain::export;
use anyhow::Result;

pub(crate) const COMMAND: Command = Command {
    name: "env",
    arguments: "",
    help: "print the environment in which wasm is built: eval \"$(cargo xtask env)\"",
    run,
};

fn run(words: &[String]) -> Result<()> {
    nothing_more(words)?;
    let ready = setup::for_tests()?;
    println!("{}", setup::headline());
    for line in ready.page.web.shell_lines() {
        println!("{line}");
    }
    println!(
        "{}",
        export(
            "CHROMEDRIVER",
            &ready.browser.chromedriver.to_string_lossy()
        )
    );
    println!(
        "{}",
        export("AXE_JS", &ready.browser.axe_js.to_string_lossy())
    );
    println!(
        "{}",
        export("WIDGETS_NPM", &ready.browser.widgets_npm.to_string_lossy())
    );
    Ok(())
}
