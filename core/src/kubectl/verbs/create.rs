//! `kubectl create`: objects from files, or from a few words.
//!
//! `k8s.io/kubectl/pkg/cmd/create` of 1.32.
//!
//! **Left out**: `--edit`, `--raw`; generators of kinds the model has nothing of; the order of fields with `-o json`.

use super::super::arguments;
use super::super::asking::Asking;
use super::super::command::{Command, Invocation};
use super::super::failure::{Failure, error};
use super::super::io::Ctx;
use super::super::manifest::{self, Checking};
use super::super::object;
use super::super::printers::output::{DryRun, Printer};
use super::super::resource::{self, Resource};
use super::super::target::{Outcome, Step};
use crate::store::api::last_applied;
use serde_json::{Map, Value, json};

/// `kubectl create`
pub(super) const COMMAND: Command = Command {
    path: "create",
    aliases: &[],
    help: include_str!("../help/create.txt"),
    run,
};

const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

fn run(ctx: &mut Ctx<'_>, invocation: &Invocation) -> Outcome {
    let flags = &invocation.flags;
    if !flags.changed("filename")
        && flags.text("kustomize").is_empty()
        && invocation.args().is_empty()
    {
        return error("must specify one of -f and -k");
    }
    invocation.takes_no_words()?;
    let mut printer = Printer::new(ctx, invocation)?;
    let asking = Asking::of(invocation, "kubectl-create")?;
    let is_dry = DryRun::of(invocation)? == DryRun::Client;
    let (objects, mut failures) = manifest::read(ctx, invocation, Checking::Validates)?;
    if objects.is_empty() && failures.is_empty() {
        return error("no objects passed to create");
    }
    for it in objects {
        let mut item = arguments::item(it);
        let mut document = item.manifest.take().unwrap_or_default();
        if flags.is("save-config") {
            annotate(&mut document);
        }
        if !is_dry {
            let made = asking.create(ctx, item.resource, &item.namespace, &document);
            match made {
                Ok(answer) => document = answer.document,
                Err(failure) => {
                    failures.push(failure.when("creating", &item.source));
                    continue;
                }
            }
        }
        printer.done(ctx, &document, "created")?;
    }
    Step::after(failures)
}

fn annotate(document: &mut Value) {
    let text = last_applied(document);
    if !document["metadata"]["annotations"].is_object() {
        document["metadata"]["annotations"] = Value::Object(Map::new());
    }
    document["metadata"]["annotations"][LAST_APPLIED] = text.into();
}

/// The one name of a generator.
///
/// # Errors
/// When there is none, or several.
pub(super) fn only_name(invocation: &Invocation) -> Result<String, Failure> {
    match invocation.args() {
        [name] => Ok(name.clone()),
        other => {
            Err(invocation.usage(format!("exactly one NAME is required, got {}", other.len())))
        }
    }
}

/// Makes what a generator generated, and says so.
pub(super) fn generate(
    ctx: &mut Ctx<'_>,
    invocation: &Invocation,
    mut document: Value,
    wrap: &str,
) -> Outcome {
    let resource: &'static Resource = resource::of_kind(
        object::text(&document, &["apiVersion"]),
        object::text(&document, &["kind"]),
    )
    .ok_or_else(|| Failure::Error("a generator made an unknown kind".to_owned()))?;
    let mut printer = Printer::new(ctx, invocation)?;
    let is_told = invocation.flags.changed("namespace");
    let namespace = invocation.namespace(ctx)?;
    if resource.namespaced && is_told {
        document["metadata"]["namespace"] = namespace.as_str().into();
    }
    if invocation.flags.is("save-config") {
        annotate(&mut document);
    }
    if DryRun::of(invocation)? != DryRun::Client {
        let asking = Asking::of(invocation, "kubectl-create")?;
        let made = asking.create(ctx, resource, &namespace, &document);
        document = match made {
            Ok(answer) => answer.document,
            Err(failure) if wrap.is_empty() => return Err(failure),
            Err(failure) => {
                return error(format!("failed to create {wrap}: {}", failure.message()));
            }
        };
    }
    printer.done(ctx, &document, "created")?;
    Ok(Step::Done(0))
}

/// `kubectl create namespace`
pub(super) const NAMESPACE: Command = Command {
    path: "create namespace",
    aliases: &["ns"],
    help: include_str!("../help/create_namespace.txt"),
    run: |ctx, invocation| {
        let name = only_name(invocation)?;
        let document = json!({
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"creationTimestamp": null, "name": name},
            "spec": {},
            "status": {},
        });
        generate(ctx, invocation, document, "")
    },
};

/// `kubectl create deployment`
pub(super) const DEPLOYMENT: Command = Command {
    path: "create deployment",
    aliases: &["deploy"],
    help: include_str!("../help/create_deployment.txt"),
    run: deployment,
};

fn deployment(ctx: &mut Ctx<'_>, invocation: &Invocation) -> Outcome {
    let flags = &invocation.flags;
    if !flags.changed("image") {
        return error("required flag(s) \"image\" not set");
    }
    let before_dash = flags.n_before_dash.unwrap_or(invocation.args().len());
    let (names, command) = invocation.args().split_at(before_dash);
    let [name] = names else {
        return Err(invocation.usage(format!("exactly one NAME is required, got {}", names.len())));
    };
    let images = flags.list("image");
    if images.len() > 1 && !command.is_empty() {
        return error("cannot specify multiple --image options and command");
    }
    if flags.changed("replicas") && flags.int("replicas") < 0 {
        return error("--replicas should be greater than or equal to 0");
    }
    let mut containers = Vec::new();
    for image in &images {
        let mut container = json!({"image": image, "name": container_name(image), "resources": {}});
        if !command.is_empty() {
            container["command"] = json!(command);
        }
        containers.push(container);
    }
    if flags.changed("port") && flags.int("port") >= 0 {
        containers[0]["ports"] = json!([{"containerPort": flags.int("port")}]);
    }
    let labels = json!({"app": name});
    let document = json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"creationTimestamp": null, "labels": labels, "name": name},
        "spec": {
            "replicas": if flags.changed("replicas") { flags.int("replicas") } else { 1 },
            "selector": {"matchLabels": labels},
            "strategy": {},
            "template": {
                "metadata": {"creationTimestamp": null, "labels": labels},
                "spec": {"containers": containers},
            },
        },
        "status": {},
    });
    generate(ctx, invocation, document, "deployment")
}

/// A container is named after its image.
fn container_name(image: &str) -> String {
    let last = image.rsplit('/').next().unwrap_or_default();
    let bare = last.split([':', '@']).next().unwrap_or_default();
    let clean: String = bare
        .to_lowercase()
        .chars()
        .map(|it| {
            if it.is_ascii_alphanumeric() || it == '-' {
                it
            } else {
                '-'
            }
        })
        .collect();
    clean.trim_matches('-').to_owned()
}

/// `kubectl create configmap`
pub(super) const CONFIG_MAP: Command = Command {
    path: "create configmap",
    aliases: &["cm"],
    help: include_str!("../help/create_configmap.txt"),
    run: config_map,
};

fn config_map(ctx: &mut Ctx<'_>, invocation: &Invocation) -> Outcome {
    // Flag by flag, in the order in which the real generator complains.
    let name = only_name(invocation)?;
    let flags = &invocation.flags;
    let mut data = Map::new();
    let mut add = |key: &str, value: String| {
        if data.contains_key(key) {
            return error(format!(
                "cannot add key {key:?}, another key by that name already exists in Data for ConfigMap {name:?}"
            ));
        }
        data.insert(key.to_owned(), value.into());
        Ok(())
    };
    let missing =
        |path: &str| Failure::Error(format!("error reading {path}: no such file or directory"));
    for told in flags.array("from-file") {
        let (key, path) = match told.split_once('=') {
            Some((key, path)) => (Some(key), path),
            None => (None, told.as_str()),
        };
        match ctx.files.list(path) {
            Some(inside) => {
                for file in inside {
                    let inner = format!("{}/{file}", path.trim_end_matches('/'));
                    if let Ok(text) = ctx.files.read(&inner) {
                        add(&file, text)?;
                    }
                }
            }
            None => {
                let text = ctx.files.read(path).map_err(|_| missing(path))?;
                add(
                    key.unwrap_or_else(|| path.rsplit('/').next().unwrap_or_default()),
                    text,
                )?;
            }
        }
    }
    for told in flags.array("from-literal") {
        let Some((key, value)) = told.split_once('=').filter(|it| !it.0.is_empty()) else {
            return error(format!("invalid literal source {told}, expected key=value"));
        };
        add(key, value.trim_matches(['\'', '"']).to_owned())?;
    }
    for path in flags.array("from-env-file") {
        let text = ctx.files.read(&path).map_err(|_| missing(&path))?;
        for line in text.lines().map(str::trim_start) {
            if !line.is_empty() && !line.starts_with('#') {
                let (key, value) = line.split_once('=').unwrap_or((line, ""));
                add(key, value.to_owned())?;
            }
        }
    }
    let mut document = json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"creationTimestamp": null, "name": name},
    });
    if !data.is_empty() {
        document["data"] = Value::Object(data);
    }
    generate(ctx, invocation, document, "configmap")
}
