//! A document as the server stores and prints it: what Go makes of it by decoding and encoding it again.
//!
//! Imitates encoding/json with the tags of `k8s.io/api` 1.36: unknown fields and nulls are gone, what is empty is left out unless a
//! pointer holds it or its tag keeps it, and structs that are no pointers are always there (`"status":{"loadBalancer":{}}`).
//!
//! **Left out**: the other spellings of a quantity or a time, which stay as they were written; a time that is absent, which some
//! types print as null.

use super::check::MAX_DEPTH;
use super::table::{Field, Scalar, Shape, TypeRef};
use crate::sorted::gathered;
use serde_json::{Map, Value};

/// The document as Go would encode it. Values of wrong types are kept as they are.
pub fn encoded(value: &Value, of: TypeRef) -> Value {
    structure(value, of, 0)
}

fn structure(value: &Value, of: TypeRef, depth: usize) -> Value {
    let empty = Map::new();
    let map = match value {
        Value::Object(map) => map,
        Value::Null => &empty,
        other => return other.clone(),
    };
    let mut out = Map::new();
    if depth > MAX_DEPTH {
        return Value::Object(out);
    }
    for field in of.fields() {
        let value = map.get(field.name).filter(|it| !it.is_null());
        if let Some(value) = field_value(value, field, depth) {
            out.insert(field.name.to_owned(), value);
        }
    }
    Value::Object(out)
}

fn field_value(value: Option<&Value>, field: &Field, depth: usize) -> Option<Value> {
    let is_struct = matches!(&field.shape, Shape::Object(_));
    let Some(value) = value else {
        return match &field.shape {
            Shape::Object(_) if !field.is_pointer => field
                .shape
                .object()
                .map(|it| structure(&Value::Null, it, depth + 1)),
            _ if field.is_pointer => field.always_printed.then_some(Value::Null),
            // Structs to Go, which `omitempty` does not reach.
            Shape::Scalar(Scalar::IntOrString | Scalar::Quantity, _) => Some(zero(&field.shape)),
            _ if !field.always_printed => None,
            shape => Some(zero(shape)),
        };
    };
    let value = converted(value, &field.shape, depth + 1);
    let is_kept =
        field.is_pointer || field.always_printed || is_struct || !is_zero(&value, &field.shape);
    is_kept.then_some(value)
}

fn converted(value: &Value, shape: &Shape, depth: usize) -> Value {
    match (shape, value) {
        _ if depth > MAX_DEPTH => Value::Null,
        (Shape::Object(_), _) => match shape.object() {
            Some(of) => structure(value, of, depth),
            None => value.clone(),
        },
        (Shape::List(inner), Value::Array(items)) => {
            Value::Array(items.iter().map(|it| item(it, inner, depth)).collect())
        }
        (Shape::Map(inner, _), Value::Object(map)) => {
            let entries = map.iter();
            Value::Object(gathered(
                entries.map(|(key, it)| (key.clone(), item(it, inner, depth))),
            ))
        }
        // Go takes 80.0 for an integer where JSON had one to give.
        _ => value.clone(),
    }
}

fn item(value: &Value, shape: &Shape, depth: usize) -> Value {
    match shape {
        Shape::Object(_) => converted(value, shape, depth + 1),
        _ if value.is_null() => zero(shape),
        _ => converted(value, shape, depth + 1),
    }
}

fn zero(shape: &Shape) -> Value {
    match shape {
        Shape::Scalar(Scalar::String, _) => Value::from(""),
        Shape::Scalar(Scalar::Quantity, _) => Value::from("0"),
        Shape::Scalar(Scalar::Int32 | Scalar::Int64 | Scalar::Float64 | Scalar::IntOrString, _) => {
            Value::from(0)
        }
        Shape::Scalar(Scalar::Bool, _) => Value::from(false),
        _ => Value::Null,
    }
}

/// Whether `omitempty` leaves a value out. IntOrString, Quantity and Time are structs to Go: they stay.
fn is_zero(value: &Value, shape: &Shape) -> bool {
    match (shape, value) {
        (
            Shape::Scalar(
                Scalar::IntOrString | Scalar::Quantity | Scalar::Time | Scalar::MicroTime,
                _,
            ),
            _,
        ) => false,
        (_, Value::Null) => true,
        (_, Value::Bool(it)) => !it,
        (_, Value::Number(it)) => it.as_f64() == Some(0.0),
        (_, Value::String(it)) => it.is_empty(),
        (_, Value::Array(it)) => it.is_empty(),
        (_, Value::Object(it)) => it.is_empty(),
    }
}
