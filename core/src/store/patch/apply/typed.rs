//! Walks over documents with the schema in hand: which fields there are, what differs, what merging gives.
//!
//! Imitates sigs.k8s.io/structured-merge-diff v6 (`typed`): what is atomic is one leaf; what is empty on both sides is
//! a leaf too, so that empty and absent stay apart.
//!
//! **Left out**: fields that the schema calls anything (`FieldsV1`, raw extensions) are leaves.

use super::field_set::{FieldPath, FieldSet, PathElement};
use crate::api::schema::{Field, ListType, MAX_DEPTH, Scalar, Shape, TypeRef};
use crate::sorted::sort_by;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// What a value is to server-side apply.
#[derive(Clone, Copy)]
pub(super) enum At {
    Struct(TypeRef),
    Map(&'static Shape),
    Set,
    ListMap(&'static Shape, &'static [&'static str]),
    Leaf(Leaf),
}

/// What a leaf must be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Leaf {
    Scalar,
    List,
    Map,
    Anything,
}

impl At {
    pub(super) fn of_type(of: TypeRef) -> At {
        if of.is_atomic() {
            At::Leaf(Leaf::Map)
        } else {
            At::Struct(of)
        }
    }

    fn of_field(field: &'static Field) -> At {
        match (&field.shape, &field.list) {
            (Shape::List(_), ListType::Set) => At::Set,
            (Shape::List(inner), ListType::Map(keys)) => At::ListMap(inner, keys),
            (Shape::Map(..), _) if field.is_atomic_map => At::Leaf(Leaf::Map),
            (shape, _) => At::of_shape(shape),
        }
    }

    fn of_shape(shape: &'static Shape) -> At {
        match shape {
            Shape::Object(_) => shape.object().map_or(At::Leaf(Leaf::Anything), At::of_type),
            Shape::Map(inner, _) => At::Map(inner),
            Shape::List(_) => At::Leaf(Leaf::List),
            Shape::Scalar(Scalar::IntOrString | Scalar::Quantity, _) | Shape::Free(_) => {
                At::Leaf(Leaf::Anything)
            }
            Shape::Scalar(..) => At::Leaf(Leaf::Scalar),
        }
    }

    /// What stands below a step; nothing for a field that the schema does not know.
    pub(super) fn below(self, element: &PathElement) -> Option<At> {
        match (self, element) {
            (At::Struct(of), PathElement::Field(name)) => of.field(name).map(At::of_field),
            (At::Map(inner), _) => Some(At::of_shape(inner)),
            (At::ListMap(inner, _), _) => Some(At::of_shape(inner)),
            (At::Set, _) => Some(At::Leaf(Leaf::Scalar)),
            _ => None,
        }
    }

    /// Whether a step is one of the fields that the schema names.
    fn is_named(self, element: &PathElement) -> bool {
        matches!((self, element), (At::Struct(of), PathElement::Field(name)) if of.field(name).is_some())
    }

    fn element(self, item: &Value) -> Result<PathElement, String> {
        match self {
            At::ListMap(inner, keys) => list_map_key(inner, keys, item),
            _ => match item {
                Value::Object(_) => {
                    Err("associative list without keys has an element that's a map type".into())
                }
                Value::Array(_) => {
                    Err("not supported: associative list with lists as elements".into())
                }
                Value::Null => Err(
                    "associative list without keys has an element that's an explicit null".into(),
                ),
                scalar => Ok(PathElement::Value(scalar.clone())),
            },
        }
    }
}

fn list_map_key(inner: &'static Shape, keys: &[&str], item: &Value) -> Result<PathElement, String> {
    let Value::Object(map) = item else {
        return Err(if item.is_null() {
            "associative list with keys may not have a null element".into()
        } else {
            "associative list with keys may not have non-map elements".into()
        });
    };
    let mut fields = Vec::new();
    for key in keys {
        let default = || {
            let default = inner.object()?.field(key)?.default?;
            Some(Value::from(default))
        };
        let value = map.get(*key).cloned().or_else(default).ok_or_else(|| {
            format!("associative list with keys has an element that omits key field \"{key}\" (and doesn't have default value)")
        })?;
        fields.push(((*key).to_owned(), value));
    }
    sort_by(&mut fields, |a, b| a.0.cmp(&b.0));
    Ok(PathElement::Key(fields))
}

/// What is wrong with a document that is to be applied: `.spec.prots: field not declared in schema`.
pub(super) fn faults(value: &Value, at: At) -> Vec<String> {
    let mut faults = Vec::new();
    validate(value, at, &mut Vec::new(), &mut faults);
    faults
}

fn validate(value: &Value, at: At, path: &mut Vec<PathElement>, faults: &mut Vec<String>) {
    const MAX_FAULTS: usize = 100;
    if value.is_null() || path.len() > MAX_DEPTH || faults.len() >= MAX_FAULTS {
        return;
    }
    let expected = match (at, value) {
        (At::Struct(_) | At::Map(_), Value::Object(map)) => {
            for (key, inner) in map {
                let element = PathElement::Field(key.clone());
                let below = at.below(&element);
                path.push(element);
                match below {
                    Some(below) => validate(inner, below, path, faults),
                    None => faults.push(said(path, "field not declared in schema")),
                }
                path.pop();
            }
            return;
        }
        (At::Set | At::ListMap(..), Value::Array(items)) => {
            let mut seen = FieldSet::default();
            for (index, item) in items.iter().enumerate() {
                match at.element(item) {
                    Err(text) => faults.push(said(path, &format!("element {index}: {text}"))),
                    Ok(element) if seen.has(&element) => {
                        faults.push(said(path, &format!("duplicate entries for key {element}")));
                    }
                    Ok(element) => {
                        seen.insert(std::slice::from_ref(&element));
                        let below = at.below(&element).unwrap_or(At::Leaf(Leaf::Anything));
                        path.push(element);
                        validate(item, below, path, faults);
                        path.pop();
                    }
                }
            }
            return;
        }
        (At::Leaf(Leaf::Anything), _)
        | (At::Leaf(Leaf::List), Value::Array(_))
        | (At::Leaf(Leaf::Map), Value::Object(_))
        | (At::Leaf(Leaf::Scalar), Value::Bool(_) | Value::Number(_) | Value::String(_)) => return,
        (At::Leaf(Leaf::Scalar), _) => "scalar",
        (At::Struct(_) | At::Map(_) | At::Leaf(Leaf::Map), _) => "map",
        (At::Set | At::ListMap(..) | At::Leaf(Leaf::List), _) => "list",
    };
    let found = crate::api::schema::go_print(value);
    faults.push(said(
        path,
        &format!("expected {expected}, got &{{{found}}}"),
    ));
}

fn said(path: &[PathElement], text: &str) -> String {
    format!("{}: {text}", FieldPath(path.to_vec()))
}

/// The fields that a document has.
pub(super) fn to_set(value: &Value, at: At) -> FieldSet {
    let mut set = FieldSet::default();
    collect(value, at, &mut Vec::new(), &mut set);
    set
}

fn collect(value: &Value, at: At, path: &mut Vec<PathElement>, set: &mut FieldSet) {
    if path.len() > MAX_DEPTH {
        return;
    }
    match (at, value) {
        (At::Struct(_) | At::Map(_), Value::Object(map)) => {
            for (key, inner) in map {
                let element = PathElement::Field(key.clone());
                let Some(below) = at.below(&element) else {
                    continue;
                };
                let is_named = at.is_named(&element);
                path.push(element);
                collect(inner, below, path, set);
                let is_empty = inner.is_null() || inner.as_object().is_some_and(Map::is_empty);
                if is_empty || !is_named {
                    set.insert(path);
                }
                path.pop();
            }
        }
        (At::Set | At::ListMap(..), Value::Array(items)) => {
            for item in items {
                let Ok(element) = at.element(item) else {
                    continue;
                };
                let below = at.below(&element).unwrap_or(At::Leaf(Leaf::Anything));
                path.push(element);
                collect(item, below, path, set);
                set.insert(path);
                path.pop();
            }
        }
        (At::Leaf(_), _) => set.insert(path),
        _ => {}
    }
}

/// What differs between two documents.
#[derive(Default)]
pub(super) struct Comparison {
    pub(super) added: FieldSet,
    pub(super) removed: FieldSet,
    pub(super) modified: FieldSet,
}

impl Comparison {
    pub(super) fn is_same(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.modified.is_empty()
    }

    /// The same without a field of the object and all below it.
    pub(super) fn without_field(&self, name: &str) -> Comparison {
        Comparison {
            added: self.added.without_field(name),
            removed: self.removed.without_field(name),
            modified: self.modified.without_field(name),
        }
    }
}

/// Compares two documents.
pub(super) fn compare(old: &Value, new: &Value, at: At) -> Comparison {
    let mut comparison = Comparison::default();
    merge(
        Some(old),
        Some(new),
        at,
        &mut Vec::new(),
        &mut Some(&mut comparison),
    );
    comparison
}

/// A document with another one laid over it.
pub(super) fn merged(live: &Value, config: &Value, at: At) -> Value {
    merge(Some(live), Some(config), at, &mut Vec::new(), &mut None)
        .unwrap_or_else(|| Value::Object(Map::new()))
}

/// One walk does both: it lays the right side over the left one, and notes what differs.
fn merge(
    left: Option<&Value>,
    right: Option<&Value>,
    at: At,
    path: &mut Vec<PathElement>,
    notes: &mut Option<&mut Comparison>,
) -> Option<Value> {
    let is_bare = |it: Option<&Value>| match it {
        None | Some(Value::Null) => true,
        Some(Value::Array(items)) => items.is_empty(),
        Some(Value::Object(map)) => map.is_empty(),
        Some(_) => false,
    };
    let fits = |it: Option<&Value>| match at {
        At::Struct(_) | At::Map(_) => it.is_none_or(|it| it.is_object() || it.is_null()),
        At::Set | At::ListMap(..) => it.is_none_or(|it| it.is_array() || it.is_null()),
        At::Leaf(_) => false,
    };
    let is_leaf =
        !fits(left) || !fits(right) || (is_bare(left) && is_bare(right)) || path.len() > MAX_DEPTH;
    let out = if is_leaf {
        right.or(left).cloned()
    } else if matches!(at, At::Set | At::ListMap(..)) {
        merge_items(left, right, at, path, notes)
    } else {
        merge_fields(left, right, at, path, notes)
    };
    if let Some(notes) = notes {
        match (left, right) {
            (None, _) => notes.added.insert(path),
            (_, None) => notes.removed.insert(path),
            (Some(left), Some(right)) if is_leaf && left != right => notes.modified.insert(path),
            _ => {}
        }
    }
    out
}

fn merge_fields(
    left: Option<&Value>,
    right: Option<&Value>,
    at: At,
    path: &mut Vec<PathElement>,
    notes: &mut Option<&mut Comparison>,
) -> Option<Value> {
    let fields = |it: Option<&Value>| it.and_then(Value::as_object).cloned().unwrap_or_default();
    let (left, right) = (fields(left), fields(right));
    let mut out = Map::new();
    let more = right.keys().filter(|it| !left.contains_key(*it));
    for key in left.keys().chain(more) {
        let element = PathElement::Field(key.clone());
        let below = at.below(&element).unwrap_or(At::Leaf(Leaf::Anything));
        path.push(element);
        if let Some(value) = merge(left.get(key), right.get(key), below, path, notes) {
            out.insert(key.clone(), value);
        }
        path.pop();
    }
    (!out.is_empty()).then_some(Value::Object(out))
}

/// The items of both lists: shared ones in the order of the right one, others where their own list has them.
fn merge_items(
    left: Option<&Value>,
    right: Option<&Value>,
    at: At,
    path: &mut Vec<PathElement>,
    notes: &mut Option<&mut Comparison>,
) -> Option<Value> {
    let (left, right) = (keyed(left, at), keyed(right, at));
    let find = |list: &[(PathElement, Value)], element: &PathElement| {
        list.iter().position(|it| it.0 == *element)
    };
    let mut out = Vec::new();
    let mut pair = |l: Option<usize>, r: Option<usize>| {
        let l = l.and_then(|it| left.get(it));
        let r = r.and_then(|it| right.get(it));
        if let Some((element, _)) = l.or(r) {
            let below = at.below(element).unwrap_or(At::Leaf(Leaf::Anything));
            path.push(element.clone());
            out.extend(merge(
                l.map(|it| &it.1),
                r.map(|it| &it.1),
                below,
                path,
                notes,
            ));
            path.pop();
        }
    };
    let mut at_left = 0;
    for (at_right, (element, _)) in right.iter().enumerate() {
        let shared = find(&left, element);
        // What only the left list has comes first, up to the next shared item.
        while let Some((element, _)) = left.get(at_left) {
            let is_shared = find(&right, element).is_some();
            if is_shared && (shared.is_none() || find(&left, element) == shared) {
                break;
            }
            if !is_shared {
                pair(Some(at_left), None);
            }
            at_left += 1;
        }
        if shared == Some(at_left) {
            at_left += 1;
        }
        pair(shared, Some(at_right));
    }
    for index in at_left..left.len() {
        if left
            .get(index)
            .is_some_and(|it| find(&right, &it.0).is_none())
        {
            pair(Some(index), None);
        }
    }
    (!out.is_empty()).then_some(Value::Array(out))
}

/// The items of a list with their keys; those without one are passed over.
fn keyed(list: Option<&Value>, at: At) -> Vec<(PathElement, Value)> {
    let items = list
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    items
        .iter()
        .filter_map(|it| Some((at.element(it).ok()?, it.clone())))
        .collect()
}

/// A document without the fields of a set. What is atomic loses all of itself; nothing left is nothing.
pub(super) fn without(value: &Value, gone: &FieldSet, at: At) -> Option<Value> {
    match (at, value) {
        (At::Leaf(Leaf::Scalar | Leaf::Anything), _) => Some(value.clone()),
        (At::Struct(_) | At::Map(_), Value::Object(map)) => {
            let mut out = Map::new();
            for (key, inner) in map {
                let element = PathElement::Field(key.clone());
                if gone.has(&element) {
                    continue;
                }
                let inner = match (gone.below(&element), at.below(&element)) {
                    (Some(gone), Some(below)) => without(inner, gone, below),
                    _ => Some(inner.clone()),
                };
                if let Some(inner) = inner {
                    out.insert(key.clone(), inner);
                }
            }
            (!out.is_empty()).then_some(Value::Object(out))
        }
        (At::Set | At::ListMap(..), Value::Array(items)) => {
            let mut out = Vec::new();
            for item in items {
                let Ok(element) = at.element(item) else {
                    out.push(item.clone());
                    continue;
                };
                if gone.has(&element) {
                    continue;
                }
                let inner = match (gone.below(&element), at.below(&element)) {
                    (Some(gone), Some(below)) => without(item, gone, below),
                    _ => Some(item.clone()),
                };
                out.extend(inner);
            }
            (!out.is_empty()).then_some(Value::Array(out))
        }
        _ => None,
    }
}

/// The set with every named field on the way to a member made a member itself.
pub(super) fn with_named_fields(set: &FieldSet, at: At) -> FieldSet {
    let mut more = Vec::new();
    let mut children = BTreeMap::new();
    for (element, inner) in set.children() {
        if at.is_named(element) {
            more.push(element.clone());
        }
        let below = at.below(element).unwrap_or(At::Leaf(Leaf::Anything));
        children.insert(element.clone(), with_named_fields(inner, below));
    }
    set.rebuilt(more, children)
}
