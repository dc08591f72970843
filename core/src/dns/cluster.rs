//! What the plugins read off a cluster's objects.
//!
//! CoreDNS 1.14.7 `plugin/kubernetes/object`: Services and EndpointSlices as it remembers them. A slice or
//! a Service without ports has one port without a number.
//!
//! **Left out**: endpoints of slices with addressType FQDN.

use super::kubernetes::Kubernetes;
use super::kubernetes_name::NameParts;
use crate::api::{Endpoint, EndpointSlice, Held, Service};
use crate::ip::{IpAddr, parse_sloppy};
use crate::store::{Key, Namespaced, Objects};

/// The slices of a Service, if the plugin reads any.
pub(super) fn slices<'a>(
    plugin: &Kubernetes,
    objects: &'a Objects,
    namespace: &'a str,
    name: &'a str,
) -> Vec<&'a EndpointSlice> {
    if plugin.noendpoints {
        return Vec::new();
    }
    let slices = objects.slices_of(namespace, name);
    slices.map(AsRef::as_ref).collect()
}

/// The addresses of a slice's ready endpoints, read and as written.
pub(super) fn ready_addresses(
    slice: &EndpointSlice,
) -> impl Iterator<Item = (&Endpoint, IpAddr, &str)> {
    let ready = slice.endpoints.iter().filter(|it| it.conditions.is_ready());
    ready.flat_map(|endpoint| {
        let addresses = endpoint.addresses.iter();
        addresses.filter_map(move |it| Some((endpoint, parse_sloppy(it)?, it.as_str())))
    })
}

/// Number, name and protocol of a slice's ports. A slice without one has one without a number.
pub(super) fn slice_ports(slice: &EndpointSlice) -> Vec<(i32, &str, &str)> {
    if slice.ports.is_empty() {
        return vec![(-1, "", "")];
    }
    let ports = slice.ports.iter().map(|it| {
        let name = it.name.as_deref().unwrap_or_default();
        let protocol = it.protocol.as_deref().unwrap_or("TCP");
        (it.port.unwrap_or(-1), name, protocol)
    });
    ports.collect()
}

/// The same of a Service.
pub(super) fn service_ports(service: &Service) -> Vec<(i32, &str, &str)> {
    if service.spec.ports.is_empty() {
        return vec![(-1, "", "")];
    }
    let ports = service.spec.ports.iter().map(|it| {
        let name = it.name.as_deref().unwrap_or_default();
        (it.port, name, it.protocol.as_deref().unwrap_or("TCP"))
    });
    ports.collect()
}

/// What a Service is reached by from outside: its externalIPs, then its load balancer.
pub(super) fn external_hosts(service: &Service) -> Vec<&str> {
    let ingress = service.status.load_balancer.ingress.iter();
    let ingress = ingress.filter_map(|it| match it.ip.as_deref() {
        Some(ip) if !ip.is_empty() => Some(ip),
        _ => it.hostname.as_deref(),
    });
    let told = service.spec.external_ips.iter().map(String::as_str);
    told.chain(ingress).collect()
}

/// Whether a name that may ask for a port asks for this one.
pub(super) fn matches_port(parts: &NameParts, name: &str, protocol: &str) -> bool {
    let is_asked = |asked: &str, is: &str| asked.is_empty() || asked.eq_ignore_ascii_case(is);
    is_asked(&parts.port, name) && is_asked(&parts.protocol, protocol)
}

/// Whether any object is in a namespace.
pub(super) fn has_any<T: Held + 'static>(of: &Namespaced<T>, namespace: &str) -> bool {
    let first = of.range(from(namespace)).next();
    first.is_some_and(|(key, _)| key.0 == namespace)
}

/// The keys of a namespace, and all after it.
pub(super) fn from(namespace: &str) -> std::ops::RangeFrom<Key> {
    (namespace.to_owned(), String::new())..
}
