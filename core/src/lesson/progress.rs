//! How far somebody has come, as text: a line a lesson, so that it can be kept, carried away, merged and read by people.
//!
//! A line that cannot be read is kept as it is and stands in nobody's way: it may be of a later release.
//!
//! **Left out**: when something was done. There is no clock here.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// What the text begins with.
const FORM: &str = "packetwalk progress 1";

/// The most lines that are read.
const MAX_LINES: usize = 10_000;

/// How far somebody has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// By lesson.
    pub lessons: BTreeMap<String, LessonProgress>,
    /// Lines that mean nothing to this release.
    pub strange: BTreeSet<String>,
}

/// How far somebody has come with a lesson.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LessonProgress {
    /// Whether it is solved.
    pub is_solved: bool,
    /// How many hints were taken.
    pub n_hints: u8,
    /// What was answered first, by question.
    pub first_answers: BTreeMap<String, String>,
}

impl Progress {
    /// Reads a text. Whatever it is, the result is sound.
    #[must_use]
    pub fn read(text: &str) -> Progress {
        let mut progress = Progress::default();
        for line in text.lines().take(MAX_LINES).map(str::trim) {
            if line.is_empty() || line == FORM {
                continue;
            }
            match read_line(line) {
                Some((name, it)) => progress.lesson(&name).merge(&it),
                None => _ = progress.strange.insert(line.to_owned()),
            }
        }
        progress
    }

    /// Whether a text says that it is one.
    #[must_use]
    pub fn is_one(text: &str) -> bool {
        text.trim_start().starts_with(FORM)
    }

    /// What is known of a lesson, to be added to.
    pub fn lesson(&mut self, name: &str) -> &mut LessonProgress {
        self.lessons.entry(name.to_owned()).or_default()
    }

    /// A question was answered; only the first answer counts.
    pub fn answered(&mut self, lesson: &str, question: &str, option: &str) {
        let answers = &mut self.lesson(lesson).first_answers;
        let first = answers.entry(question.to_owned());
        first.or_insert_with(|| option.to_owned());
    }

    /// Takes in what somebody did elsewhere.
    pub fn merge(&mut self, other: &Progress) {
        for (name, it) in &other.lessons {
            self.lesson(name).merge(it);
        }
        self.strange.extend(other.strange.iter().cloned());
    }
}

impl LessonProgress {
    fn merge(&mut self, other: &LessonProgress) {
        self.is_solved |= other.is_solved;
        self.n_hints = self.n_hints.max(other.n_hints);
        for (question, option) in &other.first_answers {
            let first = self.first_answers.entry(question.clone());
            first.or_insert_with(|| option.clone());
        }
    }
}

/// `05-the-typo solved hints=2 who=rule`
fn read_line(line: &str) -> Option<(String, LessonProgress)> {
    let mut words = line.split_whitespace();
    let name = words.next().filter(|it| is_word(it))?;
    let mut it = LessonProgress::default();
    for word in words {
        match word.split_once('=') {
            None if word == "solved" => it.is_solved = true,
            Some(("hints", n)) => it.n_hints = n.parse().ok()?,
            Some((question, option)) if is_word(question) && is_word(option) => {
                it.first_answers
                    .insert(question.to_owned(), option.to_owned());
            }
            _ => return None,
        }
    }
    Some((name.to_owned(), it))
}

fn is_word(text: &str) -> bool {
    let is_part = |it: char| it.is_ascii_alphanumeric() || matches!(it, '-' | '_' | '.');
    !text.is_empty() && text.chars().all(is_part)
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{FORM}")?;
        for (name, it) in &self.lessons {
            f.write_str(name)?;
            if it.is_solved {
                f.write_str(" solved")?;
            }
            if it.n_hints > 0 {
                write!(f, " hints={}", it.n_hints)?;
            }
            for (question, option) in &it.first_answers {
                write!(f, " {question}={option}")?;
            }
            f.write_str("\n")?;
        }
        for line in &self.strange {
            writeln!(f, "{line}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_reads_back_as_it_was_written() {
        let mut progress = Progress::default();
        progress.answered("05-the-typo", "who", "pod");
        progress.answered("05-the-typo", "who", "rule");
        progress.lesson("05-the-typo").n_hints = 2;
        progress.lesson("03-one-request").is_solved = true;
        let text = progress.to_string();
        assert_eq!(
            text,
            "packetwalk progress 1\n03-one-request solved\n05-the-typo hints=2 who=pod\n"
        );
        assert_eq!(Progress::read(&text), progress);
        assert!(Progress::is_one(&text) && !Progress::is_one("kind: Pod"));
    }

    #[test]
    fn what_is_strange_is_kept_and_harms_nothing() {
        let text = "packetwalk progress 1\n03-one-request solved\n\u{7}\n{\"a\":1}\n05-x stars=a/b\n05-x hints=900\n";
        let progress = Progress::read(text);
        assert!(progress.lessons["03-one-request"].is_solved);
        assert_eq!((progress.lessons.len(), progress.strange.len()), (1, 4));
        assert_eq!(Progress::read(&progress.to_string()), progress);
    }

    #[test]
    fn merging_loses_nothing_and_keeps_first_answers() {
        let mut here = Progress::read("a solved q=x\n");
        here.merge(&Progress::read("a hints=1 q=y r=z\nb solved\n"));
        assert_eq!(here, Progress::read("a solved hints=1 q=x r=z\nb solved\n"));
    }
}
