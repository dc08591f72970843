//! What iptables mode remembers of its chains, and what it hands to `iptables-restore --noflush`.
//!
//! `syncProxyRules` of `pkg/proxy/iptables/proxier.go`, Kubernetes 1.34 to 1.37. The chains of all Services
//! (KUBE-SERVICES, KUBE-NODEPORTS and the like) are written anew in every sync; the chains of one Service only when
//! it changed. That is why a sync takes longer in a larger cluster whatever changed in it.
//!
//! **Left out**: `iptables-save`, by which kube-proxy finds stale chains: it is remembered instead which there are.
//! Jumps that somebody took out of the built-in chains come back at the end of these, not in front.

use super::{In, LARGE_CLUSTER_ENDPOINTS, Remarks, State, Writer, service, structure};
use crate::netfilter::{
    Chain, Command, Name, Object, Ruleset, TableFamily, TableKey, Transaction, Verb,
};
use crate::proxy::select;
use crate::proxy::sync::{KnownPort, PortKey, Turn, Written};
use crate::time::Instant;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use structure::Jumps;

/// What is programmed.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    ports: BTreeMap<PortKey, Remembered>,
    /// Chains nobody wants that are still there.
    stale: BTreeSet<Name>,
    has_jumps: bool,
    /// When stale chains were last deleted.
    cleaned: Option<Instant>,
}

/// What a service port has programmed.
#[derive(Clone, Debug)]
struct Remembered {
    /// Its own chains.
    chains: Vec<Name>,
    /// Its lines in the chains of all Services.
    shared: Arc<[Command]>,
}

impl Memory {
    /// Forgets what it believed and takes what is there.
    pub(in crate::proxy) fn relearn(&mut self, loaded: &Ruleset, family: TableFamily) {
        *self = Memory::default();
        let table = |it: In| loaded.table(&TableKey::new(family, it.name()));
        if let Some(nat) = table(In::Nat) {
            let chains = nat.chains.iter().map(|it| &it.name);
            let of_services = chains.filter(|it| is_of_a_service(it));
            self.stale = of_services.cloned().collect();
        }
        self.has_jumps = [In::Filter, In::Nat]
            .into_iter()
            .all(|it| table(it).is_some_and(|table| structure::has_jumps(it, table)));
    }

    pub(in crate::proxy) fn sync(&mut self, turn: Turn<'_>) -> Written {
        let Turn {
            facts,
            kind: _,
            now,
            n_endpoints,
            ports,
            origins,
        } = turn;
        let mut writer = Writer::new(facts, State::new(Remarks::of(n_endpoints)));
        writer.origins = std::mem::take(origins);
        let jumps = match std::mem::replace(&mut self.has_jumps, true) {
            true => Jumps::AreThere,
            false => Jumps::Missing,
        };
        structure::write_beginning(&mut writer, jumps);
        let mut tx = emptying(std::mem::take(&mut writer.transaction));
        let mut written: BTreeMap<PortKey, Transaction> = BTreeMap::new();
        for (key, port) in ports {
            if let Some(gone) = self.ports.remove(&key) {
                self.stale.extend(gone.chains);
            }
            if let Some(port) = port {
                let piece = self.write(&mut writer, &key, port);
                written.insert(key, piece);
            }
        }
        for (key, remembered) in &self.ports {
            match written.remove(key) {
                Some(anew) => tx.commands.extend(anew.commands),
                None => tx.commands.extend(remembered.shared.iter().cloned()),
            }
        }
        let is_large = n_endpoints > LARGE_CLUSTER_ENDPOINTS;
        let period = facts.settings.iptables.sync_period;
        let is_due = self.cleaned.is_none_or(|it| now - it > period);
        if !is_large || is_due {
            for name in std::mem::take(&mut self.stale) {
                let chain = Object::Chain(Chain::regular(&name));
                tx.push(Verb::Delete, &writer.key(In::Nat), chain);
            }
            self.cleaned = Some(now);
        }
        structure::write_end(&mut writer);
        tx.commands.extend(writer.transaction.commands);
        *origins = writer.origins;
        Written {
            transaction: tx,
            ..Written::default()
        }
    }

    fn write(&mut self, writer: &mut Writer<'_>, key: &PortKey, known: &KnownPort) -> Transaction {
        let selected = select(&known.port, &known.endpoints, &writer.snapshot.node);
        service::write(writer, &known.port, &selected);
        let tx = emptying(std::mem::take(&mut writer.transaction));
        let (mut chains, mut shared) = (Vec::new(), Vec::new());
        for command in &tx.commands {
            match (&command.object, command.verb) {
                (Object::Chain(it), Verb::Add) => {
                    self.stale.remove(&it.name);
                    chains.push(it.name.clone());
                }
                (Object::Rule { chain, .. }, _) if !is_of_a_service(chain) => {
                    shared.push(command.clone());
                }
                _ => {}
            }
        }
        let shared = shared.into();
        self.ports
            .insert(key.clone(), Remembered { chains, shared });
        tx
    }
}

/// `--noflush` empties every chain that is declared, built-in ones and the canary apart.
fn emptying(tx: Transaction) -> Transaction {
    let mut emptying = Transaction::default();
    for command in tx.commands {
        let emptied = match &command.object {
            Object::Chain(it) if it.base.is_none() && *it.name != *super::names::CANARY => {
                Some(Object::Chain(Chain::regular(&it.name)))
            }
            _ => None,
        };
        let table = command.table.clone();
        emptying.commands.push(command);
        if let Some(object) = emptied {
            emptying.push(Verb::Flush, &table, object);
        }
    }
    emptying
}

fn is_of_a_service(chain: &str) -> bool {
    const PREFIXES: [&str; 5] = [
        "KUBE-SVC-",
        "KUBE-SVL-",
        "KUBE-EXT-",
        "KUBE-FW-",
        "KUBE-SEP-",
    ];
    PREFIXES.iter().any(|it| chain.starts_with(it))
}
