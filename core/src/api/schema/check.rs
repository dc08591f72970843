//! Whether a document is one of its type: unknown fields and wrong types, in the server's words.
//!
//! Imitates sigs.k8s.io/json as the API server of Kubernetes 1.36 uses it to decode bodies: names are exact, null is
//! absent, the first wrong type is the error and hides unknown fields, unknown fields come in the order of the
//! document, at most a hundred. A wrong type is worded as Go's encoding/json words it: the
//! struct last entered, then every field on the way, without positions in lists and keys of maps.
//!
//! A document whose text is at hand is spoken of in other words, for people, with the place and what to try.
//!
//! **Left out**: documents deeper than [`MAX_DEPTH`] are not looked at below it.

use super::literal::{expected, integer_bounds, scalar_fault};
use super::table::{Field, Shape, TypeRef};
use crate::record::Step;
use crate::yaml::{FieldProblem, Node, in_order};
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

impl Fault {
    /// A field that stands twice in the text, which only the reader of the text can know.
    pub fn duplicate(path: impl Into<String>) -> Fault {
        let path = path.into();
        Fault {
            message: format!("duplicate field {}", super::quoted(&path)),
            kind: FaultKind::DuplicateField,
            nearest: None,
            path,
        }
    }
}

/// Everything wrong with a document of a type, in the order of the document.
pub fn check(value: &Value, of: TypeRef) -> Vec<Fault> {
    let found = Checker::default().checked(value, of);
    found.into_iter().map(Found::fault).collect()
}

/// The same for a document whose text is at hand, in the order of the text and in words for people. `value` is what
/// the node says.
pub fn check_node(node: &Node, value: &Value, of: TypeRef) -> Vec<FieldProblem> {
    let found = Checker::default().checked(value, of);
    in_order(found.iter().map(|it| it.problem(node)).collect())
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

/// A fault before it is put into words.
struct Found<'v> {
    steps: Vec<Step<'v>>,
    what: What<'v>,
}

enum What<'v> {
    /// The type has no such field.
    Unknown(TypeRef),
    /// The value does not have its shape; and that in the server's words.
    Wrong(&'v Value, &'v Shape, String),
    /// The document itself is no object.
    NoObject(String),
}

impl Found<'_> {
    fn fault(self) -> Fault {
        let path = printed(&self.steps);
        let (kind, message, nearest) = match self.what {
            What::Unknown(of) => {
                let nearest = match self.steps.last() {
                    Some(Step::Field(key)) => super::nearest(key, of),
                    _ => None,
                };
                let message = format!("unknown field {}", super::quoted(&path));
                (FaultKind::UnknownField, message, nearest)
            }
            What::Wrong(_, _, message) | What::NoObject(message) => {
                (FaultKind::WrongType, message, None)
            }
        };
        Fault {
            path,
            kind,
            message,
            nearest,
        }
    }

    fn problem(&self, root: &Node) -> FieldProblem {
        let steps = &self.steps;
        let (value, shape) = match &self.what {
            What::Unknown(of) => {
                let names: Vec<&str> = of.fields().iter().map(|it| it.name).collect();
                return FieldProblem::unknown_field(root, steps, &names);
            }
            What::NoObject(_) => return FieldProblem::wrong_type(root, steps, "an object"),
            What::Wrong(value, shape, _) => (*value, *shape),
        };
        let scalar = match shape {
            Shape::Scalar(scalar, _) => *scalar,
            Shape::List(_) => return FieldProblem::wrong_type(root, steps, "a list"),
            _ => return FieldProblem::wrong_type(root, steps, "an object"),
        };
        if let Some((smallest, largest)) = integer_bounds(value, scalar) {
            return FieldProblem::out_of_range(root, steps, smallest, largest);
        }
        match scalar_fault(value, scalar) {
            Some(Err(message)) if value.is_string() => FieldProblem::invalid(root, steps, message),
            _ => FieldProblem::wrong_type(root, steps, expected(scalar)),
        }
    }
}

#[derive(Default)]
struct Checker<'v> {
    found: Vec<Found<'v>>,
    n_unknown: usize,
    steps: Vec<Step<'v>>,
    /// The names of fields on the way, as Go keeps them.
    fields: Vec<&'static str>,
    /// The Go struct last entered.
    inside: Option<&'static str>,
}

impl<'v> Checker<'v> {
    fn checked(mut self, value: &'v Value, of: TypeRef) -> Vec<Found<'v>> {
        match value {
            Value::Null | Value::Object(_) => self.object(value, of, 0),
            _ => {
                let message = self.wrong_type(json_kind(value), &format!("v1.{}", of.name()));
                self.push(What::NoObject(message));
            }
        }
        self.found
    }

    fn object(&mut self, value: &'v Value, of: TypeRef, depth: usize) {
        let Value::Object(map) = value else {
            return;
        };
        let outer = self.inside;
        for (key, value) in map {
            self.steps.push(Step::Field(key));
            match of.field(key) {
                None => self.push(What::Unknown(of)),
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
    fn field(&mut self, value: &'v Value, field: &'static Field, depth: usize) {
        let is_head = depth == 0 && matches!(field.name, "kind" | "apiVersion");
        if is_head && !matches!(value, Value::Null | Value::String(_)) {
            let message = format!(
                "couldn't get version/kind; json parse error: json: cannot unmarshal {} into Go struct field .{} of type string",
                json_kind(value),
                field.name
            );
            return self.push(What::Wrong(value, &field.shape, message));
        }
        self.value(value, &field.shape, depth + 1);
    }

    fn value(&mut self, value: &'v Value, shape: &'static Shape, depth: usize) {
        if value.is_null() || depth > MAX_DEPTH {
            return;
        }
        match (shape, value) {
            (Shape::Free(_), _) => {}
            (Shape::Object(_), Value::Object(_)) => {
                if let Some(of) = shape.object() {
                    self.object(value, of, depth);
                }
            }
            (Shape::List(inner), Value::Array(items)) => {
                for (index, item) in items.iter().enumerate() {
                    self.steps.push(Step::Item(index));
                    self.value(item, inner, depth + 1);
                    self.steps.pop();
                }
            }
            (Shape::Map(inner, _), Value::Object(map)) => {
                for (key, item) in map {
                    self.steps.push(Step::Key(key));
                    self.value(item, inner, depth + 1);
                    self.steps.pop();
                }
            }
            (Shape::List(_) | Shape::Map(..) | Shape::Object(_), _) => {
                let message = self.wrong_type(json_kind(value), &shape.go_type());
                self.push(What::Wrong(value, shape, message));
            }
            (Shape::Scalar(scalar, _), _) => {
                let Some(fault) = scalar_fault(value, *scalar) else {
                    return;
                };
                let message = match fault {
                    Err(message) => message,
                    Ok((found, None)) => self.wrong_type(&found, &shape.go_type()),
                    Ok((found, Some(go_type))) => self.wrong_type(&found, go_type),
                };
                self.push(What::Wrong(value, shape, message));
            }
        }
    }

    fn wrong_type(&self, found: &str, go_type: &str) -> String {
        let place = match self.inside {
            Some(inside) => format!("struct field {inside}.{}", self.fields.join(".")),
            None => "value".to_owned(),
        };
        format!("json: cannot unmarshal {found} into Go {place} of type {go_type}")
    }

    fn push(&mut self, what: What<'v>) {
        let is_unknown = matches!(what, What::Unknown(_));
        let n_alike = match is_unknown {
            true => self.n_unknown,
            false => self.found.len() - self.n_unknown,
        };
        if n_alike < MAX_FAULTS {
            self.n_unknown += usize::from(is_unknown);
            let steps = self.steps.clone();
            self.found.push(Found { steps, what });
        }
    }
}

/// The path as the strict decoder prints it: keys of maps like fields.
fn printed(steps: &[Step<'_>]) -> String {
    let mut path = String::new();
    for step in steps {
        match step {
            Step::Field(key) | Step::Key(key) => {
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(key);
            }
            Step::Item(index) => path.push_str(&format!("[{index}]")),
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
