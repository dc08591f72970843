//! Nouns of the network: packets, flows, routes, interfaces.
//!
//! **Left out**: link-layer addresses and ARP; a packet that is routed to a neighbour arrives.

mod flow;
mod packet;
mod route;

pub use crate::ip::Protocol;
pub use flow::Flow;
pub use packet::{
    FieldValue, HeaderField, Icmp, Packet, TcpFlags, Transport, UnreachableCode, initial_ttl,
};
pub use route::{AddressType, Interface, Route, RouteKind, RouteTable};
