//! What a capture on every interface would hold: each packet once where it goes out and once where
//! it comes in, in the order of the walk.
//!
//! **Left out**: link layers (packets begin with their IP header); the time packets take, so that
//! each is put ten microseconds after the one before.

use super::bytes::packet_bytes;
use crate::dns;
use crate::net::{Packet, Transport};
use crate::netfilter::Hook;
use crate::sim::{HostId, Leg, LookupPacket, Step, StepKind, Walk};

/// Between one packet and the next.
const TICK_MICROS: u64 = 10;

/// Which way a packet passes an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Into its host.
    Inbound,
    /// Out of it.
    Outbound,
}

/// A packet seen at an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Captured {
    /// Whose interface.
    pub host: HostId,
    /// Which.
    pub interface: String,
    /// Which way.
    pub direction: Direction,
    /// How long after the request was made.
    pub micros: u64,
    /// From the IP header on.
    pub bytes: Vec<u8>,
    /// What it is, in words.
    pub comment: String,
}

/// Every packet of a walk at every interface: the questions to DNS, the request, the answer.
#[must_use]
pub fn captured(walk: &Walk) -> Vec<Captured> {
    let mut capture = Capture {
        micros: 0,
        captured: Vec::new(),
    };
    if let Some(lookup) = &walk.lookup {
        for (idx, packet) in lookup.packets.iter().enumerate() {
            let id = u16::try_from(idx + 1).unwrap_or(u16::MAX);
            capture.not_before(packet.sent.at.as_millis().saturating_mul(1000));
            let (question, answer) = dns_messages(packet, id);
            capture.watch(&packet.steps, None, &question, &answer);
        }
        capture.not_before(lookup.elapsed.as_millis().saturating_mul(1000));
    }
    let entry = walk.request.enter_at.as_ref();
    let entry = entry
        .map(|it| (it, "eth0"))
        .or(Some((&HostId::Router, "wan0")));
    capture.watch(&walk.steps, entry, &[], &[]);
    capture.captured
}

/// A question and its answer as bytes; nothing where a connection would have to be made first.
fn dns_messages(packet: &LookupPacket, id: u16) -> (Vec<u8>, Vec<u8>) {
    let sent = &packet.sent;
    if sent.transport == dns::Transport::Tcp {
        return (Vec::new(), Vec::new());
    }
    let question = dns::query(&sent.question, sent.transport, id);
    let answer = packet.answer.as_ref();
    let answer = answer.map(|it| dns::message(&sent.question, it, sent.transport, id));
    (question, answer.unwrap_or_default())
}

struct Capture {
    micros: u64,
    captured: Vec<Captured>,
}

impl Capture {
    fn not_before(&mut self, micros: u64) {
        self.micros = self.micros.max(micros);
    }

    /// Watches a packet and its answer. `entry` is where a packet comes in that sets out nowhere.
    fn watch(
        &mut self,
        steps: &[Step],
        entry: Option<(&HostId, &str)>,
        question: &[u8],
        answer: &[u8],
    ) {
        let mut is_answer = false;
        let mut has_left = false;
        for (idx, step) in steps.iter().enumerate() {
            let sets_out = matches!(step.kind, StepKind::Sent { .. });
            is_answer |= idx > 0 && sets_out;
            if sets_out {
                has_left = false;
            }
            let payload = if is_answer { answer } else { question };
            if idx == 0 && !sets_out {
                if let Some((host, interface)) = entry.filter(|it| *it.0 == step.host) {
                    self.see(
                        host,
                        interface,
                        Direction::Inbound,
                        &step.before,
                        step.leg,
                        payload,
                    );
                }
                has_left = true;
            }
            let comes_in = matches!(
                step.kind,
                StepKind::Hook {
                    hook: Hook::Prerouting,
                    ..
                } | StepKind::Arrived
            );
            // What a host sends itself goes out of `lo` and comes in again.
            if comes_in && !has_left {
                for direction in [Direction::Outbound, Direction::Inbound] {
                    self.see(&step.host, "lo", direction, &step.before, step.leg, payload);
                }
                has_left = true;
            }
            if let StepKind::Crossed {
                interface,
                to,
                to_interface,
            } = &step.kind
            {
                self.see(
                    &step.host,
                    interface,
                    Direction::Outbound,
                    &step.after,
                    step.leg,
                    payload,
                );
                if let (Some(to), Some(interface)) = (to, to_interface) {
                    self.see(
                        to,
                        interface,
                        Direction::Inbound,
                        &step.after,
                        step.leg,
                        payload,
                    );
                }
                has_left = true;
            }
        }
    }

    fn see(
        &mut self,
        host: &HostId,
        interface: &str,
        direction: Direction,
        packet: &Packet,
        leg: Leg,
        payload: &[u8],
    ) {
        let carries = matches!(packet.transport, Transport::Udp { .. } | Transport::Icmp(_));
        let payload = if carries { payload } else { &[] };
        let way = match direction {
            Direction::Inbound => "comes in at",
            Direction::Outbound => "goes out of",
        };
        let what = match leg {
            Leg::Lookup => "DNS",
            Leg::Request => "request",
            Leg::Reply => "answer",
        };
        self.captured.push(Captured {
            host: host.clone(),
            interface: interface.to_owned(),
            direction,
            micros: self.micros,
            bytes: packet_bytes(packet, payload),
            comment: format!("{what}: {way} {host}'s {interface}"),
        });
        self.micros += TICK_MICROS;
    }
}
