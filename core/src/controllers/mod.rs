//! Controllers: pure functions from what is to what is to be.
//!
//! **Left out**: Deployments and everything that takes time; what a manifest leaves open is filled
//! in at once, in a fixed order.

mod cluster_ip;
mod endpoint_slice;
mod kubelet;
mod scheduler;

use crate::chance::Chooser;
use crate::store::Objects;

/// A controller: fills in its part.
#[derive(Clone, Copy, Debug)]
pub struct Controller {
    /// Its name.
    pub name: &'static str,
    /// What it does. Doing it twice changes nothing more.
    pub reconcile: fn(&mut Objects, &mut Chooser),
}

/// Every controller, in an order in which each finds what it needs.
pub const CONTROLLERS: [Controller; 4] = [
    Controller {
        name: "scheduler",
        reconcile: scheduler::reconcile,
    },
    Controller {
        name: "kubelet",
        reconcile: kubelet::reconcile,
    },
    Controller {
        name: "cluster-ip",
        reconcile: cluster_ip::reconcile,
    },
    Controller {
        name: "endpoint-slice",
        reconcile: endpoint_slice::reconcile,
    },
];

/// Runs every controller.
pub fn settle(objects: &mut Objects, chooser: &mut Chooser) {
    for controller in &CONTROLLERS {
        (controller.reconcile)(objects, chooser);
    }
}
