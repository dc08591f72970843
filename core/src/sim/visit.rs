//! A visit: a walk that leaves its traces in the network, with all of its conversation.
//!
//! A walk looks at what would happen; a visit happens. Connections stay in the tables of the hosts on its way, and so
//! does what sessionAffinity remembers, so that the next visit meets them. After the first exchange of a TCP connection
//! come the other packets of a short HTTP exchange: the handshake's end, request, answer, and the close from both
//! sides.
//!
//! **Left out**: retransmissions of what got no answer; the payload, and acknowledgements that carry nothing else.

use super::lookup::{Lookup, Wish, look_up, why_nameless};
use super::network::{HostId, Network};
use super::outcome::{Ending, Verdict};
use super::request::{Destination, Request, Source};
use super::symptom::{Stage, told_by};
use super::travel::{End, Journey, Leg, Step, Traveller};
use super::walk::{Walk, WalkError, chosen, exchange, start, usable};
use super::world::World;
use crate::chance::Chooser;
use crate::ip::{IpAddr, parse_sloppy};
use crate::net::{Packet, Protocol, TcpFlags, Transport};
use crate::time::Instant;
use std::sync::Arc;

/// A walk that happened.
#[derive(Clone, Debug, PartialEq)]
pub struct Visit {
    /// Look-up, first exchange, ending.
    pub walk: Walk,
    /// The address that was tried.
    pub address: Option<IpAddr>,
    /// The later packets of a TCP connection, in order.
    pub later: Vec<Step>,
}

/// Makes a request in a network at an instant. An address given goes before a look-up of the name.
///
/// # Errors
/// If the request cannot begin.
pub fn visit(
    world: &World,
    network: &mut Network,
    request: &Request,
    address: Option<IpAddr>,
    now: Instant,
    chooser: &mut Chooser,
) -> Result<Visit, WalkError> {
    let mut from = start(world, request)?;
    from.now = now;
    let mut walk = Walk::begin(request, &from);
    let addresses = match address.or_else(|| parse_sloppy(&request.to.name)) {
        Some(address) => vec![address],
        None => {
            let lookup = look_up(world, network, Wish::of(request, &from), &from);
            if let Some(why) = why_nameless(&lookup) {
                walk.ending = Ending::no_such_host(why);
                told_by(&mut walk, Stage::Connecting);
                walk.lookup = Some(Arc::new(lookup));
                return Ok(Visit {
                    walk,
                    address: None,
                    later: Vec::new(),
                });
            }
            let found = usable(network, &from, lookup.resolution.addresses.clone());
            walk.lookup = Some(Arc::new(lookup));
            found
        }
    };
    let chosen = chosen(&addresses, chooser);
    let legs = [Leg::Request, Leg::Reply];
    (walk.steps, walk.ending) = exchange(network, &from, &request.to, chosen, legs, now, chooser);
    told_by(&mut walk, Stage::Connecting);
    let later = match walk.ending.verdict {
        Verdict::Delivered => conversation(network, &walk, now, chooser),
        _ => Vec::new(),
    };
    Ok(Visit {
        walk,
        address: Some(chosen),
        later,
    })
}

/// Looks a name up from a host, as its programs do, and sends nothing else.
///
/// # Errors
/// If there is no such host.
pub fn look_up_name(
    world: &World,
    network: &mut Network,
    (host, name): (&HostId, &str),
    now: Instant,
) -> Result<Lookup, WalkError> {
    let to = Destination {
        name: name.to_owned(),
        port: None,
        protocol: Protocol::Icmp,
        url: None,
    };
    let request = Request::new(Source::Host(host.clone()), to);
    let mut from = start(world, &request)?;
    from.now = now;
    Ok(look_up(world, network, Wish::of(&request, &from), &from))
}

const FIN_ACK: TcpFlags = TcpFlags {
    syn: false,
    ack: true,
    rst: false,
    fin: true,
};

/// Who sends what after SYN and SYN-ACK.
const LATER: [(Leg, TcpFlags); 6] = [
    (Leg::Request, TcpFlags::ACK),
    (Leg::Request, TcpFlags::ACK),
    (Leg::Reply, TcpFlags::ACK),
    (Leg::Request, FIN_ACK),
    (Leg::Reply, FIN_ACK),
    (Leg::Request, TcpFlags::ACK),
];

fn conversation(
    network: &mut Network,
    walk: &Walk,
    now: Instant,
    chooser: &mut Chooser,
) -> Vec<Step> {
    let first = |leg: Leg| {
        let mut steps = walk.steps.iter();
        steps
            .find(|it| it.leg == leg)
            .map(|it| (it.host.clone(), it.before.clone()))
    };
    let (Some(client), Some(server)) = (first(Leg::Request), first(Leg::Reply)) else {
        return Vec::new();
    };
    let mut steps = Vec::new();
    for (leg, flags) in LATER {
        let (host, packet): &(HostId, Packet) = if leg == Leg::Request {
            &client
        } else {
            &server
        };
        let mut packet = packet.clone();
        let Transport::Tcp { flags: own, .. } = &mut packet.transport else {
            return steps;
        };
        *own = flags;
        let journey = Traveller {
            network,
            chooser,
            now,
            leg,
            steps: Vec::new(),
        }
        .send(host, packet);
        let Journey { steps: more, end } = journey;
        steps.extend(more);
        if !matches!(end, End::Arrived { .. }) {
            return steps;
        }
    }
    steps
}
