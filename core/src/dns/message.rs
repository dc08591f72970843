//! Nouns of DNS: questions, records, answers, and how zone files write them.
//!
//! RFC 1035 for the words, RFC 2782 for SRV, RFC 3597 for types without a name, RFC 6891 for EDNS.
//! Names are text as zone files write them, with the final dot and with `\.` or `\032` for what
//! could not be written plainly.
//!
//! **Left out**: classes other than IN, and the bits AD, CD and RD, which no answer depends on.

use crate::ip::{Family, IpAddr};
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use std::fmt;

/// A type of record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RecordType {
    /// An IPv4 address.
    A,
    /// A name server.
    NS,
    /// Another name for something.
    CNAME,
    /// The start of a zone.
    SOA,
    /// The name of an address.
    PTR,
    /// Where mail goes.
    MX,
    /// Text.
    TXT,
    /// An IPv6 address.
    AAAA,
    /// A port and the name it is open on.
    SRV,
    /// A key of a zone below.
    DS,
    /// How a web server is best reached.
    HTTPS,
    /// Everything there is; only asked for.
    ANY,
    /// A whole zone; only asked for.
    AXFR,
    /// What changed in a zone; only asked for.
    IXFR,
    /// A type by its number.
    Other(u16),
}

/// The code of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Rcode {
    /// The name exists, though it may have nothing of the type asked for.
    NoError,
    /// The question was not understood.
    FormErr,
    /// The server could not find out.
    ServFail,
    /// There is no such name.
    NxDomain,
    /// The server does not do such things.
    NotImp,
    /// The server does not want to.
    Refused,
    /// The version of EDNS is not known.
    BadVers,
}

/// What a record says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RecordData {
    /// An address: A, AAAA.
    Address(IpAddr),
    /// A name: NS, CNAME, PTR.
    Name(String),
    /// A port and the name it is open on.
    Srv {
        /// Lower ones are tried first.
        priority: u16,
        /// The share among those of one priority.
        weight: u16,
        /// The port.
        port: u16,
        /// The name whose address has it.
        target: String,
    },
    /// Strings.
    Text(Vec<String>),
    /// The start of a zone.
    Soa {
        /// The first name server.
        mname: String,
        /// Who answers for it, the first dot standing for `@`.
        rname: String,
        /// The version of the zone.
        serial: u32,
        /// How often a second server looks for a new version.
        refresh: u32,
        /// How soon it tries again.
        retry: u32,
        /// How long it goes on without.
        expire: u32,
        /// How long "no such name" may be kept.
        minimum: u32,
    },
    /// Where mail goes.
    Mx {
        /// Lower ones are tried first.
        preference: u16,
        /// The server.
        exchange: String,
    },
}

/// A record.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Record {
    /// Whose.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: RecordType,
    /// How many seconds it may be kept.
    pub ttl: u32,
    /// What it says.
    pub data: RecordData,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Question {
    /// The full name.
    pub name: String,
    /// The type.
    #[serde(rename = "type")]
    pub kind: RecordType,
}

/// What a server answers. In JSON the bits are a list of words, `["aa", "ra"]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What became of the question.
    pub rcode: Rcode,
    /// It comes from the one who keeps the zone.
    pub aa: bool,
    /// Something was left out because it would not fit.
    pub tc: bool,
    /// The server asks others where it does not know.
    pub ra: bool,
    /// What was asked for.
    pub answer: Vec<Record>,
    /// Who keeps the zone.
    pub authority: Vec<Record>,
    /// What will be asked for next.
    pub additional: Vec<Record>,
}

/// How a question reaches the server; it decides how long the answer may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// One datagram.
    Udp {
        /// The size of answer the client offers to take, if it speaks EDNS.
        edns: Option<u16>,
    },
    /// A connection.
    Tcp,
}

/// Types by name and number.
const TYPES: [(RecordType, &str, u16); 14] = [
    (RecordType::A, "A", 1),
    (RecordType::NS, "NS", 2),
    (RecordType::CNAME, "CNAME", 5),
    (RecordType::SOA, "SOA", 6),
    (RecordType::PTR, "PTR", 12),
    (RecordType::MX, "MX", 15),
    (RecordType::TXT, "TXT", 16),
    (RecordType::AAAA, "AAAA", 28),
    (RecordType::SRV, "SRV", 33),
    (RecordType::DS, "DS", 43),
    (RecordType::HTTPS, "HTTPS", 65),
    (RecordType::ANY, "ANY", 255),
    (RecordType::AXFR, "AXFR", 252),
    (RecordType::IXFR, "IXFR", 251),
];

/// Types that have a name but no variant: nobody in a cluster has such records.
const OTHERS: [(&str, u16); 8] = [
    ("HINFO", 13),
    ("NAPTR", 35),
    ("SSHFP", 44),
    ("RRSIG", 46),
    ("DNSKEY", 48),
    ("TLSA", 52),
    ("SVCB", 64),
    ("CAA", 257),
];

impl RecordType {
    /// Reads a type in any case: `srv`, `TYPE65`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let same = |name: &str| name.eq_ignore_ascii_case(text);
        if let Some((kind, ..)) = TYPES.iter().find(|it| same(it.1)) {
            return Some(*kind);
        }
        if let Some((_, number)) = OTHERS.iter().find(|it| same(it.0)) {
            return Some(RecordType::Other(*number));
        }
        let prefix = text.get(..4)?;
        let number = text.get(4..)?.parse().ok()?;
        prefix
            .eq_ignore_ascii_case("TYPE")
            .then(|| RecordType::from_number(number))
    }

    /// The type of this number.
    #[must_use]
    pub fn from_number(number: u16) -> Self {
        let known = TYPES.iter().find(|it| it.2 == number);
        known.map_or(RecordType::Other(number), |it| it.0)
    }

    /// Its number in a message.
    #[must_use]
    pub fn number(self) -> u16 {
        match self {
            RecordType::Other(number) => number,
            known => TYPES.iter().find(|it| it.0 == known).map_or(0, |it| it.2),
        }
    }

    /// The family whose addresses it holds.
    #[must_use]
    pub const fn family(self) -> Option<Family> {
        match self {
            RecordType::A => Some(Family::V4),
            RecordType::AAAA => Some(Family::V6),
            _ => None,
        }
    }

    /// The type of a record that holds this address.
    #[must_use]
    pub const fn of_address(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(_) => RecordType::A,
            IpAddr::V6(_) => RecordType::AAAA,
        }
    }
}

impl Rcode {
    /// Its number in a message.
    #[must_use]
    pub const fn number(self) -> u16 {
        match self {
            Rcode::NoError => 0,
            Rcode::FormErr => 1,
            Rcode::ServFail => 2,
            Rcode::NxDomain => 3,
            Rcode::NotImp => 4,
            Rcode::Refused => 5,
            Rcode::BadVers => 16,
        }
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Rcode::NoError => "NOERROR",
            Rcode::FormErr => "FORMERR",
            Rcode::ServFail => "SERVFAIL",
            Rcode::NxDomain => "NXDOMAIN",
            Rcode::NotImp => "NOTIMP",
            Rcode::Refused => "REFUSED",
            Rcode::BadVers => "BADVERS",
        }
    }
}

impl Record {
    /// The record of an address.
    #[must_use]
    pub fn address(name: &str, ttl: u32, ip: IpAddr) -> Self {
        Record {
            name: name.to_owned(),
            kind: RecordType::of_address(ip),
            ttl,
            data: RecordData::Address(ip),
        }
    }

    /// A record that says a name: NS, CNAME, PTR.
    #[must_use]
    pub fn name(name: &str, kind: RecordType, ttl: u32, target: String) -> Self {
        Record {
            name: name.to_owned(),
            kind,
            ttl,
            data: RecordData::Name(target),
        }
    }
}

impl Question {
    /// A question about a name; the final dot is added where it is missing.
    #[must_use]
    pub fn new(name: &str, kind: RecordType) -> Self {
        Question {
            name: fully_qualified(name),
            kind,
        }
    }
}

impl Answer {
    /// An answer without a record or a bit.
    #[must_use]
    pub const fn empty(rcode: Rcode) -> Self {
        Answer {
            rcode,
            aa: false,
            tc: false,
            ra: false,
            answer: Vec::new(),
            authority: Vec::new(),
            additional: Vec::new(),
        }
    }

    /// The addresses among the records.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.answer.iter().filter_map(|it| match it.data {
            RecordData::Address(ip) => Some(ip),
            _ => None,
        })
    }

    /// The name exists, but has nothing of the type asked for.
    #[must_use]
    pub fn is_nodata(&self) -> bool {
        self.rcode == Rcode::NoError && self.answer.is_empty()
    }

    /// The bits that are set, as `dig` writes them.
    pub fn flags(&self) -> impl Iterator<Item = &'static str> {
        [(self.aa, "aa"), (self.tc, "tc"), (self.ra, "ra")]
            .into_iter()
            .filter_map(|(is_set, word)| is_set.then_some(word))
    }
}

/// The name with its final dot.
#[must_use]
pub fn fully_qualified(name: &str) -> String {
    if name.ends_with('.') {
        name.to_owned()
    } else {
        format!("{name}.")
    }
}

impl Serialize for Answer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut it = serializer.serialize_struct("Answer", 5)?;
        it.serialize_field("rcode", &self.rcode)?;
        it.serialize_field("flags", &self.flags().collect::<Vec<_>>())?;
        it.serialize_field("answer", &self.answer)?;
        it.serialize_field("authority", &self.authority)?;
        it.serialize_field("additional", &self.additional)?;
        it.end()
    }
}

impl Serialize for RecordType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for RecordData {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Display for RecordType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((_, name, _)) = TYPES.iter().find(|it| it.0 == *self) {
            return f.pad(name);
        }
        let number = self.number();
        match OTHERS.iter().find(|it| it.1 == number) {
            Some((name, _)) => f.pad(name),
            None => f.pad(&format!("TYPE{number}")),
        }
    }
}

impl fmt::Display for Rcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Display for RecordData {
    /// As zone files write it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RecordData::Address(ip) => write!(f, "{ip}"),
            RecordData::Name(name) => f.write_str(name),
            RecordData::Srv {
                priority,
                weight,
                port,
                target,
            } => write!(f, "{priority} {weight} {port} {target}"),
            RecordData::Text(strings) => {
                for (idx, string) in strings.iter().enumerate() {
                    let space = if idx == 0 { "" } else { " " };
                    let escaped = string.replace('\\', "\\\\").replace('"', "\\\"");
                    write!(f, "{space}\"{escaped}\"")?;
                }
                Ok(())
            }
            RecordData::Soa {
                mname,
                rname,
                serial,
                refresh,
                retry,
                expire,
                minimum,
            } => write!(
                f,
                "{mname} {rname} {serial} {refresh} {retry} {expire} {minimum}"
            ),
            RecordData::Mx {
                preference,
                exchange,
            } => write!(f, "{preference} {exchange}"),
        }
    }
}

impl fmt::Display for Record {
    /// A line of a zone file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {} IN {} {}",
            self.name, self.ttl, self.kind, self.data
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_is_read_back_from_its_name_and_number() {
        for (kind, name, number) in TYPES {
            assert_eq!(RecordType::parse(&name.to_lowercase()), Some(kind));
            assert_eq!(RecordType::from_number(number), kind);
            assert_eq!((kind.to_string(), kind.number()), (name.into(), number));
        }
        for (name, number) in OTHERS {
            let kind = RecordType::parse(name).expect("a type with a name");
            assert_eq!((kind.to_string(), kind.number()), (name.into(), number));
        }
        assert_eq!(RecordType::parse("type65"), Some(RecordType::HTTPS));
        assert_eq!(RecordType::parse("TYPE999"), Some(RecordType::Other(999)));
        assert_eq!(RecordType::Other(999).to_string(), "TYPE999");
        assert_eq!(RecordType::parse("host"), None);
    }

    #[test]
    fn an_answer_reads_in_json_as_dig_and_zone_files_write_it() {
        let answer = Answer {
            aa: true,
            answer: vec![Record {
                name: "_http._tcp.api.default.svc.cluster.local.".into(),
                kind: RecordType::SRV,
                ttl: 30,
                data: RecordData::Srv {
                    priority: 0,
                    weight: 100,
                    port: 80,
                    target: "api.default.svc.cluster.local.".into(),
                },
            }],
            ..Answer::empty(Rcode::NoError)
        };
        assert_eq!(
            serde_json::to_value(&answer).expect("plain data"),
            serde_json::json!({
                "rcode": "NOERROR", "flags": ["aa"],
                "answer": [{
                    "name": "_http._tcp.api.default.svc.cluster.local.", "type": "SRV", "ttl": 30,
                    "data": "0 100 80 api.default.svc.cluster.local."
                }],
                "authority": [], "additional": []
            })
        );
    }
}
