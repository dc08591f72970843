//! Chains: rules in order, on a hook or only called by others.
//!
//! **Left out**: hardware offload and devices of a base chain.

use super::{ChainType, Hook, Name, Priority, Rule};
use serde::Serialize;

/// A chain of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Chain {
    /// Its name.
    pub name: Name,
    /// The hook it hangs on; none for a chain that is only jumped to.
    pub base: Option<BaseChain>,
    /// Its comment.
    pub comment: Option<Name>,
    /// Its rules, in order.
    pub rules: Vec<Rule>,
}

/// What makes a chain a base chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct BaseChain {
    /// What it may do.
    pub kind: ChainType,
    /// Where it hangs.
    pub hook: Hook,
    /// In which order.
    pub priority: Priority,
    /// What becomes of a packet that no rule decided about.
    pub policy: Policy,
}

/// The end of a base chain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Policy {
    /// It passes.
    #[default]
    Accept,
    /// It is dropped.
    Drop,
}

impl Chain {
    /// A chain that is only jumped to.
    #[must_use]
    pub fn regular(name: &str) -> Self {
        Chain {
            name: name.into(),
            base: None,
            comment: None,
            rules: Vec::new(),
        }
    }

    /// A chain on a hook, with policy accept.
    #[must_use]
    pub fn base(name: &str, kind: ChainType, hook: Hook, priority: Priority) -> Self {
        Chain {
            base: Some(BaseChain {
                kind,
                hook,
                priority,
                policy: Policy::Accept,
            }),
            ..Chain::regular(name)
        }
    }

    /// The same without its rules: what is declared.
    #[must_use]
    pub fn bare(&self) -> Self {
        Chain {
            rules: Vec::new(),
            ..self.clone()
        }
    }

    /// The same with a comment.
    #[must_use]
    pub fn commented(mut self, comment: &str) -> Self {
        self.comment = Some(comment.into());
        self
    }
}
