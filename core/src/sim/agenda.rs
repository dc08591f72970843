//! What controllers are to look at, and when.
//!
//! **Left out**: nothing; a queue of Kubernetes is the same without the times.

use crate::api::ObjectRef;
use crate::controllers::{Purpose, Wake};
use crate::indexed::Indexed;
use crate::time::Instant;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Which controller, by its place in the list of all of them, and which object.
pub(super) type Look = (usize, Arc<ObjectRef>);

/// Who looks at what, and when.
#[derive(Clone, Debug, Default)]
pub(super) struct Agenda {
    /// What is due when.
    due: BTreeSet<(Instant, usize, Arc<ObjectRef>)>,
    /// The same by controller and object, and what for.
    waiting: Indexed<Look, Wake>,
    /// How many of those that wait are on their way to something.
    n_progress: usize,
}

impl Agenda {
    /// What is due first, and when.
    pub(super) fn next(&self) -> Option<Instant> {
        self.due.first().map(|it| it.0)
    }

    /// Everything that is due, in order.
    pub(super) fn all(&self) -> impl Iterator<Item = &(Instant, usize, Arc<ObjectRef>)> {
        self.due.iter()
    }

    /// Whether nothing is on its way to something.
    pub(super) const fn is_quiet(&self) -> bool {
        self.n_progress == 0
    }

    /// Takes what is due first.
    pub(super) fn take_first(&mut self) -> Option<(Instant, Look)> {
        let (at, controller, object) = self.due.pop_first()?;
        let look = (controller, object);
        if let Some(wake) = self.waiting.remove(&look) {
            self.n_progress -= usize::from(wake.purpose == Purpose::Progress);
        }
        Some((at, look))
    }

    /// Has a controller look at an object at some time; of two such times the earlier one counts.
    pub(super) fn put(&mut self, controller: usize, object: &Arc<ObjectRef>, wake: Wake) {
        let key = (controller, object.clone());
        if let Some(old) = self.waiting.get_mut(&key) {
            let was_progress = old.purpose == Purpose::Progress;
            if wake.purpose == Purpose::Progress && !was_progress {
                old.purpose = Purpose::Progress;
                self.n_progress += 1;
            }
            if wake.at < old.at {
                self.due.remove(&(old.at, controller, object.clone()));
                old.at = wake.at;
                self.due.insert((wake.at, controller, object.clone()));
            }
            return;
        }
        self.n_progress += usize::from(wake.purpose == Purpose::Progress);
        self.due.insert((wake.at, controller, object.clone()));
        self.waiting.insert(key, wake);
    }
}
