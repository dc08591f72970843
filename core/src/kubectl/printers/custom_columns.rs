//! `-o custom-columns=NAME:.metadata.name,…`
//!
//! `k8s.io/kubectl/pkg/cmd/get/customcolumn.go` of 1.32.
//!
//! **Left out**: nothing.

use super::jsonpath::{JsonPath, Missing, printed, relaxed};
use super::tabs::Columns;
use serde_json::Value;

/// Columns of one's own.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct CustomColumns {
    columns: Vec<(String, JsonPath)>,
}

impl CustomColumns {
    /// Reads the columns.
    ///
    /// # Errors
    /// In kubectl's words.
    pub(crate) fn new(spec: &str) -> Result<CustomColumns, String> {
        if spec.is_empty() {
            return Err("custom-columns format specified but no custom columns given".to_owned());
        }
        let mut columns = Vec::new();
        for part in spec.split(',') {
            let Some((header, path)) = part.split_once(':') else {
                return Err(format!(
                    "unexpected custom-columns spec: {part}, expected <header>:<json-path-expr>"
                ));
            };
            let path = relaxed(path)?;
            columns.push((header.to_owned(), JsonPath::new(&path, Missing::Allowed)?));
        }
        Ok(CustomColumns { columns })
    }

    /// The columns from a file: one line of headers, one of paths.
    ///
    /// # Errors
    /// In kubectl's words.
    pub(crate) fn from_file(text: &str) -> Result<CustomColumns, String> {
        let mut lines = text.lines();
        let (Some(headers), Some(paths)) = (lines.next(), lines.next()) else {
            return Err("invalid template, missing headers or columns line".to_owned());
        };
        let (headers, paths): (Vec<&str>, Vec<&str>) = (
            headers.split_whitespace().collect(),
            paths.split_whitespace().collect(),
        );
        if headers.len() != paths.len() {
            return Err(format!(
                "number of headers ({}) and field specifications ({}) don't match",
                headers.len(),
                paths.len()
            ));
        }
        let parts: Vec<String> = headers
            .iter()
            .zip(paths)
            .map(|(h, p)| format!("{h}:{p}"))
            .collect();
        CustomColumns::new(&parts.join(","))
    }

    /// The headers.
    pub(crate) fn headers(&self) -> Vec<String> {
        self.columns.iter().map(|it| it.0.clone()).collect()
    }

    /// Prints rows for objects, below headers where they are wanted.
    ///
    /// # Errors
    /// What a path cannot find.
    pub(crate) fn print(
        &self,
        objects: &[&Value],
        headers: Option<Vec<String>>,
        columns: &mut Columns,
    ) -> Result<String, String> {
        let mut rows: Vec<Vec<String>> = headers.into_iter().collect();
        for object in objects {
            let mut row = Vec::new();
            for (_, path) in &self.columns {
                let found: Vec<String> = path
                    .find(object)?
                    .iter()
                    .flatten()
                    .map(|it| cell(it))
                    .collect();
                row.push(if found.is_empty() {
                    "<none>".to_owned()
                } else {
                    found.join(",")
                });
            }
            rows.push(row);
        }
        Ok(columns.print(&rows))
    }
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => "<none>".to_owned(),
        Value::Array(_) | Value::Object(_) => crate::api::schema::go_print(value),
        other => printed(other),
    }
}
