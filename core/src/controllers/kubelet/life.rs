//! A pod's life: from its node's first look to running, and restarts on the way.
//!
//! `pkg/kubelet/kuberuntime` of Kubernetes 1.36: back-off of 10 seconds, doubled up to 5 minutes, forgotten after 10
//! minutes of running; the first restart is at once.
//!
//! **Left out**: what the page above names.

use super::super::machines::ContainerFault;
use super::super::{Outcome, Purpose, Remembered, Wake};
use super::probe::{self, ProbeKind, ProbeMemory};
use super::programme;
use super::{ContainerMemory, Ended, PodMemory, Stage, State, Turn};
use crate::api::Container;
use crate::store::NoteKind;
use crate::time::{Duration, Instant};

const START: Duration = Duration::from_millis(200);
const INIT: Duration = Duration::from_secs(1);
const FIRST_BACK_OFF: Duration = Duration::from_secs(10);
const LONGEST_BACK_OFF: Duration = Duration::from_secs(300);
const BACK_OFF_FORGOTTEN: Duration = Duration::from_secs(600);

/// What ends later than this is not waited for.
const SOON: Duration = Duration::from_secs(60);

/// How long a program that crashes runs before it does.
const CRASHES_AFTER: Duration = Duration::from_secs(1);

impl Turn<'_> {
    pub(super) fn live(mut self, memory: Option<PodMemory>) -> Outcome {
        let Some(mut memory) = memory else {
            return self.take_on();
        };
        let before = memory.clone();
        let wake = self.go_on(&mut memory);
        self.report(&memory);
        Outcome {
            writes: self.writes,
            wake,
            remember: (memory != before).then(|| Remembered::Pod(Box::new(memory))),
        }
    }

    /// The first look at a pod.
    fn take_on(mut self) -> Outcome {
        let runs_already = self.pod.status.phase.as_deref() == Some("Running")
            || !self.pod.ips().is_empty()
            || self
                .pod
                .status
                .conditions
                .iter()
                .any(|it| it.kind == "Ready");
        let containers = self.pod.spec.containers.iter();
        let fresh = |_: &Container| ContainerMemory::new(self.now());
        let mut memory = PodMemory {
            stage: Stage::Running,
            containers: containers.map(fresh).collect(),
            is_adopted: runs_already,
            ends_at: None,
        };
        let wake = if runs_already {
            self.adopt();
            None
        } else {
            memory.stage = self.pull(0);
            self.wake_of(&memory.stage)
        };
        if !runs_already {
            self.report(&memory);
        }
        Outcome {
            writes: self.writes,
            wake,
            remember: Some(Remembered::Pod(Box::new(memory))),
        }
    }

    /// Begins to pull images.
    fn pull(&mut self, n_tries: u32) -> Stage {
        let all = self
            .pod
            .spec
            .init_containers
            .iter()
            .chain(&self.pod.spec.containers);
        let mut length = Duration::from_millis(100);
        for container in all {
            let (name, image) = (container.name.clone(), container.image.clone());
            let message = format!("Pulling image \"{image}\"");
            self.tell(NoteKind::Normal, "Pulling", message, Some(&name));
            if !can_be_pulled(&image) {
                return self.cannot_pull(&name, &image, n_tries);
            }
            length = length.max(self.pull_ms(&name));
        }
        Stage::Pulling {
            until: self.now() + length,
        }
    }

    /// Says of every image how long it took.
    fn tell_pulled(&mut self) {
        let pod = self.pod;
        let all = pod.spec.init_containers.iter().chain(&pod.spec.containers);
        for container in all {
            let (name, image) = (&container.name, &container.image);
            let ms = self.pull_ms(name).as_millis();
            let took = format!("{}.{:03}s", ms / 1000, ms % 1000);
            let message = format!(
                "Successfully pulled image \"{image}\" in {took} ({took} including waiting). Image size: {} bytes.",
                image_size(image),
            );
            self.tell(NoteKind::Normal, "Pulled", message, Some(name));
        }
    }

    fn pull_ms(&self, container: &str) -> Duration {
        self.drawn_ms(&format!("pull {container}"), 400, 2400)
    }

    fn cannot_pull(&mut self, name: &str, image: &str, n_tries: u32) -> Stage {
        let host = image.split('/').next().unwrap_or_default();
        let message = format!(
            "Failed to pull image \"{image}\": failed to resolve reference \"{image}\": dial tcp: lookup {host}: no such host"
        );
        self.tell(NoteKind::Warning, "Failed", message, Some(name));
        let message = "Error: ErrImagePull".to_owned();
        self.tell(NoteKind::Warning, "Failed", message, Some(name));
        let message = format!("Back-off pulling image \"{image}\"");
        self.tell(NoteKind::Normal, "BackOff", message, Some(name));
        let message = "Error: ImagePullBackOff".to_owned();
        self.tell(NoteKind::Warning, "Failed", message, Some(name));
        let doubled = (0..n_tries).fold(FIRST_BACK_OFF, |it, _| double(it));
        Stage::PullBackOff {
            n_tries: n_tries + 1,
            until: self.now() + doubled,
        }
    }

    fn wake_of(&self, stage: &Stage) -> Option<Wake> {
        let (at, purpose) = match stage {
            Stage::Pulling { until } | Stage::Initializing { until, .. } => {
                (*until, Purpose::Progress)
            }
            Stage::PullBackOff { until, .. } => (*until, Purpose::Routine),
            Stage::Running => return None,
        };
        Some(Wake { at, purpose })
    }

    /// What is due now, and when to look again.
    fn go_on(&mut self, memory: &mut PodMemory) -> Option<Wake> {
        // Each round ends a stage; there are no more rounds than init containers and a few.
        for _ in 0..self.pod.spec.init_containers.len() + 3 {
            let now = self.now();
            match memory.stage.clone() {
                Stage::Pulling { until } if until <= now => {
                    self.tell_pulled();
                    memory.stage = self.next_stage(0, memory);
                }
                Stage::PullBackOff { n_tries, until } if until <= now => {
                    memory.stage = self.pull(n_tries);
                }
                Stage::Initializing { idx, until } if until <= now => {
                    memory.stage = self.next_stage(idx + 1, memory);
                }
                Stage::Running => return self.look_after(memory),
                _ => break,
            }
        }
        self.wake_of(&memory.stage)
    }

    /// The init container of this number, or, after the last one, the containers.
    fn next_stage(&mut self, idx: usize, memory: &mut PodMemory) -> Stage {
        let names = |it: &[Container]| it.iter().map(|it| it.name.clone()).collect::<Vec<_>>();
        if let Some(name) = names(&self.pod.spec.init_containers).get(idx) {
            self.tell_start(name);
            return Stage::Initializing {
                idx,
                until: self.now() + INIT,
            };
        }
        for name in names(&self.pod.spec.containers) {
            self.tell_start(&name);
        }
        let since = self.now() + START;
        for container in &mut memory.containers {
            *container = ContainerMemory::new(since);
        }
        Stage::Running
    }

    fn tell_start(&mut self, name: &str) {
        let created = format!("Container created: {name}");
        let started = format!("Container started: {name}");
        let version = self.look.objects.cluster.version();
        let (created, started) = if version.minor >= 35 {
            (
                "Container created".to_owned(),
                "Container started".to_owned(),
            )
        } else {
            (
                created.replace("Container created", "Created container"),
                started.replace("Container started", "Started container"),
            )
        };
        self.tell(NoteKind::Normal, "Created", created, Some(name));
        self.tell(NoteKind::Normal, "Started", started, Some(name));
    }

    /// Looks after every container; the earliest of their next times counts.
    fn look_after(&mut self, memory: &mut PodMemory) -> Option<Wake> {
        let specs: Vec<Container> = self.pod.spec.containers.clone();
        let mut wakes = Vec::new();
        for (spec, container) in specs.iter().zip(&mut memory.containers) {
            wakes.extend(self.look_after_one(spec, container, memory.is_adopted));
        }
        let any_progress = wakes.iter().any(|it| it.purpose == Purpose::Progress);
        let at = wakes.iter().map(|it| it.at).min()?;
        Some(Wake {
            at,
            purpose: if any_progress {
                Purpose::Progress
            } else {
                Purpose::Routine
            },
        })
    }

    fn look_after_one(
        &mut self,
        spec: &Container,
        container: &mut ContainerMemory,
        is_adopted: bool,
    ) -> Option<Wake> {
        let now = self.now();
        if let State::BackOff { until } = container.state {
            if until > now {
                return Some(Wake {
                    at: until,
                    purpose: Purpose::Routine,
                });
            }
            self.restart(spec, container);
        }
        let State::Running { since } = container.state else {
            return None;
        };
        if since > now {
            return Some(Wake {
                at: since,
                purpose: Purpose::Progress,
            });
        }
        let crash = self.crash_of(spec, since);
        if let Some((at, exit_code)) = crash
            && at <= now
        {
            self.ended(spec, container, exit_code);
            return self.look_after_one(spec, container, is_adopted);
        }
        // Whoever looks at the cluster sees a program that ends soon end, and being started again.
        let ends = crash.map(|(at, _)| Wake {
            at,
            purpose: if container.n_restarts < 2 && at - now <= SOON {
                Purpose::Progress
            } else {
                Purpose::Routine
            },
        });
        if is_adopted {
            return ends;
        }
        let asked = probe::ask(self, spec, container, since);
        if asked.is_to_be_killed {
            let message = format!(
                "Container {} failed liveness probe, will be restarted",
                spec.name
            );
            self.tell(NoteKind::Normal, "Killing", message, Some(&spec.name));
            self.ended(spec, container, 137);
            return self.look_after_one(spec, container, is_adopted);
        }
        earlier(asked.wake, ends)
    }

    /// When a container will end, and with which exit code, if a fault or its pod's annotation makes it.
    fn crash_of(&self, spec: &Container, since: Instant) -> Option<(Instant, i32)> {
        let metadata = &self.pod.metadata;
        let key = (
            (metadata.namespace.clone(), metadata.name.clone()),
            spec.name.clone(),
        );
        match self.look.machines.containers.get(&key) {
            Some(ContainerFault::Crashes {
                exit_code,
                since: fault,
            }) => {
                let at = if since < *fault {
                    *fault
                } else {
                    since + CRASHES_AFTER
                };
                Some((at, *exit_code))
            }
            Some(ContainerFault::Fails | ContainerFault::Hangs) | None => {
                let exit = programme::exit(self.pod, &spec.name)?;
                Some((since + exit.after, exit.code))
            }
        }
    }

    /// A container has ended: it is started again at once, later, or never.
    fn ended(&mut self, spec: &Container, container: &mut ContainerMemory, exit_code: i32) {
        let now = self.now();
        let started = match container.state {
            State::Running { since } => since,
            _ => now,
        };
        let end = Ended {
            exit_code,
            started,
            finished: now,
        };
        let restarts = match self.pod.spec.restart_policy.as_deref() {
            Some("Never") => false,
            Some("OnFailure") => exit_code != 0,
            _ => true,
        };
        if !restarts {
            container.state = State::Ended(end);
            return;
        }
        container.last_end = Some(end);
        if now - started >= BACK_OFF_FORGOTTEN {
            container.back_off = Duration::default();
        }
        if container.back_off == Duration::default() {
            container.back_off = FIRST_BACK_OFF;
            self.restart(spec, container);
            return;
        }
        container.state = State::BackOff {
            until: now + container.back_off,
        };
        container.back_off = double(container.back_off);
        let metadata = &self.pod.metadata;
        let message = format!(
            "Back-off restarting failed container {} in pod {}_{}({})",
            spec.name,
            metadata.name,
            metadata.namespace,
            metadata.uid.as_deref().unwrap_or_default()
        );
        self.tell(NoteKind::Warning, "BackOff", message, Some(&spec.name));
    }

    fn restart(&mut self, spec: &Container, container: &mut ContainerMemory) {
        let mut message = format!(
            "Container image \"{}\" already present on machine",
            spec.image
        );
        if self.look.objects.cluster.version().minor >= 35 {
            message.push_str(" and can be accessed by the pod");
        }
        self.tell(NoteKind::Normal, "Pulled", message, Some(&spec.name));
        self.tell_start(&spec.name);
        container.n_restarts += 1;
        container.state = State::Running {
            since: self.now() + START,
        };
        for kind in [
            ProbeKind::Startup,
            ProbeKind::Liveness,
            ProbeKind::Readiness,
        ] {
            *container.probe_mut(kind) = ProbeMemory::default();
        }
    }
}

impl ContainerMemory {
    fn new(since: Instant) -> Self {
        ContainerMemory {
            state: State::Running { since },
            n_restarts: 0,
            back_off: Duration::default(),
            last_end: None,
            startup: ProbeMemory::default(),
            liveness: ProbeMemory::default(),
            readiness: ProbeMemory::default(),
        }
    }

    pub(super) const fn probe_mut(&mut self, kind: ProbeKind) -> &mut ProbeMemory {
        match kind {
            ProbeKind::Startup => &mut self.startup,
            ProbeKind::Liveness => &mut self.liveness,
            ProbeKind::Readiness => &mut self.readiness,
        }
    }
}

/// The earlier of two wakes; one that is on the way to something keeps the cluster busy until then.
fn earlier(a: Option<Wake>, b: Option<Wake>) -> Option<Wake> {
    let (Some(first), Some(second)) = (a, b) else {
        return a.or(b);
    };
    let keeps_busy = [first, second]
        .iter()
        .any(|it| it.purpose == Purpose::Progress);
    Some(Wake {
        at: first.at.min(second.at),
        purpose: if keeps_busy {
            Purpose::Progress
        } else {
            Purpose::Routine
        },
    })
}

fn double(it: Duration) -> Duration {
    Duration::from_millis(it.as_millis() * 2).min(LONGEST_BACK_OFF)
}

/// Names under `.invalid` never resolve (RFC 6761), so no registry is there.
fn can_be_pulled(image: &str) -> bool {
    let host = image.split('/').next().unwrap_or_default();
    let host = host.split(':').next().unwrap_or_default();
    !(image.contains('/') && host.ends_with(".invalid"))
}

/// A size for an image: made up, but always the same.
fn image_size(image: &str) -> u64 {
    let sum = image
        .bytes()
        .fold(7u64, |sum, it| sum * 31 % 1_000_003 + u64::from(it));
    20_000_000 + sum * 137
}
