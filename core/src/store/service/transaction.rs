//! What one request takes and gives back, all of it or nothing.
//!
//! `pkg/registry/core/service/storage/transaction.go` and `portallocator/operation.go`: what is
//! taken is taken at once, what is given back is given back only when the request has succeeded.
//!
//! **Left out**: nothing.

use super::{DryRun, release_ip};
use crate::api::{FieldError, Status, parse_as_go};
use crate::chance::Chooser;
use crate::ip::Family;
use crate::store::allocator::{Allocators, IpFault, Owner, PortFault};

/// One request's dealings with the allocators.
pub(super) struct Transaction<'a> {
    pub(super) allocators: &'a mut Allocators,
    chooser: &'a mut Chooser,
    owner: Owner,
    dry_run: DryRun,
    taken_ips: Vec<String>,
    taken_ports: Vec<i32>,
    released_ips: Vec<String>,
    released_ports: Vec<i32>,
}

/// The port before the first one that a dry run shows.
const BEFORE_DRY_PORTS: i32 = 32_768;

impl<'a> Transaction<'a> {
    pub(super) fn new(
        owner: Owner,
        allocators: &'a mut Allocators,
        chooser: &'a mut Chooser,
        dry_run: DryRun,
    ) -> Self {
        Transaction {
            allocators,
            chooser,
            owner,
            dry_run,
            taken_ips: Vec::new(),
            taken_ports: Vec::new(),
            released_ips: Vec::new(),
            released_ports: Vec::new(),
        }
    }

    /// An address nobody asked for.
    pub(super) fn next_ip(&mut self, family: Family) -> Result<String, Status> {
        let full = |fault: IpFault| {
            Status::internal_error(&format!("failed to allocate a serviceIP: {fault}"))
        };
        let ips = self.allocators.ips(family);
        let ips = ips.ok_or_else(|| full(IpFault::Full))?;
        if self.dry_run == DryRun::Yes {
            return Ok(ips.range().network().to_string());
        }
        let ip = self
            .allocators
            .allocate_next_ip(family, self.chooser, &self.owner)
            .map_err(full)?;
        self.taken_ips.push(ip.to_string());
        Ok(ip.to_string())
    }

    /// The address somebody asked for; `printed` is the list it stands in.
    pub(super) fn ip(
        &mut self,
        text: &str,
        family: Family,
        printed: &str,
    ) -> Result<(), FieldError> {
        let refuse = |fault: IpFault| {
            let why = format!("failed to allocate IP {text}: {fault}");
            FieldError::invalid("spec.clusterIPs", printed, why)
        };
        let ip = parse_as_go(text).filter(|_| self.allocators.ips(family).is_some());
        let ip = ip.ok_or_else(|| refuse(IpFault::MismatchedNetwork))?;
        if self.dry_run == DryRun::Yes {
            return self.allocators.allocate_ip_dry(ip).map_err(refuse);
        }
        self.allocators
            .allocate_ip(ip, &self.owner)
            .map_err(refuse)?;
        self.taken_ips.push(text.to_owned());
        Ok(())
    }

    /// A port nobody asked for.
    pub(super) fn next_port(&mut self) -> Result<i32, PortFault> {
        let port = match self.dry_run {
            // A number that looks like one; two of a request differ.
            DryRun::Yes => {
                1 + self
                    .taken_ports
                    .iter()
                    .copied()
                    .max()
                    .unwrap_or(BEFORE_DRY_PORTS)
            }
            DryRun::No => self
                .allocators
                .ports
                .allocate_next(self.chooser, &self.owner)?,
        };
        self.taken_ports.push(port);
        Ok(port)
    }

    /// The port somebody asked for.
    pub(super) fn port(&mut self, port: i32) -> Result<(), PortFault> {
        match self.dry_run {
            DryRun::Yes => {
                let is_taken = self.allocators.ports.owner(port).is_some();
                if is_taken || self.taken_ports.contains(&port) {
                    return Err(PortFault::Allocated);
                }
            }
            DryRun::No => self.allocators.ports.allocate(port, &self.owner)?,
        }
        self.taken_ports.push(port);
        Ok(())
    }

    /// An address to give back in the end.
    pub(super) fn release_ip(&mut self, ip: &str) {
        self.released_ips.push(ip.to_owned());
    }

    /// A port to give back in the end.
    pub(super) fn release_port(&mut self, port: i32) {
        self.released_ports.push(port);
    }

    /// Gives back what is to be given back, or what was taken in vain.
    pub(super) fn finish(self, outcome: Result<(), Status>) -> Result<(), Status> {
        if self.dry_run == DryRun::No {
            let (ips, ports) = match outcome {
                Ok(()) => (self.released_ips, self.released_ports),
                Err(_) => (self.taken_ips, self.taken_ports),
            };
            for ip in ips {
                release_ip(&ip, &self.owner, self.allocators);
            }
            for port in ports {
                self.allocators.ports.release(port, &self.owner);
            }
        }
        outcome
    }
}
