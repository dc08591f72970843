//! What a machine's interfaces, addresses and routes are. Nothing is changed.
//!
//! Linux: rtnetlink(7), three lists over one socket: links, addresses, routes of the tables `local` and `main`.
//!
//! **Left out**: other tables, of which only the numbers are told; of several next hops of one route all but the first,
//! which are counted; next hops that are objects of their own.

use super::{
    error::Error,
    netlink::{Channel, Request},
    netns::Place,
    topology::{Prefix, RouteKind},
};
use netlink_packet_core::{Emitable, Parseable};
use netlink_sys::protocols::NETLINK_ROUTE;
use rtnetlink::packet_route::{
    AddressFamily, RouteNetlinkMessage,
    address::{AddressAttribute, AddressMessage},
    link::{InfoKind, LinkAttribute, LinkFlags, LinkInfo, LinkMessage},
    route::{RouteAddress, RouteAttribute, RouteMessage, RouteType, RouteVia},
    rule::{RuleAttribute, RuleMessage},
};
use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

const TABLE_MAIN: u32 = 254;
const TABLE_LOCAL: u32 = 255;
/// Where rules look by default: local, main, default.
const USUAL_TABLES: [u32; 3] = [253, TABLE_MAIN, TABLE_LOCAL];

/// What a machine knows of the ways to others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Routing {
    /// Its interfaces, in the kernel's order.
    pub interfaces: Vec<Interface>,
    /// Its routes, those of the table `local` included.
    pub routes: Vec<FoundRoute>,
    /// How many next hops were left out, of routes that have several.
    pub n_further_hops: usize,
}

/// An interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// What kind it is.
    pub kind: InterfaceKind,
    /// Whether it is switched on.
    pub is_up: bool,
    /// The bridge that it is a port of.
    pub bridge: Option<String>,
    /// Its addresses.
    pub addresses: Vec<Prefix>,
}

/// What kind of interface it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InterfaceKind {
    /// A bridge.
    Bridge,
    /// A dummy: it has addresses, and leads nowhere.
    Dummy,
    /// Another.
    Other,
}

/// A route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundRoute {
    /// Where to.
    pub to: Prefix,
    /// The next router.
    pub via: Option<IpAddr>,
    /// The interface it leaves by; none where it leads nowhere.
    pub interface: Option<String>,
    /// The source it suggests.
    pub source: Option<IpAddr>,
    /// The lowest wins among routes to the same place.
    pub metric: u32,
    /// What it does.
    pub kind: RouteKind,
}

/// Reads all of it.
///
/// # Errors
/// When Linux does not tell.
pub fn read<'a>(place: impl Into<Place<'a>>) -> Result<Routing, Error> {
    let mut channel = place.into().run(|| Channel::open(NETLINK_ROUTE))??;
    let mut links = Vec::new();
    let link = RouteNetlinkMessage::GetLink(LinkMessage::default());
    list(&mut channel, &link, "interfaces", |body| {
        links.extend(LinkMessage::parse(body).ok());
    })?;
    let mut addresses = Vec::new();
    let address = RouteNetlinkMessage::GetAddress(AddressMessage::default());
    list(&mut channel, &address, "addresses", |body| {
        addresses.extend(AddressMessage::parse(body).ok());
    })?;
    let mut routes = Vec::new();
    let route = RouteNetlinkMessage::GetRoute(RouteMessage::default());
    list(&mut channel, &route, "routes", |body| {
        routes.extend(RouteMessage::parse(body).ok());
    })?;
    Ok(put_together(&links, &addresses, &routes))
}

/// The tables of routes that rules of policy routing lead to, besides those that every machine has.
///
/// # Errors
/// When Linux does not tell.
pub fn policy_tables<'a>(place: impl Into<Place<'a>>) -> Result<Vec<u32>, Error> {
    let mut channel = place.into().run(|| Channel::open(NETLINK_ROUTE))??;
    let mut tables = Vec::new();
    let rule = RouteNetlinkMessage::GetRule(RuleMessage::default());
    list(&mut channel, &rule, "routing rules", |body| {
        tables.extend(RuleMessage::parse(body).ok().map(|it| {
            let named = it.attributes.iter().find_map(|it| match it {
                RuleAttribute::Table(table) => Some(*table),
                _ => None,
            });
            named.unwrap_or(u32::from(it.header.table))
        }));
    })?;
    tables.retain(|it| *it != 0 && !USUAL_TABLES.contains(it));
    tables.sort_unstable();
    tables.dedup();
    Ok(tables)
}

fn list(
    channel: &mut Channel,
    message: &RouteNetlinkMessage,
    what: &str,
    mut take: impl FnMut(&[u8]),
) -> Result<(), Error> {
    let mut body = vec![0; message.buffer_len()];
    message.emit(&mut body);
    let request = Request {
        kind: message.message_type(),
        flags: 0,
        body,
        tried: format!("list the {what}"),
    };
    channel.dump(&request, |frame| take(frame.body))
}

fn put_together(
    links: &[LinkMessage],
    addresses: &[AddressMessage],
    routes: &[RouteMessage],
) -> Routing {
    let names: BTreeMap<u32, &str> = links
        .iter()
        .filter_map(|link| {
            let name = link.attributes.iter().find_map(|it| match it {
                LinkAttribute::IfName(name) => Some(name.as_str()),
                _ => None,
            });
            Some((link.header.index, name?))
        })
        .collect();
    let mut routing = Routing::default();
    for link in links {
        let index = link.header.index;
        let Some(name) = names.get(&index) else {
            continue;
        };
        let mine = addresses.iter().filter(|it| it.header.index == index);
        routing.interfaces.push(Interface {
            name: (*name).to_owned(),
            kind: kind_of(link),
            is_up: link.header.flags.contains(LinkFlags::Up),
            bridge: link.attributes.iter().find_map(|it| match it {
                LinkAttribute::Controller(index) => names.get(index).map(|it| (*it).to_owned()),
                _ => None,
            }),
            addresses: mine.filter_map(prefix_of).collect(),
        });
    }
    let is_plain = |it: &&RouteMessage| matches!(table_of(it), TABLE_MAIN | TABLE_LOCAL);
    for message in routes.iter().filter(is_plain) {
        let (route, n_left_out) = route_of(message, &names);
        routing.routes.extend(route);
        routing.n_further_hops += n_left_out;
    }
    routing
}

fn kind_of(link: &LinkMessage) -> InterfaceKind {
    let kinds = link.attributes.iter().filter_map(|it| match it {
        LinkAttribute::LinkInfo(parts) => Some(parts),
        _ => None,
    });
    let mut kinds = kinds.flatten().filter_map(|it| match it {
        LinkInfo::Kind(kind) => Some(kind),
        _ => None,
    });
    match kinds.next() {
        Some(InfoKind::Bridge) => InterfaceKind::Bridge,
        Some(InfoKind::Dummy) => InterfaceKind::Dummy,
        _ => InterfaceKind::Other,
    }
}

/// An interface's own address: of a link between two, `Local` and not the other end's `Address`.
fn prefix_of(message: &AddressMessage) -> Option<Prefix> {
    let local = message.attributes.iter().find_map(|it| match it {
        AddressAttribute::Local(address) => Some(*address),
        _ => None,
    });
    let address = local.or_else(|| {
        message.attributes.iter().find_map(|it| match it {
            AddressAttribute::Address(address) => Some(*address),
            _ => None,
        })
    })?;
    let length = message.header.prefix_len;
    Some(Prefix { address, length })
}

fn table_of(message: &RouteMessage) -> u32 {
    let named = message.attributes.iter().find_map(|it| match it {
        RouteAttribute::Table(table) => Some(*table),
        _ => None,
    });
    named.unwrap_or(u32::from(message.header.table))
}

/// A route, if it is of a kind that packets take, and how many of its next hops are left out.
fn route_of(message: &RouteMessage, names: &BTreeMap<u32, &str>) -> (Option<FoundRoute>, usize) {
    let kind = match message.header.kind {
        RouteType::Local => RouteKind::Local,
        RouteType::Unicast => RouteKind::Forward,
        RouteType::BlackHole => RouteKind::Blackhole,
        RouteType::Unreachable => RouteKind::Unreachable,
        RouteType::Prohibit => RouteKind::Prohibit,
        _ => return (None, 0),
    };
    let (mut to, mut via, mut interface, mut source, mut metric) = (None, None, None, None, 0);
    let mut n_left_out = 0;
    let named = |index: &u32| names.get(index).map(|it| (*it).to_owned());
    for it in &message.attributes {
        match it {
            RouteAttribute::Destination(it) => to = address_of(it),
            RouteAttribute::Gateway(it) => via = address_of(it),
            RouteAttribute::Via(RouteVia::Inet(it)) => via = Some((*it).into()),
            RouteAttribute::Via(RouteVia::Inet6(it)) => via = Some((*it).into()),
            RouteAttribute::Oif(index) => interface = named(index),
            RouteAttribute::PrefSource(it) => source = address_of(it),
            RouteAttribute::Priority(it) => metric = *it,
            RouteAttribute::MultiPath(hops) => {
                n_left_out = hops.len().saturating_sub(1);
                let Some(first) = hops.first() else {
                    continue;
                };
                interface = named(&first.interface_index);
                via = first.attributes.iter().find_map(|it| match it {
                    RouteAttribute::Gateway(it) => address_of(it),
                    _ => None,
                });
            }
            _ => {}
        }
    }
    let everything: Option<IpAddr> = match message.header.address_family {
        AddressFamily::Inet => Some(Ipv4Addr::UNSPECIFIED.into()),
        AddressFamily::Inet6 => Some(Ipv6Addr::UNSPECIFIED.into()),
        _ => None,
    };
    let route = to.or(everything).map(|address| FoundRoute {
        to: Prefix {
            address,
            length: message.header.destination_prefix_length,
        },
        via,
        interface,
        source,
        metric,
        kind,
    });
    (route, n_left_out)
}

fn address_of(it: &RouteAddress) -> Option<IpAddr> {
    match it {
        RouteAddress::Inet(it) => Some((*it).into()),
        RouteAddress::Inet6(it) => Some((*it).into()),
        _ => None,
    }
}
