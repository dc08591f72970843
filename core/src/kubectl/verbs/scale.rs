//! `kubectl scale`: how many pods a workload has.
//!
//! `k8s.io/kubectl/pkg/cmd/scale/scale.go` and `pkg/scale` of 1.32.
//!
//! **Left out**: `--timeout`.

use super::super::arguments::{self, Item};
use super::super::asking;
use super::super::command::{Command, Invocation};
use super::super::failure::{Failure, error};
use super::super::io::Ctx;
use super::super::printers::output::{DryRun, Printer};
use super::super::target::{Outcome, Step};
use crate::store::api::{Request, Subresource, Verb};
use serde_json::{Value, json};

/// `kubectl scale`
pub(super) const COMMAND: Command = Command {
    path: "scale",
    aliases: &[],
    help: include_str!("../help/scale.txt"),
    run,
};

fn run(ctx: &mut Ctx<'_>, invocation: &Invocation) -> Outcome {
    let flags = &invocation.flags;
    if !flags.changed("replicas") {
        return error("required flag(s) \"replicas\" not set");
    }
    if flags.int("replicas") < 0 {
        return error(
            "The --replicas=COUNT flag is required, and COUNT must be greater than or equal to 0",
        );
    }
    let mut printer = Printer::new(ctx, invocation)?;
    let picked = arguments::pick_items(ctx, invocation, invocation.args())?;
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for item in picked {
        match arguments::live(ctx, &item) {
            Ok(_) => found.push(item),
            Err(failure) => failures.push(failure),
        }
    }
    if found.is_empty() {
        let why: Vec<String> = failures.iter().map(Failure::message).collect();
        return error(format!("no objects passed to scale {}", why.join(", ")).trim_end());
    }
    for item in found {
        match one(ctx, invocation, &item) {
            Ok(document) => printer.done(ctx, &document, "scaled")?,
            Err(failure) => failures.push(failure),
        }
    }
    Step::after(failures)
}

fn one(ctx: &mut Ctx<'_>, invocation: &Invocation, item: &Item) -> Result<Value, Failure> {
    let flags = &invocation.flags;
    let reference = item.reference()?;
    let now = ctx.target.cluster().store().scale(&reference)?;
    let replicas = now["spec"]["replicas"].as_i64().unwrap_or(0);
    let wanted = flags.int("current-replicas");
    if wanted >= 0 && wanted != replicas {
        return error(format!("Expected replicas to be {wanted}, was {replicas}"));
    }
    let version = flags.text("resource-version");
    let found = now["metadata"]["resourceVersion"]
        .as_str()
        .unwrap_or_default();
    if !version.is_empty() && version != found {
        return error(format!(
            "Expected resource version to be {version}, was {found}"
        ));
    }
    let dry_run = DryRun::of(invocation)?;
    if dry_run != DryRun::Client {
        let patch = json!({"spec": {"replicas": flags.int("replicas")}});
        let mut request = Request::new(Verb::MergePatch(patch), &reference).by("kubectl");
        request.subresource = Subresource::Scale;
        request.options.dry_run = dry_run == DryRun::Server;
        asking::send(ctx, request)?;
    }
    Ok(Value::clone(&*arguments::live(ctx, item)?))
}
