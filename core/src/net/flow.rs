//! One direction of a conversation: what connection tracking calls a tuple.
//!
//! Imitates `struct nf_conntrack_tuple` (Linux 6.18, `include/net/netfilter/nf_conntrack_tuple.h`).
//!
//! **Left out**: zones, GRE keys.

use super::packet::{Icmp, Packet, Transport};
use crate::ip::{IpAddr, Protocol, join_host_port};
use serde::Serialize;
use std::fmt;
use std::hash::{Hash, Hasher};

/// Who talks to whom, on which ports. For ICMP both ports hold the echo identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Flow {
    /// Transport protocol.
    pub protocol: Protocol,
    /// Source address.
    pub source: IpAddr,
    /// Source port.
    pub source_port: u16,
    /// Destination address.
    pub destination: IpAddr,
    /// Destination port.
    pub destination_port: u16,
}

impl Flow {
    /// The flow a packet belongs to. An ICMP error has none of its own: it belongs to the flow of
    /// the packet it is about.
    #[must_use]
    pub fn from_packet(packet: &Packet) -> Option<Flow> {
        let (source_port, destination_port) = match &packet.transport {
            Transport::Icmp(Icmp::EchoRequest { id } | Icmp::EchoReply { id }) => (*id, *id),
            _ => packet.ports()?,
        };
        Some(Flow {
            protocol: packet.protocol(),
            source: packet.source,
            source_port,
            destination: packet.destination,
            destination_port,
        })
    }

    /// The flow of the answers.
    #[must_use]
    pub fn reversed(self) -> Flow {
        Flow {
            protocol: self.protocol,
            source: self.destination,
            source_port: self.destination_port,
            destination: self.source,
            destination_port: self.source_port,
        }
    }
}

/// In as few words as it has: a flow is looked up at every hop.
impl Hash for Flow {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let ports = u32::from(self.source_port) << 16 | u32::from(self.destination_port);
        state.write_u64(u64::from(self.protocol.number()) << 32 | u64::from(ports));
        match (self.source, self.destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                let (source, destination) = (u32::from(source), u32::from(destination));
                state.write_u64(u64::from(source) << 32 | u64::from(destination));
            }
            (source, destination) => (source, destination).hash(state),
        }
    }
}

impl fmt::Display for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {} → {}",
            self.protocol,
            join_host_port(self.source, self.source_port),
            join_host_port(self.destination, self.destination_port)
        )
    }
}
