//! A world in network namespaces: its nodes and pods, its rules in the kernel, real servers.
//!
//! The rules loaded are the very ruleset value the simulation evaluates, printed.
//!
//! A node that is off is there and swallows everything, as a machine in a cloud's network does. A load balancer that
//! rewrites packets is rules of the router; one that passes them on unchanged is a route of the router to one of its
//! targets ([`way_in`]), as is an `externalIP`.
//!
//! Rules can be changed while connections are open ([`WorldLab::change`]): a node's tables go and come in one step.
//!
//! **Left out**: hosts that come or go after it is built, and rules changed piece by piece, as kube-proxy does; the pods of `kube-system` answer with their name like
//! all others, so names are not looked up here.

use crate::error::Error;
use crate::kernel::conntrack::{self, ConntrackEvent, Tuple};
use crate::kernel::iptables::{self, Tools};
use crate::kernel::monitor::{Monitor, Recording};
use crate::kernel::nft::{self, Listing};
use crate::kernel::probe::{self, Held, Outcome, Probe, Protocol as ProbeProtocol};
use crate::kernel::serve::{Manner, Servers, Service};
use crate::kernel::topology::{
    Cluster, ClusterNode, ClusterPod, HostKind, OutsideHost, POD_BRIDGE, Prefix, Route, Topology,
    UNDERLAY, UNDERLAY_BRIDGE,
};
use crate::kernel::trace::{Scope, tracing_rules};
use crate::kernel::{self, Lab, LabId, Namespace, Place, link, netns};
use packetwalk_core::api::{Kind, ObjectRef};
use packetwalk_core::controllers::{ContainerFault, Delivery};
use packetwalk_core::ip::{Cidr, IpAddr, family, parse_sloppy};
use packetwalk_core::net::Protocol;
use packetwalk_core::netfilter::dialect::Dialect;
use packetwalk_core::netfilter::words::{daddr, dnat_by_chance, dport, is};
use packetwalk_core::netfilter::{
    Chain, ChainType, Datum, Element, Hook, NatFlags, NatKind, NatTarget, Object, Priority,
    Ruleset, SetFlag, Statement, TableFamily, TableKey, Transaction, Verb, rule, words,
};
use packetwalk_core::policy;
use packetwalk_core::sim::{Balance, Host, HostId, OUTSIDE_CLIENT, World};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

/// How long the kernel must have been silent before a packet's story counts as told.
const QUIET: Duration = Duration::from_millis(25);
const AT_MOST: Duration = Duration::from_secs(2);

/// Changes a node's rules before they are loaded: how tests prove that a difference is found.
pub type Tamper<'a> = &'a dyn Fn(&str, String) -> String;

/// A world in network namespaces. It is gone when this is dropped.
#[derive(Debug)]
pub struct WorldLab {
    // The order is the order of dropping: servers stop before their namespaces go.
    servers: Servers,
    monitors: BTreeMap<HostId, Monitor>,
    listed: Listed,
    lab: Lab,
}

/// The nodes' rules as the kernel lists them.
#[derive(Debug, Default)]
struct Listed {
    listings: BTreeMap<(HostId, TableKey), Listing>,
    saved: BTreeMap<(HostId, TableFamily), String>,
}

impl WorldLab {
    /// Builds the hosts and links, loads every node's rules, starts every pod's servers.
    ///
    /// # Errors
    /// When this machine cannot, or the kernel refuses the rules.
    pub fn build(world: &World, tamper: Option<Tamper<'_>>) -> Result<WorldLab, Error> {
        kernel::require_root()?;
        nft::version()?;
        if world.mode.dialect == Dialect::Iptables {
            iptables::are_installed()?;
        }
        // What an earlier run left when it was killed. Another run may be cleaning at this moment:
        // what it took away first is no failure of ours.
        netns::clean_stale()?;
        let mut lab = Lab::new(LabId::fresh());
        link::build(&mut lab, &topology(world)?)?;
        switch_off(world, &lab)?;
        for host in nodes(world) {
            hurry(lab.host(&host_name(&host.id))?)?;
        }
        let balancing = balancing(world);
        if !balancing.commands.is_empty() {
            nft::load(lab.host(UNDERLAY)?, &balancing.to_string())?;
        }
        let beyond = beyond(world);
        if !beyond.is_empty() {
            nft::load(lab.host(UNDERLAY)?, &beyond)?;
        }
        let mut monitors = BTreeMap::new();
        let mut listed = Listed::default();
        for host in nodes(world) {
            let place = lab.host(&host_name(&host.id))?;
            listed.program(world, host, place, tamper)?;
            nft::load(place, &tracing_rules(Scope::Every))?;
            monitors.insert(host.id.clone(), Monitor::open(place)?);
        }
        let servers = start_servers(world, &lab)?;
        Ok(WorldLab {
            servers,
            monitors,
            listed,
            lab,
        })
    }

    /// Gives every node the rules of a world that came after; what it remembers of connections stays.
    ///
    /// # Errors
    /// When the kernel refuses the rules.
    pub fn change(&mut self, world: &World) -> Result<(), Error> {
        for host in nodes(world) {
            let place = self.lab.host(&host_name(&host.id))?;
            self.listed.program(world, host, place, None)?;
        }
        Ok(())
    }

    /// Opens a connection from a host that stays open; or what became of the attempt.
    ///
    /// # Errors
    /// When there can be no attempt.
    pub fn hold(&self, from: &HostId, probe: &Probe) -> Result<Result<Held, Outcome>, Error> {
        Ok(probe::hold(self.lab.host(&host_name(from))?, probe)?)
    }

    /// What a node remembers of connections.
    ///
    /// # Errors
    /// When the kernel does not tell.
    pub fn connections(&self, host: &HostId) -> Result<Vec<ConntrackEvent>, Error> {
        Ok(conntrack::list(self.lab.host(&host_name(host))?)?)
    }

    /// Has a node forget one connection, as kube-proxy does after an endpoint went.
    ///
    /// # Errors
    /// When the kernel refuses, or knows no such connection.
    pub fn forget_connection(&self, host: &HostId, original: &Tuple) -> Result<(), Error> {
        Ok(conntrack::delete(
            self.lab.host(&host_name(host))?,
            original,
        )?)
    }

    /// Sends a real packet from a host, and tells what became of it.
    ///
    /// # Errors
    /// When there can be no attempt.
    pub fn send(&self, from: &HostId, probe: &Probe) -> Result<Outcome, Error> {
        Ok(probe::send(self.lab.host(&host_name(from))?, probe)?)
    }

    /// Lets every node forget what packets left in its sets and lists, as each walk of the simulation
    /// begins without memories.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn forget(&self, world: &World) -> Result<(), Error> {
        for host in nodes(world) {
            let dynamic = dynamic_sets(&host.ruleset);
            if !dynamic.is_empty() {
                nft::load(self.lab.host(&host_name(&host.id))?, &dynamic)?;
            }
            if world.mode.dialect == Dialect::Iptables {
                iptables::forget_addresses(self.lab.host(&host_name(&host.id))?)?;
            }
        }
        Ok(())
    }

    /// What the kernel told on every node since the last time, once it has fallen silent.
    ///
    /// # Errors
    /// When a socket fails.
    pub fn listen(&mut self) -> Result<BTreeMap<HostId, Recording>, Error> {
        let mut told = BTreeMap::new();
        for (host, monitor) in &mut self.monitors {
            // The first is waited for; by then the others have long been told.
            let quiet = if told.is_empty() {
                QUIET
            } else {
                Duration::from_millis(1)
            };
            told.insert(host.clone(), monitor.collect(quiet, AT_MOST)?);
        }
        Ok(told)
    }

    /// What the kernel told on every node since the last time, without waiting: it tells of a packet while it works on it, so
    /// all is told when an answer has come.
    ///
    /// # Errors
    /// When a socket fails.
    pub fn hear(&mut self) -> Result<BTreeMap<HostId, Recording>, Error> {
        let mut told = BTreeMap::new();
        for (host, monitor) in &mut self.monitors {
            told.insert(host.clone(), monitor.drain()?);
        }
        Ok(told)
    }

    /// The rules of a node as the kernel lists them, with handles.
    #[must_use]
    pub fn listing(&self, host: &HostId, table: &TableKey) -> Option<&Listing> {
        self.listed.listings.get(&(host.clone(), table.clone()))
    }

    /// The rules of a node as `iptables-save` lists them.
    #[must_use]
    pub fn saved(&self, host: &HostId, family: TableFamily) -> Option<&str> {
        let found = self.listed.saved.get(&(host.clone(), family));
        found.map(String::as_str)
    }

    /// The id of its namespaces.
    #[must_use]
    pub fn id(&self) -> &LabId {
        self.lab.id()
    }

    /// Takes everything down, and says what could not be.
    ///
    /// # Errors
    /// Everything that could not be removed.
    pub fn close(self) -> Result<(), Error> {
        let WorldLab { servers, lab, .. } = self;
        drop(servers);
        Ok(lab.close()?)
    }
}

impl Listed {
    /// Loads a node's rules, in place of those that were there before, and reads them back.
    fn program(
        &mut self,
        world: &World,
        host: &Host,
        place: &Namespace,
        tamper: Option<Tamper<'_>>,
    ) -> Result<(), Error> {
        let tampered = |text: String| match tamper {
            Some(tamper) => tamper(host.id.short(), text),
            None => text,
        };
        let is_of_iptables =
            |key: &TableKey| world.mode.dialect == Dialect::Iptables && &*key.name != policy::TABLE;
        let mut gone = String::new();
        let known = self.listings.keys().filter(|it| it.0 == host.id);
        for (_, key) in known.filter(|it| !is_of_iptables(&it.1)) {
            // Writing to a String cannot fail.
            let _ = writeln!(gone, "delete table {key}");
        }
        self.listings.retain(|key, _| key.0 != host.id);
        let rules = Transaction::from_ruleset(&host.ruleset);
        let (of_nft, of_iptables): (Vec<_>, Vec<_>) = rules
            .commands
            .into_iter()
            .partition(|it| !is_of_iptables(&it.table));
        let transaction = |commands| Transaction {
            commands,
            ..Transaction::default()
        };
        if !of_nft.is_empty() || !gone.is_empty() {
            let text = tampered(transaction(of_nft).to_string());
            nft::load(place, &(gone + &text))?;
        }
        let of_iptables = transaction(of_iptables);
        for family in [TableFamily::Ip, TableFamily::Ip6] {
            let rules = of_family(&of_iptables, family);
            if rules.commands.is_empty() {
                continue;
            }
            let text = tampered(world.mode.dialect.print(&rules));
            iptables::replace(place, tools(family), &text)?;
            let text = iptables::save(place, tools(family))?;
            self.saved.insert((host.id.clone(), family), text);
        }
        for table in host.ruleset.tables() {
            let listing = nft::list(place, table.key.family.name(), &table.key.name)?;
            self.listings
                .insert((host.id.clone(), table.key.clone()), listing);
        }
        Ok(())
    }
}

/// The node that the lab's router sends a packet from outside to, for an address that no host has: the first target of a
/// load balancer that passes packets on unchanged, the first node for an `externalIP`.
#[must_use]
pub fn way_in(world: &World, address: IpAddr) -> Option<HostId> {
    if world.network.owner(address).is_some() {
        return None;
    }
    if let Some(balance) = balance_of(world, address) {
        if balance.delivery != Delivery::Unchanged {
            return None;
        }
        let target = &balance.targets.first()?.object;
        return (target.kind == Kind::Node).then(|| HostId::Node(target.name.clone()));
    }
    let services = world.objects.services.values();
    let mut external = services.flat_map(|it| &it.spec.external_ips);
    let is_external = external.any(|it| parse_sloppy(it) == Some(address));
    let first = nodes(world).next().filter(|_| is_external);
    first.map(|it| it.id.clone())
}

/// The load balancer that has an address; of several, as the simulation's router, the first.
fn balance_of(world: &World, address: IpAddr) -> Option<&Balance> {
    let mut balances = world.network.balances().iter();
    balances.find(|it| it.addresses.contains(&address))
}

/// The addresses that [`way_in`] may know something of.
fn addresses_without_host(world: &World) -> Vec<IpAddr> {
    let balances = world.network.balances().iter();
    let services = world.objects.services.values();
    let external = services.flat_map(|it| &it.spec.external_ips);
    let mut all: Vec<IpAddr> = balances
        .flat_map(|it| it.addresses.iter().copied())
        .chain(external.filter_map(|it| parse_sloppy(it)))
        .collect();
    all.sort();
    all.dedup();
    all
}

/// The wiring of a world: its cluster's, and what the router must know of addresses that no host has.
pub(crate) fn topology(world: &World) -> Result<Topology, Error> {
    let cluster = cluster(world);
    let mut topology = cluster.topology()?;
    for address in addresses_without_host(world) {
        let node = way_in(world, address).and_then(|it| world.network.host(&it));
        let via = node.and_then(|it| it.routes.address_on("eth0", address));
        if let Some(via) = via {
            topology.route(UNDERLAY, Route::via(Prefix::single(address), via));
        }
    }
    let told = world.objects.kube_proxy.as_ref();
    let opens_localhost = told
        .and_then(|it| it.iptables.localhost_node_ports)
        .unwrap_or(true);
    if world.mode.dialect == Dialect::Iptables && opens_localhost {
        // kube-proxy sets it, so that a NodePort answers on 127.0.0.1.
        let (key, value) = ("net.ipv4.conf.all.route_localnet", "1");
        let nodes = topology.hosts.iter_mut();
        for host in nodes.filter(|it| it.kind == HostKind::Node) {
            host.sysctls.push((key.to_owned(), value.to_owned()));
        }
    }
    Ok(topology)
}

/// A machine that is off: nothing comes in, nothing goes out, and nobody is told.
pub(crate) fn switch_off(world: &World, lab: &Lab) -> Result<(), Error> {
    const SWALLOW: &str = "table inet switched-off {
  chain in { type filter hook prerouting priority -500; policy drop; }
  chain out { type filter hook output priority -500; policy drop; }
}
";
    for host in world.network.hosts() {
        let is_node = matches!(host.id, HostId::Node(_));
        if is_node && world.network.is_down(&host.id) {
            nft::load(lab.host(&host_name(&host.id))?, SWALLOW)?;
        }
    }
    Ok(())
}

/// Nodes give up on a pod that does not answer ARP before a probe gives up on them: Linux would ask three times, a second
/// apart.
pub(crate) fn hurry(node: &Namespace) -> Result<(), Error> {
    let key = format!("net.ipv4.neigh.{POD_BRIDGE}.retrans_time_ms");
    Place::from(node).run(move || netns::set_sysctl_if_present(&key, "50"))??;
    Ok(())
}

/// The router's table for load balancers.
pub(crate) const BALANCER: &str = "packetwalk-balancer";

/// The router's rules for load balancers that rewrite packets.
pub(crate) fn balancing(world: &World) -> Transaction {
    let mut tx = Transaction::default();
    let rewrites = |it: &&Balance| it.delivery != Delivery::Unchanged;
    for balance in world.network.balances().iter().filter(rewrites) {
        let is_its = |it: &&IpAddr| {
            balance_of(world, **it).is_some_and(|first| std::ptr::eq(first, balance))
        };
        for address in balance.addresses.iter().filter(is_its) {
            let of = family(*address);
            let table = TableKey::new(of.into(), BALANCER);
            let chains = [
                ("choose", Hook::Prerouting, Priority::DSTNAT),
                ("speak-for-itself", Hook::Postrouting, Priority::SRCNAT),
            ];
            tx.push(Verb::Add, &table, Object::Table { comment: None });
            for (name, hook, priority) in chains {
                let chain = Chain::base(name, ChainType::Nat, hook, priority);
                tx.push(Verb::Add, &table, Object::Chain(chain));
            }
            for (port, protocol) in &balance.listeners {
                let of_it = |it: &&packetwalk_core::sim::BalanceTarget| {
                    it.listener == (*port, *protocol) && it.is_of(of)
                };
                let targets = balance.targets.iter().filter(of_it).enumerate();
                let elements: Vec<Element> = targets
                    .map(|(n, it)| {
                        let to = Datum::joined([it.address.into(), Datum::Port(it.port)]);
                        Element::data(Datum::Number(u32::try_from(n).unwrap_or_default()), to)
                    })
                    .collect();
                if elements.is_empty() {
                    continue;
                }
                let choosing = rule()
                    .when(is(daddr(of), (*address).into()))
                    .when(dport(*protocol, *port))
                    .then(dnat_by_chance(elements));
                let chain = "choose".into();
                tx.push(
                    Verb::Add,
                    &table,
                    Object::Rule {
                        chain,
                        rule: choosing,
                    },
                );
            }
            let router = world.network.host(&HostId::Router);
            let own = router.and_then(|it| it.routes.address_on("eth0", *address));
            let Some(own) = own.filter(|_| !balance.keeps_source) else {
                continue;
            };
            for target in balance.targets.iter().filter(|it| it.is_of(of)) {
                let speaking = rule()
                    .when(is(daddr(of), target.address.into()))
                    .when(dport(target.listener.1, target.port))
                    .when(words::ct_status(
                        packetwalk_core::netfilter::ct_status::DNAT,
                    ))
                    .then(Statement::Nat {
                        kind: NatKind::Snat,
                        target: Some(NatTarget::to(Some(own), None)),
                        flags: NatFlags::default(),
                    });
                let chain = "speak-for-itself".into();
                tx.push(
                    Verb::Add,
                    &table,
                    Object::Rule {
                        chain,
                        rule: speaking,
                    },
                );
            }
        }
    }
    tx
}

/// The router's rules for external IPs. It sends a packet from outside to a node ([`way_in`]); one that a node sends out itself,
/// since no rule there is about it, leaves this world. Without these rules it would go round in circles.
fn beyond(world: &World) -> String {
    let mut text = String::new();
    let balances = world.network.balances().iter();
    let balanced: Vec<IpAddr> = balances.flat_map(|it| it.addresses.clone()).collect();
    for address in addresses_without_host(world) {
        let family = TableFamily::from(family(address));
        if balanced.contains(&address) || world.network.owner(address).is_some() {
            continue;
        }
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "table inet packetwalk-beyond {{ chain forward {{ type filter hook forward priority 0; \
             iifname {UNDERLAY_BRIDGE} {} daddr {address} drop; }}; }}",
            family.name()
        );
    }
    text
}

/// The commands that empty the sets packets add to.
fn dynamic_sets(ruleset: &Ruleset) -> String {
    let mut text = String::new();
    for table in ruleset.tables() {
        let sets = table.sets.iter();
        for set in sets.filter(|it| it.flags.contains(&SetFlag::Dynamic)) {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "flush set {} {}", table.key, set.name);
        }
    }
    text
}

/// The tools that load the tables of a family.
pub(crate) fn tools(family: TableFamily) -> Tools {
    match family {
        TableFamily::Ip6 => Tools::V6,
        TableFamily::Ip | TableFamily::Inet => Tools::V4,
    }
}

/// The commands about tables of one family: iptables has a tool for each.
fn of_family(rules: &Transaction, family: TableFamily) -> Transaction {
    let commands = rules.commands.iter();
    let of_it = commands.filter(|it| it.table.family == family);
    Transaction {
        commands: of_it.cloned().collect(),
        ..Transaction::default()
    }
}

pub(crate) fn nodes(world: &World) -> impl Iterator<Item = &Host> {
    world
        .network
        .hosts()
        .filter(|it| matches!(it.id, HostId::Node(_)) && !world.network.is_down(&it.id))
}

/// The name of a host's namespace.
pub(crate) fn host_name(id: &HostId) -> String {
    match id {
        HostId::Node(name) => format!("node.{name}"),
        HostId::Pod(namespace, name) => format!("pod.{namespace}.{name}"),
        HostId::Router => kernel::topology::UNDERLAY.to_owned(),
        HostId::Outside => "outside".to_owned(),
    }
}

/// The wiring of a world, as the simulation has it.
fn cluster(world: &World) -> Cluster {
    let addresses = |host: &Host, interface: &str| -> Vec<Cidr> {
        host.routes
            .interfaces()
            .iter()
            .filter(|it| &*it.name == interface)
            .flat_map(|it| it.addresses.clone())
            .collect()
    };
    let ips = |all: Vec<Cidr>| all.into_iter().map(|it| it.addr()).collect::<Vec<_>>();
    let router = world.network.host(&HostId::Router);
    let mut cluster = Cluster {
        gateways: router
            .map(|it| addresses(it, "eth0").into_iter().map(prefix).collect())
            .unwrap_or_default(),
        outside: vec![OutsideHost {
            name: host_name(&HostId::Outside),
            addresses: OUTSIDE_CLIENT.parse().into_iter().collect(),
        }],
        ..Cluster::default()
    };
    for host in world.network.hosts() {
        match &host.id {
            HostId::Node(_) => cluster.nodes.push(ClusterNode {
                name: host_name(&host.id),
                addresses: ips(addresses(host, "eth0")),
                pod_networks: addresses(host, "cni0")
                    .into_iter()
                    .map(|it| prefix(it.trunc()))
                    .collect(),
            }),
            HostId::Pod(namespace, name) => {
                let node = world
                    .objects
                    .pod(namespace, name)
                    .and_then(|it| it.spec.node_name.clone())
                    .unwrap_or_default();
                cluster.pods.push(ClusterPod {
                    name: host_name(&host.id),
                    node: host_name(&HostId::Node(node)),
                    addresses: ips(addresses(host, "eth0")),
                });
            }
            HostId::Router | HostId::Outside => {}
        }
    }
    cluster
}

fn prefix(range: Cidr) -> Prefix {
    Prefix {
        address: range.addr(),
        length: range.prefix_len(),
    }
}

/// A socket of a world that the kernel can have.
pub(crate) struct Served<'a> {
    pub(crate) host: &'a HostId,
    /// The object that holds it.
    pub(crate) holder: &'a ObjectRef,
    pub(crate) protocol: ProbeProtocol,
    pub(crate) listen: SocketAddr,
    /// Whether its program accepts and says nothing.
    pub(crate) hangs: bool,
}

/// Every one there is. A datagram's answer comes from the address that its socket has, so a node has a
/// socket on each of its own, as programs have that answer from where they were asked.
pub(crate) fn served(world: &World) -> impl Iterator<Item = Served<'_>> {
    world.network.hosts().flat_map(move |host| {
        host.listens.iter().flat_map(move |(listen, holder)| {
            let fault = world
                .network
                .fault_of(holder, (listen.port, listen.protocol));
            let protocol = probe_protocol(listen.protocol);
            let is_node = matches!(host.id, HostId::Node(_));
            let everywhere = vec![IpAddr::V6(Ipv6Addr::UNSPECIFIED)];
            let addresses = match (listen.address, protocol) {
                (Some(address), _) => vec![address],
                (None, Some(ProbeProtocol::Udp)) if is_node => own_addresses(host),
                (None, _) => everywhere,
            };
            let served = move |protocol, address| Served {
                host: &host.id,
                holder,
                protocol,
                listen: SocketAddr::new(address, listen.port),
                hangs: fault == Some(ContainerFault::Hangs),
            };
            let of_it = protocol.into_iter();
            of_it.flat_map(move |it| {
                let each = addresses.clone().into_iter();
                each.map(move |address| served(it, address))
            })
        })
    })
}

/// The addresses of a host's interfaces, and of its loopback.
fn own_addresses(host: &Host) -> Vec<IpAddr> {
    let interfaces = host.routes.interfaces().iter();
    let addresses = interfaces.flat_map(|it| it.addresses.iter().map(Cidr::addr));
    let mut all: Vec<IpAddr> = addresses.collect();
    all.push(Ipv4Addr::LOCALHOST.into());
    if all.iter().any(IpAddr::is_ipv6) {
        all.push(Ipv6Addr::LOCALHOST.into());
    }
    all.sort();
    all.dedup();
    all
}

/// A real server for each of them.
fn start_servers(world: &World, lab: &Lab) -> Result<Servers, Error> {
    let sockets: Vec<_> = served(world)
        .map(|it| (it.holder.to_string(), it))
        .collect();
    let services: Vec<Service<'_>> = sockets
        .iter()
        .map(|(name, it)| {
            Ok(Service {
                place: lab.host(&host_name(it.host))?.into(),
                name,
                protocol: it.protocol,
                listen: it.listen,
                manner: match it.hangs {
                    true => Manner::Hangs,
                    false => Manner::Answers,
                },
            })
        })
        .collect::<Result<_, Error>>()?;
    Ok(Servers::start(&services)?)
}

/// The protocol a probe can speak.
#[must_use]
pub fn probe_protocol(protocol: Protocol) -> Option<ProbeProtocol> {
    match protocol {
        Protocol::Tcp => Some(ProbeProtocol::Tcp),
        Protocol::Udp => Some(ProbeProtocol::Udp),
        Protocol::Icmp | Protocol::Icmpv6 => Some(ProbeProtocol::Icmp),
        Protocol::Sctp => None,
    }
}

/// The rules of a node as the simulation has them.
#[must_use]
pub fn simulated_rules<'a>(world: &'a World, host: &HostId) -> Option<&'a Ruleset> {
    world.network.host(host).map(|it| &*it.ruleset)
}
