//! A walk as markdown: a table of hops, what was rewritten, the questions to DNS, the end.
//!
//! GitHub's dialect, for its tables.
//!
//! **Left out**: pictures; `mermaid` and the figure of a step are forms of their own.

use super::{ToldWay, request_line};
use crate::view::{Hop, HopDetail, LegName, RuleStatus};
use std::fmt::Write;

/// How much is told of each hop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// One line.
    Summary,
    /// Every rule that was asked.
    Rules,
}

/// The ways of a request, one below the other.
#[must_use]
pub fn markdown(ways: &[ToldWay<'_>], depth: Depth) -> String {
    let mut out = String::new();
    let Some(first) = ways.first() else {
        return out;
    };
    let _ = writeln!(out, "# A packet {}\n", escaped(&request_line(first.walk)));
    for (idx, way) in ways.iter().enumerate() {
        if ways.len() > 1 {
            let _ = writeln!(out, "## Way {} of {}: {}\n", idx + 1, ways.len(), way.odds);
        }
        tell(&mut out, way, depth);
    }
    out
}

fn tell(out: &mut String, way: &ToldWay<'_>, depth: Depth) {
    let ending = &way.ending;
    let _ = writeln!(
        out,
        "**{}** — {}",
        ending.verdict.name(),
        escaped(&ending.sentence)
    );
    if let Some(symptom) = &ending.symptom {
        let _ = writeln!(out, "\n```text\n{symptom}\n```");
    }
    out.push_str("\n| # | | where | what happens | header after |\n|--:|---|---|---|---|\n");
    for (idx, hop) in way.hops.iter().enumerate() {
        let arrow = match hop.leg {
            LegName::Dns => "?",
            LegName::Request => "→",
            LegName::Reply => "←",
        };
        let _ = writeln!(
            out,
            "| {} | {arrow} | {} | {} | {} |",
            idx + 1,
            cell(&hop.place),
            cell(&hop.sentence),
            header(hop)
        );
    }
    out.push('\n');
    questions(out, &way.hops);
    if depth == Depth::Rules {
        for (idx, hop) in way.hops.iter().enumerate() {
            rules(out, idx + 1, hop);
        }
    }
}

/// Source and destination, rewritten parts in bold with what they were.
fn header(hop: &Hop) -> String {
    let packet = &hop.packet;
    let end = |address: &str, port: Option<u16>| match port {
        Some(port) if address.contains(':') => format!("[{address}]:{port}"),
        Some(port) => format!("{address}:{port}"),
        None => address.to_owned(),
    };
    let shown = format!(
        "`{}` → `{}`",
        end(&packet.source, packet.source_port),
        end(&packet.destination, packet.destination_port)
    );
    let changes: Vec<String> = hop
        .changes
        .iter()
        .map(|it| format!("**{}** was `{}`", it.name, it.before))
        .collect();
    if changes.is_empty() {
        shown
    } else {
        format!("{shown}<br>{}", changes.join(", "))
    }
}

fn questions(out: &mut String, hops: &[Hop]) {
    let dns = hops.iter().find_map(|it| match &it.detail {
        HopDetail::Dns { queries, .. } if it.leg == LegName::Dns => Some(queries),
        _ => None,
    });
    let Some(queries) = dns.filter(|it| !it.is_empty()) else {
        return;
    };
    out.push_str("| question to DNS | answer |\n|---|---|\n");
    for query in queries {
        let _ = writeln!(
            out,
            "| `{}` | {} |",
            cell(&query.question),
            cell(&query.answer)
        );
    }
    out.push('\n');
}

fn rules(out: &mut String, number: usize, hop: &Hop) {
    let HopDetail::Rules {
        chains,
        connection,
        nat_skipped,
        ..
    } = &hop.detail
    else {
        return;
    };
    let _ = writeln!(out, "### Hop {number}: {}\n", escaped(&hop.place));
    if !chains.is_empty() {
        out.push_str("```text\n");
        for chain in chains {
            let indent = 2 * chain.depth;
            let _ = writeln!(out, "{:indent$}chain {}", "", chain.name);
            for rule in &chain.rules {
                let mark = match rule.status {
                    RuleStatus::Matched => '✓',
                    RuleStatus::Skipped => '·',
                    RuleStatus::Unknown => '?',
                    RuleStatus::NotReached => continue,
                };
                let words: Vec<&str> = rule.words.iter().map(|it| it.text.as_str()).collect();
                let reason = rule.reason.as_ref().map(|it| format!("  — {it}"));
                let _ = writeln!(
                    out,
                    "{:indent$}  {mark} {}{}",
                    "",
                    words.join(" "),
                    reason.unwrap_or_default()
                );
                if let Some(because) = rule.because() {
                    let _ = writeln!(out, "{:indent$}      # {because}", "");
                }
            }
        }
        out.push_str("```\n\n");
    }
    if let Some(reason) = nat_skipped {
        let _ = writeln!(out, "{}.\n", escaped(reason));
    }
    if let Some(connection) = connection {
        let _ = writeln!(
            out,
            "conntrack: `{}` | `{}` — {}\n",
            connection.original,
            connection.reply,
            escaped(&connection.sentence)
        );
    }
}

/// Text inside a cell of a table.
fn cell(text: &str) -> String {
    escaped(text).replace('|', "\\|").replace('\n', " ")
}

/// Text whose characters mean themselves.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for it in text.chars() {
        if matches!(it, '\\' | '`' | '*' | '_' | '<' | '[' | ']' | '#') {
            out.push('\\');
        }
        out.push(it);
    }
    out
}
