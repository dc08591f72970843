//! Commands inside a host of a lab: this process becomes one, and those that still run are found and ended.
//!
//! Linux: as `ip netns exec` does it: setns(2), a mount namespace of its own in which a host's files lie over this machine's
//! (`/etc/resolv.conf`, `/etc/hosts`) and `/sys` shows the host's interfaces, then execve(2). A process belongs to a host if its
//! main thread's network namespace is the host's.
//!
//! **Left out**: file systems, users and processes of a container: a command is this machine's own program, and sees all
//! else of this machine.

use std::{
    collections::BTreeSet,
    convert::Infallible,
    env,
    fs::{self, File},
    io,
    os::unix::{fs::MetadataExt, process::CommandExt},
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    mount::{MsFlags, mount},
    sched::{CloneFlags, unshare},
    sys::signal::{Signal, kill},
    unistd::{Pid, dup2_stderr, setsid},
};

use super::{
    error::Error,
    netns::{Entry, Namespace},
};

/// How long a process may take to end after it was asked to.
const GRACE: Duration = Duration::from_millis(500);
const INTERVAL: Duration = Duration::from_millis(10);

/// A file of a host's own, in place of this machine's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overlay {
    /// The host's file.
    pub file: PathBuf,
    /// Where the command looks for it.
    pub over: &'static str,
}

/// Goes inside for good and becomes the command. Returns only if that fails; the main thread must be the only one.
///
/// # Errors
/// When the host cannot be entered, or the command cannot be started.
pub fn become_command(
    namespace: &Namespace,
    overlays: &[Overlay],
    command: &[String],
) -> Result<Infallible, Error> {
    let Some((program, arguments)) = command.split_first() else {
        return Err(Error::Description("there is no command to run".to_owned()));
    };
    namespace.enter()?;
    let tried = "make a place for a command's own files";
    unshare(CloneFlags::CLONE_NEWNS).map_err(|it| Error::system(tried, it))?;
    let nothing = None::<&str>;
    let apart = MsFlags::MS_SLAVE | MsFlags::MS_REC;
    mount(nothing, "/", nothing, apart, nothing).map_err(|it| Error::system(tried, it))?;
    for Overlay { file, over } in overlays.iter().filter(|it| it.file.exists()) {
        let bind = MsFlags::MS_BIND;
        mount(Some(file), Path::new(over), nothing, bind, nothing).map_err(|it| {
            let tried = format!("lay {} over {over} (it must exist here)", file.display());
            Error::system(tried, it)
        })?;
    }
    // Only what lists interfaces by files is worse off without.
    let _ = mount(
        Some("sysfs"),
        "/sys",
        Some("sysfs"),
        MsFlags::empty(),
        nothing,
    );
    let said = Command::new(program).args(arguments).exec();
    Err(Error::system(format!("run {program}"), said))
}

/// Ends the processes that run inside namespaces: they are asked first, and soon after forced. How many there were.
///
/// # Errors
/// When processes cannot be listed, or one cannot be ended.
pub fn end_processes(entries: &[Entry]) -> Result<usize, Error> {
    let wanted: BTreeSet<(u64, u64)> = entries
        .iter()
        .filter_map(|it| fs::metadata(it.path()).ok())
        .map(|it| (it.dev(), it.ino()))
        .collect();
    let found = processes_in(&wanted)?;
    for pid in &found {
        send(*pid, Signal::SIGTERM)?;
    }
    let started = Instant::now();
    let mut rest = found.clone();
    while !rest.is_empty() && started.elapsed() < GRACE {
        thread::sleep(INTERVAL);
        rest.retain(|it| is_in(*it, &wanted));
    }
    for pid in rest {
        send(pid, Signal::SIGKILL)?;
    }
    Ok(found.len())
}

fn processes_in(namespaces: &BTreeSet<(u64, u64)>) -> Result<Vec<u32>, Error> {
    if namespaces.is_empty() {
        return Ok(Vec::new());
    }
    let folder = fs::read_dir("/proc").map_err(|it| Error::system("read /proc", it))?;
    let pids = folder.filter_map(|it| it.ok()?.file_name().to_str()?.parse().ok());
    Ok(pids.filter(|it| is_in(*it, namespaces)).collect())
}

fn is_in(pid: u32, namespaces: &BTreeSet<(u64, u64)>) -> bool {
    let found = fs::metadata(format!("/proc/{pid}/ns/net"));
    found.is_ok_and(|it| namespaces.contains(&(it.dev(), it.ino())))
}

/// Asks a process to end.
///
/// # Errors
/// When this process may not.
pub fn ask_to_end(pid: u32) -> Result<(), Error> {
    send(pid, Signal::SIGTERM)
}

/// Makes this process one that no terminal's Ctrl-C and no closed window reaches.
///
/// # Errors
/// When the system refuses.
pub fn leave_terminal() -> Result<(), Error> {
    match setsid() {
        // It is the first of a session already.
        Ok(_) | Err(Errno::EPERM) => {}
        Err(it) => return Err(Error::system("leave the terminal", it)),
    }
    env::set_current_dir("/").map_err(|it| Error::system("leave the working folder", it))
}

/// Has what this process writes on its standard error written to a file.
///
/// # Errors
/// When the file cannot be made.
pub fn write_errors_to(path: &Path) -> Result<(), Error> {
    let tried = || format!("write {}", path.display());
    let file = File::create(path).map_err(|it| Error::system(tried(), it))?;
    dup2_stderr(file).map_err(|it| Error::system(tried(), it))
}

/// Sends a signal to a process; one that has ended meanwhile needs none.
pub(crate) fn send(pid: u32, signal: Signal) -> Result<(), Error> {
    let raw =
        i32::try_from(pid).map_err(|it| Error::system("end a process", io::Error::other(it)))?;
    match kill(Pid::from_raw(raw), signal) {
        Ok(()) | Err(Errno::ESRCH) => Ok(()),
        Err(it) => Err(Error::system(format!("end the process {pid}"), it)),
    }
}
