//! Lessons as data: what a lesson holds, what it asks, when it is solved, and whether all of it is true.
//!
//! A lesson is a folder: `lesson.yaml` says what happens and what is measured, `start.yaml` is the world it begins in,
//! `text.en.md` holds the words, `solutions/` and `wrong/` hold what mends it and what does not. Nobody types the answer to a question:
//! it is measured, in the world the question is about, and so is whether a goal is reached. [`examine`] does to a lesson
//! what a reader will do, and complains about everything that does not come out as its author said.
//!
//! **Left out**: showing lessons; that is for faces.

mod confirmed;
mod course;
mod examine;
mod folder;
mod form;
mod key;
mod library;
mod measure;
mod on_call;
mod progress;
mod stages;
mod text;
mod trial;

pub use confirmed::{Confirmed, LessonConfirmed};
pub use course::{Course, Unit};
pub use examine::{Answered, Report, examine};
pub use folder::{Files, Lesson};
pub use form::{Ask, Choice, Debrief, Form, Hint, Question, Step, Typed};
pub use key::answered;
pub use library::{Library, text_in};
pub use measure::{MEASURES, Measure, MeasureError, Measured, measure};
pub use on_call::{Duty, Heard, duty};
pub use progress::{LessonProgress, Progress};
pub use stages::{Stage, stages};
pub use text::{MAX_SENTENCE, MAX_WORDS, Section, Text};
pub use trial::{Failed, Standing, Trial, standing};
