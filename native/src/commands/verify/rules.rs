//! What the kernel lists of the rules it was given must be the rules that were generated.
//!
//! **Left out**: the order of tables.

use super::Report;
use crate::compare::Comparison;
use crate::lab::WorldLab;
use packetwalk_core::netfilter::dialect::{Dialect, iptables, nft};
use packetwalk_core::netfilter::{Ruleset, TableFamily, TableKey, Transaction};
use packetwalk_core::policy;
use packetwalk_core::sim::{Host, World};
use std::collections::BTreeSet;

/// The kernel's listing of every node's rules, read back, must be the rules that were generated.
pub(super) fn compare_rulesets(world: &World, lab: &WorldLab, report: &mut Report) {
    for host in world.network.hosts() {
        if world.mode.dialect == Dialect::Iptables {
            compare_saved(host, lab, report);
        }
        for table in host.ruleset.tables() {
            if world.mode.dialect == Dialect::Iptables && &*table.key.name != policy::TABLE {
                continue;
            }
            let Some(listing) = lab.listing(&host.id, &table.key) else {
                continue;
            };
            let place = format!("{}, table {}", host.id.short(), table.key);
            let mut comparison = Comparison::default();
            match nft::parse_listing(&listing.text) {
                Ok(read) => {
                    let mine = nft::canonical_ruleset(&host.ruleset);
                    let theirs = nft::canonical_ruleset(&read.ruleset);
                    compare_table(&place, &table.key, [&mine, &theirs], &mut comparison);
                    report.n_rules += read.ruleset.n_rules();
                }
                Err(error) => comparison.check(
                    &place,
                    "the listing",
                    "nft's own language".into(),
                    format!("cannot be read: {error}"),
                ),
            }
            report.n_steps += comparison.n_steps;
            report.disagreements.extend(comparison.disagreements);
        }
    }
}

/// The same, read back from `iptables-save`.
fn compare_saved(host: &Host, lab: &WorldLab, report: &mut Report) {
    for family in [TableFamily::Ip, TableFamily::Ip6] {
        let Some(listing) = lab.saved(&host.id, family) else {
            continue;
        };
        let place = format!("{}, tables of {}", host.id.short(), family.name());
        let mut comparison = Comparison::default();
        let mut read = Ruleset::default();
        let applied = iptables::parse(listing, family)
            .map_err(|it| it.to_string())
            .and_then(|it| it.apply(&mut read).map_err(|it| it.to_string()));
        match applied {
            Ok(()) => {
                let lines = |it: &Ruleset| sections(&iptables::save(&of_kube_proxy(it), family));
                compare_lines(
                    &place,
                    &lines(&host.ruleset),
                    &lines(&read),
                    &mut comparison,
                );
                report.n_rules += read.n_rules();
            }
            Err(error) => comparison.check(
                &place,
                "the listing",
                "iptables' own language".into(),
                format!("cannot be read: {error}"),
            ),
        }
        report.n_steps += comparison.n_steps;
        report.disagreements.extend(comparison.disagreements);
    }
}

/// The rules without those of NetworkPolicies, which are not in iptables' tables.
fn of_kube_proxy(rules: &Ruleset) -> Ruleset {
    let commands = Transaction::from_ruleset(rules).commands.into_iter();
    let own = Transaction {
        commands: commands
            .filter(|it| &*it.table.name != policy::TABLE)
            .collect(),
        ..Transaction::default()
    };
    let mut without = Ruleset::default();
    own.apply(&mut without)
        .expect("a ruleset can be made from its own commands");
    without
}

/// The lines of a listing, each with its table and its place in its chain.
fn sections(listing: &str) -> BTreeSet<String> {
    let mut table = "";
    let mut chain = "";
    let mut n_in_chain = 0;
    let mut lines = BTreeSet::new();
    for line in listing.lines() {
        if let Some(name) = line.strip_prefix('*') {
            table = name;
        }
        let named = line.strip_prefix("-A ").and_then(|it| it.split(' ').next());
        if let Some(named) = named {
            n_in_chain = if named == chain { n_in_chain + 1 } else { 1 };
            chain = named;
            lines.insert(format!("{table}: rule {n_in_chain}: {line}"));
        } else {
            lines.insert(format!("{table}: {line}"));
        }
    }
    lines
}

/// One table of the simulation's and of the kernel's rules.
fn compare_table(
    place: &str,
    table: &TableKey,
    rulesets: [&Ruleset; 2],
    comparison: &mut Comparison,
) {
    let [mine, theirs] = rulesets.map(|ruleset| -> BTreeSet<String> {
        Transaction::from_ruleset(ruleset)
            .commands
            .iter()
            .filter(|it| it.table == *table)
            .map(ToString::to_string)
            .collect()
    });
    compare_lines(place, &mine, &theirs, comparison);
}

fn compare_lines(
    place: &str,
    mine: &BTreeSet<String>,
    theirs: &BTreeSet<String>,
    comparison: &mut Comparison,
) {
    comparison.n_steps += mine.intersection(theirs).count();
    let absent = || "is not there".to_owned();
    for line in mine.difference(theirs) {
        comparison.check(place, "the listing", line.clone(), absent());
    }
    for line in theirs.difference(mine) {
        comparison.check(place, "the listing", absent(), line.clone());
    }
}
