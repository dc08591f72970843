//! Prints rules as `nft list ruleset` does.
//!
//! nft 1.0.6 (`src/rule.c`, `src/expression.c`, `src/mergesort.c`), which prints what it finds in the
//! kernel: spellings are gone, redundant matches too, and elements are sorted by their bytes.
//!
//! **Left out**: handles; what counters counted; elements that packets added; `typeof`, where the
//! type has a name.

use super::nft_canonical::{as_in_kernel, joined_addresses};
use super::nft_print::{Printer, flags_text, kinds_of_set, quoted, type_text};
use super::nft_symbols::Kind;
use crate::ip::IpAddr;
use crate::net::AddressType;
use crate::netfilter::{
    Chain, Datum, Element, MapValue, Policy, Ruleset, Set, SetFlag, Statement, Table,
};
use crate::sorted::{sort, sort_by_key};

/// The longest name of an interface, with its end.
const IFNAMSIZ: usize = 16;

/// What `nft list ruleset` would print.
#[must_use]
pub fn list(ruleset: &Ruleset) -> String {
    ruleset.tables().iter().map(list_table).collect()
}

/// What `nft list table` would print.
#[must_use]
pub fn list_table(table: &Table) -> String {
    let mut text = format!("table {} {{\n", table.key);
    if let Some(comment) = &table.comment {
        text.push_str(&format!("\tcomment {}\n", quoted(comment)));
    }
    let sets = table.sets.iter().map(|it| list_set(table, it));
    let chains = table.chains.iter().map(|it| list_chain(table, it));
    let items: Vec<_> = sets.chain(chains).collect();
    text.push_str(&items.join("\n"));
    text.push_str("}\n");
    text
}

fn list_set(table: &Table, set: &Set) -> String {
    let noun = if set.is_map() { "map" } else { "set" };
    let mut lines = vec![format!("\t{noun} {} {{", set.name), type_text(set)];
    let mut flags = set.flags.clone();
    sort(&mut flags);
    let given = is_filled_by_rules(table, set).then_some(65_535);
    lines.extend(set.size.or(given).map(|it| format!("size {it}")));
    if !flags.is_empty() {
        lines.push(format!("flags {}", flags_text(&flags)));
    }
    lines.extend(set.timeout.map(|it| format!("timeout {it}")));
    lines.extend(
        set.comment
            .iter()
            .map(|it| format!("comment {}", quoted(it))),
    );
    if !set.is_empty() {
        lines.push(format!("elements = {{ {} }}", list_elements(table, set)));
    }
    format!("{}\n\t}}\n", lines.join("\n\t\t"))
}

/// The kernel gives a size to a set when the first rule that adds to it is made.
fn is_filled_by_rules(table: &Table, set: &Set) -> bool {
    set.flags.contains(&SetFlag::Dynamic)
        && table.chains.iter().flat_map(|it| &it.rules).any(|rule| {
            rule.statements
                .iter()
                .any(|it| matches!(it, Statement::Update { set: name, .. } if *name == set.name))
        })
}

fn list_elements(table: &Table, set: &Set) -> String {
    let (keys, values) = kinds_of_set(set);
    let n_per_line = match keys.as_slice() {
        [kind] => kind.n_per_line(),
        _ => 1,
    };
    let elements: Vec<_> = set.elements().cloned().collect();
    let mut text = String::new();
    for (idx, element) in in_order(&elements, &keys).into_iter().enumerate() {
        match idx {
            0 => {}
            _ if idx % n_per_line == 0 => text.push_str(",\n\t\t\t     "),
            _ => text.push_str(", "),
        }
        let mut printer = Printer::listing(table);
        printer.element(element, &keys, &values);
        text.push_str(&printer.text());
    }
    text
}

fn list_chain(table: &Table, chain: &Chain) -> String {
    let mut lines = vec![format!("\tchain {} {{", chain.name)];
    let comment = chain.comment.iter();
    lines.extend(comment.map(|it| format!("comment {}", quoted(it))));
    if let Some(base) = chain.base {
        let policy = match base.policy {
            Policy::Accept => "accept",
            Policy::Drop => "drop",
        };
        let (kind, hook) = (base.kind.name(), base.hook);
        let priority = base.priority.listed(hook);
        lines.push(format!(
            "type {kind} hook {hook} priority {priority}; policy {policy};"
        ));
    }
    for rule in &chain.rules {
        let rule = as_in_kernel(rule, table.key.family);
        let words = Printer::listing(table).rule(&rule);
        let words: Vec<_> = words.into_iter().map(|it| it.text).collect();
        lines.push(words.join(" "));
    }
    format!("{}\n\t}}\n", lines.join("\n\t\t"))
}

/// Elements in the order `nft list` sorts them.
pub(super) fn in_order<'a>(elements: &'a [Element], kinds: &[Kind]) -> Vec<&'a Element> {
    let mut sorted: Vec<_> = elements.iter().collect();
    sort_by_key(&mut sorted, |it| sort_key(&it.key, kinds));
    sorted
}

/// The bytes of a key, most significant first. nft sorts one value by its size, and several as if
/// their bytes in a row were one number with the least significant byte first.
fn sort_key(datum: &Datum, kinds: &[Kind]) -> Vec<u8> {
    let kind = |idx: usize| kinds.get(idx).copied().unwrap_or(Kind::Guess);
    match datum {
        Datum::Tuple(parts) => {
            let parts = parts.iter().enumerate();
            let mut bytes: Vec<u8> = parts
                .flat_map(|(idx, part)| bytes_in_packet(part, kind(idx)))
                .collect();
            bytes.reverse();
            bytes
        }
        Datum::Number(it) | Datum::Bits(it) | Datum::Numbers(it, _) => it.to_be_bytes().to_vec(),
        Datum::AddressType(it) => vec![address_type_number(*it)],
        Datum::Interface(_) => {
            let mut bytes = bytes_in_packet(datum, Kind::Interface);
            bytes.reverse();
            bytes
        }
        other => bytes_in_packet(other, kind(0)),
    }
}

/// The bytes of a value as the kernel holds them on a little-endian machine.
fn bytes_in_packet(datum: &Datum, kind: Kind) -> Vec<u8> {
    let address = |it: IpAddr| match it {
        IpAddr::V4(it) => it.octets().to_vec(),
        IpAddr::V6(it) => it.octets().to_vec(),
    };
    match datum {
        Datum::Address(it) => address(*it),
        Datum::Addresses(ends) => address(ends.0),
        Datum::Any => vec![u8::MAX; 16],
        Datum::Text(it) => it.as_bytes().to_vec(),
        Datum::Presence(it) => vec![u8::from(*it)],
        Datum::Range(it) => address(it.network()),
        Datum::Protocol(it) => vec![*it],
        Datum::Port(it) | Datum::Ports(it, _) => it.to_be_bytes().to_vec(),
        Datum::Number(it) | Datum::Bits(it) | Datum::Numbers(it, _) => {
            let bytes = it.to_le_bytes();
            match kind {
                Kind::TcpFlags
                | Kind::IcmpType
                | Kind::Icmpv6Type
                | Kind::CtDirection
                | Kind::Family => bytes[..1].to_vec(),
                _ => bytes.to_vec(),
            }
        }
        Datum::Interface(it) => {
            let mut bytes = it.trim_end_matches('*').as_bytes().to_vec();
            bytes.resize(IFNAMSIZ, 0);
            bytes
        }
        Datum::AddressType(it) => vec![address_type_number(*it), 0, 0, 0],
        Datum::Tuple(parts) => parts
            .iter()
            .flat_map(|it| bytes_in_packet(it, Kind::Guess))
            .collect(),
    }
}

const fn address_type_number(it: AddressType) -> u8 {
    match it {
        AddressType::Unspec => 0,
        AddressType::Unicast => 1,
        AddressType::Local => 2,
        AddressType::Broadcast => 3,
        AddressType::Anycast => 4,
        AddressType::Multicast => 5,
        AddressType::Blackhole => 6,
        AddressType::Unreachable => 7,
        AddressType::Prohibit => 8,
    }
}

/// The ranges an anonymous set of prefixes is made of, neighbours joined; none for another set.
pub(super) fn ranges(elements: &[Element]) -> Option<Vec<String>> {
    let is_range = |it: &Element| matches!(it.key, Datum::Range(_) | Datum::Addresses(..));
    if !elements.iter().any(is_range) {
        return None;
    }
    let mut spans = Vec::new();
    for element in elements {
        if element.comment.is_some() || matches!(&element.value, Some(MapValue::Verdict(_))) {
            return None;
        }
        match &element.key {
            Datum::Address(it) => spans.push((*it, *it)),
            Datum::Range(it) => spans.push((it.network(), it.broadcast())),
            Datum::Addresses(ends) => spans.push(**ends),
            _ => return None,
        }
    }
    Some(joined_addresses(spans).into_iter().map(span_text).collect())
}

fn span_text((start, end): (IpAddr, IpAddr)) -> String {
    if start == end {
        return start.to_string();
    }
    let prefixes = super::nft_values::prefixes(start, end);
    match prefixes.as_slice() {
        [prefix] => prefix.to_string(),
        _ => format!("{start}-{end}"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::nft_parse::parse_listing;
    use super::*;

    /// Every text here was printed by nft 1.0.6.
    #[track_caller]
    fn stays(text: &str) {
        let listing = parse_listing(text).expect("a listing");
        assert_eq!(list(&listing.ruleset), text);
    }

    #[test]
    fn elements_are_wrapped_and_sorted_by_their_type() {
        stays(
            "table ip t {\n\
             \tset p {\n\t\ttype inet_service\n\t\telements = { 1, 2, 3, 4, 5,\n\t\t\t     6, 7 }\n\t}\n\n\
             \tset i {\n\t\ttype ifname\n\t\telements = { \"d\",\n\t\t\t     \"lo\",\n\t\t\t     \"eth0\",\n\t\t\t     \"cni0\" }\n\t}\n\n\
             \tset cc {\n\t\ttype inet_proto . inet_service\n\t\telements = { udp . 53,\n\t\t\t     tcp . 80,\n\t\t\t     tcp . 443 }\n\t}\n\n\
             \tset m {\n\t\ttype mark\n\t\telements = { 0x00000001, 0x00000002 }\n\t}\n\n\
             \tset st {\n\t\ttype ct_state\n\t\telements = { established, new }\n\t}\n\n\
             \tmap am {\n\t\ttype ipv4_addr : ipv4_addr\n\t\telements = { 1.1.1.1 : 2.2.2.2, 1.1.1.2 : 2.2.2.2,\n\t\t\t     1.1.1.3 : 2.2.2.2 }\n\t}\n\
             }\n",
        );
    }

    #[test]
    fn priorities_go_by_name_where_the_hook_has_it() {
        stays(
            "table inet t {\n\
             \tcomment \"hello\"\n\
             \tchain n {\n\t\ttype nat hook prerouting priority dstnat + 1; policy accept;\n\t}\n\n\
             \tchain n2 {\n\t\tcomment \"hi\"\n\t\ttype filter hook input priority filter + 7; policy drop;\n\t}\n\n\
             \tchain n3 {\n\t\ttype filter hook output priority -107; policy accept;\n\t}\n\n\
             \tchain n5 {\n\t\ttype filter hook postrouting priority srcnat - 5; policy accept;\n\t}\n\
             }\n",
        );
    }

    #[test]
    fn rules_are_spelled_as_the_kernel_gives_them_back() {
        let rows = [
            (
                "mark set mark and 0xffff0000 or 0x1",
                "meta mark set meta mark & 0xffff0001 | 0x00000001",
            ),
            (
                "ct state { new, established } accept",
                "ct state { established, new } accept",
            ),
            (
                "ct state != new,established accept",
                "ct state != established | new accept",
            ),
            ("ct status & dnat == 0 accept", "ct status ! dnat accept"),
            (
                "tcp flags & (fin|syn|rst|ack) == syn",
                "tcp flags syn / fin,syn,rst,ack",
            ),
            ("meta l4proto tcp th dport 80 accept", "tcp dport 80 accept"),
            (
                "ip protocol tcp tcp dport { 80 } accept",
                "tcp dport 80 accept",
            ),
            ("udp dport 53 udp sport 53", "udp sport 53 udp dport 53"),
            (
                "ip saddr { 10.0.0.0/24, 10.0.1.0/25, 1.1.1.1 }",
                "ip saddr { 1.1.1.1, 10.0.0.0-10.0.1.127 }",
            ),
            ("iifname != cali*", "iifname != \"cali*\""),
            (
                "reject with icmp type admin-prohibited",
                "reject with icmp admin-prohibited",
            ),
            (
                "ip protocol tcp reject with tcp reset",
                "reject with tcp reset",
            ),
            ("counter accept", "counter packets 0 bytes 0 accept"),
            (
                "dnat ip to ip daddr map { 1.1.1.1 : 2.2.2.2 }",
                "dnat to ip daddr map { 1.1.1.1 : 2.2.2.2 }",
            ),
        ];
        for (written, listed) in rows {
            let text = format!("table ip t {{\n\tchain c {{\n\t\t{written}\n\t}}\n}}\n");
            let listing = parse_listing(&text).expect("a listing");
            let wanted = format!("table ip t {{\n\tchain c {{\n\t\t{listed}\n\t}}\n}}\n");
            assert_eq!(list(&listing.ruleset), wanted);
        }
    }
}
