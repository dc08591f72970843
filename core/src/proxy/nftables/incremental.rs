//! What nftables mode remembers of its table, and the difference it sends.
//!
//! `syncProxyRules`, `ensureChain` and `nftElementStorage` of `pkg/proxy/nftables/proxier.go`, Kubernetes 1.34 to 1.37.
//! Kernels before 6.2 hold on to a chain for a moment after the last element that leads to it is gone: a chain
//! nobody wants is emptied at once, and deleted by a transaction of its own more than a second later.
//!
//! **Left out**: endpoint chains that kube-proxy finds at its start and leaves as they are (they are written anew,
//! which comes to the same); the chain `mark-for-masquerade` that a kube-proxy before 1.36 left behind. Of two claims
//! on one key kube-proxy lets the one stand that it visits last, which is luck; here it is the first by name. An
//! element that changes nothing but its comment is written anew, where kube-proxy leaves the old comment.

use super::{NAMES, Writer, service, service_base, structure};
use crate::indexed::Indexed;
use crate::netfilter::{
    Chain, Datum, Element, Name, Object, Rule, Set, Table, TableKey, Transaction, Verb,
};
use crate::proxy::select;
use crate::proxy::sync::{KnownPort, PortKey, SyncKind, Turn, Written};
use crate::time::{Duration, Instant};
use std::collections::{BTreeMap, BTreeSet};

/// How long a chain nobody wants is kept.
const STALE_AFTER: Duration = Duration::from_secs(1);

/// What is programmed.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    ports: Indexed<PortKey, Claimed>,
    /// Who claims an element, by the order of their keys: the first one's stands.
    claims: Indexed<Place, Vec<(PortKey, Element)>>,
    /// Chains nobody wants, and since when they are known to be empty.
    stale: BTreeMap<Name, Option<Instant>>,
    /// Sets of clients nobody wants.
    stale_sets: BTreeSet<Name>,
    /// Elements that were found, before anything is claimed.
    found: Vec<(Name, Element)>,
    has_base_chains: bool,
}

/// A set or map, and a key of it.
type Place = (Name, Datum);

/// What a service port has in the table.
#[derive(Clone, Debug, Default)]
struct Claimed {
    chains: Vec<Name>,
    sets: Vec<Name>,
    elements: Vec<Place>,
}

/// What a service port writes.
struct Piece {
    key: PortKey,
    sets: Vec<Set>,
    chains: Vec<Chain>,
    elements: Vec<Element>,
    places: Vec<Place>,
    rules: Vec<(Name, Rule)>,
}

impl Memory {
    /// Forgets what it believed and takes what is there.
    pub(in crate::proxy) fn relearn(&mut self, table: Option<&Table>) {
        *self = Memory {
            has_base_chains: self.has_base_chains,
            ..Memory::default()
        };
        let Some(table) = table else {
            return;
        };
        let chains = table.chains.iter().map(|it| &it.name);
        let of_services = chains.filter(|it| it.contains('/'));
        self.stale = of_services.map(|it| (it.clone(), None)).collect();
        for set in table.sets.iter() {
            if set.name.contains('/') {
                self.stale_sets.insert(set.name.clone());
            } else if *set.name != *NAMES.nodeport_ips {
                let elements = set.elements().cloned();
                self.found.extend(elements.map(|it| (set.name.clone(), it)));
            }
        }
    }

    pub(in crate::proxy) fn sync(&mut self, turn: Turn<'_>) -> Written {
        let Turn {
            facts,
            kind,
            now,
            n_endpoints: _,
            ports,
            origins,
        } = turn;
        let mut writer = Writer::collecting(facts, std::mem::take(origins));
        let table = writer.table.clone();
        let cleanup = self.delete_stale_chains(&table, now);
        let mut tx = Transaction::default();
        if kind == SyncKind::Full {
            self.set_up(&mut writer, &mut tx);
        }
        let mut before: BTreeMap<Place, Option<Element>> = BTreeMap::new();
        for (set, element) in std::mem::take(&mut self.found) {
            before.insert((set, element.key.clone()), Some(element));
        }
        let mut pieces = Vec::new();
        for (key, port) in ports {
            self.release(&key, &mut before);
            if let Some(port) = port {
                let piece = collect(&mut writer, key, port);
                self.claim(&piece, &mut before);
                pieces.push(piece);
            }
        }
        *origins = writer.origins;
        for piece in pieces {
            self.emit(piece, &mut before, &table, &mut tx);
        }
        for (name, since) in &mut self.stale {
            tx.push(Verb::Flush, &table, Object::Chain(Chain::regular(name)));
            *since = Some(now);
        }
        for name in std::mem::take(&mut self.stale_sets) {
            tx.push(Verb::Delete, &table, Object::Set(Set::new(&name, "")));
        }
        for (place, before) in before {
            let after = self.standing(&place).map(|it| &it.1);
            emit_element(&place.0, before.as_ref(), after, &table, &mut tx);
        }
        Written {
            cleanup,
            transaction: tx,
        }
    }

    fn delete_stale_chains(&mut self, table: &TableKey, now: Instant) -> Transaction {
        let mut tx = Transaction::default();
        self.stale.retain(|name, since| {
            let is_old = since.is_some_and(|it| now - it > STALE_AFTER);
            if is_old {
                tx.push(Verb::Delete, table, Object::Chain(Chain::regular(name)));
            }
            !is_old
        });
        tx
    }

    /// Table, base chains, and whatever else belongs to no Service.
    fn set_up(&mut self, writer: &mut Writer<'_>, tx: &mut Transaction) {
        structure::write(writer);
        let commands = std::mem::take(&mut writer.transaction).commands;
        let table = writer.table.clone();
        let is_base = |it: &Object| matches!(it, Object::Chain(it) if it.base.is_some());
        let mut base_chains: Vec<Name> = Vec::new();
        for command in &commands {
            if let Object::Chain(Chain {
                name,
                base: Some(_),
                ..
            }) = &command.object
            {
                base_chains.push(name.clone());
            }
        }
        let remakes = !std::mem::replace(&mut self.has_base_chains, true);
        let mut is_remade = false;
        for command in commands {
            // Once in its life it makes base chains anew: their priorities may have been other ones.
            if remakes && !is_remade && is_base(&command.object) {
                for name in &base_chains {
                    let chain = Object::Chain(Chain::regular(name));
                    tx.push(Verb::Add, &table, chain.clone());
                    tx.push(Verb::Delete, &table, chain);
                }
                is_remade = true;
            }
            let emptied = match &command.object {
                Object::Chain(it) => Some(Object::Chain(Chain::regular(&it.name))),
                Object::Set(it) if *it.name == *NAMES.nodeport_ips => {
                    Some(Object::Set(Set::new(&it.name, &it.key_type)))
                }
                _ => None,
            };
            tx.commands.push(command);
            if let Some(object) = emptied {
                tx.push(Verb::Flush, &table, object);
            }
        }
        if writer.snapshot.node_port_ips().is_none() {
            // Only what is there can be deleted.
            let set = Object::Set(structure::node_port_ips(writer.family()));
            tx.push(Verb::Add, &table, set.clone());
            tx.push(Verb::Delete, &table, set);
        }
    }

    /// Takes back what a service port claimed.
    fn release(&mut self, key: &PortKey, before: &mut BTreeMap<Place, Option<Element>>) {
        let Some(claimed) = self.ports.remove(key) else {
            return;
        };
        for place in claimed.elements {
            self.note(&place, before);
            if let Some(claims) = self.claims.get_mut(&place) {
                claims.retain(|it| it.0 != *key);
                if claims.is_empty() {
                    self.claims.remove(&place);
                }
            }
        }
        let chains = claimed.chains.into_iter();
        self.stale.extend(chains.map(|it| (it, None)));
        self.stale_sets.extend(claimed.sets);
    }

    fn claim(&mut self, piece: &Piece, before: &mut BTreeMap<Place, Option<Element>>) {
        let mut claimed = Claimed::default();
        for chain in &piece.chains {
            self.stale.remove(&chain.name);
            claimed.chains.push(chain.name.clone());
        }
        for set in &piece.sets {
            self.stale_sets.remove(&set.name);
            claimed.sets.push(set.name.clone());
        }
        for (place, element) in piece.places.iter().zip(&piece.elements) {
            self.note(place, before);
            let claims = self.claims.get_or_default(place.clone());
            let found = claims.binary_search_by(|it| it.0.cmp(&piece.key));
            // Its own second claim on a key stands behind its first.
            if let Err(at) = found {
                claims.insert(at, (piece.key.clone(), element.clone()));
                claimed.elements.push(place.clone());
            }
        }
        self.ports.insert(piece.key.clone(), claimed);
    }

    /// Notes what stood at a place when the sync began.
    fn note(&self, place: &Place, before: &mut BTreeMap<Place, Option<Element>>) {
        if !before.contains_key(place) {
            let standing = self.standing(place).map(|it| it.1.clone());
            before.insert(place.clone(), standing);
        }
    }

    fn standing(&self, place: &Place) -> Option<&(PortKey, Element)> {
        self.claims.get(place)?.first()
    }

    fn emit(
        &self,
        piece: Piece,
        before: &mut BTreeMap<Place, Option<Element>>,
        table: &TableKey,
        tx: &mut Transaction,
    ) {
        for set in piece.sets {
            tx.push(Verb::Add, table, Object::Set(set));
        }
        for chain in piece.chains {
            let emptied = Object::Chain(Chain::regular(&chain.name));
            tx.push(Verb::Add, table, Object::Chain(chain));
            tx.push(Verb::Flush, table, emptied);
        }
        for place in piece.places {
            let standing = self.standing(&place);
            let Some((_, element)) = standing.filter(|it| it.0 == piece.key) else {
                continue;
            };
            if let Some(before) = before.remove(&place) {
                emit_element(&place.0, before.as_ref(), Some(element), table, tx);
            }
        }
        for (chain, rule) in piece.rules {
            tx.push(Verb::Add, table, Object::Rule { chain, rule });
        }
    }
}

/// What a service port writes, not yet compared with anything.
fn collect(writer: &mut Writer<'_>, key: PortKey, known: &KnownPort) -> Piece {
    let selected = select(&known.port, &known.endpoints, &writer.snapshot.node);
    service::write(writer, &known.port, &service_base(&known.port), &selected);
    let mut piece = Piece {
        key,
        sets: Vec::new(),
        chains: Vec::new(),
        elements: Vec::new(),
        places: Vec::new(),
        rules: Vec::new(),
    };
    for command in std::mem::take(&mut writer.transaction).commands {
        match command.object {
            Object::Table { .. } => {}
            Object::Chain(it) => piece.chains.push(it),
            Object::Set(it) => piece.sets.push(it),
            Object::Rule { chain, rule } => piece.rules.push((chain, rule)),
            Object::Element { set, element } => {
                piece.places.push((set, element.key.clone()));
                piece.elements.push(element);
            }
        }
    }
    piece
}

/// A changed element goes and comes: the kernel would refuse another value for a key that is there.
fn emit_element(
    set: &Name,
    before: Option<&Element>,
    after: Option<&Element>,
    table: &TableKey,
    tx: &mut Transaction,
) {
    if before == after {
        return;
    }
    for (verb, element) in [(Verb::Delete, before), (Verb::Add, after)] {
        if let Some(element) = element.cloned() {
            let set = set.clone();
            tx.push(verb, table, Object::Element { set, element });
        }
    }
}
