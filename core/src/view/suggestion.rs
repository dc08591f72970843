//! What may stand at a place of a manifest, and what the API says of what stands there.
//!
//! A text that is being typed is seldom YAML yet, so its lines are read by their indentation alone, as a person reads them: which
//! document, which keys above, which item of a list. The schema says the rest.
//!
//! **Left out**: flow style (`{a: 1}`), anchors, quoted keys, keys of maps that hold any key (labels, selectors), and documents
//! inside a `List`.

use crate::api::schema::{self, Field, Scalar, Shape, TypeRef, descriptions};
use std::collections::BTreeSet;

/// What may stand at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suggestions {
    /// The column, counted from 0, of the first letter that is replaced.
    pub from: usize,
    /// What may stand there, in the order of the API.
    pub choices: Vec<Suggestion>,
}

/// One thing that may stand at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suggestion {
    /// What it is called.
    pub label: String,
    /// What is written for it.
    pub text: String,
    /// Its type, `[]Object`, `string`, and whether it must be there.
    pub detail: String,
    /// What the API says of it; empty where it says nothing.
    pub said: String,
    /// Whether it is a value and no field.
    pub is_value: bool,
}

/// What the API says of a field that stands at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// The columns it fills, counted from 0.
    pub columns: std::ops::Range<usize>,
    /// Its name and type.
    pub title: String,
    /// What is said.
    pub text: String,
}

/// A line, taken apart.
#[derive(Debug, Default)]
struct Line<'a> {
    /// Where the dashes of list items stand.
    dashes: Vec<usize>,
    /// Where the first word stands.
    column: usize,
    /// The key before the colon, if there is one.
    key: Option<&'a str>,
    /// Whether nothing but spaces or a remark stands here.
    is_empty: bool,
}

/// A step on the way from the document to a place in it.
#[derive(Debug, PartialEq)]
enum Step<'a> {
    Field(&'a str),
    Item,
}

/// A document and the line in it that is looked at.
struct Place<'a> {
    lines: Vec<&'a str>,
    /// Which of the lines.
    at: usize,
}

/// What may stand at a line, counted from 1, and a column, counted from 0 in characters.
#[must_use]
pub fn suggestions(text: &str, line: u32, column: usize) -> Option<Suggestions> {
    let place = Place::find(text, line)?;
    let whole = place.lines[place.at];
    let before: String = whole.chars().take(column).collect();
    if is_remark(&before) || before.contains(['{', '[', '"', '\'']) {
        return None;
    }
    let parts = taken_apart(&before);
    let value_from = parts.key.map(|key| {
        let behind = parts.column + key.len() + 1;
        let spaces = before[behind..].len() - before[behind..].trim_start().len();
        (key, behind + spaces, spaces > 0)
    });
    match value_from {
        Some((key, from, true)) => {
            let path = place.path(parts.column, &parts.dashes);
            let choices = place.values(&path, key);
            some(from, before[from..].trim(), choices)
        }
        // Right behind the colon nothing can stand.
        Some(_) => None,
        None => {
            let path = place.path(parts.column, &parts.dashes);
            let choices = place.keys(&path, &parts);
            some(parts.column, &before[parts.column..], choices)
        }
    }
}

fn some(from: usize, typed: &str, choices: Vec<Suggestion>) -> Option<Suggestions> {
    let is_all_there = matches!(&*choices, [one] if one.label == typed);
    let is_useful = !choices.is_empty() && !is_all_there;
    is_useful.then_some(Suggestions { from, choices })
}

/// What the API says of the key at a line and column.
#[must_use]
pub fn said(text: &str, line: u32, column: usize) -> Option<Said> {
    let place = Place::find(text, line)?;
    let parts = taken_apart(place.lines[place.at]);
    let key = parts.key?;
    let columns = parts.column..parts.column + key.len();
    if !columns.contains(&column) {
        return None;
    }
    let path = place.path(parts.column, &parts.dashes);
    let of = place.object(&path)?;
    let field = of.field(key)?;
    let text = descriptions::of_field(of, field);
    let title = format!("{key} <{}>", type_words(field));
    (!text.is_empty()).then_some(Said {
        columns,
        title,
        text,
    })
}

impl<'a> Place<'a> {
    fn find(text: &'a str, line: u32) -> Option<Self> {
        let idx = usize::try_from(line).ok()?.checked_sub(1)?;
        let lines: Vec<&str> = text.split('\n').collect();
        let is_end = |it: &&str| it.starts_with("---") || it.starts_with("...");
        if lines.get(idx).is_none_or(is_end) {
            return None;
        }
        let from = lines[..idx].iter().rposition(is_end);
        let from = from.map_or(0, |it| it + 1);
        let to = lines[idx..].iter().position(is_end);
        let to = to.map_or(lines.len(), |it| idx + it);
        Some(Place {
            lines: lines[from..to].to_vec(),
            at: idx - from,
        })
    }

    /// The way to the mapping whose keys stand at this column, on a line with these dashes.
    fn path(&self, column: usize, dashes: &[usize]) -> Vec<Step<'a>> {
        let mut steps = Vec::new();
        // A list may stand right below its key, but an item never right below another.
        let (mut keys_before, mut dashes_before) = (column, column);
        let mut lines = self.lines[..self.at].iter().rev();
        let mut parts = Some(Line {
            dashes: dashes.to_vec(),
            ..Line::default()
        });
        while let Some(line) = parts {
            if let Some(key) = line.key
                && line.column < keys_before
            {
                steps.push(Step::Field(key));
                (keys_before, dashes_before) = (line.column, line.column);
            }
            for dash in line.dashes.iter().rev() {
                if *dash < dashes_before {
                    steps.push(Step::Item);
                    (keys_before, dashes_before) = (*dash + 1, *dash);
                }
            }
            parts = match keys_before {
                0 => None,
                _ => lines.next().map(|it| taken_apart(it)),
            };
        }
        steps.reverse();
        steps
    }

    /// What stands behind a key of the document itself.
    fn head(&self, key: &str) -> Option<&'a str> {
        let mut found = self.lines.iter().filter_map(|line| {
            let value = line.strip_prefix(key)?.strip_prefix(':')?;
            let value = value.split(" #").next().unwrap_or_default().trim();
            Some(value.trim_matches(['"', '\'']))
        });
        found.next()
    }

    fn kind(&self) -> Option<TypeRef> {
        let kind = self.head("kind")?;
        match self.head("apiVersion") {
            Some(version) => schema::of_kind(version, kind).or_else(|| schema::of_settings(kind)),
            None => {
                let version = schema::kinds().find(|it| it.1 == kind)?.0;
                schema::of_kind(version, kind)
            }
        }
    }

    /// The type at the end of a way; none where the schema has no such way.
    fn shape(&self, path: &[Step<'_>]) -> Option<Shape> {
        let mut shape = None::<Shape>;
        for step in path {
            shape = Some(match (step, &shape) {
                (Step::Field(name), None) => self.kind()?.field(name)?.shape.clone(),
                (Step::Field(name), Some(it)) => match it {
                    Shape::Map(inner, _) => (**inner).clone(),
                    it => it.object()?.field(name)?.shape.clone(),
                },
                (Step::Item, Some(Shape::List(inner))) => (**inner).clone(),
                (Step::Item, _) => return None,
            });
        }
        shape
    }

    /// The struct whose fields stand at the end of a way.
    fn object(&self, path: &[Step<'_>]) -> Option<TypeRef> {
        match path {
            [] => self.kind(),
            _ => self.shape(path)?.object(),
        }
    }

    /// Fields that are not there yet, or the values of a list of words.
    fn keys(&self, path: &[Step<'_>], parts: &Line<'_>) -> Vec<Suggestion> {
        let there = self.siblings(parts.column, &parts.dashes);
        if path.is_empty() && self.kind().is_none() {
            let heads = ["apiVersion", "kind", "metadata", "spec"].iter();
            let missing = heads.filter(|it| !there.contains(**it));
            return missing.map(|it| head(it, self.head("kind"))).collect();
        }
        let of_struct = |of: TypeRef, dash: &str| {
            let fields = of.fields().iter();
            // What the server alone writes is no business of a manifest's.
            let fields = fields.filter(|it| !(path.is_empty() && it.name == "status"));
            let missing = fields.filter(|it| !there.contains(it.name));
            let column = parts.column + dash.len();
            missing.map(|it| of_field(of, it, dash, column)).collect()
        };
        if let Some(of) = self.object(path) {
            return of_struct(of, "");
        }
        match self.shape(path) {
            // The first item of a list is begun with a dash.
            Some(Shape::List(inner)) => match inner.object() {
                Some(of) => of_struct(of, "- "),
                None => of_values(&inner, "- "),
            },
            Some(scalar) if path.last() == Some(&Step::Item) => of_values(&scalar, ""),
            _ => Vec::new(),
        }
    }

    /// The keys that stand beside a place.
    fn siblings(&self, column: usize, dashes: &[usize]) -> BTreeSet<&'a str> {
        let mut found = BTreeSet::new();
        let mut look = |line: &'a str| {
            let parts = taken_apart(line);
            if parts.is_empty {
                return true;
            }
            if parts.column == column {
                found.extend(parts.key);
            }
            // What is further left, or begins another item, ends the mapping.
            parts.column >= column && parts.dashes.is_empty()
        };
        let begins_here = !dashes.is_empty();
        if !begins_here {
            for line in self.lines[..self.at].iter().rev() {
                let is_first = taken_apart(line)
                    .dashes
                    .last()
                    .is_some_and(|it| *it < column);
                if !look(line) || is_first {
                    break;
                }
            }
        }
        for line in &self.lines[self.at + 1..] {
            let parts = taken_apart(line);
            if !parts.is_empty && (parts.column < column || !parts.dashes.is_empty()) {
                break;
            }
            look(line);
        }
        found
    }

    /// What can stand behind a key.
    fn values(&self, path: &[Step<'_>], key: &str) -> Vec<Suggestion> {
        match (path, key) {
            ([], "kind") => {
                let version = self.head("apiVersion").filter(|it| !it.is_empty());
                let kinds = schema::kinds().filter(|it| version.is_none_or(|v| v == it.0));
                let all: BTreeSet<&str> = kinds.map(|it| it.1).collect();
                all.into_iter().map(|it| value(it, "", "")).collect()
            }
            ([], "apiVersion") => {
                let kind = self.head("kind").filter(|it| !it.is_empty());
                let kinds = schema::kinds().filter(|it| kind.is_none_or(|kind| kind == it.1));
                let all: BTreeSet<&str> = kinds.map(|it| it.0).collect();
                all.into_iter().map(|it| value(it, "", "")).collect()
            }
            _ => {
                let field = self.object(path).and_then(|it| it.field(key));
                field.map_or_else(Vec::new, |it| of_values(&it.shape, ""))
            }
        }
    }
}

/// The heads of a document that has no kind yet.
fn head(name: &str, kind: Option<&str>) -> Suggestion {
    let text = match name {
        "metadata" | "spec" => format!("{name}:\n  "),
        _ => format!("{name}: "),
    };
    let detail = match (name, kind) {
        ("metadata" | "spec", _) => "Object",
        _ => "string",
    };
    Suggestion {
        label: name.to_owned(),
        text,
        detail: detail.to_owned(),
        said: String::new(),
        is_value: false,
    }
}

fn of_field(of: TypeRef, field: &Field, dash: &str, column: usize) -> Suggestion {
    let below = " ".repeat(column + 2);
    let opens = match &field.shape {
        Shape::Scalar(..) | Shape::Free(_) => " ".to_owned(),
        Shape::Object(_) | Shape::Map(..) => format!("\n{below}"),
        Shape::List(_) => format!("\n{below}- "),
    };
    Suggestion {
        label: field.name.to_owned(),
        text: format!("{dash}{}:{opens}", field.name),
        detail: type_words(field),
        said: descriptions::of_field(of, field),
        is_value: false,
    }
}

fn of_values(shape: &Shape, dash: &str) -> Vec<Suggestion> {
    if let Shape::Scalar(Scalar::Bool, _) = shape {
        return ["true", "false"].map(|it| value(it, "", dash)).to_vec();
    }
    let values = descriptions::values(shape).into_iter();
    // That a field may be empty is said by leaving it out.
    let values = values.filter(|it| !it.0.is_empty());
    values.map(|(it, said)| value(it, said, dash)).collect()
}

fn value(label: &str, said: &str, dash: &str) -> Suggestion {
    Suggestion {
        label: label.to_owned(),
        text: format!("{dash}{label}"),
        detail: String::new(),
        said: said.to_owned(),
        is_value: true,
    }
}

/// The type as `kubectl explain` writes it.
fn type_words(field: &Field) -> String {
    let required = if field.is_required { ", required" } else { "" };
    words_of(&field.shape) + required
}

fn words_of(shape: &Shape) -> String {
    match shape {
        Shape::Scalar(Scalar::Int32 | Scalar::Int64, _) => "integer".to_owned(),
        Shape::Scalar(Scalar::Bool, _) => "boolean".to_owned(),
        Shape::Scalar(Scalar::Float64, _) => "number".to_owned(),
        Shape::Scalar(Scalar::IntOrString, _) => "IntOrString".to_owned(),
        Shape::Scalar(Scalar::Quantity, _) => "Quantity".to_owned(),
        Shape::Scalar(Scalar::Time | Scalar::MicroTime, _) => "Time".to_owned(),
        Shape::Scalar(..) => "string".to_owned(),
        Shape::List(inner) => format!("[]{}", words_of(inner)),
        Shape::Map(inner, _) => format!("map[string]{}", words_of(inner)),
        Shape::Object(id) => id.rsplit('.').next().unwrap_or(id).to_owned(),
        Shape::Free(_) => "Object".to_owned(),
    }
}

fn is_remark(text: &str) -> bool {
    let trimmed = text.trim_start();
    trimmed.starts_with('#') || text.contains(" #")
}

fn taken_apart(line: &str) -> Line<'_> {
    let mut at = line.len() - line.trim_start_matches(' ').len();
    let mut parts = Line::default();
    while let Some(rest) = line[at..].strip_prefix('-') {
        let is_dash = rest.is_empty() || rest.starts_with(' ');
        if !is_dash {
            break;
        }
        parts.dashes.push(at);
        at += 1;
        at += rest.len() - rest.trim_start_matches(' ').len();
    }
    let words = &line[at..];
    parts.column = at;
    parts.is_empty = parts.dashes.is_empty() && (words.is_empty() || words.starts_with('#'));
    let key = words.split_once(':').filter(|it| {
        let is_end = it.1.is_empty() || it.1.starts_with(' ');
        is_end && !it.0.is_empty() && !it.0.contains([' ', '"', '\'', '#', '{', '['])
    });
    parts.key = key.map(|it| it.0);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is suggested where the `|` stands.
    fn at(text: &str) -> Option<Suggestions> {
        let before = text.split('|').next().expect("a caret");
        let line = before.split('\n').count();
        let column = before
            .split('\n')
            .next_back()
            .map_or(0, |it| it.chars().count());
        let line = u32::try_from(line).expect("a short text");
        suggestions(&text.replacen('|', "", 1), line, column)
    }

    fn labels(text: &str) -> Vec<String> {
        let found = at(text).map_or_else(Vec::new, |it| it.choices);
        found.into_iter().map(|it| it.label).collect()
    }

    const SERVICE: &str = "apiVersion: v1\nkind: Service\nmetadata:\n  name: api\nspec:\n";

    #[test]
    fn fields_that_are_missing_are_suggested_where_the_caret_stands() {
        let found = labels(&format!(
            "{SERVICE}  type: ClusterIP\n  |\n  selector:\n    app: api\n"
        ));
        assert!(found.contains(&"ports".to_owned()), "{found:?}");
        assert!(!found.contains(&"type".to_owned()), "it is there");
        assert!(
            !found.contains(&"selector".to_owned()),
            "it is there, below"
        );
        assert!(!found.contains(&"apiVersion".to_owned()), "another level");
        let found = labels(&format!("{SERVICE}  ports:\n  - port: 80\n    tar|\n"));
        assert!(found.contains(&"targetPort".to_owned()), "{found:?}");
        assert!(!found.contains(&"port".to_owned()), "it is there");
        let found = labels(&format!("{SERVICE}  ports:\n    - port: 80\n    - |\n"));
        assert!(
            found.contains(&"port".to_owned()),
            "another item: {found:?}"
        );
    }

    #[test]
    fn what_is_written_fits_its_place() {
        let found = at(&format!("{SERVICE}  po|")).expect("fields");
        assert_eq!(found.from, 2);
        let ports = found.choices.iter().find(|it| it.label == "ports");
        let ports = ports.expect("a field");
        assert_eq!(ports.text, "ports:\n    - ");
        assert_eq!(ports.detail, "[]ServicePort");
        let found = at(&format!("{SERVICE}  ports:\n    |")).expect("fields of an item");
        let port = found.choices.iter().find(|it| it.label == "port");
        assert_eq!(port.expect("a field").text, "- port: ");
        assert_eq!(port.expect("a field").detail, "integer, required");
    }

    #[test]
    #[cfg(feature = "descriptions")]
    fn values_are_those_of_the_api() {
        let types = labels(&format!("{SERVICE}  type: |"));
        assert_eq!(
            types,
            ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"]
        );
        let protocols = labels(&format!("{SERVICE}  ports:\n  - port: 80\n    protocol: |"));
        assert_eq!(protocols, ["SCTP", "TCP", "UDP"]);
        let text = format!("{SERVICE}  externalTrafficPolicy: Local");
        let found = said(&text, 6, 5).expect("it is described");
        assert!(found.title.starts_with("externalTrafficPolicy <string"));
        assert!(found.text.contains("node-local"), "{}", found.text);
    }

    #[test]
    fn kinds_and_versions_go_by_one_another() {
        assert!(labels("apiVersion: apps/v1\nkind: |").contains(&"Deployment".to_owned()));
        assert!(!labels("apiVersion: apps/v1\nkind: |").contains(&"Service".to_owned()));
        assert_eq!(labels("kind: Deployment\napiVersion: |"), ["apps/v1"]);
        assert_eq!(
            labels("|")[..2],
            ["apiVersion".to_owned(), "kind".to_owned()]
        );
    }

    #[test]
    fn documents_know_nothing_of_one_another() {
        let text =
            format!("{SERVICE}---\napiVersion: v1\nkind: Pod\nspec:\n  |\n---\nkind: Node\n");
        let found = labels(&text);
        assert!(found.contains(&"containers".to_owned()), "{found:?}");
        assert!(!found.contains(&"ports".to_owned()));
    }

    #[test]
    fn remarks_quotes_and_nonsense_suggest_nothing() {
        assert_eq!(at(&format!("{SERVICE}  # po|")), None);
        assert_eq!(at(&format!("{SERVICE}  externalName: \"a|")), None);
        assert_eq!(at("---|"), None);
        assert_eq!(at(&format!("{SERVICE}  selector:\n    |")), None);
        assert_eq!(suggestions("a", 9, 9), None);
        assert_eq!(suggestions("", 0, 0), None);
        for column in 0..12 {
            // Nothing panics in the middle of letters of several bytes.
            let _ = suggestions("kiñd: Sérvice", 1, column);
            let _ = said("kiñd: Sérvice", 1, column);
        }
    }
}
