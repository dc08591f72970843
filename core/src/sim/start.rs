//! How a world begins: manifests, and what lies beneath them.
//!
//! What `-f` gives is a cluster's state, as a dump would show it: objects are taken as they are, what they leave open
//! is filled in, and controllers run until nothing is on its way, at most for [`SETTLE_LIMIT`].
//!
//! Where another world began before that was nearly the same, as when a manifest is edited, its objects are taken over
//! where they come out the same.
//!
//! **Left out**: everything of kubeadm's cluster that no packet of a Service meets; what admission gives a new pod
//! (tolerations, the volume with its token), which a dump holds already.

use super::base::{BaseNotice, Item, lay_beneath};
use super::cluster::{AdvanceEnd, Cluster};
use crate::api::{Complaint, File, Manifest, ObjectRef, read};
use crate::controllers::Fault;
use crate::time::{Clock, Duration, unix_secs};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;

/// How long a world may take to come to rest before it is shown.
pub const SETTLE_LIMIT: Duration = Duration::from_secs(120);

/// How a world begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Start {
    /// The manifests.
    pub files: Vec<StartFile>,
    /// Where luck comes from.
    pub seed: u64,
}

/// A manifest by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StartFile {
    /// Its name, as complaints give it.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// A world that has begun.
#[derive(Clone, Debug)]
pub struct Started {
    /// The cluster, come to rest.
    pub cluster: Arc<Cluster>,
    /// What was read.
    pub manifest: Manifest,
    /// What the base world did that a person should be told.
    pub notices: Vec<BaseNotice>,
    /// What is doubtful about the objects together.
    pub complaints: Vec<Complaint>,
    beginning: Arc<Beginning>,
}

/// What there was before anything came about, and what was said of it.
#[derive(Debug)]
struct Beginning {
    clock: Clock,
    adopted: Vec<Adopted>,
    /// What is doubtful, and about which object.
    doubts: Vec<(Option<ObjectRef>, Complaint)>,
}

/// An object that was put into the store, and the store's revision after that.
#[derive(Debug)]
struct Adopted {
    item: Item,
    revision: u64,
}

impl Start {
    /// Begins the world.
    #[must_use]
    pub fn begin(&self) -> Started {
        let files: Vec<File> = self
            .files
            .iter()
            .map(|it| File {
                name: it.name.as_str().into(),
                text: it.text.as_str().into(),
            })
            .collect();
        begin(read(&files), self.seed)
    }
}

/// Begins the world that a manifest describes.
#[must_use]
pub fn begin(manifest: Manifest, seed: u64) -> Started {
    begin_again(manifest, seed, None)
}

/// The same, where another manifest was begun before that may have much in common with this one. What comes about is the
/// same with and without it: it only saves work, and what is the same in both worlds they share.
#[must_use]
pub fn begin_again(manifest: Manifest, seed: u64, before: Option<&Started>) -> Started {
    let (items, notices) = lay_beneath(&manifest);
    let clock = clock(items.iter().map(|it| &*it.1));
    let before = before.filter(|it| it.cluster.seed() == seed && it.beginning.clock == clock);
    let (cluster, beginning) = match before.filter(|it| it.beginning.has(&items)) {
        Some(same) => (same.cluster.clone(), same.beginning.clone()),
        None => come_about(items, seed, clock, before),
    };
    let doubts = beginning.doubts.iter().cloned();
    let complaints =
        doubts.map(
            |(about, complaint)| match about.as_ref().and_then(|it| manifest.source(it)) {
                Some(source) => {
                    let path = complaint.path.clone().unwrap_or_default();
                    complaint.at(&source.file, source.span(&path).start)
                }
                None => complaint,
            },
        );
    Started {
        cluster,
        complaints: complaints.collect(),
        manifest,
        notices,
        beginning,
    }
}

/// Puts everything into a new cluster, and lets it come to rest.
fn come_about(
    items: Vec<Item>,
    seed: u64,
    clock: Clock,
    before: Option<&Started>,
) -> (Arc<Cluster>, Arc<Beginning>) {
    let mut doubts = Vec::new();
    let mut cluster = Cluster::new(seed, clock);
    let precedent = before.map(|it| it.cluster.store());
    cluster.store_mut().follow(precedent);
    let adopted = adopt(&mut cluster, items, before, &mut doubts);
    let completed = cluster.store_mut().complete().into_iter();
    doubts.extend(completed.map(|(about, complaint)| (Some(about), complaint)));
    // A node whose kubelet has fallen silent, as the control plane says, is off.
    let silent: Vec<String> = cluster
        .store()
        .objects()
        .nodes
        .values()
        .filter(|it| {
            let ready = it.status.conditions.iter().find(|it| it.kind == "Ready");
            ready.is_some_and(|it| it.status == "Unknown")
        })
        .map(|it| it.metadata.name.clone())
        .collect();
    for node in silent {
        cluster.suffer(Fault::NodeDown(node));
    }
    if cluster.settle(SETTLE_LIMIT).end == AdvanceEnd::Limit {
        let doubt = Complaint::warning("the cluster did not come to rest").try_this(
            "two controllers may be undoing each other's work: this is a mistake of the simulator",
        );
        doubts.push((None, doubt));
    }
    cluster.store_mut().follow(None);
    let beginning = Beginning {
        clock,
        adopted,
        doubts,
    };
    (Arc::new(cluster), Arc::new(beginning))
}

impl Beginning {
    /// Whether it began with these.
    fn has(&self, items: &[Item]) -> bool {
        let mut pairs = self.adopted.iter().zip(items);
        self.adopted.len() == items.len() && pairs.all(|(it, item)| it.is_of(item))
    }
}

impl Adopted {
    fn is_of(&self, (kind, document): &Item) -> bool {
        let same = &self.item.1;
        self.item.0 == *kind && (Arc::ptr_eq(same, document) || same == document)
    }
}

/// Puts everything into the store. As long as all that came earlier drew as much luck and made as many revisions as it did
/// before, a document that is the same becomes the same object.
fn adopt(
    cluster: &mut Cluster,
    items: Vec<Item>,
    before: Option<&Started>,
    doubts: &mut Vec<(Option<ObjectRef>, Complaint)>,
) -> Vec<Adopted> {
    let clock = cluster.clock();
    let store = cluster.store_mut();
    let mut known = before.map_or(&[][..], |it| &it.beginning.adopted).iter();
    let mut adopted = Vec::with_capacity(items.len());
    for item in items {
        let (kind, document) = (item.0, &item.1);
        let same = known.next().filter(|it| it.item.0 == kind);
        let is_same = |it: &Adopted| it.revision == store.revision() + 1 && it.is_of(&item);
        let is_there = same.is_some_and(is_same) && store.adopt_again(kind);
        if !is_there && let Err(error) = store.adopt(kind, Value::clone(document), &clock) {
            doubts.push((None, Complaint::error(error.to_string())));
        }
        let revision = store.revision();
        if same.is_none_or(|it| it.revision != revision) {
            known = [].iter();
        }
        adopted.push(Adopted { item, revision });
    }
    adopted
}

/// The clock of a world: it begins when the newest of its objects says it was made, or a kubelet that it was there, so
/// that nothing is from the future.
fn clock<'a>(documents: impl Iterator<Item = &'a Value>) -> Clock {
    let made = documents
        .flat_map(|it| {
            let conditions = it["status"]["conditions"].as_array();
            let reported = conditions.into_iter().flatten();
            let reported = reported.map(|it| &it["lastHeartbeatTime"]);
            [
                &it["metadata"]["creationTimestamp"],
                &it["spec"]["renewTime"],
            ]
            .into_iter()
            .chain(reported)
        })
        .filter_map(|it| {
            let stamp = it.as_str()?;
            // The next whole second, for what says parts of one.
            Some(unix_secs(stamp)? + i64::from(stamp.contains('.')))
        })
        .max();
    let clock = Clock::default();
    Clock {
        epoch_secs: made.unwrap_or(clock.epoch_secs),
        ..clock
    }
}
