//! Child processes: asked for their answer, watched while they take long, or let loose on the terminal.
//!
//! **Left out**: killing a whole process tree when a deadline passes; only the child itself is ended.

use crate::progress::say;
use anyhow::{Context, Result, bail};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

const STILL_EVERY: Duration = Duration::from_secs(20);
const POLL_EVERY: Duration = Duration::from_millis(50);
const LINES_OF_LOG: usize = 25;

/// A command whose descendants never make rustup download a toolchain by themselves.
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.env("RUSTUP_AUTO_INSTALL", "0");
    command
}

/// What a program prints on standard output; `None` when it cannot be started or fails.
pub(crate) fn answer(command: &mut Command) -> Option<String> {
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Runs with the terminal's own output, and fails with a sentence that names the command.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let shown = shown(command);
    let status = command
        .status()
        .with_context(|| format!("cannot start `{shown}`"))?;
    if !status.success() {
        bail!("`{shown}` failed ({status})");
    }
    Ok(())
}

/// A step that takes long: its output goes to a log, of which the end is shown if it fails.
pub(crate) struct LongStep<'a> {
    /// What is being done, as a phrase: "building trunk 0.21.14 (bundles the page)".
    pub(crate) doing: &'a str,
    /// Where its output goes.
    pub(crate) log: &'a Path,
    /// What a person can do if it fails.
    pub(crate) remedy: &'a str,
    /// After this long it is ended and counts as failed.
    pub(crate) limit: Duration,
}

impl LongStep<'_> {
    /// Runs the command to its end, saying every twenty seconds that it still goes on.
    pub(crate) fn run(&self, command: &mut Command) -> Result<()> {
        let log = File::create(self.log)
            .with_context(|| format!("cannot write {}", self.log.display()))?;
        let also = log
            .try_clone()
            .context("cannot share the log between two outputs")?;
        let mut child = command
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(also)
            .spawn()
            .with_context(|| format!("cannot start `{}`", shown(command)))?;
        let begun = Instant::now();
        let mut said = begun;
        let status = loop {
            if let Some(status) = child
                .try_wait()
                .context("cannot wait for a child process")?
            {
                break status;
            }
            if begun.elapsed() > self.limit {
                // Its own failure to die changes nothing for us: the step has failed either way.
                let _ = child.kill();
                break child.wait().context("cannot wait for a child process")?;
            }
            if said.elapsed() >= STILL_EVERY {
                say(format!("… still {}", self.doing));
                said = Instant::now();
            }
            sleep(POLL_EVERY);
        };
        if status.success() {
            return Ok(());
        }
        let text = fs::read(self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        for line in &lines[lines.len().saturating_sub(LINES_OF_LOG)..] {
            eprintln!("    {line}");
        }
        bail!(
            "{}: failed after {}s ({status}); all of its output is in {}; {}",
            self.doing,
            begun.elapsed().as_secs(),
            self.log.display(),
            self.remedy
        );
    }
}

/// The command as a person would type it, without its environment and its folder.
fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program.file_name().unwrap_or(program.as_os_str());
    let mut words = vec![name.to_string_lossy().into_owned()];
    words.extend(
        command
            .get_args()
            .map(|it| it.to_string_lossy().into_owned()),
    );
    words.join(" ")
}
