//! Interfaces and routes of one host, and the question every packet asks: which way?
//!
//! Imitates the kernel's routing decision with its `local` and `main` tables (`ip-route(8)`).
//!
//! **Left out**: policy routing, metrics, multipath, reverse-path filtering.

use crate::ip::{Cidr, IpAddr, family};
use serde::Serialize;
use std::sync::Arc;

/// A network interface of a host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Interface {
    /// Its name: `eth0`, `cni0`, `veth…`.
    pub name: Arc<str>,
    /// Its addresses, each with the length of its prefix.
    pub addresses: Vec<Cidr>,
}

/// One line of a routing table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Route {
    /// Where to.
    pub destination: Cidr,
    /// The next router, if the destination is no direct neighbour.
    pub via: Option<IpAddr>,
    /// The interface to leave by.
    pub interface: Arc<str>,
    /// Delivered here, or sent on.
    pub kind: RouteKind,
}

/// What a route does with a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RouteKind {
    /// To this very host.
    Local,
    /// Onwards.
    Unicast,
}

/// What `fib … type` calls an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AddressType {
    /// Of this host.
    Local,
    /// Of somebody reachable.
    Unicast,
    /// Of everybody on a link.
    Broadcast,
    /// Of a group.
    Multicast,
    /// Of nobody this host knows a way to.
    Unspec,
    /// Of the nearest of several; no route here is of this type or those below.
    Anycast,
    /// Of nobody: packets to it are lost without a word.
    Blackhole,
    /// Of nobody: packets to it are refused.
    Unreachable,
    /// Of nobody: packets to it are forbidden.
    Prohibit,
}

/// A host's interfaces and routes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RouteTable {
    interfaces: Vec<Interface>,
    routes: Vec<Route>,
    /// Bridges among them.
    #[serde(skip)]
    bridges: Vec<Arc<str>>,
    /// Dummies among them: their addresses are this host's, but nobody outside is told.
    #[serde(skip)]
    dummies: Vec<Arc<str>>,
}

impl RouteTable {
    /// A table with the loopback interface only.
    #[must_use]
    pub fn with_loopback() -> Self {
        let mut table = Self::default();
        table.add_interface(
            "lo",
            &[
                "127.0.0.1/8".parse().expect("a range"),
                "::1/128".parse().expect("a range"),
            ],
        );
        table
    }

    /// Adds an interface, the local routes of its addresses and the connected routes of their
    /// prefixes.
    pub fn add_interface(&mut self, name: &str, addresses: &[Cidr]) {
        let name: Arc<str> = name.into();
        for address in addresses {
            let host = Cidr::from(address.addr());
            let whole = if address.addr().is_loopback() {
                address.trunc()
            } else {
                host
            };
            self.routes.push(Route {
                destination: whole,
                via: None,
                interface: name.clone(),
                kind: RouteKind::Local,
            });
            if address.prefix_len() < address.max_prefix_len() && !address.addr().is_loopback() {
                self.routes.push(Route {
                    destination: address.trunc(),
                    via: None,
                    interface: name.clone(),
                    kind: RouteKind::Unicast,
                });
            }
        }
        self.interfaces.push(Interface {
            name,
            addresses: addresses.to_vec(),
        });
    }

    /// Says that an interface is a bridge.
    pub fn mark_bridge(&mut self, name: &str) {
        self.bridges.push(name.into());
    }

    /// Whether an interface is a bridge.
    #[must_use]
    pub fn is_bridge(&self, name: &str) -> bool {
        self.bridges.iter().any(|it| **it == *name)
    }

    /// Adds a dummy interface: its addresses are local here, and stand on no link.
    pub fn add_dummy(&mut self, name: &str, addresses: &[Cidr]) {
        self.add_interface(name, addresses);
        self.dummies.push(name.into());
    }

    /// Whether this host has `address` on an interface that others reach it by.
    #[must_use]
    pub fn has_on_link(&self, address: IpAddr) -> bool {
        self.lookup(address)
            .is_some_and(|it| it.kind == RouteKind::Local && !self.dummies.contains(&it.interface))
    }

    /// Adds a route onwards.
    pub fn add_route(&mut self, destination: Cidr, via: Option<IpAddr>, interface: &str) {
        self.routes.push(Route {
            destination,
            via,
            interface: interface.into(),
            kind: RouteKind::Unicast,
        });
    }

    /// The route to `destination`: the longest prefix that holds it, local before the rest.
    #[must_use]
    pub fn lookup(&self, destination: IpAddr) -> Option<&Route> {
        self.routes
            .iter()
            .filter(|it| it.destination.contains(&destination))
            .max_by_key(|it| (it.kind == RouteKind::Local, it.destination.prefix_len()))
    }

    /// Whether `address` belongs to this host.
    #[must_use]
    pub fn is_local(&self, address: IpAddr) -> bool {
        self.lookup(address)
            .is_some_and(|it| it.kind == RouteKind::Local)
    }

    /// The type `fib` gives an address.
    #[must_use]
    pub fn address_type(&self, address: IpAddr) -> AddressType {
        if address.is_multicast() {
            return AddressType::Multicast;
        }
        match self.lookup(address) {
            Some(it) if it.kind == RouteKind::Local => AddressType::Local,
            Some(it) if is_broadcast(it, address) => AddressType::Broadcast,
            Some(_) => AddressType::Unicast,
            None => AddressType::Unspec,
        }
    }

    /// The same, counting only what is on this interface.
    #[must_use]
    pub fn address_type_on(&self, address: IpAddr, interface: &str) -> AddressType {
        if address.is_multicast() {
            return AddressType::Multicast;
        }
        let found = self
            .routes
            .iter()
            .filter(|it| it.destination.contains(&address) && &*it.interface == interface)
            .max_by_key(|it| (it.kind == RouteKind::Local, it.destination.prefix_len()));
        match found {
            Some(it) if it.kind == RouteKind::Local => AddressType::Local,
            Some(it) if is_broadcast(it, address) => AddressType::Broadcast,
            _ => AddressType::Unicast,
        }
    }

    /// The address this host puts on packets to `destination`: the first of that family on the
    /// interface they leave by, or, where that has none, on any other but loopback.
    #[must_use]
    pub fn source_for(&self, destination: IpAddr) -> Option<IpAddr> {
        let route = self.lookup(destination)?;
        if route.kind == RouteKind::Local {
            return Some(destination);
        }
        self.address_on(&route.interface, destination)
    }

    /// The address masquerade takes on `interface` for packets to `destination`.
    #[must_use]
    pub fn address_on(&self, interface: &str, destination: IpAddr) -> Option<IpAddr> {
        let of_family = |it: &&Interface| {
            it.addresses
                .iter()
                .map(|it| it.addr())
                .find(|it| family(*it) == family(destination))
        };
        self.interfaces
            .iter()
            .filter(|it| &*it.name == interface)
            .find_map(|it| of_family(&it))
            .or_else(|| {
                self.interfaces
                    .iter()
                    .filter(|it| &*it.name != "lo")
                    .find_map(|it| of_family(&it))
            })
    }

    /// All interfaces.
    #[must_use]
    pub fn interfaces(&self) -> &[Interface] {
        &self.interfaces
    }

    /// All routes, local ones included.
    #[must_use]
    pub fn routes(&self) -> &[Route] {
        &self.routes
    }
}

fn is_broadcast(route: &Route, address: IpAddr) -> bool {
    matches!(route.destination, Cidr::V4(_))
        && route.via.is_none()
        && route.destination.prefix_len() < 31
        && address == route.destination.broadcast()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node() -> RouteTable {
        let mut table = RouteTable::with_loopback();
        table.add_interface("eth0", &["172.18.0.3/16".parse().expect("a range")]);
        table.add_interface("cni0", &["10.244.1.1/24".parse().expect("a range")]);
        table.add_route(
            "10.244.2.0/24".parse().expect("a range"),
            "172.18.0.4".parse().ok(),
            "eth0",
        );
        table
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn the_longest_prefix_wins_and_local_comes_first() {
        let table = node();
        assert_eq!(
            table.lookup(ip("10.244.2.3")).and_then(|it| it.via),
            Some(ip("172.18.0.4"))
        );
        assert!(table.is_local(ip("10.244.1.1")));
        assert!(!table.is_local(ip("10.244.1.5")));
        assert!(table.lookup(ip("192.0.2.1")).is_none());
    }

    #[test]
    fn addresses_have_the_types_fib_knows() {
        let table = node();
        assert_eq!(table.address_type(ip("127.0.0.5")), AddressType::Local);
        assert_eq!(
            table.address_type(ip("10.244.1.255")),
            AddressType::Broadcast
        );
        assert_eq!(table.address_type(ip("10.244.1.5")), AddressType::Unicast);
        assert_eq!(table.address_type(ip("192.0.2.1")), AddressType::Unspec);
    }

    #[test]
    fn masquerade_takes_the_address_of_the_way_out() {
        let table = node();
        assert_eq!(table.source_for(ip("10.244.2.3")), Some(ip("172.18.0.3")));
        assert_eq!(table.source_for(ip("10.244.1.5")), Some(ip("10.244.1.1")));
    }
}
