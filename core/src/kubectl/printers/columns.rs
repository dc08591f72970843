//! Tables as the server makes them: which columns a kind has.
//!
//! `pkg/printers/internalversion/printers.go` of Kubernetes 1.32.
//!
//! **Left out**: the descriptions of columns; kinds the model has nothing of.

use super::{network_rows, pod_rows, rows};
use crate::api::Kind;
use crate::time::Clock;
use serde_json::Value;
use std::sync::Arc;

/// A column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name, as the server has it.
    pub name: &'static str,
    /// Whether it is shown only with `-o wide`.
    pub is_wide: bool,
}

/// A row.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Its cells.
    pub cells: Vec<String>,
    /// What it is about.
    pub object: Arc<Value>,
}

/// A table.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// Its columns.
    pub columns: Vec<Column>,
    /// Its rows.
    pub rows: Vec<Row>,
}

/// The objects of a kind as a table.
#[must_use]
pub fn table(kind: Kind, documents: &[Arc<Value>], clock: &Clock) -> Table {
    let (names, cells) = printer(kind);
    let columns = names.split(' ').map(|it| Column {
        name: full(it.trim_start_matches('+')),
        is_wide: it.starts_with('+'),
    });
    let rows = documents.iter().map(|it| Row {
        cells: cells(it, clock),
        object: it.clone(),
    });
    Table {
        columns: columns.collect(),
        rows: rows.collect(),
    }
}

/// Names of two words: a blank parts names in the lists below.
fn full(name: &'static str) -> &'static str {
    match name {
        "Nominated" => "Nominated Node",
        "Gates" => "Readiness Gates",
        "Selectors" => "Node Selector",
        "Last" => "Last Seen",
        "First" => "First Seen",
        other => other,
    }
}

type Cells = fn(&Value, &Clock) -> Vec<String>;

fn printer(kind: Kind) -> (&'static str, Cells) {
    match kind {
        Kind::Service => (
            "Name Type Cluster-IP External-IP Port(s) Age +Selector",
            network_rows::service,
        ),
        Kind::Endpoints => ("Name Endpoints Age", network_rows::endpoints),
        Kind::EndpointSlice => (
            "Name AddressType Ports Endpoints Age",
            network_rows::endpoint_slice,
        ),
        Kind::Ingress => ("Name Class Hosts Address Ports Age", network_rows::ingress),
        Kind::IngressClass => (
            "Name Controller Parameters Age",
            network_rows::ingress_class,
        ),
        Kind::NetworkPolicy => ("Name Pod-Selector Age", network_rows::network_policy),
        Kind::ServiceCidr => ("Name CIDRs Age", network_rows::service_cidr),
        Kind::IpAddress => ("Name ParentRef Age", network_rows::ip_address),
        Kind::Pod => (
            "Name Ready Status Restarts Age +IP +Node +Nominated +Gates",
            pod_rows::pod,
        ),
        Kind::Deployment => (
            "Name Ready Up-to-date Available Age +Containers +Images +Selector",
            rows::deployment,
        ),
        Kind::ReplicaSet => (
            "Name Desired Current Ready Age +Containers +Images +Selector",
            rows::replica_set,
        ),
        Kind::StatefulSet => ("Name Ready Age +Containers +Images", rows::stateful_set),
        Kind::Node => (
            "Name Status Roles Age Version +Internal-IP +External-IP +OS-Image +Kernel-Version +Container-Runtime",
            rows::node,
        ),
        Kind::Namespace => ("Name Status Age", rows::namespace),
        Kind::Event => (
            "Last Type Reason Object +Subobject +Source Message +First +Count +Name",
            rows::event,
        ),
        Kind::ConfigMap => ("Name Data Age", rows::config_map),
        Kind::Lease => ("Name Holder Age", rows::lease),
        Kind::ServiceAccount => ("Name Secrets Age", rows::service_account),
        Kind::ControllerRevision => ("Name Controller Revision Age", rows::controller_revision),
        Kind::IpAddressPool | Kind::ClusterConfiguration | Kind::KubeProxyConfiguration => {
            ("Name Age", rows::plain)
        }
    }
}
