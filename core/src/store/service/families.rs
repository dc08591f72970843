//! Which families a Service gets, and in which order.
//!
//! `initIPFamilyFields` of `pkg/registry/core/service/storage/alloc.go` of Kubernetes 1.31–1.37.
//!
//! **Left out**: nothing.

use super::refuse;
use crate::api::{
    FieldError, KubernetesVersion, Service, Status, parse_as_go, printed_list, quoted,
    validate_cluster_ips,
};
use crate::ip::{Family, family};
use crate::store::allocator::Allocators;

const POLICY: &str = "spec.ipFamilyPolicy";

/// Sets the families and their policy, or says why they cannot be had.
pub(super) fn initialise(
    service: &mut Service,
    old: Option<&Service>,
    allocators: &Allocators,
    version: KubernetesVersion,
) -> Result<(), Status> {
    if !service.needs_cluster_ip() || old.is_some_and(|it| is_left_alone(service, it)) {
        return Ok(());
    }
    let is_free = is_headless_without_selector(service);
    if service.spec.ip_family_policy.is_none() {
        let before = old.and_then(|it| it.spec.ip_family_policy.clone());
        let default = if is_free {
            "RequireDualStack"
        } else {
            "SingleStack"
        };
        service.spec.ip_family_policy = Some(before.unwrap_or_else(|| default.into()));
    }
    refuse(service, &validate_cluster_ips(service, old, version))?;
    let mut errors = match old {
        Some(old) => follow_policy(service, old),
        None => Vec::new(),
    };
    errors.extend(too_many_for_single_stack(service));
    errors.extend(infer_families(service, allocators, version));
    refuse(service, &errors)?;
    if !is_free {
        refuse(service, &not_configured(service, allocators))?;
    }
    let has_room = is_free || allocators.n_families() == 2;
    let families = &mut service.spec.ip_families;
    if families.is_empty() {
        families.push(allocators.primary_family().to_string());
    }
    if !is_single_stack(service.spec.ip_family_policy.as_deref()) && has_room {
        add_other_family(families);
    }
    Ok(())
}

/// Whether a Service takes two families where it can get them, and nothing about that changes: it
/// is not moved to what the cluster has by now.
pub(super) fn is_left_alone(new: &Service, old: &Service) -> bool {
    let prefers = |it: Option<&str>| it == Some("PreferDualStack");
    let (policy, before) = (
        new.spec.ip_family_policy.as_deref(),
        old.spec.ip_family_policy.as_deref(),
    );
    new.kind() == old.kind()
        && matches!(new.kind(), "ClusterIP" | "NodePort" | "LoadBalancer")
        && prefers(policy)
        && (before.is_none() || prefers(before))
        && new.spec.cluster_ips == old.spec.cluster_ips
        && new.spec.ip_families == old.spec.ip_families
}

fn is_headless_without_selector(service: &Service) -> bool {
    service.spec.cluster_ip.as_deref() == Some("None") && service.spec.selector.is_empty()
}

fn is_single_stack(policy: Option<&str>) -> bool {
    policy == Some("SingleStack")
}

fn policy_refused(service: &Service, why: &str) -> FieldError {
    let policy = service.spec.ip_family_policy.as_deref();
    FieldError::invalid_text(POLICY, policy.unwrap_or_default(), why)
}

/// Asking for one family is clear enough: the second address and the second family go. Dropping
/// one of them without asking is not.
fn follow_policy(service: &mut Service, old: &Service) -> Vec<FieldError> {
    if is_single_stack(service.spec.ip_family_policy.as_deref()) {
        if service.spec.cluster_ips == old.spec.cluster_ips {
            service.spec.cluster_ips.truncate(1);
        }
        if service.spec.ip_families == old.spec.ip_families {
            service.spec.ip_families.truncate(1);
        }
        return Vec::new();
    }
    let is_reduced =
        |now: &[String], before: &[String]| !now.is_empty() && now.len() < before.len();
    let mut errors = Vec::new();
    if is_reduced(&service.spec.cluster_ips, &old.spec.cluster_ips) {
        let why = "must be 'SingleStack' to release the secondary cluster IP";
        errors.push(policy_refused(service, why));
    }
    if is_reduced(&service.spec.ip_families, &old.spec.ip_families) {
        let why = "must be 'SingleStack' to release the secondary IP family";
        errors.push(policy_refused(service, why));
    }
    errors
}

fn too_many_for_single_stack(service: &Service) -> Vec<FieldError> {
    let spec = &service.spec;
    if !is_single_stack(spec.ip_family_policy.as_deref()) {
        return Vec::new();
    }
    [
        (&spec.cluster_ips, "cluster IPs"),
        (&spec.ip_families, "IP families"),
    ]
    .into_iter()
    .filter(|(list, _)| list.len() == 2)
    .map(|(_, what)| {
        let why = format!(
            "must be 'RequireDualStack' or 'PreferDualStack' when multiple {what} are specified"
        );
        policy_refused(service, &why)
    })
    .collect()
}

/// The families of the addresses that were asked for.
fn infer_families(
    service: &mut Service,
    allocators: &Allocators,
    version: KubernetesVersion,
) -> Vec<FieldError> {
    let spec = &mut service.spec;
    let mut errors = Vec::new();
    for (idx, ip) in spec.cluster_ips.iter().enumerate() {
        let Some(found) = parse_as_go(ip).map(family) else {
            break;
        };
        if idx < spec.ip_families.len() {
            continue;
        }
        if allocators.ips(found).is_some() {
            spec.ip_families.push(found.to_string());
        } else {
            errors.push(FieldError::invalid(
                format!("spec.clusterIPs[{idx}]"),
                printed_list(&spec.cluster_ips, version),
                format!("{found} is not configured on this cluster"),
            ));
        }
    }
    errors
}

fn not_configured(service: &Service, allocators: &Allocators) -> Vec<FieldError> {
    let spec = &service.spec;
    let mut errors = Vec::new();
    if spec.ip_family_policy.as_deref() == Some("RequireDualStack") && allocators.n_families() < 2 {
        let why = "this cluster is not configured for dual-stack services";
        errors.push(policy_refused(service, why));
    }
    for (idx, name) in spec.ip_families.iter().enumerate() {
        let is_configured = Family::ALL
            .into_iter()
            .any(|it| it.to_string() == *name && allocators.ips(it).is_some());
        if !is_configured {
            errors.push(FieldError::invalid(
                format!("spec.ipFamilies[{idx}]"),
                quoted(name),
                "not configured on this cluster",
            ));
        }
    }
    errors
}

fn add_other_family(families: &mut Vec<String>) {
    if let [only] = families.as_slice() {
        let other = if only == "IPv4" { "IPv6" } else { "IPv4" };
        families.push(other.into());
    }
}
