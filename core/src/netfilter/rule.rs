//! A rule: statements in order, a comment, and a tag for whoever made it.
//!
//! Rules are written as they are read: `rule().when(…).then(…).because(note)`.
//!
//! **Left out**: handles, which the kernel gives and only a listing has.

use super::{Statement, Verdict};
use serde::Serialize;
use std::sync::Arc;

/// A rule of a chain.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Rule {
    /// Its parts, in the order they are carried out.
    pub statements: Vec<Statement>,
    /// Its comment and tag.
    pub note: Note,
}

/// Why a rule is there: a comment for people, and a tag for the rule's author.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Note {
    /// The comment printed behind the rule.
    pub comment: Option<Arc<str>>,
    /// What its author knows it by. It means nothing here and is printed nowhere.
    #[serde(skip)]
    pub tag: Option<Tag>,
}

/// A name its author gives to a rule, an element or a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tag(pub u32);

/// Two notes are alike when they print alike: the tag is no part of the rule.
impl PartialEq for Note {
    fn eq(&self, other: &Self) -> bool {
        self.comment == other.comment
    }
}

impl Eq for Note {}

/// An empty rule, to be written on.
#[must_use]
pub fn rule() -> Rule {
    Rule::default()
}

impl Rule {
    /// Adds a match, or any statement that comes before the end.
    #[must_use]
    pub fn when(mut self, statement: Statement) -> Self {
        self.statements.push(statement);
        self
    }

    /// Adds what is done.
    #[must_use]
    pub fn then(self, statement: Statement) -> Self {
        self.when(statement)
    }

    /// Adds the reason.
    #[must_use]
    pub fn because(mut self, note: impl Into<Note>) -> Self {
        self.note = note.into();
        self
    }

    /// The chain this rule leads to, where it does so without a map.
    #[must_use]
    pub fn leads_to(&self) -> Option<&super::Name> {
        self.statements.iter().find_map(|it| match it {
            Statement::Verdict(Verdict::Jump(name) | Verdict::Goto(name)) => Some(name),
            _ => None,
        })
    }
}

impl Note {
    /// A comment without a tag.
    #[must_use]
    pub fn comment(text: &str) -> Self {
        Note {
            comment: Some(text.into()),
            tag: None,
        }
    }

    /// The same with a tag.
    #[must_use]
    pub fn tagged(mut self, tag: Tag) -> Self {
        self.tag = Some(tag);
        self
    }
}

impl From<Tag> for Note {
    fn from(tag: Tag) -> Self {
        Note {
            comment: None,
            tag: Some(tag),
        }
    }
}
