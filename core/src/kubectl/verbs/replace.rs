//! `kubectl replace`: objects by others of the same name.
//!
//! `k8s.io/kubectl/pkg/cmd/replace/replace.go` of 1.32.
//!
//! **Left out**: `--raw`; with `--force` waiting for what goes slowly: it is replaced once it is gone.

use super::super::arguments::{self, Item};
use super::super::asking::Asking;
use super::super::command::{Command, Invocation};
use super::super::failure::{Failure, error};
use super::super::io::Ctx;
use super::super::manifest::{self, Checking};
use super::super::printers::output::{DryRun, Printer};
use super::super::target::{Outcome, Step, Task};
use crate::store::api::Verb;

/// `kubectl replace`
pub(super) const COMMAND: Command = Command {
    path: "replace",
    aliases: &[],
    help: include_str!("../help/replace.txt"),
    run,
};

fn run(ctx: &mut Ctx<'_>, invocation: &Invocation) -> Outcome {
    let flags = &invocation.flags;
    if !flags.changed("filename") && flags.text("kustomize").is_empty() {
        return error("must specify one of -f and -k");
    }
    let printer = Printer::new(ctx, invocation)?;
    let asking = Asking::of(invocation, "kubectl-replace")?;
    let (objects, mut failures) = manifest::read(ctx, invocation, Checking::Validates)?;
    if objects.is_empty() && failures.is_empty() {
        return error("no objects passed to replace");
    }
    let items: Vec<Item> = objects.into_iter().map(arguments::item).collect();
    if flags.is("force") {
        return force(ctx, invocation, items, printer, asking, failures);
    }
    let mut printer = printer;
    let is_dry = DryRun::of(invocation)? == DryRun::Client;
    for item in items {
        let done = arguments::live(ctx, &item).and_then(|_| {
            let manifest = item.manifest.clone().unwrap_or_default();
            if is_dry {
                return Ok(manifest);
            }
            let verb = Verb::Update(manifest.to_string());
            Ok(asking.ask(ctx, verb, &item.reference()?)?.document)
        });
        match done {
            Ok(document) => printer.done(ctx, &document, "replaced")?,
            Err(failure) => failures.push(failure.when("replacing", &item.source)),
        }
    }
    Step::after(failures)
}

fn force(
    ctx: &mut Ctx<'_>,
    invocation: &Invocation,
    items: Vec<Item>,
    printer: Printer,
    asking: Asking,
    failures: Vec<Failure>,
) -> Outcome {
    if !failures.is_empty() {
        return Err(Failure::many(failures));
    }
    for item in &items {
        match super::delete::ask(ctx, invocation, item) {
            Ok(()) => {
                let kind = item.resource.qualified_singular();
                ctx.out(&format!("{kind} {:?} deleted\n", item.name));
            }
            Err(failure) if failure.is_not_found() => {}
            Err(failure) => return Err(failure),
        }
    }
    let mut task = Again {
        items,
        printer,
        asking,
    };
    match task.resume(ctx)? {
        Some(code) => Ok(Step::Done(code)),
        None => Ok(Step::Waits(Box::new(task))),
    }
}

/// Makes objects again once they are gone.
#[derive(Debug)]
struct Again {
    items: Vec<Item>,
    printer: Printer,
    asking: Asking,
}

impl Task for Again {
    fn resume(&mut self, ctx: &mut Ctx<'_>) -> Result<Option<i32>, Failure> {
        let store = ctx.target.cluster().store();
        let is_there = |it: &Item| it.reference().is_ok_and(|it| store.document(&it).is_some());
        if self.items.iter().any(is_there) {
            return Ok(None);
        }
        for item in &self.items {
            let manifest = item.manifest.clone().unwrap_or_default();
            let made = self
                .asking
                .create(ctx, item.resource, &item.namespace, &manifest)?;
            self.printer.done(ctx, &made.document, "replaced")?;
        }
        Ok(Some(0))
    }
}
