//! Where a rule of a NetworkPolicy came from, and what it does in one English sentence.
//!
//! **Left out**: the several policies behind one refusal; the first by name is named.

use super::Direction;
use crate::api::ObjectRef;
use crate::netfilter::Tag;

/// Where a rule or an element came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The policy; none for rules that always stand there.
    pub object: Option<ObjectRef>,
    /// The field: `spec.ingress[0].from[1]`.
    pub path: String,
    /// Why it is there.
    pub reason: Reason,
}

/// Why a rule is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Connections that are known pass.
    Known,
    /// The pods of one direction are looked up.
    Ask(Direction),
    /// A policy chooses a pod.
    Chosen {
        /// The pod.
        pod: String,
        /// For which direction.
        direction: Direction,
    },
    /// A pod may speak to itself.
    Itself(String),
    /// A policy allows something.
    Allowed {
        /// The policy.
        policy: String,
        /// The pod it chooses.
        pod: String,
        /// The other side, in words.
        whom: String,
        /// The ports, in words that begin with a space; empty for all.
        ports: String,
        /// Which way.
        direction: Direction,
    },
    /// Nothing allows it.
    Denied {
        /// The pod.
        pod: String,
        /// Which way.
        direction: Direction,
    },
}

/// The origins of all rules of a node's policies, by tag.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origins {
    by_tag: Vec<Origin>,
}

impl Origins {
    /// The tag of a new origin.
    pub fn tag(&mut self, origin: Origin) -> Tag {
        let tag = Tag(u32::try_from(self.by_tag.len()).unwrap_or(u32::MAX));
        self.by_tag.push(origin);
        tag
    }

    /// The origin of a tag.
    #[must_use]
    pub fn origin(&self, tag: Tag) -> Option<&Origin> {
        self.by_tag.get(tag.0 as usize)
    }
}

impl Origin {
    /// What this rule does, and why.
    #[must_use]
    pub fn sentence(&self) -> String {
        match &self.reason {
            Reason::Known => {
                "Packets of known connections pass: policies judge first packets only.".into()
            }
            Reason::Ask(Direction::Egress) => {
                "If policies choose the sending pod for egress, its rules are asked.".into()
            }
            Reason::Ask(Direction::Ingress) => {
                "If policies choose the receiving pod for ingress, its rules are asked.".into()
            }
            Reason::Chosen {
                pod,
                direction: Direction::Egress,
            } => format!("A NetworkPolicy chooses {pod}: it may send only what is allowed."),
            Reason::Chosen {
                pod,
                direction: Direction::Ingress,
            } => format!("A NetworkPolicy chooses {pod}: it receives only what is allowed."),
            Reason::Itself(pod) => format!("{pod} may always speak to itself."),
            Reason::Allowed {
                policy,
                pod,
                whom,
                ports,
                direction,
            } => match direction {
                Direction::Ingress => format!("{policy} lets {whom} reach {pod}{ports}."),
                Direction::Egress => format!("{policy} lets {pod} reach {whom}{ports}."),
            },
            Reason::Denied {
                pod,
                direction: Direction::Egress,
            } => format!("No NetworkPolicy lets {pod} send this: the packet is dropped."),
            Reason::Denied {
                pod,
                direction: Direction::Ingress,
            } => format!("No NetworkPolicy lets this reach {pod}: the packet is dropped."),
        }
    }
}
