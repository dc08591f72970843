//! Probes: the questions a kubelet asks a container, and what it makes of the answers.
//!
//! `pkg/kubelet/prober` of Kubernetes 1.36. An HTTP or TCP probe asks the sockets on which the pod listens; faults
//! decide what is said there.
//!
//! **Left out**: the random part of a probe's first delay; redirects; host names of probes, which stand for the pod.

use super::super::machines::ContainerFault;
use super::super::{Purpose, Wake};
use super::programme::{self, Beginning};
use super::{ContainerMemory, Turn};
use crate::api::{Container, IntOrString, Probe};
use crate::ip::{IpAddr, Protocol, join_host_port};
use crate::store::NoteKind;
use crate::time::{Duration, Instant};

/// What a kubelet remembers of a probe.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct ProbeMemory {
    /// When it is asked next; not yet set before the first time.
    next: Option<Instant>,
    n_good: i32,
    n_bad: i32,
    /// What the answers came to; nothing before there are enough of them.
    pub(super) verdict: Option<bool>,
    n_asked: i32,
}

/// Which question.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ProbeKind {
    Startup,
    Liveness,
    Readiness,
}

/// What came of asking.
pub(super) struct Asked {
    /// When to ask again.
    pub(super) wake: Option<Wake>,
    /// Whether the container is to be started anew.
    pub(super) is_to_be_killed: bool,
}

impl ProbeKind {
    const fn name(self) -> &'static str {
        match self {
            ProbeKind::Startup => "Startup",
            ProbeKind::Liveness => "Liveness",
            ProbeKind::Readiness => "Readiness",
        }
    }

    fn of(self, spec: &Container) -> Option<&Probe> {
        match self {
            ProbeKind::Startup => spec.startup_probe.as_ref(),
            ProbeKind::Liveness => spec.liveness_probe.as_ref(),
            ProbeKind::Readiness => spec.readiness_probe.as_ref(),
        }
    }
}

/// Whether a container has started, as far as its startup probe goes.
pub(super) fn has_started(spec: &Container, container: &ContainerMemory) -> bool {
    spec.startup_probe.is_none() || container.startup.verdict == Some(true)
}

/// Whether a container takes traffic, as far as its probes go.
pub(super) fn is_ready(spec: &Container, container: &ContainerMemory) -> bool {
    has_started(spec, container)
        && (spec.readiness_probe.is_none() || container.readiness.verdict == Some(true))
}

/// Asks whatever is due of a running container.
pub(super) fn ask(
    turn: &mut Turn<'_>,
    spec: &Container,
    container: &mut ContainerMemory,
    since: Instant,
) -> Asked {
    let mut asked = Asked {
        wake: None,
        is_to_be_killed: false,
    };
    for kind in [
        ProbeKind::Startup,
        ProbeKind::Liveness,
        ProbeKind::Readiness,
    ] {
        let Some(probe) = kind.of(spec) else { continue };
        let waits_for_startup = kind != ProbeKind::Startup && !has_started(spec, container);
        let is_settled = kind == ProbeKind::Startup && container.startup.verdict == Some(true);
        if waits_for_startup || is_settled {
            continue;
        }
        let memory = container.probe_mut(kind);
        let first = since + secs(probe.initial_delay_seconds);
        let now = turn.now();
        if *memory.next.get_or_insert(first.max(now)) <= now {
            let fault = answer(turn, spec, probe, since);
            if let Err(why) = &fault {
                let message = format!("{} probe failed: {why}", kind.name());
                turn.tell(NoteKind::Warning, "Unhealthy", message, Some(&spec.name));
            }
            memory.take(probe, fault.is_ok());
            memory.next = Some(now + secs(probe.period_seconds.unwrap_or(10).max(1)));
        }
        let memory = &*memory;
        let failed = memory.verdict == Some(false) && memory.n_bad >= threshold(probe);
        asked.is_to_be_killed |= kind != ProbeKind::Readiness && failed;
        // The cluster is not quiet before it is known whether the container will be well at all.
        let is_open = memory.verdict.is_none()
            || kind == ProbeKind::Readiness
                && memory.verdict == Some(false)
                && memory.n_asked < threshold(probe);
        let purpose = if is_open {
            Purpose::Progress
        } else {
            Purpose::Routine
        };
        if let Some(at) = memory.next {
            let earlier = asked.wake.map_or(at, |it| it.at.min(at));
            let keeps_busy = asked.wake.is_some_and(|it| it.purpose == Purpose::Progress);
            asked.wake = Some(Wake {
                at: earlier,
                purpose: if keeps_busy {
                    Purpose::Progress
                } else {
                    purpose
                },
            });
        }
    }
    asked
}

fn threshold(probe: &Probe) -> i32 {
    probe.failure_threshold.unwrap_or(3).max(1)
}

fn secs(n: i32) -> Duration {
    Duration::from_secs(u64::try_from(n).unwrap_or(0))
}

impl ProbeMemory {
    fn take(&mut self, probe: &Probe, is_good: bool) {
        self.n_asked += 1;
        if is_good {
            self.n_bad = 0;
            self.n_good += 1;
            if self.n_good >= probe.success_threshold.unwrap_or(1).max(1) {
                self.verdict = Some(true);
            }
        } else {
            self.n_good = 0;
            self.n_bad += 1;
            // A container that never was well is not well from its first bad answer on.
            if self.n_bad >= threshold(probe) || self.verdict.is_none() {
                self.verdict = Some(false);
            }
        }
    }
}

/// What a probe is answered: nothing wrong, or what is, in the prober's words.
fn answer(turn: &Turn<'_>, spec: &Container, probe: &Probe, since: Instant) -> Result<(), String> {
    let listens = match programme::beginning(turn.pod, &spec.name) {
        Beginning::After(length) => since + length <= turn.now(),
        Beginning::Never => false,
    };
    let metadata = &turn.pod.metadata;
    let key = (
        (metadata.namespace.clone(), metadata.name.clone()),
        spec.name.clone(),
    );
    let fault = turn.look.machines.containers.get(&key);
    let ip = turn.addresses().first().copied();
    let timeout = probe.timeout_seconds.unwrap_or(1);
    if let Some(http) = &probe.http_get {
        let port = number(spec, http.port.as_ref());
        let scheme = http
            .scheme
            .as_deref()
            .unwrap_or("HTTP")
            .to_ascii_lowercase();
        let path = http.path.as_deref().unwrap_or("/");
        let slash = if path.starts_with('/') { "" } else { "/" };
        let socket = socket(ip, port);
        let url = format!("{scheme}://{socket}{slash}{path}");
        connect(turn, ip, port, listens).map_err(|it| format!("Get \"{url}\": {it}"))?;
        return match fault {
            Some(ContainerFault::Fails) => Err("HTTP probe failed with statuscode: 500".into()),
            Some(ContainerFault::Hangs) => Err(format!(
                "Get \"{url}\": context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
            )),
            _ => Ok(()),
        };
    }
    if let Some(tcp) = &probe.tcp_socket {
        return connect(turn, ip, number(spec, tcp.port.as_ref()), listens);
    }
    if let Some(grpc) = &probe.grpc {
        connect(turn, ip, u16::try_from(grpc.port).ok(), listens)?;
    }
    match fault {
        Some(ContainerFault::Fails) if probe.grpc.is_some() => {
            Err("service unhealthy (responded with \"NOT_SERVING\")".into())
        }
        Some(ContainerFault::Fails) => Err(String::new()),
        Some(ContainerFault::Hangs) => Err(format!("command timed out: {timeout}s")),
        _ if !listens => Err(String::new()),
        _ => Ok(()),
    }
}

fn socket(ip: Option<IpAddr>, port: Option<u16>) -> String {
    match ip {
        Some(ip) => join_host_port(ip, port.unwrap_or_default()),
        None => format!(":{}", port.unwrap_or_default()),
    }
}

/// A connection to a port, on which the program `listens` if the pod does.
fn connect(
    turn: &Turn<'_>,
    ip: Option<IpAddr>,
    port: Option<u16>,
    listens: bool,
) -> Result<(), String> {
    let accepts = match (ip, port) {
        (Some(ip), Some(port)) => turn.pod.accepts(ip, port, Protocol::Tcp),
        _ => false,
    };
    if accepts && listens {
        Ok(())
    } else {
        Err(format!(
            "dial tcp {}: connect: connection refused",
            socket(ip, port)
        ))
    }
}

/// The number of a port that a probe names.
fn number(spec: &Container, port: Option<&IntOrString>) -> Option<u16> {
    match port? {
        IntOrString::Int(it) => u16::try_from(*it).ok(),
        IntOrString::String(name) => spec
            .ports
            .iter()
            .find(|it| it.name.as_ref() == Some(name))
            .and_then(|it| u16::try_from(it.container_port).ok()),
    }
}
