//! What has changed: the watch's own words.
//!
//! **Left out**: bookmarks, which the API adds.

use crate::api::{Object, ObjectRef};
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
    /// What it was and what it is, as far as there is either.
    pub fn sides(&self) -> impl Iterator<Item = &Object> {
        self.before.iter().chain(&self.after)
    }
}
