//! A file in parts: each is read by itself, and read again only when its text is another.
//!
//! A part goes from a line that begins with `---` to the next one, which is where kubectl, too, cuts a file
//! (`splitYAMLDocument` in `k8s.io/apimachinery/pkg/util/yaml/decoder.go`) before anything is read. Places in a part
//! count from its own beginning, so that it stays as it is when lines come or go before it.
//!
//! **Left out**: cutting a file that has directives (`%TAG`), which are about what comes after their `---`: it is one part.

use super::{Complaint, ReadObject};
use crate::yaml::{Position, Problem};
use std::sync::Arc;

/// What was read of a file.
#[derive(Clone, Debug)]
pub(super) struct ReadFile {
    /// Its name.
    pub(super) name: Arc<str>,
    /// Its parts, in order.
    pub(super) parts: Vec<Arc<Part>>,
}

/// What was read of a part.
#[derive(Debug, Default)]
pub(super) struct Part {
    /// Its text, and the marker of the part after it.
    pub(super) text: Box<str>,
    /// Where the part after it begins.
    pub(super) length: Place,
    /// Why documents are missing.
    pub(super) errors: Vec<Problem>,
    /// What a person should know of the text.
    pub(super) warnings: Vec<Problem>,
    /// Its objects.
    pub(super) objects: Vec<ReadObject>,
    /// What is wrong or doubtful about its objects.
    pub(super) complaints: Vec<Complaint>,
}

/// A place in a file, or a length: lines before it, and bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) lines: u32,
    pub(super) bytes: usize,
}

impl Place {
    /// What is so far behind this.
    pub(super) const fn and(self, length: Place) -> Place {
        Place {
            lines: self.lines + length.lines,
            bytes: self.bytes + length.bytes,
        }
    }

    /// A place of the part that begins here, in the file.
    pub(super) const fn position(self, of_part: Position) -> Position {
        Position {
            line: of_part.line + self.lines,
            ..of_part
        }
    }

    /// A place of the file in the part that begins here; its first line, if it is before that.
    pub(super) const fn within(self, of_file: Position) -> Position {
        Position {
            line: of_file.line.saturating_sub(self.lines),
            ..of_file
        }
    }
}

/// A stretch of a file that is to be read by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cut<'t> {
    /// Its text, and the marker of the stretch after it: to the scanner a document ends there.
    pub(super) text: &'t str,
    /// Its length without that marker, in bytes.
    n_bytes: usize,
}

/// What begins a document.
const MARKER: &str = "---";

/// Cuts a text where documents begin.
pub(super) fn cut(text: &str) -> Vec<Cut<'_>> {
    let mut starts = Vec::new();
    if !text.starts_with('%') && !text.contains("\n%") {
        let markers = text.match_indices("\n---").map(|it| it.0 + 1);
        let is_marker = |it: &usize| {
            let after = text.as_bytes().get(it + MARKER.len());
            after.is_none_or(|it| matches!(it, b' ' | b'\t' | b'\r' | b'\n'))
        };
        starts.extend(markers.filter(is_marker));
    }
    let mut cuts = Vec::with_capacity(starts.len() + 1);
    let mut start = 0;
    for next in starts {
        cuts.push(Cut {
            text: &text[start..next + MARKER.len()],
            n_bytes: next - start,
        });
        start = next;
    }
    cuts.push(Cut::whole(&text[start..]));
    cuts
}

impl<'t> Cut<'t> {
    /// All of a text.
    pub(super) const fn whole(text: &'t str) -> Self {
        Cut {
            text,
            n_bytes: text.len(),
        }
    }

    /// Where the stretch after it begins.
    pub(super) fn length(&self) -> Place {
        let text = &self.text.as_bytes()[..self.n_bytes];
        let breaks = text.iter().enumerate().filter(|(idx, it)| match it {
            b'\n' => true,
            b'\r' => text.get(idx + 1) != Some(&b'\n'),
            _ => false,
        });
        Place {
            lines: u32::try_from(breaks.count()).unwrap_or(u32::MAX),
            bytes: self.n_bytes,
        }
    }
}

/// What was read before of the same stretches: as many as are the same from the beginning on, and then from the end.
pub(super) fn known<'p>(cuts: &[Cut<'_>], before: &'p [Arc<Part>]) -> Vec<Option<&'p Arc<Part>>> {
    let is_same = |(cut, part): &(&Cut<'_>, &'p Arc<Part>)| *cut.text == *part.text;
    let n_first = cuts.iter().zip(before).take_while(is_same).count();
    let (rest, left) = (&cuts[n_first..], &before[n_first..]);
    let ends = rest.iter().rev().zip(left.iter().rev());
    let n_last = ends.take_while(is_same).count();
    let mut known: Vec<Option<&Arc<Part>>> = before[..n_first].iter().map(Some).collect();
    known.resize(cuts.len() - n_last, None);
    known.extend(before[before.len() - n_last..].iter().map(Some));
    known
}
