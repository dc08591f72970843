//! This machine as a node: what its kernel has loaded, whoever loaded it, and tables of our own.
//!
//! `live` reads rules, addresses and routes, and changes nothing. `tables` knows which tables are ours and who else
//! programs Services here; `checks` looks for what stands in the way of Services.
//!
//! **Left out**: iptables and ipvs mode for tables of our own, since their chains stand in tables that are everybody's.

pub mod checks;
pub mod live;
pub mod tables;

use crate::error::Error;
use crate::kernel::routing::{FoundRoute, InterfaceKind, Routing};
use packetwalk_core::ip::{Family, IpAddr, family};
use packetwalk_core::net::{Flow, Packet, Protocol, TcpFlags};
use packetwalk_core::sim::World;
use std::fs;

/// The most ways of a packet that are explored.
pub const MAX_WAYS: usize = 4096;

/// The port that packets are made up to come from.
const PORT: u16 = 40_000;

/// The first packet of a connection.
#[must_use]
pub fn first_packet(protocol: Protocol, source: IpAddr, destination: IpAddr, port: u16) -> Packet {
    let flow = Flow {
        protocol,
        source,
        destination,
        source_port: PORT,
        destination_port: port,
    };
    Packet::of_flow(flow, TcpFlags::SYN)
}

/// The Node of a world that this machine is: the one that was named, or the one whose address or name it has.
///
/// # Errors
/// When there is no such Node, or none is this machine.
pub fn node_of(world: &World, told: Option<&str>, routing: &Routing) -> Result<String, Error> {
    let nodes = &world.objects.nodes;
    let known: Vec<&str> = nodes.keys().map(String::as_str).collect();
    if let Some(name) = told {
        return match nodes.contains_key(name) {
            true => Ok(name.to_owned()),
            false => Err(Error::Input(format!(
                "there is no node {name}: there are {}",
                known.join(", ")
            ))),
        };
    }
    let mine = addresses(routing);
    let has_address = nodes
        .iter()
        .find(|(_, it)| it.internal_ips().iter().any(|it| mine.contains(it)));
    let host = host_name();
    let is_named = || nodes.iter().find(|it| *it.0 == host);
    match has_address.or_else(is_named) {
        Some((name, _)) => Ok(name.clone()),
        None => Err(Error::Input(format!(
            "none of the nodes {} is this machine, which is named {host:?} and has the addresses {}: say with --node which one it stands for",
            known.join(", "),
            listed(&mine)
        ))),
    }
}

/// The addresses by which others know this machine, in the kernel's order.
#[must_use]
pub fn addresses(routing: &Routing) -> Vec<IpAddr> {
    let interfaces = routing.interfaces.iter();
    interfaces
        .filter(|it| it.is_up && it.kind != InterfaceKind::Dummy)
        .flat_map(|it| &it.addresses)
        .map(|it| it.address)
        .filter(|it| !it.is_loopback() && !is_link_local(*it))
        .collect()
}

/// The address of a family that others know this machine by: that of the way out, or the first.
#[must_use]
pub fn primary(routing: &Routing, of: Family) -> Option<IpAddr> {
    let mine = addresses(routing);
    let mut mine = mine.into_iter().filter(|it| family(*it) == of);
    let on_way_out = way_out(routing, of).and_then(|route| {
        let by = route.interface.as_ref();
        let interface = routing.interfaces.iter().find(|it| Some(&it.name) == by)?;
        let mut addresses = interface.addresses.iter().map(|it| it.address);
        route
            .source
            .or_else(|| addresses.find(|it| family(*it) == of && !is_link_local(*it)))
    });
    on_way_out.or_else(|| mine.next())
}

/// The route of a family by which everything goes that has none of its own.
fn way_out(routing: &Routing, of: Family) -> Option<&FoundRoute> {
    let routes = routing.routes.iter();
    let ways_out = routes.filter(|it| it.to.length == 0 && family(it.to.address) == of);
    ways_out.min_by_key(|it| it.metric)
}

fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(it) => it.is_link_local(),
        IpAddr::V6(it) => it.is_unicast_link_local(),
    }
}

/// This machine's name.
#[must_use]
pub fn host_name() -> String {
    let told = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    told.trim().to_owned()
}

fn listed(addresses: &[IpAddr]) -> String {
    match addresses {
        [] => "none".to_owned(),
        some => {
            let texts: Vec<String> = some.iter().map(ToString::to_string).collect();
            texts.join(", ")
        }
    }
}
