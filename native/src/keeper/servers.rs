//! The programs in the pods of a lab that stays: which there should be, and starting and stopping only the others.
//!
//! **Left out**: a container that restarts; SCTP.

use super::names::{Names, dns_sockets};
use crate::error::Error;
use crate::kernel::Lab;
use crate::kernel::probe::Protocol;
use crate::kernel::serve::{Manner, ServerId, Servers, Service};
use crate::lab::{Served, host_name, served};
use packetwalk_core::sim::{HostId, World};
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

/// The running programs of a lab.
#[derive(Debug)]
pub(super) struct Programs {
    servers: Servers,
    running: BTreeMap<Socket, ServerId>,
}

/// A socket that somebody should serve.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Socket {
    host: String,
    listen: SocketAddr,
    protocol: Protocol,
    /// The object that holds it, as its answers name it.
    holder: String,
    manner: How,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum How {
    Answers,
    Hangs,
    ResolvesCluster,
    ResolvesOutside,
}

impl Programs {
    pub(super) fn new() -> Result<Programs, Error> {
        Ok(Programs {
            servers: Servers::start(&[])?,
            running: BTreeMap::new(),
        })
    }

    /// Stops whatever a world has not, but on the hosts that are spared.
    pub(super) fn stop_others(&mut self, world: &World, spared: &BTreeSet<String>) {
        let wanted = sockets(world);
        self.stop_where(|it| !wanted.contains(it) && !spared.contains(&it.host));
    }

    /// Stops everything on some hosts.
    pub(super) fn stop_on(&mut self, hosts: &BTreeSet<String>) {
        self.stop_where(|it| hosts.contains(&it.host));
    }

    fn stop_where(&mut self, is_it: impl Fn(&Socket) -> bool) {
        let all = self.running.keys();
        let chosen: Vec<Socket> = all.filter(|it| is_it(it)).cloned().collect();
        for socket in chosen {
            if let Some(id) = self.running.remove(&socket) {
                self.servers.stop(id);
            }
        }
    }

    /// Starts what a world has and is not running.
    pub(super) fn start_missing(
        &mut self,
        world: &World,
        lab: &Lab,
        names: &Names,
    ) -> Result<(), Error> {
        let wanted = sockets(world).into_iter();
        let missing: Vec<Socket> = wanted.filter(|it| !self.running.contains_key(it)).collect();
        let manner = |it: &Socket| match it.manner {
            How::Answers => Manner::Answers,
            How::Hangs => Manner::Hangs,
            How::ResolvesCluster => Manner::Resolves(names.cluster_server()),
            How::ResolvesOutside => Manner::Resolves(names.outside_server()),
        };
        let mut services = Vec::new();
        for it in &missing {
            services.push(Service {
                place: lab.host(&it.host)?.into(),
                name: &it.holder,
                protocol: it.protocol,
                listen: it.listen,
                manner: manner(it),
            });
        }
        let ids = self.servers.add(&services)?;
        self.running.extend(missing.into_iter().zip(ids));
        Ok(())
    }
}

/// Who is to serve each socket of a world.
fn sockets(world: &World) -> BTreeSet<Socket> {
    let dns = dns_sockets(&world.objects);
    let socket = |it: Served<'_>| {
        let pod = world.objects.pod(&it.holder.namespace, &it.holder.name);
        let mut ips = pod.map(|it| it.ips()).unwrap_or_default().into_iter();
        let manner = match it.host {
            _ if it.hangs => How::Hangs,
            HostId::Router => How::ResolvesOutside,
            _ if ips.any(|ip| dns.contains(&(ip, it.listen.port()))) => How::ResolvesCluster,
            _ => How::Answers,
        };
        Socket {
            host: host_name(it.host),
            listen: it.listen,
            protocol: it.protocol,
            holder: it.holder.to_string(),
            manner,
        }
    };
    served(world).map(socket).collect()
}
