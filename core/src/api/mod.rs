//! Nouns of Kubernetes: the objects a world is made of, their defaults and their validation.
//!
//! Shapes and messages are those of Kubernetes 1.36 (`k8s.io/api`, `pkg/apis/core/validation`).
//!
//! **Left out**: kinds and fields the model does not use yet. A Service, an EndpointSlice and a
//! Namespace are modelled whole, so an unknown field in one is a mistake and is said to be one; a
//! Pod, a Node and the cluster's settings are modelled in part, and what is left is passed over.

mod complaint;
mod config_map;
mod configuration;
mod endpoint_slice;
mod field_error;
mod ignored;
mod int_or_string;
mod labels;
mod manifest;
mod namespace;
mod node;
mod object;
mod object_meta;
mod pod;
mod service;
mod status;
mod validation;

pub use complaint::{Complaint, Severity};
pub use config_map::ConfigMap;
pub use configuration::{
    ClusterConfiguration, KubeProxyConfiguration, KubernetesVersion, Networking, NftablesSettings,
};
pub use endpoint_slice::{
    Endpoint, EndpointConditions, EndpointHints, EndpointPort, EndpointSlice, HintFor, TargetRef,
};
pub use field_error::{
    FieldError, FieldErrorKind, printed_list, prints_json, quoted, quoted_or_null,
};
pub use int_or_string::IntOrString;
pub use labels::{Labels, selects};
pub use manifest::{File, Manifest, ReadObject, Source, read};
pub use namespace::Namespace;
pub use node::{Node, NodeAddress, NodeSpec, NodeStatus};
pub use object::{Kind, Object, ObjectRef};
pub use object_meta::{ObjectMeta, OwnerReference};
pub use pod::{Container, ContainerPort, Listen, Pod, PodCondition, PodIp, PodSpec, PodStatus};
pub use service::{
    ClientIpConfig, Condition, LoadBalancerIngress, LoadBalancerStatus, PortStatus, Service,
    ServicePort, ServiceSpec, ServiceStatus, SessionAffinityConfig, has_same_load_balancer_class,
    printed_families, service_status_warnings, service_warnings, validate_cluster_ips,
    validate_service, validate_service_create, validate_service_status_update,
    validate_service_update,
};
pub use status::{GroupAnd, STALE, Status, StatusCause, StatusDetails, StatusReason};
pub use validation::{
    NameRule, Scope, Strictness, cidr_faults, cidr_warnings, dns_1035_label, dns_1035_label_faults,
    dns_1123_label, dns_1123_label_faults, dns_1123_subdomain_faults, ip_faults, ip_warnings,
    label_value_faults, parse_as_go, port_name_faults, port_number_fault, qualified_name_faults,
    special_ip_faults, validate_labels, validate_object_meta, validate_object_meta_update,
};
