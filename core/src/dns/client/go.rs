//! Go's own resolver: each question has its socket and its servers, and the two run side by side.
//!
//! Imitates Go 1.27 `net/dnsclient_unix.go`: `goLookupIPCNAMEOrder` (the search), `tryOneName`
//! (servers and attempts), `exchange` (UDP, then TCP, five seconds for each).
//!
//! **Left out**: `netgo`'s strict errors; the port of the client in error texts, which is made up.
//! Under `rotate` the question for IPv6 is taken to begin first, as Go's scheduler mostly has it.

use super::super::message::{Answer, Rcode, RecordType, Transport};
use super::settings::{Settings, Single};
use super::wire::{Call, Fate};
use super::{Client, Failure, Found, Memory, is_askable, seconds};
use crate::ip::{IpAddr, family, join_host_port};
use crate::sorted::sort;
use crate::time::Instant;

const NO_SUCH_HOST: &str = "no such host";

/// The first port Linux gives to a client.
const FIRST_PORT: u16 = 32768;

/// Why a question was not answered, and by whom.
struct Error {
    code: &'static str,
    text: String,
    server: Option<IpAddr>,
}

/// One question under way.
struct Flow {
    kind: RecordType,
    /// Which server it began with.
    first: usize,
    /// How many servers it has given up.
    n_tried: usize,
    /// The last packet's socket, and until when it waits for an answer.
    waiting: Option<(u32, Instant)>,
}

struct Search<'s, 'c, 'a, 'n> {
    call: &'c mut Call<'a, 'n>,
    settings: &'s Settings,
    memory: &'s mut Memory,
    own: &'s [IpAddr],
}

/// `goLookupIPCNAMEOrder`: the names in order, until one has an address.
pub(super) fn look_up(
    call: &mut Call<'_, '_>,
    settings: &Settings,
    memory: &mut Memory,
    own: &[IpAddr],
    name: &str,
    kinds: &[RecordType],
) -> Result<Found, Failure> {
    let mut search = Search {
        call,
        settings,
        memory,
        own,
    };
    let as_is = format!("{name}.");
    let mut last: Option<Error> = None;
    let names = if is_askable(name) {
        names(settings, name)
    } else {
        Vec::new()
    };
    for full in &names {
        let mut came = Vec::new();
        for (result, kind) in search.ask(full, kinds) {
            match result {
                Ok(idx) => came.push((kind, idx)),
                // The error about the name as typed is preferred only where there is no other.
                Err(error) if last.is_none() || *full != as_is => last = Some(error),
                Err(_) => {}
            }
        }
        sort(&mut came);
        let answers = came.iter().filter_map(|it| search.call.answer(it.1));
        let found = Found::read(full.trim_end_matches('.'), kinds, answers);
        if !found.addresses.is_empty() {
            return Ok(found);
        }
    }
    let error = last.unwrap_or(Error {
        code: "IsNotFound",
        text: NO_SUCH_HOST.to_owned(),
        server: None,
    });
    let asked = error.server.map(|it| join_host_port(it, 53));
    let on = asked.map_or(String::new(), |it| format!(" on {it}"));
    Err(Failure {
        code: error.code,
        text: format!("lookup {name}{on}: {}", error.text),
    })
}

/// `nameList`.
fn names(settings: &Settings, name: &str) -> Vec<String> {
    let is_dark = |it: &String| {
        it.trim_end_matches('.')
            .to_ascii_lowercase()
            .ends_with(".onion")
    };
    let mut names = Vec::new();
    if name.ends_with('.') {
        names.push(name.to_owned());
    } else {
        let as_is = format!("{name}.");
        names.extend(settings.search.iter().map(|domain| {
            let dot = if domain.ends_with('.') { "" } else { "." };
            format!("{name}.{domain}{dot}")
        }));
        let has_dots = name.matches('.').count() >= settings.ndots;
        names.insert(if has_dots { 0 } else { names.len() }, as_is);
    }
    names.retain(|it| !is_dark(it) && it.len() <= 254);
    names
}

impl Search<'_, '_, '_, '_> {
    /// Both questions about one name; the results in the order in which they are known.
    fn ask(&mut self, name: &str, kinds: &[RecordType]) -> Vec<(Result<usize, Error>, RecordType)> {
        let mut flows: Vec<Flow> = kinds
            .iter()
            .map(|kind| Flow {
                kind: *kind,
                first: 0,
                n_tried: 0,
                waiting: None,
            })
            .collect();
        let is_parallel = self.settings.single == Single::Together;
        if self.settings.rotate {
            let n_flows = flows.len();
            for place in 0..n_flows {
                let place = if is_parallel {
                    n_flows - 1 - place
                } else {
                    place
                };
                flows[place].first = self.memory.rotation as usize;
                self.memory.rotation = self.memory.rotation.wrapping_add(1);
            }
        }
        let mut results = Vec::new();
        if is_parallel {
            self.run(name, flows, &mut results);
        } else {
            for flow in flows {
                self.run(name, vec![flow], &mut results);
            }
        }
        results
    }

    /// `tryOneName`, for questions side by side. Each turn of the loop sends, or ends a wait.
    fn run(
        &mut self,
        name: &str,
        mut flows: Vec<Flow>,
        results: &mut Vec<(Result<usize, Error>, RecordType)>,
    ) {
        let n_servers = self.settings.nameservers.len();
        let limit = self.settings.attempts as usize * n_servers;
        let first = if self.settings.use_vc {
            Transport::Tcp
        } else {
            Transport::Udp {
                edns: self.settings.edns_size(Client::Go),
            }
        };
        while !flows.is_empty() {
            for flow in &mut flows {
                if flow.waiting.is_none() {
                    self.send(flow, first, name);
                }
            }
            let sockets: Vec<u32> = flows
                .iter()
                .filter_map(|it| it.waiting)
                .map(|it| it.0)
                .collect();
            let until = flows
                .iter()
                .filter_map(|it| it.waiting)
                .map(|it| it.1)
                .min();
            let came = self.call.receive(&sockets, until.unwrap_or(self.call.now));
            let now = self.call.now;
            let place = flows.iter().position(|it| match (came, it.waiting) {
                (Some(came), Some((socket, _))) => self.call.sent(came).socket == socket,
                (None, Some((_, until))) => until <= now,
                (_, None) => false,
            });
            let Some(place) = place else {
                break;
            };
            let flow = &mut flows[place];
            let step = self.judge(flow, came);
            let result = match step {
                Step::Connect => {
                    self.send(flow, Transport::Tcp, name);
                    continue;
                }
                Step::Done(came) => Ok(came),
                Step::Final(error) => Err(error),
                Step::Next(error) => {
                    flow.waiting = None;
                    flow.n_tried += 1;
                    if flow.n_tried < limit {
                        continue;
                    }
                    Err(error)
                }
            };
            results.push((result, flow.kind));
            flows.remove(place);
        }
    }

    fn server(&self, flow: &Flow) -> IpAddr {
        let servers = &self.settings.nameservers;
        servers[(flow.first + flow.n_tried) % servers.len()]
    }

    fn send(&mut self, flow: &mut Flow, transport: Transport, name: &str) {
        let socket = self.call.open();
        let until = self.call.now + seconds(self.settings.timeout_secs);
        flow.waiting = Some((socket, until));
        let server = self.server(flow);
        self.call.send(socket, server, transport, name, flow.kind);
    }

    /// What an answer, or the end of a wait, means for a question.
    fn judge(&self, flow: &Flow, came: Option<usize>) -> Step {
        let server = self.server(flow);
        let error = |code, text: &str| Error {
            code,
            text: text.to_owned(),
            server: Some(server),
        };
        let socket = flow.waiting.map_or(0, |it| it.0);
        let Some(came) = came else {
            let text = self.socket_error(server, socket, "i/o timeout");
            return Step::Next(error("IsTimeout", &text));
        };
        let exchange = &self.call.exchanges[came];
        let answer = match &exchange.fate {
            Fate::Answer { answer, .. } => answer,
            Fate::Closed { .. } => return Step::Next(error("IsTemporary", "EOF")),
            Fate::Refused { .. } | Fate::Silence => {
                let text = self.socket_error(server, socket, "connection refused");
                return Step::Next(error("IsTemporary", &text));
            }
        };
        if answer.tc && exchange.sent.transport != Transport::Tcp {
            return Step::Connect;
        }
        match answer.rcode {
            Rcode::NxDomain => Step::Final(error("IsNotFound", NO_SUCH_HOST)),
            Rcode::NoError if is_lame(answer) => Step::Next(error("IsTemporary", "lame referral")),
            Rcode::NoError if answer.answer.iter().any(|it| it.kind == flow.kind) => {
                Step::Done(came)
            }
            Rcode::NoError => Step::Final(error("IsNotFound", NO_SUCH_HOST)),
            _ => Step::Next(error("IsTemporary", "server misbehaving")),
        }
    }

    /// As Go prints an error of a socket: of one that reads, or of a connection not yet made.
    fn socket_error(&self, server: IpAddr, socket: u32, what: &str) -> String {
        let to = join_host_port(server, 53);
        let mut exchanges = self.call.exchanges.iter().rev();
        let last = exchanges.find(|it| it.sent.socket == socket);
        let is_tcp = last.is_some_and(|it| it.sent.transport == Transport::Tcp);
        let is_made =
            last.is_some_and(|it| matches!(it.fate, Fate::Answer { .. } | Fate::Closed { .. }));
        let is_refused = what == "connection refused";
        let call = match (is_refused, is_tcp) {
            (false, _) => "",
            (true, true) => "connect: ",
            (true, false) => "read: ",
        };
        if is_tcp && !is_made {
            return format!("dial tcp {to}: {call}{what}");
        }
        let own = self.own.iter().find(|it| family(**it) == family(server));
        let own = own.copied().unwrap_or(family(server).unspecified());
        let port = FIRST_PORT.saturating_add(u16::try_from(socket).unwrap_or(u16::MAX));
        let from = join_host_port(own, port);
        let network = if is_tcp { "tcp" } else { "udp" };
        format!("read {network} {from}->{to}: {call}{what}")
    }
}

/// Where a question goes from here.
enum Step {
    /// It is answered.
    Done(usize),
    /// It is answered, and another server would not know better.
    Final(Error),
    /// The next server, with the reason.
    Next(Error),
    /// The same server by TCP.
    Connect,
}

fn is_lame(answer: &Answer) -> bool {
    answer.is_nodata() && !answer.aa && !answer.ra && answer.additional.is_empty()
}
