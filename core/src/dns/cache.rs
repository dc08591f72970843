//! The cache plugin: lifetimes made equal, answers kept, and kept denials.
//!
//! CoreDNS 1.14.7 `plugin/cache`. The settings are a [`CachePlugin`]; what is kept is a [`Cache`]
//! that the caller owns, and time is an argument.
//!
//! **Left out**: prefetch and serve_stale, which act between questions; capacity and eviction; the
//! bits DO and CD, by which a real cache keeps answers apart.

use super::message::{Answer, Question, Rcode, RecordType};
use super::name::longest_zone;
use crate::time::{Duration, Instant};
use std::collections::BTreeMap;

/// The settings of the plugin, as a Corefile gives them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CachePlugin {
    /// The zones whose names pass through it.
    pub zones: Vec<String>,
    /// How long answers are kept.
    pub success: Lifetimes,
    /// How long denials are kept.
    pub denial: Lifetimes,
    /// How many seconds a failure is kept.
    pub servfail: u32,
    /// The zones whose answers are not kept.
    pub disable_success: Vec<String>,
    /// The zones whose denials are not kept.
    pub disable_denial: Vec<String>,
}

/// The bounds of what records say about their lifetime, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetimes {
    /// At least.
    pub min: u32,
    /// At most.
    pub max: u32,
}

/// What a server has kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cache {
    answers: BTreeMap<(String, RecordType), Entry>,
    denials: BTreeMap<(String, RecordType), Entry>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    answer: Answer,
    ttl: u32,
    since: Instant,
}

/// What the cache sees in an answer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Success,
    Denial,
    Failure,
    /// Nothing that is kept.
    Other,
}

/// What is taken as the lifetime where no record says one.
const SHORT_SECS: u32 = 5;

impl Default for CachePlugin {
    /// As `cache` without a word more.
    fn default() -> Self {
        CachePlugin {
            zones: vec![".".into()],
            success: Lifetimes { min: 5, max: 3600 },
            denial: Lifetimes { min: 5, max: 1800 },
            servfail: 5,
            disable_success: Vec::new(),
            disable_denial: Vec::new(),
        }
    }
}

impl CachePlugin {
    /// Whether questions about this name pass through it.
    #[must_use]
    pub fn covers(&self, name: &str) -> bool {
        longest_zone(&self.zones, name).is_some()
    }

    /// Takes an answer in: all lifetimes become one, and it may be kept.
    pub fn keep(&self, cache: &mut Cache, question: &Question, now: Instant, answer: &mut Answer) {
        let class = classify(answer);
        let told = minimal_ttl(answer, class);
        let ttl = match class {
            Class::Denial => bounded(told, self.denial),
            Class::Failure => self.servfail,
            Class::Success | Class::Other => bounded(told, self.success),
        };
        set_ttl(answer, ttl);
        let (kept, except) = match class {
            Class::Success => (&mut cache.answers, &self.disable_success),
            Class::Denial | Class::Failure => (&mut cache.denials, &self.disable_denial),
            Class::Other => return,
        };
        // Nobody stands behind an answer with neither bit: a plugin gave up, and the server says so.
        let is_given_up = !answer.aa && !answer.ra;
        if answer.tc || ttl == 0 || is_given_up || longest_zone(except, &question.name).is_some() {
            return;
        }
        let answer = answer.clone();
        let since = now;
        kept.insert(key(question), Entry { answer, ttl, since });
    }
}

impl Cache {
    /// The kept answer, aged, if there is one that still holds. Whoever gives it out counts as
    /// keeping the zone.
    #[must_use]
    pub fn kept(&self, question: &Question, now: Instant) -> Option<Answer> {
        let key = key(question);
        [&self.denials, &self.answers].into_iter().find_map(|it| {
            let entry = it.get(&key)?;
            let ttl = remaining(entry, now)?;
            let mut answer = entry.answer.clone();
            answer.aa = true;
            set_ttl(&mut answer, ttl);
            Some(answer)
        })
    }

    /// How many answers and denials are kept that still hold.
    #[must_use]
    pub fn len(&self, now: Instant) -> usize {
        let all = self.answers.values().chain(self.denials.values());
        all.filter(|it| remaining(it, now).is_some()).count()
    }

    /// Whether none is kept that still holds.
    #[must_use]
    pub fn is_empty(&self, now: Instant) -> bool {
        self.len(now) == 0
    }

    /// What is kept at an instant: question, seconds left, answer; denials first.
    pub fn entries(&self, now: Instant) -> impl Iterator<Item = (Question, u32, &Answer)> {
        let all = self.denials.iter().chain(&self.answers);
        all.filter_map(move |((name, kind), entry)| {
            let question = Question {
                name: name.clone(),
                kind: *kind,
            };
            Some((question, remaining(entry, now)?, &entry.answer))
        })
    }
}

/// The upper bound wins, as `cache 3` shows: its answers live 3 seconds, not the least 5.
fn bounded(ttl: u32, by: Lifetimes) -> u32 {
    ttl.max(by.min).min(by.max)
}

fn key(question: &Question) -> (String, RecordType) {
    (question.name.to_ascii_lowercase(), question.kind)
}

fn remaining(entry: &Entry, now: Instant) -> Option<u32> {
    let age: Duration = now - entry.since;
    let age = u32::try_from(age.as_secs()).unwrap_or(u32::MAX);
    entry.ttl.checked_sub(age).filter(|it| *it > 0)
}

fn set_ttl(answer: &mut Answer, ttl: u32) {
    let sections = [
        &mut answer.answer,
        &mut answer.authority,
        &mut answer.additional,
    ];
    for record in sections.into_iter().flatten() {
        record.ttl = ttl;
    }
}

fn classify(answer: &Answer) -> Class {
    let has_soa = answer.authority.iter().any(|it| it.kind == RecordType::SOA);
    match answer.rcode {
        Rcode::NoError if answer.answer.is_empty() && has_soa => Class::Denial,
        Rcode::NoError => Class::Success,
        Rcode::NxDomain if has_soa => Class::Denial,
        Rcode::ServFail | Rcode::NotImp => Class::Failure,
        _ => Class::Other,
    }
}

fn minimal_ttl(answer: &Answer, class: Class) -> u32 {
    let records = answer.answer.iter().chain(&answer.authority);
    let shortest = records.chain(&answer.additional).map(|it| it.ttl).min();
    match class {
        Class::Success | Class::Denial => shortest.unwrap_or(SHORT_SECS),
        Class::Failure | Class::Other => SHORT_SECS,
    }
}
