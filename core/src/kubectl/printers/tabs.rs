//! Columns that line up: Go's `text/tabwriter`, and kubectl's own that remembers widths.
//!
//! `text/tabwriter` of Go 1.23, `github.com/liggitt/tabwriter`: a column is a run of consecutive lines that have a cell there,
//! and is as wide as its widest cell.
//!
//! **Left out**: filters, alignment to the right, characters of other widths than one.

/// How cells are padded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Padding {
    /// The least width of a cell.
    pub min_width: usize,
    /// What is added to the widest.
    pub padding: usize,
}

/// As `describe` does.
pub(crate) const DESCRIBE: Padding = Padding {
    min_width: 0,
    padding: 2,
};

/// As tables do.
pub(crate) const TABLE: Padding = Padding {
    min_width: 6,
    padding: 3,
};

/// Lines up the cells of a text: tabs end cells, line breaks end lines. What stands after the last tab of a line is no cell.
pub(crate) fn align(text: &str, by: Padding) -> String {
    let lines: Vec<Vec<&str>> = text
        .split('\n')
        .map(|it| it.split('\t').collect())
        .collect();
    let mut widths: Vec<Vec<usize>> = lines.iter().map(|it| vec![0; it.len() - 1]).collect();
    let n_columns = widths.iter().map(Vec::len).max().unwrap_or(0);
    for column in 0..n_columns {
        let mut at = 0;
        while at < lines.len() {
            if widths[at].len() <= column {
                at += 1;
                continue;
            }
            let end = (at..lines.len())
                .find(|it| widths[*it].len() <= column)
                .unwrap_or(lines.len());
            let widest = lines[at..end]
                .iter()
                .map(|it| it[column].chars().count())
                .max();
            let widest = widest.unwrap_or(0);
            let width = (widest + by.padding).max(by.min_width);
            for line in &mut widths[at..end] {
                line[column] = width;
            }
            at = end;
        }
    }
    let mut out = String::with_capacity(text.len() * 2);
    for (idx, (line, widths)) in lines.iter().zip(&widths).enumerate() {
        if idx > 0 {
            out.push('\n');
        }
        for (column, cell) in line.iter().enumerate() {
            out.push_str(cell);
            if let Some(width) = widths.get(column) {
                pad(&mut out, width.saturating_sub(cell.chars().count()));
            }
        }
    }
    out
}

fn pad(out: &mut String, n: usize) {
    out.extend(std::iter::repeat_n(' ', n));
}

/// A table that may grow: it remembers how wide its columns were.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Columns {
    widths: Vec<usize>,
}

impl Columns {
    /// Prints rows; the last cell of a row is not padded.
    pub(crate) fn print(&mut self, rows: &[Vec<String>]) -> String {
        self.measure(rows);
        self.lines(rows)
    }

    /// Makes columns as wide as rows need.
    pub(crate) fn measure(&mut self, rows: &[Vec<String>]) {
        for row in rows {
            for (idx, cell) in row.iter().enumerate() {
                let width = (cell.chars().count() + TABLE.padding).max(TABLE.min_width);
                match self.widths.get_mut(idx) {
                    Some(it) => *it = (*it).max(width),
                    None => self.widths.push(width),
                }
            }
        }
    }

    /// The lines of rows that were measured.
    pub(crate) fn lines(&self, rows: &[Vec<String>]) -> String {
        let mut out = String::new();
        for row in rows {
            for (idx, cell) in row.iter().enumerate() {
                out.push_str(cell);
                if idx + 1 < row.len() {
                    pad(
                        &mut out,
                        self.widths
                            .get(idx)
                            .map_or(0, |it| *it)
                            .saturating_sub(cell.chars().count()),
                    );
                }
            }
            out.push('\n');
        }
        out
    }
}
