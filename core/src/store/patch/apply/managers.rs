//! Who owns which fields: the entries of `metadata.managedFields`.
//!
//! Imitates `k8s.io/apimachinery/pkg/util/managedfields` 1.36: entries are told apart by manager, operation,
//! version and subresource (an applier by all but the version), sorted by operation, time and name, and at most ten updaters are kept apart.
//!
//! **Left out**: versions other than the one of the request; our kinds have one each.

use super::field_set::FieldSet;
use crate::sorted::{sort_by, sort_by_key};
use serde_json::{Map, Value};

/// The oldest updaters share one entry of this name.
const ANCIENT: &str = "ancient-changes";
/// So many updaters have entries of their own.
const MAX_UPDATERS: usize = 10;

/// How a manager came by its fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// Server-side apply.
    Apply,
    /// Anything else.
    Update,
}

impl Operation {
    fn name(self) -> &'static str {
        match self {
            Operation::Apply => "Apply",
            Operation::Update => "Update",
        }
    }
}

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManagedFieldsEntry {
    /// The manager.
    pub manager: String,
    /// How it came by the fields.
    pub operation: Operation,
    /// The version it used.
    pub api_version: String,
    /// When it last did so, as RFC 3339.
    pub time: Option<String>,
    /// The subresource it used, or nothing.
    pub subresource: String,
    /// The fields.
    pub fields: FieldSet,
}

impl ManagedFieldsEntry {
    /// Whether two entries are of one manager.
    pub(super) fn is_of(&self, other: &ManagedFieldsEntry) -> bool {
        self.manager == other.manager
            && self.operation == other.operation
            && self.subresource == other.subresource
            && (self.operation == Operation::Apply || self.api_version == other.api_version)
    }

    /// The manager as conflicts name it: `"kubectl" using v1`.
    pub(super) fn printed(&self) -> String {
        let mut out = crate::api::schema::quoted(&self.manager);
        if !self.subresource.is_empty() {
            out.push_str(" with subresource ");
            out.push_str(&crate::api::schema::quoted(&self.subresource));
        }
        if self.operation == Operation::Update {
            out.push_str(" using ");
            out.push_str(&self.api_version);
        }
        out
    }

    fn to_value(&self) -> Value {
        let mut map = Map::new();
        map.insert("manager".into(), self.manager.as_str().into());
        map.insert("operation".into(), self.operation.name().into());
        map.insert("apiVersion".into(), self.api_version.as_str().into());
        if let Some(time) = &self.time {
            map.insert("time".into(), time.as_str().into());
        }
        map.insert("fieldsType".into(), "FieldsV1".into());
        map.insert("fieldsV1".into(), self.fields.to_value());
        if !self.subresource.is_empty() {
            map.insert("subresource".into(), self.subresource.as_str().into());
        }
        Value::Object(map)
    }

    fn from_value(value: &Value) -> Option<ManagedFieldsEntry> {
        let text = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default();
        let operation = match text("operation") {
            "Apply" => Operation::Apply,
            "Update" => Operation::Update,
            _ => return None,
        };
        Some(ManagedFieldsEntry {
            manager: text("manager").to_owned(),
            operation,
            api_version: text("apiVersion").to_owned(),
            time: value.get("time").and_then(Value::as_str).map(str::to_owned),
            subresource: text("subresource").to_owned(),
            fields: FieldSet::from_value(value.get("fieldsV1").unwrap_or(&Value::Null)),
        })
    }
}

/// The entries that an object carries.
pub fn managed_fields(object: &Value) -> Vec<ManagedFieldsEntry> {
    let listed = object
        .pointer("/metadata/managedFields")
        .and_then(Value::as_array);
    let mut entries: Vec<ManagedFieldsEntry> = Vec::new();
    for entry in listed
        .into_iter()
        .flatten()
        .filter_map(ManagedFieldsEntry::from_value)
    {
        match entries.iter_mut().find(|it| it.is_of(&entry)) {
            Some(known) => *known = entry,
            None => entries.push(entry),
        }
    }
    entries
}

/// Whether an object asks for its entries to be forgotten: a list of one empty entry.
pub(super) fn asks_for_reset(object: &Value) -> bool {
    let listed = object
        .pointer("/metadata/managedFields")
        .and_then(Value::as_array);
    matches!(listed.map(Vec::as_slice), Some([Value::Object(entry)]) if entry.is_empty())
}

/// The object with these entries instead of its own.
pub(super) fn with_managed_fields(
    mut object: Value,
    mut entries: Vec<ManagedFieldsEntry>,
) -> Value {
    entries.retain(|it| !it.fields.is_empty());
    cap(&mut entries);
    sort_by(&mut entries, |a, b| {
        let key = |it: &ManagedFieldsEntry| (it.operation, it.time.clone());
        key(a)
            .cmp(&key(b))
            .then_with(|| a.manager.cmp(&b.manager))
            .then_with(|| a.api_version.cmp(&b.api_version))
            .then_with(|| a.subresource.cmp(&b.subresource))
    });
    if let Value::Object(map) = &mut object {
        let metadata = map
            .entry("metadata")
            .or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(metadata) = metadata {
            metadata.remove("managedFields");
            if !entries.is_empty() {
                let listed = entries.iter().map(ManagedFieldsEntry::to_value).collect();
                metadata.insert("managedFields".to_owned(), Value::Array(listed));
            }
        }
    }
    object
}

/// Puts the oldest updaters into one entry, until there are few enough.
fn cap(entries: &mut Vec<ManagedFieldsEntry>) {
    let is_updater = |it: &ManagedFieldsEntry| it.operation == Operation::Update;
    while entries.iter().filter(|it| is_updater(it)).count() > MAX_UPDATERS {
        let mut updaters: Vec<usize> = (0..entries.len())
            .filter(|it| entries.get(*it).is_some_and(is_updater))
            .collect();
        sort_by_key(&mut updaters, |it| {
            entries
                .get(*it)
                .map(|it| (it.manager != ANCIENT, it.time.clone(), it.manager.clone()))
        });
        let [oldest, next, ..] = updaters.as_slice() else {
            return;
        };
        let Some(second) = entries.get(*next).cloned() else {
            return;
        };
        if let Some(bucket) = entries.get_mut(*oldest) {
            bucket.manager = ANCIENT.to_owned();
            bucket.subresource = String::new();
            bucket.fields = bucket.fields.union(&second.fields);
            // The time of what came later.
            bucket.time = second.time;
        }
        entries.remove(*next);
    }
}
