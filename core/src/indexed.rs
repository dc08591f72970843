//! Things by key, found by a hash that is the same on every machine, in the order they came.
//!
//! A tree by name grows deeper with every Service; this stays flat, and no order in it is luck.
//! The hash is FxHash (rustc-hash 2), kept here because its output must never change.
//!
//! **Left out**: defence against keys chosen to collide, and shrinking.

use std::borrow::Borrow;
use std::hash::{Hash, Hasher};

/// No place, and never one.
const NONE: u32 = u32::MAX;
/// No place any more: what is looked for may stand further on.
const GONE: u32 = u32::MAX - 1;

/// Things by key, in the order they came.
#[derive(Clone, Debug)]
pub(crate) struct Indexed<K, V> {
    slots: Vec<Option<(K, V)>>,
    places: Places,
    n_alive: usize,
}

/// Where things stand, by their hashes, for whoever keeps the things themselves.
///
/// Open addressing over a power of two of hashes and places.
#[derive(Clone, Debug, Default)]
pub(crate) struct Places {
    buckets: Vec<(u32, u32)>,
    /// How many buckets are or were filled.
    n_filled: usize,
}

impl<K, V> Default for Indexed<K, V> {
    fn default() -> Self {
        Indexed {
            slots: Vec::new(),
            places: Places::default(),
            n_alive: 0,
        }
    }
}

impl<K: Hash + Eq, V> Indexed<K, V> {
    /// How many things there are.
    pub(crate) const fn len(&self) -> usize {
        self.n_alive
    }

    /// All things in the order they came.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.slots.iter().flatten().map(|(key, value)| (key, value))
    }

    /// The thing of this key.
    pub(crate) fn get<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.find(key, |it| it.borrow() == key)
    }

    /// The thing whose key is what is looked for, which must hash as the key does.
    pub(crate) fn find<Q: Hash + ?Sized>(
        &self,
        wanted: &Q,
        is_wanted: impl Fn(&K) -> bool,
    ) -> Option<&V> {
        let slot = self.slot(hash(wanted), is_wanted)?;
        self.slots[slot].as_ref().map(|it| &it.1)
    }

    /// Where the thing of this key stands, until something else is taken out.
    pub(crate) fn place<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<usize>
    where
        K: Borrow<Q>,
    {
        self.slot(hash(key), |it| it.borrow() == key)
    }

    /// How many places there are, also of what was taken out: the next thing comes behind them, unless gaps are closed first.
    pub(crate) const fn n_places(&self) -> usize {
        self.slots.len()
    }

    /// What stands at a place.
    pub(crate) fn at(&self, place: usize) -> Option<(&K, &V)> {
        let (key, value) = self.slots.get(place)?.as_ref()?;
        Some((key, value))
    }

    /// All things without their keys.
    pub(crate) fn values(&self) -> impl Iterator<Item = &V> {
        self.iter().map(|it| it.1)
    }

    /// The thing of this key, to be changed; an empty one if there is none yet.
    pub(crate) fn get_or_default(&mut self, key: K) -> &mut V
    where
        V: Default,
    {
        self.get_or_insert(key, V::default())
    }

    /// The same with what is to be there if there is none yet.
    pub(crate) fn get_or_insert(&mut self, key: K, value: V) -> &mut V {
        let place = self.place_or_insert(key, value);
        &mut self.slots[place].as_mut().expect("just found").1
    }

    /// The thing of this key, to be changed.
    pub(crate) fn get_mut<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        let place = self.place(key)?;
        self.slots[place].as_mut().map(|it| &mut it.1)
    }

    /// Adds a thing at the end; one of the same key is replaced where it stands, and given back.
    pub(crate) fn insert(&mut self, key: K, value: V) -> Option<V> {
        let hash = hash(&key);
        if let Some(slot) = self.slot(hash, |it| *it == key) {
            let before = self.slots[slot].replace((key, value));
            return before.map(|it| it.1);
        }
        self.push(hash, key, value);
        None
    }

    /// Where the thing of this key stands; if there is none, this one is put at the end.
    pub(crate) fn place_or_insert(&mut self, key: K, value: V) -> usize {
        let hash = hash(&key);
        match self.slot(hash, |it| *it == key) {
            Some(slot) => slot,
            None => self.push(hash, key, value),
        }
    }

    fn push(&mut self, hash: u32, key: K, value: V) -> usize {
        if !self.places.has_room_for(self.slots.len() + 1) {
            self.close_gaps();
        }
        let place = self.slots.len();
        self.places.add(hash, u32::try_from(place).unwrap_or(NONE));
        self.slots.push(Some((key, value)));
        self.n_alive += 1;
        place
    }

    /// Takes a thing out; its place stays empty until the next growth.
    pub(crate) fn remove<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let slots = &self.slots;
        let is_wanted = |slot| holds(slots, slot, |it| it.borrow() == key);
        let slot = self.places.remove(hash(key), is_wanted)?;
        let (_, value) = self.slots[slot as usize].take()?;
        self.n_alive -= 1;
        Some(value)
    }

    fn slot(&self, hash: u32, is_wanted: impl Fn(&K) -> bool) -> Option<usize> {
        let is_wanted = |slot| holds(&self.slots, slot, &is_wanted);
        self.places.find(hash, is_wanted).map(|it| it as usize)
    }

    /// Moves what is there together, before the places grow.
    fn close_gaps(&mut self) {
        let mut moved = Vec::with_capacity(self.slots.len());
        let mut n_before = 0;
        for slot in &self.slots {
            moved.push(slot.is_some().then_some(n_before));
            n_before += u32::from(slot.is_some());
        }
        self.slots.retain(Option::is_some);
        self.places
            .grow(|slot| moved.get(slot as usize).copied().flatten());
    }
}

fn holds<K, V>(slots: &[Option<(K, V)>], slot: u32, is_wanted: impl Fn(&K) -> bool) -> bool {
    matches!(slots.get(slot as usize), Some(Some((key, _))) if is_wanted(key))
}

impl Places {
    /// The place of this hash that is the wanted one.
    pub(crate) fn find(&self, hash: u32, is_wanted: impl Fn(u32) -> bool) -> Option<u32> {
        Some(self.buckets[self.bucket(hash, is_wanted)?].1)
    }

    /// Adds a place in the stead of the one it takes over.
    pub(crate) fn put(&mut self, hash: u32, place: u32, is_its: impl Fn(u32) -> bool) {
        if let Some(bucket) = self.bucket(hash, is_its) {
            self.buckets[bucket].1 = place;
            return;
        }
        if !self.has_room_for(self.n_filled + 1) {
            self.grow(Some);
        }
        self.add(hash, place);
    }

    /// Takes a place out.
    pub(crate) fn remove(&mut self, hash: u32, is_wanted: impl Fn(u32) -> bool) -> Option<u32> {
        let bucket = self.bucket(hash, is_wanted)?;
        Some(std::mem::replace(&mut self.buckets[bucket].1, GONE))
    }

    fn bucket(&self, hash: u32, is_wanted: impl Fn(u32) -> bool) -> Option<usize> {
        let last = self.buckets.len().checked_sub(1)?;
        let mut bucket = hash as usize & last;
        loop {
            let (its, place) = self.buckets[bucket];
            if place == NONE {
                return None;
            }
            if its == hash && place != GONE && is_wanted(place) {
                return Some(bucket);
            }
            bucket = (bucket + 1) & last;
        }
    }

    const fn has_room_for(&self, n: usize) -> bool {
        n * 2 <= self.buckets.len()
    }

    fn add(&mut self, hash: u32, place: u32) {
        let last = self.buckets.len() - 1;
        let mut bucket = hash as usize & last;
        while self.buckets[bucket].1 < GONE {
            bucket = (bucket + 1) & last;
        }
        self.n_filled += usize::from(self.buckets[bucket].1 == NONE);
        self.buckets[bucket] = (hash, place);
    }

    /// Makes room for twice as many, and forgets what was taken out, or has no place any more.
    fn grow(&mut self, moved: impl Fn(u32) -> Option<u32>) {
        let is_there = |it: &&(u32, u32)| it.1 < GONE;
        let n_alive = self.buckets.iter().filter(is_there).count();
        let wanted = ((n_alive + 1) * 4).next_power_of_two().max(8);
        let before = std::mem::replace(&mut self.buckets, vec![(0, NONE); wanted]);
        self.n_filled = 0;
        for (hash, place) in before.iter().filter(is_there) {
            if let Some(place) = moved(*place) {
                self.add(*hash, place);
            }
        }
    }
}

/// A hash in all of its bits.
pub(crate) fn hash<Q: Hash + ?Sized>(key: &Q) -> u32 {
    let mut hasher = Fx(0);
    key.hash(&mut hasher);
    let spread = hasher.0 ^ (hasher.0 >> 32);
    // The low bits find the bucket, the others tell its neighbours apart.
    u32::try_from(spread & u64::from(u32::MAX)).unwrap_or(0)
}

struct Fx(u64);

impl Fx {
    fn add(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
    }
}

impl Hasher for Fx {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.add(u64::from_le_bytes(*word));
        }
        if rest.is_empty() {
            return;
        }
        // The last eight bytes in one, whatever of them was added before.
        if let Some(word) = bytes.last_chunk::<8>() {
            self.add(u64::from_le_bytes(*word));
        } else {
            let mut word = 0;
            for (idx, byte) in rest.iter().enumerate() {
                word |= u64::from(*byte) << (8 * idx);
            }
            self.add(word);
        }
    }

    fn write_u8(&mut self, it: u8) {
        self.add(it.into());
    }

    fn write_u16(&mut self, it: u16) {
        self.add(it.into());
    }

    fn write_u32(&mut self, it: u32) {
        self.add(it.into());
    }

    fn write_u128(&mut self, it: u128) {
        let (low, high) = (it & u128::from(u64::MAX), it >> 64);
        self.add(u64::try_from(low).unwrap_or(0));
        self.add(u64::try_from(high).unwrap_or(0));
    }

    fn write_u64(&mut self, it: u64) {
        self.add(it);
    }

    fn write_usize(&mut self, it: usize) {
        self.add(it as u64);
    }

    fn write_isize(&mut self, it: isize) {
        self.add(it.unsigned_abs() as u64);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_in_is_found_until_it_is_taken_out_and_keeps_its_order() {
        let mut indexed = Indexed::default();
        for n in 0..1000u32 {
            assert_eq!(indexed.insert(n, n), None);
        }
        for n in (0..1000).step_by(2) {
            assert_eq!(indexed.remove(&n), Some(n));
        }
        assert_eq!(indexed.insert(1, 7), Some(1));
        for n in 1000..3000 {
            indexed.insert(n, n);
        }
        assert_eq!(indexed.len(), 2500);
        // What comes and goes leaves no trail behind that would have to be gone along.
        for n in 0..100_000 {
            assert_eq!(indexed.insert(0, n), None);
            assert_eq!(indexed.remove(&0), Some(n));
        }
        assert_eq!(indexed.get(&2), None);
        assert_eq!(indexed.get(&1), Some(&7));
        let keys: Vec<u32> = indexed.iter().map(|it| *it.0).collect();
        assert!(keys.is_sorted());
    }
}
