//! What is asked in a world: who sends what to whom.
//!
//! **Left out**: sources in `kube-system`.

use crate::lab::{probe_protocol, way_in};
use crate::random::Dice;
use packetwalk_core::controllers::Delivery;
use packetwalk_core::ip::{IpAddr, parse_sloppy};
use packetwalk_core::net::Protocol;
use packetwalk_core::sim::{HostId, HostKind, World};
use std::collections::{BTreeMap, BTreeSet};

/// A flow to send: who, whom, how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FlowPlan {
    pub(super) from: HostId,
    pub(super) address: IpAddr,
    pub(super) port: Option<u16>,
    pub(super) protocol: Protocol,
    /// The node where it comes in, if that is the router's choice.
    pub(super) enter_at: Option<HostId>,
}

/// Every flow that is worth asking in a world.
pub(super) fn flows(world: &World) -> Vec<FlowPlan> {
    let hosts: Vec<&HostId> = world
        .network
        .hosts()
        .map(|it| &it.id)
        .filter(|it| !world.network.is_down(it))
        .filter(|it| match it {
            HostId::Pod(namespace, _) => namespace != "kube-system",
            HostId::Node(_) | HostId::Outside => true,
            HostId::Router => false,
        })
        .collect();
    let mut flows = Vec::new();
    for from in &hosts {
        let mut destinations = node_ports(world);
        destinations.append(&mut balancers(world, from));
        if **from != HostId::Outside {
            destinations.append(&mut inside(world, from));
        }
        if let HostId::Node(_) = from {
            destinations.append(&mut on_localhost(&destinations));
        }
        for (address, port, protocol) in destinations {
            flows.push(FlowPlan {
                from: (*from).clone(),
                enter_at: entry(world, from, address),
                address,
                port,
                protocol,
            });
        }
    }
    flows
}

/// Somewhere to send to.
pub(super) type Target = (IpAddr, Option<u16>, Protocol);

/// Every NodePort on every node: the way in for everybody.
fn node_ports(world: &World) -> BTreeSet<Target> {
    let nodes = world.objects.nodes.values();
    let addresses: Vec<IpAddr> = nodes.flat_map(|it| it.internal_ips()).collect();
    let ports = world
        .objects
        .services
        .values()
        .flat_map(|it| &it.spec.ports);
    let mut all = BTreeSet::new();
    for port in ports {
        let protocol = Protocol::from_name(port.protocol.as_deref().unwrap_or("TCP"));
        let number = port.node_port.and_then(|it| u16::try_from(it).ok());
        let (Some(protocol), Some(number)) = (protocol, number.filter(|it| *it != 0)) else {
            continue;
        };
        all.extend(addresses.iter().map(|it| (*it, Some(number), protocol)));
    }
    all
}

/// Load balancers and `externalIPs`. One that is no VIP of kube-proxy's is outside to pods, whom the outside does not
/// know.
fn balancers(world: &World, from: &HostId) -> BTreeSet<Target> {
    let mut all = BTreeSet::new();
    for balance in world.network.balances() {
        for (port, protocol) in &balance.listeners {
            let is_sent = |_: &&IpAddr| {
                balance.delivery == Delivery::Unchanged || !matches!(from, HostId::Pod(..))
            };
            let addresses = balance.addresses.iter().filter(is_sent);
            all.extend(addresses.map(|it| (*it, Some(*port), *protocol)));
        }
    }
    let services = world.objects.services.values();
    for service in services {
        let addresses = service.spec.external_ips.iter();
        for address in addresses.filter_map(|it| parse_sloppy(it)) {
            for port in &service.spec.ports {
                let protocol = Protocol::from_name(port.protocol());
                if let (Some(protocol), Ok(number)) = (protocol, u16::try_from(port.port)) {
                    all.insert((address, Some(number), protocol));
                }
            }
        }
    }
    all
}

/// The NodePorts among some targets, on the loopback.
fn on_localhost(targets: &BTreeSet<Target>) -> BTreeSet<Target> {
    let localhost = IpAddr::from([127, 0, 0, 1]);
    let ports = targets
        .iter()
        .filter(|it| it.1.is_some_and(|it| it >= 30_000));
    let tcp = ports.filter(|it| it.2 == Protocol::Tcp);
    tcp.map(|it| (localhost, it.1, it.2)).collect()
}

/// ClusterIPs and pods: only those inside know a way to them.
fn inside(world: &World, from: &HostId) -> BTreeSet<Target> {
    let mut all = BTreeSet::new();
    let services = world.objects.services.values();
    for service in services.filter(|it| it.metadata.namespace != "kube-system") {
        for address in service.cluster_ips() {
            let mut used = Vec::new();
            for port in &service.spec.ports {
                let protocol = Protocol::from_name(port.protocol.as_deref().unwrap_or("TCP"));
                if let (Some(protocol), Ok(number)) = (protocol, u16::try_from(port.port)) {
                    all.insert((address, Some(number), protocol));
                    used.push(number);
                }
            }
            let unknown = (1..=u16::MAX).find(|it| !used.contains(it));
            all.insert((address, unknown, Protocol::Tcp));
            let ping = match address {
                IpAddr::V4(_) => Protocol::Icmp,
                IpAddr::V6(_) => Protocol::Icmpv6,
            };
            all.insert((address, None, ping));
        }
    }
    for host in world.network.hosts() {
        let HostId::Pod(namespace, name) = &host.id else {
            continue;
        };
        if namespace == "kube-system" || host.id == *from {
            continue;
        }
        let ips = world.objects.pod(namespace, name).map(|it| it.ips());
        for address in ips.into_iter().flatten() {
            let open = host.listens.iter().map(|(it, _)| (it.port, it.protocol));
            for (port, protocol) in open.chain([(9, Protocol::Tcp)]) {
                all.insert((address, Some(port), protocol));
            }
        }
    }
    all
}

/// Where a packet from outside to an address that no host has comes in.
pub(super) fn entry(world: &World, from: &HostId, address: IpAddr) -> Option<HostId> {
    match from {
        HostId::Outside => way_in(world, address),
        _ => None,
    }
}

/// Some of the flows of a world, by lot: as many of every kind as of any other, while there are any.
pub(super) fn some_flows(world: &World, dice: &mut Dice, n_flows: usize) -> Vec<FlowPlan> {
    let mut kinds: BTreeMap<_, Vec<FlowPlan>> = BTreeMap::new();
    for plan in flows(world) {
        kinds.entry(kind_of(world, &plan)).or_default().push(plan);
    }
    let mut kinds: Vec<Vec<FlowPlan>> = kinds.into_values().collect();
    for kind in &mut kinds {
        dice.shuffle(kind);
    }
    let mut chosen = Vec::new();
    // Of what cannot be sent a few, so that they are counted.
    let n_unsent = n_flows / 10;
    let mut unsent = Vec::new();
    for kind in &mut kinds {
        if kind
            .first()
            .is_some_and(|it| probe_protocol(it.protocol).is_none())
        {
            unsent.append(kind);
        }
    }
    unsent.truncate(n_unsent);
    while chosen.len() < n_flows && kinds.iter().any(|it| !it.is_empty()) {
        dice.shuffle(&mut kinds);
        chosen.extend(kinds.iter_mut().filter_map(Vec::pop));
    }
    chosen.truncate(n_flows);
    chosen.append(&mut unsent);
    chosen
}

/// What kind of host asks, what kind of address, by which protocol, in which family, and whether it asks itself.
fn kind_of(world: &World, plan: &FlowPlan) -> (HostKind, Door, Protocol, bool, bool) {
    let owner = world.network.owner(plan.address).map(|it| &it.id);
    let mut services = world.objects.services.values();
    let door = match owner {
        Some(HostId::Pod(..)) => Door::Pod,
        Some(_) => Door::Node,
        None if plan.address.is_loopback() => Door::Loopback,
        None if services.any(|it| it.cluster_ips().contains(&plan.address)) => Door::ClusterIp,
        None => Door::Outside,
    };
    let is_v6 = plan.address.is_ipv6();
    (
        plan.from.kind(),
        door,
        plan.protocol,
        is_v6,
        owner == Some(&plan.from),
    )
}

/// What kind of address is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Door {
    ClusterIp,
    Node,
    Loopback,
    Pod,
    /// A load balancer's, or an external IP.
    Outside,
}
