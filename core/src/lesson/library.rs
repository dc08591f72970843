//! The whole course as one file, as a page fetches it: all texts below its folder, by path.
//!
//! **Left out**: examining; lessons that are shipped have been examined before.

use super::confirmed::Confirmed;
use super::course::Course;
use super::folder::{Files, Lesson};
use super::text::Text;
use std::collections::BTreeMap;

/// A course with its lessons.
#[derive(Clone, Debug, Default)]
pub struct Library {
    /// The order of lessons.
    pub course: Course,
    files: Files,
}

impl Library {
    /// The library of a folder's files.
    #[must_use]
    pub fn of(files: Files) -> Library {
        // What is wrong with it, the check tells; here it is shown as far as it goes.
        let (course, _) = Course::read("lessons", &files, &[]);
        Library { course, files }
    }

    /// The library that a text holds, unless it is none.
    #[must_use]
    pub fn read(text: &str) -> Option<Library> {
        let files: Files = serde_json::from_str(text).ok()?;
        let library = Library::of(files);
        (!library.course.units.is_empty()).then_some(library)
    }

    /// It as a text.
    ///
    /// # Panics
    /// Never: texts by path have text keys.
    #[must_use]
    pub fn written(&self) -> String {
        serde_json::to_string(&self.files).expect("files have text keys")
    }

    /// The files of a lesson; none if there is no such lesson.
    #[must_use]
    pub fn files(&self, lesson: &str) -> Files {
        let mut files = Files::new();
        for (path, text) in &self.files {
            if let Some((folder, name)) = path.split_once('/')
                && folder == lesson
            {
                files.insert(name.to_owned(), text.clone());
            }
        }
        files
    }

    /// A lesson as far as it can be read.
    #[must_use]
    pub fn lesson(&self, name: &str) -> Option<Lesson> {
        Lesson::parse(name, &self.files(name)).0
    }

    /// What a kernel has said to them, where that was written down.
    #[must_use]
    pub fn confirmed(&self) -> Option<Confirmed> {
        Confirmed::read(self.files.get("confirmed.json")?)
    }

    /// The words of the course in a language, or else in English.
    #[must_use]
    pub fn words(&self, language: &str) -> Text {
        self.text("course", language)
    }

    /// The beliefs that wrong answers stand for, in a language, or else in English.
    #[must_use]
    pub fn beliefs(&self, language: &str) -> Text {
        self.text("misconceptions", language)
    }

    fn text(&self, stem: &str, language: &str) -> Text {
        let named = |it: &str| format!("{stem}.{it}.md");
        let found = [named(language), named(FALLBACK)];
        let found = found.iter().find(|it| self.files.contains_key(*it));
        found.map_or_else(Text::default, |it| Text::read(it, &self.files[it]))
    }
}

/// The language that every text is written in first.
const FALLBACK: &str = "en";

/// The text in a language, or else in English, or else in any.
#[must_use]
pub fn text_in<'t>(texts: &'t BTreeMap<String, Text>, language: &str) -> Option<&'t Text> {
    let wanted = texts.get(language).or_else(|| texts.get(FALLBACK));
    wanted.or_else(|| texts.values().next())
}

#[cfg(test)]
mod tests {
    use super::super::progress::Progress;
    use super::*;

    fn library() -> Library {
        let mut files = Files::new();
        let mut put = |path: &str, text: &str| files.insert(path.to_owned(), text.to_owned());
        put("course.yaml", "units:\n- id: a\n  lessons: [01-x]\n");
        put("course.en.md", "# The course\n");
        put("course.de.md", "# Der Kurs\n");
        put("01-x/lesson.yaml", "kind: quiz\nminutes: 2\n");
        put("01-x/text.en.md", "# X\n");
        Library::of(files)
    }

    #[test]
    fn a_library_reads_back_as_it_was_written() {
        let read = Library::read(&library().written()).expect("a library");
        assert_eq!(read.course.lessons(), ["01-x"]);
        let lesson = read.lesson("01-x").expect("a lesson");
        assert_eq!((lesson.form.minutes, lesson.files.len()), (2, 2));
        assert!(read.lesson("02-y").is_none());
        let mut progress = Progress::default();
        assert_eq!(read.course.recommended(&progress), Some("01-x"));
        progress.lesson("01-x").is_solved = true;
        assert_eq!(read.course.recommended(&progress), None);
    }

    #[test]
    fn a_text_that_holds_no_course_is_no_library() {
        for text in ["", "{}", "[1]", "{\"a\": 1}", "<!doctype html>"] {
            assert!(Library::read(text).is_none(), "{text}");
        }
    }

    #[test]
    fn words_come_in_the_language_asked_for_or_in_english() {
        assert_eq!(library().words("de").title, "Der Kurs");
        assert_eq!(library().words("fr").title, "The course");
        assert_eq!(library().beliefs("de").title, "");
    }
}
