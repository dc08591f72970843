//! Strategic merge patch: a merge patch that knows which lists have keys.
//!
//! Imitates `k8s.io/apimachinery/pkg/util/strategicpatch` 1.36: `$patch`, `$retainKeys`, `$setElementOrder/…`,
//! `$deleteFromPrimitiveList/…`, the order of merged lists, and the messages about malformed patches.
//!
//! **Left out**: fields that the schema does not know have no strategy here; there they are an error when both sides have one.

use super::{PatchError, refuse_unbounded};
use crate::api::schema::{Field, PatchStrategy, Shape, TypeRef, go_print, json_kind};
use crate::sorted::sort_by_key;
use serde_json::{Map, Value};

pub(super) const DIRECTIVE: &str = "$patch";
pub(super) const RETAIN_KEYS: &str = "$retainKeys";
pub(super) const SET_ORDER: &str = "$setElementOrder/";
pub(super) const DELETE_FROM: &str = "$deleteFromPrimitiveList/";

/// The document after a strategic merge patch.
///
/// # Errors
/// When the patch is malformed or something is nested too deep.
pub fn strategic_merge_patch(
    document: &Value,
    patch: &Value,
    of: TypeRef,
) -> Result<Value, PatchError> {
    refuse_unbounded(&[document, patch])?;
    let (Value::Object(document), Value::Object(patch)) = (document, patch) else {
        let kind = json_kind(patch);
        return Err(PatchError::BadRequest(format!(
            "json: cannot unmarshal {kind} into Go value of type map[string]interface {{}}"
        )));
    };
    merge_maps(
        document.clone(),
        patch.clone(),
        At::Struct(of),
        Into::Document,
    )
    .map(Value::Object)
}

/// Where in the schema a value stands.
#[derive(Clone, Copy)]
pub(super) enum At {
    Struct(TypeRef),
    Map(&'static Shape),
    Unknown,
}

/// How a field merges, and where its content stands.
#[derive(Clone, Copy)]
pub(super) struct Meta {
    pub(super) inside: At,
    pub(super) strategy: PatchStrategy,
    pub(super) merge_key: Option<&'static str>,
}

impl At {
    pub(super) fn of(shape: &'static Shape) -> At {
        match shape {
            Shape::Object(_) => shape.object().map_or(At::Unknown, At::Struct),
            Shape::Map(inner, _) => At::Map(inner),
            Shape::List(inner) => At::of(inner),
            Shape::Scalar(..) | Shape::Free(_) => At::Unknown,
        }
    }

    pub(super) fn field(self, key: &str) -> Meta {
        let field: Option<&'static Field> = match self {
            At::Struct(of) => of.field(key),
            At::Map(_) | At::Unknown => None,
        };
        let inside = match (self, field) {
            (_, Some(field)) => At::of(&field.shape),
            (At::Map(inner), None) => At::of(inner),
            _ => At::Unknown,
        };
        Meta {
            inside,
            strategy: field.map(|it| it.strategy).unwrap_or_default(),
            merge_key: field.and_then(|it| it.merge_key),
        }
    }
}

/// What a patch is merged into. Two patches become one without any directive being carried out.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Into {
    Document,
    Patch,
}

type Object = Map<String, Value>;

pub(super) fn merge_maps(
    mut original: Object,
    mut patch: Object,
    at: At,
    into: Into,
) -> Result<Object, PatchError> {
    if let Some(directive) = patch.remove(DIRECTIVE) {
        return match directive.as_str() {
            Some("replace") => Ok(patch),
            Some("delete") => Ok(Map::new()),
            _ => {
                patch.insert(DIRECTIVE.to_owned(), directive);
                Err(bad_directive(patch))
            }
        };
    }
    retain_keys(&mut original, &mut patch, into)?;
    merge_ordered_lists(&mut original, &mut patch, at, into)?;
    for (key, value) in patch {
        let (key, is_delete_list) = match key.strip_prefix(DELETE_FROM) {
            Some(_) if into == Into::Patch => {
                original.insert(key, value);
                continue;
            }
            Some(list) => (list.to_owned(), true),
            None => (key, false),
        };
        if value.is_null() {
            original.remove(&key);
            if into == Into::Document {
                continue;
            }
        }
        let Some(old) = original.remove(&key) else {
            if !is_delete_list && let Some(value) = as_new(value, into) {
                original.insert(key, value);
            }
            continue;
        };
        let meta = at.field(&key);
        let new = match (old, value) {
            (Value::Object(old), Value::Object(new)) => {
                Some(Value::Object(merge_maps(old, new, meta.inside, into)?))
            }
            (Value::Array(old), Value::Array(new)) if is_delete_list => {
                Some(Value::Array(without(old, &new)))
            }
            (Value::Array(old), Value::Array(new)) if meta.strategy.merges() => {
                Some(Value::Array(merge_lists(old, new, meta, into)?))
            }
            (old, _) if is_delete_list => Some(old),
            (_, new) => as_new(new, into),
        };
        if let Some(new) = new {
            original.insert(key, new);
        }
    }
    Ok(original)
}

/// A value of the patch that meets nothing of its kind in the document.
fn as_new(value: Value, into: Into) -> Option<Value> {
    match into {
        Into::Patch => Some(value),
        Into::Document => without_directives(value),
    }
}

/// The value without nulls in objects and without directives; nothing if it says that it be deleted.
fn without_directives(value: Value) -> Option<Value> {
    match value {
        Value::Object(map) => {
            if map.get(DIRECTIVE).and_then(Value::as_str) == Some("delete") {
                return None;
            }
            let kept = map.into_iter().filter(|(key, value)| {
                let is_directive = key == DIRECTIVE
                    || key == RETAIN_KEYS
                    || key.starts_with(SET_ORDER)
                    || key.starts_with(DELETE_FROM);
                !is_directive && !value.is_null()
            });
            let kept = kept.filter_map(|(key, value)| Some((key, without_directives(value)?)));
            Some(Value::Object(kept.collect()))
        }
        Value::Array(items) => Some(Value::Array(
            items.into_iter().filter_map(without_directives).collect(),
        )),
        other => Some(other),
    }
}

fn bad_directive(map: Object) -> PatchError {
    let directive = map.get(DIRECTIVE).map(go_print).unwrap_or_default();
    let map = go_print(&Value::Object(map));
    PatchError::Internal(format!("unknown patch type: {directive} in map: {map}"))
}

fn retain_keys(original: &mut Object, patch: &mut Object, into: Into) -> Result<(), PatchError> {
    let Some(directive) = patch.remove(RETAIN_KEYS) else {
        return Ok(());
    };
    let malformed = || PatchError::BadRequest("invalid patch format of retainKeys".to_owned());
    if into == Into::Patch {
        original.insert(RETAIN_KEYS.to_owned(), directive);
        return Ok(());
    }
    let Value::Array(list) = directive else {
        return Err(malformed());
    };
    let is_listed = |key: &str| list.iter().any(|it| it.as_str() == Some(key));
    let is_free = |key: &str| key.starts_with(DELETE_FROM) || key.starts_with(SET_ORDER);
    if patch
        .iter()
        .any(|(key, value)| !value.is_null() && !is_free(key) && !is_listed(key))
    {
        return Err(malformed());
    }
    original.retain(|key, _| is_listed(key));
    Ok(())
}

/// Carries out `$setElementOrder/…` together with the list it is about.
fn merge_ordered_lists(
    original: &mut Object,
    patch: &mut Object,
    at: At,
    into: Into,
) -> Result<(), PatchError> {
    let directives: Vec<String> = patch
        .keys()
        .filter(|it| it.starts_with(SET_ORDER))
        .cloned()
        .collect();
    for directive in directives {
        let Some(order) = patch.remove(&directive) else {
            continue;
        };
        if into == Into::Patch {
            let known = original
                .entry(directive.clone())
                .or_insert_with(|| order.clone());
            if *known != order {
                return Err(PatchError::BadRequest(
                    "invalid patch format of setElementOrder list".to_owned(),
                ));
            }
        }
        let key = directive
            .get(SET_ORDER.len()..)
            .unwrap_or_default()
            .to_owned();
        let order = list_of(order)?;
        let old = original.get(&key).cloned().map(list_of).transpose()?;
        let new = patch
            .remove(&key)
            .filter(|it| !it.is_null() || into == Into::Patch);
        let new = new.map(list_of).transpose()?;
        let meta = at.field(&key);
        if let Some(new) = &new {
            check_order(new, &order, meta.merge_key)?;
        }
        let merged = match (old.clone(), new) {
            (None, None) => continue,
            (Some(old), None) => old,
            (None, Some(new)) => match as_new(Value::Array(new), into) {
                Some(Value::Array(new)) => new,
                _ => continue,
            },
            (Some(old), Some(new)) if meta.strategy.merges() => merge_lists(old, new, meta, into)?,
            (Some(_), Some(new)) => new,
        };
        let ordered = in_order(merged, &order, &old.unwrap_or_default(), meta.merge_key)?;
        original.insert(key, Value::Array(ordered));
    }
    Ok(())
}

fn list_of(value: Value) -> Result<Vec<Value>, PatchError> {
    match value {
        Value::Array(items) => Ok(items),
        other => {
            let go_type = match other {
                Value::Object(_) => "map[string]interface {}",
                Value::String(_) => "string",
                Value::Bool(_) => "bool",
                Value::Number(_) => "int64",
                _ => "%!s(<nil>)",
            };
            let message = format!("expected a []interface {{}}, but received a {go_type}");
            Err(PatchError::Internal(message))
        }
    }
}

/// Whether the items of a patch stand in the order that the patch itself demands.
fn check_order(list: &[Value], order: &[Value], key: Option<&str>) -> Result<(), PatchError> {
    let wanted = list.iter().filter(|it| !is_deletion(it));
    let mut at = 0;
    for item in wanted {
        if key.is_some_and(|it| item.get(it).is_none()) {
            return Err(no_merge_key(item, key));
        }
        let rest = order.get(at..).unwrap_or_default();
        match rest.iter().position(|it| is_same(it, item, key)) {
            Some(found) => at += found + 1,
            None => {
                let list = go_print(&Value::Array(list.to_vec()));
                let order = go_print(&Value::Array(order.to_vec()));
                let name = SET_ORDER.trim_end_matches('/');
                return Err(PatchError::Internal(format!(
                    "The order in patch list:\n{list}\n doesn't match {name} list:\n{order}\n"
                )));
            }
        }
    }
    Ok(())
}

pub(super) fn is_deletion(item: &Value) -> bool {
    item.get(DIRECTIVE).and_then(Value::as_str) == Some("delete")
}

/// Whether two items are one and the same: by their key, or as values.
pub(super) fn is_same(a: &Value, b: &Value, key: Option<&str>) -> bool {
    match key {
        // Go compares the keys as it prints them.
        Some(key) => match (a.get(key), b.get(key)) {
            (Some(a), Some(b)) if json_kind(a) == json_kind(b) => a == b,
            (Some(a), Some(b)) => go_print(a) == go_print(b),
            _ => false,
        },
        None => a == b,
    }
}

pub(super) fn no_merge_key(item: &Value, key: Option<&str>) -> PatchError {
    let key = key.unwrap_or_default();
    PatchError::Internal(format!(
        "map: {} does not contain declared merge key: {key}",
        go_print(item)
    ))
}

/// What the items of lists are: objects or not.
///
/// # Errors
/// When they are lists, or not all of one kind.
pub(super) fn are_objects(a: &[Value], b: &[Value]) -> Result<bool, PatchError> {
    let mut items = a.iter().chain(b);
    let Some(first) = items.next() else {
        return Ok(false);
    };
    if first.is_array() {
        return Err(PatchError::Unprocessable(
            "lists of lists are not supported".to_owned(),
        ));
    }
    let kind = json_kind(first);
    if items.any(|it| json_kind(it) != kind) {
        let all: Vec<Value> = a.iter().chain(b).cloned().collect();
        let all = go_print(&Value::Array(all));
        return Err(PatchError::Internal(format!(
            "list element types are not identical: {all}"
        )));
    }
    Ok(first.is_object())
}

fn merge_lists(
    original: Vec<Value>,
    patch: Vec<Value>,
    meta: Meta,
    into: Into,
) -> Result<Vec<Value>, PatchError> {
    if original.is_empty() && patch.is_empty() {
        return Ok(original);
    }
    if !are_objects(&original, &patch)? {
        let mut both: Vec<Value> = Vec::new();
        for item in original.iter().chain(&patch) {
            if !both.contains(item) {
                both.push(item.clone());
            }
        }
        return in_order(both, &patch, &original, None);
    }
    let Some(key) = meta.merge_key else {
        let message = "cannot merge lists without merge key for []interface {}".to_owned();
        return Err(PatchError::Internal(message));
    };
    let (mut merged, patch) = special_items(original.clone(), patch, key)?;
    for item in &patch {
        if item.get(key).is_none() {
            return Err(no_merge_key(item, Some(key)));
        }
        let known = merged.iter_mut().find(|it| is_same(it, item, Some(key)));
        match (known, item) {
            (Some(known), Value::Object(new)) => {
                if let Value::Object(old) = known.take() {
                    *known = Value::Object(merge_maps(old, new.clone(), meta.inside, into)?);
                }
            }
            (None, item) => merged.extend(as_new(item.clone(), into)),
            (Some(_), _) => {}
        }
    }
    in_order(merged, &patch, &original, Some(key))
}

/// Carries out the items that are directives; gives the list and the rest of the patch.
fn special_items(
    mut original: Vec<Value>,
    patch: Vec<Value>,
    key: &str,
) -> Result<(Vec<Value>, Vec<Value>), PatchError> {
    let mut rest = Vec::new();
    let mut replaces = false;
    for item in patch {
        match item.get(DIRECTIVE).map(|it| it.as_str()) {
            None => rest.push(item),
            Some(Some("delete")) => {
                if item.get(key).is_none() {
                    return Err(no_merge_key(&item, Some(key)));
                }
                original.retain(|it| !is_same(it, &item, Some(key)));
            }
            Some(Some("replace")) => replaces = true,
            Some(Some("merge")) => {
                let message = "merging lists cannot yet be specified in the patch".to_owned();
                return Err(PatchError::Internal(message));
            }
            Some(_) => {
                return Err(match item {
                    Value::Object(map) => bad_directive(map),
                    _ => PatchError::Internal("unknown patch type".to_owned()),
                });
            }
        }
    }
    Ok(if replaces {
        (rest, Vec::new())
    } else {
        (original, rest)
    })
}

fn without(list: Vec<Value>, gone: &[Value]) -> Vec<Value> {
    list.into_iter().filter(|it| !gone.contains(it)).collect()
}

/// A merged list in the order of the patch, with what only the server has kept at its place.
fn in_order(
    merged: Vec<Value>,
    order: &[Value],
    before: &[Value],
    key: Option<&str>,
) -> Result<Vec<Value>, PatchError> {
    let position = |list: &[Value], item: &Value| list.iter().position(|it| is_same(it, item, key));
    let (ours, theirs): (Vec<Value>, Vec<Value>) = merged
        .into_iter()
        .partition(|it| position(order, it).is_some());
    let mut ours = sorted_by(ours, order, key)?.into_iter().peekable();
    let mut theirs = sorted_by(theirs, before, key)?.into_iter().peekable();
    let mut result = Vec::new();
    loop {
        let is_theirs = match (theirs.peek(), ours.peek()) {
            (None, None) => return Ok(result),
            (Some(_), None) => true,
            (None, Some(_)) => false,
            (Some(their), Some(our)) => {
                let places = (position(before, their), position(before, our));
                matches!(places, (Some(their), Some(our)) if their < our)
            }
        };
        result.extend(if is_theirs {
            theirs.next()
        } else {
            ours.next()
        });
    }
}

/// A list in the order of another, with deletions at the end.
pub(super) fn sorted_by(
    list: Vec<Value>,
    order: &[Value],
    key: Option<&str>,
) -> Result<Vec<Value>, PatchError> {
    if let Some(faulty) = list
        .iter()
        .find(|it| it.is_object() && key.is_some_and(|key| it.get(key).is_none()))
    {
        return Err(no_merge_key(faulty, key));
    }
    let (gone, mut kept): (Vec<Value>, Vec<Value>) = list.into_iter().partition(is_deletion);
    sort_by_key(&mut kept, |item| {
        order
            .iter()
            .position(|it| is_same(it, item, key))
            .unwrap_or(usize::MAX)
    });
    kept.extend(gone);
    Ok(kept)
}
