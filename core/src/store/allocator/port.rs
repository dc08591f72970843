//! Node ports.
//!
//! KEP-3668; `pkg/registry/core/service/portallocator` of Kubernetes 1.31–1.37. The range is
//! kube-apiserver's `service-node-port-range`.
//!
//! **Left out**: repair.

use super::Owner;
use super::pool::Pool;
use crate::chance::Chooser;
use std::fmt;

/// A range of ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortRange {
    /// The first one.
    pub first: u16,
    /// The last one.
    pub last: u16,
}

/// The ports of a range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortAllocator {
    range: PortRange,
    pool: Pool,
}

/// Why a port cannot be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PortFault {
    /// None is left.
    Full,
    /// Somebody has it.
    Allocated,
    /// It is not one of the range.
    NotInRange(PortRange),
}

impl Default for PortRange {
    fn default() -> Self {
        PortRange {
            first: 30_000,
            last: 32_767,
        }
    }
}

impl PortRange {
    /// Reads `30000-32767`, `30000+100` (the first and how many more) or `30000`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let number = |it: &str| it.trim().parse::<u16>().ok();
        let (first, last) = if let Some((first, last)) = text.split_once('-') {
            (number(first)?, number(last)?)
        } else if let Some((first, more)) = text.split_once('+') {
            (number(first)?, number(first)?.checked_add(number(more)?)?)
        } else {
            (number(text)?, number(text)?)
        };
        (first <= last).then_some(PortRange { first, last })
    }

    /// How many ports it has.
    #[must_use]
    pub fn size(self) -> u128 {
        u128::from(self.last - self.first) + 1
    }

    /// A thirty-second of the range, at least 16 and at most 128; none where it has not more than
    /// 16.
    fn static_band(self) -> u128 {
        match self.size() {
            0..=16 => 0,
            size => (size / 32).clamp(16, 128),
        }
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}

impl PortAllocator {
    /// The ports of a range, none of them taken.
    #[must_use]
    pub fn new(range: PortRange) -> Self {
        PortAllocator {
            range,
            pool: Pool::new(range.size(), range.static_band()),
        }
    }

    /// The range.
    #[must_use]
    pub fn range(&self) -> PortRange {
        self.range
    }

    /// How many ports are kept, as long as possible, for those who ask.
    #[must_use]
    pub fn static_size(&self) -> u128 {
        self.pool.offset()
    }

    /// How many ports are taken.
    #[must_use]
    pub fn used(&self) -> u128 {
        self.pool.used()
    }

    /// How many ports are left.
    #[must_use]
    pub fn free(&self) -> u128 {
        self.pool.size() - self.pool.used()
    }

    /// Who holds a port.
    #[must_use]
    pub fn owner(&self, port: i32) -> Option<&Owner> {
        self.pool.owner(self.place(port)?)
    }

    /// All ports that are taken, with their owners.
    pub fn taken(&self) -> impl Iterator<Item = (i32, &Owner)> {
        let first = i32::from(self.range.first);
        self.pool
            .owners()
            .filter_map(move |(place, owner)| Some((first + i32::try_from(place).ok()?, owner)))
    }

    /// Takes a port somebody asks for.
    ///
    /// # Errors
    /// If it is taken, or not one of the range.
    pub fn allocate(&mut self, port: i32, owner: &Owner) -> Result<(), PortFault> {
        let place = self.place(port).ok_or(PortFault::NotInRange(self.range))?;
        if self.pool.take(place, owner) {
            Ok(())
        } else {
            Err(PortFault::Allocated)
        }
    }

    /// Takes a port nobody asked for.
    ///
    /// # Errors
    /// If none is left.
    pub fn allocate_next(
        &mut self,
        chooser: &mut Chooser,
        owner: &Owner,
    ) -> Result<i32, PortFault> {
        let place = self.pool.take_next(chooser, owner).ok_or(PortFault::Full)?;
        let place = i32::try_from(place).map_err(|_| PortFault::Full)?;
        Ok(i32::from(self.range.first) + place)
    }

    /// Gives a port back, if this owner holds it.
    pub fn release(&mut self, port: i32, owner: &Owner) {
        if let Some(place) = self.place(port) {
            self.pool.release(place, owner);
        }
    }

    fn place(&self, port: i32) -> Option<u128> {
        let place = u128::try_from(port.checked_sub(i32::from(self.range.first))?).ok()?;
        (place < self.pool.size()).then_some(place)
    }
}

impl fmt::Display for PortFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PortFault::Full => f.write_str("range is full"),
            PortFault::Allocated => f.write_str("provided port is already allocated"),
            PortFault::NotInRange(range) => write!(
                f,
                "provided port is not in the valid range. The range of valid ports is {range}"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_kube_apiserver_reads_them() {
        let read = |text| PortRange::parse(text).map(|it| it.to_string());
        assert_eq!(read("30000-32767").as_deref(), Some("30000-32767"));
        assert_eq!(read("30000+100").as_deref(), Some("30000-30100"));
        assert_eq!(read("80").as_deref(), Some("80-80"));
        assert_eq!(read("2-1"), None);
        assert_eq!(read("1-70000"), None);
    }
}
