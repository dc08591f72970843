//! All rules of one host.
//!
//! Tables, chains and sets keep the order they were made in, which is the order a listing shows.
//!
//! **Left out**: handles; the owner and dormant flags of a table.

use super::{Chain, Hook, Name, Set, TableKey};
use crate::sorted::insert_by_key;
use serde::Serialize;
use std::collections::BTreeMap;

/// All rules of one host.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Ruleset {
    tables: Vec<Table>,
    /// Virtual servers and IP sets, where there are any.
    #[serde(skip_serializing_if = "super::ipvs::Ipvs::is_empty")]
    pub ipvs: super::ipvs::Ipvs,
}

/// One table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Table {
    /// Its family and name.
    pub key: TableKey,
    /// Its comment.
    pub comment: Option<Name>,
    /// Its chains.
    pub chains: Named<Chain>,
    /// Its sets and maps.
    pub sets: Named<Set>,
    /// The chains that hang on a hook, so that a packet need not look through all the others.
    #[serde(skip)]
    base_chains: Vec<Name>,
}

/// Things by name that remember the order they came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named<T> {
    by_name: BTreeMap<Name, (u32, T)>,
    /// Names by the moment they came in.
    in_order: BTreeMap<u32, Name>,
    n_ever: u32,
}

impl<T: Serialize> Serialize for Named<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<T> Default for Named<T> {
    fn default() -> Self {
        Named {
            by_name: BTreeMap::new(),
            in_order: BTreeMap::new(),
            n_ever: 0,
        }
    }
}

impl<T> Named<T> {
    /// The thing of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&T> {
        self.by_name.get(name).map(|it| &it.1)
    }

    /// The thing of this name, to be changed.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut T> {
        self.by_name.get_mut(name).map(|it| &mut it.1)
    }

    /// Adds a thing at the end; one of the same name is replaced where it stands.
    pub fn insert(&mut self, name: Name, thing: T) {
        let at = self.by_name.get(&name).map_or(self.n_ever, |it| it.0);
        self.n_ever += u32::from(at == self.n_ever);
        self.in_order.insert(at, name.clone());
        self.by_name.insert(name, (at, thing));
    }

    /// Takes a thing out.
    pub fn remove(&mut self, name: &str) -> Option<T> {
        let (at, thing) = self.by_name.remove(name)?;
        self.in_order.remove(&at);
        Some(thing)
    }

    /// All things in the order they came in.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.in_order.values().filter_map(|it| self.get(it))
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_name.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }
}

impl Table {
    /// An empty table.
    #[must_use]
    pub fn new(key: TableKey) -> Self {
        Table {
            key,
            comment: None,
            chains: Named::default(),
            sets: Named::default(),
            base_chains: Vec::new(),
        }
    }

    /// Adds a chain at the end; one of the same name is replaced where it stands.
    pub(super) fn add_chain(&mut self, chain: Chain) {
        self.base_chains.retain(|it| *it != chain.name);
        if chain.base.is_some() {
            self.base_chains.push(chain.name.clone());
        }
        self.chains.insert(chain.name.clone(), chain);
    }

    /// Takes a chain out.
    pub(super) fn remove_chain(&mut self, name: &str) {
        self.base_chains.retain(|it| **it != *name);
        self.chains.remove(name);
    }
}

impl Ruleset {
    /// The table of this key.
    #[must_use]
    pub fn table(&self, key: &TableKey) -> Option<&Table> {
        self.tables.iter().find(|it| it.key == *key)
    }

    pub(super) fn table_mut(&mut self, key: &TableKey) -> Option<&mut Table> {
        self.tables.iter_mut().find(|it| it.key == *key)
    }

    pub(super) fn add_table(&mut self, table: Table) {
        self.tables.push(table);
    }

    pub(super) fn remove_table(&mut self, key: &TableKey) {
        self.tables.retain(|it| it.key != *key);
    }

    /// All tables, in the order they were made.
    #[must_use]
    pub fn tables(&self) -> &[Table] {
        &self.tables
    }

    /// The base chains on a hook, in the order packets meet them.
    pub fn base_chains(&self, hook: Hook) -> Vec<(&Table, &Chain)> {
        let hanging = self
            .tables
            .iter()
            .flat_map(|table| {
                let named = table.base_chains.iter();
                named.filter_map(move |it| Some((table, table.chains.get(it)?)))
            })
            .filter(|(_, chain)| chain.base.is_some_and(|it| it.hook == hook));
        let mut chains = Vec::new();
        for it in hanging {
            insert_by_key(&mut chains, it, |(_, chain)| {
                chain.base.map(|it| it.priority)
            });
        }
        chains
    }

    /// How many rules there are in all.
    #[must_use]
    pub fn n_rules(&self) -> usize {
        self.tables
            .iter()
            .flat_map(|it| it.chains.iter())
            .map(|it| it.rules.len())
            .sum()
    }
}
