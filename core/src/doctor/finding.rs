//! What a finding is made of: what is wrong, where, how one knows, what to do, and the request that shows it.
//!
//! **Left out**: languages other than English.

use crate::api::ObjectRef;
use crate::sim::{Verdict, Why};
use crate::yaml::Position;
use serde::Serialize;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Requests fail.
    Error,
    /// Some requests fail, or what was written is not what happens.
    Warning,
    /// Nothing fails; it is worth knowing.
    Note,
}

/// Something that is wrong, or worth knowing.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// What it is, in words that stay: `selector-matches-nothing`.
    pub id: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// The object to look at.
    pub object: ObjectRef,
    /// The field to look at: `spec.selector`.
    pub path: String,
    /// Where that stands in the files, if it does.
    pub place: Option<Place>,
    /// What is wrong.
    pub sentence: String,
    /// How one knows.
    pub evidence: Vec<Fact>,
    /// What to do.
    pub remedies: Vec<Remedy>,
    /// The request whose walk shows it, and what came of it.
    pub request: Option<Tried>,
    /// What follows from it.
    pub consequences: Vec<Consequence>,
}

/// A place in a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The file.
    pub file: String,
    /// Where in it.
    #[serde(flatten)]
    pub position: Position,
}

/// A plain value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fact {
    /// What it is: `selector`, `nearest label`.
    pub what: &'static str,
    /// The value.
    pub value: String,
}

/// Something to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Remedy {
    /// What it does.
    pub says: String,
    /// The command.
    pub command: String,
    /// Whether the finding is gone afterwards; otherwise the command only shows more.
    pub mends: bool,
}

/// A request that was walked.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Tried {
    /// Who asked, as `trace --from` takes it.
    pub from: String,
    /// Whom, as `trace --to` takes it.
    pub to: String,
    /// Over which protocol.
    pub protocol: &'static str,
    /// What the client saw, in the way that is shown.
    pub verdict: Verdict,
    /// Why.
    pub reason: Option<Why>,
    /// The same in a sentence.
    pub says: Option<&'static str>,
    /// What the client's tool prints.
    pub symptom: Option<String>,
    /// What it exits with.
    pub exit_code: Option<i32>,
    /// How likely it is to end so.
    pub probability: f64,
    /// Who got it.
    pub object: Option<ObjectRef>,
}

/// What follows from a finding, at another object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Consequence {
    /// The object.
    pub object: ObjectRef,
    /// What it comes to.
    pub sentence: String,
}

impl Finding {
    pub(super) fn new(
        id: &'static str,
        severity: Severity,
        object: ObjectRef,
        path: String,
        sentence: String,
    ) -> Finding {
        Finding {
            id,
            severity,
            object,
            path,
            place: None,
            sentence,
            evidence: Vec::new(),
            remedies: Vec::new(),
            request: None,
            consequences: Vec::new(),
        }
    }

    /// With a fact.
    pub(super) fn fact(mut self, what: &'static str, value: String) -> Finding {
        self.evidence.push(Fact { what, value });
        self
    }

    /// With a command after which it is gone.
    pub(super) fn mend(mut self, says: &str, command: String) -> Finding {
        self.remedies.push(Remedy {
            says: says.to_owned(),
            command,
            mends: true,
        });
        self
    }

    /// With a command that shows more.
    pub(super) fn look(mut self, says: &str, command: String) -> Finding {
        self.remedies.push(Remedy {
            says: says.to_owned(),
            command,
            mends: false,
        });
        self
    }

    /// With the request that shows it.
    pub(super) fn shown(mut self, tried: Option<Tried>) -> Finding {
        self.request = tried;
        self
    }

    /// With something that follows from it.
    pub(super) fn follows(&mut self, object: ObjectRef, sentence: String) {
        let it = Consequence { object, sentence };
        if !self.consequences.contains(&it) {
            self.consequences.push(it);
        }
    }
}

impl Tried {
    /// Whether nothing took the request.
    pub(super) const fn is_lost(&self) -> bool {
        !matches!(self.verdict, Verdict::Delivered | Verdict::Forwarded)
    }

    /// Whether the client did not get what it asked for.
    #[must_use]
    pub fn fails(&self) -> bool {
        self.reason.is_some() || self.is_lost()
    }
}

impl Severity {
    /// The word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        }
    }
}
