//! Connections over time: opened once, used later, across what happens to the cluster meanwhile.
//!
//! What a node remembers of a connection lives in its `conntrack` in the world's network. A walk of its own begins
//! without memories and leaves none; a connection opened here leaves them, and whatever is sent on it later finds them:
//! the Service's rules are not asked again. When the cluster goes on, [`World::after`] gives every node its new rules
//! and keeps its connections, but for those that kube-proxy makes it forget.
//!
//! **Left out**: closing; data; what an open connection's own host does with an ICMP error but to tell of it.

use super::network::HostId;
use super::outcome::Verdict;
use super::request::Request;
use super::symptom::{Stage, told_by};
use super::travel::{Leg, Traveller};
use super::walk::{Start, Walk, WalkError, continue_on, open_on};
use super::world::World;
use crate::chance::Chooser;
use crate::ip::Family;
use crate::net::{Flow, Packet, Protocol, TcpFlags};
use crate::proxy::stale_connections;
use std::sync::Arc;

/// A connection, as its two ends know it. UDP has none; there it is a client that keeps its port.
#[derive(Clone, Debug)]
pub struct OpenConnection {
    /// What was asked for when it was opened.
    pub request: Request,
    /// Its two ends, as the client knows them.
    pub flow: Flow,
    /// Where it was accepted.
    pub server: HostId,
    /// Which pod it was, should another take its place.
    server_uid: Option<String>,
    pub(super) from: Start,
}

impl World {
    /// Opens a connection; what every node remembers of it stays in this world. There is none if nobody accepted.
    ///
    /// # Errors
    /// If the request cannot begin.
    pub fn open(
        &mut self,
        request: &Request,
        chooser: &mut Chooser,
    ) -> Result<(Walk, Option<OpenConnection>), WalkError> {
        let (walk, from) = open_on(self, request, chooser)?;
        let first = walk
            .steps
            .first()
            .and_then(|it| Flow::from_packet(&it.before));
        let server = walk
            .steps
            .iter()
            .rfind(|it| it.leg == Leg::Request)
            .map(|it| it.host.clone());
        let (Verdict::Delivered, Some(flow), Some(server)) = (walk.ending.verdict, first, server)
        else {
            return Ok((walk, None));
        };
        let connection = OpenConnection {
            request: request.clone(),
            flow,
            server_uid: self.uid(&server),
            server,
            from,
        };
        if flow.protocol == Protocol::Tcp {
            // The third packet of the handshake, which nobody answers.
            let packet = connection.packet();
            let now = self.cluster.clock().now;
            let traveller = Traveller {
                network: &mut self.network,
                chooser,
                now,
                leg: Leg::Request,
                steps: Vec::new(),
            };
            match &connection.from.entry {
                Some((host, interface)) => traveller.receive(host, interface, packet),
                None => traveller.send(&connection.from.host, packet),
            };
        }
        Ok((walk, Some(connection)))
    }

    /// Sends a later packet of a connection, and follows what comes back.
    pub fn send_on(&mut self, connection: &OpenConnection, chooser: &mut Chooser) -> Walk {
        let is_there = self.uid(&connection.server) == connection.server_uid;
        let server = is_there.then_some(&connection.server);
        let mut walk = continue_on(self, connection, server, chooser);
        told_by(&mut walk, Stage::Open);
        walk
    }

    /// This world after its cluster went on: new rules everywhere, and what nodes remember of connections kept, but for
    /// what kube-proxy makes them forget.
    #[must_use]
    pub fn after(&self, cluster: Arc<super::Cluster>) -> World {
        let mut world = World::of_cluster(cluster, Some(self.mode));
        world.notices.clone_from(&self.notices);
        let nodes: Vec<HostId> = self
            .network
            .hosts()
            .map(|it| it.id.clone())
            .filter(|it| matches!(it, HostId::Node(_)))
            .collect();
        world.network.balanced = self.network.balanced.clone();
        for id in nodes {
            let Some(before) = self.network.host(&id) else {
                continue;
            };
            let (conntrack, dynamic) = (before.conntrack.clone(), before.dynamic.clone());
            let mut stale = Vec::new();
            for of in Family::ALL {
                if let Some(snapshot) = super::world::snapshot(&world.objects, id.short(), of) {
                    stale.extend(stale_connections(&snapshot, &conntrack));
                }
            }
            if let Some(host) = world.network.host_mut(&id) {
                host.conntrack = conntrack;
                host.dynamic = dynamic;
                for it in stale {
                    host.conntrack.delete(it);
                }
            }
        }
        world
    }

    /// What tells a pod from another of its name.
    fn uid(&self, host: &HostId) -> Option<String> {
        let HostId::Pod(namespace, name) = host else {
            return None;
        };
        self.objects.pod(namespace, name)?.metadata.uid.clone()
    }
}

impl OpenConnection {
    /// A later packet from the client.
    pub(super) fn packet(&self) -> Packet {
        Packet::of_flow(self.flow, TcpFlags::ACK)
    }
}
