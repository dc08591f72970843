//! A lesson as there is to see: one page at a time, what is to be reached, and what was said about it.
//!
//! **Left out**: time; nobody is hurried here.

mod goals;
mod words;

pub use goals::{GoalView, goal_view, goals_told};
pub use words::{Block, Span, blocks};

use crate::lesson::LessonProgress;

/// A lesson that somebody is in.
#[derive(Clone, Debug, PartialEq)]
pub struct LessonView {
    /// Its name: that of its folder.
    pub name: String,
    /// What it is called.
    pub title: String,
    /// The language of its words.
    pub language: String,
    /// `lesson`, `challenge` or `quiz`.
    pub kind: String,
    /// What each page is, in order.
    pub pages: Vec<PageMark>,
    /// Which page is shown.
    pub at: usize,
    /// That page.
    pub page: LessonPage,
    /// What may be done next.
    pub next: Next,
    /// What must be true in the end.
    pub goals: Vec<GoalView>,
    /// Which state of the world the goals are to be measured in, if that has not been done: a shell asks for it when there is
    /// time.
    pub is_due: Option<u64>,
    /// The hints that were taken.
    pub hints: Vec<HintView>,
    /// How many there are.
    pub n_hints: usize,
    /// How many first answers must be right, and how many are.
    pub passes: Option<(usize, usize)>,
    /// Whether it is solved.
    pub is_solved: bool,
    /// Whether its end is open: the world stays, the lesson is put away.
    pub is_sandbox: bool,
    /// Where its luck comes from, where that is drawn by lot.
    pub seed: Option<u64>,
    /// What is to be said of what just happened.
    pub told: String,
    /// How far somebody has come, to be kept.
    pub progress: LessonProgress,
}

/// What a page is, for a row of marks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageMark {
    /// In a word.
    pub word: &'static str,
    /// Whether it can be gone to.
    pub is_open: bool,
    /// Whether something on it was answered first as the world does, or not.
    pub is_right: Option<bool>,
}

/// What may be done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing holds one here.
    Free,
    /// An answer is to be given first.
    Answer,
    /// The task can be left unsolved.
    Skip,
    /// This is the end.
    End,
}

/// A page.
#[derive(Clone, Debug, PartialEq)]
pub enum LessonPage {
    /// What it is about.
    Story {
        /// In words.
        words: Vec<Block>,
        /// What a person is told of: a line, and what it prints.
        symptom: Option<PrintedLine>,
    },
    /// Something to be guessed.
    Question(LessonQuestion),
    /// Something that is done, and shown.
    Step {
        /// In words.
        words: Vec<Block>,
        /// What was typed, and what that printed.
        lines: Vec<PrintedLine>,
        /// Whose walk the map shows: who asks, whom.
        shows: Option<(String, String)>,
    },
    /// Something to do.
    Task(Task),
    /// What to take home.
    Debrief {
        /// In words.
        words: Vec<Block>,
        /// The same in a real cluster.
        lines: Vec<String>,
        /// A real case.
        case: String,
        /// What else may be tried.
        experiments: Vec<Experiment>,
    },
}

/// Something to do.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Task {
    /// The kubectl commands that are enough; none means all.
    pub verbs: Vec<String>,
    /// What people complain about: who asked whom, and what that printed.
    pub heard: Vec<(String, String, String)>,
    /// What is to be said to what was tried last.
    pub answer: Option<Vec<Block>>,
    /// How many lines looked at something before the first changed anything, where that is the art.
    pub n_looks: Option<usize>,
}

/// Something to be guessed.
#[derive(Clone, Debug, PartialEq)]
pub struct LessonQuestion {
    /// By which it is known.
    pub id: String,
    /// What is asked.
    pub prompt: Vec<Block>,
    /// The options, in an order that tells nothing.
    pub options: Vec<OptionView>,
    /// What the world says, once something was answered; what is in the way where it cannot be measured.
    pub measured: Option<Result<String, String>>,
}

/// An answer to choose.
#[derive(Clone, Debug, PartialEq)]
pub struct OptionView {
    /// By which it is known.
    pub id: String,
    /// The answer.
    pub words: Vec<Block>,
    /// Whether it was chosen, and chosen first.
    pub chosen: Chosen,
    /// Whether the world says the same; nobody knows before something was answered.
    pub is_right: Option<bool>,
    /// What is to be said to it, once it was chosen.
    pub why: Vec<Block>,
    /// The belief behind it, once it was chosen.
    pub misconception: Option<Vec<Block>>,
}

/// Whether an option was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chosen {
    /// Not at all.
    Never,
    /// First: that counts.
    First,
    /// Later, to read what is said to it.
    Later,
}

/// A line, and what it printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrintedLine {
    /// The line.
    pub line: String,
    /// What it printed; none if it was not typed here.
    pub printed: Option<String>,
}

/// A hint.
#[derive(Clone, Debug, PartialEq)]
pub struct HintView {
    /// In words.
    pub words: Vec<Block>,
    /// The object to look at, and the field of it.
    pub about: Option<(String, String)>,
    /// The line to type.
    pub line: Option<String>,
}

/// Something else to try.
#[derive(Clone, Debug, PartialEq)]
pub struct Experiment {
    /// In words.
    pub words: Vec<Block>,
    /// The line to type.
    pub line: String,
}
