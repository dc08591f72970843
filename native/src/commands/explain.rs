//! `packetwalk explain`: a packet through the rules that this machine has loaded, whoever wrote them. Nothing is changed.
//!
//! **Left out**: names, which somebody else looks up; what `node::live` leaves out.

use crate::error::Error;
use crate::kernel::Place;
use crate::node::live::{self, Live};
use crate::node::{MAX_WAYS, first_packet};
use crate::output;
use packetwalk_core::chance::{Branch, Exploration};
use packetwalk_core::ip::{IpAddr, family, parse_sloppy};
use packetwalk_core::net::{Packet, Protocol};
use packetwalk_core::sim::{Destination, Origin, Passage};
use packetwalk_core::view::{LiveStep, live_ending, live_steps, live_text, odds};
use serde_json::{Value, json};
use std::fmt::Write;

/// Walk a packet through the rules that this machine has loaded, and read each of them in English (needs root)
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Whom: an address, with a port where the protocol has them
    #[arg(long, value_name = "ADDRESS:PORT")]
    to: String,
    /// Who asks: an address; this machine itself if none is given
    #[arg(long, value_name = "ADDRESS")]
    from: Option<String>,
    /// The interface where it comes in; otherwise the one that leads to --from
    #[arg(long, value_name = "NAME")]
    interface: Option<String>,
    /// The protocol
    #[arg(long, default_value = "tcp", value_parser = ["tcp", "udp", "sctp", "icmp"])]
    protocol: String,
    /// Every way it can go in full, and not only the first
    #[arg(long)]
    all: bool,
    /// The form of the answer
    #[arg(short, long, default_value = "text", value_parser = ["text", "json"])]
    output: String,
}

const EXAMPLES: &str = "Examples:
  sudo packetwalk explain --to 10.96.0.10:53 --protocol udp
  sudo packetwalk explain --to 10.96.0.1:443 --from 10.244.1.7
  sudo packetwalk explain --to 192.0.2.10:30080 --from 203.0.113.9 --interface eth0
  sudo packetwalk explain --to 10.96.0.1:443 --all -o json

The rules of nft and of iptables are read, with the addresses and routes of this machine. Nothing is changed and nothing is sent.
A packet that is dropped is a sound answer (exit code 0).";

/// Prints what becomes of the packet.
///
/// # Errors
/// When the request is wrong, or this machine does not tell what it has loaded.
pub fn run(arguments: &Arguments) -> Result<(), Error> {
    let (address, port, protocol) = destination(arguments)?;
    let from = arguments.from.as_deref().map(source).transpose()?;
    let live = live::read(Place::Here)?;
    for it in &live.remarks {
        output::remark(&format!("packetwalk: {it}"));
    }
    let (packet, origin) = packet(arguments, &live, from, (address, port, protocol))?;
    let ways = live.host.explore(&packet, &origin, 1, MAX_WAYS);
    if !ways.complete {
        output::remark(&format!("only the first {MAX_WAYS} ways were explored"));
    }
    match arguments.output.as_str() {
        "json" => output::json(&as_json(&live, &packet, &ways)),
        _ => output::answer(&as_text(arguments, &live, &packet, &origin, &ways)),
    }
}

fn destination(arguments: &Arguments) -> Result<(IpAddr, Option<u16>, Protocol), Error> {
    let protocol = Protocol::from_name(&arguments.protocol).unwrap_or(Protocol::Tcp);
    let to = Destination::parse(&arguments.to, protocol)?;
    let address = parse_sloppy(&to.name).ok_or_else(|| {
        Error::Input(format!(
            "--to {}: this is no address, and names are not looked up here: `dig +short {}` or `kubectl get service` tells its address",
            arguments.to, to.name
        ))
    })?;
    let protocol = match (protocol, address) {
        (Protocol::Icmp, IpAddr::V6(_)) => Protocol::Icmpv6,
        (protocol, _) => protocol,
    };
    Ok((address, to.port, protocol))
}

fn source(text: &str) -> Result<IpAddr, Error> {
    parse_sloppy(text).ok_or_else(|| {
        Error::Input(format!(
            "--from {text}: this is no address; `kubectl get pods -o wide` tells those of pods"
        ))
    })
}

fn packet(
    arguments: &Arguments,
    live: &Live,
    from: Option<IpAddr>,
    (address, port, protocol): (IpAddr, Option<u16>, Protocol),
) -> Result<(Packet, Origin), Error> {
    let source = match from {
        Some(it) if family(it) != family(address) => {
            return Err(Error::Input(format!(
                "--from {it} and --to {address} are of different families"
            )));
        }
        Some(it) => it,
        None => live.source_for(address).ok_or_else(|| {
            Error::Input(format!(
                "no route of this machine leads to {address}: a program here cannot send to it at all"
            ))
        })?,
    };
    let origin = match (from, arguments.interface.as_deref()) {
        (None, None) => Origin::Made,
        (_, told) => live.origin(source, told)?,
    };
    let packet = first_packet(protocol, source, address, port.unwrap_or_default());
    Ok((packet, origin))
}

/// The steps there and back.
fn steps(live: &Live, passage: &Passage) -> Vec<LiveStep> {
    let journeys = [Some(&passage.there), passage.back.as_ref()];
    let journeys = journeys.into_iter().flatten();
    journeys
        .flat_map(|it| live_steps(live.host.ruleset(), live.dialect, it))
        .collect()
}

fn as_text(
    arguments: &Arguments,
    live: &Live,
    packet: &Packet,
    origin: &Origin,
    ways: &Exploration<Passage>,
) -> String {
    let mut text = String::new();
    let from = match origin {
        Origin::Made => "made on this machine".to_owned(),
        Origin::CameIn(interface) => format!("coming in by {interface}"),
    };
    let tables: Vec<String> = live
        .host
        .ruleset()
        .tables()
        .iter()
        .map(|it| it.key.to_string())
        .collect();
    // Writing to a String cannot fail.
    let _ = writeln!(
        text,
        "{packet}, {from}\n{} rules in the tables {}\n",
        live.host.ruleset().n_rules(),
        match tables.is_empty() {
            true => "(none)".to_owned(),
            false => tables.join(", "),
        }
    );
    let n_shown = if arguments.all {
        ways.branches.len()
    } else {
        1
    };
    for (idx, branch) in ways.branches.iter().take(n_shown).enumerate() {
        if ways.branches.len() > 1 {
            let _ = writeln!(
                text,
                "way {} of {}, {}",
                idx + 1,
                ways.branches.len(),
                odds(branch.probability)
            );
        }
        text.push_str(&live_text(&steps(live, &branch.result)));
        let (verdict, sentence) = live_ending(&branch.result.there);
        let _ = writeln!(text, "{verdict}: it {sentence}\n");
    }
    if ways.branches.len() > 1 && !arguments.all {
        let _ = writeln!(text, "all ways (--all shows each in full):");
        for branch in &ways.branches {
            let (verdict, sentence) = live_ending(&branch.result.there);
            let _ = writeln!(
                text,
                "  {}: {verdict}, {sentence}",
                odds(branch.probability)
            );
        }
    }
    text
}

fn as_json(live: &Live, packet: &Packet, ways: &Exploration<Passage>) -> Value {
    let way = |it: &Branch<Passage>| {
        let (verdict, sentence) = live_ending(&it.result.there);
        let last = it.result.there.steps.last().map(|it| &it.after);
        json!({
            "probability": it.probability,
            "verdict": verdict,
            "says": sentence,
            "source": last.map(|it| it.source),
            "destination": last.map(|it| it.destination),
            "port": last.and_then(Packet::destination_port),
            "steps": steps(live, &it.result),
        })
    };
    let ways: Vec<Value> = ways.branches.iter().map(way).collect();
    json!({ "packet": packet, "left_out": live.remarks, "ways": ways })
}
