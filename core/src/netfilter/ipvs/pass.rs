//! ip_vs on a packet's way through the hooks.
//!
//! `ip_vs_in_hook`, `ip_vs_out_hook` and `ip_vs_nat_xmit` of Linux 6.18.
//!
//! **Left out**: what the module's own first paragraph names.

use super::{Choice, Event, State, VirtualAddress, VirtualServer, scheduler};
use crate::ip::join_host_port;
use crate::net::{Flow, Protocol};
use crate::netfilter::conntrack::{Manipulation, rewrite, translate_error};
use crate::netfilter::trace::Undone;
use crate::netfilter::{Hook, Outcome, Pass, TraceEvent, Travelling};

/// ip_vs's name where a chain's would stand.
const NAME: &str = "ip_vs";

impl Pass<'_> {
    /// What ip_vs does on this hook; an outcome if the packet goes no further along it.
    pub(in crate::netfilter) fn ipvs(
        &mut self,
        hook: Hook,
        it: &mut Travelling,
    ) -> Option<Outcome> {
        if it.virtual_server.is_some() || self.ruleset.ipvs.servers().is_empty() {
            return None;
        }
        match hook {
            Hook::Prerouting | Hook::Postrouting => None,
            Hook::Forward => {
                self.give_back(it);
                None
            }
            Hook::Input | Hook::Output => {
                if self.give_back(it) {
                    return None;
                }
                self.take(it)
            }
        }
    }

    /// An answer of a real server gets the virtual server's address back; whether it was one.
    fn give_back(&mut self, it: &mut Travelling) -> bool {
        let quoted = it.packet.quoted();
        let is_error = quoted.is_some();
        let answer = match quoted {
            Some(about) => Flow::from_packet(about).map(Flow::reversed),
            None => Flow::from_packet(&it.packet),
        };
        let known = answer.and_then(|it| self.dynamic.ipvs.answered(&it, self.now));
        let Some(connection) = known else {
            return false;
        };
        let target = connection.request.reversed();
        let rewrites = match is_error {
            true => translate_error(&mut it.packet, Manipulation::Source, target),
            false => rewrite(&mut it.packet, Manipulation::Source, target),
        };
        it.virtual_server = Some(connection.server);
        self.tell(Event::Answered {
            server: connection.server,
            from: join_host_port(connection.answer.source, connection.answer.source_port),
        });
        self.tell_rewrites(rewrites, Undone::Yes);
        true
    }

    /// A request to a virtual server is sent to a real one.
    fn take(&mut self, it: &mut Travelling) -> Option<Outcome> {
        let request = Flow::from_packet(&it.packet)?;
        if !matches!(
            request.protocol,
            Protocol::Tcp | Protocol::Udp | Protocol::Sctp
        ) {
            return None;
        }
        let at = VirtualAddress {
            protocol: request.protocol,
            address: request.destination,
            port: request.destination_port,
        };
        let known = self.dynamic.ipvs.continued(&request, &it.packet, self.now);
        let server = self.ruleset.ipvs.server(&at);
        if let Some(connection) = known {
            let to = join_host_port(connection.answer.source, connection.answer.source_port);
            let is_there =
                server.is_some_and(|it| it.real_servers.iter().any(|it| it.to_string() == to));
            if is_there {
                self.tell(Event::Known { server: at, to });
                return self.send_on(it, at, connection.answer);
            }
            // Its real server is gone: the connection goes with it (`expire_nodest_conn`).
            self.dynamic.ipvs.forget(&request);
        }
        let Some(server) = server else {
            let mut servers = self.ruleset.ipvs.servers().iter();
            if servers.any(|it| it.at.address == at.address) {
                self.tell(Event::NoServer { at });
            }
            return None;
        };
        let is_tcp = request.protocol == Protocol::Tcp;
        if is_tcp && !it.packet.is_syn() {
            return None;
        }
        let Some((idx, choice)) = self.schedule(server, it) else {
            self.tell(Event::NoRealServer { server: at });
            return Some(Outcome::NoRealServer { server: at });
        };
        let real = &server.real_servers[idx];
        let state = &mut self.dynamic.ipvs;
        state.remember(server, request.source, real, self.now);
        let connection = state.begin(at, request, real, self.now);
        self.tell(Event::Scheduled {
            server: at,
            to: real.to_string(),
            choice,
        });
        self.send_on(it, at, connection.answer)
    }

    fn schedule(&mut self, server: &VirtualServer, it: &Travelling) -> Option<(usize, Choice)> {
        let state: &mut State = &mut self.dynamic.ipvs;
        if let Some(idx) = state.remembered(server, it.packet.source, self.now) {
            return Some((idx, Choice::Persistence));
        }
        let chosen = scheduler::choose(server, &it.packet, state, self.chooser)?;
        Some((chosen, Choice::Scheduler))
    }

    /// Writes the real server into the packet. One of another host is sent on from here; one of this
    /// very host is met further along the hook.
    fn send_on(
        &mut self,
        it: &mut Travelling,
        server: VirtualAddress,
        answer: Flow,
    ) -> Option<Outcome> {
        let is_here = self.routes.is_local(answer.source);
        if it.packet.source.is_loopback() && !is_here {
            self.tell(Event::FromLoopback { server });
            return Some(Outcome::Dropped {
                chain: NAME.into(),
                rule: None,
            });
        }
        let rewrites = rewrite(&mut it.packet, Manipulation::Destination, answer.reversed());
        self.tell_rewrites(rewrites, Undone::No);
        if let Some(tracking) = &mut it.tracking {
            self.conntrack
                .expect_answers_from(tracking, answer.source, answer.source_port);
        }
        it.virtual_server = Some(server);
        (!is_here).then_some(Outcome::Redirected { server })
    }

    fn tell(&mut self, event: Event) {
        self.trace.tell(TraceEvent::Ipvs(event));
    }
}
