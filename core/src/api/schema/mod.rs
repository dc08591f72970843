//! The schema: every type of the API that our kinds reach, and what can be asked about a document with it.
//!
//! Imitates what the API server of Kubernetes 1.36 knows from its Go types and its OpenAPI
//! (`k8s.io/api`, `api/openapi-spec`): names, types, order, and how lists and maps merge.
//!
//! **Left out**: kinds that a cluster of ours has no use for, and custom resources: `of_kind` has no answer for them, and
//! their documents are taken as they are.

mod body;
mod check;
pub mod descriptions;
mod encode;
mod literal;
mod restore;
mod table;

pub use body::{Body, read_body};
pub use check::{
    Fault, FaultKind, FieldValidation, MAX_DEPTH, check, check_node, json_kind, refusal,
    strict_error, verdict,
};
pub use encode::encoded;
pub use literal::quantity_fault;
pub use restore::{go_print, restore};

pub use table::{
    Field, GoName, ListType, Member, PatchStrategy, Scalar, Shape, Type, TypeRef, kinds, of_kind,
    of_settings, type_named, types,
};

/// The field whose name is nearest to a wrong one, if any is near.
pub fn nearest(name: &str, of: TypeRef) -> Option<&'static str> {
    let names: Vec<&'static str> = of.fields().iter().map(|it| it.name).collect();
    crate::yaml::nearest_name(name, &names)
}

/// A text in double quotes as Go's `%q` writes it.
pub fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for it in text.chars() {
        match it {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{b}' => out.push_str("\\v"),
            '\u{c}' => out.push_str("\\f"),
            _ if it < ' ' || it == '\u{7f}' => out.push_str(&format!("\\x{:02x}", u32::from(it))),
            _ if it.is_control() => out.push_str(&format!("\\u{:04x}", u32::from(it))),
            _ => out.push(it),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests;
