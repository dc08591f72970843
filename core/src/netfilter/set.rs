//! Sets and maps: what a rule looks packets up in.
//!
//! Elements that packets themselves add (`update @set { … }`) live apart, in
//! [`DynamicElements`], because they belong to a running node and not to the rules.
//!
//! **Left out**: stateful elements (counters, limits), per-element timeouts given by rules.

use super::{Datum, Name, Rule, Tag, Verdict};
use crate::time::{Duration, Instant};
use serde::Serialize;
use std::collections::BTreeMap;

/// A named set, or a map if it has values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Set {
    /// Its name.
    pub name: Name,
    /// The type of its keys, as nft writes it: `ipv4_addr . inet_proto . inet_service`.
    pub key_type: Name,
    /// For a map, the type of its values: `verdict`, or a data type.
    pub value_type: Option<Name>,
    /// How it behaves.
    pub flags: Vec<SetFlag>,
    /// How long an element lives that is added without a timeout of its own.
    pub timeout: Option<Duration>,
    /// Its comment.
    pub comment: Option<Name>,
    elements: BTreeMap<Datum, Element>,
}

/// How a set behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SetFlag {
    /// Rules may not change it.
    Constant,
    /// Packets may add to it.
    Dynamic,
    /// Its keys may be ranges.
    Interval,
    /// Its elements expire.
    Timeout,
}

/// One element of a set or map.
#[derive(Clone, Debug, Serialize)]
pub struct Element {
    /// What is looked up.
    pub key: Datum,
    /// For a map, what is found.
    pub value: Option<MapValue>,
    /// Its comment.
    pub comment: Option<Name>,
    /// What its author knows it by; see [`super::Note`].
    #[serde(skip)]
    pub tag: Option<Tag>,
}

/// What a map holds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MapValue {
    /// A decision.
    Verdict(Verdict),
    /// A value.
    Data(Datum),
}

/// Two elements are alike when they print alike: the tag is no part of the element.
impl PartialEq for Element {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Element {}

impl PartialOrd for Element {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Element {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (&self.key, &self.value, &self.comment).cmp(&(&other.key, &other.value, &other.comment))
    }
}

impl Element {
    /// An element of a set.
    #[must_use]
    pub fn key(key: Datum) -> Self {
        Element {
            key,
            value: None,
            comment: None,
            tag: None,
        }
    }

    /// An element of a verdict map.
    #[must_use]
    pub fn verdict(key: Datum, verdict: Verdict) -> Self {
        Element {
            value: Some(MapValue::Verdict(verdict)),
            ..Element::key(key)
        }
    }

    /// An element of a data map.
    #[must_use]
    pub fn data(key: Datum, value: Datum) -> Self {
        Element {
            value: Some(MapValue::Data(value)),
            ..Element::key(key)
        }
    }

    /// The same with a comment.
    #[must_use]
    pub fn commented(mut self, comment: &str) -> Self {
        self.comment = Some(comment.into());
        self
    }

    /// The same with its author's tag.
    #[must_use]
    pub fn tagged(mut self, tag: Tag) -> Self {
        self.tag = Some(tag);
        self
    }
}

impl Set {
    /// An empty set.
    #[must_use]
    pub fn new(name: &str, key_type: &str) -> Self {
        Set {
            name: name.into(),
            key_type: key_type.into(),
            value_type: None,
            flags: Vec::new(),
            timeout: None,
            comment: None,
            elements: BTreeMap::new(),
        }
    }

    /// An empty map.
    #[must_use]
    pub fn map(name: &str, key_type: &str, value_type: &str) -> Self {
        Set {
            value_type: Some(value_type.into()),
            ..Set::new(name, key_type)
        }
    }

    /// The same with a comment.
    #[must_use]
    pub fn commented(mut self, comment: &str) -> Self {
        self.comment = Some(comment.into());
        self
    }

    /// Whether it holds values.
    #[must_use]
    pub fn is_map(&self) -> bool {
        self.value_type.is_some()
    }

    /// Its elements, by key.
    pub fn elements(&self) -> impl ExactSizeIterator<Item = &Element> {
        self.elements.values()
    }

    /// The element with exactly this key.
    #[must_use]
    pub fn get(&self, key: &Datum) -> Option<&Element> {
        self.elements.get(key)
    }

    /// The element that holds a packet's `value`.
    #[must_use]
    pub fn find(&self, value: &Datum) -> Option<&Element> {
        self.elements.get(value).or_else(|| {
            self.flags
                .contains(&SetFlag::Interval)
                .then(|| self.elements.values().find(|it| it.key.holds(value)))
                .flatten()
        })
    }

    /// Adds an element; gives back the one that was there.
    pub fn insert(&mut self, element: Element) -> Option<Element> {
        self.elements.insert(element.key.clone(), element)
    }

    /// Takes an element out.
    pub fn remove(&mut self, key: &Datum) -> Option<Element> {
        self.elements.remove(key)
    }

    /// Takes all elements out.
    pub fn clear(&mut self) {
        self.elements.clear();
    }
}

/// What packets left behind in the rules of one node: elements of sets with their expiry,
/// whose turn it is in each `numgen inc`, and the addresses seen by `-m recent`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DynamicElements {
    by_set: BTreeMap<(super::TableKey, Name), BTreeMap<Datum, Option<Instant>>>,
    turns: BTreeMap<(Name, usize), u32>,
    /// The lists of iptables' `-m recent`.
    pub recent: super::RecentLists,
    /// The connections ip_vs knows.
    pub ipvs: super::ipvs::State,
}

impl DynamicElements {
    /// Whether the set holds this key at this time.
    #[must_use]
    pub fn holds(&self, set: &(super::TableKey, Name), key: &Datum, now: Instant) -> bool {
        self.by_set
            .get(set)
            .and_then(|it| it.get(key))
            .is_some_and(|expires| expires.is_none_or(|it| now < it))
    }

    /// Adds a key until `expires`; an element that is there and alive stays as it is unless it is
    /// to be refreshed.
    pub fn put(
        &mut self,
        set: (super::TableKey, Name),
        key: Datum,
        kind: super::UpdateKind,
        now: Instant,
        expires: Option<Instant>,
    ) {
        if kind == super::UpdateKind::Add && self.holds(&set, &key, now) {
            return;
        }
        self.by_set.entry(set).or_default().insert(key, expires);
    }

    /// The next number of a `numgen inc`, which counts for each rule of a chain by itself.
    pub fn turn(&mut self, site: (Name, usize), modulus: u32) -> u32 {
        let next = self.turns.entry(site).or_default();
        let turn = *next % modulus;
        *next = turn + 1;
        turn
    }

    /// The keys of a set that are alive, with the time they expire.
    pub fn alive<'a>(
        &'a self,
        set: &(super::TableKey, Name),
        now: Instant,
    ) -> impl Iterator<Item = (&'a Datum, Option<Instant>)> {
        self.by_set
            .get(set)
            .into_iter()
            .flatten()
            .map(|(key, expires)| (key, *expires))
            .filter(move |(_, expires)| expires.is_none_or(|it| now < it))
    }
}

/// The sets written out inside a rule, for whoever wants to name their elements.
impl Rule {
    /// The elements of the rule's anonymous sets and maps.
    pub fn anonymous_elements(&self) -> impl Iterator<Item = &Element> {
        use super::{Expression, NatTarget, Operand, SetReference, Statement};
        self.statements.iter().flat_map(|it| {
            let reference = match it {
                Statement::Match {
                    right: Operand::Set(it),
                    ..
                }
                | Statement::VerdictMap { map: it, .. }
                | Statement::Nat {
                    target: Some(NatTarget::Mapped(Expression::Map { map: it, .. })),
                    ..
                } => Some(it),
                _ => None,
            };
            match reference {
                Some(SetReference::Anonymous(elements)) => elements.as_slice(),
                _ => &[],
            }
        })
    }
}
