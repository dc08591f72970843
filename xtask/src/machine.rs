//! The machine's own programs, and apt for those that are missing.
//!
//! **Left out**: package managers other than apt: elsewhere the missing programs are named and the person
//! installs them.

use crate::places::Cache;
use crate::process::{LongStep, answer, command};
use crate::progress::say;
use anyhow::{Result, bail};
use std::env;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const APT_LIMIT: Duration = Duration::from_secs(20 * 60);

/// The search path: the given folders first, then PATH, then where administrators' programs lie (`nft`, `ip`).
pub(crate) fn search_path(first: &[PathBuf]) -> OsString {
    let inherited = env::var_os("PATH").unwrap_or_default();
    let mut folders = first.to_vec();
    folders.extend(env::split_paths(&inherited).filter(|it| !first.contains(it)));
    for sbin in ["/usr/local/sbin", "/usr/sbin", "/sbin"] {
        if !folders.iter().any(|it| it == Path::new(sbin)) {
            folders.push(PathBuf::from(sbin));
        }
    }
    env::join_paths(folders).unwrap_or(inherited)
}

/// The first program of that name on the search path.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    env::split_paths(&search_path(&[]))
        .map(|it| it.join(name))
        .find(|it| is_executable(it))
}

/// Whether the file is there and may be run.
pub(crate) fn is_executable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0)
}

/// Whether this process may do anything.
pub(crate) fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|it| it.uid() == 0)
}

/// Packages to install, and why.
pub(crate) struct Wanted<'a> {
    /// What lacks without them: "the end-to-end test drives a browser".
    pub(crate) because: &'a str,
    /// Package names, one list per family of distributions, tried in order.
    pub(crate) choices: &'a [&'a [&'a str]],
}

impl Wanted<'_> {
    /// Installs the first choice that can be had, or says what to type.
    pub(crate) fn install(&self, cache: &Cache) -> Result<()> {
        let first = self.choices.first().copied().unwrap_or_default().join(" ");
        let missing = format!("missing: {first} ({})", self.because);
        let type_this = format!("install them and run this again: sudo apt-get install {first}");
        let Some(program) = program("apt-get") else {
            bail!("{missing}, and this system has no apt-get: install the like of them by hand");
        };
        let Some(become_root) = way_to_root() else {
            bail!(
                "{missing}, and neither root nor a sudo without password is at hand; {type_this}"
            );
        };
        let apt = Apt {
            program,
            become_root,
            cache,
            remedy: &type_this,
        };
        if !self.choices.iter().any(|it| are_known(it)) {
            // A fresh image has no package lists at all.
            apt.update()?;
        }
        let Some(packages) = self.choices.iter().find(|it| are_known(it)) else {
            bail!("{missing}, and apt knows no such packages: install the like of them by hand");
        };
        let doing = format!(
            "installing {} with apt ({})",
            packages.join(" "),
            self.because
        );
        say(&doing);
        if apt.install(packages, &doing).is_ok() {
            return Ok(());
        }
        say("once more, with fresh package lists and after finishing what was interrupted");
        apt.finish_interrupted()?;
        apt.update()?;
        apt.install(packages, &doing)
    }
}

/// Whether apt has a candidate for each.
fn are_known(packages: &[&str]) -> bool {
    let policy = answer(command("apt-cache").arg("policy").args(packages)).unwrap_or_default();
    policy.matches("Candidate: ").count() == packages.len() && !policy.contains("Candidate: (none)")
}

/// The words before a command that make it run as root: none for root, sudo where it asks nothing.
fn way_to_root() -> Option<Vec<OsString>> {
    if is_root() {
        return Some(Vec::new());
    }
    let sudo = program("sudo")?;
    answer(command(&sudo).args(["-n", "true"]))?;
    Some(vec![sudo.into(), "-n".into()])
}

struct Apt<'a> {
    program: PathBuf,
    become_root: Vec<OsString>,
    cache: &'a Cache,
    remedy: &'a str,
}

impl Apt<'_> {
    fn update(&self) -> Result<()> {
        let mut line = self.line(&self.program);
        line.args(["--quiet", "update"]);
        self.run("apt-update", "reading apt's package lists", &mut line)
    }

    fn install(&self, packages: &[&str], doing: &str) -> Result<()> {
        let mut line = self.line(&self.program);
        line.args(["--quiet", "install", "--yes", "--no-install-recommends"])
            .args(packages);
        self.run("apt-install", doing, &mut line)
    }

    fn finish_interrupted(&self) -> Result<()> {
        let mut line = self.line(Path::new("dpkg"));
        line.args(["--configure", "-a"]);
        self.run("dpkg", "finishing an interrupted installation", &mut line)
    }

    /// A command that starts as root and never asks anything.
    fn line(&self, program: &Path) -> Command {
        // sudo drops the environment, `env` brings this one variable through.
        let mut words = self.become_root.clone();
        words.extend([
            "env".into(),
            "DEBIAN_FRONTEND=noninteractive".into(),
            program.into(),
        ]);
        let mut line = command(&words[0]);
        line.args(&words[1..]);
        line
    }

    fn run(&self, log: &str, doing: &str, line: &mut Command) -> Result<()> {
        let log = self.cache.log(log);
        LongStep {
            doing,
            log: &log,
            remedy: self.remedy,
            limit: APT_LIMIT,
        }
        .run(line)
    }
}
