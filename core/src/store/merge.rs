//! Merge patches: RFC 7386.

use serde_json::{Map, Value};

/// Merges a patch into a document: objects field by field, a null takes a field away, all else is replaced.
pub fn merge(document: &mut Value, patch: &Value) {
    let Value::Object(fields) = patch else {
        document.clone_from(patch);
        return;
    };
    if !document.is_object() {
        *document = Value::Object(Map::new());
    }
    let Value::Object(target) = document else {
        return;
    };
    for (name, value) in fields {
        if value.is_null() {
            target.remove(name);
        } else if let Some(old) = target.get_mut(name) {
            merge(old, value);
        } else {
            let mut fresh = Value::Null;
            merge(&mut fresh, value);
            target.insert(name.clone(), fresh);
        }
    }
}

/// Whether a patch would change a document at all.
#[must_use]
pub fn changes(document: Option<&Value>, patch: &Value) -> bool {
    match (document, patch) {
        (Some(Value::Object(target)), Value::Object(fields)) => {
            fields.iter().any(|(name, value)| {
                if value.is_null() {
                    target.contains_key(name)
                } else {
                    changes(target.get(name), value)
                }
            })
        }
        (Some(document), patch) => document != patch,
        (None, _) => true,
    }
}

/// Whether a patch left something empty, by the document that came of it.
pub(super) fn has_emptied(document: &Value, patch: &Value) -> bool {
    let (Value::Object(target), Value::Object(fields)) = (document, patch) else {
        return false;
    };
    target.is_empty()
        || fields.iter().any(|(name, patch)| {
            let target = target.get(name);
            target.is_some_and(|it| has_emptied(it, patch))
        })
}

/// Takes away every field that is null: to an API server it is as if it were not there.
pub(super) fn without_nulls(document: &mut Value) {
    match document {
        Value::Object(fields) => {
            fields.retain(|_, value| !value.is_null());
            fields.values_mut().for_each(without_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(without_nulls),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_examples_of_the_rfc_come_out() {
        for (document, patch, result) in [
            (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "b"}), json!({"a": null}), json!({})),
            (json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"})),
            (
                json!({"a": {"b": "c"}}),
                json!({"a": {"b": "d", "c": null}}),
                json!({"a": {"b": "d"}}),
            ),
            (
                json!({"e": null}),
                json!({"a": 1}),
                json!({"e": null, "a": 1}),
            ),
            (
                json!([1, 2]),
                json!({"a": "b", "c": null}),
                json!({"a": "b"}),
            ),
            (
                json!({}),
                json!({"a": {"bb": {"ccc": null}}}),
                json!({"a": {"bb": {}}}),
            ),
        ] {
            let mut merged = document.clone();
            merge(&mut merged, &patch);
            assert_eq!(merged, result, "{document} with {patch}");
            assert!(changes(Some(&document), &patch));
            assert!(!changes(Some(&merged), &patch), "{merged} with {patch}");
        }
    }
}
