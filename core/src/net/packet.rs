//! A packet: the header fields a Service can read or rewrite.
//!
//! IPv4 (RFC 791), IPv6 (RFC 8200), TCP (RFC 9293), UDP (RFC 768), ICMP (RFC 792, RFC 4443).
//!
//! **Left out**: options, extension headers, fragments, windows and payload bytes. Checksums are
//! computed where a packet is exported, never stored.

use super::Flow;
use crate::ip::{Family, IpAddr, Protocol, family};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A packet on the wire or inside a host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Packet {
    /// Source address.
    pub source: IpAddr,
    /// Destination address.
    pub destination: IpAddr,
    /// Time to live, or hop limit.
    pub ttl: u8,
    /// What the IP header carries.
    pub transport: Transport,
}

/// The transport header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "protocol", rename_all = "lowercase")]
pub enum Transport {
    /// A TCP segment.
    Tcp {
        /// Source port.
        source_port: u16,
        /// Destination port.
        destination_port: u16,
        /// SYN, ACK, RST, FIN.
        flags: TcpFlags,
    },
    /// A UDP datagram.
    Udp {
        /// Source port.
        source_port: u16,
        /// Destination port.
        destination_port: u16,
    },
    /// An SCTP packet.
    Sctp {
        /// Source port.
        source_port: u16,
        /// Destination port.
        destination_port: u16,
    },
    /// An ICMP or ICMPv6 message; the IP family says which.
    Icmp(Icmp),
}

/// The flags of a TCP segment that connection tracking reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "they are four bits of a header"
)]
pub struct TcpFlags {
    /// Synchronise.
    pub syn: bool,
    /// Acknowledge.
    pub ack: bool,
    /// Reset.
    pub rst: bool,
    /// Finish.
    pub fin: bool,
}

/// An ICMP message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "message", rename_all = "kebab-case")]
pub enum Icmp {
    /// A ping.
    EchoRequest {
        /// The identifier, which stands where a port would.
        id: u16,
    },
    /// The answer to a ping.
    EchoReply {
        /// The identifier of the request.
        id: u16,
    },
    /// Destination unreachable.
    Unreachable {
        /// Why.
        code: UnreachableCode,
        /// The packet it is about, as its sender's neighbour last saw it.
        about: Box<Packet>,
    },
    /// Time to live exceeded in transit.
    TimeExceeded {
        /// The packet it is about.
        about: Box<Packet>,
    },
}

impl Icmp {
    /// The packet that an error is about; none for what is no error.
    #[must_use]
    pub const fn about(&self) -> Option<&Packet> {
        match self {
            Icmp::Unreachable { about, .. } | Icmp::TimeExceeded { about } => Some(about),
            Icmp::EchoRequest { .. } | Icmp::EchoReply { .. } => None,
        }
    }

    /// The same, to be rewritten.
    pub const fn about_mut(&mut self) -> Option<&mut Packet> {
        match self {
            Icmp::Unreachable { about, .. } | Icmp::TimeExceeded { about } => Some(about),
            Icmp::EchoRequest { .. } | Icmp::EchoReply { .. } => None,
        }
    }
}

/// Why a destination is unreachable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnreachableCode {
    /// No route to the network.
    Net,
    /// The host does not answer.
    Host,
    /// Nothing listens, or a rule says so.
    Port,
    /// Forbidden by a rule.
    AdminProhibited,
    /// The host does not know the protocol; only ICMP has it.
    Protocol,
    /// The network is forbidden; only ICMP has it.
    NetProhibited,
    /// The host is forbidden; only ICMP has it.
    HostProhibited,
    /// The source is against a policy; only ICMPv6 has it.
    PolicyFail,
    /// The route rejects; only ICMPv6 has it.
    RejectRoute,
}

impl UnreachableCode {
    /// The code in the message's header (RFC 792 and 1122 with type 3, RFC 4443 with type 1). What
    /// the other family alone knows becomes the prohibition both know.
    #[must_use]
    pub const fn number(self, family: Family) -> u8 {
        match family {
            Family::V4 => match self {
                UnreachableCode::Net => 0,
                UnreachableCode::Host => 1,
                UnreachableCode::Protocol => 2,
                UnreachableCode::Port => 3,
                UnreachableCode::NetProhibited => 9,
                UnreachableCode::HostProhibited => 10,
                UnreachableCode::AdminProhibited
                | UnreachableCode::PolicyFail
                | UnreachableCode::RejectRoute => 13,
            },
            Family::V6 => match self {
                UnreachableCode::Net => 0,
                UnreachableCode::AdminProhibited
                | UnreachableCode::NetProhibited
                | UnreachableCode::HostProhibited => 1,
                UnreachableCode::Host => 3,
                UnreachableCode::Port | UnreachableCode::Protocol => 4,
                UnreachableCode::PolicyFail => 5,
                UnreachableCode::RejectRoute => 6,
            },
        }
    }
}

/// A header field that NAT rewrites.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HeaderField {
    /// Source address.
    Source,
    /// Source port, or ICMP identifier.
    SourcePort,
    /// Destination address.
    Destination,
    /// Destination port.
    DestinationPort,
}

/// The value of a header field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum FieldValue {
    /// An address.
    Address(IpAddr),
    /// A port.
    Port(u16),
}

impl fmt::Display for FieldValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FieldValue::Address(it) => it.fmt(f),
            FieldValue::Port(it) => it.fmt(f),
        }
    }
}

/// The time to live Linux gives a packet it sends.
#[must_use]
pub const fn initial_ttl() -> u8 {
    64
}

impl Packet {
    /// The family of its addresses.
    #[must_use]
    pub fn family(&self) -> Family {
        family(self.destination)
    }

    /// The protocol in its IP header.
    #[must_use]
    pub fn protocol(&self) -> Protocol {
        match &self.transport {
            Transport::Tcp { .. } => Protocol::Tcp,
            Transport::Udp { .. } => Protocol::Udp,
            Transport::Sctp { .. } => Protocol::Sctp,
            Transport::Icmp(_) => match self.family() {
                Family::V4 => Protocol::Icmp,
                Family::V6 => Protocol::Icmpv6,
            },
        }
    }

    /// A packet of a flow, as its sender makes it: a segment with these flags, a datagram, a ping.
    #[must_use]
    pub fn of_flow(flow: Flow, flags: TcpFlags) -> Packet {
        let (source_port, destination_port) = (flow.source_port, flow.destination_port);
        let transport = match flow.protocol {
            Protocol::Tcp => Transport::Tcp {
                source_port,
                destination_port,
                flags,
            },
            Protocol::Udp => Transport::Udp {
                source_port,
                destination_port,
            },
            Protocol::Sctp => Transport::Sctp {
                source_port,
                destination_port,
            },
            Protocol::Icmp | Protocol::Icmpv6 => {
                Transport::Icmp(Icmp::EchoRequest { id: source_port })
            }
        };
        Packet {
            source: flow.source,
            destination: flow.destination,
            ttl: initial_ttl(),
            transport,
        }
    }

    /// The source port, where the protocol has one.
    #[must_use]
    pub fn source_port(&self) -> Option<u16> {
        self.ports().map(|it| it.0)
    }

    /// Who sends it: `10.244.1.9:41000`.
    #[must_use]
    pub fn source_socket(&self) -> String {
        crate::ip::socket(self.source, self.source_port())
    }

    /// Whom it is for: `10.96.0.10:80`.
    #[must_use]
    pub fn destination_socket(&self) -> String {
        crate::ip::socket(self.destination, self.destination_port())
    }

    /// The destination port, where the protocol has one.
    #[must_use]
    pub fn destination_port(&self) -> Option<u16> {
        self.ports().map(|it| it.1)
    }

    /// Source and destination port, where the protocol has them.
    #[must_use]
    pub fn ports(&self) -> Option<(u16, u16)> {
        match &self.transport {
            Transport::Tcp {
                source_port,
                destination_port,
                ..
            }
            | Transport::Udp {
                source_port,
                destination_port,
            }
            | Transport::Sctp {
                source_port,
                destination_port,
            } => Some((*source_port, *destination_port)),
            Transport::Icmp(_) => None,
        }
    }

    /// The same, to be rewritten.
    pub fn ports_mut(&mut self) -> Option<(&mut u16, &mut u16)> {
        match &mut self.transport {
            Transport::Tcp {
                source_port,
                destination_port,
                ..
            }
            | Transport::Udp {
                source_port,
                destination_port,
            }
            | Transport::Sctp {
                source_port,
                destination_port,
            } => Some((source_port, destination_port)),
            Transport::Icmp(_) => None,
        }
    }

    /// A TCP SYN: the first packet of a connection.
    #[must_use]
    pub fn is_syn(&self) -> bool {
        matches!(&self.transport, Transport::Tcp { flags, .. } if flags.syn && !flags.ack)
    }

    /// A reply to this packet: addresses and ports turned round, TCP flags as a stack would
    /// answer a SYN. A message that has no reply (an ICMP error) has none here either.
    #[must_use]
    pub fn reply(&self) -> Option<Packet> {
        let transport = match &self.transport {
            Transport::Tcp {
                source_port,
                destination_port,
                ..
            } => Transport::Tcp {
                source_port: *destination_port,
                destination_port: *source_port,
                flags: TcpFlags::SYN_ACK,
            },
            Transport::Udp {
                source_port,
                destination_port,
            } => Transport::Udp {
                source_port: *destination_port,
                destination_port: *source_port,
            },
            Transport::Sctp {
                source_port,
                destination_port,
            } => Transport::Sctp {
                source_port: *destination_port,
                destination_port: *source_port,
            },
            Transport::Icmp(Icmp::EchoRequest { id }) => {
                Transport::Icmp(Icmp::EchoReply { id: *id })
            }
            Transport::Icmp(_) => return None,
        };
        Some(Packet {
            source: self.destination,
            destination: self.source,
            ttl: initial_ttl(),
            transport,
        })
    }

    /// What a host sends back for a packet to a port where nothing listens: RST for TCP, ICMP
    /// port-unreachable for the others. An ICMP error is never answered.
    #[must_use]
    pub fn closed_port_reply(&self) -> Option<Packet> {
        match &self.transport {
            Transport::Tcp { flags, .. } if flags.rst => None,
            Transport::Tcp { .. } => self.reset(),
            _ => self.unreachable_reply(self.destination, UnreachableCode::Port),
        }
    }

    /// The RST that refuses this TCP segment.
    #[must_use]
    pub fn reset(&self) -> Option<Packet> {
        let mut reply = self.reply()?;
        let Transport::Tcp { flags, .. } = &mut reply.transport else {
            return None;
        };
        *flags = TcpFlags::RST_ACK;
        Some(reply)
    }

    /// The ICMP error that `sender` returns for this packet.
    #[must_use]
    pub fn unreachable_reply(&self, sender: IpAddr, code: UnreachableCode) -> Option<Packet> {
        self.error(sender, |about| Icmp::Unreachable { code, about })
    }

    /// The ICMP error that `sender` returns when this packet has passed too many hosts.
    #[must_use]
    pub fn time_exceeded_reply(&self, sender: IpAddr) -> Option<Packet> {
        self.error(sender, |about| Icmp::TimeExceeded { about })
    }

    /// An error about this packet, unless it is one itself.
    fn error(&self, sender: IpAddr, error: impl FnOnce(Box<Packet>) -> Icmp) -> Option<Packet> {
        let is_error = self.quoted().is_some();
        (!is_error).then(|| Packet {
            source: sender,
            destination: self.source,
            ttl: initial_ttl(),
            transport: Transport::Icmp(error(Box::new(self.clone()))),
        })
    }

    /// The packet that this one is an ICMP error about.
    #[must_use]
    pub const fn quoted(&self) -> Option<&Packet> {
        match &self.transport {
            Transport::Icmp(it) => it.about(),
            _ => None,
        }
    }

    /// The value of a field, where the packet has it.
    #[must_use]
    pub fn value(&self, field: HeaderField) -> Option<FieldValue> {
        match field {
            HeaderField::Source => Some(FieldValue::Address(self.source)),
            HeaderField::Destination => Some(FieldValue::Address(self.destination)),
            HeaderField::SourcePort => self.source_port().map(FieldValue::Port),
            HeaderField::DestinationPort => self.destination_port().map(FieldValue::Port),
        }
    }

    /// The value of a field as the inspector shows it.
    #[must_use]
    pub fn field(&self, field: HeaderField) -> Option<String> {
        self.value(field).map(|it| it.to_string())
    }
}

impl TcpFlags {
    /// The first segment of a connection.
    pub const SYN: TcpFlags = TcpFlags {
        syn: true,
        ack: false,
        rst: false,
        fin: false,
    };
    /// The answer of a listening socket.
    pub const SYN_ACK: TcpFlags = TcpFlags {
        syn: true,
        ack: true,
        rst: false,
        fin: false,
    };
    /// The last segment of one side.
    pub const FIN_ACK: TcpFlags = TcpFlags {
        syn: false,
        ack: true,
        rst: false,
        fin: true,
    };
    /// A segment of an open connection.
    pub const ACK: TcpFlags = TcpFlags {
        syn: false,
        ack: true,
        rst: false,
        fin: false,
    };
    /// The answer of a closed port.
    pub const RST_ACK: TcpFlags = TcpFlags {
        syn: false,
        ack: true,
        rst: true,
        fin: false,
    };
}

impl fmt::Display for TcpFlags {
    /// As tcpdump names them in words: `SYN`, `SYN,ACK`, `RST,ACK`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for (set, name) in [
            (self.syn, "SYN"),
            (self.fin, "FIN"),
            (self.rst, "RST"),
            (self.ack, "ACK"),
        ] {
            if set {
                write!(f, "{separator}{name}")?;
                separator = ",";
            }
        }
        Ok(())
    }
}

impl fmt::Display for Packet {
    /// `10.244.1.9:41000 → 10.96.0.10:80 TCP SYN`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} → {} ",
            self.source_socket(),
            self.destination_socket()
        )?;
        match &self.transport {
            Transport::Tcp { flags, .. } => write!(f, "TCP {flags}"),
            Transport::Udp { .. } => f.write_str("UDP"),
            Transport::Sctp { .. } => f.write_str("SCTP"),
            Transport::Icmp(it) => write!(f, "ICMP {it}"),
        }
    }
}

impl fmt::Display for Icmp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Icmp::EchoRequest { .. } => f.write_str("echo request"),
            Icmp::EchoReply { .. } => f.write_str("echo reply"),
            Icmp::Unreachable { code, .. } => write!(f, "{code}"),
            Icmp::TimeExceeded { .. } => f.write_str("time-exceeded"),
        }
    }
}

impl fmt::Display for UnreachableCode {
    /// As tcpdump and nft name them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            UnreachableCode::Net => "net-unreachable",
            UnreachableCode::Host => "host-unreachable",
            UnreachableCode::Port => "port-unreachable",
            UnreachableCode::AdminProhibited => "admin-prohibited",
            UnreachableCode::Protocol => "prot-unreachable",
            UnreachableCode::NetProhibited => "net-prohibited",
            UnreachableCode::HostProhibited => "host-prohibited",
            UnreachableCode::PolicyFail => "policy-fail",
            UnreachableCode::RejectRoute => "reject-route",
        })
    }
}
