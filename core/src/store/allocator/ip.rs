//! ClusterIPs out of one service range.
//!
//! KEP-3070; `pkg/registry/core/service/ipallocator` of Kubernetes 1.31–1.37: a bitmap up to 1.32,
//! IPAddress objects from 1.33 on, which know no limit for IPv6 and word an address of another
//! range differently.
//!
//! **Left out**: nothing: what several ranges of a family come to, the page above says.

use super::Owner;
use super::pool::Pool;
use crate::api::KubernetesVersion;
use crate::chance::Chooser;
use crate::ip::{Cidr, Family, IpAddr, cidr_family, nth};
use std::fmt;

/// The addresses of a service range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IpAllocator {
    range: Cidr,
    pool: Pool,
    knows_other_ranges: bool,
}

/// Why an address cannot be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IpFault {
    /// None is left.
    Full,
    /// Somebody has it.
    Allocated,
    /// It is in no range of the cluster (from 1.33 on).
    MismatchedNetwork,
    /// It is not one the range gives out.
    NotInRange {
        /// The address.
        ip: IpAddr,
        /// The range.
        range: Cidr,
    },
}

/// Up to 1.32 an IPv6 range gives out no more, however large it is.
const MAX_BITMAP: u128 = 65_536;

impl IpAllocator {
    /// The addresses of a range, none of them taken.
    #[must_use]
    pub fn new(range: Cidr, version: KubernetesVersion) -> Self {
        let range = range.trunc();
        let is_bitmap = version.minor < 33;
        let all = range_size(range);
        // The first address names the range and the last one of IPv4 broadcasts.
        let size = match cidr_family(range) {
            Family::V4 => all.saturating_sub(2),
            Family::V6 if is_bitmap => all.min(MAX_BITMAP).saturating_sub(1),
            Family::V6 => all.saturating_sub(1),
        };
        IpAllocator {
            range,
            pool: Pool::new(size, static_band(range)),
            knows_other_ranges: !is_bitmap,
        }
    }

    /// The range.
    #[must_use]
    pub fn range(&self) -> Cidr {
        self.range
    }

    /// The family of the range.
    #[must_use]
    pub fn family(&self) -> Family {
        cidr_family(self.range)
    }

    /// How many addresses it can give out in all.
    #[must_use]
    pub fn size(&self) -> u128 {
        self.pool.size()
    }

    /// How many of them are kept, as long as possible, for those who ask.
    #[must_use]
    pub fn static_size(&self) -> u128 {
        self.pool.offset()
    }

    /// How many addresses are taken.
    #[must_use]
    pub fn used(&self) -> u128 {
        self.pool.used()
    }

    /// How many addresses are left.
    #[must_use]
    pub fn free(&self) -> u128 {
        self.pool.size() - self.pool.used()
    }

    /// Who holds an address.
    #[must_use]
    pub fn owner(&self, ip: IpAddr) -> Option<&Owner> {
        self.pool.owner(self.place(ip)?)
    }

    /// All addresses that are taken, with their owners.
    pub fn taken(&self) -> impl Iterator<Item = (IpAddr, &Owner)> {
        self.pool
            .owners()
            .filter_map(|(place, owner)| Some((nth(self.range, place + 1)?, owner)))
    }

    /// Takes an address somebody asks for.
    ///
    /// # Errors
    /// If it is taken, or not one of the range.
    pub fn allocate(&mut self, ip: IpAddr, owner: &Owner) -> Result<(), IpFault> {
        if self.knows_other_ranges && !self.range.contains(&ip) {
            return Err(IpFault::MismatchedNetwork);
        }
        let place = self.place_or_fault(ip)?;
        if self.pool.take(place, owner) {
            Ok(())
        } else {
            Err(IpFault::Allocated)
        }
    }

    /// What [`IpAllocator::allocate`] says in a dry run: whether the address is taken is not looked
    /// at.
    ///
    /// # Errors
    /// If it is not one of the range.
    pub fn allocate_dry(&self, ip: IpAddr) -> Result<(), IpFault> {
        self.place_or_fault(ip).map(|_| ())
    }

    /// Takes an address nobody asked for.
    ///
    /// # Errors
    /// If none is left.
    pub fn allocate_next(
        &mut self,
        chooser: &mut Chooser,
        owner: &Owner,
    ) -> Result<IpAddr, IpFault> {
        let place = self.pool.take_next(chooser, owner).ok_or(IpFault::Full)?;
        nth(self.range, place + 1).ok_or(IpFault::Full)
    }

    /// Gives an address back, if this owner holds it.
    pub fn release(&mut self, ip: IpAddr, owner: &Owner) {
        if let Some(place) = self.place(ip) {
            self.pool.release(place, owner);
        }
    }

    fn place_or_fault(&self, ip: IpAddr) -> Result<u128, IpFault> {
        let range = self.range;
        self.place(ip).ok_or(IpFault::NotInRange { ip, range })
    }

    fn place(&self, ip: IpAddr) -> Option<u128> {
        let first = number(self.range.network()).checked_add(1)?;
        let is_of_family = ip.is_ipv4() == self.range.network().is_ipv4();
        let place = is_of_family
            .then(|| number(ip).checked_sub(first))
            .flatten()?;
        (place < self.pool.size()).then_some(place)
    }
}

impl fmt::Display for IpFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            IpFault::Full => f.write_str("range is full"),
            IpFault::Allocated => f.write_str("provided IP is already allocated"),
            IpFault::MismatchedNetwork => {
                f.write_str("the provided network does not match the current range")
            }
            IpFault::NotInRange { ip, range } => write!(
                f,
                "the provided IP ({ip}) is not in the valid range. The range of valid IPs is {range}"
            ),
        }
    }
}

/// How many addresses of a range come before the upper band: a sixteenth of the range, at least 16
/// and at most 256; none where the range has not more than 16.
#[must_use]
pub(super) fn static_band(range: Cidr) -> u128 {
    match range_size(range) {
        0..=16 => 0,
        size => (size / 16).clamp(16, 256),
    }
}

pub(super) fn range_size(range: Cidr) -> u128 {
    let n_bits = u32::from(range.max_prefix_len() - range.prefix_len());
    1u128.checked_shl(n_bits).unwrap_or(u128::MAX)
}

fn number(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(it) => u128::from(u32::from(it)),
        IpAddr::V6(it) => u128::from(it),
    }
}
