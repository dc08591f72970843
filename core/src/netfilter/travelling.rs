//! A packet inside a host.
//!
//! Imitates what `struct sk_buff` carries beside the packet: mark, interfaces, connection, and whether ip_vs has
//! had it (`ipvs_property`).
//!
//! **Left out**: priorities, security marks, time stamps.

use super::Name;
use super::conntrack::{Tracking, Zone};
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
    /// The user whose socket sent it, where this host made it and it is known.
    pub uid: Option<u32>,
    /// What connection tracking found.
    pub tracking: Option<Tracking>,
    /// Whether a rule keeps connection tracking off it.
    pub untracked: bool,
    /// The zone a rule had it looked up in.
    pub zone: Zone,
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
            uid: None,
            tracking: None,
            untracked: false,
            zone: Zone::default(),
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
            uid: None,
            tracking: None,
            untracked: false,
            zone: Zone::default(),
            virtual_server: None,
        }
    }
}
