//! All rules of one host.
//!
//! Tables, chains and sets keep the order they were made in, which is the order a listing shows.
//!
//! **Left out**: handles; the owner and dormant flags of a table.

use super::{Chain, Hook, Name, Set, TableKey};
use crate::indexed::Indexed;
use crate::ip::Family;
use serde::Serialize;
use smallvec::SmallVec;
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
    place: u32,
}

/// A base chain as a packet meets it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Based<'a> {
    pub(super) table: &'a Table,
    pub(super) chain: &'a Chain,
    /// Where the chain stands in its table.
    pub(super) place: u32,
}

/// As many as common rulesets have on a hook are put together without an allocation.
pub(super) type BaseChains<'a> = SmallVec<[Based<'a>; 8]>;

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
    names: Names,
}

/// The names of things by their places, which a trace takes along as one.
pub(super) type Names = Arc<Vec<Name>>;

impl<T: Serialize> Serialize for Named<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<T> Default for Named<T> {
    fn default() -> Self {
        Named {
            by_name: Indexed::default(),
            names: Names::default(),
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
        let n_before = self.by_name.n_places();
        let n_there = self.len();
        self.by_name.insert(name.clone(), thing);
        let n_places = self.by_name.n_places();
        if n_places == n_before + 1 {
            Arc::make_mut(&mut self.names).push(name);
        } else if self.len() > n_there {
            // Gaps were closed, and everything has moved.
            let names = self.by_name.iter().map(|it| it.0.clone());
            self.names = Arc::new(names.collect());
        }
    }

    /// Where the thing of this name stands, and the thing.
    pub(super) fn placed(&self, name: &str) -> Option<(u32, &T)> {
        let place = self.by_name.place(name)?;
        let (_, thing) = self.by_name.at(place)?;
        Some((u32::try_from(place).ok()?, thing))
    }

    /// What stands at a place.
    pub(super) fn at(&self, place: u32) -> Option<&T> {
        Some(self.by_name.at(place as usize)?.1)
    }

    /// The names of all things by their places.
    pub(super) const fn names(&self) -> &Names {
        &self.names
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
            let place = self.chains.placed(&name).map_or(0, |it| it.0);
            let hook = base.hook;
            self.base_chains.push(Hanging { hook, name, place });
        }
    }

    /// A chain that hangs on a hook, where it was put, or where it has moved since.
    fn hanging(&self, it: &Hanging) -> Option<(u32, &Chain)> {
        match self.chains.by_name.at(it.place as usize) {
            Some((name, chain)) if Arc::ptr_eq(name, &it.name) => Some((it.place, chain)),
            _ => self.chains.placed(&it.name),
        }
    }

    /// Takes a chain out.
    pub(super) fn remove_chain(&mut self, name: &str) {
        self.base_chains.retain(|it| *it.name != *name);
        self.chains.remove(name);
    }
}

impl Ruleset {
    /// The rules of a text for `nft -f`, which is known to be right.
    #[cfg(test)]
    pub(crate) fn of(text: &str) -> Self {
        let mut ruleset = Ruleset::default();
        let parsed = super::dialect::nft::parse(text).expect("rules");
        parsed.apply(&mut ruleset).expect("they fit together");
        ruleset
    }

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

    /// The base chains on a hook that see a family, in the order packets meet them.
    pub(super) fn base_chains(&self, hook: Hook, family: Family) -> BaseChains<'_> {
        let mut chains = BaseChains::new();
        for table in self.tables.iter().filter(|it| it.key.family.sees(family)) {
            let hanging = table.base_chains.iter().filter(|it| it.hook == hook);
            for (place, chain) in hanging.filter_map(|it| table.hanging(it)) {
                let priority = |it: &Chain| it.base.map(|it| it.priority);
                let at = chains.partition_point(|it| priority(it.chain) <= priority(chain));
                let based = Based {
                    table,
                    chain,
                    place,
                };
                chains.insert(at, based);
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
