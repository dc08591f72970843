//! What the kernel tells of a packet in the form of a walk: host by host, hook by hook, rule by rule; and a walk in the same form.
//!
//! The kernel's messages name neither the hook nor an order between hosts: the hook is that of the base chain, and hosts
//! come in the order of the walk beside which they are told. What the kernel did elsewhere comes after.
//!
//! **Left out**: routing, of which the kernel tells nothing; later packets of the same connection.

use super::{
    MasqueradePorts, Observed, canonical, connection_text, decided_by_kernel,
    decided_by_simulation, empty_at, header, passages, simulated_passes,
};
use crate::kernel::conntrack::ConntrackKind;
use crate::kernel::trace::{PacketHeader, Pass, TraceKind, TracedPacket, Transport};
use packetwalk_core::netfilter::conntrack::Connection;
use packetwalk_core::netfilter::{TableFamily, TableKey, ct_status};
use packetwalk_core::sim::{HostId, Leg, StepKind, Walk};
use serde::Serialize;
use std::collections::BTreeMap;

/// What happened at one hook of a host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Hop {
    /// The host.
    pub host: String,
    /// Whether it is the answer that passes.
    pub is_reply: bool,
    /// The hook; or the base chain, where nobody here knows its hook.
    pub hook: String,
    /// The packet as the hook meets it.
    pub packet: String,
    /// The rules that matched, and policies that were reached, in order.
    pub decisions: Vec<String>,
    /// The connection as the host remembers it, after the last hook.
    pub connection: Option<String>,
    /// The packet and the connection, with the simulation's port where the kernel drew one.
    #[serde(skip)]
    told: (String, Option<String>),
}

impl Hop {
    /// Whether both are about the same hook of the same host.
    #[must_use]
    pub fn is_where(&self, other: &Hop) -> bool {
        let place = |it: &Hop| (it.host.clone(), it.is_reply, it.hook.clone());
        place(self) == place(other)
    }

    /// Whether both tell of the same packet.
    #[must_use]
    pub fn has_packet_of(&self, other: &Hop) -> bool {
        self.told.0 == other.told.0
    }

    /// Whether both tell of the same connection.
    #[must_use]
    pub fn has_connection_of(&self, other: &Hop) -> bool {
        self.told.1 == other.told.1
    }

    /// A decision without the text of its rule, which the two spell differently.
    #[must_use]
    pub fn decision(&self, idx: usize) -> Option<&str> {
        self.decisions.get(idx).map(|it| canonical(it))
    }
}

/// A walk, hook by hook. Hooks at which no rule is asked are passed over, as the kernel passes over them.
#[must_use]
pub fn told_by_walk(walk: &Walk, observed: &Observed<'_>) -> Vec<Hop> {
    let mut hops = Vec::new();
    for passage in passages(walk) {
        let ruleset = (observed.ruleset)(&passage[0].host);
        for (n, step) in passage.iter().enumerate() {
            let StepKind::Hook {
                hook,
                trace,
                connection,
                ..
            } = &step.kind
            else {
                continue;
            };
            let passes = simulated_passes(trace);
            if passes.is_empty() {
                continue;
            }
            let decisions = passes.iter().flat_map(|pass| {
                let text = |it| decided_by_simulation(it, ruleset, &pass.table, observed.dialect);
                pass.decisions.iter().map(text)
            });
            let is_last = n + 1 == passage.len() && step.leg != Leg::Reply;
            // One that was not confirmed is forgotten with its packet.
            let is_kept = |it: &&Connection| it.status & ct_status::CONFIRMED != 0;
            let connection = connection.as_ref().filter(|it| is_last && is_kept(it));
            let connection = connection.map(connection_text);
            let packet = header(&step.before);
            hops.push(Hop {
                host: step.host.to_string(),
                is_reply: step.leg == Leg::Reply,
                hook: hook.to_string(),
                told: (packet.clone(), connection.clone()),
                packet,
                decisions: decisions.collect(),
                connection,
            });
        }
    }
    hops
}

/// What the kernel told of the same packet, hook by hook, in the order of the walk.
#[must_use]
pub fn told_by_kernel(walk: &Walk, observed: &Observed<'_>) -> Vec<Hop> {
    let ports = MasqueradePorts::learn(walk, observed);
    let mut rest: BTreeMap<&HostId, Vec<TracedPacket>> = observed
        .recordings
        .iter()
        .map(|(host, it)| (host, it.packets()))
        .collect();
    let mut hops = Vec::new();
    for passage in passages(walk) {
        let (host, leg) = (&passage[0].host, passage[0].leg);
        let expected = header(&passage[0].before);
        let is_it = |it: &TracedPacket| {
            let first = it.first.as_ref();
            first.is_some_and(|it| ports.header(it) == expected)
        };
        let Some((host, packets)) = rest.get_key_value(host).map(|it| (*it.0, it.1)) else {
            continue;
        };
        if let Some(idx) = packets.iter().position(is_it) {
            let packet = rest.get_mut(host).map(|it| it.remove(idx));
            hops.extend(
                packet
                    .into_iter()
                    .flat_map(|it| of_packet(host, leg, &it, observed, &ports)),
            );
        }
    }
    let client = walk.steps.first().and_then(|it| it.before.source_port());
    for (host, packets) in rest {
        for packet in packets {
            let begins = packet
                .first
                .as_ref()
                .is_some_and(|it| is_begun_by(it, client));
            if begins {
                hops.extend(of_packet(host, Leg::Request, &packet, observed, &ports));
            }
        }
    }
    hops
}

/// Whether it is the first packet of the exchange that a client began from a port.
fn is_begun_by(packet: &PacketHeader, port: Option<u16>) -> bool {
    let is_first = match &packet.transport {
        Transport::Tcp { flags, .. } => flags & 2 != 0 && flags & 16 == 0,
        Transport::Ports { .. } => true,
        Transport::Icmp { .. } | Transport::Unknown => false,
    };
    is_first && port.is_some() && packet.transport.ports().map(|it| it.0) == port
}

/// One packet's way through one host.
fn of_packet(
    host: &HostId,
    leg: Leg,
    packet: &TracedPacket,
    observed: &Observed<'_>,
    ports: &MasqueradePorts,
) -> Vec<Hop> {
    let real = MasqueradePorts { drawn: Vec::new() };
    let ruleset = (observed.ruleset)(host);
    let mut hops: Vec<Hop> = Vec::new();
    // A hook gets what its first chain sees, be it empty: later ones may come after a translation.
    let mut at_hook: Option<(String, &PacketHeader)> = None;
    for pass in &packet.passes {
        let hook = hook_of(host, pass, observed);
        if at_hook.as_ref().is_none_or(|it| it.0 != hook)
            && let Some(it) = &pass.packet
        {
            at_hook = Some((hook.clone(), it));
        }
        if empty_at(ruleset, pass).is_some() {
            continue;
        }
        let key = table_of(pass);
        let listing = key.as_ref().and_then(|it| (observed.listing)(host, it));
        let steps = pass.steps.iter().filter(|it| it.kind != TraceKind::Return);
        let decisions = steps.map(|it| decided_by_kernel(it, listing));
        if let Some(last) = hops.last_mut().filter(|it| it.hook == hook) {
            last.decisions.extend(decisions);
            continue;
        }
        let seen = at_hook.as_ref().map(|it| it.1).or(pass.packet.as_ref());
        let text = |ports: &MasqueradePorts| seen.map(|it| ports.header(it)).unwrap_or_default();
        hops.push(Hop {
            host: host.to_string(),
            is_reply: leg == Leg::Reply,
            hook,
            packet: text(&real),
            decisions: decisions.collect(),
            connection: None,
            told: (text(ports), None),
        });
    }
    let connection = packet.passes.iter().rev().find_map(|it| it.ct);
    let connection = connection.filter(|_| leg != Leg::Reply).and_then(|ct| {
        let mut known = observed.connections(host);
        known.find(|it| it.kind == ConntrackKind::New && it.id == Some(ct.id))
    });
    if let (Some(connection), Some(last)) = (connection, hops.last_mut()) {
        last.connection = Some(real.connection(connection));
        last.told.1 = Some(ports.connection(connection));
    }
    hops
}

/// The hook of a base chain that this world's rules have; of any other its name, and its table's.
fn hook_of(host: &HostId, pass: &Pass, observed: &Observed<'_>) -> String {
    let known = table_of(pass).and_then(|key| {
        let table = (observed.ruleset)(host)?.table(&key)?;
        table.chains.get(&pass.base_chain)?.base
    });
    match known {
        Some(base) => base.hook.to_string(),
        None => format!("{} of table {}", pass.base_chain, pass.table),
    }
}

fn table_of(pass: &Pass) -> Option<TableKey> {
    // Linux's numbers: NFPROTO_INET, AF_INET and AF_INET6.
    let family = match pass.family {
        1 => TableFamily::Inet,
        2 => TableFamily::Ip,
        10 => TableFamily::Ip6,
        _ => return None,
    };
    Some(TableKey::new(family, &pass.table))
}
