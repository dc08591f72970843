//! A cluster in time: a store, its controllers, and a clock that is told to go on.
//!
//! `advance` runs everything that is due, in the order of time, then of controllers, then of names; what it did
//! depends on nothing but what was asked of it. Between two deadlines nothing happens, so a clock can jump.
//!
//! **Left out**: API servers and controllers that are slow or down.

use super::agenda::Agenda;
use crate::api::{Kind, ObjectRef};
use crate::controllers::{CONTROLLERS, Fault, Look, Machines, Memory, Purpose, Wake};
use crate::store::Store;
use crate::time::{Clock, Duration, Instant};
use std::sync::Arc;

/// The most looks of one `advance`: far more than any cluster here needs, so reaching it means a quarrel of controllers.
pub const MAX_LOOKS: usize = 5_000_000;

/// A cluster in time.
#[derive(Clone, Debug)]
pub struct Cluster {
    store: Store,
    clock: Clock,
    seed: u64,
    machines: Machines,
    memory: Memory,
    agenda: Agenda,
    /// The last change that controllers were told of.
    told: u64,
}

/// How an `advance` went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advanced {
    /// How often a controller looked.
    pub n_looks: usize,
    /// How it ended.
    pub end: AdvanceEnd,
}

/// How an `advance` ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdvanceEnd {
    /// All that was due was done.
    Done,
    /// Controllers looked [`MAX_LOOKS`] times and were not done.
    Limit,
}

impl Cluster {
    /// A cluster with nothing in it.
    #[must_use]
    pub fn new(seed: u64, clock: Clock) -> Cluster {
        Cluster {
            store: Store::new(seed),
            clock,
            seed,
            machines: Machines::default(),
            memory: Memory::default(),
            agenda: Agenda::default(),
            told: 0,
        }
    }

    /// Its objects.
    #[must_use]
    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// Its objects, to be changed by a request; controllers hear of it at the next `advance`.
    pub const fn store_mut(&mut self) -> &mut Store {
        &mut self.store
    }

    /// Where its luck comes from.
    #[must_use]
    pub const fn seed(&self) -> u64 {
        self.seed
    }

    /// What time it is.
    #[must_use]
    pub const fn clock(&self) -> Clock {
        self.clock
    }

    /// How its machines fare.
    #[must_use]
    pub const fn machines(&self) -> &Machines {
        &self.machines
    }

    /// All there is in it, as text: two clusters are the same if and only if this is the same, to the byte.
    ///
    /// # Panics
    /// Never: documents have text keys.
    #[must_use]
    pub fn canonical(&self) -> String {
        let mut text = format!("{:?}\n{}\n", self.clock, self.store.revision());
        for kind in Kind::ALL {
            for (object, document) in self.store.documents(*kind) {
                let document = serde_json::to_string(&**document).expect("text keys");
                text.push_str(&format!("{object} {document}\n"));
            }
        }
        let held = self.store.allocators();
        text.push_str(&format!(
            "{held:?}\n{:?}\n{:?}\n",
            self.machines, self.memory
        ));
        for (at, controller, object) in self.agenda.all() {
            let name = CONTROLLERS[*controller].name;
            text.push_str(&format!("{} {name} {object}\n", at.as_millis()));
        }
        text
    }

    /// When something will happen by itself.
    pub fn next_deadline(&mut self) -> Option<Instant> {
        self.tell_controllers();
        self.agenda.next()
    }

    /// Whether nothing is on its way: what happens from here on is routine.
    pub fn is_quiet(&mut self) -> bool {
        self.tell_controllers();
        self.agenda.is_quiet()
    }

    /// Something goes wrong, or right again.
    pub fn suffer(&mut self, fault: Fault) {
        let about = self.machines.suffer(fault, self.clock.now);
        let mut concerned = vec![about.clone()];
        if about.kind == Kind::Node {
            let pods = self.store.objects().pods_on(&about.name).iter();
            concerned.extend(pods.map(|it| ObjectRef::new(Kind::Pod, &it.0, &it.1)));
        }
        let wake = self.at_once();
        for object in concerned.into_iter().map(Arc::new) {
            for controller in 0..CONTROLLERS.len() {
                self.agenda.put(controller, &object, wake);
            }
        }
    }

    /// Every controller looks at everything again, as after a restart of the control plane. Where a cluster has come to
    /// rest, that changes nothing.
    pub fn look_again(&mut self) {
        let kinds = Kind::ALL.iter();
        let objects: Vec<Arc<ObjectRef>> = kinds
            .flat_map(|kind| self.store.documents(*kind))
            .map(|it| Arc::new(it.0.clone()))
            .collect();
        let wake = self.at_once();
        for object in objects {
            for controller in 0..CONTROLLERS.len() {
                self.agenda.put(controller, &object, wake);
            }
        }
    }

    const fn at_once(&self) -> Wake {
        Wake {
            at: self.clock.now,
            purpose: Purpose::Progress,
        }
    }

    /// Lets time pass until `to`.
    pub fn advance(&mut self, to: Instant) -> Advanced {
        let advanced = self.run(to, |_| true);
        self.clock.now = self.clock.now.max(to);
        advanced
    }

    /// Lets time pass until nothing is on its way any more, at most for `limit`.
    pub fn settle(&mut self, limit: Duration) -> Advanced {
        let until = self.clock.now + limit;
        self.run(until, |it| !it.agenda.is_quiet())
    }

    fn run(&mut self, until: Instant, goes_on: impl Fn(&Self) -> bool) -> Advanced {
        let mut n_looks = 0;
        loop {
            self.tell_controllers();
            let is_due = self.agenda.next().is_some_and(|it| it <= until);
            if !is_due || !goes_on(self) {
                return Advanced {
                    n_looks,
                    end: AdvanceEnd::Done,
                };
            }
            if n_looks == MAX_LOOKS {
                return Advanced {
                    n_looks,
                    end: AdvanceEnd::Limit,
                };
            }
            n_looks += 1;
            self.look();
        }
    }

    /// The controller that is due first looks at its object.
    fn look(&mut self) {
        let Some((at, (controller, object))) = self.agenda.take_first() else {
            return;
        };
        self.clock.now = self.clock.now.max(at);
        let look = Look {
            objects: self.store.objects(),
            store: &self.store,
            clock: self.clock,
            seed: self.seed,
            machines: &self.machines,
            memory: &self.memory,
        };
        let outcome = (CONTROLLERS[controller].reconcile)(&look, &object);
        for write in outcome.writes {
            self.store.write(write, &self.clock);
        }
        if let Some(wake) = outcome.wake {
            self.agenda.put(controller, &object, wake);
        }
        if let Some(it) = outcome.remember {
            let object = ObjectRef::clone(&object);
            self.memory.keep(CONTROLLERS[controller].name, object, it);
        }
    }

    /// Tells controllers of every change since they were told last.
    fn tell_controllers(&mut self) {
        if self.told == self.store.revision() {
            return;
        }
        let now = self.clock.now;
        let changes = self.store.changes_after(self.told).into_iter().flatten();
        // Nobody has to do anything because a node is still there.
        for change in changes.filter(|it| !it.is_sign_of_life) {
            for (controller, it) in CONTROLLERS.iter().enumerate() {
                let wake = Wake {
                    at: now + it.delay,
                    purpose: Purpose::Progress,
                };
                for object in (it.watches)(change, self.store.objects()) {
                    self.agenda.put(controller, &Arc::new(object), wake);
                }
            }
        }
        self.told = self.store.revision();
        self.store.forget_told(self.told);
    }
}
