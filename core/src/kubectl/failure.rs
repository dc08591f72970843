//! What kubectl prints when something went wrong, and its exit code.
//!
//! `k8s.io/kubectl/pkg/cmd/util/helpers.go` of 1.32 (`checkErr`, `StandardErrorMessage`).
//!
//! **Left out**: klog's lines, which `--v` asks for.

use crate::api::{Status, StatusReason};

/// What went wrong.
#[derive(Clone, Debug, PartialEq)]
pub enum Failure {
    /// The server said no.
    Status(Box<Status>),
    /// kubectl itself said no: `error: ` stands before it.
    Error(String),
    /// The same, printed as it is.
    Plain(String),
    /// The command line makes no sense: with the command whose help says more.
    Usage {
        /// Of which command.
        command: String,
        /// What is wrong.
        message: String,
    },
    /// Several things.
    Many(Vec<Failure>),
    /// Nothing more to say.
    Exit(i32),
}

impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        Failure::Status(Box::new(status))
    }
}

/// kubectl's own words.
pub(crate) fn error<T>(message: impl Into<String>) -> Result<T, Failure> {
    Err(Failure::Error(message.into()))
}

impl Failure {
    /// The exit code.
    #[must_use]
    pub const fn code(&self) -> i32 {
        match self {
            Failure::Exit(code) => *code,
            _ => 1,
        }
    }

    /// The server's answer, if it is one.
    #[must_use]
    pub fn status(&self) -> Option<&Status> {
        match self {
            Failure::Status(it) => Some(it),
            _ => None,
        }
    }

    /// Whether the server knows no such object.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.status()
            .is_some_and(|it| it.reason == Some(StatusReason::NotFound))
    }

    /// Several failures as one.
    #[must_use]
    pub fn many(mut failures: Vec<Failure>) -> Failure {
        if failures.len() == 1 {
            failures.remove(0)
        } else {
            Failure::Many(failures)
        }
    }

    /// With what was tried: `error when creating "service.yaml": …`.
    #[must_use]
    pub fn when(self, trying: &str, source: &str) -> Failure {
        let before = format!("error when {trying} {source:?}: ");
        self.after(&before)
    }

    /// With a text before it.
    #[must_use]
    pub fn after(self, before: &str) -> Failure {
        match self {
            Failure::Status(mut status) => {
                status.message = format!("{before}{}", status.message);
                Failure::Status(status)
            }
            Failure::Error(message) => Failure::Error(format!("{before}{message}")),
            other => other,
        }
    }

    /// The text on standard error, with its line break.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = match self {
            Failure::Status(status) => status_text(status),
            Failure::Error(message) if message.starts_with("error: ") => message.clone(),
            Failure::Error(message) => format!("error: {message}"),
            Failure::Plain(message) => message.clone(),
            Failure::Usage { command, message } => {
                format!("error: {message}\nSee '{command} -h' for help and examples")
            }
            Failure::Many(failures) => {
                let lines: Vec<String> = failures.iter().map(Failure::one_of_many).collect();
                lines.join("\n")
            }
            Failure::Exit(_) => return String::new(),
        };
        if !text.ends_with('\n') {
            text.push('\n');
        }
        text
    }

    /// What the error says without where it comes from.
    #[must_use]
    pub fn message(&self) -> String {
        match self {
            Failure::Status(status) => status.message.clone(),
            Failure::Error(message) | Failure::Plain(message) | Failure::Usage { message, .. } => {
                message.clone()
            }
            Failure::Many(failures) => {
                let all: Vec<String> = failures.iter().map(Failure::message).collect();
                format!("[{}]", all.join(", "))
            }
            Failure::Exit(_) => String::new(),
        }
    }

    /// Among several failures a server's answer is said in its general form, and nothing gets `error: `.
    fn one_of_many(&self) -> String {
        match self {
            Failure::Status(status) => general_text(status),
            other => other.message(),
        }
    }
}

fn status_text(status: &Status) -> String {
    if status.reason != Some(StatusReason::Invalid) {
        return general_text(status);
    }
    let Some(details) = &status.details else {
        return format!("The request is invalid: {}", status.message);
    };
    let mut text = "The request is invalid".to_owned();
    if !details.kind.is_empty() || !details.name.is_empty() {
        text = format!("The {} {:?} is invalid", details.kind, details.name);
    } else if !status.message.is_empty() && details.causes.is_empty() {
        text = format!("{text}: {}", status.message);
    }
    let mut causes: Vec<String> = Vec::new();
    for it in &details.causes {
        let cause = format!("{}: {}", it.field, it.message);
        if !causes.contains(&cause) {
            causes.push(cause);
        }
    }
    match causes.as_slice() {
        [] => text,
        [one] => format!("{text}: {one}"),
        many => format!("{text}: \n* {}", many.join("\n* ")),
    }
}

fn general_text(status: &Status) -> String {
    match status.reason {
        Some(reason) => format!("Error from server ({}): {}", reason.name(), status.message),
        None => format!("Error from server: {}", status.message),
    }
}
