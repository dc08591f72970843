//! Labels, and the questions selectors ask of them.
//!
//! `staging/src/k8s.io/apimachinery/pkg/labels/selector.go` of Kubernetes 1.36.
//!
//! **Left out**: nothing of what a Service or a workload can say.

use crate::record::record;
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

/// A selector of a workload or a policy. An empty one selects everything.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LabelSelector {
    /// Labels that must be there.
    pub match_labels: Labels,
    /// Further demands.
    pub match_expressions: Vec<LabelSelectorRequirement>,
}

record!(LabelSelector: match_labels, match_expressions);

/// A demand on one label.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LabelSelectorRequirement {
    /// The label.
    pub key: String,
    /// In, NotIn, Exists, DoesNotExist.
    pub operator: String,
    /// The values it may or may not have.
    pub values: Vec<String>,
}

record!(LabelSelectorRequirement: key, operator, values);

impl LabelSelector {
    /// Whether it demands nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.match_labels.is_empty() && self.match_expressions.is_empty()
    }

    /// Whether labels meet every demand. An operator nobody knows is met by nothing.
    #[must_use]
    pub fn selects(&self, labels: &Labels) -> bool {
        self.match_labels
            .iter()
            .all(|(name, value)| labels.get(name) == Some(value))
            && self.match_expressions.iter().all(|it| it.is_met(labels))
    }
}

impl LabelSelectorRequirement {
    /// Whether labels meet it.
    #[must_use]
    pub fn is_met(&self, labels: &Labels) -> bool {
        let value = labels.get(&self.key);
        match self.operator.as_str() {
            "In" => value.is_some_and(|it| self.values.contains(it)),
            "NotIn" => value.is_none_or(|it| !self.values.contains(it)),
            "Exists" => value.is_some(),
            "DoesNotExist" => value.is_none(),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn a_selector_asks_for_all_of_its_labels_and_an_empty_one_for_nothing() {
        let pod = labels(&[("app", "api"), ("tier", "web")]);
        assert!(selects(&labels(&[("app", "api")]), &pod));
        assert!(!selects(&labels(&[("app", "api"), ("tier", "db")]), &pod));
        assert!(!selects(&labels(&[]), &pod));
    }

    #[test]
    fn expressions_ask_for_what_their_operators_say() {
        let pod = labels(&[("app", "api")]);
        let asks = |operator: &str, key: &str, values: &[&str]| {
            let requirement = LabelSelectorRequirement {
                key: key.into(),
                operator: operator.into(),
                values: values.iter().map(|it| (*it).to_owned()).collect(),
            };
            requirement.is_met(&pod)
        };
        assert!(asks("In", "app", &["web", "api"]));
        assert!(!asks("In", "tier", &["web"]));
        assert!(asks("NotIn", "app", &["web"]));
        assert!(asks("NotIn", "tier", &["web"]));
        assert!(asks("Exists", "app", &[]));
        assert!(asks("DoesNotExist", "tier", &[]));
        assert!(!asks("Like", "app", &["api"]));
    }
}
