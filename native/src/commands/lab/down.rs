//! `packetwalk lab down`: takes labs away, also those whose keeper was killed.
//!
//! **Left out**: labs of `packetwalk verify`, which go with it.

use crate::error::Error;
use crate::keeper::Home;
use crate::kernel;
use crate::output;

/// Take a lab away, with all there is of it
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// The lab; not needed where there is only one
    #[arg(value_name = "NAME", conflicts_with = "all")]
    name: Option<String>,
    /// Every lab
    #[arg(long)]
    all: bool,
}

const EXAMPLES: &str = "Examples:
  sudo packetwalk lab down
  sudo packetwalk lab down shop
  sudo packetwalk lab down --all

Commands that still run inside are ended. It does the same after a keeper was killed, and may be repeated.";

/// Takes them away, and says so.
pub(super) fn run(arguments: &Arguments) -> Result<(), Error> {
    kernel::require_root()?;
    let labs = match (&arguments.name, arguments.all) {
        (_, true) => Home::all()?,
        (name, false) => vec![Home::there(name.as_deref())?],
    };
    if labs.is_empty() {
        output::remark("there is no lab");
    }
    let mut failed = Vec::new();
    for home in labs {
        match home.remove() {
            Ok(n_namespaces) => output::answer(&format!(
                "lab {} is gone: {n_namespaces} namespaces",
                home.id()
            ))?,
            Err(error) => failed.push((home, error)),
        }
    }
    match failed.len() {
        0 => Ok(()),
        1 => Err(failed.remove(0).1),
        _ => {
            for (home, error) in &failed {
                output::remark(&format!("packetwalk: {}: {error}", home.id()));
            }
            Err(Error::NotRun(format!(
                "{} labs could not be taken away: try again with packetwalk lab down --all",
                failed.len()
            )))
        }
    }
}
