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
use super::ruleset::Based;
use super::trace::{Decision, KeptVerdict, NameIdx, Span, Start, Undone};
use super::{
    Chain, ChainType, DynamicElements, Entered, Hook, Name, Outcome, Policy, Priority, RejectWith,
    Ruleset, Table, TableKey, Trace, TraceEvent, Travelling, Unknown, ct_state,
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

/// What a statement, and so its rule, came to.
enum RuleEnd {
    GoesOn,
    /// It did not hold, because the packet had this.
    Skipped(Span),
    Decided(KeptVerdict),
    Rejected(RejectWith),
    Unknown(Box<Name>),
}

const GOES_ON: RuleEnd = RuleEnd::GoesOn;
/// It did not hold, and nothing can be shown that the packet had.
const SKIPPED: RuleEnd = RuleEnd::Skipped(Span::NONE);

impl<'a> Pass<'a> {
    /// Takes a packet through one hook.
    pub fn hook(&mut self, hook: Hook, it: &mut Travelling) -> Outcome {
        self.trace.enter_hook(hook);
        let family = it.packet.family();
        let chains = self.ruleset.base_chains(hook, family);
        let tracked_at = chains.partition_point(|it| before(it.chain, Priority::CONNTRACK));
        let nat_at = chains.partition_point(|it| before(it.chain, Priority::of_nat(hook)));
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
            for based in chains[idxs].iter().filter(|it| !is_nat(it)) {
                if let Some(end) = self.base_chain(based, hook, it) {
                    return end;
                }
            }
        }
        if hook.confirms()
            && let Some(tracking) = &mut it.tracking
            && let Some(connection) = self.conntrack.confirm(tracking)
        {
            self.trace.confirm(connection);
        }
        Outcome::Accepted
    }

    /// Address translation and ip_vs, which hangs before the source is translated and after the
    /// destination is.
    fn translations(
        &mut self,
        hook: Hook,
        chains: &[Based<'a>],
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
        self.trace.track(found);
    }

    /// The nat chains of a hook: asked once a connection, obeyed by every packet of it.
    fn nat(&mut self, hook: Hook, chains: &[Based<'a>], it: &mut Travelling) -> Option<Outcome> {
        let which = match hook {
            Hook::Prerouting | Hook::Output | Hook::Forward => Manipulation::Destination,
            Hook::Input | Hook::Postrouting => Manipulation::Source,
        };
        let tracking = it.tracking.as_ref()?;
        let is_first = tracking.state == ct_state::NEW && !tracking.is_error;
        if is_first && !self.conntrack.is_decided(tracking, which) {
            for based in chains.iter().filter(|it| is_nat(it)) {
                if let Some(end) = self.base_chain(based, hook, it) {
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
        } else if chains.iter().any(is_nat) {
            let connection = self.conntrack.connection(tracking);
            let translation = connection
                .is_translated()
                .then_some((connection.original, connection.reply));
            self.trace.tell(TraceEvent::NatSkipped { translation });
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
        for rewrite in rewrites.into_iter().flatten() {
            self.trace.rewrite(rewrite, undone);
        }
    }

    /// A base chain and all it calls; none if the packet goes on to the next one.
    fn base_chain(
        &mut self,
        &Based {
            table,
            chain,
            place,
        }: &Based<'a>,
        hook: Hook,
        it: &mut Travelling,
    ) -> Option<Outcome> {
        if chain.rules.is_empty() && chain.base.is_some_and(|it| it.policy == Policy::Accept) {
            return None;
        }
        let mut site = Site {
            table,
            table_idx: self.trace.meet_table(table),
            chain,
            place,
            hook,
            depth: 0,
            rule: 0,
            statement: 0,
            start: self.trace.start(),
        };
        match self.chain(&mut site, Entered::Hook, it) {
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
                self.trace.reach_policy(site.place, policy);
                (policy == Policy::Drop).then(|| Outcome::Dropped {
                    chain: chain.name.clone(),
                    rule: None,
                })
            }
        }
    }

    fn chain(&mut self, site: &mut Site<'a>, entered: Entered, it: &mut Travelling) -> ChainEnd {
        let chain = site.chain;
        let named = || chain.name.clone();
        if site.depth > MAX_DEPTH {
            return ChainEnd::TooDeep { chain: named() };
        }
        self.trace.enter_chain(site.table_idx, site.place, entered);
        for rule in 0..chain.rules.len() {
            site.rule = rule;
            match self.rule(site, it) {
                RuleEnd::GoesOn | RuleEnd::Skipped(_) => {}
                RuleEnd::Decided(verdict) => match verdict.decision() {
                    Decision::Jump(target) => match self.call(site, target, Entered::Jump, it) {
                        ChainEnd::Fallthrough => {}
                        end => return end,
                    },
                    Decision::Goto(target) => {
                        return self.call(site, target, Entered::Goto, it);
                    }
                    Decision::Accept => return ChainEnd::Accepted,
                    Decision::Return => return ChainEnd::Fallthrough,
                    Decision::Drop => {
                        let chain = named();
                        return ChainEnd::Dropped { rule, chain };
                    }
                    Decision::Continue => {}
                },
                RuleEnd::Rejected(with) => {
                    let chain = named();
                    return ChainEnd::Rejected { rule, chain, with };
                }
                RuleEnd::Unknown(text) => {
                    let (chain, text) = (named(), *text);
                    return ChainEnd::Unknown(Unknown { chain, rule, text });
                }
            }
        }
        ChainEnd::Fallthrough
    }

    fn call(
        &mut self,
        site: &Site<'a>,
        target: NameIdx,
        entered: Entered,
        it: &mut Travelling,
    ) -> ChainEnd {
        let place = target.place();
        match place.and_then(|it| Some((it, site.table.chains.at(it)?))) {
            Some((place, chain)) => {
                let mut deeper = Site {
                    chain,
                    place,
                    depth: site.depth + 1,
                    ..*site
                };
                self.chain(&mut deeper, entered, it)
            }
            // A ruleset that was applied as a transaction has no such gap; a hand-made one can.
            None => ChainEnd::Unknown(Unknown {
                chain: self.trace.apart(target),
                rule: 0,
                text: "chain that is not there".into(),
            }),
        }
    }

    fn rule(&mut self, site: &mut Site<'a>, it: &mut Travelling) -> RuleEnd {
        site.start = self.trace.start();
        let (at, rule) = ((site.place, site.rule), &site.chain.rules[site.rule]);
        let mut end = RuleEnd::GoesOn;
        for (idx, statement) in rule.statements.iter().enumerate() {
            site.statement = idx;
            end = self.statement(site, statement, it);
            match &end {
                RuleEnd::GoesOn => {}
                RuleEnd::Skipped(found) => {
                    self.trace.skip(site.start, at, idx, *found);
                    return end;
                }
                _ => break,
            }
        }
        let verdict = match &end {
            RuleEnd::GoesOn | RuleEnd::Skipped(_) => KeptVerdict::CONTINUE,
            RuleEnd::Decided(verdict) => *verdict,
            RuleEnd::Rejected(_) => KeptVerdict::DROP,
            RuleEnd::Unknown(text) => {
                self.trace.tell(TraceEvent::UnknownMet(Unknown {
                    chain: site.chain.name.clone(),
                    rule: site.rule,
                    text: Name::clone(text),
                }));
                return end;
            }
        };
        self.trace.matched(site.start, at, verdict);
        end
    }
}

/// Where in the ruleset the evaluator stands.
struct Site<'a> {
    table: &'a Table,
    /// Where it stands among the tables the trace has met.
    table_idx: u16,
    chain: &'a Chain,
    /// Where the chain stands in its table.
    place: u32,
    hook: Hook,
    /// How many jumps deep.
    depth: usize,
    rule: usize,
    statement: usize,
    /// Where the trace stood when the rule began.
    start: Start,
}

impl Site<'_> {
    /// The rule by the names of its table and chain.
    fn named(&self) -> (TableKey, Name, usize) {
        (self.table.key.clone(), self.chain.name.clone(), self.rule)
    }
}

fn is_nat(based: &Based<'_>) -> bool {
    let base = based.chain.base;
    base.is_some_and(|it| it.kind == ChainType::Nat)
}

fn before(chain: &Chain, priority: Priority) -> bool {
    chain.base.is_some_and(|it| it.priority < priority)
}
