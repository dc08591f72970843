//! What there is to see of a lesson that is on.
//!
//! **Left out**: deciding; a look changes nothing.

use super::lesson::{Page, Sitting, shown, shuffled};
use crate::console::commands;
use crate::lesson::{Form, Question, Text, Typed, text_in};
use crate::view::{
    Block, Chosen, Experiment, GoalView, HintView, LessonPage, LessonQuestion, LessonView, Next,
    OptionView, PageMark, PrintedLine, Task, blocks, goal_view, goals_told,
};

/// What is looked at.
pub(super) struct Look<'s> {
    pub(super) sitting: &'s Sitting,
    /// The manifest as it is.
    pub(super) text: &'s str,
    /// The line that was typed last.
    pub(super) last_line: &'s str,
}

/// The lesson as there is to see.
pub(super) fn look(it: &Look<'_>) -> LessonView {
    let sitting = it.sitting;
    let form = &sitting.lesson.form;
    let goals = goals(sitting);
    LessonView {
        name: sitting.lesson.name.clone(),
        title: it.text().map_or_else(String::new, |it| it.title.clone()),
        language: it.language(),
        kind: form.kind.clone(),
        pages: marks(sitting),
        at: sitting.at,
        page: it.page(),
        next: next(sitting),
        told: told(sitting, &goals),
        goals,
        is_due: sitting.is_due(),
        hints: it.hints(),
        n_hints: form.hints.len(),
        passes: passes(sitting),
        is_solved: sitting.progress.is_solved,
        is_sandbox: sitting.is_sandbox,
        seed: sitting.seed(),
        progress: sitting.progress.clone(),
    }
}

fn marks(sitting: &Sitting) -> Vec<PageMark> {
    let mark = |(idx, page): (usize, &Page)| PageMark {
        word: match page {
            Page::Story => "Story",
            Page::Question(_) => "Guess",
            Page::Step(_) => "Watch",
            Page::Task => "Task",
            Page::Debrief => "Debrief",
        },
        is_open: idx <= sitting.farthest,
        is_right: match page {
            Page::Question(n) => right_at_first(sitting, *n),
            _ => None,
        },
    };
    sitting.pages.iter().enumerate().map(mark).collect()
}

fn right_at_first(sitting: &Sitting, question: usize) -> Option<bool> {
    let first = sitting.chosen.get(&question)?.first()?;
    let measured = sitting.measured.get(&question)?.as_ref().ok()?;
    Some(measured.option == *first)
}

fn next(sitting: &Sitting) -> Next {
    match sitting.page() {
        _ if sitting.at + 1 >= sitting.pages.len() => Next::End,
        _ if sitting.is_held() => Next::Answer,
        Page::Task if !sitting.progress.is_solved => Next::Skip,
        _ => Next::Free,
    }
}

fn goals(sitting: &Sitting) -> Vec<GoalView> {
    let numbered = sitting.lesson.form.goals.iter().enumerate();
    let views = numbered.map(|(n, it)| goal_view(it, sitting.standing.get(n)));
    views.collect()
}

fn passes(sitting: &Sitting) -> Option<(usize, usize)> {
    let wanted = usize::try_from(sitting.lesson.form.passes).unwrap_or(0);
    (wanted > 0).then(|| (wanted, sitting.n_right()))
}

/// The sentence for who cannot see what changed.
fn told(sitting: &Sitting, goals: &[GoalView]) -> String {
    if !sitting.told.is_empty() {
        return sitting.told.clone();
    }
    match sitting.page() {
        Page::Task if !sitting.standing.is_empty() => goals_told(goals),
        _ => String::new(),
    }
}

impl<'s> Look<'s> {
    fn form(&self) -> &'s Form {
        &self.sitting.lesson.form
    }

    fn text(&self) -> Option<&'s Text> {
        text_in(&self.sitting.lesson.texts, self.sitting.language())
    }

    fn language(&self) -> String {
        let file = self.text().map_or("", |it| it.file.as_str());
        let name = file.rsplit('/').next().unwrap_or_default();
        name.split('.').nth(1).unwrap_or_default().to_owned()
    }

    fn words(&self, name: &str) -> Vec<Block> {
        let words = self.text().and_then(|it| it.words(name));
        blocks(words.unwrap_or_default())
    }

    fn page(&self) -> LessonPage {
        let form = self.form();
        match self.sitting.page() {
            Page::Story => LessonPage::Story {
                words: self.words("story"),
                symptom: form.symptom.as_ref().map(symptom),
            },
            Page::Question(n) => LessonPage::Question(self.question(n)),
            Page::Step(n) => self.step(n),
            Page::Task => LessonPage::Task(self.task()),
            Page::Debrief => LessonPage::Debrief {
                words: self.words("debrief"),
                lines: form.debrief.lines.clone(),
                case: form.debrief.case.clone(),
                experiments: self.experiments(),
            },
        }
    }

    fn step(&self, n: usize) -> LessonPage {
        let step = self.form().steps.get(n);
        let id = step.map_or("", |it| it.id.as_str());
        let asks = step.and_then(|it| it.shows.as_ref());
        // Of a lesson that was taken up again, only the lines are known.
        let unprinted = step.into_iter().flat_map(|it| &it.lines);
        let unprinted = unprinted.map(|it| PrintedLine {
            line: it.clone(),
            printed: None,
        });
        let printed = self.sitting.printed.get(&n).filter(|it| !it.is_empty());
        LessonPage::Step {
            words: self.words(&format!("step {id}")),
            lines: printed.cloned().unwrap_or_else(|| unprinted.collect()),
            shows: asks.and_then(shown),
        }
    }

    fn question(&self, n: usize) -> LessonQuestion {
        let Some(question) = self.form().questions.get(n) else {
            return LessonQuestion {
                id: String::new(),
                prompt: Vec::new(),
                options: Vec::new(),
                measured: None,
            };
        };
        let order = shuffled(
            &self.sitting.lesson.name,
            &question.id,
            question.options.len(),
        );
        let measured = self.sitting.measured.get(&n);
        let options = order.iter().map(|it| self.option(question, n, *it));
        LessonQuestion {
            id: question.id.clone(),
            prompt: self.words(&format!("question {}", question.id)),
            options: options.collect(),
            measured: measured.map(|it| match it {
                Ok(it) => Ok(it.value.clone()),
                Err(error) => Err(error.clone()),
            }),
        }
    }

    fn option(&self, question: &Question, n: usize, idx: usize) -> OptionView {
        let option = &question.options[idx];
        let name = format!("question {}/{}", question.id, option.id);
        let mut words = self.words(&name);
        let why = words.split_off(words.len().min(1));
        let chosen = self.sitting.chosen.get(&n);
        let place = chosen.and_then(|it| it.iter().position(|it| *it == option.id));
        let is_chosen = place.is_some();
        let measured = self.sitting.measured.get(&n);
        let answered = measured.and_then(|it| it.as_ref().ok());
        let belief = self.sitting.belief(&option.misconception);
        OptionView {
            id: option.id.clone(),
            words,
            chosen: match place {
                None => Chosen::Never,
                Some(0) => Chosen::First,
                Some(_) => Chosen::Later,
            },
            is_right: answered.map(|it| it.option == option.id),
            why: if is_chosen { why } else { Vec::new() },
            misconception: belief.filter(|_| is_chosen).map(blocks),
        }
    }

    fn task(&self) -> Task {
        let sitting = self.sitting;
        let heard = sitting.heard.iter().flatten();
        let is_tried = !sitting.progress.is_solved;
        Task {
            verbs: self.form().verbs.clone(),
            heard: heard
                .map(|it| (it.from.clone(), it.to.clone(), it.said.clone()))
                .collect(),
            answer: self.wrong_way().filter(|_| is_tried),
            n_looks: sitting.seed().map(|_| sitting.n_looks),
        }
    }

    /// What is to be said to what was tried last, if it is something that people try and that does not help.
    fn wrong_way(&self) -> Option<Vec<Block>> {
        let wrong = self.sitting.lesson.wrong.iter();
        let mut tried = wrong.filter(|(file, text)| {
            if file.ends_with(".yaml") {
                return text.trim() == self.text.trim();
            }
            let last = self.last_line.trim();
            let mut lines = commands(text).filter_map(|it| it.1.ok());
            !last.is_empty() && lines.any(|it| it.trim() == last)
        });
        let (file, _) = tried.next()?;
        let stem = file.rsplit_once('.').map_or(file.as_str(), |it| it.0);
        Some(self.words(&format!("wrong {stem}"))).filter(|it| !it.is_empty())
    }

    fn hints(&self) -> Vec<HintView> {
        let taken = usize::from(self.sitting.progress.n_hints);
        let numbered = self.form().hints.iter().take(taken).enumerate();
        let view = |(n, it): (usize, &crate::lesson::Hint)| HintView {
            words: self.words(&format!("hint {}", n + 1)),
            about: (!it.about.is_empty()).then(|| (it.about.clone(), it.path.clone())),
            line: Some(it.line.clone()).filter(|it| !it.is_empty()),
        };
        numbered.map(view).collect()
    }

    fn experiments(&self) -> Vec<Experiment> {
        let experiments = self.form().experiments.iter();
        let view = |it: &Typed| Experiment {
            words: self.words(&format!("experiment {}", it.id)),
            line: it.line.clone(),
        };
        experiments.map(view).collect()
    }
}

fn symptom(it: &Typed) -> PrintedLine {
    PrintedLine {
        line: it.line.clone(),
        printed: it.prints.as_ref().map(|it| it.trim().to_owned()),
    }
}
