//! `packetwalk lab apply`, `delete` and `kubectl`: the lab's cluster is changed, and the lab with it.
//!
//! All three are the emulated kubectl, which the lab's keeper runs with the files of the working folder.
//!
//! **Left out**: what goes on for ever (`get --watch`) ends after a virtual hour; `exec` and `port-forward` act in the simulated
//! cluster: real commands are for `packetwalk lab exec`.

use super::Which;
use crate::error::Error;
use crate::keeper::Home;
use crate::keeper::talk::{Reply, Said, Wish, ask};
use crate::kernel;
use crate::output;
use packetwalk_core::shell::Stream;
use std::io::Read;

/// Create or change objects of a lab's cluster, as kubectl apply does
#[derive(Debug, clap::Args)]
pub(super) struct Apply {
    /// A manifest: a file, a folder of them, or - for standard input; may be given again
    #[arg(short = 'f', long = "filename", value_name = "FILE", required = true)]
    files: Vec<String>,
    #[command(flatten)]
    which: Which,
}

/// Delete objects of a lab's cluster, as kubectl delete does
#[derive(Debug, clap::Args)]
pub(super) struct Delete {
    /// A manifest: a file, a folder of them, or - for standard input; may be given again
    #[arg(short = 'f', long = "filename", value_name = "FILE", required = true)]
    files: Vec<String>,
    #[command(flatten)]
    which: Which,
}

/// Type kubectl at a lab's cluster
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Kubectl {
    #[command(flatten)]
    which: Which,
    /// What stands behind kubectl
    #[arg(last = true, value_name = "ARGS", required = true)]
    arguments: Vec<String>,
}

const EXAMPLES: &str = "Examples:
  packetwalk lab kubectl -- get pods -A -o wide
  packetwalk lab kubectl -- scale deployment/api --replicas=3
  packetwalk lab kubectl -- patch service api -p '{\"spec\":{\"sessionAffinity\":\"ClientIP\"}}'";

pub(super) fn apply(arguments: &Apply) -> Result<u8, Error> {
    with_files("apply", &arguments.files, &arguments.which)
}

pub(super) fn delete(arguments: &Delete) -> Result<u8, Error> {
    with_files("delete", &arguments.files, &arguments.which)
}

pub(super) fn kubectl(arguments: &Kubectl) -> Result<u8, Error> {
    run(arguments.arguments.clone(), &arguments.which)
}

fn with_files(verb: &str, files: &[String], which: &Which) -> Result<u8, Error> {
    let mut words = vec![verb.to_owned()];
    for file in files {
        words.extend(["-f".to_owned(), file.clone()]);
    }
    run(words, which)
}

fn run(arguments: Vec<String>, which: &Which) -> Result<u8, Error> {
    kernel::require_root()?;
    let home = Home::meant(which.name.as_deref())?;
    let mut input = String::new();
    if arguments.iter().any(|it| it == "-") {
        std::io::stdin().lock().read_to_string(&mut input)?;
    }
    let folder = std::env::current_dir()?.to_string_lossy().into_owned();
    let wish = Wish::Kubectl {
        arguments,
        folder,
        input,
    };
    say(&ask(&home, &wish)?)
}

/// Prints what was answered.
pub(super) fn say(reply: &Reply) -> Result<u8, Error> {
    for it in &reply.said {
        match it {
            Said::Out(text) => output::pass_on(Stream::Out, text)?,
            Said::Err(text) => output::pass_on(Stream::Err, text)?,
        }
    }
    Ok(reply.code)
}
