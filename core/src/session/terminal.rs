//! The terminal of a session: a shell on the workstation, before the world that is shown.
//!
//! A line is begun, and goes on in turns while the shell around the session rests between them, so that what a watching command
//! prints appears as it comes and can be interrupted. When it has ended, the world comes to rest, as between the commands of
//! `packetwalk kubectl`; and if anything has happened, that is one moment of the session: shown, undone, kept in links.
//!
//! **Left out**: what was printed, in links and kept sessions. `kubectl edit` finds no editor but the one that `EDITOR` names
//! (`EDITOR='sed -i s/80/81/'`). While something else is done to the cluster, the line that runs is interrupted.

use super::time::watched;
use super::{EDITED_FILE, Session, update::Effect};
use crate::api::Service;
use crate::console::{Console, NoEditor};
use crate::shell::{Place, Shell, State, Stream};
use crate::sim::{Cluster, HostId, SETTLE_LIMIT, Source, Timeline};
use crate::time::{Duration, Instant};
use crate::tools::Files;
use crate::view::{
    CandidateView, CompletionView, PrintedKind, PrintedView, TerminalEntry, TerminalState,
    TerminalView,
};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

/// How much of the cluster's time a line gets in one turn, and how long one rests after it. A line that waits for long gets longer
/// turns: an eighth of what it has waited, so that a minute and a half are over in five seconds.
const TURN: Duration = Duration::from_millis(500);
const LONGEST_TURN: Duration = Duration::from_secs(4);
const PATIENCE: u64 = 8;
const REST_MS: u32 = 120;

/// How many lines, and how many bytes of one line's output, are kept.
const MAX_ENTRIES: usize = 200;
const MAX_OUTPUT: usize = 256 * 1024;

/// How many words Tab offers at once.
const MAX_CANDIDATES: usize = 40;

/// The terminal: what it shows is a value, the shell behind it is one for all that was cloned from a session.
#[derive(Clone, Debug, Default)]
pub(super) struct Terminal {
    desk: Option<Rc<RefCell<Desk>>>,
    pub(super) entries: Rc<Vec<Rc<TerminalEntry>>>,
    history: Rc<Vec<String>>,
    state: TerminalState,
    /// Lines that want more after them.
    begun: String,
    /// After how many events of the world the line that runs began.
    since: usize,
    rest_ms: u32,
    n_turns: u64,
    /// When, in the cluster's time, the line that runs began.
    begun_at: Instant,
    completion: Option<Rc<CompletionView>>,
    n_tabs: u64,
    /// What stands in the working folder beside the manifest.
    files: Rc<BTreeMap<String, String>>,
}

/// A shell with the world it stands before.
struct Desk {
    world: Rc<RefCell<Timeline>>,
    manifest: Rc<RefCell<String>>,
    console: Console,
    shell: Shell,
}

/// The working folder: what is edited beside the terminal is a file there, and a lesson may bring others.
struct Folder {
    manifest: Rc<RefCell<String>>,
    files: Rc<BTreeMap<String, String>>,
}

impl Files for Folder {
    fn read(&self, path: &str) -> Option<String> {
        match path {
            EDITED_FILE => Some(self.manifest.borrow().clone()),
            other => self.files.get(other).cloned(),
        }
    }

    fn list(&self) -> Vec<String> {
        let manifest = std::iter::once(EDITED_FILE.to_owned());
        manifest.chain(self.files.keys().cloned()).collect()
    }
}

impl fmt::Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Desk")
            .field("console", &self.console)
            .field("shell", &self.shell)
            .finish_non_exhaustive()
    }
}

impl Desk {
    fn before(world: &Timeline, files: &Rc<BTreeMap<String, String>>) -> Desk {
        let world = Rc::new(RefCell::new(world.clone()));
        let manifest = Rc::new(RefCell::new(String::new()));
        let files = Rc::new(Folder {
            manifest: manifest.clone(),
            files: files.clone(),
        });
        let console = Console::new(world.clone(), files, Rc::new(NoEditor));
        Desk {
            shell: console.shell(&Place::Workstation),
            world,
            manifest,
            console,
        }
    }
}

impl Terminal {
    /// These files stand in the working folder too. To be brought before anything is typed.
    pub(super) fn bring(&mut self, files: BTreeMap<String, String>) {
        self.files = Rc::new(files);
    }

    /// The shell, before this world and with this text.
    fn desk(&mut self, world: &Timeline, text: &str) -> Rc<RefCell<Desk>> {
        let desk = self
            .desk
            .get_or_insert_with(|| Rc::new(RefCell::new(Desk::before(world, &self.files))))
            .clone();
        {
            let desk = desk.borrow();
            if self.state == TerminalState::Idle {
                desk.world.replace(world.clone());
            }
            text.clone_into(&mut desk.manifest.borrow_mut());
        }
        desk
    }

    fn prompt(&self) -> String {
        match &self.desk {
            _ if !self.begun.is_empty() => "> ".to_owned(),
            Some(desk) => desk.borrow().shell.prompt(),
            None => "$ ".to_owned(),
        }
    }

    fn enter(&mut self, prompt: String, line: String, code: Option<u8>) {
        let entries = Rc::make_mut(&mut self.entries);
        entries.push(Rc::new(TerminalEntry {
            prompt,
            line,
            output: Vec::new(),
            code,
        }));
        let surplus = entries.len().saturating_sub(MAX_ENTRIES);
        entries.drain(..surplus);
    }

    /// Changes the last entry.
    fn with_last(&mut self, change: impl FnOnce(&mut TerminalEntry)) {
        if let Some(last) = Rc::make_mut(&mut self.entries).last_mut() {
            change(Rc::make_mut(last));
        }
    }

    fn print(&mut self, kind: PrintedKind, text: &str) {
        self.with_last(|it| it.print(kind, text));
    }

    /// Prints what the shell has said since the last time.
    fn take_output(&mut self, shell: &mut Shell) {
        for chunk in shell.take_output() {
            let kind = match chunk.stream {
                Stream::Out => PrintedKind::Said,
                Stream::Err => PrintedKind::Complained,
            };
            self.print(kind, &chunk.text);
        }
    }

    fn look(&self, examples: Vec<String>) -> TerminalView {
        let is_running = self.state == TerminalState::Running;
        TerminalView {
            entries: self.entries.clone(),
            prompt: self.prompt(),
            state: self.state,
            rests: is_running.then_some((self.rest_ms, self.n_turns)),
            history: self.history.clone(),
            examples,
            completion: self.completion.clone(),
        }
    }
}

impl TerminalEntry {
    /// Prints some more; beyond the limit only that there was more.
    fn print(&mut self, kind: PrintedKind, text: &str) {
        let length: usize = self.output.iter().map(|it| it.text.len()).sum();
        if length > MAX_OUTPUT {
            return;
        }
        match self.output.last_mut().filter(|it| it.kind == kind) {
            Some(last) => last.text.push_str(text),
            None => self.output.push(PrintedView {
                kind,
                text: text.to_owned(),
            }),
        }
        if length + text.len() > MAX_OUTPUT {
            self.output.push(PrintedView {
                kind: PrintedKind::Remarked,
                text: "What follows is more than this terminal keeps.\n".to_owned(),
            });
        }
    }
}

impl Session {
    /// The terminal, as there is to see.
    pub(super) fn look_at_terminal(&self) -> TerminalView {
        let is_fresh = self.terminal.entries.is_empty();
        let examples = is_fresh.then(|| self.lines_worth_trying());
        self.terminal.look(examples.unwrap_or_default())
    }

    /// About the first Service of one's own, and the request that is shown.
    fn lines_worth_trying(&self) -> Vec<String> {
        let mut lines = vec!["kubectl get services,endpointslices".to_owned()];
        let services = self.scene.world.objects.services.values();
        let is_own = |it: &&Arc<Service>| {
            let name = (&*it.metadata.namespace, &*it.metadata.name);
            name.0 != "kube-system" && name != ("default", "kubernetes")
        };
        if let Some(service) = services
            .filter(is_own)
            .min_by_key(|it| it.metadata.namespace != "default")
        {
            let namespace = match &*service.metadata.namespace {
                "default" => String::new(),
                other => format!(" -n {other}"),
            };
            lines.push(format!(
                "kubectl describe service {}{namespace}",
                service.metadata.name
            ));
        }
        if let Ok(Source::Host(HostId::Pod(namespace, name))) = Source::parse(&self.from) {
            let namespace = match namespace.as_str() {
                "default" => String::new(),
                other => format!(" -n {other}"),
            };
            lines.push(format!(
                "kubectl exec {name}{namespace} -- curl -s {}",
                self.to
            ));
        }
        lines
    }

    /// A line is typed: for the shell, or for the program that reads.
    pub(super) fn type_line(&mut self, line: String) -> Vec<Effect> {
        self.terminal.completion = None;
        match self.terminal.state {
            TerminalState::Running => return Vec::new(),
            TerminalState::Reading => {
                self.terminal
                    .print(PrintedKind::Typed, &format!("{line}\n"));
                if let Some(desk) = &self.terminal.desk {
                    desk.borrow_mut().shell.type_line(&line);
                }
                self.go_on_with_line();
                return Vec::new();
            }
            TerminalState::Idle => {}
        }
        let desk = self.terminal.desk(&self.scene.timeline, &self.text);
        let prompt = self.terminal.prompt();
        let text = format!("{}{line}\n", std::mem::take(&mut self.terminal.begun));
        if text.trim() == "clear" {
            self.terminal.entries = Rc::default();
            return Vec::new();
        }
        if matches!(desk.borrow().shell.is_whole(&text), Ok(false)) {
            self.terminal.begun = text;
            self.terminal.enter(prompt, line, Some(0));
            return Vec::new();
        }
        self.terminal.enter(prompt, line, None);
        self.terminal.since = desk.borrow().world.borrow().position();
        self.terminal.state = TerminalState::Running;
        self.terminal.begun_at = desk.borrow().console.now();
        desk.borrow_mut().shell.start(&text);
        self.terminal.history = Rc::new(desk.borrow().shell.history().to_vec());
        self.go_on_with_line();
        self.pause()
    }

    /// Something is done by pointing that a line does as well: the line is what does it, and is shown. No time passes after it.
    pub(super) fn act_by_line(&mut self, line: &str, words: String) -> Vec<Effect> {
        let desk = self.terminal.desk(&self.scene.timeline, &self.text);
        let mut desk = desk.borrow_mut();
        let (since, _) = self.run_whole(&mut desk, line);
        self.take_on_since(&desk, since, words);
        drop(desk);
        self.pause()
    }

    /// A line is typed for a person, to its end, and the world comes to rest after it. What it printed.
    pub(super) fn type_to_rest(&mut self, line: &str) -> String {
        let desk = self.terminal.desk(&self.scene.timeline, &self.text);
        let mut desk = desk.borrow_mut();
        let (since, printed) = self.run_whole(&mut desk, line);
        {
            let Desk { console, shell, .. } = &mut *desk;
            console.settle(shell, SETTLE_LIMIT);
        }
        self.take_on_since(&desk, since, format!("$ {}", line.trim()));
        printed
    }

    /// Runs a line to its end. After how many events it began, and what it printed.
    fn run_whole(&mut self, desk: &mut Desk, line: &str) -> (usize, String) {
        let prompt = desk.shell.prompt();
        self.terminal.enter(prompt, line.to_owned(), None);
        let since = desk.world.borrow().position();
        let done = desk.shell.run_line(line, "");
        self.terminal.print(PrintedKind::Said, &done.stdout);
        self.terminal.print(PrintedKind::Complained, &done.stderr);
        self.terminal.with_last(|it| it.code = Some(done.code));
        self.terminal.history = Rc::new(desk.shell.history().to_vec());
        (since, done.stdout + &done.stderr)
    }

    /// What happened to the world behind the terminal, as one moment.
    fn take_on_since(&mut self, desk: &Desk, since: usize, words: String) {
        if desk.world.borrow().position() <= since {
            return;
        }
        desk.world.borrow_mut().join(since);
        let timeline = desk.world.borrow().clone();
        let event = timeline.events()[since..].first();
        let told = event.map(|it| watched(self.scene.timeline.cluster(), it));
        self.take_on(timeline, told.unwrap_or_default(), words);
    }

    /// The line that runs gets another turn.
    pub(super) fn go_on_with_line(&mut self) {
        let Some(desk) = self.terminal.desk.clone() else {
            return;
        };
        if self.terminal.state == TerminalState::Idle {
            return;
        }
        let mut desk = desk.borrow_mut();
        let before = desk.console.now();
        let waited = before - self.terminal.begun_at;
        let grown = Duration::from_millis(waited.as_millis() / PATIENCE);
        let turn = grown.clamp(TURN, LONGEST_TURN);
        let state = desk.shell.step(before + turn);
        self.terminal.take_output(&mut desk.shell);
        self.terminal.n_turns += 1;
        match state {
            State::Idle(code) => self.end_line(&mut desk, code),
            State::Reading => self.terminal.state = TerminalState::Reading,
            State::Running(_) => {
                self.terminal.state = TerminalState::Running;
                // What only works goes on at once; what waits does so at a pace that can be followed.
                let has_waited = desk.console.now() > before;
                self.terminal.rest_ms = if has_waited { REST_MS } else { 0 };
            }
        }
    }

    /// Ctrl-C.
    pub(super) fn interrupt_line(&mut self) {
        self.terminal.begun.clear();
        self.terminal.completion = None;
        let Some(desk) = self.terminal.desk.clone() else {
            return;
        };
        if self.terminal.state != TerminalState::Idle {
            let mut desk = desk.borrow_mut();
            desk.shell.interrupt();
            self.terminal.print(PrintedKind::Typed, "^C\n");
            self.end_line(&mut desk, 130);
        }
    }

    /// Ctrl-D: nothing more is typed for the program that reads.
    pub(super) fn end_input(&mut self) {
        if self.terminal.state != TerminalState::Reading {
            return;
        }
        if let Some(desk) = &self.terminal.desk {
            desk.borrow_mut().shell.end_input();
        }
        self.go_on_with_line();
    }

    /// The line has ended: the world comes to rest, and what happened is one moment.
    fn end_line(&mut self, desk: &mut Desk, code: u8) {
        self.terminal.state = TerminalState::Idle;
        let since = self.terminal.since;
        let has_happened = desk.world.borrow().position() > since;
        if has_happened && !Cluster::clone(desk.world.borrow().cluster()).is_quiet() {
            let Desk { console, shell, .. } = &mut *desk;
            console.settle(shell, SETTLE_LIMIT);
            self.terminal.take_output(shell);
        }
        self.terminal.with_last(|it| it.code = Some(code));
        if desk.shell.has_ended() {
            desk.shell = desk.console.shell(&Place::Workstation);
            self.terminal.print(
                PrintedKind::Remarked,
                "The shell has ended; here is another.\n",
            );
        }
        let line = self.terminal.entries.last().map(|it| it.line.clone());
        let words = format!("$ {}", line.unwrap_or_default().trim());
        self.take_on_since(desk, since, words);
    }

    /// Tab: what the word at the end of the line could become.
    pub(super) fn complete(&mut self, line: String) -> Vec<Effect> {
        let desk = self.terminal.desk(&self.scene.timeline, &self.text);
        let found = desk.borrow().shell.complete(&line);
        let before = &line[..found.from];
        let is_alone = found.candidates.len() == 1;
        // What is certain is written, and a word that is whole is followed by a blank.
        let completed = match found.candidates.len() {
            0 => line.clone(),
            _ => format!(
                "{before}{}{}",
                found.common(),
                if is_alone { " " } else { "" }
            ),
        };
        let shown = if is_alone { 0 } else { MAX_CANDIDATES };
        let candidates = found.candidates.iter().take(shown).map(|it| CandidateView {
            word: it.word.clone(),
            about: it.about.clone(),
            line: format!("{before}{} ", it.word),
        });
        self.terminal.n_tabs += 1;
        self.terminal.completion = Some(Rc::new(CompletionView {
            number: self.terminal.n_tabs,
            candidates: candidates.collect(),
            n_more: found.candidates.len().saturating_sub(MAX_CANDIDATES),
            completed,
            line,
        }));
        Vec::new()
    }
}
