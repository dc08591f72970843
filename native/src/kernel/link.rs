//! Builds a [`Topology`]: interfaces, bridges, addresses and routes, in a few milliseconds.
//!
//! Linux: rtnetlink(7), with the messages of the `rtnetlink` crate sent in batches over one socket for
//! each namespace (no `ip` processes, no runtime). Both ends of a veth pair are made by one message
//! that names both interface numbers, so nothing is looked up. Hardware addresses follow from names.
//!
//! **Left out**: nothing is undone when building fails half-way: the [`Lab`] is removed as a whole.
//! Linux limits its errors about routes (not those of rules or ports) to five and then one a second for
//! each client, and no setting of a namespace changes that. IPv6 is switched off where no address needs
//! it; where it is on, duplicates are not looked for, and its routers send redirects that pods ignore.

use std::{
    collections::BTreeMap,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    os::fd::{AsRawFd, RawFd},
    thread,
    time::{Duration, Instant},
};

use netlink_packet_core::{Emitable, Parseable};
use netlink_sys::protocols::NETLINK_ROUTE;
use rtnetlink::{
    AddressMessageBuilder, LinkBridge, LinkMessageBuilder, LinkUnspec, LinkVeth,
    RouteMessageBuilder,
    packet_route::{
        RouteNetlinkMessage,
        address::{AddressHeaderFlags, AddressMessage},
        link::{
            BridgePortState, InfoBridge, InfoBridgePort, InfoData, InfoKind, InfoPortData,
            InfoVeth, LinkAttribute, LinkFlags, LinkInfo, LinkMessage, State,
        },
        route::{RouteMessage, RouteScope, RouteType},
    },
};

use super::{
    error::Error,
    netlink::{Channel, Request},
    netns::{Lab, Namespace, set_sysctl, set_sysctl_if_present},
    topology::{
        Bridge, Host, HostKind, Prefix, Route, RouteKind, Topology, Wire, WireEnd, fingerprint,
    },
};

/// The loopback interface is always the first.
const LOOPBACK_INDEX: u32 = 1;
const LOOPBACK: &str = "lo";
/// Numbers below are left to devices that some modules put into every new namespace.
const FIRST_INDEX: u32 = 100;
/// The longest interface name Linux allows.
const INTERFACE_BYTES: usize = 15;
/// New links need a moment until they carry packets; longer than this is a fault.
const READY_TIMEOUT: Duration = Duration::from_secs(5);
const READY_INTERVAL: Duration = Duration::from_micros(300);

const CREATE: u16 = 0x400 | 0x200;
const REPLACE: u16 = 0x400 | 0x100;

/// Kernel settings of every host: quiet, lenient towards odd paths, generous with ICMP errors.
const SETTINGS: &[(&str, &str)] = &[
    ("net.ipv4.conf.all.rp_filter", "0"),
    ("net.ipv4.conf.default.rp_filter", "0"),
    ("net.ipv4.conf.all.send_redirects", "0"),
    ("net.ipv4.conf.default.send_redirects", "0"),
    ("net.ipv4.conf.all.accept_redirects", "0"),
    ("net.ipv4.conf.default.accept_redirects", "0"),
    // Every refused probe must get its answer, however many there are in a second.
    // A rate limit of 0 would not do: it empties a bucket that errors about routes draw from, too.
    ("net.ipv4.icmp_ratemask", "0"),
    ("net.ipv4.ping_group_range", "0 2147483647"),
    ("net.bridge.bridge-nf-call-iptables", "0"),
    ("net.bridge.bridge-nf-call-ip6tables", "0"),
    ("net.bridge.bridge-nf-call-arptables", "0"),
    ("net.netfilter.nf_conntrack_events", "1"),
];
/// Link-local addresses stay: without one Linux cannot ask for the neighbour of a forwarded packet.
const SETTINGS_IPV6: &[(&str, &str)] = &[
    ("net.ipv6.conf.all.accept_dad", "0"),
    ("net.ipv6.conf.default.accept_dad", "0"),
    ("net.ipv6.conf.all.accept_ra", "0"),
    ("net.ipv6.conf.default.accept_ra", "0"),
    ("net.ipv6.conf.default.router_solicitations", "0"),
    ("net.ipv6.conf.all.accept_redirects", "0"),
    ("net.ipv6.conf.default.accept_redirects", "0"),
    ("net.ipv6.icmp.ratelimit", "0"),
];
const SETTINGS_WITHOUT_IPV6: &[(&str, &str)] = &[
    ("net.ipv6.conf.all.disable_ipv6", "1"),
    ("net.ipv6.conf.default.disable_ipv6", "1"),
];

/// The numbers of the interfaces of each host, as traces name them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Interfaces(BTreeMap<String, BTreeMap<u32, String>>);

impl Interfaces {
    /// The name of an interface of a host.
    #[must_use]
    pub fn name(&self, host: &str, index: u32) -> Option<&str> {
        self.0.get(host)?.get(&index).map(String::as_str)
    }

    /// All interfaces of a host, by number.
    #[must_use]
    pub fn of(&self, host: &str) -> Option<&BTreeMap<u32, String>> {
        self.0.get(host)
    }
}

/// Builds everything in the topology into the lab, and returns when all links carry packets.
///
/// Hosts that the lab has already are extended; so a pod can be added to a running lab.
///
/// # Errors
/// When the description contradicts itself or Linux refuses a part of it.
pub fn build(lab: &mut Lab, topology: &Topology) -> Result<Interfaces, Error> {
    let is_new = |it: &&Host| lab.namespace(&it.name).is_none();
    let new_nodes: Vec<&Host> = topology
        .hosts
        .iter()
        .filter(|it| it.kind == HostKind::Node)
        .filter(is_new)
        .collect();
    let mut sites = open_sites(lab, topology)?;
    // A node's uplink is older than its bridge, as on a real machine: Linux looks for a source
    // address in that order.
    let is_on_node_bridge = |wire: &&Wire| {
        wire.ends
            .iter()
            .any(|end| end.bridge.is_some() && new_nodes.iter().any(|it| it.name == end.host))
    };
    let (to_pods, uplinks): (Vec<&Wire>, Vec<&Wire>) =
        topology.wires.iter().partition(is_on_node_bridge);
    for wire in uplinks {
        add_wire(wire, &mut sites)?;
    }
    for site in sites.values_mut() {
        site.carry_out()?;
    }
    for host in &new_nodes {
        let site = find(&mut sites, &host.name)?;
        host.bridges.iter().try_for_each(|it| site.add_bridge(it))?;
    }
    for wire in to_pods {
        add_wire(wire, &mut sites)?;
    }
    for site in sites.values_mut() {
        site.carry_out()?;
    }
    for wire in &topology.wires {
        for end in &wire.ends {
            find(&mut sites, &end.host)?.finish_end(end)?;
        }
    }
    for host in &topology.hosts {
        find(&mut sites, &host.name)?.finish_host(host)?;
    }
    for site in sites.values_mut() {
        site.carry_out()?;
    }
    for site in sites.values_mut() {
        site.wait_until_ready()?;
    }
    let named = sites.into_iter().map(|(host, site)| {
        let by_index = site.indexes.into_iter().map(|(name, index)| (index, name));
        (host, by_index.collect())
    });
    Ok(Interfaces(named.collect()))
}

/// Adds routes to a host, or replaces those to the same networks.
///
/// # Errors
/// When an interface is unknown or Linux refuses.
pub fn replace_routes(namespace: &Namespace, routes: &[Route]) -> Result<(), Error> {
    let mut site = Site::open_in(namespace)?;
    for route in routes {
        let message = site.route_message(route)?;
        let tried = format!("set the route to {} on {}", route.to, site.host);
        site.ask(&RouteNetlinkMessage::NewRoute(message), REPLACE, tried);
    }
    site.carry_out()
}

/// Removes routes from a host.
///
/// # Errors
/// When an interface is unknown, or there is no such route.
pub fn remove_routes(namespace: &Namespace, routes: &[Route]) -> Result<(), Error> {
    let mut site = Site::open_in(namespace)?;
    for route in routes {
        let message = site.route_message(route)?;
        let tried = format!("remove the route to {} from {}", route.to, site.host);
        site.ask(&RouteNetlinkMessage::DelRoute(message), 0, tried);
    }
    site.carry_out()
}

/// Removes an interface of a host, and with a cable's end the whole cable. One that is gone already is no failure.
///
/// # Errors
/// When Linux refuses.
pub fn remove(namespace: &Namespace, interface: &str) -> Result<(), Error> {
    let mut site = Site::open_in(namespace)?;
    let Ok(index) = site.index(interface) else {
        return Ok(());
    };
    let message = LinkUnspec::new_with_index(index).build();
    let tried = format!("remove {interface} of {}", site.host);
    site.ask(&RouteNetlinkMessage::DelLink(message), 0, tried);
    site.carry_out()
}

/// Whether an interface is switched on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Power {
    /// Switched on.
    Up,
    /// Switched off: the other end loses its carrier. Linux forgets the routes through it.
    Down,
}

/// Switches an interface on or off, as when a cable is pulled or a node fails.
///
/// # Errors
/// When there is no such interface or Linux refuses.
pub fn switch(namespace: &Namespace, interface: &str, power: Power) -> Result<(), Error> {
    let mut site = Site::open_in(namespace)?;
    let index = site.index(interface)?;
    let builder = LinkUnspec::new_with_index(index);
    let message = match power {
        Power::Up => builder.up(),
        Power::Down => builder.down(),
    };
    let tried = format!("switch {interface} of {}", site.host);
    site.ask(&RouteNetlinkMessage::SetLink(message.build()), 0, tried);
    site.carry_out()?;
    match power {
        Power::Up => site.wait_until_ready(),
        Power::Down => Ok(()),
    }
}

/// Gives an interface another address.
///
/// # Errors
/// When there is no such interface or Linux refuses.
pub fn add_address(namespace: &Namespace, interface: &str, address: Prefix) -> Result<(), Error> {
    let mut site = Site::open_in(namespace)?;
    site.add_addresses(interface, &[address])?;
    site.carry_out()
}

/// The interfaces that a namespace has now.
///
/// # Errors
/// When Linux does not tell.
pub fn interfaces(namespace: &Namespace) -> Result<BTreeMap<u32, String>, Error> {
    let site = Site::open_in(namespace)?;
    Ok(site
        .indexes
        .into_iter()
        .map(|(name, index)| (index, name))
        .collect())
}

type Sites = BTreeMap<String, Site>;

fn find<'a>(sites: &'a mut Sites, host: &str) -> Result<&'a mut Site, Error> {
    sites
        .get_mut(host)
        .ok_or_else(|| Error::Description(format!("there is no host named {host}")))
}

/// Makes the new hosts, opens the old ones that are named, and asks for all bridges.
fn open_sites(lab: &mut Lab, topology: &Topology) -> Result<Sites, Error> {
    let (old, new): (Vec<&Host>, Vec<&Host>) = topology
        .hosts
        .iter()
        .partition(|it| lab.namespace(&it.name).is_some());
    if let Some(it) = new.iter().find(|it| it.kind == HostKind::Existing) {
        return Err(Error::Description(format!(
            "there is no host named {}",
            it.name
        )));
    }
    let names: Vec<&str> = new.iter().map(|it| it.name.as_str()).collect();
    let ipv6 = topology.speaks_ipv6();
    let made = lab.create_each(&names, |it| prepare(new[it], ipv6))?;
    let mut sites: Sites = made.into_iter().map(|it| (it.host.clone(), it)).collect();
    let ends = topology.wires.iter().flat_map(|it| &it.ends);
    let on_wires = ends.map(|it| it.host.as_str());
    for host in old.iter().map(|it| it.name.as_str()).chain(on_wires) {
        if !sites.contains_key(host) {
            sites.insert(host.to_owned(), Site::open_in(lab.host(host)?)?);
        }
    }
    for host in old {
        let site = find(&mut sites, &host.name)?;
        host.bridges.iter().try_for_each(|it| site.add_bridge(it))?;
    }
    for (host, site) in &mut sites {
        site.fd = lab.host(host)?.as_raw_fd();
    }
    Ok(sites)
}

/// On a thread inside the new namespace: its settings, its socket, its bridges (a node's come later).
fn prepare(host: &Host, ipv6: bool) -> Result<Site, Error> {
    let families = if ipv6 {
        SETTINGS_IPV6
    } else {
        SETTINGS_WITHOUT_IPV6
    };
    for (key, value) in SETTINGS.iter().chain(families) {
        set_sysctl_if_present(key, value)?;
    }
    if host.kind.forwards() {
        set_sysctl("net.ipv4.ip_forward", "1")?;
        if ipv6 {
            set_sysctl("net.ipv6.conf.all.forwarding", "1")?;
        }
    }
    for (key, value) in &host.sysctls {
        set_sysctl(key, value)?;
    }
    let mut site = Site {
        host: host.name.clone(),
        channel: Channel::open(NETLINK_ROUTE)?,
        fd: -1,
        indexes: BTreeMap::from([(LOOPBACK.to_owned(), LOOPBACK_INDEX)]),
        next_index: FIRST_INDEX,
        requests: Vec::new(),
    };
    let loopback = LinkUnspec::new_with_index(LOOPBACK_INDEX).up().build();
    let tried = format!("switch on the loopback of {}", host.name);
    site.ask(&RouteNetlinkMessage::SetLink(loopback), 0, tried);
    if host.kind != HostKind::Node {
        host.bridges.iter().try_for_each(|it| site.add_bridge(it))?;
    }
    site.carry_out()?;
    Ok(site)
}

/// Asks for both ends of a cable, in the namespace of the first.
fn add_wire(wire: &Wire, sites: &mut Sites) -> Result<(), Error> {
    let Wire {
        ends: [near, far],
        mtu,
    } = wire;
    let far_site = find(sites, &far.host)?;
    let far_fd = far_site.fd;
    let far_index = far_site.claim(&far.interface)?;
    let near_site = find(sites, &near.host)?;
    let near_index = near_site.claim(&near.interface)?;

    // The far end cannot be switched on by this message: Linux answers ENOTCONN.
    let peer = LinkMessageBuilder::<LinkUnspec>::new()
        .name(far.interface.clone())
        .index(far_index)
        .address(hardware_address(&far.host, &far.interface))
        .setns_by_fd(far_fd);
    let mut builder = LinkVeth::new(&near.interface, &far.interface)
        .index(near_index)
        .address(hardware_address(&near.host, &near.interface))
        .up();
    if let Some(bridge) = &near.bridge {
        builder = builder.controller(near_site.index(bridge)?);
    }
    let (peer, builder) = match mtu {
        Some(mtu) => (peer.mtu(*mtu), builder.mtu(*mtu)),
        None => (peer, builder),
    };
    let data = InfoData::Veth(InfoVeth::Peer(peer.build()));
    let message = builder.set_info_data(data).build();
    let tried = format!(
        "lay a cable from {} of {} to {} of {}",
        near.interface, near.host, far.interface, far.host
    );
    near_site.ask(&RouteNetlinkMessage::NewLink(message), CREATE, tried);

    Ok(())
}

/// A locally administered address that is the same in every run.
fn hardware_address(host: &str, interface: &str) -> Vec<u8> {
    let mut bytes = fingerprint(&[host, interface]).to_be_bytes()[..6].to_vec();
    bytes[0] = 0x02;
    bytes
}

/// One namespace under construction.
#[derive(Debug)]
struct Site {
    host: String,
    channel: Channel,
    fd: RawFd,
    indexes: BTreeMap<String, u32>,
    next_index: u32,
    requests: Vec<Request>,
}

impl Site {
    /// An existing namespace, with the interfaces it has.
    fn open_in(namespace: &Namespace) -> Result<Self, Error> {
        let mut site = Self {
            host: namespace.host().to_owned(),
            channel: namespace.run(|| Channel::open(NETLINK_ROUTE))??,
            fd: namespace.as_raw_fd(),
            indexes: BTreeMap::new(),
            next_index: FIRST_INDEX,
            requests: Vec::new(),
        };
        for link in site.links()? {
            site.next_index = site.next_index.max(link.header.index + 1);
            let names = link.attributes.into_iter().filter_map(|it| match it {
                LinkAttribute::IfName(name) => Some(name),
                _ => None,
            });
            site.indexes.extend(names.map(|it| (it, link.header.index)));
        }
        Ok(site)
    }

    fn index(&self, interface: &str) -> Result<u32, Error> {
        self.indexes.get(interface).copied().ok_or_else(|| {
            Error::Description(format!("{} has no interface {interface}", self.host))
        })
    }

    /// A number for a new interface.
    fn claim(&mut self, interface: &str) -> Result<u32, Error> {
        if interface.is_empty() || interface.len() > INTERFACE_BYTES {
            return Err(Error::Description(format!(
                "{interface:?} on {} cannot be the name of an interface",
                self.host
            )));
        }
        let index = self.next_index;
        self.next_index += 1;
        match self.indexes.insert(interface.to_owned(), index) {
            None => Ok(index),
            Some(_) => Err(Error::Description(format!(
                "{} has two interfaces named {interface}",
                self.host
            ))),
        }
    }

    fn ask(&mut self, message: &RouteNetlinkMessage, flags: u16, tried: String) {
        let mut body = vec![0; message.buffer_len()];
        message.emit(&mut body);
        self.requests.push(Request {
            kind: message.message_type(),
            flags,
            body,
            tried,
        });
    }

    fn carry_out(&mut self) -> Result<(), Error> {
        let requests = std::mem::take(&mut self.requests);
        self.channel.request(&requests)
    }

    fn add_bridge(&mut self, bridge: &Bridge) -> Result<(), Error> {
        let Bridge { name, addresses } = bridge;
        let index = self.claim(name)?;
        let message = LinkBridge::new(name)
            .index(index)
            // Without an address of its own a bridge takes over that of each new lowest port.
            .address(hardware_address(&self.host, name))
            .set_info_data(InfoData::Bridge(vec![
                InfoBridge::ForwardDelay(0),
                InfoBridge::MulticastSnooping(false),
            ]))
            .up()
            .build();
        let tried = format!("make the bridge {name} on {}", self.host);
        self.ask(&RouteNetlinkMessage::NewLink(message), CREATE, tried);
        self.add_addresses(name, addresses)
    }

    fn add_addresses(&mut self, interface: &str, addresses: &[Prefix]) -> Result<(), Error> {
        let index = self.index(interface)?;
        for address in addresses {
            let tried = format!("give {interface} of {} the address {address}", self.host);
            let message = address_message(index, *address);
            self.ask(&RouteNetlinkMessage::NewAddress(message), CREATE, tried);
        }
        Ok(())
    }

    /// Once the cable is laid: switches the end on and gives it its bridge and addresses.
    fn finish_end(&mut self, end: &WireEnd) -> Result<(), Error> {
        let WireEnd {
            host,
            interface,
            addresses,
            bridge,
        } = end;
        let mut builder = LinkUnspec::new_with_index(self.index(interface)?).up();
        if let Some(bridge) = bridge {
            builder = builder.controller(self.index(bridge)?);
        }
        let tried = format!("switch on {interface} of {host}");
        self.ask(&RouteNetlinkMessage::SetLink(builder.build()), 0, tried);
        self.add_addresses(interface, addresses)
    }

    /// Once all cables are laid: the addresses of the loopback, and the routes.
    fn finish_host(&mut self, host: &Host) -> Result<(), Error> {
        self.add_addresses(LOOPBACK, &host.loopback_addresses)?;
        for route in &host.routes {
            let message = self.route_message(route)?;
            let tried = format!("add the route to {} on {}", route.to, self.host);
            self.ask(&RouteNetlinkMessage::NewRoute(message), CREATE, tried);
        }
        Ok(())
    }

    fn route_message(&self, route: &Route) -> Result<RouteMessage, Error> {
        let Route {
            to,
            kind,
            via,
            interface,
            source,
        } = route;
        let wrong = |it: &dyn std::fmt::Display| {
            Error::Description(format!("the route to {to} on {}: {it}", self.host))
        };
        let mut builder = RouteMessageBuilder::<IpAddr>::new()
            .destination_prefix(to.address, to.length)
            .map_err(|it| wrong(&it))?
            .kind(match kind {
                RouteKind::Forward => RouteType::Unicast,
                RouteKind::Blackhole => RouteType::BlackHole,
                RouteKind::Unreachable => RouteType::Unreachable,
                RouteKind::Prohibit => RouteType::Prohibit,
                RouteKind::Local => RouteType::Local,
            });
        match (kind, via) {
            (RouteKind::Local, _) => builder = builder.scope(RouteScope::Host),
            (RouteKind::Forward, None) => builder = builder.scope(RouteScope::Link),
            (RouteKind::Forward, Some(via)) => {
                builder = builder.gateway(*via).map_err(|it| wrong(&it))?;
            }
            _ => {}
        }
        if let Some(interface) = interface {
            builder = builder.output_interface(self.index(interface)?);
        }
        if let Some(source) = source {
            builder = builder.pref_source(*source).map_err(|it| wrong(&it))?;
        }
        Ok(builder.build())
    }

    fn links(&mut self) -> Result<Vec<LinkMessage>, Error> {
        let mut body = vec![0; LinkMessage::default().buffer_len()];
        LinkMessage::default().emit(&mut body);
        let kind = RouteNetlinkMessage::GetLink(LinkMessage::default()).message_type();
        let request = Request {
            kind,
            flags: 0,
            body,
            tried: format!("list the interfaces of {}", self.host),
        };
        let mut links = Vec::new();
        self.channel.dump(&request, |frame| {
            links.extend(LinkMessage::parse(frame.body).ok());
        })?;
        Ok(links)
    }

    /// Waits until every interface that should carry packets does.
    fn wait_until_ready(&mut self) -> Result<(), Error> {
        let started = Instant::now();
        loop {
            let links: Vec<Condition> = self.links()?.iter().map(Condition::of).collect();
            let Some(waiting) = links.iter().find(|it| !it.is_ready(&links)) else {
                break;
            };
            if started.elapsed() > READY_TIMEOUT {
                let tried = format!("bring up {} of {}", waiting.name, self.host);
                return Err(Error::system(tried, io::ErrorKind::TimedOut));
            }
            thread::sleep(READY_INTERVAL);
        }
        // A link says that it is up a moment before Linux gives it its queue and tells the bridge.
        // Both happen under one lock, which this request takes, too; it changes nothing.
        let loopback = LinkUnspec::new_with_index(LOOPBACK_INDEX).up().build();
        let tried = format!("wait for the links of {}", self.host);
        self.ask(&RouteNetlinkMessage::SetLink(loopback), 0, tried);
        self.carry_out()
    }
}

/// What a link says about itself.
#[derive(Debug)]
struct Condition {
    index: u32,
    name: String,
    is_on: bool,
    has_carrier: bool,
    state: State,
    is_bridge: bool,
    bridge: Option<u32>,
    forwards: bool,
}

impl Condition {
    fn of(link: &LinkMessage) -> Self {
        let mut it = Self {
            index: link.header.index,
            name: String::new(),
            is_on: link.header.flags.contains(LinkFlags::Up),
            has_carrier: false,
            state: State::Unknown,
            is_bridge: false,
            bridge: None,
            forwards: false,
        };
        for attribute in &link.attributes {
            match attribute {
                LinkAttribute::IfName(name) => it.name.clone_from(name),
                LinkAttribute::OperState(state) => it.state = *state,
                LinkAttribute::Carrier(carrier) => it.has_carrier = *carrier != 0,
                LinkAttribute::Controller(index) => it.bridge = Some(*index),
                LinkAttribute::LinkInfo(parts) => {
                    it.is_bridge = parts.contains(&LinkInfo::Kind(InfoKind::Bridge));
                    it.forwards = parts.iter().any(is_forwarding_port);
                }
                _ => {}
            }
        }
        it
    }

    /// A link is awaited when its other end is on; a bridge, when one of its ports is.
    fn is_ready(&self, all: &[Self]) -> bool {
        let is_awaited = match self.is_bridge {
            true => all
                .iter()
                .any(|it| it.bridge == Some(self.index) && it.is_on && it.has_carrier),
            false => self.has_carrier,
        };
        // A new link says "unknown" and is a bridge's working port before it has its queue; only the
        // loopback says so for ever.
        let is_up = self.has_carrier && self.state == State::Up;
        let is_plugged = self.bridge.is_none() || self.forwards;
        let is_exempt = self.index == LOOPBACK_INDEX || !self.is_on || !is_awaited;
        is_exempt || (is_up && is_plugged)
    }
}

fn is_forwarding_port(part: &LinkInfo) -> bool {
    let state = InfoBridgePort::State(BridgePortState::Forwarding);
    matches!(part, LinkInfo::PortData(InfoPortData::BridgePort(it)) if it.contains(&state))
}

fn address_message(index: u32, address: Prefix) -> AddressMessage {
    let mut message = match address.address {
        IpAddr::V4(it) => AddressMessageBuilder::<Ipv4Addr>::new()
            .address(it, address.length)
            .build(),
        IpAddr::V6(it) => AddressMessageBuilder::<Ipv6Addr>::new()
            .address(it, address.length)
            .build(),
    };
    message.header.index = index;
    // Usable at once, without asking the neighbours whether somebody has it.
    message.header.flags |= AddressHeaderFlags::Nodad;
    message
}
