//! `packetwalk kubectl`: the emulated kubectl on the command line, in a shell that has it among its programs.
//!
//! File arguments are files of the working folder. Between commands the world runs until nothing is on its way, at most for 120
//! virtual seconds; inside one `--shell` line only what the line itself does spends time.
//!
//! **Left out**: writing into the working folder: what a line writes (`> file`) is there for the commands after it and gone
//! with them. A command that goes on for a virtual hour is interrupted, as by Ctrl-C. Of folders within the working folder,
//! patterns like `*/*.yaml` see those that are not hidden, and of very large ones the beginning.

use crate::error::Error;
use crate::input::Manifests;
use crate::output;
use clap::{Args, FromArgMatches};
use packetwalk_core::console::{Console, Editor, Ground, NoEditor, commands};
use packetwalk_core::shell::{Chunk, Place, Shell, State, Stream};
use packetwalk_core::sim::{SETTLE_LIMIT, Timeline};
use packetwalk_core::time::Duration;
use packetwalk_core::tools::Files;
use std::cell::RefCell;
use std::io::{BufRead, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::rc::Rc;

/// The longest that one command may go on.
const COMMAND_LIMIT: Duration = Duration::from_secs(3600);

/// How many files of the working folder patterns see.
const MAX_FILES: usize = 10_000;

/// Type kubectl at a simulated cluster
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// A manifest of the cluster: a file, a folder of them, or - for standard input; may be given again
    #[arg(short = 'f', long = "filename", value_name = "FILE")]
    files: Vec<String>,
    /// Where luck comes from: the same seed gives the same world
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// A file of a shell's commands: alone, their output is printed up to the first that fails
    #[arg(long, value_name = "FILE")]
    script: Option<String>,
    /// A line as a shell reads it: pipes, loops, here-documents, tools in pods through kubectl exec
    #[arg(long, value_name = "LINE", conflicts_with = "arguments")]
    shell: Option<String>,
    /// What stands behind kubectl
    #[arg(last = true, value_name = "ARGS")]
    arguments: Vec<String>,
}

const EXAMPLES: &str = "Examples:
  packetwalk kubectl -f static/manifests/clusterip.yaml -- get svc,endpointslices -o wide
  packetwalk kubectl -- create deployment web --image=nginx --dry-run=client -o yaml
  packetwalk kubectl --script steps.txt -- get pods
  packetwalk kubectl -f cluster.yaml --shell \"kubectl get svc -o name | sort | head -3\"
  packetwalk kubectl -f cluster.yaml --shell 'kubectl port-forward svc/api 8080:80 --for 2s & sleep 1; curl -s localhost:8080'";

impl Arguments {
    /// What the words after `packetwalk kubectl` say.
    ///
    /// # Errors
    /// When they make no sense.
    pub fn of(words: &[&str]) -> Result<Arguments, clap::Error> {
        let command = Arguments::augment_args(clap::Command::new("kubectl"));
        let matches = command.no_binary_name(true).try_get_matches_from(words)?;
        Arguments::from_arg_matches(&matches)
    }
}

/// Runs the commands. The exit code is the last one's.
pub fn run(arguments: &Arguments) -> ExitCode {
    match type_all(arguments, &mut ThisTerminal) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            output::remark(&format!("packetwalk: {error}"));
            ExitCode::from(error.exit_code())
        }
    }
}

/// Where a person reads and types.
pub trait Teletype {
    /// Shows what a command printed.
    ///
    /// # Errors
    /// When it cannot be shown.
    fn show(&mut self, said: &Chunk) -> Result<(), Error>;

    /// More for a command that reads, and whether that is all there will be.
    ///
    /// # Errors
    /// When it cannot be read.
    fn read(&mut self) -> Result<(String, bool), Error>;
}

/// Runs the commands in front of a teletype. The last one's exit code.
///
/// # Errors
/// When manifests or the script cannot be read.
pub fn type_all(arguments: &Arguments, teletype: &mut dyn Teletype) -> Result<u8, Error> {
    let manifests = Manifests {
        files: arguments.files.clone(),
    };
    let timeline = Timeline::new(manifests.start(arguments.seed)?);
    for complaint in &timeline.begun().complaints {
        output::remark(&complaint.to_string());
    }
    let ground = Rc::new(RefCell::new(timeline));
    let mut terminal = Terminal::new(ground, Folder::working(), Rc::new(OwnEditor), teletype);
    let is_alone = arguments.shell.is_none() && arguments.arguments.is_empty();
    if let Some(path) = &arguments.script {
        let code = terminal.script(path, if is_alone { Show::All } else { Show::Failures })?;
        if code != 0 || is_alone {
            return Ok(code);
        }
    }
    let line = match &arguments.shell {
        Some(line) => line.clone(),
        None => quoted(&arguments.arguments),
    };
    terminal.run(&line, Show::All, Reads::StandardInput)
}

/// Types a line of kubectl at a world that stays, with the files of a folder; then the world comes to rest. The exit code.
///
/// # Errors
/// When the teletype fails.
pub fn type_line<G: Ground + 'static>(
    world: Rc<RefCell<G>>,
    folder: &Path,
    arguments: &[String],
    teletype: &mut dyn Teletype,
) -> Result<u8, Error> {
    let folder = Folder {
        home: folder.to_string_lossy().into_owned(),
    };
    let mut terminal = Terminal::new(world, folder, Rc::new(NoEditor), teletype);
    let code = terminal.run(&quoted(arguments), Show::All, Reads::StandardInput)?;
    terminal.console.settle(&mut terminal.shell, SETTLE_LIMIT);
    Ok(code)
}

/// Which commands' output is printed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Show {
    All,
    /// Of those that fail.
    Failures,
}

/// What a command reads that wants to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reads {
    Nothing,
    StandardInput,
}

struct Terminal<'t> {
    console: Console,
    shell: Shell,
    teletype: &'t mut dyn Teletype,
}

impl<'t> Terminal<'t> {
    fn new<G: Ground + 'static>(
        world: Rc<RefCell<G>>,
        folder: Folder,
        editor: Rc<dyn Editor>,
        teletype: &'t mut dyn Teletype,
    ) -> Self {
        let console = Console::new(world, Rc::new(folder), editor);
        Terminal {
            shell: console.shell(&Place::Workstation),
            console,
            teletype,
        }
    }

    /// Runs a file of commands, up to the first that fails.
    fn script(&mut self, path: &str, show: Show) -> Result<u8, Error> {
        let text = std::fs::read_to_string(path).map_err(|said| Error::File {
            path: path.to_owned(),
            said,
        })?;
        for (line, command) in commands(&text) {
            let command = command.map_err(|it| {
                let at = line + it.line - 1;
                Error::Input(format!("{path}:{at}:{}: {}", it.column, it.message))
            })?;
            let code = self.run(command, show, Reads::Nothing)?;
            if code != 0 || self.shell.has_ended() {
                return Ok(code);
            }
            self.console.settle(&mut self.shell, SETTLE_LIMIT);
            let said = self.shell.take_output();
            if show == Show::All {
                self.print(&said)?;
            }
        }
        Ok(0)
    }

    /// Runs a command to its end. Its exit code.
    fn run(&mut self, line: &str, show: Show, reads: Reads) -> Result<u8, Error> {
        let until = self.console.now() + COMMAND_LIMIT;
        let (mut is_at_end, mut said) = (false, Vec::new());
        self.shell.start(line);
        let code = loop {
            let state = self.shell.advance(until);
            said.append(&mut self.shell.take_output());
            if show == Show::All {
                self.print(&std::mem::take(&mut said))?;
            }
            match state {
                State::Idle(code) => break code,
                State::Running(_) => {
                    self.shell.interrupt();
                    break 130;
                }
                State::Reading if is_at_end => {
                    output::remark("packetwalk: everything waits for something else");
                    self.shell.interrupt();
                    break 1;
                }
                State::Reading => is_at_end = self.type_what_is_there(reads)?,
            }
        };
        if code != 0 {
            self.print(&said)?;
        }
        Ok(code)
    }

    fn print(&mut self, said: &[Chunk]) -> Result<(), Error> {
        said.iter().try_for_each(|it| self.teletype.show(it))
    }

    /// Hands on what is typed, a line at a time, or what is piped into this program. Whether that was all.
    fn type_what_is_there(&mut self, reads: Reads) -> Result<bool, Error> {
        let (text, is_end) = match reads {
            Reads::Nothing => (String::new(), true),
            Reads::StandardInput => self.teletype.read()?,
        };
        if !text.is_empty() {
            self.shell
                .type_line(text.strip_suffix('\n').unwrap_or(&text));
        }
        if is_end {
            self.shell.end_input();
        }
        Ok(is_end)
    }
}

/// The words of a command line as a line of a shell.
fn quoted(words: &[String]) -> String {
    let quoted = words
        .iter()
        .map(|it| format!(" '{}'", it.replace('\'', "'\\''")));
    format!("kubectl{}", quoted.collect::<String>())
}

/// The terminal this program runs on, or what it is piped into.
struct ThisTerminal;

impl Teletype for ThisTerminal {
    /// A reader that has gone away is no failure.
    fn show(&mut self, said: &Chunk) -> Result<(), Error> {
        let text = &said.text;
        let written = match said.stream {
            Stream::Out => {
                let mut out = anstream::stdout().lock();
                write!(out, "{text}").and_then(|()| out.flush())
            }
            Stream::Err => write!(anstream::stderr(), "{text}"),
        };
        match written {
            Err(it) if it.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
            other => Ok(other?),
        }
    }

    /// A line of what is typed, or all that is piped into this program.
    fn read(&mut self) -> Result<(String, bool), Error> {
        let mut input = std::io::stdin().lock();
        let mut text = String::new();
        let is_end = if input.is_terminal() {
            input.read_line(&mut text)? == 0
        } else {
            input.read_to_string(&mut text)?;
            true
        };
        Ok((text, is_end))
    }
}

/// The working folder, and the files of this machine where a path leads out of it.
struct Folder {
    home: String,
}

impl Folder {
    fn working() -> Folder {
        let here = std::env::current_dir().ok();
        let home = here.and_then(|it| it.to_str().map(str::to_owned));
        Folder {
            home: home.unwrap_or_else(|| "/".to_owned()),
        }
    }
}

impl Files for Folder {
    fn read(&self, path: &str) -> Option<String> {
        let path = Path::new(&self.home).join(path);
        // A device or a pipe may have no end.
        if !path.is_file() {
            return None;
        }
        let bytes = std::fs::read(path).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn list(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut open = vec![PathBuf::new()];
        while let Some(folder) = open.pop() {
            for name in names(&Path::new(&self.home).join(&folder)) {
                let path = folder.join(&name);
                let Ok(kind) = Path::new(&self.home).join(&path).symlink_metadata() else {
                    continue;
                };
                if name.starts_with('.') || name == "target" {
                    continue;
                }
                if kind.is_dir() {
                    open.push(path);
                } else if let Some(path) = path.to_str() {
                    found.push(path.to_owned());
                }
                if found.len() == MAX_FILES {
                    return found;
                }
            }
        }
        found
    }

    fn home(&self) -> String {
        self.home.clone()
    }

    fn folder(&self, path: &str) -> Option<Vec<String>> {
        let path = Path::new(&self.home).join(path);
        path.is_dir().then(|| names(&path))
    }
}

/// What is in a folder, in order.
fn names(folder: &Path) -> Vec<String> {
    let inside = std::fs::read_dir(folder).into_iter().flatten();
    let mut names: Vec<String> = inside
        .filter_map(|it| it.ok()?.file_name().into_string().ok())
        .collect();
    names.sort();
    names
}

/// The editor of the person at this machine.
struct OwnEditor;

impl Editor for OwnEditor {
    /// As kubectl: `KUBE_EDITOR`, `EDITOR`, else vi, with a file of its own.
    fn edit(&self, name: &str, text: &str) -> String {
        let editor = std::env::var("KUBE_EDITOR")
            .or_else(|_| std::env::var("EDITOR"))
            .unwrap_or_else(|_| "vi".to_owned());
        let path = std::env::temp_dir().join(format!("{}-{name}", std::process::id()));
        if std::fs::write(&path, text).is_err() {
            return text.to_owned();
        }
        let line = format!("{editor} \"$0\"");
        let ended = Command::new("sh").arg("-c").arg(line).arg(&path).status();
        let edited = std::fs::read_to_string(&path);
        // A file that is left behind does no harm.
        let _ = std::fs::remove_file(&path);
        match (ended, edited) {
            (Ok(status), Ok(edited)) if status.success() => edited,
            _ => text.to_owned(),
        }
    }
}
