//! An answer as `dig` prints it.
//!
//! BIND 9.18 `bin/dig` and `lib/dns/masterdump.c`: the sections, and columns at 24, 32, 40 and 48.
//!
//! **Left out**: everything that differs from run to run: the id is 0, and neither the time a
//! query took nor the date is printed.

use super::message::{Answer, Question, Record, Transport};
use super::wire::message;
use crate::ip::IpAddr;
use std::fmt::Write;

/// Where time, class, type and data begin.
const COLUMNS: [usize; 4] = [24, 32, 40, 48];

const TAB: usize = 8;

/// An answer that came over this transport from this server. It should have been made to fit.
#[must_use]
pub fn dig_text(
    question: &Question,
    answer: &Answer,
    transport: Transport,
    server: Option<IpAddr>,
) -> String {
    let edns = match transport {
        Transport::Udp { edns } => edns,
        Transport::Tcp => None,
    };
    let mut out = header(answer, edns);
    out.push_str(";; QUESTION SECTION:\n;");
    let mut line = Columns::default();
    line.word(0, &question.name);
    line.word(COLUMNS[1], "IN");
    line.word(COLUMNS[2], &question.kind.to_string());
    out.push_str(&line.text);
    out.push('\n');
    for (name, records) in [
        ("ANSWER", &answer.answer),
        ("AUTHORITY", &answer.authority),
        ("ADDITIONAL", &answer.additional),
    ] {
        if !records.is_empty() {
            // Writing to a String cannot fail.
            let _ = writeln!(out, "\n;; {name} SECTION:");
            for it in records {
                let _ = writeln!(out, "{}", record_line(it));
            }
        }
    }
    out.push('\n');
    if let Some(ip) = server {
        let over = match transport {
            Transport::Tcp => "TCP",
            Transport::Udp { .. } => "UDP",
        };
        let _ = writeln!(out, ";; SERVER: {ip}#53({ip}) ({over})");
    }
    let size = message(question, answer, transport, 0).len();
    let _ = writeln!(out, ";; MSG SIZE  rcvd: {size}");
    out
}

fn header(answer: &Answer, edns: Option<u16>) -> String {
    let mut flags = vec!["qr"];
    flags.extend(answer.flags().filter(|it| *it != "ra"));
    flags.push("rd");
    flags.extend(answer.flags().filter(|it| *it == "ra"));
    let n_additional = answer.additional.len() + usize::from(edns.is_some());
    let mut out = format!(
        ";; Got answer:\n;; ->>HEADER<<- opcode: QUERY, status: {}, id: 0\n;; flags: {}; QUERY: 1, \
         ANSWER: {}, AUTHORITY: {}, ADDITIONAL: {n_additional}\n",
        answer.rcode,
        flags.join(" "),
        answer.answer.len(),
        answer.authority.len(),
    );
    if !answer.ra {
        out.push_str(";; WARNING: recursion requested but not available\n");
    }
    out.push('\n');
    if let Some(size) = edns {
        let _ = writeln!(
            out,
            ";; OPT PSEUDOSECTION:\n; EDNS: version: 0, flags:; udp: {size}"
        );
    }
    out
}

fn record_line(record: &Record) -> String {
    let mut line = Columns::default();
    line.word(0, &record.name);
    line.word(COLUMNS[0], &record.ttl.to_string());
    line.word(COLUMNS[1], "IN");
    line.word(COLUMNS[2], &record.kind.to_string());
    line.word(COLUMNS[3], &record.data.to_string());
    line.text
}

/// A line whose words stand in columns, as far as they fit.
#[derive(Default)]
struct Columns {
    text: String,
    width: usize,
}

impl Columns {
    fn word(&mut self, column: usize, word: &str) {
        if column > 0 {
            let column = column.max(self.width + 1);
            let n_tabs = (column / TAB).saturating_sub(self.width / TAB);
            if n_tabs > 0 {
                self.text.push_str(&"\t".repeat(n_tabs));
                self.width = column / TAB * TAB;
            }
            self.text.push_str(&" ".repeat(column - self.width));
            self.width = column;
        }
        self.text.push_str(word);
        self.width += word.chars().count();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::{Rcode, RecordType};

    #[test]
    fn an_answer_reads_as_dig_prints_it() {
        let question = Question::new("example.com", RecordType::A);
        let ip = "192.0.2.1".parse().expect("an address");
        let answer = Answer {
            ra: true,
            answer: vec![
                Record::address("example.com.", 30, ip),
                Record::address("kubernetes.default.svc.cluster.local.", 5, ip),
            ],
            ..Answer::empty(Rcode::NoError)
        };
        let udp = Transport::Udp { edns: Some(1232) };
        let expected = "\
;; Got answer:
;; ->>HEADER<<- opcode: QUERY, status: NOERROR, id: 0
;; flags: qr rd ra; QUERY: 1, ANSWER: 2, AUTHORITY: 0, ADDITIONAL: 1

;; OPT PSEUDOSECTION:
; EDNS: version: 0, flags:; udp: 1232
;; QUESTION SECTION:
;example.com.\t\t\tIN\tA

;; ANSWER SECTION:
example.com.\t\t30\tIN\tA\t192.0.2.1
kubernetes.default.svc.cluster.local. 5\tIN A\t192.0.2.1

;; SERVER: 10.96.0.10#53(10.96.0.10) (UDP)
;; MSG SIZE  rcvd: 119
";
        let server = "10.96.0.10".parse().ok();
        assert_eq!(dig_text(&question, &answer, udp, server), expected);
    }
}
