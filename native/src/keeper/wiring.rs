//! A lab's wiring when its world changes: hosts that go, hosts that come, and routes to them, while all else stays as it is.
//!
//! **Left out**: settings of hosts that stay, and a bridge that gets another address: such a host goes and comes again, with
//! everything behind it.

use crate::error::Error;
use crate::kernel::inside::end_processes;
use crate::kernel::topology::{Host, Route, Topology, Wire};
use crate::kernel::{Lab, link, netns};
use std::collections::{BTreeMap, BTreeSet};

/// What is different between two wirings.
#[derive(Debug, Default)]
pub(super) struct Difference {
    /// Hosts that are no more.
    pub(super) gone: BTreeSet<String>,
    /// Hosts that must go and come again.
    pub(super) renewed: BTreeSet<String>,
    /// What is to be built: hosts that are new or come again.
    fresh: Topology,
    /// Cables of hosts that go, to hosts that stay: the end that stays.
    cut: BTreeMap<String, Vec<(String, String)>>,
    added: BTreeMap<String, Vec<Route>>,
    removed: BTreeMap<String, Vec<Route>>,
}

impl Difference {
    pub(super) fn between(before: &Topology, after: &Topology) -> Difference {
        let was = by_name(before);
        let is = by_name(after);
        let mut difference = Difference::default();
        for (name, host) in &was {
            match is.get(name) {
                None => {
                    difference.gone.insert((*name).to_owned());
                }
                Some(next)
                    if !is_alike(host, next) || wires(before, name) != wires(after, name) =>
                {
                    difference.renewed.insert((*name).to_owned());
                }
                Some(_) => {}
            }
        }
        // Who hangs on a host that goes loses its cable, and comes again with it.
        for wire in &after.wires {
            let [near, far] = &wire.ends;
            let is_cut = difference.renewed.contains(&near.host) || !was.contains_key(&*near.host);
            if is_cut && was.contains_key(&*far.host) {
                difference.renewed.insert(far.host.clone());
            }
        }
        let goes = |it: &str| difference.gone.contains(it) || difference.renewed.contains(it);
        for wire in &before.wires {
            let [near, far] = &wire.ends;
            if goes(&far.host) && !goes(&near.host) {
                let end = (near.host.clone(), near.interface.clone());
                difference
                    .cut
                    .entry(far.host.clone())
                    .or_default()
                    .push(end);
            }
        }
        let comes = |it: &str| !was.contains_key(it) || difference.renewed.contains(it);
        difference.fresh = Topology {
            hosts: after
                .hosts
                .iter()
                .filter(|it| comes(&it.name))
                .cloned()
                .collect(),
            wires: after
                .wires
                .iter()
                .filter(|it| comes(&it.ends[1].host))
                .cloned()
                .collect(),
        };
        for (name, host) in was.iter().filter(|it| !goes(it.0)) {
            let Some(next) = is.get(name) else {
                continue;
            };
            let lacks = |all: &[Route], it: &Route| !all.contains(it);
            let more = next.routes.iter().filter(|it| lacks(&host.routes, it));
            let fewer = host.routes.iter().filter(|it| lacks(&next.routes, it));
            difference
                .added
                .insert((*name).to_owned(), more.cloned().collect());
            difference
                .removed
                .insert((*name).to_owned(), fewer.cloned().collect());
        }
        difference
    }

    /// The hosts that are built, by name.
    pub(super) fn fresh(&self) -> impl Iterator<Item = &Host> {
        self.fresh.hosts.iter()
    }

    /// Takes away the hosts that come again, builds what is new, and lays the routes to it.
    pub(super) fn build(&self, lab: &mut Lab) -> Result<(), Error> {
        self.take_away(lab, &self.renewed)?;
        if !self.fresh.hosts.is_empty() {
            link::build(lab, &self.fresh)?;
        }
        for (host, routes) in self.added.iter().filter(|it| !it.1.is_empty()) {
            link::replace_routes(lab.host(host)?, routes)?;
        }
        Ok(())
    }

    /// Takes away what is no more, and the routes to it.
    pub(super) fn clear(&self, lab: &mut Lab) -> Result<(), Error> {
        for (host, routes) in self.removed.iter().filter(|it| !it.1.is_empty()) {
            let added = self.added.get(host).map(Vec::as_slice).unwrap_or_default();
            // One that leads elsewhere now was replaced.
            let is_replaced = |it: &Route| added.iter().any(|other| other.to == it.to);
            let routes: Vec<Route> = routes
                .iter()
                .filter(|it| !is_replaced(it))
                .cloned()
                .collect();
            // One that went with an interface, or at an earlier attempt, is no failure.
            for route in routes {
                let _ = link::remove_routes(lab.host(host)?, &[route]);
            }
        }
        self.take_away(lab, &self.gone)
    }

    /// After a failure: takes away whatever was begun of what is new. What stays of the wiring there was.
    ///
    /// # Errors
    /// What could not be taken away.
    pub(super) fn undo(&self, lab: &mut Lab, before: &Topology) -> Result<Topology, Error> {
        for wire in &self.fresh.wires {
            let [near, far] = &wire.ends;
            if let (Some(place), Some(_)) = (lab.namespace(&near.host), lab.namespace(&far.host)) {
                link::remove(place, &near.interface)?;
            }
        }
        for host in &self.fresh.hosts {
            if lab.namespace(&host.name).is_some() {
                lab.remove(&host.name)?;
            }
        }
        let is_there = |it: &str| lab.namespace(it).is_some();
        let hosts = before.hosts.iter().filter(|it| is_there(&it.name));
        let wires = before.wires.iter();
        Ok(Topology {
            hosts: hosts.cloned().collect(),
            wires: wires
                .filter(|it| it.ends.iter().all(|it| is_there(&it.host)))
                .cloned()
                .collect(),
        })
    }

    fn take_away(&self, lab: &mut Lab, hosts: &BTreeSet<String>) -> Result<(), Error> {
        if hosts.is_empty() {
            return Ok(());
        }
        let mine = netns::list()?.into_iter().filter(|it| it.lab == *lab.id());
        let entries: Vec<_> = mine.filter(|it| hosts.contains(&it.host)).collect();
        end_processes(&entries)?;
        for host in hosts {
            // Linux removes cables of a namespace some time after it; their names must be free at once.
            for (near, interface) in self.cut.get(host).into_iter().flatten() {
                link::remove(lab.host(near)?, interface)?;
            }
            lab.remove(host)?;
        }
        Ok(())
    }
}

fn by_name(topology: &Topology) -> BTreeMap<&str, &Host> {
    let hosts = topology.hosts.iter();
    hosts.map(|it| (it.name.as_str(), it)).collect()
}

/// The cables by which a host hangs on others.
fn wires<'a>(topology: &'a Topology, host: &str) -> Vec<&'a Wire> {
    let wires = topology.wires.iter();
    wires.filter(|it| it.ends[1].host == *host).collect()
}

/// The same but for its routes.
fn is_alike(a: &Host, b: &Host) -> bool {
    let Host {
        name,
        kind,
        bridges,
        loopback_addresses,
        routes: _,
        sysctls,
    } = a;
    (name, kind, bridges, loopback_addresses, sysctls)
        == (
            &b.name,
            &b.kind,
            &b.bridges,
            &b.loopback_addresses,
            &b.sysctls,
        )
}
