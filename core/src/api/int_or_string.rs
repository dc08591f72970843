//! A number or a name: Kubernetes' IntOrString.

use crate::record::{Reader, Record};
use serde_json::Value;
use std::fmt;

/// A number, or the name of something that has one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum IntOrString {
    /// A number.
    Int(i32),
    /// A name.
    String(String),
}

impl fmt::Display for IntOrString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            IntOrString::Int(it) => write!(f, "{it}"),
            IntOrString::String(it) => f.write_str(it),
        }
    }
}

impl Default for IntOrString {
    /// As in Go.
    fn default() -> Self {
        IntOrString::Int(0)
    }
}

impl Record for IntOrString {
    fn read<'v>(&mut self, value: &'v Value, reader: &mut Reader<'v>) {
        match value {
            Value::String(name) => *self = IntOrString::String(name.clone()),
            Value::Null | Value::Number(_) => {
                let mut number = 0;
                number.read(value, reader);
                *self = IntOrString::Int(number);
            }
            _ => reader.wrong_type("a number or a name"),
        }
    }

    fn write(&self) -> Value {
        match self {
            IntOrString::Int(it) => (*it).into(),
            IntOrString::String(it) => it.clone().into(),
        }
    }
}
