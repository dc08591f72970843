//! From a tree to a Rust type, with every complaint at its place.
//!
//! Imitates the strict JSON decoding of Kubernetes' API server (sigs.k8s.io/json): names of fields are
//! exact, a null leaves a field as it was, a null in a list or a map is the zero value, 80.0 is the integer
//! 80, and no string becomes a number or the reverse.
//!
//! **Left out.** The server stops at the first wrong type; here decoding is repeated without the value at
//! fault, a limited number of times, so that several are found. In a type with `#[serde(flatten)]` unknown
//! fields pass unseen and null is not the same as absent: serde does not say which fields it knows. So does
//! an untagged enum hide the place of a fault inside it.

use std::fmt;

use serde::de::{DeserializeOwned, Expected, Unexpected};

use super::decoder::Decoder;
use super::node::{Entry, Node, Position, Span, Value, shortened, shortened_to};
use super::path::{push_bracketed, push_field};
use super::refusal;
use super::resolve::resolve;
use super::spelling::{listed, nearest};
use crate::sorted::insert_by;

/// What decoding gave: the value, unless a fault stood in the way, and everything found wrong.
#[derive(Clone, Debug, PartialEq)]
pub struct Decoded<T> {
    /// The value. Unknown fields do not stand in its way, anything else does.
    pub value: Option<T>,
    /// What is wrong, in the order of the text.
    pub problems: Vec<FieldProblem>,
}

impl<T> Decoded<T> {
    /// The same about something made of the value.
    pub fn map<U>(self, make: impl FnOnce(T) -> U) -> Decoded<U> {
        Decoded {
            value: self.value.map(make),
            problems: self.problems,
        }
    }
}

/// Something wrong with a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldProblem {
    /// The field: `spec.ports[0].port`, `metadata.labels[app.kubernetes.io/name]`.
    pub path: String,
    /// The place to look at: the key of an unknown field, the value otherwise.
    pub position: Position,
    /// The text to underline; it begins at the position.
    pub span: Span,
    /// What kind of fault it is.
    pub kind: FieldProblemKind,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// The kinds of faults in fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldProblemKind {
    /// The type has no field of that name. The value is decoded without it.
    UnknownField,
    /// The value is of another type.
    WrongType {
        /// What belongs there: `an integer`.
        expected: String,
        /// What is there: `the string "eighty"`.
        found: String,
    },
    /// A field that must be there is absent or null; the path is that of the object it is missing from.
    Missing {
        /// Its name.
        field: String,
    },
    /// The value is of the right type and still means nothing.
    Invalid,
}

/// Decoding is repeated at most this often to find further faults.
const MAX_FAULTS: usize = 20;
/// More problems are not listed.
const MAX_PROBLEMS: usize = 1000;
/// Longer keys are cut in paths. No valid key of Kubernetes is longer.
const MAX_KEY: usize = 320;

/// Decodes a node, collecting all that is wrong with it.
pub fn decode<T: DeserializeOwned>(node: &Node) -> Decoded<T> {
    let mut context = Context {
        steps: Vec::new(),
        skipped: Vec::new(),
        problems: Vec::new(),
    };
    let mut outcome = None;
    for round in 0..=MAX_FAULTS {
        context.steps.clear();
        let decoder = Decoder::new(node, &mut context);
        match T::deserialize(decoder) {
            Ok(value) => {
                outcome = (round == 0).then_some(value);
                break;
            }
            Err(fault) => {
                let fault = fault.locate(node, &context);
                if !context.report(fault, node) {
                    break;
                }
            }
        }
    }
    Decoded {
        value: outcome,
        problems: context.finish(),
    }
}

/// A step on the way down to the current node.
#[derive(Clone, Copy)]
pub(super) enum Step<'n> {
    Field(&'n str),
    Key(&'n str),
    Item(usize),
}

pub(super) struct Context<'n> {
    pub(super) steps: Vec<Step<'n>>,
    /// Values at fault, already reported, that are passed over.
    skipped: Vec<&'n Node>,
    problems: Vec<FieldProblem>,
}

impl<'n> Context<'n> {
    pub(super) fn skips(&self, node: &Node) -> bool {
        self.skipped.iter().any(|it| std::ptr::eq(*it, node))
    }

    pub(super) fn path(&self) -> String {
        let mut path = String::new();
        for step in &self.steps {
            match step {
                Step::Field(name) => push_field(&mut path, &shortened_to(name, MAX_KEY)),
                Step::Key(key) => push_bracketed(&mut path, &shortened_to(key, MAX_KEY)),
                Step::Item(index) => push_bracketed(&mut path, &index.to_string()),
            }
        }
        path
    }

    pub(super) fn unknown_field(&mut self, entry: &'n Entry, known: &[&str]) {
        let path = self.path();
        let message = format!("unknown field \"{path}\"");
        let hint = nearest(&entry.key, known).or_else(|| listed("fields here are", known));
        self.push(FieldProblem {
            path,
            position: entry.key_span.start,
            span: entry.key_span,
            kind: FieldProblemKind::UnknownField,
            message,
            hint,
        });
    }

    fn push(&mut self, problem: FieldProblem) {
        match self.problems.len() {
            n if n < MAX_PROBLEMS => self.problems.push(problem),
            MAX_PROBLEMS => self.problems.push(FieldProblem {
                kind: FieldProblemKind::Invalid,
                message: "there are more, which are not listed".to_owned(),
                hint: None,
                ..problem
            }),
            _ => {}
        }
    }

    /// Lists a fault and has its value passed over next time. False when there is no next time.
    fn report(&mut self, fault: Fault<'n>, root: &'n Node) -> bool {
        let Details {
            kind,
            message,
            hint,
            place,
        } = *fault.0;
        let Some(Place { node, span, path }) = place else {
            return false;
        };
        if !self.is_our_own_doing(&kind, node) {
            self.push(FieldProblem {
                path,
                position: span.start,
                span,
                kind,
                message,
                hint,
            });
        }
        if std::ptr::eq(node, root) || self.skips(node) {
            return false;
        }
        self.skipped.push(node);
        true
    }

    /// Whether a field is missing only because it was passed over.
    fn is_our_own_doing(&self, kind: &FieldProblemKind, node: &Node) -> bool {
        let FieldProblemKind::Missing { field } = kind else {
            return false;
        };
        node.get(field).is_some_and(|it| self.skips(it))
    }

    fn finish(self) -> Vec<FieldProblem> {
        let mut problems = Vec::new();
        for problem in self.problems {
            insert_by(&mut problems, problem, |a, b| {
                (a.position, &a.path).cmp(&(b.position, &b.path))
            });
        }
        problems.dedup();
        problems
    }
}

/// An error on its way up, with its place once that is known.
#[derive(Debug)]
pub(super) struct Fault<'n>(Box<Details<'n>>);

#[derive(Debug)]
struct Details<'n> {
    kind: FieldProblemKind,
    message: String,
    hint: Option<String>,
    place: Option<Place<'n>>,
}

#[derive(Debug)]
struct Place<'n> {
    node: &'n Node,
    span: Span,
    path: String,
}

impl<'n> Fault<'n> {
    fn new(kind: FieldProblemKind, message: String, hint: Option<String>) -> Fault<'n> {
        Fault(Box::new(Details {
            kind,
            message,
            hint,
            place: None,
        }))
    }

    fn wrong_type(expected: &str, found: String, hint: Option<String>) -> Fault<'n> {
        let message = format!("expected {expected}, found {found}");
        let kind = FieldProblemKind::WrongType {
            expected: expected.to_owned(),
            found,
        };
        Fault::new(kind, message, hint)
    }

    /// Notes where the fault lies, unless that was noted further down.
    #[cold]
    pub(super) fn locate(mut self, node: &'n Node, context: &Context<'n>) -> Fault<'n> {
        if self.0.place.is_none() {
            if let FieldProblemKind::WrongType { expected, .. } = &self.0.kind
                && self.0.hint.is_none()
                && node.as_sequence().is_none()
                && node.as_mapping().is_none()
            {
                // The node knows what was written, which serde does not.
                self = wrong_type(node, &expected.clone());
            }
            self.0.place = Some(Place {
                node,
                span: node.span,
                path: context.path(),
            });
        }
        self
    }
}

impl<'n> Fault<'n> {
    /// Notes that the fault lies in a key.
    #[cold]
    pub(super) fn locate_key(mut self, entry: &'n Entry, context: &Context<'n>) -> Fault<'n> {
        let (node, span) = (&entry.node, entry.key_span);
        self.0.place = Some(Place {
            node,
            span,
            path: context.path(),
        });
        self
    }
}

impl fmt::Display for Fault<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for Fault<'_> {}

impl serde::de::Error for Fault<'_> {
    fn custom<M: fmt::Display>(message: M) -> Self {
        Fault::new(FieldProblemKind::Invalid, message.to_string(), None)
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Fault::wrong_type(
            &kubernetes_type(&expected.to_string()),
            described(found),
            None,
        )
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Fault::custom(format_args!(
            "invalid value: {}, expected {}",
            described(found),
            kubernetes_type(&expected.to_string())
        ))
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        let message = format!("unsupported value: \"{}\"", shortened(variant));
        let hint = nearest(variant, expected).or_else(|| listed("supported values are", expected));
        Fault::new(FieldProblemKind::Invalid, message, hint)
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        let hint = nearest(field, expected);
        Fault::new(
            FieldProblemKind::UnknownField,
            format!("unknown field \"{field}\""),
            hint,
        )
    }

    fn missing_field(field: &'static str) -> Self {
        let kind = FieldProblemKind::Missing {
            field: field.to_owned(),
        };
        Fault::new(kind, format!("required field \"{field}\" is missing"), None)
    }
}

/// serde's name of a type in Kubernetes' words.
fn kubernetes_type(expected: &str) -> String {
    let name = match expected {
        "i8" | "i16" | "i32" | "i64" | "u8" | "u16" | "u32" | "u64" | "usize" | "isize" => {
            "an integer"
        }
        "f32" | "f64" => "a number",
        "a sequence" => "a list",
        "a map" => "an object",
        _ if expected.starts_with("struct ") => "an object",
        other => other,
    };
    name.to_owned()
}

fn described(found: Unexpected<'_>) -> String {
    match found {
        Unexpected::Bool(value) => format!("the boolean {value}"),
        Unexpected::Unsigned(value) => format!("the integer {value}"),
        Unexpected::Signed(value) => format!("the integer {value}"),
        Unexpected::Float(value) => format!("the number {value}"),
        Unexpected::Str(text) => format!("the string \"{}\"", shortened(text)),
        Unexpected::Unit | Unexpected::Option => "null".to_owned(),
        Unexpected::Seq => "a list".to_owned(),
        Unexpected::Map => "an object".to_owned(),
        other => other.to_string(),
    }
}

#[cold]
pub(super) fn wrong_type<'n>(node: &Node, expected: &str) -> Fault<'n> {
    Fault::wrong_type(expected, node.describe(), advice(node, expected))
}

/// How to turn what is there into what belongs there.
fn advice(node: &Node, expected: &str) -> Option<String> {
    match &node.value {
        Value::Bool(value) if expected == "a string" => {
            let source = node.source().unwrap_or_default();
            let meaning = if source == value.to_string() {
                String::new()
            } else {
                format!("without quotes {source} means {value}; ")
            };
            Some(format!("{meaning}quote it: \"{source}\""))
        }
        Value::Integer(_) | Value::Unsigned(_) | Value::Float(_) if expected == "a string" => Some(
            format!("quote it: \"{}\"", node.source().unwrap_or_default()),
        ),
        Value::String(text) => match (expected, resolve(text)) {
            ("an integer", Value::Integer(_) | Value::Unsigned(_))
            | ("a number", Value::Integer(_) | Value::Unsigned(_) | Value::Float(_))
            | ("a boolean", Value::Bool(_)) => Some(format!("remove the quotes: {text}")),
            ("an object", _) if !text.contains(' ') && text.contains(':') => {
                Some(refusal::spaced(text))
            }
            ("an object", _) => {
                Some("write the fields on the lines below, indented by two spaces".to_owned())
            }
            ("a list", _) => Some(format!("write it as a list item: - {}", shortened(text))),
            _ => None,
        },
        Value::Mapping(_) if expected == "a list" => {
            Some("begin each item of the list with \"- \"".to_owned())
        }
        Value::Sequence(_) if expected == "an object" => {
            Some("remove the \"- \" before it: this is not a list".to_owned())
        }
        _ => None,
    }
}
