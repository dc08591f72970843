//! A walk: one journey of a request through the world, forth and back.
//!
//! Name look-up, the request's way, delivery or a reason for failing, the reply's way. A walk is
//! data: the picture, the narration, the terminal text and the comparison with the kernel all read
//! this one value.
//!
//! **Left out**: what follows the first exchange of a connection, which [`World::open`] and [`World::send_on`] show: a program
//! that hangs is told of by the reason alone. The client outside asks a resolver of its own, whose packets are not followed; it knows the zone of outside names and
//! the names of load balancers.

use super::connection::OpenConnection;
use super::http::{self, Onward};
use super::lookup::{Lookup, Wish, look_up, why_nameless};
use super::network::{HostId, Network};
use super::outcome::{By, Ending, Verdict, Why};
use super::request::{Destination, Request, Source};
use super::symptom::{Stage, told_by};
use super::travel::{Dropper, End, Journey, Leg, Step, StepKind, Traveller};
use super::world::World;
use crate::api::{Kind, ObjectRef};
use crate::chance::{Chooser, Exploration, explore};
use crate::controllers::ContainerFault;
use crate::dns::{Question, RecordData, RecordType, fully_qualified};
use crate::ip::{Family, IpAddr, family, socket};
use crate::net::{Flow, Packet, Protocol, TcpFlags, Transport};
use crate::netfilter::ct_status;
use crate::time::Instant;
use serde::Serialize;
use std::sync::Arc;

/// The ports clients take (`net.ipv4.ip_local_port_range`).
const CLIENT_PORTS: (u16, u16) = (32768, 60999);

/// One journey of a request, forth and back.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Walk {
    /// What was asked for.
    pub request: Request,
    /// Where it starts.
    pub from: HostId,
    /// How the name was looked up, where there was one.
    pub lookup: Option<Arc<Lookup>>,
    /// The address that was tried; none if there was none to try.
    pub address: Option<IpAddr>,
    /// Every step of the request and the reply.
    pub steps: Vec<Step>,
    /// What an Ingress controller made of it, where it came to one.
    pub onward: Option<Box<Onward>>,
    /// The name of the server outside that it left for, where the zone of outside names has it: such a server is there.
    pub outside_server: Option<String>,
    /// How it ended.
    #[serde(flatten)]
    pub ending: Ending,
}

/// Every way a request can go.
#[derive(Clone, Debug)]
pub struct Outcomes {
    /// The ways, with their probabilities.
    pub ways: Exploration<Walk>,
}

/// Why a request cannot even begin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WalkError {
    /// There is no such pod, node or address.
    #[error("{what} is not in this world{}", hint(known))]
    NoSuchSource {
        /// What was asked for.
        what: String,
        /// Who is there.
        known: Vec<String>,
    },
    /// It is there, but has no address yet.
    #[error("{what} has no address: it is not running on any node")]
    NoAddress {
        /// Who.
        what: String,
    },
    /// It is on a machine that is off.
    #[error("{what} sends nothing: its machine is off")]
    Down {
        /// Who.
        what: String,
    },
}

fn hint(known: &[String]) -> String {
    if known.is_empty() {
        return String::new();
    }
    format!(": there are {}", known.join(", "))
}

/// Explores every way a request can go, at most `limit` of them.
///
/// # Errors
/// If the request cannot begin.
pub fn outcomes(world: &World, request: &Request, limit: usize) -> Result<Outcomes, WalkError> {
    let from = start(world, request)?;
    let named = name(world, world.network.clone(), request, &from);
    let ways = explore(world.seed, limit, |chooser| {
        let mut network = named.network.clone();
        run(world, &named, &mut network, request, &from, chooser)
    });
    Ok(Outcomes { ways })
}

/// One walk, with the choices of `chooser`.
///
/// # Errors
/// If the request cannot begin.
pub fn walk(world: &World, request: &Request, chooser: &mut Chooser) -> Result<Walk, WalkError> {
    let from = start(world, request)?;
    let mut named = name(world, world.network.clone(), request, &from);
    let mut network = std::mem::take(&mut named.network);
    Ok(run(world, &named, &mut network, request, &from, chooser))
}

/// One walk in a world that remembers it.
pub(super) fn open_on(
    world: &mut World,
    request: &Request,
    chooser: &mut Chooser,
) -> Result<(Walk, Start), WalkError> {
    let mut from = start(world, request)?;
    from.now = world.cluster.clock().now;
    let network = std::mem::take(&mut world.network);
    let mut named = name(world, network, request, &from);
    let mut network = std::mem::take(&mut named.network);
    let walk = run(world, &named, &mut network, request, &from, chooser);
    world.network = network;
    Ok((walk, from))
}

/// A later packet of a connection, in a world that remembers it. `server` is where it is open still, if it is.
pub(super) fn continue_on(
    world: &mut World,
    connection: &OpenConnection,
    flags: TcpFlags,
    server: Option<&HostId>,
    chooser: &mut Chooser,
) -> Walk {
    let mut walk = Walk::begin(&connection.request, &connection.from);
    let trip = Trip {
        from: &connection.from,
        legs: [Leg::Request, Leg::Reply],
        now: world.cluster.clock().now,
        accepts: Accepts::Open(server),
    };
    let packet = connection.packet(flags);
    walk.address = Some(packet.destination);
    (walk.steps, walk.ending) = trip.carry(&mut world.network, &packet, chooser);
    walk
}

/// Where a request starts: a host, and the address it speaks from.
#[derive(Clone, Debug)]
pub(super) struct Start {
    pub(super) host: HostId,
    /// Told, or chosen by route.
    address: Option<IpAddr>,
    /// Told, or drawn.
    pub(super) port: Option<u16>,
    /// The host and interface where the packet comes in, if it does not set out here.
    pub(super) entry: Option<(HostId, &'static str)>,
    /// When. A walk of its own is one at the start of time.
    pub(super) now: Instant,
}

impl Start {
    /// Where a host itself asks.
    pub(super) fn of_host(host: HostId, now: Instant) -> Start {
        Start {
            host,
            address: None,
            port: None,
            entry: None,
            now,
        }
    }
}

pub(super) fn start(world: &World, request: &Request) -> Result<Start, WalkError> {
    let (host, address) = match &request.from {
        Source::Host(id) => (on_network(world, id), None),
        Source::Address(address) => {
            let owner = world.network.owner(*address);
            let host = owner.map_or(HostId::Outside, |it| it.id.clone());
            (host, Some(*address))
        }
    };
    for id in request.enter_at.iter().chain([&host]) {
        if world.network.host(id).is_none() {
            return Err(missing(world, id));
        }
    }
    if world.network.is_down(&host) {
        return Err(WalkError::Down {
            what: host.to_string(),
        });
    }
    let is_stranger =
        host == HostId::Outside && address.is_some_and(|it| world.network.owner(it).is_none());
    let entry = match &request.enter_at {
        // From an address of that very node, the packet leaves the node's own stack.
        Some(node) if *node == host => None,
        Some(node) => Some((node.clone(), "eth0")),
        None if is_stranger => Some((HostId::Router, "wan0")),
        None => None,
    };
    Ok(Start {
        host,
        address,
        port: request.source_port,
        entry,
        now: Instant::START,
    })
}

/// The host whose network somebody uses: its own, or for a pod with hostNetwork its node's.
pub(super) fn on_network(world: &World, id: &HostId) -> HostId {
    let HostId::Pod(namespace, name) = id else {
        return id.clone();
    };
    let pod = world.objects.pod(namespace, name);
    match pod.filter(|it| it.spec.host_network) {
        Some(pod) => HostId::Node(pod.spec.node_name.clone().unwrap_or_default()),
        None => id.clone(),
    }
}

fn missing(world: &World, id: &HostId) -> WalkError {
    if let HostId::Pod(namespace, name) = id
        && world.objects.pod(namespace, name).is_some()
    {
        return WalkError::NoAddress {
            what: id.to_string(),
        };
    }
    WalkError::NoSuchSource {
        what: id.to_string(),
        known: world
            .network
            .hosts()
            .filter(|it| it.id.kind() == id.kind())
            .map(|it| it.id.to_string())
            .collect(),
    }
}

/// What is the same for every way of a request: the name, looked up once, and the network after that.
struct Named {
    network: Network,
    lookup: Option<Arc<Lookup>>,
    addresses: Vec<IpAddr>,
}

fn name(world: &World, mut network: Network, request: &Request, from: &Start) -> Named {
    if let Some(address) = crate::ip::parse_sloppy(&request.to.name) {
        return Named {
            network,
            lookup: None,
            addresses: vec![address],
        };
    }
    let known_outside = match from.host {
        HostId::Outside => outside_addresses(world, &request.to.name),
        _ => Vec::new(),
    };
    if !known_outside.is_empty() {
        return Named {
            addresses: usable(&network, from, known_outside),
            network,
            lookup: None,
        };
    }
    let wish = Wish::of(request, from);
    let lookup = look_up(world, &mut network, wish, from);
    let addresses = usable(&network, from, lookup.resolution.addresses.clone());
    Named {
        network,
        lookup: Some(Arc::new(lookup)),
        addresses,
    }
}

/// The addresses that the Internet's DNS knows for a name.
fn outside_addresses(world: &World, name: &str) -> Vec<IpAddr> {
    let server = world.dns_server();
    let name = fully_qualified(name);
    let kinds = [RecordType::A, RecordType::AAAA];
    let answers = kinds.map(|it| server.outside().answer(&Question::new(&name, it)));
    let records = answers.into_iter().flat_map(|it| it.answer);
    records
        .filter_map(|it| match it.data {
            RecordData::Address(address) => Some(address),
            _ => None,
        })
        .collect()
}

impl Walk {
    pub(super) fn begin(request: &Request, from: &Start) -> Walk {
        Walk {
            request: request.clone(),
            from: from.host.clone(),
            lookup: None,
            address: None,
            steps: Vec::new(),
            onward: None,
            outside_server: None,
            ending: Ending::nowhere(),
        }
    }
}

fn run(
    world: &World,
    named: &Named,
    network: &mut Network,
    request: &Request,
    from: &Start,
    chooser: &mut Chooser,
) -> Walk {
    let mut walk = Walk::begin(request, from);
    walk.lookup.clone_from(&named.lookup);
    if let Some(why) = named.lookup.as_deref().and_then(why_nameless) {
        walk.ending = Ending::no_such_host(why);
        told_by(&mut walk, Stage::Connecting);
        return walk;
    }
    let chosen = chosen(&named.addresses, chooser);
    walk.address = Some(chosen);
    let legs = [Leg::Request, Leg::Reply];
    (walk.steps, walk.ending) = exchange(network, from, &request.to, chosen, legs, chooser);
    match (walk.ending.verdict, &walk.ending.object, &named.lookup) {
        (Verdict::Delivered, Some(pod), _)
            if pod.kind == Kind::Pod && walk.ending.reason.is_none() =>
        {
            let asked = (&request.to, from.now);
            let onward = http::pass_on(world, network, asked, pod, chooser);
            if let Some(why) = onward.as_ref().and_then(|it| it.why.clone()) {
                walk.ending.reason = Some(why);
            }
            walk.onward = onward.map(Box::new);
        }
        (Verdict::Forwarded, _, Some(lookup)) => {
            let domain = world.objects.cluster.dns_domain();
            walk.outside_server = http::outside_server(lookup, domain);
            walk.ending.reason = http::alias_is_refused(&request.to, lookup, domain);
        }
        _ => {}
    }
    told_by(&mut walk, Stage::Connecting);
    walk
}

/// A client takes the addresses in the order its resolver gives them, which for a headless Service is by lot.
fn chosen(addresses: &[IpAddr], chooser: &mut Chooser) -> IpAddr {
    if addresses.len() > 1 {
        let n_addresses = u32::try_from(addresses.len()).unwrap_or(u32::MAX);
        addresses[chooser.choose(n_addresses) as usize]
    } else {
        addresses[0]
    }
}

/// The addresses a client would try: of the first family that it has an address of itself.
fn usable(network: &Network, from: &Start, addresses: Vec<IpAddr>) -> Vec<IpAddr> {
    let host = network.host(&from.host);
    let speaks = |to: &IpAddr| {
        let source = host.and_then(|it| it.routes.source_for(*to));
        source.is_some_and(|it| family(it) == family(*to))
    };
    for of in Family::ALL {
        let of_family = addresses.iter().copied().filter(|it| family(*it) == of);
        let usable: Vec<IpAddr> = of_family.filter(speaks).collect();
        if !usable.is_empty() {
            return usable;
        }
    }
    addresses
}

/// Sends a first packet and follows its answer.
pub(super) fn exchange(
    network: &mut Network,
    from: &Start,
    to: &Destination,
    address: IpAddr,
    legs: [Leg; 2],
    chooser: &mut Chooser,
) -> (Vec<Step>, Ending) {
    let Some(packet) = first_packet(network, from, to, address, chooser) else {
        return (Vec::new(), Ending::unreachable_from_start(to, address));
    };
    let trip = Trip {
        from,
        legs,
        now: from.now,
        accepts: Accepts::Listening,
    };
    trip.carry(network, &packet, chooser)
}

/// Who takes a packet that arrives.
#[derive(Clone, Copy)]
enum Accepts<'a> {
    /// Whoever listens.
    Listening,
    /// The host where its connection is open; none if it is nowhere.
    Open(Option<&'a HostId>),
}

/// A packet's way there and its answer's back.
struct Trip<'a> {
    from: &'a Start,
    legs: [Leg; 2],
    now: Instant,
    accepts: Accepts<'a>,
}

impl Trip<'_> {
    fn carry(
        &self,
        network: &mut Network,
        packet: &Packet,
        chooser: &mut Chooser,
    ) -> (Vec<Step>, Ending) {
        let [there, back] = self.legs;
        let journey = self.traveller(network, chooser, there);
        let journey = match &self.from.entry {
            Some((host, interface)) => journey.receive(host, interface, packet.clone()),
            None => journey.send(&self.from.host, packet.clone()),
        };
        let Journey { mut steps, end } = journey;
        let last = steps.last().map_or(packet, |it| &it.after);
        let accepts = self.accepts;
        let mut ending = Ending::of(&end, [packet, last], network, accepts);
        ending.masqueraded = steps.iter().any(translates_source);
        let Some((host, answer)) = answer(network, &end, accepts) else {
            return (steps, ending);
        };
        let journey = self.traveller(network, chooser, back).send(&host, answer);
        steps.extend(journey.steps);
        ending.see_answer(&journey.end, packet, self.from);
        (steps, ending)
    }

    fn traveller<'a>(
        &self,
        network: &'a mut Network,
        chooser: &'a mut Chooser,
        leg: Leg,
    ) -> Traveller<'a> {
        Traveller {
            network,
            chooser,
            now: self.now,
            leg,
            steps: Vec::new(),
        }
    }
}

/// The first packet of a request.
fn first_packet(
    network: &Network,
    from: &Start,
    to: &Destination,
    address: IpAddr,
    chooser: &mut Chooser,
) -> Option<Packet> {
    let host = network.host(&from.host)?;
    let source = match from.address {
        Some(it) => Some(it),
        None => host.routes.source_for(address),
    }
    .filter(|it| family(*it) == family(address))?;
    let (low, high) = CLIENT_PORTS;
    let drawn = chooser.draw(u64::from(high - low) + 1);
    let drawn = low + u16::try_from(drawn).expect("below the bound");
    let source_port = from.port.unwrap_or(drawn);
    let flow = Flow {
        protocol: to.protocol,
        source,
        source_port,
        destination: address,
        destination_port: to.port.unwrap_or_default(),
    };
    let mut packet = Packet::of_flow(flow, TcpFlags::SYN);
    // What comes in at a node has passed the router before.
    if let Some((HostId::Node(_), _)) = from.entry {
        packet.ttl -= 1;
    }
    Some(packet)
}

/// Whether a host gives the packet another source: address or port, as masquerade does.
fn translates_source(step: &Step) -> bool {
    match &step.kind {
        StepKind::Hook {
            connection: Some(it),
            ..
        } => it.status & ct_status::SNAT != 0,
        StepKind::Balanced { .. } => step.before.source != step.after.source,
        _ => false,
    }
}

/// What comes back, and from which host.
fn answer(network: &Network, end: &End, accepts: Accepts<'_>) -> Option<(HostId, Packet)> {
    match end {
        End::Arrived { host, packet } => {
            let reply = if takes(network, host, packet, accepts) {
                let is_answered = !is_left_unanswered(network, host, packet);
                let reply = packet.reply().filter(|_| is_answered);
                reply.map(|it| in_connection(it, packet))
            } else {
                packet.closed_port_reply()
            };
            reply.map(|it| (host.clone(), it))
        }
        End::Rejected { host, response }
        | End::Unreachable { host, response, .. }
        | End::Expired { host, response } => response.clone().map(|it| (host.clone(), it)),
        _ => None,
    }
}

/// The answer to a segment of an open connection is one itself; to the last one it is the last one.
fn in_connection(mut reply: Packet, to: &Packet) -> Packet {
    if let (Transport::Tcp { flags, .. }, false) = (&mut reply.transport, to.is_syn()) {
        let is_last = matches!(&to.transport, Transport::Tcp { flags, .. } if flags.fin);
        *flags = if is_last {
            TcpFlags::FIN_ACK
        } else {
            TcpFlags::ACK
        };
    }
    reply
}

/// Whether somebody takes a packet that has arrived.
fn takes(network: &Network, host: &HostId, packet: &Packet, accepts: Accepts<'_>) -> bool {
    match accepts {
        Accepts::Open(server) if packet.protocol() == Protocol::Tcp => server == Some(host),
        _ => packet.destination_port().is_none() || listener(network, host, packet).is_some(),
    }
}

/// Whether a datagram waits for a program that hangs. A connection is opened all the same: that the kernel does by itself.
fn is_left_unanswered(network: &Network, host: &HostId, packet: &Packet) -> bool {
    packet.protocol() == Protocol::Udp && network.fault(host, packet) == Some(ContainerFault::Hangs)
}

fn listener(network: &Network, host: &HostId, packet: &Packet) -> Option<ObjectRef> {
    let port = packet.destination_port()?;
    network
        .host(host)?
        .listener(packet.destination, port, packet.protocol())
        .cloned()
}

impl Ending {
    pub(super) fn nowhere() -> Self {
        Ending {
            verdict: Verdict::Dropped,
            by: None,
            reason: None,
            destination: None,
            object: None,
            rewritten: false,
            source_seen: None,
            masqueraded: false,
            symptom: None,
            exit_code: None,
        }
    }

    pub(super) fn no_such_host(why: Why) -> Self {
        Ending {
            verdict: Verdict::NoSuchHost,
            reason: Some(why),
            ..Ending::nowhere()
        }
    }

    fn unreachable_from_start(to: &Destination, address: IpAddr) -> Self {
        Ending {
            verdict: Verdict::Unreachable,
            by: Some(By::Host),
            reason: Some(Why::NoRoute),
            destination: Some(socket(address, to.port)),
            ..Ending::nowhere()
        }
    }

    /// The ending of a request's way out, before its answer is known.
    fn of(end: &End, [sent, last]: [&Packet; 2], network: &Network, accepts: Accepts<'_>) -> Self {
        let (verdict, by, reason) = match end {
            End::Arrived { host, packet } => verdict_on_arrival(network, host, packet, accepts),
            End::Dropped { by, .. } => (Verdict::Dropped, Some(By::Rule), Some(dropped(*by))),
            End::Silent { why, .. } => (Verdict::Dropped, Some(By::Host), Some(why.clone())),
            End::Rejected { .. } => (Verdict::Refused, Some(By::Rule), Some(Why::RejectedByRule)),
            End::Unreachable { nobody_there, .. } => (
                Verdict::Unreachable,
                Some(By::Host),
                Some(if *nobody_there {
                    Why::NobodyThere
                } else {
                    Why::NoRoute
                }),
            ),
            End::Left => (Verdict::Forwarded, None, None),
            End::NotForwarding => (Verdict::Dropped, Some(By::Host), Some(Why::NotForwarding)),
            End::Expired { .. } => (Verdict::Unreachable, Some(By::Host), Some(Why::TtlExpired)),
            End::Unknown => (Verdict::Dropped, None, Some(Why::UnknownStatement)),
            End::TooDeep => (Verdict::Dropped, Some(By::Rule), Some(Why::RulesTooDeep)),
        };
        let mut ending = Ending {
            verdict,
            by,
            reason,
            destination: Some(last.destination_socket()),
            rewritten: last.destination != sent.destination
                || last.destination_port() != sent.destination_port(),
            ..Ending::nowhere()
        };
        if let End::Arrived { host, packet } = end {
            ending.object = owner(network, host, packet);
            ending.source_seen = Some(packet.source);
        }
        ending
    }

    /// What the answer changes: it may never come, or not look like one. A refusal that does not
    /// arrive is no refusal to the client: it waits.
    fn see_answer(&mut self, end: &End, sent: &Packet, from: &Start) {
        let (by, why) = match end {
            End::Arrived { packet, .. } => {
                // An ICMP error is recognised by the packet it quotes, which translation restores.
                let about = match packet.quoted() {
                    Some(quoted) => Flow::from_packet(quoted),
                    None => Flow::from_packet(packet).map(Flow::reversed),
                };
                match about {
                    Some(flow) if Some(flow) != Flow::from_packet(sent) => {
                        (By::Host, Why::ReplyNotRecognised)
                    }
                    _ => return,
                }
            }
            // Somebody outside this world has it now; whoever is inside never gets it.
            End::Left if from.entry.is_some() => return,
            End::Left => (By::Host, Why::NoRoute),
            End::Rejected { .. } => (By::Rule, Why::DroppedByRule),
            End::Dropped { by, .. } => (By::Rule, dropped(*by)),
            End::Silent { why, .. } => (By::Host, why.clone()),
            End::Unreachable { nobody_there, .. } if *nobody_there => (By::Host, Why::NobodyThere),
            End::Unreachable { .. } => (By::Host, Why::NoRoute),
            End::NotForwarding => (By::Host, Why::NotForwarding),
            End::Expired { .. } => (By::Host, Why::TtlExpired),
            End::Unknown => (By::Rule, Why::UnknownStatement),
            End::TooDeep => (By::Rule, Why::RulesTooDeep),
        };
        self.verdict = Verdict::Dropped;
        self.by = Some(by);
        self.reason = Some(why);
    }
}

fn dropped(by: Dropper) -> Why {
    match by {
        Dropper::Rule => Why::DroppedByRule,
        Dropper::ChainPolicy => Why::DroppedByPolicy,
        Dropper::NetworkPolicy => Why::NetworkPolicy,
    }
}

fn verdict_on_arrival(
    network: &Network,
    host: &HostId,
    packet: &Packet,
    accepts: Accepts<'_>,
) -> (Verdict, Option<By>, Option<Why>) {
    let by = match host {
        HostId::Pod(..) => By::Pod,
        _ => By::Host,
    };
    if takes(network, host, packet, accepts) {
        let why = network.fault(host, packet).and_then(Why::of_fault);
        if is_left_unanswered(network, host, packet) {
            (Verdict::Dropped, Some(by), why)
        } else {
            (Verdict::Delivered, None, why)
        }
    } else {
        (Verdict::Refused, Some(by), Some(Why::NothingListens))
    }
}

/// Who has the address a packet arrived at: the pod that listens there, or the host itself.
fn owner(network: &Network, host: &HostId, packet: &Packet) -> Option<ObjectRef> {
    listener(network, host, packet).or_else(|| match host {
        HostId::Pod(namespace, name) => Some(ObjectRef::new(Kind::Pod, namespace, name)),
        HostId::Node(name) => Some(ObjectRef::new(Kind::Node, "", name)),
        HostId::Router | HostId::Outside => None,
    })
}
