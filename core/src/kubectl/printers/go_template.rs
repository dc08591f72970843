//! Go templates over documents: `-o go-template`.
//!
//! `text/template` of Go 1.23 and `k8s.io/cli-runtime/pkg/printers/template.go` of 1.32 (`exists`, `base64decode`).
//!
//! **Left out**: methods; `html`, `js`, `urlquery`, `call`, `slice`; the column of a mistake; widths and flags of `printf`.

use super::super::object::shown;
use super::template_parse::{Node, Operand, Pipe, parse};
use crate::api::schema::go_print;
use serde_json::{Map, Number, Value};

/// What a template may print at most.
const MAX_TEXT: usize = 16 << 20;

/// A template.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Template {
    nodes: Vec<Node>,
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// What is wrong, nearly in Go's words.
    pub(crate) fn new(text: &str) -> Result<Template, String> {
        Ok(Template {
            nodes: parse(text)?,
        })
    }

    /// What it prints for a document.
    ///
    /// # Errors
    /// What cannot be found, or done.
    pub(crate) fn print(&self, document: &Value) -> Result<String, String> {
        let mut run = Run {
            text: String::new(),
            variables: vec![(String::new(), document.clone())],
        };
        run.all(&self.nodes, document)
            .map_err(|why| format!("error executing template: template: output:1: {why}"))?;
        Ok(run.text)
    }
}

struct Run {
    text: String,
    variables: Vec<(String, Value)>,
}

/// What is nothing, to `if`.
fn is_true(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(it) => *it,
        Value::Number(it) => it.as_f64() != Some(0.0),
        Value::String(it) => !it.is_empty(),
        Value::Array(it) => !it.is_empty(),
        Value::Object(it) => !it.is_empty(),
    }
}

/// As `fmt.Print` prints it.
fn text_of(value: &Value) -> String {
    match value {
        Value::Null => "<no value>".to_owned(),
        Value::Array(_) | Value::Object(_) => go_print(value),
        other => shown(other),
    }
}

impl Run {
    fn all(&mut self, nodes: &[Node], dot: &Value) -> Result<(), String> {
        for node in nodes {
            if self.text.len() > MAX_TEXT {
                return Err("the template prints too much".to_owned());
            }
            match node {
                Node::Text(text) => self.text.push_str(text),
                Node::Action(pipe) => {
                    let value = self.pipe(pipe, dot)?;
                    if pipe.variables.is_empty() {
                        self.text.push_str(&text_of(&value));
                    } else {
                        self.keep(pipe, value);
                    }
                }
                Node::If(pipe, body, otherwise) => {
                    let n = self.variables.len();
                    let value = self.pipe(pipe, dot)?;
                    let is_met = is_true(&value);
                    self.keep(pipe, value);
                    self.all(if is_met { body } else { otherwise }, dot)?;
                    self.variables.truncate(n);
                }
                Node::With(pipe, body, otherwise) => {
                    let n = self.variables.len();
                    let value = self.pipe(pipe, dot)?;
                    self.keep(pipe, value.clone());
                    if is_true(&value) {
                        self.all(body, &value)?;
                    } else {
                        self.all(otherwise, dot)?;
                    }
                    self.variables.truncate(n);
                }
                Node::Range(pipe, body, otherwise) => self.range(pipe, body, otherwise, dot)?,
            }
        }
        Ok(())
    }

    fn keep(&mut self, pipe: &Pipe, value: Value) {
        let Some(name) = pipe.variables.last() else {
            return;
        };
        let old = self.variables.iter_mut().rev().find(|it| it.0 == *name);
        match old.filter(|_| pipe.assigns) {
            Some(old) => old.1 = value,
            None => self.variables.push((name.clone(), value)),
        }
    }

    fn range(
        &mut self,
        pipe: &Pipe,
        body: &[Node],
        otherwise: &[Node],
        dot: &Value,
    ) -> Result<(), String> {
        let value = self.pipe(pipe, dot)?;
        let entries: Vec<(Value, Value)> = match value {
            Value::Array(items) => {
                let numbered = items.into_iter().enumerate();
                numbered.map(|(idx, it)| (Value::from(idx), it)).collect()
            }
            Value::Object(map) => map.into_iter().map(|(key, it)| (key.into(), it)).collect(),
            Value::Null => Vec::new(),
            other => {
                return Err(format!(
                    "executing \"output\": range can't iterate over {}",
                    text_of(&other)
                ));
            }
        };
        if entries.is_empty() {
            return self.all(otherwise, dot);
        }
        for (key, item) in entries {
            let n = self.variables.len();
            match pipe.variables.as_slice() {
                [one] => self.variables.push((one.clone(), item.clone())),
                [first, second, ..] => {
                    self.variables.push((first.clone(), key));
                    self.variables.push((second.clone(), item.clone()));
                }
                [] => {}
            }
            self.all(body, &item)?;
            self.variables.truncate(n);
        }
        Ok(())
    }

    fn pipe(&mut self, pipe: &Pipe, dot: &Value) -> Result<Value, String> {
        let mut last = None;
        for command in &pipe.commands {
            last = Some(self.command(command, last, dot)?);
        }
        Ok(last.unwrap_or(Value::Null))
    }

    fn command(
        &mut self,
        command: &[Operand],
        piped: Option<Value>,
        dot: &Value,
    ) -> Result<Value, String> {
        let Some(Operand::Function(name)) = command.first() else {
            let [one] = command else {
                return Err("executing \"output\": can't give argument to non-function".to_owned());
            };
            if piped.is_some() {
                return Err("executing \"output\": can't give argument to non-function".to_owned());
            }
            return self.operand(one, dot);
        };
        let mut values = Vec::new();
        for it in &command[1..] {
            values.push(self.operand(it, dot)?);
        }
        values.extend(piped);
        call(name, &values)
    }

    fn operand(&mut self, operand: &Operand, dot: &Value) -> Result<Value, String> {
        match operand {
            Operand::Field(path) => walk(dot, path),
            Operand::Variable(name, path) => {
                let found = self.variables.iter().rev().find(|it| it.0 == *name);
                let value = found.map(|it| it.1.clone());
                walk(
                    &value.ok_or(format!("undefined variable \"${name}\""))?,
                    path,
                )
            }
            Operand::Inner(pipe, path) => {
                let value = self.pipe(pipe, dot)?;
                walk(&value, path)
            }
            Operand::Text(text) => Ok(text.as_str().into()),
            Operand::Int(it) => Ok((*it).into()),
            Operand::Float(it) => Ok(Number::from_f64(*it).map_or(Value::Null, Value::Number)),
            Operand::Bool(it) => Ok((*it).into()),
            Operand::Nil => Ok(Value::Null),
            Operand::Function(name) => call(name, &[]),
        }
    }
}

fn walk(value: &Value, path: &[String]) -> Result<Value, String> {
    let mut at = value;
    for (idx, name) in path.iter().enumerate() {
        at = match at {
            Value::Object(map) => map.get(name).unwrap_or(&Value::Null),
            Value::Null if idx == 0 => &Value::Null,
            Value::Null => {
                return Err(format!(
                    "executing \"output\" at <.{}>: nil pointer evaluating interface {{}}.{name}",
                    path.join(".")
                ));
            }
            _ => {
                return Err(format!(
                    "executing \"output\" at <.{}>: can't evaluate field {name} in type interface {{}}",
                    path.join(".")
                ));
            }
        };
    }
    Ok(at.clone())
}

fn call(name: &str, values: &[Value]) -> Result<Value, String> {
    let wrong = |what: &str| {
        Err(format!(
            "executing \"output\": error calling {name}: {what}"
        ))
    };
    Ok(match (name, values) {
        ("len", [Value::String(it)]) => it.len().into(),
        ("len", [Value::Array(it)]) => it.len().into(),
        ("len", [Value::Object(it)]) => it.len().into(),
        ("len", _) => return wrong("len of nil pointer"),
        ("index", [first, rest @ ..]) => {
            let mut at = first;
            for key in rest {
                at = match (at, key) {
                    (Value::Object(map), Value::String(key)) => {
                        map.get(key).unwrap_or(&Value::Null)
                    }
                    (Value::Array(items), Value::Number(n)) => {
                        let idx = n.as_u64().and_then(|it| usize::try_from(it).ok());
                        match idx.and_then(|it| items.get(it)) {
                            Some(it) => it,
                            None => return wrong(&format!("index out of range: {n}")),
                        }
                    }
                    _ => return wrong("index of untyped nil"),
                };
            }
            at.clone()
        }
        ("print", values) => values.iter().map(text_of).collect::<String>().into(),
        ("println", values) => {
            let words: Vec<String> = values.iter().map(text_of).collect();
            format!("{}\n", words.join(" ")).into()
        }
        ("printf", [Value::String(form), rest @ ..]) => printf(form, rest).into(),
        ("not", [one]) => (!is_true(one)).into(),
        ("and", values) => first_where(values, |it| !is_true(it)),
        ("or", values) => first_where(values, is_true),
        ("eq", [one, rest @ ..]) => rest.iter().any(|it| it == one).into(),
        ("ne", [one, other]) => (one != other).into(),
        ("lt" | "le" | "gt" | "ge", [one, other]) => compare(name, one, other)?.into(),
        ("exists", [first, rest @ ..]) => exists(first, rest).into(),
        ("base64decode", [Value::String(text)]) => {
            match data_encoding::BASE64.decode(text.as_bytes()) {
                Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned().into(),
                Err(_) => return wrong("base64 decode failed"),
            }
        }
        _ => return Err(format!("function {name:?} not defined")),
    })
}

fn exists(first: &Value, path: &[Value]) -> bool {
    let found = path.iter().try_fold(first, |at, key| match (at, key) {
        (Value::Object(map), Value::String(key)) => map.get(key),
        (Value::Array(items), Value::Number(n)) => items.get(usize::try_from(n.as_u64()?).ok()?),
        _ => None,
    });
    found.is_some()
}

fn first_where(values: &[Value], wanted: impl Fn(&Value) -> bool) -> Value {
    let found = values.iter().find(|it| wanted(it)).or(values.last());
    found.cloned().unwrap_or(Value::Object(Map::new()))
}

fn compare(name: &str, one: &Value, other: &Value) -> Result<bool, String> {
    let order = match (one, other) {
        (Value::Number(a), Value::Number(b)) => a.as_f64().partial_cmp(&b.as_f64()),
        (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
        _ => {
            return Err(format!(
                "executing \"output\": error calling {name}: incompatible types for comparison"
            ));
        }
    };
    Ok(order.is_some_and(|it| match name {
        "lt" => it.is_lt(),
        "le" => it.is_le(),
        "gt" => it.is_gt(),
        _ => it.is_ge(),
    }))
}

/// `%s`, `%v`, `%d`, `%q`, `%t`, `%%`
fn printf(form: &str, values: &[Value]) -> String {
    let mut text = String::new();
    let mut values = values.iter();
    let mut signs = form.chars();
    while let Some(it) = signs.next() {
        if it != '%' {
            text.push(it);
            continue;
        }
        let mut verb = signs.next();
        while verb.is_some_and(|it| it.is_ascii_digit() || matches!(it, '-' | '+' | '.' | '#')) {
            verb = signs.next();
        }
        match verb {
            Some('%') => text.push('%'),
            Some('q') => match values.next() {
                Some(it) => text.push_str(&format!("{:?}", text_of(it))),
                None => text.push_str("%!q(MISSING)"),
            },
            Some(verb) => match values.next() {
                Some(it) => text.push_str(&text_of(it)),
                None => text.push_str(&format!("%!{verb}(MISSING)")),
            },
            None => text.push_str("%!(NOVERB)"),
        }
    }
    text
}
