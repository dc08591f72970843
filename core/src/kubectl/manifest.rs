//! What `-f` names: files, folders, what is piped in; and the objects in them.
//!
//! `k8s.io/cli-runtime/pkg/resource/{builder,visitor}.go` of 1.32.
//!
//! **Left out**: files from the web; kustomizations.

use super::command::Invocation;
use super::failure::{Failure, error};
use super::io::{Ctx, FileError};
use super::object;
use super::resource::{self, Resource};
use crate::yaml;
use serde_json::Value;

/// What kubectl reads from a folder.
const ENDINGS: [&str; 3] = [".json", ".yaml", ".yml"];

/// An object of a manifest.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ManifestObject {
    /// What it is.
    pub resource: &'static Resource,
    /// The object, with its namespace.
    pub document: Value,
    /// The file.
    pub source: String,
}

/// Whether a command checks what it reads before it asks what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Checking {
    /// `--validate`: apply, create, replace.
    Validates,
    /// Only what is needed to know the kind.
    Decodes,
}

/// Objects and what is wrong beside them.
pub(crate) type Read = (Vec<ManifestObject>, Vec<Failure>);

/// Reads all that `-f` names.
///
/// # Errors
/// When a file is not there: then nothing is done at all.
pub(crate) fn read(
    ctx: &Ctx<'_>,
    invocation: &Invocation,
    checking: Checking,
) -> Result<Read, Failure> {
    if !invocation.flags.text("kustomize").is_empty() {
        return error("the emulated kubectl builds no kustomizations: use -f");
    }
    let mut texts = Vec::new();
    for path in invocation.flags.list("filename") {
        open(ctx, &path, invocation.flags.is("recursive"), &mut texts)?;
    }
    let namespace = invocation.namespace(ctx)?;
    let is_forced = invocation.flags.changed("namespace");
    let (mut objects, mut failures) = (Vec::new(), Vec::new());
    for (source, text) in &texts {
        let stream = yaml::parse(text);
        let fault = stream.errors.first();
        for node in &stream.documents {
            if fault.is_some_and(|it| node.span.start > it.position) {
                break;
            }
            let mut found = Vec::new();
            flatten(yaml::to_json(node), &mut found);
            for document in found {
                match identify(document, source, checking) {
                    Ok(it) => match placed(it, &namespace, is_forced) {
                        Ok(it) => objects.push(it),
                        Err(failure) => failures.push(failure),
                    },
                    Err(failure) => failures.push(failure),
                }
            }
        }
        if let Some(fault) = fault {
            failures.push(Failure::Error(format!(
                "error parsing {source}: error converting YAML to JSON: {}",
                in_go(fault)
            )));
        }
    }
    Ok((objects, failures))
}

fn open(
    ctx: &Ctx<'_>,
    path: &str,
    is_recursive: bool,
    texts: &mut Vec<(String, String)>,
) -> Result<(), Failure> {
    if path == "-" {
        texts.push(("STDIN".to_owned(), ctx.stdin.clone().unwrap_or_default()));
        return Ok(());
    }
    if path.starts_with("http://") || path.starts_with("https://") {
        return error(format!(
            "the emulated kubectl reads nothing from the web: {path}"
        ));
    }
    if let Some(names) = ctx.files.list(path) {
        let folder = path.trim_end_matches('/');
        let before = texts.len();
        for name in names {
            let inside = format!("{folder}/{name}");
            if ctx.files.list(&inside).is_some() {
                if is_recursive {
                    open(ctx, &inside, is_recursive, texts)?;
                }
            } else if ENDINGS.iter().any(|it| name.ends_with(it)) {
                open(ctx, &inside, is_recursive, texts)?;
            }
        }
        if texts.len() == before {
            return error(format!(
                "error reading [{path}]: recognized file extensions are [.json .yaml .yml]"
            ));
        }
        return Ok(());
    }
    match ctx.files.read(path) {
        Ok(text) => {
            texts.push((path.to_owned(), text));
            Ok(())
        }
        Err(FileError::Missing) => error(format!("the path {path:?} does not exist")),
        Err(FileError::Other(why)) => error(why),
    }
}

/// What is wrong with a text, in go-yaml's words and with the line it counts: its scanner counts from one, its parser names the
/// line before.
pub(crate) fn in_go(fault: &yaml::Problem) -> String {
    const WORDS: [(&str, &str, u32); 11] = [
        (
            "a tab is used",
            "found character that cannot start any token",
            0,
        ),
        (
            "a value cannot begin",
            "found character that cannot start any token",
            0,
        ),
        (
            "the indentation fits no line",
            "did not find expected key",
            1,
        ),
        ("a list item where a key", "did not find expected key", 1),
        ("missing colon after", "could not find expected ':'", 0),
        ("unclosed quote", "found unexpected end of stream", 0),
        ("unclosed", "did not find expected ',' or '}'", 1),
        (
            "expected the next \"- \"",
            "did not find expected '-' indicator",
            1,
        ),
        (
            "a list item cannot begin",
            "block sequence entries are not allowed in this context",
            0,
        ),
        (
            "this line is indented",
            "mapping values are not allowed in this context",
            0,
        ),
        (
            "a second",
            "mapping values are not allowed in this context",
            0,
        ),
    ];
    let found = WORDS.iter().find(|it| fault.message.starts_with(it.0));
    match found {
        Some((_, words, less)) => {
            let words = match fault.message.ends_with('[') {
                true => words.replace('}', "]"),
                false => (*words).to_owned(),
            };
            let line = fault.position.line.saturating_sub(*less);
            format!("yaml: line {line}: {words}")
        }
        None => format!("yaml: line {}: {}", fault.position.line, fault.message),
    }
}

/// A list is its items.
fn flatten(document: Value, found: &mut Vec<Value>) {
    let is_list = document["kind"]
        .as_str()
        .is_some_and(|it| it.ends_with("List"));
    match document {
        Value::Object(mut fields)
            if is_list && fields.get("items").is_some_and(Value::is_array) =>
        {
            if let Some(Value::Array(items)) = fields.remove("items") {
                for it in items {
                    flatten(it, found);
                }
            }
        }
        other => found.push(other),
    }
}

fn identify(document: Value, source: &str, checking: Checking) -> Result<ManifestObject, Failure> {
    let kind = object::text(&document, &["kind"]).to_owned();
    let version = object::text(&document, &["apiVersion"]).to_owned();
    if checking == Checking::Validates {
        let unset = match (version.is_empty(), kind.is_empty()) {
            (true, _) => Some("apiVersion not set"),
            (_, true) => Some("kind not set"),
            _ => None,
        };
        if let Some(unset) = unset {
            return error(format!(
                "error validating {source:?}: error validating data: {unset}; if you choose to ignore these errors, turn validation off with --validate=false"
            ));
        }
    }
    if kind.is_empty() {
        return error(format!(
            "unable to decode {source:?}: Object 'Kind' is missing in '{document}'"
        ));
    }
    let Some(resource) = resource::of_kind(&version, &kind) else {
        return error(format!(
            "resource mapping not found for name: {:?} namespace: {:?} from {source:?}: no matches for kind {kind:?} in version {version:?}\nensure CRDs are installed first",
            object::name(&document),
            object::namespace(&document),
        ));
    };
    Ok(ManifestObject {
        resource,
        document,
        source: source.to_owned(),
    })
}

/// With the namespace of the command where it has none.
fn placed(
    mut it: ManifestObject,
    namespace: &str,
    is_forced: bool,
) -> Result<ManifestObject, Failure> {
    if !it.resource.namespaced {
        return Ok(it);
    }
    let own = object::namespace(&it.document).to_owned();
    if own.is_empty() {
        if !it.document["metadata"].is_object() {
            it.document["metadata"] = Value::Object(serde_json::Map::new());
        }
        it.document["metadata"]["namespace"] = namespace.into();
    } else if is_forced && own != namespace {
        return error(format!(
            "the namespace from the provided object {own:?} does not match the namespace {namespace:?}. You must pass '--namespace={own}' to perform this operation."
        ));
    }
    Ok(it)
}

impl ManifestObject {
    /// Its name.
    pub(crate) fn name(&self) -> &str {
        object::name(&self.document)
    }

    /// Its namespace.
    pub(crate) fn namespace(&self) -> &str {
        object::namespace(&self.document)
    }
}
