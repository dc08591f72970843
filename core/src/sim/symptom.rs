//! What the tools people use print for a walk's ending, and what they exit with.
//!
//! curl 7.88.1, ping of iputils 20221126, nc of OpenBSD (Debian's netcat-openbsd 1.219), dig and nslookup of BIND 9.18, each
//! without options but the host and port. A connection attempt that nobody answers ends when Linux gives up:
//! `tcp_syn_retries` 6 and `tcp_syn_linear_timeouts` 4 make 134 seconds. Where a neighbour does not answer ARP, Linux
//! waits for three questions. A program that hangs keeps curl waiting for ever: what is shown then is what `--max-time 10`
//! makes it print.
//!
//! **Left out**: progress, colours, and the help curl prints behind a certificate's error; other versions' words
//! (curl says "Connection refused" up to 7.87 and "Could not connect to server" from 8.9).

use super::outcome::{Verdict, Why};
use super::request::Destination;
use super::travel::{Leg, Step};
use super::walk::Walk;
use crate::ip::IpAddr;
use crate::net::{Icmp, Protocol, Transport, UnreachableCode};
use serde::Serialize;

/// How long Linux tries to connect when nobody answers.
const GIVES_UP_MS: u32 = 134_000;

/// What `--max-time` says where curl would wait for ever.
const MAX_TIME_MS: u32 = 10_000;

/// How long it waits for a neighbour to answer ARP.
const NO_NEIGHBOUR_MS: u32 = 3068;

/// A tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Tool {
    /// `curl -sS URL`
    Curl,
    /// `nc -v HOST PORT`
    Nc,
    /// `ping -c 1 HOST`
    Ping,
    /// `dig @SERVER NAME`
    Dig,
    /// `nslookup NAME`
    Nslookup,
}

/// What a tool prints, and what it exits with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Symptom {
    /// The tool.
    pub tool: Tool,
    /// What it prints.
    pub text: String,
    /// What it exits with.
    pub exit_code: i32,
}

/// Whether a connection was being opened when it failed, or had been open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Its first packet.
    Connecting,
    /// A later one.
    Open,
}

/// What a client heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard<'a> {
    /// Whom it asked.
    pub to: &'a Destination,
    /// What it came to.
    pub verdict: Verdict,
    /// Why.
    pub reason: Option<&'a Why>,
    /// When.
    pub stage: Stage,
    /// Who told of it by ICMP, and what; none if nobody did.
    pub told: Option<(IpAddr, &'static str)>,
    /// What the resolver said, where there is no address.
    pub nameless: Option<&'a str>,
    /// The HTTP answer, where there is one.
    pub status: Option<u16>,
    /// The server outside that answers, where the packet left for one.
    pub outside_server: Option<&'a str>,
}

/// What the tools that fit a walk print; the one most people would use comes first.
#[must_use]
pub fn symptoms(walk: &Walk) -> Vec<Symptom> {
    let heard = Heard::of(walk, Stage::Connecting);
    tools(&walk.request.to)
        .iter()
        .filter_map(|it| symptom(*it, &heard))
        .collect()
}

/// Writes into a walk's ending what its client's tool prints.
pub(super) fn told_by(walk: &mut Walk, stage: Stage) {
    let heard = Heard::of(walk, stage);
    let tool = tools(&walk.request.to).first();
    let told = tool.and_then(|it| symptom(*it, &heard));
    let (text, exit_code) = told.map(|it| (it.text, it.exit_code)).unzip();
    walk.ending.symptom = text;
    walk.ending.exit_code = exit_code;
}

/// The tools one would use for a destination.
#[must_use]
pub const fn tools(to: &Destination) -> &'static [Tool] {
    match (to.protocol, to.port) {
        (Protocol::Tcp, _) => &[Tool::Curl, Tool::Nc],
        (Protocol::Icmp | Protocol::Icmpv6, _) => &[Tool::Ping],
        (Protocol::Udp, Some(53)) => &[Tool::Dig, Tool::Nslookup],
        (Protocol::Udp | Protocol::Sctp, _) => &[],
    }
}

/// What one tool prints; nothing if all is well, or if it says nothing.
#[must_use]
pub fn symptom(tool: Tool, heard: &Heard<'_>) -> Option<Symptom> {
    let is_served = heard.verdict == Verdict::Forwarded && heard.outside_server.is_some();
    if is_served && (tool != Tool::Curl || heard.reason.is_none()) {
        return None;
    }
    let (text, exit_code) = match tool {
        Tool::Curl => curl(heard)?,
        Tool::Nc => nc(heard)?,
        Tool::Ping => ping(heard)?,
        Tool::Dig => dig(heard)?,
        Tool::Nslookup => nslookup(heard)?,
    };
    Some(Symptom {
        tool,
        text,
        exit_code,
    })
}

impl<'a> Heard<'a> {
    /// What the client of a walk heard.
    #[must_use]
    pub fn of(walk: &'a Walk, stage: Stage) -> Heard<'a> {
        Heard {
            to: &walk.request.to,
            verdict: walk.ending.verdict,
            reason: walk.ending.reason.as_ref(),
            stage,
            told: walk.steps.last().and_then(told),
            nameless: walk.lookup.as_ref().and_then(|it| it.failure.as_deref()),
            status: walk.onward.as_ref().map(|it| it.status),
            outside_server: walk.outside_server.as_deref(),
        }
    }
}

/// The ICMP error a walk ends with, in ping's words.
fn told(last: &Step) -> Option<(IpAddr, &'static str)> {
    match &last.after.transport {
        Transport::Icmp(it) if last.leg == Leg::Reply => Some((last.after.source, ping_words(it)?)),
        _ => None,
    }
}

fn curl(heard: &Heard<'_>) -> Option<(String, i32)> {
    let name = &heard.to.name;
    let port = heard.to.port.unwrap_or_default();
    let failed = |code: i32, after_ms: u32| {
        let text = format!(
            "curl: ({code}) Failed to connect to {name} port {port} after {after_ms} ms: Couldn't connect to server"
        );
        Some((text, code))
    };
    match (heard.reason, heard.status) {
        (Some(Why::WrongCertificate), _) => {
            let text = format!(
                "curl: (60) SSL: no alternative certificate subject name matches target host name '{name}'"
            );
            return Some((text, 60));
        }
        (Some(Why::ProgramHangs), _) if heard.verdict == Verdict::Delivered => {
            let after_ms = MAX_TIME_MS + 1;
            let text = format!(
                "curl: (28) Operation timed out after {after_ms} milliseconds with 0 bytes received"
            );
            return Some((text, 28));
        }
        (Some(Why::ProgramFails), _) => return Some((format!("HTTP/1.1 500 {}", phrase(500)), 0)),
        (Some(Why::WrongHost), _) => return Some(("HTTP/1.1 404 Not Found".into(), 0)),
        (_, Some(status)) if status != 200 => {
            return Some((format!("HTTP/1.1 {status} {}", phrase(status)), 0));
        }
        _ => {}
    }
    match (heard.verdict, heard.stage) {
        (Verdict::Delivered, _) => None,
        (Verdict::NoSuchHost, _) => Some((format!("curl: (6) Could not resolve host: {name}"), 6)),
        (Verdict::Refused, Stage::Open) => Some((
            "curl: (56) Recv failure: Connection reset by peer".into(),
            56,
        )),
        (Verdict::Unreachable, Stage::Open) => {
            Some(("curl: (56) Recv failure: No route to host".into(), 56))
        }
        // Without `--max-time` it waits for as long as the server's side stays silent.
        (Verdict::Dropped | Verdict::Forwarded, Stage::Open) => None,
        (Verdict::Refused, Stage::Connecting) => failed(7, 1),
        (Verdict::Unreachable, Stage::Connecting) => failed(
            7,
            if heard.reason == Some(&Why::NobodyThere) {
                NO_NEIGHBOUR_MS
            } else {
                1
            },
        ),
        (Verdict::Dropped | Verdict::Forwarded, Stage::Connecting) => failed(28, GIVES_UP_MS),
    }
}

/// The words behind an HTTP status.
fn phrase(status: u16) -> &'static str {
    match status {
        404 => "Not Found",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Temporarily Unavailable",
        504 => "Gateway Time-out",
        _ => "",
    }
}

fn nc(heard: &Heard<'_>) -> Option<(String, i32)> {
    let name = &heard.to.name;
    let port = heard.to.port.unwrap_or_default();
    let failed = |what: &str| {
        let text = format!("nc: connect to {name} port {port} (tcp) failed: {what}");
        Some((text, 1))
    };
    match heard.verdict {
        Verdict::Delivered => None,
        Verdict::NoSuchHost => {
            let said = heard.nameless.unwrap_or("Name or service not known");
            let text = format!("nc: getaddrinfo for host \"{name}\" port {port}: {said}");
            Some((text, 1))
        }
        Verdict::Refused => failed("Connection refused"),
        Verdict::Unreachable if heard.reason == Some(&Why::NoRoute) && heard.told.is_none() => {
            failed("Network is unreachable")
        }
        Verdict::Unreachable => failed("No route to host"),
        Verdict::Dropped | Verdict::Forwarded => failed("Connection timed out"),
    }
}

fn ping(heard: &Heard<'_>) -> Option<(String, i32)> {
    let lost = "1 packets transmitted, 0 received, 100% packet loss, time 0ms";
    match heard.verdict {
        Verdict::Delivered => None,
        Verdict::NoSuchHost => {
            let said = heard.nameless.unwrap_or("Name or service not known");
            Some((format!("ping: {}: {said}", heard.to.name), 2))
        }
        Verdict::Dropped | Verdict::Forwarded => Some((lost.into(), 1)),
        Verdict::Refused | Verdict::Unreachable => match heard.told {
            None => Some(("ping: connect: Network is unreachable".into(), 2)),
            Some((sender, what)) => {
                let text = format!(
                    "From {sender} icmp_seq=1 {what}\n1 packets transmitted, 0 received, +1 errors, 100% packet loss, time 0ms"
                );
                Some((text, 1))
            }
        },
    }
}

/// How ping tells an ICMP error (iputils, `pr_icmph`); nothing for what is no error.
#[must_use]
pub const fn ping_words(error: &Icmp) -> Option<&'static str> {
    Some(match error {
        Icmp::Unreachable { code, .. } => unreachable_words(*code),
        Icmp::TimeExceeded { .. } => "Time to live exceeded",
        Icmp::EchoRequest { .. } | Icmp::EchoReply { .. } => return None,
    })
}

const fn unreachable_words(code: UnreachableCode) -> &'static str {
    match code {
        UnreachableCode::Net => "Destination Net Unreachable",
        UnreachableCode::Host => "Destination Host Unreachable",
        UnreachableCode::Port => "Destination Port Unreachable",
        UnreachableCode::Protocol => "Destination Protocol Unreachable",
        UnreachableCode::NetProhibited => "Destination Net Prohibited",
        UnreachableCode::HostProhibited => "Destination Host Prohibited",
        UnreachableCode::AdminProhibited => "Packet filtered",
        UnreachableCode::PolicyFail => "Destination unreachable: Unknown code 5",
        UnreachableCode::RejectRoute => "Destination unreachable: Unknown code 6",
    }
}

fn dig(heard: &Heard<'_>) -> Option<(String, i32)> {
    let server = format!("{}#{}", heard.to.name, heard.to.port.unwrap_or(53));
    let failed = |what: &str| {
        let text =
            format!(";; communications error to {server}: {what}\n;; no servers could be reached");
        Some((text, 9))
    };
    match heard.verdict {
        Verdict::Delivered => None,
        Verdict::NoSuchHost => Some((
            format!(
                "dig: couldn't get address for '{}': not found",
                heard.to.name
            ),
            10,
        )),
        Verdict::Refused => failed("connection refused"),
        Verdict::Unreachable => failed("host unreachable"),
        Verdict::Dropped | Verdict::Forwarded => failed("timed out"),
    }
}

fn nslookup(heard: &Heard<'_>) -> Option<(String, i32)> {
    match heard.verdict {
        Verdict::Delivered => None,
        _ => Some((
            ";; connection timed out; no servers could be reached".into(),
            1,
        )),
    }
}

/// What nslookup prints for a name that was looked up; nothing if it has an address.
#[must_use]
pub fn nslookup_of(walk: &Walk) -> Option<Symptom> {
    if walk.ending.verdict != Verdict::NoSuchHost {
        return None;
    }
    let text = match &walk.ending.reason {
        Some(Why::NameServerSilent) => {
            ";; connection timed out; no servers could be reached".into()
        }
        _ => format!(
            "** server can't find {}: NXDOMAIN",
            walk.request.to.name.trim_end_matches('.')
        ),
    };
    Some(Symptom {
        tool: Tool::Nslookup,
        text,
        exit_code: 1,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(to: &Destination, verdict: Verdict) -> Heard<'_> {
        Heard {
            to,
            verdict,
            reason: None,
            stage: Stage::Connecting,
            told: None,
            nameless: None,
            status: None,
            outside_server: None,
        }
    }

    fn to(text: &str, protocol: Protocol) -> Destination {
        Destination::parse(text, protocol).expect("a destination")
    }

    /// What a tool prints for each verdict, as it was seen to print it.
    #[test]
    fn every_tool_tells_every_ending_in_its_own_words() {
        let web = to("http://api", Protocol::Tcp);
        let rows: &[(Tool, Verdict, &str, i32)] = &[
            (
                Tool::Curl,
                Verdict::Refused,
                "curl: (7) Failed to connect to api port 80 after 1 ms: Couldn't connect to server",
                7,
            ),
            (
                Tool::Curl,
                Verdict::Dropped,
                "curl: (28) Failed to connect to api port 80 after 134000 ms: Couldn't connect to server",
                28,
            ),
            (
                Tool::Curl,
                Verdict::NoSuchHost,
                "curl: (6) Could not resolve host: api",
                6,
            ),
            (
                Tool::Nc,
                Verdict::Refused,
                "nc: connect to api port 80 (tcp) failed: Connection refused",
                1,
            ),
            (
                Tool::Nc,
                Verdict::Dropped,
                "nc: connect to api port 80 (tcp) failed: Connection timed out",
                1,
            ),
            (
                Tool::Nc,
                Verdict::Unreachable,
                "nc: connect to api port 80 (tcp) failed: No route to host",
                1,
            ),
            (
                Tool::Nc,
                Verdict::NoSuchHost,
                "nc: getaddrinfo for host \"api\" port 80: Name or service not known",
                1,
            ),
            (
                Tool::Ping,
                Verdict::Dropped,
                "1 packets transmitted, 0 received, 100% packet loss, time 0ms",
                1,
            ),
            (
                Tool::Dig,
                Verdict::Dropped,
                ";; communications error to api#80: timed out\n;; no servers could be reached",
                9,
            ),
            (
                Tool::Nslookup,
                Verdict::Refused,
                ";; connection timed out; no servers could be reached",
                1,
            ),
        ];
        for (tool, verdict, text, exit_code) in rows {
            let told = symptom(*tool, &heard(&web, *verdict)).expect("it fails");
            assert_eq!((told.text.as_str(), told.exit_code), (*text, *exit_code));
            assert_eq!(symptom(*tool, &heard(&web, Verdict::Delivered)), None);
        }
    }

    #[test]
    fn an_open_connection_fails_in_other_words_than_a_new_one() {
        let web = to("http://api", Protocol::Tcp);
        let reset = Heard {
            stage: Stage::Open,
            ..heard(&web, Verdict::Refused)
        };
        let told = symptom(Tool::Curl, &reset).expect("it fails");
        assert_eq!(
            (told.text.as_str(), told.exit_code),
            ("curl: (56) Recv failure: Connection reset by peer", 56)
        );
    }

    #[test]
    fn ping_says_who_refused() {
        let vip = to("10.96.0.10", Protocol::Icmp);
        let refused = Heard {
            told: Some(([172, 18, 0, 3].into(), "Destination Port Unreachable")),
            ..heard(&vip, Verdict::Refused)
        };
        let told = symptom(Tool::Ping, &refused).expect("it fails");
        assert!(
            told.text
                .starts_with("From 172.18.0.3 icmp_seq=1 Destination Port Unreachable\n"),
            "{}",
            told.text
        );
    }

    #[test]
    fn a_certificate_for_another_name_is_curls_60() {
        let tls = to("https://db", Protocol::Tcp);
        let wrong = Heard {
            reason: Some(&Why::WrongCertificate),
            ..heard(&tls, Verdict::Forwarded)
        };
        let told = symptom(Tool::Curl, &wrong).expect("it fails");
        assert_eq!(
            (told.text.as_str(), told.exit_code),
            (
                "curl: (60) SSL: no alternative certificate subject name matches target host name 'db'",
                60
            )
        );
    }
}
