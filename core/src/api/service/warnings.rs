//! What a client is warned about when it writes a Service.
//!
//! `pkg/api/service/warnings.go` and `WarningsOnUpdate` of the status strategy in
//! `pkg/registry/core/service/strategy.go` of Kubernetes 1.31–1.37.
//!
//! **Left out**: a false warning of 1.34.0 and 1.34.1 about every headless Service.

use super::Service;
use super::validation::{TOPOLOGY_HINTS, TOPOLOGY_MODE};
use crate::api::{KubernetesVersion, cidr_warnings, ip_warnings};

/// What a client is warned about when it writes this Service.
#[must_use]
pub fn service_warnings(service: &Service, version: KubernetesVersion) -> Vec<String> {
    let spec = &service.spec;
    let kind = service.kind();
    let cluster_ip = spec.cluster_ip.as_deref().unwrap_or_default();
    let is_headless = kind == "ClusterIP" && cluster_ip == "None";
    let mut warnings = Vec::new();
    if service.metadata.annotations.contains_key(TOPOLOGY_HINTS) {
        warnings.push(format!(
            "annotation {TOPOLOGY_HINTS} is deprecated, please use {TOPOLOGY_MODE} instead"
        ));
    }
    if !matches!(cluster_ip, "" | "None") {
        for (idx, ip) in spec.cluster_ips.iter().enumerate() {
            warnings.extend(ip_warnings(&format!("spec.clusterIPs[{idx}]"), ip, version));
        }
    }
    // Since 1.34; its first patch releases warn about affinity that is not asked for, too.
    if is_headless && version.minor >= 34 {
        if spec.load_balancer_ip.is_some() {
            warnings.push("spec.loadBalancerIP is ignored for headless services".into());
        }
        if !spec.external_ips.is_empty() {
            warnings.push("spec.externalIPs is ignored for headless services".into());
        }
        if spec.session_affinity.as_deref() != Some("None") {
            warnings.push("spec.SessionAffinity is ignored for headless services".into());
        }
    }
    for (idx, ip) in spec.external_ips.iter().enumerate() {
        warnings.extend(ip_warnings(
            &format!("spec.externalIPs[{idx}]"),
            ip,
            version,
        ));
    }
    let is_external_name = kind == "ExternalName";
    // KEP-5707.
    if version.minor >= 36 && !spec.external_ips.is_empty() && !is_headless && !is_external_name {
        warnings.push(
            "spec.externalIPs is deprecated and may no longer be implemented in some clusters"
                .into(),
        );
    }
    if let Some(ip) = &spec.load_balancer_ip {
        warnings.extend(ip_warnings("spec.loadBalancerIP", ip, version));
    }
    for (idx, range) in spec.load_balancer_source_ranges.iter().enumerate() {
        let field = format!("spec.loadBalancerSourceRanges[{idx}]");
        warnings.extend(cidr_warnings(&field, range, version));
    }
    if is_external_name && !spec.external_ips.is_empty() {
        warnings.push("spec.externalIPs is ignored when spec.type is \"ExternalName\"".into());
    }
    if !is_external_name && spec.external_name.is_some() {
        warnings.push("spec.externalName is ignored when spec.type is not \"ExternalName\"".into());
    }
    // KEP-3015: an alias since PreferSameZone is stable.
    if version.minor >= 35 && spec.traffic_distribution.as_deref() == Some("PreferClose") {
        warnings.push(
            "spec.trafficDistribution: \"PreferClose\" is deprecated; use \"PreferSameZone\""
                .into(),
        );
    }
    warnings
}

/// What a client is warned about when it writes this Service's status, from 1.33 on.
#[must_use]
pub fn service_status_warnings(service: &Service, version: KubernetesVersion) -> Vec<String> {
    if version.minor < 33 {
        return Vec::new();
    }
    let ingress = service.status.load_balancer.ingress.iter().enumerate();
    ingress
        .filter_map(|(idx, it)| Some((idx, it.ip.as_deref()?)))
        .flat_map(|(idx, ip)| {
            let field = format!("status.loadBalancer.ingress[{idx}]");
            ip_warnings(&field, ip, version)
        })
        .collect()
}
