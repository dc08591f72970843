//! `packetwalk kubectl`: the emulated kubectl on the command line.
//!
//! File arguments are files of the working folder. Between commands the world runs until nothing is on its way, at most for 120
//! virtual seconds.
//!
//! **Left out**: in `--shell` and `--script` anything of a shell but quotes and comments: one kubectl a line.

use crate::error::Error;
use crate::input::Manifests;
use crate::output;
use packetwalk_core::kubectl::{self, Config, Ctx, FileError, Files, Output, Stream};
use packetwalk_core::sim::{Cluster, SETTLE_LIMIT, begin};
use std::io::{IsTerminal, Read, Write};
use std::path::Path;
use std::process::{Command, ExitCode};

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
    /// A file of commands, one a line: alone, their output is printed up to the first that fails
    #[arg(long, value_name = "FILE")]
    script: Option<String>,
    /// A line as a shell reads it
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
  packetwalk kubectl -f cluster.yaml --shell \"kubectl get svc -o jsonpath='{.items[*].metadata.name}'\"";

/// Runs the commands. The exit code is the last one's.
pub fn run(arguments: &Arguments) -> ExitCode {
    match all(arguments) {
        Ok(code) => ExitCode::from(u8::try_from(code).unwrap_or(1)),
        Err(error) => {
            output::remark(&format!("packetwalk: {error}"));
            ExitCode::from(error.exit_code())
        }
    }
}

fn all(arguments: &Arguments) -> Result<i32, Error> {
    let manifests = Manifests {
        files: arguments.files.clone(),
    };
    let started = begin(manifests.read()?, arguments.seed);
    for complaint in &started.complaints {
        output::remark(&complaint.to_string());
    }
    let mut terminal = Terminal {
        cluster: started.cluster,
        config: Config::default(),
    };
    let is_alone = arguments.shell.is_none() && arguments.arguments.is_empty();
    if let Some(path) = &arguments.script {
        let code = terminal.script(path, is_alone)?;
        if code != 0 || is_alone {
            return Ok(code);
        }
    }
    let words = match &arguments.shell {
        Some(line) => match command(line)? {
            Some(words) => words,
            None => return Ok(0),
        },
        None => arguments.arguments.clone(),
    };
    let stdin = if words.iter().any(|it| it == "-" || it == "-f-") {
        let mut text = String::new();
        if !std::io::stdin().is_terminal() {
            std::io::stdin().lock().read_to_string(&mut text)?;
        }
        Some(text)
    } else {
        None
    };
    let (said, code) = terminal.run(&words, stdin);
    print(&said)?;
    Ok(code)
}

struct Terminal {
    cluster: Cluster,
    config: Config,
}

impl Terminal {
    /// Runs a file of commands, up to the first that fails.
    fn script(&mut self, path: &str, is_shown: bool) -> Result<i32, Error> {
        let text = std::fs::read_to_string(path).map_err(|said| Error::File {
            path: path.to_owned(),
            said,
        })?;
        for line in text.lines() {
            let Some(words) = command(line)? else {
                continue;
            };
            let (said, code) = self.run(&words, None);
            if is_shown || code != 0 {
                print(&said)?;
            }
            if code != 0 {
                return Ok(code);
            }
        }
        Ok(0)
    }

    fn run(&mut self, words: &[String], stdin: Option<String>) -> (Output, i32) {
        let mut said = Output::default();
        let mut ctx = Ctx {
            target: &mut self.cluster,
            config: &mut self.config,
            files: &mut Folder,
            stdin,
            output: &mut said,
        };
        let running = kubectl::run(&mut ctx, words);
        let code = kubectl::finish(running, &mut ctx, SETTLE_LIMIT);
        self.cluster.settle(SETTLE_LIMIT);
        (said, code)
    }
}

fn print(said: &Output) -> Result<(), Error> {
    for (stream, text) in &said.pieces {
        let written = match stream {
            Stream::Out => {
                let mut out = anstream::stdout().lock();
                write!(out, "{text}").and_then(|()| out.flush())
            }
            Stream::Err => write!(anstream::stderr(), "{text}"),
        };
        match written {
            Err(it) if it.kind() == std::io::ErrorKind::BrokenPipe => {}
            other => other?,
        }
    }
    Ok(())
}

/// The words after `kubectl` of a line; nothing for a blank line or a comment.
fn command(line: &str) -> Result<Option<Vec<String>>, Error> {
    let mut words = split(line);
    if words.first().is_none_or(|it| it.starts_with('#')) {
        return Ok(None);
    }
    if words[0] != "kubectl" && words[0] != "k" {
        return Err(Error::Input(format!(
            "{}: only kubectl can be typed here",
            words[0]
        )));
    }
    words.remove(0);
    Ok(Some(words))
}

/// The words of a line, quotes read as a shell reads them.
fn split(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut letters = line.trim().chars();
    while let Some(it) = letters.next() {
        match (quote, it) {
            (None, it) if it.is_whitespace() => words.extend(word.take()),
            (None, '\'' | '"') => {
                quote = Some(it);
                word.get_or_insert_default();
            }
            (Some(open), it) if open == it => quote = None,
            (Some('"') | None, '\\') => word.get_or_insert_default().extend(letters.next()),
            (_, it) => word.get_or_insert_default().push(it),
        }
    }
    words.extend(word);
    words
}

/// The working folder.
struct Folder;

impl Files for Folder {
    fn read(&self, path: &str) -> Result<String, FileError> {
        std::fs::read_to_string(path).map_err(|it| match it.kind() {
            std::io::ErrorKind::NotFound => FileError::Missing,
            _ => FileError::Other(format!("{path}: {it}")),
        })
    }

    fn list(&self, path: &str) -> Option<Vec<String>> {
        if !Path::new(path).is_dir() {
            return None;
        }
        let inside = std::fs::read_dir(path).ok()?;
        let mut names: Vec<String> = inside
            .filter_map(|it| it.ok()?.file_name().into_string().ok())
            .collect();
        names.sort();
        Some(names)
    }

    /// As kubectl: `KUBE_EDITOR`, `EDITOR`, else vi, with a file of its own.
    fn edit(&mut self, name: &str, text: &str) -> Option<String> {
        let editor = std::env::var("KUBE_EDITOR")
            .or_else(|_| std::env::var("EDITOR"))
            .unwrap_or_else(|_| "vi".to_owned());
        let path = std::env::temp_dir().join(format!("{}-{name}", std::process::id()));
        if std::fs::write(&path, text).is_err() {
            return Some(text.to_owned());
        }
        let line = format!("{editor} \"$0\"");
        let ended = Command::new("sh").arg("-c").arg(line).arg(&path).status();
        let edited = std::fs::read_to_string(&path);
        // A file that is left behind does no harm.
        let _ = std::fs::remove_file(&path);
        match (ended, edited) {
            (Ok(status), Ok(edited)) if status.success() => Some(edited),
            _ => Some(text.to_owned()),
        }
    }
}
