//! Service: a name and an address for whatever its selector finds.
//!
//! `v1` of Kubernetes 1.36 (`k8s.io/api/core/v1`); what a server knows about one on its way in is
//! in the files beside this one.
//!
//! **Left out**: admission that needs other objects (addresses and ports are given out by the
//! store).

mod defaults;
mod update;
mod validation;
mod warnings;

pub use update::{
    has_same_load_balancer_class, validate_service_status_update, validate_service_update,
};
pub use validation::{
    printed_families, validate_cluster_ips, validate_service, validate_service_create,
};
pub use warnings::{service_status_warnings, service_warnings};

use super::{Complaint, FieldErrorKind, IntOrString, KubernetesVersion, Labels, ObjectMeta};
use crate::ip::{IpAddr, parse_sloppy};
use crate::record::record;

/// A Service.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Service {
    /// Its metadata.
    pub metadata: ObjectMeta,
    /// What it is to be.
    pub spec: ServiceSpec,
    /// What has come of it.
    pub status: ServiceStatus,
}

record!(Service: metadata, spec, status);

/// What a Service is to be.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServiceSpec {
    /// ClusterIP, NodePort, LoadBalancer or ExternalName.
    pub kind: Option<String>,
    /// The labels of its pods.
    pub selector: Labels,
    /// Its ports.
    pub ports: Vec<ServicePort>,
    /// Its virtual address; `None` for headless.
    pub cluster_ip: Option<String>,
    /// Its virtual addresses, one a family.
    pub cluster_ips: Vec<String>,
    /// The families it has addresses of.
    pub ip_families: Vec<String>,
    /// SingleStack, PreferDualStack or RequireDualStack.
    pub ip_family_policy: Option<String>,
    /// Addresses from outside that are routed to the nodes.
    pub external_ips: Vec<String>,
    /// The name an ExternalName Service stands for.
    pub external_name: Option<String>,
    /// None or ClientIP.
    pub session_affinity: Option<String>,
    /// How long affinity lasts.
    pub session_affinity_config: Option<SessionAffinityConfig>,
    /// Cluster or Local, for traffic from outside.
    pub external_traffic_policy: Option<String>,
    /// Cluster or Local, for traffic from inside.
    pub internal_traffic_policy: Option<String>,
    /// Where load balancers ask whether a node has endpoints.
    pub health_check_node_port: Option<i32>,
    /// Which load balancer is to serve it.
    pub load_balancer_class: Option<String>,
    /// The address it would like; kube-proxy never reads it.
    pub load_balancer_ip: Option<String>,
    /// Who may use the load balancer.
    pub load_balancer_source_ranges: Vec<String>,
    /// Whether a load balancer needs node ports.
    pub allocate_load_balancer_node_ports: Option<bool>,
    /// Whether pods that are not ready are endpoints too.
    pub publish_not_ready_addresses: bool,
    /// Which endpoints are preferred.
    pub traffic_distribution: Option<String>,
}

record!(ServiceSpec:
    kind = "type", selector, ports, cluster_ip = "clusterIP", cluster_ips = "clusterIPs",
    ip_families, ip_family_policy, external_ips = "externalIPs", external_name, session_affinity,
    session_affinity_config, external_traffic_policy, internal_traffic_policy,
    health_check_node_port, load_balancer_class, load_balancer_ip = "loadBalancerIP",
    load_balancer_source_ranges, allocate_load_balancer_node_ports, publish_not_ready_addresses,
    traffic_distribution);

/// A port of a Service.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServicePort {
    /// Its name; may be empty where there is only one.
    pub name: Option<String>,
    /// TCP, UDP or SCTP.
    pub protocol: Option<String>,
    /// The port clients use.
    pub port: i32,
    /// The port pods use, by number or name.
    pub target_port: Option<IntOrString>,
    /// The port nodes open.
    pub node_port: Option<i32>,
    /// What is spoken on it.
    pub app_protocol: Option<String>,
}

record!(ServicePort: name, protocol, port, target_port, node_port, app_protocol);

/// How long affinity lasts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SessionAffinityConfig {
    /// For affinity by client address.
    pub client_ip: Option<ClientIpConfig>,
}

record!(SessionAffinityConfig: client_ip = "clientIP");

/// Affinity by client address.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClientIpConfig {
    /// How long a client keeps its endpoint after its last new connection.
    pub timeout_seconds: Option<i32>,
}

record!(ClientIpConfig: timeout_seconds);

/// What has come of a Service.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServiceStatus {
    /// Its load balancer.
    pub load_balancer: LoadBalancerStatus,
    /// Its conditions, by type.
    pub conditions: Vec<Condition>,
}

record!(ServiceStatus: load_balancer, conditions);

/// One statement about an object's state (`metav1.Condition`).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Condition {
    /// What it is about: `LoadBalancerPortsError`.
    pub kind: String,
    /// True, False or Unknown.
    pub status: String,
    /// The generation of the object it was made about.
    pub observed_generation: Option<i64>,
    /// When it last changed between True and False.
    pub last_transition_time: Option<String>,
    /// Why, in one word.
    pub reason: String,
    /// Why, for people.
    pub message: String,
}

record!(Condition:
    kind = "type", status, observed_generation, last_transition_time, reason, message);

/// A Service's load balancer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LoadBalancerStatus {
    /// Where it takes traffic.
    pub ingress: Vec<LoadBalancerIngress>,
}

record!(LoadBalancerStatus: ingress);

/// Where a load balancer takes traffic.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LoadBalancerIngress {
    /// Its address.
    pub ip: Option<String>,
    /// Its name.
    pub hostname: Option<String>,
    /// VIP or Proxy.
    pub ip_mode: Option<String>,
    /// The state of its ports.
    pub ports: Vec<PortStatus>,
}

record!(LoadBalancerIngress: ip, hostname, ip_mode, ports);

/// What a load balancer has made of one port.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PortStatus {
    /// The port.
    pub port: i32,
    /// TCP, UDP or SCTP.
    pub protocol: String,
    /// Why it could not be had.
    pub error: Option<String>,
}

record!(PortStatus: port, protocol, error);

impl Service {
    /// Its type.
    #[must_use]
    pub fn kind(&self) -> &str {
        match self.spec.kind.as_deref() {
            None | Some("") => "ClusterIP",
            Some(kind) => kind,
        }
    }

    /// Whether it has no virtual address on purpose.
    #[must_use]
    pub fn is_headless(&self) -> bool {
        self.spec.cluster_ip.as_deref() == Some("None")
            || self.spec.cluster_ips.iter().any(|it| it == "None")
    }

    /// Its virtual addresses, `clusterIP` first.
    #[must_use]
    pub fn cluster_ips(&self) -> Vec<IpAddr> {
        let mut ips = Vec::new();
        let told = self.spec.cluster_ip.iter().chain(&self.spec.cluster_ips);
        for ip in told.filter_map(|it| parse_sloppy(it)) {
            if !ips.contains(&ip) {
                ips.push(ip);
            }
        }
        ips
    }

    /// Whether its type has virtual addresses; "None" counts as one here.
    #[must_use]
    pub fn needs_cluster_ip(&self) -> bool {
        self.kind() != "ExternalName"
    }

    /// Whether its type opens ports on nodes.
    #[must_use]
    pub fn needs_node_ports(&self) -> bool {
        matches!(self.kind(), "NodePort" | "LoadBalancer")
    }

    /// Whether load balancers ask its nodes whether they have endpoints.
    #[must_use]
    pub fn needs_health_check(&self) -> bool {
        self.kind() == "LoadBalancer"
            && self.spec.external_traffic_policy.as_deref() == Some("Local")
    }

    /// Whether traffic can come to it from outside the cluster.
    #[must_use]
    pub fn is_externally_accessible(&self) -> bool {
        self.needs_node_ports() || self.kind() == "ClusterIP" && !self.spec.external_ips.is_empty()
    }

    /// The ports it opens on nodes, in the order of its ports.
    pub fn node_ports(&self) -> impl Iterator<Item = i32> + '_ {
        self.spec.ports.iter().filter_map(ServicePort::node_port)
    }

    /// What today's API server would refuse it for: [`Service::validate_for`] the default release.
    #[must_use]
    pub fn validate(&self) -> Vec<Complaint> {
        self.validate_for(KubernetesVersion::default())
    }

    /// What the API server of a release would refuse it for, in its words, as far as that can be
    /// told before addresses and ports are given out: for text a person wrote.
    #[must_use]
    pub fn validate_for(&self, version: KubernetesVersion) -> Vec<Complaint> {
        let mut service = self.clone();
        service.set_defaults();
        if service.spec.cluster_ips.is_empty() {
            service
                .spec
                .cluster_ips
                .extend(service.spec.cluster_ip.clone());
        }
        if service.spec.cluster_ip.is_none() {
            service.spec.cluster_ip = service.spec.cluster_ips.first().cloned();
        }
        validate_service(&service, None, version)
            .into_iter()
            .filter(|it| {
                let is_given_later = matches!(
                    it.field.as_str(),
                    "metadata.namespace" | "spec.healthCheckNodePort"
                );
                !(is_given_later && it.kind == FieldErrorKind::Required)
            })
            .map(|mut it| {
                // The server writes this one field with a capital letter; the manifest does not.
                it.field = it.field.replace("LoadBalancerSource", "loadBalancerSource");
                it.into()
            })
            .collect()
    }
}

impl ServicePort {
    /// The port it opens on nodes, if any: 0 stands for none.
    #[must_use]
    pub fn node_port(&self) -> Option<i32> {
        self.node_port.filter(|it| *it != 0)
    }

    /// Its name; empty where it has none.
    #[must_use]
    pub fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }

    /// Its protocol.
    #[must_use]
    pub fn protocol(&self) -> &str {
        self.protocol.as_deref().unwrap_or("TCP")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(change: impl FnOnce(&mut Service)) -> Vec<String> {
        let mut service = Service::default();
        service.metadata.name = "api".into();
        service.spec.ports.push(ServicePort {
            port: 80,
            ..ServicePort::default()
        });
        change(&mut service);
        service.set_defaults();
        service.validate().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_plain_service_is_accepted() {
        assert_eq!(service(|_| ()), Vec::<String>::new());
    }

    #[test]
    fn mistakes_are_worded_as_the_api_server_words_them() {
        assert_eq!(
            service(|it| it.spec.ports[0].port = 0),
            [
                "spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive",
                "spec.ports[0].targetPort: Invalid value: 0: must be between 1 and 65535, inclusive",
            ]
        );
        assert_eq!(
            service(|it| it.spec.kind = Some("Clusterip".into())),
            [
                "spec.type: Unsupported value: \"Clusterip\": supported values: \"ClusterIP\", \"ExternalName\", \"LoadBalancer\", \"NodePort\""
            ]
        );
        assert_eq!(
            service(|it| it.spec.ports.clear()),
            ["spec.ports: Required value"]
        );
    }

    #[test]
    fn defaults_are_filled_in() {
        let mut service = Service::default();
        service.spec.ports.push(ServicePort {
            port: 80,
            ..ServicePort::default()
        });
        service.set_defaults();
        assert_eq!(
            service.spec.ports[0].target_port,
            Some(IntOrString::Int(80))
        );
        assert_eq!(service.kind(), "ClusterIP");
        assert_eq!(service.spec.session_affinity.as_deref(), Some("None"));
    }
}
