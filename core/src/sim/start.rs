//! How a world begins: manifests, and what lies beneath them.
//!
//! What `-f` gives is a cluster's state, as a dump would show it: objects are taken as they are, what they leave open
//! is filled in, and controllers run until nothing is on its way, at most for [`SETTLE_LIMIT`].
//!
//! **Left out**: everything of kubeadm's cluster that no packet of a Service meets; what admission gives a new pod
//! (tolerations, the volume with its token), which a dump holds already.

use super::base::{BaseNotice, lay_beneath};
use super::cluster::{AdvanceEnd, Cluster};
use crate::api::{Complaint, File, Manifest, ObjectRef, read};
use crate::controllers::Fault;
use crate::time::{Clock, Duration, unix_secs};
use serde::{Deserialize, Serialize};
use serde_json::Value;

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
    pub cluster: Cluster,
    /// What was read.
    pub manifest: Manifest,
    /// What the base world did that a person should be told.
    pub notices: Vec<BaseNotice>,
    /// What is doubtful about the objects together.
    pub complaints: Vec<Complaint>,
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
    let (items, notices) = lay_beneath(&manifest);
    let mut complaints = Vec::new();
    let mut cluster = Cluster::new(seed, clock(items.iter().map(|it| &it.1)));
    let clock = cluster.clock();
    for (kind, document) in items {
        if let Err(error) = cluster.store_mut().adopt(kind, document, &clock) {
            complaints.push(Complaint::error(error.to_string()));
        }
    }
    let place = |about: &ObjectRef, complaint: Complaint| match manifest.source(about) {
        Some(source) => {
            let path = complaint.path.clone().unwrap_or_default();
            complaint.at(&source.file, source.span(&path).start)
        }
        None => complaint,
    };
    for (about, complaint) in cluster.store_mut().complete() {
        complaints.push(place(&about, complaint));
    }
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
        complaints.push(
            Complaint::warning("the cluster did not come to rest")
                .try_this("two controllers may be undoing each other's work: this is a mistake of the simulator"),
        );
    }
    Started {
        cluster,
        manifest,
        notices,
        complaints,
    }
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
