//! The evaluator: a packet meets the rules of one hook, as Linux would have it.
//!
//! Order on a hook: base chains by priority, with connection tracking at -200 (prerouting and
//! output), all nat chains together at -100 or 100, confirmation last (input and postrouting).
//! Imitates `nf_hook_slow`, `nft_do_chain` and `nf_nat_inet_fn` of Linux 6.18.
//!
//! **Left out**: queues to user space, transparent proxies, helpers: a packet that meets one has an
//! unknown outcome.

mod act;
mod nat;
mod value;

use super::conntrack::{Conntrack, Direction, Manipulation, Rewrite};
use super::{
    Chain, ChainType, Datum, DynamicElements, Entered, Hook, Lookup, Name, Outcome, Policy,
    Priority, RejectWith, Ruleset, Skipped, Table, Trace, TraceEvent, Travelling, Unknown, Verdict,
    Written, ct_state,
};
use crate::chance::Chooser;
use crate::net::RouteTable;
use crate::time::Instant;

/// The kernel's own limit on jumps within jumps (`NFT_JUMP_STACK_SIZE`).
const MAX_DEPTH: usize = 16;

/// One packet's pass through the hooks of one host: everything the rules can read and write.
#[derive(Debug)]
pub struct Pass<'a> {
    /// The rules.
    pub ruleset: &'a Ruleset,
    /// The host's interfaces and routes.
    pub routes: &'a RouteTable,
    /// The host's connections.
    pub conntrack: &'a mut Conntrack,
    /// What packets added to sets.
    pub dynamic: &'a mut DynamicElements,
    /// Where chance comes from.
    pub chooser: &'a mut Chooser,
    /// The time.
    pub now: Instant,
    /// What has happened so far.
    pub trace: Trace,
}

/// What the rules of one chain came to.
enum ChainEnd {
    Accepted,
    Dropped {
        rule: usize,
        chain: Name,
    },
    Rejected {
        rule: usize,
        chain: Name,
        with: RejectWith,
    },
    Fallthrough,
    Unknown(Unknown),
    TooDeep {
        chain: Name,
    },
}

/// What one rule came to.
enum RuleEnd {
    Skipped(Skipped),
    Verdict(Verdict),
    Reject(RejectWith),
    Unknown(Name),
}

/// What a rule did before it ended.
#[derive(Default)]
struct Deeds {
    lookups: Vec<Lookup>,
    written: Vec<Written>,
}

impl Pass<'_> {
    /// Takes a packet through one hook.
    pub fn hook(&mut self, hook: Hook, it: &mut Travelling) -> Outcome {
        self.trace.events.reserve(16);
        self.trace.events.push(TraceEvent::HookEntered { hook });
        let family = it.packet.family();
        let mut chains = self.ruleset.base_chains(hook);
        chains.retain(|(table, _)| table.key.family.sees(family));
        let is_nat = |chain: &Chain| chain.base.is_some_and(|it| it.kind == ChainType::Nat);
        let tracked_at = chains.partition_point(|(_, it)| before(it, Priority::CONNTRACK));
        let nat_at = chains.partition_point(|(_, it)| before(it, Priority::of_nat(hook)));
        let (before_tracking, before_nat, after_nat) = (
            0..tracked_at,
            tracked_at..nat_at.max(tracked_at),
            nat_at.max(tracked_at)..chains.len(),
        );
        for (part, idxs) in [before_tracking, before_nat, after_nat]
            .into_iter()
            .enumerate()
        {
            match part {
                1 if hook.tracks() && it.tracking.is_none() => self.track(it),
                2 => {
                    if let Some(end) = self.translations(hook, &chains, it) {
                        return end;
                    }
                }
                _ => {}
            }
            for (table, chain) in chains[idxs].iter().filter(|it| !is_nat(it.1)) {
                if let Some(end) = self.base_chain(table, chain, hook, it) {
                    return end;
                }
            }
        }
        if hook.confirms()
            && let Some(tracking) = &mut it.tracking
            && let Some(connection) = self.conntrack.confirm(tracking)
        {
            self.trace.events.push(TraceEvent::Confirmed { connection });
        }
        Outcome::Accepted
    }

    /// Address translation and ip_vs, which hangs before the source is translated and after the
    /// destination is.
    fn translations(
        &mut self,
        hook: Hook,
        chains: &[(&Table, &Chain)],
        it: &mut Travelling,
    ) -> Option<Outcome> {
        match hook {
            Hook::Forward => self.ipvs(hook, it),
            Hook::Output => {
                let end = self.nat(hook, chains, it);
                end.or_else(|| self.ipvs(hook, it))
            }
            _ => {
                let end = self.ipvs(hook, it);
                end.or_else(|| self.nat(hook, chains, it))
            }
        }
    }

    fn track(&mut self, it: &mut Travelling) {
        if it.untracked {
            return;
        }
        let (tracking, found) = self.conntrack.track_in(it.zone, &it.packet, self.now);
        it.tracking = tracking;
        self.trace.events.push(TraceEvent::Tracked { found });
    }

    /// The nat chains of a hook: asked once a connection, obeyed by every packet of it.
    fn nat(
        &mut self,
        hook: Hook,
        chains: &[(&Table, &Chain)],
        it: &mut Travelling,
    ) -> Option<Outcome> {
        let which = match hook {
            Hook::Prerouting | Hook::Output | Hook::Forward => Manipulation::Destination,
            Hook::Input | Hook::Postrouting => Manipulation::Source,
        };
        let tracking = it.tracking.as_ref()?;
        let is_first = tracking.state == ct_state::NEW && !tracking.is_error;
        if is_first && !self.conntrack.is_decided(tracking, which) {
            let is_nat = |chain: &Chain| chain.base.is_some_and(|it| it.kind == ChainType::Nat);
            for (table, chain) in chains.iter().filter(|it| is_nat(it.1)) {
                if let Some(end) = self.base_chain(table, chain, hook, it) {
                    return Some(end);
                }
                let tracking = it.tracking.as_ref()?;
                if self.conntrack.is_decided(tracking, which) {
                    break;
                }
            }
            let tracking = it.tracking.as_mut()?;
            if !self.conntrack.is_decided(tracking, which) {
                self.conntrack.decide(tracking, which, None, self.chooser);
            }
        } else if chains
            .iter()
            .any(|(_, it)| it.base.is_some_and(|it| it.kind == ChainType::Nat))
        {
            let connection = self.conntrack.connection(tracking);
            let translation = connection
                .is_translated()
                .then_some((connection.original, connection.reply));
            self.trace
                .events
                .push(TraceEvent::NatSkipped { translation });
        }
        let tracking = it.tracking.as_ref()?;
        let undone = match tracking.direction {
            Direction::Original => Undone::No,
            Direction::Reply => Undone::Yes,
        };
        let rewrites = self.conntrack.translate(tracking, which, &mut it.packet);
        self.tell_rewrites(rewrites, undone);
        None
    }

    /// Writes down what was rewritten.
    pub(super) fn tell_rewrites(&mut self, rewrites: [Option<Rewrite>; 2], undone: Undone) {
        let rewrites = rewrites.into_iter().flatten();
        self.trace
            .events
            .extend(rewrites.map(|it| TraceEvent::Rewritten {
                field: it.field,
                before: it.before,
                after: it.after,
                undone: undone == Undone::Yes,
            }));
    }

    /// A base chain and all it calls; none if the packet goes on to the next one.
    fn base_chain(
        &mut self,
        table: &Table,
        chain: &Chain,
        hook: Hook,
        it: &mut Travelling,
    ) -> Option<Outcome> {
        if chain.rules.is_empty() && chain.base.is_some_and(|it| it.policy == Policy::Accept) {
            return None;
        }
        let place = Place {
            table,
            hook,
            depth: 0,
        };
        match self.chain(place, chain, Entered::Hook, it) {
            ChainEnd::Accepted => None,
            ChainEnd::Dropped { rule, chain } => Some(Outcome::Dropped {
                chain,
                rule: Some(rule),
            }),
            ChainEnd::Rejected { rule, chain, with } => {
                Some(Outcome::Rejected { chain, rule, with })
            }
            ChainEnd::Unknown(unknown) => Some(Outcome::Unknown(unknown)),
            ChainEnd::TooDeep { chain } => Some(Outcome::TooDeep { chain }),
            ChainEnd::Fallthrough => {
                let policy = chain.base.map(|it| it.policy).unwrap_or_default();
                self.trace.events.push(TraceEvent::PolicyReached {
                    chain: chain.name.clone(),
                    policy,
                });
                (policy == Policy::Drop).then(|| Outcome::Dropped {
                    chain: chain.name.clone(),
                    rule: None,
                })
            }
        }
    }

    fn chain(
        &mut self,
        place: Place<'_>,
        chain: &Chain,
        entered: Entered,
        it: &mut Travelling,
    ) -> ChainEnd {
        let table = place.table;
        if place.depth > MAX_DEPTH {
            return ChainEnd::TooDeep {
                chain: chain.name.clone(),
            };
        }
        self.trace.events.push(TraceEvent::ChainEntered {
            table: table.key.clone(),
            chain: chain.name.clone(),
            entered,
        });
        for rule_idx in 0..chain.rules.len() {
            match self.rule(place, chain, rule_idx, it) {
                RuleEnd::Skipped(_) | RuleEnd::Verdict(Verdict::Continue) => {}
                RuleEnd::Verdict(Verdict::Accept) => return ChainEnd::Accepted,
                RuleEnd::Verdict(Verdict::Return) => return ChainEnd::Fallthrough,
                RuleEnd::Verdict(Verdict::Drop) => {
                    return ChainEnd::Dropped {
                        rule: rule_idx,
                        chain: chain.name.clone(),
                    };
                }
                RuleEnd::Reject(with) => {
                    return ChainEnd::Rejected {
                        rule: rule_idx,
                        chain: chain.name.clone(),
                        with,
                    };
                }
                RuleEnd::Unknown(text) => {
                    return ChainEnd::Unknown(Unknown {
                        chain: chain.name.clone(),
                        rule: rule_idx,
                        text,
                    });
                }
                RuleEnd::Verdict(Verdict::Jump(name)) => {
                    match self.call(place, &name, Entered::Jump, it) {
                        ChainEnd::Fallthrough => {}
                        end => return end,
                    }
                }
                RuleEnd::Verdict(Verdict::Goto(name)) => {
                    return self.call(place, &name, Entered::Goto, it);
                }
            }
        }
        ChainEnd::Fallthrough
    }

    fn call(
        &mut self,
        place: Place<'_>,
        name: &Name,
        entered: Entered,
        it: &mut Travelling,
    ) -> ChainEnd {
        match place.table.chains.get(name) {
            Some(chain) => {
                let deeper = Place {
                    depth: place.depth + 1,
                    ..place
                };
                self.chain(deeper, chain, entered, it)
            }
            // A ruleset that was applied as a transaction has no such gap; a hand-made one can.
            None => ChainEnd::Unknown(Unknown {
                chain: name.clone(),
                rule: 0,
                text: "chain that is not there".into(),
            }),
        }
    }

    fn rule(
        &mut self,
        place: Place<'_>,
        chain: &Chain,
        rule_idx: usize,
        it: &mut Travelling,
    ) -> RuleEnd {
        let mut deeds = Deeds::default();
        let rule = &chain.rules[rule_idx];
        let mut end = RuleEnd::Verdict(Verdict::Continue);
        for (idx, statement) in rule.statements.iter().enumerate() {
            let site = Site {
                table: place.table,
                hook: place.hook,
                chain,
                rule_idx,
                statement: idx,
            };
            end = self.statement(&site, statement, it, &mut deeds);
            if !matches!(end, RuleEnd::Verdict(Verdict::Continue)) {
                break;
            }
        }
        let chain = chain.name.clone();
        let Deeds { lookups, written } = deeds;
        let matched = |verdict| TraceEvent::RuleMatched {
            chain: chain.clone(),
            rule: rule_idx,
            lookups,
            written,
            verdict,
        };
        let (event, end) = match end {
            RuleEnd::Skipped(skipped) => {
                let event = TraceEvent::RuleSkipped {
                    chain,
                    rule: rule_idx,
                    skipped,
                };
                (event, RuleEnd::Verdict(Verdict::Continue))
            }
            RuleEnd::Unknown(text) => {
                let event = TraceEvent::UnknownMet(Unknown {
                    chain,
                    rule: rule_idx,
                    text: text.clone(),
                });
                (event, RuleEnd::Unknown(text))
            }
            RuleEnd::Verdict(verdict) => (matched(verdict.clone()), RuleEnd::Verdict(verdict)),
            RuleEnd::Reject(with) => (matched(Verdict::Drop), RuleEnd::Reject(with)),
        };
        self.trace.events.push(event);
        end
    }
}

/// Whether a rewriting undoes an earlier one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Undone {
    Yes,
    No,
}

/// In which table a chain is being gone through, on which hook, and how deep.
#[derive(Clone, Copy)]
struct Place<'a> {
    table: &'a Table,
    hook: Hook,
    depth: usize,
}

/// Where in the ruleset the evaluator stands.
struct Site<'a> {
    table: &'a Table,
    hook: Hook,
    chain: &'a Chain,
    rule_idx: usize,
    statement: usize,
}

impl Site<'_> {
    fn skipped(&self, found: Option<Datum>) -> RuleEnd {
        RuleEnd::Skipped(Skipped {
            statement: self.statement,
            found,
        })
    }
}

fn before(chain: &Chain, priority: Priority) -> bool {
    chain.base.is_some_and(|it| it.priority < priority)
}
