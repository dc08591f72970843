//! The world that tools act in: the same for all of them, changed by what they do.
//!
//! The network is made anew when the cluster's objects have changed; connections and what sessionAffinity remembers
//! stay. Each visit has luck of its own, drawn from the world's seed and how many there were before.
//!
//! **Left out**: that kube-proxy clears connections of UDP endpoints that went away.

use crate::chance::Chooser;
use crate::ip::IpAddr;
use crate::net::Packet;
use crate::shell::Place;
use crate::sim::{
    Cluster, Happening, HostId, Lookup, MAX_PASS, Network, Request, Step, StepKind, Timeline,
    Visit, WalkError, World, look_up_name, visit,
};
use crate::time::{Duration, Instant};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

/// How many packets are remembered for those who capture.
const MAX_LOG: usize = 20_000;

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
            if self.happen(Happening::Pass(length)).is_err() {
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
    world: RefCell<Option<(u64, Rc<World>)>>,
    network: RefCell<Network>,
    n_visits: Cell<u64>,
    log: RefCell<Vec<Seen>>,
    n_forgotten: Cell<usize>,
    forwards: RefCell<BTreeMap<u16, Forward>>,
    /// Connections through forwards, by local port, since they were last asked for.
    n_through: RefCell<BTreeMap<u16, usize>>,
}

impl Site {
    /// The site on a stage.
    #[must_use]
    pub fn new(stage: Rc<RefCell<dyn Stage>>) -> Site {
        Site {
            stage,
            world: RefCell::default(),
            network: RefCell::default(),
            n_visits: Cell::new(0),
            log: RefCell::default(),
            n_forgotten: Cell::new(0),
            forwards: RefCell::default(),
            n_through: RefCell::default(),
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
        let revision = cluster.store().revision();
        if let Some((of, world)) = &*self.world.borrow()
            && *of == revision
        {
            return world.clone();
        }
        let world = Rc::new(World::of_cluster(cluster, None));
        let mut network = world.network.clone();
        let old = self.network.borrow();
        for host in old.hosts() {
            if let Some(new) = network.host_mut(&host.id) {
                new.conntrack = host.conntrack.clone();
                new.dynamic = host.dynamic.clone();
            }
        }
        drop(old);
        self.network.replace(network);
        self.world.replace(Some((revision, world.clone())));
        world
    }

    /// Looks at the network as it is now, with its connections.
    pub fn with_network<T>(&self, look: impl FnOnce(&Network) -> T) -> T {
        let _ = self.world();
        look(&self.network.borrow())
    }

    /// Luck for the next thing that happens.
    pub(super) fn chooser(&self) -> Chooser {
        let n_visits = self.n_visits.get() + 1;
        self.n_visits.set(n_visits);
        let seed = self.world().seed;
        Chooser::seeded(
            seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)
                .wrapping_add(n_visits),
        )
    }

    /// Makes a request at an instant; an address given goes before a look-up of the name.
    ///
    /// # Errors
    /// If it cannot begin.
    pub fn visit(
        &self,
        request: &Request,
        address: Option<IpAddr>,
        now: Instant,
    ) -> Result<Visit, WalkError> {
        let world = self.world();
        let mut chooser = self.chooser();
        let visit = visit(
            &world,
            &mut self.network.borrow_mut(),
            request,
            address,
            now,
            &mut chooser,
        )?;
        if let Some(lookup) = &visit.walk.lookup {
            for packet in &lookup.packets {
                self.note(
                    &packet.steps,
                    now + (packet.sent.at - Instant::START),
                    Payload::All(40),
                );
            }
        }
        self.note(&visit.walk.steps, now, Payload::None);
        self.note(&visit.later, now, Payload::Conversation);
        Ok(visit)
    }

    /// Looks a name up from a place.
    pub(super) fn look_up(&self, place: &Place, name: &str, now: Instant) -> Option<Lookup> {
        let world = self.world();
        let host = host_of(place);
        let mut network = self.network.borrow_mut();
        let lookup = look_up_name(&world, &mut network, (&host, name), now).ok()?;
        drop(network);
        for packet in &lookup.packets {
            let at = now + (packet.sent.at - Instant::START);
            self.note(&packet.steps, at, Payload::All(40));
        }
        Some(lookup)
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
                Payload::Conversation if n_sent == 2 => 77,
                Payload::Conversation if n_sent == 3 => 140,
                Payload::Conversation => 0,
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
            .field("n_visits", &self.n_visits.get())
            .finish_non_exhaustive()
    }
}
