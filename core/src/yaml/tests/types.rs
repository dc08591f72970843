//! A little of Kubernetes, to decode into.
//!
//! Imitates the shapes of core/v1 Service: maps, lists, integers or strings, fields named otherwise.
//!
//! **Left out.** Nearly all of it.

use crate::record::{Reader, Record, record};
use std::collections::BTreeMap;

#[derive(Debug, Default, PartialEq)]
pub(super) struct Service {
    pub(super) kind: String,
    pub(super) metadata: Metadata,
    pub(super) spec: Spec,
}

record!(Service: kind, metadata, spec);

#[derive(Debug, Default, PartialEq)]
pub(super) struct Metadata {
    pub(super) name: String,
    pub(super) labels: BTreeMap<String, String>,
}

record!(Metadata: name, labels);

#[derive(Debug, Default, PartialEq)]
pub(super) struct Spec {
    pub(super) kind: Option<String>,
    pub(super) publish_not_ready_addresses: bool,
    pub(super) timeout_seconds: Option<i64>,
    pub(super) external_ips: Vec<String>,
    pub(super) ports: Vec<Port>,
}

record!(Spec:
    kind = "type", publish_not_ready_addresses, timeout_seconds, external_ips = "externalIPs",
    ports);

#[derive(Debug, Default, PartialEq)]
pub(super) struct Port {
    pub(super) port: i32,
    pub(super) name: Option<String>,
    pub(super) target_port: Option<IntOrString>,
}

record!(Port: port, name, target_port);

#[derive(Debug, PartialEq)]
pub(super) enum IntOrString {
    Int(i64),
    String(String),
}

impl Default for IntOrString {
    fn default() -> Self {
        IntOrString::Int(0)
    }
}

impl Record for IntOrString {
    fn read<'v>(&mut self, value: &'v serde_json::Value, reader: &mut Reader<'v>) {
        match (value.as_i64(), value.as_str()) {
            (Some(it), _) => *self = IntOrString::Int(it),
            (None, Some(it)) => *self = IntOrString::String(it.to_owned()),
            (None, None) => reader.wrong_type("an integer or a string"),
        }
    }

    fn write(&self) -> serde_json::Value {
        match self {
            IntOrString::Int(it) => (*it).into(),
            IntOrString::String(it) => it.clone().into(),
        }
    }
}
