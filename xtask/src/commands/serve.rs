//! `cargo xtask serve`: builds the page and serves it to this machine.
//!
//! **Left out**: rebuilding when a file changes, and addresses other than loopback.

use super::{Command, Misused};
use crate::progress::say;
use crate::{setup, site};
use anyhow::{Context, Result};
use std::os::unix::process::CommandExt;

pub(crate) const COMMAND: Command = Command {
    name: "serve",
    arguments: "[--port N]",
    help: "build the page and serve it on http://127.0.0.1:8080, or another port",
    run,
};

const USUAL_PORT: u16 = 8080;

fn run(words: &[String]) -> Result<()> {
    let port = port(words)?;
    let ready = setup::for_page()?;
    site::build(&ready)?;
    say("building the command line, which serves the page");
    let mut cargo = ready.host.cargo();
    cargo
        .args([
            "run",
            "--quiet",
            "--locked",
            "--release",
            "--package",
            "packetwalk",
            "--",
            "serve",
            "--site",
        ])
        .arg(site::dist());
    cargo.arg("--listen").arg(format!("127.0.0.1:{port}"));
    // The server takes our place, so that it alone is there to be interrupted.
    Err(cargo.exec()).context("cannot start cargo")
}

fn port(words: &[String]) -> Result<u16> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let number = match words[..] {
        [] => return Ok(USUAL_PORT),
        ["--port", number] => number,
        [one] if one.starts_with("--port=") => one.trim_start_matches("--port="),
        _ => {
            return Err(
                Misused(format!("expected `--port N`, found `{}`", words.join(" "))).into(),
            );
        }
    };
    number.parse().map_err(|_| {
        Misused(format!(
            "`{number}` is not a port: give a number from 0 to 65535"
        ))
        .into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(words: &[&str]) -> Option<u16> {
        port(&words.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>()).ok()
    }

    #[test]
    fn a_port_is_given_in_two_ways_or_not_at_all() {
        assert_eq!(of(&[]), Some(8080));
        assert_eq!(of(&["--port", "9000"]), Some(9000));
        assert_eq!(of(&["--port=9000"]), Some(9000));
        assert_eq!(of(&["--port"]), None);
        assert_eq!(of(&["--port", "70000"]), None);
        assert_eq!(of(&["9000"]), None);
    }
}
