//! On call: a healthy world in which one or two things break, by lot.
//!
//! What can break is data: a script a fault, in the lesson's `faults/`. The seed chooses, so a class that shares a
//! link has the same night.
//!
//! **Left out**: three faults at once, and faults that come while one is at work.

use super::folder::Lesson;
use super::form::Ask;
use super::measure::measure;
use super::trial::{Failed, Trial, standing};
use crate::chance::Chooser;

/// A night on call.
#[derive(Debug)]
pub struct Duty {
    /// What broke, by file name.
    pub faults: Vec<String>,
    /// The world in which it broke.
    pub trial: Trial,
    /// What people complain about.
    pub complaints: Vec<Heard>,
}

/// What somebody saw who asked for something and did not get it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// Which of the lesson's goals does not stand any more.
    pub goal: usize,
    /// Who asked.
    pub from: String,
    /// Whom.
    pub to: String,
    /// What the tool printed; where it depends on luck, all that it may print.
    pub said: String,
}

/// The night that a seed stands for.
///
/// # Errors
/// When a fault's script fails: by which one.
pub fn duty(lesson: &Lesson, seed: u64) -> Result<Duty, (String, Failed)> {
    let names: Vec<&String> = lesson.faults.keys().collect();
    let mut chooser = Chooser::seeded(seed);
    let mut draw = |bound: usize| {
        let drawn = chooser.draw(u64::try_from(bound.max(1)).unwrap_or(1));
        usize::try_from(drawn).unwrap_or(0)
    };
    let first = draw(names.len());
    let second = draw(names.len().saturating_sub(1));
    let second = second + usize::from(second >= first);
    let is_double = draw(2) == 1 && names.len() > 1;
    let chosen = [Some(first), Some(second).filter(|_| is_double)];
    let chosen = chosen.into_iter().flatten();
    let faults: Vec<String> = chosen
        .filter_map(|it| names.get(it).map(|it| (*it).clone()))
        .collect();
    broken(lesson, faults)
}

/// The world of a lesson after some of its faults.
///
/// # Errors
/// When a fault's script fails: by which one.
pub(super) fn broken(lesson: &Lesson, faults: Vec<String>) -> Result<Duty, (String, Failed)> {
    let mut trial = Trial::begin(lesson);
    for name in &faults {
        let script = lesson.faults.get(name).map_or("", String::as_str);
        let ran = trial.run_script(script);
        ran.map_err(|it| (name.clone(), it))?;
    }
    let goals = &lesson.form.goals;
    let mut complaints = Vec::new();
    let standing = standing(goals, &mut trial);
    for (goal, it) in standing.iter().enumerate().filter(|it| !it.1.is_reached) {
        let asked = &goals[goal];
        let symptom = Ask {
            of: "symptom".to_owned(),
            ..asked.clone()
        };
        let said = measure(&symptom, &mut trial, None);
        let said = said.map_or_else(|_| it.told(goal, asked), |it| it.value);
        complaints.push(Heard {
            goal,
            from: asked.from.clone(),
            to: asked.to.clone(),
            said,
        });
    }
    Ok(Duty {
        complaints,
        faults,
        trial,
    })
}
