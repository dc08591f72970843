//! Tables of `kubectl get`: headers, rows, and many rows in parts.
//!
//! `k8s.io/kubectl/pkg/cmd/get/table_printer.go` and `humanreadable_flags.go` of 1.32. The real client asks for 500 objects at a
//! time, and prints when it has all; here the rows of so many are made at a time, and as many lines printed, so that
//! whoever looks on can do something else in between.
//!
//! **Left out**: nothing.

use super::super::command::Invocation;
use super::super::failure::Failure;
use super::super::io::Ctx;
use super::super::object;
use super::super::printers::columns::{Row, table};
use super::super::printers::tabs::Columns;
use super::super::resource::Resource;
use super::super::target::{Outcome, Step, Task};
use super::get::Group;
use serde_json::Value;
use std::collections::VecDeque;
use std::sync::Arc;

/// How many rows are made, or printed, at once.
const PART: usize = 500;

/// Tables that are being made.
#[derive(Debug)]
pub(super) struct Sheet {
    style: Style,
    has_headers: bool,
    failures: Vec<Failure>,
    groups: VecDeque<Group>,
    open: Option<Open>,
    has_printed: bool,
}

/// The table of one resource.
#[derive(Debug)]
struct Open {
    group: Group,
    columns: Columns,
    rows: Vec<Vec<String>>,
    n_made: usize,
    n_printed: usize,
}

impl Sheet {
    pub(super) fn new(
        style: Style,
        groups: Vec<Group>,
        has_headers: bool,
        failures: Vec<Failure>,
    ) -> Sheet {
        Sheet {
            style,
            has_headers,
            failures,
            groups: groups.into(),
            open: None,
            has_printed: false,
        }
    }

    /// Prints few rows at once; many become a task.
    pub(super) fn begin(mut self, ctx: &mut Ctx<'_>) -> Outcome {
        let n_objects: usize = self.groups.iter().map(|it| it.objects.len()).sum();
        if n_objects > PART {
            return Ok(Step::Waits(Box::new(self)));
        }
        while self.goes_on(ctx) {}
        Step::after(self.failures)
    }

    /// Does a part of the work. Whether there is more.
    fn goes_on(&mut self, ctx: &mut Ctx<'_>) -> bool {
        let Some(open) = &mut self.open else {
            let Some(group) = self.groups.pop_front() else {
                return false;
            };
            let mut open = Open {
                group,
                columns: Columns::default(),
                rows: Vec::new(),
                n_made: 0,
                n_printed: 0,
            };
            if self.has_headers {
                open.rows.push(self.style.headers(open.group.resource));
                open.columns.measure(&open.rows);
                ctx.out(if self.has_printed { "\n" } else { "" });
            }
            self.open = Some(open);
            return true;
        };
        let objects = &open.group.objects;
        if let Some(left) = objects.get(open.n_made..).filter(|it| !it.is_empty()) {
            let part = &left[..left.len().min(PART)];
            let mut rows = self.style.rows(ctx, open.group.resource, part, None);
            open.n_made += part.len();
            open.columns.measure(&rows);
            open.rows.append(&mut rows);
            return true;
        }
        let left = &open.rows[open.n_printed..];
        let part = &left[..left.len().min(PART)];
        ctx.out(&open.columns.lines(part));
        open.n_printed += part.len();
        self.has_printed = true;
        if open.n_printed == open.rows.len() {
            self.open = None;
        }
        true
    }
}

impl Task for Sheet {
    fn resume(&mut self, ctx: &mut Ctx<'_>) -> Result<Option<i32>, Failure> {
        if self.goes_on(ctx) {
            return Ok(None);
        }
        if self.failures.is_empty() {
            return Ok(Some(0));
        }
        Err(Failure::many(std::mem::take(&mut self.failures)))
    }

    fn is_busy(&self) -> bool {
        true
    }
}

/// How rows are shown.
#[derive(Clone, Debug)]
pub(super) struct Style {
    is_wide: bool,
    names_kinds: bool,
    all_namespaces: bool,
    shows_labels: bool,
    label_columns: Vec<String>,
    shows_events: bool,
}

impl Style {
    pub(super) fn of(invocation: &Invocation, is_wide: bool, names_kinds: bool) -> Style {
        let flags = &invocation.flags;
        Style {
            is_wide,
            names_kinds,
            all_namespaces: flags.is("all-namespaces"),
            shows_labels: flags.is("show-labels"),
            label_columns: flags.list("label-columns"),
            shows_events: flags.is("output-watch-events"),
        }
    }

    pub(super) fn headers(&self, resource: &'static Resource) -> Vec<String> {
        let mut row = Vec::new();
        if self.shows_events {
            row.push("EVENT".to_owned());
        }
        if self.all_namespaces && resource.namespaced {
            row.push("NAMESPACE".to_owned());
        }
        if let Some(kind) = resource.model {
            let columns = table(kind, &[], &crate::time::Clock::default()).columns;
            let shown = columns.iter().filter(|it| self.is_wide || !it.is_wide);
            row.extend(shown.map(|it| it.name.to_uppercase()));
        }
        for label in &self.label_columns {
            let last = label.rsplit('/').next().unwrap_or_default();
            row.push(last.to_uppercase());
        }
        if self.shows_labels {
            row.push("LABELS".to_owned());
        }
        row
    }

    pub(super) fn rows(
        &self,
        ctx: &Ctx<'_>,
        resource: &'static Resource,
        objects: &[Arc<Value>],
        event: Option<&str>,
    ) -> Vec<Vec<String>> {
        let Some(kind) = resource.model else {
            return Vec::new();
        };
        let table = table(kind, objects, &ctx.clock());
        let is_shown: Vec<bool> = table
            .columns
            .iter()
            .map(|it| self.is_wide || !it.is_wide)
            .collect();
        let name_at = table.columns.iter().position(|it| it.name == "Name");
        let row = |it: Row| {
            let mut row = Vec::new();
            if self.shows_events {
                row.push(format!("{:<8}", event.unwrap_or("ADDED")));
            }
            if self.all_namespaces && resource.namespaced {
                row.push(object::namespace(&it.object).to_owned());
            }
            for (idx, cell) in it.cells.into_iter().enumerate() {
                if !is_shown[idx] {
                    continue;
                }
                let cell = cut(cell);
                if self.names_kinds && name_at == Some(idx) {
                    row.push(format!("{}/{cell}", resource.qualified_singular()));
                } else {
                    row.push(cell);
                }
            }
            let labels = &it.object["metadata"]["labels"];
            for label in &self.label_columns {
                row.push(object::text(labels, &[label]).to_owned());
            }
            if self.shows_labels {
                row.push(object::joined(labels));
            }
            row
        };
        table.rows.into_iter().map(row).collect()
    }
}

/// A cell ends at a line break.
fn cut(cell: String) -> String {
    if !cell.contains(['\u{1b}', '\n', '\r', '\u{c}']) {
        return cell;
    }
    let cell = cell.replace('\u{1b}', "^[");
    match cell.find(['\n', '\r', '\u{c}']) {
        Some(at) => format!("{}...", &cell[..at]),
        None => cell,
    }
}
