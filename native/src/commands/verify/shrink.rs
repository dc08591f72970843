//! A world in which simulation and kernel disagree is made small: what can be left out without their agreeing is left out.
//!
//! First whole objects, then what is in them: fields, endpoints, ports, one after the other, until nothing more can go or time is
//! up. What is left disagrees about the same thing, in the same flow.
//!
//! **Left out**: values made simpler; a world with fewer objects of which none can go alone.

use super::flows::FlowPlan;
use super::random::{file, found, world_of};
use crate::compare::Disagreement;
use crate::error::Error;
use crate::random::text_of;
use packetwalk_core::api::read;
use packetwalk_core::ip::socket;
use packetwalk_core::proxy::Mode;
use serde::Serialize;
use serde_json::Value;
use std::fmt;
use std::time::{Duration, Instant};

/// How long one world may take.
const AT_MOST: Duration = Duration::from_secs(90);

/// A world that disagrees.
#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) documents: Vec<Value>,
    /// The flow; none if the rules themselves are read back differently.
    pub(super) plan: Option<FlowPlan>,
    pub(super) disagreement: Disagreement,
    pub(super) mode: &'static Mode,
    pub(super) seed: u64,
}

/// A world that was made small, ready to become a test row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SmallWorld {
    /// Its manifest.
    pub manifest: String,
    /// The flow, as `tests/scenarios/*.walks` have it.
    pub row: Option<String>,
    /// The command that shows it, where the manifest is in the file `small.yaml`.
    pub command: String,
    /// The command that found it.
    pub found_by: String,
    /// What both say in it.
    pub disagreement: Disagreement,
}

impl fmt::Display for SmallWorld {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SmallWorld {
            manifest,
            row,
            command,
            found_by,
            disagreement,
        } = self;
        writeln!(f, "# {command}")?;
        writeln!(f, "# found by: {found_by}")?;
        if let Some(row) = row {
            writeln!(f, "# {row}")?;
        }
        for line in disagreement.to_string().lines() {
            writeln!(f, "# {line}")?;
        }
        write!(f, "{manifest}")
    }
}

/// Makes a world as small as it can be.
pub(super) fn shrunk(mut case: Case) -> Result<SmallWorld, Error> {
    let began = Instant::now();
    let mut has_shrunk = true;
    while has_shrunk && began.elapsed() < AT_MOST {
        has_shrunk = shrink_objects(&mut case, began)?;
        has_shrunk |= shrink_fields(&mut case, began)?;
    }
    Ok(told(case))
}

fn told(case: Case) -> SmallWorld {
    let Case {
        documents,
        plan,
        disagreement,
        mode,
        seed,
    } = case;
    SmallWorld {
        manifest: text_of(&documents),
        row: plan.as_ref().map(row),
        command: format!("packetwalk verify -f small.yaml --mode {}", mode.name),
        found_by: format!(
            "packetwalk verify --random 1 --seed {seed} --mode {}",
            mode.name
        ),
        disagreement,
    }
}

pub(super) fn row(plan: &FlowPlan) -> String {
    let FlowPlan {
        from,
        enter_at,
        address,
        port,
        protocol,
    } = plan;
    let to = socket(*address, *port);
    let protocol = match protocol {
        packetwalk_core::net::Protocol::Tcp => String::new(),
        other => format!(" {}", other.to_string().to_lowercase()),
    };
    let entry = enter_at.as_ref().map(|it| format!(" at {}", it.short()));
    format!("{from} > {to}{protocol}{}", entry.unwrap_or_default())
}

/// Whether a world still disagrees about the same thing; if so it takes the case's place.
fn takes(case: &mut Case, documents: Vec<Value>) -> Result<bool, Error> {
    super::interrupt::check()?;
    let world = world_of(&text_of(&documents), case.mode, case.seed);
    // It stays a world that an API server would take.
    if n_complaints(&documents) > n_complaints(&case.documents) {
        return Ok(false);
    }
    if let Some(plan) = &case.plan {
        let ends = [Some(&plan.from), plan.enter_at.as_ref()];
        if ends
            .into_iter()
            .flatten()
            .any(|it| world.network.host(it).is_none())
        {
            return Ok(false);
        }
    }
    let plans = case.plan.iter().cloned().collect();
    // A world that cannot be walked at all is another story.
    let found = match found(&world, plans) {
        Ok(found) => found,
        Err(Error::Interrupted) => return Err(Error::Interrupted),
        Err(_) => return Ok(false),
    };
    let same = found.causes.into_iter().find(|(plan, it)| {
        *plan == case.plan && shape(&it.about) == shape(&case.disagreement.about)
    });
    let Some((_, disagreement)) = same else {
        return Ok(false);
    };
    case.disagreement = disagreement;
    case.documents = documents;
    Ok(true)
}

fn n_complaints(documents: &[Value]) -> usize {
    read(&[file(&text_of(documents))]).complaints.len()
}

/// What a difference is about, without the numbers in it.
fn shape(about: &str) -> String {
    about.chars().filter(|it| !it.is_ascii_digit()).collect()
}

/// Leaves out objects, many at once as long as that works.
fn shrink_objects(case: &mut Case, began: Instant) -> Result<bool, Error> {
    let mut has_shrunk = false;
    let mut n_at_once = case.documents.len() / 2;
    while n_at_once > 0 {
        let mut at = 0;
        while at < case.documents.len() && began.elapsed() < AT_MOST {
            let mut fewer = case.documents.clone();
            fewer.drain(at..(at + n_at_once).min(fewer.len()));
            match takes(case, fewer)? {
                true => has_shrunk = true,
                false => at += n_at_once,
            }
        }
        n_at_once /= 2;
    }
    Ok(has_shrunk)
}

/// Leaves out what is in objects.
fn shrink_fields(case: &mut Case, began: Instant) -> Result<bool, Error> {
    let mut has_shrunk = false;
    for object in 0..case.documents.len() {
        // From the last to the first, so that what was looked at does not move.
        let mut places = places(&case.documents[object]);
        while let Some(place) = places.pop() {
            if began.elapsed() >= AT_MOST {
                return Ok(has_shrunk);
            }
            let mut fewer = case.documents.clone();
            let is_gone = remove(&mut fewer[object], &place);
            has_shrunk |= is_gone && takes(case, fewer)?;
        }
    }
    Ok(has_shrunk)
}

/// A way into a document.
type Place = Vec<Step>;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Field(String),
    Item(usize),
}

/// What no object can be without.
const NEEDED: [&str; 4] = ["apiVersion", "kind", "metadata", "name"];

/// Every place in a document that may be empty, outer ones last.
fn places(document: &Value) -> Vec<Place> {
    let mut all = Vec::new();
    gather(document, &mut Vec::new(), &mut all);
    all.sort_by_key(|it| std::cmp::Reverse(it.len()));
    all
}

fn gather(value: &Value, at: &mut Place, all: &mut Vec<Place>) {
    let inside: Vec<(Step, &Value)> = match value {
        Value::Object(map) => {
            let fields = map.iter().filter(|it| !NEEDED.contains(&it.0.as_str()));
            fields
                .map(|(name, it)| (Step::Field(name.clone()), it))
                .collect()
        }
        Value::Array(items) => {
            let items = items.iter().enumerate();
            items.map(|(idx, it)| (Step::Item(idx), it)).collect()
        }
        _ => Vec::new(),
    };
    for (step, value) in inside {
        at.push(step);
        all.push(at.clone());
        gather(value, at, all);
        at.pop();
    }
}

/// Takes something out of a document; false if it is no longer there.
fn remove(document: &mut Value, place: &[Step]) -> bool {
    let Some((last, way)) = place.split_last() else {
        return false;
    };
    let mut at = document;
    for step in way {
        let next = match step {
            Step::Field(name) => at.get_mut(name),
            Step::Item(idx) => at.get_mut(*idx),
        };
        match next {
            Some(value) => at = value,
            None => return false,
        }
    }
    match (last, at) {
        (Step::Field(name), Value::Object(map)) => map.remove(name).is_some(),
        (Step::Item(idx), Value::Array(items)) if *idx < items.len() => {
            items.remove(*idx);
            true
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn everything_but_names_can_go_and_outer_things_go_first() {
        let mut document = json!({"kind": "A", "metadata": {"name": "n"}, "spec": {"ports": [1, {"name": "x", "port": 2}]}});
        let mut places = places(&document);
        assert_eq!(places.len(), 5);
        assert_eq!(places.pop(), Some(vec![Step::Field("spec".into())]));
        let port = [
            Step::Field("spec".into()),
            Step::Field("ports".into()),
            Step::Item(1),
            Step::Field("port".into()),
        ];
        assert!(remove(&mut document, &port));
        assert!(!remove(&mut document, &port));
        assert_eq!(document["spec"]["ports"], json!([1, {"name": "x"}]));
    }

    #[test]
    fn a_difference_keeps_its_shape_when_numbers_move() {
        assert_eq!(shape("decision 3 of nat"), shape("decision 12 of nat"));
        assert_ne!(shape("the verdict"), shape("the connection"));
    }
}
