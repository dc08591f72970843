//! What a change of a Service is refused for, beyond what any Service is refused for.
//!
//! `ValidateServiceUpdate` and `ValidateServiceStatusUpdate` of
//! `pkg/apis/core/validation/validation.go` of Kubernetes 1.31–1.37.
//!
//! **Left out**: feature gates that are not at their default.

use super::validation::{
    is_headless, printed_families, validate_load_balancer_class, validate_service,
};
use super::{LoadBalancerIngress, Service};
use crate::api::{
    FieldError, KubernetesVersion, Strictness, dns_1123_subdomain_faults, ip_faults, parse_as_go,
    printed_list, quoted_or_null, validate_object_meta_update,
};

const FIXED: &str = "may not change once set";

/// What a change of a Service is refused for.
#[must_use]
pub fn validate_service_update(
    new: &Service,
    old: &Service,
    version: KubernetesVersion,
) -> Vec<FieldError> {
    let mut errors = validate_object_meta_update(&new.metadata, &old.metadata, version);
    if new.needs_cluster_ip() && old.needs_cluster_ip() {
        errors.extend(validate_changed_ips(new, old, version));
        errors.extend(validate_changed_families(new, old, version));
    }
    let is_load_balancer = |it: &Service| it.kind() == "LoadBalancer";
    if is_load_balancer(old) && is_load_balancer(new) && !has_same_load_balancer_class(old, new) {
        let class = quoted_or_null(new.spec.load_balancer_class.as_deref());
        errors.push(FieldError::invalid("spec.loadBalancerClass", class, FIXED));
    }
    errors.extend(validate_load_balancer_class(new, version));
    if old.needs_health_check()
        && new.needs_health_check()
        && old.spec.health_check_node_port != new.spec.health_check_node_port
    {
        errors.push(FieldError::forbidden(
            "spec.healthCheckNodePort",
            "field is immutable",
        ));
    }
    errors.extend(validate_service(new, Some(old), version));
    errors
}

/// What a change of a Service's status is refused for.
#[must_use]
pub fn validate_service_status_update(
    new: &Service,
    old: &Service,
    version: KubernetesVersion,
) -> Vec<FieldError> {
    let mut errors = validate_object_meta_update(&new.metadata, &old.metadata, version);
    let ingress = &new.status.load_balancer.ingress;
    if new.kind() != "LoadBalancer" && !ingress.is_empty() {
        errors.push(FieldError::forbidden(
            "status.loadBalancer.ingress",
            "may only be used when `spec.type` is 'LoadBalancer'",
        ));
        return errors;
    }
    let held: Vec<String> = old
        .status
        .load_balancer
        .ingress
        .iter()
        .filter_map(|it| it.ip.clone())
        .collect();
    for (idx, ingress) in ingress.iter().enumerate() {
        let field = format!("status.loadBalancer.ingress[{idx}]");
        errors.extend(validate_ingress(ingress, &field, &held, version));
    }
    errors
}

/// Whether two Services ask for the same load balancer.
#[must_use]
pub fn has_same_load_balancer_class(one: &Service, other: &Service) -> bool {
    one.spec.load_balancer_class == other.spec.load_balancer_class
}

/// A second address may come and go; the first one stays.
fn validate_changed_ips(
    new: &Service,
    old: &Service,
    version: KubernetesVersion,
) -> Vec<FieldError> {
    if is_headless(&new.spec) && is_headless(&old.spec) {
        return Vec::new();
    }
    let (now, before) = (&new.spec.cluster_ips, &old.spec.cluster_ips);
    let printed = printed_list(now, version);
    let refuse = |idx: usize, why: &str| {
        FieldError::invalid(format!("spec.clusterIPs[{idx}]"), &printed, why)
    };
    let mut errors = Vec::new();
    if now.len() == before.len() {
        for (idx, _) in now
            .iter()
            .zip(before)
            .enumerate()
            .filter(|(_, (a, b))| a != b)
        {
            errors.push(refuse(idx, FIXED));
        }
        return errors;
    }
    if now.is_empty() {
        errors.push(refuse(0, "primary clusterIP can not be unset"));
    }
    if let (Some(now), Some(before)) = (now.first(), before.first())
        && now != before
    {
        errors.push(refuse(0, FIXED));
    }
    if now.len() < before.len() && now.len() == 1 && !is_single_stack(new) {
        errors.push(FieldError::invalid(
            "spec.ipFamilyPolicy",
            quoted_or_null(new.spec.ip_family_policy.as_deref()),
            "must be set to 'SingleStack' when releasing the secondary clusterIP",
        ));
    }
    errors
}

/// The same for families. That some messages show addresses is Kubernetes' own.
fn validate_changed_families(
    new: &Service,
    old: &Service,
    version: KubernetesVersion,
) -> Vec<FieldError> {
    if is_headless(&new.spec) || is_headless(&old.spec) {
        return Vec::new();
    }
    let (now, before) = (&new.spec.ip_families, &old.spec.ip_families);
    let families = printed_families(now, version);
    let refuse = |printed: &str, why: &str| FieldError::invalid("spec.ipFamilies[0]", printed, why);
    let mut errors = Vec::new();
    if now.len() == before.len() {
        for _ in now.iter().zip(before).filter(|(a, b)| a != b) {
            errors.push(refuse(&families, FIXED));
        }
        return errors;
    }
    let is_released = now.len() < before.len();
    if is_released && new.spec.cluster_ips.is_empty() {
        errors.push(refuse(&families, "primary ipFamily can not be unset"));
    }
    if let (Some(now), Some(before)) = (now.first(), before.first())
        && now != before
    {
        let ips = printed_list(&new.spec.cluster_ips, version);
        errors.push(refuse(&ips, FIXED));
    }
    if is_released && now.len() == 1 && !is_single_stack(new) {
        errors.push(FieldError::invalid(
            "spec.ipFamilyPolicy",
            quoted_or_null(new.spec.ip_family_policy.as_deref()),
            "must be set to 'SingleStack' when releasing the secondary ipFamily",
        ));
    }
    errors
}

fn is_single_stack(service: &Service) -> bool {
    service.spec.ip_family_policy.as_deref() == Some("SingleStack")
}

fn validate_ingress(
    ingress: &LoadBalancerIngress,
    field: &str,
    held: &[String],
    version: KubernetesVersion,
) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let ip = ingress.ip.as_deref().unwrap_or_default();
    if !ip.is_empty() {
        let strictness = Strictness::of(version, ip, held);
        errors.extend(ip_faults(&format!("{field}.ip"), ip, strictness));
    }
    let mode_field = format!("{field}.ipMode");
    match (ingress.ip_mode.as_deref(), ip.is_empty()) {
        (None, false) => errors.push(FieldError::required(
            mode_field,
            "must be specified when `ip` is set",
        )),
        (None, true) => {}
        (Some(_), true) => errors.push(FieldError::forbidden(
            mode_field,
            "may not be specified when `ip` is not set",
        )),
        (Some("VIP" | "Proxy"), false) => {}
        (Some(mode), false) => {
            errors.push(FieldError::not_supported(
                mode_field,
                mode,
                &["Proxy", "VIP"],
            ));
        }
    }
    let name = ingress.hostname.as_deref().unwrap_or_default();
    if !name.is_empty() {
        let field = format!("{field}.hostname");
        for fault in dns_1123_subdomain_faults(name) {
            errors.push(FieldError::invalid_text(field.as_str(), name, fault));
        }
        if parse_as_go(name).is_some() {
            let why = "must be a DNS name, not an IP address";
            errors.push(FieldError::invalid_text(field, name, why));
        }
    }
    errors
}
