//! Header fields, by the names nft gives them.
//!
//! `nft(8)`, section *Payload expressions*; nft 1.0.6 (`src/proto.c`).
//!
//! **Left out**: fields a packet of this model has no value for; see [`super::Beyond`].

use serde::Serialize;

/// A header field by the name nft gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Field {
    /// `ip saddr`
    IpSaddr,
    /// `ip daddr`
    IpDaddr,
    /// `ip protocol`
    IpProtocol,
    /// `ip6 saddr`
    Ip6Saddr,
    /// `ip6 daddr`
    Ip6Daddr,
    /// `ip6 nexthdr`
    Ip6Nexthdr,
    /// `tcp sport`
    TcpSport,
    /// `tcp dport`
    TcpDport,
    /// `tcp flags`
    TcpFlags,
    /// `udp sport`
    UdpSport,
    /// `udp dport`
    UdpDport,
    /// `sctp sport`
    SctpSport,
    /// `sctp dport`
    SctpDport,
    /// `th sport`: the source port of whatever transport
    ThSport,
    /// `th dport`
    ThDport,
    /// `icmp type`
    IcmpType,
    /// `icmpv6 type`
    Icmpv6Type,
    /// `udplite sport`
    UdpliteSport,
    /// `udplite dport`
    UdpliteDport,
    /// `dccp sport`
    DccpSport,
    /// `dccp dport`
    DccpDport,
    /// `icmp code`
    IcmpCode,
    /// `icmpv6 code`
    Icmpv6Code,
    /// `icmp id`
    IcmpId,
    /// `icmpv6 id`
    Icmpv6Id,
    /// `ip version`
    IpVersion,
    /// `ip ttl`
    IpTtl,
    /// `ip dscp`
    IpDscp,
    /// `ip ecn`
    IpEcn,
    /// `ip frag-off`
    IpFragOff,
    /// `ip6 version`
    Ip6Version,
    /// `ip6 hoplimit`
    Ip6Hoplimit,
    /// `ip6 dscp`
    Ip6Dscp,
    /// `ip6 ecn`
    Ip6Ecn,
}
