//! Go templates over documents: `-o go-template`.
//!
//! `text/template` of Go 1.23 and `k8s.io/cli-runtime/pkg/printers/template.go` of 1.32.
//!
//! **Left out**: methods, for documents have none.

use super::super::object::shown;
use super::go_json;
use super::jsonpath::Missing;
use super::template_functions::call;
use super::template_parse::{Command, Node, Operand, Parsed, Pipe, Spot, Word, parse};
use crate::api::schema::{go_print, quoted};
use serde_json::{Number, Value};
use std::borrow::Cow;

/// What a template may print at most.
const MAX_TEXT: usize = 16 << 20;

/// How many parts may run.
const MAX_STEPS: usize = 2_000_000;

/// How deep templates may use one another.
const MAX_DEPTH: usize = 100;

/// A template.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Template {
    text: String,
    parsed: Parsed,
    allows_missing: bool,
}

/// What went wrong: what is printed on standard output, and the error.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Broken {
    /// What had been printed, and what was given.
    pub printed: String,
    /// The error.
    pub error: String,
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// What is wrong, in Go's words.
    pub(crate) fn new(text: &str, missing: Missing) -> Result<Template, String> {
        Ok(Template {
            text: text.to_owned(),
            parsed: parse(text)?,
            allows_missing: missing == Missing::Allowed,
        })
    }

    /// What it prints for a document.
    ///
    /// # Errors
    /// What cannot be found, or done.
    pub(crate) fn print(&self, document: &Value) -> Result<String, Broken> {
        let root = Cow::Borrowed(document);
        let mut run = Run {
            template: self,
            name: "output",
            text: String::new(),
            variables: vec![(String::new(), root.clone())],
            n_steps: 0,
            depth: 0,
        };
        let Err(why) = run.all(&self.parsed.nodes, &root) else {
            return Ok(run.text);
        };
        let told = &self.text;
        let printed = format!(
            "{}Error executing template: {why}. Printing more information for debugging the template:\n\ttemplate was:\n\t\t{told}\n\traw data was:\n\t\t{}\n\tobject given to template engine was:\n\t\t{}\n\n",
            run.text,
            go_json::compact(document),
            go_print(document)
        );
        let error = format!("error executing template {}: {why}", quoted(told));
        Err(Broken { printed, error })
    }
}

/// How a list of parts ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    On,
    Break,
    Continue,
}

struct Run<'d, 't> {
    template: &'t Template,
    /// The template that runs.
    name: &'t str,
    text: String,
    variables: Vec<(String, Cow<'d, Value>)>,
    n_steps: usize,
    depth: usize,
}

/// What is nothing, to `if`.
pub(super) fn is_true(value: &Value) -> bool {
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
pub(super) fn text_of(value: &Value) -> String {
    match value {
        Value::Null => "<no value>".to_owned(),
        Value::Array(_) | Value::Object(_) => go_print(value),
        other => shown(other),
    }
}

type Held<'d> = Cow<'d, Value>;

impl<'d, 't> Run<'d, 't> {
    /// An error, with the place in the template.
    fn fault(&self, spot: &Spot, why: &str) -> String {
        let before = self.template.text.get(..spot.at).unwrap_or_default();
        let line = 1 + before.matches('\n').count();
        let column = before.rfind('\n').map_or(spot.at, |it| spot.at - it - 1);
        format!(
            "template: output:{line}:{column}: executing {:?} at <{}>: {why}",
            self.name, spot.text
        )
    }

    fn all(&mut self, nodes: &'t [Node], dot: &Held<'d>) -> Result<Flow, String> {
        let n_variables = self.variables.len();
        for node in nodes {
            self.n_steps += 1;
            if self.text.len() > MAX_TEXT || self.n_steps > MAX_STEPS {
                return Err("the template prints too much".to_owned());
            }
            let flow = match node {
                Node::Text(text) => {
                    self.text.push_str(text);
                    Flow::On
                }
                Node::Action(pipe) => {
                    let value = self.pipe(pipe, dot)?;
                    if pipe.variables.is_empty() {
                        self.text.push_str(&text_of(&value));
                    } else {
                        self.keep(pipe, value);
                    }
                    Flow::On
                }
                Node::If(pipe, body, otherwise) => {
                    let before = self.variables.len();
                    let value = self.pipe(pipe, dot)?;
                    let is_met = is_true(&value);
                    self.keep(pipe, value);
                    let flow = self.all(if is_met { body } else { otherwise }, dot)?;
                    self.variables.truncate(before);
                    flow
                }
                Node::With(pipe, body, otherwise) => {
                    let before = self.variables.len();
                    let value = self.pipe(pipe, dot)?;
                    self.keep(pipe, value.clone());
                    let flow = if is_true(&value) {
                        self.all(body, &value)?
                    } else {
                        self.all(otherwise, dot)?
                    };
                    self.variables.truncate(before);
                    flow
                }
                Node::Range(pipe, body, otherwise) => self.range(pipe, body, otherwise, dot)?,
                Node::Template(name, pipe, spot) => {
                    self.other(name, pipe.as_ref(), spot, dot)?;
                    Flow::On
                }
                Node::Break => Flow::Break,
                Node::Continue => Flow::Continue,
            };
            if flow != Flow::On {
                self.variables.truncate(n_variables);
                return Ok(flow);
            }
        }
        Ok(Flow::On)
    }

    /// Runs another template, which sees none of this one's variables.
    fn other(
        &mut self,
        name: &'t str,
        pipe: Option<&Pipe>,
        spot: &Spot,
        dot: &Held<'d>,
    ) -> Result<(), String> {
        let template = self.template;
        let Some(body) = template.parsed.defined.get(name) else {
            return Err(self.fault(spot, &format!("template {name:?} not defined")));
        };
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            let why = format!("exceeded maximum template depth ({MAX_DEPTH})");
            return Err(self.fault(spot, &why));
        }
        let value = match pipe {
            Some(pipe) => self.pipe(pipe, dot)?,
            None => Cow::Owned(Value::Null),
        };
        let outer = std::mem::replace(&mut self.variables, vec![(String::new(), value.clone())]);
        let outer_name = std::mem::replace(&mut self.name, name);
        self.all(body, &value)?;
        self.variables = outer;
        self.name = outer_name;
        self.depth -= 1;
        Ok(())
    }

    fn keep(&mut self, pipe: &Pipe, value: Held<'d>) {
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
        body: &'t [Node],
        otherwise: &'t [Node],
        dot: &Held<'d>,
    ) -> Result<Flow, String> {
        let value = self.pipe(pipe, dot)?;
        let Some(entries) = entries(value) else {
            let value = self.pipe(pipe, dot)?;
            let why = format!("range can't iterate over {}", text_of(&value));
            return Err(self.fault(&pipe.spot, &why));
        };
        if entries.is_empty() {
            return self.all(otherwise, dot);
        }
        for (key, item) in entries {
            let before = self.variables.len();
            match pipe.variables.as_slice() {
                [one] => self.variables.push((one.clone(), item.clone())),
                [first, second, ..] => {
                    self.variables.push((first.clone(), Cow::Owned(key)));
                    self.variables.push((second.clone(), item.clone()));
                }
                [] => {}
            }
            let flow = self.all(body, &item)?;
            self.variables.truncate(before);
            if flow == Flow::Break {
                break;
            }
        }
        Ok(Flow::On)
    }

    fn pipe(&mut self, pipe: &Pipe, dot: &Held<'d>) -> Result<Held<'d>, String> {
        let mut last = None;
        for command in &pipe.commands {
            self.n_steps += 1;
            if self.n_steps > MAX_STEPS {
                return Err("the template does too much".to_owned());
            }
            last = Some(self.command(command, last, dot)?);
        }
        Ok(last.unwrap_or(Cow::Owned(Value::Null)))
    }

    fn command(
        &mut self,
        command: &Command,
        piped: Option<Held<'d>>,
        dot: &Held<'d>,
    ) -> Result<Held<'d>, String> {
        let Some(first) = command.words.first() else {
            return Ok(Cow::Owned(Value::Null));
        };
        let Operand::Function(name) = &first.operand else {
            if command.words.len() > 1 || piped.is_some() {
                let why = match &first.operand {
                    Operand::Field(path) if !path.is_empty() => {
                        let name = path.last().map_or("", String::as_str);
                        format!("{name} is not a method but has arguments")
                    }
                    _ => format!("can't give argument to non-function {}", first.spot.text),
                };
                return Err(self.fault(&first.spot, &why));
            }
            if first.operand == Operand::Nil {
                return Err(self.fault(&first.spot, "nil is not a command"));
            }
            return self.operand(first, dot);
        };
        let told = command.words.get(1..).unwrap_or_default();
        if matches!(name.as_str(), "and" | "or") {
            return self.first_where(command, name, piped, dot);
        }
        let mut values = Vec::new();
        for it in told {
            values.push(self.operand(it, dot)?);
        }
        values.extend(piped);
        let values: Vec<&Value> = values.iter().map(|it| &**it).collect();
        self.called(command, name, &values)
    }

    fn called(&self, command: &Command, name: &str, values: &[&Value]) -> Result<Held<'d>, String> {
        let spot = match command.words.first() {
            Some(first) if command.words.len() == 1 => &first.spot,
            _ => &command.spot,
        };
        let told = command.words.get(1).map_or("", |it| it.spot.text.as_str());
        call(name, values, told)
            .map(Cow::Owned)
            .map_err(|why| self.fault(spot, &why))
    }

    /// `and` and `or` look at no more than they need.
    fn first_where(
        &mut self,
        command: &Command,
        name: &str,
        piped: Option<Held<'d>>,
        dot: &Held<'d>,
    ) -> Result<Held<'d>, String> {
        let mut last = None;
        for it in command.words.get(1..).unwrap_or_default() {
            let value = self.operand(it, dot)?;
            if is_true(&value) == (name == "or") {
                return Ok(value);
            }
            last = Some(value);
        }
        match piped.or(last) {
            Some(it) => Ok(it),
            None => self.called(command, name, &[]),
        }
    }

    fn operand(&mut self, word: &Word, dot: &Held<'d>) -> Result<Held<'d>, String> {
        let owned = |it: Value| Ok(Cow::Owned(it));
        match &word.operand {
            Operand::Field(path) => self.walk(dot.clone(), path, word),
            Operand::Variable(name, path) => {
                let found = self.variables.iter().rev().find(|it| it.0 == *name);
                match found.map(|it| it.1.clone()) {
                    Some(value) => self.walk(value, path, word),
                    None => Err(self.fault(&word.spot, &format!("undefined variable: ${name}"))),
                }
            }
            Operand::Inner(pipe, path) => {
                let value = self.pipe(pipe, dot)?;
                self.walk(value, path, word)
            }
            Operand::Text(text) => owned(text.as_str().into()),
            Operand::Int(it) => owned((*it).into()),
            Operand::Float(it) => owned(Number::from_f64(*it).map_or(Value::Null, Value::Number)),
            Operand::Bool(it) => owned((*it).into()),
            Operand::Nil => owned(Value::Null),
            Operand::Function(name) => {
                let command = Command {
                    words: vec![word.clone()],
                    spot: word.spot.clone(),
                };
                self.called(&command, name, &[])
            }
        }
    }

    fn walk(&self, mut at: Held<'d>, path: &[String], word: &Word) -> Result<Held<'d>, String> {
        for name in path {
            at = match (&*at, part(&at, name)) {
                (_, Some(inner)) => inner,
                (Value::Object(_), None) if !self.template.allows_missing => {
                    let why = format!("map has no entry for key {name:?}");
                    return Err(self.fault(&word.spot, &why));
                }
                (Value::Null, None) if !self.template.allows_missing => {
                    let why = format!("nil data; no entry for key {name:?}");
                    return Err(self.fault(&word.spot, &why));
                }
                (Value::Object(_) | Value::Null, None) => Cow::Owned(Value::Null),
                _ => {
                    let why = format!("can't evaluate field {name} in type interface {{}}");
                    return Err(self.fault(&word.spot, &why));
                }
            };
        }
        Ok(at)
    }
}

/// A field of a map, borrowed where the map is.
fn part<'d>(value: &Held<'d>, name: &str) -> Option<Held<'d>> {
    match value {
        Cow::Borrowed(it) => it.as_object()?.get(name).map(Cow::Borrowed),
        Cow::Owned(it) => it.as_object()?.get(name).cloned().map(Cow::Owned),
    }
}

/// What `range` goes over: keys and values.
fn entries(value: Held<'_>) -> Option<Vec<(Value, Held<'_>)>> {
    Some(match value {
        Cow::Borrowed(Value::Array(items)) => {
            let numbered = items.iter().enumerate();
            numbered
                .map(|(idx, it)| (Value::from(idx), Cow::Borrowed(it)))
                .collect()
        }
        Cow::Owned(Value::Array(items)) => {
            let numbered = items.into_iter().enumerate();
            numbered
                .map(|(idx, it)| (Value::from(idx), Cow::Owned(it)))
                .collect()
        }
        Cow::Borrowed(Value::Object(map)) => map
            .iter()
            .map(|(key, it)| (key.as_str().into(), Cow::Borrowed(it)))
            .collect(),
        Cow::Owned(Value::Object(map)) => map
            .into_iter()
            .map(|(key, it)| (key.into(), Cow::Owned(it)))
            .collect(),
        Cow::Borrowed(Value::Null) | Cow::Owned(Value::Null) => Vec::new(),
        _ => return None,
    })
}
