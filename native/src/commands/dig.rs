//! `packetwalk dig`: what cluster DNS answers, and what a pod's resolver asks it.
//!
//! **Left out**: asking anybody but cluster DNS; options for EDNS, TCP and zone transfers.

use crate::error::Error;
use crate::input::{Manifests, Settings};
use crate::output;
use packetwalk_core::chance::Chooser;
use packetwalk_core::dns::{
    Answer, Cache, Question, RecordType, Transport, Wanted, check_name, dig_text, reverse_name,
};
use packetwalk_core::ip::{Family, IpAddr, parse_sloppy};
use packetwalk_core::sim::{HostId, Lookup, LookupPacket, Source, World};
use packetwalk_core::time::Instant;
use serde_json::{Value, json};
use std::fmt::Write;

/// Ask cluster DNS, as dig does, or as a pod's resolver does
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[command(flatten)]
    manifests: Manifests,
    #[command(flatten)]
    settings: Settings,
    /// Who asks: pod/NAME or pod/NAMESPACE/NAME
    #[arg(long, value_name = "POD")]
    from: Option<String>,
    /// Every packet that the pod's resolver (glibc's) sends until it has an address: along the search list, A and AAAA
    #[arg(long)]
    search: bool,
    /// What is asked for; an address is asked for by its reverse name
    name: String,
    /// The type of record: A, AAAA, SRV, PTR, CNAME, TXT, NS, SOA, MX, ANY, …
    #[arg(value_name = "TYPE", value_parser = kind)]
    kind: Option<RecordType>,
    /// The form of the answer
    #[arg(short, long, default_value = "text", value_parser = ["text", "json"])]
    output: String,
}

const EXAMPLES: &str = "Examples:
  packetwalk dig -f static/manifests/clusterip.yaml api.default.svc.cluster.local
  packetwalk dig -f static/manifests/clusterip.yaml _http._tcp.api.default.svc.cluster.local SRV
  packetwalk dig -f static/manifests/clusterip.yaml 10.96.0.10
  packetwalk dig -f static/manifests/clusterip.yaml --from pod/client --search api
  packetwalk dig -f cluster.yaml mysql.shop.svc.cluster.local -o json";

/// The size of answer dig offers to take.
const EDNS_SIZE: u16 = 1232;

/// Prints the answer, or the queries of a look-up. A name that does not exist is a sound answer.
///
/// # Errors
/// When the manifests are wrong, or there is no such pod.
pub fn run(arguments: &Arguments) -> Result<(), Error> {
    let (_, world) = arguments.manifests.world(&arguments.settings)?;
    let server = world.dns_server();
    let host = match &arguments.from {
        Some(from) => pod(&world, from)?,
        None => HostId::Pod("default".into(), String::new()),
    };
    let conf = world.resolv_conf(&host);
    if conf.nameservers.is_empty() {
        let who = arguments.from.as_deref().unwrap_or("a pod");
        output::remark(&format!("{who} does not ask cluster DNS of its own accord"));
    }
    if let Err(fault) = check_name(&arguments.name) {
        let name = &arguments.name;
        return Err(Error::Input(format!(
            "'{name}' is not a legal name ({fault}): labels have 1 to 63 bytes, a name has 255 at most"
        )));
    }
    if arguments.search {
        return search(arguments, &world, &host);
    }
    let question = question(arguments);
    let mut chooser = Chooser::seeded(arguments.settings.seed);
    let mut ask = |transport| {
        server.answer(
            &world.objects,
            &question,
            transport,
            Instant::START,
            &mut Cache::default(),
            &mut chooser,
        )
    };
    let udp = Transport::Udp {
        edns: Some(EDNS_SIZE),
    };
    let mut transport = udp;
    let mut answer = ask(udp);
    let is_cut = answer.tc;
    if is_cut {
        transport = Transport::Tcp;
        answer = ask(transport);
    }
    if arguments.output == "json" {
        return output::json(&json!(answer));
    }
    let address = conf.nameservers.first().copied();
    let text = dig_text(&question, &answer, transport, address);
    let again = if is_cut {
        ";; Truncated, retrying in TCP mode.\n"
    } else {
        ""
    };
    output::answer(&format!("{again}{text}"))
}

/// A type by its name.
fn kind(text: &str) -> Result<RecordType, String> {
    RecordType::parse(text).ok_or_else(|| "no type of record: try A, AAAA, SRV or PTR".into())
}

/// The question: an address stands for its reverse name.
fn question(arguments: &Arguments) -> Question {
    match parse_sloppy(&arguments.name) {
        Some(ip) if matches!(arguments.kind, None | Some(RecordType::PTR)) => {
            Question::new(&reverse_name(ip), RecordType::PTR)
        }
        _ => Question::new(&arguments.name, arguments.kind.unwrap_or(RecordType::A)),
    }
}

fn pod(world: &World, from: &str) -> Result<HostId, Error> {
    match Source::parse(from)? {
        Source::Host(HostId::Pod(namespace, name)) => {
            if world.objects.pod(&namespace, &name).is_none() {
                return Err(Error::Input(format!(
                    "there is no pod {name} in namespace {namespace}"
                )));
            }
            Ok(HostId::Pod(namespace, name))
        }
        _ => Err(Error::Input(format!(
            "{from}: only pods ask cluster DNS: write pod/NAME or pod/NAMESPACE/NAME"
        ))),
    }
}

/// Prints every packet of a pod's resolver, in the order it sends them. They go the way of all packets: through the
/// rules of the pod's node to whichever name server these choose.
fn search(arguments: &Arguments, world: &World, host: &HostId) -> Result<(), Error> {
    let wanted = match arguments.kind {
        None => Wanted::Both,
        Some(RecordType::A) => Wanted::Only(Family::V4),
        Some(RecordType::AAAA) => Wanted::Only(Family::V6),
        Some(kind) => {
            return Err(Error::Input(format!(
                "--search asks for addresses, as programs do: {kind} is no type of address"
            )));
        }
    };
    let lookup = world
        .look_up(host, &arguments.name, wanted)
        .map_err(|it| Error::Input(it.to_string()))?;
    if arguments.output == "json" {
        return output::json(&as_json(&lookup));
    }
    output::answer(&as_text(&arguments.name, &lookup))
}

fn as_text(name: &str, lookup: &Lookup) -> String {
    let mut text = format!("; resolv.conf\n{}\n", lookup.resolv_conf);
    for packet in &lookup.packets {
        let sent = &packet.sent;
        let over = match sent.transport {
            Transport::Udp { .. } => "UDP",
            Transport::Tcp => "TCP",
        };
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{} ms: {} {} to {}#53 ({over})",
            sent.at.as_millis(),
            sent.question.name,
            sent.question.kind,
            sent.server
        );
        let _ = writeln!(text, "    {}", fate(packet));
    }
    let addresses: Vec<String> = lookup
        .resolution
        .addresses
        .iter()
        .map(IpAddr::to_string)
        .collect();
    let outcome = match (addresses.as_slice(), &lookup.failure) {
        ([], Some(why)) => format!("no address: {why}"),
        ([], None) => "no address".to_owned(),
        _ => addresses.join(", "),
    };
    let _ = writeln!(text, "\n{name}: {outcome}");
    text
}

/// What became of a packet, on one line.
fn fate(packet: &LookupPacket) -> String {
    let by = packet.object.as_ref().map(|it| format!(" (from {it})"));
    match (&packet.answer, &packet.reason) {
        (Some(answer), _) => format!("{}{}", summary(answer), by.unwrap_or_default()),
        (None, Some(why)) => format!("no answer: {}", why.sentence()),
        (None, None) => "no answer".to_owned(),
    }
}

fn as_json(lookup: &Lookup) -> Value {
    let packets = lookup.packets.iter().map(|it| {
        let sent = &it.sent;
        json!({
            "at": sent.at.as_millis(),
            "server": sent.server.to_string(),
            "protocol": if sent.transport == Transport::Tcp { "tcp" } else { "udp" },
            "name": sent.question.name,
            "type": sent.question.kind,
            "verdict": it.verdict,
            "object": it.object,
            "answer": it.answer,
        })
    });
    json!({
        "resolvConf": lookup.resolv_conf,
        "queries": packets.collect::<Vec<_>>(),
        "addresses": lookup.resolution.addresses,
        "failure": lookup.failure,
        "elapsed": lookup.elapsed.as_millis(),
    })
}

/// An answer on one line.
fn summary(answer: &Answer) -> String {
    let records: Vec<String> = answer
        .answer
        .iter()
        .map(|it| format!("{} {}", it.kind, it.data))
        .collect();
    match records.as_slice() {
        [] => format!("{}, no records", answer.rcode),
        _ => format!("{}: {}", answer.rcode, records.join(", ")),
    }
}
