//! Labels, and the question a selector asks of them.
//!
//! **Left out**: set-based selectors (`in`, `notin`); a Service has none.

use std::collections::BTreeMap;

/// Names and values somebody gave an object.
pub type Labels = BTreeMap<String, String>;

/// Whether all of a selector's labels are among an object's. An empty selector selects nothing
/// here: a Service without a selector has no pods of its own.
#[must_use]
pub fn selects(selector: &Labels, labels: &Labels) -> bool {
    !selector.is_empty()
        && selector
            .iter()
            .all(|(name, value)| labels.get(name) == Some(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selector_asks_for_all_of_its_labels_and_an_empty_one_for_nothing() {
        let labels = |pairs: &[(&str, &str)]| -> Labels {
            pairs
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect()
        };
        let pod = labels(&[("app", "api"), ("tier", "web")]);
        assert!(selects(&labels(&[("app", "api")]), &pod));
        assert!(!selects(&labels(&[("app", "api"), ("tier", "db")]), &pod));
        assert!(!selects(&labels(&[]), &pod));
    }
}
