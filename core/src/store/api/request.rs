//! A request that changes something, and its answer.
//!
//! **Left out**: requests that only read, which [`super::read`] answers without being remembered.

use super::super::Propagation;
use crate::api::{Kind, ObjectRef, Status, StatusDetails};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A request that changes something.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Request {
    /// What is to be done.
    pub verb: Verb,
    /// Of which kind the object is.
    pub kind: Kind,
    /// Its namespace; empty for kinds that have none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// Its name; empty for a new object that says its own.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// A part of it.
    #[serde(default, skip_serializing_if = "is_main")]
    pub subresource: Subresource,
    /// How.
    #[serde(default)]
    pub options: Options,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Verb {
    /// Make an object.
    Create(Body),
    /// Put an object in the place of another.
    Update(Body),
    /// Change fields of an object by a strategic merge patch.
    StrategicPatch(Value),
    /// Change fields of an object by a merge patch.
    MergePatch(Value),
    /// Change fields of an object by a JSON patch.
    JsonPatch(Value),
    /// Have an object as a configuration says, and own what it says.
    Apply(Value),
    /// Take an object away.
    Delete,
    /// Take all objects of a namespace away that two selectors select, as the query of a request has them.
    #[serde(rename_all = "camelCase")]
    DeleteCollection {
        /// The label selector.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        labels: String,
        /// The field selector.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        fields: String,
    },
}

/// A document as it was sent: its text, since duplicate fields can only be seen there.
pub type Body = String;

/// A part of an object that is written by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Subresource {
    /// All but the status.
    #[default]
    Main,
    /// The status.
    Status,
    /// How many pods a workload has: a Scale of its own.
    Scale,
    /// A pod's way out that asks first: an Eviction is created.
    Eviction,
    /// A pod's node: a Binding is created.
    Binding,
}

impl Subresource {
    /// As paths have it; empty for the main part.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Subresource::Main => "",
            Subresource::Status => "status",
            Subresource::Scale => "scale",
            Subresource::Eviction => "eviction",
            Subresource::Binding => "binding",
        }
    }
}

fn is_main(it: &Subresource) -> bool {
    *it == Subresource::Main
}

/// How a request is meant.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Options {
    /// Who writes.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub field_manager: String,
    /// Strict, Warn, Ignore; absent is Warn.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub field_validation: String,
    /// Whether it only asks what would happen.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
    /// Whether an apply takes fields from others.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub force: bool,
    /// What becomes of what a deleted object owns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub propagation: Option<DeletePropagation>,
    /// How long a deleted pod may take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grace_period_seconds: Option<i64>,
    /// The revision the object must have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_version: Option<String>,
    /// The identity the object must have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
}

/// `propagationPolicy`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DeletePropagation {
    /// Owned objects go after it.
    Background,
    /// Owned objects go before it.
    Foreground,
    /// Owned objects stay.
    Orphan,
}

impl From<DeletePropagation> for Propagation {
    fn from(it: DeletePropagation) -> Self {
        match it {
            DeletePropagation::Background => Propagation::Background,
            DeletePropagation::Foreground => Propagation::Foreground,
            DeletePropagation::Orphan => Propagation::Orphan,
        }
    }
}

/// What a client is told when its request was done.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The object, as it is now, or was in the end.
    pub document: Value,
    /// What the client should know.
    pub warnings: Vec<String>,
    /// What was done.
    pub done: Done,
}

impl Answer {
    /// The body of the answer: most deletions are answered by a Status that names what is gone.
    #[must_use]
    pub fn body(&self) -> Value {
        let text = |it: &Value| it.as_str().unwrap_or_default().to_owned();
        let kind = Kind::from_name(&text(&self.document["kind"]));
        let Some(kind) = kind.filter(|_| self.done == Done::Deleted) else {
            return self.document.clone();
        };
        if matches!(kind, Kind::Pod | Kind::Service) {
            return self.document.clone();
        }
        let metadata = &self.document["metadata"];
        let status = Status::success(StatusDetails {
            name: text(&metadata["name"]),
            group: kind.group().to_owned(),
            kind: kind.resource().to_owned(),
            uid: text(&metadata["uid"]),
            ..StatusDetails::default()
        });
        serde_json::to_value(&status).unwrap_or_default()
    }

    /// The HTTP status code.
    #[must_use]
    pub const fn code(&self) -> u16 {
        match self.done {
            Done::Created => 201,
            Done::Changed | Done::Unchanged | Done::Terminating | Done::Deleted => 200,
        }
    }
}

/// What a request came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    /// A new object.
    Created,
    /// Another one than before.
    Changed,
    /// The same as before: nothing was written.
    Unchanged,
    /// Asked to go; still there.
    Terminating,
    /// Gone.
    Deleted,
}

impl Request {
    /// A request about an object, with nothing said about how.
    #[must_use]
    pub fn new(verb: Verb, object: &ObjectRef) -> Self {
        Request {
            verb,
            kind: object.kind,
            namespace: object.namespace.clone(),
            name: object.name.clone(),
            subresource: Subresource::Main,
            options: Options::default(),
        }
    }

    /// The same by another field manager.
    #[must_use]
    pub fn by(mut self, manager: &str) -> Self {
        manager.clone_into(&mut self.options.field_manager);
        self
    }

    /// The object it is about.
    #[must_use]
    pub fn object(&self) -> ObjectRef {
        ObjectRef::new(self.kind, &self.namespace, &self.name)
    }
}
