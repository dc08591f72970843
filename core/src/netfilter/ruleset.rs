//! All rules of one host.
//!
//! Tables, chains and sets keep the order they were made in, which is the order a listing shows.
//!
//! **Left out**: handles; the owner and dormant flags of a table.

use super::{Chain, Hook, Name, Set, TableKey};
use crate::indexed::Indexed;
use crate::sorted::insert_by_key;
use serde::Serialize;
use std::sync::Arc;

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
    base_chains: Vec<Hanging>,
}

/// A chain that hangs on a hook.
#[derive(Clone, Debug)]
struct Hanging {
    hook: Hook,
    name: Name,
    /// Where it stood when it was added.
    place: usize,
}

/// Alike wherever they stand.
impl PartialEq for Hanging {
    fn eq(&self, other: &Self) -> bool {
        (self.hook, &self.name) == (other.hook, &other.name)
    }
}

impl Eq for Hanging {}

/// Things by name that remember the order they came in.
#[derive(Clone, Debug)]
pub struct Named<T> {
    by_name: Indexed<Name, T>,
}

impl<T: Serialize> Serialize for Named<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<T> Default for Named<T> {
    fn default() -> Self {
        Named {
            by_name: Indexed::default(),
        }
    }
}

/// Alike if they hold the same things in the same order.
impl<T: PartialEq> PartialEq for Named<T> {
    fn eq(&self, other: &Self) -> bool {
        self.by_name.iter().eq(other.by_name.iter())
    }
}

impl<T: Eq> Eq for Named<T> {}

impl<T> Named<T> {
    /// The thing of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&T> {
        self.by_name.get(name)
    }

    /// The thing of this name, to be changed.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut T> {
        self.by_name.get_mut(name)
    }

    /// Adds a thing at the end; one of the same name is replaced where it stands.
    pub fn insert(&mut self, name: Name, thing: T) {
        self.by_name.insert(name, thing);
    }

    /// Takes a thing out.
    pub fn remove(&mut self, name: &str) -> Option<T> {
        self.by_name.remove(name)
    }

    /// All things in the order they came in.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.by_name.iter().map(|it| it.1)
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.by_name.len()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.by_name.len() == 0
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
        self.base_chains.retain(|it| it.name != chain.name);
        let (base, name) = (chain.base, chain.name.clone());
        self.chains.insert(name.clone(), chain);
        if let Some(base) = base {
            let place = self.chains.by_name.place(&*name).unwrap_or(0);
            let hook = base.hook;
            self.base_chains.push(Hanging { hook, name, place });
        }
    }

    /// A chain that hangs on a hook, where it was put, or where it has moved since.
    fn hanging(&self, it: &Hanging) -> Option<&Chain> {
        match self.chains.by_name.at(it.place) {
            Some((name, chain)) if Arc::ptr_eq(name, &it.name) => Some(chain),
            _ => self.chains.get(&it.name),
        }
    }

    /// Takes a chain out.
    pub(super) fn remove_chain(&mut self, name: &str) {
        self.base_chains.retain(|it| *it.name != *name);
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
        let mut chains = Vec::with_capacity(8);
        for table in &self.tables {
            let hanging = table.base_chains.iter().filter(|it| it.hook == hook);
            for chain in hanging.filter_map(|it| table.hanging(it)) {
                insert_by_key(&mut chains, (table, chain), |(_, chain)| {
                    chain.base.map(|it| it.priority)
                });
            }
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
