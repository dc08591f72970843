//! What the API server fills in whenever it reads a Service: on creation, on update, from memory.
//!
//! `SetDefaults_Service` of `pkg/apis/core/v1/defaults.go` of Kubernetes 1.36. Where Go cannot
//! tell an empty value from a missing one, an empty one becomes a missing one here.
//!
//! **Left out**: nothing. Families and their policy come with addresses, from the store.

use super::{
    ClientIpConfig, IntOrString, Service, ServicePort, ServiceSpec, SessionAffinityConfig,
};

const TIMEOUT_SECONDS: i32 = 10_800;

impl Service {
    /// Fills in what the API server fills in.
    pub fn set_defaults(&mut self) {
        forget_empty_values(&mut self.spec);
        let is_externally_accessible = {
            self.spec.kind.get_or_insert_with(|| "ClusterIP".into());
            self.is_externally_accessible()
        };
        let kind = self.kind().to_owned();
        let spec = &mut self.spec;
        spec.session_affinity.get_or_insert_with(|| "None".into());
        match spec.session_affinity.as_deref() {
            Some("None") => spec.session_affinity_config = None,
            Some("ClientIP") => default_timeout(&mut spec.session_affinity_config),
            _ => {}
        }
        spec.ports.iter_mut().for_each(default_port);
        if is_externally_accessible {
            spec.external_traffic_policy
                .get_or_insert_with(|| "Cluster".into());
        }
        if matches!(kind.as_str(), "ClusterIP" | "NodePort" | "LoadBalancer") {
            spec.internal_traffic_policy
                .get_or_insert_with(|| "Cluster".into());
        }
        if kind == "LoadBalancer" {
            spec.allocate_load_balancer_node_ports.get_or_insert(true);
            for ingress in &mut self.status.load_balancer.ingress {
                if ingress.ip.is_some() {
                    ingress.ip_mode.get_or_insert_with(|| "VIP".into());
                }
            }
        }
    }
}

fn forget_empty_values(spec: &mut ServiceSpec) {
    for text in [
        &mut spec.kind,
        &mut spec.cluster_ip,
        &mut spec.external_name,
        &mut spec.session_affinity,
        &mut spec.external_traffic_policy,
        &mut spec.load_balancer_ip,
    ] {
        text.take_if(|it| it.is_empty());
    }
    spec.health_check_node_port.take_if(|it| *it == 0);
    for port in &mut spec.ports {
        port.name.take_if(|it| it.is_empty());
        port.protocol.take_if(|it| it.is_empty());
        port.node_port.take_if(|it| *it == 0);
    }
}

/// A configuration without a timeout is replaced as a whole.
fn default_timeout(config: &mut Option<SessionAffinityConfig>) {
    let told = config
        .as_ref()
        .and_then(|it| it.client_ip.as_ref())
        .and_then(|it| it.timeout_seconds);
    if told.is_none() {
        *config = Some(SessionAffinityConfig {
            client_ip: Some(ClientIpConfig {
                timeout_seconds: Some(TIMEOUT_SECONDS),
            }),
        });
    }
}

fn default_port(port: &mut ServicePort) {
    port.protocol.get_or_insert_with(|| "TCP".into());
    let is_open = match &port.target_port {
        None | Some(IntOrString::Int(0)) => true,
        Some(IntOrString::String(name)) => name.is_empty(),
        Some(IntOrString::Int(_)) => false,
    };
    if is_open {
        port.target_port = Some(IntOrString::Int(port.port));
    }
}
