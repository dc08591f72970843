//! A lab that stays: a world in network namespaces, kept by a process that changes it as its cluster changes.
//!
//! The keeper holds the cluster with its controllers, as the simulation does; the same objects become wiring, programs in pods,
//! names and rules. After a command of kubectl the cluster runs until nothing is on its way, and what is different
//! then is carried out: what is new is built before rules lead to it, and what is gone is taken away after.
//!
//! **Left out**: time. Between two commands the cluster's clock stands still, and what takes a cluster seconds takes a lab
//! none. Nodes that are off when a lab begins stay off.

mod door;
mod home;
mod names;
pub(crate) mod rules;
mod servers;
pub mod talk;
mod trace;
mod wiring;

pub use home::{About, Home, State, USUAL_NAME};

use crate::error::Error;
use crate::input::modelled;
use crate::kernel::topology::{HostKind, Topology};
use crate::kernel::{self, Lab, iptables, nft};
use crate::lab;
use crate::typing::{Teletype, type_line};
use door::Visit;
use home::Claim;
use names::{HostFiles, Names, host_files};
use packetwalk_core::api::{File, Manifest};
use packetwalk_core::netfilter::dialect::Dialect;
use packetwalk_core::shell::{Chunk, Stream};
use packetwalk_core::sim::{self, Cluster, Start, World};
use rules::{Proxies, Refused};
use servers::Programs;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use talk::{Plan, Reply, Said, Wish};
use wiring::Difference;

/// What was built, to be told to a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Built {
    /// Where what the keeper has to say later is written.
    pub log: PathBuf,
    /// How many nodes and pods, and how rules are written.
    pub about: About,
    /// What is doubtful about it.
    pub remarks: Vec<String>,
}

/// A lab that stays, in the hands of the process that keeps it.
struct Keeper {
    // The order is the order of dropping: programs stop before their namespaces go.
    programs: Programs,
    proxies: Proxies,
    names: Names,
    files: Vec<HostFiles>,
    topology: Topology,
    world: World,
    cluster: Rc<RefCell<Arc<Cluster>>>,
    refused: Vec<Refused>,
    since: u64,
    /// The source port of the last packet that was traced.
    port: u16,
    lab: Lab,
    home: Home,
}

/// Keeps a lab until it is asked to end. `ready` is told once it is built.
///
/// # Errors
/// When it cannot be built, or not be taken down. What was built is removed as far as that is possible.
pub fn keep(plan: &Plan, ready: impl FnOnce(&Built) -> Result<(), Error>) -> Result<(), Error> {
    let home = Home::of(&plan.name)?;
    let (manifest, mode) = (read(&plan.start), plan.mode.as_deref());
    let world = World::from_manifest(&manifest, mode.map(modelled).transpose()?, plan.start.seed);
    can_be_built(&world)?;
    let claim = home.begin()?;
    let visitors = match door::open(&home, &claim) {
        Ok(it) => it,
        Err(error) => return Err(told_after_clearing(error, &home, &claim)),
    };
    let mut keeper = match Keeper::new(world, home.clone()) {
        Ok(it) => it,
        Err(error) => return Err(told_after_clearing(error, &home, &claim)),
    };
    let world = keeper.world.clone();
    let built = keeper.become_like(world).and_then(|()| {
        ready(&Built {
            log: home.log(),
            about: keeper.about(),
            remarks: keeper.remarks(),
        })
    });
    if let Err(error) = built {
        drop(keeper);
        return Err(told_after_clearing(error, &home, &claim));
    }
    for visit in visitors {
        match visit {
            Visit::End => break,
            // What has this lab's name now may be another's.
            Visit::Disowned => return Ok(()),
            Visit::Wish(wish, answer) => {
                let reply = keeper.grant(&wish);
                // Whoever asked may be gone.
                let _ = answer.send(reply.unwrap_or_else(|it| Reply::failed(&it)));
            }
        }
    }
    drop(keeper);
    home.clear(&claim)
}

/// What went wrong first is what is told; what cannot be removed now is found by `lab down`.
fn told_after_clearing(error: Error, home: &Home, claim: &Claim) -> Error {
    let _ = home.clear(claim);
    error
}

fn read(start: &Start) -> Manifest {
    let files = start.files.iter().map(|it| File {
        name: it.name.as_str().into(),
        text: it.text.as_str().into(),
    });
    packetwalk_core::api::read(&files.collect::<Vec<_>>())
}

/// Whether this machine has what a lab of this world needs.
///
/// # Errors
/// When it has not.
fn can_be_built(world: &World) -> Result<(), Error> {
    if world.mode.name == "ipvs" {
        return Err(Error::NotRun(
            "a lab cannot load virtual servers yet: choose --mode nftables or --mode iptables"
                .into(),
        ));
    }
    kernel::require_root()?;
    nft::version()?;
    if world.mode.dialect == Dialect::Iptables {
        iptables::are_installed()?;
    }
    Ok(())
}

impl Keeper {
    /// A lab in which nothing is built yet.
    fn new(world: World, home: Home) -> Result<Keeper, Error> {
        let mut lab = Lab::new(home.id().clone());
        // It is cleared by its name, whatever happens in between.
        lab.keep();
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        Ok(Keeper {
            programs: Programs::new()?,
            proxies: Proxies::default(),
            names: Names::of(&world),
            files: Vec::new(),
            topology: Topology::default(),
            cluster: Rc::new(RefCell::new(world.cluster.clone())),
            world,
            refused: Vec::new(),
            since: since.map_or(0, |it| it.as_secs()),
            port: trace::FIRST_PORT,
            lab,
            home,
        })
    }

    /// Does what a command wishes for.
    fn grant(&mut self, wish: &Wish) -> Result<Reply, Error> {
        match wish {
            Wish::Kubectl {
                arguments,
                folder,
                input,
            } => self.kubectl(arguments, folder, input),
            Wish::Trace(question) => self.trace(question),
        }
    }

    /// Runs a line of kubectl, and then makes the lab what the cluster has become.
    fn kubectl(&mut self, arguments: &[String], folder: &str, input: &str) -> Result<Reply, Error> {
        let mut slip = Slip {
            said: Vec::new(),
            input: input.to_owned(),
        };
        let code = type_line(
            self.cluster.clone(),
            Path::new(folder),
            arguments,
            &mut slip,
        )?;
        let mut reply = Reply {
            said: slip.said,
            code,
        };
        let (before, set_aside) = (self.remarks(), self.set_aside());
        let mut world = self.world.clone();
        world.go_on(self.cluster.borrow().clone());
        if let Err(error) = self.become_like(world) {
            reply.said.push(Said::Err(format!(
                "packetwalk: {error}\nThe lab is not all that its cluster is: it is tried again after the next change; if nothing helps, packetwalk lab down {}\n",
                self.home.id()
            )));
            reply.code = error.exit_code();
            return Ok(reply);
        }
        let new = self.remarks().into_iter().filter(|it| !before.contains(it));
        reply
            .said
            .extend(new.map(|it| Said::Err(format!("{it}\n"))));
        let is_more_refused = self.set_aside().iter().any(|it| !set_aside.contains(it));
        if is_more_refused && reply.code == 0 {
            reply.code = 1;
        }
        Ok(reply)
    }

    /// Carries out what is different in another world. What cannot be built is taken away again.
    fn become_like(&mut self, world: World) -> Result<(), Error> {
        let topology = lab::topology(&world)?;
        let difference = Difference::between(&self.topology, &topology);
        if let Err(error) = self.carry_out(&difference, &world) {
            let fresh = difference.fresh().map(|it| it.name.clone()).collect();
            self.programs.stop_on(&fresh);
            self.proxies.forget(&fresh);
            self.topology = difference.undo(&mut self.lab, &self.topology)?;
            return Err(error);
        }
        self.topology = topology;
        self.world = world;
        self.home.tell(&self.about())
    }

    fn carry_out(&mut self, difference: &Difference, world: &World) -> Result<(), Error> {
        let (gone, renewed) = (&difference.gone, &difference.renewed);
        self.programs.stop_on(renewed);
        self.programs.stop_others(world, gone);
        self.proxies.forget(renewed);
        difference.build(&mut self.lab)?;
        for host in difference.fresh().filter(|it| it.kind == HostKind::Node) {
            lab::hurry(self.lab.host(&host.name)?)?;
        }
        lab::switch_off(world, &self.lab)?;
        self.names.learn(world);
        self.programs.start_missing(world, &self.lab, &self.names)?;
        self.refused = self.proxies.programme(world, &self.lab)?;
        self.programs.stop_on(gone);
        difference.clear(&mut self.lab)?;
        self.write_files(world)
    }

    /// Writes the files of hosts that are new or different, and removes those of hosts that are gone.
    fn write_files(&mut self, world: &World) -> Result<(), Error> {
        let files = host_files(world);
        for it in files.iter().filter(|it| !self.files.contains(it)) {
            it.write(&self.home)?;
        }
        let hosts: BTreeSet<&str> = files.iter().map(|it| it.host.as_str()).collect();
        for it in self.files.iter().filter(|it| !hosts.contains(&*it.host)) {
            it.remove(&self.home);
        }
        self.files = files;
        Ok(())
    }

    fn about(&self) -> About {
        let count = |kind| {
            let hosts = self.world.network.hosts();
            hosts.filter(|it| it.id.kind() == kind).count()
        };
        About {
            pid: std::process::id(),
            mode: self.world.mode.name.to_owned(),
            nodes: count(sim::HostKind::Node),
            pods: count(sim::HostKind::Pod),
            since: self.since,
            set_aside: self.set_aside(),
        }
    }

    /// The Services without rules, because the kernel refused them.
    fn set_aside(&self) -> Vec<String> {
        let mut all: Vec<String> = self
            .refused
            .iter()
            .map(|it| format!("{}/{}", it.service.0, it.service.1))
            .collect();
        all.sort();
        all.dedup();
        all
    }

    /// What a person should know of the lab as it is.
    fn remarks(&self) -> Vec<String> {
        let complaints = self.world.complaints.iter().map(ToString::to_string);
        let mut all: Vec<String> = complaints.collect();
        for service in self.set_aside() {
            let is_it = |it: &&Refused| format!("{}/{}", it.service.0, it.service.1) == service;
            let refused: Vec<&Refused> = self.refused.iter().filter(is_it).collect();
            let mut nodes: Vec<&str> = refused.iter().map(|it| it.node.as_str()).collect();
            nodes.dedup();
            let why = refused
                .first()
                .map(|it| it.why.as_str())
                .unwrap_or_default();
            all.push(format!(
                "service/{service} is set aside, without rules on {}, because the kernel refused them; all others are programmed: {why}",
                nodes.join(", ")
            ));
        }
        all
    }
}

/// A teletype that is read from a text, and writes what is to be sent back.
struct Slip {
    said: Vec<Said>,
    input: String,
}

impl Teletype for Slip {
    fn show(&mut self, said: &Chunk) -> Result<(), Error> {
        let text = said.text.clone();
        self.said.push(match said.stream {
            Stream::Out => Said::Out(text),
            Stream::Err => Said::Err(text),
        });
        Ok(())
    }

    fn read(&mut self) -> Result<(String, bool), Error> {
        Ok((std::mem::take(&mut self.input), true))
    }
}
