//! Paths such as `spec.ports[0].port`: from a path to a place in the text, and back.
//!
//! Imitates `field.Path` of k8s.io/apimachinery: names are joined by dots, indices and the keys of maps
//! such as labels stand in brackets.
//!
//! **Left out.** The tree does not know which mappings are maps: from a place to a path, a key stands in
//! brackets only if a dot could not join it. Finding accepts both forms. There are no escapes: a key that
//! holds `]` before a dot, a bracket or the end is not found.

use super::node::{Entry, Node, Position, Span, Value};

/// The parts of a path: `spec.ports[0].port` is `spec`, `ports`, `0`, `port`.
pub fn segments(path: &str) -> Vec<&str> {
    let mut segments = Vec::new();
    let mut rest = path.strip_prefix('.').unwrap_or(path);
    while !rest.is_empty() {
        let (segment, after) = match rest.strip_prefix('[').and_then(bracketed) {
            Some(parts) => parts,
            None => {
                // A bracket that is never closed is part of the name.
                let end = rest
                    .char_indices()
                    .find(|&(index, it)| {
                        it == '.' || it == '[' && bracketed(&rest[index + 1..]).is_some()
                    })
                    .map_or(rest.len(), |(index, _)| index);
                rest.split_at(end)
            }
        };
        segments.push(segment);
        rest = after.strip_prefix('.').unwrap_or(after);
    }
    segments
}

/// Splits what follows an opening bracket at its closing one.
fn bracketed(rest: &str) -> Option<(&str, &str)> {
    rest.match_indices(']')
        .map(|(index, _)| (&rest[..index], &rest[index + 1..]))
        .find(|(_, after)| after.is_empty() || after.starts_with(['.', '[']))
}

pub(super) fn push_field(path: &mut String, name: &str) {
    if !path.is_empty() {
        path.push('.');
    }
    path.push_str(name);
}

pub(super) fn push_bracketed(path: &mut String, key: &str) {
    path.push('[');
    path.push_str(key);
    path.push(']');
}

/// Whether a dot cannot join a key to a path.
pub(super) fn needs_brackets(key: &str) -> bool {
    key.is_empty() || key.contains(['.', '[', ']', '/', ' '])
}

/// A step from a node to one of its children.
#[derive(Clone, Copy)]
enum Child<'n> {
    Entry(&'n Entry),
    Item(usize, &'n Node),
}

impl<'n> Child<'n> {
    fn node(self) -> &'n Node {
        match self {
            Child::Entry(entry) => &entry.node,
            Child::Item(_, node) => node,
        }
    }

    fn span(self) -> Span {
        match self {
            Child::Entry(entry) => entry.span(),
            Child::Item(_, node) => node.span,
        }
    }
}

impl Node {
    /// The value at a path; the node itself for the empty path.
    pub fn locate(&self, path: &str) -> Option<&Node> {
        let mut node = self;
        for segment in segments(path) {
            node = node.child(segment)?.node();
        }
        Some(node)
    }

    /// Where a path is in the text: from its key to the end of its value. Where it does not exist, its
    /// deepest ancestor that does, so there is always something to light up.
    pub fn locate_nearest(&self, path: &str) -> Span {
        let mut node = self;
        let mut span = self.span;
        for segment in segments(path) {
            let Some(child) = node.child(segment) else {
                break;
            };
            span = child.span();
            node = child.node();
        }
        span
    }

    /// Which field a place in the text belongs to: that of the key or value there, or the innermost one
    /// around it. A place in the indentation belongs to what its line begins with.
    pub fn path_at(&self, position: Position) -> String {
        let mut path = String::new();
        let mut node = self;
        while let Some(child) = node.child_at(position) {
            match child {
                Child::Entry(entry) => {
                    let key = &entry.key;
                    if needs_brackets(key) {
                        push_bracketed(&mut path, key);
                    } else {
                        push_field(&mut path, key);
                    }
                }
                Child::Item(index, _) => push_bracketed(&mut path, &index.to_string()),
            }
            node = child.node();
        }
        path
    }

    fn child(&self, segment: &str) -> Option<Child<'_>> {
        match &self.value {
            Value::Mapping(mapping) => mapping.entry(segment).map(Child::Entry),
            Value::Sequence(items) => {
                let index = segment.parse().ok()?;
                items.get(index).map(|node| Child::Item(index, node))
            }
            _ => None,
        }
    }

    fn child_at(&self, position: Position) -> Option<Child<'_>> {
        let mut on_line = None;
        let mut before: Option<Child<'_>> = None;
        let children: Box<dyn Iterator<Item = Child<'_>>> = match &self.value {
            Value::Mapping(mapping) => Box::new(mapping.entries().iter().map(Child::Entry)),
            Value::Sequence(items) => {
                Box::new((0..).zip(items).map(|(n, node)| Child::Item(n, node)))
            }
            _ => return None,
        };
        for child in children {
            let span = child.span();
            // What came through an alias or a merge key stands elsewhere.
            if span.start < self.span.start || span.end > self.span.end {
                continue;
            }
            if span.start <= position && position <= span.end {
                return Some(child);
            }
            if span.end.line == position.line && span.end < position {
                before = Some(child);
            }
            if span.start.line == position.line && position < span.start && on_line.is_none() {
                on_line = Some(child);
            }
        }
        before.or(on_line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::parse;

    fn document(text: &str) -> Node {
        let mut stream = parse(text);
        assert_eq!(stream.errors, []);
        stream.documents.remove(0)
    }

    const SERVICE: &str = "\
metadata:
  labels:
    app.kubernetes.io/name: web
    app: web
spec:
  # the ports
  ports:
  - port: 80
    targetPort: http  # named

  - {port: 443, name: tls}
  selector: {}
";

    #[test]
    fn a_path_is_split_at_dots_and_brackets() {
        assert_eq!(
            segments("spec.ports[0].port"),
            ["spec", "ports", "0", "port"]
        );
        assert_eq!(
            segments("metadata.labels[app.kubernetes.io/name]"),
            ["metadata", "labels", "app.kubernetes.io/name"]
        );
        assert_eq!(segments("[0][1]"), ["0", "1"]);
        assert_eq!(segments(".spec"), ["spec"]);
        assert_eq!(segments("a[b"), ["a[b"]);
        assert_eq!(segments("a[b]c"), ["a[b]c"]);
        assert!(segments("").is_empty());
    }

    #[test]
    fn a_path_is_found() {
        let node = document(SERVICE);
        let at = |path| node.locate(path).map(|it| it.span.start.to_string());
        assert_eq!(at("spec.ports[0].port").as_deref(), Some("8:11"));
        assert_eq!(at("spec.ports[1].name").as_deref(), Some("11:23"));
        assert_eq!(
            at("metadata.labels[app.kubernetes.io/name]").as_deref(),
            Some("3:29")
        );
        assert_eq!(at("metadata.labels[app]"), at("metadata.labels.app"));
        assert_eq!(at("").as_deref(), Some("1:1"));
        assert_eq!(at("spec.ports[2]"), None);
        assert_eq!(at("spec.ports.x"), None);
        assert_eq!(at("metadata.labels.app.x"), None);
    }

    #[test]
    fn a_path_that_does_not_exist_lights_up_its_nearest_ancestor() {
        let node = document(SERVICE);
        let lines = |path: &str| {
            let span = node.locate_nearest(path);
            format!("{}-{}", span.start, span.end)
        };
        assert_eq!(lines("spec.ports[0].port"), "8:5-8:13");
        assert_eq!(lines("spec.ports[0].protocol"), "8:5-9:21");
        assert_eq!(lines("spec.ports[7].port"), "7:3-11:27");
        assert_eq!(lines("status.loadBalancer"), "1:1-12:15");
    }

    #[test]
    fn a_place_belongs_to_the_field_written_there() {
        let node = document(SERVICE);
        let at = |line, column| node.path_at(Position { line, column });
        assert_eq!(at(8, 6), "spec.ports[0].port");
        assert_eq!(at(8, 12), "spec.ports[0].port");
        assert_eq!(at(8, 1), "spec.ports[0].port");
        assert_eq!(at(9, 30), "spec.ports[0].targetPort");
        assert_eq!(at(11, 25), "spec.ports[1].name");
        assert_eq!(at(3, 10), "metadata.labels[app.kubernetes.io/name]");
        assert_eq!(at(5, 1), "spec");
        assert_eq!(at(10, 1), "spec.ports");
        assert_eq!(at(6, 5), "spec");
        assert_eq!(at(99, 1), "");
    }

    #[test]
    fn a_place_in_a_copied_value_belongs_to_the_original() {
        let node = document("a: &x {p: 1}\nb: *x\nc:\n  <<: *x\n");
        let at = |line, column| node.path_at(Position { line, column });
        assert_eq!(at(1, 11), "a.p");
        assert_eq!(at(2, 5), "b");
        assert_eq!(at(4, 4), "c");
    }
}
