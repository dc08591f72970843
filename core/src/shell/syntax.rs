//! What a line of the shell's language reads as.
//!
//! POSIX.1-2017 "Shell Command Language", 2.10 (the grammar), with what people type from bash: `<<<`, `&>`, `${x:1:2}`,
//! `${x/a/b}`, `[[ … ]]` as `test`.
//!
//! **Left out**: aliases, `select`, arrays, coprocesses, process substitution, `[[ … =~ … ]]`.

use std::rc::Rc;

/// Commands one after another.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Script {
    /// Each, with what comes after it.
    pub items: Vec<Item>,
}

/// A command list up to `;`, `&` or the end of a line.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// The pipelines, each with what stands before it.
    pub pipelines: Vec<(Connector, Pipeline)>,
    /// Whether the shell waits for it.
    pub wait: Wait,
    /// How it was written, for `jobs`.
    pub text: Rc<str>,
}

/// Whether a shell waits for a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Until it ends.
    Foreground,
    /// Not at all: `&`.
    Background,
}

/// When a pipeline runs, given how the one before it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connector {
    /// In any case: it is the first.
    First,
    /// If that one succeeded: `&&`.
    And,
    /// If that one failed: `||`.
    Or,
}

/// Commands whose output is the next one's input.
#[derive(Clone, Debug, PartialEq)]
pub struct Pipeline {
    /// Whether success counts as failure: `!`.
    pub is_negated: bool,
    /// The commands.
    pub commands: Vec<Rc<Command>>,
}

/// One command.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Words.
    Simple(Simple),
    /// A construct, with redirections around it.
    Compound(Compound, Vec<Redirect>),
    /// A function's definition.
    Function(String, Rc<Command>),
}

/// Assignments, words and redirections.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Simple {
    /// `NAME=word` before the command's name.
    pub assignments: Vec<(String, Word)>,
    /// The command and its arguments.
    pub words: Vec<Word>,
    /// Its redirections.
    pub redirects: Vec<Redirect>,
}

/// A construct.
#[derive(Clone, Debug, PartialEq)]
pub enum Compound {
    /// `{ …; }`
    Group(Script),
    /// `( … )`
    Subshell(Script),
    /// `if`, with each `elif`, and `else`.
    If(Vec<(Script, Script)>, Option<Script>),
    /// `while` or `until`.
    Loop(Until, Script, Script),
    /// `for NAME in …`; without `in`, over the arguments.
    For(String, Option<Vec<Word>>, Script),
    /// `case WORD in …`
    Case(Word, Vec<(Vec<Word>, Script)>),
}

/// When a loop ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// When its condition fails: `while`.
    Fails,
    /// When its condition succeeds: `until`.
    Succeeds,
}

/// A redirection.
#[derive(Clone, Debug, PartialEq)]
pub struct Redirect {
    /// The number before it.
    pub fd: Option<u32>,
    /// What it does.
    pub kind: RedirectKind,
    /// To what.
    pub target: Word,
}

/// What a redirection does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RedirectKind {
    /// `<`
    Read,
    /// `>` or `>|`
    Write,
    /// `>>`
    Append,
    /// `<&` or `>&` with a number or `-`
    Duplicate,
    /// `&>`: both outputs.
    Both,
    /// A here-document or `<<<`: the target is the text.
    Here,
}

/// A word before expansion.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Word(pub Vec<Part>);

/// A part of a word.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// Plain characters.
    Plain(String),
    /// Quoted characters.
    Quoted(String),
    /// `"…"`
    Double(Vec<Part>),
    /// `$NAME`, `${…}`
    Parameter(Parameter),
    /// `$(…)`, `` `…` ``
    Command(Rc<Script>),
    /// `$((…))`
    Arithmetic(Word),
}

/// A parameter and what is done with it.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// Its name, a number, or a sign such as `?`.
    pub name: String,
    /// What is done.
    pub action: Action,
}

/// What is done with a parameter's value.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Nothing.
    Value,
    /// `${#x}`
    Length,
    /// `${x-w}`, `${x=w}`, `${x?w}`, `${x+w}`, with the sign; `:` also counts an empty value as missing.
    Missing {
        /// `-`, `=`, `?` or `+`.
        sign: char,
        /// With `:`.
        counts_empty: bool,
        /// The word.
        word: Word,
    },
    /// `${x#p}`, `${x##p}`, `${x%p}`, `${x%%p}`
    Trim {
        /// `#` or `%`.
        side: char,
        /// Doubled.
        is_longest: bool,
        /// The pattern.
        pattern: Word,
    },
    /// `${x:from:length}`
    Slice(Word, Option<Word>),
    /// `${x/pattern/with}`, `${x//pattern/with}`
    Replace {
        /// `//`
        is_global: bool,
        /// What.
        pattern: Word,
        /// By what.
        with: Word,
    },
}

impl Word {
    /// The word's text, if it is plain and nothing else.
    #[must_use]
    pub fn plain(&self) -> Option<&str> {
        match self.0.as_slice() {
            [Part::Plain(text)] => Some(text),
            _ => None,
        }
    }

    /// A word that is this text and nothing else.
    #[must_use]
    pub fn quoted(text: &str) -> Word {
        Word(vec![Part::Quoted(text.to_owned())])
    }
}
