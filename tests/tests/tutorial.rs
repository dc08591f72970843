//! The tutorial, statement by statement: what it says, and what happens here.
//!
//! `tests/cases/tutorial.txt` has a section for every statement, by the lines of the text it stands in: a cluster, what
//! is done to it, and what is then observed. Where the text is inexact, the section shows what really happens and says
//! so after an exclamation mark. Every line of the text is in some section: a test counts them.
//!
//! Refresh what is observed with `UPDATE_EXPECTED=1`, and read the difference before keeping it.

#![expect(
    clippy::print_stdout,
    reason = "tests say how much they have looked at"
)]

use packetwalk_core::api::{Kind, read};
use packetwalk_core::chance::Chooser;
use packetwalk_core::controllers::{
    Answer as IngressAnswer, ContainerFault, Fault, TargetObject, balancers, hourly_cost, route,
};
use packetwalk_core::dns::{Cache, Question, RecordType, Transport};
use packetwalk_core::ip::{Family, IpAddr};
use packetwalk_core::net::Protocol;
use packetwalk_core::proxy::mode;
use packetwalk_core::sim::{Cluster, Leg, Source, StepKind, World, outcomes};
use packetwalk_core::store::api::{
    ListOptions, Request, Selector, Step as ApplyStep, Verb, client_side_apply,
};
use packetwalk_core::time::{Duration, Instant};
use packetwalk_tests::cluster::{cluster, endpoints, events, named, pass, pods};
use packetwalk_tests::{request, root, text, ways};
use serde_json::Value;
use std::sync::Arc;

const CASES: &str = "tests/cases/tutorial.txt";

/// How many lines the text has.
const N_LINES: usize = 176;

/// The lines of the text with nothing on them.
const EMPTY_LINES: [usize; 47] = [
    2, 4, 6, 8, 10, 12, 14, 20, 22, 24, 26, 36, 38, 40, 55, 57, 59, 61, 77, 79, 81, 83, 99, 101,
    104, 106, 108, 110, 119, 121, 123, 125, 136, 138, 140, 142, 145, 148, 150, 152, 155, 159, 162,
    165, 168, 171, 174,
];

/// The longest time a cluster is given to come to rest after something was done to it.
const REST: Duration = Duration::from_secs(120);

/// A section of the file: what stands above its commands, and the commands with what was observed.
struct Section {
    head: Vec<String>,
    begin: Option<Command>,
    commands: Vec<Command>,
}

/// A line that does or asks something, the text that belongs to it, and what was observed.
struct Command {
    line: String,
    body: String,
    observed: Vec<String>,
}

/// The introduction, and the sections.
fn sections(file: &str) -> (String, Vec<Section>) {
    let mut intro = String::new();
    let mut sections: Vec<Section> = Vec::new();
    for line in file.lines() {
        if line.starts_with("## ") {
            sections.push(Section {
                head: vec![line.to_owned()],
                begin: None,
                commands: Vec::new(),
            });
            continue;
        }
        let Some(section) = sections.last_mut() else {
            intro.push_str(line);
            intro.push('\n');
            continue;
        };
        let command = |line: &str| Command {
            line: line.to_owned(),
            body: String::new(),
            observed: Vec::new(),
        };
        let at = match section.commands.last_mut() {
            Some(it) => Some(it),
            None => section.begin.as_mut(),
        };
        match (line.get(..2), at) {
            (Some("@ "), _) => section.begin = Some(command(line)),
            (Some("$ "), _) => section.commands.push(command(line)),
            (Some("| "), Some(at)) => {
                at.body.push_str(&line[2..]);
                at.body.push('\n');
            }
            (Some("! " | "= "), None) => section.head.push(line.to_owned()),
            (_, Some(at)) if !line.is_empty() => at.observed.push(line.to_owned()),
            _ => assert!(line.is_empty(), "what is this line? {line:?}"),
        }
    }
    (intro, sections)
}

/// The machines of a cloud, as a cluster of its own.
fn machines(provider: &str) -> String {
    let id = match provider {
        "aws" => "aws:///us-east-1a/i-",
        "gcp" => "gce://project/zone/",
        _ => "azure:///subscriptions/1/vm-",
    };
    let mut text = "apiVersion: v1\nkind: Namespace\nmetadata: {name: default}\n".to_owned();
    for n in 1..3 {
        text.push_str(&format!(
            "---\napiVersion: v1\nkind: Node\nmetadata: {{name: node-{n}}}\n\
             spec: {{podCIDR: 10.244.{n}.0/24, providerID: '{id}{n}'}}\n\
             status: {{addresses: [{{type: InternalIP, address: 172.18.0.{}}}]}}\n",
            n + 2
        ));
    }
    text
}

fn begin(command: Option<&Command>) -> Cluster {
    let Some(command) = command else {
        return cluster("");
    };
    let beneath = match command.line.as_str() {
        "@ figure" => text("static/manifests/clusterip.yaml"),
        "@ base" => String::new(),
        "@ aws" => machines("aws"),
        "@ gcp" => machines("gcp"),
        "@ azure" => machines("azure"),
        other => panic!("{other:?} is no beginning"),
    };
    cluster(&format!("{beneath}\n---\n{}", command.body))
}

/// Does what a line says, and tells what is observed.
fn run(it: &mut Cluster, command: &Command) -> Vec<String> {
    let words: Vec<&str> = command.line[2..].split_whitespace().collect();
    let (verb, rest) = words.split_first().expect("a verb");
    match *verb {
        "apply" => {
            let told = apply(it, &command.body);
            it.settle(REST);
            return told;
        }
        "apply-now" => return apply(it, &command.body),
        "expose" => return expose(it, rest),
        "patch" | "delete" => {
            let told = ask(it, verb, rest, command);
            it.settle(REST);
            return told;
        }
        "delete-now" => return ask(it, "delete", rest, command),
        "wait-ms" => {
            let to = it.clock().now + Duration::from_millis(rest[0].parse().expect("a number"));
            it.advance(to);
            return Vec::new();
        }
        "pass" => {
            pass(it, rest[0].parse().expect("seconds"));
            return Vec::new();
        }
        "down" => it.suffer(Fault::NodeDown(rest[0].into())),
        "up" => it.suffer(Fault::NodeUp(rest[0].into())),
        "fails" | "well" => {
            let pod = ("default".to_owned(), rest[0].to_owned());
            let container = rest[1].to_owned();
            it.suffer(if *verb == "well" {
                Fault::Well { pod, container }
            } else {
                Fault::Container {
                    pod,
                    container,
                    fault: ContainerFault::Fails,
                }
            });
            pass(it, 31);
            return Vec::new();
        }
        _ => return look(it, verb, rest),
    }
    Vec::new()
}

/// `kubectl apply`, as its client and the server do it.
fn apply(it: &mut Cluster, body: &str) -> Vec<String> {
    let manifest = packetwalk_tests::manifest(body);
    assert!(!manifest.objects.is_empty(), "{body}");
    let mut told = Vec::new();
    for read in &manifest.objects {
        let reference = read.object.reference();
        let live = it.store().document(&reference).cloned();
        let wanted = read.document();
        let step = client_side_apply(reference.kind, wanted, live.as_deref())
            .expect("it can be compared")
            .step;
        let (verb, word) = match step {
            ApplyStep::Create(verb) => (verb, "created"),
            ApplyStep::Patch(verb) => (verb, "configured"),
            ApplyStep::Nothing => {
                told.push(format!("{reference} unchanged"));
                continue;
            }
        };
        let mut request = Request::new(verb, &reference).by("kubectl-client-side-apply");
        if word == "created" {
            request.name = String::new();
        }
        told.push(match it.request(&request) {
            Ok(answer) => {
                let warnings = answer.warnings.iter();
                let warnings: String = warnings.map(|it| format!(" (warning: {it})")).collect();
                format!("{reference} {word}{warnings}")
            }
            Err(status) => status.message,
        });
    }
    told
}

/// What `kubectl expose` asks of the server: a Service with the selector of a workload.
fn expose(it: &mut Cluster, rest: &[&str]) -> Vec<String> {
    let of = named(rest[0]);
    let document = it.store().document(&of).expect("it is there").clone();
    let number = |it: &str| it.parse::<i64>().expect("a port");
    let service = serde_json::json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": of.name, "labels": document["metadata"]["labels"]},
        "spec": {
            "selector": document["spec"]["selector"]["matchLabels"],
            "ports": [{"port": number(rest[1]), "targetPort": number(rest[2])}],
        },
    });
    let mut object = named(&format!("service/{}", of.name));
    object.name = String::new();
    let told = it.request(&Request::new(Verb::Create(service.to_string()), &object));
    it.settle(REST);
    told.err().into_iter().map(|it| it.message).collect()
}

fn ask(it: &mut Cluster, verb: &str, rest: &[&str], command: &Command) -> Vec<String> {
    let verb = match verb {
        "delete" => Verb::Delete,
        _ => Verb::StrategicPatch(serde_json::from_str(&command.body).expect("a patch in JSON")),
    };
    let told = it.request(&Request::new(verb, &named(rest[0])));
    match told {
        Ok(_) => Vec::new(),
        Err(status) => vec![status.message],
    }
}

/// What is seen without doing anything.
fn look(it: &mut Cluster, verb: &str, rest: &[&str]) -> Vec<String> {
    let world = || World::of_cluster(Arc::new(it.clone()), None);
    let worlds_in =
        |name: &str| World::of_cluster(Arc::new(it.clone()), Some(mode(name).expect("a mode")));
    match verb {
        "get" => get(it, rest),
        "shape" => get(it, rest).iter().map(|it| shape(it)).collect(),
        "count" => vec![list(it, rest).len().to_string()],
        "list" => list(it, rest),
        "pods" => pods(it, "default"),
        "endpoints" => endpoints(it, rest[0]),
        "events" => events(it, rest[0])
            .iter()
            .map(|it| it.split_once(' ').expect("a time").1.to_owned())
            .collect(),
        "ways" => ways(&world(), rest[0], rest[1], Protocol::Tcp),
        // Pods of a Deployment have drawn names.
        "ways-to-some" => ways(&world(), rest[0], rest[1], Protocol::Tcp)
            .iter()
            .map(|it| {
                let words = it.split(' ').filter(|it| !it.starts_with("pod/"));
                words.collect::<Vec<_>>().join(" ")
            })
            .collect(),
        "ways-by-mode" => ["nftables", "iptables"]
            .iter()
            .flat_map(|name| {
                let ways = ways(&worlds_in(name), rest[0], rest[1], Protocol::Tcp);
                ways.into_iter().map(move |it| format!("{name}: {it}"))
            })
            .collect(),
        "rewrites" => rewrites(&world(), rest[0], rest[1]),
        "rules" => ["nftables", "iptables"]
            .iter()
            .flat_map(|name| rules(&worlds_in(name), name, rest[0]))
            .collect(),
        "who" => who(&world(), rest[0]),
        "dig" => dig(&world(), rest[0], rest[1]),
        "look-up" => look_up(&world(), rest[0], rest[1]),
        "balancers" => describe_balancers(it),
        "cost" => cost(it),
        "route" => vec![routed(it, rest[0], rest[1])],
        other => panic!("{other:?} is no verb"),
    }
}

fn get(it: &Cluster, rest: &[&str]) -> Vec<String> {
    let document = it.store().get(&named(rest[0]));
    match document {
        Err(status) => vec![status.message],
        Ok(document) => rest[1..]
            .iter()
            .map(|pointer| {
                let value = document.pointer(pointer).unwrap_or(&Value::Null);
                format!("{pointer} {value}")
            })
            .collect(),
    }
}

/// An answer with what is drawn by lot told by its kind: which address, which port, which name it is does not matter.
fn shape(line: &str) -> String {
    let (pointer, value) = line.split_once(' ').unwrap_or((line, ""));
    let value = value.trim_matches('"');
    let range: packetwalk_core::ip::Cidr = "10.96.0.0/12".parse().expect("a range");
    let kind = match (value.parse::<IpAddr>(), value.parse::<u16>()) {
        (Ok(ip), _) if range.contains(&ip) => "an address of 10.96.0.0/12".to_owned(),
        (Ok(_), _) => "another address".to_owned(),
        (_, Ok(30000..=32767)) => "a port from 30000 to 32767".to_owned(),
        _ => match value.split_once('.') {
            Some((_, rest)) => format!("a name under {rest}"),
            None => value.to_owned(),
        },
    };
    format!("{pointer} {kind}")
}

fn list(it: &Cluster, rest: &[&str]) -> Vec<String> {
    let kind = Kind::from_resource(rest[0]).expect("a kind");
    let labels = rest.get(1).copied().unwrap_or_default();
    let options = ListOptions {
        namespace: "default".into(),
        selector: Selector::read(kind, labels, "").expect("a selector"),
        ..ListOptions::default()
    };
    let listed = it.store().list(kind, &options);
    listed
        .items
        .iter()
        .map(|it| it["metadata"]["name"].as_str().unwrap_or_default().into())
        .collect()
}

/// Where the destination and the source of a request and its answer are rewritten, on the first way.
fn rewrites(world: &World, from: &str, to: &str) -> Vec<String> {
    let outcomes = outcomes(world, &request(from, to, Protocol::Tcp), 256).expect("it begins");
    let walk = &outcomes.ways.branches.first().expect("a way").result;
    let mut lines = Vec::new();
    for step in walk.steps.iter().filter(|it| it.leg != Leg::Lookup) {
        let StepKind::Hook { hook, .. } = &step.kind else {
            continue;
        };
        let (before, after) = (&step.before, &step.after);
        if (before.destination, before.destination_port())
            != (after.destination, after.destination_port())
        {
            lines.push(format!(
                "{:?} at {} {hook:?}: to {} becomes to {}",
                step.leg,
                step.host,
                socket(before.destination, before.destination_port()),
                socket(after.destination, after.destination_port())
            ));
        }
        if before.source != after.source {
            lines.push(format!(
                "{:?} at {} {hook:?}: from {} becomes from {}",
                step.leg, step.host, before.source, after.source
            ));
        }
    }
    lines
}

fn socket(ip: IpAddr, port: Option<u16>) -> String {
    port.map_or_else(|| ip.to_string(), |it| format!("{ip}:{it}"))
}

/// How many lines of each node's rules name an address.
fn rules(world: &World, name: &str, address: &str) -> Vec<String> {
    let nodes = world.objects.nodes.keys();
    nodes
        .map(|node| {
            let programme = world.programme(node, Family::V4).expect("a node");
            let text = world.mode.dialect.print(&programme.transaction);
            let n = text.lines().filter(|it| it.contains(address)).count();
            format!("{name} on {node}: {}", if n > 0 { "yes" } else { "no" })
        })
        .collect()
}

/// Who has an address on one of its interfaces.
fn who(world: &World, address: &str) -> Vec<String> {
    let ip: IpAddr = address.parse().expect("an address");
    let owner = world.network.owner(ip);
    vec![owner.map_or_else(|| "nobody".to_owned(), |it| it.id.to_string())]
}

fn dig(world: &World, name: &str, kind: &str) -> Vec<String> {
    let question = Question::new(name, RecordType::parse(kind).expect("a type"));
    let answer = world.dns_server().answer(
        &world.objects,
        &question,
        Transport::Udp { edns: None },
        Instant::START,
        &mut Cache::default(),
        &mut Chooser::seeded(1),
    );
    let mut lines: Vec<String> = answer.answer.iter().map(ToString::to_string).collect();
    lines.sort();
    lines.insert(0, answer.rcode.to_string());
    lines
}

/// What a program in a pod is told when it looks a name up, and what its resolver asked.
fn look_up(world: &World, from: &str, name: &str) -> Vec<String> {
    Source::parse(from).expect("a source");
    let request = request(from, name, Protocol::Tcp);
    let outcomes = outcomes(world, &request, 256).expect("it begins");
    let walk = &outcomes.ways.branches.first().expect("a way").result;
    let lookup = walk.lookup.as_ref().expect("a name");
    let mut lines = Vec::new();
    for it in &lookup.resolution.queries {
        lines.push(format!("{} {}: {}", it.name, it.kind, it.answer.rcode));
    }
    let mut ips: Vec<String> = lookup
        .resolution
        .addresses
        .iter()
        .map(ToString::to_string)
        .collect();
    ips.sort();
    lines.push(format!("{name} is [{}]", ips.join(", ")));
    lines
}

fn describe_balancers(it: &Cluster) -> Vec<String> {
    let balancers = balancers(it.store().objects());
    balancers
        .iter()
        .map(|it| {
            let targets = it.targets.iter().map(|it| {
                let who = match &it.object {
                    TargetObject::Node(name) => name.clone(),
                    TargetObject::Pod(_) => it.address.to_string(),
                };
                let health = if it.is_healthy { "" } else { " (unhealthy)" };
                format!("{who}:{}{health}", it.port)
            });
            let targets: Vec<String> = targets.collect();
            format!(
                "{} {}: {}",
                it.service.1,
                it.product.name(),
                targets.join(" ")
            )
        })
        .collect()
}

fn cost(it: &Cluster) -> Vec<String> {
    let cost = hourly_cost(&balancers(it.store().objects()));
    let lines = cost.lines.iter();
    let mut told: Vec<String> = lines.map(|it| format!("{} x {}", it.n, it.what)).collect();
    told.push(format!("{:.4} USD an hour", cost.usd_an_hour()));
    told
}

fn routed(it: &Cluster, host: &str, path: &str) -> String {
    match route(it.store().objects(), "nginx", host, path).answer {
        IngressAnswer::Forwarded {
            service, endpoints, ..
        } => format!("{} by {} endpoint(s)", service.1, endpoints.len()),
        other => format!("{other:?}"),
    }
}

/// The file as it is when everything is done and observed again.
fn observed_again(intro: &str, sections: &[Section]) -> (String, usize) {
    let mut out = intro.to_owned();
    let mut n_observations = 0;
    for section in sections {
        out.push_str(&section.head.join("\n"));
        out.push('\n');
        if let Some(begin) = &section.begin {
            write_command(&mut out, begin, &[]);
        }
        let mut it = begin(section.begin.as_ref());
        for command in &section.commands {
            let observed = run(&mut it, command);
            n_observations += observed.len();
            write_command(&mut out, command, &observed);
        }
        out.push('\n');
    }
    (out.trim_end().to_owned() + "\n", n_observations)
}

fn write_command(out: &mut String, command: &Command, observed: &[String]) {
    out.push_str(&command.line);
    out.push('\n');
    for line in command.body.lines() {
        out.push_str(&format!("| {line}\n"));
    }
    for line in observed {
        out.push_str(&format!("{line}\n"));
    }
}

#[test]
fn every_statement_of_the_tutorial_is_seen_to_hold_or_corrected() {
    let file = text(CASES);
    let (intro, sections) = sections(&file);
    let (again, n_observations) = observed_again(&intro, &sections);
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        std::fs::write(root().join(CASES), &again).expect("written");
    }
    let pairs = file.lines().zip(again.lines()).enumerate();
    for (at, (told, observed)) in pairs {
        assert_eq!(told, observed, "{CASES}:{}", at + 1);
    }
    assert_eq!(file, again);
    let n_rows = sections.iter().filter(|it| !it.commands.is_empty()).count();
    println!("tutorial: {n_rows} rows, {n_observations} observations");
    assert!(n_rows >= 50, "{n_rows} rows");
}

#[test]
fn every_line_of_the_tutorial_has_its_rows_or_is_named_as_somebody_elses() {
    let (_, sections) = sections(&text(CASES));
    let mut is_covered = [false; N_LINES + 1];
    for line in EMPTY_LINES {
        is_covered[line] = true;
    }
    for section in &sections {
        let head = section.head[0].trim_start_matches("## ");
        let (range, says) = head.split_once(' ').expect("lines, and what they say");
        assert!(!says.is_empty(), "{head}");
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let first: usize = first.parse().expect("a line");
        let last: usize = last.parse().expect("a line");
        assert!(first <= last && last <= N_LINES, "{head}");
        is_covered[first..=last].fill(true);
        let is_elsewhere = section.head.iter().any(|it| it.starts_with("= "));
        assert!(
            is_elsewhere == section.commands.is_empty(),
            "{head}: shown here, or named as shown elsewhere"
        );
    }
    let missing: Vec<usize> = (1..=N_LINES).filter(|it| !is_covered[*it]).collect();
    assert_eq!(missing, Vec::<usize>::new(), "lines without a section");
}

#[test]
fn what_is_said_to_be_shown_elsewhere_is_there() {
    let (_, sections) = sections(&text(CASES));
    let elsewhere = sections.iter().flat_map(|it| &it.head);
    for line in elsewhere.filter_map(|it| it.strip_prefix("= ")) {
        if line == "says nothing to be shown" {
            continue;
        }
        let (file, what) = line.split_once(": ").unwrap_or((line, ""));
        if let Some(issue) = file.strip_prefix("issue ") {
            issue.parse::<u32>().expect("a number");
            continue;
        }
        let found = text(file);
        assert!(found.contains(what), "{what:?} is not in {file}");
    }
}

/// What a section's commands mean can be read: the world is that of a manifest.
#[test]
fn the_figure_has_the_tutorials_numbers() {
    let manifest = read(&[packetwalk_core::api::File {
        name: "figure.yaml".into(),
        text: text("static/manifests/clusterip.yaml").as_str().into(),
    }]);
    assert_eq!(manifest.complaints, []);
    let text = text("static/manifests/clusterip.yaml");
    for number in ["10.96.0.10", "10.244.1.5", "10.244.2.3", "8080"] {
        assert!(text.contains(number), "{number}");
    }
}
