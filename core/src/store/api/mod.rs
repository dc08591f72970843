//! The API server's verbs on a store: what a client asks, and what it is told.
//!
//! `staging/src/k8s.io/apiserver/pkg/{endpoints/handlers,registry/generic/registry}` and the strategies of `pkg/registry` of
//! Kubernetes 1.36. A request is plain data, so a world can remember it and undergo it again. Services take the way of
//! [`super::service`], other kinds that of [`crate::api::document`].
//!
//! **Left out**: webhooks, quotas, users, PodDisruptionBudgets; of the built-in admission, all but namespaces that are
//! going, what pods are given, and the default IngressClass.

mod asked;
mod binding;
mod client_apply;
mod create;
mod delete;
mod list_text;
mod options;
mod ownership;
mod patch;
mod read;
mod request;
mod scale;
mod selector;
mod strategy;
mod update;

pub use client_apply::{ClientApply, Step, client_side_apply, last_applied};
pub use list_text::{ContinueToken, MAX_LIMIT};
pub(super) use ownership::tracked;
pub use patch::PatchType;
pub(super) use read::printed;
pub use read::{ListOptions, Listed, WatchEvent};
pub use request::{Answer, Body, DeletePropagation, Done, Options, Request, Subresource, Verb};
pub use selector::{Selector, selector_text};
pub(super) use strategy::{admit_pod, changes_generation};
