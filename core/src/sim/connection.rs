//! Connections over time: opened once, used later, across what happens to the cluster meanwhile.
//!
//! What a host remembers of a connection lives in its `conntrack` in the world's network, and what sessionAffinity
//! remembers beside it. A walk of its own leaves no memories; a connection opened here does, and whatever comes later
//! finds them: for its own packets the Service's rules are not asked again. When the cluster goes on, [`World::go_on`] gives
//! every node its new rules and keeps what it remembers, but for what kube-proxy makes it forget. What a person types and
//! what a lesson shows go this one way.
//!
//! **Left out**: retransmissions of what got no answer; the payload, and acknowledgements that carry nothing else; what an
//! open connection's own host does with an ICMP error but to tell of it; how many connections a program that hangs
//! leaves waiting before its kernel takes no more.

use super::cluster::Cluster;
use super::network::HostId;
use super::outcome::{Verdict, Why};
use super::request::Request;
use super::symptom::{Stage, told_by};
use super::travel::{Journey, Leg, Step, Traveller};
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
    /// What was sent after its first packet and the answer to that, in order.
    pub later: Vec<Step>,
}

impl World {
    /// Opens a connection; what every host remembers of it stays in this world. There is none if nobody accepted.
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
        let mut connection = OpenConnection {
            request: request.clone(),
            flow,
            server_uid: self.uid(&server),
            server,
            from,
            later: Vec::new(),
        };
        if flow.protocol == Protocol::Tcp {
            // The third packet of the handshake.
            self.tell(&mut connection, TcpFlags::ACK, chooser);
        }
        Ok((walk, Some(connection)))
    }

    /// Sends a later packet of a connection, and follows what comes back.
    pub fn send_on(&mut self, connection: &OpenConnection, chooser: &mut Chooser) -> Walk {
        self.exchange_on(connection, TcpFlags::ACK, chooser)
    }

    /// A short exchange over a TCP connection, and its end: request and answer, and the close from both sides. It goes
    /// as far as it is answered.
    pub fn converse(&mut self, connection: &mut OpenConnection, chooser: &mut Chooser) {
        if connection.flow.protocol != Protocol::Tcp {
            return;
        }
        for flags in [TcpFlags::ACK, TcpFlags::FIN_ACK] {
            let walk = self.exchange_on(connection, flags, chooser);
            connection.later.extend(walk.steps);
            let is_answered = walk.ending.verdict == Verdict::Delivered;
            if !is_answered || walk.ending.reason == Some(Why::ProgramHangs) {
                return;
            }
        }
        self.tell(connection, TcpFlags::ACK, chooser);
    }

    fn exchange_on(
        &mut self,
        connection: &OpenConnection,
        flags: TcpFlags,
        chooser: &mut Chooser,
    ) -> Walk {
        let is_there = self.uid(&connection.server) == connection.server_uid;
        let server = is_there.then_some(&connection.server);
        let mut walk = continue_on(self, connection, flags, server, chooser);
        told_by(&mut walk, Stage::Open);
        walk
    }

    /// The client sends a segment that nobody answers.
    fn tell(&mut self, connection: &mut OpenConnection, flags: TcpFlags, chooser: &mut Chooser) {
        let packet = connection.packet(flags);
        let traveller = Traveller {
            now: self.cluster.clock().now,
            network: &mut self.network,
            chooser,
            leg: Leg::Request,
            steps: Vec::new(),
        };
        let Journey { steps, .. } = match &connection.from.entry {
            Some((host, interface)) => traveller.receive(host, interface, packet),
            None => traveller.send(&connection.from.host, packet),
        };
        connection.later.extend(steps);
    }

    /// This world after its cluster went on.
    #[must_use]
    pub fn after(&self, cluster: Arc<Cluster>) -> World {
        let mut world = self.clone();
        world.go_on(cluster);
        world
    }

    /// Its cluster went on: new rules everywhere where something changed, and what hosts remember of connections kept,
    /// but for what kube-proxy makes them forget. A machine that is off forgets everything.
    pub fn go_on(&mut self, cluster: Arc<Cluster>) {
        let is_same = self.cluster.store().news() == cluster.store().news()
            && self.cluster.machines() == cluster.machines();
        if is_same {
            self.cluster = cluster;
            return;
        }
        let mut before = std::mem::replace(self, World::of_cluster(cluster, self.asked_mode));
        self.notices = std::mem::take(&mut before.notices);
        self.network.balanced = std::mem::take(&mut before.network.balanced);
        let ids: Vec<HostId> = self.network.hosts().map(|it| it.id.clone()).collect();
        for id in ids {
            if self.network.is_down(&id) {
                continue;
            }
            let remembered = before.network.host_mut(&id);
            let now = self.network.host_mut(&id);
            let (Some(remembered), Some(now)) = (remembered, now) else {
                continue;
            };
            now.conntrack = std::mem::take(&mut remembered.conntrack);
            now.dynamic = std::mem::take(&mut remembered.dynamic);
            if let HostId::Node(name) = &id {
                for of in Family::ALL {
                    let snapshot = super::world::snapshot(&self.objects, name, of);
                    let stale = snapshot.map(|it| stale_connections(&it, &now.conntrack));
                    for it in stale.into_iter().flatten() {
                        now.conntrack.delete(it);
                    }
                }
            }
        }
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
    pub(super) fn packet(&self, flags: TcpFlags) -> Packet {
        Packet::of_flow(self.flow, flags)
    }
}
