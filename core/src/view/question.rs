//! A question before a hop, and its answers.
//!
//! **Left out**: answers by pointing at the map.

use serde::{Deserialize, Serialize};

/// A question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuestionView {
    /// What is asked.
    pub prompt: String,
    /// About what place.
    pub place: String,
    /// The answers one can give.
    pub answers: Vec<Answer>,
    /// Which was given.
    pub answered: Option<usize>,
}

/// An answer one can give.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// In words.
    pub words: String,
    /// What is to be said to it.
    pub why: String,
    /// Whether it is what happens.
    pub is_right: bool,
}
