//! Where a person types: the shell of the workstation, with kubectl among its programs and a world behind both.
//!
//! A [`Console`] puts one world behind everything: what kubectl asks for, what tools send and the time a shell spends happen
//! to it, and a timeline remembers them. kubectl finds and prints; what it wants done in a container is
//! done here, in the shell of that container, and the ports it forwards are ports of the workstation. ssh leads onto nodes,
//! ipmitool to their power switches.
//!
//! **Left out**: a terminal of its own for `-t`; what a program reads that was typed before it began.

mod ground;
mod ipmitool;
mod program;
mod runs;
mod ssh;

pub use ground::Ground;
pub use program::{Editor, NoEditor};
pub use runs::{Commands, commands};

use crate::kubectl::Config;
use crate::shell::{Place, Shell, System};
use crate::sim::Cluster;
use crate::time::{Duration, Instant};
use crate::tools::{Files, Site, Workplace};
use ipmitool::IpmiTool;
use program::Kubectl;
use ssh::Ssh;
use std::cell::RefCell;
use std::rc::Rc;

/// The names kubectl goes by.
const NAMES: [&str; 2] = ["kubectl", "k"];

/// Where a person types.
pub struct Console {
    ground: Rc<RefCell<dyn Ground>>,
    config: Rc<RefCell<Config>>,
    workplace: Rc<Workplace>,
}

impl Console {
    /// A console on a world, with the files of the workstation and a person's editor. The world must not be borrowed while a
    /// shell goes on.
    #[must_use]
    pub fn new<G: Ground + 'static>(
        ground: Rc<RefCell<G>>,
        files: Rc<dyn Files>,
        editor: Rc<dyn Editor>,
    ) -> Console {
        let site = Rc::new(Site::new(ground.clone()));
        let config = Rc::new(RefCell::new(Config::default()));
        let workplace = Rc::new(Workplace::new(site.clone(), files.clone()));
        workplace.install("ssh", Rc::new(Ssh { site: site.clone() }));
        let ipmitool = IpmiTool {
            ground: ground.clone(),
        };
        workplace.install("ipmitool", Rc::new(ipmitool));
        let program = Rc::new(Kubectl {
            ground: ground.clone(),
            config: config.clone(),
            site,
            files,
            editor,
        });
        for name in NAMES {
            workplace.install(name, program.clone());
        }
        Console {
            ground,
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
        self.workplace.site().cluster().clock().now
    }

    /// Lets time pass until nothing is on its way any more, at most for a time; a shell's background jobs go on meanwhile.
    pub fn settle(&self, shell: &mut Shell, limit: Duration) {
        if !shell.has_background_jobs() {
            self.ground.borrow_mut().settle(limit);
            return;
        }
        let until = self.now() + limit;
        loop {
            let mut cluster = Cluster::clone(&self.workplace.site().cluster());
            let next = cluster.next_deadline().filter(|it| *it <= until);
            let Some(next) = next.filter(|_| !cluster.is_quiet()) else {
                return;
            };
            // What is due now comes when time passes.
            let next = next.max(self.now() + Duration::from_millis(1));
            shell.advance(next);
            self.workplace.site().pass(next);
            if self.now() < next {
                return;
            }
        }
    }
}

impl std::fmt::Debug for Console {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Console")
            .field("workplace", &self.workplace)
            .finish_non_exhaustive()
    }
}
