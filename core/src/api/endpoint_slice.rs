//! EndpointSlice: the truth about where a Service's traffic can go.
//!
//! `discovery.k8s.io/v1` of Kubernetes 1.36.

use super::ObjectMeta;
use crate::record::record;

/// Part of a Service's endpoints.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EndpointSlice {
    /// Its metadata; the label `kubernetes.io/service-name` names the Service.
    pub metadata: ObjectMeta,
    /// IPv4, IPv6 or FQDN.
    pub address_type: String,
    /// The endpoints.
    pub endpoints: Vec<Endpoint>,
    /// The ports that all of them serve.
    pub ports: Vec<EndpointPort>,
}

record!(EndpointSlice: metadata, address_type, endpoints, ports);

/// One endpoint: usually a pod.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Endpoint {
    /// Its addresses; kube-proxy reads the first.
    pub addresses: Vec<String>,
    /// Whether it takes traffic.
    pub conditions: EndpointConditions,
    /// Its name in DNS.
    pub hostname: Option<String>,
    /// What it is.
    pub target_ref: Option<TargetRef>,
    /// Old topology labels.
    pub deprecated_topology: Option<std::collections::BTreeMap<String, String>>,
    /// The node it runs on.
    pub node_name: Option<String>,
    /// The zone it runs in.
    pub zone: Option<String>,
    /// Who had best use it.
    pub hints: Option<EndpointHints>,
}

record!(Endpoint:
    addresses, conditions, hostname, target_ref, deprecated_topology, node_name, zone, hints);

/// Whether an endpoint takes traffic.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EndpointConditions {
    /// It should get traffic. Absent means yes.
    pub ready: Option<bool>,
    /// It can serve. Absent means as `ready`.
    pub serving: Option<bool>,
    /// It is going away. Absent means no.
    pub terminating: Option<bool>,
}

record!(EndpointConditions: ready, serving, terminating);

/// Who had best use an endpoint.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EndpointHints {
    /// Clients of these zones.
    pub for_zones: Vec<HintFor>,
    /// Clients on these nodes.
    pub for_nodes: Vec<HintFor>,
}

record!(EndpointHints: for_zones, for_nodes);

/// A zone or node by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HintFor {
    /// Its name.
    pub name: String,
}

record!(HintFor: name);

/// A reference to the object behind an endpoint.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TargetRef {
    /// `v1`
    pub api_version: Option<String>,
    /// `Pod`
    pub kind: Option<String>,
    /// Its namespace.
    pub namespace: Option<String>,
    /// Its name.
    pub name: Option<String>,
    /// Its uid.
    pub uid: Option<String>,
    /// The version of it that was seen.
    pub resource_version: Option<String>,
    /// Part of it.
    pub field_path: Option<String>,
}

record!(TargetRef: api_version, kind, namespace, name, uid, resource_version, field_path);

/// A port of all endpoints of a slice.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EndpointPort {
    /// The name of the Service port it belongs to.
    pub name: Option<String>,
    /// TCP unless told otherwise.
    pub protocol: Option<String>,
    /// The number.
    pub port: Option<i32>,
    /// What is spoken on it.
    pub app_protocol: Option<String>,
}

record!(EndpointPort: name, protocol, port, app_protocol);

impl EndpointSlice {
    /// The label that names the Service.
    pub const SERVICE_NAME: &'static str = "kubernetes.io/service-name";

    /// The Service it belongs to.
    #[must_use]
    pub fn service_name(&self) -> Option<&str> {
        self.metadata
            .labels
            .get(Self::SERVICE_NAME)
            .map(String::as_str)
    }
}

impl EndpointConditions {
    /// Ready, as kube-proxy reads it.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.ready.unwrap_or(true)
    }

    /// Serving, as kube-proxy reads it.
    #[must_use]
    pub fn is_serving(&self) -> bool {
        self.serving.unwrap_or(true)
    }

    /// Terminating, as kube-proxy reads it.
    #[must_use]
    pub fn is_terminating(&self) -> bool {
        self.terminating.unwrap_or(false)
    }
}
