//! Addresses, families, address ranges, and the protocols an IP header can name.
//!
//! Imitates Go's lenient reading of old Kubernetes fields (`k8s.io/utils/net` `ParseIPSloppy`):
//! leading zeros in IPv4 are decimal, not an error.
//!
//! **Left out**: zones of link-local IPv6 addresses (`fe80::1%eth0`).

pub use ipnet::IpNet as Cidr;
use serde::{Deserialize, Serialize};
use std::fmt;
pub use std::net::IpAddr;
use std::net::{Ipv4Addr, Ipv6Addr};

/// IPv4 or IPv6.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub enum Family {
    /// Internet protocol version 4.
    #[default]
    #[serde(rename = "IPv4")]
    V4,
    /// Internet protocol version 6.
    #[serde(rename = "IPv6")]
    V6,
}

/// A transport protocol, by its number in the IP header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// ICMP for IPv4, protocol 1.
    Icmp,
    /// TCP, protocol 6.
    Tcp,
    /// UDP, protocol 17.
    Udp,
    /// ICMP for IPv6, protocol 58.
    #[serde(rename = "ipv6-icmp")]
    Icmpv6,
    /// SCTP, protocol 132.
    Sctp,
}

/// The family of an address.
#[must_use]
pub fn family(address: IpAddr) -> Family {
    match address {
        IpAddr::V4(_) => Family::V4,
        IpAddr::V6(_) => Family::V6,
    }
}

/// The family of a range.
#[must_use]
pub fn cidr_family(range: Cidr) -> Family {
    match range {
        Cidr::V4(_) => Family::V4,
        Cidr::V6(_) => Family::V6,
    }
}

/// Reads an address as old Kubernetes fields are read: white space is no error and
/// `010.96.0.1` is `10.96.0.1`.
#[must_use]
pub fn parse_sloppy(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    if text.contains(':') {
        return text.parse::<Ipv6Addr>().ok().map(IpAddr::V6);
    }
    let mut octets = [0u8; 4];
    let mut parts = text.split('.');
    for octet in &mut octets {
        let part = parts.next()?;
        if part.is_empty() || part.len() > 8 || !part.bytes().all(|it| it.is_ascii_digit()) {
            return None;
        }
        *octet = part.parse::<u32>().ok()?.try_into().ok()?;
    }
    parts
        .next()
        .is_none()
        .then(|| IpAddr::V4(Ipv4Addr::from(octets)))
}

/// Reads `address/length` as old Kubernetes fields are read; host bits are cleared.
#[must_use]
pub fn parse_cidr_sloppy(text: &str) -> Option<Cidr> {
    let (address, length) = text.trim().split_once('/')?;
    let address = parse_sloppy(address)?;
    let length = length.parse().ok()?;
    Cidr::new(address, length).ok().map(|it| it.trunc())
}

/// The address `offset` places after the start of `range`, if it lies inside.
#[must_use]
pub fn nth(range: Cidr, offset: u128) -> Option<IpAddr> {
    let address = match range.network() {
        IpAddr::V4(start) => {
            let sum = u128::from(u32::from(start)).checked_add(offset)?;
            IpAddr::V4(Ipv4Addr::from(u32::try_from(sum).ok()?))
        }
        IpAddr::V6(start) => IpAddr::V6(Ipv6Addr::from(u128::from(start).checked_add(offset)?)),
    };
    range.contains(&address).then_some(address)
}

/// An address with a port as Kubernetes prints it: `10.0.0.1:80`, `[fd00::1]:80`.
#[must_use]
pub fn join_host_port(address: IpAddr, port: u16) -> String {
    std::net::SocketAddr::new(address, port).to_string()
}

/// An address, with a port where there is one.
#[must_use]
pub fn socket(address: IpAddr, port: Option<u16>) -> String {
    match port {
        Some(port) => join_host_port(address, port),
        None => address.to_string(),
    }
}

impl Family {
    /// Both families, IPv4 first.
    pub const ALL: [Family; 2] = [Family::V4, Family::V6];

    /// The address that stands for "any address".
    #[must_use]
    pub const fn unspecified(self) -> IpAddr {
        match self {
            Family::V4 => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            Family::V6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Family::V4 => "IPv4",
            Family::V6 => "IPv6",
        })
    }
}

impl Protocol {
    /// The number in the IP header.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Protocol::Icmp => 1,
            Protocol::Tcp => 6,
            Protocol::Udp => 17,
            Protocol::Icmpv6 => 58,
            Protocol::Sctp => 132,
        }
    }

    /// The protocol with this number.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            1 => Protocol::Icmp,
            6 => Protocol::Tcp,
            17 => Protocol::Udp,
            58 => Protocol::Icmpv6,
            132 => Protocol::Sctp,
            _ => return None,
        })
    }

    /// The name as nft and `/etc/protocols` write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Protocol::Icmp => "icmp",
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
            Protocol::Icmpv6 => "ipv6-icmp",
            Protocol::Sctp => "sctp",
        }
    }

    /// The protocol of this name, in any case; `icmpv6` is accepted too.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "icmp" => Protocol::Icmp,
            "tcp" => Protocol::Tcp,
            "udp" => Protocol::Udp,
            "ipv6-icmp" | "icmpv6" => Protocol::Icmpv6,
            "sctp" => Protocol::Sctp,
            _ => return None,
        })
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leading_zeros_and_spaces_are_forgiven() {
        assert_eq!(
            parse_sloppy(" 172.030.000.041 "),
            "172.30.0.41".parse().ok()
        );
        assert_eq!(parse_sloppy("1.2.3"), None);
        assert_eq!(parse_sloppy("1.2.3.4.5"), None);
        assert_eq!(parse_sloppy("1.2.3.256"), None);
        assert_eq!(
            parse_cidr_sloppy(" 203.0.113.7/25").map(|it| it.to_string()),
            Some("203.0.113.0/25".into())
        );
    }

    #[test]
    fn the_nth_address_stays_inside_its_range() {
        let range = "10.96.0.0/30".parse().expect("a range");
        assert_eq!(nth(range, 3), "10.96.0.3".parse().ok());
        assert_eq!(nth(range, 4), None);
    }
}
