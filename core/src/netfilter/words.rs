//! Words to write rules with: `rule().when(daddr_in(family, "cluster-ips")).then(reject())`.
//!
//! **Left out**: words nobody here writes rules with yet; the parser knows more.

use super::{
    AddressSelector, BitOperation, CtKey, Datum, Element, Expression, Fib, FibResult, FibWith,
    Field, Meta, NatFlags, NatKind, NatTarget, Numgen, NumgenMode, Operand, Operator, Probability,
    Recent, RecentCommand, RecentSide, RejectWith, SetReference, Statement, Statistic,
    StatisticMode, UpdateKind, Verdict,
};
use crate::ip::{Family, IpAddr};
use crate::net::{AddressType, Protocol};
use crate::time::Duration;

fn matches(left: Expression, operator: Operator, right: Operand) -> Statement {
    Statement::Match {
        left,
        operator,
        right,
    }
}

fn named(name: &str) -> SetReference {
    SetReference::Named(name.into())
}

/// The source address.
#[must_use]
pub fn saddr(family: Family) -> Expression {
    Expression::Payload(match family {
        Family::V4 => Field::IpSaddr,
        Family::V6 => Field::Ip6Saddr,
    })
}

/// The destination address.
#[must_use]
pub fn daddr(family: Family) -> Expression {
    Expression::Payload(match family {
        Family::V4 => Field::IpDaddr,
        Family::V6 => Field::Ip6Daddr,
    })
}

/// The protocol.
#[must_use]
pub fn l4proto() -> Expression {
    Expression::Meta(Meta::L4proto)
}

/// The destination port of whatever transport.
#[must_use]
pub fn th_dport() -> Expression {
    Expression::Payload(Field::ThDport)
}

/// Several at once.
#[must_use]
pub fn all_of(parts: Vec<Expression>) -> Expression {
    Expression::Concatenation(parts)
}

/// `left value`
#[must_use]
pub fn is(left: Expression, value: Datum) -> Statement {
    matches(left, Operator::Eq, Operand::Value(value))
}

/// `left != value`
#[must_use]
pub fn is_other_than(left: Expression, value: Datum) -> Statement {
    matches(left, Operator::Ne, Operand::Value(value))
}

/// `left @set`
#[must_use]
pub fn is_in(left: Expression, set: &str) -> Statement {
    matches(left, Operator::Eq, Operand::Set(named(set)))
}

/// `left { … }`
#[must_use]
pub fn is_one_of(left: Expression, values: impl IntoIterator<Item = Datum>) -> Statement {
    matches(left, Operator::Eq, Operand::Set(anonymous(values)))
}

/// `left != { … }`
#[must_use]
pub fn is_none_of(left: Expression, values: impl IntoIterator<Item = Datum>) -> Statement {
    matches(left, Operator::Ne, Operand::Set(anonymous(values)))
}

fn anonymous(values: impl IntoIterator<Item = Datum>) -> SetReference {
    SetReference::Anonymous(values.into_iter().map(Element::key).collect())
}

/// `ct state …`
#[must_use]
pub fn ct_state(bits: u32) -> Statement {
    is(Expression::Ct(CtKey::State), Datum::Bits(bits))
}

/// `ct status …`
#[must_use]
pub fn ct_status(bits: u32) -> Statement {
    is(Expression::Ct(CtKey::Status), Datum::Bits(bits))
}

/// `meta l4proto tcp`
#[must_use]
pub fn protocol(protocol: Protocol) -> Statement {
    is(l4proto(), protocol.into())
}

/// `fib saddr type local`
#[must_use]
pub fn saddr_is_local() -> Statement {
    fib_type(AddressSelector::Saddr)
}

/// `fib daddr type local`
#[must_use]
pub fn daddr_is_local() -> Statement {
    fib_type(AddressSelector::Daddr)
}

fn fib_type(address: AddressSelector) -> Statement {
    let fib = Fib {
        address,
        result: FibResult::Type,
        with: FibWith::default(),
    };
    is(Expression::Fib(fib), Datum::AddressType(AddressType::Local))
}

/// `key vmap @map`
#[must_use]
pub fn vmap(key: Expression, map: &str) -> Statement {
    Statement::VerdictMap {
        key,
        map: named(map),
    }
}

/// `numgen random mod n vmap { 0 : goto …, … }`
#[must_use]
pub fn vmap_by_chance(verdicts: impl IntoIterator<Item = Element>) -> Statement {
    let elements: Vec<_> = verdicts.into_iter().collect();
    Statement::VerdictMap {
        key: by_chance(elements.len()),
        map: SetReference::Anonymous(elements),
    }
}

fn by_chance(n_branches: usize) -> Expression {
    Expression::Numgen(Numgen {
        mode: NumgenMode::Random,
        modulus: u32::try_from(n_branches).unwrap_or(u32::MAX),
        offset: 0,
    })
}

/// `dnat ip addr . port to numgen random mod n map { 0 : a . p, … }`
#[must_use]
pub fn dnat_by_chance(targets: impl IntoIterator<Item = Element>) -> Statement {
    let elements: Vec<_> = targets.into_iter().collect();
    Statement::Nat {
        kind: NatKind::Dnat,
        target: Some(NatTarget::Mapped(Expression::Map {
            key: Box::new(by_chance(elements.len())),
            map: SetReference::Anonymous(elements),
        })),
        flags: NatFlags::default(),
    }
}

/// `dnat to address:port`
#[must_use]
pub fn dnat(address: IpAddr, port: u16) -> Statement {
    Statement::Nat {
        kind: NatKind::Dnat,
        target: Some(NatTarget::to(Some(address), Some(port))),
        flags: NatFlags::default(),
    }
}

/// `masquerade fully-random`
#[must_use]
pub fn masquerade_fully_random() -> Statement {
    Statement::Nat {
        kind: NatKind::Masquerade,
        target: None,
        flags: NatFlags {
            fully_random: true,
            ..NatFlags::default()
        },
    }
}

/// `mark set mark or bits`
#[must_use]
pub fn set_mark_bits(bits: u32) -> Statement {
    set_mark(BitOperation::Or, bits)
}

/// `mark set mark xor bits`
#[must_use]
pub fn flip_mark_bits(bits: u32) -> Statement {
    set_mark(BitOperation::Xor, bits)
}

fn set_mark(operation: BitOperation, mask: u32) -> Statement {
    Statement::SetMeta {
        key: Meta::Mark,
        value: Expression::Bitwise {
            of: Box::new(Expression::Meta(Meta::Mark)),
            operation,
            mask,
        },
    }
}

/// `mark and bits != 0`
#[must_use]
pub fn mark_has(bits: u32) -> Statement {
    is_other_than(mark_and(bits), Datum::Number(0))
}

/// `mark and bits == 0`
#[must_use]
pub fn mark_lacks(bits: u32) -> Statement {
    is(mark_and(bits), Datum::Number(0))
}

fn mark_and(mask: u32) -> Expression {
    Expression::Bitwise {
        of: Box::new(Expression::Meta(Meta::Mark)),
        operation: BitOperation::And,
        mask,
    }
}

/// `update @set { key }`
#[must_use]
pub fn update(set: &str, key: Expression) -> Statement {
    Statement::Update {
        kind: UpdateKind::Update,
        set: set.into(),
        key,
        timeout: None,
        keeps: None,
        value: None,
    }
}

/// `jump chain`
#[must_use]
pub fn jump(chain: &str) -> Statement {
    Statement::Verdict(Verdict::Jump(chain.into()))
}

/// `goto chain`
#[must_use]
pub fn goto(chain: &str) -> Statement {
    Statement::Verdict(Verdict::Goto(chain.into()))
}

/// `return`
#[must_use]
pub fn return_() -> Statement {
    Statement::Verdict(Verdict::Return)
}

/// `drop`
#[must_use]
pub fn drop_() -> Statement {
    Statement::Verdict(Verdict::Drop)
}

/// `reject`
#[must_use]
pub fn reject() -> Statement {
    Statement::Reject(RejectWith::PortUnreachable)
}

/// `-m tcp --dport port`
#[must_use]
pub fn dport(protocol: Protocol, port: u16) -> Statement {
    is(transport_dport(protocol), Datum::Port(port))
}

/// `-m tcp`: the protocol's own match, asked for nothing.
#[must_use]
pub fn any_dport(protocol: Protocol) -> Statement {
    is(transport_dport(protocol), Datum::Ports(0, u16::MAX))
}

fn transport_dport(protocol: Protocol) -> Expression {
    Expression::Payload(match protocol {
        Protocol::Tcp => Field::TcpDport,
        Protocol::Udp => Field::UdpDport,
        Protocol::Sctp => Field::SctpDport,
        Protocol::Icmp | Protocol::Icmpv6 => Field::ThDport,
    })
}

/// `-m comment --comment text`
#[must_use]
pub fn comment(text: &str) -> Statement {
    Statement::Comment(text.into())
}

/// `-m nfacct --nfacct-name name`
#[must_use]
pub fn account(name: &str) -> Statement {
    Statement::Account(name.into())
}

/// `-m conntrack --ctstate …`
#[must_use]
pub fn ctstate(bits: u32) -> Statement {
    is(Expression::Ct(CtKey::Ctstate), Datum::Bits(bits))
}

/// `-m conntrack ! --ctstate …`
#[must_use]
pub fn ctstate_is_none_of(bits: u32) -> Statement {
    is_other_than(Expression::Ct(CtKey::Ctstate), Datum::Bits(bits))
}

/// `-m mark --mark bits/bits`
#[must_use]
pub fn mark_is_set(bits: u32) -> Statement {
    is(mark_and(bits), Datum::Number(bits))
}

/// `-m mark ! --mark bits/bits`
#[must_use]
pub fn mark_is_not_set(bits: u32) -> Statement {
    is_other_than(mark_and(bits), Datum::Number(bits))
}

/// `-m statistic --mode random --probability 1/n`
#[must_use]
pub fn one_in(n: usize) -> Statement {
    Statement::Statistic(Statistic {
        mode: StatisticMode::Random(Probability::one_in(n)),
        inverted: false,
    })
}

/// `-m recent --name list --set`
#[must_use]
pub fn recent_set(list: &str, family: Family) -> Statement {
    Statement::Recent(recent(list, RecentCommand::Set, family))
}

/// `-m recent --name list --rcheck --seconds … --reap`
#[must_use]
pub fn recent_check(list: &str, within: Duration, family: Family) -> Statement {
    Statement::Recent(Recent {
        seconds: Some(u32::try_from(within.as_secs()).unwrap_or(u32::MAX)),
        reaps: true,
        ..recent(list, RecentCommand::Check, family)
    })
}

fn recent(list: &str, command: RecentCommand, family: Family) -> Recent {
    Recent {
        list: list.into(),
        command,
        inverted: false,
        side: RecentSide::Source,
        mask: match family {
            Family::V4 => IpAddr::from([u8::MAX; 4]),
            Family::V6 => IpAddr::from([u16::MAX; 8]),
        },
        seconds: None,
        reaps: false,
        hit_count: None,
    }
}

/// `-j MASQUERADE`
#[must_use]
pub fn masquerade() -> Statement {
    Statement::Nat {
        kind: NatKind::Masquerade,
        target: None,
        flags: NatFlags::default(),
    }
}

/// `-j ACCEPT`
#[must_use]
pub fn accept() -> Statement {
    Statement::Verdict(Verdict::Accept)
}
