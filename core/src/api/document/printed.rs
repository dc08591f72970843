//! Values as Go prints them in an error: Go syntax up to 1.33, JSON from 1.34.
//!
//! **Left out**: structs other than a label selector.

use crate::api::{KubernetesVersion, LabelSelector, Labels, printed_list, prints_json, quoted};
use crate::sorted::gathered;
use serde_json::Value;

/// A map of texts in a document.
pub(super) fn texts(value: &Value) -> Labels {
    let fields = value.as_object().into_iter().flatten();
    gathered(fields.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))))
}

/// A label selector in a document.
pub(super) fn selector(value: &Value) -> LabelSelector {
    crate::record::read(value).unwrap_or_default()
}

/// `map[string]string{"app":"api"}`, or `{"app":"api"}`.
pub(super) fn labels(labels: &Labels, version: KubernetesVersion) -> String {
    let pairs: Vec<String> = labels
        .iter()
        .map(|(name, value)| format!("{}:{}", quoted(name), quoted(value)))
        .collect();
    match (prints_json(version), labels.is_empty()) {
        (true, true) => "null".to_owned(),
        (true, false) => format!("{{{}}}", pairs.join(",")),
        (false, true) => "map[string]string(nil)".to_owned(),
        (false, false) => format!("map[string]string{{{}}}", pairs.join(", ")),
    }
}

/// A label selector with its type in front, or as JSON.
pub(super) fn printed_selector(it: &LabelSelector, version: KubernetesVersion) -> String {
    if prints_json(version) {
        let mut fields = Vec::new();
        if !it.match_labels.is_empty() {
            fields.push(format!(
                "\"matchLabels\":{}",
                labels(&it.match_labels, version)
            ));
        }
        let demands: Vec<String> = it
            .match_expressions
            .iter()
            .map(|it| {
                let values = match it.values.is_empty() {
                    true => String::new(),
                    false => format!(",\"values\":{}", printed_list(&it.values, version)),
                };
                format!(
                    "{{\"key\":{},\"operator\":{}{values}}}",
                    quoted(&it.key),
                    quoted(&it.operator)
                )
            })
            .collect();
        if !demands.is_empty() {
            fields.push(format!("\"matchExpressions\":[{}]", demands.join(",")));
        }
        return format!("{{{}}}", fields.join(","));
    }
    let demands: Vec<String> = it
        .match_expressions
        .iter()
        .map(|it| {
            format!(
                "v1.LabelSelectorRequirement{{Key:{}, Operator:{}, Values:{}}}",
                quoted(&it.key),
                quoted(&it.operator),
                printed_list(&it.values, version)
            )
        })
        .collect();
    let demands = match demands.is_empty() {
        true => "(nil)".to_owned(),
        false => format!("{{{}}}", demands.join(", ")),
    };
    format!(
        "v1.LabelSelector{{MatchLabels:{}, MatchExpressions:[]v1.LabelSelectorRequirement{demands}}}",
        labels(&it.match_labels, version)
    )
}
