//! nftables mode: kube-proxy's rules, chain for chain and set for set.
//!
//! `pkg/proxy/nftables/proxier.go` of Kubernetes 1.34 to 1.37, in the three forms of rules these
//! releases write. The structure stands in tables; each Service adds its own chains and elements.
//!
//! **Left out**: the order of Services, which is luck in kube-proxy and by name here.

mod incremental;
mod names;
mod service;
mod structure;

pub(super) use incremental::Memory;
pub(super) use names::service_base;
pub use names::{NAMES, endpoint_base_of};

use super::{Conflict, Origins, Programme, Reason, Served, Snapshot};
use crate::api::KubernetesVersion;
use crate::indexed::Indexed;
use crate::ip::Family;
use crate::netfilter::{
    Chain, Datum, Element, Name, Note, Object, Rule, Set, TableFamily, TableKey, Tag, Transaction,
    Verb,
};
use std::collections::BTreeMap;

/// The table kube-proxy owns, one in each family.
pub(super) const TABLE: &str = "kube-proxy";

/// The form of rules a release writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Form {
    /// 1.34 and 1.35: a chain for every endpoint, a chain that sets the mark.
    G2,
    /// 1.36: endpoints in a map inside the Service's chain.
    G3,
    /// 1.37: as G3, and a single endpoint without a map.
    G4,
}

impl Form {
    /// The form of a release. Older ones write rules of their own, which are not modelled; they
    /// get the oldest form that is.
    #[must_use]
    pub fn of(version: KubernetesVersion) -> Form {
        match (version.major, version.minor) {
            (0, _) | (1, ..=35) => Form::G2,
            (1, 36) => Form::G3,
            _ => Form::G4,
        }
    }
}

/// The rules of one node and family.
pub(super) fn write(snapshot: &Snapshot, served: &Served) -> Programme {
    let mut writer = Writer::new(snapshot);
    structure::write(&mut writer);
    for it in served.ports() {
        let endpoints = it.endpoints(&snapshot.node);
        let selected = super::select(&it.port, &endpoints, &snapshot.node);
        service::write(&mut writer, &it.port, &it.base, &selected);
    }
    Programme {
        transaction: writer.transaction,
        origins: writer.origins,
        conflicts: writer.conflicts,
    }
}

/// The keys of a map or set, and which command adds each.
type Filled = Indexed<Datum, usize>;

/// A transaction being written, with the origins of what is in it.
struct Writer<'a> {
    snapshot: &'a Snapshot,
    table: TableKey,
    transaction: Transaction,
    origins: Origins,
    /// What the maps and sets hold so far, to notice two claims on one key; none where somebody else compares
    /// claims.
    filled: Option<BTreeMap<Name, Filled>>,
    conflicts: Vec<Conflict>,
}

impl<'a> Writer<'a> {
    fn new(snapshot: &'a Snapshot) -> Self {
        Writer {
            snapshot,
            table: TableKey::new(TableFamily::from(snapshot.family), TABLE),
            transaction: Transaction::default(),
            origins: Origins::default(),
            filled: Some(BTreeMap::new()),
            conflicts: Vec::new(),
        }
    }

    /// One that writes every claim, and goes on with the origins of an earlier sync.
    fn collecting(snapshot: &'a Snapshot, origins: Origins) -> Self {
        Writer {
            origins,
            filled: None,
            ..Writer::new(snapshot)
        }
    }

    fn family(&self) -> Family {
        self.snapshot.family
    }

    fn form(&self) -> Form {
        self.snapshot.settings.form
    }

    fn add(&mut self, object: Object) {
        self.transaction.push(Verb::Add, &self.table, object);
    }

    fn chain(&mut self, chain: Chain) {
        self.add(Object::Chain(chain));
    }

    fn set(&mut self, set: Set) {
        if let Some(filled) = &mut self.filled {
            filled.insert(set.name.clone(), Filled::default());
        }
        self.add(Object::Set(set));
    }

    fn rule(&mut self, chain: &str, rule: Rule, tag: Tag) {
        let note = rule.note.clone().tagged(tag);
        let rule = Rule { note, ..rule };
        let chain = chain.into();
        self.add(Object::Rule { chain, rule });
    }

    fn element(&mut self, set: &str, element: Element, tag: Tag) {
        let (set, element): (Name, _) = (set.into(), element.tagged(tag));
        if let Some(filled) = &mut self.filled {
            let Some(filled) = filled.get_mut(&set) else {
                return;
            };
            let next = self.transaction.commands.len();
            let first = *filled.get_or_insert(element.key.clone(), next);
            if let Some(first) = self.transaction.commands.get(first) {
                let Object::Element { element: first, .. } = &first.object else {
                    return;
                };
                if first.value != element.value {
                    self.conflicts.push(Conflict {
                        key: element.key.to_string(),
                        first: first.tag.unwrap_or(tag),
                        second: tag,
                    });
                }
                return;
            }
        }
        self.add(Object::Element { set, element });
    }

    /// The tag of something kube-proxy writes on its own account.
    fn own(&mut self, reason: Reason) -> Tag {
        self.origins.own(reason)
    }
}

/// `IP . proto . port`, the key of most maps.
fn address_key(address: crate::ip::IpAddr, port: &super::ServicePort) -> Datum {
    Datum::joined([
        Datum::Address(address),
        port.protocol.into(),
        Datum::Port(port.port),
    ])
}

/// `proto . port`, the key of the node-port maps.
fn node_port_key(number: u16, port: &super::ServicePort) -> Datum {
    Datum::joined([port.protocol.into(), Datum::Port(number)])
}

/// A rule with a comment only.
fn comment(text: &str) -> Note {
    Note::comment(text)
}
