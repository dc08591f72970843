//! The five places in the kernel where rules are asked, and in which order.
//!
//! Linux 6.18 `include/uapi/linux/netfilter_ipv4.h` for the priorities.
//!
//! **Left out**: ingress and egress hooks of single devices.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A place on a packet's way through one host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Hook {
    /// It has just come in by an interface.
    Prerouting,
    /// It is for this host.
    Input,
    /// It passes through.
    Forward,
    /// This host made it.
    Output,
    /// It is about to leave by an interface.
    Postrouting,
}

/// What a base chain may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ChainType {
    /// Accept, drop, mark.
    Filter,
    /// Set up address translation; asked only by the first packet of a connection.
    Nat,
    /// Mark and route again.
    Route,
}

/// The order of chains on one hook: lower is earlier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Priority(pub i32);

impl Hook {
    /// All hooks.
    pub const ALL: [Hook; 5] = [
        Hook::Prerouting,
        Hook::Input,
        Hook::Forward,
        Hook::Output,
        Hook::Postrouting,
    ];

    /// The word nft uses.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Hook::Prerouting => "prerouting",
            Hook::Input => "input",
            Hook::Forward => "forward",
            Hook::Output => "output",
            Hook::Postrouting => "postrouting",
        }
    }

    /// The hook of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name() == name)
    }

    /// Whether connection tracking looks the packet up here.
    #[must_use]
    pub const fn tracks(self) -> bool {
        matches!(self, Hook::Prerouting | Hook::Output)
    }

    /// Whether a new connection is confirmed when its packet has passed here.
    #[must_use]
    pub const fn confirms(self) -> bool {
        matches!(self, Hook::Input | Hook::Postrouting)
    }
}

impl ChainType {
    /// The word nft uses.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            ChainType::Filter => "filter",
            ChainType::Nat => "nat",
            ChainType::Route => "route",
        }
    }

    /// The type of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [ChainType::Filter, ChainType::Nat, ChainType::Route]
            .into_iter()
            .find(|it| it.name() == name)
    }
}

impl Priority {
    /// Before connection tracking.
    pub const RAW: Priority = Priority(-300);
    /// Connection tracking itself.
    pub const CONNTRACK: Priority = Priority(-200);
    /// After tracking, before translation.
    pub const MANGLE: Priority = Priority(-150);
    /// Destination translation.
    pub const DSTNAT: Priority = Priority(-100);
    /// Filtering.
    pub const FILTER: Priority = Priority(0);
    /// Security modules.
    pub const SECURITY: Priority = Priority(50);
    /// Source translation.
    pub const SRCNAT: Priority = Priority(100);

    /// The number standing `by` places before this one.
    #[must_use]
    pub const fn before(self, by: i32) -> Priority {
        Priority(self.0 - by)
    }

    /// Where the kernel runs all chains of type nat on this hook.
    #[must_use]
    pub const fn of_nat(hook: Hook) -> Priority {
        match hook {
            Hook::Prerouting | Hook::Output | Hook::Forward => Priority::DSTNAT,
            Hook::Input | Hook::Postrouting => Priority::SRCNAT,
        }
    }

    /// The priority of this name, as nft reads names in the ip families.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "raw" => Priority::RAW,
            "mangle" => Priority::MANGLE,
            "dstnat" => Priority::DSTNAT,
            "filter" => Priority::FILTER,
            "security" => Priority::SECURITY,
            "srcnat" => Priority::SRCNAT,
            _ => return None,
        })
    }

    /// As `nft list` prints it on this hook: a name, a name with an offset of up to ten, or the
    /// number.
    #[must_use]
    pub fn listed(self, hook: Hook) -> String {
        let names: &[(&str, Priority)] = &[
            ("raw", Priority::RAW),
            ("mangle", Priority::MANGLE),
            ("dstnat", Priority::DSTNAT),
            ("filter", Priority::FILTER),
            ("security", Priority::SECURITY),
            ("srcnat", Priority::SRCNAT),
        ];
        let usable = |name: &str| match name {
            "dstnat" => hook == Hook::Prerouting,
            "srcnat" => hook == Hook::Postrouting,
            _ => true,
        };
        for (name, at) in names.iter().filter(|it| usable(it.0)) {
            let offset = self.0 - at.0;
            match offset {
                0 => return (*name).to_owned(),
                1..=10 => return format!("{name} + {offset}"),
                -10..=-1 => return format!("{name} - {}", -offset),
                _ => {}
            }
        }
        self.0.to_string()
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Display for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
