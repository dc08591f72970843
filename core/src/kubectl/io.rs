//! What a command has around it: a cluster, a configuration, files, what is piped into it, and where its texts go.
//!
//! **Left out**: terminals; whoever calls decides what a person sees first.

use super::config::Config;
use super::target::Target;
use crate::time::Clock;
use std::collections::{BTreeMap, BTreeSet};

/// Which of the two outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

/// What was printed, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Output {
    /// Piece by piece.
    pub pieces: Vec<(Stream, String)>,
    /// What was warned of already: kubectl says it once.
    warned: BTreeSet<String>,
}

impl Output {
    /// All of one stream.
    #[must_use]
    pub fn text(&self, of: Stream) -> String {
        let pieces = self.pieces.iter().filter(|it| it.0 == of);
        pieces.map(|it| it.1.as_str()).collect()
    }

    /// All of both, as a terminal shows them.
    #[must_use]
    pub fn all(&self) -> String {
        self.pieces.iter().map(|it| it.1.as_str()).collect()
    }

    /// Takes what was printed so far away.
    pub fn take(&mut self) -> Vec<(Stream, String)> {
        std::mem::take(&mut self.pieces)
    }

    /// Prints on one stream.
    pub fn print(&mut self, on: Stream, text: &str) {
        if text.is_empty() {
            return;
        }
        match self.pieces.last_mut() {
            Some(last) if last.0 == on => last.1.push_str(text),
            _ => self.pieces.push((on, text.to_owned())),
        }
    }
}

/// Why a file cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileError {
    /// There is none.
    Missing,
    /// Something else, in words.
    Other(String),
}

/// Files of the folder where one works.
pub trait Files {
    /// The text of a file.
    ///
    /// # Errors
    /// When it cannot be read.
    fn read(&self, path: &str) -> Result<String, FileError>;

    /// The names of what is in a folder, in order; `None` where the path is none.
    fn list(&self, path: &str) -> Option<Vec<String>>;

    /// What a person's editor makes of a text, once it is closed; `None` while it is open.
    fn edit(&mut self, name: &str, text: &str) -> Option<String> {
        let _ = name;
        Some(text.to_owned())
    }
}

/// Files that are only texts in memory: a path and its text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TextFiles(pub BTreeMap<String, String>);

impl Files for TextFiles {
    fn read(&self, path: &str) -> Result<String, FileError> {
        let path = path.trim_start_matches("./");
        self.0.get(path).cloned().ok_or(FileError::Missing)
    }

    fn list(&self, path: &str) -> Option<Vec<String>> {
        let path = path.trim_start_matches("./").trim_end_matches('/');
        let before = match path {
            "" | "." => String::new(),
            folder => format!("{folder}/"),
        };
        let inside = self.0.keys().filter_map(|it| it.strip_prefix(&before));
        let names: BTreeSet<String> = inside
            .filter_map(|it| it.split('/').next())
            .map(str::to_owned)
            .collect();
        (!names.is_empty()).then(|| names.into_iter().collect())
    }
}

/// What a command has around it.
pub struct Ctx<'a> {
    /// The cluster.
    pub target: &'a mut dyn Target,
    /// The kubeconfig.
    pub config: &'a mut Config,
    /// The files.
    pub files: &'a mut dyn Files,
    /// What is piped into it.
    pub stdin: Option<String>,
    /// Where its texts go.
    pub output: &'a mut Output,
}

impl std::fmt::Debug for Ctx<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ctx")
            .field("output", &self.output)
            .finish_non_exhaustive()
    }
}

impl Ctx<'_> {
    /// Prints on standard output.
    pub fn out(&mut self, text: &str) {
        self.output.print(Stream::Out, text);
    }

    /// Prints on standard error.
    pub fn err(&mut self, text: &str) {
        self.output.print(Stream::Err, text);
    }

    /// Prints warnings, each once.
    pub fn warn(&mut self, warnings: &[String]) {
        for it in warnings {
            if self.output.warned.insert(it.clone()) {
                self.err(&format!("Warning: {it}\n"));
            }
        }
    }

    /// Forgets what was warned of: another command begins.
    pub(super) fn begin(&mut self) {
        self.output.warned.clear();
    }

    /// The release the server is of: 36 for 1.36.
    pub(super) fn minor(&self) -> u16 {
        let objects = self.target.cluster().store().objects();
        objects.cluster.version().minor
    }

    /// What time it is.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.target.cluster().clock()
    }
}
