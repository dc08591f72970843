//! Reads iptables' language: what `iptables-save` prints, and what kube-proxy writes for
//! `iptables-restore`.
//!
//! iptables 1.8.9, `iptables/iptables-restore.c` and `iptables/xshared.c` (`do_parse`).
//!
//! **Left out**: abbreviated options; names for ports; several addresses behind one `-s`; inserting and
//! deleting rules. What is not understood of a match or a target is kept as text, and known to be
//! unknown.

use super::iptables_extensions::{match_beyond, target_beyond};
use super::iptables_lex::{Token, tokens, written};
use super::iptables_modules;
use super::iptables_symbols::{
    TCP_FLAGS, address_type, bits, builtin, header_rank, message_type, ports_of, protocol_number,
    rejection,
};
use crate::ip::{Cidr, IpAddr};
use crate::netfilter::{
    AddressSelector, BitOperation, Chain, Datum, Element, Expression, Fib, FibResult, FibWith,
    Field, Meta, NatFlags, NatKind, NatTarget, Object, Operand, Operator, Policy, Probability,
    Recent, RecentCommand, RecentSide, RejectWith, Rule, SetReference, Statement, Statistic,
    StatisticMode, TableFamily, TableKey, Transaction, Verb, Verdict,
};
use crate::sorted::sort_by_key;

/// A line that is none of iptables'.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct ParseError {
    /// Which line, counted from one.
    pub line: usize,
    /// What is wrong with it.
    pub message: String,
}

/// Reads a text of `iptables-restore` or `iptables-save` for tables of `family`.
///
/// # Errors
/// The first line that cannot be read.
pub fn parse(text: &str, family: TableFamily) -> Result<Transaction, ParseError> {
    let mut tx = Transaction::default();
    let mut table: Option<TableKey> = None;
    for (idx, line) in text.lines().enumerate() {
        let refuse = |message: &str| ParseError {
            line: idx + 1,
            message: message.to_owned(),
        };
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(name) = line.strip_prefix('*') {
            let key = TableKey::new(family, name);
            tx.push(Verb::Add, &key, Object::Table { comment: None });
            table = Some(key);
            continue;
        }
        let Some(key) = &table else {
            return Err(refuse("it stands outside any table"));
        };
        if line == "COMMIT" {
            table = None;
            continue;
        }
        if let Some(declared) = line.strip_prefix(':') {
            let chain = chain(declared, &key.name).ok_or_else(|| refuse("no chain"))?;
            tx.push(Verb::Add, key, Object::Chain(chain));
            continue;
        }
        let words = tokens(line).ok_or_else(|| refuse("a quote is not closed"))?;
        // `iptables-save -c` puts counters in front.
        let words = match words.first() {
            Some(it) if it.text.starts_with('[') => &words[1..],
            _ => &words[..],
        };
        let (command, name) = match words {
            [command, name, ..] => (command.text.as_str(), name.text.as_str()),
            _ => return Err(refuse("a command without a chain")),
        };
        match command {
            "-A" | "--append" => {
                let rule = rule(&words[2..], family);
                let chain = name.into();
                tx.push(Verb::Add, key, Object::Rule { chain, rule });
            }
            "-N" | "--new-chain" => {
                tx.push(Verb::Add, key, Object::Chain(Chain::regular(name)));
            }
            "-F" | "--flush" => tx.push(Verb::Flush, key, Object::Chain(Chain::regular(name))),
            "-X" | "--delete-chain" => {
                tx.push(Verb::Delete, key, Object::Chain(Chain::regular(name)));
            }
            other => return Err(refuse(&format!("{other} is no command that is read here"))),
        }
    }
    Ok(tx)
}

/// Reads one rule, without `-A` and the chain; none if a quote is not closed.
#[must_use]
pub fn parse_rule(text: &str, family: TableFamily) -> Option<Rule> {
    Some(rule(&tokens(text)?, family))
}

/// `INPUT ACCEPT [0:0]`, `KUBE-SERVICES - [0:0]`
fn chain(declared: &str, table: &str) -> Option<Chain> {
    let mut words = declared.split(' ');
    let (name, policy) = (words.next()?, words.next().unwrap_or("-"));
    let policy = match policy {
        "DROP" => Policy::Drop,
        "ACCEPT" | "-" => Policy::Accept,
        _ => return None,
    };
    Some(match builtin(table, name) {
        None => Chain::regular(name),
        Some((kind, hook, priority)) => {
            let mut chain = Chain::base(name, kind, hook, priority);
            chain.base.iter_mut().for_each(|it| it.policy = policy);
            chain
        }
    })
}

/// An option with what follows it.
#[derive(Clone)]
pub(super) struct Given {
    pub(super) is_negated: bool,
    pub(super) name: String,
    pub(super) values: Vec<String>,
}

/// A match or target with its options.
pub(super) struct Module {
    pub(super) name: String,
    pub(super) options: Vec<Given>,
}

fn rule(words: &[Token], family: TableFamily) -> Rule {
    let mut header: Vec<Statement> = Vec::new();
    let mut modules: Vec<Module> = Vec::new();
    let mut target: Option<(String, Module)> = None;
    let mut protocol = String::new();
    for given in options(words) {
        let value = given.values.first().map(String::as_str).unwrap_or_default();
        match given.name.as_str() {
            "-p" | "--protocol" | "--proto" => value.clone_into(&mut protocol),
            _ => {}
        }
        match given.name.as_str() {
            "-m" | "--match" => modules.push(Module {
                name: value.to_owned(),
                options: Vec::new(),
            }),
            "-j" | "--jump" | "-g" | "--goto" => {
                let module = Module {
                    name: value.to_owned(),
                    options: Vec::new(),
                };
                target = Some((given.name.clone(), module));
            }
            name if name.starts_with("--") && !is_header_option(name) => match &mut target {
                Some((_, target)) => target.options.push(given),
                None => give(&mut modules, &protocol, given),
            },
            _ => header.extend(header_test(&given, family)),
        }
    }
    sort_by_key(&mut header, |it| header_rank(it).unwrap_or(usize::MAX));
    let mut statements = header;
    for module in &modules {
        match match_of(module, family) {
            Some(read) => statements.extend(read),
            None => statements.push(unknown("-m", module)),
        }
    }
    if let Some((how, module)) = &target {
        statements.push(target_of(how, module, family).unwrap_or_else(|| unknown(how, module)));
    }
    Rule {
        statements,
        ..Rule::default()
    }
}

/// Gives an option to the match it belongs to, which is the last of those that know it; a
/// transport's match need not be loaded.
fn give(modules: &mut Vec<Module>, protocol: &str, given: Given) {
    let module = match given.name.as_str() {
        "--dport" | "--destination-port" | "--sport" | "--source-port" => protocol,
        "--tcp-flags" | "--syn" => "tcp",
        "--icmp-type" => "icmp",
        "--icmpv6-type" => "icmp6",
        _ => "",
    };
    let at = match module {
        "" => modules.len().checked_sub(1),
        name => modules.iter().rposition(|it| it.name == name),
    };
    match at {
        Some(at) => modules[at].options.push(given),
        None => modules.push(Module {
            name: module.to_owned(),
            options: vec![given],
        }),
    }
}

fn options(words: &[Token]) -> Vec<Given> {
    let mut found: Vec<Given> = Vec::new();
    let mut is_negated = false;
    let mut after_option = false;
    for word in words {
        if word.text == "!" && !word.is_quoted {
            is_negated = true;
            after_option = false;
        } else if word.is_option() {
            found.push(Given {
                is_negated,
                name: word.text.clone(),
                values: Vec::new(),
            });
            (is_negated, after_option) = (false, true);
        } else if let (true, Some(last)) = (after_option, found.last_mut()) {
            last.values.push(word.text.clone());
        } else {
            // A word that belongs to nothing: it stays, as an option nobody knows.
            found.push(Given {
                is_negated,
                name: format!("--{}", word.text),
                values: Vec::new(),
            });
            is_negated = false;
        }
    }
    found
}

fn is_header_option(name: &str) -> bool {
    matches!(
        name,
        "--source"
            | "--src"
            | "--destination"
            | "--dst"
            | "--in-interface"
            | "--out-interface"
            | "--protocol"
            | "--proto"
            | "--fragments"
            | "--fragment"
    )
}

/// One of `-s -d -i -o -p`; nothing for a protocol that is any.
fn header_test(given: &Given, family: TableFamily) -> Option<Statement> {
    let value = given.values.first().map(String::as_str).unwrap_or_default();
    let is_v6 = family == TableFamily::Ip6;
    let (source, destination) = match is_v6 {
        true => (Field::Ip6Saddr, Field::Ip6Daddr),
        false => (Field::IpSaddr, Field::IpDaddr),
    };
    let (left, right) = match given.name.as_str() {
        "-s" | "--source" | "--src" => (Expression::Payload(source), address(value)),
        "-d" | "--destination" | "--dst" => (Expression::Payload(destination), address(value)),
        "-i" | "--in-interface" => (Expression::Meta(Meta::Iifname), interface(value)),
        "-o" | "--out-interface" => (Expression::Meta(Meta::Oifname), interface(value)),
        "-p" | "--protocol" | "--proto" => {
            let number = protocol_number(value);
            if number == Some(0) && !given.is_negated {
                return None;
            }
            let datum = number.map(Datum::Protocol);
            (Expression::Meta(Meta::L4proto), datum)
        }
        // No packet here is a fragment.
        "-f" | "--fragment" | "--fragments" => {
            return Some(Statement::Settled {
                text: option_text(given).into(),
                holds: given.is_negated,
            });
        }
        _ => return Some(Statement::Unknown(option_text(given).into())),
    };
    match (right, given.values.len()) {
        (Some(right), 1) => Some(matches(left, given, Operand::Value(right))),
        _ => Some(Statement::Unknown(option_text(given).into())),
    }
}

pub(super) fn matches(left: Expression, given: &Given, right: Operand) -> Statement {
    Statement::Match {
        left,
        operator: match given.is_negated {
            true => Operator::Ne,
            false => Operator::Eq,
        },
        right,
    }
}

pub(super) fn address(text: &str) -> Option<Datum> {
    match text.contains('/') {
        false => text.parse().ok().map(Datum::Address),
        true => text.parse::<Cidr>().ok().map(Datum::Range),
    }
}

fn interface(text: &str) -> Option<Datum> {
    let name = match text.strip_suffix('+') {
        Some(start) => format!("{start}*"),
        None => text.to_owned(),
    };
    (!text.is_empty()).then(|| Datum::Interface(name.into()))
}

pub(super) fn port(text: &str) -> Option<Datum> {
    match text.split_once(':') {
        None => text.parse().ok().map(Datum::Port),
        Some((low, high)) => {
            let bound = |it: &str, open| match it {
                "" => Some(open),
                it => it.parse().ok(),
            };
            Some(Datum::Ports(bound(low, 0)?, bound(high, u16::MAX)?))
        }
    }
}

/// The statements a match stands for; none if anything about it is not known.
fn match_of(module: &Module, family: TableFamily) -> Option<Vec<Statement>> {
    let each = |read: fn(&Given) -> Option<Statement>| -> Option<Vec<Statement>> {
        let is_asked = !module.options.is_empty();
        let statements: Option<Vec<_>> = module.options.iter().map(read).collect();
        statements.filter(|_| is_asked)
    };
    match module.name.as_str() {
        "comment" => each(|it| match (it.name.as_str(), it.values.as_slice()) {
            ("--comment", [text]) => Some(Statement::Comment(text.as_str().into())),
            _ => None,
        }),
        "nfacct" => each(|it| match (it.name.as_str(), it.values.as_slice()) {
            ("--nfacct-name", [name]) => Some(Statement::Account(name.as_str().into())),
            _ => None,
        }),
        "tcp" | "udp" | "sctp" | "dccp" => transport(module),
        "icmp" | "icmp6" => match module.options.as_slice() {
            [given] => icmp(given),
            _ => None,
        },
        "mark" => each(|it| mark_match(it, Expression::Meta(Meta::Mark))),
        "addrtype" => type_of_address(module),
        "multiport" => each(multiport),
        "statistic" => statistic(module).map(|it| vec![it]),
        "recent" => recent(module, family).map(|it| vec![it]),
        _ => iptables_modules::parse(module).or_else(|| match_beyond(module, family)),
    }
}

fn transport(module: &Module) -> Option<Vec<Statement>> {
    let (source, destination) = ports_of(&module.name)?;
    if module.options.is_empty() {
        // Loaded, and asked for nothing but the protocol.
        return Some(vec![Statement::Match {
            left: Expression::Payload(destination),
            operator: Operator::Eq,
            right: Operand::Value(Datum::Ports(0, u16::MAX)),
        }]);
    }
    let read = module.options.iter().map(|given| {
        let values: Vec<&str> = given.values.iter().map(String::as_str).collect();
        match (given.name.as_str(), values.as_slice()) {
            ("--sport" | "--source-port", [it]) => {
                let right = Operand::Value(port(it)?);
                Some(matches(Expression::Payload(source), given, right))
            }
            ("--dport" | "--destination-port", [it]) => {
                let right = Operand::Value(port(it)?);
                Some(matches(Expression::Payload(destination), given, right))
            }
            ("--tcp-flags", [mask, set]) => tcp_flags(given, flags(mask)?, flags(set)?),
            ("--syn", []) => tcp_flags(given, flags("FIN,SYN,RST,ACK")?, flags("SYN")?),
            _ => None,
        }
    });
    read.collect()
}

fn flags(text: &str) -> Option<u32> {
    match text {
        "ALL" => bits(&TCP_FLAGS, "FIN,SYN,RST,PSH,ACK,URG"),
        "NONE" => Some(0),
        _ => bits(&TCP_FLAGS, text),
    }
}

fn tcp_flags(given: &Given, mask: u32, set: u32) -> Option<Statement> {
    let left = Expression::Bitwise {
        of: Box::new(Expression::Payload(Field::TcpFlags)),
        operation: BitOperation::And,
        mask,
    };
    Some(matches(left, given, Operand::Value(Datum::Number(set))))
}

/// `8`, `3/4`, `echo-request`, `any`
fn icmp(given: &Given) -> Option<Vec<Statement>> {
    let (is_v6, [text]) = (given.name == "--icmpv6-type", given.values.as_slice()) else {
        return None;
    };
    let (kind_of, code_of) = match is_v6 {
        true => (Field::Icmpv6Type, Field::Icmpv6Code),
        false => (Field::IcmpType, Field::IcmpCode),
    };
    let number = |it: u8| Operand::Value(Datum::Number(it.into()));
    let (kind, code) = match text.split_once('/') {
        Some((kind, code)) => (kind, Some(code.parse().ok()?)),
        None => (text.as_str(), None),
    };
    if (kind == "any" || kind == "255") && !given.is_negated {
        // Any message: the match is loaded and asked for nothing.
        let right = Operand::Value(Datum::Numbers(0, 255));
        return Some(vec![matches(Expression::Payload(kind_of), given, right)]);
    }
    let kind = number(message_type(kind, is_v6)?);
    let mut read = vec![matches(Expression::Payload(kind_of), given, kind)];
    if let Some(code) = code {
        // Not to be of a type and code is more than either alone says.
        if given.is_negated {
            return None;
        }
        read.push(matches(Expression::Payload(code_of), given, number(code)));
    }
    Some(read)
}

/// `0x4000`, `16384`, and both with `/mask`.
pub(super) fn masked(text: &str) -> Option<(u32, u32)> {
    let (value, mask) = match text.split_once('/') {
        Some((value, mask)) => (value, number(mask)?),
        None => (text, u32::MAX),
    };
    Some((number(value)?, mask))
}

pub(super) fn number(text: &str) -> Option<u32> {
    match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

/// `--mark value/mask`, of the packet or of its connection
pub(super) fn mark_match(given: &Given, mark: Expression) -> Option<Statement> {
    let (value, mask) = match given.values.as_slice() {
        [text] if given.name == "--mark" => masked(text)?,
        _ => return None,
    };
    let left = match mask {
        u32::MAX => mark,
        mask => Expression::Bitwise {
            of: Box::new(mark),
            operation: BitOperation::And,
            mask,
        },
    };
    Some(matches(left, given, Operand::Value(Datum::Number(value))))
}

/// `--src-type`, `--dst-type`, and whether only one interface counts
fn type_of_address(module: &Module) -> Option<Vec<Statement>> {
    let has = |name: &str| module.options.iter().any(|it| it.name == name);
    let with = FibWith {
        mark: false,
        iif: has("--limit-iface-in"),
        oif: has("--limit-iface-out"),
    };
    let asked = module.options.iter();
    let asked = asked.filter(|it| !it.name.starts_with("--limit-iface-"));
    let read = asked.map(|given| {
        let [text] = given.values.as_slice() else {
            return None;
        };
        let address = match given.name.as_str() {
            "--src-type" => AddressSelector::Saddr,
            "--dst-type" => AddressSelector::Daddr,
            _ => return None,
        };
        let kinds = text
            .split(',')
            .map(|it| address_type(it).map(Datum::AddressType));
        let kinds: Vec<Datum> = kinds.collect::<Option<_>>()?;
        let left = Expression::Fib(Fib {
            address,
            result: FibResult::Type,
            with,
        });
        Some(matches(left, given, one_of(kinds)))
    });
    let read: Vec<_> = read.collect::<Option<_>>()?;
    (!read.is_empty()).then_some(read)
}

fn multiport(given: &Given) -> Option<Statement> {
    let [text] = given.values.as_slice() else {
        return None;
    };
    let field = match given.name.as_str() {
        "--sports" | "--source-ports" => Field::ThSport,
        "--dports" | "--destination-ports" => Field::ThDport,
        _ => return None,
    };
    let ports: Vec<Datum> = text.split(',').map(port).collect::<Option<_>>()?;
    let elements = ports.into_iter().map(Element::key).collect();
    let right = Operand::Set(SetReference::Anonymous(elements));
    Some(matches(Expression::Payload(field), given, right))
}

fn one_of(mut values: Vec<Datum>) -> Operand {
    match values.len() {
        1 => Operand::Value(values.remove(0)),
        _ => {
            let elements = values.into_iter().map(Element::key).collect();
            Operand::Set(SetReference::Anonymous(elements))
        }
    }
}

fn statistic(module: &Module) -> Option<Statement> {
    let value = |name: &str| {
        let found = module.options.iter().find(|it| it.name == name)?;
        Some((found.values.first()?.as_str(), found.is_negated))
    };
    let (mode, inverted) = match (value("--mode")?.0, module.options.len()) {
        ("random", 2) => {
            let (text, inverted) = value("--probability")?;
            let probability = Probability::parse(text)?;
            (StatisticMode::Random(probability), inverted)
        }
        ("nth", 2 | 3) => {
            let (every, inverted) = value("--every")?;
            let packet = match value("--packet") {
                Some((it, _)) => it.parse().ok()?,
                None if module.options.len() == 2 => 0,
                None => return None,
            };
            let every = every.parse().ok()?;
            (StatisticMode::Nth { every, packet }, inverted)
        }
        _ => return None,
    };
    Some(Statement::Statistic(Statistic { mode, inverted }))
}

fn recent(module: &Module, family: TableFamily) -> Option<Statement> {
    let whole: IpAddr = match family {
        TableFamily::Ip6 => IpAddr::from([u16::MAX; 8]),
        _ => IpAddr::from([u8::MAX; 4]),
    };
    let mut recent = Recent {
        list: "DEFAULT".into(),
        command: RecentCommand::Check,
        inverted: false,
        side: RecentSide::Source,
        mask: whole,
        seconds: None,
        reaps: false,
        hit_count: None,
    };
    let mut has_command = false;
    for given in &module.options {
        let value = given.values.first().map(String::as_str);
        let command = match (given.name.as_str(), value) {
            ("--set", None) => RecentCommand::Set,
            ("--rcheck", None) => RecentCommand::Check,
            ("--update", None) => RecentCommand::Update,
            ("--remove", None) => RecentCommand::Remove,
            ("--name", Some(it)) => {
                recent.list = it.into();
                continue;
            }
            ("--seconds", Some(it)) => {
                recent.seconds = Some(it.parse().ok()?);
                continue;
            }
            ("--hitcount", Some(it)) => {
                recent.hit_count = Some(it.parse().ok()?);
                continue;
            }
            ("--mask", Some(it)) => {
                recent.mask = it.parse().ok()?;
                continue;
            }
            ("--reap", None) => {
                recent.reaps = true;
                continue;
            }
            ("--rsource", None) => continue,
            ("--rdest", None) => {
                recent.side = RecentSide::Destination;
                continue;
            }
            _ => return None,
        };
        recent.command = command;
        recent.inverted = given.is_negated;
        has_command = true;
    }
    has_command.then_some(Statement::Recent(recent))
}

/// What a target does; none if anything about it is not known.
fn target_of(how: &str, module: &Module, family: TableFamily) -> Option<Statement> {
    let is_plain = module.options.is_empty();
    let name = module.name.as_str();
    if matches!(how, "-g" | "--goto") {
        return is_plain.then(|| Statement::Verdict(Verdict::Goto(name.into())));
    }
    match name {
        "ACCEPT" | "DROP" | "RETURN" if is_plain => Some(Statement::Verdict(match name {
            "ACCEPT" => Verdict::Accept,
            "DROP" => Verdict::Drop,
            _ => Verdict::Return,
        })),
        "REJECT" => match module.options.as_slice() {
            [] => Some(Statement::Reject(RejectWith::PortUnreachable)),
            [given] if given.name == "--reject-with" => {
                rejection(given.values.first()?, family).map(Statement::Reject)
            }
            _ => None,
        },
        "MARK" => set_mark(module),
        "DNAT" => nat(module, NatKind::Dnat, "--to-destination"),
        "SNAT" => nat(module, NatKind::Snat, "--to-source"),
        "MASQUERADE" => nat(module, NatKind::Masquerade, "--to-ports"),
        "REDIRECT" => nat(module, NatKind::Redirect, "--to-ports"),
        _ if is_extension(name) => target_beyond(module, || unknown(how, module)),
        // An extension is written in capitals and has options, or is none of those above.
        _ if is_plain => Some(Statement::Verdict(Verdict::Jump(name.into()))),
        _ => None,
    }
}

/// Targets that are extensions; any other name is a chain.
fn is_extension(name: &str) -> bool {
    const NAMES: [&str; 34] = [
        "AUDIT",
        "CHECKSUM",
        "CLASSIFY",
        "CLUSTERIP",
        "CONNMARK",
        "CONNSECMARK",
        "CT",
        "DNPT",
        "DSCP",
        "ECN",
        "HL",
        "HMARK",
        "IDLETIMER",
        "LED",
        "LOG",
        "NETMAP",
        "NFLOG",
        "NFQUEUE",
        "NOTRACK",
        "QUEUE",
        "RATEEST",
        "SECMARK",
        "SET",
        "SNPT",
        "SYNPROXY",
        "TCPMSS",
        "TCPOPTSTRIP",
        "TEE",
        "TOS",
        "TPROXY",
        "TRACE",
        "TTL",
        "ULOG",
        "RTPENGINE",
    ];
    NAMES.contains(&name)
}

fn set_mark(module: &Module) -> Option<Statement> {
    let [given] = module.options.as_slice() else {
        return None;
    };
    let (bits, mask) = masked(given.values.first()?)?;
    let (bits, mask) = match given.name.as_str() {
        "--or-mark" => (bits, bits),
        "--xor-mark" => (bits, 0),
        "--and-mark" => (0, !bits),
        "--set-xmark" => (bits, mask),
        // Unlike --set-xmark, the bits of the value are cleared first, too.
        "--set-mark" => (bits, mask | bits),
        _ => return None,
    };
    let on = |of: Expression, operation, mask| Expression::Bitwise {
        of: Box::new(of),
        operation,
        mask,
    };
    let mark = Expression::Meta(Meta::Mark);
    let value = match (bits, mask) {
        (bits, u32::MAX) => Expression::Constant(Datum::Number(bits)),
        (bits, mask) if bits == mask => on(mark, BitOperation::Or, bits),
        (bits, 0) => on(mark, BitOperation::Xor, bits),
        (0, mask) => on(mark, BitOperation::And, !mask),
        (bits, mask) => on(on(mark, BitOperation::And, !mask), BitOperation::Xor, bits),
    };
    Some(Statement::SetMeta {
        key: Meta::Mark,
        value,
    })
}

fn nat(module: &Module, kind: NatKind, option: &str) -> Option<Statement> {
    let mut flags = NatFlags::default();
    let mut target = None;
    for given in &module.options {
        match (given.name.as_str(), given.values.as_slice()) {
            ("--random", []) => flags.random = true,
            ("--random-fully", []) => flags.fully_random = true,
            ("--persistent", []) => flags.persistent = true,
            (name, [to]) if name == option && !given.is_negated => target = Some(nat_target(to)?),
            _ => return None,
        }
    }
    let needs_target = matches!(kind, NatKind::Dnat | NatKind::Snat);
    (target.is_some() || !needs_target).then_some(Statement::Nat {
        kind,
        target,
        flags,
    })
}

/// `10.0.0.1-10.0.0.9:80-90`, `[fd00::1]:80`, an address, `:80` or a port.
fn nat_target(text: &str) -> Option<NatTarget> {
    let range = |it: &str| -> Option<(u16, u16)> {
        let (low, high) = it.split_once('-').unwrap_or((it, it));
        Some((low.parse().ok()?, high.parse().ok()?))
    };
    let (addresses, ports) = match text.strip_prefix('[') {
        Some(rest) => {
            let (addresses, ports) = rest.rsplit_once(']')?;
            (Some(addresses.replace("]-[", "-")), ports.strip_prefix(':'))
        }
        None if text.matches(':').count() > 1 => (Some(text.to_owned()), None),
        None => match text.split_once(':') {
            Some((addresses, ports)) => (Some(addresses.to_owned()), Some(ports)),
            None if text.contains('.') => (Some(text.to_owned()), None),
            None => (None, Some(text)),
        },
    };
    let addresses = addresses.filter(|it| !it.is_empty());
    let addresses = match addresses {
        None => None,
        Some(text) => {
            let (low, high) = text.split_once('-').unwrap_or((&text, &text));
            Some((low.parse::<IpAddr>().ok()?, high.parse::<IpAddr>().ok()?))
        }
    };
    let ports = ports.map(range);
    match (addresses, ports) {
        (_, Some(None)) | (None, None) => None,
        (addresses, ports) => Some(NatTarget::Fixed {
            addresses,
            ports: ports.flatten(),
        }),
    }
}

fn unknown(how: &str, module: &Module) -> Statement {
    Statement::Unknown(text_of(how, module).into())
}

/// A match or target as it was written.
pub(super) fn text_of(how: &str, module: &Module) -> String {
    let mut text = format!("{how} {}", module.name);
    for given in &module.options {
        text.push(' ');
        text.push_str(&option_text(given));
    }
    text
}

fn option_text(given: &Given) -> String {
    let mut text = String::new();
    if given.is_negated {
        text.push_str("! ");
    }
    text.push_str(&given.name);
    for value in &given.values {
        text.push(' ');
        text.push_str(&written(value));
    }
    text
}
