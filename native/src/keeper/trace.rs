//! A real packet in a lab that stays, as the kernel tells of it, in the form of a walk; beside it, if wished, the simulation's.
//!
//! Tracing is switched on for this one packet, on every node, and off again.
//!
//! **Left out**: names are looked up as the simulation does it; `lab exec` with dig asks for real. The simulation knows nothing of
//! which endpoint real clients stick to (`sessionAffinity`), nor of rules that somebody added by hand.

use super::Keeper;
use super::talk::{Form, Question, Reply, Said};
use crate::compare::{Comparison, Hop, Observed, compare, told_by_kernel, told_by_walk, way_drawn};
use crate::error::Error;
use crate::kernel::monitor::{Monitor, Recording};
use crate::kernel::nft::{self, Listing};
use crate::kernel::probe::{self, Outcome, Probe};
use crate::kernel::serve::read_line;
use crate::kernel::trace::{Scope, TRACE_FAMILY, TRACE_TABLE, tracing_rules};
use crate::kernel::{Lab, Namespace};
use crate::lab::{host_name, nodes, probe_protocol, simulated_rules, way_in};
use packetwalk_core::ip::IpAddr;
use packetwalk_core::net::Protocol;
use packetwalk_core::netfilter::{TableFamily, TableKey};
use packetwalk_core::sim::{Destination, HostId, Request, Source, Walk, World, outcomes};
use packetwalk_core::view;
use serde_json::json;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::SocketAddr;
use std::time::Duration;

/// The most ways of a request that are explored.
const MAX_WAYS: usize = 4096;
/// How long the kernel must have been silent before a packet's story counts as told.
const QUIET: Duration = Duration::from_millis(25);
const AT_MOST: Duration = Duration::from_secs(2);
/// The first port of ours: below those that Linux gives to others.
pub(super) const FIRST_PORT: u16 = 20_000;
const LAST_PORT: u16 = 32_000;
/// How wide the kernel's column is at least.
const COLUMN: usize = 48;

/// What a real packet came to.
struct Traced<'a> {
    walk: &'a Walk,
    outcome: &'a Outcome,
    kernel: Vec<Hop>,
    simulation: Vec<Hop>,
    comparison: Comparison,
    n_lost: usize,
    has_affinity: bool,
}

/// Whether any Service has clients stick to endpoints.
fn has_affinity(world: &World) -> bool {
    let mut services = world.objects.services.values();
    services.any(|it| it.spec.session_affinity.as_deref() == Some("ClientIP"))
}

impl Keeper {
    /// Sends a packet, and tells what became of it.
    pub(super) fn trace(&mut self, question: &Question) -> Result<Reply, Error> {
        let protocol = Protocol::from_name(&question.protocol).unwrap_or(Protocol::Tcp);
        let from = Source::parse(&question.from)?;
        let to = Destination::parse(&question.to, protocol)?;
        let asked = outcomes(
            &self.world,
            &Request::new(from.clone(), to.clone()),
            MAX_WAYS,
        )?;
        let first = asked.ways.branches.first().map(|it| &it.result);
        let sent = first.and_then(|it| Some((it, it.steps.first()?.before.destination)));
        let Some((first, address)) = sent else {
            let ending = first.map(|it| view::ending(&it.ending).sentence);
            return Ok(Reply {
                said: vec![Said::Out(format!(
                    "no packet is sent: {}\n",
                    ending.unwrap_or_default()
                ))],
                code: 0,
            });
        };
        let host = first.from.clone();
        let Some(probed) = probe_protocol(protocol) else {
            return Err(Error::NotRun(format!(
                "a lab cannot send {protocol}: try tcp, udp or icmp"
            )));
        };
        self.port = match self.port {
            LAST_PORT.. => FIRST_PORT,
            it => it + 1,
        };
        let to = Destination {
            name: address.to_string(),
            url: None,
            ..to
        };
        let mut request = Request::new(from, to.clone());
        request.source_port = Some(self.port);
        request.enter_at = (host == HostId::Outside)
            .then(|| way_in(&self.world, address))
            .flatten();
        let ways = outcomes(&self.world, &request, MAX_WAYS)?;
        let at = SocketAddr::new(address, to.port.unwrap_or_default());
        let probe = Probe::new(probed, at).from_port(self.port);
        let place = self.lab.host(&host_name(&host))?;
        let told = listened(&self.world, &self.lab, || Ok(probe::send(place, &probe)?))?;
        let observed = Observed {
            recordings: &told.recordings,
            listing: &|host, table| told.listings.get(&(host.clone(), table.clone())),
            ruleset: &|host| simulated_rules(&self.world, host),
            dialect: self.world.mode.dialect,
            known: &BTreeMap::new(),
            outcome: &told.outcome,
        };
        let (_, walk) = way_drawn(&ways, &observed);
        let traced = Traced {
            walk,
            outcome: &told.outcome,
            kernel: told_by_kernel(walk, &observed),
            simulation: told_by_walk(walk, &observed),
            has_affinity: has_affinity(&self.world),
            comparison: compare(walk, &observed),
            n_lost: told
                .recordings
                .values()
                .filter(|it| !it.is_complete())
                .count(),
        };
        reply(question, address, &traced)
    }
}

/// What the kernel told while something was done.
struct Told {
    outcome: Outcome,
    recordings: BTreeMap<HostId, Recording>,
    listings: BTreeMap<(HostId, TableKey), Listing>,
}

/// Does something while every node's kernel tells of each packet.
fn listened(
    world: &World,
    lab: &Lab,
    work: impl FnOnce() -> Result<Outcome, Error>,
) -> Result<Told, Error> {
    let mut places: BTreeMap<HostId, &Namespace> = BTreeMap::new();
    for host in nodes(world) {
        places.insert(host.id.clone(), lab.host(&host_name(&host.id))?);
    }
    let told = (|| {
        let mut listings = BTreeMap::new();
        let mut monitors = BTreeMap::new();
        for (host, place) in &places {
            for (family, table) in nft::tables(*place)? {
                let families = [TableFamily::Ip, TableFamily::Ip6, TableFamily::Inet];
                if let Some(of) = families.into_iter().find(|it| it.name() == family) {
                    let listing = nft::list(*place, &family, &table)?;
                    listings.insert((host.clone(), TableKey::new(of, &table)), listing);
                }
            }
            monitors.insert(host.clone(), Monitor::open(*place)?);
            nft::load(*place, &tracing_rules(Scope::Every))?;
        }
        let outcome = work()?;
        let mut recordings = BTreeMap::new();
        for (host, mut monitor) in monitors {
            // The first is waited for; by then the others have long been told.
            let quiet = match recordings.is_empty() {
                true => QUIET,
                false => Duration::from_millis(1),
            };
            recordings.insert(host, monitor.collect(quiet, AT_MOST)?);
        }
        Ok(Told {
            outcome,
            recordings,
            listings,
        })
    })();
    let mut ended = Ok(());
    for place in places.values() {
        ended = ended.and(nft::delete_table(*place, TRACE_FAMILY, TRACE_TABLE));
    }
    // What went wrong first is what is told.
    told.and_then(|it| Ok(ended.map(|()| it)?))
}

fn reply(question: &Question, address: IpAddr, traced: &Traced<'_>) -> Result<Reply, Error> {
    let n_differences = traced.comparison.disagreements.len();
    let differs = question.compare && n_differences > 0;
    let text = match question.form {
        Form::Json => {
            let value = json!({
                "from": question.from,
                "to": question.to,
                "address": address,
                "answered": sentence(traced.outcome),
                "kernel": traced.kernel,
                "simulation": question.compare.then_some(&traced.simulation),
                "comparison": question.compare.then_some(&traced.comparison),
                "complete": traced.n_lost == 0,
            });
            let text = serde_json::to_string_pretty(&value);
            text.map_err(std::io::Error::other)? + "\n"
        }
        Form::Text => as_text(question, traced),
    };
    let mut said = vec![Said::Out(text)];
    if traced.n_lost > 0 {
        said.push(Said::Err(format!(
            "the kernel could not deliver all it had to tell on {} nodes: the trace is incomplete\n",
            traced.n_lost
        )));
    }
    Ok(Reply {
        said,
        code: u8::from(differs),
    })
}

fn as_text(question: &Question, traced: &Traced<'_>) -> String {
    let mut text = String::new();
    let name = traced.walk.from.short();
    if let Some(first) = traced.walk.steps.first() {
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{name} sends a real packet to {}, for {}",
            first.before.destination, question.to
        );
    }
    if question.compare {
        side_by_side(traced, &mut text);
    } else {
        for (n, hop) in traced.kernel.iter().enumerate() {
            let packet = spoken(&hop.packet);
            let _ = writeln!(text, "{:<32} {}", title(n, hop), packet.trim_end());
            for it in &hop.decisions {
                let _ = writeln!(text, "        {it}");
            }
            if let Some(it) = &hop.connection {
                let _ = writeln!(text, "        connection {}", spoken(it));
            }
        }
    }
    let _ = writeln!(text, "{}", sentence(traced.outcome));
    if question.compare {
        for it in &traced.comparison.disagreements {
            let _ = writeln!(text, "\n{it}");
        }
        let _ = writeln!(
            text,
            "{} things compared, {} differences",
            traced.comparison.n_steps,
            traced.comparison.disagreements.len()
        );
        if !traced.comparison.disagreements.is_empty() && traced.has_affinity {
            let _ = writeln!(
                text,
                "(the simulation does not know which endpoints real clients stick to: sessionAffinity)"
            );
        }
    }
    text
}

/// Number, direction, host and hook, as a walk has them.
fn title(n: usize, hop: &Hop) -> String {
    let arrow = if hop.is_reply { '←' } else { '→' };
    let host = hop.host.rsplit('/').next().unwrap_or_default();
    let place = format!("{host}, {}", hop.hook);
    format!("{:>3} {arrow} {place}", n + 1)
}

/// Protocols by name, and a ping without the ports it has not.
fn spoken(text: &str) -> String {
    let names = [(6, "tcp"), (17, "udp"), (1, "icmp"), (58, "icmpv6")];
    let mut text = text.to_owned();
    for (number, name) in names {
        text = text.replace(&format!("protocol {number} "), &format!("{name} "));
    }
    if text.contains(" type ") {
        text = text.replace(":0 ", " ");
    }
    text
}

/// A line of both columns; a title has nothing beside it.
struct Row {
    kernel: String,
    simulation: Option<String>,
    is_same: bool,
}

/// The kernel's hops and the simulation's, each beside the other where both tell of the same hook.
fn side_by_side(traced: &Traced<'_>, text: &mut String) {
    let mut simulated = traced.simulation.iter().peekable();
    let mut pairs = Vec::new();
    for kernel in &traced.kernel {
        // What only the simulation knows comes where it would have happened.
        let is_ahead = simulated.clone().any(|it| it.is_where(kernel));
        while let Some(it) = simulated.next_if(|it| is_ahead && !it.is_where(kernel)) {
            pairs.push((None, Some(it)));
        }
        let same = simulated.next_if(|it| it.is_where(kernel));
        pairs.push((Some(kernel), same));
    }
    pairs.extend(simulated.map(|it| (None, Some(it))));
    let rows = pairs.iter().enumerate();
    let rows: Vec<Row> = rows.flat_map(|(n, it)| rows_of(n, it.0, it.1)).collect();
    let widths = rows.iter().filter(|it| it.simulation.is_some());
    let width = widths
        .map(|it| it.kernel.chars().count())
        .fold(COLUMN, usize::max);
    // Writing to a String cannot fail.
    let _ = writeln!(text, "    {:<width$}   simulation", "kernel");
    for it in rows {
        let _ = match it.simulation {
            None => writeln!(text, "{}", it.kernel),
            Some(simulation) => {
                let mark = if it.is_same { '=' } else { '≠' };
                writeln!(text, "    {:<width$} {mark} {simulation}", it.kernel)
            }
        };
    }
}

fn rows_of(n: usize, kernel: Option<&Hop>, simulated: Option<&Hop>) -> Vec<Row> {
    let Some(either) = kernel.or(simulated) else {
        return Vec::new();
    };
    let mut rows = vec![Row {
        kernel: title(n, either),
        simulation: None,
        is_same: true,
    }];
    let mut row = |is_same: bool, kernel: &str, simulation: &str| {
        rows.push(Row {
            kernel: spoken(kernel).trim_end().to_owned(),
            simulation: Some(spoken(simulation).trim_end().to_owned()),
            is_same,
        });
    };
    let agree =
        |test: fn(&Hop, &Hop) -> bool| kernel.zip(simulated).is_some_and(|it| test(it.0, it.1));
    let packet = |it: Option<&Hop>| it.map(|it| it.packet.clone()).unwrap_or_default();
    let is_same = agree(Hop::has_packet_of);
    row(is_same, &packet(kernel), &packet(simulated));
    let n_decisions = |it: Option<&Hop>| it.map_or(0, |it| it.decisions.len());
    for idx in 0..n_decisions(kernel).max(n_decisions(simulated)) {
        let [a, b] = [kernel, simulated].map(|it| it.and_then(|it| it.decision(idx)));
        row(a == b, a.unwrap_or_default(), b.unwrap_or_default());
    }
    let connection = |it: Option<&Hop>| it.and_then(|it| it.connection.clone()).unwrap_or_default();
    let (a, b) = (connection(kernel), connection(simulated));
    if !a.is_empty() || !b.is_empty() {
        let is_same = agree(Hop::has_connection_of);
        for (a, b) in parts(&a, &b) {
            row(is_same, a, b);
        }
    }
    rows
}

/// Both tuples of a connection and what was translated, a line each.
fn parts<'a>(a: &'a str, b: &'a str) -> Vec<(&'a str, &'a str)> {
    let split = |it: &'a str| it.split(" | ").collect::<Vec<_>>();
    let (a, b) = (split(a), split(b));
    let part = |of: &[&'a str], idx: usize| of.get(idx).copied().unwrap_or_default();
    (0..a.len().max(b.len()))
        .map(|idx| (part(&a, idx), part(&b, idx)))
        .collect()
}

/// What the client saw.
fn sentence(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Connected { reply, peer, .. } => match read_line(reply) {
            Some((name, seen)) => format!("connected: {name} answers, and saw {seen}"),
            None if peer.port() == 0 => format!("connected: {} answers", peer.ip()),
            None => format!("connected: {peer} answers"),
        },
        Outcome::Refused { by, .. } => match by {
            probe::Refusal::Reset => "refused: by a TCP reset".to_owned(),
            probe::Refusal::Icmp(it) => format!(
                "refused: by ICMP type {} code {}{}",
                it.kind,
                it.code,
                from(it)
            ),
        },
        Outcome::TimedOut {
            stage: probe::Stage::Connecting,
            ..
        } => "timed out: no connection".to_owned(),
        Outcome::TimedOut {
            stage: probe::Stage::Answering,
            ..
        } => "timed out: no answer".to_owned(),
        Outcome::Unreachable { said, icmp, .. } => {
            format!(
                "unreachable: {said}{}",
                icmp.as_ref().map(from).unwrap_or_default()
            )
        }
        Outcome::Blocked { .. } => "dropped: by the client's own host".to_owned(),
    }
}

fn from(it: &probe::IcmpError) -> String {
    it.sender
        .map(|it| format!(" from {it}"))
        .unwrap_or_default()
}
