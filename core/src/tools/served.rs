//! What servers write about the requests they answer.
//!
//! nginx's `combined` format, which Apache and others write as well.
//!
//! **Left out**: forms of other servers; what they write when they begin.

use super::attempt::Attempt;
use super::http::http_date;
use super::site::Site;
use crate::api::Kind;
use crate::shell::Process;
use crate::sim::Why;

/// The status that a server answers with, and its words.
pub(super) fn status_line(attempt: &Attempt) -> (u16, &'static str) {
    match attempt.why {
        Some(Why::ProgramFails) => (500, "Internal Server Error"),
        _ => (200, "OK"),
    }
}

/// A request as the server writes it down: the way nginx and others do (`combined`).
pub(super) fn note_request(
    process: &Process,
    site: &Site,
    attempt: &Attempt,
    (method, path): (&str, &str),
    n_bytes: usize,
    agent: &str,
) {
    let (Some(object), Some(seen)) = (&attempt.object, attempt.seen) else {
        return;
    };
    if object.kind == Kind::Pod {
        let (status, _) = status_line(attempt);
        let date = http_date(process);
        let words: Vec<&str> = date.split_whitespace().collect();
        if let [_, day, month, year, time, _] = words.as_slice() {
            let line = format!(
                "{seen} - - [{day}/{month}/{year}:{time} +0000] \"{method} {path} HTTP/1.1\" {status} {n_bytes} \"-\" \"{agent}\""
            );
            site.note_served(object, line);
        }
    }
}
