//! The course: which lessons there are and in which order, and the beliefs they are about.
//!
//! `course.yaml` holds the order, `course.en.md` the words for its units, `misconceptions.en.md` those for beliefs.

use super::folder::Files;
use super::progress::Progress;
use super::text::Text;
use crate::api::Complaint;
use crate::record::record;
use crate::yaml::{Position, decode, parse};

/// The order of lessons.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Course {
    /// The parts of it.
    pub units: Vec<Unit>,
    /// The lessons for who has ten minutes.
    pub shortest: Vec<String>,
    /// The lessons for who runs clusters.
    pub operators: Vec<String>,
}

record!(Course: units, shortest, operators);

/// A part of the course.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Unit {
    /// By which the words know it.
    pub id: String,
    /// Its lessons, by the names of their folders.
    pub lessons: Vec<String>,
}

record!(Unit: id, lessons);

impl Course {
    /// Reads a course from the files of its folder; `names` are the lessons that are there.
    #[must_use]
    pub fn read(folder: &str, files: &Files, names: &[String]) -> (Course, Vec<Complaint>) {
        let path = format!("{folder}/course.yaml");
        let mut complaints = Vec::new();
        let stream = parse(files.get("course.yaml").map_or("", String::as_str));
        for it in stream.errors {
            complaints.push(Complaint::error(it.message).at(&path, it.position));
        }
        let first = Position { line: 1, column: 1 };
        let Some(node) = stream.documents.first() else {
            complaints.push(Complaint::error("there is no course.yaml here").at(&path, first));
            return (Course::default(), complaints);
        };
        let decoded = decode::<Course>(node);
        for it in decoded.problems {
            complaints.push(Complaint::error(it.message).at(&path, it.position));
        }
        let course = decoded.value.unwrap_or_default();
        let text = Text::read(
            &format!("{folder}/course.en.md"),
            files.get("course.en.md").map_or("", String::as_str),
        );
        let mut complain = |field: &str, message: String| {
            let position = node.locate_nearest(field).start;
            complaints.push(Complaint::error(message).about(field).at(&path, position));
        };
        for (n, unit) in course.units.iter().enumerate() {
            if text.words(&format!("unit {}", unit.id)).is_none() {
                let message = format!("course.en.md has no words for unit {}", unit.id);
                complain(&format!("units[{n}]"), message);
            }
        }
        let listed = course.lessons();
        for name in names.iter().filter(|it| !listed.contains(&it.as_str())) {
            complain("units", format!("{name} is in no unit"));
        }
        let paths = course.shortest.iter().chain(&course.operators);
        for name in listed.iter().copied().chain(paths.map(String::as_str)) {
            if !names.iter().any(|it| it == name) {
                complain("units", format!("there is no lesson {name}"));
            }
        }
        (course, complaints)
    }

    /// All lessons, in order.
    #[must_use]
    pub fn lessons(&self) -> Vec<&str> {
        let lessons = self.units.iter().flat_map(|it| &it.lessons);
        lessons.map(String::as_str).collect()
    }

    /// What to go on with: the first lesson that is not solved.
    #[must_use]
    pub fn recommended(&self, progress: &Progress) -> Option<&str> {
        let is_solved = |it: &&str| progress.lessons.get(*it).is_some_and(|it| it.is_solved);
        self.lessons().into_iter().find(|it| !is_solved(it))
    }

    /// The lesson after one.
    #[must_use]
    pub fn after(&self, name: &str) -> Option<&str> {
        let all = self.lessons();
        let at = all.iter().position(|it| *it == name)?;
        all.get(at + 1).copied()
    }
}
