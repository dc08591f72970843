//! What the kernel told of many connections at once, connection by connection.
//!
//! A connection is known by the port its client took, and by the ports that masquerade gave it on its way, which the events of
//! connection tracking tell. An ICMP error carries no port, and is given to all.
//!
//! **Left out**: a port that masquerade drew and that somebody else has too: such a packet is told of to both, and told apart by
//! its addresses when it is compared.

use crate::kernel::conntrack::{ConntrackEvent, Tuple};
use crate::kernel::monitor::{Event, Recording};
use crate::kernel::trace::{PacketHeader, Transport};
use packetwalk_core::sim::HostId;
use std::collections::{BTreeMap, BTreeSet};

/// The types of echo, which carry a number like a port: of ICMP and of ICMPv6.
const ECHOES: [u8; 4] = [0, 8, 128, 129];

/// Whose events they are.
#[derive(Clone)]
enum Owners {
    These(BTreeSet<usize>),
    All,
}

/// What was told of each connection, by the ports of their clients.
#[must_use]
pub fn divided(
    heard: BTreeMap<HostId, Recording>,
    ports: &[u16],
) -> Vec<BTreeMap<HostId, Recording>> {
    let owners = owners_of_ports(&heard, ports);
    let mut parts: Vec<BTreeMap<HostId, Recording>> =
        ports.iter().map(|_| BTreeMap::new()).collect();
    for (host, recording) in heard {
        for part in &mut parts {
            // What was lost may have been anybody's.
            let mine = Recording {
                events: Vec::new(),
                n_overflows: recording.n_overflows,
                n_malformed: recording.n_malformed,
            };
            part.insert(host.clone(), mine);
        }
        let mut traced: BTreeMap<u32, Owners> = BTreeMap::new();
        for event in recording.events {
            let of = match &event {
                Event::Conntrack(it) => owners_of_connection(it, &owners),
                Event::Trace(it) => {
                    if let Some(header) = &it.packet {
                        traced.insert(it.trace_id, owners_of_packet(header, &owners));
                    }
                    let known = traced.get(&it.trace_id).cloned();
                    known.unwrap_or(Owners::All)
                }
            };
            let is_owner = |idx: &usize| match &of {
                Owners::These(some) => some.contains(idx),
                Owners::All => true,
            };
            let mine = parts.iter_mut().enumerate();
            for (_, part) in mine.filter(|it| is_owner(&it.0)) {
                if let Some(recording) = part.get_mut(&host) {
                    recording.events.push(event.clone());
                }
            }
        }
    }
    parts
}

/// Which connections have a port: their client's own, and whatever masquerade made of it.
fn owners_of_ports(
    heard: &BTreeMap<HostId, Recording>,
    ports: &[u16],
) -> BTreeMap<u16, BTreeSet<usize>> {
    let mut owners: BTreeMap<u16, BTreeSet<usize>> = BTreeMap::new();
    for (idx, port) in ports.iter().enumerate() {
        owners.entry(*port).or_default().insert(idx);
    }
    // A connection may be masqueraded on every host it passes.
    for _ in 0..heard.len() {
        let before = owners.clone();
        for it in heard.values().flat_map(Recording::connections) {
            let Some(of) = before.get(&client_port(&it.original)) else {
                continue;
            };
            let masqueraded = match it.reply.icmp {
                Some((_, _, id)) => id,
                None => it.reply.destination_port,
            };
            owners.entry(masqueraded).or_default().extend(of);
        }
        if owners == before {
            break;
        }
    }
    owners
}

fn client_port(original: &Tuple) -> u16 {
    match original.icmp {
        Some((_, _, id)) => id,
        None => original.source_port,
    }
}

fn owners_of_connection(it: &ConntrackEvent, owners: &BTreeMap<u16, BTreeSet<usize>>) -> Owners {
    let known = owners.get(&client_port(&it.original));
    Owners::These(known.cloned().unwrap_or_default())
}

fn owners_of_packet(header: &PacketHeader, owners: &BTreeMap<u16, BTreeSet<usize>>) -> Owners {
    let ends = match &header.transport {
        Transport::Icmp { kind, id, .. } if ECHOES.contains(kind) => [*id, *id],
        Transport::Icmp { .. } => return Owners::All,
        other => match other.ports() {
            Some((source, destination)) => [source, destination],
            None => return Owners::All,
        },
    };
    let of = ends.iter().filter_map(|it| owners.get(it)).flatten();
    Owners::These(of.copied().collect())
}
