//! What a console stands on: a world that tools act in, that kubectl asks, and that comes to rest.
//!
//! **Left out**: several consoles that wait for the same world at once.

use crate::controllers::Fault;
use crate::kubectl::Target;
use crate::sim::{Cluster, Happening, Timeline};
use crate::time::Duration;
use crate::tools::Stage;
use std::sync::Arc;

/// A world that a console can stand on.
pub trait Ground: Stage + Target {
    /// Lets time pass until nothing is on its way any more, at most for so long.
    fn settle(&mut self, limit: Duration);

    /// Something goes wrong, or right again.
    fn suffer(&mut self, fault: Fault);
}

/// A timeline remembers everything.
impl Ground for Timeline {
    fn settle(&mut self, limit: Duration) {
        // A world that remembers no more events stands still; the next command says so.
        let _ = self.happen(Happening::Settle(limit));
    }

    fn suffer(&mut self, fault: Fault) {
        let _ = self.happen(Happening::Fault(fault));
    }
}

/// A cluster alone, without a memory of what happened.
impl Ground for Arc<Cluster> {
    fn settle(&mut self, limit: Duration) {
        Arc::make_mut(self).settle(limit);
    }

    fn suffer(&mut self, fault: Fault) {
        Arc::make_mut(self).suffer(fault);
    }
}
