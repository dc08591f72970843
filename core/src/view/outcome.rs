//! How a request can end: one line a way, with its probability.

use crate::sim::{By, Ending, Outcomes, Verdict};
use serde::{Deserialize, Serialize};

/// One way a request can go.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OutcomeView {
    /// Its probability, between 0 and 1.
    pub probability: f64,
    /// The same for people: `1 in 2`, `always`.
    pub odds: String,
    /// How it ends.
    pub ending: EndingView,
    /// Whether it is the way shown.
    pub is_shown: bool,
}

/// How a walk ends, in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndingView {
    /// delivered, refused, dropped, …
    pub verdict: Verdict,
    /// One sentence.
    pub sentence: String,
    /// Address and port after all rewriting.
    pub destination: Option<String>,
    /// What has that address.
    pub object: Option<String>,
    /// What the client's tool prints, if it fails.
    pub symptom: Option<String>,
}

/// The ways of a request, with the one shown marked.
#[must_use]
pub fn outcome_list(outcomes: &Outcomes, shown: usize) -> Vec<OutcomeView> {
    outcomes
        .ways
        .branches
        .iter()
        .enumerate()
        .map(|(idx, branch)| OutcomeView {
            probability: branch.probability,
            odds: odds(branch.probability),
            ending: ending(&branch.result.ending),
            is_shown: idx == shown,
        })
        .collect()
}

/// A probability for people: `1 in 2`, `always`.
#[must_use]
pub fn odds(probability: f64) -> String {
    let one_in = 1.0 / probability;
    if probability >= 1.0 {
        "always".into()
    } else if (one_in - one_in.round()).abs() < 1e-9 {
        format!("1 in {one_in:.0}")
    } else {
        format!("{:.1} %", probability * 100.0)
    }
}

/// How a walk ends, in words.
#[must_use]
pub fn ending(ending: &Ending) -> EndingView {
    let object = ending.object.as_ref().map(ToString::to_string);
    let whom = ending
        .object
        .as_ref()
        .map(|it| it.name.clone())
        .or_else(|| ending.destination.clone())
        .unwrap_or_default();
    let sentence = match (ending.verdict, &ending.reason) {
        (Verdict::Delivered, None) => format!("{whom} answers."),
        (Verdict::Forwarded, None) => {
            "The packet leaves this world towards an address nobody here has.".into()
        }
        (_, Some(why)) => why.sentence().to_owned(),
        (verdict, None) => format!("The request is {}.", verdict.name()),
    };
    let by = match ending.by {
        Some(By::Pod) if ending.verdict == Verdict::Refused => {
            format!(" {whom}'s own network refuses.")
        }
        _ => String::new(),
    };
    EndingView {
        verdict: ending.verdict,
        sentence: sentence + &by,
        destination: ending.destination.clone(),
        object,
        symptom: ending.symptom.clone(),
    }
}
