//! The words nft has for values: protocols, services, states, flags, types.
//!
//! nft 1.0.6 (`src/datatype.c`, `src/ct.c`, `src/proto.c`, `src/fib.c`) with Debian's
//! `/etc/protocols` and the services people write by name.
//!
//! **Left out**: the rest of `/etc/services` and `/etc/protocols`; the address types, such as
//! blackhole, that the model of a route has not.

use crate::net::{AddressType, Protocol};
use crate::netfilter::{
    CtKey, Datum, Expression, FibResult, Field, Meta, Operand, Operator, Statement, ct_state,
};

/// What kind of value an expression has: it decides how a number is read and printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Ipv4,
    Ipv6,
    Protocol,
    Port,
    Mark,
    Integer,
    Family,
    Interface,
    CtState,
    CtStatus,
    CtDirection,
    TcpFlags,
    AddressType,
    IcmpType,
    Icmpv6Type,
    /// Nothing is known, as with an element of a set that is declared elsewhere.
    Guess,
}

/// The types nft gives to sets, and the kind of their values.
const TYPES: [(&str, Kind); 15] = [
    ("ipv4_addr", Kind::Ipv4),
    ("ipv6_addr", Kind::Ipv6),
    ("inet_proto", Kind::Protocol),
    ("inet_service", Kind::Port),
    ("mark", Kind::Mark),
    ("integer", Kind::Integer),
    ("nf_proto", Kind::Family),
    ("ifname", Kind::Interface),
    ("ct_state", Kind::CtState),
    ("ct_status", Kind::CtStatus),
    ("ct_dir", Kind::CtDirection),
    ("tcp_flag", Kind::TcpFlags),
    ("fib_addrtype", Kind::AddressType),
    ("icmp_type", Kind::IcmpType),
    ("icmpv6_type", Kind::Icmpv6Type),
];

const CT_STATUS: [(&str, u32); 7] = [
    ("expected", 1),
    ("seen-reply", 2),
    ("assured", 4),
    ("confirmed", 8),
    ("snat", 16),
    ("dnat", 32),
    ("dying", 512),
];

const TCP_FLAGS: [(&str, u32); 8] = [
    ("fin", 1),
    ("syn", 2),
    ("rst", 4),
    ("psh", 8),
    ("ack", 16),
    ("urg", 32),
    ("ecn", 64),
    ("cwr", 128),
];

const ICMP_TYPES: [(&str, u32); 15] = [
    ("echo-reply", 0),
    ("destination-unreachable", 3),
    ("source-quench", 4),
    ("redirect", 5),
    ("echo-request", 8),
    ("router-advertisement", 9),
    ("router-solicitation", 10),
    ("time-exceeded", 11),
    ("parameter-problem", 12),
    ("timestamp-request", 13),
    ("timestamp-reply", 14),
    ("info-request", 15),
    ("info-reply", 16),
    ("address-mask-request", 17),
    ("address-mask-reply", 18),
];

const ICMPV6_TYPES: [(&str, u32); 19] = [
    ("destination-unreachable", 1),
    ("packet-too-big", 2),
    ("time-exceeded", 3),
    ("parameter-problem", 4),
    ("echo-request", 128),
    ("echo-reply", 129),
    ("mld-listener-query", 130),
    ("mld-listener-report", 131),
    ("mld-listener-done", 132),
    ("mld-listener-reduction", 132),
    ("nd-router-solicit", 133),
    ("nd-router-advert", 134),
    ("nd-neighbor-solicit", 135),
    ("nd-neighbor-advert", 136),
    ("nd-redirect", 137),
    ("router-renumbering", 138),
    ("ind-neighbor-solicit", 141),
    ("ind-neighbor-advert", 142),
    ("mld2-listener-report", 143),
];

const DIRECTIONS: [(&str, u32); 2] = [("original", 0), ("reply", 1)];

const FAMILIES: [(&str, u32); 2] = [("ipv4", 2), ("ipv6", 10)];

const PROTOCOLS: [(&str, u8); 23] = [
    ("ip", 0),
    ("icmp", 1),
    ("igmp", 2),
    ("ipencap", 4),
    ("tcp", 6),
    ("egp", 8),
    ("udp", 17),
    ("dccp", 33),
    ("ipv6", 41),
    ("gre", 47),
    ("esp", 50),
    ("ah", 51),
    ("ipv6-icmp", 58),
    ("icmpv6", 58),
    ("ospf", 89),
    ("ipip", 94),
    ("pim", 103),
    ("ipcomp", 108),
    ("comp", 108),
    ("vrrp", 112),
    ("l2tp", 115),
    ("sctp", 132),
    ("udplite", 136),
];

const SERVICES: [(&str, u16); 24] = [
    ("ftp", 21),
    ("ssh", 22),
    ("telnet", 23),
    ("smtp", 25),
    ("domain", 53),
    ("bootps", 67),
    ("bootpc", 68),
    ("tftp", 69),
    ("http", 80),
    ("kerberos", 88),
    ("pop3", 110),
    ("sunrpc", 111),
    ("ntp", 123),
    ("imap2", 143),
    ("snmp", 161),
    ("bgp", 179),
    ("ldap", 389),
    ("https", 443),
    ("syslog", 514),
    ("domain-s", 853),
    ("ldaps", 636),
    ("nfs", 2049),
    ("mysql", 3306),
    ("postgresql", 5432),
];

const ADDRESS_TYPES: [(&str, AddressType); 5] = [
    ("unspec", AddressType::Unspec),
    ("unicast", AddressType::Unicast),
    ("local", AddressType::Local),
    ("broadcast", AddressType::Broadcast),
    ("multicast", AddressType::Multicast),
];

/// Address types nft knows and the model does not.
const OTHER_ADDRESS_TYPES: [&str; 4] = ["anycast", "blackhole", "unreachable", "prohibit"];

impl Kind {
    /// The named numbers of this kind.
    pub(super) const fn names(self) -> &'static [(&'static str, u32)] {
        match self {
            Kind::CtState => &ct_state::NAMES,
            Kind::CtStatus => &CT_STATUS,
            Kind::TcpFlags => &TCP_FLAGS,
            Kind::IcmpType => &ICMP_TYPES,
            Kind::Icmpv6Type => &ICMPV6_TYPES,
            Kind::CtDirection => &DIRECTIONS,
            Kind::Family => &FAMILIES,
            _ => &[],
        }
    }

    /// Whether a value is made of named bits.
    pub(super) const fn is_bits(self) -> bool {
        matches!(self, Kind::CtState | Kind::CtStatus | Kind::TcpFlags)
    }

    /// What a value of this kind is called.
    pub(super) const fn noun(self) -> &'static str {
        match self {
            Kind::Ipv4 => "an IPv4 address",
            Kind::Ipv6 => "an IPv6 address",
            Kind::Protocol => "a protocol",
            Kind::Port => "a port",
            Kind::Mark => "a mark",
            Kind::Integer => "a number",
            Kind::Family => "a family",
            Kind::Interface => "the name of an interface",
            Kind::CtState => "a connection state",
            Kind::CtStatus => "a connection status",
            Kind::CtDirection => "a direction",
            Kind::TcpFlags => "a TCP flag",
            Kind::AddressType => "a type of address",
            Kind::IcmpType => "an ICMP type",
            Kind::Icmpv6Type => "an ICMPv6 type",
            Kind::Guess => "a value",
        }
    }

    /// What could stand there instead.
    pub(super) fn hint(self) -> String {
        match self {
            Kind::Ipv4 => "four numbers from 0 to 255, as in 10.96.0.10 or 10.244.0.0/16".into(),
            Kind::Ipv6 => "as in fd00::1 or fd00:10:96::/112".into(),
            Kind::Protocol => "tcp, udp, sctp, icmp, ipv6-icmp, or a number to 255".into(),
            Kind::Port => "a number from 0 to 65535, a range, or a name such as http".into(),
            Kind::Mark | Kind::Integer => "a number such as 10 or 0x00004000".into(),
            Kind::Interface => "a name such as eth0, or a beginning such as cali*".into(),
            Kind::AddressType => join(ADDRESS_TYPES.iter().map(|it| it.0)),
            Kind::Guess => "an address, a protocol, a port or a number".into(),
            _ => join(self.names().iter().map(|it| it.0)),
        }
    }

    /// How many elements of a set of this type `nft list` puts on a line.
    pub(super) const fn n_per_line(self) -> usize {
        match self {
            Kind::Protocol
            | Kind::Port
            | Kind::Mark
            | Kind::Integer
            | Kind::Family
            | Kind::CtDirection
            | Kind::TcpFlags => 5,
            Kind::Ipv4 | Kind::CtState | Kind::CtStatus => 2,
            _ => 1,
        }
    }
}

fn join<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}

/// The kinds of the parts of a set's type, `ipv4_addr . inet_proto`.
pub(super) fn kinds_of_type(text: &str) -> Vec<Kind> {
    text.split(" . ")
        .map(|part| {
            let known = TYPES.iter().find(|it| it.0 == part.trim());
            known.map_or(Kind::Guess, |it| it.1)
        })
        .collect()
}

/// The type of a set whose keys are values of these kinds, if they all have one.
pub(super) fn type_of_kinds(kinds: &[Kind]) -> Option<String> {
    let names: Option<Vec<_>> = kinds
        .iter()
        .map(|kind| TYPES.iter().find(|it| it.1 == *kind).map(|it| it.0))
        .collect();
    names.map(|it| it.join(" . "))
}

/// The kinds of the parts of an expression's value.
pub(super) fn kinds_of(expression: &Expression) -> Vec<Kind> {
    match expression {
        Expression::Concatenation(parts) => parts.iter().map(kind_of).collect(),
        other => vec![kind_of(other)],
    }
}

/// The kind of an expression's value.
pub(super) fn kind_of(expression: &Expression) -> Kind {
    match expression {
        Expression::Payload(field) => match field {
            Field::IpSaddr | Field::IpDaddr => Kind::Ipv4,
            Field::Ip6Saddr | Field::Ip6Daddr => Kind::Ipv6,
            Field::IpProtocol | Field::Ip6Nexthdr => Kind::Protocol,
            Field::TcpFlags => Kind::TcpFlags,
            Field::IcmpType => Kind::IcmpType,
            Field::Icmpv6Type => Kind::Icmpv6Type,
            Field::TcpSport
            | Field::TcpDport
            | Field::UdpSport
            | Field::UdpDport
            | Field::SctpSport
            | Field::SctpDport
            | Field::ThSport
            | Field::ThDport => Kind::Port,
        },
        Expression::Meta(meta) => match meta {
            Meta::Mark => Kind::Mark,
            Meta::L4proto => Kind::Protocol,
            Meta::Nfproto => Kind::Family,
            Meta::Iifname | Meta::Oifname => Kind::Interface,
        },
        Expression::Ct(key) => match key {
            CtKey::State | CtKey::Ctstate => Kind::CtState,
            CtKey::Status => Kind::CtStatus,
            CtKey::Mark => Kind::Mark,
            CtKey::Direction => Kind::CtDirection,
        },
        Expression::Fib(fib) => match fib.result {
            FibResult::Type => Kind::AddressType,
            FibResult::Oifname => Kind::Interface,
        },
        Expression::Numgen(_) => Kind::Integer,
        Expression::Bitwise { of, .. } => kind_of(of),
        Expression::Concatenation(_) | Expression::Map { .. } | Expression::Constant(_) => {
            Kind::Guess
        }
    }
}

/// The words before a field's value.
pub(super) const fn field_words(field: Field) -> (&'static str, &'static str) {
    match field {
        Field::IpSaddr => ("ip", "saddr"),
        Field::IpDaddr => ("ip", "daddr"),
        Field::IpProtocol => ("ip", "protocol"),
        Field::Ip6Saddr => ("ip6", "saddr"),
        Field::Ip6Daddr => ("ip6", "daddr"),
        Field::Ip6Nexthdr => ("ip6", "nexthdr"),
        Field::TcpSport => ("tcp", "sport"),
        Field::TcpDport => ("tcp", "dport"),
        Field::TcpFlags => ("tcp", "flags"),
        Field::UdpSport => ("udp", "sport"),
        Field::UdpDport => ("udp", "dport"),
        Field::SctpSport => ("sctp", "sport"),
        Field::SctpDport => ("sctp", "dport"),
        Field::ThSport => ("th", "sport"),
        Field::ThDport => ("th", "dport"),
        Field::IcmpType => ("icmp", "type"),
        Field::Icmpv6Type => ("icmpv6", "type"),
    }
}

/// All fields.
const FIELDS: [Field; 17] = [
    Field::IpSaddr,
    Field::IpDaddr,
    Field::IpProtocol,
    Field::Ip6Saddr,
    Field::Ip6Daddr,
    Field::Ip6Nexthdr,
    Field::TcpSport,
    Field::TcpDport,
    Field::TcpFlags,
    Field::UdpSport,
    Field::UdpDport,
    Field::SctpSport,
    Field::SctpDport,
    Field::ThSport,
    Field::ThDport,
    Field::IcmpType,
    Field::Icmpv6Type,
];

/// The field these two words name.
pub(super) fn field_from_words(header: &str, name: &str) -> Option<Field> {
    FIELDS
        .into_iter()
        .find(|it| field_words(*it) == (header, name))
}

/// The protocol whose header a field is in, and, for a port, the field's name in any header.
pub(super) const fn protocol_of(field: Field) -> Option<u8> {
    Some(match field {
        Field::TcpSport | Field::TcpDport | Field::TcpFlags => 6,
        Field::UdpSport | Field::UdpDport => 17,
        Field::SctpSport | Field::SctpDport => 132,
        Field::IcmpType => 1,
        Field::Icmpv6Type => 58,
        _ => return None,
    })
}

/// The number of the protocol of this name, or written as a number.
pub(super) fn protocol_number(text: &str) -> Option<u8> {
    let named = PROTOCOLS.iter().find(|it| it.0.eq_ignore_ascii_case(text));
    named.map(|it| it.1).or_else(|| text.parse().ok())
}

/// The name of a protocol as rules are written: only names every system knows.
pub(super) fn protocol_written(number: u8) -> String {
    Protocol::from_number(number).map_or_else(|| number.to_string(), |it| it.name().to_owned())
}

/// The name of a protocol as `nft list` prints it.
pub(super) fn protocol_listed(number: u8) -> String {
    let named = PROTOCOLS.iter().find(|it| it.1 == number);
    named.map_or_else(|| number.to_string(), |it| it.0.to_owned())
}

/// The port of the service of this name, or written as a number.
pub(super) fn port_number(text: &str) -> Option<u16> {
    let named = SERVICES.iter().find(|it| it.0 == text);
    named.map(|it| it.1).or_else(|| text.parse().ok())
}

/// The address type of this name; `Ok(None)` if only nft knows it.
pub(super) fn address_type(text: &str) -> Result<Option<AddressType>, ()> {
    let named = ADDRESS_TYPES.iter().find(|it| it.0 == text);
    // `nft -n` prints the numbers of rtnetlink: RTN_UNICAST 1, RTN_LOCAL 2, …
    let numbered = || match text {
        "0" => Some(AddressType::Unspec),
        "1" => Some(AddressType::Unicast),
        "2" => Some(AddressType::Local),
        "3" => Some(AddressType::Broadcast),
        "5" => Some(AddressType::Multicast),
        _ => None,
    };
    match named.map(|it| it.1).or_else(numbered) {
        Some(it) => Ok(Some(it)),
        None if OTHER_ADDRESS_TYPES.contains(&text) => Ok(None),
        None => Err(()),
    }
}

/// The name of an address type.
pub(super) fn address_type_name(wanted: AddressType) -> &'static str {
    let named = ADDRESS_TYPES.iter().find(|it| it.1 == wanted);
    named.map_or("unspec", |it| it.0)
}

/// A number, decimal or hexadecimal.
pub(super) fn number(text: &str) -> Option<u32> {
    match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

/// Whether nft reads this text as one word without quotes.
pub(super) fn is_word(text: &str) -> bool {
    text.starts_with(|it: char| it.is_ascii_alphabetic() || it == '_')
        && text.chars().all(is_word_char)
}

/// Whether a word can go on with this character.
pub(super) fn is_word_char(it: char) -> bool {
    it.is_ascii_alphanumeric() || matches!(it, '/' | '-' | '_' | '.')
}

/// The family a match allows, as `meta nfproto` numbers it.
pub(super) fn family_of(statement: &Statement) -> Option<u32> {
    let Statement::Match {
        left,
        operator,
        right,
    } = statement
    else {
        return None;
    };
    match (left, operator, right) {
        (Expression::Meta(Meta::Nfproto), Operator::Eq, Operand::Value(Datum::Number(number))) => {
            Some(*number)
        }
        (left, ..) => family_of_expression(left),
    }
}

/// The family in whose header an expression looks.
pub(super) fn family_of_expression(expression: &Expression) -> Option<u32> {
    match expression {
        Expression::Payload(
            Field::IpSaddr | Field::IpDaddr | Field::IpProtocol | Field::IcmpType,
        ) => Some(2),
        Expression::Payload(
            Field::Ip6Saddr | Field::Ip6Daddr | Field::Ip6Nexthdr | Field::Icmpv6Type,
        ) => Some(10),
        Expression::Concatenation(parts) => parts.iter().find_map(family_of_expression),
        Expression::Bitwise { of, .. } | Expression::Map { key: of, .. } => {
            family_of_expression(of)
        }
        _ => None,
    }
}
