//! The stub resolvers against packet traces of the real ones.
//!
//! `tests/cases/dns-resolver.json` holds 217 recorded traces of glibc 2.36, musl 1.2.3 and 1.2.5 and
//! Go 1.27. Each runs here against our own server over the objects the traces were recorded with, with
//! the server's faults of that trace, and is compared by the rules the file states:
//!
//! * Packets are the same, one for one: server, protocol, question, size offered, reply and count.
//! * Packets about one name that leave at the same instant have no order; all others have.
//! * A socket carries the same packets, whatever its number.
//! * Times count from the first packet. A recorded one may be up to 350 ms later than ours, for the
//!   noise of the machine (300 ms in r56, else under 60), and 20 ms earlier, for that of the first
//!   packet. The shortest timer of the traces is 500 ms.
//! * The result is the same to the letter, but for the client's own port in an error text.

use packetwalk_core::api::{File, read};
use packetwalk_core::chance::Chooser;
use packetwalk_core::dns::{
    Answer, Around, Client, Exchange, Fate, Kubernetes, LookUp, PodMode, Question, Rcode, Record,
    RecordType, Resolver, Sent, Transport, Wanted, fit,
};
use packetwalk_core::ip::{Family, IpAddr};
use packetwalk_core::store::Objects;
use packetwalk_core::time::{Duration, Instant};
use packetwalk_tests::text;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// How much later than ours a recorded time may be, once the time to the first packet is taken off.
const NOISE_MS: u64 = 350;

/// How much earlier.
const EARLY_MS: u64 = 20;

/// How long the recording server left a connection open that it did not answer.
const TCP_IDLE_MS: u64 = 8000;

/// The addresses at which a server listened; the last look-up group asks another.
const SERVERS: [&str; 6] = [
    "10.96.0.10",
    "10.96.0.11",
    "10.96.0.12",
    "10.96.0.13",
    "10.96.0.14",
    "10.96.0.15",
];

const HOSTS: &str = "127.0.0.1 localhost\n::1 localhost\n";

fn cases(name: &str) -> Value {
    serde_json::from_str(&text(&format!("tests/cases/{name}.json"))).expect("JSON")
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn string(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_default()
}

fn ip(text: &str) -> IpAddr {
    text.parse()
        .unwrap_or_else(|_| panic!("{text:?} is no address"))
}

/// The server of the recording.
struct Lab {
    objects: Objects,
    server: Kubernetes,
}

impl Lab {
    /// The set `lab-kubeadm` and the headless Service `n` with its 100 endpoints.
    fn new() -> Self {
        let cases = cases("dns-server");
        let set = list(&cases["sets"])
            .iter()
            .find(|it| it["set"] == "lab-kubeadm")
            .expect("the set of the recording")
            .clone();
        let mut documents: Vec<String> = ["namespaces", "services", "endpointslices", "pods"]
            .iter()
            .flat_map(|it| list(&set[*it]))
            .map(ToString::to_string)
            .collect();
        documents.push(
            serde_json::json!({
                "apiVersion": "v1", "kind": "Service",
                "metadata": {"name": "n", "namespace": "default"},
                "spec": {"clusterIP": "None", "clusterIPs": ["None"], "ports": [{"port": 80}]}
            })
            .to_string(),
        );
        let endpoints: Vec<Value> = (1..=100)
            .map(|it| serde_json::json!({"addresses": [format!("10.245.0.{it}")], "conditions": {"ready": true}}))
            .collect();
        documents.push(
            serde_json::json!({
                "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
                "metadata": {
                    "name": "n-1", "namespace": "default",
                    "labels": {"kubernetes.io/service-name": "n"}
                },
                "addressType": "IPv4", "ports": [{"port": 80, "protocol": "TCP"}],
                "endpoints": endpoints
            })
            .to_string(),
        );
        let manifest = read(&[File {
            name: "lab.json".into(),
            text: documents.join("\n---\n").into(),
        }]);
        assert!(!manifest.has_errors(), "{:?}", manifest.complaints);
        let mut objects = Objects::default();
        for it in manifest.objects {
            objects.put(it.object);
        }
        let config = &set["config"];
        let words = |key: &str| list(&config[key]).iter().map(string).map(str::to_owned);
        assert_eq!(config["pods"], "insecure");
        let server = Kubernetes {
            zones: words("zones").collect(),
            pods: PodMode::Insecure,
            ttl: number(&config["ttl"]) as u32,
            fallthrough: Some(words("fallthrough").collect()),
            local_ips: words("local_ips").map(|it| ip(&it)).collect(),
            ..Kubernetes::default()
        };
        Lab { objects, server }
    }

    fn answer(&self, question: &Question, transport: Transport) -> Answer {
        let mut answer = self.server.serve(&self.objects, question, &mut World);
        fit(question, &mut answer, transport);
        answer
    }
}

/// The rest of the world: what the recording had behind the plugin.
struct World;

impl Around for World {
    fn next(&mut self, question: &Question) -> Answer {
        let (v4, v6) = match question.name.as_str() {
            "example.com." => ("93.184.216.34", None),
            "www.example.com." => ("93.184.216.35", Some("2001:db8::35")),
            "a.b.c.d.example.com." => ("93.184.216.36", None),
            "db.example.com." => ("203.0.113.5", None),
            _ => ("", None),
        };
        let rcode = if v4.is_empty() {
            Rcode::NxDomain
        } else {
            Rcode::NoError
        };
        let told = if question.kind == RecordType::A {
            Some(v4)
        } else {
            v6
        };
        let ips = told.into_iter().filter_map(|it| it.parse().ok());
        Answer {
            ra: true,
            answer: ips
                .map(|it| Record::address(&question.name, 300, it))
                .collect(),
            ..Answer::empty(rcode)
        }
    }

    fn look_up(&mut self, question: &Question) -> Answer {
        self.next(question)
    }
}

/// The network of a trace: our server, and the faults it was told to have.
struct Network<'a> {
    lab: &'a Lab,
    faults: &'a [Value],
    used: Vec<u64>,
}

impl<'a> Network<'a> {
    fn new(lab: &'a Lab, faults: &'a [Value]) -> Self {
        Network {
            lab,
            faults,
            used: vec![0; faults.len()],
        }
    }

    fn fate(&mut self, sent: &Sent) -> Fate {
        if !SERVERS.iter().any(|it| ip(it) == sent.server) {
            return Fate::Refused {
                after: Duration::default(),
            };
        }
        let mut after = Duration::default();
        // The one server of two that fails was the slower one: its answers came second.
        if self
            .faults
            .iter()
            .any(|it| it["server"] == sent.server.to_string())
        {
            after = Duration::from_millis(1);
        }
        let proper = self.lab.answer(&sent.question, sent.transport);
        let with = |rcode, flags: bool, tc| Answer {
            aa: flags,
            ra: flags,
            tc,
            ..Answer::empty(rcode)
        };
        let answer = match self.fault(sent).as_deref() {
            None => proper,
            Some("drop") if sent.transport == Transport::Tcp => {
                return Fate::Closed {
                    after: Duration::from_millis(TCP_IDLE_MS),
                };
            }
            Some("drop") => return Fate::Silence,
            Some("slow") => {
                after = Duration::from_millis(number(&self.faults[0]["delay_ms"]));
                proper
            }
            Some("servfail") => with(Rcode::ServFail, true, false),
            Some("refused") => with(Rcode::Refused, true, false),
            Some("nxdomain") => with(Rcode::NxDomain, true, false),
            Some("notimp") => with(Rcode::NotImp, true, false),
            Some("nodata-bare") => with(Rcode::NoError, false, false),
            Some("tc") => with(Rcode::NoError, true, true),
            Some("tc-bare") => with(Rcode::NoError, false, true),
            Some(other) => panic!("a fault nobody knows: {other}"),
        };
        Fate::Answer { after, answer }
    }

    /// The first rule that fits and is not used up.
    fn fault(&mut self, sent: &Sent) -> Option<String> {
        let is_tcp = sent.transport == Transport::Tcp;
        for (rule, used) in self.faults.iter().zip(&mut self.used) {
            let is = |key: &str, value: &str| rule[key].is_null() || rule[key] == value;
            let fits = match string(&rule["re"]) {
                ".*" => true,
                pattern => {
                    let start = pattern.strip_prefix('^').expect("a pattern of a start");
                    sent.question.name.starts_with(start)
                }
            };
            let is_left = rule["times"].is_null() || *used < number(&rule["times"]);
            if fits
                && is_left
                && is("qtype", &sent.question.kind.to_string())
                && is("server", &sent.server.to_string())
                && is("proto", if is_tcp { "tcp" } else { "udp" })
            {
                *used += 1;
                return Some(string(&rule["action"]).to_owned());
            }
        }
        None
    }
}

/// A packet with its reply, as a line; time and socket apart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Packet {
    at: u64,
    socket: u64,
    qname: String,
    line: String,
}

/// In this one trace musl asks again after 2.5 seconds, as it does wherever no answer has come (r243, the
/// same without an answer, has it). The recording server wrote a packet down when it answered, so
/// the second pair, answered 2.5 seconds after the look-up had ended, is not in the file.
fn is_unwritten(exchange: &Exchange, id: &str) -> bool {
    id == "r350" && exchange.sent.at.as_millis() == 2500
}

/// Sockets are counted anew in each look-up.
fn ours(exchange: &Exchange, look_up: u64) -> Option<Packet> {
    let sent = &exchange.sent;
    let (reply, count, tc) = match &exchange.fate {
        Fate::Answer { answer, .. } => (answer.rcode.name(), answer.answer.len(), answer.tc),
        Fate::Refused { .. } => return None,
        Fate::Closed { .. } | Fate::Silence => ("none", 0, false),
    };
    let (proto, size) = match sent.transport {
        Transport::Udp { edns } => ("udp", edns),
        Transport::Tcp => ("tcp", None),
    };
    Some(Packet {
        at: sent.at.as_millis(),
        socket: 1000 * look_up + u64::from(sent.socket),
        qname: sent.question.name.clone(),
        line: line(
            &sent.server.to_string(),
            proto,
            &sent.question.kind.to_string(),
            u64::from(size.unwrap_or(0)),
            reply,
            count as u64,
            tc,
        ),
    })
}

/// What a stream offers says nothing: its answers have no limit.
fn theirs(packet: &Value) -> Packet {
    let proto = string(&packet["proto"]);
    let size = if proto == "tcp" {
        0
    } else {
        number(&packet["edns_size"])
    };
    Packet {
        at: number(&packet["t_ms"]),
        socket: number(&packet["socket"]),
        qname: string(&packet["qname"]).to_owned(),
        line: line(
            string(&packet["server"]),
            proto,
            string(&packet["qtype"]),
            size,
            string(&packet["reply"]),
            number(&packet["ancount"]),
            packet["tc"] == true,
        ),
    }
}

fn line(
    server: &str,
    proto: &str,
    kind: &str,
    size: u64,
    reply: &str,
    count: u64,
    tc: bool,
) -> String {
    let tc = if tc { " tc" } else { "" };
    format!("{server} {proto} {kind} {size} → {reply} {count}{tc}")
}

/// The packets of each step, and of each socket: a step is what leaves at one instant about one name.
/// The steps are ours; theirs are cut at the same places.
fn shape(packets: &[Packet], steps: &[usize]) -> (Vec<Vec<String>>, Vec<Vec<String>>) {
    let mut by_step = Vec::new();
    let mut by_socket: BTreeMap<u64, Vec<String>> = BTreeMap::new();
    let mut rest = packets;
    for (step, length) in steps.iter().enumerate() {
        let (these, others) = rest.split_at((*length).min(rest.len()));
        rest = others;
        let mut lines = Vec::new();
        for it in these {
            let line = format!("{} {}", it.qname, it.line);
            by_socket
                .entry(it.socket)
                .or_default()
                .push(format!("{step} {line}"));
            lines.push(line);
        }
        lines.sort();
        by_step.push(lines);
    }
    let mut sockets: Vec<Vec<String>> = by_socket.into_values().collect();
    for it in &mut sockets {
        it.sort();
    }
    sockets.sort();
    (by_step, sockets)
}

fn lengths_of_steps(packets: &[Packet]) -> Vec<usize> {
    packets
        .chunk_by(|one, next| one.at == next.at && one.qname == next.qname)
        .map(<[Packet]>::len)
        .collect()
}

fn is_near(recorded: u64, ours: u64) -> bool {
    (ours.saturating_sub(EARLY_MS)..=ours + NOISE_MS).contains(&recorded)
}

fn client_of(text: &str) -> Client {
    match text.split_whitespace().take(2).collect::<Vec<_>>()[..] {
        ["glibc", "2.36"] => Client::Glibc,
        ["musl", "1.2.3,"] => Client::Musl123,
        ["musl", "1.2.5+git"] => Client::Musl,
        ["Go", "1.27.3"] => Client::Go,
        _ => panic!("a client nobody knows: {text}"),
    }
}

fn wanted(trace: &Value) -> Wanted {
    match (string(&trace["family"]), string(&trace["flags"])) {
        ("AF_UNSPEC", "") => Wanted::Both,
        ("AF_UNSPEC", "adrcfg") => Wanted::Configured,
        ("AF_INET", "") => Wanted::Only(Family::V4),
        ("AF_INET6", "") => Wanted::Only(Family::V6),
        other => panic!("flags nobody knows: {other:?}"),
    }
}

/// The port in `10.244.1.5:35416->` is the client's own affair, and so is its address where a host
/// has many.
fn without_port(error: &str) -> String {
    match error.split_once("->") {
        Some((before, after)) => {
            let before = before.rsplit_once(' ').map_or(before, |it| it.0);
            format!("{before} ->{after}")
        }
        None => error.to_owned(),
    }
}

/// Runs the look-ups of a trace, one after the other, in one process.
fn look_ups(lab: &Lab, trace: &Value) -> Vec<LookUp> {
    let client = client_of(string(&trace["client"]));
    let own = if trace["flags"] == "adrcfg" {
        vec![ip("10.244.1.5")]
    } else {
        // Where the traces were recorded, each address was reached from one much like it.
        vec![ip("10.244.1.5"), ip("fd00:10:96::5"), ip("2001:db8::5")]
    };
    // glibc draws where to begin under `rotate`; in the one trace of it, it drew the second server.
    let rotation = u32::from(client == Client::Glibc);
    let mut resolver = Resolver::new(client, string(&trace["resolv_conf"]), HOSTS)
        .on_host(own)
        .rotated(rotation);
    let faults = list(&trace["server_faults"]);
    let mut network = Network::new(lab, faults);
    let mut now = Instant::START;
    let mut found = Vec::new();
    for _ in 0..list(&trace["results_all"]).len().max(1) {
        let it = resolver.look_up(string(&trace["name"]), wanted(trace), now, &mut |sent| {
            network.fate(sent)
        });
        now = now + it.elapsed;
        found.push(it);
    }
    found
}

/// What differs between a trace and ours.
fn differences(lab: &Lab, trace: &Value) -> Vec<String> {
    let look_ups = look_ups(lab, trace);
    let mut faults = Vec::new();
    let mut compare = |what: &str, theirs: String, ours: String| {
        if theirs != ours {
            faults.push(format!("{what}\n  recorded {theirs}\n  ours     {ours}"));
        }
    };
    let packets: Vec<Packet> = look_ups
        .iter()
        .enumerate()
        .flat_map(|(place, it)| it.exchanges.iter().map(move |exchange| (place, exchange)))
        .filter(|(_, it)| !is_unwritten(it, string(&trace["id"])))
        .filter_map(|(place, it)| ours(it, place as u64))
        .collect();
    let mut recorded: Vec<Packet> = list(&trace["packets"]).iter().map(theirs).collect();
    // How long the program took to come to its first packet says nothing about the resolver.
    let start = recorded.iter().map(|it| it.at).min().unwrap_or_default();
    for it in &mut recorded {
        it.at -= start;
    }
    let steps = lengths_of_steps(&packets);
    let (theirs, ours) = (shape(&recorded, &steps), shape(&packets, &steps));
    compare(
        "packets",
        format!("{:#?}", theirs.0),
        format!("{:#?}", ours.0),
    );
    compare(
        "sockets",
        format!("{:#?}", theirs.1),
        format!("{:#?}", ours.1),
    );
    compare(
        "number of packets",
        recorded.len().to_string(),
        packets.len().to_string(),
    );
    let times = |of: &[Packet]| of.iter().map(|it| it.at).collect::<Vec<_>>();
    if !recorded
        .iter()
        .zip(&packets)
        .all(|(theirs, ours)| is_near(theirs.at, ours.at))
    {
        let (theirs, ours) = (times(&recorded), times(&packets));
        compare("times", format!("{theirs:?}"), format!("{ours:?}"));
    }
    let mut names: Vec<&str> = Vec::new();
    for it in &packets {
        if !names.contains(&it.qname.as_str()) {
            names.push(&it.qname);
        }
    }
    let tried: Vec<&str> = list(&trace["names_tried"]).iter().map(string).collect();
    compare("names tried", format!("{tried:?}"), format!("{names:?}"));

    let all = match list(&trace["results_all"]) {
        [] => std::slice::from_ref(&trace["result"]),
        all => all,
    };
    for (theirs, ours) in all.iter().zip(&look_ups) {
        let error = ours.failure.as_ref().map_or("", |it| &it.text);
        compare(
            "error",
            without_port(string(&theirs["error"])),
            without_port(error),
        );
        let addresses: Vec<String> = ours.addresses.iter().map(ToString::to_string).collect();
        // Of many only the first are written down, and dots.
        let told = list(&theirs["addresses"]).iter().map(string);
        let told: Vec<&str> = told.filter(|it| *it != "...").collect();
        let count = theirs["address_count"].as_u64();
        compare(
            "number of addresses",
            count.unwrap_or(told.len() as u64).to_string(),
            addresses.len().to_string(),
        );
        let shown = &addresses[..told.len().min(addresses.len())];
        compare("addresses", format!("{told:?}"), format!("{shown:?}"));
        let elapsed = ours.elapsed.as_millis();
        if !is_near(number(&theirs["elapsed_ms"]).saturating_sub(start), elapsed) {
            let theirs = number(&theirs["elapsed_ms"]).to_string();
            compare("elapsed", theirs, elapsed.to_string());
        }
        if let Some(canonical) = theirs["canonical"].as_str() {
            let ours = ours.canonical.clone().unwrap_or_default();
            compare("canonical name", canonical.to_owned(), ours);
        }
    }
    faults
}

#[test]
fn every_recorded_trace_is_what_our_resolvers_send() {
    let lab = Lab::new();
    let cases = cases("dns-resolver");
    let traces = list(&cases["traces"]);
    let mut bad = Vec::new();
    let mut ran: BTreeMap<Client, BTreeSet<&str>> = BTreeMap::new();
    for trace in traces {
        let id = string(&trace["id"]);
        let client = client_of(string(&trace["client"]));
        ran.entry(client).or_default().insert(id);
        let faults = differences(&lab, trace);
        if !faults.is_empty() {
            bad.push(format!(
                "{id} {}: {} ({})\n{}",
                string(&trace["client"]),
                string(&trace["name"]),
                string(&trace["group"]),
                faults.join("\n")
            ));
        }
    }
    assert!(bad.is_empty(), "{}\n{} differ", bad.join("\n\n"), bad.len());
    let counts: Vec<(Client, usize)> = ran.iter().map(|it| (*it.0, it.1.len())).collect();
    let expected = [
        (Client::Glibc, 50),
        (Client::Musl123, 58),
        (Client::Musl, 52),
        (Client::Go, 57),
    ];
    assert_eq!(counts, expected, "not all 217 traces ran");
}

const PLAIN: &str = "search default.svc.cluster.local svc.cluster.local cluster.local\nnameserver 10.96.0.10\noptions ndots:5";

const TWO: &str = "search default.svc.cluster.local svc.cluster.local cluster.local\nnameserver 10.96.0.10\nnameserver 10.96.0.11\noptions ndots:5";

/// What the traces do not hold, from the sources of the resolvers: the client, what resolv.conf says
/// beside the usual, the faults, the name; then milliseconds, packets, and what the program is told.
const ROWS: &str = "\
Go | - | dead | api | 40000 | 16 | lookup api on 10.96.0.10:53: read udp ->10.96.0.10:53: i/o timeout
Glibc | two | dead | api | 40000 | 16 | Temporary failure in name resolution
Go | two | dead | api | 80000 | 32 | lookup api on 10.96.0.11:53: read udp ->10.96.0.11:53: i/o timeout
Musl | two | dead | api | 5000 | 8 | Try again
Musl | attempts:3 | dead | api. | 6664 | 8 | Try again
Musl | timeout:0 | dead | api. | 0 | 0 | Try again
Glibc | timeout:0 | dead | api. | 2000 | 4 | Temporary failure in name resolution
Glibc | attempts:0 | - | api | 0 | 0 | Temporary failure in name resolution
# Both, then in turn, then in turn from sockets of their own.
Glibc | - | no-aaaa | api | 15000 | 6 | 10.96.12.34
Glibc | - | no-a | api. | 15000 | 4 | Temporary failure in name resolution
Go | - | no-a | v6only | 10000 | 3 | fd00:10:96::61
Musl | - | no-a | v6only | 5000 | 3 | Try again
Glibc | - | aaaa-fails | api | 0 | 2 | 10.96.12.34
Glibc | - | a-fails | v6only | 0 | 2 | fd00:10:96::61
Glibc | single-request | a-fails | v6only.default.svc.cluster.local. | 10000 | 2 | Temporary failure in name resolution
Go | - | refused | api | 0 | 16 | lookup api on 10.96.0.10:53: server misbehaving
Glibc | two | one-refuses | api | 1 | 4 | 10.96.12.34
Go | two | one-refuses | api | 1 | 4 | 10.96.12.34
Musl | two | one-refuses | api | 0 | 4 | 10.96.12.34
# The first server's word is final for glibc and Go; musl believes the faster.
Glibc | two | one-denies | api.default.svc.cluster.local. | 1 | 2 | Name or service not known
Go | two | one-denies | api.default.svc.cluster.local. | 1 | 2 | lookup api.default.svc.cluster.local. on 10.96.0.10:53: no such host
Musl | two | one-denies | api.default.svc.cluster.local. | 0 | 4 | 10.96.12.34
# An answer to the first question is an answer to the second, where the socket is the same.
Glibc | - | slow | api | 6000 | 4 | 10.96.12.34
Musl | - | slow | api | 5000 | 4 | Try again
Go | - | slow | api. | 10000 | 4 | lookup api. on 10.96.0.10:53: read udp ->10.96.0.10:53: i/o timeout
Glibc | - | lame | api. | 0 | 4 | Temporary failure in name resolution
Glibc | edns0 | - | n | 0 | 12 | 100 addresses
Glibc | use-vc | no-tcp | api. | 8000 | 2 | Temporary failure in name resolution
Go | use-vc | no-tcp | api. | 10000 | 4 | lookup api. on 10.96.0.10:53: read tcp ->10.96.0.10:53: i/o timeout
Go | single-request | tc | api | 0 | 4 | 10.96.12.34
Musl123 | - | tc | n | 0 | 2 | Name does not resolve
Musl123 | root | - | api | 5000 | 0 | Try again
Glibc | root | - | api | 0 | 2 | Name or service not known
Musl | - | - | db | 0 | 2 | 203.0.113.5
Glibc | - | - | ext-nx | 0 | 2 | Name or service not known
Musl | - | - | ext-nx | 0 | 2 | Name has no usable address
Musl123 | - | - | default | 0 | 4 | Name does not resolve
Glibc | no-tld-query | - | ghost | 0 | 6 | Name or service not known
Glibc | - | - | LocalHost | 0 | 0 | ::1 127.0.0.1
Musl | - | - | LocalHost | 0 | 8 | Name does not resolve
Go | - | - | localhost. | 0 | 0 | ::1 127.0.0.1
Glibc | - | - | 127.1 | 0 | 0 | 127.0.0.1
Go | - | - | a..b | 0 | 0 | lookup a..b: no such host
Musl | - | - | a..b | 0 | 0 | Name does not resolve
";

/// The faults of the rows.
const FAULTS: [(&str, &str); 13] = [
    ("-", "[]"),
    ("dead", r#"[{"re": ".*", "action": "drop"}]"#),
    (
        "no-aaaa",
        r#"[{"re": ".*", "action": "drop", "qtype": "AAAA"}]"#,
    ),
    ("no-a", r#"[{"re": ".*", "action": "drop", "qtype": "A"}]"#),
    (
        "aaaa-fails",
        r#"[{"re": ".*", "action": "servfail", "qtype": "AAAA"}]"#,
    ),
    (
        "a-fails",
        r#"[{"re": ".*", "action": "servfail", "qtype": "A"}]"#,
    ),
    ("refused", r#"[{"re": ".*", "action": "refused"}]"#),
    (
        "one-refuses",
        r#"[{"re": ".*", "action": "refused", "server": "10.96.0.10"}]"#,
    ),
    (
        "one-denies",
        r#"[{"re": ".*", "action": "nxdomain", "server": "10.96.0.10"}]"#,
    ),
    (
        "slow",
        r#"[{"re": ".*", "action": "slow", "delay_ms": 6000}]"#,
    ),
    (
        "lame",
        r#"[{"re": ".*", "action": "tc-bare", "proto": "udp"}]"#,
    ),
    (
        "no-tcp",
        r#"[{"re": ".*", "action": "drop", "proto": "tcp"}]"#,
    ),
    ("tc", r#"[{"re": ".*", "action": "tc", "proto": "udp"}]"#),
];

#[test]
fn what_no_trace_holds_is_as_the_sources_have_it() {
    let lab = Lab::new();
    let mut bad = Vec::new();
    let rows: Vec<&str> = ROWS.lines().filter(|it| !it.starts_with('#')).collect();
    for row in &rows {
        let words: Vec<&str> = row.split(" | ").collect();
        let [client, conf, faults, name, expected @ ..] = words.as_slice() else {
            panic!("{row}");
        };
        let client = Client::ALL
            .into_iter()
            .find(|it| format!("{it:?}") == *client)
            .expect("a client");
        let conf = match *conf {
            "root" => "search .\nnameserver 10.96.0.10\noptions ndots:5\n".to_owned(),
            "two" => TWO.to_owned(),
            "-" => PLAIN.to_owned(),
            more => format!("{PLAIN} {more}\n"),
        };
        let faults = FAULTS.iter().find(|it| it.0 == *faults).expect("faults").1;
        let faults: Vec<Value> = serde_json::from_str(faults).expect("JSON");
        let mut network = Network::new(&lab, &faults);
        let it = Resolver::new(client, &conf, HOSTS).look_up(
            name,
            Wanted::Both,
            Instant::START,
            &mut |sent| network.fate(sent),
        );
        let addresses: Vec<String> = it.addresses.iter().map(ToString::to_string).collect();
        let told = match &it.failure {
            Some(failure) => without_port(&failure.text),
            None if addresses.len() > 48 => format!("{} addresses", addresses.len()),
            None => addresses.join(" "),
        };
        let (elapsed, n_packets) = (it.elapsed.as_millis(), it.exchanges.len());
        let ours = format!("{elapsed} | {n_packets} | {told}");
        if ours != expected.join(" | ") {
            bad.push(format!("{row}\n  is {ours}\n{}", story(&it)));
        }
    }
    assert!(bad.is_empty(), "{}", bad.join("\n\n"));
    assert_eq!(rows.len(), 44);
}

fn story(it: &LookUp) -> String {
    let lines: Vec<String> = it
        .exchanges
        .iter()
        .filter_map(|it| ours(it, 0))
        .map(|it| format!("  {} #{} {} {}", it.at, it.socket, it.qname, it.line))
        .collect();
    lines.join("\n")
}

/// A network that does anything at any time.
fn any_fate(chooser: &mut Chooser, lab: &Lab, sent: &Sent) -> Fate {
    let after = Duration::from_millis(u64::from(chooser.choose(4)) * 1700);
    let mut answer = lab.answer(&sent.question, sent.transport);
    match chooser.choose(10) {
        0 => return Fate::Silence,
        1 => return Fate::Refused { after },
        2 => return Fate::Closed { after },
        3 => answer = Answer::empty(Rcode::ServFail),
        4 => answer = Answer::empty(Rcode::Refused),
        5 => answer = Answer::empty(Rcode::NoError),
        6 => answer.tc = true,
        _ => {}
    }
    Fate::Answer { after, answer }
}

#[test]
fn whatever_the_network_does_a_look_up_ends_and_time_goes_forward() {
    let lab = Lab::new();
    let options = [
        "",
        " rotate single-request-reopen",
        " use-vc attempts:5",
        " timeout:1 attempts:3 edns0",
    ];
    let mut most = 0;
    for seed in 0..400 {
        let client = Client::ALL[seed as usize % 4];
        let conf = format!("{TWO}{}\n", options[seed as usize / 4 % 4]);
        let run = || {
            let mut chooser = Chooser::seeded(seed);
            let mut resolver = Resolver::new(client, &conf, HOSTS);
            let mut network = |sent: &Sent| any_fate(&mut chooser, &lab, sent);
            let name = if seed % 10 == 0 { "n" } else { "mysql" };
            resolver.look_up(name, Wanted::Both, Instant::START, &mut network)
        };
        let it = run();
        assert_eq!(it, run(), "seed {seed}");
        let times: Vec<Instant> = it.exchanges.iter().map(|it| it.sent.at).collect();
        assert!(times.is_sorted(), "seed {seed}: {times:?}");
        assert_eq!(it.addresses.is_empty(), it.failure.is_some(), "seed {seed}");
        most = most.max(it.exchanges.len());
    }
    assert!(most < 400, "{most}");
}
