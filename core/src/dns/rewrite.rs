//! The rewrite plugin: asking for another name than the client did.
//!
//! CoreDNS 1.14.7 `plugin/rewrite`. What is answered is given back under the name that was asked
//! for where the names are exact or `answer auto` says so.
//!
//! **Left out**: regular expressions and every field but the name and the type.

use super::message::{Answer, Question, RecordData, RecordType, fully_qualified};

/// A rule: what it looks for, and what it puts there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    /// What of the question it changes.
    pub(super) change: Change,
    /// Whether rules after it are asked too.
    pub(super) goes_on: bool,
    /// Whether names in the answer are put back.
    pub(super) reverts: bool,
}

/// What a rule changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// A whole name.
    Exact(String, String),
    /// The beginning of a name.
    Prefix(String, String),
    /// The end of a name.
    Suffix(String, String),
    /// Every occurrence within a name.
    Substring(String, String),
    /// The type.
    Kind(RecordType, RecordType),
}

impl Rule {
    /// Reads the words behind `rewrite`.
    pub(super) fn parse(words: &[String]) -> Result<Rule, String> {
        let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
        let goes_on = words.first() == Some(&"continue");
        if matches!(words.first(), Some(&("continue" | "stop"))) {
            words.remove(0);
        }
        let said = words.join(" ");
        let unknown = || format!("rewrite {said}: not modelled: there are name and type");
        let (change, rest) = match words.as_slice() {
            ["type", from, to] => {
                let kind = |it: &str| RecordType::parse(it).ok_or_else(|| format!("{it}: no type"));
                (Change::Kind(kind(from)?, kind(to)?), &[][..])
            }
            ["name", "exact", from, to, rest @ ..] => (exact(from, to), rest),
            ["name", "prefix", from, to, rest @ ..] => {
                (Change::Prefix(lower(from), lower(to)), rest)
            }
            ["name", "suffix", from, to, rest @ ..] => {
                let (from, to) = (fully_qualified(&lower(from)), fully_qualified(&lower(to)));
                (Change::Suffix(from, to), rest)
            }
            ["name", "substring", from, to, rest @ ..] => {
                (Change::Substring(lower(from), lower(to)), rest)
            }
            ["name", "regex", ..] => return Err(unknown()),
            ["name", from, to, rest @ ..] => (exact(from, to), rest),
            _ => return Err(unknown()),
        };
        let reverts = match rest {
            [] => matches!(change, Change::Exact(..)),
            ["answer", "auto"] => true,
            _ => return Err(unknown()),
        };
        Ok(Rule {
            change,
            goes_on,
            reverts,
        })
    }

    /// The question as this rule makes it; none if it has nothing to change.
    fn apply(&self, question: &Question) -> Option<Question> {
        let name = question.name.to_ascii_lowercase();
        let name = match &self.change {
            Change::Kind(from, to) => {
                return (question.kind == *from).then(|| Question {
                    name: question.name.clone(),
                    kind: *to,
                });
            }
            Change::Exact(from, to) => (name == *from).then(|| to.clone()),
            Change::Prefix(from, to) => name.strip_prefix(from).map(|it| format!("{to}{it}")),
            Change::Suffix(from, to) => name.strip_suffix(from).map(|it| format!("{it}{to}")),
            Change::Substring(from, to) => name.contains(from).then(|| name.replace(from, to)),
        }?;
        Some(Question {
            name,
            kind: question.kind,
        })
    }
}

/// The question to ask instead, and which names of the answer are to be put back.
pub(super) fn rewrite(rules: &[Rule], question: &Question) -> (Question, Vec<(String, String)>) {
    let mut asked = question.clone();
    let mut back = Vec::new();
    for rule in rules {
        let Some(next) = rule.apply(&asked) else {
            continue;
        };
        if rule.reverts && next.name != asked.name {
            back.push((next.name.clone(), asked.name.clone()));
        }
        asked = next;
        if !rule.goes_on {
            break;
        }
    }
    (asked, back)
}

/// Gives the answer the names that were asked for, the last change first: owners and targets.
pub(super) fn put_back(answer: &mut Answer, names: &[(String, String)]) {
    for (from, to) in names.iter().rev() {
        let put = |name: &mut String| {
            if name.eq_ignore_ascii_case(from) {
                name.clone_from(to);
            }
        };
        let sections = [
            &mut answer.answer,
            &mut answer.authority,
            &mut answer.additional,
        ];
        for record in sections.into_iter().flatten() {
            put(&mut record.name);
            match &mut record.data {
                RecordData::Name(name) => put(name),
                RecordData::Srv { target, .. } => put(target),
                RecordData::Mx { exchange, .. } => put(exchange),
                RecordData::Soa { mname, .. } => put(mname),
                RecordData::Address(_) | RecordData::Text(_) => {}
            }
        }
    }
}

fn exact(from: &str, to: &str) -> Change {
    Change::Exact(fully_qualified(&lower(from)), fully_qualified(&lower(to)))
}

fn lower(text: &str) -> String {
    text.to_ascii_lowercase()
}
