//! What this machine has loaded, read from the kernel: rules of nft and of both kinds of iptables, addresses, routes. Nothing
//! is changed.
//!
//! Tables that iptables' own tool prints are read from it, all others from nft.
//!
//! **Left out**, and said where there is any of it: routes that lead nowhere, policy routing, all but the first of several
//! next hops, tables of the bridge, arp and netdev families, virtual servers of ip_vs, connections that are there already;
//! and without a word reverse-path filtering, which `doctor --node` looks at.

use crate::error::Error;
use crate::kernel::iptables::{self, Tools};
use crate::kernel::routing::{self, InterfaceKind, Routing};
use crate::kernel::topology::{Prefix, RouteKind};
use crate::kernel::{Place, nft};
use crate::node::host_name;
use packetwalk_core::ip::{Cidr, IpAddr};
use packetwalk_core::net::{RouteKind as Leads, RouteTable};
use packetwalk_core::netfilter::dialect::{Dialect, iptables as iptables_text, nft as nft_text};
use packetwalk_core::netfilter::{Ruleset, TableFamily, TableKey, Transaction};
use packetwalk_core::sim::{Alone, Origin};
use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;

/// This machine as it is.
#[derive(Debug)]
pub struct Live {
    /// Its rules and routes, ready to be walked.
    pub host: Alone,
    /// The language of the tables that iptables knows.
    pub dialect: Dialect,
    /// Interfaces and routes as the kernel told them.
    pub routing: Routing,
    /// What could not be taken in, in words.
    pub remarks: Vec<String>,
}

/// Reads it.
///
/// # Errors
/// When this machine does not tell, or tells what cannot be read.
pub fn read(place: Place<'_>) -> Result<Live, Error> {
    let mut remarks = Vec::new();
    let routing = routing::read(place)?;
    let (ruleset, dialect) = rules(place, &mut remarks)?;
    let routes = routes(&routing, &mut remarks);
    let tables = routing::policy_tables(place)?;
    if !tables.is_empty() {
        let names: Vec<String> = tables.iter().map(ToString::to_string).collect();
        remarks.push(format!(
            "rules of policy routing lead to the tables {} as well; here everything goes by the main table",
            names.join(", ")
        ));
    }
    let forwards = place.run(|| fs::read_to_string("/proc/sys/net/ipv4/ip_forward"))?;
    if forwards.is_ok_and(|it| it.trim() == "0") {
        remarks.push("net.ipv4.ip_forward is 0: what came in over IPv4 and is to leave again is dropped by the kernel, which no rule below shows".into());
    }
    let virtual_servers = place.run(|| fs::read_to_string("/proc/thread-self/net/ip_vs"))?;
    // Three lines are its heading.
    if virtual_servers.is_ok_and(|it| it.lines().count() > 3) {
        remarks.push("ip_vs has virtual servers, which are not asked here".into());
    }
    Ok(Live {
        host: Alone::new(&host_name(), routes, ruleset),
        dialect,
        routing,
        remarks,
    })
}

fn rules(place: Place<'_>, remarks: &mut Vec<String>) -> Result<(Ruleset, Dialect), Error> {
    let mut ruleset = Ruleset::default();
    let mut of_iptables = BTreeSet::new();
    let tables = nft::tables(place)?;
    for (tools, family) in [(Tools::V4, TableFamily::Ip), (Tools::V6, TableFamily::Ip6)] {
        let has_tables = tables
            .iter()
            .any(|it| it.0 == family.name() && iptables_text::TABLES.contains(&it.1.as_str()));
        let modern = match has_tables {
            true => Some(iptables::save(place, tools)?),
            false => None,
        };
        let legacy = iptables::save_legacy(place, tools)?;
        for text in modern.iter().chain(&legacy) {
            let read = iptables_text::parse(text, family).map_err(|it| {
                Error::Input(format!("iptables-save prints what cannot be read: {it}"))
            })?;
            let keys: BTreeSet<TableKey> =
                read.commands.iter().map(|it| it.table.clone()).collect();
            if let Some(twice) = keys.intersection(&of_iptables).next() {
                return Err(Error::Input(format!(
                    "the table {twice} is there twice, by iptables-nft and by iptables-legacy: which of both is asked first cannot be told; empty one of them"
                )));
            }
            of_iptables.extend(keys);
            read.apply(&mut ruleset)?;
        }
    }
    for (family, name) in &tables {
        let Some(key) = key(family, name) else {
            remarks.push(format!(
                "the table {family} {name} is of a family that is not asked here"
            ));
            continue;
        };
        if of_iptables.contains(&key) {
            continue;
        }
        let listing = listed(place, &key)?;
        let lost = listing.skipped.iter();
        remarks
            .extend(lost.map(|it| format!("the table {key} holds what has no place here: {it}")));
        Transaction::from_ruleset(&listing.ruleset).apply(&mut ruleset)?;
    }
    let dialect = match of_iptables.is_empty() {
        true => Dialect::Nft,
        false => Dialect::Iptables,
    };
    Ok((ruleset, dialect))
}

fn key(family: &str, name: &str) -> Option<TableKey> {
    let all = [TableFamily::Ip, TableFamily::Ip6, TableFamily::Inet];
    let family = all.into_iter().find(|it| it.name() == family)?;
    Some(TableKey::new(family, name))
}

/// One table, read.
///
/// # Errors
/// When there is none, or it cannot be read.
pub(super) fn listed(place: Place<'_>, key: &TableKey) -> Result<nft_text::Listing, Error> {
    let listing = nft::list(place, key.family.name(), &key.name)?;
    nft_text::parse_listing(&listing.text).map_err(|it| {
        Error::Input(format!(
            "nft lists the table {key} so that it cannot be read: {it}"
        ))
    })
}

/// The same ways in the form that packets of the simulation take.
fn routes(routing: &Routing, remarks: &mut Vec<String>) -> RouteTable {
    let mut table = RouteTable::with_loopback();
    for it in &routing.interfaces {
        // Addresses alone: what lies behind an interface is told by the kernel's own routes.
        let addresses = it.addresses.iter().filter(|_| it.is_up);
        let addresses: Vec<Cidr> = addresses
            .filter(|it| !it.address.is_loopback())
            .map(|it| Cidr::from(it.address))
            .collect();
        match it.kind {
            InterfaceKind::Dummy => table.add_dummy(&it.name, &addresses),
            _ => table.add_interface(&it.name, &addresses),
        }
        if it.kind == InterfaceKind::Bridge {
            table.mark_bridge(&it.name);
        }
    }
    // Of several routes to one place the last is taken.
    let mut onward: Vec<_> = routing.routes.iter().collect();
    onward.sort_by_key(|it| std::cmp::Reverse(it.metric));
    let mut n_nowhere = 0;
    for it in onward {
        match (it.kind, &it.interface, range(it.to)) {
            (RouteKind::Forward, Some(interface), Some(to)) => {
                table.add_route(to, it.via, interface);
            }
            (RouteKind::Local | RouteKind::Forward, ..) => {}
            _ => n_nowhere += 1,
        }
    }
    if n_nowhere > 0 {
        remarks.push(format!(
            "{n_nowhere} routes lead nowhere (blackhole, unreachable, prohibit); they are not asked here"
        ));
    }
    if routing.n_further_hops > 0 {
        remarks.push(format!(
            "{} further next hops of routes with several are left out",
            routing.n_further_hops
        ));
    }
    table
}

fn range(prefix: Prefix) -> Option<Cidr> {
    Cidr::new(prefix.address, prefix.length).ok()
}

impl Live {
    /// The address that this machine puts on what it sends to `destination`.
    #[must_use]
    pub fn source_for(&self, destination: IpAddr) -> Option<IpAddr> {
        let taken = self.host.routes().lookup(destination)?;
        let found = self.routing.routes.iter().find(|it| {
            it.kind == RouteKind::Forward
                && range(it.to) == Some(taken.destination)
                && it.via == taken.via
                && it.interface.as_deref() == Some(&*taken.interface)
        });
        let suggested = found.and_then(|it| it.source);
        suggested.or_else(|| self.host.routes().source_for(destination))
    }

    /// How a packet from an address comes to be here: it was made here if the address is this machine's own, and comes in
    /// the way that answers would go otherwise, unless an interface is told.
    ///
    /// # Errors
    /// When no route leads to the address, or there is no such interface.
    pub fn origin(&self, from: IpAddr, told: Option<&str>) -> Result<Origin, Error> {
        if let Some(name) = told {
            let names: Vec<&str> = self.names().collect();
            return match names.contains(&name) {
                true => Ok(Origin::CameIn(name.into())),
                false => Err(Error::Input(format!(
                    "there is no interface {name}: there are {}",
                    names.join(", ")
                ))),
            };
        }
        match self.host.routes().lookup(from) {
            Some(it) if it.kind == Leads::Local => Ok(Origin::Made),
            Some(it) => Ok(Origin::CameIn(Arc::clone(&it.interface))),
            None => Err(Error::Input(format!(
                "no route of this machine leads to {from}, so where it comes in cannot be told: say so with --interface"
            ))),
        }
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.routing.interfaces.iter().map(|it| it.name.as_str())
    }
}
