//! The terminal as there is to see: what was typed, what was printed, and what the line that runs waits for.
//!
//! **Left out**: colours, a cursor that programs move: what is printed is text, line after line.

use serde::{Deserialize, Serialize};
use std::rc::Rc;

/// The terminal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TerminalView {
    /// What was typed and printed, oldest first.
    pub entries: Rc<Vec<Rc<TerminalEntry>>>,
    /// What stands before the line that is typed now.
    pub prompt: String,
    /// What it waits for.
    pub state: TerminalState,
    /// How many milliseconds the line that runs rests, and how many times it has: a shell lets it go on after each.
    pub rests: Option<(u32, u64)>,
    /// The lines that were typed, oldest first.
    pub history: Rc<Vec<String>>,
    /// Lines worth trying, while nothing was typed.
    pub examples: Vec<String>,
    /// What Tab found, and how many times it was pressed.
    pub completion: Option<Rc<CompletionView>>,
}

/// What a terminal waits for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum TerminalState {
    /// A line.
    #[default]
    Idle,
    /// The end of the line that runs.
    Running,
    /// Something for the program that runs.
    Reading,
}

/// A line and what it printed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TerminalEntry {
    /// What stood before it.
    pub prompt: String,
    /// What was typed.
    pub line: String,
    /// What was printed.
    pub output: Vec<PrintedView>,
    /// How it ended: `None` while it runs.
    pub code: Option<u8>,
}

/// Something printed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrintedView {
    /// Of what kind.
    pub kind: PrintedKind,
    /// What.
    pub text: String,
}

/// What kind of thing is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PrintedKind {
    /// What a program says.
    Said,
    /// What it complains of.
    Complained,
    /// What was typed for it.
    Typed,
    /// What packetwalk remarks.
    Remarked,
}

impl PrintedKind {
    /// The word, as styles know it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            PrintedKind::Said => "said",
            PrintedKind::Complained => "complained",
            PrintedKind::Typed => "typed",
            PrintedKind::Remarked => "remarked",
        }
    }
}

/// What the word before the caret could become.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompletionView {
    /// Which press of Tab this answers.
    pub number: u64,
    /// The line it was pressed in.
    pub line: String,
    /// The line with as much of the word as is certain.
    pub completed: String,
    /// The words there are to choose from, if not one alone.
    pub candidates: Vec<CandidateView>,
    /// How many more there are.
    pub n_more: usize,
}

/// A word, and what it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CandidateView {
    /// The word.
    pub word: String,
    /// What it is.
    pub about: String,
    /// The line with it.
    pub line: String,
}
