//! `packetwalk trace`: follow a packet from where it is sent to where it ends, and back.
//!
//! As text or JSON, or in a form that other tools read: markdown, a mermaid sequence, a capture
//! for Wireshark, a picture of one step.
//!
//! **Left out**: captures and pictures of several ways at once.

use crate::error::Error;
use crate::figure::{self, map_of};
use crate::input::{Manifests, Settings};
use crate::output;
use packetwalk_core::api::Manifest;
use packetwalk_core::chance::{Branch, Chooser};
use packetwalk_core::export::{self, Depth, ToldWay};
use packetwalk_core::net::Protocol;
use packetwalk_core::sim::{
    Destination, HostId, Request, Source, Walk, World, outcomes, symptoms, walk,
};
use packetwalk_core::view;
use packetwalk_web::components::stage::figure::svg;
use serde_json::{Value, json};
use std::fmt::Write;

/// Follow a packet through names, rules and connection tracking, there and back
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[command(flatten)]
    manifests: Manifests,
    #[command(flatten)]
    settings: Settings,
    /// Who asks: pod/NAME, pod/NAMESPACE/NAME, node/NAME, external, or an address
    #[arg(long, value_name = "SRC")]
    from: String,
    /// Whom: a URL, a name as the pod would write it, or an address; with a port where needed
    #[arg(long, value_name = "DST[:PORT]")]
    to: String,
    /// The protocol
    #[arg(long, default_value = "tcp", value_parser = ["tcp", "udp", "sctp", "icmp"])]
    protocol: String,
    /// The node at whose uplink the packet comes in
    #[arg(long)]
    node: Option<String>,
    /// Every way the request can go, with its probability
    #[arg(long)]
    all: bool,
    /// Every rule that was asked: what matched, what did not, and why
    #[arg(long)]
    explain: bool,
    /// The form of the answer; pcapng and svg show one way, the one drawn by --seed
    #[arg(short, long, default_value = "text", value_parser = ["text", "json", "markdown", "mermaid", "pcapng", "svg"])]
    output: String,
    /// Which step an svg shows, counted from 1; the last one of the request if none is given
    #[arg(long, value_name = "N")]
    step: Option<usize>,
}

const EXAMPLES: &str = "Examples:
  packetwalk trace -f static/manifests/clusterip.yaml --from pod/client --to http://api
  packetwalk trace -f cluster.yaml --from pod/shop/web --to api.billing:8080 --explain
  packetwalk trace -f cluster.yaml --from external --to 172.18.0.3:31080 --all -o json
  packetwalk trace -f cluster.yaml --from pod/client --to http://api -o pcapng > walk.pcapng
  packetwalk trace -f cluster.yaml --from pod/client --to http://api -o svg --step 3 > step.svg";

/// The most ways that are explored.
const MAX_WAYS: usize = 4096;

/// Prints the walk, or all walks.
///
/// # Errors
/// When the manifests or the request are wrong.
pub fn run(arguments: &Arguments) -> Result<(), Error> {
    let (manifest, world) = arguments.manifests.world(&arguments.settings)?;
    let request = request(arguments)?;
    let branches = if arguments.all {
        let ways = outcomes(&world, &request, MAX_WAYS)?.ways;
        if !ways.complete {
            output::remark(&format!("only the first {MAX_WAYS} ways were explored"));
        }
        ways.branches
    } else {
        let mut chooser = Chooser::seeded(arguments.settings.seed);
        let result = walk(&world, &request, &mut chooser)?;
        let made = chooser.made();
        vec![Branch {
            probability: made.iter().map(|it| it.probability).product(),
            picks: made.iter().map(|it| it.picked).collect(),
            result,
        }]
    };
    match arguments.output.as_str() {
        "json" => output::json(&as_json(&branches)),
        "markdown" => {
            let depth = if arguments.explain {
                Depth::Rules
            } else {
                Depth::Summary
            };
            let ways = told(&manifest, &world, &branches);
            output::answer(&export::markdown(&ways, depth))
        }
        "mermaid" => output::answer(&export::mermaid(&told(&manifest, &world, &branches))),
        "pcapng" => output::bytes(&export::pcapng(only(&branches)?, &world.cluster.clock())),
        "svg" => output::answer(&picture(arguments, &manifest, &world, only(&branches)?)?),
        _ => output::answer(&as_text(arguments, &manifest, &world, &branches)),
    }
}

/// The one way that a capture or a picture shows.
fn only(branches: &[Branch<Walk>]) -> Result<&Walk, Error> {
    match branches {
        [one] => Ok(&one.result),
        several => Err(Error::Input(format!(
            "--output pcapng and svg show one way, and there are {}: leave --all out, and choose with --seed",
            several.len()
        ))),
    }
}

fn told<'a>(manifest: &Manifest, world: &World, branches: &'a [Branch<Walk>]) -> Vec<ToldWay<'a>> {
    let tell = |it: &'a Branch<Walk>| {
        let map = map_of(world, &it.result);
        ToldWay {
            odds: view::odds(it.probability),
            hops: view::hops(world, manifest, &map, &it.result),
            ending: view::ending(&it.result.ending),
            walk: &it.result,
        }
    };
    branches.iter().map(tell).collect()
}

fn picture(
    arguments: &Arguments,
    manifest: &Manifest,
    world: &World,
    walk: &Walk,
) -> Result<String, Error> {
    let map = map_of(world, walk);
    let hops = view::hops(world, manifest, &map, walk);
    let position = figure::position(&hops, arguments.step)?;
    Ok(svg(map, hops, position)?)
}

fn request(arguments: &Arguments) -> Result<Request, Error> {
    let protocol = Protocol::from_name(&arguments.protocol).unwrap_or(Protocol::Tcp);
    let mut request = Request::new(
        Source::parse(&arguments.from)?,
        Destination::parse(&arguments.to, protocol)?,
    );
    request.enter_at = arguments.node.clone().map(HostId::Node);
    Ok(request)
}

fn as_json(branches: &[Branch<Walk>]) -> Value {
    let outcomes: Vec<Value> = branches
        .iter()
        .map(|it| {
            let ending = &it.result.ending;
            json!({
                "probability": it.probability,
                "verdict": ending.verdict,
                "by": ending.by,
                "reason": ending.reason,
                "destination": ending.destination,
                "object": ending.object,
                "rewritten": ending.rewritten,
                "source_seen": ending.source_seen,
                "masqueraded": ending.masqueraded,
                "symptom": ending.symptom,
                "exit_code": ending.exit_code,
                "symptoms": symptoms(&it.result),
                "onward": it.result.onward,
                "steps": it.result.steps,
            })
        })
        .collect();
    let lookup = branches.first().and_then(|it| it.result.lookup.as_ref());
    let queries = lookup.map(|it| json!(it.resolution.queries));
    json!({ "outcomes": outcomes, "dns": queries.unwrap_or_else(|| json!([])) })
}

fn as_text(
    arguments: &Arguments,
    manifest: &Manifest,
    world: &World,
    branches: &[Branch<Walk>],
) -> String {
    let mut text = String::new();
    for (idx, branch) in branches.iter().enumerate() {
        if branches.len() > 1 || branch.probability < 1.0 {
            // Writing to a String cannot fail.
            let _ = writeln!(
                text,
                "{}way {} of {}, probability {:.3}",
                if idx > 0 { "\n" } else { "" },
                idx + 1,
                if arguments.all {
                    branches.len().to_string()
                } else {
                    "several (--all shows them)".to_owned()
                },
                branch.probability
            );
        }
        text.push_str(&walk_text(arguments, manifest, world, &branch.result));
    }
    text
}

fn walk_text(arguments: &Arguments, manifest: &Manifest, world: &World, walk: &Walk) -> String {
    let map = view::map(world, &walk.from, None, view::Layout::Wide);
    let hops = view::hops(world, manifest, &map, walk);
    let mut text = if arguments.explain {
        view::explanation(&hops)
    } else {
        view::summary(&hops)
    };
    let ending = view::ending(&walk.ending);
    let _ = writeln!(text, "{}: {}", walk.ending.verdict.name(), ending.sentence);
    for it in symptoms(walk) {
        let _ = writeln!(text, "{}\n    exit code {}", it.text, it.exit_code);
    }
    text
}
