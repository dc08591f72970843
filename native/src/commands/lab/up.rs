//! `packetwalk lab up`: builds a lab, and leaves it in the hands of a process that keeps it.
//!
//! The keeper is this program once more, in a session of its own. It is told what to build over its standard input, and
//! says over its standard output when that is done; after that it has neither.
//!
//! **Left out**: a keeper that starts again after it was killed.

use super::watch;
use crate::error::Error;
use crate::input::{Manifests, Settings};
use crate::keeper::talk::Plan;
use crate::keeper::{Home, State, USUAL_NAME, keep as keep_lab};
use crate::kernel;
use crate::kernel::inside::ask_to_end;
use crate::output;
use serde::{Deserialize, Serialize};
use std::io::Write;
use std::process::Stdio;
use std::time::Instant;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::signal::unix::{SignalKind, signal};

/// Build a lab that stays until it is taken down
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    #[command(flatten)]
    manifests: Manifests,
    #[command(flatten)]
    settings: Settings,
    /// What the lab is called: lower-case letters and digits
    #[arg(long, value_name = "NAME", default_value = USUAL_NAME)]
    name: String,
    /// Stay, and change the lab whenever the files change; Ctrl-C ends the watching and leaves the lab
    #[arg(long)]
    watch: bool,
}

const EXAMPLES: &str = "Examples:
  sudo packetwalk lab up -f static/manifests/clusterip.yaml
  sudo packetwalk lab up -f shop/ --name shop --mode iptables
  sudo packetwalk lab up -f shop/ --watch

Every pod answers on its ports: over HTTP with its name, whom it saw and the request's headers,
over TCP and UDP with the same name and what was said. Cluster DNS answers behind its Service.
ipvs mode cannot be built.";

/// What the keeper says when it is done.
#[derive(Debug, Serialize, Deserialize)]
enum Report {
    Ready {
        nodes: usize,
        pods: usize,
        mode: String,
        remarks: Vec<String>,
    },
    Failed {
        message: String,
        code: u8,
    },
}

/// Starts a keeper, and waits until it has built the lab.
pub(super) fn run(arguments: &Arguments) -> Result<u8, Error> {
    let home = Home::of(&arguments.name)?;
    if arguments.watch {
        watch::can_watch(&arguments.manifests)?;
    }
    let plan = Plan {
        name: arguments.name.clone(),
        mode: arguments.settings.mode.clone(),
        start: arguments.manifests.start(arguments.settings.seed)?,
    };
    kernel::require_root()?;
    let started = Instant::now();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let report = match runtime.block_on(start(&plan))? {
        Waited::Report(it) => it,
        Waited::Interrupted => {
            return Err(Error::Input(format!(
                "interrupted: nothing is left of the lab {}",
                home.id()
            )));
        }
        Waited::KeeperGone => {
            if home.state()? == Some(State::LeftBehind) {
                home.remove()?;
            }
            return Err(Error::NotRun(format!(
                "the keeper of {} ended before the lab was built, and what it had built was removed: try again",
                home.id()
            )));
        }
    };
    match report {
        Report::Ready {
            nodes,
            pods,
            mode,
            remarks,
        } => {
            remarks.iter().for_each(|it| output::remark(it));
            output::answer(&format!(
                "lab {} is up after {:.1} s: {nodes} nodes, {pods} pods, rules of {mode} mode; take it down with packetwalk lab down {0}",
                home.id(),
                started.elapsed().as_secs_f64()
            ))?;
            match arguments.watch {
                true => runtime.block_on(watch::watch(&home, &arguments.manifests, plan.start)),
                false => Ok(0),
            }
        }
        Report::Failed { message, code } => {
            output::remark(&format!("packetwalk: {message}"));
            Ok(code)
        }
    }
}

/// How waiting for a keeper ended.
enum Waited {
    Report(Report),
    Interrupted,
    KeeperGone,
}

async fn start(plan: &Plan) -> Result<Waited, Error> {
    let failed = |said| {
        Error::Kernel(kernel::Error::System {
            tried: "start the keeper of the lab".to_owned(),
            said,
        })
    };
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut keeper = Command::new("/proc/self/exe")
        .args(["lab", "keeper"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    let text = serde_json::to_string(plan).map_err(|it| failed(it.into()))?;
    if let Some(mut input) = keeper.stdin.take() {
        // One that has ended already is noticed when its report is missing.
        let _ = input.write_all(text.as_bytes()).await;
    }
    let reported = report(keeper.stdout.take());
    tokio::select! {
        report = reported => {
            if report.is_none() {
                // It says why elsewhere.
                let _ = keeper.wait().await;
            }
            Ok(report.map_or(Waited::KeeperGone, Waited::Report))
        }
        _ = interrupt.recv() => end(keeper).await.map(|()| Waited::Interrupted),
        _ = terminate.recv() => end(keeper).await.map(|()| Waited::Interrupted),
    }
}

async fn report(stdout: Option<ChildStdout>) -> Option<Report> {
    let mut line = String::new();
    BufReader::new(stdout?).read_line(&mut line).await.ok()?;
    serde_json::from_str(&line).ok()
}

/// Asks a keeper to end, and waits until it has cleared up.
async fn end(mut keeper: Child) -> Result<(), Error> {
    if let Some(pid) = keeper.id() {
        ask_to_end(pid)?;
    }
    keeper.wait().await?;
    Ok(())
}

/// Keep a lab: `lab up` starts this
#[derive(Debug, clap::Args)]
pub(super) struct Keeper {}

/// Keeps a lab until it is asked to end.
pub(super) fn keep(_: &Keeper) -> Result<u8, Error> {
    kernel::inside::leave_terminal()?;
    let plan: Plan = serde_json::from_reader(std::io::stdin().lock())
        .map_err(|it| Error::Input(format!("packetwalk lab up starts this: {it}")))?;
    let mut is_ready = false;
    let kept = keep_lab(&plan, |built| {
        let about = &built.about;
        kernel::inside::write_errors_to(&built.log)?;
        tell(&Report::Ready {
            nodes: about.nodes,
            pods: about.pods,
            mode: about.mode.clone(),
            remarks: built.remarks.clone(),
        })?;
        is_ready = true;
        Ok(())
    });
    match kept {
        Err(error) if !is_ready => {
            let (message, code) = (error.to_string(), error.exit_code());
            // Whoever waits for it may be gone.
            let _ = tell(&Report::Failed { message, code });
            Ok(code)
        }
        other => other.map(|()| 0),
    }
}

/// Says it to whoever waits for it.
fn tell(report: &Report) -> Result<(), Error> {
    let line = serde_json::to_string(report).map_err(std::io::Error::other)?;
    let mut out = std::io::stdout().lock();
    Ok(writeln!(out, "{line}").and_then(|()| out.flush())?)
}
