//! The world outside the cluster: a zone file, and what a recursive resolver makes of it.
//!
//! RFC 1035 section 5 for the file: `$ORIGIN`, `$TTL`, `@`, relative names, a blank owner, brackets
//! over several lines, comments, lifetimes as `1h30m`. All forwarders of a cluster know this one
//! zone; a name that is not in it does not exist.
//!
//! **Left out**: `$INCLUDE` and `$GENERATE`, classes other than IN, types beside those named in the
//! message for an unknown one, forwarding to particular servers, delays and failures.

use super::message::{Answer, Question, Rcode, Record, RecordData, RecordType};
use super::name::{labels, zone_of};
use crate::api::Complaint;
use crate::yaml::Position;

/// All records outside the cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outside {
    records: Vec<Record>,
}

/// The ConfigMap that holds the zone, as complaints call it.
/// What complaints about the zone call it where nobody knows in which file it stands.
pub const FILE: &str = "ConfigMap kube-system/outside, zone";

/// How many CNAMEs a resolver follows.
const MAX_CHAIN: usize = 16;

/// The lifetime of a record of a zone that says none.
const DEFAULT_TTL: u32 = 3600;

impl Outside {
    /// Reads a zone file. A line that cannot be read is complained about and left out.
    #[must_use]
    pub fn parse(text: &str) -> (Self, Vec<Complaint>) {
        let mut reader = Reader {
            origin: ".".into(),
            ttl: None,
            owner: None,
            records: Vec::new(),
        };
        let mut complaints = Vec::new();
        for entry in entries(text) {
            let line = entry.line;
            let result = match entry.words {
                Ok(words) => reader.entry(&words, entry.is_indented),
                Err(message) => Err(message),
            };
            if let Err(message) = result {
                let position = Position { line, column: 1 };
                complaints.push(Complaint::error(message).at(FILE, position));
            }
        }
        let records = reader.records;
        (Outside { records }, complaints)
    }

    /// What a recursive resolver answers.
    #[must_use]
    pub fn answer(&self, question: &Question) -> Answer {
        let mut answer = Answer::empty(Rcode::NoError);
        answer.ra = true;
        let mut name = question.name.clone();
        for _ in 0..MAX_CHAIN {
            let owned = self.owned_by(&name);
            let of_kind = owned
                .iter()
                .filter(|it| question.kind == RecordType::ANY || it.kind == question.kind);
            let n_before = answer.answer.len();
            answer.answer.extend(of_kind.cloned());
            if answer.answer.len() > n_before {
                return answer;
            }
            let alias = owned.iter().find(|it| it.kind == RecordType::CNAME);
            let Some(alias) = alias else {
                if owned.is_empty() && !self.has_names_below(&name) {
                    answer.rcode = Rcode::NxDomain;
                }
                answer.authority.extend(self.soa(&name));
                return answer;
            };
            answer.answer.push(alias.clone());
            let RecordData::Name(target) = &alias.data else {
                return answer;
            };
            name = target.clone();
        }
        // A chain without an end.
        Answer {
            ra: true,
            ..Answer::empty(Rcode::ServFail)
        }
    }

    /// The records of a name: its own, or those of the nearest `*` above it.
    fn owned_by(&self, name: &str) -> Vec<Record> {
        let own = |of: &str| -> Vec<Record> {
            let records = self.records.iter();
            records
                .filter(|it| it.name.eq_ignore_ascii_case(of))
                .map(|it| Record {
                    name: name.to_owned(),
                    ..it.clone()
                })
                .collect()
        };
        let records = own(name);
        if !records.is_empty() || self.has_names_below(name) {
            return records;
        }
        let labels = labels(name);
        for idx in 1..labels.len() {
            let above = format!("{}.", labels[idx..].join("."));
            let records = own(&format!("*.{above}"));
            if !records.is_empty() || !own(&above).is_empty() || self.has_names_below(&above) {
                return records;
            }
        }
        Vec::new()
    }

    fn has_names_below(&self, name: &str) -> bool {
        self.records
            .iter()
            .any(|it| it.name.len() > name.len() && zone_of(&it.name, name).is_some())
    }

    /// The start of the zone a name is in, living as long as its denials.
    fn soa(&self, name: &str) -> Option<Record> {
        let zones = self.records.iter().filter(|it| it.kind == RecordType::SOA);
        let zone = zones
            .filter(|it| zone_of(name, &it.name).is_some())
            .max_by_key(|it| it.name.len())?;
        let mut record = zone.clone();
        if let RecordData::Soa { minimum, .. } = record.data {
            record.ttl = record.ttl.min(minimum);
        }
        Some(record)
    }
}

/// A line of the file, or several joined by brackets.
struct Entry {
    line: u32,
    is_indented: bool,
    words: Result<Vec<Word>, String>,
}

struct Word {
    text: String,
    is_quoted: bool,
}

/// Splits a file into entries and those into words.
fn entries(text: &str) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut depth = 0usize;
    let mut open: Option<Entry> = None;
    for (number, line) in (1u32..).zip(text.lines()) {
        let entry = open.get_or_insert_with(|| Entry {
            line: number,
            is_indented: line.starts_with([' ', '\t']),
            words: Ok(Vec::new()),
        });
        if let Ok(words) = &mut entry.words
            && let Err(message) = split(line, words, &mut depth)
        {
            entry.words = Err(message);
            depth = 0;
        }
        if depth == 0 {
            entries.extend(open.take());
        }
    }
    if let Some(mut entry) = open {
        entry.words = Err("a bracket is opened and not closed".into());
        entries.push(entry);
    }
    entries.retain(|it| it.words.as_ref().map_or(true, |it| !it.is_empty()));
    entries
}

fn split(line: &str, words: &mut Vec<Word>, depth: &mut usize) -> Result<(), String> {
    let mut rest = line.trim_start();
    while let Some(first) = rest.chars().next() {
        match first {
            ';' => return Ok(()),
            '(' => {
                *depth += 1;
                rest = &rest[1..];
            }
            ')' => {
                *depth = depth
                    .checked_sub(1)
                    .ok_or("a bracket is closed and not opened")?;
                rest = &rest[1..];
            }
            '"' => {
                let (text, after) = quoted(&rest[1..]).ok_or("a quote is opened and not closed")?;
                words.push(Word {
                    text,
                    is_quoted: true,
                });
                rest = after;
            }
            _ => {
                let mut escaped = false;
                let end = rest.find(|it: char| {
                    let ends = !escaped && (it.is_whitespace() || "();\"".contains(it));
                    escaped = it == '\\' && !escaped;
                    ends
                });
                let (word, after) = rest.split_at(end.unwrap_or(rest.len()));
                words.push(Word {
                    text: word.to_owned(),
                    is_quoted: false,
                });
                rest = after;
            }
        }
        rest = rest.trim_start();
    }
    Ok(())
}

/// What stands up to the closing quote, and what stands behind it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut out = String::new();
    let mut characters = text.char_indices();
    while let Some((at, it)) = characters.next() {
        match it {
            '"' => return Some((out, &text[at + 1..])),
            '\\' => out.push(characters.next()?.1),
            _ => out.push(it),
        }
    }
    None
}

struct Reader {
    origin: String,
    ttl: Option<u32>,
    owner: Option<String>,
    records: Vec<Record>,
}

impl Reader {
    fn entry(&mut self, words: &[Word], is_indented: bool) -> Result<(), String> {
        let texts: Vec<&str> = words.iter().map(|it| it.text.as_str()).collect();
        match texts.as_slice() {
            ["$ORIGIN", origin] => {
                self.origin = self.absolute(origin);
                return Ok(());
            }
            ["$TTL", ttl] => {
                self.ttl = Some(seconds(ttl).ok_or_else(|| format!("$TTL {ttl}: no time"))?);
                return Ok(());
            }
            [first, ..] if first.starts_with('$') => {
                return Err(format!(
                    "{first}: only $ORIGIN and $TTL, each with one value, are known"
                ));
            }
            _ => {}
        }
        let mut at = 0;
        if !is_indented {
            self.owner = Some(self.absolute(texts[0]));
            at = 1;
        }
        let owner = self.owner.clone().ok_or("the first record has no name")?;
        let mut ttl = None;
        while let Some(word) = texts.get(at) {
            if word.eq_ignore_ascii_case("IN") {
            } else if let Some(told) = seconds(word).filter(|_| ttl.is_none()) {
                ttl = Some(told);
            } else {
                break;
            }
            at += 1;
        }
        let kind = *texts.get(at).ok_or("the record has no type")?;
        let known = RecordType::parse(kind).ok_or_else(|| format!("{kind}: no type of record"))?;
        let data = self.data(known, &texts[at + 1..], &words[at + 1..])?;
        let fallback = match data {
            RecordData::Soa { minimum, .. } => minimum,
            _ => DEFAULT_TTL,
        };
        let ttl = ttl.or(self.ttl).unwrap_or(fallback);
        if known == RecordType::SOA {
            // Records below that say no time live as long as the zone says.
            self.ttl.get_or_insert(ttl);
        }
        self.records.push(Record {
            name: owner,
            kind: known,
            ttl,
            data,
        });
        Ok(())
    }

    fn data(&self, kind: RecordType, texts: &[&str], words: &[Word]) -> Result<RecordData, String> {
        Ok(match (kind, texts) {
            (RecordType::A | RecordType::AAAA, [ip]) => {
                let address = ip.parse().ok();
                let address = address.filter(|it| RecordType::of_address(*it) == kind);
                RecordData::Address(address.ok_or_else(|| format!("{ip}: no address of type {kind}"))?)
            }
            (RecordType::NS | RecordType::CNAME | RecordType::PTR, [name]) => {
                RecordData::Name(self.absolute(name))
            }
            (RecordType::MX, [preference, exchange]) => RecordData::Mx {
                preference: number(preference)?,
                exchange: self.absolute(exchange),
            },
            (RecordType::SRV, [priority, weight, port, target]) => RecordData::Srv {
                priority: number(priority)?,
                weight: number(weight)?,
                port: number(port)?,
                target: self.absolute(target),
            },
            (RecordType::TXT, [_, ..]) => {
                RecordData::Text(words.iter().map(|it| it.text.clone()).collect())
            }
            (RecordType::SOA, [mname, rname, serial, refresh, retry, expire, minimum]) => {
                let time = |it: &str| seconds(it).ok_or_else(|| format!("{it}: no time"));
                RecordData::Soa {
                    mname: self.absolute(mname),
                    rname: self.absolute(rname),
                    serial: number(serial)?,
                    refresh: time(refresh)?,
                    retry: time(retry)?,
                    expire: time(expire)?,
                    minimum: time(minimum)?,
                }
            }
            (
                RecordType::A
                | RecordType::AAAA
                | RecordType::NS
                | RecordType::CNAME
                | RecordType::PTR
                | RecordType::MX
                | RecordType::SRV
                | RecordType::TXT
                | RecordType::SOA,
                _,
            ) => return Err(format!("a record {kind} does not read like this")),
            _ => {
                return Err(format!(
                    "type {kind} is not modelled: there are A, AAAA, CNAME, TXT, MX, SRV, NS, SOA and PTR"
                ));
            }
        })
        .and_then(|it| match words.iter().any(|it| it.is_quoted) {
            true if kind != RecordType::TXT => Err(format!("a record {kind} has no quotes")),
            _ => Ok(it),
        })
    }

    fn absolute(&self, name: &str) -> String {
        match name {
            "@" => self.origin.clone(),
            _ if name.ends_with('.') => name.to_owned(),
            _ if self.origin == "." => format!("{name}."),
            _ => format!("{name}.{}", self.origin),
        }
    }
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("{text}: no number"))
}

/// A time: `3600`, `1h`, `1h30m`.
fn seconds(text: &str) -> Option<u32> {
    if !text.starts_with(|it: char| it.is_ascii_digit()) {
        return None;
    }
    let mut sum = 0u32;
    let mut number = String::new();
    for it in text.chars() {
        if it.is_ascii_digit() {
            number.push(it);
            continue;
        }
        let unit = match it.to_ascii_lowercase() {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86_400,
            'w' => 604_800,
            _ => return None,
        };
        let told: u32 = number.parse().ok()?;
        sum = sum.checked_add(told.checked_mul(unit)?)?;
        number.clear();
    }
    if number.is_empty() {
        return Some(sum);
    }
    sum.checked_add(number.parse().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ZONE: &str = r#"
$ORIGIN example.com.
$TTL 5m
@       IN SOA ns1 admin (
            2026010101 ; serial
            2h 15m 2w
            60 )       ; how long a denial holds
        NS  ns1
ns1     A   192.0.2.1
www  60 IN CNAME edge.example.net.
        ; a remark
mail    MX 10 @
        TXT "v=spf1 \"-all\"" second
_sip._tcp SRV 0 5 5060 ns1
*.apps  A 192.0.2.9
deep.down A 192.0.2.7
$ORIGIN example.net.
edge 1h AAAA 2001:db8::1
edge    A 203.0.113.77
8.8.8.8.in-addr.arpa. PTR dns.google.
"#;

    fn zone() -> Outside {
        let (zone, complaints) = Outside::parse(ZONE);
        assert_eq!(complaints, Vec::new());
        zone
    }

    fn answer(name: &str, kind: &str) -> String {
        let kind = RecordType::parse(kind).expect("a type");
        let answer = zone().answer(&Question::new(name, kind));
        let mut lines = vec![answer.rcode.to_string()];
        let records = answer.answer.iter().chain(&answer.authority);
        lines.extend(records.map(ToString::to_string));
        lines.join("; ")
    }

    #[test]
    fn a_zone_file_is_read_as_bind_reads_it() {
        let rows = [
            (
                "ns1.example.com.",
                "A",
                "NOERROR; ns1.example.com. 300 IN A 192.0.2.1",
            ),
            (
                "www.example.com.",
                "A",
                "NOERROR; www.example.com. 60 IN CNAME edge.example.net.; \
                 edge.example.net. 300 IN A 203.0.113.77",
            ),
            (
                "edge.example.net.",
                "AAAA",
                "NOERROR; edge.example.net. 3600 IN AAAA 2001:db8::1",
            ),
            (
                "mail.example.com.",
                "MX",
                "NOERROR; mail.example.com. 300 IN MX 10 example.com.",
            ),
            (
                "mail.example.com.",
                "TXT",
                r#"NOERROR; mail.example.com. 300 IN TXT "v=spf1 \"-all\"" "second""#,
            ),
            (
                "_sip._tcp.example.com.",
                "SRV",
                "NOERROR; _sip._tcp.example.com. 300 IN SRV 0 5 5060 ns1.example.com.",
            ),
            (
                "a.apps.example.com.",
                "A",
                "NOERROR; a.apps.example.com. 300 IN A 192.0.2.9",
            ),
            (
                "8.8.8.8.in-addr.arpa.",
                "PTR",
                "NOERROR; 8.8.8.8.in-addr.arpa. 300 IN PTR dns.google.",
            ),
        ];
        for (name, kind, expected) in rows {
            assert_eq!(answer(name, kind), expected);
        }
    }

    #[test]
    fn a_name_that_is_not_there_differs_from_one_that_has_nothing_of_the_type() {
        let soa = "example.com. 60 IN SOA ns1.example.com. admin.example.com. \
                   2026010101 7200 900 1209600 60";
        assert_eq!(answer("no.example.com.", "A"), format!("NXDOMAIN; {soa}"));
        assert_eq!(
            answer("ns1.example.com.", "AAAA"),
            format!("NOERROR; {soa}")
        );
        assert_eq!(answer("down.example.com.", "A"), format!("NOERROR; {soa}"));
        assert_eq!(answer("example.org.", "A"), "NXDOMAIN");
    }

    #[test]
    fn what_cannot_be_read_is_named_with_its_line() {
        let text = "a A 1.2.3\n$TTL x\nb HINFO x y\n( c\n";
        let (zone, complaints) = Outside::parse(text);
        assert_eq!(zone, Outside::default());
        let said: Vec<String> = complaints.iter().map(ToString::to_string).collect();
        assert_eq!(
            said,
            [
                "ConfigMap kube-system/outside, zone:1:1: 1.2.3: no address of type A",
                "ConfigMap kube-system/outside, zone:2:1: $TTL x: no time",
                "ConfigMap kube-system/outside, zone:3:1: type HINFO is not modelled: \
                 there are A, AAAA, CNAME, TXT, MX, SRV, NS, SOA and PTR",
                "ConfigMap kube-system/outside, zone:4:1: a bracket is opened and not closed",
            ]
        );
    }

    #[test]
    fn a_chain_without_an_end_is_a_failure() {
        let (zone, _) = Outside::parse("a CNAME b\nb CNAME a\n");
        let answer = zone.answer(&Question::new("a", RecordType::A));
        assert_eq!(answer.rcode, Rcode::ServFail);
    }
}
