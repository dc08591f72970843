//! Predict, then reveal: before a decisive hop one may be asked what it will do.
//!
//! The right answer is read off the walk; the wrong ones are what people believe (`M…` are the beliefs of the
//! project's catalogue), each with an answer of its own. "Not sure" reveals without blame.
//!
//! **Left out**: asking the same again later, and a tally.

use super::{Scene, Session, update::Effect};
use crate::net::HeaderField;
use crate::sim::Verdict;
use crate::sorted::insert_once;
use crate::view::{Answer, Emphasis, Hop, HopDetail, LegName, QuestionView};

/// The most answers of a question besides "not sure".
const MAX_ANSWERS: usize = 5;

/// A question before a hop, and what was answered.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Asked {
    hop: usize,
    answered: Option<usize>,
}

impl Session {
    pub(super) fn set_predicting(&mut self, is_on: bool) -> Vec<Effect> {
        self.options.predicts = is_on;
        self.asked = None;
        Vec::new()
    }

    /// Whether a question stands between here and a hop; if so it is asked, and the packet waits before it.
    pub(super) fn asks_before(&mut self, hop: usize) -> bool {
        if !self.predicts() || hop <= self.position {
            return false;
        }
        let hops = &self.view.walk.hops;
        let first = (self.position + 1..=hop.min(hops.len().saturating_sub(1)))
            .find(|it| question(&self.scene, hops, *it).is_some());
        let Some(hop) = first else { return false };
        self.position = hop - 1;
        self.asked = Some(Asked {
            hop,
            answered: None,
        });
        true
    }

    const fn predicts(&self) -> bool {
        self.options.predicts
    }

    /// Whether a question is open when one wants to go on. Going on means "not sure"; once more, and the packet goes.
    pub(super) fn is_held_by_question(&mut self, to: usize) -> bool {
        if to <= self.position {
            self.asked = None;
            return false;
        }
        let hops = &self.view.walk.hops;
        let Some(asked) = &mut self.asked else {
            return false;
        };
        if asked.answered.is_none() {
            let last = question(&self.scene, hops, asked.hop).map(|it| it.answers.len() - 1);
            asked.answered = last;
            return last.is_some();
        }
        self.position = asked.hop;
        self.asked = None;
        true
    }

    pub(super) fn forget_question(&mut self) {
        self.asked = None;
    }

    pub(super) fn answer(&mut self, idx: usize) -> Vec<Effect> {
        if let Some(asked) = &mut self.asked {
            asked.answered.get_or_insert(idx);
        }
        Vec::new()
    }

    /// The question that is open, as there is to see.
    pub(super) fn look_at_question(&self, hops: &[Hop]) -> Option<QuestionView> {
        let asked = self.asked.as_ref()?;
        let mut question = question(&self.scene, hops, asked.hop)?;
        question.answered = asked.answered.filter(|it| *it < question.answers.len());
        Some(question)
    }

    /// Where the open question leads.
    pub(super) fn question_hop(&self) -> Option<usize> {
        self.asked.as_ref().map(|it| it.hop)
    }
}

/// What there is to ask before a hop.
fn question(scene: &Scene, hops: &[Hop], idx: usize) -> Option<QuestionView> {
    let hop = hops.get(idx)?;
    let before = hops.get(idx.checked_sub(1)?)?;
    let (prompt, answers) = if let HopDetail::Dns { queries, .. } = &hop.detail {
        (before.leg == LegName::Dns).then(|| names(queries.len()))?
    } else if is_end(hop) {
        ends(hop.failure)
    } else if hop.leg == LegName::Request && changed(hop, HeaderField::Destination).is_some() {
        destination(scene, before, hop)?
    } else if changed(hop, HeaderField::Source).is_some() {
        source(before, hop)?
    } else {
        return None;
    };
    Some(arranged(prompt, answers, hop))
}

/// Whether it is decided here what becomes of the request.
fn is_end(hop: &Hop) -> bool {
    hop.failure.is_some() || hop.leg == LegName::Request && hop.emphasis == Emphasis::Ending
}

fn changed(hop: &Hop, field: HeaderField) -> Option<(&str, &str)> {
    let change = hop.changes.iter().find(|it| it.field == field)?;
    Some((&change.before, &change.after))
}

fn right(words: impl Into<String>, why: impl Into<String>) -> Answer {
    Answer {
        words: words.into(),
        why: why.into(),
        is_right: true,
    }
}

fn wrong(words: impl Into<String>, why: impl Into<String>) -> Answer {
    Answer {
        is_right: false,
        ..right(words, why)
    }
}

/// How many questions a name costs (M20).
fn names(n: usize) -> (String, Vec<Answer>) {
    let said = |n: usize| {
        if n == 1 {
            "1 query".to_owned()
        } else {
            format!("{n} queries")
        }
    };
    let mut answers = vec![right(
        said(n),
        "The resolver tries its search list until a name exists, and counts dots first.",
    )];
    if n != 1 {
        answers.push(wrong(
            said(1),
            "A name with few dots is tried with the search list's endings first, one query each.",
        ));
    }
    if n != 5 {
        answers.push(wrong(
            said(5),
            "The list is not always walked to its end: the first name that exists ends it.",
        ));
    }
    let none =
        "A name is no address: somebody must be asked, and a pod keeps no memory of answers.";
    answers.push(wrong("none", none));
    ("How many DNS queries does this name cost?".into(), answers)
}

/// Where a destination is rewritten to (M4, M7, M25).
fn destination(scene: &Scene, before: &Hop, hop: &Hop) -> Option<(String, Vec<Answer>)> {
    let (was, is) = changed(hop, HeaderField::Destination)?;
    let port = |it: Option<u16>| it.map_or_else(String::new, |it| format!(":{it}"));
    let will_be = format!("{is}{}", port(hop.packet.destination_port));
    let mut all: Vec<String> = Vec::new();
    let ways = scene.outcomes.iter().flat_map(|it| &it.ways.branches);
    for way in ways {
        for it in way.result.ending.destination.iter() {
            insert_once(&mut all, it.clone());
        }
    }
    let others = all.into_iter().filter(|it| *it != will_be);
    let mut answers = vec![right(
        will_be.clone(),
        "A rule chose this endpoint and wrote it into the packet; the choice holds for the whole connection.",
    )];
    answers.extend(others.take(MAX_ANSWERS - 3).map(|it| {
        wrong(it, "It could have been: endpoints are chosen at random for each new connection, and another one came up.")
    }));
    answers.push(wrong(
        format!("{was}{}: it stays", port(before.packet.destination_port)),
        "No interface has that address: nobody could answer. It must be rewritten before the packet is routed.",
    ));
    if before.packet.destination_port != hop.packet.destination_port {
        answers.push(wrong(
            format!("{is}{}", port(before.packet.destination_port)),
            "The port changes too: port is the Service's, targetPort the pod's.",
        ));
    }
    Some((
        format!("To whom will the packet be sent, instead of {was}?"),
        answers,
    ))
}

/// What the receiver will see as the source (M10).
fn source(before: &Hop, hop: &Hop) -> Option<(String, Vec<Answer>)> {
    let (was, is) = changed(hop, HeaderField::Source)?;
    let is_reply = hop.leg == LegName::Reply;
    let why = if is_reply {
        "Connection tracking puts back the address that was asked, or the client would not know the answer."
    } else {
        "The node puts its own address there, so that the answer comes back through it."
    };
    let stays = if is_reply {
        "Then the answer would come from an address the client never asked, and it would be refused."
    } else {
        "On this way the client's address is lost: the packet is masqueraded, so the pod cannot see who asked."
    };
    let mut answers = vec![right(is, why), wrong(format!("{was}: it stays"), stays)];
    if before.packet.destination != is && before.packet.destination != was {
        answers.push(wrong(
            before.packet.destination.clone(),
            "That is whom the packet is for, not whom it is from.",
        ));
    }
    Some(("Which source address will the packet have?".into(), answers))
}

/// How it ends (M5).
fn ends(failure: Option<Verdict>) -> (String, Vec<Answer>) {
    let all = [
        (
            None,
            "it is answered",
            "Something listens at that address and port, and no rule is against it.",
        ),
        (
            Some(Verdict::Refused),
            "it is refused at once",
            "Something says no: a rule that rejects, or a host where nothing listens.",
        ),
        (
            Some(Verdict::Dropped),
            "it is dropped: a timeout",
            "Nothing is said at all; only the client's patience ends it.",
        ),
        (
            Some(Verdict::Unreachable),
            "there is no way there",
            "No route leads there, or nobody on the link has the address.",
        ),
    ];
    let found = |it: Option<Verdict>| it == failure;
    let answers = all
        .into_iter()
        .filter(|it| found(it.0) || it.0 != Some(Verdict::Unreachable))
        .map(|(verdict, words, why)| {
            if found(verdict) {
                return right(words, why);
            }
            let hint = match (verdict, failure) {
                (None, _) => "It would be, if somebody listened there and every rule let it pass.",
                (Some(Verdict::Dropped), Some(Verdict::Refused)) => {
                    "A refusal is an answer and comes at once; a timeout is silence."
                }
                (Some(Verdict::Refused), Some(Verdict::Dropped)) => {
                    "A refusal would come at once. Here nothing comes back."
                }
                (Some(Verdict::Refused), _) => {
                    "For that something would have to say no: no endpoint, or no listener."
                }
                _ => "For that the packet would have to vanish without a word.",
            };
            wrong(words, hint)
        })
        .collect();
    ("What becomes of the request here?".into(), answers)
}

/// The answers in an order that tells nothing, "not sure" last.
fn arranged(prompt: String, mut answers: Vec<Answer>, hop: &Hop) -> QuestionView {
    crate::sorted::sort_by(&mut answers, |a, b| a.words.cmp(&b.words));
    let is_right = answers.iter().find(|it| it.is_right);
    let why = is_right.map_or_else(String::new, |it| format!("{}. {}", it.words, it.why));
    answers.push(wrong("not sure", format!("Then look: {why}")));
    QuestionView {
        prompt,
        place: hop.place.clone(),
        answers,
        answered: None,
    }
}
