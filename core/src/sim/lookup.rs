//! How a name becomes addresses: a resolver's questions, each of them a packet on a walk of its own.
//!
//! The resolver (glibc's, which most images have) says what it sends and when; the packet goes through the
//! cluster's rules like any other, to whichever name server they choose; what arrives there is answered by what
//! that server knows: CoreDNS by its Corefile and the cluster's objects, the network's own name server by the zone
//! of outside names. A packet that is dropped is not answered, and the resolver tries again when its time is up.
//!
//! **Left out**: caches of CoreDNS between look-ups (each starts with an empty one); the time a packet takes, which
//! is none; TCP's own packets before a question; the question that CoreDNS itself forwards.

use super::network::{HostId, Network};
use super::outcome::{Ending, Verdict, Why};
use super::request::{Destination, Request, Source};
use super::travel::{Leg, Step};
use super::walk::{Start, WalkError, exchange, start};
use super::world::World;
use crate::api::{Kind, ObjectRef, Pod};
use crate::chance::Chooser;
use crate::dns::{
    Answer, Cache, Client, Fate, Query, Question, Resolution, ResolvConf, Resolver, Sent, Server,
    Transport, Wanted,
};
use crate::net::Protocol;
use crate::sorted::sort_by_key;
use crate::time::{Duration, Instant};
use serde::Serialize;
use std::collections::BTreeMap;

/// The port of DNS.
pub(super) const DNS_PORT: u16 = 53;

/// How a name was looked up.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Lookup {
    /// What the resolver was told.
    pub resolv_conf: ResolvConf,
    /// The questions and answers.
    #[serde(flatten)]
    pub resolution: Resolution,
    /// The walk of the first question's packet to a name server and back.
    pub steps: Vec<Step>,
    /// How that walk ended.
    pub ending: Option<Ending>,
    /// Every packet the resolver sent, and what became of it.
    pub packets: Vec<LookupPacket>,
    /// What the program was told in the end, if there is no address.
    pub failure: Option<String>,
    /// How long the program waited.
    pub elapsed: Duration,
}

/// A packet of a look-up.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LookupPacket {
    /// What was sent, when and to whom.
    #[serde(flatten)]
    pub sent: Sent,
    /// Who answered, if anybody did.
    pub object: Option<ObjectRef>,
    /// How its walk ended.
    pub verdict: Verdict,
    /// Why it got no answer, if it got none.
    pub reason: Option<Why>,
    /// What the answer says, if there is one.
    #[serde(skip)]
    pub answer: Option<Answer>,
    /// The walk, there and back.
    pub steps: Vec<Step>,
}

/// What is looked up, and by whom.
#[derive(Clone, Copy)]
pub(super) struct Wish<'a> {
    /// Whose resolv.conf and hosts file count.
    pub(super) asker: &'a HostId,
    /// The name.
    pub(super) name: &'a str,
    /// Addresses of which families.
    pub(super) wanted: Wanted,
}

impl<'a> Wish<'a> {
    /// Every address of what a request is for, asked for by whoever makes it.
    pub(super) fn of(request: &'a Request, from: &'a Start) -> Self {
        Wish {
            asker: match &request.from {
                Source::Host(id) => id,
                Source::Address(_) => &from.host,
            },
            name: &request.to.name,
            wanted: Wanted::Both,
        }
    }
}

impl World {
    /// Looks a name up as a program on a host would. A pod without a name stands for any plain pod of its namespace;
    /// its packets set out on the first node.
    ///
    /// # Errors
    /// When there is no such host, or it has no address.
    pub fn look_up(&self, asker: &HostId, name: &str, wanted: Wanted) -> Result<Lookup, WalkError> {
        let (from, wish) = self.wish(asker, name, wanted)?;
        Ok(look_up(self, &mut self.network.clone(), wish, &from))
    }

    /// The same, and hosts remember the packets, as they do of every connection that is opened.
    ///
    /// # Errors
    /// When there is no such host, or it has no address.
    pub fn ask(&mut self, asker: &HostId, name: &str, wanted: Wanted) -> Result<Lookup, WalkError> {
        let (mut from, wish) = self.wish(asker, name, wanted)?;
        from.now = self.cluster.clock().now;
        let mut network = std::mem::take(&mut self.network);
        let lookup = look_up(self, &mut network, wish, &from);
        self.network = network;
        Ok(lookup)
    }

    /// Where a look-up sets out, and what it is for.
    fn wish<'a>(
        &self,
        asker: &'a HostId,
        name: &'a str,
        wanted: Wanted,
    ) -> Result<(Start, Wish<'a>), WalkError> {
        let first_node = self.objects.nodes.keys().next();
        let host = match (asker, first_node) {
            (HostId::Pod(_, name), Some(node)) if name.is_empty() => HostId::Node(node.clone()),
            _ => asker.clone(),
        };
        let to = Destination {
            name: name.to_owned(),
            port: None,
            protocol: Protocol::Udp,
            url: None,
        };
        let from = start(self, &Request::new(Source::Host(host), to))?;
        let wish = Wish {
            asker,
            name,
            wanted,
        };
        Ok((from, wish))
    }
}

/// Looks a name up from a host. Which endpoint answers is drawn from the seed: it makes no difference to the answer.
pub(super) fn look_up(
    world: &World,
    network: &mut Network,
    Wish {
        asker,
        name,
        wanted,
    }: Wish<'_>,
    from: &Start,
) -> Lookup {
    let resolv_conf = world.resolv_conf(asker);
    let mut asked = Asked {
        world,
        server: world.dns_server(),
        cache: Cache::default(),
        chooser: Chooser::seeded(world.seed),
        from,
        network,
        packets: Vec::new(),
        first: None,
        ports: BTreeMap::new(),
        queries: Vec::new(),
    };
    let mut resolver = Resolver::new(
        Client::Glibc,
        &resolv_conf.to_string(),
        &world.hosts_file(asker),
    );
    let found = if resolv_conf.nameservers.is_empty() {
        // Nobody to ask: a resolver would ask its own host, where nobody listens.
        resolver.look_up(name, wanted, Instant::START, &mut |_| Fate::Silence)
    } else {
        resolver.look_up(name, wanted, Instant::START, &mut |it| asked.send(it))
    };
    let mut addresses = found.addresses;
    // IPv4 first, as they were asked for: which of them can be used is the caller's to say.
    sort_by_key(&mut addresses, |it| it.is_ipv6());
    let (steps, ending) = asked.first.unzip();
    Lookup {
        resolution: Resolution {
            queries: asked.queries,
            addresses,
        },
        steps: steps.unwrap_or_default(),
        ending,
        packets: asked.packets,
        failure: found.failure.map(|it| it.text),
        elapsed: found.elapsed,
        resolv_conf,
    }
}

/// A look-up under way.
struct Asked<'a> {
    world: &'a World,
    server: &'a Server,
    cache: Cache,
    chooser: Chooser,
    from: &'a Start,
    network: &'a mut Network,
    packets: Vec<LookupPacket>,
    first: Option<(Vec<Step>, Ending)>,
    /// The port of each socket for datagrams: what goes out by one goes to one name server, which the node remembers.
    ports: BTreeMap<u32, u16>,
    queries: Vec<Query>,
}

impl Asked<'_> {
    /// Sends a packet through the cluster and says what becomes of it.
    fn send(&mut self, sent: &Sent) -> Fate {
        let to = Destination {
            name: sent.server.to_string(),
            port: Some(DNS_PORT),
            protocol: match sent.transport {
                Transport::Udp { .. } => Protocol::Udp,
                Transport::Tcp => Protocol::Tcp,
            },
            url: None,
        };
        let legs = [Leg::Lookup, Leg::Lookup];
        let mut from = self.from.clone();
        if to.protocol == Protocol::Udp {
            from.port = self.ports.get(&sent.socket).copied();
        }
        let (steps, ending) = exchange(
            self.network,
            &from,
            &to,
            sent.server,
            legs,
            &mut self.chooser,
        );
        let port = steps.first().and_then(|it| it.before.source_port());
        if let (Some(port), Protocol::Udp) = (port, to.protocol) {
            self.ports.entry(sent.socket).or_insert(port);
        }
        let after = Duration::default();
        let fate = match ending.verdict {
            Verdict::Delivered => match self.answer(sent, ending.object.as_ref()) {
                Some(answer) => Fate::Answer { after, answer },
                None => Fate::Silence,
            },
            Verdict::Refused | Verdict::Unreachable => Fate::Refused { after },
            _ => Fate::Silence,
        };
        let mut answered = None;
        if let Fate::Answer { answer, .. } = &fate {
            answered = Some(answer.clone());
            self.queries.push(Query {
                name: sent.question.name.clone(),
                kind: sent.question.kind,
                answer: answer.clone(),
            });
        }
        self.packets.push(LookupPacket {
            sent: sent.clone(),
            object: ending.object.clone(),
            verdict: ending.verdict,
            reason: ending.reason.clone(),
            steps: steps.clone(),
            answer: answered,
        });
        self.first.get_or_insert((steps, ending));
        fate
    }

    /// What the one who got a question says to it; nothing if it is no name server.
    fn answer(&mut self, sent: &Sent, object: Option<&ObjectRef>) -> Option<Answer> {
        self.world.dns_answer(
            self.server,
            object?,
            (&sent.question, sent.transport),
            sent.at,
            (&mut self.cache, &mut self.chooser),
        )
    }
}

/// Whether a pod runs CoreDNS: by its image, or by the label its Service selects.
fn serves_dns(pod: &Pod) -> bool {
    let is_coredns = |image: &str| {
        let name = image.rsplit('/').next().unwrap_or_default();
        name.starts_with("coredns")
    };
    pod.spec.containers.iter().any(|it| is_coredns(&it.image))
        || pod
            .labels()
            .get("k8s-app")
            .is_some_and(|it| it == "kube-dns")
}

/// Why a look-up gave no address, if it gave none.
pub(super) fn why_nameless(lookup: &Lookup) -> Option<Why> {
    if !lookup.resolution.addresses.is_empty() {
        return None;
    }
    let silent = !lookup.packets.is_empty()
        && lookup
            .packets
            .iter()
            .all(|it| it.verdict != Verdict::Delivered);
    Some(if lookup.resolv_conf.nameservers.is_empty() {
        Why::OutsideClusterDns
    } else if silent {
        Why::NameServerSilent
    } else {
        Why::NoSuchName
    })
}

impl World {
    /// What an object that got a question says to it; nothing if it is no name server.
    #[must_use]
    pub fn dns_answer(
        &self,
        server: &Server,
        object: &ObjectRef,
        (question, transport): (&Question, Transport),
        at: Instant,
        (cache, chooser): (&mut Cache, &mut Chooser),
    ) -> Option<Answer> {
        match object.kind {
            Kind::Pod => {
                let pod = self.objects.pod(&object.namespace, &object.name)?;
                serves_dns(pod)
                    .then(|| server.answer(&self.objects, question, transport, at, cache, chooser))
            }
            // The zone of outside names, which the network's own name server has.
            Kind::ConfigMap => Some(server.outside().answer(question)),
            _ => None,
        }
    }

    /// The hosts file that a host's resolver reads first.
    #[must_use]
    pub fn hosts_file(&self, host: &HostId) -> String {
        let pod = match host {
            HostId::Pod(namespace, name) => self.objects.pod(namespace, name),
            _ => None,
        };
        let pod = pod.cloned().unwrap_or_default();
        crate::dns::pod_hosts(&pod, self.objects.cluster.dns_domain(), "")
    }
}
