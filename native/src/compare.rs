//! Simulation against kernel: one flow through both, and every difference in words.
//!
//! Compared are, on every node the packet passes and for both ways: the packet as each hook meets
//! it, the base chains in order, the rules that matched in order with their verdicts, policies, the
//! connection's two tuples and its translation; and, for the client, the verdict, who answered, which
//! source the answerer saw, and what came back: a reset, an ICMP error of which kind from whom, or an answer from which address.
//!
//! **Left out**: rules that did not match (the kernel does not tell of them), time to live, and the
//! port masquerade chooses, which is luck on both sides.

mod client;
mod divided;
mod told;

use client::compare_client;
pub use divided::divided;
pub use told::{Hop, told_by_kernel, told_by_walk};

use crate::kernel::conntrack::{ConntrackEvent, ConntrackKind, Tuple};
use crate::kernel::monitor::Recording;
use crate::kernel::nft::Listing;
use crate::kernel::probe::Outcome;
use crate::kernel::trace::{
    PacketHeader, Pass, TraceKind, TracedPacket, Transport as KernelTransport,
    Verdict as KernelVerdict,
};
use packetwalk_core::ip::Family;
use packetwalk_core::net::{Flow, Icmp, Packet, Transport};
use packetwalk_core::netfilter::conntrack::Connection;
use packetwalk_core::netfilter::dialect::Dialect;
use packetwalk_core::netfilter::{
    Hook, Outcome as HookOutcome, Policy, Ruleset, TableFamily, TableKey, Trace, TraceEvent,
    ct_status,
};
use packetwalk_core::policy;
use packetwalk_core::sim::{HostId, Leg, Outcomes, Step, StepKind, Walk};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;

/// A difference between the simulation and the kernel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Disagreement {
    /// Where: `node-1, prerouting, request`.
    pub place: String,
    /// About what.
    pub about: String,
    /// What the simulation says.
    pub simulated: String,
    /// What the kernel says.
    pub kernel: String,
}

/// What a comparison came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Comparison {
    /// How many things were compared.
    pub n_steps: usize,
    /// Those that differ.
    pub disagreements: Vec<Disagreement>,
}

/// What the kernel knows of a flow: its events on every node, and the rules they name.
pub struct Observed<'a> {
    /// The events.
    pub recordings: &'a BTreeMap<HostId, Recording>,
    /// The listings.
    pub listing: &'a dyn Fn(&HostId, &TableKey) -> Option<&'a Listing>,
    /// The rules as the simulation has them.
    pub ruleset: &'a dyn Fn(&HostId) -> Option<&'a Ruleset>,
    /// The language rules are told in.
    pub dialect: Dialect,
    /// The connections that nodes knew before, where the packet belongs to one that is open.
    pub known: &'a BTreeMap<HostId, Vec<ConntrackEvent>>,
    /// What the client saw.
    pub outcome: &'a Outcome,
}

impl Observed<'_> {
    /// The connections that a node made meanwhile, or knew before.
    fn connections(&self, host: &HostId) -> impl Iterator<Item = &ConntrackEvent> {
        let made = self.recordings.get(host).into_iter();
        let known = self.known.get(host).into_iter().flatten();
        made.flat_map(Recording::connections).chain(known)
    }
}

impl fmt::Display for Disagreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {} differs", self.place, self.about)?;
        writeln!(f, "    simulation: {}", self.simulated)?;
        write!(f, "    kernel:     {}", self.kernel)
    }
}

impl Comparison {
    /// Adds another comparison's counts and differences.
    pub fn add(&mut self, other: Comparison) {
        self.n_steps += other.n_steps;
        self.disagreements.extend(other.disagreements);
    }

    /// Compares one thing.
    pub fn check(&mut self, place: &str, about: &str, simulated: String, kernel: String) {
        self.n_steps += 1;
        if simulated != kernel {
            self.disagreements.push(Disagreement {
                place: place.to_owned(),
                about: about.to_owned(),
                simulated,
                kernel,
            });
        }
    }
}

/// Compares a walk with what the kernel did with the same packet.
#[must_use]
pub fn compare(walk: &Walk, observed: &Observed<'_>) -> Comparison {
    let mut comparison = Comparison::default();
    let ports = MasqueradePorts::learn(walk, observed);
    compare_client(walk, observed.outcome, &mut comparison);
    let mut taken: BTreeMap<HostId, Vec<usize>> = BTreeMap::new();
    let packets: BTreeMap<&HostId, Vec<TracedPacket>> = observed
        .recordings
        .iter()
        .map(|(host, it)| (host, it.packets()))
        .collect();
    for passage in passages(walk) {
        let host = &passage[0].host;
        let Some(packets) = packets.get(host) else {
            continue;
        };
        let taken = taken.entry(host.clone()).or_default();
        let place = format!("{}, {}", host.short(), leg_name(passage[0].leg));
        let found = packets.iter().enumerate().find(|(idx, it)| {
            !taken.contains(idx)
                && it
                    .first
                    .as_ref()
                    .is_some_and(|it| ports.header(it) == header(&passage[0].before))
        });
        let Some((idx, packet)) = found else {
            let seen: Vec<String> = packets
                .iter()
                .filter_map(|it| it.first.as_ref())
                .map(|it| ports.header(it))
                .collect();
            comparison.check(
                &place,
                "the packet that comes in",
                header(&passage[0].before),
                if seen.is_empty() {
                    "no packet at all".into()
                } else {
                    seen.join(" | ")
                },
            );
            continue;
        };
        taken.push(idx);
        compare_passage(&passage, packet, observed, &ports, &mut comparison);
        compare_connection(&passage, observed, &ports, &mut comparison);
    }
    comparison
}

/// The way a walk and the kernel chose when several were open, told by the kernel's connections:
/// the translated destination on the first node that has one.
#[must_use]
pub fn chosen_destination(
    walk: &Walk,
    recordings: &BTreeMap<HostId, Recording>,
) -> Option<SocketAddr> {
    let first = walk.steps.first()?;
    let original = Flow::from_packet(&first.before)?;
    recordings
        .values()
        .flat_map(Recording::connections)
        .filter(|it| it.kind == ConntrackKind::New && it.status.destination_nat())
        .find(|it| flow(&it.original) == flow_text(&original))
        .map(|it| SocketAddr::new(it.reply.source, it.reply.source_port))
}

/// The way the kernel took among those the simulation knows: the one with the destination it chose, or, where its
/// connections do not tell (a load balancer on the way chose before), the one that differs least from what it did.
///
/// # Panics
/// Never: an exploration has at least one branch.
#[must_use]
pub fn way_drawn<'a>(ways: &'a Outcomes, observed: &Observed<'_>) -> (usize, &'a Walk) {
    let branches = &ways.ways.branches;
    let chosen = branches
        .first()
        .and_then(|it| chosen_destination(&it.result, observed.recordings))
        .map(|it| it.to_string());
    branches
        .iter()
        .enumerate()
        .find(|(_, it)| chosen.is_some() && it.result.ending.destination == chosen)
        .or_else(|| {
            let numbered = branches.iter().enumerate();
            numbered.min_by_key(|it| {
                if branches.len() == 1 {
                    return 0;
                }
                compare(&it.1.result, observed).disagreements.len()
            })
        })
        .map(|(idx, it)| (idx, &it.result))
        .expect("an exploration has at least one branch")
}

/// The consecutive hooks of one host on one leg.
fn passages(walk: &Walk) -> Vec<Vec<&Step>> {
    let hooks = walk
        .steps
        .iter()
        .filter(|it| matches!(it.kind, StepKind::Hook { .. }));
    let mut passages: Vec<Vec<&Step>> = Vec::new();
    for step in hooks {
        let goes_on = passages.last().is_some_and(|it| {
            let last = it[it.len() - 1];
            let begins_again = matches!(
                step.kind,
                StepKind::Hook {
                    hook: Hook::Prerouting | Hook::Output,
                    ..
                }
            );
            last.host == step.host && last.leg == step.leg && !begins_again
        });
        match passages.last_mut() {
            Some(passage) if goes_on => passage.push(step),
            _ => passages.push(vec![step]),
        }
    }
    passages
}

fn leg_name(leg: Leg) -> &'static str {
    match leg {
        Leg::Lookup => "look-up",
        Leg::Request => "request",
        Leg::Reply => "reply",
    }
}

/// The packet as each hook meets it, and the rules that matched.
fn compare_passage(
    passage: &[&Step],
    packet: &TracedPacket,
    observed: &Observed<'_>,
    ports: &MasqueradePorts,
    comparison: &mut Comparison,
) {
    // The simulation passes over base chains without rules, which is what iptables makes of most.
    let ruleset = (observed.ruleset)(&passage[0].host);
    let is_empty = |it: &&Pass| empty_at(ruleset, it).is_some();
    let mut kernel = packet.passes.iter().peekable();
    for step in passage {
        let StepKind::Hook { hook, trace, .. } = &step.kind else {
            continue;
        };
        let place = format!("{}, {hook}, {}", step.host.short(), leg_name(step.leg));
        for (n, pass) in simulated_passes(trace).into_iter().enumerate() {
            // What a hook gets is what its first chain sees, be it empty: later ones may come after
            // a translation.
            let mut at_hook = None;
            while let Some(it) = kernel.next_if(is_empty) {
                if empty_at(ruleset, it) == Some(*hook) {
                    at_hook = at_hook.or(it.packet.as_ref());
                }
            }
            let is_same =
                |it: &&Pass| (&*it.table, &it.base_chain) == (&*pass.table.name, &pass.base_chain);
            let Some(other) = kernel.next_if(is_same) else {
                let found = kernel.peek().map_or("nothing more".to_owned(), |it| {
                    format!("{} of {}", it.base_chain, it.table)
                });
                comparison.check(&place, "the base chain", pass.base_chain, found);
                return;
            };
            comparison.n_steps += 1;
            if n == 0
                && let Some(it) = at_hook.or(other.packet.as_ref())
            {
                comparison.check(
                    &place,
                    "the packet at the hook",
                    header(&step.before),
                    ports.header(it),
                );
            }
            compare_rules(&place, &step.host, &pass, other, observed, comparison);
        }
    }
    if let Some(more) = kernel.find(|it| !is_empty(it)) {
        let place = format!("{}, {}", passage[0].host.short(), leg_name(passage[0].leg));
        let after = "nothing more".to_owned();
        comparison.check(&place, "the base chain", after, more.base_chain.clone());
    }
}

/// The hook of a base chain that has no rules and lets everything pass; none for any other.
fn empty_at(ruleset: Option<&Ruleset>, pass: &Pass) -> Option<Hook> {
    // Linux's numbers: AF_INET and AF_INET6.
    let family = match pass.family {
        2 => TableFamily::Ip,
        10 => TableFamily::Ip6,
        _ => return None,
    };
    let key = TableKey::new(family, &pass.table);
    let chain = ruleset?.table(&key)?.chains.get(&pass.base_chain)?;
    let base = chain
        .base
        .filter(|it| it.policy == Policy::Accept && chain.rules.is_empty())?;
    Some(base.hook)
}

/// One base chain of a simulated trace.
struct SimulatedPass {
    table: TableKey,
    base_chain: String,
    decisions: Vec<Decision>,
}

/// A rule that matched, or a policy that was reached.
struct Decision {
    chain: String,
    rule: Option<usize>,
    verdict: String,
}

fn simulated_passes(trace: &Trace) -> Vec<SimulatedPass> {
    use packetwalk_core::netfilter::Entered;
    let mut passes: Vec<SimulatedPass> = Vec::new();
    for event in trace.events() {
        let decision = match &event {
            TraceEvent::ChainEntered {
                table,
                chain,
                entered: Entered::Hook,
            } => {
                passes.push(SimulatedPass {
                    table: table.clone(),
                    base_chain: chain.to_string(),
                    decisions: Vec::new(),
                });
                continue;
            }
            TraceEvent::RuleMatched {
                chain,
                rule,
                verdict,
                ..
            } => Decision {
                chain: chain.to_string(),
                rule: Some(*rule),
                verdict: verdict.to_string(),
            },
            TraceEvent::PolicyReached { chain, policy } => Decision {
                chain: chain.to_string(),
                rule: None,
                verdict: match policy {
                    Policy::Accept => "accept".into(),
                    Policy::Drop => "drop".into(),
                },
            },
            _ => continue,
        };
        if let Some(pass) = passes.last_mut() {
            pass.decisions.push(decision);
        }
    }
    passes
}

fn compare_rules(
    place: &str,
    host: &HostId,
    simulated: &SimulatedPass,
    kernel: &Pass,
    observed: &Observed<'_>,
    comparison: &mut Comparison,
) {
    let listing = (observed.listing)(host, &simulated.table);
    let ruleset = (observed.ruleset)(host);
    let mine: Vec<String> = simulated
        .decisions
        .iter()
        .map(|it| decided_by_simulation(it, ruleset, &simulated.table, observed.dialect))
        .collect();
    let theirs: Vec<String> = kernel
        .steps
        .iter()
        .filter(|it| it.kind != TraceKind::Return)
        .map(|it| decided_by_kernel(it, listing))
        .collect();
    let nothing = || "nothing more matches".to_owned();
    for idx in 0..mine.len().max(theirs.len()) {
        let mine = mine.get(idx).cloned().unwrap_or_else(nothing);
        let theirs = theirs.get(idx).cloned().unwrap_or_else(nothing);
        let same = canonical(&mine) == canonical(&theirs);
        let about = format!("decision {} of {}", idx + 1, simulated.base_chain);
        let kernel = if same { mine.clone() } else { theirs };
        comparison.check(place, &about, mine, kernel);
        if !same {
            // What follows a difference follows from it.
            return;
        }
    }
}

/// What identifies a decision: the text of the rule differs in spelling between the two.
fn canonical(decision: &str) -> &str {
    decision.split("  ").next().unwrap_or(decision)
}

fn decided_by_simulation(
    it: &Decision,
    ruleset: Option<&Ruleset>,
    table: &TableKey,
    dialect: Dialect,
) -> String {
    let Some(rule) = it.rule else {
        return format!("{}: policy {}", it.chain, it.verdict);
    };
    let dialect = if &*table.name == policy::TABLE {
        Dialect::Nft
    } else {
        dialect
    };
    let text = ruleset
        .and_then(|it| it.table(table))
        .and_then(|table| table.chains.get(&it.chain))
        .and_then(|chain| chain.rules.get(rule))
        .map(|it| dialect.words(it, table))
        .unwrap_or_default();
    let text: Vec<String> = text.into_iter().map(|it| it.text).collect();
    let text = text.join(" ");
    format!("{}: rule {} → {}  {text}", it.chain, rule + 1, it.verdict)
}

fn decided_by_kernel(it: &crate::kernel::trace::Step, listing: Option<&Listing>) -> String {
    let verdict = match &it.verdict {
        KernelVerdict::Accept => "accept".to_owned(),
        KernelVerdict::Drop => "drop".to_owned(),
        KernelVerdict::Continue => "continue".to_owned(),
        KernelVerdict::Return => "return".to_owned(),
        KernelVerdict::Jump(chain) => format!("jump {chain}"),
        KernelVerdict::Goto(chain) => format!("goto {chain}"),
        KernelVerdict::Other(code) => format!("verdict {code}"),
    };
    let Some(handle) = it.rule_handle else {
        return format!("{}: policy {verdict}", it.chain);
    };
    let Some((chain, rule)) = listing.and_then(|it| it.position(handle)) else {
        return format!("{}: a rule with handle {handle} → {verdict}", it.chain);
    };
    let text = listing
        .and_then(|it| it.chains.get(chain)?.get(rule))
        .map(|it| it.text.clone())
        .unwrap_or_default();
    format!("{chain}: rule {} → {verdict}  {text}", rule + 1)
}

/// The connection as the host's table has it.
fn compare_connection(
    passage: &[&Step],
    observed: &Observed<'_>,
    ports: &MasqueradePorts,
    comparison: &mut Comparison,
) {
    let last = passage[passage.len() - 1];
    let StepKind::Hook {
        connection: Some(connection),
        outcome: HookOutcome::Accepted,
        ..
    } = &last.kind
    else {
        return;
    };
    if last.leg == Leg::Reply || connection.status & ct_status::CONFIRMED == 0 {
        return;
    }
    let place = format!("{}, connection tracking", last.host.short());
    let mine = connection_text(connection);
    let found = observed
        .connections(&last.host)
        .filter(|it| matches!(it.kind, ConntrackKind::New | ConntrackKind::Listed))
        .map(|it| ports.connection(it))
        .find(|it| it.split(" | ").next() == mine.split(" | ").next());
    let theirs = found.unwrap_or_else(|| "no such connection".into());
    comparison.check(&place, "the connection", mine, theirs);
}

fn connection_text(it: &Connection) -> String {
    let bits = (
        it.status & ct_status::DNAT != 0,
        it.status & ct_status::SNAT != 0,
    );
    format!(
        "{} | {} | {}",
        flow_text(&it.original),
        flow_text(&it.reply),
        translated(bits)
    )
}

fn translated((dnat, snat): (bool, bool)) -> &'static str {
    match (dnat, snat) {
        (true, true) => "destination and source translated",
        (true, false) => "destination translated",
        (false, true) => "source translated",
        (false, false) => "not translated",
    }
}

fn flow_text(it: &Flow) -> String {
    ends(
        it.protocol.number(),
        SocketAddr::new(it.source, it.source_port),
        SocketAddr::new(it.destination, it.destination_port),
    )
}

fn flow(it: &Tuple) -> String {
    let (source_port, destination_port) = match it.icmp {
        Some((_, _, id)) => (id, id),
        None => (it.source_port, it.destination_port),
    };
    ends(
        it.protocol,
        SocketAddr::new(it.source, source_port),
        SocketAddr::new(it.destination, destination_port),
    )
}

fn ends(protocol: u8, source: SocketAddr, destination: SocketAddr) -> String {
    format!("protocol {protocol} {source} → {destination}")
}

/// The port masquerade chose is luck: the kernel's is read as the simulation's. The lot may fall on a port that is also the
/// application's or the Service's, so only the end that masquerade gave is read so, and never where the client's own end is still there.
struct MasqueradePorts {
    drawn: Vec<Drawn>,
}

/// A port that the kernel drew.
struct Drawn {
    /// The end it gave the connection.
    end: SocketAddr,
    /// The end it hides.
    hidden: SocketAddr,
    /// The simulation's port.
    port: u16,
}

impl MasqueradePorts {
    fn learn(walk: &Walk, observed: &Observed<'_>) -> Self {
        let mut drawn = Vec::new();
        for step in &walk.steps {
            let StepKind::Hook {
                connection: Some(mine),
                ..
            } = &step.kind
            else {
                continue;
            };
            if mine.status & ct_status::SNAT == 0 {
                continue;
            }
            let theirs = observed
                .connections(&step.host)
                .find(|it| flow(&it.original) == flow_text(&mine.original));
            if let Some(theirs) = theirs {
                let (reply, original) = (theirs.reply, theirs.original);
                let number = |id: Option<(u8, u8, u16)>, port| id.map_or(port, |it| it.2);
                drawn.push(Drawn {
                    end: SocketAddr::new(
                        reply.destination,
                        number(reply.icmp, reply.destination_port),
                    ),
                    hidden: SocketAddr::new(
                        original.source,
                        number(original.icmp, original.source_port),
                    ),
                    port: mine.reply.destination_port,
                });
            }
        }
        Self { drawn }
    }

    /// Both ends of a packet, with the simulation's port where the kernel drew one.
    fn ends(&self, mut ends: [SocketAddr; 2]) -> [SocketAddr; 2] {
        for it in &self.drawn {
            if ends.contains(&it.hidden) {
                continue;
            }
            if let Some(end) = ends.iter_mut().find(|end| **end == it.end) {
                end.set_port(it.port);
                break;
            }
        }
        ends
    }

    fn header(&self, it: &PacketHeader) -> String {
        let (source, destination) = it.transport.ports().unwrap_or_default();
        let kind = match &it.transport {
            KernelTransport::Tcp { flags, .. } => {
                tcp_kind(flags & 2 != 0, flags & 16 != 0, flags & 4 != 0)
            }
            KernelTransport::Ports { .. } => "".into(),
            KernelTransport::Icmp { kind, code, .. } => icmp_kind(*kind, *code),
            KernelTransport::Unknown => "unknown".into(),
        };
        let [source, destination] = self.ends([
            SocketAddr::new(it.source, source),
            SocketAddr::new(it.destination, destination),
        ]);
        format!("{} {kind}", ends(it.protocol, source, destination))
    }

    fn connection(&self, it: &ConntrackEvent) -> String {
        let [original, reply] = [it.original, it.reply].map(|it| {
            let id = it.icmp.map(|it| it.2);
            let before = [
                SocketAddr::new(it.source, id.unwrap_or(it.source_port)),
                SocketAddr::new(it.destination, id.unwrap_or(it.destination_port)),
            ];
            let after = self.ends(before);
            // An echo has one number for both ends.
            let changed = after.iter().zip(before).find(|it| *it.0 != it.1);
            let changed = changed.map(|it| it.0.port());
            Tuple {
                source_port: after[0].port(),
                destination_port: after[1].port(),
                icmp: it
                    .icmp
                    .map(|(kind, code, id)| (kind, code, changed.unwrap_or(id))),
                ..it
            }
        });
        let bits = (it.status.destination_nat(), it.status.source_nat());
        format!(
            "{} | {} | {}",
            flow(&original),
            flow(&reply),
            translated(bits)
        )
    }
}

fn header(packet: &Packet) -> String {
    let kind = match &packet.transport {
        Transport::Tcp { flags, .. } => tcp_kind(flags.syn, flags.ack, flags.rst),
        Transport::Udp { .. } | Transport::Sctp { .. } => String::new(),
        Transport::Icmp(message) => {
            let (kind, code) = icmp_numbers(message, packet.source.is_ipv4());
            icmp_kind(kind, code)
        }
    };
    let source = SocketAddr::new(packet.source, packet.source_port().unwrap_or_default());
    let port = packet.destination_port().unwrap_or_default();
    let destination = SocketAddr::new(packet.destination, port);
    format!(
        "{} {kind}",
        ends(packet.protocol().number(), source, destination)
    )
}

fn tcp_kind(syn: bool, ack: bool, rst: bool) -> String {
    let flags = [(syn, "SYN"), (ack, "ACK"), (rst, "RST")];
    let set: Vec<&str> = flags.iter().filter(|it| it.0).map(|it| it.1).collect();
    set.join(",")
}

fn icmp_kind(kind: u8, code: u8) -> String {
    format!("type {kind} code {code}")
}

/// Type and code of a message (RFC 792, RFC 4443).
fn icmp_numbers(message: &Icmp, is_v4: bool) -> (u8, u8) {
    match (message, is_v4) {
        (Icmp::EchoRequest { .. }, true) => (8, 0),
        (Icmp::EchoRequest { .. }, false) => (128, 0),
        (Icmp::EchoReply { .. }, true) => (0, 0),
        (Icmp::EchoReply { .. }, false) => (129, 0),
        (Icmp::Unreachable { code, .. }, true) => (3, code.number(Family::V4)),
        (Icmp::Unreachable { code, .. }, false) => (1, code.number(Family::V6)),
        (Icmp::TimeExceeded { .. }, true) => (11, 0),
        (Icmp::TimeExceeded { .. }, false) => (3, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::{Drawn, MasqueradePorts};
    use std::net::SocketAddr;

    #[test]
    fn a_masqueraded_port_may_be_the_port_of_the_application_or_of_the_node() {
        let end = |it: &str| -> SocketAddr { it.parse().expect("an end") };
        for port in [8080, 30_001] {
            let ports = MasqueradePorts {
                drawn: vec![Drawn {
                    end: SocketAddr::new(end("172.18.0.2:1").ip(), port),
                    hidden: end("10.244.2.3:40256"),
                    port: 64_659,
                }],
            };
            let masqueraded = SocketAddr::new(end("172.18.0.2:1").ip(), port);
            let (pod, client) = (end("10.244.1.2:8080"), end("10.244.2.3:40256"));
            let drawn = end("172.18.0.2:64659");
            assert_eq!(ports.ends([masqueraded, pod]), [drawn, pod]);
            assert_eq!(ports.ends([pod, masqueraded]), [pod, drawn]);
            // Before masquerade, and after it is undone.
            let asked = [client, masqueraded];
            assert_eq!(ports.ends(asked), asked);
            let answered = [masqueraded, client];
            assert_eq!(ports.ends(answered), answered);
        }
    }
}
