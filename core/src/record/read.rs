//! Reading: a walk through a document and a struct at once, with every fault and the way to it.
//!
//! Imitates `json.Unmarshal`, except that it goes on after a value of a wrong type.
//!
//! **Left out**: Go takes a field's name in any case of letters; the API server does not, and neither does this.

use super::{Fields, List, Record, Step, path_of};
use serde_json::Value;
use std::collections::BTreeMap;

/// More values of wrong types are not listed.
const MAX_WRONG: usize = 20;
/// More unknown fields are not listed.
pub(super) const MAX_UNKNOWN: usize = 1000;

/// Something that a type cannot take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault<'v> {
    /// The way to it.
    pub steps: Vec<Step<'v>>,
    /// What it is.
    pub kind: FaultKind,
}

/// The kinds of faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// The struct has no field of that name.
    UnknownField {
        /// The names of the fields it has, as [`Fields::names`] gives them.
        known: &'static [&'static str],
    },
    /// The value is of another type.
    WrongType {
        /// What belongs there: `an integer`.
        expected: &'static str,
    },
    /// The integer does not fit.
    OutOfRange {
        /// The smallest that does.
        smallest: i64,
        /// The largest that does.
        largest: i64,
    },
}

/// Why a document is not one of its type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {message}")]
pub struct Misread {
    /// The field: `spec.ports[0].port`.
    pub path: String,
    /// What is wrong with it: `expected an integer, found "x"`.
    pub message: String,
}

/// A record out of a document; fields it does not know are passed over.
///
/// # Errors
/// The first value of a wrong type.
pub fn read<T: Record + Default>(document: &Value) -> Result<T, Misread> {
    let mut it = T::default();
    read_into(&mut it, document)?;
    Ok(it)
}

/// The same for a record that is there.
///
/// # Errors
/// The first value of a wrong type.
pub fn read_into(record: &mut dyn Record, document: &Value) -> Result<(), Misread> {
    let mut reader = Reader::default();
    record.read(document, &mut reader);
    let wrong = reader.faults.iter().find(|it| it.is_wrong());
    wrong.map_or(Ok(()), |it| Err(it.misread(document)))
}

/// A walk through a document.
#[derive(Debug, Default)]
pub struct Reader<'v> {
    steps: Vec<Step<'v>>,
    faults: Vec<Fault<'v>>,
    n_unknown: usize,
    n_wrong: usize,
}

impl<'v> Reader<'v> {
    /// What was found, in the order of the document.
    pub fn into_faults(self) -> Vec<Fault<'v>> {
        self.faults
    }

    /// Reads an object into a struct.
    pub fn structure(&mut self, value: &'v Value, of: &mut dyn Fields) {
        let entries = match value {
            Value::Null => return,
            Value::Object(entries) => entries,
            _ => return self.wrong_type("an object"),
        };
        let known = of.names();
        for (key, value) in entries {
            self.steps.push(Step::Field(key));
            let n = known.iter().position(|it| is_named(key, it));
            match n.and_then(|it| of.field_mut(it)) {
                Some(field) => field.read(value, self),
                None => self.unknown_field(known),
            }
            self.steps.pop();
        }
    }

    /// Reads a list.
    pub(super) fn list(&mut self, value: &'v Value, list: &mut dyn List) {
        let items = match value {
            Value::Null => return,
            Value::Array(items) => items,
            _ => return self.wrong_type("a list"),
        };
        for (n, item) in items.iter().enumerate() {
            self.steps.push(Step::Item(n));
            if let Some(added) = list.added() {
                added.read(item, self);
            }
            self.steps.pop();
        }
    }

    /// Reads a map of texts.
    pub(super) fn texts(&mut self, value: &'v Value, texts: &mut BTreeMap<String, String>) {
        let entries = match value {
            Value::Null => return,
            Value::Object(entries) => entries,
            _ => return self.wrong_type("an object"),
        };
        for (key, value) in entries {
            self.steps.push(Step::Key(key));
            let mut text = String::new();
            text.read(value, self);
            texts.insert(key.clone(), text);
            self.steps.pop();
        }
    }

    /// An integer between two bounds.
    pub fn integer(&mut self, value: &Value, smallest: i64, largest: i64) -> Option<i64> {
        let number = match value {
            Value::Null => return None,
            Value::Number(number) if !number.is_f64() => number.as_i64(),
            _ => {
                self.wrong_type("an integer");
                return None;
            }
        };
        let fitting = number.filter(|it| (smallest..=largest).contains(it));
        if fitting.is_none() {
            self.wrong(FaultKind::OutOfRange { smallest, largest });
        }
        fitting
    }

    /// Notes that the value is of another type.
    pub fn wrong_type(&mut self, expected: &'static str) {
        self.wrong(FaultKind::WrongType { expected });
    }

    #[cold]
    fn wrong(&mut self, kind: FaultKind) {
        self.n_wrong += 1;
        if self.n_wrong <= MAX_WRONG {
            let steps = self.steps.clone();
            self.faults.push(Fault { steps, kind });
        }
    }

    fn unknown_field(&mut self, known: &'static [&'static str]) {
        self.n_unknown += 1;
        // One more than is listed, so that it shows that there are more.
        if self.n_unknown <= MAX_UNKNOWN + 1 {
            let steps = self.steps.clone();
            let kind = FaultKind::UnknownField { known };
            self.faults.push(Fault { steps, kind });
        }
    }
}

impl Fault<'_> {
    /// Whether the value cannot be taken; an unknown field is only passed over.
    pub fn is_wrong(&self) -> bool {
        !matches!(self.kind, FaultKind::UnknownField { .. })
    }

    fn misread(&self, document: &Value) -> Misread {
        let mut at = document;
        for step in &self.steps {
            at = match step {
                Step::Field(name) | Step::Key(name) => &at[*name],
                Step::Item(n) => &at[*n],
            };
        }
        let message = match self.kind {
            FaultKind::WrongType { expected } => format!("expected {expected}, found {at}"),
            FaultKind::OutOfRange { smallest, largest } => {
                format!("{at} is out of range: must be between {smallest} and {largest}")
            }
            FaultKind::UnknownField { .. } => "unknown field".to_owned(),
        };
        let path = path_of(&self.steps);
        Misread { path, message }
    }
}

/// Whether a key is the name of a field: `clusterIP`, or `targetPort` for `target_port`.
fn is_named(key: &str, name: &str) -> bool {
    let mut key = key.bytes();
    let mut begins_word = false;
    for letter in name.bytes() {
        if letter == b'_' {
            begins_word = true;
            continue;
        }
        let expected = if begins_word {
            letter.to_ascii_uppercase()
        } else {
            letter
        };
        begins_word = false;
        if key.next() != Some(expected) {
            return false;
        }
    }
    key.next().is_none()
}
