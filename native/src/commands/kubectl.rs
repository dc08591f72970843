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
use crate::typing::{Folder, Reads, Show, Teletype, Terminal, quoted};
use clap::{Args, FromArgMatches};
use packetwalk_core::console::Editor;
use packetwalk_core::shell::Chunk;
use packetwalk_core::sim::Timeline;
use std::cell::RefCell;
use std::io::{BufRead, IsTerminal, Read};
use std::process::{Command, ExitCode};
use std::rc::Rc;

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

/// The terminal this program runs on, or what it is piped into.
struct ThisTerminal;

impl Teletype for ThisTerminal {
    fn show(&mut self, said: &Chunk) -> Result<(), Error> {
        output::pass_on(said.stream, &said.text)
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
