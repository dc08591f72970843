//! The objects of one kind, by name: a map that knows their type and keeps them as any object.
//!
//! All kinds share the code of two maps, one by namespace and name, one by name. A map for every type would weigh
//! some kilobytes a kind in the browser's download.
//!
//! **Left out**: changing anything; that is [`super::Objects`]' part.

use crate::api::{Held, Object};
use std::borrow::Borrow;
use std::collections::{BTreeMap, btree_map};
use std::marker::PhantomData;
use std::ops::{Index, RangeBounds};
use std::sync::Arc;

/// Objects of a type by their keys, in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Kept<K, T> {
    pub(super) objects: BTreeMap<K, Object>,
    kind: PhantomData<T>,
}

/// The objects of a kind and their keys, one after the other.
#[derive(Clone, Debug)]
pub struct Iter<'a, K, T> {
    rest: btree_map::Iter<'a, K, Object>,
    kind: PhantomData<T>,
}

impl<K: Ord, T: Held + 'static> Kept<K, T> {
    /// The object of this key.
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&Arc<T>>
    where
        K: Borrow<Q>,
    {
        T::held(self.objects.get(key)?)
    }

    /// Whether there is one of this key.
    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.objects.contains_key(key)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.objects.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// Their keys, in order.
    pub fn keys(&self) -> btree_map::Keys<'_, K, Object> {
        self.objects.keys()
    }

    /// The objects, in the order of their keys.
    pub fn values(&self) -> impl Iterator<Item = &Arc<T>> + Clone {
        self.objects.values().filter_map(T::held)
    }

    /// Keys and objects, in order.
    pub fn iter(&self) -> Iter<'_, K, T> {
        Iter {
            rest: self.objects.iter(),
            kind: PhantomData,
        }
    }

    /// Keys and objects within a range, in order.
    pub fn range(&self, range: impl RangeBounds<K>) -> impl Iterator<Item = (&K, &Arc<T>)> {
        let entries = self.objects.range(range);
        entries.filter_map(|(key, it)| Some((key, T::held(it)?)))
    }
}

impl<'a, K, T: Held + 'static> Iterator for Iter<'a, K, T> {
    type Item = (&'a K, &'a Arc<T>);

    fn next(&mut self) -> Option<Self::Item> {
        let (key, object) = self.rest.next()?;
        Some((key, T::held(object)?))
    }
}

impl<'a, K: Ord, T: Held + 'static> IntoIterator for &'a Kept<K, T> {
    type Item = (&'a K, &'a Arc<T>);
    type IntoIter = Iter<'a, K, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<K: Ord + Borrow<Q>, Q: Ord + ?Sized, T: Held + 'static> Index<&Q> for Kept<K, T> {
    type Output = Arc<T>;

    fn index(&self, key: &Q) -> &Arc<T> {
        self.get(key).expect("no object of this key")
    }
}
