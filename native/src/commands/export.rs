//! `packetwalk export`: a step of a walk as a file that stands by itself, for README files and print.
//!
//! As SVG it is a picture that says in words what it shows; as HTML it is that picture with its text: the sentence, the rules that
//! were asked, and every step of the walk. Neither needs a script, or anything from elsewhere.
//!
//! **Left out**: pictures of several ways at once, and of a cluster while time passes.

use crate::error::Error;
use crate::figure;
use crate::input::{Manifests, Settings};
use crate::output;
use packetwalk_core::chance::Chooser;
use packetwalk_core::net::Protocol;
use packetwalk_core::sim::{Destination, HostId, Request, Source, walk};
use packetwalk_core::view::{self, EndingView, Hop};
use packetwalk_web::components::stage::figure::svg;
use std::fs;
use std::path::{Path, PathBuf};

/// Write a step of a walk as a figure that stands by itself: HTML with its text, or SVG
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
    /// Which step, counted from 1; the last one of the request if none is given
    #[arg(long, value_name = "N")]
    step: Option<usize>,
    /// The file; one that ends in .svg is a picture alone. Without it the HTML is printed
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

const EXAMPLES: &str = "Examples:
  packetwalk export -f static/manifests/clusterip.yaml --from pod/client --to http://api -o walk.html
  packetwalk export -f cluster.yaml --from pod/client --to http://api --step 4 -o step.svg
  packetwalk export -f cluster.yaml --from external --to 172.18.0.3:31080 --mode iptables > walk.html";

const PAGE: &str = include_str!("export.css");

/// Writes the figure.
///
/// # Errors
/// When the manifests or the request are wrong, or the file cannot be written.
pub fn run(arguments: &Arguments) -> Result<(), Error> {
    let (manifest, world) = arguments.manifests.world(&arguments.settings)?;
    let request = request(arguments)?;
    let mut chooser = Chooser::seeded(arguments.settings.seed);
    let walk = walk(&world, &request, &mut chooser)?;
    let map = figure::map_of(&world, &walk);
    let hops = view::hops(&world, &manifest, &map, &walk);
    let position = figure::position(&hops, arguments.step)?;
    let picture = svg(map, hops.clone(), position)?;
    let ending = view::ending(&walk.ending);
    let page = || page(arguments, &picture, &hops, position, &ending);
    match &arguments.output {
        Some(path) if is_picture(path) => write(path, &picture),
        Some(path) => write(path, &page()),
        None => output::answer(&page()),
    }
}

fn is_picture(path: &Path) -> bool {
    path.extension()
        .is_some_and(|it| it.eq_ignore_ascii_case("svg"))
}

fn write(path: &Path, text: &str) -> Result<(), Error> {
    fs::write(path, text)
        .map_err(|said| Error::Input(format!("could not write {}: {said}", path.display())))
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

/// The picture with its text.
fn page(
    arguments: &Arguments,
    picture: &str,
    hops: &[Hop],
    position: usize,
    ending: &EndingView,
) -> String {
    let title = format!("{} asks {}", arguments.from, arguments.to);
    let hop = hops.get(position);
    let sentence = hop.map_or(ending.sentence.as_str(), |it| &it.sentence);
    let asked = hop.map_or_else(String::new, asked);
    let steps: String = hops
        .iter()
        .enumerate()
        .map(|(idx, it)| step(it, idx == position))
        .collect();
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>\n{PAGE}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n\
         <figure>\n{picture}\n<figcaption>Step {number} of {n_hops}: {sentence}</figcaption>\n</figure>\n\
         <h2>At this step</h2>\n<pre>{asked}</pre>\n\
         <h2>The walk, step by step</h2>\n<ol>\n{steps}</ol>\n<p><strong>{verdict}</strong>: {end}</p>\n</main>\n</body>\n</html>\n",
        title = escaped(&title),
        number = position + 1,
        n_hops = hops.len(),
        sentence = escaped(sentence),
        asked = escaped(&asked),
        verdict = ending.verdict.name(),
        end = escaped(&ending.sentence),
    )
}

/// What a hop changed and which rules it asked; its sentence is told above.
fn asked(hop: &Hop) -> String {
    let told = view::explanation(std::slice::from_ref(hop));
    let lines = told.lines().skip(1);
    Vec::from_iter(lines).join("\n")
}

fn step(hop: &Hop, is_shown: bool) -> String {
    let current = if is_shown {
        " aria-current=\"step\""
    } else {
        ""
    };
    format!(
        "<li{current}><span>{}</span> {}</li>\n",
        escaped(&hop.place),
        escaped(&hop.sentence)
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
