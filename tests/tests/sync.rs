//! kube-proxy as it runs: whatever is told it in whatever order, its rules come to what a sync from nothing makes.
//!
//! Random worlds, random changes, failures and restarts in between; both modes, both families, all forms of rules; and
//! the same in a real kernel.

use packetwalk::kernel::iptables::{self as tools, Tools};
use packetwalk::kernel::nft as nft_tool;
use packetwalk::kernel::{Lab, LabId, Namespace};
use packetwalk_core::ip::Family;
use packetwalk_core::netfilter::dialect::{Dialect, iptables, nft};
use packetwalk_core::netfilter::{Ruleset, TableFamily, Transaction};
use packetwalk_core::proxy::{Form, MODES, Mode, NodeFacts, Snapshot, SyncKind, Syncer, mode};
use packetwalk_core::time::{Duration, Instant};
use packetwalk_tests::random::{Dice, RandomWorld};
use packetwalk_tests::{iptables_is_there, kernel_is_ours};
use std::collections::BTreeMap;

const FORMS: [Form; 3] = [Form::G2, Form::G3, Form::G4];

/// The modes that remember, with the forms of rules each has.
fn arms() -> Vec<(&'static Mode, Form)> {
    let nftables = mode("nftables").expect("a mode");
    let iptables = mode("iptables").expect("a mode");
    let mut arms: Vec<_> = FORMS.into_iter().map(|it| (nftables, it)).collect();
    arms.push((iptables, Form::G4));
    arms
}

/// Everything in a ruleset by name. Chains that are empty and belong to Services wait to be deleted: they are left
/// out where nothing is said about them.
fn contents(ruleset: &Ruleset, stale: Stale) -> BTreeMap<String, Vec<String>> {
    let mut all = BTreeMap::new();
    for table in ruleset.tables() {
        for chain in table.chains.iter() {
            let is_stale = chain.rules.is_empty() && chain.name.contains('/');
            if is_stale && stale == Stale::Ignored {
                continue;
            }
            let words = |it| nft::words(it).into_iter().map(|it| it.text);
            let rules = chain.rules.iter().map(|it| {
                let words: Vec<String> = words(it).collect();
                words.join(" ")
            });
            all.insert(
                format!("{} chain {}", table.key, chain.name),
                rules.collect(),
            );
        }
        for set in table.sets.iter() {
            let elements = set.elements().map(|it| format!("{it:?}"));
            let elements =
                elements.map(|it| it.split(", tag").next().unwrap_or_default().to_owned());
            let name = format!("{} set {} {:?}", table.key, set.name, set.timeout);
            all.insert(name, elements.collect());
        }
    }
    all
}

#[derive(Clone, Copy, PartialEq)]
enum Stale {
    Ignored,
    Seen,
}

fn from_nothing(mode: &Mode, snapshot: &Snapshot) -> Ruleset {
    (mode.sync)(snapshot).ruleset()
}

/// One life of a kube-proxy: syncs after changes, some of them refused, once in a while moved or restarted.
fn live(mode: &'static Mode, form: Form, family: Family, seed: u64) -> [usize; 2] {
    let mut dice = Dice::new(seed ^ 0xabcd);
    let mut world = RandomWorld::new(seed);
    let node = dice.below(3);
    let mut syncer = Syncer::of(mode, &world.snapshot(node, family, form));
    let mut loaded = Ruleset::default();
    let mut now = Instant::START;
    let mut n_syncs = [0, 0];
    for step in 0..12 {
        let story = format!("seed {seed} step {step} {} {form:?} {family}", mode.name);
        let synced = syncer.sync(now);
        n_syncs[usize::from(synced.kind == SyncKind::Partial)] += 1;
        if dice.one_in(8) {
            // Refused: nothing of it was loaded.
            syncer.relearn(&loaded);
        } else {
            for transaction in synced.transactions() {
                let done = transaction.apply(&mut loaded);
                done.unwrap_or_else(|it| panic!("{story}: {it}\n{transaction}"));
            }
            let wanted = from_nothing(mode, &world.snapshot(node, family, form));
            let (is, wanted) = (
                contents(&loaded, Stale::Ignored),
                contents(&wanted, Stale::Ignored),
            );
            assert_eq!(is, wanted, "{story}:\n{}", synced.transaction);
        }
        for change in world.change() {
            syncer.tell(change);
        }
        now = now + Duration::from_millis(dice.one_of(&[10, 700, 1500, 4_000_000]));
        if dice.one_in(10) {
            syncer = Syncer::of(mode, &world.snapshot(node, family, form));
            syncer.relearn(&loaded);
        }
    }
    // With time, all that nobody wants is gone.
    for _ in 0..3 {
        now = now + Duration::from_millis(1500);
        for transaction in syncer.sync(now).transactions() {
            transaction.apply(&mut loaded).expect("applies");
        }
    }
    let wanted = from_nothing(mode, &world.snapshot(node, family, form));
    let (is, wanted) = (
        contents(&loaded, Stale::Seen),
        contents(&wanted, Stale::Seen),
    );
    assert_eq!(is, wanted, "seed {seed} {} {form:?} {family}", mode.name);
    n_syncs
}

/// How many kube-proxies live, in every mode, family and form.
const N_LIVES: u64 = 12;

#[test]
fn changes_one_by_one_come_to_what_a_sync_from_nothing_makes() {
    let mut n_syncs = [0, 0];
    for seed in 0..N_LIVES {
        for (mode, form) in arms() {
            for family in Family::ALL {
                let [full, partial] = live(mode, form, family, seed);
                n_syncs[0] += full;
                n_syncs[1] += partial;
            }
        }
    }
    assert!(n_syncs[0] > 100 && n_syncs[1] > 500, "{n_syncs:?}");
}

#[test]
fn a_sync_without_a_change_has_nothing_to_do_in_nftables_mode() {
    let world = RandomWorld::new(7);
    for form in FORMS {
        let snapshot = world.snapshot(0, Family::V4, form);
        let mut syncer = Syncer::of(mode("nftables").expect("a mode"), &snapshot);
        assert_eq!(syncer.sync(Instant::START).kind, SyncKind::Full);
        let again = syncer.sync(Instant::START + Duration::from_secs(5));
        assert_eq!((again.kind, again.n_changed), (SyncKind::Partial, 0));
        assert_eq!(again.transactions().count(), 0);
        // After an hour everything is written anew.
        let later = syncer.sync(Instant::START + Duration::from_secs(3700));
        assert_eq!(later.kind, SyncKind::Full);
    }
}

#[test]
fn a_moved_node_writes_everything_anew() {
    let world = RandomWorld::new(11);
    for (mode, form) in arms() {
        let snapshot = world.snapshot(0, Family::V4, form);
        let mut syncer = Syncer::of(mode, &snapshot);
        let mut loaded = Ruleset::default();
        let mut now = Instant::START;
        let moved = world.snapshot(1, Family::V4, form);
        for node in [
            snapshot.node.clone(),
            NodeFacts {
                ..moved.node.clone()
            },
        ] {
            syncer.move_to(node);
            for _ in 0..3 {
                for transaction in syncer.sync(now).transactions() {
                    transaction.apply(&mut loaded).expect("applies");
                }
                now = now + Duration::from_millis(1500);
            }
        }
        let wanted = from_nothing(mode, &moved);
        assert_eq!(
            contents(&loaded, Stale::Seen),
            contents(&wanted, Stale::Seen)
        );
    }
}

#[test]
fn in_a_large_cluster_stale_chains_of_iptables_wait_for_the_period() {
    let mut snapshot = RandomWorld::new(3).snapshot(0, Family::V4, Form::G4);
    let slice = snapshot
        .endpoint_slices
        .iter()
        .find(|it| it.address_type == "IPv4");
    let mut large = (**slice.expect("a slice of IPv4")).clone();
    let mut endpoint = packetwalk_core::api::Endpoint::default();
    large.endpoints.clear();
    for idx in 0..1100 {
        endpoint.addresses = vec![format!("10.244.{}.{}", 20 + idx / 250, idx % 250)];
        large.endpoints.push(endpoint.clone());
    }
    let owner = large.service_name().expect("an owner").to_owned();
    let text = format!(
        "apiVersion: v1\nkind: Service\nmetadata: {{name: {owner}, namespace: default}}\n\
         spec: {{clusterIP: 10.96.7.7, ports: [{{name: p0, port: 80}}]}}\n"
    );
    let read = packetwalk_tests::manifest(&text).objects.into_iter();
    let service = read.map(|it| it.object).find_map(|it| match it {
        packetwalk_core::api::Object::Service(it) => Some(it),
        _ => None,
    });
    let mut port = large.ports[0].clone();
    port.name = Some("p0".into());
    port.protocol = Some("TCP".into());
    large.ports = vec![port];
    snapshot.services = vec![service.expect("a Service")];
    snapshot.endpoint_slices = vec![std::sync::Arc::new(large.clone())];
    let mut syncer = Syncer::of(mode("iptables").expect("a mode"), &snapshot);
    let deleted = |it: &Transaction| iptables::restore(it).matches("-X KUBE-SEP-").count();
    assert_eq!(deleted(&syncer.sync(Instant::START).transaction), 0);
    let told = |n: usize| {
        let mut fewer = large.clone();
        fewer.endpoints.truncate(n);
        packetwalk_core::proxy::Change::Slice(std::sync::Arc::new(fewer))
    };
    syncer.tell(told(1050));
    let soon = syncer.sync(Instant::START + Duration::from_secs(10));
    assert_eq!(deleted(&soon.transaction), 0);
    let later = syncer.sync(Instant::START + Duration::from_secs(31));
    assert_eq!(deleted(&later.transaction), 50);
    syncer.tell(told(900));
    let small = syncer.sync(Instant::START + Duration::from_secs(32));
    assert_eq!(deleted(&small.transaction), 150);
}

/// The kernel's own listing of what it has.
fn listed(place: &Namespace, dialect: Dialect) -> BTreeMap<String, Vec<String>> {
    match dialect {
        Dialect::Nft => {
            let text = nft_tool::list_ruleset(place).expect("a listing");
            let read = nft::parse_listing(&text).unwrap_or_else(|it| panic!("{it}\n{text}"));
            contents(&nft::canonical_ruleset(&read.ruleset), Stale::Seen)
        }
        _ => {
            let mut all = BTreeMap::new();
            for tools_of in [Tools::V4, Tools::V6] {
                let text = tools::save(place, tools_of).expect("a listing");
                let lines = text.lines().filter(|it| it.starts_with("-A KUBE-"));
                for line in lines {
                    let chain = line.split(' ').nth(1).unwrap_or_default();
                    let key = format!("{tools_of:?} {chain}");
                    let of_chain: &mut Vec<String> = all.entry(key).or_default();
                    of_chain.push(line.to_owned());
                }
            }
            all
        }
    }
}

fn load(
    place: &Namespace,
    dialect: Dialect,
    family: Family,
    transaction: &Transaction,
    story: &str,
) {
    let text = dialect.print(transaction);
    let done = match (dialect, family) {
        (Dialect::Nft, _) => nft_tool::load(place, &text),
        (_, Family::V4) => tools::load(place, Tools::V4, &text),
        (_, Family::V6) => tools::load(place, Tools::V6, &text),
    };
    done.unwrap_or_else(|it| panic!("{story}: {it}\n{text}"));
}

#[test]
fn the_kernel_takes_every_change_and_ends_with_the_same_rules() {
    if !kernel_is_ours("changes of rules") || !iptables_is_there("changes of rules") {
        return;
    }
    let mut lab = Lab::new(LabId::fresh());
    let mut n_loaded = 0;
    for seed in 0..6 {
        for (arm, (mode, form)) in arms().into_iter().enumerate() {
            let family = Family::ALL[(seed as usize + arm) % 2];
            let host = format!("s{seed}a{arm}");
            let place = lab.create(&host).expect("a namespace");
            let fresh = lab.create(&format!("{host}f")).expect("a namespace");
            let mut world = RandomWorld::new(1000 + seed);
            let mut syncer = Syncer::of(mode, &world.snapshot(0, family, form));
            let mut now = Instant::START;
            for step in 0..6 {
                let story = format!("seed {seed} step {step} {} {form:?} {family}", mode.name);
                for transaction in syncer.sync(now).transactions() {
                    load(&place, mode.dialect, family, transaction, &story);
                    n_loaded += 1;
                }
                for change in world.change().into_iter().filter(|_| step < 3) {
                    syncer.tell(change);
                }
                now = now + Duration::from_millis(1500);
            }
            let whole = (mode.sync)(&syncer.snapshot()).transaction;
            load(&fresh, mode.dialect, family, &whole, "from nothing");
            let (is, wanted) = (listed(&place, mode.dialect), listed(&fresh, mode.dialect));
            assert_eq!(is, wanted, "seed {seed} {} {form:?} {family}", mode.name);
            assert!(!is.is_empty());
            lab.remove(&host).expect("removed");
            lab.remove(&format!("{host}f")).expect("removed");
        }
    }
    assert!(n_loaded > 60, "{n_loaded}");
    lab.close().expect("closes");
}

/// How many worlds the kernel is shown.
const N_WORLDS: u64 = 200;

#[test]
fn two_hundred_random_worlds_load_and_read_back() {
    let has_kernel = kernel_is_ours("random worlds") && iptables_is_there("random worlds");
    let mut lab = Lab::new(LabId::fresh());
    let places: Vec<Option<Namespace>> = (0..2)
        .map(|idx| has_kernel.then(|| lab.create(&format!("worlds{idx}")).expect("a namespace")))
        .collect();
    let n_rulesets: usize = std::thread::scope(|scope| {
        let halves = places.iter().zip(0..).map(|(place, half)| {
            let seeds = (0..N_WORLDS).filter(move |it| it % 2 == half);
            scope.spawn(move || {
                seeds
                    .map(|it| show_world(it, place.as_ref()))
                    .sum::<usize>()
            })
        });
        let halves: Vec<_> = halves.collect();
        let counts = halves
            .into_iter()
            .map(|it| it.join().expect("every world loads"));
        counts.sum()
    });
    assert!(n_rulesets >= 800, "{n_rulesets}");
    lab.close().expect("closes");
}

/// The rulesets of one world, in every mode and family, on one of its nodes, in one of the forms.
fn show_world(seed: u64, place: Option<&Namespace>) -> usize {
    let world = RandomWorld::new(seed);
    let mut n_rulesets = 0;
    // What ipvs mode writes beside its rules has a test of its own.
    for mode in MODES.iter().filter(|it| it.name != "ipvs") {
        for family in Family::ALL {
            let number = usize::try_from(seed).unwrap_or(0);
            let form = FORMS[(number + n_rulesets) % FORMS.len()];
            let programme = (mode.sync)(&world.snapshot(number, family, form));
            let story = format!("seed {seed} {} {form:?} {family}", mode.name);
            match mode.dialect {
                Dialect::Nft => check_nft(&programme.transaction, place, &story),
                _ => check_iptables(&programme.transaction, family, place, &story),
            }
            n_rulesets += 1;
        }
    }
    n_rulesets
}

fn applied(transaction: &Transaction) -> Ruleset {
    let mut ruleset = Ruleset::default();
    transaction.apply(&mut ruleset).expect("applies");
    ruleset
}

fn check_nft(transaction: &Transaction, place: Option<&Namespace>, story: &str) {
    let text = transaction.to_string();
    let read = nft::parse(&text).unwrap_or_else(|it| panic!("{story}: {it}"));
    assert_eq!(read, *transaction, "{story}");
    let ruleset = nft::canonical_ruleset(&applied(transaction));
    let Some(place) = place else {
        return;
    };
    let family = transaction.commands[0].table.family.name();
    // Every world has the table for itself.
    let anew = format!("add table {family} kube-proxy\ndelete table {family} kube-proxy\n{text}");
    nft_tool::check(place, &anew).unwrap_or_else(|it| panic!("{story}: {it}"));
    nft_tool::load(place, &anew).unwrap_or_else(|it| panic!("{story}: {it}"));
    let listing = nft_tool::list(place, family, "kube-proxy")
        .expect("a listing")
        .text;
    let listed =
        nft::parse_listing(&listing).unwrap_or_else(|it| panic!("{story}: {it}\n{listing}"));
    let theirs = nft::canonical_ruleset(&listed.ruleset);
    if theirs != ruleset {
        let (theirs, ours) = (nft::list(&theirs), nft::list(&ruleset));
        let differing = |a: &str, b: &str| {
            let lines = a.lines().filter(|it| !b.lines().any(|other| other == *it));
            lines.map(str::to_owned).collect::<Vec<_>>().join("\n")
        };
        panic!(
            "{story}\ntheirs:\n{}\nours:\n{}",
            differing(&theirs, &ours),
            differing(&ours, &theirs)
        );
    }
    // What was listed reads back as it is printed, and could be loaded again.
    let again = Transaction::from_ruleset(&listed.ruleset);
    let reread = nft::parse(&again.to_string()).unwrap_or_else(|it| panic!("{story}: {it}"));
    assert_eq!(applied(&reread), applied(&again), "{story}");
}

fn check_iptables(
    transaction: &Transaction,
    family: Family,
    place: Option<&Namespace>,
    story: &str,
) {
    let tables = TableFamily::from(family);
    let text = iptables::restore(transaction);
    let read = iptables::parse(&text, tables).unwrap_or_else(|it| panic!("{story}: {it}"));
    let (read, ours) = (
        iptables::canonical_transaction(&read),
        iptables::canonical_transaction(transaction),
    );
    assert_eq!(read, ours, "{story}");
    let saved = iptables::save(&applied(transaction), tables);
    let Some(place) = place else {
        return;
    };
    let tools_of = match family {
        Family::V4 => Tools::V4,
        Family::V6 => Tools::V6,
    };
    tools::check(place, tools_of, &text).unwrap_or_else(|it| panic!("{story}: {it}"));
    // Every world has the namespace for itself.
    let emptied =
        format!("*filter\n-F\n-X\nCOMMIT\n*nat\n-F\n-X\nCOMMIT\n*mangle\n-F\n-X\nCOMMIT\n{text}");
    tools::load(place, tools_of, &emptied).unwrap_or_else(|it| panic!("{story}: {it}"));
    let theirs = tools::save(place, tools_of).expect("a listing");
    let ours: Vec<&str> = rules(&saved);
    assert_eq!(rules(&theirs), ours, "{story}");
    let listed = iptables::parse(&theirs, tables).unwrap_or_else(|it| panic!("{story}: {it}"));
    let printed = iptables::save(&applied(&listed), tables);
    assert_eq!(rules(&printed), ours, "{story}");
}

/// The rules of a listing; tables come in any order, and chains have counters.
fn rules(text: &str) -> Vec<&str> {
    let mut rules: Vec<&str> = text.lines().filter(|it| it.starts_with("-A ")).collect();
    rules.sort_by_key(|it| it.split(' ').nth(1));
    rules
}
