//! The way from a document to one of its values, and how it is written down.
//!
//! Imitates `field.Path` of k8s.io/apimachinery: names are joined by dots, indices and the keys of maps such as
//! labels stand in brackets.

/// Longer keys are cut in paths. No valid key of Kubernetes is longer.
const MAX_KEY: usize = 320;

/// A step from a value to one inside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<'v> {
    /// To a field of a struct.
    Field(&'v str),
    /// To the value of a key in a map.
    Key(&'v str),
    /// To an item of a list.
    Item(usize),
}

/// The steps as a path: `spec.ports[0].port`, `metadata.labels[app.kubernetes.io/name]`.
pub fn path_of(steps: &[Step<'_>]) -> String {
    let mut path = String::new();
    for step in steps {
        match step {
            Step::Field(name) => {
                if !path.is_empty() {
                    path.push('.');
                }
                push_key(&mut path, name);
            }
            Step::Key(key) => {
                path.push('[');
                push_key(&mut path, key);
                path.push(']');
            }
            Step::Item(index) => path.push_str(&format!("[{index}]")),
        }
    }
    path
}

/// The first line of a key, at most.
fn push_key(path: &mut String, key: &str) {
    let line = key.lines().next().unwrap_or_default();
    let end = line
        .char_indices()
        .nth(MAX_KEY)
        .map_or(line.len(), |it| it.0);
    path.push_str(&line[..end]);
    if end < key.len() {
        path.push('…');
    }
}
