//! What a `lesson.yaml` holds, as it is written.
//!
//! **Left out**: words: they stand in the texts, one file a language.

use crate::record::record;

/// A lesson without its words.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Form {
    /// `lesson` (guided), `challenge` (something is broken) or `quiz`.
    pub kind: String,
    /// How long it takes.
    pub minutes: i32,
    /// The beliefs it is about: `M1`.
    pub misconceptions: Vec<String>,
    /// The kubectl commands it needs; none means all.
    pub verbs: Vec<String>,
    /// How many first answers must be right, where answering is what is learned.
    pub passes: i32,
    /// What a person is told of, and what really happens.
    pub symptom: Option<Typed>,
    /// What is done, in order.
    pub steps: Vec<Step>,
    /// What is asked.
    pub questions: Vec<Question>,
    /// What must be true in the end.
    pub goals: Vec<Ask>,
    /// Where to look; what to see there; what to type.
    pub hints: Vec<Hint>,
    /// What to do in a real cluster.
    pub debrief: Debrief,
    /// What else may be tried in the world as it is in the end.
    pub experiments: Vec<Typed>,
}

record!(Form:
    kind, minutes, misconceptions, verbs, passes, symptom, steps, questions, goals, hints, debrief, experiments);

/// Something typed, and what it does.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Typed {
    /// By which the texts know it.
    pub id: String,
    /// The line, as a shell reads it.
    pub line: String,
    /// What it prints, errors included, without blanks at the ends; none if that does not matter.
    pub prints: Option<String>,
    /// What it exits with; success unless told otherwise.
    pub exits: i32,
}

record!(Typed: id, line, prints, exits);

/// Something to do on the way.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Step {
    /// By which the texts know it.
    pub id: String,
    /// The lines to type; none if there is only something to see.
    pub lines: Vec<String>,
    /// What the last of them exits with; success unless told otherwise.
    pub exits: i32,
    /// The request whose walk is shown.
    pub shows: Option<Ask>,
}

record!(Step: id, lines, exits, shows);

/// A question, or a goal: something that can be measured.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ask {
    /// What is measured: `verdict`, `pods`, `source-seen` and so on.
    pub of: String,
    /// Who asks.
    pub from: String,
    /// Whom.
    pub to: String,
    /// Over which protocol; TCP unless told otherwise.
    pub protocol: String,
    /// The node at whose uplink the packet comes in.
    pub node: String,
    /// An object: `service/api`, `pod/shop/web`.
    pub object: String,
    /// A line, as a shell reads it.
    pub line: String,
    /// How many requests one connection carries.
    pub requests: i32,
    /// What it must come to; not for questions.
    pub is: Option<String>,
}

record!(Ask: of, from, to, protocol, node, object, line, requests, is);

/// A question before a step, answered by the world after it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Question {
    /// By which the texts know it.
    pub id: String,
    /// The step it is asked before; none if it is about the start.
    pub step: String,
    /// What is asked.
    pub ask: Ask,
    /// The answers to choose from.
    pub options: Vec<Choice>,
}

record!(Question: id, step, ask, options);

/// An answer to choose.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Choice {
    /// By which the texts know it.
    pub id: String,
    /// What the world would say if it were right.
    pub value: String,
    /// The belief behind it; none if it is the right one.
    pub misconception: String,
}

record!(Choice: id, value, misconception);

/// A hint.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Hint {
    /// The object to look at.
    pub about: String,
    /// The field of it.
    pub path: String,
    /// The line to type.
    pub line: String,
    /// What it prints, somewhere.
    pub shows: String,
}

record!(Hint: about, path, line, shows);

/// What to take home.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Debrief {
    /// The same in a real cluster: these lines work in the world as it is in the end.
    pub lines: Vec<String>,
    /// A real case: an address.
    pub case: String,
}

record!(Debrief: lines, case);
