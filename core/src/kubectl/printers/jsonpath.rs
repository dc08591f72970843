//! JSONPath: what a template finds in a document, and how it is printed.
//!
//! `k8s.io/client-go/util/jsonpath/jsonpath.go` and `k8s.io/cli-runtime/pkg/printers/jsonpath.go` of 1.32.
//!
//! **Left out**: regular expressions, which JSONPath has not here either.

use super::super::object::shown;
use super::go_json;
use super::jsonpath_parse::{Node, parse};
use crate::api::schema::{go_print, quoted};
use serde_json::{Number, Value};
use std::borrow::Cow;

/// How many values a template may find: more would be a template that multiplies.
const MAX_FOUND: usize = 100_000;

/// A template.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct JsonPath {
    nodes: Vec<Node>,
    /// Whether a field that is not there is a mistake.
    allows_missing: bool,
}

/// What is done about a field that is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Missing {
    /// Nothing is found.
    Allowed,
    /// It is said.
    Refused,
}

/// Values that a part of a template found: parts of the document, or made by the template.
pub(crate) type Found<'d> = Vec<Cow<'d, Value>>;

impl JsonPath {
    /// Reads a template.
    ///
    /// # Errors
    /// What is wrong, in client-go's words.
    pub(crate) fn new(template: &str, missing: Missing) -> Result<JsonPath, String> {
        Ok(JsonPath {
            nodes: parse(template)?,
            allows_missing: missing == Missing::Allowed,
        })
    }

    /// What each part finds.
    ///
    /// # Errors
    /// What cannot be found.
    pub(crate) fn find<'d>(&self, document: &'d Value) -> Result<Vec<Found<'d>>, String> {
        let mut walk = Walk {
            allows_missing: self.allows_missing,
            n_found: 0,
        };
        walk.all(&self.nodes, &Cow::Borrowed(document))
    }

    /// What it prints.
    ///
    /// # Errors
    /// What cannot be found.
    pub(crate) fn print(&self, document: &Value) -> Result<String, String> {
        let parts = self.find(document)?;
        let mut text = String::new();
        for found in parts {
            let words: Vec<String> = found.iter().map(|it| printed(it)).collect();
            text.push_str(&words.join(" "));
        }
        Ok(text)
    }
}

/// A value as JSONPath prints it.
pub(crate) fn printed(value: &Value) -> String {
    match value {
        Value::Array(_) | Value::Object(_) => go_json::compact(value),
        other => shown(other),
    }
}

struct Walk {
    allows_missing: bool,
    n_found: usize,
}

impl Walk {
    /// The parts of a template, with its ranges. A range that has no end goes to the end of the template, whose parts then come
    /// once more for the whole document.
    fn all<'d>(
        &mut self,
        nodes: &[Node],
        document: &Cow<'d, Value>,
    ) -> Result<Vec<Found<'d>>, String> {
        let mut parts = Vec::new();
        let mut at = 0;
        while let Some(node) = nodes.get(at) {
            at += 1;
            self.count(1)?;
            match marker(node) {
                Some("range") => {
                    let end = matching_end(&nodes[at..]).map(|it| at + it);
                    let Node::List(inside) = node else {
                        continue;
                    };
                    let items = self.path(&inside[1..], vec![document.clone()])?;
                    for item in items {
                        self.count(1)?;
                        let body = &nodes[at..end.unwrap_or(nodes.len())];
                        parts.extend(self.all(body, &item)?);
                    }
                    at = end.map_or(at, |it| it + 1);
                }
                Some("end") => return Err("not in range, nothing to end".to_owned()),
                _ => {
                    let found = self.path(std::slice::from_ref(node), vec![document.clone()])?;
                    parts.push(found);
                }
            }
        }
        Ok(parts)
    }

    fn count(&mut self, n: usize) -> Result<(), String> {
        self.n_found += n;
        if self.n_found > MAX_FOUND {
            return Err("the template finds too much".to_owned());
        }
        Ok(())
    }

    fn path<'d>(&mut self, nodes: &[Node], start: Found<'d>) -> Result<Found<'d>, String> {
        match self.far(nodes, start) {
            (found, None) => Ok(found),
            (_, Some(why)) => Err(why),
        }
    }

    /// As far as a path leads, and what it fails at.
    fn far<'d>(&mut self, nodes: &[Node], mut current: Found<'d>) -> (Found<'d>, Option<String>) {
        for node in nodes {
            let next = self.step(node, &current);
            match next.and_then(|it| self.count(it.len()).map(|()| it)) {
                Ok(next) => current = next,
                Err(why) => return (current, Some(why)),
            }
        }
        (current, None)
    }

    fn step<'d>(&mut self, node: &Node, current: &[Cow<'d, Value>]) -> Result<Found<'d>, String> {
        let made = |it: Value| vec![Cow::Owned(it)];
        Ok(match node {
            Node::Text(text) => made(Value::String(text.clone())),
            Node::Int(it) => made(Value::from(*it)),
            Node::Float(it) => made(Number::from_f64(*it).map_or(Value::Null, Value::Number)),
            Node::Bool(it) => made(Value::Bool(*it)),
            Node::List(inside) => self.path(inside, current.to_vec())?,
            Node::Identifier(word) => return Err(format!("unrecognized identifier {word}")),
            Node::Field(name) => self.field(name, current)?,
            Node::Slice(numbers) => slice(*numbers, current)?,
            Node::Wildcard => current.iter().flat_map(children).collect(),
            Node::Recursive => {
                let mut found = Vec::new();
                for it in current {
                    descend(it.clone(), &mut found);
                }
                found
            }
            Node::Union(paths) => {
                let mut found = Vec::new();
                for path in paths {
                    found.extend(self.path(path, current.to_vec())?);
                }
                found
            }
            Node::Filter(left, operator, right) => self.filter(left, operator, right, current)?,
        })
    }

    fn field<'d>(&self, name: &str, current: &[Cow<'d, Value>]) -> Result<Found<'d>, String> {
        let found: Found<'d> = current.iter().filter_map(|it| inner(it, name)).collect();
        if found.is_empty() && !self.allows_missing {
            return Err(format!("{name} is not found"));
        }
        Ok(found)
    }

    fn filter<'d>(
        &mut self,
        left: &[Node],
        operator: &str,
        right: &[Node],
        current: &[Cow<'d, Value>],
    ) -> Result<Found<'d>, String> {
        let mut found = Vec::new();
        for it in current {
            if !it.is_array() {
                let shown = match &**it {
                    Value::Object(_) => go_print(it),
                    other => shown(other),
                };
                return Err(format!(
                    "{shown} is not array or slice and cannot be filtered"
                ));
            }
            for item in children(it) {
                self.count(1)?;
                if self.selects(left, operator, right, &item)? {
                    found.push(item);
                }
            }
        }
        Ok(found)
    }

    fn selects(
        &mut self,
        left: &[Node],
        operator: &str,
        right: &[Node],
        item: &Value,
    ) -> Result<bool, String> {
        let item = &Cow::Borrowed(item);
        let (lefts, fault) = self.quietly(left, item);
        if operator == "exists" {
            // What stands where the path fails is there.
            return Ok(!lefts.is_empty());
        }
        if let Some(why) = fault {
            return Err(why);
        }
        let Some(one) = lefts.first() else {
            return Ok(false);
        };
        if lefts.len() > 1 {
            return Err("can only compare one element at a time".to_owned());
        }
        let (rights, fault) = self.quietly(right, item);
        if let Some(why) = fault {
            return Err(why);
        }
        rights
            .first()
            .map_or(Ok(false), |other| compares(one, operator, other))
    }

    /// Within filters a field that is not there is only not equal to anything.
    fn quietly<'d>(
        &mut self,
        nodes: &[Node],
        item: &Cow<'d, Value>,
    ) -> (Found<'d>, Option<String>) {
        let before = std::mem::replace(&mut self.allows_missing, true);
        let found = self.far(nodes, vec![item.clone()]);
        self.allows_missing = before;
        found
    }
}

/// A part of a value, borrowed where the value is.
fn part<'d>(
    value: &Cow<'d, Value>,
    get: impl for<'v> Fn(&'v Value) -> Option<&'v Value>,
) -> Option<Cow<'d, Value>> {
    match value {
        Cow::Borrowed(it) => get(it).map(Cow::Borrowed),
        Cow::Owned(it) => get(it).cloned().map(Cow::Owned),
    }
}

fn inner<'d>(value: &Cow<'d, Value>, name: &str) -> Option<Cow<'d, Value>> {
    part(value, |it| it.as_object()?.get(name))
}

fn slice<'d>(
    [from, to, step]: [Option<i64>; 3],
    current: &[Cow<'d, Value>],
) -> Result<Found<'d>, String> {
    let mut found = Vec::new();
    for it in current {
        let Value::Array(items) = &**it else {
            if it.is_null() {
                continue;
            }
            return Err(format!("{} is not array or slice", go_type(it)));
        };
        let length = i64::try_from(items.len()).unwrap_or(i64::MAX);
        let place = |told: Option<i64>, or: i64| match told {
            None => or,
            Some(it) if it < 0 => it.saturating_add(length),
            Some(it) => it,
        };
        let (start, end) = (place(from, 0), place(to, length));
        if start != end {
            let beyond = if start < 0 || start >= length {
                Some(start)
            } else {
                (end < 0 || end > length).then_some(end.saturating_sub(1))
            };
            if let Some(idx) = beyond {
                return Err(format!(
                    "array index out of bounds: index {idx}, length {length}"
                ));
            }
            if start > end {
                return Err(format!(
                    "starting index {start} is greater than ending index {end}"
                ));
            }
        }
        let step = step.unwrap_or(1);
        if step < 1 {
            return Err("step must be > 0".to_owned());
        }
        let mut at = start;
        while at < end {
            let idx = usize::try_from(at).unwrap_or(usize::MAX);
            found.extend(part(it, |it| it.as_array()?.get(idx)));
            at = at.saturating_add(step);
        }
    }
    Ok(found)
}

fn marker(node: &Node) -> Option<&str> {
    match node {
        Node::List(inside) => match inside.first() {
            Some(Node::Identifier(word)) if word == "range" || word == "end" => Some(word),
            _ => None,
        },
        _ => None,
    }
}

fn matching_end(nodes: &[Node]) -> Option<usize> {
    let mut depth = 1;
    for (idx, node) in nodes.iter().enumerate() {
        match marker(node) {
            Some("range") => depth += 1,
            Some(_) => {
                depth -= 1;
                if depth == 0 {
                    return Some(idx);
                }
            }
            None => {}
        }
    }
    None
}

fn children<'d>(value: &Cow<'d, Value>) -> Found<'d> {
    fn all(value: &Value) -> Vec<&Value> {
        match value {
            Value::Array(items) => items.iter().collect(),
            Value::Object(map) => map.values().collect(),
            _ => Vec::new(),
        }
    }
    match value {
        Cow::Borrowed(it) => all(it).into_iter().map(Cow::Borrowed).collect(),
        Cow::Owned(it) => all(it).into_iter().cloned().map(Cow::Owned).collect(),
    }
}

fn descend<'d>(value: Cow<'d, Value>, found: &mut Found<'d>) {
    let inner = children(&value);
    if value.is_array() || value.is_object() {
        found.push(value);
    }
    inner.into_iter().for_each(|it| descend(it, found));
}

/// Whole numbers are no fractions, as Go has them.
fn compares(one: &Value, operator: &str, other: &Value) -> Result<bool, String> {
    let order = match (one, other) {
        (Value::Number(a), Value::Number(b)) if a.is_f64() == b.is_f64() => {
            a.as_f64().partial_cmp(&b.as_f64())
        }
        (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
        (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
        _ => return Err("incompatible types for comparison".to_owned()),
    };
    let Some(order) = order else {
        return Ok(false);
    };
    Ok(match operator {
        "==" => order.is_eq(),
        "!=" => order.is_ne(),
        "<" => order.is_lt(),
        "<=" => order.is_le(),
        ">" => order.is_gt(),
        ">=" => order.is_ge(),
        other => return Err(format!("unrecognized filter operator {other}")),
    })
}

fn go_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "interface {}",
        Value::Bool(_) => "bool",
        Value::Number(it) if it.is_f64() => "float64",
        Value::Number(_) => "int64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}

/// A value as Go's `%#v` writes it.
pub(crate) fn go_syntax(value: &Value) -> String {
    let list = |parts: Vec<String>| format!("{}{{{}}}", go_type(value), parts.join(", "));
    match value {
        Value::Null => "interface {}(nil)".to_owned(),
        Value::Array(items) => list(items.iter().map(go_syntax).collect()),
        Value::Object(map) => {
            let entries = map.iter();
            list(
                entries
                    .map(|(key, it)| format!("{}:{}", quoted(key), go_syntax(it)))
                    .collect(),
            )
        }
        Value::String(text) => quoted(text),
        other => other.to_string(),
    }
}

/// A path as `--sort-by` and columns take it: braces and the first dot may be missing.
///
/// # Errors
/// When it is none.
pub(crate) fn relaxed(path: &str) -> Result<String, String> {
    if path.is_empty() {
        return Ok(String::new());
    }
    let inner = match (path.strip_prefix('{'), path.strip_suffix('}')) {
        (Some(inner), Some(_)) => &inner[..inner.len() - 1],
        (None, None) => path,
        _ => {
            return Err(
                "unexpected path string, expected a 'name1.name2' or '.name1.name2' or '{name1.name2}' or '{.name1.name2}'".to_owned(),
            );
        }
    };
    let inner = inner.strip_prefix('.').unwrap_or(inner);
    Ok(format!("{{.{inner}}}"))
}
