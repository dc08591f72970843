//! What controllers remember between two looks, because no API object holds it.
//!
//! **Left out**: nothing; it is part of a world as its objects are.

use super::kubelet::PodMemory;
use super::load_balancer::CloudMemory;
use crate::api::{Ingress, ObjectRef};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What controllers remember, by controller and object.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Memory {
    remembered: BTreeMap<(&'static str, ObjectRef), Remembered>,
}

/// What one controller remembers of one object.
#[derive(Clone, Debug, PartialEq)]
pub enum Remembered {
    /// What a kubelet knows of a pod.
    Pod(Box<PodMemory>),
    /// What a cloud's controller knows of a Service's load balancer.
    Cloud(Box<CloudMemory>),
    /// An Ingress as its controller last read it.
    Ingress(Arc<Ingress>),
    /// That pods were seen behind a Service.
    Endpoints {
        /// When the last of them had turned ready, or unready; empty if none ever did.
        seen_until: String,
    },
    /// Nothing any more.
    Nothing,
}

impl Memory {
    /// What a controller remembers of an object.
    #[must_use]
    pub fn of(&self, controller: &'static str, object: &ObjectRef) -> Option<&Remembered> {
        self.remembered.get(&(controller, object.clone()))
    }

    /// Remembers something else than before.
    pub fn keep(&mut self, controller: &'static str, object: ObjectRef, it: Remembered) {
        if it == Remembered::Nothing {
            self.remembered.remove(&(controller, object));
        } else {
            self.remembered.insert((controller, object), it);
        }
    }
}
