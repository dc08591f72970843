//! kube-proxy on every node of a lab that stays: what changed goes to the kernel in one transaction, and nothing else.
//!
//! What the kernel refuses is found by halving what changed: each half is a transaction of its own, until the Services stand
//! alone that it refuses. They are set aside, without rules, until they change again; all others are programmed.
//!
//! In iptables mode each family has tools of its own, so a change is a transaction for each. The rules of NetworkPolicies are
//! not kept piece by piece: their table is replaced, in the same transaction, where they changed.
//!
//! **Left out**: settings of kube-proxy that change while the lab stays; syncs by the clock.

use crate::error::Error;
use crate::kernel::conntrack::{self, Tuple};
use crate::kernel::{self, Lab, Namespace, Place, iptables, nft};
use crate::lab::{host_name, nodes, tools};
use packetwalk_core::api::{EndpointSlice, Service};
use packetwalk_core::ip::{Family, family};
use packetwalk_core::netfilter::dialect::{Dialect, iptables as iptables_text};
use packetwalk_core::netfilter::{Ruleset, TableFamily, TableKey, Transaction};
use packetwalk_core::policy;
use packetwalk_core::proxy::{Change, Frontends, Snapshot, Syncer};
use packetwalk_core::sim::World;
use packetwalk_core::time::Instant;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::Arc;

/// UDP's number.
const UDP: u8 = 17;

/// Namespace and name.
type ServiceName = (String, String);

/// The kube-proxies of a lab.
#[derive(Debug, Default)]
pub(super) struct Proxies {
    nodes: BTreeMap<String, Proxy>,
    router: String,
}

/// A Service that the kernel refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    /// Namespace and name.
    pub(super) service: ServiceName,
    /// The node.
    pub(super) node: String,
    /// What was said.
    pub(super) why: String,
}

/// kube-proxy on one node.
#[derive(Debug)]
struct Proxy {
    parts: Vec<Part>,
    policies: Ruleset,
}

/// The families that are programmed together.
#[derive(Debug)]
struct Part {
    dialect: Dialect,
    kube_proxies: Vec<KubeProxy>,
    loaded: Ruleset,
}

/// One family.
#[derive(Clone, Debug)]
struct KubeProxy {
    family: Family,
    syncer: Syncer,
    /// Who it was told to be.
    node: String,
    told: Told,
    refused: BTreeMap<ServiceName, String>,
}

/// What there was when something was told last.
#[derive(Clone, Debug, Default)]
struct Told {
    services: BTreeMap<ServiceName, Arc<Service>>,
    slices: BTreeMap<ServiceName, Arc<EndpointSlice>>,
}

/// What is to be told, by the Service it is about.
type Changes = BTreeMap<ServiceName, Vec<Change>>;

impl Proxies {
    /// Programs every node as a world has it, and forgets nodes that are no more. The Services that were refused are in the
    /// answer, also those refused before.
    ///
    /// # Errors
    /// When the kernel refuses what is no Service's.
    pub(super) fn programme(&mut self, world: &World, lab: &Lab) -> Result<Vec<Refused>, Error> {
        let mut refused = Vec::new();
        let mut there = BTreeSet::new();
        for host in nodes(world) {
            let name = host.id.short().to_owned();
            let place = lab.host(&host_name(&host.id))?;
            let proxy = self.nodes.entry(name.clone());
            let proxy = proxy.or_insert_with(|| Proxy::new(world, &name));
            proxy.programme(world, &name, place)?;
            for it in proxy.parts.iter().flat_map(|it| &it.kube_proxies) {
                refused.extend(it.refused.iter().map(|(service, why)| Refused {
                    service: service.clone(),
                    node: name.clone(),
                    why: why.clone(),
                }));
            }
            there.insert(name);
        }
        self.nodes.retain(|name, _| there.contains(name));
        self.balance(world, lab)?;
        Ok(refused)
    }

    /// Forgets what nodes were programmed with whose namespaces are built anew.
    pub(super) fn forget(&mut self, hosts: &BTreeSet<String>) {
        let is_node = |host: &str, node: &str| host.strip_prefix("node.") == Some(node);
        self.nodes
            .retain(|node, _| !hosts.iter().any(|it| is_node(it, node)));
        if hosts.contains(kernel::topology::UNDERLAY) {
            self.router.clear();
        }
    }

    /// The router's rules, for load balancers.
    fn balance(&mut self, world: &World, lab: &Lab) -> Result<(), Error> {
        let rules = crate::lab::balancing(world);
        let text = rules.to_string();
        if text == self.router {
            return Ok(());
        }
        let mut tables: Vec<&TableKey> = rules.commands.iter().map(|it| &it.table).collect();
        let before = std::mem::take(&mut self.router);
        let known =
            [Family::V4, Family::V6].map(|it| TableKey::new(it.into(), crate::lab::BALANCER));
        tables.extend(
            known
                .iter()
                .filter(|it| before.contains(&format!("table {it}"))),
        );
        tables.sort();
        tables.dedup();
        let router = lab.host(kernel::topology::UNDERLAY)?;
        nft::load(router, &(fresh_tables(&tables) + &text))?;
        self.router = text;
        Ok(())
    }
}

/// Commands after which these tables are not there, whether they were or not.
fn fresh_tables(tables: &[&TableKey]) -> String {
    let mut text = String::new();
    for table in tables {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "add table {table}\ndelete table {table}");
    }
    text
}

impl Proxy {
    fn new(world: &World, node: &str) -> Proxy {
        let kube_proxies = Family::ALL.into_iter().filter_map(|of| {
            let snapshot = world.snapshot(node, of)?;
            snapshot
                .node
                .primary_ips
                .iter()
                .find(|it| family(**it) == of)?;
            Some(KubeProxy {
                family: of,
                syncer: Syncer::new(
                    world.mode,
                    of,
                    snapshot.node.clone(),
                    snapshot.settings.clone(),
                ),
                node: format!("{:?}", snapshot.node),
                told: Told::default(),
                refused: BTreeMap::new(),
            })
        });
        let part = |kube_proxies| Part {
            dialect: world.mode.dialect,
            kube_proxies,
            loaded: Ruleset::default(),
        };
        let parts = match world.mode.dialect {
            Dialect::Nft => vec![part(kube_proxies.collect())],
            Dialect::Iptables => kube_proxies.map(|it| part(vec![it])).collect(),
        };
        Proxy {
            parts,
            policies: Ruleset::default(),
        }
    }

    fn programme(&mut self, world: &World, node: &str, place: &Namespace) -> Result<(), Error> {
        let policies = policies(world, node)?;
        let is_same = policies == self.policies;
        let mut text = match is_same {
            true => String::new(),
            false => replaced(&self.policies, &policies),
        };
        for part in &mut self.parts {
            let mut changes = BTreeMap::new();
            for (idx, it) in part.kube_proxies.iter_mut().enumerate() {
                let Some(snapshot) = world.snapshot(node, it.family) else {
                    continue;
                };
                for (service, told) in it.changes(&snapshot) {
                    let each: &mut Vec<(usize, Change)> = changes.entry(service).or_default();
                    each.extend(told.into_iter().map(|it| (idx, it)));
                }
                it.told = Told::of(&snapshot);
            }
            let mut writing = Writing {
                place,
                now: world.cluster.clock().now,
                beside: std::mem::take(&mut text),
            };
            if part.dialect == Dialect::Iptables && !writing.beside.is_empty() {
                nft::load(place, &std::mem::take(&mut writing.beside))?;
            }
            let names: Vec<ServiceName> = changes.keys().cloned().collect();
            part.put(&names, &changes, &mut writing)?;
        }
        self.policies = policies;
        Ok(())
    }
}

/// The rules of NetworkPolicies on a node.
fn policies(world: &World, node: &str) -> Result<Ruleset, Error> {
    let mut rules = Ruleset::default();
    for family in Family::ALL {
        policy::sync(&world.objects, node, family)
            .transaction
            .apply(&mut rules)?;
    }
    Ok(rules)
}

/// The commands that put some tables in the place of others.
fn replaced(before: &Ruleset, after: &Ruleset) -> String {
    let both = [before, after];
    let mut keys: Vec<&TableKey> = both
        .into_iter()
        .flat_map(Ruleset::tables)
        .map(|it| &it.key)
        .collect();
    keys.sort();
    keys.dedup();
    fresh_tables(&keys) + &Transaction::from_ruleset(after).to_string()
}

/// What goes along when a part is written.
struct Writing<'a> {
    place: &'a Namespace,
    now: Instant,
    /// Further commands of the first transaction.
    beside: String,
}

impl Part {
    /// Tells what changed about some Services, and has the kernel take what comes of it.
    fn put(
        &mut self,
        names: &[ServiceName],
        changes: &BTreeMap<ServiceName, Vec<(usize, Change)>>,
        writing: &mut Writing<'_>,
    ) -> Result<(), Error> {
        let before = self.kube_proxies.clone();
        for (idx, change) in names.iter().filter_map(|it| changes.get(it)).flatten() {
            self.kube_proxies[*idx].syncer.tell(change.clone());
        }
        let error = match self.sync(writing) {
            Ok(()) => {
                for it in &mut self.kube_proxies {
                    it.refused.retain(|service, _| !names.contains(service));
                }
                return Ok(());
            }
            Err(it) => it,
        };
        let is_refusal = matches!(
            error,
            Error::Kernel(kernel::Error::Nft { .. } | kernel::Error::Iptables { .. })
        );
        if !is_refusal || names.is_empty() {
            return Err(error);
        }
        self.kube_proxies = before;
        self.relearn(writing.place)?;
        if let [service] = names {
            return self.set_aside(service, &error, changes, writing);
        }
        let (some, others) = names.split_at(names.len() / 2);
        self.put(some, changes, writing)?;
        self.put(others, changes, writing)
    }

    /// A Service that the kernel refuses has no rules.
    fn set_aside(
        &mut self,
        service: &ServiceName,
        error: &Error,
        changes: &BTreeMap<ServiceName, Vec<(usize, Change)>>,
        writing: &mut Writing<'_>,
    ) -> Result<(), Error> {
        let concerned: BTreeSet<usize> = changes[service].iter().map(|it| it.0).collect();
        for idx in &concerned {
            let (namespace, name) = service.clone();
            let gone = Change::ServiceGone { namespace, name };
            self.kube_proxies[*idx].syncer.tell(gone);
        }
        // If even that is refused, it is not this Service's doing.
        self.sync(writing)?;
        for idx in concerned {
            let refused = &mut self.kube_proxies[idx].refused;
            refused.insert(service.clone(), error.to_string());
        }
        Ok(())
    }

    /// Writes what is to be written: one transaction, or none if nothing is.
    fn sync(&mut self, writing: &mut Writing<'_>) -> Result<(), Error> {
        let mut next = self.loaded.clone();
        let mut text = String::new();
        let mut whole = Transaction::default();
        let mut cleans = Vec::new();
        for it in &mut self.kube_proxies {
            let synced = it.syncer.sync(writing.now);
            if !synced.cleanup.commands.is_empty() {
                // Should it fail, the rest is made nevertheless, as kube-proxy has it: nothing leads to these chains.
                let cleaned = load(self.dialect, writing.place, &synced.cleanup, String::new());
                if cleaned.is_ok() {
                    synced.cleanup.apply(&mut next)?;
                }
            }
            synced.transaction.apply(&mut next)?;
            whole.commands.extend(synced.transaction.commands);
            if synced.cleans_conntrack {
                cleans.push(Frontends::new(&it.syncer.snapshot()));
            }
        }
        if self.dialect == Dialect::Nft {
            text = writing.beside.clone();
        }
        if !whole.commands.is_empty() || !text.is_empty() {
            load(self.dialect, writing.place, &whole, text)?;
        }
        writing.beside.clear();
        self.loaded = next;
        if !cleans.is_empty() {
            forget_stale(writing.place, &cleans)?;
        }
        Ok(())
    }

    /// After a refusal: a table of iptables may have been taken nevertheless.
    fn relearn(&mut self, place: &Namespace) -> Result<(), Error> {
        if self.dialect == Dialect::Iptables {
            let mut loaded = Ruleset::default();
            for it in &self.kube_proxies {
                let of = TableFamily::from(it.family);
                let saved = iptables::save(place, tools(of))?;
                let read = iptables_text::parse(&saved, of).map_err(|it| {
                    Error::Input(format!("iptables-save prints what cannot be read: {it}"))
                })?;
                read.apply(&mut loaded)?;
            }
            self.loaded = loaded;
        }
        for it in &mut self.kube_proxies {
            it.syncer.relearn(&self.loaded);
        }
        Ok(())
    }
}

impl KubeProxy {
    /// What is different from what it was told last, by the Service it is about.
    fn changes(&mut self, next: &Snapshot) -> Changes {
        let node = format!("{:?}", next.node);
        if node != self.node {
            self.syncer.move_to(next.node.clone());
            self.node = node;
        }
        let is = Told::of(next);
        let mut concerned = BTreeSet::new();
        let named = |it: &EndpointSlice| {
            let owner = it.service_name()?.to_owned();
            Some((it.metadata.namespace.clone(), owner))
        };
        let mut changes = Changes::new();
        for (name, service) in &is.services {
            if self.told.services.get(name) != Some(service) {
                concerned.insert(name.clone());
            }
        }
        let gone = |it: &&ServiceName| !is.services.contains_key(*it);
        concerned.extend(self.told.services.keys().filter(gone).cloned());
        for (name, slice) in &is.slices {
            let before = self.told.slices.get(name);
            if before != Some(slice) {
                concerned.extend(before.and_then(|it| named(it)));
                concerned.extend(named(slice));
            }
        }
        for (name, slice) in self
            .told
            .slices
            .iter()
            .filter(|it| !is.slices.contains_key(it.0))
        {
            let Some(owner) = named(slice) else {
                continue;
            };
            let (namespace, name) = name.clone();
            let gone = Change::SliceGone { namespace, name };
            changes.entry(owner.clone()).or_default().push(gone);
            concerned.insert(owner);
        }
        // Whoever was set aside is told all there is of it, and so is everybody else: what is the same changes nothing.
        for service in concerned {
            let told = changes.entry(service.clone()).or_default();
            match is.services.get(&service) {
                Some(it) => told.push(Change::Service(it.clone())),
                None => {
                    let (namespace, name) = service.clone();
                    told.push(Change::ServiceGone { namespace, name });
                }
            }
            let slices = is.slices.values();
            let its = slices.filter(|it| named(it).as_ref() == Some(&service));
            told.extend(its.map(|it| Change::Slice(it.clone())));
        }
        changes
    }
}

impl Told {
    fn of(snapshot: &Snapshot) -> Told {
        let services = snapshot.services.iter().map(|it| {
            let metadata = &it.metadata;
            (
                (metadata.namespace.clone(), metadata.name.clone()),
                it.clone(),
            )
        });
        let slices = snapshot.endpoint_slices.iter().map(|it| {
            let metadata = &it.metadata;
            (
                (metadata.namespace.clone(), metadata.name.clone()),
                it.clone(),
            )
        });
        Told {
            services: services.collect(),
            slices: slices.collect(),
        }
    }
}

/// Has the kernel take rules, after some further commands of nft's.
fn load(
    dialect: Dialect,
    place: &Namespace,
    rules: &Transaction,
    before: String,
) -> Result<(), Error> {
    let text = before + &dialect.print(rules);
    match dialect {
        Dialect::Nft => Ok(nft::load(place, &text)?),
        Dialect::Iptables => {
            let first = rules.commands.first();
            let of = first.map_or(TableFamily::Ip, |it| it.table.family);
            Ok(iptables::load(place, tools(of), &text)?)
        }
    }
}

/// Has a node forget exchanges over UDP that lead to who serves no more, as kube-proxy does.
pub(crate) fn forget_stale<'a>(
    place: impl Into<Place<'a>>,
    frontends: &[Frontends],
) -> Result<(), Error> {
    let place = place.into();
    let is_stale = |original: &Tuple, reply: &Tuple| {
        let (to, port) = (original.destination, original.destination_port);
        frontends
            .iter()
            .any(|it| it.is_stale(to, port, reply.source))
    };
    for it in conntrack::list(place)? {
        if it.original.protocol == UDP && is_stale(&it.original, &it.reply) {
            // One that ended meanwhile is no failure.
            let _ = conntrack::delete(place, &it.original);
        }
    }
    Ok(())
}
