//! `packetwalk verify`: the same flows through the simulation and the kernel, step by step.
//!
//! Every pod and node asks every Service: on each of its ports, on a port it does not have, and by
//! ping; and every pod asks every pod. They and the client outside ask every NodePort of every node and every load balancer;
//! nodes ask their NodePorts on 127.0.0.1. Where the rules draw lots, connections are made until the
//! kernel has drawn every way the simulation knows, and the walk compared is the one it drew. With `--random` the worlds are
//! made by lot (`crate::random`), and some of their flows are sent once.
//!
//! **Left out**: ipvs mode (it is said to be not run); SCTP; answers of DNS; sources in `kube-system`. Of a load balancer
//! that passes packets on unchanged, one node is tried.

mod flows;
mod frequency;
mod interrupt;
mod random;
mod rounds;
mod rules;
mod shrink;

pub use frequency::Sample;
pub use random::verify_random;
pub use shrink::SmallWorld;

use crate::commands::lesson;
use crate::compare::Disagreement;
use crate::confirmed;
use crate::error::Error;
use crate::input::{Manifests, Settings};
use crate::lab::{Tamper, WorldLab};
use crate::output;
use flows::{FlowPlan, entry, flows};
use packetwalk_core::ip::IpAddr;
use packetwalk_core::lesson::stages;
use packetwalk_core::sim::{Request, Why, World, outcomes};
use rounds::{Rounds, Thoroughness};
use rules::compare_rulesets;
use serde::Serialize;
use serde_json::json;
use std::fmt::Write;
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
        required_unless_present_any = ["all_lessons", "random"]
    )]
    files: Vec<String>,
    /// What is asked in the lessons of a folder, in the worlds they begin and end in
    #[arg(long, value_name = "DIR", num_args = 0..=1, default_missing_value = "static/lessons", conflicts_with = "files")]
    all_lessons: Option<String>,
    /// So many worlds by lot, each of a seed of its own, from --seed on
    #[arg(long, value_name = "N", conflicts_with_all = ["files", "all_lessons"])]
    random: Option<u64>,
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
  sudo packetwalk verify --random 20 --seed 1
  sudo packetwalk verify --random 300 --seed 1 --mode iptables -o json
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
    /// How many connections were made once more, since an answer was missing that the simulation expects.
    pub n_repeated: usize,
    /// How often lots fell how, where there was more than one way.
    pub samples: Vec<Sample>,
    /// How many worlds by lot they were in.
    pub n_worlds: u64,
    /// Worlds that show a difference, made small.
    pub small_worlds: Vec<SmallWorld>,
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
            n_repeated,
            samples,
            n_worlds,
            small_worlds,
            disagreements,
        } = other;
        self.flows.extend(flows);
        self.n_rules += n_rules;
        self.n_steps += n_steps;
        self.n_walks += n_walks;
        self.n_left_out += n_left_out;
        self.n_repeated += n_repeated;
        self.samples.extend(samples);
        self.n_worlds += n_worlds;
        self.small_worlds.extend(small_worlds);
        self.disagreements.extend(disagreements);
    }
}

/// Verifies, and reports.
///
/// # Errors
/// When this machine cannot, or a difference was found.
pub fn run(arguments: &Arguments) -> Result<(), Error> {
    interrupt::hear()?;
    let report = match (&arguments.all_lessons, arguments.random) {
        (_, Some(n_worlds)) => verify_random(n_worlds, &arguments.settings)?,
        (Some(folder), _) => {
            let each = verify_each_lesson(Path::new(folder))?;
            if let Some(file) = &arguments.confirm {
                confirmed::keep(file, &each)?;
            }
            together(each)
        }
        (None, None) => {
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
    verify_requests_with(world, requests, None)
}

/// The same, with rules that are changed on their way to the kernel.
///
/// # Errors
/// As [`verify_requests`].
pub fn verify_requests_with(
    world: &World,
    requests: &[Request],
    tamper: Option<Tamper<'_>>,
) -> Result<Report, Error> {
    let mut plans = Vec::new();
    for request in requests {
        plans.extend(planned(world, request)?);
    }
    run_flows(world, tamper, plans)
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

/// Runs flows through both arms.
///
/// # Errors
/// When this machine cannot.
fn run_flows(
    world: &World,
    tamper: Option<Tamper<'_>>,
    plans: Vec<FlowPlan>,
) -> Result<Report, Error> {
    let found = arms(world, tamper, plans, Thoroughness::EveryWay)?;
    Ok(found.report)
}

/// What both arms said.
struct Found {
    report: Report,
    /// The differences, with the flows in which they came up; none for those in the rules' listing.
    causes: Vec<(Option<FlowPlan>, Disagreement)>,
}

fn arms(
    world: &World,
    tamper: Option<Tamper<'_>>,
    plans: Vec<FlowPlan>,
    thoroughness: Thoroughness,
) -> Result<Found, Error> {
    if world.mode.name == "ipvs" {
        return Err(Error::NotRun(why_ipvs_is_not_run()));
    }
    // When a flow fails, that is what is told: the lab is dropped, and what could not be removed is found and removed by
    // the next run.
    let mut lab = WorldLab::build(world, tamper)?;
    let mut report = Report::default();
    compare_rulesets(world, &lab, &mut report);
    let listed = report.disagreements.iter().cloned();
    let mut causes: Vec<_> = listed.map(|it| (None, it)).collect();
    let mut rounds = Rounds::new(world, &mut lab, thoroughness);
    let flows = rounds.run(plans)?;
    report.samples = rounds.samples(&flows)?;
    for flow in flows {
        if flow.is_left_out {
            report.n_left_out += 1;
            continue;
        }
        let (plan, mut told, comparison) = (flow.plan, flow.report, flow.comparison);
        told.n_steps = comparison.n_steps;
        told.n_disagreements = comparison.disagreements.len();
        report.n_walks += told.n_connections;
        report.n_steps += comparison.n_steps;
        for it in comparison.disagreements {
            causes.push((Some(plan.clone()), it.clone()));
            if !report.disagreements.contains(&it) {
                report.disagreements.push(it);
            }
        }
        report.flows.push(told);
    }
    report.n_repeated = rounds.n_repeated;
    for sample in &report.samples {
        let comparison = frequency::test(sample);
        report.n_steps += comparison.n_steps;
        for it in comparison.disagreements {
            causes.push((sample.plan.clone(), it.clone()));
            report.disagreements.push(it);
        }
    }
    lab.close()?;
    Ok(Found { report, causes })
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

fn as_text(report: &Report) -> String {
    let mut text = String::new();
    // Of worlds by lot there are so many that only those are told that somebody must look at.
    let is_told = |it: &&FlowReport| report.n_worlds == 0 || it.n_disagreements > 0;
    for flow in report.flows.iter().filter(is_told) {
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
    for it in &report.small_worlds {
        let _ = writeln!(text, "\n{it}");
    }
    if report.n_worlds > 0 {
        let _ = write!(text, "\n{} worlds", report.n_worlds);
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
    if !report.samples.is_empty() {
        let n_lots: usize = report.samples.iter().map(|it| it.n_connections).sum();
        let _ = writeln!(
            text,
            "{n_lots} lots counted in {} flows, each by the exact binomial test at the level {:e}",
            report.samples.len(),
            frequency::LEVEL
        );
    }
    if report.n_repeated > 0 {
        let _ = writeln!(
            text,
            "{} connections made once more, since the first time an answer was missing",
            report.n_repeated
        );
    }
    if report.n_left_out > 0 {
        let _ = writeln!(
            text,
            "{} flows not run (SCTP, or to an address that nobody has)",
            report.n_left_out
        );
    }
    text
}
