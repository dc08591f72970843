//! What a line of the manifest decides about a walk: the hops whose rules come from it.
//!
//! **Left out**: lines that decide without a rule, such as where a pod runs.

use super::hop::{HopDetail, WalkView};
use super::rules::{RuleStatus, RuleView, SourceView};

/// A hop that a line decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineUse {
    /// Which hop.
    pub hop: usize,
    /// Where it is.
    pub place: String,
    /// The rules that matched there and come from the line, each with what it is there for.
    pub rules: Vec<(String, Option<String>)>,
}

/// The hops that a line decides, in order.
#[must_use]
pub fn line_uses(walk: &WalkView, line: u32) -> Vec<LineUse> {
    let mut uses = Vec::new();
    for (idx, hop) in walk.hops.iter().enumerate() {
        let HopDetail::Rules { chains, .. } = &hop.detail else {
            continue;
        };
        let rules = chains.iter().flat_map(|it| &it.rules);
        let its = rules.filter(|it| it.status == RuleStatus::Matched && comes_from(it, line));
        let rules: Vec<_> = its.map(|it| (it.text(), it.sentence.clone())).collect();
        if !rules.is_empty() {
            uses.push(LineUse {
                hop: idx,
                place: hop.place.clone(),
                rules,
            });
        }
    }
    uses
}

fn comes_from(rule: &RuleView, line: u32) -> bool {
    let is_it = |it: &SourceView| {
        let first = it.line.unwrap_or(u32::MAX);
        (first..=it.last_line.unwrap_or(first)).contains(&line)
    };
    rule.sources().any(is_it)
}
