//! A pod's end: its programs are asked to go, and once they have, the pod is taken away.
//!
//! `pkg/kubelet/kuberuntime/kuberuntime_container.go` (`killContainer`) of Kubernetes 1.36: preStop runs first and
//! counts towards the grace period; what does not end by itself is killed when that is over.
//!
//! **Left out**: preStop commands take no time, except `sleep N`; their failures.

use super::super::machines::ContainerFault;
use super::super::{Outcome, Purpose, Remembered, Wake};
use super::{PodMemory, Stage, Turn};
use crate::api::Container;
use crate::store::{NoteKind, Write};
use crate::time::Duration;

impl Turn<'_> {
    pub(super) fn end(mut self, memory: Option<PodMemory>) -> Outcome {
        let now = self.now();
        let mut memory = memory.unwrap_or(PodMemory {
            stage: Stage::Running,
            containers: Vec::new(),
            is_adopted: true,
            ends_at: None,
        });
        let grace = self
            .pod
            .metadata
            .deletion_grace_period_seconds
            .unwrap_or(30);
        let grace = Duration::from_secs(u64::try_from(grace).unwrap_or(0));
        let ends_at = match memory.ends_at {
            Some(at) => at.min(now + grace),
            None => {
                let specs: Vec<Container> = self.pod.spec.containers.clone();
                let runs = memory.stage == Stage::Running;
                for spec in specs.iter().filter(|_| runs) {
                    let message = format!("Stopping container {}", spec.name);
                    self.tell(NoteKind::Normal, "Killing", message, Some(&spec.name));
                }
                let length = specs.iter().map(|it| self.takes(it, grace)).max();
                now + if runs {
                    length.unwrap_or_default()
                } else {
                    Duration::default()
                }
            }
        };
        if ends_at <= now {
            self.writes.push(Write::Remove(self.about.clone()));
            return Outcome {
                writes: self.writes,
                wake: None,
                remember: Some(Remembered::Nothing),
            };
        }
        memory.ends_at = Some(ends_at);
        Outcome {
            writes: self.writes,
            wake: Some(Wake {
                at: ends_at,
                purpose: Purpose::Progress,
            }),
            remember: Some(Remembered::Pod(Box::new(memory))),
        }
    }

    /// How long a container takes to end.
    fn takes(&self, spec: &Container, grace: Duration) -> Duration {
        let metadata = &self.pod.metadata;
        let key = (
            (metadata.namespace.clone(), metadata.name.clone()),
            spec.name.clone(),
        );
        if self.look.machines.containers.get(&key) == Some(&ContainerFault::Hangs) {
            return grace;
        }
        let by_itself = self.drawn_ms(&format!("end {}", spec.name), 200, 1200);
        let wanted = pre_stop(spec).as_millis() + by_itself.as_millis();
        Duration::from_millis(wanted).min(grace)
    }
}

/// How long a container's preStop takes: a pause, or a command that is one.
fn pre_stop(spec: &Container) -> Duration {
    let handler = spec.lifecycle.as_ref().and_then(|it| it.pre_stop.as_ref());
    let Some(handler) = handler else {
        return Duration::default();
    };
    if let Some(sleep) = &handler.sleep {
        return Duration::from_secs(u64::try_from(sleep.seconds).unwrap_or(0));
    }
    let words = handler.exec.iter().flat_map(|it| &it.command);
    let words: Vec<&str> = words.flat_map(|it| it.split_whitespace()).collect();
    let at = words
        .iter()
        .position(|it| *it == "sleep" || it.ends_with("/sleep"));
    let secs = at
        .and_then(|it| words.get(it + 1))
        .and_then(|it| it.trim_end_matches([';', 's']).parse().ok());
    Duration::from_secs(secs.unwrap_or(0))
}
