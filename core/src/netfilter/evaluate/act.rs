//! What a statement does to a packet, or whether it holds.
//!
//! `nft_immediate.c`, `nft_dynset.c`, `nft_meta.c`, `nft_ct.c`, `nft_reject.c` of Linux 6.18, and the
//! extensions of iptables.
//!
//! **Left out**: see [`crate::netfilter::Statement::Unknown`].

use super::value::Lack;
use super::{Deeds, Pass, RuleEnd, Site, Travelling};
use crate::net::Transport;
use crate::netfilter::limit::MeterSite;
use crate::netfilter::{
    CtKey, Datum, Expression, Lookup, LookupResult, MapValue, Meta, Name, Operand, Operator,
    Recent, RecentSide, RejectWith, Statement, Statistic, StatisticMode, UpdateKind, Verdict,
    Written,
};

const GOES_ON: RuleEnd = RuleEnd::Verdict(Verdict::Continue);

/// A statement that adds to a set, taken apart.
struct Adding<'a> {
    kind: UpdateKind,
    set: &'a Name,
    key: &'a Expression,
    timeout: Option<crate::time::Duration>,
    keeps: Option<&'a Statement>,
    value: Option<&'a Expression>,
}

impl Pass<'_> {
    pub(super) fn statement(
        &mut self,
        site: &Site<'_>,
        statement: &Statement,
        it: &mut Travelling,
        deeds: &mut Deeds,
    ) -> RuleEnd {
        match statement {
            Statement::Match {
                left,
                operator,
                right,
            } => self.matching(site, (left, *operator, right), it, deeds),
            Statement::Verdict(verdict) => RuleEnd::Verdict(verdict.clone()),
            Statement::VerdictMap { key, map } => {
                let key = match self.value(site, key, it, deeds) {
                    Ok(key) => key,
                    Err(lack) => return site.lacking(&lack, statement),
                };
                let found = self.find(site, map, &key);
                if let Some(Some(MapValue::Verdict(verdict))) = &found {
                    deeds.looked_up(map, key, found.as_ref());
                    return RuleEnd::Verdict(verdict.clone());
                }
                site.skipped(Some(key))
            }
            Statement::SetMeta { .. }
            | Statement::SetCt { .. }
            | Statement::ConnMark(_)
            | Statement::Notrack
            | Statement::Nat { .. }
            | Statement::Reject(_)
            | Statement::Update { .. } => self.acting(site, statement, it, deeds),
            Statement::Limit(_) | Statement::Quota(_) => self.meter(site, statement, None, it),
            Statement::Settled { holds: true, .. }
            | Statement::Aside(_)
            | Statement::Counter
            | Statement::Comment(_)
            | Statement::Account(_) => GOES_ON,
            Statement::Settled { holds: false, .. } => site.skipped(None),
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
            Statement::Unknown(text) => RuleEnd::Unknown(text.clone()),
        }
    }

    /// A statement that writes, translates, refuses or remembers.
    fn acting(
        &mut self,
        site: &Site<'_>,
        statement: &Statement,
        it: &mut Travelling,
        deeds: &mut Deeds,
    ) -> RuleEnd {
        match statement {
            Statement::SetMeta { key, value } => {
                let after = match self.value(site, value, it, deeds) {
                    Ok(after) => after,
                    Err(lack) => return site.lacking(&lack, statement),
                };
                match (key, super::value::number(&after)) {
                    (Meta::Mark, Some(after)) => {
                        it.write_mark(after, deeds);
                        GOES_ON
                    }
                    _ => RuleEnd::Unknown(statement.to_string().into()),
                }
            }
            Statement::SetCt { key, value } => match self.value(site, value, it, deeds) {
                Ok(value) => self.set_ct(*key, &value, it, deeds),
                Err(lack) => site.lacking(&lack, statement),
            },
            Statement::ConnMark(mark) => {
                if let Some(tracking) = &mut it.tracking {
                    let connection = self.conntrack.connection_mut(tracking);
                    let (packet, kept) = mark.marks(it.mark, connection.mark);
                    let before = std::mem::replace(&mut connection.mark, kept);
                    deeds.wrote_connection_mark(before, kept);
                    it.write_mark(packet, deeds);
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
            } => self.set_up_nat(site, *kind, target.as_ref(), *flags, it, deeds),
            // A reset answers TCP only: nft drops the match before it from a listing.
            Statement::Reject(RejectWith::TcpReset)
                if !matches!(it.packet.transport, Transport::Tcp { .. }) =>
            {
                site.skipped(Some(it.packet.protocol().into()))
            }
            Statement::Reject(with) => RuleEnd::Reject(*with),
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
                self.update(site, &adding, it, deeds)
                    .unwrap_or_else(|lack| site.lacking(&lack, statement))
            }
            _ => GOES_ON,
        }
    }

    fn matching(
        &mut self,
        site: &Site<'_>,
        asked: (&Expression, Operator, &Operand),
        it: &Travelling,
        deeds: &mut Deeds,
    ) -> RuleEnd {
        match self.value(site, asked.0, it, deeds) {
            Ok(value) if self.compare(site, asked, &value, it) => {
                if let Operand::Set(set) = asked.2 {
                    let found = (asked.1 == Operator::Eq).then_some(&None);
                    deeds.looked_up(set, value, found);
                }
                GOES_ON
            }
            Ok(value) => site.skipped(Some(value)),
            Err(Lack::Absent) => site.skipped(None),
            Err(Lack::Unknown) => {
                let (left, operator, right) = asked;
                let statement = Statement::Match {
                    left: left.clone(),
                    operator,
                    right: right.clone(),
                };
                RuleEnd::Unknown(statement.to_string().into())
            }
        }
    }

    fn set_ct(
        &mut self,
        key: CtKey,
        value: &Datum,
        it: &mut Travelling,
        deeds: &mut Deeds,
    ) -> RuleEnd {
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
                    return RuleEnd::Unknown(format!("ct mark set {value}").into());
                };
                let before = std::mem::replace(&mut connection.mark, after);
                deeds.wrote_connection_mark(before, after);
                GOES_ON
            }
            (CtKey::Label, Datum::Text(label)) => {
                connection.labels.insert(label.clone());
                GOES_ON
            }
            _ => RuleEnd::Unknown(format!("ct {key:?} set {value}").into()),
        }
    }

    fn update(
        &mut self,
        site: &Site<'_>,
        adding: &Adding<'_>,
        it: &mut Travelling,
        deeds: &mut Deeds,
    ) -> Result<RuleEnd, Lack> {
        let key = self.value(site, adding.key, it, deeds)?;
        let value = match adding.value {
            Some(value) => Some(MapValue::Data(self.value(site, value, it, deeds)?)),
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
        deeds.written.push(Written::Element { set, key });
        Ok(end)
    }

    /// A limit or quota of this rule, or of an element.
    fn meter(
        &mut self,
        site: &Site<'_>,
        statement: &Statement,
        element: Option<Datum>,
        it: &Travelling,
    ) -> RuleEnd {
        let state = self.dynamic.meter(MeterSite {
            table: site.table.key.clone(),
            chain: site.chain.name.clone(),
            rule: site.rule_idx,
            statement: site.statement,
            element,
        });
        let holds = match statement {
            Statement::Limit(limit) => limit.meet(state, &it.packet, self.now),
            Statement::Quota(quota) => quota.meet(state, &it.packet, self.now),
            other => return RuleEnd::Unknown(other.to_string().into()),
        };
        match holds {
            true => GOES_ON,
            false => site.skipped(None),
        }
    }

    fn statistic(&mut self, site: &Site<'_>, statistic: Statistic) -> RuleEnd {
        let is_drawn = match statistic.mode {
            StatisticMode::Random(probability) => self.chooser.toss(probability.value()),
            StatisticMode::Nth { every, packet } => {
                let rule = (
                    site.table.key.clone(),
                    site.chain.name.clone(),
                    site.rule_idx,
                );
                self.dynamic.turn(rule, every.max(1)) == packet
            }
        };
        match is_drawn == statistic.inverted {
            true => site.skipped(None),
            false => GOES_ON,
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
        GOES_ON
    }
}

impl Site<'_> {
    /// What an expression without a value makes of its rule.
    fn lacking(&self, lack: &Lack, statement: &Statement) -> RuleEnd {
        match lack {
            Lack::Absent => self.skipped(None),
            Lack::Unknown => RuleEnd::Unknown(statement.to_string().into()),
        }
    }
}

impl Travelling {
    fn write_mark(&mut self, after: u32, deeds: &mut Deeds) {
        let before = std::mem::replace(&mut self.mark, after);
        if before != after || deeds.written.is_empty() {
            deeds.written.push(Written::Mark { before, after });
        }
    }
}

impl Deeds {
    fn wrote_connection_mark(&mut self, before: u32, after: u32) {
        self.written.push(Written::ConnectionMark { before, after });
    }
}
