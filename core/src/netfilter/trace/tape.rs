//! What a pass writes while it is under way: short entries in one list, and beside it lists of what they speak of.
//!
//! A packet meets dozens of rules, and most of what is noted nobody ever reads. So a rule that did not hold costs one entry and the
//! value that was found, a name is taken along where a packet goes and not at every rule, and the parts of a key lie next to one
//! another. [`Trace::events`] tells all of it as whole events.
//!
//! **Left out**: reading backwards: who wants the last event collects them.

use super::{Entered, Lookup, LookupResult, Skipped, TraceEvent, Written};
use crate::netfilter::conntrack::{ConnectionId, Found, Rewrite};
use crate::netfilter::ruleset::Names;
use crate::netfilter::{Datum, Hook, Name, Policy, Table, TableKey, Verdict};
use serde::Serialize;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// What happened to a packet on one host, in order.
#[derive(Clone, Default)]
pub struct Trace {
    entries: Vec<Entry>,
    /// The tables that were met, with the names of what is in them.
    tables: Vec<Met>,
    /// Names that stand in no table: of sets, and of chains that are not there.
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

/// A table that was met. Its chains are named by their places, so that no name is taken along by itself.
#[derive(Clone)]
struct Met {
    key: TableKey,
    chains: Names,
}

/// Where a name stands: a chain's in its table, or one among the other names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::netfilter) struct NameIdx(u32);

/// Neighbours in a list: the first, and the one behind the last, in one number.
///
/// One, because every rule hands one on: two halves would be put together in memory each time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::netfilter) struct Span(u64);

/// How far the lists had come when a rule began. What it noted is forgotten if it does not hold.
#[derive(Clone, Copy, Debug)]
pub(in crate::netfilter) struct Start {
    names: usize,
    values: usize,
    lookups: usize,
    written: usize,
}

/// A verdict in one number, as every rule hands one on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::netfilter) struct KeptVerdict(u32);

/// A verdict that names a chain by its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::netfilter) enum Decision {
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
    /// What comes after it is about the same table.
    ChainEntered {
        table: u16,
        chain: u32,
        entered: Entered,
    },
    /// With the next look-ups, and the next things written.
    RuleMatched {
        chain: u32,
        rule: u32,
        n_lookups: u16,
        n_written: u16,
        verdict: KeptVerdict,
    },
    RuleSkipped {
        chain: u32,
        rule: u32,
        statement: u16,
        found: Span,
    },
    PolicyReached {
        chain: u32,
        policy: Policy,
    },
    /// The next of what was rewritten.
    Rewritten,
    Confirmed(ConnectionId),
    /// The next of the rare ones.
    Rare,
}

/// Marks a name that stands in no table.
const APART: u32 = 1 << 28;

// Thirty of them are freed and had again at every packet: an allocator is quick with a kilobyte, and slow with two.
const _: () = assert!(size_of::<Entry>() <= 24);

/// How far a reader has come in each list.
#[derive(Default)]
struct Reader {
    table: u16,
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

impl NameIdx {
    /// The place of a chain in its table, if it stands there.
    pub(in crate::netfilter) const fn place(self) -> Option<u32> {
        match self.0 & APART {
            0 => Some(self.0),
            _ => None,
        }
    }
}

impl Span {
    /// Nothing at all.
    pub(in crate::netfilter) const NONE: Span = Span(0);

    fn new(range: Range<usize>) -> Self {
        let (from, to) = (place(range.start), place(range.end));
        Span(u64::from(from) << 32 | u64::from(to))
    }

    const fn from(self) -> usize {
        (self.0 >> 32) as usize
    }

    const fn range(self) -> Range<usize> {
        self.from()..(self.0 & 0xffff_ffff) as usize
    }
}

impl KeptVerdict {
    pub(in crate::netfilter) const ACCEPT: KeptVerdict = KeptVerdict(0);
    pub(in crate::netfilter) const DROP: KeptVerdict = KeptVerdict(1);
    pub(in crate::netfilter) const CONTINUE: KeptVerdict = KeptVerdict(2);
    const RETURN: KeptVerdict = KeptVerdict(3);

    const fn jump(NameIdx(to): NameIdx) -> Self {
        KeptVerdict(to << 3 | 4)
    }

    const fn goto(NameIdx(to): NameIdx) -> Self {
        KeptVerdict(to << 3 | 5)
    }

    /// What it says.
    pub(in crate::netfilter) const fn decision(self) -> Decision {
        let to = NameIdx(self.0 >> 3);
        match self.0 & 7 {
            0 => Decision::Accept,
            1 => Decision::Drop,
            2 => Decision::Continue,
            3 => Decision::Return,
            4 => Decision::Jump(to),
            _ => Decision::Goto(to),
        }
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
                table,
                chain,
                entered,
            } => {
                reader.table = table;
                TraceEvent::ChainEntered {
                    table: self.tables[usize::from(table)].key.clone(),
                    chain: self.chain(reader, chain),
                    entered,
                }
            }
            Entry::RuleMatched {
                chain,
                rule,
                n_lookups,
                n_written,
                verdict,
            } => TraceEvent::RuleMatched {
                chain: self.chain(reader, chain),
                rule: rule as usize,
                lookups: next(&self.lookups, &mut reader.lookups, n_lookups)
                    .iter()
                    .map(|it| self.lookup(reader, it))
                    .collect(),
                written: next(&self.written, &mut reader.written, n_written).to_vec(),
                verdict: self.verdict(reader, verdict),
            },
            Entry::RuleSkipped {
                chain,
                rule,
                statement,
                found,
            } => TraceEvent::RuleSkipped {
                chain: self.chain(reader, chain),
                rule: rule as usize,
                skipped: Skipped {
                    statement: statement.into(),
                    found: (found != Span::NONE).then(|| self.datum(found)),
                },
            },
            Entry::PolicyReached { chain, policy } => TraceEvent::PolicyReached {
                chain: self.chain(reader, chain),
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

    fn chain(&self, reader: &Reader, place: u32) -> Name {
        let names = &self.tables[usize::from(reader.table)].chains;
        names[place as usize].clone()
    }

    fn target(&self, reader: &Reader, target: NameIdx) -> Name {
        match target.place() {
            Some(place) => self.chain(reader, place),
            None => self.apart(target),
        }
    }

    fn verdict(&self, reader: &Reader, kept: KeptVerdict) -> Verdict {
        match kept.decision() {
            Decision::Accept => Verdict::Accept,
            Decision::Drop => Verdict::Drop,
            Decision::Continue => Verdict::Continue,
            Decision::Return => Verdict::Return,
            Decision::Jump(chain) => Verdict::Jump(self.target(reader, chain)),
            Decision::Goto(chain) => Verdict::Goto(self.target(reader, chain)),
        }
    }

    fn lookup(&self, reader: &Reader, kept: &KeptLookup) -> Lookup {
        Lookup {
            set: kept.set.map(|it| self.target(reader, it)),
            key: self.datum(kept.key),
            result: match kept.result {
                KeptResult::Present => LookupResult::Present,
                KeptResult::Verdict(it) => LookupResult::Verdict(self.verdict(reader, it)),
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
    /// The same memory with nothing in it, for the next packet of whoever has read what the last one wrote.
    #[must_use]
    pub fn emptied(mut self) -> Self {
        self.entries.clear();
        self.tables.clear();
        self.names.clear();
        self.values.clear();
        self.lookups.clear();
        self.written.clear();
        self.found.clear();
        self.rewritten.clear();
        self.rare.clear();
        self
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
    pub(in crate::netfilter) fn enter_chain(&mut self, table: u16, chain: u32, entered: Entered) {
        self.entries.push(Entry::ChainEntered {
            table,
            chain,
            entered,
        });
    }

    pub(in crate::netfilter) fn reach_policy(&mut self, chain: u32, policy: Policy) {
        self.entries.push(Entry::PolicyReached { chain, policy });
    }

    /// Takes the names of a table's chains along; where it stands among the tables.
    pub(in crate::netfilter) fn meet_table(&mut self, table: &Table) -> u16 {
        let chains = table.chains.names();
        let met = self
            .tables
            .iter()
            .position(|it| Arc::ptr_eq(&it.chains, chains));
        few(met.unwrap_or_else(|| {
            self.tables.push(Met {
                key: table.key.clone(),
                chains: chains.clone(),
            });
            self.tables.len() - 1
        }))
    }

    /// Takes a name along that stands in no table.
    fn note(&mut self, name: &Name) -> NameIdx {
        let idx = NameIdx(place(self.names.len()) | APART);
        self.names.push(name.clone());
        idx
    }

    /// The name of a target that stands in no table.
    pub(in crate::netfilter) fn apart(&self, NameIdx(at): NameIdx) -> Name {
        let name = self.names.get((at & !APART) as usize);
        name.cloned().unwrap_or_default()
    }

    /// Takes along where a verdict leads.
    pub(in crate::netfilter) fn note_verdict(
        &mut self,
        verdict: &Verdict,
        table: &Table,
    ) -> KeptVerdict {
        let mut target = |name: &Name| match table.chains.placed(name) {
            Some((place, _)) => NameIdx(place),
            None => self.note(name),
        };
        match verdict {
            Verdict::Accept => KeptVerdict::ACCEPT,
            Verdict::Drop => KeptVerdict::DROP,
            Verdict::Continue => KeptVerdict::CONTINUE,
            Verdict::Return => KeptVerdict::RETURN,
            Verdict::Jump(name) => KeptVerdict::jump(target(name)),
            Verdict::Goto(name) => KeptVerdict::goto(target(name)),
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

    /// Adds a value once more.
    pub(in crate::netfilter) fn repeat_value(&mut self, value: Span) -> Span {
        let from = self.repeat(value.range());
        self.since(from)
    }

    /// Forgets the value at the end.
    pub(in crate::netfilter) fn forget(&mut self, value: Span) {
        self.values.truncate(value.from());
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
        (chain, rule): (u32, usize),
        statement: usize,
        found: Span,
    ) {
        self.names.truncate(start.names);
        self.lookups.truncate(start.lookups);
        self.written.truncate(start.written);
        let mut found = found;
        if found == Span::NONE {
            self.values.truncate(start.values);
        } else if found.from() > start.values {
            self.values.drain(start.values..found.from());
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
        (chain, rule): (u32, usize),
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

/// Alike if the same happened, whatever else stands in the tables.
impl PartialEq for Trace {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.events().eq(other.events())
    }
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
