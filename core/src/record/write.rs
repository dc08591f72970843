//! Writing: what a struct's document says.
//!
//! Imitates encoding/json with `omitempty` on every field.
//!
//! **Left out**: the fields that Go prints even when they are empty, but for [`KEPT_EMPTY`]; a zero or an empty text that
//! is no option is written, as a mistake to be seen.

use super::{Fields, List};
use serde_json::{Map, Value};

/// Fields that Go prints even when nothing is in them.
const KEPT_EMPTY: [&str; 1] = ["load_balancer"];

/// The document of a struct.
pub(crate) fn structure(of: &dyn Fields) -> Value {
    let mut out = Map::new();
    for (n, name) in of.names().iter().enumerate() {
        let value = of.field(n).map_or(Value::Null, |it| it.write());
        let is_absent = match &value {
            Value::Null => true,
            Value::Array(it) => it.is_empty(),
            Value::Object(it) => it.is_empty() && !KEPT_EMPTY.contains(name),
            _ => false,
        };
        if !is_absent {
            out.insert(in_camel_case(name), value);
        }
    }
    Value::Object(out)
}

/// The document of a list. Empty objects stay in it: they mean something there.
pub(super) fn list(list: &dyn List) -> Value {
    let mut out = Vec::new();
    while let Some(item) = list.item(out.len()) {
        out.push(item.write());
    }
    Value::Array(out)
}

/// `targetPort` for `target_port`.
pub(crate) fn in_camel_case(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut begins_word = false;
    for letter in name.chars() {
        if letter == '_' {
            begins_word = true;
        } else if begins_word {
            out.push(letter.to_ascii_uppercase());
            begins_word = false;
        } else {
            out.push(letter);
        }
    }
    out
}
