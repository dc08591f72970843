//! ip_vs: virtual servers, the real servers behind them, and the connections it keeps.
//!
//! Imitates `net/netfilter/ipvs` of Linux 6.18 as far as forwarding by NAT goes (`ip_vs_core.c`, `ip_vs_xmit.c`,
//! `ip_vs_conn.c`): requests are taken at input (priority 99) and output (-98), answers are given their address
//! back at input (98), output (-99) and forward (100). A packet that was taken goes on by output and postrouting.
//! `conntrack=1` and `expire_nodest_conn=1` are set, as kube-proxy sets them.
//!
//! **Left out**: direct routing and tunnels; firewall marks; FTP; synchronisation between directors; one-packet
//! scheduling; chains of other priorities between ip_vs's own (they are taken as standing before it); ICMP errors that
//! a client sends to a virtual server; which real server comes first where the kernel's list was filled in an order nobody
//! knows: that is a choice, drawn or explored.

mod pass;
mod scheduler;
mod state;

pub use scheduler::Scheduler;
pub use state::{Connection, State};

use super::ipset::IpSet;
use super::{Name, Tag};
use crate::ip::{IpAddr, join_host_port};
use crate::net::Protocol;
use serde::Serialize;
use std::fmt;

/// The virtual servers and IP sets of a host, and the addresses it takes on for them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Ipvs {
    servers: Vec<VirtualServer>,
    sets: Vec<IpSet>,
    addresses: Vec<BoundAddress>,
}

/// An address that was put on an interface for a virtual server.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct BoundAddress {
    /// The interface.
    pub interface: Name,
    /// The address.
    pub address: IpAddr,
}

/// Where a virtual server is met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct VirtualAddress {
    /// The protocol.
    pub protocol: Protocol,
    /// The address.
    pub address: IpAddr,
    /// The port.
    pub port: u16,
}

/// A virtual server.
#[derive(Clone, Debug, Serialize)]
pub struct VirtualServer {
    /// Where it is met.
    pub at: VirtualAddress,
    /// How it chooses a real server.
    pub scheduler: Scheduler,
    /// For how many seconds a client keeps its real server, if it does.
    pub persistent_secs: Option<u32>,
    /// Those it chooses from, in the order they were added.
    pub real_servers: Vec<RealServer>,
    /// What its author knows it by.
    #[serde(skip)]
    pub tag: Option<Tag>,
}

/// A real server.
#[derive(Clone, Debug, Serialize)]
pub struct RealServer {
    /// Its address.
    pub address: IpAddr,
    /// Its port.
    pub port: u16,
    /// How much it is to get, against the others; nothing new, if zero.
    pub weight: u32,
    /// What its author knows it by.
    #[serde(skip)]
    pub tag: Option<Tag>,
}

/// What ip_vs did with a packet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "ipvs", rename_all = "kebab-case")]
pub enum Event {
    /// The address is that of virtual servers, but none has this protocol and port.
    NoServer {
        /// Where there is none.
        at: VirtualAddress,
    },
    /// A new connection was given a real server.
    Scheduled {
        /// The virtual server.
        server: VirtualAddress,
        /// The real server, `10.244.1.5:8080`.
        to: String,
        /// Why this one.
        choice: Choice,
    },
    /// The connection has its real server.
    Known {
        /// The virtual server.
        server: VirtualAddress,
        /// The real server.
        to: String,
    },
    /// There is no real server to be had.
    NoRealServer {
        /// The virtual server.
        server: VirtualAddress,
    },
    /// An answer got the virtual server's address back.
    Answered {
        /// The virtual server.
        server: VirtualAddress,
        /// The real server that answered.
        from: String,
    },
    /// A packet from loopback would leave this host: it is dropped.
    FromLoopback {
        /// The virtual server.
        server: VirtualAddress,
    },
}

/// Why a real server was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Choice {
    /// The scheduler said so.
    Scheduler,
    /// The client was there before.
    Persistence,
}

/// Two virtual servers are alike when they print alike: the tag is no part of them.
impl PartialEq for VirtualServer {
    fn eq(&self, other: &Self) -> bool {
        (
            &self.at,
            self.scheduler,
            self.persistent_secs,
            &self.real_servers,
        ) == (
            &other.at,
            other.scheduler,
            other.persistent_secs,
            &other.real_servers,
        )
    }
}

impl Eq for VirtualServer {}

impl PartialEq for RealServer {
    fn eq(&self, other: &Self) -> bool {
        (self.address, self.port, self.weight) == (other.address, other.port, other.weight)
    }
}

impl Eq for RealServer {}

impl fmt::Display for VirtualAddress {
    /// `TCP 10.96.0.10:80`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let protocol = self.protocol.name().to_ascii_uppercase();
        write!(f, "{protocol} {}", join_host_port(self.address, self.port))
    }
}

impl fmt::Display for RealServer {
    /// `10.244.1.5:8080`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&join_host_port(self.address, self.port))
    }
}

impl Ipvs {
    /// Whether there is nothing at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.servers.is_empty() && self.sets.is_empty() && self.addresses.is_empty()
    }

    /// Adds a virtual server; one that stands at its address already stays.
    pub fn add_server(&mut self, server: VirtualServer) {
        let at = self.servers.binary_search_by_key(&server.at, |it| it.at);
        if let Err(at) = at {
            self.servers.insert(at, server);
        }
    }

    /// Adds a set at the end; one of the same name is replaced where it stands.
    pub fn add_set(&mut self, set: IpSet) {
        match self.sets.iter_mut().find(|it| it.name == set.name) {
            Some(it) => *it = set,
            None => self.sets.push(set),
        }
    }

    /// Puts an address on an interface.
    pub fn bind(&mut self, interface: &str, address: IpAddr) {
        let bound = BoundAddress {
            interface: interface.into(),
            address,
        };
        crate::sorted::insert_once(&mut self.addresses, bound);
    }

    /// Adds all of another's.
    pub fn extend(&mut self, other: &Ipvs) {
        for server in &other.servers {
            match self.servers.binary_search_by_key(&server.at, |it| it.at) {
                Ok(at) => self.servers[at] = server.clone(),
                Err(at) => self.servers.insert(at, server.clone()),
            }
        }
        for set in &other.sets {
            self.add_set(set.clone());
        }
        for it in &other.addresses {
            self.bind(&it.interface, it.address);
        }
    }

    /// All virtual servers, by protocol, address and port.
    #[must_use]
    pub fn servers(&self) -> &[VirtualServer] {
        &self.servers
    }

    /// The virtual server at an address.
    #[must_use]
    pub fn server(&self, at: &VirtualAddress) -> Option<&VirtualServer> {
        let idx = self.servers.binary_search_by_key(at, |it| it.at).ok()?;
        self.servers.get(idx)
    }

    /// All sets, in the order they were made.
    #[must_use]
    pub fn sets(&self) -> &[IpSet] {
        &self.sets
    }

    /// The set of this name.
    #[must_use]
    pub fn set(&self, name: &str) -> Option<&IpSet> {
        self.sets.iter().find(|it| &*it.name == name)
    }

    /// The set of this name, to be filled.
    pub fn set_mut(&mut self, name: &str) -> Option<&mut IpSet> {
        self.sets.iter_mut().find(|it| &*it.name == name)
    }

    /// The addresses that were put on interfaces.
    #[must_use]
    pub fn addresses(&self) -> &[BoundAddress] {
        &self.addresses
    }
}
