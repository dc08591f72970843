//! What the API says of its types and fields, as `kubectl explain` prints it.
//!
//! Imitates the descriptions in the OpenAPI documents that the API server of Kubernetes 1.36 serves, with the possible values of
//! enumerations that it adds to them. `descriptions.txt` says where its texts come from; they are there with the feature
//! `descriptions`, for a page that does not explain anything need not carry them.
//!
//! **Left out**: what other versions said: all worlds are explained in the words of 1.36; custom resources.

use super::table::{Field, Member, Scalar, Shape, Type, type_named};
use crate::sorted::gathered;
use std::collections::BTreeMap;
use std::sync::OnceLock;

#[cfg(feature = "descriptions")]
static TEXT: &str = include_str!("descriptions.txt");
#[cfg(not(feature = "descriptions"))]
static TEXT: &str = "";

/// What is said of a type; empty where nothing is.
pub fn of_type(of: &Type) -> String {
    of_block(&format!("={}", of.id()))
}

/// What is said of the type of a value that is no struct; empty where nothing is.
pub fn of_shape(shape: &Shape) -> String {
    let name = match shape {
        Shape::Scalar(Scalar::IntOrString, _) => "IntOrString",
        Shape::Scalar(Scalar::Quantity, _) => "Quantity",
        Shape::Scalar(Scalar::Time, _) => "Time",
        Shape::Scalar(Scalar::MicroTime, _) => "MicroTime",
        Shape::Free(_) => free_name(shape),
        Shape::Object(_) => return shape.object().map(of_type).unwrap_or_default(),
        _ => return String::new(),
    };
    of_block(&format!("={name}"))
}

/// The name of a type that may hold anything: `FieldsV1`, `RawExtension`.
pub fn free_name(shape: &Shape) -> &'static str {
    match shape {
        Shape::Free(name) if name.0.contains("FieldsV1") => "FieldsV1",
        _ => "RawExtension",
    }
}

/// What is said of a field of a type, with its possible values; empty where nothing is.
pub fn of_field(of: &Type, field: &Field) -> String {
    let mut text = said_of(of, field.name).unwrap_or_default();
    let values = values(&field.shape);
    if !values.is_empty() {
        text.push_str("\n\nPossible enum values:");
    }
    for (value, meaning) in values {
        text.push_str(&format!("\n - `\"{value}\"`"));
        if !meaning.is_empty() {
            text.push_str(&format!(" {meaning}"));
        }
    }
    text
}

/// The values that a scalar can have, where they are an enumeration, and what each means.
pub fn values(shape: &Shape) -> Vec<(&'static str, &'static str)> {
    let Shape::Scalar(Scalar::String, name) = shape else {
        return Vec::new();
    };
    let block = block(&format!("^{}", name.0)).unwrap_or_default();
    let values = block.lines().filter_map(|it| {
        let (value, meaning) = it.strip_prefix('"')?.split_once('"')?;
        Some((value, meaning.trim_start()))
    });
    values.collect()
}

fn said_of(of: &Type, name: &str) -> Option<String> {
    let lines = block(&format!("={}", of.id())).unwrap_or_default().lines();
    for line in lines.skip(1) {
        if let Some(text) = line.strip_prefix(name).and_then(|it| it.strip_prefix(' ')) {
            return Some(unescaped(text));
        }
    }
    of.members().iter().find_map(|it| match it {
        Member::Inline { name: inner, .. } => said_of(type_named(inner)?, name),
        Member::Field(_) => None,
    })
}

fn of_block(head: &str) -> String {
    let first = block(head).and_then(|it| it.lines().next());
    unescaped(first.unwrap_or_default())
}

/// The lines under a head, by the head.
fn block(head: &str) -> Option<&'static str> {
    static BLOCKS: OnceLock<BTreeMap<&str, &str>> = OnceLock::new();
    let blocks = BLOCKS.get_or_init(|| gathered(blocks(TEXT)));
    blocks.get(head).copied()
}

fn blocks(text: &'static str) -> Vec<(&'static str, &'static str)> {
    let is_head = |line: &str| line.starts_with(['=', '^']);
    let mut heads: Vec<(&str, usize, usize)> = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if is_head(line) {
            heads.push((line.trim_end(), at, at + line.len()));
        }
        at += line.len();
    }
    let ends = heads.iter().skip(1).map(|it| it.1).chain([text.len()]);
    let bounds = heads.iter().zip(ends);
    let found = bounds.map(|(it, end)| (it.0, text.get(it.2..end).unwrap_or_default()));
    found.collect()
}

/// Undoes `\n`, `\t` and `\\`.
fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(it) = rest.next() {
        match it {
            '\\' => match rest.next() {
                Some('n') => out.push('\n'),
                Some('t') => out.push('\t'),
                other => out.extend(other),
            },
            _ => out.push(it),
        }
    }
    out
}

#[cfg(all(test, feature = "descriptions"))]
mod tests {
    use super::super::table::{kinds, of_kind, types};
    use super::*;

    #[test]
    fn every_kind_and_nearly_every_field_is_described() {
        for (version, kind) in kinds() {
            let of = of_kind(version, kind).expect("a type of the table");
            assert!(!of_type(of).is_empty(), "{version} {kind}");
        }
        let of_api = types().filter(|it| !it.id().starts_with("settings."));
        let fields: Vec<(&str, &str, bool)> = of_api
            .flat_map(|of| {
                let described = |it: &Field| said_of(of, it.name).is_some();
                let fields = of.fields().iter();
                fields.map(move |it| (of.id(), it.name, described(it)))
            })
            .collect();
        let bare: Vec<_> = fields.iter().filter(|it| !it.2).collect();
        assert!(bare.len() < 20, "{bare:?}");
        assert!(fields.len() > 1000);
    }

    #[test]
    fn every_block_is_of_the_table() {
        for (head, _) in blocks(TEXT) {
            let Some(id) = head.strip_prefix('=') else {
                continue;
            };
            let is_scalar = ["IntOrString", "Quantity", "Time", "MicroTime"].contains(&id);
            let is_free = ["FieldsV1", "RawExtension"].contains(&id);
            assert!(is_scalar || is_free || type_named(id).is_some(), "{head}");
        }
    }
}
