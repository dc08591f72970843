//! The kubelet: runs the pods of its node, asks how they are, and ends them.
//!
//! `pkg/kubelet` of Kubernetes 1.36, with its conditions, reasons and events. Delays: an image is pulled in 0.4 to 2.4
//! seconds by seed, a container starts in 0.2 seconds, an init container works for 1 second, a program asked to end
//! takes 0.2 to 1.2 seconds by seed.
//!
//! A pod whose status says that it runs already, or that it has an address, is taken as it is: a manifest is a
//! cluster's state. Nothing is pulled or started for it, its probes are not asked, and what its status leaves open is
//! filled in.
//!
//! An image whose registry ends in `.invalid` cannot be pulled. Programs run for ever unless a fault or an annotation of
//! their pod ends them (`packetwalk.dev/exits`); an `exec` or gRPC probe succeeds as long as neither says otherwise.
//!
//! **Left out**: volumes, resources, image caches, sidecars among init containers; the order of the parts of one
//! status update.

mod end;
mod life;
mod probe;
mod programme;
mod status;

use super::{Controller, Look, Outcome, Remembered};
use crate::api::{Kind, Node, Object, ObjectRef, Pod};
use crate::ip::{Cidr, IpAddr, nth};
use crate::sorted::gathered;
use crate::store::{Change, Note, NoteKind, Objects, Write};
use crate::time::{Duration, Instant};
use probe::ProbeMemory;
use std::collections::BTreeSet;

const NAME: &str = "kubelet";

pub(super) const CONTROLLER: Controller = Controller {
    name: NAME,
    delay: Duration::from_millis(50),
    watches,
    reconcile,
};

/// What a kubelet remembers of a pod.
#[derive(Clone, Debug, PartialEq)]
pub struct PodMemory {
    stage: Stage,
    containers: Vec<ContainerMemory>,
    /// Whether the pod was running before this kubelet saw it.
    is_adopted: bool,
    /// When its last program ends, once it was asked to.
    ends_at: Option<Instant>,
}

/// How far a pod is.
#[derive(Clone, Debug, PartialEq)]
enum Stage {
    /// Images are pulled.
    Pulling {
        /// When the last one is there.
        until: Instant,
    },
    /// An image cannot be had.
    PullBackOff {
        /// How often it was tried.
        n_tries: u32,
        /// When it is tried again.
        until: Instant,
    },
    /// An init container works.
    Initializing {
        /// Which.
        idx: usize,
        /// Until when.
        until: Instant,
    },
    /// Its containers run, or are restarted.
    Running,
}

/// What a kubelet remembers of a container.
#[derive(Clone, Debug, PartialEq)]
struct ContainerMemory {
    state: State,
    n_restarts: u32,
    back_off: Duration,
    last_end: Option<Ended>,
    startup: ProbeMemory,
    liveness: ProbeMemory,
    readiness: ProbeMemory,
}

/// What a container is doing.
#[derive(Clone, Debug, PartialEq)]
enum State {
    Running { since: Instant },
    BackOff { until: Instant },
    Ended(Ended),
}

/// How a container ended.
#[derive(Clone, Debug, PartialEq)]
struct Ended {
    exit_code: i32,
    started: Instant,
    finished: Instant,
}

fn watches(change: &Change, _: &Objects) -> Vec<ObjectRef> {
    match &change.after {
        Some(Object::Pod(pod)) if pod.spec.node_name.is_some() => vec![change.object.clone()],
        None if change.object.kind == Kind::Pod => vec![change.object.clone()],
        _ => Vec::new(),
    }
}

fn reconcile(look: &Look<'_>, about: &ObjectRef) -> Outcome {
    if about.kind != Kind::Pod {
        return Outcome::nothing();
    }
    let memory = match look.memory.of(NAME, about) {
        Some(Remembered::Pod(it)) => Some(PodMemory::clone(it)),
        _ => None,
    };
    let Some(Object::Pod(pod)) = look.objects.find(about) else {
        return Outcome {
            remember: memory.map(|_| Remembered::Nothing),
            ..Outcome::default()
        };
    };
    let node_name = pod.spec.node_name.as_deref().unwrap_or_default();
    let Some(node) = look.objects.nodes.get(node_name) else {
        return Outcome::nothing();
    };
    if look.machines.nodes_down.contains_key(node_name) {
        return Outcome::nothing();
    }
    let turn = Turn {
        look,
        about,
        pod: &pod,
        node,
        writes: Vec::new(),
    };
    if pod.is_terminating() {
        turn.end(memory)
    } else if pod.is_over() {
        Outcome::nothing()
    } else {
        turn.live(memory)
    }
}

/// One look at one pod.
struct Turn<'a> {
    look: &'a Look<'a>,
    about: &'a ObjectRef,
    pod: &'a Pod,
    node: &'a Node,
    writes: Vec<Write>,
}

impl Turn<'_> {
    fn now(&self) -> Instant {
        self.look.clock.now
    }

    /// A length of time drawn for this pod and purpose.
    fn drawn_ms(&self, what: &str, from: u64, to: u64) -> Duration {
        let mut luck = self.look.luck(self.about, what);
        Duration::from_millis(from + luck.draw(to - from))
    }

    fn tell(&mut self, kind: NoteKind, reason: &str, message: String, container: Option<&str>) {
        self.writes.push(Write::Record(Note {
            about: self.about.clone(),
            kind,
            reason: reason.to_owned(),
            message,
            component: NAME,
            host: Some(self.node.metadata.name.clone()),
            field_path: container.map(|it| format!("spec.containers{{{it}}}")),
        }));
    }

    /// The pod's addresses: those it has, or the next free ones of its node's ranges.
    fn addresses(&self) -> Vec<IpAddr> {
        let told = self.pod.ips();
        if !told.is_empty() {
            return told;
        }
        if self.pod.spec.host_network {
            return self.node.internal_ips();
        }
        let neighbours = self.look.objects.pods_on(&self.node.metadata.name);
        let pods = neighbours
            .iter()
            .filter_map(|it| self.look.objects.pods.get(it));
        let used: BTreeSet<IpAddr> =
            gathered(pods.filter(|it| !it.is_over()).flat_map(|it| it.ips()));
        let ranges = self.node.pod_ranges().into_iter();
        ranges.filter_map(|it| free(it, &used)).collect()
    }
}

/// The first address of a pod range that a pod can have; the one before is the node's bridge.
const FIRST_POD: u128 = 2;

/// How many addresses of a range are looked at before it counts as full.
const MAX_PODS: u128 = 1 << 16;

fn free(range: Cidr, used: &BTreeSet<IpAddr>) -> Option<IpAddr> {
    (FIRST_POD..MAX_PODS)
        .map_while(|it| nth(range, it))
        .find(|it| !used.contains(it))
}
