//! Tables of our own on this machine: which they are, what they are to hold, and who else programs Services here.
//!
//! They hold what kube-proxy in nftables mode would write, under another name, so that nobody's rules are touched. A change
//! is the difference from what is loaded: one transaction.
//!
//! **Left out**: setting a Service aside whose rules the kernel refuses, as labs do: here all is loaded or nothing.

use super::live::listed;
use super::{addresses, primary};
use crate::error::Error;
use crate::kernel::iptables::{self, Tools};
use crate::kernel::routing::Routing;
use crate::kernel::{Error as KernelError, Place, nft};
use packetwalk_core::ip::{Family, family};
use packetwalk_core::netfilter::dialect::nft as nft_text;
use packetwalk_core::netfilter::{Object, Ruleset, TableFamily, TableKey, Transaction, difference};
use packetwalk_core::policy;
use packetwalk_core::proxy::{self, Snapshot};
use packetwalk_core::sim::World;

/// The name of our table of Services.
pub const TABLE: &str = "packetwalk";
const COMMENT: &str = "Services by packetwalk apply; packetwalk clean removes it";
/// kube-proxy's own name for it.
const KUBE_PROXY: &str = "kube-proxy";
/// Chains by which kube-proxy is known in iptables and ipvs mode.
const CHAINS: [&str; 2] = [":KUBE-SERVICES ", ":KUBE-NODEPORTS "];

/// A change to our tables.
#[derive(Debug)]
pub struct Plan {
    /// What is loaded.
    pub before: Ruleset,
    /// What is to be.
    pub after: Ruleset,
    /// What makes the one of the other.
    pub transaction: Transaction,
    /// What kube-proxy would know here, family by family.
    pub snapshots: Vec<Snapshot>,
}

/// Every table that may be ours.
#[must_use]
pub fn ours() -> [TableKey; 4] {
    let of = |family, name| TableKey::new(family, name);
    [
        of(TableFamily::Ip, TABLE),
        of(TableFamily::Ip6, TABLE),
        of(TableFamily::Ip, policy::TABLE),
        of(TableFamily::Ip6, policy::TABLE),
    ]
}

/// Those of them that are there.
///
/// # Errors
/// When this machine does not tell.
pub fn ours_here(place: Place<'_>) -> Result<Vec<TableKey>, Error> {
    let there = nft::tables(place)?;
    let is_there = |key: &TableKey| {
        there
            .iter()
            .any(|(family, name)| family == key.family.name() && **name == *key.name)
    };
    Ok(ours().into_iter().filter(is_there).collect())
}

/// Who else programs Services on this machine, in words; nobody, if nothing is found.
///
/// # Errors
/// When this machine does not tell.
pub fn in_charge(place: Place<'_>) -> Result<Vec<String>, Error> {
    let tables = nft::tables(place)?;
    let named = tables.iter().filter(|it| it.1 == KUBE_PROXY);
    let mut found: Vec<String> = named
        .map(|(family, name)| format!("the table {family} {name}, of kube-proxy's nftables mode"))
        .collect();
    for (tools, family) in [(Tools::V4, "ip"), (Tools::V6, "ip6")] {
        let has_nat = tables.iter().any(|it| it.0 == family && it.1 == "nat");
        let modern = match has_nat {
            // Without the tool nobody has programmed anything by it.
            true => ignoring_absence(iptables::save(place, tools))?,
            false => None,
        };
        let legacy = iptables::save_legacy(place, tools)?;
        for text in [modern, legacy].iter().flatten() {
            for chain in CHAINS.iter().filter(|it| text.contains(**it)) {
                let name = chain.trim_matches([':', ' ']);
                found.push(format!(
                    "the chain {name} in iptables' tables of family {family}, of kube-proxy's iptables or ipvs mode"
                ));
            }
        }
    }
    Ok(found)
}

fn ignoring_absence(told: Result<String, KernelError>) -> Result<Option<String>, Error> {
    match told {
        Ok(text) => Ok(Some(text)),
        Err(KernelError::MissingTool { .. }) => Ok(None),
        Err(it) => Err(it.into()),
    }
}

/// What is to change so that our tables hold the Services of a world, as one of its nodes has them.
///
/// # Errors
/// When this machine does not tell what is loaded.
pub fn plan(world: &World, node: &str, routing: &Routing, place: Place<'_>) -> Result<Plan, Error> {
    let mode = proxy::mode("nftables").expect("the first of all modes");
    let (mut after, mut snapshots) = (Ruleset::default(), Vec::new());
    for of in Family::ALL {
        let Some(snapshot) = facts(world, node, routing, of) else {
            continue;
        };
        let rules = (mode.sync)(&snapshot).transaction;
        renamed(rules).apply(&mut after)?;
        let policies = policy::sync(&world.objects, node, of).transaction;
        policies.apply(&mut after)?;
        snapshots.push(snapshot);
    }
    let before = loaded(place)?;
    let after = nft_text::canonical_ruleset(&after);
    Ok(Plan {
        transaction: difference(&before, &after),
        before,
        after,
        snapshots,
    })
}

/// What our tables hold now.
///
/// # Errors
/// When this machine does not tell.
pub fn loaded(place: Place<'_>) -> Result<Ruleset, Error> {
    let mut ruleset = Ruleset::default();
    for key in ours_here(place)? {
        let listing = listed(place, &key)?;
        Transaction::from_ruleset(&listing.ruleset).apply(&mut ruleset)?;
    }
    Ok(nft_text::canonical_ruleset(&ruleset))
}

/// What kube-proxy would know on this machine: the Services of the world, and the addresses that this machine has. None
/// where neither the Node nor the machine has the family.
#[must_use]
pub fn facts(world: &World, node: &str, routing: &Routing, of: Family) -> Option<Snapshot> {
    let mut snapshot = world.snapshot(node, of)?;
    let is_of = |it: &std::net::IpAddr| family(*it) == of;
    snapshot.node.primary_ips.iter().find(|it| is_of(it))?;
    let mine = addresses(routing);
    let is_mine = snapshot.node.primary_ips.iter().any(|it| mine.contains(it));
    if let (false, Some(it)) = (is_mine, primary(routing, of)) {
        snapshot.node.primary_ips = vec![it];
    }
    snapshot.node.all_ips = mine;
    Some(snapshot)
}

/// The same rules in our table.
fn renamed(mut rules: Transaction) -> Transaction {
    for it in &mut rules.commands {
        it.table = TableKey::new(it.table.family, TABLE);
        if let Object::Table { comment } = &mut it.object {
            *comment = Some(COMMENT.into());
        }
    }
    rules
}
