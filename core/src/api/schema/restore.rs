//! Whether a patched document can become its Go type again, in the words used for patches.
//!
//! Imitates `runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation` (`k8s.io/apimachinery` 1.36), which
//! the API server uses after a strategic merge patch: it walks the Go struct, field by field, and stops at
//! the first value it cannot convert.
//!
//! **Left out**: the random order in which Go walks maps; here it is the order of the keys.

use super::check::MAX_DEPTH;
use super::literal::scalar_fault;
use super::table::{Scalar, Shape, TypeRef};
use serde_json::Value;

/// The unknown fields of a patched document, worded as the strict decoder words them: those of inner objects first.
///
/// # Errors
/// Why a value cannot be taken: `unrecognized type: int32`, `cannot restore slice from map`.
pub fn restore(value: &Value, of: TypeRef) -> Result<Vec<String>, String> {
    let mut unknown = Vec::new();
    structure(value, of, "", 0, &mut unknown)?;
    Ok(unknown)
}

fn structure(
    value: &Value,
    of: TypeRef,
    path: &str,
    depth: usize,
    unknown: &mut Vec<String>,
) -> Result<(), String> {
    let Value::Object(map) = value else {
        return Err(format!("cannot restore struct from: {}", go_kind(value)));
    };
    for field in of.fields() {
        if let Some(value) = map.get(field.name) {
            let path = joined(path, field.name);
            converted(value, &field.shape, &path, depth + 1, unknown)?;
        }
    }
    for key in map.keys().filter(|it| of.field(it).is_none()) {
        unknown.push(format!(
            "unknown field {}",
            super::quoted(&joined(path, key))
        ));
    }
    Ok(())
}

fn converted(
    value: &Value,
    shape: &Shape,
    path: &str,
    depth: usize,
    unknown: &mut Vec<String>,
) -> Result<(), String> {
    if value.is_null() || depth > MAX_DEPTH {
        return Ok(());
    }
    match (shape, value) {
        (Shape::Free(_), _) => Ok(()),
        (Shape::Object(_), _) => match shape.object() {
            Some(of) => structure(value, of, path, depth, unknown),
            None => Ok(()),
        },
        (Shape::List(inner), Value::Array(items)) => {
            for (index, item) in items.iter().enumerate() {
                converted(item, inner, &format!("{path}[{index}]"), depth + 1, unknown)?;
            }
            Ok(())
        }
        (Shape::List(_), _) => Err(format!("cannot restore slice from {}", go_kind(value))),
        (Shape::Map(inner, _), Value::Object(map)) => {
            for (key, item) in map {
                converted(item, inner, &joined(path, key), depth + 1, unknown)?;
            }
            Ok(())
        }
        (Shape::Map(..), _) => Err(format!("cannot restore map from {}", go_kind(value))),
        (Shape::Scalar(scalar, _), _) => scalar_converted(value, *scalar, shape),
    }
}

/// Types with an `UnmarshalJSON` of their own word it as in a body; plain ones as the converter does.
fn scalar_converted(value: &Value, scalar: Scalar, shape: &Shape) -> Result<(), String> {
    let Some(fault) = scalar_fault(value, scalar) else {
        return Ok(());
    };
    let has_its_own = matches!(
        scalar,
        Scalar::IntOrString | Scalar::Quantity | Scalar::Time | Scalar::MicroTime
    );
    match fault {
        Err(message) => return Err(message),
        Ok((found, go_type)) if has_its_own => {
            let go_type = go_type.unwrap_or("string");
            return Err(format!(
                "json: cannot unmarshal {found} into Go value of type {go_type}"
            ));
        }
        Ok(_) => {}
    }
    if scalar == Scalar::Bytes {
        return Err(format!("cannot restore slice from {}", go_kind(value)));
    }
    let plain = match scalar {
        Scalar::Int32 => "int32",
        Scalar::Int64 => "int64",
        Scalar::Bool => "bool",
        Scalar::Float64 => "float64",
        _ => "string",
    };
    // Go can turn an integer into a text of one character, and one number into another; JSON cannot.
    let convertible = match (plain, value) {
        ("string", Value::Number(it)) => !it.is_f64(),
        ("int32" | "int64" | "float64", Value::Number(_)) => true,
        _ => false,
    };
    if !convertible {
        return Err(format!("unrecognized type: {plain}"));
    }
    if matches!(value, Value::Number(it) if is_whole(it)) {
        return Ok(());
    }
    Err(format!(
        "cannot convert {} to {}",
        go_kind(value),
        shape.go_type()
    ))
}

/// A float without a fraction, which Go takes for an integer.
fn is_whole(number: &serde_json::Number) -> bool {
    number.is_f64() && number.as_f64().is_some_and(|it| it.fract() == 0.0)
}

fn joined(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

/// The kind of a value as Go's reflection names it.
pub(super) fn go_kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "invalid",
        Value::Bool(_) => "bool",
        Value::Number(it) if it.is_f64() => "float64",
        Value::Number(_) => "int64",
        Value::String(_) => "string",
        Value::Array(_) => "slice",
        Value::Object(_) => "map",
    }
}

/// A document as Go's `%v` prints it: `map[spec:map[ports:[map[port:80]]]]`.
pub fn go_print(value: &Value) -> String {
    let mut out = String::new();
    print(value, 0, &mut out);
    out
}

fn print(value: &Value, depth: usize, out: &mut String) {
    if depth > MAX_DEPTH {
        return;
    }
    match value {
        Value::Null => out.push_str("<nil>"),
        Value::String(text) => out.push_str(text),
        Value::Array(items) => {
            out.push('[');
            for (n, item) in items.iter().enumerate() {
                if n > 0 {
                    out.push(' ');
                }
                print(item, depth + 1, out);
            }
            out.push(']');
        }
        Value::Object(map) => {
            out.push_str("map[");
            for (n, (key, item)) in map.iter().enumerate() {
                if n > 0 {
                    out.push(' ');
                }
                out.push_str(key);
                out.push(':');
                print(item, depth + 1, out);
            }
            out.push(']');
        }
        Value::Bool(_) | Value::Number(_) => out.push_str(&value.to_string()),
    }
}
