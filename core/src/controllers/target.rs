//! What a Service finds in a pod: whether it counts at all, its address, its ports.
//!
//! `staging/src/k8s.io/endpointslice/{reconciler,utils}.go` and `pkg/controller/endpoint` of Kubernetes 1.36, which
//! share these rules.

use crate::api::{IntOrString, Kind, Pod, Service, ServicePort, TargetRef};
use crate::ip::{Family, IpAddr, family};

/// Name, protocol, number and application protocol of every port of a Service, as one pod has them.
pub(super) type Ports = Vec<(String, String, i32, Option<String>)>;

/// The address of a pod in a family; none for a pod that has run to its end or has no address yet.
pub(super) fn address(pod: &Pod, of: Family) -> Option<IpAddr> {
    if pod.is_over() {
        return None;
    }
    pod.ips().into_iter().find(|it| family(*it) == of)
}

/// The families a Service has endpoints of; both for a headless one that does not say.
pub(super) fn families(service: &Service) -> Vec<Family> {
    let told: Vec<Family> = service
        .spec
        .ip_families
        .iter()
        .filter_map(|told| Family::ALL.into_iter().find(|it| it.to_string() == *told))
        .collect();
    if !told.is_empty() {
        return told;
    }
    let mut by_address: Vec<Family> = service.cluster_ips().into_iter().map(family).collect();
    by_address.dedup();
    match by_address.as_slice() {
        [] => Family::ALL.to_vec(),
        _ => by_address,
    }
}

/// The ports of a Service as a pod has them; one whose name the pod does not know is left out.
pub(super) fn ports(service: &Service, pod: &Pod) -> Ports {
    let ports = service.spec.ports.iter();
    ports
        .filter_map(|it| {
            let protocol = it.protocol.clone().unwrap_or_else(|| "TCP".into());
            let number = target_port(it, pod, &protocol)?;
            let name = it.name.clone().unwrap_or_default();
            Some((name, protocol, number, it.app_protocol.clone()))
        })
        .collect()
}

/// The number a target port has in this pod (`FindPort`); none if the pod has no port of that name.
fn target_port(port: &ServicePort, pod: &Pod, protocol: &str) -> Option<i32> {
    match &port.target_port {
        None => Some(port.port),
        Some(IntOrString::Int(number)) => Some(*number),
        Some(IntOrString::String(name)) => pod.named_port(name, protocol),
    }
}

/// The name of a pod under a headless Service.
pub(super) fn hostname(service: &Service, pod: &Pod) -> Option<String> {
    let is_named_here = pod.spec.subdomain.as_deref() == Some(&service.metadata.name)
        && pod.metadata.namespace == service.metadata.namespace;
    pod.spec
        .hostname
        .clone()
        .filter(|it| is_named_here && !it.is_empty())
}

/// The reference to a pod behind an endpoint.
pub(super) fn reference(pod: &Pod) -> TargetRef {
    let metadata = &pod.metadata;
    TargetRef {
        kind: Some(Kind::Pod.name().into()),
        namespace: Some(metadata.namespace.clone()),
        name: Some(metadata.name.clone()),
        uid: metadata.uid.clone(),
        ..TargetRef::default()
    }
}
