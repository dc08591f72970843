//! One packet's journey from host to host: hooks, routing decisions, wires.
//!
//! The order inside a host is Linux's: prerouting, routing, input or forward, postrouting; and
//! output, routing, postrouting for what a host sends itself, and for what ip_vs took at input or output.
//!
//! **Left out**: neighbour discovery, fragmentation, queues.

use super::network::{HostId, Network};
use super::outcome::Why;
use crate::api::ObjectRef;
use crate::chance::Chooser;
use crate::ip::IpAddr;
use crate::net::{Packet, Route, RouteKind, UnreachableCode};
use crate::netfilter::conntrack::Connection;
use crate::netfilter::{Hook, Named, Outcome, Pass, RejectWith, Ruleset, Table, Trace, Travelling};
use crate::time::Instant;
use serde::Serialize;
use std::sync::Arc;

/// No walk is longer: before that its time to live has run out.
const MAX_HOSTS: usize = 80;

/// Which way a step belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Leg {
    /// A question to cluster DNS and its answer.
    Lookup,
    /// From the client.
    Request,
    /// Back to the client.
    Reply,
}

/// One step of a journey.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Step {
    /// Which way.
    pub leg: Leg,
    /// Where.
    pub host: HostId,
    /// The packet as the step found it.
    pub before: Packet,
    /// The packet as the step left it.
    pub after: Packet,
    /// What happened.
    #[serde(flatten)]
    pub kind: StepKind,
}

/// What happened in a step.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "step", rename_all = "kebab-case")]
pub enum StepKind {
    /// An application sent the packet, and its host chose a way.
    Sent {
        /// The way; none if there is none.
        route: Option<RouteChosen>,
    },
    /// The packet passed a hook, or ended there.
    Hook {
        /// Which.
        hook: Hook,
        /// What came of it.
        outcome: Outcome,
        /// What was asked and done.
        trace: Box<Trace>,
        /// The mark it left with.
        mark: u32,
        /// The connection as the hook left it.
        connection: Option<Connection>,
    },
    /// The host decided where the packet goes.
    Routed {
        /// The way; none if there is none.
        route: Option<RouteChosen>,
    },
    /// The packet went over a wire.
    Crossed {
        /// Out of this interface.
        interface: Arc<str>,
        /// To this host; none if it left the world.
        to: Option<HostId>,
        /// Into that interface.
        to_interface: Option<Arc<str>>,
    },
    /// A load balancer decided where the packet goes, or gave an answer back its addresses.
    Balanced {
        /// The Service it is for.
        service: ObjectRef,
        /// Whom it chose; none on the way back.
        target: Option<ObjectRef>,
        /// Out of how many.
        n_targets: usize,
    },
    /// Something that is no rule swallowed the packet and says nothing.
    Swallowed {
        /// Why.
        why: Why,
    },
    /// The packet reached an application, or a host's own stack.
    Arrived,
}

/// A routing decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RouteChosen {
    /// The line of the table.
    pub route: Route,
    /// The neighbour the packet is handed to; none if it stays here.
    pub next_hop: Option<IpAddr>,
}

/// A journey: the steps, and where they end.
#[derive(Clone, Debug, PartialEq)]
pub struct Journey {
    /// The steps.
    pub steps: Vec<Step>,
    /// The end.
    pub end: End,
}

/// Where a journey ends.
#[derive(Clone, Debug, PartialEq)]
pub enum End {
    /// On a host it is for.
    Arrived {
        /// The host.
        host: HostId,
        /// The packet as it arrived.
        packet: Packet,
    },
    /// In a rule or policy, silently.
    Dropped {
        /// The host.
        host: HostId,
        /// What did it.
        by: Dropper,
    },
    /// Swallowed by something that is no rule and says nothing: a machine that is off, a balancer.
    Silent {
        /// Where.
        host: HostId,
        /// Why.
        why: Why,
    },
    /// In a rule that tells the sender.
    Rejected {
        /// The host.
        host: HostId,
        /// What it tells.
        response: Option<Packet>,
    },
    /// On a host that knows no way.
    Unreachable {
        /// The host.
        host: HostId,
        /// What it tells the sender.
        response: Option<Packet>,
        /// Whether a route led to a link where nobody answers.
        nobody_there: bool,
    },
    /// Out of the world.
    Left,
    /// On a host it is not for.
    NotForwarding,
    /// Nowhere: it went round in circles.
    Expired {
        /// Where its time to live ran out.
        host: HostId,
        /// What that host tells the sender.
        response: Option<Packet>,
    },
    /// In a rule that cannot be understood.
    Unknown,
    /// In rules that call one another without end.
    TooDeep,
}

/// What drops a packet in a ruleset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dropper {
    /// A rule.
    Rule,
    /// The policy of a chain.
    ChainPolicy,
    /// A rule of the NetworkPolicies' table.
    NetworkPolicy,
}

/// A packet under way.
pub(super) struct Traveller<'a> {
    pub(super) network: &'a mut Network,
    pub(super) chooser: &'a mut Chooser,
    pub(super) now: Instant,
    pub(super) leg: Leg,
    pub(super) steps: Vec<Step>,
}

impl Traveller<'_> {
    /// Sends a packet from an application on `host`.
    pub(super) fn send(mut self, host: &HostId, packet: Packet) -> Journey {
        let end = self.leave(host, packet);
        Journey {
            steps: self.steps,
            end,
        }
    }

    /// Lets a packet come in by an interface of `host`, from somewhere that is not modelled.
    pub(super) fn receive(mut self, host: &HostId, interface: &str, packet: Packet) -> Journey {
        let end = if self.network.is_down(host) {
            self.swallow(host, &packet, Why::NodeDown)
        } else {
            self.pass_on(host.clone(), Travelling::arriving(packet, interface))
        };
        Journey {
            steps: self.steps,
            end,
        }
    }

    /// Output, routing, postrouting, and out.
    fn leave(&mut self, host: &HostId, packet: Packet) -> End {
        let route = self.route(host, packet.destination);
        self.note(
            host,
            &packet,
            packet.clone(),
            StepKind::Sent {
                route: route.clone(),
            },
        );
        let Some(route) = route else {
            return End::Unreachable {
                host: host.clone(),
                response: None,
                nobody_there: false,
            };
        };
        let mut it = Travelling::made_here(packet, &route.route.interface);
        let destination = it.packet.destination;
        if let Some(end) = self.hook(host, Hook::Output, &mut it) {
            return end;
        }
        let route = if it.packet.destination == destination {
            route
        } else {
            match self.route_again(host, &mut it) {
                Ok(route) => route,
                Err(end) => return end,
            }
        };
        self.go_out(host, &route, it)
    }

    /// The way of a packet through every host it comes to.
    fn pass_on(&mut self, first: HostId, first_packet: Travelling) -> End {
        let (mut host, mut it) = (first, first_packet);
        for _ in 0..MAX_HOSTS {
            if let Some(end) = self.hook(&host, Hook::Prerouting, &mut it) {
                return end;
            }
            if self.is_own(&host, &it) {
                return self.swallow(&host, &it.packet, Why::OwnSource);
            }
            let route = match self.balance(&host, &mut it) {
                Ok(Some(chosen)) => Some(chosen),
                Ok(None) => self.route(&host, it.packet.destination),
                Err(end) => return end,
            };
            let is_pod = self.network.host(&host).is_none_or(|it| !it.forwards());
            if !is_pod || route.as_ref().is_none_or(|it| it.next_hop.is_some()) {
                let kind = StepKind::Routed {
                    route: route.clone(),
                };
                self.note(&host, &it.packet, it.packet.clone(), kind);
            }
            let Some(route) = route else {
                return self.unreachable(&host, &it, UnreachableCode::Net, false);
            };
            if route.next_hop.is_none() {
                return self.arrive(&host, it);
            }
            if is_pod {
                return End::NotForwarding;
            }
            if it.packet.ttl <= 1 {
                return self.expired(&host, &it);
            }
            it.packet.ttl -= 1;
            it.oif = Some(route.route.interface.clone());
            if let Some(end) = self.hook(&host, Hook::Forward, &mut it) {
                return end;
            }
            match self.cross(&host, &route, it) {
                Ok((next, packet)) => (host, it) = (next, packet),
                Err(end) => return end,
            }
        }
        self.expired(&host, &it)
    }

    fn expired(&self, host: &HostId, it: &Travelling) -> End {
        let sender = self.speaker(host, it.packet.source);
        End::Expired {
            host: host.clone(),
            response: sender.and_then(|sender| it.packet.time_exceeded_reply(sender)),
        }
    }

    /// The address from which a host tells somebody of an error.
    fn speaker(&self, host: &HostId, to: IpAddr) -> Option<IpAddr> {
        self.network.host(host)?.routes.source_for(to)
    }

    fn go_out(&mut self, host: &HostId, route: &RouteChosen, it: Travelling) -> End {
        if route.next_hop.is_none() {
            return self.loop_back(host, it);
        }
        match self.cross(host, route, it) {
            Ok((next, packet)) => self.pass_on(next, packet),
            Err(end) => end,
        }
    }

    /// A packet a host sends to itself passes postrouting and comes in again by loopback.
    fn loop_back(&mut self, host: &HostId, mut it: Travelling) -> End {
        if let Some(end) = self.hook(host, Hook::Postrouting, &mut it) {
            return end;
        }
        it.iif = Some("lo".into());
        it.oif = None;
        self.pass_on(host.clone(), it)
    }

    fn arrive(&mut self, host: &HostId, mut it: Travelling) -> End {
        if let Some(end) = self.hook(host, Hook::Input, &mut it) {
            return end;
        }
        self.note(host, &it.packet, it.packet.clone(), StepKind::Arrived);
        End::Arrived {
            host: host.clone(),
            packet: it.packet,
        }
    }

    /// Postrouting, and over the wire to the neighbour.
    fn cross(
        &mut self,
        host: &HostId,
        route: &RouteChosen,
        mut it: Travelling,
    ) -> Result<(HostId, Travelling), End> {
        if let Some(end) = self.hook(host, Hook::Postrouting, &mut it) {
            return Err(end);
        }
        let interface = route.route.interface.clone();
        let next_hop = route.next_hop.unwrap_or(it.packet.destination);
        let neighbour = self.network.neighbour(host, &interface, next_hop);
        let is_way_out = self.network.is_open || &*interface == "wan0" || route.route.via.is_some();
        if neighbour.is_none() && !is_way_out {
            return Err(self.unreachable(host, &it, UnreachableCode::Host, true));
        }
        let (to, to_interface) = neighbour.unzip();
        let kind = StepKind::Crossed {
            interface,
            to: to.clone(),
            to_interface: to_interface.clone(),
        };
        self.note(host, &it.packet, it.packet.clone(), kind);
        match (to, to_interface) {
            (Some(to), Some(_)) if self.network.is_down(&to) => {
                Err(self.swallow(&to, &it.packet, Why::NodeDown))
            }
            (Some(to), Some(interface)) => Ok((to, Travelling::arriving(it.packet, &interface))),
            _ => Err(End::Left),
        }
    }

    fn unreachable(
        &mut self,
        host: &HostId,
        it: &Travelling,
        code: UnreachableCode,
        nobody_there: bool,
    ) -> End {
        let sender = self.speaker(host, it.packet.source);
        End::Unreachable {
            host: host.clone(),
            response: sender.and_then(|sender| it.packet.unreachable_reply(sender, code)),
            nobody_there,
        }
    }

    fn route(&self, host: &HostId, destination: IpAddr) -> Option<RouteChosen> {
        let route = self.network.host(host)?.routes.lookup(destination)?;
        Some(RouteChosen {
            next_hop: match route.kind {
                RouteKind::Local => None,
                RouteKind::Unicast => Some(route.via.unwrap_or(destination)),
            },
            route: route.clone(),
        })
    }

    /// Translation on output changed the destination: the kernel asks for the way once more.
    fn route_again(&mut self, host: &HostId, it: &mut Travelling) -> Result<RouteChosen, End> {
        let route = self.route(host, it.packet.destination);
        let kind = StepKind::Routed {
            route: route.clone(),
        };
        self.note(host, &it.packet, it.packet.clone(), kind);
        let Some(route) = route else {
            return Err(self.unreachable(host, it, UnreachableCode::Net, false));
        };
        it.oif = Some(route.route.interface.clone());
        Ok(route)
    }

    /// Takes the packet through a hook; an end if it does not come out again. A host without rules
    /// has no hooks worth a step.
    fn hook(&mut self, host: &HostId, hook: Hook, it: &mut Travelling) -> Option<End> {
        let owner = self.network.host_mut(host)?;
        if owner.ruleset.tables().is_empty() {
            return None;
        }
        let before = it.packet.clone();
        let ruleset = owner.ruleset.clone();
        let mut pass = Pass {
            ruleset: &ruleset,
            routes: &owner.routes,
            conntrack: &mut owner.conntrack,
            dynamic: &mut owner.dynamic,
            chooser: self.chooser,
            now: self.now,
            trace: Trace::default(),
        };
        let outcome = pass.hook(hook, it);
        let trace = Box::new(pass.trace);
        let connection = it
            .tracking
            .as_ref()
            .map(|tracking| owner.conntrack.connection(tracking).clone());
        let routes = owner.routes.clone();
        let kind = StepKind::Hook {
            hook,
            outcome: outcome.clone(),
            trace,
            mark: it.mark,
            connection,
        };
        self.note(host, &before, it.packet.clone(), kind);
        match outcome {
            Outcome::Accepted => None,
            Outcome::Dropped { rule, chain } => Some(End::Dropped {
                host: host.clone(),
                by: dropper(&ruleset, &chain, rule),
            }),
            Outcome::Rejected { with, .. } => {
                // For a packet that was meant for it, a host answers from the address it was sent to.
                let meant = it.packet.destination;
                let sender = if routes.is_local(meant) {
                    Some(meant)
                } else {
                    routes.source_for(it.packet.source)
                };
                Some(End::Rejected {
                    host: host.clone(),
                    response: sender.and_then(|sender| refusal(&it.packet, sender, with)),
                })
            }
            Outcome::Redirected { .. } => Some(self.go_on_by_ip_vs(host, it.clone())),
            Outcome::NoRealServer { .. } => Some(End::Rejected {
                host: host.clone(),
                // It answers from the virtual server's address.
                response: (it.packet)
                    .unreachable_reply(it.packet.destination, UnreachableCode::Port),
            }),
            Outcome::Unknown(_) => Some(End::Unknown),
            Outcome::TooDeep { .. } => Some(End::TooDeep),
        }
    }

    /// ip_vs sends on what it took, whether this host made it or not: a new way, output, postrouting.
    fn go_on_by_ip_vs(&mut self, host: &HostId, mut it: Travelling) -> End {
        let route = match self.route_again(host, &mut it) {
            Ok(route) => route,
            Err(end) => return end,
        };
        if it.packet.ttl <= 1 {
            return self.expired(host, &it);
        }
        it.packet.ttl -= 1;
        it.iif = None;
        if let Some(end) = self.hook(host, Hook::Output, &mut it) {
            return end;
        }
        self.go_out(host, &route, it)
    }

    /// Whether a packet that comes in from elsewhere claims to come from this very host: IPv4 drops such ("martian
    /// source", `fib_validate_source`).
    fn is_own(&self, host: &HostId, it: &Travelling) -> bool {
        let source = it.packet.source;
        source.is_ipv4()
            && it.iif.as_deref() != Some("lo")
            && self
                .network
                .host(host)
                .is_some_and(|it| it.routes.is_local(source))
    }

    /// The packet ends here, and nobody is told.
    pub(super) fn swallow(&mut self, host: &HostId, packet: &Packet, why: Why) -> End {
        let kind = StepKind::Swallowed { why: why.clone() };
        self.note(host, packet, packet.clone(), kind);
        End::Silent {
            host: host.clone(),
            why,
        }
    }

    pub(super) fn note(&mut self, host: &HostId, before: &Packet, after: Packet, kind: StepKind) {
        self.steps.push(Step {
            leg: self.leg,
            host: host.clone(),
            before: before.clone(),
            after,
            kind,
        });
    }
}

/// Whose rule it was that dropped a packet.
fn dropper(ruleset: &Ruleset, chain: &str, rule: Option<usize>) -> Dropper {
    let is_of_policies = |it: &Table| {
        &*it.key.name == crate::policy::TABLE && Named::get(&it.chains, chain).is_some()
    };
    match rule {
        None => Dropper::ChainPolicy,
        Some(_) if ruleset.tables().iter().any(is_of_policies) => Dropper::NetworkPolicy,
        Some(_) => Dropper::Rule,
    }
}

/// What a rejecting rule sends back. A reset comes from the address the packet was for; an ICMP
/// error from the host's own.
fn refusal(packet: &Packet, sender: IpAddr, with: RejectWith) -> Option<Packet> {
    match with.code() {
        Some(code) => packet.unreachable_reply(sender, code),
        None => packet.reset(),
    }
}
