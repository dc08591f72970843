//! Controllers: pure functions from what is to what is to be done.
//!
//! As in Kubernetes, a controller is told which objects a change concerns, looks at one of them after a stated
//! delay, and answers with writes. Doing it twice changes nothing more. It keeps nothing between two looks but
//! what it hands back to be remembered.
//!
//! **Left out**: work queues' rate limits and retries: a write never fails here, so nothing is tried again, and no event
//! says that it did (`FailedToUpdateEndpoint` and its like).

mod deployment;
mod endpoint_slice;
mod endpoints;
mod furnishings;
mod garbage_collector;
mod heartbeat;
mod ingress;
mod kubelet;
mod kubernetes_service;
mod load_balancer;
mod machines;
mod memory;
mod mirroring;
mod namespace;
mod node_lifecycle;
mod owner;
mod replica_set;
mod scheduler;
mod service_cidr;
mod stateful_set;
mod target;
mod topology;
mod trigger;

pub use ingress::{
    Answer, PathMatch, Routed, RoutedBy, Unavailable, class_of, controller_service, route,
};
pub use load_balancer::{
    Balancer, CloudMemory, Cost, CostLine, Delivery, HealthCheck, Listener, Price, Product,
    Provider, Scheme, SourceAddress, Target, TargetObject, balancers, hourly_cost, outside_names,
};
pub use machines::{ContainerFault, Fault, Machines};
pub use memory::{Memory, Remembered};

use crate::api::ObjectRef;
use crate::chance::Chooser;
use crate::store::{Change, Objects, Store, Write};
use crate::time::{Clock, Duration, Instant};

/// A controller.
#[derive(Clone, Copy, Debug)]
pub struct Controller {
    /// Its name, as events give it.
    pub name: &'static str,
    /// How long after a change it looks.
    pub delay: Duration,
    /// Which objects a change makes it look at. May name one twice, or one that is gone.
    pub watches: fn(&Change, &Objects) -> Vec<ObjectRef>,
    /// What is to be done about one object.
    pub reconcile: fn(&Look<'_>, &ObjectRef) -> Outcome,
}

/// What a controller sees when it looks.
#[derive(Clone, Copy, Debug)]
pub struct Look<'a> {
    /// All objects.
    pub objects: &'a Objects,
    /// The same as documents, with the fields that the typed form leaves out.
    pub store: &'a Store,
    /// What time it is.
    pub clock: Clock,
    /// Where luck comes from: see [`Look::luck`].
    pub seed: u64,
    /// How the machines fare.
    pub machines: &'a Machines,
    /// What was remembered.
    pub memory: &'a Memory,
}

/// What comes of a look.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// What is to be done, in order.
    pub writes: Vec<Write>,
    /// When to look at this object again without being told of a change.
    pub wake: Option<Wake>,
    /// What to remember of this object: nothing new, or something else than before.
    pub remember: Option<Remembered>,
}

/// When to look again, and what for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wake {
    /// When.
    pub at: Instant,
    /// What for.
    pub purpose: Purpose,
}

/// What a wake is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Something is on its way: a container starts, an address comes. The cluster is not quiet before.
    Progress,
    /// Something is looked after again and again: a probe, a sign of life, a back-off. The cluster may be quiet meanwhile.
    Routine,
}

/// Every controller. Those that look at the same instant do so in this order.
pub const CONTROLLERS: &[Controller] = &[
    namespace::CONTROLLER,
    furnishings::NAMESPACES,
    furnishings::NODES,
    kubernetes_service::CONTROLLER,
    service_cidr::RANGES,
    service_cidr::ADDRESSES,
    garbage_collector::CONTROLLER,
    node_lifecycle::CONTROLLER,
    deployment::CONTROLLER,
    replica_set::CONTROLLER,
    stateful_set::CONTROLLER,
    scheduler::CONTROLLER,
    kubelet::CONTROLLER,
    endpoint_slice::CONTROLLER,
    endpoints::CONTROLLER,
    mirroring::CONTROLLER,
    load_balancer::CONTROLLER,
    ingress::CONTROLLER,
];

impl Look<'_> {
    /// Luck for one decision about one object: the same whenever it is asked for.
    #[must_use]
    pub fn luck(&self, object: &ObjectRef, what: &str) -> Chooser {
        // FNV-1a: enough to make decisions independent of one another.
        let mut hash = 0xcbf2_9ce4_8422_2325_u64 ^ self.seed;
        for byte in object.to_string().bytes().chain(what.bytes()) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        Chooser::seeded(hash)
    }
}

impl Outcome {
    /// Nothing to be done.
    #[must_use]
    pub fn nothing() -> Self {
        Outcome::default()
    }

    /// These writes and no more.
    #[must_use]
    pub fn writes(writes: Vec<Write>) -> Self {
        Outcome {
            writes,
            ..Outcome::default()
        }
    }
}
