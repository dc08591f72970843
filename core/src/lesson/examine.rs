//! Whether a lesson is true: everything a reader will do is done, and every difference is a complaint.
//!
//! The start does not solve it, every solution does, nothing wrong does; each question has one right answer, measured, and a
//! belief behind every other; hints name what is there, and lines print what the author says they print.
//!
//! **Left out**: whether it is well written.

use super::folder::Lesson;
use super::form::{Choice, Question, Step, Typed};
use super::measure::{measure, named};
use super::on_call::broken;
use super::text::Text;
use super::trial::{Failed, Trial, said, standing};
use crate::api::Complaint;
use crate::kubectl::COMMANDS;
use crate::shell::Finished;
use crate::sim::{Timeline, World};
use crate::yaml::{nearest_name, segments};
use serde_json::Value;

/// How many hints a lesson has: where to look, what to see there, what to type.
const N_HINTS: usize = 3;

/// How many solutions it has at least.
const MIN_SOLUTIONS: usize = 2;

/// What came of examining a lesson.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// The lesson.
    pub name: String,
    /// What is wrong with it.
    pub complaints: Vec<Complaint>,
    /// The answers to its questions, as they were measured.
    pub answers: Vec<Answered>,
    /// How many solutions solve it.
    pub n_solutions: usize,
    /// How many wrong ways do not.
    pub n_wrong: usize,
    /// How many worlds were broken by lot and mended again.
    pub n_duties: usize,
}

/// A question's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// The question.
    pub question: String,
    /// The right option.
    pub option: String,
    /// What was measured.
    pub value: String,
}

/// Examines a lesson. `beliefs` are the misconceptions there are, where somebody knows them.
#[must_use]
pub fn examine(lesson: &Lesson, beliefs: Option<&Text>) -> Report {
    let mut examiner = Examiner {
        lesson,
        beliefs,
        report: Report {
            name: lesson.name.clone(),
            ..Report::default()
        },
        reached: vec![false; lesson.form.goals.len()],
    };
    examiner.words();
    examiner.beliefs();
    examiner.verbs();
    examiner.symptom();
    examiner.hints();
    let walked = examiner.steps();
    let solved = if lesson.faults.is_empty() {
        examiner.start();
        examiner.wrong();
        examiner.solutions()
    } else {
        examiner.duties();
        None
    };
    examiner.after(&solved.unwrap_or(walked));
    examiner.report
}

struct Examiner<'l> {
    lesson: &'l Lesson,
    beliefs: Option<&'l Text>,
    report: Report,
    /// Which goals some solution reaches.
    reached: Vec<bool>,
}

impl Examiner<'_> {
    fn complain(&mut self, path: &str, message: impl Into<String>) {
        let complaint = self.lesson.complain(path, message);
        self.report.complaints.push(complaint);
    }

    /// Everything has its words, in every language.
    fn words(&mut self) {
        let form = &self.lesson.form;
        let mut wanted: Vec<(String, String)> = Vec::new();
        let mut want = |path: String, name: String| wanted.push((path, name));
        want("kind".into(), "story".into());
        want("debrief".into(), "debrief".into());
        for (n, it) in form.steps.iter().enumerate() {
            want(format!("steps[{n}]"), format!("step {}", it.id));
        }
        for (n, question) in form.questions.iter().enumerate() {
            let (path, name) = (
                format!("questions[{n}]"),
                format!("question {}", question.id),
            );
            for (n, it) in question.options.iter().enumerate() {
                want(format!("{path}.options[{n}]"), format!("{name}/{}", it.id));
            }
            want(path, name);
        }
        for n in 0..form.hints.len() {
            want(format!("hints[{n}]"), format!("hint {}", n + 1));
        }
        for (n, it) in form.experiments.iter().enumerate() {
            want(format!("experiments[{n}]"), format!("experiment {}", it.id));
        }
        for file in self.lesson.wrong.keys() {
            want("kind".into(), format!("wrong {}", stem(file)));
        }
        for (n, (path, name)) in wanted.iter().enumerate() {
            if wanted[..n].iter().any(|it| it.1 == *name) {
                self.complain(path, format!("another {name} is there already"));
            }
        }
        for text in self.lesson.texts.values() {
            for (path, name) in &wanted {
                let words = text.words(name);
                if words.is_none() {
                    let message = format!("{} has no words for {name}", text.file);
                    let complaint = self.lesson.complain(path, message);
                    self.report.complaints.push(complaint);
                } else if name.contains('/') && !words.is_some_and(|it| it.contains("\n\n")) {
                    let message = format!("{}: {name} has no explanation of its own", text.file);
                    let complaint = self.lesson.complain(path, message);
                    let hint = "write the answer, an empty line, and why it is right or wrong";
                    self.report.complaints.push(complaint.try_this(hint));
                }
            }
            self.report.complaints.extend(text.complaints());
        }
    }

    /// Every belief is one that is known, and every wrong answer has one.
    fn beliefs(&mut self) {
        let form = &self.lesson.form;
        let told = form.misconceptions.iter().enumerate();
        let mut all: Vec<(String, String)> = told
            .map(|(n, it)| (format!("misconceptions[{n}]"), it.clone()))
            .collect();
        for (n, question) in form.questions.iter().enumerate() {
            for (m, it) in question.options.iter().enumerate() {
                let path = format!("questions[{n}].options[{m}].misconception");
                if !it.misconception.is_empty() {
                    all.push((path, it.misconception.clone()));
                }
            }
        }
        for (path, belief) in all {
            let is_known = match self.beliefs {
                Some(text) => text.words(&belief).is_some(),
                None => belief
                    .strip_prefix('M')
                    .is_some_and(|it| it.parse::<u8>().is_ok()),
            };
            if !is_known {
                self.complain(
                    &path,
                    format!("{belief:?} is no misconception of the catalogue"),
                );
            }
        }
    }

    /// Verbs are kubectl's, and nothing that is to be typed needs others.
    fn verbs(&mut self) {
        let verbs = &self.lesson.form.verbs;
        for (n, verb) in verbs.iter().enumerate() {
            if !COMMANDS.iter().any(|it| it.path == verb) {
                self.complain(&format!("verbs[{n}]"), format!("kubectl has no {verb:?}"));
            }
        }
        if verbs.is_empty() {
            return;
        }
        for (file, script) in &self.lesson.solutions {
            let Some(verb) = verbs_in(script).find(|it| !verbs.iter().any(|verb| verb == it))
            else {
                continue;
            };
            let message = format!("solutions/{file} needs kubectl {verb}, which is not among them");
            self.complain("verbs", message);
        }
    }

    /// The start does not solve it.
    fn start(&mut self) {
        let goals = &self.lesson.form.goals;
        if goals.is_empty() {
            return;
        }
        let standing = standing(goals, &mut Trial::begin(self.lesson));
        if standing.iter().all(|it| it.is_reached) {
            self.complain(
                "goals",
                "the start reaches every goal: there is nothing to do",
            );
        }
    }

    fn symptom(&mut self) {
        let Some(symptom) = &self.lesson.form.symptom else {
            if self.lesson.form.kind == "challenge" && self.lesson.faults.is_empty() {
                self.complain(
                    "symptom",
                    "a challenge tells what is seen: it has no symptom",
                );
            }
            return;
        };
        let finished = Trial::begin(self.lesson).run(&symptom.line);
        self.compare("symptom", symptom, &finished);
    }

    fn compare(&mut self, path: &str, told: &Typed, finished: &Finished) {
        let found = said(finished);
        if let Some(prints) = &told.prints
            && prints.trim() != found
        {
            self.complain(
                &format!("{path}.prints"),
                format!("it prints {found:?}, not {:?}", prints.trim()),
            );
        }
        if i32::from(finished.code) != told.exits {
            let message = format!(
                "it exits with {}, not {}: {found}",
                finished.code, told.exits
            );
            self.complain(&format!("{path}.line"), message);
        }
    }

    fn hints(&mut self) {
        let hints = &self.lesson.form.hints;
        let is_quiz = self.lesson.form.kind == "quiz";
        if hints.len() != N_HINTS && !is_quiz {
            let message = format!(
                "a lesson has {N_HINTS} hints, and this one has {}",
                hints.len()
            );
            self.complain("hints", message);
        }
        for (n, hint) in hints.iter().enumerate() {
            let path = format!("hints[{n}]");
            let mut trial = Trial::begin(self.lesson);
            if !hint.about.is_empty() {
                self.names_what_is_there(&path, &trial.world(), &hint.about, &hint.path);
            }
            if hint.line.is_empty() {
                if hint.about.is_empty() {
                    self.complain(&path, "a dead hint: it names neither an object nor a line");
                }
                continue;
            }
            let finished = trial.run(&hint.line);
            let found = said(&finished);
            if finished.code != 0 {
                self.complain(&format!("{path}.line"), format!("it fails: {found}"));
            } else if !found.contains(&hint.shows) {
                let message = format!("it does not print {:?}, but: {found}", hint.shows);
                self.complain(&format!("{path}.shows"), message);
            }
        }
    }

    fn names_what_is_there(&mut self, at: &str, world: &World, about: &str, path: &str) {
        let object = match named(about) {
            Ok(it) => it,
            Err(it) => return self.complain(&format!("{at}.about"), it.to_string()),
        };
        let store = world.cluster.store();
        let Some(document) = store.document(&object) else {
            let there: Vec<String> = store
                .documents(object.kind)
                .map(|it| it.0.to_string())
                .collect();
            let names: Vec<&str> = there.iter().map(String::as_str).collect();
            let nearest = nearest_name(&object.to_string(), &names);
            let hint = nearest.map_or_else(|| names.join(", "), str::to_owned);
            let complaint = self.lesson.complain(
                &format!("{at}.about"),
                format!("a dead hint: there is no {object} in the start"),
            );
            let complaint = complaint.try_this(format!("there is {hint}"));
            self.report.complaints.push(complaint);
            return;
        };
        let mut value = &**document;
        for part in segments(path) {
            let next = match value {
                Value::Array(items) => part.parse::<usize>().ok().and_then(|it| items.get(it)),
                other => other.get(part),
            };
            let Some(next) = next else {
                let message = format!("a dead hint: {object} has no {path}");
                return self.complain(&format!("{at}.path"), message);
            };
            value = next;
        }
    }

    /// Goes through the steps, and answers every question by the world it is about. The world after the last step.
    fn steps(&mut self) -> Timeline {
        let lesson = self.lesson;
        let mut trial = Trial::begin(lesson);
        let form = &lesson.form;
        let of_step = |id: &str| {
            let numbered = form.questions.iter().enumerate();
            let found: Vec<_> = numbered.filter(|it| it.1.step == id).collect();
            found
        };
        let world = trial.world();
        for (n, question) in of_step("") {
            self.answer(n, question, &mut trial, &world);
        }
        for (n, step) in form.steps.iter().enumerate() {
            let before = trial.world();
            self.step(n, step, &mut trial);
            for (n, question) in of_step(&step.id) {
                self.answer(n, question, &mut trial, &before);
            }
        }
        for (n, question) in form.questions.iter().enumerate() {
            let is_there = form.steps.iter().any(|it| it.id == question.step);
            if !is_there && !question.step.is_empty() {
                let message = format!("there is no step {:?}", question.step);
                self.complain(&format!("questions[{n}].step"), message);
            }
        }
        let passes = usize::try_from(form.passes).unwrap_or(0);
        if passes > form.questions.len() {
            let message = format!(
                "an unreachable goal: {passes} right answers, and there are {} questions",
                form.questions.len()
            );
            self.complain("passes", message);
        }
        trial.timeline()
    }

    fn step(&mut self, n: usize, step: &Step, trial: &mut Trial) {
        for (m, line) in step.lines.iter().enumerate() {
            let finished = trial.run(line);
            let is_last = m + 1 == step.lines.len();
            let exits = if is_last { step.exits } else { 0 };
            if i32::from(finished.code) != exits {
                let message = format!(
                    "it exits with {}, not {exits}: {}",
                    finished.code,
                    said(&finished)
                );
                self.complain(&format!("steps[{n}].lines[{m}]"), message);
            }
        }
        if let Some(ask) = &step.shows
            && let Err(it) = measure(ask, trial, None)
        {
            self.complain(&format!("steps[{n}].shows"), it.to_string());
        }
    }

    fn answer(&mut self, n: usize, question: &Question, trial: &mut Trial, before: &World) {
        let path = format!("questions[{n}]");
        let measured = match measure(&question.ask, trial, Some(before)) {
            Ok(it) => it,
            Err(it) => return self.complain(&format!("{path}.ask"), it.to_string()),
        };
        let says = &measured.value;
        for (m, option) in question.options.iter().enumerate() {
            let path = format!("{path}.options[{m}]");
            let Choice {
                id,
                value,
                misconception,
            } = option;
            let message = match (measured.says(value), misconception.is_empty()) {
                (true, false) => format!(
                    "a wrong answer key: {id} is given as the misconception {misconception}, and the world says {says:?} too"
                ),
                (false, true) => format!(
                    "a wrong answer key: {id} is given as right, and the world says {says:?}, not {value:?}"
                ),
                _ => continue,
            };
            self.complain(&path, message);
        }
        match question.answer(&measured) {
            Some(_) if question.options.len() < 2 => {
                self.complain(&path, "there is nothing to choose from");
            }
            Some(option) => self.report.answers.push(Answered {
                question: question.id.clone(),
                option: option.id.clone(),
                value: measured.value,
            }),
            None => self.complain(
                &path,
                format!("no option is right: the world says {says:?}"),
            ),
        }
    }

    /// Whether a file of `solutions` or `wrong` leads to the goals; what stands where, if it could be done.
    fn try_out(&mut self, folder: &str, file: &str, text: &str) -> Option<(Trial, Vec<String>)> {
        let lesson = self.lesson;
        let mut trial = match Trial::after(lesson, file, text) {
            Ok(it) => it,
            Err(Failed { line, said }) => {
                let file = format!("{folder}/{file}");
                let complaint = lesson.complain_about(&file, line, format!("it fails: {said}"));
                self.report.complaints.push(complaint);
                return None;
            }
        };
        let mut unmet = Vec::new();
        let standing = standing(&lesson.form.goals, &mut trial);
        for (n, (goal, it)) in lesson.form.goals.iter().zip(standing).enumerate() {
            if folder == "solutions" {
                self.reached[n] |= it.is_reached;
            }
            if !it.is_reached {
                unmet.push(it.told(n, goal));
            }
        }
        Some((trial, unmet))
    }

    /// Every solution solves it. The world after the first.
    fn solutions(&mut self) -> Option<Timeline> {
        let lesson = self.lesson;
        if lesson.form.goals.is_empty() {
            return None;
        }
        if lesson.solutions.len() < MIN_SOLUTIONS {
            let n = lesson.solutions.len();
            let message =
                format!("a lesson has {MIN_SOLUTIONS} solutions or more, and this one has {n}");
            self.complain("goals", message);
        }
        let mut solved = None;
        for (file, text) in &lesson.solutions {
            let Some((trial, unmet)) = self.try_out("solutions", file, text) else {
                continue;
            };
            if unmet.is_empty() {
                self.report.n_solutions += 1;
                solved.get_or_insert_with(|| trial.timeline());
                continue;
            }
            let is_idle = trial.timeline().events().is_empty() && file.ends_with(".sh");
            let remark = if is_idle { "it does nothing; " } else { "" };
            let message = format!("it solves nothing: {remark}{}", unmet.join("; "));
            let complaint = lesson.complain_about(&format!("solutions/{file}"), 1, message);
            self.report.complaints.push(complaint);
        }
        for n in 0..self.reached.len() {
            if !self.reached[n] {
                let message = "an unreachable goal: no solution reaches it";
                self.complain(&format!("goals[{n}]"), message);
            }
        }
        solved
    }

    /// Nothing that people try in vain solves it.
    fn wrong(&mut self) {
        let lesson = self.lesson;
        for (file, text) in &lesson.wrong {
            match self.try_out("wrong", file, text) {
                Some((_, unmet)) if unmet.is_empty() => {
                    let message = "it reaches every goal, so it is no wrong way".to_owned();
                    let complaint = lesson.complain_about(&format!("wrong/{file}"), 1, message);
                    self.report.complaints.push(complaint);
                }
                Some(_) => self.report.n_wrong += 1,
                None => {}
            }
        }
        if lesson.wrong.is_empty() && lesson.form.kind == "challenge" {
            self.complain(
                "goals",
                "a challenge shows a way that does not help: wrong/ is empty",
            );
        }
    }

    /// Every fault, and every two, break something, and their solutions mend it.
    fn duties(&mut self) {
        let lesson = self.lesson;
        let standing = standing(&lesson.form.goals, &mut Trial::begin(lesson));
        if let Some(n) = standing.iter().position(|it| !it.is_reached) {
            let told = standing[n].told(n, &lesson.form.goals[n]);
            self.complain(
                &format!("goals[{n}].is"),
                format!("before anything breaks: {told}"),
            );
        }
        let names: Vec<&String> = lesson.faults.keys().collect();
        for (n, first) in names.iter().enumerate() {
            self.duty(&[(*first).clone()]);
            for second in names.iter().skip(n + 1) {
                self.duty(&[(*first).clone(), (*second).clone()]);
            }
        }
    }

    fn duty(&mut self, faults: &[String]) {
        let lesson = self.lesson;
        let complain = |file: &str, line: usize, message: String| {
            lesson.complain_about(&format!("faults/{file}"), line, message)
        };
        let both = faults.join(" and ");
        let mut duty = match broken(lesson, faults.to_vec()) {
            Ok(it) => it,
            Err((file, failed)) => {
                let complaint = complain(&file, failed.line, format!("it fails: {}", failed.said));
                return self.report.complaints.push(complaint);
            }
        };
        let first = faults.first().map(String::as_str).unwrap_or_default();
        if duty.complaints.is_empty() {
            let complaint = complain(first, 1, format!("nobody notices {both}"));
            return self.report.complaints.push(complaint);
        }
        for file in faults {
            let mended = lesson.solutions.get(file).map_or("exit 1", String::as_str);
            if let Err(failed) = duty.trial.run_script(mended) {
                let message = format!("solutions/{file} fails after {both}: {}", failed.said);
                let complaint = complain(file, 1, message);
                return self.report.complaints.push(complaint);
            }
        }
        let standing = standing(&lesson.form.goals, &mut duty.trial);
        match standing.iter().position(|it| !it.is_reached) {
            None => self.report.n_duties += 1,
            Some(n) => {
                let message = format!("goals[{n}] does not stand after {both} and their solutions");
                self.report.complaints.push(complain(first, 1, message));
            }
        }
    }

    /// What one takes home works in the world as it is in the end.
    fn after(&mut self, solved: &Timeline) {
        let lesson = self.lesson;
        let form = &lesson.form;
        for (n, line) in form.debrief.lines.iter().enumerate() {
            let finished = Trial::of(solved.clone(), &lesson.files).run(line);
            if finished.code != 0 {
                let message = format!("it fails: {}", said(&finished));
                self.complain(&format!("debrief.lines[{n}]"), message);
            }
        }
        if !form.debrief.case.starts_with("https://") {
            let message = "a lesson names its evidence: the address of one real case";
            self.complain("debrief.case", message);
        }
        for (n, typed) in form.experiments.iter().enumerate() {
            let finished = Trial::of(solved.clone(), &lesson.files).run(&typed.line);
            self.compare(&format!("experiments[{n}]"), typed, &finished);
        }
    }
}

/// A file's name without its ending.
fn stem(file: &str) -> &str {
    file.rsplit_once('.').map_or(file, |it| it.0)
}

/// The verbs of the kubectl commands in a script.
fn verbs_in(script: &str) -> impl Iterator<Item = &str> {
    let words: Vec<&str> = script.split_whitespace().collect();
    let found: Vec<&str> = words
        .windows(2)
        .filter(|it| it[0] == "kubectl")
        .map(|it| it[1])
        .collect();
    found.into_iter()
}
