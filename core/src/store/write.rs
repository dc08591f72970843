//! What a controller wants done, as plain data.
//!
//! **Left out**: optimistic locking: a controller writes in the same instant in which it looked.

use crate::api::{Kind, Object, ObjectRef};
use serde_json::Value;

/// One thing to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Write {
    /// Make an object. One without a name gets one from its `generateName`; one whose name is taken is not made.
    Create(Object),
    /// Make an object from a document, which may hold fields that the typed form leaves out.
    Document(Kind, Value),
    /// Change fields of an object: a merge patch of RFC 7386. A patch that changes nothing writes nothing.
    Patch {
        /// Which object.
        object: ObjectRef,
        /// Its main part or its status.
        part: Part,
        /// What changes.
        patch: Value,
    },
    /// Ask an object to go. One that has finalizers, or a node that must stop it first, goes later.
    Delete {
        /// Which object.
        object: ObjectRef,
        /// What becomes of those it owns.
        propagation: Propagation,
    },
    /// Take an object away for good: its kubelet has stopped it, or nobody waits for it any more.
    Remove(ObjectRef),
    /// Say what happened to an object; the same said again only counts up.
    Record(Note),
}

/// A part of an object that is written by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// All but the status.
    Main,
    /// The status.
    Status,
}

/// What becomes of the objects that one owns when it goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Propagation {
    /// They go after it.
    #[default]
    Background,
    /// They go before it.
    Foreground,
    /// They stay.
    Orphan,
}

/// An event to be recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Whom it happened to.
    pub about: ObjectRef,
    /// Whether it is news or trouble.
    pub kind: NoteKind,
    /// Why, in one word.
    pub reason: String,
    /// What, in a sentence.
    pub message: String,
    /// Who says so: `kubelet`, `default-scheduler`.
    pub component: &'static str,
    /// On which node, where that matters.
    pub host: Option<String>,
    /// The part of the object, as `spec.containers{web}`.
    pub field_path: Option<String>,
}

/// Whether an event is news or trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoteKind {
    /// News.
    Normal,
    /// Trouble.
    Warning,
}

impl NoteKind {
    /// As the event's type reads.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            NoteKind::Normal => "Normal",
            NoteKind::Warning => "Warning",
        }
    }
}
