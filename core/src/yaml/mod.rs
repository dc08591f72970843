//! YAML as kubectl reads it: text to a tree with positions, and the tree to Rust types with every complaint.
//!
//! Imitates sigs.k8s.io/yaml 1.4 over its fork of go-yaml v2 (<https://github.com/kubernetes-sigs/yaml>), as
//! kubectl 1.32 uses it: a document becomes what its JSON form would be, so `yes` is a boolean, `0755` is
//! 493, `80.0` is 80 and a key `1` is `"1"`. Decoding follows the API server's strict JSON decoding: field
//! names are exact, a null is an absent field, and no value changes its type.
//!
//! **Left out.** Scanning is YAML 1.2 (granit-parser): `%YAML` directives and JSON's surrogate pairs are
//! accepted where go-yaml refuses them, and tabs that indent a bracket's content below a key are refused where
//! go-yaml accepts some. `!!binary` is refused. kubectl reads a file that begins with `{`
//! with a JSON decoder; here JSON is read as the YAML it is. A document with any error is left out whole,
//! as kubectl would, but its neighbours are kept, which kubectl would not do.

mod decode;
mod indentation;
mod json;
mod node;
mod parse;
mod path;
mod refusal;
mod resolve;
mod spelling;
mod syntax_error;

pub use decode::{Decoded, FieldProblem, FieldProblemKind, decode, in_order};
pub use json::to_json;
pub use node::{Entry, Mapping, Node, Position, Span, Value};
pub use parse::{
    MAX_ALIASED_BYTES, MAX_ALIASED_NODES, MAX_BYTES, MAX_DEPTH, MAX_NODES, MAX_PROBLEMS,
    MORE_PROBLEMS, Problem, Stream, parse,
};
pub use path::segments;
pub use resolve::resolve;
pub use spelling::nearest_name;

#[cfg(test)]
mod tests;
