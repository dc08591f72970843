//! `packetwalk doctor`: what is wrong with the Services of some manifests, or of a cluster's dump, and how one knows.
//!
//! Exit code 0 where nothing is wrong (notes are no faults), 1 where something is.
//!
//! **Left out**: asking a live cluster by itself; `kubectl get … -A -o yaml` piped in does.

use crate::error::Error;
use crate::input::{Manifests, Settings};
use crate::output;
use packetwalk_core::doctor::{Asked, Diagnosis, Finding, Tried, examine};
use packetwalk_core::net::Protocol;
use packetwalk_core::sim::{Destination, Source};
use packetwalk_core::view;
use serde_json::{Value, json};
use std::fmt::Write;
use std::process::ExitCode;

/// Say what is wrong with these Services, with evidence, what to do, and the request that shows it
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[command(flatten)]
    manifests: Manifests,
    #[command(flatten)]
    settings: Settings,
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

Exit code: 0 if nothing is wrong, 1 if something is.";

/// Prints what was found. Whether anything is wrong is the exit code.
pub fn run(arguments: &Arguments) -> ExitCode {
    let told = diagnose(arguments).and_then(|diagnosis| {
        match arguments.output.as_str() {
            "json" => output::json(&as_json(&diagnosis)),
            _ => output::answer(&as_text(&diagnosis)),
        }?;
        Ok(diagnosis.is_well())
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

fn diagnose(arguments: &Arguments) -> Result<Diagnosis, Error> {
    let protocol = Protocol::from_name(&arguments.protocol).unwrap_or(Protocol::Tcp);
    let from = arguments.from.as_deref().map(Source::parse).transpose()?;
    let to = arguments.to.as_deref();
    let to = to.map(|it| Destination::parse(it, protocol)).transpose()?;
    let (manifest, world) = arguments.manifests.world(&arguments.settings)?;
    Ok(examine(&world, Some(&manifest), &Asked { from, to }))
}

fn as_json(diagnosis: &Diagnosis) -> Value {
    json!({
        "well": diagnosis.is_well(),
        "summary": diagnosis.sentence(),
        "checked": diagnosis.checked,
        "findings": diagnosis.findings,
    })
}

fn as_text(diagnosis: &Diagnosis) -> String {
    let mut text = String::new();
    for it in &diagnosis.findings {
        tell(&mut text, it);
        text.push('\n');
    }
    text.push_str(&diagnosis.sentence());
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
