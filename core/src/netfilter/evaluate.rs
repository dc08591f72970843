//! The evaluator: a packet meets the rules of one hook, as Linux would have it.
//!
//! Order on a hook: base chains by priority, with connection tracking at -200 (prerouting and
//! output), all nat chains together at -100 or 100, confirmation last (input and postrouting).
//! Imitates `nf_hook_slow`, `nft_do_chain` and `nf_nat_inet_fn` of Linux 6.18.
//!
//! **Left out**: queues to user space, and `ct` writes other than through nat.

use super::conntrack::{Conntrack, Direction, Manipulation, Translation};
use super::payload::payload;
use super::{
    BitOperation, Chain, ChainType, CtKey, Datum, DynamicElements, Element, Entered, Expression,
    FibResult, Hook, Lookup, LookupResult, MapValue, Meta, Name, NatFlags, NatKind, NatTarget,
    NumgenMode, Operand, Operator, Outcome, Policy, Priority, Recent, RecentSide, RejectWith,
    Ruleset, SetReference, Skipped, Statement, Statistic, StatisticMode, Table, Trace, TraceEvent,
    Travelling, Unknown, Verdict, Written, ct_state, ct_status,
};
use crate::chance::Chooser;
use crate::ip::{IpAddr, join_host_port};
use crate::net::{RouteTable, Transport};
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
        self.trace.events.push(TraceEvent::HookEntered { hook });
        let chains: Vec<_> = self
            .ruleset
            .base_chains(hook)
            .into_iter()
            .filter(|(table, _)| table.key.family.sees(it.packet.family()))
            .collect();
        let (nat, others): (Vec<_>, Vec<_>) = chains
            .into_iter()
            .partition(|(_, chain)| chain.base.is_some_and(|it| it.kind == ChainType::Nat));
        let (before_tracking, rest) =
            others.split_at(others.partition_point(|(_, it)| before(it, Priority::CONNTRACK)));
        let (before_nat, after_nat) =
            rest.split_at(rest.partition_point(|(_, it)| before(it, Priority::of_nat(hook))));

        for (table, chain) in before_tracking {
            if let Some(end) = self.base_chain(table, chain, it) {
                return end;
            }
        }
        if hook.tracks() && it.tracking.is_none() {
            self.track(it);
        }
        for (table, chain) in before_nat {
            if let Some(end) = self.base_chain(table, chain, it) {
                return end;
            }
        }
        let nat = |pass: &mut Self, it: &mut Travelling| match hook {
            Hook::Forward => None,
            _ => pass.nat(hook, &nat, it),
        };
        // ip_vs hangs before the source is translated, and after the destination is.
        let end = match hook {
            Hook::Output => nat(self, it).or_else(|| self.ipvs(hook, it)),
            _ => self.ipvs(hook, it).or_else(|| nat(self, it)),
        };
        if let Some(end) = end {
            return end;
        }
        for (table, chain) in after_nat {
            if let Some(end) = self.base_chain(table, chain, it) {
                return end;
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

    fn track(&mut self, it: &mut Travelling) {
        let (tracking, found) = self.conntrack.track(&it.packet, self.now);
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
            for (table, chain) in chains {
                if let Some(end) = self.base_chain(table, chain, it) {
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
        } else if !chains.is_empty() {
            let connection = self.conntrack.connection(tracking);
            let translation = connection
                .is_translated()
                .then(|| format!("{} ⇄ {}", connection.original, connection.reply));
            self.trace
                .events
                .push(TraceEvent::NatSkipped { translation });
        }
        let tracking = it.tracking.as_ref()?;
        let undone = tracking.direction == Direction::Reply;
        let rewrites = self.conntrack.translate(tracking, which, &mut it.packet);
        self.trace
            .events
            .extend(rewrites.into_iter().map(|it| TraceEvent::Rewritten {
                field: it.field,
                before: it.before,
                after: it.after,
                undone,
            }));
        None
    }

    /// A base chain and all it calls; none if the packet goes on to the next one.
    fn base_chain(&mut self, table: &Table, chain: &Chain, it: &mut Travelling) -> Option<Outcome> {
        if chain.rules.is_empty() && chain.base.is_some_and(|it| it.policy == Policy::Accept) {
            return None;
        }
        match self.chain(table, chain, Entered::Hook, it, 0) {
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
        table: &Table,
        chain: &Chain,
        entered: Entered,
        it: &mut Travelling,
        depth: usize,
    ) -> ChainEnd {
        if depth > MAX_DEPTH {
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
            match self.rule(table, chain, rule_idx, it) {
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
                    match self.call(table, &name, Entered::Jump, it, depth) {
                        ChainEnd::Fallthrough => {}
                        end => return end,
                    }
                }
                RuleEnd::Verdict(Verdict::Goto(name)) => {
                    return self.call(table, &name, Entered::Goto, it, depth);
                }
            }
        }
        ChainEnd::Fallthrough
    }

    fn call(
        &mut self,
        table: &Table,
        name: &Name,
        entered: Entered,
        it: &mut Travelling,
        depth: usize,
    ) -> ChainEnd {
        match table.chains.get(name) {
            Some(chain) => self.chain(table, chain, entered, it, depth + 1),
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
        table: &Table,
        chain: &Chain,
        rule_idx: usize,
        it: &mut Travelling,
    ) -> RuleEnd {
        let mut deeds = Deeds::default();
        let rule = &chain.rules[rule_idx];
        let mut end = RuleEnd::Verdict(Verdict::Continue);
        for (idx, statement) in rule.statements.iter().enumerate() {
            let site = Site {
                table,
                chain,
                rule_idx,
                statement: idx,
            };
            end = self.statement(&site, statement, it, &mut deeds);
            if !matches!(end, RuleEnd::Verdict(Verdict::Continue)) {
                break;
            }
        }
        let event = match &end {
            RuleEnd::Skipped(skipped) => TraceEvent::RuleSkipped {
                chain: chain.name.clone(),
                rule: rule_idx,
                skipped: skipped.clone(),
            },
            RuleEnd::Unknown(text) => TraceEvent::UnknownMet(Unknown {
                chain: chain.name.clone(),
                rule: rule_idx,
                text: text.clone(),
            }),
            RuleEnd::Verdict(_) | RuleEnd::Reject(_) => TraceEvent::RuleMatched {
                chain: chain.name.clone(),
                rule: rule_idx,
                lookups: deeds.lookups,
                written: deeds.written,
                verdict: match &end {
                    RuleEnd::Verdict(verdict) => verdict.clone(),
                    _ => Verdict::Drop,
                },
            },
        };
        self.trace.events.push(event);
        end
    }

    fn statement(
        &mut self,
        site: &Site<'_>,
        statement: &Statement,
        it: &mut Travelling,
        deeds: &mut Deeds,
    ) -> RuleEnd {
        const GOES_ON: RuleEnd = RuleEnd::Verdict(Verdict::Continue);
        match statement {
            Statement::Match {
                left,
                operator,
                right,
            } => {
                let found = self.value(site, left, it, deeds);
                let holds = found
                    .as_ref()
                    .is_some_and(|value| self.compare(site, left, *operator, value, right, deeds));
                if holds { GOES_ON } else { site.skipped(found) }
            }
            Statement::Verdict(verdict) => RuleEnd::Verdict(verdict.clone()),
            Statement::VerdictMap { key, map } => {
                let Some(key) = self.value(site, key, it, deeds) else {
                    return site.skipped(None);
                };
                match self.look_up(site, map, &key, deeds) {
                    Some(Some(MapValue::Verdict(verdict))) => RuleEnd::Verdict(verdict),
                    _ => site.skipped(Some(key)),
                }
            }
            Statement::SetMeta { key, value } => {
                let Some(Datum::Number(after)) = self.value(site, value, it, deeds) else {
                    return site.skipped(None);
                };
                match key {
                    Meta::Mark => {
                        let before = std::mem::replace(&mut it.mark, after);
                        deeds.written.push(Written::Mark { before, after });
                        GOES_ON
                    }
                    other => RuleEnd::Unknown(format!("meta {other:?} set").into()),
                }
            }
            Statement::Nat {
                kind,
                target,
                flags,
            } => self.set_up_nat(site, *kind, target.as_ref(), *flags, it, deeds),
            // A reset answers TCP only: nft drops the match before it from a listing.
            Statement::Reject(RejectWith::TcpReset)
                if !matches!(it.packet.transport, Transport::Tcp { .. }) =>
            {
                site.skipped(Some(it.packet.protocol().into()))
            }
            Statement::Reject(with) => RuleEnd::Reject(*with),
            Statement::Update { kind, set, key } => {
                let Some(key) = self.value(site, key, it, deeds) else {
                    return site.skipped(None);
                };
                let expires = site
                    .table
                    .sets
                    .get(set)
                    .and_then(|it| it.timeout)
                    .map(|it| self.now + it);
                let at = (site.table.key.clone(), set.clone());
                self.dynamic.put(at, key.clone(), *kind, self.now, expires);
                let set = set.clone();
                deeds.written.push(Written::Element { set, key });
                GOES_ON
            }
            Statement::Counter | Statement::Comment(_) | Statement::Account(_) => GOES_ON,
            Statement::Statistic(statistic) => self.statistic(site, *statistic),
            Statement::Recent(recent) => self.recent(site, recent, it, deeds),
            Statement::Module(module) => match module.ask(self.ruleset, self.routes, it) {
                None => RuleEnd::Unknown(module.to_string().into()),
                Some(answer) => {
                    deeds.lookups.extend(answer.lookup);
                    match answer.holds {
                        true => GOES_ON,
                        false => site.skipped(answer.found),
                    }
                }
            },
            // A log changes nothing and lets every packet on.
            Statement::Unknown(text) if is_log(text) => GOES_ON,
            Statement::Unknown(text) => RuleEnd::Unknown(text.clone()),
        }
    }

    /// The value of an expression for this packet; none if the packet has no such thing.
    fn value(
        &mut self,
        site: &Site<'_>,
        expression: &Expression,
        it: &Travelling,
        deeds: &mut Deeds,
    ) -> Option<Datum> {
        Some(match expression {
            Expression::Payload(field) => payload(*field, &it.packet)?,
            Expression::Meta(Meta::Mark) => Datum::Number(it.mark),
            Expression::Meta(Meta::L4proto) => it.packet.protocol().into(),
            Expression::Meta(Meta::Nfproto) => Datum::Number(match it.packet.family() {
                crate::ip::Family::V4 => 2,
                crate::ip::Family::V6 => 10,
            }),
            // Without an interface the kernel compares with an empty name.
            Expression::Meta(Meta::Iifname) => Datum::Interface(it.iif.clone().unwrap_or_default()),
            Expression::Meta(Meta::Oifname) => Datum::Interface(it.oif.clone().unwrap_or_default()),
            Expression::Ct(key) => self.ct(*key, it)?,
            Expression::Fib(fib) => {
                let address = match fib.address {
                    super::AddressSelector::Saddr => it.packet.source,
                    super::AddressSelector::Daddr => it.packet.destination,
                };
                match fib.result {
                    FibResult::Type => Datum::AddressType(self.routes.address_type(address)),
                    FibResult::Oifname => {
                        Datum::Interface(self.routes.lookup(address)?.interface.clone())
                    }
                }
            }
            Expression::Numgen(numgen) => {
                let drawn = match numgen.mode {
                    NumgenMode::Random => self.chooser.choose(numgen.modulus.max(1)),
                    NumgenMode::Inc => {
                        let site = (site.chain.name.clone(), site.rule_idx);
                        self.dynamic.turn(site, numgen.modulus.max(1))
                    }
                };
                Datum::Number(numgen.offset + drawn)
            }
            Expression::Concatenation(parts) => Datum::Tuple(
                parts
                    .iter()
                    .map(|part| self.value(site, part, it, deeds))
                    .collect::<Option<_>>()?,
            ),
            Expression::Bitwise {
                of,
                operation,
                mask,
            } => {
                let (Datum::Number(bits) | Datum::Bits(bits)) = self.value(site, of, it, deeds)?
                else {
                    return None;
                };
                Datum::Number(match operation {
                    BitOperation::And => bits & mask,
                    BitOperation::Or => bits | mask,
                    BitOperation::Xor => bits ^ mask,
                })
            }
            Expression::Map { key, map } => {
                let key = self.value(site, key, it, deeds)?;
                match self.look_up(site, map, &key, deeds)? {
                    Some(MapValue::Data(datum)) => datum,
                    _ => return None,
                }
            }
            Expression::Constant(datum) => datum.clone(),
        })
    }

    fn statistic(&mut self, site: &Site<'_>, statistic: Statistic) -> RuleEnd {
        let is_drawn = match statistic.mode {
            StatisticMode::Random(probability) => self.chooser.toss(probability.value()),
            StatisticMode::Nth { every, packet } => {
                let rule = (site.chain.name.clone(), site.rule_idx);
                self.dynamic.turn(rule, every.max(1)) == packet
            }
        };
        match is_drawn == statistic.inverted {
            true => site.skipped(None),
            false => RuleEnd::Verdict(Verdict::Continue),
        }
    }

    fn recent(
        &mut self,
        site: &Site<'_>,
        recent: &Recent,
        it: &Travelling,
        deeds: &mut Deeds,
    ) -> RuleEnd {
        let address = match recent.side {
            RecentSide::Source => it.packet.source,
            RecentSide::Destination => it.packet.destination,
        };
        let answer = self.dynamic.recent.meet(recent, address, self.now);
        let key = Datum::Address(answer.address);
        if !answer.holds {
            return site.skipped(Some(key));
        }
        let set = recent.list.clone();
        if answer.noted {
            deeds.written.push(Written::Element { set, key });
        } else {
            deeds.lookups.push(Lookup {
                set: Some(set),
                key,
                result: match recent.inverted {
                    true => LookupResult::Absent,
                    false => LookupResult::Present,
                },
            });
        }
        RuleEnd::Verdict(Verdict::Continue)
    }

    fn ct(&self, key: CtKey, it: &Travelling) -> Option<Datum> {
        let Some(tracking) = &it.tracking else {
            let asks_state = matches!(key, CtKey::State | CtKey::Ctstate);
            return asks_state.then_some(Datum::Bits(ct_state::INVALID));
        };
        let connection = self.conntrack.connection(tracking);
        Some(match key {
            CtKey::State => Datum::Bits(tracking.state),
            CtKey::Ctstate => Datum::Bits(
                tracking.state
                    | flag(connection.status, ct_status::SNAT, ct_state::SNAT)
                    | flag(connection.status, ct_status::DNAT, ct_state::DNAT),
            ),
            CtKey::Status => Datum::Bits(connection.status),
            CtKey::Mark => Datum::Number(connection.mark),
            CtKey::Direction => Datum::Number(u32::from(tracking.direction == Direction::Reply)),
        })
    }

    fn compare(
        &self,
        site: &Site<'_>,
        left: &Expression,
        operator: Operator,
        value: &Datum,
        right: &Operand,
        deeds: &mut Deeds,
    ) -> bool {
        let is = match right {
            Operand::Value(wanted) => is_value(left, wanted, value),
            Operand::Set(set) => self.look_up(site, set, value, deeds).is_some(),
        };
        let order = || match right {
            Operand::Value(wanted) => number(value).cmp(&number(wanted)),
            Operand::Set(_) => std::cmp::Ordering::Equal,
        };
        match operator {
            Operator::Eq => is,
            Operator::Ne => !is,
            Operator::Lt => order().is_lt(),
            Operator::Gt => order().is_gt(),
            Operator::Le => order().is_le(),
            Operator::Ge => order().is_ge(),
        }
    }

    /// Looks a key up: none if it is absent, else its value where the set is a map.
    fn look_up(
        &self,
        site: &Site<'_>,
        set: &SetReference,
        key: &Datum,
        deeds: &mut Deeds,
    ) -> Option<Option<MapValue>> {
        let (name, found) = match set {
            SetReference::Anonymous(elements) => {
                let found = elements.iter().find(|it| is_value_exactly(&it.key, key));
                (None, found.map(|it| it.value.clone()))
            }
            SetReference::Named(name) => {
                let at = (site.table.key.clone(), name.clone());
                let found = site
                    .table
                    .sets
                    .get(name)
                    .and_then(|it| it.find(key))
                    .map(|it: &Element| it.value.clone());
                let dynamic = || self.dynamic.holds(&at, key, self.now).then_some(None);
                (Some(name.clone()), found.or_else(dynamic))
            }
        };
        deeds.lookups.push(Lookup {
            set: name,
            key: key.clone(),
            result: match &found {
                None => LookupResult::Absent,
                Some(None) => LookupResult::Present,
                Some(Some(MapValue::Verdict(it))) => LookupResult::Verdict(it.clone()),
                Some(Some(MapValue::Data(it))) => LookupResult::Data(it.clone()),
            },
        });
        found
    }

    fn set_up_nat(
        &mut self,
        site: &Site<'_>,
        kind: NatKind,
        target: Option<&NatTarget>,
        flags: NatFlags,
        it: &mut Travelling,
        deeds: &mut Deeds,
    ) -> RuleEnd {
        let (address, port) = match target {
            None => (None, None),
            Some(NatTarget::Fixed { address, port }) => (*address, *port),
            Some(NatTarget::Mapped(expression)) => match self.value(site, expression, it, deeds) {
                Some(Datum::Address(address)) => (Some(address), None),
                Some(Datum::Tuple(parts)) => match parts.as_slice() {
                    [Datum::Address(address), Datum::Port(port)] => (Some(*address), Some(*port)),
                    _ => return site.skipped(None),
                },
                _ => return site.skipped(None),
            },
        };
        let (which, address) = match kind {
            NatKind::Dnat => (Manipulation::Destination, address),
            NatKind::Snat => (Manipulation::Source, address),
            NatKind::Masquerade => (Manipulation::Source, self.address_out(it)),
            NatKind::Redirect => (Manipulation::Destination, self.address_in(it)),
        };
        let Some(tracking) = it.tracking.as_mut() else {
            return RuleEnd::Verdict(Verdict::Accept);
        };
        let translation = Translation {
            address,
            port,
            flags,
        };
        self.conntrack
            .decide(tracking, which, Some(translation), self.chooser);
        let reply = self.conntrack.connection(tracking).reply;
        deeds.written.push(match which {
            Manipulation::Destination => Written::Destination {
                to: join_host_port(reply.source, reply.source_port),
            },
            Manipulation::Source => Written::Source {
                to: join_host_port(reply.destination, reply.destination_port),
                masqueraded: kind == NatKind::Masquerade,
            },
        });
        RuleEnd::Verdict(Verdict::Accept)
    }

    fn address_out(&self, it: &Travelling) -> Option<IpAddr> {
        let oif = it.oif.as_ref()?;
        self.routes.address_on(oif, it.packet.destination)
    }

    fn address_in(&self, it: &Travelling) -> Option<IpAddr> {
        let iif = it.iif.as_deref().unwrap_or("lo");
        self.routes.address_on(iif, it.packet.destination)
    }
}

/// Where in the ruleset the evaluator stands.
struct Site<'a> {
    table: &'a Table,
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

/// `log …`, `-j LOG …` and `-j NFLOG …`.
fn is_log(text: &str) -> bool {
    let text = text.strip_prefix("-j ").unwrap_or(text);
    matches!(text.split(' ').next(), Some("log" | "LOG" | "NFLOG"))
}

fn before(chain: &Chain, priority: Priority) -> bool {
    chain.base.is_some_and(|it| it.priority < priority)
}

/// `bit`, if `flags` have `flag`.
const fn flag(flags: u32, flag: u32, bit: u32) -> u32 {
    if flags & flag != 0 { bit } else { 0 }
}

/// Whether a packet's value is the wanted one. Named bits match if any of them is set, unless a
/// mask was applied first.
fn is_value(left: &Expression, wanted: &Datum, value: &Datum) -> bool {
    let masked = matches!(left, Expression::Bitwise { .. });
    match (wanted, value) {
        (Datum::Bits(wanted), Datum::Bits(value)) if !masked => value & wanted != 0,
        _ => is_value_exactly(wanted, value),
    }
}

fn is_value_exactly(wanted: &Datum, value: &Datum) -> bool {
    match (number(wanted), number(value)) {
        (Some(wanted), Some(value)) => wanted == value,
        _ => wanted.holds(value),
    }
}

/// The number of values that are one; a protocol, a port and a mark compare as numbers.
fn number(datum: &Datum) -> Option<u32> {
    match datum {
        Datum::Number(it) | Datum::Bits(it) => Some(*it),
        Datum::Port(it) => Some(u32::from(*it)),
        Datum::Protocol(it) => Some(u32::from(*it)),
        _ => None,
    }
}
