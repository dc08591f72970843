//! Hosts and links: every node, every pod, the router and the client outside.
//!
//! A pod's own network has an address and a default route to its node's bridge; whatever it sends
//! passes its node's IP layer, also to a pod beside it (as with point-to-point CNIs, or a bridge
//! with `net.bridge.bridge-nf-call-iptables`). Nodes route to one another's pod ranges.
//!
//! **Left out**: addresses of IPv6 on the way between nodes unless a Node names one; answers to ARP for what ipvs
//! mode puts on kube-ipvs0 (without `strictARP` every node answers for every such address).

use super::balance::{Balance, Balanced, balances};
use crate::api::{Listen, ObjectRef, Pod};
use crate::controllers::{ContainerFault, Machines};
use crate::ip::{Cidr, Family, IpAddr, cidr_family, family, nth};
use crate::net::{Packet, Protocol, RouteTable};
use crate::netfilter::conntrack::Conntrack;
use crate::netfilter::{DynamicElements, Ruleset};
use crate::policy;
use crate::proxy::{Mode, Origins, Programme, Served};
use crate::sorted::gathered;
use crate::store::Objects;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

/// The address of the client outside.
pub const OUTSIDE_CLIENT: &str = "203.0.113.9";

const OUTSIDE_NETWORK: &str = "203.0.113.0/24";
const OUTSIDE_ROUTER: &str = "203.0.113.1";

/// The gateway of pods on a node that has no pod range, as CNIs that manage addresses themselves
/// use one.
const GATEWAY_WITHOUT_RANGE: &str = "169.254.1.1/32";

/// The name of a host: an object, or one of the two outside. In JSON it is the text
/// `pod/default/client`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum HostId {
    /// A node, by name.
    Node(String),
    /// A pod, by namespace and name.
    Pod(String, String),
    /// The router between the nodes and the rest of the world.
    Router,
    /// The client outside.
    Outside,
}

/// What a host is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum HostKind {
    /// It forwards, and has rules.
    Node,
    /// It has neither.
    Pod,
    /// It forwards.
    Router,
    /// It asks.
    Outside,
}

/// A host: something with its own network stack.
#[derive(Clone, Debug)]
pub struct Host {
    /// Its name.
    pub id: HostId,
    /// Its interfaces and routes.
    pub routes: RouteTable,
    /// Its rules.
    pub ruleset: Arc<Ruleset>,
    /// Where its rules came from, by family.
    pub origins: BTreeMap<Family, Arc<Origins>>,
    /// Where the rules of its pods' NetworkPolicies came from, by family.
    pub policies: BTreeMap<Family, Arc<policy::Origins>>,
    /// Its connections.
    pub conntrack: Conntrack,
    /// What packets left in its sets.
    pub dynamic: DynamicElements,
    /// Its sockets, with the pod that holds each.
    pub listens: Vec<(Listen, ObjectRef)>,
}

/// Interfaces that reach one another without a router.
#[derive(Clone, Debug, Serialize)]
pub struct Link {
    /// Its name: the network between nodes, or a node's bridge.
    pub name: String,
    /// Whose interfaces hang on it.
    pub members: Vec<(HostId, Arc<str>)>,
}

/// All hosts and links of a cluster.
#[derive(Clone, Debug, Default)]
pub struct Network {
    /// As they were built. Every walk has a network of its own, so what most walks leave alone is shared.
    hosts: Arc<BTreeMap<HostId, Host>>,
    /// Those that something was left on since, instead of the ones above.
    touched: BTreeMap<HostId, Host>,
    links: Arc<Vec<Link>>,
    down: BTreeSet<HostId>,
    /// Programs that do not do what they should, by pod and what they listen on.
    faults: BTreeMap<(ObjectRef, u16, Protocol), ContainerFault>,
    /// What all nodes' kube-proxies have in common, by family.
    served: Arc<BTreeMap<Family, Served>>,
    /// What two Services claim.
    contested: Arc<Vec<Contested>>,
    /// The load balancers, which the router stands for.
    pub(super) balances: Vec<Balance>,
    /// What they remember of connections.
    pub(super) balanced: Balanced,
    /// Whether its links lead on to hosts that are not part of it.
    pub(super) is_open: bool,
}

/// An address and port that two Services claim.
#[derive(Clone, Debug)]
pub(super) struct Contested {
    /// The address and port.
    pub(super) key: String,
    /// Whose claim stands.
    pub(super) kept: Arc<ObjectRef>,
    /// Whose is left out.
    pub(super) lost: Arc<ObjectRef>,
    /// The field that claims it.
    pub(super) path: String,
}

impl fmt::Display for HostId {
    /// `pod/default/client`, `node/node-1`, `external`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HostId::Node(name) => write!(f, "node/{name}"),
            HostId::Pod(namespace, name) => write!(f, "pod/{namespace}/{name}"),
            HostId::Router => f.write_str("router"),
            HostId::Outside => f.write_str("external"),
        }
    }
}

impl Serialize for HostId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl HostId {
    /// What it is.
    #[must_use]
    pub const fn kind(&self) -> HostKind {
        match self {
            HostId::Node(_) => HostKind::Node,
            HostId::Pod(..) => HostKind::Pod,
            HostId::Router => HostKind::Router,
            HostId::Outside => HostKind::Outside,
        }
    }

    /// Its name without namespace or kind.
    #[must_use]
    pub fn short(&self) -> &str {
        match self {
            HostId::Node(name) | HostId::Pod(_, name) => name,
            HostId::Router => "router",
            HostId::Outside => "client outside",
        }
    }
}

impl Host {
    fn new(id: HostId) -> Self {
        Host {
            id,
            routes: RouteTable::with_loopback(),
            ruleset: Arc::default(),
            origins: BTreeMap::new(),
            policies: BTreeMap::new(),
            conntrack: Conntrack::default(),
            dynamic: DynamicElements::default(),
            listens: Vec::new(),
        }
    }

    /// Whether it passes packets on that are not for it.
    #[must_use]
    pub const fn forwards(&self) -> bool {
        matches!(self.id.kind(), HostKind::Node | HostKind::Router)
    }

    /// The pod that accepts traffic on this address and port.
    #[must_use]
    pub fn listener(&self, address: IpAddr, port: u16, protocol: Protocol) -> Option<&ObjectRef> {
        let accepts = |it: &Listen| {
            it.port == port
                && it.protocol == protocol
                && it
                    .address
                    .is_none_or(|it| it == address || it.is_unspecified())
        };
        self.listens
            .iter()
            .find(|(it, _)| accepts(it))
            .map(|(_, pod)| pod)
    }
}

impl Network {
    /// The network a cluster's objects come to, with every node's rules.
    #[must_use]
    pub fn build(objects: &Objects, mode: &Mode) -> Network {
        Network::build_again(objects, mode, None)
    }

    /// The same, where another network has some of the same objects.
    pub(super) fn build_again(objects: &Objects, mode: &Mode, before: Option<&Network>) -> Network {
        let mut network = Network::default();
        let underlay = network.add_link("underlay");
        network.add_nodes(objects, underlay);
        network.add_pods(objects);
        network.add_outside(objects, underlay);
        network.add_routes_to_single_pods(objects);
        network.serve(objects, before);
        network.add_rules(objects, mode);
        network.balances = balances(objects);
        network
    }

    /// One host, and links that lead to nobody knows whom.
    pub(super) fn of_one(id: &HostId, routes: RouteTable, ruleset: Ruleset) -> Network {
        let mut host = Host::new(id.clone());
        host.routes = routes;
        host.ruleset = Arc::new(ruleset);
        let mut network = Network {
            is_open: true,
            ..Network::default()
        };
        network.building().insert(id.clone(), host);
        network
    }

    /// Takes in how machines and programs fare: whatever is sent to a node that is off is lost.
    pub(super) fn suffer(&mut self, objects: &Objects, machines: &Machines) {
        let down = machines.nodes_down.keys();
        self.down = down.map(|it| HostId::Node(it.clone())).collect();
        for (((namespace, name), container), fault) in &machines.containers {
            let Some(pod) = objects.pod(namespace, name) else {
                continue;
            };
            for listen in pod.listens() {
                if pod.holder(&listen) == Some(container) {
                    let pod = ObjectRef::new(crate::api::Kind::Pod, namespace, name);
                    self.faults
                        .insert((pod, listen.port, listen.protocol), *fault);
                }
            }
        }
    }

    /// What is wrong with the program that takes a packet on a host, if anything is.
    #[must_use]
    pub(super) fn fault(&self, host: &HostId, packet: &Packet) -> Option<ContainerFault> {
        if self.faults.is_empty() {
            return None;
        }
        let (port, protocol) = (packet.destination_port()?, packet.protocol());
        let pod = self
            .host(host)?
            .listener(packet.destination, port, protocol)?;
        self.fault_of(pod, (port, protocol))
    }

    /// What is wrong with the program that holds a socket, if anything is.
    #[must_use]
    pub fn fault_of(
        &self,
        pod: &ObjectRef,
        (port, protocol): (u16, Protocol),
    ) -> Option<ContainerFault> {
        self.faults.get(&(pod.clone(), port, protocol)).copied()
    }

    /// What all nodes' kube-proxies have in common in a family.
    #[must_use]
    pub fn served(&self, family: Family) -> Option<&Served> {
        self.served.get(&family)
    }

    /// What two Services claim.
    pub(super) fn contested(&self) -> &[Contested] {
        &self.contested
    }

    /// The load balancers.
    #[must_use]
    pub fn balances(&self) -> &[Balance] {
        &self.balances
    }

    /// The node behind whose bridge a pod is.
    #[must_use]
    pub fn node_of(&self, pod: &HostId) -> Option<HostId> {
        let mut links = self.links.iter();
        let link = links
            .find(|it| it.name.starts_with("cni0@") && it.members.iter().any(|it| it.0 == *pod))?;
        let mut members = link.members.iter().map(|it| &it.0);
        members
            .find(|it| matches!(it, HostId::Node(_)))
            .filter(|it| *it != pod)
            .cloned()
    }

    /// Whether a host is switched off, itself or with the node it is on.
    #[must_use]
    pub fn is_down(&self, id: &HostId) -> bool {
        if self.down.is_empty() {
            return false;
        }
        let is_bridge_of = |link: &Link| {
            let mut nodes = self.down.iter().map(HostId::short);
            nodes.any(|it| link.name == bridge_link(it))
        };
        self.down.contains(id)
            || self
                .links
                .iter()
                .any(|it| is_bridge_of(it) && it.members.iter().any(|it| it.0 == *id))
    }

    /// The host of this name.
    #[must_use]
    pub fn host(&self, id: &HostId) -> Option<&Host> {
        self.touched.get(id).or_else(|| self.hosts.get(id))
    }

    /// The host of this name, to be changed.
    pub fn host_mut(&mut self, id: &HostId) -> Option<&mut Host> {
        if !self.touched.contains_key(id) {
            let copy = self.hosts.get(id)?.clone();
            self.touched.insert(id.clone(), copy);
        }
        self.touched.get_mut(id)
    }

    /// All hosts.
    pub fn hosts(&self) -> impl Iterator<Item = &Host> {
        let all = self.hosts.iter();
        all.map(|(id, it)| self.touched.get(id).unwrap_or(it))
    }

    /// All hosts, while they are built.
    fn building(&mut self) -> &mut BTreeMap<HostId, Host> {
        Arc::make_mut(&mut self.hosts)
    }

    /// All links.
    #[must_use]
    pub fn links(&self) -> &[Link] {
        &self.links
    }

    /// The host that has this address.
    #[must_use]
    pub fn owner(&self, address: IpAddr) -> Option<&Host> {
        self.hosts()
            .find(|it| !address.is_loopback() && it.routes.has_on_link(address))
    }

    /// Who has this address on the link behind an interface, and by which interface it hears.
    #[must_use]
    pub fn neighbour(
        &self,
        from: &HostId,
        interface: &str,
        address: IpAddr,
    ) -> Option<(HostId, Arc<str>)> {
        let is_me = |it: &(HostId, Arc<str>)| it.0 == *from && &*it.1 == interface;
        let link = self.links.iter().find(|it| it.members.iter().any(is_me))?;
        link.members
            .iter()
            .filter(|it| it.0 != *from)
            .find(|(id, _)| {
                self.host(id)
                    .is_some_and(|it| it.routes.has_on_link(address))
            })
            .cloned()
    }

    fn add_link(&mut self, name: &str) -> usize {
        Arc::make_mut(&mut self.links).push(Link {
            name: name.to_owned(),
            members: Vec::new(),
        });
        self.links.len() - 1
    }

    fn attach(&mut self, link: usize, host: &mut Host, interface: &str, addresses: &[Cidr]) {
        host.routes.add_interface(interface, addresses);
        Arc::make_mut(&mut self.links)[link]
            .members
            .push((host.id.clone(), interface.into()));
    }

    fn add_nodes(&mut self, objects: &Objects, underlay: usize) {
        for (name, node) in &objects.nodes {
            let mut host = Host::new(HostId::Node(name.clone()));
            let addresses: Vec<Cidr> = node.internal_ips().into_iter().map(on_underlay).collect();
            self.attach(underlay, &mut host, "eth0", &addresses);
            let bridge: Vec<Cidr> = node
                .pod_ranges()
                .into_iter()
                .filter_map(bridge_address)
                .collect();
            let pods = self.add_link(&bridge_link(name));
            let bridge = if bridge.is_empty() {
                vec![GATEWAY_WITHOUT_RANGE.parse().expect("an address")]
            } else {
                bridge
            };
            self.attach(pods, &mut host, "cni0", &bridge);
            host.routes.mark_bridge("cni0");
            for (_, other) in objects.nodes.iter().filter(|it| it.0 != name) {
                add_routes_to_pods(&mut host, other);
            }
            for gateway in gateways(&addresses) {
                host.routes
                    .add_route(everything(family(gateway)), Some(gateway), "eth0");
            }
            self.building().insert(host.id.clone(), host);
        }
    }

    fn add_pods(&mut self, objects: &Objects) {
        for ((namespace, name), pod) in &objects.pods {
            let Some(node) = pod.spec.node_name.clone() else {
                continue;
            };
            if pod.is_over() {
                continue;
            }
            let id = HostId::Pod(namespace.clone(), name.clone());
            let sockets = sockets(pod);
            if pod.spec.host_network {
                if let Some(host) = self.building().get_mut(&HostId::Node(node)) {
                    host.listens.extend(sockets);
                }
                continue;
            }
            let link = self
                .links
                .iter()
                .position(|it| it.name == bridge_link(&node));
            let gateways = self
                .hosts
                .get(&HostId::Node(node))
                .map(|it| addresses_of(it, "cni0"))
                .unwrap_or_default();
            let (Some(link), false) = (link, pod.ips().is_empty()) else {
                continue;
            };
            let mut host = Host::new(id);
            host.listens = sockets;
            let addresses: Vec<Cidr> = pod.ips().into_iter().map(Cidr::from).collect();
            self.attach(link, &mut host, "eth0", &addresses);
            for gateway in gateways {
                host.routes.add_route(Cidr::from(gateway), None, "eth0");
                host.routes
                    .add_route(everything(family(gateway)), Some(gateway), "eth0");
            }
            self.building().insert(host.id.clone(), host);
        }
    }

    /// A pod whose address lies outside its node's range (cloud and BGP CNIs have such) gets routes
    /// of its own, on its node, on all others and on the router.
    fn add_routes_to_single_pods(&mut self, objects: &Objects) {
        for ((namespace, name), pod) in &objects.pods {
            let id = HostId::Pod(namespace.clone(), name.clone());
            if self.hosts.contains_key(&id) {
                self.add_routes_to_pod(objects, pod);
            }
        }
    }

    fn add_routes_to_pod(&mut self, objects: &Objects, pod: &Pod) {
        let Some(node) = pod
            .spec
            .node_name
            .as_ref()
            .and_then(|it| objects.nodes.get(it))
        else {
            return;
        };
        for ip in pod.ips() {
            if node.pod_ranges().iter().any(|it| it.contains(&ip)) {
                continue;
            }
            let via = node
                .internal_ips()
                .into_iter()
                .find(|it| family(*it) == family(ip));
            for host in self.building().values_mut() {
                match &host.id {
                    HostId::Node(name) if *name == node.metadata.name => {
                        host.routes.add_route(Cidr::from(ip), None, "cni0");
                    }
                    HostId::Node(_) | HostId::Router if via.is_some() => {
                        host.routes.add_route(Cidr::from(ip), via, "eth0");
                    }
                    _ => {}
                }
            }
        }
    }

    fn add_outside(&mut self, objects: &Objects, underlay: usize) {
        let nodes: Vec<Cidr> = objects
            .nodes
            .values()
            .flat_map(|it| it.internal_ips())
            .map(on_underlay)
            .collect();
        let inside: Vec<Cidr> = gateways(&nodes).into_iter().map(on_underlay).collect();
        let network: Cidr = OUTSIDE_NETWORK.parse().expect("a range");
        let with_length = |text: &str| {
            let address = text.parse().expect("an address");
            Cidr::new(address, network.prefix_len()).expect("its length")
        };
        let outside = self.add_link("outside");
        let mut router = Host::new(HostId::Router);
        router.listens = outside_names();
        self.attach(underlay, &mut router, "eth0", &inside);
        self.attach(outside, &mut router, "eth1", &[with_length(OUTSIDE_ROUTER)]);
        let upstream = self.add_link("internet");
        self.attach(upstream, &mut router, "wan0", &[]);
        for of in Family::ALL {
            router.routes.add_route(everything(of), None, "wan0");
        }
        // A plain routed network: the router knows where pods are, and can answer them.
        for node in objects.nodes.values() {
            add_routes_to_pods(&mut router, node);
        }
        self.building().insert(router.id.clone(), router);
        let mut client = Host::new(HostId::Outside);
        self.attach(outside, &mut client, "eth0", &[with_length(OUTSIDE_CLIENT)]);
        let gateway = OUTSIDE_ROUTER.parse().ok();
        client
            .routes
            .add_route(everything(Family::V4), gateway, "eth0");
        self.building().insert(client.id.clone(), client);
    }

    fn serve(&mut self, objects: &Objects, before: Option<&Network>) {
        let served = Family::ALL.into_iter().map(|of| {
            let (services, slices) = (objects.services.values(), objects.endpoint_slices.values());
            let before = before.and_then(|it| it.served.get(&of));
            (of, Served::again(services, slices, of, before))
        });
        self.served = Arc::new(gathered(served));
    }

    fn add_rules(&mut self, objects: &Objects, mode: &Mode) {
        let served = self.served.clone();
        // Every node has the same Services: the first one's rules tell what two of them claim.
        let first = objects.nodes.keys().next();
        let mut contested: BTreeMap<Family, Vec<Contested>> = BTreeMap::new();
        for host in self.building().values_mut() {
            let HostId::Node(name) = &host.id else {
                continue;
            };
            let mut ruleset = Ruleset::default();
            for of in Family::ALL {
                let has_family = addresses_of(host, "eth0")
                    .into_iter()
                    .any(|it| family(it) == of);
                if !has_family {
                    continue;
                }
                if let (Some(snapshot), Some(served)) =
                    (super::world::snapshot(objects, name, of), served.get(&of))
                {
                    let programme = (mode.write)(&snapshot, served);
                    if Some(name) == first {
                        contested.insert(of, contested_in(&programme));
                    }
                    programme
                        .transaction
                        .build(&mut ruleset)
                        .expect("generated transactions refer only to what they made");
                    host.origins.insert(of, Arc::new(programme.origins));
                }
                let rules = policy::sync(objects, name, of);
                if !rules.transaction.commands.is_empty() {
                    rules
                        .transaction
                        .apply(&mut ruleset)
                        .expect("generated transactions refer only to what they made");
                    host.policies.insert(of, Arc::new(rules.origins));
                }
            }
            add_bound_addresses(&mut host.routes, &ruleset);
            host.ruleset = Arc::new(ruleset);
        }
        for (of, served) in served.iter().filter(|it| it.1.ports().next().is_some()) {
            // A node without an address of the family has no such rules, and the Services claim the same all the same.
            let snapshot = || super::world::snapshot(objects, first?, *of);
            if !contested.contains_key(of)
                && let Some(snapshot) = snapshot()
            {
                let programme = (mode.write)(&snapshot, served);
                contested.insert(*of, contested_in(&programme));
            }
        }
        self.contested = Arc::new(contested.into_values().flatten().collect());
    }
}

/// What two Services claim, as a node's rules tell.
fn contested_in(programme: &Programme) -> Vec<Contested> {
    let claim = |tag| {
        let origin = programme.origins.origin(tag)?;
        Some((origin.object.clone()?, origin.path.to_string()))
    };
    let contested = programme.conflicts.iter().filter_map(|it| {
        let (kept, _) = claim(it.first)?;
        let (lost, path) = claim(it.second)?;
        Some(Contested {
            key: it.key.clone(),
            kept,
            lost,
            path,
        })
    });
    contested.collect()
}

/// The interfaces that virtual servers have their addresses on.
fn add_bound_addresses(routes: &mut RouteTable, ruleset: &Ruleset) {
    let mut by_interface: BTreeMap<&str, Vec<Cidr>> = BTreeMap::new();
    for it in ruleset.ipvs.addresses() {
        let addresses = by_interface.entry(&it.interface).or_default();
        addresses.push(Cidr::from(it.address));
    }
    for (name, addresses) in by_interface {
        routes.add_dummy(name, &addresses);
    }
}

/// The address of a node's bridge: the first of its pod range.
#[must_use]
pub(super) fn bridge_address(range: Cidr) -> Option<Cidr> {
    Cidr::new(nth(range, 1)?, range.prefix_len()).ok()
}

fn bridge_link(node: &str) -> String {
    format!("cni0@{node}")
}

/// Nodes share a network of the usual size: they are neighbours of one another.
fn on_underlay(address: IpAddr) -> Cidr {
    let length = match family(address) {
        Family::V4 => 16,
        Family::V6 => 64,
    };
    Cidr::new(address, length).expect("a length of the family")
}

/// The router's addresses: the first of each network the nodes are on.
fn gateways(addresses: &[Cidr]) -> Vec<IpAddr> {
    let mut gateways: Vec<IpAddr> = Vec::new();
    for gateway in addresses.iter().filter_map(|it| nth(it.trunc(), 1)) {
        if !gateways.contains(&gateway) {
            gateways.push(gateway);
        }
    }
    gateways
}

/// The routers of the networks that a node with these addresses is on.
pub(super) fn gateways_of(ips: &[IpAddr]) -> Vec<IpAddr> {
    let addresses: Vec<Cidr> = ips.iter().copied().map(on_underlay).collect();
    gateways(&addresses)
}

/// The router is its network's name server: it knows the zone of outside names.
fn outside_names() -> Vec<(Listen, ObjectRef)> {
    let zone = ObjectRef::new(crate::api::Kind::ConfigMap, "kube-system", "outside");
    let listen = |protocol| Listen {
        address: None,
        port: super::lookup::DNS_PORT,
        protocol,
    };
    [Protocol::Udp, Protocol::Tcp]
        .map(|it| (listen(it), zone.clone()))
        .to_vec()
}

fn everything(of: Family) -> Cidr {
    Cidr::new(of.unspecified(), 0).expect("no length is too short")
}

/// The routes to the pods of another node.
fn add_routes_to_pods(host: &mut Host, node: &crate::api::Node) {
    debug_assert_ne!(host.id, HostId::Node(node.metadata.name.clone()));
    for range in node.pod_ranges() {
        let via = node
            .internal_ips()
            .into_iter()
            .find(|it| family(*it) == cidr_family(range));
        if via.is_some() {
            host.routes.add_route(range, via, "eth0");
        }
    }
}

fn addresses_of(host: &Host, interface: &str) -> Vec<IpAddr> {
    host.routes
        .interfaces()
        .iter()
        .filter(|it| &*it.name == interface)
        .flat_map(|it| it.addresses.iter().map(|it| it.addr()))
        .collect()
}

fn sockets(pod: &Pod) -> Vec<(Listen, ObjectRef)> {
    let metadata = &pod.metadata;
    let reference = ObjectRef::new(crate::api::Kind::Pod, &metadata.namespace, &metadata.name);
    pod.listens()
        .into_iter()
        .map(|it| (it, reference.clone()))
        .collect()
}
