//! A walk as a mermaid sequence diagram: a lifeline for each host, an arrow for each wire, a note
//! where a header is rewritten or the packet ends.
//!
//! **Left out**: rules that changed nothing; the packets of a look-up after the first, which take
//! the same way.

use super::ToldWay;
use crate::net::Packet;
use crate::netfilter::{Hook, Outcome};
use crate::sim::{HostId, Leg, Step, StepKind};
use crate::view::LegName;
use std::fmt::Write;

/// The ways of a request as one diagram: several stand as alternatives.
#[must_use]
pub fn mermaid(ways: &[ToldWay<'_>]) -> String {
    let mut diagram = Diagram {
        hosts: hosts(ways),
        text: String::from("sequenceDiagram\n"),
    };
    for (idx, host) in diagram.hosts.iter().enumerate() {
        let name = escaped(&host.to_string());
        let _ = writeln!(diagram.text, "    participant h{} as {name}", idx + 1);
    }
    if let Some(first) = ways.first() {
        diagram.look_up(first);
    }
    for (idx, way) in ways.iter().enumerate() {
        if ways.len() > 1 {
            let word = if idx == 0 { "alt" } else { "else" };
            diagram.line(&format!("{word} {}", escaped(&way.odds)));
        }
        for step in &way.walk.steps {
            diagram.tell(step);
        }
        diagram.end(way);
    }
    if ways.len() > 1 {
        diagram.line("end");
    }
    diagram.text
}

/// Every host that takes part, in the order packets come to them.
fn hosts(ways: &[ToldWay<'_>]) -> Vec<HostId> {
    let mut hosts = Vec::new();
    let mut meet = |host: &HostId| {
        if !hosts.contains(host) {
            hosts.push(host.clone());
        }
    };
    for way in ways {
        meet(&way.walk.from);
        let lookup = way.walk.lookup.iter().flat_map(|it| &it.steps);
        for step in lookup.chain(&way.walk.steps) {
            meet(&step.host);
            if let StepKind::Crossed { to: Some(to), .. } = &step.kind {
                meet(to);
            }
        }
    }
    hosts
}

struct Diagram {
    hosts: Vec<HostId>,
    text: String,
}

impl Diagram {
    fn line(&mut self, line: &str) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.text, "    {line}");
    }

    fn id(&self, host: &HostId) -> String {
        let place = self.hosts.iter().position(|it| it == host);
        format!("h{}", place.map_or(0, |it| it + 1))
    }

    fn note(&mut self, host: &HostId, text: &str) {
        self.line(&format!("Note over {}: {}", self.id(host), escaped(text)));
    }

    fn look_up(&mut self, way: &ToldWay<'_>) {
        let Some(lookup) = &way.walk.lookup else {
            return;
        };
        for step in &lookup.steps {
            self.tell(step);
        }
        let mut told = way.hops.iter().filter(|it| it.leg == LegName::Dns);
        if let Some(answer) = told.next_back() {
            self.note(&way.walk.from, &answer.sentence);
        }
    }

    fn tell(&mut self, step: &Step) {
        let host = &step.host;
        match &step.kind {
            StepKind::Crossed { to: Some(to), .. } => {
                let arrow = match step.leg {
                    Leg::Lookup => "--)",
                    Leg::Request => "->>",
                    Leg::Reply => "-->>",
                };
                let (from, to) = (self.id(host), self.id(to));
                let packet = escaped(&step.after.to_string());
                self.line(&format!("{from}{arrow}{to}: {packet}"));
            }
            StepKind::Crossed { to: None, .. } => self.note(host, "out of this world"),
            StepKind::Hook { hook, outcome, .. } => self.hook_note(step, *hook, outcome),
            StepKind::Sent { route: None } | StepKind::Routed { route: None } => {
                self.note(host, &format!("no route to {}", step.after.destination));
            }
            StepKind::Balanced {
                service, target, ..
            } => {
                if let Some(target) = target {
                    self.note(host, &format!("balancer of {service}: {target}"));
                }
                for change in changes(&step.before, &step.after) {
                    self.note(host, &format!("balancer: {change}"));
                }
            }
            StepKind::Swallowed { why } => self.note(host, why.sentence()),
            StepKind::Sent { .. } | StepKind::Routed { .. } | StepKind::Arrived => {}
        }
    }

    fn hook_note(&mut self, step: &Step, hook: Hook, outcome: &Outcome) {
        let end = match outcome {
            Outcome::Accepted => {
                for change in changes(&step.before, &step.after) {
                    self.note(&step.host, &format!("{hook}: {change}"));
                }
                return;
            }
            Outcome::Dropped { chain, .. } => format!("dropped in {chain}"),
            Outcome::Rejected { chain, .. } => format!("rejected in {chain}"),
            Outcome::Redirected { server } => format!("ip_vs sends it on for {server}"),
            Outcome::NoRealServer { server } => format!("ip_vs has no real server for {server}"),
            Outcome::Unknown(_) => "a rule is not understood".into(),
            Outcome::TooDeep { .. } => "rules without end".into(),
        };
        self.note(&step.host, &format!("{hook}: {end}"));
    }

    fn end(&mut self, way: &ToldWay<'_>) {
        let (client, ending) = (&way.walk.from, &way.ending);
        self.note(
            client,
            &format!("{}: {}", ending.verdict.name(), ending.sentence),
        );
        if let Some(symptom) = &ending.symptom {
            self.note(client, symptom);
        }
    }
}

/// What a hook rewrote: `destination 10.96.0.10:80 → 10.244.1.5:8080`.
fn changes(before: &Packet, after: &Packet) -> Vec<String> {
    let ends = |it: &Packet| {
        [
            ("source", it.source_socket()),
            ("destination", it.destination_socket()),
        ]
    };
    let pairs = ends(before).into_iter().zip(ends(after));
    pairs
        .filter(|((_, before), (_, after))| before != after)
        .map(|((name, before), (_, after))| format!("{name} {before} → {after}"))
        .collect()
}

/// Text with the characters that mean something to mermaid written as their codes.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for it in text.chars() {
        match it {
            '\n' => out.push_str("<br/>"),
            ';' | '#' | '<' | '>' | '"' => {
                let _ = write!(out, "#{};", u32::from(it));
            }
            _ => out.push(it),
        }
    }
    out
}
