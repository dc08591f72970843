//! What is different between two texts, line by line.
//!
//! **Left out**: lines that moved, which are gone in one place and new in another.

/// Texts of more lines are said to differ as a whole.
const MAX_LINES: usize = 4_000;

/// A line of both texts, of the first only, or of the second only.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    /// In both.
    Same,
    /// In the first one only.
    Gone,
    /// In the second one only.
    New,
}

/// The lines in order, by the longest common subsequence.
#[must_use]
pub(crate) fn script<'t>(a: &[&'t str], b: &[&'t str]) -> Vec<(Mark, &'t str)> {
    let whole = |lines: &[&'t str], mark: Mark| -> Vec<(Mark, &'t str)> {
        lines.iter().map(|it| (mark, *it)).collect()
    };
    if a.len().max(b.len()) > MAX_LINES {
        let mut all = whole(a, Mark::Gone);
        all.extend(whole(b, Mark::New));
        return all;
    }
    let width = b.len() + 1;
    let mut common = vec![0u16; (a.len() + 1) * width];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            common[i * width + j] = if a[i] == b[j] {
                common[(i + 1) * width + j + 1] + 1
            } else {
                common[(i + 1) * width + j].max(common[i * width + j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut lines = Vec::new();
    while i < a.len() && j < b.len() {
        if a[i] == b[j] {
            lines.push((Mark::Same, a[i]));
            (i, j) = (i + 1, j + 1);
        } else if common[(i + 1) * width + j] >= common[i * width + j + 1] {
            lines.push((Mark::Gone, a[i]));
            i += 1;
        } else {
            lines.push((Mark::New, b[j]));
            j += 1;
        }
    }
    lines.extend(whole(&a[i..], Mark::Gone));
    lines.extend(whole(&b[j..], Mark::New));
    lines
}
