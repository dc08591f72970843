//! Reads the matches and targets of iptables beyond the everyday ones.
//!
//! iptables 1.8.9, `extensions/libxt_*.c`.
//!
//! **Left out**: what needs bytes of a payload, the clock on the wall or a count of connections
//! (`string`, `u32`, `bpf`, `time`, `hashlimit`, `connlimit`, `connbytes`); sets of addresses.

use super::iptables_parse::{Given, Module, address, mark_match, masked, matches, number, port};
use super::iptables_print::CTSTATUS;
use super::iptables_symbols::{bits, protocol_number};
use crate::ip::Cidr;
use crate::netfilter::conntrack::Direction;
use crate::netfilter::{
    AddressSelector, ConnMark, ConnMarkKind, CtKey, Datum, Expression, Fib, FibResult, FibWith,
    Field, FlowPart, Limit, LimitUnit, Meta, NatFlags, NatKind, NatTarget, Operand, Operator,
    Quota, Statement, TableFamily, ct_state,
};

/// What `--pkt-type` knows.
pub(super) const PACKET_TYPES: [(&str, u32); 3] =
    [("unicast", 0), ("broadcast", 1), ("multicast", 2)];

/// Targets that change nothing a walk shows.
const ASIDES: [&str; 20] = [
    "AUDIT",
    "CHECKSUM",
    "CLASSIFY",
    "CONNSECMARK",
    "DSCP",
    "ECN",
    "HL",
    "IDLETIMER",
    "LED",
    "LOG",
    "NFLOG",
    "RATEEST",
    "SECMARK",
    "TCPMSS",
    "TCPOPTSTRIP",
    "TEE",
    "TOS",
    "TRACE",
    "TTL",
    "ULOG",
];

/// The statements a match stands for; none if anything about it is not known.
pub(super) fn match_beyond(module: &Module, family: TableFamily) -> Option<Vec<Statement>> {
    let each = |read: &dyn Fn(&Given) -> Option<Statement>| -> Option<Vec<Statement>> {
        let is_asked = !module.options.is_empty();
        let statements: Option<Vec<_>> = module.options.iter().map(read).collect();
        statements.filter(|_| is_asked)
    };
    let is_v6 = family == TableFamily::Ip6;
    match module.name.as_str() {
        "conntrack" | "state" => each(&|it| conntrack(it, is_v6)),
        "connmark" => each(&|it| mark_match(it, Expression::Ct(CtKey::Mark))),
        "limit" => limit(module).map(|it| vec![it]),
        "quota" => match module.options.as_slice() {
            [given] if given.name == "--quota" => {
                let bytes = given.values.first()?.parse().ok()?;
                let over = given.is_negated;
                let used = 0;
                Some(vec![Statement::Quota(Quota { over, bytes, used })])
            }
            _ => None,
        },
        "owner" => each(&|it| {
            let key = match it.name.as_str() {
                "--uid-owner" => Meta::Skuid,
                "--gid-owner" => Meta::Skgid,
                _ => return None,
            };
            let right = numbers(it.values.first()?, '-')?;
            Some(matches(Expression::Meta(key), it, Operand::Value(right)))
        }),
        "length" => each(&|it| {
            let right = numbers(it.values.first()?, ':').filter(|_| it.name == "--length")?;
            Some(matches(
                Expression::Meta(Meta::Length),
                it,
                Operand::Value(right),
            ))
        }),
        "pkttype" => each(&|it| {
            let name = it.values.first().filter(|_| it.name == "--pkt-type")?;
            let kind = PACKET_TYPES.iter().find(|it| it.0 == name)?.1;
            let right = Operand::Value(Datum::Number(kind));
            Some(matches(Expression::Meta(Meta::Pkttype), it, right))
        }),
        "iprange" => each(&|it| address_range(it, is_v6)),
        "ttl" | "hl" => each(&hops),
        "dscp" => each(&|it| {
            let class = it.values.first().filter(|_| it.name == "--dscp")?;
            let right = Operand::Value(Datum::Number(number(class)?));
            let field = if is_v6 { Field::Ip6Dscp } else { Field::IpDscp };
            Some(matches(Expression::Payload(field), it, right))
        }),
        "rpfilter" => reverse_path(module).map(|it| vec![it]),
        _ => settled(module).map(|it| vec![it]),
    }
}

/// A match whose answer is the same for every packet here: there is no IPsec, no fragment, no port of a
/// bridge, no transparent socket, no helper.
fn settled(module: &Module) -> Option<Statement> {
    let names = [
        "policy", "physdev", "socket", "ah", "esp", "frag", "helper", "ipvs",
    ];
    if !names.contains(&module.name.as_str()) {
        return None;
    }
    let n_negated = module.options.iter().filter(|it| it.is_negated).count();
    if n_negated > 0 && module.options.len() > 1 {
        return None;
    }
    let asks_none = module
        .options
        .iter()
        .any(|it| it.name == "--pol" && it.values.iter().any(|it| it == "none"));
    Some(Statement::Settled {
        text: super::iptables_parse::text_of("-m", module).into(),
        holds: (n_negated > 0) != asks_none,
    })
}

fn conntrack(given: &Given, is_v6: bool) -> Option<Statement> {
    let [text] = given.values.as_slice() else {
        return None;
    };
    let (source, destination) = match is_v6 {
        true => (FlowPart::Ip6Saddr, FlowPart::Ip6Daddr),
        false => (FlowPart::IpSaddr, FlowPart::IpDaddr),
    };
    let (original, reply) = (Direction::Original, Direction::Reply);
    let of_flow = |direction, part| (CtKey::Flow(direction, part), port(text));
    let with = |direction, part| (CtKey::Flow(direction, part), address(text));
    let (key, value) = match given.name.as_str() {
        "--ctstate" | "--state" => {
            let bits = bits(&ct_state::CTSTATE_NAMES, text)?;
            (CtKey::Ctstate, Some(Datum::Bits(bits)))
        }
        "--ctstatus" if text == "NONE" => (CtKey::Status, Some(Datum::Number(0))),
        "--ctstatus" => (CtKey::Status, Some(Datum::Bits(bits(&CTSTATUS, text)?))),
        "--ctdir" => {
            let direction = match text.as_str() {
                "ORIGINAL" => 0,
                "REPLY" => 1,
                _ => return None,
            };
            (CtKey::Direction, Some(Datum::Number(direction)))
        }
        "--ctproto" => {
            let number = protocol_number(text).map(Datum::Protocol);
            (CtKey::Flow(original, FlowPart::Protocol), number)
        }
        "--ctorigsrc" => with(original, source),
        "--ctorigdst" => with(original, destination),
        "--ctreplsrc" => with(reply, source),
        "--ctrepldst" => with(reply, destination),
        "--ctorigsrcport" => of_flow(original, FlowPart::ProtoSrc),
        "--ctorigdstport" => of_flow(original, FlowPart::ProtoDst),
        "--ctreplsrcport" => of_flow(reply, FlowPart::ProtoSrc),
        "--ctrepldstport" => of_flow(reply, FlowPart::ProtoDst),
        "--ctexpire" => (CtKey::Expiration, numbers(text, ':')),
        _ => return None,
    };
    Some(matches(Expression::Ct(key), given, Operand::Value(value?)))
}

fn numbers(text: &str, separator: char) -> Option<Datum> {
    match text.split_once(separator) {
        None => number(text).map(Datum::Number),
        Some((low, high)) => {
            let low = if low.is_empty() { 0 } else { number(low)? };
            let high = match high {
                "" => u32::from(u16::MAX),
                it => number(it)?,
            };
            Some(Datum::Numbers(low, high))
        }
    }
}

fn limit(module: &Module) -> Option<Statement> {
    let mut limit = Limit::packets(3, LimitUnit::Hour);
    for given in &module.options {
        let value = given.values.first().filter(|_| !given.is_negated)?;
        match given.name.as_str() {
            "--limit" => {
                let (rate, unit) = value.split_once('/').unwrap_or((value, "second"));
                limit.rate = rate.parse().ok().filter(|it| *it > 0)?;
                let begins = |it: &&(LimitUnit, &str, &str)| it.1.starts_with(unit);
                limit.unit = LimitUnit::ALL.iter().take(4).find(begins)?.0;
            }
            "--limit-burst" => limit.burst = value.parse().ok()?,
            _ => return None,
        }
    }
    Some(Statement::Limit(limit))
}

fn address_range(given: &Given, is_v6: bool) -> Option<Statement> {
    let field = match (given.name.as_str(), is_v6) {
        ("--src-range", false) => Field::IpSaddr,
        ("--src-range", true) => Field::Ip6Saddr,
        ("--dst-range", false) => Field::IpDaddr,
        ("--dst-range", true) => Field::Ip6Daddr,
        _ => return None,
    };
    let (low, high) = given.values.first()?.split_once('-')?;
    let range = Datum::Addresses(Box::new((low.parse().ok()?, high.parse().ok()?)));
    Some(matches(
        Expression::Payload(field),
        given,
        Operand::Value(range),
    ))
}

/// `--ttl-eq`, `--hl-lt`, …
fn hops(given: &Given) -> Option<Statement> {
    let (field, operator) = match given.name.as_str() {
        "--ttl-eq" | "--ttl" => (Field::IpTtl, Operator::Eq),
        "--ttl-lt" => (Field::IpTtl, Operator::Lt),
        "--ttl-gt" => (Field::IpTtl, Operator::Gt),
        "--hl-eq" => (Field::Ip6Hoplimit, Operator::Eq),
        "--hl-lt" => (Field::Ip6Hoplimit, Operator::Lt),
        "--hl-gt" => (Field::Ip6Hoplimit, Operator::Gt),
        _ => return None,
    };
    let operator = match (operator, given.is_negated) {
        (operator, false) => operator,
        (Operator::Eq, true) => Operator::Ne,
        _ => return None,
    };
    Some(Statement::Match {
        left: Expression::Payload(field),
        operator,
        right: Operand::Value(Datum::Number(number(given.values.first()?)?)),
    })
}

/// Whether the way back leads out where the packet came in.
fn reverse_path(module: &Module) -> Option<Statement> {
    let mut with = FibWith {
        mark: false,
        iif: true,
        oif: false,
    };
    let mut is_there = true;
    for given in &module.options {
        match given.name.as_str() {
            "--loose" => with.iif = false,
            "--validmark" => with.mark = true,
            "--invert" => is_there = false,
            _ => return None,
        }
    }
    Some(Statement::Match {
        left: Expression::Fib(Fib {
            address: AddressSelector::Saddr,
            result: FibResult::Oif,
            with,
        }),
        operator: Operator::Eq,
        right: Operand::Value(Datum::Presence(is_there)),
    })
}

/// What a target that is an extension does; none if that is not known.
pub(super) fn target_beyond(
    module: &Module,
    text: impl FnOnce() -> Statement,
) -> Option<Statement> {
    match module.name.as_str() {
        "NOTRACK" if module.options.is_empty() => Some(Statement::Notrack),
        "CT" => conntrack_target(module, text),
        "CONNMARK" => connection_mark(module).map(Statement::ConnMark),
        "NETMAP" => match module.options.as_slice() {
            [given] if given.name == "--to" => {
                let network = given.values.first()?;
                let network = match network.parse::<Cidr>() {
                    Ok(network) => network.trunc(),
                    Err(_) => Cidr::from(network.parse::<crate::ip::IpAddr>().ok()?),
                };
                Some(Statement::Nat {
                    kind: NatKind::Netmap,
                    target: Some(NatTarget::Network(network)),
                    flags: NatFlags::default(),
                })
            }
            _ => None,
        },
        name if ASIDES.contains(&name) => match text() {
            Statement::Unknown(text) => Some(Statement::Aside(text)),
            other => Some(other),
        },
        _ => None,
    }
}

fn conntrack_target(module: &Module, text: impl FnOnce() -> Statement) -> Option<Statement> {
    let zone = |direction, number: &str| {
        let number = number.parse::<u16>().ok()?;
        Some(Statement::SetCt {
            key: CtKey::Zone(direction),
            value: Expression::Constant(Datum::Number(number.into())),
        })
    };
    match module.options.as_slice() {
        [given] => match (given.name.as_str(), given.values.as_slice()) {
            ("--notrack", []) => Some(Statement::Notrack),
            ("--zone", [number]) => zone(None, number),
            ("--zone-orig", [number]) => zone(Some(Direction::Original), number),
            ("--zone-reply", [number]) => zone(Some(Direction::Reply), number),
            ("--helper" | "--timeout" | "--ctevents" | "--expevents", [_]) => match text() {
                Statement::Unknown(text) => Some(Statement::Aside(text)),
                other => Some(other),
            },
            _ => None,
        },
        _ => None,
    }
}

fn connection_mark(module: &Module) -> Option<ConnMark> {
    let (mut kind, mut ct_mask, mut nf_mask) = (None, u32::MAX, u32::MAX);
    for given in &module.options {
        let value = given.values.first();
        match (given.name.as_str(), value) {
            ("--save-mark", None) => kind = Some(ConnMarkKind::Save),
            ("--restore-mark", None) => kind = Some(ConnMarkKind::Restore),
            ("--ctmask", Some(it)) => ct_mask = number(it)?,
            ("--nfmask", Some(it)) => nf_mask = number(it)?,
            ("--mask", Some(it)) => (ct_mask, nf_mask) = (number(it)?, number(it)?),
            (name, Some(it)) => {
                let (bits, mask) = masked(it)?;
                let (bits, mask) = match name {
                    "--set-xmark" => (bits, mask),
                    "--set-mark" => (bits, mask | bits),
                    "--or-mark" => (bits, bits),
                    "--xor-mark" => (bits, 0),
                    "--and-mark" => (0, !bits),
                    _ => return None,
                };
                kind = Some(ConnMarkKind::Set(bits));
                ct_mask = mask;
            }
            _ => return None,
        }
    }
    Some(ConnMark {
        kind: kind?,
        ct_mask,
        nf_mask,
    })
}
