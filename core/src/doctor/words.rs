//! Words and commands: labels as kubectl writes them, lists for people, kubectl's commands.
//!
//! **Left out**: nothing that a shell would read otherwise than it is meant.

use crate::api::{Labels, ObjectRef};
use serde_json::Value;

/// `app=api,tier=web`
pub(super) fn labels(all: &Labels) -> String {
    let pairs: Vec<String> = all
        .iter()
        .map(|(key, it)| [key, "=", it].concat())
        .collect();
    pairs.join(",")
}

/// `a, b and 3 more`
pub(super) fn list(all: &[String]) -> String {
    const SHOWN: usize = 5;
    match all {
        [] => "none".into(),
        [one] => one.clone(),
        [rest @ .., last] if all.len() <= SHOWN => [&rest.join(", "), " and ", last].concat(),
        _ => {
            let n_more = (all.len() - SHOWN).to_string();
            [&all[..SHOWN].join(", "), " and ", &n_more, " more"].concat()
        }
    }
}

/// `1 pod`, `3 pods`
pub(super) fn count(n: usize, what: &str) -> String {
    let plural = if n == 1 { "" } else { "s" };
    [&n.to_string(), " ", what, plural].concat()
}

/// A word as a shell takes it for one word.
pub(super) fn word(text: &str) -> String {
    let is_plain = |it: char| it.is_ascii_alphanumeric() || "._/:=,-".contains(it);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    ["'", &text.replace('\'', "'\\''"), "'"].concat()
}

/// `kubectl VERB KIND NAME -n NAMESPACE REST`
pub(super) fn kubectl(verb: &str, about: &ObjectRef, rest: &str) -> String {
    let name = word(&about.name);
    let mut line = ["kubectl ", verb, " ", &about.kind.singular(), " ", &name].concat();
    if about.kind.is_namespaced() && about.namespace != "default" {
        line.push_str(" -n ");
        line.push_str(&word(&about.namespace));
    }
    if !rest.is_empty() {
        line.push(' ');
        line.push_str(rest);
    }
    line
}

/// A merge patch of an object.
pub(super) fn merge(about: &ObjectRef, patch: &Value) -> String {
    let patch = word(&patch.to_string());
    kubectl("patch", about, &["--type=merge -p ", &patch].concat())
}

/// A JSON patch of an object.
pub(super) fn json_patch(about: &ObjectRef, patch: &Value) -> String {
    let patch = word(&patch.to_string());
    kubectl("patch", about, &["--type=json -p ", &patch].concat())
}

/// Creates an object from its document.
pub(super) fn create(document: &Value) -> String {
    let text = word(&document.to_string());
    ["echo ", &text, " | kubectl create -f -"].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Kind;

    #[test]
    fn what_a_shell_would_read_otherwise_is_quoted() {
        assert_eq!(word("app=api"), "app=api");
        assert_eq!(word("it's; rm -rf /"), "'it'\\''s; rm -rf /'");
        assert_eq!(word(""), "''");
        let about = ObjectRef::new(Kind::Service, "shop", "a b");
        assert_eq!(
            kubectl("delete", &about, ""),
            "kubectl delete service 'a b' -n shop"
        );
    }

    #[test]
    fn lists_are_short_enough_to_read() {
        let names: Vec<String> = (1..8).map(|it| it.to_string()).collect();
        assert_eq!(list(&names[..3]), "1, 2 and 3");
        assert_eq!(list(&names), "1, 2, 3, 4, 5 and 2 more");
        assert_eq!(count(1, "pod"), "1 pod");
        assert_eq!(count(0, "pod"), "0 pods");
    }
}
