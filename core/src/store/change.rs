//! What has changed: the watch's own words.
//!
//! **Left out**: bookmarks, which the API adds.

use crate::api::{Kind, Object, ObjectRef};
use serde_json::Value;
use std::sync::Arc;

/// What became of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// It is new.
    Added,
    /// It is another than before.
    Modified,
    /// It is gone.
    Deleted,
}

/// A change of an object.
#[derive(Clone, Debug)]
pub struct Change {
    /// The revision it made.
    pub revision: u64,
    /// What became of the object.
    pub kind: ChangeKind,
    /// Which object.
    pub object: ObjectRef,
    /// What it was.
    pub before: Option<Object>,
    /// What it is.
    pub after: Option<Object>,
    /// Its document before; none for a new object.
    pub before_document: Option<Arc<Value>>,
    /// Its document: what it is, or what it was in the end.
    pub document: Arc<Value>,
    /// Whether it only says that something is still there: a lease was renewed, a kubelet said again how its node is.
    pub is_sign_of_life: bool,
}

impl ChangeKind {
    /// As a watch writes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            ChangeKind::Added => "ADDED",
            ChangeKind::Modified => "MODIFIED",
            ChangeKind::Deleted => "DELETED",
        }
    }
}

impl Change {
    /// Whether it is what comes of a Service's new spec where its document was this very one.
    pub(super) fn makes(&self, object: &Object, before: &Arc<Value>) -> bool {
        let is_after_it = self.before_document.as_ref();
        let has_spec = match (&self.after, object) {
            (Some(Object::Service(after)), Object::Service(it)) => after.spec == it.spec,
            _ => false,
        };
        has_spec && is_after_it.is_some_and(|it| Arc::ptr_eq(it, before))
    }

    /// What it was and what it is, as far as there is either.
    pub fn sides(&self) -> impl Iterator<Item = &Object> {
        self.before.iter().chain(&self.after)
    }
}

/// Whether one document differs from another of its kind in nothing but when somebody gave a sign of life.
pub(super) fn is_sign_of_life(kind: Kind, before: Option<&Value>, after: &Value) -> bool {
    let (parts, field) = match kind {
        Kind::Lease => ("/spec", "renewTime"),
        Kind::Node => ("/status/conditions", "lastHeartbeatTime"),
        _ => return false,
    };
    let rest = |it: &Value| {
        let mut it = it.clone();
        let rows = [
            (parts, field),
            ("/metadata", "resourceVersion"),
            ("/metadata", "managedFields"),
        ];
        for (parts, field) in rows {
            if let Some(parts) = it.pointer_mut(parts) {
                forget(parts, field);
            }
        }
        it
    };
    before.is_some_and(|it| rest(it) == rest(after))
}

/// Takes a field away, from a part or from each of several.
fn forget(part: &mut Value, field: &str) {
    match part {
        Value::Object(fields) => drop(fields.remove(field)),
        Value::Array(items) => items.iter_mut().for_each(|it| forget(it, field)),
        _ => {}
    }
}
