//! Time as there is to see: the cluster's clock and what happened by it; what the person did, and what may be done.
//!
//! **Left out**: a scale: the strip is a list of events, not a ruler.

use serde::{Deserialize, Serialize};
use std::rc::Rc;

/// Time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeView {
    /// The cluster's clock: `12.5 s`.
    pub now: String,
    /// What happened to the cluster, oldest first.
    pub events: Vec<ClusterEvent>,
    /// What the person did, oldest first.
    pub moments: Vec<Moment>,
    /// Futures that were left, by how each began.
    pub left: Vec<String>,
    /// What may happen to the cluster.
    pub acts: Rc<Vec<Act>>,
}

impl TimeView {
    /// Whether something can be undone.
    #[must_use]
    pub fn can_undo(&self) -> bool {
        self.moments.first().is_some_and(|it| !it.is_now)
    }

    /// Whether something can be done again.
    #[must_use]
    pub fn can_redo(&self) -> bool {
        self.moments.last().is_some_and(|it| !it.is_now)
    }
}

/// Something that happened to the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterEvent {
    /// When, by the cluster's clock.
    pub at: String,
    /// Of what kind.
    pub kind: ClusterEventKind,
    /// What, in words.
    pub words: String,
}

/// Of what kind an event of the cluster is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClusterEventKind {
    /// Something new.
    New,
    /// Ready now.
    Ready,
    /// Not ready any more.
    Unready,
    /// Gone, or going.
    Gone,
    /// A Service's endpoints are others.
    Endpoints,
    /// A fault, or its end.
    Fault,
}

impl ClusterEventKind {
    /// The word, as styles know it, and a mark for it.
    #[must_use]
    pub const fn sign(self) -> (&'static str, &'static str) {
        match self {
            ClusterEventKind::New => ("new", "+"),
            ClusterEventKind::Ready => ("ready", "✓"),
            ClusterEventKind::Unready => ("unready", "✕"),
            ClusterEventKind::Gone => ("gone", "−"),
            ClusterEventKind::Endpoints => ("endpoints", "↔"),
            ClusterEventKind::Fault => ("fault", "!"),
        }
    }
}

/// Something a person did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// What.
    pub words: String,
    /// Whether one stands right after it.
    pub is_now: bool,
}

/// Something that may be made to happen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Act {
    /// What.
    pub words: String,
}
