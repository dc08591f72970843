//! Text to trees: events of the scanner become nodes, and every problem is collected.
//!
//! Imitates go-yaml v2's decoding into an untyped value as sigs.k8s.io/yaml 1.4 uses it: merge keys in the
//! order they stand (an earlier key gives way to a later `<<`), the last of equal keys, keys that become
//! text, aliases that may not hold themselves.
//!
//! **Left out.** Tags of lists and objects are ignored. go-yaml limits aliases by a ratio; here they have a
//! fixed budget, counted before anything is copied. A merge key accepts an alias of a list of objects.

use std::borrow::Cow;
use std::collections::BTreeMap;

use granit_parser::{
    ErrorKind, Event, Marker, Parser, ScalarStyle, ScanError, StructureStyle, Tag,
};

use super::indentation::Indentation;
use super::node::{Entry, Mapping, Node, Position, Span, Value, shortened};
use super::refusal;
use super::resolve::{key_text, resolve, resolve_tagged};
use super::syntax_error;

/// A longer text is refused.
pub const MAX_BYTES: usize = 8 << 20;
/// A document of more values is refused, whatever the aliases in it stand for included.
pub const MAX_NODES: usize = 500_000;
/// A document whose anchors and aliases stand for more values is refused.
pub const MAX_ALIASED_NODES: usize = 100_000;
/// A document whose anchors and aliases stand for more bytes of text is refused.
pub const MAX_ALIASED_BYTES: usize = 8 << 20;
/// A document of deeper nesting is refused.
pub const MAX_DEPTH: usize = 100;
/// More errors, or more warnings, are not listed.
pub const MAX_PROBLEMS: usize = 100;
/// What stands in their place.
pub const MORE_PROBLEMS: &str = "there are more, which are not listed";

/// Something wrong in the text, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The place to look at.
    pub position: Position,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Problem {
    pub(super) fn new(position: Position, message: impl Into<String>) -> Problem {
        Problem {
            position,
            message: message.into(),
            hint: None,
        }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Problem {
        self.hint = Some(hint.into());
        self
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.position, self.message)
    }
}

/// What a text holds: every sound document, and what was wrong.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stream {
    /// The documents without errors, in order. Empty and null ones are skipped, as kubectl does.
    pub documents: Vec<Node>,
    /// What kubectl would accept without a word and a person should know, in order.
    pub warnings: Vec<Problem>,
    /// Why documents are missing, in order.
    pub errors: Vec<Problem>,
}

/// Reads a text of any number of documents, YAML or JSON.
pub fn parse(text: &str) -> Stream {
    let mut stream = Stream::default();
    if text.len() > MAX_BYTES {
        let message = format!("the text is larger than {} MiB", MAX_BYTES >> 20);
        let problem = Problem::new(Position { line: 1, column: 1 }, message);
        stream
            .errors
            .push(problem.hint("split it into several files"));
        return stream;
    }
    let (readable, controls) = without_control_characters(text);
    if let Some(&offset) = controls.first() {
        let position = Position::at_offset(text, offset);
        let problem = Problem::new(position, "control characters are not allowed");
        stream.errors.push(
            problem
                .hint("delete the invisible character, or write it as an escape in double quotes"),
        );
    }
    Builder::new(&readable, controls, stream).read()
}

/// The text with every control character replaced, and their offsets. The scanner takes a zero for the end.
fn without_control_characters(text: &str) -> (Cow<'_, str>, Vec<usize>) {
    let forbidden = |it: char| it.is_control() && !matches!(it, '\t' | '\n' | '\r' | '\u{85}');
    let offsets: Vec<usize> = text
        .match_indices(forbidden)
        .map(|(offset, _)| offset)
        .collect();
    if offsets.is_empty() {
        return (Cow::Borrowed(text), offsets);
    }
    let replace = |it: char| match it.len_utf8() {
        _ if !forbidden(it) => it,
        1 => '?',
        _ => '¿',
    };
    (Cow::Owned(text.chars().map(replace).collect()), offsets)
}

/// How much a node holds, itself included.
#[derive(Clone, Copy, Default)]
struct Size {
    nodes: usize,
    bytes: usize,
    depth: usize,
}

impl Size {
    fn of_scalar(bytes: usize) -> Size {
        Size {
            nodes: 1,
            bytes,
            depth: 1,
        }
    }

    fn include(&mut self, child: Size) {
        self.nodes += child.nodes;
        self.bytes += child.bytes;
        self.depth = self.depth.max(child.depth + 1);
    }
}

/// A collection that is still open.
pub(super) struct Frame {
    pub(super) content: Content,
    pub(super) start: Span,
    pub(super) style: StructureStyle,
    anchor: usize,
    size: Size,
}

pub(super) enum Content {
    Sequence(Vec<Node>),
    Mapping { mapping: Mapping, key: Option<Key> },
}

/// A key whose value has yet to come.
pub(super) struct Key {
    text: String,
    span: Span,
    kind: KeyKind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum KeyKind {
    Ordinary,
    Merge,
    /// Faulty, and already reported.
    Void,
}

/// A scalar event, or what an alias or a closed collection amounts to.
struct Piece {
    node: Node,
    size: Size,
    is_merge: bool,
}

struct Builder<'t> {
    text: &'t str,
    /// Offsets of characters that make their document unsound.
    controls: Vec<usize>,
    stream: Stream,
    frames: Vec<Frame>,
    anchors: BTreeMap<usize, (Node, Size)>,
    root: Option<Node>,
    start_offset: usize,
    n_nodes: usize,
    aliased: Size,
    sound: bool,
    /// Where the last document was, as long as nothing separates it from what follows.
    ended: Option<Span>,
    /// How many documents there were before that one.
    n_before: usize,
    /// The end of the last thing that has content.
    last: Span,
    indentation: Indentation<'t>,
}

impl<'t> Builder<'t> {
    fn new(text: &'t str, controls: Vec<usize>, stream: Stream) -> Builder<'t> {
        Builder {
            text,
            controls,
            stream,
            frames: Vec::new(),
            anchors: BTreeMap::new(),
            root: None,
            start_offset: 0,
            n_nodes: 0,
            aliased: Size::default(),
            sound: true,
            ended: None,
            n_before: 0,
            last: Span::default(),
            indentation: Indentation::new(text),
        }
    }

    fn read(mut self) -> Stream {
        let options = granit_parser::options! {
            emit_comments: false,
            emit_unresolved_aliases: true,
            // Own limits come first; these keep the scanner's memory in step.
            flow_nesting_limit: MAX_DEPTH * 2,
            block_nesting_limit: MAX_DEPTH * 2,
        };
        let mut parser = Parser::new_from_str_with_options(self.text, options);
        loop {
            let problem = match parser.next_event() {
                None | Some(Ok((Event::StreamEnd, _))) => break,
                Some(Ok((event, span))) => match self.take(event, converted(span)) {
                    Ok(()) => continue,
                    Err(limit) => Some(limit),
                },
                Some(Err(error)) => {
                    let problem = self.syntax_error(&error);
                    if *error.kind() == ErrorKind::ExpectedDocumentStart {
                        self.retract();
                    }
                    problem
                }
            };
            if let Some(problem) = problem {
                self.report(problem);
            }
            self.begin(0);
            let is_full = self.stream.errors.len() > MAX_PROBLEMS;
            if is_full || !matches!(parser.proceed_next_document(), Ok(true)) {
                break;
            }
        }
        self.stream
    }

    /// Explains an error of the scanner, unless it only follows from the last one reported.
    fn syntax_error(&self, error: &ScanError) -> Option<Problem> {
        let open = self.frames.last().map(|frame| (frame.start, frame.style));
        let problem = syntax_error::explain(self.text, error, open, self.ended);
        let line = position(error.marker()).line;
        let follows = |last: &Problem| [line, problem.position.line].contains(&last.position.line);
        if !self.sound && self.stream.errors.last().is_some_and(follows) {
            return None;
        }
        Some(problem)
    }

    fn begin(&mut self, offset: usize) {
        self.frames.clear();
        self.anchors.clear();
        self.root = None;
        self.start_offset = offset;
        self.n_nodes = 0;
        self.aliased = Size::default();
        self.sound = true;
        self.ended = None;
    }

    fn finish(&mut self, end_offset: usize) {
        let next = self
            .controls
            .partition_point(|&offset| offset < self.start_offset);
        let is_readable = self
            .controls
            .get(next)
            .is_none_or(|&offset| offset >= end_offset);
        let sound = self.sound && is_readable;
        self.n_before = self.stream.documents.len();
        let root = self.root.take();
        self.ended = root.as_ref().map(|node| node.span);
        if let Some(node) = root.filter(|node| sound && !node.is_null()) {
            self.stream.documents.push(node);
        }
    }

    /// Takes back the last document, because more of it was found after its end.
    fn retract(&mut self) {
        if self.ended.take().is_some() {
            self.stream.documents.truncate(self.n_before);
        }
    }

    /// Reports an error that leaves the document unsound, but readable to its end.
    fn report(&mut self, problem: Problem) {
        self.sound = false;
        push(&mut self.stream.errors, problem);
    }

    fn warn(&mut self, problem: Problem) {
        push(&mut self.stream.warnings, problem);
    }

    /// Takes one event. An error ends the document.
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Problem> {
        let root = self.root.as_ref().map(|root| root.span);
        if let Some(tab) = self
            .indentation
            .tab_before(&event, span, &self.frames, root)
            && self.sound
        {
            self.report(refusal::tab(tab));
        }
        match event {
            Event::DocumentStart(..) => self.begin(span.start_offset),
            Event::DocumentEnd => self.finish(span.end_offset),
            Event::Scalar(text, style, anchor, tag) => {
                let piece = self.scalar(&text, style, tag.as_deref(), span);
                self.finish_node(piece, anchor)?;
            }
            Event::SequenceStart(style, anchor, _) => {
                self.open(Content::Sequence(Vec::new()), span, style, anchor)?;
            }
            Event::MappingStart(style, anchor, _) => {
                let content = Content::Mapping {
                    mapping: Mapping::default(),
                    key: None,
                };
                self.open(content, span, style, anchor)?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(span)?,
            Event::Alias(id) => self.alias(id, span)?,
            Event::UnresolvedAlias(name) => {
                let line = self.text.get(span.start_offset..).unwrap_or_default();
                let line = line.lines().next().unwrap_or_default();
                self.report(refusal::unknown_anchor(span.start, &name, line));
                let node = Node {
                    value: Value::Null,
                    span,
                    source: None,
                };
                let size = Size::of_scalar(0);
                self.finish_node(
                    Piece {
                        node,
                        size,
                        is_merge: false,
                    },
                    0,
                )?;
            }
            _ => {}
        }
        Ok(())
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, tag: Option<&Tag>, span: Span) -> Piece {
        let is_absent = span.start_offset == span.end_offset;
        let span = match style {
            ScalarStyle::Plain if is_absent && self.awaits_value() => self.after_colon(span),
            ScalarStyle::Literal | ScalarStyle::Folded => trimmed(self.text, span),
            ScalarStyle::Plain | ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => span,
        };
        self.last = span;
        let plain = style == ScalarStyle::Plain;
        let tag = tag.map(|tag| tag.suffix_in_namespace("tag:yaml.org,2002:"));
        let is_merge = text == "<<"
            && match &tag {
                None => plain,
                Some(tag) => tag.as_deref() == Some("merge"),
            };
        let value = match &tag {
            None if plain => resolve(text),
            None => Value::String(text.to_owned()),
            Some(tag) => resolve_tagged(tag.as_deref(), text).unwrap_or_else(|message| {
                self.report(Problem::new(span.start, message));
                Value::Null
            }),
        };
        if matches!(value, Value::Float(number) if !number.is_finite()) {
            self.report(refusal::without_json_form(span.start, text));
        }
        let source = match value {
            Value::String(_) => None,
            // The scanner writes ~ for a value that is not there.
            _ if is_absent => Some("".into()),
            _ => Some(text.into()),
        };
        let size = Size::of_scalar(text.len());
        Piece {
            node: Node {
                value,
                span,
                source,
            },
            size,
            is_merge,
        }
    }

    fn awaits_value(&self) -> bool {
        let content = self.frames.last().map(|frame| &frame.content);
        matches!(content, Some(Content::Mapping { key: Some(_), .. }))
    }

    /// The scanner puts a value that is not there before the colon of its key.
    fn after_colon(&self, span: Span) -> Span {
        let rest = self.text.get(span.start_offset..).unwrap_or_default();
        if !rest.starts_with(':') {
            return span;
        }
        let (mut place, offset) = (span.start, span.start_offset + 1);
        place.advance(":");
        Span {
            start: place,
            end: place,
            start_offset: offset,
            end_offset: offset,
        }
    }

    fn alias(&mut self, id: usize, span: Span) -> Result<(), Problem> {
        self.last = span;
        let Some(&(_, size)) = self.anchors.get(&id) else {
            let name = self.text.get(span.start_offset + 1..span.end_offset);
            self.report(refusal::anchor_in_itself(
                span.start,
                name.unwrap_or_default(),
            ));
            let node = Node {
                value: Value::Null,
                span,
                source: None,
            };
            return self.finish_node(
                Piece {
                    node,
                    size: Size::of_scalar(0),
                    is_merge: false,
                },
                0,
            );
        };
        // The size is known before anything is copied, so a bomb costs nothing.
        self.spend(size, span.start)?;
        if self.frames.len() + size.depth > MAX_DEPTH {
            return Err(refusal::too_deep(span.start));
        }
        let mut node = match self.anchors.get(&id) {
            Some((node, _)) => node.clone(),
            None => return Ok(()),
        };
        node.span = span;
        self.finish_node(
            Piece {
                node,
                size,
                is_merge: false,
            },
            0,
        )
    }

    /// Takes a copy from the budget for anchors and aliases.
    fn spend(&mut self, size: Size, position: Position) -> Result<(), Problem> {
        self.aliased.nodes += size.nodes;
        self.aliased.bytes += size.bytes;
        if self.aliased.nodes > MAX_ALIASED_NODES || self.aliased.bytes > MAX_ALIASED_BYTES {
            return Err(refusal::too_many_aliases(position));
        }
        Ok(())
    }

    fn open(
        &mut self,
        content: Content,
        start: Span,
        style: StructureStyle,
        anchor: usize,
    ) -> Result<(), Problem> {
        if self.frames.len() >= MAX_DEPTH {
            return Err(refusal::too_deep(start.start));
        }
        self.last = start;
        let size = Size::of_scalar(0);
        self.frames.push(Frame {
            content,
            start,
            style,
            anchor,
            size,
        });
        Ok(())
    }

    fn close(&mut self, end: Span) -> Result<(), Problem> {
        let Some(frame) = self.frames.pop() else {
            return Ok(());
        };
        let Frame {
            content,
            start,
            style,
            anchor,
            size,
        } = frame;
        // A block ends where its last value does, not where the next thing begins.
        if style == StructureStyle::Flow && end.end_offset > end.start_offset {
            self.last = end;
        }
        let span = start.to(self.last);
        let value = match content {
            Content::Sequence(items) => Value::Sequence(items),
            Content::Mapping { mapping, key: _ } => Value::Mapping(mapping),
        };
        let node = Node {
            value,
            span,
            source: None,
        };
        self.finish_node(
            Piece {
                node,
                size,
                is_merge: false,
            },
            anchor,
        )
    }

    /// Remembers a complete node for its aliases, and puts it where it belongs.
    fn finish_node(&mut self, piece: Piece, anchor: usize) -> Result<(), Problem> {
        let position = piece.node.span.start;
        if anchor != 0 {
            self.spend(piece.size, position)?;
            self.anchors
                .insert(anchor, (piece.node.clone(), piece.size));
        }
        self.n_nodes += 1;
        if self.n_nodes + self.aliased.nodes > MAX_NODES {
            return Err(refusal::too_many_nodes(position));
        }
        let Some(frame) = self.frames.last_mut() else {
            self.root = Some(piece.node);
            return Ok(());
        };
        frame.size.include(piece.size);
        match &mut frame.content {
            Content::Sequence(items) => items.push(piece.node),
            Content::Mapping { key, .. } => match key.take() {
                None => {
                    let new = self.key(piece);
                    self.set_key(new);
                }
                Some(key) => self.entry(key, piece.node),
            },
        }
        Ok(())
    }

    fn set_key(&mut self, new: Key) {
        if let Some(Frame {
            content: Content::Mapping { key, .. },
            ..
        }) = self.frames.last_mut()
        {
            *key = Some(new);
        }
    }

    fn key(&mut self, piece: Piece) -> Key {
        let span = piece.node.span;
        if piece.is_merge {
            return Key {
                text: String::new(),
                span,
                kind: KeyKind::Merge,
            };
        }
        match key_text(piece.node.value) {
            Ok(text) => Key {
                text,
                span,
                kind: KeyKind::Ordinary,
            },
            Err(found) => {
                let (before, source) = self
                    .text
                    .split_at_checked(span.start_offset)
                    .unwrap_or_default();
                self.report(refusal::bad_key(span.start, found, before, source));
                Key {
                    text: String::new(),
                    span,
                    kind: KeyKind::Void,
                }
            }
        }
    }

    fn entry(&mut self, key: Key, node: Node) {
        let Key {
            text,
            span: key_span,
            kind,
        } = key;
        match kind {
            KeyKind::Void => {}
            KeyKind::Ordinary => {
                if self.is_glued(&text, &node) {
                    self.warn(refusal::glued_key(key_span.start, &text));
                }
                self.insert(Entry {
                    key: text,
                    key_span,
                    node,
                    merged: false,
                });
            }
            KeyKind::Merge => {
                let position = node.span.start;
                if !self.merge(node) {
                    let message = "map merge requires map or sequence of maps as the value";
                    self.report(Problem::new(position, message));
                }
            }
        }
    }

    /// Whether a key is probably `key:value` with its space forgotten, which braces permit.
    fn is_glued(&self, key: &str, value: &Node) -> bool {
        let in_braces = self
            .frames
            .last()
            .is_some_and(|frame| frame.style == StructureStyle::Flow);
        in_braces && value.source() == Some("") && key.contains(':')
    }

    fn insert(&mut self, entry: Entry) {
        let Some(Frame {
            content: Content::Mapping { mapping, .. },
            ..
        }) = self.frames.last_mut()
        else {
            return;
        };
        let (span, merged) = (entry.key_span, entry.merged);
        let Some(old) = mapping.insert(entry) else {
            return;
        };
        if old.merged {
            return;
        }
        let (key, line) = (shortened(&old.key), old.key_span.start.line);
        self.warn(if merged {
            let message = format!("the merge key after it replaces \"{key}\"");
            Problem::new(old.key_span.start, message)
                .hint("write \"<<\" first, and then what differs")
        } else {
            let message =
                format!("key \"{key}\" is already set on line {line}; the last one counts");
            Problem::new(span.start, message)
                .hint("remove one of them, or begin a new list item with \"- \"")
        });
    }

    /// Inserts what a merge key brings. Of several objects, earlier ones take precedence.
    fn merge(&mut self, node: Node) -> bool {
        let sources = match node.value {
            Value::Mapping(mapping) => vec![mapping],
            Value::Sequence(items) => {
                let mut mappings = Vec::with_capacity(items.len());
                for item in items.into_iter().rev() {
                    let Value::Mapping(mapping) = item.value else {
                        return false;
                    };
                    mappings.push(mapping);
                }
                mappings
            }
            _ => return false,
        };
        for entry in sources.into_iter().flat_map(Mapping::into_entries) {
            self.insert(Entry {
                merged: true,
                ..entry
            });
        }
        true
    }
}

/// A block scalar without the line breaks after it.
pub(super) fn trimmed(text: &str, span: Span) -> Span {
    let Some(text) = text.get(span.start_offset..span.end_offset) else {
        return span;
    };
    let text = text.trim_end();
    let mut end = span.start;
    end.advance(text);
    Span {
        end,
        end_offset: span.start_offset + text.len(),
        ..span
    }
}

/// Adds a problem to a list of limited length.
fn push(problems: &mut Vec<Problem>, problem: Problem) {
    let position = problem.position;
    match problems.len() {
        n if n < MAX_PROBLEMS => problems.push(problem),
        MAX_PROBLEMS => problems.push(Problem::new(position, MORE_PROBLEMS)),
        _ => {}
    }
}

fn converted(span: granit_parser::Span) -> Span {
    Span {
        start: position(&span.start),
        end: position(&span.end),
        start_offset: span.start.byte_offset().unwrap_or_default(),
        end_offset: span.end.byte_offset().unwrap_or_default(),
    }
}

/// The scanner counts columns from zero.
pub(super) fn position(marker: &Marker) -> Position {
    let number = |it: usize| u32::try_from(it).unwrap_or(u32::MAX);
    Position {
        line: number(marker.line()),
        column: number(marker.col()).saturating_add(1),
    }
}
