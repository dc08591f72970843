//! One pass of one packet through one host: what was asked, what matched, what did not and why.
//!
//! A trace is data. The picture, the narration, the terminal and the comparison with the kernel
//! read it; nothing else tells them what happened.
//!
//! A packet on its way writes short entries ([`Trace`]); who reads them is told whole events.
//!
//! **Left out**: the moment of each event. Within one host they all happen at once.

mod tape;

pub use tape::Trace;
pub(super) use tape::{Decision, KeptResult, KeptVerdict, NameIdx, Span, Start, Undone};

use super::conntrack::Found;
use super::{Datum, Hook, Name, Policy, TableKey, Verdict};
use crate::net::{FieldValue, Flow, HeaderField};
use serde::Serialize;
use std::net::SocketAddr;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum TraceEvent {
    /// The packet came to a hook.
    HookEntered {
        /// Which.
        hook: Hook,
    },
    /// Connection tracking looked it up.
    Tracked {
        /// What it found or made.
        found: Found,
    },
    /// The nat chains of this hook were not asked, because the connection has its translation.
    NatSkipped {
        /// What is already decided: the flow, and that of the answers.
        translation: Option<(Flow, Flow)>,
    },
    /// A chain was entered.
    ChainEntered {
        /// Its table.
        table: TableKey,
        /// The chain.
        chain: Name,
        /// How.
        entered: Entered,
    },
    /// Every part of a rule held, and it acted.
    RuleMatched {
        /// The chain.
        chain: Name,
        /// Which rule of it, counted from zero.
        rule: usize,
        /// What was looked up, and found.
        lookups: Vec<Lookup>,
        /// What it did to the packet or connection.
        written: Vec<Written>,
        /// What it decided.
        verdict: Verdict,
    },
    /// A part of a rule did not hold.
    RuleSkipped {
        /// The chain.
        chain: Name,
        /// Which rule of it, counted from zero.
        rule: usize,
        /// Which part failed, and on what.
        skipped: Skipped,
    },
    /// A base chain ended without a decision.
    PolicyReached {
        /// The chain.
        chain: Name,
        /// Its policy.
        policy: Policy,
    },
    /// Translation changed a header field.
    Rewritten {
        /// Which.
        field: HeaderField,
        /// What it was.
        before: FieldValue,
        /// What it is.
        after: FieldValue,
        /// Whether this undoes a translation, on a reply.
        undone: bool,
    },
    /// The connection was entered into the table.
    Confirmed {
        /// Its number.
        connection: super::conntrack::ConnectionId,
    },
    /// ip_vs was asked, or acted.
    Ipvs(super::ipvs::Event),
    /// A statement this model does not know was met.
    UnknownMet(Unknown),
}

/// How a chain was entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Entered {
    /// By a hook.
    Hook,
    /// By a jump: its caller goes on afterwards.
    Jump,
    /// By a goto: its caller does not.
    Goto,
}

/// A look-up in a set or map.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Lookup {
    /// The set's name, or none for one written inside the rule.
    pub set: Option<Name>,
    /// The key.
    pub key: Datum,
    /// What was found.
    pub result: LookupResult,
}

/// What a look-up found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LookupResult {
    /// The key is there.
    Present,
    /// The key is there, with a verdict.
    Verdict(Verdict),
    /// The key is there, with a value.
    Data(Datum),
    /// The key is not there.
    Absent,
}

/// The part of a rule that did not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// Which part, counted from zero.
    pub statement: usize,
    /// What the packet had; none if it has no such thing.
    pub found: Option<Datum>,
}

/// What a rule wrote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "wrote", rename_all = "kebab-case")]
pub enum Written {
    /// The mark.
    Mark {
        /// Before.
        before: u32,
        /// After.
        after: u32,
    },
    /// The connection's own mark.
    ConnectionMark {
        /// Before.
        before: u32,
        /// After.
        after: u32,
    },
    /// The destination the connection will have.
    Destination {
        /// Address and port, `10.244.2.3:8080`.
        to: SocketAddr,
    },
    /// The source the connection will have.
    Source {
        /// Address and port.
        to: SocketAddr,
        /// By masquerade.
        masqueraded: bool,
    },
    /// An element of a set.
    Element {
        /// The set.
        set: Name,
        /// The key.
        key: Datum,
    },
}

/// A statement the model does not know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unknown {
    /// The chain.
    pub chain: Name,
    /// Which rule of it.
    pub rule: usize,
    /// The statement, as text.
    pub text: Name,
}

/// What became of a packet on a hook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It goes on.
    Accepted,
    /// A rule or policy dropped it.
    Dropped {
        /// The chain.
        chain: Name,
        /// The rule, or none for the policy.
        rule: Option<usize>,
    },
    /// A rule refused it, and the sender is told.
    Rejected {
        /// The chain.
        chain: Name,
        /// The rule.
        rule: usize,
        /// How.
        with: super::RejectWith,
    },
    /// ip_vs took the packet, and sends it on to a real server by itself.
    Redirected {
        /// The virtual server it was for.
        server: super::ipvs::VirtualAddress,
    },
    /// The virtual server it was for has no real server: the sender is told.
    NoRealServer {
        /// Which.
        server: super::ipvs::VirtualAddress,
    },
    /// A rule could not be understood, so nothing certain can be said.
    Unknown(Unknown),
    /// The rules call one another without end.
    TooDeep {
        /// The chain where it was given up.
        chain: Name,
    },
}
