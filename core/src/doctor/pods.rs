//! Pods that are not ready, and why: told once for all pods of a workload, with the Services that suffer beneath.
//!
//! Why is read off a pod's status, as its kubelet and the scheduler wrote it, and off the events about it; what a probe asks is
//! held against the ports on which the pod listens.
//!
//! **Left out**: what a program says in its log.

use super::examination::Examination;
use super::finding::{Finding, Severity};
use super::selector::first_request;
use super::service::{Case, short};
use super::words;
use crate::api::{
    Container, ContainerStatus, IntOrString, Kind, Node, ObjectMeta, ObjectRef, Pod, Probe,
};
use crate::ip::Protocol;
use crate::sorted::insert_once;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The pods that are not ready, by what is wrong with them and what they belong to.
#[derive(Default)]
pub(super) struct Troubles<'a> {
    groups: BTreeMap<(&'static str, ObjectRef), Group<'a>>,
}

#[derive(Default)]
struct Group<'a> {
    pods: BTreeMap<&'a str, &'a Arc<Pod>>,
    services: Vec<ObjectRef>,
    /// Those that have nobody else.
    starved: Vec<ObjectRef>,
}

/// Why a pod is not ready.
struct Cause {
    id: &'static str,
    /// What it belongs to: a workload, a node, itself.
    owner: ObjectRef,
}

impl<'a> Troubles<'a> {
    /// Takes note of the pods of a Service that are not ready. Whether there are any.
    pub(super) fn note(&mut self, it: &Examination<'a>, case: &Case<'a>) -> bool {
        let unready: Vec<&'a Arc<Pod>> = case
            .pods
            .iter()
            .copied()
            .filter(|it| !it.is_ready() || it.is_terminating())
            .collect();
        let is_starved = case.n_ready() == 0;
        for pod in &unready {
            let cause = cause(it, pod);
            let group = self.groups.entry((cause.id, cause.owner)).or_default();
            group.pods.insert(&pod.metadata.name, pod);
            insert_once(&mut group.services, case.about.clone());
            if is_starved {
                insert_once(&mut group.starved, case.about.clone());
            }
        }
        !unready.is_empty()
    }

    /// Reports them.
    pub(super) fn report(self, it: &mut Examination<'a>) {
        for ((id, owner), group) in self.groups {
            let Some(first) = group.pods.values().next() else {
                continue;
            };
            let names: Vec<String> = group.pods.keys().map(|it| (*it).to_owned()).collect();
            let severity = match (id, group.starved.is_empty()) {
                ("pods-starting" | "pods-terminating", _) => Severity::Note,
                (_, false) => Severity::Error,
                (_, true) => Severity::Warning,
            };
            let severity = if id == "pods-starting" && !group.starved.is_empty() {
                Severity::Warning
            } else {
                severity
            };
            let finding = describe(it, id, &owner, first, &names);
            let mut finding = Finding {
                severity,
                ..finding
            };
            for about in &group.services {
                let service = it.objects.service(&about.namespace, &about.name);
                let says = if service.is_some_and(|it| it.spec.publish_not_ready_addresses) {
                    "It sends requests there all the same."
                } else if group.starved.contains(about) {
                    "It has no endpoint that is ready: requests are refused."
                } else {
                    "Its other pods take all requests."
                };
                finding.follows(about.clone(), says.into());
            }
            let worst = group.starved.first();
            if let Some(service) = worst.and_then(|at| it.objects.service(&at.namespace, &at.name))
            {
                let case = Case::of(it.objects, service);
                if service.kind() != "ExternalName" {
                    let tried = first_request(it, &case);
                    finding = finding.shown(tried);
                }
            }
            it.report(finding);
        }
    }
}

fn cause(it: &Examination<'_>, pod: &Pod) -> Cause {
    let owner = owner(&pod.metadata);
    let node = pod
        .spec
        .node_name
        .as_ref()
        .and_then(|name| it.objects.nodes.get(name));
    if let Some(node) = node.filter(|it| !it.is_ready()) {
        return Cause {
            id: "node-not-ready",
            owner: ObjectRef::new(Kind::Node, "", &node.metadata.name),
        };
    }
    let id = if pod.is_terminating() {
        "pods-terminating"
    } else if pod.spec.node_name.is_none() {
        "pods-pending"
    } else {
        waiting(pod).unwrap_or_else(|| unready(pod))
    };
    Cause { id, owner }
}

/// What a container of a pod waits for, if it does.
fn waiting(pod: &Pod) -> Option<&'static str> {
    let status = &pod.status;
    let all = status
        .init_container_statuses
        .iter()
        .chain(&status.container_statuses);
    let mut found = None;
    for it in all {
        if let Some(waiting) = &it.state.waiting {
            let id = match waiting.reason.as_deref().unwrap_or_default() {
                "CrashLoopBackOff" => "pods-crash-looping",
                "ImagePullBackOff" | "ErrImagePull" | "InvalidImageName" | "ErrImageNeverPull" => {
                    "pods-image-pull"
                }
                "PodInitializing" | "ContainerCreating" | "" => "pods-starting",
                _ => "pods-not-ready",
            };
            // Whatever is told of one container says more than that the others are still to come.
            if found.is_none() || found == Some("pods-starting") {
                found = Some(id);
            }
        }
        if let Some(end) = &it.state.terminated
            && end.exit_code != 0
        {
            return Some("pods-crash-looping");
        }
    }
    found
}

/// Why a pod that runs is not ready.
fn unready(pod: &Pod) -> &'static str {
    if probed(pod).is_some() {
        return "pods-probe-failing";
    }
    if pod.status.phase.as_deref() == Some("Pending") {
        return "pods-starting";
    }
    "pods-not-ready"
}

/// The container that is not ready and has a probe for it.
fn probed(pod: &Pod) -> Option<(usize, &Container, &'static str, &Probe)> {
    let is_unready = |name: &str| {
        let statuses = &pod.status.container_statuses;
        let known: Option<&ContainerStatus> = statuses.iter().find(|it| it.name == name);
        known.is_none_or(|it| !it.ready)
    };
    let containers = pod.spec.containers.iter().enumerate();
    let mut unready = containers.filter(|it| is_unready(&it.1.name));
    unready.find_map(|(idx, container)| {
        let status = pod.status.container_statuses.iter();
        let started = status
            .filter(|it| it.name == container.name)
            .any(|it| it.started == Some(true));
        match (&container.startup_probe, &container.readiness_probe) {
            (Some(probe), _) if !started => Some((idx, container, "startupProbe", probe)),
            (_, Some(probe)) => Some((idx, container, "readinessProbe", probe)),
            _ => None,
        }
    })
}

/// The workload of a pod: a Deployment behind its ReplicaSet, another controller, or the pod itself.
fn owner(metadata: &ObjectMeta) -> ObjectRef {
    let mut references = metadata.owner_references.iter();
    let controller = references.find(|it| it.controller == Some(true));
    let own = ObjectRef::new(Kind::Pod, &metadata.namespace, &metadata.name);
    let Some(it) = controller else { return own };
    match Kind::from_name(&it.kind) {
        // A ReplicaSet of a Deployment has its name and a hash.
        Some(kind) => ObjectRef::new(kind, &metadata.namespace, &it.name),
        None => own,
    }
}

/// The Deployment whose ReplicaSet this is.
fn deployment(it: &Examination<'_>, owner: &ObjectRef) -> Option<ObjectRef> {
    let key = (owner.namespace.clone(), owner.name.clone());
    match owner.kind {
        Kind::Deployment | Kind::StatefulSet => Some(owner.clone()),
        Kind::ReplicaSet => {
            let set = it.objects.replica_sets.get(&key)?;
            let mut references = set.metadata.owner_references.iter();
            let above = references.find(|it| it.controller == Some(true))?;
            let found = ObjectRef::new(Kind::Deployment, &owner.namespace, &above.name);
            let key = (found.namespace.clone(), found.name.clone());
            it.objects.deployments.contains_key(&key).then_some(found)
        }
        _ => None,
    }
}

/// What is wrong with the pods of a group, of whom `pod` is the first.
fn describe(
    it: &Examination<'_>,
    id: &'static str,
    owner: &ObjectRef,
    pod: &Pod,
    names: &[String],
) -> Finding {
    let metadata = &pod.metadata;
    let about = ObjectRef::new(Kind::Pod, &metadata.namespace, &metadata.name);
    let who = match names {
        [_] => ["Pod ", &short(&about), " is"].concat(),
        _ => ["Pods ", &words::list(names), " are"].concat(),
    };
    let workload = deployment(it, owner);
    let object = workload.clone().unwrap_or_else(|| about.clone());
    let sentence = |what: &str| [&who, " not ready: ", what].concat();
    let new = |path: &str, what: &str| {
        let at = Finding::new(
            id,
            Severity::Error,
            object.clone(),
            path.to_owned(),
            sentence(what),
        );
        at.fact("pods", words::list(names))
    };
    let describe = words::kubectl("describe", &about, "");
    let look = |finding: Finding| finding.look("what is known of it", describe.clone());
    let node = it.objects.nodes.get(&owner.name);
    match (id, node) {
        ("pods-terminating", _) => look(new("metadata.deletionTimestamp", "it was asked to go.")),
        ("pods-pending", _) => pending(it, pod, new),
        ("node-not-ready", Some(node)) => on_silent_node(node, pod, new),
        ("pods-crash-looping", _) => crash_looping(it, pod, &workload, new),
        ("pods-image-pull", _) => image_pull(it, pod, &workload, new),
        ("pods-probe-failing", _) => probe_failing(it, pod, &workload, new),
        ("pods-starting", _) => look(new("status.phase", "it is still starting.")),
        _ => {
            let conditions = pod.status.conditions.iter();
            let said = conditions
                .filter(|it| it.kind == "Ready")
                .find_map(|it| it.message.clone().or_else(|| it.reason.clone()));
            let waiting = pod.status.container_statuses.iter();
            let reason = waiting
                .filter_map(|it| it.state.waiting.as_ref()?.reason.clone())
                .next();
            let what = match reason.or(said) {
                Some(said) => [&said, "."].concat(),
                None => "its status says so, and not why.".to_owned(),
            };
            look(new("status.conditions", &what))
        }
    }
}

fn on_silent_node(node: &Node, pod: &Pod, new: impl Fn(&str, &str) -> Finding) -> Finding {
    let name = &node.metadata.name;
    let about = ObjectRef::new(Kind::Node, "", name);
    let ready = node.status.conditions.iter().find(|it| it.kind == "Ready");
    let said = ready.and_then(|it| it.message.clone()).unwrap_or_default();
    let finding = new(
        "spec.nodeName",
        &["node ", name, " has fallen silent."].concat(),
    );
    let finding = Finding {
        id: "node-not-ready",
        object: about.clone(),
        path: "status.conditions".into(),
        ..finding
    };
    let finding = finding
        .fact("node", name.clone())
        .fact("what the control plane says", said)
        .look(
            "what is known of it",
            words::kubectl("describe", &about, ""),
        );
    if pod.metadata.owner_references.is_empty() {
        return finding;
    }
    finding.mend(
        "if it is gone for good: its pods are made again elsewhere",
        words::kubectl("delete", &about, ""),
    )
}

/// No node takes the pod.
fn pending(it: &Examination<'_>, pod: &Pod, new: impl Fn(&str, &str) -> Finding) -> Finding {
    let conditions = pod.status.conditions.iter();
    let said = conditions
        .filter(|it| it.kind == "PodScheduled")
        .find_map(|it| it.message.clone())
        .unwrap_or_else(|| "it is on no node yet".into());
    let end = if said.ends_with('.') { "" } else { "." };
    let finding = new(
        "spec.nodeName",
        &["no node takes it: ", &said, end].concat(),
    );
    let finding = finding.fact("the scheduler says", said);
    let command = it
        .objects
        .nodes
        .values()
        .filter_map(|node| admitting(pod, node));
    // The node that needs the least.
    match command.min_by_key(Vec::len) {
        Some(commands) if !commands.is_empty() => {
            finding.mend("let a node take it", commands.join(" && "))
        }
        _ => finding,
    }
}

/// The commands after which a node takes a pod; none for a node that should be left alone.
fn admitting(pod: &Pod, node: &Node) -> Option<Vec<String>> {
    let about = ObjectRef::new(Kind::Node, "", &node.metadata.name);
    if !node.is_ready() {
        return None;
    }
    let mut commands = Vec::new();
    if node.spec.unschedulable {
        commands
            .push(words::kubectl("uncordon", &about, "").replace("uncordon node ", "uncordon "));
    }
    for (key, value) in &pod.spec.node_selector {
        if node.metadata.labels.get(key) != Some(value) {
            let label = words::word(&[key, "=", value].concat());
            commands.push(words::kubectl(
                "label",
                &about,
                &[&label, " --overwrite"].concat(),
            ));
        }
    }
    for taint in &node.spec.taints {
        let is_borne = pod.spec.tolerations.iter().any(|it| it.bears(taint));
        let is_cordon = taint.key == "node.kubernetes.io/unschedulable";
        if taint.effect == "PreferNoSchedule" || is_borne || is_cordon {
            continue;
        }
        // What a cluster itself puts on a node is there for a reason.
        if taint.key.contains("kubernetes.io/") {
            return None;
        }
        let taint = words::word(&[&taint.key, ":", &taint.effect, "-"].concat());
        commands.push(words::kubectl("taint", &about, &taint));
    }
    Some(commands)
}

fn crash_looping(
    it: &Examination<'_>,
    pod: &Pod,
    workload: &Option<ObjectRef>,
    new: impl Fn(&str, &str) -> Finding,
) -> Finding {
    let status = &pod.status;
    let all = status
        .init_container_statuses
        .iter()
        .chain(&status.container_statuses);
    let mut hurt = all.filter(|it| it.restart_count > 0 || it.state.terminated.is_some());
    let Some(container) = hurt.next() else {
        return new(
            "status.containerStatuses",
            "its program ends again and again.",
        );
    };
    let end = container.state.terminated.as_ref();
    let end = end.or(container.last_state.terminated.as_ref());
    let code = end.map(|it| it.exit_code.to_string()).unwrap_or_default();
    let why = end.and_then(|it| it.reason.clone()).unwrap_or_default();
    let what = [
        "container ",
        &container.name,
        " ends again and again, with exit code ",
        &code,
        ".",
    ]
    .concat();
    let about = ObjectRef::new(Kind::Pod, &pod.metadata.namespace, &pod.metadata.name);
    let rest = ["-c ", &words::word(&container.name), " --previous"].concat();
    let logs = words::kubectl("logs", &about, &rest).replace("logs pod ", "logs ");
    let finding = new("status.containerStatuses", &what)
        .fact("exit code", code)
        .fact("reason", why)
        .fact("restarts", container.restart_count.to_string())
        .look("what it printed before it ended", logs);
    undone(it, workload, finding)
}

/// With the way back to an earlier revision, where there is one.
fn undone(it: &Examination<'_>, workload: &Option<ObjectRef>, finding: Finding) -> Finding {
    let Some(about) = workload.as_ref().filter(|it| it.kind == Kind::Deployment) else {
        return finding;
    };
    let sets = it.objects.replica_sets.values().filter(|set| {
        let owners = set.metadata.owner_references.iter();
        set.metadata.namespace == about.namespace
            && owners
                .filter(|it| it.controller == Some(true))
                .any(|it| it.name == about.name)
    });
    if sets.count() < 2 {
        return finding;
    }
    let command = [
        "kubectl rollout undo deployment/",
        &words::word(&about.name),
    ]
    .concat();
    let command = if about.namespace == "default" {
        command
    } else {
        [&command, " -n ", &words::word(&about.namespace)].concat()
    };
    finding.mend("go back to the revision before", command)
}

fn image_pull(
    it: &Examination<'_>,
    pod: &Pod,
    workload: &Option<ObjectRef>,
    new: impl Fn(&str, &str) -> Finding,
) -> Finding {
    let statuses = pod.status.init_container_statuses.iter();
    let mut statuses = statuses.chain(&pod.status.container_statuses);
    let waits = statuses.find_map(|it| {
        let reason = it.state.waiting.as_ref()?.reason.as_deref()?;
        (reason.contains("Image")).then(|| (it.name.clone(), it.state.waiting.clone()))
    });
    let (name, waiting) = waits.unwrap_or_default();
    let mut containers = pod.spec.containers.iter().enumerate();
    let found = containers.find(|it| it.1.name == name);
    let (idx, image) = found.map_or((0, ""), |(idx, it)| (idx, it.image.as_str()));
    let path = match workload {
        Some(_) => "spec.template.spec.containers[",
        None => "spec.containers[",
    };
    let path = [path, &idx.to_string(), "].image"].concat();
    let told = last_event(it, pod, "Failed");
    let said = told
        .or(waiting.and_then(|it| it.message))
        .unwrap_or_default();
    let finding = new(&path, &["image ", image, " cannot be pulled."].concat())
        .fact("image", image.to_owned())
        .fact("the kubelet says", said);
    let about = ObjectRef::new(Kind::Pod, &pod.metadata.namespace, &pod.metadata.name);
    let look = words::kubectl("describe", &about, "");
    undone(it, workload, finding.look("what is known of it", look))
}

/// What the last event of a reason about a pod says.
fn last_event(it: &Examination<'_>, pod: &Pod, reason: &str) -> Option<String> {
    let metadata = &pod.metadata;
    let first = (metadata.namespace.clone(), metadata.name.clone());
    let all = it.objects.events.range(first..).map(|it| it.1);
    // Events are called after what they are about.
    let mut about = all.take_while(|it| it.metadata.name.starts_with(&metadata.name));
    let mut found: Option<(Option<String>, String)> = None;
    for event in about.by_ref() {
        let is_its = event.involved_object.name.as_ref() == Some(&metadata.name);
        if !is_its || event.reason != reason || event.metadata.namespace != metadata.namespace {
            continue;
        }
        let at = event.last_timestamp.clone();
        if found.as_ref().is_none_or(|known| known.0 <= at) {
            found = Some((at, event.message.clone()));
        }
    }
    found.map(|it| it.1)
}

fn probe_failing(
    it: &Examination<'_>,
    pod: &Pod,
    workload: &Option<ObjectRef>,
    new: impl Fn(&str, &str) -> Finding,
) -> Finding {
    let Some((idx, container, kind, probe)) = probed(pod) else {
        return new("status.conditions", "a probe of it fails.");
    };
    let template = if workload.is_some() {
        "spec.template."
    } else {
        ""
    };
    let at = [template, "spec.containers[", &idx.to_string(), "].", kind].concat();
    let said = last_event(it, pod, "Unhealthy");
    let heard = said.clone().unwrap_or_default();
    let asked = asked_port(container, probe);
    let listens = listening(pod);
    let is_deaf = asked.is_some_and(|port| !listens.contains(&port));
    let what = match (&asked, is_deaf, said.is_some()) {
        (Some(port), true, _) => {
            let n = port.to_string();
            ["its ", kind, " asks port ", &n, ", where nothing listens."].concat()
        }
        (_, _, true) => ["its ", kind, " fails: ", heard.trim_end_matches('.'), "."].concat(),
        _ => ["its ", kind, " fails."].concat(),
    };
    let finding = new(&at, &what);
    let ports: Vec<String> = listens.iter().map(ToString::to_string).collect();
    let finding = finding
        .fact("the kubelet says", heard)
        .fact(
            "asks port",
            asked.map(|it| it.to_string()).unwrap_or_default(),
        )
        .fact("listens on", words::list(&ports));
    let about = ObjectRef::new(Kind::Pod, &pod.metadata.namespace, &pod.metadata.name);
    let finding = finding.look(
        "what is known of it",
        words::kubectl("describe", &about, ""),
    );
    match (workload, listens.first(), is_deaf) {
        (Some(workload), Some(port), true) => {
            asked_there(finding, workload, (idx, kind, probe), *port)
        }
        _ => finding,
    }
}

/// With the patch that has a workload's probe ask the port where its pods listen.
fn asked_there(
    finding: Finding,
    workload: &ObjectRef,
    (idx, kind, probe): (usize, &str, &Probe),
    port: u16,
) -> Finding {
    let action = match (&probe.http_get, &probe.tcp_socket) {
        (Some(_), _) => "httpGet",
        (_, Some(_)) => "tcpSocket",
        _ => return finding,
    };
    let pointer = [
        "/spec/template/spec/containers/",
        &idx.to_string(),
        "/",
        kind,
        "/",
        action,
        "/port",
    ];
    let patch = json!([{"op": "replace", "path": pointer.concat(), "value": port}]);
    let command = words::json_patch(workload, &patch);
    finding.mend("ask the port that it listens on", command)
}

/// The port that a probe asks.
fn asked_port(container: &Container, probe: &Probe) -> Option<u16> {
    let http = probe.http_get.as_ref().and_then(|it| it.port.as_ref());
    let port = http.or_else(|| probe.tcp_socket.as_ref()?.port.as_ref());
    let number = match port {
        Some(IntOrString::Int(it)) => *it,
        Some(IntOrString::String(name)) => {
            let mut ports = container.ports.iter();
            ports
                .find(|it| it.name.as_ref() == Some(name))?
                .container_port
        }
        None => probe.grpc.as_ref()?.port,
    };
    u16::try_from(number).ok()
}

/// The TCP ports on which a pod can be reached.
pub(super) fn listening(pod: &Pod) -> Vec<u16> {
    let mut ports = Vec::new();
    for it in pod.listens() {
        let is_open = it.address.is_none_or(|it| !it.is_loopback());
        if it.protocol == Protocol::Tcp && is_open {
            insert_once(&mut ports, it.port);
        }
    }
    ports
}
