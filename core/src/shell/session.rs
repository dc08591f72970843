//! A shell as its terminal sees it: lines go in, text comes out while virtual time passes.
//!
//! [`run`] is for scripts: one text, to its end. [`Shell`] is for terminals: a line is begun, then the face lets time
//! pass as fast as it likes and fetches what was printed, until the shell waits for the next line.
//!
//! **Left out**: a program that reads the keyboard while others run in the background.

use super::complete::{self, Completion};
use super::kernel::{Kernel, MAX_TIME, Pause};
use super::parse::{ParseError, parse};
use super::process::{Running, Signal};
use super::run::{Run, fresh_scope};
use super::streams::{Chunk, Input, Output, PipeEnd, Screen, Stream, Streams, pipe};
use super::system::{Place, System};
use crate::time::Instant;
use std::rc::Rc;

/// How many lines a shell remembers.
const MAX_HISTORY: usize = 1000;

/// What a script came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Finished {
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
    /// Its exit code.
    pub code: u8,
}

/// What a shell does at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It waits for the next line; the last one ended with this exit code.
    Idle(u8),
    /// A line runs, and nothing will happen before this moment.
    Running(Instant),
    /// A line runs and waits for something to be typed.
    Reading,
}

/// A shell on a terminal.
pub struct Shell {
    kernel: Rc<Kernel>,
    run: Run,
    screen: Rc<Screen>,
    main: Option<Main>,
    history: Vec<String>,
    has_ended: bool,
}

/// The line that runs.
struct Main {
    running: Running,
    keyboard: Option<PipeEnd>,
    until: Instant,
}

/// Runs a text to its end, or for at most a virtual day.
#[must_use]
pub fn run(system: &Rc<dyn System>, place: &Place, text: &str, input: &str) -> Finished {
    let mut shell = Shell::new(system.clone(), place);
    shell.run_line(text, input)
}

impl Shell {
    /// A shell that has just been opened.
    #[must_use]
    pub fn new(system: Rc<dyn System>, place: &Place) -> Shell {
        let kernel = Rc::new(Kernel::new(system));
        let scope = Rc::new(fresh_scope(&kernel, place, Signal::default()));
        Shell {
            run: Run {
                kernel: kernel.clone(),
                scope,
            },
            kernel,
            screen: Rc::default(),
            main: None,
            history: Vec::new(),
            has_ended: false,
        }
    }

    /// Where it stands.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.run.scope.place
    }

    /// The lines that were begun, oldest first.
    #[must_use]
    pub fn history(&self) -> &[String] {
        &self.history
    }

    /// Whether `exit` was said.
    #[must_use]
    pub const fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// Whether jobs go on in the background.
    #[must_use]
    pub fn has_background_jobs(&self) -> bool {
        self.kernel.n_tasks() > 0
    }

    /// What the prompt says: the place, and `#`.
    #[must_use]
    pub fn prompt(&self) -> String {
        let folder = self.run.scope.folder.borrow();
        match self.place() {
            Place::Workstation => "$ ".to_owned(),
            Place::Pod { .. } => format!("{folder} # "),
            Place::Node(name) => format!("root@{name}:{folder}# "),
        }
    }

    /// Whether a text is a whole line, or wants more after it.
    ///
    /// # Errors
    /// When no more text could mend it.
    pub fn is_whole(&self, text: &str) -> Result<bool, ParseError> {
        match parse(text) {
            Ok(_) => Ok(true),
            Err(fault) if fault.is_incomplete => Ok(false),
            Err(fault) => Err(fault),
        }
    }

    /// Begins a line. What runs already is ended first.
    pub fn start(&mut self, text: &str) {
        let (keyboard, input) = pipe();
        self.begin(text, input, Some(keyboard));
    }

    fn begin(&mut self, text: &str, input: Input, keyboard: Option<PipeEnd>) {
        if self.main.is_some() {
            self.interrupt();
        }
        let text = self.with_history(text);
        if !text.trim().is_empty() && text.len() <= super::parse::MAX_TEXT {
            self.history.push(text.trim_end().to_owned());
            if self.history.len() > MAX_HISTORY {
                self.history.remove(0);
            }
        }
        self.kernel.n_commands.set(0);
        self.screen.n_bytes.set(0);
        self.kernel.has_said_full.set(false);
        let run = self.run.clone();
        let terminal = |stream| Output::Terminal(self.screen.clone(), stream);
        let streams = Streams::new(input, terminal(Stream::Out), terminal(Stream::Err));
        let numbered = self.history.iter().enumerate();
        let listing: String = numbered
            .map(|(idx, it)| format!("{:5}  {it}\n", idx + 1))
            .collect();
        self.kernel.history.replace(listing);
        // What ended the last line does not end this one.
        self.run.scope.signal.clear();
        let running = Box::pin(async move { run.text(&text, streams).await });
        self.main = Some(Main {
            running,
            keyboard,
            until: self.kernel.now() + MAX_TIME,
        });
    }

    /// `!!` and `!n`, as bash reads them at a line's beginning.
    fn with_history(&self, text: &str) -> String {
        let Some(rest) = text.strip_prefix('!') else {
            return text.to_owned();
        };
        let (word, after) = rest
            .split_once(' ')
            .map_or((rest, String::new()), |it| (it.0, format!(" {}", it.1)));
        let found = match word.parse::<usize>() {
            Ok(number) => number.checked_sub(1).and_then(|it| self.history.get(it)),
            Err(_) if word == "!" => self.history.last(),
            Err(_) => return text.to_owned(),
        };
        found.map_or_else(|| text.to_owned(), |it| format!("{it}{after}"))
    }

    /// Lets time pass up to a moment, or until the line has ended or waits for input.
    pub fn advance(&mut self, until: Instant) -> State {
        loop {
            match self.step(until) {
                State::Running(at) if at <= self.kernel.now() && at < until => {}
                other => return other,
            }
        }
    }

    /// As [`Self::advance`], but back as soon as a program has worked for a while: it is running still, and goes on now. So a
    /// face shows the beginning of much text before its end is made.
    pub fn step(&mut self, until: Instant) -> State {
        loop {
            let main = self.main.as_mut();
            let last = main.as_ref().map(|it| it.until);
            match self.kernel.go_on(main.map(|it| &mut it.running)) {
                Ok(code) => {
                    self.main = None;
                    self.has_ended |= self.run.scope.has_exited.get();
                    return State::Idle(code);
                }
                Err(Pause::ForInput) if last.is_none() => return self.idle(),
                Err(Pause::ForInput) => return State::Reading,
                Err(Pause::ForBreath) => return State::Running(self.kernel.now()),
                Err(Pause::Until(at)) if last.is_some_and(|it| at > it) => {
                    self.say("sh: stopped: one line may take at most a day\n");
                    self.interrupt();
                    return self.idle();
                }
                Err(Pause::Until(at)) if at > until => {
                    if until > self.kernel.now() {
                        self.kernel.system.pass(until);
                    }
                    return if last.is_some() {
                        State::Running(at)
                    } else {
                        self.idle()
                    };
                }
                Err(Pause::Until(at)) => {
                    self.kernel.system.pass(at);
                    if self.kernel.now() < at {
                        self.say("sh: stopped: the world remembers no more events, so its time stands still\n");
                        self.close();
                        return self.idle();
                    }
                }
            }
        }
    }

    fn idle(&self) -> State {
        State::Idle(self.run.scope.status.get())
    }

    /// What was printed since the last call.
    pub fn take_output(&mut self) -> Vec<Chunk> {
        self.screen.chunks.take()
    }

    /// Types a line for the program that runs.
    pub fn type_line(&mut self, text: &str) {
        if let Some(keyboard) = self.main.as_ref().and_then(|it| it.keyboard.as_ref()) {
            keyboard.push(&format!("{text}\n"));
            self.kernel.note_progress();
        }
    }

    /// Ctrl-D: nothing more will be typed for the program that runs.
    pub fn end_input(&mut self) {
        if let Some(main) = &mut self.main {
            main.keyboard = None;
            self.kernel.note_progress();
        }
    }

    /// Ctrl-C: ends the line that runs; background jobs go on.
    pub fn interrupt(&mut self) {
        if self.main.take().is_some() {
            self.run.scope.status.set(130);
            self.run.scope.depth.set(0);
            self.run.scope.n_conditions.set(0);
            self.run.scope.locals.borrow_mut().clear();
        }
    }

    /// Ends everything, background jobs too.
    pub fn close(&mut self) {
        self.interrupt();
        self.kernel.kill_tasks();
        self.has_ended = true;
    }

    fn say(&self, text: &str) {
        // A message beyond the limit of output is lost, as the output is.
        let _ = Output::Terminal(self.screen.clone(), Stream::Err).write(&self.kernel, text);
    }

    /// Runs a line to its end; what it is given to read is this text.
    pub fn run_line(&mut self, text: &str, input: &str) -> Finished {
        self.begin(text, Input::of(input), None);
        let state = self.advance(Instant::from_millis(u64::MAX));
        if state == State::Reading {
            self.say("sh: stopped: everything waits for something else\n");
            self.interrupt();
        }
        let mut finished = Finished {
            code: self.run.scope.status.get(),
            ..Finished::default()
        };
        if let State::Idle(code) = state {
            finished.code = code;
        }
        for chunk in self.take_output() {
            match chunk.stream {
                Stream::Out => finished.stdout.push_str(&chunk.text),
                Stream::Err => finished.stderr.push_str(&chunk.text),
            }
        }
        finished
    }

    /// What the word that ends here could become.
    #[must_use]
    pub fn complete(&self, line: &str) -> Completion {
        complete::complete(&self.run, line)
    }
}

impl std::fmt::Debug for Shell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shell")
            .field("place", self.place())
            .field("is_running", &self.main.is_some())
            .finish_non_exhaustive()
    }
}
