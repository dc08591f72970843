//! Where a lab that stays keeps what others must know of it: a folder of `/run/packetwalk`.
//!
//! Whoever holds the lock (flock(2)) of a folder is the lab's keeper, or is clearing up after one: Linux takes the lock from a
//! process that dies, however it dies, so a keeper that is gone is told from one that is there.
//!
//! **Left out**: folders elsewhere than in `/run/packetwalk`, labs of others than root.

use crate::error::Error;
use crate::kernel::inside::{end_processes, send};
use crate::kernel::netns::{Entry, clean_lab, list};
use crate::kernel::{self, LabId};
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use nix::sys::signal::Signal;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

/// Where labs have their folders.
const FOLDER: &str = "/run/packetwalk";
/// What a lab is called that nobody named.
pub const USUAL_NAME: &str = "lab";

/// How long somebody may hold a lock who only looks.
const GLANCE: Duration = Duration::from_millis(300);
/// How long a keeper may take to clear up before it is ended.
const CLEARING: Duration = Duration::from_secs(20);
const INTERVAL: Duration = Duration::from_millis(5);
/// What a lock says that is held by no keeper.
const NOBODY: &str = "";

/// The folder of one lab.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    id: LabId,
    folder: PathBuf,
}

/// What is known of a lab from outside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// Its keeper's process.
    pub pid: u32,
    /// How its rules are written.
    pub mode: String,
    /// How many nodes it has.
    pub nodes: usize,
    /// How many pods with a network of their own.
    pub pods: usize,
    /// Since when, in seconds of Unix time.
    pub since: u64,
    /// The Services that have no rules, because the kernel refused them.
    pub set_aside: Vec<String>,
}

/// How a lab fares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Its keeper is there.
    Kept,
    /// Its keeper is gone, and what it built is not.
    LeftBehind,
}

/// The lock of a lab. It is given back when this is dropped.
#[derive(Debug)]
pub struct Claim {
    lock: Flock<File>,
}

/// What tells the file that a claim holds from any other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token(Option<(u64, u64)>);

impl Claim {
    /// The file that it holds.
    #[must_use]
    pub fn token(&self) -> Token {
        Token(identity(self.lock.metadata()))
    }
}

fn identity(found: io::Result<fs::Metadata>) -> Option<(u64, u64)> {
    found.ok().map(|it| (it.dev(), it.ino()))
}

impl Home {
    /// The folder of the lab of this name, which need not be there.
    ///
    /// # Errors
    /// When no lab can have this name.
    pub fn of(name: &str) -> Result<Home, Error> {
        let id = LabId::named(name).map_err(|it| Error::Input(it.to_string()))?;
        let folder = Path::new(FOLDER).join(name);
        Ok(Home { id, folder })
    }

    /// All labs that stay, by name, also those of which only namespaces are left.
    ///
    /// # Errors
    /// When they cannot be listed.
    pub fn all() -> Result<Vec<Home>, Error> {
        let mut names = BTreeSet::new();
        match fs::read_dir(FOLDER) {
            Ok(inside) => {
                names.extend(inside.filter_map(|it| it.ok()?.file_name().into_string().ok()));
            }
            Err(it) if it.kind() == ErrorKind::NotFound => {}
            Err(it) => return Err(failed(format!("read {FOLDER}"), it)),
        }
        let entries = list()?.into_iter().filter(|it| it.lab.is_named());
        names.extend(entries.map(|it| it.lab.to_string()));
        // What is no name of a lab is not ours.
        let homes = names.iter().filter_map(|it| Home::of(it).ok());
        Ok(homes.collect())
    }

    /// The lab that is meant: the one of this name, or without a name the only one there is.
    ///
    /// # Errors
    /// When there is none, or more than one.
    pub fn meant(name: Option<&str>) -> Result<Home, Error> {
        if let Some(name) = name {
            let home = Home::of(name)?;
            return match home.state()? {
                Some(State::Kept) => Ok(home),
                Some(State::LeftBehind) => Err(left_behind(&home)),
                None => Err(no_lab(Some(name))),
            };
        }
        let mut all = Home::all()?;
        match all.as_slice() {
            [] => Err(no_lab(None)),
            [_] => {
                let home = all.remove(0);
                match home.state()? {
                    Some(State::LeftBehind) => Err(left_behind(&home)),
                    _ => Ok(home),
                }
            }
            several => {
                let names: Vec<String> = several.iter().map(|it| it.id.to_string()).collect();
                Err(Error::Input(format!(
                    "there are several labs: say which with --name {}",
                    names.join(" or --name ")
                )))
            }
        }
    }

    /// The same, also if only its remains are there.
    ///
    /// # Errors
    /// As [`Home::meant`].
    pub fn there(name: Option<&str>) -> Result<Home, Error> {
        let mut all = Home::all()?;
        match (name, all.as_slice()) {
            (None, [_]) => Ok(all.remove(0)),
            (None, _) => Home::meant(None),
            (Some(name), _) => {
                let home = Home::of(name)?;
                home.state()?
                    .map(|_| home)
                    .ok_or_else(|| no_lab(Some(name)))
            }
        }
    }

    /// What its namespaces are named by.
    #[must_use]
    pub const fn id(&self) -> &LabId {
        &self.id
    }

    /// Where its keeper listens.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.folder.join("socket")
    }

    /// What its keeper wrote on standard error.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.folder.join("log")
    }

    /// The folder of a host's own files.
    #[must_use]
    pub fn files_of(&self, host: &str) -> PathBuf {
        self.folder.join("hosts").join(host)
    }

    /// How it fares; none if there is no such lab.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn state(&self) -> Result<Option<State>, Error> {
        if self.is_locked()? {
            return Ok(Some(State::Kept));
        }
        let is_there = self.folder.exists() || !self.entries()?.is_empty();
        Ok(is_there.then_some(State::LeftBehind))
    }

    /// Whether the lock that is there is the one of a claim.
    #[must_use]
    pub fn is_claimed_by(&self, token: Token) -> bool {
        Token(identity(fs::metadata(self.lock()))) == token
    }

    /// What is known of it, if its keeper came as far as to write it down.
    #[must_use]
    pub fn about(&self) -> Option<About> {
        let text = fs::read_to_string(self.folder.join("about.json")).ok()?;
        serde_json::from_str(&text).ok()
    }

    /// Becomes the keeper of a lab that is not there yet.
    ///
    /// # Errors
    /// When there is such a lab, or the folder cannot be made.
    pub fn begin(&self) -> Result<Claim, Error> {
        let is_new = !self.folder.exists() && self.entries()?.is_empty();
        fs::create_dir_all(&self.folder)
            .map_err(|it| failed(format!("make {}", self.folder.display()), it))?;
        let Some(claim) = self.claim(GLANCE, &std::process::id().to_string())? else {
            return Err(Error::Input(format!(
                "there is a lab named {0} already: choose another name with --name, or take it down with packetwalk lab down {0}",
                self.id
            )));
        };
        if !is_new {
            return Err(left_behind(self));
        }
        Ok(claim)
    }

    /// Writes down what is known of it.
    ///
    /// # Errors
    /// When it cannot be written, for instance because the disk is full.
    pub fn tell(&self, about: &About) -> Result<(), Error> {
        let path = self.folder.join("about.json");
        let text = serde_json::to_string(about)
            .map_err(|it| failed(format!("write {}", path.display()), it.into()))?;
        write(&path, &text)
    }

    /// Ends its keeper, and removes all there is of it: processes inside, namespaces, the folder. How many namespaces
    /// there were.
    ///
    /// # Errors
    /// What could not be removed. It can be tried again.
    pub fn remove(&self) -> Result<usize, Error> {
        let n_before = self.entries()?.len();
        let started = Instant::now();
        if let Some(pid) = self.keeper() {
            send(pid, Signal::SIGTERM)?;
        }
        let claim = match self.claim(CLEARING, NOBODY)? {
            Some(claim) => Some(claim),
            None => {
                if let Some(pid) = self.keeper() {
                    send(pid, Signal::SIGKILL)?;
                }
                self.claim(GLANCE, NOBODY)?
            }
        };
        let Some(claim) = claim else {
            return Err(Error::NotRun(format!(
                "the keeper of {} does not end after {} seconds: see {}",
                self.id,
                started.elapsed().as_secs(),
                self.log().display()
            )));
        };
        self.clear(&claim)?;
        Ok(n_before)
    }

    /// Removes all there is of a lab whose lock one holds.
    ///
    /// # Errors
    /// What could not be removed. It can be tried again.
    pub fn clear(&self, _claim: &Claim) -> Result<(), Error> {
        end_processes(&self.entries()?)?;
        let cleaned = clean_lab(&self.id)?;
        kernel::Error::collect(cleaned.failures)?;
        match fs::remove_dir_all(&self.folder) {
            Err(it) if it.kind() != ErrorKind::NotFound => {
                Err(failed(format!("remove {}", self.folder.display()), it))
            }
            _ => {
                // Only the last lab's folder can be removed: the others' are in it.
                let _ = fs::remove_dir(FOLDER);
                Ok(())
            }
        }
    }

    /// Its namespaces.
    fn entries(&self) -> Result<Vec<Entry>, Error> {
        let all = list()?.into_iter();
        Ok(all.filter(|it| it.lab == self.id).collect())
    }

    /// The process of its keeper, if it has one.
    fn keeper(&self) -> Option<u32> {
        let is_locked = self.is_locked().unwrap_or(false);
        let text = fs::read_to_string(self.lock()).ok().filter(|_| is_locked)?;
        text.trim().parse().ok()
    }

    fn lock(&self) -> PathBuf {
        self.folder.join("lock")
    }

    fn is_locked(&self) -> Result<bool, Error> {
        let file = match File::open(self.lock()) {
            Ok(file) => file,
            Err(it) if it.kind() == ErrorKind::NotFound => return Ok(false),
            Err(it) => return Err(failed(format!("open {}", self.lock().display()), it)),
        };
        match Flock::lock(file, FlockArg::LockSharedNonblock) {
            Ok(_) => Ok(false),
            Err((_, Errno::EWOULDBLOCK)) => Ok(true),
            Err((_, it)) => Err(failed(format!("lock {}", self.lock().display()), it.into())),
        }
    }

    /// Takes the lock, and writes down which process is the keeper; none if somebody else has it for longer than that.
    fn claim(&self, patience: Duration, pid: &str) -> Result<Option<Claim>, Error> {
        let path = self.lock();
        let tried = || format!("lock {}", path.display());
        let started = Instant::now();
        loop {
            let file = OpenOptions::new()
                .create(true)
                .truncate(false)
                .write(true)
                .open(&path);
            let file = match file {
                Ok(file) => Some(file),
                // Who had the lock has removed the folder: there is nothing left to be locked.
                Err(it) if it.kind() == ErrorKind::NotFound => {
                    fs::create_dir_all(&self.folder).map_err(|it| failed(tried(), it))?;
                    None
                }
                Err(it) => return Err(failed(tried(), it)),
            };
            if let Some(file) = file {
                match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
                    // The lock of a file that was removed meanwhile is nobody's.
                    Ok(lock) if is_at(&lock, &path) => {
                        write_over(&lock, pid)
                            .map_err(|it| failed(format!("write {}", path.display()), it))?;
                        return Ok(Some(Claim { lock }));
                    }
                    Ok(_) | Err((_, Errno::EWOULDBLOCK)) => {}
                    Err((_, it)) => return Err(failed(tried(), it.into())),
                }
            }
            if started.elapsed() > patience {
                return Ok(None);
            }
            thread::sleep(INTERVAL);
        }
    }
}

/// Writes a file, whole, with its folder.
///
/// # Errors
/// When it cannot be written, for instance because the disk is full.
pub(super) fn write(path: &Path, text: &str) -> Result<(), Error> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(path, text))
        .map_err(|it| failed(format!("write {}", path.display()), it))
}

fn write_over(mut file: &File, text: &str) -> io::Result<()> {
    use std::io::Write;
    file.set_len(0)?;
    file.write_all(text.as_bytes())
}

fn is_at(file: &File, path: &Path) -> bool {
    let held = identity(file.metadata());
    held.is_some() && held == identity(fs::metadata(path))
}

fn left_behind(home: &Home) -> Error {
    Error::Input(format!(
        "the lab {0} was left behind when its keeper was ended: remove what is left with packetwalk lab down {0}",
        home.id
    ))
}

fn no_lab(name: Option<&str>) -> Error {
    let name = name.map(|it| format!(" named {it}")).unwrap_or_default();
    Error::Input(format!(
        "there is no lab{name}: build one with packetwalk lab up -f FILE; packetwalk lab list shows those there are"
    ))
}

/// What the system said, and what to do where that is known.
pub(super) fn failed(tried: String, said: io::Error) -> Error {
    let said = match said.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => io::Error::new(
            said.kind(),
            format!("{said}; make room (df -h {FOLDER} shows how much there is) and try again"),
        ),
        _ => said,
    };
    Error::Kernel(kernel::Error::System { tried, said })
}
