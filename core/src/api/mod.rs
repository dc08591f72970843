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
mod ignored;
mod int_or_string;
mod labels;
mod manifest;
mod namespace;
mod node;
mod object;
mod object_meta;
mod pod;
pub mod schema;
mod service;
mod validation;

pub use complaint::{Complaint, Severity};
pub use config_map::ConfigMap;
pub use configuration::{
    ClusterConfiguration, KubeProxyConfiguration, KubernetesVersion, Networking, NftablesSettings,
};
pub use endpoint_slice::{
    Endpoint, EndpointConditions, EndpointHints, EndpointPort, EndpointSlice, HintFor, TargetRef,
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
    ClientIpConfig, LoadBalancerIngress, LoadBalancerStatus, Service, ServicePort, ServiceSpec,
    ServiceStatus, SessionAffinityConfig,
};
pub use validation::{dns_1035_label, dns_1123_label};
