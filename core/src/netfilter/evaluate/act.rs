//! What a statement does to a packet, or whether it holds.
//!
//! `nft_immediate.c`, `nft_dynset.c`, `nft_meta.c`, `nft_ct.c`, `nft_reject.c` of Linux 6.18, and the
//! extensions of iptables.
//!
//! **Left out**: see [`crate::netfilter::Statement::Unknown`].

use super::value::{Answer, Lack};
use super::{GOES_ON, Pass, RuleEnd, SKIPPED, Site, Travelling};
use crate::net::Transport;
use crate::netfilter::limit::MeterSite;
use crate::netfilter::trace::{KeptResult, KeptVerdict, Span, Start};
use crate::netfilter::{
    CtKey, Datum, Expression, Meta, Name, Operand, Operator, Recent, RecentSide, RejectWith,
    Statement, Statistic, StatisticMode, Trace, UpdateKind, Verdict, Written,
};

/// A statement that adds to a set, taken apart.
struct Adding<'a> {
    kind: UpdateKind,
    set: &'a Name,
    key: &'a Expression,
    timeout: Option<crate::time::Duration>,
    keeps: Option<&'a Statement>,
    value: Option<&'a Expression>,
}

impl<'a> Pass<'a> {
    pub(super) fn statement(
        &mut self,
        site: &Site<'a>,
        statement: &'a Statement,
        it: &mut Travelling,
    ) -> RuleEnd {
        match statement {
            Statement::Match {
                left,
                operator,
                right,
            } => self.matching(site, (left, *operator, right), statement, it),
            Statement::Verdict(Verdict::Continue) => GOES_ON,
            Statement::Verdict(verdict) => {
                RuleEnd::Decided(self.trace.note_verdict(verdict, site.table))
            }
            Statement::VerdictMap { key, map } => {
                let key = match self.key(site, key, it) {
                    Ok(key) => key,
                    Err(lack) => return lacking(&lack, statement),
                };
                let Some(Answer::Verdict(verdict)) = self.find(site, map, key) else {
                    return RuleEnd::Skipped(key);
                };
                let kept = self.trace.note_verdict(verdict, site.table);
                self.trace
                    .look_up(map.name(), key, KeptResult::Verdict(kept));
                match kept {
                    KeptVerdict::CONTINUE => GOES_ON,
                    kept => RuleEnd::Decided(kept),
                }
            }
            Statement::SetMeta { .. }
            | Statement::SetCt { .. }
            | Statement::ConnMark(_)
            | Statement::Notrack
            | Statement::Nat { .. }
            | Statement::Reject(_)
            | Statement::Update { .. } => self.acting(site, statement, it),
            Statement::Limit(_) | Statement::Quota(_) => self.meter(site, statement, None, it),
            Statement::Settled { holds: true, .. }
            | Statement::Aside(_)
            | Statement::Counter
            | Statement::Comment(_)
            | Statement::Account(_) => GOES_ON,
            Statement::Settled { holds: false, .. } => SKIPPED,
            Statement::Statistic(statistic) => self.statistic(site, *statistic),
            Statement::Recent(recent) => self.recent(recent, it),
            Statement::Module(module) => match module.ask(self.ruleset, self.routes, it) {
                None => unknown(module),
                Some(answer) => {
                    let found = answer.found.map(|it| self.trace.add_parts(&it));
                    let key = found.unwrap_or(Span::NONE);
                    if let Some((set, result)) = answer.lookup {
                        self.trace.look_up(Some(set), key, result);
                    }
                    match answer.holds {
                        true => GOES_ON,
                        false => RuleEnd::Skipped(key),
                    }
                }
            },
            Statement::Unknown(text) => RuleEnd::Unknown(Box::new(text.clone())),
        }
    }

    /// A statement that writes, translates, refuses or remembers.
    fn acting(
        &mut self,
        site: &Site<'a>,
        statement: &'a Statement,
        it: &mut Travelling,
    ) -> RuleEnd {
        match statement {
            Statement::SetMeta { key, value } => {
                let after = match self.value(site, value, it) {
                    Ok(after) => after,
                    Err(lack) => return lacking(&lack, statement),
                };
                match (key, super::value::number(&after)) {
                    (Meta::Mark, Some(after)) => {
                        it.write_mark(after, &mut self.trace, site.start);
                        GOES_ON
                    }
                    _ => unknown(statement),
                }
            }
            Statement::SetCt { key, value } => match self.value(site, value, it) {
                Ok(value) => self.set_ct(*key, &value, it),
                Err(lack) => lacking(&lack, statement),
            },
            Statement::ConnMark(mark) => {
                if let Some(tracking) = &mut it.tracking {
                    let connection = self.conntrack.connection_mut(tracking);
                    let (packet, kept) = mark.marks(it.mark, connection.mark);
                    let before = std::mem::replace(&mut connection.mark, kept);
                    let after = kept;
                    self.trace.write(Written::ConnectionMark { before, after });
                    it.write_mark(packet, &mut self.trace, site.start);
                }
                GOES_ON
            }
            Statement::Notrack => {
                it.untracked |= it.tracking.is_none();
                GOES_ON
            }
            Statement::Nat {
                kind,
                target,
                flags,
            } => self.set_up_nat(site, (*kind, target.as_ref(), *flags), it),
            // A reset answers TCP only: nft drops the match before it from a listing.
            Statement::Reject(RejectWith::TcpReset)
                if !matches!(it.packet.transport, Transport::Tcp { .. }) =>
            {
                let protocol = it.packet.protocol().into();
                RuleEnd::Skipped(self.trace.add_parts(&protocol))
            }
            Statement::Reject(with) => RuleEnd::Rejected(*with),
            Statement::Update {
                kind,
                set,
                key,
                timeout,
                keeps,
                value,
            } => {
                let adding = Adding {
                    kind: *kind,
                    set,
                    key,
                    timeout: *timeout,
                    keeps: keeps.as_deref(),
                    value: value.as_ref(),
                };
                self.update(site, &adding, it)
                    .unwrap_or_else(|lack| lacking(&lack, statement))
            }
            _ => GOES_ON,
        }
    }

    fn matching(
        &mut self,
        site: &Site<'a>,
        asked: (&'a Expression, Operator, &'a Operand),
        statement: &Statement,
        it: &Travelling,
    ) -> RuleEnd {
        let key = match self.key(site, asked.0, it) {
            Ok(key) => key,
            Err(lack) => return lacking(&lack, statement),
        };
        if !self.compare(site, asked, key, it) {
            return RuleEnd::Skipped(key);
        }
        match (asked.2, asked.1) {
            (Operand::Value(_), _) => self.trace.forget(key),
            (Operand::Set(set), Operator::Eq) => {
                self.trace.look_up(set.name(), key, KeptResult::Present);
            }
            (Operand::Set(set), _) => self.trace.look_up(set.name(), key, KeptResult::Absent),
        }
        GOES_ON
    }

    fn set_ct(&mut self, key: CtKey, value: &Datum, it: &mut Travelling) -> RuleEnd {
        if let CtKey::Zone(direction) = key {
            // A zone counts for the look-up that is still to come.
            if let (None, Some(number)) = (&it.tracking, super::value::number(value)) {
                let zone = u16::try_from(number).unwrap_or(u16::MAX);
                it.zone = crate::netfilter::conntrack::Zone {
                    id: zone,
                    direction,
                };
            }
            return GOES_ON;
        }
        let Some(tracking) = &mut it.tracking else {
            return GOES_ON;
        };
        let connection = self.conntrack.connection_mut(tracking);
        match (key, value) {
            (CtKey::Mark, value) => {
                let Some(after) = super::value::number(value) else {
                    return unknown(&format!("ct mark set {value}"));
                };
                let before = std::mem::replace(&mut connection.mark, after);
                self.trace.write(Written::ConnectionMark { before, after });
                GOES_ON
            }
            (CtKey::Label, Datum::Text(label)) => {
                connection.labels.insert(label.clone());
                GOES_ON
            }
            _ => unknown(&format!("ct {key:?} set {value}")),
        }
    }

    fn update(
        &mut self,
        site: &Site<'a>,
        adding: &Adding<'a>,
        it: &mut Travelling,
    ) -> Result<RuleEnd, Lack> {
        let key = self.value(site, adding.key, it)?;
        let value = match adding.value {
            Some(value) => Some(self.value(site, value, it)?),
            None => None,
        };
        let of_set = site.table.sets.get(adding.set).and_then(|it| it.timeout);
        let expires = adding.timeout.or(of_set).map(|it| self.now + it);
        let at = (site.table.key.clone(), adding.set.clone());
        self.dynamic
            .put_value(at, key.clone(), value, adding.kind, self.now, expires);
        let end = match adding.keeps {
            None | Some(Statement::Counter) => GOES_ON,
            Some(kept) => self.meter(site, kept, Some(key.clone()), it),
        };
        let set = adding.set.clone();
        self.trace.write(Written::Element { set, key });
        Ok(end)
    }

    /// A limit or quota of this rule, or of an element.
    fn meter(
        &mut self,
        site: &Site<'a>,
        statement: &Statement,
        element: Option<Datum>,
        it: &Travelling,
    ) -> RuleEnd {
        let state = self.dynamic.meter(MeterSite {
            table: site.table.key.clone(),
            chain: site.chain.name.clone(),
            rule: site.rule,
            statement: site.statement,
            element,
        });
        let holds = match statement {
            Statement::Limit(limit) => limit.meet(state, &it.packet, self.now),
            Statement::Quota(quota) => quota.meet(state, &it.packet, self.now),
            other => return unknown(other),
        };
        match holds {
            true => GOES_ON,
            false => SKIPPED,
        }
    }

    fn statistic(&mut self, site: &Site<'a>, statistic: Statistic) -> RuleEnd {
        let is_drawn = match statistic.mode {
            StatisticMode::Random(probability) => self.chooser.toss(probability.value()),
            StatisticMode::Nth { every, packet } => {
                let turn = self.dynamic.turn(site.named(), every.max(1));
                turn == packet
            }
        };
        match is_drawn == statistic.inverted {
            true => SKIPPED,
            false => GOES_ON,
        }
    }

    fn recent(&mut self, recent: &Recent, it: &Travelling) -> RuleEnd {
        let address = match recent.side {
            RecentSide::Source => it.packet.source,
            RecentSide::Destination => it.packet.destination,
        };
        let answer = self.dynamic.recent.meet(recent, address, self.now);
        let key = Datum::Address(answer.address);
        if !answer.holds {
            return RuleEnd::Skipped(self.trace.add_parts(&key));
        }
        if answer.noted {
            let set = recent.list.clone();
            self.trace.write(Written::Element { set, key });
        } else {
            let key = self.trace.add_parts(&key);
            let result = match recent.inverted {
                true => KeptResult::Absent,
                false => KeptResult::Present,
            };
            self.trace.look_up(Some(&recent.list), key, result);
        }
        GOES_ON
    }
}

/// A rule that cannot be gone on with, because of a statement in these words.
pub(super) fn unknown(words: &impl std::fmt::Display) -> RuleEnd {
    RuleEnd::Unknown(Box::new(words.to_string().into()))
}

/// What an expression without a value makes of its rule.
fn lacking(lack: &Lack, statement: &Statement) -> RuleEnd {
    match lack {
        Lack::Absent => SKIPPED,
        Lack::Unknown => unknown(statement),
    }
}

impl Travelling {
    fn write_mark(&mut self, after: u32, trace: &mut Trace, start: Start) {
        let before = std::mem::replace(&mut self.mark, after);
        if before != after || trace.has_written_nothing(start) {
            trace.write(Written::Mark { before, after });
        }
    }
}
