//! `packetwalk lesson check`: whether lessons are true. What their readers will do is done.
//!
//! Exit code 0 where nothing is wrong, 1 with a line for each complaint otherwise.
//!
//! **Left out**: showing lessons, and following links out of them.

use crate::error::Error;
use crate::output;
use packetwalk_core::api::Complaint;
use packetwalk_core::lesson::{Course, Files, Lesson, Report, Text, examine};
use serde_json::{Value, json};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

/// Check lessons, as their authors
#[derive(Debug, clap::Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Check(Check),
}

/// Whether lessons are true: the start fails, solutions solve, answers are measured, hints lead somewhere
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Check {
    /// The folder of a lesson, or one that holds such folders
    #[arg(value_name = "DIR", required = true)]
    folders: Vec<String>,
    /// The form of the answer
    #[arg(short, long, default_value = "text", value_parser = ["text", "json"])]
    output: String,
}

const EXAMPLES: &str = "Examples:
  packetwalk lesson check static/lessons
  packetwalk lesson check static/lessons/05-the-typo
  packetwalk lesson check my-lesson another-lesson -o json

Exit code: 0 if nothing is wrong, 1 if something is.";

/// The deepest folder within a lesson's own.
const MAX_DEPTH: usize = 2;

/// Does what is asked of lessons.
///
/// # Errors
/// When a folder cannot be read, or a lesson is wrong.
pub fn run(arguments: &Arguments) -> Result<(), Error> {
    let Command::Check(check) = &arguments.command;
    let mut reports = Vec::new();
    let mut complaints = Vec::new();
    for folder in &check.folders {
        let examined = examined(Path::new(folder))?;
        reports.extend(examined.0);
        complaints.extend(examined.1);
    }
    complaints.extend(reports.iter().flat_map(|it| it.complaints.clone()));
    match check.output.as_str() {
        "json" => output::json(&as_json(&reports, &complaints)),
        _ => output::answer(&as_text(&reports)),
    }?;
    if complaints.is_empty() {
        Ok(())
    } else {
        Err(Error::Manifest(complaints))
    }
}

/// The lessons of a folder, examined; and what is wrong with their course, where it is one.
///
/// # Errors
/// When the folder cannot be read, or holds no lesson.
pub fn examined(folder: &Path) -> Result<(Vec<Report>, Vec<Complaint>), Error> {
    let beliefs = |at: Option<&Path>| {
        let file = at?.join("misconceptions.en.md");
        let text = fs::read_to_string(&file).ok()?;
        Some(Text::read(&file.to_string_lossy(), &text))
    };
    if folder.join("lesson.yaml").is_file() {
        let whole = fs::canonicalize(folder).ok();
        let beliefs = beliefs(whole.as_deref().and_then(Path::parent));
        return Ok((vec![examined_lesson(folder, beliefs.as_ref())?], Vec::new()));
    }
    let lessons = folders(folder)?;
    let beliefs = beliefs(Some(folder));
    let reports = lessons
        .iter()
        .map(|it| examined_lesson(it, beliefs.as_ref()))
        .collect::<Result<Vec<_>, Error>>()?;
    if !folder.join("course.yaml").is_file() {
        return Ok((reports, Vec::new()));
    }
    let names: Vec<String> = reports.iter().map(|it| it.name.clone()).collect();
    let files = files_of(folder, 0)?;
    let (_, complaints) = Course::read(&folder.to_string_lossy(), &files, &names);
    Ok((reports, complaints))
}

/// A lesson, and whether it is true.
///
/// # Errors
/// When a file cannot be read.
pub fn examined_lesson(folder: &Path, beliefs: Option<&Text>) -> Result<Report, Error> {
    let (lesson, complaints) = lesson(folder)?;
    let mut report = match &lesson {
        Some(lesson) if complaints.is_empty() => examine(lesson, beliefs),
        _ => Report::default(),
    };
    // The folder may be given as a point.
    let whole = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
    let name = whole.file_name().unwrap_or_default();
    report.name = name.to_string_lossy().into_owned();
    report.complaints.splice(0..0, complaints);
    Ok(report)
}

/// The lesson of a folder, and what is wrong with its files.
///
/// # Errors
/// When a file cannot be read.
pub fn lesson(folder: &Path) -> Result<(Option<Lesson>, Vec<Complaint>), Error> {
    let path = folder.to_string_lossy();
    Ok(Lesson::read(
        path.trim_end_matches('/'),
        &files_of(folder, MAX_DEPTH)?,
    ))
}

/// The lessons of a folder of such, in order.
///
/// # Errors
/// When there are none, or one cannot be read.
pub fn lessons(folder: &Path) -> Result<Vec<Lesson>, Error> {
    let mut lessons = Vec::new();
    for path in folders(folder)? {
        let (it, complaints) = lesson(&path)?;
        lessons.push(it.ok_or(Error::Manifest(complaints))?);
    }
    Ok(lessons)
}

/// The texts below a folder, by path.
fn files_of(folder: &Path, depth: usize) -> Result<Files, Error> {
    let mut files = Files::new();
    for path in entries(folder)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with('.') {
            continue;
        }
        if path.is_dir() {
            if depth > 0 {
                let inside = files_of(&path, depth - 1)?;
                files.extend(
                    inside
                        .into_iter()
                        .map(|(it, text)| (format!("{name}/{it}"), text)),
                );
            }
            continue;
        }
        let text = fs::read_to_string(&path).map_err(|said| failed(&path, said))?;
        files.insert(name.into_owned(), text);
    }
    Ok(files)
}

/// The folders of lessons in a folder, in order.
fn folders(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut found = entries(folder)?;
    found.retain(|it| it.join("lesson.yaml").is_file());
    if found.is_empty() {
        return Err(Error::Input(format!(
            "{}: no lesson here: a lesson is a folder with a lesson.yaml",
            folder.display()
        )));
    }
    Ok(found)
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let inside = fs::read_dir(folder).map_err(|said| failed(folder, said))?;
    let mut paths: Vec<PathBuf> = inside.filter_map(|it| Some(it.ok()?.path())).collect();
    paths.sort();
    Ok(paths)
}

fn failed(path: &Path, said: std::io::Error) -> Error {
    Error::File {
        path: path.to_string_lossy().into_owned(),
        said,
    }
}

fn as_json(reports: &[Report], complaints: &[Complaint]) -> Value {
    let lessons: Vec<Value> = reports
        .iter()
        .map(|it| {
            let answers = it
                .answers
                .iter()
                .map(|it| json!({"question": it.question, "option": it.option, "value": it.value}));
            json!({
                "name": it.name,
                "sound": it.complaints.is_empty(),
                "solutions": it.n_solutions,
                "wrong": it.n_wrong,
                "duties": it.n_duties,
                "answers": answers.collect::<Vec<_>>(),
            })
        })
        .collect();
    json!({"sound": complaints.is_empty(), "lessons": lessons, "complaints": complaints})
}

/// A line a lesson. Writing to a String cannot fail.
#[must_use]
pub fn as_text(reports: &[Report]) -> String {
    let mut text = String::new();
    for it in reports {
        let state = if it.complaints.is_empty() {
            "sound"
        } else {
            "wrong"
        };
        let _ = write!(text, "{state}  {}:", it.name);
        let counts = [
            (it.answers.len(), "answers measured"),
            (it.n_solutions, "solutions solve it"),
            (it.n_wrong, "wrong ways do not"),
            (it.n_duties, "nights mended"),
            (it.complaints.len(), "complaints"),
        ];
        let told: Vec<String> = counts
            .iter()
            .filter(|it| it.0 > 0)
            .map(|(n, what)| format!("{n} {what}"))
            .collect();
        let _ = writeln!(text, " {}", told.join(", "));
    }
    text
}
