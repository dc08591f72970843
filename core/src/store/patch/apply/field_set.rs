//! Sets of fields, and the form in which an object carries them: `FieldsV1`.
//!
//! Imitates sigs.k8s.io/structured-merge-diff v6 (`fieldpath`): the order of path elements, `f:`, `k:`, `v:`, `i:` and `.`,
//! and how a path is printed in a conflict.
//!
//! **Left out**: keys that are lists or objects; no list of ours has one.

use crate::api::schema::MAX_DEPTH;
use crate::sorted::{gathered, sort};
use serde_json::{Map, Value};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// One step of a path.
#[derive(Clone, Debug)]
pub enum PathElement {
    /// A field of a struct or a key of a map.
    Field(String),
    /// An item of a list map, by the fields that are its key, sorted by name.
    Key(Vec<(String, Value)>),
    /// An item of a set.
    Value(Value),
    /// An item by its position.
    Index(i64),
}

/// A set of paths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldSet {
    members: BTreeSet<PathElement>,
    children: BTreeMap<PathElement, FieldSet>,
}

/// A path, printed as `.spec.ports[port=80,protocol="TCP"].targetPort`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldPath(pub Vec<PathElement>);

impl FieldSet {
    /// Adds a path. The empty path is nobody's.
    pub fn insert(&mut self, path: &[PathElement]) {
        match path {
            [] => {}
            [last] => {
                self.members.insert(last.clone());
            }
            [first, rest @ ..] => self.children.entry(first.clone()).or_default().insert(rest),
        }
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty() && self.children.values().all(FieldSet::is_empty)
    }

    /// Whether a path of one step is in it.
    pub(super) fn has(&self, element: &PathElement) -> bool {
        self.members.contains(element)
    }

    /// What is in it below a step.
    pub(super) fn below(&self, element: &PathElement) -> Option<&FieldSet> {
        self.children.get(element).filter(|it| !it.is_empty())
    }

    pub(super) fn children(&self) -> impl Iterator<Item = (&PathElement, &FieldSet)> {
        self.children.iter()
    }

    /// The same with further members, and with these sets below.
    pub(super) fn rebuilt(
        &self,
        more: impl IntoIterator<Item = PathElement>,
        children: BTreeMap<PathElement, FieldSet>,
    ) -> FieldSet {
        let mut members = self.members.clone();
        members.extend(more);
        FieldSet { members, children }
    }

    /// Paths of either.
    #[must_use]
    pub fn union(&self, other: &FieldSet) -> FieldSet {
        let mut result = self.clone();
        result.members.extend(other.members.iter().cloned());
        for (element, set) in &other.children {
            let child = result.children.entry(element.clone()).or_default();
            *child = child.union(set);
        }
        result
    }

    /// Paths of both.
    #[must_use]
    pub fn intersection(&self, other: &FieldSet) -> FieldSet {
        let children = self.children.iter().filter_map(|(element, set)| {
            let set = set.intersection(other.children.get(element)?);
            (!set.is_empty()).then(|| (element.clone(), set))
        });
        FieldSet {
            members: gathered(self.members.intersection(&other.members).cloned()),
            children: gathered(children),
        }
    }

    /// Paths of this one that are not in the other.
    #[must_use]
    pub fn difference(&self, other: &FieldSet) -> FieldSet {
        let children = self.children.iter().filter_map(|(element, set)| {
            let set = match other.children.get(element) {
                Some(other) => set.difference(other),
                None => set.clone(),
            };
            (!set.is_empty()).then(|| (element.clone(), set))
        });
        FieldSet {
            members: gathered(self.members.difference(&other.members).cloned()),
            children: gathered(children),
        }
    }

    /// The set without a field of the object and all that is below it.
    #[must_use]
    pub(super) fn without_field(&self, name: &str) -> FieldSet {
        let mut result = self.clone();
        let element = PathElement::Field(name.to_owned());
        result.members.remove(&element);
        result.children.remove(&element);
        result
    }

    /// Every path, in order.
    pub fn paths(&self) -> Vec<FieldPath> {
        let mut paths = Vec::new();
        self.collect(&mut Vec::new(), &mut paths);
        paths
    }

    fn collect(&self, prefix: &mut Vec<PathElement>, paths: &mut Vec<FieldPath>) {
        for element in &self.members {
            prefix.push(element.clone());
            paths.push(FieldPath(prefix.clone()));
            prefix.pop();
        }
        for (element, set) in &self.children {
            prefix.push(element.clone());
            set.collect(prefix, paths);
            prefix.pop();
        }
    }

    /// The set as a document. A document sorts its keys as texts; see [`FieldSet::to_text`].
    pub fn to_value(&self) -> Value {
        let mut map = Map::new();
        for (element, set) in &self.children {
            let mut inner = set.to_value();
            if let (true, Value::Object(inner)) = (self.members.contains(element), &mut inner) {
                inner.insert(".".to_owned(), Value::Object(Map::new()));
            }
            map.insert(element.to_key(), inner);
        }
        for element in self
            .members
            .iter()
            .filter(|it| !self.children.contains_key(it))
        {
            map.insert(element.to_key(), Value::Object(Map::new()));
        }
        Value::Object(map)
    }

    /// The set as Kubernetes prints it: keys in the order of path elements, so that port 80 comes before port 443.
    pub fn to_text(&self) -> String {
        let mut out = String::new();
        self.print(Members::Alone, &mut out);
        out
    }

    fn print(&self, members: Members, out: &mut String) {
        let mut elements: Vec<&PathElement> =
            self.members.iter().chain(self.children.keys()).collect();
        sort(&mut elements);
        elements.dedup();
        out.push('{');
        let mut is_first = members == Members::Alone;
        if members == Members::WithItself {
            out.push_str("\".\":{}");
        }
        for element in elements {
            if !is_first {
                out.push(',');
            }
            is_first = false;
            out.push_str(&Value::String(element.to_key()).to_string());
            out.push(':');
            match self.children.get(element) {
                Some(set) if self.members.contains(element) => set.print(Members::WithItself, out),
                Some(set) => set.print(Members::Alone, out),
                None => out.push_str("{}"),
            }
        }
        out.push('}');
    }

    /// Reads a set. What is no path element is passed over.
    pub fn from_value(value: &Value) -> FieldSet {
        FieldSet::read(value, 0)
    }

    fn read(value: &Value, depth: usize) -> FieldSet {
        let mut set = FieldSet::default();
        for (key, inner) in value.as_object().into_iter().flatten() {
            let Some(element) = PathElement::from_key(key) else {
                continue;
            };
            let is_leaf = inner.as_object().is_none_or(Map::is_empty);
            if is_leaf || inner.get(".").is_some() {
                set.members.insert(element.clone());
            }
            if !is_leaf && depth < MAX_DEPTH {
                let inner = FieldSet::read(inner, depth + 1);
                if !inner.is_empty() {
                    set.children.insert(element, inner);
                }
            }
        }
        set
    }
}

/// Whether a printed set is itself a member of the one around it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Members {
    Alone,
    WithItself,
}

impl PathElement {
    /// `f:spec`, `k:{"port":80,"protocol":"TCP"}`, `v:"a"`, `i:0`.
    pub fn to_key(&self) -> String {
        match self {
            PathElement::Field(name) => format!("f:{name}"),
            PathElement::Key(fields) => {
                let fields: Vec<String> = fields
                    .iter()
                    .map(|(name, value)| format!("{}:{value}", Value::from(name.as_str())))
                    .collect();
                format!("k:{{{}}}", fields.join(","))
            }
            PathElement::Value(value) => format!("v:{value}"),
            PathElement::Index(index) => format!("i:{index}"),
        }
    }

    /// The reverse of [`PathElement::to_key`].
    pub fn from_key(key: &str) -> Option<PathElement> {
        let (kind, rest) = key.split_once(':')?;
        match kind {
            "f" => Some(PathElement::Field(rest.to_owned())),
            "k" => match serde_json::from_str(rest).ok()? {
                Value::Object(map) => Some(PathElement::Key(gathered(map))),
                _ => None,
            },
            "v" => serde_json::from_str(rest).ok().map(PathElement::Value),
            "i" => rest.parse().ok().map(PathElement::Index),
            _ => None,
        }
    }

    fn rank(&self) -> u8 {
        match self {
            PathElement::Field(_) => 0,
            PathElement::Key(_) => 1,
            PathElement::Value(_) => 2,
            PathElement::Index(_) => 3,
        }
    }
}

impl Ord for PathElement {
    fn cmp(&self, other: &PathElement) -> Ordering {
        match (self, other) {
            (PathElement::Field(a), PathElement::Field(b)) => a.cmp(b),
            (PathElement::Key(a), PathElement::Key(b)) => {
                let pairs = a.iter().zip(b);
                let unequal = pairs
                    .map(|(a, b)| a.0.cmp(&b.0).then_with(|| compare(&a.1, &b.1)))
                    .find(|it| it.is_ne());
                unequal.unwrap_or_else(|| a.len().cmp(&b.len()))
            }
            (PathElement::Value(a), PathElement::Value(b)) => compare(a, b),
            (PathElement::Index(a), PathElement::Index(b)) => a.cmp(b),
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

impl PartialOrd for PathElement {
    fn partial_cmp(&self, other: &PathElement) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for PathElement {
    fn eq(&self, other: &PathElement) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for PathElement {}

/// Numbers by size, then texts, booleans, lists, objects, null.
fn compare(a: &Value, b: &Value) -> Ordering {
    let rank = |it: &Value| match it {
        Value::Number(_) => 0,
        Value::String(_) => 1,
        Value::Bool(_) => 2,
        Value::Array(_) => 3,
        Value::Object(_) => 4,
        Value::Null => 5,
    };
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => match (a.as_i64(), b.as_i64()) {
            (Some(a), Some(b)) => a.cmp(&b),
            _ => {
                let (a, b) = (a.as_f64().unwrap_or(0.0), b.as_f64().unwrap_or(0.0));
                a.total_cmp(&b)
            }
        },
        (Value::String(a), Value::String(b)) => a.cmp(b),
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::Array(_), Value::Array(_)) | (Value::Object(_), Value::Object(_)) => {
            a.to_string().cmp(&b.to_string())
        }
        _ => rank(a).cmp(&rank(b)),
    }
}

impl fmt::Display for PathElement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PathElement::Field(name) => write!(f, ".{name}"),
            PathElement::Key(fields) => {
                f.write_str("[")?;
                for (n, (name, value)) in fields.iter().enumerate() {
                    let comma = if n > 0 { "," } else { "" };
                    write!(f, "{comma}{name}={value}")?;
                }
                f.write_str("]")
            }
            PathElement::Value(value) => write!(f, "[={value}]"),
            PathElement::Index(index) => write!(f, "[{index}]"),
        }
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|it| write!(f, "{it}"))
    }
}
