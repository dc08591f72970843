//! The world that tools act in: the same for all of them, changed by what they do.
//!
//! When the cluster's objects have changed the world goes on ([`World::go_on`]): connections and what sessionAffinity
//! remembers stay. Each connection has luck of its own, drawn from the world's seed and how many there were before.
//!
//! **Left out**: more than one exchange over a connection.

use crate::api::ObjectRef;
use crate::chance::Chooser;
use crate::dns::Wanted;
use crate::net::Packet;
use crate::shell::Place;
use crate::sim::{
    Cluster, HostId, Lookup, MAX_PASS, Network, Request, Step, StepKind, Timeline, Walk, WalkError,
    Why, World,
};
use crate::time::{Duration, Instant};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;

/// How many packets are remembered for those who capture.
const MAX_LOG: usize = 20_000;

/// How many lines are remembered of each server.
const MAX_SERVED: usize = 1000;

/// What holds the cluster.
pub trait Stage {
    /// The cluster as it is now.
    fn cluster(&self) -> Arc<Cluster>;

    /// Lets time pass.
    fn pass(&mut self, to: Instant);
}

impl Stage for Timeline {
    fn cluster(&self) -> Arc<Cluster> {
        Timeline::cluster(self).clone()
    }

    fn pass(&mut self, to: Instant) {
        while Timeline::cluster(self).clock().now < to {
            let missing = to - Timeline::cluster(self).clock().now;
            let length = Duration::from_millis(missing.as_millis().min(MAX_PASS.as_millis()));
            if self.wait(length).is_err() {
                return;
            }
        }
    }
}

/// A cluster alone, without a memory of what happened.
impl Stage for Arc<Cluster> {
    fn cluster(&self) -> Arc<Cluster> {
        self.clone()
    }

    fn pass(&mut self, to: Instant) {
        Arc::make_mut(self).advance(to);
    }
}

/// A port of the workstation that `kubectl port-forward` leads to a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forward {
    /// The pod.
    pub pod: HostId,
    /// Its port.
    pub port: u16,
}

/// A packet that passed an interface.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Seen {
    pub(super) at: Instant,
    pub(super) host: HostId,
    pub(super) interface: Arc<str>,
    pub(super) is_out: bool,
    pub(super) packet: Packet,
    /// Whether it carries something, and is no bare handshake or close.
    pub(super) n_bytes: usize,
}

/// The world that tools act in.
pub struct Site {
    stage: Rc<RefCell<dyn Stage>>,
    world: RefCell<Option<Rc<World>>>,
    n_opened: Cell<u64>,
    log: RefCell<Vec<Seen>>,
    n_forgotten: Cell<usize>,
    forwards: RefCell<BTreeMap<u16, Forward>>,
    /// Connections through forwards, by local port, since they were last asked for.
    n_through: RefCell<BTreeMap<u16, usize>>,
    /// The last lines that servers wrote about requests, by pod and its uid.
    served: RefCell<BTreeMap<(ObjectRef, String), VecDeque<String>>>,
}

impl Site {
    /// The site on a stage.
    #[must_use]
    pub fn new(stage: Rc<RefCell<dyn Stage>>) -> Site {
        Site {
            stage,
            world: RefCell::default(),
            n_opened: Cell::new(0),
            log: RefCell::default(),
            n_forgotten: Cell::new(0),
            forwards: RefCell::default(),
            n_through: RefCell::default(),
            served: RefCell::default(),
        }
    }

    /// The cluster as it is now.
    #[must_use]
    pub fn cluster(&self) -> Arc<Cluster> {
        self.stage.borrow().cluster()
    }

    /// Lets time pass.
    pub fn pass(&self, to: Instant) {
        self.stage.borrow_mut().pass(to);
    }

    /// The world as it is now.
    #[must_use]
    pub fn world(&self) -> Rc<World> {
        let cluster = self.cluster();
        let mut held = self.world.borrow_mut();
        match &mut *held {
            Some(world) if Arc::ptr_eq(&world.cluster, &cluster) => world.clone(),
            Some(world) => {
                Rc::make_mut(world).go_on(cluster);
                world.clone()
            }
            None => held
                .insert(Rc::new(World::of_cluster(cluster, None)))
                .clone(),
        }
    }

    /// Lets something happen in the world as it is now.
    fn in_world<T>(&self, happen: impl FnOnce(&mut World) -> T) -> T {
        drop(self.world());
        let mut held = self.world.borrow_mut();
        let world = held.as_mut().expect("it was just made");
        happen(Rc::make_mut(world))
    }

    /// Looks at the network as it is now, with its connections.
    pub fn with_network<T>(&self, look: impl FnOnce(&Network) -> T) -> T {
        look(&self.world().network)
    }

    /// Luck for the next thing that happens.
    pub(super) fn chooser(&self) -> Chooser {
        let n_opened = self.n_opened.get() + 1;
        self.n_opened.set(n_opened);
        let seed = self.world().seed;
        Chooser::seeded(
            seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)
                .wrapping_add(n_opened),
        )
    }

    /// Makes a request, and has the whole of a short conversation if somebody accepts.
    ///
    /// # Errors
    /// If it cannot begin.
    pub fn visit(&self, request: &Request) -> Result<Walk, WalkError> {
        let mut chooser = self.chooser();
        let (walk, later, now) = self.in_world(|world| {
            let (walk, mut connection) = world.open(request, &mut chooser)?;
            if let Some(it) = &mut connection {
                world.converse(it, &mut chooser);
            }
            let later = connection.map(|it| it.later);
            Ok((walk, later, world.cluster.clock().now))
        })?;
        if let Some(lookup) = &walk.lookup {
            self.note_lookup(lookup, now);
        }
        self.note(&walk.steps, now, Payload::None);
        let payload = match walk.ending.reason {
            Some(Why::ProgramHangs) => Payload::Question,
            _ => Payload::Conversation,
        };
        self.note(&later.unwrap_or_default(), now, payload);
        Ok(walk)
    }

    /// Looks a name up from a place.
    pub(super) fn look_up(&self, place: &Place, name: &str) -> Option<Lookup> {
        let host = host_of(place);
        let (lookup, now) = self.in_world(|world| {
            let lookup = world.ask(&host, name, Wanted::Both).ok()?;
            Some((lookup, world.cluster.clock().now))
        })?;
        self.note_lookup(&lookup, now);
        Some(lookup)
    }

    fn note_lookup(&self, lookup: &Lookup, now: Instant) {
        for packet in &lookup.packets {
            let at = now + (packet.sent.at - Instant::START);
            self.note(&packet.steps, at, Payload::All(40));
        }
    }

    /// Remembers which interfaces packets passed.
    pub(super) fn note(&self, steps: &[Step], at: Instant, payload: Payload) {
        let mut log = self.log.borrow_mut();
        let mut n_sent = 0;
        for step in steps {
            if matches!(step.kind, StepKind::Sent { .. }) {
                n_sent += 1;
            }
            let StepKind::Crossed {
                interface,
                to,
                to_interface,
            } = &step.kind
            else {
                continue;
            };
            let n_bytes = match payload {
                Payload::None => 0,
                Payload::All(it) => it,
                Payload::Question | Payload::Conversation if n_sent == 2 => 77,
                Payload::Conversation if n_sent == 3 => 140,
                Payload::Question | Payload::Conversation => 0,
            };
            let seen = |host: &HostId, interface: &Arc<str>, is_out| Seen {
                at,
                host: host.clone(),
                interface: interface.clone(),
                is_out,
                packet: step.after.clone(),
                n_bytes,
            };
            log.push(seen(&step.host, interface, true));
            if let (Some(to), Some(to_interface)) = (to, to_interface) {
                log.push(seen(to, to_interface, false));
            }
        }
        if log.len() > MAX_LOG {
            let n_over = log.len() - MAX_LOG;
            log.drain(..n_over);
            self.n_forgotten.set(self.n_forgotten.get() + n_over);
        }
    }

    /// How many packets have been seen so far.
    pub(super) fn n_seen(&self) -> usize {
        self.n_forgotten.get() + self.log.borrow().len()
    }

    /// The packet of this number, if it is still remembered.
    pub(super) fn seen(&self, number: usize) -> Option<Seen> {
        let idx = number.checked_sub(self.n_forgotten.get())?;
        self.log.borrow().get(idx).cloned()
    }

    /// Leads a port of the workstation to a pod, as `kubectl port-forward` does; false if it is taken.
    pub fn forward(&self, port: u16, forward: Forward) -> bool {
        let mut forwards = self.forwards.borrow_mut();
        if forwards.contains_key(&port) {
            return false;
        }
        forwards.insert(port, forward);
        true
    }

    /// Ends that.
    pub fn end_forward(&self, port: u16) {
        self.forwards.borrow_mut().remove(&port);
        self.n_through.borrow_mut().remove(&port);
    }

    /// Where a port of the workstation leads.
    #[must_use]
    pub fn forwarded(&self, port: u16) -> Option<Forward> {
        self.forwards.borrow().get(&port).cloned()
    }

    /// A connection went through a forward.
    pub(super) fn count_through(&self, port: u16) {
        *self.n_through.borrow_mut().entry(port).or_default() += 1;
    }

    /// Whether connections went through a forward that nobody was told of yet.
    #[must_use]
    pub fn has_through(&self, port: u16) -> bool {
        self.n_through.borrow().contains_key(&port)
    }

    /// A pod's server writes a line.
    pub(super) fn note_served(&self, pod: &ObjectRef, line: String) {
        let cluster = self.cluster();
        let Some(document) = cluster.store().document(pod) else {
            return;
        };
        let uid = document["metadata"]["uid"].as_str().unwrap_or_default();
        let mut served = self.served.borrow_mut();
        let lines = served.entry((pod.clone(), uid.to_owned())).or_default();
        lines.push_back(line);
        if lines.len() > MAX_SERVED {
            lines.pop_front();
        }
    }

    /// What the server of a pod with this uid wrote: a line for each request.
    #[must_use]
    pub fn served(&self, pod: &ObjectRef, uid: &str) -> Vec<String> {
        let served = self.served.borrow();
        let lines = served.get(&(pod.clone(), uid.to_owned()));
        lines.into_iter().flatten().cloned().collect()
    }

    /// How many connections went through a forward since this was last asked: `Handling connection for …`.
    #[must_use]
    pub fn take_through(&self, port: u16) -> usize {
        self.n_through.borrow_mut().remove(&port).unwrap_or(0)
    }
}

/// What packets of a journey carry.
#[derive(Clone, Copy)]
pub(super) enum Payload {
    None,
    /// Each so many bytes.
    All(usize),
    /// Request and answer of HTTP.
    Conversation,
    /// The request alone.
    Question,
}

/// The host whose network a place is on.
pub(super) fn host_of(place: &Place) -> HostId {
    match place {
        Place::Workstation => HostId::Outside,
        Place::Pod {
            namespace, name, ..
        } => HostId::Pod(namespace.to_string(), name.to_string()),
        Place::Node(name) => HostId::Node(name.to_string()),
    }
}

impl std::fmt::Debug for Site {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Site")
            .field("n_opened", &self.n_opened.get())
            .finish_non_exhaustive()
    }
}
