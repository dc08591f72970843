//! What Services hold and nobody else may hold: addresses of the service ranges, ports of nodes.
//!
//! `pkg/registry/core/service/{ipallocator,portallocator}` of Kubernetes 1.31–1.37. Every place has
//! an owner, so that a Service gives back only what is its own, and so that it can be told whether
//! deleting everything leaves nothing behind.
//!
//! **Left out**: several ServiceCIDRs of a family; repair; metrics.

mod ip;
mod pool;
mod port;
mod runs;

pub use ip::{IpAllocator, IpFault};
pub use pool::Owner;
pub use port::{PortAllocator, PortFault, PortRange};

use crate::api::KubernetesVersion;
use crate::chance::Chooser;
use crate::ip::{Cidr, Family, IpAddr, nth};
use std::collections::BTreeSet;

/// All that Services of a cluster can hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allocators {
    /// One for each family of the cluster, the first one the cluster's default.
    ips: Vec<IpAllocator>,
    /// Ports of nodes, for traffic and for health checks.
    pub ports: PortAllocator,
}

impl Allocators {
    /// Allocators in which nothing is taken. Of several ranges of a family the first one counts.
    #[must_use]
    pub fn new(ranges: &[Cidr], ports: PortRange, version: KubernetesVersion) -> Self {
        let mut ips: Vec<IpAllocator> = Vec::new();
        for range in ranges {
            let allocator = IpAllocator::new(*range, version);
            if !ips.iter().any(|it| it.family() == allocator.family()) {
                ips.push(allocator);
            }
        }
        Allocators {
            ips,
            ports: PortAllocator::new(ports),
        }
    }

    /// The family a Service gets if it asks for none.
    #[must_use]
    pub fn primary_family(&self) -> Family {
        self.ips
            .first()
            .map(IpAllocator::family)
            .unwrap_or_default()
    }

    /// How many families the cluster has.
    #[must_use]
    pub fn n_families(&self) -> usize {
        self.ips.len()
    }

    /// The addresses of a family, if the cluster has it.
    #[must_use]
    pub fn ips(&self, family: Family) -> Option<&IpAllocator> {
        self.ips.iter().find(|it| it.family() == family)
    }

    pub(super) fn ips_mut(&mut self, family: Family) -> Option<&mut IpAllocator> {
        self.ips.iter_mut().find(|it| it.family() == family)
    }

    /// Whether nothing is taken.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ports.used() == 0 && self.ips.iter().all(|it| it.used() == 0)
    }
}

/// How many addresses of a range come before its upper band.
#[must_use]
pub fn dynamic_start(range: Cidr) -> u128 {
    ip::static_band(range)
}

/// A free address of the range, drawn as [`IpAllocator::allocate_next`] draws one, for a caller that
/// keeps its own list of the taken ones.
pub fn allocate(range: Cidr, used: &BTreeSet<IpAddr>, chooser: &mut Chooser) -> Option<IpAddr> {
    let ips = IpAllocator::new(range, KubernetesVersion::default());
    for (start, end) in [(ips.static_size(), ips.size()), (0, ips.static_size())] {
        let size = end - start;
        let drawn = match u64::try_from(size).unwrap_or(u64::MAX) {
            0 => continue,
            bound => u128::from(chooser.draw(bound)),
        };
        // Of one place more than are used, one is free, or the band is full.
        let n_tries = size.min(used.len() as u128 + 1);
        let found = (0..n_tries)
            .filter_map(|it| nth(range.trunc(), 1 + start + (drawn + it) % size))
            .find(|it| !used.contains(it));
        if found.is_some() {
            return found;
        }
    }
    None
}
