//! Service: a name and an address for whatever its selector finds.
//!
//! `v1` of Kubernetes 1.36; defaults from `pkg/apis/core/v1/defaults.go`, validation from
//! `pkg/apis/core/validation/validation.go`.
//!
//! **Left out**: most of validation, and admission (addresses, ports and families are allocated
//! by the store).

use super::validation::{dns_1035_label, dns_1123_label};
use super::{Complaint, IntOrString, Labels, ObjectMeta};
use crate::ip::{IpAddr, parse_cidr_sloppy, parse_sloppy};
use serde::{Deserialize, Serialize};

/// A Service.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Service {
    /// Its metadata.
    pub metadata: ObjectMeta,
    /// What it is to be.
    pub spec: ServiceSpec,
    /// What has come of it.
    pub status: ServiceStatus,
}

/// What a Service is to be.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ServiceSpec {
    /// ClusterIP, NodePort, LoadBalancer or ExternalName.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The labels of its pods.
    #[serde(skip_serializing_if = "Labels::is_empty")]
    pub selector: Labels,
    /// Its ports.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<ServicePort>,
    /// Its virtual address; `None` for headless.
    #[serde(rename = "clusterIP", skip_serializing_if = "Option::is_none")]
    pub cluster_ip: Option<String>,
    /// Its virtual addresses, one a family.
    #[serde(rename = "clusterIPs", skip_serializing_if = "Vec::is_empty")]
    pub cluster_ips: Vec<String>,
    /// The families it has addresses of.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ip_families: Vec<String>,
    /// SingleStack, PreferDualStack or RequireDualStack.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_family_policy: Option<String>,
    /// Addresses from outside that are routed to the nodes.
    #[serde(rename = "externalIPs", skip_serializing_if = "Vec::is_empty")]
    pub external_ips: Vec<String>,
    /// The name an ExternalName Service stands for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_name: Option<String>,
    /// None or ClientIP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_affinity: Option<String>,
    /// How long affinity lasts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_affinity_config: Option<SessionAffinityConfig>,
    /// Cluster or Local, for traffic from outside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_traffic_policy: Option<String>,
    /// Cluster or Local, for traffic from inside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub internal_traffic_policy: Option<String>,
    /// Where load balancers ask whether a node has endpoints.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health_check_node_port: Option<i32>,
    /// Which load balancer is to serve it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load_balancer_class: Option<String>,
    /// The address it would like; kube-proxy never reads it.
    #[serde(rename = "loadBalancerIP", skip_serializing_if = "Option::is_none")]
    pub load_balancer_ip: Option<String>,
    /// Who may use the load balancer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub load_balancer_source_ranges: Vec<String>,
    /// Whether a load balancer needs node ports.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allocate_load_balancer_node_ports: Option<bool>,
    /// Whether pods that are not ready are endpoints too.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub publish_not_ready_addresses: bool,
    /// Which endpoints are preferred.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traffic_distribution: Option<String>,
}

/// A port of a Service.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ServicePort {
    /// Its name; may be empty where there is only one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// TCP, UDP or SCTP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
    /// The port clients use.
    pub port: i32,
    /// The port pods use, by number or name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_port: Option<IntOrString>,
    /// The port nodes open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_port: Option<i32>,
    /// What is spoken on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_protocol: Option<String>,
}

/// How long affinity lasts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SessionAffinityConfig {
    /// For affinity by client address.
    #[serde(rename = "clientIP", skip_serializing_if = "Option::is_none")]
    pub client_ip: Option<ClientIpConfig>,
}

/// Affinity by client address.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ClientIpConfig {
    /// How long a client keeps its endpoint after its last new connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_seconds: Option<i32>,
}

/// What has come of a Service.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ServiceStatus {
    /// Its load balancer.
    pub load_balancer: LoadBalancerStatus,
    /// Its conditions, by type.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
}

/// One statement about an object's state (`metav1.Condition`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Condition {
    /// What it is about: `LoadBalancerPortsError`.
    #[serde(rename = "type")]
    pub kind: String,
    /// True, False or Unknown.
    pub status: String,
    /// The generation of the object it was made about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// When it last changed between True and False.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_transition_time: Option<String>,
    /// Why, in one word.
    pub reason: String,
    /// Why, for people.
    pub message: String,
}

/// A Service's load balancer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LoadBalancerStatus {
    /// Where it takes traffic.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ingress: Vec<LoadBalancerIngress>,
}

/// Where a load balancer takes traffic.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct LoadBalancerIngress {
    /// Its address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
    /// VIP or Proxy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_mode: Option<String>,
    /// The state of its ports.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<PortStatus>,
}

/// What a load balancer has made of one port.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PortStatus {
    /// The port.
    pub port: i32,
    /// TCP, UDP or SCTP.
    pub protocol: String,
    /// Why it could not be had.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

const TYPES: [&str; 4] = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
const PROTOCOLS: [&str; 3] = ["SCTP", "TCP", "UDP"];

impl Service {
    /// Its type.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.spec.kind.as_deref().unwrap_or("ClusterIP")
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

    /// Fills in what the API server fills in.
    pub fn set_defaults(&mut self) {
        let spec = &mut self.spec;
        let kind = spec.kind.get_or_insert_with(|| "ClusterIP".into()).clone();
        spec.session_affinity.get_or_insert_with(|| "None".into());
        if spec.session_affinity.as_deref() == Some("ClientIP") {
            let config = spec.session_affinity_config.get_or_insert_default();
            let client_ip = config.client_ip.get_or_insert_default();
            client_ip.timeout_seconds.get_or_insert(10_800);
        }
        for port in &mut spec.ports {
            port.protocol.get_or_insert_with(|| "TCP".into());
            let number = port.port;
            let target = port.target_port.get_or_insert(IntOrString::Int(number));
            if matches!(target, IntOrString::Int(0)) {
                *target = IntOrString::Int(number);
            }
        }
        if kind != "ExternalName" {
            spec.internal_traffic_policy
                .get_or_insert_with(|| "Cluster".into());
        }
        if matches!(kind.as_str(), "NodePort" | "LoadBalancer") {
            spec.external_traffic_policy
                .get_or_insert_with(|| "Cluster".into());
        }
        if kind == "LoadBalancer" {
            spec.allocate_load_balancer_node_ports.get_or_insert(true);
        }
    }

    /// What the API server would refuse it for, in its words.
    #[must_use]
    pub fn validate(&self) -> Vec<Complaint> {
        let mut complaints = Vec::new();
        let mut refuse = |path: String, message: String| {
            complaints.push(Complaint::error(message).about(path));
        };
        if let Some(message) = dns_1035_label(&self.metadata.name) {
            refuse("metadata.name".into(), message);
        }
        let kind = self.kind();
        if !TYPES.contains(&kind) {
            refuse("spec.type".into(), unsupported(kind, &TYPES));
        }
        if self.spec.ports.is_empty() && kind != "ExternalName" && !self.is_headless() {
            refuse("spec.ports".into(), "Required value".into());
        }
        for (idx, port) in self.spec.ports.iter().enumerate() {
            let path = format!("spec.ports[{idx}]");
            validate_port(port, &path, self.spec.ports.len() > 1, &mut refuse);
        }
        for (path, text) in self.addresses_told() {
            if parse_sloppy(text).is_none() && text != "None" && !text.is_empty() {
                refuse(
                    path,
                    invalid(
                        text,
                        "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)",
                    ),
                );
            }
        }
        for (idx, text) in self.spec.load_balancer_source_ranges.iter().enumerate() {
            if parse_cidr_sloppy(text).is_none() {
                let message = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";
                let path = format!("spec.loadBalancerSourceRanges[{idx}]");
                refuse(path, invalid(text, message));
            }
        }
        for (path, value, allowed) in [
            (
                "spec.sessionAffinity",
                &self.spec.session_affinity,
                ["ClientIP", "None"],
            ),
            (
                "spec.externalTrafficPolicy",
                &self.spec.external_traffic_policy,
                ["Cluster", "Local"],
            ),
            (
                "spec.internalTrafficPolicy",
                &self.spec.internal_traffic_policy,
                ["Cluster", "Local"],
            ),
        ] {
            if let Some(value) = value
                .as_deref()
                .filter(|it| !it.is_empty() && !allowed.contains(it))
            {
                refuse(path.into(), unsupported(value, &allowed));
            }
        }
        complaints
    }

    fn addresses_told(&self) -> impl Iterator<Item = (String, &String)> {
        let one = self.spec.cluster_ip.iter();
        let all = self.spec.cluster_ips.iter().enumerate();
        let external = self.spec.external_ips.iter().enumerate();
        one.map(|it| ("spec.clusterIP".to_owned(), it))
            .chain(all.map(|(idx, it)| (format!("spec.clusterIPs[{idx}]"), it)))
            .chain(external.map(|(idx, it)| (format!("spec.externalIPs[{idx}]"), it)))
    }
}

fn validate_port(
    port: &ServicePort,
    path: &str,
    needs_name: bool,
    refuse: &mut impl FnMut(String, String),
) {
    const RANGE: &str = "must be between 1 and 65535, inclusive";
    match port.name.as_deref().unwrap_or_default() {
        "" if needs_name => refuse(format!("{path}.name"), "Required value".into()),
        "" => {}
        name => {
            if let Some(message) = dns_1123_label(name) {
                refuse(format!("{path}.name"), message);
            }
        }
    }
    if !(1..=65535).contains(&port.port) {
        refuse(format!("{path}.port"), invalid_number(port.port, RANGE));
    }
    let protocol = port.protocol.as_deref().unwrap_or("TCP");
    if !PROTOCOLS.contains(&protocol) {
        refuse(
            format!("{path}.protocol"),
            unsupported(protocol, &PROTOCOLS),
        );
    }
    match &port.target_port {
        Some(IntOrString::Int(0)) | None => {}
        Some(IntOrString::Int(number)) if !(1..=65535).contains(number) => {
            refuse(format!("{path}.targetPort"), invalid_number(*number, RANGE));
        }
        Some(IntOrString::Int(_)) => {}
        Some(IntOrString::String(name)) => {
            for message in port_name_faults(name) {
                refuse(format!("{path}.targetPort"), invalid(name, message));
            }
        }
    }
    if let Some(number) = port.node_port.filter(|it| !(0..=65535).contains(it)) {
        refuse(format!("{path}.nodePort"), invalid_number(number, RANGE));
    }
}

/// What is wrong with a port's name (`IsValidPortName` of apimachinery).
fn port_name_faults(name: &str) -> Vec<&'static str> {
    let mut faults = Vec::new();
    let allowed = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'-';
    if name.len() > 15 {
        faults.push("must be no more than 15 characters");
    }
    if name.is_empty() || !name.bytes().all(allowed) {
        faults.push("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)");
    }
    if !name.bytes().any(|it| it.is_ascii_lowercase()) {
        faults.push("must contain at least one letter (a-z)");
    }
    if name.contains("--") {
        faults.push("must not contain consecutive hyphens");
    }
    if name.starts_with('-') || name.ends_with('-') {
        faults.push("must not begin or end with a hyphen");
    }
    faults
}

fn invalid(value: &str, why: &str) -> String {
    format!("Invalid value: {value:?}: {why}")
}

fn invalid_number(value: i32, why: &str) -> String {
    format!("Invalid value: {value}: {why}")
}

fn unsupported(value: &str, allowed: &[&str]) -> String {
    let allowed: Vec<_> = allowed.iter().map(|it| format!("{it:?}")).collect();
    format!(
        "Unsupported value: {value:?}: supported values: {}",
        allowed.join(", ")
    )
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
            ["spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive"]
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
