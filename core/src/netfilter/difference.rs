//! The smallest change from some rules to others: chains that are the same keep their rules, with handles and counters,
//! and connections do not notice.
//!
//! **Left out**: single rules of a chain, which is emptied and filled as a whole. A table with a set or a base chain that is
//! declared otherwise than before is replaced. Comments of tables are what they were when a table was made.

use super::{Chain, Element, Object, Ruleset, Set, Table, Transaction, Verb};

/// The commands that make of one ruleset another; none if they are alike. Tables that the second does not have are
/// removed.
#[must_use]
pub fn difference(before: &Ruleset, after: &Ruleset) -> Transaction {
    let mut tx = Transaction {
        ipvs: after.ipvs.clone(),
        ..Transaction::default()
    };
    for old in before.tables() {
        if after.table(&old.key).is_none() {
            tx.push(Verb::Delete, &old.key, Object::Table { comment: None });
        }
    }
    for new in after.tables() {
        match before.table(&new.key) {
            Some(old) if is_declared_alike(old, new) => change(&mut tx, old, new),
            Some(old) => {
                tx.push(Verb::Delete, &old.key, Object::Table { comment: None });
                make(&mut tx, new);
            }
            None => make(&mut tx, new),
        }
    }
    tx
}

/// Whether all that both tables have is of the same kind, so that only contents differ.
fn is_declared_alike(old: &Table, new: &Table) -> bool {
    let sets = new.sets.iter().all(|new| {
        let old = old.sets.get(&new.name);
        old.is_none_or(|old| declared(old) == declared(new))
    });
    let chains = new.chains.iter().all(|new| {
        let old = old.chains.get(&new.name);
        old.is_none_or(|old| old.base == new.base)
    });
    sets && chains
}

fn declared(set: &Set) -> Set {
    let mut bare = set.bare();
    bare.comment = None;
    bare
}

fn make(tx: &mut Transaction, new: &Table) {
    change(tx, &Table::new(new.key.clone()), new);
}

fn change(tx: &mut Transaction, old: &Table, new: &Table) {
    let key = &new.key;
    let mut steps = Transaction::default();
    for chain in new.chains.iter() {
        if old.chains.get(&chain.name).is_none() {
            steps.push(Verb::Add, key, Object::Chain(chain.bare()));
        }
    }
    for set in new.sets.iter() {
        if old.sets.get(&set.name).is_none() {
            steps.push(Verb::Add, key, Object::Set(set.bare()));
        }
    }
    for chain in new.chains.iter() {
        fill(&mut steps, old, chain, new);
    }
    for set in new.sets.iter() {
        exchange(&mut steps, old.sets.get(&set.name), set, new);
    }
    remove(&mut steps, old, new);
    if !steps.commands.is_empty() || old.chains.is_empty() && old.sets.is_empty() {
        let comment = new.comment.clone();
        tx.push(Verb::Add, key, Object::Table { comment });
    }
    tx.commands.append(&mut steps.commands);
}

/// The rules of a chain, if they are others.
fn fill(tx: &mut Transaction, old: &Table, chain: &Chain, new: &Table) {
    let before = old.chains.get(&chain.name);
    let before = before.map(|it| it.rules.as_slice()).unwrap_or_default();
    if before == chain.rules {
        return;
    }
    if !before.is_empty() {
        tx.push(Verb::Flush, &new.key, Object::Chain(chain.bare()));
    }
    for rule in &chain.rules {
        let (chain, rule) = (chain.name.clone(), rule.clone());
        tx.push(Verb::Add, &new.key, Object::Rule { chain, rule });
    }
}

/// The elements of a set that are others.
fn exchange(tx: &mut Transaction, old: Option<&Set>, new: &Set, table: &Table) {
    let about = |element: &Element| Object::Element {
        set: new.name.clone(),
        element: element.clone(),
    };
    let is_same = |a: &Element, b: &Element| {
        (&a.value, &a.comment, a.timeout) == (&b.value, &b.comment, b.timeout)
    };
    for before in old.into_iter().flat_map(Set::elements) {
        let after = new.get(&before.key);
        if after.is_none_or(|it| !is_same(before, it)) {
            tx.push(Verb::Delete, &table.key, about(before));
        }
    }
    for after in new.elements() {
        let before = old.and_then(|it| it.get(&after.key));
        if before.is_none_or(|it| !is_same(it, after)) {
            tx.push(Verb::Add, &table.key, about(after));
        }
    }
}

/// What is there no more: all chains are emptied before the first goes, since they may lead to one another.
fn remove(tx: &mut Transaction, old: &Table, new: &Table) {
    let gone: Vec<&Chain> = old
        .chains
        .iter()
        .filter(|it| new.chains.get(&it.name).is_none())
        .collect();
    let emptied = gone.iter().filter(|it| !it.rules.is_empty());
    for chain in emptied {
        tx.push(Verb::Flush, &new.key, Object::Chain(chain.bare()));
    }
    // A set that is gone may lead to a chain that is gone.
    for set in old.sets.iter() {
        if new.sets.get(&set.name).is_none() {
            tx.push(Verb::Delete, &new.key, Object::Set(set.clone()));
        }
    }
    for chain in gone {
        tx.push(Verb::Delete, &new.key, Object::Chain(chain.bare()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netfilter::dialect::nft;

    const ONE: &str = "
add table ip t
add chain ip t a { type nat hook prerouting priority -100 ; }
add chain ip t b
add chain ip t c
add map ip t m { type ipv4_addr : verdict ; }
add rule ip t a ip daddr vmap @m
add rule ip t b dnat to 10.0.0.1
add rule ip t c goto b
add element ip t m { 10.96.0.1 : goto b }
add element ip t m { 10.96.0.2 : goto c }
";
    const OTHER: &str = "
add table ip t
add chain ip t a { type nat hook prerouting priority -100 ; }
add chain ip t b
add chain ip t d
add map ip t m { type ipv4_addr : verdict ; }
add rule ip t a ip daddr vmap @m
add rule ip t b dnat to 10.0.0.2
add rule ip t d drop
add element ip t m { 10.96.0.1 : goto b }
add element ip t m { 10.96.0.2 : goto d }
";

    #[test]
    fn what_is_alike_needs_nothing() {
        assert_eq!(
            difference(&Ruleset::of(ONE), &Ruleset::of(ONE)).commands,
            []
        );
    }

    #[test]
    fn only_what_is_different_is_touched() {
        assert_eq!(
            difference(&Ruleset::of(ONE), &Ruleset::of(OTHER)).to_string(),
            "add table ip t
add chain ip t d
flush chain ip t b
add rule ip t b dnat to 10.0.0.2
add rule ip t d drop
delete element ip t m { 10.96.0.2 }
add element ip t m { 10.96.0.2 : goto d }
flush chain ip t c
delete chain ip t c
"
        );
    }

    #[test]
    fn it_leads_from_any_to_any() {
        let empty = Ruleset::default();
        let all = [Ruleset::of(ONE), Ruleset::of(OTHER), empty];
        for before in &all {
            for after in &all {
                let mut changed = before.clone();
                let tx = difference(before, after);
                tx.apply(&mut changed).expect("it can be carried out");
                let (changed, after) = (nft::list(&changed), nft::list(after));
                let sorted = |text: &str| {
                    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
                    lines.sort();
                    lines
                };
                assert_eq!(sorted(&changed), sorted(&after));
            }
        }
    }

    #[test]
    fn a_chain_on_another_hook_is_a_table_anew() {
        let moved = ONE.replace("prerouting", "output");
        let text = difference(&Ruleset::of(ONE), &Ruleset::of(&moved)).to_string();
        assert!(
            text.starts_with("delete table ip t\nadd table ip t\n"),
            "{text}"
        );
    }
}
