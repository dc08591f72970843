//! A lesson, read from the files of its folder, with every complaint at its place.
//!
//! **Left out**: files a folder holds beside those of a lesson, which are there for its commands (`kubectl apply -f`).

use super::form::Form;
use super::text::Text;
use crate::api::{Complaint, File, read};
use crate::sim::{Start, StartFile};
use crate::yaml::{FieldProblem, Node, Position, decode, parse};
use std::collections::BTreeMap;

/// The files of a folder: text by path.
pub type Files = BTreeMap<String, String>;

/// The kinds of lessons.
const KINDS: [&str; 3] = ["lesson", "challenge", "quiz"];

/// Where a lesson's luck comes from, unless a link says otherwise.
const SEED: u64 = 1;

/// A lesson.
#[derive(Clone, Debug)]
pub struct Lesson {
    /// Its name: that of its folder, `05-the-typo`.
    pub name: String,
    /// What it says.
    pub form: Form,
    /// Its words, by language.
    pub texts: BTreeMap<String, Text>,
    /// What solves it: scripts and edited worlds by file name.
    pub solutions: Files,
    /// What people try and what does not solve it.
    pub wrong: Files,
    /// What can go wrong in it, by file name, where that is drawn by lot.
    pub faults: Files,
    /// All its files.
    pub files: Files,
    folder: String,
    node: Node,
}

impl Lesson {
    /// Reads a lesson from the files of its folder. There is none where `lesson.yaml` cannot be read.
    #[must_use]
    pub fn read(folder: &str, files: &Files) -> (Option<Lesson>, Vec<Complaint>) {
        let (lesson, mut complaints) = Lesson::parse(folder, files);
        complaints.extend(lesson.iter().flat_map(Lesson::shape));
        (lesson, complaints)
    }

    /// The same without a look at what it says: only what cannot be read is complained about.
    #[must_use]
    pub fn parse(folder: &str, files: &Files) -> (Option<Lesson>, Vec<Complaint>) {
        let path = format!("{folder}/lesson.yaml");
        let first = Position { line: 1, column: 1 };
        let Some(text) = files.get("lesson.yaml") else {
            let missing = Complaint::error("there is no lesson.yaml in this folder");
            return (None, vec![missing.at(&path, first)]);
        };
        let stream = parse(text);
        let mut complaints = Vec::new();
        for it in stream.errors {
            let mut complaint = Complaint::error(it.message).at(&path, it.position);
            complaint.hint = it.hint;
            complaints.push(complaint);
        }
        let Some(node) = stream.documents.into_iter().next() else {
            if complaints.is_empty() {
                complaints.push(Complaint::error("nothing is in it").at(&path, first));
            }
            return (None, complaints);
        };
        let decoded = decode::<Form>(&node);
        complaints.extend(decoded.problems.iter().map(|it| told(&path, it)));
        let Some(form) = decoded.value else {
            return (None, complaints);
        };
        let name = folder.rsplit('/').next().unwrap_or_default();
        let lesson = Lesson {
            name: name.to_owned(),
            texts: texts(folder, files),
            solutions: inside(files, "solutions/"),
            wrong: inside(files, "wrong/"),
            faults: inside(files, "faults/"),
            files: files.clone(),
            folder: folder.to_owned(),
            form,
            node,
        };
        (Some(lesson), complaints)
    }

    /// The world it begins in.
    #[must_use]
    pub fn start(&self) -> Start {
        self.beginning_as(self.files.get("start.yaml").map_or("", String::as_str))
    }

    /// The same lesson in another world.
    #[must_use]
    pub fn beginning_as(&self, text: &str) -> Start {
        Start {
            files: vec![StartFile {
                name: format!("{}/start.yaml", self.folder),
                text: text.to_owned(),
            }],
            seed: SEED,
        }
    }

    /// A complaint about a field of `lesson.yaml`, at its place.
    #[must_use]
    pub fn complain(&self, path: &str, message: impl Into<String>) -> Complaint {
        let file = format!("{}/lesson.yaml", self.folder);
        let position = self.node.locate_nearest(path).start;
        Complaint::error(message).about(path).at(&file, position)
    }

    /// A complaint about one of its files.
    #[must_use]
    pub fn complain_about(&self, file: &str, line: usize, message: String) -> Complaint {
        let position = Position {
            line: u32::try_from(line).unwrap_or(1).max(1),
            column: 1,
        };
        Complaint::error(message).at(&format!("{}/{file}", self.folder), position)
    }

    /// What can be seen to be wrong without doing anything.
    fn shape(&self) -> Vec<Complaint> {
        let mut complaints = Vec::new();
        let form = &self.form;
        if !KINDS.contains(&form.kind.as_str()) {
            let message = format!("{:?} is no kind of lesson", form.kind);
            let hint = format!("write {}", KINDS.join(", "));
            complaints.push(self.complain("kind", message).try_this(hint));
        }
        if !(2..=5).contains(&form.minutes) {
            let message = format!("a lesson takes 2 to 5 minutes, not {}", form.minutes);
            complaints.push(self.complain("minutes", message));
        }
        if form.goals.is_empty() && form.passes == 0 {
            let message = "nothing tells when it is solved: it has neither goals nor passes";
            complaints.push(self.complain("goals", message));
        }
        if self.texts.is_empty() {
            let message = "there is no text.en.md in this folder".to_owned();
            complaints.push(self.complain_about("text.en.md", 1, message));
        }
        complaints.extend(self.world_complaints());
        complaints
    }

    /// What is wrong with the worlds it holds.
    fn world_complaints(&self) -> Vec<Complaint> {
        if !self.files.contains_key("start.yaml") {
            let message = "there is no start.yaml in this folder".to_owned();
            return vec![self.complain_about("start.yaml", 1, message)];
        }
        let mut worlds = vec![("start.yaml", &self.files["start.yaml"])];
        for (name, text) in &self.files {
            let is_tried = name.starts_with("solutions/") || name.starts_with("wrong/");
            if is_tried && name.ends_with(".yaml") {
                worlds.push((name, text));
            }
        }
        // Each is a world of its own. What is passed over with a warning is not what its author meant.
        let world = |(name, text): (&str, &String)| {
            let file = File {
                name: format!("{}/{name}", self.folder).into(),
                text: text.as_str().into(),
            };
            read(&[file]).complaints
        };
        worlds.into_iter().flat_map(world).collect()
    }
}

fn told(file: &str, problem: &FieldProblem) -> Complaint {
    let mut complaint = Complaint::error(&problem.message).at(file, problem.position);
    complaint.hint.clone_from(&problem.hint);
    complaint.path = Some(problem.path.clone()).filter(|_| problem.is_wrong());
    complaint
}

/// `text.en.md` and its translations, by language.
fn texts(folder: &str, files: &Files) -> BTreeMap<String, Text> {
    let mut texts = BTreeMap::new();
    for (name, text) in files {
        let language = name
            .strip_prefix("text.")
            .and_then(|it| it.strip_suffix(".md"));
        if let Some(language) = language {
            let text = Text::read(&format!("{folder}/{name}"), text);
            texts.insert(language.to_owned(), text);
        }
    }
    texts
}

fn inside(files: &Files, folder: &str) -> Files {
    let mut found = Files::new();
    for (path, text) in files {
        if let Some(name) = path.strip_prefix(folder) {
            found.insert(name.to_owned(), text.clone());
        }
    }
    found
}
