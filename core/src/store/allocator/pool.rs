//! Places of a range and who holds them, in two bands.
//!
//! KEP-3070 and KEP-3668 (`pkg/registry/core/service/allocator/bitmap.go`,
//! `randomScanStrategyWithOffset`): the lower band is kept for places that somebody asks for;
//! places nobody asked for come from the upper band, from a drawn one on and around its end, and
//! from the lower band once the upper one is full.
//!
//! **Left out**: snapshots and repair.

use super::runs::Runs;
use crate::chance::Chooser;
use std::collections::BTreeMap;
use std::ops::Range;

/// The namespace and the name of the Service that holds a place.
pub type Owner = (String, String);

/// The places of a range, counted from 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pool {
    size: u128,
    /// Where the upper band begins.
    offset: u128,
    taken: Runs,
    owners: BTreeMap<u128, Owner>,
}

impl Pool {
    /// A pool of `size` places, none of them taken.
    pub(super) fn new(size: u128, offset: u128) -> Self {
        Pool {
            size,
            offset: offset.min(size),
            taken: Runs::default(),
            owners: BTreeMap::new(),
        }
    }

    pub(super) fn size(&self) -> u128 {
        self.size
    }

    pub(super) fn offset(&self) -> u128 {
        self.offset
    }

    pub(super) fn used(&self) -> u128 {
        self.taken.len()
    }

    pub(super) fn owner(&self, place: u128) -> Option<&Owner> {
        self.owners.get(&place)
    }

    pub(super) fn owners(&self) -> impl Iterator<Item = (u128, &Owner)> {
        self.owners.iter().map(|(place, owner)| (*place, owner))
    }

    /// Takes a place; false if it is taken.
    pub(super) fn take(&mut self, place: u128, owner: &Owner) -> bool {
        let is_free = self.taken.insert(place);
        if is_free {
            self.owners.insert(place, owner.clone());
        }
        is_free
    }

    /// Takes a place nobody asked for; `None` if there is none left.
    pub(super) fn take_next(&mut self, chooser: &mut Chooser, owner: &Owner) -> Option<u128> {
        let place = self
            .drawn_free(self.offset..self.size, chooser)
            .or_else(|| self.drawn_free(0..self.offset, chooser))?;
        self.take(place, owner);
        Some(place)
    }

    /// Gives a place back, if this owner holds it.
    pub(super) fn release(&mut self, place: u128, owner: &Owner) {
        if self.owners.get(&place) == Some(owner) {
            self.owners.remove(&place);
            self.taken.remove(place);
        }
    }

    fn drawn_free(&self, band: Range<u128>, chooser: &mut Chooser) -> Option<u128> {
        let size = u64::try_from(band.end - band.start).unwrap_or(u64::MAX);
        if size == 0 {
            return None;
        }
        let start = band.start + u128::from(chooser.draw(size));
        self.taken
            .first_free(start..band.end)
            .or_else(|| self.taken.first_free(band.start..start))
    }
}
