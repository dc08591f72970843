//! Get, list, watch.
//!
//! Selectors as texts: `staging/src/k8s.io/apimachinery/pkg/labels/selector.go` and `fields/selector.go` of Kubernetes
//! 1.36; which fields can be asked for, as each kind's registry has it.
//!
//! **Left out**: `continue` tokens that outlive the change log; consistent reads at an older revision.

use super::super::{ChangeKind, Store};
use crate::api::{Kind, LabelSelectorRequirement, Labels, ObjectRef, Status, StatusReason};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Which objects.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Selector {
    labels: Vec<LabelSelectorRequirement>,
    fields: Vec<FieldRequirement>,
}

#[derive(Clone, Debug, PartialEq)]
struct FieldRequirement {
    path: String,
    value: String,
    wants_equal: bool,
}

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
    /// The revision of the store.
    pub revision: u64,
}

/// A change, as a watch with a selector sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct WatchEvent {
    /// The revision.
    pub revision: u64,
    /// ADDED, MODIFIED, DELETED: an object that leaves the selection is deleted as far as the watch is concerned.
    pub kind: &'static str,
    /// The object.
    pub document: Arc<Value>,
}

impl Store {
    /// An object.
    ///
    /// # Errors
    /// When it is not there.
    pub fn get(&self, object: &ObjectRef) -> Result<Arc<Value>, Status> {
        let found = self.document(object).cloned();
        found.ok_or_else(|| {
            Status::not_found((object.kind.group(), object.kind.resource()), &object.name)
        })
    }

    /// All objects of a kind, or those that are asked for.
    #[must_use]
    pub fn list(&self, kind: Kind, options: &ListOptions) -> Listed {
        let mut items = Vec::new();
        let mut next = None;
        let mut last: Option<&ObjectRef> = None;
        for (object, document) in self.documents(kind) {
            let in_namespace =
                options.namespace.is_empty() || object.namespace == options.namespace;
            let is_after = options.after.as_ref().is_none_or(|it| object > it);
            if !in_namespace || !is_after || !options.selector.selects(document) {
                continue;
            }
            if options.limit > 0 && items.len() == options.limit {
                next = last.cloned();
                break;
            }
            items.push(document.clone());
            last = Some(object);
        }
        Listed {
            items,
            next,
            revision: self.revision(),
        }
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
            let oldest = self
                .revision()
                .saturating_sub(super::super::MAX_CHANGES as u64);
            return Err(Status::failure(
                StatusReason::Expired,
                format!("too old resource version: {after} ({oldest})"),
            ));
        };
        let mut events = Vec::new();
        for change in changes {
            let in_namespace =
                options.namespace.is_empty() || change.object.namespace == options.namespace;
            if change.object.kind != kind || !in_namespace {
                continue;
            }
            let was = change
                .before_document
                .as_ref()
                .is_some_and(|it| options.selector.selects(it));
            let is =
                change.kind != ChangeKind::Deleted && options.selector.selects(&change.document);
            let kind = match (was, is) {
                (false, true) => ChangeKind::Added,
                (true, true) => ChangeKind::Modified,
                (true, false) => ChangeKind::Deleted,
                (false, false) => continue,
            };
            events.push(WatchEvent {
                revision: change.revision,
                kind: kind.name(),
                document: change.document.clone(),
            });
        }
        Ok(events)
    }
}

impl Selector {
    /// Reads a label selector and a field selector, as the query of a request has them.
    ///
    /// # Errors
    /// In the server's words, when one cannot be read or asks for a field that a kind does not offer.
    pub fn read(kind: Kind, labels: &str, fields: &str) -> Result<Selector, Status> {
        let labels = read_labels(labels)
            .map_err(|it| Status::bad_request(format!("unable to parse requirement: {it}")))?;
        let mut read = Vec::new();
        for term in fields.split(',').map(str::trim).filter(|it| !it.is_empty()) {
            let (path, value, wants_equal) = split_field(term).ok_or_else(|| {
                Status::bad_request(format!(
                    "invalid selector: '{term}'; can't understand '{term}'"
                ))
            })?;
            if !offers(kind, path) {
                let message = if path == "metadata.name" || path == "metadata.namespace" {
                    continue;
                } else {
                    format!("field label not supported: {path}")
                };
                return Err(Status::bad_request(message));
            }
            read.push(FieldRequirement {
                path: path.to_owned(),
                value: value.to_owned(),
                wants_equal,
            });
        }
        Ok(Selector {
            labels,
            fields: read,
        })
    }

    /// Whether an object is one of those.
    #[must_use]
    pub fn selects(&self, document: &Value) -> bool {
        let labels = || -> Labels {
            let told = document["metadata"]["labels"].as_object();
            told.into_iter()
                .flatten()
                .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
                .collect::<BTreeMap<_, _>>()
        };
        let fields_fit = self.fields.iter().all(|it| {
            let found = it.path.split('.').fold(document, |at, step| &at[step]);
            let text = match found {
                Value::String(it) => it.clone(),
                Value::Null => default_of(&it.path).to_owned(),
                other => other.to_string(),
            };
            (text == it.value) == it.wants_equal
        });
        if !fields_fit {
            return false;
        }
        if self.labels.is_empty() {
            return true;
        }
        let labels = labels();
        self.labels.iter().all(|it| it.is_met(&labels))
    }
}

/// What an absent field counts as.
fn default_of(path: &str) -> &'static str {
    match path {
        "spec.hostNetwork" | "spec.unschedulable" => "false",
        _ => "",
    }
}

fn split_field(term: &str) -> Option<(&str, &str, bool)> {
    for (operator, wants_equal) in [("!=", false), ("==", true), ("=", true)] {
        if let Some((path, value)) = term.split_once(operator) {
            return Some((path.trim(), value.trim(), wants_equal));
        }
    }
    None
}

/// The fields that can be asked for, beside name and namespace.
fn offers(kind: Kind, path: &str) -> bool {
    if matches!(path, "metadata.name" | "metadata.namespace") {
        return true;
    }
    let offered: &[&str] = match kind {
        Kind::Service => &["spec.clusterIP", "spec.type"],
        Kind::Pod => &[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "spec.hostNetwork",
            "status.phase",
            "status.podIP",
            "status.nominatedNodeName",
        ],
        Kind::Node => &["spec.unschedulable"],
        Kind::Namespace => &["status.phase"],
        Kind::Event => &[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "source",
            "type",
        ],
        Kind::ReplicaSet => &["status.replicas"],
        _ => &[],
    };
    offered.contains(&path)
}

/// `a=b`, `a!=b`, `a in (b,c)`, `a notin (b)`, `a`, `!a`, separated by commas.
fn read_labels(text: &str) -> Result<Vec<LabelSelectorRequirement>, String> {
    let mut read = Vec::new();
    for term in split_terms(text) {
        let term = term.trim();
        if term.is_empty() {
            if text.trim().is_empty() {
                continue;
            }
            return Err("found ',', expected: !, identifier, or 'end of string'".into());
        }
        read.push(read_label_term(term)?);
    }
    Ok(read)
}

/// Splits at commas that are not within parentheses.
fn split_terms(text: &str) -> Vec<&str> {
    let (mut terms, mut depth, mut start) = (Vec::new(), 0usize, 0);
    for (at, it) in text.char_indices() {
        match it {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                terms.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    terms.push(&text[start..]);
    terms
}

fn read_label_term(term: &str) -> Result<LabelSelectorRequirement, String> {
    let make = |key: &str, operator: &str, values: Vec<String>| LabelSelectorRequirement {
        key: key.trim().to_owned(),
        operator: operator.to_owned(),
        values,
    };
    let is_key = |it: &str| {
        !it.is_empty()
            && it
                .chars()
                .all(|it| it.is_ascii_alphanumeric() || "-_./".contains(it))
    };
    if let Some(key) = term.strip_prefix('!') {
        return Ok(make(key, "DoesNotExist", Vec::new()));
    }
    for (operator, name) in [("!=", "NotIn"), ("==", "In"), ("=", "In")] {
        if let Some((key, value)) = term.split_once(operator)
            && is_key(key.trim())
        {
            return Ok(make(key, name, vec![value.trim().to_owned()]));
        }
    }
    if let Some((key, rest)) = term.split_once(char::is_whitespace) {
        let rest = rest.trim();
        for (word, name) in [("notin", "NotIn"), ("in", "In")] {
            let Some(list) = rest.strip_prefix(word).map(str::trim) else {
                continue;
            };
            let list = list
                .strip_prefix('(')
                .and_then(|it| it.strip_suffix(')'))
                .ok_or_else(|| format!("found '{list}' expected: '('"))?;
            let values = list.split(',').map(|it| it.trim().to_owned()).collect();
            return Ok(make(key, name, values));
        }
        return Err(format!(
            "found '{rest}', expected: in, notin, =, ==, !=, gt, lt"
        ));
    }
    if is_key(term) {
        return Ok(make(term, "Exists", Vec::new()));
    }
    Err(format!(
        "found '{term}', expected: !, identifier, or 'end of string'"
    ))
}
