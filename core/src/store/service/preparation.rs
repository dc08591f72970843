//! What is filled in, kept in step and dropped before a Service is checked.
//!
//! `normalizeClusterIPs`, `patchAllocatedValues` and `defaultOnRead…` of
//! `pkg/registry/core/service/storage/storage.go`, `dropTypeDependentFields` of `strategy.go`, of
//! Kubernetes 1.31–1.37.
//!
//! **Left out**: nothing.

use crate::api::{
    LoadBalancerStatus, Service, ServicePort, has_same_load_balancer_class, parse_as_go,
};
use crate::ip::{Family, family};
use std::collections::BTreeMap;

/// Fills in what a Service written by an older server lacks, and hides what it should not show.
pub fn default_on_read(service: &mut Service, primary: Family) {
    sync_cluster_ips(service, None);
    if !service.needs_cluster_ip() {
        service.spec.internal_traffic_policy = None;
        return;
    }
    let spec = &mut service.spec;
    if !spec.ip_families.is_empty() {
        return;
    }
    if spec.cluster_ip.as_deref() == Some("None") {
        // Nobody knows what endpoints one without a selector has: they may be of both families.
        let other = Family::ALL.into_iter().find(|it| *it != primary);
        let other = other.filter(|_| spec.selector.is_empty());
        spec.ip_families = [Some(primary), other]
            .into_iter()
            .flatten()
            .map(|it| it.to_string())
            .collect();
    } else {
        let families = spec.cluster_ips.iter().map(|it| {
            let found = parse_as_go(it).map(family);
            found.unwrap_or(Family::V4).to_string()
        });
        spec.ip_families = families.collect();
    }
    match spec.ip_families.len() {
        1 => spec.ip_family_policy = Some("SingleStack".into()),
        2 => spec.ip_family_policy = Some("RequireDualStack".into()),
        _ => {}
    }
}

/// Keeps `clusterIPs` in step with `clusterIP`, which is all that old clients know.
pub(super) fn sync_cluster_ips(new: &mut Service, old: Option<&Service>) {
    let spec = &mut new.spec;
    let Some(old) = old.map(|it| &it.spec) else {
        if spec.cluster_ips.is_empty() {
            spec.cluster_ips.extend(spec.cluster_ip.clone());
        }
        return;
    };
    if spec.cluster_ip == old.cluster_ip {
        if spec.cluster_ips.is_empty() {
            spec.cluster_ips.clone_from(&old.cluster_ips);
        }
        return;
    }
    if spec.cluster_ips == old.cluster_ips {
        spec.cluster_ips = spec.cluster_ip.iter().cloned().collect();
    }
}

/// Carries over what was given out and the client did not repeat.
pub(super) fn carry_over(new: &mut Service, old: &Service) {
    if old.needs_cluster_ip() && new.needs_cluster_ip() {
        if new.spec.cluster_ip.is_none() {
            new.spec.cluster_ip.clone_from(&old.spec.cluster_ip);
        }
        if new.spec.cluster_ips.is_empty() {
            new.spec.cluster_ips.clone_from(&old.spec.cluster_ips);
        }
    }
    if old.needs_node_ports() && new.needs_node_ports() {
        // Those that another port has claimed are not free to carry over.
        let claimed: Vec<i32> = new.node_ports().collect();
        let named: BTreeMap<&str, Option<i32>> = old
            .spec
            .ports
            .iter()
            .map(|it| (it.name(), it.node_port()))
            .collect();
        for port in &mut new.spec.ports {
            if port.node_port().is_none() {
                let before = named.get(port.name()).copied().flatten();
                port.node_port = before.filter(|it| !claimed.contains(it));
            }
        }
    }
    if old.needs_health_check()
        && new.needs_health_check()
        && new.spec.health_check_node_port.is_none()
    {
        new.spec.health_check_node_port = old.spec.health_check_node_port;
    }
}

/// Drops what the new type has no use for, unless the client changed it as well: then it is a
/// mistake, and is said to be one.
pub(super) fn drop_type_dependent_fields(new: &mut Service, old: &Service) {
    if old.needs_cluster_ip() && !new.needs_cluster_ip() {
        let (spec, before) = (&mut new.spec, &old.spec);
        if spec.cluster_ip == before.cluster_ip && spec.cluster_ips == before.cluster_ips {
            spec.cluster_ip = None;
            spec.cluster_ips.clear();
        }
        if spec.ip_families == before.ip_families {
            spec.ip_families.clear();
        }
        if spec.ip_family_policy == before.ip_family_policy {
            spec.ip_family_policy = None;
        }
    }
    if old.needs_node_ports() && !new.needs_node_ports() {
        let before: Vec<i32> = old.node_ports().collect();
        if new.node_ports().all(|it| before.contains(&it)) {
            for ServicePort { node_port, .. } in &mut new.spec.ports {
                *node_port = None;
            }
        }
    }
    if old.needs_health_check()
        && !new.needs_health_check()
        && new.spec.health_check_node_port == old.spec.health_check_node_port
    {
        new.spec.health_check_node_port = None;
    }
    let was_load_balancer = old.kind() == "LoadBalancer" && new.kind() != "LoadBalancer";
    if was_load_balancer {
        if new.spec.allocate_load_balancer_node_ports == old.spec.allocate_load_balancer_node_ports
        {
            new.spec.allocate_load_balancer_node_ports = None;
        }
        if has_same_load_balancer_class(old, new) {
            new.spec.load_balancer_class = None;
        }
    }
    if old.is_externally_accessible()
        && !new.is_externally_accessible()
        && new.spec.external_traffic_policy == old.spec.external_traffic_policy
    {
        new.spec.external_traffic_policy = None;
    }
    if new.kind() != "LoadBalancer" {
        new.status.load_balancer = LoadBalancerStatus::default();
    }
}
