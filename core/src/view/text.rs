//! Words: titles, sentences, and the whole walk as text.
//!
//! One sentence a hop, at most twenty words, present tense, the acting component as subject.

use super::hop::{Hop, HopDetail, LegName};
use super::ipvs;
use super::rules::{ChainView, RuleStatus};
use crate::api::{Kind, ObjectRef};
use crate::dns::Answer;
use crate::net::{Icmp, Route, RouteKind, Transport};
use crate::netfilter::conntrack::Connection;
use crate::netfilter::{Hook, Outcome, ct_status};
use crate::proxy::DUMMY_INTERFACE;
use crate::sim::{HostId, Leg, Lookup, Onward, Step, StepKind, Verdict, Walk, Why, World};
use std::fmt::Write;

/// Where a step is.
pub(super) fn place(step: &Step) -> String {
    let host = step.host.short();
    match &step.kind {
        StepKind::Hook { hook, .. } => format!("{host}, {hook}"),
        StepKind::Routed { .. } => format!("{host}, routing"),
        _ => host.to_owned(),
    }
}

/// What a step is, in a few words.
pub(super) fn title(step: &Step) -> String {
    let rewritten = step.before.destination != step.after.destination
        || step.before.destination_port() != step.after.destination_port();
    let source_rewritten = step.before.source != step.after.source
        || step.before.source_port() != step.after.source_port();
    match &step.kind {
        StepKind::Sent { .. } if step.leg == Leg::Reply => "the answer sets out".into(),
        StepKind::Sent { .. } => "the packet sets out".into(),
        StepKind::Routed { .. } => "which way?".into(),
        StepKind::Crossed { .. } => "out of this world".into(),
        StepKind::Swallowed { .. } => "nobody answers".into(),
        StepKind::Balanced { target: None, .. } => "the answer gets its address back".into(),
        StepKind::Balanced { .. } => "the load balancer chooses".into(),
        StepKind::Arrived if step.leg == Leg::Reply => "the answer is home".into(),
        StepKind::Arrived => "the packet arrives".into(),
        StepKind::Hook { outcome, .. } => match outcome {
            Outcome::Rejected { .. } => "refused by a rule".into(),
            Outcome::Dropped { .. } => "dropped".into(),
            Outcome::Redirected { .. } => "a real server is chosen".into(),
            Outcome::NoRealServer { .. } => "no real server".into(),
            Outcome::Unknown(_) => "not understood".into(),
            Outcome::TooDeep { .. } => "rules without end".into(),
            Outcome::Accepted if rewritten => "the destination is rewritten".into(),
            Outcome::Accepted if source_rewritten => "the source is rewritten".into(),
            Outcome::Accepted => "rules are asked".into(),
        },
    }
}

/// What happens in a step, in one sentence.
pub(super) fn sentence(step: &Step, next: Option<&Step>, walk: &Walk, world: &World) -> String {
    let host = step.host.short();
    match &step.kind {
        StepKind::Sent { route: None } => {
            format!("{host} knows no way to {}.", step.after.destination)
        }
        StepKind::Sent { route: Some(_) } => sent(step, walk, world),
        StepKind::Routed { route: None } => {
            format!("{host} knows no way to {}.", step.after.destination)
        }
        StepKind::Routed { route: Some(route) } => match (route.next_hop, route.route.via) {
            (None, _) => format!("{host} finds that the packet is for itself."),
            (Some(_), Some(via)) => format!(
                "{host} sends the packet on to {}, by {}.",
                owner_name(world, via),
                route.route.interface
            ),
            (Some(next_hop), None) => format!(
                "{host} finds {} behind its own {}.",
                owner_name(world, next_hop),
                route.route.interface
            ),
        },
        StepKind::Crossed { .. } => {
            format!("{host} hands the packet to a network outside this world.")
        }
        StepKind::Balanced {
            service,
            target: Some(target),
            n_targets,
        } => balanced(service, target, *n_targets),
        StepKind::Swallowed { why } => why.sentence().to_owned(),
        StepKind::Balanced { .. } => format!(
            "The load balancer gives the answer the address {} that its client knows.",
            step.after.source
        ),
        StepKind::Arrived => arrived(step, walk),
        StepKind::Hook { hook, outcome, .. } => hook_sentence(step, *hook, outcome, next, world),
    }
}

fn balanced(service: &ObjectRef, target: &ObjectRef, n_targets: usize) -> String {
    let kind = if target.kind == Kind::Pod {
        "pod"
    } else {
        "node"
    };
    let whom = format!("{kind} {}", target.name);
    match n_targets {
        1 => format!(
            "The load balancer of {} sends the packet to {whom}, its only healthy target.",
            service.name
        ),
        n => format!(
            "The load balancer of {} sends the packet to {whom}, one of {n} healthy targets.",
            service.name
        ),
    }
}

/// What an Ingress controller decides.
pub(super) fn onward(onward: &Onward) -> String {
    let asked = format!("{}{}", onward.host, onward.path);
    match (&onward.service, onward.status) {
        (Some(service), 503) => format!(
            "The Ingress controller follows a rule for {asked} to {}: nothing ready there, 503.",
            service.name
        ),
        (Some(service), _) => {
            format!(
                "The Ingress controller finds a rule for {asked}: {}.",
                service.name
            )
        }
        (None, status) => format!("The Ingress controller finds no rule for {asked}: {status}."),
    }
}

fn sent(step: &Step, walk: &Walk, world: &World) -> String {
    let host = step.host.short();
    let packet = &step.after;
    let to = packet.destination_socket();
    if step.leg == Leg::Reply {
        match packet.transport {
            Transport::Icmp(Icmp::Unreachable { .. }) => {
                return format!("{host} tells the sender: destination unreachable.");
            }
            Transport::Icmp(Icmp::TimeExceeded { .. }) => {
                return format!("{host} tells the sender: time to live exceeded.");
            }
            _ => {}
        }
        return match walk.ending.verdict {
            Verdict::Refused => format!("{host} refuses: it answers with a reset."),
            _ => format!("{host} answers to {to}, the source it saw."),
        };
    }
    let is_vip = world
        .objects
        .services
        .values()
        .any(|it| it.cluster_ips().contains(&packet.destination));
    if is_vip && ipvs::is_on(world) {
        format!("{host} sends a packet to {to}, an address every node's {DUMMY_INTERFACE} has.")
    } else if is_vip {
        format!("{host} sends a packet to {to}, an address no interface has.")
    } else {
        format!("{host} sends a packet to {to}.")
    }
}

fn arrived(step: &Step, walk: &Walk) -> String {
    let host = step.host.short();
    if step.leg == Leg::Reply {
        return match (&walk.ending.reason, walk.ending.verdict) {
            (Some(Why::ReplyNotRecognised), _) => {
                format!(
                    "{host} never wrote to {}: it refuses the answer.",
                    step.after.source
                )
            }
            (_, Verdict::Delivered) => format!(
                "{host} sees an answer from {}, the address it asked.",
                step.after.source
            ),
            _ => format!("{host} learns that its request failed."),
        };
    }
    let port = step.after.destination_port();
    match (walk.ending.verdict, port) {
        (Verdict::Refused, Some(port)) => {
            format!("Nothing on {host} listens on port {port}: its own network refuses.")
        }
        (_, Some(port)) => format!(
            "{host} listens on {port} and sees the packet come from {}.",
            step.after.source
        ),
        (_, None) => format!("{host} gets the packet and answers."),
    }
}

fn hook_sentence(
    step: &Step,
    hook: Hook,
    outcome: &Outcome,
    next: Option<&Step>,
    world: &World,
) -> String {
    let host = step.host.short();
    let (before, after) = (&step.before, &step.after);
    match outcome {
        Outcome::Rejected { chain, .. } => {
            return format!("A rule in {host}'s chain {chain} refuses the packet and says so.");
        }
        Outcome::Dropped { chain, .. } => {
            return format!("{host}'s chain {chain} drops the packet without a word.");
        }
        Outcome::Redirected { .. } => return ipvs::redirected(step, world),
        Outcome::NoRealServer { server } => {
            return format!(
                "{host}'s virtual server {server} has no real server: the sender is told."
            );
        }
        Outcome::Unknown(_) => {
            return format!("A rule on {host} is not understood: nothing certain can be said.");
        }
        Outcome::TooDeep { .. } => return format!("{host}'s rules call one another without end."),
        Outcome::Accepted => {}
    }
    if before.destination != after.destination
        || before.destination_port() != after.destination_port()
    {
        return match (step.leg, after.destination_port()) {
            (Leg::Reply, _) => {
                format!("{host} remembers the connection and restores the answer's destination.")
            }
            (_, Some(port)) => format!(
                "{host}'s rules choose {} and rewrite the destination to {}.",
                owner_name(world, after.destination),
                crate::ip::join_host_port(after.destination, port)
            ),
            (_, None) => format!(
                "{host}'s rules rewrite the destination to {}.",
                after.destination
            ),
        };
    }
    if before.source != after.source || before.source_port() != after.source_port() {
        return if step.leg == Leg::Reply {
            format!(
                "{host} remembers the connection and puts {} back as the source.",
                after.source
            )
        } else {
            format!(
                "{host} masquerades: the source becomes its own address {}.",
                after.source
            )
        };
    }
    ipvs::passing(step, hook, world).unwrap_or_else(|| passing(host, hook, step.leg, next))
}

fn passing(host: &str, hook: Hook, leg: Leg, next: Option<&Step>) -> String {
    let is_last = next.is_none();
    match (hook, leg) {
        (Hook::Prerouting, Leg::Reply) => {
            format!("{host} recognises the connection; the Service rules are not asked again.")
        }
        (Hook::Prerouting, _) => {
            format!("{host} asks its Service rules; none has this destination.")
        }
        (Hook::Forward, Leg::Reply) => format!("{host} lets the answer through."),
        (Hook::Forward, _) => {
            format!("{host} checks that the destination has endpoints, and lets it through.")
        }
        (Hook::Postrouting, Leg::Reply) => format!("{host} sends the answer on unchanged."),
        (Hook::Postrouting, _) => format!("{host} leaves the source as it is."),
        (Hook::Input, _) if is_last => format!("{host} takes the packet in."),
        (Hook::Input, _) => format!("{host} lets the packet in."),
        (Hook::Output, _) => format!("{host} asks its rules about a packet of its own."),
    }
}

pub(super) fn owner_name(world: &World, address: crate::ip::IpAddr) -> String {
    world
        .network
        .owner(address)
        .map_or_else(|| address.to_string(), |it| it.id.short().to_owned())
}

/// The question to DNS.
pub(super) fn question(lookup: &Lookup, from: &HostId) -> String {
    let name = lookup
        .resolution
        .queries
        .first()
        .map(|it| it.name.trim_end_matches('.'))
        .unwrap_or_default();
    format!("{} asks cluster DNS for {name}.", from.short())
}

/// The answer from DNS.
pub(super) fn answer(lookup: &Lookup) -> String {
    let n_queries = lookup.resolution.queries.len();
    match lookup.resolution.addresses.as_slice() {
        [] => format!("Cluster DNS knows none of the {n_queries} names and types asked for."),
        [one] => format!("Cluster DNS answers: {one}."),
        [one, ..] => format!(
            "Cluster DNS answers with {} addresses, {one} among them.",
            lookup.resolution.addresses.len()
        ),
    }
}

/// An answer's code and data.
pub(super) fn records(answer: &Answer) -> String {
    let data: Vec<String> = answer
        .answer
        .iter()
        .map(|it| format!("{} {}", it.kind, it.data))
        .collect();
    if data.is_empty() {
        format!("{}, no records", answer.rcode)
    } else {
        data.join(", ")
    }
}

/// A route as `ip route` prints it.
pub(super) fn route(route: &Route) -> String {
    let destination = match route.destination {
        it if it.prefix_len() == 0 => "default".to_owned(),
        it if it.prefix_len() == it.max_prefix_len() => it.addr().to_string(),
        it => it.to_string(),
    };
    let kind = match route.kind {
        RouteKind::Local => "local ",
        RouteKind::Unicast => "",
    };
    match route.via {
        Some(via) => format!("{kind}{destination} via {via} dev {}", route.interface),
        None => format!("{kind}{destination} dev {}", route.interface),
    }
}

/// What a connection's translation means.
pub(super) fn connection(connection: &Connection) -> String {
    let dnat = connection.status & ct_status::DNAT != 0;
    let snat = connection.status & ct_status::SNAT != 0;
    let reply = connection.reply;
    let from = crate::ip::join_host_port(reply.source, reply.source_port);
    let shown = crate::ip::join_host_port(
        connection.original.destination,
        connection.original.destination_port,
    );
    let by_ip_vs = !dnat && reply.source != connection.original.destination;
    match (dnat, snat) {
        (false, true) if by_ip_vs => {
            format!("Answers from {from} go back as {shown}, by ip_vs, to the true source.")
        }
        (false, false) if by_ip_vs => format!("Answers from {from} go back as {shown}, by ip_vs."),
        (true, true) => format!("Answers from {from} go back as {shown}, to the true source."),
        (true, false) => format!("Answers from {from} go back as {shown}."),
        (false, true) => format!(
            "Answers to {} go back to the true source.",
            reply.destination
        ),
        (false, false) => "Nothing is translated.".into(),
    }
}

/// A walk as text: one line a hop, and the rewritten fields.
#[must_use]
pub fn summary(hops: &[Hop]) -> String {
    let mut out = String::new();
    for (idx, hop) in hops.iter().enumerate() {
        let _ = writeln!(
            out,
            "{:>3} {} {:<26} {}",
            idx + 1,
            arrow(hop.leg),
            hop.place,
            hop.sentence
        );
    }
    out
}

const fn arrow(leg: LegName) -> &'static str {
    match leg {
        LegName::Dns => "?",
        LegName::Request => "→",
        LegName::Reply => "←",
    }
}

/// The whole walk with its rules: what matched, what did not and why, and where each came from.
#[must_use]
pub fn explanation(hops: &[Hop]) -> String {
    let mut out = String::new();
    for (idx, hop) in hops.iter().enumerate() {
        let arrow = arrow(hop.leg);
        let _ = writeln!(
            out,
            "{:>3} {arrow} {}: {}",
            idx + 1,
            hop.place,
            hop.sentence
        );
        for change in &hop.changes {
            let _ = writeln!(
                out,
                "        {}: {} → {}",
                change.name, change.before, change.after
            );
        }
        match &hop.detail {
            HopDetail::Rules { .. } => explain_rules(&mut out, &hop.detail),
            HopDetail::Routes { routes } => {
                for route in routes.iter().filter(|it| it.is_taken) {
                    let _ = writeln!(out, "        route {}", route.text);
                }
            }
            HopDetail::Dns { queries, .. } => {
                for query in queries {
                    let _ = writeln!(out, "        {} : {}", query.question, query.answer);
                }
            }
            HopDetail::Sockets { .. } => {}
        }
    }
    out
}

fn explain_rules(out: &mut String, detail: &HopDetail) {
    let HopDetail::Rules {
        chains,
        nat_skipped,
        connection,
        ..
    } = detail
    else {
        return;
    };
    explain_chains(out, chains);
    if let Some(reason) = nat_skipped {
        let _ = writeln!(out, "        {reason}");
    }
    if let Some(connection) = connection {
        let state = connection.state.unwrap_or("-");
        let _ = writeln!(
            out,
            "        conntrack {} | {} | {state} {}",
            connection.original,
            connection.reply,
            connection.status.join(",")
        );
    }
}

/// Chains with the rules that were asked: what matched, what did not and why, and what each is for.
pub(super) fn explain_chains(out: &mut String, chains: &[ChainView]) {
    for chain in chains {
        let indent = 8 + 2 * chain.depth;
        let base = chain
            .base
            .as_ref()
            .map(|it| format!(" ({it})"))
            .unwrap_or_default();
        let _ = writeln!(out, "{:indent$}chain {}{base}", "", chain.name);
        for rule in &chain.rules {
            let mark = match rule.status {
                RuleStatus::Matched => '✓',
                RuleStatus::Skipped => '·',
                RuleStatus::Unknown => '?',
                RuleStatus::NotReached => continue,
            };
            let _ = write!(out, "{:indent$}  {mark} {}", "", rule.text());
            if let Some(reason) = &rule.reason {
                let _ = write!(out, "  — {reason}");
            }
            out.push('\n');
            if let Some(because) = rule.because() {
                let _ = writeln!(out, "{:indent$}      # {because}", "");
            }
            for effect in &rule.effects {
                let _ = writeln!(out, "{:indent$}      {effect}", "");
            }
        }
        if let Some(policy) = chain.policy {
            let _ = writeln!(out, "{:indent$}  {policy}", "");
        }
    }
}
