//! What servers write about the requests they answer.
//!
//! nginx's `combined` format, which Apache and others write as well.
//!
//! **Left out**: forms of other servers; what they write when they begin.

use super::http::{Attempt, http_date};
use super::site::Site;
use crate::api::Kind;
use crate::shell::Process;

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
        let date = http_date(process);
        let words: Vec<&str> = date.split_whitespace().collect();
        if let [_, day, month, year, time, _] = words.as_slice() {
            let line = format!(
                "{seen} - - [{day}/{month}/{year}:{time} +0000] \"{method} {path} HTTP/1.1\" 200 {n_bytes} \"-\" \"{agent}\""
            );
            site.note_served(object, line);
        }
    }
}
