//! What a packet meets on one host whose rules somebody else wrote, step by step, in words.
//!
//! **Left out**: pictures: there is no map of a machine that is known by its rules alone.

use super::hop::{changes, nat_skipped};
use super::reading;
use super::rules::{ChainView, Page, RuleStatus, chains};
use super::text;
use crate::api::Manifest;
use crate::lines::{Mark, script};
use crate::net::Packet;
use crate::netfilter::dialect::{Dialect, nft};
use crate::netfilter::{Hook, Outcome, Ruleset, Trace};
use crate::sim::{Dropper, End, Journey, Leg, RouteChosen, Step, StepKind};
use serde::Serialize;
use std::fmt::Write;

/// A step of a packet on one host.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LiveStep {
    /// Whether it is the answer's.
    pub is_reply: bool,
    /// Where: `prerouting`, `routing`.
    pub place: String,
    /// What happens, in one sentence.
    pub sentence: String,
    /// What changed in the packet: `destination 10.96.0.10 → 10.244.1.5`.
    pub changes: Vec<String>,
    /// The chains that were asked, with what every rule says.
    pub chains: Vec<ChainView>,
    /// Why the nat chains were not asked, if so.
    pub nat_skipped: Option<String>,
    /// The mark it left with, where it has one.
    pub mark: Option<u32>,
}

/// The steps of a journey on a host of these rules.
#[must_use]
pub fn live_steps(ruleset: &Ruleset, dialect: Dialect, journey: &Journey) -> Vec<LiveStep> {
    journey
        .steps
        .iter()
        .map(|it| live_step(ruleset, dialect, it))
        .collect()
}

fn live_step(ruleset: &Ruleset, dialect: Dialect, step: &Step) -> LiveStep {
    let (place, chains, nat, mark) = match &step.kind {
        StepKind::Hook {
            hook, trace, mark, ..
        } => (
            hook.to_string(),
            read(ruleset, dialect, trace),
            nat_skipped(trace),
            Some(*mark).filter(|it| *it != 0),
        ),
        StepKind::Routed { .. } | StepKind::Sent { .. } => {
            ("routing".to_owned(), Vec::new(), None, None)
        }
        StepKind::Crossed { interface, .. } => (interface.to_string(), Vec::new(), None, None),
        StepKind::Arrived => ("this host".to_owned(), Vec::new(), None, None),
        StepKind::Balanced { .. } | StepKind::Swallowed { .. } => {
            ("this host".to_owned(), Vec::new(), None, None)
        }
    };
    LiveStep {
        is_reply: step.leg == Leg::Reply,
        place,
        sentence: sentence(step),
        changes: changes(&step.before, &step.after)
            .iter()
            .map(|it| format!("{} {} → {}", it.name, it.before, it.after))
            .collect(),
        chains,
        nat_skipped: nat,
        mark,
    }
}

/// The chains of a trace, and in every rule that was asked what it says.
fn read(ruleset: &Ruleset, dialect: Dialect, trace: &Trace) -> Vec<ChainView> {
    let manifest = Manifest::default();
    let page = Page {
        ruleset,
        origins: None,
        policies: None,
        manifest: &manifest,
        dialect,
    };
    let mut all = chains(page, trace);
    for view in &mut all {
        let mut tables = ruleset.tables().iter();
        let Some(table) = tables.find(|it| it.key.to_string() == view.table) else {
            continue;
        };
        let rules = table.chains.get(&view.name).map(|it| &it.rules);
        let rules = rules.into_iter().flatten();
        for (rule, view) in rules.zip(&mut view.rules) {
            if matches!(view.status, RuleStatus::Matched | RuleStatus::Unknown) {
                let own = page.dialect_of(table);
                view.sentence = Some(reading::rule(rule, &table.key, own));
            }
        }
    }
    all
}

fn sentence(step: &Step) -> String {
    let (before, after) = (&step.before, &step.after);
    match &step.kind {
        StepKind::Sent { route } => format!(
            "A program here sends {}: {}.",
            flow(after),
            way(route.as_ref(), after)
        ),
        StepKind::Routed { route } => format!("{}.", capital(&way(route.as_ref(), after))),
        StepKind::Crossed { interface, .. } => {
            format!("It leaves by {interface} as {}.", flow(after))
        }
        StepKind::Arrived if step.leg == Leg::Reply => {
            format!(
                "The program that asked sees an answer from {}.",
                after.source_socket()
            )
        }
        StepKind::Arrived => format!("It is for this host itself: {}.", flow(after)),
        StepKind::Swallowed { why } => why.sentence().to_owned(),
        // A load balancer is the router's of a simulated cluster; no live host has one.
        StepKind::Balanced { .. } => "A load balancer decides.".to_owned(),
        StepKind::Hook { outcome, hook, .. } => match outcome {
            Outcome::Dropped {
                chain,
                rule: Some(rule),
            } => format!(
                "Rule {} of chain {chain} drops it without a word.",
                rule + 1
            ),
            Outcome::Dropped { chain, rule: None } => {
                format!("No rule of chain {chain} accepts it, and its policy is to drop.")
            }
            Outcome::Rejected { chain, rule, .. } => {
                format!(
                    "Rule {} of chain {chain} refuses it, and says so.",
                    rule + 1
                )
            }
            Outcome::Redirected { server } => format!("ip_vs takes it for {server}."),
            Outcome::NoRealServer { server } => {
                format!("ip_vs has no real server for {server}: the sender is told.")
            }
            Outcome::Unknown(it) => format!(
                "Rule {} of chain {} has a part that is not understood, `{}`: nothing certain can be said from here on.",
                it.rule + 1,
                it.chain,
                it.text
            ),
            Outcome::TooDeep { chain } => {
                format!("Rules call one another without end, at {chain}.")
            }
            Outcome::Accepted => accepted(step.leg, *hook, before, after),
        },
    }
}

fn accepted(leg: Leg, hook: Hook, before: &Packet, after: &Packet) -> String {
    let is_moved = before.destination_socket() != after.destination_socket();
    let is_masked = before.source_socket() != after.source_socket();
    match (leg, is_moved, is_masked) {
        (Leg::Reply, true, _) => format!(
            "The connection is remembered: the answer goes to {} again.",
            after.destination_socket()
        ),
        (Leg::Reply, _, true) => format!(
            "The connection is remembered: the answer comes from {} again.",
            after.source_socket()
        ),
        (_, true, _) => format!("The destination becomes {}.", after.destination_socket()),
        (_, _, true) => format!("The source becomes {}.", after.source_socket()),
        (Leg::Reply, ..) => format!("The answer passes {hook} unchanged."),
        _ => format!("It passes {hook} unchanged."),
    }
}

fn way(route: Option<&RouteChosen>, packet: &Packet) -> String {
    match route {
        None => format!("no route leads to {}", packet.destination),
        Some(it) => match (it.next_hop, it.route.via) {
            (None, _) => format!("{} is this host's own", packet.destination),
            (Some(_), Some(via)) => format!(
                "the route to {} leads to {via} by {}",
                packet.destination, it.route.interface
            ),
            (Some(_), None) => format!(
                "{} is behind {} itself",
                packet.destination, it.route.interface
            ),
        },
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(letters).collect()
}

fn flow(packet: &Packet) -> String {
    format!(
        "{} → {} over {}",
        packet.source_socket(),
        packet.destination_socket(),
        packet.protocol()
    )
}

/// How a journey ends, in a word that stays and in a sentence.
#[must_use]
pub fn live_ending(journey: &Journey) -> (&'static str, String) {
    let last = journey.steps.last().map(|it| it.after.destination_socket());
    let last = last.unwrap_or_default();
    match &journey.end {
        End::Left => ("forwarded", format!("leaves this host for {last}")),
        End::Arrived { .. } => ("delivered", format!("reaches {last} on this host")),
        End::Dropped { by, .. } => (
            "dropped",
            match by {
                Dropper::Rule | Dropper::NetworkPolicy => "a rule drops it".into(),
                Dropper::ChainPolicy => "a chain's policy drops it".into(),
            },
        ),
        End::Rejected { .. } => (
            "refused",
            "a rule refuses it, and the sender is told".into(),
        ),
        End::Unreachable { .. } => ("unreachable", "no way leads there".into()),
        End::Silent { why, .. } => ("dropped", why.sentence().to_owned()),
        End::NotForwarding => ("dropped", "this host does not pass packets on".into()),
        End::Expired { .. } => ("unreachable", "it goes round in circles".into()),
        End::Unknown => (
            "unknown",
            "a rule is not understood, so nothing certain can be said".into(),
        ),
        End::TooDeep => ("unknown", "rules call one another without end".into()),
    }
}

/// Steps as text: what happens, and every rule that was asked with what it says.
#[must_use]
pub fn live_text(steps: &[LiveStep]) -> String {
    let mut out = String::new();
    for (idx, step) in steps.iter().enumerate() {
        let arrow = if step.is_reply { "←" } else { "→" };
        // Writing to a String cannot fail.
        let _ = writeln!(
            out,
            "{:>3} {arrow} {}: {}",
            idx + 1,
            step.place,
            step.sentence
        );
        for it in &step.changes {
            let _ = writeln!(out, "        {it}");
        }
        text::explain_chains(&mut out, &step.chains);
        if let Some(it) = &step.nat_skipped {
            let _ = writeln!(out, "        {it}");
        }
        if let Some(it) = step.mark {
            let _ = writeln!(out, "        mark 0x{it:x}");
        }
    }
    out
}

/// What is different between two rulesets, as lines of nft's listings: `-` for those of the first, `+` for those of the
/// second, each beneath the table and the chain or set it stands in.
#[must_use]
pub fn rules_changed(before: &Ruleset, after: &Ruleset) -> String {
    let (before, after) = (nft::list(before), nft::list(after));
    let (before, after): (Vec<&str>, Vec<&str>) =
        (before.lines().collect(), after.lines().collect());
    let mut out = String::new();
    // The lines that are still open, outermost first, and whether they have been shown.
    let mut open: Vec<(&str, bool)> = Vec::new();
    // Empty lines stand between chains, and end nothing.
    let lines = script(&before, &after).into_iter();
    for (mark, line) in lines.filter(|it| !it.1.is_empty()) {
        let depth = line.len() - line.trim_start_matches('\t').len();
        open.truncate(depth);
        let sign = match mark {
            Mark::Same => ' ',
            Mark::Gone => '-',
            Mark::New => '+',
        };
        if mark != Mark::Same {
            for (heading, is_shown) in &mut open {
                if !*is_shown {
                    let _ = writeln!(out, "  {heading}");
                    *is_shown = true;
                }
            }
            let _ = writeln!(out, "{sign} {line}");
        }
        if line.ends_with('{') {
            open.push((line, mark != Mark::Same));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changed_lines_stand_beneath_their_chain() {
        let rules = "add table ip t\nadd chain ip t a\nadd chain ip t b\nadd rule ip t a accept\nadd rule ip t b ";
        let (before, after) = (format!("{rules}drop\n"), format!("{rules}return\n"));
        assert_eq!(
            rules_changed(&Ruleset::of(&before), &Ruleset::of(&after)),
            "  table ip t {\n  \tchain b {\n- \t\tdrop\n+ \t\treturn\n"
        );
        assert_eq!(
            rules_changed(&Ruleset::of(&before), &Ruleset::of(&before)),
            ""
        );
    }
}
