//! What the doctor found, for a page: what to say, what to highlight, which request to play.
//!
//! **Left out**: what was found before an edit.

use crate::doctor::{Diagnosis, Finding, Severity, Tried};
use serde::Serialize;

/// What the doctor found.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct DoctorView {
    /// What was checked, and what came of it.
    pub summary: String,
    /// Whether nothing is wrong.
    pub is_well: bool,
    /// What was found: what is worst comes first.
    pub findings: Vec<FindingView>,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FindingView {
    /// What it is: `selector-matches-nothing`.
    pub id: &'static str,
    /// error, warning or note.
    pub severity: Severity,
    /// The object, as the map and the editor name it: `service/default/api`.
    pub object: String,
    /// The field.
    pub path: String,
    /// The line in the text, counted from 1; 0 where there is none.
    pub line: u32,
    /// The column, counted from 1.
    pub column: u32,
    /// What is wrong.
    pub sentence: String,
    /// How one knows: what, and the value.
    pub evidence: Vec<(&'static str, String)>,
    /// What to do.
    pub remedies: Vec<RemedyView>,
    /// The request that shows it.
    pub request: Option<PlayView>,
    /// What follows from it: at which object, and what.
    pub consequences: Vec<(String, String)>,
    /// Every object it is about, to be highlighted: the object first.
    pub highlight: Vec<String>,
}

/// Something to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RemedyView {
    /// What it does.
    pub says: String,
    /// The command, for the terminal.
    pub command: String,
    /// Whether the finding is gone afterwards.
    pub mends: bool,
}

/// A request to play.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlayView {
    /// Who asks, as `Event::Asked` takes it.
    pub from: String,
    /// Whom.
    pub to: String,
    /// Over which protocol.
    pub protocol: &'static str,
    /// How it ends: `refused`.
    pub verdict: &'static str,
    /// Why, in a sentence.
    pub says: Option<&'static str>,
    /// What the client's tool prints.
    pub symptom: Option<String>,
    /// How likely: `always`, `1 in 3`.
    pub odds: String,
    /// Whether `Event::Asked` asks just this.
    pub is_playable: bool,
}

/// What the doctor found, as plain data.
#[must_use]
pub fn doctor(diagnosis: &Diagnosis) -> DoctorView {
    DoctorView {
        summary: diagnosis.sentence(),
        is_well: diagnosis.is_well(),
        findings: diagnosis.findings.iter().map(finding).collect(),
    }
}

fn finding(it: &Finding) -> FindingView {
    let place = it
        .place
        .as_ref()
        .map(|it| (it.position.line, it.position.column));
    let (line, column) = place.unwrap_or_default();
    let object = it.object.to_string();
    let consequences: Vec<(String, String)> = it
        .consequences
        .iter()
        .map(|it| (it.object.to_string(), it.sentence.clone()))
        .collect();
    let mut highlight = vec![object.clone()];
    let reached = it.request.as_ref().and_then(|it| it.object.as_ref());
    let others = consequences.iter().map(|it| it.0.clone());
    for name in others.chain(reached.map(ToString::to_string)) {
        if !highlight.contains(&name) {
            highlight.push(name);
        }
    }
    FindingView {
        id: it.id,
        severity: it.severity,
        object,
        path: it.path.clone(),
        line,
        column,
        sentence: it.sentence.clone(),
        evidence: it
            .evidence
            .iter()
            .map(|it| (it.what, it.value.clone()))
            .collect(),
        remedies: it
            .remedies
            .iter()
            .map(|it| RemedyView {
                says: it.says.clone(),
                command: it.command.clone(),
                mends: it.mends,
            })
            .collect(),
        request: it.request.as_ref().map(play),
        consequences,
        highlight,
    }
}

fn play(it: &Tried) -> PlayView {
    PlayView {
        from: it.from.clone(),
        to: it.to.clone(),
        protocol: it.protocol,
        verdict: it.verdict.name(),
        says: it.says,
        symptom: it.symptom.clone(),
        odds: super::odds(it.probability),
        is_playable: it.protocol == "tcp",
    }
}
