//! A world on trial: what is typed into it, and whether the goals of a lesson stand in it.
//!
//! **Left out**: what was said while a line ran, between its beginning and its end.

use super::folder::{Files, Lesson};
use super::form::Ask;
use super::measure::{MeasureError, Measured, measure};
use crate::console::{Console, NoEditor, commands};
use crate::shell::{Finished, Place, Shell};
use crate::sim::{SETTLE_LIMIT, Timeline, World};
use std::cell::RefCell;
use std::rc::Rc;

/// A world, and somebody who types into it.
#[derive(Debug)]
pub struct Trial {
    timeline: Rc<RefCell<Timeline>>,
    console: Console,
    shell: Shell,
}

/// A command of a script that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// The number of the line where it begins.
    pub line: usize,
    /// What it said.
    pub said: String,
}

impl Trial {
    /// Begins with a world, and the files of a folder.
    #[must_use]
    pub fn of(timeline: Timeline, files: &Files) -> Trial {
        let timeline = Rc::new(RefCell::new(timeline));
        let console = Console::new(timeline.clone(), Rc::new(files.clone()), Rc::new(NoEditor));
        Trial {
            timeline,
            shell: console.shell(&Place::Workstation),
            console,
        }
    }

    /// Begins where a lesson begins.
    #[must_use]
    pub fn begin(lesson: &Lesson) -> Trial {
        Trial::of(Timeline::new(lesson.start()), &lesson.files)
    }

    /// A lesson's world after a file of `solutions/` or `wrong/`: a script that is run, or another world that is begun.
    ///
    /// # Errors
    /// When a command of the script fails.
    pub fn after(lesson: &Lesson, file: &str, text: &str) -> Result<Trial, Failed> {
        if file.ends_with(".yaml") {
            let timeline = Timeline::new(lesson.beginning_as(text));
            return Ok(Trial::of(timeline, &lesson.files));
        }
        let mut trial = Trial::begin(lesson);
        trial.run_script(text)?;
        Ok(trial)
    }

    /// Types a line, and lets time pass until nothing is on its way.
    pub fn run(&mut self, line: &str) -> Finished {
        let finished = self.shell.run_line(line, "");
        self.console.settle(&mut self.shell, SETTLE_LIMIT);
        finished
    }

    /// Runs a file of commands, up to the first that fails.
    ///
    /// # Errors
    /// When one fails.
    pub fn run_script(&mut self, text: &str) -> Result<(), Failed> {
        for (line, command) in commands(text) {
            let command = command.map_err(|it| Failed {
                line,
                said: it.to_string(),
            })?;
            let finished = self.run(command);
            if finished.code != 0 {
                return Err(Failed {
                    line,
                    said: said(&finished),
                });
            }
        }
        Ok(())
    }

    /// What has happened so far.
    #[must_use]
    pub fn timeline(&self) -> Timeline {
        self.timeline.borrow().clone()
    }

    /// The world as it is now.
    #[must_use]
    pub fn world(&self) -> World {
        World::of_timeline(&self.timeline.borrow())
    }
}

/// What a line printed, errors included, without blanks at the ends.
pub(super) fn said(finished: &Finished) -> String {
    let both = format!("{}{}", finished.stdout, finished.stderr);
    both.trim().to_owned()
}

/// How a goal stands in a world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// What was measured; what is in the way where who is to ask is gone.
    pub measured: Result<Measured, MeasureError>,
    /// Whether that is what it should be.
    pub is_reached: bool,
}

/// How each of some goals stands in a world.
pub fn standing(goals: &[Ask], trial: &mut Trial) -> Vec<Standing> {
    let mut all = Vec::new();
    for goal in goals {
        let measured = measure(goal, trial, None);
        let wanted = goal.is.as_deref().unwrap_or_default();
        all.push(Standing {
            is_reached: measured.as_ref().is_ok_and(|it| it.says(wanted)),
            measured,
        });
    }
    all
}

impl Standing {
    /// How it stands, in words: `goals[0]: arrives is "0", not "100"`.
    #[must_use]
    pub fn told(&self, n: usize, goal: &Ask) -> String {
        let wanted = goal.is.as_deref().unwrap_or_default();
        match &self.measured {
            Ok(it) => format!("goals[{n}]: {} is {:?}, not {wanted:?}", goal.of, it.value),
            Err(it) => format!("goals[{n}]: {} cannot be measured: {it}", goal.of),
        }
    }
}
