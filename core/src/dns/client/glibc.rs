//! glibc's resolver: one server after the other, two questions at a time, seconds of patience.
//!
//! Imitates glibc 2.36: `resolv/res_query.c` (the search), `resolv/res_send.c` (servers, timers, TCP),
//! and of `getaddrinfo` the errors and the growing of its buffer, for which it asks everything anew.
//!
//! **Left out**: the second try without EDNS after FORMERR. A TCP connection that is never made is
//! given up after 127 seconds, as Linux does with its 6 retries of a SYN; one that is made and then
//! never answered waits as long here, and for ever in glibc.

use super::super::message::{Answer, Rcode, RecordType, Transport};
use super::settings::{Settings, Single};
use super::wire::{Call, Fate};
use super::{Client, Failure, Found, Memory, failure, is_askable, seconds};
use crate::ip::IpAddr;

/// How long Linux tries to make a connection.
const CONNECT_SECS: u32 = 127;

/// The room for addresses that getaddrinfo begins with; it is doubled until all fit.
const FIRST_ROOM: usize = 1024;

/// Doubling more often than this would hold more than any answer can.
const MAX_ROUNDS: u32 = 10;

/// What one address takes: `struct gaih_addrtuple`; the first has its own place.
const ADDRESS_SIZE: usize = 40;

/// The answers to a pair of questions, in the order they came.
type Pair = [Option<usize>; 2];

/// `h_errno`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Why {
    HostNotFound,
    TryAgain,
    NoRecovery,
    NoData,
}

/// Why one name was not found.
struct Trouble {
    why: Why,
    /// Nobody listens at any server: ECONNREFUSED.
    is_refused: bool,
}

/// What came of a server.
enum Outcome {
    Got(Pair),
    /// The answer is cut: the same server by TCP.
    Truncated,
    Next,
    Refused,
}

struct Search<'s, 'c, 'a, 'n> {
    call: &'c mut Call<'a, 'n>,
    settings: &'s Settings,
    memory: &'s mut Memory,
    kinds: &'s [RecordType],
    /// The code of the last answer that came first: what is left in the buffer.
    rcode: Rcode,
    /// Whether anything came back at all.
    got_somewhere: bool,
}

/// `getaddrinfo`, from the search on.
pub(super) fn look_up(
    call: &mut Call<'_, '_>,
    settings: &Settings,
    memory: &mut Memory,
    name: &str,
    kinds: &[RecordType],
) -> Result<Found, Failure> {
    let kinds: Vec<RecordType> = kinds
        .iter()
        .copied()
        .filter(|it| *it != RecordType::AAAA || !settings.no_aaaa)
        .collect();
    if kinds.is_empty() {
        return Err(explain(Why::NoData));
    }
    let mut search = Search {
        call,
        settings,
        memory,
        kinds: &kinds,
        rcode: Rcode::NoError,
        got_somewhere: false,
    };
    for round in 0..MAX_ROUNDS {
        let found = search.search(name).map_err(explain)?;
        if found.addresses.is_empty() {
            // An alias that leads to nothing.
            return Err(explain(Why::HostNotFound));
        }
        let name_size = found.canonical.as_ref().map_or(0, |it| it.len() + 1);
        let size = name_size.next_multiple_of(8) + ADDRESS_SIZE * (found.addresses.len() - 1);
        if size <= FIRST_ROOM << round {
            return Ok(found);
        }
    }
    Err(failure("EAI_MEMORY", "Memory allocation failure"))
}

fn explain(why: Why) -> Failure {
    match why {
        Why::TryAgain => failure("EAI_AGAIN", "Temporary failure in name resolution"),
        Why::NoData => failure("EAI_NODATA", "No address associated with hostname"),
        Why::HostNotFound | Why::NoRecovery => failure("EAI_NONAME", "Name or service not known"),
    }
}

impl Search<'_, '_, '_, '_> {
    /// `__res_context_search`: a name with enough dots as it is first, then the search list, and at last
    /// as it is.
    fn search(&mut self, name: &str) -> Result<Found, Why> {
        let n_dots = name.matches('.').count();
        let is_rooted = name.ends_with('.');
        let mut as_is = None;
        if n_dots >= self.settings.ndots || is_rooted {
            match self.query(name) {
                Ok(found) => return Ok(found),
                Err(trouble) if is_rooted => return Err(trouble.why),
                Err(trouble) => as_is = Some(trouble.why),
            }
        }
        let (mut has_no_data, mut has_failed, mut has_root) = (false, false, false);
        let mut last = Why::HostNotFound;
        for domain in &self.settings.search {
            let domain = domain.strip_prefix('.').unwrap_or(domain);
            has_root |= domain.is_empty();
            let trouble = match self.query(&format!("{name}.{domain}")) {
                Ok(found) => return Ok(found),
                Err(trouble) => trouble,
            };
            if trouble.is_refused {
                return Err(Why::TryAgain);
            }
            last = trouble.why;
            match trouble.why {
                Why::NoData => has_no_data = true,
                Why::HostNotFound => {}
                Why::TryAgain if self.rcode == Rcode::ServFail => has_failed = true,
                Why::TryAgain | Why::NoRecovery => break,
            }
        }
        let is_open = n_dots > 0 || self.settings.search.is_empty() || !self.settings.no_tld_query;
        if is_open && as_is.is_none() && !has_root {
            match self.query(name) {
                Ok(found) => return Ok(found),
                Err(trouble) => last = trouble.why,
            }
        }
        Err(as_is
            .or(has_no_data.then_some(Why::NoData))
            .or(has_failed.then_some(Why::TryAgain))
            .unwrap_or(last))
    }

    /// `__res_context_query`: one name; found if either answer has anything in it.
    fn query(&mut self, name: &str) -> Result<Found, Trouble> {
        self.rcode = Rcode::NoError;
        let trouble = |why| Trouble {
            why,
            is_refused: false,
        };
        if !is_askable(name) {
            return Err(trouble(Why::NoRecovery));
        }
        let got = self.send(name).map_err(|is_refused| Trouble {
            why: Why::TryAgain,
            is_refused,
        })?;
        let answers: Vec<&Answer> = got
            .into_iter()
            .flatten()
            .filter_map(|it| self.call.answer(it))
            .collect();
        let mut full = answers.iter().filter(|it| is_full(it)).copied().peekable();
        if full.peek().is_some() {
            return Ok(Found::read(name.trim_end_matches('.'), self.kinds, full));
        }
        let bad = answers.iter().find(|it| it.rcode != Rcode::NoError);
        Err(trouble(match bad.map(|it| it.rcode) {
            None => Why::NoData,
            Some(Rcode::NxDomain) => Why::HostNotFound,
            Some(Rcode::ServFail) => Why::TryAgain,
            Some(_) => Why::NoRecovery,
        }))
    }

    /// `__res_context_send`: the servers in order, as often as `attempts` says. The error says whether
    /// it is because nobody listens.
    fn send(&mut self, name: &str) -> Result<Pair, bool> {
        let servers = &self.settings.nameservers;
        let mut first = 0;
        if self.settings.rotate {
            first = self.memory.rotation as usize;
            self.memory.rotation = self.memory.rotation.wrapping_add(1);
        }
        let mut sockets = vec![None; servers.len()];
        self.got_somewhere = false;
        let (mut is_stream, mut is_refused) = (self.settings.use_vc, false);
        for _ in 0..self.settings.attempts {
            for shift in 0..servers.len() {
                let idx = (first + shift) % servers.len();
                if !is_stream {
                    match self.send_datagrams(idx, &mut sockets[idx], name) {
                        Outcome::Got(pair) => return Ok(pair),
                        Outcome::Truncated => is_stream = true,
                        Outcome::Next | Outcome::Refused => continue,
                    }
                }
                match self.send_stream(servers[idx], name) {
                    Outcome::Got(pair) => return Ok(pair),
                    outcome => is_refused = matches!(outcome, Outcome::Refused),
                }
            }
            // By TCP each server is tried once.
            if is_stream {
                return Err(is_refused);
            }
        }
        Err(!self.got_somewhere)
    }

    /// `send_dg`: both questions to one server. If one of two answers is missing when the time is up,
    /// both are asked again, one after the other, and then from two sockets, before the one is enough.
    fn send_datagrams(&mut self, idx: usize, socket: &mut Option<u32>, name: &str) -> Outcome {
        let before = self.got_somewhere;
        let mut secs = self.settings.timeout_secs << idx;
        if idx > 0 {
            secs /= self.settings.nameservers.len() as u32;
        }
        // Three rounds at most: together, in turn, from two sockets.
        loop {
            match self.ask_once(idx, socket, name, secs.max(1)) {
                Ok(outcome) => return outcome,
                Err(first) => match self.memory.single {
                    Single::Together => self.memory.single = Single::InTurn,
                    Single::InTurn => {
                        self.memory.single = Single::Reopen;
                        *socket = None;
                    }
                    Single::Reopen => return Outcome::Got([Some(first), None]),
                },
            }
            self.got_somewhere = before;
        }
    }

    /// One round of it. The error is the one answer of two that came.
    fn ask_once(
        &mut self,
        idx: usize,
        socket: &mut Option<u32>,
        name: &str,
        secs: u32,
    ) -> Result<Outcome, usize> {
        let is_single = self.memory.single != Single::Together;
        let n_kinds = self.kinds.len();
        let until = self.call.now + seconds(secs);
        let mut n_sent = 0;
        let mut seen = [false; 2];
        let mut first = None;
        let mut has_room = true;
        loop {
            while has_room && n_sent < n_kinds {
                let on = *socket.get_or_insert_with(|| self.call.open());
                self.ask(on, self.settings.nameservers[idx], name, n_sent);
                n_sent += 1;
                has_room = !is_single;
            }
            let open = socket.as_slice();
            let Some(came) = self.call.receive(open, until) else {
                if let (Some(first), true) = (first, n_kinds > 1) {
                    return Err(first);
                }
                self.got_somewhere = true;
                return Ok(Outcome::Next);
            };
            let Some(answer) = self.call.answer(came) else {
                *socket = None;
                return Ok(Outcome::Refused);
            };
            let kind = self.call.sent(came).question.kind;
            let which = usize::from(n_kinds > 1 && self.kinds[1] == kind);
            if seen[which] {
                continue;
            }
            let is_second = seen[1 - which];
            let is_bad = is_rejection(answer);
            let is_cut = answer.tc;
            if !is_second {
                self.rcode = answer.rcode;
            }
            self.got_somewhere = true;
            match (is_bad, is_second) {
                (true, true) => {
                    return Ok(match first {
                        Some(_) => Outcome::Got([first, None]),
                        None => Outcome::Next,
                    });
                }
                (true, false) if n_kinds == 1 => {
                    *socket = None;
                    return Ok(Outcome::Next);
                }
                // Under single-request the second question is then never sent; the time runs out.
                (true, false) => seen[which] = true,
                (false, _) if is_cut => {
                    *socket = None;
                    return Ok(Outcome::Truncated);
                }
                (false, true) => return Ok(Outcome::Got([first, Some(came)])),
                (false, false) if n_kinds == 1 => return Ok(Outcome::Got([Some(came), None])),
                (false, false) => {
                    first = Some(came);
                    seen[which] = true;
                    has_room = true;
                    if self.memory.single == Single::Reopen {
                        *socket = None;
                    }
                }
            }
        }
    }

    /// `send_vc`: both questions on one connection.
    fn send_stream(&mut self, server: IpAddr, name: &str) -> Outcome {
        let socket = self.call.open();
        for place in 0..self.kinds.len() {
            self.call
                .send(socket, server, Transport::Tcp, name, self.kinds[place]);
        }
        let until = self.call.now + seconds(CONNECT_SECS);
        let mut pair = [None; 2];
        for place in pair.iter_mut().take(self.kinds.len()) {
            let Some(came) = self.call.receive(&[socket], until) else {
                return Outcome::Next;
            };
            match self.call.exchanges[came].fate {
                Fate::Answer { .. } => *place = Some(came),
                Fate::Refused { .. } => return Outcome::Refused,
                Fate::Closed { .. } | Fate::Silence => return Outcome::Next,
            }
        }
        if let Some(first) = pair[0].and_then(|it| self.call.answer(it)) {
            self.rcode = first.rcode;
        }
        Outcome::Got(pair)
    }

    fn ask(&mut self, socket: u32, server: IpAddr, name: &str, place: usize) {
        let edns = self.settings.edns_size(Client::Glibc);
        let transport = Transport::Udp { edns };
        self.call
            .send(socket, server, transport, name, self.kinds[place]);
    }
}

fn is_full(answer: &Answer) -> bool {
    answer.rcode == Rcode::NoError && !answer.answer.is_empty()
}

/// Answers that send glibc to the next server: three codes, and an empty answer from one who neither
/// keeps the zone nor asks others.
fn is_rejection(answer: &Answer) -> bool {
    let is_lame = answer.is_nodata() && !answer.aa && !answer.ra && answer.additional.is_empty();
    is_lame
        || matches!(
            answer.rcode,
            Rcode::ServFail | Rcode::NotImp | Rcode::Refused
        )
}
