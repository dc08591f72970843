//! tcpdump: the packets that pass the interfaces of a host while it runs.
//!
//! tcpdump 4.99 as it prints to a terminal with `-n`; names are never looked up. Only what other tools send while it
//! runs can be seen, so it runs in the background: `tcpdump -c 4 & curl api; wait`.
//!
//! **Left out**: expressions beyond `host`, `net`, `src`, `dst`, `port`, `tcp`, `udp`, `icmp`, `and`, `or`, `not` and
//! parentheses; the payload; sequence numbers are relative and made up; retransmissions.

use super::site::{Seen, Site};
use super::sockets::network_of;
use crate::ip::{Cidr, IpAddr, parse_cidr_sloppy, parse_sloppy};
use crate::net::{Flow, Icmp, Packet, Protocol, Transport, UnreachableCode};
use crate::shell::Process;
use std::rc::Rc;

/// A condition on packets.
enum Filter {
    All,
    Host(Option<bool>, IpAddr),
    Net(Option<bool>, Cidr),
    Port(Option<bool>, u16),
    Protocol(&'static [Protocol]),
    Not(Box<Filter>),
    And(Box<Filter>, Box<Filter>),
    Or(Box<Filter>, Box<Filter>),
}

struct Told {
    interface: Option<String>,
    count: Option<usize>,
    hides_time: bool,
    is_quiet: bool,
    filter: Filter,
}

fn arguments(words: &[String]) -> Result<Told, String> {
    let mut told = Told {
        interface: None,
        count: None,
        hides_time: false,
        is_quiet: false,
        filter: Filter::All,
    };
    let mut expression: Vec<String> = Vec::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let Some(letters) = word.strip_prefix('-') else {
            expression.extend(
                word.replace('(', " ( ")
                    .replace(')', " ) ")
                    .split_whitespace()
                    .map(str::to_owned),
            );
            continue;
        };
        for (at, letter) in letters.char_indices() {
            match letter {
                'i' | 'c' | 's' | 'w' | 'r' | 'Q' => {
                    let rest = &letters[at + 1..];
                    let value = if rest.is_empty() {
                        words.next().cloned().unwrap_or_default()
                    } else {
                        rest.to_owned()
                    };
                    match letter {
                        'i' => told.interface = Some(value),
                        'c' => told.count = value.parse().ok().filter(|it| *it > 0),
                        _ => {}
                    }
                    break;
                }
                't' => told.hides_time = true,
                'q' => told.is_quiet = true,
                'n' | 'v' | 'e' | 'l' | 'U' | 'p' | 'A' | 'X' | 'S' => {}
                other => return Err(format!("tcpdump: invalid option -- '{other}'\n")),
            }
        }
    }
    let mut reader = Reader {
        words: &expression,
        at: 0,
        depth: 0,
    };
    if !expression.is_empty() {
        told.filter = reader.any()?;
        if reader.at < expression.len() {
            return Err("tcpdump: can't parse filter expression: syntax error\n".into());
        }
    }
    Ok(told)
}

struct Reader<'a> {
    words: &'a [String],
    at: usize,
    depth: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<&str> {
        self.words.get(self.at).map(String::as_str)
    }

    fn fault<T>() -> Result<T, String> {
        Err("tcpdump: can't parse filter expression: syntax error\n".into())
    }

    fn any(&mut self) -> Result<Filter, String> {
        let mut left = self.all()?;
        while matches!(self.peek(), Some("or" | "||")) {
            self.at += 1;
            left = Filter::Or(Box::new(left), Box::new(self.all()?));
        }
        Ok(left)
    }

    fn all(&mut self) -> Result<Filter, String> {
        let mut left = self.one()?;
        while matches!(self.peek(), Some("and" | "&&")) {
            self.at += 1;
            left = Filter::And(Box::new(left), Box::new(self.one()?));
        }
        Ok(left)
    }

    fn one(&mut self) -> Result<Filter, String> {
        self.depth += 1;
        if self.depth > 50 {
            return Self::fault();
        }
        let Some(word) = self.peek().map(str::to_owned) else {
            return Self::fault();
        };
        self.at += 1;
        let filter = match word.as_str() {
            "not" | "!" => Filter::Not(Box::new(self.one()?)),
            "(" => {
                let inner = self.any()?;
                if self.peek() != Some(")") {
                    return Self::fault();
                }
                self.at += 1;
                inner
            }
            "ip" | "ip6" | "arp" | "inbound" | "outbound" => Filter::All,
            "tcp" | "udp" | "icmp" | "icmp6" | "sctp" => {
                let protocol = protocols(&word);
                match self.peek() {
                    Some("port" | "src" | "dst") => {
                        Filter::And(Box::new(Filter::Protocol(protocol)), Box::new(self.one()?))
                    }
                    _ => Filter::Protocol(protocol),
                }
            }
            "src" | "dst" => {
                let is_source = Some(word == "src");
                match self.peek() {
                    Some("host" | "port" | "net") => {
                        let noun = self.words[self.at].clone();
                        self.at += 1;
                        self.noun(&noun, is_source)?
                    }
                    _ => self.noun("host", is_source)?,
                }
            }
            "host" | "port" | "net" => self.noun(&word, None)?,
            _ => return Self::fault(),
        };
        self.depth -= 1;
        Ok(filter)
    }

    fn noun(&mut self, noun: &str, is_source: Option<bool>) -> Result<Filter, String> {
        let Some(value) = self.peek().map(str::to_owned) else {
            return Self::fault();
        };
        self.at += 1;
        let filter = match noun {
            "port" => {
                let named = match value.as_str() {
                    "domain" => Some(53),
                    "http" => Some(80),
                    "https" => Some(443),
                    it => it.parse().ok(),
                };
                named.map(|it| Filter::Port(is_source, it))
            }
            "net" => parse_cidr_sloppy(&value).map(|it| Filter::Net(is_source, it)),
            _ => parse_sloppy(&value).map(|it| Filter::Host(is_source, it)),
        };
        filter.map_or_else(Self::fault, Ok)
    }
}

fn protocols(word: &str) -> &'static [Protocol] {
    match word {
        "tcp" => &[Protocol::Tcp],
        "udp" => &[Protocol::Udp],
        "sctp" => &[Protocol::Sctp],
        "icmp" => &[Protocol::Icmp],
        _ => &[Protocol::Icmpv6],
    }
}

impl Filter {
    fn holds(&self, packet: &Packet) -> bool {
        let ends = |is_source: &Option<bool>, one: bool, other: bool| match is_source {
            None => one || other,
            Some(true) => one,
            Some(false) => other,
        };
        match self {
            Filter::All => true,
            Filter::Host(which, ip) => ends(which, packet.source == *ip, packet.destination == *ip),
            Filter::Net(which, range) => ends(
                which,
                range.contains(&packet.source),
                range.contains(&packet.destination),
            ),
            Filter::Port(which, port) => ends(
                which,
                packet.source_port() == Some(*port),
                packet.destination_port() == Some(*port),
            ),
            Filter::Protocol(protocols) => protocols.contains(&packet.protocol()),
            Filter::Not(inner) => !inner.holds(packet),
            Filter::And(one, other) => one.holds(packet) && other.holds(packet),
            Filter::Or(one, other) => one.holds(packet) || other.holds(packet),
        }
    }
}

pub(super) async fn tcpdump(process: Process, site: Rc<Site>) -> u8 {
    // The lines of the real tool in their order: what it listens on, packets, and its three sums.
    let told = match arguments(process.arguments()) {
        Ok(it) => it,
        Err(message) => {
            process.complain(&message);
            return 1;
        }
    };
    let host = network_of(process.place(), &site);
    let known: Vec<String> = site.with_network(|network| {
        let host = network.host(&host);
        host.map(|it| {
            it.routes
                .interfaces()
                .iter()
                .map(|it| it.name.to_string())
                .collect()
        })
        .unwrap_or_default()
    });
    let interface = told.interface.clone().unwrap_or_else(|| "eth0".into());
    if interface != "any" && !known.contains(&interface) {
        process.complain(&format!(
            "tcpdump: {interface}: No such device exists\n(SIOCGIFHWADDR: No such device)\n"
        ));
        return 1;
    }
    let link = if interface == "any" {
        "LINUX_SLL2 (Linux cooked v2)"
    } else {
        "EN10MB (Ethernet)"
    };
    process.complain(&format!(
        "tcpdump: verbose output suppressed, use -v[v]... for full protocol decode\nlistening on {interface}, link-type {link}, snapshot length 262144 bytes\n"
    ));
    let mut next = site.n_seen();
    let mut n_captured = 0;
    let mut sequences: Vec<(Flow, u64)> = Vec::new();
    loop {
        let until = site.clone();
        process
            .kernel()
            .wait_for(None, || (until.n_seen() > next).then_some(()))
            .await;
        while next < site.n_seen() {
            let seen = site.seen(next);
            next += 1;
            let is_here =
                |it: &Seen| it.host == host && (interface == "any" || *it.interface == *interface);
            let Some(seen) = seen.filter(|it| is_here(it) && told.filter.holds(&it.packet)) else {
                continue;
            };
            process.print(&line(
                &process,
                &told,
                &seen,
                interface == "any",
                &mut sequences,
            ));
            n_captured += 1;
            if told.count == Some(n_captured) {
                process.complain(&format!(
                    "{n_captured} packet{} captured\n{n_captured} packets received by filter\n0 packets dropped by kernel\n",
                    if n_captured == 1 { "" } else { "s" }
                ));
                return 0;
            }
        }
    }
}

/// `12:00:00.000000 IP 10.244.1.9.41000 > 10.96.0.10.80: Flags [S], seq 0, win 64240, length 0`
fn line(
    process: &Process,
    told: &Told,
    seen: &Seen,
    names_interface: bool,
    sequences: &mut Vec<(Flow, u64)>,
) -> String {
    let packet = &seen.packet;
    let stamp = process.clock().stamp_of(seen.at);
    let time = match told.hides_time {
        true => String::new(),
        false => format!(
            "{}.{:06} ",
            stamp.get(11..19).unwrap_or_default(),
            seen.at.as_millis() % 1000 * 1000
        ),
    };
    let place = match names_interface {
        true => format!(
            "{:<5} {:<3} ",
            seen.interface,
            if seen.is_out { "Out" } else { "In" }
        ),
        false => String::new(),
    };
    let end = |ip: IpAddr, port: Option<u16>| {
        port.map_or_else(|| ip.to_string(), |port| format!("{ip}.{port}"))
    };
    let source = end(packet.source, packet.source_port());
    let destination = end(packet.destination, packet.destination_port());
    let kind = if packet.source.is_ipv4() { "IP" } else { "IP6" };
    format!(
        "{time}{place}{kind} {source} > {destination}: {}\n",
        about(seen, told, sequences)
    )
}

fn about(seen: &Seen, told: &Told, sequences: &mut Vec<(Flow, u64)>) -> String {
    // A table: one arm for each protocol, as the real tool prints it.
    let (packet, n_bytes) = (&seen.packet, seen.n_bytes);
    match &packet.transport {
        Transport::Tcp { .. } if told.is_quiet => format!("tcp {n_bytes}"),
        Transport::Tcp { flags, .. } => {
            let mut letters = String::new();
            for (is_set, letter) in [
                (flags.fin, 'F'),
                (flags.syn, 'S'),
                (flags.rst, 'R'),
                (n_bytes > 0, 'P'),
                (flags.ack, '.'),
            ] {
                if is_set {
                    letters.push(letter);
                }
            }
            let sent = Flow::from_packet(packet);
            let so_far = |sequences: &[(Flow, u64)], flow: Option<Flow>| {
                flow.and_then(|flow| sequences.iter().find(|it| it.0 == flow))
                    .map_or(0, |it| it.1)
            };
            let (own, other) = (
                so_far(sequences, sent),
                so_far(sequences, sent.map(Flow::reversed)),
            );
            let length = n_bytes as u64 + u64::from(flags.syn) + u64::from(flags.fin);
            if let Some(flow) = sent.filter(|_| length > 0) {
                match sequences.iter_mut().find(|it| it.0 == flow) {
                    Some(it) => it.1 = own + length,
                    None => sequences.push((flow, length)),
                }
            }
            let sequence = match (flags.syn || flags.fin || flags.rst, n_bytes) {
                (_, n) if n > 0 => format!(" seq {own}:{},", own + n as u64),
                (true, _) => format!(" seq {own},"),
                _ => String::new(),
            };
            let acknowledged = if flags.ack {
                format!(" ack {other},")
            } else {
                String::new()
            };
            let window = if flags.rst {
                0
            } else if flags.syn {
                64_240
            } else {
                502
            };
            let options = if flags.syn {
                " options [mss 1460,sackOK,TS val 1 ecr 0,nop,wscale 7],"
            } else {
                ""
            };
            format!(
                "Flags [{letters}],{sequence}{acknowledged} win {window},{options} length {n_bytes}"
            )
        }
        Transport::Udp { .. } => format!("UDP, length {n_bytes}"),
        Transport::Sctp { .. } => "sctp (1) [INIT]".into(),
        Transport::Icmp(icmp) => {
            let name = if packet.source.is_ipv4() {
                "ICMP"
            } else {
                "ICMP6,"
            };
            match icmp {
                Icmp::EchoRequest { id } => {
                    format!("{name} echo request, id {id}, seq 1, length 64")
                }
                Icmp::EchoReply { id } => format!("{name} echo reply, id {id}, seq 1, length 64"),
                Icmp::Unreachable { code, about } => {
                    let protocol = about.protocol().to_string().to_lowercase();
                    let what = match (code, about.destination_port()) {
                        (UnreachableCode::Port, Some(port)) => {
                            format!("{} {protocol} port {port} unreachable", about.destination)
                        }
                        (UnreachableCode::Host, _) => {
                            format!("host {} unreachable", about.destination)
                        }
                        (UnreachableCode::AdminProhibited, _) => format!(
                            "host {} unreachable - admin prohibited filter",
                            about.destination
                        ),
                        _ => format!("net {} unreachable", about.destination),
                    };
                    format!("{name} {what}, length 68")
                }
                Icmp::TimeExceeded { .. } => format!("{name} time exceeded in-transit, length 68"),
            }
        }
    }
}
