//! Whether a document is one of its type: unknown fields and wrong types, in the server's words.
//!
//! Imitates sigs.k8s.io/json as the API server of Kubernetes 1.36 uses it to decode bodies: names are exact, null is
//! absent, the first wrong type is the error and hides unknown fields, unknown fields come in the order of the
//! document, at most a hundred. A wrong type is worded as Go's encoding/json words it: the
//! struct last entered, then every field on the way, without positions in lists and keys of maps.
//!
//! **Left out**: documents deeper than [`MAX_DEPTH`] are not looked at below it.

use super::literal::scalar_fault;
use super::table::{Field, Shape, TypeRef};
use crate::yaml::Node;
use crate::yaml::Span;
use serde_json::Value;

/// Nothing deeper is looked at.
pub const MAX_DEPTH: usize = 200;
/// More faults of one kind are not listed, as in sigs.k8s.io/json.
const MAX_FAULTS: usize = 100;

/// What the server does about fields it does not know (`fieldValidation=`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FieldValidation {
    /// Refuses the document.
    Strict,
    /// Takes it, with a warning for each.
    #[default]
    Warn,
    /// Takes it.
    Ignore,
}

impl FieldValidation {
    /// The mode that the query parameter names; an absent one is `Warn`.
    pub fn named(name: &str) -> Option<FieldValidation> {
        match name {
            "Strict" => Some(FieldValidation::Strict),
            "Warn" | "" => Some(FieldValidation::Warn),
            "Ignore" => Some(FieldValidation::Ignore),
            _ => None,
        }
    }
}

/// Something wrong with a field of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The field: `spec.ports[0].port`.
    pub path: String,
    /// What kind of fault it is.
    pub kind: FaultKind,
    /// What is wrong, in the server's words: `unknown field "spec.prots"`.
    pub message: String,
    /// The field that was probably meant.
    pub nearest: Option<&'static str>,
    steps: Vec<Step>,
}

/// The kinds of faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// The type has no field of that name.
    UnknownField,
    /// The field is there twice.
    DuplicateField,
    /// The value is of another type.
    WrongType,
}

/// A fault and where in the text it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlacedFault {
    /// The fault.
    pub fault: Fault,
    /// The key of an unknown field, the value otherwise.
    pub span: Span,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Key(String),
    Index(usize),
}

impl Fault {
    /// A field that stands twice in the text, which only the reader of the text can know.
    pub fn duplicate(path: impl Into<String>) -> Fault {
        let path = path.into();
        Fault {
            message: format!("duplicate field {}", super::quoted(&path)),
            kind: FaultKind::DuplicateField,
            nearest: None,
            steps: Vec::new(),
            path,
        }
    }
}

/// Everything wrong with a document of a type, in the order of the document.
pub fn check(value: &Value, of: TypeRef) -> Vec<Fault> {
    let mut checker = Checker::default();
    checker.object(value, of, 0);
    checker.faults
}

/// The same for a document whose places are known, in the order of the text.
pub fn check_node(node: &Node, of: TypeRef) -> Vec<PlacedFault> {
    let faults = check(&crate::yaml::to_json(node), of);
    let mut placed: Vec<PlacedFault> = faults
        .into_iter()
        .map(|fault| PlacedFault {
            span: place(node, &fault),
            fault,
        })
        .collect();
    placed.sort_by_key(|it| it.span.start_offset);
    placed
}

/// What the server makes of faults: warnings, or the reason why it refuses the document.
///
/// # Errors
/// The reason, without the sentence around it (see [`refusal`]).
pub fn verdict(faults: &[Fault], mode: FieldValidation) -> Result<Vec<String>, String> {
    if let Some(wrong) = faults.iter().find(|it| it.kind == FaultKind::WrongType) {
        return Err(wrong.message.clone());
    }
    let mut messages: Vec<String> = Vec::new();
    for fault in faults {
        if messages.len() < MAX_FAULTS && !messages.contains(&fault.message) {
            messages.push(fault.message.clone());
        }
    }
    match mode {
        FieldValidation::Strict if !messages.is_empty() => Err(strict_error(&messages)),
        FieldValidation::Strict | FieldValidation::Warn => Ok(messages),
        FieldValidation::Ignore => Ok(Vec::new()),
    }
}

/// `strict decoding error: unknown field "a", unknown field "b"`.
pub fn strict_error(messages: &[String]) -> String {
    format!("strict decoding error: {}", messages.join(", "))
}

/// The whole sentence with which a body is refused (400, BadRequest).
pub fn refusal(version: &str, kind: &str, reason: &str) -> String {
    format!("{kind} in version \"{version}\" cannot be handled as a {kind}: {reason}")
}

fn place(node: &Node, fault: &Fault) -> Span {
    let mut at = node;
    let mut span = node.span;
    for step in &fault.steps {
        let next = match step {
            Step::Key(key) => at.as_mapping().and_then(|it| it.entry(key)).map(|it| {
                let is_key = fault.kind != FaultKind::WrongType;
                (&it.node, if is_key { it.key_span } else { it.node.span })
            }),
            Step::Index(index) => at
                .as_sequence()
                .and_then(|it| it.get(*index))
                .map(|it| (it, it.span)),
        };
        let Some((inner, place)) = next else { break };
        (at, span) = (inner, place);
    }
    span
}

#[derive(Default)]
struct Checker {
    faults: Vec<Fault>,
    steps: Vec<Step>,
    /// The names of fields on the way, as Go keeps them.
    fields: Vec<&'static str>,
    /// The Go struct last entered.
    inside: Option<&'static str>,
}

impl Checker {
    fn object(&mut self, value: &Value, of: TypeRef, depth: usize) {
        let map = match value {
            Value::Null => return,
            Value::Object(map) => map,
            _ => return self.wrong_type(json_kind(value), &format!("v1.{}", of.name())),
        };
        let outer = self.inside;
        for (key, value) in map {
            self.steps.push(Step::Key(key.clone()));
            match of.field(key) {
                None => self.unknown(key, of),
                Some(field) if depth < MAX_DEPTH => {
                    self.inside = Some(of.name());
                    self.fields.push(field.name);
                    self.field(value, field, depth);
                    self.fields.pop();
                }
                Some(_) => {}
            }
            self.steps.pop();
        }
        self.inside = outer;
    }

    /// `kind` and `apiVersion` of a document are read before anything else, into a struct without a name.
    fn field(&mut self, value: &Value, field: &Field, depth: usize) {
        let is_head = depth == 0 && matches!(field.name, "kind" | "apiVersion");
        if is_head && !matches!(value, Value::Null | Value::String(_)) {
            let message = format!(
                "couldn't get version/kind; json parse error: json: cannot unmarshal {} into Go struct field .{} of type string",
                json_kind(value),
                field.name
            );
            return self.push(FaultKind::WrongType, message, None);
        }
        self.value(value, &field.shape, depth + 1);
    }

    fn value(&mut self, value: &Value, shape: &Shape, depth: usize) {
        if value.is_null() || depth > MAX_DEPTH {
            return;
        }
        match (shape, value) {
            (Shape::Free(_), _) => {}
            (Shape::Object(_), _) => {
                if let Some(of) = shape.object() {
                    self.object(value, of, depth);
                }
            }
            (Shape::List(inner), Value::Array(items)) => {
                for (index, item) in items.iter().enumerate() {
                    self.steps.push(Step::Index(index));
                    self.value(item, inner, depth + 1);
                    self.steps.pop();
                }
            }
            (Shape::Map(inner, _), Value::Object(map)) => {
                for (key, item) in map {
                    self.steps.push(Step::Key(key.clone()));
                    self.value(item, inner, depth + 1);
                    self.steps.pop();
                }
            }
            (Shape::List(_) | Shape::Map(..), _) => {
                self.wrong_type(json_kind(value), &shape.go_type());
            }
            (Shape::Scalar(scalar, _), _) => match scalar_fault(value, *scalar) {
                None => {}
                Some(Err(message)) => self.push(FaultKind::WrongType, message, None),
                Some(Ok((found, None))) => self.wrong_type(&found, &shape.go_type()),
                Some(Ok((found, Some(go_type)))) => self.wrong_type(&found, go_type),
            },
        }
    }

    fn wrong_type(&mut self, found: &str, go_type: &str) {
        let place = match self.inside {
            Some(inside) => format!("struct field {inside}.{}", self.fields.join(".")),
            None => "value".to_owned(),
        };
        let message = format!("json: cannot unmarshal {found} into Go {place} of type {go_type}");
        self.push(FaultKind::WrongType, message, None);
    }

    fn unknown(&mut self, key: &str, of: TypeRef) {
        let path = printed(&self.steps);
        let message = format!("unknown field {}", super::quoted(&path));
        self.push(FaultKind::UnknownField, message, super::nearest(key, of));
    }

    fn push(&mut self, kind: FaultKind, message: String, nearest: Option<&'static str>) {
        if self.faults.iter().filter(|it| it.kind == kind).count() < MAX_FAULTS {
            self.faults.push(Fault {
                path: printed(&self.steps),
                kind,
                message,
                nearest,
                steps: self.steps.clone(),
            });
        }
    }
}

/// The path as the strict decoder prints it: keys of maps like fields.
fn printed(steps: &[Step]) -> String {
    let mut path = String::new();
    for step in steps {
        match step {
            Step::Key(key) => {
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(key);
            }
            Step::Index(index) => path.push_str(&format!("[{index}]")),
        }
    }
    path
}

/// The kind of a value in the words of encoding/json.
pub fn json_kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}
