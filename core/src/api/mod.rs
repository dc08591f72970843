//! Nouns of Kubernetes: the objects a world is made of, their defaults and their validation.
//!
//! Shapes and messages are those of Kubernetes 1.36 (`k8s.io/api`, `pkg/apis/core/validation`).
//!
//! The typed form of a kind holds what the model decides by; what a person wrote is kept whole beside it,
//! as the API document.
//!
//! **Left out**: kinds that no Service, name or packet depends on.

mod complaint;
mod config_map;
mod configuration;
pub mod document;
mod endpoint_slice;
mod endpoints;
mod event;
mod field_error;
mod ingress;
mod int_or_string;
mod ip_address_pool;
mod labels;
mod lease;
mod manifest;
mod namespace;
mod network_policy;
mod node;
mod object;
mod object_meta;
mod pod;
pub mod schema;
mod service;
mod service_account;
mod service_cidr;
mod status;
mod validation;
mod workload;

pub use complaint::{Complaint, Severity};
pub use config_map::ConfigMap;
pub use configuration::{
    ClusterConfiguration, IpvsSettings, KubeProxyConfiguration, KubernetesVersion, Networking,
    NftablesSettings,
};
pub use endpoint_slice::{
    Endpoint, EndpointConditions, EndpointHints, EndpointPort, EndpointSlice, HintFor, TargetRef,
};
pub use endpoints::{EndpointAddress, EndpointSubset, Endpoints, EndpointsPort};
pub use event::{Event, EventSource};
pub use field_error::{
    FieldError, FieldErrorKind, printed_list, prints_json, quoted, quoted_or_null,
};
pub use ingress::{
    HttpIngressPath, HttpIngressRule, Ingress, IngressBackend, IngressClass, IngressClassSpec,
    IngressLoadBalancer, IngressRule, IngressServiceBackend, IngressSpec, IngressStatus,
    IngressTls, ServiceBackendPort,
};
pub use int_or_string::IntOrString;
pub use ip_address_pool::{IpAddressPool, IpAddressPoolSpec};
pub use labels::{LabelSelector, LabelSelectorRequirement, Labels, selects};
pub use lease::{Lease, LeaseSpec};
pub use manifest::{File, Manifest, ReadObject, Source, read, read_again};
pub use namespace::{Namespace, NamespaceSpec, NamespaceStatus};
pub use network_policy::{
    IpBlock, NetworkPolicy, NetworkPolicyEgressRule, NetworkPolicyIngressRule, NetworkPolicyPeer,
    NetworkPolicyPort, NetworkPolicySpec,
};
pub use node::{Node, NodeAddress, NodeCondition, NodeSpec, NodeStatus, Taint};
pub use object::{Held, Kind, Object, ObjectRef};
pub use object_meta::{ObjectMeta, OwnerReference};
pub use pod::{
    Container, ContainerPort, ContainerRunning, ContainerState, ContainerStatus,
    ContainerTerminated, ContainerWaiting, ExecAction, GrpcAction, HostAlias, HttpGet, Lifecycle,
    LifecycleHandler, Listen, Pod, PodCondition, PodDnsConfig, PodDnsConfigOption, PodIp, PodSpec,
    PodStatus, Probe, ReadinessGate, SleepAction, TcpSocket, Toleration,
};
pub use service::{
    ClientIpConfig, Condition, LoadBalancerIngress, LoadBalancerStatus, PortStatus, Service,
    ServicePort, ServiceSpec, ServiceStatus, SessionAffinityConfig, has_same_load_balancer_class,
    printed_families, service_status_warnings, service_warnings, validate_cluster_ips,
    validate_service, validate_service_create, validate_service_status_update,
    validate_service_update,
};
pub use service_account::ServiceAccount;
pub use service_cidr::{
    IpAddress, IpAddressSpec, ParentReference, ServiceCidr, ServiceCidrSpec, ServiceCidrStatus,
};
pub use status::{GroupAnd, STALE, Status, StatusCause, StatusDetails, StatusReason};
pub use validation::{
    NameRule, Scope, Strictness, cidr_faults, cidr_warnings, dns_1035_label, dns_1035_label_faults,
    dns_1123_label, dns_1123_label_faults, dns_1123_subdomain_faults, ip_faults, ip_warnings,
    label_value_faults, parse_as_go, port_name_faults, port_number_fault, qualified_name_faults,
    special_ip_faults, validate_labels, validate_object_meta, validate_object_meta_update,
};
pub use workload::{
    ControllerRevision, Deployment, DeploymentSpec, DeploymentStatus, DeploymentStrategy,
    PodTemplate, ReplicaSet, ReplicaSetSpec, ReplicaSetStatus, RollingUpdate, StatefulSet,
    StatefulSetOrdinals, StatefulSetSpec, StatefulSetStatus, StatefulSetUpdateStrategy,
    WorkloadCondition,
};
