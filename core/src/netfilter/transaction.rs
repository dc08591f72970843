//! A change to a ruleset: a list of verb and noun that happens whole or not at all.
//!
//! The same value is printed for `nft -f`, applied to the simulated ruleset, and compared in
//! tests. Shaped after knftables (kubernetes-sigs/knftables v0.0.18), which kube-proxy uses.
//!
//! **Left out**: rule handles and positions other than the end; `insert` and `replace`, which
//! kube-proxy never sends.

use super::{Chain, Element, Name, Rule, Ruleset, Set, Table, TableKey};
use serde::Serialize;
use std::collections::BTreeMap;

/// A list of commands that are carried out together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Transaction {
    /// The commands, in order.
    pub commands: Vec<Command>,
    /// The virtual servers and IP sets it makes, which no rule can be without.
    #[serde(skip_serializing_if = "super::ipvs::Ipvs::is_empty")]
    pub ipvs: super::ipvs::Ipvs,
}

/// One verb and its noun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Command {
    /// What is done.
    pub verb: Verb,
    /// To which table.
    pub table: TableKey,
    /// To what in it.
    pub object: Object,
}

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verb {
    /// Make it, unless it is there.
    Add,
    /// Make it; it must not be there.
    Create,
    /// Remove it; it must be there.
    Delete,
    /// Remove it, if it is there.
    Destroy,
    /// Empty it.
    Flush,
}

/// What a command is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Object {
    /// The table itself.
    Table {
        /// Its comment.
        comment: Option<Name>,
    },
    /// A chain; its rules are commands of their own.
    Chain(Chain),
    /// A set or map; its elements are commands of their own.
    Set(Set),
    /// A rule at the end of a chain.
    Rule {
        /// The chain.
        chain: Name,
        /// The rule.
        rule: Rule,
    },
    /// An element of a set or map.
    Element {
        /// The set.
        set: Name,
        /// The element; only its key counts when it is removed.
        element: Element,
    },
}

/// Why a transaction was refused, in the words of the kernel where it has any.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no such table, chain or set.
    #[error("{command}: no such file or directory: {missing}")]
    Missing {
        /// The command, as nft text.
        command: String,
        /// What is not there.
        missing: String,
    },
    /// It is there already.
    #[error("{command}: file exists")]
    Exists {
        /// The command, as nft text.
        command: String,
    },
    /// Something still refers to it.
    #[error("{command}: device or resource busy: {user} refers to it")]
    Busy {
        /// The command, as nft text.
        command: String,
        /// Who refers to it.
        user: String,
    },
}

impl Transaction {
    /// Adds a command.
    pub fn push(&mut self, verb: Verb, table: &TableKey, object: Object) {
        self.commands.push(Command {
            verb,
            table: table.clone(),
            object,
        });
    }

    /// The commands that make `ruleset` from nothing: tables, chains, sets, then rules and
    /// elements, so that whatever is referred to is there first.
    #[must_use]
    pub fn from_ruleset(ruleset: &Ruleset) -> Transaction {
        let mut tx = Transaction {
            ipvs: ruleset.ipvs.clone(),
            ..Transaction::default()
        };
        for table in ruleset.tables() {
            let key = &table.key;
            let comment = table.comment.clone();
            tx.push(Verb::Add, key, Object::Table { comment });
            for chain in table.chains.iter() {
                tx.push(Verb::Add, key, Object::Chain(chain.bare()));
            }
            for set in table.sets.iter() {
                tx.push(Verb::Add, key, Object::Set(set.bare()));
            }
            for chain in table.chains.iter() {
                for rule in &chain.rules {
                    let (chain, rule) = (chain.name.clone(), rule.clone());
                    tx.push(Verb::Add, key, Object::Rule { chain, rule });
                }
            }
            for set in table.sets.iter() {
                for element in set.elements() {
                    let (set, element) = (set.name.clone(), element.clone());
                    tx.push(Verb::Add, key, Object::Element { set, element });
                }
            }
        }
        tx
    }

    /// Carries all commands out, or none.
    ///
    /// # Errors
    /// The first command the kernel would refuse.
    pub fn apply(&self, ruleset: &mut Ruleset) -> Result<(), Refusal> {
        let mut next = ruleset.clone();
        next.ipvs.extend(&self.ipvs);
        for command in &self.commands {
            command.apply(&mut next)?;
        }
        check_references(&next)?;
        *ruleset = next;
        Ok(())
    }

    /// The same for whoever needs neither the commands any more nor the ruleset as it was: nothing is copied. A ruleset that
    /// refuses is left half changed.
    ///
    /// # Errors
    /// The first command the kernel would refuse.
    pub fn build(self, ruleset: &mut Ruleset) -> Result<(), Refusal> {
        ruleset.ipvs.extend(&self.ipvs);
        for command in self.commands {
            if let Some(other) = command.add(ruleset) {
                other.apply(ruleset)?;
            }
        }
        check_references(ruleset)
    }
}

impl Command {
    /// Adds a rule, or something new. Any other command is given back.
    fn add(self, ruleset: &mut Ruleset) -> Option<Command> {
        let Command {
            verb,
            table: key,
            object,
        } = self;
        let rest = match (verb, ruleset.table_mut(&key)) {
            (Verb::Add, Some(table)) => add_to(table, object)?,
            _ => object,
        };
        Some(Command {
            verb,
            table: key,
            object: rest,
        })
    }

    fn apply(&self, ruleset: &mut Ruleset) -> Result<(), Refusal> {
        if let Object::Table { comment } = &self.object {
            return self.apply_to_table(ruleset, comment.as_ref());
        }
        let Some(table) = ruleset.table_mut(&self.table) else {
            return Err(self.missing(&format!("table {}", self.table)));
        };
        match &self.object {
            Object::Table { .. } => Ok(()),
            Object::Chain(chain) => self.apply_to_chain(table, chain),
            Object::Set(set) => self.apply_to_set(table, set),
            Object::Rule { chain, rule } => match table.chains.get_mut(chain) {
                Some(chain) => {
                    chain.rules.push(rule.clone());
                    Ok(())
                }
                None => Err(self.missing(&format!("chain {chain}"))),
            },
            Object::Element { set, element } => match table.sets.get_mut(set) {
                Some(set) => self.apply_to_element(set, element),
                None => Err(self.missing(&format!("set {set}"))),
            },
        }
    }

    fn apply_to_table(&self, ruleset: &mut Ruleset, comment: Option<&Name>) -> Result<(), Refusal> {
        let exists = ruleset.table(&self.table).is_some();
        match (self.verb, exists) {
            (Verb::Create, true) => Err(self.exists()),
            (Verb::Add, true) | (Verb::Destroy, false) => Ok(()),
            (Verb::Add | Verb::Create, false) => {
                let mut table = Table::new(self.table.clone());
                table.comment = comment.cloned();
                ruleset.add_table(table);
                Ok(())
            }
            (Verb::Delete | Verb::Destroy, true) => {
                ruleset.remove_table(&self.table);
                Ok(())
            }
            (Verb::Flush, true) => {
                if let Some(table) = ruleset.table_mut(&self.table) {
                    let names: Vec<_> = table.chains.iter().map(|it| it.name.clone()).collect();
                    for name in names {
                        if let Some(chain) = table.chains.get_mut(&name) {
                            chain.rules.clear();
                        }
                    }
                }
                Ok(())
            }
            (Verb::Delete | Verb::Flush, false) => {
                Err(self.missing(&format!("table {}", self.table)))
            }
        }
    }

    fn apply_to_chain(&self, table: &mut Table, chain: &Chain) -> Result<(), Refusal> {
        let exists = table.chains.get(&chain.name).is_some();
        match (self.verb, exists) {
            (Verb::Create, true) => Err(self.exists()),
            (Verb::Add, true) | (Verb::Destroy, false) => Ok(()),
            (Verb::Add | Verb::Create, false) => {
                table.add_chain(chain.clone());
                Ok(())
            }
            (Verb::Delete | Verb::Destroy, true) => {
                table.remove_chain(&chain.name);
                Ok(())
            }
            (Verb::Flush, true) => {
                if let Some(it) = table.chains.get_mut(&chain.name) {
                    it.rules.clear();
                }
                Ok(())
            }
            (Verb::Delete | Verb::Flush, false) => {
                Err(self.missing(&format!("chain {}", chain.name)))
            }
        }
    }

    fn apply_to_set(&self, table: &mut Table, set: &Set) -> Result<(), Refusal> {
        let exists = table.sets.get(&set.name).is_some();
        match (self.verb, exists) {
            (Verb::Create, true) => Err(self.exists()),
            (Verb::Destroy, false) => Ok(()),
            (Verb::Add, true) => {
                // Linux takes another timeout for a set that is there (seen in 6.18).
                if let Some(it) = table.sets.get_mut(&set.name) {
                    it.timeout = set.timeout;
                }
                Ok(())
            }
            (Verb::Add | Verb::Create, false) => {
                table.sets.insert(set.name.clone(), set.clone());
                Ok(())
            }
            (Verb::Delete | Verb::Destroy, true) => {
                table.sets.remove(&set.name);
                Ok(())
            }
            (Verb::Flush, true) => {
                if let Some(it) = table.sets.get_mut(&set.name) {
                    it.clear();
                }
                Ok(())
            }
            (Verb::Delete | Verb::Flush, false) => Err(self.missing(&format!("set {}", set.name))),
        }
    }

    fn apply_to_element(&self, set: &mut Set, element: &Element) -> Result<(), Refusal> {
        let there = set.get(&element.key).cloned();
        match (self.verb, there) {
            (Verb::Create, Some(_)) => Err(self.exists()),
            // The kernel accepts the same element again, and refuses another value for its key.
            (Verb::Add, Some(it)) if it.value != element.value => Err(self.exists()),
            (Verb::Add, Some(_)) | (Verb::Destroy, None) | (Verb::Flush, _) => Ok(()),
            (Verb::Add | Verb::Create, None) => {
                set.insert(element.clone());
                Ok(())
            }
            (Verb::Delete | Verb::Destroy, Some(_)) => {
                set.remove(&element.key);
                Ok(())
            }
            (Verb::Delete, None) => Err(self.missing(&format!("element of {}", set.name))),
        }
    }

    fn missing(&self, what: &str) -> Refusal {
        Refusal::Missing {
            command: self.to_string(),
            missing: what.to_owned(),
        }
    }

    fn exists(&self) -> Refusal {
        Refusal::Exists {
            command: self.to_string(),
        }
    }
}

/// Adds to a table what is new in it, and gives back what is not.
fn add_to(table: &mut Table, object: Object) -> Option<Object> {
    match object {
        Object::Chain(chain) if table.chains.get(&chain.name).is_none() => table.add_chain(chain),
        Object::Set(set) if table.sets.get(&set.name).is_none() => {
            table.sets.insert(set.name.clone(), set);
        }
        Object::Rule { chain, rule } => match table.chains.get_mut(&chain) {
            Some(chain) => chain.rules.push(rule),
            None => return Some(Object::Rule { chain, rule }),
        },
        Object::Element { set, element } => match table.sets.get_mut(&set) {
            Some(it) if it.get(&element.key).is_none() => {
                it.insert(element);
            }
            _ => return Some(Object::Element { set, element }),
        },
        other => return Some(other),
    }
    None
}

/// Whether everything that the rules and elements of a table name is there.
fn is_whole(table: &Table) -> bool {
    let mut rules = table.chains.iter().flat_map(|it| &it.rules);
    let is_led_well = |it: &Rule| {
        it.chains_led_to().all(|it| table.chains.get(it).is_some())
            && it.sets_asked().all(|it| table.sets.get(it).is_some())
    };
    let mut elements = table.sets.iter().flat_map(Set::unordered);
    rules.all(is_led_well)
        && elements.all(|it| {
            it.leads_to()
                .is_none_or(|it| table.chains.get(it).is_some())
        })
}

/// Every chain that a rule or an element leads to must be there, as must every named set.
fn check_references(ruleset: &Ruleset) -> Result<(), Refusal> {
    for table in ruleset.tables().iter().filter(|it| !is_whole(it)) {
        let mut users: BTreeMap<&Name, String> = BTreeMap::new();
        let mut sets: BTreeMap<&Name, String> = BTreeMap::new();
        for chain in table.chains.iter() {
            for rule in &chain.rules {
                for name in rule.chains_led_to() {
                    users
                        .entry(name)
                        .or_insert_with(|| format!("chain {}", chain.name));
                }
                for name in rule.sets_asked() {
                    sets.entry(name)
                        .or_insert_with(|| format!("chain {}", chain.name));
                }
            }
        }
        for set in table.sets.iter() {
            for name in set.elements().filter_map(Element::leads_to) {
                users
                    .entry(name)
                    .or_insert_with(|| format!("map {}", set.name));
            }
        }
        for (name, user) in users {
            if table.chains.get(name).is_none() {
                return Err(busy("chain", table, name, user));
            }
        }
        for (name, user) in sets {
            if table.sets.get(name).is_none() {
                return Err(busy("set", table, name, user));
            }
        }
    }
    Ok(())
}

fn busy(noun: &str, table: &Table, name: &Name, user: String) -> Refusal {
    Refusal::Busy {
        command: format!("{noun} {} {name} is missing", table.key),
        user,
    }
}

impl Element {
    /// The chain its verdict leads to.
    #[must_use]
    pub fn leads_to(&self) -> Option<&Name> {
        use super::{MapValue, Verdict};
        match &self.value {
            Some(MapValue::Verdict(Verdict::Jump(name) | Verdict::Goto(name))) => Some(name),
            _ => None,
        }
    }
}

impl Rule {
    /// All chains it can lead to, through its own maps too.
    pub fn chains_led_to(&self) -> impl Iterator<Item = &Name> {
        self.leads_to()
            .into_iter()
            .chain(self.anonymous_elements().filter_map(Element::leads_to))
    }

    /// The named sets and maps it asks.
    pub fn sets_asked(&self) -> impl Iterator<Item = &Name> {
        use super::{Expression, NatTarget, Operand, SetReference, Statement};
        self.statements.iter().filter_map(|it| match it {
            Statement::Match {
                right: Operand::Set(SetReference::Named(name)),
                ..
            }
            | Statement::VerdictMap {
                map: SetReference::Named(name),
                ..
            }
            | Statement::Update { set: name, .. }
            | Statement::Nat {
                target:
                    Some(NatTarget::Mapped(Expression::Map {
                        map: SetReference::Named(name),
                        ..
                    })),
                ..
            } => Some(name),
            _ => None,
        })
    }
}
