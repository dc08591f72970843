//! The project's one door: `cargo xtask serve` to learn, `cargo xtask test` to check.
//!
//! A command is a value: name, help, and what it runs (`commands::COMMANDS`). The other modules are, from the
//! bottom up: `progress` (one line per step), `process` (child processes), `places` (where things lie),
//! `machine` (programs and packages of the system), `toolchain` and `debian` (a compiler for wasm), `tools`
//! (built from crates), `browser` (Chromium and axe-core), `setup` (all of these, in order), `site` (the page and
//! its weight), `checks` (what the server runs).
//!
//! **Left out**: Windows and macOS (nothing here is tried there, though `build` may work with rustup), other
//! package managers than apt, and cleaning the cache (delete its folder).
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "talking to the person at the terminal is what this program is for"
)]

use std::process::ExitCode;

mod browser;
mod budget;
mod checks;
mod commands;
mod debian;
mod fuzz;
mod machine;
mod npm;
mod places;
mod process;
mod progress;
mod setup;
mod site;
mod toolchain;
mod tools;
mod widgets;

fn main() -> ExitCode {
    progress::start();
    let words: Vec<String> = std::env::args().skip(1).collect();
    commands::run(&words)
}
