//! Get, list, watch.
//!
//! `staging/src/k8s.io/apiserver/pkg/storage/{etcd3,cacher}` of Kubernetes 1.36.
//!
//! **Left out**: `resourceVersionMatch`: a list is of now, or goes on with the revision it began with.

use super::super::{ChangeKind, MAX_CHANGES, Store};
use super::list_text::{self, ContinueToken};
use super::selector::Selector;
use crate::api::schema;
use crate::api::{Kind, ObjectRef, Status, StatusReason};
use crate::sorted::{gathered, sort_by};
use serde_json::{Value, json};
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a list is told that goes on from a revision nobody remembers.
const TOO_OLD: &str = "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.";

/// How a list is asked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListOptions {
    /// Only of this namespace; of all where it is empty.
    pub namespace: String,
    /// Only these.
    pub selector: Selector,
    /// At most so many; all where it is 0.
    pub limit: usize,
    /// Only those after this one, which an earlier list ended with.
    pub after: Option<ObjectRef>,
}

/// A list.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed {
    /// The objects, by namespace and name.
    pub items: Vec<Arc<Value>>,
    /// The last object, if there are more after it.
    pub next: Option<ObjectRef>,
    /// How many more there are.
    pub n_remaining: usize,
    /// The revision of the store.
    pub revision: u64,
}

/// A change, as a watch with a selector sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct WatchEvent {
    /// The revision.
    pub revision: u64,
    /// ADDED, MODIFIED, DELETED, BOOKMARK: an object that leaves the selection is deleted as far as the watch is
    /// concerned.
    pub kind: &'static str,
    /// The object.
    pub document: Arc<Value>,
}

impl Listed {
    /// The list as a document.
    #[must_use]
    pub fn document(&self, kind: Kind, options: &ListOptions) -> Value {
        list_text::document(kind, self, !options.selector.is_empty())
    }

    /// Makes the documents what the server prints.
    fn print(&mut self, kind: Kind) {
        for it in &mut self.items {
            *it = Arc::new(printed(kind, it));
        }
    }
}

impl Store {
    /// An object.
    ///
    /// # Errors
    /// When it is not there.
    pub fn get(&self, object: &ObjectRef) -> Result<Arc<Value>, Status> {
        let found = self
            .document(object)
            .map(|it| Arc::new(printed(object.kind, it)));
        found.ok_or_else(|| {
            Status::not_found((object.kind.group(), object.kind.resource()), &object.name)
        })
    }

    /// All objects of a kind, or those that are asked for.
    #[must_use]
    pub fn list(&self, kind: Kind, options: &ListOptions) -> Listed {
        let mut listed = self.list_kept(kind, options);
        listed.print(kind);
        listed
    }

    /// The same with the documents as they are kept, which the server makes tables of.
    #[must_use]
    pub fn list_kept(&self, kind: Kind, options: &ListOptions) -> Listed {
        let documents = self
            .documents(kind)
            .map(|(object, it)| (object, it.clone()));
        listed(documents, options, self.revision())
    }

    /// The next part of a list, as it was when its first part was given.
    ///
    /// # Errors
    /// When the token is none, or from a revision that nobody remembers.
    pub fn list_on(
        &self,
        kind: Kind,
        token: &str,
        options: &ListOptions,
    ) -> Result<Listed, Status> {
        let token = ContinueToken::decode(token)?;
        let mut options = options.clone();
        let (namespace, name) = &token.after;
        options.after = Some(ObjectRef::new(kind, namespace, name));
        if token.revision == self.revision() {
            return Ok(self.list(kind, &options));
        }
        let changes = self
            .changes_after(token.revision)
            .ok_or_else(|| Status::failure(StatusReason::Expired, TOO_OLD))?;
        let now = self.documents(kind);
        let mut documents: BTreeMap<ObjectRef, Arc<Value>> =
            gathered(now.map(|(object, it)| (object.clone(), it.clone())));
        let changes: Vec<_> = changes.filter(|it| it.object.kind == kind).collect();
        for change in changes.into_iter().rev() {
            match &change.before_document {
                Some(before) => documents.insert(change.object.clone(), before.clone()),
                None => documents.remove(&change.object),
            };
        }
        let documents = documents.iter().map(|(object, it)| (object, it.clone()));
        let mut listed = listed(documents, &options, token.revision);
        listed.print(kind);
        Ok(listed)
    }

    /// The changes of a kind after a revision, as a watch sees them.
    ///
    /// # Errors
    /// When the revision is older than what is remembered.
    pub fn watch(
        &self,
        kind: Kind,
        options: &ListOptions,
        after: u64,
    ) -> Result<Vec<WatchEvent>, Status> {
        let Some(changes) = self.changes_after(after) else {
            let oldest = self.revision().saturating_sub(MAX_CHANGES as u64);
            let message = format!("too old resource version: {after} ({oldest})");
            return Err(Status::failure(StatusReason::Expired, message));
        };
        let mut events = Vec::new();
        for change in changes {
            let in_namespace =
                options.namespace.is_empty() || change.object.namespace == options.namespace;
            if change.object.kind != kind || !in_namespace {
                continue;
            }
            let before = change.before_document.as_ref();
            let before = before.filter(|it| options.selector.selects(it));
            let is =
                change.kind != ChangeKind::Deleted && options.selector.selects(&change.document);
            let (kind, document) = match (before, is) {
                (None, true) => (ChangeKind::Added, change.document.clone()),
                (Some(_), true) => (ChangeKind::Modified, change.document.clone()),
                (Some(before), false) => (ChangeKind::Deleted, as_of(before, change.revision)),
                (None, false) => continue,
            };
            events.push(WatchEvent {
                revision: change.revision,
                kind: kind.name(),
                document: Arc::new(printed(change.object.kind, &document)),
            });
        }
        Ok(events)
    }

    /// What a watch without a revision begins with: every object that is there.
    #[must_use]
    pub fn watch_start(&self, kind: Kind, options: &ListOptions) -> Vec<WatchEvent> {
        let listed = self.list(kind, options);
        let added = listed.items.into_iter().map(|document| WatchEvent {
            revision: listed.revision,
            kind: ChangeKind::Added.name(),
            document,
        });
        added.collect()
    }

    /// How far a watch has come, though nothing has changed for it.
    #[must_use]
    pub fn bookmark(&self, kind: Kind) -> WatchEvent {
        let revision = self.revision();
        WatchEvent {
            revision,
            kind: "BOOKMARK",
            document: Arc::new(json!({
                "apiVersion": kind.api_version(),
                "kind": kind.name(),
                "metadata": {"resourceVersion": revision.to_string()},
            })),
        }
    }
}

/// A document as the server prints it: with the fields that Go always prints, and without empty ones.
pub(in crate::store) fn printed(kind: Kind, document: &Value) -> Value {
    match schema::of_kind(kind.api_version(), kind.name()) {
        Some(of) => schema::encoded(document, of),
        None => document.clone(),
    }
}

/// What an object was when it went, with the revision of its going.
fn as_of(document: &Arc<Value>, revision: u64) -> Arc<Value> {
    let mut document = Value::clone(document);
    if let Some(metadata) = document.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.insert("resourceVersion".to_owned(), revision.to_string().into());
    }
    Arc::new(document)
}

fn listed<'a>(
    documents: impl Iterator<Item = (&'a ObjectRef, Arc<Value>)>,
    options: &ListOptions,
    revision: u64,
) -> Listed {
    let mut listed = Listed {
        items: Vec::new(),
        next: None,
        n_remaining: 0,
        revision,
    };
    let is_in = |it: &ObjectRef| options.namespace.is_empty() || it.namespace == options.namespace;
    let mut documents: Vec<_> = documents.filter(|it| is_in(it.0)).collect();
    sort_by(&mut documents, |a, b| by_key(a.0, b.0));
    let mut last: Option<&ObjectRef> = None;
    for (object, document) in documents {
        let is_after = |it: &ObjectRef| by_key(object, it).is_gt();
        if !options.after.as_ref().is_none_or(is_after) || !options.selector.selects(&document) {
            continue;
        }
        if options.limit > 0 && listed.items.len() == options.limit {
            listed.next = last.cloned();
            listed.n_remaining += 1;
            continue;
        }
        listed.items.push(document);
        last = Some(object);
    }
    listed
}

/// The order of the keys in etcd, in which `a-b/x` comes before `a/x`.
fn by_key(a: &ObjectRef, b: &ObjectRef) -> Ordering {
    if a.namespace == b.namespace {
        return a.name.cmp(&b.name);
    }
    let (a, b) = (a.namespace.bytes(), b.namespace.bytes());
    a.chain(*b"/").cmp(b.chain(*b"/"))
}
