//! The value a packet has for a header field.
//!
//! **Left out**: fields of extension headers and options.

use super::{Datum, Field};
use crate::net::{Packet, Transport};

/// The value; none if the packet has no such field.
pub(super) fn payload(field: Field, packet: &Packet) -> Option<Datum> {
    let is_v4 = packet.source.is_ipv4();
    let number = packet.protocol().number();
    let ports = |wanted: u8| (number == wanted).then_some(());
    Some(match field {
        Field::IpSaddr if is_v4 => packet.source.into(),
        Field::IpDaddr if is_v4 => packet.destination.into(),
        Field::Ip6Saddr if !is_v4 => packet.source.into(),
        Field::Ip6Daddr if !is_v4 => packet.destination.into(),
        Field::IpProtocol if is_v4 => Datum::Protocol(number),
        Field::Ip6Nexthdr if !is_v4 => Datum::Protocol(number),
        Field::IpSaddr
        | Field::IpDaddr
        | Field::Ip6Saddr
        | Field::Ip6Daddr
        | Field::IpProtocol
        | Field::Ip6Nexthdr => return None,
        Field::TcpSport => ports(6)
            .and_then(|()| packet.source_port())
            .map(Datum::Port)?,
        Field::TcpDport => ports(6)
            .and_then(|()| packet.destination_port())
            .map(Datum::Port)?,
        Field::UdpSport => ports(17)
            .and_then(|()| packet.source_port())
            .map(Datum::Port)?,
        Field::UdpDport => ports(17)
            .and_then(|()| packet.destination_port())
            .map(Datum::Port)?,
        Field::SctpSport => ports(132)
            .and_then(|()| packet.source_port())
            .map(Datum::Port)?,
        Field::SctpDport => ports(132)
            .and_then(|()| packet.destination_port())
            .map(Datum::Port)?,
        // Of an ICMP message the kernel would read its checksum here, which equals no port anybody
        // put into a set.
        Field::ThSport => Datum::Port(packet.source_port()?),
        Field::ThDport => Datum::Port(packet.destination_port()?),
        Field::TcpFlags => match &packet.transport {
            Transport::Tcp { flags, .. } => Datum::Bits(
                u32::from(flags.fin)
                    | u32::from(flags.syn) << 1
                    | u32::from(flags.rst) << 2
                    | u32::from(flags.ack) << 4,
            ),
            _ => return None,
        },
        Field::IcmpType if is_v4 => icmp_type(packet, [8, 0, 3])?,
        Field::Icmpv6Type if !is_v4 => icmp_type(packet, [128, 129, 1])?,
        Field::IcmpType | Field::Icmpv6Type => return None,
    })
}

/// The message type, given the numbers of echo request, echo reply and unreachable.
fn icmp_type(packet: &Packet, [request, reply, unreachable]: [u32; 3]) -> Option<Datum> {
    use crate::net::Icmp;
    let Transport::Icmp(message) = &packet.transport else {
        return None;
    };
    Some(Datum::Number(match message {
        Icmp::EchoRequest { .. } => request,
        Icmp::EchoReply { .. } => reply,
        Icmp::Unreachable { .. } => unreachable,
    }))
}
