//! Brings rules into the one spelling the kernel gives back.
//!
//! nft 1.0.6 (`src/evaluate.c`, `src/netlink_delinearize.c`): a set of one becomes its value, masks
//! are folded, a match that the next one implies goes away.
//!
//! **Left out**: joining two matches on neighbouring fields in any order but that of ports;
//! comparisons that nft merges into a range.

use super::nft_symbols::{family_of, family_of_expression, kind_of, protocol_of};
use super::nft_values::{span, whole_or_one};
use crate::ip::IpAddr;
use crate::netfilter::{
    BitOperation, Chain, Datum, Element, Expression, Field, MapValue, Meta, NatTarget, Operand,
    Operator, RejectWith, Rule, Ruleset, Set, SetReference, Statement, Table, TableFamily,
};
use crate::sorted::{sort, sort_by};

/// The rule without differences of spelling: two rules that do the same, written by kube-proxy and
/// listed by nft, are equal then. Counters go, since the kernel's have counted.
#[must_use]
pub fn canonical(rule: &Rule) -> Rule {
    canonical_in(rule, None)
}

/// The ruleset without differences of spelling: rules as [`canonical`] leaves them, flags and
/// elements in order, regular chains and sets by name. Base chains keep their order, which decides
/// between equal priorities.
#[must_use]
pub fn canonical_ruleset(ruleset: &Ruleset) -> Ruleset {
    let mut result = Ruleset::default();
    for table in ruleset.tables() {
        let mut plain = Table::new(table.key.clone());
        plain.comment.clone_from(&table.comment);
        let (base, mut regular): (Vec<&Chain>, Vec<&Chain>) =
            table.chains.iter().partition(|it| it.base.is_some());
        sort_by(&mut regular, |a, b| a.name.cmp(&b.name));
        for chain in base.into_iter().chain(regular) {
            let family = Some(table.key.family);
            let rules = chain.rules.iter().map(|it| canonical_in(it, family));
            let rules = rules.collect();
            let chain = Chain {
                rules,
                ..chain.clone()
            };
            plain.add_chain(chain);
        }
        let mut sets: Vec<_> = table.sets.iter().map(canonical_set).collect();
        sort_by(&mut sets, |a, b| a.name.cmp(&b.name));
        for set in sets {
            plain.sets.insert(set.name.clone(), set);
        }
        result.add_table(plain);
    }
    result
}

fn canonical_set(set: &Set) -> Set {
    let mut plain = set.clone();
    sort(&mut plain.flags);
    plain.flags.dedup();
    // The kernel gives one to a set that rules fill.
    plain.size = plain.size.filter(|it| *it != 65_535);
    plain.clear();
    for element in set.elements() {
        plain.insert(canonical_element(element));
    }
    plain
}

fn canonical_in(rule: &Rule, family: Option<TableFamily>) -> Rule {
    let mut uncounted = rule.clone();
    uncounted.statements.retain(|it| *it != Statement::Counter);
    let mut plain = respelled(&uncounted, family);
    // No way out and a way out by no interface are the same answer.
    for statement in &mut plain.statements {
        if let Statement::Match {
            left: Expression::Fib(_),
            right: Operand::Value(value),
            ..
        } = statement
            && *value == Datum::Number(0)
        {
            *value = Datum::Presence(false);
        }
    }
    plain
}

/// The rule as nft finds it again in the kernel, counters included.
pub(super) fn as_in_kernel(rule: &Rule, family: TableFamily) -> Rule {
    respelled(rule, Some(family))
}

fn respelled(rule: &Rule, family: Option<TableFamily>) -> Rule {
    let mut statements: Vec<_> = rule.statements.iter().map(canonical_statement).collect();
    name_transport(&mut statements);
    let implied: Vec<bool> = (0..statements.len())
        .map(|idx| is_implied(&statements, idx, family))
        .collect();
    let mut keep = implied.iter();
    statements.retain(|_| keep.next() == Some(&false));
    for idx in 1..statements.len() {
        if is_destination_before_source(&statements[idx - 1], &statements[idx]) {
            statements.swap(idx - 1, idx);
        }
    }
    Rule {
        statements,
        note: rule.note.clone(),
    }
}

fn canonical_statement(statement: &Statement) -> Statement {
    match statement {
        Statement::Match {
            left,
            operator,
            right,
        } => canonical_match(canonical_expression(left), *operator, right),
        Statement::VerdictMap { key, map } => Statement::VerdictMap {
            key: canonical_expression(key),
            map: canonical_reference(map),
        },
        Statement::SetMeta { key, value } => Statement::SetMeta {
            key: *key,
            value: canonical_expression(value),
        },
        Statement::Nat {
            kind,
            target: Some(NatTarget::Mapped(expression)),
            flags,
        } => Statement::Nat {
            kind: *kind,
            target: Some(NatTarget::Mapped(canonical_expression(expression))),
            flags: *flags,
        },
        Statement::Update {
            kind,
            set,
            key,
            timeout,
            keeps,
            value,
        } => Statement::Update {
            kind: *kind,
            set: set.clone(),
            key: canonical_expression(key),
            timeout: *timeout,
            keeps: keeps.clone(),
            value: value.as_ref().map(canonical_expression),
        },
        Statement::SetCt { key, value } => Statement::SetCt {
            key: *key,
            value: canonical_expression(value),
        },
        Statement::Quota(quota) => Statement::Quota(crate::netfilter::Quota { used: 0, ..*quota }),
        Statement::Nat { .. }
        | Statement::ConnMark(_)
        | Statement::Notrack
        | Statement::Limit(_)
        | Statement::Settled { .. }
        | Statement::Aside(_)
        | Statement::Verdict(_)
        | Statement::Reject(_)
        | Statement::Counter
        | Statement::Comment(_)
        | Statement::Statistic(_)
        | Statement::Recent(_)
        | Statement::Account(_)
        | Statement::Module(_)
        | Statement::Unknown(_) => statement.clone(),
    }
}

fn canonical_match(left: Expression, operator: Operator, right: &Operand) -> Statement {
    let right = match right {
        Operand::Value(datum) => match canonical_datum(datum) {
            it @ Datum::Tuple(_) => Operand::Set(SetReference::Anonymous(vec![Element::key(it)])),
            it => Operand::Value(it),
        },
        Operand::Set(set) => match canonical_reference(set) {
            SetReference::Anonymous(elements) => single(joined(elements), operator),
            named @ SetReference::Named(_) => Operand::Set(named),
        },
    };
    // `tcp flags & syn != 0` asks for any of the bits, which is what the bare word asks.
    if let (
        Expression::Bitwise {
            of,
            operation: BitOperation::And,
            mask,
        },
        Operand::Value(Datum::Bits(0) | Datum::Number(0)),
    ) = (&left, &right)
        && kind_of(of).is_bits()
        && matches!(operator, Operator::Eq | Operator::Ne)
    {
        return Statement::Match {
            left: (**of).clone(),
            operator: match operator {
                Operator::Eq => Operator::Ne,
                _ => Operator::Eq,
            },
            right: Operand::Value(Datum::Bits(*mask)),
        };
    }
    Statement::Match {
        left,
        operator,
        right,
    }
}

/// A set of one plain value is that value.
fn single(mut elements: Vec<Element>, operator: Operator) -> Operand {
    let is_plain = |it: &Element| it.comment.is_none() && !matches!(it.key, Datum::Tuple(_));
    match elements.as_slice() {
        [element] if is_plain(element) => Operand::Value(match elements.remove(0).key {
            // Not to be in a set of one status is to have exactly another.
            Datum::Bits(bits) if operator == Operator::Ne => Datum::Number(bits),
            other => other,
        }),
        _ => Operand::Set(SetReference::Anonymous(elements)),
    }
}

/// Overlapping and neighbouring ranges joined, as nft does in a set that has a range.
fn joined(elements: Vec<Element>) -> Vec<Element> {
    let is_range = |it: &Element| !it.key.is_exact();
    let is_plain = |it: &Element| it.comment.is_none() && it.value.is_none();
    if !elements.iter().any(is_range) || !elements.iter().all(is_plain) {
        return elements;
    }
    let mut networks: Vec<(IpAddr, IpAddr)> = Vec::new();
    let mut ports: Vec<(u16, u16)> = Vec::new();
    for element in &elements {
        match &element.key {
            Datum::Address(it) => networks.push((*it, *it)),
            Datum::Range(it) => networks.push((it.network(), it.broadcast())),
            Datum::Addresses(ends) => networks.push(**ends),
            Datum::Port(it) => ports.push((*it, *it)),
            Datum::Ports(low, high) => ports.push((*low, *high)),
            _ => return elements,
        }
    }
    sort(&mut ports);
    let mut spans: Vec<(u16, u16)> = Vec::new();
    for (low, high) in ports {
        match spans.last_mut() {
            Some(last) if low <= last.1.saturating_add(1) => last.1 = last.1.max(high),
            _ => spans.push((low, high)),
        }
    }
    let spans = spans.into_iter().map(|(low, high)| match low == high {
        true => Datum::Port(low),
        false => Datum::Ports(low, high),
    });
    let networks = joined_addresses(networks);
    let networks = networks
        .into_iter()
        .filter_map(|(low, high)| span(low, high));
    let mut elements: Vec<_> = networks.chain(spans).map(Element::key).collect();
    sort(&mut elements);
    elements
}

/// Ranges of addresses in order, neighbours joined.
pub(super) fn joined_addresses(mut spans: Vec<(IpAddr, IpAddr)>) -> Vec<(IpAddr, IpAddr)> {
    sort(&mut spans);
    let mut joined: Vec<(IpAddr, IpAddr)> = Vec::new();
    for (start, end) in spans {
        match joined.last_mut() {
            Some(last) if follows(last.1, start) => last.1 = last.1.max(end),
            _ => joined.push((start, end)),
        }
    }
    joined
}

/// Whether a span that begins at `start` touches one that ends at `end`.
fn follows(end: IpAddr, start: IpAddr) -> bool {
    match (end, start) {
        (IpAddr::V4(end), IpAddr::V4(start)) => {
            u32::from(start) <= u32::from(end).saturating_add(1)
        }
        (IpAddr::V6(end), IpAddr::V6(start)) => {
            u128::from(start) <= u128::from(end).saturating_add(1)
        }
        _ => false,
    }
}

fn canonical_reference(reference: &SetReference) -> SetReference {
    match reference {
        SetReference::Named(_) => reference.clone(),
        SetReference::Anonymous(elements) => {
            let mut elements: Vec<_> = elements.iter().map(canonical_element).collect();
            sort(&mut elements);
            elements.dedup();
            SetReference::Anonymous(elements)
        }
    }
}

fn canonical_element(element: &Element) -> Element {
    Element {
        key: canonical_datum(&element.key),
        value: element.value.as_ref().map(|it| match it {
            MapValue::Data(it) => MapValue::Data(canonical_datum(it)),
            verdict @ MapValue::Verdict(_) => verdict.clone(),
        }),
        comment: element.comment.clone(),
        timeout: element.timeout,
        tag: element.tag,
    }
}

fn canonical_datum(datum: &Datum) -> Datum {
    match datum {
        Datum::Range(range) => whole_or_one(range.trunc()),
        Datum::Ports(low, high) if low == high => Datum::Port(*low),
        Datum::Numbers(low, high) if low == high => Datum::Number(*low),
        Datum::Addresses(ends) => span(ends.0, ends.1).unwrap_or_else(|| datum.clone()),
        Datum::Tuple(parts) => Datum::Tuple(parts.iter().map(canonical_datum).collect()),
        other => other.clone(),
    }
}

fn canonical_expression(expression: &Expression) -> Expression {
    match expression {
        Expression::Bitwise { .. } => folded(expression),
        Expression::Map { key, map } => Expression::Map {
            key: Box::new(canonical_expression(key)),
            map: canonical_reference(map),
        },
        Expression::Concatenation(parts) => {
            Expression::Concatenation(parts.iter().map(canonical_expression).collect())
        }
        other => other.clone(),
    }
}

/// Any chain of bit operations is one mask and one flip, and nft prints these three from them.
fn folded(expression: &Expression) -> Expression {
    let (of, mask, flip) = mask_and_flip(expression);
    let or = flip & !mask;
    let xor = flip & mask;
    let and = mask | or;
    let mut result = canonical_expression(of);
    let steps = [
        (BitOperation::And, and, and != u32::MAX),
        (BitOperation::Xor, xor, xor != 0),
        (BitOperation::Or, or, or != 0),
    ];
    for (operation, mask, is_needed) in steps {
        if is_needed {
            let of = Box::new(result);
            result = Expression::Bitwise {
                of,
                operation,
                mask,
            };
        }
    }
    result
}

fn mask_and_flip(expression: &Expression) -> (&Expression, u32, u32) {
    let Expression::Bitwise {
        of,
        operation,
        mask: by,
    } = expression
    else {
        return (expression, u32::MAX, 0);
    };
    let (of, mask, flip) = mask_and_flip(of);
    match operation {
        BitOperation::And => (of, mask & by, flip & by),
        BitOperation::Or => (of, mask & !by, flip & !by | by),
        BitOperation::Xor => (of, mask, flip ^ by),
    }
}

/// `th dport` after `meta l4proto tcp` is `tcp dport`.
fn name_transport(statements: &mut [Statement]) {
    let mut protocol = None;
    for statement in statements {
        if let Some(number) = protocol_asked(statement) {
            protocol = Some(number);
        }
        let (Statement::Match { left, .. } | Statement::VerdictMap { key: left, .. }) = statement
        else {
            continue;
        };
        let Expression::Payload(field) = left else {
            continue;
        };
        *field = match (*field, protocol) {
            (Field::ThSport, Some(6)) => Field::TcpSport,
            (Field::ThDport, Some(6)) => Field::TcpDport,
            (Field::ThSport, Some(17)) => Field::UdpSport,
            (Field::ThDport, Some(17)) => Field::UdpDport,
            (Field::ThSport, Some(132)) => Field::SctpSport,
            (Field::ThDport, Some(132)) => Field::SctpDport,
            (other, _) => other,
        };
    }
}

/// The protocol a match asks for in so many words.
fn protocol_asked(statement: &Statement) -> Option<u8> {
    match statement {
        Statement::Match {
            left:
                Expression::Meta(Meta::L4proto)
                | Expression::Payload(Field::IpProtocol | Field::Ip6Nexthdr),
            operator: Operator::Eq,
            right: Operand::Value(Datum::Protocol(number)),
        } => Some(*number),
        _ => None,
    }
}

/// Whether a match says what a later one says too, with nothing but matches between them.
fn is_implied(statements: &[Statement], idx: usize, family: Option<TableFamily>) -> bool {
    let Statement::Match { left, .. } = &statements[idx] else {
        return false;
    };
    let protocol = match (left, family) {
        (Expression::Meta(Meta::L4proto), _)
        | (Expression::Payload(Field::IpProtocol), Some(TableFamily::Ip))
        | (Expression::Payload(Field::Ip6Nexthdr), Some(TableFamily::Ip6)) => {
            protocol_asked(&statements[idx])
        }
        _ => None,
    };
    let network = match left {
        Expression::Meta(Meta::Nfproto) => family_of(&statements[idx]),
        _ => None,
    };
    if protocol.is_none() && network.is_none() {
        return false;
    }
    for later in &statements[idx + 1..] {
        let asked = match later {
            Statement::Match { left, .. } => left,
            Statement::VerdictMap { key, .. } => key,
            Statement::Nat {
                target: Some(NatTarget::Mapped(Expression::Map { key, .. })),
                ..
            } => key,
            Statement::Reject(RejectWith::TcpReset) => return protocol == Some(6),
            _ => return false,
        };
        if protocol.is_some() && protocol_of_expression(asked) == protocol {
            return true;
        }
        let is_same_question = matches!(asked, Expression::Meta(Meta::Nfproto));
        if network.is_some() && !is_same_question && family_of_expression(asked) == network {
            return true;
        }
        if !matches!(later, Statement::Match { .. }) {
            return false;
        }
    }
    false
}

fn protocol_of_expression(expression: &Expression) -> Option<u8> {
    match expression {
        Expression::Payload(field) => protocol_of(*field),
        Expression::Concatenation(parts) => parts.iter().find_map(protocol_of_expression),
        Expression::Bitwise { of, .. } | Expression::Map { key: of, .. } => {
            protocol_of_expression(of)
        }
        _ => None,
    }
}

/// nft reads both ports at once, and finds the source's first.
fn is_destination_before_source(first: &Statement, second: &Statement) -> bool {
    let port = |it: &Statement| match it {
        Statement::Match {
            left: Expression::Payload(field),
            operator: Operator::Eq,
            right: Operand::Value(Datum::Port(_)),
        } => Some(*field),
        _ => None,
    };
    matches!(
        (port(first), port(second)),
        (Some(Field::TcpDport), Some(Field::TcpSport))
            | (Some(Field::UdpDport), Some(Field::UdpSport))
            | (Some(Field::SctpDport), Some(Field::SctpSport))
            | (Some(Field::ThDport), Some(Field::ThSport))
    )
}
