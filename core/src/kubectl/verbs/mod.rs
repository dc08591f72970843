//! The verbs, one file each, and the list of them.
//!
//! A verb is added by a file with a `COMMAND`, a help text in `kubectl/help`, and a line here.
//!
//! **Left out**: what the page above this one names.

mod get;
mod get_watch;
mod groups;

use super::command::{Command, OPTIONS_COMMAND};

/// All commands: kubectl itself first.
pub const COMMANDS: &[Command] = &[groups::ROOT, OPTIONS_COMMAND, get::COMMAND];
