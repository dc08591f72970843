//! The words of a lesson in one language: markdown, by headings that name what they belong to.
//!
//! `# The title`, the story below it, then `## step look`, `## question who` with an `### option` each, `## hint 1`,
//! `## wrong scale`, `## solution label`, `## experiment two`, `## debrief`. A page shows the same text that a terminal prints.
//!
//! **Left out**: everything of markdown but headings, paragraphs, lists, fences and code between backticks.

use crate::api::Complaint;
use crate::yaml::Position;
use std::collections::BTreeMap;

/// The most words of a step or a hint.
pub const MAX_WORDS: usize = 20;

/// The most words of a sentence anywhere else.
pub const MAX_SENTENCE: usize = 25;

/// The words of a lesson in one language.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Text {
    /// The file they stand in.
    pub file: String,
    /// What the lesson is called.
    pub title: String,
    /// What belongs where: `story`, `step look`, `question who`, `question who/pod`.
    pub sections: BTreeMap<String, Section>,
}

/// What belongs to one thing of a lesson.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Section {
    /// The line of its heading.
    pub line: u32,
    /// Its words, as markdown.
    pub words: String,
}

impl Text {
    /// Reads a text.
    #[must_use]
    pub fn read(file: &str, text: &str) -> Text {
        let mut read = Text {
            file: file.to_owned(),
            ..Text::default()
        };
        let (mut name, mut parent, mut is_fenced) = (String::new(), String::new(), false);
        for (number, line) in (1..).zip(text.lines()) {
            if line.starts_with("```") {
                is_fenced = !is_fenced;
            }
            let heading = Some(line).filter(|_| !is_fenced);
            let heading = heading.and_then(|it| it.split_once("# "));
            match heading {
                Some(("", title)) => {
                    title.trim().clone_into(&mut read.title);
                    "story".clone_into(&mut name);
                }
                Some(("#", title)) => {
                    title.trim().clone_into(&mut name);
                    parent.clone_from(&name);
                }
                Some(("##", title)) => name = format!("{parent}/{}", title.trim()),
                _ => {
                    let section = read.sections.entry(name.clone()).or_default();
                    section.words.push_str(line);
                    section.words.push('\n');
                    continue;
                }
            }
            read.sections.entry(name.clone()).or_default().line = number;
        }
        for section in read.sections.values_mut() {
            section.words = section.words.trim().to_owned();
        }
        read
    }

    /// The words that belong to something; none if there are none.
    #[must_use]
    pub fn words(&self, name: &str) -> Option<&str> {
        let section = self.sections.get(name)?;
        Some(section.words.as_str()).filter(|it| !it.is_empty())
    }

    /// What is too long to be read in one breath.
    #[must_use]
    pub fn complaints(&self) -> Vec<Complaint> {
        let mut complaints = Vec::new();
        for (name, section) in &self.sections {
            let is_short = name.starts_with("step ") || name.starts_with("hint ");
            let n_words = count(&section.words);
            if is_short && n_words > MAX_WORDS {
                let message = format!("{name} has {n_words} words, and may have {MAX_WORDS}");
                complaints.push(self.complain(section, message));
                continue;
            }
            for sentence in sentences(&section.words) {
                let n_words = count(&sentence);
                if n_words > MAX_SENTENCE {
                    let message = format!(
                        "{name}: a sentence of {n_words} words, and it may have {MAX_SENTENCE}: {sentence:?}"
                    );
                    complaints.push(self.complain(section, message));
                }
            }
        }
        complaints
    }

    fn complain(&self, section: &Section, message: String) -> Complaint {
        let position = Position {
            line: section.line.max(1),
            column: 1,
        };
        Complaint::error(message)
            .at(&self.file, position)
            .try_this("one idea, present tense, short words")
    }
}

fn count(words: &str) -> usize {
    words.split_whitespace().count()
}

/// The sentences of paragraphs and list items; what is fenced is none.
fn sentences(words: &str) -> Vec<String> {
    let mut found = vec![String::new()];
    let mut is_fenced = false;
    for line in words.lines() {
        if line.starts_with("```") {
            is_fenced = !is_fenced;
            continue;
        }
        let begins = line.trim().is_empty() || line.trim_start().starts_with("- ");
        if begins || is_fenced {
            found.push(String::new());
        }
        if is_fenced {
            continue;
        }
        for word in line.split_whitespace().filter(|it| *it != "-") {
            if let Some(last) = found.last_mut() {
                last.push_str(word);
                last.push(' ');
            }
            if word.ends_with(['.', '?', '!', ':', ';']) {
                found.push(String::new());
            }
        }
    }
    found.retain(|it| !it.is_empty());
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
# The typo

All is well, and nothing answers.

## step look
The Service has a selector.

## question who
Who refuses?

### pod
The pod.

It was never asked.
```
# no heading
```
## hint 1
";

    #[test]
    fn headings_say_what_words_belong_to() {
        let text = Text::read("text.en.md", TEXT);
        assert_eq!(text.title, "The typo");
        assert_eq!(
            text.words("story"),
            Some("All is well, and nothing answers.")
        );
        assert_eq!(text.words("question who"), Some("Who refuses?"));
        let option = text.words("question who/pod").expect("words");
        assert!(option.starts_with("The pod.\n\nIt was") && option.contains("# no heading"));
        assert_eq!(text.words("hint 1"), None);
        assert_eq!(text.complaints(), []);
    }

    #[test]
    fn a_long_step_is_complained_about_at_its_heading() {
        let text = format!("# T\n\n## step a\n{}", "word ".repeat(21));
        let text = Text::read("x/text.en.md", &text);
        let said: Vec<String> = text.complaints().iter().map(ToString::to_string).collect();
        assert_eq!(
            said,
            [
                "x/text.en.md:3:1: step a has 21 words, and may have 20 (one idea, present tense, short words)"
            ]
        );
    }

    #[test]
    fn a_long_sentence_is_complained_about_wherever_it_is() {
        let long = "word ".repeat(26);
        let text = format!("# T\n\nShort. {long}end.\n\n- one\n- two\n");
        assert_eq!(Text::read("t", &text).complaints().len(), 1);
    }
}
