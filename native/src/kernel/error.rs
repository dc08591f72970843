//! What can go wrong between packetwalk and Linux: what was tried, and what the system said.
//!
//! A packet that is dropped or refused is never an [`Error`]; it is an answer (see `kernel::probe`).
//!
//! **Left out**: errors are not translated into advice case by case; only missing rights and a missing
//! tool carry a hint, because there the reader can do something about it.

use std::{fmt, io};

/// A failure of this machine to do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// This process may not make namespaces or program packet filters.
    #[error("this needs the rights of root: {missing} is missing; {hint}")]
    NotPermitted {
        /// The capability or the call that was refused.
        missing: String,
        /// What a person can do about it.
        hint: &'static str,
    },

    /// A program that packetwalk starts is not installed.
    #[error("the tool `{tool}` was not found (looked in {looked_in}); {hint}")]
    MissingTool {
        /// The name of the program.
        tool: &'static str,
        /// The folders that were searched.
        looked_in: String,
        /// What a person can do about it.
        hint: &'static str,
    },

    /// A system call failed.
    #[error("could not {tried}: {said}")]
    System {
        /// What was tried, as the rest of a sentence that begins with "could not".
        tried: String,
        /// What the system said.
        #[source]
        said: io::Error,
    },

    /// The kernel refused a netlink request.
    #[error("could not {tried}: {said}{}", explanation.as_deref().map(|it| format!(" ({it})")).unwrap_or_default())]
    Netlink {
        /// What was tried, as the rest of a sentence that begins with "could not".
        tried: String,
        /// The error number, in words.
        #[source]
        said: io::Error,
        /// The kernel's extended acknowledgement, where it gave one.
        explanation: Option<String>,
    },

    /// The `nft` tool refused its input or failed.
    #[error("nft could not {tried}: {}", NftSaid { complaints, stderr })]
    Nft {
        /// What was tried, as the rest of a sentence that begins with "nft could not".
        tried: String,
        /// Everything the tool wrote on its standard error.
        stderr: String,
        /// The same, taken apart, with the offending line of the input.
        complaints: Vec<NftComplaint>,
    },

    /// A tool of iptables refused its input or failed.
    #[error("iptables could not {tried}: {stderr}")]
    Iptables {
        /// What was tried, as the rest of a sentence that begins with "iptables could not".
        tried: String,
        /// Everything the tool wrote on its standard error.
        stderr: String,
    },

    /// A description that cannot be built, whatever the machine.
    #[error("the description of the lab is wrong: {0}")]
    Description(String),

    /// The kernel sent bytes that do not have the documented form.
    #[error("could not read {what}: {why}")]
    Malformed {
        /// The kind of message.
        what: &'static str,
        /// What is wrong with it.
        why: String,
    },

    /// Several things failed; nothing was given up because of an earlier failure.
    #[error("{} failures: {}", .0.len(), join(.0))]
    Several(Vec<Error>),
}

impl Error {
    /// An [`Error::System`] for the thing that was tried.
    pub(crate) fn system(tried: impl Into<String>, said: impl Into<io::Error>) -> Self {
        Self::System {
            tried: tried.into(),
            said: said.into(),
        }
    }

    /// No error for an empty list, the error itself for one, and [`Error::Several`] for more.
    pub(crate) fn collect(mut failures: Vec<Self>) -> Result<(), Self> {
        match failures.len() {
            0 => Ok(()),
            1 => Err(failures.remove(0)),
            _ => Err(Self::Several(failures)),
        }
    }

    /// Whether the machine, and not the input, is the reason: exit code 3 on the command line.
    #[must_use]
    pub fn is_about_the_machine(&self) -> bool {
        match self {
            Self::NotPermitted { .. } | Self::MissingTool { .. } | Self::System { .. } => true,
            Self::Netlink { .. } | Self::Malformed { .. } => true,
            Self::Nft { .. } | Self::Iptables { .. } | Self::Description(_) => false,
            Self::Several(list) => list.iter().any(Self::is_about_the_machine),
        }
    }

    /// Whether `nft` was asked for a table, chain or map that does not exist.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Nft { stderr, .. } if stderr.contains("No such file or directory"))
    }
}

/// One complaint of `nft` about its input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NftComplaint {
    /// The line of the input, counted from 1.
    pub line: usize,
    /// The first and last column, counted from 1.
    pub columns: (usize, usize),
    /// The tool's words, without place and without "Error:".
    pub message: String,
    /// That line of the input.
    pub source: String,
}

struct NftSaid<'a> {
    complaints: &'a [NftComplaint],
    stderr: &'a str,
}

impl fmt::Display for NftSaid<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(first) = self.complaints.first() else {
            return f.write_str(self.stderr.trim_end());
        };
        let NftComplaint {
            line,
            columns: (column, _),
            message,
            source,
        } = first;
        write!(
            f,
            "line {line}, column {column}: {message}: {}",
            source.trim()
        )?;
        match self.complaints.len() - 1 {
            0 => Ok(()),
            more => write!(f, " (and {more} more)"),
        }
    }
}

fn join(list: &[Error]) -> String {
    let texts: Vec<String> = list.iter().map(ToString::to_string).collect();
    texts.join("; ")
}
