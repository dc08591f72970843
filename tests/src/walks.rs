//! Walks in rows: beside a scenario stands a file of requests, and under each request what comes of it.
//!
//! `FROM > TO [udp|icmp|sctp] [at NODE] [unsent]`, then indented lines, one a way: probability, verdict, who decided,
//! which object at which address, what was rewritten, the source it saw, the reason, and what the client's tool prints.
//! A line that holds in one mode only begins with `[nftables]` or `[iptables]`. `unsent` marks a request that the lab
//! cannot send as it is.
//!
//! **Left out**: steps, which `packetwalk verify` compares.

use packetwalk_core::net::Protocol;
use packetwalk_core::proxy::MODES;
use packetwalk_core::sim::{HostId, Request, Walk, World, outcomes};
use std::collections::BTreeMap;
use std::fmt::Write;

/// A request of a file, and the lines beneath it.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The comments before it.
    pub comments: Vec<String>,
    /// The line.
    pub line: String,
    /// The request it says.
    pub request: Request,
    /// Whether the lab can send it.
    pub is_sent: bool,
    /// What is expected.
    pub expected: Vec<String>,
}

/// The rows of a file.
///
/// # Panics
/// If a line says nothing that can be understood.
#[must_use]
pub fn rows(text: &str) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    let mut comments = Vec::new();
    for line in text.lines().filter(|it| !it.trim().is_empty()) {
        if line.starts_with('#') {
            comments.push(line.to_owned());
        } else if let Some(expected) = line.strip_prefix("    ") {
            let row = rows.last_mut().expect("a request before its ways");
            row.expected.push(expected.to_owned());
        } else {
            rows.push(row(line, std::mem::take(&mut comments)));
        }
    }
    rows
}

fn row(line: &str, comments: Vec<String>) -> Row {
    let (from, rest) = line
        .split_once(" > ")
        .unwrap_or_else(|| panic!("{line:?} is no request"));
    let mut words = rest.split_whitespace();
    let to = words.next().unwrap_or_default();
    let mut protocol = Protocol::Tcp;
    let mut enter_at = None;
    let mut is_sent = true;
    while let Some(word) = words.next() {
        match word {
            "at" => enter_at = words.next().map(|it| HostId::Node(it.to_owned())),
            "unsent" => is_sent = false,
            _ => {
                protocol = Protocol::from_name(word)
                    .unwrap_or_else(|| panic!("{line:?}: {word:?} is no protocol"));
            }
        }
    }
    let mut request = super::request(from, to, protocol);
    request.enter_at = enter_at;
    Row {
        comments,
        line: line.to_owned(),
        request,
        is_sent,
        expected: Vec::new(),
    }
}

/// The rows as text, with what the simulation says beneath each.
#[must_use]
pub fn told(rows: &[Row], manifest: &str) -> String {
    let worlds: Vec<(&str, World)> = MODES
        .iter()
        .filter(|it| it.name != "ipvs")
        .map(|it| {
            let manifest = super::manifest(manifest);
            (it.name, World::from_manifest(&manifest, Some(it), 1))
        })
        .collect();
    let mut text = String::new();
    for row in rows {
        for comment in &row.comments {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{comment}");
        }
        let _ = writeln!(text, "{}", row.line);
        let by_mode: Vec<(&str, Vec<String>)> = worlds
            .iter()
            .map(|(mode, world)| (*mode, ways(world, &row.request)))
            .collect();
        let first = &by_mode[0].1;
        if by_mode.iter().all(|it| it.1 == *first) {
            for line in first {
                let _ = writeln!(text, "    {line}");
            }
            continue;
        }
        for (mode, lines) in &by_mode {
            for line in lines {
                let _ = writeln!(text, "    [{mode}] {line}");
            }
        }
    }
    text
}

/// Every way of a request, a line each; ways that read alike are one, and the likeliest comes first.
fn ways(world: &World, request: &Request) -> Vec<String> {
    let outcomes = outcomes(world, request, 512).unwrap_or_else(|it| panic!("{it}"));
    assert!(outcomes.ways.complete, "more than 512 ways");
    let mut found: BTreeMap<String, f64> = BTreeMap::new();
    for it in &outcomes.ways.branches {
        *found.entry(line(&it.result)).or_default() += it.probability;
    }
    let mut lines: Vec<(f64, String)> = found.into_iter().map(|(line, it)| (it, line)).collect();
    lines.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    lines
        .into_iter()
        .map(|(probability, line)| format!("{probability:.3} {line}"))
        .collect()
}

fn line(walk: &Walk) -> String {
    let ending = &walk.ending;
    let mut line = ending.verdict.name().to_owned();
    if let Some(by) = ending.by {
        line.push_str(&format!(" by {by:?}").to_lowercase());
    }
    if let Some(object) = &ending.object {
        line.push_str(&format!(" {object}"));
    }
    if let Some(destination) = &ending.destination {
        line.push_str(&format!(" {destination}"));
    }
    if ending.rewritten {
        line.push_str(" rewritten");
    }
    if ending.masqueraded {
        line.push_str(" masqueraded");
    }
    if let Some(source) = ending.source_seen {
        line.push_str(&format!(", sees {source}"));
    }
    if let Some(reason) = &ending.reason {
        let word = serde_json::to_value(reason).unwrap_or_default();
        line.push_str(&format!(", {}", word.as_str().unwrap_or_default()));
    }
    if let Some(onward) = &walk.onward {
        let service = onward.service.as_ref().map(|it| it.name.clone());
        let service = service.unwrap_or_else(|| "nobody".into());
        line.push_str(&format!(", {} from {service}", onward.status));
    }
    if let (Some(symptom), Some(code)) = (&ending.symptom, ending.exit_code) {
        let first = symptom.lines().next().unwrap_or_default();
        line.push_str(&format!(" | {first} ({code})"));
    }
    line
}
