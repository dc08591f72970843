//! Matches of iptables that ask something outside the rules: an IP set, ip_vs, a bridge.
//!
//! Imitates `xt_set`, `xt_ipvs` and `xt_physdev` of Linux 6.18.
//!
//! **Left out**: of `set`, everything but `--match-set`; of `ipvs`, everything but `--vaddr`, `--vproto` and
//! `--vport`, and their negations; of `physdev`, everything but `--physdev-is-in`. What is left out is kept as
//! text and known to be unknown.

use super::ipvs::VirtualAddress;
use super::trace::KeptResult;
use super::{Datum, Name, Ruleset, Travelling};
use crate::ip::{Cidr, IpAddr};
use crate::net::{Packet, Protocol, RouteTable};
use serde::Serialize;
use std::fmt;

/// A match that asks something outside the rules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ModuleMatch {
    /// `-m set --match-set name dst,dst`
    Set {
        /// The set.
        set: Name,
        /// Which side of the packet each part of an element is compared with.
        sides: Vec<SetSide>,
        /// Whether the packet must not be in it.
        inverted: bool,
    },
    /// `-m ipvs --vaddr … --vproto … --vport …`: the packet is on its way from this virtual server.
    Ipvs {
        /// The virtual address.
        address: Option<Cidr>,
        /// The protocol.
        protocol: Option<Protocol>,
        /// The virtual port.
        port: Option<u16>,
    },
    /// `-m physdev --physdev-is-in`: the packet came in by a port of a bridge.
    PhysdevIsIn {
        /// Whether it must not have.
        inverted: bool,
    },
}

/// A side of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SetSide {
    /// Where it comes from.
    Source,
    /// Where it goes.
    Destination,
}

/// What such a match was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer<'a> {
    /// Whether it holds.
    pub(super) holds: bool,
    /// What the packet had.
    pub(super) found: Option<Datum>,
    /// In which set that was looked up, and with which result.
    pub(super) lookup: Option<(&'a Name, KeptResult)>,
}

impl SetSide {
    /// ipset's word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            SetSide::Source => "src",
            SetSide::Destination => "dst",
        }
    }

    pub(super) fn address(self, packet: &Packet) -> IpAddr {
        match self {
            SetSide::Source => packet.source,
            SetSide::Destination => packet.destination,
        }
    }

    pub(super) fn port(self, packet: &Packet) -> Option<u16> {
        match self {
            SetSide::Source => packet.source_port(),
            SetSide::Destination => packet.destination_port(),
        }
    }
}

impl ModuleMatch {
    /// Asks; none if it cannot be answered, because there is no such set.
    pub(super) fn ask(
        &self,
        ruleset: &Ruleset,
        routes: &RouteTable,
        it: &Travelling,
    ) -> Option<Answer<'_>> {
        let plainly = |holds| Answer {
            holds,
            found: None,
            lookup: None,
        };
        Some(match self {
            ModuleMatch::Set {
                set,
                sides,
                inverted,
            } => {
                let Some(key) = ruleset.ipvs.set(set)?.key(&it.packet, sides) else {
                    return Some(plainly(*inverted));
                };
                let is_there = ruleset.ipvs.set(set)?.find(&key).is_some();
                let result = match is_there {
                    true => KeptResult::Present,
                    false => KeptResult::Absent,
                };
                Answer {
                    holds: is_there != *inverted,
                    found: Some(key),
                    lookup: Some((set, result)),
                }
            }
            ModuleMatch::Ipvs {
                address,
                protocol,
                port,
            } => plainly(it.virtual_server.is_some_and(|it| {
                let VirtualAddress {
                    protocol: of,
                    address: at,
                    port: number,
                } = it;
                address.is_none_or(|it| it.contains(&at))
                    && protocol.is_none_or(|it| it == of)
                    && port.is_none_or(|it| it == number)
            })),
            ModuleMatch::PhysdevIsIn { inverted } => {
                let is_in = it.iif.as_ref().is_some_and(|it| routes.is_bridge(it));
                plainly(is_in != *inverted)
            }
        })
    }
}

impl fmt::Display for ModuleMatch {
    /// As iptables' commands write it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ModuleMatch::Set {
                set,
                sides,
                inverted,
            } => {
                let sides: Vec<&str> = sides.iter().map(|it| it.name()).collect();
                let not = if *inverted { "! " } else { "" };
                write!(f, "-m set {not}--match-set {set} {}", sides.join(","))
            }
            ModuleMatch::Ipvs {
                address,
                protocol,
                port,
            } => {
                f.write_str("-m ipvs")?;
                if let Some(it) = address {
                    match it.prefix_len() == it.max_prefix_len() {
                        true => write!(f, " --vaddr {}", it.addr())?,
                        false => write!(f, " --vaddr {it}")?,
                    }
                }
                if let Some(it) = protocol {
                    write!(f, " --vproto {}", it.name().to_ascii_lowercase())?;
                }
                if let Some(it) = port {
                    write!(f, " --vport {it}")?;
                }
                Ok(())
            }
            ModuleMatch::PhysdevIsIn { inverted } => {
                let not = if *inverted { "! " } else { "" };
                write!(f, "-m physdev {not}--physdev-is-in")
            }
        }
    }
}
