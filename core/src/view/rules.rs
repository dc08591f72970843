//! The rules one hook asked, set like a page: chain by chain, with what matched, what did not, and
//! which words decided.

use super::ipvs;
use super::kept;
use crate::api::{Manifest, ObjectRef};
use crate::netfilter::dialect::{Dialect, iptables};
use crate::netfilter::ipset::element_text;
use crate::netfilter::{
    CtKey, Datum, Entered, Expression, Lookup, LookupResult, Named, Policy, Rule, Ruleset, Skipped,
    Statement, Statistic, StatisticMode, Table, Tag, Trace, TraceEvent, Verdict, Written, ct_state,
    ct_status,
};
use crate::policy;
use crate::proxy::Origins;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// A chain a packet went through.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainView {
    /// Its name.
    pub name: String,
    /// Its table: `ip kube-proxy`.
    pub table: String,
    /// For a base chain: `nat, prerouting, priority -100`.
    pub base: Option<String>,
    /// How it was entered: by the hook, by a jump, by a goto.
    #[serde(deserialize_with = "kept::word")]
    pub entered: kept::Word,
    /// How deep it was called.
    pub depth: usize,
    /// Its rules, as far as they were asked, and those after.
    pub rules: Vec<RuleView>,
    /// How it ended, where no rule decided.
    #[serde(deserialize_with = "kept::word_if_any")]
    pub policy: Option<kept::Word>,
}

/// A rule of a chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleView {
    /// Its words, as nft or iptables writes them.
    pub words: Vec<WordView>,
    /// What became of it.
    pub status: RuleStatus,
    /// Why it did not match, where it did not.
    pub reason: Option<String>,
    /// What it did: a look-up's answer, a mark, a new destination.
    pub effects: Vec<String>,
    /// What it is there for.
    pub sentence: Option<String>,
    /// The field it came from.
    pub source: Option<SourceView>,
    /// The fields the elements it found came from.
    pub element_sources: Vec<SourceView>,
}

impl RuleView {
    /// Its words as one text.
    #[must_use]
    pub fn text(&self) -> String {
        let words: Vec<&str> = self.words.iter().map(|it| it.text.as_str()).collect();
        words.join(" ")
    }

    /// The fields that it and the elements it found come from.
    pub fn sources(&self) -> impl Iterator<Item = &SourceView> {
        self.source.iter().chain(&self.element_sources)
    }

    /// What it is there for, and the fields that it and the elements it found come from; nothing if neither is known.
    #[must_use]
    pub fn because(&self) -> Option<String> {
        let mut fields: Vec<String> = Vec::new();
        for it in self.sources() {
            let field = match it.line {
                Some(line) => format!("{} {}, line {line}", it.object, it.path),
                None => format!("{} {}", it.object, it.path),
            };
            if !fields.contains(&field) {
                fields.push(field);
            }
        }
        let sentence = self.sentence.clone().unwrap_or_default();
        match (sentence.is_empty(), fields.is_empty()) {
            (true, true) => None,
            (false, true) => Some(sentence),
            (true, false) => Some(format!("({})", fields.join("; "))),
            (false, false) => Some(format!("{sentence} ({})", fields.join("; "))),
        }
    }
}

/// What became of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RuleStatus {
    /// Every part held, and it acted.
    Matched,
    /// A part did not hold.
    Skipped,
    /// The packet never came to it.
    NotReached,
    /// It has a statement the model does not know.
    Unknown,
}

/// A run of words of a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WordView {
    /// The text.
    pub text: String,
    /// Whether it decided.
    pub role: WordRole,
}

/// Whether words decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WordRole {
    /// They held, or acted.
    Matched,
    /// They did not hold.
    Failed,
    /// They were not asked.
    Plain,
}

/// The field something came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceView {
    /// The object: `service/default/api`.
    pub object: ObjectRef,
    /// The field.
    pub path: String,
    /// The first line of the field in the manifest, if it stands there.
    pub line: Option<u32>,
    /// The last line.
    pub last_line: Option<u32>,
}

/// What the page of rules is made from.
#[derive(Clone, Copy, Debug)]
pub struct Page<'a> {
    /// The rules of the host.
    pub ruleset: &'a Ruleset,
    /// Where they came from.
    pub origins: Option<&'a Origins>,
    /// Where the rules of NetworkPolicies came from.
    pub policies: Option<&'a policy::Origins>,
    /// The manifest, for line numbers.
    pub manifest: &'a Manifest,
    /// The language they are shown in.
    pub dialect: Dialect,
}

/// The chains of one hook's trace.
#[must_use]
pub fn chains(page: Page<'_>, trace: &Trace) -> Vec<ChainView> {
    let mut chains: Vec<ChainView> = Vec::new();
    // The chains being walked through, innermost last: their place in `chains`.
    let mut open: Vec<usize> = Vec::new();
    let mut entered_hook = None;
    for event in trace.events() {
        match &event {
            TraceEvent::ChainEntered {
                table,
                chain,
                entered,
            } => {
                let Some(table) = page.ruleset.table(table) else {
                    continue;
                };
                match entered {
                    Entered::Hook => open.clear(),
                    Entered::Goto => {
                        open.pop();
                    }
                    Entered::Jump => {}
                }
                let depth = open.len() + usize::from(*entered == Entered::Goto);
                open.push(chains.len());
                chains.push(untouched(page, table, chain, *entered, depth));
            }
            TraceEvent::RuleMatched {
                chain,
                rule,
                lookups,
                written,
                verdict,
            } => {
                close_until(&chains, &mut open, chain);
                let mut effects = effects(page, lookups, written, verdict);
                effects.extend(lot(page, &chains, &open, *rule));
                let element_sources = element_sources(page, &chains, &open, *rule, lookups);
                touch(&mut chains, &open, *rule, |it| {
                    it.element_sources = element_sources;
                    it.status = RuleStatus::Matched;
                    it.effects = effects;
                    for word in &mut it.words {
                        word.role = WordRole::Matched;
                    }
                });
            }
            TraceEvent::RuleSkipped {
                chain,
                rule,
                skipped,
            } => {
                close_until(&chains, &mut open, chain);
                skip(page, &mut chains, &open, *rule, skipped);
            }
            TraceEvent::UnknownMet(unknown) => {
                close_until(&chains, &mut open, &unknown.chain);
                let reason = format!("not understood: {}", unknown.text);
                touch(&mut chains, &open, unknown.rule, |it| {
                    it.status = RuleStatus::Unknown;
                    it.reason = Some(reason);
                });
            }
            TraceEvent::PolicyReached { chain, policy } => {
                close_until(&chains, &mut open, chain);
                if let Some(it) = open.last().and_then(|it| chains.get_mut(*it)) {
                    it.policy = Some(match policy {
                        Policy::Accept => "policy accept",
                        Policy::Drop => "policy drop",
                    });
                }
            }
            TraceEvent::HookEntered { hook } => entered_hook = Some(*hook),
            TraceEvent::Ipvs(event) => chains.extend(ipvs::chain(page, entered_hook, event)),
            _ => {}
        }
    }
    chains
}

/// Leaves the chains that were called and have ended.
fn close_until(chains: &[ChainView], open: &mut Vec<usize>, chain: &str) {
    while open.len() > 1 && open.last().is_some_and(|it| chains[*it].name != chain) {
        open.pop();
    }
}

fn touch(
    chains: &mut [ChainView],
    open: &[usize],
    rule: usize,
    change: impl FnOnce(&mut RuleView),
) {
    let chain = open.last().and_then(|it| chains.get_mut(*it));
    if let Some(rule) = chain.and_then(|it| it.rules.get_mut(rule)) {
        change(rule);
    }
}

fn untouched(
    page: Page<'_>,
    table: &Table,
    name: &str,
    entered: Entered,
    depth: usize,
) -> ChainView {
    let chain = Named::get(&table.chains, name);
    ChainView {
        name: name.to_owned(),
        table: table.key.to_string(),
        base: chain.and_then(|it| it.base).map(|it| {
            format!(
                "{}, {}, priority {}",
                it.kind.name(),
                it.hook,
                it.priority.listed(it.hook)
            )
        }),
        entered: match entered {
            Entered::Hook => "by the hook",
            Entered::Jump => "by a jump",
            Entered::Goto => "by a goto",
        },
        depth,
        rules: chain
            .map(|it| it.rules.iter().map(|it| plain(page, table, it)).collect())
            .unwrap_or_default(),
        policy: None,
    }
}

fn plain(page: Page<'_>, table: &Table, rule: &Rule) -> RuleView {
    let origin = rule.note.tag.and_then(|it| page.told(table, it));
    RuleView {
        words: page
            .dialect_of(table)
            .words(rule, &table.key)
            .into_iter()
            .map(|it| WordView {
                text: it.text,
                role: WordRole::Plain,
            })
            .collect(),
        status: RuleStatus::NotReached,
        reason: None,
        effects: Vec::new(),
        sentence: origin.as_ref().map(|it| it.sentence.clone()),
        source: origin.and_then(|it| source(page.manifest, &it)),
        element_sources: Vec::new(),
    }
}

/// Where something in a ruleset came from, whoever wrote it.
pub(super) struct Told<'a> {
    pub(super) sentence: String,
    object: Option<&'a ObjectRef>,
    path: Cow<'a, str>,
}

impl<'a> Page<'a> {
    fn told(self, table: &Table, tag: Tag) -> Option<Told<'a>> {
        if is_of_policies(table) {
            let it = self.policies?.origin(tag)?;
            return Some(Told {
                sentence: it.sentence(),
                object: it.object.as_ref(),
                path: it.path.as_str().into(),
            });
        }
        self.told_by_proxy(tag)
    }

    /// What kube-proxy says of something it wrote.
    pub(super) fn told_by_proxy(self, tag: Tag) -> Option<Told<'a>> {
        let it = self.origins?.origin(tag)?;
        Some(Told {
            sentence: it.sentence(),
            object: it.object.as_deref(),
            path: it.path.to_string().into(),
        })
    }

    /// What iptables has no table for is written in nft's language, whatever the rest is: NetworkPolicies, and on a
    /// live node what others load.
    pub(super) fn dialect_of(self, table: &Table) -> Dialect {
        if iptables::TABLES.contains(&&*table.key.name) {
            self.dialect
        } else {
            Dialect::Nft
        }
    }
}

fn is_of_policies(table: &Table) -> bool {
    &*table.key.name == policy::TABLE
}

/// The lines of the field an origin names.
pub(super) fn source(manifest: &Manifest, origin: &Told<'_>) -> Option<SourceView> {
    let object = origin.object?.clone();
    let span = manifest.source(&object).map(|it| it.span(&origin.path));
    Some(SourceView {
        object,
        path: origin.path.to_string(),
        line: span.map(|it| it.start.line),
        last_line: span.map(|it| it.end.line),
    })
}

/// Where the elements came from that a rule found: of named maps, and of those inside the rule.
fn element_sources(
    page: Page<'_>,
    chains: &[ChainView],
    open: &[usize],
    rule_idx: usize,
    lookups: &[Lookup],
) -> Vec<SourceView> {
    let Some(chain) = open.last().and_then(|it| chains.get(*it)) else {
        return Vec::new();
    };
    let Some(table) = table_of(page, chain) else {
        return Vec::new();
    };
    let rule = table
        .chains
        .get(&chain.name)
        .and_then(|it| it.rules.get(rule_idx));
    let tag_of = |it: &Lookup| match &it.set {
        Some(name) => match table.sets.get(name) {
            Some(set) => set.get(&it.key)?.tag,
            None => page.ruleset.ipvs.set(name)?.find(&it.key)?.1,
        },
        None => {
            let rule = rule?;
            rule.anonymous_elements().find(|e| e.key == it.key)?.tag
        }
    };
    lookups
        .iter()
        .filter_map(|it| page.told(table, tag_of(it)?))
        .filter_map(|it| source(page.manifest, &it))
        .collect()
}

/// What a lot that fell on this rule had for odds.
fn lot(page: Page<'_>, chains: &[ChainView], open: &[usize], rule_idx: usize) -> Option<String> {
    let chain = open.last().and_then(|it| chains.get(*it))?;
    let table = table_of(page, chain)?;
    let rule = table.chains.get(&chain.name)?.rules.get(rule_idx)?;
    rule.statements.iter().find_map(|it| match it {
        Statement::Statistic(Statistic {
            mode: StatisticMode::Random(probability),
            inverted: false,
        }) => Some(format!(
            "the lot fell on this rule: probability {}",
            probability.written()
        )),
        _ => None,
    })
}

fn table_of<'a>(page: Page<'a>, chain: &ChainView) -> Option<&'a Table> {
    page.ruleset
        .tables()
        .iter()
        .find(|it| it.key.to_string() == chain.table)
}

fn skip(
    page: Page<'_>,
    chains: &mut [ChainView],
    open: &[usize],
    rule_idx: usize,
    skipped: &Skipped,
) {
    let Some(chain) = open.last().and_then(|it| chains.get(*it)) else {
        return;
    };
    let Some(table) = table_of(page, chain) else {
        return;
    };
    let rule = table.chains.get(&chain.name);
    let Some(rule) = rule.and_then(|it| it.rules.get(rule_idx)) else {
        return;
    };
    let reason = rule.statements.get(skipped.statement).map(|it| {
        let found = skipped.found.as_ref();
        let own = page.dialect_of(table).why_skipped(it, found);
        own.unwrap_or_else(|| why_skipped(it, found))
    });
    let words: Vec<WordView> = page
        .dialect_of(table)
        .words(rule, &table.key)
        .into_iter()
        .map(|it| WordView {
            role: match it.statement {
                Some(idx) if idx < skipped.statement => WordRole::Matched,
                Some(idx) if idx == skipped.statement => WordRole::Failed,
                _ => WordRole::Plain,
            },
            text: it.text,
        })
        .collect();
    touch(chains, open, rule_idx, |it| {
        it.status = RuleStatus::Skipped;
        it.reason = reason;
        it.words = words;
    });
}

/// Why a statement did not hold, in a few words.
fn why_skipped(statement: &Statement, found: Option<&Datum>) -> String {
    let asked = match statement {
        Statement::Match { left, .. } => Some(left),
        Statement::VerdictMap { key, .. } => Some(key),
        _ => None,
    };
    match (asked, found) {
        (Some(left), Some(found)) if is_lookup(statement) => {
            format!("{left} is {found}: no such element")
        }
        (Some(left), Some(found)) => format!("{left} is {}", in_words(left, found)),
        (Some(left), None) => format!("this packet has no {left}"),
        (None, _) => "it does not apply".into(),
    }
}

fn is_lookup(statement: &Statement) -> bool {
    use crate::netfilter::{Operand, Operator};
    match statement {
        Statement::VerdictMap { .. } => true,
        Statement::Match {
            right: Operand::Set(_),
            operator,
            ..
        } => *operator == Operator::Eq,
        _ => false,
    }
}

/// A value as a person reads it: named bits by their names.
fn in_words(of: &Expression, value: &Datum) -> String {
    let (Expression::Ct(key), Datum::Bits(bits)) = (of, value) else {
        return value.to_string();
    };
    let names: &[(&str, u32)] = match key {
        CtKey::State | CtKey::Ctstate => &ct_state::NAMES,
        _ => &ct_status::NAMES,
    };
    let set: Vec<&str> = names
        .iter()
        .filter(|(_, bit)| bits & bit != 0)
        .map(|(name, _)| *name)
        .collect();
    if set.is_empty() {
        "empty".into()
    } else {
        set.join(",")
    }
}

fn effects(
    page: Page<'_>,
    lookups: &[Lookup],
    written: &[Written],
    verdict: &Verdict,
) -> Vec<String> {
    let mut effects = Vec::new();
    for it in lookups {
        let ip_set = it.set.as_ref().and_then(|it| page.ruleset.ipvs.set(it));
        let key = match ip_set {
            Some(_) => element_text(&it.key),
            None => it.key.to_string(),
        };
        let set = it.set.as_deref().map_or("the map", |name| name);
        match &it.result {
            LookupResult::Verdict(verdict) => {
                effects.push(format!("{key} in {set}: {verdict}"));
            }
            LookupResult::Data(datum) => effects.push(format!("{key} in {set}: {datum}")),
            LookupResult::Present => effects.push(format!("{key} is in {set}")),
            LookupResult::Absent => effects.push(format!("{key} is not in {set}")),
        }
    }
    for it in written {
        effects.push(match it {
            Written::Mark { before, after } => format!("mark 0x{before:08x} → 0x{after:08x}"),
            Written::ConnectionMark { before, after } => {
                format!("mark of the connection 0x{before:08x} → 0x{after:08x}")
            }
            Written::Destination { to } => format!("new destination {to}"),
            Written::Source {
                to,
                masqueraded: true,
            } => format!("new source {to}, this node's own"),
            Written::Source { to, .. } => format!("new source {to}"),
            Written::Element { set, key } => format!("{key} remembered in {set}"),
        });
    }
    if effects.is_empty() && *verdict == Verdict::Drop {
        effects.push("the packet ends here".into());
    }
    effects
}
