//! Time in a session: what a person did, each step of which can be undone; and what happens to the cluster.
//!
//! Two clocks, and neither is the other. The *walk's* hops have an order and no length: a packet takes no time here.
//! The *cluster's* clock stands still until a person lets time pass or something happen; then its controllers look
//! after their delays, and what they changed is told with its time.
//!
//! Every edit, request and happening is a moment. Going back and doing something else begins another future; the one
//! that was left can be taken up again.
//!
//! **Left out**: moments older than [`MAX_MOMENTS`]; what happened while the cluster came to rest at first.

use super::{Scene, Session, update::Effect};
use crate::api::{Kind, Manifest, Object, ObjectRef};
use crate::controllers::{ContainerFault, Fault};
use crate::sim::{Cluster, Happening, HostId, MAX_PASS, SETTLE_LIMIT, Timeline, World};
use crate::store::{Change, ChangeKind};
use crate::time::{Duration, Instant};
use crate::view::{ClusterEvent, ClusterEventKind, Moment, TimeView};
use std::rc::Rc;

/// The most moments that are kept.
pub const MAX_MOMENTS: usize = 64;

/// The most events of a cluster that are told.
const MAX_TOLD: usize = 60;

/// The most times a clock is stopped to see what changed, in one happening.
const MAX_STOPS: usize = 2_000;

/// What a person did.
#[derive(Clone, Debug)]
pub(super) struct Past {
    moments: Vec<Kept>,
    at: usize,
    left: Vec<Left>,
}

/// A moment as it is kept: all that is needed to stand there again.
#[derive(Clone, Debug)]
struct Kept {
    words: String,
    deed: Deed,
    file: u64,
    text: String,
    from: String,
    to: String,
    /// What was read of a text that has mistakes.
    unread: Option<Manifest>,
    scene: Rc<Scene>,
}

/// A future that was left.
#[derive(Clone, Debug)]
struct Left {
    at: usize,
    moments: Vec<Kept>,
}

/// What kind of thing was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    Begun,
    /// Edits in a row are one.
    Edited,
    Opened,
    Asked,
    Happened,
}

impl Past {
    pub(super) const fn new() -> Past {
        Past {
            moments: Vec::new(),
            at: 0,
            left: Vec::new(),
        }
    }
}

impl Session {
    /// Remembers what was just done.
    pub(super) fn remember(&mut self, deed: Deed, words: String) {
        let kept = Kept {
            words,
            deed,
            file: self.file,
            text: self.text.clone(),
            from: self.from.clone(),
            to: self.to.clone(),
            unread: self.unread.clone(),
            scene: self.scene.clone(),
        };
        let past = &mut self.past;
        let is_at_end = past.at + 1 >= past.moments.len();
        let goes_on = deed == Deed::Edited && is_at_end;
        if goes_on && past.moments.last().is_some_and(|it| it.deed == deed) {
            past.moments[past.at] = kept;
            return;
        }
        if !past.moments.is_empty() && !is_at_end {
            let moments = past.moments.split_off(past.at + 1);
            past.left.push(Left {
                at: past.at,
                moments,
            });
        }
        past.moments.push(kept);
        if past.moments.len() > MAX_MOMENTS {
            past.moments.remove(0);
            past.left.retain(|it| it.at > 0);
            for it in &mut past.left {
                it.at -= 1;
            }
        }
        past.at = past.moments.len() - 1;
    }

    /// The scene before the one that is shown, if it is another.
    pub(super) fn scene_before(&self) -> Option<Rc<Scene>> {
        let earlier = self.past.moments[..self.past.at].iter().rev();
        let mut scenes = earlier.map(|it| &it.scene);
        scenes.find(|it| !Rc::ptr_eq(it, &self.scene)).cloned()
    }

    /// Stands at a moment of the past, or of the future that was undone.
    pub(super) fn stand_at(&mut self, at: usize) -> Vec<Effect> {
        let Some(kept) = self.past.moments.get(at) else {
            return Vec::new();
        };
        self.file = kept.file;
        self.text.clone_from(&kept.text);
        self.from.clone_from(&kept.from);
        self.to.clone_from(&kept.to);
        self.scene = kept.scene.clone();
        self.unread.clone_from(&kept.unread);
        self.forget_question();
        self.past.at = at;
        self.pause()
    }

    pub(super) fn undo(&mut self) -> Vec<Effect> {
        match self.past.at.checked_sub(1) {
            Some(at) => self.stand_at(at),
            None => Vec::new(),
        }
    }

    pub(super) fn redo(&mut self) -> Vec<Effect> {
        self.stand_at(self.past.at + 1)
    }

    /// Takes up a future that was left; the present one is left instead.
    pub(super) fn take_up(&mut self, idx: usize) -> Vec<Effect> {
        if idx >= self.past.left.len() {
            return Vec::new();
        }
        let past = &mut self.past;
        let future = past.left.remove(idx);
        let moments = past.moments.split_off(future.at + 1);
        if !moments.is_empty() {
            past.left.push(Left {
                at: future.at,
                moments,
            });
        }
        past.moments.extend(future.moments);
        self.stand_at(future.at + 1)
    }

    /// Something happens to the cluster.
    pub(super) fn happen(&mut self, event: Happening, words: String) -> Vec<Effect> {
        let mut timeline = self.scene.timeline.clone();
        let told = watched(timeline.cluster(), &event);
        if timeline.happen(event).is_err() {
            return Vec::new();
        }
        self.take_on(timeline, told, words);
        self.pause()
    }

    /// The timeline is one event longer.
    pub(super) fn take_on(&mut self, timeline: Timeline, told: Vec<ClusterEvent>, words: String) {
        let mut history = self.scene.history.clone();
        history.told.extend(told);
        let surplus = history.told.len().saturating_sub(MAX_TOLD);
        history.told.drain(..surplus);
        history.deeds.push(words.clone());
        let manifest = self.scene.manifest.clone();
        let asked = (self.from.as_str(), self.to.as_str());
        let scene = Scene::at(manifest, timeline, history, asked, Some(&self.scene));
        self.scene = Rc::new(scene);
        self.remember(Deed::Happened, words);
    }

    /// One of the things that may happen, by its place in the list.
    pub(super) fn act(&mut self, idx: usize) -> Vec<Effect> {
        let Some((words, event)) = self.scene.acts.get(idx).cloned() else {
            return Vec::new();
        };
        match command(&event) {
            Some(command) => self.act_by_line(&command, words),
            None => self.happen(event, words),
        }
    }

    /// Time, as there is to see.
    pub(super) fn look_at_time(&self) -> TimeView {
        let cluster = self.scene.timeline.cluster();
        let past = &self.past;
        TimeView {
            now: seconds(cluster.clock().now),
            events: self.scene.history.told.clone(),
            moments: past
                .moments
                .iter()
                .enumerate()
                .map(|(idx, it)| Moment {
                    words: it.words.clone(),
                    is_now: idx == past.at,
                })
                .collect(),
            left: past
                .left
                .iter()
                .filter_map(|it| {
                    let first = it.moments.first()?;
                    Some(format!("{}, and what followed", first.words))
                })
                .collect(),
            acts: self.scene.act_words.clone(),
        }
    }
}

/// A moment of the cluster's clock in seconds: `12.5 s`.
fn seconds(at: Instant) -> String {
    let tenths = at.as_millis() / 100;
    format!("{}.{} s", tenths / 10, tenths % 10)
}

/// The words for time that passes.
pub(super) fn passing(length: Duration) -> String {
    format!("{length} pass")
}

/// The longest that one waits for a cluster to come to rest.
pub(super) const REST: Duration = SETTLE_LIMIT;

/// What may go wrong, or right again, with this cluster's own pods and nodes.
pub(super) fn acts(world: &World, timeline: &Timeline) -> Vec<(String, Happening)> {
    let cluster = timeline.cluster();
    let machines = cluster.machines();
    let mut acts = Vec::new();
    for (key, pod) in &world.objects.pods {
        let id = HostId::Pod(key.0.clone(), key.1.clone());
        if key.0 == "kube-system" || world.network.host(&id).is_none() {
            continue;
        }
        let Some(container) = pod.spec.containers.first() else {
            continue;
        };
        let name = &key.1;
        let is_ill = machines.containers.keys().any(|it| it.0 == *key);
        let about = |fault| Fault::Container {
            pod: key.clone(),
            container: container.name.clone(),
            fault,
        };
        if is_ill {
            let well = Fault::Well {
                pod: key.clone(),
                container: container.name.clone(),
            };
            acts.push((format!("{name} is well again"), well));
        } else {
            acts.push((
                format!("{name} hangs: it answers nothing"),
                about(ContainerFault::Hangs),
            ));
            let crash = ContainerFault::Crashes {
                exit_code: 1,
                since: cluster.clock().now,
            };
            acts.push((format!("{name} crashes"), about(crash)));
        }
    }
    for node in world.objects.nodes.keys() {
        acts.push(if machines.nodes_down.contains_key(node) {
            (format!("{node} comes back"), Fault::NodeUp(node.clone()))
        } else {
            (format!("{node} loses power"), Fault::NodeDown(node.clone()))
        });
    }
    acts.into_iter()
        .map(|(words, fault)| (words, Happening::Fault(fault)))
        .collect()
}

/// The line of a shell that makes something happen, where there is one: faults of programs have none.
fn command(event: &Happening) -> Option<String> {
    match event {
        Happening::Fault(Fault::NodeDown(node)) => Some(format!("ipmitool -H {node} power off")),
        Happening::Fault(Fault::NodeUp(node)) => Some(format!("ipmitool -H {node} power on")),
        _ => None,
    }
}

/// What an event changes, with the cluster's time of each change: the clock is stopped wherever something is due.
pub(super) fn watched(cluster: &Cluster, event: &Happening) -> Vec<ClusterEvent> {
    let mut told = Vec::new();
    watch(&mut cluster.clone(), event, &mut told);
    told
}

fn watch(cluster: &mut Cluster, event: &Happening, told: &mut Vec<ClusterEvent>) {
    let begun = cluster.clock().now;
    match event {
        Happening::Pass(length) => {
            let until = begun + (*length).min(MAX_PASS);
            watch_until(cluster, until, told, |_| false);
            cluster.advance(until);
        }
        Happening::Settle(limit) => {
            let until = begun + (*limit).min(MAX_PASS);
            watch_until(cluster, until, told, Cluster::is_quiet);
        }
        Happening::Fault(fault) => {
            told.push(ClusterEvent {
                at: seconds(begun),
                kind: ClusterEventKind::Fault,
                words: fault_words(fault),
            });
            cluster.undergo(event);
        }
        Happening::Request(_) => {
            let seen = cluster.store().revision();
            cluster.undergo(event);
            told.extend(changed(cluster, seen));
        }
        Happening::Several(events) => {
            for event in events {
                watch(cluster, event, told);
            }
        }
    }
}

fn watch_until(
    cluster: &mut Cluster,
    until: Instant,
    told: &mut Vec<ClusterEvent>,
    is_over: fn(&mut Cluster) -> bool,
) {
    for _ in 0..MAX_STOPS {
        if is_over(cluster) {
            return;
        }
        let Some(next) = cluster.next_deadline().filter(|it| *it <= until) else {
            return;
        };
        let seen = cluster.store().revision();
        cluster.advance(next);
        told.extend(changed(cluster, seen));
    }
}

fn fault_words(fault: &Fault) -> String {
    match fault {
        Fault::NodeDown(node) => format!("{node} loses power"),
        Fault::NodeUp(node) => format!("{node} comes back"),
        Fault::Container { pod, .. } => format!("{} goes wrong", pod.1),
        Fault::Well { pod, .. } => format!("{} is well again", pod.1),
    }
}

/// The changes since a revision that a packet may notice.
fn changed(cluster: &Cluster, seen: u64) -> Vec<ClusterEvent> {
    let at = seconds(cluster.clock().now);
    let changes = cluster.store().changes_after(seen);
    changes
        .into_iter()
        .flatten()
        .filter_map(|it| {
            let (kind, words) = told(it)?;
            Some(ClusterEvent {
                at: at.clone(),
                kind,
                words,
            })
        })
        .collect()
}

fn told(change: &Change) -> Option<(ClusterEventKind, String)> {
    let name = &change.object.name;
    match change.object.kind {
        Kind::Pod => pod_told(change, name),
        Kind::Node => {
            let is_ready = |it: &Option<Object>| match it {
                Some(Object::Node(it)) => it.is_ready(),
                _ => false,
            };
            let (was, is) = (is_ready(&change.before), is_ready(&change.after));
            match (was, is) {
                (true, false) => Some((
                    ClusterEventKind::Unready,
                    format!("node {name} is not ready"),
                )),
                (false, true) => Some((ClusterEventKind::Ready, format!("node {name} is ready"))),
                _ => None,
            }
        }
        Kind::EndpointSlice => {
            let (was, is) = (endpoints(&change.before), endpoints(&change.after));
            let service = service_of(change).unwrap_or_else(|| short(&change.object));
            (was != is).then(|| {
                let words = format!("endpoints of {service}: {} → {}", was.len(), is.len());
                (ClusterEventKind::Endpoints, words)
            })
        }
        _ => None,
    }
}

fn pod_told(change: &Change, name: &str) -> Option<(ClusterEventKind, String)> {
    let state = |it: &Option<Object>| match it {
        Some(Object::Pod(it)) => Some((it.is_ready(), it.metadata.deletion_timestamp.is_some())),
        _ => None,
    };
    let is_added = change.kind == ChangeKind::Added;
    Some(match (state(&change.before), state(&change.after)) {
        _ if change.kind == ChangeKind::Deleted => {
            (ClusterEventKind::Gone, format!("pod {name} is gone"))
        }
        (_, Some(_)) if is_added => (ClusterEventKind::New, format!("pod {name} is made")),
        (Some((_, false)), Some((_, true))) => {
            (ClusterEventKind::Gone, format!("pod {name} is told to end"))
        }
        (Some((true, _)), Some((false, _))) => (
            ClusterEventKind::Unready,
            format!("pod {name} is not ready"),
        ),
        (Some((false, _)), Some((true, _))) => {
            (ClusterEventKind::Ready, format!("pod {name} is ready"))
        }
        _ => return None,
    })
}

/// The addresses of a slice's ready endpoints.
fn endpoints(slice: &Option<Object>) -> Vec<String> {
    match slice {
        Some(Object::EndpointSlice(it)) => it
            .endpoints
            .iter()
            .filter(|it| it.conditions.is_ready())
            .filter_map(|it| it.addresses.first().cloned())
            .collect(),
        _ => Vec::new(),
    }
}

fn service_of(change: &Change) -> Option<String> {
    match change.after.as_ref().or(change.before.as_ref())? {
        Object::EndpointSlice(it) => it.service_name().map(str::to_owned),
        _ => None,
    }
}

fn short(object: &ObjectRef) -> String {
    object.name.clone()
}
