//! A packet as the bytes of the wire, checksums included.
//!
//! IPv4 (RFC 791), IPv6 (RFC 8200), TCP (RFC 9293), UDP (RFC 768), ICMP (RFC 792, RFC 4443), SCTP
//! (RFC 9260). As Linux sends them: IPv4 with *don't fragment*, a window of 64240.
//!
//! **Left out**: options and extension headers; sequence numbers of a real stack (a client starts
//! at 1,000,000, a server at 2,000,000, so that an acknowledgement fits what it acknowledges).

use crate::ip::{Family, IpAddr};
use crate::net::{Icmp, Packet, TcpFlags, Transport};
use etherparse::{
    IcmpEchoHeader, Icmpv4Type, Icmpv6Type, IpHeaders, IpNumber, Ipv4Header, Ipv6Header,
    PacketBuilder, PacketBuilderStep, TcpHeader,
};

const CLIENT_SEQUENCE: u32 = 1_000_000;
const SERVER_SEQUENCE: u32 = 2_000_000;
const WINDOW: u16 = 64240;

/// How much of the packet it is about an ICMP error carries: what fits 576 octets, and over IPv6
/// what fits its least MTU (RFC 1812 section 4.3.2.3, RFC 4443 section 3.1).
const fn quoted(family: Family) -> usize {
    match family {
        Family::V4 => 576 - 28,
        Family::V6 => 1280 - 48,
    }
}

/// The packet from its IP header on, carrying `payload`; what an ICMP error is about carries it too.
#[must_use]
pub fn packet_bytes(packet: &Packet, payload: &[u8]) -> Vec<u8> {
    let ip = PacketBuilder::ip(ip_header(packet));
    let mut bytes = Vec::new();
    match &packet.transport {
        Transport::Tcp {
            source_port,
            destination_port,
            flags,
        } => {
            let header = tcp_header(*source_port, *destination_port, *flags);
            // Writing to a vector fails only for a payload larger than a packet.
            let _ = ip.tcp_header(header).write(&mut bytes, payload);
        }
        Transport::Udp {
            source_port,
            destination_port,
        } => {
            let _ = ip
                .udp(*source_port, *destination_port)
                .write(&mut bytes, payload);
        }
        Transport::Sctp {
            source_port,
            destination_port,
        } => {
            let chunk = sctp(*source_port, *destination_port, packet);
            let _ = ip.write(&mut bytes, IpNumber::SCTP, &chunk);
        }
        Transport::Icmp(message) => icmp(ip, message, packet.family(), payload, &mut bytes),
    }
    bytes
}

fn ip_header(packet: &Packet) -> IpHeaders {
    match (packet.source, packet.destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => IpHeaders::Ipv4(
            Ipv4Header {
                time_to_live: packet.ttl,
                dont_fragment: true,
                source: source.octets(),
                destination: destination.octets(),
                ..Ipv4Header::default()
            },
            etherparse::Ipv4Extensions::default(),
        ),
        (source, destination) => IpHeaders::Ipv6(
            Ipv6Header {
                hop_limit: packet.ttl,
                source: six(source),
                destination: six(destination),
                ..Ipv6Header::default()
            },
            etherparse::Ipv6Extensions::default(),
        ),
    }
}

fn six(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(it) => it.to_ipv6_mapped().octets(),
        IpAddr::V6(it) => it.octets(),
    }
}

/// A client's segments count from its own number, a server's from its own.
fn tcp_header(source_port: u16, destination_port: u16, flags: TcpFlags) -> TcpHeader {
    let is_answer = flags.ack && (flags.syn || flags.rst);
    let (sequence, acknowledged) = match (flags.syn, is_answer) {
        (true, false) => (CLIENT_SEQUENCE, 0),
        (true, true) => (SERVER_SEQUENCE, CLIENT_SEQUENCE + 1),
        // A closed port has no sequence of its own.
        (false, true) => (0, CLIENT_SEQUENCE + 1),
        (false, false) => (CLIENT_SEQUENCE + 1, SERVER_SEQUENCE + 1),
    };
    let window = if flags.rst { 0 } else { WINDOW };
    TcpHeader {
        syn: flags.syn,
        ack: flags.ack,
        rst: flags.rst,
        fin: flags.fin,
        acknowledgment_number: if flags.ack { acknowledged } else { 0 },
        ..TcpHeader::new(source_port, destination_port, sequence, window)
    }
}

fn icmp(
    ip: PacketBuilderStep<IpHeaders>,
    message: &Icmp,
    family: Family,
    payload: &[u8],
    bytes: &mut Vec<u8>,
) {
    let echo = |id: u16| IcmpEchoHeader { id, seq: 1 };
    let about = |packet: &Packet| {
        let mut about = packet_bytes(packet, payload);
        about.truncate(quoted(family));
        about
    };
    // Writing to a vector fails only for a payload larger than a packet.
    let _ = match (family, message) {
        (Family::V4, Icmp::EchoRequest { id }) => ip
            .icmpv4(Icmpv4Type::EchoRequest(echo(*id)))
            .write(bytes, payload),
        (Family::V4, Icmp::EchoReply { id }) => ip
            .icmpv4(Icmpv4Type::EchoReply(echo(*id)))
            .write(bytes, payload),
        (Family::V4, Icmp::Unreachable { code, about: it }) => ip
            .icmpv4(Icmpv4Type::Unknown {
                type_u8: 3,
                code_u8: code.number(family),
                bytes5to8: [0; 4],
            })
            .write(bytes, &about(it)),
        (Family::V4, Icmp::TimeExceeded { about: it }) => ip
            .icmpv4(Icmpv4Type::Unknown {
                type_u8: 11,
                code_u8: 0,
                bytes5to8: [0; 4],
            })
            .write(bytes, &about(it)),
        (Family::V6, Icmp::TimeExceeded { about: it }) => ip
            .icmpv6(Icmpv6Type::Unknown {
                type_u8: 3,
                code_u8: 0,
                bytes5to8: [0; 4],
            })
            .write(bytes, &about(it)),
        (Family::V6, Icmp::EchoRequest { id }) => ip
            .icmpv6(Icmpv6Type::EchoRequest(echo(*id)))
            .write(bytes, payload),
        (Family::V6, Icmp::EchoReply { id }) => ip
            .icmpv6(Icmpv6Type::EchoReply(echo(*id)))
            .write(bytes, payload),
        (Family::V6, Icmp::Unreachable { code, about: it }) => ip
            .icmpv6(Icmpv6Type::Unknown {
                type_u8: 1,
                code_u8: code.number(family),
                bytes5to8: [0; 4],
            })
            .write(bytes, &about(it)),
    };
}

/// INIT, or INIT ACK for what comes from the lower port: an association being opened.
fn sctp(source_port: u16, destination_port: u16, _packet: &Packet) -> Vec<u8> {
    const INIT: u8 = 1;
    const INIT_LENGTH: u16 = 20;
    const RECEIVE_WINDOW: u32 = 106_496;
    let mut bytes = Vec::new();
    bytes.extend(source_port.to_be_bytes());
    bytes.extend(destination_port.to_be_bytes());
    // A packet with INIT has a verification tag of zero; the checksum comes last.
    bytes.extend([0; 8]);
    bytes.extend([INIT, 0]);
    bytes.extend(INIT_LENGTH.to_be_bytes());
    bytes.extend(CLIENT_SEQUENCE.to_be_bytes());
    bytes.extend(RECEIVE_WINDOW.to_be_bytes());
    bytes.extend(10u16.to_be_bytes());
    bytes.extend(u16::MAX.to_be_bytes());
    bytes.extend(CLIENT_SEQUENCE.to_be_bytes());
    let checksum = crc32c(&bytes);
    bytes[8..12].copy_from_slice(&checksum.to_le_bytes());
    bytes
}

/// The checksum of SCTP (RFC 9260 appendix A).
fn crc32c(bytes: &[u8]) -> u32 {
    const CASTAGNOLI_REVERSED: u32 = 0x82f6_3b78;
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            let carry = if crc & 1 == 1 { CASTAGNOLI_REVERSED } else { 0 };
            crc = (crc >> 1) ^ carry;
        }
    }
    !crc
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_of_sctp_is_castagnolis() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    }

    #[test]
    fn a_syn_is_forty_bytes_with_correct_checksums() {
        let packet = Packet {
            source: "10.244.1.9".parse().expect("an address"),
            destination: "10.96.0.10".parse().expect("an address"),
            ttl: 64,
            transport: Transport::Tcp {
                source_port: 40_000,
                destination_port: 80,
                flags: TcpFlags::SYN,
            },
        };
        let bytes = packet_bytes(&packet, &[]);
        assert_eq!(bytes.len(), 40);
        let sum = |bytes: &[u8], start: u32| {
            let words = bytes
                .chunks(2)
                .map(|it| u32::from(it[0]) << 8 | u32::from(it[1]));
            let sum: u32 = start + words.sum::<u32>();
            (sum & 0xffff) + (sum >> 16)
        };
        assert_eq!(sum(&bytes[..20], 0), 0xffff);
        let pseudo = sum(&bytes[12..20], 6 + 20);
        assert_eq!(sum(&bytes[20..], pseudo), 0xffff);
    }
}
