//! The API server's verbs on a store: what a client asks, and what it is told.
//!
//! `staging/src/k8s.io/apiserver/pkg/{endpoints/handlers,registry/generic/registry}` of Kubernetes 1.36. A request is
//! plain data, so a world can remember it and undergo it again. Services take the way of [`super::service`]; of other
//! kinds, names, labels and annotations are checked, and their fields by the schema.
//!
//! **Left out**: validation of other kinds beyond that, their defaults (a Deployment without `replicas` has none in its
//! document, and counts as one), webhooks, quotas, users.

mod read;
mod request;
mod write;

pub use read::{ListOptions, Listed, Selector, WatchEvent};
pub use request::{Answer, Body, DeletePropagation, Done, Options, Request, Subresource, Verb};
