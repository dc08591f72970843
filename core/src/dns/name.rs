//! Names as text: labels, zones, and the names that stand for addresses.
//!
//! `miekg/dns` `labels.go` and CoreDNS's `plugin/pkg/dnsutil`: a dot that is escaped is part of its
//! label; names are compared without case, and kept with it.
//!
//! **Left out**: what stands for another byte (`\\046`) counts as the bytes it is written with.

use crate::ip::{Cidr, IpAddr, parse_cidr_sloppy};
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

const IN_ADDR: &str = "in-addr.arpa.";
const IP6: &str = "ip6.arpa.";

/// The longest label, and the longest name as a message has it: a byte before each label, and one at the end (RFC 1035 section 2.3.4).
const MAX_LABEL: usize = 63;
const MAX_NAME: usize = 255;

/// Why no message can carry a name, as BIND says it (`lib/dns/result.c`, 9.18).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IllegalName {
    /// Two dots in a row, or one at the beginning.
    EmptyLabel,
    /// A label of more than 63 bytes.
    LabelTooLong,
    /// More than 255 bytes in all.
    NoSpace,
}

impl fmt::Display for IllegalName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EmptyLabel => "empty label",
            Self::LabelTooLong => "label too long",
            Self::NoSpace => "ran out of space",
        })
    }
}

/// Whether a message can carry a name; if not, the first reason from the left.
///
/// # Errors
/// The reason.
pub fn check_name(name: &str) -> Result<(), IllegalName> {
    let mut length = 1;
    for label in labels(name) {
        if label.is_empty() {
            return Err(IllegalName::EmptyLabel);
        }
        if label.len() > MAX_LABEL {
            return Err(IllegalName::LabelTooLong);
        }
        length += label.len() + 1;
        if length > MAX_NAME {
            return Err(IllegalName::NoSpace);
        }
    }
    Ok(())
}

/// The labels of a name, the leftmost first. The root has none.
pub(super) fn labels(name: &str) -> Vec<&str> {
    let name = name.strip_suffix('.').unwrap_or(name);
    if name.is_empty() {
        return Vec::new();
    }
    let mut labels = Vec::new();
    let mut start = 0;
    let mut escaped = false;
    for (at, byte) in name.bytes().enumerate() {
        if byte == b'.' && !escaped {
            labels.push(&name[start..at]);
            start = at + 1;
        }
        escaped = byte == b'\\' && !escaped;
    }
    labels.push(&name[start..]);
    labels
}

/// The part of a fully qualified name that is this zone, in the name's own case.
pub(super) fn zone_of<'a>(name: &'a str, zone: &str) -> Option<&'a str> {
    if zone == "." {
        return Some(&name[name.len().saturating_sub(1)..]);
    }
    let at = name.len().checked_sub(zone.len())?;
    let end = name.get(at..)?;
    let is_whole = at == 0 || name.as_bytes().get(at - 1) == Some(&b'.');
    (is_whole && end.eq_ignore_ascii_case(zone)).then_some(end)
}

/// What stands before the zone, without the dot between.
pub(super) fn below<'a>(name: &'a str, zone: &str) -> &'a str {
    let end = name.len().saturating_sub(zone.trim_matches('.').len() + 1);
    name.get(..end)
        .map(|it| it.strip_suffix('.').unwrap_or(it))
        .unwrap_or_default()
}

/// The longest of some zones that a name is in.
pub(super) fn longest_zone<'a>(zones: &'a [String], name: &str) -> Option<&'a String> {
    let mut longest: Option<&String> = None;
    for zone in zones {
        if zone_of(name, zone).is_some() && longest.is_none_or(|it| it.len() < zone.len()) {
            longest = Some(zone);
        }
    }
    longest
}

/// Whether a name stands for an address, or for a range of them.
pub(super) fn is_reverse(name: &str) -> bool {
    zone_of(name, IN_ADDR).is_some() || zone_of(name, IP6).is_some()
}

/// The address a name stands for. Numbers with a leading zero are no numbers here.
pub(super) fn address_of(name: &str) -> Option<IpAddr> {
    if zone_of(name, IN_ADDR).is_some() {
        let mut parts = labels(below(name, IN_ADDR));
        parts.reverse();
        let address: Ipv4Addr = parts.join(".").parse().ok()?;
        return Some(IpAddr::V4(address));
    }
    zone_of(name, IP6)?;
    let nibbles = labels(below(name, IP6));
    if nibbles.len() != 32 {
        return None;
    }
    let mut address = 0u128;
    for nibble in nibbles.iter().rev() {
        let digit = match nibble.as_bytes() {
            [it] => char::from(*it).to_digit(16)?,
            _ => return None,
        };
        address = address << 4 | u128::from(digit);
    }
    Some(IpAddr::V6(Ipv6Addr::from(address)))
}

/// The name that stands for an address.
#[must_use]
pub fn reverse_name(ip: IpAddr) -> String {
    reverse_zone(ip, 32)
}

/// The name that stands for the first `n` parts of an address: bytes, or halves of bytes.
fn reverse_zone(ip: IpAddr, n: usize) -> String {
    let mut name = String::new();
    match ip {
        IpAddr::V4(ip) => {
            for byte in ip.octets().iter().take(n).rev() {
                name.push_str(&format!("{byte}."));
            }
            name.push_str(IN_ADDR);
        }
        IpAddr::V6(ip) => {
            let bits = u128::from(ip);
            for idx in (0..n.min(32)).rev() {
                name.push_str(&format!("{:x}.", (bits >> (124 - 4 * idx)) & 15));
            }
            name.push_str(IP6);
        }
    }
    name
}

/// The zones a word of the Corefile names: a name, or the reverse zones of a range.
pub(super) fn zones_from(word: &str) -> Vec<String> {
    let Some(range) = parse_cidr_sloppy(word) else {
        let name = word.to_ascii_lowercase();
        return vec![super::message::fully_qualified(&name)];
    };
    let step = match range {
        Cidr::V4(_) => 8,
        Cidr::V6(_) => 4,
    };
    let length = range.prefix_len();
    let whole = length.div_ceil(step) * step;
    let n_zones = 1u128 << (whole - length);
    let bits = u32::from(range.max_prefix_len() - whole);
    (0..n_zones)
        .filter_map(|it| crate::ip::nth(range, it.checked_shl(bits)?))
        .map(|ip| reverse_zone(ip, usize::from(whole / step)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_escaped_dot_is_part_of_its_label() {
        assert_eq!(labels(r"a\.b.c."), [r"a\.b", "c"]);
        assert_eq!(labels(r"a\\.b."), [r"a\\", "b"]);
        assert_eq!(labels("..x"), ["", "", "x"]);
        assert_eq!(labels("."), Vec::<&str>::new());
    }

    #[test]
    fn a_zone_is_found_without_case_and_kept_with_it() {
        assert_eq!(
            zone_of("a.Cluster.LOCAL.", "cluster.local."),
            Some("Cluster.LOCAL.")
        );
        assert_eq!(zone_of("acluster.local.", "cluster.local."), None);
        assert_eq!(zone_of("a.", "."), Some("."));
        assert_eq!(below("a.b.cluster.local.", "cluster.local."), "a.b");
        assert_eq!(below("cluster.local.", "cluster.local."), "");
        assert_eq!(below("a.b.", "."), "a.b");
    }

    #[test]
    fn an_address_has_one_name_and_the_name_one_address() {
        for ip in ["10.96.0.1", "fd00:10:244:1::82"] {
            let ip: IpAddr = ip.parse().expect("an address");
            assert_eq!(address_of(&reverse_name(ip)), Some(ip));
        }
        assert_eq!(address_of("001.0.96.10.in-addr.arpa."), None);
        assert_eq!(address_of("96.10.in-addr.arpa."), None);
    }

    #[test]
    fn a_range_stands_for_the_zones_that_cover_it() {
        assert_eq!(zones_from("10.96.0.0/16"), ["96.10.in-addr.arpa."]);
        assert_eq!(zones_from("10.96.0.0/12").len(), 16);
        assert_eq!(zones_from("fd00::/7").len(), 2);
        assert_eq!(zones_from("Cluster.Local"), ["cluster.local."]);
    }

    #[test]
    fn a_name_that_no_message_can_carry_is_told_by_its_first_fault() {
        let (longest, longer) = ("x".repeat(63), "x".repeat(64));
        let many = |n| vec!["abc"; n].join(".");
        for name in [".", "", "a.", &longest, r"a\.b", &many(63)] {
            assert_eq!(check_name(name), Ok(()), "{name}");
        }
        for (name, fault) in [
            ("a..b", "empty label"),
            (".a", "empty label"),
            ("a..", "empty label"),
            (longer.as_str(), "label too long"),
            (&many(64), "ran out of space"),
        ] {
            assert_eq!(
                check_name(name).map_err(|it| it.to_string()),
                Err(fault.to_owned()),
                "{name}"
            );
        }
    }
}
