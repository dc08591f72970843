//! JSONPath: what a template finds in a document, and how it is printed.
//!
//! `k8s.io/client-go/util/jsonpath/jsonpath.go` and `k8s.io/cli-runtime/pkg/printers/jsonpath.go` of 1.32.
//!
//! **Left out**: regular expressions, which JSONPath has not here either.

use super::super::object::shown;
use super::go_json;
use super::jsonpath_parse::{Node, parse};
use serde_json::{Number, Value};

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

/// Values that a part of a template found.
pub(crate) type Found = Vec<Value>;

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
    pub(crate) fn find(&self, document: &Value) -> Result<Vec<Found>, String> {
        let mut walk = Walk {
            allows_missing: self.allows_missing,
            n_found: 0,
        };
        walk.all(&self.nodes, document)
    }

    /// What it prints.
    ///
    /// # Errors
    /// What cannot be found.
    pub(crate) fn print(&self, document: &Value) -> Result<String, String> {
        let parts = self.find(document)?;
        let mut text = String::new();
        for found in parts {
            let words: Vec<String> = found.iter().map(printed).collect();
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
    /// The parts of a template, with its ranges.
    fn all(&mut self, nodes: &[Node], document: &Value) -> Result<Vec<Found>, String> {
        let mut parts = Vec::new();
        let mut at = 0;
        while let Some(node) = nodes.get(at) {
            at += 1;
            match marker(node) {
                Some("range") => {
                    let end = at + matching_end(&nodes[at..]).ok_or("unterminated range")?;
                    let Node::List(inside) = node else {
                        continue;
                    };
                    let items = self.path(&inside[1..], vec![document.clone()])?;
                    for item in items {
                        self.count(1)?;
                        parts.extend(self.all(&nodes[at..end], &item)?);
                    }
                    at = end + 1;
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

    fn path(&mut self, nodes: &[Node], mut current: Found) -> Result<Found, String> {
        for node in nodes {
            current = self.step(node, &current)?;
            self.count(current.len())?;
        }
        Ok(current)
    }

    fn step(&mut self, node: &Node, current: &[Value]) -> Result<Found, String> {
        Ok(match node {
            Node::Text(text) => vec![Value::String(text.clone())],
            Node::Int(it) => vec![Value::from(*it)],
            Node::Float(it) => vec![Number::from_f64(*it).map_or(Value::Null, Value::Number)],
            Node::Bool(it) => vec![Value::Bool(*it)],
            Node::List(inside) => self.path(inside, current.to_vec())?,
            Node::Identifier(word) => return Err(format!("unrecognized identifier {word}")),
            Node::Field(name) => self.field(name, current)?,
            Node::Slice(numbers) => self.slice(*numbers, current)?,
            Node::Wildcard => current.iter().flat_map(children).collect(),
            Node::Recursive => {
                let mut found = Vec::new();
                for it in current {
                    descend(it, &mut found);
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

    fn field(&self, name: &str, current: &[Value]) -> Result<Found, String> {
        if name.is_empty() {
            return Ok(current.to_vec());
        }
        let mut found = Vec::new();
        for it in current {
            if let Some(value) = it.as_object().and_then(|it| it.get(name)) {
                found.push(value.clone());
            }
        }
        if found.is_empty() && !self.allows_missing {
            return Err(format!("{name} is not found"));
        }
        Ok(found)
    }

    fn slice(
        &self,
        [from, to, step]: [Option<i64>; 3],
        current: &[Value],
    ) -> Result<Found, String> {
        let mut found = Vec::new();
        for it in current {
            let Value::Array(items) = it else {
                if it.is_null() {
                    continue;
                }
                return Err(format!("{} is not array or slice", printed(it)));
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
                    (end < 0 || end > length).then_some(end - 1)
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
                found.extend(items.get(idx).cloned());
                at = at.saturating_add(step);
            }
        }
        Ok(found)
    }

    fn filter(
        &mut self,
        left: &[Node],
        operator: &str,
        right: &[Node],
        current: &[Value],
    ) -> Result<Found, String> {
        let mut found = Vec::new();
        for it in current {
            let Value::Array(items) = it else {
                return Err(format!("{it} is not array or slice and cannot be filtered"));
            };
            for item in items {
                self.count(1)?;
                let lefts = self.quietly(left, item)?;
                if operator == "exists" {
                    if !lefts.is_empty() {
                        found.push(item.clone());
                    }
                    continue;
                }
                let Some(one) = lefts.first() else {
                    continue;
                };
                if lefts.len() > 1 {
                    return Err("can only compare one element at a time".to_owned());
                }
                let rights = self.quietly(right, item)?;
                let Some(other) = rights.first() else {
                    continue;
                };
                if compares(one, operator, other)? {
                    found.push(item.clone());
                }
            }
        }
        Ok(found)
    }

    /// Within filters a field that is not there is only not equal to anything.
    fn quietly(&mut self, nodes: &[Node], item: &Value) -> Result<Found, String> {
        let before = std::mem::replace(&mut self.allows_missing, true);
        let found = self.path(nodes, vec![item.clone()]);
        self.allows_missing = before;
        found
    }
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

fn children(value: &Value) -> Vec<Value> {
    match value {
        Value::Array(items) => items.clone(),
        Value::Object(map) => map.values().cloned().collect(),
        _ => Vec::new(),
    }
}

fn descend(value: &Value, found: &mut Found) {
    if matches!(value, Value::Array(_) | Value::Object(_)) {
        found.push(value.clone());
    }
    match value {
        Value::Array(items) => items.iter().for_each(|it| descend(it, found)),
        Value::Object(map) => map.values().for_each(|it| descend(it, found)),
        _ => {}
    }
}

fn compares(one: &Value, operator: &str, other: &Value) -> Result<bool, String> {
    let order = match (one, other) {
        (Value::Number(a), Value::Number(b)) => a.as_f64().partial_cmp(&b.as_f64()),
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
        _ => order.is_ge(),
    })
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
