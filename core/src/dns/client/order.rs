//! In which order a program sees the addresses of a name.
//!
//! RFC 6724 section 6 as musl's `lookup_name.c` and Go's `net/addrselect.go` have it, and with the
//! older table of RFC 3484 as glibc's `getaddrinfo.c` has it: there a unique local IPv6 address goes
//! before IPv4, elsewhere after.
//!
//! **Left out**: deprecated, temporary and home addresses; /etc/gai.conf; glibc's preference for an
//! IPv4 address in the client's own subnet.

use super::Client;
use crate::ip::{Family, IpAddr, family};
use crate::sorted::sort_by_key;

/// A prefix, its length, and the precedence and label of what lies in it. The first that fits counts.
type Policy = (u128, u32, u8, u8);

const V4_MAPPED: u128 = 0xffff_0000_0000;

const fn top(bits: u128) -> u128 {
    bits << 112
}

const RFC_6724: [Policy; 9] = [
    (1, 128, 50, 0),
    (V4_MAPPED, 96, 35, 4),
    (0, 96, 1, 3),
    (top(0x2002), 16, 30, 2),
    (top(0x2001), 32, 5, 5),
    (top(0xfc00), 7, 3, 13),
    (top(0xfec0), 10, 1, 11),
    (top(0x3ffe), 16, 1, 12),
    (0, 0, 40, 1),
];

const RFC_3484: [Policy; 8] = [
    (1, 128, 50, 0),
    (V4_MAPPED, 96, 10, 4),
    (0, 96, 20, 3),
    (top(0x2002), 16, 30, 2),
    (top(0x2001), 32, 40, 7),
    (top(0xfc00), 7, 40, 6),
    (top(0xfec0), 10, 40, 5),
    (0, 0, 40, 1),
];

/// Sorts addresses for a client that has these of its own.
pub(super) fn sort(client: Client, own: &[IpAddr], addresses: &mut [IpAddr]) {
    sort_by_key(addresses, |to| std::cmp::Reverse(key(client, own, *to)));
}

/// Greater is better: usable at all, scope and label as the source has them, precedence, nearness,
/// length of what it has in common with the source.
fn key(client: Client, own: &[IpAddr], to: IpAddr) -> (bool, bool, bool, u8, u8, u32) {
    let (precedence, label) = policy(client, to);
    let candidates = own.iter().filter(|it| family(**it) == family(to));
    let source = if to.is_loopback() {
        Some(to)
    } else {
        candidates.copied().max_by_key(|it| {
            let is_alike = policy(client, *it).1 == label;
            (is_alike, common(*it, to))
        })
    };
    let prefix = match (source, client, family(to)) {
        (Some(source), Client::Musl123 | Client::Musl, _) | (Some(source), _, Family::V6) => {
            common(source, to)
        }
        _ => 0,
    };
    (
        source.is_some(),
        source.is_some_and(|it| scope(it) == scope(to)),
        source.is_some_and(|it| policy(client, it).1 == label),
        precedence,
        15 - scope(to),
        prefix,
    )
}

fn policy(client: Client, ip: IpAddr) -> (u8, u8) {
    let table: &[Policy] = match client {
        Client::Glibc => &RFC_3484,
        Client::Musl123 | Client::Musl | Client::Go => &RFC_6724,
    };
    let bits = bits(ip);
    let fits = |it: &&Policy| (bits ^ it.0).leading_zeros() >= it.1;
    table.iter().find(fits).map_or((40, 1), |it| (it.2, it.3))
}

/// 2 for a link or the host itself, 5 for the old site, 14 for the world; of a group, as it says.
fn scope(ip: IpAddr) -> u8 {
    match ip {
        IpAddr::V4(ip) if ip.is_link_local() || ip.is_loopback() => 2,
        IpAddr::V4(_) => 14,
        IpAddr::V6(ip) if ip.is_multicast() => ip.octets()[1] & 15,
        IpAddr::V6(ip) if ip.is_loopback() || ip.is_unicast_link_local() => 2,
        IpAddr::V6(ip) if ip.segments()[0] & 0xffc0 == 0xfec0 => 5,
        IpAddr::V6(_) => 14,
    }
}

fn common(one: IpAddr, other: IpAddr) -> u32 {
    (bits(one) ^ bits(other)).leading_zeros()
}

fn bits(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(ip) => V4_MAPPED | u128::from(u32::from(ip)),
        IpAddr::V6(ip) => u128::from(ip),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(client: Client, own: &[&str], to: &[&str]) -> Vec<String> {
        let read = |text: &&str| text.parse().expect("an address");
        let own: Vec<IpAddr> = own.iter().map(read).collect();
        let mut to: Vec<IpAddr> = to.iter().map(read).collect();
        sort(client, &own, &mut to);
        to.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn glibc_puts_a_unique_local_address_first_and_the_others_last() {
        let own = ["10.244.1.5", "fd00:244::5"];
        let to = ["10.96.0.1", "fd00:96::1"];
        assert_eq!(sorted(Client::Glibc, &own, &to)[0], "fd00:96::1");
        assert_eq!(sorted(Client::Go, &own, &to)[0], "10.96.0.1");
        assert_eq!(sorted(Client::Musl, &own, &to)[0], "10.96.0.1");
    }

    #[test]
    fn a_family_the_client_has_no_address_of_comes_last() {
        let to = ["2001:db8::1", "10.96.0.1"];
        assert_eq!(sorted(Client::Glibc, &["10.244.1.5"], &to)[0], "10.96.0.1");
    }

    #[test]
    fn musl_alone_prefers_the_ipv4_address_nearest_to_its_own() {
        let to = ["10.244.2.30", "10.244.1.30"];
        assert_eq!(sorted(Client::Musl, &["10.244.1.5"], &to)[0], "10.244.1.30");
        assert_eq!(sorted(Client::Go, &["10.244.1.5"], &to)[0], "10.244.2.30");
    }
}
