//! musl's resolver: all servers at the same time, one clock for each name.
//!
//! Imitates `src/network/lookup_name.c` (the search) and `res_msend.c` (servers, timers, TCP) of musl
//! 1.2.3 and of 1.2.5: TCP for cut answers, its own error for a name without addresses, and a search
//! list with a root in it came between them.
//!
//! **Left out**: the cut of a search list at 256 bytes over what a line may hold.

use super::super::message::{Answer, Rcode, RecordType, Transport};
use super::settings::Settings;
use super::wire::{Call, Fate};
use super::{Client, Failure, Found, failure, is_askable, seconds};
use crate::time::Duration;

/// How many addresses a program is given.
const MAX_ADDRESSES: usize = 48;

/// What a name that does not exist is called.
pub(super) const NO_NAME: &str = "Name does not resolve";

/// What a name without addresses is called.
pub(super) const NO_DATA: &str = "Name has no usable address";

/// `name_from_dns_search`: with enough dots as it is and nothing else, otherwise the search list and at
/// last as it is. The first name that exists ends the walk, with addresses or without.
pub(super) fn look_up(
    call: &mut Call<'_, '_>,
    client: Client,
    settings: &Settings,
    name: &str,
    kinds: &[RecordType],
) -> Result<Found, Failure> {
    let no_name = || failure("EAI_NONAME", NO_NAME);
    let n_dots = name.matches('.').count();
    let bare = name.strip_suffix('.').unwrap_or(name);
    if bare.is_empty() || bare.ends_with('.') || name.len() > 255 {
        return Err(no_name());
    }
    if n_dots < settings.ndots && bare.len() == name.len() {
        for domain in &settings.search {
            if domain.len() + name.len() >= 255 {
                continue;
            }
            let full = format!("{name}.{domain}");
            if let Some(found) = name_from_dns(call, client, settings, &full, kinds)? {
                return Ok(found);
            }
        }
    }
    name_from_dns(call, client, settings, bare, kinds)?.ok_or_else(no_name)
}

/// One name: its addresses, nothing if it does not exist, or the error that ends the walk.
fn name_from_dns(
    call: &mut Call<'_, '_>,
    client: Client,
    settings: &Settings,
    name: &str,
    kinds: &[RecordType],
) -> Result<Option<Found>, Failure> {
    let is_root = name.ends_with("..");
    if is_root && client == Client::Musl123 {
        // It makes a message that no server understands, and waits for an answer.
        call.now = call.now + seconds(settings.timeout_secs);
        return Err(try_again());
    }
    if is_root || !is_askable(name) {
        return match client {
            Client::Musl123 => Err(failure("EAI_NONAME", NO_NAME)),
            _ => Ok(None),
        };
    }
    let came = send(call, client, settings, name, kinds);
    for it in &came[..kinds.len()] {
        match it.and_then(|it| call.answer(it)).map(|it| it.rcode) {
            Some(Rcode::NoError) => {}
            Some(Rcode::NxDomain) => return Ok(None),
            _ => return Err(try_again()),
        }
    }
    let answers = came.iter().flatten().filter_map(|it| call.answer(*it));
    let mut found = Found::read(name, kinds, answers);
    found.addresses.truncate(MAX_ADDRESSES);
    match (found.addresses.is_empty(), client) {
        (false, _) => Ok(Some(found)),
        (true, Client::Musl123) => Err(failure("EAI_NONAME", NO_NAME)),
        (true, _) => Err(failure("EAI_NODATA", NO_DATA)),
    }
}

fn try_again() -> Failure {
    failure("EAI_AGAIN", "Try again")
}

/// `__res_msend_rc`: every question to every server, again in every interval until each has an answer
/// or the time is up. One socket for all datagrams, one for each connection.
fn send(
    call: &mut Call<'_, '_>,
    client: Client,
    settings: &Settings,
    name: &str,
    kinds: &[RecordType],
) -> [Option<usize>; 2] {
    let timeout = seconds(settings.timeout_secs).as_millis();
    let interval = Duration::from_millis(timeout / u64::from(settings.attempts));
    let start = call.now;
    let is_over = |call: &Call<'_, '_>| (call.now - start).as_millis() >= timeout;
    let mut sockets = vec![call.open()];
    // The answers, and which questions have gone over to TCP.
    let mut came = [None; 2];
    let mut is_stream = [false; 2];
    // Each turn of the inner loop takes an answer from those to a limited number of packets.
    while !is_over(call) {
        let mut retries = 2 * kinds.len();
        for (place, kind) in kinds.iter().enumerate() {
            if came[place].is_none() && !is_stream[place] {
                for server in &settings.nameservers {
                    call.send(
                        sockets[0],
                        *server,
                        Transport::Udp { edns: None },
                        name,
                        *kind,
                    );
                }
            }
        }
        let until = call.now + interval;
        while let Some(arrival) = call.receive(&sockets, until) {
            let sent = call.sent(arrival).clone();
            let place = usize::from(kinds[0] != sent.question.kind);
            let by_stream = sent.transport == Transport::Tcp;
            let Fate::Answer { answer, .. } = &call.exchanges[arrival].fate else {
                // Nobody told the datagrams' socket whom it speaks to, so it hears no ICMP.
                if by_stream {
                    return came;
                }
                continue;
            };
            if came[place].is_some() || (is_stream[place] && !by_stream) {
                continue;
            }
            match take(answer, client, by_stream) {
                Take::Accept => came[place] = Some(arrival),
                Take::Ignore if by_stream => return came,
                Take::Ignore => {}
                Take::AskAgain if retries == 0 => {}
                Take::AskAgain => {
                    retries -= 1;
                    call.send(sockets[0], sent.server, sent.transport, name, kinds[place]);
                }
                Take::Connect => {
                    is_stream[place] = true;
                    let socket = call.open();
                    sockets.push(socket);
                    call.send(socket, sent.server, Transport::Tcp, name, kinds[place]);
                }
            }
            if came[..kinds.len()].iter().all(Option::is_some) {
                return came;
            }
            if is_over(call) {
                break;
            }
        }
    }
    came
}

/// What becomes of an answer.
enum Take {
    Accept,
    Ignore,
    AskAgain,
    Connect,
}

fn take(answer: &Answer, client: Client, by_stream: bool) -> Take {
    match answer.rcode {
        Rcode::NoError | Rcode::NxDomain
            if answer.tc && !by_stream && client != Client::Musl123 =>
        {
            Take::Connect
        }
        Rcode::NoError | Rcode::NxDomain => Take::Accept,
        Rcode::ServFail if !by_stream => Take::AskAgain,
        _ => Take::Ignore,
    }
}
