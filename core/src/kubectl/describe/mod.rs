//! What `describe` says of an object, kind by kind.
//!
//! `k8s.io/kubectl/pkg/describe/describe.go` of 1.32.
//!
//! **Left out**: kinds the model has nothing of.

mod network;
mod node;
mod other;
mod pod;
mod sheet;
mod workload;

use super::failure::Failure;
use super::io::Ctx;
use super::resource::Resource;
use serde_json::Value;
use sheet::Sheet;

/// Whether events are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Events {
    /// They are.
    Shown,
    /// They are not.
    Hidden,
}

/// What there is to say of an object.
///
/// # Errors
/// When something it is made of cannot be read.
pub(crate) fn describe(
    ctx: &mut Ctx<'_>,
    resource: &'static Resource,
    it: &Value,
    events: Events,
) -> Result<String, Failure> {
    let mut sheet = Sheet::new(ctx, it, events);
    match resource.kind {
        "Service" => network::service(&mut sheet, it),
        "Endpoints" => network::endpoints(&mut sheet, it),
        "EndpointSlice" => network::endpoint_slice(&mut sheet, it),
        "Ingress" => network::ingress(&mut sheet, it),
        "Pod" => pod::pod(&mut sheet, it),
        "Deployment" => workload::deployment(&mut sheet, it),
        "ReplicaSet" => workload::replica_set(&mut sheet, it),
        "StatefulSet" => workload::stateful_set(&mut sheet, it),
        "Node" => node::node(&mut sheet, it),
        "Namespace" => other::namespace(&mut sheet, it),
        "ConfigMap" => other::config_map(&mut sheet, it),
        _ => other::any(&mut sheet, it),
    }
    Ok(sheet.finish())
}

/// A template of pods, as the history of rollouts shows it.
pub(crate) fn pod_template(ctx: &mut Ctx<'_>, template: &Value) -> String {
    let mut sheet = Sheet::new(ctx, template, Events::Hidden);
    pod::template(&mut sheet, template);
    sheet.finish()
}
