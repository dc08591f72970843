//! A widget's text: the mode an author wishes for written where Kubernetes has it, and lines that nobody may change.
//!
//! **Left out**: moving a kept line. Lines may come before and after kept ones, and never between two kept beside one another.

use std::ops::RangeInclusive;

/// The text with kube-proxy's mode in it, as its own configuration says it.
pub(super) fn in_mode(text: &str, mode: Option<&str>) -> String {
    let Some(mode) = mode else {
        return text.to_owned();
    };
    let text = text.trim_end();
    format!(
        "{text}\n---\napiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\nmode: {mode}\n"
    )
}

/// Whether a changed text still has every line that is kept, in order, and those that were neighbours beside one another.
pub(super) fn keeps(first: &str, changed: &str, kept: &[RangeInclusive<usize>]) -> bool {
    if kept.iter().any(|it| *it.end() == usize::MAX) {
        return first == changed;
    }
    let before: Vec<&str> = first.split('\n').collect();
    let after: Vec<&str> = changed.split('\n').collect();
    let mut from = 0;
    kept.iter().all(|range| {
        let first = range.start().saturating_sub(1).min(before.len());
        let last = (*range.end()).clamp(first, before.len());
        let wanted = &before[first..last];
        let rest = &after[from.min(after.len())..];
        let found = (0..=rest.len().saturating_sub(wanted.len()))
            .find(|at| rest[*at..].starts_with(wanted));
        from += found.unwrap_or_default() + wanted.len();
        found.is_some()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mode_is_a_document_of_its_own() {
        let text = in_mode("kind: Service\n\n", Some("iptables"));
        assert!(text.starts_with("kind: Service\n---\n"));
        assert!(text.ends_with("kind: KubeProxyConfiguration\nmode: iptables\n"));
        assert_eq!(in_mode("kind: Service\n", None), "kind: Service\n");
    }

    #[test]
    fn kept_lines_stay_and_others_may_change() {
        let text = "a\nb\nc\nd";
        let kept = [1..=2, 4..=4];
        assert!(keeps(text, text, &kept));
        assert!(keeps(text, "a\nb\nchanged\nand more\nd", &kept));
        assert!(keeps(text, "new\na\nb\nd", &kept));
        assert!(!keeps(text, "a\nnew\nb\nc\nd", &kept));
        assert!(!keeps(text, "a\nb\nc\nD", &kept));
        assert!(!keeps(text, "d\na\nb", &kept));
        let all = [1..=usize::MAX];
        assert!(keeps(text, text, &all) && !keeps(text, "a\nb\nc\nd\n", &all));
    }

    #[test]
    fn kept_lines_beyond_the_text_ask_for_nothing() {
        assert!(keeps("a", "b", std::slice::from_ref(&(7..=9))));
    }
}
