//! `packetwalk verify`: the same flows through the simulation and the kernel, step by step.
//!
//! Every pod and node asks every Service: on each of its ports, on a port it does not have, and by
//! ping; and every pod asks every pod. They and the client outside ask every NodePort of every node and every load balancer;
//! nodes ask their NodePorts on 127.0.0.1. Where the rules draw lots, connections are made until the
//! kernel has drawn every way the simulation knows, and the walk compared is the one it drew.
//!
//! **Left out**: random worlds; ipvs mode (it is said to be not run); SCTP; sources in `kube-system`. Of a load balancer
//! that passes packets on unchanged, one node is tried.

use crate::commands::lesson;
use crate::compare::{Comparison, Disagreement, Observed, compare, way_drawn};
use crate::confirmed;
use crate::error::Error;
use crate::input::{Manifests, Settings};
use crate::kernel::probe::Probe;
use crate::lab::{Tamper, WorldLab, probe_protocol, simulated_rules, way_in};
use crate::output;
use packetwalk_core::controllers::Delivery;
use packetwalk_core::ip::{IpAddr, parse_sloppy};
use packetwalk_core::lesson::stages;
use packetwalk_core::net::Protocol;
use packetwalk_core::netfilter::dialect::{Dialect, iptables, nft};
use packetwalk_core::netfilter::{Ruleset, TableFamily, TableKey, Transaction};
use packetwalk_core::policy;
use packetwalk_core::sim::{
    Destination, Host, HostId, Request, Source, Walk, Why, World, outcomes,
};

use serde::Serialize;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::net::SocketAddr;
use std::path::Path;

/// Check the simulation against the Linux kernel, step by step (needs root)
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// A manifest: a file, a folder of them, or - for standard input; may be given again
    #[arg(
        short = 'f',
        long = "filename",
        value_name = "FILE",
        required_unless_present = "all_lessons"
    )]
    files: Vec<String>,
    /// What is asked in the lessons of a folder, in the worlds they begin and end in
    #[arg(long, value_name = "DIR", num_args = 0..=1, default_missing_value = "static/lessons", conflicts_with = "files")]
    all_lessons: Option<String>,
    /// Also write what was confirmed, lesson by lesson, into a file, for the page to show
    #[arg(long, value_name = "FILE", requires = "all_lessons")]
    confirm: Option<String>,
    #[command(flatten)]
    settings: Settings,
    /// The form of the report
    #[arg(short, long, default_value = "text", value_parser = ["text", "json"])]
    output: String,
}

const EXAMPLES: &str = "Examples:
  sudo packetwalk verify -f static/manifests/clusterip.yaml
  sudo packetwalk verify -f my-cluster.yaml -o json
  sudo packetwalk verify -f my-cluster.yaml --mode iptables
  sudo packetwalk verify --all-lessons
  sudo packetwalk verify --all-lessons --confirm static/lessons/confirmed.json

ipvs mode is never compared: it is said to be not run (exit code 3).
Nodes and pods become network namespaces of their own, made for this run and removed after it.
Nothing outside them is touched.";

/// How often a flow is tried at least where the rules draw lots.
const MIN_TRIES: usize = 4;

/// The most ways of a flow that are explored.
const MAX_WAYS: usize = 512;

/// After so many connections, a way that was never drawn is a disagreement: with `n_ways` equal ways
/// that happens by chance less than once in e^40 verifications.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a few thousand at the most"
)]
fn max_tries(n_ways: usize) -> usize {
    let n = n_ways as f64;
    (n * (n.ln() + 40.0)).ceil() as usize
}

/// The first source port; every connection has its own.
const FIRST_PORT: u16 = 40_000;

/// What a verification came to.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// Flow by flow.
    pub flows: Vec<FlowReport>,
    /// How many rules the kernel lists as they were loaded.
    pub n_rules: usize,
    /// How many steps were compared in all.
    pub n_steps: usize,
    /// How many real packets' stories were compared.
    pub n_walks: usize,
    /// How many flows were not run, because this kernel check cannot send them (SCTP), or nobody has their address.
    pub n_left_out: usize,
    /// Every difference, each once.
    pub disagreements: Vec<Disagreement>,
}

/// What one flow came to.
#[derive(Clone, Debug, Serialize)]
pub struct FlowReport {
    /// Who asked.
    pub from: String,
    /// Whom.
    pub to: String,
    /// How often.
    pub n_connections: usize,
    /// The ways that were drawn, with their counts.
    pub ways: Vec<(String, usize)>,
    /// How many steps were compared.
    pub n_steps: usize,
    /// How many of them differ.
    pub n_disagreements: usize,
}

impl Report {
    fn take_in(&mut self, other: Report) {
        let Report {
            flows,
            n_rules,
            n_steps,
            n_walks,
            n_left_out,
            disagreements,
        } = other;
        self.flows.extend(flows);
        self.n_rules += n_rules;
        self.n_steps += n_steps;
        self.n_walks += n_walks;
        self.n_left_out += n_left_out;
        self.disagreements.extend(disagreements);
    }
}

/// Verifies, and reports.
///
/// # Errors
/// When this machine cannot, or a difference was found.
pub fn run(arguments: &Arguments) -> Result<(), Error> {
    let report = match &arguments.all_lessons {
        Some(folder) => {
            let each = verify_each_lesson(Path::new(folder))?;
            if let Some(file) = &arguments.confirm {
                confirmed::keep(file, &each)?;
            }
            together(each)
        }
        None => {
            let manifests = Manifests {
                files: arguments.files.clone(),
            };
            verify(&manifests.world(&arguments.settings)?.1, None)?
        }
    };
    if arguments.output == "json" {
        output::json(&json!(report))?;
    } else {
        output::answer(&as_text(&report))?;
    }
    match report.disagreements.len() {
        0 => Ok(()),
        1 => Err(Error::Disagreement("1 disagreement".into())),
        n => Err(Error::Disagreement(format!("{n} disagreements"))),
    }
}

/// Runs every flow of a world through both arms.
///
/// # Errors
/// When this machine cannot.
pub fn verify(world: &World, tamper: Option<Tamper<'_>>) -> Result<Report, Error> {
    run_flows(world, tamper, flows(world))
}

/// Runs what lessons ask through both arms, world by world.
///
/// # Errors
/// When this machine cannot, or a lesson cannot be read.
pub fn verify_lessons(folder: &Path) -> Result<Report, Error> {
    verify_each_lesson(folder).map(together)
}

fn together(reports: Vec<(String, Report)>) -> Report {
    let mut all = Report::default();
    for (_, report) in reports {
        all.take_in(report);
    }
    all
}

/// The same, lesson by lesson.
fn verify_each_lesson(folder: &Path) -> Result<Vec<(String, Report)>, Error> {
    let mut reports = Vec::new();
    for lesson in lesson::lessons(folder)? {
        let mut of_lesson = Report::default();
        for stage in stages(&lesson) {
            let requests = stage.requests.into_iter();
            let (late, requests): (Vec<_>, Vec<_>) =
                requests.partition(|it| is_told_late(&stage.world, it));
            let mut report = verify_requests(&stage.world, &requests)?;
            report.n_left_out += late.len();
            let place = format!("{}, {}: ", lesson.name, stage.name);
            for flow in &mut report.flows {
                flow.from.insert_str(0, &place);
            }
            of_lesson.take_in(report);
        }
        reports.push((lesson.name, of_lesson));
    }
    Ok(reports)
}

/// Whether nobody on a link has the address: Linux asks for three seconds before it tells, and probes wait for half a one.
fn is_told_late(world: &World, request: &Request) -> bool {
    outcomes(world, request, MAX_WAYS).is_ok_and(|it| {
        let mut endings = it.ways.branches.iter().map(|it| &it.result.ending);
        endings.any(|it| it.reason == Some(Why::NobodyThere))
    })
}

/// Runs these requests through both arms. Names are looked up by the simulation alone; a request that leaves an address
/// no host has is not sent, and counted.
///
/// # Errors
/// When this machine cannot, or a request cannot begin.
pub fn verify_requests(world: &World, requests: &[Request]) -> Result<Report, Error> {
    let mut plans = Vec::new();
    for request in requests {
        plans.extend(planned(world, request)?);
    }
    run_flows(world, None, plans)
}

/// What is sent for a request: a flow for every address its name may come to.
fn planned(world: &World, request: &Request) -> Result<Vec<FlowPlan>, Error> {
    let ways = outcomes(world, request, MAX_WAYS)?.ways;
    let mut addresses: Vec<IpAddr> = Vec::new();
    for branch in &ways.branches {
        let first = branch.result.steps.first();
        let address = first.map(|it| it.before.destination);
        addresses.extend(address.filter(|it| !addresses.contains(it)));
    }
    let from = ways.branches.first().map(|it| it.result.from.clone());
    let plan = |address: IpAddr| {
        Some(FlowPlan {
            from: from.clone()?,
            address,
            port: request.to.port,
            protocol: request.to.protocol,
            enter_at: request
                .enter_at
                .clone()
                .or_else(|| entry(world, from.as_ref()?, address)),
        })
    };
    Ok(addresses.into_iter().filter_map(plan).collect())
}

/// Where a packet from outside to an address that no host has comes in.
fn entry(world: &World, from: &HostId, address: IpAddr) -> Option<HostId> {
    match from {
        HostId::Outside => way_in(world, address),
        _ => None,
    }
}

fn run_flows(
    world: &World,
    tamper: Option<Tamper<'_>>,
    plans: Vec<FlowPlan>,
) -> Result<Report, Error> {
    if world.mode.name == "ipvs" {
        return Err(Error::NotRun(why_ipvs_is_not_run()));
    }
    let mut lab = WorldLab::build(world, tamper)?;
    let mut report = Report::default();
    compare_rulesets(world, &lab, &mut report);
    let mut port = FIRST_PORT;
    for flow in plans {
        let told = run_flow(world, &mut lab, &flow, &mut port);
        match told {
            Ok(None) => report.n_left_out += 1,
            Ok(Some((flow_report, comparison))) => {
                report.n_walks += flow_report.n_connections;
                report.n_steps += comparison.n_steps;
                for it in comparison.disagreements {
                    if !report.disagreements.contains(&it) {
                        report.disagreements.push(it);
                    }
                }
                report.flows.push(flow_report);
            }
            Err(error) => {
                // The flow's own failure is what is told; what could not be removed is found and
                // removed by the next run.
                drop(lab);
                return Err(error);
            }
        }
    }
    lab.close()?;
    Ok(report)
}

/// ipvs mode is compared with no kernel so far, and never counted as agreement.
fn why_ipvs_is_not_run() -> String {
    let reason = match std::path::Path::new(IP_VS).exists() {
        false => format!("not run on this kernel: it has no ip_vs ({IP_VS} is not there)"),
        true => "not run: the lab cannot load virtual servers yet".to_owned(),
    };
    format!("ipvs mode was {reason}; nothing was compared, which is no agreement")
}

/// Where a kernel with ip_vs lists its virtual servers.
const IP_VS: &str = "/proc/net/ip_vs";

/// A flow to send: who, whom, how.
struct FlowPlan {
    from: HostId,
    address: IpAddr,
    port: Option<u16>,
    protocol: Protocol,
    /// The node where it comes in, if that is the router's choice.
    enter_at: Option<HostId>,
}

fn flows(world: &World) -> Vec<FlowPlan> {
    let hosts: Vec<&HostId> = world
        .network
        .hosts()
        .map(|it| &it.id)
        .filter(|it| !world.network.is_down(it))
        .filter(|it| match it {
            HostId::Pod(namespace, _) => namespace != "kube-system",
            HostId::Node(_) | HostId::Outside => true,
            HostId::Router => false,
        })
        .collect();
    let mut flows = Vec::new();
    for from in &hosts {
        let mut destinations = node_ports(world);
        destinations.append(&mut balancers(world, from));
        if **from != HostId::Outside {
            destinations.append(&mut inside(world, from));
        }
        if let HostId::Node(_) = from {
            destinations.append(&mut on_localhost(&destinations));
        }
        for (address, port, protocol) in destinations {
            flows.push(FlowPlan {
                from: (*from).clone(),
                enter_at: entry(world, from, address),
                address,
                port,
                protocol,
            });
        }
    }
    flows
}

/// Somewhere to send to.
type Target = (IpAddr, Option<u16>, Protocol);

/// Every NodePort on every node: the way in for everybody.
fn node_ports(world: &World) -> BTreeSet<Target> {
    let nodes = world.objects.nodes.values();
    let addresses: Vec<IpAddr> = nodes.flat_map(|it| it.internal_ips()).collect();
    let ports = world
        .objects
        .services
        .values()
        .flat_map(|it| &it.spec.ports);
    let mut all = BTreeSet::new();
    for port in ports {
        let protocol = Protocol::from_name(port.protocol.as_deref().unwrap_or("TCP"));
        let number = port.node_port.and_then(|it| u16::try_from(it).ok());
        let (Some(protocol), Some(number)) = (protocol, number.filter(|it| *it != 0)) else {
            continue;
        };
        all.extend(addresses.iter().map(|it| (*it, Some(number), protocol)));
    }
    all
}

/// Load balancers and `externalIPs`. One that is no VIP of kube-proxy's is outside to pods, whom the outside does not
/// know.
fn balancers(world: &World, from: &HostId) -> BTreeSet<Target> {
    let mut all = BTreeSet::new();
    for balance in world.network.balances() {
        for (port, protocol) in &balance.listeners {
            let is_sent = |_: &&IpAddr| {
                balance.delivery == Delivery::Unchanged || !matches!(from, HostId::Pod(..))
            };
            let addresses = balance.addresses.iter().filter(is_sent);
            all.extend(addresses.map(|it| (*it, Some(*port), *protocol)));
        }
    }
    let services = world.objects.services.values();
    for service in services {
        let addresses = service.spec.external_ips.iter();
        for address in addresses.filter_map(|it| parse_sloppy(it)) {
            for port in &service.spec.ports {
                let protocol = Protocol::from_name(port.protocol());
                if let (Some(protocol), Ok(number)) = (protocol, u16::try_from(port.port)) {
                    all.insert((address, Some(number), protocol));
                }
            }
        }
    }
    all
}

/// The NodePorts among some targets, on the loopback.
fn on_localhost(targets: &BTreeSet<Target>) -> BTreeSet<Target> {
    let localhost = IpAddr::from([127, 0, 0, 1]);
    let ports = targets
        .iter()
        .filter(|it| it.1.is_some_and(|it| it >= 30_000));
    let tcp = ports.filter(|it| it.2 == Protocol::Tcp);
    tcp.map(|it| (localhost, it.1, it.2)).collect()
}

/// ClusterIPs and pods: only those inside know a way to them.
fn inside(world: &World, from: &HostId) -> BTreeSet<Target> {
    let mut all = BTreeSet::new();
    let services = world.objects.services.values();
    for service in services.filter(|it| it.metadata.namespace != "kube-system") {
        for address in service.cluster_ips() {
            let mut used = Vec::new();
            for port in &service.spec.ports {
                let protocol = Protocol::from_name(port.protocol.as_deref().unwrap_or("TCP"));
                if let (Some(protocol), Ok(number)) = (protocol, u16::try_from(port.port)) {
                    all.insert((address, Some(number), protocol));
                    used.push(number);
                }
            }
            let unknown = (1..=u16::MAX).find(|it| !used.contains(it));
            all.insert((address, unknown, Protocol::Tcp));
            let ping = match address {
                IpAddr::V4(_) => Protocol::Icmp,
                IpAddr::V6(_) => Protocol::Icmpv6,
            };
            all.insert((address, None, ping));
        }
    }
    for host in world.network.hosts() {
        let HostId::Pod(namespace, name) = &host.id else {
            continue;
        };
        if namespace == "kube-system" || host.id == *from {
            continue;
        }
        let ips = world.objects.pod(namespace, name).map(|it| it.ips());
        for address in ips.into_iter().flatten() {
            let open = host.listens.iter().map(|(it, _)| (it.port, it.protocol));
            for (port, protocol) in open.chain([(9, Protocol::Tcp)]) {
                all.insert((address, Some(port), protocol));
            }
        }
    }
    all
}

fn run_flow(
    world: &World,
    lab: &mut WorldLab,
    plan: &FlowPlan,
    port: &mut u16,
) -> Result<Option<(FlowReport, Comparison)>, Error> {
    let Some(protocol) = probe_protocol(plan.protocol) else {
        return Ok(None);
    };
    let destination = Destination {
        name: plan.address.to_string(),
        port: plan.port,
        protocol: plan.protocol,
        url: None,
    };
    let mut report = FlowReport {
        from: plan.from.to_string(),
        to: format!("{destination} {}", plan.protocol),
        n_connections: 0,
        ways: Vec::new(),
        n_steps: 0,
        n_disagreements: 0,
    };
    let mut comparison = Comparison::default();
    let mut drawn: BTreeSet<usize> = BTreeSet::new();
    let mut n_ways = 1;
    while report.n_connections < max_tries(n_ways) {
        if drawn.len() >= n_ways && (n_ways == 1 || report.n_connections >= MIN_TRIES) {
            break;
        }
        *port = port.checked_add(1).unwrap_or(FIRST_PORT);
        let mut request = Request::new(Source::Host(plan.from.clone()), destination.clone());
        request.source_port = Some(*port);
        request.enter_at.clone_from(&plan.enter_at);
        let ways = outcomes(world, &request, MAX_WAYS)?;
        n_ways = ways.ways.branches.len();
        let at = SocketAddr::new(plan.address, plan.port.unwrap_or_default());
        let probe = Probe::new(protocol, at).from_port(*port);
        lab.forget(world)?;
        lab.listen()?;
        let outcome = lab.send(&plan.from, &probe)?;
        let recordings = lab.listen()?;
        let observed = Observed {
            recordings: &recordings,
            listing: &|host, table| lab.listing(host, table),
            ruleset: &|host| simulated_rules(world, host),
            dialect: world.mode.dialect,
            known: &BTreeMap::new(),
            outcome: &outcome,
        };
        let (idx, walk) = way_drawn(&ways, &observed);
        comparison.add(compare(walk, &observed));
        note_losses(&recordings, &mut comparison);
        report.n_connections += 1;
        if drawn.insert(idx) {
            report.ways.push((way_name(walk), 0));
        }
        let name = way_name(walk);
        if let Some(it) = report.ways.iter_mut().find(|it| it.0 == name) {
            it.1 += 1;
        }
    }
    comparison.check(
        &report.from,
        &format!(
            "the ways drawn in {} connections to {}",
            report.n_connections, report.to
        ),
        n_ways.to_string(),
        drawn.len().to_string(),
    );
    report.n_steps = comparison.n_steps;
    report.n_disagreements = comparison.disagreements.len();
    Ok(Some((report, comparison)))
}

fn way_name(walk: &Walk) -> String {
    let verdict = walk.ending.verdict.name();
    match &walk.ending.object {
        Some(object) if verdict == "delivered" => object.to_string(),
        Some(object) => format!("{verdict} by {object}"),
        None => verdict.to_owned(),
    }
}

/// Events the kernel could not deliver are a difference like any other: nothing is lost silently.
fn note_losses(
    recordings: &BTreeMap<HostId, crate::kernel::monitor::Recording>,
    comparison: &mut Comparison,
) {
    for (host, it) in recordings {
        let told = if it.is_complete() {
            "complete".to_owned()
        } else {
            format!(
                "{} overflows, {} unreadable",
                it.n_overflows, it.n_malformed
            )
        };
        comparison.check(
            &format!("{}, the kernel's events", host.short()),
            "their completeness",
            "complete".to_owned(),
            told,
        );
    }
}

/// The kernel's listing of every node's rules, read back, must be the rules that were generated.
fn compare_rulesets(world: &World, lab: &WorldLab, report: &mut Report) {
    for host in world.network.hosts() {
        if world.mode.dialect == Dialect::Iptables {
            compare_saved(host, lab, report);
        }
        for table in host.ruleset.tables() {
            if world.mode.dialect == Dialect::Iptables && &*table.key.name != policy::TABLE {
                continue;
            }
            let Some(listing) = lab.listing(&host.id, &table.key) else {
                continue;
            };
            let place = format!("{}, table {}", host.id.short(), table.key);
            let mut comparison = Comparison::default();
            match nft::parse_listing(&listing.text) {
                Ok(read) => {
                    let mine = nft::canonical_ruleset(&host.ruleset);
                    let theirs = nft::canonical_ruleset(&read.ruleset);
                    compare_table(&place, &table.key, [&mine, &theirs], &mut comparison);
                    report.n_rules += read.ruleset.n_rules();
                }
                Err(error) => comparison.check(
                    &place,
                    "the listing",
                    "nft's own language".into(),
                    format!("cannot be read: {error}"),
                ),
            }
            report.n_steps += comparison.n_steps;
            report.disagreements.extend(comparison.disagreements);
        }
    }
}

/// The same, read back from `iptables-save`.
fn compare_saved(host: &Host, lab: &WorldLab, report: &mut Report) {
    for family in [TableFamily::Ip, TableFamily::Ip6] {
        let Some(listing) = lab.saved(&host.id, family) else {
            continue;
        };
        let place = format!("{}, tables of {}", host.id.short(), family.name());
        let mut comparison = Comparison::default();
        let mut read = Ruleset::default();
        let applied = iptables::parse(listing, family)
            .map_err(|it| it.to_string())
            .and_then(|it| it.apply(&mut read).map_err(|it| it.to_string()));
        match applied {
            Ok(()) => {
                let lines = |it: &Ruleset| sections(&iptables::save(&of_kube_proxy(it), family));
                compare_lines(
                    &place,
                    &lines(&host.ruleset),
                    &lines(&read),
                    &mut comparison,
                );
                report.n_rules += read.n_rules();
            }
            Err(error) => comparison.check(
                &place,
                "the listing",
                "iptables' own language".into(),
                format!("cannot be read: {error}"),
            ),
        }
        report.n_steps += comparison.n_steps;
        report.disagreements.extend(comparison.disagreements);
    }
}

/// The rules without those of NetworkPolicies, which are not in iptables' tables.
fn of_kube_proxy(rules: &Ruleset) -> Ruleset {
    let commands = Transaction::from_ruleset(rules).commands.into_iter();
    let own = Transaction {
        commands: commands
            .filter(|it| &*it.table.name != policy::TABLE)
            .collect(),
        ..Transaction::default()
    };
    let mut without = Ruleset::default();
    own.apply(&mut without)
        .expect("a ruleset can be made from its own commands");
    without
}

/// The lines of a listing, each with its table and its place in its chain.
fn sections(listing: &str) -> BTreeSet<String> {
    let mut table = "";
    let mut chain = "";
    let mut n_in_chain = 0;
    let mut lines = BTreeSet::new();
    for line in listing.lines() {
        if let Some(name) = line.strip_prefix('*') {
            table = name;
        }
        let named = line.strip_prefix("-A ").and_then(|it| it.split(' ').next());
        if let Some(named) = named {
            n_in_chain = if named == chain { n_in_chain + 1 } else { 1 };
            chain = named;
            lines.insert(format!("{table}: rule {n_in_chain}: {line}"));
        } else {
            lines.insert(format!("{table}: {line}"));
        }
    }
    lines
}

/// One table of the simulation's and of the kernel's rules.
fn compare_table(
    place: &str,
    table: &TableKey,
    rulesets: [&Ruleset; 2],
    comparison: &mut Comparison,
) {
    let [mine, theirs] = rulesets.map(|ruleset| -> BTreeSet<String> {
        Transaction::from_ruleset(ruleset)
            .commands
            .iter()
            .filter(|it| it.table == *table)
            .map(ToString::to_string)
            .collect()
    });
    compare_lines(place, &mine, &theirs, comparison);
}

fn compare_lines(
    place: &str,
    mine: &BTreeSet<String>,
    theirs: &BTreeSet<String>,
    comparison: &mut Comparison,
) {
    comparison.n_steps += mine.intersection(theirs).count();
    let absent = || "is not there".to_owned();
    for line in mine.difference(theirs) {
        comparison.check(place, "the listing", line.clone(), absent());
    }
    for line in theirs.difference(mine) {
        comparison.check(place, "the listing", absent(), line.clone());
    }
}

fn as_text(report: &Report) -> String {
    let mut text = String::new();
    for flow in &report.flows {
        let ways: Vec<String> = flow
            .ways
            .iter()
            .map(|(name, n)| format!("{name} ×{n}"))
            .collect();
        let mark = if flow.n_disagreements == 0 {
            "✓"
        } else {
            "✗"
        };
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{mark} {} → {}: {}; {} steps compared",
            flow.from,
            flow.to,
            ways.join(", "),
            flow.n_steps
        );
    }
    for it in &report.disagreements {
        let _ = writeln!(text, "\n{it}");
    }
    let _ = writeln!(
        text,
        "\n{} flows, {} packets followed there and back, {} rules read back, {} steps compared, {} disagreements",
        report.flows.len(),
        report.n_walks,
        report.n_rules,
        report.n_steps,
        report.disagreements.len()
    );
    if report.n_left_out > 0 {
        let _ = writeln!(
            text,
            "{} flows not run (SCTP, or to an address that nobody has)",
            report.n_left_out
        );
    }
    text
}
