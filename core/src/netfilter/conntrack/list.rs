//! The table as `conntrack -L` prints it.
//!
//! conntrack-tools 1.4.7 with libnetfilter_conntrack 1.0.9 (`src/conntrack/snprintf_default.c`).
//!
//! **Left out**: counters of packets and bytes, which the kernel keeps only when it is told to; the count
//! of connections that the tool prints beside the table.

use super::{Connection, Conntrack, Zone};
use crate::ip::{Family, Protocol, family};
use crate::net::Flow;
use crate::netfilter::ct_status;
use crate::time::Instant;

/// One line for each connection of a family that is not over yet, in the order they were made.
#[must_use]
pub fn list(conntrack: &Conntrack, of: Family, now: Instant) -> String {
    conntrack
        .connections()
        .filter(|it| family(it.original.source) == of && !it.is_expired(now))
        .map(|it| line(it, now) + "\n")
        .collect()
}

fn line(connection: &Connection, now: Instant) -> String {
    let protocol = connection.original.protocol;
    let left = connection
        .expires
        .as_millis()
        .saturating_sub(now.as_millis());
    let name = match protocol {
        Protocol::Tcp => "tcp",
        Protocol::Udp => "udp",
        Protocol::Sctp => "sctp",
        Protocol::Icmp => "icmp",
        Protocol::Icmpv6 => "icmpv6",
    };
    let mut text = format!("{name:<8} {} {} ", protocol.number(), left / 1000);
    if let Some(state) = connection.state_name() {
        text += &format!("{state} ");
    }
    text += &flow(connection.original, true);
    if connection.status & ct_status::SEEN_REPLY == 0 {
        text += "[UNREPLIED] ";
    }
    text += &flow(connection.reply, false);
    if connection.status & ct_status::ASSURED != 0 {
        text += "[ASSURED] ";
    }
    text += &format!("mark={} ", connection.mark);
    match connection.zone {
        Zone { id: 0, .. } => {}
        Zone {
            id,
            direction: None,
        } => text += &format!("zone={id} "),
        Zone {
            id,
            direction: Some(super::Direction::Original),
        } => text += &format!("zone-orig={id} "),
        Zone { id, .. } => text += &format!("zone-reply={id} "),
    }
    text + "use=1"
}

fn flow(flow: Flow, is_original: bool) -> String {
    let addresses = format!("src={} dst={} ", flow.source, flow.destination);
    let (request, reply) = match flow.protocol {
        Protocol::Icmp => (8, 0),
        Protocol::Icmpv6 => (128, 129),
        _ => {
            let (source, destination) = (flow.source_port, flow.destination_port);
            return format!("{addresses}sport={source} dport={destination} ");
        }
    };
    let kind = if is_original { request } else { reply };
    format!("{addresses}type={kind} code=0 id={} ", flow.source_port)
}
