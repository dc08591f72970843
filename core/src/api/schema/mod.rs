//! The schema: every type of the API that our kinds reach, and what can be asked about a document with it.
//!
//! Imitates what the API server of Kubernetes 1.36 knows from its Go types and its OpenAPI
//! (`k8s.io/api`, `api/openapi-spec`): names, types, order, and how lists and maps merge.
//!
//! **Left out**: kinds that a cluster of ours has no use for, and custom resources: `of_kind` has no answer for them, and
//! their documents are taken as they are.

mod table;

pub use table::{
    Field, GoName, ListType, Member, PatchStrategy, Scalar, Shape, Type, TypeRef, kinds, of_kind,
    type_named, types,
};

/// The field whose name is nearest to a wrong one, if any is near.
pub fn nearest(name: &str, of: TypeRef) -> Option<&'static str> {
    let names: Vec<&'static str> = of.fields().iter().map(|it| it.name).collect();
    crate::yaml::nearest_name(name, &names)
}

#[cfg(test)]
mod tests;
