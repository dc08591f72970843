//! A network in plain data: hosts, wires between them, addresses and routes; and a cluster laid out so.
//!
//! Linux: each host becomes a network namespace, each wire a veth pair, each switch a bridge; see
//! `kernel::link`. A [`Cluster`] is wired as a plain routed CNI does it: a bridge `cni0` on every node,
//! pods with a single address (/32 or /128) whose only neighbour is the node, and a route on each node
//! to the pods of every other node. Single addresses send the packets between two pods of one node
//! through the node's IP layer, so that connection tracking sees the replies.
//!
//! **Left out**: overlays, policy routing, VLANs, several addresses of one family as `eth0` of a pod.
//! The underlay's gateway knows nothing of pod networks or Service addresses unless a route is added.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

use super::error::Error;

/// The host that holds the node network's switch and gateway.
pub const UNDERLAY: &str = "underlay";
/// The interface of a node or pod towards the rest.
pub const UPLINK: &str = "eth0";
/// The bridge of a node's pods.
pub const POD_BRIDGE: &str = "cni0";
/// The bridge of the node network.
pub const UNDERLAY_BRIDGE: &str = "br0";

/// An address with the length of its network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prefix {
    /// The address, with its host bits.
    pub address: IpAddr,
    /// The number of bits of the network.
    pub length: u8,
}

impl Prefix {
    /// A single address.
    #[must_use]
    pub fn single(address: IpAddr) -> Self {
        let length = bits(address);
        Self { address, length }
    }

    /// Every address of the family of `like`.
    #[must_use]
    pub fn everything(like: IpAddr) -> Self {
        let address = match like {
            IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        Self { address, length: 0 }
    }

    /// The network: the same with its host bits cleared.
    #[must_use]
    pub fn network(self) -> Self {
        let length = u32::from(self.length);
        let address = match self.address {
            IpAddr::V4(it) => {
                let mask = u32::MAX.checked_shl(32 - length.min(32)).unwrap_or(0);
                Ipv4Addr::from_bits(it.to_bits() & mask).into()
            }
            IpAddr::V6(it) => {
                let mask = u128::MAX.checked_shl(128 - length.min(128)).unwrap_or(0);
                Ipv6Addr::from_bits(it.to_bits() & mask).into()
            }
        };
        Self { address, ..self }
    }

    /// The first address after the network's own: the gateway of a pod network.
    #[must_use]
    pub fn first(self) -> IpAddr {
        match self.network().address {
            IpAddr::V4(it) => Ipv4Addr::from_bits(it.to_bits() | 1).into(),
            IpAddr::V6(it) => Ipv6Addr::from_bits(it.to_bits() | 1).into(),
        }
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.length)
    }
}

impl FromStr for Prefix {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = || Error::Description(format!("{text:?} is not an address with a length"));
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let length = match length {
            Some(length) => length.parse().map_err(|_| wrong())?,
            None => bits(address),
        };
        if length > bits(address) {
            return Err(wrong());
        }
        Ok(Self { address, length })
    }
}

fn bits(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

/// A network to build. What it names that exists already is extended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Topology {
    /// The machines.
    pub hosts: Vec<Host>,
    /// The cables between them.
    pub wires: Vec<Wire>,
}

impl Topology {
    /// Adds a route to a host that is listed, or lists the host as one that exists.
    pub fn route(&mut self, host: &str, route: Route) {
        match self.hosts.iter_mut().find(|it| it.name == host) {
            Some(host) => host.routes.push(route),
            None => {
                let mut existing = Host::new(host, HostKind::Existing);
                existing.routes.push(route);
                self.hosts.push(existing);
            }
        }
    }

    /// Whether anything in it has an IPv6 address.
    pub(crate) fn speaks_ipv6(&self) -> bool {
        let on_bridges = self.hosts.iter().flat_map(|it| &it.bridges);
        let on_wires = self.wires.iter().flat_map(|it| &it.ends);
        let on_loopbacks = self.hosts.iter().flat_map(|it| &it.loopback_addresses);
        on_bridges
            .flat_map(|it| &it.addresses)
            .chain(on_wires.flat_map(|it| &it.addresses))
            .chain(on_loopbacks)
            .any(|it| it.address.is_ipv6())
    }
}

/// One machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// Unique in the lab; part of the namespace's name.
    pub name: String,
    /// What it is, which decides its kernel settings.
    pub kind: HostKind,
    /// Bridges on it.
    pub bridges: Vec<Bridge>,
    /// Further addresses of its loopback interface.
    pub loopback_addresses: Vec<Prefix>,
    /// Its routes beside those that follow from addresses, added in this order.
    pub routes: Vec<Route>,
    /// Kernel settings beside those of its kind, set after them.
    pub sysctls: Vec<(String, String)>,
}

impl Host {
    /// A host with nothing on it.
    #[must_use]
    pub fn new(name: &str, kind: HostKind) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            bridges: Vec::new(),
            loopback_addresses: Vec::new(),
            routes: Vec::new(),
            sysctls: Vec::new(),
        }
    }
}

/// What a host is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostKind {
    /// Forwards packets between networks; not a member of the cluster.
    Router,
    /// A node of the cluster: forwards packets and holds the rules.
    Node,
    /// A pod: only sends and receives.
    Pod,
    /// A machine outside the cluster: only sends and receives.
    Outside,
    /// A host that was built before and is now extended; its settings stay as they are.
    Existing,
}

impl HostKind {
    pub(crate) fn forwards(self) -> bool {
        match self {
            Self::Router | Self::Node => true,
            Self::Pod | Self::Outside | Self::Existing => false,
        }
    }
}

/// A switch inside a host, which is itself an interface of that host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bridge {
    /// At most 15 bytes.
    pub name: String,
    /// The host's addresses on it.
    pub addresses: Vec<Prefix>,
}

/// A cable between two hosts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wire {
    /// Both ends. Make the end with the bridge the first: it is slightly faster.
    pub ends: [WireEnd; 2],
    /// The largest packet, where it is not 1500 bytes.
    pub mtu: Option<u32>,
}

/// One end of a cable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WireEnd {
    /// The host it is plugged into.
    pub host: String,
    /// The interface; at most 15 bytes.
    pub interface: String,
    /// The addresses of the interface.
    pub addresses: Vec<Prefix>,
    /// The bridge on that host it is a port of.
    pub bridge: Option<String>,
}

/// A route of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Where to.
    pub to: Prefix,
    /// What happens to the packet.
    pub kind: RouteKind,
    /// The next router; none for a neighbour.
    pub via: Option<IpAddr>,
    /// The interface; may be left out where `via` decides it.
    pub interface: Option<String>,
    /// The source address to prefer.
    pub source: Option<IpAddr>,
}

impl Route {
    /// To a network behind a router.
    #[must_use]
    pub fn via(to: Prefix, router: IpAddr) -> Self {
        Self {
            to: to.network(),
            kind: RouteKind::Forward,
            via: Some(router),
            interface: None,
            source: None,
        }
    }

    /// To neighbours on an interface.
    #[must_use]
    pub fn link(to: Prefix, interface: &str) -> Self {
        Self {
            to: to.network(),
            kind: RouteKind::Forward,
            via: None,
            interface: Some(interface.to_owned()),
            source: None,
        }
    }

    /// To nowhere, in the way that `kind` says.
    #[must_use]
    pub fn dead(to: Prefix, kind: RouteKind) -> Self {
        Self {
            to: to.network(),
            kind,
            via: None,
            interface: None,
            source: None,
        }
    }
}

/// What a route does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RouteKind {
    /// Sends the packet on.
    Forward,
    /// Drops it silently.
    Blackhole,
    /// Answers "host unreachable".
    Unreachable,
    /// Answers "administratively prohibited".
    Prohibit,
    /// Takes it as addressed to this host; needs an interface, such as `lo`.
    Local,
}

/// A cluster in the numbers that wiring needs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cluster {
    /// The gateway of the node network, one for each family: `172.18.0.1/16`.
    pub gateways: Vec<Prefix>,
    /// The nodes.
    pub nodes: Vec<ClusterNode>,
    /// The pods, without those on the host network.
    pub pods: Vec<ClusterPod>,
    /// Machines behind the gateway.
    pub outside: Vec<OutsideHost>,
}

/// A node of a [`Cluster`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterNode {
    /// The name of its host.
    pub name: String,
    /// Its addresses in the node network.
    pub addresses: Vec<IpAddr>,
    /// The networks of its pods, whose first address `cni0` takes.
    pub pod_networks: Vec<Prefix>,
}

/// A pod of a [`Cluster`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterPod {
    /// The name of its host.
    pub name: String,
    /// The node it runs on.
    pub node: String,
    /// At most one of each family.
    pub addresses: Vec<IpAddr>,
}

/// A machine outside a [`Cluster`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutsideHost {
    /// The name of its host.
    pub name: String,
    /// At most one of each family.
    pub addresses: Vec<IpAddr>,
}

impl Cluster {
    /// The wiring of the whole cluster.
    ///
    /// # Errors
    /// When a pod names a node that is not there, or an address has no gateway of its family.
    pub fn topology(&self) -> Result<Topology, Error> {
        let mut topology = Topology::default();
        let mut underlay = Host::new(UNDERLAY, HostKind::Router);
        underlay.bridges.push(Bridge {
            name: UNDERLAY_BRIDGE.to_owned(),
            addresses: self.gateways.clone(),
        });
        // Beyond it is the rest of the world, which does not answer here.
        for gateway in &self.gateways {
            let everything = Prefix::everything(gateway.address);
            let nowhere = Route::dead(everything, RouteKind::Blackhole);
            underlay.routes.push(nowhere);
        }
        for node in &self.nodes {
            underlay.routes.extend(routes_to_pods_of(node));
        }
        topology.hosts.push(underlay);
        for node in &self.nodes {
            self.add_node(node, &mut topology)?;
        }
        for pod in &self.pods {
            self.add_pod(pod, &mut topology)?;
        }
        for outside in &self.outside {
            self.add_outside(outside, &mut topology)?;
        }
        Ok(topology)
    }

    /// Adds the wiring of one node; the other nodes' routes to its pods are not among it.
    ///
    /// # Errors
    /// When one of its addresses has no gateway of its family.
    pub fn add_node(&self, node: &ClusterNode, topology: &mut Topology) -> Result<(), Error> {
        let ClusterNode {
            name,
            addresses,
            pod_networks,
        } = node;
        let mut host = Host::new(name, HostKind::Node);
        host.bridges.push(Bridge {
            name: POD_BRIDGE.to_owned(),
            addresses: pod_networks.iter().map(|it| gateway_of(*it)).collect(),
        });
        let mut uplink = Vec::new();
        for address in addresses {
            let gateway = self.gateway(*address)?;
            uplink.push(Prefix {
                address: *address,
                length: gateway.length,
            });
            host.routes
                .push(Route::via(Prefix::everything(*address), gateway.address));
        }
        // Where it has no address of a family itself, Linux knows no way to the other's of that family.
        let speaks = |it: &Route| {
            addresses
                .iter()
                .any(|own| own.is_ipv4() == it.to.address.is_ipv4())
        };
        for other in self.nodes.iter().filter(|it| it.name != *name) {
            host.routes
                .extend(routes_to_pods_of(other).into_iter().filter(speaks));
        }
        topology.hosts.push(host);
        topology.wires.push(Wire {
            ends: [
                WireEnd {
                    host: UNDERLAY.to_owned(),
                    interface: port_name("port", name),
                    addresses: Vec::new(),
                    bridge: Some(UNDERLAY_BRIDGE.to_owned()),
                },
                WireEnd {
                    host: name.clone(),
                    interface: UPLINK.to_owned(),
                    addresses: uplink,
                    bridge: None,
                },
            ],
            mtu: None,
        });
        Ok(())
    }

    /// Adds the wiring of one pod, whose node is listed in this cluster.
    ///
    /// # Errors
    /// When its node is not there, or has no pod network of the family of an address.
    pub fn add_pod(&self, pod: &ClusterPod, topology: &mut Topology) -> Result<(), Error> {
        let ClusterPod {
            name,
            node,
            addresses,
        } = pod;
        let Some(on) = self.nodes.iter().find(|it| it.name == *node) else {
            return Err(Error::Description(format!(
                "pod {name} is on the node {node}, which is not there"
            )));
        };
        let mut host = Host::new(name, HostKind::Pod);
        for address in addresses {
            let networks = on.pod_networks.iter();
            let gateway = networks
                .map(|it| it.first())
                .find(|it| it.is_ipv4() == address.is_ipv4())
                .ok_or_else(|| no_gateway(*address))?;
            host.routes.extend(routes_of_a_leaf(gateway));
        }
        // An address outside the node's pod networks is reached only by a route of its own.
        let strays = addresses.iter().filter(|it| !holds(&on.pod_networks, **it));
        for stray in strays {
            topology.route(node, Route::link(Prefix::single(*stray), POD_BRIDGE));
        }
        topology.hosts.push(host);
        topology.wires.push(Wire {
            ends: [
                WireEnd {
                    host: node.clone(),
                    interface: port_name("veth", name),
                    addresses: Vec::new(),
                    bridge: Some(POD_BRIDGE.to_owned()),
                },
                leaf_end(name, addresses),
            ],
            mtu: None,
        });
        Ok(())
    }

    /// Adds the wiring of one machine outside.
    ///
    /// # Errors
    /// When one of its addresses has no gateway of its family.
    pub fn add_outside(&self, outside: &OutsideHost, topology: &mut Topology) -> Result<(), Error> {
        let OutsideHost { name, addresses } = outside;
        let mut host = Host::new(name, HostKind::Outside);
        let interface = port_name("out", name);
        let mut answering = Vec::new();
        for address in addresses {
            let gateway = self.gateway(*address)?.address;
            host.routes.extend(routes_of_a_leaf(gateway));
            // IPv6 answers for an address only on the interface that has it; IPv4 on all.
            answering.extend(gateway.is_ipv6().then(|| Prefix::single(gateway)));
            topology.route(UNDERLAY, Route::link(Prefix::single(*address), &interface));
        }
        topology.hosts.push(host);
        topology.wires.push(Wire {
            ends: [
                WireEnd {
                    host: UNDERLAY.to_owned(),
                    interface,
                    addresses: answering,
                    bridge: None,
                },
                leaf_end(name, addresses),
            ],
            mtu: None,
        });
        Ok(())
    }

    fn gateway(&self, address: IpAddr) -> Result<Prefix, Error> {
        let same_family = |it: &&Prefix| it.address.is_ipv4() == address.is_ipv4();
        let found = self.gateways.iter().find(same_family);
        found.copied().ok_or_else(|| no_gateway(address))
    }
}

fn no_gateway(address: IpAddr) -> Error {
    Error::Description(format!("there is no gateway of the family of {address}"))
}

fn leaf_end(host: &str, addresses: &[IpAddr]) -> WireEnd {
    WireEnd {
        host: host.to_owned(),
        interface: UPLINK.to_owned(),
        addresses: addresses.iter().copied().map(Prefix::single).collect(),
        bridge: None,
    }
}

/// The gateway as the only neighbour, and everything else through it.
fn routes_of_a_leaf(gateway: IpAddr) -> [Route; 2] {
    let mut default = Route::via(Prefix::everything(gateway), gateway);
    default.interface = Some(UPLINK.to_owned());
    [Route::link(Prefix::single(gateway), UPLINK), default]
}

/// The routes that every other node needs for the pods of this one.
#[must_use]
pub fn routes_to_pods_of(node: &ClusterNode) -> Vec<Route> {
    let routes = node.pod_networks.iter().filter_map(|network| {
        let same_family = |it: &&IpAddr| it.is_ipv4() == network.address.is_ipv4();
        let router = node.addresses.iter().find(same_family)?;
        Some(Route::via(*network, *router))
    });
    routes.collect()
}

fn gateway_of(network: Prefix) -> Prefix {
    Prefix {
        address: network.first(),
        length: network.length,
    }
}

fn holds(networks: &[Prefix], address: IpAddr) -> bool {
    networks.iter().any(|it| {
        let length = it.length;
        it.address.is_ipv4() == address.is_ipv4()
            && Prefix { address, length }.network() == it.network()
    })
}

/// A name of at most 15 bytes that is the same in every run: `veth1a2b3c4d`.
#[must_use]
pub fn port_name(kind: &str, host: &str) -> String {
    format!("{kind}{:08x}", fingerprint(&[host]) >> 32)
}

/// FNV-1a of all parts. Interfaces get their names and hardware addresses from it.
pub(crate) fn fingerprint(parts: &[&str]) -> u64 {
    let bytes = parts.iter().flat_map(|it| it.bytes().chain([0]));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(text: &str) -> Prefix {
        text.parse().expect("written in the test")
    }

    #[test]
    fn prefix_reads_what_it_prints() {
        for text in ["10.244.1.0/24", "0.0.0.0/0", "fd00::1/128", "::/0"] {
            assert_eq!(prefix(text).to_string(), text);
        }
        assert_eq!(prefix("10.0.0.1"), prefix("10.0.0.1/32"));
        for wrong in [
            "10.0.0.1/33",
            "::/129",
            "10.0.0/8",
            "x",
            "10.0.0.1/",
            "10.0.0.1/-1",
        ] {
            assert!(wrong.parse::<Prefix>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn network_clears_host_bits_and_first_sets_one() {
        assert_eq!(prefix("10.244.1.7/24").network(), prefix("10.244.1.0/24"));
        assert_eq!(prefix("10.244.1.7/0").network(), prefix("0.0.0.0/0"));
        assert_eq!(prefix("10.244.1.7/32").network(), prefix("10.244.1.7/32"));
        assert_eq!(prefix("fd00:1::7/64").first(), prefix("fd00:1::1").address);
    }

    #[test]
    fn node_routes_to_pods_of_every_other_node_only() {
        let node = |n: u8| ClusterNode {
            name: format!("node-{n}"),
            addresses: vec![IpAddr::from([172, 18, 0, 2 + n])],
            pod_networks: vec![prefix(&format!("10.244.{n}.0/24"))],
        };
        let cluster = Cluster {
            gateways: vec![prefix("172.18.0.1/16")],
            nodes: vec![node(1), node(2)],
            ..Cluster::default()
        };
        let topology = cluster.topology().expect("is sound");
        let routes: Vec<String> = topology.hosts[1]
            .routes
            .iter()
            .map(|it| it.to.to_string())
            .collect();
        assert_eq!(routes, ["0.0.0.0/0", "10.244.2.0/24"]);
    }

    #[test]
    fn pod_on_an_unknown_node_is_refused() {
        let cluster = Cluster {
            pods: vec![ClusterPod {
                name: "a".to_owned(),
                node: "nowhere".to_owned(),
                addresses: Vec::new(),
            }],
            ..Cluster::default()
        };
        assert!(cluster.topology().is_err());
    }
}
