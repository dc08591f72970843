//! netfilter: tables, chains, rules and sets; connection tracking; and the evaluator that gives a
//! packet the fate Linux would.
//!
//! Nothing here knows what a Service is. One [`Ruleset`] value is shown, evaluated and loaded into
//! the kernel; a change to it is a [`Transaction`], printed as nft text or applied here, whole or
//! not at all.
//!
//! Imitates nftables as of Linux 6.18 and nft 1.0.6, and iptables 1.8.9 with its extensions: tables
//! and chains of both are the same values, told apart only by the dialect they are printed in.
//!
//! **Left out**: the bridge, arp and netdev families; flow tables; named counters, limits and quotas;
//! queues, transparent proxies and synproxy. A statement outside this subset is kept as text and
//! reported as unknown when a packet meets it.

mod chain;
pub mod conntrack;
pub mod dialect;
mod difference;
mod evaluate;
mod expression;
mod extension;
mod field;
mod hook;
pub mod ipset;
pub mod ipvs;
mod jhash;
mod limit;
mod module_match;
mod payload;
mod rule;
mod ruleset;
mod set;
mod statement;
mod trace;
mod transaction;
mod travelling;
pub mod words;

pub use chain::{BaseChain, Chain, Policy};
pub use difference::difference;
pub use evaluate::Pass;
pub use expression::{
    AddressSelector, Beyond, BeyondAnswer, BitOperation, CtKey, Datum, Expression, Fib, FibResult,
    FibWith, FlowPart, Hash, Meta, Numgen, NumgenMode, ct_state, ct_status,
};
pub use extension::{
    Probability, Recent, RecentAnswer, RecentCommand, RecentLists, RecentSide, Statistic,
    StatisticMode,
};
pub use field::Field;
pub use hook::{ChainType, Hook, Priority};
pub use limit::{ConnMark, ConnMarkKind, Limit, LimitUnit, Metered, Quota};
pub use module_match::{ModuleMatch, SetSide};
pub use rule::{Note, Rule, Tag, rule};
pub use ruleset::{Named, Ruleset, Table};
pub use set::{DynamicElements, Element, MapValue, Set, SetFlag};
pub use statement::{
    NatFlags, NatKind, NatTarget, Operand, Operator, RejectWith, SetReference, Statement,
    UpdateKind, Verdict,
};
pub use trace::{
    Entered, Lookup, LookupResult, Outcome, Skipped, Trace, TraceEvent, Unknown, Written,
};
pub use transaction::{Command, Object, Refusal, Transaction, Verb};
pub use travelling::Travelling;

/// The name of a table, chain, set or interface.
pub type Name = std::sync::Arc<str>;

/// The family of a table: which packets it sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TableFamily {
    /// IPv4.
    Ip,
    /// IPv6.
    Ip6,
    /// Both.
    Inet,
}

impl TableFamily {
    /// Whether a table of this family sees packets of `family`.
    #[must_use]
    pub fn sees(self, family: crate::ip::Family) -> bool {
        use crate::ip::Family;
        matches!(
            (self, family),
            (TableFamily::Inet, _) | (TableFamily::Ip, Family::V4) | (TableFamily::Ip6, Family::V6)
        )
    }

    /// The word nft uses.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            TableFamily::Ip => "ip",
            TableFamily::Ip6 => "ip6",
            TableFamily::Inet => "inet",
        }
    }
}

impl From<crate::ip::Family> for TableFamily {
    fn from(family: crate::ip::Family) -> Self {
        match family {
            crate::ip::Family::V4 => TableFamily::Ip,
            crate::ip::Family::V6 => TableFamily::Ip6,
        }
    }
}

/// Which table: `ip kube-proxy`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct TableKey {
    /// Its family.
    pub family: TableFamily,
    /// Its name.
    pub name: Name,
}

impl TableKey {
    /// The table of this family and name.
    #[must_use]
    pub fn new(family: TableFamily, name: &str) -> Self {
        Self {
            family,
            name: name.into(),
        }
    }
}

impl std::fmt::Display for TableKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.family.name(), self.name)
    }
}
