//! Names that are addresses, which no resolver asks about.
//!
//! The C libraries read IPv4 as `inet_aton` does, so `127.1` and `0x7f000001` are addresses; Go
//! reads four decimal numbers only (`netip.ParseAddr`).
//!
//! **Left out**: zones, `fe80::1%eth0`.

use super::Client;
use crate::ip::IpAddr;
use std::net::Ipv4Addr;

/// The address a name is, if it is one.
pub(super) fn parse(client: Client, text: &str) -> Option<IpAddr> {
    match text.parse() {
        Ok(ip) => Some(ip),
        Err(_) if client == Client::Go => None,
        Err(_) => inet_aton(text).map(IpAddr::V4),
    }
}

/// Up to four numbers, of which the last fills what the others left.
fn inet_aton(text: &str) -> Option<Ipv4Addr> {
    let parts: Vec<u64> = text.split('.').map(number).collect::<Option<_>>()?;
    let (last, first) = parts.split_last()?;
    if first.len() > 3 || first.iter().any(|it| *it > 255) {
        return None;
    }
    let bits = 8 * (4 - first.len());
    if last >> bits != 0 {
        return None;
    }
    let head = first.iter().fold(0, |sum, it| sum << 8 | it);
    u32::try_from(head << bits | last).ok().map(Ipv4Addr::from)
}

/// `10`, `0x0a` or `012`.
fn number(text: &str) -> Option<u64> {
    let (digits, radix) = if let Some(hex) = text.strip_prefix("0x") {
        (hex, 16)
    } else if text.len() > 1 && text.starts_with('0') {
        (text, 8)
    } else {
        (text, 10)
    };
    let is_plain = digits.len() < 16 && digits.bytes().all(|it| it.is_ascii_alphanumeric());
    is_plain
        .then(|| u64::from_str_radix(digits, radix).ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_c_libraries_read_short_and_strange_addresses_and_go_does_not() {
        let read = |client, text| parse(client, text).map(|it| it.to_string());
        for (text, ip) in [
            ("10.96.0.10", "10.96.0.10"),
            ("127.1", "127.0.0.1"),
            ("0x7f000001", "127.0.0.1"),
            ("010.1.2.3", "8.1.2.3"),
            ("fd00::a", "fd00::a"),
        ] {
            assert_eq!(read(Client::Glibc, text).as_deref(), Some(ip), "{text}");
        }
        assert_eq!(read(Client::Go, "127.1"), None);
        for text in ["1.2.3.4.", "256.1.1.1", "1.2.3.256", "api", "1.2.3.4.5", ""] {
            assert_eq!(read(Client::Musl, text), None, "{text}");
        }
    }
}
