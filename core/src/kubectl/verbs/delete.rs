//! `kubectl delete`: objects go, and kubectl waits until they are gone.
//!
//! `k8s.io/kubectl/pkg/cmd/delete/delete.go` of 1.32.
//!
//! **Left out**: `--raw`, `--interactive`.

use super::super::arguments::{self, Item};
use super::super::asking;
use super::super::command::{Command, Invocation};
use super::super::failure::{Failure, error};
use super::super::io::Ctx;
use super::super::object;
use super::super::printers::output::DryRun;
use super::super::target::{Outcome, Step, Task};
use crate::api::ObjectRef;
use crate::store::api::{DeletePropagation, Request, Verb};
use crate::time::Instant;

/// `kubectl delete`
pub(super) const COMMAND: Command = Command {
    path: "delete",
    aliases: &[],
    help: include_str!("../help/delete.txt"),
    run,
};

fn run(ctx: &mut Ctx<'_>, invocation: &Invocation) -> Outcome {
    let flags = &invocation.flags;
    if flags.is("all") && flags.changed("selector") {
        return error("cannot set --all and --selector at the same time");
    }
    if flags.is("now") && flags.changed("grace-period") {
        return error("--now and --grace-period cannot be specified together");
    }
    if !matches!(flags.text("output"), "" | "name") {
        return error(format!(
            "unexpected -o output mode: {}. We only support '-o name'",
            flags.text("output")
        ));
    }
    let is_force = flags.is("force") && flags.int("grace-period") <= 0;
    let picked = arguments::pick_items(ctx, invocation, invocation.args())?;
    if flags.is("force") && flags.int("grace-period") > 0 {
        return error("--force and --grace-period greater than 0 cannot be specified together");
    }
    if is_force {
        ctx.err("Warning: Immediate deletion does not wait for confirmation that the running resource has been terminated. The resource may continue to run on the cluster indefinitely.\n");
    }
    if picked.is_empty() {
        ctx.out("No resources found\n");
        return Ok(Step::Done(0));
    }
    let dry_run = DryRun::of(invocation)?;
    let (mut failures, mut going) = (Vec::new(), Vec::new());
    for item in &picked {
        match remove(ctx, invocation, item, dry_run, is_force) {
            Ok(left) => going.extend(left),
            Err(failure)
                if failure.is_not_found() && (flags.is("ignore-not-found") || flags.is("all")) => {}
            Err(failure) if item.source.is_empty() => failures.push(failure),
            Err(failure) => failures.push(failure.when("deleting", &item.source)),
        }
    }
    let waits = flags.is("wait") && dry_run == DryRun::None && failures.is_empty() && !is_force;
    if waits {
        let limit = flags.duration("timeout");
        let end = (limit.as_millis() > 0).then(|| ctx.clock().now + limit);
        let mut gone = Gone { going, end };
        return match gone.resume(ctx)? {
            Some(code) => Ok(Step::Done(code)),
            None => Ok(Step::Waits(Box::new(gone))),
        };
    }
    Step::after(failures)
}

/// Deletes one object and says so. What to wait for.
fn remove(
    ctx: &mut Ctx<'_>,
    invocation: &Invocation,
    item: &Item,
    dry_run: DryRun,
    is_force: bool,
) -> Result<Option<(Item, String)>, Failure> {
    let live = arguments::live(ctx, item)?;
    if dry_run != DryRun::Client {
        ask(ctx, invocation, item)?;
    }
    if invocation.flags.text("output") == "name" {
        ctx.out(&format!("{}\n", item.shown()));
    } else {
        let what = if is_force { "force deleted" } else { "deleted" };
        let suffix = match dry_run {
            DryRun::None => "",
            DryRun::Client => " (dry run)",
            DryRun::Server => " (server dry run)",
        };
        let kind = item.resource.qualified_singular();
        ctx.out(&format!("{kind} {:?} {what}{suffix}\n", item.name));
    }
    let uid = object::text(&live, &["metadata", "uid"]).to_owned();
    Ok(Some((item.clone(), uid)))
}

/// Asks the server to delete an object.
///
/// # Errors
/// What the server says.
pub(super) fn ask(ctx: &mut Ctx<'_>, invocation: &Invocation, item: &Item) -> Result<(), Failure> {
    let flags = &invocation.flags;
    let mut request = Request::new(Verb::Delete, &item.reference()?);
    request.options.dry_run = DryRun::of(invocation)? == DryRun::Server;
    request.options.propagation = Some(match flags.text("cascade") {
        "" | "background" | "true" => DeletePropagation::Background,
        "foreground" => DeletePropagation::Foreground,
        "orphan" | "false" => DeletePropagation::Orphan,
        other => {
            return error(format!(
                "invalid cascade value ({other}). Must be \"background\", \"foreground\", or \"orphan\""
            ));
        }
    });
    request.options.grace_period_seconds = match (flags.is("now"), flags.int("grace-period")) {
        (true, _) => Some(1),
        (_, 0) if flags.is("force") => Some(0),
        (_, 0) if flags.changed("grace-period") => Some(1),
        (_, n) if n > 0 => Some(n),
        _ if flags.is("force") => Some(0),
        _ => None,
    };
    asking::send(ctx, request).map(|_| ())
}

/// Waits until objects are gone.
#[derive(Debug)]
struct Gone {
    going: Vec<(Item, String)>,
    end: Option<Instant>,
}

impl Task for Gone {
    fn resume(&mut self, ctx: &mut Ctx<'_>) -> Result<Option<i32>, Failure> {
        let store = ctx.target.cluster().store();
        let is_there = |reference: &ObjectRef, uid: &str| {
            let live = store.document(reference);
            live.is_some_and(|it| object::text(it, &["metadata", "uid"]) == uid)
        };
        self.going
            .retain(|(item, uid)| item.reference().is_ok_and(|it| is_there(&it, uid)));
        let Some((item, _)) = self.going.first() else {
            return Ok(Some(0));
        };
        if self.end.is_some_and(|it| ctx.clock().now >= it) {
            return error(format!(
                "timed out waiting for the condition on {}/{}",
                item.resource.name, item.name
            ));
        }
        Ok(None)
    }

    fn wakes_at(&self) -> Option<Instant> {
        self.end
    }
}
