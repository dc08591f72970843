//! From a tree to a Rust type, with every complaint at its place.
//!
//! Imitates the strict JSON decoding of Kubernetes' API server (sigs.k8s.io/json): names of fields are
//! exact, a null leaves a field as it was, a null in a list or a map is the zero value, 80.0 is the integer
//! 80, and no string becomes a number or the reverse. The tree becomes JSON first, as kubectl sends it; what is
//! found wrong there is looked up in the tree.
//!
//! **Left out**: the server stops at the first wrong type.

use super::json::to_json;
use super::node::{Node, Position, Span, Value, shortened};
use super::refusal;
use super::resolve::resolve;
use super::spelling::{listed, nearest};
use crate::record::{Fault, FaultKind, Reader, Record, Step, in_camel_case, path_of};
use crate::sorted::insert_by;

/// What decoding gave: the value, unless a fault stood in the way, and everything found wrong.
#[derive(Clone, Debug, PartialEq)]
pub struct Decoded<T> {
    /// The value. Unknown fields do not stand in its way, anything else does.
    pub value: Option<T>,
    /// What is wrong, in the order of the text.
    pub problems: Vec<FieldProblem>,
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
    /// The value is of the right type and still means nothing.
    Invalid,
}

/// More problems are not listed.
const MAX_PROBLEMS: usize = 1000;

/// Decodes a node, collecting all that is wrong with it.
pub fn decode<T: Record + Default>(node: &Node) -> Decoded<T> {
    let mut value = T::default();
    let document = to_json(node);
    let mut reader = Reader::default();
    value.read(&document, &mut reader);
    let faults = reader.into_faults();
    let is_sound = !faults.iter().any(Fault::is_wrong);
    Decoded {
        value: is_sound.then_some(value),
        problems: in_order(faults.iter().map(|it| problem(node, it)).collect()),
    }
}

/// Problems in the order of the text, without doubles, and no more than one can read.
pub fn in_order(found: Vec<FieldProblem>) -> Vec<FieldProblem> {
    let mut problems = Vec::new();
    for problem in found {
        insert_by(&mut problems, problem, |a: &FieldProblem, b| {
            (a.position, &a.path).cmp(&(b.position, &b.path))
        });
    }
    problems.dedup();
    if let Some(first_unlisted) = problems.get_mut(MAX_PROBLEMS) {
        first_unlisted.kind = FieldProblemKind::Invalid;
        "there are more, which are not listed".clone_into(&mut first_unlisted.message);
        first_unlisted.hint = None;
        problems.truncate(MAX_PROBLEMS + 1);
    }
    problems
}

fn problem(root: &Node, fault: &Fault<'_>) -> FieldProblem {
    let steps = &fault.steps;
    match fault.kind {
        FaultKind::UnknownField { known } => {
            let known: Vec<String> = known.iter().map(|it| in_camel_case(it)).collect();
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            FieldProblem::unknown_field(root, steps, &known)
        }
        FaultKind::WrongType { expected } => FieldProblem::wrong_type(root, steps, expected),
        FaultKind::OutOfRange { smallest, largest } => {
            FieldProblem::out_of_range(root, steps, smallest, largest)
        }
    }
}

impl FieldProblem {
    /// The type has no such field, but these.
    pub fn unknown_field(root: &Node, steps: &[Step<'_>], known: &[&str]) -> FieldProblem {
        let (_, span) = place(root, steps, Part::Key);
        let path = path_of(steps);
        let key = match steps.last() {
            Some(Step::Field(key) | Step::Key(key)) => key,
            Some(Step::Item(_)) | None => "",
        };
        FieldProblem {
            position: span.start,
            span,
            kind: FieldProblemKind::UnknownField,
            message: format!("unknown field \"{path}\""),
            hint: nearest(key, known).or_else(|| listed("fields here are", known)),
            path,
        }
    }

    /// The value is not what belongs there: `an integer`.
    pub fn wrong_type(root: &Node, steps: &[Step<'_>], expected: &str) -> FieldProblem {
        let (node, _) = place(root, steps, Part::Value);
        let found = node.describe();
        let message = format!("expected {expected}, found {found}");
        let kind = FieldProblemKind::WrongType {
            expected: expected.to_owned(),
            found,
        };
        FieldProblem {
            kind,
            hint: advice(node, expected),
            ..FieldProblem::invalid(root, steps, message)
        }
    }

    /// The integer is not within its bounds.
    pub fn out_of_range(
        root: &Node,
        steps: &[Step<'_>],
        smallest: i64,
        largest: i64,
    ) -> FieldProblem {
        let (node, _) = place(root, steps, Part::Value);
        let source = node.source().unwrap_or_default();
        let message = format!("{source} is out of range: must be between {smallest} and {largest}");
        FieldProblem::invalid(root, steps, message)
    }

    /// The value means nothing, for a reason of its own.
    pub fn invalid(root: &Node, steps: &[Step<'_>], message: String) -> FieldProblem {
        let (_, span) = place(root, steps, Part::Value);
        FieldProblem {
            path: path_of(steps),
            position: span.start,
            span,
            kind: FieldProblemKind::Invalid,
            message,
            hint: None,
        }
    }

    /// Whether it stands in the way of the object.
    pub fn is_wrong(&self) -> bool {
        self.kind != FieldProblemKind::UnknownField
    }
}

/// What of an entry is meant.
#[derive(Clone, Copy)]
enum Part {
    Key,
    Value,
}

/// The node at the end of the steps, or the last on the way that is there.
fn place<'n>(root: &'n Node, steps: &[Step<'_>], part: Part) -> (&'n Node, Span) {
    let mut at = (root, root.span);
    for step in steps {
        let next = match (step, &at.0.value) {
            (Step::Field(key) | Step::Key(key), Value::Mapping(mapping)) => {
                mapping.entry(key).map(|it| match part {
                    Part::Key => (&it.node, it.key_span),
                    Part::Value => (&it.node, it.node.span),
                })
            }
            (Step::Item(n), Value::Sequence(items)) => items.get(*n).map(|it| (it, it.span)),
            _ => None,
        };
        let Some(next) = next else { break };
        at = next;
    }
    at
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
