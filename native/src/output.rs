//! Where commands print: standard output that honours pipes, and remarks on standard error.

use crate::error::Error;
use packetwalk_core::shell::Stream;
use std::io::{IsTerminal, Write};

/// Prints a command's answer. A reader that has gone away is no failure.
///
/// # Errors
/// When standard output cannot be written for another reason.
pub fn answer(text: &str) -> Result<(), Error> {
    let mut out = anstream::stdout().lock();
    let end = if text.ends_with('\n') { "" } else { "\n" };
    as_long_as_read(write!(out, "{text}{end}").and_then(|()| out.flush()))
}

/// Passes on what a command of a shell printed, as it is. A reader that has gone away is no failure.
///
/// # Errors
/// When it cannot be written for another reason.
pub fn pass_on(stream: Stream, text: &str) -> Result<(), Error> {
    let written = match stream {
        Stream::Out => {
            let mut out = anstream::stdout().lock();
            write!(out, "{text}").and_then(|()| out.flush())
        }
        Stream::Err => write!(anstream::stderr(), "{text}"),
    };
    as_long_as_read(written)
}

/// A reader that has gone away is no failure.
fn as_long_as_read(written: std::io::Result<()>) -> Result<(), Error> {
    match written {
        Err(it) if it.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}

/// Writes a file's bytes; a terminal would not thank us for them.
///
/// # Errors
/// When standard output is a terminal, or cannot be written.
pub fn bytes(file: &[u8]) -> Result<(), Error> {
    let mut out = std::io::stdout().lock();
    if out.is_terminal() {
        return Err(Error::Input(
            "this form is not for a terminal: write it to a file, with > FILE".into(),
        ));
    }
    as_long_as_read(out.write_all(file).and_then(|()| out.flush()))
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
