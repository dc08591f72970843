//! JSON patch: add, remove, replace, move, copy, test.
//!
//! Imitates RFC 6902 as `gopkg.in/evanphx/json-patch.v4` 4.12 does it for the API server, leniencies and messages included:
//! replacing a key that is not there adds it, and a position in a list may count from the end where that library allows it.
//!
//! **Left out**: operations on the whole document (an empty path), which that library refuses as well.

use super::{PatchError, refuse_unbounded};
use serde_json::Value;

/// A patch of more operations is refused.
pub const MAX_OPERATIONS: usize = 10_000;
/// What all copies of one patch together may add, in values.
const MAX_COPIED: usize = 100_000;

/// The document after a JSON patch.
///
/// # Errors
/// When the patch is no list of operations, or one of them does not fit the document.
pub fn json_patch(document: &Value, patch: &Value) -> Result<Value, PatchError> {
    refuse_unbounded(&[document, patch])?;
    let Value::Array(operations) = patch else {
        let kind = crate::api::schema::json_kind(patch);
        return Err(PatchError::BadRequest(format!(
            "json: cannot unmarshal {kind} into Go value of type jsonpatch.Patch"
        )));
    };
    if operations.len() > MAX_OPERATIONS {
        return Err(PatchError::TooLarge(format!(
            "The allowed maximum operations in a JSON patch is {MAX_OPERATIONS}, got {}",
            operations.len()
        )));
    }
    if let Some(other) = operations.iter().find(|it| !it.is_object()) {
        let kind = crate::api::schema::json_kind(other);
        return Err(PatchError::BadRequest(format!(
            "json: cannot unmarshal {kind} into Go value of type jsonpatch.Operation"
        )));
    }
    let mut result = document.clone();
    let mut copied = 0;
    for operation in operations {
        run(&mut result, operation, &mut copied).map_err(PatchError::Unprocessable)?;
    }
    refuse_unbounded(&[&result])?;
    Ok(result)
}

const MISSING: &str = "missing value";
const BAD_INDEX: &str = "invalid index referenced";

fn run(document: &mut Value, operation: &Value, copied: &mut usize) -> Result<(), String> {
    let kind = operation
        .get("op")
        .and_then(Value::as_str)
        .unwrap_or("unknown");
    match kind {
        "move" | "copy" => {
            let from = named(operation, kind, "from")?;
            let value = take(document, kind, from)?;
            let path = named(operation, kind, "path")?;
            if kind == "copy" {
                *copied += size(&value);
                if *copied > MAX_COPIED {
                    return Err(format!(
                        "Unable to complete the copy, the accumulated size increase of copy is {copied}, exceeding the limit {MAX_COPIED}"
                    ));
                }
            }
            put(document, kind, path, value)
        }
        "add" | "remove" | "replace" | "test" => {
            let path = named(operation, kind, "path")?;
            change(document, kind, path, operation.get("value"))
        }
        _ => Err(format!("Unexpected kind: {kind}")),
    }
}

/// `path` or `from` of an operation.
fn named<'o>(operation: &'o Value, kind: &str, name: &str) -> Result<&'o str, String> {
    let member = operation.get(name);
    member.and_then(Value::as_str).ok_or_else(|| {
        // The library loses the reason for some of them.
        let keeps_reason = !matches!((kind, name), ("add" | "remove", _) | ("copy", "path"));
        let reason = match member {
            None if keeps_reason => format!("operation missing {name} field: {MISSING}"),
            _ => MISSING.to_owned(),
        };
        format!("{kind} operation failed to decode {name}: {reason}")
    })
}

fn change(
    document: &mut Value,
    kind: &str,
    path: &str,
    value: Option<&Value>,
) -> Result<(), String> {
    if kind == "test" {
        return test(document, path, value);
    }
    let quoted = if kind == "replace" {
        path.to_owned()
    } else {
        format!("\"{path}\"")
    };
    let place = parent(document, path).ok_or_else(|| {
        format!("{kind} operation does not apply: doc is missing path: {quoted}: {MISSING}")
    })?;
    let value = value.cloned().unwrap_or_default();
    match kind {
        "add" => {
            insert(place, value).map_err(|it| format!("error in add for path: '{path}': {it}"))
        }
        "remove" => remove(place.container, &place.key)
            .map_err(|it| format!("error in remove for path: '{path}': {it}")),
        _ => replace(place, value).map_err(|()| {
            format!("replace operation does not apply: doc is missing key: {path}: {MISSING}")
        }),
    }
}

/// The end of a copy or a move.
fn put(document: &mut Value, kind: &str, path: &str, value: Value) -> Result<(), String> {
    let place = parent(document, path).ok_or_else(|| {
        format!(
            "{kind} operation does not apply: doc is missing destination path: {path}: {MISSING}"
        )
    })?;
    insert(place, value).map_err(|it| match kind {
        "move" => format!("error in move for path: '{path}': {it}"),
        _ => format!("error while adding value during copy: {it}"),
    })
}

/// The value that a copy or a move begins with. A move takes it away.
fn take(document: &mut Value, kind: &str, from: &str) -> Result<Value, String> {
    let place = parent(document, from).ok_or_else(|| {
        format!("{kind} operation does not apply: doc is missing from path: {from}: {MISSING}")
    })?;
    let named = if kind == "move" {
        format!("path: '{}'", place.key)
    } else {
        format!("from: '{from}'")
    };
    let value = read(&place)
        .map_err(|it| format!("error in {kind} for {named}: {it}"))?
        .cloned()
        .unwrap_or_default();
    if kind == "move" {
        remove(place.container, &place.key)
            .map_err(|it| format!("error in move for {named}: {it}"))?;
    }
    Ok(value)
}

fn test(document: &mut Value, path: &str, expected: Option<&Value>) -> Result<(), String> {
    let place = parent(document, path).ok_or_else(|| {
        format!("test operation does not apply: is missing path: {path}: {MISSING}")
    })?;
    let found = read(&place).map_err(|it| format!("error in test for path: '{path}': {it}"))?;
    let null = Value::Null;
    if found.unwrap_or(&null) == expected.unwrap_or(&null) {
        Ok(())
    } else {
        Err(format!("testing value {path} failed: test failed"))
    }
}

/// A container and a key in it.
struct Place<'d> {
    container: &'d mut Value,
    key: String,
}

/// The container that a path ends in, if there is one. A position may be written with leading zeros or a sign, as Go reads it.
fn parent<'d>(document: &'d mut Value, path: &str) -> Option<Place<'d>> {
    let mut parts = path.split('/');
    // What stands before the first slash is not looked at.
    parts.next();
    let parts: Vec<String> = parts
        .map(|it| it.replace("~1", "/").replace("~0", "~"))
        .collect();
    let (key, through) = parts.split_last()?;
    let mut container = document;
    for part in through {
        container = match container {
            Value::Object(map) => map.get_mut(part)?,
            Value::Array(items) => items.get_mut(part.parse::<usize>().ok()?)?,
            _ => return None,
        };
    }
    let key = key.clone();
    matches!(container, Value::Object(_) | Value::Array(_)).then_some(Place { container, key })
}

fn index(key: &str) -> Result<i64, String> {
    key.parse::<i64>().map_err(|_| {
        format!(
            "strconv.Atoi: parsing {}: invalid syntax",
            crate::api::schema::quoted(key)
        )
    })
}

fn bad_index(at: i64) -> String {
    format!("Unable to access invalid index: {at}: {BAD_INDEX}")
}

fn read<'p>(place: &'p Place<'_>) -> Result<Option<&'p Value>, String> {
    match &*place.container {
        Value::Array(items) => {
            let at = index(&place.key)?;
            let found = usize::try_from(at).ok().and_then(|it| items.get(it));
            found.map(Some).ok_or_else(|| bad_index(at))
        }
        container => Ok(container.get(&place.key)),
    }
}

fn insert(place: Place<'_>, value: Value) -> Result<(), String> {
    match place.container {
        Value::Array(items) if place.key == "-" => items.push(value),
        Value::Array(items) => {
            let at = index(&place.key).map_err(|it| {
                format!("value was not a proper array index: '{}': {it}", place.key)
            })?;
            let position = from_end(at, items.len() + 1).ok_or_else(|| bad_index(at))?;
            items.insert(position, value);
        }
        Value::Object(map) => {
            map.insert(place.key, value);
        }
        _ => {}
    }
    Ok(())
}

fn remove(container: &mut Value, key: &str) -> Result<(), String> {
    match container {
        Value::Array(items) => {
            let at = index(key)?;
            let position = from_end(at, items.len()).ok_or_else(|| bad_index(at))?;
            items.remove(position);
        }
        Value::Object(map) => {
            let missing = || format!("Unable to remove nonexistent key: {key}: {MISSING}");
            map.remove(key).ok_or_else(missing)?;
        }
        _ => {}
    }
    Ok(())
}

fn replace(place: Place<'_>, value: Value) -> Result<(), ()> {
    match place.container {
        Value::Array(items) => {
            let at = place.key.parse::<usize>().map_err(|_| ())?;
            *items.get_mut(at).ok_or(())? = value;
        }
        Value::Object(map) => {
            map.insert(place.key, value);
        }
        _ => {}
    }
    Ok(())
}

/// A position that may count from the end, among so many.
fn from_end(at: i64, length: usize) -> Option<usize> {
    let length = i64::try_from(length).ok()?;
    let at = if at < 0 { at.checked_add(length)? } else { at };
    (at < length).then(|| usize::try_from(at).ok()).flatten()
}

fn size(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.iter().map(size).sum::<usize>() + 1,
        Value::Object(map) => map.values().map(size).sum::<usize>() + 1,
        _ => 1,
    }
}
