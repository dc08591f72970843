//! Where a person types: the shell of the workstation, with kubectl among its programs and a world behind both.
//!
//! A [`Console`] puts one [`Timeline`] behind everything: what kubectl asks for, what tools send and the time a shell spends
//! happen to the same world, and the timeline remembers them. kubectl finds and prints; what it wants done in a container is
//! done here, in the shell of that container, and the ports it forwards are ports of the workstation.
//!
//! **Left out**: a terminal of its own for `-t`; what a program reads that was typed before it began.

mod program;
mod runs;

pub use program::{Editor, NoEditor};
pub use runs::{Commands, commands};

use crate::kubectl::Config;
use crate::shell::{Place, Shell, State, System};
use crate::sim::{Cluster, Happening, Timeline};
use crate::time::{Duration, Instant};
use crate::tools::{Files, Site, Workplace};
use program::Kubectl;
use std::cell::RefCell;
use std::rc::Rc;

/// The names kubectl goes by.
const NAMES: [&str; 2] = ["kubectl", "k"];

/// Where a person types.
#[derive(Debug)]
pub struct Console {
    timeline: Rc<RefCell<Timeline>>,
    config: Rc<RefCell<Config>>,
    workplace: Rc<Workplace>,
}

impl Console {
    /// A console before a world, with the files of the workstation and a person's editor.
    #[must_use]
    pub fn new(
        timeline: Rc<RefCell<Timeline>>,
        files: Rc<dyn Files>,
        editor: Rc<dyn Editor>,
    ) -> Console {
        let site = Rc::new(Site::new(timeline.clone()));
        let config = Rc::new(RefCell::new(Config::default()));
        let workplace = Rc::new(Workplace::new(site.clone(), files.clone()));
        let program = Rc::new(Kubectl {
            timeline: timeline.clone(),
            config: config.clone(),
            site,
            files,
            editor,
        });
        for name in NAMES {
            workplace.install(name, program.clone());
        }
        Console {
            timeline,
            config,
            workplace,
        }
    }

    /// A shell in a place.
    #[must_use]
    pub fn shell(&self, place: &Place) -> Shell {
        let system: Rc<dyn System> = self.workplace.clone();
        Shell::new(system, place)
    }

    /// The world. It must not be borrowed while a shell goes on.
    #[must_use]
    pub const fn timeline(&self) -> &Rc<RefCell<Timeline>> {
        &self.timeline
    }

    /// The kubeconfig of the workstation.
    #[must_use]
    pub const fn config(&self) -> &Rc<RefCell<Config>> {
        &self.config
    }

    /// What shells run in.
    #[must_use]
    pub const fn workplace(&self) -> &Rc<Workplace> {
        &self.workplace
    }

    /// What time it is.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.timeline.borrow().cluster().clock().now
    }

    /// Lets time pass until nothing is on its way any more, at most for a time; a shell's background jobs go on meanwhile.
    pub fn settle(&self, shell: &mut Shell, limit: Duration) {
        if !shell.has_background_jobs() {
            // A world that remembers no more events stands still; the next command says so.
            let _ = self.timeline.borrow_mut().happen(Happening::Settle(limit));
            return;
        }
        let until = self.now() + limit;
        loop {
            let mut cluster = Cluster::clone(self.timeline.borrow().cluster());
            let next = cluster.next_deadline().filter(|it| *it <= until);
            let Some(next) = next.filter(|_| !cluster.is_quiet()) else {
                return;
            };
            let before = self.timeline.borrow().position();
            if !matches!(shell.advance(next), State::Idle(_)) {
                return;
            }
            let now = self.now();
            if now < next || self.timeline.borrow().position() == before {
                // As above; what is due now comes when no time passes, too.
                let length = next - now.min(next);
                let passed = self.timeline.borrow_mut().happen(Happening::Pass(length));
                if passed.is_err() {
                    return;
                }
            }
        }
    }
}
