//! Sets and maps: what a rule looks packets up in.
//!
//! Elements that packets themselves add (`update @set { … }`) live apart, in
//! [`DynamicElements`], because they belong to a running node and not to the rules.
//!
//! **Left out**: the policy and collection interval of a set; a full set takes more all the same; the
//! timeout of an element that no packet added is shown and not counted.

use super::{Datum, Name, Rule, Tag, Verdict};
use crate::indexed::Indexed;
use crate::sorted::sort_by;
use crate::time::{Duration, Instant};
use serde::Serialize;
use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};

/// A named set, or a map if it has values.
#[derive(Clone, Debug, Serialize)]
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
    /// How many elements it may hold.
    pub size: Option<u32>,
    /// Its comment.
    pub comment: Option<Name>,
    #[serde(serialize_with = "in_order")]
    elements: Indexed<Datum, Element>,
}

/// Alike if they are declared alike and hold the same elements.
impl PartialEq for Set {
    fn eq(&self, other: &Self) -> bool {
        let declared = |it: &Self| {
            (
                it.name.clone(),
                it.key_type.clone(),
                it.value_type.clone(),
                it.flags.clone(),
                it.timeout,
                it.size,
                it.comment.clone(),
            )
        };
        declared(self) == declared(other)
            && self.elements.len() == other.elements.len()
            && self.elements().eq(other.elements())
    }
}

impl Eq for Set {}

fn in_order<S: serde::Serializer>(
    elements: &Indexed<Datum, Element>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(by_key(elements))
}

fn by_key(elements: &Indexed<Datum, Element>) -> Vec<&Element> {
    let mut sorted: Vec<_> = elements.iter().map(|it| it.1).collect();
    sort_by(&mut sorted, |a, b| a.key.cmp(&b.key));
    sorted
}

/// A key in parts, which hashes as the key does.
struct Parts<'a>(&'a [Datum]);

impl Hash for Parts<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.iter().for_each(|it| it.hash(state));
    }
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
    /// How long it stays, where it does not stay for ever.
    pub timeout: Option<Duration>,
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
        let of = |it: &Self| (it.timeout, it.comment.clone());
        (&self.key, &self.value)
            .cmp(&(&other.key, &other.value))
            .then_with(|| of(self).cmp(&of(other)))
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
            timeout: None,
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
            size: None,
            comment: None,
            elements: Indexed::default(),
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

    /// The same without its elements: what is declared.
    #[must_use]
    pub fn bare(&self) -> Self {
        Set {
            name: self.name.clone(),
            key_type: self.key_type.clone(),
            value_type: self.value_type.clone(),
            flags: self.flags.clone(),
            timeout: self.timeout,
            size: self.size,
            comment: self.comment.clone(),
            elements: Indexed::default(),
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
        by_key(&self.elements).into_iter()
    }

    /// The same in no order that means anything.
    pub(super) fn unordered(&self) -> impl Iterator<Item = &Element> {
        self.elements.iter().map(|it| it.1)
    }

    /// Whether it has no element.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.elements.len() == 0
    }

    /// The element with exactly this key.
    #[must_use]
    pub fn get(&self, key: &Datum) -> Option<&Element> {
        self.elements.get(key)
    }

    /// The element that holds a packet's `value`: itself, a range it lies in, or the one for all
    /// others.
    #[must_use]
    pub fn find(&self, value: &Datum) -> Option<&Element> {
        self.find_parts(value.parts())
    }

    /// The same for a value in parts.
    #[must_use]
    pub fn find_parts(&self, parts: &[Datum]) -> Option<&Element> {
        if self.is_empty() {
            return None;
        }
        let is_exact = |key: &Datum| key.parts() == parts;
        if let Some(exact) = self.elements.find(&Parts(parts), is_exact) {
            return Some(exact);
        }
        if !self.flags.contains(&SetFlag::Interval) {
            return self.elements.get(&Datum::Any);
        }
        let elements = self.elements.iter().map(|it| it.1);
        let mut ranges = elements.filter(|it| it.key != Datum::Any);
        let holding = ranges.find(|it| it.key.holds_parts(parts));
        holding.or_else(|| self.elements.get(&Datum::Any))
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
        self.elements = Indexed::default();
    }
}

/// What packets left behind in the rules of one node: elements of sets with their expiry,
/// whose turn it is in each `numgen inc`, what limits and quotas have counted, and the addresses seen
/// by `-m recent`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DynamicElements {
    by_set: BTreeMap<(super::TableKey, Name), BTreeMap<Datum, Added>>,
    turns: BTreeMap<(super::TableKey, Name, usize), u32>,
    meters: BTreeMap<super::limit::MeterSite, Option<super::Metered>>,
    /// The lists of iptables' `-m recent`.
    pub recent: super::RecentLists,
    /// The connections ip_vs knows.
    pub ipvs: super::ipvs::State,
}

/// What a packet added to a set.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Added {
    expires: Option<Instant>,
    value: Option<Datum>,
}

impl Added {
    fn is_alive(&self, now: Instant) -> bool {
        self.expires.is_none_or(|it| now < it)
    }
}

impl DynamicElements {
    /// What a listing tells of elements that will expire.
    #[must_use]
    pub fn from_listing(listing: &super::dialect::nft::Listing, now: Instant) -> Self {
        let mut dynamic = DynamicElements::default();
        for (table, set, key, left) in &listing.expiring {
            let at = (table.clone(), set.clone());
            let kind = super::UpdateKind::Update;
            dynamic.put(at, key.clone(), kind, now, Some(now + *left));
        }
        dynamic
    }

    /// Whether the set holds this key at this time.
    #[must_use]
    pub fn holds(&self, set: &(super::TableKey, Name), key: &Datum, now: Instant) -> bool {
        self.find(set, key, now).is_some()
    }

    /// What the set holds for this key at this time: none if it is absent, else its value where the
    /// set is a map.
    #[must_use]
    pub fn find(
        &self,
        set: &(super::TableKey, Name),
        key: &Datum,
        now: Instant,
    ) -> Option<Option<&Datum>> {
        let added = self.by_set.get(set)?.get(key)?;
        added.is_alive(now).then_some(added.value.as_ref())
    }

    /// Whether no packet has added anything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_set.is_empty()
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
        self.put_value(set, key, None, kind, now, expires);
    }

    /// The same for a map.
    pub fn put_value(
        &mut self,
        set: (super::TableKey, Name),
        key: Datum,
        value: Option<Datum>,
        kind: super::UpdateKind,
        now: Instant,
        expires: Option<Instant>,
    ) {
        match kind {
            super::UpdateKind::Delete => {
                if let Some(elements) = self.by_set.get_mut(&set) {
                    elements.remove(&key);
                }
            }
            super::UpdateKind::Add if self.holds(&set, &key, now) => {}
            super::UpdateKind::Add | super::UpdateKind::Update => {
                let elements = self.by_set.entry(set).or_default();
                elements.insert(key, Added { expires, value });
            }
        }
    }

    /// The next number of a `numgen inc`, which counts for each rule of a chain by itself.
    pub fn turn(&mut self, site: (super::TableKey, Name, usize), modulus: u32) -> u32 {
        let next = self.turns.entry(site).or_default();
        let turn = *next % modulus;
        *next = turn + 1;
        turn
    }

    /// How far a limit or quota has come.
    pub(super) fn meter(&mut self, site: super::limit::MeterSite) -> &mut Option<super::Metered> {
        self.meters.entry(site).or_default()
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
            .filter(move |(_, added)| added.is_alive(now))
            .map(|(key, added)| (key, added.expires))
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
