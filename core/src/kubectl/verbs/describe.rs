//! `kubectl describe`: all there is to say of objects.
//!
//! `k8s.io/kubectl/pkg/cmd/describe/describe.go` of 1.32.
//!
//! **Left out**: `--chunk-size`.

use super::super::arguments::{self, Item, Picked, Query};
use super::super::command::{Command, Invocation};
use super::super::describe::{Events, describe};
use super::super::failure::{Failure, error};
use super::super::io::Ctx;
use super::super::object;
use super::super::resource::Resource;
use super::super::target::{Outcome, Step};
use serde_json::Value;
use std::sync::Arc;

/// `kubectl describe`
pub(super) const COMMAND: Command = Command {
    path: "describe",
    aliases: &[],
    help: include_str!("../help/describe.txt"),
    run,
};

fn run(ctx: &mut Ctx<'_>, invocation: &Invocation) -> Outcome {
    let flags = &invocation.flags;
    if invocation.args().is_empty() && !flags.changed("filename") {
        return error(
            "You must specify the type of resource to describe. Use \"kubectl api-resources\" for a complete list of supported resources.",
        );
    }
    let events = if flags.is("show-events") {
        Events::Shown
    } else {
        Events::Hidden
    };
    let query = arguments::query(ctx, invocation)?;
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    match arguments::pick(ctx, invocation, invocation.args())? {
        Picked::Items(items) => {
            for item in &items {
                match matching(ctx, item) {
                    Ok(Matching::Name(it)) => found.push((item.resource, it, "")),
                    Ok(Matching::Beginning(some)) => {
                        found.extend(some.into_iter().map(|it| (item.resource, it, "\n")));
                    }
                    Err(failure) => failures.push(failure),
                }
            }
        }
        Picked::Types(types) => {
            for resource in types {
                let all = arguments::list(ctx, resource, &query)?;
                found.extend(all.into_iter().map(|it| (resource, it, "")));
            }
        }
    }
    let is_empty = found.is_empty() && failures.is_empty();
    print(ctx, &found, events)?;
    if is_empty {
        if flags.is("all-namespaces") {
            ctx.err("No resources found\n");
        } else {
            ctx.err(&format!(
                "No resources found in {} namespace.\n",
                query.namespace
            ));
        }
    }
    Step::after(failures)
}

fn print(
    ctx: &mut Ctx<'_>,
    found: &[(&'static Resource, Arc<Value>, &str)],
    events: Events,
) -> Result<(), Failure> {
    for (idx, (resource, document, end)) in found.iter().enumerate() {
        let text = describe(ctx, resource, document, events)?;
        if idx > 0 && end.is_empty() {
            ctx.out("\n\n");
        }
        ctx.out(&text);
        ctx.out(end);
    }
    Ok(())
}

/// What a name stands for.
enum Matching {
    Name(Arc<Value>),
    /// Nothing has this name, but these begin with it: each gets a blank line behind it.
    Beginning(Vec<Arc<Value>>),
}

/// The object of a name, or those whose names begin so.
fn matching(ctx: &mut Ctx<'_>, item: &Item) -> Result<Matching, Failure> {
    let failure = match arguments::live(ctx, item) {
        Ok(it) => return Ok(Matching::Name(it)),
        Err(failure) if failure.is_not_found() && item.source.is_empty() => failure,
        Err(failure) => return Err(failure),
    };
    let query = Query {
        namespace: item.namespace.clone(),
        ..Query::default()
    };
    let mut all = arguments::list(ctx, item.resource, &query)?;
    all.retain(|it| object::name(it).starts_with(&item.name));
    if all.is_empty() {
        return Err(failure);
    }
    Ok(Matching::Beginning(all))
}
