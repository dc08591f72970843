//! Messages as bytes, and how much of one fits.
//!
//! RFC 1035 section 4; which names point at earlier ones, and what is cut where, as `miekg/dns`
//! 1.1 does it (`msg.go`, `msg_truncate.go`) and CoreDNS 1.14.7 asks for it (`request/request.go`):
//! plain if it fits, compressed if not, then cut from the end.
//!
//! **Left out**: reading answers; TSIG; the bits RD, AD and CD, written as clear.

use super::message::{Answer, Question, Rcode, Record, RecordData, Transport};
use super::name::labels;
use crate::ip::IpAddr;
use std::collections::BTreeMap;

/// The size every client takes.
const MIN_SIZE: usize = 512;

/// The size above which a datagram would be fragmented, so that it is compressed although it fits.
const FRAGMENT_SIZE: usize = 1480;

/// An OPT record without options.
const OPT_SIZE: usize = 11;

/// Beyond this place no pointer reaches.
const MAX_POINTER: usize = 1 << 14;

/// Whether names point at earlier ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Names {
    Plain,
    Compressed,
}

/// The longest message this transport takes.
#[must_use]
pub fn size_limit(transport: Transport) -> usize {
    match transport {
        Transport::Tcp => 65_535,
        Transport::Udp { edns: None } => MIN_SIZE,
        Transport::Udp { edns: Some(size) } => usize::from(size).max(MIN_SIZE),
    }
}

/// Cuts an answer to what fits. Returns its length in bytes.
pub fn fit(question: &Question, answer: &mut Answer, transport: Transport) -> usize {
    let limit = size_limit(transport);
    let has_opt = matches!(transport, Transport::Udp { edns: Some(_) });
    let opt_size = if has_opt { OPT_SIZE } else { 0 };
    let plain = encode(question, answer, Names::Plain).len() + opt_size;
    if plain <= limit {
        let is_udp = transport != Transport::Tcp;
        if is_udp && plain > FRAGMENT_SIZE {
            return encode(question, answer, Names::Compressed).len() + opt_size;
        }
        return plain;
    }
    let (length, n_fitting) = fitting(question, answer, limit - opt_size);
    let sections = [
        &mut answer.answer,
        &mut answer.authority,
        &mut answer.additional,
    ];
    for (section, n_fitting) in sections.into_iter().zip(n_fitting) {
        answer.tc |= n_fitting < section.len();
        section.truncate(n_fitting);
    }
    length + opt_size
}

/// The length of what fits, and how many records of each section that is. What does not fit ends
/// the message, even if something smaller would follow.
fn fitting(question: &Question, answer: &Answer, limit: usize) -> (usize, [usize; 3]) {
    let mut writer = Writer::new(question, Names::Compressed);
    let mut counts = [0; 3];
    let sections = [&answer.answer, &answer.authority, &answer.additional];
    for (section, count) in sections.into_iter().zip(&mut counts) {
        for record in section {
            let before = writer.bytes.len();
            if before < limit {
                writer.record(record);
            }
            if before >= limit || writer.bytes.len() > limit {
                return (before, counts);
            }
            *count += 1;
        }
    }
    (writer.bytes.len(), counts)
}

/// An answer as the bytes of a message, as they go over this transport. It should have been made
/// to [`fit`].
#[must_use]
pub fn message(question: &Question, answer: &Answer, transport: Transport, id: u16) -> Vec<u8> {
    let mut bytes = encode(question, answer, Names::Plain);
    let limit = match transport {
        Transport::Tcp => size_limit(transport),
        Transport::Udp { .. } => size_limit(transport).min(FRAGMENT_SIZE),
    };
    let edns = match transport {
        Transport::Udp { edns } => edns,
        Transport::Tcp => None,
    };
    if bytes.len() + edns.map_or(0, |_| OPT_SIZE) > limit {
        bytes = encode(question, answer, Names::Compressed);
    }
    bytes[..2].copy_from_slice(&id.to_be_bytes());
    let rcode = answer.rcode.number();
    bytes[2] = 0x80 | u8::from(answer.aa) << 2 | u8::from(answer.tc) << 1;
    // The high bits of a code stand in the OPT record.
    bytes[3] = u8::from(answer.ra) << 7 | u8::try_from(rcode & 15).unwrap_or_default();
    let n_extra = answer.additional.len() + usize::from(edns.is_some());
    let counts = [1, answer.answer.len(), answer.authority.len(), n_extra];
    for (idx, count) in counts.into_iter().enumerate() {
        let count = u16::try_from(count).unwrap_or(u16::MAX).to_be_bytes();
        bytes[4 + 2 * idx..6 + 2 * idx].copy_from_slice(&count);
    }
    if let Some(size) = edns {
        let high = u8::try_from(rcode >> 4).unwrap_or_default();
        bytes.extend([0, 0, 41]);
        bytes.extend(size.to_be_bytes());
        bytes.extend([high, 0, 0, 0, 0, 0]);
    }
    bytes
}

/// A question as the bytes of a message, as a stub resolver sends it: recursion is desired.
#[must_use]
pub fn query(question: &Question, transport: Transport, id: u16) -> Vec<u8> {
    let mut bytes = message(question, &Answer::empty(Rcode::NoError), transport, id);
    bytes[2..4].copy_from_slice(&[1, 0]);
    bytes
}

fn encode(question: &Question, answer: &Answer, names: Names) -> Vec<u8> {
    let mut writer = Writer::new(question, names);
    let records = answer.answer.iter().chain(&answer.authority);
    for record in records.chain(&answer.additional) {
        writer.record(record);
    }
    writer.bytes
}

struct Writer<'a> {
    bytes: Vec<u8>,
    names: Names,
    /// Where each ending of a name written so far begins.
    places: BTreeMap<Vec<&'a str>, u16>,
}

impl<'a> Writer<'a> {
    /// A message of which the header is still blank and the question written.
    fn new(question: &'a Question, names: Names) -> Self {
        let mut writer = Writer {
            bytes: vec![0; 12],
            names,
            places: BTreeMap::new(),
        };
        writer.name(&question.name, names);
        writer.number(question.kind.number());
        writer.number(1);
        writer
    }

    fn record(&mut self, record: &'a Record) {
        self.name(&record.name, self.names);
        self.number(record.kind.number());
        self.number(1);
        self.long(record.ttl);
        let at = self.bytes.len();
        self.number(0);
        self.data(&record.data);
        let length = self.bytes.len() - at - 2;
        let length = u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes();
        self.bytes[at..at + 2].copy_from_slice(&length);
    }

    fn data(&mut self, data: &'a RecordData) {
        match data {
            RecordData::Address(IpAddr::V4(ip)) => self.bytes.extend(ip.octets()),
            RecordData::Address(IpAddr::V6(ip)) => self.bytes.extend(ip.octets()),
            RecordData::Name(name) => self.name(name, self.names),
            RecordData::Srv {
                priority,
                weight,
                port,
                target,
            } => {
                for it in [priority, weight, port] {
                    self.number(*it);
                }
                // RFC 2782 forbids a pointer here; others may still point at it.
                self.name(target, Names::Plain);
            }
            RecordData::Text(strings) => {
                for string in strings {
                    let string = &string.as_bytes()[..string.len().min(255)];
                    self.bytes.push(string.len().to_le_bytes()[0]);
                    self.bytes.extend(string);
                }
            }
            RecordData::Soa {
                mname,
                rname,
                serial,
                refresh,
                retry,
                expire,
                minimum,
            } => {
                self.name(mname, self.names);
                self.name(rname, self.names);
                for it in [serial, refresh, retry, expire, minimum] {
                    self.long(*it);
                }
            }
            RecordData::Mx {
                preference,
                exchange,
            } => {
                self.number(*preference);
                self.name(exchange, self.names);
            }
        }
    }

    fn name(&mut self, name: &'a str, names: Names) {
        let labels = labels(name);
        for idx in 0..labels.len() {
            if self.names == Names::Compressed {
                let ending = &labels[idx..];
                if let Some(place) = self.places.get(ending) {
                    if names == Names::Compressed {
                        return self.number(0xc000 | place);
                    }
                } else if self.bytes.len() < MAX_POINTER {
                    let place = u16::try_from(self.bytes.len()).unwrap_or_default();
                    self.places.insert(ending.to_vec(), place);
                }
            }
            let label = unescaped(labels[idx]);
            self.bytes.push(label.len().to_le_bytes()[0]);
            self.bytes.extend(label);
        }
        self.bytes.push(0);
    }

    fn number(&mut self, number: u16) {
        self.bytes.extend(number.to_be_bytes());
    }

    fn long(&mut self, number: u32) {
        self.bytes.extend(number.to_be_bytes());
    }
}

/// The bytes of a label: `\.` is a dot, `\032` a space.
fn unescaped(label: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = label.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'\\' {
            bytes.push(*first);
            continue;
        }
        let code = rest.get(..3).and_then(|it| std::str::from_utf8(it).ok());
        if let Some(code) = code.and_then(|it| it.parse().ok()) {
            bytes.push(code);
            rest = &rest[3..];
        } else if let Some((first, after)) = rest.split_first() {
            bytes.push(*first);
            rest = after;
        }
    }
    bytes
}

/// What is wrong with the frame of a question, before anybody looks at the name.
#[must_use]
pub fn refusal(frame: &Frame) -> Option<Rcode> {
    const QUERY: u8 = 0;
    const NOTIFY: u8 = 4;
    const INTERNET: u16 = 1;
    if !matches!(frame.opcode, QUERY | NOTIFY) {
        return Some(Rcode::NotImp);
    }
    if frame.n_questions != 1 || frame.n_answers > 1 || frame.n_authority > 1 {
        return Some(Rcode::FormErr);
    }
    if frame.n_additional > 2 {
        return Some(Rcode::FormErr);
    }
    if frame.edns_version.is_some_and(|it| it != 0) {
        return Some(Rcode::BadVers);
    }
    if frame.class != INTERNET {
        return Some(Rcode::Refused);
    }
    None
}

/// What stands around a question in a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// 0 for a query, 4 for a notification.
    pub opcode: u8,
    /// 1 for the Internet.
    pub class: u16,
    /// The version of EDNS, if the client speaks it.
    pub edns_version: Option<u8>,
    /// How many questions.
    pub n_questions: u16,
    /// How many records answer them.
    pub n_answers: u16,
    /// How many records say who keeps the zone.
    pub n_authority: u16,
    /// How many further records, the one of EDNS included.
    pub n_additional: u16,
}

impl Default for Frame {
    /// As every stub resolver asks.
    fn default() -> Self {
        Frame {
            opcode: 0,
            class: 1,
            edns_version: None,
            n_questions: 1,
            n_answers: 0,
            n_authority: 0,
            n_additional: 0,
        }
    }
}
