//! Reading a view back: words that the program itself knows, such as `veth`, are kept for good.
//!
//! A view that was written down is read once, when a page opens, so that what is kept does not grow.
//!
//! **Left out**: finding the program's own copy of a word.

use serde::{Deserialize, Deserializer};

/// A word that the program knows. Under this name, because serde would borrow a `&str` from what it reads.
pub type Word = &'static str;

/// A word.
pub(super) fn word<'de, D: Deserializer<'de>>(from: D) -> Result<Word, D::Error> {
    String::deserialize(from).map(|it| &*it.leak())
}

/// A word, if there is one.
pub(super) fn word_if_any<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Word>, D::Error> {
    let found = Option::<String>::deserialize(from)?;
    Ok(found.map(|it| &*it.leak()))
}

/// Words.
pub(super) fn words<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Word>, D::Error> {
    let found = Vec::<String>::deserialize(from)?;
    Ok(found.into_iter().map(|it| &*it.leak()).collect())
}
