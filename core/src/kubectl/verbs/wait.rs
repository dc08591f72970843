//! `kubectl wait`: until objects are as one wants them.
//!
//! `k8s.io/kubectl/pkg/cmd/wait` of 1.32.
//!
//! **Left out**: conditions of older generations.

use super::super::arguments::{self, Item, Picked};
use super::super::command::{Command, Invocation};
use super::super::failure::{Failure, error};
use super::super::io::Ctx;
use super::super::object::{items, text};
use super::super::printers::jsonpath::{JsonPath, Missing, printed, relaxed};
use super::super::target::{Outcome, Step, Task};
use crate::time::{Duration, Instant};
use serde_json::Value;

/// `kubectl wait`
pub(super) const COMMAND: Command = Command {
    path: "wait",
    aliases: &[],
    help: include_str!("../help/wait.txt"),
    run,
};

/// What is waited for.
#[derive(Debug)]
enum Wanted {
    Gone,
    There,
    Condition(String, String),
    Path(Box<JsonPath>, Option<String>),
}

fn run(ctx: &mut Ctx<'_>, invocation: &Invocation) -> Outcome {
    let flags = &invocation.flags;
    let wanted = read(flags.text("for"))?;
    let items = match arguments::pick(ctx, invocation, invocation.args())? {
        Picked::Items(items) => items,
        Picked::Types(_) => arguments::pick_items(ctx, invocation, invocation.args())?,
    };
    if items.is_empty() {
        return error("no matching resources found");
    }
    let timeout = flags.duration("timeout");
    let timeout = if timeout.as_millis() == 0 {
        Duration::from_millis(1)
    } else {
        timeout
    };
    let mut left = Vec::new();
    for item in items {
        match (arguments::live(ctx, &item), &wanted) {
            (Err(failure), Wanted::Gone) if failure.is_not_found() => {}
            (Err(failure), Wanted::There) if failure.is_not_found() => left.push(item),
            (Err(failure), _) => return Err(failure),
            (Ok(_), _) => left.push(item),
        }
    }
    let mut task = Waiting {
        wanted,
        left,
        end: ctx.clock().now + timeout,
    };
    match task.resume(ctx)? {
        Some(code) => Ok(Step::Done(code)),
        None => Ok(Step::Waits(Box::new(task))),
    }
}

fn read(told: &str) -> Result<Wanted, Failure> {
    let lower = told.to_lowercase();
    if lower == "delete" {
        return Ok(Wanted::Gone);
    }
    if lower == "create" {
        return Ok(Wanted::There);
    }
    if let Some(condition) = told.strip_prefix("condition=") {
        let (name, value) = condition.split_once('=').unwrap_or((condition, "true"));
        return Ok(Wanted::Condition(name.to_owned(), value.to_owned()));
    }
    let Some(path) = told.strip_prefix("jsonpath=") else {
        return error(format!("unrecognized condition: {told:?}"));
    };
    let path = path.trim_matches('\'');
    let (path, value) = match path.find('}').map(|at| path.split_at(at + 1)) {
        Some((path, rest)) => (path, rest.trim_start_matches('\'').strip_prefix('=')),
        None => match path.split_once('=') {
            Some((path, value)) => (path, Some(value)),
            None => (path, None),
        },
    };
    if value == Some("") {
        return error(
            "jsonpath wait has to have a value after equal sign, like --for=jsonpath='{.status.readyReplicas}'=3",
        );
    }
    let path = relaxed(path)
        .and_then(|it| JsonPath::new(&it, Missing::Allowed))
        .map_err(Failure::Error)?;
    Ok(Wanted::Path(
        Box::new(path),
        value.map(|it| it.trim_matches(['\'', '"']).to_owned()),
    ))
}

#[derive(Debug)]
struct Waiting {
    wanted: Wanted,
    left: Vec<Item>,
    end: Instant,
}

impl Waiting {
    fn is_met(&self, live: Option<&Value>) -> Result<bool, Failure> {
        let Some(live) = live else {
            return Ok(matches!(self.wanted, Wanted::Gone));
        };
        Ok(match &self.wanted {
            Wanted::Gone => false,
            Wanted::There => true,
            Wanted::Condition(name, value) => {
                items(&live["status"]["conditions"]).iter().any(|it| {
                    text(it, &["type"]).eq_ignore_ascii_case(name)
                        && text(it, &["status"]).eq_ignore_ascii_case(value)
                })
            }
            Wanted::Path(path, value) => {
                let found = path.find(live).unwrap_or_default();
                let found: Vec<_> = found.into_iter().flatten().collect();
                match (found.as_slice(), value) {
                    ([], _) => false,
                    (_, None) => true,
                    ([one], Some(value)) => printed(one) == *value,
                    _ => return error("given jsonpath expression matches more than one value"),
                }
            }
        })
    }
}

impl Task for Waiting {
    fn resume(&mut self, ctx: &mut Ctx<'_>) -> Result<Option<i32>, Failure> {
        while let Some(item) = self.left.first() {
            let live = item
                .reference()
                .ok()
                .and_then(|it| ctx.target.cluster().store().document(&it).cloned());
            if !self.is_met(live.as_deref())? {
                break;
            }
            let shown = item.shown();
            ctx.out(&format!("{shown} condition met\n"));
            self.left.remove(0);
        }
        let Some(item) = self.left.first() else {
            return Ok(Some(0));
        };
        if ctx.clock().now >= self.end {
            return error(format!(
                "timed out waiting for the condition on {}/{}",
                item.resource.name, item.name
            ));
        }
        Ok(None)
    }

    fn wakes_at(&self) -> Option<Instant> {
        Some(self.end)
    }
}
