//! Who owns what the parts of the control plane write.
//!
//! A real cluster's `metadata.managedFields` names `kubelet`, `kube-scheduler` and `kube-controller-manager` beside its users.
//!
//! **Left out**: objects that a controller makes, and what a dump holds without owners: they stay untracked, which keeps
//! large clusters light. An apply to such an object gives what is there to `before-first-apply`, as a server does.

use super::super::Part;
use super::super::patch::apply::{Writer, update};
use crate::api::{Kind, schema};
use serde_json::Value;

/// The document with its owners after a controller's change, if it has owners.
pub(in crate::store) fn tracked(
    kind: Kind,
    part: Part,
    before: &Value,
    after: Value,
    stamp: &str,
) -> Value {
    let Some(of) = schema::of_kind(kind.api_version(), kind.name()) else {
        return after;
    };
    if before["metadata"]["managedFields"].is_null() {
        return after;
    }
    let writer = Writer {
        manager: manager(kind, part),
        api_version: kind.api_version(),
        subresource: match part {
            Part::Main => "",
            Part::Status => "status",
        },
        time: stamp,
    };
    update(Some(before), &after, writer, of)
}

const fn manager(kind: Kind, part: Part) -> &'static str {
    match (kind, part) {
        (Kind::Pod | Kind::Node, Part::Status) => "kubelet",
        (Kind::Pod, Part::Main) => "kube-scheduler",
        _ => "kube-controller-manager",
    }
}
