//! Network namespaces with names, made and entered on threads of their own, and removed without fail.
//!
//! Linux: `unshare(CLONE_NEWNET)`, `setns`, and a bind mount under `/run/netns` as `ip netns add` makes
//! it (network_namespaces(7), ip-netns(8)), so that `ip netns exec` works on every host of a lab.
//! A name is `pw-<lab>-<host>`. The lab's part carries the process id and start time of its owner, so
//! that namespaces left behind by a killed process are told from those of a living one.
//!
//! **Left out**: `/run/netns` is not made a shared mount, so a process in another mount namespace may
//! not see our names. Owners are looked up in this process's pid namespace. Nothing here catches
//! signals: after Ctrl-C or `kill -9` the next [`clean_stale`] removes what is left.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    fs::{self, File},
    io,
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd},
    panic,
    path::{Path, PathBuf},
    process,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, AtomicUsize, Ordering},
    },
    thread,
};

use nix::{
    errno::Errno,
    fcntl::{Flock, FlockArg},
    mount::{MntFlags, MsFlags, mount, umount2},
    sched::{CloneFlags, setns, unshare},
};

use super::error::Error;

/// Where named namespaces live.
const FOLDER: &str = "/run/netns";
/// What the name of each of our namespaces begins with.
const PREFIX: &str = "pw-";
/// The longest file name Linux allows.
const NAME_BYTES: usize = 255;
/// The namespace of the calling thread.
const OWN_NAMESPACE: &str = "/proc/thread-self/ns/net";

static N_LABS: AtomicU32 = AtomicU32::new(0);

/// The middle part of a namespace's name: which lab it belongs to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LabId(String);

impl LabId {
    /// A new id that dies with this process: `<pid>t<start time>n<count>`.
    #[must_use]
    pub fn fresh() -> Self {
        let pid = process::id();
        let start = start_time(pid).unwrap_or(0);
        let count = N_LABS.fetch_add(1, Ordering::Relaxed);
        Self(format!("{pid}t{start}n{count}"))
    }

    /// An id chosen by a person, for a lab that outlives the process that made it.
    ///
    /// # Errors
    /// When it is not a lower-case letter followed by lower-case letters and digits.
    pub fn named(name: &str) -> Result<Self, Error> {
        let starts_well = name.starts_with(|it: char| it.is_ascii_lowercase());
        let reads_well = name
            .bytes()
            .all(|it| it.is_ascii_lowercase() || it.is_ascii_digit());
        if starts_well && reads_well && name.len() <= 32 {
            Ok(Self(name.to_owned()))
        } else {
            Err(Error::Description(format!(
                "the lab name {name:?} must be a lower-case letter followed by lower-case letters and digits, at most 32"
            )))
        }
    }

    /// Whether the process that owns it is gone. A named lab has no owner and is never stale.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        match self.owner() {
            Some((pid, start)) => start_time(pid) != Some(start),
            None => false,
        }
    }

    /// Whether a person chose it.
    #[must_use]
    pub fn is_named(&self) -> bool {
        self.owner().is_none()
    }

    /// The process id and start time of the owner.
    fn owner(&self) -> Option<(u32, u64)> {
        let (pid, rest) = self.0.split_once('t')?;
        let (start, _) = rest.split_once('n')?;
        Some((pid.parse().ok()?, start.parse().ok()?))
    }
}

impl fmt::Display for LabId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// When a living process was started, in clock ticks since boot.
fn start_time(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field may hold spaces and brackets; the 22nd is the 20th after it.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    let state = fields.next()?;
    if matches!(state, "Z" | "X") {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

/// One network namespace. A copy is another handle to the same namespace.
#[derive(Debug, Clone)]
pub struct Namespace {
    host: String,
    name: String,
    fd: Arc<OwnedFd>,
}

impl AsFd for Namespace {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl AsRawFd for Namespace {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

impl Namespace {
    /// The host it stands for.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Its name under `/run/netns`, as `ip netns exec` takes it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs `work` inside, on a fresh thread. A socket that `work` opens and returns stays inside.
    /// A panic of `work` goes on in the caller.
    ///
    /// # Errors
    /// When no thread can be started or the namespace cannot be entered.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Result<T, Error> {
        thread::scope(|scope| {
            let inside = || {
                self.enter()?;
                Ok(work())
            };
            spawn(self.host.clone(), scope, inside)?
                .join()
                .unwrap_or_else(|it| panic::resume_unwind(it))
        })
    }

    /// Moves the calling thread inside for the rest of its life.
    pub(crate) fn enter(&self) -> Result<(), Error> {
        setns(self.fd.as_fd(), CloneFlags::CLONE_NEWNET)
            .map_err(|it| Error::system(format!("enter the namespace {}", self.name), it))
    }

    /// The namespace of a host of a lab that another process made; none if there is none.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn find(lab: &LabId, host: &str) -> Result<Option<Self>, Error> {
        let is_there = path_of(&full_name(lab, host)).exists();
        is_there.then(|| Self::open(lab, host)).transpose()
    }

    fn open(lab: &LabId, host: &str) -> Result<Self, Error> {
        let name = full_name(lab, host);
        let fd = File::open(path_of(&name))
            .map_err(|it| Error::system(format!("open the namespace {name}"), it))?;
        Ok(Self {
            host: host.to_owned(),
            name,
            fd: Arc::new(fd.into()),
        })
    }

    /// Makes a namespace; afterwards the calling thread is inside it.
    fn make(lab: &LabId, host: &str) -> Result<Self, Error> {
        let name = full_name(lab, host);
        let path = path_of(&name);
        let tried = || format!("make the namespace {name}");
        File::create_new(&path).map_err(|it| Error::system(tried(), it))?;
        unshare(CloneFlags::CLONE_NEWNET).map_err(|it| Error::system(tried(), it))?;
        mount(
            Some(OWN_NAMESPACE),
            &path,
            None::<&str>,
            MsFlags::MS_BIND,
            None::<&str>,
        )
        .map_err(|it| Error::system(format!("name the namespace {name}"), it))?;
        Self::open(lab, host)
    }
}

/// Where something is done.
#[derive(Debug, Clone, Copy)]
pub enum Place<'a> {
    /// In the namespace of the calling thread: on this machine, usually.
    Here,
    /// In a host of a lab.
    Inside(&'a Namespace),
}

impl<'a> From<&'a Namespace> for Place<'a> {
    fn from(namespace: &'a Namespace) -> Self {
        Self::Inside(namespace)
    }
}

impl Place<'_> {
    /// Runs `work` there.
    ///
    /// # Errors
    /// As [`Namespace::run`].
    pub fn run<T: Send>(self, work: impl FnOnce() -> T + Send) -> Result<T, Error> {
        match self {
            Self::Here => Ok(work()),
            Self::Inside(namespace) => namespace.run(work),
        }
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Here => f.write_str("on this machine"),
            Self::Inside(namespace) => write!(f, "on {}", namespace.host()),
        }
    }
}

fn spawn<'scope, T: Send + 'scope>(
    name: String,
    scope: &'scope thread::Scope<'scope, '_>,
    work: impl FnOnce() -> T + Send + 'scope,
) -> Result<thread::ScopedJoinHandle<'scope, T>, Error> {
    thread::Builder::new()
        .name(name)
        .spawn_scoped(scope, work)
        .map_err(|it| Error::system("start a thread", it))
}

/// What went wrong when a [`Lab`] was dropped. Take it before the lab is dropped, read it after.
#[derive(Debug, Clone, Default)]
pub struct CleanupReport(Arc<Mutex<Vec<Error>>>);

impl CleanupReport {
    /// Takes the failures out; empty when all was removed.
    #[must_use]
    pub fn take(&self) -> Vec<Error> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn put(&self, failures: Vec<Error>) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(failures);
    }
}

/// The namespaces of one lab. Dropping it removes them, also while a panic unwinds.
#[derive(Debug)]
pub struct Lab {
    id: LabId,
    /// What is to be removed: names are noted before they are made.
    names: BTreeSet<String>,
    namespaces: BTreeMap<String, Namespace>,
    is_kept: bool,
    report: CleanupReport,
}

impl Lab {
    /// An empty lab.
    #[must_use]
    pub fn new(id: LabId) -> Self {
        Self {
            id,
            names: BTreeSet::new(),
            namespaces: BTreeMap::new(),
            is_kept: false,
            report: CleanupReport::default(),
        }
    }

    /// A lab that another process made and kept. Dropping it leaves it as it is.
    ///
    /// # Errors
    /// When there is none, or one of its namespaces cannot be opened.
    pub fn open(id: LabId) -> Result<Self, Error> {
        let mut lab = Self::new(id);
        lab.is_kept = true;
        for entry in list()?.into_iter().filter(|it| it.lab == lab.id) {
            let namespace = Namespace::open(&lab.id, &entry.host)?;
            lab.names.insert(entry.name);
            lab.namespaces.insert(entry.host, namespace);
        }
        if lab.names.is_empty() {
            return Err(Error::Description(format!(
                "there is no lab named {}",
                lab.id
            )));
        }
        Ok(lab)
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &LabId {
        &self.id
    }

    /// The namespace of a host.
    #[must_use]
    pub fn namespace(&self, host: &str) -> Option<&Namespace> {
        self.namespaces.get(host)
    }

    /// The namespace of a host that the caller knows to have built.
    ///
    /// # Errors
    /// When there is no such host.
    pub fn host(&self, host: &str) -> Result<&Namespace, Error> {
        self.namespace(host)
            .ok_or_else(|| Error::Description(format!("there is no host named {host} in the lab")))
    }

    /// All namespaces, by host.
    pub fn namespaces(&self) -> impl Iterator<Item = &Namespace> {
        self.namespaces.values()
    }

    /// Makes one namespace, with nothing in it but a loopback that is down.
    ///
    /// # Errors
    /// When the name cannot be a file name or is taken, or Linux refuses.
    pub fn create(&mut self, host: &str) -> Result<Namespace, Error> {
        self.create_each(&[host], |_| Ok(()))?;
        self.host(host).cloned()
    }

    /// Makes one namespace for each host, several at a time, and runs `setup` inside each with the
    /// position of its host in the list.
    pub(crate) fn create_each<T: Send>(
        &mut self,
        hosts: &[&str],
        setup: impl Fn(usize) -> Result<T, Error> + Sync,
    ) -> Result<Vec<T>, Error> {
        self.note(hosts)?;
        let next = AtomicUsize::new(0);
        let id = &self.id;
        let work = || {
            let mut made = Vec::new();
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(host) = hosts.get(index) else {
                    return made;
                };
                let both = Namespace::make(id, host).and_then(|it| Ok((it, setup(index)?)));
                made.push((index, both));
            }
        };
        let mut made = in_parallel(hosts.len(), work)?;
        made.sort_by_key(|(index, _)| *index);
        let mut failures = Vec::new();
        let mut values = Vec::new();
        for (_, result) in made {
            match result {
                Ok((namespace, value)) => {
                    self.namespaces.insert(namespace.host.clone(), namespace);
                    values.push(value);
                }
                Err(it) => failures.push(it),
            }
        }
        Error::collect(failures).map(|()| values)
    }

    /// Removes one host, and with it the links that end there.
    ///
    /// # Errors
    /// When there is no such host, or Linux refuses.
    pub fn remove(&mut self, host: &str) -> Result<(), Error> {
        self.host(host)?;
        self.namespaces.remove(host);
        let name = full_name(&self.id, host);
        remove_name(&name)?;
        self.names.remove(&name);
        Ok(())
    }

    /// Where the failures of the removal on drop will be found.
    #[must_use]
    pub fn report(&self) -> CleanupReport {
        self.report.clone()
    }

    /// Leaves the namespaces in place when the lab is dropped.
    pub fn keep(&mut self) {
        self.is_kept = true;
    }

    /// Removes everything now, kept or not.
    ///
    /// # Errors
    /// All failures; one does not stop the others.
    pub fn close(mut self) -> Result<(), Error> {
        Error::collect(self.remove_all())
    }

    fn note(&mut self, hosts: &[&str]) -> Result<(), Error> {
        fs::create_dir_all(FOLDER).map_err(|it| Error::system(format!("make {FOLDER}"), it))?;
        share_folder()?;
        for host in hosts {
            let name = full_name(&self.id, host);
            let reads_well = host.bytes().all(|it| it.is_ascii_graphic() && it != b'/');
            if host.is_empty() || !reads_well || name.len() > NAME_BYTES {
                return Err(Error::Description(format!(
                    "{host:?} cannot be the name of a host"
                )));
            }
            // Checked before it is noted: what another lab made must not be removed with this one.
            if path_of(&name).exists() {
                return Err(Error::Description(format!(
                    "there is already a namespace {name}"
                )));
            }
            if !self.names.insert(name) {
                return Err(Error::Description(format!("two hosts are named {host}")));
            }
        }
        Ok(())
    }

    fn remove_all(&mut self) -> Vec<Error> {
        self.namespaces.clear();
        let names: Vec<String> = std::mem::take(&mut self.names).into_iter().collect();
        remove_names(&names)
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if !self.is_kept {
            let failures = self.remove_all();
            self.report.put(failures);
        }
    }
}

/// One of our namespaces, found by its name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// The lab it belongs to.
    pub lab: LabId,
    /// The host it stands for.
    pub host: String,
    /// Its name under `/run/netns`.
    pub name: String,
}

impl Entry {
    /// The file that holds it.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        path_of(&self.name)
    }
}

/// Our namespaces on this machine, of all labs, in order of name.
///
/// # Errors
/// When `/run/netns` cannot be read.
pub fn list() -> Result<Vec<Entry>, Error> {
    let folder = match fs::read_dir(FOLDER) {
        Ok(folder) => folder,
        Err(it) if it.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(it) => return Err(Error::system(format!("read {FOLDER}"), it)),
    };
    let mut entries: Vec<Entry> = folder
        .filter_map(|it| it.ok()?.file_name().into_string().ok())
        .filter_map(|name| {
            let (lab, host) = name.strip_prefix(PREFIX)?.split_once('-')?;
            Some(Entry {
                lab: LabId(lab.to_owned()),
                host: host.to_owned(),
                name: name.clone(),
            })
        })
        .collect();
    entries.sort();
    Ok(entries)
}

/// What a removal did.
#[derive(Debug, Default)]
pub struct Cleaned {
    /// The names that are gone.
    pub removed: Vec<String>,
    /// What could not be removed, and why.
    pub failures: Vec<Error>,
}

/// Removes the namespaces whose owner is dead, and no others.
///
/// # Errors
/// When `/run/netns` cannot be read; failures to remove are in the answer.
pub fn clean_stale() -> Result<Cleaned, Error> {
    remove_where(LabId::is_stale)
}

/// Removes all namespaces of one lab, whoever made it.
///
/// # Errors
/// When `/run/netns` cannot be read; failures to remove are in the answer.
pub fn clean_lab(lab: &LabId) -> Result<Cleaned, Error> {
    remove_where(|it| it == lab)
}

fn remove_where(is_wanted: impl Fn(&LabId) -> bool) -> Result<Cleaned, Error> {
    let mut cleaned = Cleaned::default();
    for entry in list()?.into_iter().filter(|it| is_wanted(&it.lab)) {
        match remove_name(&entry.name) {
            Ok(()) => cleaned.removed.push(entry.name),
            Err(it) => cleaned.failures.push(it),
        }
    }
    Ok(cleaned)
}

fn remove_names(names: &[String]) -> Vec<Error> {
    names
        .iter()
        .filter_map(|it| remove_name(it).err())
        .collect()
}

/// Makes the folder a mount of its own that is shared, as `ip netns add` does when it is first called: done while our
/// names are there, it would cover them, and nobody could remove them any more.
fn share_folder() -> Result<(), Error> {
    let failed = |it| Error::system(format!("share {FOLDER}"), it);
    let folder = File::open(FOLDER).map_err(failed)?;
    // `ip` takes the same lock.
    let _lock = Flock::lock(folder, FlockArg::LockExclusive).map_err(|it| failed(it.1.into()))?;
    let change = |from: Option<&str>, flags| {
        mount(
            from,
            FOLDER,
            None::<&str>,
            flags | MsFlags::MS_REC,
            None::<&str>,
        )
    };
    match change(None, MsFlags::MS_SHARED) {
        // It is no mount yet.
        Err(Errno::EINVAL) => {
            change(Some(FOLDER), MsFlags::MS_BIND).and_then(|()| change(None, MsFlags::MS_SHARED))
        }
        result => result,
    }
    .map_err(|it| failed(it.into()))
}

/// Unmounts and deletes one name; what is already gone is no failure.
fn remove_name(name: &str) -> Result<(), Error> {
    let path = path_of(name);
    match umount2(&path, MntFlags::MNT_DETACH) {
        // A file that was made but never mounted on, and a file that is gone.
        Ok(()) | Err(Errno::EINVAL | Errno::ENOENT) => {}
        Err(it) => return Err(Error::system(format!("unmount {}", path.display()), it)),
    }
    match fs::remove_file(&path) {
        Ok(()) => Ok(()),
        Err(it) if it.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(it) => Err(Error::system(format!("delete {}", path.display()), it)),
    }
}

/// Runs `work` on a few threads at once and joins what they return.
fn in_parallel<T: Send>(
    n_pieces: usize,
    work: impl Fn() -> Vec<T> + Sync,
) -> Result<Vec<T>, Error> {
    let n_cores = thread::available_parallelism().map_or(1, usize::from);
    let n_threads = n_pieces.min(2 * n_cores).min(8);
    thread::scope(|scope| {
        let threads = (0..n_threads)
            .map(|it| spawn(format!("netns-{it}"), scope, &work))
            .collect::<Result<Vec<_>, Error>>()?;
        let results = threads
            .into_iter()
            .map(|it| it.join().unwrap_or_else(|it| panic::resume_unwind(it)));
        Ok(results.flatten().collect())
    })
}

/// Writes a kernel setting of the calling thread's namespace: `net.ipv4.ip_forward` or, where a part
/// holds a dot, `net/ipv4/conf/eth0.5/rp_filter`.
///
/// # Errors
/// When there is no such setting or the value is refused.
pub fn set_sysctl(key: &str, value: &str) -> Result<(), Error> {
    fs::write(sysctl_path(key), value)
        .map_err(|it| Error::system(format!("set {key} to {value}"), it))
}

/// Like [`set_sysctl`], but a setting that this kernel does not have is passed over.
///
/// # Errors
/// When the value is refused.
pub fn set_sysctl_if_present(key: &str, value: &str) -> Result<(), Error> {
    match fs::write(sysctl_path(key), value) {
        Err(it) if it.kind() != io::ErrorKind::NotFound => {
            Err(Error::system(format!("set {key} to {value}"), it))
        }
        _ => Ok(()),
    }
}

fn sysctl_path(key: &str) -> PathBuf {
    let path = if key.contains('/') {
        key.to_owned()
    } else {
        key.replace('.', "/")
    };
    Path::new("/proc/sys").join(path)
}

fn full_name(lab: &LabId, host: &str) -> String {
    format!("{PREFIX}{lab}-{host}")
}

fn path_of(name: &str) -> PathBuf {
    Path::new(FOLDER).join(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fresh_id_belongs_to_this_process() {
        let id = LabId::fresh();
        assert_eq!(id.owner().map(|it| it.0), Some(process::id()));
        assert!(!id.is_stale());
        assert_ne!(id, LabId::fresh());
    }

    #[test]
    fn id_of_a_dead_or_reused_process_is_stale() {
        assert!(LabId("4294967294t1n0".to_owned()).is_stale());
        // This very process, but with another start time: the number was used again.
        assert!(LabId(format!("{}t1n0", process::id())).is_stale());
    }

    #[test]
    fn named_lab_is_never_stale() {
        let id = LabId::named("demo3tn");
        assert!(id.is_ok_and(|it| !it.is_stale()));
        for wrong in ["", "3a", "a-b", "Demo", "a/b", "..", "a_b"] {
            assert!(LabId::named(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn setting_with_a_dotted_interface_keeps_its_dot() {
        assert_eq!(
            sysctl_path("net/ipv4/conf/eth0.5/rp_filter"),
            Path::new("/proc/sys/net/ipv4/conf/eth0.5/rp_filter")
        );
        assert_eq!(
            sysctl_path("net.ipv4.ip_forward"),
            Path::new("/proc/sys/net/ipv4/ip_forward")
        );
    }
}
