//! Where commands print: standard output that honours pipes, and remarks on standard error.

use crate::error::Error;
use std::io::Write;

/// Prints a command's answer. A reader that has gone away is no failure.
///
/// # Errors
/// When standard output cannot be written for another reason.
pub fn answer(text: &str) -> Result<(), Error> {
    let mut out = anstream::stdout().lock();
    let end = if text.ends_with('\n') { "" } else { "\n" };
    match write!(out, "{text}{end}").and_then(|()| out.flush()) {
        Err(it) if it.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}

/// Prints something a person should know beside the answer.
pub fn remark(text: &str) {
    // Nobody can be told that standard error is gone.
    let _ = writeln!(anstream::stderr(), "{text}");
}

/// Prints a value as JSON.
///
/// # Errors
/// As [`answer`].
pub fn json(value: &serde_json::Value) -> Result<(), Error> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|it| Error::Output(std::io::Error::other(it)))?;
    answer(&text)
}
