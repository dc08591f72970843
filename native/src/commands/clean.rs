//! `packetwalk clean`: removes the tables that `packetwalk apply` made on this machine, and no others.
//!
//! **Left out**: connections that were translated meanwhile, which go on until they end.

use crate::error::Error;
use crate::kernel::{Place, nft};
use crate::node::tables;
use crate::output;
use std::fmt::Write;

/// Remove what `packetwalk apply` loaded on this machine, and nothing else (needs root)
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Remove nothing; only say what would be removed
    #[arg(long)]
    dry_run: bool,
}

const EXAMPLES: &str = "Examples:
  sudo packetwalk clean
  sudo packetwalk clean --dry-run

It may be repeated: where nothing is there, nothing is done.";

/// Removes the tables, in one transaction.
///
/// # Errors
/// When this machine cannot, or the kernel refuses.
pub fn run(arguments: &Arguments) -> Result<(), Error> {
    let tables = tables::ours_here(Place::Here)?;
    let names: Vec<String> = tables.iter().map(|it| format!("table {it}")).collect();
    if names.is_empty() {
        return output::answer("nothing to remove: no table of packetwalk is loaded");
    }
    if arguments.dry_run {
        return output::answer(&format!("would remove {}", names.join(", ")));
    }
    let mut text = String::new();
    for it in &names {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "delete {it}");
    }
    nft::load(Place::Here, &text)?;
    output::answer(&format!("removed {}", names.join(", ")))
}
