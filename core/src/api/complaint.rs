//! What is wrong with something a person wrote: where, what, and what to try.

use crate::yaml::Position;
use serde::Serialize;
use std::fmt;

/// Something wrong, or doubtful, in what a person wrote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Complaint {
    /// How bad it is.
    pub severity: Severity,
    /// The file, where it came from one.
    pub file: Option<String>,
    /// The place in the file.
    pub position: Option<Position>,
    /// The path of the field in its object: `spec.ports[0].port`.
    pub path: Option<String>,
    /// What is wrong, in Kubernetes' words where it has any.
    pub message: String,
    /// What to try.
    pub hint: Option<String>,
}

/// How bad a complaint is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Taken as it is, with a doubt.
    Warning,
    /// Left out, or read only in part.
    Error,
}

impl Complaint {
    /// An error with a message only.
    #[must_use]
    pub fn error(message: impl Into<String>) -> Self {
        Complaint {
            severity: Severity::Error,
            file: None,
            position: None,
            path: None,
            message: message.into(),
            hint: None,
        }
    }

    /// A warning with a message only.
    #[must_use]
    pub fn warning(message: impl Into<String>) -> Self {
        Complaint {
            severity: Severity::Warning,
            ..Complaint::error(message)
        }
    }

    /// The same about a field.
    #[must_use]
    pub fn about(mut self, path: impl Into<String>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// The same at a place.
    #[must_use]
    pub fn at(mut self, file: &str, position: Position) -> Self {
        self.file = Some(file.to_owned());
        self.position = Some(position);
        self
    }

    /// The same with something to try.
    #[must_use]
    pub fn try_this(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Complaint {
    /// `api.yaml:7:5: spec.ports[0].port: Invalid value: 0: …`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{file}:")?;
            if let Some(position) = self.position {
                write!(f, "{}:{}:", position.line, position.column)?;
            }
            f.write_str(" ")?;
        }
        if self.severity == Severity::Warning {
            f.write_str("warning: ")?;
        }
        if let Some(path) = &self.path {
            write!(f, "{path}: ")?;
        }
        f.write_str(&self.message)?;
        if let Some(hint) = &self.hint {
            write!(f, " ({hint})")?;
        }
        Ok(())
    }
}
