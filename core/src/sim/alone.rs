//! One host by itself: its routes and its rules are known, and nobody beyond its links is.
//!
//! This is how a machine is explained that somebody else has set up: a packet is made there or comes in, passes the
//! hooks, and stays or leaves; an answer comes back the way it left.
//!
//! **Left out**: who lives beyond the links: whatever leaves is taken to be answered.

use super::network::{HostId, Network};
use super::travel::{End, Journey, Leg, StepKind, Traveller};
use crate::chance::{Chooser, Exploration, explore};
use crate::net::{Packet, RouteTable};
use crate::netfilter::Ruleset;
use crate::time::Instant;
use std::sync::Arc;

/// One host by itself.
#[derive(Clone, Debug)]
pub struct Alone {
    host: HostId,
    network: Network,
}

/// How a packet comes to be on the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A program there made it.
    Made,
    /// It came in by this interface.
    CameIn(Arc<str>),
}

/// A packet's passage, and that of the answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Passage {
    /// The packet.
    pub there: Journey,
    /// The answer, or what tells the sender that there is none; nothing where everything is silent.
    pub back: Option<Journey>,
}

impl Alone {
    /// A host of this name.
    #[must_use]
    pub fn new(name: &str, routes: RouteTable, ruleset: Ruleset) -> Alone {
        let host = HostId::Node(name.to_owned());
        let network = Network::of_one(&host, routes, ruleset);
        Alone { host, network }
    }

    /// Its rules.
    #[must_use]
    pub fn ruleset(&self) -> &Ruleset {
        let host = self.network.host(&self.host);
        &host.expect("it was built with this host").ruleset
    }

    /// Its interfaces and routes.
    #[must_use]
    pub fn routes(&self) -> &RouteTable {
        let host = self.network.host(&self.host);
        &host.expect("it was built with this host").routes
    }

    /// Every way a packet can go, as long as there are not more than `limit`.
    #[must_use]
    pub fn explore(
        &self,
        packet: &Packet,
        origin: &Origin,
        seed: u64,
        limit: usize,
    ) -> Exploration<Passage> {
        explore(seed, limit, |chooser| self.pass(packet, origin, chooser))
    }

    /// One way, by the choices of a chooser.
    #[must_use]
    pub fn pass(&self, packet: &Packet, origin: &Origin, chooser: &mut Chooser) -> Passage {
        let mut network = self.network.clone();
        let there = match origin {
            Origin::Made => {
                begin(&mut network, chooser, Leg::Request).send(&self.host, packet.clone())
            }
            Origin::CameIn(interface) => begin(&mut network, chooser, Leg::Request).receive(
                &self.host,
                interface,
                packet.clone(),
            ),
        };
        let answering = begin(&mut network, chooser, Leg::Reply);
        let back = match answer(&there) {
            Some(Answer::FromBeyond(interface, reply)) => {
                Some(answering.receive(&self.host, &interface, reply))
            }
            Some(Answer::FromHere(reply)) => Some(answering.send(&self.host, reply)),
            None => None,
        };
        Passage { there, back }
    }
}

fn begin<'a>(network: &'a mut Network, chooser: &'a mut Chooser, leg: Leg) -> Traveller<'a> {
    Traveller {
        network,
        chooser,
        now: Instant::START,
        leg,
        steps: Vec::new(),
    }
}

/// Where an answer comes from.
enum Answer {
    FromBeyond(Arc<str>, Packet),
    FromHere(Packet),
}

/// What answers a packet that went so.
fn answer(there: &Journey) -> Option<Answer> {
    match &there.end {
        End::Left => {
            let last = there.steps.last()?;
            let StepKind::Crossed { interface, .. } = &last.kind else {
                return None;
            };
            Some(Answer::FromBeyond(interface.clone(), last.after.reply()?))
        }
        End::Arrived { packet, .. } => packet.reply().map(Answer::FromHere),
        End::Rejected { response, .. }
        | End::Unreachable { response, .. }
        | End::Expired { response, .. } => response.clone().map(Answer::FromHere),
        End::Dropped { .. } | End::Silent { .. } | End::NotForwarding => None,
        End::Unknown | End::TooDeep => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::{Flow, Protocol, TcpFlags};

    const RULES: &str = "
add table ip t
add chain ip t pre { type nat hook prerouting priority -100 ; }
add chain ip t out { type nat hook output priority -100 ; }
add chain ip t post { type nat hook postrouting priority 100 ; }
add rule ip t pre ip daddr 10.96.0.10 tcp dport 80 dnat to 10.244.1.5:8080
add rule ip t out ip daddr 10.96.0.10 tcp dport 80 dnat to 10.244.1.5:8080
add rule ip t post ip saddr 192.0.2.7 masquerade
";

    fn node() -> Alone {
        let mut routes = RouteTable::with_loopback();
        routes.add_interface("eth0", &["192.0.2.2/24".parse().expect("a range")]);
        routes.add_interface("cni0", &["10.244.1.1/24".parse().expect("a range")]);
        let gateway = "192.0.2.1".parse().ok();
        routes.add_route("0.0.0.0/0".parse().expect("a range"), gateway, "eth0");
        Alone::new("n", routes, Ruleset::of(RULES))
    }

    fn syn(source: &str) -> Packet {
        let flow = Flow {
            protocol: Protocol::Tcp,
            source: source.parse().expect("an address"),
            destination: "10.96.0.10".parse().expect("an address"),
            source_port: 40_000,
            destination_port: 80,
        };
        Packet::of_flow(flow, TcpFlags::SYN)
    }

    #[test]
    fn what_leaves_is_answered_and_the_answer_gets_its_addresses_back() {
        let interface = "eth0".into();
        let mut chooser = Chooser::seeded(1);
        let passage = node().pass(&syn("192.0.2.7"), &Origin::CameIn(interface), &mut chooser);
        assert_eq!(passage.there.end, End::Left);
        let left = &passage.there.steps.last().expect("steps").after;
        assert_eq!(left.destination.to_string(), "10.244.1.5");
        assert_eq!(left.source.to_string(), "10.244.1.1");
        let back = passage.back.expect("an answer");
        let home = &back.steps.last().expect("steps").after;
        assert_eq!(home.source.to_string(), "10.96.0.10");
        assert_eq!(home.destination.to_string(), "192.0.2.7");
        assert_eq!(back.end, End::Left);
    }

    #[test]
    fn what_is_made_here_comes_home() {
        let mut chooser = Chooser::seeded(1);
        let passage = node().pass(&syn("192.0.2.2"), &Origin::Made, &mut chooser);
        assert_eq!(passage.there.end, End::Left);
        let back = passage.back.expect("an answer");
        assert!(matches!(back.end, End::Arrived { .. }), "{:?}", back.end);
    }
}
