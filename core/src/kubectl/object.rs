//! Looking into documents of the API.
//!
//! **Left out**: nothing.

use serde_json::Value;

/// The text at a path of fields, or an empty one.
pub(crate) fn text<'a>(value: &'a Value, path: &[&str]) -> &'a str {
    at(value, path).as_str().unwrap_or_default()
}

/// The value at a path of fields, or null.
pub(crate) fn at<'a>(value: &'a Value, path: &[&str]) -> &'a Value {
    path.iter().fold(value, |at, step| &at[*step])
}

/// The items of a list, or none.
pub(crate) fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// A map of texts, in order of its keys.
pub(crate) fn texts(value: &Value) -> Vec<(&str, &str)> {
    let entries = value.as_object().into_iter().flatten();
    entries
        .map(|(key, value)| (key.as_str(), value.as_str().unwrap_or_default()))
        .collect()
}

/// The name of an object.
pub(crate) fn name(document: &Value) -> &str {
    text(document, &["metadata", "name"])
}

/// The namespace of an object.
pub(crate) fn namespace(document: &Value) -> &str {
    text(document, &["metadata", "namespace"])
}

/// `key=value` joined by commas, or `<none>`.
pub(crate) fn joined(value: &Value) -> String {
    let pairs: Vec<String> = texts(value)
        .iter()
        .map(|(k, v)| format!("{k}={v}"))
        .collect();
    or_none(&pairs.join(","))
}

/// `<none>` for an empty text.
pub(crate) fn or_none(text: &str) -> String {
    if text.is_empty() {
        "<none>".to_owned()
    } else {
        text.to_owned()
    }
}

/// A scalar as Go's `%v` prints it.
pub(crate) fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}
