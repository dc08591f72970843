//! What Services hold and nobody else may hold: addresses of the service ranges, ports of nodes.
//!
//! `pkg/registry/core/service/{ipallocator,portallocator}` of Kubernetes 1.31–1.37. Every place has
//! an owner, so that a Service gives back only what is its own, and so that it can be told whether
//! deleting everything leaves nothing behind.
//!
//! From 1.33 on ServiceCIDRs add ranges (`MetaAllocator` of `cidrallocator.go`): an address of several ranges is taken in
//! all of them; one that nobody asked for comes from the cluster's own range, and from another when that is full.
//!
//! **Left out**: repair; metrics; a cluster's own range always gives out addresses, also while its ServiceCIDR is going.

mod ip;
mod pool;
mod port;
mod runs;

pub use ip::{IpAllocator, IpFault};
pub use pool::Owner;
pub use port::{PortAllocator, PortFault, PortRange};

use crate::api::KubernetesVersion;
use crate::chance::Chooser;
use crate::ip::{Cidr, Family, IpAddr, family, nth};
use std::collections::BTreeSet;

/// All that Services of a cluster can hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allocators {
    /// One for each family of the cluster, the first one the cluster's default.
    ips: Vec<IpAllocator>,
    /// What ServiceCIDRs add.
    more: Vec<AddedRange>,
    /// Ports of nodes, for traffic and for health checks.
    pub ports: PortAllocator,
}

/// A range that a ServiceCIDR adds.
#[derive(Clone, Debug, PartialEq, Eq)]
struct AddedRange {
    allocator: IpAllocator,
    /// Whether addresses are given out.
    readiness: RangeReadiness,
}

/// Whether a range gives out addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RangeReadiness {
    /// It does.
    Ready,
    /// It is going, or not there yet: what is taken stays taken.
    NotReady,
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
            more: Vec::new(),
            ports: PortAllocator::new(ports),
        }
    }

    /// The ranges that ServiceCIDRs add are now these; the cluster's own among them change nothing.
    pub(super) fn add_ranges(
        &mut self,
        ranges: &[(Cidr, RangeReadiness)],
        version: KubernetesVersion,
    ) {
        let known = std::mem::take(&mut self.more);
        for (range, readiness) in ranges {
            let mut allocator = IpAllocator::new(*range, version);
            let all = self.ips.iter().chain(known.iter().map(|it| &it.allocator));
            if self.ips.iter().any(|it| it.range() == allocator.range()) {
                continue;
            }
            for (ip, owner) in all.flat_map(IpAllocator::taken) {
                // One that is in two ranges is met twice.
                let _ = allocator.allocate(ip, owner);
            }
            self.more.push(AddedRange {
                allocator,
                readiness: *readiness,
            });
        }
    }

    fn all_ips(&self) -> impl Iterator<Item = &IpAllocator> {
        self.ips
            .iter()
            .chain(self.more.iter().map(|it| &it.allocator))
    }

    fn all_ips_mut(&mut self) -> impl Iterator<Item = &mut IpAllocator> {
        let more = self.more.iter_mut().map(|it| &mut it.allocator);
        self.ips.iter_mut().chain(more)
    }

    /// Who holds an address.
    #[must_use]
    pub fn ip_owner(&self, ip: IpAddr) -> Option<&Owner> {
        self.all_ips().find_map(|it| it.owner(ip))
    }

    /// Takes an address somebody asks for, of a family the cluster has.
    pub(super) fn allocate_ip(&mut self, ip: IpAddr, owner: &Owner) -> Result<(), IpFault> {
        if self.ip_owner(ip).is_some() {
            return Err(IpFault::Allocated);
        }
        let family = family(ip);
        let first = self.ips(family).ok_or(IpFault::MismatchedNetwork)?;
        if !first.range().contains(&ip) {
            let fault = first.allocate_dry(ip);
            let gives = |it: &&AddedRange| {
                it.readiness == RangeReadiness::Ready && it.allocator.range().contains(&ip)
            };
            let Some(added) = self.more.iter().find(gives) else {
                return self
                    .ips_mut(family)
                    .map_or(fault, |it| it.allocate(ip, owner));
            };
            added.allocator.allocate_dry(ip)?;
        } else {
            first.allocate_dry(ip)?;
        }
        self.take_everywhere(ip, owner);
        Ok(())
    }

    /// What [`Allocators::allocate_ip`] says in a dry run: whether the address is taken is not looked at.
    pub(super) fn allocate_ip_dry(&self, ip: IpAddr) -> Result<(), IpFault> {
        let first = self.ips(family(ip)).ok_or(IpFault::MismatchedNetwork)?;
        let in_added = |it: &&AddedRange| {
            it.readiness == RangeReadiness::Ready && it.allocator.range().contains(&ip)
        };
        match self.more.iter().find(in_added) {
            Some(it) if !first.range().contains(&ip) => it.allocator.allocate_dry(ip),
            _ => first.allocate_dry(ip),
        }
    }

    /// Takes an address nobody asked for.
    pub(super) fn allocate_next_ip(
        &mut self,
        of: Family,
        chooser: &mut Chooser,
        owner: &Owner,
    ) -> Result<IpAddr, IpFault> {
        let added = self
            .more
            .iter_mut()
            .filter(|it| it.readiness == RangeReadiness::Ready && it.allocator.family() == of);
        let own = self.ips.iter_mut().filter(|it| it.family() == of);
        let mut all = own.chain(added.map(|it| &mut it.allocator));
        let found = all.find_map(|it| it.allocate_next(chooser, owner).ok());
        let ip = found.ok_or(IpFault::Full)?;
        self.take_everywhere(ip, owner);
        Ok(ip)
    }

    /// Gives an address back, if this owner holds it.
    pub(super) fn release_ip(&mut self, ip: IpAddr, owner: &Owner) {
        for it in self.all_ips_mut() {
            it.release(ip, owner);
        }
    }

    fn take_everywhere(&mut self, ip: IpAddr, owner: &Owner) {
        for it in self.all_ips_mut().filter(|it| it.range().contains(&ip)) {
            // It is taken already in the range that gave it out.
            let _ = it.allocate(ip, owner);
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
        self.ports.used() == 0 && self.all_ips().all(|it| it.used() == 0)
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
