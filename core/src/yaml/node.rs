//! The tree that a document becomes: values, and where in the text each of them stands.
//!
//! Imitates the JSON value that sigs.k8s.io/yaml 1.4 makes of a document, with the order of keys kept and
//! a span for every key and value.
//!
//! **Left out.** Comments, anchors, tags and the style of quoting are not kept. What came through an alias
//! is a copy whose inner spans point at the anchored text.

use crate::sorted::gathered;
use std::collections::BTreeMap;

/// A place in the text, counted from one, columns in characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Position {
    /// The line.
    pub line: u32,
    /// The column, in characters.
    pub column: u32,
}

impl Position {
    /// The place of a byte offset in a text. An offset past the end is the end.
    pub fn at_offset(text: &str, offset: usize) -> Position {
        let mut position = Position { line: 1, column: 1 };
        position.advance(&text[..floor_char_boundary(text, offset)]);
        position
    }

    /// The byte offset of this place in a text. A column past the end of its line is the end of the line.
    pub fn offset_in(self, text: &str) -> usize {
        let mut start = 0;
        for _ in 1..self.line {
            match text[start..].find('\n') {
                Some(length) => start += length + 1,
                None => return text.len(),
            }
        }
        let line = text[start..].split(['\n', '\r']).next().unwrap_or_default();
        let line = match line.strip_prefix('\u{feff}') {
            Some(rest) if start == 0 => {
                start = '\u{feff}'.len_utf8();
                rest
            }
            _ => line,
        };
        let column = self.column.saturating_sub(1) as usize;
        start
            + line
                .char_indices()
                .nth(column)
                .map_or(line.len(), |(index, _)| index)
    }

    /// Moves over some text. A byte order mark has no width.
    pub(super) fn advance(&mut self, text: &str) {
        let mut characters = text.chars().peekable();
        while let Some(character) = characters.next() {
            match character {
                '\r' if characters.peek() == Some(&'\n') => {}
                '\n' | '\r' => {
                    self.line += 1;
                    self.column = 1;
                }
                '\u{feff}' => {}
                _ => self.column += 1,
            }
        }
    }
}

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

fn floor_char_boundary(text: &str, offset: usize) -> usize {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

/// A stretch of the text, from its first character to just after its last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// Where it begins.
    pub start: Position,
    /// Just after its last character.
    pub end: Position,
    /// Where it begins, in bytes from the start of the text.
    pub start_offset: usize,
    /// Just after its last character, in bytes from the start of the text.
    pub end_offset: usize,
}

impl Span {
    /// From the start of this span to the end of another one; this one alone when the other ends before it.
    pub fn to(self, end: Span) -> Span {
        if end.end_offset < self.end_offset {
            return self;
        }
        Span {
            end: end.end,
            end_offset: end.end_offset,
            ..self
        }
    }
}

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// The value.
    pub value: Value,
    /// Where it stands. For an alias, the alias and not what it stands for.
    pub span: Span,
    /// What a scalar that is no string looks like in the text.
    pub(super) source: Option<Box<str>>,
}

/// What a node holds: JSON's kinds of values, with integers told from other numbers.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `null`, `~`, or nothing at all.
    Null,
    /// `true`, `yes`, `on`, `y` and their opposites.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// A whole number too large for [`Value::Integer`].
    Unsigned(u64),
    /// Any other number. In a parsed document it is finite, because JSON has no other.
    Float(f64),
    /// A text.
    String(String),
    /// A list.
    Sequence(Vec<Node>),
    /// Keys and values, in the order of the text.
    Mapping(Mapping),
}

impl Node {
    /// The value of a key, if this is a mapping that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.as_mapping()?.get(key)
    }

    /// The text, if this is a string.
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// The entries, if this is a mapping.
    pub fn as_mapping(&self) -> Option<&Mapping> {
        match &self.value {
            Value::Mapping(mapping) => Some(mapping),
            _ => None,
        }
    }

    /// The items, if this is a sequence.
    pub fn as_sequence(&self) -> Option<&[Node]> {
        match &self.value {
            Value::Sequence(items) => Some(items),
            _ => None,
        }
    }

    /// Whether this is null.
    pub fn is_null(&self) -> bool {
        matches!(self.value, Value::Null)
    }

    /// How a scalar that is no string was written: `yes` for the boolean true, `0755` for 493.
    pub fn source(&self) -> Option<&str> {
        self.source.as_deref()
    }

    /// The value in words, for messages: `the string "eighty"`, `the boolean yes`, `a list`.
    pub fn describe(&self) -> String {
        let written = |printed: String| self.source().map_or(printed, shortened);
        match &self.value {
            Value::Null => "null".to_owned(),
            Value::Bool(value) => format!("the boolean {}", written(value.to_string())),
            Value::Integer(value) => format!("the integer {}", written(value.to_string())),
            Value::Unsigned(value) => format!("the integer {}", written(value.to_string())),
            Value::Float(value) => format!("the number {}", written(value.to_string())),
            Value::String(text) => format!("the string \"{}\"", shortened(text)),
            Value::Sequence(_) => "a list".to_owned(),
            Value::Mapping(_) => "an object".to_owned(),
        }
    }
}

/// The beginning of a text, on one line, fit for a message.
pub(super) fn shortened(text: &str) -> String {
    shortened_to(text, 40)
}

/// At most so many characters of the first line of a text.
pub(super) fn shortened_to(text: &str, length: usize) -> String {
    let line = text.lines().next().unwrap_or_default();
    let mut short: String = line.chars().take(length).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

/// A key of a mapping, its value, and where the key stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The key, as JSON would have it: always a text.
    pub key: String,
    /// Where the key stands.
    pub key_span: Span,
    /// Its value.
    pub node: Node,
    /// Whether it came through a merge key (`<<`).
    pub merged: bool,
}

impl Entry {
    /// From the key to the end of the value.
    pub fn span(&self) -> Span {
        self.key_span.to(self.node.span)
    }
}

/// Keys and values, in the order of the text. Every key is there once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mapping {
    entries: Vec<Entry>,
    /// Where each key is, once there are too many to look through.
    index: BTreeMap<String, usize>,
}

/// Up to this many keys are looked through one by one.
const SMALL: usize = 32;

impl Mapping {
    /// The entries, in order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are no keys.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|entry| &entry.node)
    }

    /// The entry of a key.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.position(key).map(|index| &self.entries[index])
    }

    fn position(&self, key: &str) -> Option<usize> {
        if self.entries.len() <= SMALL {
            self.entries.iter().position(|entry| entry.key == key)
        } else {
            self.index.get(key).copied()
        }
    }

    /// Adds an entry, or puts it in the place of the one with the same key, which is given back.
    pub(super) fn insert(&mut self, entry: Entry) -> Option<Entry> {
        if let Some(index) = self.position(&entry.key) {
            return Some(std::mem::replace(&mut self.entries[index], entry));
        }
        if self.entries.len() == SMALL {
            let numbered = (0..).zip(&self.entries);
            self.index = gathered(numbered.map(|(n, it)| (it.key.clone(), n)));
        }
        if self.entries.len() >= SMALL {
            self.index.insert(entry.key.clone(), self.entries.len());
        }
        self.entries.push(entry);
        None
    }

    pub(super) fn into_entries(self) -> Vec<Entry> {
        self.entries
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(key: &str) -> Entry {
        let node = Node {
            value: Value::Null,
            span: Span::default(),
            source: None,
        };
        Entry {
            key: key.to_owned(),
            key_span: Span::default(),
            node,
            merged: false,
        }
    }

    #[test]
    fn a_large_mapping_finds_every_key_and_keeps_the_order() {
        let mut mapping = Mapping::default();
        for n in 0..200 {
            assert!(mapping.insert(entry(&format!("k{n}"))).is_none());
        }
        assert!(mapping.insert(entry("k7")).is_some());
        assert_eq!(mapping.len(), 200);
        for n in 0..200 {
            assert_eq!(mapping.entries()[n].key, format!("k{n}"));
            assert!(mapping.get(&format!("k{n}")).is_some());
        }
        assert!(mapping.get("k200").is_none());
    }

    #[test]
    fn a_position_and_an_offset_are_each_others_inverse() {
        let text = "a: é\r\n  b: 1\nend";
        for offset in [0, 3, 5, 7, 9, 13, 16] {
            assert_eq!(
                Position::at_offset(text, offset).offset_in(text),
                offset,
                "{offset}"
            );
        }
        assert_eq!(
            Position::at_offset(text, 5),
            Position { line: 1, column: 5 }
        );
        assert_eq!(
            Position::at_offset(text, 7),
            Position { line: 2, column: 1 }
        );
        assert_eq!(
            Position::at_offset("\u{feff}a", 3),
            Position { line: 1, column: 1 }
        );
        assert_eq!(Position { line: 1, column: 1 }.offset_in("\u{feff}a"), 3);
        assert_eq!(Position { line: 9, column: 9 }.offset_in(text), text.len());
    }

    #[test]
    fn an_offset_inside_a_character_or_past_the_end_is_accepted() {
        assert_eq!(Position::at_offset("é", 1), Position { line: 1, column: 1 });
        assert_eq!(
            Position::at_offset("é", 99),
            Position { line: 1, column: 2 }
        );
    }

    #[test]
    fn a_long_text_is_shortened_in_messages() {
        assert_eq!(shortened("short"), "short");
        assert_eq!(shortened("one\ntwo"), "one…");
        assert_eq!(shortened(&"x".repeat(100)).chars().count(), 41);
    }
}
