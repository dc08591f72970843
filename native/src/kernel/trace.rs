//! The kernel's own account of a packet's way through the rules, decoded and put together.
//!
//! Linux: `enum nft_trace_attributes` in `linux/netfilter/nf_tables.h`, sent to netlink group 9 for
//! packets marked with `meta nftrace set 1`. A message is sent for each rule that matched to its end,
//! and for the policy of a base chain; rules that did not match are silent. The numbers of traces are
//! not unique, so packets are told apart by their bytes as well.
//!
//! **Left out**: the hook is not in the messages: it follows from the base chain. Link-layer headers are
//! not read. IPv6 extension headers are not walked, because only 40 bytes are sent. A chain's end, which
//! Linux calls a rule without a handle, is called [`TraceKind::Return`].

use std::net::IpAddr;

use super::{
    conntrack::{GENERIC_HEADER, big_u16, big_u32, ipv4, ipv6},
    netlink::{Frame, attributes},
};

/// The number of nf_tables among netfilter's message types.
pub(crate) const SUBSYSTEM: u16 = 10;
/// `NFT_MSG_TRACE`.
pub(crate) const MESSAGE_TRACE: u16 = 17;

/// The table that switches tracing on; it is no part of what is traced.
pub const TRACE_TABLE: &str = "packetwalk-trace";
/// The family of that table, as nft writes it.
pub const TRACE_FAMILY: &str = "inet";

/// Which packets are traced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Every packet of TCP, UDP, SCTP and ICMP, without neighbour discovery.
    Every,
    /// Of TCP only the packet that opens a connection; of the others every packet.
    Opening,
}

/// The text of a table that switches tracing on, before everything else a packet meets.
///
/// It can be loaded again, and removed with `nft::delete_table(place, TRACE_FAMILY, TRACE_TABLE)`.
#[must_use]
pub fn tracing_rules(scope: Scope) -> String {
    let tcp = match scope {
        Scope::Every => "meta l4proto tcp",
        Scope::Opening => "tcp flags & (syn | ack) == syn",
    };
    let chain = |hook: &str| {
        format!(
            "\tchain {hook} {{\n\t\ttype filter hook {hook} priority -300; policy accept;\n\
             \t\ticmpv6 type {{ nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert, nd-redirect, \
             mld-listener-query, mld-listener-report, mld2-listener-report }} accept\n\
             \t\t{tcp} meta nftrace set 1\n\
             \t\tmeta l4proto {{ udp, sctp, icmp, icmpv6 }} meta nftrace set 1\n\t}}\n"
        )
    };
    format!(
        "add table {TRACE_FAMILY} {TRACE_TABLE}\ndelete table {TRACE_FAMILY} {TRACE_TABLE}\n\
         table {TRACE_FAMILY} {TRACE_TABLE} {{\n{}{}}}\n",
        chain("prerouting"),
        chain("output")
    )
}

/// One message of a trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceEvent {
    /// The kernel's number of the trace, which comes again for other packets.
    pub trace_id: u32,
    /// The family of the table: 1 inet, 2 ip, 10 ip6.
    pub family: u8,
    /// The table.
    pub table: String,
    /// The chain.
    pub chain: String,
    /// What is told.
    pub kind: TraceKind,
    /// The rule that matched.
    pub rule_handle: Option<u64>,
    /// What follows.
    pub verdict: Verdict,
    /// The packet, in the first message from each base chain.
    pub packet: Option<PacketHeader>,
    /// The packet's mark, when it is not 0.
    pub mark: Option<u32>,
    /// The number of the interface it came in by.
    pub iif: Option<u32>,
    /// The number of the interface it goes out by.
    pub oif: Option<u32>,
    /// The family of the packet: 2 IPv4, 10 IPv6.
    pub nfproto: Option<u8>,
    /// What connection tracking knew; from Linux 6.17 on, and only after it has seen the packet.
    pub ct: Option<TraceConntrack>,
}

/// What a message tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TraceKind {
    /// A rule matched.
    Rule,
    /// A base chain ended with its policy.
    Policy,
    /// A chain ended without a verdict.
    Return,
}

/// What a rule or a policy decides.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// The packet passes this base chain.
    Accept,
    /// The packet is gone.
    Drop,
    /// The next rule is asked.
    Continue,
    /// Back to the calling chain.
    Return,
    /// Into a chain and, after it, back.
    Jump(String),
    /// Into a chain for good.
    Goto(String),
    /// Another number of the kernel: 2 is stolen (as `reject` does in some hooks), 3 queue.
    Other(i32),
}

impl Verdict {
    fn from_code(code: i32, chain: Option<String>) -> Self {
        match (code, chain) {
            (0, _) => Self::Drop,
            (1, _) => Self::Accept,
            // A rule that is left because it does not match counts as going on, too.
            (-1 | -2, _) => Self::Continue,
            (-3, Some(chain)) => Self::Jump(chain),
            (-4, Some(chain)) => Self::Goto(chain),
            (-5, _) => Self::Return,
            (other, _) => Self::Other(other),
        }
    }

    /// Whether the base chain asks no further rule.
    #[must_use]
    pub fn is_final(&self) -> bool {
        match self {
            Self::Accept | Self::Drop | Self::Other(_) => true,
            Self::Continue | Self::Return | Self::Jump(_) | Self::Goto(_) => false,
        }
    }
}

/// Connection tracking's view of a traced packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceConntrack {
    /// The number of the connection, as in its events.
    pub id: u32,
    /// Whether the packet is an answer.
    pub is_reply: bool,
    /// `ct status`; see `conntrack::Status`. Not told for a packet that opens a connection.
    pub status: Option<u32>,
    /// `ct state` as nft's bits: 1 invalid, 2 established, 4 related, 8 new, 64 untracked.
    pub state: Option<u32>,
}

/// The head of a packet at some point of its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PacketHeader {
    /// The source.
    pub source: IpAddr,
    /// The destination.
    pub destination: IpAddr,
    /// The IP protocol number.
    pub protocol: u8,
    /// Time to live, or hop limit.
    pub ttl: u8,
    /// The IPv4 identification; 0 for IPv6.
    pub identification: u16,
    /// The length of the whole packet in bytes.
    pub length: u16,
    /// What follows.
    pub transport: Transport,
}

/// The head of what an IP packet carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transport {
    /// A TCP segment.
    Tcp {
        /// The source port.
        source_port: u16,
        /// The destination port.
        destination_port: u16,
        /// The sequence number.
        sequence: u32,
        /// The number acknowledged.
        acknowledged: u32,
        /// FIN 1, SYN 2, RST 4, PSH 8, ACK 16.
        flags: u8,
    },
    /// A UDP datagram, or another protocol that begins with two ports.
    Ports {
        /// The source port.
        source_port: u16,
        /// The destination port.
        destination_port: u16,
        /// The following bytes that were sent along, without checksum.
        rest: Vec<u8>,
    },
    /// ICMP or ICMPv6.
    Icmp {
        /// The type.
        kind: u8,
        /// The code.
        code: u8,
        /// The identifier of an echo.
        id: u16,
        /// The sequence number of an echo.
        sequence: u16,
    },
    /// Nothing that is known, or a later fragment.
    Unknown,
}

impl Transport {
    /// Source and destination port.
    #[must_use]
    pub fn ports(&self) -> Option<(u16, u16)> {
        match self {
            Self::Tcp {
                source_port,
                destination_port,
                ..
            }
            | Self::Ports {
                source_port,
                destination_port,
                ..
            } => Some((*source_port, *destination_port)),
            Self::Icmp { .. } | Self::Unknown => None,
        }
    }
}

impl PacketHeader {
    /// Whether it may be the same packet as another, looking only at what no rule rewrites.
    fn resembles(&self, other: &Self) -> bool {
        let same_payload = match (&self.transport, &other.transport) {
            (
                Transport::Tcp {
                    sequence,
                    acknowledged,
                    flags,
                    ..
                },
                Transport::Tcp {
                    sequence: sequence_too,
                    acknowledged: acknowledged_too,
                    flags: flags_too,
                    ..
                },
            ) => (sequence, acknowledged, flags) == (sequence_too, acknowledged_too, flags_too),
            (Transport::Ports { rest, .. }, Transport::Ports { rest: rest_too, .. }) => {
                rest == rest_too
            }
            (
                Transport::Icmp {
                    kind,
                    code,
                    sequence,
                    ..
                },
                Transport::Icmp {
                    kind: kind_too,
                    code: code_too,
                    sequence: sequence_too,
                    ..
                },
            ) => (kind, code, sequence) == (kind_too, code_too, sequence_too),
            (Transport::Unknown, Transport::Unknown) => true,
            _ => false,
        };
        let family = |it: &Self| it.source.is_ipv4();
        let fixed = |it: &Self| (family(it), it.protocol, it.identification, it.length);
        same_payload && fixed(self) == fixed(other)
    }

    fn read(network: &[u8], transport: &[u8]) -> Option<Self> {
        match network.first()? >> 4 {
            4 => {
                let protocol = *network.get(9)?;
                let is_later_fragment = big_u16(&network[6..])? & 0x1fff != 0;
                let transport = if is_later_fragment { &[] } else { transport };
                Some(Self {
                    source: ipv4(network.get(12..)?)?,
                    destination: ipv4(network.get(16..)?)?,
                    protocol,
                    ttl: *network.get(8)?,
                    identification: big_u16(&network[4..])?,
                    length: big_u16(&network[2..])?,
                    transport: Transport::read(protocol, transport).unwrap_or(Transport::Unknown),
                })
            }
            6 => {
                let protocol = *network.get(6)?;
                Some(Self {
                    source: ipv6(network.get(8..)?)?,
                    destination: ipv6(network.get(24..)?)?,
                    protocol,
                    ttl: *network.get(7)?,
                    identification: 0,
                    length: big_u16(&network[4..])?.saturating_add(40),
                    transport: Transport::read(protocol, transport).unwrap_or(Transport::Unknown),
                })
            }
            _ => None,
        }
    }
}

impl Transport {
    fn read(protocol: u8, bytes: &[u8]) -> Option<Self> {
        match protocol {
            6 => Some(Self::Tcp {
                source_port: big_u16(bytes)?,
                destination_port: big_u16(bytes.get(2..)?)?,
                sequence: big_u32(bytes.get(4..)?)?,
                acknowledged: big_u32(bytes.get(8..)?)?,
                flags: *bytes.get(13)?,
            }),
            17 | 132 | 136 => {
                let mut rest = bytes.get(4..)?.to_vec();
                // The checksum changes with the addresses.
                if let (17 | 136, Some(checksum)) = (protocol, rest.get_mut(2..4)) {
                    checksum.fill(0);
                }
                Some(Self::Ports {
                    source_port: big_u16(bytes)?,
                    destination_port: big_u16(bytes.get(2..)?)?,
                    rest,
                })
            }
            1 | 58 => Some(Self::Icmp {
                kind: *bytes.first()?,
                code: *bytes.get(1)?,
                id: big_u16(bytes.get(4..)?)?,
                sequence: big_u16(bytes.get(6..)?)?,
            }),
            _ => None,
        }
    }
}

/// Reads one message; none if a part is missing that every trace has.
pub(crate) fn decode(frame: &Frame<'_>) -> Option<TraceEvent> {
    let family = *frame.body.first()?;
    let mut values: [&[u8]; 22] = [&[]; 22];
    for (number, value) in attributes(frame.body.get(GENERIC_HEADER..)?) {
        if let Some(place) = values.get_mut(usize::from(number)) {
            *place = value;
        }
    }
    let number = |it: usize| big_u32(values[it]);
    let rule_handle = values[3].try_into().ok().map(u64::from_be_bytes);
    let kind = match (number(4)?, rule_handle) {
        (1, _) => TraceKind::Policy,
        (3, Some(_)) => TraceKind::Rule,
        (2 | 3, _) => TraceKind::Return,
        _ => return None,
    };
    let verdict = match kind {
        TraceKind::Policy => Verdict::from_code(number(16)?.cast_signed(), None),
        TraceKind::Rule | TraceKind::Return => read_verdict(values[5])?,
    };
    let ct = number(18).map(|id| TraceConntrack {
        id,
        is_reply: values[19].first() == Some(&1),
        status: number(20),
        state: number(21),
    });
    Some(TraceEvent {
        trace_id: number(6)?,
        family,
        table: text(values[1]),
        chain: text(values[2]),
        kind,
        rule_handle,
        verdict,
        packet: PacketHeader::read(values[8], values[9]),
        mark: number(14),
        iif: number(10),
        oif: number(12),
        nfproto: number(15).and_then(|it| u8::try_from(it).ok()),
        ct,
    })
}

fn read_verdict(bytes: &[u8]) -> Option<Verdict> {
    let mut code = None;
    let mut chain = None;
    for (number, value) in attributes(bytes) {
        match number {
            1 => code = big_u32(value).map(u32::cast_signed),
            2 => chain = Some(text(value)),
            _ => {}
        }
    }
    Some(Verdict::from_code(code?, chain))
}

fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|it| *it == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

/// One packet on its way through one host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TracedPacket {
    /// The kernel's number of the trace.
    pub trace_id: u32,
    /// The packet as it was first seen: before any rewriting. None if that message was lost.
    pub first: Option<PacketHeader>,
    /// The interface it came in by; none for a packet of this host.
    pub iif: Option<u32>,
    /// The base chains it met, in order, without those of [`TRACE_TABLE`].
    pub passes: Vec<Pass>,
}

impl TracedPacket {
    /// The passes through one table.
    pub fn of_table<'a>(&'a self, table: &'a str) -> impl Iterator<Item = &'a Pass> {
        self.passes.iter().filter(move |it| it.table == table)
    }

    /// Whether a rule or a policy ended its way here.
    #[must_use]
    pub fn is_dropped(&self) -> bool {
        self.passes
            .iter()
            .any(|it| it.verdict == Some(Verdict::Drop))
    }
}

/// One packet on its way through one base chain and the chains it leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pass {
    /// The family of the table: 1 inet, 2 ip, 10 ip6.
    pub family: u8,
    /// The table.
    pub table: String,
    /// The base chain, which names the hook and the priority.
    pub base_chain: String,
    /// The packet when it entered. None if that message was lost.
    pub packet: Option<PacketHeader>,
    /// The number of the interface it came in by.
    pub iif: Option<u32>,
    /// The number of the interface it goes out by.
    pub oif: Option<u32>,
    /// What connection tracking knew when it entered.
    pub ct: Option<TraceConntrack>,
    /// The rules that matched, the ends of chains, and the policy, in order.
    pub steps: Vec<Step>,
    /// How it ended; none if the last message was lost.
    pub verdict: Option<Verdict>,
}

/// One step of a [`Pass`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The chain.
    pub chain: String,
    /// What is told.
    pub kind: TraceKind,
    /// The rule that matched.
    pub rule_handle: Option<u64>,
    /// What follows.
    pub verdict: Verdict,
    /// The packet's mark after this step, when it is not 0.
    pub mark: Option<u32>,
}

/// Puts the messages of one namespace together, packet by packet, in order of first appearance.
#[must_use]
pub fn group<'a>(events: impl IntoIterator<Item = &'a TraceEvent>) -> Vec<TracedPacket> {
    let mut packets: Vec<TracedPacket> = Vec::new();
    for event in events {
        let latest = packets.iter().rposition(|it| it.trace_id == event.trace_id);
        let index = match latest.filter(|it| belongs(event, &packets[*it])) {
            Some(index) => index,
            None => {
                packets.push(TracedPacket {
                    trace_id: event.trace_id,
                    first: event.packet.clone(),
                    iif: event.iif,
                    passes: Vec::new(),
                });
                packets.len() - 1
            }
        };
        add(event, &mut packets[index].passes);
    }
    for packet in &mut packets {
        packet.passes.retain(|it| it.table != TRACE_TABLE);
    }
    packets
}

/// Whether a message with the same number tells of the same packet.
fn belongs(event: &TraceEvent, packet: &TracedPacket) -> bool {
    let Some(header) = &event.packet else {
        return true;
    };
    let is_repeated = packet.passes.iter().any(|it| {
        (it.family, &it.table, &it.base_chain) == (event.family, &event.table, &event.chain)
    });
    let is_over = packet.is_dropped();
    let is_alike = packet.first.as_ref().is_none_or(|it| it.resembles(header));
    let connection = packet
        .passes
        .iter()
        .rev()
        .find_map(|it| it.ct)
        .map(|it| it.id);
    let is_connected = match (connection, event.ct) {
        (Some(known), Some(now)) => known == now.id,
        _ => true,
    };
    is_alike && is_connected && !is_repeated && !is_over
}

fn add(event: &TraceEvent, passes: &mut Vec<Pass>) {
    let goes_on = event.packet.is_none() && passes.last().is_some_and(|it| it.verdict.is_none());
    if !goes_on {
        passes.push(Pass {
            family: event.family,
            table: event.table.clone(),
            base_chain: event.chain.clone(),
            packet: event.packet.clone(),
            iif: event.iif,
            oif: event.oif,
            ct: event.ct,
            steps: Vec::new(),
            verdict: None,
        });
    }
    let Some(pass) = passes.last_mut() else {
        return;
    };
    let is_end = event.kind == TraceKind::Policy || event.verdict.is_final();
    pass.verdict = is_end.then(|| event.verdict.clone());
    pass.steps.push(Step {
        chain: event.chain.clone(),
        kind: event.kind,
        rule_handle: event.rule_handle,
        verdict: event.verdict.clone(),
        mark: event.mark,
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    const IPV4: &str = "4500003c93bb40004006928d0a0900010a60000a";
    const SYN: &str = "860a0050b108c17200000000a002faf014a20000";

    fn bytes(hex: &str) -> Vec<u8> {
        let digits = hex
            .as_bytes()
            .chunks(2)
            .map(|it| std::str::from_utf8(it).expect("is ASCII"));
        digits
            .map(|it| u8::from_str_radix(it, 16).expect("is hexadecimal"))
            .collect()
    }

    /// Messages recorded from Linux 6.18, as number and value of each attribute.
    fn recorded(list: &[(u16, &str)]) -> TraceEvent {
        let mut body = vec![2, 0, 0, 0];
        for (number, value) in list {
            let value = bytes(value);
            body.extend_from_slice(
                &u16::try_from(4 + value.len())
                    .expect("is short")
                    .to_ne_bytes(),
            );
            body.extend_from_slice(&number.to_ne_bytes());
            body.extend_from_slice(&value);
            body.resize(body.len().next_multiple_of(4), 0);
        }
        let frame = Frame {
            kind: SUBSYSTEM << 8 | MESSAGE_TRACE,
            flags: 0,
            sequence: 0,
            body: &body,
        };
        decode(&frame).expect("is a trace")
    }

    /// An event of chain `out` or `svc-A` of table `kp`, with the packet for the first of them.
    fn event(number: u16, chain: &str, verdict: &str, network: Option<&str>) -> TraceEvent {
        let handle = format!("{number:016x}");
        let mut list = vec![
            (15, "00000002"),
            (4, "00000003"),
            (6, "fedc2967"),
            (2, chain),
            (1, "6b7000"),
        ];
        list.extend([(3, handle.as_str()), (5, verdict)]);
        if let Some(network) = network {
            list.extend([(12, "00000002"), (8, network), (9, SYN)]);
        }
        recorded(&list)
    }

    const OUT: &str = "6f757400";
    const SVC_A: &str = "7376632d4100";
    // A netlink attribute's length is in the byte order of the machine: these are little-endian.
    const GOTO_SVC_A: &str = "08000100fffffffc0a0002007376632d41000000";
    const ACCEPT: &str = "0800010000000001";
    const CONTINUE: &str = "08000100ffffffff";

    #[test]
    #[cfg(target_endian = "little")]
    fn recorded_rule_is_decoded() {
        let mut list = vec![
            (15, "00000002"),
            (4, "00000003"),
            (6, "fedc2967"),
            (2, OUT),
            (1, "6b7000"),
        ];
        list.extend([
            (3, "000000000000000c"),
            (5, GOTO_SVC_A),
            (12, "00000002"),
            (8, IPV4),
            (9, SYN),
        ]);
        list.extend([(21, "00000008"), (19, "00"), (18, "6d94243d")]);
        let event = recorded(&list);
        assert_eq!((event.table.as_str(), event.chain.as_str()), ("kp", "out"));
        assert_eq!(event.rule_handle, Some(12));
        assert_eq!(event.verdict, Verdict::Goto("svc-A".to_owned()));
        assert_eq!((event.iif, event.oif), (None, Some(2)));
        let packet = event.packet.expect("is there");
        assert_eq!(packet.destination.to_string(), "10.96.0.10");
        assert_eq!(packet.transport.ports(), Some((34314, 80)));
        assert!(matches!(packet.transport, Transport::Tcp { flags: 2, .. }));
        let ct = event.ct.expect("is there");
        assert_eq!(
            (ct.id, ct.is_reply, ct.state),
            (0x6d94_243d, false, Some(8))
        );
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn end_of_a_chain_and_its_policy_are_told_apart() {
        let head = [(15, "00000002"), (6, "fedc2967"), (2, OUT), (1, "6b7000")];
        let end = recorded(&[&head[..], &[(4, "00000003"), (5, CONTINUE)]].concat());
        assert_eq!(
            (end.kind, end.verdict),
            (TraceKind::Return, Verdict::Continue)
        );
        let policy = recorded(&[&head[..], &[(4, "00000001"), (16, "00000001")]].concat());
        assert_eq!(
            (policy.kind, policy.verdict),
            (TraceKind::Policy, Verdict::Accept)
        );
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn same_number_with_other_bytes_is_another_packet() {
        let other = IPV4.replace("93bb", "93bc");
        let events = [
            event(1, OUT, GOTO_SVC_A, Some(IPV4)),
            event(2, SVC_A, ACCEPT, None),
            event(1, OUT, GOTO_SVC_A, Some(&other)),
            event(2, SVC_A, ACCEPT, None),
        ];
        let packets = group(&events);
        assert_eq!(packets.len(), 2);
        assert_eq!(packets[0].passes.len(), 1);
        assert_eq!(packets[0].passes[0].steps.len(), 2);
        assert_eq!(packets[0].passes[0].verdict, Some(Verdict::Accept));
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn same_bytes_in_the_same_chain_again_are_another_packet() {
        let pass = || {
            [
                event(1, OUT, GOTO_SVC_A, Some(IPV4)),
                event(2, SVC_A, ACCEPT, None),
            ]
        };
        assert_eq!(group(&[pass(), pass()].concat()).len(), 2);
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn rewritten_packet_in_the_next_base_chain_is_the_same_packet() {
        // The destination becomes 10.9.0.2, the header's checksum and the time to live change.
        let rewritten = IPV4
            .replace("4006928d", "3f0693ec")
            .replace("0a60000a", "0a090002");
        let events = [
            event(1, OUT, ACCEPT, Some(IPV4)),
            event(3, SVC_A, ACCEPT, Some(&rewritten)),
        ];
        let packets = group(&events);
        assert_eq!(packets.len(), 1);
        assert_eq!(packets[0].passes.len(), 2);
    }
}
