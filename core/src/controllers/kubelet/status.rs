//! A pod's status, as its kubelet reports it.
//!
//! `pkg/kubelet/status/generate.go` of Kubernetes 1.36.
//!
//! **Left out**: identities of containers and images are made up; `observedGeneration`, which servers write from 1.34 on;
//! the mounts that 1.31 began to repeat.

use super::probe::{has_started, is_ready};
use super::{ContainerMemory, PodMemory, Stage, State, Turn};
use crate::api::Container;
use crate::api::document::qos_class;
use crate::store::{Part, Write};
use crate::time::Instant;
use serde_json::{Value, json};

impl Turn<'_> {
    /// Fills in what the status of a pod that runs already leaves open.
    pub(super) fn adopt(&mut self) {
        let status = &self.pod.status;
        let is_ready = self.pod.is_ready();
        let mut patch = serde_json::Map::new();
        if status.phase.is_none() {
            patch.insert("phase".into(), "Running".into());
        }
        if self.pod.ips().is_empty() || status.pod_ips.is_empty() {
            self.put_addresses(&mut patch);
        }
        if status.start_time.is_none() {
            patch.insert("startTime".into(), self.look.clock.stamp().into());
        }
        self.put_qos_class(&mut patch);
        if !status.conditions.iter().any(|it| it.kind == "Ready") {
            patch.insert("conditions".into(), self.conditions(is_ready, true, false));
        }
        if status.container_statuses.is_empty() {
            let since = self.now();
            let containers = self.pod.spec.containers.iter();
            let running: Vec<Value> = containers
                .map(|it| self.container_status(it, "running", &self.started(since), is_ready, 0))
                .collect();
            patch.insert("containerStatuses".into(), running.into());
        }
        self.patch_status(&patch.into());
    }

    /// Reports how a pod fares.
    pub(super) fn report(&mut self, memory: &PodMemory) {
        if memory.is_adopted {
            self.report_faults(memory);
            return;
        }
        let is_running = memory.stage == Stage::Running;
        let pairs = || self.pod.spec.containers.iter().zip(&memory.containers);
        let now = self.now();
        let well = |(spec, it): (&Container, &ContainerMemory)| {
            matches!(it.state, State::Running { since } if since <= now) && is_ready(spec, it)
        };
        let all_ready = is_running && pairs().all(well);
        let is_over = is_running
            && !memory.containers.is_empty()
            && memory
                .containers
                .iter()
                .all(|it| matches!(it.state, State::Ended(_)));
        let failed = memory
            .containers
            .iter()
            .any(|it| matches!(&it.state, State::Ended(end) if end.exit_code != 0));
        let has_begun = is_running
            && memory
                .containers
                .iter()
                .any(|it| !matches!(it.state, State::Running { since } if since > now));
        let phase = match (is_over, failed, has_begun) {
            (true, true, _) => "Failed",
            (true, false, _) => "Succeeded",
            (_, _, true) => "Running",
            _ => "Pending",
        };
        let containers: Vec<Value> = pairs()
            .map(|(spec, it)| self.status_of(spec, it, &memory.stage))
            .collect();
        let mut patch = serde_json::Map::new();
        patch.insert("phase".into(), phase.into());
        patch.insert(
            "conditions".into(),
            self.conditions(all_ready && !is_over, is_running, is_over),
        );
        patch.insert("containerStatuses".into(), containers.into());
        if !self.pod.spec.init_containers.is_empty() {
            patch.insert(
                "initContainerStatuses".into(),
                self.init_statuses(&memory.stage),
            );
        }
        if self.pod.status.start_time.is_none() {
            patch.insert("startTime".into(), self.look.clock.stamp().into());
        }
        self.put_qos_class(&mut patch);
        // A pod whose image cannot be had has its sandbox all the same, and in it an address.
        if !matches!(memory.stage, Stage::Pulling { .. }) {
            self.put_addresses(&mut patch);
        }
        self.put_host(&mut patch);
        self.patch_status(&patch.into());
    }

    /// What faults do to a pod that was taken as it is: its containers' states, and whether it is ready.
    fn report_faults(&mut self, memory: &PodMemory) {
        let was_hurt = memory.containers.iter().any(|it| {
            it.n_restarts > 0 || it.last_end.is_some() || !matches!(it.state, State::Running { .. })
        });
        if !was_hurt {
            return;
        }
        let pairs = || self.pod.spec.containers.iter().zip(&memory.containers);
        let now = self.now();
        let all_run = memory
            .containers
            .iter()
            .all(|it| matches!(it.state, State::Running { since } if since <= now));
        let containers: Vec<Value> = pairs()
            .map(|(spec, it)| self.status_of(spec, it, &Stage::Running))
            .collect();
        let patch = json!({
            "conditions": self.conditions(all_run, true, false),
            "containerStatuses": containers,
        });
        self.patch_status(&patch);
    }

    fn patch_status(&mut self, status: &Value) {
        self.writes.push(Write::Patch {
            object: self.about.clone(),
            part: Part::Status,
            patch: json!({ "status": status }),
        });
    }

    fn put_qos_class(&self, patch: &mut serde_json::Map<String, Value>) {
        if self.pod.status.qos_class.is_none()
            && let Some(document) = self.look.store.document(self.about)
        {
            patch.insert("qosClass".into(), qos_class(&document["spec"]).into());
        }
    }

    fn put_addresses(&self, patch: &mut serde_json::Map<String, Value>) {
        let ips = self.addresses();
        if let Some(first) = ips.first() {
            patch.insert("podIP".into(), first.to_string().into());
            let all: Vec<Value> = ips.iter().map(|it| json!({"ip": it.to_string()})).collect();
            patch.insert("podIPs".into(), all.into());
        }
        self.put_host(patch);
    }

    fn put_host(&self, patch: &mut serde_json::Map<String, Value>) {
        let ips = self.node.internal_ips();
        if let Some(first) = ips.first() {
            patch.insert("hostIP".into(), first.to_string().into());
            let all: Vec<Value> = ips.iter().map(|it| json!({"ip": it.to_string()})).collect();
            patch.insert("hostIPs".into(), all.into());
        }
    }

    fn started(&self, at: Instant) -> Value {
        json!({"startedAt": self.look.clock.stamp_of(at)})
    }

    /// The pod's conditions; each keeps the time of its last change.
    fn conditions(&self, ready: bool, initialized: bool, is_over: bool) -> Value {
        let gates = &self.pod.spec.readiness_gates;
        let gate_open = |it: &crate::api::ReadinessGate| {
            let known = self.pod.status.conditions.iter();
            known
                .filter(|known| known.kind == it.condition_type)
                .any(|known| known.status == "True")
        };
        let all_gates = gates.iter().all(gate_open);
        let names: Vec<&str> = self
            .pod
            .spec
            .containers
            .iter()
            .map(|it| it.name.as_str())
            .collect();
        let not_ready = if is_over {
            ("PodCompleted", String::new())
        } else {
            (
                "ContainersNotReady",
                format!("containers with unready status: [{}]", names.join(" ")),
            )
        };
        let gate_names: Vec<String> = gates
            .iter()
            .map(|it| {
                format!(
                    "the status of pod readiness gate \"{}\" is not \"True\", but False",
                    it.condition_type
                )
            })
            .collect();
        let none = ("", String::new());
        let pod_ready = match (ready, all_gates) {
            (true, true) => none.clone(),
            (true, false) => ("ReadinessGatesNotReady", gate_names.join(", ")),
            _ => not_ready.clone(),
        };
        let uninitialized = (
            "ContainersNotInitialized",
            "containers with incomplete status: []".to_owned(),
        );
        let rows = [
            ("PodReadyToStartContainers", !is_over, none.clone()),
            (
                "Initialized",
                initialized || self.pod.spec.init_containers.is_empty(),
                if initialized || self.pod.spec.init_containers.is_empty() {
                    none.clone()
                } else {
                    uninitialized
                },
            ),
            ("Ready", ready && all_gates, pod_ready),
            (
                "ContainersReady",
                ready,
                if ready { none.clone() } else { not_ready },
            ),
            ("PodScheduled", true, none),
        ];
        let mut conditions: Vec<Value> = rows.into_iter().map(|it| self.condition(it)).collect();
        // Conditions of readiness gates are somebody else's, and stay.
        for known in &self.pod.status.conditions {
            if gates.iter().any(|it| it.condition_type == known.kind) {
                conditions.push(json!(known));
            }
        }
        conditions.into()
    }

    fn condition(&self, (kind, holds, (reason, message)): (&str, bool, (&str, String))) -> Value {
        let status = if holds { "True" } else { "False" };
        let known = self.pod.status.conditions.iter().find(|it| it.kind == kind);
        let since = known
            .filter(|it| it.status == status)
            .and_then(|it| it.last_transition_time.clone())
            .unwrap_or_else(|| self.look.clock.stamp());
        let mut condition = json!({"type": kind, "status": status, "lastTransitionTime": since});
        if !reason.is_empty() {
            condition["reason"] = reason.into();
        }
        if !message.is_empty() {
            condition["message"] = message.into();
        }
        condition
    }

    fn status_of(&self, spec: &Container, it: &ContainerMemory, stage: &Stage) -> Value {
        let n = it.n_restarts;
        let waiting = |reason: &str, message: Option<String>| {
            let mut waiting = json!({ "reason": reason });
            if let Some(message) = message {
                waiting["message"] = message.into();
            }
            self.container_status(spec, "waiting", &waiting, false, n)
        };
        let mut status = match (stage, &it.state) {
            (Stage::Pulling { .. }, _) => waiting("ContainerCreating", None),
            (Stage::PullBackOff { .. }, _) => waiting(
                "ImagePullBackOff",
                Some(format!("Back-off pulling image \"{}\"", spec.image)),
            ),
            (Stage::Initializing { .. }, _) => waiting("PodInitializing", None),
            (Stage::Running, State::BackOff { .. }) => {
                let metadata = &self.pod.metadata;
                let message = format!(
                    "back-off {} restarting failed container={} pod={}_{}({})",
                    back_off_text(it.back_off),
                    spec.name,
                    metadata.name,
                    metadata.namespace,
                    metadata.uid.as_deref().unwrap_or_default()
                );
                waiting("CrashLoopBackOff", Some(message))
            }
            (Stage::Running, State::Running { since }) if *since > self.now() => {
                waiting("ContainerCreating", None)
            }
            (Stage::Running, State::Running { since }) => {
                let ready = is_ready(spec, it);
                let mut status =
                    self.container_status(spec, "running", &self.started(*since), ready, n);
                status["started"] = has_started(spec, it).into();
                status
            }
            (Stage::Running, State::Ended(end)) => {
                let ended = self.terminated(spec, end, n);
                self.container_status(spec, "terminated", &ended, false, n)
            }
        };
        if let Some(end) = &it.last_end {
            // One that waits to be started again is still the one that ended.
            let waits = matches!(it.state, State::BackOff { .. });
            let ended = if waits { n } else { n.saturating_sub(1) };
            status["lastState"] = json!({"terminated": self.terminated(spec, end, ended)});
            if waits {
                status["containerID"] = self.container_id(spec, n).into();
                status["imageID"] = image_id(&spec.image).into();
            }
        }
        status
    }

    /// The identity of a container of the pod: another one after every restart.
    fn container_id(&self, spec: &Container, n_restarts: u32) -> String {
        let what = format!("container {} {n_restarts}", spec.name);
        let mut luck = self.look.luck(self.about, &what);
        let parts: Vec<String> = (0..4)
            .map(|_| format!("{:016x}", luck.draw(u64::MAX)))
            .collect();
        format!("sim://{}", parts.concat())
    }

    fn terminated(&self, spec: &Container, end: &super::Ended, n_restarts: u32) -> Value {
        json!({
            "containerID": self.container_id(spec, n_restarts),
            "exitCode": end.exit_code,
            "reason": if end.exit_code == 0 { "Completed" } else { "Error" },
            "startedAt": self.look.clock.stamp_of(end.started),
            "finishedAt": self.look.clock.stamp_of(end.finished),
        })
    }

    fn container_status(
        &self,
        spec: &Container,
        state: &str,
        detail: &Value,
        ready: bool,
        n_restarts: u32,
    ) -> Value {
        let has_run = state != "waiting";
        let mut status = json!({
            "name": spec.name,
            "image": spec.image,
            "imageID": if has_run { image_id(&spec.image) } else { String::new() },
            "ready": ready,
            "restartCount": n_restarts,
            "started": state == "running",
            "state": { state: detail },
            "lastState": {},
        });
        if has_run {
            status["containerID"] = self.container_id(spec, n_restarts).into();
        }
        status
    }

    fn init_statuses(&self, stage: &Stage) -> Value {
        let done = match stage {
            Stage::Pulling { .. } | Stage::PullBackOff { .. } => 0,
            Stage::Initializing { idx, .. } => *idx,
            Stage::Running => usize::MAX,
        };
        let works = matches!(stage, Stage::Initializing { .. });
        let all = self.pod.spec.init_containers.iter().enumerate();
        let statuses: Vec<Value> = all
            .map(|(idx, spec)| {
                if idx < done {
                    let detail = json!({"exitCode": 0, "reason": "Completed"});
                    self.container_status(spec, "terminated", &detail, true, 0)
                } else if idx == done && works {
                    self.container_status(spec, "running", &self.started(self.now()), false, 0)
                } else {
                    let detail = json!({"reason": "PodInitializing"});
                    self.container_status(spec, "waiting", &detail, false, 0)
                }
            })
            .collect();
        statuses.into()
    }
}

/// The identity of an image: made up, but always the same for its name.
fn image_id(image: &str) -> String {
    let (name, _) = image.rsplit_once('@').unwrap_or((image, ""));
    let slash = name.rfind('/').unwrap_or(0);
    let name = match name[slash..].rfind(':') {
        Some(at) => &name[..slash + at],
        None => name,
    };
    // Images without a registry are Docker Hub's, and those without a project its own.
    let first = name.split('/').next().unwrap_or_default();
    let has_registry = name.contains('/') && (first.contains(['.', ':']) || first == "localhost");
    let name = match (has_registry, name.contains('/')) {
        (true, _) => name.to_owned(),
        (false, true) => format!("docker.io/{name}"),
        (false, false) => format!("docker.io/library/{name}"),
    };
    let mut digest = String::new();
    // FNV-1a, four times over.
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for _ in 0..4 {
        for byte in image.bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        digest.push_str(&format!("{hash:016x}"));
    }
    format!("{name}@sha256:{digest}")
}

/// A back-off as kubelet prints it: the one that is running, which is half of what comes next.
fn back_off_text(next: crate::time::Duration) -> String {
    let secs = (next.as_secs() / 2).max(10);
    match (secs / 60, secs % 60) {
        (0, secs) => format!("{secs}s"),
        (minutes, secs) => format!("{minutes}m{secs}s"),
    }
}
