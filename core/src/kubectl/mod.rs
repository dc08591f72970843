//! The emulated kubectl: a command line goes in, texts and an exit code come out.
//!
//! Imitates kubectl 1.32.5 (`k8s.io/kubectl`, `k8s.io/cli-runtime`), to the letter: what a learner types here works the same on
//! a real cluster the next day. A verb is one file in [`verbs`]; its flags, help and completion come from one text, kubectl's
//! own help. A verb that waits or watches is a [`Task`]: a value that is resumed when something happened, never a thread.
//!
//! **Left out**: plugins, `kustomize`, `proxy`, `cp`, `debug`, `attach`, `autoscale`, `certificate`, `completion`; users and their
//! rights; files from the web.

mod arguments;
mod asking;
mod command;
mod complete;
mod config;
mod describe;
mod duration;
mod failure;
mod flags;
pub mod help;
mod io;
mod manifest;
pub(crate) mod object;
pub mod printers;
pub mod resource;
mod target;
mod verbs;

pub use command::{Command, Invocation, run};
pub use complete::{Completion, complete};
pub use config::Config;
pub use duration::human_duration;
pub use failure::Failure;
pub use io::{Ctx, FileError, Files, Output, Stream, TextFiles};
pub use target::{Forward, Outcome, Running, Step, Target, Task, Wanted, finish};
pub use verbs::COMMANDS;

/// The longest command line that is read.
pub const MAX_LINE: usize = 1 << 20;

#[cfg(test)]
mod tests;
