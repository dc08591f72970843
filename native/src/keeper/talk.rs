//! What commands and the keeper of a lab say to one another: a line of JSON each way over the lab's socket.
//!
//! **Left out**: answers that come piece by piece; other versions of this program at the other end.

use super::home::Home;
use crate::error::Error;
use crate::kernel;
use packetwalk_core::sim::Start;
use serde::{Deserialize, Serialize};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;

/// What a lab is to begin with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Its name.
    pub name: String,
    /// How rules are written, instead of what the manifests say.
    pub mode: Option<String>,
    /// The manifests.
    pub start: Start,
}

/// What a keeper is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Wish {
    /// A line of kubectl.
    Kubectl {
        /// Its words.
        arguments: Vec<String>,
        /// Where its files are.
        folder: String,
        /// What is piped into it.
        input: String,
    },
    /// A real packet, and what the kernel tells of it.
    Trace(Question),
}

/// Which real packet is to be told of, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// Who asks.
    pub from: String,
    /// Whom.
    pub to: String,
    /// The protocol.
    pub protocol: String,
    /// Whether the simulation's walk is told beside it.
    pub compare: bool,
    /// In which form.
    pub form: Form,
}

/// The form of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Form {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// What it answers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// What was said, in order.
    pub said: Vec<Said>,
    /// The exit code it comes to.
    pub code: u8,
}

/// A piece of what was said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Said {
    /// On standard output.
    Out(String),
    /// On standard error.
    Err(String),
}

impl Reply {
    /// The answer that is an error.
    #[must_use]
    pub fn failed(error: &Error) -> Reply {
        Reply {
            said: vec![Said::Err(format!("packetwalk: {error}\n"))],
            code: error.exit_code(),
        }
    }
}

/// Asks the keeper of a lab.
///
/// # Errors
/// When it does not answer.
pub fn ask(home: &Home, wish: &Wish) -> Result<Reply, Error> {
    let failed = |said| {
        let tried = format!(
            "ask the keeper of {} (see {})",
            home.id(),
            home.log().display()
        );
        Error::Kernel(kernel::Error::System { tried, said })
    };
    let mut stream = UnixStream::connect(home.socket()).map_err(failed)?;
    let line = serde_json::to_string(wish).map_err(|it| failed(it.into()))?;
    stream
        .write_all(format!("{line}\n").as_bytes())
        .map_err(failed)?;
    let mut answer = String::new();
    BufReader::new(stream)
        .read_line(&mut answer)
        .map_err(failed)?;
    serde_json::from_str(&answer).map_err(|it| failed(it.into()))
}
