//! The repeated syncs of kube-proxy's own tests: one kube-proxy, told of one change after the other.
//!
//! The file has some of the steps; those between them are put together from their neighbours, as upstream's tests
//! describe them.

use packetwalk_core::netfilter::dialect::{iptables, nft};
use packetwalk_core::netfilter::{Ruleset, TableFamily, TableKey, Transaction};
use packetwalk_core::proxy::{Change, Form, Snapshot, SyncKind, Synced, Syncer, mode};
use packetwalk_core::time::{Duration, Instant};
use packetwalk_tests::kube_proxy::{by_chain, by_object, cases, list, snapshot, string, strings};
use serde_json::Value;
use std::collections::BTreeMap;

/// The case of a step: `nft/TestSyncProxyRulesRepeated#4`.
fn step<'a>(cases: &'a Value, mode: &str, number: u32) -> &'a Value {
    let start = format!("{mode}/TestSyncProxyRulesRepeated#{number} ");
    let all = list(&cases["cases"]).iter();
    let mut found = all.filter(|it| string(&it["id"]).starts_with(&start));
    found.next().unwrap_or_else(|| panic!("no step {start}"))
}

/// The objects of one step with some of its slices from another.
fn with_slices(of: &Snapshot, slices: &Snapshot, only: &[&str]) -> Snapshot {
    let mut mixed = of.clone();
    mixed.endpoint_slices.retain(|it| {
        let owner = it.service_name().unwrap_or_default();
        !only.contains(&owner)
    });
    let taken = slices.endpoint_slices.iter().filter(|it| {
        let owner = it.service_name().unwrap_or_default();
        only.contains(&owner)
    });
    mixed.endpoint_slices.extend(taken.cloned());
    mixed
}

/// Without one Service and its slices.
fn without(of: &Snapshot, name: &str) -> Snapshot {
    let mut fewer = of.clone();
    fewer.services.retain(|it| it.metadata.name != name);
    let is_its = |it: &str| it == name;
    fewer
        .endpoint_slices
        .retain(|it| !it.service_name().is_some_and(is_its));
    fewer
}

/// One kube-proxy with the rules it has loaded.
struct Run {
    syncer: Syncer,
    told: Snapshot,
    loaded: Ruleset,
    now: Instant,
}

impl Run {
    fn begin(mode_name: &str, first: &Snapshot) -> Self {
        Run {
            syncer: Syncer::of(mode(mode_name).expect("a mode"), first),
            told: first.clone(),
            loaded: Ruleset::default(),
            now: Instant::START,
        }
    }

    /// Tells what is different from the last step.
    fn tell(&mut self, next: &Snapshot) {
        let services = |it: &Snapshot| {
            let all = it.services.iter().cloned();
            let named = all.map(|it| {
                (
                    (it.metadata.namespace.clone(), it.metadata.name.clone()),
                    it,
                )
            });
            named.collect::<BTreeMap<_, _>>()
        };
        let slices = |it: &Snapshot| {
            let all = it.endpoint_slices.iter().cloned();
            let named = all.map(|it| {
                (
                    (it.metadata.namespace.clone(), it.metadata.name.clone()),
                    it,
                )
            });
            named.collect::<BTreeMap<_, _>>()
        };
        let (before, after) = (services(&self.told), services(next));
        for ((namespace, name), _) in before.iter().filter(|it| !after.contains_key(it.0)) {
            let (namespace, name) = (namespace.clone(), name.clone());
            self.syncer.tell(Change::ServiceGone { namespace, name });
        }
        for (_, it) in after.iter().filter(|it| before.get(it.0) != Some(it.1)) {
            self.syncer.tell(Change::Service(it.clone()));
        }
        let (before, after) = (slices(&self.told), slices(next));
        for ((namespace, name), _) in before.iter().filter(|it| !after.contains_key(it.0)) {
            let (namespace, name) = (namespace.clone(), name.clone());
            self.syncer.tell(Change::SliceGone { namespace, name });
        }
        for (_, it) in after.iter().filter(|it| before.get(it.0) != Some(it.1)) {
            self.syncer.tell(Change::Slice(it.clone()));
        }
        self.told = next.clone();
    }

    /// Tells it, syncs after some time, and loads what comes of it.
    fn step(&mut self, next: &Snapshot, after_ms: u64) -> Synced {
        self.tell(next);
        self.now = self.now + Duration::from_millis(after_ms);
        let synced = self.syncer.sync(self.now);
        for transaction in synced.transactions() {
            transaction.apply(&mut self.loaded).expect("applies");
        }
        synced
    }
}

/// The table of the case's dump and ours, object by object.
fn check_table(loaded: &Ruleset, case: &Value) {
    let id = string(&case["id"]);
    let dump = strings(&case["expected_dump"]).join("\n");
    let expected = nft::parse(&dump).unwrap_or_else(|it| panic!("{id}: {it}"));
    let is = by_object(&Transaction::from_ruleset(loaded));
    assert_eq!(is, by_object(&expected), "{id}");
    let table = loaded.table(&TableKey::new(TableFamily::Ip, "kube-proxy"));
    let chains = table.into_iter().flat_map(|it| it.chains.iter());
    let mut empty: Vec<&str> = chains
        .filter(|it| it.rules.is_empty() && it.name.contains('/'))
        .map(|it| &*it.name)
        .collect();
    let mut stale = strings(&case["stale_empty_chains"]);
    stale.sort_unstable();
    empty.sort_unstable();
    assert_eq!(empty, stale, "{id}");
}

#[test]
fn repeated_syncs_of_nftables_mode_go_as_upstreams() {
    let cases = cases();
    let of = |number| snapshot(step(&cases, "nft", number), Form::G2);
    let (first, without_svc2) = (of(1), of(4));
    let mut with_svc3 = first.clone();
    for it in &without_svc2.services {
        if it.metadata.name == "svc3" {
            with_svc3.services.push(it.clone());
        }
    }
    let with_svc3 = with_slices(&with_svc3, &without_svc2, &["svc3"]);
    let svc4_alone = with_slices(&of(6), &without_svc2, &["svc4"]);
    // What upstream calls it, the objects, how many milliseconds later, how many operations.
    let steps: Vec<(u32, Snapshot, u64, usize)> = vec![
        (2, with_svc3, 10, 10),
        (3, without_svc2.clone(), 10, 4),
        (4, without_svc2, 1500, 0),
        (5, svc4_alone, 10, 2),
        (6, of(6), 10, 10),
        (7, of(7), 10, 9),
        (8, of(10), 1500, 12),
        (9, of(9), 10, 5),
        (10, of(10), 10, 14),
        (11, of(11), 10, 0),
    ];
    let mut run = Run::begin("nftables", &first);
    assert_eq!(run.step(&first, 0).kind, SyncKind::Full);
    check_table(&run.loaded, step(&cases, "nft", 1));
    let mut n_checked = 1;
    for (number, objects, after_ms, n_operations) in steps {
        let synced = run.step(&objects, after_ms);
        assert_eq!(synced.kind, SyncKind::Partial, "{number}");
        let n = synced.transaction.commands.len();
        assert_eq!(n, n_operations, "{number}:\n{}", synced.transaction);
        if number == 4 || number == 8 {
            assert!(!synced.cleanup.commands.is_empty(), "{number}");
        }
        if [2, 3, 5, 8].contains(&number) {
            continue;
        }
        let case = step(&cases, "nft", number);
        check_table(&run.loaded, case);
        let told = case["expected_transaction_operations"].as_u64();
        assert_eq!(told, u64::try_from(n).ok(), "{number}");
        n_checked += 1;
    }
    assert_eq!(n_checked, 7);
}

/// The dump of a sync, chain by chain, and the chains it removes.
fn check_restore(transaction: &Transaction, case: &Value) {
    let id = string(&case["id"]);
    let text = iptables::restore(transaction);
    let dump = strings(&case["expected_dump"]);
    assert_eq!(by_chain(&text), by_chain(&dump.join("\n")), "{id}");
    let removed = |lines: &mut dyn Iterator<Item = &str>| {
        let mut names: Vec<String> = lines
            .filter_map(|it| it.strip_prefix("-X "))
            .map(str::to_owned)
            .collect();
        names.sort();
        names
    };
    let is = removed(&mut text.lines());
    assert_eq!(is, removed(&mut dump.iter().copied()), "{id}");
    assert_eq!(is, strings(&case["stale_nat_chains_deleted"]), "{id}");
}

/// Rules in kube-proxy's own chains of the table nat.
fn n_nat_rules(loaded: &Ruleset) -> usize {
    let nat = loaded.table(&TableKey::new(TableFamily::Ip, "nat"));
    let chains = nat.into_iter().flat_map(|it| it.chains.iter());
    let own = chains.filter(|it| it.name.starts_with("KUBE-"));
    own.map(|it| it.rules.len()).sum()
}

#[test]
fn repeated_syncs_of_iptables_mode_go_as_upstreams() {
    let cases = cases();
    let of = |number| snapshot(step(&cases, "ipt", number), Form::G4);
    let first = without(&of(2), "svc3");
    let svc4_alone = with_slices(&without(&of(6), ""), &of(3), &["svc3", "svc4"]);
    let old_svc3 = with_slices(&of(6), &of(3), &["svc3"]);
    let mut run = Run::begin("iptables", &first);
    assert_eq!(run.step(&first, 0).kind, SyncKind::Full);
    let steps = [
        (2, of(2)),
        (3, of(3)),
        (4, svc4_alone),
        (5, old_svc3),
        (6, of(6)),
        (7, of(7)),
        (8, of(8)),
    ];
    let mut n_checked = 0;
    for (number, objects) in steps {
        let synced = run.step(&objects, 10);
        assert_eq!(synced.kind, SyncKind::Partial, "{number}");
        if number == 4 || number == 5 {
            assert_eq!(synced.n_written, 1, "{number}");
            continue;
        }
        let case = step(&cases, "ipt", number);
        check_restore(&synced.transaction, case);
        let told = list(&case["partial_sync_services"]).len();
        assert_eq!(told, synced.n_written, "{number}");
        let told = case["expected_nat_rules_total_metric"].as_u64();
        assert_eq!(
            told,
            u64::try_from(n_nat_rules(&run.loaded)).ok(),
            "{number}"
        );
        n_checked += 1;
    }
    // The ninth is refused; what comes next is a full one.
    let last = step(&cases, "ipt", 9);
    run.tell(&of(9));
    let refused = run.syncer.sync(run.now);
    assert_eq!(refused.kind, SyncKind::Partial);
    run.syncer.relearn(&run.loaded);
    let full = run.step(&of(9), 30_000);
    assert_eq!(full.kind, SyncKind::Full);
    assert!(last["partial_sync_services"].is_null());
    check_restore(&full.transaction, last);
    let told = last["expected_nat_rules_total_metric"].as_u64();
    assert_eq!(told, u64::try_from(n_nat_rules(&run.loaded)).ok());
    assert_eq!(n_checked + 1, 6);
}
