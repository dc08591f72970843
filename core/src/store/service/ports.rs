//! Giving out node ports and taking them back.
//!
//! `initNodePorts`, `updateNodePorts` and their like in
//! `pkg/registry/core/service/storage/alloc.go` of Kubernetes 1.31–1.37. That two protocols on one
//! port share a node port only when the Service is created, is Kubernetes' own.
//!
//! **Left out**: a node port written into a Service whose type has none is never its own; Kubernetes
//! takes it for its own when the type changes, and leaves the rest to its repair.

use super::invalid;
use super::transaction::Transaction;
use crate::api::{FieldError, Service, ServicePort, Status};
use crate::store::allocator::PortFault;
use std::collections::BTreeMap;

/// The ports of a new Service.
pub(super) fn allocate(
    service: &mut Service,
    transaction: &mut Transaction<'_>,
) -> Result<(), Status> {
    if service.needs_node_ports() {
        allocate_node_ports(service, transaction)?;
    }
    if service.needs_health_check() {
        allocate_health_check(service, transaction)?;
    }
    Ok(())
}

/// The ports of a changed Service.
pub(super) fn update(
    new: &mut Service,
    old: &Service,
    transaction: &mut Transaction<'_>,
) -> Result<(), Status> {
    if old.needs_node_ports() && matches!(new.kind(), "ExternalName" | "ClusterIP") {
        for port in old.node_ports() {
            transaction.release_port(port);
        }
    }
    if new.needs_node_ports() {
        update_node_ports(new, old, transaction)?;
    }
    match (old.needs_health_check(), new.needs_health_check()) {
        (false, true) => allocate_health_check(new, transaction)?,
        (true, false) => {
            if let Some(port) = old.spec.health_check_node_port {
                transaction.release_port(port);
            }
        }
        _ => {}
    }
    Ok(())
}

/// Whether ports without a number get one.
pub(super) fn wants_node_ports(service: &Service) -> bool {
    service.kind() == "NodePort"
        || service.kind() == "LoadBalancer"
            && service.spec.allocate_load_balancer_node_ports != Some(false)
}

fn allocate_node_ports(
    service: &mut Service,
    transaction: &mut Transaction<'_>,
) -> Result<(), Status> {
    let wants_any = wants_node_ports(service);
    let mut given: BTreeMap<i32, i32> = BTreeMap::new();
    for idx in 0..service.spec.ports.len() {
        let ServicePort { port, .. } = service.spec.ports[idx];
        let told = service.spec.ports[idx].node_port();
        if told.is_none() && !wants_any {
            continue;
        }
        let node_port = match (given.get(&port), told) {
            (None, _) => {
                let node_port = match requested(port, &service.spec.ports) {
                    Some(asked) => {
                        take(service, idx, asked, transaction)?;
                        asked
                    }
                    None => next(transaction)?,
                };
                given.insert(port, node_port);
                node_port
            }
            (Some(shared), None) => *shared,
            (Some(shared), Some(told)) => {
                if told != *shared {
                    take(service, idx, told, transaction)?;
                }
                told
            }
        };
        service.spec.ports[idx].node_port = Some(node_port);
    }
    Ok(())
}

/// The node port that any of the ports of this number asks for.
fn requested(port: i32, ports: &[ServicePort]) -> Option<i32> {
    ports
        .iter()
        .filter(|it| it.port == port)
        .find_map(ServicePort::node_port)
}

fn update_node_ports(
    new: &mut Service,
    old: &Service,
    transaction: &mut Transaction<'_>,
) -> Result<(), Status> {
    let before: Vec<i32> = if old.needs_node_ports() {
        old.node_ports().collect()
    } else {
        Vec::new()
    };
    let wants_any = wants_node_ports(new);
    let mut taken = Vec::new();
    let mut seen: Vec<(String, i32)> = Vec::new();
    for idx in 0..new.spec.ports.len() {
        let told = new.spec.ports[idx].node_port();
        if told.is_none() && !wants_any {
            continue;
        }
        let node_port = match told {
            Some(told) => {
                if !before.contains(&told) && !taken.contains(&told) {
                    take(new, idx, told, transaction)?;
                    taken.push(told);
                }
                told
            }
            None => next(transaction)?,
        };
        new.spec.ports[idx].node_port = Some(node_port);
        let key = (new.spec.ports[idx].protocol().to_owned(), node_port);
        if seen.contains(&key) {
            return Err(plain_error(format!(
                "duplicate nodePort: {{{} {node_port}}}",
                key.0
            )));
        }
        seen.push(key);
    }
    let now: Vec<i32> = new.node_ports().collect();
    for port in before.into_iter().filter(|it| !now.contains(it)) {
        transaction.release_port(port);
    }
    Ok(())
}

fn allocate_health_check(
    service: &mut Service,
    transaction: &mut Transaction<'_>,
) -> Result<(), Status> {
    match service.spec.health_check_node_port {
        Some(port) => transaction.port(port).map_err(|fault| {
            Status::internal_error(&format!(
                "failed to allocate requested HealthCheck NodePort {port}: {fault}"
            ))
        }),
        None => {
            let port = transaction.next_port().map_err(|fault| {
                Status::internal_error(&format!(
                    "failed to allocate a HealthCheck NodePort 0: {fault}"
                ))
            })?;
            service.spec.health_check_node_port = Some(port);
            Ok(())
        }
    }
}

fn take(
    service: &Service,
    idx: usize,
    port: i32,
    transaction: &mut Transaction<'_>,
) -> Result<(), Status> {
    transaction.port(port).map_err(|fault| {
        let field = format!("spec.ports[{idx}].nodePort");
        let error = FieldError::invalid(field, port, fault.to_string());
        invalid(service, &[error])
    })
}

fn next(transaction: &mut Transaction<'_>) -> Result<i32, Status> {
    transaction.next_port().map_err(|fault: PortFault| {
        Status::internal_error(&format!("failed to allocate a nodePort: {fault}"))
    })
}

/// An error that the server did not care to give a reason.
fn plain_error(message: String) -> Status {
    Status {
        code: 500,
        reason: None,
        message,
        details: None,
    }
}
