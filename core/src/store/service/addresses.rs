//! Giving out ClusterIPs and taking them back.
//!
//! `allocClusterIPs` and `updateClusterIPs` of `pkg/registry/core/service/storage/alloc.go` of
//! Kubernetes 1.31–1.37.
//!
//! **Left out**: the random order in which Go walks two families; the first one comes first here.

use super::transaction::Transaction;
use super::{families, invalid};
use crate::api::{KubernetesVersion, Service, Status, printed_list};
use crate::ip::Family;

/// The addresses of a new Service, or of one that was an `ExternalName`.
pub(super) fn allocate(
    service: &mut Service,
    version: KubernetesVersion,
    transaction: &mut Transaction<'_>,
) -> Result<(), Status> {
    let is_headless = service
        .spec
        .cluster_ips
        .first()
        .is_some_and(|it| it == "None");
    if !service.needs_cluster_ip() || is_headless {
        return Ok(());
    }
    let n_families = service.spec.ip_families.len();
    // An empty one stands for any, and is printed so if another one cannot be had.
    while service.spec.cluster_ips.len() < n_families {
        service.spec.cluster_ips.push(String::new());
    }
    for idx in 0..n_families {
        allocate_one(service, idx, version, transaction)?;
    }
    service.spec.cluster_ip = service.spec.cluster_ips.first().cloned();
    Ok(())
}

/// The addresses of a changed Service: all of them, the second one, or none any more.
pub(super) fn update(
    new: &mut Service,
    old: &Service,
    version: KubernetesVersion,
    transaction: &mut Transaction<'_>,
) -> Result<(), Status> {
    if families::is_left_alone(new, old) {
        return Ok(());
    }
    if !old.needs_cluster_ip() && new.needs_cluster_ip() {
        return allocate(new, version, transaction);
    }
    if old.spec.cluster_ips.first().is_some_and(|it| it == "None") {
        return Ok(());
    }
    if old.needs_cluster_ip() && !new.needs_cluster_ip() {
        for ip in &old.spec.cluster_ips {
            transaction.release_ip(ip);
        }
        return Ok(());
    }
    match (old.spec.ip_families.len(), new.spec.ip_families.len()) {
        (1, 2) => {
            if new.spec.cluster_ips.len() < 2 {
                new.spec.cluster_ips.push(String::new());
            }
            if new.spec.cluster_ips.len() < 2 {
                return Ok(());
            }
            allocate_one(new, 1, version, transaction)
        }
        (2, 1) => {
            if let Some(second) = old.spec.cluster_ips.get(1) {
                transaction.release_ip(second);
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

fn allocate_one(
    service: &mut Service,
    idx: usize,
    version: KubernetesVersion,
    transaction: &mut Transaction<'_>,
) -> Result<(), Status> {
    let family = if service.spec.ip_families[idx] == "IPv6" {
        Family::V6
    } else {
        Family::V4
    };
    if service.spec.cluster_ips[idx].is_empty() {
        service.spec.cluster_ips[idx] = transaction.next_ip(family)?;
        return Ok(());
    }
    let printed = printed_list(&service.spec.cluster_ips, version);
    transaction
        .ip(&service.spec.cluster_ips[idx], family, &printed)
        .map_err(|it| invalid(service, &[it]))
}
