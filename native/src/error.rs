//! What stops a command, and the exit code it comes to.
//!
//! 0 is a sound answer, 1 wrong input or a disagreement found, 2 usage, 3 a machine that cannot.

use crate::kernel;
use packetwalk_core::api::Complaint;
use packetwalk_core::netfilter::Refusal;
use packetwalk_core::sim::{RequestError, WalkError};

/// What stops a command.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file cannot be read.
    #[error("could not read {path}: {said}")]
    File {
        /// Which.
        path: String,
        /// What the system said.
        said: std::io::Error,
    },
    /// A manifest is wrong.
    #[error("{}", complaints(.0))]
    Manifest(Vec<Complaint>),
    /// A request is wrong.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// A request cannot begin.
    #[error(transparent)]
    Walk(#[from] WalkError),
    /// Something asked for is not there, or not modelled yet.
    #[error("{0}")]
    Input(String),
    /// Generated rules contradict themselves: a fault of this program.
    #[error("the generated rules contradict themselves: {0}")]
    Rules(#[from] Refusal),
    /// The kernel, or a tool, refused.
    #[error(transparent)]
    Kernel(#[from] kernel::Error),
    /// The simulation and the kernel disagree.
    #[error("{0} found between the simulation and the kernel")]
    Disagreement(String),
    /// The kernel has nothing to compare with: that is no agreement.
    #[error("{0}")]
    NotRun(String),
    /// Somebody pressed Ctrl-C.
    #[error("interrupted; everything that was made is removed")]
    Interrupted,
    /// Output cannot be written.
    #[error("could not write the output: {0}")]
    Output(#[from] std::io::Error),
    /// The page cannot be served.
    #[error("could not serve on {address}: {said}")]
    Serve {
        /// Where.
        address: String,
        /// What the system said.
        said: std::io::Error,
    },
}

fn complaints(all: &[Complaint]) -> String {
    let lines: Vec<String> = all.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

impl Error {
    /// The exit code it comes to.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Error::Kernel(it) if it.is_about_the_machine() => 3,
            Error::Serve { .. } | Error::NotRun(_) => 3,
            _ => 1,
        }
    }
}
