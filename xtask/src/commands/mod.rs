//! The commands, as values.
//!
//! **Left out**: abbreviations and completion; the list is short.

use crate::progress::say;
use anyhow::Result;
use std::process::ExitCode;

mod bench;
mod build;
mod env;
mod fmt;
mod lint;
mod pictures;
mod serve;
mod setup;
mod test;

/// A command of `cargo xtask`.
pub(crate) struct Command {
    name: &'static str,
    arguments: &'static str,
    help: &'static str,
    run: fn(&[String]) -> Result<()>,
}

/// In the order in which a newcomer meets them.
const COMMANDS: [Command; 9] = [
    serve::COMMAND,
    test::COMMAND,
    build::COMMAND,
    bench::COMMAND,
    pictures::COMMAND,
    fmt::COMMAND,
    lint::COMMAND,
    setup::COMMAND,
    env::COMMAND,
];

/// A mistake in the words after `cargo xtask`: answered with the usage and exit code 2.
#[derive(Debug)]
pub(crate) struct Misused(String);

impl std::fmt::Display for Misused {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.0)
    }
}

impl std::error::Error for Misused {}

/// Runs the command that the words name.
pub(crate) fn run(words: &[String]) -> ExitCode {
    let (name, rest) = match words {
        [] => ("help", &[][..]),
        [name, rest @ ..] => (name.as_str(), rest),
    };
    let asks_for_help = |it: &String| it == "--help" || it == "-h";
    if ["help", "--help", "-h"].contains(&name) || rest.iter().any(asks_for_help) {
        print!("{}", usage());
        return ExitCode::SUCCESS;
    }
    let Some(command) = COMMANDS.iter().find(|it| it.name == name) else {
        eprint!("xtask: there is no command `{name}`\n\n{}", usage());
        return ExitCode::from(2);
    };
    match (command.run)(rest) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is::<Misused>() => {
            eprint!("xtask {name}: {error}\n\n{}", usage());
            ExitCode::from(2)
        }
        Err(error) => {
            say(format!("{name} failed: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn usage() -> String {
    let mut text = String::from("usage: cargo xtask COMMAND\n\n");
    for it in &COMMANDS {
        let call = format!("{} {}", it.name, it.arguments);
        text += &format!("  {:<18}{}\n", call.trim_end(), it.help);
    }
    text += "  help              this text\n
What is missing is installed: from crates, with rustup, apt (as root or by sudo) and npm, into a cache outside
the source tree. Variables: PACKETWALK_CACHE moves that cache; PACKETWALK_TOOLCHAIN=debian never lets rustup
download and takes Debian's compiler for wasm.\n";
    text
}

/// For commands that take no words.
fn nothing_more(words: &[String]) -> Result<()> {
    match words.first() {
        None => Ok(()),
        Some(word) => Err(Misused(format!("unexpected `{word}`")).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_is_in_the_usage() {
        let usage = usage();
        for command in &COMMANDS {
            assert!(usage.contains(command.help), "{} is missing", command.name);
        }
    }

    #[test]
    fn an_unknown_command_is_a_usage_error() {
        assert_eq!(
            format!("{:?}", run(&["frobnicate".to_owned()])),
            format!("{:?}", ExitCode::from(2))
        );
    }
}
