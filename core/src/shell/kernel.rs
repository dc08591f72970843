//! What is behind all processes of a shell: the virtual clock, tasks, files, limits.
//!
//! Processes are futures. Nobody is woken: in each round every process is asked to go on, in the order they were begun,
//! until none can; then the clock jumps to the next moment somebody waits for. So background jobs interleave the same
//! way every time.
//!
//! **Left out**: priorities, and the time a computation takes, which is none.

use super::process::{Running, Signal};
use super::streams::{MAX_OUTPUT, WriteFault};
use super::system::{Place, System};
use crate::time::{Clock, Duration, Instant};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// The most commands of one line, loops counted as often as they run.
pub const MAX_COMMANDS: u64 = 100_000;

/// The longest that a line may take on the virtual clock.
pub const MAX_TIME: Duration = Duration::from_secs(86_400);

/// What is behind all processes of a shell.
pub struct Kernel {
    pub(super) system: Rc<dyn System>,
    /// The next moment somebody waits for.
    wake: Cell<Option<Instant>>,
    /// Goes up whenever something happens that another process could be waiting for.
    progress: Cell<u64>,
    /// Whether a process has worked for a while.
    is_out_of_breath: Cell<bool>,
    pub(super) n_commands: Cell<u64>,
    tasks: RefCell<Vec<Task>>,
    new_tasks: RefCell<Vec<Task>>,
    files: RefCell<BTreeMap<(Place, String), Option<String>>>,
    n_processes: Cell<u32>,
    /// Whether it was said that there is too much output.
    pub(super) has_said_full: Cell<bool>,
    /// What `history` prints.
    pub(super) history: RefCell<String>,
}

/// A process nobody waits for.
struct Task {
    running: Running,
    job: Rc<Job>,
}

/// A background job.
#[derive(Debug)]
pub struct Job {
    /// Its number in the shell.
    pub number: usize,
    /// Its process.
    pub pid: u32,
    /// How it was written.
    pub text: Rc<str>,
    /// How it ended, if it did.
    pub status: Cell<Option<u8>>,
    /// What is sent to it.
    pub signal: Signal,
}

/// How far the processes have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pause {
    /// Until this moment.
    Until(Instant),
    /// Nothing will happen by itself: somebody waits for input.
    ForInput,
    /// A process has worked for a while and goes on at once, unless whoever looks on has something else to do.
    ForBreath,
}

impl Kernel {
    pub(super) fn new(system: Rc<dyn System>) -> Kernel {
        Kernel {
            system,
            wake: Cell::new(None),
            progress: Cell::new(0),
            is_out_of_breath: Cell::new(false),
            n_commands: Cell::new(0),
            tasks: RefCell::default(),
            new_tasks: RefCell::default(),
            files: RefCell::default(),
            n_processes: Cell::new(100),
            has_said_full: Cell::new(false),
            history: RefCell::default(),
        }
    }

    /// What time it is.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.system.clock().now
    }

    /// What time it is, as a date.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.system.clock()
    }

    /// Something happened that another process could be waiting for.
    pub fn note_progress(&self) {
        self.progress.set(self.progress.get() + 1);
    }

    /// A process waits until then.
    pub fn note_wake(&self, at: Instant) {
        self.wake
            .set(Some(self.wake.get().map_or(at, |it| it.min(at))));
    }

    /// Waits until a moment.
    pub async fn sleep_until(&self, at: Instant) {
        self.wait_for(Some(at), || None::<()>).await;
    }

    /// Waits until something is there, at most until a moment.
    pub async fn wait_for<T>(
        &self,
        until: Option<Instant>,
        mut is_there: impl FnMut() -> Option<T>,
    ) -> Option<T> {
        poll_fn(|_| {
            if let Some(it) = is_there() {
                return Poll::Ready(Some(it));
            }
            match until {
                Some(at) if at <= self.now() => return Poll::Ready(None),
                Some(at) => self.note_wake(at),
                None => {}
            }
            Poll::Pending
        })
        .await
    }

    /// Lets all other processes go on first.
    pub async fn give_way(&self) {
        let mut is_second = false;
        poll_fn(|_| {
            if is_second {
                return Poll::Ready(());
            }
            is_second = true;
            self.note_progress();
            Poll::Pending
        })
        .await;
    }

    /// Lets whoever looks on see what was printed so far: long work is done in parts.
    pub async fn breathe(&self) {
        self.is_out_of_breath.set(true);
        self.give_way().await;
    }

    pub(super) fn next_pid(&self) -> u32 {
        self.n_processes.set(self.n_processes.get() + 1);
        self.n_processes.get()
    }

    pub(super) fn spawn(&self, job: Rc<Job>, running: Running) {
        self.new_tasks.borrow_mut().push(Task { running, job });
        self.note_progress();
    }

    pub(super) fn n_tasks(&self) -> usize {
        self.tasks.borrow().len() + self.new_tasks.borrow().len()
    }

    pub(super) fn kill_tasks(&self) {
        self.tasks.borrow_mut().clear();
        self.new_tasks.borrow_mut().clear();
    }

    /// Lets everybody go on until nobody can any more at this moment, or the main process has ended.
    pub(super) fn go_on(&self, mut main: Option<&mut Running>) -> Result<u8, Pause> {
        let mut context = Context::from_waker(Waker::noop());
        loop {
            let before = self.progress.get();
            self.wake.set(None);
            let mut ended = None;
            if let Some(main) = main.as_mut()
                && let Poll::Ready(code) = main.as_mut().poll(&mut context)
            {
                ended = Some(code);
            }
            let mut tasks = self.tasks.take();
            tasks.append(&mut self.new_tasks.borrow_mut());
            tasks.retain_mut(|task| match task.running.as_mut().poll(&mut context) {
                Poll::Pending => true,
                Poll::Ready(code) => {
                    task.job.status.set(Some(code));
                    self.note_progress();
                    false
                }
            });
            self.tasks.replace(tasks);
            if let Some(code) = ended {
                return Ok(code);
            }
            if self.is_out_of_breath.take() {
                return Err(Pause::ForBreath);
            }
            if self.progress.get() == before {
                return Err(self.wake.get().map_or(Pause::ForInput, Pause::Until));
            }
        }
    }

    /// A file's text, whoever wrote it.
    #[must_use]
    pub fn read(&self, place: &Place, path: &str) -> Option<String> {
        match self.files.borrow().get(&(place.clone(), path.to_owned())) {
            Some(it) => it.clone(),
            None => self.system.read(place, path),
        }
    }

    /// Writes a file anew.
    pub fn write(&self, place: &Place, path: &str, text: &str) {
        if !self.system.write(place, path, text) {
            let key = (place.clone(), path.to_owned());
            self.files.borrow_mut().insert(key, Some(text.to_owned()));
        }
    }

    pub(super) fn append(&self, place: &Place, path: &str, text: &str) -> Result<(), WriteFault> {
        let key = (place.clone(), path.to_owned());
        if let Some(Some(kept)) = self.files.borrow_mut().get_mut(&key) {
            if kept.len() + text.len() > MAX_OUTPUT {
                return Err(WriteFault::Full);
            }
            kept.push_str(text);
            return Ok(());
        }
        let mut whole = self.read(place, path).unwrap_or_default();
        if whole.len() + text.len() > MAX_OUTPUT {
            return Err(WriteFault::Full);
        }
        whole.push_str(text);
        self.write(place, path, &whole);
        Ok(())
    }

    /// Removes a file; false if there is none.
    pub fn remove(&self, place: &Place, path: &str) -> bool {
        let is_there = self.read(place, path).is_some();
        self.files
            .borrow_mut()
            .insert((place.clone(), path.to_owned()), None);
        is_there
    }

    /// The paths of all files of a place.
    #[must_use]
    pub fn files(&self, place: &Place) -> BTreeSet<String> {
        let mut paths: BTreeSet<String> = self.system.files(place).into_iter().collect();
        for ((of, path), text) in self.files.borrow().iter().filter(|it| it.0.0 == *place) {
            debug_assert_eq!(of, place);
            match text {
                Some(_) => paths.insert(path.clone()),
                None => paths.remove(path),
            };
        }
        paths
    }

    /// Whether a path is a folder: a usual one, or one that holds a file.
    #[must_use]
    pub fn is_folder(&self, place: &Place, path: &str) -> bool {
        const USUAL: [&str; 9] = [
            "/", "/root", "/home", "/tmp", "/etc", "/proc", "/var", "/usr", "/bin",
        ];
        let inside = format!("{}/", path.trim_end_matches('/'));
        USUAL.contains(&path) || self.files(place).iter().any(|it| it.starts_with(&inside))
    }
}

/// Runs several processes at once until all have ended; their exit codes in order.
pub(super) async fn join(kernel: &Kernel, running: Vec<Running>) -> Vec<u8> {
    let mut open: Vec<Result<u8, Running>> = running.into_iter().map(Err).collect();
    poll_fn(move |context| {
        for slot in &mut open {
            if let Err(running) = slot
                && let Poll::Ready(code) = Pin::as_mut(running).poll(context)
            {
                // What it held is let go at once: a reader sees the end of its pipe.
                *slot = Ok(code);
                kernel.note_progress();
            }
        }
        let codes: Option<Vec<u8>> = open.iter().map(|it| it.as_ref().ok().copied()).collect();
        codes.map_or(Poll::Pending, Poll::Ready)
    })
    .await
}

impl std::fmt::Debug for Kernel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kernel")
            .field("n_tasks", &self.n_tasks())
            .finish_non_exhaustive()
    }
}
