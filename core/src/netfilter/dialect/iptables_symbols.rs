//! Names and numbers of iptables' language, and which parts of a rule are header tests.
//!
//! iptables 1.8.9: `libxtables/xtables.c`, `extensions/libxt_*.c`, `libipt_REJECT.c`.
//!
//! **Left out**: names out of `/etc/protocols` and `/etc/services`.

use crate::net::AddressType;
use crate::netfilter::{
    AddressSelector, ChainType, Datum, Expression, Fib, FibResult, Field, Hook, Meta, Operand,
    Operator, Priority, RejectWith, SetReference, Statement, TableFamily,
};

/// Built-in chains, in the order packets can meet them.
pub(super) const BUILTIN: [(&str, Hook); 5] = [
    ("PREROUTING", Hook::Prerouting),
    ("INPUT", Hook::Input),
    ("FORWARD", Hook::Forward),
    ("OUTPUT", Hook::Output),
    ("POSTROUTING", Hook::Postrouting),
];

/// The place of a built-in chain in a listing; all others come after.
pub(super) fn builtin_rank(name: &str) -> usize {
    let found = BUILTIN.iter().position(|it| it.0 == name);
    found.unwrap_or(BUILTIN.len())
}

/// What a built-in chain of a table hangs on.
pub(crate) fn builtin(table: &str, chain: &str) -> Option<(ChainType, Hook, Priority)> {
    let hook = BUILTIN.iter().find(|it| it.0 == chain)?.1;
    let priority = match table {
        "raw" => Priority::RAW,
        "mangle" => Priority::MANGLE,
        "nat" => Priority::of_nat(hook),
        "filter" => Priority::FILTER,
        "security" => Priority::SECURITY,
        _ => return None,
    };
    let has_it = match table {
        "raw" => matches!(hook, Hook::Prerouting | Hook::Output),
        "nat" => hook != Hook::Forward,
        "mangle" => true,
        _ => matches!(hook, Hook::Input | Hook::Forward | Hook::Output),
    };
    let kind = match (table, hook) {
        ("nat", _) => ChainType::Nat,
        ("mangle", Hook::Output) => ChainType::Route,
        _ => ChainType::Filter,
    };
    has_it.then_some((kind, hook, priority))
}

/// Protocols by the names iptables knows without a file, as it prints them.
const PROTOCOLS: [(&str, u8); 14] = [
    ("tcp", 6),
    ("udp", 17),
    ("sctp", 132),
    ("icmp", 1),
    ("ipv6-icmp", 58),
    ("udplite", 136),
    ("esp", 50),
    ("ah", 51),
    ("igmp", 2),
    ("ipencap", 4),
    ("dccp", 33),
    ("gre", 47),
    ("ospf", 89),
    ("vrrp", 112),
];

pub(super) fn protocol_text(number: u8) -> String {
    let found = PROTOCOLS.iter().find(|it| it.1 == number);
    found.map_or_else(|| number.to_string(), |it| it.0.to_owned())
}

pub(super) fn protocol_number(name: &str) -> Option<u8> {
    let name = name.to_ascii_lowercase();
    match name.as_str() {
        "all" => Some(0),
        "icmpv6" => Some(58),
        _ => match PROTOCOLS.iter().find(|it| it.0 == name) {
            Some(it) => Some(it.1),
            None => name.parse().ok(),
        },
    }
}

/// The fields a transport's own match can ask: its module, its source port, its destination port.
const TRANSPORTS: [(&str, Field, Field); 4] = [
    ("tcp", Field::TcpSport, Field::TcpDport),
    ("udp", Field::UdpSport, Field::UdpDport),
    ("sctp", Field::SctpSport, Field::SctpDport),
    ("dccp", Field::DccpSport, Field::DccpDport),
];

/// The two port fields of a transport's module.
pub(super) fn ports_of(module: &str) -> Option<(Field, Field)> {
    let found = TRANSPORTS.iter().find(|it| it.0 == module)?;
    Some((found.1, found.2))
}

/// The module that asks for a field.
pub(super) fn module_of(field: Field) -> Option<&'static str> {
    match field {
        Field::TcpFlags => Some("tcp"),
        Field::IcmpType | Field::IcmpCode => Some("icmp"),
        Field::Icmpv6Type | Field::Icmpv6Code => Some("icmp6"),
        _ => TRANSPORTS
            .iter()
            .find(|it| it.1 == field || it.2 == field)
            .map(|it| it.0),
    }
}

/// Whether a port field is that of the source.
pub(super) fn is_source_port(field: Field) -> bool {
    field == Field::ThSport || TRANSPORTS.iter().any(|it| it.1 == field)
}

/// The field a transport's module is asked for by this statement.
pub(super) fn transport_field(statement: &Statement) -> Option<Field> {
    let Statement::Match { left, right, .. } = statement else {
        return None;
    };
    let field = match left {
        Expression::Payload(field) => *field,
        Expression::Bitwise { of, .. } => match **of {
            Expression::Payload(Field::TcpFlags) => Field::TcpFlags,
            _ => return None,
        },
        _ => return None,
    };
    (module_of(field).is_some() && matches!(right, Operand::Value(_))).then_some(field)
}

/// A header test's place among the others; none for any other statement.
pub(super) fn header_rank(statement: &Statement) -> Option<usize> {
    let Statement::Match {
        left,
        operator: Operator::Eq | Operator::Ne,
        right: Operand::Value(right),
    } = statement
    else {
        return None;
    };
    if matches!(right, Datum::Addresses(..)) {
        return None;
    }
    Some(match left {
        Expression::Payload(Field::IpSaddr | Field::Ip6Saddr) => 0,
        Expression::Payload(Field::IpDaddr | Field::Ip6Daddr) => 1,
        Expression::Meta(Meta::Iifname) => 2,
        Expression::Meta(Meta::Oifname) => 3,
        Expression::Meta(Meta::L4proto) => 4,
        _ => return None,
    })
}

/// Whether a statement is one of `-s -d -i -o -p`.
pub(super) fn is_header(statement: &Statement) -> bool {
    header_rank(statement).is_some()
}

/// Which address a statement asks the type of.
pub(super) fn asked_type(statement: &Statement) -> Option<AddressSelector> {
    match statement {
        Statement::Match {
            left:
                Expression::Fib(Fib {
                    address,
                    result: FibResult::Type,
                    ..
                }),
            ..
        } => Some(*address),
        _ => None,
    }
}

/// The ports of `-m multiport`.
pub(super) fn multiport(statement: &Statement) -> Option<(Field, &[crate::netfilter::Element])> {
    match statement {
        Statement::Match {
            left: Expression::Payload(field @ (Field::ThSport | Field::ThDport)),
            right: Operand::Set(SetReference::Anonymous(elements)),
            ..
        } => Some((*field, elements)),
        _ => None,
    }
}

const ADDRESS_TYPES: [(&str, AddressType); 9] = [
    ("UNSPEC", AddressType::Unspec),
    ("UNICAST", AddressType::Unicast),
    ("LOCAL", AddressType::Local),
    ("BROADCAST", AddressType::Broadcast),
    ("ANYCAST", AddressType::Anycast),
    ("MULTICAST", AddressType::Multicast),
    ("BLACKHOLE", AddressType::Blackhole),
    ("UNREACHABLE", AddressType::Unreachable),
    ("PROHIBIT", AddressType::Prohibit),
];

pub(super) fn address_type_text(kind: AddressType) -> &'static str {
    let found = ADDRESS_TYPES.iter().find(|it| it.1 == kind);
    found.map_or("UNSPEC", |it| it.0)
}

pub(super) fn address_type(name: &str) -> Option<AddressType> {
    let found = ADDRESS_TYPES.iter().find(|it| it.0 == name)?;
    Some(found.1)
}

/// TCP flags in the order they are printed.
pub(super) const TCP_FLAGS: [(&str, u32); 6] = [
    ("FIN", 1),
    ("SYN", 2),
    ("RST", 4),
    ("PSH", 8),
    ("ACK", 16),
    ("URG", 32),
];

/// What `--reject-with` says, for IPv4 and for IPv6.
const REJECTIONS: [(&str, &str, RejectWith); 10] = [
    (
        "icmp-net-unreachable",
        "icmp6-no-route",
        RejectWith::NetUnreachable,
    ),
    (
        "icmp-host-unreachable",
        "icmp6-addr-unreachable",
        RejectWith::HostUnreachable,
    ),
    (
        "icmp-proto-unreachable",
        "",
        RejectWith::ProtocolUnreachable,
    ),
    (
        "icmp-port-unreachable",
        "icmp6-port-unreachable",
        RejectWith::PortUnreachable,
    ),
    ("icmp-net-prohibited", "", RejectWith::NetProhibited),
    ("icmp-host-prohibited", "", RejectWith::HostProhibited),
    (
        "icmp-admin-prohibited",
        "icmp6-adm-prohibited",
        RejectWith::AdminProhibited,
    ),
    ("", "icmp6-policy-fail", RejectWith::PolicyFail),
    ("", "icmp6-reject-route", RejectWith::RejectRoute),
    ("tcp-reset", "tcp-reset", RejectWith::TcpReset),
];

/// ICMP messages by name: for IPv4, for IPv6, type.
const MESSAGES: [(&str, Option<u8>, Option<u8>); 12] = [
    ("echo-reply", Some(0), Some(129)),
    ("pong", Some(0), None),
    ("destination-unreachable", Some(3), Some(1)),
    ("source-quench", Some(4), None),
    ("redirect", Some(5), Some(137)),
    ("echo-request", Some(8), Some(128)),
    ("ping", Some(8), None),
    ("time-exceeded", Some(11), Some(3)),
    ("parameter-problem", Some(12), Some(4)),
    ("packet-too-big", None, Some(2)),
    ("router-advertisement", Some(9), Some(134)),
    ("neighbour-solicitation", None, Some(135)),
];

/// The type of an ICMP message, by number or name.
pub(super) fn message_type(text: &str, is_v6: bool) -> Option<u8> {
    let named = MESSAGES.iter().find(|it| it.0 == text);
    match named {
        Some((_, v4, v6)) => *if is_v6 { v6 } else { v4 },
        None => text.parse().ok(),
    }
}

pub(super) fn rejection_text(with: RejectWith, family: TableFamily) -> &'static str {
    let found = REJECTIONS.iter().find(|it| it.2 == with);
    found.map_or("", |it| match family {
        TableFamily::Ip6 => it.1,
        _ => it.0,
    })
}

pub(super) fn rejection(name: &str, family: TableFamily) -> Option<RejectWith> {
    let of_family = |it: &&(&str, &str, RejectWith)| rejection_text(it.2, family) == name;
    let found = REJECTIONS
        .iter()
        .filter(|_| !name.is_empty())
        .find(of_family);
    found.map(|it| it.2)
}

/// Names of bits, joined by commas; `NONE` if there is none.
pub(super) fn bits_text(names: &[(&str, u32)], bits: u32) -> String {
    let set = names.iter().filter(|(_, bit)| bits & bit != 0);
    let set: Vec<&str> = set.map(|it| it.0).collect();
    match set.is_empty() {
        true => "NONE".to_owned(),
        false => set.join(","),
    }
}

/// Bits by their names, joined by commas.
pub(super) fn bits(names: &[(&str, u32)], text: &str) -> Option<u32> {
    text.split(',').try_fold(0, |bits, name| {
        let found = names.iter().find(|it| it.0.eq_ignore_ascii_case(name));
        Some(bits | found?.1)
    })
}
