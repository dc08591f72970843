//! JSON merge patch: apply one, find the one between two documents, and the three-way form that `kubectl apply` sends.
//!
//! Imitates RFC 7386, `gopkg.in/evanphx/json-patch.v4` and `k8s.io/apimachinery/pkg/util/jsonmergepatch` 1.36.
//!
//! **Left out**: patches of documents that are no objects; the server never sees one.

use super::{PatchError, refuse_unbounded};
use serde_json::{Map, Value};

/// The document after a merge patch.
///
/// # Errors
/// When something is nested too deep.
pub fn merge_patch(document: &Value, patch: &Value) -> Result<Value, PatchError> {
    refuse_unbounded(&[document, patch])?;
    let mut merged = document.clone();
    crate::store::merge(&mut merged, patch);
    Ok(merged)
}

/// The merge patch that makes one object of another: what is gone is null.
pub fn merge_patch_between(from: &Value, to: &Value) -> Value {
    Value::Object(match (from, to) {
        (Value::Object(from), Value::Object(to)) => between(from, to),
        (_, Value::Object(to)) => to.clone(),
        _ => Map::new(),
    })
}

/// The merge patch of a client-side apply for kinds without a schema: what is gone since the last apply is removed,
/// what differs from the live object is set.
pub fn three_way_merge_patch(last_applied: &Value, modified: &Value, live: &Value) -> Value {
    let additions = kept(&merge_patch_between(live, modified), Keep::Values);
    let deletions = kept(&merge_patch_between(last_applied, modified), Keep::Nulls);
    both(deletions, additions)
}

fn between(from: &Map<String, Value>, to: &Map<String, Value>) -> Map<String, Value> {
    let mut patch = Map::new();
    for (key, new) in to {
        match (from.get(key), new) {
            (Some(old), new) if old == new => {}
            (Some(Value::Object(old)), Value::Object(new)) => {
                patch.insert(key.clone(), Value::Object(between(old, new)));
            }
            _ => {
                patch.insert(key.clone(), new.clone());
            }
        }
    }
    for key in from.keys().filter(|it| !to.contains_key(*it)) {
        patch.insert(key.clone(), Value::Null);
    }
    patch
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Keep {
    Nulls,
    Values,
}

/// The part of a patch that removes, or the part that sets. An empty object is a value.
fn kept(patch: &Value, keep: Keep) -> Value {
    let Value::Object(map) = patch else {
        return patch.clone();
    };
    let mut result = Map::new();
    for (key, value) in map {
        let inner = match value {
            Value::Object(inner) if !inner.is_empty() => {
                let inner = kept(value, keep);
                inner
                    .as_object()
                    .is_some_and(|it| !it.is_empty())
                    .then_some(inner)
            }
            _ => (value.is_null() == (keep == Keep::Nulls)).then(|| value.clone()),
        };
        if let Some(inner) = inner {
            result.insert(key.clone(), inner);
        }
    }
    Value::Object(result)
}

/// Two patches made one; nulls stay.
fn both(first: Value, second: Value) -> Value {
    match (first, second) {
        (Value::Object(mut first), Value::Object(second)) => {
            for (key, value) in second {
                let value = match first.remove(&key) {
                    Some(old) => both(old, value),
                    None => value,
                };
                first.insert(key, value);
            }
            Value::Object(first)
        }
        (_, second) => second,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_examples_of_the_rfc_hold() {
        for (document, patch, expected) in [
            (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
            (
                json!({"a": "b"}),
                json!({"b": "c"}),
                json!({"a": "b", "b": "c"}),
            ),
            (json!({"a": "b"}), json!({"a": null}), json!({})),
            (
                json!({"a": "b", "b": "c"}),
                json!({"a": null}),
                json!({"b": "c"}),
            ),
            (json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "c"}), json!({"a": ["b"]}), json!({"a": ["b"]})),
            (
                json!({"a": {"b": "c"}}),
                json!({"a": {"b": "d", "c": null}}),
                json!({"a": {"b": "d"}}),
            ),
            (
                json!({"a": [{"b": "c"}]}),
                json!({"a": [1]}),
                json!({"a": [1]}),
            ),
            (json!(["a", "b"]), json!(["c", "d"]), json!(["c", "d"])),
            (json!({"a": "b"}), json!(["c"]), json!(["c"])),
            (json!({"a": "foo"}), json!(null), json!(null)),
            (json!({"a": "foo"}), json!("bar"), json!("bar")),
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
            assert_eq!(
                merge_patch(&document, &patch),
                Ok(expected),
                "{document} {patch}"
            );
        }
    }

    #[test]
    fn an_unchanged_apply_sends_nothing_and_a_dropped_field_is_removed() {
        let applied = json!({"spec": {"a": 1, "b": 2, "list": [1]}});
        let live = json!({"spec": {"a": 1, "b": 2, "list": [1], "server": true}, "status": {}});
        assert_eq!(three_way_merge_patch(&applied, &applied, &live), json!({}));
        let modified = json!({"spec": {"a": 3, "list": [1, 2]}});
        let patch = json!({"spec": {"a": 3, "b": null, "list": [1, 2]}});
        assert_eq!(three_way_merge_patch(&applied, &modified, &live), patch);
    }
}
