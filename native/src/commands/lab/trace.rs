//! `packetwalk lab trace`: a real packet, as the kernel tells of it, in the form of a simulated walk.
//!
//! **Left out**: SCTP, which the lab cannot send.

use super::Which;
use super::change::say;
use crate::error::Error;
use crate::keeper::Home;
use crate::keeper::talk::{Form, Question, Wish, ask};
use crate::kernel;

/// Send a real packet, and show what the kernel tells of its way
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    #[command(flatten)]
    which: Which,
    /// Who asks: pod/NAME, pod/NAMESPACE/NAME, node/NAME, external, or an address
    #[arg(long, value_name = "SRC")]
    from: String,
    /// Whom: a URL, a name as the pod would write it, or an address; with a port where needed
    #[arg(long, value_name = "DST[:PORT]")]
    to: String,
    /// The protocol
    #[arg(long, default_value = "tcp", value_parser = ["tcp", "udp", "icmp"])]
    protocol: String,
    /// The simulated walk beside it; differences are exit code 1
    #[arg(long)]
    compare: bool,
    /// The form of the answer
    #[arg(short, long, default_value = "text", value_parser = ["text", "json"])]
    output: String,
}

const EXAMPLES: &str = "Examples:
  sudo packetwalk lab trace --from pod/client --to http://api
  sudo packetwalk lab trace --from pod/client --to http://api --compare
  sudo packetwalk lab trace --from external --to 172.18.0.3:30080 -o json";

/// Has the keeper send it, and prints what it tells.
pub(super) fn run(arguments: &Arguments) -> Result<u8, Error> {
    kernel::require_root()?;
    let home = Home::meant(arguments.which.name.as_deref())?;
    let form = match arguments.output.as_str() {
        "json" => Form::Json,
        _ => Form::Text,
    };
    let question = Question {
        from: arguments.from.clone(),
        to: arguments.to.clone(),
        protocol: arguments.protocol.clone(),
        compare: arguments.compare,
        form,
    };
    say(&ask(&home, &Wish::Trace(question))?)
}
