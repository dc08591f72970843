//! A shell in front of a person or a pipe, before a world: how the emulated kubectl is typed on the command line, and in labs.
//!
//! **Left out**: writing into the folder: what a line writes (`> file`) is there for the commands after it and gone with them.

use crate::error::Error;
use crate::output;
use packetwalk_core::console::{Console, Editor, Ground, NoEditor, commands};
use packetwalk_core::shell::{Chunk, Place, Shell, State};
use packetwalk_core::sim::SETTLE_LIMIT;
use packetwalk_core::time::Duration;
use packetwalk_core::tools::Files;
use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// The longest that one command may go on.
const COMMAND_LIMIT: Duration = Duration::from_secs(3600);

/// How many files of the working folder patterns see.
const MAX_FILES: usize = 10_000;

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
pub(crate) enum Show {
    /// Of all.
    All,
    /// Of those that fail.
    Failures,
}

/// What a command reads that wants to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reads {
    /// It is at the end at once.
    Nothing,
    /// What is typed or piped into this program.
    StandardInput,
}

/// A shell in front of a teletype, before a world.
pub(crate) struct Terminal<'t> {
    console: Console,
    shell: Shell,
    teletype: &'t mut dyn Teletype,
}

impl<'t> Terminal<'t> {
    pub(crate) fn new<G: Ground + 'static>(
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
    pub(crate) fn script(&mut self, path: &str, show: Show) -> Result<u8, Error> {
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
    pub(crate) fn run(&mut self, line: &str, show: Show, reads: Reads) -> Result<u8, Error> {
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
pub(crate) fn quoted(words: &[String]) -> String {
    let quoted = words
        .iter()
        .map(|it| format!(" '{}'", it.replace('\'', "'\\''")));
    format!("kubectl{}", quoted.collect::<String>())
}

/// The working folder, and the files of this machine where a path leads out of it.
pub(crate) struct Folder {
    home: String,
}

impl Folder {
    pub(crate) fn working() -> Folder {
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
