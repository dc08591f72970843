//! Runs what was read: lists, pipelines, constructs, functions, programs.
//!
//! POSIX.1-2017 "Shell Command Language" 2.8 to 2.12; where it leaves a choice, as dash 0.5.12. Each command of a
//! pipeline and each background job is a process of its own with a copy of the shell's variables.
//!
//! **Left out**: job control beyond `&`, `wait`, `jobs` and `kill`; traps other than EXIT.

use super::builtins;
use super::expand::Failure;
use super::kernel::{Job, Kernel, MAX_COMMANDS, join};
use super::parse::parse;
use super::process::{Process, Running, Signal, until_signalled};
use super::scope::{Scope, Variable};
use super::streams::{Handle, Input, MAX_OUTPUT, Output, Streams, pipe};
use super::syntax::{
    Command, Compound, Connector, Item, Pipeline, Script, Simple, Until, Wait, Word,
};
use super::system::{Place, Program};
use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

/// How deep constructs and calls may be open at once.
const MAX_DEPTH: usize = 120;

/// How many turns a background job gets before the shell goes on.
const HEAD_START: usize = 3;

/// The signal of too much output.
const SIGXFSZ: u8 = 25;

/// How the commands of a line went on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    /// To the next command.
    On,
    /// Out of so many loops.
    Break(usize),
    /// To the next turn of the loop so many further out.
    Continue(usize),
    /// Out of the function.
    Return,
    /// Out of the shell.
    Exit,
}

pub(super) type Step<'a> = Pin<Box<dyn Future<Output = Flow> + 'a>>;

/// A shell process.
#[derive(Clone, Debug)]
pub(super) struct Run {
    pub(super) kernel: Rc<Kernel>,
    pub(super) scope: Rc<Scope>,
}

/// Where a command's name leads.
enum Found {
    Function(Rc<Command>),
    Builtin,
    Program(Rc<dyn Program>),
}

impl Run {
    /// A process with a copy of what this one remembers.
    pub(super) fn subshell(&self) -> Run {
        let scope = Scope {
            jobs: std::cell::RefCell::default(),
            trap: std::cell::RefCell::default(),
            ..Scope::clone(&self.scope)
        };
        Run {
            kernel: self.kernel.clone(),
            scope: Rc::new(scope),
        }
    }

    /// The same under another signal.
    pub(super) fn under(&self, signal: &Signal) -> Run {
        let mut scope = Scope::clone(&self.scope);
        scope.signal = signal.clone();
        Run {
            kernel: self.kernel.clone(),
            scope: Rc::new(scope),
        }
    }

    /// A fresh process in another place, with the environment of that place.
    pub(super) fn elsewhere(&self, place: &Place) -> Run {
        let scope = fresh_scope(&self.kernel, place, self.scope.signal.clone());
        scope.depth.set(self.scope.depth.get());
        Run {
            kernel: self.kernel.clone(),
            scope: Rc::new(scope),
        }
    }

    pub(super) fn status(&self, code: u8) -> Flow {
        self.scope.status.set(code);
        Flow::On
    }

    /// Says that a command went too far, and ends the shell.
    pub(super) fn stop(&self, streams: &Streams, why: &str) -> Flow {
        self.write(streams, 2, &format!("sh: stopped: {why}\n"));
        self.scope.status.set(2);
        Flow::Exit
    }

    pub(super) fn stop_full(&self) {
        self.kernel.n_commands.set(MAX_COMMANDS);
        self.scope.signal.send(SIGXFSZ);
    }

    /// Runs a text to its end, `trap … EXIT` included; the exit code.
    pub(super) async fn text(&self, text: &str, streams: Streams) -> u8 {
        let script = match parse(text) {
            Ok(it) => it,
            Err(fault) => {
                self.write(&streams, 2, &format!("{fault}\n"));
                self.scope.status.set(2);
                return 2;
            }
        };
        self.whole(&script, &streams).await
    }

    pub(super) async fn whole(&self, script: &Script, streams: &Streams) -> u8 {
        let ended = until_signalled(&self.scope.signal, self.script(script, streams)).await;
        let is_full = self.scope.signal.sent() == Some(SIGXFSZ);
        if is_full && !self.kernel.has_said_full.replace(true) {
            let text = format!("sh: stopped: more than {MAX_OUTPUT} bytes of output\n");
            self.write(streams, 2, &text);
        }
        if let Err(number) = ended {
            self.scope.status.set(128_u8.saturating_add(number));
        }
        let trap = self.scope.trap.take();
        if let Some(script) = trap.and_then(|it| parse(&it).ok()) {
            let code = self.scope.status.get();
            self.script(&script, streams).await;
            self.scope.status.set(code);
        }
        self.scope.status.get()
    }

    pub(super) fn script<'a>(&'a self, script: &'a Script, streams: &'a Streams) -> Step<'a> {
        Box::pin(async move {
            for item in &script.items {
                let flow = match item.wait {
                    Wait::Background => {
                        let flow = self.background(item, streams);
                        // A job has begun to listen before the next command speaks.
                        for _ in 0..HEAD_START {
                            self.kernel.give_way().await;
                        }
                        flow
                    }
                    Wait::Foreground => self.item(item, streams).await,
                };
                if flow != Flow::On {
                    return flow;
                }
            }
            Flow::On
        })
    }

    fn background(&self, item: &Item, streams: &Streams) -> Flow {
        const MAX_JOBS: usize = 200;
        if self.kernel.n_tasks() >= MAX_JOBS {
            return self.stop(streams, &format!("at most {MAX_JOBS} jobs run at once"));
        }
        let newest = self.scope.jobs.borrow().last().map(|it| it.number);
        let job = Rc::new(Job {
            number: newest.map_or(1, |it| it + 1),
            pid: self.kernel.next_pid(),
            text: item.text.clone(),
            status: Cell::new(None),
            signal: Signal::default(),
        });
        self.scope.jobs.borrow_mut().push(job.clone());
        self.scope.last_pid.set(Some(job.pid));
        let run = self.subshell().under(&job.signal);
        let streams = streams.with(0, Handle::Read(Input::of("")));
        let script = Script {
            items: vec![Item {
                wait: Wait::Foreground,
                ..item.clone()
            }],
        };
        self.kernel.spawn(
            job,
            Box::pin(async move { run.whole(&script, &streams).await }),
        );
        self.status(0)
    }

    async fn item(&self, item: &Item, streams: &Streams) -> Flow {
        let n_pipelines = item.pipelines.len();
        for (idx, (connector, pipeline)) in item.pipelines.iter().enumerate() {
            let succeeded = self.scope.status.get() == 0;
            let runs = match connector {
                Connector::First => true,
                Connector::And => succeeded,
                Connector::Or => !succeeded,
            };
            if !runs {
                continue;
            }
            // A failure that is asked about is no reason to end.
            let is_asked = idx + 1 < n_pipelines || pipeline.is_negated;
            let conditions = &self.scope.n_conditions;
            conditions.set(conditions.get() + usize::from(is_asked));
            let flow = self.pipeline(pipeline, streams).await;
            conditions.set(conditions.get() - usize::from(is_asked));
            if flow != Flow::On {
                return flow;
            }
            let fails = self.scope.status.get() != 0 && !is_asked && conditions.get() == 0;
            if fails && self.scope.options.get().ends_on_failure {
                return Flow::Exit;
            }
        }
        Flow::On
    }

    async fn pipeline(&self, pipeline: &Pipeline, streams: &Streams) -> Flow {
        let flow = match pipeline.commands.as_slice() {
            [one] => self.command(one, streams).await,
            several => self.several(several, streams).await,
        };
        if pipeline.is_negated {
            self.scope
                .status
                .set(u8::from(self.scope.status.get() == 0));
        }
        flow
    }

    async fn several(&self, commands: &[Rc<Command>], streams: &Streams) -> Flow {
        let mut running: Vec<Running> = Vec::new();
        let mut input: Option<Input> = None;
        for (idx, command) in commands.iter().enumerate() {
            let mut own = streams.clone();
            if let Some(it) = input.take() {
                own = own.with(0, Handle::Read(it));
            }
            if idx + 1 < commands.len() {
                let (end, next) = pipe();
                own = own.with(1, Handle::Write(Output::Pipe(end)));
                input = Some(next);
            }
            let signal = Signal::default();
            let (run, outer) = (self.subshell().under(&signal), self.scope.signal.clone());
            let command = command.clone();
            running.push(Box::pin(async move {
                let whole = async {
                    run.command(&command, &own).await;
                    run.scope.status.get()
                };
                // Whoever ends the shell ends its pipelines.
                let ended = until_signalled(&outer, until_signalled(&signal, whole)).await;
                match ended {
                    Ok(Ok(code)) => code,
                    Ok(Err(number)) | Err(number) => 128_u8.saturating_add(number),
                }
            }));
        }
        let codes = join(&self.kernel, running).await;
        let last = codes.last().copied().unwrap_or_default();
        let any = codes
            .iter()
            .rev()
            .find(|it| **it != 0)
            .copied()
            .unwrap_or_default();
        self.status(if self.scope.options.get().counts_all {
            any
        } else {
            last
        })
    }

    /// One command. Every one is counted, and lets the other processes go on first.
    fn command<'a>(&'a self, command: &'a Command, streams: &'a Streams) -> Step<'a> {
        Box::pin(async move {
            let n_commands = self.kernel.n_commands.get() + 1;
            self.kernel.n_commands.set(n_commands);
            if n_commands > MAX_COMMANDS {
                return self.stop(
                    streams,
                    &format!("one line may run at most {MAX_COMMANDS} commands"),
                );
            }
            let depth = self.scope.depth.get();
            if depth >= MAX_DEPTH {
                return self.stop(streams, &format!("nested more than {MAX_DEPTH} deep"));
            }
            self.scope.depth.set(depth + 1);
            let flow = match command {
                Command::Simple(simple) => self.simple(simple, streams).await,
                Command::Function(name, body) => {
                    self.scope
                        .functions
                        .borrow_mut()
                        .insert(name.clone(), body.clone());
                    self.status(0)
                }
                Command::Compound(compound, redirects) => {
                    match self.redirected(redirects, streams).await {
                        Ok(streams) => self.compound(compound, &streams).await,
                        Err(flow) => flow,
                    }
                }
            };
            self.scope.depth.set(depth);
            flow
        })
    }

    async fn compound(&self, compound: &Compound, streams: &Streams) -> Flow {
        match compound {
            Compound::Group(body) => self.script(body, streams).await,
            Compound::Subshell(body) => {
                let code = self.subshell().whole(body, streams).await;
                self.status(code)
            }
            Compound::If(branches, otherwise) => {
                for (condition, body) in branches {
                    let flow = self.condition(condition, streams).await;
                    if flow != Flow::On {
                        return flow;
                    }
                    if self.scope.status.get() == 0 {
                        return self.script(body, streams).await;
                    }
                }
                self.scope.status.set(0);
                match otherwise {
                    Some(body) => self.script(body, streams).await,
                    None => Flow::On,
                }
            }
            Compound::Loop(until, condition, body) => {
                self.turns(*until, condition, body, streams).await
            }
            Compound::For(name, words, body) => {
                self.for_each(name, words.as_deref(), body, streams).await
            }
            Compound::Case(subject, arms) => self.case(subject, arms, streams).await,
        }
    }

    async fn condition(&self, script: &Script, streams: &Streams) -> Flow {
        let conditions = &self.scope.n_conditions;
        conditions.set(conditions.get() + 1);
        let flow = self.script(script, streams).await;
        conditions.set(conditions.get() - 1);
        flow
    }

    async fn turns(
        &self,
        until: Until,
        condition: &Script,
        body: &Script,
        streams: &Streams,
    ) -> Flow {
        let mut code = 0;
        loop {
            self.kernel.give_way().await;
            match self.condition(condition, streams).await {
                Flow::On => {}
                Flow::Break(n) if n > 1 => return Flow::Break(n - 1),
                Flow::Break(_) => break,
                Flow::Continue(n) if n > 1 => return Flow::Continue(n - 1),
                Flow::Continue(_) => continue,
                flow => return flow,
            }
            if (self.scope.status.get() == 0) == (until == Until::Succeeds) {
                break;
            }
            let flow = self.script(body, streams).await;
            code = self.scope.status.get();
            match flow {
                Flow::On | Flow::Continue(1) => {}
                Flow::Break(n) if n > 1 => return Flow::Break(n - 1),
                Flow::Continue(n) => return Flow::Continue(n - 1),
                Flow::Break(_) => break,
                flow => return flow,
            }
        }
        self.status(code)
    }

    async fn for_each(
        &self,
        name: &str,
        words: Option<&[Word]>,
        body: &Script,
        streams: &Streams,
    ) -> Flow {
        let values = match words {
            None => self.scope.arguments.borrow().clone(),
            Some(words) => match self.fields(words, streams).await {
                Ok(it) => it,
                Err(failure) => return self.fail(&failure, streams),
            },
        };
        self.scope.status.set(0);
        for value in values {
            self.kernel.give_way().await;
            if let Err(message) = self.scope.set(name, &value) {
                return self.fail(&Failure { message }, streams);
            }
            match self.script(body, streams).await {
                Flow::On | Flow::Continue(1) => {}
                Flow::Break(n) if n > 1 => return Flow::Break(n - 1),
                Flow::Continue(n) => return Flow::Continue(n - 1),
                Flow::Break(_) => break,
                flow => return flow,
            }
        }
        Flow::On
    }

    async fn case(&self, subject: &Word, arms: &[(Vec<Word>, Script)], streams: &Streams) -> Flow {
        let subject = match self.text_of(subject, streams).await {
            Ok(it) => it,
            Err(failure) => return self.fail(&failure, streams),
        };
        for (patterns, body) in arms {
            for pattern in patterns {
                match self.pattern_of(pattern, streams).await {
                    Ok(pattern) if pattern.matches(&subject) => {
                        self.scope.status.set(0);
                        return self.script(body, streams).await;
                    }
                    Ok(_) => {}
                    Err(failure) => return self.fail(&failure, streams),
                }
            }
        }
        self.status(0)
    }

    /// An expansion that cannot be made ends the shell.
    pub(super) fn fail(&self, failure: &Failure, streams: &Streams) -> Flow {
        self.write(streams, 2, &format!("sh: {}\n", failure.message));
        self.scope.status.set(2);
        Flow::Exit
    }

    async fn simple(&self, simple: &Simple, streams: &Streams) -> Flow {
        self.scope.substituted.set(0);
        let args = match self.fields(&simple.words, streams).await {
            Ok(it) => it,
            Err(failure) => return self.fail(&failure, streams),
        };
        let mut assigned = Vec::new();
        for (name, word) in &simple.assignments {
            let value = match self.assigned(word, streams).await {
                Ok(it) => it,
                Err(failure) => return self.fail(&failure, streams),
            };
            if args.is_empty() {
                // One after another: the second may use the first.
                if let Err(message) = self.scope.set(name, &value) {
                    return self.fail(&Failure { message }, streams);
                }
            }
            assigned.push((name.clone(), value));
        }
        let code = self.scope.substituted.get();
        let streams = match self.redirected(&simple.redirects, streams).await {
            Ok(it) => it,
            Err(_)
                if !args.is_empty()
                    || !simple.assignments.is_empty()
                    || !simple.redirects.is_empty() =>
            {
                return Flow::On;
            }
            Err(flow) => return flow,
        };
        if self.scope.options.get().says_commands {
            let words = assigned
                .iter()
                .map(|(name, value)| format!("{name}={value}"));
            let words: Vec<String> = words.chain(args.iter().cloned()).collect();
            self.write(&streams, 2, &format!("+ {}\n", words.join(" ")));
        }
        if args.is_empty() {
            return self.status(code);
        }
        self.call(args, assigned, streams).await
    }

    /// Runs a command with its words expanded.
    async fn call(
        &self,
        args: Vec<String>,
        assigned: Vec<(String, String)>,
        streams: Streams,
    ) -> Flow {
        match self.find(&args[0], Functions::Count) {
            Some(Found::Program(program)) => {
                let run = self.subshell();
                for (name, value) in &assigned {
                    if let Err(message) = run.scope.set(name, value) {
                        return self.fail(&Failure { message }, &streams);
                    }
                    run.scope.export(name);
                }
                let process = Process { args, streams, run };
                let code = run_program(&*program, process).await;
                self.status(code)
            }
            Some(Found::Builtin) => {
                let keeps = builtins::is_special(&args[0]);
                let hidden = self.assign_for_now(&assigned);
                let flow = builtins::run(self, &args, &streams).await;
                if !keeps {
                    self.restore(hidden);
                }
                flow
            }
            Some(Found::Function(body)) => {
                let hidden = self.assign_for_now(&assigned);
                let flow = self.function(&body, &args, &streams).await;
                self.restore(hidden);
                flow
            }
            None => {
                let code = self.not_found(&args[0], &streams);
                self.status(code)
            }
        }
    }

    fn assign_for_now(&self, assigned: &[(String, String)]) -> Vec<(String, Option<Variable>)> {
        let mut hidden = Vec::new();
        for (name, value) in assigned {
            hidden.push((
                name.clone(),
                self.scope.variables.borrow().get(name).cloned(),
            ));
            // What may not change does not.
            let _ = self.scope.set(name, value);
            self.scope.export(name);
        }
        hidden
    }

    fn restore(&self, hidden: Vec<(String, Option<Variable>)>) {
        let mut variables = self.scope.variables.borrow_mut();
        for (name, variable) in hidden.into_iter().rev() {
            match variable {
                Some(it) => variables.insert(name, it),
                None => variables.remove(&name),
            };
        }
    }

    async fn function(&self, body: &Command, args: &[String], streams: &Streams) -> Flow {
        let outer = self.scope.arguments.replace(args[1..].to_vec());
        self.scope.locals.borrow_mut().push(Vec::new());
        let flow = self.command(body, streams).await;
        let hidden = self.scope.locals.borrow_mut().pop().unwrap_or_default();
        self.restore(hidden);
        self.scope.arguments.replace(outer);
        match flow {
            Flow::Exit => Flow::Exit,
            _ => Flow::On,
        }
    }

    fn find(&self, name: &str, functions: Functions) -> Option<Found> {
        if functions == Functions::Count {
            if builtins::is_special(name) {
                return Some(Found::Builtin);
            }
            if let Some(body) = self.scope.functions.borrow().get(name) {
                return Some(Found::Function(body.clone()));
            }
        }
        if builtins::is_one(name) {
            return Some(Found::Builtin);
        }
        let bare = [
            "/bin/",
            "/usr/bin/",
            "/sbin/",
            "/usr/sbin/",
            "/usr/local/bin/",
        ];
        let name = bare
            .iter()
            .find_map(|it| name.strip_prefix(it))
            .unwrap_or(name);
        let program = self.kernel.system.program(&self.scope.place, name);
        program
            .or_else(|| super::programs::program(name))
            .map(Found::Program)
    }

    /// What `type` and `command -v` say of a name.
    pub(super) fn kind_of(&self, name: &str) -> Option<&'static str> {
        self.find(name, Functions::Count).map(|it| match it {
            Found::Function(_) => "function",
            Found::Builtin => "builtin",
            Found::Program(_) => "program",
        })
    }

    /// Says that there is no such command, and what there is.
    fn not_found(&self, name: &str, streams: &Streams) -> u8 {
        let mut known = self.kernel.system.programs(&self.scope.place);
        let own = super::programs::names().chain(builtins::names());
        known.extend(
            own.filter(|it| it.bytes().all(|it| it.is_ascii_lowercase()))
                .map(str::to_owned),
        );
        known.sort();
        known.dedup();
        self.write(
            streams,
            2,
            &format!("sh: {name}: not found\nThere are: {}\n", known.join(" ")),
        );
        127
    }

    /// Runs a program, builtin or function by its name, as `xargs` and `timeout` do.
    pub(super) async fn launch(&self, args: Vec<String>, streams: Streams) -> u8 {
        let Some(name) = args.first() else {
            return 0;
        };
        let n_commands = self.kernel.n_commands.get() + 1;
        self.kernel.n_commands.set(n_commands);
        let depth = self.scope.depth.get();
        if n_commands > MAX_COMMANDS || depth >= MAX_DEPTH {
            self.stop(&streams, "too many commands, or nested too deep");
            return 2;
        }
        self.scope.depth.set(depth + 1);
        match self.find(name, Functions::Ignored) {
            Some(Found::Program(program)) => {
                let process = Process {
                    args,
                    streams,
                    run: self.clone(),
                };
                run_program(&*program, process).await
            }
            Some(Found::Builtin) => {
                builtins::run(self, &args, &streams).await;
                self.scope.status.get()
            }
            Some(Found::Function(_)) | None => self.not_found(name, &streams),
        }
    }
}

/// Whether functions count when a name is looked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Functions {
    Count,
    Ignored,
}

async fn run_program(program: &dyn Program, process: Process) -> u8 {
    let (kernel, signal) = (process.run.kernel.clone(), process.run.scope.signal.clone());
    kernel.give_way().await;
    let output = process.streams.output(1).cloned();
    let code = match until_signalled(&signal, program.run(process)).await {
        Ok(code) => code,
        Err(number) => return 128_u8.saturating_add(number),
    };
    // A writer faster than its reader waits.
    if let Some(output) = output.filter(Output::is_full) {
        kernel
            .wait_for(None, || (!output.is_full()).then_some(()))
            .await;
    }
    code
}

/// What a shell begins with in a place.
pub(super) fn fresh_scope(kernel: &Kernel, place: &Place, signal: Signal) -> Scope {
    let scope = Scope {
        place: place.clone(),
        signal,
        pid: 1,
        ..Scope::default()
    };
    let home = match place {
        Place::Pod { .. } => "/",
        Place::Workstation | Place::Node(_) => "/root",
    };
    let usual = [
        ("HOME", "/root"),
        (
            "PATH",
            "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        ),
        ("PWD", home),
    ];
    let told = kernel.system.environment(place);
    let usual = usual.map(|(name, value)| (name.to_owned(), value.to_owned()));
    for (name, value) in usual.into_iter().chain(told) {
        let variable = Variable {
            value,
            is_exported: true,
            is_fixed: false,
        };
        scope.variables.borrow_mut().insert(name, variable);
    }
    let fixed = [
        ("IFS", " \t\n"),
        ("OPTIND", "1"),
        ("PS1", "$ "),
        ("PS2", "> "),
        ("PS4", "+ "),
    ];
    for (name, value) in fixed {
        let variable = Variable {
            value: value.to_owned(),
            ..Variable::default()
        };
        scope
            .variables
            .borrow_mut()
            .insert(name.to_owned(), variable);
    }
    scope
        .folder
        .replace(scope.value("PWD").unwrap_or_else(|| home.to_owned()));
    scope.name.replace("sh".to_owned());
    scope
}
