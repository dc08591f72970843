//! Tabs in the indentation, which the scanner sometimes lets pass and kubectl does not.
//!
//! Imitates the rule of go-yaml v2's scanner: a tab cannot begin a token in block style; it passes only where
//! an unquoted or a block text swallows it, which is from that text's own column on.
//!
//! **Left out.** A tab on an empty line in the middle of an unquoted text.

use granit_parser::{Event, ScalarStyle, StructureStyle};

use super::node::{Position, Span};
use super::parse::{Content, Frame, trimmed};

/// How far into the text tabs were looked for.
pub(super) struct Indentation<'t> {
    text: &'t str,
    /// The offset of what was not looked at.
    seen: usize,
    /// From this column on a tab belongs to the text before it.
    column: Option<u32>,
}

impl<'t> Indentation<'t> {
    pub(super) fn new(text: &'t str) -> Indentation<'t> {
        Indentation {
            text,
            seen: 0,
            column: None,
        }
    }

    /// Looks at what lies between the last event and this one: the first tab that indents.
    pub(super) fn tab_before(
        &mut self,
        event: &Event<'_>,
        span: Span,
        frames: &[Frame],
        root: Option<Span>,
    ) -> Option<Position> {
        let is_block = frames
            .last()
            .map(|frame| frame.style == StructureStyle::Block);
        let gap_end = match event {
            Event::SequenceEnd | Event::MappingEnd if is_block == Some(false) => {
                (self.seen, self.column) = (span.end_offset, None);
                return None;
            }
            Event::DocumentEnd => span.start_offset,
            _ if event.is_node() => span.start_offset,
            _ => return None,
        };
        // A document that is one pair of brackets is JSON to kubectl.
        let is_block = is_block.unwrap_or_else(|| !self.is_bracket(root.unwrap_or(span)));
        let tab = if is_block { self.find(gap_end) } else { None };
        (self.seen, self.column) = match event {
            Event::SequenceStart(..) | Event::MappingStart(..) => (gap_end, None),
            Event::Scalar(_, ScalarStyle::Literal | ScalarStyle::Folded, ..) => {
                (trimmed(self.text, span).end_offset, Some(span.start.column))
            }
            Event::Scalar(_, ScalarStyle::Plain, ..) if span.end_offset > span.start_offset => {
                (span.end_offset, Some(self.block_column(frames) + 1))
            }
            _ => (span.end_offset, None),
        };
        tab.map(|offset| Position::at_offset(self.text, offset))
    }

    fn is_bracket(&self, span: Span) -> bool {
        let rest = self.text.get(span.start_offset..).unwrap_or_default();
        rest.starts_with(['{', '['])
    }

    /// The column that go-yaml holds for that of the innermost block; none at all is zero.
    fn block_column(&self, frames: &[Frame]) -> u32 {
        let has_column = |frame: &&Frame| match frame.content {
            Content::Mapping { .. } => true,
            // A list whose dashes stand below the key is not counted, and begins at its first item.
            Content::Sequence(_) => self.text[frame.start.start_offset..].starts_with('-'),
        };
        let frame = frames.iter().rev().find(has_column);
        frame.map_or(0, |frame| frame.start.start.column)
    }

    /// The offset of the first tab that only blanks and the signs of list items precede on its line.
    fn find(&self, end: usize) -> Option<usize> {
        let gap = self.text.get(self.seen..end)?;
        if !gap.contains('\t') {
            return None;
        }
        let mut column = self.column;
        let before = self.text[..self.seen].trim_end_matches(INDENTATION);
        let is_line_start = before.is_empty() || before.ends_with(['\n', '\r']);
        let mut offset = if is_line_start {
            before.len()
        } else {
            self.seen
        };
        for (number, line) in self.text[offset..end]
            .split_inclusive(['\n', '\r'])
            .enumerate()
        {
            let indentation = line.len() - line.trim_start_matches(INDENTATION).len();
            let is_permitted = column.is_some_and(|column| indentation + 1 >= column as usize);
            let is_indented =
                line[indentation..].starts_with('\t') && (number > 0 || is_line_start);
            if is_indented && !is_permitted {
                return Some(offset + indentation);
            }
            if line.contains(['#', ':']) {
                column = None;
            }
            offset += line.len();
        }
        None
    }
}

const INDENTATION: [char; 3] = [' ', '-', '?'];
