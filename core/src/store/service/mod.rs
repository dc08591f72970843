//! What the API server does with a Service on its way into the store, and on its way out.
//!
//! `pkg/registry/core/service/{strategy.go,storage/{storage,alloc}.go}` of Kubernetes 1.31–1.37.
//! The order is the server's own: what the client left out is filled in, addresses and ports are
//! given out, and only then the Service is checked — so an address that cannot be had hides every
//! other mistake. Whatever fails, the allocators are left as they were.
//!
//! **Left out**: what the generic store does for all kinds (names, versions, times, preconditions);
//! deleting the Endpoints of the same name; the `proxy` subresource.

mod addresses;
mod adoption;
mod families;
mod ports;
mod preparation;
mod transaction;

pub use adoption::{adopt, complete};
pub use preparation::default_on_read;

use super::allocator::{Allocators, Owner, PortRange};
use crate::api::{
    ClusterConfiguration, FieldError, KubernetesVersion, Service, ServiceStatus, Status,
    parse_as_go, service_status_warnings, service_warnings, validate_service_create,
    validate_service_status_update, validate_service_update,
};
use crate::chance::Chooser;
use crate::ip::Cidr;
use transaction::Transaction;

/// What a cluster's API server was started with, as far as Services go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Its release.
    pub version: KubernetesVersion,
    /// The ranges of ClusterIPs (`--service-cluster-ip-range`), the default one first.
    pub service_ranges: Vec<Cidr>,
    /// The range of node ports (`--service-node-port-range`).
    pub node_ports: PortRange,
}

/// Whether a request is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DryRun {
    /// It is.
    No,
    /// It only asks what would happen: nothing is given out.
    Yes,
}

impl Rules {
    /// The rules of a cluster with these settings.
    #[must_use]
    pub fn of(cluster: &ClusterConfiguration, node_ports: PortRange) -> Self {
        Rules {
            version: cluster.version(),
            service_ranges: cluster.service_ranges(),
            node_ports,
        }
    }

    /// Allocators in which nothing is taken.
    #[must_use]
    pub fn allocators(&self) -> Allocators {
        Allocators::new(&self.service_ranges, self.node_ports, self.version)
    }
}

/// Takes in a new Service, whose name and namespace are set: fills in what the server fills in,
/// gives it addresses and ports, checks it. The answer is what the client is warned about.
///
/// If the store then cannot keep it (there is one of that name), [`delete`] takes everything back,
/// unless it was a dry run.
///
/// # Errors
/// What the server answers instead.
pub fn create(
    service: &mut Service,
    rules: &Rules,
    allocators: &mut Allocators,
    chooser: &mut Chooser,
    dry_run: DryRun,
) -> Result<Vec<String>, Status> {
    service.set_defaults();
    preparation::sync_cluster_ips(service, None);
    let primary = allocators.primary_family();
    let mut transaction = Transaction::new(owner(service), allocators, chooser, dry_run);
    let outcome = place_new(service, rules.version, &mut transaction).and_then(|()| {
        service.status = ServiceStatus::default();
        refuse(service, &validate_service_create(service, rules.version))
    });
    transaction.finish(outcome)?;
    let warnings = service_warnings(service, rules.version);
    default_on_read(service, primary);
    Ok(warnings)
}

/// Takes in a changed Service: carries over what was given out to the old one, gives out and takes
/// back what the change asks for, checks it. The answer is what the client is warned about.
///
/// # Errors
/// What the server answers instead.
pub fn update(
    old: &Service,
    new: &mut Service,
    rules: &Rules,
    allocators: &mut Allocators,
    chooser: &mut Chooser,
    dry_run: DryRun,
) -> Result<Vec<String>, Status> {
    let primary = allocators.primary_family();
    let mut old = old.clone();
    old.set_defaults();
    default_on_read(&mut old, primary);
    new.set_defaults();
    preparation::carry_over(new, &old);
    preparation::sync_cluster_ips(new, Some(&old));
    let mut transaction = Transaction::new(owner(new), allocators, chooser, dry_run);
    let outcome = place_changed(new, &old, rules.version, &mut transaction).and_then(|()| {
        new.status = old.status.clone();
        preparation::drop_type_dependent_fields(new, &old);
        refuse(new, &validate_service_update(new, &old, rules.version))
    });
    transaction.finish(outcome)?;
    let warnings = service_warnings(new, rules.version);
    default_on_read(new, primary);
    Ok(warnings)
}

/// Takes in a changed status: whatever else is changed, stays.
///
/// # Errors
/// What the server answers instead.
pub fn update_status(
    old: &Service,
    new: &mut Service,
    rules: &Rules,
) -> Result<Vec<String>, Status> {
    // What is filled in depends on the type that was asked for, before the old spec comes back.
    new.set_defaults();
    new.spec = old.spec.clone();
    refuse(
        new,
        &validate_service_status_update(new, old, rules.version),
    )?;
    Ok(service_status_warnings(new, rules.version))
}

/// Takes back what a Service holds.
pub fn delete(service: &Service, allocators: &mut Allocators) {
    let owner = owner(service);
    for ip in service.cluster_ips() {
        release_ip(&ip.to_string(), &owner, allocators);
    }
    let health_check = service.spec.health_check_node_port;
    for port in service.node_ports().chain(health_check) {
        allocators.ports.release(port, &owner);
    }
}

fn place_new(
    service: &mut Service,
    version: KubernetesVersion,
    transaction: &mut Transaction<'_>,
) -> Result<(), Status> {
    families::initialise(service, None, transaction.allocators, version)?;
    addresses::allocate(service, version, transaction)?;
    ports::allocate(service, transaction)
}

fn place_changed(
    new: &mut Service,
    old: &Service,
    version: KubernetesVersion,
    transaction: &mut Transaction<'_>,
) -> Result<(), Status> {
    families::initialise(new, Some(old), transaction.allocators, version)?;
    addresses::update(new, old, version, transaction)?;
    ports::update(new, old, transaction)
}

fn refuse(service: &Service, errors: &[FieldError]) -> Result<(), Status> {
    if errors.is_empty() {
        Ok(())
    } else {
        Err(invalid(service, errors))
    }
}

fn invalid(service: &Service, errors: &[FieldError]) -> Status {
    Status::invalid(("", "Service"), &service.metadata.name, errors)
}

fn owner(service: &Service) -> Owner {
    super::objects::key(&service.metadata)
}

fn release_ip(ip: &str, owner: &Owner, allocators: &mut Allocators) {
    let Some(ip) = parse_as_go(ip) else {
        return;
    };
    allocators.release_ip(ip, owner);
}
