//! Smaller kinds, and any kind field by field.
//!
//! **Left out**: quotas and ranges of limits, which the model has not.

use super::super::object::{at, name, shown, text, texts};
use super::sheet::Sheet;
use serde_json::Value;

pub(super) fn namespace(sheet: &mut Sheet<'_>, it: &Value) {
    sheet.field("Name", name(it));
    sheet.labels("Labels", at(it, &["metadata", "labels"]));
    sheet.annotations("Annotations", at(it, &["metadata", "annotations"]));
    sheet.field("Status", text(it, &["status", "phase"]));
    sheet.put("\nNo resource quota.\n\nNo LimitRange resource.\n");
}

pub(super) fn config_map(sheet: &mut Sheet<'_>, it: &Value) {
    sheet.head(it);
    sheet.put("\nData\n====\n");
    for (key, value) in texts(&it["data"]) {
        sheet.put(&format!("{key}:\n----\n{value}\n\n"));
    }
    sheet.put("\nBinaryData\n====\n");
    for (key, value) in texts(&it["binaryData"]) {
        sheet.put(&format!("{key}: {} bytes\n", value.len() * 3 / 4));
    }
    sheet.put("\n");
    sheet.events(it);
}

/// What stands at the head already.
const SAID: [&str; 7] = [
    "name",
    "namespace",
    "labels",
    "annotations",
    "managedFields",
    "apiVersion",
    "kind",
];

/// Any kind, field by field.
pub(super) fn any(sheet: &mut Sheet<'_>, it: &Value) {
    sheet.field("Name", name(it));
    sheet.field("Namespace", text(it, &["metadata", "namespace"]));
    sheet.labels("Labels", at(it, &["metadata", "labels"]));
    sheet.annotations("Annotations", at(it, &["metadata", "annotations"]));
    sheet.field("API Version", text(it, &["apiVersion"]));
    sheet.field("Kind", text(it, &["kind"]));
    fields(sheet, it, 0, &SAID);
    sheet.events(it);
}

fn fields(sheet: &mut Sheet<'_>, it: &Value, level: usize, said: &[&str]) {
    let indent = "  ".repeat(level);
    for (key, value) in it.as_object().into_iter().flatten() {
        let is_said = said.contains(&key.as_str()) && level < 2;
        if is_said || value.is_null() {
            continue;
        }
        let label = format!("{indent}{}", label_of(key));
        match value {
            Value::Object(_) => {
                sheet.put(&format!("{label}:\n"));
                let inner: &[&str] = if level == 0 && key == "metadata" {
                    said
                } else {
                    &[]
                };
                fields(sheet, value, level + 1, inner);
            }
            Value::Array(items) => {
                sheet.put(&format!("{label}:\n"));
                for item in items {
                    match item {
                        Value::Object(_) => fields(sheet, item, level + 1, &[]),
                        other => sheet.put(&format!("{indent}  {}\n", shown(other))),
                    }
                }
            }
            other => sheet.field(&label, &shown(other)),
        }
    }
}

/// `creationTimestamp` as `Creation Timestamp`, `uid` as `UID`.
fn label_of(key: &str) -> String {
    const CAPITALS: [&str; 10] = [
        "api", "cpu", "dns", "http", "id", "ip", "ipc", "pid", "tls", "uid",
    ];
    let mut words: Vec<String> = vec![String::new()];
    for it in key.chars() {
        if it.is_uppercase()
            && words
                .last()
                .is_some_and(|it| !it.ends_with(char::is_uppercase))
        {
            words.push(String::new());
        }
        if let Some(last) = words.last_mut() {
            last.push(it);
        }
    }
    let shown: Vec<String> = words
        .iter()
        .map(|word| {
            if CAPITALS.contains(&word.to_lowercase().as_str()) {
                return word.to_uppercase();
            }
            let mut letters = word.chars();
            let first = letters
                .next()
                .map(|it| it.to_uppercase().to_string())
                .unwrap_or_default();
            format!("{first}{}", letters.as_str())
        })
        .collect();
    shown.join(" ")
}
