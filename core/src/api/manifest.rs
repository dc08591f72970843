//! Manifests: text to objects, with a place for everything that is wrong.
//!
//! A manifest is taken as a cluster's state: what an API server would refuse is warned about and
//! kept where it still means something. Several documents, `kind: List` and the output of
//! `kubectl get -o yaml` are read alike.
//!
//! Who edits a text changes little of it: what was read of its documents before is taken over by [`read_again`].
//!
//! **Left out**: kinds the model does not know are named in a warning and passed over.

mod part;

use super::{Complaint, Kind, Object, ObjectRef, Severity, schema};
use crate::sorted::insert_by;
use crate::yaml::{self, FieldProblem, MAX_BYTES, MAX_PROBLEMS, Node, Position, Problem, Span};
use part::{Cut, Part, Place, ReadFile, cut, known};
use serde_json::Value;
use std::sync::Arc;

/// A file and its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its name, as complaints give it.
    pub name: Arc<str>,
    /// Its text.
    pub text: Arc<str>,
}

/// What was read from some files.
#[derive(Clone, Debug, Default)]
pub struct Manifest {
    /// The objects, in order.
    pub objects: Vec<ReadObject>,
    /// Everything wrong or doubtful, in order.
    pub complaints: Vec<Complaint>,
    /// What all that was put together from.
    files: Vec<ReadFile>,
}

/// An object and the text it was read from.
#[derive(Clone, Debug)]
pub struct ReadObject {
    /// The object, with defaults filled in.
    pub object: Object,
    /// Its text.
    pub source: Source,
    document: Arc<Value>,
}

/// Where an object stands in a file.
#[derive(Clone, Debug)]
pub struct Source {
    /// The file.
    pub file: Arc<str>,
    /// The document, or the item of a list, with places that count from the beginning of its part of the file.
    node: Arc<Node>,
    /// Where that part begins.
    begins: Place,
}

/// Reads objects from files. Never fails: what cannot be read is complained about.
#[must_use]
pub fn read(files: &[File]) -> Manifest {
    read_again(files, &Manifest::default())
}

/// The same, where much of it was read before: what is the same need not be read again.
#[must_use]
pub fn read_again(files: &[File], before: &Manifest) -> Manifest {
    let mut manifest = Manifest::default();
    for (idx, file) in files.iter().enumerate() {
        let before = before.files.get(idx).filter(|it| it.name == file.name);
        manifest.take_in(read_file(file, before.map_or(&[], |it| &it.parts)));
    }
    let mut in_order = Vec::new();
    for complaint in std::mem::take(&mut manifest.complaints) {
        insert_by(&mut in_order, complaint, |a: &Complaint, b| {
            (&a.file, a.position).cmp(&(&b.file, b.position))
        });
    }
    manifest.complaints = in_order;
    manifest
}

fn read_file(file: &File, before: &[Arc<Part>]) -> ReadFile {
    // What is too large as a whole is not read in parts either.
    let whole = Cut::whole(&file.text);
    let cuts = if file.text.len() > MAX_BYTES {
        vec![whole]
    } else {
        cut(&file.text)
    };
    let known = known(&cuts, before);
    let read = cuts.iter().zip(known);
    ReadFile {
        name: file.name.clone(),
        parts: read
            .map(|(cut, known)| match known {
                Some(part) => part.clone(),
                None => Arc::new(Part::read(&file.name, cut)),
            })
            .collect(),
    }
}

impl Part {
    fn read(file: &Arc<str>, cut: &Cut<'_>) -> Part {
        let stream = yaml::parse(cut.text);
        let mut part = Part {
            text: cut.text.into(),
            length: cut.length(),
            errors: stream.errors,
            warnings: stream.warnings,
            ..Part::default()
        };
        for node in stream.documents {
            part.read_document(file, node, 0);
        }
        part
    }
}

/// How deep lists may hold lists.
const MAX_LISTS: usize = 4;

impl Manifest {
    /// The text an object was read from; the last one, if it was given more than once.
    #[must_use]
    pub fn source(&self, object: &ObjectRef) -> Option<&Source> {
        self.objects
            .iter()
            .rev()
            .find(|it| it.object.is_called(object))
            .map(|it| &it.source)
    }

    /// Whether anything in it could not be read.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.complaints
            .iter()
            .any(|it| it.severity == Severity::Error)
    }

    /// Adds what was read of a file.
    fn take_in(&mut self, file: ReadFile) {
        for (severity, of) in [
            (
                Severity::Error,
                (|it| &it.errors) as fn(&Part) -> &[Problem],
            ),
            (Severity::Warning, |it| &it.warnings),
        ] {
            let mut begins = Place::default();
            let mut n_told = 0;
            for part in &file.parts {
                // Each part has told of so many at most; so does the file.
                let rest = (MAX_PROBLEMS + 1).saturating_sub(n_told);
                for problem in of(part).iter().take(rest) {
                    n_told += 1;
                    let mut complaint = in_file(&file.name, severity, problem);
                    if n_told > MAX_PROBLEMS {
                        complaint = complaint_of_more(complaint);
                    }
                    self.complaints.push(begins.shift(complaint));
                }
                begins = begins.and(part.length);
            }
        }
        let mut begins = Place::default();
        for part in &file.parts {
            let complaints = part.complaints.iter().cloned();
            self.complaints
                .extend(complaints.map(|it| begins.shift(it)));
            self.objects.extend(part.objects.iter().map(|it| {
                let mut read = it.clone();
                read.source.begins = begins;
                read
            }));
            begins = begins.and(part.length);
        }
        self.files.push(file);
    }
}

impl Part {
    fn read_document(&mut self, file: &Arc<str>, node: Node, depth: usize) {
        let start = node.span.start;
        if node.as_mapping().is_none() {
            let message = format!("expected an object, found {}", node.describe());
            self.complain(
                Complaint::error(message)
                    .try_this("an object begins with apiVersion and kind")
                    .at(file, start),
            );
            return;
        }
        let Some(kind_name) = node.get("kind").and_then(Node::as_str).map(str::to_owned) else {
            let complaint = Complaint::error("Object 'Kind' is missing")
                .about("kind")
                .try_this("write for example kind: Service");
            self.complain(complaint.at(file, start));
            return;
        };
        if kind_name == "List" || kind_name.ends_with("List") && node.get("items").is_some() {
            if depth == MAX_LISTS {
                self.complain(Complaint::error("lists within lists within lists").at(file, start));
                return;
            }
            let items = node.get("items").and_then(Node::as_sequence);
            for item in items.unwrap_or_default().to_vec() {
                self.read_document(file, item, depth + 1);
            }
            return;
        }
        let at = node.locate_nearest("kind").start;
        let Some(kind) = Kind::from_name(&kind_name) else {
            self.complain(unknown_kind(&kind_name).at(file, at));
            return;
        };
        self.check_api_version(file, &node, kind);
        if let Some((object, document)) = self.decode(file, &node, kind) {
            self.keep(file, object, document, node);
        }
    }

    fn check_api_version(&mut self, file: &Arc<str>, node: &Node, kind: Kind) {
        let told = node.get("apiVersion").and_then(Node::as_str);
        let wanted = kind.api_version();
        if told.is_some_and(|it| it == wanted || wanted.ends_with('/') && it.starts_with(wanted)) {
            return;
        }
        let message = match told {
            None => "apiVersion not set".to_owned(),
            Some(told) => format!("no matches for kind {:?} in version {told:?}", kind.name()),
        };
        let at = node.locate_nearest("apiVersion").start;
        let complaint = Complaint::warning(message)
            .about("apiVersion")
            .try_this(format!(
                "write apiVersion: {}",
                wanted.trim_end_matches('/')
            ));
        self.complain(complaint.at(file, at));
    }

    /// The object of a node: checked against everything the API knows of its kind, then read.
    fn decode(&mut self, file: &Arc<str>, node: &Node, kind: Kind) -> Option<(Object, Value)> {
        let mut document = yaml::to_json(node);
        let of = schema::of_kind(kind.api_version(), kind.name());
        let of = of.or_else(|| schema::of_settings(kind.name()));
        let problems = of.map_or_else(Vec::new, |of| schema::check_node(node, &document, of));
        let is_wrong = problems.iter().any(FieldProblem::is_wrong);
        for problem in problems {
            let severity = if problem.is_wrong() {
                Severity::Error
            } else {
                Severity::Warning
            };
            self.complain(Complaint {
                severity,
                file: Some(file.to_string()),
                position: Some(problem.position),
                path: Some(problem.path),
                message: problem.message,
                hint: problem.hint,
            });
        }
        if is_wrong {
            return None;
        }
        if kind.is_namespaced() {
            put_in_namespace(&mut document);
        }
        match Object::read(kind, &document) {
            Ok(object) => Some((object, document)),
            Err(fault) => {
                let at = node.locate_nearest(&fault.path).start;
                let complaint = Complaint::error(fault.message).about(fault.path);
                self.complain(complaint.at(file, at));
                None
            }
        }
    }

    fn keep(&mut self, file: &Arc<str>, mut object: Object, document: Value, node: Node) {
        if object.metadata().is_some_and(|it| it.name.is_empty()) {
            let complaint = Complaint::error("resource name may not be empty")
                .about("metadata.name")
                .try_this("give the object a name");
            let at = node.locate_nearest("metadata.name").start;
            self.complain(complaint.at(file, at));
            return;
        }
        if let Object::Service(service) = &mut object {
            let service = Arc::make_mut(service);
            service.set_defaults();
            for complaint in service.validate() {
                let path = complaint.path.clone().unwrap_or_default();
                let at = node.locate_nearest(&path).start;
                let complaint = Complaint {
                    severity: Severity::Warning,
                    ..complaint
                };
                self.complain(complaint.at(file, at));
            }
        }
        let document = Arc::new(completed(&object, document));
        let source = Source {
            file: file.clone(),
            node: Arc::new(node),
            begins: Place::default(),
        };
        self.objects.push(ReadObject {
            object,
            source,
            document,
        });
    }

    fn complain(&mut self, complaint: Complaint) {
        self.complaints.push(complaint);
    }
}

impl ReadObject {
    /// The object as an API document: all that was written, with the namespace and the defaults filled in that
    /// reading fills in.
    #[must_use]
    pub const fn document(&self) -> &Arc<Value> {
        &self.document
    }
}

/// A document with what reading fills in.
fn completed(object: &Object, mut document: Value) -> Value {
    if object.metadata().is_some() {
        document["apiVersion"] = object.kind().api_version().into();
    }
    if let Object::Service(_) = object {
        document["spec"] = object.document()["spec"].take();
    }
    document
}

fn in_file(file: &str, severity: Severity, problem: &Problem) -> Complaint {
    Complaint {
        severity,
        file: Some(file.to_owned()),
        position: Some(problem.position),
        path: None,
        message: problem.message.clone(),
        hint: problem.hint.clone(),
    }
}

/// What stands for all the complaints from this one on.
fn complaint_of_more(first: Complaint) -> Complaint {
    Complaint {
        message: yaml::MORE_PROBLEMS.to_owned(),
        hint: None,
        ..first
    }
}

impl Place {
    /// What is complained about in the part that begins here, at its place in the file.
    fn shift(self, complaint: Complaint) -> Complaint {
        Complaint {
            position: complaint.position.map(|it| self.position(it)),
            ..complaint
        }
    }
}

impl Source {
    /// The place of a field, or of what comes nearest to it.
    #[must_use]
    pub fn span(&self, path: &str) -> Span {
        let span = self.node.locate_nearest(path);
        Span {
            start: self.begins.position(span.start),
            end: self.begins.position(span.end),
            start_offset: span.start_offset + self.begins.bytes,
            end_offset: span.end_offset + self.begins.bytes,
        }
    }

    /// The text of a field, if it is one.
    #[must_use]
    pub fn text(&self, path: &str) -> Option<&str> {
        self.node.locate(path)?.as_str()
    }

    /// The field at a place of the file.
    #[must_use]
    pub fn path_at(&self, position: Position) -> String {
        self.node.path_at(self.begins.within(position))
    }
}

/// What names no namespace goes into `default`, as kubectl has it.
fn put_in_namespace(document: &mut Value) {
    let Some(fields) = document.as_object_mut() else {
        return;
    };
    let metadata = fields.entry("metadata").or_insert(Value::Null);
    if metadata.is_null() {
        *metadata = Value::Object(serde_json::Map::new());
    }
    if let Some(metadata) = metadata.as_object_mut() {
        let told = metadata.get("namespace").and_then(Value::as_str);
        if told.is_none_or(str::is_empty) {
            metadata.insert("namespace".to_owned(), "default".into());
        }
    }
}

fn unknown_kind(name: &str) -> Complaint {
    let nearest = Kind::ALL
        .iter()
        .find(|it| it.name().eq_ignore_ascii_case(name));
    let complaint = Complaint::warning(format!(
        "kind {name} is not modelled yet: this object is left out"
    ))
    .about("kind");
    match nearest {
        Some(kind) => complaint.try_this(format!("did you mean {}?", kind.name())),
        None => complaint,
    }
}

#[cfg(test)]
mod tests;
