//! What iptables mode and ipvs mode write alike: iptables' tables with their built-in chains, the masquerade mark,
//! and what is let through.
//!
//! `pkg/proxy/iptables/proxier.go` and `pkg/proxy/ipvs/proxier.go` of Kubernetes 1.36, where the two agree.
//!
//! **Left out**: the built-in chains' other rules.

use super::{Conflict, Origins, Programme, Reason, Snapshot};
use crate::ip::Family;
use crate::netfilter::dialect::iptables::ordered;
use crate::netfilter::words::{
    accept, comment, ctstate, flip_mark_bits, mark_is_not_set, mark_is_set, masquerade,
    masquerade_fully_random, return_, set_mark_bits,
};
use crate::netfilter::{
    Chain, ChainType, Hook, Object, Priority, Rule, TableFamily, TableKey, Tag, Transaction, Verb,
    ct_state as state, rule,
};

pub(super) const FORWARD: &str = "KUBE-FORWARD";
pub(super) const POSTROUTING: &str = "KUBE-POSTROUTING";
pub(super) const MARK_MASQ: &str = "KUBE-MARK-MASQ";

/// The tables kube-proxy writes into.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum In {
    Filter,
    Nat,
    Mangle,
}

impl In {
    pub(super) const fn name(self) -> &'static str {
        match self {
            In::Filter => "filter",
            In::Nat => "nat",
            In::Mangle => "mangle",
        }
    }
}

/// The built-in chains of each table, as iptables makes them.
const BUILT_IN: [(In, &str, ChainType, Hook, Priority); 12] = {
    use ChainType::{Filter, Nat, Route};
    use Hook::{Forward, Input, Output, Postrouting, Prerouting};
    let mangle = Priority::MANGLE;
    [
        (In::Filter, "INPUT", Filter, Input, Priority::FILTER),
        (In::Filter, "FORWARD", Filter, Forward, Priority::FILTER),
        (In::Filter, "OUTPUT", Filter, Output, Priority::FILTER),
        (In::Nat, "PREROUTING", Nat, Prerouting, Priority::DSTNAT),
        (In::Nat, "INPUT", Nat, Input, Priority::SRCNAT),
        (In::Nat, "OUTPUT", Nat, Output, Priority::DSTNAT),
        (In::Nat, "POSTROUTING", Nat, Postrouting, Priority::SRCNAT),
        (In::Mangle, "PREROUTING", Filter, Prerouting, mangle),
        (In::Mangle, "INPUT", Filter, Input, mangle),
        (In::Mangle, "FORWARD", Filter, Forward, mangle),
        (In::Mangle, "OUTPUT", Route, Output, mangle),
        (In::Mangle, "POSTROUTING", Filter, Postrouting, mangle),
    ]
};

/// A programme being written, with what a mode keeps beside it.
pub(super) struct Writer<'a, S> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) transaction: Transaction,
    pub(super) origins: Origins,
    pub(super) conflicts: Vec<Conflict>,
    /// What only the mode knows.
    pub(super) state: S,
}

impl<'a, S> Writer<'a, S> {
    pub(super) fn new(snapshot: &'a Snapshot, state: S) -> Self {
        Writer {
            snapshot,
            transaction: Transaction::default(),
            origins: Origins::default(),
            conflicts: Vec::new(),
            state,
        }
    }

    pub(super) fn family(&self) -> Family {
        self.snapshot.family
    }

    pub(super) fn key(&self, table: In) -> TableKey {
        TableKey::new(TableFamily::from(self.family()), table.name())
    }

    /// A table with its built-in chains.
    pub(super) fn table(&mut self, table: In) {
        let key = self.key(table);
        let object = Object::Table { comment: None };
        self.transaction.push(Verb::Add, &key, object);
        for (_, name, kind, hook, priority) in BUILT_IN.into_iter().filter(|it| it.0 == table) {
            self.chain(table, Chain::base(name, kind, hook, priority));
        }
    }

    pub(super) fn chain(&mut self, table: In, chain: Chain) {
        let key = self.key(table);
        self.transaction.push(Verb::Add, &key, Object::Chain(chain));
    }

    pub(super) fn rule(&mut self, table: In, chain: &str, rule: Rule, tag: Tag) {
        let key = self.key(table);
        let note = rule.note.clone().tagged(tag);
        let rule = ordered(Rule { note, ..rule });
        let chain = chain.into();
        let object = Object::Rule { chain, rule };
        self.transaction.push(Verb::Add, &key, object);
    }

    /// The tag of something kube-proxy writes on its own account.
    pub(super) fn own(&mut self, reason: Reason) -> Tag {
        self.origins.own(reason)
    }

    /// How the masquerade mark is set, and what becomes of packets that have it.
    pub(super) fn masquerading(&mut self) {
        let settings = &self.snapshot.settings.iptables;
        let (mark, random_fully) = (settings.masquerade_mark, settings.random_fully);
        let tag = self.own(Reason::LeaveUnmarked);
        let leave = rule().when(mark_is_not_set(mark)).then(return_());
        self.rule(In::Nat, POSTROUTING, leave, tag);
        let tag = self.own(Reason::ClearMark);
        self.rule(In::Nat, POSTROUTING, rule().then(flip_mark_bits(mark)), tag);
        let tag = self.own(Reason::MasqueradeMarked);
        let target = match random_fully {
            true => masquerade_fully_random(),
            false => masquerade(),
        };
        let rewrite = rule()
            .when(comment("kubernetes service traffic requiring SNAT"))
            .then(target);
        self.rule(In::Nat, POSTROUTING, rewrite, tag);
        let tag = self.own(Reason::Mark);
        self.rule(In::Nat, MARK_MASQ, rule().then(set_mark_bits(mark)), tag);
    }

    /// Marked packets, and packets of known connections, are let through.
    pub(super) fn forwarding(&mut self) {
        let mark = self.snapshot.settings.iptables.masquerade_mark;
        let tag = self.own(Reason::ForwardMarked);
        let marked = rule()
            .when(comment("kubernetes forwarding rules"))
            .when(mark_is_set(mark))
            .then(accept());
        self.rule(In::Filter, FORWARD, marked, tag);
        let tag = self.own(Reason::ForwardEstablished);
        let established = rule()
            .when(comment("kubernetes forwarding conntrack rule"))
            .when(ctstate(state::RELATED | state::ESTABLISHED))
            .then(accept());
        self.rule(In::Filter, FORWARD, established, tag);
    }

    pub(super) fn finish(self) -> Programme {
        Programme {
            transaction: self.transaction,
            origins: self.origins,
            conflicts: self.conflicts,
        }
    }
}
