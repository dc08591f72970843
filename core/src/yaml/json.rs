//! A tree becomes JSON, as kubectl makes it before it sends a document.
//!
//! Imitates sigs.k8s.io/yaml 1.4's `YAMLToJSON`: keys are texts, integers stay integers, a number without a fraction is
//! printed without one (`80.0` is sent as `80`). What is spelled `yes` or `0755` was resolved by [`super::parse`], which also
//! let the last of equal keys win and warned at its line.
//!
//! **Left out**: the order of keys; a JSON object here is sorted, as kubectl's is.

use super::node::{Node, Value};
use crate::sorted::gathered;
use serde_json::Value as Json;

/// The JSON of a tree.
pub fn to_json(node: &Node) -> Json {
    match &node.value {
        Value::Null => Json::Null,
        Value::Bool(value) => Json::Bool(*value),
        Value::Integer(value) => Json::from(*value),
        Value::Unsigned(value) => Json::from(*value),
        Value::Float(value) => float(*value),
        Value::String(text) => Json::String(text.clone()),
        Value::Sequence(items) => Json::Array(items.iter().map(to_json).collect()),
        Value::Mapping(mapping) => {
            let entries = mapping.entries().iter();
            Json::Object(gathered(
                entries.map(|it| (it.key.clone(), to_json(&it.node))),
            ))
        }
    }
}

/// Go prints a float without a fraction as an integer, up to 1e21, and it is read back as one.
fn float(value: f64) -> Json {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if value.fract() == 0.0 && value.abs() <= EXACT {
        #[allow(
            clippy::cast_possible_truncation,
            reason = "a whole number within the exact range of f64"
        )]
        return Json::from(value as i64);
    }
    // NaN and infinities have no JSON and never come out of a document.
    serde_json::Number::from_f64(value).map_or(Json::Null, Json::Number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> String {
        let stream = super::super::parse(text);
        assert!(stream.errors.is_empty(), "{:?}", stream.errors);
        to_json(&stream.documents[0]).to_string()
    }

    #[test]
    fn values_become_what_kubectl_sends() {
        for (yaml, expected) in [
            ("port: 80", r#"{"port":80}"#),
            ("port: 80.0", r#"{"port":80}"#),
            ("port: 80.5", r#"{"port":80.5}"#),
            ("mode: 0755", r#"{"mode":493}"#),
            ("on: yes", r#"{"true":true}"#),
            ("1: ~", r#"{"1":null}"#),
            ("a: \"1\"", r#"{"a":"1"}"#),
            ("a: 18446744073709551615", r#"{"a":18446744073709551615}"#),
            ("b: &x [1, 2]\na: *x", r#"{"a":[1,2],"b":[1,2]}"#),
            ("a: 1\na: 2", r#"{"a":2}"#),
        ] {
            assert_eq!(json(yaml), expected, "{yaml}");
        }
    }
}
