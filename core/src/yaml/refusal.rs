//! The words for what YAML's grammar permits and Kubernetes cannot use.
//!
//! Imitates the refusals of go-yaml v2 and sigs.k8s.io/yaml 1.4, and keeps their words where those help.
//!
//! **Left out.** go-yaml stops at the first of these; here a document goes on to its end, limits excepted.

use super::node::{Position, shortened};
use super::parse::{MAX_ALIASED_NODES, MAX_DEPTH, MAX_NODES, Problem};

/// `line` is the text from the alias to the end of its line.
pub(super) fn unknown_anchor(position: Position, name: &str, line: &str) -> Problem {
    let value = shortened(line.split(" #").next().unwrap_or_default().trim_end());
    let name = shortened(name);
    let message = format!("unknown anchor '{name}' referenced");
    Problem::new(position, message).hint(format!(
        "a value that begins with * repeats an earlier &{name}; put it in quotes if it is a text: \"{value}\""
    ))
}

pub(super) fn anchor_in_itself(position: Position, name: &str) -> Problem {
    Problem::new(
        position,
        format!("anchor '{}' value contains itself", shortened(name)),
    )
}

pub(super) fn without_json_form(position: Position, text: &str) -> Problem {
    let message = format!("{text} cannot be written in JSON, so Kubernetes cannot take it");
    Problem::new(position, message).hint(format!("put it in quotes if it is a text: \"{text}\""))
}

pub(super) fn tab(position: Position) -> Problem {
    Problem::new(position, "a tab is used for indentation")
        .hint("YAML is indented with spaces only: replace the tab by two spaces")
}

/// `before` and `source` are the text up to the key, and from it on.
pub(super) fn bad_key(position: Position, found: &str, before: &str, source: &str) -> Problem {
    let problem = Problem::new(position, format!("a key must be a text, found {found}"));
    problem.hint(if before.ends_with('{') && source.starts_with('{') {
        "this looks like a template: render it first, for example with \"helm template\""
    } else if source.starts_with(':') {
        "write a key before the colon"
    } else {
        "put the key in quotes"
    })
}

pub(super) fn glued_key(position: Position, key: &str) -> Problem {
    let message = format!("\"{}\" is read as a key without a value", shortened(key));
    Problem::new(position, message).hint(spaced(key))
}

/// Advice for `key:value`, whose space is missing.
pub(super) fn spaced(text: &str) -> String {
    let (key, value) = text.split_once(':').unwrap_or((text, ""));
    let spaced = format!("{}: {value}", key.trim_end());
    format!("put a space after the colon: {}", shortened(spaced.trim()))
}

pub(super) fn too_deep(position: Position) -> Problem {
    Problem::new(position, format!("more than {MAX_DEPTH} levels of nesting"))
}

pub(super) fn too_many_nodes(position: Position) -> Problem {
    Problem::new(
        position,
        format!("the document has more than {MAX_NODES} values"),
    )
}

pub(super) fn too_many_aliases(position: Position) -> Problem {
    let message =
        format!("document contains excessive aliasing: more than {MAX_ALIASED_NODES} values");
    Problem::new(position, message).hint("write the values out where they are used")
}
