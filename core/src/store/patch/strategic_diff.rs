//! The strategic merge patch between documents: of two, as `kubectl edit` sends it, and of three, as client-side
//! `kubectl apply` does.
//!
//! Imitates `CreateTwoWayMergePatch` and `CreateThreeWayMergePatch` (overwriting, without preconditions) of
//! `k8s.io/apimachinery/pkg/util/strategicpatch` 1.36.
//!
//! **Left out**: the check for conflicts that kubectl does not ask for.

use super::strategic::{
    At, DELETE_FROM, DIRECTIVE, Into, Meta, RETAIN_KEYS, SET_ORDER, are_objects, is_same,
    merge_maps, no_merge_key, sorted_by,
};
use super::{PatchError, refuse_unbounded};
use crate::api::schema::{TypeRef, go_print, json_kind};
use crate::sorted::{sort_by, sort_by_key};
use serde_json::{Map, Value};

/// The patch that makes one document of another.
///
/// # Errors
/// When a list lacks its keys, or something is nested too deep.
pub fn two_way_strategic_patch(from: &Value, to: &Value, of: TypeRef) -> Result<Value, PatchError> {
    refuse_unbounded(&[from, to])?;
    let patch = diff_maps(
        &object(from),
        &object(to),
        At::Struct(of),
        Part::All,
        Keys::Free,
    )?;
    Ok(Value::Object(patch))
}

/// The patch of a client-side apply: what is gone since the last apply is removed, what differs from the live object
/// is set, and what only the server knows is left alone. `{}` when there is nothing to do.
///
/// # Errors
/// When a list lacks its keys, or something is nested too deep.
pub fn three_way_strategic_patch(
    last_applied: &Value,
    modified: &Value,
    live: &Value,
    of: TypeRef,
) -> Result<Value, PatchError> {
    refuse_unbounded(&[last_applied, modified, live])?;
    let at = At::Struct(of);
    let modified = object(modified);
    let delta = diff_maps(&object(live), &modified, at, Part::Changes, Keys::Free)?;
    let deletions = diff_maps(
        &object(last_applied),
        &modified,
        at,
        Part::Deletions,
        Keys::Free,
    )?;
    merge_maps(deletions, delta, at, Into::Patch).map(Value::Object)
}

type Object = Map<String, Value>;

fn object(value: &Value) -> Object {
    value.as_object().cloned().unwrap_or_default()
}

/// Which part of a difference is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    All,
    Changes,
    Deletions,
}

impl Part {
    fn has_changes(self) -> bool {
        self != Part::Deletions
    }

    fn has_deletions(self) -> bool {
        self != Part::Changes
    }
}

/// Whether the patch of an object names all keys that stay.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keys {
    Free,
    Retained,
}

fn diff_maps(
    from: &Object,
    to: &Object,
    at: At,
    part: Part,
    keys: Keys,
) -> Result<Object, PatchError> {
    let mut patch = Map::new();
    for (key, new) in to {
        let Some(old) = from.get(key) else {
            if part.has_changes() {
                patch.insert(key.clone(), new.clone());
            }
            continue;
        };
        let meta = at.field(key);
        let retained = if meta.strategy.retains_keys() {
            Keys::Retained
        } else {
            Keys::Free
        };
        match (old, new) {
            (Value::Object(old), Value::Object(new)) => {
                let inner = diff_maps(old, new, meta.inside, part, retained)?;
                if !inner.is_empty() {
                    patch.insert(key.clone(), Value::Object(inner));
                }
            }
            (Value::Array(old), Value::Array(new)) if meta.strategy.merges() => {
                let lists = diff_lists(old, new, meta, part, retained)?;
                let named = [
                    (key.clone(), lists.patch),
                    (format!("{DELETE_FROM}{key}"), lists.deleted),
                    (format!("{SET_ORDER}{key}"), lists.order),
                ];
                for (key, list) in named.into_iter().filter(|it| !it.1.is_empty()) {
                    patch.insert(key, Value::Array(list));
                }
            }
            (old, new) => {
                if part.has_changes() && old != new {
                    patch.insert(key.clone(), new.clone());
                }
            }
        }
    }
    if part.has_deletions() {
        for key in from.keys().filter(|it| !to.contains_key(*it)) {
            patch.insert(key.clone(), Value::Null);
        }
    }
    if keys == Keys::Retained {
        name_retained_keys(from, to, &mut patch);
    }
    Ok(patch)
}

/// Names the keys that stay, if the patch does anything or others are there that must go.
fn name_retained_keys(from: &Object, to: &Object, patch: &mut Object) {
    let staying: Vec<Value> = to
        .iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(key, _)| Value::from(key.as_str()))
        .collect();
    let has_more = from.keys().any(|it| !to.contains_key(it));
    if !staying.is_empty() && (!patch.is_empty() || has_more) {
        patch.insert(RETAIN_KEYS.to_owned(), Value::Array(staying));
    }
}

/// The parts of a patch that one list makes.
#[derive(Default)]
struct Lists {
    patch: Vec<Value>,
    deleted: Vec<Value>,
    order: Vec<Value>,
}

fn diff_lists(
    from: &[Value],
    to: &[Value],
    meta: Meta,
    part: Part,
    keys: Keys,
) -> Result<Lists, PatchError> {
    let mut lists = Lists::default();
    if from.is_empty() {
        if part.has_changes() {
            lists.patch = to.to_vec();
        }
        return Ok(lists);
    }
    if !are_objects(from, to)? {
        return diff_scalars(from, to, part);
    }
    let key = meta.merge_key;
    let (changed, gone) = diff_items(from, to, meta, part, keys)?;
    lists.patch = sorted_by(changed, to, key)?;
    lists.patch.extend(gone);
    let same_order =
        from.len() == to.len() && from.iter().zip(to).all(|(old, new)| is_same(old, new, key));
    let has_content = !lists.patch.is_empty();
    if (part.has_changes() && (has_content || !same_order)) || (part.has_deletions() && has_content)
    {
        let only_key = |item: &Value| -> Value {
            let pair = key.and_then(|key| Some((key.to_owned(), item.get(key)?.clone())));
            Value::Object(pair.into_iter().collect())
        };
        lists.order = to.iter().map(only_key).collect();
    }
    Ok(lists)
}

fn diff_scalars(from: &[Value], to: &[Value], part: Part) -> Result<Lists, PatchError> {
    let mut lists = Lists::default();
    let mut added: Vec<Value> = Vec::new();
    for item in to.iter().filter(|it| !from.contains(it)) {
        if part.has_changes() && !added.contains(item) {
            added.push(item.clone());
        }
    }
    lists.patch = sorted_by(added, to, None)?;
    let mut gone: Vec<Value> = Vec::new();
    for item in from.iter().filter(|it| !to.contains(it)) {
        if part.has_deletions() && !gone.contains(item) {
            gone.push(item.clone());
        }
    }
    sort_by_key(&mut gone, go_print);
    lists.deleted = gone;
    if (part.has_deletions() && !lists.deleted.is_empty()) || (part.has_changes() && from != to) {
        lists.order = to.to_vec();
    }
    Ok(lists)
}

/// The changed items of a list of objects, and a directive for each that is gone. Items of one key are taken in pairs.
fn diff_items(
    from: &[Value],
    to: &[Value],
    meta: Meta,
    part: Part,
    keys: Keys,
) -> Result<(Vec<Value>, Vec<Value>), PatchError> {
    let Some(key) = meta.merge_key else {
        return Err(no_merge_key(from.first().unwrap_or(&Value::Null), None));
    };
    let (mut changed, mut gone) = (Vec::new(), Vec::new());
    let mut old = with_keys(from, key)?.into_iter().peekable();
    let mut new = with_keys(to, key)?.into_iter().peekable();
    loop {
        let order = match (old.peek(), new.peek()) {
            (None, None) => return Ok((changed, gone)),
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (Some(old), Some(new)) => old.0.cmp(&new.0),
        };
        if order.is_eq() {
            if let (Some((_, old)), Some((_, new))) = (old.next(), new.next()) {
                let mut item = diff_maps(&object(old), &object(new), meta.inside, part, keys)?;
                if let (false, Some(value)) = (item.is_empty(), new.get(key)) {
                    item.insert(key.to_owned(), value.clone());
                    changed.push(Value::Object(item));
                }
            }
        } else if order.is_lt() {
            if let Some(value) = old.next().and_then(|it| it.1.get(key))
                && part.has_deletions()
            {
                let directive = [
                    (DIRECTIVE.to_owned(), Value::from("delete")),
                    (key.to_owned(), value.clone()),
                ];
                gone.push(Value::Object(directive.into_iter().collect()));
            }
        } else if let Some((_, item)) = new.next()
            && part.has_changes()
        {
            changed.push(item.clone());
        }
    }
}

/// The items of a list beside their keys as Go prints them, sorted by these.
fn with_keys<'l>(list: &'l [Value], key: &str) -> Result<Vec<(String, &'l Value)>, PatchError> {
    let mut keyed = Vec::new();
    for item in list {
        if !item.is_object() {
            let kind = json_kind(item);
            return Err(PatchError::Internal(format!(
                "expected a map, but received a {kind}"
            )));
        }
        let value = item.get(key).ok_or_else(|| no_merge_key(item, Some(key)))?;
        keyed.push((go_print(value), item));
    }
    // Go's comparison calls equal keys less, so its sort turns them round; which are paired depends on it.
    keyed.reverse();
    sort_by(&mut keyed, |a, b| a.0.cmp(&b.0));
    Ok(keyed)
}
