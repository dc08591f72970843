//! How one wants to look and to be asked: which layer, where to stop, whether to predict.
//!
//! **Left out**: speed, which belongs to the playback.

use serde::{Deserialize, Serialize};

/// How one wants to look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Options {
    /// How much of the walk.
    pub layer: Layer,
    /// Whether playing stops at a rewrite, a failure, another node.
    pub breaks: [bool; 3],
    /// Whether one is asked before decisive hops.
    pub predicts: bool,
}

/// How much of the walk is told: the same walk, both times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layer {
    /// Who sends to whom, and where that is decided.
    Story,
    /// Every hook, every choice of way.
    #[default]
    Machine,
}

/// Where playing may stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Break {
    /// Where a header is rewritten.
    Rewrite,
    /// Where the packet is refused or dropped.
    Failure,
    /// Where it comes to another node.
    Node,
}

impl Break {
    /// All of them.
    pub const ALL: [Break; 3] = [Break::Rewrite, Break::Failure, Break::Node];
}
