//! host and getent: names in one line.
//!
//! BIND 9.18 `bin/dig/host.c`, glibc 2.36 `nss/getent.c`.
//!
//! **Left out**: host's `-a`, `-l`, `-v`; databases of getent other than those of hosts.

use super::names::{UDP, ask, illegal, resolve, searched, server_address, settings};
use super::site::Site;
use crate::dns::{Question, Rcode, Record, RecordData, RecordType, reverse_name};
use crate::ip::parse_sloppy;
use crate::shell::Process;
use std::rc::Rc;

pub(super) async fn host(process: Process, site: Rc<Site>) -> u8 {
    // The words of the command, then an answer's lines in the order of the real tool.
    let mut kind = None;
    let mut operands = Vec::new();
    let mut words = process.arguments().iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "-t" => kind = words.next().and_then(|it| RecordType::parse(it)),
            "-W" | "-R" | "-c" | "-N" => drop(words.next()),
            it if it.starts_with('-') => {}
            it => operands.push(it.to_owned()),
        }
    }
    let Some(name) = operands.first() else {
        process.complain("Usage: host [-t type] {hostname} [server]\n");
        return 1;
    };
    if let Some(complaint) = illegal("host", name) {
        process.complain(&complaint);
        return 1;
    }
    let settings = settings(&process, &site);
    let told = operands
        .get(1)
        .and_then(|it| server_address(&process, &site, it));
    let Some(server) = told.or(settings.nameservers.first().copied()) else {
        process.print(";; no servers could be reached\n");
        return 1;
    };
    if let Some(told) = operands.get(1) {
        process.print(&format!(
            "Using domain server:\nName: {told}\nAddress: {server}#53\nAliases: \n\n"
        ));
    }
    let address = parse_sloppy(name);
    let names = address.map_or_else(|| searched(&settings, name), |ip| vec![reverse_name(ip)]);
    let kinds: Vec<RecordType> = match (kind, address) {
        (Some(it), _) => vec![it],
        (None, Some(_)) => vec![RecordType::PTR],
        (None, None) => vec![RecordType::A, RecordType::AAAA, RecordType::MX],
    };
    let mut last = Rcode::NxDomain;
    for full in &names {
        let mut lines = String::new();
        for (idx, kind) in kinds.iter().enumerate() {
            let question = Question::new(full, *kind);
            let Ok((answer, _)) = ask(&process, &site, server, &question, UDP).await else {
                process.print(";; no servers could be reached\n");
                return 1;
            };
            last = answer.rcode;
            if last != Rcode::NoError {
                break;
            }
            // An alias is told once, with the first answer.
            let shown = answer
                .answer
                .iter()
                .filter(|it| idx == 0 || it.kind != RecordType::CNAME);
            lines.extend(shown.map(host_record));
        }
        if last != Rcode::NoError {
            continue;
        }
        if lines.is_empty() {
            if let Some(kind) = kind {
                process.print(&format!(
                    "{} has no {kind} record\n",
                    full.trim_end_matches('.')
                ));
                return 0;
            }
            continue;
        }
        process.print(&lines);
        return 0;
    }
    let shown = names
        .first()
        .filter(|_| address.is_some())
        .map_or(name.as_str(), |it| it.as_str());
    process.print(&format!(
        "Host {shown} not found: {}({last})\n",
        last.number()
    ));
    1
}

/// A record as host says it.
fn host_record(record: &Record) -> String {
    let name = record.name.trim_end_matches('.');
    match &record.data {
        RecordData::Address(ip) if ip.is_ipv4() => format!("{name} has address {ip}\n"),
        RecordData::Address(ip) => format!("{name} has IPv6 address {ip}\n"),
        RecordData::Name(target) if record.kind == RecordType::CNAME => {
            format!("{name} is an alias for {target}\n")
        }
        RecordData::Name(target) if record.kind == RecordType::PTR => {
            format!("{name} domain name pointer {target}\n")
        }
        RecordData::Name(target) => format!("{name} name server {target}\n"),
        RecordData::Srv { .. } => format!("{name} has SRV record {}\n", record.data),
        RecordData::Text(_) => format!("{name} descriptive text {}\n", record.data),
        RecordData::Mx {
            preference,
            exchange,
        } => format!("{name} mail is handled by {preference} {exchange}\n"),
        RecordData::Soa { .. } => format!("{name} has SOA record {}\n", record.data),
    }
}

/// `getent hosts NAME`, `getent ahosts NAME`: what programs of this place see.
pub(super) async fn getent(process: Process, site: Rc<Site>) -> u8 {
    let [database, names @ ..] = process.arguments() else {
        process.complain("Usage: getent [OPTION...] database [key ...]\n");
        return 1;
    };
    if !matches!(database.as_str(), "hosts" | "ahosts" | "ahostsv4") {
        process.complain(&format!("Unknown database: {database}\n"));
        return 1;
    }
    let mut code = 0;
    for name in names {
        let (found, took) = resolve(&process, &site, name);
        process.sleep(took).await;
        if found.is_empty() {
            code = 2;
        }
        for (idx, ip) in found.iter().enumerate() {
            if database == "hosts" {
                process.print(&format!("{:<15} {name}\n", ip.to_string()));
                continue;
            }
            for (kind, shown) in [
                ("STREAM", if idx == 0 { name.as_str() } else { "" }),
                ("DGRAM", ""),
                ("RAW", ""),
            ] {
                process.print(format!("{:<15} {kind:<6} {shown}", ip.to_string()).trim_end());
                process.print("\n");
            }
        }
    }
    code
}
