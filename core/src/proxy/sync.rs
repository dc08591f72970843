//! kube-proxy as it runs: it remembers what it programmed, is told what changed, and writes only that.
//!
//! `syncProxyRules` of `pkg/proxy/nftables/proxier.go` and `pkg/proxy/iptables/proxier.go`, and the change trackers
//! `pkg/proxy/servicechangetracker.go` and `endpointslicecache.go`, of Kubernetes 1.34 to 1.37. A [`Syncer`] is a
//! value: it is given changes and the time, and hands out transactions.
//!
//! **Left out**: the bounded frequency of syncs, which is for whoever calls; the order of Services in a sync, which is
//! luck in kube-proxy and by name here; origins of rules that are no more, which are kept.

use super::{
    Endpoint, Mode, NodeFacts, Origins, ServicePort, Settings, SlicesByService, Snapshot,
    endpoints_of, iptables, nftables, select, service_ports,
};
use crate::api::{EndpointSlice, Service};
use crate::indexed::Indexed;
use crate::ip::{Cidr, Family, cidr_family};
use crate::net::Protocol;
use crate::netfilter::{Ruleset, TableFamily, TableKey, Transaction};
use crate::sorted::sort_by;
use crate::time::{Duration, Instant};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How long rules are trusted before all of them are written anew.
const FULL_SYNC_PERIOD: Duration = Duration::from_secs(3600);

/// kube-proxy on one node, for one family: what it was told, and what it has programmed.
#[derive(Clone, Debug)]
pub struct Syncer {
    mode: &'static Mode,
    /// The node and the settings; its lists of objects stay empty.
    facts: Snapshot,
    services: Indexed<ServiceName, Arc<Service>>,
    slices: Indexed<ServiceName, BTreeMap<String, Arc<EndpointSlice>>>,
    /// Which Service a slice belongs to, by its namespace and name.
    owners: Indexed<ServiceName, ServiceName>,
    /// The Services that may have changed since the last sync.
    pending: BTreeSet<ServiceName>,
    /// The service ports of the last sync.
    known: Indexed<ServiceName, Vec<KnownPort>>,
    n_endpoints: usize,
    last_full: Option<Instant>,
    origins: Origins,
    memory: Memory,
}

/// Namespace and name.
type ServiceName = (String, String);

/// Namespace, name, port name, protocol: service ports are written in this order.
pub(super) type PortKey = Arc<(String, String, String, Protocol)>;

/// A service port with its endpoints, as of a sync.
#[derive(Clone, Debug)]
pub(super) struct KnownPort {
    pub(super) key: PortKey,
    pub(super) port: ServicePort,
    pub(super) endpoints: Vec<Arc<Endpoint>>,
}

/// What a mode remembers from one sync to the next.
#[derive(Clone, Debug)]
pub enum Memory {
    /// Chains, sets and elements.
    Nftables(nftables::Memory),
    /// Chains, and the lines in the chains of all Services.
    Iptables(iptables::Memory),
    /// Nothing: every sync writes everything.
    Nothing,
}

/// Something kube-proxy was told by the API.
#[derive(Clone, Debug)]
pub enum Change {
    /// A Service is new or changed.
    Service(Arc<Service>),
    /// A Service is gone.
    ServiceGone {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// An EndpointSlice is new or changed.
    Slice(Arc<EndpointSlice>),
    /// An EndpointSlice is gone.
    SliceGone {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// The ranges of ClusterIPs are these now. Nothing is written for it until the next full sync.
    ServiceRanges(Vec<Cidr>),
}

/// How much a sync wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncKind {
    /// Everything.
    Full,
    /// What had changed.
    Partial,
}

/// What a sync came to.
#[derive(Clone, Debug)]
pub struct Synced {
    /// How much it wrote.
    pub kind: SyncKind,
    /// A transaction of its own that comes first: chains that nothing leads to any more. Should it fail, the
    /// other is made nevertheless.
    pub cleanup: Transaction,
    /// The rules; empty where nothing is to be done.
    pub transaction: Transaction,
    /// How many Services were new, changed or gone.
    pub n_changed: usize,
    /// How many service ports had the chains of their own written.
    pub n_written: usize,
    /// An endpoint or an address of a UDP service port changed: entries of conntrack may be stale.
    pub cleans_conntrack: bool,
}

impl Synced {
    /// Its transactions, in order.
    pub fn transactions(&self) -> impl Iterator<Item = &Transaction> {
        let both = [&self.cleanup, &self.transaction];
        both.into_iter().filter(|it| !it.commands.is_empty())
    }
}

/// What kube-proxy counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Metrics {
    /// `sync_proxy_rules_no_local_endpoints_total{traffic_policy="internal"}`
    pub without_local_endpoints_internal: usize,
    /// `sync_proxy_rules_no_local_endpoints_total{traffic_policy="external"}`
    pub without_local_endpoints_external: usize,
}

/// One sync, as a mode sees it.
pub(super) struct Turn<'a> {
    pub(super) facts: &'a Snapshot,
    pub(super) kind: SyncKind,
    pub(super) now: Instant,
    pub(super) n_endpoints: usize,
    /// Every service port to be written, and with none every one that is gone; by key.
    pub(super) ports: Vec<(PortKey, Option<&'a KnownPort>)>,
    pub(super) origins: &'a mut Origins,
}

/// The transactions a mode answers with.
#[derive(Default)]
pub(super) struct Written {
    pub(super) cleanup: Transaction,
    pub(super) transaction: Transaction,
}

/// What is different from the last sync.
#[derive(Default)]
struct Changes {
    /// Service ports that were there; some of them still are.
    gone: BTreeSet<PortKey>,
    /// Services that are new, changed or gone.
    changed: BTreeSet<ServiceName>,
    cleans_conntrack: bool,
}

impl Syncer {
    /// kube-proxy just started, on a node without any rules of its own.
    #[must_use]
    pub fn new(mode: &'static Mode, family: Family, node: NodeFacts, settings: Settings) -> Self {
        Syncer {
            mode,
            facts: Snapshot {
                family,
                node,
                services: Vec::new(),
                endpoint_slices: Vec::new(),
                settings,
            },
            services: Indexed::default(),
            slices: Indexed::default(),
            owners: Indexed::default(),
            pending: BTreeSet::new(),
            known: Indexed::default(),
            n_endpoints: 0,
            last_full: None,
            origins: Origins::default(),
            memory: (mode.memory)(),
        }
    }

    /// The same, told of all objects of a snapshot.
    #[must_use]
    pub fn of(mode: &'static Mode, snapshot: &Snapshot) -> Self {
        let (node, settings) = (snapshot.node.clone(), snapshot.settings.clone());
        let mut syncer = Syncer::new(mode, snapshot.family, node, settings);
        for service in &snapshot.services {
            syncer.tell(Change::Service(service.clone()));
        }
        for slice in &snapshot.endpoint_slices {
            syncer.tell(Change::Slice(slice.clone()));
        }
        syncer
    }

    /// Takes note of a change; the next sync writes what comes of it.
    pub fn tell(&mut self, change: Change) {
        match change {
            Change::Service(service) => {
                let metadata = &service.metadata;
                let name = (metadata.namespace.clone(), metadata.name.clone());
                self.pending.insert(name.clone());
                self.services.insert(name, service);
            }
            Change::ServiceGone { namespace, name } => {
                let name = (namespace, name);
                self.services.remove(&name);
                self.pending.insert(name);
            }
            Change::Slice(slice) => {
                let metadata = &slice.metadata;
                let name = (metadata.namespace.clone(), metadata.name.clone());
                self.forget_slice(&name);
                let owner = slice.service_name().map(str::to_owned);
                if let Some(owner) = owner {
                    let owner = (name.0.clone(), owner);
                    let slices = self.slices.get_or_default(owner.clone());
                    slices.insert(name.1.clone(), slice);
                    self.pending.insert(owner.clone());
                    self.owners.insert(name, owner);
                }
            }
            Change::SliceGone { namespace, name } => self.forget_slice(&(namespace, name)),
            Change::ServiceRanges(ranges) => {
                let of_family = |it: &Cidr| cidr_family(*it) == self.facts.family;
                self.facts.settings.service_cidrs = ranges.into_iter().filter(of_family).collect();
            }
        }
    }

    fn forget_slice(&mut self, name: &ServiceName) {
        let Some(owner) = self.owners.remove(name) else {
            return;
        };
        if let Some(slices) = self.slices.get_mut(&owner) {
            slices.remove(&name.1);
            if slices.is_empty() {
                self.slices.remove(&owner);
            }
        }
        self.pending.insert(owner);
    }

    /// The node changed: its zone, its addresses. All rules are written anew.
    pub fn move_to(&mut self, node: NodeFacts) {
        self.facts.node = node;
        self.pending
            .extend(self.services.iter().map(|it| it.0.clone()));
        self.last_full = None;
    }

    /// A transaction was refused, or the rules were found changed by somebody: all rules are written anew over what is
    /// loaded.
    pub fn relearn(&mut self, loaded: &Ruleset) {
        self.last_full = None;
        let family = TableFamily::from(self.facts.family);
        match &mut self.memory {
            Memory::Nftables(memory) => {
                memory.relearn(loaded.table(&TableKey::new(family, nftables::TABLE)));
            }
            Memory::Iptables(memory) => memory.relearn(loaded, family),
            Memory::Nothing => {}
        }
    }

    /// Writes what is to be written.
    pub fn sync(&mut self, now: Instant) -> Synced {
        let is_full = self.last_full.is_none_or(|it| now - it > FULL_SYNC_PERIOD);
        let kind = match is_full {
            true => SyncKind::Full,
            false => SyncKind::Partial,
        };
        let changes = self.take_changes();
        let mut ports: BTreeMap<PortKey, Option<&KnownPort>> =
            changes.gone.into_iter().map(|it| (it, None)).collect();
        match kind {
            SyncKind::Full => {
                let all = self.known.values().flatten();
                ports.extend(all.map(|it| (it.key.clone(), Some(it))));
                self.last_full = Some(now);
            }
            SyncKind::Partial => {
                let changed = changes.changed.iter();
                let some = changed.filter_map(|it| self.known.get(it)).flatten();
                ports.extend(some.map(|it| (it.key.clone(), Some(it))));
            }
        }
        let n_written = ports.values().flatten().count();
        let turn = Turn {
            facts: &self.facts,
            kind,
            now,
            n_endpoints: self.n_endpoints,
            ports: ports.into_iter().collect(),
            origins: &mut self.origins,
        };
        let written = match &mut self.memory {
            Memory::Nftables(memory) => memory.sync(turn),
            Memory::Iptables(memory) => memory.sync(turn),
            Memory::Nothing => self.write_whole(),
        };
        Synced {
            kind,
            cleanup: written.cleanup,
            transaction: written.transaction,
            n_changed: changes.changed.len(),
            n_written,
            cleans_conntrack: changes.cleans_conntrack,
        }
    }

    /// Reads what it was told since the last sync, and says what is different.
    fn take_changes(&mut self) -> Changes {
        let mut changes = Changes::default();
        for name in std::mem::take(&mut self.pending) {
            let next = self.read(&name);
            let before = self.known.get(&name).map_or(&[][..], Vec::as_slice);
            self.n_endpoints += n_endpoints(&next);
            self.n_endpoints -= n_endpoints(before);
            if !is_same(before, &next) {
                let is_udp = |it: &KnownPort| it.port.protocol == Protocol::Udp;
                changes.cleans_conntrack |= before.iter().chain(&next).any(is_udp);
                changes.gone.extend(before.iter().map(|it| it.key.clone()));
                changes.changed.insert(name.clone());
            }
            match next.is_empty() {
                true => self.known.remove(&name),
                false => self.known.insert(name, next),
            };
        }
        changes
    }

    fn write_whole(&mut self) -> Written {
        let programme = (self.mode.sync)(&self.snapshot());
        self.origins = programme.origins;
        Written {
            transaction: programme.transaction,
            ..Written::default()
        }
    }

    /// All it was told, as one value.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let mut slices: Vec<_> = self.slices.values().flat_map(BTreeMap::values).collect();
        sort_by(&mut slices, |a, b| {
            let (a, b) = (&a.metadata, &b.metadata);
            (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name))
        });
        let mut services: Vec<_> = self.services.iter().collect();
        sort_by(&mut services, |a, b| a.0.cmp(b.0));
        Snapshot {
            services: services.into_iter().map(|it| it.1.clone()).collect(),
            endpoint_slices: slices.into_iter().cloned().collect(),
            ..self.facts.clone()
        }
    }

    /// Where every rule came from.
    #[must_use]
    pub fn origins(&self) -> &Origins {
        &self.origins
    }

    /// What it would count, as of the last sync.
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        let mut metrics = Metrics::default();
        for it in self.known.values().flatten() {
            let selected = select(&it.port, &it.endpoints, &self.facts.node);
            if selected.has_endpoints && selected.local.is_empty() {
                metrics.without_local_endpoints_internal +=
                    usize::from(it.port.internal_policy_is_local);
                metrics.without_local_endpoints_external +=
                    usize::from(it.port.external_policy_is_local);
            }
        }
        metrics
    }

    /// How many endpoints of each Service are on this node and ready, by what the health-check servers of
    /// `healthCheckNodePort` answer.
    #[must_use]
    pub fn local_ready_endpoints(&self) -> BTreeMap<(String, String), usize> {
        let mut by_service = BTreeMap::new();
        for (name, ports) in self.known.iter() {
            let endpoints = ports.iter().flat_map(|it| &it.endpoints);
            let here = endpoints.filter(|it| it.local && it.ready);
            let addresses: BTreeSet<_> = here.map(|it| it.address).collect();
            if !addresses.is_empty() {
                by_service.insert(name.clone(), addresses.len());
            }
        }
        by_service
    }

    /// The service ports of a Service as it was told of last, with their endpoints, by key.
    fn read(&self, name: &ServiceName) -> Vec<KnownPort> {
        let Some(service) = self.services.get(name) else {
            return Vec::new();
        };
        let (node, family) = (&self.facts.node, self.facts.family);
        let slices = self.slices.get(name).map(|it| it.values().cloned());
        let slices: Vec<_> = slices.into_iter().flatten().collect();
        let slices = SlicesByService::new(&slices, family);
        let ports = service_ports(std::slice::from_ref(service), family).into_iter();
        let ports = ports.map(|port| {
            let (namespace, name, port_name, protocol) = port.key();
            let key = (
                namespace.to_owned(),
                name.to_owned(),
                port_name.to_owned(),
                protocol,
            );
            KnownPort {
                key: Arc::new(key),
                endpoints: endpoints_of(&port, &slices, node),
                port,
            }
        });
        ports.collect()
    }
}

fn n_endpoints(ports: &[KnownPort]) -> usize {
    ports.iter().map(|it| it.endpoints.len()).sum()
}

fn is_same(before: &[KnownPort], next: &[KnownPort]) -> bool {
    before.len() == next.len()
        && before
            .iter()
            .zip(next)
            .all(|(a, b)| a.port.is_alike(&b.port) && a.endpoints == b.endpoints)
}
