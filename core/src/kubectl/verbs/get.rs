//! `kubectl get`: objects as tables and in other forms.
//!
//! `k8s.io/kubectl/pkg/cmd/get/get.go` of 1.32.
//!
//! **Left out**: `--server-print=false`, which prints the same columns; `--chunk-size`; `--subresource`.

use super::super::arguments::{self, Form, Item, Picked, Query};
use super::super::command::{Command, Invocation};
use super::super::failure::{Failure, error};
use super::super::io::Ctx;
use super::super::printers::custom_columns::CustomColumns;
use super::super::printers::go_json;
use super::super::printers::output::{Format, Printer};
use super::super::printers::sorting;
use super::super::printers::tabs::Columns;
use super::super::resource::Resource;
use super::super::target::{Outcome, Step};
use super::get_table::{Sheet, Style};
use super::get_watch;
use serde_json::{Value, json};
use std::sync::Arc;

/// `kubectl get`
pub(super) const COMMAND: Command = Command {
    path: "get",
    aliases: &[],
    help: include_str!("../help/get.txt"),
    run,
};

/// Objects of one resource that were asked for together.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) resource: &'static Resource,
    pub(super) objects: Vec<Arc<Value>>,
}

/// What was found.
pub(super) struct Found {
    pub(super) groups: Vec<Group>,
    failures: Vec<Failure>,
    /// Whether one object was asked for by name.
    is_single: bool,
}

fn run(ctx: &mut Ctx<'_>, invocation: &Invocation) -> Outcome {
    let flags = &invocation.flags;
    if !flags.text("raw").is_empty() {
        return raw(ctx, invocation);
    }
    let is_about_nothing = invocation.args().is_empty() && !flags.changed("filename");
    if is_about_nothing {
        ctx.err("You must specify the type of resource to get. Use \"kubectl api-resources\" for a complete list of supported resources.\n\n");
        return Err(invocation.usage("Required resource not specified.\nUse \"kubectl explain <resource>\" for a detailed description of that resource (e.g. kubectl explain pods)."));
    }
    let mut printer = Printer::new(ctx, invocation)?;
    let picked = arguments::pick(ctx, invocation, invocation.args())?;
    if flags.is("watch") || flags.is("watch-only") {
        return get_watch::start(ctx, invocation, &picked, printer);
    }
    let is_table = matches!(printer.format, Format::Human { .. });
    let form = match is_table && flags.text("sort-by").is_empty() {
        true => Form::Kept,
        false => Form::Printed,
    };
    let found = find(ctx, invocation, &picked, form)?;
    match &printer.format {
        Format::Human { is_wide } => {
            let is_wide = *is_wide;
            human(ctx, invocation, &picked, found, is_wide)
        }
        Format::Columns(columns) => {
            let columns = columns.clone();
            custom(ctx, invocation, found, &columns)
        }
        _ => generic(ctx, invocation, found, &mut printer),
    }
}

/// Gets and lists what was asked for; what is not there does not keep the rest from being shown.
pub(super) fn find(
    ctx: &mut Ctx<'_>,
    invocation: &Invocation,
    picked: &Picked,
    form: Form,
) -> Result<Found, Failure> {
    let query = arguments::query(ctx, invocation)?;
    let mut found = Found {
        groups: Vec::new(),
        failures: Vec::new(),
        is_single: false,
    };
    match picked {
        Picked::Items(items) => {
            found.is_single = items.len() == 1;
            for item in items {
                match arguments::live(ctx, item) {
                    Ok(document) => found.add(item.resource, document),
                    Err(failure)
                        if failure.is_not_found() && invocation.flags.is("ignore-not-found") => {}
                    Err(failure) => found.failures.push(failure),
                }
            }
        }
        Picked::Types(types) => {
            for resource in types {
                match arguments::list_in(ctx, resource, &query, form) {
                    Ok(objects) => found.groups.push(Group { resource, objects }),
                    Err(failure) => found.failures.push(failure),
                }
            }
        }
    }
    Ok(found)
}

impl Found {
    fn add(&mut self, resource: &'static Resource, document: Arc<Value>) {
        match self.groups.last_mut() {
            Some(last) if last.resource == resource => last.objects.push(document),
            _ => self.groups.push(Group {
                resource,
                objects: vec![document],
            }),
        }
    }

    fn end(self) -> Outcome {
        if self.failures.is_empty() {
            return Ok(Step::Done(0));
        }
        Err(Failure::many(self.failures))
    }
}

/// As YAML, JSON and the like: one object alone, several as a list.
fn generic(
    ctx: &mut Ctx<'_>,
    invocation: &Invocation,
    mut found: Found,
    printer: &mut Printer,
) -> Outcome {
    let mut all: Vec<Arc<Value>> = Vec::new();
    for group in &mut found.groups {
        all.append(&mut group.objects);
    }
    let path = invocation.flags.text("sort-by");
    if !path.is_empty() && !all.is_empty() {
        all = match sorting::sort(all, path).map_err(Failure::Error)? {
            Some(sorted) => sorted,
            None => {
                return error(format!(
                    "couldn't find any field with path \"{{{}}}\" in the list of objects",
                    dotted(path)
                ));
            }
        };
    }
    if found.is_single && all.len() == 1 {
        printer.print(ctx, &all[0])?;
        return found.end();
    }
    if found.is_single {
        return found.end();
    }
    let items: Vec<Value> = all.iter().map(|it| Value::clone(it)).collect();
    let list = json!({
        "apiVersion": "v1",
        "kind": "List",
        "metadata": {"resourceVersion": ""},
        "items": items,
    });
    printer.print(ctx, &list)?;
    found.end()
}

fn dotted(path: &str) -> String {
    let inner = path.trim_start_matches('{').trim_end_matches('}');
    format!(".{}", inner.trim_start_matches('.'))
}

fn custom(
    ctx: &mut Ctx<'_>,
    invocation: &Invocation,
    found: Found,
    columns: &CustomColumns,
) -> Outcome {
    let mut all: Vec<Arc<Value>> = Vec::new();
    for group in &found.groups {
        all.extend(group.objects.iter().cloned());
    }
    let path = invocation.flags.text("sort-by");
    if !path.is_empty() {
        all = sorting::sort(all, path)
            .map_err(Failure::Error)?
            .unwrap_or_default();
    }
    let headers = (!invocation.flags.is("no-headers")).then(|| columns.headers());
    let objects: Vec<&Value> = all.iter().map(|it| &**it).collect();
    let text = columns
        .print(&objects, headers, &mut Columns::default())
        .map_err(Failure::Error)?;
    ctx.out(&text);
    found.end()
}

/// As tables: one for each resource.
fn human(
    ctx: &mut Ctx<'_>,
    invocation: &Invocation,
    picked: &Picked,
    mut found: Found,
    is_wide: bool,
) -> Outcome {
    let flags = &invocation.flags;
    let names_kinds = flags.is("show-kind") || names_several(picked);
    let style = Style::of(invocation, is_wide, names_kinds);
    let path = flags.text("sort-by");
    for group in found.groups.iter_mut().filter(|_| !path.is_empty()) {
        let objects = std::mem::take(&mut group.objects);
        group.objects = sorting::sort(objects, path)
            .map_err(Failure::Error)?
            .unwrap_or_default();
    }
    found.groups.retain(|it| !it.objects.is_empty());
    let is_quiet = flags.is("ignore-not-found") || !found.failures.is_empty();
    if found.groups.is_empty() && !is_quiet {
        say_none(ctx, invocation, picked)?;
    }
    let groups = std::mem::take(&mut found.groups);
    let sheet = Sheet::new(style, groups, !flags.is("no-headers"), found.failures);
    sheet.begin(ctx)
}

fn say_none(ctx: &mut Ctx<'_>, invocation: &Invocation, picked: &Picked) -> Result<(), Failure> {
    let all_namespaced = match picked {
        Picked::Items(items) => items.iter().all(|it| it.resource.namespaced),
        Picked::Types(types) => types.iter().all(|it| it.namespaced),
    };
    if all_namespaced && !invocation.flags.is("all-namespaces") {
        let namespace = invocation.namespace(ctx)?;
        ctx.err(&format!("No resources found in {namespace} namespace.\n"));
    } else {
        ctx.err("No resources found\n");
    }
    Ok(())
}

/// Whether several kinds were asked for, so that names need them.
fn names_several(picked: &Picked) -> bool {
    match picked {
        Picked::Items(items) => items.iter().any(|it| it.resource != items[0].resource),
        Picked::Types(types) => types.len() > 1,
    }
}

/// What the server has at a path.
fn raw(ctx: &mut Ctx<'_>, invocation: &Invocation) -> Outcome {
    let path = invocation.flags.text("raw");
    if !invocation.args().is_empty() {
        return Err(invocation.usage("arguments may not be passed when --raw is specified"));
    }
    let bare = path.split('?').next().unwrap_or_default();
    let parts: Vec<&str> = bare.split('/').filter(|it| !it.is_empty()).collect();
    let rest: &[&str] = match parts.as_slice() {
        ["api", _, rest @ ..] | ["apis", _, _, rest @ ..] => rest,
        _ => &[],
    };
    let version = match parts.as_slice() {
        ["api", version, ..] => (*version).to_owned(),
        ["apis", group, version, ..] => format!("{group}/{version}"),
        _ => String::new(),
    };
    let (namespace, rest) = match rest {
        ["namespaces", namespace, rest @ ..] if !rest.is_empty() && rest[0] != "status" => {
            (*namespace, rest)
        }
        rest => ("", rest),
    };
    let no_such = || {
        Failure::from(crate::api::Status::failure(
            crate::api::StatusReason::NotFound,
            "the server could not find the requested resource",
        ))
    };
    let name = rest.first().copied().unwrap_or_default();
    let resource = super::super::resource::RESOURCES
        .iter()
        .find(|it| it.name == name && it.version == version)
        .ok_or_else(no_such)?;
    let query = Query {
        namespace: namespace.to_owned(),
        ..Query::default()
    };
    let document = match rest {
        [_] => {
            let kind = resource.modelled()?;
            let store = ctx.target.cluster().store();
            let options = crate::store::api::ListOptions {
                namespace: namespace.to_owned(),
                ..Default::default()
            };
            store.list(kind, &options).document(kind, &options)
        }
        [_, name] | [_, name, "status"] => {
            let item: Item = arguments::named(resource, name, &query);
            Value::clone(&*arguments::live(ctx, &item)?)
        }
        [_, name, "scale"] => {
            let reference = arguments::named(resource, name, &query).reference()?;
            ctx.target.cluster().store().scale(&reference)?
        }
        _ => return Err(no_such()),
    };
    ctx.out(&format!("{}\n", go_json::compact(&document)));
    Ok(Step::Done(0))
}
