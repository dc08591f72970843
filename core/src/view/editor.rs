//! The manifest as an editor shows it: text, complaints at their lines, lines that light up.

use crate::api::{Complaint, Severity};
use serde::{Deserialize, Serialize};

/// The manifest as an editor shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EditorView {
    /// Which of the texts that were opened this is: each has an undo of its own.
    pub file: u64,
    /// The text, exactly as it was typed.
    pub text: String,
    /// What is wrong, in order.
    pub complaints: Vec<ComplaintView>,
    /// The lines the shown hop comes from.
    pub lit: Vec<LineMark>,
}

/// Something wrong, at its line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComplaintView {
    /// The line, counted from 1; 0 where there is none.
    pub line: u32,
    /// The column, counted from 1.
    pub column: u32,
    /// Whether it stops the text from being read.
    pub is_error: bool,
    /// What is wrong.
    pub message: String,
    /// What to try.
    pub hint: Option<String>,
}

/// A line that lights up, and why.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LineMark {
    /// The line, counted from 1.
    pub line: u32,
    /// The field there: `Service default/api · spec.ports[0].port`.
    pub field: String,
}

impl From<&Complaint> for ComplaintView {
    fn from(complaint: &Complaint) -> Self {
        let (line, column) = complaint.position.map_or((0, 0), |it| (it.line, it.column));
        let message = match &complaint.path {
            Some(path) => format!("{path}: {}", complaint.message),
            None => complaint.message.clone(),
        };
        ComplaintView {
            line,
            column,
            is_error: complaint.severity == Severity::Error,
            message,
            hint: complaint.hint.clone(),
        }
    }
}
