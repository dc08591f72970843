//! How machines and the programs on them fare: what no API object decides.
//!
//! A kubelet finds out by looking; the API only learns of it from the kubelet, or from its silence.
//!
//! **Left out**: slow machines, full disks, lost packets.

use crate::api::ObjectRef;
use crate::store::Key;
use crate::time::Instant;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How machines and programs fare; those not named are well.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Machines {
    /// Nodes that are off, and since when.
    pub nodes_down: BTreeMap<String, Instant>,
    /// Containers that do not do what they should, by pod and name.
    pub containers: BTreeMap<(Key, String), ContainerFault>,
}

/// What is wrong with a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ContainerFault {
    /// It ends with this exit code, once for every time it is counted up.
    Crashes {
        /// The exit code.
        exit_code: i32,
        /// Since when.
        since: Instant,
    },
    /// It runs and accepts connections, and answers every request with an error.
    Fails,
    /// It runs and answers nothing: requests time out.
    Hangs,
}

/// Something that goes wrong, or right again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fault {
    /// A node loses power.
    NodeDown(String),
    /// A node comes back.
    NodeUp(String),
    /// A container starts to fail in some way.
    Container {
        /// Its pod.
        pod: Key,
        /// Its name.
        container: String,
        /// How.
        fault: ContainerFault,
    },
    /// A container is well again.
    Well {
        /// Its pod.
        pod: Key,
        /// Its name.
        container: String,
    },
}

impl Machines {
    /// Takes in what has gone wrong or right, and says which object it is about.
    pub fn suffer(&mut self, fault: Fault, now: Instant) -> ObjectRef {
        use crate::api::Kind;
        match fault {
            Fault::NodeDown(node) => {
                let about = ObjectRef::new(Kind::Node, "", &node);
                self.nodes_down.entry(node).or_insert(now);
                about
            }
            Fault::NodeUp(node) => {
                self.nodes_down.remove(&node);
                ObjectRef::new(Kind::Node, "", &node)
            }
            Fault::Container {
                pod,
                container,
                fault,
            } => {
                let about = ObjectRef::new(Kind::Pod, &pod.0, &pod.1);
                self.containers.insert((pod, container), fault);
                about
            }
            Fault::Well { pod, container } => {
                let about = ObjectRef::new(Kind::Pod, &pod.0, &pod.1);
                self.containers.remove(&(pod, container));
                about
            }
        }
    }
}
