//! nc and ping.
//!
//! OpenBSD nc 1.219 as Debian packs it, and iputils 20221126 ping. A packet takes a few tenths of a millisecond each
//! way, drawn from the seed.
//!
//! **Left out**: nc as a server or as a pipe for text; ping's flood, record-route and size of packets.

use super::attempt::{Attempt, NEIGHBOUR_MS, attempt};
use super::site::{Site, host_of};
use crate::ip::{Family, family, parse_sloppy};
use crate::net::{Protocol, Transport};
use crate::shell::Process;
use crate::sim::{Destination, Leg, Request, Source, Verdict, Walk, Why, ping_words};
use crate::time::Duration;
use std::rc::Rc;

/// Ports nc has names for.
const NAMES: [(u16, &str); 8] = [
    (22, "ssh"),
    (25, "smtp"),
    (53, "domain"),
    (80, "http"),
    (443, "https"),
    (5432, "postgresql"),
    (6379, "redis"),
    (8080, "http-alt"),
];

#[derive(Default)]
struct Nc {
    scans: bool,
    is_udp: bool,
    is_verbose: bool,
    wait: Option<Duration>,
    operands: Vec<String>,
}

fn nc_arguments(arguments: &[String]) -> Result<Nc, String> {
    let mut told = Nc::default();
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        let Some(letters) = word.strip_prefix('-').filter(|it| !it.is_empty()) else {
            told.operands.push(word.clone());
            continue;
        };
        for (at, letter) in letters.char_indices() {
            match letter {
                'z' => told.scans = true,
                'u' => told.is_udp = true,
                'v' => told.is_verbose = true,
                'n' | '4' | '6' | 'N' | 'k' | 't' => {}
                'w' | 'i' | 'q' | 'p' | 's' => {
                    let rest = &letters[at + 1..];
                    let value = if rest.is_empty() {
                        words.next().cloned()
                    } else {
                        Some(rest.to_owned())
                    };
                    if letter == 'w' {
                        let secs = value.and_then(|it| it.parse::<u64>().ok());
                        told.wait = secs.map(|it| Duration::from_secs(it.min(100_000)));
                    }
                    break;
                }
                'l' => {
                    return Err(
                        "nc: listening is not modelled: pods listen on their containerPorts\n"
                            .into(),
                    );
                }
                other => {
                    return Err(format!(
                        "nc: invalid option -- '{other}'\nusage: nc [-46CDdFhklNnrStUuvZz] [destination] [port]\n"
                    ));
                }
            }
        }
    }
    Ok(told)
}

pub(super) async fn nc(process: Process, site: Rc<Site>) -> u8 {
    let told = match nc_arguments(process.arguments()) {
        Ok(it) => it,
        Err(message) => {
            process.complain(&message);
            return 1;
        }
    };
    let [host, ports] = told.operands.as_slice() else {
        process.complain("usage: nc [-46CDdFhklNnrStUuvZz] [destination] [port]\n");
        return 1;
    };
    let (first, last) = ports.split_once('-').unwrap_or((ports, ports));
    let (Ok(first), Ok(last)) = (first.parse::<u16>(), last.parse::<u16>()) else {
        process.complain(&format!("nc: port number invalid: {ports}\n"));
        return 1;
    };
    // As many ports as a person scans.
    const MAX_PORTS: u16 = 1000;
    let mut code = 1;
    for port in first..=last.min(first.saturating_add(MAX_PORTS)) {
        let protocol = if told.is_udp {
            Protocol::Udp
        } else {
            Protocol::Tcp
        };
        let attempt = match attempt(&process, &site, (host, port), protocol, None) {
            Ok(it) => it,
            Err(message) => {
                process.complain(&format!("nc: {message}\n"));
                return 1;
            }
        };
        process.sleep(attempt.lookup).await;
        if attempt.verdict == Verdict::NoSuchHost {
            process.complain(&format!(
                "nc: getaddrinfo for host \"{host}\" port {port}: Name or service not known\n"
            ));
            return 1;
        }
        if one_port(&process, &told, host, port, &attempt).await {
            code = 0;
        }
    }
    code
}

async fn one_port(process: &Process, told: &Nc, host: &str, port: u16, attempt: &Attempt) -> bool {
    let address = attempt.address.map(|it| it.to_string()).unwrap_or_default();
    let shown = if parse_sloppy(host).is_some() {
        host.to_owned()
    } else {
        format!("{host} ({address})")
    };
    let protocol = if told.is_udp { "udp" } else { "tcp" };
    let name = NAMES.iter().find(|it| it.0 == port).map_or("*", |it| it.1);
    // Over UDP only a refusal is heard: nc waits a little, then believes.
    let succeeds = match (told.is_udp, attempt.verdict) {
        (false, Verdict::Delivered) => true,
        (true, Verdict::Refused) => false,
        (is_udp, _) => is_udp,
    };
    if succeeds {
        process
            .sleep(if told.is_udp {
                Duration::from_secs(2)
            } else {
                attempt.takes
            })
            .await;
        if told.is_verbose || told.scans {
            process.complain(&format!(
                "Connection to {shown} {port} port [{protocol}/{name}] succeeded!\n"
            ));
        }
        return true;
    }
    let limit = told.wait.filter(|it| *it < attempt.takes);
    process.sleep(limit.unwrap_or(attempt.takes)).await;
    let why = match (attempt.verdict, limit) {
        (_, Some(_)) => "timed out: Operation now in progress",
        (Verdict::Refused, _) => "failed: Connection refused",
        (Verdict::Unreachable, _) => "failed: No route to host",
        _ => "failed: Connection timed out",
    };
    if told.is_verbose || limit.is_none() {
        process.complain(&format!(
            "nc: connect to {shown} port {port} ({protocol}) {why}\n"
        ));
    }
    false
}

/// What ping was told.
struct Ping {
    host: Option<String>,
    count: Option<u64>,
    interval: Duration,
    wait: Duration,
    deadline: Option<Duration>,
    is_quiet: bool,
}

/// More echoes than anybody waits for.
const MAX_ECHOES: u64 = 1000;

fn ping_arguments(arguments: &[String]) -> Result<Ping, String> {
    let mut told = Ping {
        host: None,
        count: None,
        interval: Duration::from_secs(1),
        wait: Duration::from_secs(10),
        deadline: None,
        is_quiet: false,
    };
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        let Some(letters) = word.strip_prefix('-') else {
            told.host = Some(word.clone());
            continue;
        };
        let Some(letter) = letters.chars().next() else {
            continue;
        };
        match letter {
            'c' | 'i' | 'W' | 'w' | 's' | 't' | 'I' => {
                let rest = &letters[1..];
                let value = if rest.is_empty() {
                    words.next().cloned().unwrap_or_default()
                } else {
                    rest.to_owned()
                };
                let number = value
                    .parse::<f64>()
                    .ok()
                    .filter(|it| (0.0..1e6).contains(it));
                let Some(number) = number.or((letter == 'I').then_some(0.0)) else {
                    return Err(format!("ping: invalid argument: '{value}'\n"));
                };
                let length = Duration::from_millis((number * 1000.0) as u64);
                match letter {
                    'c' => told.count = Some(number as u64),
                    'i' => told.interval = Duration::from_millis(length.as_millis().max(2)),
                    'W' => told.wait = length,
                    'w' => told.deadline = Some(length),
                    _ => {}
                }
            }
            'q' => told.is_quiet = true,
            '4' | '6' | 'n' | 'O' | 'D' | 'v' => {}
            other => {
                return Err(format!(
                    "ping: invalid option -- '{other}'\n\nUsage\n  ping [options] <destination>\n"
                ));
            }
        }
    }
    Ok(told)
}

pub(super) async fn ping(process: Process, site: Rc<Site>) -> u8 {
    // The lines of the real tool in their order: its head, an echo each, its sums.
    let told = match ping_arguments(process.arguments()) {
        Ok(it) => it,
        Err(message) => {
            process.complain(&message);
            return 2;
        }
    };
    let Some(host) = &told.host else {
        process.complain("ping: usage error: Destination address required\n");
        return 1;
    };
    let began = process.now();
    let (mut n_sent, mut n_errors, mut times) = (0_u64, 0_u64, Vec::new());
    let mut address = parse_sloppy(host);
    let most = told.count.unwrap_or(MAX_ECHOES).min(MAX_ECHOES);
    let mut answered = true;
    while n_sent < most && told.deadline.is_none_or(|it| process.now() < began + it) {
        if n_sent > 0 {
            process.sleep(told.interval).await;
        }
        let protocol = match address.map(family) {
            Some(Family::V6) => Protocol::Icmpv6,
            _ => Protocol::Icmp,
        };
        let to = Destination {
            name: address.map_or_else(|| host.clone(), |it| it.to_string()),
            port: None,
            protocol,
            url: None,
        };
        let request = Request::new(Source::Host(host_of(process.place())), to);
        let walk = match site.visit(&request) {
            Ok(it) => it,
            Err(why) => {
                process.complain(&format!("ping: {why}\n"));
                return 2;
            }
        };
        if n_sent == 0 {
            if let Some(lookup) = &walk.lookup {
                process.sleep(lookup.elapsed).await;
            }
            let Some(found) = walk.address else {
                process.complain(&format!("ping: {host}: Name or service not known\n"));
                return 2;
            };
            address = Some(found);
            process.print(&format!("PING {host} ({found}) 56(84) bytes of data.\n"));
        }
        n_sent += 1;
        let is_told_late = walk.ending.reason != Some(Why::TtlExpired) && walk.steps.len() > 1;
        if walk.ending.verdict == Verdict::Unreachable && is_told_late {
            // So long the last router looks for a neighbour.
            process.sleep(Duration::from_millis(NEIGHBOUR_MS)).await;
        }
        let micros = 80 + site.chooser().draw(400);
        let (line, is_error) = echo_line(&walk, n_sent, micros);
        answered = walk.ending.verdict == Verdict::Delivered;
        if answered {
            times.push(micros);
        }
        n_errors += u64::from(is_error);
        if !told.is_quiet {
            process.print(&line);
        }
    }
    if !answered && n_errors == 0 {
        process.sleep(told.wait).await;
    }
    let elapsed = (process.now() - began).as_millis();
    process.print(&statistics(host, n_sent, n_errors, &times, elapsed));
    u8::from(times.is_empty())
}

/// What is printed about one echo; whether an error came back.
fn echo_line(walk: &Walk, sequence: u64, micros: u64) -> (String, bool) {
    let last = walk
        .steps
        .iter()
        .rev()
        .find(|it| it.leg == Leg::Reply)
        .map(|it| &it.after);
    match (walk.ending.verdict, last) {
        (Verdict::Delivered, Some(packet)) => {
            let time = format!("{}.{:03}", micros / 1000, micros % 1000);
            (
                format!(
                    "64 bytes from {}: icmp_seq={sequence} ttl={} time={time} ms\n",
                    packet.source, packet.ttl
                ),
                false,
            )
        }
        (Verdict::Refused | Verdict::Unreachable, Some(packet)) => {
            let what = match &packet.transport {
                Transport::Icmp(it) => ping_words(it),
                _ => None,
            };
            let what = what.unwrap_or("Destination Host Unreachable");
            (
                format!("From {} icmp_seq={sequence} {what}\n", packet.source),
                true,
            )
        }
        (Verdict::Unreachable, None) => {
            let from = walk.steps.first().map(|it| it.before.source);
            match from {
                Some(it) => (
                    format!("From {it} icmp_seq={sequence} Destination Host Unreachable\n"),
                    true,
                ),
                None => ("ping: connect: Network is unreachable\n".into(), true),
            }
        }
        _ => (String::new(), false),
    }
}

fn statistics(host: &str, n_sent: u64, n_errors: u64, times: &[u64], elapsed: u64) -> String {
    let n_received = times.len() as u64;
    let loss = (n_sent - n_received) * 100 / n_sent.max(1);
    let errors = if n_errors > 0 {
        format!("+{n_errors} errors, ")
    } else {
        String::new()
    };
    let mut text = format!(
        "\n--- {host} ping statistics ---\n{n_sent} packets transmitted, {n_received} received, {errors}{loss}% packet loss, time {elapsed}ms\n"
    );
    if times.is_empty() {
        text.push('\n');
        return text;
    }
    let mean = times.iter().sum::<u64>() / n_received;
    let deviation = times
        .iter()
        .map(|it| (it.abs_diff(mean)).pow(2))
        .sum::<u64>()
        / n_received;
    let shown = |micros: u64| format!("{}.{:03}", micros / 1000, micros % 1000);
    let (min, max) = (
        times.iter().min().copied().unwrap_or(0),
        times.iter().max().copied().unwrap_or(0),
    );
    let mdev = (deviation as f64).sqrt() as u64;
    text.push_str(&format!(
        "rtt min/avg/max/mdev = {}/{}/{}/{} ms\n",
        shown(min),
        shown(mean),
        shown(max),
        shown(mdev)
    ));
    text
}
