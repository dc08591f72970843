//! A running program: its arguments, streams and environment, and what it may ask for.
//!
//! **Left out**: signals other than those that end a process.

use super::kernel::Kernel;
use super::run::Run;
use super::streams::{Handle, Input, Output, Streams, WriteFault, pipe};
use super::system::Place;
use crate::time::{Clock, Duration, Instant};
use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;

/// A process under way; it ends with an exit code.
pub type Running = Pin<Box<dyn Future<Output = u8>>>;

/// What was sent to a process. A process that has got something ends at the next moment it waits.
#[derive(Clone, Debug, Default)]
pub struct Signal(Rc<Cell<Option<u8>>>);

/// The signal of a broken pipe.
pub(super) const SIGPIPE: u8 = 13;

/// A running program, as it sees itself.
#[derive(Clone, Debug)]
pub struct Process {
    /// Its name and arguments.
    pub args: Vec<String>,
    /// Its streams.
    pub streams: Streams,
    pub(super) run: Run,
}

impl Signal {
    /// Sends it; the first one counts.
    pub fn send(&self, number: u8) {
        if self.0.get().is_none() {
            self.0.set(Some(number));
        }
    }

    pub(super) fn clear(&self) {
        self.0.set(None);
    }

    /// What was sent.
    #[must_use]
    pub fn sent(&self) -> Option<u8> {
        self.0.get()
    }
}

/// Runs a process until it ends, or is ended by a signal.
pub(super) async fn until_signalled<T>(
    signal: &Signal,
    running: impl Future<Output = T>,
) -> Result<T, u8> {
    let mut running = Box::pin(running);
    poll_fn(|context| {
        if let Some(number) = signal.sent() {
            return Poll::Ready(Err(number));
        }
        match running.as_mut().poll(context) {
            Poll::Ready(it) => Poll::Ready(Ok(it)),
            Poll::Pending => match signal.sent() {
                Some(number) => Poll::Ready(Err(number)),
                None => Poll::Pending,
            },
        }
    })
    .await
}

impl Process {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.args.first().map_or("", String::as_str)
    }

    /// Its arguments without its name.
    #[must_use]
    pub fn arguments(&self) -> &[String] {
        self.args.get(1..).unwrap_or_default()
    }

    /// Where it runs.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.run.scope.place
    }

    /// What is behind it.
    #[must_use]
    pub fn kernel(&self) -> &Kernel {
        &self.run.kernel
    }

    /// What time it is.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.run.kernel.clock()
    }

    /// What time it is.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.run.kernel.now()
    }

    /// The folder it is in.
    #[must_use]
    pub fn folder(&self) -> String {
        self.run.scope.folder.borrow().clone()
    }

    /// A variable of its environment.
    #[must_use]
    pub fn env(&self, name: &str) -> Option<String> {
        let variables = self.run.scope.variables.borrow();
        variables
            .get(name)
            .filter(|it| it.is_exported)
            .map(|it| it.value.clone())
    }

    /// Its whole environment, by name.
    #[must_use]
    pub fn environment(&self) -> Vec<(String, String)> {
        self.run.scope.environment()
    }

    /// Writes to standard output.
    pub fn print(&self, text: &str) {
        self.write(1, text);
    }

    /// Writes to standard error.
    pub fn complain(&self, text: &str) {
        self.write(2, text);
    }

    fn write(&self, number: u32, text: &str) {
        self.run.write(&self.streams, number, text);
    }

    /// Waits while a reader does not keep up.
    pub async fn flush(&self) {
        if let Some(output) = self.streams.output(1) {
            let room = || (!output.is_full()).then_some(());
            self.run.kernel.wait_for(None, room).await;
        }
    }

    /// Lets time pass.
    pub async fn sleep(&self, length: Duration) {
        self.run.kernel.sleep_until(self.now() + length).await;
    }

    /// The next line of standard input with its end; none at the end.
    pub async fn read_line(&self) -> Option<String> {
        let input = self.streams.input(0)?;
        let line = self
            .run
            .kernel
            .wait_for(None, || input.take_line(&self.run.kernel))
            .await?;
        (!line.is_empty()).then_some(line)
    }

    /// All of standard input.
    pub async fn read_all(&self) -> String {
        let mut text = String::new();
        if let Some(input) = self.streams.input(0) {
            while let Some(more) = self
                .run
                .kernel
                .wait_for(None, || input.take_some(&self.run.kernel))
                .await
                && !more.is_empty()
            {
                text.push_str(&more);
                if text.len() > super::streams::MAX_OUTPUT {
                    self.run.stop_full();
                    break;
                }
            }
        }
        text
    }

    /// The whole path of a file.
    #[must_use]
    pub fn path(&self, name: &str) -> String {
        absolute(&self.folder(), name)
    }

    /// A file's text, or why there is none; `-` is standard input.
    ///
    /// # Errors
    /// When there is no such file, or it is a folder.
    pub async fn read_file(&self, name: &str) -> Result<String, &'static str> {
        if matches!(name, "-" | "/dev/stdin") {
            return Ok(self.read_all().await);
        }
        let path = self.path(name);
        if path == "/dev/null" {
            return Ok(String::new());
        }
        match self.run.kernel.read(self.place(), &path) {
            Some(text) => Ok(text),
            None if self.run.kernel.is_folder(self.place(), &path) => Err("Is a directory"),
            None => Err("No such file or directory"),
        }
    }

    /// Writes a file anew.
    pub fn write_file(&self, name: &str, text: &str) {
        self.run.kernel.write(self.place(), &self.path(name), text);
    }

    /// Writes at the end of a file.
    pub fn append_file(&self, name: &str, text: &str) {
        if self
            .run
            .kernel
            .append(self.place(), &self.path(name), text)
            .is_err()
        {
            self.run.stop_full();
        }
    }

    /// Runs another program with the same streams.
    pub async fn execute(&self, args: &[String]) -> u8 {
        self.run
            .subshell()
            .launch(args.to_vec(), self.streams.clone())
            .await
    }

    /// Runs another program, feeding it this text, and collects its output; errors go where this one's go.
    pub async fn capture(&self, args: &[String], input: &str) -> (u8, String) {
        let (end, output) = pipe();
        let streams = self
            .streams
            .with(0, Handle::Read(Input::of(input)))
            .with(1, Handle::Write(Output::Pipe(end)));
        let code = self.run.subshell().launch(args.to_vec(), streams).await;
        (code, output.take_some(&self.run.kernel).unwrap_or_default())
    }

    /// Runs another program in another place, with the environment that is there.
    pub async fn enter(&self, place: &Place, args: &[String]) -> u8 {
        let run = self.run.elsewhere(place);
        let streams = self.streams.clone();
        run.launch(args.to_vec(), streams).await
    }

    /// Runs a script of the shell's language under a name (`$0`) with arguments.
    pub async fn script(&self, text: &str, name: &str, args: Vec<String>) -> u8 {
        let run = self.run.subshell();
        run.scope.arguments.replace(args);
        run.scope.name.replace(name.to_owned());
        // A shell of its own knows only what is exported.
        run.scope.functions.borrow_mut().clear();
        let is_known = |name: &String, it: &super::scope::Variable| {
            it.is_exported || name.starts_with("PS") || name == "IFS"
        };
        run.scope
            .variables
            .borrow_mut()
            .retain(|name, it| is_known(name, it));
        run.text(text, self.streams.clone()).await
    }

    /// The same under a signal of its own: what ends it does not end this one.
    #[must_use]
    pub fn under(&self, signal: &Signal) -> Process {
        let mut process = self.clone();
        process.run = self.run.under(signal);
        process
    }
}

/// A path from the root, without `.` and `..`.
#[must_use]
pub fn absolute(folder: &str, name: &str) -> String {
    let whole = match name.starts_with('/') {
        true => name.to_owned(),
        false => format!("{folder}/{name}"),
    };
    let mut parts: Vec<&str> = Vec::new();
    for part in whole.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            it => parts.push(it),
        }
    }
    format!("/{}", parts.join("/"))
}

impl Run {
    /// Writes to a stream. Where nobody reads, the process ends.
    pub(super) fn write(&self, streams: &Streams, number: u32, text: &str) {
        let Some(output) = streams.output(number) else {
            return;
        };
        match output.write(&self.kernel, text) {
            Ok(()) => {}
            Err(WriteFault::Broken) => self.scope.signal.send(SIGPIPE),
            Err(WriteFault::Full) => self.stop_full(),
        }
    }
}
