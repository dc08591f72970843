//! `kubectl run`: a pod from a few words.
//!
//! `k8s.io/kubectl/pkg/cmd/run/run.go` of 1.32.
//!
//! With `-i` or `--attach` the pod's command is run where the pod is, as `exec` does, once it is running.
//!
//! **Left out**: that a pod one was attached to, and that stays, is over afterwards: it goes on running.

use super::super::asking::{self, Asking};
use super::super::command::{Command, Invocation};
use super::super::failure::{Failure, error};
use super::super::io::Ctx;
use super::super::object::{items, text};
use super::super::printers::output::{DryRun, Printer};
use super::super::resource;
use super::super::target::{Outcome, Step, Task, Wanted};
use super::overrides::overridden;
use crate::api::{Kind, ObjectRef};
use crate::store::api::{Request, Verb};
use crate::time::Instant;
use serde_json::{Map, Value, json};

/// `kubectl run`
pub(super) const COMMAND: Command = Command {
    path: "run",
    aliases: &[],
    help: include_str!("../help/run.txt"),
    run,
};

fn run(ctx: &mut Ctx<'_>, invocation: &Invocation) -> Outcome {
    // The checks in the order of the real command, each with its words, then what it makes.
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
    check(invocation)?;
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
    let pod = overridden(invocation, pod(invocation, name, words, &labels)?)?;
    let is_attached = match flags.changed("attach") {
        true => flags.is("attach"),
        false => flags.is("stdin"),
    };
    if is_dry || !is_attached {
        make(
            ctx,
            &asking,
            is_dry,
            Kind::Pod,
            &namespace,
            pod,
            &mut printer,
        )?;
        return Ok(Step::Done(0));
    }
    let mut attached = attach(ctx, invocation, &asking, &namespace, &pod)?;
    match attached.resume(ctx)? {
        Some(code) => Ok(Step::Done(code)),
        None => Ok(Step::Waits(Box::new(attached))),
    }
}

/// Flags that do not go together.
fn check(invocation: &Invocation) -> Result<(), Failure> {
    let flags = &invocation.flags;
    if !matches!(flags.text("restart"), "Always" | "OnFailure" | "Never" | "") {
        return Err(invocation.usage(format!("invalid restart policy: {}", flags.text("restart"))));
    }
    if flags.is("rm") && !flags.is("stdin") && !flags.is("attach") {
        return error("--rm should only be used for attached containers");
    }
    if flags.is("tty") && !flags.is("stdin") {
        return error("-i/--stdin is required for containers with -t/--tty=true");
    }
    if flags.is("expose") && flags.text("port").is_empty() {
        return error("--port must be set when exposing a service");
    }
    Ok(())
}

/// Makes a pod that one attaches to: nothing is said about it before.
fn attach(
    ctx: &mut Ctx<'_>,
    invocation: &Invocation,
    asking: &Asking,
    namespace: &str,
    pod: &Value,
) -> Result<Attached, Failure> {
    let flags = &invocation.flags;
    let resource =
        resource::of_model(Kind::Pod).ok_or_else(|| Failure::Error("no Pods".to_owned()))?;
    let mut document = pod.clone();
    let container = &mut document["spec"]["containers"][0];
    for (field, flag) in [("stdin", "stdin"), ("tty", "tty")] {
        if flags.is(flag) {
            container[field] = true.into();
        }
    }
    if flags.is("stdin") && !flags.is("leave-stdin-open") {
        container["stdinOnce"] = true.into();
    }
    let made = asking.create(ctx, resource, namespace, &document)?.document;
    let name = text(&made, &["metadata", "name"]).to_owned();
    let words: Vec<String> = ["command", "args"]
        .iter()
        .flat_map(|it| items(&pod["spec"]["containers"][0][*it]))
        .filter_map(|it| it.as_str().map(str::to_owned))
        .collect();
    Ok(Attached {
        wanted: Wanted {
            pod: ObjectRef::new(Kind::Pod, namespace, &name),
            container: name,
            words: match words.is_empty() {
                true => vec!["sh".to_owned()],
                false => words,
            },
            takes_input: flags.is("stdin"),
            is_terminal: flags.is("tty"),
        },
        end: ctx.clock().now + flags.duration("pod-running-timeout"),
        is_quiet: flags.is("quiet"),
        is_removed: flags.is("rm"),
        tells_code: matches!(flags.text("restart"), "Never" | "OnFailure"),
        state: Attachment::Starting,
    })
}

/// How far one has come with a pod that one attaches to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Attachment {
    /// It is not running yet.
    Starting,
    /// Its command is to be run.
    Open,
    /// It was, with this exit code.
    Closed(i32),
}

/// A pod that one attaches to.
#[derive(Debug)]
struct Attached {
    wanted: Wanted,
    end: Instant,
    is_quiet: bool,
    is_removed: bool,
    /// Whether the exit code is the command's.
    tells_code: bool,
    state: Attachment,
}

impl Task for Attached {
    fn resume(&mut self, ctx: &mut Ctx<'_>) -> Result<Option<i32>, Failure> {
        match self.state {
            Attachment::Starting => {
                let store = ctx.target.cluster().store();
                let phase = store.document(&self.wanted.pod);
                let phase = phase.map(|it| text(it, &["status", "phase"]).to_owned());
                if phase.as_deref() == Some("Running") {
                    self.state = Attachment::Open;
                    if !self.is_quiet {
                        ctx.err("If you don't see a command prompt, try pressing enter.\n");
                    }
                } else if phase.is_none() || ctx.clock().now >= self.end {
                    self.remove(ctx)?;
                    return error("timed out waiting for the condition");
                }
                Ok(None)
            }
            Attachment::Open => Ok(None),
            Attachment::Closed(code) => {
                self.remove(ctx)?;
                if code == 0 || !self.tells_code {
                    return Ok(Some(0));
                }
                let pod = &self.wanted.pod;
                ctx.err(&format!(
                    "pod {}/{} terminated (Error)\n",
                    pod.namespace, pod.name
                ));
                Ok(Some(code))
            }
        }
    }

    fn wakes_at(&self) -> Option<Instant> {
        (self.state == Attachment::Starting).then_some(self.end)
    }

    fn wanted(&self) -> Option<&Wanted> {
        (self.state == Attachment::Open).then_some(&self.wanted)
    }

    fn answer(&mut self, code: i32) {
        self.state = Attachment::Closed(code);
    }
}

impl Attached {
    fn remove(&self, ctx: &mut Ctx<'_>) -> Result<(), Failure> {
        if !self.is_removed {
            return Ok(());
        }
        asking::send(ctx, Request::new(Verb::Delete, &self.wanted.pod))?;
        if !self.is_quiet {
            ctx.out(&format!("pod {:?} deleted\n", self.wanted.pod.name));
        }
        Ok(())
    }
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
