//! `kubectl port-forward`: a port of one's own that leads into a pod, past every Service.
//!
//! `k8s.io/kubectl/pkg/cmd/portforward/portforward.go` of 1.32. Who connects to the port asks [`Running::forwards`](super::super::target::Running::forwards).
//!
//! **Left out**: other addresses than those of the loopback; ports that are taken. `--for`, which ends it, is not kubectl's.

use super::super::command::{Command, Invocation};
use super::super::failure::{Failure, error};
use super::super::io::Ctx;
use super::super::object::{at, items, name, namespace, text};
use super::super::target::{Forward, Outcome, Step, Task};
use super::pods::{kubelet_unreachable, object_of, pods_of};
use crate::api::{Kind, ObjectRef};
use crate::time::Instant;
use serde_json::Value;

/// `kubectl port-forward`
pub(super) const COMMAND: Command = Command {
    path: "port-forward",
    aliases: &[],
    help: include_str!("../help/port-forward.txt"),
    run,
};

/// Where ports begin that kubectl chooses itself.
const FIRST_FREE: u16 = 40_000;

fn run(ctx: &mut Ctx<'_>, invocation: &Invocation) -> Outcome {
    let words = invocation.args();
    if words.len() < 2 {
        return Err(invocation.usage("TYPE/NAME and list of ports are required for port-forward"));
    }
    let (item, live) = object_of(ctx, invocation, &words[0])?;
    let pods = pods_of(ctx, &item, &live)?;
    let service = (item.resource.kind == "Service").then_some(&*live);
    let mut forwards = Vec::new();
    for (idx, spec) in words[1..].iter().enumerate() {
        let (local, remote) = spec.split_once(':').unwrap_or((spec, spec));
        let pod = pods.first();
        let target = match (service, pod) {
            (Some(service), _) => service_port(service, remote, pod.map(|it| &**it))?,
            (None, Some(pod)) => pod_port(pod, remote)?,
            (None, None) => return error(format!("no pods found for {}", item.shown())),
        };
        let local = match local {
            "" => FIRST_FREE + u16::try_from(idx).unwrap_or(0),
            _ if !spec.contains(':') => number(remote).unwrap_or(target),
            told => number(told).map_err(|why| {
                Failure::Error(format!("error parsing local port '{told}': {why}"))
            })?,
        };
        let Some(pod) = pod else {
            return error(format!("no pods found for {}", item.shown()));
        };
        forwards.push(Forward {
            local,
            pod: ObjectRef::new(Kind::Pod, namespace(pod), name(pod)),
            port: target,
        });
    }
    let Some(pod) = pods.first() else {
        return error(format!("no pods found for {}", item.shown()));
    };
    let phase = text(pod, &["status", "phase"]);
    if phase != "Running" {
        return error(format!(
            "unable to forward port because pod is not running. Current status={phase}"
        ));
    }
    if let Some(why) = kubelet_unreachable(ctx, pod) {
        return error(format!(
            "error upgrading connection: error dialing backend: {why}"
        ));
    }
    for it in &forwards {
        ctx.out(&format!(
            "Forwarding from 127.0.0.1:{} -> {}\n",
            it.local, it.port
        ));
        ctx.out(&format!(
            "Forwarding from [::1]:{} -> {}\n",
            it.local, it.port
        ));
    }
    let length = invocation.flags.duration("for");
    let end = (length.as_millis() > 0).then(|| ctx.clock().now + length);
    Ok(Step::Waits(Box::new(Forwarding { forwards, end })))
}

fn number(text: &str) -> Result<u16, String> {
    text.parse().map_err(|_| {
        let is_number = !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit());
        let why = if is_number {
            "value out of range"
        } else {
            "invalid syntax"
        };
        format!("strconv.ParseUint: parsing {text:?}: {why}")
    })
}

/// The port of a pod that a port of a Service leads to.
fn service_port(service: &Value, told: &str, pod: Option<&Value>) -> Result<u16, Failure> {
    let ports = items(at(service, &["spec", "ports"]));
    let found = match told.parse::<i64>() {
        Ok(wanted) => ports.iter().find(|it| it["port"] == wanted),
        Err(_) => ports.iter().find(|it| text(it, &["name"]) == told),
    };
    let Some(port) = found else {
        let service = name(service);
        return match told.parse::<i64>() {
            Ok(_) => error(format!(
                "Service {service} does not have a service port {told}"
            )),
            Err(_) => error(format!(
                "Service '{service}' does not have a named port '{told}'"
            )),
        };
    };
    if text(service, &["spec", "clusterIP"]) == "None" {
        return Ok(told.parse().unwrap_or_else(|_| port_number(&port["port"])));
    }
    match (port["targetPort"].as_str(), pod) {
        (Some(named), Some(pod)) => pod_port(pod, named),
        (Some(named), None) => error(format!(
            "Service '{}' has no pod with a port '{named}'",
            name(service)
        )),
        (None, _) => Ok(port_number(&port["targetPort"])),
    }
}

fn port_number(value: &Value) -> u16 {
    value
        .as_u64()
        .and_then(|it| u16::try_from(it).ok())
        .unwrap_or(0)
}

fn pod_port(pod: &Value, told: &str) -> Result<u16, Failure> {
    if let Ok(port) = number(told) {
        return Ok(port);
    }
    let ports = items(at(pod, &["spec", "containers"]))
        .iter()
        .flat_map(|it| items(&it["ports"]));
    let mut named = ports.filter(|it| text(it, &["name"]) == told);
    match named.next() {
        Some(port) => Ok(port_number(&port["containerPort"])),
        None => error(format!(
            "Pod '{}' does not have a named port '{told}'",
            name(pod)
        )),
    }
}

#[derive(Debug)]
struct Forwarding {
    forwards: Vec<Forward>,
    end: Option<Instant>,
}

impl Task for Forwarding {
    fn resume(&mut self, ctx: &mut Ctx<'_>) -> Result<Option<i32>, Failure> {
        let store = ctx.target.cluster().store();
        let lost = self
            .forwards
            .iter()
            .find(|it| store.document(&it.pod).is_none());
        if lost.is_some() {
            return error("lost connection to pod");
        }
        Ok(self.end.filter(|it| ctx.clock().now >= *it).map(|_| 0))
    }

    fn wakes_at(&self) -> Option<Instant> {
        self.end
    }

    fn forwards(&self) -> &[Forward] {
        &self.forwards
    }
}
