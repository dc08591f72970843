//! EndpointSlices: for every Service with a selector, the pods it finds.
//!
//! `staging/src/k8s.io/endpointslice/reconciler.go` of Kubernetes 1.36. Slices that somebody else
//! made, or that came without any pods, are left as they are; kube-proxy merges all of them.
//!
//! **Left out**: packing into slices of at most 100 (each group of ports gets one slice), hints,
//! and the slice that stands for "no endpoints".

use crate::api::{
    Endpoint, EndpointConditions, EndpointPort, EndpointSlice, IntOrString, Kind, ObjectRef, Pod,
    Service, ServicePort, TargetRef, selects,
};
use crate::chance::Chooser;
use crate::ip::{Family, IpAddr, family};
use crate::store::{Key, Objects};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::sync::Arc;

const MANAGED_BY: &str = "endpointslice.kubernetes.io/managed-by";
const THIS_CONTROLLER: &str = "endpointslice-controller.k8s.io";
const NODE_ZONE: &str = "topology.kubernetes.io/zone";

/// Name, protocol and number of every port of a Service, as one pod has them.
type Ports = Vec<(String, String, i32)>;

pub(super) fn reconcile(objects: &mut Objects, _: &mut Chooser) {
    let services: Vec<Arc<Service>> = objects.services.values().cloned().collect();
    for service in services {
        if service.spec.selector.is_empty() || service.kind() == "ExternalName" {
            continue;
        }
        let metadata = &service.metadata;
        if has_no_pods(objects, &service) {
            continue;
        }
        let old: Vec<Key> = objects
            .slices_of(&metadata.namespace, &metadata.name)
            .filter(|it| is_ours(it))
            .map(|it| (it.metadata.namespace.clone(), it.metadata.name.clone()))
            .collect();
        for key in old {
            objects.remove(&ObjectRef::new(Kind::EndpointSlice, &key.0, &key.1));
        }
        for slice in slices(objects, &service) {
            objects.put(slice.into());
        }
    }
}

/// In a world without a single pod in the Service's namespace there is nothing to make better slices
/// from: those that are there stand.
fn has_no_pods(objects: &Objects, service: &Service) -> bool {
    let metadata = &service.metadata;
    let has_slices = objects
        .slices_of(&metadata.namespace, &metadata.name)
        .next()
        .is_some();
    has_slices && !objects.pods.keys().any(|it| it.0 == metadata.namespace)
}

fn is_ours(slice: &EndpointSlice) -> bool {
    let manager = slice.metadata.labels.get(MANAGED_BY);
    manager.map(String::as_str) == Some(THIS_CONTROLLER)
}

fn slices(objects: &Objects, service: &Service) -> Vec<EndpointSlice> {
    let mut slices = Vec::new();
    for of in families(service) {
        // Pods may differ in what a named target port is: each group of ports is a slice.
        let mut groups: BTreeMap<Ports, Vec<Endpoint>> = BTreeMap::new();
        for pod in objects.pods.values() {
            let is_mine = pod.metadata.namespace == service.metadata.namespace
                && selects(&service.spec.selector, pod.labels())
                && !pod.is_over();
            let ip = pod.ips().into_iter().find(|it| family(*it) == of);
            if let (true, Some(ip)) = (is_mine, ip) {
                let endpoint = endpoint(objects, service, pod, ip);
                groups
                    .entry(ports(service, pod))
                    .or_default()
                    .push(endpoint);
            }
        }
        for (ports, endpoints) in groups {
            slices.push(slice(service, of, &ports, endpoints));
        }
    }
    slices
}

/// The families the Service has addresses of; both for a headless one that does not say.
fn families(service: &Service) -> Vec<Family> {
    let told: Vec<Family> = Family::ALL
        .into_iter()
        .filter(|it| service.spec.ip_families.contains(&it.to_string()))
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

fn ports(service: &Service, pod: &Pod) -> Ports {
    service
        .spec
        .ports
        .iter()
        .filter_map(|it| {
            let protocol = it.protocol.clone().unwrap_or_else(|| "TCP".into());
            let number = target_port(it, pod, &protocol)?;
            Some((it.name.clone().unwrap_or_default(), protocol, number))
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

fn endpoint(objects: &Objects, service: &Service, pod: &Pod, ip: IpAddr) -> Endpoint {
    let serving = pod.is_ready();
    let terminating = pod.is_terminating();
    let metadata = &pod.metadata;
    let zone = pod
        .spec
        .node_name
        .as_ref()
        .and_then(|it| objects.nodes.get(it))
        .and_then(|it| it.metadata.labels.get(NODE_ZONE));
    let is_named_here = pod.spec.subdomain.as_deref() == Some(&service.metadata.name);
    Endpoint {
        addresses: vec![ip.to_string()],
        conditions: EndpointConditions {
            ready: Some(service.spec.publish_not_ready_addresses || (serving && !terminating)),
            serving: Some(serving),
            terminating: Some(terminating),
        },
        hostname: pod.spec.hostname.clone().filter(|_| is_named_here),
        target_ref: Some(TargetRef {
            kind: Some("Pod".into()),
            namespace: Some(metadata.namespace.clone()),
            name: Some(metadata.name.clone()),
            uid: metadata.uid.clone(),
            ..TargetRef::default()
        }),
        node_name: pod.spec.node_name.clone(),
        zone: zone.cloned(),
        ..Endpoint::default()
    }
}

fn slice(service: &Service, of: Family, ports: &Ports, endpoints: Vec<Endpoint>) -> EndpointSlice {
    let metadata = &service.metadata;
    let mut slice = EndpointSlice {
        address_type: of.to_string(),
        endpoints,
        ports: ports
            .iter()
            .map(|(name, protocol, number)| EndpointPort {
                name: Some(name.clone()),
                protocol: Some(protocol.clone()),
                port: Some(*number),
                app_protocol: None,
            })
            .collect(),
        ..EndpointSlice::default()
    };
    slice.metadata.namespace.clone_from(&metadata.namespace);
    slice.metadata.name = format!(
        "{}-{}",
        metadata.name,
        suffix(&format!(
            "{metadata:?}{of}{ports:?}",
            metadata = service_id(service)
        ))
    );
    for (name, value) in [
        (EndpointSlice::SERVICE_NAME, metadata.name.as_str()),
        (MANAGED_BY, THIS_CONTROLLER),
    ] {
        slice.metadata.labels.insert(name.into(), value.into());
    }
    slice
}

fn service_id(service: &Service) -> ObjectRef {
    let metadata = &service.metadata;
    ObjectRef::new(Kind::Service, &metadata.namespace, &metadata.name)
}

/// Five characters of the alphabet generated names use, always the same for the same text.
fn suffix(text: &str) -> String {
    const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    Sha256::digest(text.as_bytes())
        .iter()
        .take(5)
        .map(|it| char::from(ALPHABET[usize::from(*it) % ALPHABET.len()]))
        .collect()
}
