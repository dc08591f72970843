//! What a pass writes while it is under way: short entries in one list, and beside it lists of what they speak of.
//!
//! A packet meets dozens of rules, and most of what is noted nobody ever reads. So a rule that did not hold costs one entry and the
//! value that was found, a name is taken along where a packet goes and not at every rule, and the parts of a key lie next to one
//! another. [`Trace::events`] tells all of it as whole events.
//!
//! **Left out**: reading backwards: who wants the last event collects them.

use super::{Entered, Lookup, LookupResult, Skipped, TraceEvent, Written};
use crate::netfilter::conntrack::{ConnectionId, Found, Rewrite};
use crate::netfilter::{Datum, Hook, Name, Policy, TableFamily, TableKey, Verdict};
use serde::Serialize;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// What happened to a packet on one host, in order.
#[derive(Clone, Default, PartialEq)]
pub struct Trace {
    entries: Vec<Entry>,
    /// Tables, chains and sets, as they were met.
    names: Vec<Name>,
    /// What packets had, part by part.
    values: Vec<Datum>,
    lookups: Vec<KeptLookup>,
    written: Vec<Written>,
    found: Vec<Found>,
    rewritten: Vec<(Rewrite, Undone)>,
    /// Events too rare for an entry of their own.
    rare: Vec<TraceEvent>,
}

/// Where a name stands among the names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::netfilter) struct NameIdx(u32);

/// Neighbours in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::netfilter) struct Span {
    from: u32,
    to: u32,
}

/// How far the lists had come when a rule began. What it noted is forgotten if it does not hold.
#[derive(Clone, Copy, Debug)]
pub(in crate::netfilter) struct Start {
    names: usize,
    values: usize,
    lookups: usize,
    written: usize,
}

/// A verdict that names a chain by its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::netfilter) enum KeptVerdict {
    Accept,
    Drop,
    Continue,
    Return,
    Jump(NameIdx),
    Goto(NameIdx),
}

/// Whether a rewriting undoes an earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::netfilter) enum Undone {
    Yes,
    No,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Entry {
    HookEntered(Hook),
    /// The next of what was found.
    Tracked,
    ChainEntered {
        family: TableFamily,
        table: NameIdx,
        chain: NameIdx,
        entered: Entered,
    },
    /// With the next look-ups, and the next things written.
    RuleMatched {
        chain: NameIdx,
        rule: u32,
        n_lookups: u16,
        n_written: u16,
        verdict: KeptVerdict,
    },
    RuleSkipped {
        chain: NameIdx,
        rule: u32,
        statement: u16,
        found: Span,
    },
    PolicyReached {
        chain: NameIdx,
        policy: Policy,
    },
    /// The next of what was rewritten.
    Rewritten,
    Confirmed(ConnectionId),
    /// The next of the rare ones.
    Rare,
}

// Thirty of them are freed and had again at every packet: an allocator is quick with a kilobyte, and slow with two.
const _: () = assert!(size_of::<Entry>() <= 24);

/// How far a reader has come in each list.
#[derive(Default)]
struct Reader {
    lookups: usize,
    written: usize,
    found: usize,
    rewritten: usize,
    rare: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct KeptLookup {
    set: Option<NameIdx>,
    key: Span,
    result: KeptResult,
}

/// What a look-up found, by places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::netfilter) enum KeptResult {
    Present,
    Verdict(KeptVerdict),
    Data(Span),
    Absent,
}

impl Span {
    /// Nothing at all.
    pub(in crate::netfilter) const NONE: Span = Span { from: 0, to: 0 };

    fn new(range: Range<usize>) -> Self {
        Span {
            from: place(range.start),
            to: place(range.end),
        }
    }

    fn range(self) -> Range<usize> {
        self.from as usize..self.to as usize
    }
}

/// Reading.
impl Trace {
    /// All that happened.
    pub fn events(&self) -> impl ExactSizeIterator<Item = TraceEvent> {
        let mut reader = Reader::default();
        self.entries
            .iter()
            .map(move |it| self.event(it, &mut reader))
    }

    /// How many events there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing has happened.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn event(&self, entry: &Entry, reader: &mut Reader) -> TraceEvent {
        match *entry {
            Entry::HookEntered(hook) => TraceEvent::HookEntered { hook },
            Entry::Tracked => {
                let found = next(&self.found, &mut reader.found, 1)[0];
                TraceEvent::Tracked { found }
            }
            Entry::ChainEntered {
                family,
                table,
                chain,
                entered,
            } => TraceEvent::ChainEntered {
                table: TableKey {
                    family,
                    name: self.name(table),
                },
                chain: self.name(chain),
                entered,
            },
            Entry::RuleMatched {
                chain,
                rule,
                n_lookups,
                n_written,
                verdict,
            } => TraceEvent::RuleMatched {
                chain: self.name(chain),
                rule: rule as usize,
                lookups: next(&self.lookups, &mut reader.lookups, n_lookups)
                    .iter()
                    .map(|it| self.lookup(it))
                    .collect(),
                written: next(&self.written, &mut reader.written, n_written).to_vec(),
                verdict: self.verdict(verdict),
            },
            Entry::RuleSkipped {
                chain,
                rule,
                statement,
                found,
            } => TraceEvent::RuleSkipped {
                chain: self.name(chain),
                rule: rule as usize,
                skipped: Skipped {
                    statement: statement.into(),
                    found: (found != Span::NONE).then(|| self.datum(found)),
                },
            },
            Entry::PolicyReached { chain, policy } => TraceEvent::PolicyReached {
                chain: self.name(chain),
                policy,
            },
            Entry::Rewritten => {
                let (rewrite, undone) = next(&self.rewritten, &mut reader.rewritten, 1)[0];
                TraceEvent::Rewritten {
                    field: rewrite.field,
                    before: rewrite.before,
                    after: rewrite.after,
                    undone: undone == Undone::Yes,
                }
            }
            Entry::Confirmed(connection) => TraceEvent::Confirmed { connection },
            Entry::Rare => next(&self.rare, &mut reader.rare, 1)[0].clone(),
        }
    }

    fn name(&self, idx: NameIdx) -> Name {
        self.names[idx.0 as usize].clone()
    }

    fn verdict(&self, kept: KeptVerdict) -> Verdict {
        match kept {
            KeptVerdict::Accept => Verdict::Accept,
            KeptVerdict::Drop => Verdict::Drop,
            KeptVerdict::Continue => Verdict::Continue,
            KeptVerdict::Return => Verdict::Return,
            KeptVerdict::Jump(chain) => Verdict::Jump(self.name(chain)),
            KeptVerdict::Goto(chain) => Verdict::Goto(self.name(chain)),
        }
    }

    fn lookup(&self, kept: &KeptLookup) -> Lookup {
        Lookup {
            set: kept.set.map(|it| self.name(it)),
            key: self.datum(kept.key),
            result: match kept.result {
                KeptResult::Present => LookupResult::Present,
                KeptResult::Verdict(it) => LookupResult::Verdict(self.verdict(it)),
                KeptResult::Data(it) => LookupResult::Data(self.datum(it)),
                KeptResult::Absent => LookupResult::Absent,
            },
        }
    }

    /// The parts of a value.
    pub(in crate::netfilter) fn parts(&self, span: Span) -> &[Datum] {
        &self.values[span.range()]
    }

    /// A value as one.
    pub(in crate::netfilter) fn datum(&self, span: Span) -> Datum {
        Datum::from_parts(self.parts(span))
    }
}

/// Writing.
impl Trace {
    /// An empty one with room for as much as another holds.
    #[must_use]
    pub fn with_room_of(other: &Trace) -> Self {
        Trace {
            entries: Vec::with_capacity(other.entries.len()),
            names: Vec::with_capacity(other.names.len()),
            values: Vec::with_capacity(other.values.len()),
            lookups: Vec::with_capacity(other.lookups.len()),
            written: Vec::with_capacity(other.written.len()),
            found: Vec::with_capacity(other.found.len()),
            rewritten: Vec::with_capacity(other.rewritten.len()),
            rare: Vec::new(),
        }
    }

    /// Notes an event that is rare.
    pub(in crate::netfilter) fn tell(&mut self, event: TraceEvent) {
        self.rare.push(event);
        self.entries.push(Entry::Rare);
    }

    pub(in crate::netfilter) fn enter_hook(&mut self, hook: Hook) {
        self.entries.reserve(16);
        self.entries.push(Entry::HookEntered(hook));
    }

    pub(in crate::netfilter) fn track(&mut self, found: Found) {
        self.found.push(found);
        self.entries.push(Entry::Tracked);
    }

    pub(in crate::netfilter) fn confirm(&mut self, connection: ConnectionId) {
        self.entries.push(Entry::Confirmed(connection));
    }

    /// Notes what was rewritten, and whether that undoes an earlier translation.
    pub(in crate::netfilter) fn rewrite(&mut self, rewrite: Rewrite, undone: Undone) {
        self.rewritten.push((rewrite, undone));
        self.entries.push(Entry::Rewritten);
    }

    /// Notes that a chain of a table was entered.
    pub(in crate::netfilter) fn enter_chain(
        &mut self,
        (family, table): (TableFamily, NameIdx),
        chain: NameIdx,
        entered: Entered,
    ) {
        self.entries.push(Entry::ChainEntered {
            family,
            table,
            chain,
            entered,
        });
    }

    pub(in crate::netfilter) fn reach_policy(&mut self, chain: NameIdx, policy: Policy) {
        self.entries.push(Entry::PolicyReached { chain, policy });
    }

    /// Takes a name along.
    pub(in crate::netfilter) fn note(&mut self, name: &Name) -> NameIdx {
        if let Some(last) = self.names.last()
            && Arc::ptr_eq(last, name)
        {
            return NameIdx(place(self.names.len() - 1));
        }
        let idx = NameIdx(place(self.names.len()));
        self.names.push(name.clone());
        idx
    }

    /// Takes the name of a table along, once where there is only one.
    pub(in crate::netfilter) fn note_table(&mut self, name: &Name) -> NameIdx {
        match self.names.first() {
            Some(first) if Arc::ptr_eq(first, name) => NameIdx(0),
            _ => self.note(name),
        }
    }

    /// Takes along the chain that a verdict leads to.
    pub(in crate::netfilter) fn note_verdict(&mut self, verdict: &Verdict) -> KeptVerdict {
        match verdict {
            Verdict::Accept => KeptVerdict::Accept,
            Verdict::Drop => KeptVerdict::Drop,
            Verdict::Continue => KeptVerdict::Continue,
            Verdict::Return => KeptVerdict::Return,
            Verdict::Jump(name) => KeptVerdict::Jump(self.note(name)),
            Verdict::Goto(name) => KeptVerdict::Goto(self.note(name)),
        }
    }

    /// Where the next part of a value will stand.
    pub(in crate::netfilter) const fn n_values(&self) -> usize {
        self.values.len()
    }

    /// Adds a part.
    pub(in crate::netfilter) fn add(&mut self, part: Datum) {
        self.values.push(part);
    }

    /// Adds all parts of a value.
    pub(in crate::netfilter) fn add_parts(&mut self, value: &Datum) -> Span {
        let from = self.values.len();
        self.values.extend_from_slice(value.parts());
        self.since(from)
    }

    /// The parts added since.
    pub(in crate::netfilter) fn since(&self, from: usize) -> Span {
        Span::new(from..self.values.len())
    }

    /// Adds some parts once more; where they begin now.
    pub(in crate::netfilter) fn repeat(&mut self, parts: Range<usize>) -> usize {
        let from = self.values.len();
        self.values.extend_from_within(parts);
        from
    }

    /// Forgets the value at the end.
    pub(in crate::netfilter) fn forget(&mut self, value: Span) {
        self.values.truncate(value.from as usize);
    }

    /// A rule begins.
    pub(in crate::netfilter) const fn start(&self) -> Start {
        Start {
            names: self.names.len(),
            values: self.values.len(),
            lookups: self.lookups.len(),
            written: self.written.len(),
        }
    }

    /// A rule did not hold, because of a statement and what the packet had.
    pub(in crate::netfilter) fn skip(
        &mut self,
        start: Start,
        (chain, rule): (NameIdx, usize),
        statement: usize,
        found: Span,
    ) {
        self.names.truncate(start.names);
        self.lookups.truncate(start.lookups);
        self.written.truncate(start.written);
        let mut found = found;
        if found == Span::NONE {
            self.values.truncate(start.values);
        } else if found.from as usize > start.values {
            self.values.drain(start.values..found.from as usize);
            found = self.since(start.values);
        }
        self.entries.push(Entry::RuleSkipped {
            chain,
            rule: place(rule),
            statement: few(statement),
            found,
        });
    }

    /// A rule held to its end.
    pub(in crate::netfilter) fn matched(
        &mut self,
        start: Start,
        (chain, rule): (NameIdx, usize),
        verdict: KeptVerdict,
    ) {
        self.entries.push(Entry::RuleMatched {
            chain,
            rule: place(rule),
            n_lookups: few(self.lookups.len() - start.lookups),
            n_written: few(self.written.len() - start.written),
            verdict,
        });
    }

    /// Notes a look-up.
    pub(in crate::netfilter) fn look_up(
        &mut self,
        set: Option<&Name>,
        key: Span,
        result: KeptResult,
    ) {
        let set = set.map(|it| self.note(it));
        self.lookups.push(KeptLookup { set, key, result });
    }

    /// Notes what was written.
    pub(in crate::netfilter) fn write(&mut self, written: Written) {
        self.written.push(written);
    }

    /// Whether a rule has written nothing yet.
    pub(in crate::netfilter) const fn has_written_nothing(&self, start: Start) -> bool {
        self.written.len() == start.written
    }
}

/// The next so many of a list.
fn next<'a, T>(list: &'a [T], read: &mut usize, n: u16) -> &'a [T] {
    let from = *read;
    *read += usize::from(n);
    &list[from..*read]
}

/// A place in a list.
fn place(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// A number of statements of a rule, or of what they did.
fn few(n: usize) -> u16 {
    u16::try_from(n).unwrap_or(u16::MAX)
}

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.events()).finish()
    }
}

impl Serialize for Trace {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.events())
    }
}
