//! Server-side apply, and who owns what after any other write.
//!
//! Imitates sigs.k8s.io/structured-merge-diff v6 (`merge`) and `k8s.io/apimachinery/pkg/util/managedfields` 1.36: an
//! applier says what it wants, what it no longer says and nobody else owns goes away, and what another
//! manager owns with another value is a conflict. Objects must be as the server stores them
//! ([`crate::api::schema::encoded`] with defaults), because defaults count as fields of the updater.
//!
//! **Left out**: conversion between versions; of the fields that a write through a subresource may not touch, only `spec`
//! and `status` are known.

mod field_set;
mod managers;
mod typed;

pub use field_set::{FieldPath, FieldSet, PathElement};
pub use managers::{ManagedFieldsEntry, Operation, managed_fields};

use super::{UNBOUNDED, is_bounded};
use crate::api::schema::{TypeRef, encoded};
use crate::sorted::sort_by;
use managers::{asks_for_reset, with_managed_fields};
use serde_json::Value;
use typed::{At, Comparison, compare, faults, merged, to_set, with_named_fields, without};

/// The annotation in which client-side apply keeps what was applied last.
pub const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// What an object had before its first apply belongs to this manager.
const BEFORE_FIRST_APPLY: &str = "before-first-apply";
/// No manager owns these.
const OWNERLESS: [&[&str]; 12] = [
    &["apiVersion"],
    &["kind"],
    &["metadata"],
    &["metadata", "name"],
    &["metadata", "namespace"],
    &["metadata", "creationTimestamp"],
    &["metadata", "selfLink"],
    &["metadata", "uid"],
    &["metadata", "clusterName"],
    &["metadata", "generation"],
    &["metadata", "managedFields"],
    &["metadata", "resourceVersion"],
];

/// Who writes, how and when.
#[derive(Clone, Copy, Debug)]
pub struct Writer<'r> {
    /// The field manager.
    pub manager: &'r str,
    /// The version of the object that is written.
    pub api_version: &'r str,
    /// The subresource: empty, `status`, `scale`.
    pub subresource: &'r str,
    /// The time, as RFC 3339.
    pub time: &'r str,
}

/// What an apply does about fields that others own with other values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnConflict {
    /// Refuses.
    Fail,
    /// Takes them (`force=true`).
    Force,
}

/// Why an apply was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    /// 400, `BadRequest`.
    #[error("{0}")]
    BadRequest(String),
    /// 409, `Conflict`, each with a cause of type `FieldManagerConflict`.
    #[error("{}", conflict_message(.0))]
    Conflicts(Vec<Conflict>),
    /// 500: the document is none of its type.
    #[error("failed to create typed patch object ({object}): {reason}")]
    Untyped {
        /// `default/api; /v1, Kind=Service`.
        object: String,
        /// `.spec.prots: field not declared in schema`.
        reason: String,
    },
}

/// A field that somebody else owns with another value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The other manager as it is printed: `"kubectl-client-side-apply" using v1`.
    pub manager: String,
    /// The field.
    pub path: FieldPath,
}

impl Conflict {
    /// The message of the cause; its field is the path.
    pub fn cause(&self) -> String {
        format!("conflict with {}", self.manager)
    }
}

fn conflict_message(conflicts: &[Conflict]) -> String {
    if let [only] = conflicts {
        return format!(
            "Apply failed with 1 conflict: {}: {}",
            only.cause(),
            only.path
        );
    }
    let mut lines: Vec<String> = Vec::new();
    let mut last = None;
    for conflict in conflicts {
        if last != Some(&conflict.manager) {
            lines.push(format!("conflicts with {}:", conflict.manager));
            last = Some(&conflict.manager);
        }
        lines.push(format!("- {}", conflict.path));
    }
    format!(
        "Apply failed with {} conflicts: {}",
        conflicts.len(),
        lines.join("\n")
    )
}

/// The new object with the owners of its fields after an ordinary write. `live` is what was there before, if anything.
pub fn update(live: Option<&Value>, new: &Value, writer: Writer<'_>, of: TypeRef) -> Value {
    if live.is_some_and(|it| !is_bounded(it)) || !is_bounded(new) {
        return new.clone();
    }
    let known = live.map(managed_fields).unwrap_or_default();
    let sent = managed_fields(new);
    let entries = match writer.subresource {
        "" if asks_for_reset(new) => Vec::new(),
        "" if !sent.is_empty() => sent,
        _ => known,
    };
    // An object that nobody has tracked so far stays untracked.
    if live.is_some() && entries.is_empty() {
        return with_managed_fields(new.clone(), Vec::new());
    }
    let empty = encoded(&Value::Object(serde_json::Map::new()), of);
    let entries = updated(live.unwrap_or(&empty), new, entries, writer, of);
    with_managed_fields(new.clone(), entries)
}

fn updated(
    live: &Value,
    new: &Value,
    mut entries: Vec<ManagedFieldsEntry>,
    writer: Writer<'_>,
    of: TypeRef,
) -> Vec<ManagedFieldsEntry> {
    let comparison = compared(live, new, writer, of);
    for entry in &mut entries {
        let lost = comparison.modified.union(&comparison.added);
        entry.fields = entry
            .fields
            .difference(&lost)
            .difference(&comparison.removed);
    }
    let mut own = entry_of(writer, Operation::Update);
    let fields = comparison.modified.union(&comparison.added);
    own.fields = tracked(&fields.difference(&comparison.removed));
    if !own.fields.is_empty() {
        match entries.iter_mut().find(|it| it.is_of(&own)) {
            Some(known) => {
                known.fields = known.fields.union(&own.fields);
                known.time = own.time;
            }
            None => entries.push(own),
        }
    }
    entries
}

/// The object after a server-side apply of a configuration, with the owners of its fields.
///
/// # Errors
/// When the configuration is not of its type, or another manager owns a field with another value.
pub fn apply(
    live: Option<&Value>,
    config: &Value,
    writer: Writer<'_>,
    of: TypeRef,
    on_conflict: OnConflict,
) -> Result<Value, ApplyError> {
    let is_unbounded = live.is_some_and(|it| !is_bounded(it)) || !is_bounded(config);
    if is_unbounded {
        return Err(ApplyError::BadRequest(UNBOUNDED.to_owned()));
    }
    if config
        .pointer("/metadata/managedFields")
        .is_some_and(|it| !it.is_null())
    {
        return Err(ApplyError::BadRequest(
            "metadata.managedFields must be nil".to_owned(),
        ));
    }
    let at = At::of_type(of);
    refuse_untyped(config, writer, at)?;
    let mut entries = live.map(managed_fields).unwrap_or_default();
    let empty = encoded(&Value::Object(serde_json::Map::new()), of);
    if let Some(live) = live.filter(|_| entries.is_empty()) {
        let before = Writer {
            manager: BEFORE_FIRST_APPLY,
            ..writer
        };
        entries = updated(&empty, live, entries, before, of);
    }
    let live = live.unwrap_or(&empty);
    let (object, entries) = match applied(live, config, entries.clone(), writer, of, on_conflict) {
        Err(conflicts) => {
            let conflicts = not_applied_before(conflicts, live, writer, at);
            if !conflicts.is_empty() {
                return Err(ApplyError::Conflicts(conflicts));
            }
            applied(live, config, entries, writer, of, OnConflict::Force)
                .map_err(ApplyError::Conflicts)?
        }
        Ok(done) => done,
    };
    let mut object = object;
    refresh_last_applied(&mut object, live, config, writer);
    Ok(with_managed_fields(object, entries))
}

fn applied(
    live: &Value,
    config: &Value,
    mut entries: Vec<ManagedFieldsEntry>,
    writer: Writer<'_>,
    of: TypeRef,
    on_conflict: OnConflict,
) -> Result<(Value, Vec<ManagedFieldsEntry>), Vec<Conflict>> {
    let at = At::of_type(of);
    let mut own = entry_of(writer, Operation::Apply);
    let mut fields = to_set(config, at);
    for ignored in ignored(writer) {
        fields = fields.without_field(ignored);
    }
    own.fields = tracked(&fields);
    let position = entries.iter().position(|it| it.is_of(&own));
    let last = position.map(|it| entries.remove(it));
    let object = merged(live, config, at);
    let object = pruned(object, &entries, &own, last.as_ref(), at);

    let comparison = compared(live, &object, writer, of);
    let changed = comparison.modified.union(&comparison.added);
    let mut conflicts = Vec::new();
    for entry in &entries {
        conflicts.extend(
            entry
                .fields
                .intersection(&changed)
                .paths()
                .into_iter()
                .map(|path| Conflict {
                    manager: entry.printed(),
                    path,
                }),
        );
    }
    sort_by(&mut conflicts, |a, b| a.manager.cmp(&b.manager));
    if on_conflict == OnConflict::Fail && !conflicts.is_empty() {
        return Err(conflicts);
    }
    for entry in &mut entries {
        entry.fields = entry
            .fields
            .difference(&changed)
            .difference(&comparison.removed);
    }
    let is_same = comparison.is_same() && last.as_ref().is_some_and(|it| it.fields == own.fields);
    if is_same {
        own.time = last.and_then(|it| it.time);
    }
    entries.push(own);
    Ok((object, entries))
}

/// Takes out what the applier owned before, says no more, and nobody else owns.
fn pruned(
    object: Value,
    others: &[ManagedFieldsEntry],
    own: &ManagedFieldsEntry,
    last: Option<&ManagedFieldsEntry>,
    at: At,
) -> Value {
    let Some(last) = last.filter(|it| !it.fields.is_empty()) else {
        return object;
    };
    let named = |set: &FieldSet| with_named_fields(set, at);
    let nothing = || Value::Object(serde_json::Map::new());
    let fields_of = |it: &Value| named(&to_set(it, at));
    let last = named(&last.fields);
    let mut owned = own.fields.clone();
    for entry in others {
        owned = owned.union(&entry.fields);
    }
    let all = fields_of(&object);
    // Without anything it had, then with what somebody still owns …
    let bare = without(&object, &last, at).unwrap_or_else(nothing);
    let kept = fields_of(&bare).union(&named(&owned));
    let bare = without(&object, &all.difference(&kept), at).unwrap_or_else(nothing);
    // … and with what was never its own.
    let gone = all.difference(&fields_of(&bare)).intersection(&last);
    without(&object, &gone, at).unwrap_or_else(nothing)
}

fn compared(old: &Value, new: &Value, writer: Writer<'_>, of: TypeRef) -> Comparison {
    let mut comparison = compare(old, new, At::of_type(of));
    for ignored in ignored(writer) {
        comparison = comparison.without_field(ignored);
    }
    comparison
}

/// The fields that a write does not reach.
fn ignored(writer: Writer<'_>) -> &'static [&'static str] {
    match writer.subresource {
        "status" => &["spec"],
        _ => &["status"],
    }
}

fn tracked(fields: &FieldSet) -> FieldSet {
    let mut ownerless = FieldSet::default();
    for path in OWNERLESS {
        let path: Vec<PathElement> = path
            .iter()
            .map(|it| PathElement::Field((*it).to_owned()))
            .collect();
        ownerless.insert(&path);
    }
    fields.difference(&ownerless)
}

fn entry_of(writer: Writer<'_>, operation: Operation) -> ManagedFieldsEntry {
    ManagedFieldsEntry {
        manager: writer.manager.to_owned(),
        operation,
        api_version: writer.api_version.to_owned(),
        time: Some(writer.time.to_owned()),
        subresource: writer.subresource.to_owned(),
        fields: FieldSet::default(),
    }
}

fn refuse_untyped(config: &Value, writer: Writer<'_>, at: At) -> Result<(), ApplyError> {
    let faults = faults(config, at);
    let reason = match faults.as_slice() {
        [] => return Ok(()),
        [only] => only.clone(),
        several => format!("errors:\n  {}", several.join("\n  ")),
    };
    let text = |pointer: &str| {
        config
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let (group, version) = writer
        .api_version
        .split_once('/')
        .unwrap_or(("", writer.api_version));
    let (namespace, name, kind) = (
        text("/metadata/namespace"),
        text("/metadata/name"),
        text("/kind"),
    );
    let object = format!("{namespace}/{name}; {group}/{version}, Kind={kind}");
    Err(ApplyError::Untyped { object, reason })
}

/// The configuration that client-side apply left behind, if it is of the version that is written.
fn last_applied(live: &Value, writer: Writer<'_>) -> Option<Value> {
    let text = live
        .get("metadata")?
        .get("annotations")?
        .get(LAST_APPLIED)?
        .as_str()?;
    let config: Value = serde_json::from_str(text).ok()?;
    let version = config.get("apiVersion")?.as_str()?;
    (version == writer.api_version && is_bounded(&config)).then_some(config)
}

/// kubectl's own manager may change what kubectl's client-side apply had set and nobody has changed since.
fn not_applied_before(
    conflicts: Vec<Conflict>,
    live: &Value,
    writer: Writer<'_>,
    at: At,
) -> Vec<Conflict> {
    let config = match last_applied(live, writer) {
        Some(config) if writer.manager == "kubectl" => config,
        _ => return conflicts,
    };
    let comparison = compare(&config, live, at);
    let allowed = to_set(&config, at)
        .difference(&comparison.modified)
        .difference(&comparison.added)
        .difference(&comparison.removed)
        .paths();
    conflicts
        .into_iter()
        .filter(|it| !allowed.contains(&it.path))
        .collect()
}

/// kubectl's own manager keeps the annotation of client-side apply up to date where there is one.
fn refresh_last_applied(object: &mut Value, live: &Value, config: &Value, writer: Writer<'_>) {
    let has_one = live
        .get("metadata")
        .and_then(|it| it.get("annotations")?.get(LAST_APPLIED))
        .is_some_and(|it| it.as_str().is_some_and(|it| !it.is_empty()));
    if writer.manager != "kubectl" || !has_one {
        return;
    }
    let mut config = config.clone();
    if let Some(Value::Object(annotations)) = config.pointer_mut("/metadata/annotations") {
        annotations.remove(LAST_APPLIED);
    }
    if let Some(Value::Object(annotations)) = object.pointer_mut("/metadata/annotations") {
        annotations.insert(LAST_APPLIED.to_owned(), Value::from(format!("{config}\n")));
    }
}

#[cfg(test)]
mod tests;
