//! The worlds of a lesson and what is asked in them, for who holds them against a kernel.
//!
//! **Left out**: worlds between the start and the end; later requests on a connection that was kept; what lines do.

use super::folder::Lesson;
use super::form::Ask;
use super::measure::{MEASURES, MeasureKind, request};
use super::trial::Trial;
use crate::sim::{Request, World, outcomes};

/// A world of a lesson, and the requests that are measured in it.
#[derive(Clone, Debug)]
pub struct Stage {
    /// Which world: `start`, or a solution's file.
    pub name: String,
    /// The world.
    pub world: World,
    /// What is asked in it, each once.
    pub requests: Vec<Request>,
}

/// The start of a lesson, and the world after its first solution.
#[must_use]
pub fn stages(lesson: &Lesson) -> Vec<Stage> {
    let form = &lesson.form;
    let questions = form.questions.iter().map(|it| &it.ask);
    let shown = form.steps.iter().filter_map(|it| it.shows.as_ref());
    let asks: Vec<&Ask> = form.goals.iter().chain(questions).chain(shown).collect();
    let mut stages = vec![stage("start", Trial::begin(lesson).world(), &asks)];
    let first = lesson.solutions.iter().next();
    let first = first.filter(|_| lesson.faults.is_empty());
    if let Some((file, text)) = first
        && let Ok(trial) = Trial::after(lesson, file, text)
    {
        stages.push(stage(file, trial.world(), &asks));
    }
    stages.retain(|it| !it.requests.is_empty());
    stages
}

fn stage(name: &str, world: World, asks: &[&Ask]) -> Stage {
    let mut requests: Vec<Request> = Vec::new();
    for ask in asks {
        let measure = MEASURES.iter().find(|it| it.name == ask.of);
        let is_walk = measure
            .is_some_and(|it| matches!(it.kind, MeasureKind::Walk(_) | MeasureKind::Ways(_)));
        let Some(request) = request(ask).ok().filter(|_| is_walk) else {
            continue;
        };
        // Who asks may not be there yet.
        if outcomes(&world, &request, 1).is_ok() && !requests.contains(&request) {
            requests.push(request);
        }
    }
    Stage {
        name: name.to_owned(),
        world,
        requests,
    }
}
