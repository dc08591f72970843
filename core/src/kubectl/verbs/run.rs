//! `kubectl run`: a pod from a few words.
//!
//! `k8s.io/kubectl/pkg/cmd/run/run.go` of 1.32.
//!
//! **Left out**: `--attach`, `-i`, `-t` and `--rm`, for which one must be in the pod; `--overrides`.

use super::super::asking::Asking;
use super::super::command::{Command, Invocation};
use super::super::failure::{Failure, error};
use super::super::io::Ctx;
use super::super::printers::output::{DryRun, Printer};
use super::super::resource;
use super::super::target::{Outcome, Step};
use crate::api::Kind;
use serde_json::{Map, Value, json};

/// `kubectl run`
pub(super) const COMMAND: Command = Command {
    path: "run",
    aliases: &[],
    help: include_str!("../help/run.txt"),
    run,
};

fn run(ctx: &mut Ctx<'_>, invocation: &Invocation) -> Outcome {
    let flags = &invocation.flags;
    if !flags.changed("image") {
        return error("required flag(s) \"image\" not set");
    }
    let (Some(name), words) = (
        invocation.args().first(),
        invocation.args().get(1..).unwrap_or_default(),
    ) else {
        return Err(invocation.usage("NAME is required for run"));
    };
    if flags.n_before_dash == Some(0) {
        return Err(invocation.usage("NAME is required for run"));
    }
    if !matches!(flags.text("restart"), "Always" | "OnFailure" | "Never" | "") {
        return Err(invocation.usage(format!("invalid restart policy: {}", flags.text("restart"))));
    }
    if flags.is("rm") && !flags.is("stdin") && !flags.is("attach") {
        return error("--rm should only be used for attached containers");
    }
    if flags.is("stdin") || flags.is("tty") || flags.is("attach") {
        return error(
            "the emulated kubectl attaches to no container: leave out -i, -t and --attach",
        );
    }
    if flags.is("expose") && flags.text("port").is_empty() {
        return error("--port must be set when exposing a service");
    }
    let mut printer = Printer::new(ctx, invocation)?;
    let namespace = invocation.namespace(ctx)?;
    let is_dry = DryRun::of(invocation)? == DryRun::Client;
    let asking = Asking::of(invocation, "kubectl-run")?;
    let labels = match flags.list("labels") {
        none if none.is_empty() => json!({"run": name}),
        told => pairs(&told)?,
    };
    if flags.is("expose") {
        let service = service(invocation, name, &labels);
        make(
            ctx,
            &asking,
            is_dry,
            Kind::Service,
            &namespace,
            service,
            &mut printer,
        )?;
        if flags.text("output") == "yaml" {
            ctx.out("---\n");
        }
    }
    let pod = pod(invocation, name, words, &labels)?;
    make(
        ctx,
        &asking,
        is_dry,
        Kind::Pod,
        &namespace,
        pod,
        &mut printer,
    )?;
    Ok(Step::Done(0))
}

fn make(
    ctx: &mut Ctx<'_>,
    asking: &Asking,
    is_dry: bool,
    kind: Kind,
    namespace: &str,
    mut document: Value,
    printer: &mut Printer,
) -> Result<(), Failure> {
    let resource =
        resource::of_model(kind).ok_or_else(|| Failure::Error("an unknown kind".to_owned()))?;
    if !is_dry {
        document = asking.create(ctx, resource, namespace, &document)?.document;
    }
    printer.done(ctx, &document, "created")
}

fn pairs(told: &[String]) -> Result<Value, Failure> {
    let mut map = Map::new();
    for it in told {
        let Some((key, value)) = it.split_once('=') else {
            return error(format!("unexpected label spec: {it}"));
        };
        map.insert(key.to_owned(), value.into());
    }
    Ok(Value::Object(map))
}

fn service(invocation: &Invocation, name: &str, labels: &Value) -> Value {
    let port = invocation.flags.int("port");
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"creationTimestamp": null, "name": name},
        "spec": {
            "ports": [{"port": port, "protocol": "TCP", "targetPort": port}],
            "selector": labels,
        },
        "status": {"loadBalancer": {}},
    })
}

fn pod(
    invocation: &Invocation,
    name: &str,
    words: &[String],
    labels: &Value,
) -> Result<Value, Failure> {
    let flags = &invocation.flags;
    let mut container = json!({"image": flags.text("image"), "name": name, "resources": {}});
    if !words.is_empty() {
        let field = if flags.is("command") {
            "command"
        } else {
            "args"
        };
        container[field] = json!(words);
    }
    if !flags.text("port").is_empty() {
        container["ports"] = json!([{"containerPort": flags.int("port")}]);
    }
    if !flags.text("image-pull-policy").is_empty() {
        container["imagePullPolicy"] = flags.text("image-pull-policy").into();
    }
    let mut variables = Vec::new();
    for told in flags.array("env") {
        let Some((key, value)) = told.split_once('=').filter(|it| !it.0.is_empty()) else {
            return error(format!("invalid env: {told}"));
        };
        variables.push(json!({"name": key, "value": value}));
    }
    if !variables.is_empty() {
        container["env"] = variables.into();
    }
    let mut metadata = json!({"creationTimestamp": null, "labels": labels, "name": name});
    for told in flags.array("annotations") {
        if let Some((key, value)) = told.split_once('=') {
            metadata["annotations"][key] = value.into();
        }
    }
    let restart = match flags.text("restart") {
        "" => "Always",
        told => told,
    };
    Ok(json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": {
            "containers": [container],
            "dnsPolicy": "ClusterFirst",
            "restartPolicy": restart,
        },
        "status": {},
    }))
}
