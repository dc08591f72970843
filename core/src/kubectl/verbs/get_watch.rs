//! `kubectl get -w`: a table that grows as objects change.
//!
//! `k8s.io/kubectl/pkg/cmd/get/get.go` of 1.32 (`watch`).
//!
//! **Left out**: nothing.

use super::super::arguments::{self, Picked, Query};
use super::super::command::Invocation;
use super::super::failure::{Failure, error};
use super::super::io::Ctx;
use super::super::printers::output::{Format, Printer};
use super::super::printers::tabs::Columns;
use super::super::resource::Resource;
use super::super::target::{Outcome, Step, Task};
use super::get_table::Style;
use crate::api::Kind;
use crate::store::api::{ListOptions, Selector};
use serde_json::Value;
use std::sync::Arc;

#[derive(Debug)]
struct Watch {
    resource: &'static Resource,
    options: ListOptions,
    revision: u64,
    style: Style,
    printer: Printer,
    columns: Columns,
    has_headers: bool,
}

/// Prints what is there, and begins to watch.
pub(super) fn start(
    ctx: &mut Ctx<'_>,
    invocation: &Invocation,
    picked: &Picked,
    printer: Printer,
) -> Outcome {
    let query = arguments::query(ctx, invocation)?;
    let (resource, query) = match picked {
        Picked::Types(types) if types.len() == 1 => (types[0], query),
        Picked::Items(items) if items.len() == 1 => {
            let item = &items[0];
            arguments::live(ctx, item)?;
            let query = Query {
                namespace: item.namespace.clone(),
                fields: format!("metadata.name={}", item.name),
                ..query
            };
            (item.resource, query)
        }
        _ => return error("you may only specify a single resource type"),
    };
    let Format::Human { is_wide } = printer.format else {
        return begin(ctx, invocation, resource, &query, printer, false);
    };
    begin(ctx, invocation, resource, &query, printer, is_wide)
}

fn begin(
    ctx: &mut Ctx<'_>,
    invocation: &Invocation,
    resource: &'static Resource,
    query: &Query,
    printer: Printer,
    is_wide: bool,
) -> Outcome {
    let flags = &invocation.flags;
    let selector = match resource.model {
        Some(_) => arguments::selector(resource, query)?,
        None => Selector::default(),
    };
    let mut watch = Watch {
        resource,
        options: query.options(resource, selector),
        revision: ctx.target.cluster().store().revision(),
        style: Style::of(invocation, is_wide, flags.is("show-kind")),
        printer,
        columns: Columns::default(),
        has_headers: flags.is("no-headers"),
    };
    if !flags.is("watch-only") {
        let objects = arguments::list(ctx, resource, query)?;
        watch.print(ctx, &objects, "ADDED")?;
    }
    Ok(Step::Waits(Box::new(watch)))
}

impl Watch {
    fn print(
        &mut self,
        ctx: &mut Ctx<'_>,
        objects: &[Arc<Value>],
        event: &str,
    ) -> Result<(), Failure> {
        if !matches!(self.printer.format, Format::Human { .. }) {
            for it in objects {
                self.printer.print(ctx, it)?;
            }
            return Ok(());
        }
        let mut rows = self.style.rows(ctx, self.resource, objects, Some(event));
        if !self.has_headers && !rows.is_empty() {
            self.has_headers = true;
            rows.insert(0, self.style.headers(self.resource));
        }
        let text = self.columns.print(&rows);
        ctx.out(&text);
        Ok(())
    }
}

impl Task for Watch {
    fn heeds_signs_of_life(&self) -> bool {
        matches!(self.resource.model, Some(Kind::Lease | Kind::Node))
    }

    fn resume(&mut self, ctx: &mut Ctx<'_>) -> Result<Option<i32>, Failure> {
        let Some(kind) = self.resource.model else {
            return Ok(None);
        };
        let store = ctx.target.cluster().store();
        let events = store.watch(kind, &self.options, self.revision)?;
        self.revision = store.revision();
        for event in events {
            self.print(ctx, &[event.document], event.kind)?;
        }
        Ok(None)
    }
}
