//! What kubectl talks to, and how a command goes on that is not done at once.
//!
//! **Left out**: connections that fail.

use super::failure::Failure;
use super::io::Ctx;
use crate::api::{ObjectRef, Status};
use crate::sim::{Cluster, Timeline};
use crate::store::api::{Answer, Request};
use crate::time::{Duration, Instant};
use std::sync::Arc;

/// A cluster as kubectl reaches it.
pub trait Target {
    /// The cluster as it is now.
    fn cluster(&self) -> &Cluster;

    /// Asks for something to be changed.
    ///
    /// # Errors
    /// What the server answers instead.
    fn request(&mut self, request: Request) -> Result<Answer, Status>;

    /// Lets time pass until something happens, at most until an instant. Whether any time can pass at all.
    fn pass(&mut self, until: Instant) -> bool;

    /// What a container printed, line by line.
    fn log(&self, pod: &ObjectRef, container: &str) -> Vec<String> {
        let _ = (pod, container);
        Vec::new()
    }
}

impl Target for Cluster {
    fn cluster(&self) -> &Cluster {
        self
    }

    fn request(&mut self, request: Request) -> Result<Answer, Status> {
        Cluster::request(self, &request)
    }

    fn pass(&mut self, until: Instant) -> bool {
        if self.clock().now >= until {
            return false;
        }
        let next = self.next_deadline().map_or(until, |it| it.min(until));
        self.advance(next.max(self.clock().now));
        true
    }
}

/// A cluster that others look at as well: it is copied where it changes.
impl Target for Arc<Cluster> {
    fn cluster(&self) -> &Cluster {
        self
    }

    fn request(&mut self, request: Request) -> Result<Answer, Status> {
        Target::request(Arc::make_mut(self), request)
    }

    fn pass(&mut self, until: Instant) -> bool {
        Target::pass(Arc::make_mut(self), until)
    }
}

/// How far a command has come.
#[derive(Debug)]
pub enum Step {
    /// It is over, with an exit code.
    Done(i32),
    /// It goes on when something happens.
    Waits(Box<dyn Task>),
    /// Something is to be run in a container: whoever calls does it, and says how it ended.
    Asks(Wanted),
}

impl Step {
    /// It is over: well, unless something failed on the way.
    ///
    /// # Errors
    /// With what failed.
    pub fn after(failures: Vec<Failure>) -> Outcome {
        if failures.is_empty() {
            return Ok(Step::Done(0));
        }
        Err(Failure::many(failures))
    }
}

/// A command that is to be run in a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The pod.
    pub pod: ObjectRef,
    /// The container.
    pub container: String,
    /// The command.
    pub words: Vec<String>,
    /// Whether it gets what is piped into kubectl.
    pub takes_input: bool,
    /// Whether it is to have a terminal.
    pub is_terminal: bool,
}

/// A port of the person's own computer that leads into a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forward {
    /// The port on 127.0.0.1 and ::1.
    pub local: u16,
    /// The pod.
    pub pod: ObjectRef,
    /// The pod's port.
    pub port: u16,
}

/// How a command went.
pub type Outcome = Result<Step, Failure>;

/// A command that waits for something.
pub trait Task: std::fmt::Debug {
    /// Looks again. The exit code, once it is over.
    ///
    /// # Errors
    /// What is printed before it exits.
    fn resume(&mut self, ctx: &mut Ctx<'_>) -> Result<Option<i32>, Failure>;

    /// When it must look again even if nothing happens.
    fn wakes_at(&self) -> Option<Instant> {
        None
    }

    /// Whether it has work to do for which nothing must happen first.
    fn is_busy(&self) -> bool {
        false
    }

    /// What is to be run in a container before it can go on.
    fn wanted(&self) -> Option<&Wanted> {
        None
    }

    /// That this was run, and how it ended.
    fn answer(&mut self, code: i32) {
        let _ = code;
    }

    /// Whether it is to look also when nothing happened but that somebody gave a sign of life.
    fn heeds_signs_of_life(&self) -> bool {
        false
    }

    /// The ports it forwards while it waits.
    fn forwards(&self) -> &[Forward] {
        &[]
    }
}

/// A command under way.
#[derive(Debug)]
pub struct Running {
    code: Option<i32>,
    task: Option<Box<dyn Task>>,
    wanted: Option<Wanted>,
}

impl Running {
    /// Takes what a verb came to, and prints what went wrong.
    pub(super) fn new(outcome: Outcome, ctx: &mut Ctx<'_>) -> Running {
        match outcome {
            Ok(Step::Done(code)) => Running::ended(code),
            Ok(Step::Waits(task)) => Running {
                code: None,
                task: Some(task),
                wanted: None,
            },
            Ok(Step::Asks(wanted)) => Running {
                code: None,
                task: None,
                wanted: Some(wanted),
            },
            Err(failure) => {
                ctx.err(&failure.text());
                Running::ended(failure.code())
            }
        }
    }

    fn ended(code: i32) -> Running {
        Running {
            code: Some(code),
            task: None,
            wanted: None,
        }
    }

    /// Its exit code, once it is over.
    #[must_use]
    pub const fn code(&self) -> Option<i32> {
        self.code
    }

    /// When it must be resumed even if nothing happens.
    #[must_use]
    pub fn wakes_at(&self) -> Option<Instant> {
        self.task.as_ref().and_then(|it| it.wakes_at())
    }

    /// Whether it can be resumed at once: long work is done in parts.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.task.as_ref().is_some_and(|it| it.is_busy())
    }

    /// Whether it is to be resumed also when nothing happened but that somebody gave a sign of life.
    #[must_use]
    pub fn heeds_signs_of_life(&self) -> bool {
        self.task
            .as_ref()
            .is_some_and(|it| it.heeds_signs_of_life())
    }

    /// What is to be run in a container before it can end.
    #[must_use]
    pub fn wanted(&self) -> Option<&Wanted> {
        let of_task = || self.task.as_ref().and_then(|it| it.wanted());
        self.wanted.as_ref().or_else(of_task)
    }

    /// That what it wanted was run, and how that ended.
    pub fn answer(&mut self, code: i32, ctx: &mut Ctx<'_>) {
        if self.wanted.is_some() {
            if code != 0 {
                ctx.err(&format!("command terminated with exit code {code}\n"));
            }
            *self = Running::ended(code);
        } else if let Some(task) = &mut self.task {
            task.answer(code);
            self.resume(ctx);
        }
    }

    /// The ports it forwards.
    #[must_use]
    pub fn forwards(&self) -> &[Forward] {
        self.task.as_ref().map_or(&[], |it| it.forwards())
    }

    /// Has it look again, after something happened or at the time it named.
    pub fn resume(&mut self, ctx: &mut Ctx<'_>) {
        let Some(task) = &mut self.task else {
            return;
        };
        match task.resume(ctx) {
            Ok(None) => {}
            Ok(Some(code)) => *self = Running::ended(code),
            Err(failure) => {
                ctx.err(&failure.text());
                *self = Running::ended(failure.code());
            }
        }
    }
}

/// Lets time pass until a command is over, at most for a time; then it is interrupted, which ends with 130 as in a shell.
pub fn finish(mut running: Running, ctx: &mut Ctx<'_>, limit: Duration) -> i32 {
    let end = ctx.target.cluster().clock().now + limit;
    loop {
        if let Some(code) = running.code() {
            return code;
        }
        if running.wanted().is_some() {
            ctx.err("error: nothing runs commands in containers here\n");
            return 1;
        }
        let until = running.wakes_at().map_or(end, |it| it.min(end));
        if !running.is_busy() && !ctx.target.pass(until) && until >= end {
            return 130;
        }
        running.resume(ctx);
    }
}

/// A timeline remembers what kubectl asked, and how long it waited.
impl Target for Timeline {
    fn cluster(&self) -> &Cluster {
        Timeline::cluster(self)
    }

    fn request(&mut self, request: Request) -> Result<Answer, Status> {
        use crate::sim::{Happening, Told};
        match self.happen(Happening::Request(Box::new(request))) {
            Ok(Told::Answer(answer)) => *answer,
            Ok(Told::Nothing) => Err(Status::internal_error("a request was not answered")),
            Err(full) => Err(Status::internal_error(&full.to_string())),
        }
    }

    fn pass(&mut self, until: Instant) -> bool {
        let now = Timeline::cluster(self).clock().now;
        if now >= until {
            return false;
        }
        let next = Timeline::cluster(self).as_ref().clone().next_deadline();
        let next = next.map_or(until, |it| it.min(until)).max(now);
        self.wait(next - now).is_ok()
    }
}
