//! `packetwalk doctor`: what is wrong with the Services of some manifests, or of a cluster's dump, and how one knows.
//!
//! Exit code 0 where nothing is wrong (notes are no faults), 1 where something is.
//!
//! With `--node` this machine itself is looked at: kernel settings, the table of connections, and with `-f` whether the
//! rules that are loaded lead where the Services say.
//!
//! **Left out**: asking a live cluster by itself; `kubectl get … -A -o yaml` piped in does.

use crate::error::Error;
use crate::input::{Manifests, Settings};
use crate::kernel::Place;
use crate::node::{checks, host_name, live, node_of};
use crate::output;
use packetwalk_core::doctor::{Asked, Diagnosis, Finding, Tried, examine};
use packetwalk_core::net::Protocol;
use packetwalk_core::sim::{Destination, Source, World};
use packetwalk_core::view;
use serde_json::{Value, json};
use std::fmt::Write;
use std::process::ExitCode;

/// Say what is wrong with these Services, with evidence, what to do, and the request that shows it
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// A manifest: a file, a folder of them, or - for standard input; may be given again
    #[arg(
        short = 'f',
        long = "filename",
        value_name = "FILE",
        required_unless_present = "node"
    )]
    files: Vec<String>,
    #[command(flatten)]
    settings: Settings,
    /// Look at this machine as well (needs root): its settings, and with -f whether it has the rules of the Services. NAME is
    /// the Node it stands for, if neither its address nor its name tells
    #[arg(long, value_name = "NAME", num_args = 0..=1, default_missing_value = "")]
    node: Option<String>,
    /// Who asks: pod/NAME, pod/NAMESPACE/NAME, node/NAME, external, or an address; somebody suitable if nobody is told
    #[arg(long, value_name = "SRC")]
    from: Option<String>,
    /// A request to look into: a URL, a name or an address, as for trace
    #[arg(long, value_name = "DST[:PORT]")]
    to: Option<String>,
    /// The protocol of that request
    #[arg(long, default_value = "tcp", value_parser = ["tcp", "udp", "sctp"])]
    protocol: String,
    /// The form of the answer
    #[arg(short, long, default_value = "text", value_parser = ["text", "json"])]
    output: String,
}

const EXAMPLES: &str = "Examples:
  packetwalk doctor -f cluster.yaml
  kubectl get svc,ep,endpointslices,pods,nodes,deploy,rs,sts,ing,ingressclasses,netpol,ns,events -A -o yaml | packetwalk doctor -f -
  packetwalk doctor -f cluster.yaml --from pod/shop/web --to http://api.billing
  packetwalk doctor -f cluster.yaml --from external -o json
  sudo packetwalk doctor --node
  kubectl get svc,endpointslices,pods,nodes -A -o yaml | sudo packetwalk doctor --node -f -

Exit code: 0 if nothing is wrong, 1 if something is.";

/// What was found, in manifests, on this machine, or both, and what is said of each of them.
#[derive(Default)]
struct Found {
    diagnosis: Diagnosis,
    sentences: Vec<String>,
}

/// Prints what was found. Whether anything is wrong is the exit code.
pub fn run(arguments: &Arguments) -> ExitCode {
    let told = look(arguments).and_then(|found| {
        match arguments.output.as_str() {
            "json" => output::json(&as_json(&found)),
            _ => output::answer(&as_text(&found)),
        }?;
        Ok(found.diagnosis.is_well())
    });
    match told {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            output::remark(&format!("packetwalk: {error}"));
            ExitCode::from(error.exit_code())
        }
    }
}

fn look(arguments: &Arguments) -> Result<Found, Error> {
    let protocol = Protocol::from_name(&arguments.protocol).unwrap_or(Protocol::Tcp);
    let from = arguments.from.as_deref().map(Source::parse).transpose()?;
    let to = arguments.to.as_deref();
    let to = to.map(|it| Destination::parse(it, protocol)).transpose()?;
    let manifests = Manifests {
        files: arguments.files.clone(),
    };
    let mut found = Found::default();
    let world = match arguments.files.is_empty() {
        true => None,
        false => {
            let (manifest, world) = manifests.world(&arguments.settings)?;
            found.diagnosis = examine(&world, Some(&manifest), &Asked { from, to });
            found.sentences.push(found.diagnosis.sentence());
            Some(world)
        }
    };
    if let Some(told) = &arguments.node {
        let told = Some(told.as_str()).filter(|it| !it.is_empty());
        look_at_this_machine(told, world.as_ref(), &mut found)?;
    }
    Ok(found)
}

/// What this machine has to say, before what the manifests have.
fn look_at_this_machine(
    told: Option<&str>,
    world: Option<&World>,
    found: &mut Found,
) -> Result<(), Error> {
    let live = live::read(Place::Here)?;
    for it in &live.remarks {
        output::remark(&format!("packetwalk: {it}"));
    }
    let node = match world {
        Some(world) => node_of(world, told, &live.routing)?,
        None => told.map_or_else(host_name, str::to_owned),
    };
    let mut here = Diagnosis {
        findings: checks::settings(&node, &checks::Here, &live.routing),
        ..Diagnosis::default()
    };
    here.findings
        .extend(checks::nobody_in_charge(&node, Place::Here)?);
    let mut asked = String::new();
    if let Some(world) = world {
        let (of_services, n) = checks::services(world, &node, &live)?;
        here.findings.extend(of_services);
        asked = format!(", and asked {n} addresses of Services");
    }
    found.sentences.push(format!(
        "looked at {node} itself, its settings and {} rules{asked}: {}",
        live.host.ruleset().n_rules(),
        here.verdict()
    ));
    found.diagnosis.findings.splice(0..0, here.findings);
    Ok(())
}

fn as_json(found: &Found) -> Value {
    json!({
        "well": found.diagnosis.is_well(),
        "summary": found.sentences.join("\n"),
        "checked": found.diagnosis.checked,
        "findings": found.diagnosis.findings,
    })
}

fn as_text(found: &Found) -> String {
    let mut text = String::new();
    for it in &found.diagnosis.findings {
        tell(&mut text, it);
        text.push('\n');
    }
    text.push_str(&found.sentences.join("\n"));
    text.push('\n');
    text
}

/// One finding: a line to find it by, the sentence, and what belongs to it indented. Writing to a String cannot fail.
fn tell(text: &mut String, it: &Finding) {
    if let Some(place) = &it.place {
        let at = place.position;
        let _ = write!(text, "{}:{}:{}: ", place.file, at.line, at.column);
    }
    let _ = write!(text, "{}: {}: {}", it.severity.name(), it.id, it.object);
    if !it.path.is_empty() {
        let _ = write!(text, " {}", it.path);
    }
    let _ = writeln!(text, "\n  {}", it.sentence);
    for fact in it.evidence.iter().filter(|it| !it.value.is_empty()) {
        let _ = writeln!(text, "    {}: {}", fact.what, fact.value);
    }
    for follows in &it.consequences {
        let _ = writeln!(text, "  → {}: {}", follows.object, follows.sentence);
    }
    if let Some(tried) = &it.request {
        ask(text, tried);
    }
    for remedy in &it.remedies {
        let says = if remedy.mends { "to mend" } else { "to see" };
        let _ = writeln!(text, "  {says}: {}\n    {}", remedy.says, remedy.command);
    }
}

fn ask(text: &mut String, tried: &Tried) {
    let protocol = match tried.protocol {
        "tcp" => String::new(),
        other => format!(" --protocol {other}"),
    };
    let odds = if tried.probability < 1.0 {
        format!(" ({})", view::odds(tried.probability))
    } else {
        String::new()
    };
    let _ = writeln!(
        text,
        "  see it: --from {} --to {}{protocol}: {}{odds}",
        tried.from,
        tried.to,
        tried.verdict.name()
    );
    for line in tried.symptom.iter().flat_map(|it| it.lines()) {
        let _ = writeln!(text, "    {line}");
    }
}
