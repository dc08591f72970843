//! The hosts plugin: names written into the Corefile itself.
//!
//! CoreDNS 1.14.7 `plugin/hosts`, with the entries that stand in its block.
//!
//! **Left out**: files, which are the node's.

use super::kubernetes::{Around, falls_through};
use super::message::{Answer, Question, Rcode, Record, RecordType, fully_qualified};
use super::name::{address_of, longest_zone};
use crate::ip::IpAddr;

/// The settings of the plugin, as a Corefile gives them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hosts {
    /// The zones it answers for.
    pub(super) zones: Vec<String>,
    /// The lifetime of records, in seconds.
    pub(super) ttl: u32,
    /// Whether addresses have names too.
    pub(super) reverse: bool,
    /// Which names, where they are not written here, are left to the next plugin.
    pub(super) fallthrough: Option<Vec<String>>,
    /// Names and addresses.
    pub(super) entries: Vec<(String, IpAddr)>,
}

impl Hosts {
    /// Adds a line of the block. False if it does not begin with an address.
    pub(super) fn add(&mut self, address: &str, names: &[String]) -> bool {
        let Ok(ip) = address.parse() else {
            return false;
        };
        for name in names {
            let name = fully_qualified(&name.to_ascii_lowercase());
            self.entries.push((name, ip));
        }
        true
    }

    pub(super) fn serve(&self, question: &Question, around: &mut dyn Around) -> Answer {
        let name = question.name.to_ascii_lowercase();
        let is_reverse = question.kind == RecordType::PTR;
        if !is_reverse && longest_zone(&self.zones, &name).is_none() {
            return around.next(question);
        }
        let mut answer = Answer::empty(Rcode::NoError);
        answer.aa = true;
        if is_reverse {
            let ip = address_of(&name).filter(|_| self.reverse);
            let named = self.entries.iter().filter(|it| Some(it.1) == ip);
            let records = named.map(|it| {
                let target = it.0.clone();
                Record::name(&name, RecordType::PTR, self.ttl, target)
            });
            answer.answer = records.collect();
            if answer.answer.is_empty() {
                return around.next(question);
            }
            return answer;
        }
        let of_name = self.entries.iter().filter(|it| it.0 == name);
        let ips: Vec<IpAddr> = of_name.map(|it| it.1).collect();
        if ips.is_empty() {
            if falls_through(self.fallthrough.as_deref(), &name) {
                return around.next(question);
            }
            // There is no zone whose denial could be given.
            return Answer::empty(Rcode::ServFail);
        }
        for ip in ips {
            let record = Record::address(&name, self.ttl, ip);
            if record.kind == question.kind && !answer.answer.contains(&record) {
                answer.answer.push(record);
            }
        }
        answer
    }
}
