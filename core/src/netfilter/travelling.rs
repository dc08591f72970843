//! A packet inside a host.
//!
//! Imitates what `struct sk_buff` carries beside the packet: mark, interfaces, connection, and whether ip_vs has
//! had it (`ipvs_property`).
//!
//! **Left out**: priorities, security marks, time stamps.

use super::Name;
use super::conntrack::Tracking;
use super::ipvs::VirtualAddress;
use crate::net::Packet;

/// A packet inside a host, with what the host knows about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Travelling {
    /// The packet.
    pub packet: Packet,
    /// The mark.
    pub mark: u32,
    /// The interface it came in by; none if this host made it.
    pub iif: Option<Name>,
    /// The interface it will leave by; none before routing.
    pub oif: Option<Name>,
    /// What connection tracking found.
    pub tracking: Option<Tracking>,
    /// The virtual server ip_vs took it for: it takes no packet twice.
    pub virtual_server: Option<VirtualAddress>,
}

impl Travelling {
    /// A packet that came in by `iif`.
    #[must_use]
    pub fn arriving(packet: Packet, iif: &str) -> Self {
        Travelling {
            packet,
            mark: 0,
            iif: Some(iif.into()),
            oif: None,
            tracking: None,
            virtual_server: None,
        }
    }

    /// A packet this host made, which would leave by `oif`.
    #[must_use]
    pub fn made_here(packet: Packet, oif: &str) -> Self {
        Travelling {
            packet,
            mark: 0,
            iif: None,
            oif: Some(oif.into()),
            tracking: None,
            virtual_server: None,
        }
    }
}
