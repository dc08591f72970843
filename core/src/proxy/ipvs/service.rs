//! What each service port adds: virtual servers, real servers, elements of sets, addresses on kube-ipvs0.
//!
//! `syncProxyRules`, `syncService` and `syncEndpoint` of `pkg/proxy/ipvs/proxier.go`, Kubernetes 1.36.
//!
//! **Left out**: see [`super`].

use super::sets::{
    CLUSTER_IP, EXTERNAL_IP, EXTERNAL_IP_LOCAL, HEALTH_CHECK, IPVS_IPS, LOAD_BALANCER,
    LOAD_BALANCER_FW, LOAD_BALANCER_LOCAL, LOOP_BACK, NODE_PORT_LOCAL_SCTP, NODE_PORT_LOCAL_TCP,
    NODE_PORT_LOCAL_UDP, NODE_PORT_SCTP, NODE_PORT_TCP, NODE_PORT_UDP, SOURCE_CIDR, SOURCE_IP,
    address, address_and,
};
use super::{DUMMY_INTERFACE, IpvsReason, Writer};
use crate::api::{Kind, ObjectRef};
use crate::ip::IpAddr;
use crate::net::Protocol;
use crate::netfilter::ipvs::{RealServer, VirtualAddress, VirtualServer};
use crate::netfilter::{Datum, Name, Tag};
use crate::proxy::{Endpoint, Path, Reason, Selected, ServicePort};
use std::sync::Arc;

/// One service port being written.
struct Port<'a> {
    port: &'a ServicePort,
    selected: &'a Selected,
    object: Arc<ObjectRef>,
    label: Name,
}

/// Which endpoints a virtual server gets.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Policy {
    /// All.
    Cluster,
    /// Those of this node; all, if it has none.
    Local,
}

impl Policy {
    const fn of(is_local: bool) -> Self {
        match is_local {
            true => Policy::Local,
            false => Policy::Cluster,
        }
    }
}

pub(super) fn write(
    it: &mut Writer<'_>,
    port: &ServicePort,
    endpoints: &[Arc<Endpoint>],
    selected: &Selected,
) {
    let metadata = &port.service.metadata;
    let of_service = ObjectRef::new(Kind::Service, &metadata.namespace, &metadata.name);
    let port = Port {
        port,
        selected,
        object: Arc::new(of_service),
        label: port.to_string().into(),
    };
    write_hairpin_pairs(it, &port, endpoints);
    write_cluster_ip(it, &port);
    write_external_ips(it, &port);
    write_load_balancers(it, &port);
    write_node_port(it, &port);
    if let Some(number) = port.port.health_check_node_port() {
        let reason = Reason::HealthCheck(port.label.clone());
        let tag = port.tag(it, "spec.healthCheckNodePort", reason);
        it.add(HEALTH_CHECK, Datum::Port(number), tag);
    }
}

/// KUBE-IPVS-IPS holds what kube-ipvs0 has.
pub(super) fn write_bound_addresses(it: &mut Writer<'_>) {
    let bound = it.transaction.ipvs.addresses().to_vec();
    for address in bound {
        let tag = it.own(Reason::Ipvs(IpvsReason::BoundAddress));
        it.add(IPVS_IPS, address.address.into(), tag);
    }
}

impl Port<'_> {
    fn tag(&self, it: &mut Writer<'_>, path: impl Into<Path>, reason: Reason) -> Tag {
        it.origins.because_of(&self.object, path, reason)
    }

    fn at(&self, address: IpAddr) -> VirtualAddress {
        VirtualAddress {
            protocol: self.port.protocol,
            address,
            port: self.port.port,
        }
    }

    fn external_policy(&self) -> Policy {
        Policy::of(self.port.external_policy_is_local)
    }

    /// The tag of an address's own virtual server, and of its elements.
    fn address_tag(&self, it: &mut Writer<'_>, path: impl Into<Path>) -> Tag {
        let reason = Reason::Ipvs(IpvsReason::VirtualServer(self.label.clone()));
        self.tag(it, path, reason)
    }
}

fn write_hairpin_pairs(it: &mut Writer<'_>, port: &Port<'_>, endpoints: &[Arc<Endpoint>]) {
    for endpoint in endpoints.iter().filter(|it| it.local) {
        let reason = Reason::HairpinPair(endpoint.to());
        let tag = it.origins.of_endpoint(endpoint, reason);
        let at = VirtualAddress {
            protocol: port.port.protocol,
            address: endpoint.address,
            port: endpoint.port,
        };
        let element = address_and(at, endpoint.address.into());
        it.add(LOOP_BACK, element, tag);
    }
}

fn write_cluster_ip(it: &mut Writer<'_>, port: &Port<'_>) {
    let at = port.at(port.port.cluster_ip);
    let path = port.port.port_path("port");
    let tag = port.address_tag(it, path);
    it.add(CLUSTER_IP, address(at), tag);
    it.transaction.ipvs.bind(DUMMY_INTERFACE, at.address);
    let policy = Policy::of(port.port.internal_policy_is_local);
    write_server(it, port, at, policy, tag);
}

fn write_external_ips(it: &mut Writer<'_>, port: &Port<'_>) {
    for (idx, ip) in port.port.external_ips.iter().enumerate() {
        let at = port.at(*ip);
        let tag = port.address_tag(it, Path::ExternalIp(idx));
        let set = match port.external_policy() {
            Policy::Local => EXTERNAL_IP_LOCAL,
            Policy::Cluster => EXTERNAL_IP,
        };
        it.add(set, address(at), tag);
        bind_foreign(it, *ip);
        write_server(it, port, at, port.external_policy(), tag);
    }
}

/// An address that another interface of the node has stays where it is.
fn bind_foreign(it: &mut Writer<'_>, address: IpAddr) {
    if !it.snapshot.node.all_ips.contains(&address) {
        it.transaction.ipvs.bind(DUMMY_INTERFACE, address);
    }
}

fn write_load_balancers(it: &mut Writer<'_>, port: &Port<'_>) {
    for (idx, ip) in port.port.load_balancer_vips.iter().enumerate() {
        let at = port.at(*ip);
        let tag = port.address_tag(it, Path::IngressIp(idx));
        it.add(LOAD_BALANCER, address(at), tag);
        if port.external_policy() == Policy::Local {
            let reason = Reason::Ipvs(IpvsReason::KeepSource(port.label.clone()));
            let tag = port.tag(it, "spec.externalTrafficPolicy", reason);
            it.add(LOAD_BALANCER_LOCAL, address(at), tag);
        }
        write_source_ranges(it, port, at);
        bind_foreign(it, *ip);
        write_server(it, port, at, port.external_policy(), tag);
    }
}

fn write_source_ranges(it: &mut Writer<'_>, port: &Port<'_>, at: VirtualAddress) {
    if port.port.source_ranges.is_empty() {
        return;
    }
    let reason = Reason::SourceRanges(port.label.clone());
    let tag = port.tag(it, "spec.loadBalancerSourceRanges", reason);
    it.add(LOAD_BALANCER_FW, address(at), tag);
    let primary = it.snapshot.node.primary_ips.clone();
    let mut node_may = false;
    for range in &port.port.source_ranges {
        it.add(SOURCE_CIDR, address_and(at, Datum::Range(*range)), tag);
        node_may |= primary.iter().any(|it| range.contains(it));
    }
    match node_may {
        // What the node itself sends to one of its own addresses comes from that very address.
        true => it.add(SOURCE_IP, address_and(at, at.address.into()), tag),
        false => {
            let reason = Reason::Ipvs(IpvsReason::BarNode(port.label.clone()));
            let tag = port.tag(it, "spec.loadBalancerSourceRanges", reason);
            it.state.barred.push((at, tag));
        }
    }
}

fn write_node_port(it: &mut Writer<'_>, port: &Port<'_>) {
    let Some(number) = port.port.node_port else {
        return;
    };
    let ips = it.node_port_ips();
    if ips.is_empty() {
        return;
    }
    let tag = port.address_tag(it, port.port.port_path("nodePort"));
    let (all, local) = match port.port.protocol {
        Protocol::Udp => (NODE_PORT_UDP, NODE_PORT_LOCAL_UDP),
        Protocol::Sctp => (NODE_PORT_SCTP, NODE_PORT_LOCAL_SCTP),
        _ => (NODE_PORT_TCP, NODE_PORT_LOCAL_TCP),
    };
    let servers = ips.iter().map(|ip| VirtualAddress {
        protocol: port.port.protocol,
        address: *ip,
        port: number,
    });
    let servers: Vec<VirtualAddress> = servers.collect();
    let elements: Vec<Datum> = match port.port.protocol {
        Protocol::Sctp => servers.iter().map(|it| address(*it)).collect(),
        _ => vec![Datum::Port(number)],
    };
    for element in elements {
        if port.external_policy() == Policy::Local {
            let reason = Reason::Ipvs(IpvsReason::KeepSource(port.label.clone()));
            let tag = port.tag(it, "spec.externalTrafficPolicy", reason);
            it.add(local, element.clone(), tag);
        }
        it.add(all, element, tag);
    }
    for at in servers {
        write_server(it, port, at, port.external_policy(), tag);
    }
}

fn write_server(
    it: &mut Writer<'_>,
    port: &Port<'_>,
    at: VirtualAddress,
    policy: Policy,
    tag: Tag,
) {
    if !it.claim(at, tag) {
        return;
    }
    let selected = port.selected;
    // Without an endpoint of its own the node uses all, so that pods here are served; whoever comes from
    // outside gets answers from an address it never asked.
    let endpoints = match policy {
        Policy::Local if !selected.local.is_empty() => &selected.local,
        _ => &selected.cluster,
    };
    let real_servers = endpoints.iter().map(|endpoint| {
        let reason = Reason::Endpoint(endpoint.to());
        RealServer {
            address: endpoint.address,
            port: endpoint.port,
            weight: 1,
            tag: Some(it.origins.of_endpoint(endpoint, reason)),
        }
    });
    let real_servers = real_servers.collect();
    let persistent_secs = port
        .port
        .affinity
        .map(|it| u32::try_from(it.as_secs()).unwrap_or(u32::MAX));
    it.transaction.ipvs.add_server(VirtualServer {
        at,
        scheduler: it.snapshot.settings.ipvs.scheduler,
        persistent_secs,
        real_servers,
        tag: Some(tag),
    });
}
