//! The answer to one question: what the world says, measured as a reader comes to it.
//!
//! **Left out**: what a person has changed in a world of their own: the question is about the lesson's.

use super::examine::Answered;
use super::folder::Lesson;
use super::form::Question;
use super::measure::{MeasureError, measure};
use super::trial::Trial;
use crate::sim::World;

/// What the world says to a question, and which option says the same. The steps before it are done again, in a world of
/// their own.
///
/// # Errors
/// When it cannot be measured.
pub fn answered(lesson: &Lesson, question: &Question) -> Result<Answered, MeasureError> {
    let mut trial = Trial::begin(lesson);
    let before = before(&mut trial, lesson, question);
    let measured = measure(&question.ask, &mut trial, Some(&before))?;
    let option = question.answer(&measured);
    let option = option.map(|it| it.id.clone()).unwrap_or_default();
    Ok(Answered {
        question: question.id.clone(),
        option,
        value: measured.value,
    })
}

/// Goes to the end of the question's step. The world before it.
fn before(trial: &mut Trial, lesson: &Lesson, question: &Question) -> World {
    let steps = &lesson.form.steps;
    let Some(last) = steps.iter().position(|it| it.id == question.step) else {
        return trial.world();
    };
    for step in &steps[..last] {
        step.lines.iter().for_each(|it| _ = trial.run(it));
    }
    let before = trial.world();
    steps[last].lines.iter().for_each(|it| _ = trial.run(it));
    before
}
