//! `kubectl apply`: objects become as files say.
//!
//! `k8s.io/kubectl/pkg/cmd/apply/{apply,patcher}.go` of 1.32.
//!
//! **Left out**: `--prune` by sets of objects; `--force` for what cannot be patched; the hand-over of fields from the client's
//! apply to the server's; retries.

use super::super::arguments::{self, Item};
use super::super::asking::Asking;
use super::super::command::{Command, Invocation};
use super::super::failure::{Failure, error};
use super::super::io::Ctx;
use super::super::manifest::{self, Checking};
use super::super::object;
use super::super::printers::output::{DryRun, Format, Printer};
use super::super::resource::RESOURCES;
use super::super::target::{Outcome, Step};
use crate::api::{ObjectRef, StatusReason};
use crate::store::api::{Step as Asked, Verb, client_side_apply, last_applied};
use crate::store::patch::PatchError;
use serde_json::{Value, json};

/// `kubectl apply`
pub(super) const COMMAND: Command = Command {
    path: "apply",
    aliases: &[],
    help: include_str!("../help/apply.txt"),
    run,
};

const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

const CONFLICT_ADVICE: &str = "
Please review the fields above--they currently have other managers. Here
are the ways you can resolve this warning:
* If you intend to manage all of these fields, please re-run the apply
  command with the `--force-conflicts` flag.
* If you do not intend to manage all of the fields, please edit your
  manifest to remove references to the fields that should keep their
  current managers.
* You may co-own fields by updating your manifest to match the existing
  value; in this case, you'll become the manager if the other manager(s)
  stop managing the field (remove it from their configuration).
See https://kubernetes.io/docs/reference/using-api/server-side-apply/#conflicts";

fn run(ctx: &mut Ctx<'_>, invocation: &Invocation) -> Outcome {
    let flags = &invocation.flags;
    check(invocation)?;
    let is_server_side = flags.is("server-side");
    let mut printer = Printer::new(ctx, invocation)?;
    let (objects, mut failures) = manifest::read(ctx, invocation, Checking::Validates)?;
    if objects.is_empty() && failures.is_empty() {
        return error("no objects passed to apply");
    }
    let mut applied = Vec::new();
    let mut references = Vec::new();
    for it in objects {
        let item = arguments::item(it);
        let manifest = item.manifest.clone().unwrap_or_default();
        references.push((item.resource, item.namespace.clone(), item.name.clone()));
        let done = if is_server_side {
            server_side(ctx, invocation, &item, manifest)
        } else {
            client_side(ctx, invocation, &item, &manifest)
        };
        match done {
            Ok((document, what)) if matches!(printer.format, Format::Human { .. }) => {
                printer.done(ctx, &document, what)?;
            }
            Ok((document, _)) => applied.push(document),
            Err(failure) => failures.push(failure),
        }
    }
    match applied.len() {
        0 => {}
        1 => printer.print(ctx, &applied[0])?,
        _ => {
            let list =
                json!({"apiVersion": "v1", "kind": "List", "metadata": {}, "items": applied});
            printer.print(ctx, &list)?;
        }
    }
    if flags.is("prune") && failures.is_empty() {
        prune(ctx, invocation, &references, &mut printer)?;
    }
    Step::after(failures)
}

/// Flags that do not go together.
fn check(invocation: &Invocation) -> Result<(), Failure> {
    let flags = &invocation.flags;
    invocation.takes_no_words()?;
    if !flags.changed("filename") && flags.text("kustomize").is_empty() {
        return error("must specify one of -f and -k");
    }
    let is_server_side = flags.is("server-side");
    if flags.is("force-conflicts") && !is_server_side {
        return error("--force-conflicts only works with --server-side");
    }
    if is_server_side && DryRun::of(invocation)? == DryRun::Client {
        return error(
            "--dry-run=client doesn't work with --server-side (did you mean --dry-run=server instead?)",
        );
    }
    if is_server_side && flags.is("force") {
        return error("--force cannot be used with --server-side");
    }
    Ok(())
}

type Applied = Result<(Value, &'static str), Failure>;

/// What an error says about an object: `Resource: …`.
fn described(item: &Item) -> String {
    let (resource, kind) = item.resource.mapping();
    format!(
        "Resource: {resource:?}, GroupVersionKind: {kind:?}\nName: {:?}, Namespace: {:?}",
        item.name, item.namespace
    )
}

fn client_side(
    ctx: &mut Ctx<'_>,
    invocation: &Invocation,
    item: &Item,
    manifest: &Value,
) -> Applied {
    // What was applied, what is there, what is to be: each step needs all of the one before.
    let generate = object::text(manifest, &["metadata", "generateName"]);
    if item.name.is_empty() && !generate.is_empty() {
        return error(format!(
            "from {generate}: cannot use generate name with apply"
        ));
    }
    let asking = Asking::of(invocation, "kubectl-client-side-apply")?;
    let is_dry = DryRun::of(invocation)? == DryRun::Client;
    let live = match arguments::live(ctx, item) {
        Ok(it) => Some(it),
        Err(failure) if failure.is_not_found() => None,
        Err(failure) => {
            return Err(failure.after(&format!(
                "error when retrieving current configuration of:\n{}\nfrom server for: {:?}: ",
                described(item),
                item.source
            )));
        }
    };
    let kind = item.resource.modelled()?;
    let asked =
        client_side_apply(kind, manifest, live.as_deref()).map_err(|it| patch_failure(&it))?;
    if let Some(warning) = &asked.warning {
        // It is said each time, not once.
        ctx.err(&format!("Warning: {warning}\n"));
    }
    let object = ObjectRef::new(kind, &item.namespace, &item.name);
    match asked.step {
        Asked::Create(Verb::Create(body)) if is_dry => {
            let document = serde_json::from_str(&body).unwrap_or_default();
            Ok((document, "created"))
        }
        Asked::Create(verb) => {
            let unnamed = ObjectRef::new(kind, &item.namespace, "");
            let answer = asking.ask(ctx, verb, &unnamed);
            let answer = answer.map_err(|it| it.when("creating", &item.source))?;
            Ok((answer.document, "created"))
        }
        Asked::Patch(_) | Asked::Nothing if is_dry => Ok((
            live.map(|it| Value::clone(&it)).unwrap_or_default(),
            "configured",
        )),
        Asked::Nothing => Ok((
            live.map(|it| Value::clone(&it)).unwrap_or_default(),
            "unchanged",
        )),
        Asked::Patch(verb) => {
            let patch = match &verb {
                Verb::StrategicPatch(it) | Verb::MergePatch(it) => it.to_string(),
                _ => String::new(),
            };
            let trying = format!("applying patch:\n{patch}\nto:\n{}\nfor:", described(item));
            let answer = asking.ask(ctx, verb, &object);
            let answer = answer.map_err(|it| it.when(&trying, &item.source))?;
            Ok((answer.document, "configured"))
        }
    }
}

fn patch_failure(fault: &PatchError) -> Failure {
    Failure::Error(fault.to_string())
}

fn server_side(
    ctx: &mut Ctx<'_>,
    invocation: &Invocation,
    item: &Item,
    manifest: Value,
) -> Applied {
    let mut asking = Asking::of(invocation, "kubectl")?;
    asking.force = invocation.flags.is("force-conflicts");
    let object = item.reference()?;
    let annotation = last_applied(&manifest);
    let answer =
        asking
            .ask(ctx, Verb::Apply(manifest), &object)
            .map_err(|failure| match failure {
                Failure::Status(status) if status.reason == Some(StatusReason::Conflict) => {
                    Failure::Error(format!("{}{CONFLICT_ADVICE}", status.message))
                }
                other => other,
            })?;
    let mut document = answer.document;
    let noted = object::text(&document, &["metadata", "annotations", LAST_APPLIED]);
    if !noted.is_empty() && noted != annotation && !asking.dry_run {
        let note = json!({
            "apiVersion": document["apiVersion"],
            "kind": document["kind"],
            "metadata": {
                "name": object.name,
                "namespace": object.namespace,
                "annotations": {LAST_APPLIED: annotation},
            },
        });
        "kubectl-last-applied".clone_into(&mut asking.manager);
        asking.force = true;
        document = asking.ask(ctx, Verb::Apply(note), &object)?.document;
    }
    Ok((document, "serverside-applied"))
}

/// Kinds that `--prune` looks through.
const PRUNED: [&str; 14] = [
    "configmaps",
    "endpoints",
    "persistentvolumeclaims",
    "pods",
    "replicationcontrollers",
    "secrets",
    "services",
    "jobs",
    "cronjobs",
    "ingresses",
    "daemonsets",
    "deployments",
    "replicasets",
    "statefulsets",
];

/// Takes away what was applied once and is not in the files any more.
fn prune(
    ctx: &mut Ctx<'_>,
    invocation: &Invocation,
    kept: &[(&'static super::super::resource::Resource, String, String)],
    printer: &mut Printer,
) -> Result<(), Failure> {
    let query = arguments::query(ctx, invocation)?;
    if query.labels.is_empty() && !invocation.flags.is("all") {
        return error(
            "all resources selected for prune without explicitly passing --all. To prune all resources, pass the --all flag. If you did not mean to prune all resources, specify a label selector",
        );
    }
    let is_dry = DryRun::of(invocation)? != DryRun::None;
    for resource in RESOURCES.iter().filter(|it| PRUNED.contains(&it.name)) {
        for document in arguments::list(ctx, resource, &query)? {
            let (namespace, name) = (object::namespace(&document), object::name(&document));
            let is_kept = kept
                .iter()
                .any(|it| it.0 == resource && it.1 == namespace && it.2 == name);
            let was_applied =
                !object::text(&document, &["metadata", "annotations", LAST_APPLIED]).is_empty();
            if is_kept || !was_applied {
                continue;
            }
            if !is_dry {
                let item = arguments::named(resource, name, &query);
                super::delete::ask(ctx, invocation, &item)?;
            }
            printer.done(ctx, &document, "pruned")?;
        }
    }
    Ok(())
}

/// `kubectl apply view-last-applied`
pub(super) const VIEW: Command = Command {
    path: "apply view-last-applied",
    aliases: &[],
    help: include_str!("../help/apply_view-last-applied.txt"),
    run: view,
};

fn view(ctx: &mut Ctx<'_>, invocation: &Invocation) -> Outcome {
    let output = invocation.flags.text("output").to_owned();
    if !matches!(output.as_str(), "yaml" | "json") {
        return Err(invocation.usage(format!(
            "Unexpected -o output mode: {output}. We only support -o yaml|json"
        )));
    }
    for item in arguments::pick_items(ctx, invocation, invocation.args())? {
        let live = arguments::live(ctx, &item)?;
        let text = object::text(&live, &["metadata", "annotations", LAST_APPLIED]);
        if text.is_empty() {
            let place = if item.source.is_empty() {
                ""
            } else {
                &item.source
            };
            return error(format!(
                "no last-applied-configuration annotation found on resource: {}{place}",
                item.name
            ));
        }
        let value: Value = serde_json::from_str(text).unwrap_or_default();
        let shown = if output == "json" {
            format!(
                "{}\n",
                super::super::printers::go_json::pretty(&value, "  ")
            )
        } else {
            super::super::printers::yaml::emit(&value)
        };
        ctx.out(&shown);
    }
    Ok(Step::Done(0))
}
