//! The words nft has for values: protocols, services, states, flags, types.
//!
//! nft 1.0.6 (`src/datatype.c`, `src/ct.c`, `src/proto.c`, `src/fib.c`) with Debian's
//! `/etc/protocols` and the services people write by name.
//!
//! **Left out**: the rest of `/etc/services` and `/etc/protocols`, and of the names of connection labels
//! and traffic classes.

use crate::net::{AddressType, Protocol};
use crate::netfilter::{
    CtKey, Datum, Expression, FibResult, Field, FlowPart, Meta, Operand, Operator, Statement,
    ct_state,
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
    IcmpCode,
    Icmpv6Code,
    LinkType,
    Group,
    PacketType,
    EtherType,
    Dscp,
    Time,
    HardwareAddress,
    /// A name in quotes: a helper, a label.
    Text,
    /// Nothing is known, as with an element of a set that is declared elsewhere.
    Guess,
}

/// The types nft gives to sets, and the kind of their values.
const TYPES: [(&str, Kind); 29] = [
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
    ("icmp_code", Kind::IcmpCode),
    ("icmpv6_code", Kind::Icmpv6Code),
    ("iface_type", Kind::LinkType),
    ("devgroup", Kind::Group),
    ("pkt_type", Kind::PacketType),
    ("ether_type", Kind::EtherType),
    ("dscp", Kind::Dscp),
    ("time", Kind::Time),
    ("ether_addr", Kind::HardwareAddress),
    ("ct_label", Kind::Text),
    ("string", Kind::Text),
    ("iface_index", Kind::Interface),
    ("uid", Kind::Integer),
    ("gid", Kind::Integer),
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

const ICMP_CODES: [(&str, u32); 8] = [
    ("net-unreachable", 0),
    ("host-unreachable", 1),
    ("prot-unreachable", 2),
    ("port-unreachable", 3),
    ("frag-needed", 4),
    ("net-prohibited", 9),
    ("host-prohibited", 10),
    ("admin-prohibited", 13),
];

const ICMPV6_CODES: [(&str, u32); 6] = [
    ("no-route", 0),
    ("admin-prohibited", 1),
    ("addr-unreachable", 3),
    ("port-unreachable", 4),
    ("policy-fail", 5),
    ("reject-route", 6),
];

const LINK_TYPES: [(&str, u32); 8] = [
    ("ether", 1),
    ("ppp", 512),
    ("ipip", 768),
    ("ipip6", 769),
    ("loopback", 772),
    ("sit", 776),
    ("ipgre", 778),
    ("none", 65534),
];

const GROUPS: [(&str, u32); 1] = [("default", 0)];

const PACKET_TYPES: [(&str, u32); 5] = [
    ("host", 0),
    ("unicast", 0),
    ("broadcast", 1),
    ("multicast", 2),
    ("other", 3),
];

const ETHER_TYPES: [(&str, u32); 5] = [
    ("ip", 0x0800),
    ("arp", 0x0806),
    ("ip6", 0x86dd),
    ("vlan", 0x8100),
    ("8021q", 0x8100),
];

const DSCPS: [(&str, u32); 22] = [
    ("cs0", 0x00),
    ("cs1", 0x08),
    ("cs2", 0x10),
    ("cs3", 0x18),
    ("cs4", 0x20),
    ("cs5", 0x28),
    ("cs6", 0x30),
    ("cs7", 0x38),
    ("df", 0x00),
    ("be", 0x00),
    ("lephb", 0x01),
    ("af11", 0x0a),
    ("af12", 0x0c),
    ("af13", 0x0e),
    ("af21", 0x12),
    ("af22", 0x14),
    ("af23", 0x16),
    ("af31", 0x1a),
    ("af41", 0x22),
    ("af42", 0x24),
    ("af43", 0x26),
    ("ef", 0x2e),
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

const ADDRESS_TYPES: [(&str, AddressType); 9] = [
    ("unspec", AddressType::Unspec),
    ("unicast", AddressType::Unicast),
    ("local", AddressType::Local),
    ("broadcast", AddressType::Broadcast),
    ("multicast", AddressType::Multicast),
    ("anycast", AddressType::Anycast),
    ("blackhole", AddressType::Blackhole),
    ("unreachable", AddressType::Unreachable),
    ("prohibit", AddressType::Prohibit),
];

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
            Kind::IcmpCode => &ICMP_CODES,
            Kind::Icmpv6Code => &ICMPV6_CODES,
            Kind::LinkType => &LINK_TYPES,
            Kind::Group => &GROUPS,
            Kind::PacketType => &PACKET_TYPES,
            Kind::EtherType => &ETHER_TYPES,
            Kind::Dscp => &DSCPS,
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
            Kind::IcmpCode => "an ICMP code",
            Kind::Icmpv6Code => "an ICMPv6 code",
            Kind::LinkType => "a type of interface",
            Kind::Group => "a group of interfaces",
            Kind::PacketType => "a type of packet",
            Kind::EtherType => "a protocol of frames",
            Kind::Dscp => "a class of traffic",
            Kind::Time => "a length of time",
            Kind::HardwareAddress => "a hardware address",
            Kind::Text => "a name",
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
            Kind::Time => "as in 3h, 1m30s or 10800s".into(),
            Kind::HardwareAddress => "as in 02:42:ac:11:00:02".into(),
            Kind::Text => "a word, or a text in quotes".into(),
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
        Expression::Payload(field) => row(*field).kind,
        Expression::Meta(meta) => match meta {
            Meta::Mark => Kind::Mark,
            Meta::L4proto => Kind::Protocol,
            Meta::Nfproto => Kind::Family,
            Meta::Iifname | Meta::Oifname | Meta::Iif | Meta::Oif => Kind::Interface,
            Meta::Iiftype | Meta::Oiftype => Kind::LinkType,
            Meta::Iifgroup | Meta::Oifgroup => Kind::Group,
            Meta::Pkttype => Kind::PacketType,
            Meta::Protocol => Kind::EtherType,
            Meta::Skuid | Meta::Skgid | Meta::Length | Meta::Random | Meta::Nftrace => {
                Kind::Integer
            }
        },
        Expression::Ct(key) => match key {
            CtKey::State | CtKey::Ctstate => Kind::CtState,
            CtKey::Status => Kind::CtStatus,
            CtKey::Mark => Kind::Mark,
            CtKey::Direction => Kind::CtDirection,
            CtKey::Label | CtKey::Helper => Kind::Text,
            CtKey::Zone(_) => Kind::Integer,
            CtKey::Expiration => Kind::Time,
            CtKey::Flow(_, part) => match part {
                FlowPart::L3proto => Kind::Family,
                FlowPart::Protocol => Kind::Protocol,
                FlowPart::IpSaddr | FlowPart::IpDaddr => Kind::Ipv4,
                FlowPart::Ip6Saddr | FlowPart::Ip6Daddr => Kind::Ipv6,
                FlowPart::ProtoSrc | FlowPart::ProtoDst => Kind::Port,
            },
        },
        Expression::Fib(fib) => match fib.result {
            FibResult::Type => Kind::AddressType,
            FibResult::Oifname | FibResult::Oif => Kind::Interface,
        },
        Expression::Numgen(_) | Expression::Hash(_) => Kind::Integer,
        Expression::Bitwise { of, .. } => kind_of(of),
        Expression::Beyond(it) if ["ether type", "vlan type"].contains(&&*it.text) => {
            Kind::EtherType
        }
        Expression::Concatenation(_)
        | Expression::Map { .. }
        | Expression::Constant(_)
        | Expression::NextHop(_)
        | Expression::Beyond(_) => Kind::Guess,
    }
}

/// What is known of a field: its words, the kind of its value, and whose header it is in.
struct Row {
    field: Field,
    words: (&'static str, &'static str),
    kind: Kind,
    protocol: Option<u8>,
}

const fn field(
    field: Field,
    words: (&'static str, &'static str),
    kind: Kind,
    protocol: Option<u8>,
) -> Row {
    Row {
        field,
        words,
        kind,
        protocol,
    }
}

/// All fields.
const FIELDS: [Row; 34] = [
    field(Field::IpSaddr, ("ip", "saddr"), Kind::Ipv4, None),
    field(Field::IpDaddr, ("ip", "daddr"), Kind::Ipv4, None),
    field(Field::IpProtocol, ("ip", "protocol"), Kind::Protocol, None),
    field(Field::IpVersion, ("ip", "version"), Kind::Integer, None),
    field(Field::IpTtl, ("ip", "ttl"), Kind::Integer, None),
    field(Field::IpDscp, ("ip", "dscp"), Kind::Dscp, None),
    field(Field::IpEcn, ("ip", "ecn"), Kind::Integer, None),
    field(Field::IpFragOff, ("ip", "frag-off"), Kind::Integer, None),
    field(Field::Ip6Saddr, ("ip6", "saddr"), Kind::Ipv6, None),
    field(Field::Ip6Daddr, ("ip6", "daddr"), Kind::Ipv6, None),
    field(Field::Ip6Nexthdr, ("ip6", "nexthdr"), Kind::Protocol, None),
    field(Field::Ip6Version, ("ip6", "version"), Kind::Integer, None),
    field(Field::Ip6Hoplimit, ("ip6", "hoplimit"), Kind::Integer, None),
    field(Field::Ip6Dscp, ("ip6", "dscp"), Kind::Dscp, None),
    field(Field::Ip6Ecn, ("ip6", "ecn"), Kind::Integer, None),
    field(Field::TcpSport, ("tcp", "sport"), Kind::Port, Some(6)),
    field(Field::TcpDport, ("tcp", "dport"), Kind::Port, Some(6)),
    field(Field::TcpFlags, ("tcp", "flags"), Kind::TcpFlags, Some(6)),
    field(Field::UdpSport, ("udp", "sport"), Kind::Port, Some(17)),
    field(Field::UdpDport, ("udp", "dport"), Kind::Port, Some(17)),
    field(
        Field::UdpliteSport,
        ("udplite", "sport"),
        Kind::Port,
        Some(136),
    ),
    field(
        Field::UdpliteDport,
        ("udplite", "dport"),
        Kind::Port,
        Some(136),
    ),
    field(Field::DccpSport, ("dccp", "sport"), Kind::Port, Some(33)),
    field(Field::DccpDport, ("dccp", "dport"), Kind::Port, Some(33)),
    field(Field::SctpSport, ("sctp", "sport"), Kind::Port, Some(132)),
    field(Field::SctpDport, ("sctp", "dport"), Kind::Port, Some(132)),
    field(Field::ThSport, ("th", "sport"), Kind::Port, None),
    field(Field::ThDport, ("th", "dport"), Kind::Port, None),
    field(Field::IcmpType, ("icmp", "type"), Kind::IcmpType, Some(1)),
    field(Field::IcmpCode, ("icmp", "code"), Kind::IcmpCode, Some(1)),
    field(Field::IcmpId, ("icmp", "id"), Kind::Integer, Some(1)),
    field(
        Field::Icmpv6Type,
        ("icmpv6", "type"),
        Kind::Icmpv6Type,
        Some(58),
    ),
    field(
        Field::Icmpv6Code,
        ("icmpv6", "code"),
        Kind::Icmpv6Code,
        Some(58),
    ),
    field(Field::Icmpv6Id, ("icmpv6", "id"), Kind::Integer, Some(58)),
];

fn row(wanted: Field) -> &'static Row {
    let found = FIELDS.iter().find(|it| it.field == wanted);
    found.expect("every field has a row, which a test checks")
}

/// The words before a field's value.
pub(super) fn field_words(field: Field) -> (&'static str, &'static str) {
    row(field).words
}

/// The field these two words name.
pub(super) fn field_from_words(header: &str, name: &str) -> Option<Field> {
    let found = FIELDS.iter().find(|it| it.words == (header, name))?;
    Some(found.field)
}

/// The protocol whose header a field is in, and, for a port, the field's name in any header.
pub(super) fn protocol_of(field: Field) -> Option<u8> {
    row(field).protocol
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

/// The address type of this name.
pub(super) fn address_type(text: &str) -> Option<AddressType> {
    let named = ADDRESS_TYPES.iter().find(|it| it.0 == text);
    // `nft -n` prints the numbers of rtnetlink: RTN_UNICAST 1, RTN_LOCAL 2, …
    let numbered = || match text {
        "0" => Some(AddressType::Unspec),
        "1" => Some(AddressType::Unicast),
        "2" => Some(AddressType::Local),
        "3" => Some(AddressType::Broadcast),
        "4" => Some(AddressType::Anycast),
        "5" => Some(AddressType::Multicast),
        "6" => Some(AddressType::Blackhole),
        "7" => Some(AddressType::Unreachable),
        "8" => Some(AddressType::Prohibit),
        _ => None,
    };
    named.map(|it| it.1).or_else(numbered)
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
        Expression::Payload(field) => match row(*field).words.0 {
            "ip" | "icmp" => Some(2),
            "ip6" | "icmpv6" => Some(10),
            _ => None,
        },
        Expression::Concatenation(parts) => parts.iter().find_map(family_of_expression),
        Expression::Bitwise { of, .. } | Expression::Map { key: of, .. } => {
            family_of_expression(of)
        }
        _ => None,
    }
}

/// Whether a text is a hardware address: six numbers of two digits.
pub(super) fn is_hardware_address(text: &str) -> bool {
    let is_number = |it: &str| it.len() == 2 && it.bytes().all(|it| it.is_ascii_hexdigit());
    text.split(':').count() == 6 && text.split(':').all(is_number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_has_a_row_of_its_own() {
        let places: std::collections::BTreeSet<usize> =
            FIELDS.iter().map(|it| it.field as usize).collect();
        assert_eq!(places.len(), FIELDS.len());
        // The last field of the list of fields.
        assert_eq!(places.last(), Some(&(Field::Ip6Ecn as usize)));
        assert_eq!(Field::Ip6Ecn as usize + 1, FIELDS.len());
    }
}
