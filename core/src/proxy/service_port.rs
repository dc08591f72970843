//! Service ports: what kube-proxy makes of each port of each Service.
//!
//! `pkg/proxy/serviceport.go` and `servicechangetracker.go` of Kubernetes 1.36.
//!
//! **Left out**: nothing that decides about a rule.

use super::Path;
use crate::api::Service;
use crate::ip::{Cidr, Family, IpAddr, cidr_family, family, parse_cidr_sloppy, parse_sloppy};
use crate::net::Protocol;
use crate::sorted::insert_by;
use crate::time::Duration;
use std::fmt;
use std::sync::Arc;

/// One port of one Service, in one family.
#[derive(Clone, Debug)]
pub struct ServicePort {
    /// The Service.
    pub service: Arc<Service>,
    /// Which of its ports.
    pub port_idx: usize,
    /// The port's name, perhaps empty.
    pub port_name: String,
    /// The protocol.
    pub protocol: Protocol,
    /// The virtual address.
    pub cluster_ip: IpAddr,
    /// The port clients use.
    pub port: u16,
    /// The port nodes open, if any.
    pub node_port: Option<u16>,
    /// Addresses from outside.
    pub external_ips: Vec<IpAddr>,
    /// Addresses of its load balancer that kube-proxy serves.
    pub load_balancer_vips: Vec<IpAddr>,
    /// Who may use the load balancer.
    pub source_ranges: Vec<Cidr>,
    /// How long a client keeps its endpoint, if it does.
    pub affinity: Option<Duration>,
    /// Traffic from outside stays on its node.
    pub external_policy_is_local: bool,
    /// Traffic from inside stays on its node.
    pub internal_policy_is_local: bool,
}

/// The labels by which a Service or slice is none of kube-proxy's business.
const OTHER_PROXY: &str = "service.kubernetes.io/service-proxy-name";
const HEADLESS: &str = "service.kubernetes.io/headless";

/// All service ports of a family, by namespace, name, and port.
#[must_use]
pub fn service_ports(services: &[Arc<Service>], family: Family) -> Vec<ServicePort> {
    let mut ports = Vec::new();
    // Services come by name already: what is left to order are the ports of each.
    for port in services.iter().flat_map(|it| ports_of(it, family)) {
        insert_by(&mut ports, port, |a: &ServicePort, b| a.key().cmp(&b.key()));
    }
    ports
}

fn ports_of(service: &Arc<Service>, of: Family) -> Vec<ServicePort> {
    let labels = &service.metadata.labels;
    if service.kind() == "ExternalName"
        || service.is_headless()
        || labels.contains_key(OTHER_PROXY)
        || labels.contains_key(HEADLESS)
    {
        return Vec::new();
    }
    let Some(cluster_ip) = service
        .cluster_ips()
        .into_iter()
        .find(|it| family(*it) == of)
    else {
        return Vec::new();
    };
    let spec = &service.spec;
    let external_ips = addresses(&spec.external_ips, of);
    let is_externally_visible = matches!(service.kind(), "NodePort" | "LoadBalancer")
        || (service.kind() == "ClusterIP" && !external_ips.is_empty());
    let vips = service
        .status
        .load_balancer
        .ingress
        .iter()
        .filter(|it| it.ip_mode.as_deref().is_none_or(|it| it == "VIP"));
    let common = ServicePort {
        service: service.clone(),
        port_idx: 0,
        port_name: String::new(),
        protocol: Protocol::Tcp,
        cluster_ip,
        port: 0,
        node_port: None,
        external_ips,
        load_balancer_vips: vips
            .filter_map(|it| parse_sloppy(it.ip.as_deref()?))
            .filter(|it| family(*it) == of)
            .collect(),
        source_ranges: spec
            .load_balancer_source_ranges
            .iter()
            .filter_map(|it| parse_cidr_sloppy(it))
            .filter(|it| cidr_family(*it) == of)
            .collect(),
        affinity: affinity(service),
        external_policy_is_local: is_externally_visible
            && spec.external_traffic_policy.as_deref() == Some("Local"),
        internal_policy_is_local: spec.internal_traffic_policy.as_deref() == Some("Local"),
    };
    let ports = spec.ports.iter().enumerate().filter_map(|(port_idx, it)| {
        Some(ServicePort {
            port_idx,
            port_name: it.name.clone().unwrap_or_default(),
            protocol: Protocol::from_name(it.protocol.as_deref().unwrap_or("TCP"))?,
            port: u16::try_from(it.port).ok().filter(|it| *it != 0)?,
            node_port: it
                .node_port
                .and_then(|it| u16::try_from(it).ok())
                .filter(|it| *it != 0),
            ..common.clone()
        })
    });
    ports.collect()
}

fn addresses(told: &[String], of: Family) -> Vec<IpAddr> {
    told.iter()
        .filter_map(|it| parse_sloppy(it))
        .filter(|it| family(*it) == of)
        .collect()
}

fn affinity(service: &Service) -> Option<Duration> {
    if service.spec.session_affinity.as_deref() != Some("ClientIP") {
        return None;
    }
    let secs = service
        .spec
        .session_affinity_config
        .as_ref()
        .and_then(|it| it.client_ip.as_ref())
        .and_then(|it| it.timeout_seconds)
        .unwrap_or(10_800);
    Some(Duration::from_secs(u64::try_from(secs).unwrap_or(10_800)))
}

impl ServicePort {
    /// Namespace, name, port name, protocol: what tells it from all others.
    #[must_use]
    pub fn key(&self) -> (&str, &str, &str, Protocol) {
        let metadata = &self.service.metadata;
        (
            &metadata.namespace,
            &metadata.name,
            &self.port_name,
            self.protocol,
        )
    }

    /// Whether the rules of the two are the same, given the same endpoints.
    #[must_use]
    pub fn is_alike(&self, other: &Self) -> bool {
        let ServicePort {
            service: _,
            port_idx: _,
            port_name,
            protocol,
            cluster_ip,
            port,
            node_port,
            external_ips,
            load_balancer_vips,
            source_ranges,
            affinity,
            external_policy_is_local,
            internal_policy_is_local,
        } = self;
        *port_name == other.port_name
            && *protocol == other.protocol
            && *cluster_ip == other.cluster_ip
            && *port == other.port
            && *node_port == other.node_port
            && *external_ips == other.external_ips
            && *load_balancer_vips == other.load_balancer_vips
            && *source_ranges == other.source_ranges
            && *affinity == other.affinity
            && *external_policy_is_local == other.external_policy_is_local
            && *internal_policy_is_local == other.internal_policy_is_local
            && self.health_check_node_port() == other.health_check_node_port()
    }

    /// Whether anything but its ClusterIP leads to it.
    #[must_use]
    pub fn is_reachable_from_outside(&self) -> bool {
        self.node_port.is_some()
            || !self.load_balancer_vips.is_empty()
            || !self.external_ips.is_empty()
    }

    /// The port where a load balancer asks whether this node has endpoints, if it asks.
    #[must_use]
    pub fn health_check_node_port(&self) -> Option<u16> {
        let is_asked = self.service.kind() == "LoadBalancer" && self.external_policy_is_local;
        let told = self
            .service
            .spec
            .health_check_node_port
            .filter(|_| is_asked)?;
        u16::try_from(told).ok().filter(|it| *it != 0)
    }

    /// The path of one of its port's fields: `spec.ports[0].targetPort`.
    #[must_use]
    pub const fn port_path(&self, field: &'static str) -> Path {
        Path::Port(self.port_idx, field)
    }
}

impl fmt::Display for ServicePort {
    /// As kube-proxy names it in comments: `default/api:http`, or `default/api`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (namespace, name, port_name, _) = self.key();
        write!(f, "{namespace}/{name}")?;
        if !port_name.is_empty() {
            write!(f, ":{port_name}")?;
        }
        Ok(())
    }
}
