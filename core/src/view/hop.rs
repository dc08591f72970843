//! The walk as hops: what a person steps through.
//!
//! A hop is one step of a walk, or two that are one thought. Each has a place on the map, the line
//! drawn to it, one sentence of at most twenty words, the packet with what changed, and the details
//! an inspector shows.
//!
//! **Left out**: hops for wires; crossing one is the movement to the next hop.

use super::kept;
use super::map::{Anchor, MapView, Point};
use super::rules::{ChainView, Page, RuleStatus, SourceView, chains};
use super::text;
use crate::api::Manifest;
use crate::net::{HeaderField, Packet, Transport};
use crate::netfilter::conntrack::Connection;
use crate::netfilter::{Hook, Outcome, Trace, TraceEvent, ct_status};
use crate::sim::{HostId, Leg, Lookup, RouteChosen, Step, StepKind, Verdict, Walk, Why, World};
use serde::{Deserialize, Serialize};

/// A walk, hop by hop.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WalkView {
    /// The hops.
    pub hops: Vec<Hop>,
    /// How it ends.
    pub ending: super::EndingView,
}

/// One hop.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hop {
    /// Which way: a question to DNS, the request, the reply.
    pub leg: LegName,
    /// Where, in words: `node-1, prerouting`.
    pub place: String,
    /// What happens, in a few words.
    pub title: String,
    /// What happens, in one sentence.
    pub sentence: String,
    /// Where on the map.
    pub at: Point,
    /// The line from the hop before.
    pub trail: Vec<Point>,
    /// The packet as the hop leaves it.
    pub packet: PacketView,
    /// What the hop changed in it.
    pub changes: Vec<Change>,
    /// How much it matters.
    pub emphasis: Emphasis,
    /// What an inspector shows.
    pub detail: HopDetail,
    /// The fields it comes from.
    pub sources: Vec<SourceView>,
    /// Where the walk fails: how.
    pub failure: Option<Verdict>,
    /// On which host.
    pub host: String,
    /// Whether the short story stops here.
    pub is_story: bool,
}

/// Which way a hop goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LegName {
    /// A question to DNS.
    Dns,
    /// The request.
    Request,
    /// The reply.
    Reply,
}

/// How much a hop matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Emphasis {
    /// Passing by.
    Passing,
    /// Something was decided or rewritten: worth a pause.
    Deciding,
    /// The end of the walk, or of its way out.
    Ending,
}

/// A packet's header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PacketView {
    /// Source address.
    pub source: String,
    /// Source port.
    pub source_port: Option<u16>,
    /// Destination address.
    pub destination: String,
    /// Destination port.
    pub destination_port: Option<u16>,
    /// TCP, UDP, ICMP.
    pub protocol: String,
    /// What kind of packet: `SYN`, `port-unreachable`.
    pub kind: String,
    /// Its time to live.
    pub ttl: u8,
}

/// A field that changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Which.
    pub field: HeaderField,
    /// Its name, in words.
    #[serde(deserialize_with = "kept::word")]
    pub name: kept::Word,
    /// What it was.
    pub before: String,
    /// What it is.
    pub after: String,
}

/// What an inspector shows of a hop.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum HopDetail {
    /// A look-up of a name.
    Dns {
        /// resolv.conf as the pod has it.
        resolv_conf: String,
        /// The questions and answers.
        queries: Vec<QueryView>,
    },
    /// A hook and its rules.
    Rules {
        /// The hook.
        hook: Hook,
        /// The chains, in order.
        chains: Vec<ChainView>,
        /// How many rules were asked.
        n_asked: usize,
        /// How many of them matched.
        n_matched: usize,
        /// Why the nat chains were not asked, if so.
        nat_skipped: Option<String>,
        /// The connection, as it stands after the hook.
        connection: Option<ConnectionView>,
        /// The mark.
        mark: u32,
    },
    /// A choice of way.
    Routes {
        /// The host's routes, with the one taken marked.
        routes: Vec<RouteView>,
    },
    /// An arrival.
    Sockets {
        /// Where the host listens, with the one that answers marked.
        listens: Vec<ListenView>,
    },
}

/// A question to DNS and its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueryView {
    /// The name and type.
    pub question: String,
    /// The answer's code, and its data.
    pub answer: String,
}

/// An entry of the connection table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionView {
    /// The flow as it came.
    pub original: String,
    /// The flow of its answers, as they will come.
    pub reply: String,
    /// The TCP state.
    #[serde(deserialize_with = "kept::word_if_any")]
    pub state: Option<kept::Word>,
    /// Its bits, in words.
    #[serde(deserialize_with = "kept::words")]
    pub status: Vec<kept::Word>,
    /// After how many seconds of silence it is forgotten.
    pub timeout_secs: u64,
    /// What the translation means, in one sentence.
    pub sentence: String,
}

/// A route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteView {
    /// As `ip route` prints it.
    pub text: String,
    /// Whether it was taken.
    pub is_taken: bool,
}

/// A socket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListenView {
    /// Address, port and protocol.
    pub text: String,
    /// Whether it takes this packet.
    pub answers: bool,
}

impl WalkView {
    /// No walk at all, and why.
    #[must_use]
    pub fn nothing(why: String) -> WalkView {
        WalkView {
            hops: Vec::new(),
            ending: super::EndingView {
                verdict: crate::sim::Verdict::Unreachable,
                sentence: why,
                destination: None,
                object: None,
                symptom: None,
            },
        }
    }
}

/// What hops are made from.
struct Telling<'a> {
    world: &'a World,
    manifest: &'a Manifest,
    map: &'a MapView,
    walk: &'a Walk,
    stations: Vec<Anchor>,
    hops: Vec<Hop>,
}

/// The hops of a walk.
#[must_use]
pub fn hops(world: &World, manifest: &Manifest, map: &MapView, walk: &Walk) -> Vec<Hop> {
    let mut telling = Telling {
        world,
        manifest,
        map,
        walk,
        stations: vec![Anchor::Host(walk.from.clone())],
        hops: Vec::new(),
    };
    if let Some(lookup) = &walk.lookup {
        telling.tell_lookup(lookup);
    }
    for (idx, step) in walk.steps.iter().enumerate() {
        telling.tell(step, walk.steps.get(idx + 1));
    }
    telling.mark_end();
    telling.tell_onward();
    mark_story(&mut telling.hops);
    telling.hops
}

/// The line of a request on the map, from who asks to where it ends.
#[must_use]
pub fn request_line(map: &MapView, walk: &Walk) -> Vec<Point> {
    let mut stations = vec![Anchor::Host(walk.from.clone())];
    for step in walk.steps.iter().filter(|it| it.leg == Leg::Request) {
        stations.extend(stations_of(step));
    }
    map.trail(&stations)
}

/// The story stops where something is decided or ends, and where the request begins.
fn mark_story(hops: &mut [Hop]) {
    let begins = hops.iter().position(|it| it.leg == LegName::Request);
    for (idx, hop) in hops.iter_mut().enumerate() {
        hop.is_story = hop.emphasis != Emphasis::Passing || Some(idx) == begins;
    }
}

impl Telling<'_> {
    /// A look-up is two hops: the question on its way, and the answer.
    fn tell_lookup(&mut self, lookup: &Lookup) {
        if lookup.resolution.queries.is_empty() {
            return;
        }
        let arrives = |it: &&Step| matches!(it.kind, StepKind::Arrived);
        let n_there = lookup
            .steps
            .iter()
            .position(|it| arrives(&it))
            .map_or(lookup.steps.len(), |it| it + 1);
        let (there, back) = lookup.steps.split_at(n_there);
        for step in there {
            self.go(step);
        }
        let detail = dns_detail(lookup);
        if let Some(last) = there.last() {
            let sentence = text::question(lookup, &self.walk.from);
            self.push(last, LegName::Dns, "the question", sentence, detail.clone());
        }
        for step in back {
            self.go(step);
        }
        if let Some(last) = back.last() {
            let sentence = text::answer(lookup);
            self.push(last, LegName::Dns, "the answer", sentence, detail);
        }
        if let Some(it) = self.hops.last_mut() {
            it.emphasis = Emphasis::Deciding;
        }
    }

    /// Goes on to where a step is. What a node sends itself is routed again after its output rules.
    fn go(&mut self, step: &Step) {
        let comes_from_output = matches!(self.stations.last(), Some(Anchor::Hook(_, Hook::Output)));
        for station in stations_of(step) {
            self.stations.push(match station {
                Anchor::Routing(host) if comes_from_output => Anchor::RoutingAgain(host),
                other => other,
            });
        }
    }

    fn tell(&mut self, step: &Step, next: Option<&Step>) {
        self.go(step);
        let detail = match &step.kind {
            StepKind::Crossed { to: Some(_), .. } => return,
            StepKind::Crossed { to: None, .. } => HopDetail::Routes { routes: Vec::new() },
            StepKind::Sent { route } | StepKind::Routed { route } => {
                self.route_detail(&step.host, route.as_ref())
            }
            StepKind::Hook { .. } => self.rules_detail(step),
            StepKind::Balanced { .. } | StepKind::Swallowed { .. } => {
                HopDetail::Routes { routes: Vec::new() }
            }
            StepKind::Arrived => self.sockets_detail(step),
        };
        let leg = match step.leg {
            Leg::Lookup => LegName::Dns,
            Leg::Request => LegName::Request,
            Leg::Reply => LegName::Reply,
        };
        let title = text::title(step);
        let sentence = text::sentence(step, next, self.walk, self.world);
        self.push(step, leg, &title, sentence, detail);
    }

    fn push(
        &mut self,
        step: &Step,
        leg: LegName,
        title: &str,
        sentence: String,
        detail: HopDetail,
    ) {
        let trail = self.map.trail(&self.stations);
        let last = self.stations.pop();
        self.stations.clear();
        self.stations.extend(last);
        let changes = changes(&step.before, &step.after);
        let sources = sources(&detail);
        let decides = !changes.is_empty() || chose(&step.kind);
        self.hops.push(Hop {
            leg,
            place: text::place(step),
            title: title.to_owned(),
            sentence,
            at: trail.last().copied().unwrap_or_default(),
            trail,
            packet: packet_view(&step.after),
            changes,
            emphasis: if decides {
                Emphasis::Deciding
            } else {
                Emphasis::Passing
            },
            detail,
            sources,
            failure: None,
            host: step.host.to_string(),
            is_story: false,
        });
    }

    /// An Ingress controller's own request comes after the arrival of the one it is for.
    fn tell_onward(&mut self) {
        let Some(onward) = self.walk.onward.as_deref() else {
            return;
        };
        let Some(at) = self.hops.iter().rposition(|it| it.leg == LegName::Request) else {
            return;
        };
        let back = self.hops.split_off(at + 1);
        if let Some(it) = self.hops.last_mut() {
            it.title = "the Ingress controller decides".into();
            it.sentence = text::onward(onward);
        }
        self.stations = vec![Anchor::Host(onward_host(self.walk))];
        for (idx, step) in onward.steps.iter().enumerate() {
            self.tell(step, onward.steps.get(idx + 1));
        }
        self.hops.extend(back);
    }

    /// The last hop of the request and of the whole walk are ends.
    fn mark_end(&mut self) {
        let turn = self.hops.iter().rposition(|it| it.leg == LegName::Request);
        let last = self.hops.len().checked_sub(1);
        for idx in [turn, last].into_iter().flatten() {
            self.hops[idx].emphasis = Emphasis::Ending;
        }
        let ending = &self.walk.ending;
        let fails_last =
            ending.verdict == Verdict::Dropped || ending.reason == Some(Why::ReplyNotRecognised);
        let failing = if fails_last { last } else { turn.or(last) };
        let fails = !matches!(ending.verdict, Verdict::Delivered | Verdict::Forwarded);
        if let (Some(idx), true) = (failing, fails) {
            self.hops[idx].failure = Some(ending.verdict);
        }
    }

    fn rules_detail(&self, step: &Step) -> HopDetail {
        let StepKind::Hook {
            hook,
            trace,
            mark,
            connection,
            ..
        } = &step.kind
        else {
            return HopDetail::Routes { routes: Vec::new() };
        };
        let host = self.world.network.host(&step.host);
        let chains = host.map_or_else(Vec::new, |host| {
            let page = Page {
                ruleset: &host.ruleset,
                origins: host.origins.get(&step.before.family()).map(|it| &**it),
                policies: host.policies.get(&step.before.family()).map(|it| &**it),
                manifest: self.manifest,
                dialect: self.world.mode.dialect,
            };
            chains(page, trace)
        });
        let count = |wanted: fn(RuleStatus) -> bool| {
            chains
                .iter()
                .flat_map(|it| &it.rules)
                .filter(|it| wanted(it.status))
                .count()
        };
        HopDetail::Rules {
            hook: *hook,
            n_asked: count(|it| it != RuleStatus::NotReached),
            n_matched: count(|it| it == RuleStatus::Matched),
            nat_skipped: nat_skipped(trace),
            connection: connection.as_ref().map(connection_view),
            mark: *mark,
            chains,
        }
    }

    fn route_detail(&self, host: &HostId, taken: Option<&RouteChosen>) -> HopDetail {
        let routes = self.world.network.host(host).map(|it| it.routes.routes());
        let routes = routes.unwrap_or_default().iter().filter(|it| {
            // Loopback's own lines say nothing here, unless one was taken.
            taken.is_some_and(|taken| taken.route == **it) || &*it.interface != "lo"
        });
        HopDetail::Routes {
            routes: routes
                .map(|it| RouteView {
                    text: text::route(it),
                    is_taken: taken.is_some_and(|taken| taken.route == *it),
                })
                .collect(),
        }
    }

    fn sockets_detail(&self, step: &Step) -> HopDetail {
        let host = self.world.network.host(&step.host);
        let packet = &step.after;
        let is_answer = step.leg == Leg::Reply || step.host == self.walk.from;
        let mut listens = host.map_or_else(Vec::new, |host| {
            host.listens
                .iter()
                .map(|(it, pod)| {
                    let address = it.address.map_or("*".to_owned(), |it| it.to_string());
                    ListenView {
                        text: format!("{address}:{}/{} {}", it.port, it.protocol, pod.name),
                        answers: !is_answer
                            && packet.destination_port() == Some(it.port)
                            && packet.protocol() == it.protocol
                            && it.address.is_none_or(|it| it == packet.destination),
                    }
                })
                .collect()
        });
        let is_awaited = is_answer && self.walk.ending.reason != Some(Why::ReplyNotRecognised);
        if let (true, Some(to), Some(from)) =
            (is_awaited, packet.destination_port(), packet.source_port())
        {
            listens.push(ListenView {
                text: format!(
                    "{} connected to {}",
                    crate::ip::join_host_port(packet.destination, to),
                    crate::ip::join_host_port(packet.source, from)
                ),
                answers: true,
            });
        }
        HopDetail::Sockets { listens }
    }
}

/// Where a step is on the map.
fn stations_of(step: &Step) -> Vec<Anchor> {
    let host = &step.host;
    match &step.kind {
        StepKind::Sent { .. } | StepKind::Arrived => vec![Anchor::Host(host.clone())],
        StepKind::Hook { hook, .. } => vec![Anchor::Hook(host.clone(), *hook)],
        StepKind::Swallowed { .. } if matches!(host, HostId::Node(_)) => {
            vec![Anchor::Interface(host.clone(), "eth0".into())]
        }
        StepKind::Routed { .. } | StepKind::Balanced { .. } | StepKind::Swallowed { .. } => {
            vec![Anchor::Routing(host.clone())]
        }
        StepKind::Crossed {
            interface,
            to,
            to_interface,
        } => {
            let mut stations = vec![Anchor::Interface(host.clone(), interface.to_string())];
            if let (Some(to), Some(interface)) = (to, to_interface) {
                stations.push(Anchor::Interface(to.clone(), interface.to_string()));
            }
            stations
        }
    }
}

/// The pod of the Ingress controller that a walk came to.
fn onward_host(walk: &Walk) -> HostId {
    match &walk.ending.object {
        Some(it) => HostId::Pod(it.namespace.clone(), it.name.clone()),
        None => walk.from.clone(),
    }
}

/// Whether something was chosen or refused here.
fn chose(kind: &StepKind) -> bool {
    match kind {
        StepKind::Hook { outcome, .. } => *outcome != Outcome::Accepted,
        StepKind::Balanced { .. } => true,
        _ => false,
    }
}

pub(super) fn nat_skipped(trace: &Trace) -> Option<String> {
    trace.events().find_map(|it| match it {
        TraceEvent::NatSkipped {
            translation: Some(_),
        } => Some("the connection has its translation: the nat chains are not asked".into()),
        TraceEvent::NatSkipped { translation: None } => {
            Some("the connection is known and not translated: the nat chains are not asked".into())
        }
        _ => None,
    })
}

/// The fields behind the rules that matched, each once.
fn sources(detail: &HopDetail) -> Vec<SourceView> {
    let mut sources: Vec<SourceView> = Vec::new();
    if let HopDetail::Rules { chains, .. } = detail {
        let matched = chains
            .iter()
            .flat_map(|it| &it.rules)
            .filter(|it| it.status == RuleStatus::Matched);
        for source in matched.flat_map(|it| it.sources()) {
            if !sources.contains(source) {
                sources.push(source.clone());
            }
        }
    }
    sources
}

fn dns_detail(lookup: &Lookup) -> HopDetail {
    HopDetail::Dns {
        resolv_conf: lookup.resolv_conf.to_string(),
        queries: lookup
            .resolution
            .queries
            .iter()
            .map(|it| QueryView {
                question: format!("{} {}", it.name, it.kind),
                answer: text::records(&it.answer),
            })
            .collect(),
    }
}

fn packet_view(packet: &Packet) -> PacketView {
    PacketView {
        source: packet.source.to_string(),
        source_port: packet.source_port(),
        destination: packet.destination.to_string(),
        destination_port: packet.destination_port(),
        protocol: packet.protocol().name().to_ascii_uppercase(),
        kind: match &packet.transport {
            Transport::Tcp { flags, .. } => flags.to_string(),
            Transport::Icmp(it) => it.to_string(),
            Transport::Udp { .. } | Transport::Sctp { .. } => String::new(),
        },
        ttl: packet.ttl,
    }
}

pub(super) fn changes(before: &Packet, after: &Packet) -> Vec<Change> {
    [
        (HeaderField::Source, "source"),
        (HeaderField::SourcePort, "source port"),
        (HeaderField::Destination, "destination"),
        (HeaderField::DestinationPort, "destination port"),
    ]
    .into_iter()
    .filter_map(|(field, name)| {
        let (before, after) = (before.field(field)?, after.field(field)?);
        (before != after).then_some(Change {
            field,
            name,
            before,
            after,
        })
    })
    .collect()
}

fn connection_view(connection: &Connection) -> ConnectionView {
    let status: Vec<&'static str> = ct_status::NAMES
        .iter()
        .filter(|(_, bit)| connection.status & bit != 0)
        .map(|(name, _)| *name)
        .collect();
    ConnectionView {
        original: connection.original.to_string(),
        reply: connection.reply.to_string(),
        state: connection.state_name(),
        timeout_secs: connection.timeout().as_secs(),
        sentence: text::connection(connection),
        status,
    }
}
