//! The value a packet has for a header field.
//!
//! **Left out**: traffic classes other than the best effort every packet here is sent with; options.

use super::{Datum, Field};
use crate::net::{Icmp, Packet, Transport};

/// The value; none if the packet has no such field.
pub(super) fn payload(field: Field, packet: &Packet) -> Option<Datum> {
    let is_v4 = packet.source.is_ipv4();
    let number = packet.protocol().number();
    let source = |wanted: u8| {
        let port = (number == wanted).then(|| packet.source_port())?;
        port.map(Datum::Port)
    };
    let destination = |wanted: u8| {
        let port = (number == wanted).then(|| packet.destination_port())?;
        port.map(Datum::Port)
    };
    let v4 = |it: u32| is_v4.then_some(Datum::Number(it));
    let v6 = |it: u32| (!is_v4).then_some(Datum::Number(it));
    match field {
        Field::IpSaddr => is_v4.then(|| packet.source.into()),
        Field::IpDaddr => is_v4.then(|| packet.destination.into()),
        Field::Ip6Saddr => (!is_v4).then(|| packet.source.into()),
        Field::Ip6Daddr => (!is_v4).then(|| packet.destination.into()),
        Field::IpProtocol => is_v4.then_some(Datum::Protocol(number)),
        Field::Ip6Nexthdr => (!is_v4).then_some(Datum::Protocol(number)),
        Field::TcpSport => source(6),
        Field::TcpDport => destination(6),
        Field::UdpSport => source(17),
        Field::UdpDport => destination(17),
        Field::SctpSport => source(132),
        Field::SctpDport => destination(132),
        // Of an ICMP message the kernel would read its checksum here, which equals no port anybody
        // put into a set.
        Field::ThSport => packet.source_port().map(Datum::Port),
        Field::ThDport => packet.destination_port().map(Datum::Port),
        // No packet here is of these protocols.
        Field::UdpliteSport | Field::UdpliteDport | Field::DccpSport | Field::DccpDport => None,
        Field::TcpFlags => match &packet.transport {
            Transport::Tcp { flags, .. } => Some(Datum::Bits(
                u32::from(flags.fin)
                    | u32::from(flags.syn) << 1
                    | u32::from(flags.rst) << 2
                    | u32::from(flags.ack) << 4,
            )),
            _ => None,
        },
        Field::IcmpType if is_v4 => Some(Datum::Number(icmp(packet)?.0)),
        Field::IcmpCode if is_v4 => Some(Datum::Number(icmp(packet)?.1)),
        Field::Icmpv6Type if !is_v4 => Some(Datum::Number(icmp(packet)?.0)),
        Field::Icmpv6Code if !is_v4 => Some(Datum::Number(icmp(packet)?.1)),
        Field::IcmpId if is_v4 => icmp_id(packet),
        Field::Icmpv6Id if !is_v4 => icmp_id(packet),
        Field::IcmpType | Field::IcmpCode | Field::IcmpId => None,
        Field::Icmpv6Type | Field::Icmpv6Code | Field::Icmpv6Id => None,
        Field::IpVersion => v4(4),
        Field::Ip6Version => v6(6),
        Field::IpTtl => v4(packet.ttl.into()),
        Field::Ip6Hoplimit => v6(packet.ttl.into()),
        Field::IpDscp | Field::IpEcn => v4(0),
        Field::Ip6Dscp | Field::Ip6Ecn => v6(0),
        // Linux sends its packets with "don't fragment", and none here is a fragment.
        Field::IpFragOff => v4(0x4000),
    }
}

/// The message's type and code.
fn icmp(packet: &Packet) -> Option<(u32, u32)> {
    let Transport::Icmp(message) = &packet.transport else {
        return None;
    };
    let is_v4 = packet.source.is_ipv4();
    Some(match (message, is_v4) {
        (Icmp::EchoRequest { .. }, true) => (8, 0),
        (Icmp::EchoRequest { .. }, false) => (128, 0),
        (Icmp::EchoReply { .. }, true) => (0, 0),
        (Icmp::EchoReply { .. }, false) => (129, 0),
        (Icmp::Unreachable { code, .. }, _) => {
            let kind = if is_v4 { 3 } else { 1 };
            (kind, code.number(packet.family()).into())
        }
        (Icmp::TimeExceeded { .. }, true) => (11, 0),
        (Icmp::TimeExceeded { .. }, false) => (3, 0),
    })
}

fn icmp_id(packet: &Packet) -> Option<Datum> {
    match &packet.transport {
        Transport::Icmp(Icmp::EchoRequest { id } | Icmp::EchoReply { id }) => {
            Some(Datum::Number((*id).into()))
        }
        _ => None,
    }
}
